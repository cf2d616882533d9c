//! What a person does about a claim whose Pod is gone: reclaim, by plumbing and by porcelain, and what `yoi why` says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::{Child, Command, Stdio};

use common::scene::{INCOMPLETE, names, pod, ticket};
use common::terminal::on_terminal;
use common::{Outcome, TestEnv, run};
use yoi::domain::Claim;

const POD: &str = "intake-20260118-101544-001";

fn claim(env: &TestEnv, id: &str) -> Option<Claim> {
    env.registry().claim(&ticket(id)).unwrap()
}

/// The fence of a ticket's claim.
fn fence(env: &TestEnv, id: &str) -> String {
    let claim = claim(env, id).unwrap();
    format!("{}:{}", claim.generation, claim.nonce)
}

/// A verb that ends with this status and says nothing where that is 0; gives what it said else.
#[track_caller]
fn verb(env: &TestEnv, line: &[&str], status: i32) -> String {
    let outcome = run(&mut env.yoi_claim(line), status);
    assert_eq!(outcome.stdout, "");
    outcome.stderr
}

/// A claim by hand, of a Pod that never was.
fn stale(env: &TestEnv, id: &str) -> String {
    verb(env, &["claim-commit", id, "--pod", "gone", "--role", "coder"], 0);
    fence(env, id)
}

/// A Pod on the sample's ticket that waits for an answer, stopped.
fn stopped() -> TestEnv {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["stop", POD]), 0);
    env
}

/// A Pod that runs, without a ticket.
fn live_pod(env: &TestEnv, name: &str, role: &str) {
    run(&mut env.yoi_claim(["pod-spawn", name, "--role", role, "--profile", "builtin:checklist"]), 0);
    verb(env, &["pod-confirm", name], 0);
}

/// Nothing that was said leads an agent to evict another.
#[track_caller]
fn names_no_way_to_evict(said: &str) {
    for word in ["reclaim ", "claim-release", "--force", "rm "] {
        assert!(!said.contains(word), "{word:?} in {said}");
    }
}

mod claim_reclaim {
    use super::*;

    #[test]
    fn frees_a_ticket_whose_pod_is_gone_and_the_next_claim_tells_of_it() {
        let env = TestEnv::new();
        let fence = stale(&env, "T");
        verb(&env, &["claim-reclaim", "T", "--expect", &fence, "--reason", "gone"], 0);
        assert_eq!(claim(&env, "T"), None);
        stale(&env, "T");
        let next = claim(&env, "T").unwrap();
        assert_eq!((next.generation, next.previous[0].why.as_str()), (2, "reclaimed: gone"));
    }

