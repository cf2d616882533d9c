//! A production agent on a scripted model, without account or network.
//!
//! `YOI_REAL_AGENT` names the agent program: Codex, as a speaker of the Agent Client Protocol. Without it every test says
//! that it is skipped; `tests/extended/real-agent` installs the program and runs them cut off from the network.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says when it is skipped")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]

#[path = "../common/mod.rs"]
mod common;
mod model;

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use common::scene::{COMPLETE, INCOMPLETE, pod};
use common::{Process, TestEnv, run};
use model::{Asked, Model, Reply};
use rustix::process::Signal;
use serde_json::{Value, json};
use yoi::launch::steps;
use yoi::pod::protocol::Method;

/// What is in the launcher's environment and must stay there.
const SECRET: &str = "sk-not-to-be-seen-anywhere-4711";

/// A workspace whose intakes are the real agent, on a scripted model.
struct Lab {
    env: TestEnv,
    model: Model,
}

impl Lab {
    /// Sets it up; `None`, said aloud, where there is no agent.
    fn new(permissions: &str, mode: &str) -> Option<Self> {
        let Some(agent) = std::env::var_os("YOI_REAL_AGENT").map(PathBuf::from) else {
            println!("skipped: YOI_REAL_AGENT names no agent program (tests/extended/real-agent installs one)");
            return None;
        };
        let env = TestEnv::with_sample();
        let model = Model::start(script);
        env.configure("intake", "project:codex");
        let profile = format!(
            "[profiles.codex]\nagent = \"acp\"\ncommand = [{:?}]\nenv = {{ RUST_LOG = \"warn\" }}\nmode = {mode:?}\n\
             permissions = {permissions:?}\ndeadlines = {{ first_sign = 20 }}\n",
            agent.to_str().unwrap()
        );
        fs::write(env.workspace().join(".yoi/profiles.toml"), profile).unwrap();
        fs::create_dir_all(env.home().join(".codex")).unwrap();
        let provider = format!(
            "model = \"scripted\"\nmodel_provider = \"local\"\ncheck_for_update_on_startup = false\n\
             [analytics]\nenabled = false\n\
             [model_providers.local]\nname = \"local\"\nbase_url = \"http://127.0.0.1:{}/v1\"\nwire_api = \"responses\"\n\
             request_max_retries = 1\nstream_max_retries = 1\n",
            model.port()
        );
        fs::write(env.home().join(".codex/config.toml"), provider).unwrap();
        Some(Self { env, model })
    }

    /// A command of yoi in an environment that holds a secret.
    fn yoi<const N: usize>(&self, arguments: [&str; N]) -> Command {
        let mut command = self.env.yoi(arguments);
        command.env("SOME_API_KEY", SECRET);
        command
    }

    /// Launches an intake on a ticket and has the model do something first.
    fn intake(&self, ticket: &str, told: &str) -> String {
        run(&mut self.yoi(["-q", "intake", ticket, "-m", told]), 0);
        format!("intake-{ticket}")
    }

    /// The data of every event of that name in the history of a Pod.
    fn history(&self, name: &str, event: &str) -> Vec<Value> {
        let file = self.env.registry().pod_dir(&pod(name)).join("history.jsonl");
        let lines = fs::read_to_string(file).unwrap_or_default();
        let entries = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        entries.filter(|entry| entry["event"] == event).map(|entry| entry["data"].clone()).collect()
    }

    /// Waits for the so-manieth event of that name.
    fn wait_for(&self, name: &str, event: &str, count: usize) -> Value {
        let found = || self.history(name, event).into_iter().nth(count - 1);
        self.env.wait_for(&format!("{event} {count} of {name}"), found)
    }

    /// Says something to a Pod, which accepts it.
    fn tell(&self, name: &str, text: &str) {
        let input = self.env.root().join("input");
        fs::write(&input, text).unwrap();
        let mut telling = self.env.shell(&format!("yoi-claim pod-run {name} --input - <\"$INPUT\""));
        run(telling.env("INPUT", input), 0);
    }

    /// Says something to a Pod, and waits for the end of that turn.
    fn say(&self, name: &str, text: &str) -> Value {
        let ended = self.history(name, "turn_end").len();
        self.tell(name, text);
        self.wait_for(name, "turn_end", ended + 1)
    }

    /// Cancels the turn of a Pod once somebody who watches has seen that event of it.
    fn cancel_after(&self, name: &str, event: &str) {
        let mut client = steps::connect_pod(&self.env.registry(), &pod(name)).unwrap();
        while steps::next(&mut client).unwrap().unwrap().event != event {}
        steps::ask(&mut client, &Method::Cancel {}).unwrap();
    }

