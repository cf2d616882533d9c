//! `yoi ticket`: the records of work.

mod comment;
mod doctor;
mod list;
mod new;
mod row;
mod show;

use crate::cli::{Cli, Exit, Failure};
use crate::domain::TicketId;
use crate::ticket::{Author, Tickets};

/// Make, list, read and discuss tickets
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    New(new::Args),
    List(list::Args),
    Show(show::Args),
    Comment(comment::Args),
    Doctor(doctor::Args),
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    match args.command {
        Command::New(args) => new::run(args, cli),
        Command::List(args) => list::run(args, cli),
        Command::Show(args) => show::run(args, cli),
        Command::Comment(args) => comment::run(args, cli),
        Command::Doctor(args) => doctor::run(args, cli),
    }
}

/// The ticket that a text names: its id, or the beginning of it that no other has.
pub(super) fn find(tickets: &Tickets, text: &str) -> Result<TicketId, Failure> {
    Ok(tickets.find(text)?)
}

/// The person who runs this.
pub(super) fn author(cli: &Cli) -> Result<Author, Failure> {
    Author::person(&cli.environment().user()).map_err(|error| Failure::of(Exit::Usage, &error))
}

/// A text that was given as an argument, else read from standard input.
fn text(given: Option<String>, cli: &Cli) -> Result<String, Failure> {
    match given {
        Some(text) => Ok(text),
        None => String::from_utf8(cli.read_file_or_stdin("-".as_ref())?)
            .map_err(|_| Failure::new(Exit::Usage, "standard input is not UTF-8")),
    }
}
