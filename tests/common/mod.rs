//! The bench of the end-to-end tests: a world of its own for each test, and the programs run in it.
//!
//! Nothing sleeps: a test waits for a file ([`TestEnv::wait_for`]), for the end of processes
//! ([`TestEnv::wait_for_processes`]), or reads from a pipe. No process may outlive its test.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "every test program uses another part of the bench")]

pub mod console;
pub mod fake_acp;
pub mod impostor;
pub mod process;
pub mod puppet;
pub mod scene;
pub mod screen;
pub mod terminal;
mod text;
pub mod transcript;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use notify::Watcher as _;
use tempfile::TempDir;

pub use process::Process;

/// How long a condition is waited for; a test that gets there has failed.
pub const DEADLINE: Duration = Duration::from_secs(30);

/// A cleared environment with directories of its own, in which no process outlives the test.
pub struct TestEnv {
    root: TempDir,
    clock: Option<String>,
}

impl TestEnv {
    /// Makes home, data, runtime and workspace directories; the workspace is empty.
    pub fn new() -> Self {
        // Below /tmp whatever TMPDIR says: the path of a socket holds 107 bytes.
        Self::new_in(Path::new("/tmp"))
    }

    /// The same below a directory, the path of which is short.
    pub fn new_in(parent: &Path) -> Self {
        let root = tempfile::Builder::new().prefix("yoi").tempdir_in(parent).unwrap();
        let env = Self { root, clock: None };
        for dir in [env.home(), env.data(), env.runtime(), env.workspace()] {
            std::fs::create_dir(&dir).unwrap();
        }
        env
    }

    /// Fixes the clock of the programs, as a moment in RFC 3339 form.
    pub fn with_clock(mut self, moment: &str) -> Self {
        self.clock = Some(moment.to_owned());
        self
    }

    /// All that belongs to this test lies below this directory, and every process of it can be told by that.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Leaves the directories behind, for a look at what went wrong.
    pub fn keep(&mut self) {
        self.root.disable_cleanup(true);
    }

    /// `HOME`.
    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// `YOI_DATA_DIR`.
    pub fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// `YOI_RUNTIME_DIR`.
    pub fn runtime(&self) -> PathBuf {
        self.root().join("run")
    }

    /// Where commands are run.
    pub fn workspace(&self) -> PathBuf {
        self.root().join("work")
    }

    /// The porcelain, with these arguments.
    pub fn yoi<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_yoi"));
        command.args(arguments);
        command
    }

    /// The plumbing, with these arguments.
    pub fn yoi_claim<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_yoi-claim"));
        command.args(arguments);
        command
    }

    /// A shell script that finds both programs in its `PATH`.
    pub fn shell(&self, script: &str) -> Command {
        let mut command = self.command("sh");
        command.args(["-ec", script]);
        command
    }

    /// Any program, in this environment.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_yoi")).parent().unwrap();
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display()))
            .env("HOME", self.home())
            .env("YOI_DATA_DIR", self.data())
            .env("YOI_RUNTIME_DIR", self.runtime())
            .env("USER", "tester")
            .env("TZ", "UTC")
            .env("LC_ALL", "C.UTF-8")
            .envs(self.clock.iter().map(|moment| ("YOI_CLOCK", moment)))
            .current_dir(self.workspace())
            .stdin(Stdio::null());
        command
    }

    /// Waits until `look` gives something, looking again whenever something changes below the root.
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
        // A change in a directory that was made a moment ago may come before that directory is watched.
        const LOOK_AGAIN: Duration = Duration::from_millis(100);
        let (sender, changes) = mpsc::channel();
        let mut watcher = notify::recommended_watcher(sender).unwrap();
        watcher.watch(self.root(), notify::RecursiveMode::Recursive).unwrap();
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = look() {
                return found;
            }
            assert!(Instant::now() < deadline, "waited for {what} for {DEADLINE:?}");
            let _something_changed = changes.recv_timeout(LOOK_AGAIN);
        }
    }

    /// The processes of this test that still run; a zombie has ended.
    pub fn processes(&self) -> Vec<Process> {
        Process::all_of(self.root())
    }

    /// Waits until every process of this test has ended.
    pub fn wait_for_processes(&self) {
        let deadline = Instant::now() + DEADLINE;
        while let Some(process) = self.processes().first() {
            assert!(process.wait(deadline), "{process} still runs after {DEADLINE:?}");
        }
    }

    /// A text with all that differs from run to run replaced: paths of this test, moments, random values.
    pub fn normalise(&self, text: &str) -> String {
        text::normalise(&text.replace(self.root().to_str().unwrap(), "$ROOT"))
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        let left = self.processes();
        let names: Vec<String> = left.iter().map(ToString::to_string).collect();
        left.iter().for_each(Process::kill);
        if !left.is_empty() && !std::thread::panicking() {
            panic!("the test left processes behind: {}", names.join("; "));
        }
    }
}

/// What a program answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Its exit status; 128 + the signal's number where a signal ended it.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        Self::from_output(command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}")))
    }

    /// Takes what a command that has ended left.
    pub fn from_output(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt as _;
        Self {
            status: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap()),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails, with all that was said, when the status is another.
    #[track_caller]
    pub fn assert_status(self, expected: i32) -> Self {
        assert_eq!(self.status, expected, "\nstdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

/// Runs a command, which must end with this status, and gives what it said.
#[track_caller]
pub fn run(command: &mut Command, status: i32) -> Outcome {
    Outcome::of(command).assert_status(status)
}
