//! What is known of one ticket or Pod, read for the part of the screen beside the list.

use crate::cli::conversation::Reader;
use crate::cli::quote::visible;
use crate::cli::{Meaning, local};
use crate::domain::{Claim, PodName, TicketId, Timestamp, chain};
use crate::fs::{self, PathError};
use crate::pod::protocol::Entry;
use crate::registry::JournalLine;

use super::source::Source;
use super::talk::{Lines, TalkLine};

/// How many events of a thread, and lines of the journal, are shown.
const MAX_EVENTS: usize = 6;
/// How much of the end of the journal is looked through, in bytes.
const JOURNAL_TAIL: u64 = 256 << 10;
/// How much of the end of a stopped Pod's history is looked through, in bytes, and how many lines of it are shown.
const HISTORY_TAIL: u64 = 32 << 10;
const MAX_OUTPUT: usize = 12;
/// How much of a stopped Pod's log is shown, in bytes.
const LOG_TAIL: u64 = 2 << 10;
/// The most lines of a ticket's text, and of an event's.
const MAX_LINES: usize = 400;

/// Reads what is known of a row.
pub fn read_detail(source: &Source, ticket: Option<&str>, pod: Option<&str>) -> Vec<TalkLine> {
    let mut page = Sheet::default();
    let ticket = ticket.and_then(|ticket| TicketId::new(ticket).ok());
    let pod = pod.and_then(|pod| PodName::new(pod).ok());
    if let Some(ticket) = &ticket {
        page.ticket(source, ticket);
        page.claim(source, ticket);
    }
    if let Some(pod) = &pod {
        page.pod(source, pod);
    }
    page.journal(source, ticket.as_ref(), pod.as_ref());
    page.lines
}

#[derive(Default)]
struct Sheet {
    lines: Vec<TalkLine>,
}

