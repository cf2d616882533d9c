//! Every verb of the plumbing: its success, its refusals and its wrong usage, with exit status and exact output.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::scene::{COMPLETE, INCOMPLETE, names, pod, ticket, tree};
use common::{Outcome, TestEnv, run};
use serde_json::{Value, json};

/// Runs a verb, which must end with this status.
#[track_caller]
fn verb(env: &TestEnv, arguments: &[&str], status: i32) -> Outcome {
    let outcome = run(&mut env.yoi_claim(arguments), status);
    // A refusal speaks on standard error alone, a success on standard output alone.
    assert_eq!(outcome.stderr.is_empty(), status == 0, "{arguments:?}: {outcome:?}");
    outcome
}

/// What a verb printed that must succeed.
#[track_caller]
fn says(env: &TestEnv, arguments: &[&str]) -> String {
    verb(env, arguments, 0).stdout
}

/// What a verb said that must be refused with this status, without its name in front; it printed nothing.
#[track_caller]
fn refused(env: &TestEnv, arguments: &[&str], status: i32) -> String {
    let outcome = verb(env, arguments, status);
    assert_eq!(outcome.stdout, "");
    outcome.stderr.strip_prefix("yoi-claim: ").unwrap_or_else(|| panic!("{outcome:?}")).to_owned()
}

#[track_caller]
fn quiet(env: &TestEnv, arguments: &[&str]) {
    assert_eq!(says(env, arguments), "");
}

/// A Pod that was started by hand, without a ticket.
fn live_pod(env: &TestEnv, name: &str, role: &str) {
    says(env, &["pod-spawn", name, "--role", role, "--profile", "builtin:checklist"]);
    quiet(env, &["pod-confirm", name]);
}

/// The nonce of a ticket's claim.
fn nonce(env: &TestEnv, id: &str) -> String {
    env.registry().claim(&ticket(id)).unwrap().unwrap().nonce.to_string()
}

mod claim_commit {
    use super::*;

    #[test]
    fn by_hand_needs_no_pod_and_a_repeat_changes_nothing() {
        let env = TestEnv::new();
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder", "--session", "s-1"]);
        let claim = env.registry().claim(&ticket("T")).unwrap().unwrap();
        assert_eq!((claim.pod.as_str(), claim.role.as_str(), claim.generation), ("p", "coder", 1));
        assert_eq!((claim.evidence.as_str(), claim.pod_id, claim.session.as_deref()), ("manual", None, Some("s-1")));
        let before = fs::read(env.registry().claim_path(&ticket("T"))).unwrap();
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder"]);
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder", "--nonce", &nonce(&env, "T")]);
        assert_eq!(fs::read(env.registry().claim_path(&ticket("T"))).unwrap(), before);
        assert_eq!(names(&env.registry().dir().join("tmp")), Vec::<String>::new());
        assert_eq!(env.registry().journal(None).unwrap().len(), 1);
    }

    #[test]
    fn a_ticket_that_another_holds_is_refused_with_its_holder() {
        let env = TestEnv::new();
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder"]);
        let before = fs::read(env.registry().claim_path(&ticket("T"))).unwrap();
        let held = "ticket T is claimed by Pod p as coder (generation 1)\n";
        for other in [
            &["--pod", "q", "--role", "coder"][..],
            &["--pod", "p", "--role", "reviewer"],
            &["--pod", "p", "--role", "coder", "--nonce", "00000000000000000000000000000001"],
            &["--pod", "P", "--role", "coder"],
        ] {
            assert_eq!(refused(&env, &[&["claim-commit", "T"], other].concat(), 1), held);
        }
        assert_eq!(fs::read(env.registry().claim_path(&ticket("T"))).unwrap(), before);
    }

    #[test]
    fn a_standing_claim_is_answered_at_once_and_a_free_ticket_waits_for_its_lock() {
        let env = TestEnv::new();
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder"]);
        for id in ["T", "free"] {
            let script = format!(
                "exec 9>&2; yoi-claim ticket-lock {id} -- sh -c '
                   unset YOI_TICKET_LOCK YOI_LAUNCHER YOI_CLAIM_NONCE
                   yoi-claim claim-commit {id} --pod p --role coder --wait 0; echo $?
                   yoi-claim claim-commit {id} --pod q --role coder --wait 0; echo $?'"
            );
            let outcome = run(&mut env.shell(&script), 0);
            assert_eq!(outcome.stdout, if id == "T" { "0\n1\n" } else { "3\n3\n" }, "{outcome:?}");
        }
        assert_eq!(says(&env, &["claim-list"]), "T\tp\tcoder\t1\tstale\n");
    }

    #[test]
    fn what_holds_the_lock_is_named() {
        let env = TestEnv::new();
        let script = "yoi-claim ticket-lock T --pod p -- sh -c '
            unset YOI_TICKET_LOCK YOI_LAUNCHER YOI_CLAIM_NONCE
            exec yoi-claim claim-commit T --pod p --role coder --wait 0.01'";
        let said = run(&mut env.shell(script), 3).stderr;
        let lock = env.registry().ticket_lock_path(&ticket("T"));
        let begin = format!("yoi-claim: '{}' is locked by ticket-lock for Pod p, pid ", lock.display());
        assert!(said.starts_with(&begin), "{said}");
    }

    #[test]
    fn evidence_of_a_pod_needs_its_offer() {
        let env = TestEnv::new();
        let commit = ["claim-commit", "T", "--pod", "p", "--role", "coder", "--evidence", "user_message"];
        let needs =
            "evidence user_message needs the nonce of the attempt (--nonce, or YOI_CLAIM_NONCE under ticket-lock)\n";
        assert_eq!(refused(&env, &commit, 2), needs);
        let with_nonce = [&commit[..], &["--nonce", "00000000000000000000000000000001"]].concat();
        assert_eq!(refused(&env, &with_nonce, 4), "Pod p gave up ticket T before its claim was committed\n");
        assert_eq!(says(&env, &["claim-list"]), "");
    }

