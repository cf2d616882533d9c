//! `yoi-claim`: small, silent, stable verbs for scripts. One file a verb: parse, call one operation, render.

mod claim_check;
mod claim_commit;
mod claim_complete;
mod claim_list;
mod claim_release;
mod claim_show;
mod common;
mod launch_plan;
mod pod_confirm;
mod pod_list;
mod pod_run;
mod pod_shutdown;
mod pod_spawn;
mod pod_status;
mod session_list;
mod session_record;
mod session_show;
mod shutdown_after_idle;
mod ticket_lock;
mod workspace_key;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::args::{GlobalArgs, OutputArgs};
use crate::cli::{Cli, CommandLine, Exit, Failure, Program};

/// Claims, sessions, ticket locks and Pods for any script and any tracker
///
/// A ticket id is an opaque name of 1 to 512 bytes. Listings are TAB-separated, one record a line, in UTC; each verb's
/// output and exit statuses are promised to scripts.
#[derive(Debug, clap::Parser)]
#[command(name = "yoi-claim", version, subcommand_value_name = "VERB", subcommand_help_heading = "Verbs")]
#[command(disable_help_subcommand = true)]
struct YoiClaim {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    ClaimCommit(claim_commit::Args),
    ClaimShow(claim_show::Args),
    ClaimList(claim_list::Args),
    ClaimCheck(claim_check::Args),
    ClaimComplete(claim_complete::Args),
    ClaimRelease(claim_release::Args),
    SessionRecord(session_record::Args),
    SessionShow(session_show::Args),
    SessionList(session_list::Args),
    TicketLock(ticket_lock::Args),
    LaunchPlan(launch_plan::Args),
    PodSpawn(pod_spawn::Args),
    PodRun(pod_run::Args),
    PodConfirm(pod_confirm::Args),
    PodStatus(pod_status::Args),
    PodList(pod_list::Args),
    PodShutdown(pod_shutdown::Args),
    ShutdownAfterIdle(shutdown_after_idle::Args),
    WorkspaceKey(workspace_key::Args),
}

impl CommandLine for YoiClaim {
    fn global(&self) -> &GlobalArgs {
        &self.global
    }
}

/// The command line of `yoi-claim`, as manual pages and completions are made from it.
pub fn command() -> clap::Command {
    YoiClaim::command()
}

/// Runs `yoi-claim`.
pub fn main() -> ExitCode {
    crate::cli::run(Program::Plumbing, |line: YoiClaim, cli: &mut Cli| line.verb.run(&line.output, cli))
}

impl Verb {
    fn run(self, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
        match self {
            Self::ClaimCommit(args) => claim_commit::run(args, cli),
            Self::ClaimShow(args) => claim_show::run(args, output, cli),
            Self::ClaimList(args) => claim_list::run(args, output, cli),
            Self::ClaimCheck(args) => claim_check::run(args, cli),
            Self::ClaimComplete(args) => claim_complete::run(args, cli),
            Self::ClaimRelease(args) => claim_release::run(args, cli),
            Self::SessionRecord(args) => session_record::run(args, cli),
            Self::SessionShow(args) => session_show::run(args, output, cli),
            Self::SessionList(args) => session_list::run(args, output, cli),
            Self::TicketLock(args) => ticket_lock::run(args, cli),
            Self::LaunchPlan(args) => launch_plan::run(args, cli),
            Self::PodSpawn(args) => pod_spawn::run(args, cli),
            Self::PodRun(args) => pod_run::run(args, cli),
            Self::PodConfirm(args) => pod_confirm::run(args, cli),
            Self::PodStatus(args) => pod_status::run(args, output, cli),
            Self::PodList(args) => pod_list::run(args, output, cli),
            Self::PodShutdown(args) => pod_shutdown::run(args, cli),
            Self::ShutdownAfterIdle(args) => shutdown_after_idle::run(args, cli),
            Self::WorkspaceKey(args) => workspace_key::run(args, output, cli),
        }
    }
}
