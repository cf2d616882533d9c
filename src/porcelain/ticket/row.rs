//! Tickets as they are shown.

use crate::cli::{Field, Meaning, Row, Value};
use crate::ticket::{State, Summary};

/// A ticket in a list.
pub(super) struct TicketRow(pub(super) Summary);

fn meaning(state: State) -> Meaning {
    match state {
        State::Planning | State::Intake => Meaning::Attention,
        State::Ready | State::Queued => Meaning::Good,
        State::Inprogress => Meaning::Busy,
        State::Done | State::Closed => Meaning::Quiet,
    }
}

impl Row for TicketRow {
    const KIND: &'static str = "ticket";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("id", |row| (&row.0.id).into()),
        Field::column("state", |row| Value::Word(meaning(row.0.state), row.0.state.to_string())),
        Field::column("title", |row| row.0.title.as_str().into()),
        Field::full("priority", |row| row.0.priority.clone().into()),
        Field::full("assignee", |row| row.0.assignee.clone().into()),
        Field::full("labels", |row| Value::List(row.0.labels.clone())),
        Field::full("created_at", |row| row.0.created_at.clone().into()),
        Field::full("updated_at", |row| row.0.updated_at.clone().into()),
    ];
}
