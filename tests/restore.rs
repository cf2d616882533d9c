//! Restoring a stopped Pod: what comes back, and when it is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::puppet::{outline, say};
use common::scene::{INCOMPLETE, Tree, names, pod, ticket, tree};
use common::{Outcome, TestEnv, run};
use serde_json::json;

const POD: &str = "intake-20260118-101544-001";

/// A world with an intake's Pod that asked its questions and was stopped then.
fn stopped() -> TestEnv {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    env.stop(POD);
    env
}

fn restore(env: &TestEnv, status: i32) -> Outcome {
    let outcome = run(&mut env.yoi(["-q", "restore", POD]), status);
    assert_eq!(outcome.stdout.is_empty(), status != 0);
    outcome
}

/// The registry, but for the files of its locks: those tell of who held them last.
fn registry(env: &TestEnv) -> Tree {
    let mut files = tree(env.registry().dir());
    files.retain(|path, _| !path.starts_with("locks/"));
    files
}

/// Tries in vain, changing nothing; gives what was said.
#[track_caller]
fn refused(env: &TestEnv, status: i32) -> String {
    let before = (registry(env), tree(&env.workspace()));
    let said = restore(env, status).stderr;
    assert!(before == (registry(env), tree(&env.workspace())), "a restore that is refused changes nothing");
    env.normalise(&said)
}

fn held_by(env: &TestEnv, status: &str) -> String {
    let shown = run(&mut env.yoi_claim(["claim-show", INCOMPLETE, "--format", "{status} {reason}"]), 0).stdout;
    let (first, reason) = shown.split_once(' ').unwrap();
    assert_eq!(first, status, "{reason}");
    env.normalise(reason)
}

#[test]
fn it_brings_back_name_role_ticket_and_history() {
    let env = stopped();
    let told = env.history(POD);
    let record = env.registry().pod(&pod(POD)).unwrap().unwrap();
    let claim = fs::read(env.registry().claim_path(&ticket(INCOMPLETE))).unwrap();
    let session = fs::read(env.registry().session_path(&pod(POD))).unwrap();
    let tickets = tree(&env.workspace());
    assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{POD}\tintake\t1\trestorable\n"));

    let said = restore(&env, 0).stdout;
    assert_eq!(said, format!("Pod {POD} is back, with {INCOMPLETE}\ntalk to it: yoi attach {POD}\n"));
    assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{POD}\tintake\t1\tlive\n"));
    assert_eq!(env.listed("pod-list"), format!("{POD}\tintake\tidle\n"));
    let (mut wire, snapshot) = env.wire(POD);
    assert_eq!((&snapshot["pod"], &snapshot["role"]), (&json!(POD), &json!("intake")));
    assert_eq!((&snapshot["ticket"], &snapshot["probation"]), (&json!(INCOMPLETE), &json!(false)));
    assert_eq!(snapshot["history"].as_array().unwrap(), &told);
    // Nothing was written anew that says who it is, and no agent was asked for anything.
    assert_eq!(env.registry().pod(&pod(POD)).unwrap().unwrap().pod_id, record.pod_id);
    assert_eq!(fs::read(env.registry().claim_path(&ticket(INCOMPLETE))).unwrap(), claim);
    assert_eq!(fs::read(env.registry().session_path(&pod(POD))).unwrap(), session);
    assert_eq!(tree(&env.workspace()), tickets);
    // The ticket is not in flight any more.
    run(&mut env.yoi_claim(["ticket-lock", INCOMPLETE, "--", "true"]), 0);

    wire.send(1, "run", say("look again"));
    wire.event("run_end");
    env.stop(POD);
    let after = env.history(POD);
    assert_eq!(after[..told.len()], told);
    assert!(outline(&after[told.len()..]).starts_with(&["user_message".into(), "turn_start".into()]));
}

