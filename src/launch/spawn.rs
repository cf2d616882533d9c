//! Starting a Pod's host, and undoing that.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Duration;

use super::error::{Failed, Step, Undone};
use super::hosting::{HostMode, HostSpec};
use super::identity::WriterNow;
use super::steps;
use crate::domain::{
    AgentSpec, Nonce, Origin, PodId, PodName, PodRecord, Role, Slug, TicketId, Worktree, chain, path_text,
};
use crate::fs::{self, IoContext as _, PathError, Wait};

use crate::pod::cgroup::kill_leftover_cgroup;
use crate::pod::check_socket_path;
use crate::pod::client::Client;
use crate::pod::process::POD_HOST;
use crate::pod::protocol::Method;
use crate::pod::spawn::{Spawn, SpawnError, Spawned};
use crate::registry::{JournalEntry, PodError, Registry, TicketLock};

/// How long a host may take until it says ready, unless the caller says otherwise.
pub const READY: Duration = Duration::from_secs(20);
/// How long each stage of ending a Pod may take: shutdown, SIGTERM, SIGKILL.
const STAGE: Duration = Duration::from_secs(4);
/// How much of a log an error shows, in bytes.
const LOG_TAIL: u64 = 4096;

/// What is needed to start hosts.
pub struct Services<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// Who writes, and the moment.
    pub writer: WriterNow,
    /// The `yoi` program that hosts Pods.
    pub program: PathBuf,
    /// The environment that hosts and their agents are given; what begins with `YOI_` is left out.
    pub environment: Vec<(OsString, OsString)>,
}

/// A Pod to be started.
#[derive(Debug, Clone)]
pub struct SpawnRequest {
    /// New or restored.
    pub mode: HostMode,
    /// Its name.
    pub pod: PodName,
    /// Its identity; fresh for a new Pod.
    pub pod_id: PodId,
    /// What it is for.
    pub role: Role,
    /// How its session comes about.
    pub origin: Origin,
    /// The ticket.
    pub ticket: Option<TicketId>,
    /// The nonce of the attempt.
    pub nonce: Option<Nonce>,
    /// The profile as the configuration names it.
    pub profile: String,
    /// The profile, resolved.
    pub agent: AgentSpec,
    /// The session that an earlier start of the Pod had with its agent.
    pub session: Option<String>,
    /// The procedure.
    pub workflow: Option<Slug>,
    /// The launch prompt's reference.
    pub launch_prompt: Option<String>,
    /// The agent's working directory.
    pub directory: PathBuf,
    /// The git worktree that it is in, where that was made for the ticket.
    pub worktree: Option<Worktree>,
    /// How long the host may take until it says ready, besides what the profile gives its agent to get there.
    pub ready: Duration,
    /// How long the Pod waits for its confirmation, likewise.
    pub probation: Duration,
}

impl SpawnRequest {
    /// A time in which the agent gets ready, too: a slow one that keeps its own deadlines must not run into ours.
    fn lasting(&self, time: Duration) -> Duration {
        time.saturating_add(self.agent.until_ready())
    }
}

/// A Pod that was started by this process and can be undone.
#[derive(Debug)]
#[must_use = "a Pod that was started is confirmed or undone"]
pub struct Started {
    /// Its name.
    pub pod: PodName,
    /// Its identity.
    pub pod_id: PodId,
    /// Its socket.
    pub socket: PathBuf,
    mode: HostMode,
    process: Spawned,
    log: Log,
}

/// Says why a host did not come up.
#[derive(Debug)]
pub enum SpawnFailure {
    /// The name belongs to another Pod.
    Taken,
    /// Nothing was started.
    NotStarted(PathError),
    /// The host was started and has failed; it was ended.
    Failed(Box<Failed>),
}

/// The log of a host, readable also after its name is gone.
#[derive(Debug)]
struct Log {
    file: File,
    /// Its name until the host takes it into the Pod's directory.
    temporary: Option<PathBuf>,
}

impl Log {
    fn open(registry: &Registry, request: &SpawnRequest) -> Result<Self, PathError> {
        if request.mode == HostMode::Restore {
            let (file, _size) = fs::open_to_append(&registry.pod_dir(&request.pod).join("host.log"))?;
            return Ok(Self { file, temporary: None });
        }
        loop {
            let path = registry.log_on_its_way(&request.pod);
            // No lock of the Pod is held yet. Without a mark, whoever collects leftovers would take it for one.
            if let Some(file) = fs::create_marked(&path)? {
                return Ok(Self { file, temporary: Some(path) });
            }
        }
    }

