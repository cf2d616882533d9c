//! `flock`, which excludes: for as long as one read-compare-change takes, also among those who inherited a mark.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::libc;

use super::error::IoContext as _;
use super::lock::{Wait, WaitError, check_in_place, open_lock_file, wait_for};

/// An exclusive `flock(2)` on a freshly opened descriptor; dropping it closes the descriptor.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct FlockGuard {
    file: File,
}

impl FlockGuard {
    /// Opens the file, making it where it is missing, and takes its lock.
    ///
    /// # Errors
    /// [`WaitError::Held`] when another holds it to the end of the wait.
    pub fn acquire(path: &Path, wait: Wait) -> Result<Self, WaitError> {
        let guard = Self::lock(open_lock_file(path)?.0, path, wait)?;
        check_in_place(&guard.file, path)?;
        Ok(guard)
    }

    /// Takes the `flock` of an existing directory, opened afresh.
    ///
    /// # Errors
    /// When the directory cannot be opened, or another holds its lock to the end of the wait.
    pub fn acquire_dir(path: &Path, wait: Wait) -> Result<Self, WaitError> {
        let dir = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC).open(path);
        Self::lock(dir.context("open the directory", path)?, path, wait)
    }

    fn lock(file: File, path: &Path, wait: Wait) -> Result<Self, WaitError> {
        let attempt = || Ok(try_flock(&file)?.then_some(()));
        match wait_for(wait, attempt).context("lock", path)? {
            Some(()) => Ok(Self { file }),
            None => Err(WaitError::Held { path: path.to_owned(), holder: None }),
        }
    }
}

pub(super) fn try_flock(file: &File) -> io::Result<bool> {
    // `nix::fcntl::Flock` unlocks when dropped; we release by closing alone, so the call is made directly.
    // SAFETY: the descriptor is open for as long as `file` lives, and flock(2) touches no memory.
    match Errno::result(unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) }) {
        Ok(_) => Ok(true),
        Err(Errno::EWOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::OfdLock;

    #[test]
    fn flock_and_open_file_description_locks_do_not_see_each_other() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let _mark = OfdLock::acquire(&path, Wait::No).unwrap();
        let guard = FlockGuard::acquire(&path, Wait::No).unwrap();
        assert!(matches!(FlockGuard::acquire(&path, Wait::No), Err(WaitError::Held { .. })));
        drop(guard);
        let _again = FlockGuard::acquire(&path, Wait::No).unwrap();
    }
}
