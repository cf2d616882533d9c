//! Intakes: their session record, the tickets that they make, and the call that makes a ticket ready.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "these tests are the other process that holds a lock")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::puppet::{Puppet, Wire, outline, say};
use common::scene::{COMPLETE, INCOMPLETE, names, pod, ticket, tree};
use common::{TestEnv, run};
use serde_json::{Value, json};
use yoi::domain::{Claim, ClaimStatus};
use yoi::fs::{LockState, probe};

/// An intake without a ticket: a Pod of a puppet, in its first turn.
fn from_a_sentence(env: &TestEnv) -> Puppet {
    let mut puppet = env.puppet("intake");
    let launched = run(&mut env.yoi(["-q", "intake", "-m", "people want to see how much is left"]), 0);
    assert!(launched.stdout.starts_with("Pod intake-new runs\n"), "{launched:?}");
    puppet.begun();
    puppet
}

fn create(puppet: &mut Puppet, title: &str) -> String {
    let (status, text) = puppet.tool("TicketCreate", &json!({ "title": title, "body": "# Goal\n\nIt is done." }));
    assert_eq!(status, 0, "{text}");
    let made: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&made["state"], &made["note"]), (&json!("planning"), &json!("you hold it")));
    made["id"].as_str().unwrap().to_owned()
}

fn claim(env: &TestEnv, id: &str) -> Option<Claim> {
    env.registry().claim(&ticket(id)).unwrap()
}

fn completed(env: &TestEnv, id: &str) -> bool {
    claim(env, id).unwrap().completed_at.is_some()
}

fn state(env: &TestEnv, id: &str) -> String {
    let listed = run(&mut env.yoi(["ticket", "list", "--all", "--format", "{id} {state}"]), 0).stdout;
    let line = listed.lines().find_map(|line| line.strip_prefix(id)).unwrap_or_else(|| panic!("{id} in {listed}"));
    line.trim().to_owned()
}

fn summaries(env: &TestEnv, id: &str) -> usize {
    let thread = fs::read_to_string(env.workspace().join(".yoi/tickets").join(id).join("thread.md")).unwrap();
    thread.matches("event: intake_summary").count()
}

mod without_a_ticket {
    use super::*;

    #[test]
    fn a_pre_ticket_session_is_recorded_and_nothing_is_claimed() {
        let env = TestEnv::with_sample();
        let before = tree(&env.workspace().join(".yoi/tickets"));
        let mut puppet = from_a_sentence(&env);
        assert!(puppet.prompt().contains("people want to see how much is left"), "{}", puppet.prompt());
        assert_eq!(env.listed("session-list"), "intake-new\tintake\tpre_ticket_intake\t-\n");
        assert_eq!(env.listed("claim-list"), "");
        assert_eq!(tree(&env.workspace().join(".yoi/tickets")), before);
        assert_eq!(puppet.sh("echo ${YOI_POD-} ${YOI_TICKET-none} ${YOI_CLAIM-none}").1, "intake-new none none\n");
        puppet.answer("nothing to do", 0);
        env.stop("intake-new");
        // It is restorable all the same, without a ticket.
        assert_eq!(env.listed("pod-list"), "intake-new\tintake\trestorable\n");
        run(&mut env.yoi(["-q", "restore", "intake-new"]), 0);
        env.stop("intake-new");
    }

