//! Many claims by hand at once: one sync of `claims/` for all of them.
//!
//! The order is that of a single commit, for all tickets at each step: the locks, in sorted order; the look at what
//! stands; the records, all written, then all synced; the links; one sync of the directory; the first names go. A crash
//! between any two steps leaves whole claims and temporaries, and no answer was given: a repeat succeeds.
//!
//! The ticket locks are tried, not waited for, and their files opened here and handed to nobody, so that the fence is
//! taken through the same descriptor.

use std::collections::HashSet;

use super::claims::{CommitError, CommitRequest, Committed, answer, manual_claim};
use super::journal::JournalEntry;
use super::open::{Registry, Writer};
use crate::domain::{Claim, Evidence, PodName, Record as _, Role, TicketId};
use crate::fs::{self, NewFile, OfdLock, PathError, Wait, WaitError};

/// A claim that a person or a script makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// The ticket.
    pub ticket: TicketId,
    /// Who accepted it.
    pub pod: PodName,
    /// As what.
    pub role: Role,
}

type Answer = Result<Committed, CommitError>;

/// A ticket on its way, locked to the end of the batch.
struct Locked<'a> {
    request: &'a CommitRequest,
    /// Where its answer belongs.
    at: usize,
    _lock: OfdLock,
}

/// One whose record is written under its first name, and then stands under its own.
struct Draft<'a> {
    locked: Locked<'a>,
    claim: Claim,
    temporary: std::path::PathBuf,
}

impl Registry {
    /// Commits many claims by hand, each of another ticket, and answers each in its place.
    ///
    /// A claim that stands is answered without its lock; a ticket in flight elsewhere is refused alone. Holds two
    /// descriptors a ticket.
    ///
    /// # Panics
    /// When a ticket comes twice.
    pub fn commit_batch(&self, batch: &[ByHand], writer: &Writer) -> Vec<Answer> {
        let distinct: HashSet<&TicketId> = batch.iter().map(|one| &one.ticket).collect();
        assert_eq!(distinct.len(), batch.len(), "a ticket has one lock");
        let requests: Vec<CommitRequest> = batch.iter().map(request).collect();
        let mut answers: Vec<Option<Answer>> = requests.iter().map(|one| self.what_stands(one)).collect();
        let mut order: Vec<usize> = (0..requests.len()).filter(|at| answers[*at].is_none()).collect();
        order.sort_by(|a, b| requests[*a].ticket.cmp(&requests[*b].ticket));
        let keys = requests.iter().map(|one| one.ticket.key()).collect();
        let (mut written, mut files) = (Vec::with_capacity(order.len()), Vec::with_capacity(order.len()));
        let left = self.leftovers(&keys);
        for at in order {
            match self.lock_and_write(&requests[at], at, &left, writer) {
                Ok((one, file)) => {
                    written.push(one);
                    files.push(file);
                }
                Err(answer) => answers[at] = Some(*answer),
            }
        }
        // All are synced before the first link: what has its name is whole.
        let synced = fs::sync_all(files);
        let mut stand = Vec::with_capacity(written.len());
        for (Draft { locked, claim, temporary }, synced) in written.into_iter().zip(synced) {
            let put = synced.map_err(|source| io(&claim.ticket, source));
            match put.and_then(|()| self.put(&temporary, locked.request)) {
                Ok(()) => stand.push(Draft { locked, claim, temporary }),
                Err(error) => {
                    let _ = fs::unlink(&temporary);
                    answers[locked.at] = Some(Err(error));
                }
            }
        }
        self.settle(stand, answers, &left, writer)
    }

    /// Makes all durable that stands, and gives the answers.
    fn settle(
        &self,
        stand: Vec<Draft<'_>>,
        mut answers: Vec<Option<Answer>>,
        left: &Leftovers,
        writer: &Writer,
    ) -> Vec<Answer> {
        let is_relied_on = |answer: &Option<Answer>| matches!(answer, Some(Ok(_)));
        let durable = match stand.is_empty() && !answers.iter().any(is_relied_on) {
            true => Ok(()),
            false => fs::sync_dir(&self.claims_dir()),
        };
        if durable.is_ok() {
            answers.iter().flatten().flatten().for_each(|ours| self.sweep_claimed(&ours.claim().ticket, left));
            for Draft { locked, temporary, .. } in &stand {
                let _ = fs::unlink(temporary);
                if left.offers.contains(&locked.request.ticket.key()) {
                    let _ = self.sweep_offers(&locked.request.ticket);
                }
            }
        }
        if !stand.is_empty() {
            let told =
                stand.iter().map(|one| JournalEntry::on("commit", &one.claim).because(Evidence::Manual.as_str()));
            let _ = self.log_all(writer, told);
        }
        // The locks go with this loop, when all is done.
        for Draft { locked, claim, .. } in stand {
            answers[locked.at] = Some(Ok(Committed::New(claim)));
        }
        let settled = answers.into_iter().map(|answer| answer.expect("each request was answered"));
        match durable {
            Ok(()) => settled.collect(),
            Err(source) => settled.map(|answer| answer.and_then(|done| Err(not_durable(&done, &source)))).collect(),
        }
    }

