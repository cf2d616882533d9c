//! Requests for permission, answered by the profile or by a person.

use serde_json::{Value, json};

use crate::scene::{POD, Stage, Talk};

fn chosen(option: &str) -> String {
    json!({ "optionId": format!("id-{option}"), "outcome": "selected" }).to_string()
}

fn same(said: &str, option: Option<&str>) {
    let said: Value = serde_json::from_str(said).unwrap();
    let expected = option
        .map_or_else(|| json!({ "outcome": "cancelled" }), |option| serde_json::from_str(&chosen(option)).unwrap());
    assert_eq!(said, expected);
}

#[test]
fn a_policy_chooses_by_kind_of_option_in_any_order() {
    let (stage, mut talk) = Stage::up(&[], "permissions = { default = \"reject\", read = \"allow\" }");
    for (ask, answer) in [
        ("read reject_once,allow_always,allow_once", Some("allow_once")),
        ("read allow_once,reject_once", Some("allow_once")),
        ("read reject_always,allow_always", Some("allow_always")),
        ("edit allow_once,allow_always,reject_always,reject_once", Some("reject_once")),
        ("execute reject_always,allow_once", Some("reject_always")),
        ("execute allow_once,allow_always", None),
        ("edit ", None),
    ] {
        same(&talk.said(&format!("@ask {ask}")), answer);
    }
    let history = stage.env.history(POD);
    let newest = |event: &str| &history.iter().rfind(|entry| entry["event"] == event).unwrap()["data"];
    assert_eq!(newest("permission_answer"), &json!({ "request": 7, "by": "policy" }));
    assert_eq!(newest("permission_request")["title"], "do it");
    stage.stop();
}

/// Has the agent ask, and gives the request as a client sees it.
fn asked(stage: &Stage, talk: &mut Talk) -> Value {
    talk.begin("@ask execute reject_once,allow_once");
    let request = talk.wire.event("permission_request")["data"].clone();
    assert_eq!((&request["kind"], &request["arguments"]), (&json!("execute"), &json!({ "what": "it" })));
    stage.wait_until_asked("asks");
    request
}

#[test]
fn a_person_answers_and_the_request_survives_the_client_going_away() {
    let (stage, mut talk) = Stage::up(&[], "");
    let request = asked(&stage, &mut talk);
    drop(talk);
    let (wire, snapshot) = stage.env.wire(POD);
    assert_eq!(snapshot["permissions"], json!([request]));
    drop(wire);
    let mut talk = stage.talk();
    let answer = talk.wire.ask(1, "answer", json!({ "kind": "allow_once" }));
    assert_eq!(answer["event"], "ok", "{answer}");
    talk.wire.until(|message| message["event"] == "run_end");
    stage.wait_until_asked("was answered");
    let turn = stage.last_turn();
    same(turn.iter().find_map(|line| line.strip_prefix("text_done: ")).unwrap(), Some("allow_once"));
    let history = stage.env.history(POD);
    let answer = history.iter().rfind(|entry| entry["event"] == "permission_answer").unwrap();
    assert_eq!((&answer["data"]["by"], &answer["data"]["option"]["id"]), (&json!("client"), &json!("id-allow_once")));
    stage.stop();
}

#[test]
fn a_request_of_a_turn_that_is_cancelled_is_answered_as_cancelled() {
    let (stage, mut talk) = Stage::up(&[], "");
    asked(&stage, &mut talk);
    talk.wire.send(1, "cancel", json!({}));
    assert_eq!(talk.end()["outcome"], "cancelled");
    same(stage.wait_until_asked("was answered ").strip_prefix("was answered ").unwrap(), None);
    assert!(stage.env.wire(POD).1["permissions"].is_null());
    assert_eq!(stage.asked().iter().filter(|line| *line == "initialize").count(), 1, "it was not killed");
    stage.stop();
}