    #[test]
    fn a_completed_claim_is_handed_over_to_a_live_pod_only() {
        let env = TestEnv::with_sample();
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "intake"]);
        let hand_over = |expect: &'static str, to: &'static str| {
            ["claim-commit", "T", "--pod", to, "--role", "coder", "--expect", expect]
        };
        assert_eq!(refused(&env, &hand_over("1", "next"), 1), "the work of Pod p on ticket T is not completed\n");
        quiet(&env, &["claim-complete", "T", "--expect", "1"]);
        let not_live = "Pod next is not live, and a claim is handed over only to a live Pod\n";
        assert_eq!(refused(&env, &hand_over("1", "next"), 1), not_live);
        live_pod(&env, "next", "coder");
        let moved = "ticket T has another claim: expected 2, found generation 1 of Pod p\n";
        assert_eq!(refused(&env, &hand_over("2", "next"), 1), moved);
        let first = nonce(&env, "T");
        quiet(&env, &hand_over("1", "next"));
        assert_eq!(says(&env, &["claim-list"]), "T\tnext\tcoder\t2\tlive\n");
        let claim = env.registry().claim(&ticket("T")).unwrap().unwrap();
        assert_eq!((claim.completed_at, claim.previous.len()), (None, 1));
        assert_eq!((claim.previous[0].pod.as_str(), claim.previous[0].generation), ("p", 1));
        assert_ne!(nonce(&env, "T"), first);
        // Once more is already so; to somebody else it is too late.
        quiet(&env, &hand_over("1", "next"));
        let gone = "ticket T has another claim: expected 1, found generation 2 of Pod next\n";
        assert_eq!(refused(&env, &hand_over("1", "third"), 1), gone);
        // Nor is a live holder's work taken away, be it completed.
        quiet(&env, &["claim-complete", "T", "--expect", "2"]);
        live_pod(&env, "third", "reviewer");
        assert_eq!(
            refused(&env, &["claim-commit", "T", "--pod", "third", "--role", "reviewer", "--expect", "2"], 1),
            "ticket T is held by Pod next, which is live\n"
        );
        env.stop("next");
        env.stop("third");
    }

    #[test]
    fn wrong_usage() {
        let env = TestEnv::new();
        for wrong in [
            &["claim-commit", "T"][..],
            &["claim-commit", "--pod", "p", "--role", "coder"],
            &["claim-commit", "T", "--pod", "p", "--role", "boss"],
            &["claim-commit", "T", "--pod", "p", "--role", "coder", "--evidence", "hearsay"],
            &["claim-commit", "T", "--pod", "p", "--role", "coder", "--nonce", "1"],
            &["claim-commit", "T", "--pod", "p", "--role", "coder", "--expect", "0"],
            &["claim-commit", "T", "--pod", "p", "--role", "coder", "--wait", "-1"],
            &["claim-comit", "T"],
            &[],
        ] {
            refused(&env, wrong, 2);
        }
        assert_eq!(tree(&env.data()).len(), 0);
    }
}

mod claims {
    use super::*;

    /// Claims of all statuses but unknown: stale by hand, completed and stopped, live, launching.
    fn several() -> TestEnv {
        let env = TestEnv::with_sample();
        quiet(&env, &["claim-commit", "by hand", "--pod", "tab\\pod", "--role", "reviewer"]);
        run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
        env.wait_for_processes();
        run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
        env
    }

    #[test]
    fn are_listed_with_the_status_of_this_moment() {
        let env = several();
        let (one, two) = (format!("intake-{COMPLETE}"), format!("intake-{INCOMPLETE}"));
        let lines = [
            format!("{COMPLETE}\t{one}\tintake\t1\trestorable\n"),
            format!("{INCOMPLETE}\t{two}\tintake\t1\tlive\n"),
            "by hand\ttab\\\\pod\treviewer\t1\tstale\n".to_owned(),
        ];
        assert_eq!(says(&env, &["claim-list"]), lines.concat());
        for (status, line) in [("restorable", &lines[0]), ("live", &lines[1]), ("stale", &lines[2])] {
            assert_eq!(&says(&env, &["claim-list", "--status", status]), line);
        }
        quiet(&env, &["claim-list", "--status", "unknown"]);
        for (id, line) in [(COMPLETE, &lines[0]), (INCOMPLETE, &lines[1]), ("by hand", &lines[2])] {
            assert_eq!(&says(&env, &["claim-show", id]), line);
        }
        assert_eq!(says(&env, &["claim-list", "-z", "--status", "stale"]), "by hand\ttab\\pod\treviewer\t1\tstale\0");
        assert_eq!(
            says(&env, &["claim-list", "--format", "{role}:{ticket}\\t{completed_at}"]).lines().nth(1).unwrap(),
            format!("intake:{INCOMPLETE}\t-")
        );
        // A launch in flight has no claim.
        let script =
            "yoi-claim ticket-lock new -- sh -c 'yoi-claim claim-list --status launching; yoi-claim claim-show new'";
        assert_eq!(run(&mut env.shell(script), 0).stdout, "new\t-\t-\t-\tlaunching\n".repeat(2));
        assert_eq!(refused(&env, &["claim-show", "new"], 1), "ticket new has no claim\n");
        env.stop(&two);
    }

