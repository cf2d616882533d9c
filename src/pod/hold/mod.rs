//! A program that a person runs in a terminal, held as a Pod: any program, without a socket and without a host.
//!
//! Like every Pod it is two processes besides its program, made by [`split`], and both hold the Pod's lock:
//!
//! ```text
//! shell → warden → holder → program → …
//! ```
//! The warden is the process that the shell started, so that its end is the command's. Each of the two is a child
//! subreaper and ends all below it when the one on its other side is gone: the warden when the holder has ended, the
//! holder when the warden has been killed. The program dies with the holder.
//!
//! # The moment of the claim
//! A claim must not stand for a program that never ran, and no program may work without its claim. So the holder traces
//! the program for a moment, which has the kernel stop it between the `exec` that made it and its first instruction.
//! [`Holder::start`] fails where there is no such `exec`; once it has succeeded the caller commits the claim; and only
//! [`Started::run`] lets the program go. Whoever dies in between takes the program along, unrun.
//! Where nobody may trace (a kernel that forbids it, or a program that gains privileges, which tracing would take away),
//! the program runs from its `exec` on, a moment before its claim is committed; the ticket is in flight by then.
//!
//! # The terminal
//! All three are in the process group that the shell made, so that the terminal is the program's: what is typed there
//! (Ctrl-C, Ctrl-Z), and the size of the window, reaches it from the kernel. The other two let such signals pass. When the
//! program has stopped, and not before (it may have the screen to tidy up), the holder stops the warden, which is what
//! the shell sees; when either goes on, so does the other. SIGTERM and SIGHUP that somebody sends to the warden are passed
//! on to the program; those that the kernel sends to a process group, it has sent to the program as well.
mod run;
mod start;
mod watch;

use std::ffi::OsString;
use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::{ForkResult, Pid, fork};

use super::cgroup::Cgroup;
use super::process::{self, Handle};
use super::warden::name;
use crate::fs::OfdLock;

/// What the holder tells its warden when the ticket may be let go of, and the warden when it has done so.
const RELEASE: u8 = b'r';
/// What the warden tells when it was continued.
const CONTINUE: u8 = b'c';
/// What it tells when it was told to end.
const TERMINATE: u8 = b't';
/// What it tells when its terminal was hung up.
const HANG_UP: u8 = b'h';

/// How long the warden may take to let go of the ticket's lock.
const LETTING_GO: Duration = Duration::from_secs(5);

/// One of the two processes besides the program.
#[derive(Debug)]
pub enum Side {
    /// The parent, which the shell waits for.
    Warden(Warden),
    /// The child, which has the program.
    Holder(Holder),
}

/// The parent's side.
#[derive(Debug)]
#[must_use = "a Pod without its warden leaves its descendants behind"]
pub struct Warden {
    holder: Pid,
    link: UnixStream,
}

/// What the warden keeps.
#[derive(Debug)]
pub struct Keep {
    /// The Pod's lock, to its end.
    pub lock: OfdLock,
    /// The locks of its tickets, until the probation is over.
    pub ticket_locks: Vec<OfdLock>,
    /// Where the program runs.
    pub cgroup: Option<Cgroup>,
}

/// The child's side, before it has a program.
#[derive(Debug)]
pub struct Holder {
    link: UnixStream,
    warden: Handle,
    /// What the warden has told, and nobody has acted on yet.
    told: Vec<u8>,
}

/// A program that was started and has not run yet.
#[derive(Debug)]
#[must_use = "the program waits to be let go"]
pub struct Started {
    holder: Holder,
    pid: Pid,
    /// Whether the kernel keeps it from running.
    is_traced: bool,
}

/// The program that is to be held.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it lies.
    pub path: PathBuf,
    /// Its arguments, with the name that it is called by before them.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it works.
    pub directory: PathBuf,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// By itself, with this status.
    Status(u8),
    /// By this signal.
    Killed(Signal),
}

impl End {
    /// The status that a shell tells of it.
    pub fn status(self) -> u8 {
        match self {
            Self::Status(status) => status,
            Self::Killed(signal) => 128 + u8::try_from(signal as i32).unwrap_or(127),
        }
    }
}

/// What both sides handle, through a descriptor: the ends of children, requests, and what a terminal sends to all.
fn handled() -> SigSet {
    use Signal::{SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    SigSet::from_iter([SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGTSTP, SIGCONT])
}

fn signals() -> io::Result<SignalFd> {
    Ok(SignalFd::with_flags(&handled(), SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?)
}

/// Makes two processes of this one, which must have one thread.
///
/// # Errors
/// When there is more than one thread, or a call fails; nothing has been made then.
pub fn split() -> io::Result<Side> {
    if process::thread_count()? != 1 {
        return Err(io::Error::other("a process with threads cannot become a Pod"));
    }
    // Blocked before the fork: a signal that comes in between is seen by the side that it was sent to.
    handled().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    // Where the shell had it ignored, children would be gone before they are waited for.
    // SAFETY: the default disposition runs no code of this process.
    unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) }?;
    set_child_subreaper(true)?;
    let me = Handle::open(Pid::this())?;
    let (link, holders_link) = UnixStream::pair()?;
    // SAFETY: there is one thread, so the child may go on as if it were the parent.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => {
            name(process::WARDEN);
            Ok(Side::Warden(Warden { holder: child, link }))
        }
        ForkResult::Child => {
            name(process::HOLDER);
            drop(link);
            set_child_subreaper(true)?;
            holders_link.set_nonblocking(true)?;
            Ok(Side::Holder(Holder { link: holders_link, warden: me, told: Vec::new() }))
        }
    }
}

/// Hears all that was sent; false when there will be no more.
fn listen(mut link: &UnixStream, mut hear: impl FnMut(u8)) -> bool {
    let mut byte = [0];
    loop {
        match link.read(&mut byte) {
            Ok(0) => return false,
            Ok(_) => hear(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
        }
    }
}
