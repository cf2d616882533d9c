//! Watching one ticket: told when it may have changed, by whoever changed it.
//!
//! A change by yoi puts a successor of the whole directory into place, and one by an editor or by git writes files in it.
//! So both are watched: the tickets' directory for the name, and the ticket's own for what is in it.

use std::path::PathBuf;

use crate::domain::TicketId;
use crate::fs::{DirEvent, DirWatches, Interest, IoContext as _, PathError, WatchId, Woken};

use super::id::LocalId;
use super::store::Tickets;

/// The changes of one ticket, as they happen.
#[derive(Debug)]
pub struct TicketWatch {
    watches: DirWatches,
    root: PathBuf,
    dir: PathBuf,
    watched: Option<WatchId>,
}

impl Tickets {
    /// Begins to watch a ticket: whoever reads it after this, and again after each [`TicketWatch::changed`], knows how it is.
    /// `None` where the id is none that yoi makes.
    ///
    /// # Errors
    /// When the directory of the tickets cannot be watched.
    pub fn watch(&self, id: &TicketId) -> Result<Option<TicketWatch>, PathError> {
        let Some(local) = LocalId::parse(id.as_str()) else { return Ok(None) };
        let watches = DirWatches::new(&self.root)?;
        let mut watch = TicketWatch { watches, root: self.root.clone(), dir: local.dir(&self.root), watched: None };
        watch.look_again()?;
        Ok(Some(watch))
    }
}

impl TicketWatch {
    /// Waits until the ticket may have changed.
    ///
    /// # Errors
    /// When the directory of the tickets is gone, or cannot be watched any more.
    pub fn changed(&mut self) -> Result<(), PathError> {
        loop {
            let waited = self.watches.wait(None, None).context("watch", &self.root)?;
            // What was told is lost where it cannot be read: anything may have happened.
            let events = if waited == Woken::Events { self.watches.read() } else { Ok(Vec::new()) };
            let concerns_it = match events {
                Ok(events) => events.iter().any(|event| self.concerns_it(event)),
                Err(_) => true,
            };
            if concerns_it {
                return self.look_again();
            }
        }
    }

    fn concerns_it(&self, event: &DirEvent) -> bool {
        match event {
            DirEvent::Overflow | DirEvent::Gone(_) => true,
            DirEvent::Entry { dir, name, .. } => {
                Some(*dir) == self.watched || Some(name.as_os_str()) == self.dir.file_name()
            }
        }
    }

    /// Watches what stands there now. A successor that comes after this is told by the directory above it.
    fn look_again(&mut self) -> Result<(), PathError> {
        if self.watches.add(&self.root, Interest::NewNames)?.is_none() {
            return Err(PathError::refused("watch", &self.root, "it is not there"));
        }
        let watched = self.watches.add(&self.dir, Interest::Records)?;
        if let Some(before) = self.watched.filter(|before| Some(*before) != watched) {
            self.watches.remove(before);
        }
        self.watched = watched;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Config;

    #[test]
    fn a_change_in_it_and_a_successor_are_told_and_what_happens_to_another_ticket_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let tickets = Tickets::of(temp.path(), &Config::defaults(temp.path()));
        let id = TicketId::new("00001KTJ1QJB8").unwrap();
        let [dir, other] = ["00001KTJ1QJB8", "00001KTJ1QJB9"].map(|name| tickets.root().join(name));
        [&dir, &other].into_iter().for_each(|dir| std::fs::create_dir_all(dir).unwrap());
        let mut watch = tickets.watch(&id).unwrap().unwrap();
        let told = |watch: &TicketWatch| watch.watches.read().unwrap().iter().any(|event| watch.concerns_it(event));
        std::fs::write(other.join("item.md"), "x").unwrap();
        std::fs::rename(&other, temp.path().join("away")).unwrap();
        assert!(!told(&watch));
        for round in 0..3 {
            std::fs::write(dir.join("item.md"), format!("{round}")).unwrap();
            watch.changed().unwrap();
            std::fs::create_dir(temp.path().join("successor")).unwrap();
            std::fs::rename(&dir, temp.path().join(format!("old{round}"))).unwrap();
            std::fs::rename(temp.path().join("successor"), &dir).unwrap();
            watch.changed().unwrap();
        }
        std::fs::remove_dir_all(tickets.root()).unwrap();
        let gone = std::iter::repeat_with(|| watch.changed()).find_map(Result::err).unwrap();
        assert!(gone.to_string().contains("tickets"), "{gone}");
    }
}
