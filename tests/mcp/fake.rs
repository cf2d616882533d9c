//! A Pod that says what a test wants said, for what a real one says rarely.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};

use crate::common::{DEADLINE, TestEnv};

/// Where it listens.
pub struct FakePod {
    pub socket: PathBuf,
    listener: UnixListener,
}

/// One connection to it.
pub struct Peer {
    reading: BufReader<UnixStream>,
}

impl FakePod {
    pub fn new(env: &TestEnv) -> Self {
        let socket = env.runtime().join("fake.sock");
        Self { listener: UnixListener::bind(&socket).unwrap(), socket }
    }

    /// Takes the next connection, and greets.
    pub fn accept(&self) -> Peer {
        let patience = DEADLINE.try_into().unwrap();
        let mut listening = [PollFd::new(&self.listener, PollFlags::IN)];
        assert_eq!(poll(&mut listening, Some(&patience)), Ok(1), "nobody connects");
        let (stream, _) = self.listener.accept().unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream.set_write_timeout(Some(DEADLINE)).unwrap();
        let mut peer = Peer { reading: BufReader::new(stream) };
        let entry = json!({ "at": "2026-06-07T22:02:25Z", "event": "tool_result", "data": {}, "id": 1 });
        peer.tell(
            "snapshot",
            json!({ "pod": "p", "role": "coder", "status": "idle", "greeting": "hi", "probation": false,
                "history": [entry], "truncated": false }),
        );
        peer
    }

    /// Takes the next connection, and gives it one tool.
    pub fn with_tool(&self) -> Peer {
        let mut peer = self.accept();
        let asked = peer.expect("tools");
        let schema = json!({ "type": "object", "properties": { "z": { "type": "string" }, "a": {} } });
        peer.answer(&asked, "tools", json!({ "tools": [{ "name": "Do", "description": "does", "schema": schema }] }));
        peer
    }
}

impl Peer {
    /// The next request; `None` at the end of the connection.
    pub fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.reading.read_line(&mut line).expect("the tool server says nothing") {
            0 => None,
            _ => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// The next request, which must be this one, of the epoch that was given out.
    pub fn expect(&mut self, method: &str) -> Value {
        let request = self.next().unwrap();
        assert_eq!((&request["method"], &request["params"]["epoch"]), (&json!(method), &json!("e")), "{request}");
        request
    }

    /// Waits for the report, and takes it.
    pub fn report(&mut self) {
        let asked = self.expect("tools_ready");
        self.answer(&asked, "ok", json!({}));
    }

    pub fn send_raw(&mut self, line: &str) {
        self.reading.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Sends an event that answers nobody.
    pub fn tell(&mut self, event: &str, data: Value) {
        self.send_raw(&json!({ "event": event, "data": data }).to_string());
    }

    pub fn answer(&mut self, request: &Value, event: &str, data: Value) {
        self.send_raw(&json!({ "event": event, "data": data, "id": request["id"] }).to_string());
    }

    /// Says what a tool answered.
    pub fn result(&mut self, request: &Value, text: &str, is_error: bool) {
        self.answer(request, "tool_result", json!({ "call": 1, "tool": "Do", "text": text, "is_error": is_error }));
    }
}
