//! What was looked at, and how it is.

use std::ffi::OsString;

use crate::cli::quote::visible;
use crate::cli::{Failure, Meaning, Place, Program};

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, but not as somebody may think.
    Warning,
    /// Something does not work until it is mended.
    Problem,
}

impl Verdict {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }

    pub(super) fn meaning(self) -> Meaning {
        match self {
            Self::Ok => Meaning::Good,
            Self::Warning => Meaning::Attention,
            Self::Problem => Meaning::Bad,
        }
    }
}

/// What is to be done about it.
#[derive(Debug, Clone)]
pub(super) enum Remedy {
    /// Nothing, or nobody knows.
    None,
    /// This is to be typed, word by word.
    Type(Vec<OsString>),
    /// This is to be done, in words.
    Do(String),
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub area: &'static str,
    pub check: String,
    pub verdict: Verdict,
    pub what: String,
    /// What to do, safe to show.
    pub remedy: Option<String>,
}

/// All that was looked at, in order.
#[derive(Debug)]
pub(super) struct Report {
    pub items: Vec<Item>,
    place: Place,
}

impl Report {
    /// Begins a report whose commands work in a place.
    pub(super) fn new(place: &Place) -> Self {
        Self { items: Vec::new(), place: place.clone() }
    }

    pub(super) fn add(
        &mut self,
        area: &'static str,
        check: impl Into<String>,
        verdict: Verdict,
        what: impl Into<String>,
        remedy: Remedy,
    ) {
        let remedy = match remedy {
            Remedy::None => None,
            Remedy::Type(words) => Some(self.place.command(words)),
            Remedy::Do(text) => Some(visible(&text).into_owned()),
        };
        self.items.push(Item { area, check: check.into(), verdict, what: what.into(), remedy });
    }

    pub(super) fn ok(&mut self, area: &'static str, check: impl Into<String>, what: impl Into<String>) {
        self.add(area, check, Verdict::Ok, what, Remedy::None);
    }

    /// Something could not be looked at.
    pub(super) fn failed(&mut self, area: &'static str, check: &str, failure: &Failure, remedy: Remedy) {
        let text = failure.render(Program::Plumbing);
        let text = text.trim_end().trim_start_matches("yoi-claim: ");
        self.add(area, check, Verdict::Problem, text, remedy);
    }

    pub(super) fn count(&self, verdict: Verdict) -> usize {
        self.items.iter().filter(|item| item.verdict == verdict).count()
    }
}

impl Remedy {
    pub(super) fn typed<W: Into<OsString>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::Type(words.into_iter().map(Into::into).collect())
    }
}
