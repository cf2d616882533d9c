//! What people and scripts do besides: releasing a claim, completing it, collecting what is dead.

use super::{Broken, Claim, Proc, State, Steps, Weakening};

/// Where `claim-release` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admin {
    Absent,
    /// `claim-show`, for `--expect`.
    Read,
    TakeTicket {
        expect: Claim,
    },
    ExcludeRead {
        expect: Claim,
    },
    ExcludeTake {
        expect: Claim,
        name: usize,
    },
    TakeFence {
        expect: Claim,
    },
    ReRead {
        expect: Claim,
    },
    Rename {
        found: Claim,
    },
    Ended,
}

/// Where `claim-complete` stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Completer {
    Absent,
    /// `claim-show`, for `--expect`.
    Read,
    TakeFence {
        expect: Claim,
    },
    ReRead {
        expect: Claim,
    },
    Write {
        found: Claim,
    },
    Rename {
        found: Claim,
    },
    Ended,
}

/// Where `gc` stands, with the name of the Pod that it found dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Collector {
    Absent,
    /// `verify`, which finds what may be dead.
    Find,
    TakePod {
        name: usize,
    },
    ReadDirectory {
        name: usize,
    },
    TakeTicket {
        name: usize,
    },
    Withdraw {
        name: usize,
    },
    LookForClaim {
        name: usize,
    },
    LookForSession {
        name: usize,
    },
    Remove {
        name: usize,
    },
    Ended,
}

/// `registry/release.rs` `release`, by anybody but the Pod.
pub fn release(steps: &mut Steps<'_>) {
    let (state, protocol) = (*steps.state, steps.protocol);
    let world = state.world;
    let me = Proc::Admin;
    let weak = |weakening| protocol.weakened == Some(weakening);
    let go = |next: Admin| move |to: &mut State| to.admin = next;
    match state.admin {
        Admin::Absent | Admin::Ended => {}
        Admin::Read => {
            if let Some(expect) = world.claim {
                steps.step("reads the claim", go(Admin::TakeTicket { expect }));
            }
        }
        Admin::TakeTicket { .. } if world.ticket_lock.is_held() => {
            steps.step("does not get the ticket lock", |to| to.end(me));
        }
        Admin::TakeTicket { expect } => steps.step("takes the ticket lock", |to| {
            to.world.ticket_lock.take(me);
            to.admin = match protocol.weakened {
                Some(Weakening::ReleaseWithoutPodLock) => Admin::TakeFence { expect },
                // By the name that was read before: the claim itself is not looked at again.
                Some(Weakening::ReleaseWithoutReRead) => Admin::ExcludeTake { expect, name: expect.name },
                _ => Admin::ExcludeRead { expect },
            };
        }),
        Admin::ExcludeRead { expect } => match world.claim {
            Some(claim) if claim.is_same(expect) => {
                steps.step("reads who is to be kept out", go(Admin::ExcludeTake { expect, name: claim.name }));
            }
            _ => steps.step("finds another claim", |to| to.end(me)),
        },
        Admin::ExcludeTake { name, .. } if world.places[name].lock.is_held() => {
            steps.step("finds the holder live", |to| to.end(me));
        }
        Admin::ExcludeTake { expect, name } => steps.step("takes the holder's Pod lock", |to| {
            to.world.places[name].lock.take(me);
            to.admin = Admin::TakeFence { expect };
        }),
        Admin::TakeFence { expect } if weak(Weakening::ReleaseWithoutFence) => {
            steps.step("does not take the fence", go(Admin::ReRead { expect }));
        }
        Admin::TakeFence { .. } if world.fence.is_some() => steps.step("has no fence in time", |to| to.end(me)),
        Admin::TakeFence { expect } => steps.step("takes the fence", |to| {
            to.world.fence = Some(me);
            to.admin = Admin::ReRead { expect };
        }),
        Admin::ReRead { expect } => match world.claim {
            Some(found) if found.is_same(expect) || weak(Weakening::ReleaseWithoutReRead) => {
                steps.step("reads the claim again", go(Admin::Rename { found }));
            }
            _ => steps.step("finds another claim", |to| to.end(me)),
        },
        Admin::Rename { found } => steps.step("releases the claim and ends", |to| {
            if !to.world.claim.is_some_and(|claim| claim.is_same(found)) {
                to.world.broke(Broken::ClaimLost);
            }
            if let Some(claim) = to.world.claim.take() {
                to.world.seen.ended |= 1 << claim.pod;
                if !weak(Weakening::ReleaseWithoutTombstone) {
                    to.world.tombstone = claim.generation;
                }
            }
            to.end(me);
        }),
    }
}

