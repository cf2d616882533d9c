//! What is done to a ticket that is there.

use crate::domain::{TicketId, Timestamp};

use super::author::Author;
use super::error::{ReadError, WriteError};
use super::item::Item;
use super::record::{ITEM, THREAD, Ticket, parse_moment, state_key};
use super::state::State;
use super::step::{Form, Outlook, Step};
use super::store::{Tickets, local};
use super::thread::{NewEvent, append, as_read, moment};
use super::transaction::Decision;
use super::tree::NewFile;

/// What is said in a ticket's thread without changing its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remark {
    /// A remark, or a question of the intake.
    Comment,
    /// How the work is to go on.
    Plan,
    /// What was decided, and why.
    Decision,
}

impl Remark {
    fn kind(self) -> &'static str {
        match self {
            Self::Comment => "comment",
            Self::Plan => "plan",
            Self::Decision => "decision",
        }
    }

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

/// A step in a ticket's workflow, with what is said about it.
#[derive(Debug, Clone)]
pub struct Work<'a> {
    /// The step; whether it is this caller's to take is for the caller to know.
    pub step: Step,
    /// Who takes it.
    pub author: &'a Author,
    /// What there is to say, Markdown; blank only where the step needs no words.
    pub text: &'a str,
    /// Whether the caller knows that the same claim took this step before: a repeat changes nothing.
    pub repeated: bool,
    /// When the claim was accepted: of a step that leaves the state as it is, what was said since then in the same words
    /// is not said again.
    pub since: Timestamp,
}

/// What became of [`Tickets::take`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// The step is taken now.
    Now,
    /// It was taken before.
    Before,
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
                kind: comment.remark.kind(),
                author: comment.author,
                at: now,
                attributes: Vec::new(),
                heading: heading.unwrap_or(comment.remark.heading()),
                body: comment.body,
            };
            Ok(Decision::Write(self.edited(ticket, None, &[event], now)?, ()))
        })
    }

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
            match step.outlook(state, work.repeated) {
                Outlook::Open if step.to().is_none() && was_said(ticket, work) => {
                    return Ok(Decision::Leave(Taken::Before));
                }
                Outlook::Open => {}
                Outlook::Behind => return Ok(Decision::Leave(Taken::Before)),
                Outlook::Barred => {
                    let (what, needs) = (step.call(), step.needs());
                    return Err(WriteError::State { id: id.clone(), state, what, needs });
                }
            }
            let event = |kind, attributes, heading, body| NewEvent {
                kind,
                author: work.author,
                at: now,
                attributes,
                heading,
                body,
            };
            let spoken = Some(work.text).filter(|text| !text.trim().is_empty());
            let mut events = Vec::new();
            if let (Some(Form { kind, status, heading }), Some(text)) = (step.form(), spoken) {
                let attributes = status.map(|status| ("status", status)).into_iter().collect();
                events.push(event(kind, attributes, heading, text));
            }
            let change = step.to().map(|to| {
                let said = format!("{}: {state} → {to}.", step.said());
                // Words without an event of their own belong to the change.
                let more = spoken.filter(|_| step.form().is_none());
                (to, more.map_or(said.clone(), |text| format!("{said}\n\n{text}")))
            });
            if let Some((to, said)) = &change {
                let field = state_key(&ticket.item);
                let attributes =
                    vec![("from", state.as_str()), ("to", to.as_str()), ("reason", step.reason()), ("field", field)];
                events.push(event("state_changed", attributes, "State changed", said));
            }
            Ok(Decision::Write(self.edited(ticket, step.to(), &events, now)?, Taken::Now))
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

/// Whether the same was said in the ticket's thread under the same claim.
fn was_said(ticket: &Ticket, work: &Work) -> bool {
    let Some(Form { kind, status, .. }) = work.step.form() else { return false };
    // Events are dated to the second.
    let since = parse_moment(&moment(work.since));
    let body = as_read(work.text);
    ticket.thread.events.iter().any(|event| {
        event.kind == kind
            && event.author.as_deref() == Some(work.author.as_str())
            && event.attributes.iter().find(|(key, _)| key == "status").map(|(_, value)| value.as_str()) == status
            && event.at.as_deref().and_then(parse_moment) >= since
            && event.body == body
    })
}

fn check_text(what: &'static str, text: &str) -> Result<(), WriteError> {
    if text.trim().is_empty() { Err(WriteError::Invalid { what, why: "is blank".to_owned() }) } else { Ok(()) }
}
