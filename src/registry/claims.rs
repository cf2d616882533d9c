//! Claims: read, and created by a link.

use super::change::{ChangeError, unfenced};
use super::journal::JournalEntry;
use super::offers::{OfferError, Predecessor};
use super::open::{ReadError, Registry, Writer, read_named};
use super::ticket_lock::TicketLock;
use crate::domain::{Acceptance, Claim, Evidence, Expect, Nonce, PodId, PodName, Record as _, Role, TicketId};
use crate::fs::{self, Linked, PathError};

/// What is to be committed.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    /// The ticket.
    pub ticket: TicketId,
    /// The Pod that accepted it.
    pub pod: PodName,
    /// That Pod and no later one of its name; for a manual claim of a Pod that runs. An offer carries its own.
    pub pod_id: Option<PodId>,
    /// What the Pod is for.
    pub role: Role,
    /// What shows that it accepted; anything but `manual` commits the Pod's offer and no other file.
    pub evidence: Evidence,
    /// The agent's own session id; for a manual claim.
    pub session: Option<String>,
    /// The nonce of this attempt; a manual claim without one gets a fresh one.
    pub nonce: Option<Nonce>,
    /// The completed claim that is handed over; `None` where the ticket must be free.
    pub expect: Option<Expect>,
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "whether something changed"]
pub enum Committed {
    /// The claim was made.
    New(Claim),
    /// It stood already, for this Pod and role; nothing was changed.
    AlreadyOurs(Claim),
}

impl Committed {
    /// The claim that stands.
    pub fn claim(&self) -> &Claim {
        match self {
            Self::New(claim) | Self::AlreadyOurs(claim) => claim,
        }
    }
}

/// Says why a claim was not committed.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Somebody else's claim stands.
    #[error("ticket {} is claimed by Pod {} as {} (generation {})", held.ticket, held.pod, held.role, held.generation)]
    Held {
        /// The standing claim.
        held: Box<Claim>,
    },
    /// The offer is not there: the Pod gave up.
    #[error("Pod {pod} gave up ticket {ticket} before its claim was committed")]
    OfferGone {
        /// The Pod.
        pod: PodName,
        /// The ticket.
        ticket: TicketId,
    },
    /// The offer is of another Pod, role, generation or evidence than the one to be committed.
    #[error("the offer for ticket {ticket} is another: its {what} is {found}, not {expected}")]
    OtherOffer {
        /// The ticket.
        ticket: TicketId,
        /// What differs.
        what: &'static str,
        /// What the offer says.
        found: String,
        /// What was to be committed.
        expected: String,
    },
    /// Evidence of a Pod was claimed without the nonce of an attempt.
    #[error("evidence {evidence} needs the nonce of the attempt (--nonce, or YOI_CLAIM_NONCE under ticket-lock)")]
    NoNonce {
        /// The evidence.
        evidence: Evidence,
    },
    /// Somebody else works on the ticket right now; only where the lock is tried and not waited for.
    #[error("ticket {ticket} is in flight{}", holder.as_deref().map(|text| format!(": {text}")).unwrap_or_default())]
    InFlight {
        /// The ticket.
        ticket: TicketId,
        /// What its lock file says of the holder; for people.
        holder: Option<String>,
    },
    /// The claim to be handed over is not the expected one, or not completed, or a holder or taker has the wrong state.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// Whether the ticket is held cannot be read.
    #[error("whether ticket {ticket} is claimed is unknown")]
    Unknown {
        /// The ticket.
        ticket: TicketId,
        /// What could not be read.
        #[source]
        source: ReadError,
    },
    /// The claim stands; whether it survives a power cut is not known.
    #[error("the claim on ticket {} stands, but is not known to be durable", claim.ticket)]
    NotDurable {
        /// The claim.
        claim: Box<Claim>,
        /// What could not be synced.
        #[source]
        source: PathError,
    },
    /// A file could not be written; nothing was committed.
    #[error("cannot commit the claim on ticket {ticket}")]
    Io {
        /// The ticket.
        ticket: TicketId,
        /// What failed.
        #[source]
        source: PathError,
    },
}

/// The claim that a person or a script makes.
pub(super) fn manual_claim(
    request: &CommitRequest,
    nonce: Option<Nonce>,
    before: Option<&Predecessor>,
    writer: &Writer,
) -> Claim {
    let acceptance = Acceptance {
        ticket: request.ticket.clone(),
        pod: request.pod.clone(),
        pod_id: request.pod_id,
        role: request.role,
        nonce: nonce.unwrap_or_else(|| Nonce::from_bytes(fs::random_bytes())),
        accepted_at: writer.now,
        evidence: Evidence::Manual,
        session: request.session.clone(),
        written_by: writer.written_by.clone(),
    };
    Claim::succeed(acceptance, before.map(|old| (&old.claim, old.ended_at, &*old.why)))
}

