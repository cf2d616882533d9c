//! Directories that only their owner may change.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::error::{IoContext as _, PathError};

/// A directory that was checked: ours, no symlink, writable by nobody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateDir {
    path: PathBuf,
    owner: u32,
}

impl PrivateDir {
    /// The directory's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The user that it belongs to, where that is not the one that asks: only root is told so.
    pub fn foreign_owner(&self) -> Option<u32> {
        (self.owner != nix::unistd::geteuid().as_raw()).then_some(self.owner)
    }
}

/// Makes a directory of mode 0700 and all that are missing above it, each synced in its parent, and checks it.
///
/// A directory that another process makes at the same time is as good.
///
/// # Errors
/// When a directory cannot be made or synced, or what is there does not pass [`check_private`].
pub fn make_private_dir(path: &Path) -> Result<PrivateDir, PathError> {
    if let Ok(dir) = check_private(path) {
        return Ok(dir);
    }
    make_missing(path)?;
    check_private(path)
}

/// The same where the directory above must be there: one that was moved away is not made anew in its old place.
///
/// # Errors
/// Those of [`make_private_dir`], and when there is no directory above.
pub fn make_private_subdir(path: &Path) -> Result<PrivateDir, PathError> {
    if let Ok(dir) = check_private(path) {
        return Ok(dir);
    }
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error).context("make the directory", path);
        }
        _ => super::sync_parent(path)?,
    }
    check_private(path)
}

fn make_missing(path: &Path) -> Result<(), PathError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {}
        // Another process made it just now: whoever relies on it syncs it too, and does not wait for that one.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let Some(parent) = parent else { return Err(error).context("make the directory", path) };
            make_missing(parent)?;
            match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(error).context("make the directory", path);
                }
                _ => {}
            }
        }
        Err(error) => return Err(error).context("make the directory", path),
    }
    super::sync_parent(path)
}

/// Checks that a path is a directory of ours that nobody else may write to.
///
/// # Errors
/// When it is missing, a symlink, another's, or writable by group or others.
pub fn check_private(path: &Path) -> Result<PrivateDir, PathError> {
    let meta = std::fs::symlink_metadata(path).context("look at the directory", path)?;
    if meta.file_type().is_symlink() {
        return Err(PathError::refused("use", path, "it is a symbolic link, which yoi never follows"));
    }
    if !meta.is_dir() {
        return Err(PathError::refused("use", path, "it is no directory"));
    }
    check_owner_and_mode(path, meta.uid(), meta.mode())?;
    Ok(PrivateDir { path: path.to_owned(), owner: meta.uid() })
}

/// The user that a file or directory belongs to, where it exists and that is not the one that asks.
pub fn foreign_owner(path: &Path) -> Option<u32> {
    let owner = std::fs::symlink_metadata(path).ok()?.uid();
    (owner != nix::unistd::geteuid().as_raw()).then_some(owner)
}

/// Refuses what is owned by somebody else or writable by others; root may read what is anybody's.
pub(super) fn check_owner_and_mode(path: &Path, uid: u32, mode: u32) -> Result<(), PathError> {
    let me = nix::unistd::geteuid();
    if uid != me.as_raw() && !me.is_root() {
        return Err(PathError::refused("trust", path, format!("it belongs to user {uid}, not to user {me}")));
    }
    if mode & 0o022 != 0 {
        let mode = mode & 0o7777;
        let why = format!("others may write to it (mode {mode:04o}); take that away with: chmod go-w");
        return Err(PathError::refused("trust", path, why));
    }
    Ok(())
}

/// Takes bits away from the mode of a file or directory.
///
/// # Errors
/// When it is a symlink or neither file nor directory, or its mode cannot be changed.
pub fn take_away(path: &Path, away: u32) -> Result<(), PathError> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(path).context("open", path)?;
    let meta = file.metadata().context("look at", path)?;
    if !meta.is_dir() && !meta.is_file() {
        return Err(PathError::refused("set the mode of", path, "it is neither a file nor a directory"));
    }
    let mode = std::fs::Permissions::from_mode(meta.mode() & 0o7777 & !away);
    file.set_permissions(mode).context("set the mode of", path)
}

/// Removes a directory and all below it, never following a symlink; one that is gone already is as good.
///
/// # Errors
/// When something in it cannot be removed.
pub fn remove_tree(path: &Path) -> Result<(), PathError> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error).context("remove", path),
        _ => Ok(()),
    }
}
