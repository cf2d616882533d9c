//! The Pod's tools, as an agent reaches them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;

use agent_client_protocol::v1::schema::McpServerStdio;
use serde_json::{Value, json};

/// A tool server that was started.
pub struct Tools {
    stream: BufReader<UnixStream>,
    epoch: String,
    next: u64,
}

impl Tools {
    /// Starts the server of a session.
    pub fn start(server: &McpServerStdio) -> Self {
        let at = server.args.iter().position(|argument| argument == "--socket").unwrap();
        let stream = BufReader::new(UnixStream::connect(&server.args[at + 1]).unwrap());
        let epoch = server.env.iter().find(|variable| variable.name == "YOI_EPOCH").unwrap().value.clone();
        let mut tools = Self { stream, epoch, next: 0 };
        let report = json!({ "epoch": tools.epoch });
        tools.ask("tools_ready", report);
        tools
    }

    /// Lets it run on.
    pub fn forget(self) {
        std::mem::forget(self);
    }

    /// Calls a tool; gives what it answered, and whether that is an error.
    pub fn call(&mut self, tool: &str, arguments: Value) -> (String, bool) {
        let epoch = self.epoch.clone();
        let answer = self.ask("tool_call", json!({ "tool": tool, "arguments": arguments, "epoch": epoch }));
        match answer["event"].as_str().unwrap() {
            "tool_result" => (answer["data"]["text"].as_str().unwrap().to_owned(), answer["data"]["is_error"] == true),
            _ => (answer["data"]["message"].as_str().unwrap().to_owned(), true),
        }
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let line = format!("{}\n", json!({ "method": method, "params": params, "id": id }));
        self.stream.get_mut().write_all(line.as_bytes()).unwrap();
        loop {
            let mut line = String::new();
            assert_ne!(self.stream.read_line(&mut line).unwrap(), 0, "the Pod is gone");
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["id"] == id {
                return message;
            }
        }
    }
}

/// A server that starts and reports nothing.
pub fn hang(_: &McpServerStdio) {}