/// Answers a commit from a claim that stands: ours, or the one that is to be handed over (`None`). The caller syncs.
pub(super) fn answer(claim: Claim, request: &CommitRequest) -> Result<Option<Committed>, CommitError> {
    if claim.is_of(&request.pod, request.role, request.nonce) {
        return Ok(Some(Committed::AlreadyOurs(claim)));
    }
    match request.expect {
        Some(expect) if expect.matches(&claim) => Ok(None),
        Some(expected) => Err(ChangeError::Expectation { expected, found: Box::new(claim) }.into()),
        None => Err(CommitError::Held { held: Box::new(claim) }),
    }
}

impl Registry {
    /// Reads the claim of a ticket; `None` means free, and only where there is no such file and none was set aside.
    ///
    /// # Errors
    /// When the file is there, or was set aside, and cannot be read: the ticket then counts as held.
    pub fn claim(&self, ticket: &TicketId) -> Result<Option<Claim>, ReadError> {
        let path = self.claim_path(ticket);
        match read_named(&path, ticket.as_str())? {
            None => Self::check_not_set_aside(&path).map(|()| None),
            claim => Ok(claim),
        }
    }

    /// Answers a commit from the standing claim, without any lock: ours, somebody else's, or `None` where there is none.
    ///
    /// # Errors
    /// [`CommitError::Held`] for somebody else's claim, [`CommitError::Unknown`] for one that cannot be read.
    pub fn standing(&self, request: &CommitRequest) -> Result<Option<Committed>, CommitError> {
        let ticket = &request.ticket;
        let claim = self.claim(ticket).map_err(|source| CommitError::Unknown { ticket: ticket.clone(), source })?;
        let Some(claim) = claim else { return Ok(None) };
        let answer = answer(claim, request)?;
        if let Some(Committed::AlreadyOurs(claim)) = &answer {
            // The claim may be somebody's who died between link and sync: to go on because of it is to sync it first.
            self.sync_claims(claim)?;
        }
        Ok(answer)
    }

    /// Commits a claim under its ticket lock.
    ///
    /// With `expect` the completed claim is handed over; without, the ticket must be free.
    ///
    /// # Errors
    /// See [`CommitError`]. After [`CommitError::NotDurable`] the claim stands; after all others none was made.
    pub fn commit(
        &self,
        lock: &TicketLock,
        request: &CommitRequest,
        writer: &Writer,
    ) -> Result<Committed, CommitError> {
        assert_eq!(lock.ticket(), &request.ticket, "the lock of another ticket protects nothing");
        let ticket = &request.ticket;
        let io = |source| CommitError::Io { ticket: ticket.clone(), source };
        if request.evidence != Evidence::Manual && request.nonce.is_none() {
            return Err(CommitError::NoNonce { evidence: request.evidence });
        }
        // Order of locks: ticket, Pod, fence. The old holder's Pod lock is kept until the rename, so that it cannot
        // come back in between.
        let _holder = match request.expect {
            Some(expect) => Some(self.exclude_holder(&self.expected_claim(ticket, expect)?)?),
            None => None,
        };
        let fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        if let Some(answer) = self.standing(request)? {
            return Ok(answer);
        }
        if let Some(expect) = request.expect {
            self.check_hand_over(ticket, expect, &request.pod)?;
        }
        self.sweep_temporaries("claim", &ticket.key()).map_err(io)?;
        let claim = match (request.evidence, request.nonce) {
            (Evidence::Manual, nonce) => self.put_manual(request, nonce, writer)?,
            (_, Some(nonce)) => self.put_offer(request, nonce)?,
            (evidence, None) => return Err(CommitError::NoNonce { evidence }),
        };
        // From here on the claim stands, whatever happens.
        let durable = self.sync_claims(&claim);
        if durable.is_ok() {
            // A claim with two links is valid; the first name goes once the second is durable, and is swept if we die.
            let _ = fs::unlink(&self.offer_path(ticket, claim.nonce));
            let _ = self.sweep_temporaries("claim", &ticket.key());
            // Not before the claim stands: a commit that is refused must not take the offer from the one that is not.
            let _ = self.sweep_offers(ticket);
        }
        drop(fence);
        // The claim file is the truth; a journal that cannot be written does not undo it.
        let _ = self.log(writer, JournalEntry::on("commit", &claim).because(request.evidence.as_str()));
        durable.map(|()| Committed::New(claim))
    }

