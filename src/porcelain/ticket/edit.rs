//! `yoi ticket edit`: changes what a ticket says.

use std::path::PathBuf;

use super::row::TicketRow;
use super::{Changed, check_form, find};
use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::TicketId;
use crate::ticket::{Edits, Seen, Taken, Tickets, WriteError};

/// Change a ticket's title, body, priority or assignee
///
/// Without options the editor (VISUAL, EDITOR) is opened on title and body: the first line is the title. Of the ticket's
/// file only the lines that change are written. If somebody else changed the ticket meanwhile, nothing is, and what was
/// written is kept.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Say how urgent a ticket is, and who is to do it:
    $ yoi ticket edit 20260118-09 --priority P1 --assignee mira
  Give it another body:
    $ printf '## Goal\\n\\nUploads survive.\\n' | yoi ticket edit 20260118-09 -F -
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    /// Its title
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Its body, in Markdown
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// Read its body from FILE; - is standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "body", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// How urgent it is, such as P1
    #[arg(long, value_name = "WORD")]
    priority: Option<String>,
    /// Say no longer how urgent it is
    #[arg(long, conflicts_with = "priority")]
    no_priority: bool,
    /// Who is to do it
    #[arg(long, value_name = "PERSON")]
    assignee: Option<String>,
    /// Say no longer who is to do it
    #[arg(long, conflicts_with = "assignee")]
    no_assignee: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    check_form::<TicketRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let body = match &args.file {
        Some(file) => Some(text_of(file, cli)?),
        None => args.body,
    };
    let priority = if args.no_priority { Some(None) } else { args.priority.map(Some) };
    let assignee = if args.no_assignee { Some(None) } else { args.assignee.map(Some) };
    let edits = Edits { title: args.title, body, priority, assignee, seen: None };
    let is_nothing = edits.title.is_none() && edits.body.is_none();
    if is_nothing && edits.priority.is_none() && edits.assignee.is_none() {
        return with_editor(&tickets, &id, &args.output, cli);
    }
    let taken = tickets.edit(&id, &edits, cli.now())?;
    told(&tickets, &id, taken, &args.output, cli)
}

fn told(tickets: &Tickets, id: &TicketId, taken: Taken, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let now_is = if taken == Taken::Now { "changed" } else { "as it is to be" };
    Changed { tickets, id, taken, now_is }.tell(output, cli)
}

fn text_of(file: &std::path::Path, cli: &Cli) -> Result<String, Failure> {
    String::from_utf8(cli.read_file_or_stdin(file)?)
        .map_err(|_| Failure::new(Exit::Usage, format!("cannot use '{}': it is not UTF-8", file.display())))
}

fn with_editor(tickets: &Tickets, id: &TicketId, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    if cli.environment().editor().is_none() && !cli.is_interactive() {
        let text =
            format!("cannot edit ticket {id}: nothing to change was given, and there is no terminal for an editor");
        return Err(Failure::new(Exit::Usage, text).hint("yoi help ticket edit"));
    }
    let ticket = tickets.read(id)?;
    let draft = cli.edit(&format!("{}\n\n{}\n", ticket.summary.title, ticket.body()))?;
    let text = draft.text()?;
    let (title, body) = text.trim_start_matches(['\r', '\n']).split_once('\n').unwrap_or((text.trim(), ""));
    let (title, body) = (Some(title.trim().to_owned()), Some(body.to_owned()));
    let edits = Edits { title, body, seen: Some(Seen::of(&ticket)), ..Edits::default() };
    match tickets.edit(id, &edits, cli.now()) {
        Ok(taken) => told(tickets, id, taken, output, cli),
        Err(error) => {
            let failure = match &error {
                WriteError::Edited { .. } | WriteError::Invalid { .. } => Failure::of(Exit::Refused, &error),
                _ => Failure::from(error),
            };
            Err(failure.because(format!("what you wrote is in '{}'", draft.keep()?.display())))
        }
    }
}
