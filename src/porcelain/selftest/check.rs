//! What was tried, and what came of it.

use crate::cli::{Failure, Meaning, Program};
use crate::domain::chain;

/// What came of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::porcelain) enum Verdict {
    /// As it must be.
    Kept,
    /// Not there, and done without.
    Limited,
    /// Not as it must be.
    Broken,
    /// Not tried.
    Skipped,
}

impl Verdict {
    pub(in crate::porcelain) fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Limited => "limited",
            Self::Broken => "broken",
            Self::Skipped => "skipped",
        }
    }

    pub(in crate::porcelain) fn meaning(self) -> Meaning {
        match self {
            Self::Kept => Meaning::Good,
            Self::Limited => Meaning::Attention,
            Self::Broken => Meaning::Bad,
            Self::Skipped => Meaning::Quiet,
        }
    }
}

/// One check.
#[derive(Debug, Clone)]
pub(in crate::porcelain) struct Check {
    /// Its name.
    pub(in crate::porcelain) name: &'static str,
    /// What came of it.
    pub(in crate::porcelain) verdict: Verdict,
    /// What was seen.
    pub(in crate::porcelain) what: String,
    /// What follows for the user where it is not kept.
    pub(in crate::porcelain) means: &'static str,
}

/// Why a promise was not seen to be kept.
#[derive(Debug)]
pub(in crate::porcelain) enum Trouble {
    /// See [`Verdict::Limited`].
    Limited(String),
    /// See [`Verdict::Broken`].
    Broken(String),
    /// See [`Verdict::Skipped`].
    Skipped(String),
}

impl<E: std::error::Error> From<E> for Trouble {
    fn from(error: E) -> Self {
        Self::Broken(chain(&error))
    }
}

impl From<Box<Failure>> for Trouble {
    fn from(failure: Box<Failure>) -> Self {
        Self::Broken(failure.render(Program::Porcelain).trim_end().to_owned())
    }
}

/// Fails a check unless something holds.
pub(in crate::porcelain) fn ensure(holds: bool, otherwise: impl Into<String>) -> Result<(), Trouble> {
    if holds { Ok(()) } else { Err(Trouble::Broken(otherwise.into())) }
}

impl Check {
    /// Tries something out, which tells what it saw.
    pub(in crate::porcelain) fn of(
        name: &'static str,
        means: &'static str,
        try_out: impl FnOnce() -> Result<String, Trouble>,
    ) -> Self {
        let (verdict, what) = match try_out() {
            Ok(what) => (Verdict::Kept, what),
            Err(Trouble::Limited(what)) => (Verdict::Limited, what),
            Err(Trouble::Broken(what)) => (Verdict::Broken, what),
            Err(Trouble::Skipped(what)) => (Verdict::Skipped, what),
        };
        Self { name, verdict, what, means }
    }

    /// A check that is not made.
    pub(in crate::porcelain) fn skipped(name: &'static str, why: &str) -> Self {
        Self::of(name, "", || Err(Trouble::Skipped(why.to_owned())))
    }
}
