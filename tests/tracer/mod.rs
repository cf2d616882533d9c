//! A tracer of our own: it runs a command and follows all that this starts, counts the system calls that matter by the
//! part that a process plays in a launch, and kills or holds processes just before a chosen one is carried out.
//!
//! The tracer is a process of its own, this test program again, run with [`TRACE`] as its first argument: a tracee
//! belongs to one thread, and "wait for any child" must not take the children of the trial next door. It says what
//! happens on its standard output, one JSON object a line, and lets a held process go when told the number of the act on
//! its standard input, or when that ends. Its own end lets go of all that it still follows.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod calls;
mod follow;
pub mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

pub use follow::trace;

/// The first argument of the tracer process; a [`Spec`], `--` and the command follow.
pub const TRACE: &str = "--trace";

/// Whether this machine's tracees can be asked for their system calls.
pub const SUPPORTED: bool = cfg!(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"));

/// The part that a process plays; all others are followed, and not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The command itself.
    Launcher,
    /// A `yoi-claim` below the command.
    Verb,
    /// A process whose first argument is `pod-host`.
    Warden,
    /// The process that a warden forks first, or `pod-hold`.
    Host,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Launcher => "launcher",
            Self::Verb => "verb",
            Self::Warden => "warden",
            Self::Host => "host",
        })
    }
}

/// What is to be traced, and what is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// What is done, one after the other.
    pub acts: Vec<Act>,
    /// How long the tracer follows.
    pub until: Until,
}

/// What is to be done, and when.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Act {
    /// Whose calls are counted.
    pub part: Part,
    /// Before which of them, counted from 1, since the act before.
    pub nth: usize,
    /// All living processes of these parts get SIGKILL; where the caller is among them, the call is not carried out.
    pub kill: Vec<Part>,
    /// Whether the process does not run on until the tracer is told: for all others it is as if it were stopped.
    pub hold: bool,
}

/// How long the tracer follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Until the command has ended; what it leaves runs on untraced.
    RootEnds,
    /// Until nothing that it started is left.
    AllEnd,
    /// The same, but what the holder of `pod-hold` starts is not followed: the holder traces it itself.
    AllButTheHeldEnd,
}

/// A call that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// The path or descriptor that it is about; empty where it is about none.
    pub about: String,
    /// Which parts were being played then.
    pub among: Vec<Part>,
}

/// Shows the call with the end of its path.
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<&str> = self.about.rsplitn(3, '/').take(2).collect();
        write!(f, "{} {}", self.name, parts.into_iter().rev().collect::<Vec<_>>().join("/"))
    }
}

/// How the command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With this exit status.
    Exited(i32),
    /// By this signal.
    Killed(i32),
}

/// What a tracer has seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Report {
    /// The calls that matter, up to the one before which the last act was done.
    pub calls: BTreeMap<Part, Vec<Call>>,
    /// How many acts were done.
    pub acted: usize,
    /// Which parts were played by the processes that were killed.
    pub killed: BTreeSet<Part>,
    /// How the command ended.
    pub root: Option<End>,
    /// What was still there when the tracer gave up waiting; empty where it did not.
    pub overdue: Vec<String>,
}

impl Report {
    /// How many calls of a part were seen.
    pub fn count(&self, part: Part) -> usize {
        self.calls.get(&part).map_or(0, Vec::len)
    }
}

/// A process that is held.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Held {
    /// By which act, counted from 0.
    pub act: usize,
    /// Its number.
    pub process: u32,
    /// The number of the command's process, which may be the same.
    pub root: u32,
}

/// What a tracer says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum News {
    Held(Held),
    /// The last process of the part that the next act is about has ended.
    Missed,
    Ended(Report),
}

/// A tracer that runs.
pub struct Tracer {
    process: Child,
    news: BufReader<ChildStdout>,
    ended: Option<Report>,
}

impl Tracer {
    /// Starts a command under a tracer: `environment` makes a [`Command`] with all but its arguments. What the command
    /// says goes to the file `output`.
    pub fn start<A: AsRef<OsStr>>(
        environment: impl FnOnce(&Path) -> Command,
        spec: &Spec,
        command: impl IntoIterator<Item = A>,
        output: &Path,
    ) -> Self {
        let output = std::fs::File::options().append(true).create(true).open(output).unwrap();
        let mut tracer = environment(&std::env::current_exe().unwrap());
        tracer.args([TRACE, &serde_json::to_string(spec).unwrap(), "--"]).args(command);
        let started = tracer.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(output).spawn();
        let mut process = started.unwrap();
        let news = BufReader::new(process.stdout.take().unwrap());
        Self { process, news, ended: None }
    }

    /// The tracer's own process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Waits until the next act holds a process; `None` when it will not come to that.
    pub fn wait_until_held(&mut self) -> Option<Held> {
        if self.ended.is_some() {
            return None;
        }
        match self.listen() {
            News::Held(held) => Some(held),
            News::Missed => None,
            News::Ended(report) => {
                self.ended = Some(report);
                None
            }
        }
    }

    /// Lets a process go.
    pub fn release(&mut self, held: Held) {
        // A tracer that has nothing left to follow has ended.
        let _ = writeln!(self.process.stdin.as_ref().unwrap(), "{}", held.act);
    }

    /// Lets go all that is held, now and later, and waits for what the tracer has seen.
    pub fn finish(mut self) -> Report {
        drop(self.process.stdin.take());
        while self.ended.is_none() {
            if let News::Ended(report) = self.listen() {
                self.ended = Some(report);
            }
        }
        let status = self.process.wait().unwrap();
        assert!(status.success(), "the tracer ended with {status}");
        self.ended.unwrap()
    }

    fn listen(&mut self) -> News {
        let mut line = String::new();
        self.news.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the tracer said {line:?}: {error}"))
    }
}
