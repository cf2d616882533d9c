//! The life cycle of a Pod, `starting → idle ⇄ running → stopping`, as one pure state machine.
//!
//! The host feeds [`step`] with what happens and carries out the effects that it answers with, in their order. Some
//! effects end in an input of their own, which is fed before anything else: [`Effect::Accept`] in [`Input::Accepted`]
//! if all went well, [`Effect::Confirm`] in [`Input::Confirmed`] if the claim stands, [`Effect::GiveUp`] always in
//! [`Input::GaveUp`]. All else may come in any order, at any time; the machine answers each input in each state.
//!
//! What it guarantees, whatever comes in:
//!
//! * nothing is prompted on probation, nor once stopping has begun, nor while a turn runs;
//! * a Run that was accepted is prompted, or dropped where the Pod stops first;
//! * the Pod stops once; the mark "shutdown after idle" takes effect only when it is idle, its queue is empty and its
//!   last turn has settled.

use std::collections::VecDeque;

use super::protocol::{Code, StopReason};
use crate::domain::PodPhase;

/// How many accepted Runs may wait.
pub const MAX_QUEUED: usize = 16;
/// How often a Pod that gives up tries to read its claim.
pub const MAX_TRIES: u32 = 6;

/// A request of a client; the same number never comes twice. A Run goes by the number of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// How the nonce of a request compares with that of the attempt that launched the Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NonceMatch {
    /// They are one; or the Pod has none and none was given.
    Right,
    /// The Pod has one and none was given.
    Missing,
    /// They differ.
    Wrong,
}

/// Why a Pod on probation gives up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// Its launcher is gone.
    Launcher,
    /// Its launcher did not confirm in time.
    Deadline,
    /// It has to stop for this reason anyway.
    Stop(StopReason),
}

/// What a Pod that gave up found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// There is no claim and there will be none.
    Withdrawn,
    /// The claim stands.
    Stands,
    /// The claim cannot be read.
    Unknown,
}

/// What happens to a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// The agent is there, its session made, its tools ready.
    AgentReady,
    /// The agent cannot be started, or cannot go on.
    AgentFailed,
    /// A client sends a Run.
    Run(RequestId, NonceMatch),
    /// The Run is on disk, with the offer where there must be one, and its client was answered.
    Accepted(RequestId),
    /// The agent has ended its turn, in whatever way.
    TurnEnded,
    /// A client cancels the turn.
    Cancel(RequestId),
    /// A client confirms.
    Confirm(RequestId, NonceMatch),
    /// The claim was found standing and the confirmation recorded.
    Confirmed(RequestId),
    /// The launcher's pipe is at its end.
    LauncherGone,
    /// The time for a confirmation is over.
    ProbationOver,
    /// What giving up led to.
    GaveUp(Verdict),
    /// It is time to try giving up again.
    RetryDue,
    /// A client asks for the shutdown.
    Shutdown {
        /// The request.
        request: RequestId,
        /// Does not wait for the turn.
        now: bool,
    },
    /// SIGTERM or SIGINT came.
    Signal,
    /// The warden is gone.
    WardenGone,
    /// A client sets the mark "shutdown after idle".
    Mark(RequestId),
    /// A client takes the mark back.
    Unmark(RequestId),
    /// The work is done: a tool's success sets the mark.
    WorkDone,
    /// The last turn has settled: the history is on disk, and the clients have been sent all.
    Settled,
    /// The history of the last turn is not on disk.
    NotSettled,
    /// A cancelled turn did not end in time.
    TurnOverdue,
}

/// What the host has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Say "ready" to who started the host.
    SayReady,
    /// Tell the clients the new status.
    Status(PodPhase),
    /// Write the Run to disk, with the offer if asked for, and answer it with `user_message`; or refuse it.
    Accept {
        /// The Run.
        request: RequestId,
        /// Whether the Pod is on probation and its offer is to be written.
        offer: bool,
    },
    /// Answer with an error.
    Refuse(RequestId, Code),
    /// Answer with `ok`.
    Done(RequestId),
    /// Look whether the claim stands, and record the confirmation; or refuse.
    Confirm(RequestId),
    /// Answer with `confirmed`.
    SayConfirmed(RequestId),
    /// Release the ticket, in the warden too.
    Release,
    /// Give the Run to the agent.
    Prompt(RequestId),
    /// Tell the agent to end its turn.
    CancelTurn,
    /// Send [`Input::TurnOverdue`] if the turn has not ended soon.
    LimitTurn,
    /// Write the end of the turn and of its Run to disk, fsynced, and tell the clients.
    FinishTurn(RequestId),
    /// Tell that a Run that was accepted will not be carried out.
    Drop(RequestId),
    /// Withdraw the offer and look at the claim.
    GiveUp,
    /// Send [`Input::RetryDue`] after a pause that grows with the number of tries.
    RetryGiveUp(u32),
    /// Tell the clients whether the Pod ends once it is idle; the request, if any, under its id.
    Scheduled {
        /// Whether it does.
        scheduled: bool,
        /// The request that this answers.
        request: Option<RequestId>,
    },
    /// Look whether the history is on disk, wait until the clients have been sent all, 2 s at most, and tell.
    Settle,
    /// Tell a person that the shutdown after idle did not happen.
    AlertNotSettled,
    /// End the agent and then the host.
    Stop {
        /// Why.
        reason: StopReason,
        /// Whether the Pod gave up, and its directory is to go.
        discard: bool,
    },
}

