//! What is said in the thread of a ticket that is there.

use crate::domain::{TicketId, Timestamp, words};

use super::author::Author;
use super::error::{ReadError, WriteError};
use super::item::Item;
use super::record::{ITEM, THREAD, Ticket, state_key};
use super::state::State;
use super::store::{Tickets, local};
use super::thread::{NewEvent, append, moment};
use super::transaction::Decision;
use super::tree::NewFile;

words! {
    /// What is said in a ticket's thread without changing its state.
    Remark, "kind of remark" {
        /// A remark, or a question of the intake.
        Comment = "comment",
        /// How the work is to go on.
        Plan = "plan",
        /// What was decided, and why.
        Decision = "decision",
    }
}

impl Remark {
    fn heading(self) -> &'static str {
        match self {
            Self::Comment => "Comment",
            Self::Plan => "Plan",
            Self::Decision => "Decision",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Comment => "the comment",
            Self::Plan => "the plan",
            Self::Decision => "the decision",
        }
    }
}

/// Something to say in a ticket's thread.
#[derive(Debug, Clone)]
pub struct Comment<'a> {
    /// What it is.
    pub remark: Remark,
    /// Who says it.
    pub author: &'a Author,
    /// Its heading; what it is, where there is none.
    pub heading: Option<&'a str>,
    /// Its text, Markdown; not blank.
    pub body: &'a str,
}

impl Tickets {
    /// Adds a comment to a ticket's thread.
    ///
    /// # Errors
    /// When the text is blank, there is no such ticket, or it cannot be written; it is then as it was.
    pub fn comment(&self, id: &TicketId, comment: &Comment, now: Timestamp) -> Result<(), WriteError> {
        check_text(comment.remark.what(), comment.body)?;
        self.change(&local(id)?, |ticket| {
            let heading = comment.heading.filter(|heading| !heading.trim().is_empty());
            let event = NewEvent {
                kind: comment.remark.as_str(),
                author: comment.author,
                at: now,
                attributes: Vec::new(),
                heading: heading.unwrap_or(comment.remark.heading()),
                body: comment.body,
            };
            Ok(Decision::Write(self.edited(ticket, None, &[event], now)?, ()))
        })
    }

    /// The files of a ticket with another state and further events, and the moment of the change.
    pub(super) fn edited(
        &self,
        ticket: &Ticket,
        state: Option<State>,
        events: &[NewEvent],
        now: Timestamp,
    ) -> Result<Vec<NewFile>, WriteError> {
        let path = || self.root.join(ticket.id().as_str()).join(ITEM);
        let edit = |item: &mut Item| {
            if let Some(state) = state {
                item.set(state_key(&ticket.item), state.as_str(), "title")?;
            }
            item.set("updated_at", &moment(now), "created_at")
        };
        let mut item = ticket.item.clone();
        edit(&mut item).map_err(|error| ReadError::malformed(path(), error))?;
        let mut files = vec![NewFile::new(ITEM, item.as_str())];
        // A thread that nothing is added to keeps every byte, also where its last event has no end.
        if !events.is_empty() {
            files.push(NewFile::new(THREAD, append(&ticket.thread_text, events)));
        }
        Ok(files)
    }
}

/// Refuses a text that says nothing.
pub(super) fn check_text(what: &'static str, text: &str) -> Result<(), WriteError> {
    if text.trim().is_empty() { Err(WriteError::Invalid { what, why: "is blank".to_owned() }) } else { Ok(()) }
}
