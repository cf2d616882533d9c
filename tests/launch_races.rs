//! Many launches at once, as real processes that begin together; and the plumbing's script beside `yoi intake`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use common::scene::{COMPLETE, INCOMPLETE, first_fields, names, pod, ticket};
use common::{Outcome, TestEnv, at_once};

/// `yoi intake`, with patience: many hosts start at once on few processors.
fn intake(env: &TestEnv, id: &str) -> Command {
    env.yoi(["-q", "intake", id, "--ready-timeout", "60", "--accept-timeout", "60"])
}

/// Of all attempts on one ticket one has it; the others are told which Pod has it, or who is in flight.
#[track_caller]
fn assert_one_has_it(env: &TestEnv, id: &str, outcomes: &[Outcome]) {
    let name = format!("intake-{id}");
    let (won, lost): (Vec<&Outcome>, Vec<&Outcome>) = outcomes.iter().partition(|outcome| outcome.status == 0);
    assert_eq!(won.len(), 1, "{outcomes:#?}");
    for outcome in lost {
        let said = &outcome.stderr;
        let told = match outcome.status {
            3 => said.contains(&format!("ticket {id} is in flight: ")),
            1 => said.contains(&format!("is claimed by Pod {name} as intake")),
            _ => false,
        };
        let who = [&name, "pid ", "was held a moment ago"].into_iter().any(|who| said.contains(who));
        assert!(told && who, "{outcome:?}");
    }
    assert_eq!(first_fields(&env.listed("claim-list")), [id]);
    assert_eq!(first_fields(&env.listed("pod-list")), [&name]);
    assert_eq!(first_fields(&env.listed("session-list")), [&name]);
    let registry = env.registry();
    let claim = registry.claim(&ticket(id)).unwrap().unwrap();
    assert_eq!((claim.pod.as_str(), claim.generation), (name.as_str(), 1));
    assert_eq!(claim.pod_id, registry.pod(&pod(&name)).unwrap().map(|record| record.pod_id));
    for empty in ["offers", "tmp"] {
        assert_eq!(names(&registry.dir().join(empty)), Vec::<String>::new(), "{empty}");
    }
    env.stop(&name);
    assert_eq!(env.processes().len(), 0);
}

mod on_one_ticket {
    use super::*;

    #[test]
    fn two_launches_at_once() {
        for _ in 0..5 {
            let env = TestEnv::with_sample();
            let outcomes = at_once(&env, vec![intake(&env, INCOMPLETE), intake(&env, INCOMPLETE)]);
            assert_one_has_it(&env, INCOMPLETE, &outcomes);
        }
    }

    #[test]
    fn thirty_two_launches_at_once() {
        let env = TestEnv::with_sample();
        let outcomes = at_once(&env, (0..32).map(|_| intake(&env, INCOMPLETE)).collect());
        assert_one_has_it(&env, INCOMPLETE, &outcomes);
    }

    #[test]
    fn two_scripts_at_once() {
        for _ in 0..5 {
            let env = TestEnv::with_sample();
            let outcomes = at_once(&env, vec![env.script(INCOMPLETE), env.script(INCOMPLETE)]);
            assert_one_has_it(&env, INCOMPLETE, &outcomes);
        }
    }

    #[test]
    fn thirty_two_scripts_at_once() {
        let env = TestEnv::with_sample();
        let outcomes = at_once(&env, (0..32).map(|_| env.script(INCOMPLETE)).collect());
        assert_one_has_it(&env, INCOMPLETE, &outcomes);
    }

    #[test]
    fn launches_and_scripts_at_once() {
        let env = TestEnv::with_sample();
        let both = (0..8).flat_map(|_| [intake(&env, INCOMPLETE), env.script(INCOMPLETE)]);
        let outcomes = at_once(&env, both.collect());
        assert_one_has_it(&env, INCOMPLETE, &outcomes);
    }

    /// Whoever begins while the first is still on its way is told whose launch that is.
    #[test]
    fn a_launch_that_is_in_flight_is_named() {
        let env = TestEnv::with_sample();
        let script = format!("yoi-claim ticket-lock {COMPLETE} --pod somebody -- yoi -q intake {COMPLETE}");
        let outcome = common::run(&mut env.shell(&script), 3);
        let said = env.normalise(&outcome.stderr);
        let (before, behind) = said.split_once("pid ").unwrap();
        assert_eq!(before, format!("yoi: ticket {COMPLETE} is in flight: ticket-lock for Pod somebody, "));
        assert!(behind.ends_with(&format!(", since TIME\nhint: yoi why {COMPLETE}\n")), "{said}");
        env.assert_nothing_is_left();
    }
}

mod on_thirty_two_tickets {
    use super::*;