/// What a Pod is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    /// The agent is being started.
    Starting,
    /// Nothing runs. On probation, an accepted Run may wait.
    Idle,
    /// Nothing runs and the mark is about to take effect.
    Settling,
    /// The agent works on a Run.
    Running(RequestId),
    /// The Pod will stop when this turn is over.
    LastTurn(RequestId, StopReason),
    /// The Pod will stop when this turn, which was cancelled, is over, or overdue.
    EndingTurn(RequestId, StopReason),
    /// The host is ending; nothing matters any more.
    Stopped,
}

/// Whether a launcher may still take the Pod back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Probation {
    /// It may.
    Open,
    /// The offer is withdrawn; whether the claim stands could not be read yet.
    GivingUp { why: Why, tries: u32 },
    /// It may not: the claim stands.
    Over,
}

/// The state of a Pod.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    phase: Phase,
    probation: Probation,
    queue: VecDeque<RequestId>,
    marked: bool,
}

impl Default for State {
    fn default() -> Self {
        Self { phase: Phase::Starting, probation: Probation::Open, queue: VecDeque::new(), marked: false }
    }
}

impl State {
    /// The status as clients see it.
    pub fn status(&self) -> PodPhase {
        match self.phase {
            Phase::Starting => PodPhase::Starting,
            Phase::Idle | Phase::Settling => PodPhase::Idle,
            Phase::Running(_) => PodPhase::Running,
            Phase::LastTurn(..) | Phase::EndingTurn(..) | Phase::Stopped => PodPhase::Stopping,
        }
    }

    /// Whether a launcher may still take the Pod back.
    pub fn on_probation(&self) -> bool {
        self.probation != Probation::Over
    }

    /// Whether the Pod ends once it is idle.
    pub fn is_marked(&self) -> bool {
        self.marked
    }

    /// How many accepted Runs wait.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Why a tool may not be called now, if so.
    pub fn refuses_tools(&self) -> Option<Code> {
        match self.phase {
            Phase::Stopped | Phase::EndingTurn(..) => Some(Code::ShuttingDown),
            _ if self.on_probation() => Some(Code::OnProbation),
            _ => None,
        }
    }
}

/// Takes one step: what the Pod becomes when something happens, and what has to be done.
pub fn step(state: State, input: Input) -> (State, Vec<Effect>) {
    let mut step = Step { state, effects: Vec::new() };
    step.take(input);
    (step.state, step.effects)
}

struct Step {
    state: State,
    effects: Vec<Effect>,
}

impl Step {
    fn take(&mut self, input: Input) {
        if self.state.phase == Phase::Stopped {
            return self.take_stopped(input);
        }
        match input {
            Input::AgentReady => self.agent_ready(),
            Input::AgentFailed => self.end(StopReason::Agent, Turn::Cancel),
            Input::Run(request, nonce) => self.run(request, nonce),
            Input::Accepted(request) => self.accepted(request),
            Input::TurnEnded => self.turn_ended(),
            Input::Cancel(request) => self.cancel(request),
            Input::Confirm(request, nonce) => self.confirm(request, nonce),
            Input::Confirmed(request) => self.stands(Some(request)),
            Input::LauncherGone => self.lose_launcher(Why::Launcher),
            Input::ProbationOver => self.lose_launcher(Why::Deadline),
            Input::GaveUp(verdict) => self.gave_up(verdict),
            Input::RetryDue => {
                if let Probation::GivingUp { .. } = self.state.probation {
                    self.effects.push(Effect::GiveUp);
                }
            }
            Input::Shutdown { request, now } => {
                self.effects.push(Effect::Done(request));
                self.end(StopReason::Requested, if now { Turn::Cancel } else { Turn::Finish });
            }
            Input::Signal => self.end(StopReason::Signal, Turn::Cancel),
            Input::WardenGone => self.end(StopReason::Warden, Turn::Cancel),
            Input::Mark(request) => self.mark(Some(request)),
            Input::WorkDone => self.mark(None),
            Input::Unmark(request) => self.unmark(request),
            Input::Settled => {
                if self.state.phase == Phase::Settling {
                    self.stop(StopReason::Idle);
                }
            }
            Input::NotSettled => {
                if self.state.phase == Phase::Settling {
                    // The mark stays: the end of the next turn, or the next request, tries again.
                    self.state.phase = Phase::Idle;
                    self.effects.push(Effect::AlertNotSettled);
                }
            }
            Input::TurnOverdue => {
                if let Phase::EndingTurn(run, reason) = self.state.phase {
                    self.effects.push(Effect::FinishTurn(run));
                    self.stop(reason);
                }
            }
        }
    }

