//! What a Pod costs beside its agent: memory, wake-ups while it rests, and time added to each prompt.
//!
//! `cargo bench --bench agents`. The agent is the fake one of the tests, once in a Pod and once spoken to over its pipes by
//! this program. Times fail nothing. Without `--bench`, as `cargo test --benches` runs it, there is one round of each.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a bench fails by panicking, and prints its figures"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
#[path = "../shared/measure.rs"]
mod measure;
#[path = "../shared/table.rs"]
mod table;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use common::{Process, TestEnv, fake_acp, run};
use measure::in_turn;
use serde_json::{Value, json};
use table::{Table, verdict};
use yoi::domain::{PodName, Segment};
use yoi::launch::steps;
use yoi::pod::client::Client;
use yoi::pod::protocol::Method;

/// What the agent is asked, again and again.
const PROMPT: &str = "@say hello";
/// The name of a Pod that begins without a ticket.
const POD: &str = "intake-new";

fn main() {
    let full = std::env::args().any(|argument| argument == "--bench");
    let env = TestEnv::new();
    let mut table = Table::new("the agent by itself");
    let mut direct = Direct::start(&env);
    let mut pod = InPod::launch(&env);
    let (ours, bare) = in_turn(if full { 300 } else { 1 }, |_| pod.prompt(), |_| direct.prompt());
    table.beside("a prompt, until its turn is over", &ours, &bare);
    table.value("added to each prompt", &format!("{:.2} ms", ours.median() - bare.median()), "");
    direct.end();
    pod.rest(&mut table, if full { Duration::from_secs(10) } else { Duration::from_millis(10) });
    run(&mut env.yoi(["-q", "stop", POD]), 0);
    env.wait_for_processes();
}

/// The agent, spoken to without anything between.
struct Direct {
    agent: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Value,
    id: u64,
}

impl Direct {
    fn start(env: &TestEnv) -> Self {
        let mut command = env.command(fake_acp::program());
        command.arg("tools=none").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut agent = command.spawn().unwrap();
        let (input, output) = (agent.stdin.take().unwrap(), BufReader::new(agent.stdout.take().unwrap()));
        let mut direct = Self { agent, input, output, session: Value::Null, id: 0 };
        direct.ask("initialize", &json!({ "protocolVersion": 1 }));
        let server = json!({ "name": "none", "command": "/nowhere", "args": [], "env": [] });
        let session = direct.ask("session/new", &json!({ "cwd": env.workspace(), "mcpServers": [server] }));
        direct.session = session["sessionId"].clone();
        direct
    }

    /// Makes a request and reads up to its answer.
    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.id += 1;
        let request = json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params });
        self.input.write_all(format!("{request}\n").as_bytes()).unwrap();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the agent answers {method}");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == self.id && message.get("method").is_none() {
                assert!(message.get("error").is_none(), "{message}");
                return message["result"].clone();
            }
        }
    }

    fn prompt(&mut self) -> Duration {
        let prompt = json!({ "sessionId": self.session, "prompt": [{ "type": "text", "text": PROMPT }] });
        let start = Instant::now();
        let ended = self.ask("session/prompt", &prompt);
        let time = start.elapsed();
        assert_eq!(ended["stopReason"], "end_turn");
        time
    }

    fn end(mut self) {
        self.agent.kill().unwrap();
        self.agent.wait().unwrap();
    }
}

/// The agent, in a Pod.
struct InPod<'a> {
    env: &'a TestEnv,
    client: Client,
}

impl<'a> InPod<'a> {
    fn launch(env: &'a TestEnv) -> Self {
        run(&mut env.yoi(["init"]), 0);
        env.configure_acp(&[], "");
        run(&mut env.yoi(["-q", "intake", "--wait", "-m", PROMPT]), 0);
        let client = steps::connect_pod(&env.registry(), &PodName::new(POD).unwrap()).unwrap();
        Self { env, client }
    }

    fn prompt(&mut self) -> Duration {
        let start = Instant::now();
        let run = Method::Run { input: vec![Segment::text(PROMPT)], nonce: None };
        let id = self.client.request(&run, steps::within(common::DEADLINE)).unwrap();
        loop {
            let message = steps::next(&mut self.client).unwrap().unwrap();
            if message.event == "run_end" && message.id == Some(id.into()) {
                assert_eq!(message.data["outcome"], "completed");
                return start.elapsed();
            }
        }
    }

    /// What the Pod takes while nobody wants anything of it.
    fn rest(&self, table: &mut Table, quiet: Duration) {
        let processes: BTreeMap<_, _> =
            self.env.processes().into_iter().map(|process| (part(&process), process)).collect();
        for (part, process) in &processes {
            let memory = process.memory();
            let [resident, own] = [memory.resident, memory.private].map(|bytes| bytes as f64 / f64::from(1 << 20));
            let judged = if *part == "the agent" { String::new() } else { verdict(resident, 12.0, " MiB") };
            table.value(&format!("{part}, resident"), &format!("{resident:.1} MiB ({own:.1} of its own)"), &judged);
        }
        let ours = || processes.iter().filter(|(part, _)| **part != "the agent").map(|(_, process)| process);
        let sleeps = || ours().flat_map(Process::sleeps).map(|(_, times)| times).sum::<u64>();
        // The last turn may not have settled yet.
        let (mut before, settled) = (sleeps(), Instant::now() + common::DEADLINE);
        while ours().all(|process| !process.wait(Instant::now() + Duration::from_millis(200))) && before != sleeps() {
            assert!(Instant::now() < settled, "the Pod never comes to rest");
            before = sleeps();
        }
        let until = Instant::now() + quiet;
        assert!(ours().all(|process| !process.wait(until)), "the Pod ended");
        let woken = sleeps() - before;
        table.value(&format!("wake-ups in {quiet:?} at rest"), &woken.to_string(), &verdict(woken as f64, 0.0, ""));
    }
}

/// Which part of a Pod a process is.
fn part(process: &Process) -> &'static str {
    match process.to_string() {
        command if command.contains("fake_acp") => "the agent",
        command if command.contains(" mcp ") => "the tool server",
        _ if process.sleeps().len() == 1 => "the warden",
        _ => "the host",
    }
}
