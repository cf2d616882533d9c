//! Who writes into a ticket.

use std::fmt;

use crate::domain::Role;

/// The longest name of an author, in characters.
const MAX_AUTHOR: usize = 100;

/// A role or a person; never a Pod, whose name means nothing to another clone of the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author(String);

/// Says that a text is not the name of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an author's name: 1 to {MAX_AUTHOR} characters on one line")]
pub struct AuthorError(String);

impl Author {
    /// A role speaks.
    pub fn role(role: Role) -> Self {
        Self(role.as_str().to_owned())
    }

    /// A person speaks.
    ///
    /// # Errors
    /// When the name is blank, longer than 100 characters, or has control characters.
    pub fn person(name: &str) -> Result<Self, AuthorError> {
        let trimmed = name.trim();
        let fits = !trimmed.is_empty() && trimmed.chars().count() <= MAX_AUTHOR;
        if fits && !trimmed.contains(char::is_control) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(AuthorError(name.chars().take(MAX_AUTHOR).collect()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
