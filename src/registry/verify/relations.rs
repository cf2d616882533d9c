//! What must hold between records, and between a record and what lies beside it.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use super::book::{Book, Brief};
use super::finding::{Code, Finding, Guard};
use super::ledger::{Known, Ledger};
use super::mend::Mend;
use super::names::{InFlight, Owner};
use crate::domain::{ClaimStatus, Expect, MAX_PREVIOUS, PodName, PodRecord, SessionRecord, TicketId};
use crate::fs::{self, Kind};
use crate::registry::{Registry, Restorable};

/// What the relations are judged by.
pub(super) struct Relations<'a> {
    pub registry: &'a Registry,
    pub restorable: &'a dyn Restorable,
    pub book: &'a Book,
    /// The journal; `None` where it cannot be read.
    pub ledger: Option<&'a Ledger>,
    /// The keys of the tickets that are looked at; `None` for all.
    pub tickets: Option<&'a BTreeSet<String>>,
    pub findings: Vec<Finding>,
}

impl Relations<'_> {
    /// Judges everything.
    pub(super) fn judge(mut self) -> Vec<Finding> {
        let (book, ledger) = (self.book, self.ledger);
        for (key, claim) in &book.claims {
            self.claim(key, claim);
        }
        for (key, tombstone) in &book.tombstones {
            if !book.claims.contains_key(key) && !book.unsure_tickets.contains(key) {
                self.tombstone(key, tombstone);
            }
        }
        for key in &book.set_aside {
            self.set_aside(key);
        }
        for (ticket, known) in ledger.into_iter().flat_map(|ledger| &ledger.of) {
            self.known_by_the_journal_alone(ticket, known);
        }
        for (key, session) in &book.sessions {
            self.session(key, session);
        }
        for (key, record) in &book.pods {
            self.pod(key, record);
        }
        for key in &book.bare_pods {
            let what = "it has no pod.toml";
            self.nobodys_pod(key, None, what, Vec::new(), "");
        }
        for found in &book.offers {
            self.offer(found);
        }
        for found in &book.temporaries {
            self.temporary(found);
        }
        if let Some(ledger) = ledger {
            self.journal(ledger);
        }
        self.findings
    }

    fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    fn claim_path(&self, key: &str, suffix: &str) -> PathBuf {
        self.registry.claims_dir().join(format!("{key}.{suffix}"))
    }

    fn claim(&mut self, key: &str, claim: &Brief) {
        let about = |code, path: PathBuf, what: String| {
            let fence = Expect { generation: claim.generation, nonce: Some(claim.nonce) };
            let finding = Finding::new(code, path, what).of_ticket(&claim.ticket).of_pod(&claim.pod);
            finding.marked(fence).unless_held([Guard::Ticket(key.to_owned())])
        };
        let path = self.claim_path(key, "toml");
        let before = self.book.tombstones.get(key).map(|old| old.generation).max(claim.before);
        if let Some(before) = before.filter(|before| *before >= claim.generation) {
            let what = format!("its generation is {}, and that of the claim before it is {before}", claim.generation);
            self.found(about(Code::GenerationBackwards, path.clone(), what).explained_by_why(&claim.ticket));
        }
        if let Some(ledger) = self.ledger {
            match ledger.of.get(claim.ticket.as_str()) {
                Some(known) if known.generation > claim.generation => {
                    let what = format!(
                        "its generation is {}, and the journal knows {} of this ticket",
                        claim.generation, known.generation
                    );
                    self.found(about(Code::GenerationBehind, path.clone(), what).explained_by_why(&claim.ticket));
                }
                Some(known) if known.generation == claim.generation && known.is_another(claim) => {
                    let what = format!("the journal knows another claim of generation {}", claim.generation);
                    self.found(about(Code::GenerationReused, path.clone(), what).explained_by_why(&claim.ticket));
                }
                Some(known) if known.generation == claim.generation && known.nonce.is_some() => {}
                _ => {
                    let what = format!("the journal does not know this claim (generation {})", claim.generation);
                    let finding = about(Code::JournalLacksClaim, path.clone(), what);
                    self.found(finding.mended_by(Mend::LogClaim(claim.ticket.clone())));
                }
            }
        }
        let Some(accepted) = &claim.accepted else { return };
        let pod_key = claim.pod.key();
        let record = self.book.pods.get(&pod_key);
        let (status, reason) = self.registry.judge(accepted, self.restorable);
        if status == ClaimStatus::Stale {
            let is_another = record.is_some_and(|record| Some(record.pod_id) != claim.pod_id);
            let code = if is_another { Code::OtherPod } else { Code::StaleClaim };
            return self.found(about(code, path, reason).explained_by_why(&claim.ticket));
        }
        let is_known = |session: &SessionRecord| {
            session.pod_id.is_none_or(|id| Some(id) == claim.pod_id) && session.related_tickets.contains(&claim.ticket)
        };
        if self.book.unsure_pods.contains(&pod_key) || self.book.sessions.get(&pod_key).is_some_and(is_known) {
            return;
        }
        let path = self.registry.session_path(&claim.pod);
        let what = format!("no session record relates Pod {} to ticket {}", claim.pod, claim.ticket);
        self.found(about(Code::SessionMissing, path, what).mended_by(Mend::RecordSession(claim.ticket.clone())));
    }

    fn tombstone(&mut self, key: &str, tombstone: &Brief) {
        let Some(ledger) = self.ledger else { return };
        let ticket = &tombstone.ticket;
        let about = |code, what: String| {
            let fence = Expect { generation: tombstone.generation, nonce: Some(tombstone.nonce) };
            let finding = Finding::new(code, self.claim_path(key, "released"), what).of_ticket(ticket);
            finding.marked(fence).unless_held([Guard::Ticket(key.to_owned())])
        };
        let finding = match ledger.of.get(ticket.as_str()) {
            Some(known) if known.generation > tombstone.generation => {
                let what = format!(
                    "its generation is {}, and the journal knows {} of this ticket",
                    tombstone.generation, known.generation
                );
                raised(about(Code::GenerationBehind, what), known, ticket)
            }
            Some(known) if known.generation == tombstone.generation && known.is_another(tombstone) => {
                let what = format!("the journal knows another claim of generation {}", tombstone.generation);
                about(Code::GenerationReused, what).explained_by_why(ticket)
            }
            Some(known) if known.generation == tombstone.generation && known.ended => return,
            _ => {
                let what =
                    format!("the journal does not know that this claim (generation {}) ended", tombstone.generation);
                about(Code::JournalLacksRelease, what).mended_by(Mend::LogRelease(ticket.clone()))
            }
        };
        self.found(finding);
    }

    fn set_aside(&mut self, key: &str) {
        let path = self.claim_path(key, "unreadable");
        let mut finding = Finding::new(Code::SetAsideClaim, path, "it could not be read, and was set aside");
        if let Some(ticket) = self.registry.ticket_of_key(key) {
            finding = finding.explained_by_why(&ticket).of_ticket(ticket);
        }
        self.found(finding);
    }

    /// A ticket of which there is neither a claim nor a tombstone, though there was one.
    fn known_by_the_journal_alone(&mut self, ticket: &str, known: &Known) {
        let Ok(ticket) = TicketId::new(ticket) else { return };
        let (book, key) = (self.book, ticket.key());
        if self.tickets.is_some_and(|tickets| !tickets.contains(&key)) {
            return;
        }
        let is_there = book.claims.contains_key(&key) || book.tombstones.contains_key(&key);
        if is_there || book.unsure_tickets.contains(&key) || book.set_aside.contains(&key) {
            return;
        }
        let path = self.claim_path(&key, "released");
        let what = format!("it is missing, and the journal knows generation {} of this ticket", known.generation);
        let finding = Finding::new(Code::GenerationBehind, path, what).marked(known.generation);
        let finding = finding.of_ticket(&ticket).unless_held([Guard::Ticket(key)]);
        self.found(raised(finding, known, &ticket));
    }

    fn session(&mut self, key: &str, session: &SessionRecord) {
        for ticket in &session.related_tickets {
            let ticket_key = ticket.key();
            let Some(claim) = self.book.claims.get(&ticket_key) else { continue };
            let held_it = claim.pod == session.pod
                || claim.previous.contains(&session.pod)
                || claim.previous.len() >= MAX_PREVIOUS
                || self.book.tombstones.get(&ticket_key).is_some_and(|old| old.pod == session.pod);
            if held_it {
                continue;
            }
            let path = self.registry.dir().join("sessions").join(format!("{key}.toml"));
            let what = format!("it relates Pod {} to ticket {ticket}, which Pod {} holds", session.pod, claim.pod);
            let finding = Finding::new(Code::SessionOfAnother, &path, what).of_ticket(ticket).of_pod(&session.pod);
            let finding = finding.marked(format_args!("{ticket} {}", claim.nonce));
            let finding = finding.unless_held([Guard::Ticket(ticket_key)]);
            self.found(finding.remedied_by(["vi".into(), path.into_os_string()]));
        }
    }

    fn pod(&mut self, key: &str, record: &PodRecord) {
        let dir = self.registry.pod_dir(&record.pod);
        let mut guards = Vec::new();
        let mut unsure = self.book.unsure_pods.contains(key);
        let mut claimed = false;
        if let Some(ticket) = &record.ticket {
            let ticket_key = ticket.key();
            let claim = self.book.claims.get(&ticket_key);
            claimed = claim.is_some_and(|claim| claim.pod_id == Some(record.pod_id));
            unsure |= self.book.unsure_tickets.contains(&ticket_key) || self.book.set_aside.contains(&ticket_key);
            guards.push(Guard::Ticket(ticket_key));
        }
        let session = self.book.sessions.get(key);
        let recorded = session.is_some_and(|session| session.pod_id == Some(record.pod_id));
        if record.confirmed_at.is_none() && !claimed && !recorded {
            if !unsure {
                let what = "its launch was never confirmed, and neither claim nor session record names it";
                // Its launcher has the log open until it has tidied up.
                guards.push(Guard::Mark(dir.join("host.log")));
                self.nobodys_pod(key, Some(&record.pod), what, guards, record.pod_id);
            }
            return;
        }
        let history = dir.join("history.jsonl");
        if matches!(fs::look(&history), Ok(None)) {
            let what = format!("Pod {} has no history", record.pod);
            let finding = Finding::new(Code::NoHistory, history, what).of_pod(&record.pod).marked(record.pod_id);
            self.found(finding.unless_held([Guard::Pod(key.to_owned())]).explained_by_why(&record.pod));
        }
    }

    fn nobodys_pod(
        &mut self,
        key: &str,
        name: Option<&PodName>,
        what: &str,
        mut guards: Vec<Guard>,
        mark: impl std::fmt::Display,
    ) {
        guards.push(Guard::Pod(key.to_owned()));
        let mut finding = Finding::new(Code::NobodysPod, self.registry.dir().join("pods").join(key), what);
        if let Some(name) = name.cloned().or_else(|| PodName::of_key(key)) {
            finding = finding.of_pod(name);
        }
        self.found(finding.unless_held(guards).marked(mark).mended_by(Mend::SweepPod(key.to_owned())));
    }

    fn offer(&mut self, found: &InFlight) {
        let finding = match &found.owner {
            Owner::Ticket(key) if self.is_claim(key, found) => self.second_link(key, found),
            Owner::Ticket(key) => {
                let what = "it was never committed, and nobody holds the ticket lock";
                let finding = Finding::new(Code::AbandonedOffer, &found.path, what);
                finding.unless_held([Guard::Ticket(key.clone())]).mended_by(Mend::SweepTicket(key.clone()))
            }
            Owner::Pod(key) => {
                let what = "it was never recorded, and nobody holds the lock of its Pod";
                let finding = Finding::new(Code::AbandonedOffer, &found.path, what);
                finding.unless_held([Guard::Pod(key.clone())]).mended_by(Mend::SweepPodFiles(key.clone()))
            }
            Owner::Sessions | Owner::Registry | Owner::Opener(_) => return,
        };
        self.found(finding.marked(format_args!("{:?}", found.identity)));
    }

    fn temporary(&mut self, found: &InFlight) {
        let dir = self.registry.dir();
        let leftover = |whose: &str| {
            let what = format!("it was on its way into place, and {whose}");
            Finding::new(Code::LeftoverTemporary, &found.path, what)
        };
        let finding = match &found.owner {
            Owner::Ticket(key) => {
                let fence = Guard::Flock(dir.join("locks/tickets").join(key));
                let finding = if self.is_claim(key, found) {
                    self.second_link(key, found)
                } else {
                    let guard = Guard::Ticket(key.clone());
                    leftover("nobody changes the claim").unless_held([guard]).mended_by(Mend::SweepTicket(key.clone()))
                };
                finding.unless_held([fence])
            }
            Owner::Pod(key) => {
                let finding = leftover("nobody holds the lock of its Pod").unless_held([Guard::Pod(key.clone())]);
                finding.mended_by(Mend::SweepPodFiles(key.clone()))
            }
            Owner::Sessions => {
                let guard = Guard::Flock(self.registry.sessions_lock_path());
                leftover("nobody changes the session index").unless_held([guard]).mended_by(Mend::SweepSessions)
            }
            Owner::Registry => {
                let guards = [Guard::Flock(dir.to_owned()), Guard::Flock(self.registry.workspaces_dir())];
                leftover("nobody makes the registry").unless_held(guards).mended_by(Mend::SweepRegistry)
            }
            Owner::Opener(key) => {
                let guards = [Guard::Mark(found.path.clone()), Guard::Pod(key.clone())];
                leftover("nobody has it open").unless_held(guards).mended_by(Mend::RemoveLog)
            }
        };
        self.found(finding.marked(format_args!("{:?}", found.identity)));
    }

    fn is_claim(&self, key: &str, found: &InFlight) -> bool {
        let claim = fs::look(&self.claim_path(key, "toml"));
        claim.is_ok_and(|claim| claim.is_some_and(|claim| claim.identity == found.identity))
    }

    fn second_link(&self, key: &str, found: &InFlight) -> Finding {
        let what = format!("it is also {}", self.claim_path(key, "toml").display());
        let finding = Finding::new(Code::SecondLink, &found.path, what);
        finding.unless_held([Guard::Ticket(key.to_owned())]).mended_by(Mend::SweepTicket(key.to_owned()))
    }

    fn journal(&mut self, ledger: &Ledger) {
        let path = self.registry.journal_path();
        for line in ledger.unreadable.iter().filter(|line| !ledger.kept.contains(line)) {
            let finding = Finding::new(Code::JournalLine, &path, format!("line {line} cannot be read"));
            self.found(finding.marked(line).mended_by(Mend::KeepLine(*line)));
        }
        if let Some(torn) = ledger.torn {
            let what = format!("its last line, {torn}, has no end");
            // Appending takes no lock. A line on its way is whole when it is looked at again.
            let finding = Finding::new(Code::TornJournal, path, what).marked(torn);
            self.found(finding.seen_twice().mended_by(Mend::EndTornLine));
        }
    }
}

