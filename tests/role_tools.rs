//! The tools of each role, called by its agent in a Pod of its own: what they do to tickets and claims, and what not.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "these tests are the other process that holds a lock")]

mod common;

use std::fs;

use common::puppet::Puppet;
use common::scene::{COMPLETE, names, pod, ticket, tree};
use common::{TestEnv, run};
use serde_json::{Value, json};
use yoi::domain::Claim;

/// A Pod of a role in its first turn, on a ticket in a state.
struct Stage {
    env: TestEnv,
    puppet: Puppet,
    role: &'static str,
}

impl Stage {
    fn of(role: &'static str, state: &str) -> Self {
        let env = TestEnv::with_sample();
        set_state(&env, COMPLETE, state);
        let mut puppet = env.puppet(role);
        run(&mut env.yoi(["-q", "launch", role, COMPLETE]), 0);
        puppet.begun();
        Self { env, puppet, role }
    }

    fn pod(&self) -> String {
        format!("{}-{COMPLETE}", self.role)
    }

    /// Calls a tool on the stage's ticket, which must work.
    #[track_caller]
    fn does(&mut self, tool: &str, arguments: Value) -> String {
        let (status, text) = self.puppet.tool(tool, &on_ticket(arguments));
        assert_eq!(status, 0, "{text}");
        text
    }

    /// Calls a tool on the stage's ticket, which must be refused, and change nothing.
    #[track_caller]
    fn is_refused(&mut self, tool: &str, arguments: Value) -> String {
        let before = (tree(&self.env.workspace()), self.claim());
        let (status, text) = self.puppet.tool(tool, &on_ticket(arguments));
        assert_eq!(status, 1, "{text}");
        assert!((tree(&self.env.workspace()), self.claim()) == before, "{text}");
        for word in ["reclaim", "release", "evict", "steal", "yoi stop", "--force"] {
            assert!(!text.contains(word), "{text}");
        }
        text
    }

    fn claim(&self) -> Option<Claim> {
        self.env.registry().claim(&ticket(COMPLETE)).unwrap()
    }

    fn is_completed(&self) -> bool {
        self.claim().unwrap().completed_at.is_some()
    }

    fn state(&self) -> String {
        state(&self.env, COMPLETE)
    }

    /// The kinds of the thread's events since the sample's own.
    fn kinds(&self) -> Vec<String> {
        kinds(&self.env, COMPLETE)
    }

    /// The turn ends, and the Pod stays until it is told to go: only an intake ends by itself.
    fn ends(mut self) {
        let (mut wire, _) = self.env.wire(&self.pod());
        assert_eq!(wire.ask(1, "status", json!({}))["data"]["shutdown_after_idle"], false);
        self.puppet.answer("done", 0);
        wire.event("run_end");
        assert_eq!(wire.ask(2, "status", json!({}))["data"]["status"], "idle");
        self.env.stop(&self.pod());
    }

    /// Kills the Pod, and brings it back in a turn.
    fn crash_and_restore(&mut self) {
        self.env.kill_all();
        run(&mut self.env.yoi(["-q", "restore", &self.pod()]), 0);
        let (mut wire, _) = self.env.wire(&self.pod());
        wire.send(1, "run", common::puppet::say("go on"));
        self.puppet.begun();
    }
}

fn on_ticket(mut arguments: Value) -> Value {
    if arguments["ticket"].is_null() {
        arguments["ticket"] = json!(COMPLETE);
    }
    arguments
}

fn file(env: &TestEnv, id: &str, name: &str) -> std::path::PathBuf {
    env.workspace().join(".yoi/tickets").join(id).join(name)
}

fn set_state(env: &TestEnv, id: &str, state: &str) {
    let path = file(env, id, "item.md");
    let text = fs::read_to_string(&path).unwrap();
    let set = |line: &str| match line.split_once(": ") {
        Some((key @ ("state" | "workflow_state"), _)) => format!("{key}: {state}\n"),
        _ => format!("{line}\n"),
    };
    fs::write(path, text.lines().map(set).collect::<String>()).unwrap();
}