    /// Once stopped, requests are answered and nothing else happens.
    fn take_stopped(&mut self, input: Input) {
        match input {
            Input::Confirm(request, NonceMatch::Right) if self.state.probation == Probation::Over => {
                self.effects.push(Effect::SayConfirmed(request));
            }
            Input::Run(request, _) | Input::Confirm(request, _) | Input::Mark(request) | Input::Unmark(request) => {
                self.refuse(request, Code::ShuttingDown);
            }
            Input::Cancel(request) => self.refuse(request, Code::NotRunning),
            Input::Shutdown { request, .. } => self.effects.push(Effect::Done(request)),
            _ => {}
        }
    }

    fn refuse(&mut self, request: RequestId, code: Code) {
        self.effects.push(Effect::Refuse(request, code));
    }

    fn agent_ready(&mut self) {
        if self.state.phase == Phase::Starting {
            self.state.phase = Phase::Idle;
            self.effects.extend([Effect::SayReady, Effect::Status(PodPhase::Idle)]);
            self.advance();
        }
    }

    fn run(&mut self, request: RequestId, nonce: NonceMatch) {
        match (self.state.phase, self.state.probation) {
            (Phase::LastTurn(..) | Phase::EndingTurn(..), _) => self.refuse(request, Code::ShuttingDown),
            _ if nonce == NonceMatch::Wrong => self.refuse(request, Code::WrongNonce),
            (Phase::Starting, _) => self.refuse(request, Code::Starting),
            (_, Probation::Open) if nonce == NonceMatch::Missing => self.refuse(request, Code::WrongNonce),
            (_, Probation::Open) if self.state.queue.is_empty() => {
                self.effects.push(Effect::Accept { request, offer: true });
            }
            (_, Probation::Open | Probation::GivingUp { .. }) => self.refuse(request, Code::OnProbation),
            (_, Probation::Over) if self.state.queue.len() >= MAX_QUEUED => self.refuse(request, Code::Busy),
            (_, Probation::Over) => self.effects.push(Effect::Accept { request, offer: false }),
        }
    }

    fn accepted(&mut self, request: RequestId) {
        if let Phase::LastTurn(..) | Phase::EndingTurn(..) = self.state.phase {
            self.effects.push(Effect::Drop(request));
            return;
        }
        self.state.queue.push_back(request);
        self.advance();
    }

    fn turn_ended(&mut self) {
        match self.state.phase {
            Phase::Running(run) => {
                self.effects.push(Effect::FinishTurn(run));
                self.state.phase = Phase::Idle;
                if self.state.queue.is_empty() {
                    self.effects.push(Effect::Status(PodPhase::Idle));
                }
                self.advance();
            }
            Phase::LastTurn(run, reason) | Phase::EndingTurn(run, reason) => {
                self.effects.push(Effect::FinishTurn(run));
                self.stop(reason);
            }
            Phase::Starting | Phase::Idle | Phase::Settling | Phase::Stopped => {}
        }
    }

    /// From idle: begins the next Run, or lets the mark take effect.
    fn advance(&mut self) {
        if !matches!(self.state.phase, Phase::Idle | Phase::Settling) || self.state.on_probation() {
            return;
        }
        if let Some(run) = self.state.queue.pop_front() {
            self.state.phase = Phase::Running(run);
            self.effects.extend([Effect::Status(PodPhase::Running), Effect::Prompt(run)]);
        } else if self.state.marked && self.state.phase == Phase::Idle {
            self.state.phase = Phase::Settling;
            self.effects.push(Effect::Settle);
        }
    }

    fn cancel(&mut self, request: RequestId) {
        match self.state.phase {
            Phase::Running(_) | Phase::LastTurn(..) | Phase::EndingTurn(..) => {
                self.effects.extend([Effect::CancelTurn, Effect::Done(request)]);
            }
            Phase::Starting | Phase::Idle | Phase::Settling | Phase::Stopped => self.refuse(request, Code::NotRunning),
        }
    }

    fn confirm(&mut self, request: RequestId, nonce: NonceMatch) {
        match (self.state.phase, self.state.probation) {
            _ if nonce != NonceMatch::Right => self.refuse(request, Code::WrongNonce),
            // Late, of a Pod that went on by itself: a success.
            (_, Probation::Over) => self.effects.push(Effect::SayConfirmed(request)),
            (Phase::Starting, _) => self.refuse(request, Code::Starting),
            _ => self.effects.push(Effect::Confirm(request)),
        }
    }

