//! `yoi panel`: the screen on which one person runs many agents.

use std::ffi::OsStr;

use crate::cli::args::OutputArgs;
use crate::cli::{Cli, Exit, Failure, Field, Format, Meaning, Row, Value};
use crate::panel::{self, Closed, End, Failures, Known, Line, List, Means, Panel, Source, Touched};

/// See all tickets and Pods at once, what needs you first
///
/// The screen follows what happens by itself; ? shows its keys. Where standard input or output is no terminal, it cannot be
/// shown.
///
/// With --once, the rows are printed and that is all: first what needs you (requests for permission, questions of an
/// intake, claims that are stale or cannot be judged, launches that failed), then what is active, what is ready, and the
/// rest. A Pod without a claim that is named after a ticket is shown with it. Closed tickets are left out, unless --all
/// asks for them. A record that cannot be read is one row that says so, and makes the exit status 128.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Run many agents from one screen:
    $ yoi panel
  Print how everything stands, what needs you first:
    $ yoi panel --once
  Have in a script what needs somebody:
    $ yoi panel --once --format '{group}\\t{ticket}\\t{pod}\\t{need}' | grep '^needs you'
")]
pub(super) struct Args {
    /// Print the rows, and end
    #[arg(long)]
    once: bool,
    /// Closed tickets too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl Row for Line {
    const KIND: &'static str = "panel_row";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("group", |row| Value::Word(row.meaning, row.group.as_str().to_owned())),
        Field::column("ticket", |row| name(row.ticket.as_ref())),
        Field::column("state", |row| row.state.map(|state| state.to_string()).into()),
        Field::column("status", |row| match row.status.as_str() {
            "" => Value::Absent,
            words => Value::Word(row.meaning, words.to_owned()),
        }),
        Field::column("pod", |row| name(row.pod.as_ref())),
        Field::column("role", |row| row.role.into()),
        Field::column("since", |row| row.since.into()),
        Field::column("title", |row| row.title.clone().into()),
        Field::full("need", |row| row.need.map(|need| need.as_str()).into()),
        Field::full("reason", |row| row.reason.clone().into()),
    ];
}

fn name(text: Option<&String>) -> Value {
    text.map_or(Value::Absent, |text| Value::Word(Meaning::Name, text.clone()))
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let closed = if args.all { Closed::Shown } else { Closed::Hidden };
    if !args.once {
        return show(closed, &args.output, cli);
    }
    let registry = cli.registry()?;
    let (_, configured) = cli.setup_or_defaults()?;
    super::moved::suggest(&registry, cli);
    let source = Source::new(registry, cli.surroundings());
    let mut known = Known::default();
    for piece in [source.tickets()?, source.claims()?, source.pods()?, Failures::default().read(source.registry())?] {
        known.take(piece);
    }
    let mut list = List::default();
    list.set_closed(closed);
    list.refresh(&known, &Touched::All);
    let rows: Vec<Line> = list.all_shown().cloned().collect();
    let is_bad = |line: &Line| line.need.is_some_and(|need| need.is_unreadable());
    let exit = if rows.iter().any(is_bad) { Exit::Environment } else { configured };
    cli.printer(&args.output)?.list(&rows)?;
    Ok(exit)
}

/// Shows the screen until the user leaves.
fn show(closed: Closed, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
    if !cli.shows_on_terminal() || !cli.is_interactive() {
        let text = "cannot show the panel: standard input, output or error is no terminal";
        return Err(Failure::new(Exit::Usage, text).hint("yoi panel --once"));
    }
    if output.format(cli.program())? != Format::Table {
        let text = "the panel is a screen; rows in another form are printed with --once";
        return Err(Failure::new(Exit::Usage, text).hint("yoi panel --once"));
    }
    let registry = cli.registry()?;
    let environment = cli.environment();
    let means = Means {
        source: Source::new(registry, cli.surroundings()),
        writer: cli.writer_now(),
        program: cli.sibling("yoi")?,
        environment: environment.variables().to_vec(),
        network: environment.network_policy(),
        is_inside_pod: environment.variable("YOI_POD").is_some(),
    };
    let editor = environment.editor().unwrap_or(OsStr::new("vi")).to_owned();
    let panel = Panel { means, editor, clock: environment.clock(), paint: cli.paint(), closed };
    Ok(match panel::run(panel)? {
        End::Left => Exit::Done,
        End::Signal(signal) => Exit::Of(u8::try_from(128 + signal).unwrap_or(255)),
    })
}
