//! A Pod that comes back, and what its agent knows then.

use crate::common::run;
use crate::scene::{POD, Stage};

/// A Pod that was stopped after a turn, and is brought back with an agent like this.
fn back(arguments: &[&str]) -> Stage {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.said("@say the word is 4711");
    stage.stop();
    stage.change(arguments, "");
    run(&mut stage.env.yoi(["-q", "restore", POD]), 0);
    stage
}

#[test]
fn an_agent_that_can_takes_up_its_session_and_what_it_replays_is_not_new() {
    let stage = back(&[]);
    let asked = stage.asked();
    let made = asked.iter().position(|line| line.starts_with("session/new")).unwrap();
    assert!(asked[made..].iter().any(|line| line.starts_with("session/load session-")), "{asked:?}");
    let mut talk = stage.talk();
    assert_eq!(talk.said("@echo"), "@echo\n", "it remembers");
    let history = stage.env.history(POD);
    assert!(!history.iter().any(|entry| entry.to_string().contains("long ago")));
    stage.stop();
}

#[test]
fn an_agent_that_cannot_is_told_what_went_before() {
    let stage = back(&["no-load"]);
    let mut talk = stage.talk();
    let told = talk.said("@echo");
    assert!(told.contains("# The conversation so far") && told.contains("the word is 4711"), "{told}");
    assert_eq!(talk.said("@echo"), "@echo\n", "once");
    assert!(!stage.env.history(POD).iter().any(|entry| entry["event"] == "alert"));
    stage.stop();
}

#[test]
fn a_session_that_is_lost_is_an_alert_and_the_agent_is_told_what_went_before() {
    let stage = back(&["load-fails"]);
    let mut talk = stage.talk();
    let told = talk.said("@echo");
    assert!(told.contains("the word is 4711"), "{told}");
    let history = stage.env.history(POD);
    let alert = history.iter().find(|entry| entry["event"] == "alert").unwrap()["data"].to_string();
    assert!(alert.contains("did not take up its earlier session (that session is lost)"), "{alert}");
    stage.stop();
}

#[test]
fn a_pod_that_was_killed_in_a_turn_tells_its_agent_so() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.begin("@say half\n@ignore-cancel");
    stage.wait_until_asked("waits");
    stage.env.kill_all();
    run(&mut stage.env.yoi(["-q", "restore", POD]), 0);
    let mut talk = stage.talk();
    let told = "# Since the user last spoke\n\nThe turn above was interrupted\n\n# What the user says now\n\n@echo\n";
    assert_eq!(talk.said("@echo"), told);
    stage.stop();
}
