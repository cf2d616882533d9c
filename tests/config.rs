//! `yoi config`: what is in force, where it comes from, and what is wrong with it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::{TestEnv, run};
use serde_json::Value;

fn write(env: &TestEnv, name: &str, text: &str) {
    fs::create_dir_all(env.workspace().join(".yoi")).unwrap();
    fs::write(env.workspace().join(".yoi").join(name), text).unwrap();
}

#[test]
fn of_what_init_writes_everything_is_built_in() {
    let env = TestEnv::new();
    let before = run(&mut env.yoi(["config"]), 0).stdout;
    run(&mut env.yoi(["init"]), 0);
    let after = run(&mut env.yoi(["config"]), 0).stdout;
    assert_eq!(before, after);
    for line in after.lines().skip(1) {
        assert!(line.contains("built in") || line.contains("not set"), "{line}");
    }
    assert!(after.contains("roles.reviewer.workflow"), "{after}");
}

#[test]
fn each_value_is_shown_with_the_line_that_sets_it() {
    let env = TestEnv::new();
    write(&env, "ticket.config.toml", "[ticket]\nlanguage = \"日本語\"\n[roles.coder]\nworkflow = \"ours\"\n");
    fs::create_dir_all(env.workspace().join(".yoi/workflow")).unwrap();
    fs::write(env.workspace().join(".yoi/workflow/ours.md"), "# Ours\n").unwrap();
    let shown = run(&mut env.yoi(["config", "--format", "{key}|{value}|{from}"]), 0).stdout;
    assert!(shown.contains("ticket.language|日本語|.yoi/ticket.config.toml:2\n"), "{shown}");
    assert!(shown.contains("roles.coder.workflow|ours|.yoi/ticket.config.toml:4\n"), "{shown}");
    assert!(shown.contains("roles.intake.profile|builtin:checklist|built in\n"), "{shown}");
    let json: Value = serde_json::from_str(&run(&mut env.yoi(["config", "--json"]), 0).stdout).unwrap();
    let item = json["items"].as_array().unwrap().iter().find(|item| item["key"] == "roles.coder.workflow").unwrap();
    assert_eq!(item["line"], 4);
    assert_eq!(item["workflow_file"], env.workspace().join(".yoi/workflow/ours.md").to_str().unwrap());
}

#[test]
fn what_a_value_names_and_is_not_there_is_told_with_the_nearest_name() {
    let env = TestEnv::new();
    let text = "[roles.coder]\nprofile = \"project:fats\"\nworkflow = \"ticket-coding-workflow\"\n";
    write(&env, "ticket.config.toml", text);
    write(&env, "profiles.toml", "[profiles.fast]\nagent = \"exec\"\ncommand = [\"cat\"]\n");
    let outcome = run(&mut env.yoi(["config"]), 1);
    let file = env.workspace().join(".yoi/ticket.config.toml");
    for said in [
        format!("yoi: {}:2: roles.coder.profile: there is no profile project:fats", file.display()),
        format!("yoi: {}:3: roles.coder.workflow: there is no workflow ticket-coding-workflow", file.display()),
    ] {
        assert!(outcome.stderr.contains(&said), "{}", outcome.stderr);
    }
    assert!(outcome.stderr.contains("did you mean project:fast?"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("did you mean ticket-code-workflow?"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("roles.coder.profile"), "the rest is shown");
}

#[test]
fn what_is_not_written_as_it_must_be_is_refused_with_file_line_and_nearest_name() {
    let env = TestEnv::new();
    let file = env.workspace().join(".yoi/ticket.config.toml");
    for (text, said) in [
        ("[roles.codr]\n", ":1: [roles] has no key \"codr\"; did you mean \"coder\"?"),
        ("\n[ticket]\nlangauge = \"x\"\n", ":3: [ticket] has no key \"langauge\"; did you mean \"language\"?"),
        ("[ticket]\nlanguage = [\"x\"]\n", ":2: ticket.language must be a text in quotes, not "),
        ("[roles.coder]\nprofile = \"fast\"\n", ":2: roles.coder.profile: \"fast\" is no profile"),
    ] {
        write(&env, "ticket.config.toml", text);
        let outcome = run(&mut env.yoi(["config"]), 2);
        assert!(outcome.stderr.contains(&format!("{}{said}", file.display())), "{}", outcome.stderr);
        // Whoever would launch is told the same.
        assert!(run(&mut env.yoi(["launch", "coder"]), 2).stderr.contains(said));
    }
}
