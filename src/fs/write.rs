//! Putting whole files into place.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::libc;

use super::error::{IoContext as _, PathError};
use super::new_file::NewFile;

/// Writes a new file of mode 0600 in full and fsyncs it; on failure nothing is left under that name.
///
/// The name is not durable before its directory is synced.
///
/// # Errors
/// When the name exists, even as a symlink, or the file cannot be written or synced.
pub fn create_file(path: &Path, bytes: &[u8]) -> Result<(), PathError> {
    NewFile::write(path, bytes)?.sync()
}

/// What became of [`link_into_place`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the name may be taken, or the source gone"]
pub enum Linked {
    /// The file now has the new name.
    Done,
    /// The new name is taken by another file.
    Taken,
    /// The file has no longer its old name.
    SourceGone,
}

/// Gives a complete file a second name that must be free: the moment at which a record begins to exist.
///
/// The caller syncs the directory and unlinks the first name. An error reply of which the link succeeded all the same
/// (seen on network file systems) counts as success: both names are then one file.
///
/// # Errors
/// When the link is known not to have been made, for another reason than a taken name or a missing source.
pub fn link_into_place(from: &Path, to: &Path) -> Result<Linked, PathError> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(Linked::Done),
        Err(_) if is_one_file(from, to) => Ok(Linked::Done),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Linked::Taken),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !exists(from) => Ok(Linked::SourceGone),
        Err(error) => Err(error).context("link into place", to),
    }
}

/// Whether anything has this name; what cannot be looked at counts as there.
pub fn exists(path: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// What a name stands for, by device and inode; `None` where that cannot be told.
pub(super) fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path).map(|meta| (meta.dev(), meta.ino())).ok()
}

fn is_one_file(a: &Path, b: &Path) -> bool {
    match (std::fs::symlink_metadata(a), std::fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

/// Says how far a rename into place came.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// It was not made: all is as it was.
    #[error(transparent)]
    NotMade(PathError),
    /// It was made and can be seen; whether it survives a power cut is not known.
    #[error(transparent)]
    NotDurable(PathError),
}

impl From<PlaceError> for PathError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::NotMade(error) | PlaceError::NotDurable(error) => error,
        }
    }
}

/// Writes a file under a temporary name, renames it over `to`, and syncs the directory of `to`.
///
/// `temporary` must lie on the same file system and name what it is for, so that the next writer of `to` may sweep it.
///
/// # Errors
/// When any step fails. After the rename only the sync can fail, and the new content is then visible.
pub fn replace(temporary: &Path, to: &Path, bytes: &[u8]) -> Result<(), PlaceError> {
    create_file(temporary, bytes).map_err(PlaceError::NotMade)?;
    let renamed = rename(temporary, to).context("replace", to);
    if renamed.is_err() {
        let _ = std::fs::remove_file(temporary);
    }
    renamed.map_err(PlaceError::NotMade)?;
    sync_parent(to).map_err(PlaceError::NotDurable)
}

/// Renames a file or directory, over another one if there is one.
///
/// An error reply of which the rename succeeded all the same (seen on network file systems) counts as success: the old
/// name is gone, and the new one is what the old one was.
///
/// # Errors
/// When the rename is known not to have been made.
pub fn rename(from: &Path, to: &Path) -> io::Result<()> {
    let before = identity(from);
    match std::fs::rename(from, to) {
        Err(_) if before.is_some() && identity(to) == before && !exists(from) => Ok(()),
        other => other,
    }
}

/// Renames a file, over another one if there is one, and syncs the directory of the new name.
///
/// Needs no space for data, so it works on a full disk.
///
/// # Errors
/// When the rename or the sync fails.
pub fn rename_into_place(from: &Path, to: &Path) -> Result<(), PlaceError> {
    rename(from, to).context("rename into place", to).map_err(PlaceError::NotMade)?;
    sync_parent(to).map_err(PlaceError::NotDurable)
}

