//! `yoi profiles check`: starts an agent, shows what it offers, and stops it.
//!
//! It works in a directory of its own, with a registry of its own, which are gone when the command has ended, however it
//! ended: see [`scratch`].

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::cli::args::OutputArgs;
use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Field, Meaning, Row, Value, starting};
use crate::domain::AgentSpec;
use crate::fs::IoContext as _;
use crate::launch::{ProbeError, Setup, probe};
use crate::pod::protocol::{AgentOffer, Offered};
use crate::porcelain::scratch::{self, Places, Sweeper};
use crate::ticket::{ProfileError, ProfileRef};

/// How the directory of a check begins; nothing else is ever removed.
const PREFIX: &str = "yoi-check-";

/// Start an agent, show what it offers, and stop it
///
/// Starts the agent of a profile as a Pod would be launched with it, but in an empty directory of its own: nothing of the
/// workspace is touched, no ticket is claimed, and the agent is given no work. Of an agent that speaks a protocol it shows
/// the version, its own name, whether it can take up an earlier session, its modes and authentication methods, and how long
/// it took until it had a session and yoi's tools; of any other, that its program can be run.
///
/// Exits with 1 when there is no such profile or its program is not there, and with 4 when the agent did not come up.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See what an agent of this workspace offers:
    $ yoi profiles check project:fast
  Tell in a script whether it comes up:
    $ yoi profiles check builtin:checklist >/dev/null && echo ready
")]
pub(super) struct Args {
    /// The profile, such as builtin:codex; without its origin where only one has that name
    #[arg(required_unless_present = "sweep")]
    profile: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
    /// Be the process that cleans up behind a check
    #[arg(long, hide = true)]
    sweep: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let Some(name) = args.profile.filter(|_| !args.sweep) else { return sweep() };
    let setup = cli.setup()?;
    let profile = find(&setup, &name)?;
    let agent = setup.resolve(&profile)?;
    let format = args.output.format(cli.program())?;
    let begun = Instant::now();
    let offer = match &agent {
        AgentSpec::Acp(_) => look_at(&profile, &agent, cli)
            .map_err(|failure| setup.how_to_change(&profile).into_iter().fold(failure, Failure::hint))?,
        AgentSpec::Checklist { .. } | AgentSpec::Exec { .. } => None,
    };
    let row = CheckRow { profile, took: offer.is_some().then(|| begun.elapsed()), agent, offer };
    match format {
        crate::cli::Format::Table => tell(&row, cli)?,
        _ => cli.printer(&args.output)?.one(&row)?,
    }
    Ok(Exit::Done)
}

/// The profile that is meant: by its whole name, or by the part of it that no other has.
fn find(setup: &Setup, name: &str) -> Result<ProfileRef, Failure> {
    if let Ok(profile) = name.parse() {
        return Ok(profile);
    }
    let ends_in = format!(":{name}");
    let mut found: Vec<ProfileRef> = setup.profiles().0.into_iter().map(|listed| listed.profile).collect();
    found.retain(|profile| profile.to_string().ends_with(&ends_in));
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] => {
            let text = format!("there is no profile {name:?}");
            Err(Failure::new(Exit::Refused, text).hint(command(["yoi", "profiles"])))
        }
        several => {
            let names: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(Failure::new(Exit::Refused, format!("{name:?} may be each of {}", names.join(", "))))
        }
    }
}

fn look_at(profile: &ProfileRef, agent: &AgentSpec, cli: &Cli) -> Result<Option<AgentOffer>, Failure> {
    let temporary = tempfile::Builder::new().prefix(PREFIX).tempdir();
    let temporary = temporary.context("make", "a temporary directory".as_ref())?;
    let (sweeper, held) = Sweeper::start(cli, &["profiles", "check", "--sweep"], &[temporary.path()])?;
    // From now on the sweeper removes it, whatever becomes of this process.
    let root = temporary.keep();
    let mut progress = cli.progress();
    progress.step(&starting(agent));
    let said = start(profile, agent, &root, cli);
    progress.step("stopping it");
    let swept = sweeper.finish(held);
    drop(progress);
    let offer = said?;
    swept.map(|()| offer)
}

fn start(profile: &ProfileRef, agent: &AgentSpec, root: &Path, cli: &Cli) -> Result<Option<AgentOffer>, Failure> {
    let places = Places::below(root);
    // A workspace of its own, whatever lies above the temporary directory.
    let yoi = places.workspace.join(".yoi");
    std::fs::create_dir_all(&yoi).context("make the directory", &yoi)?;
    let registry = places.registry()?;
    cli.prepare(&registry)?;
    let services = cli.services(&registry)?;
    probe(&services, profile.to_string(), agent.clone(), places.workspace.clone()).map_err(|error| {
        let (exit, log) = match &error {
            ProbeError::Failed(failed) => (Exit::LaunchFailed, failed.log.clone()),
            ProbeError::Silent(_) => (Exit::LaunchFailed, String::new()),
            ProbeError::NotStarted(_) | ProbeError::Stays(_) => (Exit::Environment, String::new()),
        };
        let failure = Failure::of(exit, &error).while_doing(format!("cannot start the agent of profile {profile}"));
        if log.is_empty() { failure } else { failure.detail(log) }
    })
}

