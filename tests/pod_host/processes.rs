//! Processes: whatever is killed, nothing of a Pod is left when its lock is free.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;
use yoi::domain::AgentSpec;
use yoi::fs::{LockState, OfdLock, Wait, probe};
use yoi::pod::cgroup::kill_leftover_cgroup;
use yoi::pod::client::ClientError;
use yoi::pod::protocol::Method;
use yoi::pod::spawn::SpawnError;

use crate::fixture::{Conversation, PATIENCE, Pod, Specification, is_gone, until};
use crate::tests;

/// An agent with a child in its process group, and one that left it for a session of its own.
const FAMILY: &str = "sleep 1000 & echo $! >child; setsid sh -c 'echo $$ >stray; exec sleep 1000' & \
    echo $$ >agent; until test -s stray; do :; done; echo begun; wait";

fn family(pod: &Pod) -> [i32; 3] {
    ["agent", "child", "stray"].map(|name| pod.pid_in(name))
}

/// Pods of that family, with a cgroup and without.
fn families() -> impl Iterator<Item = Pod> {
    [true, false].into_iter().map(|cgroup| Pod::start_as(FAMILY, |spec| spec.cgroup = cgroup))
}

fn launch(pod: &Pod) -> Conversation {
    let (mut client, _) = pod.connect();
    pod.launch(&mut client);
    client.read_to("text_delta");
    client
}

/// Waits for the Pod's lock, and finds none of its processes then.
fn none_is_left(pod: &Pod, processes: &[i32]) {
    pod.is_gone();
    let left: Vec<&i32> = processes.iter().filter(|pid| !is_gone(**pid)).collect();
    assert!(left.is_empty(), "still there when the lock was free: {left:?}");
}

/// The agent of the outer Pod: it launches a Pod of its own, leaves it alone, and waits for its end.
pub fn launch_second(directory: &str) {
    let mut pod = Pod::spawn(Specification::script(Path::new(directory), "echo begun; exec sleep 1000"));
    pod.ready().unwrap();
    drop(launch(&pod));
    fs::write(pod.file("launched"), format!("{}\n", pod.warden())).unwrap();
    pod.ended();
}

fn both_killed(pod: &Pod) {
    // Stopped first, so that neither notices the other's end.
    let (warden, host) = (pod.warden(), pod.host());
    pod.signal(host, Signal::SIGSTOP);
    pod.signal(warden, Signal::SIGKILL);
    pod.signal(host, Signal::SIGKILL);
}

fn context_switches(pid: i32) -> u64 {
    let count = |status: String| {
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum::<u64>()
    };
    let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    threads.map(|thread| count(fs::read_to_string(thread.unwrap().path().join("status")).unwrap())).sum()
}

fn resident_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

