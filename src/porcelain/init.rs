//! `yoi init`: makes a workspace, and configures an agent that is installed.

use std::path::Path;

use crate::cli::args::role;
use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Meaning};
use crate::domain::Role;
use crate::ticket::{self, ConfigureError, Configuring, Edit, KnownAgent, ways_to_run};

/// Make this directory a workspace: tickets, and a commented configuration
///
/// Makes .yoi/ with ticket.config.toml, tickets/ and .gitignore. What is there already stays as it is. With --agent, an
/// agent that is installed gets a profile of that name in .yoi/profiles.toml, and every role without a profile runs it:
/// intake, which has the built-in agent, only where --role says so. Lines are added and shown, and none is changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Begin in a repository, and make the first ticket:
    $ yoi init
    $ yoi ticket new \"Retry failed uploads\"
  Have an agent that is installed work in all roles that have none; see what it offers:
    $ yoi init --agent llm
    $ yoi profiles check project:llm
  Have it work in one role alone:
    $ yoi init --agent llm --role coder
")]
pub(super) struct Args {
    /// Have roles run this agent, such as claude, codex or opencode
    #[arg(long)]
    agent: Option<String>,
    /// Only this role, even if it runs the built-in agent; may be given several times
    #[arg(long, value_parser = role(), requires = "agent")]
    role: Vec<Role>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let workspace = cli.workspace()?;
    // What cannot be configured makes no workspace either.
    let known = args.agent.as_deref().map(|agent| installed(agent, cli)).transpose()?;
    if let Some(role) = args.role.iter().find(|role| !role.is_launchable()) {
        return Err(Failure::new(Exit::Usage, format!("cannot have role {role} run an agent: yoi never launches it")));
    }
    let made = ticket::init(&workspace.root)?;
    for path in &made {
        let shown = path.strip_prefix(&workspace.root).unwrap_or(path);
        cli.say(format_args!("made {}", command([shown])))?;
    }
    match known {
        Some(known) => configure(known, &args.role, &workspace.root, cli)?,
        None if made.is_empty() => {
            cli.say(format_args!("{} is a workspace already", command([&workspace.root])))?;
        }
        None => {}
    }
    Ok(Exit::Done)
}

/// The best way to run an agent on this machine.
fn installed(agent: &str, cli: &Cli) -> Result<&'static KnownAgent, Failure> {
    cli.refuse_inside_pod("configure an agent")?;
    let surroundings = cli.surroundings();
    let ways = ways_to_run(agent);
    if let Some(way) = ways.iter().find(|way| way.find(surroundings.search_path.as_ref()).is_some()) {
        return Ok(way);
    }
    let found = ticket::installed_agents(surroundings.search_path.as_ref());
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    match ways.as_slice() {
        [] => {
            let text = format!("there is no agent {agent:?} that yoi knows; agents found: {found}");
            Err(Failure::new(Exit::Refused, text).hint(command(["yoi", "profiles"])))
        }
        ways => {
            let programs: Vec<String> = ways.iter().map(|way| format!("{:?}", way.program())).collect();
            let text =
                format!("agent {agent} is not installed: PATH has no {}; agents found: {found}", programs.join(" or "));
            Err(Failure::new(Exit::Refused, text).hint(ways[0].install))
        }
    }
}

fn configure(known: &'static KnownAgent, roles: &[Role], root: &Path, cli: &mut Cli) -> Result<(), Failure> {
    let configuring = Configuring::plan(root, known, roles)?;
    configuring.write(&cli.setup()?.tickets())?;
    for edit in &configuring.edits {
        show(edit, root, cli)?;
    }
    let profile = configuring.profile.to_string();
    let setup = cli.setup()?;
    let roles: Vec<String> = setup.roles_of(&configuring.profile).iter().map(ToString::to_string).collect();
    match (roles.as_slice(), configuring.edits.as_slice()) {
        (roles, []) => {
            let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
            cli.say(format_args!("profile {profile} is there already; it is run by {roles}"))?;
        }
        ([], _) => cli.say(format_args!("profile {profile} is run by no role: all have another one"))?,
        (roles, _) => cli.say(format_args!("profile {profile} is run by {}", roles.join(", ")))?,
    }
    better_way(known, cli)?;
    cli.say(format_args!("see what it offers: {}", command(["yoi", "profiles", "check", &profile])))
}

/// The lines that a file has got.
fn show(edit: &Edit, root: &Path, cli: &mut Cli) -> Result<(), Failure> {
    let shown = edit.file.strip_prefix(root).unwrap_or(&edit.file);
    cli.say(format_args!("added to {}", command([shown])))?;
    let paint = cli.paint();
    edit.added
        .iter()
        .try_for_each(|line| cli.say(format_args!("  {}", paint.text(Meaning::Good, format!("+ {}", visible(line))))))
}

/// Says which program would make more of an agent that is run anew each turn.
fn better_way(known: &KnownAgent, cli: &mut Cli) -> Result<(), Failure> {
    match ways_to_run(known.agent()).first() {
        Some(best) if best.name != known.name => cli.say(format_args!(
            "it is run anew each turn; with {} it would keep its session and ask for permission: {}",
            best.program(),
            best.install
        )),
        _ => Ok(()),
    }
}

impl From<ConfigureError> for Failure {
    fn from(error: ConfigureError) -> Self {
        match error {
            ConfigureError::Config(error) => error.into(),
            ConfigureError::Write(error) => error.into(),
            ConfigureError::Changed { .. } => Self::of(Exit::Busy, &error),
            ConfigureError::OtherProfile { .. } | ConfigureError::OtherRole { .. } | ConfigureError::ByHand { .. } => {
                Self::of(Exit::Refused, &error)
            }
        }
    }
}
