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

/// A person releases a claim, somebody completes one, and one process is killed.
const fn scene(name: &'static str, before: Before, attempts: [Kind; 3], cannot: &'static [&'static str]) -> Scene {
    let protocol = Protocol { before, attempts, releases: true, completes: true, kills: Some(1), weakened: None };
    Scene { name, protocol, cannot }
}

/// For scenes that are in [`EXTENDED`] as well, where nothing is left out.
const fn without_completion(scene: Scene) -> Scene {
    Scene { protocol: Protocol { completes: false, ..scene.protocol }, ..scene }
}

const SCENES: &[Scene] = &[
    scene("one launch", Before::Nothing, [Launch, Nobody, Nobody], &[SECOND]),
    without_completion(scene("two launches", Before::Nothing, [Launch, Launch, Nobody], &[])),
    scene("a launch after a release", Before::Released, [Launch, Nobody, Nobody], &[]),
    without_completion(scene("a launch and a restore", Before::Nothing, [Launch, Restore, Nobody], &[SECOND])),
    scene("a careless script", Before::Nothing, [Script, Nobody, Nobody], &[GOES_ON, SECOND]),
    scene("a restore of a stopped Pod", Before::Stopped, [Restore, Nobody, Nobody], &[GOES_ON, GIVEN_UP, SECOND]),
    scene("a launch beside a stopped Pod", Before::Stopped, [Launch, Nobody, Nobody], &[]),
    scene("a hand-over", Before::Completed, [Launch, Nobody, Nobody], &[]),
    scene("a hand-over of what was never confirmed", Before::Interrupted, [Launch, Nobody, Nobody], &[]),
];

/// What takes longer: any number of processes are killed.
const EXTENDED: &[Scene] = &[
    scene("two launches", Before::Nothing, [Launch, Launch, Nobody], &[]),
    scene("a script and a launch", Before::Nothing, [Script, Launch, Nobody], &[]),
    scene("a launch and a restore", Before::Nothing, [Launch, Restore, Nobody], &[SECOND]),
    scene("two launches after a release", Before::Released, [Launch, Launch, Nobody], &[]),
    scene("two restores of a stopped Pod", Before::Stopped, [Restore, Restore, Nobody], &[GOES_ON, GIVEN_UP, SECOND]),
    scene("a launch and a restore of a stopped Pod", Before::Stopped, [Launch, Restore, Nobody], &[]),
    scene("two hand-overs", Before::Completed, [Launch, Launch, Nobody], &[]),
    scene("a hand-over and a restore", Before::Completed, [Launch, Restore, Nobody], &[]),
    scene("what was never confirmed: a hand-over and a restore", Before::Interrupted, [Launch, Restore, Nobody], &[]),
];

/// What takes longest: three attempts, and one process is killed.
const THREE: &[Scene] = &[
    scene("two launches and a restore", Before::Nothing, [Launch, Launch, Restore], &[]),
    scene("two hand-overs and a restore", Before::Completed, [Launch, Launch, Restore], &[]),
];

/// Each weakening with where it shows, and the promise that it breaks.
const WEAKENINGS: &[(Weakening, Before, [Kind; 3], &str)] = &[
    (Weakening::LookBeforeWithdraw, Before::Nothing, [Launch, Nobody, Nobody], COMMIT_OR_WITHDRAW),
    (Weakening::WithdrawWithoutLook, Before::Nothing, [Launch, Nobody, Nobody], COMMIT_OR_WITHDRAW),
    (Weakening::CommitWithoutOffer, Before::Nothing, [Launch, Nobody, Nobody], COMMIT_OR_WITHDRAW),
    (Weakening::CommitWithoutOffer, Before::Nothing, [Script, Nobody, Nobody], "what is claimed was accepted"),
    (Weakening::OfferBeforeRun, Before::Nothing, [Launch, Nobody, Nobody], "what is claimed was accepted"),
    (Weakening::LaunchWithoutTicketLock, Before::Nothing, [Launch, Launch, Nobody], ONE_IN_FLIGHT),
    (Weakening::HostWithoutTicketLock, Before::Nothing, [Launch, Launch, Nobody], ONE_IN_FLIGHT),
    (Weakening::UnlockForClose, Before::Nothing, [Launch, Launch, Nobody], ONE_IN_FLIGHT),
    (Weakening::UndoByName, Before::Completed, [Launch, Nobody, Nobody], "no Pod's directory is lost"),
    (Weakening::UndoRemovesClaim, Before::Completed, [Launch, Nobody, Nobody], "no claim is lost"),
    (Weakening::PromptBeforeConfirm, Before::Nothing, [Launch, Nobody, Nobody], WORKS_UNDER_ITS_CLAIM),
    (Weakening::ConfirmWithoutLook, Before::Nothing, [Script, Nobody, Nobody], WORKS_UNDER_ITS_CLAIM),
    (Weakening::RestoreWithoutReRead, Before::Completed, [Launch, Restore, Nobody], WORKS_UNDER_ITS_CLAIM),
    (Weakening::HandOverWithoutPodLock, Before::Completed, [Launch, Restore, Nobody], WORKS_UNDER_ITS_CLAIM),
    (Weakening::ReleaseWithoutPodLock, Before::Nothing, [Launch, Nobody, Nobody], WORKS_UNDER_ITS_CLAIM),
    (Weakening::ReleaseWithoutReRead, Before::Completed, [Launch, Nobody, Nobody], WORKS_UNDER_ITS_CLAIM),
    (Weakening::ReleaseWithoutFence, Before::Stopped, [Nobody, Nobody, Nobody], "no claim comes back"),
    (Weakening::CompleteWithoutFence, Before::Stopped, [Nobody, Nobody, Nobody], "no claim comes back"),
    (Weakening::CommitWithoutFence, Before::Nothing, [Launch, Nobody, Nobody], "no living writer's file is removed"),
    (Weakening::ReleaseWithoutTombstone, Before::Stopped, [Launch, Nobody, Nobody], "generations grow"),
    (Weakening::SweepWithoutLook, Before::Interrupted, [Launch, Nobody, Nobody], "a claim's Pod has its directory"),
    (Weakening::SpawnWithoutPodLock, Before::Stopped, [Restore, Nobody, Nobody], WORKS_UNDER_ITS_CLAIM),
    (
        Weakening::EndlessProbation,
        Before::Nothing,
        [Launch, Nobody, Nobody],
        "in the end nothing is held but by Pods that work",
    ),
];

const WORKS_UNDER_ITS_CLAIM: &str = "a Pod works only under its own claim";
const COMMIT_OR_WITHDRAW: &str = "an attempt is committed or given up";
const ONE_IN_FLIGHT: &str = "one launch is in flight";

#[test]
fn whatever_is_killed_no_promise_is_broken() {
    SCENES.iter().for_each(|scene| scene.check());
    if std::env::var_os("YOI_EXTENDED").is_some() {
        EXTENDED.iter().for_each(|scene| scene.with_kills(None).check());
        THREE.iter().for_each(Scene::check);
    }
}

#[test]
fn with_any_protection_left_out_a_promise_is_broken() {
    for (weakening, before, attempts, promise) in WEAKENINGS {
        let Scene { protocol, .. } = scene("", *before, *attempts, &[]);
        let protocol = Protocol { weakened: Some(*weakening), ..protocol };
        // One thread, so that the same counterexample is found each time.
        let checked = protocol.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let found = broken(&checked);
        let (_, path) = found.iter().find(|(what, _)| what == promise).unwrap_or_else(|| {
            let others: Vec<_> = found.iter().map(|(what, _)| what).collect();
            panic!("{weakening:?} does not break {promise:?}, but {others:?}")
        });
        println!("{weakening:?} breaks {promise:?}:\n{}", told(&protocol, promise, path.clone()));
    }
}

impl Scene {
    fn with_kills(&self, kills: Option<u8>) -> Self {
        Self { protocol: Protocol { kills, ..self.protocol }, ..*self }
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
