//! A model on the loopback interface, scripted by what is said to it: the Responses API of OpenAI, as far as an agent
//! needs it, streamed as server-sent events.

use std::io::Write;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tiny_http::{Method, Request, Response, Server};

/// What the model answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A text.
    Text(String),
    /// A text whose pieces are sent for as long as anybody reads them.
    Endless,
    /// A call of the first tool whose name ends so.
    Call(String, String),
    /// An HTTP status.
    Status(u16),
}

/// What an agent asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// All that the user said in this conversation, oldest first.
    pub user: Vec<String>,
    /// What tools have answered since the user's last words, oldest first.
    pub outputs: Vec<String>,
}

impl Asked {
    fn read(body: &Value) -> Self {
        let mut asked = Self { user: Vec::new(), outputs: Vec::new() };
        for item in body["input"].as_array().into_iter().flatten() {
            if item["role"] == "user" {
                asked.user.push(text_of(&item["content"]));
                asked.outputs.clear();
            } else if item["type"] == "function_call_output" {
                asked.outputs.push(text_of(&item["output"]));
            }
        }
        asked
    }

    /// What the user said last.
    pub fn last(&self) -> &str {
        self.user.last().map_or("", String::as_str)
    }

    /// What follows a word in the user's last words, up to the end of its line.
    pub fn told(&self, word: &str) -> Option<&str> {
        self.last().lines().find_map(|line| line.trim().strip_prefix(word)).map(str::trim)
    }
}

fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect::<Vec<_>>().join("\n"),
        Value::Object(part) => {
            ["text", "content"].iter().find_map(|key| part.get(*key)).map(text_of).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// A model that serves until it is dropped.
pub struct Model {
    server: Arc<Server>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Model {
    /// Starts to serve; `script` gives the reply to whatever is asked.
    pub fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (serving, noted, script) = (Arc::clone(&server), Arc::clone(&asked), Arc::new(script));
        std::thread::spawn(move || {
            for request in serving.incoming_requests() {
                let (noted, script) = (Arc::clone(&noted), Arc::clone(&script));
                // One that is not read to its end must not hold up the next.
                std::thread::spawn(move || serve(request, &noted, &*script));
            }
        });
        Self { server, asked }
    }

    /// The port that it listens at.
    pub fn port(&self) -> u16 {
        self.server.server_addr().to_ip().unwrap().port()
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Model {
    fn drop(&mut self) {
        self.server.unblock();
    }
}

fn serve(mut request: Request, noted: &Mutex<Vec<Asked>>, script: &dyn Fn(&Asked) -> Reply) {
    if *request.method() != Method::Post {
        let models = json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]});
        return drop(request.respond(Response::from_string(models.to_string())));
    }
    let mut text = String::new();
    request.as_reader().read_to_string(&mut text).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let asked = Asked::read(&body);
    let reply = script(&asked);
    noted.lock().unwrap().push(asked);
    if let Reply::Status(status) = reply {
        let error = json!({"error": {"message": "scripted failure", "type": "server_error"}});
        return drop(request.respond(Response::from_string(error.to_string()).with_status_code(status)));
    }
    let mut events = Events(request.into_writer());
    // An agent that was cancelled or killed does not read to the end.
    let _ = answer(&mut events, &reply, &body["tools"]);
}

fn answer(events: &mut Events, reply: &Reply, tools: &Value) -> std::io::Result<()> {
    events.0.write_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")?;
    events.send(&json!({"type": "response.created", "response": {"id": "r"}}))?;
    let message = |text: &str| json!({"type": "message", "role": "assistant", "id": "m", "content": [{"type": "output_text", "text": text}]});
    let delta = |text: &str| json!({"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text});
    let item = match reply {
        Reply::Call(name, arguments) => {
            let (name, namespace) = tool(tools, name, None).unwrap_or_else(|| (name.clone(), None));
            let mut item = json!({"type": "function_call", "id": "f", "call_id": format!("call-{}", nonce()), "name": name, "arguments": arguments});
            if let Some(namespace) = namespace {
                item["namespace"] = namespace.into();
            }
            item
        }
        Reply::Text(text) => {
            events.send(&json!({"type": "response.output_item.added", "output_index": 0, "item": message("")}))?;
            events.send(&delta(text))?;
            message(text)
        }
        Reply::Endless => {
            events.send(&json!({"type": "response.output_item.added", "output_index": 0, "item": message("")}))?;
            loop {
                events.send(&delta("on and on "))?;
                // The pace of a model; the test waits for what comes of it.
                std::thread::park_timeout(std::time::Duration::from_millis(20));
            }
        }
        Reply::Status(_) => unreachable!("answered without a stream"),
    };
    events.send(&json!({"type": "response.output_item.done", "output_index": 0, "item": item}))?;
    let usage = json!({"input_tokens": 10, "input_tokens_details": null, "output_tokens": 5, "output_tokens_details": null, "total_tokens": 15});
    events.send(&json!({"type": "response.completed", "response": {"id": "r", "usage": usage}}))
}

/// The name and namespace of the first tool whose name ends so.
fn tool(tools: &Value, end: &str, namespace: Option<&str>) -> Option<(String, Option<String>)> {
    tools.as_array()?.iter().find_map(|found| {
        let name = found["name"].as_str().unwrap_or_default();
        match found["type"].as_str() {
            Some("namespace") => tool(&found["tools"], end, Some(name)),
            _ if name.ends_with(end) => Some((name.to_owned(), namespace.map(str::to_owned))),
            _ => None,
        }
    })
}

fn nonce() -> u64 {
    static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
    NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed)
}

/// A stream of server-sent events.
struct Events(Box<dyn Write + Send>);

impl Events {
    fn send(&mut self, event: &Value) -> std::io::Result<()> {
        let name = event["type"].as_str().unwrap_or_default();
        write!(self.0, "event: {name}\ndata: {event}\n\n")?;
        self.0.flush()
    }
}
