//! People and Pods: requests for permission are seen and answered, from a command line and while looking on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};

use common::impostor::{Impostor, POD, wants};
use common::scene::INCOMPLETE;
use common::terminal::{Terminal, on_terminal_after};
use common::{Outcome, TestEnv, run};
use serde_json::{Value, json};
use yoi::pod::protocol::{AnsweredBy, Choice, Event, Method};

fn answer(request: u64, option: &str) -> Method {
    Method::Answer { request: Some(request), choice: Choice::Option(option.into()) }
}

fn is_answer(method: &Method) -> bool {
    matches!(method, Method::Answer { .. })
}

#[test]
fn what_an_agent_asks_is_shown_and_answered() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    pod.ask(wants(1, "make -j2"));
    insta::assert_snapshot!(run(&mut env.yoi(["answer", POD]), 0).stdout, @r"
    ? request 1 (execute): Run make -j2
        command: make -j2
      1 n  Reject (reject_once, id no-1)
      2 y  Allow (allow_once, id yes-1)
      3 a  Allow always (allow_always, id yes-all)
    ");
    let shown: Value = serde_json::from_str(&run(&mut env.yoi(["answer", POD, "--json"]), 0).stdout).unwrap();
    assert_eq!(shown["kind"], "permission_request");
    assert_eq!(shown["items"][0]["arguments"], json!({ "command": "make -j2" }));
    assert_eq!(shown["items"][0]["options"][1], json!({ "id": "yes-1", "name": "Allow", "kind": "allow_once" }));
    assert_eq!(pod.answers(), [], "to look is not to answer");

    let said = run(&mut env.yoi(["answer", POD, "--allow"]), 0).stdout;
    assert_eq!(said, format!("request 1 of Pod {POD}: Allow (allow_once)\n"));
    assert_eq!(pod.answers(), [answer(1, "yes-1")]);
    let refused = run(&mut env.yoi(["answer", POD, "--allow"]), 1).stderr;
    assert_eq!(refused, format!("yoi: nothing of Pod {POD} waits for an answer\nhint: yoi attach {POD}\n"));

    pod.ask(wants(2, "make install"));
    let given: Value =
        serde_json::from_str(&run(&mut env.yoi(["answer", POD, "--always", "--json"]), 0).stdout).unwrap();
    assert_eq!(
        (given["kind"].as_str(), given["item"]["option"].as_str()),
        (Some("permission_answer"), Some("yes-all"))
    );
    drop(pod);
    let refused = run(&mut env.yoi(["answer", POD]), 1).stderr;
    assert_eq!(refused, format!("yoi: Pod {POD} does not run\nhint: yoi restore {POD}\n"));
    run(&mut env.yoi(["answer", "nobody"]), 1);
}

#[test]
fn of_several_requests_one_is_named() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    pod.ask(wants(4, "make"));
    pod.ask(wants(5, "make install"));
    let shown = run(&mut env.yoi(["answer", POD]), 0).stdout;
    assert!(shown.contains("    command: make install\n"), "{shown}");
    assert!(shown.ends_with(&format!("\nyoi answer {POD} 5  request 5 (execute): Run make install\n")), "{shown}");
    let refused = run(&mut env.yoi(["answer", POD, "--reject"]), 1).stderr;
    assert!(refused.contains("several requests of Pod") && refused.contains("wait for an answer: 4, 5\n"), "{refused}");
    let refused = run(&mut env.yoi(["answer", POD, "3", "--reject"]), 1).stderr;
    assert!(refused.contains("request 3 of Pod") && refused.contains("4, 5 does"), "{refused}");
    let refused = run(&mut env.yoi(["answer", POD, "5", "--never"]), 1).stderr;
    assert!(refused.contains("takes no answer reject_always; it takes Reject (reject_once, id no-1), "), "{refused}");
    run(&mut env.yoi(["answer", POD, "5", "--option", "maybe"]), 1);
    run(&mut env.yoi(["answer", POD, "5", "--allow", "--reject"]), 2);
    assert_eq!(pod.answers(), []);
    run(&mut env.yoi(["answer", POD, "5", "--option", "no-1"]), 0);
    run(&mut env.yoi(["answer", POD, "4", "--reject"]), 0);
    assert_eq!(pod.answers(), [answer(5, "no-1"), answer(4, "no-1")]);
}

