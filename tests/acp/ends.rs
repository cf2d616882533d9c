//! How the agent program ends, when it does not at its Pod's bidding, and when it does.

use std::time::Instant;

use serde_json::json;

use crate::common::scene::pod;
use crate::common::{DEADLINE, Process, run};
use crate::scene::{POD, Stage};

fn process(line: &str) -> Process {
    let number = line.rsplit([' ', '-']).next().unwrap();
    Process::open(number.parse().unwrap()).unwrap()
}

#[test]
fn an_agent_that_dies_in_a_turn_fails_it_and_the_next_turn_starts_it_anew() {
    let (stage, mut talk) = Stage::up(&[], "");
    let error = talk.error("@say last words\n@crash 3");
    assert!(error.ends_with("fake_acp' ended with status 3: I fall"), "{error}");
    assert_eq!(stage.last_turn()[..3], ["turn_start", "text_done: last words", "turn_end: errored"]);
    assert!(!stage.asked().iter().any(|line| line.starts_with("session/load")), "not before there is work");
    let told = talk.said("@echo");
    assert!(told.contains("fake_acp' ended with status 3: I fall") && !told.contains("last words\n"), "{told}");
    assert_eq!(stage.asked().iter().filter(|line| line.starts_with("session/load session-")).count(), 1);
    stage.stop();
}

#[test]
fn a_tool_call_in_which_the_agent_dies_gets_its_end() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.error("@open execute make\n@crash 3");
    let turn = stage.last_turn();
    let expected = ["turn_start", "tool_call_start", "tool_result: the turn ended before the call did"];
    assert_eq!(turn[..3], expected, "{turn:?}");
    stage.stop();
}

#[test]
fn an_agent_that_closes_its_output_is_ended_and_started_anew() {
    let (stage, mut talk) = Stage::up(&[], "");
    let error = talk.error("@say a\n@close-output");
    assert!(error.contains("fake_acp' closed its standard output"), "{error}");
    assert_eq!(talk.said("@say again"), "again");
    stage.stop();
}

#[test]
fn what_a_dead_agent_left_is_ended_also_what_left_its_session() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.said("@leave-child\n@say done");
    let child = process(&stage.wait_until_asked("child "));
    talk.error("@crash 3");
    assert!(child.wait(Instant::now() + DEADLINE));
    assert_eq!(talk.said("@say again"), "again");
    stage.stop();
}

#[test]
fn an_agent_that_dies_while_it_waits_is_logged_and_started_anew_for_the_next_turn() {
    let (stage, mut talk) = Stage::up(&[], "");
    let session = run(&mut stage.env.yoi_claim(["session-show", POD, "--format", "{session}"]), 0).stdout;
    let agent = process(session.trim_end());
    let epoch = talk.said("@env YOI_EPOCH");
    agent.kill();
    assert!(agent.wait(Instant::now() + DEADLINE));
    stage
        .env
        .wait_for("the log", || stage.log().contains("fake_acp' was ended by SIGKILL; the next turn").then_some(()));
    assert_eq!(run(&mut stage.env.yoi_claim(["pod-status", POD]), 0).stdout, format!("{POD}\tintake\tidle\n"));
    // Whatever is left of that start can call no tool any more.
    let call = json!({ "tool": "TicketList", "arguments": {}, "epoch": epoch });
    let fresh = talk.said("@env YOI_EPOCH");
    assert_ne!(fresh, epoch);
    assert_eq!(talk.wire.ask(1, "tool_call", call)["data"]["code"], "wrong_epoch");
    let call = json!({ "tool": "TicketList", "arguments": {}, "epoch": fresh });
    assert_eq!(talk.wire.ask(2, "tool_call", call)["event"], "tool_result");
    stage.stop();
}

#[test]
fn an_agent_that_wants_to_know_is_told_that_its_session_is_over() {
    let (stage, _talk) = Stage::up(&["close"], "");
    stage.stop();
    assert!(stage.asked().last().unwrap().starts_with("session/close session-"), "{:?}", stage.asked());
}

#[test]
fn a_pod_that_ends_in_a_turn_leaves_nothing_of_its_agent() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.begin("@leave-child\n@ignore-cancel");
    stage.wait_until_asked("waits");
    let child = process(&stage.wait_until_asked("child "));
    stage.stop();
    assert!(child.wait(Instant::now()));
    assert!(!stage.env.registry().pod_lives(&pod(POD)).unwrap());
}

#[test]
fn a_pod_that_is_killed_in_a_turn_leaves_nothing_of_its_agent_and_comes_back() {
    for killed in ["yoi-host", "yoi-warden"] {
        let (stage, mut talk) = Stage::up(&[], "");
        talk.begin("@leave-child\n@ignore-cancel");
        stage.wait_until_asked("waits");
        let child = process(&stage.wait_until_asked("child "));
        let said = run(&mut stage.env.yoi(["why", POD]), 0).stdout;
        let line = said.lines().find(|line| line.ends_with(&format!("({killed})"))).unwrap();
        process(line.trim_end_matches(&format!(" ({killed})"))).kill();
        stage.env.wait_for_processes();
        assert!(child.wait(Instant::now()), "{killed}: a child that left its session goes on");
        run(&mut stage.env.yoi(["-q", "restore", POD]), 0);
        assert!(stage.talk().said("@echo").contains("# What the user says now"), "{killed}");
        stage.stop();
    }
}
