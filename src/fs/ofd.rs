//! Open-file-description locks, which mark: they can be asked about, and are inherited.
//!
//! Such a lock (`F_OFD_SETLK`, Linux since 3.15) belongs to the open file description, so it is shared with every process
//! that inherits the descriptor, and it is gone when the last of them closes it or dies. It can be asked about
//! (`F_OFD_GETLK`) without being taken: a probe that took the lock would make a Pod that is just starting fail. Because
//! all who inherited it own it alike, it does not exclude among them; whoever reads, compares and changes a claim also
//! holds a [`FlockGuard`](super::FlockGuard).

use std::convert::Infallible;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use super::error::{IoContext as _, PathError};
use super::flock::try_flock;
use super::lock::{Wait, WaitError, check_in_place, holder_text, open_lock_file, same_file, wait_for};

/// What the kernel says of an open-file-description lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockState {
    /// Nobody holds it, or the lock file does not exist.
    Free,
    /// Somebody holds it.
    Held,
}

/// What came first, of a lock and of what makes waiting for it idle.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub enum Acquired<L, T> {
    /// The lock.
    Lock(L),
    /// The answer that somebody else's work gave.
    Answer(T),
}

/// An exclusive open-file-description lock on a whole file; dropping it closes this descriptor of it.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct OfdLock {
    file: File,
    path: PathBuf,
    /// Whether the file had text when it was opened.
    has_text: bool,
}

impl OfdLock {
    /// Opens the lock file, making it where it is missing, and takes its lock.
    ///
    /// # Errors
    /// [`WaitError::Held`] when another holds it to the end of the wait.
    pub fn acquire(path: &Path, wait: Wait) -> Result<Self, WaitError> {
        match Self::acquire_unless(path, wait, || None::<Infallible>)? {
            Acquired::Lock(lock) => Ok(lock),
            Acquired::Answer(never) => match never {},
        }
    }

    /// Takes the lock as [`Self::acquire`] does, unless `answer`, asked each time that somebody else holds it, makes
    /// waiting for it idle.
    ///
    /// # Errors
    /// [`WaitError::Held`] when another holds it to the end of the wait.
    pub fn acquire_unless<T>(
        path: &Path,
        wait: Wait,
        mut answer: impl FnMut() -> Option<T>,
    ) -> Result<Acquired<Self, T>, WaitError> {
        let (file, has_text) = open_lock_file(path)?;
        let attempt = || Ok(if try_lock(&file)? { Some(None) } else { answer().map(Some) });
        match wait_for(wait, attempt).context("lock", path)? {
            Some(None) => {
                check_in_place(&file, path)?;
                Ok(Acquired::Lock(Self { file, path: path.to_owned(), has_text }))
            }
            Some(Some(answer)) => Ok(Acquired::Answer(answer)),
            None => Err(WaitError::Held { path: path.to_owned(), holder: holder_text(path) }),
        }
    }

    /// Takes over an inherited descriptor that is said to hold the lock of `path`.
    ///
    /// # Errors
    /// When the descriptor is not that file, or its description does not own the lock.
    pub fn adopt(descriptor: OwnedFd, path: &Path) -> Result<Self, PathError> {
        let file = File::from(descriptor);
        if !same_file(&file, path)? {
            return Err(PathError::refused("use the inherited lock of", path, "the descriptor is another file"));
        }
        match try_lock(&file) {
            Ok(true) => Ok(Self { file, path: path.to_owned(), has_text: true }),
            Ok(false) => Err(PathError::refused("use the inherited lock of", path, "somebody else holds the lock")),
            Err(error) => Err(error).context("use the inherited lock of", path),
        }
    }

    /// Writes who holds the lock into its file: for people, shown only while the kernel says that it is held.
    ///
    /// # Errors
    /// When the file cannot be written; the lock is held all the same.
    pub fn describe(&self, text: &str) -> Result<(), PathError> {
        self.file.set_len(0).and_then(|()| self.file.write_all_at(text.as_bytes(), 0)).context("write to", &self.path)
    }

    /// Whether somebody may have written into its file who held it earlier: that text would be taken for this holder's.
    pub fn may_have_text(&self) -> bool {
        self.has_text
    }

    /// Takes the `flock` of the lock file as well, through this very descriptor; tried only.
    ///
    /// Only for a lock that this process took itself and has handed to nobody: its descriptor is then as fresh as that of a
    /// [`FlockGuard`](super::FlockGuard). It lasts as long as the lock.
    ///
    /// # Errors
    /// When the file cannot be locked.
    pub fn try_exclude(&self) -> Result<bool, PathError> {
        try_flock(&self.file).context("lock", &self.path)
    }

