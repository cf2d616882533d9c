//! `session-list`: all session records.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, SessionRow};
use crate::domain::chain;

/// List all session records
///
/// Prints POD ROLE ORIGIN TICKET,TICKET…, sorted by Pod. A record that cannot be read is told on standard error, and the
/// exit status is then 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  List all Pods that were ever launched, with their tickets:
    $ yoi-claim session-list
")]
pub(super) struct Args {}

pub(super) fn run(_args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let (mut rows, mut unreadable) = (Vec::new(), Vec::new());
    for read in cli.registry()?.sessions()? {
        match read {
            Ok(record) => rows.push(SessionRow(record)),
            Err(error) => unreadable.push(chain(&error)),
        }
    }
    cli.printer(output)?.list(&rows)?;
    Ok(cli.warn_of_unreadable(unreadable))
}