    #[test]
    fn are_shown_as_json_with_every_field() {
        let env = TestEnv::new().with_clock("2026-06-07T22:02:25Z");
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder", "--session", "s"]);
        let one: Value = serde_json::from_str(&says(&env, &["claim-show", "T", "--json"])).unwrap();
        assert_eq!((&one["schema"], &one["kind"]), (&json!(1), &json!("claim")));
        insta::assert_snapshot!(env.normalise(&one["item"].to_string()), @r#"{"ticket":"T","pod":"p","role":"coder","generation":1,"status":"stale","completed_at":null,"accepted_at":"TIME","evidence":"manual","nonce":"NONCE","expect":"1:NONCE","pod_id":null,"session":"s","previous":[],"reason":"no lock is held, and Pod p has no record"}"#);
        let all: Value = serde_json::from_str(&says(&env, &["claim-list", "--json"])).unwrap();
        assert_eq!(all, json!({ "schema": 1, "kind": "claim", "items": [one["item"]] }));
        let none: Value = serde_json::from_str(&says(&env, &["claim-list", "--json", "--status", "live"])).unwrap();
        assert_eq!(none, json!({ "schema": 1, "kind": "claim", "items": [] }));
        // Errors, too.
        let free = verb(&env, &["claim-show", "free", "--json"], 1);
        let error: Value = serde_json::from_str(&free.stderr).unwrap();
        assert!(error.to_string().contains("ticket free has no claim"), "{error}");
    }

    #[test]
    fn wrong_usage() {
        let env = TestEnv::new();
        for wrong in [
            &["claim-show"][..],
            &["claim-show", "A", "B"],
            &["claim-list", "--status", "dead"],
            &["claim-check", "T"],
            &["claim-check", "T", "--expect", "x"],
            &["claim-complete", "T"],
            &["claim-release", "T", "--expect", "1"],
        ] {
            refused(&env, wrong, 2);
        }
        let both = verb(&env, &["claim-list", "--json", "-z"], 2);
        let error: Value = serde_json::from_str(&both.stderr).unwrap();
        assert_eq!((both.stdout.as_str(), &error["kind"], &error["item"]["exit"]), ("", &json!("error"), &json!(2)));
        assert_eq!(
            refused(&env, &["claim-list", "--format", "{tikcet}"], 2),
            "a claim has no field \"tikcet\"; it has ticket, pod, role, generation, status, completed_at, accepted_at, \
             evidence, nonce, expect, pod_id, session, previous, reason\n"
        );
    }

    #[test]
    fn are_checked_completed_and_released_by_generation_and_nonce() {
        let env = TestEnv::new();
        let none = "ticket T has no claim\n";
        for words in [&["claim-check", "T"][..], &["claim-complete", "T"], &["claim-release", "T", "--reason", "r"]] {
            assert_eq!(refused(&env, &[words, &["--expect", "1"]].concat(), 1), none);
        }
        quiet(&env, &["claim-commit", "T", "--pod", "p", "--role", "coder"]);
        let nonce = nonce(&env, "T");
        let exact = format!("1:{nonce}");
        let other_nonce = format!("1:{:032x}", 1);
        for expect in ["2", &other_nonce] {
            let moved = format!("ticket T has another claim: expected {expect}, found generation 1 of Pod p\n");
            for words in [&["claim-check", "T"][..], &["claim-complete", "T"], &["claim-release", "T", "--reason", "r"]]
            {
                assert_eq!(refused(&env, &[words, &["--expect", expect]].concat(), 1), moved);
            }
        }
        for expect in ["1", &exact] {
            quiet(&env, &["claim-check", "T", "--expect", expect]);
        }

        quiet(&env, &["claim-complete", "T", "--expect", &exact]);
        let completed = fs::read(env.registry().claim_path(&ticket("T"))).unwrap();
        let claim = env.registry().claim(&ticket("T")).unwrap().unwrap();
        assert!(claim.completed_at.is_some());
        assert_eq!((claim.generation, claim.nonce.to_string()), (1, nonce));
        quiet(&env, &["claim-complete", "T", "--expect", "1"]);
        assert_eq!(fs::read(env.registry().claim_path(&ticket("T"))).unwrap(), completed);
        quiet(&env, &["claim-check", "T", "--expect", &exact]);

        quiet(&env, &["claim-release", "T", "--expect", &exact, "--reason", "its work is done"]);
        assert_eq!(fs::read(env.registry().tombstone_path(&ticket("T"))).unwrap(), completed);
        assert_eq!(refused(&env, &["claim-check", "T", "--expect", &exact], 1), none);
        // A repeat changes nothing. Who comes second is told who was first; of another claim than the last one there is nothing to tell.
        quiet(&env, &["claim-release", "T", "--expect", &exact, "--reason", "its work is done"]);
        let second = refused(&env, &["claim-release", "T", "--expect", &exact, "--reason", "r"], 1);
        let first = format!("tester released the claim on ticket T first (generation {exact}), at ");
        assert!(second.starts_with(&first), "{second}");
        assert!(second.ends_with(" (its work is done); the ticket is free now\n"), "{second}");
        assert_eq!(refused(&env, &["claim-release", "T", "--expect", "2", "--reason", "r"], 1), none);
        let line = env.registry().journal(Some(&ticket("T"))).unwrap().pop().unwrap();
        assert_eq!((line.entry.action.as_str(), line.entry.why.as_deref()), ("release", Some("its work is done")));
        // The generation goes on growing, and who held it before is known.
        for generation in 2..5_u64 {
            let (pod, expect) = (format!("p{generation}"), generation.to_string());
            quiet(&env, &["claim-commit", "T", "--pod", &pod, "--role", "coder"]);
            let claim = env.registry().claim(&ticket("T")).unwrap().unwrap();
            assert_eq!((claim.generation, claim.previous.len() as u64), (generation, generation - 1));
            assert_eq!(claim.previous[0].generation, generation - 1);
            quiet(&env, &["claim-release", "T", "--expect", &expect, "--reason", "again"]);
        }
    }

    #[test]
    fn of_a_live_pod_are_released_by_that_pod_alone() {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet("intake");
        run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
        puppet.begun();
        let name = format!("intake-{COMPLETE}");
        let release = ["claim-release", COMPLETE, "--expect", "1", "--reason", "I want it"];
        let live = format!("ticket {COMPLETE} is held by Pod {name}, which is live\n");
        assert_eq!(refused(&env, &release, 1), live);
        // From inside a Pod another's claim is not touched, be it stale.
        quiet(&env, &["claim-commit", "T", "--pod", "gone", "--role", "coder"]);
        let (status, said) = puppet.sh("yoi-claim claim-release T --expect 1 --reason 'I want it'");
        let not_own = "cannot release the claim on ticket T from inside a Pod: it is not that Pod's own\n";
        assert_eq!((status, said), (1, format!("yoi-claim: {not_own}")));
        // Nor by saying that this is no Pod.
        let (status, said) =
            puppet.sh("env -u YOI_POD -u YOI_CLAIM yoi-claim claim-release T --expect 1 --reason 'I want it'");
        assert_eq!((status, said), (1, format!("yoi-claim: {not_own}")));
        let (status, said) = puppet.sh("yoi-claim claim-release $YOI_TICKET --expect 2 --reason 'not mine'");
        assert_eq!(status, 1, "{said}");
        let (status, said) = puppet.sh("yoi-claim claim-release $YOI_TICKET --expect $YOI_CLAIM --reason 'no use'");
        assert_eq!((status, said.as_str()), (0, ""));
        assert_eq!(says(&env, &["claim-list"]), "T\tgone\tcoder\t1\tstale\n");
        puppet.answer("done", 0);
        env.stop(&name);
    }
}

mod sessions {
    use super::*;

