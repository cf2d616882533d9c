//! What a claim, a start and a launch cost, beside what they cannot cost less than.
//!
//! `cargo bench --bench claims`. Whole processes are timed, in turn with those that they are compared to; medians are
//! shown, with the aim beside each. Times fail nothing; that every race has one winner, and that every loser is told who
//! won, is asserted. Without `--bench`, as `cargo test --benches` runs it, there is one round
//! of each.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench fails by panicking, and prints its figures"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
#[allow(dead_code, reason = "it is compiled as a program of its own; here it is only checked")]
mod floor;
#[path = "../shared/measure.rs"]
mod measure;
mod next;
#[path = "../shared/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use common::{TestEnv, run};
use measure::{Series, in_turn, process, race};
use table::{Table, verdict};

/// How many processes race.
const RACERS: usize = 50;
/// The ticket of the sample workspace that says all that an implementable one must.
const TICKET: &str = "20260118-093012-001";

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let rounds = |full_number| if full { full_number } else { 1 };
    let programs = Programs::compile();
    let mut table = Table::new("floor");

    let env = TestEnv::new();
    let (version, empty) = in_turn(
        rounds(300),
        |_| process(&mut env.yoi_claim(["--version"])),
        |_| process(&mut env.command(&programs.empty)),
    );
    table.compare("yoi-claim --version : empty program", &version, &empty, 1.5);

    let claims = Claims::new(&env, &programs);
    // The first claims of a workspace race for making its registry, too.
    claims.race("first", 1);
    let (commit, floor) = in_turn(
        rounds(300),
        |round| process(&mut claims.commit(&format!("Y{round}"), "a-pod")),
        |round| process(&mut claims.floor(&format!("F{round}"), "a-pod")),
    );
    table.compare("claim-commit : floor", &commit, &floor, 1.3);

    for tickets in [1, 20] {
        let (ours, floor) = in_turn(
            rounds(20),
            |round| claims.race(&format!("Y{tickets}-{round}"), tickets),
            |round| claims.race_of_floors(&format!("F{tickets}-{round}"), tickets),
        );
        table.compare(&format!("{RACERS} claim-commit for {tickets} : {RACERS} floors"), &ours, &floor, 2.0);
    }

    next::measure(rounds(10), &mut table);

    let launches = Launches::new();
    let (mut whole, mut accepted) = (Series::default(), Series::default());
    launches.run(0);
    for round in 1..=rounds(20) {
        let times = launches.run(round);
        whole.push(times.whole);
        accepted.push(times.accepted);
    }
    table.bound("yoi intake, until the agent has accepted", &accepted, 100.0);
    table.value("yoi intake, the whole process", &whole.text(), "");
    launches.idle_pod(&mut table);
}

/// The programs that ours are compared to, made with the compiler that made ours.
struct Programs {
    empty: PathBuf,
    floor: PathBuf,
}

impl Programs {
    fn compile() -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let compile = |name: &str, source: &str| {
            let program = directory.join(format!("bench-{name}"));
            let input = directory.join(format!("bench-{name}.rs"));
            std::fs::write(&input, source).unwrap();
            let mut rustc = Command::new("rustc");
            rustc.args(["--edition=2024", "-Copt-level=3", "-Cpanic=abort", "-Ccodegen-units=1", "-Cstrip=symbols"]);
            run(rustc.arg("-Clto=fat").arg("-o").args([&program, &input]), 0);
            program
        };
        Self { empty: compile("empty", "fn main() {}"), floor: compile("floor", include_str!("floor.rs")) }
    }
}

/// A registry in which claims are made, by us and by the floor alike.
struct Claims<'a> {
    env: &'a TestEnv,
    registry: PathBuf,
    floor: &'a Path,
}

impl<'a> Claims<'a> {
    fn new(env: &'a TestEnv, programs: &'a Programs) -> Self {
        let key = run(&mut env.yoi_claim(["workspace-key"]), 0).stdout;
        let registry = key.trim_end().split_once('\t').unwrap().1.into();
        Self { env, registry, floor: &programs.floor }
    }

    fn commit(&self, ticket: &str, pod: &str) -> Command {
        self.env.yoi_claim(["claim-commit", ticket, "--pod", pod, "--role", "intake"])
    }

    fn floor(&self, ticket: &str, pod: &str) -> Command {
        let mut floor = self.env.command(self.floor);
        floor.arg(self.env.data()).arg(&self.registry).args([ticket, pod]);
        floor
    }

