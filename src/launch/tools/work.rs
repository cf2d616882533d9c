//! The steps of a ticket's workflow: TicketIntakeReady, TicketQueue, TicketStart, TicketReport, TicketReview.

use super::super::queue::{QueueError, queue_ticket};
use super::super::steps::tell_of_ready;
use super::arguments::Arguments;
use super::{Answer, Tool, ToolBox};
use crate::domain::{Claim, Expect, Role, TicketId, chain};
use crate::registry::{JournalEntry, Writer};
use crate::ticket::{By, State, Step, Taken, Tickets, Work, WriteError};

impl ToolBox {
    /// Takes a step under this Pod's claim. Of one that completes the role's work, in this order: the ticket, the claim's
    /// completion, the answer; a repeat finishes what is missing of that.
    pub(super) fn work(&self, tool: Tool, given: &Arguments) -> Answer {
        let (step, text) = step(tool, self.me.role, given);
        let (tickets, id) = self.named(given)?;
        let claim = self.own_claim(&id)?;
        let writer = (self.writer)();
        let taken = self
            .registry
            .under_claim(&id, Expect::from(&claim), |claim| self.take(&tickets, claim, step, text, &writer))
            .map_err(|error| chain(&error))??;
        if step.completes() {
            let completed = self.registry.complete(&id, Expect::from(&claim), writer.now, &writer);
            completed.map_err(|error| {
                let done = said(step, taken, &id);
                format!("{done}, but the claim is not completed: {}; call again", chain(&error))
            })?;
        }
        if (step, taken) == (Step::IntakeReady, Taken::Now) {
            self.tell_of_ready(&tickets, &id, &writer);
        }
        Ok(format!("{}; {}", said(step, taken, &id), next(step)))
    }

    /// Tells the Orchestrators that a ticket is ready.
    fn tell_of_ready(&self, tickets: &Tickets, id: &TicketId, writer: &Writer) {
        for untold in tell_of_ready(&self.registry, tickets, id) {
            let mut entry = JournalEntry::new("orchestrator_not_told").because(&untold);
            entry.pod = Some(self.me.pod.clone());
            entry.ticket = Some(id.clone());
            // The journal tells the story; what it tells of does not depend on it.
            let _ = self.registry.log(writer, entry);
        }
    }

    /// Takes a step; nobody can take this Pod's claim away meanwhile.
    fn take(&self, tickets: &Tickets, claim: &Claim, step: Step, text: &str, writer: &Writer) -> Result<Taken, String> {
        let id = &claim.ticket;
        let author = self.author();
        let mut repeated = false;
        if step.completes() && step.to().is_some() {
            let intended = self.registry.was_intended(&self.me.pod, claim).map_err(|error| chain(&error))?;
            // A reviewer who approved has completed the claim, and may ask for changes afterwards for the first time.
            repeated = intended || (claim.completed_at.is_some() && step != Step::RequestChanges);
            if !intended {
                // Said before it is done, so that a crash after the transition is seen to be a repeat, not somebody else's.
                let state = tickets.read(id).map_err(|error| chain(&error))?.summary.state;
                if step.from().contains(&state) {
                    self.registry.intend(&self.me.pod, claim).map_err(|error| chain(&error))?;
                }
            }
        }
        let work = Work { step, author: &author, text, by: By::Claim { since: claim.accepted_at, repeated } };
        tickets.take(id, &work, writer.now).map_err(|error| refused(step, &error))
    }

    /// Queues a ticket, which nobody needs to hold; one that somebody works on is left to them.
    pub(super) fn queue(&self, given: &Arguments) -> Answer {
        let (tickets, id) = self.named(given)?;
        let (author, reason, now) = (self.author(), given.text("reason"), (self.writer)().now);
        let taken = queue_ticket(&self.registry, &tickets, &id, &author, reason, now).map_err(|error| match error {
            QueueError::WorkedOn { .. } => format!("{error}; leave it to that Pod, nothing needs to be queued"),
            QueueError::Unknown { .. } => chain(&error),
            QueueError::Write(error) => refused(Step::Queue, &error),
        })?;
        Ok(format!("{}; {}", said(Step::Queue, taken, &id), next(Step::Queue)))
    }
}

