//! `yoi-claim watch`: each kind of change is told, none is missed, and nothing else is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use common::scene::{INCOMPLETE, pod, ticket};
use common::{DEADLINE, Process, TestEnv, run};
use rustix::process::Signal;
use yoi::domain::WrittenBy;
use yoi::fs::Wait;
use yoi::registry::Writer;

/// For how long nothing must happen.
const QUIET: Duration = Duration::from_secs(1);
/// After how long without a wake-up it is at rest.
const SETTLED: Duration = Duration::from_millis(50);

/// A `watch` whose lines are read.
struct Watcher {
    child: Child,
    lines: Receiver<String>,
}

impl Watcher {
    /// Starts it, and waits until it has begun.
    fn start(env: &TestEnv) -> Self {
        let watcher = Self::of(&mut env.yoi_claim(["watch"]));
        assert_eq!(watcher.next(), "everything\t-");
        watcher
    }

    fn of(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Self { child, lines }
    }

    #[track_caller]
    fn next(&self) -> String {
        self.lines.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("no line within {DEADLINE:?}"))
    }

    /// Reads until a line, and gives those before it.
    #[track_caller]
    fn until(&self, wanted: &str) -> Vec<String> {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(DEADLINE) {
                Ok(line) if line == wanted => return before,
                Ok(line) => before.push(line),
                Err(_) => panic!("{wanted:?} was not told within {DEADLINE:?}, but {before:?}"),
            }
        }
    }

    /// Reads a line, looks, and so on, until something is found: what a script does that misses nothing.
    #[track_caller]
    fn until_seen<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        loop {
            self.next();
            if let Some(found) = look() {
                return found;
            }
        }
    }

    fn process(&self) -> Process {
        Process::open(self.child.id()).unwrap()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A world whose registry is there.
fn env() -> TestEnv {
    let env = TestEnv::new();
    commit(&env, "FIRST");
    env
}

fn commit(env: &TestEnv, ticket: &str) {
    run(&mut env.yoi_claim(["claim-commit", ticket, "--pod", "p", "--role", "coder"]), 0);
}

fn is_claimed(env: &TestEnv, id: &str) -> bool {
    env.registry().claim(&ticket(id)).unwrap().is_some()
}

/// Everything that is told up to now, ended by a change that is made for that.
#[track_caller]
fn told_so_far(env: &TestEnv, watcher: &Watcher) -> Vec<String> {
    let path = env.registry().dir().join("sessions/END.toml");
    fs::write(&path, "").unwrap();
    let told = watcher.until("session\tEND");
    fs::remove_file(&path).unwrap();
    watcher.until("session\tEND");
    told
}

/// Fails unless the next change is told.
#[track_caller]
fn goes_on(env: &TestEnv, watcher: &Watcher) {
    told_so_far(env, watcher);
    commit(env, "SECOND");
    watcher.until("claim\tSECOND");
}

#[test]
fn the_life_of_a_claim_is_told() {
    let env = env();
    let watcher = Watcher::start(&env);
    commit(&env, "a/b");
    let told = watcher.until("journal\t-");
    for line in ["ticket-lock\ta/b", "claim\ta/b"] {
        assert!(told.iter().any(|told| told == line), "{line}: {told:?}");
    }
    told_so_far(&env, &watcher);
    run(&mut env.yoi_claim(["claim-complete", "a/b", "--expect", "1"]), 0);
    watcher.until("claim\ta/b");
    watcher.until("journal\t-");
    run(&mut env.yoi_claim(["claim-release", "a/b", "--expect", "1", "--reason", "over"]), 0);
    watcher.until("claim\ta/b");
    watcher.until("journal\t-");
    run(&mut env.yoi_claim(["session-record", "p", "--role", "coder", "--origin", "role_launch"]), 0);
    watcher.until("session\tp");
}

#[test]
fn what_a_person_does_to_a_record_is_told() {
    let env = env();
    let claim = env.registry().claim_path(&ticket("FIRST"));
    let watcher = Watcher::start(&env);
    fs::write(&claim, fs::read_to_string(&claim).unwrap() + "note = \"x\"\n").unwrap();
    watcher.until("claim\tFIRST");
    told_so_far(&env, &watcher);
    run(env.command("chmod").arg("g+w").arg(&claim), 0);
    watcher.until("claim\tFIRST");
    told_so_far(&env, &watcher);
    fs::remove_file(&claim).unwrap();
    watcher.until("claim\tFIRST");
    assert_eq!(told_so_far(&env, &watcher), Vec::<String>::new());
}

#[test]
fn a_pod_that_is_launched_and_killed_is_told() {
    let env = TestEnv::with_sample();
    let name = format!("intake-{INCOMPLETE}");
    commit(&env, "FIRST");
    let watcher = Watcher::start(&env);
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    let told = told_so_far(&env, &watcher);
    let about_the_pod = ["pod", "pod-lock", "session"].map(|what| format!("{what}\t{name}"));
    let about_the_ticket = ["claim", "ticket-lock"].map(|what| format!("{what}\t{INCOMPLETE}"));
    for line in about_the_pod.iter().chain(&about_the_ticket) {
        assert!(told.contains(line), "{line}: {told:?}");
    }
    let own = watcher.process().pid();
    let processes: Vec<Process> = env.processes().into_iter().filter(|process| process.pid() != own).collect();
    assert_eq!(processes.len(), 2, "host and warden");
    processes.iter().for_each(|process| process.signal(Signal::STOP));
    processes.iter().for_each(Process::kill);
    watcher.until(&format!("pod-lock\t{name}"));
    assert!(!env.registry().pod_lives(&pod(&name)).unwrap(), "it was told before it was so");
    let deadline = Instant::now() + DEADLINE;
    assert!(processes.iter().all(|process| process.wait(deadline)), "what is killed lets go of its socket last");
    // Brought back, with nothing new to write into its record.
    run(&mut env.yoi(["restore", &name]), 0);
    watcher.until(&format!("pod-lock\t{name}"));
    env.stop(&name);
    watcher.until(&format!("pod-lock\t{name}"));
}

#[test]
fn a_pod_whose_directory_is_removed_and_made_again_is_told() {
    let env = env();
    let dir = env.registry().pod_dir(&pod("x"));
    let make = || {
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("pod.toml"), "").unwrap();
    };
    make();
    let watcher = Watcher::start(&env);
    for _ in 0..3 {
        fs::write(dir.join("pod.toml"), "version = 2").unwrap();
        watcher.until("pod\tx");
        fs::rename(&dir, env.registry().dir().join("tmp/pod-x")).unwrap();
        watcher.until("pod\tx");
        // What is not there any more is not told of.
        fs::write(env.registry().dir().join("tmp/pod-x/pod.toml"), "version = 3").unwrap();
        fs::remove_dir_all(env.registry().dir().join("tmp/pod-x")).unwrap();
        assert_eq!(told_so_far(&env, &watcher), Vec::<String>::new());
        make();
        watcher.until("pod\tx");
        told_so_far(&env, &watcher);
    }
    fs::write(dir.join("history.jsonl"), "").unwrap();
    watcher.until("pod\tx");
    fs::write(dir.join("history.jsonl"), "more").unwrap();
    assert_eq!(told_so_far(&env, &watcher), Vec::<String>::new(), "what a Pod says is no change of the registry");
}

