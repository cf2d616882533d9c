//! What is tried: each variant is swept over every call of one part of a launch.

use super::world::{Agent, Before, POD, TICKET};
use crate::tracer::Part::{self, Host, Launcher, Verb, Warden};

/// How the launch is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// By `yoi intake`.
    Intake,
    /// By `yoi intake` with deadlines of a second.
    Hasty,
    /// By the shell script of the manual, under `ticket-lock`.
    Script,
}

/// What is done at a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// These parts are killed, all at once.
    Kill(&'static [Part]),
    /// The launcher is stopped until the Pod has settled by itself.
    Stop,
    /// The launcher is stopped, and somebody else tells the Pod to shut down.
    StopAndShutDown,
    /// The launcher is stopped until its own deadlines have passed as well.
    StopForLong,
}

/// One sweep.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    pub name: &'static str,
    /// Whose calls are counted.
    pub part: Part,
    pub deed: Deed,
    pub launch: Launch,
    pub agent: Agent,
    pub before: Before,
    /// Whether it is left to the exhaustive sweep.
    pub only_in_all: bool,
}

const INTAKE: Variant = Variant {
    name: "",
    part: Launcher,
    deed: Deed::Kill(&[]),
    launch: Launch::Intake,
    agent: Agent::Checklist,
    before: Before::Directories,
    only_in_all: false,
};

/// All of them.
pub const VARIANTS: &[Variant] = &[
    Variant { name: "launcher", deed: Deed::Kill(&[Launcher]), before: Before::Nothing, ..INTAKE },
    Variant { name: "launcher-of-script-agent", deed: Deed::Kill(&[Launcher]), agent: Agent::Recorder, ..INTAKE },
    Variant { name: "host", part: Host, deed: Deed::Kill(&[Host]), ..INTAKE },
    Variant { name: "warden", part: Warden, deed: Deed::Kill(&[Warden]), ..INTAKE },
    Variant { name: "warden-and-host", part: Host, deed: Deed::Kill(&[Warden, Host]), ..INTAKE },
    Variant { name: "launcher-and-host", deed: Deed::Kill(&[Launcher, Host]), ..INTAKE },
    Variant { name: "host-and-launcher", part: Host, deed: Deed::Kill(&[Launcher, Host]), ..INTAKE },
    Variant { name: "launcher-and-warden", part: Warden, deed: Deed::Kill(&[Launcher, Warden]), ..INTAKE },
    Variant { name: "everything", deed: Deed::Kill(&[Launcher, Warden, Host]), ..INTAKE },
    Variant { name: "everything-of-host", part: Host, deed: Deed::Kill(&[Launcher, Warden, Host]), ..INTAKE },
    Variant { name: "stopped", deed: Deed::Stop, launch: Launch::Hasty, ..INTAKE },
    Variant {
        name: "stopped-with-script-agent",
        deed: Deed::Stop,
        launch: Launch::Hasty,
        agent: Agent::Recorder,
        ..INTAKE
    },
    Variant { name: "stopped-and-shut-down", deed: Deed::StopAndShutDown, launch: Launch::Hasty, ..INTAKE },
    Variant {
        name: "stopped-for-long",
        deed: Deed::StopForLong,
        launch: Launch::Hasty,
        agent: Agent::Recorder,
        only_in_all: true,
        ..INTAKE
    },
    Variant { name: "ticket-lock", deed: Deed::Kill(&[Launcher]), launch: Launch::Script, ..INTAKE },
    Variant {
        name: "ticket-lock-with-script-agent",
        deed: Deed::Kill(&[Launcher]),
        launch: Launch::Script,
        agent: Agent::Recorder,
        only_in_all: true,
        ..INTAKE
    },
    Variant { name: "verbs-of-script", part: Verb, deed: Deed::Kill(&[Verb]), launch: Launch::Script, ..INTAKE },
];

/// The script of the manual, word for word but for the profile, which is the workspace's.
const SCRIPT: &str = r#"
  yoi-claim launch-plan --role intake --ticket "$1" >"$2"
  yoi-claim pod-spawn intake-"$1" --role intake --profile "$3" --ticket "$1"
  evidence=$(yoi-claim pod-run intake-"$1" --plan "$2")
  yoi-claim claim-commit "$1" --pod intake-"$1" --role intake --evidence "$evidence"
  yoi-claim session-record intake-"$1" --role intake --origin ticket_claim --ticket "$1"
  yoi-claim pod-confirm intake-"$1""#;

impl Variant {
    /// Whether a part is killed.
    pub fn kills(&self, part: Part) -> bool {
        matches!(self.deed, Deed::Kill(parts) if parts.contains(&part))
    }

    /// The command that is traced, with a file for what it needs below `root`.
    pub fn command(&self, root: &std::path::Path) -> Vec<String> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        match self.launch {
            Launch::Intake => words(&["yoi", "--quiet", "intake", TICKET]),
            Launch::Hasty => words(&["yoi", "--quiet", "intake", TICKET, "--probation", "1", "--accept-timeout", "1"]),
            Launch::Script => {
                let plan = root.join("plan.json").display().to_string();
                let profile = match self.agent {
                    Agent::Checklist => "builtin:checklist",
                    Agent::Recorder => "project:recorder",
                };
                words(&["yoi-claim", "ticket-lock", TICKET, "--", "sh", "-ec", SCRIPT, "sh", TICKET, &plan, profile])
            }
        }
    }

    /// The command that makes a launch whose session record is missing whole.
    pub fn mending() -> [&'static str; 8] {
        ["session-record", POD, "--role", "intake", "--origin", "ticket_claim", "--ticket", TICKET]
    }
}
