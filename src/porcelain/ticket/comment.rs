//! `yoi ticket comment`: says something in a ticket's thread.

use super::row::TicketRow;
use super::words::WordsArgs;
use super::{author, check_form, find, is_sentence, show_summary};
use crate::cli::args::{OutputArgs, remark};
use crate::cli::{Cli, Exit, Failure};
use crate::ticket::{Comment, Remark};

/// Add a comment to a ticket's thread
///
/// Without --message and --file the text is written with $EDITOR, or read from standard input where there is no terminal.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Answer the questions of an intake:
    $ yoi ticket comment 20260118-101544-001 -m \"With a pipe, show the bytes alone\"
  Write down what was decided, from a file:
    $ echo 'No retries of what the server refused.' >why.md
    $ yoi ticket comment 20260118-09 --kind decision -F why.md
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    #[command(flatten)]
    words: WordsArgs,
    /// What it is
    #[arg(long, default_value = "comment", value_parser = remark())]
    kind: Remark,
    /// Its heading
    #[arg(long, value_name = "TEXT")]
    heading: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    check_form::<TicketRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let body = args.words.asked_for(cli)?;
    let author = author(cli)?;
    let comment = Comment { remark: args.kind, author: &author, heading: args.heading.as_deref(), body: &body };
    tickets.comment(&id, &comment, cli.now())?;
    if !is_sentence(&args.output, cli)? {
        show_summary(&tickets, &id, &args.output, cli)?;
    }
    Ok(Exit::Done)
}
