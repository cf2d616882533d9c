//! The launch protocol as a checked model, see [`model`]: it keeps its promises in every order of steps, with any of its
//! processes killed at any of them; and with one protection left out it breaks one, each time.
//!
//! What is checked here is small enough for every run: one process is killed. With `YOI_EXTENDED` set any number are, and
//! more of them take part; `tests/extended/run model` does so with an optimised build.
#![allow(clippy::disallowed_methods, reason = "the extended checks are asked for by a variable")]
#![allow(clippy::print_stdout, reason = "how many states there are, and how each weakening breaks a promise")]

mod model;

use std::time::Instant;

use model::{Action, Before, Kind, Protocol, State, Weakening};
use stateright::{Checker, DiscoveryClassification, HasDiscoveries, Model as _, Path};

use Kind::{Launch, Nobody, Restore, Script};

/// Who meets at one ticket, what stands there before, and which of [`model`]'s occurrences they cannot bring about.
struct Scene {
    name: &'static str,
    protocol: Protocol,
    cannot: &'static [&'static str],
}

const WORKS: &str = "a Pod works";
const GOES_ON: &str = "a Pod goes on although its launcher is gone";
const GIVEN_UP: &str = "an attempt is given up";
const SECOND: &str = "a second claim is made";

/// Who comes besides, as far as somebody does.
#[derive(Clone, Copy)]
struct People {
    releases: bool,
    completes: bool,
    collects: bool,
}

const NOBODY: People = People { releases: false, completes: false, collects: false };
const RELEASER: People = People { releases: true, ..NOBODY };
const COMPLETER: People = People { completes: true, ..NOBODY };
const COLLECTOR: People = People { collects: true, ..NOBODY };
const BOTH: People = People { releases: true, completes: true, collects: false };
const ALL: People = People { collects: true, ..BOTH };

/// A scene in which one process is killed.
const fn scene(
    name: &'static str,
    before: Before,
    attempts: [Kind; 3],
    people: People,
    cannot: &'static [&'static str],
) -> Scene {
    let People { releases, completes, collects } = people;
    let protocol = Protocol { before, attempts, releases, completes, collects, kills: Some(1), weakened: None };
    Scene { name, protocol, cannot }
}

const SCENES: &[Scene] = &[
    scene("one launch", Before::Nothing, [Launch, Nobody, Nobody], ALL, &[SECOND]),
    scene("two launches", Before::Nothing, [Launch, Launch, Nobody], RELEASER, &[]),
    scene("a launch after a release", Before::Released, [Launch, Nobody, Nobody], BOTH, &[]),
    scene("a launch and a restore", Before::Nothing, [Launch, Restore, Nobody], RELEASER, &[SECOND]),
    scene("a careless script", Before::Nothing, [Script, Nobody, Nobody], COLLECTOR, &[GOES_ON, SECOND]),
    scene("a restore of a stopped Pod", Before::Stopped, [Restore, Nobody, Nobody], ALL, &[GOES_ON, GIVEN_UP, SECOND]),
    scene("a launch beside a stopped Pod", Before::Stopped, [Launch, Nobody, Nobody], BOTH, &[]),
    scene("a hand-over", Before::Completed, [Launch, Nobody, Nobody], BOTH, &[]),
    scene("a hand-over of what was never confirmed", Before::Interrupted, [Launch, Nobody, Nobody], BOTH, &[]),
];

/// What takes longer: any number of processes are killed.
const EXTENDED: &[Scene] = &[
    scene("two launches", Before::Nothing, [Launch, Launch, Nobody], BOTH, &[]),
    scene("a script and a launch", Before::Nothing, [Script, Launch, Nobody], BOTH, &[]),
    scene("a launch and a restore", Before::Nothing, [Launch, Restore, Nobody], BOTH, &[SECOND]),
    scene("two launches after a release", Before::Released, [Launch, Launch, Nobody], BOTH, &[]),
    scene(
        "two restores of a stopped Pod",
        Before::Stopped,
        [Restore, Restore, Nobody],
        BOTH,
        &[GOES_ON, GIVEN_UP, SECOND],
    ),
    scene("a launch and a restore of a stopped Pod", Before::Stopped, [Launch, Restore, Nobody], BOTH, &[]),
    scene("two hand-overs", Before::Completed, [Launch, Launch, Nobody], BOTH, &[]),
    scene("a hand-over and a restore", Before::Completed, [Launch, Restore, Nobody], BOTH, &[]),
    scene(
        "what was never confirmed: a hand-over and a restore",
        Before::Interrupted,
        [Launch, Restore, Nobody],
        BOTH,
        &[],
    ),
];

