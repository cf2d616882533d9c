//! `yoi ticket` from the outside: a ticket's whole life, who may do what, and what is said of it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;

use common::scene::{COMPLETE, INCOMPLETE, tree};
use common::{Outcome, TestEnv, run};
use serde_json::Value;

const NOW: &str = "2026-06-07T22:02:25Z";

fn world() -> TestEnv {
    TestEnv::with_sample().with_clock(NOW)
}

fn yoi(env: &TestEnv, words: &[&str], status: i32) -> Outcome {
    run(&mut env.yoi(["ticket"].iter().chain(words)), status)
}

fn field(env: &TestEnv, ticket: &str, field: &str) -> String {
    yoi(env, &["show", ticket, "--format", &format!("{{{field}}}")], 0).stdout.trim_end().to_owned()
}

fn file(env: &TestEnv, ticket: &str, name: &str) -> PathBuf {
    env.workspace().join(".yoi/tickets").join(ticket).join(name)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The kinds of a ticket's events, each with its status or where it leads.
fn events(env: &TestEnv, ticket: &str) -> Vec<String> {
    let shown = json(&yoi(env, &["show", ticket, "--json"], 0).stdout);
    let shown = shown["item"]["events"].as_array().unwrap().clone();
    let attribute = |event: &Value| {
        let all = event["attributes"].as_array().unwrap();
        let found = all.iter().find(|pair| pair[0] == "to" || pair[0] == "status");
        found.map(|pair| format!(" {}", pair[1].as_str().unwrap())).unwrap_or_default()
    };
    shown.iter().map(|event| format!("{}{}", event["kind"].as_str().unwrap(), attribute(event))).collect()
}

#[test]
fn a_person_takes_a_ticket_from_a_sentence_to_its_end() {
    let env = world();
    let id = yoi(&env, &["new", "Retry failed uploads", "-m", "## Goal", "-m", "Uploads survive."], 0).stdout;
    let id = id.trim();
    let said = |words: &[&str]| yoi(&env, words, 0).stdout;
    assert_eq!(said(&["state", id, "ready", "-m", "All is said."]), format!("ticket {id} is ready\n"));
    assert_eq!(said(&["state", id, "queued"]), format!("ticket {id} is queued\n"));
    assert_eq!(said(&["state", id, "queued"]), format!("ticket {id} is already queued\n"));
    assert_eq!(said(&["state", id, "inprogress", "-m", "First the queue."]), format!("ticket {id} is inprogress\n"));
    assert_eq!(said(&["state", id, "done", "-m", "It works."]), format!("ticket {id} is done\n"));
    assert_eq!(
        said(&["review", id, "request-changes", "-m", "A test is missing."]),
        format!("ticket {id} is in progress again\n")
    );
    said(&["state", id, "done"]);
    said(&["review", id, "approve", "-m", "Good."]);
    said(&["comment", id, "-m", "Merged.", "--kind", "decision"]);
    assert_eq!(
        said(&["close", id, "-m", "Uploads are tried", "-m", "three times."]),
        format!("ticket {id} is closed\n")
    );
    assert_eq!(
        events(&env, id),
        [
            "create",
            "intake_summary",
            "state_changed ready",
            "state_changed queued",
            "plan",
            "state_changed inprogress",
            "implementation_report",
            "state_changed done",
            "review request_changes",
            "state_changed inprogress",
            "state_changed done",
            "review approve",
            "decision",
            "close closed",
            "state_changed closed",
        ]
    );
    assert_eq!(fs::read_to_string(file(&env, id, "resolution.md")).unwrap(), "Uploads are tried\n\nthree times.\n");
    assert_eq!(field(&env, id, "body"), "## Goal\\n\\nUploads survive.");
    assert_eq!(yoi(&env, &["doctor"], 0).stdout, "0 errors, 0 warnings\n");
}

#[test]
fn a_way_that_is_none_is_refused_and_the_ways_are_named() {
    let env = world();
    let before = tree(&env.workspace());
    let refused = yoi(&env, &["state", INCOMPLETE, "done"], 1).stderr;
    assert_eq!(
        refused,
        format!(
            "yoi: ticket {INCOMPLETE} is planning, and cannot become done from there: it can become ready or closed\n"
        )
    );
    let refused = yoi(&env, &["review", INCOMPLETE, "approve", "-m", "Good."], 1).stderr;
    assert_eq!(refused, format!("yoi: ticket {INCOMPLETE} is planning: a review needs one that is done\n"));
    assert!(yoi(&env, &["close", INCOMPLETE, "-m", " "], 2).stderr.contains("the resolution is blank"));
    assert!(yoi(&env, &["state", INCOMPLETE, "finished"], 2).stderr.contains("inprogress"));
    assert_eq!(tree(&env.workspace()), before);
}

#[test]
fn words_come_from_the_command_line_a_file_standard_input_or_the_editor() {
    let env = world();
    fs::write(env.workspace().join("words.md"), "From a file.\n").unwrap();
    let body = |env: &TestEnv| {
        let shown = json(&yoi(env, &["show", COMPLETE, "--json"], 0).stdout);
        shown["item"]["events"].as_array().unwrap().last().unwrap()["body"].as_str().unwrap().to_owned()
    };
    yoi(&env, &["comment", COMPLETE, "-F", "words.md"], 0);
    assert_eq!(body(&env), "From a file.");
    for words in [&["comment", COMPLETE][..], &["comment", COMPLETE, "-F", "-"]] {
        let mut command = env.yoi(["ticket"].iter().chain(words));
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"From standard input.\n").unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(body(&env), "From standard input.");
    }
    assert!(yoi(&env, &["comment", COMPLETE, "-m", "x", "-F", "-"], 2).stderr.contains("cannot be used with"));
    fs::write(env.workspace().join("bad"), b"\xff").unwrap();
    assert!(yoi(&env, &["comment", COMPLETE, "-F", "bad"], 2).stderr.contains("it is not UTF-8"));
    run(env.yoi(["ticket", "edit", COMPLETE]).env("EDITOR", "sed -i 's/^## Goal/## Aim/'"), 0);
    assert!(field(&env, COMPLETE, "body").contains("## Aim"));
}

