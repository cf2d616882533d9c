//! A client of `yoi mcp`, as an agent has one: newline-delimited JSON-RPC on its standard input and output.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use serde_json::{Value, json};

use crate::common::{DEADLINE, Outcome, Process};

/// A running `yoi mcp`.
pub struct Server {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    next: u64,
}

impl Server {
    /// Starts it, and says nothing to it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        // Ends with the output, or with this test.
        std::thread::spawn(move || stdout.lines().try_for_each(|line| sender.send(line.unwrap())));
        Self { child, stdin, lines, next: 1 }
    }

    /// Starts it and shakes hands.
    pub fn ready(command: &mut Command) -> Self {
        let mut server = Self::start(command);
        let answer = server.initialize();
        assert_eq!(answer["result"]["serverInfo"]["name"], "yoi", "{answer}");
        server.tell("notifications/initialized", json!({}));
        server
    }

    /// Asks to begin, and gives the answer.
    pub fn initialize(&mut self) -> Value {
        let client = json!({ "name": "a test", "version": "1" });
        self.ask("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client }))
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends a line as it is.
    pub fn send_raw(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(line.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
    }

    /// Sends a request, and gives its id.
    pub fn send(&mut self, method: &str, params: Value) -> u64 {
        let id = self.next;
        self.next += 1;
        self.send_raw(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string());
        id
    }

    /// Sends a notification.
    pub fn tell(&mut self, method: &str, params: Value) {
        self.send_raw(&json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    /// Calls a tool, and does not wait for it.
    pub fn begin(&mut self, tool: &str, arguments: &Value) -> u64 {
        self.send("tools/call", json!({ "name": tool, "arguments": arguments }))
    }

    /// The next message; every line must be one.
    pub fn next(&mut self) -> Value {
        let line = self.lines.recv_timeout(DEADLINE).expect("the tool server says nothing");
        let message: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        assert_eq!(message["jsonrpc"], "2.0", "{line:?}");
        message
    }

    /// The answer to a request; nothing else may come before it.
    pub fn answer(&mut self, id: u64) -> Value {
        let message = self.next();
        assert_eq!(message["id"], id, "{message}");
        message
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// Calls a tool: whether it failed, and what it said.
    pub fn call(&mut self, tool: &str, arguments: &Value) -> (bool, String) {
        let id = self.begin(tool, arguments);
        told(&self.answer(id))
    }

    /// The names of the tools.
    pub fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", json!({}));
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Closes its standard input.
    pub fn close(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end, its standard input open if it is; gives what it had still to say.
    pub fn end(self) -> Outcome {
        let Self { child, stdin, lines, .. } = self;
        wait_for(&child);
        let mut outcome = Outcome::from_output(child.wait_with_output().unwrap());
        drop(stdin);
        outcome.stdout = lines.into_iter().map(|line| line + "\n").collect();
        outcome
    }
}

/// Waits until a server has ended.
pub fn wait_for(child: &Child) {
    // One that is gone was not waited for yet, so its number is still its own.
    let process = Process::open(child.id());
    assert!(process.is_none_or(|process| process.wait(Instant::now() + DEADLINE)), "the tool server goes on");
}

/// Whether a call failed, and what it said.
pub fn told(answer: &Value) -> (bool, String) {
    let result = &answer["result"];
    let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
    assert_eq!(result["content"].as_array().unwrap().len(), 1, "{answer}");
    (result["isError"].as_bool().unwrap(), text.to_owned())
}
