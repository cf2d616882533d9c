//! A standing claim: compared with what the caller believes, and replaced.

use super::ended;
use super::journal::{JournalEntry, JournalLine};
use super::open::{ReadError, Registry, Writer};
use crate::domain::{Claim, Expect, PodName, Record as _, TicketId, Timestamp};
use crate::fs::{self, PathError, PlaceError, WaitError};

/// Says why a standing claim was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no claim.
    #[error("ticket {ticket} has no claim")]
    NotFound {
        /// The ticket.
        ticket: TicketId,
    },
    /// The claim is another than the caller believes.
    #[error("ticket {} has another claim: expected {expected}, found generation {} of Pod {}", found.ticket, found.generation, found.pod)]
    Expectation {
        /// What the caller expected.
        expected: Expect,
        /// What stands.
        found: Box<Claim>,
    },
    /// Somebody else ended the expected claim first.
    #[error("{}", ended::first(ticket, *expected, by, now.as_deref()))]
    Lost {
        /// The ticket.
        ticket: TicketId,
        /// The claim that was to end.
        expected: Expect,
        /// The line of the journal that tells who was first.
        by: Box<JournalLine>,
        /// The claim that stands now.
        now: Option<Box<Claim>>,
    },
    /// The holder's Pod is live.
    #[error("ticket {} is held by Pod {}, which is live", claim.ticket, claim.pod)]
    HolderLive {
        /// The claim.
        claim: Box<Claim>,
    },
    /// The claim is not completed, so it cannot be handed over.
    #[error("the work of Pod {} on ticket {} is not completed", claim.pod, claim.ticket)]
    NotCompleted {
        /// The claim.
        claim: Box<Claim>,
    },
    /// The Pod that is to take the claim over does not run.
    #[error("Pod {pod} is not live, and a claim is handed over only to a live Pod")]
    TakerNotLive {
        /// The Pod.
        pod: PodName,
    },
    /// Whether and by whom the ticket is held cannot be read.
    #[error("whether ticket {ticket} is claimed is unknown")]
    Unknown {
        /// The ticket.
        ticket: TicketId,
        /// What could not be read.
        #[source]
        source: ReadError,
    },
    /// Another change of the same claim took too long.
    #[error("the claim on ticket {ticket} is being changed by another process")]
    Busy {
        /// The ticket.
        ticket: TicketId,
        /// The lock that was not had.
        #[source]
        source: WaitError,
    },
    /// The change was made; whether it survives a power cut is not known.
    #[error("the change of the claim on ticket {ticket} stands, but is not known to be durable")]
    NotDurable {
        /// The ticket.
        ticket: TicketId,
        /// What could not be synced.
        #[source]
        source: PathError,
    },
    /// A file could not be written.
    #[error("cannot change the claim on ticket {ticket}")]
    Io {
        /// The ticket.
        ticket: TicketId,
        /// What failed.
        #[source]
        source: PathError,
    },
}

/// Says why the fence of a claim was not had: another change takes too long, or its file cannot be used.
pub(super) fn unfenced(ticket: &TicketId, error: WaitError) -> ChangeError {
    let ticket = ticket.clone();
    match error {
        WaitError::Held { .. } => ChangeError::Busy { ticket, source: error },
        WaitError::Io(source) => ChangeError::Io { ticket, source },
    }
}

/// Says why a changed claim did not come into its place, or not for good.
pub(super) fn misplaced(ticket: &TicketId, error: PlaceError) -> ChangeError {
    let ticket = ticket.clone();
    match error {
        PlaceError::NotMade(source) => ChangeError::Io { ticket, source },
        PlaceError::NotDurable(source) => ChangeError::NotDurable { ticket, source },
    }
}

impl Registry {
    /// Reads a claim and compares it with what the caller believes.
    ///
    /// # Errors
    /// When there is none, it is another, or it cannot be read.
    pub fn expected_claim(&self, ticket: &TicketId, expected: Expect) -> Result<Claim, ChangeError> {
        let claim = self.claim(ticket).map_err(|source| ChangeError::Unknown { ticket: ticket.clone(), source })?;
        let found = claim.ok_or_else(|| ChangeError::NotFound { ticket: ticket.clone() })?;
        if expected.matches(&found) {
            Ok(found)
        } else {
            Err(ChangeError::Expectation { expected, found: Box::new(found) })
        }
    }

    /// Sets `completed_at`, keeping generation and nonce; a repeat changes nothing.
    ///
    /// # Errors
    /// When the claim is not the expected one, cannot be read, or cannot be replaced.
    pub fn complete(
        &self,
        ticket: &TicketId,
        expect: Expect,
        at: Timestamp,
        writer: &Writer,
    ) -> Result<Claim, ChangeError> {
        let (claim, changed) = self.edit(ticket, expect, |claim| {
            let first = claim.completed_at.is_none();
            claim.completed_at.get_or_insert(at);
            first
        })?;
        if changed {
            let _ = self.log(writer, JournalEntry::on("complete", &claim));
        }
        Ok(claim)
    }

    /// Keeps the agent's own session id in a claim.
    ///
    /// # Errors
    /// When the claim is not the expected one, cannot be read, or cannot be replaced.
    pub fn set_claim_session(&self, ticket: &TicketId, expect: Expect, session: &str) -> Result<(), ChangeError> {
        let set = |claim: &mut Claim| claim.session.replace(session.to_owned()).as_deref() != Some(session);
        self.edit(ticket, expect, set).map(drop)
    }

    /// Does what may only be done under a claim: while it lasts, nobody ends the claim or hands it over.
    ///
    /// `work` changes no claim, and takes no lock but that of the tickets, which comes after this one.
    ///
    /// # Errors
    /// When the claim is not the expected one, cannot be read or made durable; `work` is then not done.
    pub fn under_claim<T>(
        &self,
        ticket: &TicketId,
        expect: Expect,
        work: impl FnOnce(&Claim) -> T,
    ) -> Result<T, ChangeError> {
        let _fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        let claim = self.expected_claim(ticket, expect)?;
        fs::sync_dir(&self.claims_dir())
            .map_err(|source| ChangeError::NotDurable { ticket: ticket.clone(), source })?;
        Ok(work(&claim))
    }

    /// Compare-and-swap: under the fence, re-reads, compares, and replaces the claim where `change` says that it changed.
    fn edit(
        &self,
        ticket: &TicketId,
        expect: Expect,
        change: impl FnOnce(&mut Claim) -> bool,
    ) -> Result<(Claim, bool), ChangeError> {
        let _fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        let mut claim = self.expected_claim(ticket, expect)?;
        let changed = change(&mut claim);
        let placed = if changed {
            // Whoever was killed in here left one behind; a change that cannot remove it is no worse for that.
            let _ = self.sweep_temporaries("claim", &ticket.key());
            let temporary = self.temporary("claim", &ticket.key());
            fs::replace(&temporary, &self.claim_path(ticket), claim.render().as_bytes())
        } else {
            fs::sync_dir(&self.claims_dir()).map_err(PlaceError::NotDurable)
        };
        placed.map_err(|error| misplaced(ticket, error))?;
        Ok((claim, changed))
    }
}