    /// The end of the log, at most 4 KiB.
    fn tail(&mut self) -> String {
        let mut read = || -> std::io::Result<Vec<u8>> {
            let size = self.file.metadata()?.len();
            self.file.seek(SeekFrom::Start(size.saturating_sub(LOG_TAIL)))?;
            let mut bytes = Vec::new();
            (&self.file).take(LOG_TAIL).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // A log that cannot be read has nothing to add to the error that it would explain.
        String::from_utf8_lossy(&read().unwrap_or_default()).trim().to_owned()
    }
}

/// Makes the runtime directory and checks that the socket's path is short enough.
///
/// # Errors
/// When the directory is not ours or cannot be made, or the path has over 107 bytes.
pub fn prepare_runtime(registry: &Registry, pod: &PodName) -> Result<PathBuf, PathError> {
    let socket = registry.socket_path(pod);
    check_socket_path(&socket).map_err(|error| {
        let why = format!("{}; set YOI_RUNTIME_DIR to a shorter directory", chain(&error));
        PathError::refused("make the socket", &socket, why)
    })?;
    fs::make_private_dir(registry.runtime())?;
    Ok(socket)
}

/// Starts a host and waits until it is ready; its death is seen at once.
///
/// `lock` and `launcher` (the read end of the probation pipe) are inherited by the host.
///
/// # Errors
/// See [`SpawnFailure`]. Of a host that failed, nothing is left, or the failure says what is.
pub fn spawn(
    services: &Services<'_>,
    request: &SpawnRequest,
    lock: Option<&TicketLock>,
    launcher: Option<OwnedFd>,
) -> Result<Started, SpawnFailure> {
    let registry = services.registry;
    let not_started = SpawnFailure::NotStarted;
    prepare_runtime(registry, &request.pod).map_err(not_started)?;
    let log = Log::open(registry, request).map_err(not_started)?;
    let [data, runtime, root, key_root] = HostSpec::paths_of(registry);
    let spec = HostSpec {
        mode: request.mode,
        data,
        runtime,
        root,
        key_root,
        pod: request.pod.clone(),
        pod_id: request.pod_id,
        role: request.role,
        origin: request.origin,
        ticket: request.ticket.clone(),
        ticket_lock: lock.is_some(),
        launcher: launcher.is_some(),
        nonce: request.nonce,
        profile: request.profile.clone(),
        agent: request.agent.clone(),
        session: request.session.clone(),
        workflow: request.workflow.clone(),
        launch_prompt: request.launch_prompt.clone(),
        directory: path_text(&request.directory),
        worktree: request.worktree.clone(),
        log: log.temporary.as_deref().map(path_text),
        probation_ms: u64::try_from(request.lasting(request.probation).as_millis()).unwrap_or(u64::MAX),
    };
    let stderr = log.file.try_clone().context("duplicate the log of", &services.program).map_err(not_started)?;
    let ticket_lock = lock.map(TicketLock::duplicate).transpose().map_err(not_started)?;
    let command = Spawn {
        program: services.program.clone(),
        // Behind `--`, for a name that begins with a dash.
        arguments: vec![POD_HOST.into(), "--".into(), request.pod.to_string().into()],
        environment: services.environment.clone(),
        specification: serde_json::to_vec(&spec).expect("a spec has string keys"),
        log: stderr,
        ticket_lock,
        launcher,
    };
    let mut process = match command.start() {
        Ok(process) => process,
        Err(error) => {
            forget_log(&log);
            let source = io::Error::other(chain(&error));
            return Err(not_started(PathError { doing: "start", path: services.program.clone(), source }));
        }
    };
    let ready = process.wait_until_ready(request.lasting(request.ready));
    let socket = match &ready {
        Ok(ready) => ready.socket.clone(),
        Err(_) => registry.socket_path(&request.pod),
    };
    let started =
        Started { pod: request.pod.clone(), pod_id: request.pod_id, socket, mode: request.mode, process, log };
    match ready {
        Ok(_) => Ok(started),
        Err(SpawnError::Refused { code, .. }) if code == "taken" => {
            started.discard();
            Err(SpawnFailure::Taken)
        }
        Err(error) => {
            let failed = started.undo(services, Step::Ready, &chain(&error), request.ticket.as_ref());
            Err(SpawnFailure::Failed(Box::new(failed)))
        }
    }
}

fn forget_log(log: &Log) {
    if let Some(path) = &log.temporary {
        // Whoever takes this Pod's lock next sweeps what stays.
        let _ = fs::unlink(path);
    }
}

impl Started {
    /// Forgets a host that refused to run because its name is taken: it ends by itself, and nothing is to be told.
    ///
    /// The lock of that name is another Pod's, perhaps for days: it is not waited for.
    fn discard(mut self) {
        if !self.has_ended(STAGE) {
            self.end_by_signal();
        }
        forget_log(&self.log);
    }