fn state(env: &TestEnv, id: &str) -> String {
    let listed = run(&mut env.yoi(["ticket", "list", "--all", "--format", "{id} {state}"]), 0).stdout;
    let line = listed.lines().find_map(|line| line.strip_prefix(id)).unwrap_or_else(|| panic!("{id} in {listed}"));
    line.trim().to_owned()
}

fn kinds(env: &TestEnv, id: &str) -> Vec<String> {
    let thread = fs::read_to_string(file(env, id, "thread.md")).unwrap();
    let sample = ["create", "plan", "state_changed"];
    let kinds = thread.lines().filter_map(|line| line.strip_prefix("<!-- event: ")?.split(' ').next());
    let kinds: Vec<String> = kinds.map(str::to_owned).collect();
    kinds[sample.len().min(kinds.len())..].to_vec()
}

mod a_coder {
    use super::*;

    #[test]
    fn starts_and_reports_and_its_claim_is_completed() {
        for begun in ["ready", "queued"] {
            let mut stage = Stage::of("coder", begun);
            assert_eq!(stage.state(), begun, "a launch changes no state");
            let text = stage.does("TicketStart", json!({ "plan": "First the parser." }));
            assert_eq!(
                text,
                format!(
                    "ticket {COMPLETE} is in progress; do the work, and call TicketReport when it is committed and checked\n"
                )
            );
            assert_eq!((stage.state().as_str(), stage.is_completed()), ("inprogress", false));
            assert_eq!(stage.kinds(), ["plan", "state_changed"]);
            let text = stage.does("TicketReport", json!({ "report": "All of it, with tests." }));
            assert!(text.ends_with("which is done; your work on it is done\n"), "{text}");
            assert_eq!((stage.state().as_str(), stage.is_completed()), ("done", true));
            assert_eq!(stage.kinds(), ["plan", "state_changed", "implementation_report", "state_changed"]);
            let thread = fs::read_to_string(file(&stage.env, COMPLETE, "thread.md")).unwrap();
            assert!(thread.contains("from: inprogress to: done reason: implementation_report"), "{thread}");
            assert!(!thread.contains(&stage.pod()), "no Pod's name is written into a ticket");
            stage.ends();
        }
    }

    #[test]
    fn who_repeats_a_call_changes_nothing_twice() {
        let mut stage = Stage::of("coder", "ready");
        stage.does("TicketStart", json!({}));
        let text = stage.does("TicketStart", json!({ "plan": "Another one." }));
        assert!(text.contains("was in progress already"), "{text}");
        stage.does("TicketReport", json!({ "report": "All of it." }));
        let (kinds, claim) = (stage.kinds(), stage.claim());
        let text = stage.does("TicketReport", json!({ "report": "All of it, in other words." }));
        assert!(text.contains("was done already"), "{text}");
        assert_eq!((stage.kinds(), stage.claim()), (kinds, claim));
        stage.ends();
    }

    #[test]
    fn is_told_what_to_do_where_a_step_cannot_be_taken() {
        let mut stage = Stage::of("coder", "queued");
        let text = stage.is_refused("TicketReport", json!({ "report": "All of it." }));
        assert!(text.contains("is queued: TicketReport needs one in progress. Call TicketStart first"), "{text}");
        for (state, advice) in [
            ("planning", "Its intake is not complete"),
            ("done", "It is done, and not by you"),
            ("closed", "Nothing more happens to it"),
        ] {
            set_state(&stage.env, COMPLETE, state);
            for (tool, arguments) in [("TicketStart", json!({})), ("TicketReport", json!({ "report": "All." }))] {
                let text = stage.is_refused(tool, arguments);
                assert!(text.contains(&format!("is {state}: {tool} needs")) && text.contains(advice), "{text}");
            }
        }
        set_state(&stage.env, COMPLETE, "inprogress");
        let text = stage.is_refused("TicketReport", json!({ "report": " \n" }));
        assert!(text.contains("the report is blank"), "{text}");
        stage.ends();
    }

