//! A Pod that is started by itself, as one step of a launch that a script makes.

use std::path::PathBuf;
use std::time::Duration;

use super::error::TicketRoleLaunchError;
use super::execute::check_free;
use super::hosting::HostMode;
use super::in_flight::InFlight;
use super::setup::Setup;
use super::spawn::{Services, SpawnFailure, SpawnRequest, Started, prepare_runtime, spawn};
use crate::domain::{Origin, PodId, PodName, Role, chain};
use crate::fs::{self, PathError};
use crate::registry::{ReadError, Restorable};

/// The Pod to be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodSpawn {
    /// Its name, tried as it is.
    pub pod: PodName,
    /// What it is for.
    pub role: Role,
    /// The profile's name.
    pub profile: String,
    /// Its agent's working directory; the workspace's root unless given.
    pub directory: Option<PathBuf>,
    /// How long its host may take until it says ready, besides what the profile gives its agent.
    pub ready: Duration,
    /// How long it waits for its confirmation, likewise.
    pub probation: Duration,
}

/// What a Pod is started from.
#[derive(Debug)]
pub enum SpawnedBy {
    /// A command under `ticket-lock`: the Pod inherits lock and pipe, and carries its nonce.
    TicketLock(InFlight),
    /// Nothing: the Pod has no ticket.
    Hand,
}

fn unreadable(error: ReadError) -> PathError {
    match error {
        ReadError::Path(error) => error,
        ReadError::Record { path, source } => PathError::refused("read", &path, chain(&source)),
        ReadError::SetAside { path } => PathError::refused("read", &path, "it was set aside"),
    }
}

impl Setup {
    /// Starts a Pod's host and waits until it is ready.
    ///
    /// # Errors
    /// When the profile leads to no agent, the ticket is claimed, the name is taken, or the host fails.
    pub fn spawn_pod(
        &self,
        services: &Services<'_>,
        pod: PodSpawn,
        by: SpawnedBy,
        restorable: &dyn Restorable,
    ) -> Result<Started, TicketRoleLaunchError> {
        let agent = self.agent(pod.role, &pod.profile, "--profile".to_owned())?;
        prepare_runtime(services.registry, &pod.pod).map_err(TicketRoleLaunchError::Runtime)?;
        // The host would find the same, and end; what lies there would then be taken for what it left.
        services.registry.pod(&pod.pod).map_err(|error| TicketRoleLaunchError::Prepare(unreadable(error)))?;
        let plan = self.plan(pod.role, None, Some(pod.pod.clone()), None)?;
        let (lock, launcher, nonce) = match by {
            SpawnedBy::TicketLock(found) => (Some(found.lock), Some(found.launcher), Some(found.nonce)),
            SpawnedBy::Hand => (None, None, None),
        };
        let ticket = lock.as_ref().map(|lock| lock.ticket().clone());
        if let Some(ticket) = &ticket {
            let _hand_over = check_free(services.registry, pod.role, ticket, restorable)?;
        }
        let request = SpawnRequest {
            mode: HostMode::New,
            pod: pod.pod.clone(),
            pod_id: PodId::from_bytes(fs::random_bytes()),
            role: pod.role,
            origin: if ticket.is_some() { Origin::TicketClaim } else { plan.origin },
            ticket,
            nonce,
            profile: pod.profile,
            agent,
            session: None,
            workflow: Some(plan.workflow),
            launch_prompt: plan.launch_prompt,
            directory: pod.directory.unwrap_or_else(|| self.workspace().root.clone()),
            worktree: None,
            ready: pod.ready,
            probation: pod.probation,
        };
        spawn(services, &request, lock.as_ref(), launcher).map_err(|failure| match failure {
            SpawnFailure::Taken => TicketRoleLaunchError::NameTaken { pod: pod.pod },
            SpawnFailure::NotStarted(source) => TicketRoleLaunchError::Prepare(source),
            SpawnFailure::Failed(failed) => TicketRoleLaunchError::Failed(failed),
        })
    }
}
