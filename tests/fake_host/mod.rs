//! A Pod's host that goes wrong in a chosen way, as a program of its own.
//!
//! A launcher starts the `yoi` that lies beside it. So a directory gets copies of the real programs under other names,
//! and as its `yoi` a script that runs this test program again, with [`FAULT`] saying what goes wrong. Up to its fault
//! the host does what a real one does: it holds the Pod's lock, makes its directory, listens, writes its offer.
#![allow(clippy::print_stderr, reason = "its log is its standard error")]

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use nix::sys::signal::{SigHandler, Signal, signal};
use yoi::domain::{
    Acceptance, Claim, Evidence, NewPod, Nonce, PodName, PodPhase, PodRecord, Record as _, Role, Timestamp, WrittenBy,
    path_from_text,
};
use yoi::launch::HostSpec;
use yoi::pod::protocol::{Event, Message, Method, Request, Snapshot};
use yoi::pod::spawn::{Answer, LAUNCHER_FD, READY_FD, Ready, TICKET_LOCK_FD};
use yoi::registry::Registry;

use crate::common::{TestEnv, run};

/// The variable that says what goes wrong; without it this is no host.
pub const FAULT: &str = "FAULT";

/// What a host writes into its log before it fails.
pub const LAST_WORDS: &str = "the licence of this agent has expired";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It dies before it has made anything.
    DiesAtOnce,
    /// It dies with its directory made.
    Dies,
    /// It never says anything.
    Hangs,
    /// Neither does it hear SIGTERM.
    HangsAndIgnoresSigterm,
    /// It says that it will not run.
    Refuses,
    /// It says what nobody understands.
    TalksNonsense,
    /// It says ready, and nobody listens at its socket.
    DoesNotListen,
    /// It closes each connection.
    ClosesConnections,
    /// It answers the first Run with an error.
    RejectsTheRun,
    /// It closes the stream in answer to the first Run.
    ClosesTheStream,
    /// It dies of the first Run.
    DiesOfTheRun,
    /// It never answers the first Run.
    SaysNothing,
    /// It accepts a Run, but not this one: the answer has another id.
    AcceptsAnotherRun,
    /// It accepts something else than was sent.
    AcceptsOtherInput,
    /// Another claim appears before it accepts.
    IsOvertaken,
    /// It accepts, and has no offer.
    HasNoOffer,
}

impl Fault {
    const ALL: [Self; 16] = [
        Self::DiesAtOnce,
        Self::Dies,
        Self::Hangs,
        Self::HangsAndIgnoresSigterm,
        Self::Refuses,
        Self::TalksNonsense,
        Self::DoesNotListen,
        Self::ClosesConnections,
        Self::RejectsTheRun,
        Self::ClosesTheStream,
        Self::DiesOfTheRun,
        Self::SaysNothing,
        Self::AcceptsAnotherRun,
        Self::AcceptsOtherInput,
        Self::IsOvertaken,
        Self::HasNoOffer,
    ];

    /// Reads its name.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|fault| format!("{fault:?}") == name).unwrap()
    }
}

/// Copies of the programs whose host goes wrong.
pub struct Launcher<'a> {
    env: &'a TestEnv,
    dir: PathBuf,
}

impl<'a> Launcher<'a> {
    /// Installs them; the test program must have a function `fake_host` that calls [`play`].
    pub fn install(env: &'a TestEnv, fault: Fault) -> Self {
        let dir = env.root().join("faulty");
        let host = format!(
            "#!/bin/sh\n: >'{}'\n{FAULT}={fault:?} exec '{}' --exact --ignored --nocapture fake_host\n",
            dir.join("started").display(),
            std::env::current_exe().unwrap().display()
        );
        // By other processes: a program that this one had open for writing while another thread forks cannot be run.
        let install = "mkdir \"$1\"; cp \"$2\" \"$1/launch\"; cp \"$3\" \"$1/yoi-claim\"
            printf %s \"$4\" >\"$1/yoi\"; chmod +x \"$1/yoi\"";
        let programs = [env!("CARGO_BIN_EXE_yoi"), env!("CARGO_BIN_EXE_yoi-claim")];
        run(env.shell(install).arg("sh").arg(&dir).args(programs).arg(host), 0);
        Self { env, dir }
    }

    /// The porcelain; it tells no progress.
    pub fn yoi(&self, arguments: &[&str]) -> Command {
        let mut command = self.env.command(self.dir.join("launch"));
        command.arg("--quiet").args(arguments);
        command
    }

    /// A script that finds the plumbing in its `PATH`.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = self.env.shell(script);
        command.env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", self.dir.display()));
        command
    }

    /// Whether a host was ever started.
    pub fn has_started_a_host(&self) -> bool {
        self.dir.join("started").exists()
    }
}

/// Another Pod's claim on a ticket, as it appears in the middle of a launch.
pub fn usurper(registry: &Registry, ticket: &yoi::domain::TicketId) -> PathBuf {
    let acceptance = Acceptance {
        ticket: ticket.clone(),
        pod: PodName::new("usurper").unwrap(),
        pod_id: None,
        role: Role::Coder,
        nonce: Nonce::from_bytes([7; 16]),
        accepted_at: now(),
        evidence: Evidence::Manual,
        session: None,
        written_by: written_by(),
    };
    let path = registry.claim_path(ticket);
    fs::write(&path, Claim::succeed(acceptance, None).render()).unwrap();
    path
}

fn now() -> Timestamp {
    chrono::DateTime::from(SystemTime::now()).into()
}

fn written_by() -> WrittenBy {
    let pid = std::process::id().into();
    WrittenBy { pid, host: "here".into(), boot: "now".into(), extra: toml::Table::new() }
}

