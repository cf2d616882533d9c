//! The warden: the parent of a Pod's host, and the last of the Pod to go.
//!
//! A Pod is two processes, made by [`split`]: the warden, with one thread and next to nothing to do, and the host. Both
//! hold the Pod's lock. When the host ends, in whatever way, the warden ends every descendant, removes the socket, and
//! goes; so a Pod lock that is free means that nothing of the Pod is left. When the warden is killed, the host sees the
//! end of the connection between the two and stops.
//!
//! Until the host says that its probation is over, the warden holds the ticket's lock too, and gives the attempt up
//! itself should the host end: the host may have died at any instruction.

use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_name};
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::cgroup::Cgroup;
use super::lifecycle::MAX_TRIES;
use super::{Desk, DeskError, GaveUp, process, socket};
use crate::fs::OfdLock;

/// How long a host that was told to stop by a signal usually may take, before its warden ends it.
pub const GRACE: Duration = Duration::from_secs(20);
/// What a host sends when its probation is over, and its warden when it has let go of the ticket.
const RELEASE: u8 = b'r';

/// What the two processes of a Pod are made from.
#[derive(Debug)]
pub struct Setup {
    /// The Pod's lock, kept by both to their end.
    pub lock: OfdLock,
    /// The locks of its tickets, kept by both until the probation is over.
    pub ticket_locks: Vec<OfdLock>,
    /// The read end of the launcher's pipe, where there is one.
    pub launcher: Option<OwnedFd>,
    /// The write end of the pipe on which "ready" is said, where there is one.
    pub ready: Option<OwnedFd>,
    /// Where the Pod listens.
    pub socket: PathBuf,
    /// Where the agent runs.
    pub cgroup: Option<Cgroup>,
    /// How long a host that was told to stop by a signal may take; see [`GRACE`].
    pub grace: Duration,
}

/// One of the two processes of a Pod.
#[derive(Debug)]
pub enum Side {
    /// The parent.
    Warden(Warden),
    /// The child.
    Host(HostSide),
}

/// The parent's side.
#[derive(Debug)]
#[must_use = "a Pod without its warden leaves its descendants behind"]
pub struct Warden {
    host: Pid,
    link: UnixStream,
    _lock: OfdLock,
    /// Empty once the probation is over.
    probation: Option<Vec<OfdLock>>,
    socket: PathBuf,
    cgroup: Option<Cgroup>,
    grace: Duration,
}

/// The child's side; [`HostSide::run`] takes it from here.
#[derive(Debug)]
pub struct HostSide {
    pub(super) link: UnixStream,
    pub(super) lock: OfdLock,
    pub(super) ticket_locks: Vec<OfdLock>,
    pub(super) launcher: Option<OwnedFd>,
    pub(super) ready: Option<OwnedFd>,
    pub(super) socket: PathBuf,
    pub(super) cgroup: Option<Cgroup>,
}

/// The signals that either process handles, through a descriptor.
fn handled() -> SigSet {
    SigSet::from_iter([Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP])
}

/// Opens the descriptor through which this process sees its signals.
pub(super) fn signals(flags: SfdFlags) -> io::Result<SignalFd> {
    Ok(SignalFd::with_flags(&handled(), flags | SfdFlags::SFD_CLOEXEC)?)
}

/// Makes two processes of this one, which must have one thread and be [isolated](process::isolate).
///
/// # Errors
/// When there is more than one thread, or a call fails; nothing has been made then.
pub fn split(setup: Setup) -> io::Result<Side> {
    let Setup { lock, ticket_locks, launcher, ready, socket, cgroup, grace } = setup;
    if process::thread_count()? != 1 {
        return Err(io::Error::other("a process with threads cannot become a Pod"));
    }
    // Blocked before the fork: a signal that comes in between is seen by the side that it was sent to.
    handled().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    set_child_subreaper(true)?;
    let (link, host_link) = UnixStream::pair()?;
    // SAFETY: there is one thread, so the child may go on as if it were the parent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            name(process::WARDEN);
            Ok(Side::Warden(Warden {
                host: child,
                link,
                _lock: lock,
                probation: Some(ticket_locks),
                socket,
                cgroup,
                grace,
            }))
        }
        ForkResult::Child => {
            name(c"yoi-host");
            drop(link);
            // Not inherited. Orphans come to the host while it lives, and with all its children to the warden then.
            set_child_subreaper(true)?;
            Ok(Side::Host(HostSide { link: host_link, lock, ticket_locks, launcher, ready, socket, cgroup }))
        }
    }
}

/// Tells the two processes of a Pod apart for whoever lists processes; both have the same command line.
pub(super) fn name(name: &std::ffi::CStr) {
    // Nothing depends on it.
    let _ = set_name(name);
}

