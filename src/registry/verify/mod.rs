//! Checking everything: each record, lock, temporary, directory, socket and line of the journal, and what must hold
//! between them.
//!
//! # Looking
//! Takes no locks and writes nothing. What is only in motion is no finding: a record is put in place whole, so what a
//! file holds is judged as it is read, but what must hold *between* files is judged by the rule "read, ask the locks,
//! read again": a finding is told only where it was seen, the lock of whoever could be at work on it was free *after*
//! that, and it is seen again, of the same claim or file, after that. Whoever had made what was seen first held the lock
//! then, and has ended since; so what it left out will not come.
//!
//! # Mending
//! [`Registry::repair`] does what is provably safe, [`Registry::sweep`] removes what is provably dead, each under the
//! lock of exactly that, where it looks once more. Nothing that cannot be read is deleted: it is set aside. What a newer
//! version wrote is never touched.

mod book;
mod finding;
mod ledger;
mod look;
mod mend;
mod names;
mod relations;
mod repair;

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use self::book::Book;
use self::finding::Guard;
use self::ledger::Ledger;
use self::look::{Held, Looker};
use self::mend::Mend;
use self::names::{InFlight, Names};
use self::relations::Relations;
use super::open::WorkspaceRecord;
use super::{Registry, Restorable};
use crate::domain::{key_of, path_from_text};
use crate::fs::{self, Kind, LockState};

pub use finding::{Code, Finding};
pub use mend::{MendError, NotMended};
pub use repair::{Repair, Repaired, Swept};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// What is wrong, by path.
    pub all: Vec<Finding>,
}

impl Findings {
    /// Whether something could not be looked at, so that there may be more.
    pub fn is_incomplete(&self) -> bool {
        self.all.iter().any(|finding| finding.code == Code::CannotLook)
    }
}

impl Registry {
    /// Checks everything; a registry that is not there has nothing wrong with it.
    pub fn verify(&self, restorable: &dyn Restorable) -> Findings {
        let (mut looker, usable) = Looker::begin(self);
        if !usable {
            return sorted(looker.findings);
        }
        looker.surroundings();
        let names = Names::list(&mut looker);
        let book = Book::read(&mut looker, names);
        let mut ledger = book::ledger(&mut looker);
        // Looked at last: it is there before any record is.
        looker.workspace_record(!book.is_empty());
        let relations = |book: &Book, ledger: Option<&Ledger>, tickets: Option<&BTreeSet<String>>| {
            let relations = Relations { registry: self, restorable, book, ledger, tickets, findings: Vec::new() };
            let mut found = relations.judge();
            found.extend(relations::sockets(self, book));
            found
        };
        looker.findings.extend(relations(&book, ledger.as_ref(), None));
        let (suspected, mut certain): (Vec<Finding>, _) =
            looker.findings.into_iter().partition(|finding| finding.is_in_question());
        let suspected = self.not_in_motion(suspected);
        if suspected.is_empty() {
            return sorted(certain);
        }
        // Only now, after the locks were asked, is what they protect read again.
        if let Some(ledger) = &mut ledger
            && let Err(error) = ledger.refresh()
        {
            certain.push(look::cannot_look(&error));
        }
        let mut again = Looker { registry: self, owner: looker.owner, findings: Vec::new() };
        let names = self.names_again(&suspected, &book);
        let tickets = names.claims.iter().cloned().collect();
        let book = Book::read(&mut again, names);
        again.workspace_record(!book.is_empty());
        again.findings.extend(relations(&book, ledger.as_ref(), Some(&tickets)));
        let seen_again: HashSet<_> = again.findings.iter().map(Finding::identity).collect();
        certain.extend(suspected.into_iter().filter(|finding| seen_again.contains(&finding.identity())));
        sorted(certain)
    }

    /// Asks the locks: what somebody may be at work on is dropped.
    fn not_in_motion(&self, suspected: Vec<Finding>) -> Vec<Finding> {
        let guards: HashSet<Guard> = suspected.iter().flat_map(|finding| finding.guards.iter().cloned()).collect();
        let needs_flocks = guards.iter().any(|guard| matches!(guard, Guard::Flock(_)));
        let flocked = if needs_flocks { fs::flocked() } else { Some(HashSet::new()) };
        let free: HashSet<&Guard> = guards.iter().filter(|guard| self.is_free(guard, flocked.as_ref())).collect();
        suspected.into_iter().filter(|finding| finding.guards.iter().all(|guard| free.contains(guard))).collect()
    }

    /// Whether a lock is certainly free; one that cannot be asked about is a finding of its own.
    fn is_free(&self, guard: &Guard, flocked: Option<&HashSet<u64>>) -> bool {
        let probed = match guard {
            Guard::Ticket(key) => fs::probe(&self.dir().join("locks/tickets").join(key)),
            Guard::Pod(key) => fs::probe(&self.dir().join("locks/pods").join(key)),
            Guard::Mark(path) => fs::mark_of(path),
            Guard::Flock(path) => {
                return match (fs::look(path), flocked) {
                    (Ok(None), _) => true,
                    (Ok(Some(look)), Some(flocked)) => !flocked.contains(&look.identity.1),
                    _ => false,
                };
            }
        };
        matches!(probed, Ok(LockState::Free))
    }

