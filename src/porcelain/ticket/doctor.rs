//! `yoi ticket doctor`: what is wrong with the tickets.

use std::path::PathBuf;

use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Field, Format, Meaning, Row, Value};
use crate::ticket::{Finding, Severity, examine};

/// Say what is wrong with tickets and configuration, where, and what to do
///
/// Exits with 1 where there are errors; warnings alone are told, and exit with 0.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Check the tickets before a commit:
    $ yoi ticket doctor
  Count the errors, in a script:
    $ yoi ticket doctor --format '{severity}' | grep -c error || true
")]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

struct FindingRow(Finding);

fn word(severity: Severity) -> Value {
    match severity {
        Severity::Error => Value::Word(Meaning::Bad, "error".to_owned()),
        Severity::Warning => Value::Word(Meaning::Attention, "warning".to_owned()),
    }
}

impl Row for FindingRow {
    const KIND: &'static str = "finding";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("severity", |row| word(row.0.severity)),
        Field::column("file", |row| PathBuf::from(&row.0.file).into()),
        Field::column("line", |row| row.0.line.map(|line| line as u64).into()),
        Field::column("what", |row| row.0.what.as_str().into()),
        Field::column("remedy", |row| row.0.remedy.as_str().into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let workspace = cli.workspace()?;
    let findings = examine(&workspace.root, cli.environment().config_dir());
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if args.output.format(cli.program())? == Format::Table {
        for finding in &findings {
            let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
            let file = finding.file.strip_prefix(&workspace.root).unwrap_or(&finding.file);
            let place = format!("{}{line}", file.display());
            let (meaning, word) = match finding.severity {
                Severity::Error => (Meaning::Bad, "error"),
                Severity::Warning => (Meaning::Attention, "warning"),
            };
            let word = cli.paint().text(meaning, word);
            cli.say(format_args!("{word}: {}: {}", visible(&place), visible(&finding.what)))?;
            cli.say(format_args!("  {}", visible(&finding.remedy)))?;
        }
        cli.say(format_args!("{errors} errors, {warnings} warnings"))?;
    } else {
        let rows: Vec<FindingRow> = findings.into_iter().map(FindingRow).collect();
        cli.printer(&args.output)?.list(&rows)?;
    }
    Ok(if errors > 0 { Exit::Refused } else { Exit::Done })
}
