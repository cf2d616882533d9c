//! Kills `pod-hold` before each of its system calls that matter, and looks at what that leaves.
//!
//! Its warden, its holder or both are killed, in a launch and where a Pod is taken up again. After every trial: nothing
//! of the Pod lives; a claim stands only for a Pod that can be taken up again by the same command line, which keeps it as
//! it is; where none stands, the program has not run, and the same command line works as if nothing had been tried. Where
//! we trace the program as well, its holder cannot: that is how it is where nobody may trace.
//! `cargo test` tries a handful of points, `YOI_EXTENDED=1` each.
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

use common::{Outcome, Process, TestEnv, run};
use tracer::{Act, End, Part, Report, Spec, Tracer, Until};

const TICKET: &str = "T";
/// How many trials run at once.
const AT_ONCE: usize = 2;
/// How many points of each variant make a handful.
const HANDFUL: usize = 6;

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
    let wanted: Vec<&str> =
        arguments.iter().filter_map(|word| word.to_str()).filter(|word| !word.starts_with('-')).collect();
    let is_full = std::env::var_os("YOI_EXTENDED").is_some();
    let chosen = |variant: &Variant| wanted.is_empty() || wanted.iter().any(|name| variant.name().contains(name));
    if arguments.iter().any(|word| word == "--list") {
        variants().iter().for_each(|variant| println!("{}: test", variant.name()));
        return ExitCode::SUCCESS;
    }
    if !is_full {
        println!("a handful of points; YOI_EXTENDED=1 tries each");
    }
    let violations: usize = variants().iter().filter(|variant| chosen(variant)).map(|v| v.sweep(is_full)).sum();
    println!("{violations} violations");
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Who is killed, at whose calls, in what.
#[derive(Debug, Clone)]
struct Variant {
    kills: Vec<Part>,
    part: Part,
    /// Whether the Pod has been there before.
    is_again: bool,
    /// Whether the holder may trace its program.
    may_trace: bool,
}

fn variants() -> Vec<Variant> {
    let parts = [Part::Launcher, Part::Host];
    let mut variants = Vec::new();
    for (is_again, may_trace) in [(false, true), (true, true), (false, false)] {
        for part in parts {
            for kills in [vec![Part::Launcher], vec![Part::Host], parts.to_vec()] {
                variants.push(Variant { kills, part, is_again, may_trace });
            }
        }
    }
    variants
}

fn command() -> [&'static str; 10] {
    ["yoi-claim", "pod-hold", "me", "--role", "coder", "--ticket", TICKET, "--", "touch", "ran"]
}

impl Variant {
    fn name(&self) -> String {
        let name = |part: &Part| if *part == Part::Launcher { "warden" } else { "holder" };
        let kills: Vec<&str> = self.kills.iter().map(name).collect();
        let again = if self.is_again { "/again" } else { "" };
        let untraced = if self.may_trace { "" } else { "/untraced" };
        format!("{}@{}{again}{untraced}", kills.join("+"), name(&self.part))
    }

    /// Tries the points; gives how many broke a promise.
    fn sweep(&self, is_full: bool) -> usize {
        let whole = Trial::new(self.is_again).launch(self, Vec::new());
        assert_eq!(whole.root, Some(End::Exited(0)), "a launch to which nothing is done");
        let calls = whole.calls.get(&self.part).cloned().unwrap_or_default();
        let there = |nth: &usize| self.kills.iter().all(|part| calls[nth - 1].among.contains(part));
        let all: Vec<usize> = (1..=calls.len()).filter(there).collect();
        let step = if is_full { 1 } else { (all.len() / HANDFUL).max(1) };
        let points: Vec<usize> = all.into_iter().step_by(step).collect();
        let (next, bad, claimed) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            while let Some(nth) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut trial = Trial::new(self.is_again);
                match catch_unwind(AssertUnwindSafe(|| trial.at(self, *nth))) {
                    Ok(has_claim) => drop(claimed.fetch_add(usize::from(has_claim), Ordering::Relaxed)),
                    Err(_) => {
                        println!("VIOLATION in {}, before call {nth}, {}", self.name(), calls[nth - 1]);
                        println!("all that it left is in {}", trial.env.root().display());
                        bad.fetch_add(1, Ordering::Relaxed);
                        trial.env.keep();
                        trial.env.processes().iter().for_each(Process::kill);
                        trial.env.wait_for_processes();
                    }
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..AT_ONCE {
                scope.spawn(work);
            }
        });
        let (bad, claimed) = (bad.into_inner(), claimed.into_inner());
        println!("{:<28} {:>4} points: {claimed:>3} with a claim; {bad} violations", self.name(), points.len());
        bad
    }
}

