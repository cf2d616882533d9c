//! What the agent asks permission for is answered by people: with a command, while looking on, and by nobody.

use std::process::Stdio;

use serde_json::json;

use crate::common::terminal::Terminal;
use crate::common::{Outcome, run};
use crate::scene::{POD, Stage};

const ASKS: &str = "@ask execute reject_always,reject_once,allow_once";

#[test]
fn a_request_is_seen_answered_by_a_command_and_told_in_the_logs() {
    let (stage, mut talk) = Stage::up(&[], "permissions = \"ask\"");
    talk.begin(ASKS);
    talk.wire.event("permission_request");
    let env = &stage.env;
    let status = || run(&mut env.yoi(["status", "--format", "{status}|{permissions}"]), 0).stdout;
    assert_eq!(status(), "live, running, asks|1\n");
    let shown = run(&mut env.yoi(["answer", POD]), 0).stdout;
    assert!(shown.starts_with("? request 1 (execute): do it\n    what: it\n  1 v  "), "{shown}");
    run(&mut env.yoi(["answer", POD, "--always"]), 1);
    let said = run(&mut env.yoi(["answer", POD, "--allow"]), 0).stdout;
    assert_eq!(said, format!("request 1 of Pod {POD}: Yes, allow_once (allow_once)\n"));
    assert_eq!(talk.end()["outcome"], "completed");
    assert_eq!(status(), "live, idle|0\n");
    let logs = run(&mut env.yoi(["logs", POD]), 0).stdout;
    let told = "? request 1 (execute): do it {\"what\":\"it\"}\n✓ request 1: Yes, allow_once (allow_once)\n";
    assert!(logs.contains(told), "{logs}");
    stage.stop();
}

#[test]
fn who_attaches_answers_what_was_asked_before_and_what_others_answer_is_told() {
    let (stage, mut talk) = Stage::up(&[], "permissions = \"ask\"");
    talk.begin(ASKS);
    talk.wire.event("permission_request");
    // Who was there when it was asked has gone; the request has not.
    drop(talk);
    let mut screen = Terminal::start(&stage.env, &stage.env.yoi(["attach", POD]));
    screen.until("  answer: v, n, y, 1 to 3\n");
    screen.type_in("n\n");
    screen.until("✗ request 1: Yes, reject_once (reject_once)\n");
    let answered = stage.wait_until_asked("was answered ");
    assert!(answered.contains("id-reject_once"), "{answered}");
    let mut talk = stage.talk();
    talk.begin(ASKS);
    screen.until("? request 2 (execute): do it\n");
    run(&mut stage.env.yoi(["answer", POD, "2", "--option", "id-allow_once"]), 0);
    screen.until("  somebody else answered it\n");
    assert_eq!(talk.end()["outcome"], "completed");
    screen.type_in("\u{4}");
    assert_eq!(screen.end().0, 0);
    stage.stop();
}

#[test]
fn ctrl_c_while_looking_on_cancels_the_turn_with_what_it_asks() {
    let (stage, mut talk) = Stage::up(&[], "permissions = \"ask\"");
    let mut screen = Terminal::start(&stage.env, &stage.env.yoi(["attach", POD]));
    screen.until("I am here\n");
    talk.begin(ASKS);
    screen.until("  answer: v, n, y, 1 to 3\n");
    screen.type_in("\u{3}");
    screen.until("✗ request 1 was not answered before the turn ended\n");
    screen.until("the turn was cancelled");
    assert_eq!(talk.end()["outcome"], "cancelled");
    run(&mut stage.env.yoi(["answer", POD, "--allow"]), 1);
    screen.type_in("\u{3}");
    assert_eq!(screen.end().0, 0, "no turn runs: it leaves");
    assert_eq!(talk.said("@say still here"), "still here");
    stage.stop();
}

#[test]
fn of_two_answers_at_once_one_counts() {
    let (stage, mut talk) = Stage::up(&[], "permissions = \"ask\"");
    talk.begin(ASKS);
    talk.wire.event("permission_request");
    let ways = ["--allow", "--reject", "--never"];
    let start = |way: &str| {
        let mut command = stage.env.yoi(["answer", POD, "1", way]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children = ways.map(start);
    let ended = children.map(|child| Outcome::from_output(child.wait_with_output().unwrap()));
    let won: Vec<_> = ended.iter().filter(|outcome| outcome.status == 0).collect();
    assert_eq!(won.len(), 1, "{ended:?}");
    assert!(ended.iter().all(|outcome| matches!(outcome.status, 0 | 1)), "{ended:?}");
    talk.end();
    let answers: Vec<_> =
        stage.env.history(POD).into_iter().filter(|entry| entry["event"] == "permission_answer").collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    let kind = answers[0]["data"]["option"]["kind"].as_str().unwrap();
    assert!(won[0].stdout.contains(&format!("({kind})")), "{won:?}");
    assert_eq!(answers[0]["data"]["by"], json!("client"));
    stage.stop();
}