tests! {
    fn a_shutdown_ends_strays_in_other_sessions() {
        for mut pod in families() {
            let mut client = launch(&pod);
            let family = family(&pod);
            client.ask(&Method::Shutdown { now: true }).unwrap();
            none_is_left(&pod, &family);
            assert!(pod.ended().success());
        }
    }

    fn a_stray_of_an_earlier_turn_is_ended_too() {
        let mut pod = Pod::start("setsid sh -c 'echo $$ >stray; exec sleep 1000' >/dev/null 2>&1 & echo begun");
        let mut client = launch(&pod);
        client.read_to("run_end");
        let stray = pod.pid_in("stray");
        assert!(!is_gone(stray), "a turn leaves the background alone");
        client.ask(&Method::Shutdown { now: false }).unwrap();
        none_is_left(&pod, &[stray]);
        assert!(pod.ended().success());
    }

    fn a_host_that_is_killed_leaves_nothing() {
        for mut pod in families() {
            let mut client = launch(&pod);
            let family = family(&pod);
            pod.signal(pod.host(), Signal::SIGKILL);
            none_is_left(&pod, &family);
            assert!(client.is_closed());
            assert_eq!(pod.ended().code(), Some(128));
            assert!(pod.file("claim").exists() && pod.file("pod").exists(), "a confirmed Pod can be restored");
        }
    }

    fn a_host_that_is_killed_on_probation_leaves_neither_offer_nor_directory() {
        let mut pod = Pod::start("cat");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.signal(pod.host(), Signal::SIGKILL);
        pod.ended();
        none_is_left(&pod, &[]);
        assert!(!pod.file("offer").exists() && !pod.file("pod").exists());
    }

    fn a_host_that_is_killed_on_probation_with_a_standing_claim_can_be_restored() {
        let mut pod = Pod::start("cat");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.commit();
        pod.signal(pod.host(), Signal::SIGKILL);
        pod.ended();
        none_is_left(&pod, &[]);
        assert!(pod.file("claim").exists() && pod.file("pod").exists());
    }

    fn a_pod_whose_warden_is_killed_stops() {
        for mut pod in families() {
            let mut client = launch(&pod);
            let family = family(&pod);
            let host = pod.host().as_raw();
            pod.signal(pod.warden(), Signal::SIGKILL);
            client.read_to("shutdown");
            none_is_left(&pod, &family);
            pod.ended();
            until("the host is gone", || is_gone(host));
            assert_eq!(pod.history().last().unwrap().data, json!({"reason": "warden"}));
        }
    }

    fn a_pod_whose_warden_is_killed_on_probation_removes_its_directory_itself() {
        let mut pod = Pod::start("cat");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.signal(pod.warden(), Signal::SIGKILL);
        pod.ended();
        none_is_left(&pod, &[]);
        assert!(!pod.file("offer").exists() && !pod.file("pod").exists());
    }

    fn a_host_that_hangs_is_ended_by_its_warden_after_a_signal() {
        let mut pod = Pod::start_as(FAMILY, |spec| spec.grace = Duration::from_millis(100));
        let _client = launch(&pod);
        let family = family(&pod);
        pod.signal(pod.host(), Signal::SIGSTOP);
        pod.spawned.terminate();
        assert_eq!(pod.ended().code(), Some(128));
        none_is_left(&pod, &family);
    }

    fn what_is_left_when_both_are_killed_is_in_the_cgroup() {
        let pod = Pod::start(FAMILY);
        let _client = launch(&pod);
        let cgroup = fs::read_to_string(pod.file("cgroup")).unwrap();
        let family = family(&pod);
        both_killed(&pod);
        let _lock = OfdLock::acquire(&pod.file("pod.lock"), Wait::For(PATIENCE)).unwrap();
        until("the agent dies with its host", || is_gone(family[0]));
        if cgroup.is_empty() {
            println!("(no cgroup can be had here)");
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(family[1]), Signal::SIGKILL).unwrap();
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(family[2]), Signal::SIGKILL).unwrap();
            return;
        }
        assert!(!is_gone(family[2]), "the stray outlives both, else this shows nothing");
        assert!(kill_leftover_cgroup(&cgroup));
        assert!(family.iter().all(|pid| is_gone(*pid)));
        assert!(kill_leftover_cgroup(&cgroup), "again is as good");
    }

    fn a_pod_below_a_pod_outlives_it() {
        for kill_host in [true, false] {
            let inner = tempfile::tempdir().unwrap();
            let outer = tempfile::tempdir().unwrap();
            let program = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
            let second = inner.path().to_str().unwrap().to_owned();
            let agent = AgentSpec::Exec { command: vec![program, "launch-second".into(), second], env: [].into() };
            let mut pod = Pod::spawn(Specification::agent(outer.path(), agent));
            pod.ready().unwrap();
            let (mut client, _) = pod.connect();
            pod.launch(&mut client);
            let below = Specification::script(inner.path(), "");
            until("the second Pod", || below.file("launched").exists());
            if kill_host {
                pod.signal(pod.host(), Signal::SIGKILL);
            } else {
                client.ask(&Method::Shutdown { now: true }).unwrap();
            }
            pod.ended();
            none_is_left(&pod, &[]);
            assert_eq!(probe(&below.file("pod.lock")).unwrap(), LockState::Held);
            let (client, _) = yoi::pod::client::Client::connect(&below.socket, crate::fixture::soon()).unwrap();
            let mut client = Conversation { client };
            client.ask(&Method::Shutdown { now: true }).unwrap();
            let _lock = OfdLock::acquire(&below.file("pod.lock"), Wait::For(PATIENCE)).unwrap();
        }
    }

    fn orphans_of_the_agent_do_not_stay_as_zombies() {
        let pod = Pod::start("(sh -c 'echo $$ >orphan; until test -e go; do sleep 0.01; done' >/dev/null 2>&1 &); echo begun");
        let mut client = launch(&pod);
        client.read_to("run_end");
        let orphan = pod.pid_in("orphan");
        fs::write(pod.file("go"), "").unwrap();
        until("the orphan is waited for", || !Path::new(&format!("/proc/{orphan}")).exists());
    }

    fn an_idle_host_is_small_and_makes_no_wake_ups() {
        let pod = Pod::start("echo begun");
        let mut client = launch(&pod);
        client.read_to("run_end");
        // One round trip more, so that all threads are back in their calls but for the one that writes.
        client.ask(&Method::Status {}).unwrap();
        let (warden, host) = (pod.warden().as_raw(), pod.host().as_raw());
        let settled = || {
            let before = context_switches(host) + context_switches(warden);
            let quiet = client.client.next(Instant::now() + Duration::from_millis(400));
            assert!(matches!(quiet, Err(ClientError::Timeout)));
            context_switches(host) + context_switches(warden) == before
        };
        until("no thread wakes up", settled);
        assert!(resident_kib(host) < 12 << 10, "{} KiB", resident_kib(host));
    }

    fn a_host_that_dies_before_it_is_ready_is_told_at_once() {
        let pod = Pod::start("cat");
        // The Pod's lock is taken.
        let mut second = Pod::spawn(Specification { launcher: false, ..pod.spec.clone() });
        assert!(matches!(second.ready(), Err(SpawnError::Died)));
        let (mut client, _) = pod.connect();
        assert_eq!(client.ask(&Method::Status {}).unwrap().event, "status");
    }
}