    #[test]
    fn are_recorded_extended_shown_and_listed() {
        let env = TestEnv::new();
        quiet(&env, &["session-list"]);
        assert_eq!(refused(&env, &["session-show", "p"], 1), "Pod p has no session record\n");
        let record = ["session-record", "p", "--role", "coder", "--origin", "role_launch"];
        quiet(&env, &record);
        assert_eq!(says(&env, &["session-show", "p"]), "p\tcoder\trole_launch\t-\n");
        quiet(&env, &[&record[..], &["--ticket", "B", "--ticket", "A"]].concat());
        quiet(&env, &[&record[..], &["--ticket", "C", "--ticket", "A", "--session", "s"]].concat());
        assert_eq!(says(&env, &["session-show", "p"]), "p\tcoder\trole_launch\tB,A,C\n");
        assert_eq!(says(&env, &["session-show", "p", "--format", "{session}"]), "s\n");
        quiet(&env, &["session-record", "o", "--role", "intake", "--origin", "pre_ticket_intake"]);
        assert_eq!(says(&env, &["session-list"]), "o\tintake\tpre_ticket_intake\t-\np\tcoder\trole_launch\tB,A,C\n");
        let all: Value = serde_json::from_str(&says(&env, &["session-list", "--json"])).unwrap();
        assert_eq!(all["items"][1]["related_tickets"], json!(["B", "A", "C"]));
        assert_eq!(all["items"][0]["related_tickets"], json!([]));
    }

    #[test]
    fn what_is_recorded_stays_as_it_is() {
        let env = TestEnv::new();
        quiet(&env, &["session-record", "p", "--role", "coder", "--origin", "role_launch", "--ticket", "A"]);
        let path = env.registry().session_path(&pod("p"));
        let before = fs::read(&path).unwrap();
        quiet(&env, &["session-record", "p", "--role", "coder", "--origin", "role_launch", "--ticket", "A"]);
        assert_eq!(fs::read(&path).unwrap(), before);
        quiet(&env, &["session-record", "p", "--role", "coder", "--origin", "ticket_claim", "--ticket", "B"]);
        assert_eq!(says(&env, &["session-show", "p"]), "p\tcoder\trole_launch\tA,B\n");
    }

    #[test]
    fn wrong_usage() {
        let env = TestEnv::new();
        for wrong in [
            &["session-record", "p"][..],
            &["session-record", "p", "--role", "coder"],
            &["session-record", "p", "--role", "coder", "--origin", "heaven"],
            &["session-record", "p", "--role", "coder", "--origin", "role_launch", "--ticket", ""],
            &["session-show"],
            &["session-list", "p"],
        ] {
            refused(&env, wrong, 2);
        }
        assert_eq!(tree(&env.data()).len(), 0);
    }
}

mod ticket_lock {
    use super::*;

    #[test]
    fn the_status_is_that_of_the_command() {
        let env = TestEnv::new();
        for (script, status) in [("true", 0), ("exit 1", 1), ("exit 3", 3), ("exit 255", 255)] {
            run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", script]), status);
        }
        for (signal, status) in [("TERM", 143), ("KILL", 137), ("INT", 130)] {
            run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", &format!("kill -{signal} $$")]), status);
        }
        let missing = refused(&env, &["ticket-lock", "T", "--", "/no/such/program"], 128);
        assert_eq!(missing, "cannot start '/no/such/program': No such file or directory (os error 2)\n");
        for wrong in [
            &["ticket-lock", "T"][..],
            &["ticket-lock", "T", "--"],
            &["ticket-lock", "T", "true"],
            &["ticket-lock", "--", "true"],
        ] {
            refused(&env, wrong, 2);
        }
    }

    #[test]
    fn the_command_gets_its_words_and_streams_as_they_are() {
        let env = TestEnv::new();
        let outcome = run(
            &mut env.shell("echo in | yoi-claim ticket-lock T -- sh -c 'cat; printf \"%s|\" \"$@\"; echo err >&2' sh 'a b' '' --wait '*'"),
            0,
        );
        assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("in\na b||--wait|*|", "err\n"));
    }

    #[test]
    fn a_ticket_in_flight_elsewhere_is_busy_and_another_is_not() {
        let env = TestEnv::new();
        let script = "yoi-claim ticket-lock T --pod p -- sh -c '
            yoi-claim ticket-lock U -- echo other
            yoi-claim ticket-lock T -- echo same; echo $?
            yoi-claim ticket-lock T --wait 0.01 -- echo same; echo $?'";
        let outcome = run(&mut env.shell(script), 0);
        assert_eq!(outcome.stdout, "other\n3\n3\n");
        assert_eq!(
            outcome.stderr.matches("yoi-claim: ticket T is in flight: ticket-lock for Pod p, pid ").count(),
            2,
            "{outcome:?}"
        );
        run(&mut env.yoi_claim(["ticket-lock", "T", "--", "true"]), 0);
    }

