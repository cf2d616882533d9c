//! The protocol of a Pod's socket: one JSON object a line, at most 1 MiB a line, its newline included.
//!
//! A client sends a [`Request`], `{"method":"run","params":{"input":[…]},"id":7}`; the Pod sends a [`Message`],
//! `{"event":"turn_start","data":{…},"id":7}`. The `id` is any JSON value, optional, and stands on every message that
//! answers that request, for the client that sent it and for no other. Connecting yields one `snapshot`, then events as
//! they happen.
//!
//! Both come in two steps, so that a request whose method or parameters are not understood can still be answered under
//! its id, and so that a client can skip an event of a newer Pod: first the envelope, then [`Method`] or [`Event`].

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ToolDescription, ToolOutcome};
use crate::domain::{Nonce, OptionKind, PodName, PodPhase, Role, Segment, TicketId, Timestamp, ToolKind, words};

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

/// What a client can ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Method {
    /// Gives the agent work; answered by `user_message` once it is accepted.
    Run {
        /// What the user says.
        input: Vec<Segment>,
        /// The launching attempt; required on probation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
    },
    /// Ends the probation; answered by `confirmed`.
    Confirm {
        /// The launching attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
        /// Confirms a Pod without a ticket although its session record could not be written.
        #[serde(default)]
        without_record: bool,
    },
    /// Cancels the turn that runs; answered by `ok`.
    Cancel {},
    /// Tells the agent something that begins no turn; answered by `ok`.
    Notify {
        /// What is told; at most 8,000 characters are kept.
        text: String,
    },
    /// Ends the Pod: the ordinary shutdown; answered by `ok`, then `shutdown` when it happens.
    Shutdown {
        /// Does not wait for the turn.
        #[serde(default)]
        now: bool,
    },
    /// Ends the Pod once it is idle; answered by `shutdown_scheduled`.
    ShutdownAfterIdle {
        /// Takes the mark back.
        #[serde(default)]
        cancel: bool,
    },
    /// Asks for `status`.
    Status {},
    /// Makes another Pod known to this one; answered by `ok`.
    RegisterPeer {
        /// The other Pod.
        pod: PodName,
        /// What it is for.
        role: Role,
    },
    /// Calls a tool; answered by `tool_result`.
    ToolCall {
        /// The tool's name.
        tool: String,
        /// Its arguments.
        #[serde(default)]
        arguments: Value,
        /// The start of the agent that the caller belongs to.
        epoch: String,
    },
    /// Asks for the `tools` of the Pod's role.
    Tools {
        /// The start of the agent that the caller belongs to.
        epoch: String,
    },
    /// Says that an agent has its tools: the report of its tool server; answered by `ok`.
    ToolsReady {
        /// The start of the agent that the caller belongs to.
        epoch: String,
    },
    /// Answers a `permission_request`; answered by `ok`.
    Answer {
        /// The request; may be left out while there is no other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
        /// Which option is chosen.
        #[serde(flatten)]
        choice: Choice,
    },
}

/// Every method's name, in the order of [`Method`].
const METHODS: &[&str] = &[
    "run",
    "confirm",
    "cancel",
    "notify",
    "shutdown",
    "shutdown_after_idle",
    "status",
    "register_peer",
    "tool_call",
    "tools",
    "tools_ready",
    "answer",
];

/// How a request for permission is answered: `{"kind":"allow_once"}` or `{"option":"ID"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// By the first option of this kind.
    Kind(OptionKind),
    /// By the option of this id.
    Option(String),
}

/// What an agent asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PermissionRequest {
    /// Numbers the requests of this start of the Pod.
    pub request: u64,
    /// What it asks about.
    #[serde(flatten)]
    pub about: PermissionSubject,
}

/// What an agent asks permission for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PermissionSubject {
    /// What it is about to do, in its own words.
    pub title: String,
    /// Which kind of thing that is.
    pub kind: ToolKind,
    /// What exactly: the arguments of the call.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
    /// What may be answered, in the agent's order.
    pub options: Vec<PermissionOption>,
}

/// An answer that may be given to a request for permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionOption {
    /// Its id, for the agent.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it means.
    pub kind: OptionKind,
}

impl PermissionSubject {
    /// The option that a choice means.
    pub fn chosen(&self, choice: &Choice) -> Option<&PermissionOption> {
        self.options.iter().find(|option| match choice {
            Choice::Kind(kind) => option.kind == *kind,
            Choice::Option(id) => option.id == *id,
        })
    }
}

words! {
    /// Who calls a tool.
    Caller, "caller" {
        /// The Pod, for its agent: a tool of the Pod's role.
        Pod = "pod",
        /// The agent by itself: a tool of its own.
        Agent = "agent",
    }
}

impl Default for Caller {
    /// The Pod: earlier histories do not say it.
    fn default() -> Self {
        Self::Pod
    }
}

impl Caller {
    fn is_pod(&self) -> bool {
        *self == Self::Pod
    }
}

