//! The panel driven on a terminal, screen by screen, as a person would.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use common::scene::{COMPLETE, INCOMPLETE};
use common::screen::Screen;
use common::{TestEnv, run};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};

const UP: &str = "\x1b[A";
const DOWN: &str = "\x1b[B";
const ESCAPE: &str = "\x1b";
const ENTER: &str = "\r";

/// A world with the sample's tickets, at a fixed moment, so that ages are the same each time.
fn sample() -> TestEnv {
    TestEnv::with_sample().with_clock("2026-06-07T22:02:25Z")
}

/// The panel of a world, once everything has been read.
fn panel(env: &TestEnv, columns: u16, rows: u16) -> Screen {
    let mut screen = Screen::panel(env, columns, rows);
    screen.wait("read", |screen| screen.text().contains(" active") && !screen.text().contains("reading"));
    screen
}

#[test]
fn an_empty_workspace_says_what_to_do() {
    let env = TestEnv::new();
    let mut screen = panel(&env, 80, 24);
    screen.wait_for("there is no ticket yet: yoi ticket new TITLE makes one");
    run(&mut env.yoi(["ticket", "new", "The first one"]), 0);
    screen.wait_for_row("The first one", "planning");
    screen.leave();
}

#[test]
fn the_screen_at_eighty_by_twenty_four() {
    let env = sample();
    let mut screen = panel(&env, 80, 24);
    screen.wait_for("## Background");
    insta::assert_snapshot!(screen.text());
    screen.press("?");
    screen.wait_for(" keys ");
    insta::assert_snapshot!("help_80x24", screen.text());
    screen.press(ESCAPE);
    screen.wait("closed", |screen| !screen.text().contains(" keys "));
    screen.leave();
}

#[test]
fn the_screen_at_forty_by_twelve_and_at_two_hundred_by_sixty() {
    let env = sample();
    let mut screen = panel(&env, 40, 12);
    screen.wait_for("20260118-101544-001");
    insta::assert_snapshot!("40x12", screen.text());
    screen.resize(200, 60);
    screen.wait("wide", |screen| screen.text().contains("ROLE") && screen.text().contains("at most 30, with a random"));
    insta::assert_snapshot!("200x60", screen.text());
    screen.resize(10, 3);
    screen.wait("tiny", |screen| screen.size() == (10, 3) && screen.text().starts_with(" work"));
    screen.resize(80, 24);
    screen.wait_for("STATE");
    screen.leave();
}

#[test]
fn an_intake_is_seen_from_its_launch_to_its_end() {
    let env = sample();
    let mut screen = panel(&env, 200, 24);
    // Without what is known of a row there is room for all of its words.
    screen.press("\tg");
    screen.wait_for_row(COMPLETE, "intake");
    screen.press("i");
    screen.wait_for_row(COMPLETE, "stopped, restorable, completed");
    screen.wait_for_row(COMPLETE, "ready");
    screen.wait_for(&format!("= Pod intake-{COMPLETE} took ticket {COMPLETE}"));
    screen.leave();
    env.wait_for_processes();
}

#[test]
fn a_question_comes_first_and_the_selection_stays_on_its_ticket() {
    let env = sample();
    let mut screen = panel(&env, 200, 24);
    screen.press("g");
    screen.wait_for(&format!("│ {COMPLETE}"));
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    screen.wait_for_row(INCOMPLETE, "live, idle, question");
    let list: String = screen.text().lines().skip(2).collect();
    assert!(list.find(INCOMPLETE) < list.find(COMPLETE), "{list}");
    screen.wait_for(&format!("│ {COMPLETE}"));
    screen.press("k");
    screen.wait_for(&format!("│ {INCOMPLETE}"));
    env.stop(&format!("intake-{INCOMPLETE}"));
    screen.wait_for_row(INCOMPLETE, "stopped, restorable");
    screen.leave();
}

#[test]
fn two_panels_race_for_one_ticket_and_one_wins() {
    let env = sample();
    let mut screens = [panel(&env, 200, 24), panel(&env, 200, 24)];
    for screen in &mut screens {
        screen.press("G");
        screen.wait_for(&format!("│ {INCOMPLETE}"));
    }
    screens.iter_mut().for_each(|screen| screen.press("i"));
    let won = format!("= Pod intake-{INCOMPLETE} took ticket {INCOMPLETE}");
    let is_decided = |screen: &Screen| screen.text().contains(&won) || screen.text().contains("Esc takes this off");
    screens.iter_mut().for_each(|screen| screen.wait("decided", is_decided));
    let winners = screens.iter().filter(|screen| screen.text().contains(&won)).count();
    assert_eq!(winners, 1, "{}\n{}", screens[0].text(), screens[1].text());
    for screen in &mut screens {
        screen.wait_for_row(INCOMPLETE, "live");
        if !screen.text().contains(&won) {
            screen.wait("told why", |screen| {
                screen.text().contains("is in flight") || screen.text().contains("is claimed by Pod")
            });
            screen.press(ESCAPE);
            screen.wait("dismissed", |screen| !screen.text().contains("Esc takes this off"));
        }
    }
    assert_eq!(env.listed("claim-list").lines().count(), 1);
    env.stop(&format!("intake-{INCOMPLETE}"));
    screens.into_iter().for_each(Screen::leave);
}

