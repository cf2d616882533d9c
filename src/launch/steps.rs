//! The steps of a launch that talk to a Pod; the verbs `pod-spawn`, `pod-run` and `pod-confirm` call the same.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::domain::{Evidence, Nonce, PodName, Role, Segment, TicketId};
use crate::fs::{PathError, Wait};
use crate::pod::client::{Client, ClientError};
use crate::pod::protocol::{Choice, Event, Message, Method, PermissionRequest};
use crate::registry::Registry;
use crate::ticket::Tickets;

/// How long a Pod may take to answer a connection or a small request.
pub const ANSWER: Duration = Duration::from_secs(5);
/// How long it may take to tell the Orchestrators something, in all.
const PEERS: Duration = Duration::from_secs(2);

/// Connects to a Pod.
///
/// # Errors
/// When its socket is not there, is another user's, or does not greet within 5 s.
pub fn connect(socket: &Path) -> Result<Client, ClientError> {
    Client::connect(socket, within(ANSWER)).map(|(client, _snapshot)| client)
}

/// The moment at which a wait that begins now is over.
pub fn within(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or_else(|| now + Duration::from_secs(1 << 32))
}

/// Sends a small request and waits for its answer.
///
/// # Errors
/// When the Pod refuses, has gone, or does not answer within 5 s.
pub fn ask(client: &mut Client, method: &Method) -> Result<Message, ClientError> {
    let deadline = within(ANSWER);
    let id = client.request(method, deadline)?;
    client.answer(id, deadline)
}

/// Waits for the next message, however long it takes; `None` once the Pod has closed the connection.
///
/// # Errors
/// When the connection fails, or what comes is no message.
pub fn next(client: &mut Client) -> Result<Option<Message>, ClientError> {
    match client.next(within(Duration::MAX)) {
        Ok(message) => Ok(Some(message)),
        Err(ClientError::Closed) => Ok(None),
        Err(error) => Err(error),
    }
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
    let deadline = within(timeout);
    let id = client.request(&Method::Run { input: input.to_vec(), nonce }, deadline)?;
    let answer = client.answer(id, deadline)?;
    match answer.event() {
        Some(Event::UserMessage { input: echoed }) if echoed == input => Ok(Evidence::UserMessage),
        Some(Event::InvokeStart { .. }) => Ok(Evidence::InvokeStart),
        Some(Event::TurnStart {}) => Ok(Evidence::TurnStart),
        _ => Err(ClientError::Protocol(format!("{:?} in answer to a request", answer.event))),
    }
}

/// Ends a Pod's probation.
///
/// # Errors
/// When the Pod refuses, has gone, or does not answer in time.
pub fn confirm(client: &mut Client, nonce: Option<Nonce>, without_record: bool) -> Result<(), ClientError> {
    let answer = ask(client, &Method::Confirm { nonce, without_record })?;
    match answer.event() {
        Some(Event::Confirmed {}) => Ok(()),
        _ => Err(ClientError::Protocol(format!("{:?} in answer to a request", answer.event))),
    }
}

/// Makes a Pod known to the live Orchestrator Pods of its workspace, within 2 s in all.
///
/// Gives a warning for each that could not be told.
pub fn register_with_orchestrators(registry: &Registry, pod: &PodName, role: Role) -> Vec<String> {
    let told = tell_orchestrators(registry, &Method::RegisterPeer { pod: pod.clone(), role });
    told.into_iter().map(|(pod, why)| format!("cannot register with {pod}: {why}")).collect()
}

/// Tells the live Orchestrator Pods of a workspace something that their agents hear before their next turn, within 2 s in
/// all. Nothing depends on it: what it tells of stands in the files.
///
/// Gives a warning for each that could not be told.
pub fn notify_orchestrators(registry: &Registry, text: &str) -> Vec<String> {
    let told = tell_orchestrators(registry, &Method::Notify { text: text.to_owned() });
    told.into_iter().map(|(pod, why)| format!("cannot notify {pod}: {why}")).collect()
}

/// Tells the live Orchestrator Pods that a ticket is ready, as [`notify_orchestrators`] does; one that is not told finds it
/// in the tickets.
pub fn tell_of_ready(registry: &Registry, tickets: &Tickets, id: &TicketId) -> Vec<String> {
    let title = tickets.summary_of(id).map(|summary| format!(": {}", summary.title)).unwrap_or_default();
    notify_orchestrators(registry, &format!("Ticket {id} is ready{title}"))
}

