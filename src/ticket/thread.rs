//! `thread.md`: what happened to a ticket, in order; written by appending only.
//!
//! # Format
//! An event is a comment line (`<!-- event: KIND author: … at: … -->`), a `##` heading, its body, and a line
//! `---`. A comment line begins an event only where the last line with text before it is `---`, or where it is the
//! first of the file. So a `---` line means nothing by itself, and a body may have as many of them as it likes; older
//! threads with such comments inside of a body are read as they were meant, as long as no `---` stands before them.
//!
//! What a body could break is the comment line alone. So a line of a body that looks like one is written with a
//! backslash before it (`\<!-- event: …`), which Markdown shows as the comment's text; a line that has backslashes
//! before it already gets one more. Reading takes one off again.
//!
//! A body is read without blank lines at its ends, and with `\n` for every line end.

use serde::Serialize;

use crate::domain::Timestamp;

use super::attributes::{looks_like_opening, opening, parse_opening};
use super::author::Author;
use super::item::line_end_of;
use super::state::State;

/// What happened to a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What kind of event it is; kinds that yoi does not know are kept.
    pub kind: String,
    /// Who wrote it: a role or a person.
    pub author: Option<String>,
    /// When it was written, as the file says it.
    pub at: Option<String>,
    /// The other attributes, in their order.
    pub attributes: Vec<(String, String)>,
    /// The heading, without `##`.
    pub heading: Option<String>,
    /// The text below the heading, Markdown.
    pub body: String,
    /// The line that the event begins in, from 1.
    pub line: usize,
}

impl Event {
    /// The value of an attribute other than kind, author and moment.
    pub fn attribute(&self, wanted: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str())
    }
}

/// An event that is to be written.
#[derive(Debug, Clone)]
pub(super) struct NewEvent<'a> {
    pub(super) kind: &'static str,
    pub(super) author: &'a Author,
    pub(super) at: Timestamp,
    /// Further attributes.
    pub(super) attributes: Vec<(&'static str, &'a str)>,
    /// One line; line breaks in it become spaces.
    pub(super) heading: &'a str,
    pub(super) body: &'a str,
}

/// A thread as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thread {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// What is odd in the file, with its line.
    pub oddities: Vec<(usize, String)>,
    /// Whether the last event has a line `---` at its end.
    is_ended: bool,
}

impl Thread {
    /// Reads a thread. Every text is one: what is odd in it is listed.
    pub fn parse(text: &str) -> Self {
        // Some editors put a byte order mark at the beginning.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        let starts = event_starts(&lines);
        let mut thread = Self::default();
        let preamble = starts.first().map_or(lines.len(), |(at, _)| *at);
        if let Some(at) = lines[..preamble].iter().position(|line| !line.trim().is_empty()) {
            thread.oddities.push((at + 1, "this text belongs to no event".to_owned()));
        }
        let ends = starts.iter().skip(1).map(|(at, _)| *at).chain([lines.len()]);
        for ((at, attributes), end) in starts.iter().zip(ends) {
            thread.read_event(*at, attributes, &lines[at + 1..end]);
        }
        thread
    }

    /// Whether its last event, if there is one, has a line `---` at its end.
    pub(super) fn is_ended(&self) -> bool {
        self.events.is_empty() || self.is_ended
    }

    /// The state that it last tells of, with the line.
    pub(super) fn last_state(&self) -> Option<(usize, State)> {
        let told = |event: &Event| match event.kind.as_str() {
            "state_changed" => event.attribute("to")?.parse().ok(),
            "close" => Some(State::Closed),
            _ => None,
        };
        self.events.iter().rev().find_map(|event| Some((event.line, told(event)?.today())))
    }

    /// What it says of how the ticket ended.
    pub(super) fn resolution(&self) -> Option<&str> {
        let last = self.events.iter().rev().find(|event| event.kind == "close")?;
        Some(last.body.as_str()).filter(|body| !body.is_empty())
    }

    /// Whether it says more than that the ticket was made, here or elsewhere.
    pub(super) fn tells_more_than_its_making(&self) -> bool {
        self.events.iter().any(|event| event.kind != "create")
            && !self.events.iter().any(|event| event.kind == "migration")
    }

