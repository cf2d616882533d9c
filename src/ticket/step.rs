//! The steps that roles take in a ticket's workflow: who takes which, from which states, and where it leads. Pure.
//!
//! | step | role | from | to | what it leaves in the thread |
//! | --- | --- | --- | --- | --- |
//! | `IntakeReady` | intake | planning (older: intake) | ready | `intake_summary` |
//! | `Queue` | orchestrator | ready | queued | |
//! | `Start` | coder | ready, queued | inprogress | `plan`, where there is one |
//! | `Report` | coder | inprogress | done | `implementation_report` |
//! | `Findings` | investigator | any but closed | | `investigation_report` |
//! | `Approve` | reviewer | done | | `review`, status approve |
//! | `RequestChanges` | reviewer | done | inprogress | `review`, status request_changes |
//!
//! Every change of state leaves a `state_changed` as well. A step that is taken twice changes nothing twice.

use crate::domain::Role;

use super::state::State;

/// A step that a role takes in a ticket's workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The intake is complete.
    IntakeReady,
    /// The ticket waits for a coder.
    Queue,
    /// A coder begins.
    Start,
    /// A coder is done.
    Report,
    /// An investigator has found something out.
    Findings,
    /// A reviewer is content.
    Approve,
    /// A reviewer is not.
    RequestChanges,
}

/// What a step leaves in the thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) kind: &'static str,
    pub(super) status: Option<&'static str>,
    pub(super) heading: &'static str,
}

/// What a step comes to in a ticket of some state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outlook {
    /// It can be taken.
    Open,
    /// It was taken.
    Behind,
    /// It cannot be taken.
    Barred,
}

