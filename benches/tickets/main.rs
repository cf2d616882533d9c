//! What listing and examining many tickets costs, beside `cat` and `grep` on the same files.
//!
//! `cargo bench --bench tickets`. Each is timed in turn with what it is compared to; medians are shown. Times fail nothing;
//! that what was measured was also done, is asserted. Without `--bench`, as `cargo test --benches` runs it, there is one
//! round of each with few tickets.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench fails by panicking, and prints its figures"
)]
#![allow(clippy::disallowed_methods, reason = "a bench is told its extent by its arguments")]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../shared/measure.rs"]
mod measure;
#[path = "../shared/table.rs"]
mod table;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use common::scene::COMPLETE;
use common::{TestEnv, run};
use measure::{Series, all_in_turn, process};
use table::{Table, verdict};

/// A ticket may cost this much more where there are many.
const GROWTH: f64 = 1.5;
/// How many bytes of text a ticket of a real repository has in its thread.
const REMARK: usize = 600;

fn main() {
    let is_bench = std::env::args().any(|argument| argument == "--bench");
    // How many tickets, and how often they are listed.
    let sizes: &[(usize, usize)] = if is_bench { &[(350, 30), (10_000, 9)] } else { &[(50, 1)] };
    let mut table = Table::new("what it is compared to");
    let mut before: Option<[f64; 3]> = None;
    for (count, rounds) in sizes.iter().copied() {
        let many = Many::make(count);
        let listing = || many.env.yoi(["ticket", "list", "--all", "--format", "{id}"]);
        assert_eq!(run(&mut listing(), 0).stdout.lines().count(), count);
        let blocked = || many.env.yoi(["ticket", "list", "--blocked", "--format", "{id}"]);
        assert_eq!(run(&mut blocked(), 0).stdout.lines().count(), count / 10);
        let examining = || many.env.yoi(["ticket", "doctor"]);
        assert_eq!(run(&mut examining(), 0).stdout, "0 errors, 0 warnings\n");
        let [list, blocking, doctor, cat, grep] = all_in_turn(
            rounds,
            [
                &mut |_| process(&mut listing()),
                &mut |_| process(&mut blocked()),
                &mut |_| process(&mut examining()),
                &mut |_| process(&mut many.shell("find . -name item.md -print0 | xargs -0 cat")),
                &mut |_| process(&mut many.shell("grep -r 'state:' .")),
            ],
        );
        table.beside(&format!("ticket list of {count} : cat of item.md"), &list, &cat);
        table.beside(&format!("ticket list --blocked of {count} : grep -r"), &blocking, &grep);
        table.beside(&format!("ticket doctor of {count} : grep -r"), &doctor, &grep);
        let each = [&list, &blocking, &doctor].map(|ours: &Series| ours.median() * 1e3 / count as f64);
        for (at, name) in ["ticket list", "ticket list --blocked", "ticket doctor"].into_iter().enumerate() {
            let growth = before.map(|before| each[at] / before[at]);
            let told =
                growth.map(|growth| format!("×{growth:.2} ({})", verdict(growth, GROWTH, ""))).unwrap_or_default();
            table.value(&format!("{name}, each of {count}"), &format!("{:.2} µs", each[at]), &told);
        }
        before = Some(each);
    }
}

/// A workspace with many tickets; every tenth waits for the one before it.
struct Many {
    env: TestEnv,
    tickets: PathBuf,
}

impl Many {
    fn make(count: usize) -> Self {
        let env = TestEnv::with_sample();
        let tickets = env.workspace().join(".yoi/tickets");
        let read = |name: &str| fs::read_to_string(tickets.join(COMPLETE).join(name)).unwrap();
        let (item, thread) = (read("item.md"), read("thread.md"));
        let remark = format!(
            "\n<!-- event: comment author: mira at: 2026-06-07T22:02:25Z -->\n\n## Comment\n\n{}\n\n---\n",
            "Text. ".repeat(REMARK / 6)
        );
        fs::remove_dir_all(&tickets).unwrap();
        let id = |number: usize| format!("00001KT{number:06}");
        for number in 0..count {
            let dir = tickets.join(id(number));
            fs::create_dir_all(dir.join("artifacts")).unwrap();
            let item = item.replace(COMPLETE, &id(number)).replacen("Retry", &format!("Retry {number}"), 1);
            fs::write(dir.join("item.md"), item).unwrap();
            fs::write(dir.join("thread.md"), format!("{thread}{remark}")).unwrap();
            if number % 10 == 1 {
                let (own, other) = (id(number), id(number - 1));
                let relation =
                    format!("{{\"ticket_id\": \"{own}\", \"kind\": \"depends_on\", \"target\": \"{other}\"}}");
                let text = format!("{{\"version\": 1, \"relations\": [{relation}]}}\n");
                fs::write(dir.join("artifacts/relations.json"), text).unwrap();
            }
        }
        Self { env, tickets }
    }

    fn shell(&self, script: &str) -> Command {
        let mut shell = self.env.shell(script);
        shell.current_dir(&self.tickets);
        shell
    }
}
