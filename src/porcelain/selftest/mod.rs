//! `yoi selftest`: whether this machine keeps what yoi is built upon, tried out where yoi would keep its data.

mod bench;
pub(super) mod check;
pub(super) mod files;
mod full;
mod kernel;
mod kills;
mod parts;
mod races;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::scratch::{Places, Sweeper};
use crate::cli::args::{OutputArgs, seconds};
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Field, Format, Meaning, Progress, Row, Value};
use crate::domain::path_text;
use crate::fs;
use crate::registry::NetworkPolicy;

use bench::Bench;
use check::{Check, Verdict};
use parts::Part;

/// How the directories of a selftest begin; nothing else is ever removed.
const PREFIX: &str = "selftest-";

/// Try out whether this machine and its file system keep what yoi is built upon
///
/// Works in a directory of its own below the data directory, on the same file system as the registries, which it does not
/// touch: links, renames and locks; many processes that claim one ticket at once; commits, releases and launches that are
/// killed; a full disk. Leaves nothing behind. Exits with 1 where a promise is broken; limited says what yoi does without.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Try everything out before trusting it with work:
    $ yoi selftest --seconds 3
  Look at another disk, in a script:
    $ yoi --data-dir \"$(mktemp -d)\" selftest --seconds 1 --format '{check} {verdict}'
")]
pub(super) struct Args {
    /// How long races and kills are tried, all in all; a step that has begun is finished
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "40")]
    seconds: Duration,
    #[command(flatten)]
    output: OutputArgs,
    /// Be a process of a selftest
    #[arg(long, value_enum, hide = true)]
    part: Option<Part>,
    /// What that process is told
    #[arg(last = true, hide = true)]
    words: Vec<OsString>,
}

impl Row for Check {
    const KIND: &'static str = "check";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("check", |check| check.name.into()),
        Field::column("verdict", |check| Value::Word(check.verdict.meaning(), check.verdict.as_str().to_owned())),
        Field::column("what", |check| check.what.as_str().into()),
        Field::full("means", |check| (check.verdict != Verdict::Kept).then_some(check.means).into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    if let Some(part) = args.part {
        return parts::run(part, args.words, cli);
    }
    if cli.is_inside_pod() {
        // What claims are about to be released by would be taken for the Pod's agent.
        return Err(Failure::new(Exit::Refused, "cannot try this machine out from inside a Pod"));
    }
    let format = args.output.format(cli.program())?;
    let ground = Ground::choose(cli)?;
    let network = fs::network_file_system(&ground.data)?;
    let is_refused = network.is_some() && cli.environment().network_policy() == NetworkPolicy::Refuse;
    let roots: [&Path; 2] = [&ground.root, &ground.runtime];
    let (sweeper, held) = Sweeper::start(cli, &["selftest", "--part", "sweep"], &roots)?;
    let checks = ground.prepare().and_then(|()| {
        let bench = Bench::new(cli, &ground, &held)?;
        let mut checks = vec![files::local(network.as_ref(), is_refused)];
        checks.extend(ground.try_out(&bench, is_refused, args.seconds, &mut cli.progress()));
        Ok(checks)
    });
    let swept = sweeper.finish(held);
    let checks = checks?;
    if format == Format::Table {
        tell(cli, &ground, &checks)?;
    } else {
        cli.printer(&args.output)?.list(&checks)?;
    }
    swept?;
    let is_broken = checks.iter().any(|check| check.verdict == Verdict::Broken);
    Ok(if is_broken { Exit::Refused } else { Exit::Done })
}

/// Where a selftest has its things.
struct Ground {
    /// The data directory that is looked at.
    data: PathBuf,
    root: PathBuf,
    runtime: PathBuf,
    places: Places,
}

impl Ground {
    /// Makes the data directory and the runtime directory, where they are missing, and chooses names in them.
    fn choose(cli: &Cli) -> Result<Self, Failure> {
        let (data, runtime) = (cli.environment().data_dir()?, cli.environment().runtime_dir()?);
        fs::make_private_dir(&data)?;
        fs::make_private_dir(&runtime)?;
        let name = format!("{PREFIX}{}", fs::random_suffix());
        let (root, runtime) = (data.join(&name), runtime.join(&name));
        let places = Places { runtime: runtime.clone(), ..Places::below(&root) };
        Ok(Self { data, root, runtime, places })
    }

    fn prepare(&self) -> Result<(), Failure> {
        for dir in [&self.root, &self.runtime, &self.places.data, &self.files()] {
            fs::make_private_dir(dir)?;
        }
        self.places.write(".yoi/ticket.config.toml", "")
    }

    fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    /// All checks but the first.
    fn try_out(&self, bench: &Bench<'_>, is_refused: bool, time: Duration, progress: &mut Progress) -> Vec<Check> {
        progress.step("trying out files and locks");
        let mut checks = files::checks(bench, &self.files());
        progress.step("trying out processes");
        checks.extend(kernel::checks(bench, &self.runtime));
        if is_refused {
            let skip = |name| Check::skipped(name, "yoi writes no registry here");
            checks.extend([races::NAME, kills::RECORDS, kills::LAUNCHES, full::NAME].map(skip));
            return checks;
        }
        // A full disk has its own time; of the rest the races get the most.
        progress.step("filling a disk");
        checks.push(full::check(bench));
        let begun = Instant::now();
        progress.step("racing for tickets");
        checks.push(races::check(bench, begun + time.mul_f64(0.4)));
        progress.step("killing commits and releases");
        checks.push(kills::records(bench, begun + time.mul_f64(0.65)));
        progress.step("killing launches");
        checks.push(kills::launches(bench, begun + time));
        checks
    }
}

/// Tells the checks to a person, and the verdict last.
fn tell(cli: &mut Cli, ground: &Ground, checks: &[Check]) -> Result<(), Failure> {
    let paint = cli.paint();
    for check in checks {
        let verdict = format!("{:<8}", check.verdict.as_str());
        let verdict = paint.text(check.verdict.meaning(), &verdict);
        cli.say(format_args!("{verdict} {}: {}", check.name, visible(&check.what)))?;
        if check.verdict == Verdict::Broken || check.verdict == Verdict::Limited {
            cli.say(format_args!("         {}", paint.text(Meaning::Quiet, check.means)))?;
        }
    }
    let of = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    let place = path_text(&ground.data);
    let (meaning, text) = match (of(Verdict::Broken), of(Verdict::Skipped)) {
        (0, 0) => (Meaning::Good, format!("This machine keeps yoi's promises, in {place}.")),
        (0, skipped) => (
            Meaning::Good,
            format!("This machine keeps yoi's promises, in {place}, as far as tried: {skipped} skipped."),
        ),
        (broken, _) => (Meaning::Bad, format!("This machine breaks {broken} of yoi's promises, in {place}.")),
    };
    cli.say("")?;
    cli.say(paint.text(meaning, visible(&text)))
}
