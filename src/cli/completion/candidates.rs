//! Where candidates come from: the registry and the workspace as they are at this moment.

use std::ffi::OsStr;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;

use super::{DIRECTORIES, FILES, MAX_CANDIDATES};
use crate::cli::Cli;
use crate::domain::{PodName, TicketId};
use crate::launch::{Setup, steps};
use crate::pod::client::Client;
use crate::registry::Registry;
use crate::ticket::{ListedProfile, ProfileRef, State};

/// How many candidates are explained: each takes a file to be read.
const MAX_EXPLAINED: usize = 50;

/// The argument that is a Pod which asks, by its id.
const ASKING: &str = "asking_pod";
/// How long Pods are asked for, all together.
const ASKED_FOR: Duration = Duration::from_millis(200);

/// What a value is, as far as it can be completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A ticket: of the workspace, or one that has a claim.
    Ticket,
    /// A Pod.
    Pod,
    /// A Pod, those first whose agent asks for permission.
    AskingPod,
    /// A ticket or a Pod.
    Either,
    /// A profile.
    Profile,
    /// An agent that is installed.
    Agent,
    /// A state of a ticket.
    State,
    /// A file or directory.
    Files,
    /// A directory.
    Directories,
}

impl Kind {
    /// What the value of an argument is, by the name that it has in help texts.
    pub fn of(arg: &clap::Arg) -> Option<Self> {
        if !arg.get_num_args().is_none_or(|number| number.takes_values()) {
            return None;
        }
        match arg.get_value_hint() {
            clap::ValueHint::DirPath => return Some(Self::Directories),
            clap::ValueHint::AnyPath | clap::ValueHint::FilePath => return Some(Self::Files),
            _ => {}
        }
        let id = arg.get_id().as_str().to_uppercase();
        match arg.get_value_names().and_then(<[_]>::first).map_or(id.as_str(), |name| name.as_str()) {
            "TICKET" => Some(Self::Ticket),
            "POD" if arg.get_id() == ASKING => Some(Self::AskingPod),
            "POD" => Some(Self::Pod),
            "NAME" => Some(Self::Either),
            "PROFILE" => Some(Self::Profile),
            "AGENT" => Some(Self::Agent),
            "STATE" => Some(Self::State),
            "FILE" => Some(Self::Files),
            _ => None,
        }
    }
}

/// What is known of the workspace that a command line is typed in; where nothing can be told, nothing is.
pub(super) struct Known {
    registry: Option<Registry>,
    setup: Option<Setup>,
}

impl Known {
    pub(super) fn new(cli: &Cli) -> Self {
        let defaults = || Some(Setup::with_defaults(cli.workspace().ok()?, cli.surroundings()));
        Self { registry: cli.registry().ok(), setup: cli.setup().ok().or_else(defaults) }
    }

    /// What a value that begins like this may be.
    pub(super) fn candidates(&self, kind: Kind, current: &OsStr) -> Vec<CompletionCandidate> {
        let Some(current) = current.to_str() else { return Vec::new() };
        match kind {
            Kind::Ticket => self.tickets(current),
            Kind::Pod => self.pods(current),
            Kind::AskingPod => self.asking_pods(current),
            Kind::Either => {
                let mut both = self.tickets(current);
                both.extend(self.pods(current));
                both
            }
            Kind::Profile => self.profiles(current),
            Kind::Agent => {
                let names = self.setup.as_ref().map(Setup::installed_agents).unwrap_or_default();
                plain(names.into_iter(), current)
            }
            Kind::State => plain(State::ALL.iter().map(|state| state.as_str()), current),
            Kind::Files => vec![CompletionCandidate::new(FILES)],
            Kind::Directories => vec![CompletionCandidate::new(DIRECTORIES)],
        }
    }

    fn tickets(&self, current: &str) -> Vec<CompletionCandidate> {
        let of_workspace = self.setup.as_ref().and_then(|setup| setup.tickets().ids().ok()).unwrap_or_default();
        let claimed = self.registry.as_ref().map(Registry::claimed_tickets).unwrap_or_default();
        let mut ids: Vec<TicketId> = of_workspace.into_iter().chain(claimed).collect();
        // Ids of the workspace are written in capitals, and taken in any case.
        let wanted = current.to_lowercase();
        ids.retain(|id| id.as_str().to_lowercase().starts_with(&wanted));
        sorted(&mut ids);
        let explain = |id: &TicketId| Some(self.setup.as_ref()?.tickets().summary_of(id)?.title);
        explained(&ids, TicketId::as_str, explain)
    }

    /// The profiles that a Pod could be launched with, and those of files whatever is wrong with them.
    fn profiles(&self, current: &str) -> Vec<CompletionCandidate> {
        let listed = self.setup.as_ref().map(|setup| setup.profiles().0).unwrap_or_default();
        let known = |listed: &ListedProfile| {
            let name = listed.profile.to_string();
            let is_wanted = name.starts_with(current)
                && (listed.agent.is_ok() || !matches!(listed.profile, ProfileRef::Builtin(_)));
            let command = listed.written.as_ref().map(|agent| agent.command().join(" "));
            is_wanted.then(|| CompletionCandidate::new(name).help(command.filter(|c| !c.is_empty()).map(Into::into)))
        };
        listed.iter().filter_map(known).take(MAX_CANDIDATES).collect()
    }

    fn pods(&self, current: &str) -> Vec<CompletionCandidate> {
        let Some(registry) = &self.registry else { return Vec::new() };
        let mut names = registry.known_pods();
        names.retain(|name| name.as_str().starts_with(current));
        sorted(&mut names);
        let explain = |name: &PodName| {
            let role = registry.pod(name).ok()??.role;
            let lives = if registry.pod_lives(name).ok()? { "live" } else { "stopped" };
            Some(format!("{role}, {lives}"))
        };
        explained(&names, PodName::as_str, explain)
    }

    /// Pods that ask, and then the other ones. As long as a TAB may take, each that lives is asked.
    fn asking_pods(&self, current: &str) -> Vec<CompletionCandidate> {
        let Some(registry) = &self.registry else { return Vec::new() };
        let deadline = steps::within(ASKED_FOR);
        let asks = |candidate: &CompletionCandidate| {
            let name = candidate.get_value().to_str().and_then(|name| PodName::new(name).ok())?;
            registry.pod_lives(&name).ok().filter(|lives| *lives)?;
            let (_, snapshot) = Client::connect(&registry.socket_path(&name), deadline).ok()?;
            snapshot.permissions.first().map(|asked| asked.about.title.clone())
        };
        let candidates = self.pods(current).into_iter().map(|candidate| match asks(&candidate) {
            Some(title) => candidate.help(Some(format!("asks: {title}").into())).display_order(Some(0)),
            None => candidate.display_order(Some(1)),
        });
        candidates.collect()
    }
}

fn sorted<T: Ord>(names: &mut Vec<T>) {
    names.sort();
    names.dedup();
    names.truncate(MAX_CANDIDATES);
}

fn plain<'a>(words: impl Iterator<Item = &'a str>, current: &str) -> Vec<CompletionCandidate> {
    words.filter(|word| word.starts_with(current)).map(CompletionCandidate::new).collect()
}

fn explained<T>(names: &[T], text: fn(&T) -> &str, explain: impl Fn(&T) -> Option<String>) -> Vec<CompletionCandidate> {
    let with_help = |name: &T| CompletionCandidate::new(text(name)).help(explain(name).map(Into::into));
    if names.len() > MAX_EXPLAINED {
        return names.iter().map(|name| CompletionCandidate::new(text(name))).collect();
    }
    names.iter().map(with_help).collect()
}
