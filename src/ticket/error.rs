//! Why a ticket was not found, read or written.

use std::fmt;
use std::path::PathBuf;

use crate::domain::TicketId;
use crate::fs::{PathError, WaitError};

use super::item::ItemError;
use super::place::Place;
use super::state::State;

/// Says why a text leads to no ticket.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// No id is that text or begins with it.
    #[error("there is no ticket {text:?}{}", like(nearest))]
    NotFound {
        /// The text, cut at 80 characters.
        text: String,
        /// Known ids that are most like it, the likest first.
        nearest: Vec<TicketId>,
    },
    /// Several ids begin with the text.
    #[error("{text:?} may be {}", or(candidates))]
    Ambiguous {
        /// The text.
        text: String,
        /// The first of the ids that begin with it.
        candidates: Vec<TicketId>,
    },
    /// The tickets cannot be listed.
    #[error(transparent)]
    Io(#[from] PathError),
}

fn or(ids: &[TicketId]) -> String {
    ids.iter().map(TicketId::as_str).collect::<Vec<_>>().join(" or ")
}

fn or_states(states: &[State]) -> String {
    states.iter().map(|state| state.as_str()).collect::<Vec<_>>().join(" or ")
}

fn like(ids: &[TicketId]) -> String {
    if ids.is_empty() { String::new() } else { format!(": did you mean {}?", or(ids)) }
}

/// Says why a ticket cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such ticket.
    #[error("there is no ticket {id}")]
    NotFound {
        /// The id that was asked for.
        id: TicketId,
    },
    /// A file of the ticket is not as it must be.
    #[error("{place}: {why}")]
    Malformed {
        /// Where.
        place: Place,
        /// What is wrong there.
        why: String,
    },
    /// A file of the ticket cannot be read.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl ReadError {
    pub(super) fn malformed(file: PathBuf, error: ItemError) -> Self {
        Self::Malformed { place: Place { file, line: error.line }, why: error.why }
    }
}

/// A ticket that must be done before another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocker {
    /// The ticket.
    pub ticket: TicketId,
    /// How it stands.
    pub standing: Standing,
}

/// How a ticket stands that another one waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It is in this state.
    Open(State),
    /// There is no such ticket.
    Missing,
    /// Its state cannot be read.
    Unreadable,
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.standing {
            Standing::Open(state) => write!(f, "{} ({state})", self.ticket),
            Standing::Missing => write!(f, "{} (not there)", self.ticket),
            Standing::Unreadable => write!(f, "{} (unreadable)", self.ticket),
        }
    }
}

fn list(blockers: &[Blocker]) -> String {
    blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ")
}

fn waiting(circle: &[TicketId]) -> String {
    circle.iter().map(TicketId::as_str).collect::<Vec<_>>().join(" → ")
}

/// Says why a ticket was not written; it is then as it was.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It cannot be read, or it is not in a form that can be edited.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its state does not allow it.
    #[error("ticket {id} is {state}: {what} needs {needs}")]
    State {
        /// The ticket.
        id: TicketId,
        /// The state that it is in.
        state: State,
        /// What was to be done.
        what: &'static str,
        /// The states in which that can be done.
        needs: &'static str,
    },
    /// No change leads from its state to the one that was wanted.
    #[error("ticket {id} is {from}, and cannot become {to} from there: it can become {}", or_states(ways))]
    NoWay {
        /// The ticket.
        id: TicketId,
        /// The state that it is in.
        from: State,
        /// The state that was wanted.
        to: State,
        /// The states that it can be given.
        ways: Vec<State>,
    },
    /// It was changed since the editing person saw it.
    #[error("ticket {id} was changed by somebody else while it was being edited; nothing was written")]
    Edited {
        /// The ticket.
        id: TicketId,
    },
    /// Other tickets must be done before it.
    #[error("ticket {id} waits for {}; it can be queued once they are done or closed", list(blockers))]
    Blocked {
        /// The ticket.
        id: TicketId,
        /// What it waits for.
        blockers: Vec<Blocker>,
    },
    /// A relation would make tickets wait for each other.
    #[error("that would have tickets wait for each other: {}", waiting(circle))]
    Circle {
        /// Each of them waits for the next; the first and the last are the same.
        circle: Vec<TicketId>,
    },
    /// A ticket was to be related to itself.
    #[error("ticket {id} cannot be related to itself")]
    ToItself {
        /// The ticket.
        id: TicketId,
    },
    /// What was to be written is not fit for it.
    #[error("{what} {why}")]
    Invalid {
        /// What it is: the title, the body …
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Another writer did not finish in time.
    #[error("the tickets are being written to")]
    Busy(#[source] WaitError),
    /// Somebody who takes no lock changed the ticket again and again meanwhile.
    #[error("ticket {id} is being changed by somebody else")]
    Changing {
        /// The ticket.
        id: TicketId,
    },
    /// What somebody saved at that very moment could not be put back; it was kept.
    #[error("what was saved into ticket {id} meanwhile is now in '{}'", kept.display())]
    Displaced {
        /// The ticket.
        id: TicketId,
        /// Where the other version lies.
        kept: PathBuf,
        /// Why it could not be put back.
        source: PathError,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl From<WaitError> for WriteError {
    fn from(error: WaitError) -> Self {
        match error {
            WaitError::Io(error) => Self::Io(error),
            held @ WaitError::Held { .. } => Self::Busy(held),
        }
    }
}
