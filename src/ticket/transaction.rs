//! Changing a ticket: one instant in which all of it is new, to readers and to a crash.
//!
//! A change builds the successor of the ticket's whole directory in `.yoi/tmp/<ID>.<random>`, complete and synced, and
//! exchanges the two names. So the state in `item.md` and the event in `thread.md` become visible together, and a crash
//! leaves one directory or the other in place.
//!
//! # Order
//! 1. Lock: `flock` on the directory of the tickets; writers go one after another, readers do not wait.
//! 2. Sweep what a crashed writer left in `.yoi/tmp`; the lock says that nobody else is using it.
//! 3. Read the ticket, decide, build the successor.
//! 4. Exchange, and sync the directory of the tickets.
//! 5. Compare what came out with what was read. People edit tickets without a lock: if somebody saved in between, both
//!    names are exchanged back and all begins again from what they saved.
//! 6. Remove the predecessor.
//!
//! # Limits
//! Where the file system cannot exchange names, the files are renamed over their predecessors one by one, `thread.md`
//! before `item.md`, which comes last: a crash between them leaves the event without its state, never a state without its
//! event.
//! A crash between steps 4 and 5 loses what a person saved in the moment between 3 and 4.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::fs::{
    Exchanged, FlockGuard, IoContext as _, PathError, Wait, entries, exchange, random_suffix, remove_tree,
    rename_into_place, sync_dir,
};

use super::error::WriteError;
use super::files::{MAX_FILE, OpenDir};
use super::id::LocalId;
use super::record::{ITEM, RESOLUTION, Raw, THREAD, Ticket};
use super::relation::RELATIONS;
use super::store::Tickets;
use super::tree::{Inventory, NewFile, succeed};

/// How long a writer waits for another one.
const WAIT: Wait = Wait::For(Duration::from_secs(5));
/// How often a change begins again because somebody saved meanwhile.
const MAX_TURNS: usize = 20;

/// What is to become of a ticket, decided from what it is.
pub(super) enum Decision<T> {
    /// Nothing.
    Leave(T),
    /// These files are new.
    Write(Vec<NewFile>, T),
}

/// The right to write into the tickets; others wait until it is dropped.
#[must_use = "the lock is released when this is dropped"]
pub(super) struct Writer<'a> {
    tickets: &'a Tickets,
    _lock: FlockGuard,
}

/// A directory in `.yoi/tmp` that is removed when this is dropped, whatever has become of it.
pub(super) struct Scratch {
    path: PathBuf,
}

impl Tickets {
    /// Takes the writers' lock, making the directories where they are missing.
    pub(super) fn writer(&self) -> Result<Writer<'_>, WriteError> {
        make_dirs(&self.root)?;
        let lock = loop {
            // git may remove the directory and make it anew while we wait: what counts is the lock of the one in place.
            let dir = OpenDir::open(std::fs::canonicalize(&self.root).context("find", &self.root)?)?;
            let lock = FlockGuard::acquire_dir(&self.root, WAIT)?;
            if dir.is_some_and(|dir| dir.is_current().unwrap_or(false)) {
                break lock;
            }
            make_dirs(&self.root)?;
        };
        let writer = Writer { tickets: self, _lock: lock };
        writer.sweep()?;
        Ok(writer)
    }

    /// Changes a ticket as `decide` says, which may be asked again when somebody saved meanwhile.
    pub(super) fn change<T>(
        &self,
        id: &LocalId,
        mut decide: impl FnMut(&Ticket) -> Result<Decision<T>, WriteError>,
    ) -> Result<T, WriteError> {
        let writer = self.writer()?;
        let dir = id.dir(&self.root);
        for _ in 0..MAX_TURNS {
            let raw = self.read_raw(id)?;
            let inventory = Inventory::of(&dir)?;
            let (files, done) = match decide(&raw.clone().parse(id.ticket(), &dir)?)? {
                Decision::Leave(done) => return Ok(done),
                Decision::Write(files, done) => (files, done),
            };
            check_sizes(&files)?;
            if writer.put(id, &Before { raw, inventory }, &files)? {
                return Ok(done);
            }
        }
        Err(WriteError::Changing { id: id.ticket().clone() })
    }
}

/// Refuses files that would not be read again.
pub(super) fn check_sizes(files: &[NewFile]) -> Result<(), WriteError> {
    let is_too_large = |file: &&NewFile| file.content.as_ref().is_some_and(|content| content.len() as u64 > MAX_FILE);
    match files.iter().find(is_too_large) {
        Some(file) => {
            Err(WriteError::Invalid { what: file.name, why: format!("would have more than {MAX_FILE} bytes") })
        }
        None => Ok(()),
    }
}

/// A ticket's directory as it was when the change was decided.
struct Before {
    raw: Raw,
    inventory: Inventory,
}