#[test]
fn an_edit_changes_its_own_lines_and_nothing_else() {
    let env = world();
    let item = file(&env, COMPLETE, "item.md");
    let before = fs::read_to_string(&item).unwrap();
    let rest = tree(&env.workspace());
    assert_eq!(
        yoi(&env, &["edit", COMPLETE, "--priority", "P1", "--assignee", "mira"], 0).stdout,
        format!("ticket {COMPLETE} is changed\n")
    );
    assert_eq!(
        yoi(&env, &["edit", COMPLETE, "--priority", "P1"], 0).stdout,
        format!("ticket {COMPLETE} is already as it is to be\n")
    );
    let after = fs::read_to_string(&item).unwrap();
    let kept = |line: &&str| {
        !line.starts_with("priority:") && !line.starts_with("assignee:") && !line.starts_with("updated_at:")
    };
    assert_eq!(after.lines().filter(kept).collect::<Vec<_>>(), before.lines().filter(kept).collect::<Vec<_>>());
    assert_eq!(
        (field(&env, COMPLETE, "priority"), field(&env, COMPLETE, "assignee")),
        ("P1".to_owned(), "mira".to_owned())
    );
    yoi(&env, &["edit", COMPLETE, "--no-assignee"], 0);
    assert_eq!(field(&env, COMPLETE, "assignee"), "-");
    let mut now = tree(&env.workspace());
    let name = format!(".yoi/tickets/{COMPLETE}/item.md");
    let old = rest.get(&name).unwrap().clone();
    now.insert(name, old);
    assert_eq!(now, rest);
    for words in [&["--title", " "][..], &["--title", "a\nb"], &["--priority", ""], &[]] {
        yoi(&env, &[&["edit", COMPLETE], words].concat(), 2);
    }
}

