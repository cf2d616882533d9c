//! What every command of both programs has in common, as its caller sees it; and the test bench itself.

mod common;

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::ffi::OsStringExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Stdio;

use common::{Outcome, TestEnv, run};

#[test]
fn version_and_help_go_to_standard_output() {
    let env = TestEnv::new();
    for (mut command, name) in [(env.yoi(["--version"]), "yoi "), (env.yoi_claim(["--version"]), "yoi-claim ")] {
        let outcome = run(&mut command, 0);
        assert!(outcome.stdout.starts_with(name), "{outcome:?}");
        assert_eq!(outcome.stderr, "");
    }
    let help = run(&mut env.yoi_claim(["workspace-key", "--help"]), 0);
    assert!(help.stdout.contains("Examples:"), "{help:?}");
}

#[test]
fn wrong_usage_is_status_2_and_begins_with_the_program() {
    let env = TestEnv::new();
    for arguments in [&[][..], &["no-such-verb"], &["workspace-key", "--nope"], &["workspace-key", "-z", "--json"]] {
        let outcome = run(&mut env.yoi_claim(arguments), 2);
        assert_eq!(outcome.stdout, "");
        let json = arguments.contains(&"--json");
        let begin = if json { "{\"schema\":1,\"kind\":\"error\"" } else { "yoi-claim: " };
        assert!(outcome.stderr.starts_with(begin), "{outcome:?}");
    }
}

#[test]
fn arguments_that_are_no_utf8_do_not_make_it_panic() {
    let env = TestEnv::new();
    let odd = std::ffi::OsString::from_vec(b"\xff\xfe".to_vec());
    run(&mut env.yoi_claim([&odd]), 2);
    run(&mut env.yoi([&odd]), 2);
    let missing = run(&mut env.yoi_claim(["-C".into(), odd, "workspace-key".into()]), 128);
    assert!(missing.stderr.starts_with("yoi-claim: cannot change to"), "{missing:?}");
}

#[test]
fn one_record_in_every_form() {
    let env = TestEnv::new();
    let forms: [&[&str]; 4] = [&[], &["-z"], &["--json"], &["--format", "{root}\\t{key}"]];
    let outputs: Vec<String> = forms
        .iter()
        .map(|form| run(env.yoi_claim(["workspace-key"]).args(*form), 0).stdout)
        .map(|text| env.normalise(&text).replace('\0', "<NUL>\n"))
        .collect();
    insta::assert_snapshot!(outputs.concat(), @r#"
    work-HASH	$ROOT/data/workspaces/work-HASH
    work-HASH	$ROOT/data/workspaces/work-HASH<NUL>
    {"schema":1,"kind":"workspace","item":{"key":"work-HASH","registry":"$ROOT/data/workspaces/work-HASH","root":"$ROOT/work"}}
    $ROOT/work	work-HASH
    "#);
}

#[test]
fn work_as_if_started_in_another_directory() {
    let env = TestEnv::new();
    let other = env.root().join("other");
    std::fs::create_dir(&other).unwrap();
    let there = run(env.yoi_claim(["workspace-key"]).current_dir(&other), 0);
    let from_here = run(&mut env.yoi_claim(["-C", "../other", "workspace-key"]), 0);
    assert_eq!(there, from_here);
}

#[test]
fn an_unwritable_standard_output_is_an_error_but_a_closed_pipe_is_not() {
    let env = TestEnv::new();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let outcome = run(env.yoi_claim(["workspace-key"]).stdout(full), 128);
    assert!(outcome.stderr.contains("standard output"), "{outcome:?}");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let outcome = run(env.yoi_claim(["workspace-key"]).stdout(writer), 0);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn bench_waits_for_files_and_for_the_end_of_processes() {
    let env = TestEnv::new();
    let mut child =
        env.shell("read -r line; mkdir -p a/b; echo \"$line\" >a/b/c.tmp; mv a/b/c.tmp a/b/c; read -r line || :");
    let mut child = child.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"word\n").unwrap();
    let path = env.workspace().join("a/b/c");
    let word = env.wait_for("the file", || std::fs::read_to_string(&path).ok());
    assert_eq!(word, "word\n");
    let running: Vec<i32> = env.processes().iter().map(common::Process::pid).collect();
    assert!(running.contains(&i32::try_from(child.id()).unwrap()), "{running:?}");
    drop(stdin);
    // Not reaped yet: a zombie has ended.
    env.wait_for_processes();
    child.wait().unwrap();
}

#[test]
fn bench_notices_a_process_that_outlives_its_test_and_ends_it() {
    let env = TestEnv::new();
    let mut shell = env.shell("echo ready; exec sleep 1000 </dev/null");
    let mut child = shell.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut String::new()).unwrap();
    let noticed = catch_unwind(AssertUnwindSafe(|| drop(env))).unwrap_err();
    let text = noticed.downcast_ref::<String>().unwrap();
    assert!(text.contains("left processes behind"), "{text}");
    // End of file comes when the process is gone.
    output.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
}

