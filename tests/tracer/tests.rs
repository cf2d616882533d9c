//! The tracer, tried on programs whose every step is known.

use std::path::Path;
use std::process::Command;

use super::{Act, End, Part, Report, Spec, Tracer, Until};

/// All of them, by name.
pub const TESTS: &[(&str, fn())] = &[
    ("tracer: a program is followed to its end", a_program_is_followed_to_its_end),
    ("tracer: a shell is killed before each of its writes", a_shell_is_killed_before_each_of_its_writes),
    ("tracer: warden and host are told apart", warden_and_host_are_told_apart),
    ("tracer: one part is killed and the others go on", one_part_is_killed_and_the_others_go_on),
    ("tracer: threads are counted with their process", threads_are_counted_with_their_process),
    ("tracer: a process is held before a call", a_process_is_held_before_a_call),
    ("tracer: two processes are held in turn", two_processes_are_held_in_turn),
    ("tracer: what is left runs on untraced", what_is_left_runs_on_untraced),
];

/// The argument with which this program writes from several threads.
pub const THREADS: &str = "--threads";

fn start(dir: &Path, acts: &[Act], until: Until, command: &[&str]) -> Tracer {
    let spec = Spec { acts: acts.to_vec(), until };
    let environment = |program: &Path| {
        let mut tracer = Command::new(program);
        tracer.current_dir(dir);
        tracer
    };
    Tracer::start(environment, &spec, command, &dir.join("output"))
}

fn trace(dir: &Path, acts: &[Act], command: &[&str]) -> Report {
    start(dir, acts, Until::AllEnd, command).finish()
}

fn kill(part: Part, nth: usize) -> Act {
    Act { part, nth, kill: vec![part], hold: false }
}

fn hold(part: Part, nth: usize) -> Act {
    Act { part, nth, kill: Vec::new(), hold: true }
}

fn names(report: &Report, part: Part) -> Vec<&str> {
    let calls = report.calls.get(&part).into_iter().flatten();
    calls.map(|call| call.name.as_str()).collect()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

fn a_program_is_followed_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let report = trace(dir.path(), &[], &["/bin/true"]);
    assert_eq!(report.root, Some(End::Exited(0)));
    assert_eq!(names(&report, Part::Launcher).last(), Some(&"exit_group"));
    assert_eq!(report.acted, 0);
    let report = trace(dir.path(), &[], &["sh", "-c", "echo spoken; exit 7"]);
    assert_eq!(report.root, Some(End::Exited(7)));
    assert_eq!(std::fs::read_to_string(dir.path().join("output")).unwrap(), "spoken\n");
}

const THREE_LINES: &str = "echo 1 >>out; echo 2 >>out; echo 3 >>out";

fn a_shell_is_killed_before_each_of_its_writes() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let whole = trace(dir.path(), &[], &["sh", "-c", THREE_LINES]);
    let calls = names(&whole, Part::Launcher).len();
    assert_eq!(names(&whole, Part::Launcher).iter().filter(|name| **name == "write").count(), 3);
    let mut seen = Vec::new();
    for nth in 1..=calls {
        let _ = std::fs::remove_file(&out);
        let report = trace(dir.path(), &[kill(Part::Launcher, nth)], &["sh", "-c", THREE_LINES]);
        assert_eq!((report.root, report.acted), (Some(End::Killed(9)), 1));
        let calls = names(&report, Part::Launcher);
        assert_eq!(calls.len(), nth);
        // The last call was not carried out.
        let written = calls[..nth - 1].iter().filter(|name| **name == "write").count();
        assert_eq!(lines(&out), written, "{calls:?}");
        seen.push(written);
    }
    seen.dedup();
    assert_eq!(seen, [0, 1, 2, 3]);
}

/// A "Pod host" of shells: the warden's first child is the host, which has a child of its own.
fn write_pod_host(dir: &Path) {
    let script = "(echo host >>host; /bin/true; echo host >>host) & wait; echo warden >>warden; (echo later >>later)";
    std::fs::write(dir.join("pod-host"), script).unwrap();
}

const LAUNCH: &str = "sh pod-host; echo launcher >>launcher";

fn warden_and_host_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    write_pod_host(dir.path());
    let report = trace(dir.path(), &[], &["sh", "-c", LAUNCH]);
    let of = |part| report.calls[&part].iter().filter(|call| call.name == "write").collect::<Vec<_>>();
    let files = |part| of(part).iter().map(|call| call.about.rsplit('/').next().unwrap()).collect::<Vec<_>>();
    assert_eq!(files(Part::Launcher), ["launcher"]);
    assert_eq!(files(Part::Warden), ["warden"]);
    // The host has ended by then, so the next child takes its place.
    assert_eq!(files(Part::Host), ["host", "host", "later"]);
    assert_eq!(of(Part::Host)[0].among, [Part::Launcher, Part::Warden, Part::Host]);
    assert_eq!(of(Part::Launcher)[0].among, [Part::Launcher]);
}

