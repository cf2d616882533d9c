//! `yoi-claim`: small, silent, stable verbs for scripts. One file a verb: parse, call one operation, render.

mod claim_check;
mod claim_commit;
mod claim_complete;
mod claim_list;
mod claim_reclaim;
mod claim_release;
mod claim_show;
mod commit_lines;
mod common;
mod complete;
mod gc;
mod journal;
mod launch_plan;
mod pod_confirm;
mod pod_hold;
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
mod verify;
mod watch;
mod workspace_adopt;
mod workspace_key;

use std::process::ExitCode;

use clap::{Args as _, CommandFactory as _};

use crate::cli::args::{GlobalArgs, OutputArgs};
use crate::cli::commands::commands;
use crate::cli::{Cli, CommandLine, Program};

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

commands! {
    Verb, output: &OutputArgs;
    "claim-commit" ClaimCommit(claim_commit, output);
    "claim-show" ClaimShow(claim_show, output);
    "claim-list" ClaimList(claim_list, output);
    "claim-check" ClaimCheck(claim_check);
    "claim-complete" ClaimComplete(claim_complete);
    "claim-release" ClaimRelease(claim_release);
    "claim-reclaim" ClaimReclaim(claim_reclaim);
    "session-record" SessionRecord(session_record);
    "session-show" SessionShow(session_show, output);
    "session-list" SessionList(session_list, output);
    "ticket-lock" TicketLock(ticket_lock);
    "launch-plan" LaunchPlan(launch_plan);
    "pod-hold" PodHold(pod_hold);
    "pod-spawn" PodSpawn(pod_spawn);
    "pod-run" PodRun(pod_run);
    "pod-confirm" PodConfirm(pod_confirm);
    "pod-status" PodStatus(pod_status, output);
    "pod-list" PodList(pod_list, output);
    "pod-shutdown" PodShutdown(pod_shutdown);
    "shutdown-after-idle" ShutdownAfterIdle(shutdown_after_idle);
    "workspace-key" WorkspaceKey(workspace_key, output);
    "workspace-adopt" WorkspaceAdopt(workspace_adopt);
    "journal" Journal(journal, output);
    "complete" Complete(complete);
    "watch" Watch(watch, output);
    "verify" Verify(verify, output);
    "gc" Gc(gc, output);
}

impl CommandLine for YoiClaim {
    fn global(&self) -> &GlobalArgs {
        &self.global
    }

    fn alone(name: &str) -> Option<clap::Command> {
        let program = clap::Command::new("yoi-claim").subcommand_required(true).subcommand(Verb::parser(name)?);
        Some(OutputArgs::augment_args(GlobalArgs::augment_args(program)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::commands::tests::{
        assert_each_is_alone_what_it_is_among_all, assert_read_alike_alone_and_among_all,
    };

    #[test]
    fn a_verb_parsed_alone_is_the_verb_that_all_parse() {
        assert_each_is_alone_what_it_is_among_all::<YoiClaim>();
    }

    #[test]
    fn a_command_line_is_read_alike_by_one_verb_and_by_all() {
        assert_read_alike_alone_and_among_all::<YoiClaim>(&[
            "yoi-claim claim-show T",
            "yoi-claim -C claim-list claim-show claim-check --json",
            "yoi-claim --format {pod} -z claim-list --status live",
            "yoi-claim claim-commit claim-show --pod P --role coder --wait 0.5 --expect 3",
            "yoi-claim ticket-lock T -- yoi-claim claim-show T",
            "yoi-claim -C ticket-lock",
            "yoi-claim claim-commit T",
            "yoi-claim pod claim-show",
            "yoi-claim claim-show --help",
            "yoi-claim --version claim-show",
            "yoi-claim claim-show --version",
            "yoi-claim",
        ]);
    }
}
