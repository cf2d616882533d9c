//! The agent's program: how it is started, and how its end is noticed, brought about and described.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::pod::agent::last_words::{LastWords, ending};
use crate::pod::agent::{Feed, News};
use crate::pod::nursery::{Exit, Nursery};

/// How long the rest of what a program said is awaited once it has ended, and its end once it says nothing any more.
const SETTLING: Duration = Duration::from_millis(300);
/// How long the kernel may take to end a program that was killed.
const DEATH: Duration = Duration::from_secs(5);

/// What a program is started with.
pub(super) struct Launch<'a> {
    pub(super) command: &'a [String],
    pub(super) directory: &'a Path,
    /// The whole environment; of two values the later one counts.
    pub(super) environment: Vec<(OsString, OsString)>,
}

/// A program that was started, before anybody speaks to it.
pub(super) struct Born {
    name: String,
    pid: u32,
    exit: oneshot::Receiver<Exit>,
    nursery: Nursery,
    pub(super) input: OwnedFd,
    pub(super) output: OwnedFd,
    errors: OwnedFd,
}

impl Born {
    /// Starts a program.
    ///
    /// # Errors
    /// When it cannot be started; the text names it.
    pub(super) fn start(launch: Launch, nursery: &Nursery) -> Result<Self, String> {
        let [name, arguments @ ..] = launch.command else {
            return Err("the profile's command is empty".to_owned());
        };
        let mut command = Command::new(name);
        command
            .args(arguments)
            .current_dir(launch.directory)
            .env_clear()
            .envs(launch.environment)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let (tell, exit) = oneshot::channel();
        let on_exit = Box::new(move |exit| {
            let _ = tell.send(exit);
        });
        let mut child = nursery.spawn(command, on_exit).map_err(|error| format!("cannot run '{name}': {error}"))?;
        let piped = "its pipes were asked for";
        Ok(Self {
            name: name.clone(),
            pid: child.id(),
            exit,
            nursery: nursery.clone(),
            input: child.stdin.take().expect(piped).into(),
            output: child.stdout.take().expect(piped).into(),
            errors: child.stderr.take().expect(piped).into(),
        })
    }
}

/// A program that runs.
pub(super) struct Program {
    name: String,
    pid: u32,
    exit: oneshot::Receiver<Exit>,
    exited: Option<Exit>,
    nursery: Nursery,
    last_words: Arc<Mutex<LastWords>>,
    errors: JoinHandle<()>,
}

impl Program {
    /// Takes a program over, and its two pipes to speak through; to be called on the runtime.
    ///
    /// # Errors
    /// When the pipes cannot be watched; the program is ended.
    pub(super) fn take(born: Born, feed: Feed) -> io::Result<(Self, pipe::Sender, pipe::Receiver)> {
        let Born { name, pid, exit, nursery, input, output, errors } = born;
        let pipes = || -> io::Result<_> {
            let errors = pipe::Receiver::from_owned_fd(errors)?;
            Ok((pipe::Sender::from_owned_fd(input)?, pipe::Receiver::from_owned_fd(output)?, errors))
        };
        let (input, output, errors) = pipes().inspect_err(|_| nursery.end_group(pid, Signal::SIGKILL))?;
        let last_words = Arc::default();
        let errors = tokio::spawn(listen(errors, Arc::clone(&last_words), feed));
        Ok((Self { name, pid, exit, exited: None, nursery, last_words, errors }, input, output))
    }

    /// Whether it has ended, as far as is known.
    pub(super) fn is_over(&self) -> bool {
        self.exited.is_some()
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) {
        if self.exited.is_none() {
            // Dropped only when the Pod is ending.
            self.exited = Some((&mut self.exit).await.unwrap_or(Exit::Killed(Signal::SIGKILL)));
        }
    }

    /// What happened, with its last words.
    pub(super) fn said(&self, what_happened: &str) -> String {
        words(&self.last_words).of(what_happened)
    }

    /// Has its end, by force where it does not come by itself, and describes it: by `why` if that came first.
    pub(super) async fn autopsy(&mut self, why: Option<String>) -> String {
        let by_itself = timeout(SETTLING, self.ended()).await.is_ok();
        if !by_itself {
            self.kill().await;
        }
        let _ = timeout(SETTLING, &mut self.errors).await;
        let what_happened = match (self.exited, why) {
            (Some(exit), _) if by_itself => ending(&self.name, exit),
            (_, Some(why)) => format!("'{}' {why}", self.name),
            (exit, None) => ending(&self.name, exit.unwrap_or(Exit::Killed(Signal::SIGKILL))),
        };
        self.said(&what_happened)
    }

    /// Ends it and its process group.
    pub(super) async fn kill(&mut self) {
        self.nursery.end_group(self.pid, Signal::SIGKILL);
        let _ = timeout(DEATH, self.ended()).await;
    }
}

/// Keeps what a program writes to its standard error in the Pod's log.
async fn listen(mut errors: pipe::Receiver, last_words: Arc<Mutex<LastWords>>, feed: Feed) {
    let mut buffer = vec![0; 4 << 10];
    while let Ok(length @ 1..) = errors.read(&mut buffer).await {
        words(&last_words).hear(&buffer[..length]);
        feed(News::Log(buffer[..length].to_owned()));
    }
}

fn words(words: &Mutex<LastWords>) -> MutexGuard<'_, LastWords> {
    words.lock().unwrap_or_else(PoisonError::into_inner)
}
