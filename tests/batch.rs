//! `claim-commit --stdin`: many claims by hand, each answered once it is durable.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use common::scene::{names, ticket};
use common::{Outcome, TestEnv, run};
use serde_json::Value;

/// Runs the batch on these bytes.
fn batch(env: &TestEnv, more: &[&str], input: impl AsRef<[u8]>) -> Outcome {
    batch_by(&mut env.yoi_claim(["claim-commit", "--stdin"]), more, input)
}

fn batch_by(command: &mut Command, more: &[&str], input: impl AsRef<[u8]>) -> Outcome {
    let input = input.as_ref().to_owned();
    let command = command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || {
        // Who refuses the command line reads nothing.
        let _ = stdin.write_all(&input);
    });
    let ended = Outcome::from_output(child.wait_with_output().unwrap());
    writer.join().unwrap();
    ended
}

/// As many tickets as lines of one Pod.
fn lines(count: usize) -> String {
    (0..count).map(|n| format!("T{n} mira coder\n")).collect()
}

#[test]
fn each_line_is_answered_in_its_order_with_the_status_that_it_would_have_alone() {
    let env = TestEnv::new();
    run(&mut env.yoi_claim(["claim-commit", "held", "--pod", "other", "--role", "reviewer"]), 0);
    fs::write(env.registry().claim_path(&ticket("torn")), "torn").unwrap();
    let input = "new mira coder\nheld mira coder\na ticket\tmy Pod\tcoder\nbad\ntorn mira coder\nnew mira coder\nnew you coder\n";
    let ended = batch(&env, &[], input).assert_status(128);
    let expected = "new\t0\tmira\tcoder\t1\n\
                    held\t1\tother\treviewer\t1\n\
                    a ticket\t0\tmy Pod\tcoder\t1\n\
                    bad\t2\t-\t-\t-\n\
                    torn\t128\t-\t-\t-\n\
                    new\t0\tmira\tcoder\t1\n\
                    new\t1\tmira\tcoder\t1\n";
    assert_eq!(ended.stdout, expected);
    let told: Vec<&str> = ended.stderr.lines().collect();
    assert_eq!(told[0], "yoi-claim: line 4: it has 1 fields instead of TICKET POD ROLE");
    assert!(told[1].starts_with("yoi-claim: line 5: whether ticket torn is claimed is unknown: ") && told.len() == 2);
    assert_eq!(names(&env.registry().dir().join("tmp")), Vec::<String>::new());
    // What one line says is what one command says.
    run(&mut env.yoi_claim(["claim-commit", "new", "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi_claim(["claim-commit", "new", "--pod", "you", "--role", "coder"]), 1);
    assert_eq!(env.registry().journal(None).unwrap().len(), 3);
}

#[test]
fn the_whole_ends_with_the_gravest_of_its_lines() {
    let env = TestEnv::new();
    assert_eq!(batch(&env, &[], "A mira coder\nA mira coder").status, 0);
    assert_eq!(batch(&env, &[], "A mira coder\nA you coder\n").status, 1);
    assert_eq!(batch(&env, &[], "A you coder\nA you\n").status, 2);
    assert_eq!(batch(&env, &[], "").status, 0);
}

#[test]
fn every_form_has_the_same_answers() {
    let env = TestEnv::new();
    let raw = batch(&env, &["-z"], b"a\\b mira coder\0x y\tmira\tcoder\0").assert_status(0);
    assert_eq!(raw.stdout, "a\\b\t0\tmira\tcoder\t1\0x y\t0\tmira\tcoder\t1\0");
    let json = batch(&env, &["--json"], "x mira coder\nx you coder\n\n").assert_status(2);
    let items: Vec<Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(items.iter().all(|item| item["schema"] == 1 && item["kind"] == "commit"), "{json:?}");
    let told = |n: usize, field: &str| items[n]["item"][field].clone();
    assert_eq!((told(0, "ticket"), told(0, "exit"), told(0, "line")), ("x".into(), 0.into(), 1.into()));
    assert_eq!((told(1, "pod"), told(1, "exit")), ("mira".into(), 1.into()));
    assert_eq!((told(2, "pod"), told(2, "exit")), (Value::Null, 2.into()));
    let fence = batch(&env, &["--format", "{ticket} {expect}"], "x mira coder\n").assert_status(0).stdout;
    let claim = env.registry().claim(&ticket("x")).unwrap().unwrap();
    assert_eq!(fence, format!("x 1:{}\n", claim.nonce));
    // Refused before anything is claimed.
    assert_eq!(batch(&env, &["--format", "{nonsense}"], "never mira coder\n").status, 2);
    assert_eq!(env.registry().claim(&ticket("never")).unwrap(), None);
}

#[test]
fn wrong_usage() {
    let env = TestEnv::new();
    for more in
        [&["T"][..], &["--pod", "p"], &["--role", "coder"], &["--nonce", "1"], &["--wait", "1"], &["--json", "-z"]]
    {
        assert_eq!(batch(&env, more, "").status, 2, "{more:?}");
    }
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "p"]), 2);
    run(&mut env.yoi_claim(["claim-commit", "--pod", "p", "--role", "coder"]), 2);
    run(&mut env.yoi_claim(["ticket-lock", "T", "--", env!("CARGO_BIN_EXE_yoi-claim"), "claim-commit", "--stdin"]), 2);
}

