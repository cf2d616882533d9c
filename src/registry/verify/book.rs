//! The records of a registry as they were read: all of them, or those that are looked at again.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::finding::Finding;
use super::ledger::Ledger;
use super::look::{Held, Looker, cannot_look};
use super::mend::Mend;
use super::names::{InFlight, Names};
use crate::domain::{Claim, Evidence, Nonce, PodId, PodName, PodRecord, SessionRecord, TicketId};
use crate::fs;
use crate::registry::survey::in_handfuls;

/// What is kept of a claim or a tombstone while a registry is checked: a hundred thousand must fit.
#[derive(Debug, Clone)]
pub(super) struct Brief {
    pub ticket: TicketId,
    pub pod: PodName,
    pub pod_id: Option<PodId>,
    pub generation: u64,
    pub nonce: Nonce,
    /// The generation of the last holder before.
    pub before: Option<u64>,
    /// The earlier holders.
    pub previous: Vec<PodName>,
    /// The whole claim, where a Pod accepted it.
    pub accepted: Option<Box<Claim>>,
}

impl From<Claim> for Brief {
    fn from(claim: Claim) -> Self {
        Self {
            ticket: claim.ticket.clone(),
            pod: claim.pod.clone(),
            pod_id: claim.pod_id,
            generation: claim.generation,
            nonce: claim.nonce,
            before: claim.previous.first().map(|old| old.generation),
            previous: claim.previous.iter().map(|old| old.pod.clone()).collect(),
            accepted: (claim.evidence != Evidence::Manual && claim.pod_id.is_some()).then(|| Box::new(claim)),
        }
    }
}

/// The records, and what else lies in the registry.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// By key, as all that follow.
    pub claims: HashMap<String, Brief>,
    pub tombstones: HashMap<String, Brief>,
    pub set_aside: BTreeSet<String>,
    /// The tickets of which a record cannot be read: nothing more is said of them.
    pub unsure_tickets: HashSet<String>,
    pub sessions: HashMap<String, SessionRecord>,
    /// The Pods of which a record cannot be read.
    pub unsure_pods: HashSet<String>,
    pub pods: HashMap<String, PodRecord>,
    /// Pods that have a directory without a record.
    pub bare_pods: Vec<String>,
    pub offers: Vec<InFlight>,
    pub temporaries: Vec<InFlight>,
    /// The keys of Pods that there are or were: by a directory, a session, or a lock.
    pub pod_keys: BTreeSet<String>,
}

