//! What clients and agents ask for.

use std::os::unix::net::UnixStream;

use serde_json::Value;

use super::actor::{Actor, Caller, OpenCall};
use super::clients::{ClientId, MAX_CLIENTS};
use super::threads::ToolCall;
use crate::domain::{Nonce, Role, Segment};
use crate::pod::history::{Durability, SNAPSHOT_BOUND, Tail};
use crate::pod::lifecycle::{Input, NonceMatch, RequestId};
use crate::pod::protocol::{self, Code, Entry, Event, Message, Method, Refused, Snapshot};
use crate::pod::{ToolOutcome, chain, cut};

/// The tool whose success ends the work of an intake.
const INTAKE_READY: &str = "TicketIntakeReady";
/// The longest notification that is kept, in characters.
const MAX_NOTIFICATION: usize = 8000;

/// A request of a client that is not finished.
pub(super) struct Request {
    pub(super) client: ClientId,
    pub(super) id: Option<Value>,
    /// Of a Run.
    pub(super) input: Vec<Segment>,
    /// Of a confirmation.
    pub(super) without_record: bool,
}

impl Request {
    /// To whom, and under which id, its answers go; `None` where the client gave no id.
    pub(super) fn address(&self) -> Option<(ClientId, Value)> {
        Some((self.client, self.id.clone()?))
    }
}

