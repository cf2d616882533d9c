//! Power cuts: each verb is recorded, and whatever the disk may hold after a power cut at any moment of it is read by the
//! real readers, and written to again by the verb itself.
//!
//! The same for a verb that was killed at any moment, and a repeat of it: who relies on what another left must not take
//! for durable what only can be seen.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use nix::libc;

use super::calls::{Call, Kind};
use super::model::{Disk, Op};
use super::sweep::{AT_ONCE, last_failure};
use super::tracee::Tracee;
use super::trial::{Fault, Point, Records, Traced, is_changed, trace};
use super::verbs::{VERBS, Verb};
use super::world::{Tree, World};
use super::{Extent, Wanted};
use crate::common::{Outcome, TestEnv};

/// What a data directory is called on the modelled disk.
const DATA: &str = "data";
/// In every so manieth of the states that differ, the verb is run again.
const AGAIN: usize = 8;
/// Of a handful, a repeat follows on every so manieth kill.
const STRIDE: usize = 17;

/// What was done to the disk, and by which call each.
#[derive(Default)]
pub struct Recording {
    pub ops: Vec<(usize, Op)>,
}

impl Recording {
    /// Takes note of a call that succeeded; `existed` tells whether what it is about was there before.
    pub fn note(&mut self, nth: usize, call: &Call, world: &World, tracee: &Tracee, value: i64, existed: bool) {
        let at = |path: &Path| match path.strip_prefix(world.data()) {
            Ok(inside) if inside.as_os_str().is_empty() => Some(PathBuf::from(DATA)),
            Ok(inside) => Some(Path::new(DATA).join(inside)),
            // The directory around all of them.
            Err(_) => (path == world.env().root()).then(PathBuf::new),
        };
        let Some(path) = at(&call.path) else { return };
        let exchanges = call.name == "renameat2" && call.arguments[4] & u64::from(libc::RENAME_EXCHANGE) != 0;
        assert!(!exchanges, "the model does not know how to exchange names");
        let from = call.from.as_deref().and_then(at);
        let written = || tracee.bytes(call.arguments[1], value.try_into().unwrap());
        let op = match call.kind {
            Kind::Open if !existed && call.arguments[2] & libc::O_CREAT as u64 != 0 => Op::Create(path),
            Kind::Open | Kind::Close | Kind::Other => return,
            Kind::Mkdir => Op::Mkdir(path),
            Kind::Link => Op::Link(from.unwrap(), path),
            Kind::Rename => Op::Rename(from.unwrap(), path),
            Kind::Unlink | Kind::Rmdir => Op::Unlink(path),
            Kind::Write => Op::Write(path, None, written()),
            Kind::WriteAt => Op::Write(path, Some(call.arguments[3]), written()),
            Kind::Truncate => Op::Truncate(path, call.arguments[1]),
            Kind::Sync => Op::Sync(path),
        };
        self.ops.push((nth, op));
    }
}

/// What came of a verb.
#[derive(Default)]
struct Tally {
    moments: usize,
    states: usize,
    looked_at: usize,
    violations: usize,
}

/// Tries all verbs but those whose threads cannot be recorded in their order, prints what came of them, and gives the number of violations.
pub fn run(wanted: &Wanted, env: &TestEnv) -> usize {
    let started = Instant::now();
    let (mut moments, mut states, mut violations) = (0, 0, 0);
    for verb in VERBS.iter().filter(|verb| !verb.has_threads() && is_wanted(verb, wanted)) {
        let started = Instant::now();
        let tally = cut(verb, wanted, env);
        println!(
            "{:<24} power cut at {:>3} moments: {:>6} states, {:>4} of them different; {} violations; {:.1} s",
            verb.name,
            tally.moments,
            tally.states,
            tally.looked_at,
            tally.violations,
            started.elapsed().as_secs_f64()
        );
        moments += tally.moments;
        states += tally.states;
        violations += tally.violations;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("power cut at {moments} moments: {states} states, {violations} violations, {seconds:.1} s");
    violations
}

/// Of a handful, only those verbs are recorded that leave few states, or are asked for.
fn is_wanted(verb: &Verb, wanted: &Wanted) -> bool {
    let many = ["commit-first-of-all", "reclaim-give", "reclaim-damaged", "hand-over"];
    wanted.has(verb.name) && (wanted.extent != Extent::Handful || !many.contains(&verb.name) || wanted.names(verb.name))
}

/// What is the same for all moments of a verb.
struct Stage<'a> {
    verb: &'a Verb,
    env: &'a TestEnv,
    template: Tree,
    before: Records,
    /// What was looked at already, and whether it had to hold what was acknowledged.
    seen: Mutex<HashSet<u64>>,
    tally: Mutex<Tally>,
    again: bool,
}

