//! Launches that fail, at every step: what is said, what is left (nothing), and that the next one works.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
mod fake_host;

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::Path;

use common::scene::{COMPLETE, INCOMPLETE, Tree, names, pod, ticket, tree};
use common::{TestEnv, run};
use fake_host::{FAULT, Fault, LAST_WORDS, Launcher};

/// No test: the program that hosts Pods, where a test has it go wrong.
#[test]
#[ignore = "it is the faulty host of the other tests"]
#[expect(clippy::disallowed_methods, reason = "how the other tests tell it what is to go wrong")]
fn fake_host() {
    if let Ok(fault) = std::env::var(FAULT) {
        fake_host::play(Fault::named(&fault));
    }
}

/// How the next launch is made after one that failed.
const AGAIN: [&str; 3] = ["intake", COMPLETE, "--wait"];

/// A launch works and does all its work, as if none had failed before.
#[track_caller]
fn assert_the_next_launch_works(env: &TestEnv) {
    run(&mut env.yoi(AGAIN), 0);
    let pod = format!("intake-{COMPLETE}");
    assert_eq!(env.listed("session-list"), format!("{pod}\tintake\tticket_claim\t{COMPLETE}\n"));
    env.wait_for_processes();
    assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\t{pod}\tintake\t1\trestorable\n"));
}

fn tickets(env: &TestEnv) -> Tree {
    tree(&env.workspace())
}

/// What a launch whose host goes wrong is asked for.
struct Doomed {
    fault: Fault,
    options: &'static [&'static str],
}

impl Doomed {
    fn of(fault: Fault) -> Self {
        Self { fault, options: &[] }
    }

    fn with(self, options: &'static [&'static str]) -> Self {
        Self { options, ..self }
    }

    /// Makes the launch on a ticket and without one. Each must end with status 4, say this of the step and nothing
    /// else but the host's last words, and leave nothing; then the next launch must work.
    #[track_caller]
    fn fails_at(self, step: &str, why: &str) {
        let env = TestEnv::with_sample();
        let before = tickets(&env);
        let launcher = Launcher::install(&env, self.fault);
        let on_ticket = (&[COMPLETE][..], format!("intake-{COMPLETE}"));
        for (work, name) in [(&["-m", "a wish"][..], "intake-new".to_owned()), on_ticket] {
            let outcome = run(launcher.yoi(&["intake"]).args(work).args(self.options), 4);
            let told_under = if work == [COMPLETE] { COMPLETE } else { &name };
            let said = format!(
                "yoi: the launch of Pod {name} failed at {step}: {why}; nothing was left behind\n  | {LAST_WORDS}\n\
                 hint: yoi why {told_under}\n"
            );
            let socket = env.registry().socket_path(&pod(&name));
            assert_eq!(outcome.stderr.replace(socket.to_str().unwrap(), "SOCKET"), said);
            assert_eq!(outcome.stdout, "");
            assert!(launcher.has_started_a_host());
            env.assert_nothing_is_left();
            assert_eq!(tickets(&env), before);
            let explained = run(&mut env.yoi(["why", told_under]), 0).stdout;
            let told = explained.replace(socket.to_str().unwrap(), "SOCKET");
            assert!(told.contains(&format!("at {step}: {why}")) && told.contains(LAST_WORDS), "{told}");
        }
        assert_the_next_launch_works(&env);
    }
}

mod at_ready {
    use super::*;

    #[test]
    fn the_host_dies_before_it_has_made_anything() {
        Doomed::of(Fault::DiesAtOnce).fails_at("ready", "the Pod host ended before it was ready");
    }

    #[test]
    fn the_host_dies_with_its_directory_made() {
        Doomed::of(Fault::Dies).fails_at("ready", "the Pod host ended before it was ready");
    }

    #[test]
    fn the_host_hangs() {
        let doomed = Doomed::of(Fault::Hangs).with(&["--ready-timeout", "0.3"]);
        doomed.fails_at("ready", "the Pod host was not ready within 0.3 s");
    }

    #[test]
    fn the_host_hangs_and_ignores_sigterm() {
        let env = TestEnv::with_sample();
        let launcher = Launcher::install(&env, Fault::HangsAndIgnoresSigterm);
        run(&mut launcher.yoi(&["intake", COMPLETE, "--ready-timeout", "0.3"]), 4);
        env.assert_nothing_is_left();
    }

    #[test]
    fn the_host_refuses() {
        Doomed::of(Fault::Refuses).fails_at("ready", "the Pod host refused to start: there is no model here");
    }

