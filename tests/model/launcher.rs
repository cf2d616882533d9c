//! The launcher's side: launching, committing, undoing; and restoring.

use super::people::withdraw_for_the_dead;
use super::{Ask, Broken, Claim, Host, Kind, NAMES, Proc, State, Steps, Warden, Weakening};

/// Where a launcher stands: the step that it takes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Launcher {
    Absent,
    // execute.rs: from the ticket lock to the Run.
    TakeTicket,
    CheckFree,
    ProbeHolder,
    Spawn,
    AwaitReady,
    SendRun,
    AwaitRun,
    // claims.rs: commit.
    ExcludeRead,
    ExcludeTake { name: usize },
    TakeFence,
    Standing,
    CheckTaker,
    ReadOffer,
    Predecessor { offer: Claim },
    Put { claim: Claim },
    Tidy,
    LeaveCommit,
    // execute.rs: after the commit.
    Record,
    SendConfirm,
    AwaitConfirm,
    // Undoing.
    Withdraw,
    Look,
    LookFirst,
    WithdrawLast,
    DropPipe,
    EndPod,
    AwaitEnd,
    KillHost,
    AwaitLock,
    TakePod,
    ReadDirectory,
    WithdrawForTheDead,
    LookForTheDead,
    Remove,
    // restore.rs.
    ReadRecord { name: usize },
    ProbePod,
    TakeTickets,
    CheckClaims,
    TakeSweepFence,
    SweepOffers,
    // The end: with the claim confirmed the pipe goes first, where its confirmation was not heard the lock.
    ClosePipe,
    CloseTicket,
    RetakeTicket,
    LeaveTicket,
    LeavePipe,
    Ended,
}

impl Launcher {
    /// Where a launcher of a kind begins.
    pub fn first(kind: Kind) -> Self {
        match kind {
            Kind::Nobody => Self::Absent,
            Kind::Launch | Kind::Script => Self::TakeTicket,
            Kind::Restore => Self::ReadRecord { name: 0 },
        }
    }

    /// Whether it has begun and not ended.
    pub fn runs(self) -> bool {
        !matches!(self, Self::Absent | Self::TakeTicket | Self::ReadRecord { .. } | Self::Ended)
    }
}

