use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::*;
use crate::domain::{AcpSpec, Deadlines, PermissionPolicy, Permissions, ToolKind};

struct Workspace {
    dir: tempfile::TempDir,
    config: Config,
}

impl Workspace {
    fn new(profiles: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for sub in [".yoi", "user", "bin"] {
            std::fs::create_dir(dir.path().join(sub)).unwrap();
        }
        std::fs::write(dir.path().join(".yoi/profiles.toml"), profiles).unwrap();
        std::fs::write(
            dir.path().join("user/profiles.toml"),
            "[profiles.mine]\nagent = \"exec\"\ncommand = [\"tool\"]\n",
        )
        .unwrap();
        let tool = dir.path().join("bin/tool");
        std::fs::write(&tool, "").unwrap();
        std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(dir.path().join("bin/text"), "").unwrap();
        let config = Config::load(dir.path()).unwrap();
        Self { dir, config }
    }

    fn resolve(&self, profile: &str) -> Result<AgentSpec, ProfileError> {
        let context = ResolveContext {
            workspace: self.dir.path(),
            user_config_dir: Some(self.dir.path().join("user")),
            search_path: Some(format!("bin:/nonexistent:{}/bin", self.dir.path().display()).into()),
            config: &self.config,
        };
        resolve(&profile.parse().unwrap(), &context)
    }

    fn error(&self, profile: &str) -> String {
        self.resolve(profile).unwrap_err().to_string().replace(&self.dir.path().display().to_string(), "")
    }