#[test]
fn bench_makes_output_comparable() {
    let env = TestEnv::new();
    let text = format!(
        "{}/x 2026-06-07T22:02:25.123456Z 2026-06-07T22 {} {}ff é0123456789abcdef.toml",
        env.root().display(),
        "0123456789abcdef".repeat(2),
        "0123456789abcdef".repeat(2)
    );
    let plain = format!("{}ff", "0123456789abcdef".repeat(2));
    assert_eq!(env.normalise(&text), format!("$ROOT/x TIME 2026-06-07T22 NONCE {plain} éHASH.toml"));
}

#[test]
fn the_environment_is_the_bench_s_own() {
    let env = TestEnv::new().with_clock("2026-06-07T22:02:25Z");
    let Outcome { stdout, .. } = run(&mut env.command("env"), 0);
    let mut names: Vec<&str> = stdout.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "LC_ALL", "PATH", "TZ", "USER", "YOI_CLOCK", "YOI_DATA_DIR", "YOI_RUNTIME_DIR"]);
}

/// What `yoi help` does at a terminal, where this script stands in the place of `man`.
fn helped_by_man(env: &TestEnv, man: &str, words: &str) -> Outcome {
    let dir = env.root().join("bin");
    // By another process: a program that this one had open for writing while another thread forks cannot be run.
    let install = "mkdir -p \"$1\"; printf '#!/bin/sh\\n%s\\n' \"$2\" >\"$1/man\"; chmod +x \"$1/man\"";
    run(env.shell(install).arg("sh").arg(&dir).arg(man), 0);
    let mut command = env.command("script");
    command.args(["-qec", &format!("PATH='{}':$PATH; yoi help {words}", dir.display()), "/dev/null"]);
    run(&mut command, 0)
}

#[test]
fn help_is_shown_by_man_at_a_terminal() {
    let env = TestEnv::new();
    let shows = "[ \"$1\" = -l ] && { tail -n 1 \"$2\"; exec basename \"$2\"; }; echo \"man $*\"";
    let page = helped_by_man(&env, shows, "registry").stdout;
    assert!(page.starts_with(".Xr yoi-recovery 7") && page.trim_end().ends_with(".5"), "{page}");
    // A command's page is shown where it is installed.
    assert_eq!(helped_by_man(&env, shows, "ticket new").stdout, "man yoi-ticket-new\r\n");
    let shown = helped_by_man(&env, "exit 16", "ticket new").stdout;
    assert!(shown.contains("Usage:") && shown.contains("yoi ticket new"), "{shown}");
    let shown = helped_by_man(&env, "exit 16", "yoi-registry").stdout;
    assert!(shown.starts_with("NAME\r\n    yoi-registry - the files"), "{shown}");
}

#[test]
fn help_into_a_pipe_is_plain_text() {
    let env = TestEnv::new();
    let registry = run(&mut env.yoi(["help", "yoi-registry"]), 0).stdout;
    assert!(registry.starts_with("NAME\n    yoi-registry - the files"), "{registry}");
    let recovery = run(&mut env.yoi(["help", "recovery"]), 0).stdout;
    assert!(recovery.contains("\nSYMPTOMS\n") && recovery.contains("      $ yoi status\n"), "{recovery}");
    assert!(run(&mut env.yoi(["help", "ticket", "new"]), 0).stdout.contains("Usage: yoi ticket new"));
    let verb = run(&mut env.yoi(["help", "claim-commit"]), 0).stdout;
    assert_eq!(verb, run(&mut env.yoi_claim(["claim-commit", "--help"]), 0).stdout);
    assert_eq!(run(&mut env.yoi(["help", "yoi-claim"]), 0).stdout, run(&mut env.yoi_claim(["--help"]), 0).stdout);
    let unknown = run(&mut env.yoi(["help", "regist"]), 2);
    assert!(unknown.stderr.starts_with("yoi: yoi has no command \"regist\""), "{unknown:?}");
}