words! {
    /// Who answered a request for permission.
    AnsweredBy, "who" {
        /// A client: a person, as a rule.
        Client = "client",
        /// The profile's policy.
        Policy = "policy",
        /// Nobody: the turn was over.
        Nobody = "nobody",
    }
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

/// What can happen in a Pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// What a client must know that connects now; the first message.
    Snapshot(Snapshot),
    /// A Run was accepted: the acceptance that a claim rests on.
    UserMessage {
        /// The same segments as in the Run.
        input: Vec<Segment>,
    },
    /// The Run was given to the agent.
    InvokeStart {
        /// What began it: `user_send`.
        kind: String,
    },
    /// A turn of the agent began.
    TurnStart {},
    /// A piece of the agent's answer.
    TextDelta {
        /// The piece.
        text: String,
    },
    /// The whole answer, or the whole of it since a tool was called.
    TextDone {
        /// The answer.
        text: String,
        /// Whether the next one goes on with it: a long answer is kept in parts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// A piece of what the agent shows of its thinking; in the history all that it showed at a time.
    ThinkingDelta {
        /// The piece.
        text: String,
    },
    /// A tool is about to be called.
    ToolCallStart {
        /// Numbers the calls of this start of the Pod.
        call: u64,
        /// The tool; one of the agent's own by its title.
        tool: String,
        /// Its arguments.
        arguments: Value,
        /// Who calls it.
        #[serde(default, skip_serializing_if = "Caller::is_pod")]
        by: Caller,
    },
    /// A tool answered.
    ToolResult {
        /// Which call.
        call: u64,
        /// The tool.
        tool: String,
        /// What it answered.
        #[serde(flatten)]
        outcome: ToolOutcome,
        /// Who called it.
        #[serde(default, skip_serializing_if = "Caller::is_pod")]
        by: Caller,
    },
    /// The agent asks a person.
    PermissionRequest(PermissionRequest),
    /// A request for permission was answered.
    PermissionAnswer {
        /// Which request.
        request: u64,
        /// What was chosen; nothing where the turn ended first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        option: Option<PermissionOption>,
        /// Who chose it.
        by: AnsweredBy,
    },
    /// The turn is over.
    TurnEnd {
        /// How it ended.
        outcome: TurnOutcome,
        /// What went wrong, in the agent's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The Run is over.
    RunEnd {
        /// How it ended.
        outcome: TurnOutcome,
    },
    /// The program that a person holds in a terminal was started; only in the history, as such a Pod has no socket.
    ProgramStart {
        /// What it was called by, without its arguments.
        program: String,
    },
    /// It has ended. Neither is there where it was ended because its warden was killed.
    ProgramEnd {
        /// Its exit status, where it ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u8>,
        /// The signal that ended it, by its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
    },
    /// The Pod's status changed, or was asked for.
    Status(StatusReport),
    /// The mark "shutdown after idle" was set or taken back.
    ShutdownScheduled {
        /// Whether the Pod will end once it is idle.
        scheduled: bool,
    },
    /// The Pod ends; the last message.
    Shutdown {
        /// Why.
        reason: StopReason,
    },
    /// A request was refused, or a Run was dropped.
    Error {
        /// A [`Code`], as text: a newer Pod may know more.
        code: String,
        /// The same for people.
        message: String,
    },
    /// Something needs a person's attention; at most 500 characters.
    Alert {
        /// What it is.
        message: String,
    },
    /// The request was carried out.
    Ok {},
    /// The probation is over.
    Confirmed {},
    /// The tools of the Pod's role.
    Tools {
        /// Each of them.
        tools: Vec<ToolDescription>,
    },
    /// The Pod was told something that began no turn.
    Notify {
        /// What it was told.
        text: String,
    },
    /// Another Pod made itself known.
    PeerRegistered {
        /// That Pod.
        pod: PodName,
        /// What it is for.
        role: Role,
    },
}

/// What a client must know that connects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The Pod.
    pub pod: PodName,
    /// What it is for.
    pub role: Role,
    /// What it does.
    pub status: PodPhase,
    /// A line for people.
    pub greeting: String,
    /// The ticket that it was launched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// Whether its launcher may still take it back.
    pub probation: bool,
    /// The requests for permission that wait for an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<PermissionRequest>,
    /// What its agent said of itself when it came up, where that speaks a protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentOffer>,
    /// Its conversation, the newest 512 KiB of it; last a `text_delta` with what there is of an answer that goes on.
    pub history: Vec<Entry>,
    /// Whether there is more of it than is shown.
    pub truncated: bool,
    /// How long the history on disk is that ends where this does, in bytes: for who reads that instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
}

/// What an agent that speaks a protocol said of itself when it came up, and how long that took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOffer {
    /// The version of the protocol that is spoken with it.
    pub protocol: u16,
    /// Its name and version, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it can take up an earlier session.
    pub loads: bool,
    /// The modes that its session can be put into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Offered>,
    /// The mode that its session is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// How it can be made to authenticate itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth_methods: Vec<Offered>,
    /// How long it took from its start until it had a session, in milliseconds.
    pub session_ms: u64,
    /// How long it took from then until its tool server had reported, in milliseconds.
    pub tools_ms: u64,
}

