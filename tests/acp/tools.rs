//! The Pod's tools, called by an agent over the server that its session brings.

use serde_json::{Value, json};

use crate::common::scene::{COMPLETE, INCOMPLETE};
use crate::common::{run, scene::pod};
use crate::scene::{POD, Stage, Talk};

#[test]
fn an_intake_makes_its_ticket_ready_and_its_pod_ends() {
    let stage = Stage::set(&[], "");
    let call = json!({ "ticket": COMPLETE, "summary": "It is all clear." });
    run(&mut stage.env.yoi(["-q", "intake", COMPLETE, "-m", &format!("@mcp TicketIntakeReady {call}\n@say done")]), 0);
    stage.env.wait_for_processes();
    let claim = run(&mut stage.env.yoi_claim(["claim-show", COMPLETE, "--json"]), 0).stdout;
    let claim: Value = serde_json::from_str(&claim).unwrap();
    assert!(claim.to_string().contains("completed_at"), "{claim}");
    let name = format!("intake-{COMPLETE}");
    let session = run(&mut stage.env.yoi_claim(["session-show", &name, "--format", "{session}"]), 0).stdout;
    assert!(session.starts_with("session-"), "{session}");
    let history = stage.env.history(&name);
    let mut results = history.iter().filter(|entry| entry["event"] == "tool_result");
    assert!(results.any(|entry| entry["data"].get("by").is_none() && entry["data"]["is_error"] != true));
    assert!(!stage.env.registry().pod_lives(&pod(&name)).unwrap());
}

#[test]
fn a_tool_that_refuses_tells_the_agent_why_and_the_pod_stays() {
    let (stage, mut talk) = Stage::up(&[], "");
    let call = json!({ "ticket": INCOMPLETE, "body": "" });
    talk.said(&format!("@mcp TicketComment {call}\n@say done"));
    let history = stage.env.history(POD);
    let results: Vec<_> = history.iter().filter(|entry| entry["event"] == "tool_result").collect();
    assert_eq!(results.len(), 2, "as the Pod ran it, and as the agent shows it: {results:?}");
    assert!(results.iter().all(|entry| entry["data"]["is_error"] == true), "{results:?}");
    assert_eq!(results[0]["data"]["text"], results[1]["data"]["text"]);
    stage.stop();
}

#[test]
fn the_claim_of_a_ticket_that_the_agent_made_is_told_with_the_next_prompt() {
    let stage = Stage::set(&[], "");
    let call = json!({ "title": "A new one", "body": "# Goal\n\nIt is done." });
    let script = format!("@env YOI_CLAIM\n@mcp TicketCreate {call}\n@say done");
    let said = run(&mut stage.env.yoi(["-q", "intake", "-m", &script, "--wait"]), 0);
    let name = stage.env.listed("pod-list").split('\t').next().unwrap().to_owned();
    let history = stage.env.history(&name);
    assert!(
        history.iter().any(|entry| entry["data"]["text"].as_str().is_some_and(|text| text.starts_with("(unset)"))),
        "{said:?}"
    );
    let claim =
        run(&mut stage.env.yoi_claim(["claim-list", "--format", "YOI_TICKET={ticket} YOI_CLAIM={expect}"]), 0).stdout;
    let mut talk = Talk::to(&stage, &name);
    assert_eq!(talk.said("@echo"), format!("@echo\n\n(For commands that ask for them: {})\n", claim.trim_end()));
    assert_eq!(talk.said("@echo"), "@echo\n");
    stage.env.stop(&name);
}
