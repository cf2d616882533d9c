//! What an agent tells of itself: what it says and thinks, its own tools, and what it asks permission for.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::Value;

use super::actor::Actor;
use crate::pod::ToolOutcome;
use crate::pod::agent::News;
use crate::pod::history::Durability;
use crate::pod::lifecycle::RequestId;
use crate::pod::protocol::{
    AnsweredBy, Caller, Choice, Code, Event, PermissionOption, PermissionRequest, PermissionSubject,
};

/// How much of an answer that is not whole yet a new client is told, in bytes.
const MAX_ANSWERING: usize = 64 << 10;

/// The requests for permission of this start of the Pod.
#[derive(Default)]
pub(super) struct Permissions {
    asked: u64,
    open: BTreeMap<u64, Open>,
}

/// A request for permission that waits for an answer, whoever is connected.
struct Open {
    subject: PermissionSubject,
    reply: Box<dyn FnOnce(Option<PermissionOption>) + Send>,
}

impl Permissions {
    /// How many wait for an answer.
    pub(super) fn waiting(&self) -> usize {
        self.open.len()
    }

    /// Those that wait for an answer, oldest first.
    pub(super) fn open(&self) -> Vec<PermissionRequest> {
        let request =
            |(number, open): (&u64, &Open)| PermissionRequest { request: *number, about: open.subject.clone() };
        self.open.iter().map(request).collect()
    }

    fn number(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// The open request that is meant, and the option of it.
    fn find(&self, request: Option<u64>, choice: &Choice) -> Result<(u64, PermissionOption), String> {
        let number = match (request, self.open.keys().collect::<Vec<_>>().as_slice()) {
            (_, []) => return Err(Code::NoRequest.text().to_owned()),
            (Some(number), _) => number,
            (None, [only]) => **only,
            (None, several) => {
                let several: Vec<_> = several.iter().map(|number| number.to_string()).collect();
                return Err(format!("several requests for permission are open: {}", several.join(", ")));
            }
        };
        let Some(open) = self.open.get(&number) else {
            return Err(format!("the request for permission {number} is not open"));
        };
        match open.subject.chosen(choice) {
            Some(option) => Ok((number, option.clone())),
            None => {
                let known: Vec<_> = open.subject.options.iter().map(|o| format!("{} ({})", o.id, o.kind)).collect();
                Err(format!("the request for permission {number} has no such option; it has {}", known.join(", ")))
            }
        }
    }
}

impl Actor {
    /// Takes what the agent tells.
    pub(super) fn news(&mut self, news: News) {
        match news {
            News::Session(session) => {
                self.session = Some(session);
                self.keep_session();
            }
            News::Offer(offer) => self.offer = Some(offer),
            News::Text(text) => {
                self.answering.push_str(&text);
                let surplus = self.answering.len().saturating_sub(MAX_ANSWERING);
                self.answering.drain(..self.answering.ceil_char_boundary(surplus));
                self.tell(&Event::TextDelta { text }, None);
            }
            News::Answer { text, more } => {
                self.answering.clear();
                self.conversation.agent(&text);
                let event = Event::TextDone { text, more };
                self.keep(&event, Durability::WithTheNext);
                self.tell(&event, None);
            }
            News::Thinking(text) => self.tell(&Event::ThinkingDelta { text }, None),
            News::Thought(text) => {
                self.keep(&Event::ThinkingDelta { text }, Durability::WithTheNext);
            }
            News::ToolStart { key, title, arguments } => self.agent_calls(key, title, arguments),
            News::ToolEnd { key, outcome } => self.agent_called(&key, outcome),
            News::Ask { subject, reply } => {
                let number = self.ask(&subject);
                self.permissions.open.insert(number, Open { subject, reply });
                self.tell_status();
            }
            News::Decided { subject, option } => {
                let request = self.ask(&subject);
                self.answered(request, option, AnsweredBy::Policy);
            }
            News::Log(bytes) => {
                // A log on a full disk is no reason to stop.
                let _ = self.log.write_all(&bytes);
            }
            News::Alert(message) => self.alert(&message),
        }
    }

    /// Keeps the agent's own session id wherever there is a record for it.
    pub(super) fn keep_session(&mut self) {
        if let Some(session) = self.session.clone()
            && let Err(error) = self.desk.session_known(&session)
        {
            self.alert(&format!("cannot keep the agent's session id: {error}"));
        }
    }

    fn agent_calls(&mut self, key: String, tool: String, arguments: Value) {
        self.next_call += 1;
        let call = self.next_call;
        let event = Event::ToolCallStart { call, tool: tool.clone(), arguments, by: Caller::Agent };
        self.keep(&event, Durability::WithTheNext);
        self.tell(&event, None);
        self.agent_calls.insert(key, (call, tool));
    }

    fn agent_called(&mut self, key: &str, outcome: ToolOutcome) {
        let Some((call, tool)) = self.agent_calls.remove(key) else { return };
        self.agent_call_ended(call, tool, outcome);
    }

    fn agent_call_ended(&mut self, call: u64, tool: String, outcome: ToolOutcome) {
        let event = Event::ToolResult { call, tool, outcome, by: Caller::Agent };
        self.keep(&event, Durability::WithTheNext);
        self.tell(&event, None);
    }

    /// Writes down that the agent asked, and gives the request's number.
    fn ask(&mut self, subject: &PermissionSubject) -> u64 {
        let request = self.permissions.number();
        let event = Event::PermissionRequest(PermissionRequest { request, about: subject.clone() });
        self.keep(&event, Durability::Now);
        self.tell(&event, None);
        request
    }

    fn answered(&mut self, request: u64, option: Option<PermissionOption>, by: AnsweredBy) {
        let event = Event::PermissionAnswer { request, option, by };
        self.keep(&event, Durability::Now);
        self.tell(&event, None);
    }

    /// Answers a request for permission on behalf of a client.
    pub(super) fn answer_permission(&mut self, by: RequestId, request: Option<u64>, choice: &Choice) {
        let (number, option) = match self.permissions.find(request, choice) {
            Ok(found) => found,
            Err(message) => return self.refuse(by, Code::NoRequest, message),
        };
        if let Some(open) = self.permissions.open.remove(&number) {
            // Written down before the agent may act on it.
            self.answered(number, Some(option.clone()), AnsweredBy::Client);
            (open.reply)(Some(option));
        }
        self.finish(by, &Event::Ok {});
        self.tell_status();
    }

    /// The turn is over: nothing of it is waited for any more.
    pub(super) fn forget_the_turn(&mut self) {
        self.forget_permissions();
        let mut calls: Vec<_> = std::mem::take(&mut self.agent_calls).into_values().collect();
        calls.sort();
        for (call, tool) in calls {
            let text = "the turn ended before the call did".to_owned();
            self.agent_call_ended(call, tool, ToolOutcome { text, is_error: true });
        }
    }

    /// The turn is over, or is to end: nobody is asked any more.
    pub(super) fn forget_permissions(&mut self) {
        let waited = self.permissions.waiting() > 0;
        for (request, open) in std::mem::take(&mut self.permissions.open) {
            self.answered(request, None, AnsweredBy::Nobody);
            (open.reply)(None);
        }
        if waited {
            self.tell_status();
        }
    }

    fn tell_status(&mut self) {
        let report = self.report();
        self.tell(&Event::Status(report), None);
    }
}
