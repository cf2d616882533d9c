//! `man/yoi-recovery.7` tells what to do, symptom by symptom: each symptom is brought about, and what the page says is
//! done, and prints what the page shows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;

use common::transcript::{Step, differences, end_pods, session};
use common::{TestEnv, fake_acp};

/// How each symptom comes about, in the sample workspace.
const SYMPTOMS: &[(&str, &str)] = &[
    ("A ticket looks taken, and nobody works on it", STOPPED),
    ("A Pod could be restored, but its work is lost", STOPPED),
    (
        "A launch is refused because of a stale claim",
        r#"yoi intake 20260118-101544-001 --wait
        yoi stop intake-20260118-101544-001
        rm -r "$(yoi-claim workspace-key --format '{registry}')/pods/intake-20260118-101544-001""#,
    ),
    (
        "A ticket stays in flight",
        r#"mkfifo "$TMPDIR/locked" "$TMPDIR/never"
        yoi-claim ticket-lock 20260118-101544-001 -- sh -c 'echo >"$0"; read -r line <"$1"' \
            "$TMPDIR/locked" "$TMPDIR/never" >"$TMPDIR/lock.log" 2>&1 &
        read -r line <"$TMPDIR/locked""#,
    ),
    (
        "A record cannot be read",
        r#"yoi intake 20260118-101544-001 --wait
        yoi stop intake-20260118-101544-001
        echo oops >>"$(yoi-claim workspace-key --format '{registry}')/claims/20260118-101544-001.toml""#,
    ),
    ("A claim is damaged beyond mending", DAMAGED),
    ("A claim cannot be read, and somebody else is to have its ticket", DAMAGED),
    (
        "A record was written by a later version",
        r#"yoi intake 20260118-101544-001 --wait
        yoi stop intake-20260118-101544-001
        sed -i 's/^version = 1/version = 2/' \
            "$(yoi-claim workspace-key --format '{registry}')/claims/20260118-101544-001.toml""#,
    ),
    (
        "A Pod does not answer, and does not end",
        r#"yoi intake 20260118-101544-001 --wait
        kill -STOP "$(yoi why intake-20260118-101544-001 | sed -n 's/.*pid \([0-9]*\) (yoi-host)/\1/p')""#,
    ),
    (
        "A Pod is at work, and nothing happens",
        r#"printf '[roles.intake]\nprofile = "project:asks"\n' >.yoi/ticket.config.toml
        yoi intake 20260118-101544-001 -m '@ask execute reject_once,allow_once'
        until yoi status | grep -q asks; do :; done"#,
    ),
    ("An agent does not come up", "true"),
    (
        "A launch failed (exit status 4)",
        r#"yoi intake 20260118-101544-001 --ready-timeout 0 || [ $? = 4 ]
        printf '[roles.intake]\nprofile = "project:mine"\n' >.yoi/ticket.config.toml
        printf '[profiles.mine]\nagent = "exec"\ncommand = ["./agent"]\n' >.yoi/profiles.toml"#,
    ),
    (
        "A launch was done in part (exit status 5)",
        r#"yoi-claim ticket-lock another -- true
        mkdir "$(yoi-claim workspace-key --format '{registry}')/sessions/intake-20260118-101544-001.toml""#,
    ),
    (
        "A claim stands, and its session record is missing",
        r#"yoi intake 20260118-101544-001 --wait
        rm "$(yoi-claim workspace-key --format '{registry}')/sessions/intake-20260118-101544-001.toml""#,
    ),
    (
        "An agent lost its claim while it was at work",
        r#"yoi intake 20260118-101544-001 --wait
        yoi stop intake-20260118-101544-001
        YOI_TICKET=20260118-101544-001 YOI_CLAIM=$(yoi-claim claim-show 20260118-101544-001 --format '{expect}')
        yoi-claim claim-reclaim 20260118-101544-001 --expect "$YOI_CLAIM" --reason "given to mira" --force
        yoi-claim claim-commit 20260118-101544-001 --pod mira --role coder"#,
    ),
    ("The socket of a Pod is gone", "yoi intake 20260118-101544-001 --wait"),
    (
        "The journal is torn",
        r#"yoi intake 20260118-101544-001 --wait
        printf '{"at":"2026-0' >>"$(yoi-claim workspace-key --format '{registry}')/journal.jsonl""#,
    ),
    (
        "Something is left of processes that were killed",
        r#"yoi-claim ticket-lock another -- true
        cd "$(yoi-claim workspace-key --format '{registry}')"
        mkdir -m 700 pods/p
        umask 077; : >tmp/claim-another.0123456789abcdef
        cd "$OLDPWD""#,
    ),
    (
        "A workspace was moved, and all claims are gone",
        r#"yoi intake 20260118-101544-001 --wait
        yoi stop intake-20260118-101544-001
        mkdir ../there; mv ../work ../there/; cd ../there/work"#,
    ),
];

