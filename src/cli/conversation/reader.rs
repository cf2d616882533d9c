//! What happens in a Pod, written for a person, line by line.

use std::collections::BTreeMap;
use std::io;

use serde_json::Value;

use super::doubles::{Doubles, Held, Showing};
use super::page::Page;
use super::permission;
use crate::cli::quote::visible;
use crate::cli::{Meaning, lasted, local};
use crate::domain::{KnownSegment, OptionKind, Segment, Timestamp};
use crate::pod::ToolOutcome;
use crate::pod::protocol::{AnsweredBy, Caller, Entry, Event, Message, PermissionOption, TurnOutcome};

/// How much is shown of what an agent thinks, and of what its tools are given and answer, in characters.
const SHORT: usize = 120;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// Of thoughts, arguments and results a line each.
    Short,
    /// All that there is.
    Whole,
}

/// Writes what happens in a Pod for a person. Time is told by what happens, so that it is the same from the history.
pub struct Reader {
    detail: Detail,
    /// Whether anything was written.
    has_begun: bool,
    /// Whether the last piece ended in the middle of a line.
    within_line: bool,
    /// Whether pieces of the present answer were shown, so that the whole need not be.
    streamed: bool,
    /// How many characters of the present thought were shown, while it comes piece by piece.
    thought: Option<usize>,
    /// When the turn began.
    turn: Option<Timestamp>,
    /// When each call began that has not ended.
    calls: BTreeMap<u64, Timestamp>,
    doubles: Doubles,
}

impl Reader {
    /// Begins to read a conversation.
    pub fn new(detail: Detail) -> Self {
        Self {
            detail,
            has_begun: false,
            within_line: false,
            streamed: false,
            thought: None,
            turn: None,
            calls: BTreeMap::new(),
            doubles: Doubles::default(),
        }
    }

    /// Shows a line of the history.
    pub fn entry(&mut self, out: &mut dyn Page, entry: &Entry) -> io::Result<()> {
        let message = Message { event: entry.event.clone(), data: entry.data.clone(), id: None };
        match message.event() {
            // The history keeps whole thoughts, and only pieces are told as they come.
            Some(Event::ThinkingDelta { text }) => self.whole_thought(out, &text),
            Some(event) => self.event(out, &event, entry.at),
            None => self.line(out, Meaning::Quiet, &short(&format!("{} {}", entry.event, entry.data))),
        }
    }

