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
fn the_first_prompt_tells_the_work_and_the_next_only_what_is_new() {
    let stage = Stage::set(&[], "");
    run(&mut stage.env.yoi(["-q", "intake", crate::common::scene::INCOMPLETE, "-m", "@echo\n@say .", "--wait"]), 0);
    let first = stage.last_turn().join("\n");
    assert!(first.contains("Follow this procedure (workflow ticket-intake-workflow)"), "{first}");
    assert!(!first.contains("YOI_CLAIM"), "it is in its environment: {first}");
    let mut talk = stage.talk();
    // The program was started before its claim was committed, and has it in its environment all the same.
    let claim = run(&mut stage.env.yoi_claim(["claim-list", "--format", "{expect}"]), 0).stdout;
    assert_eq!(talk.said("@env YOI_CLAIM"), claim.trim_end());
    assert_eq!(talk.said("@echo"), "@echo\n");
    assert_eq!(talk.wire.ask(1, "notify", json!({ "text": "The tests are green" }))["event"], "ok");
    let told = "# Since the user last spoke\n\nThe tests are green\n\n# What the user says now\n\n@echo\n";
    assert_eq!(talk.said("@echo"), told);
    assert_eq!(talk.said("@echo"), "@echo\n", "it was told once");
    let claim = run(&mut stage.env.yoi_claim(["claim-list", "--format", "{ticket} {expect}"]), 0).stdout;
    assert_eq!(format!("{} {}\n", talk.said("@env YOI_TICKET"), talk.said("@env YOI_CLAIM")), claim);
    stage.stop();
}

#[test]
fn thoughts_and_the_agents_own_tools_are_shown_and_kept_in_their_order() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.begin("@think hm\n@think , well\n@say one\n@tool execute cargo build\n@say two");
    let messages = talk.wire.until(|message| message["event"] == "run_end");
    let start = messages.iter().find(|message| message["event"] == "tool_call_start").unwrap();
    let arguments = json!({ "of": "cargo build" });
    assert_eq!(start["data"], json!({ "call": 1, "tool": "cargo build", "arguments": arguments, "by": "agent" }));
    let expected = [
        "turn_start",
        "thinking_delta: hm, well",
        "text_done: one",
        "tool_call_start",
        "tool_result: cargo build is done",
        "text_done: two",
        "turn_end: completed",
        "run_end: completed",
    ];
    assert_eq!(stage.last_turn(), expected);
    stage.stop();
}

#[test]
fn what_is_no_message_and_what_nobody_knows_does_no_harm() {
    let (stage, mut talk) = Stage::up(&[], "");
    assert_eq!(talk.said("@say one \n@garbage\n@unknown\n@strange\n@say two"), "one error -32601two");
    let log = stage.log();
    for line in ["this is no message", "[1,2]", "17", "{\"half\": "] {
        assert!(log.contains(&format!("(on its standard output) {line}\n")), "{log}");
    }
    assert!(log.contains("the agent is fake 1.0"), "{log}");
    stage.stop();
}

#[test]
fn the_end_of_a_turn_in_which_nothing_was_done_is_an_error_with_the_agents_last_words() {
    let (stage, mut talk) = Stage::up(&[], "");
    let error = talk.error("@err HTTP 500\n@end");
    assert!(error.ends_with("fake_acp' ended its turn without doing anything: HTTP 500"), "{error}");
    assert_eq!(talk.said("@say fine"), "fine");
    stage.stop();
}

#[test]
fn a_turn_that_did_not_end_by_itself_says_why() {
    let (stage, mut talk) = Stage::up(&[], "");
    for (script, why) in [
        ("@say a\n@stop max_tokens", "stopped: it has used up the tokens that its model allows"),
        (
            "@say a\n@stop max_turn_requests",
            "stopped: it has made as many requests to its model as it allows in one turn",
        ),
        ("@say a\n@stop refusal", "refused to go on"),
        ("@say a\n@stop cancelled", "ended its turn as cancelled, which nobody had asked for"),
        ("@fail no credit left", "answered with an error: no credit left"),
    ] {
        let error = talk.error(script);
        assert!(error.ends_with(&format!("fake_acp' {why}")), "{error}");
    }
    assert_eq!(talk.said("@say fine"), "fine");
    stage.stop();
}

#[test]
fn an_agent_that_gives_no_sign_of_life_is_told_to_end_its_turn() {
    let (stage, mut talk) = Stage::up(&[], "deadlines = { first_sign = 0.2, cancel = 0.2 }");
    let error = talk.error("@wait");
    assert!(
        error.contains("gave no sign of life within 0.2 s of the prompt (deadline first_sign of its profile)"),
        "{error}"
    );
    let error = talk.error("@ignore-cancel");
    assert!(error.contains("gave no sign of life within 0.2 s"), "{error}");
    assert_eq!(talk.said("@say fine"), "fine");
    assert_eq!(stage.asked().iter().filter(|line| *line == "initialize").count(), 2, "killed once");
    stage.stop();
}

#[test]
fn a_cancelled_turn_ends_and_the_agent_goes_on() {
    let (stage, mut talk) = Stage::up(&[], "");
    talk.begin("@say one\n@wait");
    stage.wait_until_asked("waits");
    assert_eq!(talk.wire.ask(1, "cancel", json!({}))["event"], "ok");
    assert_eq!(talk.end()["outcome"], "cancelled");
    assert_eq!(talk.said("@say two"), "two");
    assert_eq!(stage.asked().iter().filter(|line| *line == "initialize").count(), 1, "it was not started anew");
    stage.stop();
}

#[test]
fn an_agent_that_does_not_heed_a_cancel_is_killed_and_started_anew() {
    let (stage, mut talk) = Stage::up(&[], "deadlines = { cancel = 0.2 }");
    talk.begin("@ignore-cancel");
    stage.wait_until_asked("waits");
    talk.wire.send(1, "cancel", json!({}));
    assert_eq!(talk.end()["outcome"], "cancelled");
    assert_eq!(talk.said("@say again"), "again");
    assert_eq!(stage.asked().iter().filter(|line| *line == "initialize").count(), 2);
    stage.stop();
}
