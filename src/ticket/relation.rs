//! `artifacts/relations.json`: how a ticket relates to others, where tickets have had it since there are relations.
//!
//! ```json
//! {
//!   "version": 1,
//!   "relations": [
//!     {
//!       "ticket_id": "00001KTJ1QJB8",
//!       "kind": "depends_on",
//!       "target": "00001KTJ1QJB9",
//!       "note": "…",
//!       "author": "…",
//!       "at": "2026-06-07T22:02:25Z"
//!     }
//!   ]
//! }
//! ```
//! A relation is stored once, with the ticket that says it; its other end is derived ([`super::links`]). An edit adds or
//! removes the bytes of one entry and keeps all others, keys that yoi does not know included. An entry that is not
//! understood hides no other.

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::domain::{ParseWordError, TicketId, words};

use super::author::Author;
use super::id::LocalId;
use super::item::line_end_of;
use super::place::{Place, line_at};

/// Where the relations of a ticket are, below its directory.
pub(super) const RELATIONS: &str = "artifacts/relations.json";
/// The version that is read and written.
const VERSION: u64 = 1;

words! {
    /// How a ticket relates to another, as the one that says it sees it.
    RelationKind, "kind of relation" {
        /// It cannot be begun before the other is done.
        DependsOn = "depends_on",
        /// The other cannot be begun before it is done.
        Blocks = "blocks",
        /// Who reads the one wants to know of the other.
        Related = "related",
        /// It takes the place of the other.
        Supersedes = "supersedes",
        /// It is the same as the other, which stands.
        DuplicateOf = "duplicate_of",
    }
}

impl RelationKind {
    /// What it is called from the other end.
    pub fn inverse(self) -> &'static str {
        match self {
            Self::DependsOn => "dependency_of",
            Self::Blocks => "blocked_by",
            Self::Related => "related",
            Self::Supersedes => "superseded_by",
            Self::DuplicateOf => "duplicated_by",
        }
    }
}

/// What people call a relation: a kind, from either end, with `_` or `-` between words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RelationWord {
    /// The kind.
    pub kind: RelationKind,
    /// From which end it is said.
    pub end: End,
}

/// An end of a relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum End {
    /// That of the ticket that says it.
    Here,
    /// The other one.
    There,
}

impl RelationWord {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self.end {
            End::Here => self.kind.as_str(),
            End::There => self.kind.inverse(),
        }
    }

    /// What the ticket that is named first is to the other one, as it goes on behind "is".
    pub fn said(self) -> &'static str {
        match (self.kind, self.end) {
            (RelationKind::DependsOn, End::Here) => "dependent on",
            (RelationKind::DependsOn, End::There) => "a dependency of",
            (RelationKind::Blocks, End::Here) => "a blocker of",
            (RelationKind::Blocks, End::There) => "blocked by",
            (RelationKind::Related, _) => "related to",
            (RelationKind::Supersedes, End::Here) => "the successor of",
            (RelationKind::Supersedes, End::There) => "superseded by",
            (RelationKind::DuplicateOf, End::Here) => "a duplicate of",
            (RelationKind::DuplicateOf, End::There) => "duplicated by",
        }
    }

    /// Whether the ticket that is named first waits for the other one.
    pub fn is_a_wait(self) -> bool {
        matches!((self.kind, self.end), (RelationKind::DependsOn, End::Here) | (RelationKind::Blocks, End::There))
    }

    /// Every word, kinds first.
    pub fn all() -> impl Iterator<Item = Self> {
        let from = |end| RelationKind::ALL.iter().map(move |kind| Self { kind: *kind, end });
        // One of them is the same from both ends.
        from(End::Here).chain(from(End::There).filter(|word| word.kind != RelationKind::Related))
    }
}

impl fmt::Display for RelationWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for RelationWord {
    type Err = ParseWordError;

    fn from_str(text: &str) -> Result<Self, ParseWordError> {
        let wanted = text.replace('-', "_");
        Self::all().find(|word| word.as_str() == wanted).ok_or_else(|| ParseWordError {
            what: "relation",
            found: text.to_owned(),
            known: Self::all().map(Self::as_str).collect::<Vec<_>>().join(", "),
        })
    }
}