    #[test]
    fn two_tickets_are_one_session_and_two_claims_and_ready_on_one_completes_that_one() {
        let env = TestEnv::with_sample();
        let mut puppet = from_a_sentence(&env);
        let first = create(&mut puppet, "The first");
        let second = create(&mut puppet, "The second");
        let registry = env.registry();
        assert_eq!(env.listed("session-list"), format!("intake-new\tintake\tpre_ticket_intake\t{first},{second}\n"));
        assert_eq!(
            env.listed("claim-list"),
            format!("{first}\tintake-new\tintake\t1\tlive\n{second}\tintake-new\tintake\t1\tlive\n")
        );
        let (one, other) = (claim(&env, &first).unwrap(), claim(&env, &second).unwrap());
        assert_ne!(one.nonce, other.nonce);
        let record = registry.pod(&pod("intake-new")).unwrap().unwrap();
        assert_eq!((one.pod_id, other.pod_id), (Some(record.pod_id), Some(record.pod_id)));
        assert_eq!((one.evidence.as_str(), other.evidence.as_str()), ("user_message", "user_message"));
        // What was needed on the way is gone.
        assert_eq!(names(&registry.dir().join("offers")), Vec::<String>::new());
        assert_eq!(names(&registry.dir().join("tmp")), Vec::<String>::new());
        assert!(!env.workspace().join(".yoi/tmp").exists());
        for id in [&first, &second] {
            run(&mut env.yoi_claim(["ticket-lock", id, "--", "true"]), 0);
            let said = run(&mut env.yoi(["-q", "intake", id]), 1).stderr;
            assert!(
                said.ends_with("is claimed by Pod intake-new as intake, which is live\nhint: yoi attach intake-new\n"),
                "{said}"
            );
        }

        puppet.make_ready(&first);
        assert_eq!((completed(&env, &first), completed(&env, &second)), (true, false));
        assert_eq!((state(&env, &first), state(&env, &second)), ("ready".into(), "planning".into()));
        puppet.answer("one of two", 0);
        // It stops after the first that is ready, too, and a restored one goes on with the other.
        env.wait_for_processes();
        let shown = run(&mut env.yoi(["status", "--format", "{ticket} {status}"]), 0).stdout;
        assert_eq!(shown, format!("{first} stopped, restorable, completed\n{second} stopped, restorable\n"));
        let restored = run(&mut env.yoi(["-q", "restore", "intake-new"]), 0).stdout;
        assert!(restored.starts_with(&format!("Pod intake-new is back, with {first}, {second}\n")), "{restored}");
        let (mut wire, _) = env.wire("intake-new");
        wire.send(1, "run", say("and the other?"));
        puppet.begun();
        let fence = format!("{second} 1:{}\n", other.nonce);
        assert_eq!(puppet.sh("echo $YOI_TICKET $YOI_CLAIM").1, fence);
        assert_eq!(puppet.sh("yoi-claim claim-check $YOI_TICKET --expect $YOI_CLAIM").0, 0);
        puppet.make_ready(&second);
        puppet.answer("two of two", 0);
        env.wait_for_processes();
        assert!(completed(&env, &second));
        assert_eq!(env.listed("session-list"), format!("intake-new\tintake\tpre_ticket_intake\t{first},{second}\n"));
    }

    #[test]
    fn nothing_local_is_written_into_the_tickets() {
        let env = TestEnv::with_sample();
        let mut puppet = from_a_sentence(&env);
        let id = create(&mut puppet, "The only one");
        let nonce = claim(&env, &id).unwrap().nonce.to_string();
        let pod_id = claim(&env, &id).unwrap().pod_id.unwrap().to_string();
        puppet.tool("TicketComment", &json!({ "ticket": id, "body": "A question?" }));
        puppet.make_ready(&id);
        puppet.answer("done", 0);
        env.wait_for_processes();
        for (path, (_, bytes)) in tree(&env.workspace().join(".yoi/tickets")) {
            let text = path + &String::from_utf8(bytes).unwrap();
            for local in ["intake-new", ".sock", nonce.as_str(), pod_id.as_str(), env.root().to_str().unwrap()] {
                assert!(!text.contains(local), "{local} in {text}");
            }
        }
    }

    #[test]
    fn a_session_record_that_cannot_be_written_is_told_and_the_ticket_is_held() {
        let env = TestEnv::with_sample();
        let mut puppet = from_a_sentence(&env);
        let record = env.registry().session_path(&pod("intake-new"));
        let aside = record.with_extension("aside");
        fs::rename(&record, &aside).unwrap();
        fs::create_dir(&record).unwrap();
        let (status, text) = puppet.tool("TicketCreate", &json!({ "title": "The only one", "body": "" }));
        assert_eq!(status, 0, "{text}");
        assert!(text.contains("you hold it (but it could not be related to your session: "), "{text}");
        fs::remove_dir(&record).unwrap();
        fs::rename(&aside, &record).unwrap();
        assert!(env.listed("claim-list").ends_with("\tintake-new\tintake\t1\tlive\n"));
        puppet.answer("done", 0);
        env.stop("intake-new");
    }
}

/// The lock of a ticket that a Pod makes is held from before its directory appears until it is claimed.
mod the_lock_of_a_new_ticket {
    use super::*;

    /// The host's clock stands still: the ids of new tickets are known before.
    const MOMENT: &str = "2026-06-07T22:02:25Z";
    const FIRST: &str = "00001KTJ1QJB8";
    const NEXT: &str = "00001KTJ1QJB9";