#[test]
fn a_killed_host_is_seen_at_once_and_its_pod_is_restored() {
    let env = sample();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    let mut screen = Screen::panel(&env, 200, 24);
    screen.wait_for_row(INCOMPLETE, "live, idle");
    let hosts: Vec<_> =
        env.processes().into_iter().filter(|process| process.to_string().contains("pod-host")).collect();
    assert!(!hosts.is_empty());
    hosts.iter().for_each(common::Process::kill);
    screen.wait_for_row(INCOMPLETE, "stopped, restorable");
    screen.press("g");
    screen.press("r");
    screen.wait_for_row(INCOMPLETE, "live, idle");
    screen.wait_for(&format!("= Pod intake-{INCOMPLETE} is back"));
    env.stop(&format!("intake-{INCOMPLETE}"));
    screen.leave();
}

#[test]
fn a_stale_claim_is_reclaimed_with_a_reason_and_a_yes() {
    let env = sample();
    run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "mira", "--role", "coder"]), 0);
    let mut screen = panel(&env, 120, 30);
    screen.wait_for_row(INCOMPLETE, "stale");
    assert!(screen.row(INCOMPLETE).unwrap().starts_with("! "));
    screen.press("gR");
    screen.wait_for("Pod mira as coder (generation 1) has the claim");
    screen.press(ENTER);
    screen.press("lost");
    screen.wait_for("> lost");
    screen.press(ENTER);
    screen.wait_for("free ticket");
    assert_eq!(env.listed("claim-list").lines().count(), 1, "nothing is done before it is confirmed");
    screen.press("y");
    screen.wait_for(&format!("= ticket {INCOMPLETE} is free"));
    screen.wait("free", |screen| screen.row(INCOMPLETE).is_some_and(|row| !row.contains("stale")));
    assert_eq!(env.listed("claim-list"), "");
    assert!(run(&mut env.yoi_claim(["journal", INCOMPLETE]), 0).stdout.contains("lost"));
    screen.leave();
}

#[test]
fn a_corrupt_claim_is_one_marked_row_among_good_ones() {
    let env = sample();
    run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi_claim(["claim-commit", "PROJ-42", "--pod", "mira", "--role", "coder"]), 0);
    let mut screen = panel(&env, 200, 24);
    let claim = env.registry().claims_dir().join("PROJ-42.toml");
    let good = fs::read(&claim).unwrap();
    fs::write(&claim, "no toml at all").unwrap();
    screen.wait_for_row("PROJ-42", "unknown");
    screen.wait_for_row(INCOMPLETE, "stale");
    assert!(screen.row("PROJ-42").unwrap().starts_with("! "));
    assert!(screen.row("PROJ-42").unwrap().contains("data/workspaces/"), "{}", screen.text());
    let once = run(&mut env.yoi(["panel", "--once"]), 128).stdout;
    assert!(once.contains("unknown") && once.contains("stale"), "{once}");
    fs::write(&claim, good).unwrap();
    screen.wait_for_row("PROJ-42", "stale");
    screen.leave();
}

#[test]
fn a_registry_that_is_deleted_leaves_the_tickets_and_is_seen_when_it_comes_again() {
    let env = sample();
    run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "mira", "--role", "coder"]), 0);
    let mut screen = panel(&env, 120, 24);
    screen.wait_for_row(INCOMPLETE, "stale");
    fs::remove_dir_all(env.data()).unwrap();
    screen.wait("free", |screen| screen.row(INCOMPLETE).is_some_and(|row| !row.contains("stale")));
    run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "mira", "--role", "coder"]), 0);
    screen.wait_for_row(INCOMPLETE, "stale");
    screen.leave();
}