    #[test]
    fn a_live_holder_is_refused_even_by_force_and_a_stopped_one_without_it() {
        let env = stopped();
        let fence = fence(&env, INCOMPLETE);
        let line = ["claim-reclaim", INCOMPLETE, "--expect", &fence, "--reason", "r"];
        let forced = [&line[..], &["--force"]].concat();
        let before = fs::read(env.registry().claim_path(&ticket(INCOMPLETE))).unwrap();
        let said = verb(&env, &line, 1);
        assert!(said.ends_with(&format!("is held by Pod {POD}, which is stopped and can be restored\n")), "{said}");
        names_no_way_to_evict(&said);
        run(&mut env.yoi(["-q", "restore", POD]), 0);
        let said = verb(&env, &forced, 1);
        assert!(said.ends_with(&format!("is held by Pod {POD}, which is live\n")), "{said}");
        names_no_way_to_evict(&said);
        assert_eq!(fs::read(env.registry().claim_path(&ticket(INCOMPLETE))).unwrap(), before);
        run(&mut env.yoi(["stop", POD]), 0);
        verb(&env, &forced, 0);
        // Its claim is gone: the Pod does not come back behind the next one.
        run(&mut env.yoi(["-q", "restore", POD]), 1);
        run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 0);
        assert_eq!(claim(&env, INCOMPLETE).unwrap().generation, 2);
        run(&mut env.yoi(["stop", "--now", &format!("{POD}-2")]), 0);
    }

    #[test]
    fn gives_the_ticket_to_a_live_pod_and_to_no_other() {
        let env = TestEnv::with_sample();
        let fence = stale(&env, "T");
        let give = ["claim-reclaim", "T", "--expect", &fence, "--reason", "r", "--role", "coder", "--pod"];
        let said = verb(&env, &[&give[..], &["taker"]].concat(), 1);
        assert_eq!(said, "yoi-claim: ticket T cannot be given to Pod taker: it is not live\n");
        live_pod(&env, "taker", "coder");
        verb(&env, &[&give[..], &["taker"]].concat(), 0);
        let given = claim(&env, "T").unwrap();
        let record = env.registry().pod(&pod("taker")).unwrap().unwrap();
        assert_eq!((given.generation, given.pod_id, given.evidence.as_str()), (2, Some(record.pod_id), "manual"));
        assert_eq!(given.previous[0].pod, pod("gone"));
        let shown = run(&mut env.yoi_claim(["claim-show", "T"]), 0).stdout;
        assert_eq!(shown, "T\ttaker\tcoder\t2\tlive\n");
        assert_eq!(env.registry().session(&pod("taker")).unwrap().unwrap().related_tickets, [ticket("T")]);
        run(&mut env.yoi(["stop", "taker"]), 0);
    }

    #[test]
    fn a_session_that_cannot_be_written_is_mended_with_what_is_printed() {
        let env = TestEnv::with_sample();
        let fence = stale(&env, "T");
        live_pod(&env, "taker", "coder");
        let record = env.registry().session_path(&pod("taker"));
        let _ = fs::remove_file(&record);
        fs::create_dir(&record).unwrap();
        let line = ["claim-reclaim", "T", "--expect", &fence, "--reason", "r", "--pod", "taker", "--role", "coder"];
        let said = verb(&env, &line, 5);
        assert_eq!(claim(&env, "T").unwrap().pod, pod("taker"));
        fs::remove_dir(&record).unwrap();
        let (_, mend) = said.trim_end().split_once("run: ").unwrap();
        run(&mut env.shell(mend), 0);
        assert_eq!(env.registry().session(&pod("taker")).unwrap().unwrap().related_tickets, [ticket("T")]);
        run(&mut env.yoi(["stop", "taker"]), 0);
    }

    #[test]
    fn from_inside_a_pod_it_is_refused() {
        let env = TestEnv::new();
        let fence = stale(&env, "T");
        let line = ["claim-reclaim", "T", "--expect", &fence, "--reason", "r"];
        let said = run(env.yoi_claim(line).env("YOI_POD", "some"), 1).stderr;
        assert_eq!(said, "yoi-claim: cannot reclaim ticket T from inside a Pod: a person decides that\n");
        let said = run(env.yoi(["reclaim", "T", "--yes", "--reason", "r"]).env("YOI_POD", "some"), 1).stderr;
        assert_eq!(said, "yoi: cannot reclaim ticket T from inside a Pod: a person decides that\n");
        assert!(claim(&env, "T").is_some());
    }

    #[test]
    fn wrong_usage_is_told_before_anything_is_read() {
        let env = TestEnv::new();
        for line in [
            &["claim-reclaim", "T", "--reason", "r"][..],
            &["claim-reclaim", "T", "--expect", "1"],
            &["claim-reclaim", "T", "--expect", "1", "--reason", " "],
            &["claim-reclaim", "T", "--expect", "x", "--reason", "r"],
            &["claim-reclaim", "T", "--expect", "1", "--reason", "r", "--pod", "p"],
        ] {
            verb(&env, line, 2);
        }
        assert_eq!(
            verb(&env, &["claim-reclaim", "T", "--expect", "1", "--reason", "r"], 1),
            "yoi-claim: ticket T has no claim\n"
        );
    }

    #[test]
    fn a_ticket_in_flight_is_not_reclaimed() {
        let env = TestEnv::new();
        let fence = stale(&env, "T");
        let script = format!(
            "cd /; exec 0</dev/null; yoi-claim -C '{}' claim-reclaim T --expect {fence} --reason r --wait 0",
            env.workspace().display()
        );
        // The lock is handed down in the environment, which another's reclaim does not have.
        let inner = format!("env -u YOI_TICKET_LOCK -u YOI_LAUNCHER -u YOI_CLAIM_NONCE sh -ec '{script}'");
        let outcome = run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-ec", &inner]), 3);
        assert!(outcome.stderr.contains("is locked by ticket-lock"), "{outcome:?}");
        assert!(claim(&env, "T").is_some());
    }

    /// Starts a command that waits for the end of its standard input, so that many begin at once.
    fn held_back(env: &TestEnv, line: &[&str]) -> Child {
        let mut command = env.shell("read -r _ || true; exec \"$@\"");
        command.arg("sh").arg(env!("CARGO_BIN_EXE_yoi-claim")).args(line);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    #[test]
    fn of_many_administrators_at_once_one_wins_and_the_others_are_told_who_did() {
        let env = TestEnv::with_sample();
        live_pod(&env, "taker", "coder");
        for round in 0..5 {
            let id = format!("T{round}");
            let fence = stale(&env, &id);
            let free = ["claim-reclaim", &*id, "--expect", &fence, "--reason", "first"];
            let give = [&free[..], &["--pod", "taker", "--role", "coder"]].concat();
            let mut all: Vec<Child> = (0..6).map(|n| held_back(&env, if n % 2 == 0 { &free } else { &give })).collect();
            all.iter_mut().for_each(|child| drop(child.stdin.take()));
            let ended: Vec<Outcome> =
                all.into_iter().map(|child| Outcome::from_output(child.wait_with_output().unwrap())).collect();
            let winners = ended.iter().filter(|outcome| outcome.status == 0).count();
            assert_eq!(winners, 1, "{ended:?}");
            let now = match claim(&env, &id) {
                Some(given) => {
                    assert_eq!((given.generation, given.pod), (2, pod("taker")));
                    "Pod taker holds it now as coder (generation 2)"
                }
                None => "the ticket is free now",
            };
            for lost in ended.iter().filter(|outcome| outcome.status != 0) {
                assert_eq!(lost.status, 1, "{lost:?}");
                let told =
                    format!("yoi-claim: tester reclaimed the claim on ticket {id} first (generation {fence}), at ");
                assert!(
                    lost.stderr.starts_with(&told) && lost.stderr.ends_with(&format!(" (first); {now}\n")),
                    "{lost:?}"
                );
            }
        }
        run(&mut env.yoi(["stop", "taker"]), 0);
        assert_eq!(names(&env.registry().dir().join("tmp")), Vec::<String>::new());
    }
}