    struct Creation {
        env: TestEnv,
        puppet: Puppet,
        wire: Wire,
        dir: PathBuf,
        lock: PathBuf,
    }

    impl Creation {
        fn stage() -> Self {
            let env = TestEnv::with_sample();
            let launch = env.launcher_with_host(&format!("YOI_CLOCK={MOMENT} exec \"$yoi\" \"$@\""));
            let mut puppet = env.puppet("intake");
            run(env.command(launch).args(["-q", "intake", "-m", "a wish"]), 0);
            puppet.begun();
            let (wire, _) = env.wire("intake-new");
            let dir = env.workspace().join(".yoi/tickets").join(FIRST);
            let lock = env.registry().ticket_lock_path(&ticket(FIRST));
            Self { env, puppet, wire, dir, lock }
        }

        fn begin(&mut self) {
            self.puppet.tell("yoi tool TicketCreate --json '{\"title\":\"New\",\"body\":\"\"}'");
            self.wire.event("tool_call_start");
        }

        fn wait_until_locked(&self) {
            self.env.wait_for("the ticket's lock", || (probe(&self.lock).unwrap() == LockState::Held).then_some(()));
        }

        /// Fails unless the ticket is in flight, and nobody else can take it.
        #[track_caller]
        fn assert_in_flight(&self) {
            assert_eq!(probe(&self.lock).unwrap(), LockState::Held);
            assert!(claim(&self.env, FIRST).is_none());
            assert_eq!(self.env.listed("claim-list"), format!("{FIRST}\t-\t-\t-\tlaunching\n"));
            run(&mut self.env.yoi_claim(["ticket-lock", FIRST, "--", "true"]), 3);
        }

        #[track_caller]
        fn assert_it_is_made_and_claimed(mut self) {
            let result = self.wire.event("tool_result");
            assert_eq!(result["data"]["is_error"], json!(false), "{result}");
            assert!(self.dir.join("item.md").exists());
            assert_eq!(self.env.listed("claim-list"), format!("{FIRST}\tintake-new\tintake\t1\tlive\n"));
            assert_eq!(probe(&self.lock).unwrap(), LockState::Free);
            self.puppet.answer("done", 0);
            self.env.stop("intake-new");
        }
    }

    #[test]
    fn is_held_before_its_directory_appears() {
        let mut creation = Creation::stage();
        // The writers' lock of the tickets keeps the directory from appearing.
        let tickets = fs::File::open(creation.dir.parent().unwrap()).unwrap();
        tickets.lock().unwrap();
        creation.begin();
        creation.wait_until_locked();
        assert!(!creation.dir.exists());
        creation.assert_in_flight();
        drop(tickets);
        creation.assert_it_is_made_and_claimed();
    }

    #[test]
    fn is_held_until_it_is_claimed() {
        let mut creation = Creation::stage();
        // The fence of the claim keeps it from being committed.
        fs::write(&creation.lock, "").unwrap();
        run(creation.env.command("chmod").arg("600").arg(&creation.lock), 0);
        let fence = fs::File::open(&creation.lock).unwrap();
        fence.lock().unwrap();
        creation.begin();
        creation.env.wait_for("the ticket's directory", || creation.dir.join("item.md").exists().then_some(()));
        creation.assert_in_flight();
        let refused = run(&mut creation.env.yoi(["-q", "intake", FIRST]), 3).stderr;
        assert!(
            refused.contains(&format!("ticket {FIRST} is in flight: TicketCreate of Pod intake-new, pid ")),
            "{refused}"
        );
        drop(fence);
        creation.assert_it_is_made_and_claimed();
    }

    #[test]
    fn of_an_id_that_is_in_flight_elsewhere_is_not_waited_for() {
        let mut creation = Creation::stage();
        let registry = creation.env.registry();
        let writer = yoi::registry::Writer {
            written_by: yoi::domain::WrittenBy {
                pid: 1,
                host: "here".into(),
                boot: "now".into(),
                extra: Default::default(),
            },
            user: "tester".into(),
            now: MOMENT.parse().unwrap(),
        };
        let elsewhere = registry.lock_ticket(&ticket(FIRST), "a test", &writer, yoi::fs::Wait::No).unwrap();
        creation.begin();
        let result = creation.wire.event("tool_result");
        assert_eq!(result["data"]["is_error"], json!(false), "{result}");
        assert!(!creation.dir.exists());
        drop(elsewhere);
        assert_eq!(creation.env.listed("claim-list"), format!("{NEXT}\tintake-new\tintake\t1\tlive\n"));
        creation.puppet.answer("done", 0);
        creation.env.stop("intake-new");
    }
}

