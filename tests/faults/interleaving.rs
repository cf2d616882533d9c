//! Two verbs on one ticket: the first is stopped before each of its calls, the second runs until it ends or waits for the
//! first, then the first goes on. Whatever they answer and leave must be what they answer and leave one after the other,
//! in one order or the other.
//!
//! And a verb that takes a claim from a stopped Pod, while that Pod comes back at each moment: never both.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use nix::errno::Errno;
use yoi::domain::Claim;
use yoi::registry::{Registry, Withdrawn, Workspace};

use super::calls::{Call, decode};
use super::sweep::{AT_ONCE, last_failure};
use super::tracee::{Stop, Tracee};
use super::verbs::{VERBS, claimed, completed, neighbours, nobody, nonce, nothing, taker_lives};
use super::world::{Held, TICKET, Tree, World, pod, ticket};
use super::{Extent, Wanted};
use crate::common::{Outcome, TestEnv};

type Words = &'static [&'static str];

/// Two verbs, and what they begin from.
struct Pair {
    name: &'static str,
    prepare: fn(&World),
    hold: fn(&World) -> Held,
    first: Words,
    second: Words,
}

const COMMIT_P: Words = &["claim-commit", TICKET, "--pod", "p", "--role", "intake"];
const COMMIT_Q: Words = &["claim-commit", TICKET, "--pod", "q", "--role", "intake"];
const COMMIT_OTHER: Words = &["claim-commit", "U", "--pod", "q", "--role", "intake"];
const COMPLETE: Words = &["claim-complete", TICKET, "--expect", "1"];
const RELEASE: Words = &["claim-release", TICKET, "--expect", "1", "--reason", "r"];
const TO_Q: Words = &["claim-commit", TICKET, "--pod", "q", "--role", "coder", "--expect", "1"];
const TO_Q_TO_REVIEW: Words = &["claim-commit", TICKET, "--pod", "q", "--role", "reviewer", "--expect", "1"];
const RECORD_T: Words = &["session-record", "p", "--role", "intake", "--origin", "ticket_claim", "--ticket", "T"];
const RECORD_U: Words = &["session-record", "p", "--role", "intake", "--origin", "ticket_claim", "--ticket", "U"];

const PAIRS: &[Pair] = &[
    Pair { name: "commit-commit", prepare: neighbours, hold: nobody, first: COMMIT_P, second: COMMIT_Q },
    Pair { name: "commit-same-commit", prepare: neighbours, hold: nobody, first: COMMIT_P, second: COMMIT_P },
    Pair { name: "commit-commit-first-of-all", prepare: nothing, hold: nobody, first: COMMIT_P, second: COMMIT_OTHER },
    Pair { name: "complete-release", prepare: claimed, hold: nobody, first: COMPLETE, second: RELEASE },
    Pair { name: "release-complete", prepare: claimed, hold: nobody, first: RELEASE, second: COMPLETE },
    Pair { name: "complete-complete", prepare: claimed, hold: nobody, first: COMPLETE, second: COMPLETE },
    Pair { name: "release-release", prepare: claimed, hold: nobody, first: RELEASE, second: RELEASE },
    Pair { name: "release-commit", prepare: claimed, hold: nobody, first: RELEASE, second: COMMIT_Q },
    Pair { name: "commit-release", prepare: claimed, hold: nobody, first: COMMIT_Q, second: RELEASE },
    Pair { name: "complete-hand-over", prepare: claimed, hold: taker_lives, first: COMPLETE, second: TO_Q },
    Pair { name: "hand-over-complete", prepare: completed, hold: taker_lives, first: TO_Q, second: COMPLETE },
    Pair { name: "hand-over-hand-over", prepare: completed, hold: taker_lives, first: TO_Q, second: TO_Q_TO_REVIEW },
    Pair { name: "hand-over-release", prepare: completed, hold: taker_lives, first: TO_Q, second: RELEASE },
    Pair { name: "release-hand-over", prepare: completed, hold: taker_lives, first: RELEASE, second: TO_Q },
    Pair { name: "session-session", prepare: neighbours, hold: nobody, first: RECORD_T, second: RECORD_U },
];

/// Verbs that take a claim from a stopped Pod, which comes back meanwhile.
const TAKING: &[Pair] = &[
    Pair { name: "release-restore", prepare: claimed, hold: nobody, first: RELEASE, second: &[] },
    Pair { name: "hand-over-restore", prepare: completed, hold: taker_lives, first: TO_Q, second: &[] },
];

/// A launcher that commits, and its Pod that gives up meanwhile, each stopped before each of its calls.
const GIVING_UP: &[&str] = &["commit-withdraw", "withdraw-commit"];

/// The argument with which this program gives an attempt up as a Pod's host does; the root of the bench and the data
/// directory follow. Its status is 0 where it found no claim, and 1 where the claim stands.
pub const WITHDRAW: &str = "--withdraw";

/// Of a handful, every so manieth moment is tried.
const STRIDE: usize = 9;

/// What two verbs came to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Result {
    statuses: [i32; 2],
    state: String,
}