/// Sockets of this registry's Pods at which nobody listens.
pub(super) fn sockets(registry: &Registry, book: &Book) -> Vec<Finding> {
    let runtime = registry.runtime();
    let is_directory = fs::look(runtime).is_ok_and(|look| look.is_some_and(|look| look.kind == Kind::Directory));
    let names = if is_directory { fs::entries(runtime).unwrap_or_default() } else { Vec::new() };
    if names.is_empty() {
        return Vec::new();
    }
    let pods = book.pod_keys.iter().filter_map(|key| {
        let recorded = book.pods.get(key).map(|record| record.pod.clone());
        let pod = recorded.or_else(|| book.sessions.get(key).map(|session| session.pod.clone()));
        pod.or_else(|| PodName::of_key(key)).or_else(|| registry.pod_of_key(key))
    });
    let by_path: HashMap<PathBuf, PodName> = pods.map(|pod| (registry.socket_path(&pod), pod)).collect();
    let mut findings = Vec::new();
    for path in names.into_iter().map(|name| runtime.join(name)) {
        // The runtime directory is of all workspaces: what is none of ours is somebody else's.
        let Some(pod) = by_path.get(&path) else { continue };
        let Ok(Some(look)) = fs::look(&path) else { continue };
        let about = |code, what: String| {
            Finding::new(code, &path, what).of_pod(pod).marked(format_args!("{:?}", look.identity))
        };
        findings.push(if look.kind == Kind::Socket {
            let what = format!("nothing of Pod {pod} lives, so nobody listens there");
            let finding = about(Code::DeadSocket, what).unless_held([Guard::Pod(pod.key())]);
            finding.mended_by(Mend::RemoveSocket(pod.key()))
        } else {
            let what = format!("it is {}, in the place of the socket of Pod {pod}", look.kind.words());
            about(Code::UnknownFile, what).moved_away(registry)
        });
    }
    findings
}

/// A tombstone needs a Pod and its role, which the journal tells of every claim that yoi made.
fn raised(finding: Finding, known: &Known, ticket: &TicketId) -> Finding {
    if known.pod.is_some() && known.role.is_some() && i64::try_from(known.generation).is_ok() {
        return finding.mended_by(Mend::RaiseTombstone(ticket.clone()));
    }
    finding.explained_by_why(ticket)
}

impl Known {
    /// Whether it is surely another claim than this one, of the same generation.
    fn is_another(&self, claim: &Brief) -> bool {
        self.nonce.is_some_and(|nonce| nonce != claim.nonce)
    }
}
