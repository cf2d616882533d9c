//! The actor: it owns all that can change in a host, and does one thing at a time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ffi::OsString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::clients::{ClientId, Clients};
use super::door::{Door, DoorError};
use super::effects::Stop;
use super::news::Permissions;
use super::requests::Request;
use super::threads::{self, ToolCall};
use super::{FromAgent, HostSetup, StartError, Wake};
use crate::domain::{Nonce, PodName, Role, TicketId, Timestamp};
use crate::fs::OfdLock;
use crate::pod::agent::{self, Cancel, Conversation, News, Surroundings, ToolGate, ToolServer, Turn};
use crate::pod::cgroup::Cgroup;
use crate::pod::history::{Durability, History, SNAPSHOT_BOUND};
use crate::pod::lifecycle::{Input, RequestId, State, step};
use crate::pod::nursery::Nursery;
use crate::pod::protocol::{AgentOffer, Event, Message, TurnOutcome};
use crate::pod::warden::{HostSide, Link};
use crate::pod::{Clock, Desk, DeskError, SocketError, ToolOutcome, chain, cut, process};

/// The longest alert, in characters.
const MAX_ALERT: usize = 500;

/// What the actor will do at a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Probation,
    Retry,
    Turn,
    Settle,
}

/// Who the Pod is; does not change.
pub(super) struct Identity {
    pub(super) pod: PodName,
    pub(super) pod_id: crate::domain::PodId,
    pub(super) role: Role,
    pub(super) ticket: Option<TicketId>,
    pub(super) nonce: Option<Nonce>,
    pub(super) greeting: String,
    pub(super) socket: std::path::PathBuf,
    pub(super) variables: Vec<(String, OsString)>,
}

/// A tool call that has not been answered.
pub(super) struct OpenCall {
    pub(super) caller: Caller,
    pub(super) tool: String,
}

/// Who waits for a tool.
pub(super) enum Caller {
    Client(RequestId),
    Agent(SyncSender<ToolOutcome>),
}

/// All of a host that can change.
pub(super) struct Actor {
    pub(super) identity: Identity,
    pub(super) state: State,
    pub(super) desk: Arc<dyn Desk>,
    pub(super) clock: Clock,
    pub(super) log: File,
    pub(super) history: History,
    pub(super) conversation: Conversation,
    /// The pieces of the answer that is not whole yet, for who joins in its middle: the history has it only once it is.
    pub(super) answering: String,
    pub(super) clients: Clients,
    pub(super) door: Option<Door>,
    pub(super) nursery: Nursery,
    pub(super) gate: ToolGate,
    pub(super) cgroup: Option<Cgroup>,
    pub(super) link: Link,
    /// Empty once the probation is over.
    pub(super) ticket_locks: Vec<OfdLock>,
    pub(super) ready: Option<OwnedFd>,
    pub(super) requests: HashMap<RequestId, Request>,
    pub(super) next_request: u64,
    /// Where turns are sent to; gone once none will come any more.
    pub(super) turns: Option<Sender<Turn>>,
    /// Whether the agent is up, and has not taken its leave.
    pub(super) agent_is_up: bool,
    /// There while the agent works.
    pub(super) cancel: Option<Cancel>,
    pub(super) session: Option<String>,
    /// What the agent said of itself when it came up.
    pub(super) offer: Option<AgentOffer>,
    pub(super) permissions: Permissions,
    /// The calls of the agent's own tools that have not ended, by the agent's name for them.
    pub(super) agent_calls: HashMap<String, (u64, String)>,
    pub(super) outcome: (TurnOutcome, Option<String>),
    pub(super) tools: Sender<ToolCall>,
    pub(super) calls: BTreeMap<u64, OpenCall>,
    pub(super) next_call: u64,
    pub(super) timers: BTreeMap<Timer, Instant>,
    pub(super) not_settled: Option<String>,
    pub(super) warden_gone: bool,
    pub(super) stopped: Option<Stop>,
    pub(super) lock: OfdLock,
}