pub(super) fn sync_parent(path: &Path) -> Result<(), PathError> {
    sync_dir(path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Makes the names in a directory durable.
///
/// # Errors
/// When the directory cannot be opened or synced; its durability is then unknown.
pub fn sync_dir(path: &Path) -> Result<(), PathError> {
    let dir = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC)
        .open(path)
        .context("open the directory", path)?;
    dir.sync_all().context("sync the directory", path)
}

/// Makes what was written to a file durable, by whomever.
///
/// # Errors
/// When there is no such regular file of ours, or it cannot be synced; its durability is then unknown.
pub fn sync_file(path: &Path) -> Result<(), PathError> {
    let Some((file, _size)) = super::read::open_regular(path)? else {
        return Err(io::Error::from(io::ErrorKind::NotFound)).context("sync", path);
    };
    file.sync_data().context("sync", path)
}

/// Removes a name; one that is gone already is as good. Tells whether it was there.
///
/// # Errors
/// When the name exists and cannot be removed.
pub fn unlink(path: &Path) -> Result<bool, PathError> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("remove", path),
    }
}

/// Opens a file to read it and append to it, of mode 0600 and made where it is missing; gives its size in bytes, too.
///
/// # Errors
/// When it cannot be opened, or is a symlink, no regular file, not ours, or writable by others.
pub fn open_to_append(path: &Path) -> Result<(File, u64), PathError> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)
        .context("open", path)?;
    let size = super::read::check_regular(&file, path)?;
    Ok((file, size))
}

/// Appends one line in one `write`, after ending a torn last line with a newline of its own.
///
/// `line` comes without its newline. Concurrent appends do not mix. Gives the open file, for a caller that syncs it.
///
/// # Errors
/// When the file cannot be opened or is no regular file of ours, or the line was not written in full.
pub fn append_line(path: &Path, line: &str) -> Result<File, PathError> {
    let (mut file, size) = open_to_append(path)?;
    let mut text = String::with_capacity(line.len() + 2);
    if size > 0 {
        let mut last = [b'\n'];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut last, size - 1).context("read", path)?;
        if last != [b'\n'] {
            text.push('\n');
        }
    }
    text.push_str(line);
    text.push('\n');
    // One write, not `write_all`: half a line and its rest must not have another writer's line between them.
    let written = loop {
        match file.write(text.as_bytes()) {
            // Of a file elsewhere (FUSE, 9p, NFS), and only before anything was written: after that it is a short write.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            written => break written.context("append to", path)?,
        }
    };
    if written < text.len() {
        let why = format!("only {written} of {} bytes were written", text.len());
        return Err(PathError::refused("append to", path, why));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_is_not_written_over_be_it_a_symlink() {
        let dir = tempfile::tempdir().unwrap();
        let [path, victim, link] = ["file", "victim", "link"].map(|name| dir.path().join(name));
        create_file(&path, b"first").unwrap();
        create_file(&path, b"second").unwrap_err();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        create_file(&link, b"planted").unwrap_err();
        assert!(!victim.exists());
    }

    #[test]
    fn a_link_says_what_became_of_it() {
        let dir = tempfile::tempdir().unwrap();
        let [from, to, gone] = ["from", "to", "gone"].map(|name| dir.path().join(name));
        create_file(&from, b"x").unwrap();
        assert_eq!(link_into_place(&from, &to).unwrap(), Linked::Done);
        // As if the reply to the first had been lost.
        assert_eq!(link_into_place(&from, &to).unwrap(), Linked::Done);
        create_file(&gone, b"y").unwrap();
        assert_eq!(link_into_place(&gone, &to).unwrap(), Linked::Taken);
        unlink(&gone).unwrap();
        assert_eq!(link_into_place(&gone, &dir.path().join("new")).unwrap(), Linked::SourceGone);
    }

    #[test]
    fn a_rename_of_what_is_gone_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| dir.path().join(name));
        create_file(&to, b"x").unwrap();
        assert_eq!(rename(&from, &to).unwrap_err().kind(), io::ErrorKind::NotFound);
        create_file(&from, b"y").unwrap();
        rename(&from, &to).unwrap();
        assert_eq!(std::fs::read(&to).unwrap(), b"y");
    }
}
