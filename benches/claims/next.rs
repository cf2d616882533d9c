//! Many who take work out of the queue at once, beside as many who are each told which ticket to launch on.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::common::{TestEnv, run};
use crate::measure::{in_turn, race};
use crate::table::Table;

/// How many callers there are.
const CALLERS: usize = 32;
/// How many tickets wait in the queue.
const TICKETS: usize = 20;
/// Many hosts start at once on few processors.
const PATIENCE: [&str; 4] = ["--ready-timeout", "60", "--accept-timeout", "60"];

pub fn measure(rounds: usize, table: &mut Table) {
    let env = TestEnv::new();
    run(&mut env.yoi(["init"]), 0);
    let config = "[roles.coder]\nprofile = \"project:cat\"\n";
    fs::write(env.workspace().join(".yoi/ticket.config.toml"), config).unwrap();
    let profile = "[profiles.cat]\nagent = \"exec\"\ncommand = [\"cat\"]\n";
    fs::write(env.workspace().join(".yoi/profiles.toml"), profile).unwrap();
    let next = |_: usize, _: &[String]| {
        let mut command = env.yoi(["-q", "next", "--role", "coder"]);
        command.args(PATIENCE);
        command
    };
    // As many are told of a ticket that another one is told of, too.
    let named = |caller: usize, tickets: &[String]| {
        let mut command = env.yoi(["-q", "launch", "coder", &tickets[caller % TICKETS]]);
        command.args(PATIENCE);
        command
    };
    let (ours, other) = in_turn(rounds, |round| one(&env, round, 0, next), |round| one(&env, round, 1, named));
    table.compare(&format!("{CALLERS} yoi next, {TICKETS} queued : yoi launch"), &ours, &other, 1.5);
}

/// One race; each ticket must have one who got it.
fn one(env: &TestEnv, round: usize, kind: usize, caller: impl Fn(usize, &[String]) -> Command) -> Duration {
    let root = env.workspace().join(".yoi/tickets");
    fs::remove_dir_all(&root).unwrap();
    let tickets: Vec<String> =
        (0..TICKETS).map(|number| format!("20260118-09{:04}-{number:03}", round * 2 + kind)).collect();
    for ticket in &tickets {
        fs::create_dir_all(root.join(ticket)).unwrap();
        fs::write(root.join(ticket).join("item.md"), "---\ntitle: 'One of many'\nstate: queued\n---\n\nDo it.\n")
            .unwrap();
    }
    let (time, outputs) = race((0..CALLERS).map(|number| caller(number, &tickets)).collect());
    let status = |wanted: i32| outputs.iter().filter(|output| output.status.code() == Some(wanted)).count();
    assert_eq!((status(0), status(1) + status(3)), (TICKETS, CALLERS - TICKETS), "{outputs:?}");
    let claims = run(&mut env.yoi_claim(["claim-list", "--format", "{ticket} {generation} {status}"]), 0).stdout;
    let held: BTreeSet<&str> = claims.lines().filter_map(|line| line.strip_suffix(" 1 live")).collect();
    assert_eq!(held, tickets.iter().map(String::as_str).collect());
    env.kill_all();
    env.wait_for_processes();
    time
}
