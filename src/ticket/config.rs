//! `.yoi/ticket.config.toml`: where the tickets are, and what each role runs.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::domain::{DEFAULT_SECTIONS, Role, Slug};

use super::profiles::ProfileRef;
use super::strict::{ConfigError, Document, Entry, Source, Sourced, Table, in_workspace};

/// The file, below `.yoi`.
pub(super) const CONFIG_FILE: &str = "ticket.config.toml";
/// The one backend that there is.
const PROVIDER: &str = "builtin:yoi_local";
/// Where the tickets are when nobody says otherwise.
const DEFAULT_ROOT: &str = ".yoi/tickets";

/// What is configured for the tickets of a workspace, with what holds where nothing is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    file: PathBuf,
    provider: Sourced<String>,
    root: Sourced<PathBuf>,
    language: Sourced<String>,
    checklist: Sourced<Vec<String>>,
    roles: BTreeMap<Role, RoleConfig>,
}

/// What is configured for a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleConfig {
    /// Which agent it runs; `None` where nobody says, and there is no built-in one.
    pub profile: Option<Sourced<ProfileRef>>,
    /// The procedure that it follows; `None` for a role that is never launched.
    pub workflow: Option<Sourced<Slug>>,
    /// A reference to a prompt of its own; carried along, never read.
    pub launch_prompt: Option<Sourced<String>>,
}

impl Config {
    /// Reads the configuration of a workspace; where there is none, the defaults hold.
    ///
    /// # Errors
    /// When the file cannot be read or something in it is not known.
    pub fn load(workspace: &Path) -> Result<Self, ConfigError> {
        Self::of(workspace, &Document::read(in_workspace(workspace, CONFIG_FILE))?)
    }

    /// What a file says, or would.
    pub(super) fn of(workspace: &Path, document: &Document) -> Result<Self, ConfigError> {
        document.with(|top| Self::defaults(workspace).overlaid(&top))
    }

    /// What holds where nothing is configured. Touches no file.
    pub fn defaults(workspace: &Path) -> Self {
        let file = in_workspace(workspace, CONFIG_FILE);
        let source = Source::Default { file: file.clone() };
        let roles = Role::ALL.iter().map(|role| (*role, RoleConfig::default_of(*role, &source))).collect();
        Self {
            provider: Sourced { value: PROVIDER.to_owned(), source: source.clone() },
            root: Sourced { value: DEFAULT_ROOT.into(), source: source.clone() },
            language: Sourced { value: "English".to_owned(), source: source.clone() },
            checklist: Sourced { value: DEFAULT_SECTIONS.iter().map(|s| (*s).to_owned()).collect(), source },
            roles,
            file,
        }
    }

    fn overlaid(mut self, top: &Table) -> Result<Self, ConfigError> {
        top.only(&["backend", "ticket", "roles"])?;
        if let Some(backend) = top.get("backend") {
            self.read_backend(&backend.table()?)?;
        }
        if let Some(ticket) = top.get("ticket") {
            self.read_ticket(&ticket.table()?)?;
        }
        if let Some(roles) = top.get("roles") {
            let names: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
            let roles = roles.table()?;
            roles.only(&names)?;
            for (role, config) in self.roles.iter_mut() {
                if let Some(entry) = roles.get(role.as_str()) {
                    config.read(&entry.table()?)?;
                }
            }
        }
        Ok(self)
    }

    fn read_backend(&mut self, table: &Table) -> Result<(), ConfigError> {
        table.only(&["provider", "root"])?;
        if let Some(provider) = table.get("provider") {
            if provider.text()? != PROVIDER {
                return Err(provider.bad(format!("the only provider is {PROVIDER:?}")));
            }
            self.provider.source = Source::At(provider.place());
        }
        if let Some(root) = table.get("root") {
            let path = PathBuf::from(root.text()?);
            let inside = |part: Component| matches!(part, Component::Normal(_) | Component::CurDir);
            if path.as_os_str().is_empty() || !path.components().all(inside) {
                return Err(root.bad("it must be a relative path inside the workspace"));
            }
            self.root = Sourced { value: path, source: Source::At(root.place()) };
        }
        Ok(())
    }

    fn read_ticket(&mut self, table: &Table) -> Result<(), ConfigError> {
        table.only(&["language", "checklist"])?;
        if let Some(language) = table.get("language") {
            self.language = one_line(&language)?;
        }
        if let Some(checklist) = table.get("checklist") {
            let value = checklist.texts()?;
            if value.is_empty() || value.iter().any(|section| section.trim().is_empty() || section.contains('\n')) {
                return Err(checklist.bad("it must name at least one heading, and no empty one"));
            }
            self.checklist = Sourced { value, source: Source::At(checklist.place()) };
        }
        Ok(())
    }

    /// The file that holds the configuration, or would.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// What keeps the tickets.
    pub(super) fn provider(&self) -> &Sourced<String> {
        &self.provider
    }

    /// Where the tickets are, and who says so.
    pub(super) fn sourced_root(&self) -> &Sourced<PathBuf> {
        &self.root
    }

    /// Where the tickets are, relative to the workspace.
    pub fn root(&self) -> &Path {
        &self.root.value
    }

    /// The language that tickets are written in.
    pub fn language(&self) -> &Sourced<String> {
        &self.language
    }

    /// The sections that an implementable ticket must have.
    pub fn checklist(&self) -> &Sourced<Vec<String>> {
        &self.checklist
    }

    /// What is configured for a role.
    pub fn role(&self, role: Role) -> &RoleConfig {
        self.roles.get(&role).expect("every role has its entry from the beginning")
    }
}