/// What takes longest: three attempts, and one process is killed.
const THREE: &[Scene] = &[
    scene("two launches and a restore", Before::Nothing, [Launch, Launch, Restore], BOTH, &[]),
    scene("two hand-overs and a restore", Before::Completed, [Launch, Launch, Restore], BOTH, &[]),
];

/// Each weakening with where it shows, and the promise that it breaks.
const WEAKENINGS: &[(Weakening, Scene)] = &[
    weak(Weakening::LookBeforeWithdraw, Before::Nothing, [Launch, Nobody, Nobody], NOBODY, COMMIT_OR_WITHDRAW),
    weak(Weakening::WithdrawWithoutLook, Before::Nothing, [Launch, Nobody, Nobody], NOBODY, COMMIT_OR_WITHDRAW),
    weak(Weakening::CommitWithoutOffer, Before::Nothing, [Launch, Nobody, Nobody], NOBODY, COMMIT_OR_WITHDRAW),
    weak(Weakening::CommitWithoutOffer, Before::Nothing, [Script, Nobody, Nobody], NOBODY, ACCEPTED),
    weak(Weakening::OfferBeforeRun, Before::Nothing, [Launch, Nobody, Nobody], NOBODY, ACCEPTED),
    weak(Weakening::LaunchWithoutTicketLock, Before::Nothing, [Launch, Launch, Nobody], NOBODY, ONE_IN_FLIGHT),
    weak(Weakening::HostWithoutTicketLock, Before::Nothing, [Launch, Launch, Nobody], NOBODY, ONE_IN_FLIGHT),
    weak(Weakening::UnlockForClose, Before::Nothing, [Launch, Launch, Nobody], NOBODY, ONE_IN_FLIGHT),
    weak(Weakening::UndoByName, Before::Released, [Launch, Nobody, Nobody], NOBODY, "no Pod's directory is lost"),
    weak(Weakening::UndoWithoutWithdraw, Before::Nothing, [Script, Nobody, Nobody], NOBODY, DIRECTORY_KEPT),
    weak(Weakening::UndoRemovesClaim, Before::Completed, [Launch, Nobody, Nobody], NOBODY, "no claim is lost"),
    weak(Weakening::PromptBeforeConfirm, Before::Nothing, [Launch, Nobody, Nobody], NOBODY, WORKS_UNDER_ITS_CLAIM),
    weak(Weakening::ConfirmWithoutLook, Before::Nothing, [Script, Nobody, Nobody], NOBODY, WORKS_UNDER_ITS_CLAIM),
    weak(Weakening::RestoreWithoutReRead, Before::Completed, [Launch, Restore, Nobody], NOBODY, WORKS_UNDER_ITS_CLAIM),
    weak(
        Weakening::HandOverWithoutPodLock,
        Before::Completed,
        [Launch, Restore, Nobody],
        NOBODY,
        WORKS_UNDER_ITS_CLAIM,
    ),
    weak(Weakening::ReleaseWithoutPodLock, Before::Nothing, [Launch, Nobody, Nobody], RELEASER, WORKS_UNDER_ITS_CLAIM),
    weak(Weakening::ReleaseWithoutReRead, Before::Completed, [Launch, Nobody, Nobody], RELEASER, WORKS_UNDER_ITS_CLAIM),
    weak(Weakening::ReleaseWithoutFence, Before::Stopped, [Nobody, Nobody, Nobody], BOTH, "no claim comes back"),
    weak(Weakening::CompleteWithoutFence, Before::Stopped, [Nobody, Nobody, Nobody], BOTH, "no claim comes back"),
    weak(
        Weakening::CommitWithoutFence,
        Before::Nothing,
        [Launch, Nobody, Nobody],
        COMPLETER,
        "no living writer's file is removed",
    ),
    weak(Weakening::ReleaseWithoutTombstone, Before::Stopped, [Launch, Nobody, Nobody], RELEASER, "generations grow"),
    weak(Weakening::SweepWithoutLook, Before::Interrupted, [Launch, Nobody, Nobody], COMPLETER, DIRECTORY_KEPT),
    weak(Weakening::SweepWithoutWithdraw, Before::Nothing, [Script, Nobody, Nobody], COLLECTOR, DIRECTORY_KEPT),
    weak(Weakening::SpawnWithoutPodLock, Before::Stopped, [Restore, Nobody, Nobody], RELEASER, WORKS_UNDER_ITS_CLAIM),
    weak(Weakening::EndlessProbation, Before::Nothing, [Launch, Nobody, Nobody], NOBODY, NOTHING_HANGS),
];

