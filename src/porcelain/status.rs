//! `yoi status`: how everything stands.

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, Field, Meaning, Row, Value};
use crate::launch::{Standing, overview};

/// Show claims, Pods and their tickets, derived at this moment
///
/// Claims of closed tickets are left out, unless --all asks for them. A Pod whose status ends in "asks" waits for an answer
/// (yoi answer); --json counts what it asks as permissions. A record that cannot be read is told on standard
/// error, hides no other, and makes the exit status 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See who works on what:
    $ yoi status
  Have the same in a script:
    $ yoi status --json
    $ yoi status --format '{ticket}\\t{pod}\\t{status}\\t{reason}'
")]
pub(super) struct Args {
    /// Claims of closed tickets too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// A line of the overview.
pub(super) struct StandingRow(pub(super) Standing);

impl StandingRow {
    fn pod(&self) -> Value {
        let claimed = self.0.claim.as_ref().and_then(|view| view.claim.as_ref()).map(|claim| claim.pod.to_string());
        let name = claimed.or_else(|| self.0.pod.as_ref().map(|pod| pod.pod.clone()));
        name.map_or(Value::Absent, |name| Value::Word(Meaning::Name, name))
    }

    fn claim<T: Into<Value>>(&self, get: impl FnOnce(&crate::domain::Claim) -> T) -> Value {
        self.0.claim.as_ref().and_then(|view| view.claim.as_ref()).map_or(Value::Absent, |claim| get(claim).into())
    }
}

impl Row for StandingRow {
    const KIND: &'static str = "standing";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("ticket", |row| {
            row.0.claim.as_ref().map_or(Value::Absent, |view| Value::Word(Meaning::Name, view.ticket.clone()))
        }),
        Field::column("state", |row| row.0.ticket.as_ref().map(|ticket| ticket.state.to_string()).into()),
        Field::column("pod", StandingRow::pod),
        Field::column("role", |row| {
            let claimed = row.claim(|claim| claim.role);
            match claimed {
                Value::Absent => row.0.pod.as_ref().and_then(|pod| pod.role).into(),
                role => role,
            }
        }),
        Field::column("status", |row| {
            let meaning = if row.0.asks() { Meaning::Attention } else { row.0.status().into() };
            Value::Word(meaning, row.0.words())
        }),
        Field::column("since", |row| match row.claim(|claim| claim.accepted_at) {
            Value::Absent => {
                row.0.pod.as_ref().and_then(|pod| pod.record.as_ref()).map(|record| record.created_at).into()
            }
            since => since,
        }),
        Field::column("title", |row| row.0.ticket.as_ref().map(|ticket| ticket.title.clone()).into()),
        Field::full("generation", |row| row.claim(|claim| claim.generation)),
        Field::full("completed_at", |row| row.claim(|claim| claim.completed_at)),
        Field::full("reason", |row| {
            let claim = row.0.claim.as_ref().map(|view| view.reason.clone());
            claim.or_else(|| row.0.pod.as_ref().map(|pod| pod.reason.clone())).into()
        }),
        Field::full("permissions", |row| {
            let asked = row.0.pod.as_ref().and_then(|pod| pod.permissions.as_ref());
            asked.map(|asked| asked.len() as u64).into()
        }),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let (setup, configured) = cli.setup_or_defaults()?;
    let found = overview(&registry, &setup, &cli.restorable(&registry))?;
    let shown = found.standings.into_iter().filter(|standing| args.all || !standing.is_closed());
    let rows: Vec<StandingRow> = shown.map(StandingRow).collect();
    super::moved::suggest(&registry, cli);
    cli.printer(&args.output)?.list(&rows)?;
    Ok(match cli.warn_of_unreadable(found.unreadable) {
        Exit::Done => configured,
        exit => exit,
    })
}
