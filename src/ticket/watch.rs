//! Watching the tickets of a workspace: what to read again, told as it happens.
//!
//! As with a registry, the first change is [`TicketChange::Everything`], and from then on nothing is missed; where the
//! kernel lost count, or the directory of the tickets came or went, it is told again. Reading is no change.
//!
//! yoi puts a successor of a ticket's directory into place; an editor writes to a file in it. So the directory of the
//! tickets is watched, and that of each ticket. Where this user may not watch so many, what editors do is not told of those
//! that are left over ([`TicketsWatch::is_partial`]).

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::record::{ITEM, RESOLUTION, THREAD};
use super::store::{Tickets, local};
use crate::domain::TicketId;
use crate::fs::{DirEvent, DirWatches, EntryEvent, Interest, IoContext as _, PathError, WatchId, Woken};

/// The files that say how a workspace is configured.
const SETTINGS: [&str; 2] = ["ticket.config.toml", "profiles.toml"];

/// Something that is to be read again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TicketChange {
    /// All there is.
    Everything,
    /// One ticket: its text, its thread, whether it is there.
    Ticket(TicketId),
    /// The configuration of the workspace; the tickets may be elsewhere by now, and are watched no more.
    Configuration,
}

/// What a watched directory is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// It lies on the way to one that is missing, of this name.
    Way(String),
    /// The one that the configuration is in.
    Settings,
    /// That of all tickets.
    Root,
    /// That of one ticket.
    Ticket(TicketId),
}

/// The changes of the tickets, as they happen.
#[derive(Debug)]
pub struct TicketsWatch {
    tickets: Tickets,
    settings: PathBuf,
    watches: DirWatches,
    places: HashMap<WatchId, Vec<Place>>,
    by_ticket: HashMap<TicketId, WatchId>,
    is_partial: bool,
    begun: bool,
}

impl TicketsWatch {
    /// Begins to watch the tickets of a workspace, whether there are any yet or not.
    ///
    /// # Errors
    /// When nothing can be watched.
    pub fn new(workspace: &Path, tickets: Tickets) -> Result<Self, PathError> {
        let mut watch = Self {
            watches: DirWatches::new(tickets.root())?,
            settings: workspace.join(".yoi"),
            tickets,
            places: HashMap::new(),
            by_ticket: HashMap::new(),
            is_partial: false,
            begun: false,
        };
        watch.look_again()?;
        Ok(watch)
    }

