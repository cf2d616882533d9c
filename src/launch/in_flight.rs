//! A ticket in flight by hand: `ticket-lock` holds its lock around a command, and the command's verbs find it.
//!
//! The command gets three variables. `YOI_TICKET_LOCK` is the number of the descriptor that holds the lock,
//! `YOI_LAUNCHER` that of the read end of the probation pipe, `YOI_CLAIM_NONCE` the nonce of the attempt. Both numbers
//! are 10 or above, free in the parent, so that nested locks of several tickets do not close each other.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SigHandler, Signal, signal};

use crate::domain::{Nonce, TicketId};
use crate::fs::{self, IoContext as _, PathError};
use crate::registry::{Registry, TicketLock};

/// The lowest number that a handed-over descriptor has.
const LOWEST: RawFd = 10;
/// How long a Pod that is still on probation may take to go, besides the time that it is known to take.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a lock that nobody on probation holds may take to be let go: a Pod that gave up removes its directory before
/// its processes end. What holds it longer is a process that kept the descriptor.
const AFTERWARDS: Duration = Duration::from_secs(2);

/// What the three variables name: copies of the descriptors, and the nonce.
#[derive(Debug, Default)]
pub struct HandedDown {
    /// What `YOI_TICKET_LOCK` names.
    pub ticket_lock: Option<OwnedFd>,
    /// What `YOI_LAUNCHER` names.
    pub launcher: Option<OwnedFd>,
    /// What `YOI_CLAIM_NONCE` says.
    pub nonce: Option<Nonce>,
}

/// What a command under `ticket-lock` has inherited for its ticket.
#[derive(Debug)]
pub struct InFlight {
    /// The ticket's lock.
    pub lock: TicketLock,
    /// The read end of the launcher's pipe.
    pub launcher: OwnedFd,
    /// The nonce of the attempt.
    pub nonce: Nonce,
}

/// Says why a variable of `ticket-lock` is not what it says.
#[derive(Debug, thiserror::Error)]
pub enum InFlightError {
    /// Not all three variables are there.
    #[error("{name} is missing, although another variable of ticket-lock is set")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// The descriptor is another file, or does not hold the lock.
    #[error("{name} does not name what it says")]
    Descriptor {
        /// The variable.
        name: &'static str,
        /// What is wrong with it.
        #[source]
        source: PathError,
    },
}

impl HandedDown {
    /// Makes sure that what was handed down is what it says, for one ticket; `None` where nothing was, or where it is
    /// the lock of another ticket.
    ///
    /// # Errors
    /// When a variable is set and is not what it says: never ignored.
    pub fn take(self, registry: &Registry, ticket: &TicketId) -> Result<Option<InFlight>, InFlightError> {
        let (lock, launcher, nonce) = match (self.ticket_lock, self.launcher, self.nonce) {
            (None, None, None) => return Ok(None),
            (None, _, _) => return Err(InFlightError::Missing { name: "YOI_TICKET_LOCK" }),
            (_, None, _) => return Err(InFlightError::Missing { name: "YOI_LAUNCHER" }),
            (_, _, None) => return Err(InFlightError::Missing { name: "YOI_CLAIM_NONCE" }),
            (Some(lock), Some(launcher), Some(nonce)) => (File::from(lock), File::from(launcher), nonce),
        };
        let path = registry.ticket_lock_path(ticket);
        let wrong = |name| move |source| InFlightError::Descriptor { name, source };
        let is_this = match fs::same_file(&lock, &path) {
            // Nobody has locked this ticket before.
            Err(error) if error.is_not_found() => false,
            same => same.map_err(wrong("YOI_TICKET_LOCK"))?,
        };
        if !is_this && is_ticket_lock(registry, &lock) {
            return Ok(None);
        }
        let lock = registry.adopt_ticket_lock(ticket, lock.into()).map_err(wrong("YOI_TICKET_LOCK"))?;
        let name = std::path::Path::new("YOI_LAUNCHER");
        let pipe = launcher.metadata().context("look at the descriptor", name).map_err(wrong("YOI_LAUNCHER"))?;
        if !pipe.file_type().is_fifo() {
            return Err(wrong("YOI_LAUNCHER")(PathError::refused("use the descriptor", name, "it is no pipe")));
        }
        Ok(Some(InFlight { lock, launcher: launcher.into(), nonce }))
    }
}

/// Whether an open file is the lock of any ticket of this registry.
fn is_ticket_lock(registry: &Registry, file: &File) -> bool {
    let Ok(target) = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())) else { return false };
    target.parent().is_some_and(|dir| dir == registry.dir().join("locks/tickets"))
        && fs::same_file(file, &target).unwrap_or(false)
}

