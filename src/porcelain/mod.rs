//! `yoi`: one file a command. Each parses, calls one operation, and renders.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser};

use crate::cli::args::{GlobalArgs, PeopleArgs};
use crate::cli::{self, Cli, CommandLine, Exit, Failure, Program};

/// Run coding agents side by side on the tickets of one repository
#[derive(Debug, Parser)]
#[command(name = "yoi", version, disable_help_subcommand = true)]
#[command(after_long_help = "\
Examples:
  Show what there is, and what to do next:
    $ yoi
")]
struct Arguments {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    people: PeopleArgs,
}

impl CommandLine for Arguments {
    fn global(&self) -> &GlobalArgs {
        &self.global
    }

    fn people(&self) -> PeopleArgs {
        self.people
    }
}

/// The command line as manual pages and completions are made of it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the program.
pub fn main() -> ExitCode {
    cli::run(Program::Porcelain, dispatch)
}

fn dispatch(_arguments: Arguments, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.say("nothing to do")?;
    Ok(Exit::Done)
}
