//! A Pod on probation sees the end of its launcher, whoever else of the launch lives on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::Write as _;
use std::process::Stdio;

use common::scene::COMPLETE;
use common::{TestEnv, run};

/// `ticket-lock` is killed, and the script that ran under it goes on: the Pod gives up all the same, and the ticket is
/// free once the script has ended too.
#[test]
fn ends_with_ticket_lock_though_its_command_lives_on() {
    let env = TestEnv::with_sample();
    let fifo = env.root().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let script = "\
        yoi-claim launch-plan --role intake --ticket \"$0\" >\"$1/plan\"\n\
        yoi-claim pod-spawn intake-\"$0\" --role intake --profile builtin:checklist --ticket \"$0\"\n\
        yoi-claim pod-run intake-\"$0\" --plan \"$1/plan\"\n\
        >\"$1/accepted\"; read -r line <\"$1/fifo\"; >\"$1/ended\"";
    let mut command = env.yoi_claim(["ticket-lock", COMPLETE, "--", "sh", "-ec", script, COMPLETE]);
    let mut launcher = command.arg(env.root()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let exists = |name: &str| env.root().join(name).exists().then_some(());
    env.wait_for("acceptance", || exists("accepted"));
    launcher.kill().unwrap();
    launcher.wait().unwrap();
    let hosts = || env.processes().iter().filter(|process| process.to_string().contains(" pod-host ")).count();
    env.wait_for("the Pod to give up", || (hosts() == 0).then_some(()));
    assert!(exists("ended").is_none(), "the script lives on");
    assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\t-\t-\t-\tlaunching\n"));
    fs::File::options().write(true).open(&fifo).unwrap().write_all(b"go\n").unwrap();
    env.wait_for_processes();
    env.assert_nothing_is_left();
}

/// The other end is the launcher's alone: whoever had it, too, would outlive it for the Pod.
#[test]
fn has_one_end_of_the_launchers_pipe() {
    let env = TestEnv::with_sample();
    let ends = r#"
        pipe=$(readlink /proc/$$/fd/$YOI_LAUNCHER)
        for descriptor in /proc/$$/fd/*; do readlink "$descriptor"; done | grep -cxF "$pipe""#;
    let outcome = run(&mut env.yoi_claim(["ticket-lock", COMPLETE, "--", "sh", "-c", ends]), 0);
    assert_eq!(outcome.stdout, "1\n");
}
