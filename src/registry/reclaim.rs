//! Reclaim: a person frees a ticket whose holder is gone, or gives it to another Pod.
//!
//! Compare-and-swap, under the ticket lock: the former holder's Pod lock is taken (tried only; held means live, which is
//! refused always) and kept until the rename, so that it cannot come back in between; under the fence the claim is read
//! again, compared, and replaced. Of two administrators one wins, and the other is told who did.

use super::change::{ChangeError, unfenced};
use super::journal::{JournalEntry, JournalLine};
use super::open::{Registry, Writer};
use super::sessions::{SessionError, SessionFence};
use super::status::Restorable;
use super::ticket_lock::TicketLock;
use super::unreadable::Legibility;
use crate::domain::{
    Acceptance, Claim, Evidence, Expect, Nonce, Origin, PodName, PodRecord, Record as _, Role, SessionEntry, TicketId,
    Timestamp,
};
use crate::fs::{self, PathError, PlaceError};

/// What a person decided about a claim.
#[derive(Debug, Clone)]
pub struct Reclaim {
    /// The claim that is to end; of one that cannot be read the highest generation that is known, or 0.
    pub expect: Expect,
    /// Why, for the journal and for those who hold the ticket later.
    pub reason: String,
    /// Who gets the ticket; nobody, where it is to be free.
    pub to: Option<Taker>,
    /// What is done about a holder that could come back.
    pub force: Force,
}

/// The live Pod that gets a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taker {
    /// The Pod.
    pub pod: PodName,
    /// What it is for.
    pub role: Role,
}

/// What is done about a holder that is stopped and could be restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Force {
    /// Its claim stays.
    #[default]
    No,
    /// Its claim ends all the same.
    EvenRestorable,
}

/// What a reclaim came to.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "whether the ticket is free or another's"]
pub enum Reclaimed {
    /// The ticket is free.
    Freed {
        /// The claim that ended, where it could be read.
        former: Option<Box<Claim>>,
    },
    /// The ticket is another Pod's.
    Given(Box<Claim>),
}

/// Says why a ticket was not reclaimed.
#[derive(Debug, thiserror::Error)]
pub enum ReclaimError {
    /// The claim is not the expected one, somebody ended it first, its holder lives, or it cannot be read or replaced.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The holder is stopped and can be restored.
    #[error("ticket {} is held by Pod {}, which is stopped and can be restored", claim.ticket, claim.pod)]
    Restorable {
        /// The claim.
        claim: Box<Claim>,
    },
    /// The claim cannot be read, and the caller knows less, or more, than journal and tombstone.
    #[error(
        "the claim on ticket {ticket} cannot be read, and the highest generation that is known of it is {known}, not {expected}"
    )]
    Known {
        /// The ticket.
        ticket: TicketId,
        /// The highest generation that journal and tombstone know; 0 where they know none.
        known: u64,
        /// What the caller expected.
        expected: Expect,
    },
    /// The claim cannot be read, and a Pod that may hold it lives.
    #[error("the claim on ticket {ticket} cannot be read, and Pod {pod}, which may hold it, is live")]
    MayHold {
        /// The ticket.
        ticket: TicketId,
        /// The Pod.
        pod: PodName,
    },
    /// The claim cannot be read, and a Pod that may hold it can be restored.
    #[error(
        "the claim on ticket {ticket} cannot be read, and Pod {pod}, which may hold it, is stopped and can be restored"
    )]
    MayReturn {
        /// The ticket.
        ticket: TicketId,
        /// The Pod.
        pod: PodName,
    },
    /// The Pod that was to get the ticket cannot hold it.
    #[error("ticket {ticket} cannot be given to Pod {pod}: {why}")]
    Taker {
        /// The ticket.
        ticket: TicketId,
        /// The Pod.
        pod: PodName,
        /// Why not.
        why: String,
    },
    /// What was decided stands; whether it survives a power cut is not known.
    #[error("ticket {ticket} is reclaimed, but that is not known to be durable")]
    NotDurable {
        /// The ticket.
        ticket: TicketId,
        /// What could not be synced.
        #[source]
        source: PathError,
    },
    /// The ticket was given to a Pod whose session record does not tell of it.
    #[error("ticket {} is given to Pod {} (generation {}), but is missing in its session record", claim.ticket, claim.pod, claim.generation)]
    NotRecorded {
        /// The claim.
        claim: Box<Claim>,
        /// Why it was not recorded.
        #[source]
        source: SessionError,
    },
}

