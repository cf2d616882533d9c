//! Taking over the registry of a workspace that was moved.
//!
//! A registry lies under a key that is made of the workspace's path, so a workspace that is moved has none in its new
//! place. It is never guessed which one was its own: a person says where the workspace was.
//!
//! # Steps
//! 1. Excluding others who make or move registries (`flock` on `workspaces/`), everything is looked at: the workspace must
//!    be gone from its old place, nothing of its registry live or in flight, and the registry of the new place missing or
//!    empty.
//! 2. An empty registry in the new place is moved into the old one's `tmp/`.
//! 3. The old registry's directory is renamed to its new key: the moment at which it is taken over.
//! 4. The paths in the records of its Pods are made those of the new place, and their old sockets are removed.
//! 5. `workspace.toml` is replaced: until then nobody else writes to the registry, since its root is not theirs.
//!
//! # Guarantees
//! After each move its locks are asked again, and a held one takes the move back; who takes a lock at that moment looks
//! whether its file still has its name (see `fs`). Stopped at any point, the same call goes on from there; a repeat
//! succeeds and changes nothing.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::journal::{JournalEntry, JournalLine};
use super::open::{NetworkPolicy, OpenError, ReadError, Registry, WorkspaceRecord, Writer, check_own_dir};
use super::workspace::{Workspace, WorkspaceError};
use crate::domain::{PodName, path_from_text, path_text};
use crate::fs::{self, FlockGuard, LockState, PathError, Renamed, Wait, WaitError};

/// The action that the journal tells it by.
const ACTION: &str = "workspace_adopt";
/// How long a writer of a session index may take.
const INDEX: Wait = Wait::For(Duration::from_secs(5));
/// What of a registry is a record: where one of these has an entry, it is not empty.
const RECORDS: [&str; 4] = ["claims", "sessions", "pods", "offers"];

/// Which registry is to be taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Former {
    /// That of the workspace that had this root: an absolute path, which need not exist any more.
    Root(PathBuf),
    /// That of this key.
    Key(String),
}

/// What taking over came to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "whether something changed"]
pub enum Adopted {
    /// The registry is now that of this workspace.
    Now {
        /// The root that it had.
        root: PathBuf,
    },
    /// It was taken over before.
    Before,
}

/// A registry whose workspace is gone, and which may be that of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adoptable {
    /// Its key.
    pub key: String,
    /// The root of its workspace.
    pub root: PathBuf,
}

/// Says why a registry was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// The data root, or the old registry, cannot be written to.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A `workspace.toml` cannot be read.
    #[error("cannot take over a registry")]
    Unreadable(#[from] ReadError),
    /// There is no registry of that root or key.
    #[error("there is no registry of {former}")]
    NotFound {
        /// What was asked for.
        former: String,
    },
    /// It is the registry of this very workspace.
    #[error("'{}' is the root of this workspace itself", root.display())]
    Itself {
        /// The root.
        root: PathBuf,
    },
    /// The old workspace is still there: this one is a copy, and two workspaces never share a registry.
    #[error("the workspace '{}' is still there, so this one is a copy of it and was not moved", root.display())]
    StillThere {
        /// Its root.
        root: PathBuf,
    },
    /// Something of the old registry runs.
    #[error("cannot take over the registry of '{}': {what} {name} is live", root.display())]
    Live {
        /// The root that the registry is of.
        root: PathBuf,
        /// What kind of thing.
        what: &'static str,
        /// Its name, or its key where that does not tell.
        name: String,
    },
    /// A launch is in flight there, or a lock was taken while the registry was being moved.
    #[error("cannot take over the registry of '{}': {what} {name} is in flight", root.display())]
    InFlight {
        /// The root that the registry is of.
        root: PathBuf,
        /// What kind of thing.
        what: &'static str,
        /// Its name, or its key where that does not tell.
        name: String,
    },
    /// This workspace has a registry of its own, with records in it.
    #[error("this workspace has a registry of its own: there are records in '{}'", place.display())]
    NotEmpty {
        /// The directory that has entries.
        place: PathBuf,
    },
    /// Another process makes or moves registries for long.
    #[error("cannot take over a registry")]
    Busy(#[from] WaitError),
    /// Something could not be looked at or moved; the old registry is where it was.
    #[error("cannot take over a registry")]
    Io(#[from] PathError),
    /// The old workspace's path cannot be resolved.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The registry was taken over, but is not yet fit for use: the same call finishes it.
    #[error("the registry of '{}' was taken over, but not all of it is in order yet; give the same command again", root.display())]
    Partial {
        /// The root that the registry was of.
        root: PathBuf,
        /// What failed.
        #[source]
        source: PathError,
    },
}

impl Former {
    /// Reads what a person gives: a key, where it has that form and is not a path, else a path as seen from `directory`.
    pub fn read(text: &Path, directory: &Path) -> Self {
        match text.to_str() {
            Some(key) if is_key(key) && !directory.join(key).exists() => Self::Key(key.to_owned()),
            _ => Self::Root(directory.join(text)),
        }
    }

    /// The workspaces that may be meant: a path is taken as it stands, and with what is left of it resolved.
    fn workspaces(&self) -> Result<Vec<Workspace>, WorkspaceError> {
        match self {
            Self::Root(path) => Workspace::former(path),
            Self::Key(_) => Ok(Vec::new()),
        }
    }

    fn keys(&self, workspaces: &[Workspace]) -> Vec<String> {
        match self {
            Self::Root(_) => workspaces.iter().map(Workspace::key).collect(),
            Self::Key(key) => vec![key.clone()],
        }
    }
}

impl std::fmt::Display for Former {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root(path) => write!(f, "a workspace '{}'", path.display()),
            Self::Key(key) => write!(f, "the key {key}"),
        }
    }
}

