//! A workspace whose intake is the fake agent, and a Pod with it.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::common::puppet::{Wire, outline, say};
use crate::common::scene::INCOMPLETE;
use crate::common::{Outcome, TestEnv, run};

/// The Pod of the intake.
pub const POD: &str = "intake-20260118-101544-001";

/// A world whose intake is a fake agent.
pub struct Stage {
    pub env: TestEnv,
}

impl Stage {
    /// Sets the stage: the fake with these arguments, and these keys in its profile.
    pub fn set(arguments: &[&str], keys: &str) -> Self {
        let stage = Self { env: TestEnv::with_sample() };
        stage.change(arguments, keys);
        stage
    }

    /// Changes what the next start of the fake is like.
    pub fn change(&self, arguments: &[&str], keys: &str) {
        let trace = [format!("trace={}", self.trace().display())];
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        self.env.configure_acp(&trace.into_iter().chain(arguments).collect::<Vec<_>>(), keys);
    }

    fn trace(&self) -> PathBuf {
        self.env.root().join("trace")
    }

    /// What the fake was asked so far.
    pub fn asked(&self) -> Vec<String> {
        let text = fs::read_to_string(self.trace()).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until the fake was asked something that begins so.
    pub fn wait_until_asked(&self, what: &str) -> String {
        self.env.wait_for(what, || self.asked().into_iter().find(|line| line.starts_with(what)))
    }

    /// Launches the Pod, whose first turn does this.
    pub fn launch(&self, script: &str, status: i32) -> Outcome {
        run(&mut self.env.yoi(["-q", "intake", INCOMPLETE, "-m", script]), status)
    }

    /// Launches the Pod, has its first turn end, and connects to it.
    pub fn up(arguments: &[&str], keys: &str) -> (Self, Talk) {
        let stage = Self::set(arguments, keys);
        run(&mut stage.env.yoi(["-q", "intake", INCOMPLETE, "-m", "@say I am here", "--wait"]), 0);
        let talk = stage.talk();
        (stage, talk)
    }

    /// Connects to the Pod.
    pub fn talk(&self) -> Talk {
        Talk::to(self, POD)
    }

    /// What the Pod's log says.
    pub fn log(&self) -> String {
        let dir = self.env.registry().pod_dir(&crate::common::scene::pod(POD));
        String::from_utf8_lossy(&fs::read(dir.join("host.log")).unwrap()).into_owned()
    }

    /// What the history has of the newest turn.
    pub fn last_turn(&self) -> Vec<String> {
        let history = self.env.history(POD);
        let start = history.iter().rposition(|entry| entry["event"] == "user_message").unwrap();
        outline(&history[start + 1..])
    }

    /// Ends the Pod, after which nothing of it may be left.
    pub fn stop(&self) {
        self.env.stop(POD);
        self.env.wait_for_processes();
    }
}

/// A conversation with a Pod.
pub struct Talk {
    pub wire: Wire,
    request: u64,
}

impl Talk {
    /// Connects to a Pod.
    pub fn to(stage: &Stage, pod: &str) -> Self {
        Self { wire: stage.env.wire(pod).0, request: 100 }
    }

    /// Gives the agent something to do, and does not wait.
    pub fn begin(&mut self, script: &str) {
        self.request += 1;
        self.wire.send(self.request, "run", say(script));
    }

    /// Waits for the end of the turn; gives what it ended with.
    pub fn end(&mut self) -> Value {
        let mut messages = self.wire.until(|message| message["event"] == "run_end");
        let end = messages.iter_mut().rfind(|message| message["event"] == "turn_end").unwrap();
        end["data"].take()
    }

    /// Has a turn go by; gives what it ended with.
    pub fn turn(&mut self, script: &str) -> Value {
        self.begin(script);
        self.end()
    }

    /// Has a turn go by that must end well; gives what was said in it.
    pub fn said(&mut self, script: &str) -> String {
        self.begin(script);
        let messages = self.wire.until(|message| message["event"] == "run_end");
        let end = messages.iter().rfind(|message| message["event"] == "turn_end").unwrap();
        assert_eq!(end["data"]["outcome"], "completed", "{messages:#?}");
        let pieces = messages.iter().filter(|message| message["event"] == "text_done");
        pieces.map(|message| message["data"]["text"].as_str().unwrap()).collect()
    }

    /// Has a turn go by that must fail; gives why.
    pub fn error(&mut self, script: &str) -> String {
        let end = self.turn(script);
        assert_eq!(end["outcome"], "errored", "{end}");
        end["error"].as_str().unwrap().to_owned()
    }
}
