//! Lines of a journal that cannot be read: told once all others were shown.

use super::Failure;
use crate::domain::chain;
use crate::registry::{JournalError, JournalLine};

/// How many of them are told one by one.
const MAX_TOLD: usize = 100;

/// What was passed over while a journal was shown.
#[derive(Debug, Default)]
pub struct BadLines {
    told: Vec<String>,
    more: u64,
}

impl BadLines {
    /// Lets the lines through that can be read, and notes the others; an I/O error ends it.
    pub fn pass(
        &mut self,
        lines: impl Iterator<Item = Result<JournalLine, JournalError>>,
    ) -> impl Iterator<Item = Result<JournalLine, Failure>> {
        lines.filter_map(|line| match line {
            Ok(line) => Some(Ok(line)),
            Err(JournalError::Io(error)) => Some(Err(error.into())),
            Err(error) => {
                if self.told.len() < MAX_TOLD {
                    self.told.push(chain(&error))
                } else {
                    self.more += 1
                }
                None
            }
        })
    }

    /// What is to be told of them.
    pub fn told(self) -> Vec<String> {
        let mut told = self.told;
        if self.more > 0 {
            told.push(format!("{} more lines of the journal cannot be read", self.more));
        }
        told
    }
}
