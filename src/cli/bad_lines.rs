//! Lines of a journal that cannot be read: told once all others were shown, until `verify --repair` has noted them.

use std::collections::{BTreeMap, BTreeSet};

use super::Failure;
use crate::domain::chain;
use crate::registry::{JournalError, JournalLine};

/// How many of them are told one by one.
const MAX_TOLD: usize = 100;

/// What was passed over while a journal was shown.
#[derive(Debug, Default)]
pub struct BadLines {
    told: BTreeMap<u64, String>,
    /// How many there are besides, and the number of the first of them.
    more: u64,
    more_from: Option<u64>,
    /// Those of them that a later line notes.
    noted: BTreeSet<u64>,
}

impl BadLines {
    /// Lets the lines through that can be read, and keeps the others in mind; an I/O error ends it.
    pub fn pass(
        &mut self,
        lines: impl Iterator<Item = Result<JournalLine, JournalError>>,
    ) -> impl Iterator<Item = Result<JournalLine, Failure>> {
        lines.filter_map(|line| match line {
            Ok(line) => {
                if let Some(number) = line.notes_kept_line() {
                    self.forget(number);
                }
                Some(Ok(line))
            }
            Err(JournalError::Io(error)) => Some(Err(error.into())),
            Err(error @ JournalError::Line { number, .. }) => {
                if self.more_from.is_none() && self.told.len() < MAX_TOLD {
                    self.told.insert(number, chain(&error));
                } else {
                    self.more_from.get_or_insert(number);
                    self.more += 1;
                }
                None
            }
        })
    }

    /// A line that is known to be kept is no news, and was told by the line that notes it.
    fn forget(&mut self, number: u64) {
        let is_counted = self.more_from.is_some_and(|from| number >= from);
        // Two who repair at once may note it twice.
        if self.told.remove(&number).is_none() && is_counted && self.noted.insert(number) {
            self.more = self.more.saturating_sub(1);
        }
    }

    /// What is to be told of them.
    pub fn told(self) -> Vec<String> {
        let mut told: Vec<String> = self.told.into_values().collect();
        if self.more > 0 {
            told.push(format!("{} more lines of the journal cannot be read", self.more));
        }
        told
    }
}
