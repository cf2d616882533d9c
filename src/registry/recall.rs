//! Reclaiming a ticket whose claim cannot be read: what journal and tombstone still know of it stands in for the claim.
//!
//! The file is kept under another name, never deleted. The tombstone is brought up to the highest generation that is
//! known first, so that a crash at any moment leaves either an unknown ticket or a free one whose generation grows.

use super::change::{ChangeError, unfenced};
use super::holder::Excluded;
use super::journal::{JournalEntry, JournalLine};
use super::offers::Predecessor;
use super::open::{ReadError, Registry, Writer};
use super::reclaim::{Force, RECLAIM, Reclaim, ReclaimError, Reclaimed, ending, given};
use super::status::Restorable;
use super::ticket_lock::TicketLock;
use super::unreadable::{ClaimFile, Legibility, claim_file, set_aside_path};
use crate::domain::{Acceptance, Claim, Evidence, Nonce, PodName, Record as _, Role, TicketId};
use crate::fs::{self, Exchanged, PathError};

/// What journal and tombstone know of a claim that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOfClaim {
    /// The highest generation of that ticket; 0 where none is known.
    pub generation: u64,
    /// Who had it, and as what.
    pub holder: Option<(PodName, Role)>,
}

/// The same, with what a tombstone is made of.
struct Recalled {
    /// The tombstone, where there is one that can be read.
    tombstone: Option<Predecessor>,
    /// The journal's last line on the highest generation, where that is above the tombstone's.
    line: Option<JournalLine>,
}

impl Recalled {
    fn generation(&self) -> u64 {
        let told = self.line.as_ref().and_then(|line| line.entry.generation);
        told.or(self.tombstone.as_ref().map(|before| before.claim.generation)).unwrap_or(0)
    }

    fn nonce(&self) -> Option<Nonce> {
        match &self.line {
            Some(line) => line.entry.nonce,
            None => self.tombstone.as_ref().map(|before| before.claim.nonce),
        }
    }

    fn holder(&self) -> Option<(&PodName, Role)> {
        self.line.as_ref().and_then(|line| Some((line.entry.pod.as_ref()?, line.entry.role?)))
    }

    /// The claim that the ticket's next one is counted from; `None` where nothing is known.
    fn tombstone(&self, ticket: &TicketId, why: &str, writer: &Writer) -> Option<Claim> {
        let before = self.tombstone.as_ref();
        let Some(line) = &self.line else { return before.map(|before| before.claim.clone()) };
        let acceptance = Acceptance {
            ticket: ticket.clone(),
            pod: line.entry.pod.clone()?,
            pod_id: None,
            role: line.entry.role?,
            nonce: line.entry.nonce.unwrap_or_else(|| Nonce::from_bytes(fs::random_bytes())),
            accepted_at: line.at.parse().unwrap_or(writer.now),
            evidence: Evidence::Manual,
            session: None,
            written_by: writer.written_by.clone(),
        };
        let mut claim = Claim::succeed(acceptance, before.map(|old| (&old.claim, old.ended_at, &*old.why)));
        claim.generation = self.generation();
        claim.end(writer.now, why);
        Some(claim)
    }
}

impl Registry {
    /// What is known of a ticket's claim if that cannot be read; `None` where it can, or there is none.
    ///
    /// # Errors
    /// When that cannot be told, or somebody else could read the claim.
    pub fn known_of_unreadable(&self, ticket: &TicketId) -> Result<Option<KnownOfClaim>, ReadError> {
        if self.legibility(ticket)? == Legibility::Sound {
            return Ok(None);
        }
        let recalled = self.recall(ticket)?;
        let holder = recalled.holder().map(|(pod, role)| (pod.clone(), role));
        Ok(Some(KnownOfClaim { generation: recalled.generation(), holder }))
    }

