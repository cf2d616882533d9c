//! TOML that people write: every key is known, every value of its type, and an error names file and line.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fs::PathError;

use super::files::read_text;
use super::place::{Place, line_at, nearest};

/// Says what is wrong in a file of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is no TOML.
    #[error("{place}: {why}")]
    Syntax {
        /// Where.
        place: Place,
        /// What the parser says.
        why: String,
    },
    /// A key that yoi does not know.
    #[error("{place}: {table} has no key {key:?}; {hint}")]
    UnknownKey {
        /// Where.
        place: Place,
        /// The key.
        key: String,
        /// The table that it stands in.
        table: String,
        /// The known key that is most like it, or all that are known.
        hint: String,
    },
    /// A value of another type than the key wants.
    #[error("{place}: {key} must be {expected}, not {found}")]
    WrongType {
        /// Where.
        place: Place,
        /// The key, with its table.
        key: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: &'static str,
    },
    /// A value that the key cannot have.
    #[error("{place}: {key}: {why}")]
    BadValue {
        /// Where.
        place: Place,
        /// The key, with its table.
        key: String,
        /// What is wrong with the value.
        why: String,
    },
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] PathError),
}

fn known_keys(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(nearest) => format!("did you mean {nearest:?}?"),
        None => format!("known are {}", known.join(", ")),
    }
}

/// Where a value of the configuration comes from; says what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A line of a file.
    At(Place),
    /// Nobody set it.
    Default {
        /// The file that may set it.
        file: PathBuf,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(place) => place.fmt(f),
            Self::Default { file } => write!(f, "the default; set it in {}", file.display()),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

/// A file of the configuration, read and not yet looked into.
pub(super) struct Document {
    file: PathBuf,
    text: String,
}

impl Document {
    /// Reads a file; one that is missing is as one that is empty.
    pub(super) fn read(file: PathBuf) -> Result<Self, ConfigError> {
        let text = read_text(&file)?.unwrap_or_default();
        Ok(Self { file, text })
    }

    /// A file as it would be with this text.
    pub(super) fn of(file: PathBuf, text: String) -> Self {
        Self { file, text }
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Hands the file's top table to `take`.
    pub(super) fn with<T>(&self, take: impl FnOnce(Table) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
        let table = DeTable::parse(&self.text).map_err(|error| {
            let line = line_at(&self.text, error.span().map_or(0, |span| span.start));
            ConfigError::Syntax { place: self.place(line), why: error.message().replace('\n', " ") }
        })?;
        take(Table { document: self, name: String::new(), table: table.get_ref() })
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file.clone(), line }
    }

    fn place_of(&self, span: Range<usize>) -> Place {
        self.place(line_at(&self.text, span.start))
    }
}

/// A table of a file.
pub(super) struct Table<'a> {
    document: &'a Document,
    /// The table's name, with dots; empty for the top of the file.
    name: String,
    table: &'a DeTable<'a>,
}

/// A value of a table, with what is needed to complain about it.
pub(super) struct Entry<'a> {
    document: &'a Document,
    /// The key, with its table.
    pub(super) key: String,
    value: &'a Spanned<DeValue<'a>>,
}

impl<'a> Table<'a> {
    /// Refuses the first key that is not known.
    pub(super) fn only(&self, known: &[&str]) -> Result<&Self, ConfigError> {
        match self.table.keys().find(|key| !known.contains(&key.get_ref().as_ref())) {
            None => Ok(self),
            Some(key) => Err(ConfigError::UnknownKey {
                place: self.document.place_of(key.span()),
                key: key.get_ref().to_string(),
                table: if self.name.is_empty() { "this file".to_owned() } else { format!("[{}]", self.name) },
                hint: known_keys(key.get_ref(), known),
            }),
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<Entry<'a>> {
        let (_, value) = self.table.iter().find(|(known, _)| *known.get_ref() == key)?;
        Some(Entry { document: self.document, key: self.path_of(key), value })
    }

    /// All keys and values.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Entry<'a>)> {
        self.table.iter().map(|(key, value)| {
            let key: &str = key.get_ref();
            (key, Entry { document: self.document, key: self.path_of(key), value })
        })
    }

    fn path_of(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

impl<'a> Entry<'a> {
    /// Where the value stands.
    pub(super) fn place(&self) -> Place {
        self.document.place_of(self.value.span())
    }

    /// The value as a table.
    pub(super) fn table(&self) -> Result<Table<'a>, ConfigError> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(Table { document: self.document, name: self.key.clone(), table }),
            _ => Err(self.wrong("a table")),
        }
    }

    /// Whether the value is a table.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// The value as a number, whole or not.
    pub(super) fn number(&self) -> Result<f64, ConfigError> {
        let number = match self.value.get_ref() {
            DeValue::Float(float) => float.as_str().parse().ok(),
            DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(|n| n as f64),
            _ => return Err(self.wrong("a number")),
        };
        number.ok_or_else(|| self.bad("it is no number that can be used here"))
    }

    /// The value as a text.
    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.wrong("a text in quotes")),
        }
    }

    /// The value as a text, made into something.
    pub(super) fn parsed<T: std::str::FromStr<Err: fmt::Display>>(&self) -> Result<Sourced<T>, ConfigError> {
        let value = self.text()?.parse().map_err(|error: T::Err| self.bad(error.to_string()))?;
        Ok(Sourced { value, source: Source::At(self.place()) })
    }

    /// The value as a list of texts.
    pub(super) fn texts(&self) -> Result<Vec<String>, ConfigError> {
        let expected = "a list of texts";
        let DeValue::Array(list) = self.value.get_ref() else { return Err(self.wrong(expected)) };
        let text = |value: &Spanned<DeValue>| match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            _ => Err(self.wrong(expected)),
        };
        list.iter().map(text).collect()
    }

    /// The value as a table of texts.
    pub(super) fn text_table(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        let table = self.table()?;
        table.entries().map(|(key, entry)| Ok((key.to_owned(), entry.text()?.to_owned()))).collect()
    }

    /// The error of a value that the key cannot have.
    pub(super) fn bad(&self, why: impl Into<String>) -> ConfigError {
        ConfigError::BadValue { place: self.place(), key: self.key.clone(), why: why.into() }
    }

    fn wrong(&self, expected: &'static str) -> ConfigError {
        let found = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list of other things",
            DeValue::Table(_) => "a table",
        };
        let found = if expected.starts_with("a list") || found != "a list of other things" { found } else { "a list" };
        ConfigError::WrongType { place: self.place(), key: self.key.clone(), expected, found }
    }
}

/// The path of a file of the configuration below the workspace.
pub(super) fn in_workspace(workspace: &Path, name: &str) -> PathBuf {
    workspace.join(".yoi").join(name)
}
