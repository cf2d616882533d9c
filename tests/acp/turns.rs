//! What happens in a turn.

use serde_json::json;

use crate::common::run;
use crate::scene::{POD, Stage};

#[test]
fn an_agent_is_given_its_work_and_answers() {
    let (stage, mut talk) = Stage::up(&[], "");
    assert_eq!(talk.said("@say hel\n@say lo"), "hello");
    let turn = ["turn_start", "text_done: hello", "turn_end: completed", "run_end: completed"];
    assert_eq!(stage.last_turn(), turn);
    assert_eq!(run(&mut stage.env.yoi_claim(["pod-status", POD]), 0).stdout, format!("{POD}\tintake\tidle\n"));
    let asked = stage.asked();
    assert_eq!(asked[0], "initialize");
    assert_eq!(asked[2], format!("session/new {}", stage.env.workspace().display()));
    assert_eq!(asked[4..], ["session/prompt", "session/prompt"], "one start serves all turns");
    stage.stop();
}

#[test]
fn a_cancelled_turn_ends_and_the_agent_goes_on() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.begin("@say one\n@wait");
    stage.wait_until_asked("waits");
    let mut other = stage.talk();
    assert_eq!(other.wire.ask(1, "cancel", json!({}))["event"], "ok");
    assert_eq!(talk.end()["outcome"], "cancelled");
    assert_eq!(talk.said("@say two"), "two");
    assert_eq!(stage.asked().iter().filter(|line| *line == "initialize").count(), 1, "it was not started anew");
    stage.stop();
}

#[test]
fn an_agent_that_does_not_heed_a_cancel_is_killed_and_started_anew() {
    let (stage, mut talk) = Stage::up(&[], "deadlines = { cancel = 0.2 }");
    talk.begin("@leave-child\n@ignore-cancel");
    stage.wait_until_asked("waits");
    talk.wire.send(1, "cancel", json!({}));
    assert_eq!(talk.end()["outcome"], "cancelled");
    assert_eq!(talk.said("@say again"), "again");
    assert_eq!(stage.asked().iter().filter(|line| *line == "initialize").count(), 2);
    stage.stop();
}

#[test]
fn an_agent_that_dies_in_a_turn_fails_it_and_the_next_turn_starts_it_anew() {
    let (stage, mut talk) = Stage::up(&[], "");
    let error = talk.error("@say last words\n@crash 3");
    assert!(error.ends_with("fake_acp' ended with status 3: I fall"), "{error}");
    assert_eq!(stage.last_turn()[..3], ["turn_start", "text_done: last words", &format!("turn_end: errored")]);
    assert_eq!(talk.said("@say again"), "again");
    stage.wait_until_asked("session/load session-");
    stage.stop();
}
