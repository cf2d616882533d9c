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
