//! The steps of a launch that talk to a Pod; the verbs `pod-spawn`, `pod-run` and `pod-confirm` call the same.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::{Evidence, Nonce, PodName, Role, Segment};
use crate::pod::{Client, ClientError, Event, Method};
use crate::registry::Registry;

/// How long a Pod may take to answer a connection or a small request.
pub const ANSWER: Duration = Duration::from_secs(5);
/// How long the registration with the Orchestrator may take in all.
const PEERS: Duration = Duration::from_secs(2);

/// Connects to a Pod.
///
/// # Errors
/// When its socket is not there, is another user's, or does not greet within 5 s.
pub fn connect(socket: &Path) -> Result<Client, ClientError> {
    Client::connect(socket, ANSWER).map(|(client, _snapshot)| client)
}

/// Sends a Run and waits until the Pod has accepted it; the answer must be to this request, on this connection.
///
/// # Errors
/// When the Pod answers with an error, closes the stream, or says nothing for `timeout`.
pub fn run(
    client: &mut Client,
    input: &[Segment],
    nonce: Option<Nonce>,
    timeout: Duration,
) -> Result<Evidence, ClientError> {
    let id = client.request(&Method::Run { input: input.to_vec(), nonce })?;
    let answer = client.answer(id, timeout)?;
    match answer.event() {
        Some(Event::UserMessage { input: echoed }) if echoed == input => Ok(Evidence::UserMessage),
        Some(Event::InvokeStart { .. }) => Ok(Evidence::InvokeStart),
        Some(Event::TurnStart {}) => Ok(Evidence::TurnStart),
        _ => Err(ClientError::Unexpected { answer: answer.event }),
    }
}

/// Ends a Pod's probation.
///
/// # Errors
/// When the Pod refuses, has gone, or does not answer in time.
pub fn confirm(client: &mut Client, nonce: Option<Nonce>, without_record: bool) -> Result<(), ClientError> {
    let id = client.request(&Method::Confirm { nonce, without_record })?;
    let answer = client.answer(id, ANSWER)?;
    match answer.event() {
        Some(Event::Confirmed {}) => Ok(()),
        _ => Err(ClientError::Unexpected { answer: answer.event }),
    }
}

/// Makes a Pod known to the live Orchestrator Pods of its workspace, within 2 s in all.
///
/// Gives a warning for each that could not be told.
pub fn register_with_orchestrators(registry: &Registry, pod: &PodName, role: Role) -> Vec<String> {
    let mut warnings = Vec::new();
    let deadline = std::time::Instant::now() + PEERS;
    for record in registry.pods().unwrap_or_default().into_iter().flatten() {
        if record.role != Role::Orchestrator || !registry.pod_lives(&record.pod).unwrap_or(false) {
            continue;
        }
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        if let Err(error) = register(&registry.socket_path(&record.pod), pod, role, left) {
            warnings.push(format!("cannot register with {}: {}", record.pod, crate::domain::chain(&error)));
        }
    }
    warnings
}

fn register(socket: &Path, pod: &PodName, role: Role, wait: Duration) -> Result<(), ClientError> {
    let (mut client, _snapshot) = Client::connect(socket, wait)?;
    let id = client.request(&Method::RegisterPeer { pod: pod.clone(), role })?;
    client.answer(id, wait).map(drop)
}

/// The `yoi` program that hosts Pods: found beside the calling program.
///
/// # Errors
/// When it is not there.
pub fn host_program(calling: &Path) -> Result<PathBuf, String> {
    let program = calling.with_file_name("yoi");
    if program.is_file() {
        Ok(program)
    } else {
        Err(format!("'{}' is not there; yoi and yoi-claim belong side by side", program.display()))
    }
}
