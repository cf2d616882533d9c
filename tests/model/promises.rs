//! What must be true at every moment, and at the end; and what must be seen to happen, so that none of it holds for want
//! of anything happening.

use stateright::Property;

use super::{Broken, Host, Kind, Proc, Protocol, State, Warden, processes};

/// All promises.
pub fn properties() -> Vec<Property<Protocol>> {
    let mut properties = promises();
    properties.extend(occurrences());
    properties
}

/// What must never be broken.
fn promises() -> Vec<Property<Protocol>> {
    vec![
        Property::always("a Pod works only under its own claim", |_, state: &State| {
            workers(state).all(|pod| state.world.claim.is_some_and(|claim| claim.pod == pod))
        }),
        Property::always("one Pod works on a ticket", |_, state: &State| workers(state).count() <= 1),
        Property::always("one launch is in flight", |protocol, state: &State| in_flight(protocol, state).count() <= 1),
        Property::always("what is claimed was accepted", |_, state: &State| !broke(state, Broken::NeverAccepted)),
        Property::always("generations grow", |_, state: &State| !broke(state, Broken::Generation)),
        Property::always("an attempt is committed or given up", |_, state: &State| {
            state.world.seen.committed & state.world.seen.given_up == 0
        }),
        Property::always("no claim is lost", |_, state: &State| !broke(state, Broken::ClaimLost)),
        Property::always("no claim comes back", |_, state: &State| {
            state.world.claim.is_none_or(|claim| state.world.seen.ended & (1 << claim.pod) == 0)
        }),
        Property::always("no Pod's directory is lost", |_, state: &State| !broke(state, Broken::DirectoryLost)),
        Property::always("a claim's Pod has its directory", |_, state: &State| {
            state.world.claim.is_none_or(|claim| {
                state.world.places[claim.name].directory.is_some_and(|directory| directory.pod == claim.pod)
            })
        }),
        Property::always("no living writer's file is removed", |_, state: &State| !broke(state, Broken::TemporaryLost)),
        Property::always("in the end nothing is held but by Pods that work", |protocol, state: &State| {
            nothing_hangs(state) || !protocol.is_quiescent(state)
        }),
    ]
}

/// What must happen in some order of steps.
fn occurrences() -> Vec<Property<Protocol>> {
    vec![
        Property::sometimes("a Pod works", |_, state: &State| workers(state).next().is_some()),
        Property::sometimes("a Pod goes on although its launcher is gone", |protocol, state: &State| {
            kinds(protocol).any(|(n, kind)| {
                let attempt = state.attempts[n];
                kind == Kind::Launch && attempt.host == Host::Work && attempt.confirm != super::Ask::Granted
            })
        }),
        Property::sometimes("an attempt is given up", |_, state: &State| state.world.seen.given_up != 0),
        Property::sometimes("a second claim is made", |_, state: &State| state.world.seen.generation > 1),
    ]
}

/// The Pods that work.
fn workers(state: &State) -> impl Iterator<Item = u8> {
    state.attempts.iter().filter(|attempt| attempt.host == Host::Work).map(|attempt| attempt.pod)
}

fn kinds(protocol: &Protocol) -> impl Iterator<Item = (usize, Kind)> {
    protocol.attempts.into_iter().enumerate()
}

/// The launches on whose Pods a launcher could still commit. A restored Pod commits nothing.
fn in_flight(protocol: &Protocol, state: &State) -> impl Iterator<Item = usize> {
    let of_launch = kinds(protocol).filter(|(_, kind)| matches!(kind, Kind::Launch | Kind::Script));
    of_launch.map(|(n, _)| n).filter(|n| {
        let attempt = state.attempts[*n];
        let settled = !matches!(attempt.warden, Warden::Absent | Warden::TakePod);
        let warden = attempt.warden.runs() && settled && attempt.warden_probation && !attempt.released;
        warden || attempt.host.is_on_probation()
    })
}

fn broke(state: &State, what: Broken) -> bool {
    state.world.seen.broken == Some(what)
}

/// Whether all that is held is held by Pods that work, and so whatever comes next finds the ticket free or its Pod.
fn nothing_hangs(state: &State) -> bool {
    let world = &state.world;
    let works = |who: Proc| match who {
        Proc::Host(n) | Proc::Warden(n) => state.attempts[n].host == Host::Work,
        Proc::Launcher(_) | Proc::Admin | Proc::Completer | Proc::Collector => false,
    };
    let idle = processes().filter(|who| !works(*who));
    world.ticket_lock == Default::default()
        && world.fence.is_none()
        && idle.into_iter().all(|who| !state.runs(who) && world.places.iter().all(|place| !place.lock.is_held_by(who)))
}