#[test]
fn what_was_written_while_somebody_else_edited_is_kept_and_not_put_over_theirs() {
    let env = world();
    let theirs = format!("{} ticket edit {COMPLETE} --title Theirs", env!("CARGO_BIN_EXE_yoi"));
    let script = env.workspace().join("editor");
    fs::write(&script, format!("#!/bin/sh\necho Mine >\"$1\"\n{theirs} >/dev/null\n")).unwrap();
    let outcome = run(env.yoi(["ticket", "edit", COMPLETE]).env("EDITOR", "sh ./editor").env("TMPDIR", env.root()), 1);
    assert!(outcome.stderr.contains("was changed by somebody else while it was being edited"), "{outcome:?}");
    let kept = outcome.stderr.split('\'').nth(1).unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap(), "Mine\n");
    assert_eq!(field(&env, COMPLETE, "title"), "Theirs");
    let before = tree(&env.workspace());
    let failed = run(env.yoi(["ticket", "edit", COMPLETE]).env("EDITOR", "false"), 1);
    assert!(failed.stderr.contains("nothing was changed"), "{failed:?}");
    assert_eq!(tree(&env.workspace()), before);
}

#[test]
fn open_blockers_hold_back_what_is_to_be_queued() {
    let env = world();
    for ticket in [COMPLETE, INCOMPLETE] {
        yoi(&env, &["state", ticket, "ready"], 0);
    }
    assert!(yoi(&env, &["relation", "add", INCOMPLETE, "eats", COMPLETE], 2).stderr.contains("depends_on"));
    yoi(&env, &["relation", "add", INCOMPLETE, "depends-on", COMPLETE, "-m", "It shows what was tried"], 0);
    let refused = yoi(&env, &["state", INCOMPLETE, "queued"], 1).stderr;
    assert_eq!(
        refused,
        format!(
            "yoi: ticket {INCOMPLETE} waits for {COMPLETE} (ready); it can be queued once they are done or closed\n\
             hint: yoi ticket relation list {INCOMPLETE}\n"
        )
    );
    let begun = yoi(&env, &["state", INCOMPLETE, "inprogress"], 0).stderr;
    assert!(begun.contains(&format!("is begun, though it waits for {COMPLETE} (ready)\n")), "{begun}");
    assert!(yoi(&env, &["state", INCOMPLETE, "queued"], 1).stderr.contains("waits for"));
    yoi(&env, &["state", INCOMPLETE, "ready"], 0);
    let listed = |words: &[&str]| yoi(&env, &[&["list", "--format", "{id}"], words].concat(), 0).stdout;
    assert_eq!(listed(&["--blocked"]), format!("{INCOMPLETE}\n"));
    assert_eq!(field(&env, INCOMPLETE, "blocked_by"), COMPLETE);
    let seen = |ticket: &str| {
        yoi(&env, &["relation", "list", ticket, "--format", "{relation} {ticket} {state} {note}"], 0).stdout
    };
    assert_eq!(seen(INCOMPLETE), format!("depends_on {COMPLETE} ready It shows what was tried\n"));
    assert_eq!(seen(COMPLETE), format!("dependency_of {INCOMPLETE} ready It shows what was tried\n"));
    yoi(&env, &["close", COMPLETE, "-m", "Not wanted."], 0);
    assert_eq!(listed(&["--blocked"]), "");
    yoi(&env, &["state", INCOMPLETE, "queued"], 0);
}

#[test]
fn tickets_never_wait_for_each_other_and_a_relation_stands_once() {
    let env = world();
    let relation = |what: &str, words: &[&str], status: i32| yoi(&env, &[&["relation", what], words].concat(), status);
    relation("add", &[COMPLETE, "blocks", INCOMPLETE], 0);
    let again = relation("add", &[INCOMPLETE, "depends_on", COMPLETE], 0).stdout;
    assert_eq!(again, format!("ticket {INCOMPLETE} is already dependent on ticket {COMPLETE}\n"));
    let circle = relation("add", &[COMPLETE, "depends_on", INCOMPLETE], 1).stderr;
    assert_eq!(
        circle,
        format!("yoi: that would have tickets wait for each other: {COMPLETE} → {INCOMPLETE} → {COMPLETE}\n")
    );
    assert!(relation("add", &[COMPLETE, "related", COMPLETE], 1).stderr.contains("itself"));
    relation("add", &[COMPLETE, "related", "20269999"], 1);
    relation("remove", &[INCOMPLETE, "blocked_by", COMPLETE], 0);
    assert_eq!(relation("list", &[COMPLETE], 0).stdout, "");
    let none = relation("remove", &[INCOMPLETE, "blocked_by", COMPLETE], 0).stdout;
    assert_eq!(none, format!("ticket {INCOMPLETE} was not blocked by ticket {COMPLETE}\n"));
}