    /// The claim stands: the probation is over.
    fn stands(&mut self, request: Option<RequestId>) {
        let before = std::mem::replace(&mut self.state.probation, Probation::Over);
        if before != Probation::Over {
            self.effects.push(Effect::Release);
        }
        self.effects.extend(request.map(Effect::SayConfirmed));
        match before {
            Probation::GivingUp { why: Why::Stop(reason), .. } => self.end(reason, Turn::Cancel),
            _ => self.advance(),
        }
    }

    fn lose_launcher(&mut self, why: Why) {
        if self.state.probation == Probation::Open {
            self.give_up(why);
        }
    }

    fn give_up(&mut self, why: Why) {
        self.state.probation = Probation::GivingUp { why, tries: 0 };
        self.effects.push(Effect::GiveUp);
    }

    fn gave_up(&mut self, verdict: Verdict) {
        let Probation::GivingUp { why, tries } = self.state.probation else { return };
        let reason = match why {
            Why::Stop(reason) => reason,
            Why::Launcher | Why::Deadline => StopReason::NotConfirmed,
        };
        match verdict {
            Verdict::Stands => self.stands(None),
            Verdict::Withdrawn => self.leave(reason, true),
            Verdict::Unknown if tries + 1 < MAX_TRIES => {
                self.state.probation = Probation::GivingUp { why, tries: tries + 1 };
                self.effects.push(Effect::RetryGiveUp(tries + 1));
            }
            Verdict::Unknown => self.leave(reason, false),
        }
    }

    /// Begins to end the Pod; on probation it gives up first.
    fn end(&mut self, reason: StopReason, turn: Turn) {
        match self.state.probation {
            Probation::Open => return self.give_up(Why::Stop(reason)),
            Probation::GivingUp { why: Why::Stop(_), .. } => return,
            // Should the claim stand after all, it does not go on.
            Probation::GivingUp { tries, .. } => {
                self.state.probation = Probation::GivingUp { why: Why::Stop(reason), tries };
                return;
            }
            Probation::Over => {}
        }
        match (self.state.phase, turn) {
            (Phase::Running(run), _) => {
                self.state.phase = Phase::LastTurn(run, reason);
                self.effects.push(Effect::Status(PodPhase::Stopping));
                self.drop_queue();
                if turn == Turn::Cancel {
                    self.end_turn(run, reason);
                }
            }
            (Phase::LastTurn(run, _), Turn::Cancel) => self.end_turn(run, reason),
            (Phase::LastTurn(..), Turn::Finish) | (Phase::EndingTurn(..) | Phase::Stopped, _) => {}
            (Phase::Starting | Phase::Idle | Phase::Settling, _) => self.stop(reason),
        }
    }

    fn end_turn(&mut self, run: RequestId, reason: StopReason) {
        self.state.phase = Phase::EndingTurn(run, reason);
        self.effects.extend([Effect::CancelTurn, Effect::LimitTurn]);
    }

    fn stop(&mut self, reason: StopReason) {
        self.leave(reason, false);
    }

    fn leave(&mut self, reason: StopReason, discard: bool) {
        if self.state.status() != PodPhase::Stopping {
            self.effects.push(Effect::Status(PodPhase::Stopping));
        }
        self.drop_queue();
        self.state.phase = Phase::Stopped;
        self.effects.push(Effect::Stop { reason, discard });
    }

    fn drop_queue(&mut self) {
        let dropped = std::mem::take(&mut self.state.queue);
        self.effects.extend(dropped.into_iter().map(Effect::Drop));
    }

    fn mark(&mut self, request: Option<RequestId>) {
        if let (Phase::LastTurn(..) | Phase::EndingTurn(..), Some(request)) = (self.state.phase, request) {
            return self.refuse(request, Code::ShuttingDown);
        }
        let news = !std::mem::replace(&mut self.state.marked, true);
        if news || request.is_some() {
            self.effects.push(Effect::Scheduled { scheduled: true, request });
        }
        self.advance();
    }

    fn unmark(&mut self, request: RequestId) {
        if let Phase::LastTurn(..) | Phase::EndingTurn(..) = self.state.phase {
            return self.refuse(request, Code::ShuttingDown);
        }
        self.state.marked = false;
        if self.state.phase == Phase::Settling {
            self.state.phase = Phase::Idle;
        }
        self.effects.push(Effect::Scheduled { scheduled: false, request: Some(request) });
    }
}

/// What becomes of the turn that runs when the Pod is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It is waited for.
    Finish,
    /// It is cancelled, and not waited for without bound.
    Cancel,
}

#[cfg(test)]
#[path = "lifecycle_tests.rs"]
mod tests;
