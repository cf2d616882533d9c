//! A Pod's conversation as a person reads it: from its history, or as it happens.

use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Meaning, local};
use crate::domain::{KnownSegment, PodName, Segment, Timestamp};
use crate::fs;
use crate::launch::steps;
use crate::pod::client::Client;
use crate::pod::protocol::{Entry, TurnOutcome};
use crate::pod::protocol::{Event, Message};
use crate::registry::Registry;

/// The largest history that is shown, in bytes.
pub(super) const MAX_HISTORY: u64 = 256 << 20;

/// Writes what happens in a Pod for a person, line by line.
pub(super) struct Reader {
    /// Whether the last piece of an answer ended in the middle of a line.
    within_line: bool,
    /// Whether pieces of the present answer were shown, so that the whole need not be.
    streamed: bool,
}

/// How a turn ended, as far as it was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// The turn is over.
    Turn(TurnOutcome),
    /// The Pod has ended.
    Ended,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { within_line: false, streamed: false }
    }

    /// Shows a line of the history.
    pub(super) fn entry(&mut self, cli: &mut Cli, entry: &Entry) -> Result<(), Failure> {
        let message = Message { event: entry.event.clone(), data: entry.data.clone(), id: None };
        match message.event() {
            Some(event) => self.event(cli, &event, Some(entry.at)),
            None => self.line(cli, Meaning::Quiet, &format!("{} {}", entry.event, entry.data)),
        }
    }

    /// Shows what happened; `at` is when, where that is worth telling.
    pub(super) fn event(&mut self, cli: &mut Cli, event: &Event, at: Option<Timestamp>) -> Result<(), Failure> {
        let when = at.map(|at| format!(" — {}", local(at))).unwrap_or_default();
        match event {
            Event::UserMessage { input } => {
                self.line(cli, Meaning::Heading, &format!("user{when}"))?;
                input.iter().try_for_each(|segment| self.segment(cli, segment))
            }
            Event::TurnStart {} => {
                self.streamed = false;
                self.line(cli, Meaning::Heading, &format!("agent{when}"))
            }
            Event::TextDelta { text } => self.piece(cli, text),
            Event::TextDone { text, .. } if !self.streamed => self.text(cli, text),
            Event::TextDone { .. } => self.end_line(cli),
            Event::ToolCallStart { tool, arguments, .. } => {
                self.line(cli, Meaning::Busy, &format!("→ {tool} {}", one_line(&arguments.to_string())))
            }
            Event::ToolResult { tool, outcome, .. } => {
                let (meaning, mark) = if outcome.is_error { (Meaning::Bad, "✗") } else { (Meaning::Good, "✓") };
                self.line(cli, meaning, &format!("{mark} {tool}: {}", one_line(&outcome.text)))
            }
            Event::TurnEnd { outcome, error } => match error {
                Some(error) => {
                    self.line(cli, Meaning::Bad, &format!("the turn ended ({outcome:?}): {error}").to_lowercase())
                }
                None if *outcome != TurnOutcome::Completed => {
                    self.line(cli, Meaning::Attention, &format!("the turn ended ({outcome:?})").to_lowercase())
                }
                None => self.end_line(cli),
            },
            Event::ShutdownScheduled { scheduled: true } => {
                self.line(cli, Meaning::Quiet, "the Pod shuts down once it is idle")
            }
            Event::ShutdownScheduled { scheduled: false } => self.line(cli, Meaning::Quiet, "the Pod stays"),
            Event::Shutdown { reason } => {
                self.line(cli, Meaning::Quiet, &format!("the Pod has ended ({reason:?}){when}").to_lowercase())
            }
            Event::ProgramStart { program } => {
                self.line(cli, Meaning::Heading, &format!("{program} was started in a terminal{when}"))
            }
            Event::ProgramEnd { status, signal } => {
                let how = match (status, signal) {
                    (Some(status), _) => format!("it ended with status {status}"),
                    (None, Some(signal)) => format!("it was ended by {signal}"),
                    (None, None) => "it was ended: its warden was killed".to_owned(),
                };
                self.line(cli, Meaning::Quiet, &format!("{how}{when}"))
            }
            Event::Alert { message } => self.line(cli, Meaning::Bad, &format!("alert: {message}")),
            Event::Error { code, message } => self.line(cli, Meaning::Bad, &format!("{code}: {message}")),
            Event::Notify { text } => self.line(cli, Meaning::Quiet, &format!("notice: {text}")),
            Event::PeerRegistered { pod, role } => self.line(cli, Meaning::Quiet, &format!("{role} Pod {pod} is here")),
            _ => Ok(()),
        }
    }

    fn segment(&mut self, cli: &mut Cli, segment: &Segment) -> Result<(), Failure> {
        match segment {
            Segment::Known(KnownSegment::Text { content }) => self.text(cli, content),
            Segment::Known(KnownSegment::FileRef { path }) => self.line(cli, Meaning::Quiet, &format!("file {path}")),
            Segment::Known(KnownSegment::WorkflowInvoke { slug }) => {
                self.line(cli, Meaning::Quiet, &format!("workflow {slug}"))
            }
            Segment::Unknown(other) => {
                self.line(cli, Meaning::Quiet, &serde_json::Value::Object(other.clone()).to_string())
            }
        }
    }

    /// A piece of text as it comes; control characters are shown, newlines are kept.
    fn piece(&mut self, cli: &mut Cli, text: &str) -> Result<(), Failure> {
        self.streamed = true;
        for part in text.split_inclusive('\n') {
            let ends = part.ends_with('\n');
            let shown = visible(part.trim_end_matches('\n')).into_owned();
            let end = if ends { "\n" } else { "" };
            crate::cli::written(write!(cli.out(), "{shown}{end}"))?;
            self.within_line = !ends;
        }
        crate::cli::written(cli.out().flush())
    }

    fn text(&mut self, cli: &mut Cli, text: &str) -> Result<(), Failure> {
        self.end_line(cli)?;
        text.lines().try_for_each(|line| cli.say(visible(line)))
    }

    fn line(&mut self, cli: &mut Cli, meaning: Meaning, text: &str) -> Result<(), Failure> {
        self.end_line(cli)?;
        let paint = cli.paint();
        cli.say(paint.text(meaning, visible(text)))
    }

    fn end_line(&mut self, cli: &mut Cli) -> Result<(), Failure> {
        if std::mem::take(&mut self.within_line) { cli.say("") } else { Ok(()) }
    }
}

