//! The queue: tickets that wait for somebody to work on them, put into it and looked through in their order.
//!
//! Nothing is launched because a ticket is in the queue: whoever wants work asks for the next one.

use crate::domain::{PodName, Role, TicketId, Timestamp, chain};
use crate::fs::PathError;
use crate::registry::{ReadError, Registry};
use crate::ticket::{Author, By, Links, State, Step, Summary, Taken, Tickets, Work, WriteError};

/// Says why a ticket was not put into the queue.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Somebody works on it, so that nobody else is wanted.
    #[error("Pod {pod} works on ticket {ticket} as {role}")]
    WorkedOn {
        /// The ticket.
        ticket: TicketId,
        /// Who works on it.
        pod: PodName,
        /// As what.
        role: Role,
    },
    /// Whether somebody works on it cannot be read.
    #[error("whether ticket {ticket} is claimed is unknown")]
    Unknown {
        /// The ticket.
        ticket: TicketId,
        /// What could not be read.
        #[source]
        source: ReadError,
    },
    /// Its state does not allow it, or it cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Puts a ticket that is ready into the queue; nobody needs to hold it, and nobody is launched.
///
/// # Errors
/// When somebody works on it, it is not ready, or it cannot be written; it is then as it was.
pub fn queue_ticket(
    registry: &Registry,
    tickets: &Tickets,
    ticket: &TicketId,
    author: &Author,
    reason: &str,
    now: Timestamp,
) -> Result<Taken, QueueError> {
    let unknown = |source| QueueError::Unknown { ticket: ticket.clone(), source };
    if let Some(claim) = registry.claim(ticket).map_err(unknown)?.filter(|claim| claim.completed_at.is_none()) {
        return Err(QueueError::WorkedOn { ticket: ticket.clone(), pod: claim.pod, role: claim.role });
    }
    let by = By::Claim { since: now, repeated: false };
    let work = Work { step: Step::Queue, author, text: reason, by };
    Ok(tickets.take(ticket, &work, now)?)
}

/// The tickets in the queue that can be worked on, the best first, and what is wrong with those that cannot be read.
#[derive(Debug, Default)]
pub struct Queue {
    /// By priority, then by age.
    pub open: Vec<Summary>,
    /// Those that wait for other tickets.
    pub held_back: Vec<TicketId>,
    /// What could not be read, each with its path.
    pub unreadable: Vec<String>,
    /// Who waits for whom.
    pub(super) links: Links,
}

impl Queue {
    /// Looks through the tickets; one that cannot be read hides no other.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn of(tickets: &Tickets) -> Result<Self, PathError> {
        let mut queue = Self { links: tickets.links()?, ..Self::default() };
        for listed in tickets.list()? {
            match listed.summary {
                Ok(summary) if summary.state != State::Queued => {}
                Ok(summary) if tickets.blockers(&queue.links, &summary.id).is_empty() => queue.open.push(summary),
                Ok(summary) => queue.held_back.push(summary.id),
                Err(error) => queue.unreadable.push(format!("cannot read ticket {}: {}", listed.id, chain(&error))),
            }
        }
        // The list is by age, and the sort keeps the order of equals.
        queue.open.sort_by_key(Summary::urgency);
        Ok(queue)
    }
}

/// Whether a ticket is in the queue at this moment, and waits for no other; who waits for whom is as it was when the queue
/// was looked through.
pub(super) fn can_be_taken(tickets: &Tickets, links: &Links, id: &TicketId) -> Result<bool, String> {
    let ticket = tickets.read(id).map_err(|error| format!("cannot read ticket {id}: {}", chain(&error)))?;
    Ok(ticket.summary.state == State::Queued && tickets.blockers(links, id).is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Relating;

    #[test]
    fn the_queue_is_by_priority_then_age_and_one_bad_ticket_hides_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let tickets = Tickets::of(dir.path(), &crate::ticket::Config::defaults(dir.path()));
        let add = |id: &str, front: &str| {
            let dir = tickets.root().join(id);
            std::fs::create_dir_all(&dir).unwrap();
            std::fs::write(dir.join("item.md"), format!("---\ntitle: 't'\n{front}---\n\nx\n")).unwrap();
        };
        add("20260118-093012-001", "state: queued\npriority: 'P3'\n");
        add("00001KTJ1QJB8", "state: queued\n");
        add("00001KTJ1QJB9", "state: queued\npriority: high\n");
        add("00001KTJ1QJBA", "state: queued\npriority: P1\n");
        add("00001KTJ1QJBB", "state: ready\npriority: P0\n");
        add("00001KTJ1QJBC", "state: queued\npriority: P0\n");
        add("00001KTJ1QJBD", "state: what\n");
        add("00001KTJ1QJBE", "state: queued\npriority: P4\n");
        let id = |text: &str| TicketId::new(text).unwrap();
        let (ticket, other) = (&id("00001KTJ1QJBC"), &id("00001KTJ1QJBB"));
        let waits = Relating { ticket, word: "depends_on".parse().unwrap(), other };
        let now = "2026-01-18T09:30:12Z".parse().unwrap();
        tickets.relate(&waits, None, &Author::role(Role::Orchestrator), now).unwrap();
        let queue = Queue::of(&tickets).unwrap();
        let open: Vec<&str> = queue.open.iter().map(|summary| summary.id.as_str()).collect();
        let wanted = ["00001KTJ1QJB9", "00001KTJ1QJBA", "00001KTJ1QJB8", "20260118-093012-001", "00001KTJ1QJBE"];
        assert_eq!(open, wanted);
        assert_eq!(queue.held_back[0].as_str(), "00001KTJ1QJBC");
        assert!(queue.unreadable.len() == 1 && queue.unreadable[0].contains("00001KTJ1QJBD"), "{queue:?}");
    }
}
