//! The protocol of a Pod's socket: one JSON object a line, at most 1 MiB a line, its newline included.
//!
//! A client sends a [`Request`], `{"method":"run","params":{"input":[…]},"id":7}`; the Pod sends a [`Message`],
//! `{"event":"turn_start","data":{…},"id":7}`. The `id` is any JSON value, optional, and stands on every message that
//! answers that request, for the client that sent it and for no other. Connecting yields one `snapshot`, then events as
//! they happen.
//!
//! Both come in two steps, so that a request whose method or parameters are not understood can still be answered under
//! its id, and so that a client can skip an event of a newer Pod: first the envelope, then [`Method`] or [`Event`].

mod event;
mod lines;
mod permission;
mod refusal;
mod request;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use event::{AgentOffer, Caller, Entry, Event, Offered, Snapshot, StatusReport, StopReason, TurnOutcome};
pub use lines::{LineBuffer, LineTooLong};
pub use permission::{AnsweredBy, PermissionOption, PermissionRequest, PermissionSubject};
pub use refusal::{Code, Refused};
pub use request::{Choice, Method};

use request::METHODS;

/// The longest line, in bytes, its newline included.
pub const MAX_LINE: usize = 1 << 20;
/// How much of a long text survives in a message that would not fit into a line, in bytes.
const KEPT_OF_LONG_TEXT: usize = 32 << 10;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// What is asked; see [`Method`].
    pub method: String,
    /// Its parameters.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub params: Map<String, Value>,
    /// Echoed on what answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
}

/// What a Pod sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// What happened; see [`Event`].
    pub event: String,
    /// What belongs to it.
    #[serde(default)]
    pub data: Value,
    /// The id of the request that this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
}

impl Request {
    /// Makes a request; `id` is echoed on what answers it.
    pub fn new(method: &Method, id: Option<Value>) -> Self {
        let mut envelope = to_object(method);
        let params = match envelope.remove("params") {
            Some(Value::Object(params)) => params,
            _ => Map::new(),
        };
        Self { method: name_in(&envelope, "method"), params, id }
    }

    /// Reads a line, without its newline.
    ///
    /// # Errors
    /// [`Code::BadRequest`] when the line is no request.
    pub fn parse(line: &[u8]) -> Result<Self, Refused> {
        serde_json::from_slice(line).map_err(|error| {
            let id = serde_json::from_slice::<Value>(line).ok().and_then(|value| value.get("id").cloned());
            Refused { code: Code::BadRequest, message: format!("{}: {error}", Code::BadRequest.text()), id }
        })
    }

    /// Reads the method and its parameters.
    ///
    /// # Errors
    /// [`Code::UnknownMethod`], or [`Code::BadRequest`] when the parameters are not those of the method.
    pub fn method(&self) -> Result<Method, Refused> {
        let refused = |code, message| Refused { code, message, id: self.id.clone() };
        if !METHODS.contains(&self.method.as_str()) {
            let shown: String = self.method.chars().take(80).collect();
            let known = METHODS.join(", ");
            return Err(refused(Code::UnknownMethod, format!("{shown:?} is no method; known are {known}")));
        }
        let mut envelope = Map::new();
        envelope.insert("method".to_owned(), Value::from(self.method.clone()));
        envelope.insert("params".to_owned(), Value::Object(self.params.clone()));
        serde_json::from_value(Value::Object(envelope))
            .map_err(|error| refused(Code::BadRequest, format!("the parameters of {:?}: {error}", self.method)))
    }

    /// The request as a line, its newline included.
    pub fn to_line(&self) -> Vec<u8> {
        line_of(self)
    }
}

impl Message {
    /// Makes a message; `id` is that of the request that it answers.
    pub fn new(event: &Event, id: Option<Value>) -> Self {
        let mut envelope = to_object(event);
        Self { event: name_in(&envelope, "event"), data: envelope.remove("data").unwrap_or(Value::Null), id }
    }

    /// Reads a line, without its newline.
    ///
    /// # Errors
    /// When the line is no message.
    pub fn parse(line: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(line)
    }

    /// Reads what happened; `None` for an event that this version does not know.
    pub fn event(&self) -> Option<Event> {
        let mut envelope = Map::new();
        envelope.insert("event".to_owned(), Value::from(self.event.clone()));
        envelope.insert("data".to_owned(), self.data.clone());
        serde_json::from_value(Value::Object(envelope)).ok()
    }

    /// The message as a line of at most [`MAX_LINE`] bytes, its newline included; where it does not fit, long texts in it
    /// are cut, with a mark. The history keeps them whole.
    pub fn to_line(&self) -> Vec<u8> {
        let line = line_of(self);
        if line.len() <= MAX_LINE {
            return line;
        }
        let mut short = self.clone();
        cut_texts(&mut short.data);
        let line = line_of(&short);
        if line.len() <= MAX_LINE {
            return line;
        }
        short.data = Value::Object(Map::from_iter([("cut".to_owned(), Value::Bool(true))]));
        line_of(&short)
    }
}

fn cut_texts(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > KEPT_OF_LONG_TEXT => {
            let length = text.len();
            text.truncate(text.floor_char_boundary(KEPT_OF_LONG_TEXT));
            text.push_str(&format!("… [cut: {length} bytes; the Pod's history has them all]"));
        }
        Value::Array(values) => values.iter_mut().for_each(cut_texts),
        Value::Object(members) => members.values_mut().for_each(cut_texts),
        _ => {}
    }
}

fn to_object(value: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => unreachable!("methods and events are written as objects with string keys"),
    }
}

fn name_in(envelope: &Map<String, Value>, key: &str) -> String {
    envelope.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).expect("the protocol's types have string keys");
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests;
