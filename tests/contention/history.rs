//! What was asked, what was answered, and when.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many tickets there are: few, so that the processes meet.
pub const TICKETS: usize = 3;
/// The Pod that lives.
pub const TAKER: &str = "taker";

/// A fence: the generation, and the nonce where it was given.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    pub generation: u64,
    pub nonce: Option<String>,
}

/// A claim as an answer shows it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Seen {
    pub generation: u64,
    pub nonce: String,
    pub pod: String,
    pub completed: bool,
}

impl Seen {
    pub fn matches(&self, fence: &Fence) -> bool {
        self.generation == fence.generation && fence.nonce.as_ref().is_none_or(|nonce| *nonce == self.nonce)
    }

    /// Whether it is the same claim, completed by now or not.
    pub fn is(&self, other: &Self) -> bool {
        (self.generation, &self.nonce, &self.pod) == (other.generation, &other.nonce, &other.pod)
    }
}

/// What was asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Asked {
    Commit { pod: String },
    HandOver { expect: Fence },
    Complete { expect: Fence },
    Release { expect: Fence, as_holder: bool },
    Reclaim { expect: Fence },
    Give { expect: Fence },
    Look,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// A new claim was made.
    New(Seen),
    /// It was there already, for the same Pod.
    Ours(Seen),
    /// Somebody else's is there.
    Held(Seen),
    /// The claim was completed.
    Completed(Seen),
    /// The claim ended, and the ticket is free.
    Freed(Seen),
    /// There is no claim.
    NotFound,
    /// There is another claim than the expected one.
    Other(Seen),
    /// The expected claim was ended before, by somebody who is named; what stands now.
    Ended(Option<Seen>),
    /// The holder lives.
    Live(Seen),
    /// The claim is not completed.
    NotCompleted(Seen),
    /// What stands.
    Stands(Option<Seen>),
    /// The ticket was in flight.
    Busy,
    /// What must not happen.
    Failed(String),
}

/// One operation on one ticket.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    pub process: usize,
    pub ticket: usize,
    pub asked: Asked,
    pub answer: Answer,
    /// When it was asked, and when it was answered: nanoseconds of the machine's monotonic clock.
    pub from: u64,
    pub to: u64,
}

impl Event {
    pub fn overlaps(&self, other: &Self) -> bool {
        self.from < other.to && other.from < self.to
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { process, asked, answer, from, to, .. } = self;
        write!(f, "{from}..{to} process {process}: {asked:?} -> {answer:?}")
    }
}

/// The name of a variant.
fn word(value: &impl fmt::Debug) -> String {
    format!("{value:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

impl Asked {
    pub fn word(&self) -> String {
        word(self)
    }
}

impl Answer {
    pub fn word(&self) -> String {
        match self {
            Self::Stands(None) => "None".to_owned(),
            other => word(other),
        }
    }
}