mod unreadable {
    use super::*;

    fn damaged() -> TestEnv {
        let env = TestEnv::new();
        stale(&env, "T");
        fs::write(env.registry().claim_path(&ticket("T")), "torn").unwrap();
        env
    }

    fn set_aside(env: &TestEnv) {
        let claims = env.registry().claims_dir();
        fs::rename(claims.join("T.toml"), claims.join("T.unreadable")).unwrap();
    }

    #[test]
    fn a_claim_that_was_set_aside_is_unknown_everywhere_until_it_is_reclaimed() {
        let env = damaged();
        set_aside(&env);
        let shown = run(&mut env.yoi_claim(["claim-list"]), 128);
        assert_eq!(shown.stdout, "T\t-\t-\t-\tunknown\n");
        assert!(shown.stderr.contains("T.unreadable' was set aside because it could not be read"), "{shown:?}");
        assert_eq!(run(&mut env.yoi_claim(["claim-show", "T"]), 128).stdout, "T\t-\t-\t-\tunknown\n");
        verb(&env, &["claim-commit", "T", "--pod", "other", "--role", "coder"], 128);
        verb(&env, &["claim-check", "T", "--expect", "1"], 128);
        let said = verb(&env, &["claim-reclaim", "T", "--expect", "7", "--reason", "r"], 1);
        assert!(said.ends_with("the highest generation that is known of it is 1, not 7\n"), "{said}");
        verb(&env, &["claim-reclaim", "T", "--expect", "1", "--reason", "r"], 0);
        let kept: Vec<String> = names(&env.registry().claims_dir());
        assert_eq!(kept.len(), 2, "{kept:?}");
        assert!(kept.contains(&"T.released".to_owned()) && kept.iter().any(|name| name.ends_with(".reclaimed")));
        stale(&env, "T");
        assert_eq!(claim(&env, "T").unwrap().generation, 2);
    }

    #[test]
    fn why_ends_with_the_command_that_reclaims_it_and_porcelain_does_it_too() {
        let env = damaged();
        let why = on_terminal(&mut env.yoi(["why", "T"]), "").assert_status(0).stdout;
        let command = "yoi-claim claim-reclaim T --expect 1 --reason 'its record cannot be read'";
        assert!(why.contains(command), "{why}");
        assert!(
            why.contains("generation 1 is the last that journal and tombstone know, of Pod gone as coder"),
            "{why}"
        );
        let said = run(&mut env.yoi(["reclaim", "T", "--yes", "--reason", "r"]), 0).stdout;
        assert_eq!(said, "ticket T is free; Pod gone, as far as the journal knows, had it\n");
        assert_eq!(claim(&env, "T"), None);
    }
}