impl Book {
    /// Reads the records of these names; what cannot be read becomes a finding.
    pub(super) fn read(looker: &mut Looker<'_>, names: Names) -> Self {
        let mut book = Self::default();
        let dir = looker.registry.dir().to_owned();
        let claims = dir.join("claims");
        let of_claims = |looker: &Looker<'_>, keys: &[String], suffix: &str, aside: fn(&str) -> Option<Mend>| {
            in_parallel(keys, |key| {
                let path = claims.join(format!("{key}.{suffix}"));
                match looker.record(&path, key, |claim: &Claim| claim.ticket.key(), || aside(key)) {
                    Held::Record(claim) => Held::Record(Brief::from(claim)),
                    Held::Nothing => Held::Nothing,
                    Held::Wrong(finding) => Held::Wrong(finding),
                }
            })
        };
        let standing = of_claims(looker, &names.claims, "toml", |key| Some(Mend::SetAsideClaim(key.to_owned())));
        for (key, held) in names.claims.into_iter().zip(standing) {
            match held {
                Held::Nothing => {}
                Held::Record(brief) => drop(book.claims.insert(key, brief)),
                Held::Wrong(finding) => {
                    looker.found(ticket_of(*finding, &key));
                    book.unsure_tickets.insert(key);
                }
            }
        }
        let ended = of_claims(looker, &names.tombstones, "released", |_| None);
        for (key, held) in names.tombstones.into_iter().zip(ended) {
            match held {
                Held::Nothing => {}
                Held::Record(brief) => drop(book.tombstones.insert(key, brief)),
                Held::Wrong(finding) => {
                    looker.found(bad_tombstone(*finding, &key));
                    // Behind a standing claim it holds nothing back, and the next release puts a whole one in its place.
                    if !book.claims.contains_key(&key) {
                        book.unsure_tickets.insert(key);
                    }
                }
            }
        }
        book.set_aside = names.set_aside.into_iter().collect();
        book.read_sessions(looker, &names.sessions);
        book.read_pods(looker, &names.pods);
        book.pod_keys.extend(names.pod_locks);
        book.pod_keys.extend(book.sessions.keys().cloned());
        book.offers = names.offers;
        book.temporaries = names.temporaries;
        book
    }

    /// Whether there is no record at all.
    pub(super) fn is_empty(&self) -> bool {
        self.claims.is_empty() && self.tombstones.is_empty() && self.sessions.is_empty() && self.pods.is_empty()
    }

    fn read_sessions(&mut self, looker: &mut Looker<'_>, keys: &[String]) {
        let dir = looker.registry.dir().join("sessions");
        let read = in_parallel(keys, |key| {
            let path = dir.join(format!("{key}.toml"));
            let aside = || Some(Mend::SetAsideSession(key.clone()));
            looker.record(&path, key, |record: &SessionRecord| record.pod.key(), aside)
        });
        for (key, held) in keys.iter().zip(read) {
            match held {
                Held::Nothing => {}
                Held::Record(record) => drop(self.sessions.insert(key.clone(), record)),
                Held::Wrong(finding) => {
                    looker.found(finding.of_pod(key));
                    self.unsure_pods.insert(key.clone());
                }
            }
        }
    }

    fn read_pods(&mut self, looker: &mut Looker<'_>, keys: &[String]) {
        let dir = looker.registry.dir().join("pods");
        let read = in_parallel(keys, |key| {
            let path = dir.join(key).join("pod.toml");
            let aside = || Some(Mend::SetAsidePod(key.clone()));
            looker.record(&path, key, |record: &PodRecord| record.pod.key(), aside)
        });
        for (key, held) in keys.iter().zip(read) {
            self.pod_keys.insert(key.clone());
            match held {
                Held::Nothing => self.bare_pods.push(key.clone()),
                Held::Record(record) => drop(self.pods.insert(key.clone(), record)),
                Held::Wrong(finding) => {
                    looker.found(finding.of_pod(key));
                    self.unsure_pods.insert(key.clone());
                }
            }
        }
    }
}

/// Reads the journal; where that fails, relations to it are not judged.
pub(super) fn ledger(looker: &mut Looker<'_>) -> Option<Ledger> {
    let path = looker.registry.journal_path();
    match fs::look(&path) {
        Ok(None) => {}
        Ok(Some(look)) => {
            if let Some(finding) = looker.judge(&path, &look, fs::Kind::File) {
                looker.found(finding);
                return None;
            }
        }
        Err(error) => {
            looker.found(cannot_look(&error));
            return None;
        }
    }
    Ledger::read(&path).map_err(|error| looker.found(cannot_look(&error))).ok()
}

/// The ticket of a tombstone that cannot be read counts as held, until a person reclaims it.
fn bad_tombstone(finding: Finding, key: &str) -> Finding {
    match TicketId::of_key(key) {
        Some(ticket) if finding.code.is_of_content() => finding.explained_by_why(&ticket).of_ticket(ticket),
        _ => ticket_of(finding, key),
    }
}

fn ticket_of(finding: Finding, key: &str) -> Finding {
    match TicketId::of_key(key) {
        Some(ticket) => finding.of_ticket(ticket),
        None => finding,
    }
}

/// Does the same for each of many keys, on several threads where that is worth it; results are in the order of the keys.
fn in_parallel<R: Send>(keys: &[String], work: impl Fn(&String) -> R + Sync) -> Vec<R> {
    in_handfuls(keys, |keys| keys.iter().map(&work).collect())
}