mod ready {
    use super::*;

    const POD: &str = "intake-20260118-093012-001";

    /// An intake of the complete ticket: a Pod of a puppet, in its first turn.
    fn stage() -> (TestEnv, Puppet) {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet("intake");
        run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
        puppet.begun();
        (env, puppet)
    }

    fn end(env: &TestEnv, puppet: &mut Puppet) {
        puppet.answer("done", 0);
        env.stop(POD);
    }

    fn summary(id: &str) -> Value {
        json!({ "ticket": id, "summary": "It is all clear." })
    }

    #[test]
    fn it_is_refused_from_any_other_state() {
        let (env, mut puppet) = stage();
        let item = env.workspace().join(".yoi/tickets").join(COMPLETE).join("item.md");
        let planned = fs::read_to_string(&item).unwrap();
        for state in ["ready", "queued", "inprogress", "done", "closed"] {
            fs::write(&item, planned.replace("workflow_state: 'intake'", &format!("workflow_state: '{state}'")))
                .unwrap();
            let before = tree(&env.workspace());
            let (status, text) = puppet.tool("TicketIntakeReady", &summary(COMPLETE));
            assert_eq!(status, 1);
            assert!(text.contains(&format!("is {state}")) || text.contains(&format!("state {state}")), "{text}");
            assert_eq!(tree(&env.workspace()), before);
            assert!(!completed(&env, COMPLETE));
        }
        // Both names of the first state will do.
        fs::write(&item, planned.replace("workflow_state: 'intake'", "workflow_state: 'planning'")).unwrap();
        puppet.make_ready(COMPLETE);
        assert!(completed(&env, COMPLETE));
        puppet.answer("done", 0);
        env.wait_for_processes();
    }