    /// Races for some tickets; each must have one winner, and all others must name it.
    fn race(&self, name: &str, tickets: usize) -> Duration {
        let ticket = |racer: usize| format!("{name}.{}", racer % tickets);
        let pod = |racer: usize| format!("racer-{racer}");
        let (time, outputs) = race((0..RACERS).map(|racer| self.commit(&ticket(racer), &pod(racer))).collect());
        let mut ends: BTreeMap<String, Vec<(String, Output)>> = BTreeMap::new();
        for (racer, output) in outputs.into_iter().enumerate() {
            ends.entry(ticket(racer)).or_default().push((pod(racer), output));
        }
        assert_eq!(ends.len(), tickets);
        for (ticket, ends) in ends {
            let (winners, losers): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, end)| end.status.success());
            let [(winner, _)] = &winners[..] else { panic!("ticket {ticket} has {} winners", winners.len()) };
            for (loser, end) in &losers {
                let told = String::from_utf8_lossy(&end.stderr);
                assert_eq!(end.status.code(), Some(1), "{loser} for {ticket}: {told}");
                let names_the_winner = told.contains(&format!("ticket {ticket} is claimed by Pod {winner} as"));
                assert!(names_the_winner, "{winner} won {ticket}, and {loser} was told: {told}");
            }
            let shown = run(&mut self.env.yoi_claim(["claim-show", &ticket]), 0).stdout;
            assert!(shown.starts_with(&format!("{ticket}\t{winner}\tintake\t1\t")), "{shown}");
        }
        time
    }

    fn race_of_floors(&self, name: &str, tickets: usize) -> Duration {
        let floor = |racer: usize| self.floor(&format!("{name}.{}", racer % tickets), &format!("racer-{racer}"));
        let (time, outputs) = race((0..RACERS).map(floor).collect());
        assert_eq!(outputs.iter().filter(|output| output.status.success()).count(), tickets);
        time
    }
}

/// A workspace in which Pods are launched with the built-in agent.
struct Launches {
    env: TestEnv,
}

struct LaunchTimes {
    whole: Duration,
    accepted: Duration,
}

impl Launches {
    fn new() -> Self {
        let env = TestEnv::new();
        run(&mut env.yoi(["init"]), 0);
        Self { env }
    }

    /// Launches a Pod on a ticket that it makes ready, and waits until it has shut down after that.
    fn run(&self, round: usize) -> LaunchTimes {
        let ticket = format!("20260118-093012-{round:03}");
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample/.yoi/tickets").join(TICKET);
        let copy = self.env.workspace().join(".yoi/tickets").join(&ticket);
        std::fs::create_dir(&copy).unwrap();
        for file in ["item.md", "thread.md"] {
            let text = std::fs::read_to_string(sample.join(file)).unwrap();
            std::fs::write(copy.join(file), text.replace(TICKET, &ticket)).unwrap();
        }
        let start = SystemTime::now();
        let whole = process(self.env.yoi(["intake", &ticket]).stderr(Stdio::null()));
        let claim = run(&mut self.env.yoi_claim(["claim-show", &ticket, "--format", "{accepted_at}"]), 0).stdout;
        let accepted = chrono::DateTime::parse_from_rfc3339(claim.trim_end()).unwrap();
        let accepted = SystemTime::from(accepted).duration_since(start).unwrap();
        self.env.wait_for_processes();
        LaunchTimes { whole, accepted }
    }

    /// Measures the memory of a Pod that has nothing to do: host and warden.
    fn idle_pod(&self, table: &mut Table) {
        let title = "Says too little to be ready";
        let ticket = run(&mut self.env.yoi(["ticket", "new", title]), 0).stdout;
        run(&mut self.env.yoi(["intake", ticket.trim_end(), "--wait"]), 0);
        for process in self.env.processes() {
            let memory = process.memory();
            let text = format!("{:.1} MiB ({:.1} of its own)", mebibytes(memory.resident), mebibytes(memory.private));
            let what =
                if process.sleeps().len() == 1 { "idle Pod: warden, resident" } else { "idle Pod: host, resident" };
            table.value(what, &text, &verdict(mebibytes(memory.resident), 12.0, " MiB"));
        }
        run(&mut self.env.yoi(["stop", &format!("intake-{}", ticket.trim_end())]), 0);
        self.env.wait_for_processes();
    }
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
