//! Making the program, and keeping it before its first instruction.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::ptrace;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, raise, signal};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, chdir, execve, fork, getppid, pipe2, write};

use super::{Holder, Program, Started};
use crate::pod::cgroup::Cgroup;
use crate::pod::warden::name;

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
fn gains_privileges(path: &Path) -> bool {
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
