//! A Pod closes its socket before it lets go of its lock; who looks at it in between sees a Pod that has ended.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use common::scene::{INCOMPLETE, pod};
use common::{Outcome, TestEnv, run};

/// What a command says that connects to a Pod just as that closes its socket, and then lets go of its lock.
fn asked_at_the_end(ask: impl FnOnce(&TestEnv, &str) -> Command) -> Outcome {
    let env = TestEnv::with_sample();
    let name = format!("intake-{INCOMPLETE}");
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    env.stop(&name);
    env.wait_for_processes();
    let registry = env.registry();
    let lock = registry.try_lock_pod(&pod(&name)).unwrap().unwrap();
    let listener = UnixListener::bind(registry.socket_path(&pod(&name))).unwrap();
    let child = ask(&env, &name).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (connection, _address) = listener.accept().unwrap();
    drop((connection, listener, lock));
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Outcome { status: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn its_conversation_is_shown_to_who_follows_it() {
    let shown = asked_at_the_end(|env, name| env.yoi(["logs", "--follow", name])).assert_status(0);
    assert!(shown.stdout.contains("Questions put into the ticket's thread"), "{shown:?}");
    assert_eq!(shown.stderr, "");
}

#[test]
fn who_wants_to_talk_to_it_is_told_how_to_bring_it_back() {
    let refused = asked_at_the_end(|env, name| env.yoi(["attach", name, "-m", "again"])).assert_status(1);
    assert_eq!(
        refused.stderr,
        "yoi: Pod intake-20260118-101544-001 does not run\nhint: yoi restore intake-20260118-101544-001\n"
    );
}

#[test]
fn a_verb_that_needs_it_is_refused() {
    let refused = asked_at_the_end(|env, name| env.yoi_claim(["shutdown-after-idle", name])).assert_status(1);
    assert_eq!(refused.stderr, "yoi-claim: Pod intake-20260118-101544-001 does not run\n");
}
