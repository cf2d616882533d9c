//! The agents: what works in a Pod. One file an implementation.
//!
//! An agent lives on a thread of its own and works on one turn at a time. It reaches the rest of the Pod only through
//! its [`Stage`]: there it shows what it says, and calls tools, which take the same path in the host as calls over the
//! socket. An agent that speaks a protocol has something to say at any time: it tells [`News`].

mod acp;
mod checklist;
mod exec;
mod gate;
mod last_words;
mod prompt;
mod utf8;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::ToolOutcome;
use super::nursery::Nursery;
use super::protocol::{AgentOffer, PermissionOption, PermissionSubject};
use crate::domain::{AgentSpec, Segment, Slug};

pub(super) use gate::ToolGate;
pub use prompt::{Conversation, first_prompt};

/// Gives the text of a workflow.
pub type Workflows = Arc<dyn Fn(&Slug) -> Option<String> + Send + Sync>;

/// Says why an agent cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// Says why a turn did not end well.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TurnError {
    /// It was cancelled.
    #[error("the turn was cancelled")]
    Cancelled,
    /// The agent failed; the text holds its own last words.
    #[error("{0}")]
    Failed(String),
}

/// What works in a Pod.
pub trait Agent: Send {
    /// Gets ready to take a turn.
    ///
    /// # Errors
    /// When no turn could be taken.
    fn start(&mut self) -> Result<(), StartError>;

    /// Works until the turn is over.
    ///
    /// # Errors
    /// When it was cancelled, or the agent failed.
    fn turn(&mut self, turn: &Turn, stage: &dyn Stage) -> Result<(), TurnError>;

    /// Takes its leave, in between turns: none will come any more.
    fn close(&mut self) {}
}

/// One turn: what is asked, and what there is to know.
#[derive(Debug)]
pub struct Turn {
    /// What the user says.
    pub input: Vec<Segment>,
    /// What was said before.
    pub conversation: Conversation,
    /// The ticket that the Pod was launched on.
    pub ticket: Option<String>,
    /// Variables for the agent's processes, besides the Pod's environment.
    pub variables: Vec<(String, OsString)>,
    /// Tells when the turn is to end.
    pub cancel: Cancel,
}

/// Where an agent is seen and heard.
pub trait Stage: Sync {
    /// Shows a piece of the answer.
    fn text(&self, piece: &str);
    /// Shows the whole answer, which is kept.
    fn answer(&self, text: String);
    /// Keeps what the agent wrote to its standard error.
    fn log(&self, bytes: &[u8]);
    /// Calls a tool, and waits for it.
    fn call(&self, tool: &str, arguments: Value) -> ToolOutcome;
}

/// What an agent that speaks a protocol tells of itself, at any time.
pub enum News {
    /// The agent's own session id is known.
    Session(String),
    /// It has come up, and this is what it said of itself.
    Offer(AgentOffer),
    /// A piece of the answer, for who watches.
    Text(String),
    /// The answer since the last of these, which is kept; `more` when the next goes on with it.
    Answer {
        /// All of it.
        text: String,
        /// Whether the next goes on with it.
        more: bool,
    },
    /// A piece of its thinking, for who watches.
    Thinking(String),
    /// The thinking since the last of these, which is kept.
    Thought(String),
    /// It calls a tool of its own.
    ToolStart {
        /// The agent's own name for this call.
        key: String,
        /// What it calls, in its own words.
        title: String,
        /// With what.
        arguments: Value,
    },
    /// A tool of its own has answered; a key that was not started is ignored.
    ToolEnd {
        /// The agent's own name for the call.
        key: String,
        /// What came of it.
        outcome: ToolOutcome,
    },
    /// It asks a person; `reply` is called once, with the option that was chosen, or nothing when the turn ended first.
    Ask {
        /// What it asks for.
        subject: PermissionSubject,
        /// Takes the answer; must not block.
        reply: Box<dyn FnOnce(Option<PermissionOption>) + Send>,
    },
    /// It asked, and the profile's policy has answered.
    Decided {
        /// What it asked for.
        subject: PermissionSubject,
        /// What was chosen; nothing where no option fits the policy.
        option: Option<PermissionOption>,
    },
    /// It wrote this to its standard error.
    Log(Vec<u8>),
    /// Something that a person should know.
    Alert(String),
}

/// Takes news; waits while the host has as much to do as it takes, and drops them once it is ending.
pub type Feed = Arc<dyn Fn(News) + Send + Sync>;

/// How an agent starts the server through which it reaches the Pod's tools; the epoch is added as `YOI_EPOCH`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolServer {
    /// The program; an absolute path.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its variables.
    pub variables: Vec<(String, String)>,
}

/// Ends a turn from outside.
#[derive(Clone, Default)]
pub struct Cancel(Arc<Mutex<Cancelling>>);

#[derive(Default)]
struct Cancelling {
    cancelled: bool,
    listener: Option<Box<dyn FnOnce() + Send>>,
}

impl Cancel {
    /// Tells the agent to end its turn.
    pub fn cancel(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.cancelled = true;
        let listener = state.listener.take();
        drop(state);
        if let Some(listener) = listener {
            listener();
        }
    }

    /// Whether the turn is to end.
    pub fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancelled
    }

    /// Has `listener`, in place of an earlier one, called when the turn is to end, now if it is already.
    pub fn on_cancel(&self, listener: impl FnOnce() + Send + 'static) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.cancelled {
            drop(state);
            listener();
        } else {
            state.listener = Some(Box::new(listener));
        }
    }
}

impl std::fmt::Debug for Cancel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cancel({})", self.is_cancelled())
    }
}

/// What agents need of their Pod.
pub(super) struct Surroundings {
    pub(super) nursery: Nursery,
    pub(super) directory: PathBuf,
    pub(super) environment: Vec<(OsString, OsString)>,
    /// What is known before there is a claim: for a program that is started before its first turn.
    pub(super) variables: Vec<(String, OsString)>,
    pub(super) workflows: Workflows,
    /// The session that an earlier start of the Pod had with its agent.
    pub(super) session: Option<String>,
    pub(super) tool_server: ToolServer,
    pub(super) gate: ToolGate,
    pub(super) feed: Feed,
}

/// Makes the agent of a specification.
pub(super) fn make(spec: AgentSpec, surroundings: Surroundings) -> Box<dyn Agent> {
    match spec {
        AgentSpec::Checklist { sections } => Box::new(checklist::Checklist::new(sections)),
        AgentSpec::Exec { command, env } => Box::new(exec::Exec::new(command, env, surroundings)),
        AgentSpec::Acp(spec) => Box::new(acp::Acp::new(spec, surroundings)),
    }
}