    #[test]
    fn the_host_talks_nonsense() {
        let why = "the Pod host said \"good morning\\n\" instead of being ready";
        Doomed::of(Fault::TalksNonsense).fails_at("ready", why);
    }
}

mod at_connect {
    use super::*;

    #[test]
    fn nobody_listens_at_the_socket() {
        let why = "cannot connect to 'SOCKET': No such file or directory (os error 2)";
        Doomed::of(Fault::DoesNotListen).fails_at("connect", why);
    }

    #[test]
    fn the_connection_is_closed() {
        Doomed::of(Fault::ClosesConnections).fails_at("connect", "the Pod closed the connection");
    }
}

mod at_the_first_run {
    use super::*;

    #[test]
    fn it_is_rejected() {
        Doomed::of(Fault::RejectsTheRun).fails_at("run", "the model is overloaded");
    }

    #[test]
    fn the_stream_is_closed() {
        Doomed::of(Fault::ClosesTheStream).fails_at("run", "the Pod closed the connection");
    }

    #[test]
    fn the_host_dies() {
        Doomed::of(Fault::DiesOfTheRun).fails_at("run", "the Pod closed the connection");
    }

    #[test]
    fn it_is_not_answered_in_time() {
        let doomed = Doomed::of(Fault::SaysNothing).with(&["--accept-timeout", "0.3"]);
        doomed.fails_at("run", "the Pod did not answer in time");
    }

    #[test]
    fn the_acceptance_of_another_run_is_none() {
        let doomed = Doomed::of(Fault::AcceptsAnotherRun).with(&["--accept-timeout", "0.3"]);
        doomed.fails_at("run", "the Pod did not answer in time");
    }

    #[test]
    fn the_acceptance_of_other_input_is_none() {
        let why = "the Pod sent what is not of this protocol: \"user_message\" in answer to a request";
        Doomed::of(Fault::AcceptsOtherInput).fails_at("run", why);
    }

    /// The real host, whose offer cannot be written.
    #[test]
    fn the_real_host_rejects_it() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["ticket-lock", COMPLETE, "--", "true"]), 0);
        let tombstone = env.registry().tombstone_path(&ticket(COMPLETE));
        fs::write(&tombstone, "no claim").unwrap();
        let before = tickets(&env);
        let outcome = run(&mut env.yoi(["-q", "intake", COMPLETE]), 4);
        assert!(outcome.stderr.contains("failed at run: cannot write the offer"), "{outcome:?}");
        assert!(outcome.stderr.contains(tombstone.to_str().unwrap()), "{outcome:?}");
        fs::remove_file(tombstone).unwrap();
        env.assert_nothing_is_left();
        assert_eq!(names(&env.runtime()), Vec::<String>::new());
        assert_eq!(tickets(&env), before);
        assert_the_next_launch_works(&env);
    }
}

mod at_commit {
    use super::*;

    #[test]
    fn another_claim_appeared() {
        let env = TestEnv::with_sample();
        let before = tickets(&env);
        let launcher = Launcher::install(&env, Fault::IsOvertaken);
        let outcome = run(&mut launcher.yoi(&["intake", COMPLETE]), 4);
        assert_eq!(
            outcome.stderr,
            format!(
                "yoi: the launch of Pod intake-{COMPLETE} failed at commit: ticket {COMPLETE} is claimed by Pod usurper as \
                 coder (generation 1); nothing was left behind\n  | {LAST_WORDS}\nhint: yoi why {COMPLETE}\n"
            )
        );
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\tusurper\tcoder\t1\tstale\n"));
        let registry = env.registry();
        let theirs = registry.claim_path(&ticket(COMPLETE));
        let standing = fs::read(&theirs).unwrap();
        fs::remove_file(&theirs).unwrap();
        let written_again = fake_host::usurper(&registry, &ticket(COMPLETE));
        // But for the moment, it is what the other wrote.
        let same = |bytes: &[u8]| env.normalise(std::str::from_utf8(bytes).unwrap()).replace(char::is_numeric, "");
        assert_eq!(same(&standing), same(&fs::read(&written_again).unwrap()));
        fs::remove_file(&theirs).unwrap();
        env.assert_nothing_is_left();
        assert_eq!(tickets(&env), before);
        assert_the_next_launch_works(&env);
    }

