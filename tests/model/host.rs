//! The second process of a Pod: it does one thing at a time, whatever comes.

use super::warden::confirm;
use super::{Ask, Claim, Kind, Proc, State, Steps, Weakening};

/// The step by which a Pod that works comes to its end: nothing makes it.
pub const WORK_ENDS: &str = "ends its work";

/// Where a host stands: the step that it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    Absent,
    /// Reads the claim again, to be restored.
    ReRead,
    /// Starts its agent.
    Start,
    /// Waits, on probation.
    Wait,
    // effects.rs: accept.
    OfferRead,
    OfferWrite {
        generation: u8,
    },
    Answer,
    // effects.rs: confirm.
    ConfirmRead,
    ConfirmRecord,
    ConfirmRelease,
    SayConfirmed,
    // effects.rs: give_up. Whether it has to end anyway.
    Withdraw {
        stop: bool,
    },
    Look {
        stop: bool,
    },
    LookFirst {
        stop: bool,
    },
    WithdrawLast,
    StandsRecord {
        stop: bool,
    },
    StandsConfirm {
        stop: bool,
    },
    StandsRelease {
        stop: bool,
    },
    /// Its claim gone: it ends, and removes its directory if its warden has not lived to do so.
    Leave,
    DiscardRead,
    DiscardRemove,
    /// The agent is prompted, or may be.
    Work,
    Ended,
}

impl Host {
    /// Whether it was started and has not ended.
    pub fn runs(self) -> bool {
        !matches!(self, Self::Absent | Self::Ended)
    }

    /// Whether its probation is not over.
    pub fn is_on_probation(self) -> bool {
        self.runs() && !matches!(self, Self::Work | Self::SayConfirmed)
    }
}

