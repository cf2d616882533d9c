//! One trial: a verb, a fault in one of its system calls, and a look at what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use nix::errno::Errno;

use super::calls::{Call, Kind, decode, makes_a_thread};
use super::reordering::Recording;
use super::tracee::{Stop, Tracee};
use super::verbs::Verb;
use super::world::{Held, Tree, World};
use crate::common::Outcome;

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process is killed before it.
    Kill,
    /// It is not carried out, and fails.
    Fails(Errno),
    /// It is carried out, and only its reply is lost.
    ReplyLost,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill => f.write_str("SIGKILL"),
            Self::Fails(error) => write!(f, "{error:?}"),
            Self::ReplyLost => f.write_str("reply-lost"),
        }
    }
}

/// Every fault that is tried.
pub const FAULTS: &[Fault] = &[
    Fault::Kill,
    Fault::Fails(Errno::ENOSPC),
    Fault::Fails(Errno::EIO),
    Fault::Fails(Errno::EMFILE),
    Fault::Fails(Errno::EROFS),
    Fault::Fails(Errno::EINTR),
    Fault::Fails(Errno::EDQUOT),
    Fault::ReplyLost,
];

impl Fault {
    /// Whether it can happen to a call, and makes a difference to it.
    pub fn strikes(self, call: &Call) -> bool {
        match self {
            Self::Kill => true,
            // Nobody can do anything about a close that fails: it is not asked.
            Self::Fails(_) => call.kind != Kind::Close,
            Self::ReplyLost => call.kind.changes(),
        }
    }
}

/// A place for a fault: a call, counted from 1 among those about files of ours.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    pub nth: usize,
    pub fault: Fault,
}

/// What a verb did when it was traced.
pub struct Traced {
    /// Its calls about files of ours.
    pub calls: Vec<Call>,
    pub outcome: Outcome,
}

/// Runs a verb under a tracer, with a fault at one point; `None`: nothing is done to it.
pub fn trace(
    verb: &Verb,
    world: &World,
    held: &Held,
    point: Option<Point>,
    mut recording: Option<&mut Recording>,
) -> Traced {
    let ours = world.env().root();
    let mut tracee = Tracee::start(&mut verb.command(world, held));
    let mut calls: Vec<Call> = Vec::new();
    loop {
        let entered = match tracee.step() {
            Stop::Ended => break,
            Stop::Exit { .. } => continue,
            Stop::Entry { number, .. } if verb.is_batch() && makes_a_thread(number) => {
                // Its one thread then does everything, in the same order each time.
                tracee.refuse(Errno::EAGAIN);
                continue;
            }
            Stop::Entry { number, arguments } => decode(&tracee, number, arguments),
        };
        let Some(call) = entered.filter(|call| call.is_below(ours)) else { continue };
        calls.push(call.clone());
        let fault = point.filter(|point| point.nth == calls.len()).map(|point| point.fault);
        let existed = call.path.symlink_metadata().is_ok();
        match fault {
            Some(Fault::Kill) => {
                tracee.kill();
                break;
            }
            Some(Fault::Fails(_)) => tracee.leave_out(),
            Some(Fault::ReplyLost) | None => {}
        }
        let Stop::Exit { value } = tracee.step() else { panic!("a call has an end") };
        match fault {
            Some(Fault::Fails(error)) => tracee.answer(error),
            Some(Fault::ReplyLost) if value >= 0 => tracee.answer(Errno::EIO),
            _ => {}
        }
        if let Some(recording) = &mut recording
            && value >= 0
        {
            recording.note(calls.len(), &call, world, &tracee, value, existed);
        }
    }
    Traced { calls, outcome: tracee.outcome() }
}

/// The records of a registry, by their path below it.
pub type Records = BTreeMap<String, Vec<u8>>;

/// What a trial came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The verb failed, or was killed, and all is as it was.
    AsBefore,
    /// The verb failed, or was killed, and its change stands.
    Stands,
    /// The verb succeeded all the same.
    Done,
}

/// Tells whether a verb's change is there, and fails where neither it is nor all is as it was, or where another record
/// than its own was touched.
pub fn is_changed(verb: &Verb, world: &World, before: &Records) -> bool {
    let now = world.records();
    let others = |records: &Records| {
        let mut records = records.clone();
        records.retain(|path, _| !verb.is_own(path));
        records
    };
    assert!(others(&now) == others(before), "another record was touched: {:?} to {:?}", before.keys(), now.keys());
    let changed = verb.changed(world);
    let own = |records: &Records| {
        // That the registry was made is no change of the verb's.
        let own = records.iter().filter(|(path, _)| verb.is_own(path) && *path != "workspace.toml");
        own.map(|(path, bytes)| (path.clone(), bytes.clone())).collect::<Records>()
    };
    // A claim that nobody can read is as it was for as long as it is there.
    let is_as_it_was = own(&now) == own(before) || world.is_damaged() || verb.is_made_in_steps();
    assert!(changed || is_as_it_was, "neither as it was nor changed: {:?}", now.keys());
    changed
}

