//! `yoi-claim`: one file a verb. Each parses, calls one operation, and prints records.

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::args::{GlobalArgs, OutputArgs};
use crate::cli::{self, Cli, CommandLine, Exit, Failure, Program};

mod workspace_key;

/// Claim tickets for coding agents: small, silent, stable verbs for scripts
#[derive(Debug, Parser)]
#[command(name = "yoi-claim", version, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    WorkspaceKey(workspace_key::Arguments),
}

impl CommandLine for Arguments {
    fn global(&self) -> &GlobalArgs {
        &self.global
    }
}

/// The command line as manual pages and completions are made of it.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs the program.
pub fn main() -> ExitCode {
    cli::run(Program::Plumbing, dispatch)
}

fn dispatch(arguments: Arguments, cli: &mut Cli) -> Result<Exit, Failure> {
    let output = &arguments.output;
    match arguments.verb {
        Verb::WorkspaceKey(arguments) => workspace_key::run(&arguments, output, cli),
    }
}