/// The steps of an attempt's host.
pub fn steps(steps: &mut Steps<'_>, n: usize) {
    let (state, kind) = (*steps.state, steps.protocol.attempts[n]);
    let (world, own) = (state.world, state.attempts[n]);
    let me = Proc::Host(n);
    let (pod, name) = (own.pod, own.name);
    let place = world.places[name];
    let weakened = steps.protocol.weakened;
    let weak = |weakening| weakened == Some(weakening);
    let go = move |next: Host| move |to: &mut State| to.attempts[n].host = next;
    let own_directory = place.directory.is_some_and(|directory| directory.pod == pod);
    let stands = world.claim.is_some_and(|claim| claim.pod == pod);
    match own.host {
        Host::Absent | Host::Ended => {}

        Host::ReRead if stands || weak(Weakening::RestoreWithoutReRead) => {
            steps.step("finds its claim standing", go(Host::Start));
        }
        Host::ReRead => steps.step("finds that its claim has moved on", |to| to.end(me)),
        Host::Start => {
            steps.step("is ready", |to| {
                to.attempts[n].ready = true;
                to.attempts[n].host = match to.attempts[n].run {
                    Ask::Unsent if weakened == Some(Weakening::OfferBeforeRun) => Host::OfferRead,
                    _ => Host::Wait,
                };
            });
            give_up(steps, n);
        }
        Host::Wait => {
            if own.run == Ask::Sent && world.seen.accepted & (1 << pod) == 0 {
                steps.step("takes up the Run", go(Host::OfferRead));
            } else if own.run == Ask::Sent {
                // One Run waits already: `lifecycle.rs` `run`.
                steps.step("refuses a second Run", |to| to.attempts[n].run = Ask::Refused);
            }
            if own.confirm == Ask::Sent {
                steps.step("takes up the confirmation", go(Host::ConfirmRead));
            } else if kind == Kind::Restore {
                // A restored Pod has no nonce, so anybody's `pod-confirm` is as good as its launcher's.
                steps.step("takes up a confirmation by hand", go(Host::ConfirmRead));
            }
            give_up(steps, n);
        }

        // -- accepting
        Host::OfferRead => match world.claim {
            Some(claim) if !claim.completed => steps.step("finds the ticket claimed", |to| {
                to.attempts[n].run = Ask::Refused;
                to.attempts[n].host = Host::Wait;
            }),
            before => {
                let generation = before.map_or(world.tombstone, |claim| claim.generation) + 1;
                steps.step("reads what it follows", go(Host::OfferWrite { generation }));
            }
        },
        Host::OfferWrite { generation } => steps.step("writes its offer", |to| {
            to.world.offers[usize::from(pod)] = Some(Claim { pod, name, generation, completed: false });
            if own.run == Ask::Sent {
                to.world.seen.accepted |= 1 << pod;
            }
            to.attempts[n].host = if own.run == Ask::Sent { Host::Answer } else { Host::Wait };
        }),
        Host::Answer => steps.step("answers the Run", |to| {
            to.attempts[n].run = Ask::Granted;
            to.attempts[n].host = match weakened {
                Some(Weakening::PromptBeforeConfirm) => Host::Work,
                _ => Host::Wait,
            };
        }),

        // -- confirming
        Host::ConfirmRead if stands || weak(Weakening::ConfirmWithoutLook) || restores_blindly(weakened, kind) => {
            steps.step("finds its claim standing", go(Host::ConfirmRecord));
        }
        Host::ConfirmRead => steps.step("finds no claim of its own", |to| {
            to.attempts[n].confirm = Ask::Refused;
            to.attempts[n].host = Host::Wait;
        }),
        Host::ConfirmRecord if own_directory => steps.step("records the confirmation", |to| {
            confirm(to, name, pod);
            to.attempts[n].host = Host::ConfirmRelease;
        }),
        Host::ConfirmRecord => steps.step("finds no directory of its own", |to| {
            to.attempts[n].confirm = Ask::Refused;
            to.attempts[n].host = Host::Wait;
        }),
        Host::ConfirmRelease => steps.step("lets go of the ticket", |to| release(to, n, weakened, Host::SayConfirmed)),
        Host::SayConfirmed => steps.step("answers the confirmation and works", |to| {
            to.attempts[n].confirm = Ask::Granted;
            to.attempts[n].host = Host::Work;
        }),

        // -- giving up
        Host::Withdraw { stop } => steps.step("withdraws its offer", |to| {
            to.world.offers[usize::from(pod)] = None;
            to.attempts[n].host = Host::Look { stop };
        }),
        Host::Look { stop } | Host::LookFirst { stop } if stands && !weak(Weakening::WithdrawWithoutLook) => {
            steps.step("finds its claim standing", go(Host::StandsRecord { stop }));
        }
        Host::Look { .. } => steps.step("finds no claim of its own", |to| given_up(to, n)),
        Host::LookFirst { .. } => steps.step("finds no claim of its own", go(Host::WithdrawLast)),
        Host::WithdrawLast => steps.step("withdraws its offer", |to| {
            to.world.offers[usize::from(pod)] = None;
            given_up(to, n);
        }),
        Host::StandsRecord { stop } => steps.step("records the session", |to| {
            to.world.places[name].session = Some(pod);
            to.attempts[n].host = Host::StandsConfirm { stop };
        }),
        Host::StandsConfirm { stop } => steps.step("records the confirmation", |to| {
            confirm(to, name, pod);
            to.attempts[n].host = Host::StandsRelease { stop };
        }),
        Host::StandsRelease { stop } => steps.step("lets go of the ticket", |to| {
            release(to, n, weakened, Host::Work);
            if stop {
                to.end(me);
            }
        }),
        Host::Leave => {
            if !own.warden.runs() {
                steps.step("sees that its warden is gone", go(Host::DiscardRead));
            }
            steps.step("ends", |to| to.end(me));
        }
        Host::DiscardRead if own_directory && kind != Kind::Restore => {
            steps.step("reads its record", go(Host::DiscardRemove));
        }
        Host::DiscardRead => steps.step("leaves the directory and ends", |to| to.end(me)),
        Host::DiscardRemove => steps.step("removes its directory and ends", |to| {
            to.remove_directory(name, pod);
            to.end(me);
        }),

        Host::Work => {
            if own.confirm == Ask::Sent {
                steps.step("answers a late confirmation", |to| to.attempts[n].confirm = Ask::Granted);
            }
            if own.told || !own.warden.runs() {
                steps.step("stops", |to| to.end(me));
            } else {
                steps.step(WORK_ENDS, |to| to.end(me));
            }
        }
    }
}

/// The launcher is gone or late, or the Pod has to stop.
fn give_up(steps: &mut Steps<'_>, n: usize) {
    let (own, kind) = (steps.state.attempts[n], steps.protocol.attempts[n]);
    let first = |stop| match steps.protocol.weakened {
        _ if kind == Kind::Restore => Host::Leave,
        Some(Weakening::LookBeforeWithdraw) => Host::LookFirst { stop },
        _ => Host::Withdraw { stop },
    };
    if own.told || !own.warden.runs() {
        let first = first(true);
        steps.step("has to stop", move |to| to.attempts[n].host = first);
    }
    if !steps.is_weakened(Weakening::EndlessProbation) {
        let first = first(false);
        let why = if own.pipe { "is not confirmed in time" } else { "sees that its launcher is gone" };
        steps.step(why, move |to| to.attempts[n].host = first);
    }
}

/// The weakening takes all that a restored host looks at.
fn restores_blindly(weakened: Option<Weakening>, kind: Kind) -> bool {
    kind == Kind::Restore && weakened == Some(Weakening::RestoreWithoutReRead)
}

fn given_up(to: &mut State, n: usize) {
    to.world.seen.given_up |= 1 << to.attempts[n].pod;
    to.attempts[n].host = Host::Leave;
}

/// The probation is over: the host lets go of the ticket and tells its warden.
fn release(to: &mut State, n: usize, weakened: Option<Weakening>, next: Host) {
    if weakened == Some(Weakening::UnlockForClose) {
        to.world.ticket_lock.unlock(Proc::Host(n));
    }
    to.world.ticket_lock.close(Proc::Host(n));
    to.attempts[n].released = true;
    to.attempts[n].host = next;
}
