//! Launches that fail, at every step: what is said, what is left (nothing), and that the next one works.

mod common;
mod fake_host;


use common::scene::{COMPLETE, Tree, pod, tree};
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
        for (work, name) in [(&["-m", "a wish"][..], "intake-new".to_owned()), (&[COMPLETE], format!("intake-{COMPLETE}"))] {
            let outcome = run(launcher.yoi(&["intake"]).args(work).args(self.options), 4);
            let said = format!(
                "yoi: the launch of Pod {name} failed at {step}: {why}; nothing was left behind\n  | {LAST_WORDS}\n"
            );
            let socket = env.registry().socket_path(&pod(&name));
            assert_eq!(outcome.stderr.replace(socket.to_str().unwrap(), "SOCKET"), said);
            assert_eq!(outcome.stdout, "");
            assert!(launcher.has_started_a_host());
            env.assert_nothing_is_left();
            assert_eq!(tickets(&env), before);
        }
        let explained = run(&mut env.yoi(["why", COMPLETE]), 0).stdout;
        assert!(explained.contains(&format!("at {step}: {why}")) && explained.contains(LAST_WORDS), "{explained}");
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
        let doomed = Doomed::of(Fault::HangsAndIgnoresSigterm).with(&["--ready-timeout", "0.3"]);
        doomed.fails_at("ready", "the Pod host was not ready within 0.3 s");
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
}
