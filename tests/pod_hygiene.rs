//! What is left of a Pod of the real programs, whichever of its processes ends and however.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::puppet::{Puppet, Wire, outline, say};
use common::scene::{COMPLETE, names, pod, ticket};
use common::{Process, TestEnv, run};
use rustix::process::Signal;
use serde_json::json;
use yoi::fs::{LockState, probe};

const POD: &str = "intake-20260118-093012-001";

/// A Pod of a puppet in its first turn, with its two processes.
struct Family {
    // First, so that it is dropped first.
    wire: Wire,
    puppet: Puppet,
    env: TestEnv,
    warden: Process,
    host: Process,
}

impl Family {
    fn new() -> Self {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet("intake");
        run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
        puppet.begun();
        let (wire, _) = env.wire(POD);
        let of_pod = |process: &Process| process.to_string().contains(" pod-host ");
        let (hosts, _): (Vec<Process>, Vec<Process>) = env.processes().into_iter().partition(of_pod);
        let [one, other] = <[Process; 2]>::try_from(hosts).unwrap_or_else(|hosts| panic!("{} processes", hosts.len()));
        let (warden, host) = if parent(&other) == one.pid() { (one, other) } else { (other, one) };
        assert_eq!(parent(&host), warden.pid());
        Self { wire, puppet, env, warden, host }
    }

    fn lock(&self) -> PathBuf {
        self.env.registry().pod_lock_path(&pod(POD))
    }

    /// A process of the agent in a session of its own, which ignores what can be ignored; gives it and its own child.
    fn stray(&mut self) -> Vec<Process> {
        let line = "setsid sh -c 'trap \"\" TERM HUP INT; sleep 1000 & echo $! >>../strays; echo $$ >>../strays; wait' \
                    </dev/null >/dev/null 2>&1 7>&- 8>&- 9>&- & while [ \"$(wc -l <../strays 2>/dev/null)\" != 2 ]; do :; done";
        assert_eq!(self.puppet.sh(line).0, 0);
        let pids = fs::read_to_string(self.env.root().join("strays")).unwrap();
        pids.lines().map(|pid| Process::open(pid.parse().unwrap()).unwrap()).collect()
    }

    /// Waits until the Pod's lock is free; at that moment nothing of the Pod may be left.
    #[track_caller]
    fn assert_free_only_when_all_are_gone(&self, strays: &[Process]) {
        let lock = yoi::fs::OfdLock::acquire(&self.lock(), yoi::fs::Wait::For(common::DEADLINE)).unwrap();
        let now = std::time::Instant::now();
        for process in strays {
            assert!(process.wait(now), "{process} outlives the lock of its Pod");
        }
        assert_eq!(names(&self.env.runtime()), Vec::<String>::new(), "the socket is removed while the lock is held");
        drop(lock);
        self.env.wait_for_processes();
        assert_eq!(self.env.listed("claim-list"), format!("{COMPLETE}\t{POD}\tintake\t1\trestorable\n"));
    }

    /// The Pod can be brought back, and works.
    fn assert_it_comes_back(mut self) {
        run(&mut self.env.yoi(["-q", "restore", POD]), 0);
        self.wire = self.env.wire(POD).0;
        self.wire.send(1, "run", say("go on"));
        self.puppet.begun();
        self.puppet.make_ready(COMPLETE);
        self.puppet.answer("done", 0);
        assert_eq!(outline(&self.wire.rest()).last().unwrap(), "shutdown: idle");
        self.env.wait_for_processes();
    }
}

fn stat(process: &Process) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{}/stat", process.pid())).ok()?;
    let (_, fields) = text.rsplit_once(')').unwrap();
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn parent(process: &Process) -> i32 {
    stat(process).unwrap()[1].parse().unwrap()
}