#[test]
fn an_agent_does_not_answer_its_own_requests() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    pod.ask(wants(1, "rm -r ."));
    for words in [&["answer", POD][..], &["answer", POD, "--allow"]] {
        let refused = run(env.yoi(words).env("YOI_POD", POD), 1);
        assert_eq!(refused.stdout, "");
        let text = format!("yoi: cannot answer what Pod {POD} asks from inside a Pod: a person decides that\n");
        assert_eq!(refused.stderr, text);
    }
    let said = env.root().join("said");
    let mut attach = env.yoi(["attach", POD]);
    attach.env("YOI_POD", POD).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(File::create(&said).unwrap());
    let mut child = attach.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"y\n").unwrap();
    env.wait_for("the refusal", || fs::read_to_string(&said).unwrap().contains("from inside a Pod").then_some(()));
    assert_eq!(pod.answers(), []);
    drop(pod);
    assert_eq!(child.wait().unwrap().code(), Some(128), "the Pod has gone");
}

#[test]
fn of_two_who_answer_at_once_one_is_told() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    for request in 1..=5 {
        pod.ask(wants(request, "make"));
        let ways = ["--allow", "--reject", "--always", "--allow"];
        let start = |way: &&str| {
            let mut command = env.yoi(["answer", POD, way]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let children: Vec<_> = ways.iter().map(start).collect();
        let ended: Vec<_> =
            children.into_iter().map(|child| Outcome::from_output(child.wait_with_output().unwrap())).collect();
        let won: Vec<_> = ended.iter().filter(|outcome| outcome.status == 0).collect();
        let lost: Vec<_> = ended.iter().filter(|outcome| outcome.status == 1).collect();
        assert_eq!((won.len(), lost.len()), (1, 3), "{ended:?}");
        assert!(won[0].stdout.starts_with(&format!("request {request} of Pod {POD}: ")), "{ended:?}");
        assert!(lost.iter().all(|outcome| outcome.stdout.is_empty() && !outcome.stderr.is_empty()), "{ended:?}");
    }
}

#[test]
fn who_waits_for_an_answer_is_seen_wherever_people_look() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    let status = |env: &TestEnv| run(&mut env.yoi(["status", "--format", "{status}|{permissions}"]), 0).stdout;
    assert_eq!(status(&env), "live, running|0\n");
    pod.ask(wants(1, "make"));
    pod.ask(wants(2, "make install"));
    assert_eq!(status(&env), "live, running, asks|2\n");
    let listed = |verb: &[&str]| run(&mut env.yoi_claim(verb), 0).stdout;
    let field = ["--format", "{status} {permissions}"];
    assert_eq!(listed(&["pod-status", POD, field[0], field[1]]), "running 2\n");
    assert_eq!(listed(&["pod-list", field[0], field[1]]), "running 2\n");
    assert_eq!(listed(&["pod-list"]), format!("{POD}\tintake\trunning\n"), "the words of the plumbing stay");
    let bare = run(&mut env.yoi([""; 0]), 0).stdout;
    assert!(bare.contains(&format!("next\n  yoi answer {POD}  Pod {POD} asks for permission\n")), "{bare}");
    for name in [POD, INCOMPLETE] {
        let why = run(&mut env.yoi(["why", name]), 0).stdout;
        let advice = format!("\n  yoi answer {POD} 2  answer what it asks (execute): Run make install\n");
        assert!(why.contains(&advice), "{why}");
    }
    let completed = run(&mut env.yoi(["complete", "zsh", "--", "yoi", "answer", ""]), 0).stdout;
    assert_eq!(completed, format!("{POD}\tasks: Run make\n"));
    drop(pod);
    assert_eq!(status(&env), "stopped, restorable|-\n");
}

