//! `yoi ticket`: the records of work.

mod close;
mod comment;
mod doctor;
mod edit;
mod list;
mod new;
mod relation;
mod review;
mod row;
mod show;
mod state;
mod words;

use crate::cli::args::OutputArgs;
use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, Format, Row};
use crate::domain::{ClaimStatus, TicketId};
use crate::ticket::{Author, Taken, Tickets};

/// Make, list, read, discuss and close tickets
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
    Edit(edit::Args),
    Review(review::Args),
    State(state::Args),
    Close(close::Args),
    Relation(relation::Args),
    Doctor(doctor::Args),
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    match args.command {
        Command::New(args) => new::run(args, cli),
        Command::List(args) => list::run(args, cli),
        Command::Show(args) => show::run(args, cli),
        Command::Comment(args) => comment::run(args, cli),
        Command::Edit(args) => edit::run(args, cli),
        Command::Review(args) => review::run(args, cli),
        Command::State(args) => state::run(args, cli),
        Command::Close(args) => close::run(args, cli),
        Command::Relation(args) => relation::run(args, cli),
        Command::Doctor(args) => doctor::run(args, cli),
    }
}

/// The ticket that a text names: its id, or the beginning of it that no other has.
pub(super) fn find(tickets: &Tickets, text: &str) -> Result<TicketId, Failure> {
    Ok(tickets.find(text)?)
}

/// The person who runs this; inside a Pod its role, since what its agent types is nobody's word but its own.
pub(super) fn author(cli: &Cli) -> Result<Author, Failure> {
    let record = |pod| cli.registry().ok()?.pod(&pod).ok()?;
    if let Some(record) = cli.environment().pod()?.and_then(record) {
        return Ok(Author::role(record.role));
    }
    Author::person(&cli.environment().user()).map_err(|error| Failure::of(Exit::Usage, &error))
}

/// Refuses, inside a Pod, what only a person may decide: its agent has tools, which know its role and its claim.
fn person_decides(cli: &Cli, doing: &str) -> Result<(), Failure> {
    cli.refuse_inside_pod(doing).map_err(|failure| failure.hint("yoi tool"))
}

/// A change of a ticket, to be told: in a sentence, or by the ticket as it is then where another form is asked for.
struct Changed<'a> {
    tickets: &'a Tickets,
    id: &'a TicketId,
    taken: Taken,
    now_is: &'a str,
}

impl Changed<'_> {
    fn tell(&self, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
        let already = if self.taken == Taken::Before { "already " } else { "" };
        if is_sentence(output, cli)? {
            cli.say(format_args!("ticket {} is {already}{}", self.id, self.now_is))?;
        } else {
            show_summary(self.tickets, self.id, output, cli)?;
        }
        if self.taken == Taken::Now {
            tell_holder(cli, self.id);
        }
        Ok(Exit::Done)
    }
}

/// Refuses a form of output that cannot be, before anything is changed.
fn check_form<R: Row>(output: &OutputArgs, cli: &mut Cli) -> Result<(), Failure> {
    match output.format(cli.program())? {
        Format::Template(..) => cli.printer(output)?.list::<R>(&[]),
        _ => Ok(()),
    }
}

/// Whether a change is told in a sentence.
fn is_sentence(output: &OutputArgs, cli: &Cli) -> Result<bool, Failure> {
    Ok(output.format(cli.program())? == Format::Table)
}

/// Shows a ticket as a list has it.
fn show_summary(tickets: &Tickets, id: &TicketId, output: &OutputArgs, cli: &mut Cli) -> Result<(), Failure> {
    let summary = tickets.read(id)?.summary;
    cli.printer(output)?.one(&row::TicketRow { summary })
}

/// Says which live Pod works on a ticket that a person has just changed: its agent does not know of the change.
fn tell_holder(cli: &mut Cli, id: &TicketId) {
    // What cannot be told of the registry is no reason to say that the change failed.
    let Ok(registry) = cli.registry() else { return };
    let view = registry.view_claim(id, &cli.restorable(&registry));
    let Some((status, Some(claim))) = view.map(|view| (view.status, view.claim)) else { return };
    let is_own = cli.environment().pod().is_ok_and(|own| own.as_ref() == Some(&claim.pod));
    if status == ClaimStatus::Live && !is_own {
        let (pod, role) = (claim.pod.as_str(), claim.role);
        let text =
            format!("ticket {id} is held by Pod {pod}, which works on it as {role} and is not told of the change");
        cli.warn(&Failure::new(Exit::Done, text).hint(command(["yoi", "attach", pod])));
    }
}
