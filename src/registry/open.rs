//! Where everything of a registry lies, and what must hold before it is written to.

use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::workspace::{Workspace, short_hash};
use crate::domain::{PodName, Record, RecordError, TicketId, Timestamp, VERSION, WrittenBy, path_text};
use crate::fs::{self, FlockGuard, NetworkFs, PathError, Wait, WaitError};

/// How long the first write to a registry waits for another one that came before it.
const MAKING: Duration = Duration::from_secs(5);

/// Whether a registry on a network file system may be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NetworkPolicy {
    /// It is refused: locks and syncs cannot be relied on there.
    #[default]
    Refuse,
    /// The user answers for it (`YOI_ALLOW_NETWORK_FS=1`).
    Allow,
}

/// Says why a record could not be read: whether there is one is then not known.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The file is not the record that it should be.
    #[error("'{}' {source}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The claim could not be read and was set aside; who holds the ticket is for a person to find out.
    #[error("'{}' was set aside because it could not be read", path.display())]
    SetAside {
        /// Where it lies.
        path: PathBuf,
    },
}

/// Says why a registry cannot be written to.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A directory or `workspace.toml` cannot be made or used.
    #[error("cannot open the registry for writing")]
    Path(#[from] PathError),
    /// `workspace.toml` is of a newer version, or damaged.
    #[error("cannot open the registry for writing")]
    Record(#[from] ReadError),
    /// The registry is another user's: what is written there would be out of that user's reach.
    #[error("cannot write to the registry at '{}': it belongs to user {owner}", path.display())]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// Its owner's number.
        owner: u32,
    },
    /// The registry is that of another root: a moved workspace's, whose taking over was not finished.
    #[error("cannot write to the registry at '{}': it is still that of '{root}'", dir.display())]
    OtherRoot {
        /// The registry's directory.
        dir: PathBuf,
        /// The root that it says it is of.
        root: String,
    },
    /// The registry lies on a network file system.
    #[error("{0}, where locks cannot be relied on")]
    Network(NetworkFs),
}

/// Who writes: what goes into records for people, and the moment.
#[derive(Debug, Clone)]
pub struct Writer {
    /// Process, machine and boot, as they stand in a claim.
    pub written_by: WrittenBy,
    /// The user's name, for the journal.
    pub user: String,
    /// The moment of this operation.
    pub now: Timestamp,
}

impl Writer {
    /// What stands in a lock that this one holds, for people: what for, and the true name of what is locked.
    pub(super) fn lock_text(&self, what_for: &str, kind: &str, name: &str) -> String {
        let by = &self.written_by;
        format!("{what_for}, pid {} on {}, since {}\n{kind} {name}\n", by.pid, by.host, self.now)
    }
}

/// The registry of one workspace: its paths. Making one touches no file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    data: PathBuf,
    dir: PathBuf,
    runtime: PathBuf,
    workspace: Workspace,
}

/// `workspace.toml`: which workspace a registry is of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct WorkspaceRecord {
    version: i64,
    /// The root that its key is made of, as a path that reads `%xx` for bytes that are no UTF-8.
    pub(super) root: String,
    created_at: Timestamp,
    /// Where the workspace was before it was moved, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) former_roots: Vec<String>,
    #[serde(flatten)]
    extra: toml::Table,
}

impl WorkspaceRecord {
    /// Says that a newer yoi wrote it, if one did.
    pub(super) fn newer(&self) -> Option<RecordError> {
        (self.version > VERSION).then_some(RecordError::Newer { found: self.version })
    }
}

impl Record for WorkspaceRecord {
    fn name(&self) -> &str {
        &self.root
    }
}

impl WorkspaceRecord {
    /// Reads the record of a registry; `None` where it has none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, ReadError> {
        let path = dir.join("workspace.toml");
        let Some(bytes) = fs::read_file(&path)? else { return Ok(None) };
        let checked = Self::parse(&bytes).and_then(|record| record.newer().map_or(Ok(record), Err));
        checked.map(Some).map_err(|source| ReadError::Record { path, source })
    }
}

impl Registry {
    /// Tells where the registry of a workspace lies, given data root and runtime root.
    pub fn new(data: &Path, runtime: &Path, workspace: Workspace) -> Self {
        let dir = data.join("workspaces").join(workspace.key());
        Self { data: data.to_owned(), dir, runtime: runtime.to_owned(), workspace }
    }

