//! `yoi ticket doctor`: what is wrong with the tickets.

use std::path::{Path, PathBuf};

use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Field, Format, Meaning, Row, Value};
use crate::ticket::{Finding, Severity, examine, mend};

/// Say what is wrong with tickets and configuration, where, and what to do
///
/// Exits with 1 where there are errors; warnings alone are told, and exit with 0. With --fix, what can be mended without
/// asking is: dates that the id or the thread tells, a last event without its end, a resolution that stands in the thread,
/// relations that stand twice, what killed writers left. Each change is told; nothing else is touched.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Check the tickets before a commit:
    $ yoi ticket doctor
  Count the errors, in a script:
    $ yoi ticket doctor --format '{severity}' | grep -c error || true
  Mend what can be mended without asking, and see what is left:
    $ yoi ticket doctor --fix
")]
pub(super) struct Args {
    /// Mend what can be mended without asking, and say each change
    #[arg(long)]
    fix: bool,
    #[command(flatten)]
    output: OutputArgs,
}

/// What was found, and what was done about it.
struct FindingRow {
    finding: Finding,
    mended: Option<String>,
}

fn word(severity: Severity) -> (Meaning, &'static str) {
    match severity {
        Severity::Error => (Meaning::Bad, "error"),
        Severity::Warning => (Meaning::Attention, "warning"),
    }
}

impl Row for FindingRow {
    const KIND: &'static str = "finding";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("severity", |row| {
            let (meaning, word) = word(row.finding.severity);
            Value::Word(meaning, word.to_owned())
        }),
        Field::column("file", |row| PathBuf::from(&row.finding.file).into()),
        Field::column("line", |row| row.finding.line.map(|line| line as u64).into()),
        Field::column("what", |row| row.finding.what.as_str().into()),
        Field::column("remedy", |row| row.finding.remedy.as_str().into()),
        Field::full("fixable", |row| row.finding.fix.is_some().into()),
        Field::full("mended", |row| row.mended.clone().into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let format = args.output.format(cli.program())?;
    let workspace = cli.workspace()?;
    let (mut mended, mut exit) = (Vec::new(), Exit::Done);
    if args.fix {
        cli.refuse_inside_pod("mend tickets")?;
        for finding in examine(&workspace.root, cli.environment().config_dir()) {
            let done = mend(&workspace.root, &finding).unwrap_or_else(|error| {
                // One that cannot be mended is no reason to leave the others.
                cli.warn(
                    &Failure::from(error).while_doing(format!("cannot mend {}", place(&finding, &workspace.root))),
                );
                exit = Exit::Environment;
                None
            });
            if let Some(done) = done {
                if format == Format::Table {
                    let word = cli.paint().text(Meaning::Good, "mended");
                    let place = place(&finding, &workspace.root);
                    cli.say(format_args!(
                        "{word}: {}: {}: {}",
                        visible(&place),
                        visible(&finding.what),
                        visible(&done)
                    ))?;
                }
                mended.push(FindingRow { finding, mended: Some(done) });
            }
        }
    }
    let findings = examine(&workspace.root, cli.environment().config_dir());
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    if format == Format::Table {
        for finding in &findings {
            let (meaning, word) = word(finding.severity);
            let word = cli.paint().text(meaning, word);
            let place = place(finding, &workspace.root);
            cli.say(format_args!("{word}: {}: {}", visible(&place), visible(&finding.what)))?;
            cli.say(format_args!("  {}", visible(&finding.remedy)))?;
        }
        let fixable = findings.iter().filter(|finding| finding.fix.is_some()).count();
        let hint = if fixable > 0 { format!("; --fix mends {fixable} of them") } else { String::new() };
        cli.say(format_args!("{errors} errors, {warnings} warnings{hint}"))?;
    } else {
        mended.extend(findings.into_iter().map(|finding| FindingRow { finding, mended: None }));
        cli.printer(&args.output)?.list(&mended)?;
    }
    Ok(if errors > 0 && exit == Exit::Done { Exit::Refused } else { exit })
}

fn place(finding: &Finding, root: &Path) -> String {
    let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
    let file = finding.file.strip_prefix(root).unwrap_or(&finding.file);
    format!("{}{line}", file.display())
}
