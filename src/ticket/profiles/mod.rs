//! Profiles: which agent program a Pod runs, and how.
//!
//! A profile is named `inherit`, `builtin:NAME`, `project:NAME` (in `.yoi/profiles.toml`) or `user:NAME` (in
//! `profiles.toml` of the user's configuration directory):
//!
//! ```toml
//! [profiles.fast]
//! agent = "exec"                        # run once a turn: prompt on standard input, answer on standard output
//! command = ["llm", "-m", "small"]      # looked up in PATH; with a '/' relative to the workspace
//! env = { LLM_USER_PATH = "/srv/llm" }
//!
//! [profiles.careful]
//! agent = "acp"                         # speaks the Agent Client Protocol
//! command = ["opencode", "acp"]
//! permissions = { default = "ask", read = "allow", execute = "reject" }     # or one of them for all
//! mode = "plan"                         # the mode of its session, by the agent's id of it
//! auth = "api-key"                      # how it authenticates itself, by the agent's id of the method
//! deadlines = { start = 30, tools = 20, first_sign = 120, cancel = 10 }     # in seconds
//! ```

mod file;
mod known;
mod list;
mod program;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::config::Config;
use super::place::{Place, nearest};
use super::strict::{ConfigError, in_workspace};
use crate::domain::{AgentSpec, Slug};
pub(super) use file::{Profile, Profiles};
pub use known::{KNOWN_AGENTS, KnownAgent, installed_agents, ways_to_run};
pub use list::{ListedProfile, list_profiles};
pub use program::find_in_path;
use program::find_program;

/// The file of profiles, below `.yoi` and in the user's configuration directory.
pub(super) const PROFILES_FILE: &str = "profiles.toml";
const CHECKLIST: &str = "checklist";

/// The name of a profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileRef {
    /// That of the Pod that launches; there is none at the top.
    Inherit,
    /// One that yoi brings along.
    Builtin(Slug),
    /// One of the workspace.
    Project(Slug),
    /// One of the user.
    User(Slug),
}

/// Says that a text is not the name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no profile: it must be inherit, builtin:NAME, project:NAME or user:NAME")]
pub struct ParseProfileError(String);

impl ProfileRef {
    pub(super) fn checklist() -> Self {
        Self::Builtin(Slug::new(CHECKLIST).expect("the name of the built-in profile is a slug"))
    }
}

impl FromStr for ProfileRef {
    type Err = ParseProfileError;
    fn from_str(text: &str) -> Result<Self, ParseProfileError> {
        let error = || ParseProfileError(text.to_owned());
        if text == "inherit" {
            return Ok(Self::Inherit);
        }
        let (origin, name) = text.split_once(':').ok_or_else(error)?;
        let name = Slug::new(name).map_err(|_| error())?;
        match origin {
            "builtin" => Ok(Self::Builtin(name)),
            "project" => Ok(Self::Project(name)),
            "user" => Ok(Self::User(name)),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for ProfileRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherit => f.write_str("inherit"),
            Self::Builtin(name) => write!(f, "builtin:{name}"),
            Self::Project(name) => write!(f, "project:{name}"),
            Self::User(name) => write!(f, "user:{name}"),
        }
    }
}

/// What a profile is resolved in.
#[derive(Debug, Clone)]
pub struct ResolveContext<'a> {
    /// The workspace's root.
    pub workspace: &'a Path,
    /// yoi's own directory in the user's configuration directory.
    pub user_config_dir: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<OsString>,
    /// The workspace's configuration.
    pub config: &'a Config,
}

/// Says why a profile leads to no agent program.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is nobody to inherit from.
    #[error("profile inherit has no Pod above it to inherit from")]
    Inherit,
    /// There is no such profile.
    #[error("there is no profile {profile}{}{}", in_file(file.as_deref()), like(nearest.as_deref()))]
    NotFound {
        /// The profile.
        profile: ProfileRef,
        /// The file that would have it; none for a built-in one.
        file: Option<PathBuf>,
        /// The known profile that is most like it.
        nearest: Option<String>,
    },
    /// The agent program is not there, or cannot be run.
    #[error("{place}: profile {profile}: {program:?} {why}")]
    ProgramMissing {
        /// The program as the profile names it.
        program: String,
        /// The profile.
        profile: ProfileRef,
        /// Where the program is named.
        place: Place,
        /// What was looked for.
        why: String,
    },
    /// The agent of a built-in profile is not installed.
    #[error("profile {profile}: its program {:?} is not in PATH; how it is installed: {}", known.program(), known.install)]
    NotInstalled {
        /// The profile.
        profile: ProfileRef,
        /// The agent.
        known: &'static KnownAgent,
    },
    /// The file of profiles is not as it must be.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
}

