//! What a live Pod says: how it stands, in its own words, and its conversation as it goes on. Pure.

use std::collections::VecDeque;
use std::io;

use crate::cli::Meaning;
use crate::cli::conversation::{Detail, Page, Reader};
use crate::domain::{PodPhase, Timestamp};
use crate::launch::{PodStatus, PodView};
use crate::pod::protocol::{Event, PermissionRequest, Snapshot};

/// How many lines of a conversation are kept; `yoi logs` has all of it.
const MAX_LINES: usize = 4_000;

/// Something that a Pod said.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// What it says to who connects.
    Snapshot(Box<Snapshot>),
    /// What happens.
    Event(Box<Event>),
}

/// A line of a conversation: pieces with what they mean.
pub type TalkLine = Vec<(Option<Meaning>, String)>;

/// The lines of a conversation.
#[derive(Debug, Default)]
pub struct Lines {
    whole: VecDeque<TalkLine>,
    begun: TalkLine,
    /// How many lines were given up for want of room.
    lost: usize,
}

impl Lines {
    /// The lines that were ended, oldest first.
    pub fn into_whole(self) -> impl Iterator<Item = TalkLine> {
        self.whole.into_iter()
    }
}

impl Page for Lines {
    fn put(&mut self, meaning: Option<Meaning>, text: &str) -> io::Result<()> {
        match self.begun.last_mut() {
            Some((last, said)) if *last == meaning => said.push_str(text),
            _ => self.begun.push((meaning, text.to_owned())),
        }
        Ok(())
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.whole.push_back(std::mem::take(&mut self.begun));
        if self.whole.len() > MAX_LINES {
            self.whole.pop_front();
            self.lost += 1;
        }
        Ok(())
    }
}

/// What is heard of one Pod.
pub struct Talk {
    reader: Reader,
    lines: Lines,
    phase: PodPhase,
    on_probation: bool,
    permissions: Vec<PermissionRequest>,
    /// Whether the Pod has greeted.
    is_heard: bool,
    is_over: bool,
}

impl std::fmt::Debug for Talk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Talk").field("lines", &self.lines).field("phase", &self.phase).finish_non_exhaustive()
    }
}

impl Default for Talk {
    fn default() -> Self {
        Self {
            reader: Reader::new(Detail::Short),
            lines: Lines::default(),
            phase: PodPhase::Starting,
            on_probation: false,
            permissions: Vec::new(),
            is_heard: false,
            is_over: false,
        }
    }
}

impl Talk {
    /// Takes in what the Pod said; tells whether it stands otherwise than before.
    pub fn hear(&mut self, heard: Heard, at: Timestamp) -> bool {
        let before = (self.is_heard, self.phase, self.on_probation, self.permissions.len());
        // Writing lines into memory does not fail.
        let _ = match heard {
            Heard::Snapshot(snapshot) => self.begin(*snapshot),
            Heard::Event(event) => {
                self.is_heard = true;
                self.note(&event);
                self.reader.event(&mut self.lines, &event, at)
            }
        };
        (self.is_heard, self.phase, self.on_probation, self.permissions.len()) != before
    }

    fn begin(&mut self, snapshot: Snapshot) -> io::Result<()> {
        (self.phase, self.on_probation) = (snapshot.status, snapshot.probation);
        (self.is_heard, self.is_over) = (true, false);
        self.permissions = snapshot.permissions;
        (self.reader, self.lines) = (Reader::new(Detail::Short), Lines::default());
        self.reader.remark(&mut self.lines, &snapshot.greeting)?;
        if snapshot.truncated {
            self.reader.remark(&mut self.lines, "… what was said before is in the Pod's history: yoi logs")?;
        }
        snapshot.history.iter().try_for_each(|entry| self.reader.entry(&mut self.lines, entry))
    }

    fn note(&mut self, event: &Event) {
        match event {
            Event::Status(report) => (self.phase, self.on_probation) = (report.status, report.probation),
            Event::Confirmed {} => self.on_probation = false,
            // The agent is given nothing before the probation is over.
            Event::TurnStart {} => (self.phase, self.on_probation) = (PodPhase::Running, false),
            Event::PermissionRequest(asked) if !self.permissions.contains(asked) => {
                self.permissions.push(asked.clone())
            }
            Event::PermissionAnswer { request, .. } => self.permissions.retain(|asked| asked.request != *request),
            Event::Shutdown { .. } => self.phase = PodPhase::Stopping,
            _ => {}
        }
    }

    /// Puts what the Pod said in the place of what was read of it, which may be older.
    pub fn tell(&self, view: &mut PodView) {
        if !self.is_heard || self.is_over || !view.status.is_live() {
            return;
        }
        (view.status, view.reason) = match self.on_probation {
            true => (PodStatus::Launching, "its lock is held, and its launch is not confirmed".to_owned()),
            false => {
                let reason = format!("its lock is held, and it says that it is {}", self.phase);
                (PodStatus::Phase(self.phase), reason)
            }
        };
        view.permissions = Some(self.permissions.clone());
    }

    /// Nothing more is heard.
    pub fn end(&mut self) {
        self.is_over = true;
        self.permissions.clear();
    }

    /// Whether nothing more is heard.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What it does.
    pub fn phase(&self) -> PodPhase {
        self.phase
    }

    /// The requests for permission that wait for an answer.
    pub fn permissions(&self) -> &[PermissionRequest] {
        &self.permissions
    }

    /// The lines, oldest first; the last may go on.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &TalkLine> {
        let begun = Some(&self.lines.begun).filter(|begun| !begun.is_empty());
        self.lines.whole.iter().chain(begun)
    }

    /// How many lines were ever ended: it tells how far the conversation has moved.
    pub fn ended(&self) -> usize {
        self.lines.whole.len() + self.lines.lost
    }
}
