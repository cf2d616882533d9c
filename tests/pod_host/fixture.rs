//! A Pod under test: this program, run again as its host, and the launcher's end of everything.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{PipeWriter, Read as _, pipe};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use yoi::domain::{AgentSpec, Nonce, PodId, PodName, Role, Segment};
use yoi::fs::{LockState, OfdLock, Wait, probe, random_bytes, random_suffix};
use yoi::pod::cgroup::Cgroup;
use yoi::pod::client::{Client, ClientError};
use yoi::pod::host::HostSetup;
use yoi::pod::process::{POD_HOST, isolate};
use yoi::pod::protocol::{Entry, Event, Message, Method, Snapshot};
use yoi::pod::spawn::{LAUNCHER_FD, READY_FD, Ready, Spawn, SpawnError, Spawned, TICKET_LOCK_FD};
use yoi::pod::warden::{Setup, Side, split};

use crate::desk::FileDesk;

pub const PATIENCE: Duration = Duration::from_secs(30);

pub fn soon() -> Instant {
    Instant::now() + PATIENCE
}

/// Waits for a condition; what it waits for is the message of its failure.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = soon();
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

pub fn is_gone(pid: i32) -> bool {
    !fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// What this program reads when it is run as a host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Specification {
    pub directory: PathBuf,
    pub socket: PathBuf,
    pub agent: AgentSpec,
    pub role: Role,
    pub nonce: Nonce,
    pub probation: Duration,
    pub restored: bool,
    pub launcher: bool,
    pub grace: Duration,
    pub cgroup: bool,
}

impl Specification {
    /// A Pod whose agent is a shell script.
    pub fn script(directory: &Path, script: &str) -> Self {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        Self::agent(directory, AgentSpec::Exec { command, env: [].into() })
    }

    pub fn agent(directory: &Path, agent: AgentSpec) -> Self {
        Self {
            directory: directory.to_owned(),
            socket: directory.join("run/s.sock"),
            agent,
            role: Role::Intake,
            nonce: Nonce::from_bytes(random_bytes()),
            probation: Duration::from_secs(60),
            restored: false,
            launcher: true,
            grace: yoi::pod::warden::GRACE,
            cgroup: true,
        }
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The host's side: what `yoi pod-host` does.
pub fn host_main() -> i32 {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).unwrap();
    let spec: Specification = serde_json::from_str(&text).unwrap();
    let keep: &[i32] = if spec.launcher { &[READY_FD, TICKET_LOCK_FD, LAUNCHER_FD] } else { &[READY_FD] };
    let mut kept = isolate(keep).unwrap().into_iter();
    let ready = kept.next();
    let ticket_locks =
        kept.next().map(|lock| OfdLock::adopt(lock, &spec.file("ticket.lock")).unwrap()).into_iter().collect();
    let launcher = kept.next();
    let lock = OfdLock::acquire(&spec.file("pod.lock"), Wait::No).unwrap();
    fs::create_dir_all(spec.file("pod")).unwrap();
    let cgroup = spec.cgroup.then(|| Cgroup::create(&random_suffix())).flatten();
    fs::write(spec.file("cgroup"), cgroup.as_ref().map_or("", Cgroup::recorded)).unwrap();
    let desk = Arc::new(FileDesk::new(&spec.directory));
    let setup = Setup { lock, ticket_locks, launcher, ready, socket: spec.socket.clone(), cgroup, grace: spec.grace };
    match split(setup).unwrap() {
        Side::Warden(warden) => warden.run(&*desk),
        Side::Host(host) => host.run(host_setup(&spec), desk),
    }
}

fn host_setup(spec: &Specification) -> HostSetup {
    HostSetup {
        pod: PodName::new("test").unwrap(),
        pod_id: PodId::from_bytes(random_bytes()),
        role: spec.role,
        ticket: None,
        nonce: Some(spec.nonce),
        greeting: "hello".into(),
        history: spec.file("pod/history.jsonl"),
        agent: spec.agent.clone(),
        session: None,
        program: "/nowhere/yoi".into(),
        directory: spec.directory.clone(),
        environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("YOI_LAUNCHER".into(), "11".into())],
        data_dir: "/data".into(),
        runtime_dir: "/runtime".into(),
        workflows: Arc::new(|_| None),
        probation: spec.probation,
        restored: spec.restored,
        clock: Arc::new(|| "2026-06-07T22:02:25Z".parse().unwrap()),
        log: File::from(std::os::fd::AsFd::as_fd(&std::io::stderr()).try_clone_to_owned().unwrap()),
    }
}

/// The launcher's side.
pub struct Pod {
    pub spec: Specification,
    pub spawned: Spawned,
    pub launcher: Option<PipeWriter>,
    _directory: Option<tempfile::TempDir>,
}

impl Pod {
    /// Starts a Pod whose agent is a shell script, and waits until it is ready.
    pub fn start(script: &str) -> Self {
        Self::start_as(script, |_| {})
    }

    /// The same with changes to its specification.
    pub fn start_as(script: &str, change: impl FnOnce(&mut Specification)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut spec = Specification::script(directory.path(), script);
        change(&mut spec);
        let mut pod = Self::spawn(spec);
        pod._directory = Some(directory);
        pod.ready().unwrap();
        pod
    }

