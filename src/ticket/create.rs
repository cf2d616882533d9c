//! New tickets.

use crate::domain::{TicketId, Timestamp};
use crate::fs::{Renamed, entries, rename_new, sync_dir};

use super::author::Author;
use super::error::WriteError;
use super::id::LocalId;
use super::item::quote_singly;
use super::record::{ITEM, THREAD};
use super::state::State;
use super::store::Tickets;
use super::thread::{NewEvent, append, moment};
use super::transaction::check_sizes;
use super::tree::{NewFile, build};

/// The longest title, in characters.
const MAX_TITLE: usize = 300;

/// What a new ticket says. It begins in planning.
#[derive(Debug, Clone)]
pub struct NewTicket {
    /// What it is about, on one line of at most 300 characters.
    pub title: String,
    /// Its Markdown body.
    pub body: String,
    /// Who makes it.
    pub author: Author,
}

/// A ticket that has its id and is not yet there: time to take the lock of that id.
#[derive(Debug)]
#[must_use = "the ticket is not there before it is published"]
pub struct PreparedTicket {
    tickets: Tickets,
    id: LocalId,
    files: Vec<NewFile>,
}

/// What became of [`PreparedTicket::publish`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "the id may be taken"]
pub enum Published {
    /// The ticket is there, and durable.
    Done(TicketId),
    /// Somebody made a ticket of this id meanwhile: prepare it again, which gives another one.
    Taken,
}

impl Tickets {
    /// Prepares a ticket under the first free id from `now` on. Touches no file.
    ///
    /// # Errors
    /// When the title is blank, longer than 300 characters or more than one line, or the body is over 4 MiB.
    pub fn prepare(&self, new: &NewTicket, now: Timestamp) -> Result<PreparedTicket, WriteError> {
        let title = check_title(&new.title)?;
        let files = vec![
            NewFile::new(ITEM, item_text(title, &new.body, now)),
            NewFile::new(THREAD, thread_text(&new.author, now)),
        ];
        check_sizes(&files)?;
        let taken = entries(&self.root)?;
        // A moment before 1970 is none in which a ticket is made.
        let millis = u64::try_from(now.get().timestamp_millis()).unwrap_or(0);
        let free = |id: &LocalId| !taken.iter().any(|name| name.to_str() == Some(id.as_str()));
        let id = (millis..).map(LocalId::from_millis).find(free);
        Ok(PreparedTicket { tickets: self.clone(), id: id.expect("there are more ids than files"), files })
    }
}

impl PreparedTicket {
    /// The id that the ticket will have.
    pub fn id(&self) -> &TicketId {
        self.id.ticket()
    }

    /// Puts the ticket into place, all at once.
    ///
    /// # Errors
    /// When the files cannot be written, or another writer does not finish in time. After a failed sync of the tickets'
    /// directory the ticket may be there.
    pub fn publish(self) -> Result<Published, WriteError> {
        let writer = self.tickets.writer()?;
        let scratch = writer.scratch(&self.id)?;
        build(scratch.path(), &self.files, &["artifacts"])?;
        match rename_new(scratch.path(), &self.id.dir(&self.tickets.root))? {
            Renamed::Taken => Ok(Published::Taken),
            Renamed::Done => {
                sync_dir(&self.tickets.root)?;
                Ok(Published::Done(self.id.ticket().clone()))
            }
        }
    }
}

/// Checks a title, and takes the blanks around it away.
pub(super) fn check_title(title: &str) -> Result<&str, WriteError> {
    let title = title.trim();
    let invalid = |why: &str| Err(WriteError::Invalid { what: "the title", why: why.to_owned() });
    match title.chars().count() {
        0 => invalid("is blank"),
        _ if title.contains(char::is_control) => invalid("is more than one line of text"),
        length if length > MAX_TITLE => invalid(&format!("has {length} characters, at most {MAX_TITLE} are allowed")),
        _ => Ok(title),
    }
}

fn item_text(title: &str, body: &str, now: Timestamp) -> String {
    let keys = [
        ("title", title.to_owned()),
        ("state", State::Planning.to_string()),
        ("created_at", moment(now)),
        ("updated_at", moment(now)),
    ];
    let lines: String = keys.iter().map(|(key, value)| format!("{key}: {}\n", quote_singly(value))).collect();
    let body = body.trim_matches(['\r', '\n']);
    let body = if body.is_empty() { String::new() } else { format!("\n{body}\n") };
    format!("---\n{lines}---\n{body}")
}

fn thread_text(author: &Author, now: Timestamp) -> String {
    append("", &[NewEvent { kind: "create", author, at: now, attributes: Vec::new(), heading: "Created", body: "" }])
}
