//! `yoi ticket relation`: how tickets relate to each other.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::row::state_word;
use super::{author, check_form, find, is_sentence, tell_holder};
use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, Field, Row};
use crate::domain::TicketId;
use crate::ticket::{Link, Relating, RelationWord, State, Summary, Taken, Tickets};

/// Relate tickets to each other, and show how they are related
///
/// A ticket that depends_on another, or is blocked_by it, cannot be queued before that one is done or closed. The other
/// kinds only tell. A relation is stored once, with the ticket that says it, and shown from both ends.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Add(AddArgs),
    Remove(RemoveArgs),
    List(ListArgs),
}

fn word() -> impl TypedValueParser<Value = RelationWord> {
    let value = |word: RelationWord| PossibleValue::new(word.as_str()).alias(word.as_str().replace('_', "-"));
    PossibleValuesParser::new(RelationWord::all().map(value)).try_map(|word| word.parse::<RelationWord>())
}

/// Say how a ticket relates to another
///
/// A relation that stands already, said by either of them, is left as it is. One by which tickets would wait for each
/// other is refused.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Have a ticket wait for another:
    $ yoi ticket relation add 20260118-10 depends_on 20260118-09 -m \"It shows what was tried\"
")]
struct AddArgs {
    /// The ticket
    ticket: String,
    /// What it is to the other one
    #[arg(value_parser = word())]
    relation: RelationWord,
    /// The other ticket
    #[arg(value_name = "TICKET")]
    other: String,
    /// Why, or how it is meant
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Take a relation between two tickets away
///
/// It does not matter which of them says it, nor from which end it is named.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Have a ticket wait no longer:
    $ yoi ticket relation remove 20260118-10 depends_on 20260118-09
")]
struct RemoveArgs {
    /// The ticket
    ticket: String,
    /// What it is to the other one
    #[arg(value_parser = word())]
    relation: RelationWord,
    /// The other ticket
    #[arg(value_name = "TICKET")]
    other: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// List how a ticket relates to others, from its end
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See what a ticket waits for, and what waits for it:
    $ yoi ticket relation list 20260118-10
")]
struct ListArgs {
    /// The ticket
    ticket: String,
    #[command(flatten)]
    output: OutputArgs,
}

/// A relation in a list.
pub(super) struct LinkRow {
    pub(super) link: Link,
    pub(super) other: Option<Summary>,
}

impl Row for LinkRow {
    const KIND: &'static str = "relation";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("relation", |row| row.link.word.as_str().into()),
        Field::column("ticket", |row| (&row.link.other).into()),
        Field::column("state", |row| row.other.as_ref().map(|other| state_word(other.state)).into()),
        Field::column("title", |row| row.other.as_ref().map(|other| other.title.as_str()).into()),
        Field::full("note", |row| row.link.note.clone().into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    match args.command {
        Command::Add(args) => add(args, cli),
        Command::Remove(args) => remove(args, cli),
        Command::List(args) => list(args, cli),
    }
}

fn add(args: AddArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    check_form::<LinkRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let (id, other) = (find(&tickets, &args.ticket)?, find(&tickets, &args.other)?);
    let author = author(cli)?;
    let relating = Relating { ticket: &id, word: args.relation, other: &other };
    let taken = tickets.relate(&relating, args.message.as_deref(), &author, cli.now())?;
    let verb = if taken == Taken::Now { "is" } else { "is already" };
    told(&tickets, &relating, taken, verb, &args.output, cli)?;
    // It holds back what is to be queued, not what is on its way already.
    let on_its_way = |summary: &Summary| matches!(summary.state, State::Queued | State::Inprogress);
    if args.relation.is_a_wait()
        && taken == Taken::Now
        && let Some(summary) = tickets.summary_of(&id).filter(on_its_way)
    {
        let text = format!("ticket {id} is {} already, and stays so", summary.state);
        cli.warn(&Failure::new(Exit::Done, text));
    }
    Ok(Exit::Done)
}

fn remove(args: RemoveArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    check_form::<LinkRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    // The other one may be gone: that is a reason to take the relation away.
    let other = find(&tickets, &args.other).or_else(|failure| TicketId::new(&args.other).map_err(|_| failure))?;
    let relating = Relating { ticket: &id, word: args.relation, other: &other };
    let taken = tickets.unrelate(&relating, cli.now())?;
    let verb = if taken == Taken::Now { "is no longer" } else { "was not" };
    told(&tickets, &relating, taken, verb, &args.output, cli)?;
    Ok(Exit::Done)
}

/// Tells a change: in a sentence, or by all relations of the ticket where another form is asked for.
fn told(
    tickets: &Tickets,
    relating: &Relating<'_>,
    taken: Taken,
    verb: &str,
    output: &OutputArgs,
    cli: &mut Cli,
) -> Result<(), Failure> {
    let Relating { ticket, word, other } = relating;
    if is_sentence(output, cli)? {
        cli.say(format_args!("ticket {ticket} {verb} {} ticket {other}", word.said()))?;
    } else {
        show(tickets, ticket, output, cli)?;
    }
    if taken == Taken::Now {
        tell_holder(cli, ticket);
    }
    Ok(())
}

fn list(args: ListArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let ticket = tickets.read(&id)?;
    show(&tickets, &id, &args.output, cli)?;
    let unreadable = ticket.relations.as_ref().err().map(ToString::to_string);
    Ok(cli.warn_of_unreadable(unreadable.into_iter().collect()))
}

fn show(tickets: &Tickets, id: &TicketId, output: &OutputArgs, cli: &mut Cli) -> Result<(), Failure> {
    let row = |link: Link| LinkRow { other: tickets.summary_of(&link.other), link };
    let rows: Vec<LinkRow> = tickets.links()?.of(id).into_iter().map(row).collect();
    cli.printer(output)?.list(&rows)
}
