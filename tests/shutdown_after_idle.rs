//! "Shutdown after idle": what marks a Pod, when the mark takes effect, and what is told when it cannot.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::puppet::{Puppet, Wire, outline, request, say};
use common::scene::{COMPLETE, names, pod, ticket, tree};
use common::{TestEnv, run};
use serde_json::{Value, json};
use yoi::domain::Claim;
use yoi::fs::{FlockGuard, Wait};

/// A Pod of a puppet in its first turn, and somebody who is attached to it.
struct Stage {
    // First, so that it is dropped first: a client that is gone holds up no shutdown.
    wire: Wire,
    puppet: Puppet,
    env: TestEnv,
    pod: String,
}

impl Stage {
    fn set() -> Self {
        Self::of("intake", &["intake", COMPLETE])
    }

    fn of(role: &str, launch: &[&str]) -> Self {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet(role);
        run(env.yoi(["-q"]).args(launch), 0);
        puppet.begun();
        let pod = format!("{role}-{COMPLETE}");
        let (wire, _) = env.wire(&pod);
        Self { wire, puppet, env, pod }
    }

    fn claim(&self) -> Claim {
        self.env.registry().claim(&ticket(COMPLETE)).unwrap().unwrap()
    }

    /// What the Pod says of itself.
    fn report(&mut self) -> Value {
        self.wire.ask(99, "status", json!({}))["data"].clone()
    }

    /// Fails unless the Pod is idle and will stay so.
    #[track_caller]
    fn assert_it_stays(&mut self) {
        let report = self.report();
        assert_eq!((&report["status"], &report["shutdown_after_idle"]), (&json!("idle"), &json!(false)), "{report}");
    }

    /// Fails unless the Pod ends by itself now, with claim, session record and history left; gives what is still told.
    #[track_caller]
    fn assert_it_ends(&mut self) -> Vec<String> {
        let rest = outline(&self.wire.rest());
        self.env.wait_for_processes();
        assert_eq!(rest.iter().filter(|event| event.starts_with("shutdown:")).count(), 1, "{rest:?}");
        assert_eq!(rest.last().unwrap(), "shutdown: idle");
        assert_eq!(names(&self.env.runtime()), Vec::<String>::new());
        self.assert_restorable_and_completed();
        rest
    }

    #[track_caller]
    fn assert_restorable_and_completed(&self) {
        let Self { env, pod, .. } = self;
        let claim = self.claim();
        assert_eq!(claim.pod.as_str(), pod);
        assert!(claim.completed_at.is_some());
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\t{pod}\tintake\t1\trestorable\n"));
        assert_eq!(env.listed("session-list"), format!("{pod}\tintake\tticket_claim\t{COMPLETE}\n"));
        let shown = run(&mut env.yoi(["status", "--format", "{ticket} {state} {status}"]), 0).stdout;
        assert_eq!(shown, format!("{COMPLETE} ready stopped, restorable, completed\n"));
        assert_eq!(env.history(pod).last().unwrap()["event"], "shutdown");
    }

    /// The names of what is in the history, which may be looked at at any time.
    fn written(&self) -> Vec<String> {
        outline(&self.env.history(&self.pod))
    }

    fn alerts_in_the_journal(&self) -> Vec<String> {
        let lines = self.env.registry().journal(None).unwrap();
        let alerts = lines.into_iter().filter(|line| line.entry.action == "alert");
        alerts.map(|line| line.entry.why.unwrap()).collect()
    }
}

