//! Writing a known agent into the configuration of a workspace: its profile, and the roles that are to run it.
//!
//! Lines are added, and none is changed: what stands in the files already holds. What the files would say is read again
//! before anything is written, as the next command will read it.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::config::{CONFIG_FILE, Config};
use super::error::WriteError;
use super::place::Place;
use super::profiles::{KnownAgent, PROFILES_FILE, Profile, ProfileRef, Profiles};
use super::store::Tickets;
use super::strict::{ConfigError, Document, Source, in_workspace};
use super::tree::create;
use crate::domain::{AgentSpec, Role, Slug};
use crate::fs::{IoContext as _, PathError, random_suffix, rename_into_place, unlink};

/// What a new file of profiles begins with.
const HEADING: &str = "# The agents that this workspace can run, and how: see yoi help profiles.\n\n";

/// What is to be written so that roles run an agent.
#[derive(Debug)]
#[must_use = "nothing is written yet"]
pub struct Configuring {
    /// The profile.
    pub profile: ProfileRef,
    /// The roles that run it then, and did not before.
    pub roles: Vec<Role>,
    /// The files that get lines, in the order in which they are written.
    pub edits: Vec<Edit>,
}

/// Lines that are added to a file.
#[derive(Debug)]
pub struct Edit {
    /// The file.
    pub file: PathBuf,
    /// The lines, each without its end.
    pub added: Vec<String>,
    /// The whole text before; empty where there is no file.
    before: String,
    /// The whole text after.
    after: String,
}

/// Says why an agent cannot be configured.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// There is another profile of that name.
    #[error("{place}: there is another profile {profile} already, which runs {command}")]
    OtherProfile {
        /// The profile.
        profile: ProfileRef,
        /// Where its command stands.
        place: Place,
        /// What it runs.
        command: String,
    },
    /// A role has a profile, and nobody said that it is to have another.
    #[error("{place}: role {role} runs {profile} already")]
    OtherRole {
        /// The role.
        role: Role,
        /// What it runs.
        profile: ProfileRef,
        /// Where that stands.
        place: Place,
    },
    /// Lines cannot just be added to what stands in the file.
    #[error("cannot add to '{}', because of how it is written; add this by hand: {line}", file.display())]
    ByHand {
        /// The file.
        file: PathBuf,
        /// What it should say.
        line: String,
    },
    /// A file is not as it must be.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Somebody saved the file at the same time.
    #[error("'{}' was changed by somebody else meanwhile", file.display())]
    Changed {
        /// The file.
        file: PathBuf,
    },
    /// Another writer did not finish in time, or a file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl From<PathError> for ConfigureError {
    fn from(error: PathError) -> Self {
        Self::Write(WriteError::Io(error))
    }
}

impl Configuring {
    /// Finds what has to be added so that `roles` run an agent; without any, all do that are launched and have no
    /// profile, not even by default.
    ///
    /// # Errors
    /// When there is another profile of that name, a role that was named runs another one, or a file cannot be read.
    pub fn plan(workspace: &Path, known: &'static KnownAgent, roles: &[Role]) -> Result<Self, ConfigureError> {
        let name = Slug::new(known.agent()).expect("the names of known agents are slugs");
        let profile = ProfileRef::Project(name.clone());
        let mut edits: Vec<Edit> = add_profile(workspace, known, &name, &profile)?.into_iter().collect();
        let document = Document::read(in_workspace(workspace, CONFIG_FILE))?;
        let config = Config::of(workspace, &document)?;
        let roles = wanting(&config, roles, &profile)?;
        if !roles.is_empty() {
            edits.push(add_roles(workspace, &document, &config, &roles, &profile)?);
        }
        Ok(Self { profile, roles, edits })
    }

    /// Writes it: the profile before the roles that name it.
    ///
    /// # Errors
    /// When a file was changed meanwhile, or cannot be written; what was written before stands, and does no harm.
    pub fn write(&self, tickets: &Tickets) -> Result<(), ConfigureError> {
        let _one_at_a_time = tickets.writer()?;
        self.edits.iter().try_for_each(Edit::write)
    }
}

