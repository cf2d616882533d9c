//! Starting a host, hearing whether it is ready, and ending it again.
//!
//! The launcher hands the host its descriptors under fixed numbers, the rest as a specification on standard input, and
//! waits on a pipe for one line: [`Answer::Ready`] or [`Answer::Refused`]. The end of that pipe without a line is the
//! host's death, seen at once.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::{AsFd as _, OwnedFd, RawFd};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use command_fds::{CommandFdExt as _, FdMapping};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::process::Handle;
use crate::domain::{PodId, PodName};

/// The number under which a host finds the lock of its ticket.
pub const TICKET_LOCK_FD: RawFd = 10;
/// The number under which it finds the read end of its launcher's pipe.
pub const LAUNCHER_FD: RawFd = 11;
/// The number under which it finds the pipe on which it says "ready".
pub const READY_FD: RawFd = 12;

/// The longest answer, in bytes.
const MAX_ANSWER: usize = 64 << 10;

/// How a host is started.
#[derive(Debug)]
pub struct Spawn {
    /// The program; an absolute path.
    pub program: PathBuf,
    /// Its arguments; the first is [`POD_HOST`](super::process::POD_HOST).
    pub arguments: Vec<OsString>,
    /// Its environment; what begins with `YOI_` is left out.
    pub environment: Vec<(OsString, OsString)>,
    /// What it reads on standard input.
    pub specification: Vec<u8>,
    /// Its standard error.
    pub log: File,
    /// A descriptor of the ticket's lock.
    pub ticket_lock: Option<OwnedFd>,
    /// The read end of the launcher's pipe.
    pub launcher: Option<OwnedFd>,
}

/// What a host says when it is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Its Pod's name.
    pub pod: PodName,
    /// The Pod's identity.
    pub pod_id: PodId,
    /// Where it listens.
    #[serde(with = "path_as_text")]
    pub socket: PathBuf,
}

/// The one line that a host says on the pipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It can be connected to.
    Ready(Ready),
    /// It will not run.
    Refused {
        /// Why, for programs: `taken`, `socket`, `agent`, `moved_on`, `failed` …
        code: String,
        /// Why, for people.
        message: String,
    },
}

impl Answer {
    /// Says it on the pipe, if there is one, and closes that. A launcher that is gone does not hear it.
    pub fn send(&self, pipe: Option<OwnedFd>) {
        if let Some(pipe) = pipe {
            let mut line = serde_json::to_string(self).expect("an answer has string keys");
            line.push('\n');
            let _ = File::from(pipe).write_all(line.as_bytes());
        }
    }
}

/// Says why a host is not ready.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The program cannot be started.
    #[error("cannot start '{}'", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The host refused to run.
    #[error("the Pod host refused to start: {message}")]
    Refused {
        /// Why, for programs.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// The host ended without a word.
    #[error("the Pod host ended before it was ready")]
    Died,
    /// The host did not say anything in time.
    #[error("the Pod host was not ready within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// What the host said cannot be understood.
    #[error("the Pod host said {0:?} instead of being ready")]
    Nonsense(String),
}

/// A host that was started: the warden, to be exact, which is this process's child.
#[derive(Debug)]
#[must_use = "a host that is not ended or left alone on purpose outlives its launch"]
pub struct Spawned {
    child: Child,
    answer: File,
}

impl Spawn {
    /// Starts the host.
    ///
    /// # Errors
    /// [`SpawnError::Start`].
    pub fn start(self) -> Result<Spawned, SpawnError> {
        let program = self.program.clone();
        self.try_start().map_err(|source| SpawnError::Start { program, source })
    }