fn one_line(text: &str) -> String {
    const MAX: usize = 120;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX { line } else { line.chars().take(MAX).chain(['…']).collect() }
}

/// Shows what happens until the turn that runs, or is about to, is over.
pub(super) fn watch_turn(cli: &mut Cli, client: &mut Client, reader: &mut Reader) -> Result<Watched, Failure> {
    while let Some(message) = steps::next(client)? {
        let Some(event) = message.event() else { continue };
        reader.event(cli, &event, None)?;
        match event {
            Event::RunEnd { outcome } => return Ok(Watched::Turn(outcome)),
            Event::Shutdown { .. } => return Ok(Watched::Ended),
            _ => {}
        }
    }
    Ok(Watched::Ended)
}

/// Shows the first turn of a Pod from its beginning, also where it is over already, or the Pod is.
pub(super) fn follow_first_turn(cli: &mut Cli, registry: &Registry, pod: &PodName) -> Result<Exit, Failure> {
    let (mut live, history) = match cli.connect_if_live(registry, pod)? {
        Some((client, snapshot)) => (Some(client), snapshot.history),
        None => (None, written(registry, pod)?.into_iter().flatten().collect()),
    };
    let mut reader = Reader::new();
    let mut outcome = None;
    for entry in &history {
        reader.entry(cli, entry)?;
        let message = Message { event: entry.event.clone(), data: entry.data.clone(), id: None };
        if let Some(Event::RunEnd { outcome: ended }) = message.event() {
            outcome = Some(Watched::Turn(ended));
        }
    }
    let ended = match (outcome, &mut live) {
        (Some(ended), _) => ended,
        (None, Some(client)) => watch_turn(cli, client, &mut reader)?,
        (None, None) => Watched::Ended,
    };
    Ok(match ended {
        Watched::Turn(TurnOutcome::Completed) | Watched::Ended => Exit::Done,
        Watched::Turn(_) => Exit::Refused,
    })
}

/// The lines of a Pod's history as it is on disk; one that is no entry, such as one that a crash tore, as its text.
pub(super) fn written(registry: &Registry, pod: &PodName) -> Result<Vec<Result<Entry, String>>, Failure> {
    let file = registry.pod_dir(pod).join("history.jsonl");
    let history = fs::read_file_up_to(&file, MAX_HISTORY)?.unwrap_or_default();
    let history = String::from_utf8_lossy(&history);
    Ok(history.lines().map(|line| serde_json::from_str(line).map_err(|_| line.to_owned())).collect())
}