/// What `ticket-lock` was asked to run.
#[derive(Debug)]
pub struct LockedCommand {
    /// The program and its arguments; not empty.
    pub command: Vec<OsString>,
    /// Its environment, besides what it is handed down.
    pub environment: Vec<(OsString, OsString)>,
    /// The nonce of the attempt.
    pub nonce: Nonce,
}

/// How the command ended, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedEnd {
    /// Its exit status; 128 plus the signal that ended it.
    pub status: u8,
    /// Whether the ticket is still in flight: who says so. A process that kept the descriptors keeps it so.
    pub still_in_flight: Option<String>,
}

/// Runs a command with the lock of a ticket held, then closes pipe and lock, and waits for a Pod on probation to go.
///
/// # Errors
/// When the command cannot be started, or the lock cannot be asked about.
pub fn run_locked(registry: &Registry, lock: TicketLock, locked: LockedCommand) -> Result<LockedEnd, PathError> {
    let ticket = lock.ticket().clone();
    let program = locked.command.first().cloned().unwrap_or_default();
    let (read, write) =
        nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).context("make a pipe for", program.as_ref())?;
    let handed = |file: &dyn std::os::fd::AsFd| -> Result<OwnedFd, PathError> {
        let number = fcntl(file.as_fd(), FcntlArg::F_DUPFD_CLOEXEC(LOWEST)).context("start", program.as_ref())?;
        // SAFETY: the kernel just made this descriptor for us, and nothing else knows of it.
        Ok(unsafe { OwnedFd::from_raw_fd(number) })
    };
    let (lock_copy, pipe_copy) = (handed(&lock)?, handed(&read)?);
    drop(read);
    let (lock_number, pipe_number) = (lock_copy.as_raw_fd(), pipe_copy.as_raw_fd());
    let mut command = Command::new(&program);
    command
        .args(locked.command.iter().skip(1))
        .env_clear()
        .envs(locked.environment)
        .env("YOI_TICKET_LOCK", lock_number.to_string())
        .env("YOI_LAUNCHER", pipe_number.to_string())
        .env("YOI_CLAIM_NONCE", locked.nonce.to_string());
    let mappings = vec![
        FdMapping { parent_fd: lock_copy, child_fd: lock_number },
        FdMapping { parent_fd: pipe_copy, child_fd: pipe_number },
    ];
    command.fd_mappings(mappings).expect("two descriptors that are open at once have two numbers");
    let mut child = command.spawn().context("start", program.as_ref())?;
    // The copies for the child go with the command; the parent keeps the lock itself and the pipe's write end.
    drop(command);
    let end = {
        let _patient = IgnoreTerminal::new();
        child.wait().context("wait for", program.as_ref())?
    };
    drop((write, lock));
    let status = end.code().or_else(|| end.signal().map(|signal| 128 + signal)).unwrap_or(255);
    let still_in_flight = wait_for_probation(registry, &ticket, locked.nonce)?;
    Ok(LockedEnd { status: u8::try_from(status).unwrap_or(255), still_in_flight })
}

/// Ignores what the terminal sends to the whole foreground group, so that the command's own end is awaited.
struct IgnoreTerminal {
    old: Vec<(Signal, SigHandler)>,
}

impl IgnoreTerminal {
    fn new() -> Self {
        let ignore = |which| {
            // SAFETY: SIG_IGN runs no code of ours.
            unsafe { signal(which, SigHandler::SigIgn) }.map(|old| (which, old)).ok()
        };
        Self { old: [Signal::SIGINT, Signal::SIGQUIT].into_iter().filter_map(ignore).collect() }
    }
}

impl Drop for IgnoreTerminal {
    fn drop(&mut self) {
        for (which, old) in &self.old {
            // SAFETY: the handler is the one that was installed before.
            let _ = unsafe { signal(*which, *old) };
        }
    }
}

/// Waits until no Pod of this attempt is on probation; tells who holds the ticket's lock where it is still held then.
fn wait_for_probation(registry: &Registry, ticket: &TicketId, nonce: Nonce) -> Result<Option<String>, PathError> {
    let deadline = Instant::now() + PATIENCE;
    let mut gone_since: Option<Instant> = None;
    let mut pause = Duration::from_millis(1);
    loop {
        let Some(holder) = registry.ticket_in_flight(ticket)? else { return Ok(None) };
        let on_probation = registry.pods()?.into_iter().flatten().any(|record| {
            record.nonce == Some(nonce)
                && record.confirmed_at.is_none()
                && registry.pod_lives(&record.pod).unwrap_or(true)
        });
        gone_since = if on_probation { None } else { gone_since.or_else(|| Some(Instant::now())) };
        if gone_since.is_some_and(|since| since.elapsed() > AFTERWARDS) || Instant::now() > deadline {
            return Ok(Some(holder));
        }
        // The kernel tells nobody when such a lock is released; a Pod that gives up does so within moments.
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}