    #[track_caller]
    fn assert_all_succeed(launch: impl Fn(&TestEnv, &str) -> Command) {
        let env = TestEnv::with_sample();
        let mut ids: Vec<String> = (0..32).map(|number| format!("20260118-093012-1{number:02}")).collect();
        env.add_complete_tickets(&ids);
        let outcomes = at_once(&env, ids.iter().map(|id| launch(&env, id)).collect());
        for outcome in &outcomes {
            assert_eq!(outcome.status, 0, "{outcome:?}");
        }
        // Each makes its ticket ready, and ends by itself.
        env.wait_for_processes();
        let claims = env.listed("claim-list");
        ids.sort();
        assert_eq!(first_fields(&claims), ids);
        for (line, id) in claims.lines().zip(&ids) {
            assert_eq!(line, format!("{id}\tintake-{id}\tintake\t1\trestorable"));
        }
        assert_eq!(env.listed("session-list").lines().count(), 32);
        let registry = env.registry();
        assert!(ids.iter().all(|id| registry.claim(&ticket(id)).unwrap().unwrap().completed_at.is_some()));
        for empty in ["offers", "tmp"] {
            assert_eq!(names(&registry.dir().join(empty)), Vec::<String>::new(), "{empty}");
        }
        assert_eq!(names(&env.runtime()), Vec::<String>::new());
        common::run(&mut env.yoi(["ticket", "doctor"]), 0);
    }

    #[test]
    fn every_launch_succeeds() {
        assert_all_succeed(intake);
    }

    #[test]
    fn every_script_succeeds() {
        assert_all_succeed(|env, id| env.script(id));
    }

    #[test]
    fn every_launch_without_a_ticket_succeeds_under_a_name_of_its_own() {
        let env = TestEnv::with_sample();
        env.configure_script("cat >/dev/null");
        let wish = || env.yoi(["-q", "intake", "-m", "a wish", "--ready-timeout", "60", "--accept-timeout", "60"]);
        let outcomes = at_once(&env, (0..8).map(|_| wish()).collect());
        assert!(outcomes.iter().all(|outcome| outcome.status == 0), "{outcomes:#?}");
        let pods = env.listed("pod-list");
        let mut expected: Vec<String> = (2..=8).map(|number| format!("intake-new-{number}")).collect();
        expected.insert(0, "intake-new".to_owned());
        assert_eq!(first_fields(&pods), expected);
        assert_eq!(first_fields(&env.listed("session-list")), expected);
        expected.iter().for_each(|pod| env.stop(pod));
    }
}

mod the_script {
    use super::*;

    /// Every file below a directory as text, without what differs from run to run.
    fn texts(env: &TestEnv, dir: &Path) -> Vec<(String, String)> {
        let files = common::scene::tree(dir).into_iter().filter(|(path, _)| !path.starts_with("locks/tickets/"));
        let text = |bytes: Vec<u8>| {
            let text = env.normalise(&String::from_utf8(bytes).unwrap());
            without_pids(&text)
        };
        files.map(|(path, (mode, bytes))| (env.normalise(&format!("{path} {mode:o}")), text(bytes))).collect()
    }

    /// Process ids stand behind `pid = ` in records, and behind `"pid":` in the journal.
    fn without_pids(text: &str) -> String {
        let pieces = text.split_inclusive("pid = ").flat_map(|piece| piece.split_inclusive("\"pid\":"));
        let mut pieces = pieces.flat_map(|piece| piece.split_inclusive("host, pid "));
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |all, piece| all + "PID" + piece.trim_start_matches(|c: char| c.is_ascii_digit()))
    }

    #[track_caller]
    fn assert_same_leftovers(id: &str, finish: impl Fn(&TestEnv)) {
        let [by_script, by_yoi] = [true, false].map(|script| {
            let env = TestEnv::with_sample();
            let mut command = if script { env.script(id) } else { env.yoi(["-q", "intake", id]) };
            common::run(&mut command, 0);
            finish(&env);
            env.wait_for_processes();
            let registry = texts(&env, env.registry().dir());
            let locks = names(&env.registry().dir().join("locks/tickets"));
            (registry, locks, texts(&env, &env.workspace()), names(&env.runtime()))
        });
        assert!(by_yoi.0.iter().any(|(path, text)| path.ends_with("history.jsonl 100600") && text.lines().count() > 5));
        for (of_script, of_yoi) in by_script.0.iter().chain(&by_script.2).zip(by_yoi.0.iter().chain(&by_yoi.2)) {
            assert_eq!(of_script, of_yoi);
        }
        assert_eq!(by_script, by_yoi);
    }

    #[test]
    fn leaves_what_yoi_intake_leaves_of_a_work_that_is_done() {
        assert_same_leftovers(COMPLETE, |_| {});
    }

    #[test]
    fn leaves_what_yoi_intake_leaves_of_a_work_that_waits() {
        assert_same_leftovers(INCOMPLETE, |env| {
            let thread = env.workspace().join(format!(".yoi/tickets/{INCOMPLETE}/thread.md"));
            env.wait_for("the questions", || fs::read_to_string(&thread).ok().filter(|text| text.contains("comment")));
            env.stop(&format!("intake-{INCOMPLETE}"));
        });
    }

    #[test]
    fn leaves_nothing_but_the_plan_of_its_own() {
        let env = TestEnv::with_sample();
        let before = names(&env.root().join("."));
        common::run(&mut env.script(COMPLETE), 0);
        env.wait_for_processes();
        let left: Vec<String> = names(env.root()).into_iter().filter(|name| !before.contains(name)).collect();
        assert!(left.len() == 1 && left[0].starts_with("tmp."), "{left:?}");
    }
}
