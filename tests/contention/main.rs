//! Eight processes at once on a few tickets, round by round behind a barrier, each with random commits, completions,
//! releases, reclaims and looks. The answers must be those that one ticket's claim, changed by one process after the other,
//! could have given in some order that agrees with who ended before who began: linearizability, by generation and nonce.
//!
//! With `YOI_EXTENDED` set there are 1,500 rounds; `YOI_ROUNDS` and `YOI_SEED` choose others. Each process runs this very
//! program; the parent lets each begin a round when all have ended the one before.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "this is a program of its own, which prints its figures")]
#![allow(clippy::disallowed_methods, reason = "nobody hands it an environment")]

#[path = "../common/mod.rs"]
mod common;
mod history;
mod model;
mod worker;

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;

use common::scene::{names, pod};
use common::{TestEnv, run};
use history::{Event, TICKETS};
use model::{State, linearize};
use yoi::domain::{NewPod, Origin, PodId, PodRecord, Role};
use yoi::registry::{NetworkPolicy, PodLock, Registry};

/// How many processes there are.
const PROCESSES: usize = 8;
/// How many rounds one registry sees.
const SERIES: u64 = 50;
/// What a worker is told apart by.
const WORKER: &str = "--worker";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, rest @ ..] = &arguments[..]
        && flag == WORKER
    {
        worker::work(rest);
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--list") {
        println!("answers_are_linearizable: test");
        return ExitCode::SUCCESS;
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let few = if std::env::var_os("YOI_EXTENDED").is_some() { 1500 } else { 60 };
    let seed = number("YOI_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    contend(number("YOI_ROUNDS").unwrap_or(few), seed)
}

/// A worker and what it says.
struct Worker {
    child: Child,
    gate: Option<ChildStdin>,
    said: Lines<BufReader<ChildStdout>>,
}

/// Contends in series of rounds, each in a registry of its own: a journal is read as a whole, and grows.
fn contend(rounds: u64, seed: u64) -> ExitCode {
    println!("{PROCESSES} processes, {rounds} rounds, YOI_SEED={seed}");
    let start = Instant::now();
    let mut figures = Figures::default();
    let mut left = rounds;
    let mut kept = true;
    while kept && left > 0 {
        let now = left.min(SERIES);
        kept = series(now, seed.wrapping_add(left), &mut figures);
        left -= now;
    }
    figures.print(start);
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Contends in a fresh registry, and tells whether every answer could be.
fn series(rounds: u64, seed: u64, figures: &mut Figures) -> bool {
    // Where nothing waits for a disk the processes meet more often.
    let memory = Path::new("/dev/shm");
    let env = if memory.is_dir() { TestEnv::new_in(memory) } else { TestEnv::new() };
    let registry = env.registry();
    registry.prepare(NetworkPolicy::Refuse, worker::writer("parent").now).unwrap();
    let _taker = taker(&registry);
    let mut workers: Vec<Worker> = (0..PROCESSES).map(|n| Worker::start(&env, n, seed)).collect();
    let mut states: Vec<HashSet<State>> = vec![HashSet::from([State::default()]); TICKETS];
    for round in 1..=rounds {
        workers.iter_mut().for_each(|worker| worker.gate.as_mut().unwrap().write_all(b".").unwrap());
        let mut events: Vec<Vec<Event>> = vec![Vec::new(); TICKETS];
        workers.iter_mut().flat_map(Worker::hear).for_each(|event| events[event.ticket].push(event));
        for (ticket, events) in events.iter().enumerate() {
            figures.count(events);
            let (after, tried) = linearize(&states[ticket], events);
            figures.tried += tried;
            if after.is_empty() {
                println!("BROKEN in round {round}, ticket {ticket}: no order of these answers is that of one claim");
                println!("  before: {:?}", states[ticket]);
                events.iter().for_each(|event| println!("  {event}"));
                return false;
            }
            states[ticket] = after;
        }
    }
    workers.into_iter().for_each(Worker::end);
    for empty in ["tmp", "offers"] {
        assert_eq!(names(&registry.dir().join(empty)), Vec::<String>::new(), "{empty}");
    }
    run(&mut env.yoi_claim(["verify"]), 0);
    true
}

impl Worker {
    fn start(env: &TestEnv, n: usize, seed: u64) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(WORKER).args([env.data(), env.runtime(), env.workspace()]).args([n.to_string(), seed.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { gate: child.stdin.take(), child, said }
    }

    /// What it did in a round.
    fn hear(&mut self) -> Vec<Event> {
        let lines = self.said.by_ref().map(Result::unwrap).take_while(|line| line != ".");
        lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    /// Takes the barrier away, and waits for it.
    fn end(mut self) {
        drop(self.gate.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Where a round was broken: nothing is left to wait for it.
        drop(self.gate.take());
        let _ = self.child.wait();
    }
}

/// The one Pod that lives: tickets are given and handed over to it.
fn taker(registry: &Registry) -> PodLock {
    let (pod, pod_id, now) = (pod(history::TAKER), PodId::from_bytes([1; 16]), worker::writer("parent").now);
    let lock = registry.try_lock_pod(&pod).unwrap().unwrap();
    let record = PodRecord::new(NewPod {
        pod: pod.clone(),
        pod_id,
        role: Role::Coder,
        origin: Origin::RoleLaunch,
        ticket: None,
        nonce: None,
        workspace: "/".into(),
        directory: "/".into(),
        profile: "builtin:checklist".into(),
        workflow: None,
        launch_prompt: None,
        created_at: now,
    });
    registry.create_pod(&lock, &record, None, None).unwrap();
    registry.update_pod(&pod, pod_id, |record| record.confirmed_at = Some(now)).unwrap();
    lock
}

/// What was tried.
#[derive(Default)]
struct Figures {
    answers: BTreeMap<String, usize>,
    operations: usize,
    overlapping: usize,
    tried: usize,
}

impl Figures {
    fn count(&mut self, events: &[Event]) {
        self.operations += events.len();
        for (n, event) in events.iter().enumerate() {
            *self.answers.entry(format!("{} {}", event.asked.word(), event.answer.word())).or_default() += 1;
            self.overlapping += events[..n].iter().filter(|other| other.overlaps(event)).count();
        }
    }

    fn print(&self, start: Instant) {
        for (answer, count) in &self.answers {
            println!("{count:>8}  {answer}");
        }
        println!(
            "{} operations, {} pairs of them at once on one ticket; {} steps of the model tried; {:.1} s",
            self.operations,
            self.overlapping,
            self.tried,
            start.elapsed().as_secs_f32()
        );
    }
}
