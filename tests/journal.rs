//! The journal as both programs show it: of one ticket or of all, with lines that cannot be read, and however long.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use common::{Outcome, TestEnv, run};

/// A registry in which two tickets have a history.
fn stage() -> TestEnv {
    let env = TestEnv::new().with_clock("2026-06-07T22:02:25.123456Z");
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi_claim(["claim-release", "T", "--expect", "1", "--reason", "given\tback"]), 0);
    run(&mut env.yoi_claim(["claim-commit", "U", "--pod", "ada", "--role", "reviewer"]), 0);
    env
}

fn journal(env: &TestEnv) -> PathBuf {
    env.registry().journal_path()
}

fn append(env: &TestEnv, bytes: &[u8]) {
    fs::File::options().append(true).open(journal(env)).unwrap().write_all(bytes).unwrap();
}

/// The lines, the process id of each replaced.
fn shown(outcome: &Outcome) -> Vec<String> {
    let without_pid = |line: &str| {
        let mut fields: Vec<&str> = line.split('\t').collect();
        assert!(fields[7].parse::<u32>().is_ok(), "{line:?}");
        fields[7] = "PID";
        fields.join(" ")
    };
    outcome.stdout.lines().map(without_pid).collect()
}

#[test]
fn who_did_what_to_which_ticket_when_and_why() {
    let env = stage();
    let all = [
        "2026-06-07T22:02:25.123456Z commit T mira coder 1 tester PID manual",
        "2026-06-07T22:02:25.123456Z release T mira coder 1 tester PID given\\tback",
        "2026-06-07T22:02:25.123456Z commit U ada reviewer 1 tester PID manual",
    ];
    assert_eq!(shown(&run(&mut env.yoi_claim(["journal"]), 0)), all);
    assert_eq!(shown(&run(&mut env.yoi_claim(["journal", "T"]), 0)), all[..2]);
    assert_eq!(run(&mut env.yoi_claim(["journal", "V"]), 0).stdout, "");
    assert_eq!(
        run(&mut env.yoi_claim(["journal", "T", "-z", "--format", "{action} {why}"]), 0).stdout,
        "commit manual\0release given\tback\0"
    );
    let json = run(&mut env.yoi_claim(["journal", "--json"]), 0).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["schema"], &json["kind"]), (&1.into(), &"journal".into()));
    assert_eq!(json["items"].as_array().unwrap().len(), 3);
    assert_eq!(json["items"][1]["why"], "given\tback");
    assert_eq!(json["items"][1]["nonce"].as_str().unwrap().len(), 32);
    let wrong = run(&mut env.yoi_claim(["journal", "--format", "{reason}"]), 2);
    assert!(wrong.stderr.contains("a journal has no field \"reason\""), "{wrong:?}");
}

#[test]
fn a_workspace_without_a_registry_has_no_history_and_gets_no_registry() {
    let env = TestEnv::new();
    assert_eq!(
        run(&mut env.yoi_claim(["journal", "--json"]), 0).stdout.trim(),
        r#"{"schema":1,"kind":"journal","items":[]}"#
    );
    assert_eq!(run(&mut env.yoi(["logs", "--journal"]), 0).stdout, "");
    assert_eq!(common::scene::names(&env.data()), Vec::<String>::new());
}

#[test]
fn a_torn_tail_and_a_line_that_does_not_parse_hide_no_other() {
    let env = stage();
    append(&env, b"no json at all\n");
    run(&mut env.yoi_claim(["claim-commit", "V", "--pod", "ada", "--role", "reviewer"]), 0);
    append(&env, br#"{"at":"2026-06-07T22:02:25Z","user":"u","pid":1,"act"#);
    let outcome = run(&mut env.yoi_claim(["journal", "--format", "{ticket}"]), 128);
    assert_eq!(outcome.stdout, "T\nT\nU\nV\n");
    let told: Vec<&str> = outcome.stderr.lines().collect();
    assert_eq!(told.len(), 2, "{outcome:?}");
    assert!(told[0].contains("journal.jsonl' line 4: it is no line of a journal"), "{outcome:?}");
    assert!(told[1].contains("journal.jsonl' line 6: it is torn"), "{outcome:?}");
    let json = run(&mut env.yoi_claim(["journal", "--json"]), 128);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&json.stdout).unwrap()["items"].as_array().unwrap().len(), 4);
    // The next line ends the torn one, and stands on its own.
    run(&mut env.yoi_claim(["claim-commit", "W", "--pod", "ada", "--role", "reviewer"]), 0);
    let outcome = run(&mut env.yoi_claim(["journal", "--format", "{ticket}"]), 128);
    assert_eq!(outcome.stdout, "T\nT\nU\nV\nW\n");
    assert!(outcome.stderr.lines().nth(1).unwrap().contains("line 6: it is no line"), "{outcome:?}");
    // Once it is noted that they are kept, they are no news any more.
    run(&mut env.yoi_claim(["verify", "--repair"]), 0);
    let outcome = run(&mut env.yoi_claim(["journal", "--format", "{action} {why}"]), 0);
    assert_eq!(outcome.stderr, "");
    for line in [4, 6] {
        assert!(outcome.stdout.contains(&format!("\nrepair line {line} cannot be read, and is kept\n")), "{outcome:?}");
    }
    run(&mut env.yoi(["logs", "--journal"]), 0);
    append(&env, b"no json either\n");
    let outcome = run(&mut env.yoi_claim(["journal"]), 128);
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
}

