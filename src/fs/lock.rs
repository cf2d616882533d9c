//! What all lock files have in common: how they are opened, waited for, and read.
//!
//! Never unlock: an unlock in one process frees the lock for all who inherited it. Close instead, which is what dropping
//! a guard does. A lock file is never unlinked and never replaced.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::libc;

use super::error::{IoContext as _, PathError};

/// How long to wait for a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// Try once.
    No,
    /// Try again, with growing pauses of 1 to 50 ms, until this much time has passed.
    For(Duration),
}

/// Says why a lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// Somebody else holds it, to the end of the wait.
    #[error("'{}' is locked{}", path.display(), holder.as_deref().map(|h| format!(" by {h}")).unwrap_or_default())]
    Held {
        /// The lock file.
        path: PathBuf,
        /// What the lock file's text says of the holder; for people.
        holder: Option<String>,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Opens a lock file, making it where it is missing, and tells whether there is text in it.
pub(super) fn open_lock_file(path: &Path) -> Result<(File, bool), PathError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .context("open the lock", path)?;
    let size = super::read::check_regular(&file, path)?;
    Ok((file, size > 0))
}

/// Calls `attempt` until it gives something, such as the lock, or the wait is over.
pub(super) fn wait_for<T>(wait: Wait, mut attempt: impl FnMut() -> io::Result<Option<T>>) -> io::Result<Option<T>> {
    let deadline = match wait {
        Wait::No => None,
        Wait::For(time) => Instant::now().checked_add(time),
    };
    let mut pause = Duration::from_millis(1);
    loop {
        if let Some(found) = attempt()? {
            return Ok(Some(found));
        }
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        match left {
            Some(left) if !left.is_zero() => std::thread::sleep(pause.min(left)),
            _ => return Ok(None),
        }
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// Whether an open file and a path are the same file, by device and inode.
///
/// # Errors
/// When either cannot be looked at.
pub fn same_file(file: &File, path: &Path) -> Result<bool, PathError> {
    let open = file.metadata().context("look at the descriptor of", path)?;
    let named = std::fs::symlink_metadata(path).context("look at", path)?;
    Ok(open.dev() == named.dev() && open.ino() == named.ino())
}

/// Checks, once its lock was had, that a lock file still has its name: a registry that is moved takes its lock files
/// along, and others may stand in their place.
///
/// Whoever moves one asks its locks afterwards, and moves it back where one is held. So of a lock that is taken at that
/// moment either the mover hears, or its holder hears here of the move.
pub(super) fn check_in_place(file: &File, path: &Path) -> Result<(), PathError> {
    match same_file(file, path) {
        Ok(true) => Ok(()),
        Ok(false) => Err(PathError::refused("lock", path, "it was moved away at this moment; try again")),
        Err(error) if error.is_not_found() => {
            Err(PathError::refused("lock", path, "it was moved away at this moment; try again"))
        }
        Err(error) => Err(error),
    }
}

/// What a lock file says of its holder: its first line.
pub fn holder_text(path: &Path) -> Option<String> {
    holder_line(path, "")
}

/// The rest of the first line of a lock file that begins with `prefix`; `None` where there is none or it is empty.
pub fn holder_line(path: &Path, prefix: &str) -> Option<String> {
    let bytes = super::read_file_up_to(path, 4096).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find_map(|line| line.strip_prefix(prefix))?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}