#[test]
fn a_ticket_lock_is_told_when_its_last_holder_dies() {
    let env = env();
    let watcher = Watcher::start(&env);
    let script = "yoi-claim ticket-lock T -- sh -c 'echo $$; exec sleep 1000'";
    let mut lock = env.shell(script).stdout(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    BufReader::new(lock.stdout.take().unwrap()).read_line(&mut pid).unwrap();
    watcher.until("ticket-lock\tT");
    // The text of a lock is cut first and written then, which may be told apart.
    told_so_far(&env, &watcher);
    let sleep = Process::open(pid.trim().parse().unwrap()).unwrap();
    let own = [watcher.process().pid(), sleep.pid()];
    env.processes().iter().filter(|process| !own.contains(&process.pid())).for_each(Process::kill);
    lock.wait().unwrap();
    assert!(env.registry().ticket_in_flight(&ticket("T")).unwrap().is_some(), "its command has inherited the lock");
    sleep.kill();
    watcher.until("ticket-lock\tT");
    assert_eq!(env.registry().ticket_in_flight(&ticket("T")).unwrap(), None, "it was told before it was so");
}

#[test]
fn a_lock_is_free_for_everybody_once_its_release_is_told() {
    let env = env();
    let registry = env.registry();
    let writer = Writer {
        written_by: WrittenBy { pid: 1, host: "h".to_owned(), boot: "b".to_owned(), extra: toml::Table::new() },
        user: "tester".to_owned(),
        now: "2026-06-07T22:02:25Z".parse().unwrap(),
    };
    let watcher = Watcher::start(&env);
    for round in 0..200 {
        let lock = registry.lock_ticket(&ticket("T"), "test", &writer, Wait::No).unwrap();
        watcher.until("ticket-lock\tT");
        told_so_far(&env, &watcher);
        drop(lock);
        watcher.until("ticket-lock\tT");
        assert_eq!(registry.ticket_in_flight(&ticket("T")).unwrap(), None, "in round {round}");
    }
}

#[test]
fn a_registry_that_is_not_there_yet_is_seen_when_it_comes() {
    let env = TestEnv::new();
    fs::remove_dir(env.data()).unwrap();
    let watcher = Watcher::start(&env);
    commit(&env, "FIRST");
    watcher.until_seen(|| is_claimed(&env, "FIRST").then_some(()));
    goes_on(&env, &watcher);
}

#[test]
fn a_registry_that_is_removed_and_made_again_is_watched_again() {
    let env = env();
    let watcher = Watcher::start(&env);
    for gone in [env.registry().dir().to_owned(), env.data().join("workspaces"), env.data()] {
        fs::remove_dir_all(&gone).unwrap();
        watcher.until_seen(|| (!is_claimed(&env, "FIRST")).then_some(()));
        commit(&env, "FIRST");
        watcher.until_seen(|| is_claimed(&env, "FIRST").then_some(()));
        goes_on(&env, &watcher);
    }
}

#[test]
fn a_registry_that_is_moved_away_and_back_is_watched_again() {
    let env = env();
    let watcher = Watcher::start(&env);
    for moved in [env.registry().claims_dir(), env.registry().dir().to_owned(), env.data()] {
        let aside = env.root().join("aside");
        fs::rename(&moved, &aside).unwrap();
        watcher.until("everything\t-");
        fs::rename(&aside, &moved).unwrap();
        watcher.until("everything\t-");
        goes_on(&env, &watcher);
        run(
            &mut env.yoi_claim(["claim-release", "SECOND", "--expect", &expect(&env, "SECOND"), "--reason", "over"]),
            0,
        );
        watcher.until("claim\tSECOND");
    }
}

fn expect(env: &TestEnv, ticket: &str) -> String {
    run(&mut env.yoi_claim(["claim-show", ticket, "--format", "{expect}"]), 0).stdout.trim_end().to_owned()
}

#[test]
fn reading_everything_is_no_change_and_wakes_nobody() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    let watcher = Watcher::start(&env);
    let process = watcher.process();
    assert_eq!(told_so_far(&env, &watcher), Vec::<String>::new());
    let rest = || {
        let before = process.sleeps();
        assert!(!process.wait(Instant::now() + SETTLED), "watching has ended");
        (process.sleeps() == before).then_some(before)
    };
    // What it told last it may have told a moment before it goes to sleep.
    let before = std::iter::repeat_with(rest).take(100).flatten().next().unwrap();
    for verb in ["claim-list", "session-list", "pod-list"] {
        assert_ne!(env.listed(verb), "", "{verb}");
    }
    run(&mut env.yoi(["status"]), 0);
    run(&mut env.yoi(["why", INCOMPLETE]), 0);
    assert!(!process.wait(Instant::now() + QUIET), "watching has ended");
    assert_eq!(process.sleeps(), before, "something has woken it");
    assert_eq!(told_so_far(&env, &watcher), Vec::<String>::new());
    // That a change wakes it shows that wake-ups are seen.
    env.wait_for("the wake-up to be seen", || (process.sleeps() != before).then_some(()));
    env.stop(&format!("intake-{INCOMPLETE}"));
}