mod why {
    use super::*;

    /// The last line that is advice: the command without its purpose.
    fn advised(said: &str) -> String {
        let last = said.trim_end().lines().last().unwrap().trim_start();
        last.split("  ").next().unwrap().to_owned()
    }

    #[test]
    fn of_a_stale_claim_it_ends_with_the_complete_command_on_a_terminal_outside_any_pod() {
        let env = TestEnv::new();
        let fence = stale(&env, "T");
        let why = || {
            let mut command = env.yoi(["why", "T"]);
            command.env("NO_COLOR", "1");
            command
        };
        for said in [
            run(&mut why(), 0).stdout,
            on_terminal(why().env("YOI_POD", "some"), "").assert_status(0).stdout,
            on_terminal(why().env("CI", "1"), "").assert_status(0).stdout,
        ] {
            names_no_way_to_evict(&said);
            assert!(said.ends_with("what to do\n  ask: a person decides; see yoi-recovery(7)\n"), "{said}");
        }
        let said = on_terminal(&mut why(), "").assert_status(0).stdout;
        let command = advised(&said);
        assert_eq!(command, format!("yoi-claim claim-reclaim T --expect {fence} --reason 'its Pod is gone'"));
        run(&mut env.shell(&command), 0);
        assert_eq!(claim(&env, "T"), None);
        let said = run(&mut why(), 0).stdout;
        let told = "  reclaim T, Pod gone as coder, generation 1, by tester: its Pod is gone\n";
        assert!(said.starts_with("ticket T\n  free: ") && said.ends_with(told), "{said}");
    }

    #[test]
    fn of_a_stopped_pod_it_says_what_was_asked_what_was_read_and_what_it_said_last() {
        let env = stopped();
        let said = run(&mut env.yoi(["why", INCOMPLETE]), 0).stdout;
        let dir = env.registry().pod_dir(&pod(POD));
        let record = env.registry().pod(&pod(POD)).unwrap().unwrap();
        for part in [
            format!("status: stopped, restorable: Pod {POD} is stopped and can be restored\n"),
            format!(
                "claim read: {}\n  it said: generation 1 of Pod {POD}\n",
                env.registry().claim_path(&ticket(INCOMPLETE)).display()
            ),
            format!("Pod lock asked: {}\n  it said: free\n", env.registry().pod_lock_path(&pod(POD)).display()),
            format!(
                "Pod record read: {}\n  it said: Pod {} as intake\n",
                dir.join("pod.toml").display(),
                record.pod_id
            ),
            format!("log read: {}\n", dir.join("host.log").display()),
            format!("  commit {INCOMPLETE}, Pod {POD} as intake, generation 1, by tester: "),
            format!("what to do\n  yoi restore {POD}  bring its Pod back\n"),
        ] {
            assert!(said.contains(&part), "{part:?} in {said}");
        }
        let said = run(&mut env.yoi(["why", POD]), 0).stdout;
        for part in [
            format!("Pod {POD}\n  status: restorable: no lock is held, and it can be restored\n"),
            format!(
                "session read: {}\n  it said: ticket_claim, as intake\n",
                env.registry().session_path(&pod(POD)).display()
            ),
            format!("holds: ticket {INCOMPLETE} (generation 1)\n"),
            format!("what to do\n  yoi restore {POD}  bring it back\n"),
        ] {
            assert!(said.contains(&part), "{part:?} in {said}");
        }
    }

    #[test]
    fn of_a_failed_launch_it_tells_the_step_and_how_the_host_ended() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--ready-timeout", "0"]), 4);
        let told = env.registry().journal(None).unwrap().pop().unwrap().entry;
        assert_eq!((told.action.as_str(), told.step.as_deref()), ("launch_failed", Some("ready")));
        assert!(told.exit_status.is_some(), "{told:?}");
        let said = run(&mut env.yoi(["why", INCOMPLETE]), 0).stdout;
        let line = format!(
            "launch_failed {INCOMPLETE}, Pod {POD}, by tester: at ready: the Pod host was not ready within 0 s\n"
        );
        assert!(said.contains(&line), "{said}");
        let end = told.exit_status.unwrap();
        assert!(said.contains(&format!("\n    its host ended: {end}\n")), "{said}");
        let history = run(&mut env.yoi(["logs", "--journal", POD]), 0).stdout;
        assert!(history.contains(&line) && history.contains(&format!("\n  its host ended: {end}\n")), "{history}");
    }
}

