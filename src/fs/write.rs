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

fn exists(path: &Path) -> bool {
    !matches!(std::fs::symlink_metadata(path), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

fn is_one_file(a: &Path, b: &Path) -> bool {
    match (std::fs::symlink_metadata(a), std::fs::symlink_metadata(b)) {
        (Ok(a), Ok(b)) => a.dev() == b.dev() && a.ino() == b.ino(),
        _ => false,
    }
}

/// Writes a file under a temporary name, renames it over `to`, and syncs the directory of `to`.
///
/// `temporary` must lie on the same file system and name what it is for, so that the next writer of `to` may sweep it.
///
/// # Errors
/// When any step fails. After the rename only the sync can fail, and the new content is then visible.
pub fn replace(temporary: &Path, to: &Path, bytes: &[u8]) -> Result<(), PathError> {
    create_file(temporary, bytes)?;
    let renamed = std::fs::rename(temporary, to).context("replace", to);
    if renamed.is_err() {
        let _ = std::fs::remove_file(temporary);
    }
    renamed?;
    sync_parent(to)
}

/// Renames a file, over another one if there is one, and syncs the directory of the new name.
///
/// Needs no space for data, so it works on a full disk.
///
/// # Errors
/// When the rename or the sync fails.
pub fn rename_into_place(from: &Path, to: &Path) -> Result<(), PathError> {
    std::fs::rename(from, to).context("rename into place", to)?;
    sync_parent(to)
}

fn sync_parent(path: &Path) -> Result<(), PathError> {
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
    // One write call, not `write_all`: half a line and its rest must not have another writer's line between them.
    let written = file.write(text.as_bytes()).context("append to", path)?;
    if written < text.len() {
        let why = format!("only {written} of {} bytes were written", text.len());
        return Err(PathError::refused("append to", path, why));
    }
    Ok(file)
}