#[test]
fn a_restored_agent_is_told_what_went_before() {
    let env = TestEnv::with_sample();
    let mut puppet = env.puppet("intake");
    run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 0);
    puppet.begun();
    let (_, epoch) = puppet.sh("echo $YOI_EPOCH");
    let fence = puppet.sh("echo $YOI_POD $YOI_TICKET $YOI_CLAIM").1;
    puppet.answer("what I remember is 4711", 0);
    run(&mut env.yoi(["-q", "stop", POD]), 0);
    restore(&env, 0);
    let (mut wire, _) = env.wire(POD);
    wire.send(1, "run", say("what do you remember?"));
    puppet.begun();
    let prompt = puppet.prompt();
    assert!(prompt.contains("what I remember is 4711") && prompt.contains("what do you remember?"), "{prompt}");
    assert_eq!(puppet.sh("echo $YOI_POD $YOI_TICKET $YOI_CLAIM").1, fence);
    assert_ne!(puppet.sh("echo $YOI_EPOCH").1, epoch);
    puppet.answer("that", 0);
    wire.event("run_end");
    env.stop(POD);
}

#[test]
fn a_pod_that_was_killed_in_a_turn_comes_back_and_its_history_says_so() {
    let env = TestEnv::with_sample();
    let mut puppet = env.puppet("intake");
    run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 0);
    puppet.begun();
    env.kill_all();
    assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{POD}\tintake\t1\trestorable\n"));
    restore(&env, 0);
    let written = outline(&env.history(POD));
    assert!(written.ends_with(&["turn_end: interrupted".into(), "run_end: interrupted".into()]), "{written:?}");
    // The socket that was left behind is replaced.
    let (mut wire, _) = env.wire(POD);
    wire.send(1, "run", say("go on"));
    puppet.begun();
    puppet.answer("done", 0);
    wire.event("run_end");
    env.stop(POD);
    assert_eq!(names(&env.runtime()), Vec::<String>::new());
}

#[test]
fn a_pod_that_was_killed_before_its_first_turn_ended_is_not_prompted_by_its_return() {
    let env = TestEnv::with_sample();
    let mut puppet = env.puppet("intake");
    run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 0);
    puppet.begun();
    env.kill_all();
    restore(&env, 0);
    let (mut wire, snapshot) = env.wire(POD);
    assert_eq!(snapshot["status"], json!("idle"));
    let report = wire.ask(1, "status", json!({}));
    assert_eq!((&report["data"]["status"], &report["data"]["queued"]), (&json!("idle"), &json!(0)));
    env.stop(POD);
}

mod it_is_refused {
    use super::*;

    #[test]
    fn of_a_pod_that_there_is_not() {
        let env = stopped();
        let said = run(&mut env.yoi(["-q", "restore", "nobody"]), 1).stderr;
        assert_eq!(said, "yoi: there is no Pod nobody\n");
    }

    #[test]
    fn of_a_live_pod() {
        let env = stopped();
        restore(&env, 0);
        assert_eq!(refused(&env, 1), format!("yoi: Pod {POD} is live\nhint: yoi attach {POD}\n"));
        env.stop(POD);
    }

    #[test]
    fn when_the_claim_was_released() {
        let env = stopped();
        run(&mut env.yoi_claim(["claim-release", INCOMPLETE, "--expect", "1", "--reason", "test"]), 0);
        assert_eq!(
            refused(&env, 1),
            format!("yoi: the claim on ticket {INCOMPLETE} has moved on from Pod {POD}\nhint: yoi why {INCOMPLETE}\n")
        );
    }

    #[test]
    fn when_the_claim_has_moved_on_to_another_pod() {
        let env = stopped();
        run(&mut env.yoi_claim(["claim-release", INCOMPLETE, "--expect", "1", "--reason", "test"]), 0);
        run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--pod", "other", "--wait"]), 0);
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\tother\tintake\t2\tlive\n"));
        let said = format!(
            "yoi: the claim on ticket {INCOMPLETE} has moved on from Pod {POD} to other\nhint: yoi why {INCOMPLETE}\n"
        );
        assert_eq!(refused(&env, 1), said);
        env.stop("other");
        assert_eq!(refused(&env, 1), said);
    }