impl Actor {
    /// Takes all that the host needs, and starts its threads.
    pub(super) fn assemble(
        side: HostSide,
        setup: HostSetup,
        desk: Arc<dyn Desk>,
        wakes: SyncSender<Wake>,
    ) -> Result<Self, StartError> {
        let gone = wakes.clone();
        let link = Link::start(side.link, move || drop(gone.send(Wake::Step(Input::WardenGone))))?;
        let history = History::open(&setup.history, (setup.clock)())?;
        let told = history.tail(SNAPSHOT_BOUND)?;
        if setup.restored && !desk.still_ours()? {
            return Err(StartError::MovedOn);
        }
        let nursery = Nursery::start(side.cgroup.as_ref())?;
        threads::watch_signals(nursery.clone(), wakes.clone())?;
        let (door, unwatched) = Door::open(&side.socket, wakes.clone())?;
        if let Some(launcher) = side.launcher {
            threads::watch_launcher(launcher, wakes.clone())?;
        }
        let gate = ToolGate::new();
        let variables = vec![
            ("YOI_POD".to_owned(), setup.pod.as_str().into()),
            ("YOI_DATA_DIR".to_owned(), setup.data_dir.into()),
            ("YOI_RUNTIME_DIR".to_owned(), setup.runtime_dir.into()),
        ];
        let surroundings = Surroundings {
            nursery: nursery.clone(),
            directory: setup.directory,
            environment: process::without_our_own(setup.environment),
            variables: variables.iter().cloned().chain(desk.fence().variables()).collect(),
            workflows: setup.workflows,
            session: setup.session.clone(),
            tool_server: ToolServer {
                program: setup.program,
                arguments: vec!["mcp".to_owned(), "--socket".to_owned(), side.socket.display().to_string()],
                variables: vec![("YOI_POD".to_owned(), setup.pod.to_string())],
            },
            gate: gate.clone(),
            feed: threads::feed(wakes.clone()),
        };
        let turns = threads::run_agent(agent::make(setup.agent, surroundings), wakes.clone())?;
        let tools = threads::run_tools(Arc::clone(&desk), wakes.clone())?;
        let mut actor = Self {
            identity: Identity {
                pod: setup.pod,
                pod_id: setup.pod_id,
                role: setup.role,
                ticket: setup.ticket,
                nonce: setup.nonce,
                greeting: setup.greeting,
                socket: side.socket,
                variables,
            },
            state: State::default(),
            desk,
            clock: setup.clock,
            log: setup.log,
            history,
            conversation: Conversation::from_history(told.entries, told.truncated),
            answering: String::new(),
            clients: Clients::new(wakes),
            door: Some(door),
            nursery,
            gate,
            cgroup: side.cgroup,
            link,
            ticket_locks: side.ticket_locks,
            ready: None,
            requests: HashMap::new(),
            next_request: 0,
            turns: Some(turns),
            agent_is_up: false,
            cancel: None,
            session: setup.session,
            offer: None,
            permissions: Permissions::default(),
            agent_calls: HashMap::new(),
            outcome: (TurnOutcome::Cancelled, None),
            tools,
            calls: BTreeMap::new(),
            next_call: 0,
            timers: BTreeMap::from([(Timer::Probation, Instant::now() + setup.probation)]),
            not_settled: None,
            warden_gone: false,
            stopped: None,
            lock: side.lock,
        };
        if let Some(error) = unwatched {
            actor.alert(&format!("the socket will not be bound anew should it be removed: {error}"));
        }
        Ok(actor)
    }

    /// Works until the Pod has stopped; gives the host's exit status.
    pub(super) fn run(mut self, woken: &Receiver<Wake>, ready: Option<OwnedFd>) -> i32 {
        self.ready = ready;
        let stop = loop {
            match self.next_wake(woken) {
                Some(wake) => self.handle(wake),
                None => self.ring(),
            }
            if let Some(stop) = self.stopped {
                break stop;
            }
        };
        self.leave(stop, woken);
        0
    }

    /// Waits for the next wake; `None` when a timer is due. Without a timer nothing but a wake ends the wait.
    fn next_wake(&mut self, woken: &Receiver<Wake>) -> Option<Wake> {
        let Some(due) = self.timers.values().min() else {
            return Some(woken.recv().expect("the clients' list holds a sender of wakes"));
        };
        match woken.recv_timeout(due.saturating_duration_since(Instant::now())) {
            Ok(wake) => Some(wake),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => unreachable!("the clients' list holds a sender of wakes"),
        }
    }

    /// Does what is due.
    fn ring(&mut self) {
        let now = Instant::now();
        let due: Vec<Timer> = self.timers.iter().filter(|(_, at)| **at <= now).map(|(timer, _)| *timer).collect();
        for timer in due {
            self.timers.remove(&timer);
            self.feed(match timer {
                Timer::Probation => Input::ProbationOver,
                Timer::Retry => Input::RetryDue,
                Timer::Turn => Input::TurnOverdue,
                Timer::Settle => Input::Settled,
            });
        }
    }

    pub(super) fn set(&mut self, timer: Timer, after: Duration) {
        self.timers.insert(timer, Instant::now() + after);
    }

    pub(super) fn handle(&mut self, wake: Wake) {
        match wake {
            Wake::Step(input) => {
                self.warden_gone |= input == Input::WardenGone;
                self.feed(input);
            }
            Wake::Joined(stream) => self.welcome(stream),
            Wake::Line(client, line) => self.line(client, &line),
            Wake::LineTooLong(client) => self.line_too_long(client),
            Wake::Left(client) => self.left(client),
            Wake::Flushed(client, flush) => {
                self.clients.flushed(client, flush);
                self.settle_if_flushed();
            }
            Wake::Agent(news) => self.agent_did(news),
            Wake::ToolDone(number, outcome) => self.tool_done(number, outcome),
            Wake::SocketChanged => self.look_at_the_door(),
        }
    }