    /// Starts a Pod as specified.
    pub fn spawn(spec: Specification) -> Self {
        let lock = spec.launcher.then(|| OfdLock::acquire(&spec.file("ticket.lock"), Wait::No).unwrap());
        let (read, write) = pipe().unwrap();
        let log = File::options().create(true).append(true).open(spec.file("host.log")).unwrap();
        let spawned = Spawn {
            program: std::env::current_exe().unwrap(),
            arguments: vec![POD_HOST.into()],
            environment: vec![("PATH".into(), OsString::from("/usr/bin:/bin")), ("YOI_CLAIM_NONCE".into(), "x".into())],
            specification: serde_json::to_vec(&spec).unwrap(),
            log,
            ticket_lock: lock.map(|lock| lock.duplicate().unwrap()),
            launcher: spec.launcher.then(|| OwnedFd::from(read)),
        };
        Self { spawned: spawned.start().unwrap(), launcher: Some(write), spec, _directory: None }
    }

    pub fn ready(&mut self) -> Result<Ready, SpawnError> {
        self.spawned.wait_until_ready(PATIENCE)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.spec.file(name)
    }

    pub fn connect(&self) -> (Conversation, Snapshot) {
        let (client, snapshot) = Client::connect(&self.spec.socket, soon()).unwrap();
        (Conversation { client }, snapshot)
    }

    /// Sends the first Run and waits for its acceptance.
    pub fn accept(&self, client: &mut Conversation) {
        let answer = client.ask(&Method::Run { input: vec![Segment::text("go")], nonce: Some(self.spec.nonce) });
        assert_eq!(answer.unwrap().event, "user_message");
    }

    /// Commits the offer, as a launcher does.
    pub fn commit(&self) {
        fs::rename(self.file("offer"), self.file("claim")).unwrap();
    }

    /// Confirms the Pod.
    pub fn confirm(&self, client: &mut Conversation) -> Result<Message, ClientError> {
        client.ask(&Method::Confirm { nonce: Some(self.spec.nonce), without_record: false })
    }

    /// Accepts, commits and confirms.
    pub fn launch(&self, client: &mut Conversation) {
        self.accept(client);
        self.commit();
        assert_eq!(self.confirm(client).unwrap().event, "confirmed");
    }

    pub fn warden(&self) -> Pid {
        Pid::from_raw(self.spawned.id().try_into().unwrap())
    }

    /// The host's process id: the warden's only child.
    pub fn host(&self) -> Pid {
        let warden = self.warden();
        let children = fs::read_to_string(format!("/proc/{warden}/task/{warden}/children")).unwrap();
        Pid::from_raw(children.split_whitespace().next().unwrap().parse().unwrap())
    }

    pub fn signal(&self, pid: Pid, signal: Signal) {
        kill(pid, signal).unwrap();
    }

    /// Waits for the end of the warden.
    pub fn ended(&mut self) -> ExitStatus {
        self.spawned.wait(PATIENCE).unwrap().expect("the Pod ends")
    }

    /// Waits until nothing of the Pod is left, and checks that nothing is.
    pub fn is_gone(&self) {
        let _lock = OfdLock::acquire(&self.file("pod.lock"), Wait::For(PATIENCE)).unwrap();
        assert!(!self.spec.socket.exists(), "the socket is gone");
        assert_eq!(probe(&self.file("ticket.lock")).unwrap(), LockState::Free);
    }

    pub fn history(&self) -> Vec<Entry> {
        let text = fs::read_to_string(self.file("pod/history.jsonl")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn history_events(&self) -> Vec<String> {
        self.history().into_iter().map(|entry| entry.event).collect()
    }

    /// Reads a process id that a script wrote.
    pub fn pid_in(&self, name: &str) -> i32 {
        let read = || fs::read_to_string(self.file(name)).ok()?.strip_suffix('\n')?.parse().ok();
        until(name, || read().is_some());
        read().unwrap()
    }
}

impl Drop for Pod {
    fn drop(&mut self) {
        self.spawned.kill();
        let _ = self.spawned.wait(PATIENCE);
        let cgroup = fs::read_to_string(self.file("cgroup")).unwrap_or_default();
        yoi::pod::cgroup::kill_leftover_cgroup(&cgroup);
    }
}

/// A client that expects answers.
pub struct Conversation {
    pub client: Client,
}

impl Conversation {
    pub fn ask(&mut self, method: &Method) -> Result<Message, ClientError> {
        let id = self.client.request(method, soon())?;
        self.client.answer(id, soon())
    }

    /// The code with which a request is refused.
    pub fn refused(&mut self, method: &Method) -> String {
        match self.ask(method) {
            Err(ClientError::Refused { code, .. }) => code,
            other => panic!("refused: {other:?}"),
        }
    }

    /// Reads events until one of that name; gives the names of all, that one included.
    pub fn read_to(&mut self, event: &str) -> Vec<String> {
        self.read_until(|message| message.event == event)
    }

    pub fn read_until(&mut self, mut found: impl FnMut(&Message) -> bool) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let message = self.client.next(soon()).unwrap_or_else(|error| panic!("{error:?} after {names:?}"));
            names.push(message.event.clone());
            if found(&message) {
                return names;
            }
        }
    }

    /// Reads until the whole answer of a turn.
    pub fn answer(&mut self) -> String {
        loop {
            if let Some(Event::TextDone { text, .. }) = self.client.next(soon()).unwrap().event() {
                return text;
            }
        }
    }

    /// Whether the Pod has closed the connection, after whatever it still sent.
    pub fn is_closed(&mut self) -> bool {
        loop {
            match self.client.next(soon()) {
                Ok(_) => {}
                Err(ClientError::Closed) => return true,
                Err(_) => return false,
            }
        }
    }
}

pub fn data<'a>(message: &'a Message, key: &str) -> &'a Value {
    &message.data[key]
}