/// Waits for the end of a check, of which standard input tells the directory, and cleans up behind it.
fn sweep() -> Result<Exit, Failure> {
    let roots = scratch::await_end(PREFIX)?;
    roots.iter().try_for_each(|root| Places::below(root).end_pods())?;
    scratch::remove(&roots)?;
    Ok(Exit::Done)
}

/// An agent that can be started, and what it said of itself.
#[derive(Debug)]
struct CheckRow {
    profile: ProfileRef,
    agent: AgentSpec,
    offer: Option<AgentOffer>,
    took: Option<Duration>,
}

impl CheckRow {
    fn of<T: Into<Value>>(&self, get: impl FnOnce(&AgentOffer) -> T) -> Value {
        self.offer.as_ref().map_or(Value::Absent, |offer| get(offer).into())
    }

    fn program(&self) -> Option<String> {
        self.agent.command().first().map(|program| visible(program).into_owned())
    }
}

impl Row for CheckRow {
    const KIND: &'static str = "profile_check";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("profile", |row| Value::Word(Meaning::Name, row.profile.to_string())),
        Field::column("agent", |row| row.agent.kind().into()),
        Field::column("protocol", |row| row.of(|offer| u64::from(offer.protocol))),
        Field::column("name", |row| row.of(|offer| offer.name.as_ref().map(|name| visible(name).into_owned()))),
        Field::column("program", |row| row.program().into()),
        Field::full("loads", |row| row.of(|offer| Value::Flag(offer.loads))),
        Field::full("mode", |row| row.of(|offer| offer.mode.clone())),
        Field::full("modes", |row| row.of(|offer| Value::Json(offered(&offer.modes)))),
        Field::full("auth_methods", |row| row.of(|offer| Value::Json(offered(&offer.auth_methods)))),
        Field::full("session_ms", |row| row.of(|offer| offer.session_ms)),
        Field::full("tools_ms", |row| row.of(|offer| offer.tools_ms)),
        Field::full("took_ms", |row| row.took.and_then(|took| u64::try_from(took.as_millis()).ok()).into()),
    ];
}

fn offered(offered: &[Offered]) -> Json {
    let one = |offered: &Offered| json!({ "id": offered.id, "name": offered.name, "description": offered.description });
    offered.iter().map(one).collect()
}

fn tell(row: &CheckRow, cli: &mut Cli) -> Result<(), Failure> {
    let program = row.program().unwrap_or_default();
    let Some(offer) = &row.offer else {
        return match row.agent {
            AgentSpec::Checklist { .. } => cli.say(format_args!("{} is built in", row.profile)),
            _ => cli.say(format_args!("{}: {program} is there; it is run anew each turn", row.profile)),
        };
    };
    let paint = cli.paint();
    let name = offer.name.as_deref().unwrap_or("an agent that does not say its name");
    cli.say(format_args!(
        "{}: {} came up",
        paint.text(Meaning::Name, &row.profile),
        paint.text(Meaning::Good, visible(name))
    ))?;
    cli.say(format_args!("  program    {program}"))?;
    cli.say(format_args!("  protocol   Agent Client Protocol, version {}", offer.protocol))?;
    let loads = if offer.loads { "it takes its session up again" } else { "a new session is told what went before" };
    cli.say(format_args!("  restore    {loads}"))?;
    list("modes", &offer.modes, offer.mode.as_deref(), cli)?;
    list("auth", &offer.auth_methods, None, cli)?;
    let seconds = |millis: u64| format!("{:.1} s", Duration::from_millis(millis).as_secs_f64());
    cli.say(format_args!(
        "  time       {} until its session, {} more until its tools",
        seconds(offer.session_ms),
        seconds(offer.tools_ms)
    ))
}

/// What can be chosen by its id in a profile.
fn list(what: &str, offered: &[Offered], present: Option<&str>, cli: &mut Cli) -> Result<(), Failure> {
    let mut what = what;
    if offered.is_empty() {
        return cli.say(format_args!("  {what:<9}  none"));
    }
    for Offered { id, name, description } in offered {
        let paint = cli.paint();
        let mark = if present == Some(id) { " (its session is in it)" } else { "" };
        let more = description.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        let more = visible(&format!("{name}{more}")).into_owned();
        cli.say(format_args!("  {what:<9}  {}  {more}{mark}", paint.text(Meaning::Name, visible(id))))?;
        what = "";
    }
    Ok(())
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        match &error {
            ProfileError::NotInstalled { known, .. } => Self::of(Exit::Refused, &error).hint(known.install),
            ProfileError::Invalid(_) => Self::of(Exit::Usage, &error),
            ProfileError::Inherit | ProfileError::NotFound { .. } | ProfileError::ProgramMissing { .. } => {
                Self::of(Exit::Refused, &error).hint(command(["yoi", "profiles"]))
            }
        }
    }
}
