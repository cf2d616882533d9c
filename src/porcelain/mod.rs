//! `yoi`: friendly commands for people. One file a command: parse, call one operation, render.

mod answer;
mod attach;
mod complete;
mod completions;
mod config;
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
mod mcp;
mod moved;
mod next;
mod overview;
mod panel;
mod pod_host;
mod profiles;
mod queue;
mod reclaim;
mod restore;
mod scratch;
mod selftest;
mod status;
mod stop;
mod ticket;
mod tool;
mod wait;
mod why;

use std::process::ExitCode;

use clap::{Args as _, CommandFactory as _, Parser};

use crate::cli::args::{GlobalArgs, PeopleArgs};
use crate::cli::commands::commands;
use crate::cli::{self, Cli, CommandLine, Program};

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

commands! {
    Command, verbs: Verbs;
    "init" Init(init);
    "intake" Intake(intake);
    "launch" Launch(launch);
    "queue" Queue(queue);
    "next" Next(next);
    "wait" Wait(wait);
    "status" Status(status);
    "why" Why(why);
    "panel" Panel(panel);
    "attach" Attach(attach);
    "answer" Answer(answer);
    "logs" Logs(logs);
    "stop" Stop(stop);
    "restore" Restore(restore);
    "reclaim" Reclaim(reclaim);
    "config" Config(config);
    "profiles" Profiles(profiles);
    "ticket" Ticket(ticket);
    "tool" Tool(tool);
    "mcp" Mcp(mcp);
    "hooks" Hooks(hooks);
    "complete" Complete(complete, verbs);
    "completions" Completions(completions);
    "selftest" Selftest(selftest);
    "doctor" Doctor(doctor);
    "demo" Demo(demo);
    "help" Help(help, verbs);
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

/// The command line of `yoi-claim`, handed in: rooms of one step do not know each other.
pub type Verbs = fn() -> clap::Command;

/// Runs the program; `verbs` is what `yoi help` tells of besides.
pub fn main(verbs: Verbs) -> ExitCode {
    cli::run(Program::Porcelain, |arguments: Arguments, cli: &mut Cli| match arguments.command {
        None => overview::run(cli),
        Some(command) => command.run(verbs, cli),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::tests::{
        assert_each_is_alone_what_it_is_among_all, assert_read_alike_alone_and_among_all,
    };

    #[test]
    fn a_command_parsed_alone_is_the_command_that_all_parse() {
        assert_each_is_alone_what_it_is_among_all::<Arguments>();
    }

    #[test]
    fn a_command_line_is_read_alike_by_one_command_and_by_all() {
        assert_read_alike_alone_and_among_all::<Arguments>(&[
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
        ]);
    }
}