    /// Brings the tombstone of a ticket without a claim up to the highest generation that the journal knows, so that none
    /// is given out twice; gives that generation, or `None` where nothing had to be done. Needs ticket lock and fence.
    ///
    /// # Errors
    /// When claim, tombstone or journal cannot be read, or the tombstone cannot be written.
    pub(super) fn raise_tombstone(&self, ticket: &TicketId, writer: &Writer) -> Result<Option<u64>, ReadError> {
        if self.legibility(ticket)? == Legibility::Damaged || self.claim(ticket)?.is_some() {
            return Ok(None);
        }
        let recalled = self.recall(ticket)?;
        let tombstone = recalled.tombstone(ticket, "its tombstone was lost", writer);
        self.write_tombstone(ticket, &recalled, tombstone.as_ref())?;
        Ok(recalled.line.is_some().then(|| recalled.generation()))
    }

    fn recall(&self, ticket: &TicketId) -> Result<Recalled, ReadError> {
        let tombstone = match claim_file(&self.tombstone_path(ticket), &ticket.key())? {
            ClaimFile::Readable => self.tombstone(ticket)?,
            ClaimFile::Missing | ClaimFile::Damaged(_) => None,
        };
        let buried = tombstone.as_ref().map_or(0, |before| before.claim.generation);
        let generation = |line: &JournalLine| {
            let entry = &line.entry;
            // TOML has no larger numbers, and the next one must fit too.
            let sane = entry.generation.filter(|generation| *generation < i64::MAX.unsigned_abs());
            sane.filter(|generation| *generation > buried && entry.pod.is_some() && entry.role.is_some())
        };
        let told = self.journal(Some(ticket))?.into_iter().filter(|line| generation(line).is_some());
        // Of several lines on one generation the last: `max_by_key` gives that.
        Ok(Recalled { tombstone, line: told.max_by_key(|line| generation(line)) })
    }

    /// [`Registry::reclaim`] of a ticket whose claim, or whose tombstone, cannot be read.
    pub(super) fn reclaim_unreadable(
        &self,
        lock: &TicketLock,
        wanted: &Reclaim,
        restorable: &dyn Restorable,
        writer: &Writer,
    ) -> Result<Reclaimed, ReclaimError> {
        let ticket = lock.ticket();
        let unknown = |source| ChangeError::Unknown { ticket: ticket.clone(), source };
        let recalled = self.recall(ticket).map_err(unknown)?;
        let known = recalled.generation();
        let is_expected = wanted.expect.generation == known
            && wanted.expect.nonce.is_none_or(|nonce| recalled.nonce() == Some(nonce));
        if !is_expected {
            return Err(ReclaimError::Known { ticket: ticket.clone(), known, expected: wanted.expect });
        }
        // Order of locks: ticket, Pods, fence.
        let _holders = self.exclude_candidates(ticket, &recalled, wanted, restorable)?;
        let fence = self.fence(ticket).map_err(|error| unfenced(ticket, error))?;
        let io = |source| ChangeError::Io { ticket: ticket.clone(), source };
        if self.legibility(ticket).map_err(unknown)? == Legibility::Sound {
            let why = "somebody mended it in the meantime";
            return Err(io(PathError::refused("reclaim", &self.claim_path(ticket), why)).into());
        }
        let taker = wanted.to.as_ref().map(|taker| self.fit_taker(ticket, taker)).transpose()?;
        let why = ending(&wanted.reason);
        let tombstone = recalled.tombstone(ticket, &why, writer);
        self.write_tombstone(ticket, &recalled, tombstone.as_ref()).map_err(io)?;
        let claim = self.claim_path(ticket);
        // Looked for first: what is not there cannot fail to be moved once the other one was, which frees the ticket.
        let there = [claim.clone(), set_aside_path(&claim)].map(|path| fs::is_there(&path).map(|there| (path, there)));
        for found in there.into_iter().collect::<Result<Vec<_>, _>>().map_err(io)? {
            if let (path, true) = found {
                self.retire(&path, ticket).map_err(io)?;
            }
        }
        let mut entry = JournalEntry::new(RECLAIM).because(&wanted.reason);
        entry.ticket = Some(ticket.clone());
        entry.generation = (known > 0).then_some(known);
        entry.pod = recalled.holder().map(|(pod, _)| pod.clone());
        entry.role = recalled.holder().map(|(_, role)| role);
        // Before the journal tells of it: whoever finds it told of does not sync it again.
        let synced = fs::sync_dir(&self.claims_dir());
        let _ = self.log(writer, entry);
        synced.map_err(|source| ReclaimError::NotDurable { ticket: ticket.clone(), source })?;
        let Some(taker) = taker else { return Ok(Reclaimed::Freed { former: None }) };
        let given = given(ticket, &taker, tombstone.as_ref().map(|old| (old, writer.now, &*why)), writer);
        self.put_over(&given)?;
        drop(fence);
        self.tell_taker(given, writer)
    }