#[test]
fn a_listing_is_filtered_and_sorted() {
    let env = world();
    yoi(&env, &["edit", INCOMPLETE, "--priority", "P1", "--assignee", "Mira"], 0);
    let third = yoi(&env, &["new", "A third one", "-m", "It speaks of sockets."], 0).stdout;
    let third = third.trim();
    yoi(&env, &["edit", third, "--priority", "P0"], 0);
    let listed = |words: &[&str]| {
        let text = yoi(&env, &[&["list", "--format", "{id}"], words].concat(), 0).stdout;
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), [COMPLETE, INCOMPLETE, third]);
    assert_eq!(listed(&["--sort", "priority"]), [third, INCOMPLETE, COMPLETE]);
    assert_eq!(listed(&["--sort", "priority", "--reverse"]), [COMPLETE, INCOMPLETE, third]);
    assert_eq!(listed(&["--sort", "title"])[0], third);
    assert_eq!(listed(&["--priority", "p1"]), [INCOMPLETE]);
    assert_eq!(listed(&["--assignee", "mira"]), [INCOMPLETE]);
    assert_eq!(listed(&["SOCKETS"]), [third]);
    // `intake` is the older name of planning.
    assert_eq!(listed(&["--state", "planning"]), [COMPLETE, INCOMPLETE, third]);
    yoi(&env, &["close", third, "-m", "Done."], 0);
    assert_eq!(listed(&["--state", "closed", "--state", "ready"]), [third]);
    assert_eq!(listed(&["sockets"]), [""; 0]);
    assert_eq!(listed(&["--all", "sockets"]), [third]);
}

#[test]
fn a_beginning_that_several_ids_have_is_refused_wherever_a_ticket_is_named() {
    let env = world();
    let before = tree(&env.workspace());
    for words in [
        &["show", "20260118"][..],
        &["comment", "20260118", "-m", "x"],
        &["state", "20260118", "ready"],
        &["close", "20260118", "-m", "x"],
        &["review", "20260118", "approve", "-m", "x"],
        &["edit", "20260118", "--title", "x"],
        &["relation", "list", "20260118"],
        &["relation", "add", COMPLETE, "related", "20260118"],
    ] {
        let refused = yoi(&env, words, 1).stderr;
        assert!(refused.contains(&format!("{COMPLETE} or {INCOMPLETE}")), "{words:?}: {refused}");
    }
    for words in [&["why", "20260118"][..], &["intake", "20260118"], &["launch", "coder", "20260118"]] {
        let refused = run(&mut env.yoi(words), 1).stderr;
        assert!(refused.contains(&format!("{COMPLETE} or {INCOMPLETE}")), "{words:?}: {refused}");
    }
    assert_eq!(tree(&env.workspace()), before);
}

#[test]
fn what_an_agent_does_by_its_tools_is_refused_inside_a_pod() {
    let env = world();
    let before = tree(&env.workspace());
    for words in [
        &["state", COMPLETE, "ready"][..],
        &["close", COMPLETE, "-m", "x"],
        &["review", COMPLETE, "approve", "-m", "x"],
        &["doctor", "--fix"],
    ] {
        let refused = run(env.yoi(["ticket"].iter().chain(words)).env("YOI_POD", "intake-x"), 1);
        assert!(refused.stderr.contains("from inside a Pod"), "{refused:?}");
    }
    assert_eq!(tree(&env.workspace()), before);
}

