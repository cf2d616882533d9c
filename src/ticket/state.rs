//! Where a ticket stands in its workflow.

use crate::domain::words;

words! {
    /// Where a ticket stands in its workflow.
    State, "state" {
        /// It is being made implementable.
        Planning = "planning",
        /// The older name of planning.
        Intake = "intake",
        /// It is implementable.
        Ready = "ready",
        /// It waits for somebody to take it.
        Queued = "queued",
        /// Somebody works on it.
        Inprogress = "inprogress",
        /// The work is done.
        Done = "done",
        /// Nothing more will happen to it.
        Closed = "closed",
    }
}

impl State {
    /// The state by the name that it has today.
    #[must_use]
    pub fn today(self) -> Self {
        if self == Self::Intake { Self::Planning } else { self }
    }
}
