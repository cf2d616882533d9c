//! A ticket as it was read.

use std::path::Path;

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use serde::Serialize;

use crate::domain::{ParseWordError, TicketId, Timestamp, chain};

use super::error::ReadError;
use super::files::{OpenDir, text_of};
use super::item::{Item, ItemError, Value};
use super::place::Place;
use super::relation::{RELATIONS, Relations, RelationsError};
use super::state::State;
use super::thread::Thread;

/// The file that says what a ticket is about.
pub(super) const ITEM: &str = "item.md";
/// The file that says what happened to it.
pub(super) const THREAD: &str = "thread.md";
/// The file that says how it ended.
pub(super) const RESOLUTION: &str = "resolution.md";

/// What a list of tickets shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The ticket.
    pub id: TicketId,
    /// What it is about, on one line.
    pub title: String,
    /// Where it stands.
    pub state: State,
    /// When it was made, as the file says it.
    pub created_at: Option<String>,
    /// When it last changed, as the file says it.
    pub updated_at: Option<String>,
    /// How urgent it is, as the file says it.
    pub priority: Option<String>,
    /// Who is to do it.
    pub assignee: Option<String>,
    /// Words to find it by.
    pub labels: Vec<String>,
}

impl Summary {
    pub(super) fn of(id: &TicketId, item: &Item) -> Result<Self, ItemError> {
        let text = |key| item.text(key).map(str::to_owned);
        let labels = match item.get("labels") {
            Some(Value::List(labels)) => labels.clone(),
            Some(Value::Text(label)) => vec![label.clone()],
            _ => Vec::new(),
        };
        Ok(Self {
            id: id.clone(),
            title: required(item, "title")?.to_owned(),
            state: state_of(item)?,
            created_at: text("created_at"),
            updated_at: text("updated_at"),
            priority: text("priority"),
            assignee: text("assignee"),
            labels,
        })
    }
}

impl Summary {
    /// How urgent it is: the less, the more urgent. Priorities are numbers, also with a P before them (`P1`), or words such
    /// as high; one without a priority, or with one that says nothing that is known, stands in the middle.
    pub fn urgency(&self) -> u32 {
        /// With P2, medium and normal.
        const MIDDLE: u32 = 2;
        let Some(priority) = &self.priority else { return MIDDLE };
        let word = priority.trim().to_lowercase();
        match word.as_str() {
            "critical" | "urgent" | "highest" | "blocker" => 0,
            "high" => 1,
            "low" => 3,
            "lowest" => 4,
            word => word.strip_prefix('p').unwrap_or(word).parse().unwrap_or(MIDDLE),
        }
    }
}

fn required<'a>(item: &'a Item, key: &str) -> Result<&'a str, ItemError> {
    let missing = || ItemError { line: item.line(key).unwrap_or(1), why: format!("the front matter states no {key}") };
    item.text(key).filter(|text| !text.trim().is_empty()).ok_or_else(missing)
}

/// The key that holds the state: `state`, or `workflow_state` as the oldest tickets have it.
pub(super) fn state_key(item: &Item) -> &'static str {
    let oldest = item.get("state").is_none() && item.get("workflow_state").is_some();
    if oldest { "workflow_state" } else { "state" }
}

fn state_of(item: &Item) -> Result<State, ItemError> {
    let key = state_key(item);
    required(item, key)?.parse().map_err(|error: ParseWordError| ItemError {
        line: item.line(key).unwrap_or(1),
        why: format!("{key} {:?} is not known; known are {}", error.found, error.known),
    })
}

/// Takes a moment as tickets have them: RFC 3339, or without an offset (then in UTC), or a date alone.
pub fn parse_moment(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let zoned =
        DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f %z"));
    let local = || {
        let formats = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];
        formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    };
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    let utc = zoned.ok().map(|moment| moment.to_utc());
    utc.or_else(|| local().or_else(date).map(|moment| moment.and_utc())).map(Timestamp::new)
}

/// A ticket with all that belongs to it, as of one moment.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// What a list shows of it.
    pub summary: Summary,
    /// Its `item.md`: all keys, and the body.
    pub item: Item,
    /// What happened to it.
    pub thread: Thread,
    /// How it ended: the text of `resolution.md`.
    pub resolution: Option<String>,
    /// How it says that it relates to others.
    pub relations: Result<Relations, RelationsError>,
    pub(super) thread_text: String,
}

impl Ticket {
    /// The ticket's id.
    pub fn id(&self) -> &TicketId {
        &self.summary.id
    }

    /// Its Markdown body, without blank lines at its ends.
    pub fn body(&self) -> &str {
        self.item.body().trim_matches(['\r', '\n'])
    }
}

/// The bytes of a ticket's files, all of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raw {
    pub(super) item: Option<Vec<u8>>,
    pub(super) thread: Option<Vec<u8>>,
    pub(super) resolution: Option<Vec<u8>>,
    /// What cannot be read of it makes the rest no worse.
    pub(super) relations: Result<Option<Vec<u8>>, String>,
}

impl Raw {
    pub(super) fn read(dir: &OpenDir) -> Result<Self, ReadError> {
        let (item, thread, resolution) = (dir.read(ITEM)?, dir.read(THREAD)?, dir.read(RESOLUTION)?);
        Ok(Self { item, thread, resolution, relations: read_relations(dir) })
    }

    pub(super) fn is_complete(&self) -> bool {
        let all = [&self.item, &self.thread, &self.resolution];
        all.iter().all(|file| file.is_some()) && matches!(self.relations, Ok(Some(_)))
    }

    pub(super) fn parse(self, id: &TicketId, dir: &Path) -> Result<Ticket, ReadError> {
        let item = parse_item(self.item, dir)?;
        let text = |bytes: Option<Vec<u8>>, name| bytes.map(|bytes| text_of(bytes, &dir.join(name))).transpose();
        let thread_text = text(self.thread, THREAD)?.unwrap_or_default();
        Ok(Ticket {
            summary: Summary::of(id, &item).map_err(|error| ReadError::malformed(dir.join(ITEM), error))?,
            item,
            thread: Thread::parse(&thread_text),
            resolution: text(self.resolution, RESOLUTION)?,
            relations: relations_of(self.relations, dir),
            thread_text,
        })
    }
}

/// The bytes of a ticket's relations, or why there are none to be had.
pub(super) fn read_relations(dir: &OpenDir) -> Result<Option<Vec<u8>>, String> {
    let (below, name) = RELATIONS.split_once('/').expect("it lies in a directory");
    dir.read_below(below, name).map_err(|error| chain(&error))
}

/// Takes the bytes of a ticket's relations.
pub(super) fn relations_of(raw: Result<Option<Vec<u8>>, String>, dir: &Path) -> Result<Relations, RelationsError> {
    let file = dir.join(RELATIONS);
    let error = |why| RelationsError { place: Place { file: file.clone(), line: 1 }, why };
    match raw.map_err(error)? {
        Some(bytes) => Relations::parse(text_of(bytes, &file).map_err(|e| error(chain(&e)))?, &file),
        None => Ok(Relations::default()),
    }
}

/// Takes the bytes of an `item.md`.
pub(super) fn parse_item(bytes: Option<Vec<u8>>, dir: &Path) -> Result<Item, ReadError> {
    let path = dir.join(ITEM);
    let missing = || ItemError { line: 1, why: "this file is missing".to_owned() };
    let bytes = bytes.ok_or_else(missing).map_err(|error| ReadError::malformed(path.clone(), error))?;
    let text = text_of(bytes, &path)?;
    Item::parse(text).map_err(|error| ReadError::malformed(path, error))
}
