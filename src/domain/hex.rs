//! 128-bit random values, written as 32 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Says that a text is not 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not 32 hexadecimal digits")]
pub struct ParseHexError {
    /// The text that was given.
    text: String,
}

macro_rules! hex_type {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(u128);

        impl $type {
            /// Takes 16 random bytes, which the caller has from the operating system.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(u128::from_be_bytes(bytes))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }

        impl FromStr for $type {
            type Err = ParseHexError;
            fn from_str(text: &str) -> Result<Self, ParseHexError> {
                let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
                match u128::from_str_radix(text, 16) {
                    Ok(value) if digits => Ok(Self(value)),
                    _ => Err(ParseHexError { text: text.to_owned() }),
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = ParseHexError;
            fn try_from(text: String) -> Result<Self, ParseHexError> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }
    };
}

hex_type! {
    /// The random part of a claim's identity: the fence against an older claim of the same generation.
    Nonce
}
hex_type! {
    /// The identity of one Pod: that Pod and no later one of its name.
    PodId
}