impl Warden {
    /// Watches over the host until it ends, ends all that it leaves, and gives the exit status.
    pub fn run(mut self, desk: &dyn Desk) -> i32 {
        process::give_back_code();
        let status = match self.watch() {
            Ok(status) => status,
            Err(error) => {
                // Without eyes on the host, none of it may go on.
                desk.note("alert", &format!("the warden cannot watch its host: {error}"));
                let _ = kill(self.host, Signal::SIGKILL);
                wait_for(self.host)
            }
        };
        let verdict = self.probation.is_some().then(|| give_up(desk));
        if let Some(cgroup) = &self.cgroup {
            cgroup.end_members();
        }
        if let Err(error) = process::end_descendants() {
            desk.note("alert", &format!("the warden cannot look for what the Pod left: {error}"));
        }
        if let Some(cgroup) = &self.cgroup {
            cgroup.remove();
        }
        if let Err(error) = socket::unlink_dead(&self.socket) {
            desk.note("alert", &super::chain(&error));
        }
        if let Some(Ok(GaveUp::Withdrawn)) = verdict
            && let Err(error) = desk.discard()
        {
            desk.note("alert", &error.to_string());
        }
        // Nothing of the Pod is left once its lock is free, the warden included: the locks go when the process has ended.
        std::mem::forget(self);
        match status {
            WaitStatus::Exited(_, status) => status,
            _ => 128,
        }
    }

    /// Handles signals and the link until the host has ended; gives how.
    fn watch(&mut self) -> io::Result<WaitStatus> {
        let signals = signals(SfdFlags::SFD_NONBLOCK)?;
        self.link.set_nonblocking(true)?;
        let mut overdue: Option<Instant> = None;
        let mut linked = true;
        loop {
            let left = overdue.map(|overdue| overdue.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                let _ = kill(self.host, Signal::SIGKILL);
                overdue = None;
                continue;
            }
            let timeout =
                left.map_or(PollTimeout::NONE, |left| PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX));
            let mut polled = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
            if linked {
                polled.push(PollFd::new(self.link.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut polled, timeout) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            drop(polled);
            while let Some(signal) = signals.read_signal()? {
                if signal.ssi_signo != Signal::SIGCHLD as u32 {
                    // The host is not waited for yet, so its number is its own.
                    let _ = kill(self.host, Signal::SIGTERM);
                    overdue.get_or_insert_with(|| Instant::now() + self.grace);
                }
            }
            // A link at its end is the host's death in sight; SIGCHLD tells of it.
            linked = linked && self.listen();
            if let Some(status) = self.reap()? {
                // What the host sent with its last breath counts.
                self.listen();
                return Ok(status);
            }
        }
    }

    /// Reads what the host sent; false when there will be no more.
    fn listen(&mut self) -> bool {
        let mut byte = [0];
        loop {
            match self.link.read(&mut byte) {
                Ok(0) => return false,
                Ok(_) => {
                    self.probation = None;
                    let _ = self.link.write(&[RELEASE]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
            }
        }
    }

    /// Waits for every child that has ended; gives the host's status if it is among them.
    fn reap(&self) -> io::Result<Option<WaitStatus>> {
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(status) if status.pid() == Some(self.host) => return Ok(Some(status)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

pub(super) fn wait_for(host: Pid) -> WaitStatus {
    loop {
        match waitpid(host, None) {
            Ok(status) => return status,
            Err(Errno::EINTR) => {}
            Err(_) => return WaitStatus::Exited(host, 128),
        }
    }
}

/// How long to wait before the claim is looked at again: 50 ms, doubled with each try.
pub(super) fn pause_before(tries: u32) -> Duration {
    Duration::from_millis(50) * 2_u32.saturating_pow(tries.saturating_sub(1))
}

/// Gives the attempt up for a host that is dead; a claim that cannot be read is looked at again for some seconds.
pub(super) fn give_up(desk: &dyn Desk) -> Result<GaveUp, DeskError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match desk.give_up() {
            Err(_) if tries < MAX_TRIES => std::thread::sleep(pause_before(tries)),
            verdict => return verdict,
        }
    }
}

/// The host's end of the connection to its warden.
#[derive(Debug)]
pub(super) struct Link {
    stream: UnixStream,
    released: std::sync::mpsc::Receiver<()>,
}

impl Link {
    /// Starts to listen to the warden; `gone` is called when it has ended.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn start(stream: UnixStream, gone: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let mut reading = stream.try_clone()?;
        let (send, released) = std::sync::mpsc::channel();
        std::thread::Builder::new().name("warden-link".into()).stack_size(64 << 10).spawn(move || {
            let mut byte = [0];
            loop {
                match reading.read(&mut byte) {
                    Ok(1..) => drop(send.send(())),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    // A warden that was killed with bytes unread resets the connection: that is an end, too.
                    Ok(0) | Err(_) => break,
                }
            }
            gone();
        })?;
        Ok(Self { stream, released })
    }

    /// Has the warden let go of the ticket, and tells whether it did within `timeout`.
    pub(super) fn release(&self, timeout: Duration) -> bool {
        (&self.stream).write_all(&[RELEASE]).is_ok() && self.released.recv_timeout(timeout).is_ok()
    }
}
