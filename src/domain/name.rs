//! Names of tickets and Pods, and the file names ("keys") that they are kept under.
//!
//! A name is 1 to 512 bytes of UTF-8 without control characters. Its key stands for it on disk: the bytes
//! `A-Z a-z 0-9 _ -` stand for themselves, and `.` where it does not lead; every other byte is `%xx` in lower-case
//! hexadecimal. A key of more than 150 bytes is cut to its first 80, followed by `~` and the SHA-256 of the name.
//! `~` is no byte of an uncut key, so two names never share a key; a file system that folds case may still mix
//! two keys up, which is why every record holds the true name and every reader compares it.

use std::fmt;
use std::fmt::Write as _;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest name, in bytes.
pub const MAX_NAME: usize = 512;
/// The longest key that is written out in full, in bytes.
const MAX_PLAIN_KEY: usize = 150;
/// How much of a longer key stays readable, in bytes.
const KEPT_OF_LONG_KEY: usize = 80;

/// Says why a text cannot be the name of a ticket or a Pod.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// The name has no characters.
    #[error("{what} is empty")]
    Empty {
        /// What was to be named.
        what: &'static str,
    },
    /// The name is longer than 512 bytes.
    #[error("{what} has {length} bytes, at most {MAX_NAME} are allowed")]
    TooLong {
        /// What was to be named.
        what: &'static str,
        /// The length that was given, in bytes.
        length: usize,
    },
    /// The name contains a control character, such as a newline.
    #[error("{what} {name:?} contains the control character {found:?}")]
    Control {
        /// What was to be named.
        what: &'static str,
        /// The text that was given.
        name: String,
        /// The first control character in it.
        found: char,
    },
    /// The text is no slug.
    #[error("{what} {name:?} is not made of the letters a-z, digits, '-' and '_' alone")]
    NotASlug {
        /// What was to be named.
        what: &'static str,
        /// The text that was given.
        name: String,
    },
}

fn check(what: &'static str, name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty { what });
    }
    if name.len() > MAX_NAME {
        return Err(NameError::TooLong { what, length: name.len() });
    }
    match name.chars().find(|c| c.is_control()) {
        Some(found) => Err(NameError::Control { what, name: name.to_owned(), found }),
        None => Ok(()),
    }
}

/// Gives the key of any byte string: a file name of 1 to 150 bytes that no other byte string has.
///
/// The empty string gives the empty key; names are never empty.
pub fn key_of(bytes: &[u8]) -> String {
    let mut key = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' => key.push(byte.into()),
            b'.' if at > 0 => key.push('.'),
            _ => write!(key, "%{byte:02x}").expect("writing to a String does not fail"),
        }
    }
    if key.len() > MAX_PLAIN_KEY {
        key.truncate(KEPT_OF_LONG_KEY);
        key.push('~');
        for byte in Sha256::digest(bytes) {
            write!(key, "{byte:02x}").expect("writing to a String does not fail");
        }
    }
    key
}

/// Gives the bytes that a key which is written out in full stands for; `None` for a cut key, and for what is no key.
fn bytes_of(key: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    // Only the one key that the bytes have: `%41` is none of `A`.
    (key_of(&bytes) == key).then_some(bytes)
}

/// Whether a file name is the key of some name: one that is written out in full, or a cut one.
pub fn is_key(name: &str) -> bool {
    match name.split_at_checked(KEPT_OF_LONG_KEY) {
        Some((kept, rest)) if rest.starts_with('~') => {
            let hash = &rest.as_bytes()[1..];
            hash.len() == 64
                && hash.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
                && !kept.starts_with('.')
                && kept.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.%".contains(&byte))
        }
        _ => bytes_of(name).is_some_and(|bytes| !bytes.is_empty()),
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Takes a text as a name; fails when it is empty, over 512 bytes, or has control characters.
            pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
                let name = name.into();
                check($what, &name)?;
                Ok(Self(name))
            }

            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The file name that stands for it, without suffix; at most 150 bytes.
            pub fn key(&self) -> String {
                key_of(self.0.as_bytes())
            }

            /// The name that a key stands for; `None` for a cut key, which does not tell, and for what is no key.
            pub fn of_key(key: &str) -> Option<Self> {
                Self::new(String::from_utf8(bytes_of(key)?).ok()?).ok()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0
            }
        }
    };
}