impl ProfileError {
    /// The file and line to change, where that is not the one that names the profile.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::ProgramMissing { place, .. } => Some(place),
            Self::Inherit | Self::NotFound { .. } | Self::NotInstalled { .. } | Self::Invalid(_) => None,
        }
    }
}

fn in_file(file: Option<&Path>) -> String {
    file.map(|file| format!(" in {}", file.display())).unwrap_or_default()
}

fn like(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!(": did you mean {nearest}?")).unwrap_or_default()
}

/// Finds the agent program of a profile.
///
/// # Errors
/// When there is no such profile, it is not as it must be, or its program is not there.
pub fn resolve(profile: &ProfileRef, context: &ResolveContext) -> Result<AgentSpec, ProfileError> {
    Named::find(profile, context)?.look_up(context)
}

/// The line that names the program of a profile; `None` where no file does.
pub fn place_of(profile: &ProfileRef, context: &ResolveContext) -> Option<Place> {
    match Named::find(profile, context).ok()?.origin? {
        Origin::File(place) => Some(place),
        Origin::Known(_) => None,
    }
}

/// A profile as it is written down: its program is not looked up.
struct Named {
    profile: ProfileRef,
    agent: AgentSpec,
    /// Who names the program, where it runs one.
    origin: Option<Origin>,
}

/// Who names the program of a profile.
enum Origin {
    /// The table of known agents.
    Known(&'static KnownAgent),
    /// A line of a file.
    File(Place),
}

impl Named {
    fn find(profile: &ProfileRef, context: &ResolveContext) -> Result<Self, ProfileError> {
        let found = |agent, origin| Ok(Self { profile: profile.clone(), agent, origin });
        let (name, file) = match profile {
            ProfileRef::Inherit => return Err(ProfileError::Inherit),
            ProfileRef::Builtin(name) if name.as_str() == CHECKLIST => {
                let sections = context.config.checklist().value.clone();
                return found(AgentSpec::Checklist { sections }, None);
            }
            ProfileRef::Builtin(name) => {
                return match KnownAgent::named(name.as_str()) {
                    Some(known) => found(known.spec(), Some(Origin::Known(known))),
                    None => {
                        let nearest = nearest(name.as_str(), builtin_names());
                        Err(not_found(profile, name, None, nearest.map(str::to_owned)))
                    }
                };
            }
            ProfileRef::Project(name) => (name, Some(in_workspace(context.workspace, PROFILES_FILE))),
            ProfileRef::User(name) => (name, context.user_config_dir.as_ref().map(|dir| dir.join(PROFILES_FILE))),
        };
        let Some(file) = file else { return Err(not_found(profile, name, None, None)) };
        match Profiles::read(file.clone())?.get(name)? {
            Ok(Profile { agent, command }) => found(agent, Some(Origin::File(command))),
            Err(nearest) => Err(not_found(profile, name, Some(file), nearest)),
        }
    }

    fn look_up(mut self, context: &ResolveContext) -> Result<AgentSpec, ProfileError> {
        let (Some(program), Some(origin)) = (self.agent.program_mut(), self.origin) else { return Ok(self.agent) };
        let profile = self.profile;
        *program =
            find_program(program, context.workspace, context.search_path.as_ref()).map_err(|why| match origin {
                Origin::Known(known) => ProfileError::NotInstalled { profile, known },
                Origin::File(place) => ProfileError::ProgramMissing { program: program.clone(), profile, place, why },
            })?;
        Ok(self.agent)
    }
}

fn not_found(profile: &ProfileRef, name: &Slug, file: Option<PathBuf>, nearest: Option<String>) -> ProfileError {
    let origin = profile.to_string().replace(name.as_str(), "");
    let nearest = nearest.map(|nearest| format!("{origin}{nearest}"));
    ProfileError::NotFound { profile: profile.clone(), file, nearest }
}

/// The names of the built-in profiles.
fn builtin_names() -> impl Iterator<Item = &'static str> {
    [CHECKLIST].into_iter().chain(KNOWN_AGENTS.iter().map(|known| known.name))
}

/// Checks a whole file of profiles, as far as that goes without running anything.
pub(super) fn check_profiles(file: PathBuf) -> Result<(), ConfigError> {
    Profiles::read(file)?.check()
}

#[cfg(test)]
mod tests;
