//! Looking at a name without opening what it stands for.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use super::error::{IoContext as _, PathError};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, wherever it leads.
    Symlink,
    /// A FIFO.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    Device,
}

impl Kind {
    /// The kind with its article, as the end of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::File => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::Device => "a device",
        }
    }
}

/// What is seen of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// What it stands for.
    pub kind: Kind,
    /// Whose it is.
    pub uid: u32,
    /// Its permissions.
    pub mode: u32,
    /// The device that it is on, and its number there: two names with one identity are one file.
    pub identity: (u64, u64),
}

/// Looks at a name, never through a symlink; `None` where there is no such name.
///
/// # Errors
/// When the system does not let it be looked at.
pub fn look(path: &Path) -> Result<Option<Look>, PathError> {
    let meta = match std::fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).context("look at", path),
    };
    let kind = match meta.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Directory,
        kind if kind.is_symlink() => Kind::Symlink,
        kind if kind.is_fifo() => Kind::Fifo,
        kind if kind.is_socket() => Kind::Socket,
        _ => Kind::Device,
    };
    Ok(Some(Look { kind, uid: meta.uid(), mode: meta.mode() & 0o7777, identity: (meta.dev(), meta.ino()) }))
}
