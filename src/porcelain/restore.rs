//! `yoi restore`: brings a stopped Pod back.

use std::ffi::OsString;
use std::time::Duration;

use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, starting};
use crate::domain::{PodName, PodRecord};
use crate::launch::{HoldRequest, LaunchOptions, restore_pod, stopped_pod};
use crate::registry::Registry;

/// Bring a stopped Pod back under its name, role, tickets and history
///
/// Refused when the claim on its ticket has moved on to another Pod. A Pod that a person had in a terminal
/// (yoi-claim pod-hold) runs its command in this one, and is back for as long as that runs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Bring a Pod back, and give it a turn:
    $ yoi restore intake-20260118-101544-001
    $ yoi attach intake-20260118-101544-001 -m \"look again\"
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    let record = stopped_pod(&registry, &args.pod)?;
    if record.is_held() {
        return take_up(record, &registry, cli);
    }
    let agent = cli.setup()?.agent(record.role, &record.profile, format!("the record of Pod {}", record.pod))?;
    let mut progress = cli.progress();
    progress.step(&starting(&agent));
    let restored =
        restore_pod(record, agent, &cli.services(&registry)?, &cli.restorable(&registry), LaunchOptions::default())?;
    drop(progress);
    let tickets: Vec<String> = restored.claims.iter().map(|claim| claim.ticket.to_string()).collect();
    match tickets.as_slice() {
        [] => cli.say(format_args!("Pod {} is back", args.pod))?,
        tickets => cli.say(format_args!("Pod {} is back, with {}", args.pod, tickets.join(", ")))?,
    }
    cli.say(format!("talk to it: {}", cli.command(["yoi", "attach", args.pod.as_str()])))?;
    Ok(Exit::Done)
}

/// Runs the command of a Pod that a person had in a terminal, in this one.
fn take_up(record: PodRecord, registry: &Registry, cli: &mut Cli) -> Result<Exit, Failure> {
    let line = command(hold_line(&record));
    if !cli.is_interactive() {
        let text = format!("cannot restore Pod {} here: its program needs a terminal", record.pod);
        return Err(Failure::new(Exit::Refused, text).hint(line));
    }
    cli.say(line)?;
    let request = HoldRequest {
        directory: record.directory(),
        command: record.command(),
        pod: record.pod,
        role: record.role,
        ticket: record.ticket,
        wait: Duration::ZERO,
        handed_down: None,
    };
    cli.hold(registry, request)
}

/// The command line by which a person takes such a Pod up again.
fn hold_line(record: &PodRecord) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["yoi-claim".into(), "-C".into(), record.directory().into()];
    words.extend(["pod-hold", record.pod.as_str(), "--role", record.role.as_str()].map(OsString::from));
    words.extend(record.ticket.iter().flat_map(|ticket| ["--ticket", ticket.as_str()]).map(OsString::from));
    words.push("--".into());
    words.extend(record.command());
    words
}