/// The profile's lines, unless it is there.
fn add_profile(
    workspace: &Path,
    known: &KnownAgent,
    name: &Slug,
    profile: &ProfileRef,
) -> Result<Option<Edit>, ConfigureError> {
    let file = in_workspace(workspace, PROFILES_FILE);
    let wanted = known.spec();
    let document = Document::read(file.clone())?;
    let before = document.text().to_owned();
    if let Ok(Profile { agent, command }) = Profiles::of(document).get(name)? {
        if agent.kind() == wanted.kind() && agent.command() == wanted.command() {
            return Ok(None);
        }
        let runs = format!("{:?} as {}", agent.command(), agent.kind());
        return Err(ConfigureError::OtherProfile { profile: profile.clone(), place: command, command: runs });
    }
    let mut added = if before.is_empty() { HEADING.to_owned() } else { "\n".to_owned() };
    let text = format!("[profiles.{name}]\nagent = {:?}\ncommand = {:?}\n", wanted.kind(), wanted.command());
    added += &text;
    if let AgentSpec::Acp(_) = wanted {
        added += "permissions = \"ask\"                   # ask | allow | reject, or a table by kind of request\n";
    }
    let edit = Edit::append(file.clone(), &before, &added);
    match Profiles::of(Document::of(file.clone(), edit.after.clone())).get(name) {
        Ok(Ok(Profile { agent, .. })) if agent == wanted => Ok(Some(edit)),
        _ => Err(ConfigureError::ByHand { file, line: text.trim().replace('\n', "; ") }),
    }
}

/// The roles that are to have the profile and have it not.
fn wanting(config: &Config, named: &[Role], profile: &ProfileRef) -> Result<Vec<Role>, ConfigureError> {
    if named.is_empty() {
        let all = Role::ALL.iter().copied().filter(|role| role.is_launchable());
        return Ok(all.filter(|role| config.role(*role).profile.is_none()).collect());
    }
    let mut wanting = Vec::new();
    for role in named {
        let set = config.role(*role).profile.as_ref();
        if wanting.contains(role) || set.is_some_and(|set| set.value == *profile) {
            continue;
        }
        if let Some((set, Source::At(place))) = set.map(|set| (&set.value, &set.source)) {
            return Err(ConfigureError::OtherRole { role: *role, profile: set.clone(), place: place.clone() });
        }
        wanting.push(*role);
    }
    Ok(wanting)
}

/// The roles' lines: below `[roles.ROLE]` where that stands, else at the end of the file.
fn add_roles(
    workspace: &Path,
    document: &Document,
    config: &Config,
    roles: &[Role],
    profile: &ProfileRef,
) -> Result<Edit, ConfigureError> {
    let line = format!("profile = {:?}", profile.to_string());
    let mut edit = Edit::append(config.file().to_owned(), document.text(), "");
    let mut headed = headings(document, roles)?;
    if !headed.is_empty() {
        let mut lines: Vec<&str> = document.text().lines().collect();
        // From below, so that no line moves that is still to be found.
        headed.sort();
        for (at, _) in headed.iter().rev() {
            lines.insert(*at, &line);
            edit.added.push(line.clone());
        }
        edit.after = lines.iter().map(|line| format!("{line}\n")).collect();
    }
    for role in roles.iter().filter(|role| !headed.iter().any(|(_, headed)| headed == *role)) {
        let more = Edit::append(edit.file.clone(), &edit.after, &format!("\n[roles.{role}]\n{line}\n"));
        edit.after = more.after;
        edit.added.extend(more.added);
    }
    let is_as_wanted = |new: &Config| {
        Role::ALL.iter().all(|role| {
            let set = |config: &Config| config.role(*role).profile.as_ref().map(|set| set.value.clone());
            let wanted = if roles.contains(role) { Some(profile.clone()) } else { set(config) };
            set(new) == wanted
        })
    };
    match Config::of(workspace, &Document::of(edit.file.clone(), edit.after.clone())) {
        Ok(new) if is_as_wanted(&new) => Ok(edit),
        _ => Err(ConfigureError::ByHand { file: edit.file, line: format!("[roles.{}] {line}", roles[0]) }),
    }
}