    /// Whether there are tickets of which it is not told what is written into their files.
    pub fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// Waits for the next changes, each told once.
    ///
    /// # Errors
    /// When a directory that has come cannot be watched. Nothing can be relied on after that.
    pub fn changes(&mut self) -> Result<Vec<TicketChange>, PathError> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(vec![TicketChange::Everything]);
        }
        loop {
            if self.watches.wait(None, None).context("watch", self.tickets.root())? != Woken::Events {
                continue;
            }
            let changes = self.take()?;
            if !changes.is_empty() {
                return Ok(changes);
            }
        }
    }

    fn take(&mut self) -> Result<Vec<TicketChange>, PathError> {
        let Ok(events) = self.watches.read() else {
            // What was told is lost, and whether more will be is not known: begin anew.
            self.watches = DirWatches::new(self.tickets.root())?;
            self.places.clear();
            self.look_again()?;
            return Ok(vec![TicketChange::Everything]);
        };
        let mut told = HashSet::new();
        let mut changes = Vec::new();
        for event in events {
            let change = match event {
                DirEvent::Overflow => Some(TicketChange::Everything),
                DirEvent::Gone(dir) => self.gone(dir),
                DirEvent::Entry { dir, name, event } => self.judge(dir, &name.to_string_lossy(), event),
            };
            changes.extend(change.filter(|change| told.insert(change.clone())));
        }
        if told.contains(&TicketChange::Everything) {
            self.look_again()?;
            changes.retain(|change| !matches!(change, TicketChange::Ticket(_)));
        }
        Ok(changes)
    }

    fn gone(&mut self, dir: WatchId) -> Option<TicketChange> {
        let places = self.places.remove(&dir)?;
        // That one ticket has gone is told by the directory that it was in.
        let was_ticket = places.iter().all(|place| matches!(place, Place::Ticket(_)));
        (!was_ticket).then_some(TicketChange::Everything)
    }

    fn judge(&mut self, dir: WatchId, name: &str, event: EntryEvent) -> Option<TicketChange> {
        let places = self.places.get(&dir)?.clone();
        places.into_iter().find_map(|place| match place {
            Place::Way(missing) => (name == missing).then_some(TicketChange::Everything),
            Place::Settings => SETTINGS.contains(&name).then_some(TicketChange::Configuration),
            Place::Ticket(id) => [ITEM, THREAD, RESOLUTION].contains(&name).then_some(TicketChange::Ticket(id)),
            Place::Root => {
                let id = TicketId::new(name).ok().filter(|id| local(id).is_ok())?;
                // Watched first and told then: whoever reads because of it misses nothing that comes after. Of two directories
                // that are exchanged it is told that the new one came before it is told that the old one went.
                if matches!(event, EntryEvent::Appeared | EntryEvent::Vanished) {
                    self.add_ticket(&id);
                }
                Some(TicketChange::Ticket(id))
            }
        })
    }

    /// Watches what there is by now, and nothing else.
    fn look_again(&mut self) -> Result<(), PathError> {
        let before = std::mem::take(&mut self.places);
        self.by_ticket.clear();
        self.is_partial = false;
        let (settings, root) = (self.settings.clone(), self.tickets.root().to_owned());
        self.add_or_way(&settings, &Place::Settings)?;
        if self.add_or_way(&root, &Place::Root)? {
            self.tickets.ids()?.iter().for_each(|id| self.add_ticket(id));
        }
        before
            .into_keys()
            .filter(|watch| !self.places.contains_key(watch))
            .for_each(|watch| self.watches.remove(watch));
        Ok(())
    }

    /// Watches a directory, or the one in which the first that is missing on the way to it will appear; tells whether it
    /// is there.
    fn add_or_way(&mut self, dir: &Path, place: &Place) -> Result<bool, PathError> {
        loop {
            if let Some(watch) = self.watches.add(dir, Interest::Records)? {
                self.places.entry(watch).or_default().push(place.clone());
                return Ok(true);
            }
            let Some(next) = dir.ancestors().find(|next| next.parent().is_some_and(Path::is_dir)) else {
                return Ok(false);
            };
            let Some(above) = next.parent() else { return Ok(false) };
            let name = next.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            // Of one that is watched for what is in it, new names are told as well.
            let watch = match self.settings == above {
                true => self.watches.add(above, Interest::Records)?,
                false => self.watches.add(above, Interest::NewNames)?,
            };
            let Some(watch) = watch else { continue };
            self.places.entry(watch).or_default().push(Place::Way(name));
            // It may have come before there was somebody to tell of it.
            if !next.exists() {
                return Ok(false);
            }
        }
    }

    fn add_ticket(&mut self, id: &TicketId) {
        self.remove_ticket(id);
        let Some(dir) = self.tickets.dir(id).filter(|_| !self.is_partial) else { return };
        match self.watches.add(&dir, Interest::Records) {
            Ok(Some(watch)) => {
                self.places.entry(watch).or_default().push(Place::Ticket(id.clone()));
                self.by_ticket.insert(id.clone(), watch);
            }
            // It has gone again, which is told.
            Ok(None) => {}
            Err(_) => self.is_partial = true,
        }
    }

    fn remove_ticket(&mut self, id: &TicketId) {
        if let Some(watch) = self.by_ticket.remove(id) {
            self.places.remove(&watch);
            self.watches.remove(watch);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Config;

    const ID: &str = "00001KTJ1QJB8";

    fn ticket(id: &str) -> TicketChange {
        TicketChange::Ticket(TicketId::new(id).unwrap())
    }

    /// A workspace, in which there is nothing but this directory.
    fn watched(dir: &str) -> (tempfile::TempDir, TicketsWatch) {
        let temp = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(temp.path().join(dir)).unwrap();
        let tickets = Tickets::of(temp.path(), &Config::defaults(temp.path()));
        let mut watch = TicketsWatch::new(temp.path(), tickets).unwrap();
        assert_eq!(watch.changes().unwrap(), [TicketChange::Everything]);
        (temp, watch)
    }

    #[test]
    fn a_ticket_that_an_editor_writes_to_is_told_and_no_other() {
        let (temp, mut watch) = watched(&format!(".yoi/tickets/{ID}/artifacts"));
        let dir = temp.path().join(".yoi/tickets").join(ID);
        std::fs::write(dir.join(".item.md.swp"), "").unwrap();
        std::fs::write(dir.join("item.md"), "text").unwrap();
        assert_eq!(watch.changes().unwrap(), [ticket(ID)]);
        std::fs::read(dir.join("item.md")).unwrap();
        std::fs::create_dir_all(temp.path().join(".yoi/tickets/00001KTJ1QJB9")).unwrap();
        assert_eq!(watch.changes().unwrap(), [ticket("00001KTJ1QJB9")], "reading is no change");
    }

    #[test]
    fn a_successor_that_is_put_into_place_is_told_and_watched() {
        let (temp, mut watch) = watched(&format!(".yoi/tickets/{ID}"));
        let dir = temp.path().join(".yoi/tickets").join(ID);
        std::fs::create_dir_all(temp.path().join(".yoi/tmp/next")).unwrap();
        let exchanged = crate::fs::exchange(&temp.path().join(".yoi/tmp/next"), &dir).unwrap();
        assert_eq!(exchanged, crate::fs::Exchanged::Done);
        assert_eq!(watch.changes().unwrap(), [ticket(ID)]);
        std::fs::write(dir.join("thread.md"), "text").unwrap();
        assert_eq!(watch.changes().unwrap(), [ticket(ID)]);
        std::fs::remove_dir_all(&dir).unwrap();
        assert_eq!(watch.changes().unwrap(), [ticket(ID)]);
    }

    #[test]
    fn tickets_that_come_and_go_as_a_whole_are_told_as_everything() {
        let (temp, mut watch) = watched(".");
        std::fs::create_dir_all(temp.path().join(".yoi/tickets").join(ID)).unwrap();
        assert_eq!(watch.changes().unwrap(), [TicketChange::Everything]);
        std::fs::write(temp.path().join(".yoi/tickets").join(ID).join("item.md"), "").unwrap();
        while watch.changes().unwrap() != [ticket(ID)] {}
        std::fs::remove_dir_all(temp.path().join(".yoi/tickets")).unwrap();
        while watch.changes().unwrap() != [TicketChange::Everything] {}
        std::fs::write(temp.path().join(".yoi/profiles.toml"), "").unwrap();
        assert_eq!(watch.changes().unwrap(), [TicketChange::Configuration]);
    }
}
