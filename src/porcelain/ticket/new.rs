//! `yoi ticket new`: makes a ticket.

use super::row::TicketRow;
use super::words::WordsArgs;
use super::{author, check_form, is_sentence, show_summary};
use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::ticket::{NewTicket, Published};

/// How often another id is taken because somebody else made a ticket in the same millisecond.
const MAX_IDS: usize = 100;

/// Make a ticket in state planning, and print its id
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Make a ticket, and take it in:
    $ yoi intake \"$(yoi ticket new 'Retry failed uploads')\"
  Make one with a body from standard input:
    $ printf '## Goal\\n\\nUploads survive.\\n' | yoi ticket new \"Retry failed uploads\" -F -
")]
pub(super) struct Args {
    /// What it is about, in one line
    title: String,
    /// What must be known, in Markdown; - reads standard input
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["message", "file"])]
    body: Option<String>,
    #[command(flatten)]
    words: WordsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    check_form::<TicketRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let body = match args.body.as_deref() {
        Some("-") => WordsArgs::of_stdin().given(cli)?,
        Some(body) => Some(body.to_owned()),
        None => args.words.given(cli)?,
    };
    let body = body.unwrap_or_default();
    let new = NewTicket { title: args.title, body, author: author(cli)? };
    for _ in 0..MAX_IDS {
        if let Published::Done(id) = tickets.prepare(&new, cli.now())?.publish()? {
            if is_sentence(&args.output, cli)? {
                cli.say(id)?;
            } else {
                show_summary(&tickets, &id, &args.output, cli)?;
            }
            return Ok(Exit::Done);
        }
    }
    Err(Failure::new(Exit::Busy, "cannot make the ticket: every id that was tried was taken at the same time"))
}