    /// Waits until a shell of the agent runs in the workspace.
    fn wait_for_its_shell(&self) -> Process {
        let runs = |process: &Process| process.to_string().contains("sleep 1000");
        self.env.wait_for("the agent's shell", || self.env.processes().into_iter().find(runs))
    }

    /// Whether the secret is nowhere that is kept.
    fn is_discreet(&self) {
        for dir in [self.env.data(), self.env.runtime(), self.env.workspace()] {
            for (path, (_, bytes)) in common::scene::tree(&dir) {
                let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
                assert!(!found, "the secret is in {path}");
            }
        }
    }
}

/// The model does what a line of the user's last words says, and then tells what came of it.
fn script(asked: &Asked) -> Reply {
    if let Some(output) = asked.outputs.last() {
        return Reply::Text(format!("the tool answered: {output}"));
    }
    if let Some(call) = asked.told("CALL ") {
        let (tool, arguments) = call.split_once(' ').unwrap();
        return Reply::Call(tool.to_owned(), arguments.to_owned());
    }
    if let Some(status) = asked.told("STATUS ") {
        return Reply::Status(status.parse().unwrap());
    }
    if asked.told("ENDLESS").is_some() {
        return Reply::Endless;
    }
    Reply::Text(format!("hello, {} times now", asked.user.len()))
}

fn ready(ticket: &str) -> String {
    format!("CALL TicketIntakeReady {}", json!({ "ticket": ticket, "summary": "All is said." }))
}

#[test]
fn an_intake_makes_its_ticket_ready_shuts_down_and_is_restored() {
    let Some(lab) = Lab::new("ask", "auto") else { return };
    let name = lab.intake(COMPLETE, &ready(COMPLETE));
    assert_eq!(lab.wait_for(&name, "shutdown", 1)["reason"], "idle");
    lab.env.wait_for_processes();
    let listed = lab.env.listed("claim-list");
    assert!(listed.starts_with(&format!("{COMPLETE}\t{name}\tintake\t1\trestorable")), "{listed}");
    assert!(lab.env.registry().claim(&common::scene::ticket(COMPLETE)).unwrap().unwrap().completed_at.is_some());
    assert_eq!(lab.env.listed("session-list"), format!("{name}\tintake\tticket_claim\t{COMPLETE}\n"));
    let results = lab.history(&name, "tool_result");
    assert!(
        results.iter().any(|result| result["tool"] == "TicketIntakeReady" && result["is_error"] == false),
        "{results:?}"
    );
    // Once by the Pod's own account, whatever the agent calls it.
    assert_eq!(results.iter().filter(|result| result["by"].is_null()).count(), 1, "{results:?}");
    assert!(
        lab.history(&name, "text_done").iter().any(|said| said["text"].as_str().unwrap().contains("the tool answered"))
    );
    run(&mut lab.yoi(["-q", "restore", &name]), 0);
    let before = lab.model.asked().len();
    assert_eq!(lab.say(&name, "hello again")["outcome"], "completed");
    let asked = lab.model.asked();
    // Its own memory, loaded again: the first words are among what the model sees.
    assert!(asked[before].user.iter().any(|said| said.contains("CALL TicketIntakeReady")), "{:?}", asked[before].user);
    lab.env.stop(&name);
    lab.is_discreet();
}

#[test]
fn a_call_that_fails_is_told_to_the_model_and_the_pod_stays() {
    let Some(lab) = Lab::new("ask", "auto") else { return };
    let name = lab.intake(INCOMPLETE, &ready(COMPLETE));
    assert_eq!(lab.wait_for(&name, "turn_end", 1)["outcome"], "completed");
    let asked = lab.model.asked();
    assert!(asked.last().unwrap().outputs.last().unwrap().contains(COMPLETE), "{:?}", asked.last());
    assert!(lab.env.listed("pod-list").starts_with(&format!("{name}\tintake\tidle")), "{}", lab.env.listed("pod-list"));
    lab.env.stop(&name);
}

#[test]
fn a_request_for_permission_is_answered_by_a_person() {
    let Some(lab) = Lab::new("ask", "read-only") else { return };
    let outside = "\"sandbox_permissions\":\"require_escalated\",\"justification\":\"a test\"";
    let call = format!("CALL exec_command {{\"cmd\":\"touch made-by-the-agent\",{outside}}}");
    let name = lab.intake(INCOMPLETE, &call);
    for (turn, answer) in [(1, "--reject"), (2, "--allow")] {
        let asked = lab.wait_for(&name, "permission_request", turn);
        assert!(asked.to_string().contains("made-by-the-agent"), "{asked}");
        run(&mut lab.yoi(["answer", &name, answer]), 0);
        lab.wait_for(&name, "turn_end", turn);
        assert_eq!(lab.env.workspace().join("made-by-the-agent").exists(), answer == "--allow");
        if answer == "--reject" {
            lab.tell(&name, &call);
        }
    }
    lab.env.stop(&name);
}

