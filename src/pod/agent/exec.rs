//! `exec`: any program that takes a prompt on standard input and prints its answer, run once a turn.
//!
//! One thread, the turn's own, serves the program's three pipes with `poll`, so that neither a program that does not
//! read, nor a background process that keeps its standard output open, can hang a turn or leave a thread behind.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;

use super::last_words::{self, LastWords};
use super::utf8::Decoder;
use super::{Agent, Stage, StartError, Surroundings, Turn, TurnError};
use crate::pod::nursery::{Exit, Nursery};

/// How long a cancelled program may take to end by itself.
const POLITENESS: Duration = Duration::from_secs(2);
/// How long output is awaited after the program has ended, while another process keeps its pipes open.
const SETTLING: Duration = Duration::from_millis(200);
/// How much of an answer is kept, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// The agent.
pub(super) struct Exec {
    command: Vec<String>,
    variables: BTreeMap<String, String>,
    surroundings: Surroundings,
}

impl Exec {
    pub(super) fn new(command: Vec<String>, variables: BTreeMap<String, String>, surroundings: Surroundings) -> Self {
        Self { command, variables, surroundings }
    }

    fn command(&self, turn: &Turn) -> Result<Command, TurnError> {
        let [program, arguments @ ..] = self.command.as_slice() else {
            return Err(TurnError::Failed("the profile's command is empty".to_owned()));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(&self.surroundings.directory)
            .env_clear()
            .envs(self.surroundings.environment.iter().map(|(name, value)| (name, value)))
            .envs(&self.variables)
            .envs(turn.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }
}

impl Agent for Exec {
    fn start(&mut self) -> Result<(), StartError> {
        let Some(program) = self.command.first() else {
            return Err(StartError("the profile's command is empty".to_owned()));
        };
        last_words::check_program(program).map_err(StartError)
    }

    fn turn(&mut self, turn: &Turn, stage: &dyn Stage) -> Result<(), TurnError> {
        let workflows = &self.surroundings.workflows;
        let prompt = turn.conversation.prompt(&turn.input, |slug| workflows(slug));
        let program = self.command.first().map_or("", String::as_str);
        let failed = |error: io::Error| TurnError::Failed(format!("cannot run '{program}': {error}"));
        let (waker, happenings) = Waker::new().map_err(failed)?;
        let on_exit = waker.clone();
        let child = self
            .surroundings
            .nursery
            .spawn(self.command(turn)?, Box::new(move |exit| on_exit.wake(What::Exited(exit))));
        let mut running = Running::new(child.map_err(failed)?, prompt.into_bytes(), &self.surroundings.nursery, stage)
            .map_err(failed)?;
        turn.cancel.on_cancel(move || waker.wake(What::Cancelled));
        let exit = running.serve(&happenings);
        let Ended { answer, last_words } = running.finish();
        if !answer.is_empty() || exit.as_ref().is_ok_and(|exit| *exit == Exit::Status(0)) {
            stage.answer(answer);
        }
        match exit.map_err(failed)? {
            _ if turn.cancel.is_cancelled() => Err(TurnError::Cancelled),
            Exit::Status(0) => Ok(()),
            exit => Err(TurnError::Failed(last_words.of(&last_words::ending(program, exit)))),
        }
    }
}

/// What can happen to a program from outside of its pipes.
enum What {
    Exited(Exit),
    Cancelled,
}

/// Wakes the thread that serves a program.
#[derive(Clone)]
struct Waker {
    what: Sender<What>,
    pipe: std::sync::Arc<PipeWriter>,
}

struct Happenings {
    what: Receiver<What>,
    pipe: PipeReader,
}

impl Waker {
    fn new() -> io::Result<(Self, Happenings)> {
        let (reader, writer) = io::pipe()?;
        make_nonblocking(&reader)?;
        make_nonblocking(&writer)?;
        let (send, receive) = mpsc::channel();
        Ok((Self { what: send, pipe: writer.into() }, Happenings { what: receive, pipe: reader }))
    }

    fn wake(&self, what: What) {
        // A turn that is over does not hear it, and a full pipe wakes as well as another byte.
        let _ = self.what.send(what);
        let _ = (&*self.pipe).write(b".");
    }
}

fn make_nonblocking(descriptor: &impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    fcntl(descriptor, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// A program that runs, and its pipes.
struct Running<'a> {
    pid: u32,
    nursery: &'a Nursery,
    stage: &'a dyn Stage,
    input: Option<ChildStdin>,
    prompt: Vec<u8>,
    written: usize,
    output: Option<std::process::ChildStdout>,
    errors: Option<std::process::ChildStderr>,
    decoder: Decoder,
    answer: String,
    answer_length: usize,
    last_words: LastWords,
}

/// What a program left behind.
struct Ended {
    answer: String,
    last_words: LastWords,
}

impl<'a> Running<'a> {
    fn new(mut child: Child, prompt: Vec<u8>, nursery: &'a Nursery, stage: &'a dyn Stage) -> io::Result<Self> {
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pid = child.id();
        let pipes =
            [input.as_ref().map(AsFd::as_fd), output.as_ref().map(AsFd::as_fd), errors.as_ref().map(AsFd::as_fd)];
        for pipe in pipes.iter().flatten() {
            make_nonblocking(pipe).inspect_err(|_| nursery.end_group(pid, Signal::SIGKILL))?;
        }
        Ok(Self {
            pid,
            nursery,
            stage,
            input,
            prompt,
            written: 0,
            output,
            errors,
            decoder: Decoder::default(),
            answer: String::new(),
            answer_length: 0,
            last_words: LastWords::default(),
        })
    }

    /// Serves the pipes until the program has ended and its output is there; gives how it ended.
    fn serve(&mut self, happenings: &Happenings) -> io::Result<Exit> {
        let mut exit = None;
        let mut kill_at: Option<Instant> = None;
        let mut settled_at: Option<Instant> = None;
        loop {
            let now = Instant::now();
            if let Some(exit) = exit
                && ((self.output.is_none() && self.errors.is_none()) || settled_at.is_some_and(|at| at <= now))
            {
                return Ok(exit);
            }
            if kill_at.is_some_and(|at| at <= now) {
                self.nursery.end_group(self.pid, Signal::SIGKILL);
                kill_at = None;
            }
            self.wait(happenings, [kill_at, settled_at].into_iter().flatten().min())?;
            let mut drained = [0; 64];
            while (&happenings.pipe).read(&mut drained).is_ok_and(|read| read > 0) {}
            for what in happenings.what.try_iter() {
                match what {
                    What::Exited(how) => {
                        exit = Some(how);
                        kill_at = None;
                        self.input = None;
                        settled_at = Some(Instant::now() + SETTLING);
                    }
                    What::Cancelled if exit.is_none() => {
                        self.nursery.end_group(self.pid, Signal::SIGTERM);
                        kill_at = Some(Instant::now() + POLITENESS);
                    }
                    What::Cancelled => {}
                }
            }
            self.write_prompt();
            self.read_output();
            self.read_errors();
        }
    }

    fn wait(&self, happenings: &Happenings, until: Option<Instant>) -> io::Result<()> {
        let mut polled = vec![PollFd::new(happenings.pipe.as_fd(), PollFlags::POLLIN)];
        polled.extend(self.input.as_ref().map(|input| PollFd::new(input.as_fd(), PollFlags::POLLOUT)));
        let readable: [Option<BorrowedFd<'_>>; 2] =
            [self.output.as_ref().map(AsFd::as_fd), self.errors.as_ref().map(AsFd::as_fd)];
        polled.extend(readable.into_iter().flatten().map(|pipe| PollFd::new(pipe, PollFlags::POLLIN)));
        let timeout = until.map_or(PollTimeout::NONE, |until| {
            // A millisecond more than needed, rather than waking just before the time.
            let left = until.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut polled, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn write_prompt(&mut self) {
        while let Some(input) = &mut self.input {
            match input.write(&self.prompt[self.written..]) {
                Ok(written) if self.written + written < self.prompt.len() => self.written += written,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // All is written, or the program does not want to read it: that is its affair.
                Ok(_) | Err(_) => self.input = None,
            }
        }
    }

    fn read_output(&mut self) {
        let Some(piece) = read_some(&mut self.output) else { return };
        let text = self.decoder.push(&piece);
        self.show(&text);
    }

    fn show(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.stage.text(text);
        self.answer_length += text.len();
        let room = MAX_ANSWER.saturating_sub(self.answer.len());
        self.answer.push_str(&text[..text.floor_char_boundary(room)]);
    }

    fn read_errors(&mut self) {
        let Some(piece) = read_some(&mut self.errors) else { return };
        self.stage.log(&piece);
        self.last_words.hear(&piece);
    }

    fn finish(mut self) -> Ended {
        let rest = self.decoder.finish();
        self.show(&rest);
        if self.answer_length > self.answer.len() {
            self.answer.push_str(&format!("\n[cut: the answer had {} bytes]", self.answer_length));
        }
        Ended { answer: self.answer, last_words: self.last_words }
    }
}

/// Reads what is there, up to 16 KiB; a pipe at its end is closed.
fn read_some(pipe: &mut Option<impl Read>) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 16 << 10];
    match pipe.as_mut()?.read(&mut buffer) {
        Ok(0) => *pipe = None,
        Ok(length) => {
            buffer.truncate(length);
            return Some(buffer);
        }
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
        Err(_) => *pipe = None,
    }
    None
}

#[cfg(test)]
#[path = "exec_tests.rs"]
mod tests;