    fn command(&self, profile: &str) -> Vec<String> {
        match self.resolve(profile).unwrap() {
            AgentSpec::Exec { command, .. } => command,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn names_have_four_forms() {
    for name in ["inherit", "builtin:checklist", "project:a-b", "user:x"] {
        assert_eq!(name.parse::<ProfileRef>().unwrap().to_string(), name);
    }
    for name in ["", "fast", "project:", "project:../x", "other:x", "Inherit"] {
        assert!(name.parse::<ProfileRef>().is_err(), "{name}");
    }
}

#[test]
fn the_built_in_agent_has_the_workspaces_list() {
    let workspace = Workspace::new("");
    let AgentSpec::Checklist { sections } = workspace.resolve("builtin:checklist").unwrap() else { panic!() };
    assert_eq!(sections, workspace.config.checklist().value);
    let message = "there is no profile builtin:check-list: did you mean builtin:checklist?";
    assert_eq!(workspace.error("builtin:check-list"), message);
}

#[test]
fn programs_become_absolute() {
    let workspace = Workspace::new(
        "[profiles.path]\nagent = \"exec\"\ncommand = [\"tool\", \"-x\"]\nenv = { A = \"1\" }\n\
         [profiles.here]\nagent = \"exec\"\ncommand = [\"bin/tool\"]\n",
    );
    let tool = workspace.dir.path().join("bin/tool").display().to_string();
    assert_eq!(workspace.command("project:path"), [tool.clone(), "-x".to_owned()]);
    assert_eq!(workspace.command("project:here"), [&*tool]);
    assert_eq!(workspace.command("user:mine"), [&*tool]);
}

#[test]
fn what_leads_nowhere_says_what_to_change() {
    let workspace = Workspace::new(
        "[profiles.gone]\nagent = \"exec\"\ncommand = [\"no-such-program\"]\n\
         [profiles.text]\nagent = \"acp\"\ncommand = [\"./bin/text\"]\n",
    );
    for (profile, message) in [
        ("inherit", "profile inherit has no Pod above it to inherit from"),
        ("project:gon", "there is no profile project:gon in /.yoi/profiles.toml: did you mean project:gone?"),
        ("user:zzz", "there is no profile user:zzz in /user/profiles.toml"),
        ("project:gone", "/.yoi/profiles.toml:3: profile project:gone: \"no-such-program\" is not in PATH"),
        (
            "project:text",
            "/.yoi/profiles.toml:6: profile project:text: \"./bin/text\" is no program that can be run ('/./bin/text')",
        ),
    ] {
        assert_eq!(workspace.error(profile), message);
    }
}

#[test]
fn the_file_is_read_strictly() {
    for (text, message) in [
        ("[profile.x]\n", "/.yoi/profiles.toml:1: this file has no key \"profile\"; did you mean \"profiles\"?"),
        (
            "[profiles.x]\nagent = \"exe\"\ncommand = [\"a\"]\n",
            "/.yoi/profiles.toml:2: profiles.x.agent: it must be \"acp\" or \"exec\"",
        ),
        ("[profiles.x]\nagent = \"exec\"\n", "/.yoi/profiles.toml:1: profiles.x: it needs command = [\"PROGRAM\", …]"),
        (
            "[profiles.x]\nagent = \"exec\"\ncommand = \"a\"\n",
            "/.yoi/profiles.toml:3: profiles.x.command must be a list of texts, not a text",
        ),
        (
            "[profiles.x]\nagent = \"exec\"\ncommand = []\n",
            "/.yoi/profiles.toml:3: profiles.x.command: it must name a program",
        ),
        (
            "[profiles.x]\nagent = \"exec\"\ncommand = [\"a\"]\nenv = { A = 1 }",
            "/.yoi/profiles.toml:4: profiles.x.env.A must be a text in quotes, not a number",
        ),
    ] {
        assert_eq!(Workspace::new(text).error("project:x"), message);
    }
}

#[test]
fn installed_agents_are_found_in_the_path() {
    let workspace = Workspace::new("");
    let bin = workspace.dir.path().join("bin");
    std::fs::rename(bin.join("tool"), bin.join("llm")).unwrap();
    assert_eq!(installed_agents(Some(&bin.clone().into())), ["llm"]);
    std::fs::hard_link(bin.join("llm"), bin.join("claude")).unwrap();
    assert_eq!(installed_agents(Some(&bin.clone().into())), ["claude", "llm"]);
    std::fs::hard_link(bin.join("llm"), bin.join("claude-agent-acp")).unwrap();
    assert_eq!(installed_agents(Some(&bin.clone().into())), ["claude", "llm"]);
    assert!(installed_agents(None).is_empty());
}

#[test]
fn a_well_known_agent_needs_no_profile_of_its_own() {
    let workspace = Workspace::new("");
    let bin = workspace.dir.path().join("bin");
    assert_eq!(
        workspace.error("builtin:codex"),
        "profile builtin:codex: its program \"codex-acp\" is not in PATH; how it is installed: \
         npm install -g @agentclientprotocol/codex-acp"
    );
    assert_eq!(workspace.error("builtin:codx"), "there is no profile builtin:codx: did you mean builtin:codex?");
    for name in ["codex-acp", "codex"] {
        std::fs::hard_link(bin.join("tool"), bin.join(name)).unwrap();
    }
    let AgentSpec::Acp(spec) = workspace.resolve("builtin:codex").unwrap() else { panic!() };
    assert_eq!(spec.command, [bin.join("codex-acp").display().to_string()]);
    let codex = bin.join("codex").display().to_string();
    assert_eq!(workspace.command("builtin:codex-exec"), [&codex, "exec", "-"]);
}

fn acp(keys: &str) -> Workspace {
    Workspace::new(&format!("[profiles.x]\nagent = \"acp\"\ncommand = [\"tool\", \"acp\"]\n{keys}\n"))
}

fn spec(keys: &str) -> AcpSpec {
    match acp(keys).resolve("project:x").unwrap() {
        AgentSpec::Acp(spec) => spec,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_agent_that_speaks_a_protocol_has_defaults_for_all_but_its_command() {
    let workspace = acp("");
    let AgentSpec::Acp(spec) = workspace.resolve("project:x").unwrap() else { panic!() };
    let command = vec![workspace.dir.path().join("bin/tool").display().to_string(), "acp".to_owned()];
    let (permissions, deadlines) = (PermissionPolicy::default(), Deadlines::default());
    assert_eq!(spec, AcpSpec { command, env: [].into(), permissions, mode: None, auth: None, deadlines });
}

#[test]
fn an_agent_that_speaks_a_protocol_can_be_told_all_that_it_heeds() {
    let found = spec(
        "env = { A = \"1\" }\nmode = \"plan\"\nauth = \"api-key\"\n\
         permissions = { default = \"reject\", read = \"allow\", switch_mode = \"ask\" }\n\
         deadlines = { start = 0.25, tools = 5, cancel = 3600, first_sign = 1e2 }",
    );
    assert_eq!(found.env, [("A".to_owned(), "1".to_owned())].into());
    assert_eq!((found.mode.as_deref(), found.auth.as_deref()), (Some("plan"), Some("api-key")));
    let by_kind = [(ToolKind::Read, Permissions::Allow), (ToolKind::SwitchMode, Permissions::Ask)].into();
    assert_eq!(found.permissions, PermissionPolicy { otherwise: Permissions::Reject, by_kind });
    let seconds = Duration::from_secs;
    let deadlines = Deadlines {
        start: Duration::from_millis(250),
        tools: seconds(5),
        first_sign: seconds(100),
        cancel: seconds(3600),
    };
    assert_eq!(found.deadlines, deadlines);
    assert_eq!(spec("deadlines = { tools = 5 }").deadlines, Deadlines { tools: seconds(5), ..Deadlines::default() });
    let allow = PermissionPolicy { otherwise: Permissions::Allow, by_kind: [].into() };
    assert_eq!(spec("permissions = \"allow\"").permissions, allow);
}

#[test]
fn what_an_agent_that_speaks_a_protocol_is_told_is_read_strictly() {
    let answer = "it must be \"ask\" or \"allow\" or \"reject\"";
    let seconds = "it must be seconds, more than 0 and at most 3600";
    for (keys, message) in [
        ("permissions = \"yes\"", format!("profiles.x.permissions: {answer}")),
        ("permissions = { read = \"yes\" }", format!("profiles.x.permissions.read: {answer}")),
        (
            "permissions = { raed = \"ask\" }",
            "[profiles.x.permissions] has no key \"raed\"; did you mean \"read\"?".to_owned(),
        ),
        ("permissions = 1", "profiles.x.permissions must be a text in quotes, not a number".to_owned()),
        ("mode = \" \"", "profiles.x.mode: it must be one line that is not blank".to_owned()),
        ("auth = \"a\\nb\"", "profiles.x.auth: it must be one line that is not blank".to_owned()),
        (
            "deadlines = { frist_sign = 1 }",
            "[profiles.x.deadlines] has no key \"frist_sign\"; did you mean \"first_sign\"?".to_owned(),
        ),
        ("deadlines = 30", "profiles.x.deadlines must be a table, not a number".to_owned()),
        ("deadlines = { start = \"30\" }", "profiles.x.deadlines.start must be a number, not a text".to_owned()),
        ("deadlines = { start = 0 }", format!("profiles.x.deadlines.start: {seconds}")),
        ("deadlines = { start = 1e-12 }", format!("profiles.x.deadlines.start: {seconds}")),
        ("deadlines = { start = -1 }", format!("profiles.x.deadlines.start: {seconds}")),
        ("deadlines = { start = 3600.5 }", format!("profiles.x.deadlines.start: {seconds}")),
        ("deadlines = { start = nan }", format!("profiles.x.deadlines.start: {seconds}")),
        ("deadlines = { start = inf }", format!("profiles.x.deadlines.start: {seconds}")),
        ("modes = \"x\"", "[profiles.x] has no key \"modes\"; did you mean \"mode\"?".to_owned()),
    ] {
        assert_eq!(acp(keys).error("project:x"), format!("/.yoi/profiles.toml:4: {message}"), "{keys}");
    }
}

#[test]
fn a_program_that_is_run_once_a_turn_is_not_told_what_it_cannot_heed() {
    for key in ["permissions = \"reject\"", "mode = \"m\"", "auth = \"a\"", "deadlines = { start = 1 }"] {
        let text = format!("[profiles.x]\nagent = \"exec\"\ncommand = [\"tool\"]\n{key}\n");
        let name = key.split(' ').next().unwrap();
        let message = "only an agent = \"acp\" heeds it; agent = \"exec\" cannot";
        assert_eq!(
            Workspace::new(&text).error("project:x"),
            format!("/.yoi/profiles.toml:4: profiles.x.{name}: {message}")
        );
    }
}
