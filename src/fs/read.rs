//! Safe opening and reading: never through a symlink, never a FIFO, never a file of somebody else.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::libc;

use super::error::{IoContext as _, PathError};

/// The largest record that is read, in bytes.
pub const MAX_RECORD: u64 = 1 << 20;

/// Reads a record of at most [`MAX_RECORD`] bytes; `None` where there is no such file.
///
/// Only `ENOENT` for the file itself counts as "no such file".
///
/// # Errors
/// When the file cannot be opened or read, is a symlink, no regular file, not ours, writable by others, or too large.
pub fn read_file(path: &Path) -> Result<Option<Vec<u8>>, PathError> {
    read_file_up_to(path, MAX_RECORD)
}

/// Reads a file as [`read_file`] does, with a bound of its own in bytes.
///
/// # Errors
/// The same as those of [`read_file`].
pub fn read_file_up_to(path: &Path, bound: u64) -> Result<Option<Vec<u8>>, PathError> {
    let Some((file, size)) = open_regular(path)? else { return Ok(None) };
    if size > bound {
        return Err(PathError::refused("read", path, format!("it has {size} bytes, at most {bound} are read")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    // A file that grows while it is read stays within the bound.
    (&file).take(bound + 1).read_to_end(&mut bytes).context("read", path)?;
    if bytes.len() as u64 > bound {
        return Err(PathError::refused("read", path, format!("it grew past {bound} bytes while it was read")));
    }
    Ok(Some(bytes))
}

/// Reads the last `bound` bytes of a file that only grows, and tells whether there is more before them; `None` where
/// there is no such file.
///
/// # Errors
/// The same as those of [`read_file`], except that no size is too large.
pub fn read_tail(path: &Path, bound: u64) -> Result<Option<(Vec<u8>, bool)>, PathError> {
    let Some((file, size)) = open_regular(path)? else { return Ok(None) };
    let start = size.saturating_sub(bound);
    let mut bytes = Vec::new();
    (&file).seek(SeekFrom::Start(start)).context("read", path)?;
    (&file).take(bound).read_to_end(&mut bytes).context("read", path)?;
    Ok(Some((bytes, start > 0)))
}

/// Checks that a file is there and would be read, without reading it.
///
/// # Errors
/// When it is missing, or [`read_file`] would refuse it for another reason than its size.
pub fn check_readable(path: &Path) -> Result<(), PathError> {
    match open_regular(path)? {
        Some(_) => Ok(()),
        None => Err(std::io::Error::from(std::io::ErrorKind::NotFound)).context("open", path),
    }
}

/// Whether there is anything of this name, be it a file or not; asked without following a symlink.
///
/// # Errors
/// When that cannot be told.
pub fn is_there(path: &Path) -> Result<bool, PathError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("look at", path),
    }
}

/// Whether what bears this name has the form of a record: a regular file of at most [`MAX_RECORD`] bytes.
///
/// # Errors
/// When it cannot be looked at.
pub fn is_record_sized_file(path: &Path) -> Result<bool, PathError> {
    let meta = std::fs::symlink_metadata(path).context("look at", path)?;
    Ok(meta.is_file() && meta.len() <= MAX_RECORD)
}

/// When the inode of a file last changed: for a renamed file, the moment of the rename.
///
/// # Errors
/// When the file cannot be looked at.
pub fn changed_at(path: &Path) -> Result<chrono::DateTime<chrono::Utc>, PathError> {
    let meta = std::fs::symlink_metadata(path).context("look at", path)?;
    let nanoseconds = u32::try_from(meta.ctime_nsec()).unwrap_or(0);
    Ok(chrono::DateTime::from_timestamp(meta.ctime(), nanoseconds).unwrap_or_default())
}

/// Opens a file for reading as [`read_file`] does and gives its size in bytes; `None` where there is no such file.
///
/// # Errors
/// The same as those of [`read_file`], except that no size is too large.
pub fn open_regular(path: &Path) -> Result<Option<(File, u64)>, PathError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(PathError::refused("read", path, "it is a symbolic link, which yoi never follows"));
        }
        Err(error) => return Err(error).context("open", path),
    };
    let size = check_regular(&file, path)?;
    Ok(Some((file, size)))
}

/// Checks that an open file is a regular one, ours, and writable by nobody else; gives its size in bytes.
pub(super) fn check_regular(file: &File, path: &Path) -> Result<u64, PathError> {
    let meta = file.metadata().context("look at", path)?;
    if !meta.is_file() {
        return Err(PathError::refused("read", path, "it is no regular file"));
    }
    super::dir::check_owner_and_mode(path, meta.uid(), meta.mode())?;
    Ok(meta.len())
}

/// Lists the names in a directory, in no particular order; empty where there is no such directory.
///
/// # Errors
/// When the directory exists and cannot be read.
pub fn entries(dir: &Path) -> Result<Vec<OsString>, PathError> {
    let listing = match std::fs::read_dir(dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list", dir),
    };
    listing.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>().context("list", dir)
}