/// Behind how many lines the tables of roles begin, where they have one.
fn headings(document: &Document, roles: &[Role]) -> Result<Vec<(usize, Role)>, ConfigError> {
    document.with(|top| {
        let Some(all) = top.get("roles") else { return Ok(Vec::new()) };
        let all = all.table()?;
        Ok(roles.iter().filter_map(|role| Some((all.get(role.as_str())?.place().line, *role))).collect())
    })
}

impl Edit {
    fn append(file: PathBuf, before: &str, added: &str) -> Self {
        let end = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
        Self {
            file,
            added: added.lines().map(str::to_owned).collect(),
            after: format!("{before}{end}{added}"),
            before: before.to_owned(),
        }
    }

    fn write(&self) -> Result<(), ConfigureError> {
        if self.before.is_empty() && !self.file.exists() {
            return Ok(create(&self.file, self.after.as_bytes(), None)?);
        }
        // A file that is a symlink to another one stays that.
        let target = std::fs::canonicalize(&self.file).context("find", &self.file)?;
        let mode = std::fs::metadata(&target).context("look at", &target)?.mode() & 0o7777;
        let name = target.file_name().unwrap_or_default().to_string_lossy();
        let temporary = target.with_file_name(format!(".{name}.{}", random_suffix()));
        let put = || {
            create(&temporary, self.after.as_bytes(), Some(mode))?;
            if Document::read(target.clone())?.text() != self.before {
                return Err(ConfigureError::Changed { file: self.file.clone() });
            }
            Ok(rename_into_place(&temporary, &target).map_err(PathError::from)?)
        };
        put().inspect_err(|_| drop(unlink(&temporary)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::profiles::KNOWN_AGENTS;
    use super::*;
    use crate::ticket::init;

    const CODEX: &str = "codex";

    struct Workspace(tempfile::TempDir);

    impl Workspace {
        fn new() -> Self {
            let dir = tempfile::tempdir().unwrap();
            init(dir.path()).unwrap();
            Self(dir)
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(".yoi").join(name)
        }

        fn read(&self, name: &str) -> String {
            std::fs::read_to_string(self.path(name)).unwrap()
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.path(name), text).unwrap();
        }

        fn plan(&self, name: &str, roles: &[Role]) -> Result<Configuring, ConfigureError> {
            let known = KNOWN_AGENTS.iter().find(|known| known.name == name).unwrap();
            Configuring::plan(self.0.path(), known, roles)
        }

        fn config(&self) -> Config {
            Config::load(self.0.path()).unwrap()
        }

        fn configure(&self, name: &str, roles: &[Role]) -> Configuring {
            let configuring = self.plan(name, roles).unwrap();
            configuring.write(&Tickets::of(self.0.path(), &self.config())).unwrap();
            configuring
        }

        fn error(&self, name: &str, roles: &[Role]) -> String {
            self.plan(name, roles).unwrap_err().to_string().replace(&self.0.path().display().to_string(), "")
        }

        fn profile_of(&self, role: Role) -> Option<String> {
            self.config().role(role).profile.as_ref().map(|set| set.value.to_string())
        }
    }

    #[test]
    fn every_role_without_an_agent_gets_it_and_intake_keeps_its_own() {
        let workspace = Workspace::new();
        let before = workspace.read(CONFIG_FILE);
        let done = workspace.configure(CODEX, &[]);
        assert_eq!(done.roles, [Role::Orchestrator, Role::Coder, Role::Reviewer, Role::Investigator]);
        assert_eq!(workspace.profile_of(Role::Reviewer).as_deref(), Some("project:codex"));
        assert_eq!(workspace.profile_of(Role::Intake).as_deref(), Some("builtin:checklist"));
        assert!(workspace.read(CONFIG_FILE).starts_with(&before), "what was there stands");
        let profiles = Profiles::read(workspace.path(PROFILES_FILE)).unwrap();
        let Ok(Profile { agent, .. }) = profiles.get(&Slug::new(CODEX).unwrap()).unwrap() else { panic!() };
        assert_eq!(agent.command(), ["codex-acp"]);
        let again = workspace.configure(CODEX, &[]);
        assert!(again.edits.is_empty() && again.roles.is_empty(), "{again:?}");
    }

    #[test]
    fn a_role_gets_it_below_its_heading() {
        let workspace = Workspace::new();
        let text = "[roles.coder]\nworkflow = \"w\"\n\n[roles.intake] # mine\n[ticket]\nlanguage = \"x\"";
        workspace.write(CONFIG_FILE, text);
        let done = workspace.configure("codex-exec", &[Role::Intake, Role::Coder, Role::Reviewer, Role::Coder]);
        assert_eq!(
            workspace.read(CONFIG_FILE),
            "[roles.coder]\nprofile = \"project:codex\"\nworkflow = \"w\"\n\n[roles.intake] # mine\n\
             profile = \"project:codex\"\n[ticket]\nlanguage = \"x\"\n\n[roles.reviewer]\n\
             profile = \"project:codex\"\n"
        );
        assert_eq!(done.edits.iter().map(|edit| edit.added.len()).collect::<Vec<_>>(), [5, 5]);
    }

    #[test]
    fn nothing_that_stands_is_written_over() {
        let workspace = Workspace::new();
        workspace.write(CONFIG_FILE, "[roles.coder]\nprofile = \"user:mine\"\n");
        assert_eq!(
            workspace.error(CODEX, &[Role::Coder]),
            "/.yoi/ticket.config.toml:2: role coder runs user:mine already"
        );
        assert!(!workspace.plan(CODEX, &[]).unwrap().roles.contains(&Role::Coder));
        let profile =
            |agent: &str| format!("[profiles.codex]\nagent = \"acp\"\ncommand = [\"{agent}\"]\nmode = \"m\"\n");
        workspace.write(PROFILES_FILE, &profile("other"));
        assert_eq!(
            workspace.error(CODEX, &[]),
            "/.yoi/profiles.toml:3: there is another profile project:codex already, which runs [\"other\"] as acp"
        );
        workspace.write(PROFILES_FILE, &profile("codex-acp"));
        let files: Vec<_> = workspace.plan(CODEX, &[]).unwrap().edits.into_iter().map(|edit| edit.file).collect();
        assert_eq!(files, [workspace.path(CONFIG_FILE)], "one that was adapted is the same agent");
    }

    #[test]
    fn where_lines_cannot_be_added_it_says_what_to_write() {
        let workspace = Workspace::new();
        let inline = "roles = { coder = { workflow = \"w\" } }\n";
        workspace.write(CONFIG_FILE, inline);
        let by_hand = "cannot add to '/.yoi/ticket.config.toml', because of how it is written; add this by hand: \
                       [roles.coder] profile = \"project:codex\"";
        assert_eq!(workspace.error(CODEX, &[Role::Coder]), by_hand);
        workspace.write(PROFILES_FILE, "profiles = {}\n");
        assert!(workspace.error(CODEX, &[]).starts_with("cannot add to '/.yoi/profiles.toml'"));
        assert_eq!(workspace.read(CONFIG_FILE), inline);
    }

    #[test]
    fn what_somebody_saved_meanwhile_is_not_lost_and_mode_and_link_stay() {
        use std::os::unix::fs::PermissionsExt as _;
        let workspace = Workspace::new();
        let (link, real) = (workspace.path(CONFIG_FILE), workspace.path("real.toml"));
        std::fs::rename(&link, &real).unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink("real.toml", &link).unwrap();
        let stale = workspace.plan(CODEX, &[]).unwrap();
        let mine = workspace.read(CONFIG_FILE) + "# mine\n";
        std::fs::write(&real, &mine).unwrap();
        let tickets = Tickets::of(workspace.0.path(), &workspace.config());
        assert!(matches!(stale.write(&tickets), Err(ConfigureError::Changed { .. })));
        assert_eq!(workspace.read(CONFIG_FILE), mine);
        // The profile was written before the configuration was found changed, and does no harm.
        assert_eq!(workspace.configure(CODEX, &[]).edits.len(), 1);
        assert!(workspace.read(CONFIG_FILE).starts_with(&mine));
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(std::fs::metadata(&real).unwrap().mode() & 0o777, 0o640);
        let entries = std::fs::read_dir(workspace.path("")).unwrap();
        let left: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().starts_with(".ticket")), "{left:?}");
    }
}
