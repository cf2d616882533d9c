//! How findings are mended: each under the lock of exactly that, where it is looked at once more.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::finding::{Code, Finding};
use super::ledger::{Ledger, REPAIR_RELEASE};
use super::look::{Held, Looker};
use crate::domain::{Claim, PodName, PodRecord, Record, SessionEntry, SessionRecord, TicketId};
use crate::fs::{self, FlockGuard, Kind, OfdLock, PathError, Renamed, Wait, WaitError};
use crate::registry::journal::{REPAIR, kept_line};
use crate::registry::open::WorkspaceRecord;
use crate::registry::{
    JournalEntry, NetworkPolicy, OpenError, PodError, ReadError, Registry, SessionError, SessionFence, SetAside,
    SetAsideError, Writer,
};

/// How long a change of the session index, or of the registry's own record, is waited for.
const SHORT: Wait = Wait::For(Duration::from_secs(5));

/// How a finding is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mend {
    /// Takes away what others may do with a file or directory.
    Restrict {
        /// The bits of the mode that go.
        away: u32,
    },
    /// Sets a claim aside, by key.
    SetAsideClaim(String),
    /// Sets a session record aside, by key.
    SetAsideSession(String),
    /// Sets the directory of a Pod aside, by key.
    SetAsidePod(String),
    /// Sets the registry's own record aside.
    SetAsideWorkspace,
    /// Writes the registry's own record.
    WriteWorkspace,
    /// Ends the last line of the journal.
    EndTornLine,
    /// Tells of a line of the journal that it is kept as it is.
    KeepLine(u64),
    /// Puts a standing claim into the journal.
    LogClaim(TicketId),
    /// Puts the end of a claim into the journal.
    LogRelease(TicketId),
    /// Puts the newest generation that the journal knows into the tombstone.
    RaiseTombstone(TicketId),
    /// Relates the Pod of a claim to its ticket.
    RecordSession(TicketId),
    /// Removes offers and temporaries of a ticket, by key.
    SweepTicket(String),
    /// Removes the directory of a Pod that belongs to nobody, by key.
    SweepPod(String),
    /// Removes offers and temporaries of a Pod, by key.
    SweepPodFiles(String),
    /// Removes a temporary of the session index.
    SweepSessions,
    /// Removes a temporary of the registry's own record.
    SweepRegistry,
    /// Removes the log of a Pod that was never started.
    RemoveLog,
    /// Removes the socket of a Pod, by key.
    RemoveSocket(String),
}

impl Mend {
    /// Whether it removes what is dead, and changes nothing else.
    pub(super) fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::SweepTicket(_)
                | Self::SweepPod(_)
                | Self::SweepPodFiles(_)
                | Self::SweepSessions
                | Self::SweepRegistry
                | Self::RemoveLog
                | Self::RemoveSocket(_)
        )
    }

    /// What must be sound before anything else can be written comes first.
    pub(super) fn rank(&self) -> u8 {
        match self {
            // Before any line is written that would end it unseen.
            Self::EndTornLine => 0,
            Self::Restrict { .. } => 1,
            Self::SetAsideWorkspace => 2,
            Self::WriteWorkspace => 3,
            _ => 4,
        }
    }
}

/// Says why something was not mended.
#[derive(Debug, thiserror::Error)]
#[error("cannot mend '{}' ({code})", path.display())]
pub struct NotMended {
    /// What is wrong.
    pub code: Code,
    /// The file or directory.
    pub path: PathBuf,
    /// What failed.
    #[source]
    pub source: Box<MendError>,
}

impl NotMended {
    /// Says that something could not even be looked at.
    pub(super) fn not_seen(finding: &Finding) -> Self {
        let source = Box::new(MendError::NotSeen { why: finding.what.clone() });
        Self { code: finding.code, path: finding.path.clone(), source }
    }
}

