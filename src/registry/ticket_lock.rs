//! The ticket lock: the in-flight marker of a launch, and the fence of a claim.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::claims::{CommitError, CommitRequest, Committed};
use super::open::{Registry, Writer};
use crate::domain::TicketId;
use crate::fs::{Acquired, FlockGuard, LockState, OfdLock, PathError, Wait, WaitError, holder_text, probe};

/// How long a read-compare-change waits for another one of the same claim.
const FENCE_WAIT: Wait = Wait::For(Duration::from_secs(5));

/// The lock of one ticket: held from before a Pod is spawned until its claim is committed and confirmed.
#[derive(Debug)]
#[must_use = "the ticket is in flight only while this is held"]
pub struct TicketLock {
    ticket: TicketId,
    lock: OfdLock,
}

impl TicketLock {
    /// The ticket that is in flight.
    pub fn ticket(&self) -> &TicketId {
        &self.ticket
    }

    /// Gives the lock itself, for the host and warden that keep it until their probation is over.
    pub fn into_lock(self) -> OfdLock {
        self.lock
    }

    /// Another descriptor of the lock, to hand to a child.
    ///
    /// # Errors
    /// When no descriptor is to be had.
    pub fn duplicate(&self) -> Result<OwnedFd, PathError> {
        self.lock.duplicate()
    }
}

impl AsFd for TicketLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.lock.as_fd()
    }
}

impl Registry {
    /// Takes the lock of a ticket and writes into it, for people, who holds it and what for.
    ///
    /// # Errors
    /// [`WaitError::Held`] when the ticket is in flight elsewhere to the end of the wait.
    pub fn lock_ticket(
        &self,
        ticket: &TicketId,
        what_for: &str,
        writer: &Writer,
        wait: Wait,
    ) -> Result<TicketLock, WaitError> {
        let lock = OfdLock::acquire(&self.ticket_lock_path(ticket), wait)?;
        Ok(marked(ticket, lock, what_for, writer))
    }

    /// Takes the lock of the ticket that a claim is to be committed on, unless a claim comes to stand while somebody else
    /// holds it: then the commit is answered from that.
    ///
    /// # Errors
    /// [`WaitError::Held`] when the ticket is in flight elsewhere to the end of the wait.
    pub fn lock_to_commit(
        &self,
        request: &CommitRequest,
        what_for: &str,
        writer: &Writer,
        wait: Wait,
    ) -> Result<Acquired<TicketLock, Result<Committed, CommitError>>, WaitError> {
        let path = self.ticket_lock_path(&request.ticket);
        Ok(match OfdLock::acquire_unless(&path, wait, || self.standing(request).transpose())? {
            Acquired::Lock(lock) => Acquired::Lock(marked(&request.ticket, lock, what_for, writer)),
            Acquired::Answer(answer) => Acquired::Answer(answer),
        })
    }

    /// Takes over a ticket lock that was inherited.
    ///
    /// # Errors
    /// When the descriptor is not this ticket's lock file, or does not own its lock.
    pub fn adopt_ticket_lock(&self, ticket: &TicketId, descriptor: OwnedFd) -> Result<TicketLock, PathError> {
        let lock = OfdLock::adopt(descriptor, &self.ticket_lock_path(ticket))?;
        Ok(TicketLock { ticket: ticket.clone(), lock })
    }

    /// Asks whether a ticket is in flight, and who says so.
    ///
    /// # Errors
    /// When the lock file exists and cannot be asked about.
    pub fn ticket_in_flight(&self, ticket: &TicketId) -> Result<Option<String>, PathError> {
        let path = self.ticket_lock_path(ticket);
        match probe(&path)? {
            LockState::Free => Ok(None),
            LockState::Held => Ok(Some(holder_text(&path).unwrap_or_else(|| "an unknown holder".to_owned()))),
        }
    }

    /// Excludes all other changes of this ticket's claim; sees no ticket lock and is seen by none.
    pub(super) fn fence(&self, ticket: &TicketId) -> Result<FlockGuard, WaitError> {
        self.fence_of_key(&ticket.key())
    }

    /// The fence of the ticket of a key.
    pub(super) fn fence_of_key(&self, key: &str) -> Result<FlockGuard, WaitError> {
        FlockGuard::acquire(&self.lock_path_of_key(key), FENCE_WAIT)
    }
}

/// Writes into a lock that was had, for people, who holds it and what for.
fn marked(ticket: &TicketId, lock: OfdLock, what_for: &str, writer: &Writer) -> TicketLock {
    // The text is for people; a full disk that has no room for it is no reason not to lock.
    let _ = lock.describe(&writer.lock_text(what_for, "ticket", ticket.as_str()));
    TicketLock { ticket: ticket.clone(), lock }
}