struct Trial {
    env: TestEnv,
    /// What the claim was before.
    before: Option<String>,
}

impl Trial {
    fn new(is_again: bool) -> Self {
        let memory = Path::new("/dev/shm");
        let env = if memory.is_dir() { TestEnv::new_in(memory) } else { TestEnv::new() };
        run(&mut env.yoi_claim(["ticket-lock", "another", "--", "true"]), 0);
        let mut trial = Self { env, before: None };
        if is_again {
            run(&mut trial.again(), 0);
            trial.before = trial.claim();
            assert!(trial.before.is_some());
        }
        trial
    }

    /// The command line once more.
    fn again(&self) -> std::process::Command {
        self.env.yoi_claim(&command()[1..])
    }

    /// The identity of the claim that stands.
    fn claim(&self) -> Option<String> {
        let shown = Outcome::of(&mut self.env.yoi_claim([
            "claim-show",
            TICKET,
            "--format",
            "{pod} {pod_id} {generation} {nonce}",
        ]));
        (shown.status == 0).then_some(shown.stdout)
    }

    fn launch(&self, variant: &Variant, acts: Vec<Act>) -> Report {
        let output = self.env.root().join("output");
        let until = if variant.may_trace { Until::AllButTheHeldEnd } else { Until::AllEnd };
        let spec = Spec { acts, until };
        let report = Tracer::start(|program| self.env.command(program), &spec, command(), &output).finish();
        assert_eq!(report.overdue, [""; 0], "these have not come to an end");
        report
    }

    /// Kills at a point, and looks at all that was promised; tells whether a claim stands. Fails by panicking.
    fn at(&self, variant: &Variant, nth: usize) -> bool {
        let act = Act { part: variant.part, nth, kill: variant.kills.clone(), hold: false };
        self.launch(variant, vec![act]);
        self.env.wait_for_processes();
        let registry = self.env.registry();
        assert!(!registry.pod_lives(&common::scene::pod("me")).unwrap(), "its lock is held");
        let claim = self.claim();
        match (&claim, &self.before) {
            (found, Some(before)) => assert_eq!(found.as_ref(), Some(before), "the claim is another"),
            (Some(_), None) => {
                run(
                    &mut self.env.yoi_claim(["pod-hold", "you", "--role", "coder", "--ticket", TICKET, "--", "true"]),
                    1,
                );
                let status = run(&mut self.env.yoi_claim(["claim-list", "--format", "{status}"]), 0).stdout;
                assert_eq!(status, "restorable\n");
            }
            (None, None) if variant.may_trace => {
                assert!(!self.env.workspace().join("ran").exists(), "it has run without a claim");
            }
            (None, None) => {}
        }
        run(&mut self.again(), 0);
        let after = self.claim().expect("a claim");
        assert!(claim.as_ref().is_none_or(|claim| *claim == after), "the claim was replaced");
        assert!(after.starts_with("me "), "{after}");
        // A commit that was killed before it could tell the journal is told of now.
        Outcome::of(&mut self.env.yoi_claim(["verify", "--repair"]));
        assert_eq!(run(&mut self.env.yoi_claim(["verify"]), 0).stdout, "");
        for dir in ["offers", "tmp"] {
            assert_eq!(common::scene::names(&registry.dir().join(dir)), Vec::<String>::new(), "{dir}");
        }
        claim.is_some()
    }
}
