//! A Pod's conversation as a person reads it: from its history, or as it happens.

use std::path::Path;

pub(super) use crate::cli::conversation::{Arguments, Detail, Reader, full, is_answer, keys, meant, outline, short};

use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, Meaning, written};
use crate::domain::PodName;
use crate::fs::{self, LineEnd};
use crate::launch::steps;
use crate::pod::client::Client;
use crate::pod::protocol::{Entry, Event, Message, Snapshot, TurnOutcome};
use crate::registry::Registry;

/// The largest entry of a history that is shown, in bytes: no more of it than that is in memory.
const MAX_ENTRY: usize = 16 << 20;

/// How a turn ended, as far as it was watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watched {
    /// The turn is over.
    Turn(TurnOutcome),
    /// The Pod has ended.
    Ended,
}

/// A part of a history on disk.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span {
    /// Where it begins, in bytes.
    pub(super) from: u64,
    /// Where it ends, in bytes; at the end of the file, where nothing is given.
    pub(super) to: Option<u64>,
}

/// Shows what happens in a Pod, now.
pub(super) fn show(cli: &mut Cli, reader: &mut Reader, event: &Event) -> Result<(), Failure> {
    let now = cli.now();
    written(reader.event(&mut cli.page(), event, now).and_then(|()| cli.out().flush()))
}

/// Shows what happened in a Pod, as its history has it.
pub(super) fn show_entry(cli: &mut Cli, reader: &mut Reader, entry: &Entry) -> Result<(), Failure> {
    written(reader.entry(&mut cli.page(), entry))
}

/// Shows the beginning of an answer that goes on, to who has read the history on disk.
pub(super) fn show_begun(cli: &mut Cli, reader: &mut Reader, snapshot: &Snapshot) -> Result<(), Failure> {
    begun(snapshot).map_or(Ok(()), |entry| show_entry(cli, reader, entry))?;
    written(cli.out().flush())
}

/// What a Pod tells of an answer that is not whole yet.
pub(super) fn begun(snapshot: &Snapshot) -> Option<&Entry> {
    snapshot.history.last().filter(|entry| entry.event == "text_delta")
}

/// Shows what happens until the turn that runs, or is about to, is over.
pub(super) fn watch_turn(
    cli: &mut Cli,
    client: &mut Client,
    reader: &mut Reader,
    pod: &PodName,
) -> Result<Watched, Failure> {
    while let Some(message) = steps::next(client)? {
        let Some(event) = message.event() else { continue };
        show(cli, reader, &event)?;
        match event {
            Event::PermissionRequest(asked) => say_how_to_answer(cli, pod, asked.request)?,
            Event::RunEnd { outcome } => return Ok(Watched::Turn(outcome)),
            Event::Shutdown { .. } => return Ok(Watched::Ended),
            _ => {}
        }
    }
    Ok(Watched::Ended)
}

/// Says, to who only watches, how a request for permission is answered.
pub(super) fn say_how_to_answer(cli: &mut Cli, pod: &PodName, request: u64) -> Result<(), Failure> {
    let line = format!("  answer it: {}", command(["yoi", "answer", pod.as_str(), &request.to_string()]));
    let paint = cli.paint();
    cli.say(paint.text(Meaning::Quiet, line))
}

/// Shows the first turn of a Pod from its beginning, also where it is over already, or the Pod is.
pub(super) fn follow_first_turn(cli: &mut Cli, registry: &Registry, pod: &PodName) -> Result<Exit, Failure> {
    let live = cli.connect_if_live(registry, pod)?;
    let to = live.as_ref().and_then(|(_, snapshot)| snapshot.written);
    let mut reader = Reader::new(Detail::Short);
    let mut outcome = None;
    show_history(cli, &mut reader, &history_of(registry, pod), Span { from: 0, to }, |event| {
        if let Event::RunEnd { outcome: ended } = event {
            outcome = Some(Watched::Turn(*ended));
        }
    })?;
    let ended = match (outcome, live) {
        (Some(ended), _) => ended,
        (None, Some((mut client, snapshot))) => {
            show_begun(cli, &mut reader, &snapshot)?;
            snapshot.permissions.iter().try_for_each(|asked| say_how_to_answer(cli, pod, asked.request))?;
            watch_turn(cli, &mut client, &mut reader, pod)?
        }
        (None, None) => Watched::Ended,
    };
    Ok(match ended {
        Watched::Turn(TurnOutcome::Completed) | Watched::Ended => Exit::Done,
        Watched::Turn(_) => Exit::Refused,
    })
}

/// Where a Pod's history lies.
pub(super) fn history_of(registry: &Registry, pod: &PodName) -> std::path::PathBuf {
    registry.pod_dir(pod).join("history.jsonl")
}

/// Shows a part of a history as it is on disk, one entry after the other, and hands on what it knows of it; a line that
/// is no entry, such as one that a crash tore, is shown as it is.
pub(super) fn show_history(
    cli: &mut Cli,
    reader: &mut Reader,
    path: &Path,
    span: Span,
    mut look: impl FnMut(&Event),
) -> Result<(), Failure> {
    let place = fs::LinePlace { lines: 0, bytes: span.from };
    let Some(lines) = fs::read_lines_from(path, place)? else { return Ok(()) };
    let mut lines = lines.up_to(MAX_ENTRY);
    while span.to.is_none_or(|to| lines.place().bytes < to) {
        let Some(line) = lines.next().transpose()? else { break };
        match (line.end, serde_json::from_slice::<Entry>(&line.bytes)) {
            (LineEnd::TooLong, _) => {
                let text = format!("an entry of more than {} MiB; yoi logs --json shows it", MAX_ENTRY >> 20);
                written(reader.remark(&mut cli.page(), &text))?;
            }
            (_, Ok(entry)) => {
                show_entry(cli, reader, &entry)?;
                let message = Message { event: entry.event, data: entry.data, id: None };
                message.event().iter().for_each(&mut look);
            }
            (_, Err(_)) => written(reader.remark(&mut cli.page(), &String::from_utf8_lossy(&line.bytes)))?,
        }
    }
    written(cli.out().flush())
}