    #[test]
    fn cannot_touch_a_ticket_that_it_does_not_hold() {
        let mut stage = Stage::of("coder", "ready");
        let other = "00001KTJ1QJB8";
        stage.env.add_complete_tickets(&[other.to_owned()]);
        set_state(&stage.env, other, "ready");
        let text = stage.is_refused("TicketStart", json!({ "ticket": other }));
        assert!(text.contains(&format!("you do not hold ticket {other}; leave it alone")), "{text}");
        run(&mut stage.env.yoi_claim(["claim-commit", other, "--pod", "mira", "--role", "coder"]), 0);
        for (tool, arguments) in [("TicketStart", json!({})), ("TicketReport", json!({ "report": "All." }))] {
            let mut arguments = arguments;
            arguments["ticket"] = json!(other);
            let text = stage.is_refused(tool, arguments);
            assert!(
                text.contains(&format!("ticket {other} is held by Pod mira, not by you; leave it alone")),
                "{text}"
            );
        }
        assert_eq!(state(&stage.env, other), "ready");
        // What it may say in a thread it may say in any.
        stage.does("TicketComment", json!({ "ticket": other, "body": "It would touch the same files." }));
        stage.ends();
    }

    /// The ticket is written, and the claim is not completed: what a crash between both leaves.
    #[test]
    fn who_was_killed_after_the_transition_finishes_what_is_missing() {
        let mut stage = Stage::of("coder", "inprogress");
        stage.does("TicketReport", json!({ "report": "All of it." }));
        let path = stage.env.registry().claim_path(&ticket(COMPLETE));
        let text = fs::read_to_string(&path).unwrap();
        let without: String =
            text.lines().filter(|line| !line.starts_with("completed_at")).map(|line| format!("{line}\n")).collect();
        stage.env.kill_all();
        fs::write(&path, without).unwrap();
        assert!(!stage.is_completed());
        stage.crash_and_restore();
        let kinds = stage.kinds();
        let text = stage.does("TicketReport", json!({ "report": "All of it, as far as I remember." }));
        assert!(text.contains("was done already"), "{text}");
        assert_eq!((stage.kinds(), stage.is_completed()), (kinds, true));
        stage.ends();
    }

    /// It said what it would do, and was killed before it was done: the repeat does it.
    #[test]
    fn who_was_killed_before_the_transition_makes_it() {
        let mut stage = Stage::of("coder", "inprogress");
        let tickets = fs::File::open(stage.env.workspace().join(".yoi/tickets")).unwrap();
        tickets.lock().unwrap();
        stage.puppet.tell(&format!("yoi tool TicketReport --json '{}'", on_ticket(json!({ "report": "All of it." }))));
        let dir = stage.env.registry().pod_dir(&pod(&stage.pod()));
        let intended = || names(&dir).iter().any(|name| name.starts_with("ready-")).then_some(());
        stage.env.wait_for("the intention", intended);
        stage.env.kill_all();
        drop(tickets);
        assert_eq!((stage.state().as_str(), stage.kinds().len()), ("inprogress", 0));
        stage.crash_and_restore();
        let text = stage.does("TicketReport", json!({ "report": "All of it." }));
        assert!(text.contains("which is done"), "{text}");
        assert_eq!(stage.kinds(), ["implementation_report", "state_changed"]);
        assert!(stage.is_completed());
        stage.ends();
    }

