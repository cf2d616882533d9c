//! The first process of a Pod: it settles, splits, watches over its host, and is the last to go.

use super::people::withdraw_for_the_dead;
use super::{Directory, Host, Kind, Proc, State, Steps, Weakening};

/// Where the process stands: the step that it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Warden {
    Absent,
    // launch/host.rs: settle.
    TakePod,
    SweepRead,
    SweepWithdraw,
    SweepClaim,
    SweepSession,
    SweepRemove,
    Create,
    Update,
    Split,
    // pod/warden.rs.
    Watch,
    Withdraw,
    Look,
    LookFirst,
    WithdrawLast,
    Record,
    Confirm,
    DiscardRead,
    DiscardRemove,
    /// It ended because the name is taken.
    Refused,
    Ended,
}

impl Warden {
    /// Whether it was started and has not ended.
    pub fn runs(self) -> bool {
        !matches!(self, Self::Absent | Self::Refused | Self::Ended)
    }
}

/// The steps of an attempt's warden.
pub fn steps(steps: &mut Steps<'_>, n: usize) {
    let (state, kind) = (*steps.state, steps.protocol.attempts[n]);
    let (world, own) = (state.world, state.attempts[n]);
    let me = Proc::Warden(n);
    let (pod, name) = (own.pod, own.name);
    let place = world.places[name];
    let weakened = steps.protocol.weakened;
    let weak = |weakening| weakened == Some(weakening);
    let go = move |next: Warden| move |to: &mut State| to.attempts[n].warden = next;
    let refuse = move |to: &mut State| {
        to.end(me);
        to.attempts[n].warden = Warden::Refused;
    };
    let stands = world.claim.is_some_and(|claim| claim.pod == pod);
    match own.warden {
        Warden::Absent | Warden::Refused | Warden::Ended => {}

        Warden::TakePod if place.lock.is_held() && !weak(Weakening::SpawnWithoutPodLock) => {
            steps.step("finds the name live", refuse);
        }
        Warden::TakePod => {
            let next = if kind == Kind::Restore { Warden::Update } else { Warden::SweepRead };
            match weak(Weakening::SpawnWithoutPodLock) {
                true => steps.step("does not take the Pod lock", go(next)),
                false => steps.step("takes the Pod lock", |to| {
                    to.world.places[name].lock.take(me);
                    to.attempts[n].warden = next;
                }),
            }
        }
        Warden::SweepRead => match place.directory {
            None => steps.step("finds no directory", go(Warden::Create)),
            Some(directory) if directory.confirmed => steps.step("finds the name taken", refuse),
            Some(_) if weak(Weakening::SweepWithoutWithdraw) => {
                steps.step("finds an unconfirmed directory", go(Warden::SweepClaim));
            }
            Some(_) => steps.step("finds an unconfirmed directory", go(Warden::SweepWithdraw)),
        },
        Warden::SweepWithdraw => steps.step("withdraws the dead Pod's offer", |to| {
            withdraw_for_the_dead(to, name);
            to.attempts[n].warden = Warden::SweepClaim;
        }),
        Warden::SweepClaim => {
            let claimed = world.claim.is_some_and(|claim| place.directory.is_some_and(|dir| dir.pod == claim.pod));
            if claimed && !weak(Weakening::SweepWithoutLook) {
                steps.step("finds that it is claimed", refuse);
            } else {
                steps.step("finds that no claim is its own", go(Warden::SweepSession));
            }
        }
        Warden::SweepSession => {
            let recorded = place.directory.is_some_and(|directory| place.session == Some(directory.pod));
            if recorded && !weak(Weakening::SweepWithoutLook) {
                steps.step("finds its session recorded", refuse);
            } else {
                steps.step("finds that no session is its own", go(Warden::SweepRemove));
            }
        }
        Warden::SweepRemove => steps.step("sweeps the directory", |to| {
            to.remove_directory(name, pod);
            to.attempts[n].warden = Warden::Create;
        }),
        Warden::Create => match place.directory {
            // A directory that is not empty is not renamed over.
            Some(_) => steps.step("finds the directory made", |to| to.end(me)),
            None => steps.step("makes its directory", |to| {
                to.world.places[name].directory = Some(Directory { pod, confirmed: false });
                to.attempts[n].warden = Warden::Split;
            }),
        },
        Warden::Update => match place.directory {
            Some(directory) if directory.pod == pod => {
                steps.step("finds its own directory", go(Warden::Split));
            }
            _ => steps.step("finds another Pod's directory", |to| to.end(me)),
        },
        Warden::Split => steps.step("splits", |to| {
            let host = Proc::Host(n);
            to.world.ticket_lock.inherit(me, host);
            to.world.places[name].lock.inherit(me, host);
            to.attempts[n].host = if kind == Kind::Restore { Host::ReRead } else { Host::Start };
            to.attempts[n].warden = Warden::Watch;
        }),

        Warden::Watch => {
            if own.released && own.warden_probation {
                steps.step("lets go of the ticket", |to| {
                    to.world.ticket_lock.close(me);
                    to.attempts[n].warden_probation = false;
                });
            } else if own.host == Host::Ended {
                let gives_up = own.warden_probation && kind != Kind::Restore;
                let first = match weak(Weakening::LookBeforeWithdraw) {
                    true => Warden::LookFirst,
                    false => Warden::Withdraw,
                };
                match gives_up {
                    true => steps.step("sees its host's end on probation", go(first)),
                    false => steps.step("sees its host's end", |to| to.end(me)),
                }
            }
        }
        Warden::Withdraw => steps.step("withdraws the offer", |to| {
            to.world.offers[usize::from(pod)] = None;
            to.attempts[n].warden = Warden::Look;
        }),
        Warden::Look | Warden::LookFirst if stands => steps.step("finds its claim standing", go(Warden::Record)),
        Warden::Look => steps.step("finds no claim of its own", |to| {
            to.world.seen.given_up |= 1 << pod;
            to.attempts[n].warden = Warden::DiscardRead;
        }),
        Warden::LookFirst => steps.step("finds no claim of its own", go(Warden::WithdrawLast)),
        Warden::WithdrawLast => steps.step("withdraws the offer", |to| {
            to.world.offers[usize::from(pod)] = None;
            to.world.seen.given_up |= 1 << pod;
            to.attempts[n].warden = Warden::DiscardRead;
        }),
        Warden::Record => steps.step("records the session", |to| {
            to.world.places[name].session = Some(pod);
            to.attempts[n].warden = Warden::Confirm;
        }),
        Warden::Confirm => steps.step("records the confirmation and ends", |to| {
            confirm(to, name, pod);
            to.end(me);
        }),
        Warden::DiscardRead => match place.directory {
            Some(directory) if directory.pod == pod => {
                steps.step("reads its record", go(Warden::DiscardRemove));
            }
            _ => steps.step("finds no directory of its own", |to| to.end(me)),
        },
        Warden::DiscardRemove => steps.step("removes its directory and ends", |to| {
            to.remove_directory(name, pod);
            to.end(me);
        }),
    }
}

/// `update_pod` with `confirmed_at`: by whoever holds the Pod lock, so that read and rename are one.
pub fn confirm(to: &mut State, name: usize, pod: u8) {
    if let Some(directory) = to.world.places[name].directory.as_mut().filter(|directory| directory.pod == pod) {
        directory.confirmed = true;
    }
}
