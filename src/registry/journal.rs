//! The journal: who changed what, when and why. The claim files are the truth; this is their story.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::open::{Registry, Writer};
use crate::domain::{Claim, Nonce, PodName, Role, TicketId};
use crate::fs::{self, LineEnd, PathError};

/// The longest free text of a line, in bytes.
pub const MAX_TEXT: usize = 4096;

/// What happened, without who and when.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// What was done, as a verb: `commit`, `release`, `launch_failed` …
    pub action: String,
    /// The ticket that it was done to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The Pod.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodName>,
    /// The Pod's role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// The claim's generation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// The claim's nonce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// The reason that was given, or what went wrong; at most 4 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Of a launch that failed: the step at which it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// Of a launch that failed: how its host's process ended, as the system says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit_status: Option<String>,
    /// Of a launch that failed: the end of its log, at most 4 KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// When, in UTC (RFC 3339).
    pub at: String,
    /// Who: the user's name.
    pub user: String,
    /// The process id at that time.
    pub pid: i64,
    /// What happened.
    #[serde(flatten)]
    pub entry: JournalEntry,
}

impl JournalEntry {
    /// Begins an entry.
    pub fn new(action: &str) -> Self {
        Self { action: action.to_owned(), ..Self::default() }
    }

    /// Begins an entry on a claim.
    pub fn on(action: &str, claim: &Claim) -> Self {
        Self {
            action: action.to_owned(),
            ticket: Some(claim.ticket.clone()),
            pod: Some(claim.pod.clone()),
            role: Some(claim.role),
            generation: Some(claim.generation),
            nonce: Some(claim.nonce),
            ..Self::default()
        }
    }

    /// Adds a reason, of which at most the last 4 KiB are kept.
    #[must_use]
    pub fn because(mut self, why: &str) -> Self {
        self.why = Some(end_of(why).to_owned());
        self
    }

    /// Adds the end of a log, which says most; an empty one adds nothing.
    #[must_use]
    pub fn with_log(mut self, log: &str) -> Self {
        self.log = Some(end_of(log).to_owned()).filter(|log| !log.is_empty());
        self
    }
}

/// The last 4 KiB of a text.
fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(MAX_TEXT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// The action of a line with which a standing claim, or a line that cannot be read, was noted by `verify --repair`.
pub(super) const REPAIR: &str = "repair";

/// What `verify --repair` notes of a line that it cannot read and leaves as it is.
pub(super) fn kept_line(number: u64) -> String {
    format!("line {number} cannot be read, and is kept")
}

/// The line of which a line with this action, ticket and reason notes that it cannot be read, and is kept.
pub(super) fn noted_line<T>(action: &str, ticket: Option<T>, why: Option<&str>) -> Option<u64> {
    let why = why.filter(|_| action == REPAIR && ticket.is_none())?;
    why.strip_prefix("line ")?.strip_suffix(" cannot be read, and is kept")?.parse().ok()
}

impl JournalLine {
    /// The line that cannot be read and is known to be kept, as this one notes.
    pub fn notes_kept_line(&self) -> Option<u64> {
        let entry = &self.entry;
        noted_line(&entry.action, entry.ticket.as_ref(), entry.why.as_deref())
    }

    /// Whether this tells of what an entry of this writer would tell: the same deed, by the same user, for the same reason.
    pub(super) fn tells(&self, entry: &JournalEntry, writer: &Writer) -> bool {
        self.user == writer.user && self.entry == *entry
    }
}

impl Registry {
    /// Appends a line to the journal.
    ///
    /// # Errors
    /// When it cannot be written. What it tells of has happened all the same, so callers go on.
    pub fn log(&self, writer: &Writer, entry: JournalEntry) -> Result<(), PathError> {
        self.log_all(writer, [entry])
    }

    /// Appends several lines in one write.
    ///
    /// # Errors
    /// Those of [`Self::log`].
    pub fn log_all(&self, writer: &Writer, entries: impl IntoIterator<Item = JournalEntry>) -> Result<(), PathError> {
        let line = |entry| {
            let (at, user) = (writer.now.to_string(), writer.user.clone());
            let line = JournalLine { at, user, pid: writer.written_by.pid, entry };
            serde_json::to_string(&line).expect("a journal line has string keys")
        };
        let text: Vec<String> = entries.into_iter().map(line).collect();
        fs::append_line(&self.journal_path(), &text.join("\n")).map(drop)
    }

    /// Opens the journal to be read line by line, oldest first: one line is in memory, however many there are.
    ///
    /// # Errors
    /// When the file exists and cannot be opened, or is no regular file of ours.
    pub fn read_journal(&self) -> Result<JournalReader, PathError> {
        let path = self.journal_path();
        Ok(JournalReader { lines: fs::read_lines(&path)?, path })
    }

    /// Reads the lines that speak of a ticket (`None`: all), oldest first; what does not parse is passed over.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn journal(&self, ticket: Option<&TicketId>) -> Result<Vec<JournalLine>, PathError> {
        let wanted = |line: &JournalLine| ticket.is_none() || line.entry.ticket.as_ref() == ticket;
        let mut found = Vec::new();
        for line in self.read_journal()? {
            match line {
                Ok(line) if wanted(&line) => found.push(line),
                Ok(_) | Err(JournalError::Line { .. }) => {}
                Err(JournalError::Io(error)) => return Err(error),
            }
        }
        Ok(found)
    }
}

/// Says what is wrong with the journal, or with one line of it.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A line is not one of ours; those behind it can be read all the same.
    #[error("'{}' line {number}: {why}", path.display())]
    Line {
        /// The journal.
        path: PathBuf,
        /// The line's number, from 1.
        number: u64,
        /// What is wrong with it.
        why: String,
    },
    /// The journal cannot be read on.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// The lines of the journal as they are read, oldest first; ends at the first I/O error.
#[derive(Debug)]
#[must_use = "nothing is read before it is asked for"]
pub struct JournalReader {
    path: PathBuf,
    lines: Option<fs::Lines>,
}

impl JournalReader {
    fn parse(&self, line: &fs::Line) -> Result<JournalLine, JournalError> {
        let why = match (serde_json::from_slice(&line.bytes), line.end) {
            // A line may lack nothing but its newline.
            (Ok(parsed), LineEnd::Newline | LineEnd::Torn) => return Ok(parsed),
            (_, LineEnd::TooLong) => format!("it has more than {} bytes", fs::MAX_LINE),
            (Err(_), LineEnd::Torn) => "it is torn: its end was never written".to_owned(),
            (Err(error), LineEnd::Newline) => format!("it is no line of a journal: {error}"),
        };
        Err(JournalError::Line { path: self.path.clone(), number: line.number, why })
    }
}

impl Iterator for JournalReader {
    type Item = Result<JournalLine, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            return match self.lines.as_mut()?.next()? {
                // An empty line is what is left where a torn line was ended with a newline of its own.
                Ok(line) if line.bytes.is_empty() => continue,
                Ok(line) => Some(self.parse(&line)),
                Err(error) => {
                    self.lines = None;
                    Some(Err(error.into()))
                }
            };
        }
    }
}
