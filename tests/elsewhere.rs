//! What a command prints to be typed next works where that command worked: it repeats `-C` and `--data-dir`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::process::Command;

use common::scene::{COMPLETE, INCOMPLETE};
use common::terminal::on_terminal;
use common::{Outcome, TestEnv, run};

const POD: &str = "intake-20260118-101544-001";

/// A workspace with its own data root, and somebody who stands beside it.
struct Elsewhere {
    env: TestEnv,
    options: String,
}

impl Elsewhere {
    fn new() -> Self {
        let env = TestEnv::with_sample();
        std::fs::create_dir_all(env.root().join("away/a b")).unwrap();
        // Relative to where the command is typed, and the data root to where it then works.
        let options = "-C ../work --data-dir '../away/a b'".to_owned();
        Self { env, options }
    }

    /// Types a line where nothing of the workspace is to be seen.
    fn typed(&self, line: &str) -> Command {
        let mut command = self.env.shell(line);
        command.current_dir(self.env.root().join("away")).env("NO_COLOR", "1");
        command
    }

    fn ours(&self, program: &str, words: &str) -> Command {
        self.typed(&format!("{program} {} {words}", self.options))
    }

    /// The command behind the last hint.
    fn hint(&self, outcome: &Outcome) -> String {
        let hint = outcome.stderr.lines().rev().find_map(|line| line.strip_prefix("hint: "));
        hint.unwrap_or_else(|| panic!("{outcome:?}")).to_owned()
    }

    fn end_pods(&self) {
        run(&mut self.ours("yoi", &format!("stop {POD}")), 0);
    }
}

#[test]
fn hints_and_what_to_do_next() {
    let there = Elsewhere::new();
    let options = &there.options;
    let bare = run(&mut there.ours("yoi", ""), 0).stdout;
    assert!(bare.contains(&format!("\n  yoi {options} intake {COMPLETE}  ")), "{bare}");
    let launched = run(&mut there.ours("yoi", &format!("-q intake {INCOMPLETE}")), 0).stdout;
    assert!(launched.ends_with(&format!("see it work: yoi {options} attach {POD}\n")), "{launched}");
    let refused = run(&mut there.ours("yoi", &format!("-q intake {INCOMPLETE}")), 1);
    assert_eq!(there.hint(&refused), format!("yoi {options} attach {POD}"));
    there.end_pods();
    let refused = run(&mut there.ours("yoi", &format!("-q intake {INCOMPLETE}")), 1);
    let restore = there.hint(&refused);
    assert_eq!(restore, format!("yoi {options} restore {POD}"));
    run(&mut there.typed(&restore), 0);
    there.end_pods();
    // Without the options that command knows of no such Pod.
    run(&mut there.typed(&restore.replace(options, "")), 1);
}

#[test]
fn hints_in_json() {
    let there = Elsewhere::new();
    let refused = run(&mut there.ours("yoi", "ticket show nowhere --json"), 1);
    let error: serde_json::Value = serde_json::from_str(&refused.stderr).unwrap();
    assert_eq!(error["item"]["hints"][0], format!("yoi {} ticket list", there.options));
}

#[test]
fn the_remedies_of_why_and_reclaim() {
    let there = Elsewhere::new();
    run(&mut there.ours("yoi-claim", "claim-commit T --pod gone --role coder"), 0);
    let why = on_terminal(&mut there.ours("yoi", "why T"), "").assert_status(0).stdout;
    let remedy = why.trim_end().lines().last().unwrap().trim_start().split("  ").next().unwrap();
    assert!(remedy.starts_with(&format!("yoi-claim {} claim-reclaim T --expect 1:", there.options)), "{why}");
    run(&mut there.typed(remedy), 0);
    let none = run(&mut there.ours("yoi", "reclaim T --yes --reason r"), 1);
    assert_eq!(there.hint(&none), format!("yoi {} why T", there.options));
    run(&mut there.typed(&there.hint(&none)), 0);
}

#[test]
fn the_remedies_of_verify_and_doctor() {
    let there = Elsewhere::new();
    run(&mut there.ours("yoi-claim", "claim-commit T --pod gone --role coder"), 0);
    let registry = run(&mut there.ours("yoi-claim", "workspace-key --format '{registry}'"), 0).stdout;
    std::fs::write(std::path::Path::new(registry.trim_end()).join("claims/T.toml"), "torn").unwrap();
    let remedies = |program: &str, words: &str| run(&mut there.ours(program, words), 1).stdout;
    let repair = format!("yoi-claim {} verify --repair", there.options);
    assert_eq!(remedies("yoi-claim", "verify --format '{remedy}'"), format!("{repair}\n"));
    let report = remedies("yoi", "doctor --format '{remedy}'");
    assert!(report.lines().any(|line| line == repair), "{report}");
    let repaired = run(&mut there.typed(&repair), 1).stdout;
    let why = format!("yoi {} why T", there.options);
    assert!(repaired.contains(&why), "{repaired}");
    assert!(run(&mut there.typed(&why), 0).stdout.contains("status: unknown: "));
}

#[test]
fn the_command_that_finishes_a_reclaim_and_those_of_a_dry_run() {
    let there = Elsewhere::new();
    let script = run(&mut there.ours("yoi", &format!("intake {INCOMPLETE} --dry-run")), 0).stdout;
    let commands = script.lines().find(|line| !line.starts_with('#')).unwrap();
    assert!(commands.starts_with(&format!("yoi-claim {} ticket-lock {INCOMPLETE} -- ", there.options)), "{script}");
    run(&mut there.typed(&script), 0);
    there.end_pods();
    let claim = run(&mut there.ours("yoi-claim", &format!("claim-show {INCOMPLETE} --format '{{pod}}'")), 0).stdout;
    assert_eq!(claim, format!("{POD}\n"));
    let spawn = "pod-spawn taker --role coder --profile builtin:checklist";
    run(&mut there.ours("yoi-claim", spawn), 0);
    run(&mut there.ours("yoi-claim", "pod-confirm taker"), 0);
    run(&mut there.ours("yoi-claim", "claim-commit T --pod gone --role coder"), 0);
    let registry = run(&mut there.ours("yoi-claim", "workspace-key --format '{registry}'"), 0).stdout;
    let session = std::path::Path::new(registry.trim_end()).join("sessions/taker.toml");
    std::fs::create_dir(&session).unwrap();
    let give = "claim-reclaim T --expect 1 --reason r --pod taker --role coder";
    let partial = run(&mut there.ours("yoi-claim", give), 5).stderr;
    let mend = partial.trim_end().split(": run: ").nth(1).unwrap();
    assert!(mend.starts_with(&format!("yoi-claim {} session-record taker ", there.options)), "{partial}");
    std::fs::remove_dir(&session).unwrap();
    run(&mut there.typed(mend), 0);
    assert!(session.is_file());
    run(&mut there.ours("yoi", "stop taker"), 0);
}