impl Step {
    /// Every step, in the order of the documentation.
    pub const ALL: &'static [Self] = &[
        Self::IntakeReady,
        Self::Queue,
        Self::Start,
        Self::Report,
        Self::Findings,
        Self::Approve,
        Self::RequestChanges,
    ];

    /// The role that takes it.
    pub fn role(self) -> Role {
        match self {
            Self::IntakeReady => Role::Intake,
            Self::Queue => Role::Orchestrator,
            Self::Start | Self::Report => Role::Coder,
            Self::Findings => Role::Investigator,
            Self::Approve | Self::RequestChanges => Role::Reviewer,
        }
    }

    /// The states in which it can be taken.
    pub fn from(self) -> &'static [State] {
        match self {
            Self::IntakeReady => &[State::Planning, State::Intake],
            Self::Queue => &[State::Ready],
            Self::Start => &[State::Ready, State::Queued],
            Self::Report => &[State::Inprogress],
            Self::Findings => {
                &[State::Planning, State::Intake, State::Ready, State::Queued, State::Inprogress, State::Done]
            }
            Self::Approve | Self::RequestChanges => &[State::Done],
        }
    }

    /// The state that it leads to; `None` where the state stays as it is.
    pub fn to(self) -> Option<State> {
        match self {
            Self::IntakeReady => Some(State::Ready),
            Self::Queue => Some(State::Queued),
            Self::Start | Self::RequestChanges => Some(State::Inprogress),
            Self::Report => Some(State::Done),
            Self::Findings | Self::Approve => None,
        }
    }

    /// Whether the work of the role on the ticket is done with it.
    pub fn completes(self) -> bool {
        !matches!(self, Self::Queue | Self::Start)
    }

    /// Whether the ticket's state alone shows that it was taken; of others only who took it can say so.
    pub fn shows_in_state(self) -> bool {
        matches!(self, Self::Queue | Self::Start)
    }

    /// What comes of it in a ticket of this state; `repeated` where the caller knows that it took the step before.
    pub(super) fn outlook(self, state: State, repeated: bool) -> Outlook {
        if self.from().contains(&state) {
            Outlook::Open
        } else if self.to() == Some(state) && (repeated || self.shows_in_state()) {
            Outlook::Behind
        } else {
            Outlook::Barred
        }
    }

    /// The call that takes it.
    pub(super) fn call(self) -> &'static str {
        match self {
            Self::IntakeReady => "TicketIntakeReady",
            Self::Queue => "TicketQueue",
            Self::Start => "TicketStart",
            Self::Report | Self::Findings => "TicketReport",
            Self::Approve => "TicketReview with the verdict approve",
            Self::RequestChanges => "TicketReview with the verdict request_changes",
        }
    }

    /// The states in which it can be taken, in words.
    pub(super) fn needs(self) -> &'static str {
        match self {
            Self::IntakeReady => "a ticket in planning (or in intake, its older name)",
            Self::Queue => "one that is ready",
            Self::Start => "one that is ready or queued",
            Self::Report => "one in progress",
            Self::Findings => "one that is not closed",
            Self::Approve | Self::RequestChanges => "one that is done",
        }
    }

    /// What stands as the reason of its change of state.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::IntakeReady => "intake_ready",
            Self::Queue => "queued",
            Self::Start => "started",
            Self::Report => "implementation_report",
            Self::Findings => "investigation_report",
            Self::Approve => "approve",
            Self::RequestChanges => "request_changes",
        }
    }

    /// What its change of state is called in the thread.
    pub(super) fn said(self) -> &'static str {
        match self {
            Self::IntakeReady => "The intake is complete",
            Self::Queue => "The ticket waits for a coder",
            Self::Start => "A coder has begun",
            Self::Report => "The implementation is done",
            Self::RequestChanges => "The review asks for changes",
            Self::Findings | Self::Approve => "The state stays",
        }
    }

    /// What its text becomes in the thread; `None` where the text belongs to the change of state.
    pub(super) fn form(self) -> Option<Form> {
        let form = |kind, status, heading| Some(Form { kind, status, heading });
        match self {
            Self::IntakeReady => form("intake_summary", None, "Intake summary"),
            Self::Queue => None,
            Self::Start => form("plan", None, "Plan"),
            Self::Report => form("implementation_report", None, "Implementation report"),
            Self::Findings => form("investigation_report", None, "Investigation report"),
            Self::Approve => form("review", Some("approve"), "Review: approve"),
            Self::RequestChanges => form("review", Some("request_changes"), "Review: request changes"),
        }
    }

    /// What a text of this step is called where it is missing; `None` where there need be none.
    pub(super) fn text_is_required(self) -> Option<&'static str> {
        match self {
            Self::IntakeReady => Some("the summary"),
            Self::Report | Self::Findings => Some("the report"),
            Self::Approve | Self::RequestChanges => Some("the review"),
            Self::Queue | Self::Start => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table at the top of this file, again: role, states from which, state to which.
    const TABLE: &[(Step, Role, &str, &str)] = &[
        (Step::IntakeReady, Role::Intake, "planning intake", "ready"),
        (Step::Queue, Role::Orchestrator, "ready", "queued"),
        (Step::Start, Role::Coder, "ready queued", "inprogress"),
        (Step::Report, Role::Coder, "inprogress", "done"),
        (Step::Findings, Role::Investigator, "planning intake ready queued inprogress done", ""),
        (Step::Approve, Role::Reviewer, "done", ""),
        (Step::RequestChanges, Role::Reviewer, "done", "inprogress"),
    ];

    #[test]
    fn each_step_leads_where_the_table_says_and_from_nowhere_else() {
        assert_eq!(TABLE.iter().map(|line| line.0).collect::<Vec<_>>(), Step::ALL);
        for (step, role, from, to) in TABLE {
            assert_eq!(step.role(), *role, "{step:?}");
            assert_eq!(step.to().map_or("", State::as_str), *to, "{step:?}");
            for state in State::ALL {
                let open = from.split(' ').any(|word| word == state.as_str());
                assert_eq!(step.outlook(*state, false) == Outlook::Open, open, "{step:?} from {state}");
            }
        }
    }

    #[test]
    fn nothing_is_done_to_a_closed_ticket() {
        for step in Step::ALL {
            for repeated in [false, true] {
                assert_eq!(step.outlook(State::Closed, repeated), Outlook::Barred, "{step:?}");
            }
        }
    }

    #[test]
    fn a_repeat_is_behind_in_the_state_that_it_led_to_and_in_no_other() {
        for step in Step::ALL {
            for state in State::ALL.iter().filter(|state| !step.from().contains(state)) {
                let led_here = step.to() == Some(*state);
                assert_eq!(step.outlook(*state, true) == Outlook::Behind, led_here, "{step:?} in {state}");
                let shown = led_here && matches!(step, Step::Queue | Step::Start);
                assert_eq!(step.outlook(*state, false) == Outlook::Behind, shown, "{step:?} in {state}");
            }
        }
    }

    #[test]
    fn every_launched_role_has_a_step_and_one_that_completes_its_work_but_the_orchestrator() {
        for role in Role::ALL.iter().filter(|role| role.is_launchable()) {
            let mut steps = Step::ALL.iter().filter(|step| step.role() == *role);
            assert_eq!(steps.any(|step| step.completes()), *role != Role::Orchestrator, "{role}");
        }
    }
}