/// The journal's word for what this module does.
pub(super) const RECLAIM: &str = "reclaim";
/// And that for the claim of a Pod that is given a ticket.
const COMMIT: &str = "commit";

impl Registry {
    /// Ends the claim on a ticket: frees the ticket, or gives it to a live Pod.
    ///
    /// Freeing a ticket whose claim can be read needs no space, so it works on a full disk. No Pod and no ticket is
    /// changed.
    ///
    /// # Errors
    /// See [`ReclaimError`]. After [`ReclaimError::NotDurable`] and [`ReclaimError::NotRecorded`] it is done; after all
    /// others nothing was changed, or what was is repeated by the next attempt.
    pub fn reclaim(
        &self,
        lock: &TicketLock,
        wanted: &Reclaim,
        restorable: &dyn Restorable,
        writer: &Writer,
    ) -> Result<Reclaimed, ReclaimError> {
        let ticket = lock.ticket();
        match self.legibility(ticket).map_err(|source| ChangeError::Unknown { ticket: ticket.clone(), source })? {
            Legibility::Sound => self.reclaim_claim(lock, wanted, restorable, writer),
            Legibility::Damaged => self.reclaim_unreadable(lock, wanted, restorable, writer),
        }
    }

    fn reclaim_claim(
        &self,
        lock: &TicketLock,
        wanted: &Reclaim,
        restorable: &dyn Restorable,
        writer: &Writer,
    ) -> Result<Reclaimed, ReclaimError> {
        let ticket = lock.ticket();
        if let Some(done) = self.finish_reclaim(ticket, wanted, writer)? {
            return Ok(done);
        }
        // Order of locks: ticket, Pod, fence.
        let _holder = self.exclude_holder(&self.claim_to_end(ticket, wanted.expect)?)?;
        let fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        let claim = self.claim_to_end(ticket, wanted.expect)?;
        if wanted.force == Force::No {
            let unknown = |source| ChangeError::Unknown { ticket: ticket.clone(), source };
            if self.holder_can_return(&claim, restorable).map_err(unknown)? {
                return Err(ReclaimError::Restorable { claim: Box::new(claim) });
            }
        }
        match &wanted.to {
            None => {
                self.bury_claim(&claim, &wanted.reason, writer)?;
                drop(fence);
                Ok(Reclaimed::Freed { former: Some(Box::new(claim)) })
            }
            Some(taker) => {
                let record = self.fit_taker(ticket, taker)?;
                let why = ending(&wanted.reason);
                let given = given(ticket, &record, Some((&claim, writer.now, &*why)), writer);
                let put = self.put_over(&given);
                drop(fence);
                if !matches!(put, Err(ReclaimError::Change(_))) {
                    let _ = self.log(writer, JournalEntry::on(RECLAIM, &claim).because(&wanted.reason));
                }
                put.and_then(|()| self.tell_taker(given, writer))
            }
        }
    }

