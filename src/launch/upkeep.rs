//! Mending and tidying up a registry, with what only the rooms of Pods and tickets know: cgroups, closed tickets.

use std::path::PathBuf;

use crate::domain::{ClaimStatus, Expect, PodRecord, TicketId, chain};
use crate::fs::{PathError, Wait, WaitError};
use crate::pod::cgroup::{empty_leftover_cgroup, kill_leftover_cgroup, remove_empty_cgroup};
use crate::registry::{
    ChangeError, NetworkPolicy, OpenError, Registry, ReleasedBy, Repair, Repaired, Restorable, Writer,
};
use crate::ticket::{State, Tickets};

/// What the journal says of a claim that was released because its ticket is closed.
const CLOSED: &str = "gc: the ticket is closed";

/// A registry that is to be mended or tidied up.
pub struct Upkeep<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// Judges whether stopped Pods can be restored.
    pub restorable: &'a dyn Restorable,
    /// Who mends.
    pub writer: &'a Writer,
    /// Whether it may lie on a network.
    pub network: NetworkPolicy,
}

/// Whether what is found is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is only told.
    DryRun,
    /// It is removed.
    Done,
}

/// Something that was dead and is removed, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// What it was, in a word.
    pub what: &'static str,
    /// The ticket that it concerned.
    pub ticket: Option<String>,
    /// The Pod that it concerned.
    pub pod: Option<String>,
    /// Where it lay.
    pub path: PathBuf,
}

/// What was removed, and what could not be, in words.
#[derive(Debug, Default)]
pub struct Collection {
    /// What was removed.
    pub removed: Vec<Collected>,
    /// What could not be removed, and why.
    pub failed: Vec<String>,
}

impl Upkeep<'_> {
    /// Mends what is provably safe to mend.
    ///
    /// # Errors
    /// When the registry cannot be written to.
    pub fn repair(&self) -> Result<Repaired, OpenError> {
        self.registry.repair(&self.by(&end_leftovers))
    }

    /// Removes what is provably dead; with `closed`, also the claims of those of these tickets that are closed and whose
    /// Pod is not live.
    ///
    /// # Errors
    /// When the registry cannot be written to.
    pub fn collect(&self, closed: Option<&Tickets>, removal: Removal) -> Result<Collection, OpenError> {
        let mut collection = Collection::default();
        // What becomes of a Pod that nobody claims any more is seen in the same run.
        if let Some(tickets) = closed {
            if removal == Removal::Done {
                self.registry.check_writable(self.network)?;
            }
            self.release_closed(tickets, removal, &mut collection);
        }
        let dead = match removal {
            Removal::DryRun => self.registry.dead(self.restorable),
            Removal::Done => {
                let swept = self.registry.sweep(&self.by(&end_leftovers))?;
                collection.failed.extend(swept.failed.iter().map(|error| chain(error)));
                swept.removed
            }
        };
        collection.removed.extend(dead.into_iter().map(|finding| Collected {
            what: finding.code.as_str(),
            ticket: finding.ticket,
            pod: finding.pod,
            path: finding.path,
        }));
        self.remove_cgroups(removal, &mut collection);
        Ok(collection)
    }

    fn by<'a>(&'a self, end_leftovers: &'a dyn Fn(&PodRecord)) -> Repair<'a> {
        Repair { restorable: self.restorable, writer: self.writer, network: self.network, end_leftovers }
    }

    fn release_closed(&self, tickets: &Tickets, removal: Removal, collection: &mut Collection) {
        let listed = match tickets.list() {
            Ok(listed) => listed,
            Err(error) => return collection.failed.push(chain(&error)),
        };
        let closed =
            listed.into_iter().filter_map(|listed| listed.summary.ok()).filter(|one| one.state == State::Closed);
        for ticket in closed.map(|summary| summary.id) {
            match self.release_one(&ticket, removal) {
                Ok(released) => collection.removed.extend(released),
                Err(error) => collection.failed.push(error),
            }
        }
    }

    /// Releases the claim of one closed ticket; one whose Pod is live, or of which that is not known, is left alone.
    fn release_one(&self, ticket: &TicketId, removal: Removal) -> Result<Option<Collected>, String> {
        let Some(view) = self.registry.view_claim(ticket, self.restorable) else { return Ok(None) };
        let (ClaimStatus::Restorable | ClaimStatus::Stale, Some(claim)) = (view.status, view.claim) else {
            return Ok(None);
        };
        if removal == Removal::Done {
            let lock = match self.registry.lock_ticket(ticket, "gc", self.writer, Wait::No) {
                Ok(lock) => lock,
                Err(WaitError::Held { .. }) => return Ok(None),
                Err(error) => return Err(chain(&error)),
            };
            match self.registry.release(&lock, Expect::from(&claim), ReleasedBy::Other, CLOSED, self.writer) {
                Ok(_) => {}
                // It is not what was seen a moment ago: somebody else is at work on it.
                Err(
                    ChangeError::HolderLive { .. }
                    | ChangeError::NotFound { .. }
                    | ChangeError::Expectation { .. }
                    | ChangeError::Lost { .. }
                    | ChangeError::Busy { .. },
                ) => return Ok(None),
                Err(error) => return Err(chain(&error)),
            }
        }
        Ok(Some(Collected {
            what: "closed-ticket",
            ticket: Some(ticket.to_string()),
            pod: Some(claim.pod.to_string()),
            path: self.registry.claim_path(ticket),
        }))
    }

    /// Removes the cgroups of stopped Pods that were left behind and are empty.
    fn remove_cgroups(&self, removal: Removal, collection: &mut Collection) {
        for record in self.registry.pods().unwrap_or_default().into_iter().flatten() {
            let leftover = || record.cgroup.as_deref().and_then(empty_leftover_cgroup);
            if leftover().is_none() {
                continue;
            }
            let removed = || -> Result<Option<PathBuf>, PathError> {
                // Whoever starts the Pod makes its cgroup anew, with this lock held.
                let Some(_lock) = self.registry.try_lock_pod(&record.pod)? else { return Ok(None) };
                let Some(path) = leftover() else { return Ok(None) };
                match remove_empty_cgroup(&path) {
                    Ok(()) => Ok(Some(path)),
                    Err(source) => Err(PathError { doing: "remove", path, source }),
                }
            };
            let seen = match removal {
                Removal::Done => removed(),
                Removal::DryRun => self.registry.pod_lives(&record.pod).map(|lives| leftover().filter(|_| !lives)),
            };
            match seen {
                Ok(path) => collection.removed.extend(path.map(|path| Collected {
                    what: "empty-cgroup",
                    ticket: None,
                    pod: Some(record.pod.to_string()),
                    path,
                })),
                Err(error) => collection.failed.push(chain(&error)),
            }
        }
    }
}

/// Ends what is left of a Pod whose processes were all killed.
fn end_leftovers(record: &PodRecord) {
    if let Some(cgroup) = &record.cgroup {
        kill_leftover_cgroup(cgroup);
    }
}