/// A Pod that asked its questions and was stopped then.
const STOPPED: &str = "yoi intake 20260118-101544-001 --wait; yoi stop intake-20260118-101544-001";

/// The same, and its claim was overwritten.
const DAMAGED: &str = r#"yoi intake 20260118-101544-001 --wait
        yoi stop intake-20260118-101544-001
        echo oops >"$(yoi-claim workspace-key --format '{registry}')/claims/20260118-101544-001.toml""#;

/// Gives a workspace the agents that speak the Agent Client Protocol of these symptoms; no role has them yet.
fn add_agents(env: &TestEnv) {
    let program = fake_acp::program();
    let profiles = format!(
        "[profiles.asks]\nagent = \"acp\"\ncommand = [{program:?}]\n\n\
         [profiles.mute]\nagent = \"acp\"\ncommand = [{program:?}, \"tools=none\"]\ndeadlines = {{ tools = 0.2 }}\n"
    );
    std::fs::write(env.workspace().join(".yoi/profiles.toml"), profiles).unwrap();
}

/// What cannot be brought about here, and why.
const NOT_SHOWN: &[(&str, &str)] = &[
    ("The disk is full (exit status 128)", "a full disk takes a mount: tests/faults does it"),
    ("The disk is read-only (exit status 128)", "a read-only disk takes a mount: tests/faults does it"),
    ("The registry is another user's (exit status 128)", "only root can bring it about: tests/data_dir.rs does it"),
];

/// The symptoms of the page with the commands of each.
fn symptoms() -> Vec<(String, Vec<Step>)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("man/yoi-recovery.7");
    let text = std::fs::read_to_string(page).unwrap();
    let mut found = Vec::new();
    for part in text.split("\n.Ss ").skip(1) {
        let (title, rest) = part.split_once('\n').unwrap();
        let blocks =
            rest.split(".Bd -literal\n").skip(1).map(|block| format!("{}\n", block.split_once("\n.Ed").unwrap().0));
        let shown = blocks.collect::<String>().replace("\\&", "").replace("\\e", "\\").replace("...", "…");
        found.push((title.to_owned(), session(&shown)));
    }
    found
}

fn prepared(title: &str) -> Option<&'static str> {
    SYMPTOMS.iter().find(|(known, _)| *known == title).map(|(_, script)| *script)
}

/// Brings symptoms about and does what the page says; two halves, so that they run side by side.
fn check(half: usize) {
    let mut wrong = Vec::new();
    for (title, steps) in symptoms().into_iter().skip(half).step_by(2) {
        let Some(prepare) = prepared(&title) else { continue };
        let env = TestEnv::with_sample();
        add_agents(&env);
        let found = differences(&env, prepare, &steps);
        wrong.extend(found.into_iter().map(|text| format!("{title}: {text}")));
        // A workspace that was moved is not there any more, and neither are its Pods.
        std::fs::create_dir_all(env.workspace()).unwrap();
        end_pods(&env);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn what_the_page_says_to_do_helps() {
    check(0);
}

#[test]
fn what_the_page_says_to_do_helps_with_the_other_half() {
    check(1);
}

#[test]
fn every_symptom_of_the_page_is_brought_about() {
    let titles: Vec<String> = symptoms().into_iter().map(|(title, _)| title).collect();
    let known: Vec<&str> = SYMPTOMS.iter().chain(NOT_SHOWN).map(|(title, _)| *title).collect();
    assert_eq!(titles, known);
    for (title, steps) in symptoms() {
        assert_eq!(steps.is_empty(), prepared(&title).is_none(), "{title}");
    }
}
