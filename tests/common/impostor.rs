//! A Pod that the test itself is: it holds the lock of a Pod that was stopped, and answers at its socket.
//!
//! So a test says what the Pod says, and when, and sees all that it is asked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use yoi::domain::{OptionKind, PodPhase, Role, ToolKind};
use yoi::pod::protocol::{
    AnsweredBy, Code, Entry, Event, Message, Method, PermissionOption, PermissionRequest, PermissionSubject, Request,
    Snapshot, StatusReport,
};
use yoi::registry::PodLock;

use super::scene::{INCOMPLETE, pod};
use super::{DEADLINE, TestEnv, run};

/// The Pod that is played.
pub const POD: &str = "intake-20260118-101544-001";

/// A Pod with a ticket, in the middle of a turn.
pub struct Impostor {
    shared: Arc<Shared>,
    socket: std::path::PathBuf,
    lock: Option<PodLock>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    clients: BTreeMap<u64, UnixStream>,
    joined: u64,
    open: Vec<PermissionRequest>,
    heard: Vec<Method>,
    history: Vec<Entry>,
    written: Option<u64>,
}

/// A request to run a command.
pub fn wants(request: u64, line: &str) -> PermissionRequest {
    let option = |id: &str, name: &str, kind| PermissionOption { id: id.into(), name: name.into(), kind };
    PermissionRequest {
        request,
        about: PermissionSubject {
            title: format!("Run {line}"),
            kind: ToolKind::Execute,
            arguments: serde_json::json!({ "command": line }),
            // Not in the order of what they mean: nothing may go by position.
            options: vec![
                option("no-1", "Reject", OptionKind::RejectOnce),
                option("yes-1", "Allow", OptionKind::AllowOnce),
                option("yes-all", "Allow always", OptionKind::AllowAlways),
            ],
        },
    }
}

impl Impostor {
    /// Has a real Pod take a ticket and stop, and takes its place.
    pub fn begin(env: &TestEnv) -> Self {
        run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
        env.stop(POD);
        let registry = env.registry();
        let lock = registry.try_lock_pod(&pod(POD)).unwrap();
        let socket = registry.socket_path(&pod(POD));
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let shared = Arc::<Shared>::default();
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&serving);
                thread::spawn(move || shared.serve(stream));
            }
        });
        assert!(lock.is_some(), "the Pod was stopped");
        Self { shared, socket, lock }
    }

    /// Tells all who are connected.
    pub fn tell(&self, event: &Event) {
        self.shared.state.lock().unwrap().tell(event);
    }

    /// Asks for permission.
    pub fn ask(&self, request: PermissionRequest) {
        let mut state = self.shared.state.lock().unwrap();
        state.open.push(request.clone());
        state.tell(&Event::PermissionRequest(request));
        let report = state.report();
        state.tell(&report);
    }

    /// Says what it has said before, and how long its history on disk was then.
    pub fn has_said(&self, history: Vec<Entry>, written: u64) {
        let mut state = self.shared.state.lock().unwrap();
        (state.history, state.written) = (history, Some(written));
    }

    /// Waits until this holds of what it has been asked to do.
    pub fn until(&self, what: &str, mut holds: impl FnMut(&[Method]) -> bool) -> Vec<Method> {
        let state = self.shared.state.lock().unwrap();
        let (state, waited) =
            self.shared.changed.wait_timeout_while(state, DEADLINE, |state| !holds(&state.heard)).unwrap();
        assert!(!waited.timed_out(), "waited for {what}: {:?}", state.heard);
        state.heard.clone()
    }

    /// Waits until so many are connected.
    pub fn until_watched_by(&self, number: usize) {
        let state = self.shared.state.lock().unwrap();
        let (_state, waited) =
            self.shared.changed.wait_timeout_while(state, DEADLINE, |state| state.clients.len() != number).unwrap();
        assert!(!waited.timed_out());
    }

    /// The answers that it got.
    pub fn answers(&self) -> Vec<Method> {
        let state = self.shared.state.lock().unwrap();
        state.heard.iter().filter(|method| matches!(method, Method::Answer { .. })).cloned().collect()
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.socket);
        for client in self.shared.state.lock().unwrap().clients.values() {
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
        drop(self.lock.take());
    }
}

impl State {
    fn tell(&mut self, event: &Event) {
        let line = Message::new(event, None).to_line();
        self.clients.values_mut().for_each(|client| drop(client.write_all(&line)));
    }

    fn report(&self) -> Event {
        Event::Status(StatusReport {
            status: PodPhase::Running,
            probation: false,
            shutdown_after_idle: false,
            queued: 0,
            permissions: self.open.len(),
        })
    }

    /// Answers as a real host does: who comes first wins, and all are told.
    fn answer(&mut self, method: &Method) -> Event {
        match method {
            Method::Answer { request, choice } => {
                let at = self.open.iter().position(|open| Some(open.request) == *request);
                let Some(at) = at else {
                    let message = format!("the request for permission {} is not open", request.unwrap_or_default());
                    return Event::Error { code: Code::NoRequest.to_string(), message };
                };
                let closed = self.open.remove(at);
                let option = closed.about.chosen(choice).cloned();
                self.tell(&Event::PermissionAnswer { request: closed.request, option, by: AnsweredBy::Client });
                let report = self.report();
                self.tell(&report);
                Event::Ok {}
            }
            Method::Run { input, .. } => Event::UserMessage { input: input.clone() },
            _ => Event::Ok {},
        }
    }
}

impl Shared {
    fn serve(&self, stream: UnixStream) {
        let mut answering = stream.try_clone().unwrap();
        let reading = BufReader::new(stream.try_clone().unwrap());
        let number = {
            let mut state = self.state.lock().unwrap();
            let snapshot = Event::Snapshot(Snapshot {
                pod: pod(POD),
                role: Role::Intake,
                status: PodPhase::Running,
                greeting: "an impostor".into(),
                ticket: None,
                probation: false,
                agent: None,
                permissions: state.open.clone(),
                history: state.history.clone(),
                truncated: false,
                written: state.written,
            });
            let _ = answering.write_all(&Message::new(&snapshot, None).to_line());
            state.joined += 1;
            let number = state.joined;
            state.clients.insert(number, stream);
            self.changed.notify_all();
            number
        };
        for line in reading.lines().map_while(Result::ok) {
            let request = Request::parse(line.as_bytes()).unwrap();
            let method = request.method().unwrap();
            let mut state = self.state.lock().unwrap();
            let answer = state.answer(&method);
            let _ = answering.write_all(&Message::new(&answer, request.id).to_line());
            state.heard.push(method);
            self.changed.notify_all();
        }
        let mut state = self.state.lock().unwrap();
        state.clients.remove(&number);
        self.changed.notify_all();
    }
}