    #[test]
    fn the_pod_has_given_up() {
        let env = TestEnv::with_sample();
        let launcher = Launcher::install(&env, Fault::HasNoOffer);
        for (work, step) in [(&[COMPLETE][..], "commit"), (&["-m", "a wish"], "record")] {
            let outcome = run(launcher.yoi(&["intake"]).args(work), 4);
            assert!(outcome.stderr.contains(&format!("failed at {step}: Pod ")), "{outcome:?}");
            assert!(outcome.stderr.contains("gave up"), "{outcome:?}");
            env.assert_nothing_is_left();
        }
        assert_the_next_launch_works(&env);
    }
}

/// The plumbing's script, as in the manual, with whatever host lies beside it.
mod in_the_script {
    use super::*;

    #[test]
    fn a_host_that_fails_before_it_is_ready_leaves_nothing() {
        for (fault, more) in [(Fault::Dies, ""), (Fault::Refuses, ""), (Fault::Hangs, "--ready-timeout 0.3")] {
            let env = TestEnv::with_sample();
            let before = tickets(&env);
            let launcher = Launcher::install(&env, fault);
            let script = format!(
                "yoi-claim ticket-lock {COMPLETE} -- sh -ec '
                   yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket {COMPLETE} {more}
                   echo goes on'"
            );
            let outcome = run(&mut launcher.shell(&script), 4);
            assert_eq!(outcome.stdout, "");
            assert!(outcome.stderr.starts_with("yoi-claim: the launch of Pod p failed at ready: "), "{outcome:?}");
            env.assert_nothing_is_left();
            assert_eq!(tickets(&env), before);
            assert_the_next_launch_works(&env);
        }
    }

    #[test]
    fn a_run_that_is_not_of_this_attempt_is_rejected_and_the_pod_goes() {
        let env = TestEnv::with_sample();
        let before = tickets(&env);
        let script = format!(
            "yoi-claim ticket-lock {COMPLETE} -- sh -ec '
               yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket {COMPLETE} >&2
               echo hello | YOI_CLAIM_NONCE=00000000000000000000000000000001 yoi-claim pod-run p
               echo goes on'"
        );
        let outcome = run(&mut env.shell(&script), 4);
        assert_eq!(outcome.stdout, "");
        assert!(outcome.stderr.contains("the nonce is not that of the attempt"), "{outcome:?}");
        env.assert_nothing_is_left();
        assert_eq!(names(&env.runtime()), Vec::<String>::new());
        assert_eq!(tickets(&env), before);
        assert_the_next_launch_works(&env);
    }

    #[test]
    fn a_process_left_behind_keeps_the_ticket_in_flight_and_why_names_it() {
        let env = TestEnv::with_sample();
        let script = format!("yoi-claim ticket-lock {COMPLETE} -- sh -c 'sleep 1000 >&- 2>&- & exit 7'");
        let outcome = run(&mut env.shell(&script), 7);
        assert!(outcome.stderr.contains(&format!("ticket {COMPLETE} is still in flight")), "{outcome:?}");
        let refused = run(&mut env.yoi(["-q", "intake", COMPLETE]), 3);
        assert!(refused.stderr.contains(&format!("ticket {COMPLETE} is in flight: ticket-lock, pid ")), "{refused:?}");
        let sleeping = env.processes();
        let [sleeping] = sleeping.as_slice() else { panic!("one process") };
        let why = run(&mut env.yoi(["why", COMPLETE]), 0).stdout;
        assert!(why.contains(&format!("has it open: pid {} (sleep)", sleeping.pid())), "{why}");
        sleeping.kill();
        env.wait_for_processes();
        env.assert_nothing_is_left();
        assert_the_next_launch_works(&env);
    }

    /// Whatever the script does: where it ends before the claim is committed, the Pod has gone when `ticket-lock` ends.
    #[test]
    fn a_script_that_ends_after_any_step_before_the_commit_leaves_nothing() {
        let env = TestEnv::with_sample();
        let before = tickets(&env);
        let steps = [
            format!("yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket {COMPLETE} >&2"),
            "echo hello | yoi-claim pod-run p >&2".to_owned(),
        ];
        for done in 0..=steps.len() {
            let script = format!("yoi-claim ticket-lock {COMPLETE} -- sh -ec '{}\nexit 9'", steps[..done].join("\n"));
            run(&mut env.shell(&script), 9);
            env.assert_nothing_is_left();
            assert_eq!(tickets(&env), before);
        }
        assert_the_next_launch_works(&env);
    }
}

mod before_spawn {
    use super::*;

