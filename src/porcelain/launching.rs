//! What `yoi intake` and `yoi launch` share: executing a plan and saying what came of it.

use std::ffi::OsStr;
use std::time::Duration;

use crate::cli::args::{OutputArgs, seconds};
use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Field, Meaning, Place, Progress, Row, Value, doing, starting};
use crate::domain::{AgentSpec, Expect, PodName, Role, TicketId, Worktree, path_from_text};
use crate::launch::{LaunchOptions, Setup, Step, TicketRoleLaunchPlan, TicketRoleLaunchResult, launch_ticket_role_pod};
use crate::registry::Registry;
use crate::ticket::Source;

/// Arguments of every launch.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct LaunchArgs {
    /// Show what would be launched, what its agent would be told, and the plumbing commands that do it; run nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Wait until the Pod has done its first turn, and show it
    #[arg(long)]
    pub(super) wait: bool,
    /// How long the Pod may take until it is ready, besides the deadlines that its profile gives the agent
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "20")]
    ready_timeout: Duration,
    /// How long the Pod may take to accept the work
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "10")]
    accept_timeout: Duration,
    /// How long the Pod waits for its confirmation before it gives up, besides those deadlines
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    probation: Duration,
    #[command(flatten)]
    output: OutputArgs,
}

impl LaunchArgs {
    /// Refuses what excludes each other.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.wait && self.is_for_a_program() {
            let text = "--wait shows a conversation; it cannot be combined with --json, -z or --format";
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok(())
    }

    pub(super) fn options(&self) -> LaunchOptions {
        LaunchOptions { ready: self.ready_timeout, accept: self.accept_timeout, probation: self.probation }
    }

    fn is_for_a_program(&self) -> bool {
        self.output.json || self.output.nul || self.output.format.is_some()
    }
}

/// What a launch is asked for, besides its role.
pub(super) struct Wanted {
    pub(super) ticket: Option<TicketId>,
    pub(super) pod: Option<PodName>,
    pub(super) message: Option<String>,
    pub(super) in_worktree: bool,
}

/// Plans a launch and executes it, or prints the commands that would.
pub(super) fn run(
    role: Role,
    wanted: Wanted,
    setup: &Setup,
    args: &LaunchArgs,
    cli: &mut Cli,
) -> Result<Exit, Failure> {
    args.check()?;
    let Wanted { ticket, pod, message, in_worktree } = wanted;
    let mut plan = setup.plan(role, ticket.clone(), pod, message.clone())?;
    if let (true, Some(ticket)) = (in_worktree, &ticket) {
        plan = setup.in_worktree(plan, ticket)?;
    }
    let plan = &plan;
    if args.dry_run && args.output.json {
        cli.say(serde_json::to_string_pretty(plan).expect("a plan has string keys"))?;
        return Ok(Exit::Done);
    }
    if args.dry_run {
        cli.say(description(plan, setup)?)?;
        cli.say(script(plan, message.as_deref(), cli.place()))?;
        return Ok(Exit::Done);
    }
    let registry = cli.registry()?;
    // What can be told without the registry comes first: nothing is written for a launch that cannot be.
    let agent = setup.agent_of(plan)?;
    cli.prepare(&registry)?;
    let launched = {
        let services = cli.services(&registry)?;
        let mut progress = Steps::new(&agent, cli);
        let mut tell = |step| progress.tell(step);
        launch_ticket_role_pod(plan, agent, &services, &cli.restorable(&registry), args.options(), &mut tell)
    };
    let launched = launched.map_err(|error| Failure::of_launch(error, plan.profile.as_deref(), setup))?;
    told(launched, &registry, args, cli)
}

/// Says what came of a launch, and shows its first turn where that is wanted.
pub(super) fn told(
    launched: TicketRoleLaunchResult,
    registry: &Registry,
    args: &LaunchArgs,
    cli: &mut Cli,
) -> Result<Exit, Failure> {
    for warning in &launched.warnings {
        cli.warn(&Failure::new(Exit::Done, format!("warning: {warning}")));
    }
    if args.is_for_a_program() {
        cli.printer(&args.output)?.list(&[LaunchRow(launched)])?;
        return Ok(Exit::Done);
    }
    let paint = cli.paint();
    let pod = paint.text(Meaning::Name, &launched.pod).to_string();
    match &launched.claim {
        Some(claim) => {
            cli.say(format_args!("Pod {pod} took ticket {} (generation {})", claim.ticket, claim.generation))?
        }
        None => cli.say(format_args!("Pod {pod} runs"))?,
    }
    if let Some(Worktree { path, branch }) = &launched.worktree {
        let path = path_from_text(path);
        cli.say(format_args!("it works in {}, on branch {branch}", command([&path])))?;
        let main = registry.workspace().key_root.clone();
        let words: [&OsStr; 6] =
            ["git".as_ref(), "-C".as_ref(), main.as_ref(), "worktree".as_ref(), "remove".as_ref(), path.as_ref()];
        cli.say(format_args!("once its work is merged, remove that: {}", command(words)))?;
    }
    if args.wait {
        return super::conversation::follow_first_turn(cli, registry, &launched.pod);
    }
    cli.say(format!("see it work: {}", cli.command(["yoi", "attach", launched.pod.as_str()])))?;
    Ok(Exit::Done)
}

/// A launch, for programs.
struct LaunchRow(TicketRoleLaunchResult);