impl fmt::Display for Result {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "statuses {:?}, {}", self.statuses, self.state)
    }
}

/// Tries all pairs, prints what came of them, and gives the number of violations.
pub fn run(wanted: &Wanted, env: &TestEnv) -> usize {
    let started = Instant::now();
    let (mut moments, mut violations) = (0, 0);
    let mut count = |name: &str, started: Instant, (tried, broken): (usize, usize)| {
        let seconds = started.elapsed().as_secs_f64();
        println!("{name:<26} {tried:>3} interleavings; {broken} violations; {seconds:.1} s");
        moments += tried;
        violations += broken;
    };
    for pair in PAIRS.iter().chain(TAKING).filter(|pair| wanted.has(pair.name)) {
        let started = Instant::now();
        count(pair.name, started, interleave(pair, wanted, env));
    }
    for name in GIVING_UP.iter().copied().filter(|name| wanted.has(name)) {
        let started = Instant::now();
        count(name, started, give_up(name, wanted, env));
    }
    println!("{moments} interleavings, {violations} violations, {:.1} s", started.elapsed().as_secs_f64());
    violations
}

fn interleave(pair: &Pair, wanted: &Wanted, env: &TestEnv) -> (usize, usize) {
    let first = World::new(env, &format!("{}-0", pair.name));
    (pair.prepare)(&first);
    let template = first.tree();
    first.remove();
    // How many calls the first one makes, and what the two come to one after the other.
    let (calls, orders) = if pair.second.is_empty() {
        (with_returning_pod(pair, env, &template, usize::MAX).0, Vec::new())
    } else {
        let (calls, in_order) = at(pair, env, &template, usize::MAX);
        (calls, vec![in_order, at(pair, env, &template, 1).1])
    };
    at_each(pair.name, calls, wanted, |nth| {
        if pair.second.is_empty() {
            with_returning_pod(pair, env, &template, nth);
            return;
        }
        let (_, result) = at(pair, env, &template, nth);
        assert!(orders.contains(&result), "{result}\n  one after the other: {}\n  or: {}", orders[0], orders[1]);
    })
}

/// Lets a Pod give up while its launcher commits its offer, the first of the two stopped before each of its calls: the
/// claim stands and both say so, or neither.
fn give_up(name: &str, wanted: &Wanted, env: &TestEnv) -> (usize, usize) {
    let verb = VERBS.iter().find(|verb| verb.name == "commit-offer").unwrap();
    let prepared = World::new(env, &format!("{name}-0"));
    verb.prepare(&prepared);
    let template = prepared.tree();
    prepared.remove();
    let try_at = |nth: usize| {
        let world = world(name, env, &template);
        let held = verb.hold(&world);
        let mut commit = verb.command(&world, &held);
        let mut withdraw = env.command(std::env::current_exe().unwrap());
        withdraw.arg(WITHDRAW).arg(env.root()).arg(world.data());
        let pod_is_first = name == "withdraw-commit";
        let (first, second) = if pod_is_first { (&mut withdraw, &mut commit) } else { (&mut commit, &mut withdraw) };
        let (mut first, mut second) = (Tracee::start(first), Tracee::start(second));
        let calls = go_on(&mut first, &world, |calls, _| calls == nth).calls;
        go_on(&mut second, &world, |_, _| false);
        go_on(&mut first, &world, |_, _| false);
        let (first, second) = (first.outcome(), second.outcome());
        let (withdrawn, committed) = if pod_is_first { (first, second) } else { (second, first) };
        match (withdrawn.status, committed.status) {
            (0, 4) => assert!(!verb.changed(&world), "given up, and claimed"),
            (1, 0) => assert!(verb.changed(&world), "committed, and no claim"),
            statuses => {
                panic!("Pod and launcher say otherwise: {statuses:?}: {} {}", withdrawn.stderr, committed.stderr)
            }
        }
        drop(held);
        world.remove();
        calls
    };
    let calls = try_at(usize::MAX);
    at_each(name, calls, wanted, |nth| {
        let _calls = try_at(nth);
    })
}

/// What this program does with [`WITHDRAW`].
pub fn withdraw(root: &Path, data: &Path) -> i32 {
    let registry = Registry::new(data, &root.join("run"), Workspace::find(&root.join("work")).unwrap());
    i32::from(registry.withdraw(&ticket(), nonce()).unwrap() == Withdrawn::Stands)
}