#[test]
fn a_ticket_in_flight_is_answered_alone_and_at_once() {
    let env = TestEnv::new();
    let script = "env -u YOI_TICKET_LOCK -u YOI_LAUNCHER -u YOI_CLAIM_NONCE sh -ec \
                  'printf \"A mira coder\\nT mira coder\\nB mira coder\\n\" | yoi-claim claim-commit --stdin'";
    let ended = run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-ec", script]), 3);
    assert_eq!(ended.stdout, "A\t0\tmira\tcoder\t1\nT\t3\t-\t-\t-\nB\t0\tmira\tcoder\t1\n");
    assert!(ended.stderr.starts_with("yoi-claim: line 2: ticket T is in flight: ticket-lock, pid "), "{ended:?}");
}

#[test]
fn a_line_is_answered_before_the_next_one_is_written() {
    let env = TestEnv::new();
    let mut command = env.yoi_claim(["claim-commit", "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut ask, mut answer) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for n in 0..3 {
        writeln!(ask, "T{n} mira coder").unwrap();
        let mut line = String::new();
        answer.read_line(&mut line).unwrap();
        assert_eq!(line, format!("T{n}\t0\tmira\tcoder\t1\n"));
    }
    drop(ask);
    assert!(child.wait().unwrap().success());
}

#[test]
fn few_descriptors_make_small_batches_and_no_failure() {
    let env = TestEnv::new();
    let mut command = env.shell("ulimit -n 40; exec yoi-claim claim-commit --stdin");
    let ended = batch_by(&mut command, &[], lines(60)).assert_status(0);
    assert_eq!(ended.stdout.lines().count(), 60);
    assert_eq!(names(&env.registry().claims_dir()).len(), 60);
}

#[test]
fn a_batch_that_is_killed_leaves_whole_claims_and_what_was_acknowledged_and_a_repeat_succeeds() {
    const COUNT: usize = 1500;
    for answers_read in [1, 300, 1100] {
        let env = TestEnv::new();
        fs::write(env.root().join("lines"), lines(COUNT)).unwrap();
        let mut command = env.yoi_claim(["claim-commit", "--stdin"]);
        let input = fs::File::open(env.root().join("lines")).unwrap();
        let mut child = command.stdin(input).stdout(Stdio::piped()).spawn().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told: Vec<String> = answers.by_ref().take(answers_read).map(Result::unwrap).collect();
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(answers.map_while(Result::ok).filter(|line| line.split('\t').count() == 5));
        for line in &told {
            let (id, rest) = line.split_once('\t').unwrap();
            assert_eq!(rest, "0\tmira\tcoder\t1");
            assert!(env.registry().claim(&ticket(id)).unwrap().is_some(), "{id} was acknowledged");
        }
        let listed = run(&mut env.yoi_claim(["claim-list"]), 0).stdout;
        assert!(listed.lines().count() >= told.len());
        let again = batch(&env, &[], lines(COUNT)).assert_status(0);
        assert_eq!(again.stdout.lines().count(), COUNT);
        assert_eq!(names(&env.registry().claims_dir()).len(), COUNT);
        for empty in ["tmp", "offers"] {
            assert_eq!(names(&env.registry().dir().join(empty)), Vec::<String>::new(), "{empty}");
        }
    }
}

#[test]
fn many_batches_over_the_same_tickets_make_one_claim_of_each() {
    let env = TestEnv::new();
    let started: Vec<_> = (0..4)
        .map(|n| {
            let input = (0..200).map(|t| format!("T{t} pod{n} coder\n")).collect::<String>();
            let mut command = env.yoi_claim(["claim-commit", "--stdin"]);
            std::thread::spawn(move || batch_by(&mut command, &[], input))
        })
        .collect();
    let ended: Vec<Outcome> = started.into_iter().map(|thread| thread.join().unwrap()).collect();
    for t in 0..200 {
        let holder = env.registry().claim(&ticket(&format!("T{t}"))).unwrap().map(|claim| claim.pod.to_string());
        let won: Vec<usize> =
            (0..4).filter(|n| ended[*n].stdout.contains(&format!("T{t}\t0\tpod{n}\tcoder\t1\n"))).collect();
        // All may have met in flight; never do two win.
        let winners: Vec<String> = won.iter().map(|n| format!("pod{n}")).collect();
        assert_eq!(winners, holder.into_iter().collect::<Vec<_>>(), "T{t}");
    }
}