/// The steps of an attempt's launcher.
pub fn steps(steps: &mut Steps<'_>, n: usize) {
    let (state, protocol) = (*steps.state, steps.protocol);
    let (world, own, kind) = (state.world, state.attempts[n], protocol.attempts[n]);
    let me = Proc::Launcher(n);
    let pod = own.pod;
    let weak = |weakening| protocol.weakened == Some(weakening);
    let go = move |next: Launcher| move |to: &mut State| to.attempts[n].launcher = next;
    // What a script does after a step that failed: its shell ends, or goes on with the next.
    let failed = |steps: &mut Steps<'_>, what: &'static str, goes_on: Launcher| match kind {
        Kind::Script => {
            steps.step(what, leave_commit(n, Launcher::ClosePipe));
            steps.step("is careless: goes on", leave_commit(n, goes_on));
        }
        _ => steps.step(what, leave_commit(n, first_of_undo(weak(Weakening::LookBeforeWithdraw)))),
    };
    match own.launcher {
        Launcher::Absent | Launcher::Ended => {}

        // -- from the ticket lock to the Run
        Launcher::TakeTicket => {
            // Attempts of one kind differ in nothing but their number: the lower one may as well begin first.
            if n > 0 && protocol.attempts[n - 1] == kind && state.attempts[n - 1].launcher == Launcher::TakeTicket {
                return;
            }
            if weak(Weakening::LaunchWithoutTicketLock) {
                steps.step("does not take the ticket lock", go(Launcher::CheckFree));
            } else if world.ticket_lock.is_held() {
                steps.step("finds the ticket in flight", |to| to.end(me));
            } else {
                steps.step("takes the ticket lock", |to| {
                    to.world.ticket_lock.take(me);
                    to.attempts[n].launcher = Launcher::CheckFree;
                });
            }
        }
        Launcher::CheckFree => match world.claim {
            None => steps.step("reads that the ticket is free", go(Launcher::Spawn)),
            Some(claim) if claim.completed => steps.step("reads a completed claim", |to| {
                to.attempts[n].expect = Some(claim);
                to.attempts[n].launcher = Launcher::ProbeHolder;
            }),
            Some(_) => steps.step("reads that the ticket is claimed", |to| to.end(me)),
        },
        Launcher::ProbeHolder => match own.expect {
            Some(old) if !world.places[old.name].lock.is_held() => {
                steps.step("finds the old holder stopped", go(Launcher::Spawn));
            }
            _ => steps.step("finds the old holder live", |to| to.end(me)),
        },
        Launcher::Spawn => steps.step("starts a host", |to| {
            let attempt = &mut to.attempts[n];
            attempt.launcher = Launcher::AwaitReady;
            attempt.pipe = true;
            attempt.warden = Warden::TakePod;
            attempt.host = Host::Absent;
            if kind != Kind::Restore && !weak(Weakening::HostWithoutTicketLock) {
                to.world.ticket_lock.inherit(me, Proc::Warden(n));
            }
        }),
        Launcher::AwaitReady => {
            if kind == Kind::Script && own.ready && own.run == Ask::Unsent {
                steps.step("has another process send the Run", |to| to.attempts[n].run = Ask::Sent);
            }
            let after = if kind == Kind::Restore { Launcher::SendConfirm } else { Launcher::SendRun };
            if own.ready {
                steps.step("hears that the host is ready", go(after));
            }
            if own.warden == Warden::Refused {
                let next = match kind {
                    Kind::Launch if own.name + 1 < NAMES => Launcher::Spawn,
                    _ => Launcher::ClosePipe,
                };
                steps.step("hears that the name is taken", move |to| {
                    let attempt = &mut to.attempts[n];
                    attempt.name += usize::from(next == Launcher::Spawn);
                    attempt.launcher = next;
                });
            } else {
                // Nothing can have been offered: the Run was not sent. The pipe is open until all is undone.
                steps.step("hears nothing in time", go(Launcher::EndPod));
            }
        }
        Launcher::SendRun => steps.step("sends the Run", |to| {
            to.attempts[n].run = Ask::Sent;
            to.attempts[n].launcher = Launcher::AwaitRun;
        }),
        Launcher::AwaitRun => {
            let commit = if own.expect.is_some() { Launcher::ExcludeRead } else { Launcher::TakeFence };
            if own.run == Ask::Granted || weak(Weakening::OfferBeforeRun) {
                steps.step("goes on to the commit", go(commit));
            }
            if own.run != Ask::Granted {
                failed(steps, "has no acceptance", commit);
            }
        }

        // -- commit
        Launcher::ExcludeRead => match (world.claim, own.expect) {
            (Some(claim), Some(old)) if claim.is_same(old) => {
                let next = match weak(Weakening::HandOverWithoutPodLock) {
                    true => Launcher::TakeFence,
                    false => Launcher::ExcludeTake { name: claim.name },
                };
                steps.step("reads whom it takes over from", go(next));
            }
            _ => failed(steps, "finds another claim", Launcher::Record),
        },
        Launcher::ExcludeTake { name } if world.places[name].lock.is_held() => {
            failed(steps, "finds the old holder live again", Launcher::Record);
        }
        Launcher::ExcludeTake { name } => steps.step("takes the old holder's Pod lock", |to| {
            to.world.places[name].lock.take(me);
            to.attempts[n].launcher = Launcher::TakeFence;
        }),
        Launcher::TakeFence if weak(Weakening::CommitWithoutFence) => {
            steps.step("does not take the fence", go(Launcher::Standing));
        }
        Launcher::TakeFence if world.fence.is_some() => failed(steps, "has no fence in time", Launcher::Record),
        Launcher::TakeFence => steps.step("takes the fence", |to| {
            to.world.fence = Some(me);
            to.attempts[n].launcher = Launcher::Standing;
        }),
        Launcher::Standing => match (world.claim, own.expect) {
            (Some(claim), _) if claim.pod == pod => {
                steps.step("finds its claim standing", leave_commit(n, Launcher::Record));
            }
            (Some(claim), Some(old)) if claim.is_same(old) && claim.completed => {
                steps.step("reads the claim that it takes over", go(Launcher::CheckTaker));
            }
            (None, None) => steps.step("reads that the ticket is still free", go(Launcher::ReadOffer)),
            _ => failed(steps, "finds another claim", Launcher::Record),
        },
        Launcher::CheckTaker if world.places[own.name].lock.is_held() => {
            steps.step("finds its Pod live", go(Launcher::ReadOffer));
        }
        Launcher::CheckTaker => failed(steps, "finds its Pod dead", Launcher::Record),
        Launcher::ReadOffer => match world.offers[usize::from(pod)] {
            Some(offer) => steps.step("reads the offer", go(Launcher::Predecessor { offer })),
            None if weak(Weakening::CommitWithoutOffer) => {
                let generation = world.claim.map_or(world.tombstone, |claim| claim.generation) + 1;
                let claim = Claim { pod, name: own.name, generation, completed: false };
                steps.step("writes a claim of its own", go(Launcher::Put { claim }));
            }
            None => failed(steps, "finds no offer", Launcher::Record),
        },
        Launcher::Predecessor { offer } => {
            let before = world.claim.map_or(world.tombstone, |claim| claim.generation);
            if offer.generation == before + 1 {
                steps.step("finds the offer to follow", go(Launcher::Put { claim: offer }));
            } else {
                failed(steps, "finds the offer out of date", Launcher::Record);
            }
        }
        Launcher::Put { claim } => put(steps, n, claim, failed),
        Launcher::Tidy => steps.step("removes offers and temporaries", |to| {
            sweep_temporary(to, me);
            to.world.offers = Default::default();
            to.attempts[n].launcher = Launcher::LeaveCommit;
        }),
        Launcher::LeaveCommit => steps.step("closes the fence", leave_commit(n, Launcher::Record)),

        // -- after the commit
        Launcher::Record => steps.step("records the session", |to| {
            to.world.places[own.name].session = Some(pod);
            to.attempts[n].launcher = Launcher::SendConfirm;
        }),
        Launcher::SendConfirm => steps.step("sends the confirmation", |to| {
            to.attempts[n].confirm = Ask::Sent;
            to.attempts[n].launcher = Launcher::AwaitConfirm;
        }),
        Launcher::AwaitConfirm => {
            match own.confirm {
                Ask::Granted => steps.step("hears that it is confirmed", go(Launcher::ClosePipe)),
                _ => {
                    let next = match kind {
                        // The claim stands: the Pod is left to itself.
                        Kind::Launch => Launcher::LeaveTicket,
                        Kind::Restore => Launcher::DropPipe,
                        _ => Launcher::ClosePipe,
                    };
                    steps.step("hears of no confirmation", go(next));
                }
            }
        }

        _ => undo(steps, n),
    }
}

