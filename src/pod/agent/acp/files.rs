//! The files that an agent may ask its Pod for: those of its workspace.

use std::path::{Path, PathBuf};

/// Says why a file is not served; for a model.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// Not there yet.
    #[error("files are not served yet")]
    NotYet,
}

/// The files of a workspace.
pub(super) struct Files {
    _root: PathBuf,
}

impl Files {
    pub(super) fn new(root: &Path) -> Self {
        Self { _root: root.to_owned() }
    }

    pub(super) fn read(&self, _: &Path, _: Option<u32>, _: Option<u32>) -> Result<String, FileError> {
        Err(FileError::NotYet)
    }

    pub(super) fn write(&self, _: &Path, _: &str) -> Result<(), FileError> {
        Err(FileError::NotYet)
    }
}