impl Actor {
    /// Takes a client in and tells it what it must know.
    pub(super) fn welcome(&mut self, stream: UnixStream) {
        let full = self.clients.len() >= MAX_CLIENTS;
        let client = match self.clients.join(stream) {
            Ok(client) => client,
            Err(error) => return self.write_log(&format!("cannot take in a client: {error}")),
        };
        let event = if full {
            Event::Error { code: Code::Busy.to_string(), message: Code::Busy.text().to_owned() }
        } else {
            Event::Snapshot(self.snapshot())
        };
        self.clients.send(client, &Message::new(&event, None));
        if full {
            self.clients.dismiss(client);
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let tail = self.history.tail(SNAPSHOT_BOUND).unwrap_or_else(|error| {
            self.write_log(&chain(&error));
            Tail { truncated: true, ..Tail::default() }
        });
        let mut history = tail.entries;
        if !self.answering.is_empty() {
            let Message { event, data, .. } = Message::new(&Event::TextDelta { text: self.answering.clone() }, None);
            history.push(Entry { at: self.now(), event, data });
        }
        Snapshot {
            pod: self.identity.pod.clone(),
            role: self.identity.role,
            status: self.state.status(),
            greeting: self.identity.greeting.clone(),
            ticket: self.identity.ticket.clone(),
            probation: self.state.on_probation(),
            permissions: self.permissions.open(),
            agent: self.offer.clone(),
            history,
            truncated: tail.truncated,
            written: tail.end,
        }
    }

    pub(super) fn line_too_long(&mut self, client: ClientId) {
        let code = Code::LineTooLong;
        let event = Event::Error { code: code.to_string(), message: code.text().to_owned() };
        self.clients.send(client, &Message::new(&event, None));
        self.clients.dismiss(client);
    }

    /// Carries out a line of a client.
    pub(super) fn line(&mut self, client: ClientId, line: &[u8]) {
        let asked = protocol::Request::parse(line).and_then(|request| Ok((request.method()?, request.id)));
        match asked {
            Ok((method, id)) => {
                let request = self.number(client, id);
                self.asked(request, method);
            }
            Err(Refused { code, message, id }) => {
                let event = Event::Error { code: code.to_string(), message };
                self.clients.send(client, &Message::new(&event, id));
            }
        }
    }

    fn asked(&mut self, request: RequestId, method: Method) {
        match method {
            Method::Run { input, nonce } => {
                self.requests.entry(request).and_modify(|request| request.input = input);
                self.feed(Input::Run(request, self.compare(nonce)));
            }
            Method::Confirm { nonce, without_record } => {
                self.requests.entry(request).and_modify(|request| request.without_record = without_record);
                self.feed(Input::Confirm(request, self.compare(nonce)));
            }
            Method::Cancel {} => self.feed(Input::Cancel(request)),
            Method::Shutdown { now } => self.feed(Input::Shutdown { request, now }),
            Method::ShutdownAfterIdle { cancel: false } => self.feed(Input::Mark(request)),
            Method::ShutdownAfterIdle { cancel: true } => self.feed(Input::Unmark(request)),
            Method::Notify { text } => {
                let text = cut(&text, MAX_NOTIFICATION);
                self.conversation.note(&text);
                self.keep_and_tell(request, &Event::Notify { text });
            }
            Method::RegisterPeer { pod, role } => {
                self.conversation.note(&format!("The Pod {pod} (role {role}) made itself known"));
                self.keep_and_tell(request, &Event::PeerRegistered { pod, role });
            }
            Method::ToolCall { tool, arguments, epoch } if self.gate.admits(&epoch) => {
                self.tool_asked(Caller::Client(request), tool, arguments);
            }
            Method::Tools { epoch } if self.gate.admits(&epoch) => {
                let tools = self.desk.tools();
                self.reply(request, &Event::Tools { tools });
            }
            Method::ToolsReady { epoch } if self.gate.admits(&epoch) => {
                self.gate.report();
                self.reply(request, &Event::Ok {});
            }
            Method::ToolCall { .. } | Method::Tools { .. } | Method::ToolsReady { .. } => {
                self.refuse(request, Code::WrongEpoch, Code::WrongEpoch.text().to_owned());
            }
            Method::Status {} => {
                let report = self.report();
                self.reply(request, &Event::Status(report));
            }
            Method::Answer { request: asked, choice } => self.answer_permission(request, asked, &choice),
        }
    }

    fn compare(&self, nonce: Option<Nonce>) -> NonceMatch {
        match (nonce, self.identity.nonce) {
            (given, own) if given == own => NonceMatch::Right,
            (None, Some(_)) => NonceMatch::Missing,
            _ => NonceMatch::Wrong,
        }
    }

    fn reply(&mut self, request: RequestId, event: &Event) {
        self.answer(request, event);
        self.requests.remove(&request);
    }

    fn keep_and_tell(&mut self, request: RequestId, event: &Event) {
        if self.keep(event, Durability::Now) {
            self.tell(event, None);
            self.reply(request, &Event::Ok {});
        } else {
            self.refuse(request, Code::Failed, "cannot write the Pod's history".to_owned());
        }
    }

    /// Calls a tool for a client or for the agent: the same path for both.
    pub(super) fn tool_asked(&mut self, caller: Caller, tool: String, arguments: Value) {
        if let Some(code) = self.state.refuses_tools() {
            match caller {
                Caller::Client(request) => self.refuse(request, code, code.text().to_owned()),
                Caller::Agent(reply) => drop(reply.send(failed(code.text()))),
            }
            return;
        }
        self.next_call += 1;
        let number = self.next_call;
        let by = protocol::Caller::Pod;
        let start = Event::ToolCallStart { call: number, tool: tool.clone(), arguments: arguments.clone(), by };
        // On disk before the tool runs: a crash must not hide that it may have run.
        let kept = self.keep(&start, Durability::Now);
        self.tell(&start, None);
        self.calls.insert(number, OpenCall { caller, tool: tool.clone() });
        if !kept {
            self.tool_done(number, failed("the call cannot be written into the Pod's history, so it was not made"));
        } else if let Some(refusal) = self.foreign(&tool) {
            self.tool_done(number, failed(&refusal));
        } else if self.tools.send(ToolCall { number, tool, arguments }).is_err() {
            self.tool_done(number, failed("the Pod cannot call tools any more"));
        }
    }

    /// Why a tool is none of this Pod's role, and what there is instead.
    fn foreign(&self, tool: &str) -> Option<String> {
        let tools = self.desk.tools();
        if tools.iter().any(|known| known.name == tool) {
            return None;
        }
        let names: Vec<&str> = tools.iter().map(|known| known.name.as_str()).collect();
        Some(format!("a Pod of the role {} has no tool {tool:?}; it has: {}", self.identity.role, names.join(", ")))
    }

    /// Hands on what a tool answered.
    pub(super) fn tool_done(&mut self, number: u64, outcome: ToolOutcome) {
        let Some(OpenCall { caller, tool }) = self.calls.remove(&number) else { return };
        let done = tool == INTAKE_READY && !outcome.is_error && self.identity.role == Role::Intake;
        let by = protocol::Caller::Pod;
        let event = Event::ToolResult { call: number, tool, outcome: outcome.clone(), by };
        self.keep(&event, Durability::Now);
        match caller {
            Caller::Client(request) => {
                self.tell(&event, Some(request));
                self.requests.remove(&request);
            }
            Caller::Agent(reply) => {
                self.tell(&event, None);
                let _ = reply.send(outcome);
            }
        }
        if done {
            self.feed(Input::WorkDone);
        }
    }
}

fn failed(text: &str) -> ToolOutcome {
    ToolOutcome { text: text.to_owned(), is_error: true }
}
