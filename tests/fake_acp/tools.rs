//! The Pod's tools, as an agent reaches them: over the server that its session brings.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use agent_client_protocol::v1::schema::McpServerStdio;
use serde_json::{Value, json};

/// A tool server that was started.
pub struct Tools {
    _server: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    next: u64,
}

/// Starts the program of a server.
fn spawn(server: &McpServerStdio) -> Child {
    let variables = server.env.iter().map(|variable| (&variable.name, &variable.value));
    let mut command = Command::new(&server.command);
    command.args(&server.args).envs(variables).stdin(Stdio::piped()).stdout(Stdio::piped());
    command.spawn().unwrap()
}

impl Tools {
    /// Starts the server of a session, and greets it.
    pub fn start(server: &McpServerStdio) -> Self {
        let mut server = spawn(server);
        let (input, output) = (server.stdin.take().unwrap(), BufReader::new(server.stdout.take().unwrap()));
        let mut tools = Self { _server: server, input, output, next: 0 };
        let client = json!({ "name": "fake", "version": "1.0" });
        let hello = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": client });
        tools.ask("initialize", hello);
        tools.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        tools
    }

    /// Lets it run on.
    pub fn forget(self) {
        std::mem::forget(self);
    }

    /// Calls a tool; gives what it answered, and whether that is an error.
    pub fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let answer = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        match answer["result"]["content"][0]["text"].as_str() {
            Some(text) => (text.to_owned(), answer["result"]["isError"] == true),
            None => (answer["error"]["message"].as_str().unwrap().to_owned(), true),
        }
    }

    fn send(&mut self, message: &Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the tool server is gone");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id {
                return message;
            }
        }
    }
}

/// Starts a server, and never says a word to it.
pub fn hang(server: &McpServerStdio) {
    std::mem::forget(spawn(server));
}
