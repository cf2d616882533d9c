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

/// A line a verb. Each verb also has a parser of its own: making those of all the others takes longer than a claim.
macro_rules! verbs {
    ($($name:literal $verb:ident($module:ident);)*) => {
        #[derive(Debug, clap::Subcommand)]
        enum Verb {
            $(#[command(name = $name)] $verb($module::Args),)*
        }

        impl Verb {
            /// The parser of the verb of this name alone.
            fn parser(name: &str) -> Option<clap::Command> {
                match name {
                    $($name => Some($module::Args::augment_args(clap::Command::new($name))),)*
                    _ => None,
                }
            }
        }
    };
}

verbs! {
    "claim-commit" ClaimCommit(claim_commit);
    "claim-show" ClaimShow(claim_show);
    "claim-list" ClaimList(claim_list);
    "claim-check" ClaimCheck(claim_check);
    "claim-complete" ClaimComplete(claim_complete);
    "claim-release" ClaimRelease(claim_release);
    "claim-reclaim" ClaimReclaim(claim_reclaim);
    "session-record" SessionRecord(session_record);
    "session-show" SessionShow(session_show);
    "session-list" SessionList(session_list);
    "ticket-lock" TicketLock(ticket_lock);
    "launch-plan" LaunchPlan(launch_plan);
    "pod-hold" PodHold(pod_hold);
    "pod-spawn" PodSpawn(pod_spawn);
    "pod-run" PodRun(pod_run);
    "pod-confirm" PodConfirm(pod_confirm);
    "pod-status" PodStatus(pod_status);
    "pod-list" PodList(pod_list);
    "pod-shutdown" PodShutdown(pod_shutdown);
    "shutdown-after-idle" ShutdownAfterIdle(shutdown_after_idle);
    "workspace-key" WorkspaceKey(workspace_key);
    "workspace-adopt" WorkspaceAdopt(workspace_adopt);
    "journal" Journal(journal);
    "complete" Complete(complete);
    "watch" Watch(watch);
    "verify" Verify(verify);
    "gc" Gc(gc);
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

impl Verb {
    fn run(self, output: &OutputArgs, cli: &mut Cli) -> Result<Exit, Failure> {
        match self {
            Self::ClaimCommit(args) => claim_commit::run(args, output, cli),
            Self::ClaimShow(args) => claim_show::run(args, output, cli),
            Self::ClaimList(args) => claim_list::run(args, output, cli),
            Self::ClaimCheck(args) => claim_check::run(args, cli),
            Self::ClaimComplete(args) => claim_complete::run(args, cli),
            Self::ClaimRelease(args) => claim_release::run(args, cli),
            Self::ClaimReclaim(args) => claim_reclaim::run(args, cli),
            Self::SessionRecord(args) => session_record::run(args, cli),
            Self::SessionShow(args) => session_show::run(args, output, cli),
            Self::SessionList(args) => session_list::run(args, output, cli),
            Self::TicketLock(args) => ticket_lock::run(args, cli),
            Self::LaunchPlan(args) => launch_plan::run(args, cli),
            Self::PodHold(args) => pod_hold::run(args, cli),
            Self::PodSpawn(args) => pod_spawn::run(args, cli),
            Self::PodRun(args) => pod_run::run(args, cli),
            Self::PodConfirm(args) => pod_confirm::run(args, cli),
            Self::PodStatus(args) => pod_status::run(args, output, cli),
            Self::PodList(args) => pod_list::run(args, output, cli),
            Self::PodShutdown(args) => pod_shutdown::run(args, cli),
            Self::ShutdownAfterIdle(args) => shutdown_after_idle::run(args, cli),
            Self::WorkspaceKey(args) => workspace_key::run(args, output, cli),
            Self::WorkspaceAdopt(args) => workspace_adopt::run(args, cli),
            Self::Journal(args) => journal::run(args, output, cli),
            Self::Complete(args) => complete::run(args, cli),
            Self::Watch(args) => watch::run(args, output, cli),
            Self::Verify(args) => verify::run(args, output, cli),
            Self::Gc(args) => gc::run(args, output, cli),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[test]
    fn a_verb_parsed_alone_is_the_verb_that_all_parse() {
        let whole = command();
        for verb in whole.get_subcommands() {
            let mut alone = YoiClaim::alone(verb.get_name()).unwrap();
            alone.clone().debug_assert();
            let alone = alone.find_subcommand_mut(verb.get_name()).unwrap();
            assert_eq!(alone.render_long_help().to_string(), verb.clone().render_long_help().to_string());
        }
    }

    #[test]
    fn a_command_line_is_read_alike_by_one_verb_and_by_all() {
        for line in [
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
        ] {
            let words: Vec<std::ffi::OsString> = line.split(' ').map(Into::into).collect();
            let told = |read: Result<YoiClaim, clap::Error>| format!("{:?}", read.map_err(|error| error.to_string()));
            let read = crate::cli::parse::<YoiClaim>(&words).and_then(|matches| {
                use clap::FromArgMatches as _;
                YoiClaim::from_arg_matches(&matches)
            });
            assert_eq!(told(read), told(YoiClaim::try_parse_from(&words)), "{line}");
        }
    }
}