impl Before {
    /// Whether a directory is still what it was.
    ///
    /// Both are needed: files change within one tick of the clock, and artifacts are not read.
    fn is_still(&self, dir: &Path) -> Result<bool, WriteError> {
        let Some(open) = OpenDir::open(dir.to_owned())? else { return Ok(false) };
        Ok(Raw::read(&open)? == self.raw && Inventory::of(dir)? == self.inventory)
    }
}

impl Writer<'_> {
    /// Makes a place to build in, named after the ticket.
    pub(super) fn scratch(&self, id: &LocalId) -> Result<Scratch, WriteError> {
        // Not synced: it need not outlive a crash.
        std::fs::create_dir_all(&self.tickets.scratch).context("make the directory", &self.tickets.scratch)?;
        Ok(Scratch { path: self.tickets.scratch.join(format!("{}.{}", id.as_str(), random_suffix())) })
    }

    /// Puts new files into a ticket; `false` where somebody saved meanwhile, and nothing was changed.
    fn put(&self, id: &LocalId, before: &Before, files: &[NewFile]) -> Result<bool, WriteError> {
        let dir = id.dir(&self.tickets.root);
        let scratch = self.scratch(id)?;
        match succeed(&dir, scratch.path(), files) {
            // Somebody removed or renamed a file while it was linked.
            Err(error) if error.is_not_found() => return Ok(false),
            other => other?,
        }
        if self.tickets.one_by_one || exchange(scratch.path(), &dir)? == Exchanged::Unsupported {
            return put_one_by_one(&scratch, &dir, before, files);
        }
        // From here on the change is visible. A failed sync must not hide that the comparison is still to come.
        let synced = sync_dir(&self.tickets.root);
        if before.is_still(scratch.path())? {
            synced?;
            return Ok(true);
        }
        match exchange(scratch.path(), &dir) {
            Ok(_) => {
                sync_dir(&self.tickets.root)?;
                Ok(false)
            }
            Err(source) => Err(WriteError::Displaced { id: id.ticket().clone(), kept: scratch.keep(), source }),
        }
    }

    /// Removes what crashed writers left. What cannot be removed stays; it is in nobody's way.
    fn sweep(&self) -> Result<(), WriteError> {
        let scratch = &self.tickets.scratch;
        match std::fs::symlink_metadata(scratch) {
            Ok(meta) if !meta.is_dir() => {
                return Err(PathError::refused("use", scratch, "it is no directory").into());
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).context("look at", scratch).map_err(WriteError::Io),
        }
        for name in entries(scratch)?.iter().filter_map(|name| name.to_str()).filter(|name| is_leftover(name)) {
            let _ = remove_tree(&scratch.join(name));
        }
        let _ = std::fs::remove_dir(scratch);
        Ok(())
    }
}

/// Whether a name in `.yoi/tmp` is one that a writer gives: an id, a dot, 16 hexadecimal digits.
pub(super) fn is_leftover(name: &str) -> bool {
    name.split_once('.').is_some_and(|(id, random)| {
        LocalId::parse(id).is_some() && random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// The weaker way, file by file; see the module.
fn put_one_by_one(scratch: &Scratch, dir: &Path, before: &Before, files: &[NewFile]) -> Result<bool, WriteError> {
    if !before.is_still(dir)? {
        return Ok(false);
    }
    for name in [RELATIONS, THREAD, RESOLUTION, ITEM] {
        if let Some((below, _)) = name.split_once('/').filter(|_| files.iter().any(|file| file.name == name)) {
            make_dirs(&dir.join(below))?;
        }
        match files.iter().find(|file| file.name == name).map(|file| file.content.is_some()) {
            Some(true) => rename_into_place(&scratch.path().join(name), &dir.join(name)).map_err(PathError::from)?,
            Some(false) => unlink_if_there(&dir.join(name))?,
            None => {}
        }
    }
    Ok(true)
}

fn unlink_if_there(path: &Path) -> Result<(), PathError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps what is in it, under a name that no writer sweeps.
    fn keep(self) -> PathBuf {
        let kept = self.path.with_extension("kept");
        match std::fs::rename(&self.path, &kept) {
            Ok(()) => kept,
            // A second best: it stands until the next writer.
            Err(_) => std::mem::ManuallyDrop::new(self).path.clone(),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is swept by the next writer.
        let _ = remove_tree(&self.path);
        if let Some(parent) = self.path.parent() {
            let _ = std::fs::remove_dir(parent);
        }
    }
}

/// Makes a directory and all that are missing above it, each synced in its parent.
pub(super) fn make_dirs(path: &Path) -> Result<(), PathError> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_dirs(parent)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error).context("make the directory", path),
        Ok(()) => sync_dir(parent),
    }
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