    /// Makes what is missing, and checks what is there, before anything is written.
    ///
    /// # Errors
    /// When a directory is another user's (also for root), writable by others or cannot be made; when the registry lies
    /// on a network file system, is of a newer version, or was taken over in part.
    pub fn prepare(&self, network: NetworkPolicy, now: Timestamp) -> Result<(), OpenError> {
        self.prepare_data(network)?;
        // Made alone, so that whoever moves a registry here finds the place as it was looked at.
        let _making = match fs::check_private(&self.dir) {
            Ok(_) => None,
            Err(_) => Some(self.lock_workspaces()?),
        };
        own_dir(&self.dir, fs::make_private_subdir)?;
        for name in ["claims", "locks", "locks/tickets", "locks/pods", "sessions", "pods", "offers", "tmp"] {
            own_dir(&self.dir.join(name), fs::make_private_subdir)?;
        }
        self.check_record(now)
    }

    /// Makes and checks the data root, and the directory in which all registries lie.
    pub(super) fn prepare_data(&self, network: NetworkPolicy) -> Result<(), OpenError> {
        own_dir(&self.data, fs::make_private_dir)?;
        self.check_network(network)?;
        own_dir(&self.workspaces_dir(), fs::make_private_subdir)
    }

    fn check_network(&self, network: NetworkPolicy) -> Result<(), OpenError> {
        match fs::network_file_system(&self.data)? {
            Some(found) if network == NetworkPolicy::Refuse => Err(OpenError::Network(found)),
            _ => Ok(()),
        }
    }

    /// Checks that a registry which may be damaged may be written to; makes nothing. One that is not there may.
    ///
    /// # Errors
    /// When it is another user's, of a newer version, or on a network, or the system does not let its record be read.
    pub fn check_writable(&self, network: NetworkPolicy) -> Result<(), OpenError> {
        if !fs::is_there(&self.dir)? {
            return Ok(());
        }
        for dir in [&self.data, &self.dir] {
            if let Some(owner) = fs::foreign_owner(dir) {
                return Err(OpenError::Foreign { path: dir.clone(), owner });
            }
        }
        self.check_network(network)?;
        match WorkspaceRecord::read(&self.dir) {
            Err(error @ ReadError::Record { source: RecordError::Newer { .. }, .. }) => Err(error.into()),
            // It may be of a newer version, for all that is known.
            Err(ReadError::Path(error)) if error.is_of_the_system() && fs::is_record_sized_file(&error.path)? => {
                Err(error.into())
            }
            // Anything else that is wrong with it can be mended.
            _ => Ok(()),
        }
    }

    fn check_record(&self, now: Timestamp) -> Result<(), OpenError> {
        let root = self.key_root_text();
        match WorkspaceRecord::read(&self.dir)? {
            Some(record) if record.root == root => Ok(()),
            Some(record) => Err(OpenError::OtherRoot { dir: self.dir.clone(), root: record.root }),
            None => {
                // Two first users at once: one writes it, the other finds it.
                let _first = self.lock_dir(&self.dir)?;
                if WorkspaceRecord::read(&self.dir)?.is_none() {
                    let record = WorkspaceRecord {
                        version: VERSION,
                        root,
                        created_at: now,
                        former_roots: Vec::new(),
                        extra: toml::Table::new(),
                    };
                    self.sync_made()?;
                    self.write_record(&record)?;
                }
                Ok(())
            }
        }
    }

    /// Writes `workspace.toml`; the caller excludes others.
    pub(super) fn write_record(&self, record: &WorkspaceRecord) -> Result<(), PathError> {
        self.sweep_temporaries("workspace", "toml")?;
        let path = self.dir.join("workspace.toml");
        Ok(fs::replace(&self.temporary("workspace", "toml"), &path, record.render().as_bytes())?)
    }

    /// Makes all directories durable: whoever made them may have been killed before it synced them.
    ///
    /// So `workspace.toml`, which is written after this, says that they all are.
    fn sync_made(&self) -> Result<(), PathError> {
        if let Some(around) = self.data.parent().filter(|around| !around.as_os_str().is_empty()) {
            fs::sync_dir(around)?;
        }
        [self.data.clone(), self.workspaces_dir(), self.dir.clone(), self.dir.join("locks")]
            .iter()
            .try_for_each(|dir| fs::sync_dir(dir))
    }

    /// Excludes others who make a registry, or move one.
    pub(super) fn lock_workspaces(&self) -> Result<FlockGuard, PathError> {
        self.lock_dir(&self.workspaces_dir())
    }

    pub(super) fn lock_dir(&self, dir: &Path) -> Result<FlockGuard, PathError> {
        FlockGuard::acquire_dir(dir, Wait::For(MAKING)).map_err(|error| match error {
            WaitError::Io(error) => error,
            WaitError::Held { path, .. } => {
                PathError::refused("lock", &path, "another process has been making it for long")
            }
        })
    }

    /// The root that the key is made of, as the registry's own record has it.
    pub(super) fn key_root_text(&self) -> String {
        path_text(&self.workspace.key_root)
    }

