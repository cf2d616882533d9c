//! `yoi selftest`: it finds what is broken, says so, and leaves nothing, however it ends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use common::{Outcome, TestEnv, run};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;

/// The shortest selftest: each race and each kill is tried once.
const SHORT: [&str; 3] = ["selftest", "--seconds", "0"];

/// Each check with its verdict and what was seen.
fn checks(outcome: &Outcome) -> BTreeMap<String, (String, String)> {
    let told: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    assert_eq!(told["kind"], "check");
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    let items = told["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "check"), (text(item, "verdict"), text(item, "what")))).collect()
}

/// All files below a directory, with what is in them.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), std::fs::read(&path).unwrap())),
        }
    }
    found
}

/// What a selftest has made in the data and runtime directories.
fn left(env: &TestEnv) -> Vec<PathBuf> {
    let of = |dir: PathBuf| std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let is_its = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("selftest-");
    of(env.data()).chain(of(env.runtime())).filter(is_its).collect()
}

#[test]
fn what_yoi_is_built_upon_is_kept_here_and_no_registry_is_touched() {
    let env = TestEnv::new();
    run(&mut env.yoi_claim(["claim-commit", "T-1", "--pod", "mira", "--role", "coder"]), 0);
    let before = files(&env.data());
    let told = run(env.yoi(SHORT).arg("--json"), 0);
    let checks = checks(&told);
    for (check, (verdict, what)) in &checks {
        assert!(["kept", "limited"].contains(&verdict.as_str()), "{check} is {verdict}: {what}");
    }
    assert_eq!(checks.len(), 20, "{checks:?}");
    env.wait_for_processes();
    assert_eq!(files(&env.data()), before);
    assert_eq!(left(&env), Vec::<PathBuf>::new());
}

#[test]
fn a_person_is_told_each_check_and_a_plain_verdict() {
    let env = TestEnv::new();
    let told = run(&mut env.yoi(SHORT), 0);
    assert!(
        told.stdout.contains("\nkept     races: 8 processes for one ticket, 1 times: one claim"),
        "{}",
        told.stdout
    );
    let verdict = told.stdout.lines().last().unwrap();
    assert_eq!(verdict, format!("This machine keeps yoi's promises, in {}.", env.data().display()));
    assert_eq!(told.stderr, "");
}

/// `yoi` beside another `yoi-claim`, a script that finds the real one in `$REAL`.
fn beside(env: &TestEnv, script: &str) -> Command {
    let programs = env.root().join("bin");
    std::fs::create_dir(&programs).unwrap();
    let (yoi, fake) = (programs.join("yoi"), programs.join("yoi-claim"));
    std::fs::copy(env!("CARGO_BIN_EXE_yoi"), &yoi).unwrap();
    std::fs::write(&fake, format!("#!/bin/sh\nREAL={}\n{script}\n", env!("CARGO_BIN_EXE_yoi-claim"))).unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = env.command(yoi);
    command.args(SHORT).arg("--json");
    command
}

#[test]
fn a_broken_promise_is_found_and_named() {
    for (script, check, what) in [
        ("exit 0", "races", "8 of 8 processes were told that they have the ticket race-0"),
        // Nobody wins, and everybody is told the truth.
        ("\"$REAL\" \"$@\"; exit 3", "races", "0 of 8 processes were told that they have the ticket race-0"),
        // A loser who is not told whose the ticket is.
        ("exec \"$REAL\" \"$@\" 2>/dev/null", "races", "a process that lost to runner-"),
        // A claim that is lost.
        (
            "\"$REAL\" \"$@\"; status=$?; rm -f \"$YOI_DATA_DIR\"/workspaces/*/claims/*.toml; exit $status",
            "killed changes",
            "a commit left no claim",
        ),
        // A release that does nothing.
        ("[ \"$1\" = claim-release ] || exec \"$REAL\" \"$@\"", "killed changes", "generation 1 of kill-0 follows 1"),
        // A full disk that nobody complains of.
        ("\"$REAL\" \"$@\"; s=$?; [ $s = 128 ] || exit $s", "full disk", "claim-commit full-2 --pod writer"),
    ] {
        let env = TestEnv::new();
        let told = run(&mut beside(&env, script), 1);
        let (verdict, found) = &checks(&told)[check];
        assert!(verdict == "broken" && found.contains(what), "{script}: {check} is {verdict}: {found}");
        env.wait_for_processes();
        assert_eq!(left(&env), Vec::<PathBuf>::new(), "{script}");
    }
}

#[test]
fn interrupted_or_killed_it_leaves_no_process_and_no_file() {
    for (signal, marked) in
        [(Signal::INT, "files/mark"), (Signal::INT, "workspace/.yoi/tickets"), (Signal::KILL, "workspace/.yoi/tickets")]
    {
        let env = TestEnv::new();
        let mut selftest = env.yoi(["selftest", "--seconds", "20"]);
        let mut child = selftest.stdout(Stdio::null()).process_group(0).spawn().unwrap();
        env.wait_for(marked, || left(&env).into_iter().find(|dir| dir.join(marked).exists()));
        match signal {
            Signal::INT => kill_process_group(Pid::from_child(&child), signal).unwrap(),
            _ => child.kill().unwrap(),
        }
        child.wait().unwrap();
        env.wait_for_processes();
        assert_eq!(left(&env), Vec::<PathBuf>::new(), "{signal:?} at {marked}");
    }
}

#[test]
fn it_removes_no_directory_but_its_own() {
    let env = TestEnv::new();
    let mut sweep = env.shell("printf %s \"$PWD\" | yoi selftest --part sweep");
    let refused = run(&mut sweep, 2);
    assert!(refused.stderr.contains("is none of the directories to be removed"), "{refused:?}");
    assert!(env.workspace().is_dir());
}

#[test]
fn it_cannot_run_inside_a_pod_nor_where_nothing_can_be_written() {
    let env = TestEnv::new();
    let inside = run(env.yoi(SHORT).env("YOI_POD", "p"), 1);
    assert!(inside.stderr.contains("from inside a Pod"), "{inside:?}");
    std::fs::write(env.root().join("file"), "").unwrap();
    let nowhere = run(env.yoi(SHORT).env("YOI_DATA_DIR", env.root().join("file/data")), 128);
    assert!(nowhere.stderr.contains("file/data"), "{nowhere:?}");
}
