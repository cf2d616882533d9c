//! Profiles, end to end: listed, checked by starting them, written by `yoi init --agent`, and known to `doctor` and to
//! completion.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use common::scene::{INCOMPLETE, tree};
use common::terminal::on_terminal_after;
use common::{Outcome, TestEnv, fake_acp, run};
use serde_json::{Value, json};

/// A world with a directory of programs that comes first in `PATH`, and one for what is temporary.
struct Stage {
    env: TestEnv,
}

impl Stage {
    fn new() -> Self {
        let stage = Self { env: TestEnv::with_sample() };
        for dir in [stage.programs(), stage.temporary()] {
            fs::create_dir(dir).unwrap();
        }
        stage
    }

    fn programs(&self) -> PathBuf {
        self.env.root().join("programs")
    }

    fn temporary(&self) -> PathBuf {
        self.env.root().join("t")
    }

    /// Installs a program that does this.
    fn install(&self, name: &str, script: &str) {
        let path = self.programs().join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Writes the profile `fake` of an agent that speaks the protocol, with these arguments and keys.
    fn fake(&self, arguments: &[&str], keys: &str) {
        let mut command = vec![fake_acp::program().to_str().unwrap().to_owned()];
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self.profiles(&format!("[profiles.fake]\nagent = \"acp\"\ncommand = {}\n{keys}\n", json!(command)));
    }

    fn profiles(&self, text: &str) {
        fs::write(self.env.workspace().join(".yoi/profiles.toml"), text).unwrap();
    }

    /// Has these roles run these profiles.
    fn roles(&self, roles: &[(&str, &str)]) {
        let text: String =
            roles.iter().map(|(role, profile)| format!("[roles.{role}]\nprofile = \"{profile}\"\n")).collect();
        fs::write(self.env.workspace().join(".yoi/ticket.config.toml"), text).unwrap();
    }

    fn config(&self) -> String {
        fs::read_to_string(self.env.workspace().join(".yoi/ticket.config.toml")).unwrap()
    }

    fn yoi(&self, words: &[&str]) -> Command {
        let mut command = self.env.yoi(words);
        command.env("PATH", format!("{}:/usr/bin:/bin", self.programs().display()));
        command.env("TMPDIR", self.temporary());
        command
    }

    fn says(&self, words: &[&str], status: i32) -> Outcome {
        let outcome = run(&mut self.yoi(words), status);
        Outcome { stdout: self.env.normalise(&outcome.stdout), stderr: self.env.normalise(&outcome.stderr), ..outcome }
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&run(&mut self.yoi(words), 0).stdout).unwrap()
    }

    /// Fails when a check has left something.
    #[track_caller]
    fn assert_nothing_is_left(&self) {
        self.env.wait_for_processes();
        assert_eq!(fs::read_dir(self.temporary()).unwrap().count(), 0);
        assert!(tree(&self.env.data()).is_empty());
    }
}

#[test]
fn every_profile_is_listed_with_its_agent_its_program_and_its_roles() {
    let stage = Stage::new();
    stage.install("codex-acp", "true");
    stage.install("mine", "true");
    stage.profiles(
        "[profiles.mine]\nagent = \"exec\"\ncommand = [\"mine\", \"-x\"]\n\
         [profiles.gone]\nagent = \"acp\"\ncommand = [\"gone\"]\npermissions = { default = \"reject\", read = \"allow\" }\n",
    );
    stage.roles(&[("coder", "project:mine"), ("reviewer", "builtin:codex")]);
    let home = stage.env.home().join(".config/yoi");
    fs::create_dir_all(&home).unwrap();
    fs::write(home.join("profiles.toml"), "[profiles.own]\nagent = \"exec\"\ncommand = [\"/bin/cat\"]\n").unwrap();
    let shown = stage.says(&["profiles"], 0).stdout;
    let row = |name: &str| shown.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    let words = |name: &str| row(name).split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words("builtin:checklist"), "builtin:checklist checklist there intake -");
    assert_eq!(words("builtin:codex "), "builtin:codex acp there reviewer $ROOT/programs/codex-acp");
    assert_eq!(words("builtin:codex-exec"), "builtin:codex-exec exec missing - codex");
    assert_eq!(words("project:mine"), "project:mine exec there coder $ROOT/programs/mine");
    assert_eq!(words("project:gone"), "project:gone acp missing - gone");
    assert_eq!(words("user:own"), "user:own exec there - /bin/cat");
    let all = stage.json(&["profiles", "--json"]);
    let item = |name: &str| all["items"].as_array().unwrap().iter().find(|item| item["profile"] == name).unwrap();
    let gone = item("project:gone");
    assert_eq!(gone["permissions"], json!({ "default": "reject", "read": "allow" }));
    assert_eq!(gone["deadlines"], json!({ "start": 30.0, "tools": 20.0, "first_sign": 120.0, "cancel": 10.0 }));
    assert!(gone["why"].as_str().unwrap().ends_with("\"gone\" is not in PATH"), "{gone}");
    assert_eq!(item("builtin:codex-exec")["install"], "npm install -g @openai/codex");
    assert_eq!(item("project:mine")["command"], json!([stage.programs().join("mine"), "-x"]));
    let there = run(&mut stage.yoi(&["profiles", "-z", "--format", "{state} {profile}"]), 0).stdout;
    assert!(there.split('\0').any(|line| line == "there user:own"), "{there:?}");
}

