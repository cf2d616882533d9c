//! The sweep: every variant at every point, each in a world of its own, and what came of it.

mod trial;
mod variants;
mod world;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::common::Process;
use crate::tracer::{Call, Part};
use trial::{Kept, Point, trial};
use variants::{Deed, Variant, variants};
use world::World;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Some points of each variant.
    Handful,
    /// Every point of the variants that matter most, some of the others, none of those that take very long.
    Full,
    /// Everything.
    All,
}

/// What to sweep.
#[derive(Debug, Clone)]
pub struct Sweep {
    pub extent: Extent,
    /// Only variants of which the name contains one of these; all where there is none.
    pub names: Vec<String>,
    /// Only this point.
    pub point: Option<usize>,
    /// In a race, only this point of the other side.
    pub then: Option<usize>,
}

/// How many trials run at once that mostly compute, and that mostly wait.
const BUSY: usize = 2;
const IDLE: usize = 8;
/// More calls than it takes a Pod to give up.
const MOST_CALLS: usize = 200;
/// The variants of a handful, and how many points of each make one.
const HANDFUL_OF: &[&str] = &[
    "launcher@launcher",
    "host@host",
    "launcher+host@launcher",
    "launcher+warden+host@host",
    "stop@launcher",
    "launcher@verb/script",
    "host@host/restore",
];
const HANDFUL: usize = 2;

thread_local! {
    /// Where and why this thread failed last.
    static FAILURE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What came of a variant.
#[derive(Debug, Default)]
struct Tally {
    points: usize,
    /// Launches that ended before the point: the number of calls differs by a few from run to run.
    not_reached: usize,
    claimed: usize,
    violations: usize,
}

impl Tally {
    fn count(&mut self, kept: Option<&Kept>) {
        self.points += 1;
        match kept {
            Some(kept) => {
                self.not_reached += usize::from(!kept.reached);
                self.claimed += usize::from(kept.claimed);
            }
            None => self.violations += 1,
        }
    }
}

impl Sweep {
    /// The names of all that can be asked for.
    pub fn names() -> impl Iterator<Item = String> {
        variants().into_iter().map(|variant| variant.name)
    }

    /// Sweeps, prints what came of it, and gives the number of variants without and with a violation.
    pub fn run(&self) -> (usize, usize) {
        std::panic::set_hook(Box::new(|panic| {
            FAILURE.set(panic.to_string());
        }));
        let wanted = |variant: &Variant| {
            let named = self.names.iter().any(|name| variant.name.contains(name.as_str()));
            let belongs = match self.extent {
                Extent::Handful => HANDFUL_OF.contains(&variant.name.as_str()),
                Extent::Full => variant.stride.is_some(),
                Extent::All => true,
            };
            named || (self.names.is_empty() && belongs)
        };
        let first = AtomicBool::new(true);
        let (mut points, mut passed, mut failed) = (0, 0, 0);
        for variant in variants().into_iter().filter(wanted) {
            let started = Instant::now();
            let tally = self.sweep(&variant, &first);
            println!(
                "{:<36} {:>4} points: {:>3} with a claim, {:>3} without, {:>2} not reached; {} violations; {:.1} s",
                variant.name,
                tally.points,
                tally.claimed,
                tally.points - tally.claimed - tally.violations,
                tally.not_reached,
                tally.violations,
                started.elapsed().as_secs_f64()
            );
            points += tally.points;
            *(if tally.violations == 0 { &mut passed } else { &mut failed }) += 1;
        }
        println!("{points} points tried in {} variants", passed + failed);
        (passed, failed)
    }

    fn sweep(&self, variant: &Variant, first: &AtomicBool) -> Tally {
        let Some(whole) = attempt(variant, None, "a launch to which nothing is done", first) else {
            return Tally { violations: 1, ..Tally::default() };
        };
        let calls = whole.report.calls.get(&variant.part).map(Vec::as_slice).unwrap_or_default();
        let points = self.points(variant, calls);
        let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
        let try_at = |point: Point| {
            let name = match variant.deed {
                Deed::Race(_) => format!("point {}, then {}", point.nth, point.then),
                _ => format!("point {}", point.nth),
            };
            let kept =
                attempt(variant, Some(point), &format!("{name} (in the rehearsal: {})", calls[point.nth - 1]), first);
            tally.lock().unwrap().count(kept.as_ref());
            kept.is_none_or(|kept| kept.reached)
        };
        let try_points = || {
            while let Some(nth) = points.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
                // How many calls it takes a Pod to give up is seen when there are no more.
                let thens = match (&variant.deed, self.then) {
                    (Deed::Race(_), None) => 1..=MOST_CALLS,
                    (_, then) => then.unwrap_or(1)..=then.unwrap_or(1),
                };
                let stride = if self.extent == Extent::Handful { HANDFUL * 6 } else { 1 };
                let mut points = thens.step_by(stride).map(|then| Point { nth, then });
                while points.next().is_some_and(try_at) {}
            }
        };
        let at_once = if variant.waits() { IDLE } else { BUSY };
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(try_points);
            }
        });
        tally.into_inner().unwrap()
    }

    /// The points of a variant: the calls at which all are there that it is about.
    fn points(&self, variant: &Variant, calls: &[Call]) -> Vec<usize> {
        let there = |call: &Call| match &variant.deed {
            Deed::Kill(parts) => parts.iter().all(|part| call.among.contains(part)),
            _ => call.among.contains(&Part::Launcher),
        };
        let commit = calls.iter().position(|call| call.name.starts_with("link") && call.about.contains("/claims/"));
        let near = |nth: usize| match (&variant.deed, commit) {
            // Before the link, and before its name is durable, and before the offer is gone.
            (Deed::Race(_), Some(commit)) if self.extent != Extent::All => (commit + 1..commit + 4).contains(&nth),
            (Deed::Race(_), Some(commit)) => (commit - 2..commit + 6).contains(&nth),
            _ => true,
        };
        let points: Vec<usize> = (1..=calls.len()).filter(|nth| there(&calls[nth - 1]) && near(*nth)).collect();
        match (self.point, self.extent) {
            (Some(point), _) => vec![point.clamp(1, calls.len())],
            (None, Extent::Handful) => {
                // In the middle, where most is under way.
                let step = points.len() / (HANDFUL + 1);
                points.into_iter().skip(step).step_by(step.max(1)).take(HANDFUL).collect()
            }
            (None, Extent::Full) => points.into_iter().step_by(variant.stride.unwrap_or(1)).collect(),
            (None, Extent::All) => points,
        }
    }
}

/// Runs one trial in a world of its own; `None`, and a word on it, where a promise was broken.
fn attempt(variant: &Variant, point: Option<Point>, name: &str, first: &AtomicBool) -> Option<Kept> {
    let mut world = World::new(variant.agent, variant.before);
    let kept = catch_unwind(AssertUnwindSafe(|| trial(variant, point, &world))).ok();
    if kept.is_none() {
        println!("VIOLATION in {}, {name}:\n{}", variant.name, FAILURE.take());
        if first.swap(false, Ordering::Relaxed) {
            println!("all that it left is in {}", world.env.root().display());
            world.env.keep();
        }
        world.env.processes().iter().for_each(Process::kill);
        world.env.wait_for_processes();
    }
    kept
}
