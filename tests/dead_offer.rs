//! An offer goes with the Pod that wrote it: what is left of one whose Pod is gone cannot be committed.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use common::scene::{INCOMPLETE, names, ticket};
use common::{TestEnv, run};

const POD: &str = "intake-20260118-101544-001";

/// A Pod accepts, and it and its launcher are killed at once: its offer and its directory stay, and its nonce is known.
fn left_by_the_dead(env: &TestEnv) -> String {
    let mut script = env.shell(
        r#"yoi-claim ticket-lock "$T" -- sh -ec '
  yoi-claim launch-plan --role intake --ticket "$1" >plan
  yoi-claim pod-spawn intake-"$1" --role intake --profile builtin:checklist --ticket "$1" >/dev/null
  yoi-claim pod-run intake-"$1" --plan plan >/dev/null
  echo "$YOI_CLAIM_NONCE"
  read -r _' sh "$T""#,
    );
    script.env("T", INCOMPLETE).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = script.spawn().unwrap();
    let mut nonce = String::new();
    BufReader::new(script.stdout.take().unwrap()).read_line(&mut nonce).unwrap();
    let nonce = nonce.trim().to_owned();
    env.kill_all();
    script.wait().unwrap();
    assert_eq!(names(&env.registry().dir().join("offers")), [format!("{INCOMPLETE}.{nonce}")]);
    assert_eq!(names(&env.registry().dir().join("pods")), [POD]);
    nonce
}

/// Commits an attempt by hand, long after it was given up by all who took part in it.
fn commit_by_hand(env: &TestEnv, nonce: &str, status: i32) {
    let words = ["claim-commit", INCOMPLETE, "--pod", POD, "--role", "intake"];
    run(env.yoi_claim(words).args(["--evidence", "user_message", "--nonce", nonce]), status);
}

#[test]
fn a_later_launch_that_sweeps_a_pod_withdraws_its_offer() {
    let env = TestEnv::with_sample();
    let nonce = left_by_the_dead(&env);
    let spawn = ["pod-spawn", POD, "--role", "intake", "--profile", "builtin:checklist", "--ticket", INCOMPLETE];
    // Started, and given up at the end of the command.
    let mut again = env.yoi_claim(["ticket-lock", INCOMPLETE, "--"]);
    run(again.arg(env!("CARGO_BIN_EXE_yoi-claim")).args(spawn), 0);
    env.wait_for_processes();
    assert_eq!(names(&env.registry().dir().join("pods")), Vec::<String>::new());
    commit_by_hand(&env, &nonce, 4);
    assert_eq!(env.registry().claim(&ticket(INCOMPLETE)).unwrap(), None);
}

#[test]
fn gc_that_sweeps_a_pod_withdraws_its_offer() {
    let env = TestEnv::with_sample();
    let nonce = left_by_the_dead(&env);
    run(&mut env.yoi_claim(["gc"]), 0);
    assert_eq!(names(&env.registry().dir().join("pods")), Vec::<String>::new());
    commit_by_hand(&env, &nonce, 4);
}

#[test]
fn until_then_it_can_be_committed_and_the_pod_restored() {
    let env = TestEnv::with_sample();
    let nonce = left_by_the_dead(&env);
    commit_by_hand(&env, &nonce, 0);
    run(&mut env.yoi(["restore", POD]), 0);
    env.stop(POD);
}
