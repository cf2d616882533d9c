//! Tickets as they are shown.

use std::path::PathBuf;

use serde_json::json;

use crate::cli::{Field, Meaning, Row, Value};
use crate::ticket::{Blocker, Link, State, Summary, Ticket};

/// The fields of everything that shows a ticket, with those that it shows besides.
macro_rules! ticket_fields {
    ($($further:expr),* $(,)?) => {
        &[
            Field::column("id", |row| (&row.summary.id).into()),
            Field::column("state", |row| state_word(row.summary.state)),
            Field::column("title", |row| row.summary.title.as_str().into()),
            Field::full("priority", |row| row.summary.priority.clone().into()),
            Field::full("assignee", |row| row.summary.assignee.clone().into()),
            Field::full("labels", |row| Value::List(row.summary.labels.clone())),
            Field::full("created_at", |row| row.summary.created_at.clone().into()),
            Field::full("updated_at", |row| row.summary.updated_at.clone().into()),
            $($further,)*
        ]
    };
}

/// A ticket in a list.
pub(super) struct TicketRow {
    pub(super) summary: Summary,
}

/// A ticket with all that belongs to it.
pub(super) struct WholeRow {
    pub(super) summary: Summary,
    pub(super) ticket: Ticket,
    pub(super) links: Vec<Link>,
    pub(super) blockers: Vec<Blocker>,
    pub(super) artifacts: Vec<PathBuf>,
}

fn meaning(state: State) -> Meaning {
    match state {
        State::Planning | State::Intake => Meaning::Attention,
        State::Ready | State::Queued => Meaning::Good,
        State::Inprogress => Meaning::Busy,
        State::Done | State::Closed => Meaning::Quiet,
    }
}

/// A state, coloured by what it asks of the reader.
pub(super) fn state_word(state: State) -> Value {
    Value::Word(meaning(state), state.to_string())
}

impl Row for TicketRow {
    const KIND: &'static str = "ticket";
    const FIELDS: &'static [Field<Self>] = ticket_fields![];
}

impl Row for WholeRow {
    const KIND: &'static str = "ticket";
    const FIELDS: &'static [Field<Self>] = ticket_fields![
        Field::full("blocked_by", |row| {
            Value::List(row.blockers.iter().map(|blocker| blocker.ticket.to_string()).collect())
        }),
        Field::full("relations", |row| {
            let link = |link: &Link| json!({ "relation": link.word.as_str(), "ticket": link.other, "note": link.note });
            Value::Json(row.links.iter().map(link).collect())
        }),
        Field::full("artifacts", |row| {
            Value::List(row.artifacts.iter().map(|path| path.display().to_string()).collect())
        }),
        Field::full("resolution", |row| row.ticket.resolution.clone().into()),
        Field::full("body", |row| row.ticket.body().into()),
        Field::full("events", |row| {
            Value::Json(row.ticket.thread.events.iter().map(|event| json!(event)).collect())
        }),
    ];
}
