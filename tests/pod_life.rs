//! What a Pod does between its launch and its end: several tickets, no ticket at first, restoring, the limits of its tools.

mod common;

use std::fs;

use common::scene::{names, pod, ticket};
use common::{TestEnv, run};
use yoi::domain::{ClaimStatus, Evidence, Expect, PodName, Role, TicketId};
use yoi::registry::{ClaimView, Restorable};

/// A ticket that says all that it must.
const COMPLETE: &str = "20260118-093012-001";
/// A ticket that leaves questions open.
const INCOMPLETE: &str = "20260118-101544-001";

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
fn of_two_tickets_the_first_that_is_ready_ends_the_pod_and_restore_goes_on_with_the_other() {
    let env = TestEnv::with_sample();
    env.configure_script(
        r#"
        make() { yoi tool TicketCreate --json "{\"title\":\"$1\",\"body\":\"b\"}" | sed 's/.*"id":"\([^"]*\)".*/\1/'; }
        if [ -z "$YOI_TICKET" ]; then first=$(make one); make two >second; else first=$YOI_TICKET; fi
        yoi tool TicketIntakeReady --json "{\"ticket\":\"$first\",\"summary\":\"done\"}"
        "#,
    );
    run(&mut env.yoi(["intake", "-m", "two things", "--wait"]), 0);
    env.wait_for_processes();
    let [one, two] = &made(&env)[..] else { panic!("two tickets: {:?}", made(&env)) };
    let registry = env.registry();
    assert_eq!(names(&registry.dir().join("sessions")).len(), 1);
    assert_eq!(registry.session(&pod("intake-new")).unwrap().unwrap().related_tickets, [one.clone(), two.clone()]);
    assert!(view(&env, one).claim.unwrap().completed_at.is_some());
    assert!(view(&env, two).claim.unwrap().completed_at.is_none());
    run(&mut env.yoi(["restore", "intake-new"]), 0);
    run(&mut env.yoi(["attach", "intake-new", "-m", "go on"]), 0);
    env.wait_for_processes();
    assert!(view(&env, two).claim.unwrap().completed_at.is_some());
}

#[test]
fn restore_brings_back_name_role_ticket_identity_and_history() {
    let env = TestEnv::with_sample();
    let name = intake(&env, INCOMPLETE);
    env.stop(name.as_str());
    let registry = env.registry();
    let before = (registry.pod(&name).unwrap().unwrap(), view(&env, &ticket(INCOMPLETE)).claim.unwrap());
    let history = fs::read_to_string(registry.pod_dir(&name).join("history.jsonl")).unwrap();
    run(&mut env.yoi(["restore", name.as_str()]), 0);
    let after = (registry.pod(&name).unwrap().unwrap(), view(&env, &ticket(INCOMPLETE)).claim.unwrap());
    assert_eq!((after.0.pod_id, after.0.role, &after.1), (before.0.pod_id, before.0.role, &before.1));
    assert_eq!(view(&env, &ticket(INCOMPLETE)).status, ClaimStatus::Live);
    let now = fs::read_to_string(registry.pod_dir(&name).join("history.jsonl")).unwrap();
    assert!(now.starts_with(&history), "the history is appended to");
    let again = run(&mut env.yoi(["restore", name.as_str()]), 1);
    assert!(again.stderr.contains("is live") && again.stderr.contains("yoi attach"), "{}", again.stderr);
    env.stop(name.as_str());
    env.wait_for_processes();
}

#[test]
fn restore_is_refused_when_the_claim_has_moved_on_and_leaves_the_pod_as_it_was() {
    let env = TestEnv::with_sample();
    let name = intake(&env, INCOMPLETE);
    env.stop(name.as_str());
    let claim = view(&env, &ticket(INCOMPLETE)).claim.unwrap();
    let expect = Expect::from(&claim).to_string();
    run(&mut env.yoi_claim(["claim-release", INCOMPLETE, "--expect", &expect, "--reason", "test"]), 0);
    let freed = run(&mut env.yoi(["restore", name.as_str()]), 1);
    assert!(freed.stderr.contains("has moved on"), "{}", freed.stderr);
    run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "other", "--role", "coder"]), 0);
    let taken = run(&mut env.yoi(["restore", name.as_str()]), 1);
    assert!(taken.stderr.contains("to other"), "{}", taken.stderr);
    assert!(env.registry().pod(&name).unwrap().is_some(), "the Pod's directory stays");
    env.wait_for_processes();
}

#[test]
fn a_pod_whose_profile_or_directory_is_gone_is_stale_with_the_reason() {
    let env = TestEnv::with_sample();
    env.configure_script("echo hello");
    let name = intake(&env, INCOMPLETE);
    env.stop(name.as_str());
    let shown = |status: &str| {
        let shown = run(&mut env.yoi_claim(["claim-show", INCOMPLETE, "--format", "{status} {reason}"]), 0).stdout;
        assert!(shown.starts_with(status), "{shown}");
        shown
    };
    shown("restorable");
    fs::remove_file(env.workspace().join(".yoi/profiles.toml")).unwrap();
    assert!(shown("stale").contains("project:script"));
    let refused = run(&mut env.yoi(["restore", name.as_str()]), 4);
    assert!(refused.stderr.contains("project:script"), "{}", refused.stderr);
    let launch = run(&mut env.yoi(["intake", INCOMPLETE]), 4);
    assert!(launch.stderr.contains("project:script"), "{}", launch.stderr);
    env.configure("intake", "builtin:checklist");
    let stale = run(&mut env.yoi(["intake", INCOMPLETE]), 1);
    let words = format!("Ticket {INCOMPLETE} has a stale local Intake claim for {name}");
    assert!(stale.stderr.contains(&words) && stale.stderr.contains("yoi why"), "{}", stale.stderr);
    assert!(!stale.stderr.contains("release") && !stale.stderr.contains("reclaim"), "{}", stale.stderr);
    env.wait_for_processes();
}

