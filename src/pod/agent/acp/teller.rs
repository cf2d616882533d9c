//! What an agent says and asks, on its way to the Pod: answers and thoughts are put together from their pieces, its own
//! tool calls get a beginning and an end, and requests for permission are answered as the profile says.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use super::files::Files;
use super::permission;
use super::terms::{Answer, Asked, Call, Listener, Progress, Update};
use crate::domain::{PermissionPolicy, Permissions, ToolKind};
use crate::pod::agent::{Feed, News};
use crate::pod::protocol::PermissionSubject;
use crate::pod::{ToolOutcome, chain};

/// How much of an answer, or of a thought, is kept back until it is whole, in bytes.
const WHOLE: usize = 64 << 10;
/// How many calls may be open at a time; the oldest is given up for one more.
const MAX_OPEN: usize = 256;

/// What the agent is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It starts, and may replay an earlier session: nothing that it tells is new.
    Starting,
    /// It waits for work.
    Idle,
    /// It works.
    Turn,
    /// It was told to end its turn.
    Cancelling,
}

/// Takes what an agent says; shared by who hears it and who waits for the end of the turn.
#[derive(Clone)]
pub(super) struct Teller(Arc<Mutex<State>>);

struct State {
    feed: Feed,
    policy: PermissionPolicy,
    files: Files,
    session: Option<String>,
    phase: Phase,
    /// Whether it showed that it works on this turn.
    alive: bool,
    /// Whether it said or did anything in this turn.
    active: bool,
    text: String,
    thought: String,
    calls: Vec<Open>,
}

/// A call of one of the agent's own tools that has not ended.
struct Open {
    known: Call,
    /// With which title and arguments the Pod was told of it.
    told: Option<(String, Value)>,
}