fn one_part_is_killed_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    write_pod_host(dir.path());
    let whole = trace(dir.path(), &[], &["sh", "-c", LAUNCH]);
    let second = whole.calls[&Part::Host].iter().rposition(|call| call.about.ends_with("/host")).unwrap();
    for name in ["host", "warden", "launcher"] {
        std::fs::remove_file(dir.path().join(name)).unwrap();
    }
    let report = trace(dir.path(), &[kill(Part::Host, second)], &["sh", "-c", LAUNCH]);
    assert_eq!((report.root, report.acted), (Some(End::Exited(0)), 1));
    let written = ["host", "warden", "launcher"].map(|name| lines(&dir.path().join(name)));
    assert_eq!(written, [1, 1, 1], "{report:?}");
}

/// What this program does with [`THREADS`]: two threads write three lines each.
pub fn write_from_threads() {
    use std::io::Write as _;
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let mut file = std::fs::File::options().append(true).create(true).open("threads").unwrap();
                (0..3).for_each(|line| file.write_all(format!("{thread}{line}\n").as_bytes()).unwrap());
            });
        }
    });
}

fn threads_are_counted_with_their_process() {
    let dir = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let command = [program.to_str().unwrap(), THREADS];
    let report = trace(dir.path(), &[], &command);
    assert_eq!(report.root, Some(End::Exited(0)));
    let writes = report.calls[&Part::Launcher].iter().filter(|call| call.about.ends_with("/threads")).count();
    assert_eq!(writes, 6, "{report:?}");
    let nth = report.count(Part::Launcher) - 2;
    let report = trace(dir.path(), &[kill(Part::Launcher, nth)], &command);
    assert_eq!((report.root, report.acted), (Some(End::Killed(9)), 1));
}

fn a_process_is_held_before_a_call() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let whole = trace(dir.path(), &[], &["sh", "-c", THREE_LINES]);
    let second =
        names(&whole, Part::Launcher).iter().enumerate().filter(|(_, name)| **name == "write").nth(1).unwrap().0;
    std::fs::remove_file(&out).unwrap();
    let acts = [hold(Part::Launcher, second + 1)];
    let mut tracer = start(dir.path(), &acts, Until::AllEnd, &["sh", "-c", THREE_LINES]);
    assert!(tracer.wait_until_held().is_some());
    assert_eq!(lines(&out), 1);
    let report = tracer.finish();
    assert_eq!(report.root, Some(End::Exited(0)));
    assert_eq!(lines(&out), 3);
    // What never comes to the call is not held.
    let mut tracer = start(dir.path(), &[hold(Part::Launcher, 10_000)], Until::AllEnd, &["/bin/true"]);
    assert!(tracer.wait_until_held().is_none());
    assert_eq!(tracer.finish().acted, 0);
}

/// The launcher is held at its first write and the host at its second call; each goes on when told, in whatever order.
fn two_processes_are_held_in_turn() {
    let pod_host = "(echo 1 >>host; echo 2 >>host; /bin/true) & wait";
    let launch = ["sh", "-c", "sh pod-host & echo 1 >>launcher; wait; echo 2 >>launcher"];
    let world = || {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("pod-host"), pod_host).unwrap();
        dir
    };
    let whole = trace(world().path(), &[], &launch);
    let write = names(&whole, Part::Launcher).iter().position(|name| *name == "write").unwrap();
    for host_first in [false, true] {
        let dir = world();
        let acts = [hold(Part::Launcher, write + 1), hold(Part::Host, 2), hold(Part::Warden, 10_000)];
        let mut tracer = start(dir.path(), &acts, Until::AllEnd, &launch);
        let [launcher, host] = [tracer.wait_until_held().unwrap(), tracer.wait_until_held().unwrap()];
        let written = || ["launcher", "host"].map(|name| lines(&dir.path().join(name)));
        assert_eq!(written(), [0, 0]);
        if host_first {
            tracer.release(host);
            // The warden ends after its host, and misses the act.
            assert!(tracer.wait_until_held().is_none());
            assert_eq!(written(), [0, 2]);
        } else {
            tracer.release(launcher);
        }
        let report = tracer.finish();
        assert_eq!((report.root, report.acted), (Some(End::Exited(0)), 2));
        assert_eq!(written(), [2, 2]);
    }
}

fn what_is_left_runs_on_untraced() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    // The one that is left reads line by line, so that the tracer leaves it in the middle of many calls.
    let script =
        "(while read -r line; do echo \"$line\"; done <fifo >copy; echo end >done.tmp; mv done.tmp done) & exit 3";
    let report = start(dir.path(), &[], Until::RootEnds, &["sh", "-c", script]).finish();
    assert_eq!(report.root, Some(End::Exited(3)));
    std::fs::write(&fifo, "1\n2\n3\n").unwrap();
    let (send, changes) = std::sync::mpsc::channel();
    let mut watcher = notify::recommended_watcher(send).unwrap();
    notify::Watcher::watch(&mut watcher, dir.path(), notify::RecursiveMode::NonRecursive).unwrap();
    while !dir.path().join("done").exists() {
        let _change = changes.recv_timeout(std::time::Duration::from_secs(30)).expect("the process runs on");
    }
    assert_eq!(lines(&dir.path().join("copy")), 3);
}