#[test]
fn a_signal_is_an_ordinary_shutdown_whichever_process_gets_it() {
    for (to_warden, signal) in [(true, Signal::TERM), (false, Signal::TERM), (true, Signal::INT), (false, Signal::INT)]
    {
        let mut family = Family::new();
        let strays = family.stray();
        if to_warden {
            family.warden.signal(signal)
        } else {
            family.host.signal(signal)
        }
        let rest = outline(&family.wire.rest());
        assert_eq!(rest.last().unwrap(), "shutdown: signal", "{rest:?}");
        assert!(rest.contains(&"turn_end: cancelled".to_owned()), "{rest:?}");
        family.assert_free_only_when_all_are_gone(&strays);
        let written = outline(&family.env.history(POD));
        assert_eq!(written.last().unwrap(), "shutdown: signal");
    }
}

#[test]
fn a_host_that_is_killed_takes_its_descendants_along_before_the_lock_is_free() {
    let mut family = Family::new();
    let strays = family.stray();
    family.host.kill();
    family.assert_free_only_when_all_are_gone(&strays);
    family.assert_it_comes_back();
}

#[test]
fn a_pod_whose_warden_is_killed_stops() {
    let mut family = Family::new();
    let strays = family.stray();
    family.warden.kill();
    let rest = outline(&family.wire.rest());
    assert_eq!(rest.last().unwrap(), "shutdown: warden", "{rest:?}");
    family.assert_free_only_when_all_are_gone(&strays);
    family.assert_it_comes_back();
}

#[test]
fn a_pod_that_is_killed_altogether_leaves_no_socket_that_blocks_its_return() {
    let family = Family::new();
    family.env.kill_all();
    assert_eq!(names(&family.env.runtime()).len(), 1);
    assert_eq!(probe(&family.lock()).unwrap(), LockState::Free);
    family.assert_it_comes_back();
}

/// The lock is held for as long as anything of the Pod lives, so the claim is live for that long, too.
#[test]
fn a_host_that_is_stopped_is_still_live() {
    let family = Family::new();
    family.host.signal(Signal::STOP);
    let listed = run(&mut family.env.yoi_claim(["claim-list"]), 0).stdout;
    assert_eq!(listed, format!("{COMPLETE}\t{POD}\tintake\t1\tlive\n"));
    // It does not answer, which is told within moments.
    let shown = run(&mut family.env.yoi_claim(["pod-status", POD]), 0).stdout;
    assert_eq!(shown, format!("{POD}\tintake\tlive\n"));
    run(&mut family.env.yoi(["-q", "intake", COMPLETE]), 1);
    run(&mut family.env.yoi(["-q", "restore", POD]), 1);
    family.host.signal(Signal::CONT);
    family.env.stop(POD);
}

#[test]
fn orphans_of_the_agent_leave_no_zombies() {
    let mut family = Family::new();
    assert_eq!(family.puppet.sh("for i in 1 2 3 4 5 6 7 8; do (sh -c 'exit 3' &) ; done; wait").0, 0);
    let family_of = [family.warden.pid(), family.host.pid()];
    family.env.wait_for("the orphans to be waited for", || {
        let stats =
            fs::read_dir("/proc").unwrap().filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
        let zombies = stats.filter(|stat| {
            let (_, fields) = stat.rsplit_once(')').unwrap();
            let fields: Vec<&str> = fields.split_whitespace().collect();
            fields[0] == "Z" && family_of.contains(&fields[1].parse().unwrap())
        });
        (zombies.count() == 0).then_some(())
    });
    family.puppet.answer("done", 0);
    family.env.stop(POD);
}