    fn put_manual(&self, request: &CommitRequest, nonce: Option<Nonce>, writer: &Writer) -> Result<Claim, CommitError> {
        let ticket = &request.ticket;
        let io = |source| CommitError::Io { ticket: ticket.clone(), source };
        let before = self.predecessor(ticket).map_err(|error| match error {
            OfferError::Held { held } => CommitError::Held { held },
            OfferError::Unknown(source) => CommitError::Unknown { ticket: ticket.clone(), source },
            OfferError::Io(source) => io(source),
        })?;
        let claim = manual_claim(request, nonce, before.as_ref(), writer);
        let temporary = self.temporary("claim", &ticket.key());
        fs::create_file(&temporary, claim.render().as_bytes()).map_err(io)?;
        let put = self.put(&temporary, request);
        if put.is_err() {
            let _ = fs::unlink(&temporary);
        }
        put.map(|()| claim)
    }

    fn put_offer(&self, request: &CommitRequest, nonce: Nonce) -> Result<Claim, CommitError> {
        let ticket = &request.ticket;
        let path = self.offer_path(ticket, nonce);
        let offer: Option<Claim> = read_named(&path, ticket.as_str())
            .map_err(|source| CommitError::Unknown { ticket: ticket.clone(), source })?;
        let gone = || CommitError::OfferGone { pod: request.pod.clone(), ticket: ticket.clone() };
        let claim = offer.ok_or_else(gone)?;
        let before = match self.predecessor(ticket) {
            Ok(before) => before.map_or(0, |old| old.claim.generation),
            Err(OfferError::Held { held }) => return Err(CommitError::Held { held }),
            Err(OfferError::Unknown(source)) => return Err(CommitError::Unknown { ticket: ticket.clone(), source }),
            Err(OfferError::Io(source)) => return Err(CommitError::Io { ticket: ticket.clone(), source }),
        };
        for (what, found, expected) in [
            ("Pod", claim.pod.to_string(), request.pod.to_string()),
            ("role", claim.role.to_string(), request.role.to_string()),
            ("evidence", claim.evidence.to_string(), request.evidence.to_string()),
            ("generation", claim.generation.to_string(), (before + 1).to_string()),
            ("nonce", claim.nonce.to_string(), nonce.to_string()),
        ] {
            if found != expected {
                return Err(CommitError::OtherOffer { ticket: ticket.clone(), what, found, expected });
            }
        }
        self.put(&path, request)?;
        Ok(claim)
    }

    /// Gives a complete record its name: by a link where the ticket is free, by a rename where a claim is handed over.
    pub(super) fn put(&self, from: &std::path::Path, request: &CommitRequest) -> Result<(), CommitError> {
        let ticket = &request.ticket;
        let to = self.claim_path(ticket);
        let io = |source| CommitError::Io { ticket: ticket.clone(), source };
        let gone = || CommitError::OfferGone { pod: request.pod.clone(), ticket: ticket.clone() };
        if request.expect.is_some() {
            return match fs::rename(from, &to) {
                Ok(()) => Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(gone()),
                Err(source) => Err(io(PathError { doing: "replace", path: to, source })),
            };
        }
        match fs::link_into_place(from, &to).map_err(io)? {
            Linked::Done => Ok(()),
            Linked::SourceGone => Err(gone()),
            Linked::Taken => match self.claim(ticket) {
                Ok(Some(held)) => Err(CommitError::Held { held: Box::new(held) }),
                Ok(None) => Err(io(PathError::refused("link into place", &to, "it was taken and is gone again"))),
                Err(source) => Err(CommitError::Unknown { ticket: ticket.clone(), source }),
            },
        }
    }

    /// Makes the claims durable on behalf of one that was just made or is just being relied on.
    ///
    /// # Errors
    /// [`CommitError::NotDurable`]: the claim stands all the same.
    pub fn sync_claims(&self, claim: &Claim) -> Result<(), CommitError> {
        fs::sync_dir(&self.claims_dir())
            .map_err(|source| CommitError::NotDurable { claim: Box::new(claim.clone()), source })
    }

    /// Checks, under the fence, that a claim may be handed over: its work is completed, and the taker runs.
    fn check_hand_over(&self, ticket: &TicketId, expect: Expect, taker: &PodName) -> Result<(), ChangeError> {
        let claim = self.expected_claim(ticket, expect)?;
        if claim.completed_at.is_none() {
            return Err(ChangeError::NotCompleted { claim: Box::new(claim) });
        }
        match self.pod_lives(taker) {
            Ok(true) => Ok(()),
            Ok(false) => Err(ChangeError::TakerNotLive { pod: taker.clone() }),
            Err(source) => Err(ChangeError::Io { ticket: ticket.clone(), source }),
        }
    }
}
