//! From one Pod to the next: a sentence that becomes a ticket, and a ticket that is handed over.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;

use common::scene::{names, pod, ticket};
use common::{TestEnv, run};
use yoi::domain::{ClaimStatus, Evidence, PodName, Role, TicketId};
use yoi::registry::{ClaimView, Restorable};

/// A ticket that says all that it must.
const COMPLETE: &str = "20260118-093012-001";

struct Always;
impl Restorable for Always {
    fn check(&self, _: &yoi::domain::PodRecord) -> Result<(), String> {
        Ok(())
    }
}

fn view(env: &TestEnv, id: &TicketId) -> ClaimView {
    env.registry().view_claim(id, &Always).expect("the ticket is claimed")
}

/// The tickets that intake made itself, by age.
fn made(env: &TestEnv) -> Vec<TicketId> {
    let all = names(&env.workspace().join(".yoi/tickets"));
    all.iter().filter(|name| !name.contains('-')).map(|name| ticket(name)).collect()
}

fn intake(env: &TestEnv, id: &str) -> PodName {
    run(&mut env.yoi(["intake", id, "--wait"]), 0);
    pod(&format!("intake-{id}"))
}

#[test]
fn an_intake_of_a_sentence_claims_the_ticket_that_it_makes() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["intake", "-m", "Show ages in the list", "--wait"]), 0);
    let [id] = &made(&env)[..] else { panic!("one ticket: {:?}", made(&env)) };
    let claim = view(&env, id).claim.unwrap();
    assert_eq!((claim.pod.as_str(), claim.evidence), ("intake-new", Evidence::UserMessage));
    let session = env.registry().session(&claim.pod).unwrap().unwrap();
    assert_eq!((session.origin.as_str(), &session.related_tickets[..]), ("pre_ticket_intake", &[id.clone()][..]));
    env.stop("intake-new");
    assert_eq!(view(&env, id).status, ClaimStatus::Restorable);
    run(&mut env.yoi(["restore", "intake-new"]), 0);
    run(&mut env.yoi(["attach", "intake-new", "-m", "look again"]), 0);
    assert_eq!(made(&env).len(), 1, "a restored intake goes on with the ticket that it made");
    env.stop("intake-new");
    env.wait_for_processes();
}

#[test]
fn a_completed_claim_is_handed_over_to_the_next_role() {
    let env = TestEnv::with_sample();
    let first = intake(&env, COMPLETE);
    env.wait_for_processes();
    env.configure_script("echo hello");
    let config = env.workspace().join(".yoi/ticket.config.toml");
    fs::write(&config, "[roles.coder]\nprofile = \"project:script\"\n").unwrap();
    run(&mut env.yoi(["launch", "coder", COMPLETE, "--wait"]), 0);
    let claim = view(&env, &ticket(COMPLETE)).claim.unwrap();
    assert_eq!((claim.role, claim.generation, &claim.previous[0].pod), (Role::Coder, 2, &first));
    assert!(env.registry().session(&first).unwrap().is_some(), "the former holder's session record stays");
    env.stop(&format!("coder-{COMPLETE}"));
    env.wait_for_processes();
}

/// Coders and reviewers that are one shell script: the first review asks for changes.
const WORKERS: &str = r#"
call() { echo "$2" | yoi tool "$1" --json -; }
cat >/dev/null
case $YOI_POD in
coder-*)
  call TicketStart "{\"ticket\":\"$YOI_TICKET\"}"
  call TicketReport "{\"ticket\":\"$YOI_TICKET\",\"report\":\"Done by $YOI_CLAIM.\"}" ;;
reviewer-*-2)
  call TicketReview "{\"ticket\":\"$YOI_TICKET\",\"verdict\":\"approve\",\"review\":\"All is well now.\"}" ;;
reviewer-*)
  call TicketReview "{\"ticket\":\"$YOI_TICKET\",\"verdict\":\"request_changes\",\"review\":\"The test is missing.\"}" ;;
esac
"#;

#[test]
fn from_intake_to_coder_to_reviewer_and_back_generation_and_previous_tell_the_story() {
    let env = TestEnv::with_sample();
    env.configure_script(WORKERS);
    let roles = "[roles.coder]\nprofile = \"project:script\"\n[roles.reviewer]\nprofile = \"project:script\"\n";
    fs::write(env.workspace().join(".yoi/ticket.config.toml"), roles).unwrap();
    intake(&env, COMPLETE);
    env.wait_for_processes();
    let mut story = vec![("intake".to_owned(), format!("intake-{COMPLETE}"))];
    for (role, name, state) in [
        ("coder", format!("coder-{COMPLETE}"), "done"),
        ("reviewer", format!("reviewer-{COMPLETE}"), "inprogress"),
        ("coder", format!("coder-{COMPLETE}-2"), "done"),
        ("reviewer", format!("reviewer-{COMPLETE}-2"), "done"),
    ] {
        // Nothing launches the next role but this.
        run(&mut env.yoi(["launch", role, COMPLETE, "--wait"]), 0);
        run(&mut env.yoi(["wait", COMPLETE, "--status", "completed", "--timeout", "30"]), 0);
        run(&mut env.yoi(["wait", COMPLETE, "--state", state, "--timeout", "30"]), 0);
        // While it lives, its work may go on: it is handed over only after its end.
        let other = if role == "coder" { "reviewer" } else { "coder" };
        let refused = run(&mut env.yoi(["launch", other, COMPLETE]), 1);
        assert!(refused.stderr.contains(&format!("is claimed by Pod {name} as {role}, which is live")), "{refused:?}");
        env.stop(&name);
        let claim = view(&env, &ticket(COMPLETE)).claim.unwrap();
        let before = claim.previous.iter().map(|old| (old.role.to_string(), old.pod.to_string()));
        assert!(before.eq(story.iter().rev().cloned()), "{:?} after {story:?}", claim.previous);
        assert_eq!((claim.generation, claim.pod.as_str()), (story.len() as u64 + 1, name.as_str()));
        assert!(claim.previous.iter().zip((1..=story.len() as u64).rev()).all(|(old, at)| old.generation == at));
        story.push((role.to_owned(), name));
    }
    for (role, name) in &story {
        let session = env.registry().session(&pod(name)).unwrap().unwrap();
        assert_eq!((session.role.as_str(), &session.related_tickets[..]), (role.as_str(), &[ticket(COMPLETE)][..]));
    }
    let thread = fs::read_to_string(env.workspace().join(".yoi/tickets").join(COMPLETE).join("thread.md")).unwrap();
    let reviews: Vec<&str> =
        thread.lines().filter(|line| line.starts_with("<!-- event: review ")).map(|line| line.trim()).collect();
    assert!(reviews[0].contains("status: request_changes") && reviews[1].contains("status: approve"), "{reviews:?}");
    run(&mut env.yoi_claim(["verify"]), 0);
}