name_type! {
    /// The id of a ticket: to the plumbing an opaque name.
    TicketId, "ticket id"
}
name_type! {
    /// The name of a Pod, unique in its workspace while the Pod's directory exists.
    PodName, "Pod name"
}

impl PodName {
    /// Gives this name with `-2`, `-3` … behind it: what is tried when the plain name is taken.
    ///
    /// `attempt` counts from 1, and 1 is the plain name. Fails where the suffix makes the name too long.
    pub fn attempt(&self, attempt: u32) -> Result<Self, NameError> {
        match attempt {
            0 | 1 => Ok(self.clone()),
            n => Self::new(format!("{}-{n}", self.0)),
        }
    }
}

/// The name of a workflow or a profile: 1 to 64 of `a-z A-Z 0-9 _ -`, so that it is a file name as it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// Takes a text as a slug; fails when another character is in it, or its length is not 1 to 64 bytes.
    pub fn new(text: impl Into<String>) -> Result<Self, NameError> {
        let text = text.into();
        let fits = (1..=64).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
            Ok(Self(text))
        } else {
            Err(NameError::NotASlug { what: "name", name: text })
        }
    }

    /// The slug as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Slug {
    type Err = NameError;
    fn from_str(text: &str) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Slug {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        Self::new(text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> String {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_ids_are_their_own_keys() {
        assert_eq!(key_of(b"00001KTJ1QJB8"), "00001KTJ1QJB8");
        assert_eq!(key_of(b"20260101-120000-001"), "20260101-120000-001");
        assert_eq!(key_of(b"v1.2"), "v1.2");
    }

    #[test]
    fn no_key_escapes_its_directory() {
        assert_eq!(key_of(b"../x"), "%2e.%2fx");
        assert_eq!(key_of(b"."), "%2e");
        assert_eq!(key_of(b".."), "%2e.");
        assert_eq!(key_of(b"/etc"), "%2fetc");
    }

    #[test]
    fn long_names_end_in_their_hash() {
        let key = key_of(&[b'a'; 512]);
        assert_eq!(key.len(), 80 + 1 + 64);
        assert!(key.starts_with(&"a".repeat(80)));
        assert_ne!(key, key_of(&[b'a'; 511]));
    }

    #[test]
    fn a_key_that_was_not_cut_gives_the_name_back() {
        for name in ["00001KTJ1QJB8", "a/b", ".x", "ä 100%", "x.y"] {
            let ticket = TicketId::new(name).unwrap();
            assert_eq!(TicketId::of_key(&ticket.key()), Some(ticket));
        }
        let long = TicketId::new("a".repeat(512)).unwrap();
        for key in [&*long.key(), "", "%", "%6", "%61", "%2F", "a b", "../x", "%0a", "%ff"] {
            assert_eq!(TicketId::of_key(key), None, "{key}");
        }
    }

    #[test]
    fn names_have_bounds() {
        assert_eq!(TicketId::new(""), Err(NameError::Empty { what: "ticket id" }));
        assert!(TicketId::new("x".repeat(512)).is_ok());
        assert!(matches!(TicketId::new("x".repeat(513)), Err(NameError::TooLong { length: 513, .. })));
        assert!(matches!(PodName::new("a\nb"), Err(NameError::Control { found: '\n', .. })));
        assert!(matches!(PodName::new("a\0b"), Err(NameError::Control { found: '\0', .. })));
    }

    proptest! {
        #[test]
        fn keys_are_safe_and_injective(a in ".{1,300}", b in ".{1,300}") {
            let (ka, kb) = (key_of(a.as_bytes()), key_of(b.as_bytes()));
            prop_assert!(ka.len() <= 150);
            prop_assert!(ka.bytes().all(|c| c.is_ascii_alphanumeric() || b"_-.%~".contains(&c)));
            prop_assert!(!ka.starts_with('.'));
            prop_assert_eq!(a == b, ka == kb);
            let strange = [format!("{ka}~"), format!("~{ka}")];
            prop_assert!(is_key(&ka) && !strange.iter().any(|name| is_key(name)));
        }

        #[test]
        fn a_key_tells_its_name_or_that_it_does_not(name in "[^\\pC]{1,60}", other in "[%~.a-z0-9-]{0,12}") {
            let name = TicketId::new(name).unwrap();
            let told = TicketId::of_key(&name.key());
            prop_assert_eq!(told, (!name.key().contains('~')).then_some(name));
            if let Some(name) = TicketId::of_key(&other) {
                prop_assert_eq!(name.key(), other);
            }
        }
    }
}