#[test]
fn the_pod_is_detached_from_who_launched_it() {
    let family = Family::new();
    let warden = stat(&family.warden).unwrap();
    // Session and process group of its own, no terminal.
    assert_eq!((warden[2].parse(), warden[3].parse()), (Ok(family.warden.pid()), Ok(family.warden.pid())));
    assert_eq!(warden[4], "0");
    let open = |process: &Process, number: u32| fs::read_link(format!("/proc/{}/fd/{number}", process.pid())).unwrap();
    let log = family.env.registry().pod_dir(&pod(POD)).join("host.log");
    for process in [&family.warden, &family.host] {
        assert_eq!(open(process, 1).to_str(), Some("/dev/null"));
        assert_eq!(open(process, 2), log);
        // The ticket is not in flight any more, so nobody has its lock open.
        let lock = family.env.registry().ticket_lock_path(&ticket(COMPLETE));
        let descriptors = fs::read_dir(format!("/proc/{}/fd", process.pid())).unwrap();
        assert!(!descriptors.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|path| path == lock)));
    }
    family.env.stop(POD);
}

#[test]
fn nothing_of_ours_reaches_the_agent_but_what_it_is_told() {
    let env = TestEnv::with_sample();
    let mut puppet = env.puppet("intake");
    let secret = env.root().join("secret");
    fs::write(&secret, "").unwrap();
    let script = format!("exec 5<'{}'; yoi -q intake {COMPLETE}", secret.display());
    run(env.shell(&script).env("YOI_CLAIM_NONCE", "0".repeat(32)).env("KEPT", "yes"), 0);
    puppet.begun();
    let (_, variables) = puppet.sh("env | sed 's/=.*//' | grep -e ^YOI -e ^KEPT | sort | tr '\\n' ' '");
    assert_eq!(variables, "KEPT YOI_CLAIM YOI_DATA_DIR YOI_EPOCH YOI_POD YOI_RUNTIME_DIR YOI_TICKET ");
    let (_, descriptors) = puppet.sh("ls -l /proc/$$/fd");
    assert!(
        !descriptors.contains("secret") && !descriptors.contains("/data/") && !descriptors.contains("socket:"),
        "{descriptors}"
    );
    puppet.answer("done", 0);
    env.stop(POD);
}

mod the_socket {
    use super::*;

    /// Waits until the Pod answers at its socket's path.
    #[track_caller]
    fn assert_reachable(family: &Family) {
        let socket = family.env.registry().socket_path(&pod(POD));
        family.env.wait_for("the socket", || std::os::unix::net::UnixStream::connect(&socket).ok());
        assert_eq!(family.env.listed("pod-list"), format!("{POD}\tintake\trunning\n"));
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&socket).unwrap());
        assert_eq!(mode & 0o777, 0o600);
    }

    /// Deletes the runtime directory at once: the Pod cannot put anything into it meanwhile.
    fn delete_runtime(family: &Family) {
        let gone = family.env.root().join("gone");
        fs::rename(family.env.runtime(), &gone).unwrap();
        fs::remove_dir_all(gone).unwrap();
    }

    #[test]
    fn that_is_deleted_is_bound_anew() {
        let mut family = Family::new();
        let socket = family.env.registry().socket_path(&pod(POD));
        for _ in 0..3 {
            fs::remove_file(&socket).unwrap();
            family.env.wait_for("the socket", || socket.exists().then_some(()));
            assert_reachable(&family);
        }
        // Who was connected stays so.
        assert_eq!(family.wire.ask(1, "status", json!({}))["data"]["status"], json!("running"));
        family.env.stop(POD);
    }

    #[test]
    fn whose_directory_is_deleted_is_bound_anew() {
        let mut family = Family::new();
        for _ in 0..2 {
            delete_runtime(&family);
            assert_reachable(&family);
        }
        // Nor does it matter that it is deleted in the middle of the end.
        family.puppet.make_ready(COMPLETE);
        delete_runtime(&family);
        family.puppet.answer("done", 0);
        assert_eq!(outline(&family.wire.rest()).last().unwrap(), "shutdown: idle");
        family.env.wait_for_processes();
        assert_eq!(names(&family.env.runtime()), Vec::<String>::new());
    }

    #[test]
    fn of_a_dead_pod_is_in_nobodys_way() {
        let family = Family::new();
        family.env.kill_all();
        let socket = family.env.registry().socket_path(&pod(POD));
        assert!(socket.exists());
        // A stopped Pod is not waited for at its dead socket.
        assert_eq!(family.env.listed("pod-list"), format!("{POD}\tintake\trestorable\n"));
        let said = run(&mut family.env.yoi(["attach", POD, "-m", "hello"]), 1).stderr;
        assert_eq!(said, format!("yoi: Pod {POD} does not run\nhint: yoi restore {POD}\n"));
        family.assert_it_comes_back();
    }
}