    /// Ends the Pod and removes what it made; the caller has withdrawn its offer and found no claim.
    ///
    /// The ticket lock is kept by the caller until this has returned. The probation pipe may be closed before.
    pub fn undo(mut self, services: &Services<'_>, step: Step, why: &str, ticket: Option<&TicketId>) -> Failed {
        let registry = services.registry;
        let undone = self.end_and_remove(registry);
        let log = self.log.tail();
        let mut entry = JournalEntry::new("launch_failed").because(why).with_log(&log);
        entry.pod = Some(self.pod.clone());
        entry.ticket = ticket.cloned();
        entry.step = Some(step.to_string());
        entry.exit_status = self.process.wait(Duration::ZERO).ok().flatten().map(|status| status.to_string());
        let _ = registry.log(&(services.writer)(), entry);
        Failed { step, pod: self.pod, ticket: ticket.cloned(), why: why.to_owned(), log, undone }
    }

    /// Ends a Pod that was started only to be looked at, and removes what it made.
    pub fn dismiss(mut self, registry: &Registry) -> Undone {
        self.end_and_remove(registry)
    }

    fn end_and_remove(&mut self, registry: &Registry) -> Undone {
        match self.end(registry) {
            Ok(true) => self.remove(registry),
            Ok(false) => Undone::StillHeld,
            Err(error) => Undone::Leftover(chain(&error)),
        }
    }

    /// Shutdown, then SIGTERM, then SIGKILL, each given its time; tells whether the Pod lock is free.
    fn end(&mut self, registry: &Registry) -> Result<bool, PathError> {
        let ours =
            registry.pod(&self.pod).is_ok_and(|record| record.is_some_and(|record| record.pod_id == self.pod_id));
        if self.has_ended(Duration::ZERO) {
            return self.lock_is_free(registry);
        }
        if ours {
            // Undoing goes by identity, never by name: only a Pod that we started hears of this.
            let asked = Client::connect(&self.socket, steps::within(STAGE))
                .and_then(|(mut client, _)| steps::ask(&mut client, &Method::Shutdown { now: true }));
            if asked.is_ok() && self.has_ended(STAGE) {
                return self.lock_is_free(registry);
            }
        }
        self.end_by_signal();
        self.lock_is_free(registry)
    }

    /// SIGTERM, then SIGKILL.
    fn end_by_signal(&mut self) {
        self.process.terminate();
        if !self.has_ended(STAGE) {
            self.process.kill();
            self.has_ended(STAGE);
        }
    }

    /// Whether the warden, and with it the Pod, has ended within a time.
    fn has_ended(&mut self, wait: Duration) -> bool {
        matches!(self.process.wait(wait), Ok(Some(_)))
    }

    fn lock_is_free(&self, registry: &Registry) -> Result<bool, PathError> {
        // A later Pod may have taken the name since, and ours had let go of its lock then.
        let is_another = |record: Option<PodRecord>| record.is_some_and(|record| record.pod_id != self.pod_id);
        if registry.pod(&self.pod).is_ok_and(is_another) {
            return Ok(true);
        }
        // Or be about to; that ours is gone is what its process's end has told.
        match registry.lock_ended_pod(&self.pod, Wait::For(STAGE))? {
            Some(_lock) => Ok(true),
            None => {
                Ok(registry.pod(&self.pod).is_ok_and(|record| record.is_none_or(|other| other.pod_id != self.pod_id)))
            }
        }
    }

    fn remove(&self, registry: &Registry) -> Undone {
        forget_log(&self.log);
        let removed = match registry.try_lock_pod(&self.pod) {
            // Somebody else has the name by now; what it has is not ours to remove.
            Ok(None) => Ok(()),
            Ok(Some(_lock)) => self.remove_own(registry),
            Err(error) => Err(chain(&error)),
        };
        match (removed, self.mode) {
            (Err(why), _) => Undone::Leftover(why),
            (Ok(()), HostMode::New) => Undone::Nothing,
            (Ok(()), HostMode::Restore) => Undone::AsBefore,
        }
    }

    /// Removes what this attempt made, under the Pod's lock; what a restored Pod had before is not of this attempt.
    fn remove_own(&self, registry: &Registry) -> Result<(), String> {
        if let Ok(Some(record)) = registry.pod(&self.pod)
            && let Some(cgroup) = record.cgroup.filter(|_| record.pod_id == self.pod_id)
        {
            kill_leftover_cgroup(&cgroup);
        }
        match self.mode {
            HostMode::Restore => Ok(()),
            HostMode::New => match registry.remove_pod(&self.pod, self.pod_id) {
                Err(PodError::OtherPod { .. }) => Ok(()),
                other => other.map_err(|error| chain(&error)),
            },
        }
    }

    /// Lets the Pod go on without this process.
    pub fn release(self) {
        // The process is not waited for: it outlives this one, and init reaps it.
        drop(self);
    }
}