#[test]
fn a_ticket_that_is_edited_here_or_elsewhere_is_shown_as_it_is() {
    let env = sample();
    let item = env.workspace().join(".yoi/tickets").join(INCOMPLETE).join("item.md");
    let write = |from: &str, to: &str| fs::write(&item, fs::read_to_string(&item).unwrap().replace(from, to)).unwrap();
    let editor = env.root().join("editor");
    fs::write(&editor, "#!/bin/sh\nsed -i 's/Seen elsewhere/Edited here/' \"$1\"\n").unwrap();
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o755)).unwrap();
    let mut screen = Screen::start(env.yoi(["panel"]).env("EDITOR", &editor), 120, 24);
    screen.wait_for("Show how much");
    write("Show how much of an upload is left", "Seen elsewhere");
    screen.wait_for_row(INCOMPLETE, "Seen elsewhere");
    screen.press("Ge");
    screen.wait_for_row(INCOMPLETE, "Edited here");
    write("state: \"planning\"", "state: \"nowhere\"");
    screen.wait_for_row(INCOMPLETE, "unreadable");
    screen.leave();
}

#[test]
fn a_launch_that_cannot_be_names_the_file_and_keeps_the_draft() {
    let env = sample();
    env.configure("intake", "project:missing");
    let mut screen = panel(&env, 120, 30);
    screen.press("n");
    screen.wait_for("new intake");
    screen.press("uploads should be tried again");
    screen.press(ENTER);
    screen.wait_for("Esc takes this off the screen");
    let text = screen.text();
    assert!(text.contains("ticket.config.toml") && text.contains("hint: "), "{text}");
    screen.press("n");
    screen.wait_for("> uploads should be tried again");
    screen.press(ESCAPE);
    screen.wait("left", |screen| !screen.text().contains("new intake"));
    screen.press(ESCAPE);
    screen.wait("dismissed", |screen| !screen.text().contains("Esc takes this off"));
    screen.leave();
    env.assert_nothing_is_left();
}

#[test]
fn a_conversation_is_read_searched_and_given_a_turn() {
    let env = sample();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    let mut screen = Screen::panel(&env, 100, 30);
    screen.wait_for_row(INCOMPLETE, "live, idle");
    screen.press("g");
    screen.press(ENTER);
    screen.wait_for("i say");
    screen.wait_for("Questions put into the ticket's thread");
    screen.press("i");
    screen.press("look again, please");
    screen.press(ENTER);
    screen.wait_for("has the turn");
    screen.wait_for("look again, please");
    screen.press("g");
    screen.wait_for("more rows below");
    screen.press("/look AGAIN");
    screen.press(ENTER);
    screen.wait_for("look again, please");
    screen.press("G");
    screen.wait("at the end", |screen| !screen.text().contains("more rows below"));
    // It ends while it is read: what it said stays on the screen.
    env.stop(&format!("intake-{INCOMPLETE}"));
    screen.wait_for("it has ended");
    screen.wait_for("Open questions");
    screen.press(ESCAPE);
    screen.wait_for_row(INCOMPLETE, "stopped, restorable");
    screen.leave();
}

#[test]
fn after_many_changes_the_screen_is_that_of_a_panel_that_was_opened_afresh() {
    let env = sample();
    let ids: Vec<String> = (0..8).map(|n| format!("00001KTJ1Q{n:03}")).collect();
    env.add_complete_tickets(&ids);
    let mut followed = panel(&env, 200, 30);
    let commit = |id: &str| run(&mut env.yoi_claim(["claim-commit", id, "--pod", "mira", "--role", "coder"]), 0);
    ids.iter().for_each(|id| drop(commit(id)));
    for id in &ids[..4] {
        run(&mut env.yoi_claim(["claim-release", id, "--expect", "1", "--reason", "over"]), 0);
    }
    commit(&ids[0]);
    run(&mut env.yoi_claim(["claim-complete", &ids[5], "--expect", "1"]), 0);
    fs::write(env.registry().claims_dir().join(format!("{}.toml", ids[6])), "no toml").unwrap();
    fs::remove_dir_all(env.workspace().join(".yoi/tickets").join(&ids[7])).unwrap();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["intake", &ids[1], "--wait"]), 0);
    env.wait_for("the end of the Pod whose ticket is ready", || {
        env.registry().pod_lives(&common::scene::pod(&format!("intake-{}", ids[1]))).unwrap().eq(&false).then_some(())
    });
    let mut fresh = panel(&env, 200, 30);
    for screen in [&mut followed, &mut fresh] {
        screen.press("\tg");
        screen.wait_for_row(&ids[1], "stopped, restorable, completed");
        screen.wait_for_row(INCOMPLETE, "live, idle, question");
    }
    let text = fresh.text();
    followed.wait(&format!("the same as\n{text}"), |screen| screen.text() == text);
    env.stop(&format!("intake-{INCOMPLETE}"));
    followed.wait_for_row(INCOMPLETE, "stopped, restorable");
    followed.leave();
    fresh.leave();
}