/// Something that an agent offers, to be chosen by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A line of a Pod's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened.
    #[serde(with = "moment")]
    pub at: Timestamp,
    /// What happened; as in [`Message`].
    pub event: String,
    /// What belongs to it.
    #[serde(default)]
    pub data: Value,
}

/// What a Pod says of itself when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// What it does.
    pub status: PodPhase,
    /// Whether its launcher may still take it back.
    pub probation: bool,
    /// Whether it ends once it is idle.
    pub shutdown_after_idle: bool,
    /// How many accepted Runs wait for their turn.
    pub queued: usize,
    /// How many requests for permission wait for an answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub permissions: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

words! {
    /// How a turn ended.
    TurnOutcome, "outcome" {
        /// The agent gave its answer.
        Completed = "completed",
        /// The agent failed.
        Errored = "errored",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// The host ended in the middle of it.
        Interrupted = "interrupted",
        /// The Pod ended before the Run's turn came.
        Dropped = "dropped",
    }
}

words! {
    /// Why a Pod ends.
    StopReason, "reason" {
        /// Somebody asked for it.
        Requested = "requested",
        /// A signal arrived.
        Signal = "signal",
        /// Its work is done and it is idle.
        Idle = "idle",
        /// Its launch was not confirmed.
        NotConfirmed = "not_confirmed",
        /// Its agent cannot go on.
        Agent = "agent",
        /// Its warden is gone.
        Warden = "warden",
    }
}

words! {
    /// Why a request is refused.
    Code, "code" {
        /// The line is no request, or its parameters are not those of its method.
        BadRequest = "bad_request",
        /// There is no such method.
        UnknownMethod = "unknown_method",
        /// The line is longer than [`MAX_LINE`]; the client is disconnected.
        LineTooLong = "line_too_long",
        /// The agent is still being started.
        Starting = "starting",
        /// The Pod is on its way down.
        ShuttingDown = "shutting_down",
        /// The Pod is on probation, and this has to wait for its end.
        OnProbation = "on_probation",
        /// The nonce is not that of the attempt that launched the Pod.
        WrongNonce = "wrong_nonce",
        /// The claim names another Pod or another attempt.
        NotOurs = "not_ours",
        /// The caller belongs to an earlier start of the Pod or of its agent.
        WrongEpoch = "wrong_epoch",
        /// Too many Runs wait already, or too many clients are connected.
        Busy = "busy",
        /// No turn runs.
        NotRunning = "not_running",
        /// No such request for permission is open, or it has no such option.
        NoRequest = "no_request",
        /// The Pod could not do it.
        Failed = "failed",
    }
}

impl Code {
    /// What it means, for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "the line is not a request of this protocol",
            Self::UnknownMethod => "there is no such method",
            Self::LineTooLong => "the line is longer than 1 MiB",
            Self::Starting => "the Pod is still starting",
            Self::ShuttingDown => "the Pod is shutting down",
            Self::OnProbation => "the Pod is on probation: its launcher has not confirmed it yet",
            Self::WrongNonce => "the nonce is not that of the attempt that launched this Pod",
            Self::NotOurs => "the claim does not name this Pod and this attempt",
            Self::WrongEpoch => "the caller belongs to an earlier start of this Pod or of its agent",
            Self::Busy => "the Pod has as much waiting as it takes",
            Self::NotRunning => "no turn is running",
            Self::NoRequest => "no such request for permission is open",
            Self::Failed => "the Pod could not do it",
        }
    }
}

/// Says why a line cannot be carried out, and to which request it belongs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The code to answer with.
    pub code: Code,
    /// What is wrong with the request.
    pub message: String,
    /// The request's id, where it could be read.
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

/// Says that a line is longer than [`MAX_LINE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than 1 MiB")]
pub struct LineTooLong;

/// Puts lines together from the pieces in which they arrive.
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    /// How much of `bytes` is known to hold no newline.
    searched: usize,
}

impl LineBuffer {
    /// Takes a piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// Gives the next complete line, without its newline.
    ///
    /// # Errors
    /// When the line, complete or not, is too long; nothing after it can be trusted.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, LineTooLong> {
        let found = self.bytes[self.searched..].iter().position(|byte| *byte == b'\n');
        let end = found.map(|at| self.searched + at);
        if end.unwrap_or(self.bytes.len()) >= MAX_LINE {
            return Err(LineTooLong);
        }
        let Some(end) = end else {
            self.searched = self.bytes.len();
            return Ok(None);
        };
        let rest = self.bytes.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        line.pop();
        self.searched = 0;
        Ok(Some(line))
    }
}

/// Moments as JSON text; as TOML they have a type of their own.
mod moment {
    use super::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
