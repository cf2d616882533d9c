//! `pod-run`: sends a Run and waits for its acceptance.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::args::seconds;
use crate::cli::{Cli, Exit, Failure, OrExit as _};
use crate::domain::{PodName, Segment};
use crate::launch::{TicketRoleLaunchPlan, steps};

/// Send a Run to POD, wait until it is accepted, print the evidence
///
/// The input is that of a plan, or a JSON list of segments, or plain text; from standard input where no file is named.
/// Under ticket-lock its nonce goes with the Run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Give a Pod a turn:
    $ echo \"look again\" | yoi-claim pod-run intake-20260118-101544-001
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
    /// Take the input from a plan that launch-plan printed; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "input")]
    plan: Option<PathBuf>,
    /// Take the input from a file: a JSON list of segments, or text; - is standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// How long the Pod may take to accept
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    accept_timeout: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let input = match (&args.plan, &args.input) {
        (Some(file), _) => {
            let text = cli.read_file_or_stdin(file)?;
            let plan: TicketRoleLaunchPlan = serde_json::from_slice(&text).map_err(|error| {
                Failure::of(Exit::Usage, &error).while_doing(format!("cannot use the plan '{}'", file.display()))
            })?;
            plan.input
        }
        (None, Some(file)) => segments(&cli.read_file_or_stdin(file)?)?,
        (None, None) => segments(&cli.read_file_or_stdin("-".as_ref())?)?,
    };
    let registry = cli.registry()?;
    let nonce = cli.environment().claim_nonce()?;
    let (mut client, _snapshot) = cli.connect(&registry, &args.pod)?;
    // A Run that is not accepted fails the launch that it is a step of, as it would in `yoi intake`.
    let evidence = steps::run(&mut client, &input, nonce, args.accept_timeout).or_exit(Exit::LaunchFailed)?;
    cli.say(evidence)?;
    Ok(Exit::Done)
}

/// A JSON list of segments, or else plain text.
fn segments(text: &[u8]) -> Result<Vec<Segment>, Failure> {
    let text = std::str::from_utf8(text).map_err(|_| Failure::new(Exit::Usage, "the input is not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, "the input is empty"));
    }
    Ok(serde_json::from_str(text).unwrap_or_else(|_| vec![Segment::text(text)]))
}