/// Is the host; never comes back from a fault that is not its death.
pub fn play(fault: Fault) {
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text).unwrap();
    let spec: HostSpec = serde_json::from_slice(&text).unwrap();
    nix::unistd::setsid().unwrap();
    eprintln!("{LAST_WORDS}");
    if fault == Fault::DiesAtOnce {
        die();
    }
    let registry = spec.registry();
    let ticket_lock =
        spec.ticket.as_ref().map(|id| registry.adopt_ticket_lock(id, descriptor(TICKET_LOCK_FD)).unwrap());
    let _launcher = descriptor(LAUNCHER_FD);
    let mut ready = File::from(descriptor(READY_FD));
    let lock = registry.try_lock_pod(&spec.pod).unwrap().unwrap();
    let log = spec.log.as_deref().map(path_from_text);
    registry.create_pod(&lock, &record(&spec), log.as_deref(), ticket_lock.as_ref()).unwrap();
    let socket = registry.socket_path(&spec.pod);
    let answer = Answer::Ready(Ready { pod: spec.pod.clone(), pod_id: spec.pod_id, socket: socket.clone() });
    match fault {
        Fault::Dies => die(),
        Fault::Hangs => hang(),
        Fault::HangsAndIgnoresSigterm => {
            // SAFETY: SIG_IGN runs no code of ours.
            unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }.unwrap();
            hang();
        }
        Fault::Refuses => {
            let refused = Answer::Refused { code: "agent".into(), message: "there is no model here".into() };
            refused.send(Some(ready.into()));
            die();
        }
        Fault::TalksNonsense => {
            ready.write_all(b"good morning\n").unwrap();
            hang();
        }
        Fault::DoesNotListen => {
            answer.send(Some(ready.into()));
            hang();
        }
        _ => {}
    }
    let listener = UnixListener::bind(&socket).unwrap();
    answer.send(Some(ready.into()));
    std::thread::scope(|scope| {
        for stream in listener.incoming() {
            let (spec, registry) = (&spec, &registry);
            scope.spawn(move || {
                if fault != Fault::ClosesConnections {
                    converse(fault, spec, registry, stream.unwrap())
                }
            });
        }
    });
}

fn converse(fault: Fault, spec: &HostSpec, registry: &Registry, mut stream: UnixStream) {
    let snapshot = Snapshot {
        pod: spec.pod.clone(),
        role: spec.role,
        status: PodPhase::Idle,
        greeting: "a host that goes wrong".into(),
        ticket: spec.ticket.clone(),
        probation: true,
        permissions: Vec::new(),
        agent: None,
        history: Vec::new(),
        truncated: false,
        written: None,
    };
    stream.write_all(&Message::new(&Event::Snapshot(snapshot), None).to_line()).unwrap();
    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
    for line in lines.map_while(Result::ok) {
        let request = Request::parse(line.as_bytes()).unwrap();
        let mut say = |event: Event, id| stream.write_all(&Message::new(&event, id).to_line()).unwrap();
        match request.method().unwrap() {
            Method::Run { input, .. } => match fault {
                Fault::RejectsTheRun => {
                    let message = "the model is overloaded".to_owned();
                    say(Event::Error { code: "busy".into(), message }, request.id);
                }
                Fault::ClosesTheStream => return,
                Fault::DiesOfTheRun => die(),
                Fault::AcceptsAnotherRun => say(Event::UserMessage { input }, Some("another".into())),
                Fault::AcceptsOtherInput => say(Event::UserMessage { input: Vec::new() }, request.id),
                Fault::IsOvertaken => {
                    offer(spec, registry);
                    usurper(registry, spec.ticket.as_ref().unwrap());
                    say(Event::UserMessage { input }, request.id);
                }
                Fault::HasNoOffer => say(Event::UserMessage { input }, request.id),
                _ => {}
            },
            Method::Shutdown { .. } => {
                say(Event::Ok {}, request.id);
                die();
            }
            _ => {}
        }
    }
}

fn offer(spec: &HostSpec, registry: &Registry) {
    let acceptance = Acceptance {
        ticket: spec.ticket.clone().unwrap(),
        pod: spec.pod.clone(),
        pod_id: Some(spec.pod_id),
        role: spec.role,
        nonce: spec.nonce.unwrap(),
        accepted_at: now(),
        evidence: Evidence::UserMessage,
        session: None,
        written_by: written_by(),
    };
    registry.write_offer(acceptance).unwrap();
}

fn record(spec: &HostSpec) -> PodRecord {
    PodRecord::new(NewPod {
        pod: spec.pod.clone(),
        pod_id: spec.pod_id,
        role: spec.role,
        origin: spec.origin,
        ticket: spec.ticket.clone(),
        nonce: spec.nonce,
        workspace: path_from_text(&spec.root),
        directory: spec.directory(),
        profile: spec.profile.clone(),
        workflow: spec.workflow.clone(),
        launch_prompt: spec.launch_prompt.clone(),
        created_at: now(),
    })
}

fn descriptor(number: RawFd) -> OwnedFd {
    assert!(Path::new(&format!("/proc/self/fd/{number}")).exists(), "descriptor {number} was not handed over");
    // SAFETY: the launcher handed it over under this number for this process to own, and nothing else owns it.
    unsafe { OwnedFd::from_raw_fd(number) }
}

#[expect(clippy::exit, reason = "the end of the host, whichever thread says so")]
fn die() -> ! {
    std::process::exit(7)
}

fn hang() -> ! {
    loop {
        std::thread::park();
    }
}
