//! Status, derived at the moment of asking: the claim is read, the locks are asked, the claim is read again.

use std::path::Path;

use super::open::{ReadError, Registry};
use crate::domain::chain;
use crate::domain::{Claim, ClaimStatus, PodName, PodRecord, Record, RecordError, TicketId};
use crate::fs::{self, PathError};

/// How often a claim that keeps changing is read before its state is called unknown.
const MAX_READS: usize = 10;

/// Judges what the registry does not know: whether a Pod's profile resolves and its working directory is there.
///
/// Listings ask it from several threads.
pub trait Restorable: Sync {
    /// Says why a stopped Pod cannot be restored.
    ///
    /// # Errors
    /// The reason, as the end of a sentence that begins with the Pod.
    fn check(&self, record: &PodRecord) -> Result<(), String>;
}

/// What can be said of one ticket's claim.
#[derive(Debug, Clone, PartialEq)]
pub struct ClaimView {
    /// The ticket's id, or its key where neither record nor key tells the id.
    pub ticket: String,
    /// The claim, where there is one that can be read.
    pub claim: Option<Claim>,
    /// The derived status.
    pub status: ClaimStatus,
    /// The evidence for the status, in words.
    pub reason: String,
}

/// What the kernel and the files of a Pod said, at one moment.
pub(super) struct PodAnswer {
    held: Result<bool, PathError>,
    record: Result<Option<PodRecord>, ReadError>,
}

impl Registry {
    /// Derives the status of a ticket's claim; `None` where it is free and no launch is in flight.
    ///
    /// Takes no lock and writes nothing.
    pub fn view_claim(&self, ticket: &TicketId, restorable: &dyn Restorable) -> Option<ClaimView> {
        let unknown = |reason: String| {
            Some(ClaimView { ticket: ticket.to_string(), claim: None, status: ClaimStatus::Unknown, reason })
        };
        for _ in 0..MAX_READS {
            let before = match self.claim(ticket) {
                Ok(claim) => claim,
                Err(error) => return unknown(chain(&error)),
            };
            let (status, reason) = match &before {
                Some(claim) => self.judge(claim, restorable),
                None => match self.ticket_in_flight(ticket) {
                    Ok(Some(holder)) => (ClaimStatus::Launching, format!("the ticket lock is held: {holder}")),
                    Ok(None) => match self.claim(ticket) {
                        Ok(None) => return None,
                        // A claim appeared between the two looks.
                        _ => continue,
                    },
                    Err(error) => (ClaimStatus::Unknown, chain(&error)),
                },
            };
            // What was derived is true of the claim that was read only if it still stands.
            if self.claim(ticket).is_ok_and(|after| after == before) {
                return Some(ClaimView { ticket: ticket.to_string(), claim: before, status, reason });
            }
        }
        unknown("the claim changed each time that it was read".to_owned())
    }

    /// Derives the status of a claim that was just read.
    pub(super) fn judge(&self, claim: &Claim, restorable: &dyn Restorable) -> (ClaimStatus, String) {
        self.judge_by(claim, &self.ask_pod(&claim.pod), restorable)
    }

    /// Asks the kernel about a Pod, and reads its record then.
    pub(super) fn ask_pod(&self, pod: &PodName) -> PodAnswer {
        let held = self.pod_lives(pod);
        PodAnswer { record: if held.is_ok() { self.pod(pod) } else { Ok(None) }, held }
    }

