//! `yoi profiles`: the agents that Pods can run.

mod check;
mod row;

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::chain;
use crate::ticket::ProfileError;
use row::ProfileRow;

/// List the agents that Pods can run, and whether they are there
///
/// Shows every profile: those that are built in, for well-known agents; those of the workspace (.yoi/profiles.toml); and
/// your own (yoi/profiles.toml in the directory of your configuration). A profile is "there" when its program can be run,
/// "missing" when it cannot, and "broken" when it is not written as it must be, which is told on standard error and makes
/// the exit status 128.
///
/// A profile is a table [profiles.NAME] with agent = "acp" or "exec", command = ["PROGRAM", ...] and env; an "acp" agent
/// also heeds permissions, mode, auth and deadlines. The manual page yoi-profiles says what each means.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See which agents are there, and which roles run them:
    $ yoi profiles
  List the names of those that are there, in a script:
    $ yoi profiles --format '{state} {profile}' | sed -n 's/^there //p'
")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Check(check::Args),
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    match args.command {
        Some(Command::Check(args)) => check::run(args, cli),
        None => list(&args.output, cli),
    }
}

fn list(output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let (setup, exit) = cli.setup_or_defaults()?;
    let (listed, bad) = setup.profiles();
    let mut unreadable: Vec<String> = bad.iter().map(|error| chain(error)).collect();
    let rows: Vec<ProfileRow> = listed
        .into_iter()
        .map(|listed| ProfileRow { roles: setup.roles_of(&listed.profile), listed })
        .inspect(|row| {
            if let Err(error @ ProfileError::Invalid(_)) = &row.listed.agent {
                unreadable.push(chain(error));
            }
        })
        .collect();
    cli.printer(output)?.list(&rows)?;
    let told = cli.warn_of_unreadable(unreadable);
    Ok(if exit == Exit::Done { told } else { exit })
}