    /// Makes the launch, which must end with this status before a host is started and say this; nothing is left.
    #[track_caller]
    fn assert_refused(env: &TestEnv, arguments: &[&str], status: i32) -> String {
        let before = tickets(env);
        let launcher = Launcher::install(env, Fault::DiesAtOnce);
        let outcome = run(&mut launcher.yoi(arguments), status);
        assert!(!launcher.has_started_a_host());
        assert_eq!(outcome.stdout, "");
        assert_eq!(tickets(env), before);
        assert_eq!(env.processes().len(), 0);
        env.normalise(&outcome.stderr)
    }

    /// A profile that cannot be: told without a byte being written, and mended by changing what the error names.
    #[track_caller]
    fn assert_no_profile(env: &TestEnv, arguments: &[&str]) -> String {
        let said = assert_refused(env, arguments, 4);
        assert_eq!(tree(&env.data()), Tree::new());
        assert_eq!(tree(&env.runtime()), Tree::new());
        env.configure("intake", "builtin:checklist");
        assert_the_next_launch_works(env);
        said
    }

    #[test]
    fn profile_inherit() {
        let env = TestEnv::with_sample();
        env.configure("intake", "inherit");
        insta::assert_snapshot!(assert_no_profile(&env, &["intake", COMPLETE]), @r#"
        yoi: cannot launch role intake: UnsupportedInheritProfile: profile inherit has no Pod above it to inherit from (set in $ROOT/work/.yoi/ticket.config.toml:2)
        hint: change the profile in $ROOT/work/.yoi/ticket.config.toml:2
        "#);
    }

    #[test]
    fn profile_inherit_plans_all_the_same() {
        let env = TestEnv::with_sample();
        env.configure("intake", "inherit");
        let plan = run(&mut env.yoi_claim(["launch-plan", "--role", "intake", "--ticket", COMPLETE]), 0);
        assert!(plan.stdout.contains("\"profile\": \"inherit\"") || plan.stdout.contains("\"profile\":\"inherit\""));
        assert_eq!(tree(&env.data()), Tree::new());
    }

    #[test]
    fn unknown_profile() {
        let env = TestEnv::with_sample();
        env.configure("intake", "builtin:cheklist");
        insta::assert_snapshot!(assert_no_profile(&env, &["intake", COMPLETE]), @r#"
        yoi: cannot launch role intake (profile set in $ROOT/work/.yoi/ticket.config.toml:2): there is no profile builtin:cheklist: did you mean builtin:checklist?
        hint: change the profile in $ROOT/work/.yoi/ticket.config.toml:2
        "#);
        let env = TestEnv::with_sample();
        env.configure_script("true");
        env.configure("intake", "project:scrip");
        insta::assert_snapshot!(assert_no_profile(&env, &["intake", COMPLETE]), @r#"
        yoi: cannot launch role intake (profile set in $ROOT/work/.yoi/ticket.config.toml:2): there is no profile project:scrip in $ROOT/work/.yoi/profiles.toml: did you mean project:script?
        hint: change the profile in $ROOT/work/.yoi/ticket.config.toml:2
        "#);
    }

    #[test]
    fn missing_program() {
        let env = TestEnv::with_sample();
        env.configure_script("true");
        let profiles = "# fast\n[profiles.script]\nagent = \"exec\"\ncommand = [\"no-such-agent\", \"-\"]\n";
        fs::write(env.workspace().join(".yoi/profiles.toml"), profiles).unwrap();
        insta::assert_snapshot!(assert_no_profile(&env, &["intake", COMPLETE]), @r#"
        yoi: cannot launch role intake (profile set in $ROOT/work/.yoi/ticket.config.toml:2): $ROOT/work/.yoi/profiles.toml:4: profile project:script: "no-such-agent" is not in PATH
        hint: change the profile in $ROOT/work/.yoi/profiles.toml:4
        "#);
    }

    #[test]
    fn role_without_a_profile_lists_the_agents_that_are_installed() {
        let env = TestEnv::with_sample();
        let programs = env.root().join("programs");
        let install = "mkdir \"$1\"; printf '#!/bin/sh\\n' >\"$1/codex\"; chmod +x \"$1/codex\"";
        run(env.shell(install).arg("sh").arg(&programs), 0);
        let outcome = run(env.yoi(["launch", "coder", COMPLETE]).env("PATH", programs), 4);
        insta::assert_snapshot!(env.normalise(&outcome.stderr), @r#"
        yoi: cannot launch role coder: it has no profile (set in $ROOT/work/.yoi/ticket.config.toml); agents found: codex
        hint: yoi init --agent codex
        "#);
        assert_eq!(tree(&env.data()), Tree::new());
    }

    #[test]
    fn a_profile_that_cannot_be_is_refused_in_the_script_too() {
        let env = TestEnv::with_sample();
        let launcher = Launcher::install(&env, Fault::DiesAtOnce);
        for profile in ["inherit", "builtin:nope", "project:nope", "nope"] {
            let script = format!(
                "yoi-claim ticket-lock {COMPLETE} -- yoi-claim pod-spawn p --role intake --profile {profile} --ticket {COMPLETE}"
            );
            let outcome = run(&mut launcher.shell(&script), 4);
            assert!(outcome.stderr.starts_with("yoi-claim: cannot launch role intake"), "{outcome:?}");
        }
        assert!(!launcher.has_started_a_host());
        env.assert_nothing_is_left();
    }

    /// Something stands where a directory or file of the registry is to be: status 128, and the path is named.
    #[track_caller]
    fn assert_obstacle(obstacle: impl Fn(&TestEnv) -> std::path::PathBuf, make: impl Fn(&Path)) {
        for work in [&["intake", COMPLETE][..], &["intake", "-m", "a wish"]] {
            let env = TestEnv::with_sample();
            let path = obstacle(&env);
            if path.is_dir() {
                fs::remove_dir(&path).unwrap();
            }
            make(&path);
            let said = assert_refused(&env, work, 128);
            let named = env.normalise(path.to_str().unwrap());
            assert!(said.contains(&format!("'{named}'")), "{named} is not named in: {said}");
            if path.is_dir() {
                fs::remove_dir(&path).unwrap()
            } else {
                fs::remove_file(&path).unwrap()
            }
            if path.ends_with("data") || path.ends_with("run") {
                fs::create_dir(&path).unwrap();
            }
            assert_the_next_launch_works(&env);
        }
    }

    fn file(path: &Path) {
        fs::write(path, "in the way").unwrap();
    }

    /// Makes the registry by a command that changes nothing else.
    fn registry_made(env: &TestEnv) -> std::path::PathBuf {
        run(&mut env.yoi_claim(["ticket-lock", "another", "--", "true"]), 0);
        env.registry().dir().to_owned()
    }

    #[test]
    fn a_file_in_place_of_the_data_directory() {
        assert_obstacle(|env| env.data(), file);
    }

    #[test]
    fn a_file_in_place_of_the_runtime_directory() {
        assert_obstacle(|env| env.runtime(), file);
    }

    #[test]
    fn a_file_in_place_of_a_directory_of_the_registry() {
        for name in ["claims", "sessions", "pods", "offers", "tmp"] {
            assert_obstacle(|env| registry_made(env).join(name), file);
        }
    }

    #[test]
    fn a_directory_in_place_of_the_ticket_lock() {
        let env = TestEnv::with_sample();
        let lock = registry_made(&env).join("locks/tickets").join(COMPLETE);
        fs::create_dir(&lock).unwrap();
        let said = assert_refused(&env, &["intake", COMPLETE], 128);
        assert!(said.contains("locks/tickets"), "{said}");
        fs::remove_dir(&lock).unwrap();
        assert_the_next_launch_works(&env);
    }

    #[test]
    fn a_directory_that_others_may_write_to() {
        use std::os::unix::fs::PermissionsExt as _;
        let env = TestEnv::with_sample();
        let claims = registry_made(&env).join("claims");
        fs::set_permissions(&claims, fs::Permissions::from_mode(0o777)).unwrap();
        assert_refused(&env, &["intake", COMPLETE], 128);
        fs::set_permissions(&claims, fs::Permissions::from_mode(0o700)).unwrap();
        assert_the_next_launch_works(&env);
    }

    #[test]
    fn a_runtime_directory_whose_path_is_too_long() {
        let env = TestEnv::with_sample();
        let long = env.root().join("r".repeat(200));
        let outcome = run(env.yoi(["-q", "intake", COMPLETE]).env("YOI_RUNTIME_DIR", &long), 128);
        assert!(outcome.stderr.contains("set YOI_RUNTIME_DIR to a shorter directory"), "{outcome:?}");
        assert!(!long.exists());
        env.assert_nothing_is_left();
    }

    /// Its name is as good as taken.
    #[test]
    fn a_socket_that_somebody_else_listens_at_is_left_alone() {
        let env = TestEnv::with_sample();
        let taken = format!("intake-{COMPLETE}");
        let socket = env.registry().socket_path(&pod(&taken));
        let _listener = UnixListener::bind(&socket).unwrap();
        run(&mut env.yoi(["intake", COMPLETE, "--wait"]), 0);
        env.wait_for_processes();
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\t{taken}-2\tintake\t1\trestorable\n"));
        assert_eq!(names(&env.registry().dir().join("pods")), [format!("{taken}-2")]);
        assert_eq!(names(&env.runtime()), [socket.file_name().unwrap().to_str().unwrap()]);
    }
}

mod at_the_session_record {
    use super::*;

    /// Words as a shell reads them, behind `hint: `.
    fn mending(said: &str) -> &str {
        said.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap()
    }

    #[test]
    fn pod_and_claim_stand_and_the_printed_command_mends_it() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["session-record", "another", "--role", "coder", "--origin", "role_launch"]), 0);
        let name = format!("intake-{INCOMPLETE}");
        let obstacle = env.registry().session_path(&pod(&name));
        fs::create_dir(&obstacle).unwrap();
        let outcome = run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 5);
        insta::assert_snapshot!(env.normalise(&outcome.stderr), @r#"
        yoi: Pod intake-20260118-101544-001 runs and its claim on ticket 20260118-101544-001 stands, but record failed: cannot record the session of Pod intake-20260118-101544-001: cannot read '$ROOT/data/workspaces/work-HASH/sessions/intake-20260118-101544-001.toml': it is no regular file
        hint: yoi-claim session-record intake-20260118-101544-001 --role intake --origin ticket_claim --ticket 20260118-101544-001
        "#);
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{name}\tintake\t1\tlive\n"));
        run(&mut env.yoi_claim(["ticket-lock", INCOMPLETE, "--", "true"]), 0);
        // Not before it can be written.
        run(&mut env.shell(mending(&outcome.stderr)), 128);
        fs::remove_dir(&obstacle).unwrap();
        run(&mut env.shell(mending(&outcome.stderr)), 0);
        let shown = run(&mut env.yoi_claim(["session-show", &name]), 0).stdout;
        assert_eq!(shown, format!("{name}\tintake\tticket_claim\t{INCOMPLETE}\n"));
        env.stop(&name);
        run(&mut env.yoi(["restore", &name]), 0);
        env.stop(&name);
    }

    #[test]
    fn likewise_without_a_ticket() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["session-record", "another", "--role", "coder", "--origin", "role_launch"]), 0);
        let obstacle = env.registry().session_path(&pod("intake-new"));
        fs::create_dir(&obstacle).unwrap();
        let outcome = run(&mut env.yoi(["-q", "intake", "-m", "people want to see how much is left"]), 5);
        insta::assert_snapshot!(env.normalise(&outcome.stderr), @r#"
        yoi: Pod intake-new runs, but record failed: cannot record the session of Pod intake-new: cannot read '$ROOT/data/workspaces/work-HASH/sessions/intake-new.toml': it is no regular file
        hint: yoi-claim session-record intake-new --role intake --origin pre_ticket_intake
        "#);
        assert!(env.listed("pod-list").starts_with("intake-new\tintake\t"));
        fs::remove_dir(&obstacle).unwrap();
        run(&mut env.shell(mending(&outcome.stderr)), 0);
        assert!(env.listed("session-list").contains("intake-new\tintake\tpre_ticket_intake\t"));
        env.stop("intake-new");
        run(&mut env.yoi(["restore", "intake-new"]), 0);
        env.stop("intake-new");
    }

    #[test]
    fn in_the_script_the_pod_goes_on_by_itself() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["session-record", "another", "--role", "coder", "--origin", "role_launch"]), 0);
        let obstacle = env.registry().session_path(&pod("p"));
        fs::create_dir(&obstacle).unwrap();
        let script = format!(
            "yoi-claim ticket-lock {INCOMPLETE} -- sh -ec '
               yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket {INCOMPLETE}
               echo hello | yoi-claim pod-run p
               yoi-claim claim-commit {INCOMPLETE} --pod p --role intake --evidence user_message
               yoi-claim session-record p --role intake --origin ticket_claim --ticket {INCOMPLETE}
               echo goes on'"
        );
        run(&mut env.shell(&script), 128);
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\tp\tintake\t1\tlive\n"));
        env.stop("p");
        fs::remove_dir(&obstacle).unwrap();
    }
}
