//! `verify`: what is wrong with the registry.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, FindingRow};
use crate::launch::Upkeep;
use crate::registry::{Finding, Findings, Registry, Repaired};

/// Check the whole registry: each record, lock, leftover, socket and line of the journal, and how they agree
///
/// Prints CODE STATE WHAT REMEDY PATH, one finding a line; nothing, and exit status 0, where nothing is wrong. STATE is
/// repairable where --repair mends it, manual where a person must, and repaired where it was. REMEDY is the command to
/// type; --json and --format also tell what it {means}, the {ticket} and the {pod}. Without --repair it takes no locks and
/// writes nothing; what is only in motion is not reported. The exit status is 1 with findings that remain, and 128 where
/// something could not be looked at or mended.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Check everything; silence is good news:
    $ yoi-claim verify
  Say in words what each finding means:
    $ yoi-claim verify --format '{path}: {what}: {means}'
  Mend what is provably safe to mend, and see what remains:
    $ yoi-claim verify --repair
")]
pub(super) struct Args {
    /// Mend what is provably safe to mend, each under its lock; what cannot be read is set aside, never deleted
    #[arg(long)]
    repair: bool,
}

pub(super) fn run(args: Args, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let repaired = if args.repair {
        repair(cli, &registry)?
    } else {
        Repaired { left: registry.verify(&cli.restorable(&registry)), ..Repaired::default() }
    };
    let exit = exit(&repaired.left, !repaired.failed.is_empty());
    let row = |finding: Finding, done| FindingRow { finding, done, place: cli.place().clone() };
    let done = repaired.done.into_iter().map(|(finding, done)| row(finding, Some(done)));
    let rows: Vec<FindingRow> = done.chain(repaired.left.all.into_iter().map(|finding| row(finding, None))).collect();
    cli.printer(output)?.list(&rows)?;
    for error in &repaired.failed {
        cli.warn(&Failure::of(Exit::Environment, error));
    }
    Ok(exit)
}

fn repair(cli: &Cli, registry: &Registry) -> Result<Repaired, Failure> {
    cli.refuse_inside_pod("repair the registry")?;
    let (restorable, writer) = (cli.restorable(registry), cli.writer());
    let network = cli.environment().network_policy();
    let upkeep = Upkeep { registry, restorable: &restorable, writer: &writer, network };
    upkeep.repair().map_err(|error| cli.not_writable(registry, &error))
}

fn exit(left: &Findings, is_incomplete: bool) -> Exit {
    match (is_incomplete || left.is_incomplete(), left.all.is_empty()) {
        (true, _) => Exit::Environment,
        (false, true) => Exit::Done,
        (false, false) => Exit::Refused,
    }
}
