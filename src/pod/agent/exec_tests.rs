//! Real programs: shell scripts as agents.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::super::{Cancel, Conversation, ToolGate, ToolServer};
use super::*;
use crate::domain::Segment;
use crate::pod::ToolOutcome;

#[derive(Default)]
struct Seen {
    pieces: Mutex<String>,
    answers: Mutex<Vec<String>>,
    log: Mutex<Vec<u8>>,
    cancel_at_first_piece: Option<Cancel>,
}

impl Stage for Seen {
    fn text(&self, piece: &str) {
        self.pieces.lock().unwrap().push_str(piece);
        if let Some(cancel) = &self.cancel_at_first_piece {
            cancel.cancel();
        }
    }
    fn answer(&self, text: String) {
        self.answers.lock().unwrap().push(text);
    }
    fn log(&self, bytes: &[u8]) {
        self.log.lock().unwrap().extend_from_slice(bytes);
    }
    fn call(&self, _: &str, _: Value) -> ToolOutcome {
        unreachable!("a program calls tools over the socket")
    }
}

fn run(script: &str, turn: Turn, seen: &Seen) -> Result<(), TurnError> {
    let nursery = Nursery::start(None).unwrap();
    let surroundings = Surroundings {
        nursery: nursery.clone(),
        directory: "/".into(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("KEPT".into(), "1".into())],
        variables: Vec::new(),
        workflows: Arc::new(|_| None),
        session: None,
        tool_server: ToolServer::default(),
        gate: ToolGate::new(),
        feed: Arc::new(|_| {}),
    };
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let mut agent = Exec::new(command, BTreeMap::from([("MINE".into(), "2".into())]), surroundings);
    agent.start().unwrap();
    std::thread::spawn(move || nursery.reap_first());
    agent.turn(&turn, seen)
}

fn turn(said: &str) -> Turn {
    Turn {
        input: vec![Segment::text(said)],
        conversation: Conversation::default(),
        ticket: None,
        variables: vec![("YOI_POD".into(), "p".into())],
        cancel: Cancel::default(),
    }
}

#[test]
fn the_prompt_goes_in_and_the_answer_comes_out() {
    let seen = Seen::default();
    let script = "cat; printf '%s' \"$KEPT$MINE$YOI_POD $PWD ${HOME-none}\"; echo oops >&2";
    assert_eq!(run(script, turn("hällo"), &seen), Ok(()));
    assert_eq!(*seen.answers.lock().unwrap(), ["hällo\n12p / none"]);
    assert_eq!(*seen.pieces.lock().unwrap(), "hällo\n12p / none");
    assert_eq!(*seen.log.lock().unwrap(), b"oops\n");
}

#[test]
fn a_failure_is_told_in_the_programs_last_words() {
    let seen = Seen::default();
    let failed = run("echo half; echo no credit >&2; exit 3", turn("x"), &seen);
    assert_eq!(failed, Err(TurnError::Failed("'/bin/sh' ended with status 3: no credit".into())));
    assert_eq!(*seen.answers.lock().unwrap(), ["half\n"]);
    let failed = run("kill -9 $$", turn("x"), &seen);
    assert_eq!(failed, Err(TurnError::Failed("'/bin/sh' was ended by SIGKILL".into())));
}

#[test]
fn a_program_that_does_not_read_and_one_that_answers_at_length_do_not_hang() {
    let seen = Seen::default();
    let long = "x".repeat(1 << 20);
    assert_eq!(run("exit 0", turn(&long), &seen), Ok(()));
    // Reads only after it has written more than a pipe holds, and reads all then.
    assert_eq!(run("head -c 300000 /dev/zero | tr '\\0' y; cat >/dev/null", turn(&long), &seen), Ok(()));
    assert_eq!(seen.answers.lock().unwrap()[1].len(), 300_000);
}

#[test]
fn a_background_process_that_keeps_the_output_open_does_not_hang_the_turn() {
    let seen = Seen::default();
    assert_eq!(run("sleep 1000 & echo $!", turn("x"), &seen), Ok(()));
    let background: i32 = seen.answers.lock().unwrap()[0].trim().parse().unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(background), Signal::SIGKILL).unwrap();
}

#[test]
fn a_cancelled_program_ends_with_its_process_group() {
    let cancel = Cancel::default();
    let seen = Seen { cancel_at_first_piece: Some(cancel.clone()), ..Seen::default() };
    let script = "trap 'exit 0' TERM; sleep 1000 & echo $!; wait";
    assert_eq!(run(script, Turn { cancel, ..turn("x") }, &seen), Err(TurnError::Cancelled));
    let background: i32 = seen.answers.lock().unwrap()[0].trim().parse().unwrap();
    // The signal is sent before the turn is over; the kernel takes its time to carry it out.
    let is_dead = |stat: String| stat.contains(") Z ");
    while !std::fs::read_to_string(format!("/proc/{background}/stat")).map_or(true, is_dead) {
        std::thread::yield_now();
    }
}

#[test]
fn a_cancelled_program_that_does_not_listen_is_ended() {
    let cancel = Cancel::default();
    let seen = Seen { cancel_at_first_piece: Some(cancel.clone()), ..Seen::default() };
    let script = "trap '' TERM; echo deaf; while :; do sleep 1; done";
    assert_eq!(run(script, Turn { cancel, ..turn("x") }, &seen), Err(TurnError::Cancelled));
}

#[test]
fn an_answer_without_end_is_cut_with_a_mark() {
    let seen = Seen::default();
    assert_eq!(run("head -c 2000000 /dev/zero | tr '\\0' y", turn("x"), &seen), Ok(()));
    let answers = seen.answers.lock().unwrap();
    assert!(answers[0].ends_with("[cut: the answer had 2000000 bytes]") && answers[0].len() < MAX_ANSWER + 100);
}

#[test]
fn a_program_that_is_not_there_does_not_start() {
    let surroundings = Surroundings {
        nursery: Nursery::start(None).unwrap(),
        directory: "/".into(),
        environment: Vec::new(),
        variables: Vec::new(),
        workflows: Arc::new(|_| None),
        session: None,
        tool_server: ToolServer::default(),
        gate: ToolGate::new(),
        feed: Arc::new(|_| {}),
    };
    let mut agent = Exec::new(vec!["/nowhere/agent".into()], BTreeMap::new(), surroundings);
    assert!(agent.start().unwrap_err().to_string().starts_with("cannot run '/nowhere/agent': "));
}