impl Teller {
    pub(super) fn new(feed: Feed, policy: PermissionPolicy, files: Files) -> Self {
        Self(Arc::new(Mutex::new(State {
            feed,
            policy,
            files,
            session: None,
            phase: Phase::Starting,
            alive: false,
            active: false,
            text: String::new(),
            thought: String::new(),
            calls: Vec::new(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The agent is up, in this session.
    pub(super) fn up(&self, session: &str) {
        let mut state = self.state();
        state.session = Some(session.to_owned());
        state.phase = Phase::Idle;
    }

    /// A turn begins.
    pub(super) fn begin(&self) {
        let mut state = self.state();
        state.phase = Phase::Turn;
        (state.alive, state.active) = (false, false);
    }

    /// The agent was told to end its turn.
    pub(super) fn cancelling(&self) {
        self.state().phase = Phase::Cancelling;
    }

    /// Whether there was a sign that this turn is worked on.
    pub(super) fn is_alive(&self) -> bool {
        self.state().alive
    }

    /// The turn is over: tells what was kept back, and gives whether the agent did anything in it.
    pub(super) fn end(&self) -> bool {
        let mut state = self.state();
        state.phase = Phase::Idle;
        for at in 0..state.calls.len() {
            state.tell_call(at);
        }
        state.calls.clear();
        state.flush();
        state.active
    }
}

impl Listener for Teller {
    fn update(&mut self, session: &str, update: Update) {
        let mut state = self.state();
        if state.session.as_deref() != Some(session) || state.phase == Phase::Starting {
            return;
        }
        state.alive = true;
        match update {
            Update::Text(text) if !text.is_empty() => state.text(text),
            Update::Thought(text) if !text.is_empty() => state.thought(text),
            Update::Call(call) => state.call(call),
            Update::Text(_) | Update::Thought(_) | Update::Other => {}
        }
        if state.phase == Phase::Idle {
            // Nobody will say that it is over.
            state.flush();
        }
    }

    fn ask(&mut self, session: &str, asked: Asked, answer: Answer) {
        let mut state = self.state();
        if state.session.as_deref() != Some(session) {
            return answer(None);
        }
        state.alive = true;
        state.active = true;
        let subject = state.subject(asked);
        if state.phase != Phase::Turn {
            answer(None);
            return (state.feed)(News::Decided { subject, option: None });
        }
        match state.policy.on(subject.kind) {
            Permissions::Ask if !subject.options.is_empty() => {
                let reply = Box::new(move |option: Option<_>| answer(option.map(permission::id)));
                (state.feed)(News::Ask { subject, reply });
            }
            decision => {
                let option = permission::fitting(decision, &subject.options).cloned();
                answer(option.clone().map(permission::id));
                (state.feed)(News::Decided { subject, option });
            }
        }
    }

    fn read(&mut self, path: PathBuf, line: Option<u32>, limit: Option<u32>) -> Result<String, String> {
        let mut state = self.state();
        state.alive = true;
        state.files.read(&path, line, limit).map_err(|error| chain(&error))
    }

    fn write(&mut self, path: PathBuf, content: String) -> Result<(), String> {
        let mut state = self.state();
        state.alive = true;
        if state.policy.on(ToolKind::Edit) == Permissions::Reject {
            return Err("this agent may not change files: its profile refuses edits".to_owned());
        }
        state.files.write(&path, &content).map_err(|error| chain(&error))
    }
}

impl State {
    fn text(&mut self, text: String) {
        self.active = true;
        self.flush_thought();
        self.text.push_str(&text);
        (self.feed)(News::Text(text));
        while self.text.len() >= WHOLE {
            let rest = self.text.split_off(self.text.floor_char_boundary(WHOLE));
            let text = std::mem::replace(&mut self.text, rest);
            (self.feed)(News::Answer { text, more: true });
        }
    }

    fn thought(&mut self, text: String) {
        self.active = true;
        self.thought.push_str(&text);
        (self.feed)(News::Thinking(text));
        while self.thought.len() >= WHOLE {
            let rest = self.thought.split_off(self.thought.floor_char_boundary(WHOLE));
            (self.feed)(News::Thought(std::mem::replace(&mut self.thought, rest)));
        }
    }

    fn flush_thought(&mut self) {
        if !self.thought.is_empty() {
            (self.feed)(News::Thought(std::mem::take(&mut self.thought)));
        }
    }

    /// Tells what was put together so far.
    fn flush(&mut self) {
        self.flush_thought();
        if !self.text.is_empty() {
            (self.feed)(News::Answer { text: std::mem::take(&mut self.text), more: false });
        }
    }

    fn call(&mut self, call: Call) {
        self.active = true;
        let at = self.learn(call);
        match self.calls[at].known.progress {
            // Many agents tell the arguments a moment after the call.
            None | Some(Progress::Waiting) if self.calls[at].known.arguments.is_none() => {}
            None | Some(Progress::Waiting | Progress::Running) => self.tell_call(at),
            Some(Progress::Done | Progress::Failed) => self.end_call(at),
        }
    }

    /// Adds to what is known of a call; gives its place.
    fn learn(&mut self, call: Call) -> usize {
        if let Some(at) = self.calls.iter().position(|open| open.known.key == call.key) {
            let known = &mut self.calls[at].known;
            merge(&mut known.title, call.title);
            merge(&mut known.kind, call.kind);
            merge(&mut known.arguments, call.arguments);
            merge(&mut known.progress, call.progress);
            merge(&mut known.content, call.content);
            merge(&mut known.output, call.output);
            return at;
        }
        if self.calls.len() >= MAX_OPEN {
            self.end_call(0);
        }
        self.calls.push(Open { known: call, told: None });
        self.calls.len() - 1
    }

    /// Tells that a call has begun, after all that was said before it.
    fn tell_call(&mut self, at: usize) {
        if self.calls[at].told.is_some() {
            return;
        }
        self.flush();
        let open = &mut self.calls[at];
        let title = open.known.title.clone().unwrap_or_else(|| "a tool".to_owned());
        let arguments = open.known.arguments.clone().unwrap_or_default();
        open.told = Some((title.clone(), arguments.clone()));
        (self.feed)(News::ToolStart { key: open.known.key.clone(), title, arguments });
    }

    /// Tells that a call has ended, and with what.
    fn end_call(&mut self, at: usize) {
        self.tell_call(at);
        let Open { known, told } = self.calls.remove(at);
        let is_error = known.progress == Some(Progress::Failed);
        let mut text = match (known.content, known.output) {
            (Some(content), _) => content,
            (None, Some(Value::String(output))) => output,
            (None, Some(output)) => output.to_string(),
            (None, None) => String::new(),
        };
        let (title, arguments) = told.unwrap_or_default();
        // What became known only after the beginning was told.
        if let Some(later) = known.arguments.filter(|later| *later != arguments) {
            text = format!("[called with {later}]\n{text}");
        }
        if let Some(later) = known.title.filter(|later| *later != title) {
            text = format!("[{later}]\n{text}");
        }
        (self.feed)(News::ToolEnd { key: known.key, outcome: ToolOutcome { text, is_error } });
    }

    /// What is asked for, with what is known of the call already.
    fn subject(&mut self, asked: Asked) -> PermissionSubject {
        let Asked { call, options } = asked;
        let key = call.key.clone();
        let is_open = self.calls.iter().any(|open| open.known.key == key);
        let known = if is_open {
            let at = self.learn(call);
            self.tell_call(at);
            self.calls[at].known.clone()
        } else {
            self.flush();
            call
        };
        PermissionSubject {
            title: known.title.unwrap_or_else(|| "something that it does not name".to_owned()),
            kind: known.kind.unwrap_or(ToolKind::Other),
            arguments: known.arguments.unwrap_or_default(),
            options,
        }
    }
}

fn merge<T>(known: &mut Option<T>, new: Option<T>) {
    if new.is_some() {
        *known = new;
    }
}