#[test]
fn what_is_typed_inside_a_pod_is_the_word_of_its_role() {
    let env = world();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    let pod = format!("intake-{INCOMPLETE}");
    run(env.yoi(["ticket", "comment", COMPLETE, "-m", "Hello"]).env("YOI_POD", &pod), 0);
    run(env.yoi(["ticket", "comment", COMPLETE, "-m", "Hello"]).env("YOI_POD", "of-elsewhere"), 0);
    let shown = json(&yoi(&env, &["show", COMPLETE, "--json"], 0).stdout);
    let authors: Vec<&str> = shown["item"]["events"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .take(2)
        .map(|e| e["author"].as_str().unwrap())
        .collect();
    assert_eq!(authors, ["tester", "intake"]);
    run(&mut env.yoi(["stop", &pod, "--now"]), 0);
    env.wait_for_processes();
}

#[test]
fn who_changes_a_ticket_that_a_live_pod_holds_is_told_whose_it_is() {
    let env = world();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    let pod = format!("intake-{INCOMPLETE}");
    let told = yoi(&env, &["edit", INCOMPLETE, "--priority", "P1"], 0);
    assert_eq!(told.stdout, format!("ticket {INCOMPLETE} is changed\n"));
    assert_eq!(
        told.stderr,
        format!(
            "yoi: ticket {INCOMPLETE} is held by Pod {pod}, which works on it as intake and is not told of the change\n\
             hint: yoi attach {pod}\n"
        )
    );
    run(&mut env.yoi(["stop", &pod, "--now"]), 0);
    assert_eq!(yoi(&env, &["edit", INCOMPLETE, "--priority", "P2"], 0).stderr, "");
    env.wait_for_processes();
}

#[test]
fn all_that_belongs_to_a_ticket_is_shown() {
    let env = world();
    fs::write(file(&env, COMPLETE, "artifacts/report.txt"), "x").unwrap();
    yoi(&env, &["relation", "add", COMPLETE, "related", INCOMPLETE], 0);
    yoi(&env, &["close", COMPLETE, "-m", "Done so."], 0);
    let shown = yoi(&env, &["show", COMPLETE], 0).stdout;
    for part in [
        "\nRelations\nrelated 20260118-101544-001 planning — ",
        "\nArtifacts\nreport.txt\n",
        "\nResolution\nDone so.\n",
        "\nState changed — tester 2026-06-07T22:02:25Z\n",
    ] {
        assert!(shown.contains(part), "{part:?} in {shown}");
    }
    let item = json(&yoi(&env, &["show", COMPLETE, "--json"], 0).stdout)["item"].clone();
    assert_eq!(item["artifacts"], json("[\"report.txt\"]"));
    assert_eq!(item["relations"][0]["relation"], "related");
    assert_eq!(item["resolution"], "Done so.\n");
    // Relations that cannot be read make the rest no worse.
    fs::write(file(&env, COMPLETE, "artifacts/relations.json"), "{").unwrap();
    let shown = yoi(&env, &["show", COMPLETE], 128);
    assert!(shown.stdout.contains("Done so.") && shown.stderr.contains("relations.json:1: "), "{shown:?}");
    yoi(&env, &["comment", COMPLETE, "-m", "x"], 0);
    assert!(yoi(&env, &["doctor"], 1).stdout.contains("relations.json:1: no list of relations"));
}

#[test]
fn writers_at_once_lose_nothing_of_each_other() {
    let env = TestEnv::with_sample();
    let mut commands = Vec::new();
    for number in 0..6 {
        let number = number.to_string();
        let words = |words: &[&str]| env.yoi(["ticket"].iter().chain(words));
        commands.push(words(&["comment", COMPLETE, "-m", &number]));
        commands.push(words(&["edit", COMPLETE, "--assignee", &number]));
        commands.push(words(&["edit", COMPLETE, "--body", &number]));
    }
    commands.push(env.yoi(["ticket", "state", COMPLETE, "ready", "-m", "All is said."]));
    commands.push(env.yoi(["ticket", "relation", "add", COMPLETE, "related", INCOMPLETE]));
    commands.push(env.yoi(["ticket", "relation", "add", INCOMPLETE, "depends_on", COMPLETE]));
    let start =
        |command: &mut std::process::Command| command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = commands.iter_mut().map(start).collect();
    for child in children {
        Outcome::from_output(child.wait_with_output().unwrap()).assert_status(0);
    }
    let shown = json(&yoi(&env, &["show", COMPLETE, "--json"], 0).stdout)["item"].clone();
    let said = |kind: &str| {
        let events = shown["events"].as_array().unwrap().iter().filter(|event| event["kind"] == kind);
        let mut bodies: Vec<String> = events.map(|event| event["body"].as_str().unwrap().to_owned()).collect();
        bodies.sort();
        bodies
    };
    assert_eq!(said("comment")[..6], ["0", "1", "2", "3", "4", "5"]);
    assert_eq!(said("intake_summary"), ["All is said."]);
    assert_eq!(shown["state"], "ready");
    assert_eq!(shown["relations"].as_array().unwrap().len(), 2);
    for field in ["assignee", "body"] {
        assert!(shown[field].as_str().unwrap().parse::<u32>().unwrap() < 6, "{shown}");
    }
    assert_eq!(yoi(&env, &["doctor"], 0).stdout, "0 errors, 0 warnings\n");
}

#[test]
fn what_cannot_be_mended_is_told_and_keeps_nothing_else_from_being_mended() {
    let env = world();
    let item = file(&env, COMPLETE, "item.md");
    // A line of its own cannot be added here.
    fs::write(&item, "---\n{title: x, state: planning}\n---\n").unwrap();
    let thread = file(&env, INCOMPLETE, "thread.md");
    let text = fs::read_to_string(&thread).unwrap();
    fs::write(&thread, format!("{}\n", text.trim_end().trim_end_matches("---").trim_end())).unwrap();
    let told = yoi(&env, &["doctor"], 0).stdout;
    assert!(told.ends_with("0 errors, 3 warnings; --fix mends 3 of them\n"), "{told}");
    let fixed = yoi(&env, &["doctor", "--fix"], 128);
    assert_eq!(fixed.stdout.matches("mended: ").count(), 1, "{fixed:?}");
    assert!(fixed.stdout.contains(&format!("{INCOMPLETE}/thread.md:1: the event has no '---' line at its end: added")));
    let why = format!("cannot mend .yoi/tickets/{COMPLETE}/item.md: ");
    assert_eq!(fixed.stderr.matches(&why).count(), 2, "{fixed:?}");
    assert_eq!(fs::read_to_string(&item).unwrap(), "---\n{title: x, state: planning}\n---\n");
    assert_eq!(fs::read_to_string(&thread).unwrap().trim_end(), text.trim_end());
    let rows = json(&yoi(&env, &["doctor", "--json"], 0).stdout)["items"].clone();
    assert!(rows.as_array().unwrap().iter().all(|row| row["fixable"] == true && row["mended"].is_null()), "{rows}");
}

#[test]
fn every_change_is_told_in_the_form_that_is_asked_for() {
    let env = world();
    let item = |words: &[&str]| json(&yoi(&env, &[words, &["--json"]].concat(), 0).stdout)["item"].clone();
    let id = item(&["new", "A third one"])["id"].as_str().unwrap().to_owned();
    let id = id.as_str();
    for (words, state) in [
        (&["comment", id, "-m", "x"][..], "planning"),
        (&["state", id, "ready"], "ready"),
        (&["state", id, "ready"], "ready"),
        (&["edit", id, "--priority", "P1"], "ready"),
        (&["state", id, "inprogress"], "inprogress"),
        (&["state", id, "done"], "done"),
        (&["review", id, "approve", "-m", "x"], "done"),
        (&["close", id, "-m", "x"], "closed"),
    ] {
        assert_eq!(item(words)["state"], state, "{words:?}");
    }
    let relations = |words: &[&str]| {
        let told = json(&yoi(&env, &[&["relation"], words, &[id, "related", COMPLETE, "--json"]].concat(), 0).stdout);
        told["items"].as_array().unwrap().len()
    };
    assert_eq!((relations(&["add"]), relations(&["remove"])), (1, 0));
    // What cannot be told is not done.
    let before = tree(&env.workspace());
    for form in [&["--format", "{nothing}"][..], &["--json", "-z"]] {
        for words in
            [&["new", "x"][..], &["comment", id, "-m", "x"], &["state", id, "planning"], &["edit", id, "--title", "x"]]
        {
            yoi(&env, &[words, form].concat(), 2);
        }
        yoi(&env, &[&["relation", "add", id, "related", COMPLETE], form].concat(), 2);
    }
    assert_eq!(tree(&env.workspace()), before);
}