impl RoleConfig {
    fn default_of(role: Role, source: &Source) -> Self {
        let workflow = match role {
            Role::Intake => Some("ticket-intake-workflow"),
            Role::Orchestrator => Some("ticket-orchestrate-workflow"),
            Role::Coder => Some("ticket-code-workflow"),
            Role::Reviewer => Some("ticket-review-workflow"),
            Role::Investigator => Some("ticket-investigate-workflow"),
            Role::Companion => None,
        };
        let slug = |name: &str| Slug::new(name).expect("the names of the built-in workflows are slugs");
        Self {
            profile: (role == Role::Intake).then(|| Sourced { value: ProfileRef::checklist(), source: source.clone() }),
            workflow: workflow.map(|name| Sourced { value: slug(name), source: source.clone() }),
            launch_prompt: None,
        }
    }

    fn read(&mut self, table: &Table) -> Result<(), ConfigError> {
        table.only(&["profile", "workflow", "launch_prompt"])?;
        if let Some(profile) = table.get("profile") {
            self.profile = Some(profile.parsed()?);
        }
        if let Some(workflow) = table.get("workflow") {
            self.workflow = Some(workflow.parsed()?);
        }
        if let Some(prompt) = table.get("launch_prompt") {
            self.launch_prompt = Some(one_line(&prompt)?);
        }
        Ok(())
    }
}

fn one_line(entry: &Entry) -> Result<Sourced<String>, ConfigError> {
    let text = entry.text()?;
    if text.trim().is_empty() || text.contains(char::is_control) {
        return Err(entry.bad("it must be one line that is not blank"));
    }
    Ok(Sourced { value: text.to_owned(), source: Source::At(entry.place()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> (tempfile::TempDir, Result<Config, ConfigError>) {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".yoi")).unwrap();
        std::fs::write(dir.path().join(".yoi/ticket.config.toml"), text).unwrap();
        let config = Config::load(dir.path());
        (dir, config)
    }

    fn error(text: &str) -> String {
        let (dir, config) = load(text);
        config.unwrap_err().to_string().replace(&format!("{}/.yoi/", dir.path().display()), "")
    }

    #[test]
    fn without_a_file_the_defaults_hold() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::load(dir.path()).unwrap();
        assert_eq!(config.root(), Path::new(".yoi/tickets"));
        let intake = config.role(Role::Intake);
        let profile = intake.profile.as_ref().unwrap();
        assert_eq!(profile.value.to_string(), "builtin:checklist");
        let hint = format!("the default; set it in {}/.yoi/ticket.config.toml", dir.path().display());
        assert_eq!(profile.source.to_string(), hint);
        assert_eq!(intake.workflow.as_ref().unwrap().value.as_str(), "ticket-intake-workflow");
        assert_eq!(config.role(Role::Coder).profile, None);
        assert_eq!(config.role(Role::Companion).workflow, None);
    }

    #[test]
    fn values_know_their_lines() {
        let (dir, config) = load(
            "[backend]\nprovider = \"builtin:yoi_local\"\nroot = \"docs/tickets\"\n[ticket]\nlanguage = \"日本語\"\n\
             checklist = [\"背景\"]\n[roles.coder]\nprofile = \"project:fast\"\nlaunch_prompt = \"$p\"\n",
        );
        let config = config.unwrap();
        assert_eq!(config.root(), Path::new("docs/tickets"));
        assert_eq!(config.language().value, "日本語");
        assert_eq!(config.checklist().value, ["背景"]);
        let profile = config.role(Role::Coder).profile.as_ref().unwrap();
        let line = format!("{}/.yoi/ticket.config.toml:8", dir.path().display());
        assert_eq!((profile.value.to_string(), profile.source.to_string()), ("project:fast".to_owned(), line));
        assert_eq!(config.role(Role::Coder).workflow.as_ref().unwrap().value.as_str(), "ticket-code-workflow");
    }

    #[test]
    fn what_is_not_known_is_refused_with_line_and_nearest() {
        let cases = [
            ("a = \n", "ticket.config.toml:1: "),
            ("\n[tickets]\n", "ticket.config.toml:2: this file has no key \"tickets\"; did you mean \"ticket\"?"),
            (
                "[ticket]\nlangage = \"x\"",
                "ticket.config.toml:2: [ticket] has no key \"langage\"; did you mean \"language\"?",
            ),
            ("[ticket]\nq = 1", "ticket.config.toml:2: [ticket] has no key \"q\"; known are language, checklist"),
            ("[roles.code]\n", "ticket.config.toml:1: [roles] has no key \"code\"; did you mean \"coder\"?"),
            (
                "roles.coder.profil = 1",
                "ticket.config.toml:1: [roles.coder] has no key \"profil\"; did you mean \"profile\"?",
            ),
            (
                "[ticket]\n\nlanguage = 7",
                "ticket.config.toml:3: ticket.language must be a text in quotes, not a number",
            ),
            (
                "[ticket]\nchecklist = [\n1]",
                "ticket.config.toml:2: ticket.checklist must be a list of texts, not a list of other things",
            ),
            ("ticket = 1", "ticket.config.toml:1: ticket must be a table, not a number"),
            ("[roles.coder]\nprofile = \"fast\"", "ticket.config.toml:2: roles.coder.profile: \"fast\" is no profile"),
            ("[roles.coder]\nworkflow = \"../x\"", "ticket.config.toml:2: roles.coder.workflow: "),
            ("[backend]\nprovider = \"jira\"", "ticket.config.toml:2: backend.provider: "),
            ("[backend]\nroot = \"../x\"", "ticket.config.toml:2: backend.root: "),
            ("[backend]\nroot = \"/x\"", "ticket.config.toml:2: backend.root: "),
        ];
        for (text, message) in cases {
            let error = error(text);
            assert!(error.starts_with(message), "{error}");
        }
    }
}
