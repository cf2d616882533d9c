//! What the life cycle asks for, carried out.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::Wake;
use super::actor::{Actor, Timer};
use crate::domain::PodPhase;
use crate::pod::agent::{Cancel, Turn};
use crate::pod::history::Durability;
use crate::pod::lifecycle::{Effect, Input, RequestId, Verdict};
use crate::pod::protocol::{Code, Event, StatusReport, StopReason, TurnOutcome};
use crate::pod::spawn::{Answer, Ready};
use crate::pod::warden::pause_before;
use crate::pod::{GaveUp, Standing, chain, process};

/// How long the clients may take to be sent the end of the last turn.
const SETTLING: Duration = Duration::from_secs(2);
/// How long a turn that was cancelled because the Pod ends may take; more than an agent needs to be killed.
const LAST_TURN: Duration = Duration::from_secs(4);
/// How long an agent may take to take its leave.
const LEAVE: Duration = Duration::from_secs(1);
/// How long a tool call that runs may take when the Pod ends.
const LAST_TOOL: Duration = Duration::from_secs(5);
/// How long the clients may take to be sent the last message.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long the warden may take to let go of the ticket.
const RELEASING: Duration = Duration::from_secs(2);

impl Actor {
    /// Carries out one effect; gives the input that it ends in, where it ends in one.
    pub(super) fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::SayReady => self.say_ready(),
            Effect::Status(status) => {
                let report = StatusReport { status, ..self.report() };
                self.tell(&Event::Status(report), None);
                if status == PodPhase::Idle {
                    process::give_back_code();
                }
            }
            Effect::Accept { request, offer } => return self.accept(request, offer),
            Effect::Refuse(request, code) => self.refuse(request, code, code.text().to_owned()),
            Effect::Done(request) => self.finish(request, &Event::Ok {}),
            Effect::Confirm(request) => return self.confirm(request),
            Effect::SayConfirmed(request) => self.finish(request, &Event::Confirmed {}),
            Effect::Release => self.release(),
            Effect::Prompt(request) => return self.prompt(request),
            Effect::CancelTurn => {
                if let Some(cancel) = &self.cancel {
                    cancel.cancel();
                }
                self.forget_permissions();
            }
            Effect::LimitTurn => self.set(Timer::Turn, LAST_TURN),
            Effect::FinishTurn(request) => self.finish_turn(request),
            Effect::Drop(request) => self.drop_run(request),
            Effect::GiveUp => return Some(self.give_up()),
            Effect::RetryGiveUp(tries) => self.set(Timer::Retry, pause_before(tries)),
            Effect::Scheduled { scheduled, request } => {
                self.tell(&Event::ShutdownScheduled { scheduled }, request);
                request.map(|request| self.requests.remove(&request));
            }
            Effect::Settle => return self.settle(),
            Effect::AlertNotSettled => {
                let why = self.not_settled.take().unwrap_or_default();
                self.alert(&format!("the shutdown after idle did not happen, the history is not on disk: {why}"));
            }
            Effect::Stop { reason, discard } => self.stop(reason, discard),
        }
        None
    }

    /// What the Pod says of itself.
    pub(super) fn report(&self) -> StatusReport {
        StatusReport {
            status: self.state.status(),
            probation: self.state.on_probation(),
            shutdown_after_idle: self.state.is_marked(),
            queued: self.state.queued(),
            permissions: self.permissions.waiting(),
        }
    }

    fn say_ready(&mut self) {
        let identity = &self.identity;
        let ready = Ready { pod: identity.pod.clone(), pod_id: identity.pod_id, socket: identity.socket.clone() };
        Answer::Ready(ready).send(self.ready.take());
    }

    /// Says that there will be no "ready", if that was not said yet.
    pub(super) fn refuse_start(&mut self, code: &str, message: String) {
        Answer::Refused { code: code.to_owned(), message }.send(self.ready.take());
    }

    /// Answers a request for good.
    pub(super) fn finish(&mut self, request: RequestId, event: &Event) {
        self.answer(request, event);
        self.requests.remove(&request);
    }

    pub(super) fn refuse(&mut self, request: RequestId, code: Code, message: String) {
        self.finish(request, &Event::Error { code: code.to_string(), message });
    }

    /// Accepts a Run: all that a claim will rest on is on disk before anybody hears of it.
    fn accept(&mut self, request: RequestId, offer: bool) -> Option<Input> {
        let input = self.requests.get(&request).map(|request| request.input.clone()).unwrap_or_default();
        let event = Event::UserMessage { input };
        if let Err(error) = self.history.append(self.now(), &event, Durability::Now) {
            self.refuse(request, Code::Failed, chain(&error));
            return None;
        }
        if offer {
            let offered = self.desk.offer(self.session.as_deref());
            if let Err(error) = self.logged("cannot write the offer", offered) {
                let message = format!("cannot write the offer: {error}");
                self.keep(&Event::Error { code: Code::Failed.to_string(), message: message.clone() }, Durability::Now);
                self.refuse(request, Code::Failed, message);
                return None;
            }
        }
        self.tell(&event, Some(request));
        Some(Input::Accepted(request))
    }

    fn confirm(&mut self, request: RequestId) -> Option<Input> {
        let without_record = self.requests.get(&request).is_some_and(|request| request.without_record);
        match self.desk.confirm(without_record) {
            Ok(Standing::Confirmed) => return Some(Input::Confirmed(request)),
            Ok(Standing::NotOurs) => self.refuse(request, Code::NotOurs, Code::NotOurs.text().to_owned()),
            Err(error) => self.refuse(request, Code::Failed, format!("cannot confirm: {error}")),
        }
        None
    }

    /// The probation is over: host and warden let go of the ticket.
    fn release(&mut self) {
        self.timers.remove(&Timer::Probation);
        self.timers.remove(&Timer::Retry);
        self.ticket_locks.clear();
        // Claim and session record were made before they could tell of the agent's own session.
        self.keep_session();
        if !self.warden_gone && !self.link.release(RELEASING) {
            self.alert(
                "the warden did not let go of the ticket's lock in time: the ticket stays in flight until it does",
            );
        }
    }

    fn give_up(&mut self) -> Input {
        self.timers.remove(&Timer::Probation);
        let verdict = self.desk.give_up();
        Input::GaveUp(match self.logged("cannot tell whether the claim stands", verdict) {
            Ok(GaveUp::Withdrawn) => Verdict::Withdrawn,
            Ok(GaveUp::Stands) => Verdict::Stands,
            Err(_) => Verdict::Unknown,
        })
    }

    /// Gives a Run to the agent.
    fn prompt(&mut self, request: RequestId) -> Option<Input> {
        let input = self.requests.get(&request).map(|request| request.input.clone()).unwrap_or_default();
        self.keep(&Event::TurnStart {}, Durability::WithTheNext);
        self.tell(&Event::InvokeStart { kind: "user_send".to_owned() }, Some(request));
        self.tell(&Event::TurnStart {}, Some(request));
        let fence = self.desk.fence();
        let mut variables = self.identity.variables.clone();
        variables.push(("YOI_EPOCH".to_owned(), self.gate.epoch().into()));
        variables.extend(fence.variables());
        let conversation = self.conversation.clone();
        self.conversation.user(&input);
        let cancel = Cancel::default();
        self.cancel = Some(cancel.clone());
        let turn = Turn { input, conversation, ticket: fence.ticket, variables, cancel };
        if self.turns.as_ref().is_none_or(|turns| turns.send(turn).is_err()) {
            self.cancel = None;
            self.outcome = (TurnOutcome::Errored, Some("the agent is gone".to_owned()));
            return Some(Input::TurnEnded);
        }
        None
    }

    fn finish_turn(&mut self, request: RequestId) {
        self.answering.clear();
        let cancelled = (TurnOutcome::Cancelled, None);
        let (outcome, error) = std::mem::replace(&mut self.outcome, cancelled);
        self.conversation.turn_end(outcome, error.as_deref());
        let turn_end = Event::TurnEnd { outcome, error };
        let run_end = Event::RunEnd { outcome };
        self.keep(&turn_end, Durability::WithTheNext);
        self.keep(&run_end, Durability::Now);
        self.tell(&turn_end, Some(request));
        self.tell(&run_end, Some(request));
        self.requests.remove(&request);
    }

    /// Tells of a Run that was accepted and will not be carried out.
    fn drop_run(&mut self, request: RequestId) {
        let run_end = Event::RunEnd { outcome: TurnOutcome::Dropped };
        self.keep(&run_end, Durability::Now);
        self.tell(&run_end, Some(request));
        self.refuse(request, Code::ShuttingDown, Code::ShuttingDown.text().to_owned());
    }

    /// The turn's end has been written and told; this makes sure of both before the Pod ends.
    fn settle(&mut self) -> Option<Input> {
        if let Err(trouble) = self.history.settle() {
            self.not_settled = Some(trouble);
            return Some(Input::NotSettled);
        }
        if self.clients.len() == 0 {
            return Some(Input::Settled);
        }
        self.clients.begin_flush();
        self.set(Timer::Settle, SETTLING);
        None
    }

    fn stop(&mut self, reason: StopReason, discard: bool) {
        if reason == StopReason::NotConfirmed || discard {
            self.write_log("the launch was not confirmed: giving up");
        }
        self.stopped = Some(Stop { reason, discard });
    }

    /// The last that a host does: it ends the agent, and then itself.
    pub(super) fn leave(mut self, stop: Stop, woken: &Receiver<Wake>) {
        if let Some(cancel) = &self.cancel {
            cancel.cancel();
        }
        self.finish_tools(woken);
        self.take_leave(woken);
        if let Some(cgroup) = &self.cgroup {
            cgroup.end_members();
        }
        if let Err(error) = self.nursery.end_all() {
            self.alert(&format!("cannot look for what the agent left: {error}"));
        }
        // The warden does the same, unless it was killed.
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
        self.answer_the_last(woken);
        let event = Event::Shutdown { reason: stop.reason };
        self.keep(&event, Durability::Now);
        self.tell(&event, None);
        let Self { clients, door, desk, warden_gone, ticket_locks, lock, .. } = self;
        clients.close(FAREWELL);
        if let Some(Err(error)) = door.map(super::door::Door::close) {
            desk.note("alert", &chain(&error));
        }
        // With the warden gone nobody else would. Otherwise it is the warden's, which goes last.
        if stop.discard
            && warden_gone
            && let Err(error) = desk.discard()
        {
            desk.note("alert", &error.to_string());
        }
        // Nothing of the Pod is left once its locks are free: with the warden gone, they go when this process has ended.
        std::mem::forget((ticket_locks, lock));
    }

    /// Answers every request that reached the socket before the end: a Run among them hears that the Pod is shutting down.
    fn answer_the_last(&mut self, woken: &Receiver<Wake>) {
        let mut read = self.clients.stop_reading();
        let deadline = Instant::now() + FAREWELL;
        while !read.is_empty() {
            match woken.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                // It may still read, so it is told of the end like the others.
                Ok(Wake::Left(client)) => read.retain(|id| *id != client),
                Ok(Wake::LineTooLong(client)) => {
                    read.retain(|id| *id != client);
                    self.line_too_long(client);
                }
                Ok(Wake::Joined(_)) => {}
                Ok(wake) => self.handle(wake),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Lets an agent that rests take its leave; one that starts or works is ended as it is.
    fn take_leave(&mut self, woken: &Receiver<Wake>) {
        self.turns = None;
        let deadline = Instant::now() + LEAVE;
        while self.agent_is_up && self.cancel.is_none() {
            match woken.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(wake) => self.handle(wake),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Waits for the tool calls that run: what they change is whole either way, but their answers belong to the history.
    fn finish_tools(&mut self, woken: &Receiver<Wake>) {
        let deadline = Instant::now() + LAST_TOOL;
        while !self.calls.is_empty() {
            match woken.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(wake) => self.handle(wake),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    self.alert("a tool call did not end in time; its answer is lost");
                    return;
                }
            }
        }
    }
}

/// How a Pod stops.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    reason: StopReason,
    discard: bool,
}