    /// The lock file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Another descriptor of the same lock, close-on-exec; the lock lives until both are closed.
    ///
    /// # Errors
    /// When no descriptor is to be had.
    pub fn duplicate(&self) -> Result<OwnedFd, PathError> {
        self.file.try_clone().map(OwnedFd::from).context("duplicate the lock of", &self.path)
    }
}

impl AsFd for OfdLock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

/// A shared open-file-description lock on a whole file: keeps others from locking it exclusively, and is itself no sign
/// that somebody has it. Dropping it closes this descriptor of it.
#[derive(Debug)]
#[must_use = "the lock is released when this is dropped"]
pub struct SharedLock {
    _file: File,
}

impl SharedLock {
    /// Opens the lock file, making it where it is missing, and tries once to share its lock; `None` where somebody has it.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, PathError> {
        let (file, _) = open_lock_file(path)?;
        if !try_share(&file).context("lock", path)? {
            return Ok(None);
        }
        check_in_place(&file, path)?;
        Ok(Some(Self { _file: file }))
    }
}

pub(super) fn try_lock(file: &File) -> io::Result<bool> {
    try_lock_as(file, libc::F_WRLCK)
}

/// Takes a lock that others may have likewise, but nobody to the exclusion of all; the file must be open for reading.
pub(super) fn try_share(file: &File) -> io::Result<bool> {
    try_lock_as(file, libc::F_RDLCK)
}

fn try_lock_as(file: &File, kind: libc::c_int) -> io::Result<bool> {
    match fcntl(file, FcntlArg::F_OFD_SETLK(&whole_file(kind))) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn whole_file(kind: libc::c_int) -> libc::flock {
    // SAFETY: `flock` is a plain C struct of integers, for which all zeroes is a valid value.
    let mut lock: libc::flock = unsafe { std::mem::zeroed() };
    lock.l_type = libc::c_short::try_from(kind).expect("lock types are small");
    lock.l_whence = libc::c_short::try_from(libc::SEEK_SET).expect("SEEK_SET is 0");
    lock
}

/// Asks the kernel whether an open-file-description lock is held, without taking it; a shared one counts for nothing.
///
/// The descriptor is opened for asking, so a lock of this very process is seen too. Reading permission is enough.
///
/// # Errors
/// When the lock file exists and cannot be asked about: the state is then unknown.
pub fn probe(path: &Path) -> Result<LockState, PathError> {
    // What keeps others from sharing it is an exclusive lock.
    ask(path, libc::F_RDLCK)
}

/// Asks the kernel whether anybody has a lock of a file, be it shared.
pub(super) fn probe_any(path: &Path) -> Result<LockState, PathError> {
    ask(path, libc::F_WRLCK)
}

/// Asks the kernel whether somebody keeps a lock of this kind from being taken.
fn ask(path: &Path, kind: libc::c_int) -> Result<LockState, PathError> {
    let opened =
        OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC).open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LockState::Free),
        Err(error) => return Err(error).context("open the lock", path),
    };
    super::read::check_regular(&file, path)?;
    let mut lock = whole_file(kind);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock)).context("ask about the lock", path)?;
    let free = libc::c_int::from(lock.l_type) == libc::F_UNLCK;
    Ok(if free { LockState::Free } else { LockState::Held })
}