    /// A claim of its name and role is not its own, if it is not of this very Pod.
    #[test]
    fn when_the_claim_is_of_another_pod_of_its_name() {
        let env = stopped();
        run(&mut env.yoi_claim(["claim-release", INCOMPLETE, "--expect", "1", "--reason", "test"]), 0);
        run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", POD, "--role", "intake"]), 0);
        let said = refused(&env, 1);
        assert!(said.contains("has moved on"), "{said}");
    }

    #[test]
    fn when_its_ticket_is_in_flight_elsewhere() {
        let env = stopped();
        let script = format!("yoi-claim ticket-lock {INCOMPLETE} -- sh -c 'yoi -q restore {POD}'");
        let said = run(&mut env.shell(&script), 3).stderr;
        assert!(said.starts_with(&format!("yoi: ticket {INCOMPLETE} is in flight: ticket-lock, pid ")), "{said}");
        assert!(said.ends_with(&format!("\nhint: yoi why {INCOMPLETE}\n")), "{said}");
        assert_eq!(env.processes().len(), 0);
    }

    #[test]
    fn when_its_claim_cannot_be_read() {
        let env = stopped();
        let claim = env.registry().claim_path(&ticket(INCOMPLETE));
        let text = fs::read(&claim).unwrap();
        fs::write(&claim, "version = 1\n").unwrap();
        let said = refused(&env, 128);
        assert!(said.contains(&format!("claims/{INCOMPLETE}.toml'")), "{said}");
        fs::write(&claim, text).unwrap();
        restore(&env, 0);
        env.stop(POD);
    }

    #[test]
    fn when_it_was_never_confirmed() {
        let env = stopped();
        let record = env.registry().pod_dir(&pod(POD)).join("pod.toml");
        let text = fs::read_to_string(&record).unwrap();
        let unconfirmed: Vec<&str> = text.lines().filter(|line| !line.starts_with("confirmed_at")).collect();
        fs::write(&record, unconfirmed.join("\n")).unwrap();
        run(&mut env.yoi_claim(["claim-release", INCOMPLETE, "--expect", "1", "--reason", "test"]), 0);
        assert_eq!(refused(&env, 1), format!("yoi: Pod {POD} never accepted its work\n"));
    }

