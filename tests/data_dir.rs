//! `--data-dir`: another data root than the environment's, and the registry of another user, which root may read and
//! nobody else may write.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it skips")]

mod common;

use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::scene::{COMPLETE, INCOMPLETE, names, tree};
use common::{TestEnv, run};

/// Somebody else.
const NOBODY: u32 = 65534;

fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        println!("skipped: only root may give files to another user");
    }
    is_root
}

/// Gives a directory and all below it to a user.
fn give(dir: &Path, user: u32) {
    run(Command::new("chown").args(["-R", "-h", &format!("{user}:{user}")]).arg(dir), 0);
}

fn elsewhere(env: &TestEnv) -> PathBuf {
    env.root().join("else where")
}

#[test]
fn the_data_root_is_given_before_or_after_the_verb_to_both_programs() {
    let env = TestEnv::new();
    let data = elsewhere(&env);
    let data = data.to_str().unwrap();
    run(&mut env.yoi_claim(["--data-dir", data, "claim-commit", "T", "--pod", "mira", "--role", "coder"]), 0);
    assert_eq!(names(&env.data()), Vec::<String>::new());
    let listed = "T\tmira\tcoder\t1\tstale\n";
    for words in [["--data-dir", data, "claim-list"], ["claim-list", "--data-dir", data]] {
        assert_eq!(run(&mut env.yoi_claim(words), 0).stdout, listed);
        // A relative one begins where the program works, after -C.
        let mut command = env.yoi_claim(["-C", env.workspace().to_str().unwrap()]);
        command.args(words.map(|word| if word == data { "../else where" } else { word })).current_dir("/");
        assert_eq!(run(&mut command, 0).stdout, listed);
    }
    assert_eq!(run(&mut env.yoi_claim(["claim-list"]), 0).stdout, "");
    let status = ["status", "--format", "{ticket} {pod}"];
    assert_eq!(run(env.yoi(status).args(["--data-dir", data]), 0).stdout, "T mira\n");
    assert_eq!(run(env.yoi(["--data-dir", data]).args(status), 0).stdout, "T mira\n");
    let registry = run(&mut env.yoi_claim(["workspace-key", "--format", "{registry}", "--data-dir", data]), 0).stdout;
    assert!(registry.starts_with(data), "{registry}");
}

#[test]
fn what_is_started_below_works_on_the_same_data_root() {
    let env = TestEnv::with_sample();
    let data = elsewhere(&env);
    let locked = "yoi-claim --data-dir \"$1\" ticket-lock T -- \
        sh -c 'yoi-claim claim-commit T --pod mira --role coder; yoi-claim claim-show T'";
    let outcome = run(env.shell(locked).arg("sh").arg(&data), 0);
    assert_eq!(outcome.stdout, "T\tmira\tcoder\t1\tstale\n");
    // The agent of a Pod makes its ticket ready by a tool of that Pod, and the Pod ends by itself.
    let intake = ["intake", COMPLETE, "--wait", "--data-dir"];
    run(env.yoi(intake).arg(&data), 0);
    env.wait_for_processes();
    let state = run(&mut env.yoi(["ticket", "list", "--format", "{id} {state}"]), 0).stdout;
    assert!(state.contains(&format!("{COMPLETE} ready")), "{state}");
    assert_eq!(names(&env.data()), Vec::<String>::new());
}

#[test]
fn the_runtime_root_follows_the_data_root_where_nothing_else_is_said() {
    let env = TestEnv::with_sample();
    let data = env.root().join("d");
    let mut command = env.yoi(["intake", INCOMPLETE, "--wait", "--data-dir", data.to_str().unwrap()]);
    run(command.env_remove("YOI_RUNTIME_DIR"), 0);
    assert_eq!(names(&data.join("run")).len(), 1);
    let mut command = env.yoi(["stop", "--now", &format!("intake-{INCOMPLETE}")]);
    run(command.env("YOI_DATA_DIR", &data).env_remove("YOI_RUNTIME_DIR"), 0);
    assert_eq!(names(&env.data()), Vec::<String>::new());
}

#[test]
fn reading_makes_nothing_below_a_data_root_that_is_not_there() {
    let env = TestEnv::with_sample();
    let data = elsewhere(&env);
    for verb in ["claim-list", "session-list", "pod-list", "journal", "workspace-key"] {
        run(env.yoi_claim([verb, "--data-dir"]).arg(&data), 0);
    }
    for words in
        [&["claim-show", "T"][..], &["session-show", "P"], &["pod-status", "P"], &["claim-check", "T", "--expect", "1"]]
    {
        run(env.yoi_claim(words).arg("--data-dir").arg(&data), 1);
    }
    for words in [&["status"][..], &[], &["logs", "--journal"], &["ticket", "list"]] {
        run(env.yoi(words).arg("--data-dir").arg(&data), 0);
    }
    assert!(!data.exists());
}

/// A registry with a claim, a stopped Pod and its session, all of another user.
fn foreign() -> TestEnv {
    let env = TestEnv::with_sample();
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    env.stop(&format!("intake-{INCOMPLETE}"));
    env.wait_for_processes();
    give(&env.data(), NOBODY);
    env
}