    fn read_event(&mut self, at: usize, attributes: &[(String, String)], lines: &[&str]) {
        let content = trim_blank(lines);
        self.is_ended = content.last().is_some_and(|last| is_rule(last));
        let content = match content.split_last() {
            Some((_, rest)) if self.is_ended => trim_blank(rest),
            _ => {
                self.oddities.push((at + 1, "the event has no '---' line at its end".to_owned()));
                content
            }
        };
        let (heading, body) = match content.split_first() {
            Some((first, rest)) if first.starts_with("## ") => (Some(first[3..].trim().to_owned()), trim_blank(rest)),
            _ => (None, content),
        };
        for (offset, line) in lines.iter().enumerate().filter(|(_, line)| looks_like_opening(line)) {
            let known = parse_opening(line).is_some();
            let why = if known { "has no '---' line before it" } else { "lacks a kind, an author and a moment" };
            self.oddities.push((at + 2 + offset, format!("this looks like an event and is read as text: it {why}")));
        }
        let take = |wanted: &str| attributes.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.clone());
        let further = |(key, _): &&(String, String)| !["event", "author", "at"].contains(&key.as_str());
        self.events.push(Event {
            kind: take("event").unwrap_or_default(),
            author: take("author"),
            at: take("at"),
            attributes: attributes.iter().filter(further).cloned().collect(),
            heading,
            body: body.iter().map(|line| unescaped(line)).collect::<Vec<_>>().join("\n"),
            line: at + 1,
        });
    }
}

/// The lines that begin events, counted from 0, with their attributes.
fn event_starts(lines: &[&str]) -> Vec<(usize, Vec<(String, String)>)> {
    let mut starts = Vec::new();
    let mut behind_rule = true;
    for (at, line) in lines.iter().enumerate() {
        match parse_opening(line).filter(|_| behind_rule || starts.is_empty()) {
            Some(attributes) => {
                starts.push((at, attributes));
                behind_rule = false;
            }
            None if line.trim().is_empty() => {}
            None => behind_rule = is_rule(line),
        }
    }
    starts
}

/// Gives the text of a thread with further events at its end; what stands in it stays as it is.
pub(super) fn append(text: &str, events: &[NewEvent]) -> String {
    let end = line_end_of(text);
    let mut lines: Vec<String> = Vec::new();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    if last.is_some_and(|last| !is_rule(last)) && !Thread::parse(text).events.is_empty() {
        // Somebody's last event has no end; without one the new event would be part of it.
        lines.extend([String::new(), "---".to_owned()]);
    }
    for event in events {
        if !lines.is_empty() || !text.is_empty() {
            lines.push(String::new());
        }
        lines.extend(event.lines());
    }
    let mut appended = text.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        appended.push_str(end);
    }
    for line in lines {
        appended.push_str(&line);
        appended.push_str(end);
    }
    appended
}

impl NewEvent<'_> {
    fn lines(&self) -> Vec<String> {
        let at = moment(self.at);
        let named = [("event", self.kind), ("author", self.author.as_str()), ("at", at.as_str())];
        let heading: Vec<&str> = self.heading.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let heading = heading.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let mut lines = vec![
            opening(named.into_iter().chain(self.attributes.iter().copied())),
            String::new(),
            format!("## {heading}"),
            String::new(),
        ];
        let body = body_lines(self.body);
        if !body.is_empty() {
            lines.extend(body.into_iter().map(escaped));
            lines.push(String::new());
        }
        lines.push("---".to_owned());
        lines
    }
}

/// A moment as tickets write it: UTC, to the second.
pub(super) fn moment(at: Timestamp) -> String {
    at.get().to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The lines of a body without blank ones at its ends, and without carriage returns at theirs.
fn body_lines(body: &str) -> Vec<&str> {
    let lines: Vec<&str> = body.lines().map(|line| line.trim_end_matches('\r')).collect();
    trim_blank(&lines).to_vec()
}

/// A body as it is read again once it was written.
pub(super) fn as_read(body: &str) -> String {
    body_lines(body).join("\n")
}

fn trim_blank<'a, 'b>(lines: &'a [&'b str]) -> &'a [&'b str] {
    let blank = |line: &&str| line.trim().is_empty();
    let start = lines.iter().position(|line| !blank(line)).unwrap_or(lines.len());
    let end = lines.iter().rposition(|line| !blank(line)).map_or(start, |last| last + 1);
    &lines[start..end]
}

fn is_rule(line: &str) -> bool {
    line.trim_end() == "---"
}

fn needs_escape(line: &str) -> bool {
    looks_like_opening(line.trim_start_matches('\\'))
}

fn escaped(line: &str) -> String {
    if needs_escape(line) { format!("\\{line}") } else { line.to_owned() }
}

fn unescaped(line: &str) -> &str {
    match line.strip_prefix('\\') {
        Some(rest) if needs_escape(rest) => rest,
        _ => line,
    }
}

#[cfg(test)]
#[path = "thread_tests.rs"]
mod tests;
