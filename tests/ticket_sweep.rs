//! Kills each command that changes a ticket before each of its system calls that matter, holds it there while others read,
//! and looks at the tickets.
//!
//! What is there is always what was there before or what comes of the command, byte for byte, to a reader while the
//! command runs and to everybody after it was killed; the next change removes what it left. `cargo test` tries a handful of
//! points, `YOI_EXTENDED=1` each.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]

mod common;
#[allow(dead_code, reason = "the sweep of launches uses the rest of it")]
mod tracer;

use std::ffi::OsString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::scene::{COMPLETE, INCOMPLETE, Tree, tree};
use common::{Process, TestEnv, run};
use tracer::{Act, End, Part, Report, Spec, Tracer, Until};

/// How many trials run at once.
const AT_ONCE: usize = 2;
/// How many points of each command make a handful.
const HANDFUL: usize = 5;

/// A command, what is done before it, and what it is called here.
struct Change {
    name: &'static str,
    before: &'static [&'static [&'static str]],
    command: &'static [&'static str],
}

const CHANGES: &[Change] = &[
    Change { name: "new", before: &[], command: &["new", "Another", "-m", "Body"] },
    Change { name: "comment", before: &[], command: &["comment", COMPLETE, "-m", "Hello"] },
    Change { name: "ready", before: &[], command: &["state", COMPLETE, "ready", "-m", "All is said"] },
    Change { name: "queued", before: &[&["state", COMPLETE, "ready"]], command: &["state", COMPLETE, "queued"] },
    Change { name: "close", before: &[], command: &["close", COMPLETE, "-m", "It is done"] },
    Change {
        name: "reopen",
        before: &[&["close", COMPLETE, "-m", "It is done"]],
        command: &["state", COMPLETE, "planning"],
    },
    Change { name: "edit", before: &[], command: &["edit", COMPLETE, "--title", "New", "--priority", "P1"] },
    Change { name: "relate", before: &[], command: &["relation", "add", COMPLETE, "related", INCOMPLETE] },
    Change {
        name: "unrelate",
        before: &[&["relation", "add", COMPLETE, "related", INCOMPLETE]],
        command: &["relation", "remove", INCOMPLETE, "related", COMPLETE],
    },
];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == tracer::TRACE) {
        tracer::trace(&arguments[1..]);
        return ExitCode::SUCCESS;
    }
    if !tracer::SUPPORTED {
        println!("skipped: on this system nobody tells which call a traced process makes");
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|word| word == "--list") {
        CHANGES.iter().for_each(|change| println!("{}: test", change.name));
        return ExitCode::SUCCESS;
    }
    let wanted: Vec<&str> =
        arguments.iter().filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-')).collect();
    let is_full = std::env::var_os("YOI_EXTENDED").is_some();
    if !is_full {
        println!("a handful of points; YOI_EXTENDED=1 tries each");
    }
    let chosen = |change: &&Change| wanted.is_empty() || wanted.iter().any(|name| change.name.contains(name));
    let violations: usize = CHANGES.iter().filter(chosen).map(|change| change.sweep(is_full)).sum();
    println!("{violations} violations");
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

impl Change {
    /// Tries the points; gives how many broke a promise.
    fn sweep(&self, is_full: bool) -> usize {
        let world = World::new(self);
        let before = world.tickets();
        let whole = world.run(self, Vec::new()).finish();
        assert_eq!(whole.root, Some(End::Exited(0)), "{}: a run to which nothing is done", self.name);
        let after = world.tickets();
        assert_ne!(before, after, "{} changes something", self.name);
        let calls = whole.calls.get(&Part::Launcher).cloned().unwrap_or_default();
        let step = if is_full { 1 } else { (calls.len() / HANDFUL).max(1) };
        let points: Vec<usize> = (1..=calls.len()).step_by(step).collect();
        let (next, bad, done) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let Some(nth) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut world = World::new(self);
                let tried = catch_unwind(AssertUnwindSafe(|| {
                    World::new(self).held_at(self, *nth, &before, &after);
                    world.killed_at(self, *nth, &before, &after)
                }));
                match tried {
                    Ok(is_done) => drop(done.fetch_add(usize::from(is_done), Ordering::Relaxed)),
                    Err(_) => {
                        println!("VIOLATION in {}, at call {nth}, {}", self.name, calls[nth - 1]);
                        println!("all that it left is in {}", world.env.root().display());
                        bad.fetch_add(1, Ordering::Relaxed);
                        world.env.keep();
                        world.env.processes().iter().for_each(Process::kill);
                        world.env.wait_for_processes();
                    }
                }
            }
        };
        std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
        let (bad, done) = (bad.into_inner(), done.into_inner());
        println!("{:<12} {:>4} points: {done:>3} after the change; {bad} violations", self.name, points.len());
        bad
    }
}

