//! Release: a rename frees a ticket, and leaves the tombstone from which the next generation is counted.

use super::change::{ChangeError, misplaced, unfenced};
use super::journal::JournalEntry;
use super::open::{Registry, Writer};
use super::ticket_lock::TicketLock;
use crate::domain::{Claim, Expect};
use crate::fs::{self, PlaceError};

/// Who releases a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleasedBy {
    /// The Pod that holds it, as its caller has made sure.
    Holder,
    /// Anybody else: refused while the holder's Pod is live.
    Other,
}

impl Registry {
    /// Frees a ticket; leaves the tombstone from which the next generation is counted.
    ///
    /// Needs no space, so it works on a full disk. A repeat, by the same user for the same reason, changes nothing. Gives
    /// the claim that was released.
    ///
    /// # Errors
    /// When the claim is not the expected one, its Pod is live (for [`ReleasedBy::Other`]), or the rename fails. After
    /// [`ChangeError::NotDurable`] the ticket is free.
    pub fn release(
        &self,
        lock: &TicketLock,
        expect: Expect,
        by: ReleasedBy,
        reason: &str,
        writer: &Writer,
    ) -> Result<Claim, ChangeError> {
        let ticket = lock.ticket();
        if let Some(released) = self.released_before(ticket, expect)? {
            return self.repeat_release(released, reason, writer);
        }
        let _holder = match by {
            ReleasedBy::Holder => None,
            ReleasedBy::Other => Some(self.exclude_holder(&self.claim_to_end(ticket, expect)?)?),
        };
        let fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        let claim = self.claim_to_end(ticket, expect)?;
        // A crash between rename and sync leaves either claim or tombstone, each whole.
        let placed = fs::rename_into_place(&self.claim_path(ticket), &self.tombstone_path(ticket));
        if let Err(PlaceError::NotMade(source)) = placed {
            return Err(ChangeError::Io { ticket: ticket.clone(), source });
        }
        // The second name of a claim whose commit was killed; whoever repeated that commit had no lock to sweep under.
        let _ = self.sweep_temporaries("claim", &ticket.key());
        drop(fence);
        let _ = self.log(writer, JournalEntry::on("release", &claim).because(reason));
        placed.map_err(|error| misplaced(ticket, error)).map(|()| claim)
    }

    /// Answers a release of what has been released: who repeats its own has it done, whoever else is told who was first.
    fn repeat_release(&self, released: Claim, reason: &str, writer: &Writer) -> Result<Claim, ChangeError> {
        let (ticket, expected) = (released.ticket.clone(), Expect::from(&released));
        // The one that renamed may have died before it synced, and either answer goes by what it left.
        fs::sync_dir(&self.claims_dir())
            .map_err(|source| ChangeError::NotDurable { ticket: ticket.clone(), source })?;
        let own = JournalEntry::on("release", &released).because(reason);
        match self.told_end(&ticket, expected) {
            Some(told) if told.tells(&own, writer) => {}
            Some(by) => return Err(ChangeError::Lost { ticket, expected, by: Box::new(by), now: None }),
            // Whoever released it died before it could tell.
            None => drop(self.log(writer, own)),
        }
        Ok(released)
    }
}
