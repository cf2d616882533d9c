//! Opening and reading files that are shared through git: anybody's, of any mode, but never a FIFO or a device, and
//! of a bounded size.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

use crate::fs::{IoContext as _, PathError};

/// The largest file that is read or written here, in bytes.
pub(super) const MAX_FILE: u64 = 4 << 20;

/// `O_NONBLOCK` keeps a FIFO from hanging the reader; it is refused when it turns out to be no regular file.
const READ: OFlag = OFlag::O_RDONLY.union(OFlag::O_NONBLOCK).union(OFlag::O_CLOEXEC).union(OFlag::O_NOCTTY);

/// A ticket's directory, opened once: what is read through it is of one moment, whoever exchanges the name meanwhile.
#[derive(Debug)]
pub(super) struct OpenDir {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl OpenDir {
    /// Opens a directory; `None` where there is none. A symlink in its place is refused.
    pub(super) fn open(path: PathBuf) -> Result<Option<Self>, PathError> {
        let flags = READ.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW);
        match open(&path, flags, Mode::empty()) {
            Ok(descriptor) => Ok(Some(Self { descriptor, path })),
            Err(Errno::ENOENT) => Ok(None),
            Err(Errno::ENOTDIR | Errno::ELOOP) => Err(PathError::refused("read", &path, "it is no directory")),
            Err(error) => Err(error).context("open", &path),
        }
    }

    /// Reads a file of this directory; `None` where there is none. A symlink in its place is refused.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PathError> {
        let path = self.path.join(name);
        match openat(&self.descriptor, name, READ.union(OFlag::O_NOFOLLOW), Mode::empty()) {
            Ok(descriptor) => read_regular(File::from(descriptor), &path).map(Some),
            Err(Errno::ENOENT) => Ok(None),
            Err(Errno::ELOOP) => {
                Err(PathError::refused("read", &path, "it is a symbolic link, which yoi does not follow here"))
            }
            Err(error) => Err(error).context("open", &path),
        }
    }

    /// Reads a file of a directory in this one; `None` where there is neither. A symlink in the place of either is refused.
    pub(super) fn read_below(&self, below: &str, name: &str) -> Result<Option<Vec<u8>>, PathError> {
        let path = self.path.join(below);
        let flags = READ.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW);
        match openat(&self.descriptor, below, flags, Mode::empty()) {
            Ok(descriptor) => Self { descriptor, path }.read(name),
            Err(Errno::ENOENT) => Ok(None),
            Err(Errno::ENOTDIR | Errno::ELOOP) => Err(PathError::refused("read", &path, "it is no directory")),
            Err(error) => Err(error).context("open", &path),
        }
    }

    /// Whether the name still stands for this directory. If not, a writer has put a successor there, and a file that
    /// was missing may have been removed with its whole directory.
    pub(super) fn is_current(&self) -> Result<bool, PathError> {
        let open = nix::sys::stat::fstat(&self.descriptor).context("look at", &self.path)?;
        match std::fs::symlink_metadata(&self.path) {
            Ok(named) => Ok(named.dev() == open.st_dev && named.ino() == open.st_ino),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).context("look at", &self.path),
        }
    }
}

/// Reads a text file of the configuration, through symlinks; `None` where there is none.
pub(super) fn read_text(path: &Path) -> Result<Option<String>, PathError> {
    match open(path, READ, Mode::empty()) {
        Ok(descriptor) => text_of(read_regular(File::from(descriptor), path)?, path).map(Some),
        Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
        Err(error) => Err(error).context("open", path),
    }
}

/// Takes bytes as text.
pub(super) fn text_of(bytes: Vec<u8>, path: &Path) -> Result<String, PathError> {
    String::from_utf8(bytes).map_err(|error| {
        let line =
            1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        PathError::refused("read", path, format!("it is no UTF-8 text (line {line})"))
    })
}

fn read_regular(file: File, path: &Path) -> Result<Vec<u8>, PathError> {
    let meta = file.metadata().context("look at", path)?;
    if !meta.is_file() {
        return Err(PathError::refused("read", path, "it is no regular file"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(MAX_FILE)).unwrap_or(0) + 1);
    file.take(MAX_FILE + 1).read_to_end(&mut bytes).context("read", path)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(PathError::refused("read", path, format!("it has more than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}