/// The step that a call means, and what it says.
fn step(tool: Tool, role: Role, given: &Arguments) -> (Step, &str) {
    match tool {
        Tool::IntakeReady => (Step::IntakeReady, given.text("summary")),
        Tool::Queue => (Step::Queue, given.text("reason")),
        Tool::Report if role == Step::Findings.role() => (Step::Findings, given.text("report")),
        Tool::Report => (Step::Report, given.text("report")),
        Tool::Review if given.text("verdict") == "approve" => (Step::Approve, given.text("review")),
        Tool::Review => (Step::RequestChanges, given.text("review")),
        _ => (Step::Start, given.text("plan")),
    }
}

/// What is true of the ticket now.
fn said(step: Step, taken: Taken, id: &TicketId) -> String {
    let already = if taken == Taken::Before { " already" } else { "" };
    let verb = if taken == Taken::Before { "was" } else { "is" };
    match step {
        Step::IntakeReady => format!("ticket {id} {verb} ready{already}"),
        Step::Queue => format!("ticket {id} {verb} queued{already}"),
        Step::Start => format!("ticket {id} {verb} in progress{already}"),
        Step::Report => format!("the report stands in the thread of {id}, which {verb} done{already}"),
        Step::Findings => format!("the report stands{already} in the thread of {id}"),
        Step::Approve => format!("the approval stands{already} in the thread of {id}, which stays done"),
        Step::RequestChanges => {
            format!("the review stands in the thread of {id}, which {verb} in progress again{already}")
        }
    }
}

/// What to do after a step.
fn next(step: Step) -> &'static str {
    match step {
        Step::Queue => "nobody is launched by that",
        Step::Start => "do the work, and call TicketReport when it is committed and checked",
        Step::IntakeReady | Step::Report | Step::Findings | Step::Approve | Step::RequestChanges => {
            "your work on it is done"
        }
    }
}

/// Why a step was not taken, and what to do instead.
fn refused(step: Step, error: &WriteError) -> String {
    let why = chain(error);
    match error {
        WriteError::State { state, .. } => match instead(step, *state) {
            Some(advice) => format!("{why}. {advice}"),
            None => why,
        },
        WriteError::Busy(_) | WriteError::Changing { .. } => format!("{why}; call again"),
        _ => why,
    }
}

/// What to do with a ticket in whose state a step cannot be taken.
fn instead(step: Step, state: State) -> Option<&'static str> {
    Some(match (step, state) {
        (_, State::Closed) => "Nothing more happens to it: end your turn",
        (Step::Report, State::Ready | State::Queued) => "Call TicketStart first",
        (Step::Start | Step::Report | Step::Queue, State::Planning | State::Intake) => {
            "Its intake is not complete: say in a TicketComment what is missing, and end your turn"
        }
        (Step::Start | Step::Report, State::Done) => {
            "It is done, and not by you: say in a TicketComment what you found, and end your turn"
        }
        (Step::Approve | Step::RequestChanges, _) => {
            "There is nothing to review before its coder has reported: say so in a TicketComment, and end your turn"
        }
        (Step::IntakeReady, _) => "Its intake is complete: end your turn",
        (Step::Queue, _) => "It is past the queue: leave it to who works on it",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_for_a_state_says_what_to_do_instead_and_never_how_to_get_at_the_ticket() {
        for step in Step::ALL {
            for state in State::ALL.iter().filter(|state| !step.from().contains(state) && step.to() != Some(**state)) {
                let advice = instead(*step, *state).unwrap_or_else(|| panic!("{step:?} in {state}"));
                for word in ["reclaim", "release", "stop", "kill", "claim", "restore"] {
                    assert!(!advice.to_lowercase().contains(word), "{advice}");
                }
            }
        }
    }
}
