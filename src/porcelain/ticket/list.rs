//! `yoi ticket list`: all tickets.

use std::cmp::Reverse;

use super::row::TicketRow;
use crate::cli::args::{OutputArgs, state};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::chain;
use crate::ticket::{State, Summary, parse_moment};

/// List the tickets of this workspace
///
/// Closed tickets are left out, unless --all or --state closed asks for them. TEXT is looked for in title, labels and body,
/// in any case. A ticket that cannot be read is told on standard error, hides no other, and makes the exit status 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Show what can be worked on, the most urgent first:
    $ yoi ticket list --state ready,queued --sort priority
  Find what waits for other tickets:
    $ yoi ticket list --blocked
  List id and title of all tickets that speak of uploads, closed ones too:
    $ yoi ticket list --all --format '{id}\\t{title}' uploads
")]
pub(super) struct Args {
    /// Only those with this text
    text: Option<String>,
    /// Only those of this state; several, with commas between them or given several times
    #[arg(long, value_parser = state(), value_delimiter = ',')]
    state: Vec<State>,
    /// Closed tickets too
    #[arg(long)]
    all: bool,
    /// Only those of this priority
    #[arg(long, value_name = "WORD")]
    priority: Option<String>,
    /// Only those that this person is to do
    #[arg(long, value_name = "PERSON")]
    assignee: Option<String>,
    /// Only those that wait for other tickets
    #[arg(long)]
    blocked: bool,
    /// In which order
    #[arg(long, value_name = "FIELD", default_value = "id")]
    sort: Order,
    /// The other way round
    #[arg(long)]
    reverse: bool,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Order {
    /// As they were made
    Id,
    /// The most urgent first, then as they were made
    Priority,
    /// As the work goes on
    State,
    /// What was changed last first
    Updated,
    /// By their titles
    Title,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    let tickets = cli.setup()?.tickets();
    let wanted = args.text.as_deref().map(str::to_lowercase);
    let is_wanted = |summary: &Summary, body: &str| {
        args.has(summary) && wanted.as_deref().is_none_or(|text| speaks_of(summary, body, text))
    };
    for listed in tickets.list_where(is_wanted)? {
        match listed.summary {
            Ok(summary) => found.push(summary),
            Err(error) => unreadable.push(format!("cannot list ticket {}: {}", listed.id, chain(&error))),
        }
    }
    if args.blocked {
        let links = tickets.links()?;
        found.retain(|summary| !tickets.blockers(&links, &summary.id).is_empty());
    }
    // They come in the order of their ids, and sorting is stable.
    match args.sort {
        Order::Id => {}
        Order::Priority => found.sort_by_key(Summary::urgency),
        Order::State => found.sort_by_key(|summary| summary.state.today()),
        Order::Updated => {
            found.sort_by_cached_key(|summary| Reverse(summary.updated_at.as_deref().and_then(parse_moment)))
        }
        Order::Title => found.sort_by_cached_key(|summary| summary.title.to_lowercase()),
    }
    if args.reverse {
        found.reverse();
    }
    let rows: Vec<TicketRow> = found.into_iter().map(|summary| TicketRow { summary }).collect();
    cli.printer(&args.output)?.list(&rows)?;
    Ok(cli.warn_of_unreadable(unreadable))
}

impl Args {
    fn has(&self, summary: &Summary) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| {
            wanted.as_ref().is_none_or(|wanted| found.as_ref().is_some_and(|found| found.eq_ignore_ascii_case(wanted)))
        };
        let in_state = match self.state.as_slice() {
            [] => self.all || summary.state != State::Closed,
            states => states.iter().any(|state| state.today() == summary.state.today()),
        };
        in_state && is(&self.priority, &summary.priority) && is(&self.assignee, &summary.assignee)
    }
}

/// Whether a ticket says a text, given in lower case.
fn speaks_of(summary: &Summary, body: &str, text: &str) -> bool {
    let says = |found: &str| found.to_lowercase().contains(text);
    says(&summary.title) || summary.labels.iter().any(|label| says(label)) || says(body)
}