    #[test]
    fn it_waits_for_its_turn() {
        let env = TestEnv::new();
        let fifo = env.root().join("fifo");
        run(env.command("mkfifo").arg(&fifo), 0);
        let mut first =
            env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", "echo >begun; read -r _ <../fifo"]).spawn().unwrap();
        env.wait_for("the first one", || env.workspace().join("begun").exists().then_some(()));
        let mut second = env.yoi_claim(["ticket-lock", "T", "--wait", "30", "--", "touch", "second"]).spawn().unwrap();
        run(&mut env.yoi_claim(["ticket-lock", "T", "--", "true"]), 3);
        assert!(!env.workspace().join("second").exists());
        fs::write(&fifo, "\n").unwrap();
        assert!(first.wait().unwrap().success() && second.wait().unwrap().success());
        assert!(env.workspace().join("second").exists());
    }

    #[test]
    fn the_three_variables_are_what_they_say() {
        let env = TestEnv::new();
        let script = "
            [ $YOI_TICKET_LOCK -ge 10 ] && [ $YOI_LAUNCHER -ge 10 ] && echo numbers
            readlink /proc/self/fd/$YOI_TICKET_LOCK
            readlink /proc/self/fd/$YOI_LAUNCHER
            echo $YOI_CLAIM_NONCE
            ls /proc/self/fd | wc -l";
        let lock = env.registry().ticket_lock_path(&ticket("T"));
        let said = run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", script]), 0).stdout;
        let lines: Vec<&str> = said.lines().collect();
        assert_eq!(&lines[..2], ["numbers", lock.to_str().unwrap()]);
        assert!(lines[2].starts_with("pipe:["), "{said}");
        assert!(lines[3].len() == 32 && lines[3].bytes().all(|byte| byte.is_ascii_hexdigit()), "{said}");
        // The two besides what the command would have anyway, and nothing else of ours.
        let anyway: u32 = run(&mut env.shell("ls /proc/self/fd | wc -l"), 0).stdout.trim().parse().unwrap();
        assert_eq!(lines[4].parse(), Ok(anyway + 2));
        let again = run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", "echo $YOI_CLAIM_NONCE"]), 0).stdout;
        assert_ne!(again.trim(), lines[3], "each attempt has a nonce of its own");
    }

    #[test]
    fn nested_locks_do_not_close_each_other() {
        let env = TestEnv::new();
        let script = "yoi-claim ticket-lock T -- sh -ec '
            yoi-claim ticket-lock U -- sh -ec \"
                yoi-claim claim-commit U --pod p --role coder --wait 0
                yoi-claim claim-list\"
            yoi-claim claim-commit T --pod p --role coder --wait 0'";
        assert_eq!(run(&mut env.shell(script), 0).stdout, "T\t-\t-\t-\tlaunching\nU\tp\tcoder\t1\tstale\n");
        assert_eq!(says(&env, &["claim-list"]), "T\tp\tcoder\t1\tstale\nU\tp\tcoder\t1\tstale\n");
    }

    /// A variable that lies is an error for every verb on that ticket, and nothing is done.
    #[test]
    fn a_variable_that_lies_is_an_error() {
        let env = TestEnv::with_sample();
        let verbs = [
            "claim-commit T --pod p --role coder",
            "claim-release T --expect 1 --reason r",
            "session-record p --role coder --origin ticket_claim --ticket T",
            "pod-spawn p --role intake --profile builtin:checklist --ticket T",
        ];
        quiet(&env, &["session-record", "o", "--role", "coder", "--origin", "role_launch"]);
        let before = tree(&env.registry().dir().join("claims"));
        for lie in [
            "export YOI_TICKET_LOCK=9",
            "export YOI_TICKET_LOCK=99",
            "export YOI_TICKET_LOCK=-1",
            "export YOI_TICKET_LOCK=x",
            "export YOI_TICKET_LOCK=$YOI_LAUNCHER",
            "export YOI_LAUNCHER=$YOI_TICKET_LOCK",
            "export YOI_LAUNCHER=99",
            "unset YOI_TICKET_LOCK",
            "unset YOI_LAUNCHER",
            "unset YOI_CLAIM_NONCE",
            "export YOI_CLAIM_NONCE=1",
            // The lock file, opened anew: it is the file, and does not hold the lock.
            "exec 9<>\"$(readlink /proc/self/fd/$YOI_TICKET_LOCK)\"; dup=12; eval \"exec $dup<&9\" 2>/dev/null; export YOI_TICKET_LOCK=$dup",
        ] {
            for verb in verbs {
                let script = format!("yoi-claim ticket-lock T -- bash -c '{lie}; exec yoi-claim {verb}'");
                let outcome = run(&mut env.shell(&script), 2);
                assert_eq!(outcome.stdout, "");
                assert!(outcome.stderr.contains("YOI_"), "{lie}: {verb}: {outcome:?}");
            }
        }
        assert_eq!(tree(&env.registry().dir().join("claims")), before);
        assert_eq!(env.listed("session-list").lines().count(), 1);
        assert_eq!(env.processes().len(), 0);
    }

    #[test]
    fn the_lock_of_one_ticket_is_not_that_of_another() {
        let env = TestEnv::new();
        // A verb on another ticket takes that one's lock itself.
        let script = "yoi-claim ticket-lock T -- yoi-claim claim-commit U --pod p --role coder";
        run(&mut env.shell(script), 0);
        assert_eq!(says(&env, &["claim-list"]), "U\tp\tcoder\t1\tstale\n");
    }

