//! `yoi`: friendly commands for people. One file a command: parse, call one operation, render.

mod answer;
mod attach;
mod complete;
mod completions;
mod conversation;
mod demo;
mod doctor;
mod explanation;
mod help;
mod hooks;
mod init;
mod intake;
mod journal;
mod launch;
mod launching;
mod logs;
mod manual;
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

use clap::{Args as _, CommandFactory as _, Parser, Subcommand};

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

/// A line a command. Each also has a parser of its own: making those of all the others takes longer than most commands,
/// and a Pod's host would keep the memory.
macro_rules! commands {
    ($($name:literal $command:ident($module:ident);)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $(#[command(name = $name)] $command($module::Args),)*
        }

        impl Command {
            /// The parser of the command of this name alone.
            fn parser(name: &str) -> Option<clap::Command> {
                match name {
                    $($name => Some($module::Args::augment_args(clap::Command::new($name))),)*
                    _ => None,
                }
            }

            fn run(self, cli: &mut Cli) -> Result<Exit, Failure> {
                match self {
                    $(Self::$command(args) => $module::run(args, cli),)*
                }
            }
        }
    };
}

commands! {
    "init" Init(init);
    "intake" Intake(intake);
    "launch" Launch(launch);
    "status" Status(status);
    "why" Why(why);
    "attach" Attach(attach);
    "answer" Answer(answer);
    "logs" Logs(logs);
    "stop" Stop(stop);
    "restore" Restore(restore);
    "reclaim" Reclaim(reclaim);
    "ticket" Ticket(ticket);
    "tool" Tool(tool);
    "hooks" Hooks(hooks);
    "complete" Complete(complete);
    "completions" Completions(completions);
    "selftest" Selftest(selftest);
    "doctor" Doctor(doctor);
    "demo" Demo(demo);
    "help" Help(help);
    "pod-host" PodHost(pod_host);
}

impl CommandLine for Arguments {
    fn global(&self) -> &GlobalArgs {
        &self.global
    }

    fn people(&self) -> PeopleArgs {
        self.people
    }

    fn alone(name: &str) -> Option<clap::Command> {
        let program = clap::Command::new("yoi").disable_help_subcommand(true).subcommand(Command::parser(name)?);
        Some(PeopleArgs::augment_args(GlobalArgs::augment_args(program)))
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
        Some(command) => command.run(cli),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_parsed_alone_is_the_command_that_all_parse() {
        for command in command().get_subcommands() {
            let mut alone = Arguments::alone(command.get_name()).unwrap();
            alone.clone().debug_assert();
            let alone = alone.find_subcommand_mut(command.get_name()).unwrap();
            assert_eq!(alone.is_hide_set(), command.is_hide_set());
            assert_eq!(alone.render_long_help().to_string(), command.clone().render_long_help().to_string());
        }
    }

    #[test]
    fn a_command_line_is_read_alike_by_one_command_and_by_all() {
        for line in [
            "yoi why status",
            "yoi -C status why T --quiet",
            "yoi --color never status --all --json",
            "yoi ticket show T",
            "yoi intake -m help",
            "yoi help ticket new",
            "yoi help",
            "yoi status --bogus",
            "yoi stats",
            "yoi pod-host -- intake",
            "yoi --version",
            "yoi intake --help",
            "yoi",
        ] {
            let words: Vec<std::ffi::OsString> = line.split(' ').map(Into::into).collect();
            let told = |read: Result<Arguments, clap::Error>| format!("{:?}", read.map_err(|error| error.to_string()));
            let read = crate::cli::parse::<Arguments>(&words).and_then(|matches| {
                use clap::FromArgMatches as _;
                Arguments::from_arg_matches(&matches)
            });
            assert_eq!(told(read), told(Arguments::try_parse_from(&words)), "{line}");
        }
    }
}
