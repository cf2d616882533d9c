//! Bringing a ticket on: the steps that roles take, and what a person decides.

use crate::domain::{TicketId, Timestamp};

use super::actions::check_text;
use super::author::Author;
use super::change::Change;
use super::error::WriteError;
use super::record::{RESOLUTION, Ticket, parse_moment, state_key};
use super::state::State;
use super::step::{Form, Outlook, Step};
use super::store::{Tickets, local};
use super::thread::{NewEvent, as_read, moment};
use super::transaction::Decision;
use super::tree::NewFile;

/// A step in a ticket's workflow, with what is said about it.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// The step; whether it is this caller's to take is for the caller to know.
    pub step: Step,
    /// Who takes it.
    pub author: &'a Author,
    /// What there is to say, Markdown; blank only where the step needs no words.
    pub text: &'a str,
    /// As whom it is taken.
    pub by: By,
}

/// As whom a step is taken.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// As a Pod, under its claim.
    Claim {
        /// When the claim was accepted: of a step that leaves the state as it is, what was said since then in the same
        /// words is not said again.
        since: Timestamp,
        /// Whether the caller knows that the same claim took this step before: a repeat changes nothing.
        repeated: bool,
    },
    /// As a person, who says a thing twice if they want to.
    Person,
}

/// What became of [`Tickets::take`] or [`Tickets::bring_to`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The step is taken now.
    Now,
    /// It was taken before.
    Before,
}

/// What a person says with a change of state.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    /// Who it is.
    pub author: &'a Author,
    /// Why, or how it went, Markdown; blank only where the ticket is not closed.
    pub text: &'a str,
}

impl Tickets {
    /// Takes a step in a ticket's workflow: what is said goes into its thread, and its state to where the step leads, in
    /// one instant.
    ///
    /// # Errors
    /// When the ticket is in a state in which the step cannot be taken, a text is missing, there is no such ticket, or it
    /// cannot be written; it is then as it was.
    pub fn take(&self, id: &TicketId, work: &Work, now: Timestamp) -> Result<Taken, WriteError> {
        let step = work.step;
        if let Some(what) = step.text_is_required() {
            check_text(what, work.text)?;
        }
        self.change(&local(id)?, |ticket| {
            let state = ticket.summary.state;
            match step.outlook(state, matches!(work.by, By::Claim { repeated: true, .. })) {
                Outlook::Open if step.to().is_none() && was_said(ticket, work) => {
                    return Ok(Decision::Leave(Taken::Before));
                }
                Outlook::Open => {}
                Outlook::Behind => return Ok(Decision::Leave(Taken::Before)),
                Outlook::Barred => {
                    let what = match work.by {
                        By::Claim { .. } => step.call(),
                        By::Person => "a review",
                    };
                    return Err(WriteError::State { id: id.clone(), state, what, needs: step.needs() });
                }
            }
            self.check_not_held_back(ticket, step.to())?;
            let words = Words { author: work.author, text: work.text };
            Ok(Decision::Write(self.changed(ticket, Change::Step(step), &words, now)?, Taken::Now))
        })
    }

    /// Brings a ticket into a state, as a person decides: the words go into its thread in the same instant. Closing it
    /// writes them as its resolution as well, and opening it again takes that away.
    ///
    /// # Errors
    /// When no change leads there from its state, it is to be closed without a word, there is no such ticket, or it cannot
    /// be written; it is then as it was.
    pub fn bring_to(&self, id: &TicketId, to: State, words: &Words, now: Timestamp) -> Result<Taken, WriteError> {
        let to = to.today();
        if to == State::Closed {
            check_text("the resolution", words.text)?;
        }
        self.change(&local(id)?, |ticket| {
            let from = ticket.summary.state;
            if from.today() == to {
                return Ok(Decision::Leave(Taken::Before));
            }
            let Some(change) = Change::between(from, to) else {
                return Err(WriteError::NoWay { id: id.clone(), from, to, ways: Change::ways(from).collect() });
            };
            self.check_not_held_back(ticket, Some(to))?;
            Ok(Decision::Write(self.changed(ticket, change, words, now)?, Taken::Now))
        })
    }

    /// The files of a ticket once a change was made.
    fn changed(
        &self,
        ticket: &Ticket,
        change: Change,
        words: &Words,
        now: Timestamp,
    ) -> Result<Vec<NewFile>, WriteError> {
        let state = ticket.summary.state;
        let event = |kind, attributes, heading, body| NewEvent {
            kind,
            author: words.author,
            at: now,
            attributes,
            heading,
            body,
        };
        let spoken = Some(words.text).filter(|text| !text.trim().is_empty());
        let mut events = Vec::new();
        if let (Some(Form { kind, status, heading }), Some(text)) = (change.form(), spoken) {
            let attributes = status.map(|status| ("status", status)).into_iter().collect();
            events.push(event(kind, attributes, heading, text));
        }
        let said = change.to().map(|to| {
            let said = format!("{}: {state} → {to}.", change.said());
            // Words without an event of their own belong to the change.
            let more = spoken.filter(|_| change.form().is_none());
            (to, more.map_or(said.clone(), |text| format!("{said}\n\n{text}")))
        });
        if let Some((to, said)) = &said {
            let field = state_key(&ticket.item);
            let attributes =
                vec![("from", state.as_str()), ("to", to.as_str()), ("reason", change.reason()), ("field", field)];
            events.push(event("state_changed", attributes, "State changed", said));
        }
        let mut files = self.edited(ticket, change.to(), &events, now)?;
        match change {
            Change::Close => files.push(NewFile::new(RESOLUTION, format!("{}\n", as_read(words.text)))),
            Change::Reopen => files.push(NewFile::gone(RESOLUTION)),
            _ => {}
        }
        Ok(files)
    }
}

/// Whether the same was said in the ticket's thread under the same claim.
fn was_said(ticket: &Ticket, work: &Work) -> bool {
    let (Some(Form { kind, status, .. }), By::Claim { since, .. }) = (work.step.form(), work.by) else { return false };
    // Events are dated to the second.
    let since = parse_moment(&moment(since));
    let body = as_read(work.text);
    ticket.thread.events.iter().any(|event| {
        event.kind == kind
            && event.author.as_deref() == Some(work.author.as_str())
            && event.attribute("status") == status
            && event.at.as_deref().and_then(parse_moment) >= since
            && event.body == body
    })
}