#[test]
fn a_profile_that_is_broken_hides_no_other() {
    let stage = Stage::new();
    stage.profiles(
        "[profiles.fine]\nagent = \"exec\"\ncommand = [\"cat\"]\n\
         [profiles.odd]\nagent = \"exec\"\ncommand = [\"cat\"]\nmode = \"plan\"\n",
    );
    let outcome = stage.says(&["profiles", "--format", "{state} {profile}"], 128);
    assert!(outcome.stdout.contains("there project:fine\nbroken project:odd\n"), "{outcome:?}");
    assert!(outcome.stderr.contains("profiles.toml:7: profiles.odd.mode: only an agent = \"acp\""), "{outcome:?}");
    stage.profiles("nonsense");
    let outcome = stage.says(&["profiles", "--format", "{state} {profile}"], 128);
    assert!(outcome.stdout.starts_with("there builtin:checklist\n"), "{outcome:?}");
    assert!(outcome.stderr.contains(".yoi/profiles.toml:1: "), "{outcome:?}");
}

#[test]
fn an_agent_is_started_shows_what_it_offers_and_is_stopped() {
    let stage = Stage::new();
    let trace = stage.env.root().join("trace");
    let trace = format!("trace={}", trace.display());
    stage.fake(&[&trace, "modes=ask,code", "auth=key"], "auth = \"key\"\nmode = \"code\"");
    let found = stage.json(&["profiles", "check", "project:fake", "--json"]);
    let item = &found["item"];
    assert_eq!(found["kind"], "profile_check");
    assert_eq!((&item["agent"], &item["protocol"], &item["loads"]), (&json!("acp"), &json!(1), &json!(true)));
    assert_eq!(item["mode"], "code");
    let ids = |key: &str| item[key].as_array().unwrap().iter().map(|one| one["id"].clone()).collect::<Vec<_>>();
    assert_eq!(ids("modes"), ["ask", "code"]);
    assert_eq!(ids("auth_methods"), ["key"]);
    assert!(item["took_ms"].as_u64() >= item["session_ms"].as_u64(), "{item}");
    stage.assert_nothing_is_left();
    let asked = fs::read_to_string(stage.env.root().join("trace")).unwrap();
    assert!(asked.contains("session/new") && !asked.contains("session/prompt"), "{asked}");
    // People see the same, and may leave the origin out.
    let shown = stage.says(&["profiles", "check", "fake"], 0).stdout;
    assert!(shown.starts_with("project:fake: ") && shown.contains("(its session is in it)"), "{shown}");
    assert!(shown.contains("Agent Client Protocol, version 1"), "{shown}");
    stage.assert_nothing_is_left();
}

#[test]
fn an_agent_that_does_not_come_up_is_told_of_with_step_deadline_and_last_words() {
    let stage = Stage::new();
    for (arguments, keys, says) in [
        (&["crash=session/new"][..], "", &["I fall at session/new"][..]),
        (&["version=2"], "", &["required ACP protocol version 1 but peer negotiated 2"]),
        (
            &["hang=initialize"],
            "deadlines = { start = 0.2 }",
            &["initialize within 0.2 s", "raise start in the deadlines"],
        ),
        (&["tools=none"], "deadlines = { tools = 0.2 }", &["did not report within 0.2 s", "raise tools"]),
        (&["modes=ask"], "mode = \"code\"", &["has no mode \"code\"; it offers \"ask\""]),
        (&["auth=key"], "", &["wants to be authenticated first", "\"key\""]),
    ] {
        stage.fake(arguments, keys);
        let outcome = stage.says(&["profiles", "check", "project:fake"], 4);
        let begin = "yoi: cannot start the agent of profile project:fake: ";
        assert!(outcome.stderr.starts_with(begin), "{arguments:?}: {outcome:?}");
        for word in says {
            assert!(outcome.stderr.contains(word), "{arguments:?}: {word:?}: {outcome:?}");
        }
        stage.assert_nothing_is_left();
    }
}

