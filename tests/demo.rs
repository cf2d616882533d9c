//! `yoi demo`: it shows everything, and leaves nothing, however it ends.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use common::{TestEnv, run};
use rustix::process::{Pid, Signal, kill_process_group};

/// A demo that makes its directory within the test's own.
fn demo(env: &TestEnv) -> Command {
    let mut demo = env.yoi(["demo"]);
    demo.env("TMPDIR", env.workspace());
    demo
}

fn left(env: &TestEnv) -> Vec<PathBuf> {
    std::fs::read_dir(env.workspace()).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Starts a demo in a process group of its own, and stands before the command that it runs as its nth.
fn demo_at(env: &TestEnv, nth: usize) -> Option<(Child, BufReader<ChildStdout>)> {
    let mut child = demo(env).stdout(Stdio::piped()).process_group(0).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut commands = 0;
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        commands += usize::from(line.starts_with("$ yoi "));
        if commands == nth {
            return Some((child, output));
        }
        line.clear();
    }
    child.wait().unwrap();
    None
}

#[test]
fn it_shows_everything_and_leaves_no_process_and_no_file() {
    let env = TestEnv::new();
    let shown = run(&mut demo(&env), 0);
    assert_eq!(shown.stderr, "");
    for part in [
        "took ticket 20260118-093012-001 (generation 1)",
        "20260118-093012-001 is ready; your work on it is done",
        "stopped, restorable, completed",
        "hint: yoi restore intake-20260118-093012-001",
        "- Acceptance criteria: missing",
        "live, idle",
        "Pod intake-20260118-101544-001 is back, with 20260118-101544-001",
        "evidence = \"user_message\"",
    ] {
        assert!(shown.stdout.contains(part), "{part:?} is missing in:\n{}", shown.stdout);
    }
    env.wait_for_processes();
    assert_eq!(left(&env), Vec::<PathBuf>::new());
}

#[test]
fn what_is_kept_is_all_there_and_nothing_of_it_runs() {
    let env = TestEnv::new();
    let shown = run(demo(&env).arg("--keep"), 0);
    env.wait_for_processes();
    let [kept] = left(&env).try_into().unwrap();
    assert!(shown.stdout.contains(&format!("rm -r {}", kept.display())), "{}", shown.stdout);
    let mut status = env.yoi(["status", "--format", "{pod} {status}"]);
    status.current_dir(kept.join("workspace")).env("YOI_DATA_DIR", kept.join("data"));
    let status = run(status.env("YOI_RUNTIME_DIR", kept.join("run")), 0);
    assert_eq!(
        status.stdout,
        "intake-20260118-093012-001 stopped, restorable, completed\nintake-20260118-101544-001 stopped, restorable\n"
    );
}

#[test]
fn killed_at_any_of_its_commands_it_leaves_no_process_and_no_file() {
    let env = TestEnv::new();
    for nth in 1.. {
        let Some((mut child, output)) = demo_at(&env, nth) else {
            assert!(nth > 8, "the demo has {nth} commands");
            break;
        };
        child.kill().unwrap();
        child.wait().unwrap();
        // The command that it ran goes on to its end, and somebody reads it.
        output.lines().for_each(|line| drop(line.unwrap()));
        env.wait_for_processes();
        assert_eq!(left(&env), Vec::<PathBuf>::new(), "killed at command {nth}");
    }
}

#[test]
fn interrupted_at_its_terminal_it_leaves_no_process_and_no_file() {
    let env = TestEnv::new();
    for nth in [2, 5] {
        let (mut child, _output) = demo_at(&env, nth).unwrap();
        kill_process_group(Pid::from_child(&child), Signal::INT).unwrap();
        child.wait().unwrap();
        env.wait_for_processes();
        assert_eq!(left(&env), Vec::<PathBuf>::new(), "interrupted at command {nth}");
    }
}

#[test]
fn it_removes_no_directory_but_that_of_a_demo() {
    let env = TestEnv::new();
    let mut sweep = env.shell("printf %s \"$PWD\" | yoi demo --sweep");
    let refused = run(&mut sweep, 2);
    assert!(refused.stderr.contains("is none of the directories to be removed"), "{refused:?}");
    assert!(env.workspace().is_dir());
}

#[test]
fn a_demo_that_nobody_reads_leaves_no_process_and_no_file() {
    let env = TestEnv::new();
    let (mut child, output) = demo_at(&env, 5).unwrap();
    drop(output);
    child.wait().unwrap();
    env.wait_for_processes();
    assert_eq!(left(&env), Vec::<PathBuf>::new());
}
