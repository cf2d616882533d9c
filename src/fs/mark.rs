//! Marks on files that are no locks of anything: that somebody still has use for them.
//!
//! A file on its way into place belongs to whoever holds the lock of what it is for. A log comes before that: it is made
//! by a launcher, which holds no lock of the Pod, for a host, which will. So it carries a mark of its own, an
//! open-file-description lock, shared, that lives as long as anybody has the file open through that description.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::libc;

use super::error::{IoContext as _, PathError};
use super::lock::same_file;
use super::ofd::{LockState, probe_any, try_lock, try_share};

/// Makes a file to append to, of mode 0600, that is marked as in use for as long as anybody has it open through this
/// description. `None` where somebody took it for a leftover before it was marked, so that another name must be tried.
///
/// Where the system can, the file is marked before it has a name, so that nobody ever sees it without its mark.
///
/// # Errors
/// When it cannot be made or marked.
pub fn create_marked(path: &Path) -> Result<Option<File>, PathError> {
    let nameless = create_nameless(path);
    if let Some(file) = &nameless {
        try_share(file).context("mark", path)?;
        // One that gets no name is forgotten, and made with its name below.
        let _ = give_name(file, path);
    }
    // Opened by its name all the same: what was made without one is shown as deleted wherever descriptors are shown.
    let (file, _size) = super::open_to_append(path)?;
    Ok(mark(&file, path)?.then_some(file))
}

#[cfg(target_os = "linux")]
fn create_nameless(path: &Path) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).mode(0o600).custom_flags(libc::O_TMPFILE | libc::O_CLOEXEC);
    options.open(path.parent()?).ok()
}

#[cfg(target_os = "linux")]
fn give_name(file: &File, path: &Path) -> nix::Result<()> {
    use nix::fcntl::{AT_FDCWD, AtFlags};
    use std::os::fd::AsRawFd as _;
    let open = format!("/proc/self/fd/{}", file.as_raw_fd());
    nix::unistd::linkat(AT_FDCWD, open.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)
}

#[cfg(not(target_os = "linux"))]
fn create_nameless(_path: &Path) -> Option<File> {
    None
}

#[cfg(not(target_os = "linux"))]
fn give_name(_file: &File, _path: &Path) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}

/// Marks an open file as one that is in use; false where the mark came too late, and its name is gone or about to go.
fn mark(file: &File, path: &Path) -> Result<bool, PathError> {
    if !try_share(file).context("mark", path)? {
        return Ok(false);
    }
    match same_file(file, path) {
        Err(error) if error.is_not_found() => Ok(false),
        other => other,
    }
}

/// Asks whether somebody has a file marked.
///
/// # Errors
/// When it exists and cannot be asked about.
pub fn mark_of(path: &Path) -> Result<LockState, PathError> {
    probe_any(path)
}

/// Removes a file that nobody has marked; tells whether it did.
///
/// # Errors
/// When it cannot be opened, asked about or removed.
pub fn unlink_unmarked(path: &Path) -> Result<bool, PathError> {
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC;
    let file = match OpenOptions::new().read(true).write(true).custom_flags(flags).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error).context("open", path),
    };
    super::read::check_regular(&file, path)?;
    // Kept until the name is gone: whoever made the file and marks it only now is told that it came too late.
    if !try_lock(&file).context("ask about the mark of", path)? || !same_file(&file, path)? {
        return Ok(false);
    }
    super::unlink(path)
}

/// The numbers of the files that somebody holds a `flock` of, as far as the kernel shows them; `None` where it does not.
///
/// Only numbers, not devices: some file systems tell another device here than elsewhere. So a file may be taken for
/// locked that is not; one that is locked is missed only where its holder lives in another process namespace.
pub fn flocked() -> Option<HashSet<u64>> {
    // `1: FLOCK  ADVISORY  WRITE 4711 fd:00:2114 0 EOF`; a waiter has `->` behind the number.
    let text = std::fs::read_to_string("/proc/locks").ok()?;
    let inode = |line: &str| {
        let mut words = line.split_ascii_whitespace().skip_while(|word| *word != "FLOCK");
        words.nth(4)?.rsplit(':').next()?.parse().ok()
    };
    Some(text.lines().filter_map(inode).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::{FlockGuard, Wait, look, open_to_append};
    use std::io::Write as _;

    #[test]
    fn a_file_that_is_in_use_is_not_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut file = create_marked(&path).unwrap().unwrap();
        assert_eq!(look(&path).unwrap().unwrap().mode, 0o600);
        file.write_all(b"a").unwrap();
        let inherited = file.try_clone().unwrap();
        drop(file);
        assert!(!unlink_unmarked(&path).unwrap());
        drop(inherited);
        assert!(unlink_unmarked(&path).unwrap());
        assert!(!unlink_unmarked(&path).unwrap());
    }

    #[test]
    fn a_file_that_cannot_be_made_without_a_name_is_marked_once_it_has_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (file, _) = open_to_append(&path).unwrap();
        assert!(mark(&file, &path).unwrap());
        assert!(!unlink_unmarked(&path).unwrap());
    }

    #[test]
    fn a_mark_that_comes_too_late_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let (file, _) = open_to_append(&path).unwrap();
        assert!(unlink_unmarked(&path).unwrap());
        assert!(!mark(&file, &path).unwrap());
    }

    #[test]
    fn the_kernel_shows_who_excludes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fence");
        let guard = FlockGuard::acquire(&path, Wait::No).unwrap();
        let (_, inode) = look(&path).unwrap().unwrap().identity;
        let Some(seen) = flocked() else { return };
        assert!(seen.contains(&inode));
        drop(guard);
        assert!(!flocked().unwrap().contains(&inode));
    }
}
