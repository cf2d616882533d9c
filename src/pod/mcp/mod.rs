//! The MCP server through which an agent reaches the tools of its Pod: `yoi mcp`.
//!
//! It stands between two connections and keeps nothing: the agent speaks JSON-RPC on standard input and output, the Pod
//! its own protocol on its socket. The tools run in the Pod's host, where role and success are known.
//!
//! # Order
//! 1. Connect, skip the snapshot, ask for the tools: a server of an earlier start of the agent is refused here.
//! 2. Serve. As soon as the agent's client has initialised, or at the latest when it lists or calls tools, report to the
//!    Pod that the agent has its tools; whoever launched the agent waits for that.
//! 3. End with whichever of both connections ends first. Calls that wait are answered before.
//!
//! # Limits
//! A line of the agent over 16 MiB is dropped unanswered (what it answers to can only be read in it); one whose call
//! would not fit into a line of the Pod's protocol is answered with an error. Events that answer no call of this server
//! are skipped without being kept.

mod bridge;
mod link;
mod stdio;

use std::path::Path;
use std::pin::pin;
use std::time::Instant;

use rmcp::ServiceExt as _;

use super::client::{Client, ClientError};
use super::protocol::{Code, Event, Method};
use bridge::Bridge;
use link::Link;

/// Says why tools cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The Pod, or its agent, was started anew since the epoch was handed out.
    #[error("this tool server belongs to an earlier start of the Pod's agent and can do nothing any more")]
    WrongEpoch,
    /// The Pod cannot be asked for its tools.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The system does not let both connections be waited for.
    #[error("cannot wait for the Pod and the agent at once")]
    Io(#[from] std::io::Error),
}

/// Serves the tools of the Pod at `socket` on standard input and output until the Pod or standard input ends; `epoch` is
/// the start of the agent that this server belongs to, and `deadline` bounds the connecting.
///
/// # Errors
/// When the Pod cannot be reached or refuses the epoch.
pub fn serve(socket: &Path, epoch: String, deadline: Instant) -> Result<(), ServeError> {
    let (mut client, _snapshot) = Client::connect(socket, deadline)?;
    let asked = client.request(&Method::Tools { epoch: epoch.clone() }, deadline)?;
    let tools = match client.answer(asked, deadline) {
        Ok(answer) => match answer.event() {
            Some(Event::Tools { tools }) => tools,
            _ => return Err(ClientError::Protocol(format!("{:?} in place of the tools", answer.event)).into()),
        },
        Err(ClientError::Refused { code, .. }) if code == Code::WrongEpoch.as_str() => {
            return Err(ServeError::WrongEpoch);
        }
        Err(error) => return Err(error.into()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let served = runtime.block_on(async {
        let (stream, lines) = client.into_parts();
        stream.set_read_timeout(None)?;
        stream.set_nonblocking(true)?;
        let (reading, writing) = tokio::net::UnixStream::from_std(stream)?.into_split();
        let link = Link::new(writing);
        let hearing = link.hear(reading, lines);
        between(Bridge::new(link, epoch, &tools), hearing).await;
        Ok(())
    });
    // A standard input that is no pipe is read on a thread that cannot be woken; it ends with the process.
    runtime.shutdown_background();
    served
}

/// Serves the agent until it, or the Pod, has gone.
async fn between(bridge: Bridge, hearing: impl Future<Output = ()>) {
    let mut hearing = pin!(hearing);
    let running = tokio::select! {
        // An agent that went before it had initialised is an end like any other.
        running = bridge.serve(stdio::transport()) => match running {
            Ok(running) => running,
            Err(_) => return,
        },
        () = &mut hearing => return,
    };
    let stop = running.cancellation_token();
    let mut serving = pin!(running.waiting());
    tokio::select! {
        _ = &mut serving => {}
        () = &mut hearing => {
            // What waited for the Pod has its answer now, and is given the time to be told it.
            stop.cancel();
            let _ = serving.await;
        }
    }
}