/// Whether a text has the form `<leaf>-<hash>`.
fn is_key(text: &str) -> bool {
    let hash = text.rsplit_once('-').map_or("", |(_, hash)| hash);
    !text.contains('/') && hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The key that a root, as a record states it, has.
fn key_of_root(root: &str) -> String {
    Workspace::at(path_from_text(root)).key()
}

/// The registry to be taken over, in its old place.
struct Old {
    dir: PathBuf,
    root: PathBuf,
}

impl Registry {
    /// Takes over the registry that this workspace had before it was moved.
    ///
    /// # Errors
    /// See [`AdoptError`]; after [`AdoptError::Partial`] the registry is in its new place, after all others in its old one.
    pub fn adopt(&self, former: &Former, network: NetworkPolicy, writer: &Writer) -> Result<Adopted, AdoptError> {
        let not_found = || AdoptError::NotFound { former: former.to_string() };
        if is_gone(&self.workspaces_dir()) {
            return Err(not_found());
        }
        self.prepare_data(network)?;
        let _alone = self.lock_workspaces()?;
        let keys = former.keys(&former.workspaces()?);
        let own = WorkspaceRecord::read(self.dir())?;
        let own_root = path_text(&self.workspace().key_root);
        if keys.contains(&self.workspace().key()) {
            return Err(AdoptError::Itself { root: self.workspace().key_root.clone() });
        }
        if let Some(record) = &own {
            check_own_dir(self.dir())?;
            let is_meant = |root: &String| keys.contains(&key_of_root(root));
            // Stopped after the move: it goes on from there.
            if record.root != own_root && is_meant(&record.root) {
                return self.finish(record.clone(), writer);
            }
            let former_root = record.former_roots.iter().find(|root| is_meant(root));
            if let (Some(root), None) = (former_root, self.old(&keys)?) {
                let root = path_from_text(root);
                // Likewise of whoever finished it.
                let synced = fs::sync_dir(&self.workspaces_dir()).and_then(|()| fs::sync_dir(self.dir()));
                synced.map_err(|source| AdoptError::Partial { root: root.clone(), source })?;
                self.tell_adoption(&root, writer);
                return Ok(Adopted::Before);
            }
        }
        let old = self.old(&keys)?.ok_or_else(not_found)?;
        self.check_gone(&old)?;
        let record = self.take(&old, own.is_some())?;
        self.finish(record, writer)
    }

    /// Finds the old registry in its old place.
    fn old(&self, keys: &[String]) -> Result<Option<Old>, AdoptError> {
        for key in keys {
            let dir = self.workspaces_dir().join(key);
            let Some(record) = WorkspaceRecord::read(&dir)? else { continue };
            if key_of_root(&record.root) == *key {
                check_own_dir(&dir)?;
                return Ok(Some(Old { dir, root: path_from_text(&record.root) }));
            }
        }
        Ok(None)
    }

    /// Refuses a copy: where the old workspace is still there, it goes on with its own registry.
    fn check_gone(&self, old: &Old) -> Result<(), AdoptError> {
        if is_gone(&old.root) {
            return Ok(());
        }
        let is_marked = |root: &Path| !is_gone(&root.join(".yoi")) || !is_gone(&root.join(".git"));
        let stands = Workspace::find(&old.root)?;
        let is_itself = stands.key_root == old.root;
        // A directory without tickets and without git is what may be left in the old place of one that has them.
        if is_itself && (is_marked(&old.root) || !is_marked(&self.workspace().key_root)) {
            return Err(AdoptError::StillThere { root: old.root.clone() });
        }
        Ok(())
    }

    /// Moves the old registry into place; gives its record, which still names the old root.
    fn take(&self, old: &Old, has_own: bool) -> Result<WorkspaceRecord, AdoptError> {
        ask_locks(&old.dir, &old.root, Asked::First)?;
        // Writers of a session index take no lock that can be asked about: they are kept out while it is moved.
        let _sessions = FlockGuard::acquire(&old.dir.join("locks/sessions"), INDEX)?;
        let _own_sessions;
        if has_own || fs::is_there(self.dir())? {
            check_own_dir(self.dir())?;
            check_empty(self.dir())?;
            ask_locks(self.dir(), &self.workspace().key_root, Asked::First)?;
            if fs::is_there(&self.dir().join("locks"))? {
                _own_sessions = FlockGuard::acquire(&self.sessions_lock_path(), INDEX)?;
            }
            self.set_own_aside(old)?;
        }
        self.rename(&old.dir, self.dir())?;
        if let Err(error) = ask_locks(self.dir(), &old.root, Asked::Again) {
            self.rename(self.dir(), &old.dir)?;
            return Err(error);
        }
        let missing = || PathError::refused("read", &self.dir().join("workspace.toml"), "it has just gone");
        Ok(WorkspaceRecord::read(self.dir())?.ok_or_else(missing)?)
    }

    /// Moves this workspace's empty registry away; what its journal tells, such as launches that failed, is kept.
    fn set_own_aside(&self, old: &Old) -> Result<(), AdoptError> {
        for line in fs::read_lines(&self.journal_path())?.into_iter().flatten() {
            let line = line?;
            fs::append_line(&old.dir.join("journal.jsonl"), &String::from_utf8_lossy(&line.bytes))?;
        }
        let grave = old.dir.join("tmp").join(format!("workspace-adopted.{}", fs::random_suffix()));
        self.rename(self.dir(), &grave)?;
        // What began there in the meantime is asked only now that nothing can begin any more.
        let looked = check_empty(&grave).and_then(|()| ask_locks(&grave, &self.workspace().key_root, Asked::Again));
        if looked.is_err() {
            self.rename(&grave, self.dir())?;
        }
        looked
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), PathError> {
        match fs::rename_new(from, to)? {
            Renamed::Done => fs::sync_dir(&self.workspaces_dir()),
            Renamed::Taken => Err(PathError::refused("rename into place", to, "there is something by now")),
        }
    }

    /// Makes a registry that was moved here this workspace's own.
    fn finish(&self, mut record: WorkspaceRecord, writer: &Writer) -> Result<Adopted, AdoptError> {
        let root = path_from_text(&record.root);
        let mut all = || -> Result<(), PathError> {
            // Whoever moved it may have died before it synced.
            fs::sync_dir(&self.workspaces_dir())?;
            self.move_pods(&root)?;
            let former = std::mem::replace(&mut record.root, path_text(&self.workspace().key_root));
            record.former_roots.retain(|known| *known != former && *known != record.root);
            record.former_roots.insert(0, former);
            self.write_record(&record)
        };
        all().map_err(|source| AdoptError::Partial { root: root.clone(), source })?;
        self.tell_adoption(&root, writer);
        Ok(Adopted::Now { root })
    }

    /// Writes it into the journal, unless that stands there, and removes the empty registry that was here before.
    ///
    /// The registry is in use by now: what fails here does not undo it.
    fn tell_adoption(&self, root: &Path, writer: &Writer) {
        let _ = self.sweep_temporaries("workspace", "adopted");
        let why = format!("moved from '{}' to '{}'", root.display(), self.workspace().key_root.display());
        let says_so = |line: JournalLine| line.entry.action == ACTION && line.entry.why.as_ref() == Some(&why);
        let mut told = self.read_journal().into_iter().flatten().flatten();
        if !told.any(says_so) {
            let _ = self.log(writer, JournalEntry::new(ACTION).because(&why));
        }
    }

    /// Makes the paths in the records of Pods those of the new place, and removes what is left of their old sockets.
    fn move_pods(&self, old_root: &Path) -> Result<(), PathError> {
        let old_dir = self.workspaces_dir().join(Workspace::at(old_root.to_owned()).key());
        let new_root = &self.workspace().key_root;
        for record in self.pods()?.into_iter().flatten() {
            self.remove_old_socket(&old_dir, &record.pod)?;
            let (workspace, directory) = (record.workspace(), record.directory());
            // Whole records change at once, so one whose workspace is in the new place was changed before. That of a
            // linked worktree moved along only where it lay inside.
            let moved = match workspace == old_root {
                true => new_root.clone(),
                false => match workspace.strip_prefix(old_root) {
                    Ok(below) if is_gone(&workspace) && !is_gone(&new_root.join(below)) => new_root.join(below),
                    _ => continue,
                },
            };
            let Some(lock) = self.try_lock_pod(&record.pod)? else {
                return Err(PathError::refused("change the record of", &self.pod_dir(&record.pod), "the Pod is live"));
            };
            self.sweep_pod_temporaries(&lock)?;
            let updated = self.update_pod(&record.pod, record.pod_id, |record| {
                if let Ok(below) = directory.strip_prefix(&workspace) {
                    record.directory = path_text(&joined(&moved, below));
                }
                record.workspace = path_text(&moved);
            });
            updated.map_err(|error| match error {
                super::PodError::Io(error) => error,
                other => PathError::refused("change the record of", &self.pod_dir(&record.pod), other.to_string()),
            })?;
        }
        Ok(())
    }

    fn remove_old_socket(&self, old_dir: &Path, pod: &PodName) -> Result<(), PathError> {
        let socket = self.socket_path_in(old_dir, pod);
        if fs::is_socket(&socket) { fs::unlink(&socket).map(drop) } else { Ok(()) }
    }

    /// Removes a registry that was moved out of its place, if it is empty and nothing in it is live or in flight; needs
    /// what excludes others who move registries.
    pub(super) fn remove_deserted(&self, dir: &Path) -> Result<(), PathError> {
        let root = &self.workspace().key_root;
        let is_deserted = check_empty(dir).is_ok() && ask_locks(dir, root, Asked::Again).is_ok();
        if is_deserted { fs::remove_tree(dir) } else { Ok(()) }
    }

    /// The registries that may be that of this workspace, which has no records: same leaf, and their workspace is gone.
    ///
    /// Only to be suggested; what cannot be read is passed over.
    pub fn adoptable(&self) -> Vec<Adoptable> {
        if check_empty(self.dir()).is_err() {
            return Vec::new();
        }
        let leaf = self.workspace().key_root.file_name();
        let keys = fs::entries(&self.workspaces_dir()).unwrap_or_default();
        let mut found: Vec<Adoptable> = keys
            .into_iter()
            .filter_map(|key| {
                let record = WorkspaceRecord::read(&self.workspaces_dir().join(&key)).ok()??;
                let (key, root) = (key.into_string().ok()?, path_from_text(&record.root));
                (key_of_root(&record.root) == key && root.file_name() == leaf && is_gone(&root))
                    .then_some(Adoptable { key, root })
            })
            .collect();
        found.sort_by(|a, b| a.root.cmp(&b.root));
        found
    }
}

/// Whether nothing is at a path; what cannot be looked at may be there.
fn is_gone(path: &Path) -> bool {
    match std::fs::symlink_metadata(path) {
        Ok(_) => false,
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

/// A path without the slash at its end that joining nothing would add.
fn joined(root: &Path, below: &Path) -> PathBuf {
    root.components().chain(below.components()).collect()
}

/// Refuses a registry that has records.
fn check_empty(dir: &Path) -> Result<(), AdoptError> {
    for name in RECORDS {
        let place = dir.join(name);
        if !fs::entries(&place)?.is_empty() {
            return Err(AdoptError::NotEmpty { place });
        }
    }
    Ok(())
}

/// When locks are asked: before a move, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    First,
    Again,
}

/// Refuses a registry of which any lock is held.
fn ask_locks(dir: &Path, root: &Path, asked: Asked) -> Result<(), AdoptError> {
    for (place, what, prefix) in [("locks/pods", "Pod", "pod "), ("locks/tickets", "ticket", "ticket ")] {
        let locks = dir.join(place);
        for key in fs::entries(&locks)? {
            let lock = locks.join(&key);
            if fs::probe(&lock)? == LockState::Free {
                continue;
            }
            let root = root.to_owned();
            let name = fs::holder_line(&lock, prefix).unwrap_or_else(|| key.to_string_lossy().into_owned());
            return Err(match (what, asked) {
                ("Pod", Asked::First) => AdoptError::Live { root, what, name },
                _ => AdoptError::InFlight { root, what, name },
            });
        }
    }
    Ok(())
}
