//! The directories of a registry that are watched, and what an event in each of them means.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::super::unreadable::set_aside_key;
use super::Change;
use crate::fs::{self, DirEvent, DirWatches, EntryEvent, Interest, PathError, WatchId};

/// What a watched directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// It lies on the way to one that is watched; the name that is missing in it, where one is.
    Way { missing: Option<String> },
    /// The registry's own.
    Registry,
    /// A directory of the registry.
    Part(Part),
    /// The directory of one Pod, by key.
    Pod(String),
}

/// A directory of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Claims,
    Sessions,
    Pods,
    Locks,
    TicketLocks,
    PodLocks,
}

impl Part {
    /// Each after the one that it lies in.
    const ALL: [Self; 6] = [Self::Claims, Self::Sessions, Self::Pods, Self::Locks, Self::TicketLocks, Self::PodLocks];

    fn path(self) -> &'static str {
        match self {
            Self::Claims => "claims",
            Self::Sessions => "sessions",
            Self::Pods => "pods",
            Self::Locks => "locks",
            Self::TicketLocks => "locks/tickets",
            Self::PodLocks => "locks/pods",
        }
    }

    fn interest(self) -> Interest {
        match self {
            Self::Claims | Self::Sessions | Self::Pods => Interest::Records,
            // Every write of the session index closes a file in it, which says nothing.
            Self::Locks => Interest::NewNames,
            // The text of a lock is written once it is held.
            Self::TicketLocks | Self::PodLocks => Interest::Writes,
        }
    }

    /// Whether a path below the registry is one of them.
    fn is_at(path: &str) -> bool {
        Self::ALL.iter().any(|part| part.path() == path)
    }
}

/// What an event means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing that anybody reads has changed.
    Nothing,
    /// Something has.
    Change(Change),
    /// The file of a lock was closed.
    Closed(Change),
    /// Other directories are to be watched from now on.
    Moved,
}

/// The watched directories.
#[derive(Debug)]
pub(super) struct Places {
    registry: PathBuf,
    watched: HashMap<WatchId, Place>,
    pods: HashMap<String, WatchId>,
}

impl Places {
    /// Finds and watches what there is of a registry.
    pub(super) fn find(registry: &Path, watches: &DirWatches) -> Result<Self, PathError> {
        let mut places = Self { registry: registry.to_owned(), watched: HashMap::new(), pods: HashMap::new() };
        places.look_again(watches)?;
        Ok(places)
    }

    /// Watches what there is by now, and nothing else. What comes while this looks is told by the directory above it, which
    /// is watched before it is looked for.
    pub(super) fn look_again(&mut self, watches: &DirWatches) -> Result<(), PathError> {
        let before = std::mem::take(&mut self.watched);
        self.pods.clear();
        if self.add_way(watches)? {
            for part in Part::ALL {
                self.add(&self.registry.join(part.path()), part.interest(), Place::Part(part), watches)?;
            }
            for key in fs::entries(&self.registry.join(Part::Pods.path()))? {
                self.add_pod(&key.to_string_lossy(), watches)?;
            }
        }
        before.into_keys().filter(|watch| !self.watched.contains_key(watch)).for_each(|watch| watches.remove(watch));
        Ok(())
    }

