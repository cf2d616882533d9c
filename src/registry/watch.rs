//! Watching a registry: what to read again, told as it happens.
//!
//! # What is promised
//! The first change is [`Change::Everything`]: from then on nothing is missed. Whoever reads all *after* it, and each thing
//! again after its change was told, knows what stands. A change is told after what it tells of can be seen by a reader,
//! the release of a lock too; it may be told without need, or once for several in a burst, but never in vain late: the
//! first one is not held back. Where the kernel lost count, or a directory of the registry came, went or was replaced,
//! [`Change::Everything`] is told.
//!
//! # How
//! The directories of the registry are watched, and those on the way to them, so that a registry which is not there yet is
//! seen when it comes. Nothing is asked again and again. Only the end of a lock needs a second look: the kernel tells that
//! a file is being closed a moment *before* it drops the file's locks.
//!
//! # Readers
//! Reading the registry is no change ([`DirWatches`]), so that reading in answer to one does not lead to another.

mod places;
mod settling;

use std::collections::HashSet;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Instant;

use super::open::Registry;
use crate::domain::{Claim, PodName, PodRecord, Record, SessionRecord, TicketId};
use crate::fs::{self, DirEvent, DirWatches, IoContext as _, LockState, PathError, Woken};
use places::{Places, Told};
use settling::Settling;

/// Something that is to be read again. Tickets and Pods are told by their keys, which a file's name is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Change {
    /// All there is.
    Everything,
    /// The claim of a ticket, or its tombstone.
    Claim(String),
    /// The session record of a Pod.
    Session(String),
    /// The directory of a Pod: its record, or whether its history is there.
    Pod(String),
    /// Whether a ticket is in flight.
    TicketLock(String),
    /// Whether anything of a Pod lives.
    PodLock(String),
    /// The journal.
    Journal,
}

/// The changes of a registry, as they happen.
#[derive(Debug)]
pub struct Watch {
    registry: Registry,
    watches: DirWatches,
    places: Places,
    settling: Settling,
    begun: bool,
}

impl Registry {
    /// Begins to watch this registry, whether it is there yet or not.
    ///
    /// # Errors
    /// When a directory that is there cannot be watched, or this user watches as many as are allowed.
    pub fn watch(&self) -> Result<Watch, PathError> {
        let watches = DirWatches::new(self.dir())?;
        let places = Places::find(self.dir(), &watches)?;
        Ok(Watch { registry: self.clone(), watches, places, settling: Settling::default(), begun: false })
    }

    /// The ticket of a key; of a key that is cut its record or its lock tells.
    pub fn ticket_of_key(&self, key: &str) -> Option<TicketId> {
        let of_claim = |suffix: &str| self.named::<Claim>(&format!("claims/{key}.{suffix}")).map(|claim| claim.ticket);
        let of_lock = || fs::holder_line(&self.dir().join("locks/tickets").join(key), "ticket ");
        let found = TicketId::of_key(key)
            .or_else(|| of_claim("toml"))
            .or_else(|| of_claim("released"))
            .or_else(|| TicketId::new(of_lock()?).ok());
        found.filter(|ticket| ticket.key() == key)
    }

    /// The Pod of a key; of a key that is cut its record, its session's or its lock tells.
    pub fn pod_of_key(&self, key: &str) -> Option<PodName> {
        let of_lock = || fs::holder_line(&self.dir().join("locks/pods").join(key), "pod ");
        let found = PodName::of_key(key)
            .or_else(|| self.named::<PodRecord>(&format!("pods/{key}/pod.toml")).map(|record| record.pod))
            .or_else(|| self.named::<SessionRecord>(&format!("sessions/{key}.toml")).map(|record| record.pod))
            .or_else(|| PodName::new(of_lock()?).ok());
        found.filter(|pod| pod.key() == key)
    }

    fn named<R: Record>(&self, path: &str) -> Option<R> {
        R::parse(&fs::read_file(&self.dir().join(path)).ok()??).ok()
    }
}

