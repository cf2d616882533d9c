//! Putting whole directories into place.

use std::io;
use std::path::Path;

use super::error::{IoContext as _, PathError};
use super::write::{exists, identity};

/// What became of [`exchange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the file system may be unable to exchange"]
pub enum Exchanged {
    /// Each name now stands for what the other stood for; there was no moment between.
    Done,
    /// The kernel or the file system cannot exchange names; nothing was changed.
    Unsupported,
}

/// What became of [`rename_new`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "the new name may be taken"]
pub enum Renamed {
    /// The new name stands.
    Done,
    /// The new name is taken; nothing was changed.
    Taken,
}

/// Exchanges two names of one file system in one step (`RENAME_EXCHANGE`).
///
/// The caller syncs the directories that the names are in.
///
/// # Errors
/// When a name does not exist, or the system cannot do it for another reason than that it does not know how.
pub fn exchange(a: &Path, b: &Path) -> Result<Exchanged, PathError> {
    let before = (identity(a), identity(b));
    match rename_with(a, b, Flag::Exchange) {
        Ok(()) => Ok(Exchanged::Done),
        // Only the reply was lost.
        Err(_) if before.0.is_some() && before.1.is_some() && (identity(b), identity(a)) == before => {
            Ok(Exchanged::Done)
        }
        Err(error) if is_unsupported(&error) => Ok(Exchanged::Unsupported),
        Err(error) => Err(error).context("exchange", b),
    }
}

/// Gives a directory a new name that must be free (`RENAME_NOREPLACE`).
///
/// An error reply of which the rename succeeded all the same counts as success, as in [`super::rename`].
///
/// Where the system knows no such rename, the name is looked at first; the caller's lock must then keep others away, and
/// an empty directory that appears in between is replaced. The caller syncs the directories that the names are in.
///
/// # Errors
/// When `from` does not exist, or the system cannot rename it for another reason than a taken name.
pub fn rename_new(from: &Path, to: &Path) -> Result<Renamed, PathError> {
    let before = identity(from);
    let renamed = match rename_with(from, to, Flag::NoReplace) {
        Err(error) if is_unsupported(&error) => match std::fs::symlink_metadata(to) {
            Ok(_) => return Ok(Renamed::Taken),
            Err(error) if error.kind() == io::ErrorKind::NotFound => std::fs::rename(from, to),
            Err(error) => Err(error),
        },
        other => other,
    };
    match renamed {
        Ok(()) => Ok(Renamed::Done),
        Err(_) if before.is_some() && identity(to) == before && !exists(from) => Ok(Renamed::Done),
        Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) => {
            Ok(Renamed::Taken)
        }
        Err(error) => Err(error).context("rename into place", to),
    }
}

#[derive(Clone, Copy)]
enum Flag {
    Exchange,
    NoReplace,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn rename_with(from: &Path, to: &Path, flag: Flag) -> io::Result<()> {
    use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
    let flags = match flag {
        Flag::Exchange => RenameFlags::RENAME_EXCHANGE,
        Flag::NoReplace => RenameFlags::RENAME_NOREPLACE,
    };
    Ok(renameat2(AT_FDCWD, from, AT_FDCWD, to, flags)?)
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn rename_with(_from: &Path, _to: &Path, _flag: Flag) -> io::Result<()> {
    Err(nix::errno::Errno::ENOSYS.into())
}

fn is_unsupported(error: &io::Error) -> bool {
    let unknown = [nix::libc::EINVAL, nix::libc::ENOSYS, nix::libc::EOPNOTSUPP];
    error.raw_os_error().is_some_and(|code| unknown.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn two_directories_change_places() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir(&a).unwrap();
        fs::create_dir(&b).unwrap();
        fs::write(a.join("was-a"), "").unwrap();
        assert_eq!(exchange(&a, &b).unwrap(), Exchanged::Done);
        assert!(b.join("was-a").exists() && !a.join("was-a").exists());
        assert!(exchange(&a, &dir.path().join("missing")).unwrap_err().is_not_found());
    }

    #[test]
    fn a_new_name_is_never_taken_from_another() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir(&a).unwrap();
        fs::create_dir(&b).unwrap();
        assert_eq!(rename_new(&a, &b).unwrap(), Renamed::Taken);
        assert!(a.exists());
        fs::remove_dir(&b).unwrap();
        assert_eq!(rename_new(&a, &b).unwrap(), Renamed::Done);
        assert!(b.exists() && !a.exists());
    }
}