    /// Brings the tombstone up to what is known; one that cannot be read is kept under another name.
    fn write_tombstone(
        &self,
        ticket: &TicketId,
        recalled: &Recalled,
        tombstone: Option<&Claim>,
    ) -> Result<(), PathError> {
        let path = self.tombstone_path(ticket);
        let is_damaged = recalled.tombstone.is_none() && fs::is_there(&path)?;
        match tombstone.filter(|_| recalled.line.is_some()).map(|tombstone| tombstone.render()) {
            Some(text) if is_damaged => {
                // In one step: a ticket whose tombstone is gone for a moment would count its generations anew.
                let kept = self.retired_path(ticket);
                fs::create_file(&kept, text.as_bytes())?;
                match fs::exchange(&kept, &path)? {
                    Exchanged::Done => fs::sync_dir(&self.claims_dir()),
                    Exchanged::Unsupported => {
                        self.retire(&path, ticket)?;
                        Ok(fs::rename_into_place(&kept, &path)?)
                    }
                }
            }
            Some(text) => {
                self.sweep_temporaries("claim", &ticket.key())?;
                Ok(fs::replace(&self.temporary("claim", &ticket.key()), &path, text.as_bytes())?)
            }
            None if is_damaged => self.retire(&path, ticket),
            // The one that stands may be of somebody who died before it was durable; what it replaces goes next.
            None => fs::sync_dir(&self.claims_dir()),
        }
    }

    /// Keeps every Pod that may hold the ticket from coming back: who does is not known for certain, so none may live.
    ///
    /// A Pod that is to get the ticket is left alone: it may well be the one that has it.
    fn exclude_candidates(
        &self,
        ticket: &TicketId,
        recalled: &Recalled,
        wanted: &Reclaim,
        restorable: &dyn Restorable,
    ) -> Result<Vec<Excluded>, ReclaimError> {
        let io = |source| ChangeError::Io { ticket: ticket.clone(), source };
        let told = recalled.holder().map(|(pod, _)| pod.clone());
        let launched = self.pods().map_err(io)?.into_iter().flatten();
        let launched = launched.filter(|record| record.ticket.as_ref() == Some(ticket)).map(|record| record.pod);
        let related = self.sessions().map_err(io)?.into_iter().flatten();
        let related = related.filter(|session| session.related_tickets.contains(ticket)).map(|session| session.pod);
        let mut pods: Vec<PodName> = told.iter().cloned().chain(launched).chain(related).collect();
        pods.sort();
        pods.dedup();
        pods.retain(|pod| wanted.to.as_ref().is_none_or(|taker| taker.pod != *pod));
        let mut excluded = Vec::new();
        for pod in pods {
            match self.exclude_pod(&pod).map_err(io)? {
                Some(one) => excluded.push(one),
                None => return Err(ReclaimError::MayHold { ticket: ticket.clone(), pod }),
            }
            // Where the journal names the holder, a stopped Pod that had the ticket before it has no part in this.
            let may_return = told.as_ref().is_none_or(|told| *told == pod);
            let unknown = |source| ChangeError::Unknown { ticket: ticket.clone(), source };
            if wanted.force == Force::No && may_return && self.can_return(&pod, None, restorable).map_err(unknown)? {
                return Err(ReclaimError::MayReturn { ticket: ticket.clone(), pod });
            }
        }
        Ok(excluded)
    }
}