    /// The workspace that this is the registry of.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The data root, of all workspaces.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The runtime root, of all workspaces.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// The directory in which the registries of all workspaces lie.
    pub(super) fn workspaces_dir(&self) -> PathBuf {
        self.data.join("workspaces")
    }

    /// The registry's directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `claims/`.
    pub fn claims_dir(&self) -> PathBuf {
        self.dir.join("claims")
    }

    /// The claim of a ticket.
    pub fn claim_path(&self, ticket: &TicketId) -> PathBuf {
        self.claims_dir().join(format!("{}.toml", ticket.key()))
    }

    /// The tombstone of a released claim.
    pub fn tombstone_path(&self, ticket: &TicketId) -> PathBuf {
        self.claims_dir().join(format!("{}.released", ticket.key()))
    }

    /// The lock file of a ticket.
    pub fn ticket_lock_path(&self, ticket: &TicketId) -> PathBuf {
        self.lock_path_of_key(&ticket.key())
    }

    /// The lock file of the ticket of a key.
    pub(super) fn lock_path_of_key(&self, key: &str) -> PathBuf {
        self.dir.join("locks/tickets").join(key)
    }

    /// The lock file of a Pod.
    pub fn pod_lock_path(&self, pod: &PodName) -> PathBuf {
        self.dir.join("locks/pods").join(pod.key())
    }

    /// The file that every writer of the session index locks.
    pub fn sessions_lock_path(&self) -> PathBuf {
        self.dir.join("locks/sessions")
    }

    /// The session record of a Pod.
    pub fn session_path(&self, pod: &PodName) -> PathBuf {
        self.dir.join("sessions").join(format!("{}.toml", pod.key()))
    }

    /// The directory of a Pod.
    pub fn pod_dir(&self, pod: &PodName) -> PathBuf {
        self.dir.join("pods").join(pod.key())
    }

    /// The socket of a Pod: a short name that does not depend on how long the Pod's is.
    pub fn socket_path(&self, pod: &PodName) -> PathBuf {
        self.socket_path_in(&self.dir, pod)
    }

    /// The socket of a Pod of a registry in this directory.
    pub(super) fn socket_path_in(&self, dir: &Path, pod: &PodName) -> PathBuf {
        let dir = dir.as_os_str().as_bytes();
        self.runtime.join(format!("{}.sock", short_hash(&[dir, pod.as_str().as_bytes()])))
    }

    /// The journal.
    pub fn journal_path(&self) -> PathBuf {
        self.dir.join("journal.jsonl")
    }

    /// A fresh name `tmp/<kind>-<key>.<random>`, for a file on its way into place.
    pub(super) fn temporary(&self, kind: &str, key: &str) -> PathBuf {
        self.dir.join("tmp").join(format!("{kind}-{key}.{}", fs::random_suffix()))
    }

    /// Removes the temporaries of one kind and key: only for whoever holds the lock of exactly that.
    pub(super) fn sweep_temporaries(&self, kind: &str, key: &str) -> Result<(), PathError> {
        let dir = self.dir.join("tmp");
        for name in names_of(&dir, &format!("{kind}-{key}."))? {
            let path = dir.join(name);
            if path.is_dir() { fs::remove_tree(&path)? } else { fs::unlink(&path).map(drop)? }
        }
        Ok(())
    }
}

/// Makes a directory where it is missing; one of another user is refused also for root, who may only read it.
fn own_dir(path: &Path, make: fn(&Path) -> Result<fs::PrivateDir, PathError>) -> Result<(), OpenError> {
    let made = make(path);
    let owner = match &made {
        Ok(dir) => dir.foreign_owner(),
        Err(_) => fs::foreign_owner(path),
    };
    match owner {
        Some(owner) => Err(OpenError::Foreign { path: path.to_owned(), owner }),
        None => Ok(made.map(drop)?),
    }
}

/// Checks that a directory that is there is ours.
pub(super) fn check_own_dir(path: &Path) -> Result<(), OpenError> {
    own_dir(path, fs::check_private)
}

/// The names in a directory that are a prefix followed by one random suffix, which has no dot.
pub(super) fn names_of(dir: &Path, prefix: &str) -> Result<Vec<String>, PathError> {
    let names = fs::entries(dir)?.into_iter().filter_map(|name| name.into_string().ok());
    Ok(names.filter(|name| name.strip_prefix(prefix).is_some_and(|rest| !rest.contains('.'))).collect())
}

/// Reads the record of a name from its file; `None` only where there is no such file.
pub(super) fn read_named<R: Record>(path: &Path, name: &str) -> Result<Option<R>, ReadError> {
    let Some(bytes) = fs::read_file(path)? else { return Ok(None) };
    let record = R::parse_named(&bytes, name).map_err(|source| ReadError::Record { path: path.to_owned(), source })?;
    Ok(Some(record))
}