/// The link, or for a hand-over the rename, that makes the claim.
fn put(steps: &mut Steps<'_>, n: usize, claim: Claim, failed: impl Fn(&mut Steps<'_>, &'static str, Launcher)) {
    let (world, own) = (steps.state.world, steps.state.attempts[n]);
    let offer = usize::from(own.pod);
    if world.offers[offer].is_none() && !steps.is_weakened(Weakening::CommitWithoutOffer) {
        failed(steps, "finds the offer gone", Launcher::Record);
    } else if world.claim.is_some() && own.expect.is_none() {
        failed(steps, "finds the claim's name taken", Launcher::Record);
    } else {
        steps.step("commits the claim", |to| {
            to.world.put_claim(claim, own.expect);
            if own.expect.is_some() {
                to.world.offers[offer] = None;
            }
            to.attempts[n].launcher = Launcher::Tidy;
        });
    }
}

/// Undoing, restoring, and the end.
fn undo(steps: &mut Steps<'_>, n: usize) {
    let (state, protocol) = (*steps.state, steps.protocol);
    let (world, own, kind) = (state.world, state.attempts[n], protocol.attempts[n]);
    let me = Proc::Launcher(n);
    let pod = own.pod;
    let place = world.places[own.name];
    let go = move |next: Launcher| move |to: &mut State| to.attempts[n].launcher = next;
    let unlink = move |next: Launcher| {
        move |to: &mut State| {
            to.world.offers[usize::from(pod)] = None;
            to.attempts[n].launcher = next;
        }
    };
    let stands = world.claim.is_some_and(|claim| claim.pod == pod);
    match own.launcher {
        Launcher::Withdraw => steps.step("withdraws the offer", unlink(Launcher::Look)),
        Launcher::Look if steps.is_weakened(Weakening::UndoRemovesClaim) => steps.step("removes the claim", |to| {
            if to.world.claim.take().is_some() {
                to.world.broke(Broken::ClaimLost);
            }
            to.attempts[n].launcher = Launcher::DropPipe;
        }),
        Launcher::Look if stands => steps.step("finds its claim standing", go(Launcher::LeaveTicket)),
        Launcher::Look => steps.step("finds no claim of its own", go(Launcher::DropPipe)),
        Launcher::LookFirst if stands => steps.step("finds its claim standing", go(Launcher::LeaveTicket)),
        Launcher::LookFirst => steps.step("finds no claim of its own", go(Launcher::WithdrawLast)),
        Launcher::WithdrawLast => steps.step("withdraws the offer", unlink(Launcher::DropPipe)),

        Launcher::DropPipe => steps.step("closes the pipe", |to| {
            to.attempts[n].pipe = false;
            to.attempts[n].launcher = Launcher::EndPod;
        }),
        Launcher::EndPod => steps.step("ends the Pod", |to| {
            to.attempts[n].told = true;
            if kind == Kind::Launch {
                // What it will say: nothing was left behind.
                to.world.seen.given_up |= 1 << pod;
            }
            to.attempts[n].launcher = Launcher::AwaitEnd;
        }),
        Launcher::AwaitEnd if !own.warden.runs() => steps.step("sees the warden's end", go(Launcher::AwaitLock)),
        // One signal to their process group; it reaches one before the other.
        Launcher::AwaitEnd => steps.step("kills the warden", |to| {
            to.end(Proc::Warden(n));
            to.attempts[n].launcher = Launcher::KillHost;
        }),
        Launcher::KillHost => steps.step("kills the host", |to| {
            if own.host.runs() {
                to.end(Proc::Host(n));
            }
            to.attempts[n].launcher = Launcher::AwaitEnd;
        }),
        Launcher::AwaitLock => {
            if place.directory.is_some_and(|directory| directory.pod != pod) || !place.lock.is_held() {
                steps.step("finds the Pod gone", go(Launcher::TakePod));
            }
            if place.lock.is_held() {
                steps.step("finds the Pod lock held to the end", go(Launcher::CloseTicket));
            }
        }
        Launcher::TakePod if place.lock.is_held() || kind == Kind::Restore => {
            steps.step("leaves the directory", go(Launcher::CloseTicket));
        }
        Launcher::TakePod => steps.step("takes the Pod lock", |to| {
            to.world.places[own.name].lock.take(me);
            to.attempts[n].launcher = Launcher::ReadDirectory;
        }),
        Launcher::ReadDirectory => match place.directory {
            Some(directory) if directory.pod == pod || steps.is_weakened(Weakening::UndoByName) => {
                let next = match steps.is_weakened(Weakening::UndoWithoutWithdraw) {
                    true => Launcher::Remove,
                    false => Launcher::WithdrawForTheDead,
                };
                steps.step("reads the Pod's record", go(next));
            }
            _ => steps.step("finds no directory of its own", close_pod(n, Launcher::CloseTicket)),
        },
        Launcher::WithdrawForTheDead => steps.step("withdraws the dead Pod's offer", |to| {
            withdraw_for_the_dead(to, own.name);
            to.attempts[n].launcher = Launcher::LookForTheDead;
        }),
        Launcher::LookForTheDead if is_claimed(&state, own.name) => {
            steps.step("finds the Pod's claim standing", close_pod(n, Launcher::CloseTicket));
        }
        Launcher::LookForTheDead => steps.step("finds that no claim is the Pod's", go(Launcher::Remove)),
        Launcher::Remove => steps.step("removes the directory", |to| {
            to.remove_directory(own.name, pod);
            close_pod(n, Launcher::CloseTicket)(to);
        }),

        Launcher::ReadRecord { name } => {
            if let Some(directory) = world.places[name].directory {
                steps.step("reads the Pod's record", |to| {
                    to.attempts[n].pod = directory.pod;
                    to.attempts[n].name = name;
                    to.attempts[n].launcher = Launcher::ProbePod;
                });
            }
            if name + 1 < NAMES {
                steps.step("is to restore the other Pod", go(Launcher::ReadRecord { name: name + 1 }));
            }
        }
        Launcher::ProbePod => {
            let confirmed = place.directory.is_some_and(|directory| directory.confirmed);
            let restorable = !place.lock.is_held() && (confirmed || stands);
            match restorable {
                true => steps.step("finds the Pod stopped", go(Launcher::TakeTickets)),
                false => steps.step("finds nothing to restore", |to| to.end(me)),
            }
        }
        Launcher::TakeTickets if world.ticket_lock.is_held() => {
            steps.step("finds the ticket in flight", |to| to.end(me));
        }
        Launcher::TakeTickets => steps.step("takes the ticket lock", |to| {
            to.world.ticket_lock.take(me);
            to.attempts[n].launcher = Launcher::CheckClaims;
        }),
        Launcher::CheckClaims if stands => steps.step("finds the claim standing", go(Launcher::TakeSweepFence)),
        Launcher::CheckClaims => steps.step("finds that the claim has moved on", |to| to.end(me)),
        Launcher::TakeSweepFence if world.fence.is_some() => {
            // What is not swept now is swept by the next.
            steps.step("has no fence in time", go(Launcher::Spawn));
        }
        Launcher::TakeSweepFence => steps.step("takes the fence", |to| {
            to.world.fence = Some(me);
            to.attempts[n].launcher = Launcher::SweepOffers;
        }),
        Launcher::SweepOffers => steps.step("removes offers and temporaries", |to| {
            sweep_temporary(to, me);
            to.world.offers = Default::default();
            to.world.fence = None;
            to.attempts[n].launcher = Launcher::Spawn;
        }),

        Launcher::ClosePipe => steps.step("closes the pipe", |to| {
            to.attempts[n].pipe = false;
            to.attempts[n].launcher = Launcher::CloseTicket;
        }),
        Launcher::CloseTicket => {
            steps.step("closes the ticket lock and ends", |to| {
                close_ticket(to, n, protocol.weakened);
                to.end(me);
            });
            if kind == Kind::Script && !own.left_behind {
                steps.step("closes the ticket lock and leaves a process behind", |to| {
                    close_ticket(to, n, protocol.weakened);
                    to.attempts[n].left_behind = true;
                    to.attempts[n].launcher = Launcher::RetakeTicket;
                });
            }
        }
        Launcher::RetakeTicket if world.ticket_lock.is_held() => {
            steps.step("does not get the ticket lock", |to| to.end(me));
        }
        Launcher::RetakeTicket => steps.step("takes the ticket lock for a commit by hand", |to| {
            to.world.ticket_lock.take(me);
            to.attempts[n].launcher = if own.expect.is_some() { Launcher::ExcludeRead } else { Launcher::TakeFence };
        }),
        Launcher::LeaveTicket => steps.step("closes the ticket lock", |to| {
            close_ticket(to, n, protocol.weakened);
            to.attempts[n].launcher = Launcher::LeavePipe;
        }),
        Launcher::LeavePipe => steps.step("closes the pipe and ends", |to| to.end(me)),
        other => unreachable!("{other:?} is a step of a launch"),
    }
}