    #[test]
    fn it_is_refused_on_a_ticket_that_another_pod_holds_and_on_one_that_is_free() {
        let (env, mut puppet) = stage();
        let before = tree(&env.workspace());
        let (status, text) = puppet.tool("TicketIntakeReady", &summary(INCOMPLETE));
        assert_eq!(status, 1);
        assert!(text.contains(&format!("you do not hold ticket {INCOMPLETE}; leave it alone")), "{text}");
        run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "other", "--role", "intake"]), 0);
        let theirs = fs::read(env.registry().claim_path(&ticket(INCOMPLETE))).unwrap();
        let (status, text) = puppet.tool("TicketIntakeReady", &summary(INCOMPLETE));
        assert_eq!(status, 1);
        assert!(
            text.contains(&format!("ticket {INCOMPLETE} is held by Pod other, not by you; leave it alone")),
            "{text}"
        );
        assert_eq!(fs::read(env.registry().claim_path(&ticket(INCOMPLETE))).unwrap(), theirs);
        // Not a claim either that bears this Pod's name and is of another one.
        run(&mut env.yoi_claim(["claim-release", INCOMPLETE, "--expect", "1", "--reason", "test"]), 0);
        run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", POD, "--role", "intake"]), 0);
        assert_eq!(puppet.tool("TicketIntakeReady", &summary(INCOMPLETE)).0, 1);
        assert_eq!(tree(&env.workspace()), before);
        end(&env, &mut puppet);
    }

    #[test]
    fn a_claim_that_was_released_and_given_away_meanwhile_ends_its_right() {
        let (env, mut puppet) = stage();
        // By its own Pod, the only one that may while it is live.
        let (status, text) = puppet.sh("yoi-claim claim-release $YOI_TICKET --expect $YOI_CLAIM --reason wrong");
        assert_eq!(status, 0, "{text}");
        run(&mut env.yoi_claim(["claim-commit", COMPLETE, "--pod", "other", "--role", "intake"]), 0);
        assert_eq!(puppet.sh("yoi-claim claim-check $YOI_TICKET --expect $YOI_CLAIM").0, 1);
        let before = tree(&env.workspace());
        assert_eq!(puppet.tool("TicketIntakeReady", &summary(COMPLETE)).0, 1);
        assert_eq!(tree(&env.workspace()), before);
        assert!(!completed(&env, COMPLETE));
        end(&env, &mut puppet);
    }

    #[test]
    fn a_repeat_under_the_same_claim_succeeds_and_changes_nothing() {
        let (env, mut puppet) = stage();
        puppet.make_ready(COMPLETE);
        let before = (tree(&env.workspace()), fs::read(env.registry().claim_path(&ticket(COMPLETE))).unwrap());
        let text = puppet.make_ready(COMPLETE);
        assert!(text.contains("was ready already"), "{text}");
        let after = (tree(&env.workspace()), fs::read(env.registry().claim_path(&ticket(COMPLETE))).unwrap());
        assert_eq!(before, after);
        assert_eq!(summaries(&env, COMPLETE), 1);
        puppet.answer("done", 0);
        env.wait_for_processes();
    }

    /// As after a crash between the ticket's transition and the claim's completion: the Pod is killed, and what it wrote
    /// of the completion is taken back.
    #[test]
    fn a_repeat_after_a_crash_finishes_what_is_missing() {
        let (env, mut puppet) = stage();
        puppet.make_ready(COMPLETE);
        env.kill_all();
        let path = env.registry().claim_path(&ticket(COMPLETE));
        let text = fs::read_to_string(&path).unwrap();
        let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("completed_at")).collect();
        assert_eq!(without.len() + 1, text.lines().count());
        fs::write(&path, without.join("\n") + "\n").unwrap();
        assert!(!completed(&env, COMPLETE));

        run(&mut env.yoi(["-q", "restore", POD]), 0);
        let (mut wire, _) = env.wire(POD);
        wire.send(1, "run", say("go on"));
        puppet.begun();
        let text = puppet.make_ready(COMPLETE);
        assert!(text.contains("was ready already"), "{text}");
        assert!(completed(&env, COMPLETE));
        assert_eq!(summaries(&env, COMPLETE), 1);
        puppet.answer("done", 0);
        let rest = outline(&wire.rest());
        assert_eq!(rest.last().unwrap(), "shutdown: idle");
        env.wait_for_processes();
    }

    /// A crash before the transition, with the intention on disk: the repeat makes it.
    #[test]
    fn a_repeat_after_a_crash_before_the_transition_makes_it() {
        let (env, mut puppet) = stage();
        let tickets = fs::File::open(env.workspace().join(".yoi/tickets")).unwrap();
        tickets.lock().unwrap();
        puppet.tell(&format!("yoi tool TicketIntakeReady --json '{}'", summary(COMPLETE)));
        let dir = env.registry().pod_dir(&pod(POD));
        env.wait_for("the intention", || names(&dir).iter().any(|name| name.starts_with("ready-")).then_some(()));
        env.kill_all();
        drop(tickets);
        assert_eq!((state(&env, COMPLETE), completed(&env, COMPLETE)), ("intake".into(), false));
        run(&mut env.yoi(["-q", "restore", POD]), 0);
        let (mut wire, _) = env.wire(POD);
        wire.send(1, "run", say("go on"));
        puppet.begun();
        puppet.make_ready(COMPLETE);
        assert_eq!((state(&env, COMPLETE), completed(&env, COMPLETE)), ("ready".into(), true));
        assert_eq!(summaries(&env, COMPLETE), 1);
        puppet.answer("done", 0);
        env.wait_for_processes();
    }

    /// An agent that was killed in the middle of a call can leave a process that makes it later, after the Pod came back.
    #[test]
    fn a_call_from_an_earlier_start_of_the_pod_is_refused() {
        let (env, mut puppet) = stage();
        let (_, epoch) = puppet.sh("echo $YOI_EPOCH");
        end(&env, &mut puppet);
        run(&mut env.yoi(["-q", "restore", POD]), 0);
        let before = tree(&env.workspace());
        let (mut wire, _) = env.wire(POD);
        for stale in [epoch.trim(), "", "0"] {
            let params = json!({ "tool": "TicketIntakeReady", "arguments": summary(COMPLETE), "epoch": stale });
            assert_eq!(outline(&[wire.ask(1, "tool_call", params)]), ["error#1: wrong_epoch"]);
        }
        let late = ["tool", "TicketIntakeReady", "--json", &summary(COMPLETE).to_string()];
        let late = run(env.yoi(late).env("YOI_POD", POD).env("YOI_EPOCH", epoch.trim()), 1);
        assert!(late.stderr.contains("the caller belongs to an earlier start of this Pod"), "{late:?}");
        assert_eq!(tree(&env.workspace()), before);
        assert!(!completed(&env, COMPLETE));
        let view = env.registry().claim(&ticket(COMPLETE)).unwrap().unwrap();
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\t{}\tintake\t1\t{}\n", view.pod, ClaimStatus::Live));
        env.stop(POD);
    }
}