    /// Removes the first name of a claim that a killed batch had linked, now that its second one is durable.
    ///
    /// What cannot be had now is left for the next operation on that ticket.
    fn sweep_claimed(&self, ticket: &TicketId, left: &Leftovers) {
        let key = ticket.key();
        if left.temporaries.contains(&key)
            && let Ok(lock) = OfdLock::acquire(&self.ticket_lock_path(ticket), Wait::No)
            && let Ok(true) = lock.try_exclude()
        {
            let _ = self.sweep_temporaries("claim", &key);
        }
    }

    /// What the claim that stands answers; `None` where there is none. What is ours is synced with the batch.
    fn what_stands(&self, request: &CommitRequest) -> Option<Answer> {
        match self.claim(&request.ticket) {
            Ok(None) => None,
            Ok(Some(claim)) => answer(claim, request).transpose(),
            Err(source) => Some(Err(CommitError::Unknown { ticket: request.ticket.clone(), source })),
        }
    }

    fn lock_and_write<'a>(
        &self,
        request: &'a CommitRequest,
        at: usize,
        left: &Leftovers,
        writer: &Writer,
    ) -> Result<(Draft<'a>, NewFile), Box<Answer>> {
        let ticket = &request.ticket;
        let failed = |source| Box::new(Err(io(ticket, source)));
        let in_flight = |holder| Err(CommitError::InFlight { ticket: ticket.clone(), holder });
        let lock = match OfdLock::acquire(&self.ticket_lock_path(ticket), Wait::No) {
            Ok(lock) => lock,
            // The holder may have committed in the meantime.
            Err(WaitError::Held { holder, .. }) => {
                return Err(Box::new(self.what_stands(request).unwrap_or_else(|| in_flight(holder))));
            }
            Err(WaitError::Io(source)) => return Err(failed(source)),
        };
        if !lock.try_exclude().map_err(failed)? {
            return Err(Box::new(in_flight(None)));
        }
        if lock.may_have_text() {
            // What an earlier holder wrote must not be taken for this one's; a full disk is no reason not to go on.
            let _ = lock.describe(&writer.lock_text("claim-commit", "ticket", ticket.as_str()));
        }
        // Looked at again: who held the lock a moment ago may have committed.
        if let Some(answer) = self.what_stands(request) {
            return Err(Box::new(answer));
        }
        let key = ticket.key();
        if left.temporaries.contains(&key) {
            self.sweep_temporaries("claim", &key).map_err(failed)?;
        }
        let before = self.tombstone(ticket);
        let before = before.map_err(|source| Box::new(Err(CommitError::Unknown { ticket: ticket.clone(), source })))?;
        let claim = manual_claim(request, None, before.as_ref(), writer);
        let temporary = self.temporary("claim", &key);
        let file = NewFile::write(&temporary, claim.render().as_bytes()).map_err(failed)?;
        Ok((Draft { locked: Locked { request, at, _lock: lock }, claim, temporary }, file))
    }

    /// Of which tickets an earlier attempt that was killed has left files; listed once for all, before any is written.
    ///
    /// A listing that fails leaves them for the next operation, which needs nothing of them.
    fn leftovers(&self, keys: &HashSet<String>) -> Leftovers {
        let names = |dir: &str| fs::entries(&self.dir().join(dir)).unwrap_or_default();
        let key_in = |name: std::ffi::OsString, prefix: &str| {
            let (key, _random) = name.to_str()?.strip_prefix(prefix)?.rsplit_once('.')?;
            keys.get(key).cloned()
        };
        Leftovers {
            temporaries: names("tmp").into_iter().filter_map(|name| key_in(name, "claim-")).collect(),
            offers: names("offers").into_iter().filter_map(|name| key_in(name, "")).collect(),
        }
    }
}

/// The keys of tickets of which files were left.
struct Leftovers {
    temporaries: HashSet<String>,
    offers: HashSet<String>,
}

fn request(one: &ByHand) -> CommitRequest {
    CommitRequest {
        ticket: one.ticket.clone(),
        pod: one.pod.clone(),
        pod_id: None,
        role: one.role,
        evidence: Evidence::Manual,
        session: None,
        nonce: None,
        expect: None,
    }
}

fn io(ticket: &TicketId, source: PathError) -> CommitError {
    CommitError::Io { ticket: ticket.clone(), source }
}

/// The same failure to sync, for each of those that it leaves in doubt.
fn not_durable(done: &Committed, failed: &PathError) -> CommitError {
    let source = std::io::Error::new(failed.source.kind(), failed.source.to_string());
    let source = PathError { doing: failed.doing, path: failed.path.clone(), source };
    CommitError::NotDurable { claim: Box::new(done.claim().clone()), source }
}
