//! `yoi ticket state`: brings a ticket into another state.

use super::row::TicketRow;
use super::words::WordsArgs;
use super::{Changed, author, check_form, find, person_decides};
use crate::cli::args::{OutputArgs, state};
use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::TicketId;
use crate::launch::steps::tell_of_ready;
use crate::ticket::{State, Taken, Tickets, Words};

/// Bring a ticket into another state
///
/// From planning (or intake, its older name) a ticket becomes ready, then queued, inprogress, done; it may go back, and
/// may be closed from everywhere. What is said becomes part of its thread: of ready the intake summary, of inprogress the
/// plan, of done the implementation report. A ticket that is in that state already stays as it is. For people: inside a
/// Pod its tools do it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Say that a ticket can be implemented, and let it wait for a coder:
    $ yoi ticket state 20260118-09 ready -m \"Three attempts, then give up\"
    $ yoi ticket state 20260118-09 queued
  Think it over again:
    $ yoi ticket state 20260118-09 planning -m \"What of uploads that were cut off?\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    /// The state
    #[arg(value_parser = state())]
    state: State,
    #[command(flatten)]
    words: WordsArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    person_decides(cli, "change the state of a ticket")?;
    check_form::<TicketRow>(&args.output, cli)?;
    let tickets = cli.setup()?.tickets();
    let id = find(&tickets, &args.ticket)?;
    let text = match (args.words.given(cli)?, args.state) {
        (Some(text), _) => text,
        // Closing says how it ended.
        (None, State::Closed) => args.words.asked_for(cli)?,
        (None, _) => String::new(),
    };
    let author = author(cli)?;
    let words = Words { author: &author, text: &text };
    let taken = tickets.bring_to(&id, args.state, &words, cli.now())?;
    if taken == Taken::Now && args.state == State::Inprogress {
        tell_blockers(&tickets, &id, cli)?;
    }
    if taken == Taken::Now && args.state == State::Ready {
        for untold in tell_of_ready(&cli.registry()?, &tickets, &id) {
            cli.warn(&Failure::new(Exit::Done, format!("warning: {untold}")));
        }
    }
    let now_is = args.state.today().as_str();
    Changed { tickets: &tickets, id: &id, taken, now_is }.tell(&args.output, cli)
}

/// Says what a ticket waits for that was begun all the same: who begins it may not know.
fn tell_blockers(tickets: &Tickets, id: &TicketId, cli: &mut Cli) -> Result<(), Failure> {
    let blockers: Vec<String> = tickets.blockers(&tickets.links()?, id).iter().map(ToString::to_string).collect();
    if !blockers.is_empty() {
        let text = format!("ticket {id} is begun, though it waits for {}", blockers.join(" and "));
        cli.warn(&Failure::new(Exit::Done, text).hint(command(["yoi", "ticket", "relation", "list", id.as_str()])));
    }
    Ok(())
}
