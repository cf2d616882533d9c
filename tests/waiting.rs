//! `yoi wait`: blocks until a ticket or a Pod is as it is wanted, is told so by whoever changed it, and never asks.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use common::puppet::Puppet;
use common::scene::{COMPLETE, INCOMPLETE};
use common::{DEADLINE, Outcome, Process, TestEnv, run};
use serde_json::json;

/// For how long a wait must sleep.
const QUIET: Duration = Duration::from_millis(500);

/// A `yoi wait` that runs.
struct Wait(Child);

impl Wait {
    /// Starts it, and waits until it has looked and sleeps.
    fn start(env: &TestEnv, arguments: &[&str]) -> Self {
        let mut command = env.yoi(["wait"]);
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
        let wait = Self(command.spawn().unwrap());
        let deadline = Instant::now() + DEADLINE;
        while !wait.sleeps() {
            assert!(Instant::now() < deadline, "{arguments:?} does not come to rest");
            std::thread::yield_now();
        }
        wait
    }

    /// Whether its first thread waits for another one to tell it something; so it does only when it has looked.
    fn sleeps(&self) -> bool {
        let wchan = fs::read_to_string(format!("/proc/{0}/task/{0}/wchan", self.0.id())).unwrap_or_default();
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap_or_default();
        wchan.starts_with("futex") || status.lines().any(|line| line.starts_with("State:\tZ"))
    }

    fn process(&self) -> Process {
        Process::open(self.0.id()).unwrap()
    }

    #[track_caller]
    fn ends(self, status: i32) -> Outcome {
        assert!(self.process().wait(Instant::now() + DEADLINE), "it still waits");
        Outcome::from_output(self.0.wait_with_output().unwrap()).assert_status(status)
    }
}

fn set_state(env: &TestEnv, id: &str, state: &str) {
    let path = env.workspace().join(".yoi/tickets").join(id).join("item.md");
    let set = |line: &str| match line.split_once(": ") {
        Some((key @ ("state" | "workflow_state"), _)) => format!("{key}: {state}\n"),
        _ => format!("{line}\n"),
    };
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, text.lines().map(set).collect::<String>()).unwrap();
}

/// A coder in its first turn.
fn coder() -> (TestEnv, Puppet, String) {
    let env = TestEnv::with_sample();
    set_state(&env, COMPLETE, "ready");
    let mut puppet = env.puppet("coder");
    run(&mut env.yoi(["-q", "launch", "coder", COMPLETE]), 0);
    puppet.begun();
    (env, puppet, format!("coder-{COMPLETE}"))
}

mod for_a_ticket {
    use super::*;

    #[test]
    fn what_is_so_already_is_not_waited_for() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi(["wait", COMPLETE, "--state", "planning,ready", "--timeout", "30"]), 0);
        run(&mut env.yoi(["wait", COMPLETE, "--status", "free"]), 0);
        run(&mut env.yoi(["wait", "nothing"]), 1);
        run(&mut env.yoi(["wait", "nothing", "--state", "ready"]), 1);
        assert!(!env.data().join("workspaces").exists(), "waiting writes nothing");
    }

    #[test]
    fn the_end_of_the_time_is_told_with_how_it_is() {
        let env = TestEnv::with_sample();
        let outcome = run(&mut env.yoi(["wait", COMPLETE, "--timeout", "0.05"]), 3);
        let said = format!("yoi: ticket {COMPLETE} is intake, and not done or closed after 0.05 s\n");
        assert_eq!(outcome.stderr, said);
        let outcome = run(&mut env.yoi(["wait", COMPLETE, "--status", "live", "--timeout", "0"]), 3);
        assert!(outcome.stderr.starts_with(&format!("yoi: ticket {COMPLETE} is free, and not live")), "{outcome:?}");
    }

    #[test]
    fn a_state_that_is_reached_or_passed_through_ends_it_whoever_writes_it() {
        let (env, mut puppet, pod) = coder();
        let wait = Wait::start(&env, &[COMPLETE, "--state", "inprogress"]);
        let other = Wait::start(&env, &[COMPLETE, "--state", "done,closed"]);
        puppet.tool("TicketStart", &json!({ "ticket": COMPLETE }));
        wait.ends(0);
        // It was queued for a moment that was over before anybody looked: only its thread tells.
        let passing = Wait::start(&env, &[COMPLETE, "--state", "queued"]);
        let thread = env.workspace().join(".yoi/tickets").join(COMPLETE).join("thread.md");
        let told = fs::read_to_string(&thread).unwrap();
        let event = "<!-- event: state_changed author: x at: 2026-01-18T09:30:12Z from: ready to: queued -->\n\n## Q\n";
        fs::write(&thread, format!("{told}\n{event}\n---\n")).unwrap();
        passing.ends(0);
        set_state(&env, COMPLETE, "closed");
        other.ends(0);
        env.stop(&pod);
    }

    #[test]
    fn an_editor_that_writes_it_in_pieces_is_waited_for() {
        let env = TestEnv::with_sample();
        let wait = Wait::start(&env, &[COMPLETE, "--state", "ready"]);
        let path = env.workspace().join(".yoi/tickets").join(COMPLETE).join("item.md");
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, "---\nstate").unwrap();
        fs::write(&path, before).unwrap();
        set_state(&env, COMPLETE, "ready");
        wait.ends(0);
    }

    #[test]
    fn the_end_of_a_roles_work_on_it_is_told_and_that_nobody_holds_it_any_more() {
        let (env, mut puppet, pod) = coder();
        let completed = Wait::start(&env, &[COMPLETE, "--status", "completed"]);
        let stopped = Wait::start(&env, &[COMPLETE, "--status", "stopped"]);
        puppet.tool("TicketStart", &json!({ "ticket": COMPLETE }));
        puppet.tool("TicketReport", &json!({ "ticket": COMPLETE, "report": "All of it." }));
        completed.ends(0);
        env.stop(&pod);
        stopped.ends(0);
        let free = Wait::start(&env, &[COMPLETE, "--status", "free"]);
        let expect = run(&mut env.yoi_claim(["claim-show", COMPLETE, "--format", "{expect}"]), 0).stdout;
        let words = ["claim-release", COMPLETE, "--expect", expect.trim_end(), "--reason", "it is done"];
        run(&mut env.yoi_claim(words), 0);
        free.ends(0);
    }
}