    /// Finishes the same reclaim of somebody who died before it was done; `None` where there is none.
    ///
    /// What is done is somebody's who was first: of two administrators one wins. Whoever frees a ticket has done so when
    /// the journal tells of it; whoever gives it to a Pod, when that Pod's session record does. As all of it is done under
    /// the ticket lock, which is ours by now, what is missing will not come: it is left to the same user to repeat it.
    fn finish_reclaim(
        &self,
        ticket: &TicketId,
        wanted: &Reclaim,
        writer: &Writer,
    ) -> Result<Option<Reclaimed>, ReclaimError> {
        let told = self.told_end(ticket, wanted.expect);
        let synced = || {
            fs::sync_dir(&self.claims_dir())
                .map_err(|source| ReclaimError::NotDurable { ticket: ticket.clone(), source })
        };
        let tell = |mut entry: JournalEntry, expect: Expect| {
            (entry.generation, entry.nonce) = (Some(expect.generation), expect.nonce);
            let _ = self.log(writer, entry.because(&wanted.reason));
        };
        let Some(taker) = &wanted.to else {
            if told.is_some() {
                return Ok(None);
            }
            let Some(former) = self.released_before(ticket, wanted.expect)? else { return Ok(None) };
            synced()?;
            tell(JournalEntry::on(RECLAIM, &former), Expect::from(&former));
            return Ok(Some(Reclaimed::Freed { former: Some(Box::new(former)) }));
        };
        let unknown = |source| ChangeError::Unknown { ticket: ticket.clone(), source };
        let given = self.claim(ticket).map_err(unknown)?.filter(|claim| {
            let why = claim.previous.first().map(|former| former.why.as_str());
            claim.generation == wanted.expect.generation.saturating_add(1)
                && (&claim.pod, claim.role, claim.evidence) == (&taker.pod, taker.role, Evidence::Manual)
                && why == Some(&ending(&wanted.reason))
        });
        let Some(given) = given else { return Ok(None) };
        match &told {
            Some(by) if by.user != writer.user || self.is_related(&given) => return Ok(None),
            Some(_) => synced()?,
            None => {
                synced()?;
                let mut entry = JournalEntry::new(RECLAIM);
                entry.ticket = Some(ticket.clone());
                tell(entry, wanted.expect);
            }
        }
        if self.is_told(&given) { self.relate_taker(given, writer) } else { self.tell_taker(given, writer) }.map(Some)
    }

    /// Whether the journal tells of a claim; one that cannot be read tells nothing.
    fn is_told(&self, claim: &Claim) -> bool {
        let tells = |line: &JournalLine| {
            line.entry.action == COMMIT
                && line.entry.generation == Some(claim.generation)
                && line.entry.nonce == Some(claim.nonce)
        };
        self.journal(Some(&claim.ticket)).unwrap_or_default().iter().any(tells)
    }

    /// Whether its Pod's session record tells of a claim; one that cannot be read tells nothing.
    fn is_related(&self, claim: &Claim) -> bool {
        let session = self.session(&claim.pod).ok().flatten();
        session.is_some_and(|session| {
            let is_its_own = session.pod_id.is_none() || session.pod_id == claim.pod_id;
            is_its_own && session.related_tickets.contains(&claim.ticket)
        })
    }

    /// Renames a claim to its tombstone, and notes there how it ended if there is room.
    fn bury_claim(&self, claim: &Claim, reason: &str, writer: &Writer) -> Result<(), ReclaimError> {
        let ticket = &claim.ticket;
        let (path, tombstone) = (self.claim_path(ticket), self.tombstone_path(ticket));
        let buried = fs::rename_into_place(&path, &tombstone);
        if let Err(PlaceError::NotMade(source)) = buried {
            return Err(ChangeError::Io { ticket: ticket.clone(), source }.into());
        }
        let mut told = claim.clone();
        told.end(writer.now, &ending(reason));
        // A full disk has no room for the note; the tombstone, which counts the generations, stands without it.
        let _ = self.sweep_temporaries("claim", &ticket.key());
        let _ = fs::replace(&self.temporary("claim", &ticket.key()), &tombstone, told.render().as_bytes());
        let _ = self.log(writer, JournalEntry::on(RECLAIM, claim).because(reason));
        buried.map_err(|error| ReclaimError::NotDurable { ticket: ticket.clone(), source: error.into() })
    }