    #[test]
    fn when_its_profile_no_longer_resolves() {
        let env = TestEnv::with_sample();
        env.configure_script("cat >/dev/null; echo done");
        run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
        env.stop(POD);
        let profiles = env.workspace().join(".yoi/profiles.toml");
        let there = fs::read_to_string(&profiles).unwrap();
        for (broken, why) in [
            (String::new(), "there is no profile project:script"),
            (there.replace("\"sh\"", "\"no-such-program\""), "\"no-such-program\" is not in PATH"),
            (there.replace("command", "comand"), "comand"),
        ] {
            fs::write(&profiles, broken).unwrap();
            let reason = held_by(&env, "stale");
            assert!(reason.starts_with(&format!("no lock is held, and Pod {POD} cannot be restored: ")), "{reason}");
            assert!(reason.contains(why), "{reason}");
            let said = refused(&env, 4);
            assert!(said.contains(why) && said.contains(&format!("the record of Pod {POD}")), "{said}");
            // A stale claim refuses a launch, too, and is left alone.
            let launch = run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--pod", "other"]), 4);
            assert!(launch.stderr.contains(why), "{launch:?}");
        }
        env.configure("intake", "builtin:checklist");
        let launch = run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 1).stderr;
        assert_eq!(
            launch,
            format!("yoi: Ticket {INCOMPLETE} has a stale local Intake claim for {POD}\nhint: yoi why {INCOMPLETE}\n")
        );
        fs::write(&profiles, there).unwrap();
        held_by(&env, "restorable");
        restore(&env, 0);
        env.stop(POD);
    }

    /// A Pod that was launched in a linked worktree which is gone.
    #[test]
    fn when_its_directory_is_gone() {
        let env = TestEnv::with_sample();
        let git = |arguments: &[&str]| {
            let mut git = env.command("git");
            git.args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]);
            run(git.args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1"), 0);
        };
        let linked = env.root().join("linked");
        git(&["init", "-q"]);
        git(&["add", "."]);
        git(&["commit", "-qm", "tickets"]);
        git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
        run(env.yoi(["-q", "intake", INCOMPLETE, "--wait"]).current_dir(&linked), 0);
        let record = env.registry().pod(&pod(POD)).unwrap().unwrap();
        assert_eq!(record.directory(), linked);
        env.stop(POD);
        held_by(&env, "restorable");
        let elsewhere = env.root().join("elsewhere");
        fs::rename(&linked, &elsewhere).unwrap();
        let reason = held_by(&env, "stale");
        assert!(reason.contains("$ROOT/linked"), "{reason}");
        let said = refused(&env, 1);
        assert!(said.contains("its working directory '$ROOT/linked' is gone\nhint: yoi why "), "{said}");
        fs::rename(&elsewhere, &linked).unwrap();
        restore(&env, 0);
        env.stop(POD);
    }

    #[test]
    fn when_its_history_is_gone_or_is_none() {
        let env = stopped();
        let history = env.registry().pod_dir(&pod(POD)).join("history.jsonl");
        let aside = history.with_extension("aside");
        fs::rename(&history, &aside).unwrap();
        for make in [|_: &Path| {}, |path: &Path| fs::create_dir(path).unwrap()] {
            make(&history);
            let reason = held_by(&env, "stale");
            assert!(reason.contains("history.jsonl"), "{reason}");
            let said = refused(&env, 1);
            assert!(said.contains("history.jsonl"), "{said}");
        }
        fs::remove_dir(&history).unwrap();
        fs::rename(&aside, &history).unwrap();
        restore(&env, 0);
        env.stop(POD);
    }
}

mod of_several_tickets {
    use super::*;

    fn with_two() -> (TestEnv, String, String) {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet("intake");
        run(&mut env.yoi(["-q", "intake", "-m", "a wish"]), 0);
        puppet.begun();
        let mut create = || {
            let (status, text) = puppet.tool("TicketCreate", &json!({ "title": "New", "body": "" }));
            assert_eq!(status, 0, "{text}");
            serde_json::from_str::<serde_json::Value>(&text).unwrap()["id"].as_str().unwrap().to_owned()
        };
        let (first, second) = (create(), create());
        puppet.answer("done", 0);
        run(&mut env.yoi(["-q", "stop", "intake-new"]), 0);
        (env, first, second)
    }

    #[test]
    fn those_that_have_moved_on_are_left_behind() {
        let (env, first, second) = with_two();
        run(&mut env.yoi_claim(["claim-release", &first, "--expect", "1", "--reason", "test"]), 0);
        run(&mut env.yoi_claim(["claim-commit", &first, "--pod", "other", "--role", "coder"]), 0);
        let said = run(&mut env.yoi(["-q", "restore", "intake-new"]), 0).stdout;
        assert!(said.starts_with(&format!("Pod intake-new is back, with {second}\n")), "{said}");
        assert_eq!(
            env.listed("claim-list"),
            format!("{first}\tother\tcoder\t2\tstale\n{second}\tintake-new\tintake\t1\tlive\n")
        );
        env.stop("intake-new");
    }

    #[test]
    fn it_is_refused_when_none_is_left() {
        let (env, first, second) = with_two();
        for id in [&first, &second] {
            run(&mut env.yoi_claim(["claim-release", id, "--expect", "1", "--reason", "test"]), 0);
        }
        let said = run(&mut env.yoi(["-q", "restore", "intake-new"]), 1).stderr;
        assert!(said.contains("has moved on from Pod intake-new"), "{said}");
    }