#[test]
fn a_line_that_lacks_nothing_but_its_newline_is_read() {
    let env = stage();
    let text = fs::read_to_string(journal(&env)).unwrap();
    fs::write(journal(&env), text.trim_end()).unwrap();
    assert_eq!(run(&mut env.yoi_claim(["journal", "--format", "{ticket}"]), 0).stdout, "T\nT\nU\n");
}

#[test]
fn a_journal_of_any_size_is_read_in_little_memory() {
    let env = stage();
    let text = fs::read(journal(&env)).unwrap();
    let mut file = fs::File::options().write(true).open(journal(&env)).unwrap();
    // A hole of 300 MiB is one line, and takes no room on the disk.
    file.seek(SeekFrom::Start(300 << 20)).unwrap();
    file.write_all(b"\n").unwrap();
    for _ in 0..5000 {
        file.write_all(&text).unwrap();
    }
    let limited = "ulimit -v 120000; yoi-claim journal --format '{ticket}' | sort | uniq -c";
    let outcome = run(&mut env.shell(limited), 0);
    assert_eq!(outcome.stdout.split_whitespace().collect::<Vec<_>>(), ["10002", "T", "5001", "U"], "{outcome:?}");
    assert!(outcome.stderr.contains("line 4: it has more than 1048576 bytes"), "{outcome:?}");
}

#[test]
fn thousands_of_lines_that_cannot_be_read_are_counted() {
    let env = stage();
    append(&env, &b"?\n".repeat(5000));
    let outcome = run(&mut env.yoi_claim(["journal"]), 128);
    assert_eq!(outcome.stderr.lines().count(), 101);
    assert!(outcome.stderr.ends_with("yoi-claim: 4900 more lines of the journal cannot be read\n"), "{outcome:?}");
    // As `verify --repair` notes lines: one among those that were told, and one among those that were counted, twice.
    for number in [4, 5003, 5003] {
        let note = format!("\"action\":\"repair\",\"why\":\"line {number} cannot be read, and is kept\"");
        append(&env, format!("{{\"at\":\"\",\"user\":\"u\",\"pid\":1,{note}}}\n").as_bytes());
    }
    let outcome = run(&mut env.yoi_claim(["journal"]), 128);
    assert_eq!(outcome.stderr.lines().count(), 100);
    assert!(outcome.stderr.ends_with("yoi-claim: 4899 more lines of the journal cannot be read\n"), "{outcome:?}");
}

#[test]
fn people_read_it_in_local_time_with_ages() {
    let env = stage();
    let show = |arguments: &[&str]| {
        let mut command = env.yoi(["logs", "--journal"]);
        let command = command.args(arguments).env("TZ", "JST-9").env("YOI_CLOCK", "2026-06-07T22:05:30Z");
        run(command, 0).stdout
    };
    insta::assert_snapshot!(show(&[]), @r"
    2026-06-08 07:02 (3m ago)  commit T, Pod mira as coder, generation 1, by tester: manual
    2026-06-08 07:02 (3m ago)  release T, Pod mira as coder, generation 1, by tester: given\tback
    2026-06-08 07:02 (3m ago)  commit U, Pod ada as reviewer, generation 1, by tester: manual
    ");
    assert_eq!(show(&["mira"]).lines().count(), 2);
    assert_eq!(show(&["U"]).lines().count(), 1);
    assert!(show(&["--color", "always"]).contains("\x1b["));
    let outcome = run(&mut env.yoi(["logs", "--journal", "nobody"]), 1);
    assert_eq!(outcome.stderr, "yoi: the journal tells nothing of \"nobody\"\nhint: yoi logs --journal\n");
    run(&mut env.yoi(["logs"]), 2);
}
