//! The queue: tickets that wait for somebody to work on them, put into it and looked through in their order.
//!
//! Nothing is launched because a ticket is in the queue: whoever wants work asks for the next one.

use crate::domain::{PodName, Role, TicketId, Timestamp, chain};
use crate::fs::PathError;
use crate::registry::{ReadError, Registry};
use crate::ticket::{Author, Item, State, Step, Summary, Taken, Ticket, Tickets, Value, Work, WriteError};

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
    let work = Work { step: Step::Queue, author, text: reason, repeated: false, since: now };
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
}

impl Queue {
    /// Looks through the tickets; one that cannot be read hides no other.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn of(tickets: &Tickets) -> Result<Self, PathError> {
        let mut queue = Self::default();
        for listed in tickets.list()? {
            match listed.summary {
                Ok(summary) if summary.state == State::Queued => match can_be_taken(tickets, &summary.id) {
                    Ok(true) => queue.open.push(summary),
                    Ok(false) => queue.held_back.push(summary.id),
                    Err(error) => queue.unreadable.push(error),
                },
                Ok(_) => {}
                Err(error) => queue.unreadable.push(format!("cannot read ticket {}: {}", listed.id, chain(&error))),
            }
        }
        // The list is by age, and the sort keeps the order of equals.
        queue.open.sort_by_key(|summary| urgency(summary.priority.as_deref()));
        Ok(queue)
    }
}

/// Whether a ticket is in the queue at this moment, and waits for no other.
pub(super) fn can_be_taken(tickets: &Tickets, id: &TicketId) -> Result<bool, String> {
    let ticket = tickets.read(id).map_err(|error| format!("cannot read ticket {id}: {}", chain(&error)))?;
    Ok(ticket.summary.state == State::Queued && !waits_for_another(tickets, &ticket))
}

/// Whether a ticket waits for one that is not done. One that is not there holds nothing back: nobody could ever do it.
fn waits_for_another(tickets: &Tickets, ticket: &Ticket) -> bool {
    let is_open = |id: &TicketId| {
        let state = tickets.summary_of(id).map(|summary| summary.state);
        state.is_some_and(|state| !matches!(state, State::Done | State::Closed))
    };
    depends_on(&ticket.item).iter().filter_map(|id| TicketId::new(id).ok()).any(|id| is_open(&id))
}

fn depends_on(item: &Item) -> Vec<String> {
    match item.get("depends_on") {
        Some(Value::List(ids)) => ids.clone(),
        Some(Value::Text(id)) => vec![id.clone()],
        _ => Vec::new(),
    }
}

/// Where a priority stands among others; what says nothing that is known stands in the middle.
fn urgency(priority: Option<&str>) -> u32 {
    /// Where a ticket without a priority stands: with P2, medium and normal.
    const MIDDLE: u32 = 2;
    let Some(priority) = priority else { return MIDDLE };
    let word = priority.trim().to_lowercase();
    match word.as_str() {
        "critical" | "urgent" | "highest" | "blocker" => 0,
        "high" => 1,
        "low" => 3,
        "lowest" => 4,
        word => word.strip_prefix('p').unwrap_or(word).parse().unwrap_or(MIDDLE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_of_all_kinds_have_one_order() {
        for words in [["P0", "p1", "P2", "P3"], ["critical", "High", "normal", "low"], ["0", "1", "2", "10"]] {
            assert!(words.map(|word| urgency(Some(word))).is_sorted(), "{words:?}");
        }
        assert_eq!(urgency(None), urgency(Some("what?")));
        assert!(urgency(Some("high")) < urgency(None) && urgency(None) < urgency(Some("low")));
    }

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
        add("00001KTJ1QJBC", "state: queued\ndepends_on: ['00001KTJ1QJBB']\npriority: P0\n");
        add("00001KTJ1QJBD", "state: what\n");
        add("00001KTJ1QJBE", "state: queued\npriority: P4\ndepends_on: 00001KTJ1QJBZ\n");
        let queue = Queue::of(&tickets).unwrap();
        let open: Vec<&str> = queue.open.iter().map(|summary| summary.id.as_str()).collect();
        let wanted = ["00001KTJ1QJB9", "00001KTJ1QJBA", "00001KTJ1QJB8", "20260118-093012-001", "00001KTJ1QJBE"];
        assert_eq!(open, wanted);
        assert_eq!(queue.held_back[0].as_str(), "00001KTJ1QJBC");
        assert!(queue.unreadable.len() == 1 && queue.unreadable[0].contains("00001KTJ1QJBD"), "{queue:?}");
    }
}