/// A relation, as the ticket that says it has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Relation {
    /// Its kind.
    pub kind: RelationKind,
    /// The other ticket; it need not be there.
    pub target: TicketId,
    /// Why, or how it is meant.
    pub note: Option<String>,
    /// Who said it.
    pub author: Option<String>,
    /// When, as the file says it.
    pub at: Option<String>,
}

/// Says why the relations of a ticket cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {why}")]
pub struct RelationsError {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub why: String,
}

/// The relations that a ticket says, as they stand in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relations {
    text: String,
    /// The list with its brackets.
    list: Range<usize>,
    entries: Vec<Entry>,
}

/// An entry of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    at: Range<usize>,
    relation: Result<Relation, String>,
    /// The ticket that it says to be of.
    ticket: Option<String>,
}

#[derive(Deserialize)]
struct File<'a> {
    version: u64,
    #[serde(borrow)]
    relations: &'a RawValue,
}

#[derive(Deserialize)]
struct Written {
    ticket_id: Option<String>,
    kind: String,
    target: String,
    note: Option<String>,
    author: Option<String>,
    at: Option<String>,
}

impl Relations {
    /// Reads the file; `file` is for messages.
    pub(super) fn parse(text: String, file: &Path) -> Result<Self, RelationsError> {
        let error = |line, why| RelationsError { place: Place { file: file.to_owned(), line }, why };
        let not_read = |at: usize, e: &serde_json::Error| {
            error(line_at(&text, at) + e.line().saturating_sub(1), format!("no list of relations: {e}"))
        };
        // Some editors put a byte order mark at the beginning.
        let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let read: File = serde_json::from_str(&text[start..]).map_err(|e| not_read(start, &e))?;
        if read.version != VERSION {
            return Err(error(1, format!("it is of version {}, which this yoi does not know", read.version)));
        }
        let range = |raw: &RawValue| {
            // What the parser hands out is a part of what it was given.
            let at = raw.get().as_ptr().addr() - text.as_ptr().addr();
            at..at + raw.get().len()
        };
        let list = range(read.relations);
        let raw: Vec<&RawValue> = serde_json::from_str(read.relations.get()).map_err(|e| not_read(list.start, &e))?;
        let entries = raw.into_iter().map(|raw| Entry::parse(raw.get(), range(raw))).collect();
        Ok(Self { list, entries, text: String::new() }.with(text))
    }

    fn with(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The relations that are understood.
    pub fn iter(&self) -> impl Iterator<Item = &Relation> {
        self.entries.iter().filter_map(|entry| entry.relation.as_ref().ok())
    }

    /// The same, each with its line.
    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &Relation)> {
        self.entries.iter().filter_map(|entry| {
            let relation = entry.relation.as_ref().ok()?;
            Some((line_at(&self.text, entry.at.start), relation))
        })
    }

    /// What is wrong in entries, each with its line.
    pub(super) fn oddities(&self, own: &TicketId) -> Vec<(usize, String)> {
        let odd = |entry: &Entry| {
            let why = match (&entry.relation, &entry.ticket) {
                (Err(why), _) => why.clone(),
                (_, Some(ticket)) if ticket != own.as_str() => {
                    format!("the relation says to be one of ticket {ticket}")
                }
                _ => return None,
            };
            Some((line_at(&self.text, entry.at.start), why))
        };
        self.entries.iter().filter_map(odd).collect()
    }

    /// The first entry that is not understood, with its line.
    pub(super) fn first_unknown(&self) -> Option<(usize, &str)> {
        self.entries.iter().find_map(|entry| {
            let why = entry.relation.as_ref().err()?;
            Some((line_at(&self.text, entry.at.start), why.as_str()))
        })
    }

