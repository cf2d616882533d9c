//! What is said over the protocol, in our own types.

use std::path::PathBuf;

use serde_json::Value;

use crate::domain::ToolKind;
pub(super) use crate::pod::protocol::Offered;
use crate::pod::protocol::PermissionOption;

/// What an agent says of itself when it is greeted.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting {
    /// The version of the protocol that it wants to speak.
    pub(super) version: u16,
    /// Whether it can take up an earlier session.
    pub(super) loads: bool,
    /// Whether it wants to be told that a session is over.
    pub(super) closes: bool,
    /// How it can be made to authenticate itself.
    pub(super) auth_methods: Vec<Offered>,
    /// Its name and version.
    pub(super) name: Option<String>,
}

/// A session that was made or taken up.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    pub(super) id: String,
    /// The modes that it can be put into.
    pub(super) modes: Vec<Offered>,
    /// The mode that it is in.
    pub(super) mode: Option<String>,
}

/// Why an agent has ended a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stop {
    EndTurn,
    MaxTokens,
    MaxTurnRequests,
    Refusal,
    Cancelled,
    Other(String),
}

/// Why a request to the agent came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// It answered with an error.
    Answered(String),
    /// It wants to be authenticated first; its words.
    Unauthenticated(String),
    /// It will not answer any more: its standard output is closed.
    Closed,
}

/// What an agent tells of a turn.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Update {
    /// A piece of its answer.
    Text(String),
    /// A piece of its thinking.
    Thought(String),
    /// A tool call of its own: that it began, or what came of it.
    Call(Call),
    /// Anything else: a sign of life.
    Other,
}

/// What is told of a tool call; what is absent has not changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Call {
    /// The agent's own name for the call.
    pub(super) key: String,
    pub(super) title: Option<String>,
    pub(super) kind: Option<ToolKind>,
    pub(super) arguments: Option<Value>,
    pub(super) progress: Option<Progress>,
    /// What it showed.
    pub(super) content: Option<String>,
    /// What the tool returned, as it is.
    pub(super) output: Option<Value>,
}

/// How far a tool call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Running,
    Done,
    Failed,
}

/// A request for permission.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The call that it is about.
    pub(super) call: Call,
    /// What may be answered.
    pub(super) options: Vec<PermissionOption>,
}

/// Takes the id of the option that was chosen, or nothing where the turn was cancelled; does not block.
pub(super) type Answer = Box<dyn FnOnce(Option<String>) + Send>;

/// Hears what the agent tells and asks. While a call to it lasts nothing more is read from the agent.
pub(super) trait Listener: Send {
    /// Takes what a session tells.
    fn update(&mut self, session: &str, update: Update);
    /// Takes a request for permission.
    fn ask(&mut self, session: &str, asked: Asked, answer: Answer);
    /// Reads a file; the error is for a model.
    fn read(&mut self, path: PathBuf, line: Option<u32>, limit: Option<u32>) -> Result<String, String>;
    /// Writes a file; the error is for a model.
    fn write(&mut self, path: PathBuf, content: String) -> Result<(), String>;
}
