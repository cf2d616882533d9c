//! What is only in motion is no finding.

use std::fs;

use crate::common::scene::{COMPLETE, INCOMPLETE, script};
use crate::common::{Outcome, TestEnv, run};

#[test]
fn a_healthy_registry_with_pods_of_all_kinds_has_nothing_wrong_with_it() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    let clean = |env: &TestEnv| assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
    clean(&env);
    // Launching: under the ticket lock, with an offer that is not committed yet.
    let ids = ["20260118-200000-001".to_owned()];
    env.add_complete_tickets(&ids);
    let steps = r#"
        yoi-claim launch-plan --role intake --ticket "$1" >"$2"; yoi-claim verify
        yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket "$1" >/dev/null; yoi-claim verify
        evidence=$(yoi-claim pod-run p --plan "$2"); yoi-claim verify
        yoi-claim claim-commit "$1" --pod p --role intake --evidence "$evidence"; yoi-claim verify
        yoi-claim session-record p --role intake --origin ticket_claim --ticket "$1"; yoi-claim verify
        yoi-claim pod-confirm p; yoi-claim verify"#;
    let plan = env.root().join("plan");
    let line = format!("yoi-claim ticket-lock {} -- sh -ec '{steps}' sh {} {}", ids[0], ids[0], plan.display());
    assert_eq!(run(&mut env.shell(&line), 0).stdout, "");
    clean(&env);
    env.stop("intake-20260118-101544-001");
    clean(&env);
    env.kill_all();
    clean_but_for_sockets(&env);
    run(&mut env.yoi_claim(["gc"]), 0);
    clean(&env);
}

/// Who was killed leaves its socket behind, and nothing else.
fn clean_but_for_sockets(env: &TestEnv) {
    let told = Outcome::of(&mut env.yoi_claim(["verify", "--format", "{code}"])).stdout;
    assert!(told.lines().all(|code| code == "dead-socket"), "{told}");
}

#[test]
fn verify_reports_nothing_that_is_only_in_motion() {
    const PROCESSES: usize = 8;
    let env = TestEnv::with_sample();
    let stop = env.root().join("stop");
    // Each commits and releases, on few tickets, until it is told to stop.
    let work = r#"
        while ! [ -e "$1" ]; do
            for ticket in a b c; do
                yoi-claim claim-commit "$ticket" --pod "$2" --role coder --wait 0 2>/dev/null &&
                yoi-claim session-record "$2" --role coder --origin ticket_claim --ticket "own-$2" &&
                yoi-claim claim-release "$ticket" --expect "$(yoi-claim claim-show "$ticket" --format "{expect}")" --reason done || :
            done
        done"#;
    let mut workers: Vec<_> = (0..PROCESSES)
        .map(|number| env.command("sh").args(["-c", work, "sh"]).arg(&stop).arg(format!("p{number}")).spawn().unwrap())
        .collect();
    let journal = env.registry().journal_path();
    env.wait_for("the first change", || journal.exists().then_some(()));
    let mut looks = 0;
    let mut seen = 0;
    while looks < 40 || seen < 200 {
        let outcome = run(&mut env.yoi_claim(["verify"]), 0);
        assert_eq!(outcome.stdout, "");
        looks += 1;
        seen = fs::read_to_string(&journal).unwrap().lines().count();
    }
    fs::write(&stop, "").unwrap();
    workers.iter_mut().for_each(|worker| assert!(worker.wait().unwrap().success()));
    assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
}

#[test]
fn verify_reports_nothing_while_pods_come_and_go() {
    let env = TestEnv::with_sample();
    let ids: Vec<String> = (0..6).map(|number| format!("20260118-20000{number}-001")).collect();
    env.add_complete_tickets(&ids);
    let done = env.root().join("done");
    let launches: String = ids.iter().map(|id| format!("yoi -q intake {id} --wait >/dev/null\n")).collect();
    // Launches that fail and are undone, too.
    let failing = script().replace("--profile builtin:checklist", "--profile project:missing");
    let work = format!(
        "{launches}T={INCOMPLETE}; export T; for i in 1 2 3; do ( {failing} ) >/dev/null 2>&1 || :; done\n: >\"$1\""
    );
    let mut worker = env.command("sh").args(["-c", &work, "sh"]).arg(&done).env("TMPDIR", env.root()).spawn().unwrap();
    let mut looks = 0;
    while !done.exists() || looks < 5 {
        assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "", "after {looks} looks");
        looks += 1;
    }
    assert!(worker.wait().unwrap().success());
    env.wait_for_processes();
    assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
}