/// What failed.
#[derive(Debug, thiserror::Error)]
pub enum MendError {
    /// It could not be looked at.
    #[error("{why}")]
    NotSeen {
        /// What the system said.
        why: String,
    },
    /// A file could not be read, written, renamed or removed.
    #[error(transparent)]
    Io(#[from] PathError),
    /// A record that it depends on cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A lock could not be used.
    #[error(transparent)]
    Lock(WaitError),
    /// A claim could not be set aside.
    #[error(transparent)]
    SetAside(SetAsideError),
    /// A session could not be recorded.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A Pod's directory could not be removed.
    #[error(transparent)]
    Pod(#[from] PodError),
    /// The registry cannot be written to.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Mends what is found.
pub(super) struct Mender<'a> {
    pub registry: &'a Registry,
    pub writer: &'a Writer,
    pub network: NetworkPolicy,
    /// Ends what is left of a Pod that is about to be removed: given its record, with its lock held.
    pub end_leftovers: &'a dyn Fn(&PodRecord),
    /// Whose registry it is.
    pub owner: u32,
    ledger: Option<Ledger>,
}

/// What was done, in words; `None` where nothing is to be done any more, or somebody is at work on it.
type Done = Result<Option<String>, MendError>;

impl<'a> Mender<'a> {
    pub(super) fn new(
        registry: &'a Registry,
        writer: &'a Writer,
        network: NetworkPolicy,
        end_leftovers: &'a dyn Fn(&PodRecord),
    ) -> Self {
        let owner = nix::unistd::geteuid().as_raw();
        Self { registry, writer, network, end_leftovers, owner, ledger: None }
    }

    /// Mends one finding.
    ///
    /// # Errors
    /// When the system does not let it.
    pub(super) fn mend(&mut self, finding: &Finding) -> Result<Option<String>, NotMended> {
        let Some(mend) = &finding.mend else { return Ok(None) };
        let done = self.carry_out(mend, &finding.path);
        done.map_err(|source| NotMended { code: finding.code, path: finding.path.clone(), source: source.into() })
    }

    fn carry_out(&mut self, mend: &Mend, path: &Path) -> Done {
        match mend {
            Mend::Restrict { away } => {
                fs::take_away(path, *away)?;
                Ok(Some("took away what others may do with it".to_owned()))
            }
            Mend::SetAsideClaim(key) => self.set_claim_aside(key),
            Mend::SetAsideSession(key) => {
                let Some(_index) = had(FlockGuard::acquire(&self.registry.sessions_lock_path(), SHORT))? else {
                    return Ok(None);
                };
                self.set_aside(path, path, key, |record: &SessionRecord| record.pod.key(), key)
            }
            Mend::SetAsidePod(key) => {
                let Some(_pod) = self.lock_pod(key)? else { return Ok(None) };
                let dir = path.parent().unwrap_or(path);
                self.set_aside(path, dir, key, |record: &PodRecord| record.pod.key(), &format!("~{key}"))
            }
            Mend::SetAsideWorkspace => {
                let _maker = self.registry.lock_dir(self.registry.dir())?;
                let root = self.registry.key_root_text();
                self.set_aside(path, path, &root, |record: &WorkspaceRecord| record.root.clone(), "workspace")
            }
            Mend::WriteWorkspace => {
                self.registry.prepare(self.network, self.writer.now)?;
                Ok(Some("wrote it anew".to_owned()))
            }
            Mend::EndTornLine => {
                let Some(line) = self.ledger()?.torn else { return Ok(None) };
                self.log_kept(line).map(|()| Some("ended its last line, which is kept".to_owned()))
            }
            Mend::KeepLine(line) => {
                let ledger = self.ledger()?;
                if ledger.kept.contains(line) || !ledger.unreadable.contains(line) {
                    return Ok(None);
                }
                self.log_kept(*line).map(|()| Some(format!("told that line {line} cannot be read and is kept")))
            }
            Mend::LogClaim(ticket) => self.log_claim(ticket),
            Mend::LogRelease(ticket) => self.log_release(ticket),
            Mend::RaiseTombstone(ticket) => {
                let Some(_ticket) = self.lock_ticket(&ticket.key(), Some(ticket))? else { return Ok(None) };
                let Some(_fence) = had(self.registry.fence(ticket))? else { return Ok(None) };
                let raised = self.registry.raise_tombstone(ticket, self.writer)?;
                Ok(raised.map(|generation| format!("wrote a tombstone of generation {generation}")))
            }
            Mend::RecordSession(ticket) => self.record_session(ticket),
            removal => {
                self.remove(removal, path)?;
                Ok(fs::look(path)?.is_none().then(|| "removed it".to_owned()))
            }
        }
    }

    fn set_claim_aside(&self, key: &str) -> Done {
        match self.registry.set_aside_claim(key, Wait::No, self.writer) {
            Ok(SetAside::Done { path, .. }) => Ok(Some(format!("set it aside as {}", path.display()))),
            Ok(SetAside::NotNeeded) | Err(SetAsideError::Busy(WaitError::Held { .. })) => Ok(None),
            Err(error) => Err(MendError::SetAside(error)),
        }
    }

    /// Gives what cannot be read another name, if it still cannot: `record` is read, `whole` is renamed.
    fn set_aside<R: Record>(
        &self,
        record: &Path,
        whole: &Path,
        key: &str,
        key_of: fn(&R) -> String,
        stem: &str,
    ) -> Done {
        let looker = Looker { registry: self.registry, owner: self.owner, findings: Vec::new() };
        match looker.record(record, key, key_of, || Some(Mend::SetAsideWorkspace)) {
            Held::Wrong(finding) if finding.mend == Some(Mend::SetAsideWorkspace) => {}
            _ => return Ok(None),
        }
        let plain = whole.with_file_name(format!("{stem}.unreadable"));
        let other = whole.with_file_name(format!("{stem}.{}.unreadable", fs::random_suffix()));
        for aside in [plain, other] {
            if fs::rename_new(whole, &aside)? == Renamed::Done {
                fs::sync_dir(whole.parent().unwrap_or(whole))?;
                return Ok(Some(format!("set it aside as {}", aside.display())));
            }
        }
        Ok(None)
    }

    /// The journal, as it is now.
    fn ledger(&mut self) -> Result<&Ledger, PathError> {
        let mut ledger = match self.ledger.take() {
            Some(ledger) => ledger,
            None => Ledger::read(&self.registry.journal_path())?,
        };
        ledger.refresh()?;
        Ok(self.ledger.insert(ledger))
    }

    fn log_kept(&self, line: u64) -> Result<(), MendError> {
        Ok(self.registry.log(self.writer, JournalEntry::new(REPAIR).because(&kept_line(line)))?)
    }

    fn log_claim(&mut self, ticket: &TicketId) -> Done {
        let Some(_ticket) = self.lock_ticket(&ticket.key(), Some(ticket))? else { return Ok(None) };
        let Some(claim) = self.registry.claim(ticket)? else { return Ok(None) };
        let known = self.ledger()?.of.get(ticket.as_str());
        if known.is_some_and(|known| known.generation >= claim.generation && known.nonce.is_some()) {
            return Ok(None);
        }
        let entry = JournalEntry::on(REPAIR, &claim).because("the journal did not know this claim");
        self.registry.log(self.writer, entry)?;
        Ok(Some(format!("told the journal of the claim of Pod {} (generation {})", claim.pod, claim.generation)))
    }

    fn log_release(&mut self, ticket: &TicketId) -> Done {
        let Some(_ticket) = self.lock_ticket(&ticket.key(), Some(ticket))? else { return Ok(None) };
        let Some(ended) = self.released(ticket)? else { return Ok(None) };
        let known = self.ledger()?.of.get(ticket.as_str());
        if known.is_some_and(|known| known.generation >= ended.generation && known.ended) {
            return Ok(None);
        }
        // Who relies on the tombstone from now on finds it after a power cut, too.
        fs::sync_dir(&self.registry.claims_dir())?;
        let entry = JournalEntry::on(REPAIR_RELEASE, &ended).because("the journal did not know that this claim ended");
        self.registry.log(self.writer, entry)?;
        Ok(Some(format!(
            "told the journal that the claim of Pod {} (generation {}) ended",
            ended.pod, ended.generation
        )))
    }

    fn released(&self, ticket: &TicketId) -> Result<Option<Claim>, MendError> {
        if self.registry.claim(ticket)?.is_some() {
            return Ok(None);
        }
        Ok(self.registry.tombstone(ticket)?.map(|tombstone| tombstone.claim))
    }

    fn record_session(&self, ticket: &TicketId) -> Done {
        let Some(_ticket) = self.lock_ticket(&ticket.key(), Some(ticket))? else { return Ok(None) };
        let Some(claim) = self.registry.claim(ticket)? else { return Ok(None) };
        let record = self.registry.pod(&claim.pod)?.filter(|record| Some(record.pod_id) == claim.pod_id);
        let Some(record) = record else { return Ok(None) };
        let entry = SessionEntry {
            pod: claim.pod.clone(),
            pod_id: claim.pod_id,
            role: claim.role,
            origin: record.origin,
            session: claim.session.clone(),
            nonce: record.nonce,
            tickets: vec![ticket.clone()],
        };
        self.registry.record_session(entry, SessionFence::None, self.writer)?;
        Ok(Some(format!("recorded that Pod {} works on ticket {ticket}", claim.pod)))
    }

    /// Removes what is dead; what somebody is at work on stays.
    fn remove(&self, removal: &Mend, path: &Path) -> Result<(), MendError> {
        let registry = self.registry;
        match removal {
            Mend::SweepTicket(key) => {
                let Some(_ticket) = self.lock_ticket(key, None)? else { return Ok(()) };
                let Some(_fence) = had(registry.fence_of_key(key))? else { return Ok(()) };
                registry.sweep_ticket_of_key(key)?;
            }
            Mend::SweepPod(key) => {
                let Some(pod) = registry.pod_of_key(key) else { return self.remove_nameless_pod(key) };
                let Some(lock) = registry.try_lock_pod(&pod)? else { return Ok(()) };
                if let Some(record) = registry.pod(&pod)? {
                    let Some(_nobodys) = registry.nobodys(&record, None)? else { return Ok(()) };
                    (self.end_leftovers)(&record);
                }
                match registry.sweep_pod(&lock, None) {
                    Ok(()) | Err(PodError::Taken { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Mend::SweepPodFiles(key) => {
                let Some(_pod) = self.lock_pod(key)? else { return Ok(()) };
                registry.sweep_pod_of_key(key)?;
            }
            Mend::SweepSessions => {
                let Some(_index) = had(FlockGuard::acquire(&registry.sessions_lock_path(), SHORT))? else {
                    return Ok(());
                };
                fs::unlink(path)?;
            }
            Mend::SweepRegistry => {
                let (_mover, _maker) = (registry.lock_workspaces()?, registry.lock_dir(registry.dir())?);
                match fs::look(path)?.map(|look| look.kind) {
                    // The registry that was here before another one was moved here.
                    Some(Kind::Directory) => registry.remove_deserted(path)?,
                    _ => drop(fs::unlink(path)?),
                }
            }
            Mend::RemoveLog => drop(fs::unlink_unmarked(path)?),
            Mend::RemoveSocket(key) => {
                let Some(_pod) = self.lock_pod(key)? else { return Ok(()) };
                if fs::look(path)?.is_some_and(|look| look.kind == Kind::Socket) {
                    fs::unlink(path)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Removes a Pod's directory whose name nothing tells: it has a cut key, and no record.
    fn remove_nameless_pod(&self, key: &str) -> Result<(), MendError> {
        let Some(_pod) = self.lock_pod(key)? else { return Ok(()) };
        let record = self.registry.dir().join("pods").join(key).join("pod.toml");
        if fs::look(&record)?.is_none() {
            self.registry.sweep_pod_of_key(key)?;
            self.registry.bury_key(key)?;
        }
        Ok(())
    }

    /// Takes the lock of a ticket; `None` where it is in flight.
    fn lock_ticket(&self, key: &str, ticket: Option<&TicketId>) -> Result<Option<OfdLock>, MendError> {
        let lock = had(OfdLock::acquire(&self.registry.lock_path_of_key(key), Wait::No))?;
        let name = ticket.cloned().or_else(|| TicketId::of_key(key));
        if let (Some(lock), Some(name)) = (&lock, name) {
            // For people; a full disk that has no room for it is no reason not to mend.
            let _ = lock.describe(&self.writer.lock_text("verify", "ticket", name.as_str()));
        }
        Ok(lock)
    }

    /// Takes the lock of a Pod; `None` where anything of it lives.
    fn lock_pod(&self, key: &str) -> Result<Option<OfdLock>, MendError> {
        let lock = had(OfdLock::acquire(&self.registry.dir().join("locks/pods").join(key), Wait::No))?;
        if let (Some(lock), Some(name)) = (&lock, PodName::of_key(key)) {
            let _ = lock.describe(&self.writer.lock_text("verify", "pod", name.as_str()));
        }
        Ok(lock)
    }
}

/// Somebody who holds a lock is at work: that is no failure.
fn had<L>(lock: Result<L, WaitError>) -> Result<Option<L>, MendError> {
    match lock {
        Ok(lock) => Ok(Some(lock)),
        Err(WaitError::Held { .. }) => Ok(None),
        Err(error) => Err(MendError::Lock(error)),
    }
}
