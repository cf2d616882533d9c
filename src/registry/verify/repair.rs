//! `--repair` and `gc`: checking and mending in turns, until nothing is left that can be mended.

use std::collections::HashSet;
use std::path::PathBuf;

use super::mend::Mender;
use super::{Finding, Findings, NotMended};
use crate::domain::{PodName, PodRecord, TicketId};
use crate::registry::{JournalEntry, NetworkPolicy, OpenError, Registry, Restorable, Writer};

/// How often is checked again: what is mended may show what was hidden behind it.
const PASSES: usize = 4;

/// How a registry is mended.
pub struct Repair<'a> {
    /// Judges whether stopped Pods can be restored.
    pub restorable: &'a dyn Restorable,
    /// Who mends.
    pub writer: &'a Writer,
    /// Whether it may lie on a network.
    pub network: NetworkPolicy,
    /// Ends what is left of a Pod that is about to be removed: given its record, with its lock held.
    pub end_leftovers: &'a dyn Fn(&PodRecord),
}

/// What was mended.
#[derive(Debug, Default)]
pub struct Repaired {
    /// What was wrong, and what was done about it, in words.
    pub done: Vec<(Finding, String)>,
    /// What could not be mended.
    pub failed: Vec<NotMended>,
    /// What is still wrong.
    pub left: Findings,
}

/// What was removed, or would be.
#[derive(Debug, Default)]
pub struct Swept {
    /// What was found dead, and is gone.
    pub removed: Vec<Finding>,
    /// What could not be removed.
    pub failed: Vec<NotMended>,
}

impl Registry {
    /// Mends what is provably safe to mend; a registry that is not there is left alone.
    ///
    /// # Errors
    /// When the registry cannot be written to: it is of a newer version, another's, or on a network.
    pub fn repair(&self, repair: &Repair<'_>) -> Result<Repaired, OpenError> {
        let mut repaired = Repaired { left: self.verify(repair.restorable), ..Repaired::default() };
        self.check_writable(repair.network)?;
        let mut mender = Mender::new(self, repair.writer, repair.network, repair.end_leftovers);
        let mut tried: HashSet<Tried> = HashSet::new();
        for _ in 0..PASSES {
            let mut mendable: Vec<Finding> =
                repaired.left.all.iter().filter(|f| is_new(f, &mut tried)).cloned().collect();
            if mendable.is_empty() {
                break;
            }
            mendable.sort_by_key(|finding| finding.mend.as_ref().map(super::mend::Mend::rank));
            for finding in mendable {
                match mender.mend(&finding) {
                    Ok(Some(done)) => {
                        self.tell("repair", &finding, &done, repair.writer);
                        repaired.done.push((finding, done));
                    }
                    Ok(None) => {}
                    Err(failed) => repaired.failed.push(failed),
                }
            }
            repaired.left = self.verify(repair.restorable);
        }
        Ok(repaired)
    }

    /// What is provably dead, and would be removed by [`Self::sweep`].
    pub fn dead(&self, restorable: &dyn Restorable) -> Vec<Finding> {
        let all = self.verify(restorable).all;
        all.into_iter().filter(Finding::is_dead).collect()
    }

    /// Removes what is provably dead; a registry that is not there is left alone.
    ///
    /// # Errors
    /// The same as those of [`Self::repair`].
    pub fn sweep(&self, repair: &Repair<'_>) -> Result<Swept, OpenError> {
        let mut swept = Swept::default();
        self.check_writable(repair.network)?;
        let mut mender = Mender::new(self, repair.writer, repair.network, repair.end_leftovers);
        let mut tried: HashSet<Tried> = HashSet::new();
        for _ in 0..PASSES {
            let all = self.verify(repair.restorable).all;
            // What could not be looked at may hide more.
            let hidden = all.iter().filter(|finding| finding.code == super::Code::CannotLook);
            swept.failed.extend(hidden.filter(|finding| is_untried(finding, &mut tried)).map(NotMended::not_seen));
            let dead = all.into_iter().filter(Finding::is_dead);
            let dead: Vec<Finding> = dead.filter(|finding| is_new(finding, &mut tried)).collect();
            if dead.is_empty() {
                break;
            }
            for finding in dead {
                match mender.mend(&finding) {
                    Ok(Some(done)) => {
                        self.tell("gc", &finding, &done, repair.writer);
                        swept.removed.push(finding);
                    }
                    Ok(None) => {}
                    Err(failed) => swept.failed.push(failed),
                }
            }
        }
        Ok(swept)
    }

    /// Puts what was done into the journal.
    fn tell(&self, action: &str, finding: &Finding, done: &str, writer: &Writer) {
        if finding.is_told_by_mending() {
            return;
        }
        let path = finding.path.strip_prefix(self.dir()).unwrap_or(&finding.path);
        let mut entry = JournalEntry::new(action).because(&format!("{} {}: {done}", finding.code, path.display()));
        entry.ticket = finding.ticket.as_deref().and_then(|ticket| TicketId::new(ticket).ok());
        entry.pod = finding.pod.as_deref().and_then(|pod| PodName::new(pod).ok());
        // What was mended is mended; the journal only tells of it.
        let _ = self.log(writer, entry);
    }
}

/// Tells findings of several checks apart.
type Tried = (super::Code, PathBuf, String);

/// Whether a finding can be mended, and that was not tried before.
fn is_new(finding: &Finding, tried: &mut HashSet<Tried>) -> bool {
    finding.is_repairable() && is_untried(finding, tried)
}

fn is_untried(finding: &Finding, tried: &mut HashSet<Tried>) -> bool {
    let (code, path, mark) = finding.identity();
    tried.insert((code, path.to_owned(), mark.to_owned()))
}
