//! The changes of a ticket's state that a person may make: the table, pure.
//!
//! | change | from | to | what it leaves in the thread |
//! | --- | --- | --- | --- |
//! | a [`Step`] that leads to a state | as there | as there | as there |
//! | `Withdraw` | ready, queued, inprogress, done | planning | |
//! | `Unqueue` | queued, inprogress | ready | |
//! | `Requeue` | inprogress | queued | |
//! | `Close` | all but closed | closed | `close`, and its words as `resolution.md` |
//! | `Reopen` | closed | planning | ; `resolution.md` goes, its words stand in the thread |
//!
//! Every one leaves a `state_changed` as well. Between two states there is one change at most, so that naming the state
//! names the change. What leads to queued is held back by open blockers.

use super::state::State;
use super::step::{Form, Step};

/// A change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// What a role may do as well.
    Step(Step),
    /// It must be thought over.
    Withdraw,
    /// Nobody is to take it now.
    Unqueue,
    /// Somebody else is to take it.
    Requeue,
    /// It has ended.
    Close,
    /// It has not ended after all.
    Reopen,
}

impl Change {
    /// Every change, in the order of the documentation.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        let own = [Self::Withdraw, Self::Unqueue, Self::Requeue, Self::Close, Self::Reopen];
        Step::ALL.iter().copied().filter(|step| step.to().is_some()).map(Self::Step).chain(own)
    }

    /// The one change that leads from one state to another.
    pub(super) fn between(from: State, to: State) -> Option<Self> {
        Self::all().find(|change| change.to() == Some(to) && change.from().contains(&from))
    }

    /// The states that a ticket of this state can be given, in the order of the workflow.
    pub(super) fn ways(from: State) -> impl Iterator<Item = State> {
        State::ALL.iter().copied().filter(move |to| Self::between(from, *to).is_some())
    }

    fn from(self) -> &'static [State] {
        use State::{Closed, Done, Inprogress, Intake, Planning, Queued, Ready};
        match self {
            Self::Step(step) => step.from(),
            Self::Withdraw => &[Ready, Queued, Inprogress, Done],
            Self::Unqueue => &[Queued, Inprogress],
            Self::Requeue => &[Inprogress],
            Self::Close => &[Planning, Intake, Ready, Queued, Inprogress, Done],
            Self::Reopen => &[Closed],
        }
    }

    /// The state that it leads to; `None` where the state stays as it is.
    pub(super) fn to(self) -> Option<State> {
        match self {
            Self::Step(step) => step.to(),
            Self::Withdraw | Self::Reopen => Some(State::Planning),
            Self::Unqueue => Some(State::Ready),
            Self::Requeue => Some(State::Queued),
            Self::Close => Some(State::Closed),
        }
    }

    /// What stands as the reason of the change.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Step(step) => step.reason(),
            Self::Withdraw => "withdrawn",
            Self::Unqueue => "unqueued",
            Self::Requeue => "requeued",
            Self::Close => "closed",
            Self::Reopen => "reopened",
        }
    }

    /// What the change is called in the thread.
    pub(super) fn said(self) -> &'static str {
        match self {
            Self::Step(step) => step.said(),
            Self::Withdraw => "The ticket goes back to planning",
            Self::Unqueue => "The ticket waits no longer for a coder",
            Self::Requeue => "The ticket waits for a coder again",
            Self::Close => "The ticket is closed",
            Self::Reopen => "The ticket is open again",
        }
    }

    /// What its words become in the thread; `None` where they belong to the change of state.
    pub(super) fn form(self) -> Option<Form> {
        match self {
            Self::Step(step) => step.form(),
            Self::Close => Some(Form { kind: "close", status: Some("closed"), heading: "Closed" }),
            Self::Withdraw | Self::Unqueue | Self::Requeue | Self::Reopen => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a person can bring a ticket, from each state.
    const TABLE: &[(State, &str)] = &[
        (State::Planning, "ready closed"),
        (State::Intake, "ready closed"),
        (State::Ready, "planning queued inprogress closed"),
        (State::Queued, "planning ready inprogress closed"),
        (State::Inprogress, "planning ready queued done closed"),
        (State::Done, "planning inprogress closed"),
        (State::Closed, "planning"),
    ];

    #[test]
    fn from_each_state_there_are_the_ways_of_the_table_and_no_others() {
        assert_eq!(TABLE.iter().map(|(state, _)| *state).collect::<Vec<_>>(), State::ALL);
        for (from, to) in TABLE {
            let ways: Vec<&str> = Change::ways(*from).map(State::as_str).collect();
            assert_eq!(ways.join(" "), *to, "from {from}");
        }
    }

    #[test]
    fn naming_the_state_names_the_change() {
        for from in State::ALL {
            for to in State::ALL {
                let changes = Change::all().filter(|change| change.to() == Some(*to) && change.from().contains(from));
                assert!(changes.count() <= 1, "{from} → {to}");
            }
        }
    }
}