#[test]
fn a_turn_is_cancelled_in_its_text() {
    let Some(lab) = Lab::new("ask", "auto") else { return };
    let name = lab.intake(INCOMPLETE, "ENDLESS");
    lab.cancel_after(&name, "text_delta");
    assert_eq!(lab.wait_for(&name, "turn_end", 1)["outcome"], "cancelled");
    assert_eq!(lab.say(&name, "hello")["outcome"], "completed");
    lab.env.stop(&name);
}

/// A call that takes until it is ended, outside of the agent's sandbox: not every machine lets it make one.
const LONG_CALL: &str = "CALL exec_command {\"cmd\":\"sleep 1000; echo woken\",\"yield_time_ms\":30000}";

#[test]
fn a_turn_is_cancelled_in_a_tool_call() {
    let Some(lab) = Lab::new("allow", "full-access") else { return };
    let name = lab.intake(INCOMPLETE, LONG_CALL);
    lab.wait_for_its_shell();
    let mut client = steps::connect_pod(&lab.env.registry(), &pod(&name)).unwrap();
    steps::ask(&mut client, &Method::Cancel {}).unwrap();
    assert_eq!(lab.wait_for(&name, "turn_end", 1)["outcome"], "cancelled");
    drop(client);
    assert_eq!(lab.say(&name, "hello")["outcome"], "completed");
    lab.env.stop(&name);
    lab.env.wait_for_processes();
}

#[test]
fn an_agent_that_is_killed_in_a_tool_call_is_started_anew_with_its_memory_and_nothing_of_it_is_left() {
    let Some(lab) = Lab::new("allow", "full-access") else { return };
    let name = lab.intake(INCOMPLETE, LONG_CALL);
    let shell = lab.wait_for_its_shell();
    lab.wait_for(&name, "tool_call_start", 1);
    agent_of(&lab.env).unwrap().signal(Signal::KILL);
    let ended = lab.wait_for(&name, "turn_end", 1);
    assert_eq!(ended["outcome"], "errored", "{ended}");
    assert!(ended["error"].as_str().unwrap().contains("SIGKILL"), "{ended}");
    let results = lab.history(&name, "tool_result");
    assert_eq!(results.last().unwrap()["is_error"], true, "{results:?}");
    let before = lab.model.asked().len();
    assert_eq!(lab.say(&name, "hello")["outcome"], "completed");
    assert!(lab.model.asked()[before].user.iter().any(|said| said.contains("sleep 1000")), "it remembers");
    assert!(shell.wait(Instant::now() + common::DEADLINE), "{shell} outlives the agent that started it");
    lab.env.stop(&name);
}

fn agent_of(env: &TestEnv) -> Option<Process> {
    env.processes().into_iter().find(|process| process.to_string().contains("codex-acp"))
}

#[test]
fn a_model_that_fails_is_no_success() {
    let Some(lab) = Lab::new("ask", "auto") else { return };
    let name = lab.intake(INCOMPLETE, "STATUS 500");
    let ended = lab.wait_for(&name, "turn_end", 1);
    assert_eq!(ended["outcome"], "errored", "{ended}");
    let ended = lab.say(&name, "STATUS 401");
    assert_eq!(ended["outcome"], "errored", "{ended}");
    assert!(!lab.env.listed("claim-list").contains("completed"));
    assert_eq!(lab.say(&name, "hello")["outcome"], "completed");
    lab.env.stop(&name);
}

#[test]
fn a_pod_that_is_told_to_stop_while_busy_leaves_nothing() {
    let Some(lab) = Lab::new("ask", "auto") else { return };
    let name = lab.intake(INCOMPLETE, "ENDLESS");
    lab.env.wait_for("the model", || (!lab.model.asked().is_empty()).then_some(()));
    lab.env.wait_for("the agent", || agent_of(&lab.env));
    run(&mut lab.yoi(["-q", "stop", "--now", &name]), 0);
    lab.env.wait_for_processes();
    assert_eq!(lab.env.listed("pod-list"), format!("{name}\tintake\trestorable\n"));
    lab.is_discreet();
}