#[test]
fn root_reads_the_registry_of_another_user_and_changes_nothing_in_it() {
    if !is_root() {
        return;
    }
    let env = foreign();
    let before = tree(&env.data());
    let claims = format!("{INCOMPLETE}\tintake-{INCOMPLETE}\tintake\t1\trestorable\nT\tmira\tcoder\t1\tstale\n");
    assert_eq!(env.listed("claim-list"), claims);
    assert_eq!(env.listed("pod-list"), format!("intake-{INCOMPLETE}\tintake\trestorable\n"));
    assert_eq!(env.listed("session-list").lines().count(), 1);
    assert_eq!(env.listed("journal").lines().count(), 2);
    run(&mut env.yoi(["status"]), 0);
    run(&mut env.yoi(["why", "T"]), 0);
    run(&mut env.yoi(["logs", &format!("intake-{INCOMPLETE}")]), 0);
    assert_eq!(tree(&env.data()), before);
}

/// What a refusal says is to be pasted, as a shell reads it: a `sudo` that tells its arguments stands in for the real one.
fn pasted(env: &TestEnv, stderr: &str) -> Vec<Vec<u8>> {
    let (_, line) = stderr.trim_end().split_once("do it as that user: ").unwrap_or_else(|| panic!("{stderr}"));
    let script = format!("sudo() {{ printf '%s\\0' \"$@\"; }}\n{line}");
    let told = env.command("bash").args(["-c", &script]).output().unwrap().stdout;
    told.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

#[test]
fn writing_to_the_registry_of_another_user_is_refused_with_the_line_that_does_it() {
    if !is_root() {
        return;
    }
    let env = foreign();
    let before = tree(&env.root().join("."));
    let data = env.data();
    let reason = "it's \"given\" back, $HOME \\ and more";
    let typed: [&[&str]; 9] = [
        &["yoi-claim", "claim-release", "T", "--expect", "1", "--reason", reason],
        &["yoi-claim", "claim-commit", "n ew", "--pod", "o'hara", "--role", "coder"],
        &["yoi-claim", "claim-complete", "T", "--expect", "1"],
        &["yoi-claim", "session-record", "mira", "--role", "coder", "--origin", "role_launch"],
        &["yoi-claim", "ticket-lock", "T", "--", "sh", "-c", "echo --data-dir"],
        &["yoi-claim", "pod-spawn", "P", "--role", "intake", "--profile", "builtin:checklist"],
        &["yoi", "intake", COMPLETE],
        &["yoi", "launch", "intake", COMPLETE],
        &["yoi", "restore", "intake-20260118-101544-001"],
    ];
    for words in typed {
        let outcome = run(env.command(words[0]).args(&words[1..]), 128);
        assert_eq!(outcome.stdout, "", "{outcome:?}");
        assert!(
            outcome.stderr.contains("it belongs to user 65534: do it as that user: sudo -u nobody "),
            "{outcome:?}"
        );
        let mut expected = vec!["-u", "nobody", words[0], "--data-dir", data.to_str().unwrap()];
        expected.extend(&words[1..]);
        let mut told = pasted(&env, &outcome.stderr);
        assert_eq!(told.pop(), Some(Vec::new()));
        assert_eq!(told, expected.iter().map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>());
    }
    assert_eq!(tree(&env.root().join(".")), before);
}

#[test]
fn a_data_root_that_was_typed_is_pasted_as_it_was_typed() {
    if !is_root() {
        return;
    }
    let env = foreign();
    let odd = std::ffi::OsString::from_vec(b"d\xff 'x'".to_vec());
    std::fs::rename(env.data(), env.root().join(&odd)).unwrap();
    let mut command = env.yoi_claim(["claim-complete", "T", "--expect", "1", "--data-dir"]);
    let relative = Path::new("..").join(&odd);
    let outcome = common::Outcome::of(command.arg(&relative));
    let told = pasted(&env, &outcome.stderr);
    assert_eq!(told[told.len() - 2], relative.into_os_string().into_vec(), "{outcome:?}");
    assert_eq!(told.iter().filter(|word| *word == b"--data-dir").count(), 1);
}

#[test]
fn one_directory_of_another_user_below_an_own_data_root_is_enough() {
    if !is_root() {
        return;
    }
    for inside in ["workspaces", "workspaces/REGISTRY", "workspaces/REGISTRY/claims"] {
        let env = TestEnv::new();
        run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "mira", "--role", "coder"]), 0);
        let registry = names(&env.data().join("workspaces")).pop().unwrap();
        let path = env.data().join(inside.replace("REGISTRY", &registry));
        chown(&path, Some(NOBODY), None).unwrap();
        let outcome = run(&mut env.yoi_claim(["claim-commit", "U", "--pod", "mira", "--role", "coder"]), 128);
        assert!(outcome.stderr.contains(&format!("registry at '{}': it belongs", path.display())), "{outcome:?}");
    }
}

#[test]
fn a_user_without_a_name_is_named_by_number() {
    if !is_root() {
        return;
    }
    let env = foreign();
    give(&env.data(), 54321);
    let outcome = run(&mut env.yoi_claim(["claim-complete", "T", "--expect", "1"]), 128);
    assert_eq!(pasted(&env, &outcome.stderr)[..2], [b"-u".to_vec(), b"#54321".to_vec()]);
}
