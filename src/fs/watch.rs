//! Watching directories: the kernel tells what happens in them (inotify(7)).
//!
//! The calls are made directly, not through `notify`, which also asks to be told of every opening of a file. Reading what
//! changed would then be something to be told, and reading ten thousand claims would overflow the queue: "read everything
//! again", in answer to having read everything. Here only changes are told, and nobody is woken by a reader. What is
//! waited for is a descriptor ([`DirWatches::wait`]), so that the end of a reader can be waited for along with it.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags as Mask, InitFlags, Inotify, WatchDescriptor};

use super::error::{IoContext as _, PathError};

/// How many buffers of events are taken at once: what a burst repeats is then seen to repeat, and memory has a bound.
const MAX_READS: usize = 64;

/// What of a directory is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// That it is moved or removed; nothing of what is in it.
    Itself,
    /// Besides, the names that appear in it.
    NewNames,
    /// Besides, the names that vanish from it, and the files that were written or whose mode changed.
    Records,
    /// Besides, each write to a file.
    Writes,
}

impl Interest {
    fn mask(self) -> Mask {
        let itself = Mask::IN_ONLYDIR | Mask::IN_DELETE_SELF | Mask::IN_MOVE_SELF;
        let new_names = itself | Mask::IN_CREATE | Mask::IN_MOVED_TO;
        let files = Mask::IN_DELETE | Mask::IN_MOVED_FROM | Mask::IN_CLOSE_WRITE | Mask::IN_ATTRIB;
        let records = new_names | files | Mask::IN_DONT_FOLLOW;
        match self {
            Self::Itself => itself,
            Self::NewNames => new_names,
            Self::Records => records,
            Self::Writes => records | Mask::IN_MODIFY,
        }
    }
}

/// A directory that is watched, for as long as it is; no later watch of the same [`DirWatches`] is equal to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WatchId(WatchDescriptor);

/// What became of a name in a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryEvent {
    /// It appeared: made, linked or moved here. One that was there may have been replaced.
    Appeared,
    /// It vanished.
    Vanished,
    /// Its file was written to.
    Written,
    /// A description of its file that could be written through is about to be closed. Its locks go a moment *after* this.
    Closed,
    /// Its owner, mode or times changed.
    Attributes,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirEvent {
    /// More than can be told: anything may have happened.
    Overflow,
    /// The directory was moved, removed or unmounted.
    Gone(WatchId),
    /// Something became of a name in a directory.
    Entry {
        /// The directory.
        dir: WatchId,
        /// The name.
        name: OsString,
        /// What became of it.
        event: EntryEvent,
    },
}

/// What ended a wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// There are events.
    Events,
    /// The time is over.
    Timeout,
    /// Whoever was to be told has gone.
    HungUp,
}

/// A set of watched directories, and the events of all of them in the order in which they happened.
#[derive(Debug)]
pub struct DirWatches {
    inotify: Inotify,
}

