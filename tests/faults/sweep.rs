//! The sweep: every fault at every call of every verb, each in a registry of its own.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use super::trial::{Begin, FAULTS, Fault, Kept, Point, trace, trial};
use super::verbs::{VERBS, Verb};
use super::world::World;
use super::{Extent, Wanted};
use crate::common::TestEnv;

/// How many trials run at once.
pub const AT_ONCE: usize = 2;
/// Of a handful, every so manieth point is tried.
const STRIDE: usize = 101;

thread_local! {
    /// Where and why this thread failed last.
    static FAILURE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Makes a failure be kept for who prints it, instead of printed at once.
pub fn keep_failures() {
    std::panic::set_hook(Box::new(|panic| FAILURE.set(panic.to_string())));
}

/// Gives what was kept last of this thread.
pub fn last_failure() -> String {
    FAILURE.take()
}

/// What came of a verb.
#[derive(Default)]
struct Tally {
    by_fault: BTreeMap<String, usize>,
    as_before: usize,
    stands: usize,
    done: usize,
    violations: usize,
}

/// Sweeps, prints what came of it, and gives the number of violations.
pub fn run(wanted: &Wanted, env: &TestEnv) -> usize {
    let started = Instant::now();
    let (mut faults, mut violations) = (0, 0);
    for verb in VERBS.iter().filter(|verb| wanted.has(verb.name)) {
        let started = Instant::now();
        let tally = sweep(verb, wanted, env);
        let count = tally.by_fault.values().sum::<usize>();
        println!(
            "{:<24} {count:>4} faults: {:>3} done, {:>3} with its change, {:>3} as before; {} violations; {:.1} s",
            verb.name,
            tally.done,
            tally.stands,
            tally.as_before,
            tally.violations,
            started.elapsed().as_secs_f64()
        );
        faults += count;
        violations += tally.violations;
    }
    println!("{faults} faults, {violations} violations, {:.1} s", started.elapsed().as_secs_f64());
    violations
}

fn sweep(verb: &Verb, wanted: &Wanted, env: &TestEnv) -> Tally {
    let first = World::new(env, &format!("{}-0", verb.name));
    verb.prepare(&first);
    let (template, before) = (first.tree(), first.records());
    first.remove();
    // In a copy, as all others are: what is listed comes in another order where it was made in another one.
    first.write(&template);
    let rehearsal = trace(verb, &first, &verb.hold(&first), None, None);
    assert_eq!(rehearsal.outcome.status, verb.status, "{}: {}", verb.name, rehearsal.outcome.stderr);
    let (found, told) = (first.findings(), first.journal_lines());
    first.remove();
    let begin = Begin { verb, template, before, found, told };
    let calls = &rehearsal.calls;
    let points: Vec<Point> = (1..=calls.len())
        .flat_map(|nth| FAULTS.iter().map(move |fault| Point { nth, fault: *fault }))
        .filter(|point| point.fault.strikes(&calls[point.nth - 1]))
        .filter(|point| wanted.point.is_none_or(|nth| nth == point.nth))
        .filter(|point| wanted.fault.as_ref().is_none_or(|fault| *fault == point.fault.to_string()))
        .collect();
    let stride = match (wanted.extent, wanted.point) {
        (_, Some(_)) => 1,
        (Extent::Handful, None) => STRIDE,
        (extent, None) => {
            // They look at everything several times.
            let whole = if verb.has_threads() { 3 } else { 1 };
            if extent == Extent::Most { 2 * whole } else { whole }
        }
    };
    let points: Vec<Point> = points.into_iter().step_by(stride).collect();
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let work = || {
        while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let call = &calls[point.nth - 1];
            let world = World::new(env, &format!("{}-{}-{}", verb.name, point.nth, point.fault));
            let kept = catch_unwind(AssertUnwindSafe(|| trial(&begin, &world, point, call)));
            world.remove();
            let mut tally = tally.lock().unwrap();
            *tally.by_fault.entry(kind(point.fault).to_owned()).or_default() += 1;
            match kept {
                Ok(Kept::Done) => tally.done += 1,
                Ok(Kept::Stands) => tally.stands += 1,
                Ok(Kept::AsBefore) => tally.as_before += 1,
                Err(_) => {
                    tally.violations += 1;
                    println!(
                        "VIOLATION in {}: {} at call {}, {} {}\n  {}\n  again: cargo test --test faults -- sweep {} --point {} --fault {}",
                        verb.name,
                        point.fault,
                        point.nth,
                        call.name,
                        call.about(),
                        last_failure(),
                        verb.name,
                        point.nth,
                        point.fault
                    );
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap()
}

fn kind(fault: Fault) -> &'static str {
    match fault {
        Fault::Kill => "kills",
        Fault::Fails(_) => "errors",
        Fault::ReplyLost => "lost replies",
    }
}