    /// What is read again to see some findings again.
    fn names_again(&self, suspected: &[Finding], before: &Book) -> Names {
        let (mut tickets, mut pods) = (BTreeSet::new(), BTreeSet::new());
        for finding in suspected {
            for guard in &finding.guards {
                match guard {
                    Guard::Ticket(key) => drop(tickets.insert(key.clone())),
                    Guard::Pod(key) => drop(pods.insert(key.clone())),
                    Guard::Flock(_) | Guard::Mark(_) => {}
                }
            }
            pods.extend(finding.pod.iter().map(|pod| key_of(pod.as_bytes())));
        }
        pods.extend(tickets.iter().filter_map(|key| before.claims.get(key)).map(|claim| claim.pod.key()));
        let is_there =
            |path: PathBuf, kind| fs::look(&path).is_ok_and(|look| look.is_some_and(|look| look.kind == kind));
        let of_pods = |key: &&String| is_there(self.dir().join("pods").join(key), Kind::Directory);
        let set_aside = |key: &&String| {
            fs::look(&self.claims_dir().join(format!("{key}.unreadable"))).is_ok_and(|look| look.is_some())
        };
        let paths: HashSet<&PathBuf> = suspected.iter().map(|finding| &finding.path).collect();
        let again = |found: &[InFlight]| {
            let suspected = found.iter().filter(|found| paths.contains(&found.path));
            let same = |found: &&InFlight| {
                fs::look(&found.path).is_ok_and(|look| look.is_some_and(|look| look.identity == found.identity))
            };
            suspected.filter(same).cloned().collect()
        };
        Names {
            set_aside: tickets.iter().filter(set_aside).cloned().collect(),
            claims: tickets.iter().cloned().collect(),
            tombstones: tickets.into_iter().collect(),
            pods: pods.iter().filter(of_pods).cloned().collect(),
            pod_locks: pods.iter().cloned().collect(),
            sessions: pods.into_iter().collect(),
            offers: again(&before.offers),
            temporaries: again(&before.temporaries),
        }
    }
}

impl Looker<'_> {
    /// Checks the directories that the registry lies in, and those of the sockets.
    fn surroundings(&mut self) {
        let registry = self.registry;
        for dir in [registry.data(), &registry.data().join("workspaces"), registry.runtime()] {
            let found = self.look(dir).and_then(|look| self.judge(dir, &look, Kind::Directory));
            // Data and runtime root may be directories that the user made for more than this.
            match found {
                None => {}
                Some(finding) if finding.code == Code::ReadableByOthers => {}
                Some(finding) if finding.code == Code::WritableByOthers => {
                    self.found(finding.mended_by(Mend::Restrict { away: 0o022 }));
                }
                Some(finding) => self.found(finding),
            }
        }
    }

    /// Checks the registry's own record; it may be missing only while nothing else is there.
    fn workspace_record(&mut self, is_needed: bool) {
        let registry = self.registry;
        let path = registry.dir().join("workspace.toml");
        let root = registry.key_root_text();
        let aside = || Some(Mend::SetAsideWorkspace);
        let finding = match self.record(&path, &root, |record: &WorkspaceRecord| record.root.clone(), aside) {
            Held::Record(record) => match record.newer() {
                Some(error) => Finding::new(Code::NewerVersion, path, format!("it {error}")),
                None => return,
            },
            Held::Nothing if is_needed => {
                Finding::new(Code::NoWorkspaceRecord, path, "it is missing").mended_by(Mend::WriteWorkspace)
            }
            Held::Nothing => return,
            Held::Wrong(finding) if matches!(finding.code, Code::OtherName | Code::CaseTwin) => {
                self.other_workspace(path, &finding)
            }
            Held::Wrong(finding) => *finding,
        };
        self.found(finding);
    }
}

impl Looker<'_> {
    /// A registry that names another root: taking it over was not finished, or it was copied by hand.
    fn other_workspace(&self, path: PathBuf, wrong: &Finding) -> Finding {
        let what = wrong.what.replace("holds the record of", "says that it is the registry of");
        let record = WorkspaceRecord::read(self.registry.dir()).ok().flatten();
        let gone = record.map(|record| path_from_text(&record.root)).filter(|root| matches!(fs::look(root), Ok(None)));
        let words = match gone {
            Some(root) => ["yoi-claim".into(), "workspace-adopt".into(), root.into_os_string()].to_vec(),
            None => ["vi".into(), path.clone().into_os_string()].to_vec(),
        };
        // Whoever takes it over is at work for as long as this is held.
        let guard = Guard::Flock(self.registry.workspaces_dir());
        Finding::new(Code::OtherWorkspace, path, what).unless_held([guard]).remedied_by(words)
    }
}

fn sorted(mut findings: Vec<Finding>) -> Findings {
    findings.sort_by(|a, b| (&a.path, a.code, &a.mark).cmp(&(&b.path, b.code, &b.mark)));
    findings.dedup_by(|a, b| a.identity() == b.identity());
    Findings { all: findings }
}