mod the_orchestrator {
    use super::*;
    use common::Process;
    use rustix::process::Signal;
    use std::time::{Duration, Instant};

    /// A workspace in which an Orchestrator lives whose agent repeats what it is told.
    fn world() -> TestEnv {
        let env = TestEnv::with_sample();
        env.configure_script("cat");
        env.configure("orchestrator", "project:script");
        run(&mut env.yoi(["-q", "launch", "orchestrator", "--wait"]), 0);
        env
    }

    const POD: &str = "orchestrator-new";

    fn told(env: &TestEnv, event: &str) -> Vec<String> {
        let history = env.history(POD).into_iter().filter(|entry| entry["event"] == event);
        history.map(|entry| entry["data"].to_string()).collect()
    }

    #[test]
    fn hears_of_an_intake_before_its_work_begins_and_of_its_ticket_once_that_is_ready() {
        let env = world();
        let (mut wire, _) = env.wire(POD);
        intake(&env, COMPLETE);
        let name = format!("intake-{COMPLETE}");
        let messages = wire.until(|message| message["event"] == "notify");
        let here = messages.iter().find(|message| message["event"] == "peer_registered").unwrap();
        assert_eq!((&here["data"]["pod"], &here["data"]["role"]), (&name.as_str().into(), &"intake".into()));
        let ready = messages.last().unwrap()["data"]["text"].as_str().unwrap();
        assert!(ready.starts_with(&format!("Ticket {COMPLETE} is ready: ")), "{ready}");
        let at = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap();
        let of = |pod: &str, event: &str| {
            let entry = env.history(pod).into_iter().find(|entry| entry["event"] == event).unwrap();
            at(entry["at"].as_str().unwrap())
        };
        assert!(of(POD, "peer_registered") <= of(&name, "user_message"), "it was made known before it was given work");
        // Its agent, asked for anything, is told that first.
        run(&mut env.yoi(["attach", POD, "-m", "What is new?"]), 0);
        let answers = told(&env, "text_done");
        let answer = answers.last().unwrap();
        assert!(answer.contains(&format!("The Pod {name} (role intake) made itself known")), "{answer}");
        assert!(answer.contains(ready) && answer.contains("What is new?"), "{answer}");
        // And nobody was launched because of it.
        assert_eq!(env.listed("pod-list").lines().count(), 2);
        env.stop(POD);
    }

    #[test]
    fn hears_of_a_ticket_that_a_person_makes_ready() {
        let env = world();
        let (mut wire, _) = env.wire(POD);
        run(&mut env.yoi(["ticket", "state", COMPLETE, "ready", "-m", "It says all that it must."]), 0);
        let messages = wire.until(|message| message["event"] == "notify");
        let ready = messages.last().unwrap()["data"]["text"].as_str().unwrap();
        assert!(ready.starts_with(&format!("Ticket {COMPLETE} is ready: ")), "{ready}");
        drop(wire);
        env.stop(POD);
    }

    #[test]
    fn that_does_not_answer_holds_up_no_intake_for_long_and_misses_nothing_that_is_not_in_the_files() {
        let env = world();
        let stopped: Vec<Process> = env.processes();
        stopped.iter().for_each(|process| process.signal(Signal::STOP));
        let start = Instant::now();
        let outcome = run(&mut env.yoi(["intake", COMPLETE]), 0);
        assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
        assert!(outcome.stderr.contains(&format!("warning: cannot register with {POD}: ")), "{outcome:?}");
        run(&mut env.yoi(["wait", &format!("intake-{COMPLETE}"), "--timeout", "30"]), 0);
        let journal = run(&mut env.yoi(["logs", "--journal", COMPLETE]), 0).stdout;
        assert!(journal.contains("orchestrator_not_told"), "{journal}");
        stopped.iter().for_each(|process| process.signal(Signal::CONT));
        let ready = run(&mut env.yoi(["ticket", "list", "--state", "ready", "--format", "{id}"]), 0).stdout;
        assert_eq!(ready, format!("{COMPLETE}\n"));
        env.stop(POD);
    }

    #[test]
    fn that_has_ended_is_not_told_and_nobody_is_warned() {
        let env = world();
        env.stop(POD);
        let before = told(&env, "notify").len() + told(&env, "peer_registered").len();
        let outcome = run(&mut env.yoi(["intake", COMPLETE, "--wait"]), 0);
        assert_eq!((outcome.stderr.as_str(), before), ("", 0));
        run(&mut env.yoi(["restore", POD]), 0);
        assert_eq!(told(&env, "notify").len() + told(&env, "peer_registered").len(), 0);
        env.stop(POD);
        env.wait_for_processes();
    }
}