    #[test]
    fn it_waits_for_no_ticket_that_is_in_flight() {
        let (env, _, second) = with_two();
        let script = format!("yoi-claim ticket-lock {second} -- yoi -q restore intake-new");
        let said = run(&mut env.shell(&script), 3).stderr;
        assert!(said.starts_with(&format!("yoi: ticket {second} is in flight: ")), "{said}");
        assert_eq!(env.processes().len(), 0);
    }
}

/// The launcher of a restore is killed while its host is on its way.
mod a_launcher_that_is_killed {
    use super::*;

    /// A host that tells that it was started, and goes on when it is told to.
    fn paused(env: &TestEnv) -> (std::path::PathBuf, fs::File, fs::File) {
        let (arrived, go) = (env.root().join("arrived"), env.root().join("go"));
        run(env.command("mkfifo").args([&arrived, &go]), 0);
        // The host has no standard input to spare: what it is told there is read by the real program.
        let script = format!("echo up >'{}'; read -r _ <'{}'; exec \"$yoi\" \"$@\"", arrived.display(), go.display());
        let both = |path| fs::File::options().read(true).write(true).open(path).unwrap();
        (env.launcher_with_host(&script), both(&arrived), both(&go))
    }

    #[test]
    fn leaves_the_pod_stopped_as_it_was() {
        use std::io::{Read as _, Write as _};
        let env = stopped();
        let (launch, mut arrived, mut go) = paused(&env);
        let mut before = registry(&env);
        let mut restoring = env.command(&launch).args(["-q", "restore", POD]).spawn().unwrap();
        let mut said = [0; 3];
        arrived.read_exact(&mut said).unwrap();
        assert_eq!(&said, b"up\n");
        // Its tickets are in flight until it is gone.
        run(&mut env.yoi_claim(["ticket-lock", INCOMPLETE, "--", "true"]), 3);
        restoring.kill().unwrap();
        restoring.wait().unwrap();
        go.write_all(b"go\n").unwrap();
        env.wait_for_processes();
        let after = registry(&env);
        // The host says in its log why it went; of all else nothing changed.
        let log = format!("pods/{POD}/host.log");
        let written = String::from_utf8(after[&log].1.clone()).unwrap();
        assert!(written.contains("the launch was not confirmed: giving up"), "{written}");
        before.insert(log.clone(), after[&log].clone());
        let history = format!("pods/{POD}/history.jsonl");
        assert!(after[&history].1.starts_with(&before[&history].1));
        before.insert(history.clone(), after[&history].clone());
        for (path, file) in &after {
            if path.ends_with("pod.toml") {
                // The cgroup is another with each start.
                let lines = |(_, bytes): &(u32, Vec<u8>)| -> Vec<String> {
                    let text = String::from_utf8(bytes.clone()).unwrap();
                    text.lines().filter(|line| !line.starts_with("cgroup")).map(str::to_owned).collect()
                };
                assert_eq!(lines(file), lines(&before[path]));
                continue;
            }
            assert!(before.get(path) == Some(file), "{path} has changed");
        }
        assert_eq!(names(&env.runtime()), Vec::<String>::new());
        held_by(&env, "restorable");
        restore(&env, 0);
        env.stop(POD);
    }
}

#[test]
fn two_restores_at_once_bring_back_one_pod() {
    let env = stopped();
    let start = || env.yoi(["-q", "restore", POD]).stdout(std::process::Stdio::null()).spawn().unwrap();
    let both = [start(), start()];
    let mut statuses = both.map(|mut child| child.wait().unwrap().code().unwrap());
    statuses.sort_unstable();
    // The other one finds the ticket in flight, or the Pod live.
    assert!(matches!(statuses, [0, 1] | [0, 3]), "{statuses:?}");
    assert_eq!(env.listed("pod-list"), format!("{POD}\tintake\tidle\n"));
    env.stop(POD);
}
