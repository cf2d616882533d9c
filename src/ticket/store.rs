//! The tickets of a workspace: finding, listing and reading them. Nothing here takes a lock or writes.

use std::path::{Path, PathBuf};

use crate::domain::TicketId;
use crate::fs::{PathError, entries};

use super::config::Config;
use super::error::{FindError, ReadError};
use super::files::OpenDir;
use super::id::{LocalId, normal_form};
use super::item::Item;
use super::record::{ITEM, Raw, Summary, Ticket, parse_item};
use super::relation::RELATIONS;
use super::tree::Inventory;

/// How many ids an error names.
const MAX_NAMED: usize = 5;
/// How much of a text is compared with ids, in characters; ids are far shorter.
const MAX_WANTED: usize = 80;
/// How often a reader begins again because a writer has put a successor into place meanwhile.
const MAX_TURNS: usize = 1000;

/// The tickets of a workspace.
#[derive(Debug, Clone)]
pub struct Tickets {
    pub(super) root: PathBuf,
    /// Where successors are built: on the same file system, and ignored by git.
    pub(super) scratch: PathBuf,
    /// Whether changes are made as where names cannot be exchanged; set by tests alone.
    pub(super) one_by_one: bool,
}

/// A ticket in a list; one that cannot be read is there with its error.
#[derive(Debug)]
pub struct Listed {
    /// The ticket.
    pub id: TicketId,
    /// What the list shows of it.
    pub summary: Result<Summary, ReadError>,
}

impl Tickets {
    /// The tickets of a workspace, as it is configured. Touches no file.
    pub fn of(workspace: &Path, config: &Config) -> Self {
        Self { root: workspace.join(config.root()), scratch: workspace.join(".yoi/tmp"), one_by_one: false }
    }

    /// The directory that the tickets are in.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of a ticket; `None` where the id is none that yoi makes, which leads nowhere.
    pub fn dir(&self, id: &TicketId) -> Option<PathBuf> {
        LocalId::parse(id.as_str()).map(|id| id.dir(&self.root))
    }

    /// All ids, sorted: the older form first, each form by age.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed.
    pub fn ids(&self) -> Result<Vec<TicketId>, PathError> {
        Ok(self.local_ids()?.into_iter().map(|id| id.ticket().clone()).collect())
    }

    pub(super) fn local_ids(&self) -> Result<Vec<LocalId>, PathError> {
        let names = entries(&self.root)?;
        let mut ids: Vec<LocalId> = names.iter().filter_map(|name| LocalId::parse(name.to_str()?)).collect();
        ids.sort_by(|a, b| b.as_str().len().cmp(&a.as_str().len()).then_with(|| a.cmp(b)));
        Ok(ids)
    }

    /// Finds a ticket by its id or the beginning of it; in lower case too.
    ///
    /// # Errors
    /// When there is none (with the nearest ids), or several.
    pub fn find(&self, text: &str) -> Result<TicketId, FindError> {
        let ids = self.ids()?;
        let wanted = normal_form(&text.chars().take(MAX_WANTED).collect::<String>());
        if let Some(id) = ids.iter().find(|id| id.as_str() == wanted) {
            return Ok(id.clone());
        }
        let begins = |id: &&TicketId| !wanted.is_empty() && id.as_str().starts_with(&wanted);
        let mut candidates: Vec<TicketId> = ids.iter().filter(begins).cloned().collect();
        match candidates.len() {
            1 => Ok(candidates.remove(0)),
            0 => Err(FindError::NotFound {
                text: text.chars().take(MAX_WANTED).collect(),
                nearest: nearest_ids(&wanted, ids),
            }),
            _ => {
                candidates.truncate(MAX_NAMED);
                Err(FindError::Ambiguous { text: text.to_owned(), candidates })
            }
        }
    }

    /// Lists all tickets, in the order of their ids; one that cannot be read hides no other.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed.
    pub fn list(&self) -> Result<Vec<Listed>, PathError> {
        self.list_where(|_, _| true)
    }

    /// Lists the tickets that are wanted, by what a list shows of them and by their bodies; those that cannot be read are
    /// among them.
    ///
    /// # Errors
    /// When the directory exists and cannot be listed.
    pub fn list_where(&self, is_wanted: impl Fn(&Summary, &str) -> bool) -> Result<Vec<Listed>, PathError> {
        let listed = |id: LocalId| {
            let summary = match self.item(&id) {
                Ok((summary, item)) => is_wanted(&summary, item.body()).then_some(Ok(summary)),
                Err(error) => Some(Err(error)),
            };
            Some(Listed { summary: summary?, id: id.ticket().clone() })
        };
        Ok(self.local_ids()?.into_iter().filter_map(listed).collect())
    }