mod porcelain {
    use super::*;

    fn reclaim(env: &TestEnv, more: &[&str], typed: &str) -> Outcome {
        on_terminal(env.yoi(["reclaim", "T"]).args(more).env("NO_COLOR", "1"), typed)
    }

    #[test]
    fn it_shows_what_is_known_asks_for_a_reason_and_ends_the_claim_only_on_consent() {
        let env = TestEnv::new();
        let fence = stale(&env, "T");
        for no in ["lost\nn\n", "lost\n\n", "lost\n\u{4}", "\n", "\u{4}"] {
            let said = reclaim(&env, &[], no).assert_status(1).stdout;
            assert!(said.contains("status: stale: no lock is held, and Pod gone has no record"), "{said}");
            assert!(said.contains("what happened") && said.ends_with("yoi: nothing was changed\n"), "{said}");
            assert_eq!(super::fence(&env, "T"), fence);
        }
        let said = reclaim(&env, &[], "the machine was replaced\ny\n").assert_status(0).stdout;
        assert!(said.contains("why is it reclaimed? "), "{said}");
        assert!(said.contains("free ticket T? Pod gone (generation 1) had it [y/N] "), "{said}");
        assert!(said.ends_with("ticket T is free; Pod gone (generation 1) had it\n"), "{said}");
        let told = env.registry().journal(None).unwrap().pop().unwrap().entry;
        assert_eq!((told.action.as_str(), told.why.as_deref()), ("reclaim", Some("the machine was replaced")));
    }

    #[test]
    fn a_live_pod_is_not_even_asked_about() {
        let env = stopped();
        run(&mut env.yoi(["-q", "restore", POD]), 0);
        let said = on_terminal(&mut env.yoi(["reclaim", INCOMPLETE, "--force"]), "r\ny\n").assert_status(1).stdout;
        assert!(!said.contains("[y/N]"), "{said}");
        assert!(said.ends_with(&format!("which is live\nhint: yoi attach {POD}\n")), "{said}");
        run(&mut env.yoi(["stop", POD]), 0);
        let said = run(&mut env.yoi(["reclaim", INCOMPLETE, "--yes", "--reason", "r"]), 1).stderr;
        assert!(said.ends_with(&format!("can be restored\nhint: yoi restore {POD}\n")), "{said}");
        names_no_way_to_evict(&said);
    }

    #[test]
    fn without_a_terminal_it_takes_a_reason_and_no_question() {
        let env = TestEnv::with_sample();
        stale(&env, "T");
        run(&mut env.yoi(["reclaim", "T"]), 2);
        run(&mut env.yoi(["reclaim", "T", "--yes"]), 2);
        run(&mut env.yoi(["reclaim", "T", "--reason", "r"]), 2);
        assert!(claim(&env, "T").is_some());
        live_pod(&env, "taker", "coder");
        let said = run(&mut env.yoi(["reclaim", "T", "--yes", "--reason", "r", "--to", "taker"]), 0).stdout;
        assert_eq!(said, "Pod taker holds ticket T as coder (generation 2); Pod gone (generation 1) had it\n");
        run(&mut env.yoi(["stop", "taker"]), 0);
        let said = run(&mut env.yoi(["reclaim", "T", "--yes", "--reason", "r", "--to", "nobody"]), 1).stderr;
        assert!(!said.is_empty());
    }

    #[test]
    fn it_ends_the_claim_that_it_showed_and_no_later_one() {
        let env = TestEnv::new();
        let fence = stale(&env, "T");
        // The terminal is read by the shell first, so that the claim changes between the question and its answer.
        let mut command: Command = env.yoi(["reclaim", "T", "--reason", "r"]);
        command.env("NO_COLOR", "1");
        let said = common::terminal::on_terminal_after(&mut command, "[y/N] ", "y\n", || {
            verb(&env, &["claim-reclaim", "T", "--expect", &fence, "--reason", "quicker"], 0);
            stale(&env, "T");
        });
        let said = said.assert_status(1).stdout;
        assert!(said.contains("tester reclaimed the claim on ticket T first"), "{said}");
        assert!(said.ends_with("(quicker); Pod gone holds it now as coder (generation 2)\n"), "{said}");
    }
}