#[test]
fn a_check_that_is_killed_leaves_no_agent() {
    let stage = Stage::new();
    stage.fake(&["hang=session/new", &format!("trace={}", stage.env.root().join("trace").display())], "");
    let mut check = stage.yoi(&["profiles", "check", "project:fake"]).spawn().unwrap();
    stage.env.wait_for("the agent is asked", || {
        fs::read_to_string(stage.env.root().join("trace")).ok().filter(|asked| asked.contains("session/new"))
    });
    assert!(stage.env.processes().iter().any(|process| process.to_string().contains("fake_acp")));
    check.kill().unwrap();
    check.wait().unwrap();
    stage
        .env
        .wait_for("the directory is gone", || (fs::read_dir(stage.temporary()).unwrap().count() == 0).then_some(()));
    stage.assert_nothing_is_left();
}

#[test]
fn a_check_of_any_other_agent_starts_nothing() {
    let stage = Stage::new();
    let touched = stage.env.root().join("touched");
    stage.install("llm", &format!("touch {}", touched.display()));
    let shown = stage.says(&["profiles", "check", "llm"], 0).stdout;
    assert_eq!(shown, "builtin:llm: $ROOT/programs/llm is there; it is run anew each turn\n");
    assert_eq!(stage.says(&["profiles", "check", "builtin:checklist"], 0).stdout, "builtin:checklist is built in\n");
    assert!(!touched.exists());
    for (name, status, says) in [
        ("nope", 1, "there is no profile \"nope\""),
        ("project:nope", 1, "there is no profile project:nope in $ROOT/work/.yoi/profiles.toml"),
        ("builtin:codex", 1, "hint: npm install -g @agentclientprotocol/codex-acp"),
        ("inherit", 1, "no Pod above it"),
    ] {
        let outcome = stage.says(&["profiles", "check", name], status);
        assert!(outcome.stderr.contains(says), "{name}: {outcome:?}");
    }
    stage.assert_nothing_is_left();
}

#[test]
fn a_slow_agent_is_waited_for_as_long_as_its_profile_says() {
    let stage = Stage::new();
    // It is ready only after the launcher would have lost its patience, were it not for the profile.
    let slow = format!("read line <{0}/go; exec {1}", stage.env.root().display(), fake_acp::program().display());
    stage.install("slow", &slow);
    run(stage.env.command("mkfifo").arg(stage.env.root().join("go")), 0);
    stage.profiles("[profiles.slow]\nagent = \"acp\"\ncommand = [\"slow\"]\n");
    stage.roles(&[("intake", "project:slow")]);
    let hurry = ["--ready-timeout", "0", "--probation", "0", "--wait", "-m", "@say I am here"];
    let mut launch = stage.yoi(&[&["intake", INCOMPLETE], &hurry[..]].concat());
    let typed = on_terminal_after(&mut launch, "may take 50 s to get ready", "", || {
        fs::write(stage.env.root().join("go"), "\n").unwrap();
    });
    assert_eq!(typed.status, 0, "{typed:?}");
    run(&mut stage.yoi(&["stop", &format!("intake-{INCOMPLETE}")]), 0);
}

