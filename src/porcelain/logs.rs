//! `yoi logs`: what a Pod said and did.

use std::io::Read as _;
use std::path::Path;

use super::conversation::{Detail, Reader, Span, begun, history_of, show, show_begun, show_history};
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, written};
use crate::domain::PodName;
use crate::fs::{self, IoContext as _};
use crate::launch::steps;
use crate::pod::protocol::{Entry, Event, Message};

/// How much of a history is copied at a time, in bytes.
const COPIED: u64 = 64 << 10;

/// Show what a Pod said and did, from its own history
///
/// Turns with their times and how long they took, if that was a second or more; what was said; what was thought, in a line
/// that begins with "∙"; calls of the Pod's tools (→) and of the agent's own (»), with what came of them (✓ or ✗);
/// requests for permission (?) and how they were answered. Arguments, results and thoughts are shortened unless --verbose
/// is given. With --json every line is an object with "at", "event" and "data"; what --follow adds has these too, and
/// holds pieces of an answer (text_delta) that the history later has as one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Read what a Pod said and did:
    $ yoi logs intake-20260118-093012-001
  Read the end of it, in full:
    $ yoi logs -v -n 20 intake-20260118-093012-001
  Go on reading until the Pod ends:
    $ yoi logs -f intake-20260118-093012-001
  See what the agent wrote to its standard error:
    $ yoi logs --host intake-20260118-093012-001
  See who changed what, when and why, of one ticket or Pod, or of all:
    $ yoi logs --journal 20260118-093012-001
    $ yoi logs --journal
")]
pub(super) struct Args {
    /// The Pod; with --journal a ticket or a Pod, or nothing for all
    #[arg(required_unless_present = "journal")]
    name: Option<PodName>,
    /// Go on as it happens, until the Pod ends
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last N entries; with --host, with the last N lines
    #[arg(short = 'n', long, value_name = "N")]
    tail: Option<u64>,
    /// Show thoughts, arguments and results in full
    #[arg(short, long, conflicts_with_all = ["json", "host", "journal"])]
    verbose: bool,
    /// Write the history as it is: one JSON object a line
    #[arg(long)]
    json: bool,
    /// Show the standard error of host and agent instead
    #[arg(long, conflicts_with_all = ["follow", "json"])]
    host: bool,
    /// Show the journal of the registry instead: who changed what, when and why
    #[arg(long, conflicts_with_all = ["follow", "json", "host", "tail"])]
    journal: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let pod = match &args.name {
        Some(pod) if !args.journal => pod,
        name => return super::journal::show(&registry, name.as_ref().map(PodName::as_str), cli),
    };
    let Some(record) = registry.pod(pod)? else {
        return Err(Failure::new(Exit::Refused, format!("there is no Pod {pod}")).hint("yoi status"));
    };
    let start = |path: &Path, to| args.tail.map_or(Ok(0), |count| fs::start_of_last_lines(path, to, count));
    if args.host {
        let log = registry.pod_dir(pod).join("host.log");
        let from = start(&log, None)?;
        return host_log(cli, &log, from);
    }
    // Connected before the file is read, up to where it was then: nothing is missed between the two, or shown twice.
    let live = match args.follow {
        // Of one that a person has in a terminal there is nothing to follow but that.
        true if !record.is_held() => cli.connect_if_live(&registry, pod)?,
        _ => None,
    };
    let path = history_of(&registry, pod);
    let to = live.as_ref().and_then(|(_, snapshot)| snapshot.written);
    let span = Span { from: start(&path, to)?, to };
    let mut reader = Reader::new(if args.verbose { Detail::Whole } else { Detail::Short });
    if args.json {
        copy(cli, &path, span)?;
    } else {
        show_history(cli, &mut reader, &path, span, |_| ())?;
    }
    let Some((mut client, snapshot)) = live else { return Ok(Exit::Done) };
    if args.json {
        begun(&snapshot).map_or(Ok(()), |entry| say_entry(cli, entry))?;
    } else {
        show_begun(cli, &mut reader, &snapshot)?;
    }
    while let Some(message) = steps::next(&mut client)? {
        let event = message.event();
        match &event {
            _ if args.json => {
                let Message { event, data, .. } = message;
                say_entry(cli, &Entry { at: cli.now(), event, data })?;
            }
            Some(event) => show(cli, &mut reader, event)?,
            None => written(reader.remark(&mut cli.page(), &message.event))?,
        }
        if matches!(event, Some(Event::Shutdown { .. })) {
            break;
        }
    }
    Ok(Exit::Done)
}

fn say_entry(cli: &mut Cli, entry: &Entry) -> Result<(), Failure> {
    cli.say(serde_json::to_string(entry).expect("entries have string keys"))
}

/// Writes a part of a file as it is; a last line that a crash tore is ended.
fn copy(cli: &mut Cli, path: &Path, span: Span) -> Result<(), Failure> {
    let Some(file) = fs::open_from(path, span.from)? else { return Ok(()) };
    let mut left = span.to.map_or(u64::MAX, |to| to.saturating_sub(span.from));
    let mut block = Vec::new();
    let mut last = b'\n';
    loop {
        block.clear();
        (&file).take(left.min(COPIED)).read_to_end(&mut block).context("read", path)?;
        let Some(end) = block.last() else { break };
        last = *end;
        left -= block.len() as u64;
        written(cli.out().write_all(&block))?;
    }
    if last != b'\n' {
        written(cli.out().write_all(b"\n"))?;
    }
    written(cli.out().flush())
}

/// Shows the log of host and agent, line by line.
fn host_log(cli: &mut Cli, path: &Path, from: u64) -> Result<Exit, Failure> {
    let place = fs::LinePlace { lines: 0, bytes: from };
    for line in fs::read_lines_from(path, place)?.into_iter().flatten() {
        let line = line?;
        let text = String::from_utf8_lossy(&line.bytes);
        let cut = if line.end == fs::LineEnd::TooLong { "…" } else { "" };
        written(writeln!(cli.out(), "{}{cut}", visible(&text)))?;
    }
    Ok(Exit::Done)
}
