//! What is taken and made before there are two processes: locks, the Pod's directory, its cgroup.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::error::TicketRoleLaunchError;
use super::super::execute::{check_free, in_flight};
use super::super::identity::{Attempt, DeskPod};
use super::super::restore::{RestoreError, check_claims, lock_tickets};
use super::{HoldError, HoldRequest, Holding};
use crate::domain::{Expect, HELD, NewPod, Nonce, Origin, PodId, PodName, PodRecord, chain};
use crate::fs::{self, Wait};
use crate::pod::cgroup::{Cgroup, kill_leftover_cgroup};
use crate::registry::{PodError, PodLock, Registry, TicketLock};

/// All that is held before there are two processes.
pub(super) struct Prepared {
    pub(super) me: DeskPod,
    pub(super) command: Vec<OsString>,
    pub(super) directory: PathBuf,
    pub(super) lock: PodLock,
    pub(super) ticket_locks: Vec<TicketLock>,
    pub(super) cgroup: Option<Cgroup>,
    /// The completed claim that is handed over.
    pub(super) expect: Option<Expect>,
}

/// Takes the locks of a Pod that is new, and makes its directory.
pub(super) fn prepare_new(request: HoldRequest, holding: &Holding<'_>) -> Result<Prepared, HoldError> {
    let registry = holding.registry;
    let writer = (holding.writer)();
    let HoldRequest { pod, role, ticket, command, directory, wait, handed_down } = request;
    let (ticket_lock, nonce) = match (handed_down, &ticket) {
        (Some(found), _) => (Some(found.lock), Some(found.nonce)),
        (None, Some(ticket)) => {
            let what_for = format!("pod-hold of Pod {pod} as {role}");
            let lock = registry.lock_ticket(ticket, &what_for, &writer, Wait::For(wait));
            (Some(lock.map_err(|error| in_flight(ticket, error))?), None)
        }
        (None, None) => (None, None),
    };
    let expect = match &ticket {
        Some(ticket) => check_free(registry, role, ticket, holding.restorable)?,
        None => None,
    };
    let nonce = nonce.unwrap_or_else(|| Nonce::from_bytes(fs::random_bytes()));
    let prepare = TicketRoleLaunchError::Prepare;
    let taken = || TicketRoleLaunchError::NameTaken { pod: pod.clone() };
    let lock = registry.try_lock_pod(&pod).map_err(prepare)?.ok_or_else(taken)?;
    lock.mark("pod-hold", &writer);
    let me = DeskPod {
        pod: pod.clone(),
        pod_id: PodId::from_bytes(fs::random_bytes()),
        role,
        origin: if ticket.is_some() { Origin::TicketClaim } else { Origin::RoleLaunch },
        ticket,
        attempt: Attempt::Launch { nonce },
    };
    let cgroup = fresh_cgroup(registry, &pod);
    let mut record = PodRecord::new(NewPod {
        pod: pod.clone(),
        pod_id: me.pod_id,
        role,
        origin: me.origin,
        ticket: me.ticket.clone(),
        nonce: Some(nonce),
        workspace: registry.workspace().root.clone(),
        directory: directory.clone(),
        profile: HELD.to_owned(),
        workflow: None,
        launch_prompt: None,
        created_at: writer.now,
    });
    record.set_command(&command);
    record.cgroup = cgroup.as_ref().map(|cgroup| cgroup.recorded().to_owned());
    if let Err(error) = registry.create_pod(&lock, &record, None, ticket_lock.as_ref()) {
        forget_cgroup(cgroup.as_ref());
        return Err(match error {
            PodError::Taken { .. } => taken(),
            PodError::Io(source) => prepare(source),
            other => prepare(fs::PathError::refused("make", &registry.pod_dir(&pod), chain(&other))),
        }
        .into());
    }
    let ticket_locks = ticket_lock.into_iter().collect();
    Ok(Prepared { me, command, directory, lock, ticket_locks, cgroup, expect })
}

/// Takes the locks of a Pod that has stopped, and reads its claims under them.
pub(super) fn prepare_again(
    record: PodRecord,
    request: HoldRequest,
    holding: &Holding<'_>,
) -> Result<Prepared, HoldError> {
    let registry = holding.registry;
    let writer = (holding.writer)();
    let pod = &record.pod;
    let prepare = |source| RestoreError::Prepare { pod: pod.clone(), source };
    let live = || RestoreError::Live { pod: pod.clone() };
    if registry.pod_lives(pod).map_err(prepare)? {
        return Err(live().into());
    }
    if !record.is_held() {
        return Err(TicketRoleLaunchError::NameTaken { pod: pod.clone() }.into());
    }
    if (record.role, &record.ticket) != (request.role, &request.ticket) {
        return Err(HoldError::OtherWork { record: Box::new(record) });
    }
    let handed_down = request.handed_down.map(|found| found.lock);
    let held = handed_down.as_ref().map(TicketLock::ticket);
    let mut ticket_locks = lock_tickets(registry, &writer, &record, held, Wait::For(request.wait))?;
    ticket_locks.extend(handed_down);
    for lock in &ticket_locks {
        // What cannot be removed now is in nobody's way, and removed by the next who holds this lock.
        let _ = registry.sweep_ticket(lock);
    }
    let lock = registry.try_lock_pod(pod).map_err(prepare)?.ok_or_else(live)?;
    lock.mark("pod-hold", &writer);
    check_claims(registry, &record)?;
    let cgroup = fresh_cgroup(registry, pod);
    let name = cgroup.as_ref().map(|cgroup| cgroup.recorded().to_owned());
    let updated = registry
        .sweep_pod_temporaries(&lock)
        .map_err(PodError::from)
        .and_then(|()| registry.update_pod(pod, record.pod_id, |record| record.cgroup = name));
    if let Err(error) = updated {
        forget_cgroup(cgroup.as_ref());
        let source = match error {
            PodError::Io(source) => source,
            other => fs::PathError::refused("update", &registry.pod_dir(pod), chain(&other)),
        };
        return Err(prepare(source).into());
    }
    let me = DeskPod {
        pod: record.pod,
        pod_id: record.pod_id,
        role: record.role,
        origin: record.origin,
        ticket: record.ticket,
        attempt: Attempt::Restore,
    };
    let HoldRequest { command, directory, .. } = request;
    Ok(Prepared { me, command, directory, lock, ticket_locks, cgroup, expect: None })
}

fn fresh_cgroup(registry: &Registry, pod: &PodName) -> Option<Cgroup> {
    // Of whoever had this name before nothing may live: where warden and holder were killed, its cgroup is left.
    if let Ok(Some(before)) = registry.pod(pod)
        && let Some(cgroup) = &before.cgroup
    {
        kill_leftover_cgroup(cgroup);
    }
    // Named after the Pod's place: what an attempt leaves that was killed at once is found by the next.
    let name = registry.socket_path(pod).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Cgroup::create(&name)
}

pub(super) fn forget_cgroup(cgroup: Option<&Cgroup>) {
    if let Some(cgroup) = cgroup {
        kill_leftover_cgroup(cgroup.recorded());
    }
}