#[test]
fn filter_sort_and_moving_about() {
    let env = sample();
    let ids: Vec<String> = (0..40).map(|n| format!("00001KTJ1Q{n:03}")).collect();
    env.add_complete_tickets(&ids);
    let mut screen = panel(&env, 200, 20);
    screen.wait_for("42 in all");
    screen.press("G");
    screen.wait_for(&format!("│ {INCOMPLETE}"));
    screen.press("g");
    screen.wait_for("│ 00001KTJ1Q000");
    screen.press(DOWN);
    screen.press("j");
    screen.press(UP);
    screen.wait_for("│ 00001KTJ1Q001");
    screen.press("/Q03");
    screen
        .wait("filtered", |screen| !screen.text().contains("00001KTJ1Q001") && screen.text().contains("00001KTJ1Q030"));
    screen.press("8");
    screen.press(ENTER);
    screen.wait("one left", |screen| screen.text().matches("One of many").count() <= 2);
    screen.press(ESCAPE);
    screen.wait_for("00001KTJ1Q025");
    screen.wait_for("│ 00001KTJ1Q038");
    screen.press("s");
    screen.wait_for("newest first");
    screen.leave();
}

#[test]
fn the_terminal_is_given_back_after_a_signal_and_while_the_panel_is_stopped() {
    let env = sample();
    let mut screen = panel(&env, 80, 24);
    screen.press("\x1a");
    // Stopped by itself, as a shell sees it.
    let status = waitpid(screen.process(), Some(WaitPidFlag::WUNTRACED)).unwrap();
    assert!(matches!(status, WaitStatus::Stopped(_, Signal::SIGSTOP)), "{status:?}");
    screen.wait("given back", |screen| !screen.state().alternate_screen());
    screen.assert_given_back();
    kill(screen.process(), Signal::SIGCONT).unwrap();
    screen.wait("taken again", |screen| screen.state().alternate_screen() && screen.text().contains("TICKET"));
    kill(screen.process(), Signal::SIGTERM).unwrap();
    assert_eq!(screen.end().code(), Some(143));
    screen.assert_given_back();
}

#[test]
fn without_colour_everything_is_told_all_the_same() {
    let env = sample();
    run(&mut env.yoi_claim(["claim-commit", INCOMPLETE, "--pod", "mira", "--role", "coder"]), 0);
    let mut painted = panel(&env, 140, 60);
    let mut plain = Screen::start(env.yoi(["panel"]).env("NO_COLOR", "1"), 140, 60);
    for text in ["2 in all", "Pod mira as coder, generation 1", "Show how much of an upload is left"] {
        painted.wait_for(text);
    }
    painted.wait_for_row(INCOMPLETE, "stale");
    let text = painted.text();
    plain.wait(&format!("the same as\n{text}"), |screen| screen.text() == text);
    let colours = |screen: &Screen| {
        let cells = (0..60).flat_map(|row| (0..140).map(move |column| (row, column)));
        let is_coloured = |(row, column): &(u16, u16)| {
            screen.state().cell(*row, *column).is_some_and(|cell| cell.fgcolor() != vt100::Color::Default)
        };
        cells.filter(is_coloured).count()
    };
    assert!(colours(&painted) > 0);
    assert_eq!(colours(&plain), 0);
    painted.leave();
    plain.leave();
}

#[test]
fn where_there_is_no_terminal_the_rows_are_printed_and_nothing_else() {
    let env = sample();
    let refused = run(&mut env.yoi(["panel"]), 2);
    assert!(refused.stderr.contains("hint: yoi panel --once"), "{}", refused.stderr);
    let once = run(&mut env.yoi(["panel", "--once"]), 0).stdout;
    insta::assert_snapshot!("once", once);
}

#[test]
fn a_ticket_is_closed_with_its_resolution() {
    let env = sample();
    let mut screen = panel(&env, 120, 30);
    screen.press("gC");
    screen.wait_for(" close ");
    screen.press(ENTER);
    screen.press("nobody uploads any more");
    screen.wait_for("> nobody uploads any more");
    screen.press(ENTER);
    screen.wait_for(&format!("= ticket {COMPLETE} is closed"));
    screen.wait("hidden", |screen| screen.text().lines().nth(2).is_some_and(|first| first.contains(INCOMPLETE)));
    let resolution = env.workspace().join(".yoi/tickets").join(COMPLETE).join("resolution.md");
    assert!(fs::read_to_string(resolution).unwrap().contains("nobody uploads any more"));
    screen.leave();
}
