//! `yoi`: friendly commands for people. One file a command: parse, call one operation, render.

mod attach;
mod completions;
mod conversation;
mod demo;
mod explanation;
mod help;
mod hooks;
mod init;
mod intake;
mod journal;
mod launch;
mod launching;
mod logs;
mod moved;
mod overview;
mod pod_host;
mod reclaim;
mod restore;
mod scratch;
mod selftest;
mod status;
mod stop;
mod ticket;
mod tool;
mod why;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use crate::cli::args::{GlobalArgs, PeopleArgs};
use crate::cli::{self, Cli, CommandLine, Exit, Failure, Program};

/// Run coding agents side by side on the tickets of one repository
///
/// A Pod is one supervised agent. `yoi intake` launches one on a ticket, and the ticket is claimed only once the agent
/// has accepted the work. Without a command, yoi shows how things stand and what to do next.
#[derive(Debug, Parser)]
#[command(name = "yoi", version, disable_help_subcommand = true)]
#[command(after_long_help = "\
Examples:
  Show how things stand, and what to do next:
    $ yoi
  The same for a repository elsewhere:
    $ yoi -C . status
")]
struct Arguments {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    people: PeopleArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Intake(intake::Args),
    Launch(launch::Args),
    Status(status::Args),
    Why(why::Args),
    Attach(attach::Args),
    Logs(logs::Args),
    Stop(stop::Args),
    Restore(restore::Args),
    Reclaim(reclaim::Args),
    Ticket(ticket::Args),
    Tool(tool::Args),
    Hooks(hooks::Args),
    Completions(completions::Args),
    Selftest(selftest::Args),
    Demo(demo::Args),
    Help(help::Args),
    #[command(hide = true)]
    PodHost(pod_host::Args),
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

fn dispatch(arguments: Arguments, cli: &mut Cli) -> Result<Exit, Failure> {
    match arguments.command {
        None => overview::run(cli),
        Some(Command::Init(args)) => init::run(args, cli),
        Some(Command::Intake(args)) => intake::run(args, cli),
        Some(Command::Launch(args)) => launch::run(args, cli),
        Some(Command::Status(args)) => status::run(args, cli),
        Some(Command::Why(args)) => why::run(args, cli),
        Some(Command::Attach(args)) => attach::run(args, cli),
        Some(Command::Logs(args)) => logs::run(args, cli),
        Some(Command::Stop(args)) => stop::run(args, cli),
        Some(Command::Restore(args)) => restore::run(args, cli),
        Some(Command::Reclaim(args)) => reclaim::run(args, cli),
        Some(Command::Ticket(args)) => ticket::run(args, cli),
        Some(Command::Tool(args)) => tool::run(args, cli),
        Some(Command::Hooks(args)) => hooks::run(args, cli),
        Some(Command::Completions(args)) => completions::run(args, cli),
        Some(Command::Selftest(args)) => selftest::run(args, cli),
        Some(Command::Demo(args)) => demo::run(args, cli),
        Some(Command::Help(args)) => help::run(args, cli),
        Some(Command::PodHost(args)) => pod_host::run(args, cli),
    }
}
