//! The queue: tickets put into it, and taken out of it by real processes, many at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use common::scene::{COMPLETE, INCOMPLETE, names, ticket};
use common::{Outcome, TestEnv, at_once, run};
use serde_json::Value;

/// A workspace whose coders are shell scripts, run once a turn.
fn world(script: &str) -> TestEnv {
    let env = TestEnv::with_sample();
    env.configure_script(script);
    env.configure("coder", "project:script");
    env
}

/// Makes a ticket that is in the queue.
fn add(env: &TestEnv, id: &str, front: &str) {
    let dir = env.workspace().join(".yoi/tickets").join(id);
    fs::create_dir_all(&dir).unwrap();
    let text = format!("---\ntitle: 'One of many'\nstate: queued\n{front}---\n\nDo it.\n");
    fs::write(dir.join("item.md"), text).unwrap();
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

/// `yoi next`, with patience: many hosts start at once on few processors.
fn next(env: &TestEnv) -> Command {
    env.yoi(["next", "--role", "coder", "--json", "--ready-timeout", "60", "--accept-timeout", "60"])
}

/// The ticket that a call took.
#[track_caller]
fn taken(outcome: &Outcome) -> String {
    let said: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    said["items"][0]["ticket"].as_str().unwrap_or_else(|| panic!("{outcome:?}")).to_owned()
}

fn end_all(env: &TestEnv) {
    for pod in env.listed("pod-list").lines().map(|line| line.split('\t').next().unwrap()) {
        env.stop(pod);
    }
    env.wait_for_processes();
}

mod putting_into_it {
    use super::*;

    #[test]
    fn a_ticket_that_is_ready_waits_in_the_queue_and_one_that_cannot_keeps_no_other_from_it() {
        let env = world("cat");
        set_state(&env, COMPLETE, "ready");
        let outcome = run(&mut env.yoi(["queue", INCOMPLETE, COMPLETE, "-m", "Uploads fail."]), 1);
        assert_eq!(outcome.stdout, format!("ticket {COMPLETE} is queued\n"));
        assert!(outcome.stderr.starts_with(&format!("yoi: ticket {INCOMPLETE} is planning: ")), "{outcome:?}");
        let thread = fs::read_to_string(env.workspace().join(".yoi/tickets").join(COMPLETE).join("thread.md")).unwrap();
        assert!(thread.contains("author: tester") && thread.contains("Uploads fail."), "{thread}");
        let again = run(&mut env.yoi(["queue", COMPLETE]), 0);
        assert_eq!(again.stdout, format!("ticket {COMPLETE} was queued already\n"));
        run(&mut env.yoi(["queue", "nothing"]), 1);
        env.assert_nothing_is_left();
    }

    #[test]
    fn bare_yoi_says_what_waits_for_it_and_for_somebody_to_take_it() {
        let env = world("cat");
        env.configure("intake", "builtin:checklist");
        run(&mut env.yoi(["-q", "intake", COMPLETE]), 0);
        env.wait_for_processes();
        let said = run(&mut env.yoi(["-q"]), 0).stdout;
        assert!(said.contains(&format!("\n  yoi queue {COMPLETE}  ")), "{said}");
        run(&mut env.yoi(["queue", COMPLETE]), 0);
        let said = run(&mut env.yoi(["-q"]), 0).stdout;
        assert!(said.contains("\n  yoi next --role coder  1 ticket waits in the queue\n"), "{said}");
    }

    #[test]
    fn a_ticket_that_somebody_works_on_is_left_to_them() {
        let env = world("cat");
        set_state(&env, COMPLETE, "ready");
        run(&mut env.yoi(["-q", "launch", "coder", COMPLETE]), 0);
        let outcome = run(&mut env.yoi(["queue", COMPLETE]), 1);
        assert!(outcome.stderr.contains(&format!("Pod coder-{COMPLETE} works on ticket {COMPLETE} as coder")));
        end_all(&env);
    }
}

mod taking_out_of_it {
    use super::*;

    #[test]
    fn the_most_urgent_is_first_then_the_oldest_and_one_that_waits_for_another_is_passed_over() {
        let env = world("cat");
        add(&env, "00001KTJ1QJB8", "");
        add(&env, "00001KTJ1QJB9", "priority: high\n");
        add(&env, "00001KTJ1QJBA", "");
        add(&env, "00001KTJ1QJBB", "priority: P0\n");
        run(&mut env.yoi(["ticket", "relation", "add", "00001KTJ1QJBB", "depends-on", "00001KTJ1QJB8"]), 0);
        let dry = run(&mut env.yoi(["next", "--role", "coder", "--dry-run", "--json"]), 0);
        let plan: Value = serde_json::from_str(&dry.stdout).unwrap();
        assert_eq!((&plan["ticket"]["id"], &plan["role"]), (&"00001KTJ1QJB9".into(), &"coder".into()));
        assert_eq!(names(&env.data()), Vec::<String>::new(), "a dry run writes nothing");
        for wanted in ["00001KTJ1QJB9", "00001KTJ1QJB8", "00001KTJ1QJBA"] {
            assert_eq!(taken(&run(&mut next(&env), 0)), wanted);
        }
        let outcome = run(&mut env.yoi(["next", "--role", "coder"]), 1);
        let said = "yoi: there is no ticket to take: 3 held already, 1 waiting for other tickets\n";
        assert!(outcome.stderr.starts_with(said), "{outcome:?}");
        set_state(&env, "00001KTJ1QJB8", "done");
        assert_eq!(taken(&run(&mut next(&env), 0)), "00001KTJ1QJBB");
        end_all(&env);
    }

    #[test]
    fn an_empty_queue_is_told_and_a_role_without_work_in_it_is_refused() {
        let env = world("cat");
        let outcome = run(&mut env.yoi(["next", "--role", "coder"]), 1);
        assert!(outcome.stderr.starts_with("yoi: there is no ticket to take: the queue is empty\n"), "{outcome:?}");
        let outcome = run(&mut env.yoi(["next", "--role", "reviewer"]), 2);
        assert!(outcome.stderr.ends_with("hint: yoi launch reviewer TICKET\n"), "{outcome:?}");
        add(&env, "00001KTJ1QJB8", "");
        fs::write(env.workspace().join(".yoi/tickets/00001KTJ1QJB8/item.md"), "no ticket").unwrap();
        let outcome = run(&mut env.yoi(["next", "--role", "coder"]), 128);
        assert!(outcome.stderr.contains("00001KTJ1QJB8/item.md:1"), "{outcome:?}");
        env.assert_nothing_is_left();
    }

    #[test]
    fn one_that_is_in_flight_is_passed_over_and_where_all_are_it_is_worth_trying_again() {
        let env = world("cat");
        add(&env, "00001KTJ1QJB8", "");
        let under_lock = |script: &str| env.shell(&format!("yoi-claim ticket-lock 00001KTJ1QJB8 -- {script}"));
        let outcome = run(&mut under_lock("yoi next --role coder"), 3);
        let said = "yoi: there is no ticket to take at this moment: 1 in flight\n";
        assert!(outcome.stderr.starts_with(said), "{outcome:?}");
        run(&mut under_lock("yoi next --role coder --dry-run"), 3);
        add(&env, "00001KTJ1QJB9", "");
        assert_eq!(taken(&run(&mut under_lock("yoi next --role coder --json"), 0)), "00001KTJ1QJB9");
        end_all(&env);
    }

    #[test]
    fn a_launch_that_fails_leaves_the_ticket_in_the_queue() {
        let env = world("cat");
        add(&env, "00001KTJ1QJB8", "");
        fs::write(
            env.workspace().join(".yoi/profiles.toml"),
            "[profiles.script]\nagent = \"acp\"\ncommand = [\"false\"]\n",
        )
        .unwrap();
        run(&mut next(&env), 4);
        env.assert_nothing_is_left();
        fs::write(
            env.workspace().join(".yoi/profiles.toml"),
            "[profiles.script]\nagent = \"exec\"\ncommand = [\"cat\"]\n",
        )
        .unwrap();
        assert_eq!(taken(&run(&mut next(&env), 0)), "00001KTJ1QJB8");
        end_all(&env);
    }

    /// Who looked through the queue a while ago must not launch on what was done since then.
    #[test]
    fn a_ticket_that_has_left_the_queue_since_it_was_looked_through_is_not_taken() {
        use yoi::launch::{LaunchOptions, NextError, NextLaunch, Queue, Services, Setup, Surroundings, launch_next};
        let env = world("cat");
        add(&env, "00001KTJ1QJB8", "");
        let registry = env.registry();
        let writer = yoi::registry::Writer {
            written_by: yoi::domain::WrittenBy {
                pid: 1,
                host: String::new(),
                boot: String::new(),
                extra: Default::default(),
            },
            user: "tester".to_owned(),
            now: "2026-01-18T09:30:12Z".parse().unwrap(),
        };
        registry.prepare(yoi::registry::NetworkPolicy::Allow, writer.now).unwrap();
        let surroundings = Surroundings { search_path: Some("/usr/bin:/bin".into()), ..Surroundings::default() };
        let setup = Setup::load(registry.workspace().clone(), surroundings.clone()).unwrap();
        let tickets = setup.tickets();
        let queue = Queue::of(&tickets).unwrap();
        assert_eq!(queue.open.len(), 1);
        set_state(&env, "00001KTJ1QJB8", "done");
        let role = yoi::domain::Role::Coder;
        let plan = |id| Ok(setup.plan(role, Some(id), None, None)?);
        let agent = setup.agent_of(&plan(ticket("00001KTJ1QJB8")).unwrap()).unwrap();
        let services = Services {
            registry: &registry,
            writer: std::sync::Arc::new(move || writer.clone()),
            program: env!("CARGO_BIN_EXE_yoi").into(),
            environment: Vec::new(),
        };
        let restorable = yoi::launch::RestoreCheck::new(registry.workspace().clone(), surroundings);
        let options = LaunchOptions::default();
        let next =
            NextLaunch { tickets: &tickets, plan: &plan, agent, services: &services, restorable: &restorable, options };
        let ended = launch_next(queue, &next, &mut |_| {});
        assert!(matches!(ended, Err(NextError::Empty { .. })), "{ended:?}");
        env.assert_nothing_is_left();
    }

    #[test]
    fn thirty_two_at_once_take_twenty_tickets_and_none_twice() {
        let env = world("cat");
        let ids: Vec<String> = (0..20).map(|number| format!("00001KTJ1QJ{number:02}")).collect();
        ids.iter().for_each(|id| add(&env, id, ""));
        let outcomes = at_once(&env, (0..32).map(|_| next(&env)).collect());
        let (won, lost): (Vec<&Outcome>, Vec<&Outcome>) = outcomes.iter().partition(|outcome| outcome.status == 0);
        let tickets: BTreeSet<String> = won.iter().map(|outcome| taken(outcome)).collect();
        assert_eq!((won.len(), tickets), (20, ids.iter().cloned().collect()));
        for outcome in lost {
            let said = match outcome.status {
                1 => "there is no ticket to take: 20 held already",
                3 => "there is no ticket to take at this moment: ",
                _ => panic!("{outcome:?}"),
            };
            assert!(outcome.stderr.contains(said), "{outcome:?}");
        }
        let claims = env.listed("claim-list");
        assert_eq!(claims.lines().count(), 20);
        for (line, id) in claims.lines().zip(&ids) {
            assert_eq!(line, format!("{id}\tcoder-{id}\tcoder\t1\tlive"));
        }
        run(&mut env.yoi_claim(["verify"]), 0);
        end_all(&env);
    }
}
