//! `man/yoi-registry.5` describes every file of a registry, and every field: a real registry is compared with it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::scene::{COMPLETE, INCOMPLETE, tree};
use common::transcript::end_pods;
use common::{TestEnv, run};

/// The fields that the page names, by the heading that they stand under.
fn described() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in page().lines() {
        if let Some(text) = line.strip_prefix(".Ss ").or_else(|| line.strip_prefix(".Sh ")) {
            heading = text.to_owned();
        } else if let Some(names) = line.strip_prefix(".It Va ").or_else(|| line.strip_prefix(".Va ")) {
            let names = names.split([' ', ',']).filter(|name| !name.is_empty()).map(str::to_owned);
            found.entry(heading.clone()).or_default().extend(names);
        }
    }
    found
}

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("man/yoi-registry.5")).unwrap()
}

/// A registry in which everything has happened that leaves something.
fn lived_in() -> TestEnv {
    let env = TestEnv::with_sample();
    let verb = |words: &[&str]| drop(run(&mut env.yoi_claim(words), 0));
    run(&mut env.yoi(["intake", COMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    env.stop(&format!("intake-{INCOMPLETE}"));
    run(&mut env.yoi(["restore", &format!("intake-{INCOMPLETE}")]), 0);
    run(&mut env.yoi(["intake", "-m", "A new idea"]), 0);
    let other = "00001KTJ1QJB8";
    env.add_complete_tickets(&[other.to_owned()]);
    env.configure("investigator", "builtin:checklist");
    let commit = "git init -q; git add -A; git -c user.name=t -c user.email=t@t commit -qm beginning";
    run(&mut env.shell(commit), 0);
    run(&mut env.yoi(["launch", "investigator", other, "--worktree"]), 0);
    verb(&["claim-commit", "T", "--pod", "mira", "--role", "coder", "--session", "s"]);
    verb(&["claim-complete", "T", "--expect", "1"]);
    verb(&["claim-release", "T", "--expect", "1", "--reason", "given back"]);
    verb(&["claim-commit", "T", "--pod", "mira", "--role", "coder"]);
    verb(&["claim-release", "T", "--expect", "2", "--reason", "given back"]);
    verb(&["claim-commit", "T", "--pod", "ada", "--role", "coder"]);
    verb(&["claim-commit", "U", "--pod", "ada", "--role", "coder", "--session", "s"]);
    verb(&["claim-reclaim", "U", "--expect", "1", "--reason", "its Pod is gone"]);
    verb(&["pod-hold", "held", "--role", "coder", "--ticket", "V", "--", "true"]);
    verb(&["session-record", "ada", "--role", "coder", "--origin", "role_launch", "--session", "s"]);
    env
}

/// The keys of a record, those of tables in it too.
fn keys(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        // A moment of TOML has no fields of its own, but this is how it looks from outside.
        serde_json::Value::Object(members) if members.keys().any(|key| key.starts_with('$')) => {}
        serde_json::Value::Object(members) => members.iter().for_each(|(key, value)| {
            found.insert(key.clone());
            keys(value, found);
        }),
        serde_json::Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        _ => {}
    }
}

/// The heading that describes a file, and whether its lines are records of their own.
fn kind_of(path: &str) -> Option<&'static str> {
    let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
    match (dir.split('/').next().unwrap(), name) {
        ("", "workspace.toml") => Some("workspace.toml"),
        ("", "journal.jsonl") => Some("journal.jsonl"),
        ("claims", name) if name.ends_with(".toml") || name.ends_with(".released") => Some("claims/<key>.toml"),
        ("sessions", name) if name.ends_with(".toml") => Some("sessions/<key>.toml"),
        ("pods", "pod.toml") => Some("pods/<key>/pod.toml"),
        ("pods", "history.jsonl") => Some("pods/<key>/history.jsonl"),
        _ => None,
    }
}

#[test]
fn every_field_of_every_record_is_described() {
    let env = lived_in();
    let described = described();
    let mut seen: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (path, (_, bytes)) in tree(env.registry().dir()) {
        let Some(kind) = kind_of(&path) else { continue };
        let text = String::from_utf8(bytes).unwrap();
        let found = seen.entry(kind).or_default();
        if path.ends_with(".jsonl") {
            for line in text.lines() {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                // What an event carries is the protocol's, not the registry's.
                found.extend(line.as_object().unwrap().keys().cloned());
            }
        } else {
            keys(&serde_json::to_value(toml::from_str::<toml::Table>(&text).unwrap()).unwrap(), found);
        }
    }
    end_pods(&env);
    assert_eq!(seen.len(), 6, "{:?}", seen.keys());
    for (kind, fields) in &seen {
        let missing: Vec<&String> = fields.iter().filter(|field| !described[*kind].contains(*field)).collect();
        assert!(missing.is_empty(), "{kind} has {missing:?}, which the page does not describe");
        // And the other way round, as far as this registry comes.
        let elsewhere = ["cgroup", "launch_prompt", "former_roots", "session"];
        let unseen: Vec<&String> = described[*kind]
            .iter()
            .filter(|field| !fields.contains(*field) && !elsewhere.contains(&field.as_str()))
            .collect();
        assert!(unseen.is_empty(), "the page describes {unseen:?} of {kind}, which no record has");
    }
}

#[test]
fn every_file_is_in_the_list() {
    let env = lived_in();
    let page = page();
    let list = page.split(".Bd -literal\n").nth(1).unwrap().split("\n.Ed").next().unwrap();
    let names: Vec<&str> = list.lines().skip(1).filter_map(|line| line.split_whitespace().next()).collect();
    let fits = |pattern: &str, path: &str| {
        let parts: Vec<&str> = pattern.split('/').collect();
        let path: Vec<&str> = path.split('/').collect();
        let part_fits = |(pattern, part): (&&str, &&str)| match pattern.find('<') {
            Some(at) => part.starts_with(&pattern[..at]) && part.ends_with(pattern.rsplit('>').next().unwrap()),
            None => pattern == part,
        };
        parts.len() == path.len() && parts.iter().zip(&path).all(part_fits)
    };
    let is_directory = |mode: u32| mode & 0o170_000 == 0o040_000;
    let files = tree(env.registry().dir()).into_iter().filter(|(_, (mode, _))| !is_directory(*mode));
    let missing: Vec<String> =
        files.map(|(path, _)| path).filter(|path| !names.iter().any(|name| fits(name, path))).collect();
    end_pods(&env);
    assert!(missing.is_empty(), "{missing:?} is not in the list: {names:?}");
}
