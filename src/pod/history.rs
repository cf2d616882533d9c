//! A Pod's conversation on disk: `history.jsonl`, append-only, one JSON object a line.
//!
//! It is the truth for restore, so what others will act on is synced before they can see it: a Run before it is
//! accepted, a tool call before the tool runs, the end of a turn before it is told. Pieces of an answer are not kept,
//! the whole answer is. A torn last line, left by a crash, is ended and skipped.
//!
//! The file is opened afresh for each entry: after a failed write or sync nothing is tried again on that descriptor. The
//! failure is remembered until [`History::settle`] has told of it.

use std::path::{Path, PathBuf};

use super::protocol::{Entry, Event, Message, TurnOutcome};
use crate::domain::Timestamp;
use crate::fs::{self, IoContext as _, PathError};

/// How much of the history a snapshot shows, in bytes.
pub const SNAPSHOT_BOUND: u64 = 512 << 10;

/// Whether an entry must be on disk before its writer goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It must.
    Now,
    /// It is when a later one is.
    WithTheNext,
}

/// The history of one Pod.
#[derive(Debug)]
pub struct History {
    path: PathBuf,
    trouble: Option<String>,
}

/// The newest part of a history.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tail {
    /// What happened, oldest first.
    pub entries: Vec<Entry>,
    /// Whether there is more before it.
    pub truncated: bool,
    /// How long the file is that ends with it, in bytes; `None` where there is none.
    pub end: Option<u64>,
}

impl History {
    /// Opens a history, making it where it is missing. A turn that a crash interrupted is given its end.
    ///
    /// # Errors
    /// When the file cannot be made, read or written.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, PathError> {
        let mut history = Self { path: path.to_owned(), trouble: None };
        if fs::read_tail(path, 0)?.is_none() {
            fs::create_file(path, b"")?;
            fs::sync_dir(path.parent().unwrap_or(Path::new(".")))?;
        }
        if history.tail(SNAPSHOT_BOUND)?.is_in_a_turn() {
            let outcome = TurnOutcome::Interrupted;
            history.append(now, &Event::TurnEnd { outcome, error: None }, Durability::WithTheNext)?;
            history.append(now, &Event::RunEnd { outcome }, Durability::Now)?;
        }
        Ok(history)
    }

    /// Appends what happened.
    ///
    /// # Errors
    /// When it cannot be written or synced; whether it is on disk is then unknown.
    pub fn append(&mut self, at: Timestamp, event: &Event, durability: Durability) -> Result<(), PathError> {
        let Message { event, data, .. } = Message::new(event, None);
        let line = serde_json::to_string(&Entry { at, event, data }).expect("entries have string keys");
        let written = fs::append_line(&self.path, &line).and_then(|file| match durability {
            Durability::Now => file.sync_data().context("sync", &self.path),
            Durability::WithTheNext => Ok(()),
        });
        if let Err(error) = &written {
            self.trouble = Some(super::chain(error));
        }
        written
    }

    /// Appends what the Pod says of itself. A failure is nobody's loss: it is not remembered.
    pub fn remark(&mut self, at: Timestamp, event: &Event) {
        let trouble = self.trouble.take();
        let _ = self.append(at, event, Durability::WithTheNext);
        self.trouble = trouble;
    }

    /// Makes sure that all is on disk.
    ///
    /// # Errors
    /// What went wrong, now or since this was last asked; entries may be missing then.
    pub fn settle(&mut self) -> Result<(), String> {
        let synced = fs::sync_file(&self.path).map_err(|error| super::chain(&error));
        self.trouble.take().map_or(synced, Err)
    }

    /// Reads the newest entries, at most `bound` bytes of them; lines that are no entries are skipped.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn tail(&self, bound: u64) -> Result<Tail, PathError> {
        let Some((bytes, truncated)) = fs::read_tail(&self.path, bound)? else { return Ok(Tail::default()) };
        let lines = bytes.split(|byte| *byte == b'\n');
        // What comes before the first newline of a cut file is the end of a line.
        let lines = lines.skip(usize::from(truncated));
        let entries = lines.filter_map(|line| serde_json::from_slice(line).ok()).collect();
        // Nobody else writes it, so this is still the length of what was read.
        Ok(Tail { entries, truncated, end: Some(fs::length_of(&self.path)?) })
    }
}

