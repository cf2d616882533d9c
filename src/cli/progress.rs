//! What a launch is doing, told while it does it.

use std::io::{self, Write};
use std::path::Path;

use super::quote::visible;
use super::style::{Meaning, Paint};
use crate::domain::AgentSpec;
use crate::launch::Step;

/// How progress is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Telling {
    /// One line of a terminal that is written over, and gone at the end.
    Line,
    /// Not at all: a log or a script has no use for what is over a moment later.
    Silent,
}

/// Tells the steps of something that takes a while, on standard error. Driven by the steps alone: no thread, no timer.
///
/// Dropping it clears what it wrote over. A standard error that cannot be written to is no reason to fail.
#[must_use = "progress is told step by step"]
pub struct Progress {
    err: Box<dyn Write + Send>,
    telling: Telling,
    paint: Paint,
    shown: bool,
}

impl Progress {
    pub(super) fn new(err: Box<dyn Write + Send>, telling: Telling, paint: Paint) -> Self {
        Self { err, telling, paint, shown: false }
    }

    /// Says what is being done now; an earlier step is thereby done.
    pub fn step(&mut self, doing: &str) {
        // Progress that cannot be told must not stop what it tells of.
        let _ = self.tell(&visible(doing));
    }

    fn tell(&mut self, doing: &str) -> io::Result<()> {
        match self.telling {
            Telling::Silent => return Ok(()),
            Telling::Line => {
                self.shown = true;
                write!(self.err, "{CLEAR}{}", self.paint.text(Meaning::Quiet, format_args!("{doing} …")))?;
            }
        }
        self.err.flush()
    }
}

/// Back to the start of the line, and erase it.
const CLEAR: &str = "\r\x1b[K";

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(self.err, "{CLEAR}").and_then(|()| self.err.flush());
        }
    }
}

/// What is waited for while a Pod with this agent starts.
pub fn starting(agent: &AgentSpec) -> String {
    let wait = agent.until_ready();
    match agent.command().first() {
        Some(program) if !wait.is_zero() => {
            let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
            format!("starting the Pod, whose agent {name} may take {} s to get ready", wait.as_secs_f64().ceil())
        }
        _ => "starting the Pod".to_owned(),
    }
}

/// What a step of a launch does.
pub fn doing(step: Step) -> &'static str {
    match step {
        Step::Lock => "taking the ticket lock",
        Step::Worktree => "making the worktree",
        Step::Spawn => "starting the Pod",
        Step::Ready => "waiting until it is ready",
        Step::Connect => "connecting to it",
        Step::Peers => "making it known to the Orchestrator",
        Step::Run => "waiting until it accepts the work",
        Step::Commit => "committing the claim",
        Step::Record => "recording the session",
        Step::Confirm => "confirming",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    struct Pipe(mpsc::Sender<u8>);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            bytes.iter().for_each(|byte| self.0.send(*byte).unwrap());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn told(telling: Telling) -> String {
        let (sender, receiver) = mpsc::channel();
        let mut progress = Progress::new(Box::new(Pipe(sender)), telling, Paint::Plain);
        progress.step("starting the Pod");
        progress.step("waiting for\nacceptance");
        drop(progress);
        String::from_utf8(receiver.iter().collect()).unwrap()
    }

    #[test]
    fn a_terminal_keeps_no_trace() {
        assert_eq!(told(Telling::Line), "\r\x1b[Kstarting the Pod …\r\x1b[Kwaiting for\\nacceptance …\r\x1b[K");
    }

    #[test]
    fn quiet_is_quiet() {
        assert_eq!(told(Telling::Silent), "");
    }
}
