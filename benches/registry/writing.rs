//! Making many claims, and racing for one.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::common::{TestEnv, run};
use crate::measure::{all_in_turn, in_turn, process, race as race_of};
use crate::table::Table;
use crate::{Extent, is_there};

/// How many processes race for one ticket.
const RACERS: usize = 64;

/// Processes that race for one ticket, beside as many that race for one lock file and do nothing with it.
pub fn race(extent: Extent, table: &mut Table) {
    if !is_there("flock") {
        return;
    }
    let env = TestEnv::new();
    let commit = |ticket: &str, racer: usize| {
        env.yoi_claim(["claim-commit", ticket, "--pod", &format!("racer-{racer}"), "--role", "coder"])
    };
    run(&mut commit("FIRST", 0), 0);
    let claims = |round: usize| {
        let ticket = format!("T{round}");
        let (time, ends) = race_of((0..RACERS).map(|racer| commit(&ticket, racer)).collect());
        assert_eq!(ends.iter().filter(|end| end.status.success()).count(), 1, "{ticket} has one winner");
        time
    };
    let flock = |round: usize| {
        let mut flock = env.command("flock");
        flock.arg("-n").arg(env.root().join(format!("lock-{round}"))).arg("true");
        flock
    };
    let locks = |round: usize| race_of((0..RACERS).map(|_| flock(round)).collect()).0;
    let (ours, theirs) = in_turn(extent.rounds(20), claims, locks);
    table.compare(&format!("{RACERS} claim-commit for one : {RACERS} flock -n"), &ours, &theirs, 2.0);
}

/// Many claims in one batch, beside as many single ones, and as many rows in one transaction of SQLite.
pub fn batch(extent: Extent, table: &mut Table) {
    let env = TestEnv::new();
    let has_sqlite = is_there("sqlite3");
    let (count, rounds) = match extent {
        Extent::Once => (10, 1),
        Extent::Quick => (1_000, 2),
        Extent::Extended => (10_000, 1),
    };
    let tickets = |name: &'static str, round: usize| (0..count).map(move |number| format!("{name}{round}-{number}"));
    let [ours, single, sqlite] = all_in_turn(
        rounds,
        [
            &mut |round| {
                let lines: String = tickets("B", round).map(|ticket| format!("{ticket} p coder\n")).collect();
                fed(&mut env.yoi_claim(["claim-commit", "--stdin"]), &lines)
            },
            &mut |round| {
                let commit = |ticket: &str| env.yoi_claim(["claim-commit", ticket, "--pod", "p", "--role", "coder"]);
                tickets("S", round).map(|ticket| process(&mut commit(&ticket))).sum()
            },
            &mut |round| {
                if !has_sqlite {
                    return Duration::ZERO;
                }
                let rows = tickets("Q", round)
                    .map(|ticket| format!("INSERT INTO claims VALUES ('{ticket}', 'p', 'coder', 1);\n"))
                    .collect::<String>();
                let make =
                    "CREATE TABLE IF NOT EXISTS claims (ticket TEXT PRIMARY KEY, pod TEXT, role TEXT, generation);";
                let script = format!("PRAGMA synchronous = FULL;\n{make}\nBEGIN;\n{rows}COMMIT;\n");
                fed(env.command("sqlite3").arg(env.root().join("claims.db")), &script)
            },
        ],
    );
    let claims = env.registry().claims_dir();
    assert_eq!(fs::read_dir(claims).unwrap().count(), 2 * count * (rounds + rounds.div_ceil(10)));
    table.compare(&format!("claim-commit --stdin of {count} : single ones"), &ours, &single, 0.5);
    if has_sqlite {
        table.beside(&format!("claim-commit --stdin of {count} : SQLite"), &ours, &sqlite);
    }
}

/// How long a process takes that is given its input at once, and must succeed.
fn fed(command: &mut Command, input: &str) -> Duration {
    let start = Instant::now();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let status = child.wait().unwrap();
    let time = start.elapsed();
    assert!(status.success(), "{command:?} ended with {status}");
    time
}