/// `registry/change.rs` `complete`.
pub fn complete(steps: &mut Steps<'_>) {
    let (state, protocol) = (*steps.state, steps.protocol);
    let world = state.world;
    let me = Proc::Completer;
    let go = |next: Completer| move |to: &mut State| to.completer = next;
    match state.completer {
        Completer::Absent | Completer::Ended => {}
        Completer::Read => {
            if let Some(expect) = world.claim.filter(|claim| !claim.completed) {
                steps.step("reads the claim", go(Completer::TakeFence { expect }));
            }
        }
        Completer::TakeFence { expect } if protocol.weakened == Some(Weakening::CompleteWithoutFence) => {
            steps.step("does not take the fence", go(Completer::ReRead { expect }));
        }
        Completer::TakeFence { .. } if world.fence.is_some() => steps.step("has no fence in time", |to| to.end(me)),
        Completer::TakeFence { expect } => steps.step("takes the fence", |to| {
            to.world.fence = Some(me);
            to.completer = Completer::ReRead { expect };
        }),
        Completer::ReRead { expect } => match world.claim {
            Some(found) if found.is_same(expect) => {
                steps.step("reads the claim again", go(Completer::Write { found }));
            }
            _ => steps.step("finds another claim", |to| to.end(me)),
        },
        Completer::Write { found } => steps.step("writes the completed claim", |to| {
            to.world.temporary = Some(me);
            to.completer = Completer::Rename { found };
        }),
        Completer::Rename { .. } if world.temporary.is_none() => {
            steps.step("finds its file gone", |to| to.end(me));
        }
        Completer::Rename { found } => steps.step("completes the claim and ends", |to| {
            if !to.world.claim.is_some_and(|claim| claim.is_same(found)) {
                to.world.broke(Broken::ClaimLost);
            }
            to.world.temporary = None;
            to.world.claim = Some(Claim { completed: true, ..found });
            to.end(me);
        }),
    }
}

/// `registry/verify/mend.rs` `SweepPod`; `registry/pods.rs` `sweep_pod`, `nobodys`.
pub fn collect(steps: &mut Steps<'_>) {
    let (state, protocol) = (*steps.state, steps.protocol);
    let world = state.world;
    let me = Proc::Collector;
    let go = |next: Collector| move |to: &mut State| to.collector = next;
    match state.collector {
        Collector::Absent | Collector::Ended => {}
        Collector::Find => {
            for (name, place) in world.places.iter().enumerate() {
                if place.directory.is_some_and(|directory| !directory.confirmed) {
                    steps.step("finds an unconfirmed directory", go(Collector::TakePod { name }));
                }
            }
        }
        Collector::TakePod { name } if world.places[name].lock.is_held() => {
            steps.step("finds the Pod live", |to| to.end(me));
        }
        Collector::TakePod { name } => steps.step("takes the Pod lock", |to| {
            to.world.places[name].lock.take(me);
            to.collector = Collector::ReadDirectory { name };
        }),
        Collector::ReadDirectory { name } => match world.places[name].directory {
            Some(directory) if !directory.confirmed => {
                steps.step("reads the Pod's record", go(Collector::TakeTicket { name }));
            }
            _ => steps.step("finds it gone or confirmed", |to| to.end(me)),
        },
        Collector::TakeTicket { .. } if world.ticket_lock.is_held() => {
            steps.step("finds the ticket in flight", |to| to.end(me));
        }
        Collector::TakeTicket { name } => steps.step("takes the ticket lock", |to| {
            to.world.ticket_lock.take(me);
            to.collector = match protocol.weakened {
                Some(Weakening::SweepWithoutWithdraw) => Collector::LookForClaim { name },
                _ => Collector::Withdraw { name },
            };
        }),
        Collector::Withdraw { name } => steps.step("withdraws the dead Pod's offer", |to| {
            withdraw_for_the_dead(to, name);
            to.collector = Collector::LookForClaim { name };
        }),
        Collector::LookForClaim { name } => {
            let pod = world.places[name].directory.map(|directory| directory.pod);
            match pod == world.claim.map(|claim| claim.pod) {
                true => steps.step("finds its claim standing", |to| to.end(me)),
                false => steps.step("finds that no claim is its own", go(Collector::LookForSession { name })),
            }
        }
        Collector::LookForSession { name } => {
            let place = world.places[name];
            match place.session == place.directory.map(|directory| directory.pod) {
                true => steps.step("finds its session recorded", |to| to.end(me)),
                false => steps.step("finds that no session is its own", |to| {
                    to.collector = Collector::Remove { name };
                }),
            }
        }
        // The ticket lock is kept to the end: `Nobodys`.
        Collector::Remove { name } => steps.step("removes the directory and ends", |to| {
            to.remove_directory(name, 0);
            to.end(me);
        }),
    }
}

/// `registry/pods.rs` `withdraw_for_the_dead`.
pub fn withdraw_for_the_dead(to: &mut State, name: usize) {
    if let Some(directory) = to.world.places[name].directory {
        to.world.offers[usize::from(directory.pod)] = None;
    }
}