    /// Watches the registry's own directory, and those above it; tells whether it is there.
    fn add_way(&mut self, watches: &DirWatches) -> Result<bool, PathError> {
        let mut way: Vec<PathBuf> = self.registry.ancestors().map(Path::to_owned).collect();
        way.reverse();
        'from_the_root: loop {
            for (above, next) in way.iter().zip(&way[1..]) {
                // One that may not be watched, for it is another's, is taken to stay; unless something is to appear in it.
                let _ = self.add(above, Interest::Itself, Place::Way { missing: None }, watches);
                if self.add_next(next, watches)? {
                    continue;
                }
                let missing = next.file_name().map(|name| name.to_string_lossy().into_owned());
                if !self.add(above, Interest::NewNames, Place::Way { missing }, watches)? {
                    // It has vanished since it was found, and nobody tells when it comes again.
                    continue 'from_the_root;
                }
                // The next may have come before there was somebody to tell of it.
                if !self.add_next(next, watches)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
    }

    /// Tells whether a directory on the way is there; the registry's own is watched.
    fn add_next(&mut self, next: &Path, watches: &DirWatches) -> Result<bool, PathError> {
        if next == self.registry {
            self.add(&self.registry.clone(), Interest::Writes, Place::Registry, watches)
        } else {
            Ok(next.is_dir())
        }
    }

    /// Watches a directory; tells whether it is there.
    fn add(&mut self, dir: &Path, interest: Interest, place: Place, watches: &DirWatches) -> Result<bool, PathError> {
        let watch = watches.add(dir, interest)?;
        Ok(watch.is_some_and(|watch| {
            self.watched.insert(watch, place);
            true
        }))
    }

    fn add_pod(&mut self, key: &str, watches: &DirWatches) -> Result<(), PathError> {
        self.remove_pod(key, watches);
        let dir = self.registry.join(Part::Pods.path()).join(key);
        if let Some(watch) = watches.add(&dir, Interest::Records)? {
            self.watched.insert(watch, Place::Pod(key.to_owned()));
            self.pods.insert(key.to_owned(), watch);
        }
        Ok(())
    }

    fn remove_pod(&mut self, key: &str, watches: &DirWatches) {
        if let Some(watch) = self.pods.remove(key) {
            self.watched.remove(&watch);
            watches.remove(watch);
        }
    }

    /// Says what an event means, and follows the directories of Pods as they come and go.
    pub(super) fn judge(&mut self, event: DirEvent, watches: &DirWatches) -> Result<Told, PathError> {
        let (dir, name, event) = match event {
            DirEvent::Overflow => return Ok(Told::Moved),
            DirEvent::Gone(dir) => {
                return Ok(match self.watched.get(&dir).cloned() {
                    // The last words of a directory that is watched no more.
                    None => Told::Nothing,
                    // Its name vanished from where it was, which is told there.
                    Some(Place::Pod(key)) => {
                        self.remove_pod(&key, watches);
                        Told::Nothing
                    }
                    Some(_) => Told::Moved,
                });
            }
            DirEvent::Entry { dir, name, event } => (dir, name, event),
        };
        let Some(place) = self.watched.get(&dir) else { return Ok(Told::Nothing) };
        let name = name.to_string_lossy();
        Ok(match place {
            Place::Way { missing } if missing.as_deref() == Some(&*name) => Told::Moved,
            Place::Way { .. } => Told::Nothing,
            Place::Registry if name == "journal.jsonl" => match event {
                // Told when it was written to.
                EntryEvent::Closed => Told::Nothing,
                _ => Told::Change(Change::Journal),
            },
            Place::Registry => part_appeared(&name, event),
            Place::Part(Part::Locks) => part_appeared(&format!("locks/{name}"), event),
            Place::Part(Part::Claims) => {
                let suffixes = [".toml", ".released"].iter().find_map(|suffix| name.strip_suffix(suffix));
                let key = suffixes.or_else(|| set_aside_key(&name));
                key.map_or(Told::Nothing, |key| Told::Change(Change::Claim(key.to_owned())))
            }
            Place::Part(Part::Sessions) => {
                let key = name.strip_suffix(".toml");
                key.map_or(Told::Nothing, |key| Told::Change(Change::Session(key.to_owned())))
            }
            Place::Part(Part::TicketLocks) => lock(Change::TicketLock(name.into_owned()), event),
            Place::Part(Part::PodLocks) => lock(Change::PodLock(name.into_owned()), event),
            Place::Part(Part::Pods) => {
                match event {
                    // Watched first and told then: whoever reads because of it misses nothing that comes after.
                    EntryEvent::Appeared => self.add_pod(&name, watches)?,
                    EntryEvent::Vanished => self.remove_pod(&name, watches),
                    _ => {}
                }
                Told::Change(Change::Pod(name.into_owned()))
            }
            Place::Pod(key) => match (&*name, event) {
                ("pod.toml", _) => Told::Change(Change::Pod(key.clone())),
                // A Pod that can be restored needs it; what is in it is the Pod's own to tell.
                ("history.jsonl", EntryEvent::Appeared | EntryEvent::Vanished | EntryEvent::Attributes) => {
                    Told::Change(Change::Pod(key.clone()))
                }
                _ => Told::Nothing,
            },
        })
    }
}

/// A directory of the registry that appears is to be watched; one that vanishes says so itself.
fn part_appeared(path: &str, event: EntryEvent) -> Told {
    if event == EntryEvent::Appeared && Part::is_at(path) { Told::Moved } else { Told::Nothing }
}

fn lock(lock: Change, event: EntryEvent) -> Told {
    match event {
        // Made to be locked: who holds it writes so into it, which is told.
        EntryEvent::Appeared => Told::Nothing,
        EntryEvent::Closed => Told::Closed(lock),
        EntryEvent::Written | EntryEvent::Vanished | EntryEvent::Attributes => Told::Change(lock),
    }
}