    /// Shows what happens.
    pub fn event(&mut self, out: &mut dyn Page, event: &Event, at: Timestamp) -> io::Result<()> {
        match event {
            Event::UserMessage { input } => {
                if self.has_begun {
                    self.end_line(out)?;
                    out.end_line()?;
                }
                self.line(out, Meaning::Heading, &format!("user — {}", local(at)))?;
                input.iter().try_for_each(|segment| self.segment(out, segment))
            }
            Event::TurnStart {} => {
                self.begin_turn(at);
                self.line(out, Meaning::Heading, &format!("agent — {}", local(at)))
            }
            Event::TextDelta { text } => {
                self.streamed = true;
                self.flowing(out, text)
            }
            Event::TextDone { text, more } => {
                if !std::mem::take(&mut self.streamed) {
                    self.flowing(out, text)?;
                }
                if *more { Ok(()) } else { self.end_line(out) }
            }
            Event::ThinkingDelta { text } => self.piece_of_thought(out, text),
            Event::ToolCallStart { call, tool, arguments, by } => {
                self.calls.insert(*call, at);
                let beginning = Held { tool: tool.clone(), arguments: arguments.clone(), at };
                match self.doubles.start(*call, *by, beginning) {
                    Showing::Never => Ok(()),
                    Showing::Now | Showing::After(_) => self.call(out, tool, arguments, *by),
                }
            }
            Event::ToolResult { call, tool, outcome, by } => {
                let began = self.calls.remove(call);
                match self.doubles.end(*call) {
                    Showing::Never => return Ok(()),
                    Showing::Now => {}
                    Showing::After(held) => self.call(out, &held.tool, &held.arguments, *by)?,
                }
                self.result(out, tool, outcome, took(began, at))
            }
            Event::PermissionRequest(asked) => {
                let given = self.given(&asked.about.arguments);
                let line = format!("? {} {given}", permission::outline(asked));
                self.line(out, Meaning::Attention, line.trim_end())?;
                self.arguments(out, &asked.about.arguments)
            }
            Event::PermissionAnswer { request, option, by } => self.answer(out, *request, option.as_ref(), *by),
            Event::TurnEnd { outcome, error } => self.end_turn(out, *outcome, error.as_deref(), at),
            Event::RunEnd { outcome: TurnOutcome::Dropped } => {
                self.line(out, Meaning::Attention, "the Pod ended before it came to this")
            }
            Event::ShutdownScheduled { scheduled: true } => {
                self.line(out, Meaning::Quiet, "the Pod shuts down once it is idle")
            }
            Event::ShutdownScheduled { scheduled: false } => self.line(out, Meaning::Quiet, "the Pod stays"),
            Event::Shutdown { reason } => {
                self.line(out, Meaning::Quiet, &format!("the Pod has ended ({reason}) — {}", local(at)))
            }
            Event::ProgramStart { program } => {
                self.line(out, Meaning::Heading, &format!("{program} was started in a terminal — {}", local(at)))
            }
            Event::ProgramEnd { status, signal } => {
                let how = match (status, signal) {
                    (Some(status), _) => format!("it ended with status {status}"),
                    (None, Some(signal)) => format!("it was ended by {signal}"),
                    (None, None) => "it was ended: its warden was killed".to_owned(),
                };
                self.line(out, Meaning::Quiet, &format!("{how} — {}", local(at)))
            }
            Event::Alert { message } => self.line(out, Meaning::Bad, &format!("alert: {message}")),
            Event::Error { code, message } => self.line(out, Meaning::Bad, &format!("{code}: {message}")),
            Event::Notify { text } => self.line(out, Meaning::Quiet, &format!("notice: {text}")),
            Event::PeerRegistered { pod, role } => self.line(out, Meaning::Quiet, &format!("{role} Pod {pod} is here")),
            Event::Snapshot(_)
            | Event::InvokeStart { .. }
            | Event::RunEnd { .. }
            | Event::Status(_)
            | Event::Ok {}
            | Event::Confirmed {}
            | Event::Tools { .. } => Ok(()),
        }
    }

    /// Shows a remark on what is shown, in a line of its own.
    pub fn remark(&mut self, out: &mut dyn Page, text: &str) -> io::Result<()> {
        self.line(out, Meaning::Quiet, text)
    }

    /// Shows lines with what they mean.
    pub fn lines(&mut self, out: &mut dyn Page, lines: &[(Meaning, String)]) -> io::Result<()> {
        lines.iter().try_for_each(|(meaning, text)| self.line(out, *meaning, text))
    }

    fn begin_turn(&mut self, at: Timestamp) {
        self.streamed = false;
        self.turn = Some(at);
        self.calls.clear();
        self.doubles.forget();
    }

