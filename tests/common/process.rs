//! The processes of a test, found by what they carry of it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Instant;

use super::DEADLINE;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// The memory of a process, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What is in memory of all that it has, also what it shares with others, such as the program's text.
    pub resident: u64,
    /// What would be free if it ended.
    pub private: u64,
}

/// A process that ran a moment ago. Its number cannot come to mean another one.
pub struct Process {
    pid: Pid,
    handle: OwnedFd,
    command: String,
}

impl Process {
    /// Takes hold of a process; `None` where it has ended.
    pub fn open(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let handle = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        Some(Self { pid, handle, command })
    }

    /// Every process that has this directory in its environment or arguments, or works in it.
    pub(super) fn all_of(root: &Path) -> Vec<Self> {
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        // Opened first and looked at then: what is found is true of the process that is held.
        pids.filter_map(Self::open).filter(|process| process.carries(root)).collect()
    }

    /// A process that is ending loses its memory, and with it environment and arguments, before its files and locks.
    /// Nothing tells whose it was then, so one of the programs under test is given the time to end, whoever's it is.
    fn carries(&self, root: &Path) -> bool {
        let mentions = |file: &str| {
            let bytes = fs::read(format!("/proc/{}/{file}", self.pid)).unwrap_or_default();
            let root = root.as_os_str().as_bytes();
            bytes.windows(root.len()).any(|window| window == root)
        };
        if mentions("environ") || mentions("cmdline") {
            return true;
        }
        let has_no_memory = fs::read(format!("/proc/{}/cmdline", self.pid)).is_ok_and(|line| line.is_empty());
        if has_no_memory {
            let name = fs::read_to_string(format!("/proc/{}/comm", self.pid)).unwrap_or_default();
            if name.starts_with("yoi") {
                self.wait(Instant::now() + DEADLINE);
            }
            return false;
        }
        fs::read_link(format!("/proc/{}/cwd", self.pid)).is_ok_and(|cwd| cwd.starts_with(root))
    }

    /// Its number.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits for its end; false when it has not come by the deadline.
    pub fn wait(&self, deadline: Instant) -> bool {
        let mut handles = [PollFd::new(&self.handle, PollFlags::IN)];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match poll(&mut handles, Some(&left.try_into().unwrap())) {
                Ok(0) => return false,
                Ok(_) => return true,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("cannot wait for {self}: {error}"),
            }
        }
    }

    /// Sends it a signal; one that has ended gets none.
    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.handle, signal);
    }

    /// The memory that it has now.
    pub fn memory(&self) -> Memory {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).unwrap();
        let sum = |keys: &[&str]| {
            let kibibytes = text.lines().filter_map(|line| line.split_once(':')).filter(|(key, _)| keys.contains(key));
            kibibytes.map(|(_, value)| value.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10).sum()
        };
        Memory { resident: sum(&["Rss"]), private: sum(&["Private_Clean", "Private_Dirty"]) }
    }

    /// How often each of its threads has gone to sleep until now, by the thread's number and name.
    ///
    /// A thread that was woken has gone to sleep again after it, so these are the wake-ups of a process that is idle.
    pub fn sleeps(&self) -> BTreeMap<String, u64> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).unwrap().map(|entry| entry.unwrap().path());
        let sleeps = threads.filter_map(|thread| {
            // A thread that ends while this looks has no wake-ups to come.
            let status = fs::read_to_string(thread.join("status")).ok()?;
            let field = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap().trim();
            let name = format!("{} {}", field("Pid:"), field("Name:"));
            Some((name, field("voluntary_ctxt_switches:").parse().unwrap()))
        });
        sleeps.collect()
    }

    /// Ends it.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} ({})", self.pid, self.command.trim_end())
    }
}