mod for_a_pod {
    use super::*;

    #[test]
    fn what_it_does_is_heard_from_itself() {
        let (env, mut puppet, pod) = coder();
        run(&mut env.yoi(["wait", &pod, "--status", "running"]), 0);
        run(&mut env.yoi(["wait", &pod, "--status", "live"]), 0);
        let idle = Wait::start(&env, &[&pod, "--status", "idle"]);
        let of_ticket = Wait::start(&env, &[COMPLETE, "--status", "idle"]);
        puppet.answer("done", 0);
        idle.ends(0);
        of_ticket.ends(0);
        let ended = Wait::start(&env, &[&pod]);
        let running = Wait::start(&env, &[&pod, "--status", "running"]);
        env.stop(&pod);
        ended.ends(0);
        let outcome = running.ends(1);
        let said = format!("yoi: Pod {pod} has ended before it was running\nhint: yoi why {pod}\n");
        assert_eq!(outcome.stderr, said);
        run(&mut env.yoi(["wait", &pod, "--status", "restorable"]), 0);
        let outcome = run(&mut env.yoi(["wait", &pod, "--status", "idle"]), 1);
        assert!(outcome.stderr.contains("has ended before it was idle"), "one that has ended does nothing by itself");
        let back = Wait::start(&env, &[&pod, "--status", "live"]);
        run(&mut env.yoi(["restore", &pod]), 0);
        back.ends(0);
        env.stop(&pod);
    }

    #[test]
    fn its_death_is_told_too() {
        let (env, _puppet, pod) = coder();
        let ended = Wait::start(&env, &[&pod]);
        let completed = Wait::start(&env, &[COMPLETE, "--status", "completed"]);
        let hosts = || env.processes().into_iter().filter(|process| process.to_string().contains("pod-host"));
        hosts().for_each(|process| process.kill());
        ended.ends(0);
        assert!(completed.ends(1).stderr.contains("has ended before it was completed"));
        env.wait_for_processes();
    }

    #[test]
    fn an_intake_that_makes_its_ticket_ready_ends_by_itself() {
        let env = TestEnv::with_sample();
        let ready = Wait::start(&env, &[COMPLETE, "--state", "ready"]);
        run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
        run(&mut env.yoi(["wait", &format!("intake-{COMPLETE}")]), 0);
        ready.ends(0);
        env.wait_for_processes();
    }
}

/// Of all that may be waited for: whoever waits sleeps, until there is something to be told.
#[test]
fn nobody_asks_again_and_again() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    let pod = format!("intake-{INCOMPLETE}");
    let waits = [
        Wait::start(&env, &[INCOMPLETE]),
        Wait::start(&env, &[INCOMPLETE, "--status", "completed"]),
        Wait::start(&env, &[&pod]),
        Wait::start(&env, &[&pod, "--status", "running"]),
    ];
    let sleeps = || waits.iter().map(|wait| wait.process().sleeps()).collect::<Vec<_>>();
    let mut before = sleeps();
    let start = Instant::now();
    loop {
        std::thread::park_timeout(QUIET);
        let now = sleeps();
        if now == before {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "{before:?} {now:?}");
        before = now;
    }
    env.stop(&pod);
    let [ticket, claim, ended, running] = waits;
    ended.ends(0);
    claim.ends(1);
    running.ends(1);
    ticket.process().kill();
    ticket.ends(137);
}
