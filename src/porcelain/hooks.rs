//! `yoi hooks`: git hooks that refuse work whose claim was lost.

use clap::Subcommand;

use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, Meaning};
use crate::launch::hooks::{self, CHECK, Hook, HookState, HooksError};

/// Let git refuse an agent's commit or push once its claim was lost
///
/// The hooks ask yoi-claim claim-check whether the claim that the agent was given still stands. They do nothing outside
/// of a Pod, where YOI_CLAIM is not set.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Install the hooks, and look at them:
    $ yoi hooks install
    $ yoi hooks status
  Take them away:
    $ yoi hooks remove
")]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write pre-commit and pre-push where there is none
    #[command(after_long_help = "\
Examples:
  Install the hooks; another's hook is left alone, and told of with the line to add to it:
    $ yoi hooks install
")]
    Install,
    /// Remove the hooks that were installed
    #[command(after_long_help = "\
Examples:
  Remove the hooks; those of others stay:
    $ yoi hooks remove
")]
    Remove,
    /// Show what stands in the place of each hook
    #[command(after_long_help = "\
Examples:
  See whether the hooks are there:
    $ yoi hooks status
")]
    Status,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let found = hooks::hooks(&cli.workspace()?.root)?;
    match args.action {
        Action::Install => install(&found, cli),
        Action::Remove => remove(&found, cli),
        Action::Status => status(&found, cli),
    }
}

fn install(found: &[Hook], cli: &mut Cli) -> Result<Exit, Failure> {
    let written = hooks::install(found)?;
    for hook in &written {
        cli.say(format_args!("wrote {}", command([&hook.path])))?;
    }
    let foreign: Vec<&Hook> = found.iter().filter(|hook| hook.state == HookState::Foreign).collect();
    if !foreign.is_empty() {
        let names: Vec<String> = foreign.iter().map(|hook| command([&hook.path])).collect();
        let text = format!("{} is not ours and stays as it is; add this line to it: {CHECK}", names.join(" and "));
        return Err(Failure::new(Exit::Refused, text).hint("yoi hooks status"));
    }
    if written.is_empty() {
        cli.say("the hooks are there already")?;
    }
    Ok(Exit::Done)
}

fn remove(found: &[Hook], cli: &mut Cli) -> Result<Exit, Failure> {
    if cli.is_inside_pod() {
        return Err(Failure::new(Exit::Refused, "cannot remove the hooks from inside a Pod"));
    }
    let removed = hooks::remove(found)?;
    for hook in &removed {
        cli.say(format_args!("removed {}", command([&hook.path])))?;
    }
    if removed.is_empty() {
        cli.say("there are no hooks of ours")?;
    }
    Ok(Exit::Done)
}

fn status(found: &[Hook], cli: &mut Cli) -> Result<Exit, Failure> {
    let paint = cli.paint();
    for hook in found {
        let (meaning, text) = match hook.state {
            HookState::Missing => (Meaning::Attention, "missing"),
            HookState::Installed => (Meaning::Good, "installed"),
            HookState::Outdated => (Meaning::Attention, "installed by another version"),
            HookState::Checks => (Meaning::Good, "another's, which makes the check"),
            HookState::Foreign => (Meaning::Attention, "another's, which does not make the check"),
        };
        cli.say(format_args!("{}  {}  {}", hook.name, paint.text(meaning, text), command([&hook.path])))?;
    }
    let kept = found.iter().all(|hook| matches!(hook.state, HookState::Installed | HookState::Checks));
    Ok(if kept { Exit::Done } else { Exit::Refused })
}

impl From<HooksError> for Failure {
    fn from(error: HooksError) -> Self {
        match &error {
            HooksError::NoRepository { .. } => Self::of(Exit::Refused, &error).hint("git init"),
            HooksError::Git(_) | HooksError::Io(_) => Self::of(Exit::Environment, &error),
        }
    }
}