    fn try_start(self) -> io::Result<Spawned> {
        let (answer, ready) = io::pipe()?;
        let handed = [(self.ticket_lock, TICKET_LOCK_FD), (self.launcher, LAUNCHER_FD), (Some(ready.into()), READY_FD)];
        let mappings =
            handed.into_iter().filter_map(|(parent_fd, child_fd)| Some(FdMapping { parent_fd: parent_fd?, child_fd }));
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .env_clear()
            .envs(super::process::without_our_own(self.environment))
            .stdin(specification(&self.specification)?)
            .stdout(Stdio::null())
            .stderr(self.log)
            .fd_mappings(mappings.collect())
            .map_err(io::Error::other)?;
        let child = command.spawn()?;
        // Our copies of what was handed over: the host's death must be the end of the pipe.
        drop(command);
        Ok(Spawned { child, answer: File::from(OwnedFd::from(answer)) })
    }
}

/// A file in memory: however long the specification, writing it never waits for the host.
fn specification(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create(c"pod-specification", MFdFlags::MFD_CLOEXEC)?);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}

impl Spawned {
    /// Waits for the host's answer.
    ///
    /// # Errors
    /// When it refuses, dies, says nothing within `timeout`, or cannot be understood.
    pub fn wait_until_ready(&mut self, timeout: Duration) -> Result<Ready, SpawnError> {
        let deadline = Instant::now() + timeout;
        let mut said = Vec::new();
        while !said.contains(&b'\n') && said.len() < MAX_ANSWER {
            let left = deadline.saturating_duration_since(Instant::now());
            let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut [PollFd::new(self.answer.as_fd(), PollFlags::POLLIN)], wait) {
                Ok(0) if deadline <= Instant::now() => return Err(SpawnError::Silent(timeout)),
                Ok(0) | Err(Errno::EINTR) => continue,
                Ok(_) => {}
                Err(_) => return Err(SpawnError::Died),
            }
            let mut piece = [0; 4096];
            match self.answer.read(&mut piece) {
                Ok(length @ 1..) => said.extend_from_slice(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => return Err(SpawnError::Died),
            }
        }
        match serde_json::from_slice(&said) {
            Ok(Answer::Ready(ready)) => Ok(ready),
            Ok(Answer::Refused { code, message }) => Err(SpawnError::Refused { code, message }),
            Err(_) => Err(SpawnError::Nonsense(super::cut(&String::from_utf8_lossy(&said), 200))),
        }
    }

    /// The warden's process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells the Pod to stop: the ordinary shutdown, bounded.
    pub fn terminate(&self) {
        // While it is not waited for, its number is its own.
        if let Some(pid) = self.pid() {
            let _ = kill(pid, Signal::SIGTERM);
        }
    }

    /// Kills warden and host. What the agent started is left to the next holder of the Pod's lock, so this is the last
    /// resort: [`terminate`](Self::terminate) first.
    pub fn kill(&self) {
        if let Some(pid) = self.pid() {
            // Its session is its own as soon as it runs; before that, its group is the launcher's and this fails.
            let _ = killpg(pid, Signal::SIGKILL);
            let _ = kill(pid, Signal::SIGKILL);
        }
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().map(Pid::from_raw)
    }

    /// Waits for the end of the warden, which is the end of the Pod; `None` when it has not ended within `timeout`.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn wait(&mut self, timeout: Duration) -> io::Result<Option<ExitStatus>> {
        wait_for(&mut self.child, timeout)
    }
}

/// Waits for the end of a child; `None` when it has not ended within `timeout`.
///
/// # Errors
/// When it cannot be waited for.
pub fn wait_for(child: &mut Child, timeout: Duration) -> io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + timeout;
    loop {
        // Asked first: of a process that was waited for before there is no pidfd any more.
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
        let handle = Handle::open(pid)?;
        // Readable once the process has ended.
        let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(handle.as_fd(), PollFlags::POLLIN)], wait) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// A path as text that stands for every byte of it.
mod path_as_text {
    use crate::domain::{path_from_text, path_text};
    use serde::{Deserialize as _, Deserializer, Serializer};
    use std::path::{Path, PathBuf};

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&path_text(path))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(path_from_text(&String::deserialize(deserializer)?))
    }
}