#[test]
fn a_restore_that_fails_leaves_the_pod_stopped_as_it_was() {
    let env = TestEnv::with_sample();
    let name = intake(&env, INCOMPLETE);
    env.stop(name.as_str());
    let registry = env.registry();
    // A directory in the place of the socket: the host cannot listen.
    fs::create_dir(registry.socket_path(&name)).unwrap();
    fs::write(registry.socket_path(&name).join("x"), "").unwrap();
    let failed = run(&mut env.yoi(["restore", name.as_str()]), 4);
    assert!(failed.stderr.contains(".sock") && failed.stderr.contains("stopped, as it was"), "{}", failed.stderr);
    env.wait_for_processes();
    assert_eq!(view(&env, &ticket(INCOMPLETE)).status, ClaimStatus::Restorable);
    fs::remove_dir_all(registry.socket_path(&name)).unwrap();
    run(&mut env.yoi(["restore", name.as_str()]), 0);
    env.stop(name.as_str());
    env.wait_for_processes();
}

#[test]
fn ready_is_refused_on_a_ticket_that_another_pod_holds_and_from_any_other_state() {
    let env = TestEnv::with_sample();
    let holder = intake(&env, INCOMPLETE);
    env.configure_script(&format!(
        r#"
        ready() {{ yoi tool TicketIntakeReady --json "{{\"ticket\":\"$1\",\"summary\":\"s\"}}" 2>&1; echo "status $?"; }}
        ready {INCOMPLETE}
        sed -i "s/^workflow_state: .*/workflow_state: 'done'/" .yoi/tickets/{COMPLETE}/item.md
        ready {COMPLETE}
        "#
    ));
    let said = run(&mut env.yoi(["intake", COMPLETE, "--wait"]), 0).stdout;
    assert!(said.contains(&format!("is held by Pod {holder}")), "{said}");
    assert!(said.contains("is done") && said.matches("status 1").count() == 2, "{said}");
    let status = run(&mut env.yoi_claim(["pod-status", &format!("intake-{COMPLETE}")]), 0).stdout;
    assert!(status.contains("idle"), "a failed call ends nothing: {status}");
    let incomplete = fs::read_to_string(env.workspace().join(".yoi/tickets").join(INCOMPLETE).join("item.md")).unwrap();
    assert!(incomplete.contains("state: \"planning\""));
    env.stop(&format!("intake-{COMPLETE}"));
    env.stop(holder.as_str());
    env.wait_for_processes();
}

#[test]
fn a_repeat_under_the_same_claim_finishes_what_a_crash_left_missing() {
    let env = TestEnv::with_sample();
    let name = intake(&env, COMPLETE);
    env.wait_for_processes();
    let registry = env.registry();
    let path = registry.claim_path(&ticket(COMPLETE));
    let text = fs::read_to_string(&path).unwrap();
    // As if the host had died between the ticket's transition and the claim's completion.
    let without: String = text.lines().filter(|l| !l.starts_with("completed_at")).map(|l| format!("{l}\n")).collect();
    assert_ne!(text, without);
    fs::write(&path, without).unwrap();
    let thread = env.workspace().join(".yoi/tickets").join(COMPLETE).join("thread.md");
    let before = fs::read(&thread).unwrap();
    run(&mut env.yoi(["restore", name.as_str()]), 0);
    run(&mut env.yoi(["attach", name.as_str(), "-m", "go on"]), 0);
    env.wait_for_processes();
    assert!(view(&env, &ticket(COMPLETE)).claim.unwrap().completed_at.is_some());
    assert_eq!(fs::read(&thread).unwrap(), before, "the ticket is not written to again");
}

#[test]
fn an_intake_tool_is_not_for_a_coder_and_ends_nothing() {
    let env = TestEnv::with_sample();
    env.configure_script(&format!(
        r#"yoi tool TicketIntakeReady --json '{{"ticket":"{COMPLETE}","summary":"s"}}' 2>&1; echo "status $?""#
    ));
    let config = env.workspace().join(".yoi/ticket.config.toml");
    fs::write(&config, "[roles.coder]\nprofile = \"project:script\"\n").unwrap();
    let said = run(&mut env.yoi(["launch", "coder", COMPLETE, "--wait"]), 0).stdout;
    assert!(said.contains("role coder has no tool") && said.contains("status 1"), "{said}");
    let name = format!("coder-{COMPLETE}");
    assert!(run(&mut env.yoi_claim(["pod-status", &name]), 0).stdout.contains("idle"));
    let claim = view(&env, &ticket(COMPLETE)).claim.unwrap();
    assert_eq!((claim.role, claim.completed_at), (Role::Coder, None));
    env.stop(&name);
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