fn close_ticket(to: &mut State, n: usize, weakened: Option<Weakening>) {
    if weakened == Some(Weakening::UnlockForClose) {
        to.world.ticket_lock.unlock(Proc::Launcher(n));
    }
    to.world.ticket_lock.close(Proc::Launcher(n));
}

fn first_of_undo(looks_first: bool) -> Launcher {
    if looks_first { Launcher::LookFirst } else { Launcher::Withdraw }
}

/// Whether the Pod of a name has the claim.
fn is_claimed(state: &State, name: usize) -> bool {
    let pod = state.world.places[name].directory.map(|directory| directory.pod);
    pod.is_some() && pod == state.world.claim.map(|claim| claim.pod)
}

/// The end of `commit`: the fence and the old holder's Pod lock are closed.
fn leave_commit(n: usize, next: Launcher) -> impl FnOnce(&mut State) {
    move |to| {
        let me = Proc::Launcher(n);
        if to.world.fence == Some(me) {
            to.world.fence = None;
        }
        close_pod(n, next)(to);
    }
}

fn close_pod(n: usize, next: Launcher) -> impl FnOnce(&mut State) {
    move |to| {
        for place in &mut to.world.places {
            place.lock.close(Proc::Launcher(n));
        }
        to.attempts[n].launcher = next;
    }
}

/// Removes the temporaries of the claim: under the fence none can be of a writer that lives.
fn sweep_temporary(to: &mut State, me: Proc) {
    if let Some(writer) = to.world.temporary.take()
        && writer != me
        && to.runs(writer)
    {
        to.world.broke(Broken::TemporaryLost);
    }
}
