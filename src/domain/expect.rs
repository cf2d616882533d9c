//! The fence: which claim the caller believes to stand.

use std::fmt;
use std::str::FromStr;

use super::{Claim, Nonce};

/// A claim as the caller last saw it, written `GEN` or `GEN:NONCE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// The expected generation, from 1.
    pub generation: u64,
    /// The expected nonce; any, where it is not given.
    pub nonce: Option<Nonce>,
}

impl Expect {
    /// What a caller expects who knows of no claim: the fence of one that cannot be read and of which nothing is known.
    ///
    /// Matches no claim, since generations count from 1.
    pub const NOTHING: Self = Self { generation: 0, nonce: None };

    /// Whether a claim is the expected one.
    pub fn matches(&self, claim: &Claim) -> bool {
        self.generation == claim.generation && self.nonce.is_none_or(|nonce| nonce == claim.nonce)
    }
}

/// Says that a text is not `GEN` or `GEN:NONCE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not GENERATION or GENERATION:NONCE, such as 3 or 3:9f1c… with 32 hexadecimal digits")]
pub struct ParseExpectError(String);

impl FromStr for Expect {
    type Err = ParseExpectError;
    fn from_str(text: &str) -> Result<Self, ParseExpectError> {
        let error = || ParseExpectError(text.to_owned());
        let (generation, nonce) = match text.split_once(':') {
            Some((generation, nonce)) => (generation, Some(nonce.parse().map_err(|_| error())?)),
            None => (text, None),
        };
        match generation.parse() {
            Ok(generation) if generation > 0 => Ok(Self { generation, nonce }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nonce {
            Some(nonce) => write!(f, "{}:{nonce}", self.generation),
            None => write!(f, "{}", self.generation),
        }
    }
}

impl From<&Claim> for Expect {
    fn from(claim: &Claim) -> Self {
        Self { generation: claim.generation, nonce: Some(claim.nonce) }
    }
}
