//! `yoi logs`: a Pod's history as people and programs read it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use common::impostor::{Impostor, POD};
use common::scene::{INCOMPLETE, pod};
use common::{TestEnv, run};
use serde_json::{Value, json};
use yoi::pod::protocol::{Entry, Event, Message, StopReason};

const FIXTURE: &str = include_str!("fixtures/conversation/history.jsonl");

/// A stopped Pod that has this history.
fn with_history(text: &str) -> (TestEnv, PathBuf) {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    env.stop(POD);
    let path = env.registry().pod_dir(&pod(POD)).join("history.jsonl");
    fs::write(&path, text).unwrap();
    (env, path)
}

fn entry(event: &Event) -> Entry {
    let Message { event, data, .. } = Message::new(event, None);
    Entry { at: "2026-06-07T22:02:25Z".parse().unwrap(), event, data }
}

fn said(text: &str) -> Entry {
    entry(&Event::TextDone { text: text.into(), more: false })
}

fn lines(entries: &[Entry]) -> String {
    entries.iter().map(|entry| serde_json::to_string(entry).unwrap() + "\n").collect()
}

#[test]
fn the_history_in_the_fixture_is_of_the_protocol() {
    let mut strangers = Vec::new();
    for line in FIXTURE.lines() {
        let Ok(read) = serde_json::from_str::<Entry>(line) else {
            strangers.push(line.to_owned());
            continue;
        };
        let message = Message { event: read.event.clone(), data: read.data.clone(), id: None };
        match message.event() {
            Some(event) => assert_eq!(Message::new(&event, None).data, read.data, "{line}"),
            None => strangers.push(read.event.clone()),
        }
        assert_eq!(serde_json::from_str::<Value>(line).unwrap(), json!(read), "{line}");
    }
    assert_eq!(strangers, ["glimpse", "{\"at\":\"2026-06-07T22:"], "but for one of a later version, and a torn line");
}

#[test]
fn a_history_reads_well() {
    let (env, _) = with_history(FIXTURE);
    insta::assert_snapshot!("short", run(&mut env.yoi(["logs", POD]), 0).stdout);
    insta::assert_snapshot!("verbose", run(&mut env.yoi(["logs", "--verbose", POD]), 0).stdout);
    let coloured = run(&mut env.yoi(["--color", "always", "logs", POD]), 0).stdout;
    for (style, text) in [("\u{1b}[2m", "∙ "), ("\u{1b}[36m", "→ TicketShow"), ("\u{1b}[33m", "? request 1")] {
        assert!(coloured.contains(&format!("{style}{text}")), "{coloured}");
    }
}

#[test]
fn a_program_gets_the_history_as_it_is() {
    let (env, path) = with_history(FIXTURE);
    assert_eq!(run(&mut env.yoi(["logs", "--json", POD]), 0).stdout, FIXTURE);
    let last: Vec<&str> = FIXTURE.lines().rev().take(3).collect();
    let expected: String = last.iter().rev().map(|line| format!("{line}\n")).collect();
    assert_eq!(run(&mut env.yoi(["logs", "--json", "-n", "3", POD]), 0).stdout, expected);
    assert_eq!(run(&mut env.yoi(["logs", "--json", "-n", "0", POD]), 0).stdout, "");
    assert_eq!(run(&mut env.yoi(["logs", "--json", "--tail", "9999", POD]), 0).stdout, FIXTURE);
    let end = run(&mut env.yoi(["logs", "-n", "2", POD]), 0).stdout;
    assert_eq!(end, "the Pod shuts down once it is idle\nthe Pod has ended (signal) — 2026-06-07 22:05\n");
    fs::write(path, "{\"torn").unwrap();
    assert_eq!(run(&mut env.yoi(["logs", "--json", POD]), 0).stdout, "{\"torn\n");
    run(&mut env.yoi(["logs", "--json", "--verbose", POD]), 2);
}

#[test]
fn who_follows_sees_each_entry_once_and_the_beginning_of_an_answer() {
    let env = TestEnv::with_sample();
    let impostor = Impostor::begin(&env);
    let before = lines(&[said("one"), said("two")]);
    // Written, and told, after the Pod was joined.
    let after = lines(&[said("three")]);
    fs::write(env.registry().pod_dir(&pod(POD)).join("history.jsonl"), format!("{before}{after}")).unwrap();
    let begun = entry(&Event::TextDelta { text: "thr".into() });
    impostor.has_said(vec![said("two"), begun], before.len() as u64);
    for (words, expected) in [
        (&["logs", "-f", POD][..], "one\ntwo\nthree\nthe Pod has ended (requested) — "),
        (&["logs", "-f", "-n", "1", POD], "two\nthree\nthe Pod has ended (requested) — "),
        (&["logs", "-f", "--json", POD], ""),
    ] {
        let output = env.root().join("shown");
        let mut child = env.yoi(words).stdout(File::create(&output).unwrap()).stderr(Stdio::piped()).spawn().unwrap();
        let shown = || fs::read_to_string(&output).unwrap();
        env.wait_for("the beginning of the answer", || shown().contains("thr").then_some(()));
        for event in [
            Event::TextDelta { text: "ee".into() },
            Event::TextDone { text: "three".into(), more: false },
            Event::Shutdown { reason: StopReason::Requested },
        ] {
            impostor.tell(&event);
        }
        let status = child.wait().unwrap();
        assert!(status.success());
        if expected.is_empty() {
            let read: Vec<Value> = shown().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            let names: Vec<_> = read.iter().map(|line| line["event"].as_str().unwrap()).collect();
            assert_eq!(names, ["text_done", "text_done", "text_delta", "text_delta", "text_done", "shutdown"]);
            assert!(read.iter().all(|line| line["at"].is_string()), "{read:?}");
        } else {
            assert!(shown().starts_with(expected), "{}", shown());
        }
        impostor.until_watched_by(0);
    }
}

#[test]
fn a_long_history_takes_little_memory() {
    let (env, path) = with_history("");
    let block = lines(&vec![said(&"x".repeat(256 << 10)); 16]);
    fs::write(&path, block.repeat(10)).unwrap();
    // The log of the host, too.
    fs::write(path.with_file_name("host.log"), format!("{}\n", "y".repeat(1000)).repeat(40_000)).unwrap();
    let shown = env.root().join("shown");
    for words in ["logs", "logs --json", "logs --host"] {
        // All the memory that there is for the program is less than what it shows: it never has that as a whole.
        let mut bounded = env.shell(&format!("ulimit -v 36864; exec yoi {words} \"$0\" >\"$1\""));
        run(bounded.arg(POD).arg(&shown), 0);
        assert!(fs::metadata(&shown).unwrap().len() >= 40_000_000, "{words}");
    }
    assert_eq!(run(&mut env.yoi(["logs", "--host", "-n", "2", POD]), 0).stdout.len(), 2 * 1001);
}

#[test]
fn an_entry_of_many_mebibytes_is_named_and_handed_to_programs() {
    let large = lines(&[said(&"x".repeat(17 << 20)), said("after it")]);
    let (env, _) = with_history(&large);
    let shown = run(&mut env.yoi(["logs", POD]), 0).stdout;
    assert_eq!(shown, "an entry of more than 16 MiB; yoi logs --json shows it\nafter it\n");
    assert_eq!(run(&mut env.yoi(["logs", "--json", POD]), 0).stdout.len(), large.len());
}
