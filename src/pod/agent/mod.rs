//! The agents: what works in a Pod. One file an implementation.
//!
//! An agent lives on a thread of its own and works on one turn at a time. It reaches the rest of the Pod only through
//! its [`Stage`]: there it shows what it says, and calls tools, which take the same path in the host as calls over the
//! socket.

mod checklist;
mod exec;
mod prompt;
mod utf8;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::ToolOutcome;
use super::nursery::Nursery;
use crate::domain::{AgentSpec, Segment, Slug};

pub use prompt::Conversation;

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
    /// Gets ready to take a turn; gives the agent's own session id where it has one.
    ///
    /// # Errors
    /// When no turn could be taken.
    fn start(&mut self) -> Result<Option<String>, StartError>;

    /// Works until the turn is over.
    ///
    /// # Errors
    /// When it was cancelled, or the agent failed.
    fn turn(&mut self, turn: &Turn, stage: &dyn Stage) -> Result<(), TurnError>;
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
    pub(super) workflows: Workflows,
}

/// Makes the agent of a specification.
pub(super) fn make(spec: AgentSpec, surroundings: Surroundings) -> Box<dyn Agent> {
    match spec {
        AgentSpec::Checklist { sections } => Box::new(checklist::Checklist::new(sections)),
        AgentSpec::Exec { command, env } => Box::new(exec::Exec::new(command, env, surroundings)),
    }
}
