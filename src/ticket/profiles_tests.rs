use super::*;

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
    assert_eq!(workspace.error("builtin:list"), "there is no profile builtin:list: did you mean builtin:checklist?");
}

#[test]
fn programs_become_absolute() {
    let workspace = Workspace::new(
        "[profiles.path]\nagent = \"exec\"\ncommand = [\"tool\", \"-x\"]\nenv = { A = \"1\" }\npermissions = \"allow\"\n\
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
         [profiles.text]\nagent = \"exec\"\ncommand = [\"./bin/text\"]\n\
         [profiles.acp]\ncommand = [\"tool\"]\nagent = \"acp\"\n",
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
        (
            "project:acp",
            "/.yoi/profiles.toml:9: profile project:acp: agent = \"acp\" is not available in this version, use agent = \"exec\"",
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
            "/.yoi/profiles.toml:2: profiles.x.agent: it must be \"exec\" or \"acp\"",
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
        (
            "[profiles.x]\nagent = \"exec\"\ncommand = [\"a\"]\npermissions = \"yes\"",
            "/.yoi/profiles.toml:4: profiles.x.permissions: it must be \"ask\" or \"allow\" or \"reject\"",
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
    assert!(installed_agents(None).is_empty());
}
