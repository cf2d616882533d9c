//! Offers: a claim as a Pod wrote it when it accepted, which its launcher may commit.
//!
//! Commit or withdraw, never both: a commit links this very file and no other, and whoever gives an attempt up unlinks
//! it *first* and looks at the claim *then*. After the unlink no new link can be made; a link made before it is seen.

use std::path::PathBuf;

use super::change::{ChangeError, unfenced};
use super::open::{ReadError, Registry, names_of, read_named};
use super::ticket_lock::TicketLock;
use crate::domain::{Acceptance, Claim, Expect, Nonce, PodName, Record as _, SessionRecord, TicketId, Timestamp};
use crate::fs::{self, PathError};

/// Says why a Pod cannot offer to take a ticket.
#[derive(Debug, thiserror::Error)]
pub enum OfferError {
    /// The ticket has a claim whose work is not completed.
    #[error("ticket {} is claimed by Pod {} (generation {})", held.ticket, held.pod, held.generation)]
    Held {
        /// The standing claim.
        held: Box<Claim>,
    },
    /// The claim or its tombstone cannot be read.
    #[error("the claim of the ticket is unknown")]
    Unknown(#[from] ReadError),
    /// The offer cannot be written.
    #[error("cannot write the offer")]
    Io(#[from] PathError),
}

/// What giving up an attempt found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "an attempt whose claim stands is not given up"]
pub enum Withdrawn {
    /// The offer is gone and no claim of this attempt stands.
    Gone,
    /// The claim of this attempt had been committed.
    Stands,
}

/// The claim before the one that is to be made, with when and why it ended.
pub(super) struct Predecessor {
    pub claim: Claim,
    pub ended_at: Timestamp,
    pub why: String,
}

impl Registry {
    /// The offer of one attempt on a ticket.
    pub fn offer_path(&self, ticket: &TicketId, nonce: Nonce) -> PathBuf {
        self.dir().join("offers").join(format!("{}.{nonce}", ticket.key()))
    }

    /// The offer of one attempt without a ticket, kept under the Pod's key; no key begins with `~`, so that it is never
    /// taken for the offer of a ticket that bears the Pod's name.
    pub fn session_offer_path(&self, pod: &PodName, nonce: Nonce) -> PathBuf {
        self.dir().join("offers").join(format!("~{}.{nonce}", pod.key()))
    }

    /// Writes the offer of a Pod on probation, fsynced, and gives the claim that it offers.
    ///
    /// The Pod co-owns the ticket lock, so that what is read here stays so until the commit.
    ///
    /// # Errors
    /// When the ticket is held, its state is unknown, or the file cannot be written.
    pub fn write_offer(&self, acceptance: Acceptance) -> Result<Claim, OfferError> {
        let predecessor = self.predecessor(&acceptance.ticket)?;
        let before = predecessor.as_ref().map(|old| (&old.claim, old.ended_at, &*old.why));
        let claim = Claim::succeed(acceptance, before);
        fs::create_file(&self.offer_path(&claim.ticket, claim.nonce), claim.render().as_bytes())?;
        fs::sync_dir(&self.dir().join("offers"))?;
        Ok(claim)
    }

    /// The claim that an attempt will have once it is committed, for a Pod that co-owns the ticket lock.
    ///
    /// # Errors
    /// When the ticket is held, or its state is unknown.
    pub fn upcoming(&self, ticket: &TicketId, nonce: Nonce) -> Result<Expect, OfferError> {
        let before = self.predecessor(ticket)?;
        Ok(Expect { generation: before.map_or(0, |old| old.claim.generation) + 1, nonce: Some(nonce) })
    }

    /// Writes the offer of a Pod without a ticket: its session record to be.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_session_offer(&self, record: &SessionRecord, nonce: Nonce) -> Result<(), PathError> {
        fs::create_file(&self.session_offer_path(&record.pod, nonce), record.render().as_bytes())?;
        fs::sync_dir(&self.dir().join("offers"))
    }

    /// Gives an attempt on a ticket up: unlinks its offer first, looks at the claim then.
    ///
    /// # Errors
    /// When the offer cannot be unlinked or the claim cannot be read: whether it stands is then not known.
    pub fn withdraw(&self, ticket: &TicketId, nonce: Nonce) -> Result<Withdrawn, ReadError> {
        fs::unlink(&self.offer_path(ticket, nonce))?;
        let stands = self.claim(ticket)?.is_some_and(|claim| claim.nonce == nonce);
        Ok(if stands { Withdrawn::Stands } else { Withdrawn::Gone })
    }

    /// Removes the offers that attempts left behind; only for whoever holds the ticket lock.
    pub(super) fn sweep_offers(&self, ticket: &TicketId) -> Result<(), PathError> {
        self.sweep_offers_of_key(&ticket.key())
    }

    /// The same, by key.
    pub(super) fn sweep_offers_of_key(&self, key: &str) -> Result<(), PathError> {
        self.unlink_offers(&format!("{key}."))
    }

    /// Removes the session offers that earlier attempts left behind; only for whoever holds the Pod lock.
    pub(super) fn sweep_session_offers(&self, key: &str) -> Result<(), PathError> {
        self.unlink_offers(&format!("~{key}."))
    }

    /// Removes what earlier attempts on a ticket left when they were killed: offers, the second names of committed ones
    /// among them, and claims on their way into place.
    ///
    /// # Errors
    /// When another change of the claim takes too long, or a file cannot be removed.
    pub fn sweep_ticket(&self, lock: &TicketLock) -> Result<(), ChangeError> {
        let ticket = lock.ticket();
        let io = |source| ChangeError::Io { ticket: ticket.clone(), source };
        // A Pod completes its claim without the ticket lock: the temporary may be one that is about to be renamed.
        let _fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        self.sweep_ticket_of_key(&ticket.key()).map_err(io)
    }

    /// Does what [`Self::sweep_ticket`] does, for whoever holds ticket lock and fence.
    pub(super) fn sweep_ticket_of_key(&self, key: &str) -> Result<(), PathError> {
        // An offer may be the one name of a claim that is known to be durable, until the other one is.
        fs::sync_dir(&self.claims_dir())?;
        self.sweep_temporaries("claim", key)?;
        self.sweep_offers_of_key(key)
    }

    fn unlink_offers(&self, prefix: &str) -> Result<(), PathError> {
        let dir = self.dir().join("offers");
        names_of(&dir, prefix)?.into_iter().try_for_each(|name| fs::unlink(&dir.join(name)).map(drop))
    }

    /// The generation of the next claim on a ticket; stays so for as long as the caller has the ticket's lock.
    ///
    /// # Errors
    /// When the ticket is held, or its state is unknown.
    pub fn next_generation(&self, ticket: &TicketId) -> Result<u64, OfferError> {
        Ok(self.predecessor(ticket)?.map_or(1, |old| old.claim.generation + 1))
    }

    /// What a new claim of a ticket follows on: a completed claim, or a tombstone.
    pub(super) fn predecessor(&self, ticket: &TicketId) -> Result<Option<Predecessor>, OfferError> {
        match self.claim(ticket)? {
            Some(claim) => match claim.completed_at {
                Some(ended_at) => Ok(Some(Predecessor { claim, ended_at, why: "completed".to_owned() })),
                None => Err(OfferError::Held { held: Box::new(claim) }),
            },
            None => self.tombstone(ticket).map_err(OfferError::Unknown),
        }
    }

    pub(super) fn tombstone(&self, ticket: &TicketId) -> Result<Option<Predecessor>, ReadError> {
        let path = self.tombstone_path(ticket);
        let Some(claim) = read_named::<Claim>(&path, ticket.as_str())? else { return Ok(None) };
        // Releasing is a rename, which needs no space but cannot add a date: the inode's change time is that of the rename.
        let (ended_at, why) = match &claim.ended {
            Some(ended) => (ended.at, ended.why.clone()),
            None => (fs::changed_at(&path)?.into(), "released".to_owned()),
        };
        Ok(Some(Predecessor { claim, ended_at, why }))
    }
}
