//! `yoi attach`: looks at a Pod as it works, and talks to it.

mod asking;
mod session;

use std::path::Path;
use std::time::Duration;

use self::session::Session;
use super::conversation::{Detail, Reader, Watched, watch_turn};
use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{PodName, Segment};
use crate::launch::steps;
use crate::pod::protocol::TurnOutcome;

/// Follow a Pod's conversation, give it turns, and answer what its agent asks
///
/// Each line that is typed becomes a turn. While a request for permission is shown, a line answers that one instead: y
/// (allow), a (always), n (reject), v (never), or the number of an option. On a terminal Ctrl-C cancels the turn that
/// runs; a second one, or one while no turn runs, leaves, as Ctrl-D does, and the Pod goes on. Lines that come from
/// elsewhere than a terminal are taken alike, and their end does not leave: the Pod is followed until it ends. With
/// --message one turn is given and followed to its end. Requests are not answered from inside a Pod.
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
    /// Show thoughts, arguments and results in full
    #[arg(short, long)]
    verbose: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let socket = registry.socket_path(&args.pod);
    let (mut client, snapshot) = cli.connect(&registry, &args.pod)?;
    let mut reader = Reader::new(if args.verbose { Detail::Whole } else { Detail::Short });
    if let Some(message) = args.message {
        let text = match message.as_str() {
            "-" => String::from_utf8_lossy(&cli.read_file_or_stdin(Path::new("-"))?).into_owned(),
            _ => message,
        };
        steps::run(&mut client, &[Segment::text(text)], None, args.accept_timeout)?;
        return Ok(match watch_turn(cli, &mut client, &mut reader, &args.pod)? {
            Watched::Turn(TurnOutcome::Completed) | Watched::Ended => Exit::Done,
            Watched::Turn(_) => Exit::Refused,
        });
    }
    Session::new(cli, reader, args.pod, socket, args.accept_timeout).follow(client, snapshot)
}
