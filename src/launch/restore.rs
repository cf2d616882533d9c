//! Bringing a stopped Pod back: a launch without a commit.
//!
//! The locks of all its tickets are taken first and kept until the Pod is confirmed; the claims are read under them, and
//! once more by the host after it has its own Pod lock. Its directory, history and identity stay as they are.

use std::path::PathBuf;

use super::error::{Failed, Step};
use super::execute::LaunchOptions;
use super::hosting::HostMode;
use super::openers::holder;
use super::spawn::{Services, SpawnFailure, SpawnRequest, spawn};
use super::steps;
use crate::domain::{AgentSpec, Claim, PodName, PodRecord, TicketId, chain};
use crate::fs::{IoContext as _, PathError, Wait, WaitError};
use crate::registry::{JournalEntry, ReadError, Registry, Restorable, TicketLock, Writer};

/// A Pod that was brought back.
#[derive(Debug, Clone, PartialEq)]
pub struct Restored {
    /// Its record.
    pub record: PodRecord,
    /// Its socket.
    pub socket: PathBuf,
    /// The claims that it holds.
    pub claims: Vec<Claim>,
}

/// Says why a Pod was not brought back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is no such Pod.
    #[error("there is no Pod {pod}")]
    NotFound {
        /// The name that was given.
        pod: PodName,
    },
    /// The Pod runs.
    #[error("Pod {pod} is live")]
    Live {
        /// The Pod.
        pod: PodName,
    },
    /// The Pod's launch never came to its confirmation.
    #[error("Pod {pod} never accepted its work")]
    NeverConfirmed {
        /// The Pod.
        pod: PodName,
    },
    /// A ticket of the Pod is held by another one by now, or by nobody.
    #[error("the claim on ticket {ticket} has moved on from Pod {pod}{}", holder.as_ref().map(|h| format!(" to {h}")).unwrap_or_default())]
    ClaimMoved {
        /// The Pod.
        pod: PodName,
        /// The ticket.
        ticket: TicketId,
        /// Who holds it.
        holder: Option<PodName>,
    },
    /// A launch on a ticket of the Pod is in flight.
    #[error("ticket {ticket} is in flight: {holder}")]
    InFlight {
        /// The ticket.
        ticket: TicketId,
        /// Who says so.
        holder: String,
    },
    /// The Pod cannot be brought back as it was.
    #[error("cannot restore Pod {pod}: {reason}")]
    Stale {
        /// The Pod.
        pod: PodName,
        /// What it lacks.
        reason: String,
    },
    /// A record cannot be read.
    #[error("cannot restore Pod {pod}")]
    Unknown {
        /// The Pod.
        pod: PodName,
        /// What could not be read.
        #[source]
        source: ReadError,
    },
    /// A lock or a file was not to be had before anything was started.
    #[error("cannot restore Pod {pod}")]
    Prepare {
        /// The Pod.
        pod: PodName,
        /// What failed.
        #[source]
        source: PathError,
    },
    /// The host failed and was ended; the Pod is stopped, as it was.
    #[error("{0}")]
    Failed(Box<Failed>),
}

/// Reads the record of a Pod that is to be restored.
///
/// # Errors
/// When there is none, it was never confirmed, or it cannot be read.
pub fn stopped_pod(registry: &Registry, pod: &PodName) -> Result<PodRecord, RestoreError> {
    let unknown = |source| RestoreError::Unknown { pod: pod.clone(), source };
    let record = registry.pod(pod).map_err(unknown)?.ok_or_else(|| RestoreError::NotFound { pod: pod.clone() })?;
    let lives = registry.pod_lives(pod).map_err(|source| RestoreError::Prepare { pod: pod.clone(), source })?;
    if lives {
        return Err(RestoreError::Live { pod: pod.clone() });
    }
    let claimed = !registry.claims_of(&record).map_err(unknown)?.is_empty();
    if record.confirmed_at.is_none() && !claimed {
        return Err(RestoreError::NeverConfirmed { pod: pod.clone() });
    }
    Ok(record)
}