    #[test]
    fn a_background_process_that_keeps_the_descriptor_keeps_the_ticket_in_flight_and_why_names_it() {
        let env = TestEnv::with_sample();
        let fifo = env.root().join("fifo");
        run(env.command("mkfifo").arg(&fifo), 0);
        let script = format!(
            "setsid sh -c 'echo $$ >pid; read -r _ <\"{}\"' >/dev/null 2>&1 & while [ ! -s pid ]; do :; done",
            fifo.display()
        );
        let outcome = run(&mut env.yoi_claim(["ticket-lock", COMPLETE, "--", "sh", "-c", &script]), 0);
        let warning = format!(
            "yoi-claim: ticket {COMPLETE} is still in flight: a process keeps its lock open (ticket-lock, pid "
        );
        assert!(outcome.stderr.starts_with(&warning), "{outcome:?}");
        let holder = fs::read_to_string(env.workspace().join("pid")).unwrap();
        for _ in 0..2 {
            run(&mut env.yoi_claim(["ticket-lock", COMPLETE, "--", "true"]), 3);
            run(&mut env.yoi(["-q", "intake", COMPLETE]), 3);
        }
        assert_eq!(says(&env, &["claim-list"]), format!("{COMPLETE}\t-\t-\t-\tlaunching\n"));
        let why = run(&mut env.yoi(["why", COMPLETE]), 0).stdout;
        let named = why.lines().find(|line| line.contains("has it open")).unwrap_or_else(|| panic!("{why}"));
        assert!(named.contains(holder.trim()), "{why}");
        fs::write(&fifo, "\n").unwrap();
        env.wait_for_processes();
        run(&mut env.yoi_claim(["ticket-lock", COMPLETE, "--", "true"]), 0);
    }
}

mod launch_plan {
    use super::*;

    #[test]
    fn is_deterministic_and_touches_nothing() {
        let env = TestEnv::with_sample();
        let before = tree(env.root());
        let arguments = ["launch-plan", "--role", "intake", "--ticket", COMPLETE, "--instruction", "-look at --this\n"];
        let plan = says(&env, &arguments);
        assert_eq!(says(&env, &arguments), plan);
        assert_eq!(
            run(env.yoi_claim(arguments).env("YOI_CLOCK", "2001-01-01T00:00:00Z").env("USER", "other"), 0).stdout,
            plan
        );
        assert_eq!(tree(env.root()), before);
        let plan: Value = serde_json::from_str(&plan).unwrap();
        assert_eq!((&plan["role"], &plan["pod"]), (&json!("intake"), &json!(format!("intake-{COMPLETE}"))));
        assert_eq!(plan["profile"], json!("builtin:checklist"));
        assert_eq!(plan["input"][0]["kind"], json!("workflow_invoke"));
        assert_eq!(plan["input"][1]["kind"], json!("text"));
        assert!(plan["input"][1]["content"].as_str().unwrap().contains("-look at --this"), "{plan}");
    }

    #[test]
    fn every_role_plans_and_a_companion_does_not() {
        let env = TestEnv::with_sample();
        for role in ["intake", "orchestrator", "coder", "reviewer", "investigator"] {
            let plan: Value = serde_json::from_str(&says(&env, &["launch-plan", "--role", role])).unwrap();
            assert_eq!(plan["role"], json!(role));
            let named: Value =
                serde_json::from_str(&says(&env, &["launch-plan", "--role", role, "--pod", "x"])).unwrap();
            assert_eq!(named["pod"], json!("x"));
        }
        refused(&env, &["launch-plan", "--role", "companion"], 2);
        refused(&env, &["launch-plan"], 2);
        fs::write(env.workspace().join(".yoi/ticket.config.toml"), "[rolls]\n").unwrap();
        let said = env.normalise(&refused(&env, &["launch-plan", "--role", "intake"], 2));
        assert!(said.contains("$ROOT/work/.yoi/ticket.config.toml:1") && said.contains("\"roles\""), "{said}");
    }
}

mod pods {
    use super::*;

    #[test]
    fn are_spawned_run_confirmed_and_shut_down_by_hand() {
        let env = TestEnv::with_sample();
        let spawn = ["pod-spawn", "p", "--role", "intake", "--profile", "builtin:checklist"];
        let socket = env.registry().socket_path(&pod("p"));
        assert_eq!(says(&env, &spawn), format!("p\t{}\n", socket.display()));
        assert_eq!(refused(&env, &spawn, 1), "the name p is taken\n");
        assert_eq!(says(&env, &["pod-status", "p"]), "p\tintake\tlaunching\n");
        quiet(&env, &["pod-confirm", "p"]);
        quiet(&env, &["pod-confirm", "p"]);
        assert_eq!(says(&env, &["pod-status", "p"]), "p\tintake\tidle\n");
        assert_eq!(says(&env, &["pod-list"]), "p\tintake\tidle\n");
        let input = env.root().join("input");
        for text in ["hello", "[{\"kind\":\"text\",\"content\":\"hello\"}]", "[{\"kind\":\"unheard of\"}]"] {
            fs::write(&input, text).unwrap();
            assert_eq!(says(&env, &["pod-run", "p", "--input", input.to_str().unwrap()]), "user_message\n");
        }
        quiet(&env, &["pod-shutdown", "p"]);
        quiet(&env, &["pod-shutdown", "p"]);
        assert_eq!(env.processes().len(), 0);
        assert_eq!(says(&env, &["pod-status", "p"]), "p\tintake\trestorable\n");
        assert_eq!(refused(&env, &["pod-run", "p", "--input", input.to_str().unwrap()], 1), "Pod p does not run\n");
        assert_eq!(refused(&env, &["pod-confirm", "p"], 1), "Pod p does not run\n");
        assert_eq!(refused(&env, &spawn, 1), "the name p is taken\n");
    }