#[test]
fn an_agent_that_is_installed_is_configured_by_its_name() {
    let stage = Stage::new();
    stage.install("claude", "cat");
    stage.install("claude-agent-acp", "cat");
    stage.roles(&[("coder", "builtin:checklist")]);
    let shown = stage.says(&["init", "--agent", "claude"], 0).stdout;
    insta::assert_snapshot!(shown, @r#"
    added to .yoi/profiles.toml
      + # The agents that this workspace can run, and how: see yoi help profiles.
      + 
      + [profiles.claude]
      + agent = "acp"
      + command = ["claude-agent-acp"]
      + permissions = "ask"                   # ask | allow | reject, or a table by kind of request
    added to .yoi/ticket.config.toml
      + 
      + [roles.orchestrator]
      + profile = "project:claude"
      + 
      + [roles.reviewer]
      + profile = "project:claude"
      + 
      + [roles.investigator]
      + profile = "project:claude"
    profile project:claude is run by orchestrator, reviewer, investigator
    see what it offers: yoi profiles check project:claude
    "#);
    assert!(stage.config().contains("[roles.reviewer]\nprofile = \"project:claude\"\n"), "{}", stage.config());
    let roles = run(&mut stage.yoi(&["profiles", "--format", "{profile} {roles}"]), 0).stdout;
    assert!(roles.contains("project:claude orchestrator,reviewer,investigator\n"), "{roles}");
    assert!(roles.contains("builtin:checklist intake,coder\n"), "{roles}");
    let again = stage.says(&["init", "--agent", "claude"], 0).stdout;
    assert!(!again.contains("added to"), "{again}");
    let intake = stage.says(&["init", "--agent", "claude", "--role", "intake"], 0).stdout;
    assert!(intake.contains("run by intake, orchestrator, reviewer, investigator\n"), "{intake}");
    let taken = stage.says(&["init", "--agent", "claude", "--role", "coder"], 1).stderr;
    assert!(taken.contains("role coder runs builtin:checklist already"), "{taken}");
}

#[test]
fn an_agent_that_is_not_there_configures_nothing() {
    let stage = Stage::new();
    stage.install("llm", "cat");
    let before = tree(&stage.env.workspace());
    let missing = stage.says(&["init", "--agent", "codex"], 1).stderr;
    let named = "yoi: agent codex is not installed: PATH has no \"codex-acp\" or \"codex\"; agents found: llm\nhint: npm install -g ";
    assert!(missing.starts_with(named), "{missing}");
    let unknown = stage.says(&["init", "--agent", "skynet"], 1).stderr;
    assert!(unknown.contains("skynet") && unknown.contains("llm"), "{unknown}");
    stage.says(&["init", "--agent", "llm", "--role", "companion"], 2);
    let mut inside = stage.yoi(&["init", "--agent", "llm"]);
    assert!(run(inside.env("YOI_POD", "p"), 1).stderr.contains("from inside a Pod"));
    assert_eq!(tree(&stage.env.workspace()), before);
    let empty = stage.env.root().join("empty");
    fs::create_dir(&empty).unwrap();
    run(stage.yoi(&["init", "--agent", "codex"]).current_dir(&empty), 1);
    assert!(!empty.join(".yoi").exists());
}

#[test]
fn doctor_says_of_each_role_which_program_it_runs() {
    let stage = Stage::new();
    stage.install("codex", "true");
    stage.install("llm", "true");
    stage.profiles("[profiles.x]\nagent = \"acp\"\ncommand = [\"nowhere\"]\n");
    stage.roles(&[("coder", "project:x"), ("reviewer", "builtin:codex-exec"), ("investigator", "builtin:gemini")]);
    let told = run(&mut stage.yoi(&["doctor", "--format", "{verdict}: {check}: {what} > {remedy}"]), 1).stdout;
    for line in [
        "ok: installed: codex, llm > yoi init --agent NAME has one of them work in roles that have none",
        "ok: role intake: builtin:checklist, built in > -",
        "ok: role orchestrator: no profile, so it is not launched > -",
        "ok: role reviewer: builtin:codex-exec, which runs $ROOT/programs/codex (exec) > -",
    ] {
        assert!(stage.env.normalise(&told).lines().any(|said| said == line), "{line}: {told}");
    }
    let of = |role: &str| told.lines().find(|line| line.contains(role)).unwrap();
    assert!(of("role coder").starts_with("problem") && of("role coder").contains(".yoi/profiles.toml:3"), "{told}");
    assert!(of("role investigator").ends_with("> npm install -g @google/gemini-cli"), "{told}");
}

#[test]
fn agents_and_profiles_that_can_be_used_are_completed() {
    let stage = Stage::new();
    stage.install("codex-acp", "true");
    stage.profiles("[profiles.mine]\nagent = \"exec\"\ncommand = [\"nowhere\"]\n");
    let told = |words: &[&str]| -> Vec<String> {
        let mut complete = stage.env.command(std::path::Path::new(env!("CARGO_BIN_EXE_yoi")).with_file_name(words[0]));
        complete.env("PATH", format!("{}:/usr/bin:/bin", stage.programs().display()));
        let told = run(complete.args(["complete", "fish", "--"]).args(words), 0).stdout;
        told.lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect()
    };
    assert_eq!(told(&["yoi", "init", "--agent", ""]), ["codex"]);
    let profiles = ["builtin:checklist", "builtin:codex", "project:mine"];
    assert_eq!(told(&["yoi", "profiles", "check", ""]), profiles);
    assert_eq!(told(&["yoi-claim", "pod-spawn", "p", "--profile", ""]), profiles);
    assert_eq!(told(&["yoi", "profiles", "ch"]), ["check"]);
}