impl Watch {
    /// Waits for the next changes, each told once, in the order in which they happened; `None` once the other end of
    /// `reader` is closed.
    ///
    /// # Errors
    /// When a directory that has come cannot be watched. Nothing can be relied on after that.
    pub fn next(&mut self, reader: Option<BorrowedFd<'_>>) -> Result<Option<Vec<Change>>, PathError> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(Some(vec![Change::Everything]));
        }
        loop {
            let waited = self.watches.wait(reader, self.settling.wait(Instant::now()));
            let mut changes = match waited.context("watch", self.registry.dir())? {
                Woken::HungUp => return Ok(None),
                Woken::Timeout => Vec::new(),
                Woken::Events => self.take(self.watches.read())?,
            };
            changes.extend(self.settling.settled(Instant::now(), |change| self.registry.is_held(change)));
            if !changes.is_empty() {
                return Ok(Some(changes));
            }
        }
    }

    /// Judges what the kernel told.
    fn take(&mut self, read: io::Result<Vec<DirEvent>>) -> Result<Vec<Change>, PathError> {
        let Ok(events) = read else {
            // What was told is lost, and whether more will be is not known: begin anew.
            self.watches = DirWatches::new(self.registry.dir())?;
            self.places = Places::find(self.registry.dir(), &self.watches)?;
            return Ok(vec![Change::Everything]);
        };
        let mut changes = Vec::new();
        let mut told = HashSet::new();
        let mut have_moved = false;
        for event in events {
            let change = match self.places.judge(event, &self.watches)? {
                Told::Nothing => continue,
                Told::Moved => {
                    have_moved = true;
                    continue;
                }
                Told::Change(change) => change,
                Told::Closed(lock) => {
                    if self.registry.is_held(&lock) {
                        // By another who has it open, or by this one for a moment still.
                        self.settling.add(lock, Instant::now());
                        continue;
                    }
                    lock
                }
            };
            if told.insert(change.clone()) {
                changes.push(change);
            }
        }
        if have_moved {
            self.places.look_again(&self.watches)?;
            return Ok(vec![Change::Everything]);
        }
        Ok(changes)
    }
}

impl Registry {
    /// Whether the lock that a change tells of is held; what cannot be asked about is for the reader to find out.
    fn is_held(&self, lock: &Change) -> bool {
        let path = match lock {
            Change::TicketLock(key) => self.dir().join("locks/tickets").join(key),
            Change::PodLock(key) => self.dir().join("locks/pods").join(key),
            _ => return false,
        };
        matches!(fs::probe(&path), Ok(LockState::Held))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Workspace;

    /// A registry that is watched, with an empty directory of claims.
    fn watched() -> (tempfile::TempDir, Watch) {
        let temp = tempfile::tempdir().unwrap();
        let registry = Registry::new(&temp.path().join("data"), temp.path(), Workspace::find(temp.path()).unwrap());
        std::fs::create_dir_all(registry.claims_dir()).unwrap();
        let mut watch = registry.watch().unwrap();
        assert_eq!(watch.next(None).unwrap(), Some(vec![Change::Everything]));
        (temp, watch)
    }

    fn is_told(watch: &mut Watch, name: &str) {
        std::fs::write(watch.registry.claims_dir().join(format!("{name}.toml")), "").unwrap();
        assert_eq!(watch.next(None).unwrap(), Some(vec![Change::Claim(name.to_owned())]));
    }

    #[test]
    fn what_is_lost_is_told_as_everything_and_what_comes_after_it_as_before() {
        let (_temp, mut watch) = watched();
        is_told(&mut watch, "a");
        let overflow = watch.take(Ok(vec![DirEvent::Overflow]));
        assert_eq!(overflow.unwrap(), [Change::Everything]);
        is_told(&mut watch, "b");
        let failed = watch.take(Err(io::Error::from_raw_os_error(nix::libc::EIO)));
        assert_eq!(failed.unwrap(), [Change::Everything]);
        is_told(&mut watch, "c");
    }

    #[test]
    fn a_lock_that_is_dropped_a_moment_after_the_close_was_told_is_told_then() {
        let (temp, mut watch) = watched();
        let lock = watch.registry.dir().join("locks/pods/p");
        std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
        assert_eq!(watch.next(None).unwrap(), Some(vec![Change::Everything]));
        std::fs::write(&lock, "").unwrap();
        while watch.next(None).unwrap() != Some(vec![Change::PodLock("p".to_owned())]) {}
        // Held through a name that is not watched: that this holder closes it is not told.
        let other_name = temp.path().join("other-name");
        std::fs::hard_link(&lock, &other_name).unwrap();
        let held = fs::OfdLock::acquire(&other_name, fs::Wait::No).unwrap();
        drop(std::fs::File::options().write(true).open(&lock).unwrap());
        let events = watch.watches.read();
        assert_eq!(watch.take(events).unwrap(), []);
        drop(held);
        assert_eq!(watch.next(None).unwrap(), Some(vec![Change::PodLock("p".to_owned())]));
    }

    #[test]
    fn watching_ends_when_the_other_end_of_the_reader_is_closed() {
        let (_temp, mut watch) = watched();
        let (read, write) = nix::unistd::pipe().unwrap();
        drop(read);
        use std::os::fd::AsFd as _;
        assert_eq!(watch.next(Some(write.as_fd())).unwrap(), None);
    }
}