/// Waits, without ever taking it, until a lock is free; false where it is still held at the end of the wait.
///
/// # Errors
/// The same as those of [`probe`].
pub fn wait_until_free(path: &Path, wait: Wait) -> Result<bool, PathError> {
    // The probe's own error ends the wait as an answer, so that it keeps its path.
    let answer = wait_for(wait, || match probe(path) {
        Ok(LockState::Free) => Ok(Some(Ok(()))),
        Ok(LockState::Held) => Ok(None),
        Err(error) => Ok(Some(Err(error))),
    });
    match answer.context("wait for the lock", path)? {
        Some(found) => found.map(|()| true),
        None => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn lock_path() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        (dir, path)
    }

    #[test]
    fn a_probe_sees_the_lock_and_does_not_take_it() {
        let (_dir, path) = lock_path();
        assert_eq!(probe(&path).unwrap(), LockState::Free);
        let lock = OfdLock::acquire(&path, Wait::No).unwrap();
        assert_eq!(probe(&path).unwrap(), LockState::Held);
        assert!(matches!(OfdLock::acquire(&path, Wait::No), Err(WaitError::Held { .. })));
        drop(lock);
        assert_eq!(probe(&path).unwrap(), LockState::Free);
        let _again = OfdLock::acquire(&path, Wait::No).unwrap();
    }

    #[test]
    fn a_shared_lock_keeps_others_from_taking_it_and_is_shared_and_not_seen() {
        let (_dir, path) = lock_path();
        let first = SharedLock::try_acquire(&path).unwrap().unwrap();
        let second = SharedLock::try_acquire(&path).unwrap().unwrap();
        assert_eq!(probe(&path).unwrap(), LockState::Free);
        drop(first);
        assert!(matches!(OfdLock::acquire(&path, Wait::No), Err(WaitError::Held { .. })));
        drop(second);
        let _taken = OfdLock::acquire(&path, Wait::No).unwrap();
        assert!(SharedLock::try_acquire(&path).unwrap().is_none());
        assert_eq!(probe(&path).unwrap(), LockState::Held);
    }

    #[test]
    fn who_waits_for_a_lock_hears_the_answer_that_its_holder_gave() {
        let (_dir, path) = lock_path();
        let _held = OfdLock::acquire(&path, Wait::No).unwrap();
        let mut looked = 0;
        let mut answer = || {
            looked += 1;
            (looked == 3).then_some("done")
        };
        let waited = OfdLock::acquire_unless(&path, Wait::For(Duration::from_secs(60)), &mut answer).unwrap();
        assert!(matches!(waited, Acquired::Answer("done")));
        assert!(matches!(OfdLock::acquire_unless(&path, Wait::No, || Some(())).unwrap(), Acquired::Answer(())));
    }

    #[test]
    fn a_free_lock_is_taken_without_asking() {
        let (_dir, path) = lock_path();
        let taken = OfdLock::acquire_unless(&path, Wait::No, || -> Option<()> { panic!("nobody holds it") }).unwrap();
        assert!(matches!(taken, Acquired::Lock(_)));
        assert_eq!(probe(&path).unwrap(), LockState::Held);
    }

    #[test]
    fn a_lock_that_is_moved_away_while_it_is_waited_for_is_not_had() {
        for replaced in [true, false] {
            let (dir, path) = lock_path();
            let mut held = Some(OfdLock::acquire(&path, Wait::No).unwrap());
            let move_and_free = || {
                std::fs::rename(&path, dir.path().join("moved")).unwrap();
                if replaced {
                    std::fs::write(&path, "").unwrap();
                }
                drop(held.take());
                None::<()>
            };
            let taken = OfdLock::acquire_unless(&path, Wait::For(Duration::from_secs(60)), move_and_free);
            let error = taken.unwrap_err();
            assert!(matches!(&error, WaitError::Io(error) if error.source.to_string().contains("moved away")));
        }
    }

    #[test]
    fn a_duplicate_keeps_the_lock() {
        let (_dir, path) = lock_path();
        let lock = OfdLock::acquire(&path, Wait::No).unwrap();
        let twin = lock.duplicate().unwrap();
        drop(lock);
        assert_eq!(probe(&path).unwrap(), LockState::Held);
        let adopted = OfdLock::adopt(twin, &path).unwrap();
        drop(adopted);
        assert_eq!(probe(&path).unwrap(), LockState::Free);
    }

    #[test]
    fn a_descriptor_that_is_not_what_it_says_is_refused() {
        let (dir, path) = lock_path();
        let other = dir.path().join("other");
        let lock = OfdLock::acquire(&path, Wait::No).unwrap();
        let _other = OfdLock::acquire(&other, Wait::No).unwrap();
        assert!(OfdLock::adopt(lock.duplicate().unwrap(), &other).is_err());
        let stranger = OwnedFd::from(File::options().read(true).write(true).open(&path).unwrap());
        assert!(OfdLock::adopt(stranger, &path).is_err());
    }

    #[test]
    fn symlinks_and_fifos_are_no_lock_files() {
        let (dir, path) = lock_path();
        std::os::unix::fs::symlink(dir.path().join("target"), &path).unwrap();
        assert!(matches!(OfdLock::acquire(&path, Wait::No), Err(WaitError::Io(_))));
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(matches!(OfdLock::acquire(&fifo, Wait::No), Err(WaitError::Io(_))));
        assert!(probe(&fifo).is_err());
    }
}