    /// The file with one more relation of a ticket.
    pub(super) fn with_added(&self, own: &TicketId, relation: &Relation) -> String {
        let mut entry = json!({ "ticket_id": own, "kind": relation.kind, "target": relation.target });
        let further = [("note", &relation.note), ("author", &relation.author), ("at", &relation.at)];
        for (key, value) in further.into_iter().filter_map(|(key, value)| Some((key, value.as_ref()?))) {
            entry[key] = value.as_str().into();
        }
        if self.text.is_empty() {
            let file = json!({ "version": VERSION, "relations": [entry] });
            return format!("{file:#}\n");
        }
        let end = line_end_of(&self.text);
        let lines = |indent: &str| format!("{entry:#}").replace('\n', &format!("{end}{indent}"));
        let mut text = self.text.clone();
        match self.entries.last() {
            Some(last) => {
                let indent = self.indent(last.at.start);
                text.insert_str(last.at.end, &format!(",{end}{indent}{}", lines(indent)));
            }
            None => {
                let indent = self.indent(self.list.start);
                let inner = format!("{indent}  ");
                let list = format!("[{end}{inner}{}{end}{indent}]", lines(&inner));
                text.replace_range(self.list.clone(), &list);
            }
        }
        text
    }

    /// The file without the relations that `goes` names; `None` where it names none.
    pub(super) fn without(&self, goes: impl Fn(&Relation) -> bool) -> Option<String> {
        self.without_entries(|_, relation| goes(relation))
    }

    /// The file without all but the first of relations that say the same, and without those of a ticket to itself.
    pub(super) fn without_repeats(&self, own: &TicketId) -> Option<String> {
        let said = |number: usize| self.entries[..number].iter().filter_map(|entry| entry.relation.as_ref().ok());
        self.without_entries(|number, relation| {
            relation.target == *own
                || said(number).any(|before| before.kind == relation.kind && before.target == relation.target)
        })
    }

    fn without_entries(&self, goes: impl Fn(usize, &Relation) -> bool) -> Option<String> {
        let is_kept = |(number, entry): &(usize, &Entry)| !entry.relation.as_ref().is_ok_and(|r| goes(*number, r));
        let kept: Vec<&Range<usize>> =
            self.entries.iter().enumerate().filter(is_kept).map(|(_, entry)| &entry.at).collect();
        if kept.len() == self.entries.len() {
            return None;
        }
        let (first, last) = (self.entries.first()?.at.start, self.entries.last()?.at.end);
        let mut text = self.text[..self.list.start].to_owned();
        if kept.is_empty() {
            text.push_str("[]");
        } else {
            text.push_str(&self.text[self.list.start..first]);
            for (number, at) in kept.iter().enumerate() {
                if number > 0 {
                    // What stands before an entry in the file goes with it.
                    let before = self.entries.iter().map(|entry| entry.at.end).rfind(|end| *end <= at.start);
                    text.push_str(&self.text[before.unwrap_or(at.start)..at.start]);
                }
                text.push_str(&self.text[(*at).clone()]);
            }
            text.push_str(&self.text[last..self.list.end]);
        }
        text.push_str(&self.text[self.list.end..]);
        Some(text)
    }

    /// The blanks that the line of a place begins with.
    fn indent(&self, at: usize) -> &str {
        let start = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let line = &self.text[start..at];
        &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
    }
}

impl Entry {
    fn parse(text: &str, at: Range<usize>) -> Self {
        let written: Written = match serde_json::from_str(text) {
            Ok(written) => written,
            Err(error) => return Self { at, relation: Err(format!("this is no relation: {error}")), ticket: None },
        };
        let kind = written.kind.parse::<RelationKind>().map_err(|error| error.to_string());
        let relation = kind.and_then(|kind| {
            let target =
                LocalId::parse(&written.target).ok_or_else(|| format!("{:?} is no ticket id", written.target))?;
            let (note, author, at) = (written.note, written.author, written.at);
            Ok(Relation { kind, target: target.ticket().clone(), note, author, at })
        });
        Self { at, relation, ticket: written.ticket_id }
    }
}

impl Relation {
    /// A relation that is said now.
    pub(super) fn new(kind: RelationKind, target: TicketId, note: Option<&str>, author: &Author, at: String) -> Self {
        let note = note.map(str::trim).filter(|note| !note.is_empty()).map(str::to_owned);
        Self { kind, target, note, author: Some(author.as_str().to_owned()), at: Some(at) }
    }
}
