//! Every example of the README and of the manual pages is run, so that none is wrong.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::sync::Mutex;

use clap::Command;
use common::TestEnv;
use common::transcript::{self, Step, differences, end_pods, examples};

/// A Pod that waits for an answer: the first ticket's would be at its end already.
const WAITING: &str = "yoi intake 20260118-101544-001 --wait";
/// A claim on a ticket of some other tracker.
const BY_HAND: &str = "yoi-claim claim-commit PROJ-42 --pod mira --role coder";

/// What the examples of a page begin from, besides the sample workspace.
const PREPARED: &[(&str, &str)] = &[
    ("yoi attach", WAITING),
    ("yoi panel", WAITING),
    ("yoi stop", WAITING),
    ("yoi why", WAITING),
    ("yoi restore", "yoi intake 20260118-101544-001 --wait; yoi stop intake-20260118-101544-001"),
    ("yoi reclaim", "yoi intake 20260118-101544-001 --wait; yoi stop intake-20260118-101544-001"),
    ("yoi logs", "yoi intake 20260118-093012-001 --wait"),
    (
        "yoi launch",
        "git init -q; printf '[roles.investigator]\\nprofile = \"builtin:checklist\"\\n' >>.yoi/ticket.config.toml",
    ),
    ("yoi queue", "sed -i -E 's/^((workflow_)?state): .*/\\1: ready/' .yoi/tickets/*/item.md"),
    (
        "yoi next",
        "sed -i -E 's/^((workflow_)?state): .*/\\1: queued/' .yoi/tickets/*/item.md
        printf '[roles.investigator]\\nprofile = \"builtin:checklist\"\\n' >>.yoi/ticket.config.toml",
    ),
    ("yoi wait", "yoi intake 20260118-093012-001 --wait"),
    (
        "yoi init",
        "mkdir ../bin; printf '#!/bin/sh\\ncat\\n' >../bin/llm; chmod +x ../bin/llm; PATH=$(cd ../bin; pwd):$PATH",
    ),
    ("yoi profiles check", "printf '[profiles.fast]\\nagent = \"exec\"\\ncommand = [\"cat\"]\\n' >.yoi/profiles.toml"),
    ("yoi ticket review", "for state in ready queued inprogress done; do yoi ticket state 20260118-09 $state; done"),
    ("yoi ticket relation remove", "yoi ticket relation add 20260118-10 depends_on 20260118-09"),
    ("yoi ticket relation list", "yoi ticket relation add 20260118-10 depends_on 20260118-09"),
    ("yoi hooks", "git init -q"),
    ("yoi hooks install", "git init -q"),
    ("yoi hooks remove", "git init -q; yoi hooks install"),
    ("yoi hooks status", "git init -q; yoi hooks install"),
    (
        "yoi-claim claim-check",
        "yoi intake 20260118-101544-001 --wait
        YOI_TICKET=20260118-101544-001 YOI_CLAIM=$(yoi-claim claim-show 20260118-101544-001 --format '{expect}')",
    ),
    ("yoi-claim claim-complete", BY_HAND),
    ("yoi-claim claim-release", BY_HAND),
    (
        "yoi-claim claim-reclaim",
        "yoi-claim claim-commit PROJ-42 --pod mira --role coder
        yoi-claim claim-commit PROJ-43 --pod mira --role coder
        yoi-claim pod-spawn coder-PROJ-43 --role coder --profile builtin:checklist
        yoi-claim pod-confirm coder-PROJ-43",
    ),
    ("yoi-claim claim-show", WAITING),
    ("yoi-claim pod-list", WAITING),
    ("yoi-claim pod-run", WAITING),
    ("yoi-claim pod-shutdown", WAITING),
    ("yoi-claim pod-status", WAITING),
    ("yoi-claim session-record", WAITING),
    ("yoi-claim workspace-key", BY_HAND),
    (
        "yoi-claim workspace-adopt",
        "mkdir ../old; (cd ../old; yoi-claim claim-commit PROJ-42 --pod mira --role coder); rmdir ../old",
    ),
    ("yoi-claim session-show", WAITING),
    ("yoi-claim shutdown-after-idle", WAITING),
];

/// What cannot be run as it stands, and why.
const NOT_RUN: &[(&str, &str)] = &[
    (
        "yoi attach intake-20260118-101544-001",
        "reads lines from a terminal, and follows without end where there is none",
    ),
    ("yoi panel", "is a screen, and follows without end; tests/panel.rs drives it"),
    ("yoi answer ", "needs an agent that asks; tests/talking.rs has one"),
    ("yoi-claim watch | while read -r what name; do yoi-claim claim-list; done", "follows without end"),
    ("yoi tool", "runs inside a Pod; the README's agent does"),
    ("yoi tool TicketComment ", "runs inside a Pod; the README's agent calls another tool"),
    ("yoi mcp", "speaks MCP, inside a Pod; tests/mcp.rs does"),
    ("yoi mcp --socket ", "speaks MCP, inside a Pod; tests/mcp.rs does"),
    ("cargo run --locked -- demo", "tests/demo.rs runs the demo, without cargo inside of cargo"),
    ("cargo test --locked", "is what runs this"),
    ("cargo install --locked --path .", "writes outside of the test, and takes minutes"),
];