/// A verb, and what is known of it.
pub struct Begin<'a> {
    pub verb: &'a Verb,
    /// What it begins from.
    pub template: Tree,
    pub before: Records,
    /// What `verify` finds when nothing was done to it.
    pub found: BTreeSet<String>,
    /// How many lines the journal has then.
    pub told: usize,
}

/// Tries a verb with a fault at a point, in a copy of what it begins from; fails by panicking.
pub fn trial(begin: &Begin, world: &World, point: Point, expected: &Call) -> Kept {
    let Begin { verb, template, before, .. } = begin;
    world.write(template);
    let held = verb.hold(world);
    let Traced { calls, outcome } = trace(verb, world, &held, Some(point), None);
    let reached = calls.get(point.nth - 1).expect("the verb makes as many calls each time");
    // Threads of one that has some come in this order or that.
    let same = (reached.name, reached.kind) == (expected.name, expected.kind);
    assert!(same || verb.has_threads(), "{} in the place of {}", reached.name, expected.name);
    let changed = is_changed(verb, world, before);
    let kept = match outcome.status {
        0 => {
            assert!(changed, "acknowledged and not there");
            Kept::Done
        }
        5 => {
            assert!(changed || verb.is_made_in_steps(), "said to stand and not there");
            Kept::Stands
        }
        137 if point.fault == Fault::Kill => {
            if changed {
                Kept::Stands
            } else {
                Kept::AsBefore
            }
        }
        // What goes wrong on the machine is told as that, or makes no difference.
        status if status == verb.status || status == 128 => {
            // A repair answers with what it found, done or not.
            let was_there = verb.is_repeat() || verb.is_repair() || verb.is_made_in_steps();
            assert!(
                !changed || was_there,
                "said not to be done and done: status {}, {}",
                outcome.status,
                outcome.stderr
            );
            if was_there { Kept::Stands } else { Kept::AsBefore }
        }
        status => panic!("status {status}: {}", outcome.stderr),
    };
    if outcome.status == 128 || outcome.status == 5 {
        let root = world.env().root().to_str().unwrap();
        let said = format!("{}{}", outcome.stderr, if verb.is_repair() { &outcome.stdout } else { "" });
        let named = [root, "YOI_TICKET_LOCK", "YOI_LAUNCHER"].iter().any(|name| said.contains(name));
        assert!(named, "no path is named: {}", outcome.stderr);
    }
    if ![0, 137].contains(&outcome.status) && !verb.is_repair() {
        assert!(outcome.stderr.starts_with("yoi-claim: "), "nothing is said: {outcome:?}");
    }
    world.check_journal();
    verb.check_answers(world, &outcome);
    if point.fault == Fault::Fails(Errno::EINTR) && expected.kind.is_begun_again() && !verb.has_threads() {
        assert_eq!(outcome.status, verb.status, "a signal makes a difference: {}", outcome.stderr);
        assert_eq!(world.journal_lines(), begin.told, "a signal makes a difference to the journal");
    }
    after_it(begin, world, held, changed);
    kept
}

/// What must hold after a fault, whatever it was: the repeat succeeds and leaves nothing behind.
fn after_it(begin: &Begin, world: &World, held: Held, was_changed: bool) {
    let Begin { verb, before, found, .. } = begin;
    let stood = world.records();
    let mut command = verb.command(world, &held);
    let repeat = Outcome::of(&mut command);
    drop(command);
    assert!(verb.is_repeated_by(&repeat, was_changed), "the repeat: {}, {}", repeat.status, repeat.stderr);
    let changed = is_changed(verb, world, before);
    assert_eq!(changed, verb.changes(), "after the repeat");
    assert!(verb.is_finished(world), "the repeat left it half done: {}, {}", repeat.status, repeat.stderr);
    verb.check_answers(world, &repeat);
    if was_changed || verb.is_batch() {
        // A repeat may relate the ticket to the Pod that was given it, and a batch goes on from what stands.
        let claims =
            |records: Records| records.into_iter().filter(|(path, _)| path.starts_with("claims/")).collect::<Records>();
        let mut claims_now = claims(world.records());
        let stood = claims(stood);
        claims_now.retain(|path, _| stood.contains_key(path) || !verb.is_batch());
        assert!(claims_now == stood, "a repeat changes nothing");
    }
    world.read_all();
    world.check_journal();
    drop(held);
    let left = world.leftovers();
    if !left.is_empty() {
        // A repeat that is answered from the claim takes no lock, and so removes nothing: the next change does.
        assert!(was_changed && (verb.is_commit() || verb.is_reclaim()), "left after the repeat: {left:?}");
        verb.change_once_more(world);
        let left = world.leftovers();
        assert!(left.is_empty(), "left after the next change: {left:?}");
    }
    let more = |world: &World| world.findings().difference(found).cloned().collect::<Vec<_>>();
    let found_now = more(world);
    if found_now.iter().any(|finding| finding.starts_with("journal-lacks-")) {
        // The claims are the truth; the journal is made to tell of them.
        world.run(&["verify", "--repair"]);
        assert_eq!(more(world), Vec::<String>::new(), "verify --repair leaves something");
    } else {
        assert_eq!(found_now, Vec::<String>::new(), "verify finds more");
    }
}