#[test]
fn an_attached_client_sees_result_answer_history_idle_and_shutdown_in_this_order() {
    let mut stage = Stage::set();
    let answer = stage.puppet.make_ready(COMPLETE);
    // Nothing of the mark is in any text that the agent sees.
    let seen = (answer + &stage.puppet.prompt()).to_lowercase();
    assert!(!seen.contains("shut") && !seen.contains("idle"), "{seen}");
    stage.puppet.answer("all clear", 0);
    let mut told = stage.wire.until(|message| message["event"] == "turn_end");
    let settled = ["turn_start", "tool_call_start", "tool_result", "text_done: all clear", "turn_end: completed"];
    let written = stage.written();
    let at =
        |name: &str| written.iter().position(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{written:?}"));
    assert!(settled.map(at).is_sorted(), "{written:?}");
    told.extend(stage.wire.until(|message| message["event"] == "shutdown"));
    assert_eq!(
        outline(&told),
        [
            "tool_call_start",
            "tool_result: ticket 20260118-093012-001 is ready; your work on it is done",
            "shutdown_scheduled: true",
            "text_delta: all clear",
            "text_done: all clear",
            "turn_end: completed",
            "run_end: completed",
            "status: idle",
            "status: stopping",
            "shutdown: idle",
        ]
    );
    assert!(stage.wire.next().is_none());
    stage.env.wait_for_processes();
    assert_eq!(names(&stage.env.runtime()), Vec::<String>::new());
    stage.assert_restorable_and_completed();
}

#[test]
fn the_claim_is_completed_before_the_result_is_told() {
    let mut stage = Stage::set();
    let before = stage.claim();
    assert_eq!(before.completed_at, None);
    stage
        .puppet
        .tell(&format!("yoi tool TicketIntakeReady --json '{{\"ticket\":\"{COMPLETE}\",\"summary\":\"clear\"}}'"));
    let result = stage.wire.event("tool_result");
    assert_eq!(result["data"]["is_error"], json!(false));
    let after = stage.claim();
    assert!(after.completed_at.is_some());
    assert_eq!((after.generation, after.nonce), (before.generation, before.nonce));
    stage.puppet.answer("done", 0);
    stage.assert_it_ends();
}

#[test]
fn a_failed_call_schedules_nothing() {
    let mut stage = Stage::set();
    let before = tree(&stage.env.workspace());
    for arguments in [
        json!({ "ticket": "00001KTJ1QJB8", "summary": "There is no such ticket." }),
        json!({ "ticket": COMPLETE, "summary": " \n" }),
        json!({ "ticket": COMPLETE }),
        json!({ "ticket": COMPLETE, "summary": "x", "force": true }),
        json!("nonsense"),
    ] {
        assert_eq!(stage.puppet.tool("TicketIntakeReady", &arguments).0, 1, "{arguments}");
    }
    assert_eq!(tree(&stage.env.workspace()), before);
    assert_eq!(stage.claim().completed_at, None);
    stage.puppet.answer("I could not", 0);
    stage.wire.event("run_end");
    stage.assert_it_stays();
    // It takes a further turn, and a call that succeeds then does schedule.
    stage.wire.send(1, "run", say("again"));
    stage.puppet.begun();
    stage.puppet.make_ready(COMPLETE);
    stage.puppet.answer("done", 0);
    stage.assert_it_ends();
}

#[test]
fn another_tool_schedules_nothing() {
    let mut stage = Stage::set();
    for (tool, arguments) in [
        ("TicketList", json!({})),
        ("TicketShow", json!({ "ticket": COMPLETE })),
        ("TicketComment", json!({ "ticket": COMPLETE, "body": "TicketIntakeReady" })),
        ("TicketCreate", json!({ "title": "Another", "body": "What else there is" })),
    ] {
        let (status, text) = stage.puppet.tool(tool, &arguments);
        assert_eq!(status, 0, "{tool}: {text}");
    }
    stage.puppet.answer("done", 0);
    stage.wire.event("run_end");
    stage.assert_it_stays();
    stage.env.stop(&stage.pod);
}

#[test]
fn a_coder_has_no_tool_that_ends_an_intake() {
    let mut stage = Stage::of("coder", &["launch", "coder", COMPLETE]);
    let before = tree(&stage.env.workspace());
    let arguments = json!({ "ticket": COMPLETE, "summary": "It is clear to me." });
    let (status, text) = stage.puppet.tool("TicketIntakeReady", &arguments);
    assert_eq!(status, 1);
    assert!(text.contains("a Pod of the role coder has no tool \"TicketIntakeReady\""), "{text}");
    // Neither past the command line, nor under a name that claims to be another's.
    let (_, epoch) = stage.puppet.sh("echo $YOI_EPOCH");
    for tool in ["TicketIntakeReady", "mcp__yoi__TicketIntakeReady", "TicketCreate"] {
        let params = json!({ "tool": tool, "arguments": arguments, "epoch": epoch.trim() });
        assert_eq!(stage.wire.ask(7, "tool_call", params)["data"]["is_error"], json!(true), "{tool}");
    }
    let (_, tools) = stage.puppet.sh("yoi tool");
    assert!(tools.contains("TicketShow") && !tools.contains("TicketIntakeReady"), "{tools}");
    assert_eq!(tree(&stage.env.workspace()), before);
    assert_eq!(stage.claim().completed_at, None);
    stage.puppet.answer("done", 0);
    stage.wire.event("run_end");
    stage.assert_it_stays();
    stage.env.stop(&stage.pod);
}

mod a_run_that_arrives {
    use super::*;

    #[test]
    fn before_the_mark_is_finished_first() {
        let mut stage = Stage::set();
        assert_eq!(stage.wire.ask(1, "run", say("more"))["event"], "user_message");
        stage.puppet.make_ready(COMPLETE);
        stage.puppet.answer("first", 0);
        stage.puppet.begun();
        assert!(stage.puppet.prompt().contains("more"));
        stage.puppet.answer("second", 0);
        let rest = stage.assert_it_ends();
        assert!(rest.contains(&"run_end#1: completed".to_owned()), "{rest:?}");
    }

    #[test]
    fn after_the_mark_in_the_same_turn_is_finished_first() {
        let mut stage = Stage::set();
        stage.puppet.make_ready(COMPLETE);
        assert_eq!(stage.wire.ask(1, "run", say("more"))["event"], "user_message");
        assert_eq!(stage.wire.ask(2, "run", say("and more"))["event"], "user_message");
        stage.puppet.answer("first", 0);
        for text in ["second", "third"] {
            stage.puppet.begun();
            stage.puppet.answer(text, 0);
        }
        let rest = stage.assert_it_ends();
        let at = |event: &str| rest.iter().position(|line| line == event).unwrap_or_else(|| panic!("{rest:?}"));
        assert!(
            ["text_done: second", "run_end#1: completed", "text_done: third", "run_end#2: completed"]
                .map(at)
                .is_sorted()
        );
    }

    /// An idle Pod is marked and given a Run with one breath: whichever the Pod sees first, nothing is lost unsaid.
    #[test]
    fn together_with_the_mark_is_refused_or_finished() {
        let mut stage = Stage::set();
        stage.puppet.answer("nothing yet", 0);
        stage.wire.event("run_end");
        let both = request(1, "shutdown_after_idle", json!({})) + &request(2, "run", say("more"));
        stage.wire.send_raw(both.as_bytes()).unwrap();
        let answer = stage.wire.until(|message| message["id"] == 2).pop().unwrap();
        match outline(&[answer])[0].as_str() {
            "error#2: shutting_down" => {}
            "user_message#2" => {
                stage.puppet.begun();
                stage.puppet.answer("more", 0);
                let rest = outline(&stage.wire.rest());
                assert!(rest.contains(&"run_end#2: completed".to_owned()), "{rest:?}");
            }
            other => panic!("{other}"),
        }
        stage.env.wait_for_processes();
        assert_eq!(stage.written().last().unwrap(), "shutdown: idle");
    }

    #[test]
    fn after_a_shutdown_began_that_waits_for_the_turn_is_refused() {
        let mut stage = Stage::set();
        stage.wire.send(1, "run", say("waits"));
        stage.wire.event("user_message");
        assert_eq!(stage.wire.ask(2, "shutdown", json!({}))["event"], "ok");
        let refused = stage.wire.ask(3, "run", say("too late"));
        assert_eq!(outline(&[refused]), ["error#3: shutting_down"]);
        stage.puppet.make_ready(COMPLETE);
        stage.puppet.answer("done", 0);
        let rest = outline(&stage.wire.rest());
        assert_eq!(rest.last().unwrap(), "shutdown: requested");
        stage.env.wait_for_processes();
        let written = stage.written();
        assert!(written.contains(&"run_end: dropped".to_owned()), "{written:?}");
        assert!(!stage.env.history(&stage.pod).iter().any(|entry| entry.to_string().contains("too late")));
        stage.assert_restorable_and_completed();
    }

    /// The Pod has nothing left to do but to end when it reads the Run.
    #[test]
    fn after_stopping_began_is_refused() {
        let mut stage = Stage::set();
        stage.puppet.answer("nothing yet", 0);
        stage.wire.event("run_end");
        let both = request(1, "shutdown", json!({})) + &request(2, "run", say("too late"));
        stage.wire.send_raw(both.as_bytes()).unwrap();
        let rest = outline(&stage.wire.rest());
        assert_eq!(rest, ["status: idle", "ok#1", "status: stopping", "error#2: shutting_down", "shutdown: requested"]);
        stage.env.wait_for_processes();
    }

    /// A tool call that a stray of the agent made keeps the Pod waiting after its last turn.
    #[test]
    fn while_a_stopping_pod_waits_for_a_tool_is_refused() {
        let mut stage = Stage::set();
        let root = stage.env.workspace().join(".yoi/tickets");
        stage.puppet.make_ready(COMPLETE);
        let tickets = FlockGuard::acquire_dir(&root, Wait::No).unwrap();
        let (_, epoch) = stage.puppet.sh("echo $YOI_EPOCH");
        let comment = json!({ "ticket": COMPLETE, "body": "a last word" });
        stage.wire.send(
            1,
            "tool_call",
            json!({ "tool": "TicketComment", "arguments": comment, "epoch": epoch.trim() }),
        );
        stage.wire.until(|message| message["event"] == "tool_call_start" && message["data"]["tool"] == "TicketComment");
        stage.puppet.answer("done", 0);
        stage.wire.until(|message| message["data"]["status"] == "stopping");
        let refused = stage.wire.ask(2, "run", say("too late"));
        assert_eq!(outline(&[refused]), ["error#2: shutting_down"]);
        drop(tickets);
        let rest = stage.assert_it_ends();
        assert!(rest[0].starts_with("tool_result#1: "), "{rest:?}");
        let thread = fs::read_to_string(root.join(COMPLETE).join("thread.md")).unwrap();
        assert!(thread.contains("a last word"));
    }
}

#[test]
fn the_mark_survives_an_errored_turn() {
    let mut stage = Stage::set();
    stage.puppet.make_ready(COMPLETE);
    stage.puppet.answer("oh", 7);
    let rest = stage.assert_it_ends();
    assert!(rest.contains(&"turn_end: errored".to_owned()), "{rest:?}");
}

#[test]
fn the_mark_survives_a_cancelled_turn() {
    let mut stage = Stage::set();
    stage.puppet.make_ready(COMPLETE);
    assert_eq!(stage.wire.ask(1, "cancel", json!({}))["event"], "ok");
    let rest = stage.assert_it_ends();
    assert!(rest.contains(&"turn_end: cancelled".to_owned()), "{rest:?}");
}

#[test]
fn the_mark_does_not_survive_the_pod() {
    let mut stage = Stage::set();
    stage.puppet.make_ready(COMPLETE);
    stage.puppet.answer("done", 0);
    stage.assert_it_ends();
    run(&mut stage.env.yoi(["-q", "restore", &stage.pod]), 0);
    stage.wire = stage.env.wire(&stage.pod).0;
    stage.wire.send(1, "run", say("still there?"));
    stage.puppet.begun();
    stage.puppet.answer("yes", 0);
    stage.wire.event("run_end");
    stage.assert_it_stays();
    stage.env.stop(&stage.pod);
}

/// A client that does not read is not waited for without bound.
#[test]
fn a_client_that_does_not_read_holds_up_no_shutdown() {
    let mut stage = Stage::set();
    let (_deaf, _) = stage.env.wire(&stage.pod);
    stage.puppet.sh("head -c 400000 /dev/zero | tr '\\0' x >&7");
    stage.puppet.make_ready(COMPLETE);
    stage.puppet.answer("done", 0);
    stage.assert_it_ends();
}

mod by_hand {
    use super::*;

    fn mark(env: &TestEnv, pod: &str, more: &[&str], status: i32) -> String {
        let outcome = run(env.yoi_claim(["shutdown-after-idle", pod]).args(more), status);
        assert_eq!(outcome.stdout, "");
        outcome.stderr
    }

    #[test]
    fn an_idle_pod_ends_and_a_running_one_after_its_turn() {
        let mut stage = Stage::set();
        mark(&stage.env, &stage.pod, &[], 0);
        mark(&stage.env, &stage.pod, &[], 0);
        assert_eq!(stage.report()["shutdown_after_idle"], json!(true));
        stage.puppet.answer("done", 0);
        let rest = outline(&stage.wire.rest());
        assert_eq!(rest.last().unwrap(), "shutdown: idle");
        stage.env.wait_for_processes();
        // Its work is not done for that: it is restorable, not completed.
        assert_eq!(stage.claim().completed_at, None);
        let said = mark(&stage.env, &stage.pod, &[], 1);
        assert_eq!(said, format!("yoi-claim: Pod {} does not run\n", stage.pod));
        run(&mut stage.env.yoi(["-q", "restore", &stage.pod]), 0);
        let (mut wire, _) = stage.env.wire(&stage.pod);
        mark(&stage.env, &stage.pod, &[], 0);
        assert_eq!(outline(&wire.rest()), ["shutdown_scheduled: true", "status: stopping", "shutdown: idle"]);
        stage.env.wait_for_processes();
    }

    #[test]
    fn the_mark_of_a_tool_can_be_taken_back() {
        let mut stage = Stage::set();
        mark(&stage.env, &stage.pod, &["--cancel"], 0);
        stage.puppet.make_ready(COMPLETE);
        assert_eq!(stage.report()["shutdown_after_idle"], json!(true));
        mark(&stage.env, &stage.pod, &["--cancel"], 0);
        stage.puppet.answer("done", 0);
        stage.wire.event("run_end");
        stage.assert_it_stays();
        mark(&stage.env, &stage.pod, &[], 0);
        stage.assert_it_ends();
    }

    #[test]
    fn a_pod_that_is_not_there_is_not_marked() {
        let env = TestEnv::with_sample();
        assert_eq!(mark(&env, "nobody", &[], 1), "yoi-claim: there is no Pod nobody\n");
        mark(&env, "nobody", &["--now"], 2);
    }
}

mod when_it_cannot_be {
    use super::*;

    /// A directory in the history's place: nothing can be written into it, by root neither.
    fn break_history(stage: &Stage) -> impl FnOnce() + use<> {
        let history = stage.env.registry().pod_dir(&pod(&stage.pod)).join("history.jsonl");
        let aside = history.with_extension("aside");
        fs::rename(&history, &aside).unwrap();
        fs::create_dir(&history).unwrap();
        move || {
            fs::remove_dir(&history).unwrap();
            fs::rename(&aside, &history).unwrap();
        }
    }

    /// Fails unless each alert was told, is short, and stands in the journal.
    #[track_caller]
    fn assert_alerts(stage: &Stage, told: &[Value], what: &[&str]) {
        let alerts: Vec<&str> = told.iter().filter_map(|message| message["data"]["message"].as_str()).collect();
        assert!(alerts.iter().all(|alert| alert.chars().count() <= 500), "{alerts:#?}");
        for what in what {
            assert!(alerts.iter().any(|alert| alert.contains(what)), "{what} is not in {alerts:#?}");
        }
        let journal = stage.alerts_in_the_journal();
        assert!(alerts.iter().all(|alert| journal.contains(&(*alert).to_owned())), "{alerts:#?} {journal:#?}");
    }

    #[test]
    fn a_history_that_is_not_on_disk_stops_the_shutdown_until_it_is() {
        let mut stage = Stage::set();
        stage.puppet.make_ready(COMPLETE);
        let mend = break_history(&stage);
        stage.puppet.answer("done", 0);
        let told = stage.wire.until(|message| message.to_string().contains("did not happen"));
        assert_alerts(
            &stage,
            &told,
            &["the shutdown after idle did not happen, the history is not on disk", "history.jsonl"],
        );
        // It runs on, marked, with its claim completed.
        let report = stage.report();
        assert_eq!((&report["status"], &report["shutdown_after_idle"]), (&json!("idle"), &json!(true)));
        assert!(stage.claim().completed_at.is_some());
        let why = run(&mut stage.env.yoi(["why", COMPLETE]), 0).stdout;
        assert!(why.contains("the shutdown after idle did not happen"), "{why}");
        mend();
        stage.wire.send(1, "run", say("and now?"));
        stage.puppet.begun();
        stage.puppet.answer("now", 0);
        stage.assert_it_ends();
    }

    #[test]
    fn a_call_that_cannot_be_written_down_is_not_made_and_schedules_nothing() {
        let mut stage = Stage::set();
        let before = tree(&stage.env.workspace());
        let mend = break_history(&stage);
        let (status, text) =
            stage.puppet.tool("TicketIntakeReady", &json!({ "ticket": COMPLETE, "summary": "Clear." }));
        assert_eq!(status, 1);
        assert!(text.contains("the call cannot be written into the Pod's history, so it was not made"), "{text}");
        assert_eq!(tree(&stage.env.workspace()), before);
        assert_eq!(stage.claim().completed_at, None);
        mend();
        let told = stage.wire.until(|message| message["event"] == "tool_result");
        assert_alerts(&stage, &told, &["history.jsonl"]);
        assert_eq!(stage.report()["shutdown_after_idle"], json!(false));
        stage.puppet.make_ready(COMPLETE);
        stage.puppet.answer("done", 0);
        // The history lacks that call, which is told once more before the Pod is let go.
        stage.wire.until(|message| message.to_string().contains("did not happen"));
        run(&mut stage.env.yoi_claim(["shutdown-after-idle", &stage.pod]), 0);
        stage.assert_it_ends();
    }

    #[test]
    fn a_socket_that_cannot_be_removed_is_told_in_the_journal() {
        let mut stage = Stage::set();
        stage.puppet.make_ready(COMPLETE);
        let socket = stage.env.registry().socket_path(&pod(&stage.pod));
        // The Pod binds it anew as often as it goes; a directory is there in its place once this is the faster one.
        while fs::create_dir(&socket).is_err() {
            let _ = fs::remove_file(&socket);
        }
        stage.puppet.answer("done", 0);
        let rest = outline(&stage.wire.rest());
        assert_eq!(rest.last().unwrap(), "shutdown: idle");
        stage.env.wait_for_processes();
        let alerts = stage.alerts_in_the_journal();
        let named = socket.to_str().unwrap();
        assert!(alerts.iter().any(|alert| alert.contains(named) && alert.chars().count() <= 500), "{alerts:?}");
        stage.assert_restorable_and_completed();
        fs::remove_dir(&socket).unwrap();
    }
}