    fn end_turn(
        &mut self,
        out: &mut dyn Page,
        outcome: TurnOutcome,
        error: Option<&str>,
        at: Timestamp,
    ) -> io::Result<()> {
        let took = took(self.turn.take(), at);
        let after = took.as_deref().map(|took| format!(" after {took}")).unwrap_or_default();
        let (meaning, what) = match outcome {
            TurnOutcome::Completed => (Meaning::Quiet, "the turn is over"),
            TurnOutcome::Errored => (Meaning::Bad, "the turn failed"),
            TurnOutcome::Cancelled => (Meaning::Attention, "the turn was cancelled"),
            TurnOutcome::Interrupted => (Meaning::Attention, "the turn was interrupted: its host ended"),
            TurnOutcome::Dropped => (Meaning::Attention, "the turn did not begin"),
        };
        match (outcome, error) {
            // What goes well and takes no time needs no words.
            (TurnOutcome::Completed, None) if took.is_none() => self.end_line(out),
            // When a host ended that was killed nobody knows: the end is written by the next.
            (TurnOutcome::Interrupted, None) => self.line(out, meaning, what),
            (_, None) => self.line(out, meaning, &format!("{what}{after}")),
            (_, Some(error)) => {
                let mut lines = error.lines();
                let first = lines.next().unwrap_or_default();
                self.line(out, meaning, &format!("{what}{after}: {first}"))?;
                lines.try_for_each(|line| self.line(out, meaning, &format!("  | {line}")))
            }
        }
    }

    fn segment(&mut self, out: &mut dyn Page, segment: &Segment) -> io::Result<()> {
        match segment {
            Segment::Known(KnownSegment::Text { content }) => {
                self.flowing(out, content)?;
                self.end_line(out)
            }
            Segment::Known(KnownSegment::FileRef { path }) => self.line(out, Meaning::Quiet, &format!("file {path}")),
            Segment::Known(KnownSegment::WorkflowInvoke { slug }) => {
                self.line(out, Meaning::Quiet, &format!("workflow {slug}"))
            }
            Segment::Unknown(other) => self.line(out, Meaning::Quiet, &Value::Object(other.clone()).to_string()),
        }
    }

    fn call(&mut self, out: &mut dyn Page, tool: &str, arguments: &Value, by: Caller) -> io::Result<()> {
        let (meaning, mark) = match by {
            Caller::Pod => (Meaning::Busy, "→"),
            Caller::Agent => (Meaning::Quiet, "»"),
        };
        let line = format!("{mark} {} {}", short(tool), self.given(arguments));
        self.line(out, meaning, line.trim_end())?;
        self.arguments(out, arguments)
    }

    /// Arguments in a line, where not all is shown.
    fn given(&self, arguments: &Value) -> String {
        match (self.detail, arguments) {
            (Detail::Whole, _) | (_, Value::Null) => String::new(),
            (Detail::Short, given) => short(&given.to_string()),
        }
    }

    /// All arguments, where all is shown.
    fn arguments(&mut self, out: &mut dyn Page, arguments: &Value) -> io::Result<()> {
        match self.detail {
            Detail::Short => Ok(()),
            Detail::Whole => {
                let lines = permission::readable(arguments);
                lines.iter().try_for_each(|line| self.line(out, Meaning::Quiet, &format!("    {line}")))
            }
        }
    }

    fn result(
        &mut self,
        out: &mut dyn Page,
        tool: &str,
        outcome: &ToolOutcome,
        took: Option<String>,
    ) -> io::Result<()> {
        let (meaning, mark) = if outcome.is_error { (Meaning::Bad, "✗") } else { (Meaning::Good, "✓") };
        let took = took.map(|took| format!(" ({took})")).unwrap_or_default();
        let name = short(tool);
        match self.detail {
            Detail::Whole => {
                self.line(out, meaning, &format!("{mark} {name}{took}"))?;
                outcome.text.lines().try_for_each(|line| self.line(out, Meaning::Quiet, &format!("  | {line}")))
            }
            Detail::Short => match short(&outcome.text).as_str() {
                "" => self.line(out, meaning, &format!("{mark} {name}{took}")),
                text => self.line(out, meaning, &format!("{mark} {name}{took}: {text}")),
            },
        }
    }

