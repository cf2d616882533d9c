//! Who joins a Pod in the middle of an answer sees all of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;
use std::time::{Duration, Instant};

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
    let mut logs = env.yoi(["logs", "--follow", &name]).stdout(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(logs.stdout.take().unwrap());
    let mut lines = String::new();
    while !lines.ends_with("first\n") {
        assert_ne!(shown.read_line(&mut lines).unwrap(), 0, "{lines}");
    }
    std::fs::write(env.root().join("go"), "\n").unwrap();
    while client.next(Instant::now() + Duration::from_secs(10)).unwrap().event != "run_end" {}
    env.stop(&name);
    shown.read_to_string(&mut lines).unwrap();
    logs.wait().unwrap();
    let (_, answer) = lines.split_once("agent").unwrap();
    let answer: Vec<&str> = answer.lines().skip(1).collect();
    assert_eq!(answer[..2], ["first", "second"], "{lines}");
    // The same again from the history on disk, now that the answer is whole.
    let shown = run(&mut env.yoi(["logs", &name]), 0).stdout;
    assert!(shown.contains("\nfirst\nsecond\n"), "{shown}");
}
