//! What a Pod is for.

/// Says that a text is none of the words that are allowed in its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is no {what}; known are {known}")]
pub struct ParseWordError {
    /// What the word was to be.
    pub what: &'static str,
    /// The text that was given.
    pub found: String,
    /// The allowed words, separated by commas.
    pub known: String,
}

/// Gives an enum of words its text form: `as_str`, `ALL`, `Display`, `FromStr` and serde.
macro_rules! words {
    ($(#[$doc:meta])* $type:ident, $what:literal { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ::serde::Serialize, ::serde::Deserialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $type { $($(#[$vdoc])* $variant,)+ }

        impl $type {
            /// Every value, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as it stands in records and on the command line.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl ::std::fmt::Display for $type {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::std::str::FromStr for $type {
            type Err = $crate::domain::ParseWordError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text).ok_or_else(|| $crate::domain::ParseWordError {
                    what: $what,
                    found: text.to_owned(),
                    known: Self::ALL.iter().map(|word| word.as_str()).collect::<Vec<_>>().join(", "),
                })
            }
        }

        impl TryFrom<String> for $type {
            type Error = $crate::domain::ParseWordError;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }

        impl From<$type> for &'static str {
            fn from(word: $type) -> &'static str {
                word.as_str()
            }
        }
    };
}
pub(crate) use words;

words! {
    /// What a Pod is for.
    Role, "role" {
        /// Makes a ticket implementable.
        Intake = "intake",
        /// Directs the other Pods of a workspace.
        Orchestrator = "orchestrator",
        /// Does the work of a ticket.
        Coder = "coder",
        /// Reviews what a coder did.
        Reviewer = "reviewer",
        /// Finds something out; changes nothing.
        Investigator = "investigator",
        /// Reserved: read and shown, never launched by yoi.
        Companion = "companion",
    }
}

impl Role {
    /// Whether yoi launches Pods of this role.
    pub fn is_launchable(self) -> bool {
        self != Self::Companion
    }
}
