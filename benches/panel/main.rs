//! What the panel costs, driven on a terminal.
//!
//! `cargo bench --bench panel`. How long it takes until all rows are on the screen, how soon a change in a claim's file is on
//! it, how that depends on how many tickets there are, how much memory that takes, and how often an idle panel wakes up.
//! Times fail nothing. Without `--bench`, as `cargo test --benches` runs it, there is one round of each with few tickets.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench fails by panicking, prints its figures, and is told its extent by its arguments"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../shared/measure.rs"]
mod measure;
#[path = "../shared/table.rs"]
mod table;

use std::fs;
use std::time::{Duration, Instant};

use common::screen::Screen;
use common::{TestEnv, run};
use measure::Series;
use table::{Table, verdict};

/// How long an idle panel is watched.
const IDLE: Duration = Duration::from_secs(60);

/// A workspace with so many tickets, of which the first has a claim.
struct World {
    env: TestEnv,
    tickets: usize,
    first: String,
}

impl World {
    fn new(tickets: usize) -> Self {
        // Time stands still, for it is the one thing that wakes an idle panel: once for each minute that is on the screen.
        let env = TestEnv::with_sample().with_clock("2026-06-07T22:02:25Z");
        let ids: Vec<String> = (0..tickets).map(|n| format!("00001KTJ{n:05}")).collect();
        env.add_complete_tickets(&ids);
        run(&mut env.yoi_claim(["claim-commit", &ids[0], "--pod", "p", "--role", "coder"]), 0);
        Self { env, tickets, first: ids[0].clone() }
    }

    /// The panel, and how long it took until all was on its screen.
    fn open(&self) -> (Screen, Duration) {
        let start = Instant::now();
        let mut screen = Screen::panel(&self.env, 120, 40);
        let all = format!("!1 needs you  *0 active  +0 ready  {} in all", self.tickets + 2);
        screen.wait_for(&all);
        (screen, start.elapsed())
    }

    /// How long it takes from a change of the claim's file to the frame that shows it.
    fn changes(&self, screen: &mut Screen, rounds: usize) -> Series {
        let claim = self.env.registry().claims_dir().join(format!("{}.toml", self.first));
        let aside = self.env.root().join("aside");
        let mut times = Series::default();
        for _ in 0..rounds {
            for (from, to, shown) in [(&claim, &aside, "!0 need you"), (&aside, &claim, "!1 needs you")] {
                let start = Instant::now();
                fs::rename(from, to).unwrap();
                screen.wait_for(shown);
                times.push(start.elapsed());
            }
        }
        times
    }
}

/// What the kernel says of a process, in the unit that it says it in.
fn said(file: &str, name: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// How often the threads of a process have waited for something, and so have woken up.
fn wake_ups(process: i32) -> u64 {
    let threads = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let status = |thread: std::io::Result<fs::DirEntry>| thread.unwrap().path().join("status");
    threads.map(|thread| said(status(thread).to_str().unwrap(), "voluntary_ctxt_switches")).sum()
}

fn main() {
    let is_full = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if is_full { &[100, 1_000, 10_000] } else { &[10] };
    let rounds = if is_full { 200 } else { 1 };
    let mut table = Table::new("");
    let mut medians = Vec::new();
    for &tickets in sizes {
        let world = World::new(tickets);
        let mut first = Series::default();
        for _ in 0..if is_full { 10 } else { 1 } {
            let (screen, time) = world.open();
            first.push(time);
            screen.leave();
        }
        table.value(&format!("first frame with all of {tickets} tickets"), &first.text(), "");
        let (mut screen, _) = world.open();
        let times = world.changes(&mut screen, rounds);
        medians.push(times.median());
        table.bound(&format!("from a claim's file to its frame, {tickets}, p50"), &times, 20.0);
        let p99 = times.percentile(99);
        table.value(
            "                                         p99",
            &format!("{p99:.2} ms"),
            &verdict(p99, 20.0, " ms"),
        );
        let process = screen.process().as_raw();
        let memory = said(&format!("/proc/{process}/status"), "VmRSS") / 1024;
        table.value(&format!("memory with {tickets} tickets"), &format!("{memory} MiB"), "");
        if is_full && Some(&tickets) == sizes.last() {
            let before = wake_ups(process);
            std::thread::sleep(IDLE);
            let woken = wake_ups(process) - before;
            table.value("wake-ups in 60 s of nothing", &woken.to_string(), &verdict(woken as f64, 0.0, ""));
        }
        screen.leave();
    }
    if let (Some(few), Some(many)) = (medians.first(), medians.last()) {
        let ratio = many / few;
        table.value("a change among many, beside one among few", &format!("{ratio:.2}"), &verdict(ratio, 2.0, ""));
    }
}
