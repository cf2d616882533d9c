//! Records as commands hand them over to be shown: named fields with typed values.

use std::borrow::Cow;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::style::Meaning;
use super::table::Cell;
use super::time;
use crate::domain::{
    ClaimStatus, Evidence, Expect, Nonce, Origin, PodId, PodName, PodPhase, Role, Slug, TicketId, Timestamp, path_text,
};
use crate::launch::PodStatus;

/// What stands for a value that is absent, in text.
const ABSENT: &str = "-";

/// A record that can be shown.
///
/// Names and order of the fields are promised to scripts: a later version may add fields behind them, no more. A column
/// that may hold free text or a path comes last.
pub trait Row: Sized + 'static {
    /// What the record is, as `--json` says it: `claim`, `session` …
    const KIND: &'static str;
    /// Its fields, in order.
    const FIELDS: &'static [Field<Self>];

    /// The fields that a listing shows.
    fn columns() -> impl Iterator<Item = &'static Field<Self>> {
        Self::FIELDS.iter().filter(|field| field.place == Place::Column)
    }
}

/// Where a field is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In listings, and wherever the record is shown in full.
    Column,
    /// Only where the record is shown in full, and where it is asked for by name.
    Full,
}

/// One field of a record.
#[derive(Debug)]
pub struct Field<R> {
    name: &'static str,
    value: fn(&R) -> Value,
    place: Place,
}

impl<R> Field<R> {
    /// A field that listings show.
    pub const fn column(name: &'static str, value: fn(&R) -> Value) -> Self {
        Self { name, value, place: Place::Column }
    }

    /// A field that is shown only in full, or by name.
    pub const fn full(name: &'static str, value: fn(&R) -> Value) -> Self {
        Self { name, value, place: Place::Full }
    }

    /// The field's name, in snake case.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The field's value in a record.
    pub fn of(&self, row: &R) -> Value {
        (self.value)(row)
    }
}

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// There is none.
    Absent,
    /// Any text.
    Text(String),
    /// A word or name that is coloured by its meaning.
    Word(Meaning, String),
    /// A number.
    Number(u64),
    /// Yes or no.
    Flag(bool),
    /// A moment.
    Time(Timestamp),
    /// A path; its bytes are kept in text, and written `%xx` in JSON where they are no UTF-8.
    Path(PathBuf),
    /// Several names.
    List(Vec<String>),
    /// Something with a structure of its own, for `--json`.
    Json(Json),
}

impl Value {
    /// The bytes that stand for it in a line of plain text.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(text) | Self::Word(_, text) => Cow::Borrowed(text.as_bytes()),
            Self::Path(path) => Cow::Borrowed(path.as_os_str().as_bytes()),
            Self::Absent => Cow::Borrowed(ABSENT.as_bytes()),
            Self::List(names) if names.is_empty() => Cow::Borrowed(ABSENT.as_bytes()),
            Self::List(names) => Cow::Owned(names.join(",").into_bytes()),
            Self::Number(number) => Cow::Owned(number.to_string().into_bytes()),
            Self::Flag(flag) => Cow::Borrowed(if *flag { b"yes" } else { b"no" }),
            Self::Time(moment) => Cow::Owned(moment.to_string().into_bytes()),
            Self::Json(value) => Cow::Owned(value.to_string().into_bytes()),
        }
    }

    /// What stands for it in JSON.
    pub(super) fn json(&self) -> Json {
        match self {
            Self::Absent => Json::Null,
            Self::Text(text) | Self::Word(_, text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Time(moment) => moment.to_string().into(),
            Self::Path(path) => path_text(path).into(),
            Self::List(names) => names.as_slice().into(),
            Self::Json(value) => value.clone(),
        }
    }

    /// What a person sees of it in a table; a moment is shown by its age.
    pub(super) fn cell(&self, now: Timestamp) -> Cell {
        match self {
            Self::Word(meaning, text) => Cell::meaning(*meaning, text),
            Self::Absent => Cell::plain(ABSENT),
            Self::Time(moment) => Cell::plain(&time::age(*moment, now)),
            other => Cell::plain(&String::from_utf8_lossy(&other.bytes())),
        }
    }

    /// What a person sees of it where there is room: a moment in local time, with its age.
    pub(super) fn full_cell(&self, now: Timestamp) -> Cell {
        match self {
            Self::Time(moment) => Cell::plain(&format!("{} ({})", time::local(*moment), time::age(*moment, now))),
            other => other.cell(now),
        }
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Absent, Into::into)
    }
}

/// Values that are text without a meaning of its own.
macro_rules! texts {
    ($($type:ty),+) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        })+
    };
}

/// Values whose text is coloured by what they say.
macro_rules! words {
    ($($type:ty => $meaning:expr),+) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Word($meaning(&value), value.to_string())
            }
        })+
    };
}

texts!(&str, String, Evidence, Expect, Nonce, Origin, PodId, Role, &Slug);
words! {
    &TicketId => |_| Meaning::Name,
    &PodName => |_| Meaning::Name,
    ClaimStatus => |status: &ClaimStatus| Meaning::from(*status),
    PodPhase => |phase: &PodPhase| Meaning::from(*phase),
    PodStatus => |status: &PodStatus| Meaning::from(*status)
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Number(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Flag(value)
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Time(value)
    }
}

impl From<PathBuf> for Value {
    fn from(value: PathBuf) -> Self {
        Self::Path(value)
    }
}

impl From<&[TicketId]> for Value {
    fn from(value: &[TicketId]) -> Self {
        Self::List(value.iter().map(TicketId::to_string).collect())
    }
}