    #[test]
    fn that_are_not_there_are_refused() {
        let env = TestEnv::with_sample();
        for words in
            [&["pod-status", "p"][..], &["pod-confirm", "p"], &["pod-shutdown", "p"], &["shutdown-after-idle", "p"]]
        {
            assert_eq!(refused(&env, words, 1), "there is no Pod p\n");
        }
        let run_it = run(&mut env.shell("echo hello | yoi-claim pod-run p"), 1);
        assert_eq!(run_it.stderr, "yoi-claim: there is no Pod p\n");
        quiet(&env, &["pod-list"]);
        assert_eq!(says(&env, &["pod-list", "--json"]), "{\"schema\":1,\"kind\":\"pod\",\"items\":[]}\n");
        assert_eq!(tree(&env.data()).len(), 0);
    }

    #[test]
    fn on_a_ticket_are_spawned_only_under_its_lock() {
        let env = TestEnv::with_sample();
        let spawn = ["pod-spawn", "p", "--role", "intake", "--profile", "builtin:checklist", "--ticket", COMPLETE];
        let said = refused(&env, &spawn, 2);
        let only = format!("cannot launch on ticket {COMPLETE}: --ticket works only under ticket-lock {COMPLETE}\n");
        assert_eq!(said, only);
        // The lock of another ticket is not that one.
        let under_another = [&["ticket-lock", "T", "--", "yoi-claim"][..], &spawn].concat();
        assert_eq!(refused(&env, &under_another, 2), only);
        // Claimed tickets are not spawned on, whoever holds the lock.
        quiet(&env, &["claim-commit", COMPLETE, "--pod", "other", "--role", "coder"]);
        let under = [&["ticket-lock", COMPLETE, "--", "yoi-claim"][..], &spawn].concat();
        let stale = format!("Ticket {COMPLETE} has a stale local Coder claim for other\n");
        assert!(refused(&env, &under, 1).starts_with(&stale));
        assert_eq!(env.processes().len(), 0);
        assert_eq!(names(&env.registry().dir().join("pods")), Vec::<String>::new());
    }

    #[test]
    fn a_launch_by_script_keeps_its_own_steps_to_itself() {
        let env = TestEnv::with_sample();
        let script = format!(
            "yoi-claim ticket-lock {INCOMPLETE} -- sh -c '
               yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket {INCOMPLETE} >/dev/null
               echo hello >input
               wrong=00000000000000000000000000000001
               for do in \"pod-run p --input input\" \"pod-confirm p\"; do
                 YOI_CLAIM_NONCE=$wrong yoi-claim $do 2>&1; echo $?
                 env -u YOI_CLAIM_NONCE yoi-claim $do 2>&1; echo $?
               done
               yoi-claim pod-confirm p 2>&1; echo $?
               yoi-claim pod-run p --input input
               yoi-claim pod-confirm p 2>&1; echo $?
               YOI_CLAIM_NONCE=$wrong yoi-claim claim-commit {INCOMPLETE} --pod p --role intake --evidence user_message 2>&1; echo $?
               yoi-claim claim-list
               yoi-claim claim-commit {INCOMPLETE} --pod p --role intake --evidence user_message; echo $?
               yoi-claim pod-confirm p; echo $?
               yoi-claim pod-confirm p; echo $?'"
        );
        let outcome = run(&mut env.shell(&script), 0);
        assert_eq!(
            outcome.stdout.lines().collect::<Vec<_>>(),
            [
                "yoi-claim: the nonce is not that of the attempt that launched this Pod",
                "4",
                "yoi-claim: the nonce is not that of the attempt that launched this Pod",
                "4",
                "yoi-claim: the nonce is not that of the attempt that launched this Pod",
                "4",
                "yoi-claim: the nonce is not that of the attempt that launched this Pod",
                "4",
                "yoi-claim: the claim does not name this Pod and this attempt",
                "4",
                "user_message",
                "yoi-claim: the claim does not name this Pod and this attempt",
                "4",
                "yoi-claim: Pod p gave up ticket 20260118-101544-001 before its claim was committed",
                "4",
                "20260118-101544-001\t-\t-\t-\tlaunching",
                "0",
                "0",
                "0",
            ]
        );
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\tp\tintake\t1\tlive\n"));
        env.stop("p");
    }

    #[test]
    fn a_turn_is_waited_for_unless_it_is_to_be_now() {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet("intake");
        run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
        puppet.begun();
        let name = format!("intake-{COMPLETE}");
        assert_eq!(says(&env, &["pod-status", &name]), format!("{name}\tintake\trunning\n"));
        assert_eq!(
            refused(&env, &["pod-shutdown", &name, "--wait", "0.01"], 3),
            format!("Pod {name} has not ended yet\n")
        );
        assert_eq!(says(&env, &["pod-status", &name]), format!("{name}\tintake\tstopping\n"));
        quiet(&env, &["pod-shutdown", &name, "--now"]);
        assert_eq!(env.processes().len(), 0);
        assert_eq!(env.history(&name).iter().filter(|entry| entry["data"]["outcome"] == "cancelled").count(), 2);
    }

    #[test]
    fn wrong_usage() {
        let env = TestEnv::with_sample();
        let plan = env.root().join("plan");
        fs::write(&plan, "{}").unwrap();
        let plan = plan.to_str().unwrap();
        for wrong in [
            &["pod-spawn", "p"][..],
            &["pod-spawn", "p", "--role", "intake"],
            &["pod-spawn", "p", "--role", "boss", "--profile", "builtin:checklist"],
            &["pod-run"],
            &["pod-run", "p", "--plan", plan, "--input", plan],
            &["pod-run", "p", "--plan", plan],
            &["pod-run", "p", "--accept-timeout", "soon"],
            &["pod-run", "p"],
            &["pod-confirm"],
            &["pod-status"],
            &["pod-list", "p"],
            &["pod-shutdown", "p", "--later"],
            &["shutdown-after-idle"],
        ] {
            refused(&env, wrong, 2);
        }
        let missing = env.root().join("missing");
        refused(&env, &["pod-run", "p", "--input", missing.to_str().unwrap()], 128);
        refused(&env, &["pod-spawn", "p", "--role", "intake", "--profile", "builtin:nope"], 4);
        refused(&env, &["pod-spawn", "p", "--role", "companion", "--profile", "builtin:checklist"], 2);
        assert_eq!(names(&env.runtime()), Vec::<String>::new());
        assert_eq!(env.processes().len(), 0);
    }
}

