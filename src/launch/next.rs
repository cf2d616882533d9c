//! Taking the best ticket out of the queue: a launch on it, of as many callers as there may be by one alone.
//!
//! The ticket lock decides. A caller tries the tickets in the order of the queue, and goes on to the next where another
//! caller holds the lock or the claim. Under the lock it looks again whether the ticket is still to be had: whoever took
//! it before may have been done with it since the queue was looked through.

use super::error::{Step, TicketRoleLaunchError};
use super::execute::{LaunchOptions, TicketRoleLaunchResult, launch_held, take_ticket};
use super::plan::TicketRoleLaunchPlan;
use super::queue::{Queue, can_be_taken};
use super::spawn::Services;
use crate::domain::{AgentSpec, ClaimStatus, Role, TicketId};
use crate::registry::Restorable;
use crate::ticket::{Links, Step as WorkStep, Summary, Tickets};

/// A launch that may be made on any of several tickets.
pub struct NextLaunch<'a> {
    /// The tickets.
    pub tickets: &'a Tickets,
    /// Plans the launch on one of them.
    pub plan: &'a dyn Fn(TicketId) -> Result<TicketRoleLaunchPlan, TicketRoleLaunchError>,
    /// The agent.
    pub agent: AgentSpec,
    /// What is needed to start it.
    pub services: &'a Services<'a>,
    /// Judges whether the holder of a claim can come back.
    pub restorable: &'a dyn Restorable,
    /// The deadlines.
    pub options: LaunchOptions,
}

/// Says why nothing was taken out of the queue.
#[derive(Debug, thiserror::Error)]
pub enum NextError {
    /// No ticket in it is to be had.
    #[error("there is no ticket to take: {}", counted(left))]
    Empty {
        /// Why not, and of how many.
        left: Left,
    },
    /// A launch is in flight on each that might be had.
    #[error("there is no ticket to take at this moment: {}", counted(left))]
    Busy {
        /// Why not, and of how many.
        left: Left,
    },
    /// The launch on the ticket that was taken failed.
    #[error(transparent)]
    Launch(#[from] TicketRoleLaunchError),
}

/// The tickets of a queue that were not to be had.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Left {
    /// Those that a launch is in flight on.
    pub in_flight: usize,
    /// Those that somebody holds, or held a moment ago.
    pub held: usize,
    /// Those that wait for other tickets.
    pub held_back: usize,
    /// What could not be read, each with its path.
    pub unreadable: Vec<String>,
}

fn counted(left: &Left) -> String {
    let parts = [
        (left.in_flight, "in flight"),
        (left.held, "held already"),
        (left.held_back, "waiting for other tickets"),
        (left.unreadable.len(), "that cannot be read"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, what)| format!("{number} {what}")).collect();
    if parts.is_empty() { "the queue is empty".to_owned() } else { parts.join(", ") }
}

impl Left {
    fn of(queue: Queue) -> (Vec<Summary>, Links, Self) {
        let left = Self { held_back: queue.held_back.len(), unreadable: queue.unreadable, ..Self::default() };
        (queue.open, queue.links, left)
    }

    fn error(self) -> NextError {
        if self.in_flight > 0 { NextError::Busy { left: self } } else { NextError::Empty { left: self } }
    }
}

/// Whether a role has work to do on a ticket that is in the queue.
pub fn works_from_the_queue(role: Role) -> bool {
    WorkStep::ALL.iter().any(|step| step.role() == role && step.from().contains(&crate::ticket::State::Queued))
}

/// The ticket that [`launch_next`] would take at this moment. Takes no lock and writes nothing.
///
/// # Errors
/// [`NextError::Empty`] or [`NextError::Busy`] where there is none.
pub fn peek_next(
    queue: Queue,
    role: Role,
    registry: &crate::registry::Registry,
    restorable: &dyn Restorable,
) -> Result<Summary, NextError> {
    let (open, _, mut left) = Left::of(queue);
    for summary in open {
        match registry.view_claim(&summary.id, restorable) {
            None => return Ok(summary),
            Some(view) if view.status == ClaimStatus::Launching => left.in_flight += 1,
            Some(view) => {
                let stopped = matches!(view.status, ClaimStatus::Restorable | ClaimStatus::Stale);
                let is_handed_over = |claim: &crate::domain::Claim| claim.completed_at.is_some() && claim.role != role;
                if stopped && view.claim.as_ref().is_some_and(is_handed_over) {
                    return Ok(summary);
                }
                left.held += 1;
            }
        }
    }
    Err(left.error())
}

/// Takes the best ticket of a queue that can be had, and launches on it.
///
/// Gives what could not be read of the others besides. A launch that fails is not tried on another ticket: what is wrong
/// with the agent would be wrong there, too.
///
/// # Errors
/// See [`NextError`].
pub fn launch_next(
    queue: Queue,
    launch: &NextLaunch<'_>,
    progress: &mut dyn FnMut(Step),
) -> Result<(TicketRoleLaunchResult, Vec<String>), NextError> {
    let (open, links, mut left) = Left::of(queue);
    for summary in open {
        let plan = (launch.plan)(summary.id.clone())?;
        if is_held(&plan, launch, &summary.id) {
            left.held += 1;
            continue;
        }
        let held = match take_ticket(&plan, launch.services, launch.restorable) {
            Ok(held) => held,
            Err(TicketRoleLaunchError::InFlight { .. }) => {
                left.in_flight += 1;
                continue;
            }
            Err(TicketRoleLaunchError::Claimed { .. } | TicketRoleLaunchError::Stale { .. }) => {
                left.held += 1;
                continue;
            }
            Err(error @ TicketRoleLaunchError::Unknown { .. }) => {
                left.unreadable.push(crate::domain::chain(&error));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        match can_be_taken(launch.tickets, &links, &summary.id) {
            Ok(true) => {
                let agent = launch.agent.clone();
                let launched = launch_held(&plan, agent, launch.services, held, launch.options, progress)?;
                return Ok((launched, left.unreadable));
            }
            Ok(false) => left.held += 1,
            Err(error) => left.unreadable.push(error),
        }
    }
    Err(left.error())
}

/// Whether a claim stands in the way for certain. Without this look each caller would hold the lock of each ticket that is
/// taken for a moment, and be in the way of one that is told "in flight" of it.
fn is_held(plan: &TicketRoleLaunchPlan, launch: &NextLaunch<'_>, ticket: &TicketId) -> bool {
    let claim = launch.services.registry.claim(ticket).ok().flatten();
    claim.is_some_and(|claim| claim.completed_at.is_none() || claim.role == plan.role)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_roles_whose_steps_begin_in_the_queue_take_from_it() {
        let roles: Vec<Role> = Role::ALL.iter().copied().filter(|role| works_from_the_queue(*role)).collect();
        assert_eq!(roles, [Role::Coder, Role::Investigator]);
    }

    #[test]
    fn what_is_left_is_counted_in_words() {
        assert_eq!(Left::default().error().to_string(), "there is no ticket to take: the queue is empty");
        let left = Left { in_flight: 2, held: 1, held_back: 3, unreadable: vec!["x".to_owned()] };
        assert_eq!(
            left.error().to_string(),
            "there is no ticket to take at this moment: 2 in flight, 1 held already, 3 waiting for other tickets, 1 that \
             cannot be read"
        );
    }
}
