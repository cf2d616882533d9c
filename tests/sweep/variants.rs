//! What is tried: each variant is swept over the calls of one part of a launch.

use std::path::Path;

use super::world::{Agent, Before, POD, TICKET};
use crate::tracer::Part::{self, Host, Launcher, Verb, Warden};

/// What is traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Launch {
    /// `yoi intake`.
    Intake,
    /// `yoi intake` with deadlines of a second.
    Hasty,
    /// The shell script of the manual, under `ticket-lock`.
    Script,
    /// `yoi restore`, of a Pod that was launched and stopped before.
    Restore,
}

/// What is done at a point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// These parts are killed, all at once.
    Kill(Vec<Part>),
    /// The process is stopped until the other side has settled without it.
    Stop,
    /// The launcher is stopped, and somebody else tells the Pod to shut down.
    StopAndShutDown,
    /// The launcher is stopped until its own deadlines have passed as well.
    StopForLong,
    /// Who commits is stopped at a point near the commit, and its Pod is made to give up; that is stopped at each point
    /// on its way, in which the other goes one call further.
    Race(Trigger),
}

/// What makes a Pod give up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// Somebody tells it to shut down.
    ShutDown,
    /// Its host is killed: it is the warden that gives up.
    HostKilled,
    /// The holder of the pipe is killed, while its script goes on to commit.
    LauncherKilled,
}

impl Trigger {
    /// The part that is killed.
    pub fn killed(self) -> Option<Part> {
        match self {
            Self::ShutDown => None,
            Self::HostKilled => Some(Host),
            Self::LauncherKilled => Some(Launcher),
        }
    }

    /// The part that gives up.
    pub fn gives_up(self) -> Part {
        match self {
            Self::HostKilled => Warden,
            Self::ShutDown | Self::LauncherKilled => Host,
        }
    }
}

/// One sweep.
#[derive(Debug, Clone)]
pub struct Variant {
    /// Its name: what is done, `@`, whose calls are counted, and what is unusual about the launch.
    pub name: String,
    /// Whose calls are counted.
    pub part: Part,
    pub deed: Deed,
    pub launch: Launch,
    pub agent: Agent,
    pub before: Before,
    /// Whether the next launch is tried at once, while the Pod of the first may still be giving up.
    pub at_once: bool,
    /// Every how many points one is tried, where not all are; `None` leaves the variant to the exhaustive sweep.
    pub stride: Option<usize>,
}

/// All of them.
pub fn variants() -> Vec<Variant> {
    let all = [Launcher, Warden, Host];
    let mut variants = Vec::new();
    for part in all {
        for kills in subsets(&all) {
            // One that is killed alone is tried at each of its calls.
            let stride = match kills.len() {
                1 if part == Host && kills.contains(&Warden) => 2,
                1 => 1,
                _ if part == Host => 4,
                _ => 2,
            };
            variants.push(Variant { stride: Some(stride), ..Variant::new(Deed::Kill(kills), part) });
        }
    }
    for (trigger, part, launch, unusual) in [
        (Trigger::ShutDown, Launcher, Launch::Intake, None),
        (Trigger::HostKilled, Launcher, Launch::Intake, None),
        (Trigger::LauncherKilled, Verb, Launch::Script, Some("script")),
    ] {
        let race = Variant { launch, ..Variant::new(Deed::Race(trigger), part) };
        variants.push(unusual.map_or(race.clone(), |unusual| race.named(unusual)));
    }
    let first = Variant { before: Before::Nothing, stride: Some(2), ..Variant::new(kill(Launcher), Launcher) };
    variants.push(first.named("first"));
    // The script agent's Pod stays, and keeps a record of what it saw; most of what can happen is above.
    for part in [Launcher, Host] {
        for kills in subsets(&all) {
            let stride = (kills.len() == 1).then_some(2);
            let variant = Variant { agent: Agent::Recorder, stride, ..Variant::new(Deed::Kill(kills), part) };
            variants.push(variant.named("script-agent"));
        }
    }
    for part in all {
        let stride = Some(3);
        let variant = Variant { agent: Agent::Recorder, at_once: true, stride, ..Variant::new(kill(Launcher), part) };
        variants.push(variant.named("script-agent").named("at-once"));
    }
    // Here the agent runs, on probation, before there is a claim, and holds what it was started with.
    for part in all {
        let variant = Variant { agent: Agent::Acp, stride: Some(3), ..Variant::new(kill(part), part) };
        variants.push(variant.named("acp-agent"));
    }
    let restore = Variant {
        agent: Agent::Acp,
        before: Before::Stopped,
        launch: Launch::Restore,
        ..Variant::new(kill(Host), Host)
    };
    variants.push(Variant { stride: Some(4), ..restore }.named("acp-agent").named("restore"));
    let hasty = |deed, part| Variant { launch: Launch::Hasty, stride: Some(3), ..Variant::new(deed, part) };
    variants.push(hasty(Deed::Stop, Launcher));
    variants.push(Variant { agent: Agent::Recorder, ..hasty(Deed::Stop, Launcher) }.named("script-agent"));
    variants.push(hasty(Deed::StopAndShutDown, Launcher));
    // Each of these takes as long as it takes a launcher to lose its patience: up to half a minute.
    variants.push(Variant { stride: Some(8), ..hasty(Deed::Stop, Host) });
    variants.push(Variant { stride: None, ..hasty(Deed::Stop, Warden) });
    let long = Variant { agent: Agent::Recorder, stride: None, ..hasty(Deed::StopForLong, Launcher) };
    variants.push(long);
    for (deed, part) in
        [(Launcher, Launcher), (Launcher, Verb), (Launcher, Host), (Launcher, Warden), (Verb, Verb), (Host, Verb)]
    {
        let script = Variant { launch: Launch::Script, stride: Some(3), ..Variant::new(kill(deed), part) };
        let recorder = Variant { agent: Agent::Recorder, stride: None, ..script.clone() };
        variants.push(script.named("script"));
        variants.push(recorder.named("script").named("script-agent"));
    }
    for part in all {
        for kills in subsets(&all) {
            let stride = (kills.len() == 1).then_some(if part == Host { 4 } else { 2 });
            let restore = Launch::Restore;
            let variant =
                Variant { launch: restore, before: Before::Stopped, stride, ..Variant::new(Deed::Kill(kills), part) };
            variants.push(variant.named("restore"));
        }
    }
    variants
}