    /// Nobody can end or hand over a claim in the middle of a step that is taken under it.
    #[test]
    fn takes_its_steps_under_the_fence_of_its_claim() {
        let mut stage = Stage::of("coder", "ready");
        let lock = fs::File::open(stage.env.registry().dir().join("locks/tickets").join(COMPLETE)).unwrap();
        lock.lock().unwrap();
        stage.puppet.tell(&format!("yoi tool TicketStart --json '{}'", on_ticket(json!({}))));
        let (mut wire, snapshot) = stage.env.wire(&stage.pod());
        let begun = |events: &[Value]| events.iter().any(|event| event["event"] == "tool_call_start");
        if !begun(snapshot["history"].as_array().unwrap()) {
            wire.event("tool_call_start");
        }
        // It waits; a call that does not would have told its result before the answer to this.
        assert_eq!(wire.ask(1, "status", json!({}))["event"], "status");
        assert_eq!(stage.state(), "ready");
        drop(lock);
        assert_eq!(wire.event("tool_result")["data"]["is_error"], false);
        assert_eq!(stage.state(), "inprogress");
        stage.ends();
    }
}

mod a_reviewer {
    use super::*;

    #[test]
    fn approves_and_the_ticket_stays_done() {
        let mut stage = Stage::of("reviewer", "done");
        let review = json!({ "verdict": "approve", "review": "It holds." });
        let text = stage.does("TicketReview", review.clone());
        assert_eq!(
            text,
            format!("the approval stands in the thread of {COMPLETE}, which stays done; your work on it is done\n")
        );
        assert_eq!((stage.state().as_str(), stage.is_completed()), ("done", true));
        assert_eq!(stage.kinds(), ["review"]);
        let thread = fs::read_to_string(file(&stage.env, COMPLETE, "thread.md")).unwrap();
        assert!(thread.contains("<!-- event: review author: reviewer at: "), "{thread}");
        assert!(thread.contains(" status: approve -->\n\n## Review: approve\n\nIt holds.\n"), "{thread}");
        let text = stage.does("TicketReview", review);
        assert!(text.starts_with("the approval stands already"), "{text}");
        assert_eq!(stage.kinds(), ["review"]);
        stage.ends();
    }

    #[test]
    fn asks_for_changes_and_the_ticket_goes_back() {
        let mut stage = Stage::of("reviewer", "done");
        let review = json!({ "verdict": "request_changes", "review": "It leaks: src/a.rs:7." });
        stage.does("TicketReview", review.clone());
        assert_eq!((stage.state().as_str(), stage.is_completed()), ("inprogress", true));
        assert_eq!(stage.kinds(), ["review", "state_changed"]);
        stage.crash_and_restore();
        let text = stage.does("TicketReview", review);
        assert!(text.contains("was in progress again already"), "{text}");
        assert_eq!(stage.kinds(), ["review", "state_changed"]);
        let text = stage.is_refused("TicketReview", json!({ "verdict": "approve", "review": "After all." }));
        assert!(text.contains("nothing to review before its coder has reported"), "{text}");
        stage.ends();
    }

    #[test]
    fn who_approved_may_still_ask_for_changes() {
        let mut stage = Stage::of("reviewer", "done");
        stage.does("TicketReview", json!({ "verdict": "approve", "review": "It holds." }));
        stage.does("TicketReview", json!({ "verdict": "request_changes", "review": "It does not." }));
        assert_eq!((stage.state().as_str(), stage.kinds().len()), ("inprogress", 3));
        stage.ends();
    }

