//! `yoi doctor`: whether everything is in order, in one report.

mod machine;
mod report;
mod workspace;

use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Field, Format, Meaning, Row, Value};
use report::{Item, Remedy, Report, Verdict};

/// Say whether everything is in order, and what to do where it is not
///
/// Looks at versions, the workspace, its configuration and tickets, the agents of each role, directories and file system,
/// the registry (as yoi-claim verify does), and what this machine gives to Pods. Each thing is ok, a warning, or a problem
/// with its remedy. Nothing hides anything else. Changes nothing, but tries the file system out in a directory of its own
/// below the data directory. Exits with 1 where there are problems.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See whether everything is in order:
    $ yoi doctor
  Show only what is not, in a script:
    $ yoi doctor --format '{verdict} {area}: {what} {remedy}' | grep -v ^ok || true
")]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

impl Row for Item {
    const KIND: &'static str = "examination";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("area", |item| item.area.into()),
        Field::column("verdict", |item| Value::Word(item.verdict.meaning(), item.verdict.as_str().to_owned())),
        Field::column("check", |item| visible(&item.check).as_ref().into()),
        Field::column("what", |item| visible(&item.what).as_ref().into()),
        Field::column("remedy", |item| item.remedy.clone().into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let format = args.output.format(cli.program())?;
    let mut progress = cli.progress();
    let mut report = Report::new(cli.place());
    progress.step("looking at the workspace");
    let workspace = cli.workspace()?;
    machine::versions(cli, &mut report);
    let config = workspace::configuration(cli, &workspace, &mut report);
    workspace::tickets(cli, &workspace, &config, &mut report);
    workspace::agents(cli, &mut report);
    progress.step("looking at the machine");
    match cli.registry() {
        Ok(registry) => {
            machine::directories(cli, &registry, &mut report);
            progress.step("checking the registry");
            workspace::registry(cli, &registry, &mut report);
        }
        Err(failure) => report.failed("directories", "data", &failure, Remedy::None),
    }
    machine::processes(&mut report);
    drop(progress);
    if format == Format::Table {
        tell(cli, &report)?;
    } else {
        cli.printer(&args.output)?.list(&report.items)?;
    }
    Ok(if report.count(Verdict::Problem) > 0 { Exit::Refused } else { Exit::Done })
}

fn tell(cli: &mut Cli, report: &Report) -> Result<(), Failure> {
    let paint = cli.paint();
    let mut area = "";
    for item in &report.items {
        if item.area != area {
            area = item.area;
            cli.say(paint.text(Meaning::Heading, area))?;
        }
        let word = format!("{:<7}", item.verdict.as_str());
        let word = paint.text(item.verdict.meaning(), &word);
        cli.say(format_args!("  {word}  {}: {}", visible(&item.check), visible(&item.what)))?;
        if let Some(remedy) = &item.remedy {
            cli.say(format_args!("           {}", paint.text(Meaning::Name, remedy)))?;
        }
    }
    let (problems, warnings) = (report.count(Verdict::Problem), report.count(Verdict::Warning));
    let meaning = match (problems, warnings) {
        (0, 0) => Meaning::Good,
        (0, _) => Meaning::Attention,
        _ => Meaning::Bad,
    };
    let some = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    let sum = format!("{}, {}", some(problems, "problem"), some(warnings, "warning"));
    cli.say(paint.text(meaning, sum))
}
