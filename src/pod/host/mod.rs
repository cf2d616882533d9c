//! The host: the process that keeps an agent.
//!
//! One thread, the actor, owns all that can change: the state machine, the history, the clients. All
//! others are blocked in one call each (accept, read, a signal, a tool, the agent's turn) and tell the actor through one
//! bounded channel what happened. Nothing polls: a Pod that is idle makes no wake-ups.

mod actor;
mod clients;
mod door;
mod effects;
mod news;
mod requests;
mod threads;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use serde_json::Value;

use super::agent::{News, TurnError, Workflows};
use super::lifecycle::Input;
use super::spawn::Answer;
use super::warden::HostSide;
use super::{Clock, Desk, DeskError, SocketError, ToolOutcome};
use crate::domain::{AgentSpec, Nonce, PodId, PodName, Role, TicketId};
use crate::fs::PathError;
use actor::Actor;
use clients::ClientId;

/// How many wakes may wait for the actor.
const MAX_WAKES: usize = 64;

/// What a host is to be.
pub struct HostSetup {
    /// The Pod's name.
    pub pod: PodName,
    /// Its identity, told with "ready".
    pub pod_id: PodId,
    /// What it is for.
    pub role: Role,
    /// The ticket that it is launched on; for its clients.
    pub ticket: Option<TicketId>,
    /// The nonce of the attempt that launches it, where there is one.
    pub nonce: Option<Nonce>,
    /// A line for people who connect.
    pub greeting: String,
    /// Where its conversation is kept; the directory exists.
    pub history: PathBuf,
    /// Which agent it runs.
    pub agent: AgentSpec,
    /// The agent's working directory.
    pub directory: PathBuf,
    /// The session that an earlier start of the Pod had with its agent.
    pub session: Option<String>,
    /// The program that serves the Pod's tools to agents, as `PROGRAM mcp`.
    pub program: PathBuf,
    /// The environment that the agent is given; what begins with `YOI_` is left out.
    pub environment: Vec<(OsString, OsString)>,
    /// `YOI_DATA_DIR` for the agent.
    pub data_dir: PathBuf,
    /// `YOI_RUNTIME_DIR` for the agent.
    pub runtime_dir: PathBuf,
    /// Gives the text of a workflow.
    pub workflows: Workflows,
    /// How long a launcher has to confirm.
    pub probation: Duration,
    /// Whether the Pod is brought back, and its claims have to be looked at once more.
    pub restored: bool,
    /// Tells the time.
    pub clock: Clock,
    /// The Pod's log: the host's own words, and the agent's standard error.
    pub log: File,
}

/// Says why a host cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Socket(#[from] SocketError),
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
    #[error("cannot look at the Pod's claims")]
    Desk(#[from] DeskError),
    #[error("the claims of this Pod have moved on while it was stopped")]
    MovedOn,
}

impl StartError {
    fn code(&self) -> &'static str {
        match self {
            Self::Path(_) | Self::Thread(_) | Self::Desk(_) => "failed",
            Self::Socket(SocketError::Taken(_)) => "taken",
            Self::Socket(_) => "socket",
            Self::MovedOn => "moved_on",
        }
    }
}

/// What wakes the actor.
enum Wake {
    /// Something happened that only the life cycle has to know.
    Step(Input),
    /// Somebody connected.
    Joined(UnixStream),
    /// A client sent a line.
    Line(ClientId, Vec<u8>),
    /// A client sent a line that is too long, and is not listened to any more.
    LineTooLong(ClientId),
    /// A client is gone.
    Left(ClientId),
    /// A client has been sent all that waited for it at that flush.
    Flushed(ClientId, u64),
    /// The agent did something.
    Agent(FromAgent),
    /// A tool answered.
    ToolDone(u64, ToolOutcome),
    /// Something happened at the socket's path.
    SocketChanged,
}

/// What an agent does.
enum FromAgent {
    Ready,
    Failed(String),
    Text(String),
    Answer(String),
    Log(Vec<u8>),
    News(News),
    Call {
        tool: String,
        arguments: Value,
        reply: SyncSender<ToolOutcome>,
    },
    Ended(Result<(), TurnError>),
    /// It has taken its leave: no turn will come.
    Closed,
}

impl HostSide {
    /// Runs the host to its end and gives its exit status: 0 after a shutdown of any kind, 128 where it cannot start.
    ///
    /// The caller returns from its main function with it: the threads that are left end with the process, and the
    /// warden does the rest.
    pub fn run(mut self, setup: HostSetup, desk: Arc<dyn Desk>) -> i32 {
        let ready = self.ready.take();
        let (wakes, woken) = sync_channel(MAX_WAKES);
        match Actor::assemble(self, setup, desk, wakes) {
            Ok(actor) => actor.run(&woken, ready),
            Err(error) => {
                // The warden sees an end on probation, and gives the attempt up.
                let message = super::chain(&error);
                Answer::Refused { code: error.code().to_owned(), message }.send(ready);
                128
            }
        }
    }
}
