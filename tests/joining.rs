//! Who joins a Pod in the middle of an answer sees all of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::File;
use std::time::Instant;

use common::scene::{INCOMPLETE, pod};
use common::{DEADLINE, TestEnv, run};
use yoi::pod::client::Client;

#[test]
fn what_was_said_before_is_shown_and_then_the_rest() {
    let env = TestEnv::with_sample();
    env.configure_script("cat >/dev/null; echo first; read -r line <../go; echo second");
    run(env.command("mkfifo").arg(env.root().join("go")), 0);
    run(&mut env.yoi(["intake", INCOMPLETE]), 0);
    let name = format!("intake-{INCOMPLETE}");
    let deadline = Instant::now() + DEADLINE;
    let (mut client, snapshot) = Client::connect(&env.registry().socket_path(&pod(&name)), deadline).unwrap();
    let mut said = snapshot.history.iter().any(|entry| entry.event == "text_delta");
    while !said {
        said = client.next(deadline).unwrap().event == "text_delta";
    }
    let output = env.root().join("shown");
    let mut logs = env.yoi(["logs", "--follow", &name]).stdout(File::create(&output).unwrap()).spawn().unwrap();
    let shown = || std::fs::read_to_string(&output).unwrap();
    env.wait_for("the beginning of the answer", || shown().ends_with("first\n").then_some(()));
    std::fs::write(env.root().join("go"), "\n").unwrap();
    while client.next(deadline).unwrap().event != "run_end" {}
    env.stop(&name);
    logs.wait().unwrap();
    let shown = shown();
    let (_, answer) = shown.split_once("agent").unwrap();
    let answer: Vec<&str> = answer.lines().skip(1).collect();
    assert_eq!(answer[..2], ["first", "second"], "{shown}");
    // The same again from the history on disk, now that the answer is whole.
    let shown = run(&mut env.yoi(["logs", &name]), 0).stdout;
    assert!(shown.contains("\nfirst\nsecond\n"), "{shown}");
}