struct World {
    env: TestEnv,
}

impl World {
    fn new(change: &Change) -> Self {
        let memory = Path::new("/dev/shm");
        let env = if memory.is_dir() { TestEnv::new_in(memory) } else { TestEnv::new() };
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample/.");
        run(env.command("cp").arg("-R").arg(sample).arg(env.workspace()), 0);
        let world = Self { env: env.with_clock("2026-06-07T22:02:25Z") };
        for words in change.before {
            run(&mut world.env.yoi(["ticket"].iter().chain(*words)), 0);
        }
        world
    }

    fn tickets(&self) -> Tree {
        tree(&self.env.workspace().join(".yoi/tickets"))
    }

    fn run(&self, change: &Change, acts: Vec<Act>) -> Tracer {
        let spec = Spec { acts, until: Until::RootEnds };
        let command = ["yoi", "ticket"].iter().chain(change.command);
        Tracer::start(|program| self.env.command(program), &spec, command, &self.env.root().join("output"))
    }

    /// What a reader sees of all tickets.
    fn read(&self) -> String {
        let show = |id: &str| run(&mut self.env.yoi(["ticket", "show", id, "--json"]), 0).stdout;
        let list = run(&mut self.env.yoi(["ticket", "list", "--all", "--json"]), 0).stdout;
        format!("{list}{}{}", show(COMPLETE), show(INCOMPLETE))
    }

    /// Holds the command at a point: a reader sees before or after. Fails by panicking.
    fn held_at(&self, change: &Change, nth: usize, before: &Tree, after: &Tree) {
        let was = self.read();
        let act = Act { part: Part::Launcher, nth, kill: Vec::new(), hold: true };
        let mut tracer = self.run(change, vec![act]);
        let held = tracer.wait_until_held().expect("it comes to that call");
        let (seen, there) = (self.read(), self.tickets());
        assert!(there == *before || there == *after, "it is between");
        tracer.release(held);
        let report: Report = tracer.finish();
        assert_eq!(report.root, Some(End::Exited(0)));
        assert_eq!(self.tickets(), *after);
        assert!(seen == if there == *before { was } else { self.read() }, "a reader sees what is between: {seen}");
    }

    /// Kills the command at a point, and looks at all that was promised; tells whether the change was made. Fails by
    /// panicking.
    fn killed_at(&self, change: &Change, nth: usize, before: &Tree, after: &Tree) -> bool {
        let act = Act { part: Part::Launcher, nth, kill: vec![Part::Launcher], hold: false };
        self.run(change, vec![act]).finish();
        self.env.wait_for_processes();
        let there = self.tickets();
        assert!(there == *before || there == *after, "it is between");
        // The tickets are whole; what the writer left is told, and goes with the next change.
        let doctor = run(&mut self.env.yoi(["ticket", "doctor"]), 0).stdout;
        let tmp = self.env.workspace().join(".yoi/tmp");
        let is_left = std::fs::read_dir(&tmp).is_ok_and(|mut entries| entries.next().is_some());
        assert_eq!(doctor.contains("a writer was killed"), is_left, "{doctor}");
        run(&mut self.env.yoi(["ticket", "comment", INCOMPLETE, "-m", "Go on"]), 0);
        assert!(!tmp.exists());
        there == *after
    }
}
