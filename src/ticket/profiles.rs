//! Profiles: which agent program a Pod runs, and how.
//!
//! A profile is named `inherit`, `builtin:NAME`, `project:NAME` (in `.yoi/profiles.toml`) or `user:NAME` (in
//! `profiles.toml` of the user's configuration directory):
//!
//! ```toml
//! [profiles.fast]
//! agent = "exec"                        # exec: run once a turn; acp: speaks the Agent Client Protocol
//! command = ["llm", "-m", "small"]      # looked up in PATH; with a '/' relative to the workspace
//! env = { LLM_USER_PATH = "/srv/llm" }
//! permissions = "ask"                   # ask | allow | reject
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::domain::{AgentSpec, Permissions, Slug};

use super::config::Config;
use super::place::{Place, nearest};
use super::strict::{ConfigError, Document, Entry, Table, in_workspace};

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
    /// The profile asks for what this version cannot do.
    #[error("{place}: profile {profile}: agent = \"acp\" is not available in this version, use agent = \"exec\"")]
    Unavailable {
        /// The profile.
        profile: ProfileRef,
        /// Where it asks for it.
        place: Place,
    },
    /// The file of profiles is not as it must be.
    #[error(transparent)]
    Invalid(#[from] ConfigError),
}

impl ProfileError {
    /// The file and line to change, where that is not the one that names the profile.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::ProgramMissing { place, .. } | Self::Unavailable { place, .. } => Some(place),
            Self::Inherit | Self::NotFound { .. } | Self::Invalid(_) => None,
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
        ProfileRef::Builtin(_) => Err(ProfileError::NotFound {
            profile: profile.clone(),
            file: None,
            nearest: Some(ProfileRef::checklist().to_string()),
        }),
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

/// How an agent is talked to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Agent {
    Exec,
    Acp,
}

/// `[profiles.NAME]` as it stands in the file.
struct Profile {
    agent: Agent,
    command: Vec<String>,
    env: BTreeMap<String, String>,
    /// Checked here; only an agent that asks is answered by it.
    _permissions: Permissions,
    agent_place: Place,
    command_place: Place,
}

/// Makes the agent of a profile. The one place that knows what this version can run.
fn agent_of(profile: &ProfileRef, found: Profile, context: &ResolveContext) -> Result<AgentSpec, ProfileError> {
    let Profile { agent, mut command, env, agent_place, command_place, .. } = found;
    match agent {
        Agent::Acp => Err(ProfileError::Unavailable { profile: profile.clone(), place: agent_place }),
        Agent::Exec => {
            let path = find_program(&command[0], context).map_err(|why| ProfileError::ProgramMissing {
                program: command[0].clone(),
                profile: profile.clone(),
                place: command_place,
                why,
            })?;
            command[0] = path;
            Ok(AgentSpec::Exec { command, env })
        }
    }
}

fn read_profile(profile: &ProfileRef, name: &Slug, file: PathBuf) -> Result<Profile, ProfileError> {
    let document = Document::read(file.clone())?;
    let found = document.with(|top| {
        let profiles = profiles_of(&top)?;
        let known = profiles.iter().find(|(known, _)| known == name.as_str());
        let parsed = known.map(|(_, entry)| Profile::read(entry)).transpose()?;
        let names: Vec<&str> = profiles.iter().map(|(name, _)| name.as_str()).collect();
        Ok(parsed.ok_or_else(|| nearest(name.as_str(), names).map(str::to_owned)))
    })?;
    let origin = profile.to_string().replace(name.as_str(), "");
    found.map_err(|nearest| ProfileError::NotFound {
        profile: profile.clone(),
        file: Some(file),
        nearest: nearest.map(|nearest| format!("{origin}{nearest}")),
    })
}

/// The names of all profiles that a launch may be given, as far as their files can be read.
pub fn profile_names(workspace: &Path, user_config_dir: Option<&Path>) -> Vec<String> {
    let listed = |file: PathBuf, origin: fn(Slug) -> ProfileRef| -> Vec<String> {
        let names = Document::read(file).and_then(|document| {
            document.with(|top| Ok(profiles_of(&top)?.into_iter().map(|(name, _)| name).collect::<Vec<_>>()))
        });
        let slugs = names.unwrap_or_default().into_iter().filter_map(|name| Slug::new(name).ok());
        slugs.map(|slug| origin(slug).to_string()).collect()
    };
    let mut found = vec![ProfileRef::checklist().to_string()];
    found.extend(listed(in_workspace(workspace, PROFILES_FILE), ProfileRef::Project));
    found.extend(user_config_dir.map(|dir| listed(dir.join(PROFILES_FILE), ProfileRef::User)).unwrap_or_default());
    found
}