mod workspace_key {
    use super::*;

    fn key(env: &TestEnv, directory: &Path) -> String {
        let said = run(env.yoi_claim(["workspace-key"]).current_dir(directory), 0).stdout;
        let (key, registry) = said.strip_suffix('\n').unwrap().split_once('\t').unwrap();
        assert_eq!(PathBuf::from(registry), env.data().join("workspaces").join(key));
        assert_eq!(run(env.yoi_claim(["workspace-key", "-C"]).arg(directory).current_dir("/"), 0).stdout, said);
        key.to_owned()
    }

    fn git(env: &TestEnv, directory: &Path, arguments: &[&str]) {
        let mut git = env.command("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]);
        git.args(arguments).current_dir(directory);
        run(git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1"), 0);
    }

    #[test]
    fn is_that_of_the_nearest_root_and_touches_nothing() {
        let env = TestEnv::with_sample();
        let deep = env.workspace().join("a/b");
        fs::create_dir_all(&deep).unwrap();
        let before = tree(env.root());
        let root = key(&env, &env.workspace());
        assert!(root.starts_with("work-") && root.len() == "work-".len() + 16, "{root}");
        assert_eq!(key(&env, &deep), root);
        assert_eq!(tree(env.root()), before);
        assert_ne!(key(&env, env.root()), root);
        refused(&env, &["workspace-key", "x"], 2);
        refused(&env, &["-C", "/no/such/directory", "workspace-key"], 128);
    }

    #[test]
    fn symlinked_paths_share_it_and_moved_ones_do_not() {
        let env = TestEnv::with_sample();
        let root = key(&env, &env.workspace());
        let link = env.root().join("link");
        std::os::unix::fs::symlink(env.workspace(), &link).unwrap();
        assert_eq!(key(&env, &link), root);
        let moved = env.root().join("moved");
        fs::rename(env.workspace(), &moved).unwrap();
        let there = key(&env, &moved);
        assert!(there.starts_with("moved-") && there[6..] != root[5..], "{there}");
        fs::rename(&moved, env.workspace()).unwrap();
        assert_eq!(key(&env, &env.workspace()), root);
    }

    #[test]
    fn linked_worktrees_share_it_and_collide_on_a_ticket() {
        let env = TestEnv::with_sample();
        let main = env.workspace();
        git(&env, &main, &["init", "-q"]);
        fs::create_dir_all(main.join("crate/.yoi")).unwrap();
        fs::write(main.join("crate/.yoi/ticket.config.toml"), "").unwrap();
        git(&env, &main, &["add", "-A"]);
        git(&env, &main, &["commit", "-qm", "tickets"]);
        let linked = env.root().join("linked");
        git(&env, &main, &["worktree", "add", "-q", linked.to_str().unwrap()]);
        assert_eq!(key(&env, &linked), key(&env, &main));
        assert_eq!(key(&env, &linked.join("crate")), key(&env, &main.join("crate")));
        assert_ne!(key(&env, &main.join("crate")), key(&env, &main));
        run(env.yoi(["-q", "intake", INCOMPLETE, "--wait"]).current_dir(&linked), 0);
        let name = format!("intake-{INCOMPLETE}");
        let said = run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 1).stderr;
        assert!(said.ends_with(&format!("which is live\nhint: yoi attach {name}\n")), "{said}");
        env.stop(&name);
        // A clone is another repository.
        let clone = env.root().join("clone");
        git(&env, &main, &["clone", "-q", ".", clone.to_str().unwrap()]);
        assert_ne!(key(&env, &clone), key(&env, &main));
        // Without tickets of its own a linked worktree uses those of the main one.
        fs::remove_dir_all(linked.join(".yoi")).unwrap();
        assert_eq!(key(&env, &linked), key(&env, &main));
    }
}

/// Reading takes no lock and writes nothing.
#[test]
fn a_read_only_registry_can_be_listed() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    let name = format!("intake-{INCOMPLETE}");
    let script = "set -e
        mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" \"$1\" || exit 77
        ! touch \"$1/x\" 2>/dev/null || exit 77
        yoi-claim claim-list; yoi-claim claim-show \"$2\"; yoi-claim session-list; yoi-claim pod-list; yoi-claim workspace-key >/dev/null
        yoi-claim claim-check \"$2\" --expect 1
        yoi status >/dev/null; yoi why \"$2\" >/dev/null; yoi logs \"$3\" >/dev/null
        yoi-claim claim-commit new --pod p --role coder || echo $?";
    let mut unshared = env.command("unshare");
    unshared.args(["--mount", "--map-root-user", "sh", "-c", script, "sh"]).arg(env.data()).args([INCOMPLETE, &name]);
    let before = tree(&env.data());
    let outcome = Outcome::of(&mut unshared);
    if outcome.status == 77 || outcome.stderr.contains("unshare failed") {
        println!("skipped: a read-only mount is not to be had here: {}", outcome.stderr);
    } else {
        let outcome = outcome.assert_status(0);
        let claim = format!("{INCOMPLETE}\t{name}\tintake\t1\tlive\n");
        let said = format!("{claim}{claim}{name}\tintake\tticket_claim\t{INCOMPLETE}\n{name}\tintake\tidle\n128\n");
        assert_eq!(outcome.stdout, said);
        assert!(outcome.stderr.contains("Read-only file system"), "{outcome:?}");
        assert_eq!(tree(&env.data()), before);
    }
    env.stop(&name);
}