    #[test]
    fn has_no_verdict_but_two_and_none_before_the_work_is_done() {
        let mut stage = Stage::of("reviewer", "inprogress");
        let text = stage.is_refused("TicketReview", json!({ "verdict": "maybe", "review": "Hm." }));
        assert!(text.contains(r#""verdict" is "maybe", and must be "approve" | "request_changes""#), "{text}");
        let text = stage.is_refused("TicketReview", json!({ "verdict": "approve" }));
        assert!(text.contains(r#""review" is missing"#), "{text}");
        let text = stage.is_refused("TicketReview", json!({ "verdict": "approve", "review": "It holds." }));
        assert!(text.contains("is inprogress: TicketReview with the verdict approve needs one that is done"), "{text}");
        for tool in ["TicketStart", "TicketReport", "TicketQueue", "TicketCreate", "TicketIntakeReady"] {
            let text = stage.is_refused(tool, json!({}));
            assert!(text.contains(&format!("a Pod of the role reviewer has no tool \"{tool}\"; it has: ")), "{text}");
        }
        stage.ends();
    }
}

#[test]
fn an_investigator_reports_and_the_state_stays() {
    let mut stage = Stage::of("investigator", "planning");
    let report = json!({ "report": "It is the cache.\n\n---\n\nSeen in `b.rs`." });
    let text = stage.does("TicketReport", report.clone());
    assert!(text.ends_with("; your work on it is done\n"), "{text}");
    assert_eq!((stage.state().as_str(), stage.is_completed()), ("planning", true));
    assert_eq!(stage.kinds(), ["investigation_report"]);
    assert!(stage.does("TicketReport", report).contains("stands already"));
    assert_eq!(stage.kinds(), ["investigation_report"]);
    // What else it finds out is another report.
    stage.does("TicketReport", json!({ "report": "And the clock." }));
    assert_eq!(stage.kinds().len(), 2);
    set_state(&stage.env, COMPLETE, "closed");
    stage.is_refused("TicketReport", json!({ "report": "Too late." }));
    stage.ends();
}

mod an_orchestrator {
    use super::*;

    const OTHER: &str = "00001KTJ1QJB8";

    /// An Orchestrator on a ticket of its own, and another ticket that is ready.
    fn stage() -> Stage {
        let stage = Stage::of("orchestrator", "inprogress");
        stage.env.add_complete_tickets(&[OTHER.to_owned()]);
        set_state(&stage.env, OTHER, "ready");
        stage
    }

    fn other_kinds(stage: &Stage) -> Vec<String> {
        let thread = fs::read_to_string(file(&stage.env, OTHER, "thread.md")).unwrap();
        let kinds = thread.lines().filter_map(|line| line.strip_prefix("<!-- event: ")?.split(' ').next());
        kinds.map(str::to_owned).collect()
    }

    #[test]
    fn queues_what_is_ready_once() {
        let mut stage = stage();
        let text = stage.does("TicketQueue", json!({ "ticket": OTHER, "reason": "Nothing is in its way." }));
        assert_eq!(text, format!("ticket {OTHER} is queued; nobody is launched by that\n"));
        assert_eq!((state(&stage.env, OTHER).as_str(), other_kinds(&stage)), ("queued", vec!["state_changed".into()]));
        let thread = fs::read_to_string(file(&stage.env, OTHER, "thread.md")).unwrap();
        assert!(thread.contains("ready → queued.\n\nNothing is in its way.\n"), "{thread}");
        let text = stage.does("TicketQueue", json!({ "ticket": OTHER }));
        assert!(text.contains("was queued already"), "{text}");
        assert_eq!(other_kinds(&stage).len(), 1);
        for state in ["planning", "inprogress", "done", "closed"] {
            set_state(&stage.env, OTHER, state);
            let text = stage.is_refused("TicketQueue", json!({ "ticket": OTHER }));
            assert!(text.contains(&format!("is {state}: TicketQueue needs one that is ready. ")), "{text}");
        }
        assert_eq!(stage.env.listed("claim-list").lines().count(), 1, "nothing is claimed or launched");
        stage.ends();
    }

    #[test]
    fn leaves_a_ticket_to_who_works_on_it() {
        let mut stage = stage();
        run(&mut stage.env.yoi_claim(["claim-commit", OTHER, "--pod", "mira", "--role", "coder"]), 0);
        let text = stage.is_refused("TicketQueue", json!({ "ticket": OTHER }));
        assert!(text.contains("Pod mira works on ticket 00001KTJ1QJB8 as coder; leave it to that Pod"), "{text}");
        // An intake's work is completed when its ticket is ready.
        run(&mut stage.env.yoi_claim(["claim-complete", OTHER, "--expect", "1"]), 0);
        stage.does("TicketQueue", json!({ "ticket": OTHER }));
        stage.ends();
    }

    #[test]
    fn writes_plans_and_decisions_and_makes_tickets_that_nobody_holds() {
        let mut stage = stage();
        stage.does("TicketPlan", json!({ "ticket": OTHER, "plan": "First this, then that." }));
        stage.does(
            "TicketDecision",
            json!({ "ticket": OTHER, "heading": "No cache", "decision": "It is fast enough." }),
        );
        assert_eq!(other_kinds(&stage), ["plan", "decision"]);
        let thread = fs::read_to_string(file(&stage.env, OTHER, "thread.md")).unwrap();
        assert!(thread.contains("## Plan\n\nFirst") && thread.contains("## No cache\n\nIt is"), "{thread}");
        assert!(thread.contains("author: orchestrator"), "{thread}");
        let (status, text) = stage.puppet.tool("TicketCreate", &json!({ "title": "Another", "body": "# Goal" }));
        assert_eq!(status, 0, "{text}");
        let made: Value = serde_json::from_str(&text).unwrap();
        let id = made["id"].as_str().unwrap();
        assert_eq!(made["note"], format!("nobody holds it; it needs an intake: yoi intake {id}"));
        assert_eq!(stage.env.registry().claim(&ticket(id)).unwrap(), None);
        assert_eq!(state(&stage.env, id), "planning");
        stage.ends();
    }
}

#[test]
fn a_listing_leaves_out_what_is_closed_and_shows_one_state_however_many_there_are() {
    let env = TestEnv::with_sample();
    let ids: Vec<String> = (0..250).map(|number| format!("00001KTJ1Q{number:03}")).collect();
    env.add_complete_tickets(&ids);
    for id in &ids[..40] {
        set_state(&env, id, "closed");
    }
    set_state(&env, &ids[249], "ready");
    let mut puppet = env.puppet("intake");
    run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
    puppet.begun();
    let mut list = |arguments: Value| puppet.tool("TicketList", &arguments).1;
    let all = list(json!({}));
    assert!(all.starts_with("… and 12 older ones; ask for one state to see fewer\n"), "{all}");
    assert!(all.contains(&ids[249]) && !all.contains(" closed ") && all.lines().count() == 201, "{all}");
    assert_eq!(list(json!({ "state": "ready" })), format!("{} ready One of many\n", ids[249]));
    assert_eq!(list(json!({ "state": "closed" })).lines().count(), 40);
    assert_eq!(list(json!({ "state": "queued" })), "there are no such tickets\n");
    env.stop(&format!("intake-{COMPLETE}"));
}

#[test]
fn arguments_that_do_not_fit_are_named_with_the_right_ones() {
    let mut stage = Stage::of("coder", "ready");
    let text = stage.is_refused("TicketStart", json!({ "plans": "x" }));
    assert!(text.contains(r#"there is no argument "plans", did you mean "plan"?"#), "{text}");
    assert!(text.contains(r#"TicketStart takes {"ticket": TEXT, "plan"?: TEXT}"#), "{text}");
    let text = stage.is_refused("TicketStart", json!({ "ticket": 7 }));
    assert!(text.contains(r#""ticket" is a number, and must be a text"#), "{text}");
    stage.ends();
}

#[test]
fn a_long_thread_is_shown_from_its_newest_end() {
    let mut stage = Stage::of("coder", "ready");
    for number in 0..12 {
        let body = format!("note {number}: {}", "x".repeat(10_000));
        stage.does("TicketComment", json!({ "body": body }));
    }
    let text = stage.does("TicketShow", json!({}));
    assert!(text.len() < (70 << 10) && text.contains("older events are left out"), "{}", text.len());
    assert!(text.contains("note 11: ") && !text.contains("note 0: "));
    assert!(stage.does("TicketShow", json!({ "format": "json" })).contains("note 0: "));
    stage.ends();
}