mod a_client {
    use super::*;

    #[test]
    fn that_does_not_read_is_dropped_and_nobody_waits_for_it() {
        let mut family = Family::new();
        let (mut deaf, _) = family.env.wire(POD);
        // More than its queue and the socket's buffers hold; who reads hears each part before the next comes.
        let parts = 12;
        for _ in 0..parts {
            assert_eq!(family.puppet.sh("head -c 1000000 /dev/zero | tr '\\0' x >&7").0, 0);
            let mut heard = 0;
            while heard < 1_000_000 {
                heard += family.wire.event("text_delta")["data"]["text"].as_str().unwrap().len();
            }
        }
        family.puppet.answer("end", 0);
        family.wire.event("run_end");
        // What the deaf one finds is a beginning, cut off; it is not told of the end.
        let mut bytes = Vec::new();
        deaf.read_to_end(&mut bytes);
        assert!(
            bytes.len() < parts * 1_000_000 && !String::from_utf8_lossy(&bytes).contains("run_end"),
            "{}",
            bytes.len()
        );
        family.env.stop(POD);
    }

    #[test]
    fn with_a_line_that_is_too_long_is_told_and_dropped() {
        let mut family = Family::new();
        let (mut loud, _) = family.env.wire(POD);
        let mut line = vec![b'x'; (1 << 20) + 1];
        line.push(b'\n');
        // The Pod may have dropped it before all was sent.
        let _ = loud.send_raw(&line);
        let rest = outline(&loud.rest());
        assert!(rest.is_empty() || rest == ["error: line_too_long"], "{rest:?}");
        assert_eq!(family.wire.ask(1, "status", json!({}))["event"], "status");
        family.env.stop(POD);
    }

    #[test]
    fn that_comes_and_goes_costs_nothing() {
        let family = Family::new();
        let descriptors = || fs::read_dir(format!("/proc/{}/fd", family.host.pid())).unwrap().count();
        let threads = || fs::read_dir(format!("/proc/{}/task", family.host.pid())).unwrap().count();
        let before = (descriptors(), threads());
        for _ in 0..200 {
            let _ = family.env.wire(POD);
        }
        family.env.wait_for("the clients to be forgotten", || ((descriptors(), threads()) == before).then_some(()));
        family.env.stop(POD);
    }
}

/// A Pod that is told to end by many at once ends once.
#[test]
fn many_ends_at_once_are_one_end() {
    let mut family = Family::new();
    let strays = family.stray();
    let ends: Vec<std::process::Child> = (0..6)
        .map(|number| {
            let mut stop = family.env.yoi_claim(["pod-shutdown", POD, "--now"]);
            let mut mark = family.env.yoi_claim(["shutdown-after-idle", POD]);
            let command = if number % 3 == 0 { &mut mark } else { &mut stop };
            command.stderr(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    family.warden.signal(Signal::TERM);
    let statuses: Vec<Option<i32>> = ends.into_iter().map(|mut end| end.wait().unwrap().code()).collect();
    for (number, status) in statuses.iter().enumerate() {
        // A mark may come too late; a shutdown never does.
        assert!(*status == Some(0) || number % 3 == 0, "{statuses:?}");
    }
    family.assert_free_only_when_all_are_gone(&strays);
    let ends = outline(&family.env.history(POD)).iter().filter(|line| line.starts_with("shutdown:")).count();
    assert_eq!(ends, 1);
}
