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
//! on to the program; those that the kernel sends, it has sent to the program as well.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::ptrace;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, killpg, raise, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, chdir, execve, fork, getpgid, getppid, pipe2, write};

use super::cgroup::Cgroup;
use super::process::{self, Handle};
use super::warden::{give_up, name, wait_for};
use super::{Desk, GaveUp};
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

impl Warden {
    /// Watches over the holder until it ends, ends all that it leaves, and gives the exit status of the command.
    pub fn run(self, keep: Keep, desk: &dyn Desk) -> u8 {
        let Self { holder, link } = self;
        let mut probation = Some(keep.ticket_locks);
        let status = match watch(holder, &link, &mut probation) {
            Ok(status) => status,
            Err(error) => {
                // Without eyes on the holder, none of it may go on.
                desk.note("alert", &format!("the warden cannot watch over what it holds: {error}"));
                let _ = kill(holder, Signal::SIGKILL);
                wait_for(holder)
            }
        };
        // The holder is dead, so nobody can commit any more. Where it came to the claim, the Pod is one that stopped.
        let verdict = probation.is_some().then(|| give_up(desk));
        if let Some(cgroup) = &keep.cgroup {
            cgroup.end_members();
        }
        if let Err(error) = process::end_descendants() {
            desk.note("alert", &format!("the warden cannot look for what the Pod left: {error}"));
        }
        if let Some(cgroup) = &keep.cgroup {
            cgroup.remove();
        }
        if let Some(Ok(GaveUp::Withdrawn)) = verdict
            && let Err(error) = desk.discard()
        {
            desk.note("alert", &error.to_string());
        }
        // Nothing of the Pod is left once its locks are free, the warden included: they go when the process has ended.
        std::mem::forget((keep.lock, probation));
        match status {
            WaitStatus::Exited(_, status) => u8::try_from(status).unwrap_or(u8::MAX),
            WaitStatus::Signaled(_, signal, _) => End::Killed(signal).status(),
            _ => u8::MAX,
        }
    }
}