    /// The files that belong to a ticket besides its own: what lies in its `artifacts`, by paths from there.
    ///
    /// # Errors
    /// When there is no such ticket, or its directory cannot be read.
    pub fn artifacts(&self, id: &TicketId) -> Result<Vec<PathBuf>, ReadError> {
        let local = local(id)?;
        let path = local.dir(&self.root);
        let found = self.with_dir(
            &local,
            |_| match Inventory::of(&path) {
                Ok(inventory) => Ok(Some(inventory)),
                // A writer put a successor into place meanwhile.
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error.into()),
            },
            Option::is_some,
        )?;
        Ok(found.iter().flat_map(Inventory::artifacts).filter(|path| !is_of_yoi(path)).collect())
    }

    /// A ticket as [`Self::list`] has it, without looking at any other; `None` where there is none of this id.
    pub fn look_up(&self, id: &TicketId) -> Option<Listed> {
        match self.summary(&LocalId::parse(id.as_str())?) {
            Err(ReadError::NotFound { .. }) => None,
            summary => Some(Listed { id: id.clone(), summary }),
        }
    }

    /// What a listing shows of a ticket, where it can be read.
    pub fn summary_of(&self, id: &TicketId) -> Option<Summary> {
        self.summary(&LocalId::parse(id.as_str())?).ok()
    }

    /// Reads a ticket as it is at one moment: before a change or after it, never between.
    ///
    /// # Errors
    /// When there is none of exactly this id, or its files cannot be read.
    pub fn read(&self, id: &TicketId) -> Result<Ticket, ReadError> {
        let local = local(id)?;
        self.read_raw(&local)?.parse(id, &local.dir(&self.root))
    }

    pub(super) fn read_raw(&self, id: &LocalId) -> Result<Raw, ReadError> {
        self.with_dir(id, Raw::read, Raw::is_complete)
    }

    pub(super) fn summary(&self, id: &LocalId) -> Result<Summary, ReadError> {
        Ok(self.item(id)?.0)
    }

    fn item(&self, id: &LocalId) -> Result<(Summary, Item), ReadError> {
        let bytes = self.with_dir(id, |dir| Ok(dir.read(ITEM)?), Option::is_some)?;
        let dir = id.dir(&self.root);
        let item = parse_item(bytes, &dir)?;
        let summary = Summary::of(id.ticket(), &item).map_err(|error| ReadError::malformed(dir.join(ITEM), error))?;
        Ok((summary, item))
    }

    /// Reads through a directory that is opened once. What is missing in it is believed only while its name still
    /// stands for it: a writer removes the predecessor of what it has put into place.
    pub(super) fn with_dir<T>(
        &self,
        id: &LocalId,
        read: impl Fn(&OpenDir) -> Result<T, ReadError>,
        is_complete: impl Fn(&T) -> bool,
    ) -> Result<T, ReadError> {
        let path = id.dir(&self.root);
        for _ in 0..MAX_TURNS {
            let dir = OpenDir::open(path.clone())?.ok_or_else(|| ReadError::NotFound { id: id.ticket().clone() })?;
            let found = read(&dir)?;
            if is_complete(&found) || dir.is_current()? {
                return Ok(found);
            }
        }
        Err(PathError::refused("read", &path, "it is replaced again and again").into())
    }
}

/// Whether an artifact is no work of anybody's: our own relations, and what makes git keep an empty directory.
fn is_of_yoi(path: &Path) -> bool {
    path == Path::new(".gitkeep") || RELATIONS.split_once('/').is_some_and(|(_, name)| path == Path::new(name))
}

/// An id as a path component; an id that yoi does not make has no ticket.
pub(super) fn local(id: &TicketId) -> Result<LocalId, ReadError> {
    LocalId::parse(id.as_str()).ok_or_else(|| ReadError::NotFound { id: id.clone() })
}

fn nearest_ids(wanted: &str, ids: Vec<TicketId>) -> Vec<TicketId> {
    // The texts that people mistype are as long as ids; what is far from all of them is like none.
    let distance = |id: &TicketId| strsim::osa_distance(wanted, id.as_str());
    let mut near: Vec<(usize, TicketId)> =
        ids.into_iter().map(|id| (distance(&id), id)).filter(|(d, _)| *d <= 4).collect();
    near.sort();
    near.into_iter().take(MAX_NAMED).map(|(_, id)| id).collect()
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
