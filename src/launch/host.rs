//! The host's side of a launch: how `yoi pod-host` becomes a Pod.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::desk::RegistryDesk;
use super::hosting::{HostMode, HostSpec};
use super::identity::{Attempt, DeskPod, WriterNow};
use crate::domain::{NewPod, PodRecord, chain, path_from_text};
use crate::pod::cgroup::{Cgroup, kill_leftover_cgroup};
use crate::pod::host::HostSetup;
use crate::pod::spawn::{Answer, LAUNCHER_FD, READY_FD, TICKET_LOCK_FD};
use crate::pod::warden::{self, Side};
use crate::pod::{Clock, process};
use crate::registry::{PodError, PodLock, Registry, TicketLock};
use crate::ticket::load_workflow;

/// What the edge hands to a host.
pub struct HostEnvironment {
    /// The environment that the agent is given.
    pub variables: Vec<(OsString, OsString)>,
    /// Who writes, and the moment, whenever it is asked.
    pub writer: WriterNow,
    /// This program, which serves the Pod's tools to its agent as well.
    pub program: PathBuf,
}

/// Becomes the Pod of a specification, and gives the exit status at its end.
///
/// Must be called in a process that has one thread and owns no descriptor but the standard three.
///
/// # Errors
/// When the descriptors that the specification speaks of are not there; the launcher sees the end of its pipe.
pub fn host_pod(spec: HostSpec, environment: HostEnvironment) -> io::Result<i32> {
    let numbers = [(spec.ticket_lock, TICKET_LOCK_FD), (spec.launcher, LAUNCHER_FD), (true, READY_FD)];
    let keep: Vec<_> = numbers.iter().filter(|(given, _)| *given).map(|(_, number)| *number).collect();
    let mut kept = process::isolate(&keep)?.into_iter();
    let mut next = |given: bool| if given { kept.next() } else { None };
    let (ticket_lock, launcher, ready) = (next(spec.ticket_lock), next(spec.launcher), next(true));
    let registry = spec.registry();
    match settle(&spec, &registry, &environment, ticket_lock) {
        Ok(settled) => become_pod(spec, registry, environment, settled, launcher, ready),
        Err((code, message)) => {
            Answer::Refused { code: code.to_owned(), message }.send(ready);
            Ok(1)
        }
    }
}

/// What a host holds before it is split into two.
struct Settled {
    lock: PodLock,
    ticket_lock: Option<TicketLock>,
    cgroup: Option<Cgroup>,
}

/// Takes the Pod's lock, and makes its directory or finds it.
fn settle(
    spec: &HostSpec,
    registry: &Registry,
    environment: &HostEnvironment,
    ticket_lock: Option<OwnedFd>,
) -> Result<Settled, (&'static str, String)> {
    let failed = |error: &dyn std::error::Error| ("failed", chain(error));
    let ticket_lock = match (&spec.ticket, ticket_lock) {
        (Some(ticket), Some(fd)) => Some(registry.adopt_ticket_lock(ticket, fd).map_err(|error| failed(&error))?),
        _ => None,
    };
    let lock = registry.try_lock_pod(&spec.pod).map_err(|error| failed(&error))?;
    let lock = lock.ok_or_else(|| ("taken", format!("Pod {} is live", spec.pod)))?;
    lock.mark("host", &(environment.writer)());
    // Of whoever had this name before nothing may live: where both its processes were killed, its cgroup is left.
    if let Ok(Some(before)) = registry.pod(&spec.pod)
        && let Some(cgroup) = &before.cgroup
    {
        kill_leftover_cgroup(cgroup);
    }
    // Named after the Pod's place, like its socket: what an attempt leaves that was killed at once is found by the next.
    let name = registry.socket_path(&spec.pod).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let cgroup = Cgroup::create(&name);
    let recorded = cgroup.as_ref().map(|cgroup| cgroup.recorded().to_owned());
    let made = match spec.mode {
        HostMode::New => {
            let mut record = new_record(spec, environment);
            record.worktree = spec.worktree.clone();
            record.cgroup = recorded;
            let log = spec.log.as_deref().map(path_from_text);
            registry.create_pod(&lock, &record, log.as_deref(), ticket_lock.as_ref()).map(drop)
        }
        HostMode::Restore => registry
            .sweep_pod_temporaries(&lock)
            .map_err(PodError::from)
            .and_then(|()| registry.update_pod(&spec.pod, spec.pod_id, |record| record.cgroup = recorded))
            .map(drop),
    };
    let refused = match made {
        Ok(()) => return Ok(Settled { lock, ticket_lock, cgroup }),
        Err(PodError::Taken { pod }) => ("taken", format!("the name {pod} is taken")),
        Err(error) => failed(&error),
    };
    if let Some(cgroup) = cgroup {
        kill_leftover_cgroup(cgroup.recorded());
    }
    Err(refused)
}

