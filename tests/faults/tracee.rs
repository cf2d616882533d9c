//! One process under ptrace: it stops at the entry and at the exit of each system call, and each call can be answered in
//! the kernel's place, carried out with another answer, or be the last moment of the process.
//!
//! The process is a child of the thread that traces it; `waitpid` is asked for it alone, so that trials run side by side.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::common::Outcome;

/// Whether calls of a process can be answered in the kernel's place here.
pub const SUPPORTED: bool = cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"));

/// What the traced process stopped at.
#[derive(Debug, Clone, Copy)]
pub enum Stop {
    /// It is about to make a call.
    Entry { number: u64, arguments: [u64; 6] },
    /// The call was made, and answered so.
    Exit { value: i64 },
    /// It has ended.
    Ended,
}

/// A process under ptrace.
pub struct Tracee {
    child: Child,
    memory: File,
    end: Option<i32>,
    /// The signal that it gets when it goes on.
    signal: Option<Signal>,
}

impl Tracee {
    /// Starts a program, which is stopped before its first instruction; its standard input is the command's.
    pub fn start(command: &mut Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: the call is safe between fork and exec.
        unsafe { command.pre_exec(|| Ok(ptrace::traceme()?)) };
        let child = command.spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        let status = waitpid(pid, None).unwrap();
        assert!(matches!(status, WaitStatus::Stopped(_, Signal::SIGTRAP)), "{status:?}");
        ptrace::setoptions(pid, Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL).unwrap();
        let memory = File::open(format!("/proc/{pid}/mem")).unwrap();
        Self { child, memory, end: None, signal: None }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Lets it run to its next stop.
    pub fn step(&mut self) -> Stop {
        loop {
            ptrace::syscall(self.pid(), self.signal.take()).unwrap();
            match waitpid(self.pid(), None).unwrap() {
                WaitStatus::PtraceSyscall(_) => {
                    let info = ptrace::syscall_info(self.pid()).unwrap();
                    return match info.op {
                        libc::PTRACE_SYSCALL_INFO_ENTRY => {
                            // SAFETY: the kernel says which member it has filled in.
                            let entry = unsafe { info.u.entry };
                            Stop::Entry { number: entry.nr, arguments: entry.args }
                        }
                        // SAFETY: likewise; a call stops at its entry and at its exit alone.
                        _ => Stop::Exit { value: unsafe { info.u.exit }.sval },
                    };
                }
                WaitStatus::Exited(_, status) => {
                    self.end = Some(status);
                    return Stop::Ended;
                }
                WaitStatus::Signaled(_, signal, _) => {
                    self.end = Some(128 + signal as i32);
                    return Stop::Ended;
                }
                WaitStatus::Stopped(_, signal) => self.signal = Some(signal),
                status => panic!("{status:?}"),
            }
        }
    }

    pub fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    /// Ends it where it stands: the call at the entry of which it stopped is not carried out.
    pub fn kill(&mut self) {
        ptrace::kill(self.pid()).unwrap();
        let status = waitpid(self.pid(), None).unwrap();
        assert!(matches!(status, WaitStatus::Signaled(_, Signal::SIGKILL, _)), "{status:?}");
        self.end = Some(128 + Signal::SIGKILL as i32);
    }

    /// Puts a call that is not there into the place of the one at the entry of which it stopped.
    #[cfg(target_arch = "x86_64")]
    pub fn leave_out(&self) {
        let mut registers = ptrace::getregs(self.pid()).unwrap();
        registers.orig_rax = u64::MAX;
        ptrace::setregs(self.pid(), registers).unwrap();
    }

    /// Changes the answer of the call at the exit of which it stopped.
    #[cfg(target_arch = "x86_64")]
    pub fn answer(&self, error: Errno) {
        let mut registers = ptrace::getregs(self.pid()).unwrap();
        registers.rax = (-i64::from(error as i32)).cast_unsigned();
        ptrace::setregs(self.pid(), registers).unwrap();
    }

    /// Refuses a call at the entry of which it stopped.
    pub fn refuse(&mut self, error: Errno) {
        self.leave_out();
        let Stop::Exit { .. } = self.step() else { panic!("a call has an end") };
        self.answer(error);
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub fn leave_out(&self) {
        unreachable!("not SUPPORTED");
    }

    #[cfg(not(target_arch = "x86_64"))]
    pub fn answer(&self, _: Errno) {
        unreachable!("not SUPPORTED");
    }

    /// Reads its memory.
    pub fn bytes(&self, address: u64, length: u64) -> Vec<u8> {
        let mut bytes = vec![0; length.try_into().unwrap()];
        self.memory.read_exact_at(&mut bytes, address).unwrap();
        bytes
    }

    /// Reads a path in its memory.
    pub fn path(&self, address: u64) -> String {
        let mut bytes = vec![0; libc::PATH_MAX as usize];
        // The memory may end behind the path.
        let length = self.memory.read_at(&mut bytes, address).unwrap_or(0);
        let text = bytes[..length].split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }

    /// What one of its descriptors stands for.
    pub fn descriptor(&self, number: u64) -> String {
        let open = std::fs::read_link(format!("/proc/{}/fd/{number}", self.pid()));
        open.map_or_else(|_| String::new(), |path| path.to_string_lossy().into_owned())
    }

    /// What it said, and how it ended.
    pub fn outcome(mut self) -> Outcome {
        let status = self.end.expect("it has ended");
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Outcome { status, stdout, stderr }
    }
}
