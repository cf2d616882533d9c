//! `session-show`: one session record.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, SessionRow};
use crate::domain::PodName;

/// Show the session record of POD
///
/// Prints POD ROLE ORIGIN TICKET,TICKET…, or exits with 1 where there is none.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Ask which tickets a Pod has to do with:
    $ yoi-claim session-show intake-20260118-101544-001 --format '{related_tickets}'
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    match cli.registry()?.session(&args.pod)? {
        Some(record) => cli.printer(output)?.one(&SessionRow(record))?,
        None => return Err(Failure::new(Exit::Refused, format!("Pod {} has no session record", args.pod))),
    }
    Ok(Exit::Done)
}