fn kill(part: Part) -> Deed {
    Deed::Kill(vec![part])
}

/// All subsets but the empty one, the smallest first.
fn subsets(parts: &[Part]) -> Vec<Vec<Part>> {
    let chosen =
        |bits: usize| parts.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, part)| *part).collect();
    let mut subsets: Vec<Vec<Part>> = (1..1 << parts.len()).map(chosen).collect();
    subsets.sort_by_key(Vec::len);
    subsets
}

/// The script of the manual, word for word but for the profile, which is the workspace's.
const SCRIPT: &str = r#"
  yoi-claim launch-plan --role intake --ticket "$1" >"$2"
  yoi-claim pod-spawn intake-"$1" --role intake --profile "$3" --ticket "$1"
  evidence=$(yoi-claim pod-run intake-"$1" --plan "$2")
  yoi-claim claim-commit "$1" --pod intake-"$1" --role intake --evidence "$evidence"
  yoi-claim session-record intake-"$1" --role intake --origin ticket_claim --ticket "$1"
  yoi-claim pod-confirm intake-"$1""#;

impl Variant {
    fn new(deed: Deed, part: Part) -> Self {
        let what = match &deed {
            Deed::Kill(parts) => parts.iter().map(Part::to_string).collect::<Vec<_>>().join("+"),
            Deed::Stop => "stop".to_owned(),
            Deed::StopAndShutDown => "stop-and-shut-down".to_owned(),
            Deed::StopForLong => "stop-for-long".to_owned(),
            Deed::Race(Trigger::ShutDown) => "shut-down-against-commit".to_owned(),
            Deed::Race(Trigger::HostKilled) => "host-killed-against-commit".to_owned(),
            Deed::Race(Trigger::LauncherKilled) => "launcher-killed-against-commit".to_owned(),
        };
        Self {
            name: format!("{what}@{part}"),
            part,
            deed,
            launch: Launch::Intake,
            agent: Agent::Checklist,
            before: Before::Directories,
            at_once: false,
            stride: Some(1),
        }
    }

    fn named(self, unusual: &str) -> Self {
        Self { name: format!("{}/{unusual}", self.name), ..self }
    }

    /// Whether a part is killed.
    pub fn kills(&self, part: Part) -> bool {
        match &self.deed {
            Deed::Kill(parts) => parts.contains(&part),
            Deed::Race(trigger) => trigger.killed() == Some(part),
            Deed::Stop | Deed::StopAndShutDown | Deed::StopForLong => false,
        }
    }

    /// Whether its trials spend their time waiting.
    pub fn waits(&self) -> bool {
        !matches!(self.deed, Deed::Kill(_))
    }

    /// Whether the Pod ends by itself once its work is done.
    pub fn comes_to_an_end(&self) -> bool {
        self.agent == Agent::Checklist && self.launch != Launch::Restore
    }

    /// The command that is traced, with a file for what it needs below `root`.
    pub fn command(&self, root: &Path) -> Vec<String> {
        let plan = root.join("plan.json").display().to_string();
        let profile = match self.agent {
            Agent::Checklist => "builtin:checklist",
            Agent::Recorder => "project:recorder",
            Agent::Acp => "project:fake",
        };
        let words: &[&str] = match self.launch {
            Launch::Intake => &["yoi", "--quiet", "intake", TICKET],
            Launch::Hasty => &[
                "yoi",
                "--quiet",
                "intake",
                TICKET,
                "--ready-timeout",
                "1",
                "--accept-timeout",
                "1",
                "--probation",
                "1",
            ],
            Launch::Script => {
                &["yoi-claim", "ticket-lock", TICKET, "--", "sh", "-ec", SCRIPT, "sh", TICKET, &plan, profile]
            }
            Launch::Restore => &["yoi", "--quiet", "restore", POD],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }
}
