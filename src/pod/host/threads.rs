//! The threads that wait for the world on behalf of the actor, each blocked in one call until something happens.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};

use nix::errno::Errno;
use nix::sys::signal::Signal;
use nix::sys::signalfd::SfdFlags;
use serde_json::Value;

use super::{FromAgent, Wake};
use crate::pod::agent::{Agent, Feed, Stage, Turn};
use crate::pod::lifecycle::Input;
use crate::pod::nursery::Nursery;
use crate::pod::{Desk, ToolOutcome, warden};

fn spawn(name: &str, stack: usize, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).stack_size(stack).spawn(body).map(drop)
}

/// Waits for signals: children that ended are waited for, all others ask the Pod to stop.
pub(super) fn watch_signals(nursery: Nursery, wakes: SyncSender<Wake>) -> io::Result<()> {
    let signals = warden::signals(SfdFlags::empty())?;
    spawn("signals", 128 << 10, move || {
        loop {
            match signals.read_signal() {
                Ok(Some(signal)) if signal.ssi_signo == Signal::SIGCHLD as u32 => nursery.reap(),
                Ok(Some(_)) => drop(wakes.send(Wake::Step(Input::Signal))),
                Ok(None) | Err(Errno::EINTR) => {}
                Err(_) => return,
            }
        }
    })
}

/// Waits for the end of the launcher's pipe.
pub(super) fn watch_launcher(pipe: OwnedFd, wakes: SyncSender<Wake>) -> io::Result<()> {
    spawn("launcher", 64 << 10, move || {
        let mut pipe = File::from(pipe);
        let mut byte = [0];
        loop {
            match pipe.read(&mut byte) {
                Ok(1..) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
            }
        }
        let _ = wakes.send(Wake::Step(Input::LauncherGone));
    })
}

/// Starts the agent on its thread; a turn that is sent to it is worked on, one at a time. When no
/// more can come it takes its leave.
pub(super) fn run_agent(mut agent: Box<dyn Agent>, wakes: SyncSender<Wake>) -> io::Result<Sender<Turn>> {
    let (turns, received) = mpsc::channel::<Turn>();
    spawn("agent", 1 << 20, move || {
        let tell = |news| wakes.send(Wake::Agent(news)).is_ok();
        match agent.start() {
            Ok(()) => tell(FromAgent::Ready),
            Err(error) => tell(FromAgent::Failed(error.to_string())),
        };
        let stage = OnStage { wakes: wakes.clone() };
        for turn in received {
            if !tell(FromAgent::Ended(agent.turn(&turn, &stage))) {
                return;
            }
        }
        agent.close();
        tell(FromAgent::Closed);
    })?;
    Ok(turns)
}

/// Gives what an agent tells at any time to the actor.
pub(super) fn feed(wakes: SyncSender<Wake>) -> Feed {
    Arc::new(move |news| drop(wakes.send(Wake::Agent(FromAgent::News(news)))))
}

/// The agent's side of its stage: all that it does is told to the actor.
struct OnStage {
    wakes: SyncSender<Wake>,
}

impl Stage for OnStage {
    fn text(&self, piece: &str) {
        let _ = self.wakes.send(Wake::Agent(FromAgent::Text(piece.to_owned())));
    }

    fn answer(&self, text: String) {
        let _ = self.wakes.send(Wake::Agent(FromAgent::Answer(text)));
    }

    fn log(&self, bytes: &[u8]) {
        let _ = self.wakes.send(Wake::Agent(FromAgent::Log(bytes.to_owned())));
    }

    fn call(&self, tool: &str, arguments: Value) -> ToolOutcome {
        let (reply, outcome) = mpsc::sync_channel(1);
        let _ = self.wakes.send(Wake::Agent(FromAgent::Call { tool: tool.to_owned(), arguments, reply }));
        let ending = || ToolOutcome { text: "the Pod is ending".to_owned(), is_error: true };
        outcome.recv().unwrap_or_else(|_| ending())
    }
}

/// A tool call on its way to the desk.
pub(super) struct ToolCall {
    pub(super) number: u64,
    pub(super) tool: String,
    pub(super) arguments: Value,
}

/// Starts the thread on which tools are called, one after the other.
pub(super) fn run_tools(desk: Arc<dyn Desk>, wakes: SyncSender<Wake>) -> io::Result<Sender<ToolCall>> {
    let (calls, received): (_, Receiver<ToolCall>) = mpsc::channel();
    spawn("tools", 2 << 20, move || {
        for ToolCall { number, tool, arguments } in received {
            let outcome = desk.call(&tool, &arguments);
            if wakes.send(Wake::ToolDone(number, outcome)).is_err() {
                return;
            }
        }
    })?;
    Ok(calls)
}