impl DirWatches {
    /// Makes an empty set; `what_for` stands in the error where the kernel has none left to give.
    ///
    /// # Errors
    /// When this user has as many as are allowed, or there are no descriptors left.
    pub fn new(what_for: &Path) -> Result<Self, PathError> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).context("watch", what_for)?;
        Ok(Self { inotify })
    }

    /// Watches a directory; `None` where there is none. One that is watched already keeps its id and changes its interest.
    ///
    /// A symlink is followed where only the directory itself or new names are of interest: then it is on the way to what
    /// is ours, and what is ours is never a symlink.
    ///
    /// # Errors
    /// When the directory is there and cannot be watched.
    pub fn add(&self, dir: &Path, interest: Interest) -> Result<Option<WatchId>, PathError> {
        match self.inotify.add_watch(dir, interest.mask()) {
            Ok(watch) => Ok(Some(WatchId(watch))),
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(None),
            Err(Errno::ENOSPC) => {
                let why = "this user watches as many directories as are allowed (fs.inotify.max_user_watches)";
                Err(PathError::refused("watch", dir, why))
            }
            Err(error) => Err(error).context("watch", dir),
        }
    }

    /// Ends a watch; one that has ended by itself is as good.
    pub fn remove(&self, watch: WatchId) {
        let _ = self.inotify.rm_watch(watch.0);
    }

    /// Waits until there are events, until `reader`, where there is one, is a descriptor whose other end is closed, or
    /// until the time, where there is one, is over.
    ///
    /// # Errors
    /// When the system cannot wait.
    pub fn wait(&self, reader: Option<BorrowedFd<'_>>, time: Option<Duration>) -> io::Result<Woken> {
        // Rounded up: a wait that ends too early would be begun again without having slept.
        let time = time.map_or(PollTimeout::NONE, |time| {
            PollTimeout::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
        });
        let mut waiting = vec![PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN)];
        // Nothing is asked of the reader: that its other end is closed is told all the same.
        waiting.extend(reader.map(|reader| PollFd::new(reader, PollFlags::empty())));
        loop {
            match poll(&mut waiting, time) {
                Ok(0) => return Ok(Woken::Timeout),
                Ok(_) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let hung_up = waiting.get(1).is_some_and(|reader| reader.any() == Some(true));
        Ok(if hung_up { Woken::HungUp } else { Woken::Events })
    }

    /// Takes the events that have come, all of a burst that is not too long.
    ///
    /// # Errors
    /// When they cannot be read: what happened is then lost.
    pub fn read(&self) -> io::Result<Vec<DirEvent>> {
        let mut events = Vec::new();
        for _ in 0..MAX_READS {
            match self.inotify.read_events() {
                Ok(read) => read.into_iter().for_each(|event| tell(event, &mut events)),
                Err(Errno::EAGAIN) => break,
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(events)
    }
}

fn tell(event: nix::sys::inotify::InotifyEvent, events: &mut Vec<DirEvent>) {
    if event.mask.contains(Mask::IN_Q_OVERFLOW) {
        return events.push(DirEvent::Overflow);
    }
    let dir = WatchId(event.wd);
    let Some(name) = event.name else {
        let gone = Mask::IN_DELETE_SELF | Mask::IN_MOVE_SELF | Mask::IN_UNMOUNT | Mask::IN_IGNORED;
        if event.mask.intersects(gone) {
            events.push(DirEvent::Gone(dir));
        }
        return;
    };
    let kinds = [
        (Mask::IN_CREATE | Mask::IN_MOVED_TO, EntryEvent::Appeared),
        (Mask::IN_DELETE | Mask::IN_MOVED_FROM, EntryEvent::Vanished),
        (Mask::IN_MODIFY, EntryEvent::Written),
        (Mask::IN_CLOSE_WRITE, EntryEvent::Closed),
        (Mask::IN_ATTRIB, EntryEvent::Attributes),
    ];
    let kind = kinds.iter().find(|(mask, _)| event.mask.intersects(*mask));
    events.extend(kind.map(|(_, event)| DirEvent::Entry { dir, name, event: *event }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_can_be_counted_is_told_as_an_overflow_and_what_comes_after_it_as_before() {
        let dir = tempfile::tempdir().unwrap();
        let [here, there] = ["here", "there"].map(|name| dir.path().join(name));
        std::fs::write(&here, "").unwrap();
        let watches = DirWatches::new(dir.path()).unwrap();
        let _watch = watches.add(dir.path(), Interest::Records).unwrap().unwrap();
        let told = || {
            let pieces = std::iter::repeat_with(|| watches.read().unwrap());
            pieces.take_while(|piece| !piece.is_empty()).flatten().collect::<Vec<_>>()
        };
        let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        // Each rename is two events.
        for _ in 0..=limit.trim().parse::<usize>().unwrap() / 4 {
            std::fs::rename(&here, &there).unwrap();
            std::fs::rename(&there, &here).unwrap();
        }
        assert_eq!(told().last(), Some(&DirEvent::Overflow));
        std::fs::remove_file(&here).unwrap();
        let after = told();
        assert!(
            matches!(&after[..], [DirEvent::Entry { name, event: EntryEvent::Vanished, .. }] if name == "here"),
            "{after:?}"
        );
    }
}
