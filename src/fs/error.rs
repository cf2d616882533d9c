//! I/O errors that say what was being done, and to which path.

use std::io;
use std::path::{Path, PathBuf};

/// An I/O error with its path.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} '{}'", path.display())]
pub struct PathError {
    /// What was being done, as a verb: `open`, `link`, `sync` …
    pub doing: &'static str,
    /// The path that it was done to.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

impl PathError {
    /// Makes the error of a check that this program made itself, with `why` in the system's place.
    pub fn refused(doing: &'static str, path: &Path, why: impl Into<String>) -> Self {
        Self { doing, path: path.to_owned(), source: io::Error::other(why.into()) }
    }

    /// Whether the system failed to do it, rather than a check of ours.
    pub fn is_of_the_system(&self) -> bool {
        self.source.raw_os_error().is_some()
    }

    /// Whether the file system has no room for it, or none for this user.
    pub fn is_no_room(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// Whether the file or a directory above it does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }
}

/// Adds to an I/O result what was being done, and to which path.
pub trait IoContext<T> {
    /// Turns an I/O error into a [`PathError`].
    ///
    /// # Errors
    /// The same as the result's own.
    fn context(self, doing: &'static str, path: &Path) -> Result<T, PathError>;
}

impl<T, E: Into<io::Error>> IoContext<T> for Result<T, E> {
    fn context(self, doing: &'static str, path: &Path) -> Result<T, PathError> {
        self.map_err(|error| PathError { doing, path: path.to_owned(), source: error.into() })
    }
}