/// Brings a stopped Pod back, under its name, role, tickets and history; its profile has been resolved to `agent`.
///
/// # Errors
/// See [`RestoreError`]; the Pod is then stopped, as it was.
pub fn restore_pod(
    record: PodRecord,
    agent: AgentSpec,
    services: &Services<'_>,
    restorable: &dyn Restorable,
    options: LaunchOptions,
) -> Result<Restored, RestoreError> {
    let registry = services.registry;
    let pod = &record.pod;
    let locks = lock_tickets(registry, &(services.writer)(), &record, None, Wait::No)?;
    let claims = check_claims(registry, &record)?;
    registry.can_restore(&record, restorable).map_err(|reason| RestoreError::Stale { pod: pod.clone(), reason })?;
    for lock in &locks {
        // What cannot be removed now is in nobody's way, and removed by the next who holds this lock.
        let _ = registry.sweep_ticket(lock);
    }
    let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
        .context("make a pipe for", &services.program)
        .map_err(|source| RestoreError::Prepare { pod: pod.clone(), source })?;
    let request = SpawnRequest {
        mode: HostMode::Restore,
        pod: pod.clone(),
        pod_id: record.pod_id,
        role: record.role,
        origin: record.origin,
        ticket: record.ticket.clone(),
        nonce: None,
        profile: record.profile.clone(),
        agent,
        session: record.session.clone(),
        workflow: record.workflow.clone(),
        launch_prompt: record.launch_prompt.clone(),
        directory: record.directory(),
        worktree: record.worktree.clone(),
        ready: options.ready,
        probation: options.probation,
    };
    let started = spawn(services, &request, None, Some(read)).map_err(|failure| match failure {
        // The name is taken by the Pod itself, or its socket by a stranger.
        SpawnFailure::Taken if registry.pod_lives(pod).unwrap_or(false) => RestoreError::Live { pod: pod.clone() },
        SpawnFailure::Taken => {
            let socket = registry.socket_path(pod);
            let source = PathError::refused("listen at", &socket, "another process listens there");
            RestoreError::Prepare { pod: pod.clone(), source }
        }
        SpawnFailure::NotStarted(source) => RestoreError::Prepare { pod: pod.clone(), source },
        SpawnFailure::Failed(failed) => RestoreError::Failed(failed),
    })?;
    let confirmed = steps::connect(&started.socket)
        .map_err(|error| (Step::Connect, error))
        .and_then(|mut client| steps::confirm(&mut client, None, false).map_err(|error| (Step::Confirm, error)));
    if let Err((step, error)) = confirmed {
        drop(write);
        return Err(RestoreError::Failed(Box::new(started.undo(services, step, &chain(&error), None))));
    }
    let socket = started.socket.clone();
    started.release();
    drop((write, locks));
    let mut entry = JournalEntry::new("restore");
    entry.pod = Some(pod.clone());
    entry.role = Some(record.role);
    entry.ticket = record.ticket.clone();
    let _ = registry.log(&(services.writer)(), entry);
    Ok(Restored { record, socket, claims })
}

/// Takes the locks of all tickets of a Pod, sorted, but for one that the caller has.
pub(super) fn lock_tickets(
    registry: &Registry,
    writer: &Writer,
    record: &PodRecord,
    had: Option<&TicketId>,
    wait: Wait,
) -> Result<Vec<TicketLock>, RestoreError> {
    let unknown = |source| RestoreError::Unknown { pod: record.pod.clone(), source };
    let mut tickets: Vec<TicketId> =
        registry.claims_of(record).map_err(unknown)?.into_iter().map(|claim| claim.ticket).collect();
    tickets.extend(record.ticket.clone());
    tickets.sort();
    tickets.dedup();
    tickets.retain(|ticket| Some(ticket) != had);
    let what_for = format!("restore of Pod {}", record.pod);
    let lock = |ticket: &TicketId| {
        registry.lock_ticket(ticket, &what_for, writer, wait).map_err(|error| match error {
            WaitError::Held { holder: said, path } => {
                RestoreError::InFlight { ticket: ticket.clone(), holder: holder(said, &path) }
            }
            WaitError::Io(source) => RestoreError::Prepare { pod: record.pod.clone(), source },
        })
    };
    tickets.iter().map(lock).collect()
}

/// Reads the claims again, now that they cannot move: the ticket that the Pod was launched on must still be its own.
pub(super) fn check_claims(registry: &Registry, record: &PodRecord) -> Result<Vec<Claim>, RestoreError> {
    let unknown = |source| RestoreError::Unknown { pod: record.pod.clone(), source };
    let Some(ticket) = registry.lost_ticket(record).map_err(unknown)? else {
        return registry.claims_of(record).map_err(unknown);
    };
    let holder = registry.claim(&ticket).map_err(unknown)?.map(|claim| claim.pod);
    Err(RestoreError::ClaimMoved { pod: record.pod.clone(), ticket, holder })
}