impl Tail {
    fn is_in_a_turn(&self) -> bool {
        let last = self.entries.iter().rfind(|entry| matches!(entry.event.as_str(), "turn_start" | "turn_end"));
        last.is_some_and(|entry| entry.event == "turn_start")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Segment;
    use std::io::Write as _;

    fn now() -> Timestamp {
        "2026-06-07T22:02:25.123456Z".parse().unwrap()
    }

    fn open(dir: &tempfile::TempDir) -> History {
        History::open(&dir.path().join("history.jsonl"), now()).unwrap()
    }

    fn said(text: &str) -> Event {
        Event::UserMessage { input: vec![Segment::text(text)] }
    }

    fn events(history: &History, bound: u64) -> Vec<String> {
        history.tail(bound).unwrap().entries.into_iter().map(|entry| entry.event).collect()
    }

    #[test]
    fn entries_come_back_in_order_with_their_moment() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = open(&dir);
        history.append(now(), &said("a"), Durability::Now).unwrap();
        history.append(now(), &Event::TextDone { text: "b".into(), more: false }, Durability::WithTheNext).unwrap();
        let tail = history.tail(SNAPSHOT_BOUND).unwrap();
        assert_eq!(events(&history, SNAPSHOT_BOUND), ["user_message", "text_done"]);
        assert_eq!((tail.entries[0].at, tail.truncated), (now(), false));
        let text = std::fs::read_to_string(&history.path).unwrap();
        assert!(text.starts_with(r#"{"at":"2026-06-07T22:02:25.123456Z","event":"user_message","data":{"#), "{text}");
    }

    #[test]
    fn a_torn_last_line_is_ended_and_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = open(&dir);
        history.append(now(), &said("a"), Durability::Now).unwrap();
        let mut file = std::fs::File::options().append(true).open(&history.path).unwrap();
        file.write_all(br#"{"at":"2026-06-0"#).unwrap();
        assert_eq!(events(&history, SNAPSHOT_BOUND), ["user_message"]);
        history.append(now(), &said("b"), Durability::Now).unwrap();
        assert_eq!(events(&history, SNAPSHOT_BOUND), ["user_message", "user_message"]);
    }

    #[test]
    fn a_history_longer_than_the_bound_is_cut_at_an_entry() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = open(&dir);
        for number in 0..10 {
            history.append(now(), &said(&format!("{number}{}", "x".repeat(100))), Durability::WithTheNext).unwrap();
        }
        let tail = history.tail(500).unwrap();
        assert!(tail.truncated);
        assert!((1..=2).contains(&tail.entries.len()), "{}", tail.entries.len());
        assert!(tail.entries[0].data.to_string().contains("9xxx") || tail.entries[1].data.to_string().contains("9xxx"));
    }

    #[test]
    fn an_answer_of_a_mebibyte_fits() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = open(&dir);
        history.append(now(), &Event::TextDone { text: "\"".repeat(1 << 20), more: false }, Durability::Now).unwrap();
        history.append(now(), &said("a"), Durability::Now).unwrap();
        assert_eq!(events(&history, SNAPSHOT_BOUND), ["user_message"]);
        assert_eq!(events(&history, 16 << 20), ["text_done", "user_message"]);
    }

    #[test]
    fn a_turn_that_a_crash_interrupted_gets_its_end_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = open(&dir);
        history.append(now(), &Event::TurnStart {}, Durability::Now).unwrap();
        let restored = open(&dir);
        assert_eq!(events(&restored, SNAPSHOT_BOUND), ["turn_start", "turn_end", "run_end"]);
        assert_eq!(events(&open(&dir), SNAPSHOT_BOUND), ["turn_start", "turn_end", "run_end"]);
    }

    #[test]
    fn a_history_that_cannot_be_written_says_so_and_works_again() {
        let dir = tempfile::tempdir().unwrap();
        let mut history = open(&dir);
        let aside = dir.path().join("aside");
        std::fs::rename(&history.path, &aside).unwrap();
        std::os::unix::fs::symlink("elsewhere", &history.path).unwrap();
        assert!(history.append(now(), &said("a"), Durability::Now).is_err());
        history.remark(now(), &said("c"));
        std::fs::rename(&aside, &history.path).unwrap();
        history.append(now(), &said("b"), Durability::Now).unwrap();
        assert!(history.settle().unwrap_err().contains("history.jsonl"), "remembered until it is told");
        assert_eq!(history.settle(), Ok(()));
        std::fs::rename(&history.path, &aside).unwrap();
        history.remark(now(), &said("d"));
        assert_eq!(history.settle(), Ok(()), "a remark is nobody's loss");
        std::fs::remove_file(&history.path).unwrap();
        assert!(history.settle().is_err());
    }
}