#[test]
fn watching_ends_quietly_when_nobody_reads_it_though_nothing_changes() {
    let env = env();
    let mut child = env.yoi_claim(["watch"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    out.read_exact(&mut [0; "everything\t-\n".len()]).unwrap();
    let process = Process::open(child.id()).unwrap();
    drop(out);
    assert!(process.wait(Instant::now() + DEADLINE), "it waits for a change that never comes");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn a_burst_is_told_once_and_more_than_can_be_counted_as_everything() {
    let env = env();
    let watcher = Watcher::start(&env);
    let process = watcher.process();
    let (here, there) = (env.registry().claim_path(&ticket("FIRST")), env.registry().tombstone_path(&ticket("FIRST")));
    let change = |times: usize| {
        (0..times).for_each(|_| {
            fs::rename(&here, &there).unwrap();
            fs::rename(&there, &here).unwrap();
        });
    };
    process.signal(Signal::STOP);
    change(500);
    process.signal(Signal::CONT);
    let told = told_so_far(&env, &watcher);
    assert!(!told.is_empty() && told.len() < 10 && told.iter().all(|line| line == "claim\tFIRST"), "{told:?}");

    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    process.signal(Signal::STOP);
    change(limit.trim().parse::<usize>().unwrap() / 4 + 1);
    process.signal(Signal::CONT);
    watcher.until("everything\t-");
    goes_on(&env, &watcher);
}

#[test]
fn a_name_that_no_key_can_hold_is_told_as_long_as_a_file_tells_it() {
    let env = env();
    let long = "é".repeat(200);
    let id = ticket(&long);
    let watcher = Watcher::start(&env);
    commit(&env, &long);
    watcher.until(&format!("claim\t{long}"));
    told_so_far(&env, &watcher);
    fs::remove_file(env.registry().claim_path(&id)).unwrap();
    watcher.until(&format!("claim\t{long}"));
    fs::remove_file(env.registry().ticket_lock_path(&id)).unwrap();
    told_so_far(&env, &watcher);
    fs::write(env.registry().claim_path(&id), "no record").unwrap();
    watcher.until(&format!("claim\t{}", id.key()));
}

#[test]
fn every_form_ends_each_record_at_once() {
    let env = env();
    let json = Watcher::of(&mut env.yoi_claim(["watch", "--json"]));
    let format = Watcher::of(&mut env.yoi_claim(["watch", "--format", "{key}={what}"]));
    assert_eq!(json.next(), r#"{"schema":1,"kind":"change","item":{"what":"everything","name":null,"key":null}}"#);
    assert_eq!(format.next(), "-=everything");
    let mut nul = env.yoi_claim(["watch", "-z"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut read = BufReader::new(nul.stdout.take().unwrap()).split(b'\0').map_while(Result::ok);
    assert_eq!(read.next().unwrap(), b"everything\t-");
    commit(&env, "a/b");
    json.until(r#"{"schema":1,"kind":"change","item":{"what":"claim","name":"a/b","key":"a%2fb"}}"#);
    format.until("a%2fb=claim");
    assert!(read.any(|record| record == b"claim\ta/b"));
    drop(read);
    assert!(nul.wait().unwrap().success());
    run(&mut env.yoi_claim(["watch", "--format", "{nothing}"]), 2);
}
