//! An agent that does what a test tells it, step by step, and the raw socket of its Pod.
//!
//! The agent is a shell script, run once a turn. It reads commands from one FIFO and tells on another how each ended, so
//! nothing is left to time: the test knows where the turn stands after each command.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::event::{PollFd, PollFlags, poll};
use serde_json::{Value, json};

use super::scene::pod;
use super::{DEADLINE, TestEnv, run};

/// The strings of the puppet: what its script is told, and what it tells.
pub struct Puppet {
    dir: PathBuf,
    steer: File,
    told: File,
    heard: VecDeque<String>,
    half: Vec<u8>,
}

/// The script of a puppet, given the directory of its FIFOs. 7 is its answer, 8 what it is told, 9 what it tells.
fn script(dir: &Path) -> String {
    format!(
        "d='{}'\ncat >\"$d/prompt\"\nexec 7>&1 8<\"$d/steer\" 9>\"$d/told\"\necho begun >&9\n\
         while read -r line <&8; do\n  eval \"$line\" >\"$d/out\" 2>&1\n  echo \"done $?\" >&9\ndone\n",
        dir.display()
    )
}

impl TestEnv {
    /// Gives a role an agent that is led by the hand.
    pub fn puppet(&self, role: &str) -> Puppet {
        let dir = self.root().join("puppet");
        run(self.command("sh").args(["-ec", "mkdir \"$1\"; mkfifo \"$1/steer\" \"$1/told\"", "sh"]).arg(&dir), 0);
        fs::write(dir.join("agent.sh"), script(&dir)).unwrap();
        let command = json!(["sh", dir.join("agent.sh")]);
        let profile = format!("[profiles.puppet]\nagent = \"exec\"\ncommand = {command}\n");
        fs::write(self.workspace().join(".yoi/profiles.toml"), profile).unwrap();
        self.configure(role, "project:puppet");
        // Opened for both, so that neither side ever waits for the other to open its end.
        let open = |name| File::options().read(true).write(true).open(dir.join(name)).unwrap();
        Puppet { steer: open("steer"), told: open("told"), dir, heard: VecDeque::new(), half: Vec::new() }
    }

    /// Connects to a Pod, and gives the snapshot with which it greets.
    pub fn wire(&self, name: &str) -> (Wire, Value) {
        let mut wire = Wire::to(&self.registry().socket_path(&pod(name)));
        let snapshot = wire.next().unwrap();
        assert_eq!(snapshot["event"], "snapshot");
        (wire, snapshot["data"].clone())
    }

    /// What a Pod wrote down of its conversation: the events, by name.
    pub fn history(&self, name: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.registry().pod_dir(&pod(name)).join("history.jsonl")).unwrap();
        // The last line may be on its way into the file.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        whole.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Puppet {
    /// Waits for what the script tells next.
    fn hear(&mut self) -> String {
        loop {
            if let Some(line) = self.heard.pop_front() {
                return line;
            }
            let mut handles = [PollFd::new(&self.told, PollFlags::IN)];
            let patience = DEADLINE.try_into().unwrap();
            assert_eq!(poll(&mut handles, Some(&patience)), Ok(1), "the agent says nothing");
            let mut piece = [0; 512];
            let length = self.told.read(&mut piece).unwrap();
            for byte in &piece[..length] {
                match byte {
                    b'\n' => self.heard.push_back(String::from_utf8(std::mem::take(&mut self.half)).unwrap()),
                    byte => self.half.push(*byte),
                }
            }
        }
    }

    /// Waits until a turn has begun.
    pub fn begun(&mut self) {
        assert_eq!(self.hear(), "begun");
    }

    /// What the turn began with.
    pub fn prompt(&self) -> String {
        fs::read_to_string(self.dir.join("prompt")).unwrap()
    }

