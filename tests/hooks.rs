//! The git hooks, in real repositories.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;

use common::{Outcome, TestEnv, run};

const TICKET: &str = "PROJ-42";

/// A repository with one commit, as the workspace.
fn repository() -> TestEnv {
    let env = TestEnv::new();
    // Its maintenance goes on behind the command that began it.
    std::fs::write(env.home().join(".gitconfig"), "[maintenance]\nauto = false\n[receive]\nautogc = false\n").unwrap();
    run(&mut git(&env, &["init", "-q", "-b", "main"]), 0);
    run(&mut git(&env, &["commit", "-q", "--allow-empty", "-m", "first"]), 0);
    env
}

fn git(env: &TestEnv, arguments: &[&str]) -> Command {
    let mut command = env.command("git");
    for (name, value) in [("NAME", "t"), ("EMAIL", "t@example.org")] {
        command.env(format!("GIT_AUTHOR_{name}"), value).env(format!("GIT_COMMITTER_{name}"), value);
    }
    command.args(arguments);
    command
}

fn hooks(env: &TestEnv, action: &str, status: i32) -> Outcome {
    run(&mut env.yoi(["hooks", action]), status)
}

/// Commits the ticket by hand, and gives the fence that its agent would have.
fn claim(env: &TestEnv) -> String {
    run(&mut env.yoi_claim(["claim-commit", TICKET, "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi_claim(["claim-show", TICKET, "--format", "{expect}"]), 0).stdout.trim().to_owned()
}

fn release(env: &TestEnv, fence: &str) {
    run(&mut env.yoi_claim(["claim-release", TICKET, "--expect", fence, "--reason", "given back"]), 0);
}

/// What an agent with this fence does.
fn as_agent(mut command: Command, fence: &str) -> Outcome {
    Outcome::of(command.env("YOI_TICKET", TICKET).env("YOI_CLAIM", fence))
}

const COMMIT: [&str; 5] = ["commit", "-q", "--allow-empty", "-m", "work"];

#[test]
fn work_passes_while_the_claim_stands_and_is_refused_once_it_is_lost() {
    let env = repository();
    hooks(&env, "install", 0);
    let fence = claim(&env);
    as_agent(git(&env, &COMMIT), &fence).assert_status(0);
    let remote = env.root().join("remote.git");
    run(&mut git(&env, &["init", "-q", "--bare", remote.to_str().unwrap()]), 0);
    let push = ["push", "-q", remote.to_str().unwrap(), "main"];
    as_agent(git(&env, &push), &fence).assert_status(0);
    release(&env, &fence);
    let refused = as_agent(git(&env, &COMMIT), &fence).assert_status(1);
    assert!(refused.stderr.contains("pre-commit refused"), "{refused:?}");
    for word in ["release", "reclaim", "no-verify"] {
        assert!(!refused.stderr.contains(word), "a refusal that says how to get round it: {refused:?}");
    }
    run(&mut git(&env, &COMMIT), 0);
    let refused = as_agent(git(&env, &push), &fence);
    assert_ne!(refused.status, 0);
    assert!(refused.stderr.contains("pre-push refused"), "{refused:?}");
    run(&mut git(&env, &push), 0);
}

#[test]
fn a_later_claim_of_the_same_agent_is_not_the_one_that_was_lost() {
    let env = repository();
    hooks(&env, "install", 0);
    let lost = claim(&env);
    release(&env, &lost);
    let fence = claim(&env);
    as_agent(git(&env, &COMMIT), &lost).assert_status(1);
    as_agent(git(&env, &COMMIT), &fence).assert_status(0);
}

#[test]
fn a_claim_that_cannot_be_read_refuses_too() {
    let env = repository();
    hooks(&env, "install", 0);
    let fence = claim(&env);
    let registry = std::fs::read_dir(env.data().join("workspaces")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(registry.join(format!("claims/{TICKET}.toml")), "version = ").unwrap();
    as_agent(git(&env, &COMMIT), &fence).assert_status(1);
}

#[test]
fn installing_twice_and_removing_twice_change_nothing() {
    let env = repository();
    hooks(&env, "status", 1);
    hooks(&env, "install", 0);
    let twice = hooks(&env, "install", 0);
    assert!(!twice.stdout.contains("wrote"), "{twice:?}");
    hooks(&env, "status", 0);
    hooks(&env, "remove", 0);
    let twice = hooks(&env, "remove", 0);
    assert!(!twice.stdout.contains("removed"), "{twice:?}");
    hooks(&env, "status", 1);
}

#[test]
fn a_hook_of_somebody_else_stays_and_the_line_to_add_is_told() {
    let env = repository();
    let foreign = env.workspace().join(".git/hooks/pre-commit");
    let put = |text: &str| {
        std::fs::create_dir_all(foreign.parent().unwrap()).unwrap();
        std::fs::write(&foreign, text).unwrap();
        make_executable(&foreign);
    };
    put("#!/bin/sh\nexit 0\n");
    let told = hooks(&env, "install", 1);
    assert_eq!(std::fs::read_to_string(&foreign).unwrap(), "#!/bin/sh\nexit 0\n");
    assert!(env.workspace().join(".git/hooks/pre-push").exists(), "the other hook was not written");
    // The line does what the hook would have done.
    let line = told.stderr.lines().find_map(|line| line.split_once("add this line to it: ")).unwrap().1;
    put(&format!("#!/bin/sh\n{line}\nexit 0\n"));
    hooks(&env, "install", 0);
    hooks(&env, "status", 0);
    let fence = claim(&env);
    as_agent(git(&env, &COMMIT), &fence).assert_status(0);
    release(&env, &fence);
    as_agent(git(&env, &COMMIT), &fence).assert_status(1);
    run(&mut git(&env, &COMMIT), 0);
    hooks(&env, "remove", 0);
    assert!(foreign.exists());
}

#[test]
fn a_linked_worktree_and_a_directory_of_hooks_elsewhere_are_served() {
    let env = repository();
    let linked = env.root().join("linked");
    run(&mut git(&env, &["worktree", "add", "-q", linked.to_str().unwrap()]), 0);
    run(env.yoi(["hooks", "install"]).current_dir(&linked), 0);
    assert!(env.workspace().join(".git/hooks/pre-commit").exists());
    let fence = claim(&env);
    let mut commit = git(&env, &COMMIT);
    commit.current_dir(&linked);
    as_agent(commit, &fence).assert_status(0);
    release(&env, &fence);
    let mut commit = git(&env, &COMMIT);
    commit.current_dir(&linked);
    as_agent(commit, &fence).assert_status(1);

    let elsewhere: PathBuf = env.root().join("hooks of mine");
    run(&mut git(&env, &["config", "core.hooksPath", elsewhere.to_str().unwrap()]), 0);
    hooks(&env, "install", 0);
    assert!(elsewhere.join("pre-push").exists());
}

#[test]
fn without_a_repository_it_says_so() {
    let env = TestEnv::new();
    let refused = hooks(&env, "install", 1);
    assert!(refused.stderr.contains("belongs to no git repository"), "{refused:?}");
}

#[test]
fn an_agent_does_not_remove_them() {
    let env = repository();
    hooks(&env, "install", 0);
    run(env.yoi(["hooks", "remove"]).env("YOI_POD", "intake-x"), 1);
    hooks(&env, "status", 0);
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