#[test]
fn who_looks_on_answers_with_a_key() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    pod.ask(wants(1, "make"));
    pod.ask(wants(2, "make install"));
    let mut screen = Terminal::start(&env, &env.yoi(["attach", POD]));
    let shown = screen.until("  answer: n, y, a, 1 to 3\n");
    assert!(shown.contains("? request 1 (execute): Run make\n    command: make\n"), "{shown}");
    assert!(!shown.contains("make install"), "one at a time: {shown}");
    screen.type_in("perhaps\n");
    screen.until("request 1 waits for an answer first: n, y, a, 1 to 3; nothing was sent");
    screen.type_in("y\n");
    screen.until("✓ request 1: Allow (allow_once)\n");
    assert!(screen.until("  answer: ").contains("? request 2 (execute): Run make install\n"));
    // Somebody else is faster, and what was typed for it goes nowhere.
    run(&mut env.yoi(["answer", POD, "2", "--reject"]), 0);
    screen.until("✗ request 2: Reject (reject_once)\n  somebody else answered it\n");
    screen.type_in("y\n");
    screen.until("request 2 is closed: nothing was sent");
    // One that the policy answers asks nobody.
    pod.tell(&Event::PermissionRequest(wants(3, "ls")));
    let option = wants(3, "ls").about.options[1].clone();
    pod.tell(&Event::PermissionAnswer { request: 3, option: Some(option), by: AnsweredBy::Policy });
    let shown = screen.until("✓ request 3: Allow (allow_once), by the profile's policy\n");
    assert!(shown.ends_with("? request 3 (execute): Run ls {\"command\":\"ls\"}\n"), "{shown}");
    pod.ask(wants(4, "make clean"));
    assert!(screen.until("  answer: ").contains("? request 4 (execute): Run make clean\n"));
    screen.type_in("1\n");
    screen.until("✗ request 4: Reject (reject_once)\n");
    assert_eq!(pod.answers(), [answer(1, "yes-1"), answer(2, "no-1"), answer(4, "no-1")]);
    screen.type_in("now something else\n");
    pod.until("a turn", |heard| matches!(heard.last(), Some(Method::Run { .. })));
    screen.type_in("\u{4}");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn ctrl_c_cancels_the_turn_and_the_next_one_leaves() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    let mut screen = Terminal::start(&env, &env.yoi(["attach", POD]));
    screen.until("an impostor\n");
    screen.type_in("\u{3}");
    pod.until("the cancelling", |heard| heard == [Method::Cancel {}]);
    screen.until("the turn is being cancelled; Ctrl-C again leaves, and the Pod goes on\n");
    pod.tell(&Event::TurnEnd { outcome: yoi::pod::protocol::TurnOutcome::Cancelled, error: None });
    screen.until("the turn was cancelled\n");
    pod.tell(&Event::TurnStart {});
    screen.until("agent — ");
    screen.type_in("\u{3}");
    pod.until("another", |heard| heard == [Method::Cancel {}, Method::Cancel {}]);
    screen.until("Ctrl-C again leaves");
    screen.type_in("\u{3}");
    assert_eq!(screen.end().0, 0);
    let mut left = Terminal::start(&env, &env.yoi(["attach", POD]));
    left.until("an impostor\n");
    drop(pod);
    assert_eq!(left.end().0, 128, "the Pod has gone");
}

#[test]
fn lines_from_elsewhere_are_answers_too_and_their_end_does_not_leave() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    pod.ask(wants(1, "make"));
    let mut attach = env.yoi(["attach", POD]);
    let mut child = attach.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"n\n").unwrap();
    pod.until("an answer", |heard| heard.iter().any(is_answer));
    pod.tell(&Event::TextDone { text: "still here".into(), more: false });
    pod.tell(&Event::Shutdown { reason: yoi::pod::protocol::StopReason::Requested });
    let outcome = Outcome::from_output(child.wait_with_output().unwrap()).assert_status(0);
    assert!(outcome.stdout.contains("\nstill here\nthe Pod has ended (requested)"), "{outcome:?}");
    assert_eq!(pod.answers(), [answer(1, "no-1")]);
}

#[test]
fn on_a_terminal_the_answer_is_asked_for() {
    let env = TestEnv::with_sample();
    let pod = Impostor::begin(&env);
    pod.ask(wants(1, "make"));
    let asked = "answer (n, y, a, 1 to 3; nothing leaves it open):";
    let ask =
        |command: &mut Command, typed: &str| on_terminal_after(command, asked, typed, || ()).assert_status(0).stdout;
    ask(&mut env.yoi(["answer", POD]), "\n");
    assert_eq!(pod.answers(), []);
    let said = ask(&mut env.yoi(["answer", POD]), "v\nalways\n");
    assert!(said.contains("\"v\" is none of its answers\n"), "{said}");
    assert!(said.ends_with(&format!("request 1 of Pod {POD}: Allow always (allow_always)\n")), "{said}");
    // While a person thinks, somebody else answers, and the number comes to mean another request.
    pod.ask(wants(1, "make"));
    let meanwhile = || {
        run(&mut env.yoi(["answer", POD, "--reject"]), 0);
        pod.ask(wants(1, "make install"));
    };
    let late = on_terminal_after(&mut env.yoi(["answer", POD]), asked, "y\n", meanwhile).assert_status(1).stdout;
    assert!(late.contains(&format!("cannot answer request 1 of Pod {POD}: it is not open any more\n")), "{late}");
    assert_eq!(pod.answers().len(), 2);
}
