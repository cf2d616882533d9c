//! Editing what a ticket says: title, body, priority, assignee; of its file only the lines that change.

use crate::domain::{TicketId, Timestamp};

use super::create::check_title;
use super::error::{ReadError, WriteError};
use super::item::{Item, ItemError};
use super::record::{ITEM, Ticket};
use super::store::{Tickets, local};
use super::thread::as_read;
use super::transaction::Decision;
use super::work::Taken;

/// The longest priority or assignee, in characters.
const MAX_WORD: usize = 100;

/// What is to be changed in a ticket.
#[derive(Debug, Clone, Default)]
pub struct Edits {
    /// Its title.
    pub title: Option<String>,
    /// Its body, Markdown.
    pub body: Option<String>,
    /// How urgent it is; `Some(None)` takes the word away.
    pub priority: Option<Option<String>>,
    /// Who is to do it; `Some(None)` takes the name away.
    pub assignee: Option<Option<String>>,
    /// What the editing person had before them: where that is no longer what the ticket says, nothing is changed.
    pub seen: Option<Seen>,
}

/// What a ticket said when somebody began to edit it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    title: String,
    body: String,
}

impl Seen {
    /// What a ticket says now.
    pub fn of(ticket: &Ticket) -> Self {
        Self { title: ticket.summary.title.clone(), body: ticket.body().to_owned() }
    }
}

impl Tickets {
    /// Edits a ticket; one that says all that already stays as it is.
    ///
    /// # Errors
    /// When a text is not fit for it, it was changed since it was seen, there is no such ticket, its file is not in a form
    /// that can be edited, or it cannot be written; it is then as it was.
    pub fn edit(&self, id: &TicketId, edits: &Edits, now: Timestamp) -> Result<Taken, WriteError> {
        let title = edits.title.as_deref().map(check_title).transpose()?;
        let priority = word("the priority", edits.priority.as_ref())?;
        let assignee = word("the assignee", edits.assignee.as_ref())?;
        self.change(&local(id)?, |ticket| {
            if edits.seen.as_ref().is_some_and(|seen| *seen != Seen::of(ticket)) {
                return Err(WriteError::Edited { id: id.clone() });
            }
            let malformed = |error: ItemError| ReadError::malformed(self.root.join(id.as_str()).join(ITEM), error);
            let mut edited = ticket.clone();
            let edit = |item: &mut Item| {
                if let Some(title) = title.filter(|title| item.text("title") != Some(title)) {
                    item.set("title", title, "")?;
                }
                for (key, word, after) in [("priority", priority, "state"), ("assignee", assignee, "updated_at")] {
                    match word {
                        Some(Some(word)) if item.text(key) != Some(word) => item.set(key, word, after)?,
                        Some(None) => item.clear(key)?,
                        _ => {}
                    }
                }
                match &edits.body {
                    Some(body) if as_read(body) != as_read(item.body()) => item.set_body(body),
                    _ => Ok(()),
                }
            };
            edit(&mut edited.item).map_err(malformed)?;
            if edited.item == ticket.item {
                return Ok(Decision::Leave(Taken::Before));
            }
            Ok(Decision::Write(self.edited(&edited, None, &[], now)?, Taken::Now))
        })
    }
}

/// Checks a word that stands in one line of the front matter.
fn word<'a>(what: &'static str, word: Option<&'a Option<String>>) -> Result<Option<Option<&'a str>>, WriteError> {
    let Some(given) = word else { return Ok(None) };
    let Some(text) = given.as_deref().map(str::trim) else { return Ok(Some(None)) };
    let why = match text.chars().count() {
        0 => "is blank".to_owned(),
        _ if text.contains(char::is_control) => "is more than one line of text".to_owned(),
        length if length > MAX_WORD => format!("has {length} characters, at most {MAX_WORD} are allowed"),
        _ => return Ok(Some(Some(text))),
    };
    Err(WriteError::Invalid { what, why })
}
