//! `yoi ticket comment`: says something in a ticket's thread.

use super::{author, find, text};
use crate::cli::{Cli, Exit, Failure};
use crate::ticket::{Comment, Remark};

/// Add a comment to a ticket's thread
///
/// Without --message the text is read from standard input.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Answer the questions of an intake:
    $ yoi ticket comment 20260118-101544-001 -m \"With a pipe, show the bytes alone\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    /// The comment, in Markdown
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Its heading
    #[arg(long, value_name = "TEXT")]
    heading: Option<String>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let body = text(args.message, cli)?;
    let author = author(cli)?;
    let comment = Comment { remark: Remark::Comment, author: &author, heading: args.heading.as_deref(), body: &body };
    tickets.comment(&id, &comment, cli.now())?;
    Ok(Exit::Done)
}
