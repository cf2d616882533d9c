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
mod program;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::config::Config;
use super::place::{Place, nearest};
use super::strict::{ConfigError, in_workspace};
use crate::domain::{AgentSpec, Slug};
use file::{Profile, Profiles};
pub use known::{KNOWN_AGENTS, KnownAgent, installed_agents, ways_to_run};
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
    match profile {
        ProfileRef::Inherit => Err(ProfileError::Inherit),
        ProfileRef::Builtin(name) if name.as_str() == CHECKLIST => {
            Ok(AgentSpec::Checklist { sections: context.config.checklist().value.clone() })
        }
        ProfileRef::Builtin(name) => match KnownAgent::named(name.as_str()) {
            Some(known) => built_in(profile, known, context),
            None => {
                let names = builtin_names().into_iter();
                let nearest = nearest(name.as_str(), names).map(|name| format!("builtin:{name}"));
                Err(ProfileError::NotFound { profile: profile.clone(), file: None, nearest })
            }
        },
        ProfileRef::Project(name) => {
            let file = in_workspace(context.workspace, PROFILES_FILE);
            agent_of(profile, read_profile(profile, name, file)?, context)
        }
        ProfileRef::User(name) => {
            let Some(dir) = &context.user_config_dir else {
                return Err(ProfileError::NotFound { profile: profile.clone(), file: None, nearest: None });
            };
            agent_of(profile, read_profile(profile, name, dir.join(PROFILES_FILE))?, context)
        }
    }
}

/// Looks the program of a profile up.
fn agent_of(profile: &ProfileRef, found: Profile, context: &ResolveContext) -> Result<AgentSpec, ProfileError> {
    let Profile { mut agent, command: place } = found;
    if let Some(program) = agent.program_mut() {
        let path = find_program(program, context.workspace, context.search_path.as_ref());
        *program = path.map_err(|why| ProfileError::ProgramMissing {
            program: program.clone(),
            profile: profile.clone(),
            place,
            why,
        })?;
    }
    Ok(agent)
}

/// The agent of a built-in profile, where its program is installed.
fn built_in(
    profile: &ProfileRef,
    known: &'static KnownAgent,
    context: &ResolveContext,
) -> Result<AgentSpec, ProfileError> {
    let mut agent = known.spec();
    let path = find_program(known.program(), context.workspace, context.search_path.as_ref());
    match (path, agent.program_mut()) {
        (Ok(path), Some(program)) => *program = path,
        _ => return Err(ProfileError::NotInstalled { profile: profile.clone(), known }),
    }
    Ok(agent)
}

/// The names of the built-in profiles.
fn builtin_names() -> Vec<&'static str> {
    [CHECKLIST].into_iter().chain(KNOWN_AGENTS.iter().map(|known| known.name)).collect()
}

fn read_profile(profile: &ProfileRef, name: &Slug, file: PathBuf) -> Result<Profile, ProfileError> {
    let origin = profile.to_string().replace(name.as_str(), "");
    Profiles::read(file.clone())?.get(name)?.map_err(|nearest| ProfileError::NotFound {
        profile: profile.clone(),
        file: Some(file),
        nearest: nearest.map(|nearest| format!("{origin}{nearest}")),
    })
}

/// The names of all profiles that a launch may be given, as far as their files can be read.
pub fn profile_names(workspace: &Path, user_config_dir: Option<&Path>) -> Vec<String> {
    let listed = |file: PathBuf, origin: fn(Slug) -> ProfileRef| -> Vec<String> {
        let names = Profiles::read(file).and_then(|profiles| profiles.names());
        names.unwrap_or_default().into_iter().map(|name| origin(name).to_string()).collect()
    };
    let mut found: Vec<String> = builtin_names().iter().map(|name| format!("builtin:{name}")).collect();
    found.extend(listed(in_workspace(workspace, PROFILES_FILE), ProfileRef::Project));
    found.extend(user_config_dir.map(|dir| listed(dir.join(PROFILES_FILE), ProfileRef::User)).unwrap_or_default());
    found
}

/// Checks a whole file of profiles, as far as that goes without running anything.
pub(super) fn check_profiles(file: PathBuf) -> Result<(), ConfigError> {
    Profiles::read(file)?.check()
}

#[cfg(test)]
mod tests;