impl Row for LaunchRow {
    const KIND: &'static str = "launch";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("ticket", |row| row.0.claim.as_ref().map(|claim| Value::from(&claim.ticket)).into()),
        Field::column("pod", |row| (&row.0.pod).into()),
        Field::column("role", |row| row.0.session.role.into()),
        Field::column("generation", |row| row.0.claim.as_ref().map(|claim| claim.generation).into()),
        Field::full("expect", |row| row.0.claim.as_ref().map(Expect::from).into()),
        Field::full("pod_id", |row| row.0.pod_id.into()),
        Field::full("evidence", |row| row.0.evidence.into()),
        Field::full("socket", |row| row.0.socket.clone().into()),
        Field::full("worktree", |row| row.0.worktree.as_ref().map(Worktree::path).into()),
        Field::full("branch", |row| row.0.worktree.as_ref().map(|worktree| worktree.branch.clone()).into()),
        Field::full("warnings", |row| Value::List(row.0.warnings.clone())),
    ];
}

/// The steps of a launch, told as they begin.
pub(super) struct Steps {
    progress: Progress,
    starting: String,
}

impl Steps {
    pub(super) fn new(agent: &AgentSpec, cli: &Cli) -> Self {
        Self { progress: cli.progress(), starting: starting(agent) }
    }

    pub(super) fn tell(&mut self, step: Step) {
        self.progress.step(if step == Step::Spawn { &self.starting } else { doing(step) });
    }
}

/// What would be launched and what its agent would be told first, as comments of the script that follows it.
fn description(plan: &TicketRoleLaunchPlan, setup: &Setup) -> Result<String, Failure> {
    let config = setup.config().role(plan.role);
    let place = |source: Option<&Source>| source.map(|source| format!(" ({source})")).unwrap_or_default();
    let on = plan.ticket.as_ref().map(|ticket| format!(" on ticket {}", ticket.id)).unwrap_or_default();
    let profile = plan.profile.as_deref().unwrap_or("none, without which it cannot be launched");
    let workflow = setup.workflow_of(plan)?;
    let text = workflow.file.map_or_else(|| "built in".to_owned(), |file| command([file]));
    let mut lines = vec![
        format!("Pod {} as {}{on}", plan.pod, plan.role),
        format!("directory: {}", command([path_from_text(&plan.directory)])),
        format!("profile: {profile}{}", place(config.profile.as_ref().map(|set| &set.source))),
        format!("workflow: {}, {text}", plan.workflow),
    ];
    let worktree = plan.worktree.as_ref();
    lines.extend(worktree.map(|it| format!("worktree: {}, on branch {}", command([it.path()]), it.branch)));
    lines.extend(plan.launch_prompt.as_ref().map(|prompt| format!("launch prompt: {prompt}")));
    lines.push("what its agent is told first:".to_owned());
    let told = setup.first_prompt(plan)?;
    lines.extend(told.trim_end().lines().map(|line| format!("  {line}")));
    let shown = lines.iter().map(|line| format!("# {}", visible(line)).trim_end().to_owned());
    Ok(shown.collect::<Vec<_>>().join("\n"))
}

/// The plumbing commands that do what this launch does, as one command to paste; on a ticket they run under
/// `ticket-lock`. The plan's file and the message are handed to them, so that they stand unquoted where they are used.
fn script(plan: &TicketRoleLaunchPlan, message: Option<&str>, place: &Place) -> String {
    let (pod, role, origin) = (plan.pod.as_str(), plan.role.as_str(), plan.origin.as_str());
    let profile = plan.profile.as_deref().unwrap_or("PROFILE");
    let id = plan.ticket.as_ref().map(|ticket| ticket.id.as_str());
    let ticket: Vec<&str> = id.iter().flat_map(|id| ["--ticket", *id]).collect();
    let line = |words: &[&str], more: &[&str]| place.command(["yoi-claim"].iter().chain(words).chain(more));
    let said = if message.is_some() { " --instruction \"$2\"" } else { "" };
    let directory = path_from_text(&plan.directory);
    let mut lines = Vec::new();
    let mut spawn = line(&["pod-spawn", pod, "--role", role, "--profile", profile], &ticket);
    if let Some(worktree) = &plan.worktree {
        let (path, branch) = (command([worktree.path()]), command([&worktree.branch]));
        let add = format!("git worktree add --quiet {path} {branch} 2>/dev/null");
        lines.push(format!("[ -d {path} ] || {add} || git worktree add --quiet -b {branch} {path}"));
        spawn += &format!(" --directory {}", command([directory]));
    }
    lines.extend([line(&["launch-plan", "--role", role, "--pod", pod], &ticket) + said + " >\"$1\"", spawn]);
    let run = line(&["pod-run", pod], &[]) + " --plan \"$1\"";
    lines.push(if id.is_some() { format!("evidence=$({run})") } else { run });
    if let Some(id) = id {
        lines.push(line(&["claim-commit", id, "--pod", pod, "--role", role], &[]) + " --evidence \"$evidence\"");
    }
    lines.push(line(&["session-record", pod, "--role", role, "--origin", origin], &ticket));
    lines.push(line(&["pod-confirm", pod], &[]));
    let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
    let locked = id.map(|id| line(&["ticket-lock", id, "--"], &[]) + " ").unwrap_or_default();
    let mut script = format!("{locked}sh -ec '{}' sh \"$(mktemp)\"", lines.replace('\'', "'\\''"));
    if let Some(message) = message {
        script += &format!(" {}", command([message]));
    }
    script
}