/// Handles signals and the link until the holder has ended; gives how.
fn watch(holder: Pid, mut link: &UnixStream, probation: &mut Option<Vec<OfdLock>>) -> io::Result<WaitStatus> {
    let signals = signals()?;
    link.set_nonblocking(true)?;
    let mut linked = true;
    loop {
        let mut polled = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if linked {
            polled.push(PollFd::new(link.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        drop(polled);
        while let Some(signal) = signals.read_signal()? {
            let told = match Signal::try_from(i32::try_from(signal.ssi_signo).unwrap_or_default()) {
                Ok(Signal::SIGCONT) => Some(CONTINUE),
                Ok(Signal::SIGTERM) if !is_of_the_kernel(signal.ssi_code) => Some(TERMINATE),
                Ok(Signal::SIGHUP) if !is_of_the_kernel(signal.ssi_code) => Some(HANG_UP),
                _ => None,
            };
            if let Some(told) = told {
                // A holder that is gone is seen below.
                let _ = link.write(&[told]);
            }
        }
        // A link at its end is the holder's death in sight; SIGCHLD tells of it.
        linked = linked && listen(link, |_| let_go(link, probation));
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Ok(status) if status.pid() == Some(holder) => {
                    // What the holder sent with its last breath counts.
                    listen(link, |_| let_go(link, probation));
                    return Ok(status);
                }
                // An orphan that a real-time signal ended has no name for that.
                Ok(_) | Err(Errno::EINTR | Errno::EINVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a signal comes from the kernel, which sends what a terminal causes to the whole process group.
fn is_of_the_kernel(code: i32) -> bool {
    code == libc::SI_KERNEL
}

fn let_go(mut link: &UnixStream, probation: &mut Option<Vec<OfdLock>>) {
    *probation = None;
    let _ = link.write(&[RELEASE]);
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

impl Holder {
    /// Starts the program, and keeps it from running where that can be; it enters `cgroup` where there is one.
    ///
    /// # Errors
    /// When the program cannot be run; of the attempt nothing is left then.
    pub fn start(self, program: &Program, cgroup: Option<&Cgroup>) -> io::Result<Started> {
        let words = Words::of(program)?;
        let may_be_traced = !gains_privileges(&program.path);
        let entrance = cgroup.and_then(|cgroup| cgroup.entrance().ok());
        let (told, tell) = pipe2(OFlag::O_CLOEXEC)?;
        let holder = Pid::this();
        // A signal that reached the child before it is looked after would stop it for good, with us waiting for its word.
        let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK)?;
        // SAFETY: there is one thread, so the child may go on as if it were the parent.
        let forked = unsafe { fork() };
        if matches!(forked, Ok(ForkResult::Child)) {
            let failed = become_program(&words, entrance.as_ref(), holder, may_be_traced, &tell);
            let [a, b, c, d] = (failed as i32).to_ne_bytes();
            let _ = write(&tell, &[FAILED, a, b, c, d]);
            // SAFETY: ends the child without running what this process would do at its own end.
            unsafe { libc::_exit(127) }
        }
        before.thread_set_mask()?;
        let ForkResult::Parent { child: pid } = forked? else { unreachable!("the child has become the program") };
        drop(tell);
        let mut started = Started { holder: self, pid, is_traced: false };
        match started.see_the_exec(told) {
            Ok(is_traced) => {
                started.is_traced = is_traced;
                Ok(started)
            }
            Err(error) => {
                let _nobody = started.end();
                Err(error)
            }
        }
    }
}

/// What a child says when it is traced.
const TRACED: u8 = b't';
/// What it says when it is not.
const NOT_TRACED: u8 = b'u';
/// What it says, with the number of the error behind it, when it does not become the program.
const FAILED: u8 = b'f';

/// Becomes the program; gives why it did not. The child's part of [`Holder::start`].
fn become_program(words: &Words, entrance: Option<&File>, holder: Pid, may_be_traced: bool, tell: &OwnedFd) -> Errno {
    let become_it = || -> Result<Infallible, Errno> {
        // Not to be taken for a part of the Pod that is not ended with it.
        name(c"yoi-stub");
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != holder {
            // The holder ended before the line above: nobody would end this child.
            return Err(Errno::ESRCH);
        }
        chdir(&*words.directory)?;
        if let Some(entrance) = entrance {
            // Without its cgroup the program runs all the same.
            let _ = write(entrance, b"0");
        }
        // Ignored by this program's runtime, and not for others to inherit.
        // SAFETY: the default disposition runs no code of this process.
        unsafe { signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
        if may_be_traced && ptrace::traceme().is_ok() {
            write(tell, &[TRACED])?;
            // The holder says what it wants to see, and continues us.
            raise(Signal::SIGSTOP)?;
        } else {
            write(tell, &[NOT_TRACED])?;
        }
        SigSet::empty().thread_set_mask()?;
        execve(&words.path, &words.arguments, &words.environment)
    };
    become_it().map_or_else(|failed| failed, |never| match never {})
}

/// A program's words as the kernel takes them.
struct Words {
    path: CString,
    directory: PathBuf,
    arguments: Vec<CString>,
    environment: Vec<CString>,
}

impl Words {
    fn of(program: &Program) -> io::Result<Self> {
        let word = |word: OsString| CString::new(word.into_vec()).map_err(io::Error::from);
        let pair = |(name, value): (OsString, OsString)| {
            let mut pair = name;
            pair.push("=");
            pair.push(value);
            word(pair)
        };
        Ok(Self {
            path: word(program.path.clone().into())?,
            directory: program.directory.clone(),
            arguments: program.arguments.iter().cloned().map(word).collect::<io::Result<_>>()?,
            environment: program.environment.iter().cloned().map(pair).collect::<io::Result<_>>()?,
        })
    }
}

/// Whether a program runs with privileges that its file gives it; it would not get them while it is traced.
fn gains_privileges(path: &std::path::Path) -> bool {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    let by_mode = std::fs::metadata(path).is_ok_and(|meta| meta.permissions().mode() & 0o6000 != 0);
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return by_mode };
    // SAFETY: both strings end in NUL, and a size of 0 asks for the length alone.
    let length = unsafe { libc::getxattr(path.as_ptr(), c"security.capability".as_ptr(), std::ptr::null_mut(), 0) };
    by_mode || length > 0
}

impl Started {
    /// Waits until the child is the program; tells whether it is kept from running.
    fn see_the_exec(&self, told: OwnedFd) -> io::Result<bool> {
        let mut told = File::from(told);
        let mut first = [0];
        told.read_exact(&mut first).map_err(|_| killed())?;
        if first[0] != TRACED {
            // The end of the pipe comes with the exec, or with the child's own end.
            return why_not(told, (first[0] == FAILED).then_some(FAILED)).map(|()| false);
        }
        loop {
            match waitpid(self.pid, None) {
                Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
                Ok(WaitStatus::PtraceEvent(_, _, libc::PTRACE_EVENT_EXEC)) => return Ok(true),
                Ok(WaitStatus::Stopped(_, Signal::SIGSTOP)) => {
                    let wanted = ptrace::Options::PTRACE_O_EXITKILL | ptrace::Options::PTRACE_O_TRACEEXEC;
                    ptrace::setoptions(self.pid, wanted)?;
                    ptrace::cont(self.pid, None)?;
                }
                // What comes before the exec goes to the program all the same, but for what would stop it here.
                Ok(WaitStatus::Stopped(_, signal)) => {
                    let passed = Some(signal).filter(|signal| *signal != Signal::SIGTSTP);
                    ptrace::cont(self.pid, passed)?;
                }
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {
                    why_not(told, None)?;
                    return Err(killed());
                }
                Ok(_) => {}
            }
        }
    }

    /// Whether nothing may begin any more: the warden is gone, or was told to end.
    pub fn is_forsaken(&mut self) -> bool {
        !self.holder.listen() || self.holder.told.iter().any(|told| matches!(*told, TERMINATE | HANG_UP))
    }

    /// Ends the program, which has not run, and waits for it.
    pub fn end(self) -> Holder {
        let _ = kill(self.pid, Signal::SIGKILL);
        loop {
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        self.holder
    }

    /// Has the warden let go of the ticket, lets the program run, and waits for its end and for that of all that it left.
    ///
    /// Gives how it ended; `None` where the warden was killed, and the program was ended for that.
    ///
    /// # Errors
    /// When it cannot be watched; it was ended then.
    pub fn run(mut self) -> io::Result<Option<End>> {
        self.holder.have_the_ticket_let_go();
        if self.is_traced && ptrace::detach(self.pid, None).is_err() {
            // Somebody killed it, or it would wait for ever.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        let ended = self.watch();
        if !matches!(ended, Ok(Some(_))) {
            // Not waited for yet, so its number is its own.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        // A warden that is stopped must see the end.
        let _ = self.holder.warden.signal(Signal::SIGCONT);
        process::end_descendants()?;
        ended
    }

    /// Handles signals and the link until the program has ended, or the warden.
    fn watch(&mut self) -> io::Result<Option<End>> {
        let signals = signals()?;
        let mut is_stopped = false;
        loop {
            // Looked at before anything is waited for: what happened earlier is told by no signal.
            if let Some(end) = self.reap(&mut is_stopped)? {
                return Ok(Some(end));
            }
            let linked = self.holder.listen();
            for told in std::mem::take(&mut self.holder.told) {
                self.do_as_told(told, is_stopped);
            }
            if !linked {
                return Ok(None);
            }
            let link = &self.holder.link;
            let mut polled =
                [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(link.as_fd(), PollFlags::POLLIN)];
            match poll(&mut polled, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            while signals.read_signal()?.is_some() {}
        }
    }

    fn do_as_told(&self, told: u8, is_stopped: bool) {
        let passed = match told {
            TERMINATE => Some(Signal::SIGTERM),
            HANG_UP => Some(Signal::SIGHUP),
            _ => None,
        };
        // Not waited for yet, so its number is its own.
        if let Some(signal) = passed {
            let _ = kill(self.pid, signal);
        }
        // What is stopped does not hear that it is to end.
        if is_stopped && (passed.is_some() || told == CONTINUE) {
            // A shell that was suspended has a process group of its own, to which nobody else sends this.
            let _ = getpgid(Some(self.pid)).and_then(|group| killpg(group, Signal::SIGCONT));
        }
    }

    /// Waits for every child that has ended, and looks whether the program has, or has stopped or goes on.
    fn reap(&self, is_stopped: &mut bool) -> io::Result<Option<End>> {
        let all = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
        loop {
            let status = match waitpid(None, Some(all)) {
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(status) if status.pid() == Some(self.pid) => status,
                // An orphan that a real-time signal ended has no name for that.
                Ok(_) | Err(Errno::EINTR | Errno::EINVAL) => continue,
                Err(error) => return Err(error.into()),
            };
            let pass_on = match status {
                WaitStatus::Exited(_, status) => return Ok(Some(End::Status(u8::try_from(status).unwrap_or(u8::MAX)))),
                WaitStatus::Signaled(_, signal, _) => return Ok(Some(End::Killed(signal))),
                // Both are sent by this process alone, so that the last one holds.
                WaitStatus::Stopped(..) => Signal::SIGSTOP,
                WaitStatus::Continued(_) => Signal::SIGCONT,
                _ => continue,
            };
            *is_stopped = pass_on == Signal::SIGSTOP;
            let _ = self.holder.warden.signal(pass_on);
        }
    }
}

impl Holder {
    /// Hears all that the warden has told; false when there will be no more.
    fn listen(&mut self) -> bool {
        listen(&self.link, |told| self.told.push(told))
    }

    /// Has the warden let go of the ticket. One that does not keeps the ticket in flight, and does no other harm.
    fn have_the_ticket_let_go(&mut self) {
        let _ = (&self.link).write_all(&[RELEASE]);
        let wait = PollTimeout::try_from(LETTING_GO).unwrap_or(PollTimeout::MAX);
        while !self.told.contains(&RELEASE) {
            match poll(&mut [PollFd::new(self.link.as_fd(), PollFlags::POLLIN)], wait) {
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => return,
                Ok(_) if self.listen() => {}
                Ok(_) => return,
            }
        }
    }
}

fn killed() -> io::Error {
    io::Error::other("it was killed before it was run")
}

/// Reads what a child said behind `first` before its end: why it did not become the program, or nothing.
fn why_not(mut told: File, first: Option<u8>) -> io::Result<()> {
    let mut said: Vec<u8> = first.into_iter().collect();
    told.read_to_end(&mut said)?;
    match said.as_slice() {
        [] => Ok(()),
        [FAILED, number @ ..] => match <[u8; 4]>::try_from(number) {
            Ok(number) => Err(io::Error::from_raw_os_error(i32::from_ne_bytes(number))),
            Err(_) => Err(killed()),
        },
        _ => Err(killed()),
    }
}