    /// Puts a claim in the place of the one that stands, or of none.
    pub(super) fn put_over(&self, claim: &Claim) -> Result<(), ReclaimError> {
        let ticket = &claim.ticket;
        let io = |source| ReclaimError::from(ChangeError::Io { ticket: ticket.clone(), source });
        self.sweep_temporaries("claim", &ticket.key()).map_err(io)?;
        let temporary = self.temporary("claim", &ticket.key());
        fs::replace(&temporary, &self.claim_path(ticket), claim.render().as_bytes()).map_err(|error| match error {
            PlaceError::NotMade(source) => io(source),
            PlaceError::NotDurable(source) => ReclaimError::NotDurable { ticket: ticket.clone(), source },
        })
    }

    /// Checks that a Pod can get a ticket: it is live, past its probation, and of that role.
    pub(super) fn fit_taker(&self, ticket: &TicketId, taker: &Taker) -> Result<PodRecord, ReclaimError> {
        let unfit = |why: String| ReclaimError::Taker { ticket: ticket.clone(), pod: taker.pod.clone(), why };
        let unknown = |source| ReclaimError::Change(ChangeError::Unknown { ticket: ticket.clone(), source });
        let before = self.pod(&taker.pod).map_err(unknown)?;
        let lives = self.pod_lives(&taker.pod).map_err(|source| unknown(source.into()))?;
        let record = self.pod(&taker.pod).map_err(unknown)?;
        if !lives {
            return Err(unfit("it is not live".to_owned()));
        }
        match record {
            // The lock that was asked about is that of the record only if both are of one Pod.
            Some(record) if before.is_some_and(|before| before.pod_id == record.pod_id) => match &record {
                PodRecord { confirmed_at: None, .. } => Err(unfit("its launch is not confirmed yet".to_owned())),
                PodRecord { role, .. } if *role != taker.role => Err(unfit(format!("its role is {role}"))),
                _ => Ok(record),
            },
            _ => Err(unfit("it has no record".to_owned())),
        }
    }

    /// Tells of the claim of the Pod that got a ticket, and relates the ticket to it.
    pub(super) fn tell_taker(&self, claim: Claim, writer: &Writer) -> Result<Reclaimed, ReclaimError> {
        let _ = self.log(writer, JournalEntry::on(COMMIT, &claim).because(claim.evidence.as_str()));
        self.relate_taker(claim, writer)
    }

    fn relate_taker(&self, claim: Claim, writer: &Writer) -> Result<Reclaimed, ReclaimError> {
        let entry = SessionEntry {
            pod: claim.pod.clone(),
            pod_id: claim.pod_id,
            role: claim.role,
            origin: Origin::TicketClaim,
            session: None,
            nonce: None,
            tickets: vec![claim.ticket.clone()],
        };
        match self.record_session(entry, SessionFence::None, writer) {
            Ok(_) => Ok(Reclaimed::Given(Box::new(claim))),
            Err(source) => Err(ReclaimError::NotRecorded { claim: Box::new(claim), source }),
        }
    }
}

/// What `previous` of the next claim will say.
pub(super) fn ending(reason: &str) -> String {
    format!("reclaimed: {reason}")
}

/// The claim of a Pod that was given a ticket.
pub(super) fn given(
    ticket: &TicketId,
    taker: &PodRecord,
    former: Option<(&Claim, Timestamp, &str)>,
    writer: &Writer,
) -> Claim {
    let acceptance = Acceptance {
        ticket: ticket.clone(),
        pod: taker.pod.clone(),
        pod_id: Some(taker.pod_id),
        role: taker.role,
        nonce: Nonce::from_bytes(fs::random_bytes()),
        accepted_at: writer.now,
        evidence: Evidence::Manual,
        session: taker.session.clone(),
        written_by: writer.written_by.clone(),
    };
    Claim::succeed(acceptance, former)
}