    /// Has a line of shell done, and gives its status and what it printed.
    pub fn sh(&mut self, line: &str) -> (i32, String) {
        self.tell(line);
        let done = self.hear();
        let status = done.strip_prefix("done ").unwrap_or_else(|| panic!("{done:?} after {line:?}")).parse().unwrap();
        (status, fs::read_to_string(self.dir.join("out")).unwrap())
    }

    /// Gives a line of shell, and does not wait for its end.
    pub fn tell(&mut self, line: &str) {
        assert!(!line.contains('\n'));
        self.steer.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Has a tool called.
    pub fn tool(&mut self, name: &str, arguments: &Value) -> (i32, String) {
        let file = self.dir.join("arguments");
        fs::write(&file, arguments.to_string()).unwrap();
        self.sh(&format!("yoi tool {name} --json - <'{}'", file.display()))
    }

    /// Has the ticket made ready, which must succeed.
    pub fn make_ready(&mut self, ticket: &str) -> String {
        let (status, text) =
            self.tool("TicketIntakeReady", &json!({ "ticket": ticket, "summary": "It is all clear." }));
        assert_eq!(status, 0, "{text}");
        text
    }

    /// Has it answer, and end its turn with this status.
    pub fn answer(&mut self, text: &str, status: i32) {
        self.tell(&format!("echo '{text}' >&7; exit {status}"));
    }
}

/// A raw connection to a Pod.
pub struct Wire {
    stream: UnixStream,
    buffer: Vec<u8>,
}

impl Wire {
    /// Connects to a socket.
    pub fn to(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Sends bytes as they are.
    pub fn send_raw(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a request.
    pub fn send(&mut self, id: u64, method: &str, params: Value) {
        self.send_raw(request(id, method, params).as_bytes()).unwrap();
    }

    /// Reads all that still comes, as it is.
    pub fn read_to_end(&mut self, bytes: &mut Vec<u8>) {
        // A connection that is cut may end in an error.
        let _ = self.stream.read_to_end(bytes);
    }

    /// Reads the next message; `None` at the end of the connection.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => {
                    assert_eq!(self.buffer, b"", "half a line");
                    return None;
                }
                Ok(length) => self.buffer.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => panic!("the Pod says nothing: {error}"),
            }
        }
    }

    /// Reads until a message of which this holds, and gives all of them.
    pub fn until(&mut self, mut found: impl FnMut(&Value) -> bool) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let Some(message) = self.next() else { panic!("the Pod closed the connection after {all:#?}") };
            let last = found(&message);
            all.push(message);
            if last {
                return all;
            }
        }
    }

    /// Reads to an event, which is given.
    pub fn event(&mut self, name: &str) -> Value {
        self.until(|message| message["event"] == name).pop().unwrap()
    }

    /// Sends a request, and gives the first answer to it.
    pub fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(id, method, params);
        self.until(|message| message["id"] == id).pop().unwrap()
    }

    /// Reads to the end of the connection.
    pub fn rest(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// A request as a line.
pub fn request(id: u64, method: &str, params: Value) -> String {
    format!("{}\n", json!({ "method": method, "params": params, "id": id }))
}

/// The parameters of a Run that says something.
pub fn say(text: &str) -> Value {
    json!({ "input": [{ "kind": "text", "content": text }] })
}

/// The names of messages, with what is worth telling of them behind a colon.
pub fn outline(messages: &[Value]) -> Vec<String> {
    let told = |message: &Value| {
        let data = &message["data"];
        let detail =
            ["status", "reason", "outcome", "code", "scheduled", "text"].iter().find_map(|key| match &data[key] {
                Value::Null => None,
                Value::String(text) => Some(text.trim_end().to_owned()),
                other => Some(other.to_string()),
            });
        let id = message["id"].as_u64().map(|id| format!("#{id}")).unwrap_or_default();
        let name = message["event"].as_str().unwrap();
        detail.map_or_else(|| format!("{name}{id}"), |detail| format!("{name}{id}: {detail}"))
    };
    messages.iter().map(told).collect()
}