fn cut(verb: &Verb, wanted: &Wanted, env: &TestEnv) -> Tally {
    let first = World::new(env, &format!("{}-recorded", verb.name));
    verb.prepare(&first);
    let (template, before) = (first.tree(), first.records());
    let mut recording = Recording::default();
    let held = verb.hold(&first);
    let base = Disk::new(DATA, &first.tree());
    let whole = trace(verb, &first, &held, None, Some(&mut recording));
    assert_eq!(whole.outcome.status, verb.status, "{}: {}", verb.name, whole.outcome.stderr);
    drop(held);
    first.remove();
    let ops = recording.ops;
    let stage = Stage {
        verb,
        env,
        template,
        before,
        seen: Mutex::new(HashSet::new()),
        tally: Mutex::new(Tally::default()),
        again: wanted.extent != Extent::Handful,
    };
    // Point 0 is the verb by itself, point N a repeat of it after it was killed before its call N.
    let stride = match wanted.extent {
        _ if wanted.point.is_some() => 1,
        Extent::Full => 1,
        Extent::Most => 3,
        Extent::Handful => STRIDE,
    };
    let kills = ops.iter().map(|(nth, _)| nth + 1).filter(|nth| *nth <= whole.calls.len());
    let kills: Vec<usize> =
        kills.filter(|nth| wanted.point.is_none_or(|point| point == *nth)).step_by(stride).collect();
    if wanted.point.is_none_or(|point| point == 0) {
        stage.moments(base, &ops, 0);
    }
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(nth) = kills.get(next.fetch_add(1, Ordering::Relaxed)).copied() {
            let repeat = catch_unwind(AssertUnwindSafe(|| stage.killed_and_repeated(nth)));
            match repeat {
                Ok((base, ops)) => stage.moments(base, &ops, nth),
                Err(_) => stage.violation(nth, "the repeat"),
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    stage.tally.into_inner().unwrap()
}

impl Stage<'_> {
    /// Kills the verb before a call, repeats it, and gives the disk as the first left it with what the repeat did.
    fn killed_and_repeated(&self, nth: usize) -> (Disk, Vec<(usize, Op)>) {
        let world = World::of(self.env, &format!("{}-killed-{nth}", self.verb.name), &self.template);
        let held = self.verb.hold(&world);
        let mut disk = Disk::new(DATA, &world.tree());
        let mut killed = Recording::default();
        let point = Point { nth, fault: Fault::Kill };
        let _: Traced = trace(self.verb, &world, &held, Some(point), Some(&mut killed));
        killed.ops.iter().for_each(|(_, op)| disk.apply(op));
        let mut repeat = Recording::default();
        let repeated = trace(self.verb, &world, &held, None, Some(&mut repeat));
        drop(held);
        world.remove();
        let outcome = &repeated.outcome;
        assert!(self.verb.is_repeated_by(outcome, true), "the repeat: {}, {}", outcome.status, outcome.stderr);
        (disk, repeat.ops)
    }

    /// Cuts the power before the first and after each thing that was done.
    fn moments(&self, mut disk: Disk, ops: &[(usize, Op)], killed: usize) {
        for done in 0..=ops.len() {
            if let Some((_, op)) = done.checked_sub(1).map(|last| &ops[last]) {
                disk.apply(op);
            }
            let acknowledged = done == ops.len() && self.verb.changes();
            let states = disk.after_power_cut(DATA);
            let mut tally = self.tally.lock().unwrap();
            tally.moments += 1;
            tally.states += states.len();
            drop(tally);
            for tree in states {
                let mut hasher = DefaultHasher::new();
                (&tree, acknowledged).hash(&mut hasher);
                if !self.seen.lock().unwrap().insert(hasher.finish()) {
                    continue;
                }
                self.tally.lock().unwrap().looked_at += 1;
                if catch_unwind(AssertUnwindSafe(|| self.look(&tree, acknowledged))).is_err() {
                    let last = done.checked_sub(1).map(|last| &ops[last].1);
                    self.violation(killed, &format!("after {}", last.map_or("nothing".to_owned(), what)));
                    return;
                }
            }
        }
    }

    /// Looks at what is left after a power cut.
    fn look(&self, tree: &Tree, acknowledged: bool) {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let world = World::of(self.env, &format!("{}-cut-{number}", self.verb.name), tree);
        let looked = catch_unwind(AssertUnwindSafe(|| {
            world.read_all();
            let changed = is_changed(self.verb, &world, &self.before);
            assert!(changed || !acknowledged, "acknowledged and not there");
            if self.again && number.is_multiple_of(AGAIN) {
                let held = self.verb.hold(&world);
                let repeat = Outcome::of(&mut self.verb.command(&world, &held));
                let ends = self.verb.is_repeated_by(&repeat, changed);
                assert!(ends, "the verb after the power cut: {}, {}", repeat.status, repeat.stderr);
                is_changed(self.verb, &world, &self.before);
            }
        }));
        world.remove();
        if let Err(panic) = looked {
            std::panic::resume_unwind(panic);
        }
    }

    fn violation(&self, killed: usize, when: &str) {
        self.tally.lock().unwrap().violations += 1;
        let name = self.verb.name;
        let how = if killed == 0 { String::new() } else { format!(" repeated after a kill before call {killed}") };
        println!(
            "VIOLATION in {name}{how}: power cut {when}\n  {}\n  again: cargo test --test faults -- reordering {name} --point {killed}",
            last_failure()
        );
    }
}

fn what(op: &Op) -> String {
    let short =
        |path: &Path| path.iter().rev().take(2).map(|part| part.to_string_lossy().into_owned()).collect::<Vec<_>>();
    let short = |path: &Path| short(path).into_iter().rev().collect::<Vec<_>>().join("/");
    match op {
        Op::Mkdir(path) => format!("mkdir {}", short(path)),
        Op::Create(path) => format!("create {}", short(path)),
        Op::Write(path, ..) => format!("write {}", short(path)),
        Op::Truncate(path, _) => format!("truncate {}", short(path)),
        Op::Sync(path) => format!("sync {}", short(path)),
        Op::Link(_, path) => format!("link {}", short(path)),
        Op::Rename(_, path) => format!("rename {}", short(path)),
        Op::Unlink(path) => format!("unlink {}", short(path)),
    }
}