    /// Judges a claim by what was answered about its Pod *after* the claim was read.
    pub(super) fn judge_by(
        &self,
        claim: &Claim,
        answer: &PodAnswer,
        restorable: &dyn Restorable,
    ) -> (ClaimStatus, String) {
        let held = match &answer.held {
            Ok(held) => *held,
            Err(error) => return (ClaimStatus::Unknown, chain(error)),
        };
        let record = match &answer.record {
            Ok(record) => record.as_ref(),
            Err(error) if held => return (ClaimStatus::Unknown, chain(error)),
            Err(error) => return (ClaimStatus::Stale, format!("no lock is held, and {}", chain(error))),
        };
        let same = |record: &PodRecord| claim.pod_id.is_none_or(|id| id == record.pod_id);
        match (held, record) {
            (true, Some(record)) if !same(record) => {
                (ClaimStatus::Stale, format!("the Pod that accepted is gone; a later Pod bears the name {}", claim.pod))
            }
            (true, None) if claim.pod_id.is_some() => (
                ClaimStatus::Stale,
                format!("the Pod that accepted is gone; something else holds the name {}", claim.pod),
            ),
            (true, _) => (ClaimStatus::Live, format!("the lock of Pod {} is held", claim.pod)),
            (false, Some(record)) if !same(record) => {
                (ClaimStatus::Stale, format!("no lock is held, and a later Pod bears the name {}", claim.pod))
            }
            (false, None) => (ClaimStatus::Stale, format!("no lock is held, and Pod {} has no record", claim.pod)),
            (false, Some(record)) => match self.can_restore(record, restorable) {
                Ok(()) => (ClaimStatus::Restorable, format!("Pod {} is stopped and can be restored", claim.pod)),
                Err(why) => {
                    (ClaimStatus::Stale, format!("no lock is held, and Pod {} cannot be restored: {why}", claim.pod))
                }
            },
        }
    }

    /// Whether a stopped Pod can be brought back: history readable, profile resolves, working directory there.
    ///
    /// # Errors
    /// The reason why it cannot.
    pub fn can_restore(&self, record: &PodRecord, restorable: &dyn Restorable) -> Result<(), String> {
        let history = self.pod_dir(&record.pod).join("history.jsonl");
        fs::check_readable(&history).map_err(|error| chain(&error))?;
        restorable.check(record)
    }

    /// The ticket that a Pod was to work on and whose claim is no longer its own; `None` where it may go on.
    ///
    /// Of a Pod that was launched without a ticket one claim must be left, if it ever had any.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn lost_ticket(&self, record: &PodRecord) -> Result<Option<TicketId>, ReadError> {
        let claims = self.claims_of(record)?;
        if let Some(ticket) = &record.ticket {
            return Ok((!claims.iter().any(|claim| claim.ticket == *ticket)).then(|| ticket.clone()));
        }
        let related = self.session(&record.pod)?.map(|session| session.related_tickets).unwrap_or_default();
        Ok(related.into_iter().next().filter(|_| claims.is_empty()))
    }

    /// The claims that a Pod holds, found by its identity.
    ///
    /// # Errors
    /// When the directory of claims cannot be listed, or one of the candidates cannot be read.
    pub fn claims_of(&self, record: &PodRecord) -> Result<Vec<Claim>, ReadError> {
        let mut tickets: Vec<TicketId> = record.ticket.iter().cloned().collect();
        if let Some(session) = self.session(&record.pod)? {
            tickets.extend(session.related_tickets);
        }
        tickets.sort();
        tickets.dedup();
        let mut claims = Vec::new();
        for ticket in tickets {
            claims.extend(self.claim(&ticket)?.filter(|claim| claim.pod_id == Some(record.pod_id)));
        }
        Ok(claims)
    }
}

/// Reads every `<key>.toml` of a directory, by key; one that cannot be read never takes its neighbours down.
pub(super) fn records<R: Record>(
    dir: &Path,
    key_of: impl Fn(&R) -> String,
) -> Result<Vec<Result<R, ReadError>>, PathError> {
    let mut names = fs::entries(dir)?;
    // By key: `a-2.toml` sorts before `a.toml`, but the key `a` before `a-2`.
    names.sort_by(|a, b| Path::new(a).file_stem().cmp(&Path::new(b).file_stem()));
    let read = |name: &std::ffi::OsStr| -> Result<Option<R>, ReadError> {
        let Some(key) = name.to_str().and_then(|name| name.strip_suffix(".toml")) else { return Ok(None) };
        let path = dir.join(name);
        let Some(bytes) = fs::read_file(&path)? else { return Ok(None) };
        let wrong = |source| ReadError::Record { path: path.clone(), source };
        let record = R::parse(&bytes).map_err(wrong)?;
        if key_of(&record) != key {
            let found = record.name().to_owned();
            return Err(wrong(RecordError::OtherName { expected: key.to_owned(), found }));
        }
        Ok(Some(record))
    };
    Ok(names.iter().filter_map(|name| read(name).transpose()).collect())
}
