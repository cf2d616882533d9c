//! Pods that are held in a terminal, seen from outside: where they are, and how they are told to end.

use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::steps::within;
use crate::domain::PodName;
use crate::fs::{PathError, Wait};
use crate::pod::process::{Handle, terminal_of, warden_of};
use crate::registry::Registry;

/// How long a program that was told to end may take where nobody waits for its work.
const GRACE: Duration = Duration::from_secs(5);

/// Where a Pod is held, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAt {
    /// The process that is to be signalled; `None` where it is just gone.
    pub process: Option<i32>,
    /// The terminal that it reads from, where it is one.
    pub terminal: Option<PathBuf>,
}

impl HeldAt {
    /// Asks the kernel where a live Pod is held.
    pub fn of(registry: &Registry, pod: &PodName) -> Self {
        let warden = warden_of(&registry.pod_lock_path(pod));
        let terminal = warden.as_ref().and_then(terminal_of);
        Self { process: warden.map(|warden| warden.pid().as_raw()), terminal }
    }
}

impl fmt::Display for HeldAt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.process, &self.terminal) {
            (Some(process), Some(terminal)) => write!(f, "process {process} on {}", terminal.display()),
            (Some(process), None) => write!(f, "process {process}"),
            (None, _) => write!(f, "a process that is ending"),
        }
    }
}

/// Tells the program of a Pod that is held in a terminal to end, and waits until nothing of the Pod is left; false where
/// something still is. With `now` it is ended if it does not end within 5 s.
///
/// # Errors
/// When the Pod's lock cannot be asked about.
pub(super) fn end(registry: &Registry, pod: &PodName, now: bool, wait: Duration) -> Result<bool, PathError> {
    let deadline = within(wait);
    let left = || deadline.saturating_duration_since(Instant::now());
    let path = registry.pod_lock_path(pod);
    let mut told = None;
    // Between its lock and its fork a Pod has no warden yet, and after its warden's death none any more.
    while told.is_none() && !left().is_zero() && registry.pod_lives(pod)? {
        told = warden_of(&path);
        if told.is_none() && registry.wait_for_end(pod, Wait::For(left().min(Duration::from_millis(10))))? {
            return Ok(true);
        }
    }
    let send = |warden: &Handle, signal| {
        // One that has ended needs no telling.
        let _ = warden.signal(signal);
    };
    if let Some(warden) = &told {
        send(warden, Signal::SIGTERM);
        // A job that was suspended would not hear of it.
        send(warden, Signal::SIGCONT);
        if now && !registry.wait_for_end(pod, Wait::For(left().min(GRACE)))? {
            // The holder sees that, and ends the program and all below it.
            send(warden, Signal::SIGKILL);
        }
    }
    registry.wait_for_end(pod, Wait::For(left()))
}
