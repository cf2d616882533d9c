//! What the journal knows of each ticket, read as a stream: its newest generation, and whether that has ended.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::domain::{Nonce, PodName, Role};
use crate::fs::{self, LineEnd, LinePlace, PathError};
use crate::registry::journal::{REPAIR, noted_line};

/// What was done to a claim that stands after it.
const STANDING: &[&str] = &["commit", "complete", REPAIR];

/// The action of a line with which the end of a claim was put into the journal by `--repair`.
pub(super) const REPAIR_RELEASE: &str = "repair-release";

/// The newest claim of a ticket that the journal tells of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Known {
    pub generation: u64,
    pub nonce: Option<Nonce>,
    pub pod: Option<PodName>,
    pub role: Option<Role>,
    /// Whether it has ended since.
    pub ended: bool,
}

/// The journal, as far as it was read.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    path: PathBuf,
    /// How far it was read.
    place: LinePlace,
    pub of: HashMap<String, Known>,
    /// The numbers of the lines that cannot be read.
    pub unreadable: Vec<u64>,
    /// The numbers of those that `--repair` has told of.
    pub kept: HashSet<u64>,
    /// The number of the last line, where it has no end.
    pub torn: Option<u64>,
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, rename = "at")]
    _at: Cow<'a, str>,
    #[serde(borrow, rename = "user")]
    _user: Cow<'a, str>,
    #[serde(rename = "pid")]
    _pid: i64,
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow)]
    ticket: Option<Cow<'a, str>>,
    pod: Option<PodName>,
    role: Option<Role>,
    generation: Option<u64>,
    nonce: Option<Nonce>,
    #[serde(borrow)]
    why: Option<Cow<'a, str>>,
}

impl Ledger {
    /// Reads a journal; one that is not there yet is empty.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn read(path: &Path) -> Result<Self, PathError> {
        let mut ledger = Self { path: path.to_owned(), ..Self::default() };
        ledger.refresh()?;
        Ok(ledger)
    }

    /// Reads what was appended since.
    ///
    /// # Errors
    /// The same as those of [`Self::read`].
    pub(super) fn refresh(&mut self) -> Result<(), PathError> {
        self.torn = None;
        let Some(mut lines) = fs::read_lines_from(&self.path, self.place)? else { return Ok(()) };
        for line in lines.by_ref() {
            let line = line?;
            match line.end {
                LineEnd::Newline => match serde_json::from_slice::<Line<'_>>(&line.bytes) {
                    Ok(line) => self.take(line),
                    Err(_) => self.unreadable.push(line.number),
                },
                LineEnd::TooLong => self.unreadable.push(line.number),
                LineEnd::Torn => self.torn = Some(line.number),
            }
        }
        self.place = lines.place();
        Ok(())
    }

    fn take(&mut self, line: Line<'_>) {
        self.kept.extend(noted_line(&line.action, line.ticket.as_ref(), line.why.as_deref()));
        let (Some(ticket), Some(generation)) = (line.ticket, line.generation) else { return };
        let known = Known {
            generation,
            nonce: line.nonce,
            pod: line.pod,
            role: line.role,
            ended: !STANDING.contains(&&*line.action),
        };
        match self.of.get_mut(&*ticket) {
            Some(before) if before.generation > generation => {}
            Some(before) => *before = known,
            None => drop(self.of.insert(ticket.into_owned(), known)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::journal::kept_line;
    use std::fmt::Write as _;

    fn line(action: &str, ticket: &str, generation: u64) -> String {
        format!(
            r#"{{"at":"2026-06-07T22:02:25Z","user":"u","pid":1,"action":"{action}","ticket":"{ticket}","generation":{generation}}}"#
        )
    }

    fn written(text: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        std::fs::write(&path, text).unwrap();
        (dir, path)
    }

    #[test]
    fn the_newest_generation_of_each_ticket_is_known_and_whether_it_ended() {
        let mut text = String::new();
        for (action, ticket, generation) in
            [("commit", "A", 1), ("release", "A", 1), ("commit", "A", 2), ("commit", "B", 1), ("release", "B", 1)]
        {
            writeln!(text, "{}", line(action, ticket, generation)).unwrap();
        }
        let (_dir, path) = written(text.as_bytes());
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!((ledger.of["A"].generation, ledger.of["A"].ended), (2, false));
        assert_eq!((ledger.of["B"].generation, ledger.of["B"].ended), (1, true));
        assert_eq!((ledger.torn, &ledger.unreadable), (None, &vec![]));
    }

    #[test]
    fn a_torn_end_is_told_and_read_once_it_is_whole() {
        let whole = line("commit", "A", 1);
        let (begun, rest) = whole.split_at(20);
        let (_dir, path) = written(format!("{}\n{begun}", line("commit", "B", 1)).as_bytes());
        let mut ledger = Ledger::read(&path).unwrap();
        assert!(ledger.torn.is_some() && !ledger.of.contains_key("A"));
        std::fs::write(&path, format!("{}\n{begun}{rest}\n", line("commit", "B", 1))).unwrap();
        ledger.refresh().unwrap();
        assert_eq!(ledger.torn, None);
        assert_eq!(ledger.of["A"].generation, 1);
    }

    #[test]
    fn lines_that_are_none_are_counted_however_long_they_are() {
        let mut text = b"garbage\n".to_vec();
        text.extend(vec![b'x'; 3 << 20]);
        text.extend(format!("\n{}\n\n", line("commit", "A", 1)).bytes());
        let (_dir, path) = written(&text);
        let ledger = Ledger::read(&path).unwrap();
        assert_eq!(ledger.unreadable, [1, 2, 4]);
        assert_eq!(ledger.of["A"].generation, 1);
    }

    #[test]
    fn what_repair_says_of_a_line_is_understood() {
        let text =
            format!("x\n{{\"at\":\"\",\"user\":\"u\",\"pid\":1,\"action\":\"repair\",\"why\":{:?}}}\n", kept_line(1));
        let (_dir, path) = written(text.as_bytes());
        let ledger = Ledger::read(&path).unwrap();
        assert!(ledger.kept.contains(&1));
    }
}