/// Tries something before each of the first one's calls; gives how often, and how often a promise was broken.
fn at_each(name: &str, calls: usize, wanted: &Wanted, try_at: impl Fn(usize) + Sync) -> (usize, usize) {
    let stride = if wanted.extent != Extent::Handful || wanted.point.is_some() { 1 } else { STRIDE };
    let points = (1..=calls).filter(|nth| wanted.point.is_none_or(|point| point == *nth));
    let points: Vec<usize> = points.step_by(stride).collect();
    let (next, violations) = (AtomicUsize::new(0), Mutex::new(0));
    let work = || {
        while let Some(nth) = points.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            if catch_unwind(AssertUnwindSafe(|| try_at(nth))).is_err() {
                *violations.lock().unwrap() += 1;
                println!(
                    "VIOLATION in {}: the first is stopped before its call {nth}\n  {}\n  again: cargo test --test faults -- interleaving {} --point {nth}",
                    name,
                    last_failure(),
                    name
                );
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    (points.len(), violations.into_inner().unwrap())
}

/// Runs a pair, the first stopped before a call; gives how many calls that made until then, and what they came to.
fn at(pair: &Pair, env: &TestEnv, template: &Tree, nth: usize) -> (usize, Result) {
    let world = world(pair.name, env, template);
    let held = (pair.hold)(&world);
    let mut first = Tracee::start(&mut world.yoi_claim(pair.first));
    let calls = go_on(&mut first, &world, |calls, _| calls == nth).calls;
    let mut second = Tracee::start(&mut world.yoi_claim(pair.second));
    let waits = |_: usize, stop: Moment| matches!(stop, Moment::Answer(call, value) if locks(call) && value == -i64::from(Errno::EAGAIN as i32));
    go_on(&mut second, &world, waits);
    go_on(&mut first, &world, |_, _| false);
    go_on(&mut second, &world, |_, _| false);
    drop(held);
    world.read_all();
    world.check_journal();
    assert_eq!(world.leftovers(), Vec::<String>::new(), "left behind");
    let statuses = [status(first), status(second)];
    let state = state(&world);
    world.remove();
    (calls, Result { statuses, state })
}

/// Runs the first verb of a pair, and stopped before a call takes the lock of the Pod that holds the claim, as its
/// restore does: where that succeeds while the claim stands, the claim is still there at the end.
fn with_returning_pod(pair: &Pair, env: &TestEnv, template: &Tree, nth: usize) -> (usize, ()) {
    let world = world(pair.name, env, template);
    let held = (pair.hold)(&world);
    let mut first = Tracee::start(&mut world.yoi_claim(pair.first));
    let calls = go_on(&mut first, &world, |calls, _| calls == nth).calls;
    let lock = world.registry().try_lock_pod(&pod("p")).unwrap();
    // A restore reads the claim again once it has the lock.
    let stood = lock.is_some() && world.claim().is_some_and(|claim| claim.pod == pod("p"));
    go_on(&mut first, &world, |_, _| false);
    let stands = world.claim().is_some_and(|claim| claim.pod == pod("p"));
    assert!(stands || !stood, "the Pod came back under its claim, and the claim was taken from it");
    assert_eq!(status(first), i32::from(stood));
    drop((lock, held));
    world.remove();
    (calls, ())
}

fn world<'a>(name: &str, env: &'a TestEnv, template: &Tree) -> World<'a> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    World::of(env, &format!("{name}-{}", NUMBER.fetch_add(1, Ordering::Relaxed)), template)
}

/// Where a process has come to.
enum Moment<'a> {
    /// Before a call.
    Entry,
    /// After it was answered.
    Answer(&'a Call, i64),
}

struct Went {
    /// How many calls about files of ours it has made, the one that it stopped before included.
    calls: usize,
}

fn locks(call: &Call) -> bool {
    matches!(call.name, "flock" | "fcntl")
}

/// Lets a process go on until `stop`, or its end.
fn go_on(tracee: &mut Tracee, world: &World, stop: impl Fn(usize, Moment) -> bool) -> Went {
    let mut calls = 0;
    while !tracee.has_ended() {
        let Stop::Entry { number, arguments } = tracee.step() else { continue };
        let Some(call) = decode(tracee, number, arguments).filter(|call| call.is_below(world.env().root())) else {
            continue;
        };
        calls += 1;
        if stop(calls, Moment::Entry) {
            break;
        }
        let Stop::Exit { value } = tracee.step() else { break };
        if stop(calls, Moment::Answer(&call, value)) {
            break;
        }
    }
    Went { calls }
}

fn status(tracee: Tracee) -> i32 {
    let Outcome { status, stderr, .. } = tracee.outcome();
    assert!([0, 1].contains(&status), "status {status}: {stderr}");
    status
}

/// What is there, without what differs each time.
fn state(world: &World) -> String {
    let told = |claim: Claim| {
        let previous: Vec<String> =
            claim.previous.iter().map(|old| format!("{} {}", old.pod, old.generation)).collect();
        let done = if claim.completed_at.is_some() { " completed" } else { "" };
        format!("{} {} {}{done} after {previous:?}", claim.pod, claim.role, claim.generation)
    };
    let mut related = world
        .registry()
        .session(&pod("p"))
        .unwrap()
        .map(|session| session.related_tickets.iter().map(ToString::to_string).collect::<Vec<_>>());
    related.iter_mut().for_each(|related| related.sort());
    let paths: Vec<String> = world.records().into_keys().collect();
    format!(
        "claim {:?}, tombstone {:?}, session {related:?}, {paths:?}",
        world.claim().map(told),
        world.tombstone().map(told)
    )
}
