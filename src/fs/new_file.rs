//! Files that are written in full and synced later: of many, all are written before the first is waited for.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use nix::libc;

use super::error::{IoContext as _, PathError};

/// How many files are synced side by side. Each waits for the disk to empty its cache, and the kernel has those who wait
/// at the same time share that: a thousand files take as long as a hundred.
const SYNCERS: usize = 16;

/// A file that was written in full and is not synced yet.
#[derive(Debug)]
#[must_use = "what is not synced may be lost, or be empty, after a power cut"]
pub struct NewFile {
    file: File,
    path: PathBuf,
}

impl NewFile {
    /// Writes a new file of mode 0600 in full; on failure nothing is left under that name.
    ///
    /// # Errors
    /// When the name exists, even as a symlink, or the file cannot be written.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<Self, PathError> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
            .open(path)
            .context("create", path)?;
        let written = file.write_all(bytes).context("write", path);
        let new = Self { file, path: path.to_owned() };
        match written {
            Ok(()) => Ok(new),
            Err(error) => Err(new.abandon(error)),
        }
    }

    /// Has the kernel begin to write it out, and does not wait: the first sync of many then covers what all need.
    pub fn begin_writeback(&self) {
        // Only a head start: what it could not do the sync does, or tells.
        #[cfg(target_os = "linux")]
        // SAFETY: the descriptor is open for as long as `self`, and the call touches no memory.
        unsafe {
            libc::sync_file_range(self.file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE);
        }
    }

    /// Makes its bytes durable, but not its name; on failure nothing is left under that name.
    ///
    /// # Errors
    /// When it cannot be synced.
    pub fn sync(self) -> Result<(), PathError> {
        // A failed fsync is never tried again on the same descriptor: the kernel may have dropped the pages.
        let synced = self.file.sync_data().context("sync", &self.path);
        synced.map_err(|error| self.abandon(error))
    }

    /// Removes the file; the failure that led to it is what the caller must hear of.
    fn abandon(self, error: PathError) -> PathError {
        // A name that stays is swept by its next writer.
        let _ = std::fs::remove_file(&self.path);
        error
    }
}

/// Syncs many files, as [`NewFile::sync`] does each; gives what came of each in its place.
pub fn sync_all(files: Vec<NewFile>) -> Vec<Result<(), PathError>> {
    files.iter().for_each(NewFile::begin_writeback);
    let others = files.len().min(SYNCERS).saturating_sub(1);
    let mut synced: Vec<Result<(), PathError>> = files.iter().map(|_| Ok(())).collect();
    let waiting = Mutex::new(files.into_iter().zip(synced.iter_mut()));
    let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
    let work = || {
        while let Some((file, answer)) = next() {
            *answer = file.sync();
        }
    };
    thread::scope(|scope| {
        for _ in 0..others {
            // Where no thread is to be had, this one does it all.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    synced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_files_are_synced_each_with_its_own_answer() {
        let dir = tempfile::tempdir().unwrap();
        let write = |n: usize| NewFile::write(&dir.path().join(n.to_string()), b"x").unwrap();
        let mut files: Vec<NewFile> = (0..40).map(write).collect();
        // A pipe cannot be synced.
        let (_read, pipe) = std::io::pipe().unwrap();
        files[17].file = File::from(std::os::fd::OwnedFd::from(pipe));
        let synced = sync_all(files);
        let failed: Vec<usize> = synced.iter().enumerate().filter(|(_, it)| it.is_err()).map(|(n, _)| n).collect();
        assert_eq!(failed, [17]);
        assert!(!dir.path().join("17").exists() && dir.path().join("18").exists());
        assert_eq!(sync_all(Vec::new()).len(), 0);
    }
}
