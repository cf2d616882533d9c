//! Starting an agent to see what it offers: a Pod that is never given work.
//!
//! The Pod is an ordinary one, with its warden, its own socket and the tools of its role, so that what is seen is what a
//! launch would meet. It stays on probation, whose pipe this process holds: however this process ends, the Pod goes too.

use std::path::PathBuf;

use super::error::{Failed, Undone};
use super::execute::LaunchOptions;
use super::hosting::HostMode;
use super::spawn::{Services, SpawnFailure, SpawnRequest, prepare_runtime, spawn};
use super::steps;
use crate::domain::{AgentSpec, Nonce, Origin, PodId, PodName, Role};
use crate::fs::{self, IoContext as _, PathError};
use crate::pod::client::{Client, ClientError};
use crate::pod::protocol::AgentOffer;

/// Says why an agent could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nothing was started.
    #[error(transparent)]
    NotStarted(PathError),
    /// It did not come up, and was ended.
    #[error("{}", .0.why)]
    Failed(Box<Failed>),
    /// It came up, and its Pod does not say what it offers.
    #[error("its Pod does not answer")]
    Silent(#[source] ClientError),
    /// It was looked at, and has not ended.
    #[error("it does not end: {0}")]
    Stays(String),
}

/// Starts an agent in `directory`, asks what it said of itself, and ends it; `None` for one that speaks no protocol.
///
/// The registry should be one that nobody else uses: the Pod's name is always the same.
///
/// # Errors
/// See [`ProbeError`]; nothing of the agent is left but where the error says so.
pub fn probe(
    services: &Services<'_>,
    profile: String,
    agent: AgentSpec,
    directory: PathBuf,
) -> Result<Option<AgentOffer>, ProbeError> {
    let registry = services.registry;
    let pod = PodName::new("check").expect("it is a name");
    prepare_runtime(registry, &pod).map_err(ProbeError::NotStarted)?;
    let (read, _probation) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
        .context("make a pipe for", &services.program)
        .map_err(ProbeError::NotStarted)?;
    let LaunchOptions { ready, probation, .. } = LaunchOptions::default();
    let request = SpawnRequest {
        mode: HostMode::New,
        pod,
        pod_id: PodId::from_bytes(fs::random_bytes()),
        // Any would do: it is given no work.
        role: Role::Investigator,
        origin: Origin::RoleLaunch,
        ticket: None,
        nonce: Some(Nonce::from_bytes(fs::random_bytes())),
        profile,
        agent,
        session: None,
        workflow: None,
        launch_prompt: None,
        directory,
        worktree: None,
        ready,
        probation,
    };
    let started = spawn(services, &request, None, Some(read)).map_err(|failure| match failure {
        SpawnFailure::Taken => {
            let dir = registry.pod_dir(&request.pod);
            ProbeError::NotStarted(PathError::refused("make the Pod", &dir, "another one has its name"))
        }
        SpawnFailure::NotStarted(source) => ProbeError::NotStarted(source),
        SpawnFailure::Failed(failed) => ProbeError::Failed(failed),
    })?;
    let said = Client::connect(&started.socket, steps::within(steps::ANSWER));
    let left = started.dismiss(registry);
    let (_, snapshot) = said.map_err(ProbeError::Silent)?;
    match left {
        Undone::Nothing | Undone::AsBefore => Ok(snapshot.agent),
        Undone::StillHeld => Err(ProbeError::Stays("something of it lives".to_owned())),
        Undone::Leftover(why) => Err(ProbeError::Stays(why)),
    }
}