/// A scene in which two processes are killed, and the promise that is broken in it.
const fn weak(
    weakening: Weakening,
    before: Before,
    attempts: [Kind; 3],
    people: People,
    promise: &'static str,
) -> (Weakening, Scene) {
    let Scene { protocol, .. } = scene("", before, attempts, people, &[]);
    let protocol = Protocol { kills: Some(2), weakened: Some(weakening), ..protocol };
    (weakening, Scene { name: promise, protocol, cannot: &[] })
}

const WORKS_UNDER_ITS_CLAIM: &str = "a Pod works only under its own claim";
const COMMIT_OR_WITHDRAW: &str = "an attempt is committed or given up";
const ONE_IN_FLIGHT: &str = "one launch is in flight";
const ACCEPTED: &str = "what is claimed was accepted";
const DIRECTORY_KEPT: &str = "a claim's Pod has its directory";
const NOTHING_HANGS: &str = "in the end nothing is held but by Pods that work";

#[test]
fn whatever_is_killed_no_promise_is_broken() {
    SCENES.iter().for_each(|scene| scene.check());
    if std::env::var_os("YOI_EXTENDED").is_some() {
        SCENES.iter().for_each(|scene| scene.with(ALL, Some(2)).check());
        EXTENDED.iter().for_each(|scene| scene.with(BOTH, None).check());
        THREE.iter().for_each(Scene::check);
    }
}

#[test]
fn with_any_protection_left_out_a_promise_is_broken() {
    for (weakening, Scene { name: promise, protocol, .. }) in WEAKENINGS {
        // One thread, so that the same counterexample is found each time.
        let checked = protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let found = broken(&checked);
        let (_, path) = found.iter().find(|(what, _)| what == promise).unwrap_or_else(|| {
            let others: Vec<_> = found.iter().map(|(what, _)| what).collect();
            panic!("{weakening:?} does not break {promise:?}, but {others:?}")
        });
        println!("{weakening:?} breaks {promise:?}:\n{}", told(protocol, promise, path.clone()));
    }
}

impl Scene {
    fn with(&self, People { releases, completes, collects }: People, kills: Option<u8>) -> Self {
        Self { protocol: Protocol { releases, completes, collects, kills, ..self.protocol }, ..*self }
    }

    /// Goes through all that can happen.
    #[track_caller]
    fn check(&self) {
        let begun = Instant::now();
        let threads = std::thread::available_parallelism().map_or(1, Into::into);
        let builder = self.protocol.checker().threads(threads).finish_when(HasDiscoveries::AnyFailures);
        let checked = builder.spawn_bfs().join();
        let kills = self.protocol.kills.map_or("any number of".to_owned(), |kills| kills.to_string());
        println!(
            "{}, {kills} kills: {} states, {} steps at most, {:.1} s",
            self.name,
            checked.unique_state_count(),
            checked.max_depth(),
            begun.elapsed().as_secs_f64()
        );
        if let Some((what, path)) = broken(&checked).into_iter().next() {
            panic!("{}: {what:?} is broken:\n{}", self.name, told(&self.protocol, what, path));
        }
        for occurrence in [WORKS, GOES_ON, GIVEN_UP, SECOND] {
            let seen = checked.discovery(occurrence).is_some();
            assert_eq!(seen, !self.cannot.contains(&occurrence), "{}: whether {occurrence:?} happens", self.name);
        }
    }
}

/// The promises that were broken, each with how it came to that.
fn broken(checked: &impl Checker<Protocol>) -> Vec<(&'static str, Path<State, Action>)> {
    let counterexample =
        |what: &&str| matches!(checked.discovery_classification(what), DiscoveryClassification::Counterexample);
    checked.discoveries().into_iter().filter(|(what, _)| counterexample(what)).collect()
}

/// The steps until a promise is broken, a line each; the checker tells of a moment that may come later.
fn told(protocol: &Protocol, promise: &str, path: Path<State, Action>) -> String {
    let holds = protocol.properties().into_iter().find(|one| one.name == promise).expect("it was checked").condition;
    let steps = path.into_vec().into_iter().take_while(|(state, _)| holds(protocol, state));
    steps.filter_map(|(_, action)| action).map(|action| format!("    {action:?}\n")).collect()
}
