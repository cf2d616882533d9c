//! `yoi doctor`: everything in one report, of which nothing hides anything else; and a status in spite of a broken
//! configuration.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::scene::{INCOMPLETE, names, tree};
use common::{Outcome, TestEnv, run};
use serde_json::Value;

/// What it says: the status, and each item as AREA, VERDICT, CHECK, WHAT, REMEDY.
fn examined(env: &TestEnv) -> (i32, Vec<[String; 5]>) {
    let outcome = Outcome::of(&mut env.yoi(["doctor", "--json"]));
    let document: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
    assert_eq!(document["kind"], "examination");
    let field = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let names = ["area", "verdict", "check", "what", "remedy"];
    let items = document["items"].as_array().unwrap().iter().map(|item| names.map(|name| field(item, name)));
    (outcome.status, items.collect())
}

/// Those items that are not ok.
fn wrong(items: &[[String; 5]]) -> Vec<&[String; 5]> {
    // Whether there are control groups is the machine's affair.
    items.iter().filter(|item| item[1] != "ok" && item[2] != "control groups").collect()
}

fn healthy() -> TestEnv {
    let env = TestEnv::with_sample();
    run(env.command("git").args(["init", "-q"]), 0);
    run(&mut env.yoi_claim(["claim-commit", "held", "--pod", "mira", "--role", "coder"]), 0);
    env
}

#[test]
fn of_a_healthy_workspace_everything_is_said_to_be_ok() {
    let env = healthy();
    let (status, items) = examined(&env);
    let mut areas: Vec<&str> = items.iter().map(|item| item[0].as_str()).collect();
    areas.dedup();
    let expected =
        ["versions", "workspace", "tickets", "agents", "directories", "file system", "registry", "processes"];
    assert_eq!(areas, expected);
    // The sample is in an older form, of which the tickets' doctor has something to say.
    let wrong: Vec<_> = wrong(&items).into_iter().filter(|item| item[0] != "tickets").collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(status, 0);
    for check in ["hard links", "exchanging", "lock marks", "lock kinds", "case of names", "room", "kind"] {
        assert!(items.iter().any(|item| item[0] == "file system" && item[2] == check), "{check}: {items:#?}");
    }
}

#[test]
fn it_leaves_everything_as_it_was_and_makes_nothing() {
    let env = TestEnv::with_sample();
    let before = tree(env.root());
    examined(&env);
    assert!(tree(env.root()) == before);
    let env = healthy();
    let left = env.data().join("doctor-killed");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("mark"), "").unwrap();
    examined(&env);
    assert_eq!(names(&env.data()), ["workspaces"], "what a doctor left that was killed is removed, too");
}

#[test]
fn each_thing_that_is_wrong_is_told_with_its_remedy_and_hides_no_other() {
    let env = healthy();
    let dir = env.registry().dir().to_owned();
    fs::write(env.workspace().join(".yoi/ticket.config.toml"), "[tickets]\n").unwrap();
    fs::write(env.workspace().join(".yoi/tickets").join(INCOMPLETE).join("item.md"), "no front matter").unwrap();
    fs::write(dir.join("claims/other.toml"), "torn").unwrap();
    fs::write(dir.join("tmp/claim-held.0123456789abcdef"), "").unwrap();
    fs::set_permissions(env.data(), fs::Permissions::from_mode(0o777)).unwrap();
    let (status, items) = examined(&env);
    assert_eq!(status, 1);
    let said = |area: &str, verdict: &str, what: &str, remedy: &str| {
        let found = items
            .iter()
            .any(|item| item[0] == area && item[1] == verdict && item[3].contains(what) && item[4].starts_with(remedy));
        assert!(found, "{area} {what}: {items:#?}");
    };
    said("workspace", "problem", "did you mean \"ticket\"", "correct the line");
    said("tickets", "problem", "front matter", "correct it by hand");
    said("registry", "problem", "it is no valid record", "yoi-claim verify --repair");
    said("registry", "warning", "it was on its way into place", "yoi-claim gc");
    said("registry", "problem", "others may write to it", "yoi-claim verify --repair");
    let told = run(&mut env.yoi(["doctor"]), 1).stdout;
    assert!(told.contains("problems, ") && told.contains("\n  problem  claims/other.toml: "), "{told}");
    run(&mut env.yoi_claim(["verify", "--repair"]), 1);
    fs::remove_file(env.workspace().join(".yoi/ticket.config.toml")).unwrap();
    let (_, items) = examined(&env);
    let left: Vec<_> = wrong(&items).into_iter().filter(|item| item[0] != "tickets").collect();
    assert!(
        matches!(left.as_slice(), [one] if one[3].contains("set aside") && one[4].starts_with("yoi why")),
        "{left:#?}"
    );
}

#[test]
fn many_findings_of_one_kind_are_counted_and_hide_no_other() {
    let env = healthy();
    let dir = env.registry().dir().to_owned();
    (0..30).for_each(|number| fs::write(dir.join(format!("tmp/claim-held.{number:016x}")), "").unwrap());
    fs::write(dir.join("sessions/x.toml"), "torn").unwrap();
    let (_, items) = examined(&env);
    let registry: Vec<_> = items.iter().filter(|item| item[0] == "registry").collect();
    assert_eq!(registry.len(), 1 + 10 + 1, "{registry:#?}");
    assert!(registry.iter().any(|item| item[3].starts_with("20 more of the same kind")), "{registry:#?}");
}

#[test]
fn a_runtime_directory_with_too_long_a_path_is_a_problem() {
    let env = healthy();
    let long = env.root().join("r".repeat(100));
    let told = run(env.yoi(["doctor", "--format", "{check} {remedy}"]).env("YOI_RUNTIME_DIR", long), 1).stdout;
    assert!(told.contains("sockets name a shorter runtime directory"), "{told}");
}

#[test]
fn a_profile_that_leads_nowhere_is_a_problem_of_its_role() {
    let env = healthy();
    env.configure("coder", "project:missing");
    let (status, items) = examined(&env);
    assert_eq!(status, 1);
    let coder = items.iter().find(|item| item[2] == "role coder").unwrap();
    assert!(coder[1] == "problem" && coder[4].contains("ticket.config.toml"), "{coder:?}");
}

#[test]
fn a_broken_configuration_hides_neither_claims_nor_pods() {
    let env = healthy();
    let shown = run(&mut env.yoi(["status"]), 0).stdout;
    for broken in ["[tickets]\n", "\u{1}", "[backend]\nroot = 7\n"] {
        fs::write(env.workspace().join(".yoi/ticket.config.toml"), broken).unwrap();
        for words in [&["status"][..], &[]] {
            let outcome = run(&mut env.yoi(words), 128);
            assert!(outcome.stdout.starts_with(&shown), "{outcome:?}");
            assert!(outcome.stderr.contains("ticket.config.toml:"), "{outcome:?}");
            assert!(outcome.stderr.contains("hint: yoi doctor"), "{outcome:?}");
        }
    }
}