impl Sheet {
    fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(Vec::new());
        }
        self.push(Some(Meaning::Heading), text);
    }

    fn push(&mut self, meaning: Option<Meaning>, text: &str) {
        self.lines.push(vec![(meaning, visible(text).into_owned())]);
    }

    fn field(&mut self, name: &str, text: &str) {
        let name = format!("{name:<10}");
        self.lines.push(vec![(Some(Meaning::Quiet), name), (None, visible(text).into_owned())]);
    }

    fn text(&mut self, text: &str) {
        let lines: Vec<&str> = text.lines().collect();
        lines.iter().take(MAX_LINES).for_each(|line| self.push(None, line));
        if lines.len() > MAX_LINES {
            self.push(Some(Meaning::Quiet), "… there is more");
        }
    }

    fn trouble(&mut self, why: &str) {
        self.push(Some(Meaning::Bad), why);
    }

    fn ticket(&mut self, source: &Source, id: &TicketId) {
        let ticket = match source.setup().tickets().read(id) {
            Ok(ticket) => ticket,
            // It may be of some other tracker.
            Err(crate::ticket::ReadError::NotFound { .. }) => return,
            Err(error) => {
                self.heading("ticket");
                return self.trouble(&chain(&error));
            }
        };
        self.heading(&ticket.summary.title);
        self.text(ticket.body());
        let events = &ticket.thread.events;
        if !events.is_empty() {
            self.heading("thread");
        }
        for event in events.iter().rev().take(MAX_EVENTS).rev() {
            let at = event.at.as_deref().and_then(crate::ticket::parse_moment).map(local);
            let author = event.author.as_deref().unwrap_or("somebody");
            let line = format!("{} — {author}, {}", event.kind, at.as_deref().unwrap_or("at some time"));
            self.push(Some(Meaning::Name), &line);
            self.text(&event.body);
        }
        if let Some(resolution) = &ticket.resolution {
            self.heading("resolution");
            self.text(resolution);
        }
    }

    fn claim(&mut self, source: &Source, id: &TicketId) {
        match source.registry().claim(id) {
            Ok(None) => {}
            Ok(Some(claim)) => self.held(&claim),
            Err(error) => {
                self.heading("claim");
                self.trouble(&chain(&error));
            }
        }
    }

    fn held(&mut self, claim: &Claim) {
        self.heading("claim");
        self.field("holder", &format!("Pod {} as {}, generation {}", claim.pod, claim.role, claim.generation));
        self.field("accepted", &format!("{}, shown by {}", local(claim.accepted_at), claim.evidence));
        if let Some(at) = claim.completed_at {
            self.field("completed", &local(at));
        }
        for old in &claim.previous {
            let (pod, role, why) = (&old.pod, old.role, &old.why);
            self.field("before", &format!("Pod {pod} as {role}, generation {}: {why}", old.generation));
        }
    }

    fn pod(&mut self, source: &Source, pod: &PodName) {
        let registry = source.registry();
        self.heading(&format!("Pod {pod}"));
        match registry.pod(pod) {
            Ok(Some(record)) => {
                self.field("profile", &record.profile);
                self.field("made", &local(record.created_at));
                self.field("works in", &record.directory().display().to_string());
            }
            Ok(None) => self.field("record", "there is none"),
            Err(error) => self.trouble(&chain(&error)),
        }
        match registry.session(pod) {
            Ok(Some(session)) => {
                self.field("session", &format!("{}, as {}", session.origin, session.role));
                let tickets: Vec<&str> = session.related_tickets.iter().map(TicketId::as_str).collect();
                if !tickets.is_empty() {
                    self.field("tickets", &tickets.join(", "));
                }
                if let Some(own) = &session.session {
                    self.field("agent's id", own);
                }
            }
            Ok(None) => {}
            Err(error) => self.trouble(&chain(&error)),
        }
        if matches!(registry.pod_lives(pod), Ok(false)) {
            self.output(&registry.pod_dir(pod).join("history.jsonl"));
            self.log(&registry.pod_dir(pod).join("host.log"));
        }
    }

    /// The end of a stopped Pod's conversation; that of a live one is told as it goes on.
    fn output(&mut self, path: &std::path::Path) {
        let bytes = match fs::read_tail(path, HISTORY_TAIL) {
            Ok(read) => read.map(|(bytes, _)| bytes).unwrap_or_default(),
            Err(error) => return self.trouble(&chain(&error)),
        };
        let (mut reader, mut lines) = (Reader::new(crate::cli::conversation::Detail::Short), Lines::default());
        for line in bytes.split(|byte| *byte == b'\n') {
            if let Ok(entry) = serde_json::from_slice::<Entry>(line) {
                // Writing lines into memory does not fail.
                let _ = reader.entry(&mut lines, &entry);
            }
        }
        let lines: Vec<TalkLine> = lines.into_whole().filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            self.heading("output");
        }
        self.lines.extend_from_slice(&lines[lines.len().saturating_sub(MAX_OUTPUT)..]);
    }

    fn log(&mut self, path: &std::path::Path) {
        match fs::read_tail(path, LOG_TAIL) {
            Ok(Some((bytes, _))) if !bytes.trim_ascii().is_empty() => {
                self.heading("its last words");
                self.text(&String::from_utf8_lossy(&bytes));
            }
            Ok(_) => {}
            Err(error) => self.trouble(&chain(&error)),
        }
    }

    fn journal(&mut self, source: &Source, ticket: Option<&TicketId>, pod: Option<&PodName>) {
        let told = match journal_tail(source) {
            Ok(told) => told,
            Err(error) => {
                self.heading("journal");
                return self.trouble(&chain(&error));
            }
        };
        let tells = |line: &&JournalLine| {
            let of_ticket = ticket.is_some() && line.entry.ticket.as_ref() == ticket;
            of_ticket || (pod.is_some() && line.entry.pod.as_ref() == pod)
        };
        let lines: Vec<&JournalLine> = told.iter().filter(tells).collect();
        if !lines.is_empty() {
            self.heading("journal");
        }
        for line in &lines[lines.len().saturating_sub(MAX_EVENTS)..] {
            self.told(line);
        }
    }

    fn told(&mut self, line: &JournalLine) {
        let entry = &line.entry;
        let at = line.at.parse::<Timestamp>().map_or_else(|_| line.at.clone(), local);
        let mut text = format!(" {}", entry.action);
        if let Some(pod) = &entry.pod {
            text += &format!(" {pod}");
        }
        if let Some(step) = &entry.step {
            text += &format!(", at {step}");
        }
        if let Some(why) = &entry.why {
            text += &format!(": {}", why.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        self.lines.push(vec![(Some(Meaning::Quiet), at), (None, visible(&text).into_owned())]);
        let log: Vec<&str> = entry.log.as_deref().unwrap_or_default().lines().collect();
        for said in &log[log.len().saturating_sub(MAX_EVENTS)..] {
            self.push(Some(Meaning::Quiet), &format!("  | {said}"));
        }
    }
}

/// The lines at the end of the journal.
fn journal_tail(source: &Source) -> Result<Vec<JournalLine>, PathError> {
    let Some((bytes, _)) = fs::read_tail(&source.registry().journal_path(), JOURNAL_TAIL)? else {
        return Ok(Vec::new());
    };
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}
