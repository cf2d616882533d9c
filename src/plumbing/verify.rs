//! `verify`: what is wrong with the registry.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, FindingRow};

/// Check the whole registry: each record, lock, leftover, socket and line of the journal, and how they agree
///
/// Prints CODE STATE WHAT REMEDY PATH, one finding a line; nothing, and exit status 0, where nothing is wrong. STATE is
/// repairable where --repair mends it, manual where a person must. REMEDY is the command to type; --json and --format
/// also tell what it {means}, the {ticket} and the {pod}. Takes no locks and writes nothing; what is only in motion is not
/// reported. The exit status is 1 with findings, and 128 where something could not be looked at.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Check everything; silence is good news:
    $ yoi-claim verify
  Say in words what each finding means:
    $ yoi-claim verify --format '{path}: {what}: {means}'
")]
pub(super) struct Args {}

pub(super) fn run(_args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let findings = registry.verify(&cli.restorable(&registry));
    let exit = match (findings.is_incomplete(), findings.all.is_empty()) {
        (true, _) => Exit::Environment,
        (false, true) => Exit::Done,
        (false, false) => Exit::Refused,
    };
    let rows: Vec<FindingRow> = findings.all.into_iter().map(|finding| FindingRow { finding, done: None }).collect();
    cli.printer(output)?.list(&rows)?;
    Ok(exit)
}