    fn answer(
        &mut self,
        out: &mut dyn Page,
        request: u64,
        option: Option<&PermissionOption>,
        by: AnsweredBy,
    ) -> io::Result<()> {
        let policy = if by == AnsweredBy::Policy { ", by the profile's policy" } else { "" };
        match option {
            Some(PermissionOption { name, kind, .. }) => {
                let (meaning, mark) = match kind {
                    OptionKind::AllowOnce | OptionKind::AllowAlways => (Meaning::Good, "✓"),
                    OptionKind::RejectOnce | OptionKind::RejectAlways => (Meaning::Attention, "✗"),
                };
                self.line(out, meaning, &format!("{mark} request {request}: {} ({kind}){policy}", short(name)))
            }
            None if by == AnsweredBy::Policy => {
                let text = format!("✗ request {request} was refused{policy}: it offers no answer that fits");
                self.line(out, Meaning::Attention, &text)
            }
            None => {
                let text = format!("✗ request {request} was not answered before the turn ended");
                self.line(out, Meaning::Attention, &text)
            }
        }
    }

    fn whole_thought(&mut self, out: &mut dyn Page, text: &str) -> io::Result<()> {
        match self.detail {
            Detail::Short => self.line(out, Meaning::Quiet, &format!("∙ {}", short(text))),
            Detail::Whole => text.lines().try_for_each(|line| self.line(out, Meaning::Quiet, &format!("∙ {line}"))),
        }
    }

    /// A piece of a thought as it comes, in one line, and no more than the beginning of it unless all is shown.
    fn piece_of_thought(&mut self, out: &mut dyn Page, text: &str) -> io::Result<()> {
        let mut shown = match self.thought {
            Some(shown) => shown,
            None => {
                self.end_line(out)?;
                self.write(out, Meaning::Quiet, "∙ ")?;
                0
            }
        };
        let left = match self.detail {
            Detail::Short => SHORT.saturating_sub(shown),
            Detail::Whole => usize::MAX,
        };
        let spaced = text.replace(char::is_whitespace, " ");
        let piece: String = spaced.chars().take(left).collect();
        let length = spaced.chars().count();
        self.write(out, Meaning::Quiet, &piece)?;
        if left > 0 && length > left {
            self.write(out, Meaning::Quiet, "…")?;
        }
        shown = shown.saturating_add(length);
        self.within_line = true;
        self.thought = Some(shown);
        Ok(())
    }

    /// Text that goes on where it ended; control characters are shown, newlines are kept.
    fn flowing(&mut self, out: &mut dyn Page, text: &str) -> io::Result<()> {
        if self.thought.is_some() {
            self.end_line(out)?;
        }
        for part in text.split_inclusive('\n') {
            let ends = part.ends_with('\n');
            out.put(None, &visible(part.trim_end_matches(['\n', '\r'])))?;
            if ends {
                out.end_line()?;
            }
            self.has_begun = true;
            self.within_line = !ends;
        }
        Ok(())
    }

    fn write(&mut self, out: &mut dyn Page, meaning: Meaning, text: &str) -> io::Result<()> {
        self.has_begun = true;
        if text.is_empty() { Ok(()) } else { out.put(Some(meaning), &visible(text)) }
    }

    fn line(&mut self, out: &mut dyn Page, meaning: Meaning, text: &str) -> io::Result<()> {
        self.end_line(out)?;
        self.write(out, meaning, text.trim_end())?;
        out.end_line()
    }

    fn end_line(&mut self, out: &mut dyn Page) -> io::Result<()> {
        self.thought = None;
        if std::mem::take(&mut self.within_line) { out.end_line() } else { Ok(()) }
    }
}

/// How long something took that was seen to begin.
fn took(began: Option<Timestamp>, at: Timestamp) -> Option<String> {
    lasted(began?, at)
}

/// A text in one line.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text in one short line.
pub fn short(text: &str) -> String {
    // A long text is not gone through to its end for the little that is shown of it.
    let enough = text.char_indices().nth(SHORT * 4).map_or(text, |(end, _)| &text[..end]);
    let line = flat(enough);
    let is_cut = enough.len() < text.len() || line.chars().nth(SHORT).is_some();
    if is_cut { line.chars().take(SHORT).chain(['…']).collect() } else { line }
}
