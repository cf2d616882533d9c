//! What all records share: TOML with `version = 1`, a newer version refused, unknown keys kept.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The version of every record that this program writes, and the newest that it reads.
pub const VERSION: i64 = 1;

/// Says why the bytes of a file are not the record that they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// The file was written by a newer yoi.
    #[error("has version {found}, this yoi reads version {VERSION} and older: use a newer yoi")]
    Newer {
        /// The version that the file states.
        found: i64,
    },
    /// The file is not UTF-8, not TOML, or a key is missing or of the wrong type.
    #[error("is not a valid record: {why}")]
    Invalid {
        /// What the parser says, in one line.
        why: String,
    },
    /// The file holds the record of another name: two names met on a file system that folds case, or a file was copied.
    #[error("holds the record of {found:?}, not of {expected:?}")]
    OtherName {
        /// The name that was asked for.
        expected: String,
        /// The name that the record holds.
        found: String,
    },
}

/// A record that is kept as one TOML file.
pub trait Record: Serialize + DeserializeOwned {
    /// The name that the record's file name must be the key of.
    fn name(&self) -> &str;

    /// Reads a record in the plain form that it is mostly written in, quicker than TOML is; `None` where it is not that.
    fn parse_plain(_text: &str) -> Option<Self> {
        None
    }

    /// Reads a record.
    ///
    /// # Errors
    /// When the version is newer than [`VERSION`], or the bytes are no such record.
    fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let invalid = |why: String| RecordError::Invalid { why: why.lines().collect::<Vec<_>>().join(" ") };
        let text = std::str::from_utf8(bytes).map_err(|error| invalid(error.to_string()))?;
        if let Some(record) = Self::parse_plain(text) {
            return Ok(record);
        }
        toml::from_str::<Self>(text).map_err(|error| {
            let line =
                error.span().and_then(|span| text.get(..span.start)).map(|before| before.matches('\n').count() + 1);
            let place = line.map(|line| format!("line {line}: ")).unwrap_or_default();
            newer_version(text).unwrap_or_else(|| invalid(format!("{place}{}", error.message())))
        })
    }

    /// Reads a record and compares its name with the one that was asked for.
    fn parse_named(bytes: &[u8], expected: &str) -> Result<Self, RecordError> {
        let record = Self::parse(bytes)?;
        if record.name() == expected {
            Ok(record)
        } else {
            Err(RecordError::OtherName { expected: expected.to_owned(), found: record.name().to_owned() })
        }
    }

    /// The record as TOML text.
    fn render(&self) -> String {
        toml::to_string(self).expect("records have string keys and no value that TOML lacks")
    }
}

/// Finds a newer version in a text that did not parse: a record of any version states it the same way.
fn newer_version(text: &str) -> Option<RecordError> {
    #[derive(serde::Deserialize)]
    struct Version {
        version: i64,
    }
    let found = toml::from_str::<Version>(text).ok()?.version;
    (found > VERSION).then_some(RecordError::Newer { found })
}

/// The value of a record's `version` key; parsing any other one fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(VERSION)
    }
}

impl<'de> serde::Deserialize<'de> for Version {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match i64::deserialize(deserializer)? {
            VERSION => Ok(Self),
            found => Err(serde::de::Error::custom(format!("version {found} is not known"))),
        }
    }
}