fn new_record(spec: &HostSpec, environment: &HostEnvironment) -> PodRecord {
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
        created_at: (environment.writer)().now,
    })
}

/// Splits into warden and host, and runs this side of it.
fn become_pod(
    spec: HostSpec,
    registry: Registry,
    environment: HostEnvironment,
    settled: Settled,
    launcher: Option<OwnedFd>,
    ready: Option<OwnedFd>,
) -> io::Result<i32> {
    let me = DeskPod {
        pod: spec.pod.clone(),
        pod_id: spec.pod_id,
        role: spec.role,
        origin: spec.origin,
        ticket: spec.ticket.clone(),
        attempt: match (spec.mode, spec.nonce) {
            (HostMode::Restore, _) => Attempt::Restore,
            (HostMode::New, Some(nonce)) => Attempt::Launch { nonce },
            (HostMode::New, None) => Attempt::Unclaimed,
        },
    };
    let workspace = path_from_text(&spec.root);
    let desk = RegistryDesk::new(registry.clone(), me, environment.writer.clone(), &workspace);
    let setup = warden::Setup {
        lock: settled.lock.into_lock(),
        ticket_locks: settled.ticket_lock.map(TicketLock::into_lock).into_iter().collect(),
        launcher,
        ready,
        socket: registry.socket_path(&spec.pod),
        cgroup: settled.cgroup,
        grace: warden::GRACE,
    };
    match warden::split(setup)? {
        Side::Warden(warden) => Ok(warden.run(&desk)),
        Side::Host(host) => {
            let setup = host_setup(spec, &registry, environment)?;
            Ok(host.run(setup, Arc::new(desk)))
        }
    }
}

fn host_setup(spec: HostSpec, registry: &Registry, environment: HostEnvironment) -> io::Result<HostSetup> {
    let writer = environment.writer;
    let clock: Clock = Arc::new(move || writer().now);
    let workspace = path_from_text(&spec.root);
    let on = spec.ticket.as_ref().map(|ticket| format!(" on ticket {ticket}")).unwrap_or_default();
    Ok(HostSetup {
        greeting: format!("Pod {} as {}{on}, agent {}", spec.pod, spec.role, spec.profile),
        history: registry.pod_dir(&spec.pod).join("history.jsonl"),
        directory: spec.directory(),
        session: spec.session,
        program: environment.program,
        environment: environment.variables,
        data_dir: registry.data().to_owned(),
        runtime_dir: registry.runtime().to_owned(),
        workflows: Arc::new(move |slug| load_workflow(&workspace, slug).ok().map(|workflow| workflow.text)),
        probation: Duration::from_millis(spec.probation_ms),
        restored: spec.mode == HostMode::Restore,
        clock,
        log: File::from(io::stderr().as_fd().try_clone_to_owned()?),
        pod: spec.pod,
        pod_id: spec.pod_id,
        role: spec.role,
        ticket: spec.ticket,
        nonce: spec.nonce,
        agent: spec.agent,
    })
}