/// Checks a whole file of profiles, as far as that goes without running anything.
pub(super) fn check_profiles(file: PathBuf) -> Result<(), ConfigError> {
    Document::read(file)?
        .with(|top| profiles_of(&top)?.iter().try_for_each(|(_, entry)| Profile::read(entry).map(drop)))
}

fn profiles_of<'a>(top: &Table<'a>) -> Result<Vec<(String, Entry<'a>)>, ConfigError> {
    top.only(&["profiles"])?;
    let Some(profiles) = top.get("profiles") else { return Ok(Vec::new()) };
    let named = |(name, entry): (&str, Entry<'a>)| match Slug::new(name) {
        Ok(slug) => Ok((slug.into(), entry)),
        Err(error) => Err(entry.bad(error.to_string())),
    };
    profiles.table()?.entries().map(named).collect()
}

impl Profile {
    fn read(entry: &Entry) -> Result<Self, ConfigError> {
        let table = entry.table()?;
        table.only(&["agent", "command", "env", "permissions"])?;
        let agent = table.get("agent").ok_or_else(|| entry.bad("it needs agent = \"exec\""))?;
        let command = table.get("command").ok_or_else(|| entry.bad("it needs command = [\"PROGRAM\", …]"))?;
        let words = command.texts()?;
        if words.first().is_none_or(|program| program.is_empty()) || words.iter().any(|word| word.contains('\0')) {
            return Err(command.bad("it must name a program"));
        }
        let env = table.get("env").map(|env| env_of(&env)).transpose()?.unwrap_or_default();
        let permissions = table.get("permissions").map(|entry| one_of(&entry, &PERMISSIONS)).transpose()?;
        Ok(Self {
            agent: one_of(&agent, &[("exec", Agent::Exec), ("acp", Agent::Acp)])?,
            command: words,
            env,
            _permissions: permissions.unwrap_or(Permissions::Ask),
            agent_place: agent.place(),
            command_place: command.place(),
        })
    }
}

const PERMISSIONS: [(&str, Permissions); 3] =
    [("ask", Permissions::Ask), ("allow", Permissions::Allow), ("reject", Permissions::Reject)];

fn one_of<T: Copy>(entry: &Entry, words: &[(&str, T)]) -> Result<T, ConfigError> {
    let text = entry.text()?;
    let known = || words.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(" or ");
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| entry.bad(format!("it must be {}", known())))
}

fn env_of(entry: &Entry) -> Result<BTreeMap<String, String>, ConfigError> {
    let env = entry.text_table()?;
    let fits =
        |(name, value): (&String, &String)| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
    if env.iter().all(fits) { Ok(env) } else { Err(entry.bad("a variable has no name, or a '=' or NUL in it")) }
}

/// Finds a program as an absolute path.
fn find_program(program: &str, context: &ResolveContext) -> Result<String, String> {
    let found = if program.contains('/') {
        let path = context.workspace.join(program);
        if is_executable(&path) {
            Ok(path)
        } else {
            Err(format!("is no program that can be run ('{}')", path.display()))
        }
    } else {
        find_in_path(program, context.search_path.as_ref()).ok_or_else(|| "is not in PATH".to_owned())
    }?;
    let absolute = std::path::absolute(&found).unwrap_or(found);
    absolute
        .into_os_string()
        .into_string()
        .map_err(|path| format!("lies at a path that is no UTF-8 ({})", path.display()))
}

/// Looks a program up as a shell would; only absolute entries of the path count, so that the working directory does not.
pub fn find_in_path(program: &str, search_path: Option<&OsString>) -> Option<PathBuf> {
    let dirs = std::env::split_paths(search_path?).filter(|dir| dir.is_absolute());
    dirs.map(|dir| dir.join(program)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Agent programs that work with `agent = "exec"`, with the command that makes them read a prompt and print an answer.
pub const KNOWN_AGENTS: &[(&str, &[&str])] =
    &[("claude", &["claude", "-p"]), ("codex", &["codex", "exec", "-"]), ("llm", &["llm"])];

/// The names of the known agent programs that are installed.
pub fn installed_agents(search_path: Option<&OsString>) -> Vec<&'static str> {
    let installed = |name: &&str| find_in_path(name, search_path).is_some();
    KNOWN_AGENTS.iter().map(|(name, _)| *name).filter(installed).collect()
}

#[cfg(test)]
#[path = "profiles_tests.rs"]
mod tests;