    /// Feeds the life cycle, and carries out what it answers with.
    pub(super) fn feed(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let (state, effects) = step(std::mem::take(&mut self.state), input);
            self.state = state;
            for effect in effects {
                inputs.extend(self.carry_out(effect));
            }
        }
    }

    fn left(&mut self, client: ClientId) {
        self.clients.dismiss(client);
        self.settle_if_flushed();
    }

    fn settle_if_flushed(&mut self) {
        if self.timers.contains_key(&Timer::Settle) && self.clients.is_flushed() {
            self.timers.remove(&Timer::Settle);
            self.feed(Input::Settled);
        }
    }

    fn agent_did(&mut self, news: FromAgent) {
        match news {
            FromAgent::Ready => {
                self.agent_is_up = true;
                self.feed(Input::AgentReady);
            }
            FromAgent::Closed => self.agent_is_up = false,
            FromAgent::Failed(why) => {
                self.write_log(&format!("the agent cannot be started: {why}"));
                self.refuse_start("agent", why);
                self.feed(Input::AgentFailed);
            }
            FromAgent::Text(text) => self.news(News::Text(text)),
            FromAgent::Answer(text) => self.news(News::Answer { text, more: false }),
            FromAgent::Log(bytes) => self.news(News::Log(bytes)),
            FromAgent::News(news) => self.news(news),
            FromAgent::Call { tool, arguments, reply } => self.tool_asked(Caller::Agent(reply), tool, arguments),
            FromAgent::Ended(outcome) => {
                self.cancel = None;
                self.timers.remove(&Timer::Turn);
                self.forget_the_turn();
                self.outcome = match outcome {
                    Ok(()) => (TurnOutcome::Completed, None),
                    Err(agent::TurnError::Cancelled) => (TurnOutcome::Cancelled, None),
                    Err(agent::TurnError::Failed(why)) => (TurnOutcome::Errored, Some(why)),
                };
                self.feed(Input::TurnEnded);
            }
        }
    }

    fn look_at_the_door(&mut self) {
        let Some(door) = &mut self.door else { return };
        match door.look() {
            Ok(false) => {}
            Ok(true) => self.write_log("the socket was gone and is bound anew"),
            Err(error @ DoorError::Socket(SocketError::Io(_))) => self.write_log(&chain(&error)),
            Err(error) => self.alert(&chain(&error)),
        }
    }

    /// The time, as the edge has it.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Writes an event into the history; tells whether it is there. A failure is an alert, and remembered.
    pub(super) fn keep(&mut self, event: &Event, durability: Durability) -> bool {
        match self.history.append(self.now(), event, durability) {
            Ok(()) => true,
            Err(error) => {
                self.alert(&chain(&error));
                false
            }
        }
    }

    /// Tells all clients; the one whose request this belongs to under its id.
    pub(super) fn tell(&mut self, event: &Event, request: Option<RequestId>) {
        let under = request.and_then(|request| self.requests.get(&request)).and_then(Request::address);
        self.clients.tell(Message::new(event, None), under);
    }

    /// Answers one request, and nobody else.
    pub(super) fn answer(&mut self, request: RequestId, event: &Event) {
        if let Some(Request { client, id, .. }) = self.requests.get(&request) {
            self.clients.send(*client, &Message::new(event, id.clone()));
        }
    }

    /// Says that something needs a person: to the clients, the history, the journal and the log.
    pub(super) fn alert(&mut self, message: &str) {
        let message = cut(message, MAX_ALERT);
        self.write_log(&message);
        self.desk.note("alert", &message);
        let event = Event::Alert { message };
        // The history may be what the alert is about.
        self.history.remark(self.now(), &event);
        self.tell(&event, None);
    }

    /// Writes a line into the Pod's log.
    pub(super) fn write_log(&mut self, text: &str) {
        let _ = self.log.write_all(format!("{} {text}\n", self.now()).as_bytes());
    }

    /// Makes a number for a request.
    pub(super) fn number(&mut self, client: ClientId, id: Option<Value>) -> RequestId {
        self.next_request += 1;
        let request = RequestId(self.next_request);
        self.requests.insert(request, Request { client, id, input: Vec::new(), without_record: false });
        request
    }

    /// Looks at the offer and the claim; an error has been logged.
    pub(super) fn logged<T>(&mut self, what: &str, result: Result<T, DeskError>) -> Result<T, DeskError> {
        if let Err(error) = &result {
            self.write_log(&format!("{what}: {error}"));
        }
        result
    }
}