/// Sends a small request to each live Orchestrator Pod; gives those that did not take it, and why.
fn tell_orchestrators(registry: &Registry, method: &Method) -> Vec<(PodName, String)> {
    let mut untold = Vec::new();
    let deadline = within(PEERS);
    for record in registry.pods().unwrap_or_default().into_iter().flatten() {
        // One that is held in a terminal has no socket to be told at.
        let can_be_told = record.role == Role::Orchestrator && !record.is_held();
        if !can_be_told || !registry.pod_lives(&record.pod).unwrap_or(false) {
            continue;
        }
        if let Err(error) = tell(&registry.socket_path(&record.pod), method, deadline) {
            untold.push((record.pod, crate::domain::chain(&error)));
        }
    }
    untold
}

fn tell(socket: &Path, method: &Method, deadline: Instant) -> Result<(), ClientError> {
    let (mut client, _snapshot) = Client::connect(socket, deadline)?;
    let id = client.request(method, deadline)?;
    client.answer(id, deadline).map(drop)
}

/// Connects to a Pod by its name.
///
/// # Errors
/// The same as those of [`connect`].
pub fn connect_pod(registry: &Registry, pod: &PodName) -> Result<Client, ClientError> {
    connect(&registry.socket_path(pod))
}

/// Marks a Pod to end once it is idle, or takes the mark back.
///
/// # Errors
/// When the Pod refuses, has gone, or does not answer in time.
pub fn shutdown_after_idle(client: &mut Client, cancel: bool) -> Result<(), ClientError> {
    ask(client, &Method::ShutdownAfterIdle { cancel }).map(drop)
}

/// Says why a request for permission could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// It does not wait any more: it was answered, or its turn is over.
    #[error("it is not open any more")]
    Closed,
    /// The Pod could not be asked, or refused.
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// Answers a request for permission that somebody has seen. Numbers begin anew with each start of a Pod: another request
/// that has the same number by now is not answered.
///
/// # Errors
/// When it is not open any more, as when somebody else was faster, or the Pod refuses, has gone, or does not answer in
/// time.
pub fn answer(socket: &Path, seen: &PermissionRequest, choice: Choice) -> Result<(), AnswerError> {
    let (mut client, snapshot) = Client::connect(socket, within(ANSWER))?;
    if !snapshot.permissions.contains(seen) {
        return Err(AnswerError::Closed);
    }
    ask(&mut client, &Method::Answer { request: Some(seen.request), choice })?;
    Ok(())
}

/// How the end of a Pod was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It has ended.
    Now,
    /// It had ended before.
    Before,
    /// There is no such Pod.
    NotFound,
    /// It had not ended when the wait was over.
    NotYet,
}

/// Says why a Pod could not be ended.
#[derive(Debug, thiserror::Error)]
pub enum ShutDownError {
    /// The Pod could not be told.
    #[error("cannot end Pod {pod}")]
    Client {
        /// The Pod.
        pod: PodName,
        /// What went wrong.
        #[source]
        source: ClientError,
    },
    /// Its lock or record could not be read.
    #[error("cannot end Pod {pod}")]
    Io {
        /// The Pod.
        pod: PodName,
        /// What failed.
        #[source]
        source: PathError,
    },
}

/// Ends a Pod by the ordinary shutdown, and waits until nothing of it is left. The program of one that is held in a
/// terminal is sent SIGTERM, and with `now`, if it does not heed that, SIGKILL.
///
/// # Errors
/// When the Pod cannot be told, or its lock cannot be asked about.
pub fn shut_down(registry: &Registry, pod: &PodName, now: bool, wait: Duration) -> Result<Ended, ShutDownError> {
    let io = |source| ShutDownError::Io { pod: pod.clone(), source };
    if !registry.pod_lives(pod).map_err(io)? {
        return Ok(if registry.pod_dir(pod).exists() { Ended::Before } else { Ended::NotFound });
    }
    // A record that cannot be read is none of a Pod that could be told otherwise.
    if registry.pod(pod).is_ok_and(|record| record.is_some_and(|record| record.is_held())) {
        let ended = super::terminal::end(registry, pod, now, wait).map_err(io)?;
        return Ok(if ended { Ended::Now } else { Ended::NotYet });
    }
    let deadline = within(wait);
    let mut pause = Duration::from_millis(1);
    while let Err(source) =
        connect_pod(registry, pod).and_then(|mut client| ask(&mut client, &Method::Shutdown { now }))
    {
        if !registry.pod_lives(pod).map_err(io)? {
            break;
        }
        // Alive, but with nobody at its socket: it is about to be ready, or about to be gone and needs no telling.
        let in_between = matches!(source, ClientError::Connect { .. } | ClientError::Closed | ClientError::Io(_));
        if !in_between || Instant::now() >= deadline {
            return Err(ShutDownError::Client { pod: pod.clone(), source });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
    let left = deadline.saturating_duration_since(Instant::now());
    Ok(match registry.lock_ended_pod(pod, Wait::For(left)).map_err(io)? {
        Some(_lock) => Ended::Now,
        None => Ended::NotYet,
    })
}
