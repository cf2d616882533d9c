//! A terminal that a program has as its own: the kernel sends what is typed there as signals, and job control works.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::time::Instant;

use nix::fcntl::OFlag;
use nix::libc;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use rustix::event::{PollFd, PollFlags, poll};

use super::{DEADLINE, Outcome};

/// A terminal, with the session of one command on it.
pub struct Console {
    ours: File,
    child: Child,
    said: Vec<u8>,
    /// How much of what was said has been waited for.
    seen: usize,
}

impl Console {
    /// Starts a command in a session of its own, which this terminal controls.
    pub fn start(command: &mut Command) -> Self {
        // Closed on exec from the beginning: a terminal of which anybody has our end open is never gone.
        let flags = OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
        let ours = posix_openpt(flags).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = File::options().read(true).write(true).custom_flags(flags.bits()).open(ptsname_r(&ours).unwrap());
        let (ours, theirs) = (File::from(OwnedFd::from(ours)), theirs.unwrap());
        let clone = || theirs.try_clone().unwrap();
        command.stdin(clone()).stdout(clone()).stderr(clone());
        // SAFETY: two system calls, neither of which allocates.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                nix::errno::Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        // The command keeps its copies until it is dropped, and the end of the terminal comes with the last of them.
        command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        command.stderr(std::process::Stdio::null());
        Self { ours, child, said: Vec::new(), seen: 0 }
    }

    /// Types this; `\x03` is Ctrl-C, `\x1a` is Ctrl-Z.
    pub fn type_in(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until this was said, after what was waited for before.
    pub fn wait_for(&mut self, text: &str) {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let new = String::from_utf8_lossy(&self.said[self.seen..]).into_owned();
            if let Some(at) = new.find(text) {
                self.seen += at + text.len();
                return;
            }
            assert!(Instant::now() < deadline && self.read(deadline), "never said {text:?}: {}", self.all());
        }
    }

    /// Reads more of what is said; false at the end.
    fn read(&mut self, deadline: Instant) -> bool {
        let mut handles = [PollFd::new(&self.ours, PollFlags::IN)];
        let left = deadline.saturating_duration_since(Instant::now());
        if poll(&mut handles, Some(&left.try_into().unwrap())) != Ok(1) {
            return false;
        }
        let mut piece = [0; 4096];
        // A terminal that nobody has open any more answers with an error.
        match self.ours.read(&mut piece) {
            Ok(length @ 1..) => {
                self.said.extend_from_slice(&piece[..length]);
                true
            }
            _ => false,
        }
    }

    fn all(&self) -> String {
        String::from_utf8_lossy(&self.said).replace("\r\n", "\n")
    }

    /// Waits for the end of the command, and gives all that was said.
    pub fn end(mut self) -> Outcome {
        let deadline = Instant::now() + DEADLINE;
        while self.read(deadline) {}
        if Instant::now() >= deadline {
            let _ = self.child.kill();
            panic!("it goes on: {}", self.all());
        }
        let status = self.child.wait().unwrap();
        let output = std::process::Output { status, stdout: Vec::new(), stderr: Vec::new() };
        Outcome { stdout: self.all(), ..Outcome::from_output(output) }
    }
}
