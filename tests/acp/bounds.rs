//! What is much, or fast, or listened to by nobody.

use std::fs;

use serde_json::Value;

use crate::scene::{POD, Stage, Talk};

/// The most that the host may ever have had in memory, in bytes.
const MAX_MEMORY: u64 = 64 << 20;

/// The answer of the newest turn, as the history has it.
fn answer(stage: &Stage) -> String {
    let history = stage.env.history(POD);
    let start = history.iter().rposition(|entry| entry["event"] == "user_message").unwrap();
    let pieces = history[start..].iter().filter(|entry| entry["event"] == "text_done");
    pieces.map(|entry| entry["data"]["text"].as_str().unwrap()).collect()
}

/// The most memory that any of the Pod's two processes ever had, in bytes.
fn peak(stage: &Stage) -> u64 {
    let of = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak.map_or(0, |peak| peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10)
    };
    let hosts = stage.env.processes().into_iter().filter(|process| process.to_string().contains("pod-host"));
    hosts.map(|process| of(process.pid())).max().unwrap()
}

#[test]
fn an_answer_of_a_mebibyte_is_kept_whole() {
    let (stage, mut talk) = Stage::up(&[], "");
    assert_eq!(talk.turn("@big 1048576\n@say end")["outcome"], "completed");
    let answer = answer(&stage);
    assert_eq!((answer.len(), answer.ends_with("xend")), ((1 << 20) + 3, true));
    let history = stage.env.history(POD);
    let parts: Vec<&Value> = history.iter().filter(|entry| entry["event"] == "text_done").collect();
    assert!(parts.len() > 10 && parts.iter().all(|part| part.to_string().len() < 70_000), "{}", parts.len());
    assert!(peak(&stage) < MAX_MEMORY, "{}", peak(&stage));
    stage.stop();
}

#[test]
fn a_flood_past_a_client_that_does_not_read_is_kept_and_takes_no_memory() {
    const PIECES: usize = 30_000;
    let (stage, mut talk) = Stage::up(&[], "");
    // It asks, and reads nothing of what it is told.
    talk.begin(&format!("@flood {PIECES}\n@say end"));
    let ended = |entry: &Value| entry["event"] == "run_end";
    let turns = stage.env.history(POD).iter().filter(|entry| ended(entry)).count();
    stage.env.wait_for("the end of the turn", || {
        (stage.env.history(POD).iter().filter(|entry| ended(entry)).count() > turns).then_some(())
    });
    let expected: String = (0..PIECES).map(|at| format!("{at} ")).collect::<String>() + "end";
    assert!(answer(&stage) == expected);
    assert!(peak(&stage) < MAX_MEMORY, "{}", peak(&stage));
    let mut other: Talk = stage.talk();
    assert_eq!(other.said("@say still here"), "still here");
    stage.stop();
}
