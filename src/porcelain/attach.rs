//! `yoi attach`: looks at a Pod as it works, and talks to it.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::conversation::{Reader, Watched, watch_turn};
use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure, Meaning};
use crate::domain::{PodName, Segment};
use crate::launch::steps;
use crate::pod::client::{Client, ClientError};
use crate::pod::protocol::TurnOutcome;
use crate::pod::protocol::{Event, Message};

/// Follow a Pod's conversation, and give it turns
///
/// On a terminal each line that is typed becomes a turn; Ctrl-D leaves, and the Pod goes on. With --message one turn is
/// given and followed to its end.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Give a Pod one turn, and see its answer:
    $ yoi attach intake-20260118-101544-001 -m \"look again\"
  Talk to it, line by line:
    $ yoi attach intake-20260118-101544-001
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
    /// Give this turn, follow it, and leave; - reads standard input
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// How long the Pod may take to accept a turn
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    accept_timeout: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let socket = registry.socket_path(&args.pod);
    let (mut client, snapshot) = cli.connect(&registry, &args.pod)?;
    let mut reader = Reader::new();
    if let Some(message) = args.message {
        let text = match message.as_str() {
            "-" => String::from_utf8_lossy(&cli.read_file_or_stdin(Path::new("-"))?).into_owned(),
            _ => message,
        };
        steps::run(&mut client, &[Segment::text(text)], None, args.accept_timeout)?;
        return Ok(match watch_turn(cli, &mut client, &mut reader)? {
            Watched::Turn(TurnOutcome::Completed) | Watched::Ended => Exit::Done,
            Watched::Turn(_) => Exit::Refused,
        });
    }
    let paint = cli.paint();
    cli.say(paint.text(Meaning::Quiet, crate::cli::quote::visible(&snapshot.greeting)))?;
    snapshot.history.iter().try_for_each(|entry| reader.entry(cli, entry))?;
    follow(cli, client, &mut reader, &socket, args.accept_timeout)
}

/// What the two threads of a session tell the first one.
enum Heard {
    FromPod(Result<Option<Message>, ClientError>),
    Typed(String),
    Left,
}

/// Shows what happens and sends what is typed, until one side has had enough.
fn follow(
    cli: &mut Cli,
    client: Client,
    reader: &mut Reader,
    socket: &Path,
    accept: Duration,
) -> Result<Exit, Failure> {
    let (sender, heard) = mpsc::channel();
    listen(client, sender.clone());
    if cli.is_interactive() {
        read_lines(sender);
    }
    for what in heard {
        match what {
            Heard::FromPod(Ok(Some(message))) => {
                if let Some(event) = message.event() {
                    reader.event(cli, &event, None)?;
                    if matches!(event, Event::Shutdown { .. }) {
                        return Ok(Exit::Done);
                    }
                }
            }
            Heard::FromPod(Ok(None)) => break,
            Heard::FromPod(Err(error)) => return Err(error.into()),
            Heard::Typed(line) if line.trim().is_empty() => {}
            Heard::Typed(line) => {
                if let Err(failure) = send(socket.to_owned(), line, accept) {
                    cli.warn(&failure);
                }
            }
            Heard::Left => return Ok(Exit::Done),
        }
    }
    Err(Failure::new(Exit::Environment, "the Pod closed the connection"))
}

fn listen(mut client: Client, sender: mpsc::Sender<Heard>) {
    thread::spawn(move || {
        loop {
            let next = steps::next(&mut client);
            let over = !matches!(next, Ok(Some(_)));
            if sender.send(Heard::FromPod(next)).is_err() || over {
                return;
            }
        }
    });
}

fn read_lines(sender: mpsc::Sender<Heard>) {
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(Heard::Typed(line)).is_err() {
                return;
            }
        }
        // The first thread may have gone already.
        let _ = sender.send(Heard::Left);
    });
}

/// Sends one turn on a connection of its own, so that its answer does not get mixed up with what is shown.
fn send(socket: PathBuf, line: String, accept: Duration) -> Result<(), Failure> {
    let mut client = steps::connect(&socket)?;
    steps::run(&mut client, &[Segment::text(line)], None, accept)?;
    Ok(())
}