fn is_run(step: &Step) -> bool {
    let is_it = |(begin, _): &(&str, &str)| match begin.strip_suffix(' ') {
        Some(_) => step.command.starts_with(begin),
        None => step.command == *begin,
    };
    !NOT_RUN.iter().any(is_it)
}

/// Every command that has examples, as it is typed, with the examples.
fn pages(program: &Command, typed: &str) -> Vec<(String, Vec<Step>)> {
    let text = program.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let mut found = vec![(typed.to_owned(), examples(&text))];
    let visible = program.get_subcommands().filter(|sub| !sub.is_hide_set());
    found.extend(visible.flat_map(|sub| pages(sub, &format!("{typed} {}", sub.get_name()))));
    found.retain(|(_, steps)| !steps.is_empty());
    found
}

fn all_pages() -> Vec<(String, Vec<Step>)> {
    let mut found = pages(&yoi::porcelain::command(), "yoi");
    found.extend(pages(&yoi::plumbing::command(), "yoi-claim"));
    assert!(found.len() > 30, "{found:?}");
    found
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The blocks of the README in this language, in their order.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
    let mut found = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == format!("```{language}")) {
        found.push(lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>().join("\n"));
    }
    found
}

#[test]
fn every_example_of_a_manual_page_runs() {
    let waiting = Mutex::new(all_pages());
    let wrong = Mutex::new(Vec::new());
    let work = || {
        loop {
            let Some((page, steps)) = waiting.lock().unwrap().pop() else { return };
            let env = TestEnv::with_sample();
            let prepare = PREPARED.iter().find(|(name, _)| *name == page).map_or(":", |(_, script)| *script);
            let steps: Vec<Step> = steps.into_iter().filter(is_run).collect();
            let found = differences(&env, prepare, &steps);
            wrong.lock().unwrap().extend(found.into_iter().map(|text| format!("{page}: {text}")));
            end_pods(&env);
        }
    };
    std::thread::scope(|scope| (0..2).for_each(|_| drop(scope.spawn(work))));
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_walk_through_of_the_readme_runs_and_prints_what_it_shows() {
    let env = TestEnv::new();
    let steps: Vec<Step> = blocks("console").iter().flat_map(|block| transcript::session(block)).collect();
    assert!(steps.len() > 10, "{steps:?}");
    let steps: Vec<Step> = steps.into_iter().filter(is_run).collect();
    let wrong = differences(&env, ":", &steps);
    end_pods(&env);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_tour_of_the_manual_prints_what_it_shows() {
    let env = TestEnv::new();
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manual/yoi.man")).unwrap();
    let blocks = page.split("\n.nf\n").skip(1).map(|block| format!("{}\n", block.split_once("\n.fi").unwrap().0));
    let shown: String = blocks.collect();
    let shown = shown.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\").replace("...", "…");
    let steps = transcript::session(&shown);
    assert!(steps.len() > 8, "{steps:?}");
    let wrong = differences(&env, ":", &steps);
    end_pods(&env);
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_script_of_the_readme_launches_what_yoi_intake_launches() {
    let env = TestEnv::with_sample();
    let [script] =
        blocks("sh").into_iter().filter(|block| block.contains("ticket-lock")).collect::<Vec<_>>().try_into().unwrap();
    common::run(env.shell(&script).env("T", "20260118-101544-001").env("TMPDIR", env.root()), 0);
    let claim = common::run(&mut env.yoi_claim(["claim-list"]), 0);
    assert_eq!(claim.stdout, "20260118-101544-001\tintake-20260118-101544-001\tintake\t1\tlive\n");
    end_pods(&env);
}

#[test]
fn the_lists_of_this_file_are_of_use() {
    let pages = all_pages();
    for line in blocks("sh").iter().filter(|block| !block.contains("ticket-lock")).flat_map(|block| block.lines()) {
        assert!(NOT_RUN.iter().any(|(command, _)| line == *command), "the README shows {line:?}, which nothing runs");
    }
    for (page, _) in PREPARED {
        assert!(pages.iter().any(|(name, _)| name == page), "{page} has no examples");
    }
    let shown: Vec<String> = pages.into_iter().flat_map(|(_, steps)| steps).map(|step| step.command).collect();
    for (begin, reason) in NOT_RUN {
        let is_shown = shown.iter().any(|command| command.starts_with(begin)) || readme().contains(begin);
        assert!(is_shown, "{begin} is shown nowhere, so it need not be left out ({reason})");
    }
}
