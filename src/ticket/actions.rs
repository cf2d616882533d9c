//! What is done to a ticket that is there.

use crate::domain::{TicketId, Timestamp};

use super::author::Author;
use super::error::{ReadError, WriteError};
use super::item::Item;
use super::record::{ITEM, THREAD, Ticket, state_key};
use super::state::State;
use super::store::{Tickets, local};
use super::thread::{NewEvent, append, moment};
use super::transaction::Decision;
use super::tree::NewFile;

/// Something to say in a ticket's thread: a remark, or a question of the intake.
#[derive(Debug, Clone)]
pub struct Comment<'a> {
    /// Who says it.
    pub author: &'a Author,
    /// Its heading; "Comment" where there is none.
    pub heading: Option<&'a str>,
    /// Its text, Markdown; not blank.
    pub body: &'a str,
}

/// What an intake has made of a ticket.
#[derive(Debug, Clone)]
pub struct IntakeResult<'a> {
    /// Who says so.
    pub author: &'a Author,
    /// What there is to know before the work begins, Markdown; not blank.
    pub summary: &'a str,
    /// Whether the caller knows that the same claim said so before: a repeat changes nothing.
    pub repeated: bool,
}

/// What became of [`Tickets::intake_ready`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntakeReady {
    /// The ticket is ready now.
    Done,
    /// It was, by the same claim.
    AlreadyDone,
}

impl Tickets {
    /// Adds a comment to a ticket's thread.
    ///
    /// # Errors
    /// When the text is blank, there is no such ticket, or it cannot be written; it is then as it was.
    pub fn comment(&self, id: &TicketId, comment: &Comment, now: Timestamp) -> Result<(), WriteError> {
        check_text("the comment", comment.body)?;
        self.change(&local(id)?, |ticket| {
            let event = NewEvent {
                kind: "comment",
                author: comment.author,
                at: now,
                attributes: Vec::new(),
                heading: comment.heading.filter(|heading| !heading.trim().is_empty()).unwrap_or("Comment"),
                body: comment.body,
            };
            Ok(Decision::Write(self.edited(ticket, None, &[event], now)?, ()))
        })
    }

    /// Makes a ticket ready: the summary goes into its thread and its state from planning, or the older intake, to
    /// ready, in one instant.
    ///
    /// # Errors
    /// When the ticket is in another state, the summary is blank, there is no such ticket, or it cannot be written; it
    /// is then as it was.
    pub fn intake_ready(
        &self,
        id: &TicketId,
        result: &IntakeResult,
        now: Timestamp,
    ) -> Result<IntakeReady, WriteError> {
        check_text("the summary", result.summary)?;
        self.change(&local(id)?, |ticket| {
            let state = ticket.summary.state;
            match state {
                State::Planning | State::Intake => {}
                State::Ready if result.repeated => return Ok(Decision::Leave(IntakeReady::AlreadyDone)),
                _ => {
                    let needs = "a ticket in planning (or in intake, its older name)";
                    return Err(WriteError::State { id: id.clone(), state, what: "TicketIntakeReady", needs });
                }
            }
            let event = |kind, attributes, heading, body| NewEvent {
                kind,
                author: result.author,
                at: now,
                attributes,
                heading,
                body,
            };
            let field = state_key(&ticket.item);
            let change = vec![("from", state.as_str()), ("to", "ready"), ("reason", "intake_ready"), ("field", field)];
            let said = format!("The intake is complete: {state} → ready.");
            let events = [
                event("intake_summary", Vec::new(), "Intake summary", result.summary),
                event("state_changed", change, "State changed", &said),
            ];
            Ok(Decision::Write(self.edited(ticket, Some(State::Ready), &events, now)?, IntakeReady::Done))
        })
    }

    /// The files of a ticket with another state and further events, and the moment of the change.
    fn edited(
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
        Ok(vec![
            NewFile { name: ITEM, content: item.as_str().to_owned() },
            NewFile { name: THREAD, content: append(&ticket.thread_text, events) },
        ])
    }
}

fn check_text(what: &'static str, text: &str) -> Result<(), WriteError> {
    if text.trim().is_empty() { Err(WriteError::Invalid { what, why: "is blank".to_owned() }) } else { Ok(()) }
}
