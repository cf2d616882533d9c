//! A terminal for programs that ask only where there is one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use nix::pty::openpty;
use rustix::event::{PollFd, PollFlags, poll};

use super::{DEADLINE, Outcome, TestEnv};

/// Runs a command on a terminal of its own, on which this is typed; what both sides wrote there is its standard output.
pub fn on_terminal(command: &mut Command, typed: &str) -> Outcome {
    on_terminal_after(command, "", typed, || ())
}

/// The same, but what is typed is typed only once the command has said something, and something else was done then. Where
/// it need not say anything, that is before it is started: what is typed shows on the terminal, and always at one place.
pub fn on_terminal_after(command: &mut Command, said_first: &str, typed: &str, then: impl FnOnce()) -> Outcome {
    let pair = openpty(None, None).unwrap();
    let (ours, theirs) = (File::from(pair.master), File::from(pair.slave));
    let mut type_in = Some(|| {
        then();
        (&ours).write_all(typed.as_bytes()).unwrap();
    });
    if said_first.is_empty()
        && let Some(type_in) = type_in.take()
    {
        type_in();
    }
    let clone = || theirs.try_clone().unwrap();
    let mut child = command.stdin(clone()).stdout(clone()).stderr(clone()).spawn().unwrap();
    // The command keeps its copies until it is dropped, and the end of the terminal comes with the last of them.
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    drop(theirs);
    let mut said = Vec::new();
    loop {
        if String::from_utf8_lossy(&said).contains(said_first)
            && let Some(type_in) = type_in.take()
        {
            type_in();
        }
        let mut handles = [PollFd::new(&ours, PollFlags::IN)];
        if poll(&mut handles, Some(&DEADLINE.try_into().unwrap())) != Ok(1) {
            let _ = child.kill();
            panic!("{command:?} goes on: {}", String::from_utf8_lossy(&said));
        }
        let mut piece = [0; 4096];
        // A terminal that nobody has open any more answers with an error.
        match (&ours).read(&mut piece) {
            Ok(length @ 1..) => said.extend_from_slice(&piece[..length]),
            _ => break,
        }
    }
    let status = child.wait().unwrap();
    Outcome {
        status: status.code().unwrap(),
        stdout: String::from_utf8(said).unwrap().replace("\r\n", "\n"),
        stderr: String::new(),
    }
}

/// A command that runs on a terminal of its own, which is its controlling one: what is typed there comes step by step.
pub struct Terminal {
    child: Child,
    ours: File,
    said: Vec<u8>,
    /// How much of it was waited for.
    seen: usize,
}

impl Terminal {
    /// Starts it.
    pub fn start(env: &TestEnv, command: &Command) -> Self {
        let pair = openpty(None, None).unwrap();
        let mut session = env.command("setsid");
        session.args(["-c", "-w"]).arg(command.get_program()).args(command.get_args());
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let child = session.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        Self { child, ours: File::from(pair.master), said: Vec::new(), seen: 0 }
    }

    /// Types.
    pub fn type_in(&mut self, text: &str) {
        self.ours.write_all(text.as_bytes()).unwrap();
    }

    /// Waits until something is said behind what was waited for before, and gives all that was said between the two.
    pub fn until(&mut self, text: &str) -> String {
        loop {
            let rest = String::from_utf8_lossy(&self.said[self.seen..]).into_owned();
            if let Some(at) = rest.find(text) {
                self.seen += at + text.len();
                return rest[..at].to_owned();
            }
            assert!(self.read(), "it ended, and did not say {text:?}: {rest}");
        }
    }

    /// Waits for its end, and gives its status and all that was said.
    pub fn end(mut self) -> (i32, String) {
        while self.read() {}
        let status = self.child.wait().unwrap().code().unwrap();
        (status, String::from_utf8_lossy(&self.said).into_owned())
    }

    /// Reads what comes next; false at the end.
    fn read(&mut self) -> bool {
        let mut handles = [PollFd::new(&self.ours, PollFlags::IN)];
        if poll(&mut handles, Some(&DEADLINE.try_into().unwrap())) != Ok(1) {
            let _ = self.child.kill();
            panic!("nothing more is said after {}", String::from_utf8_lossy(&self.said));
        }
        let mut piece = [0; 4096];
        match self.ours.read(&mut piece) {
            Ok(length @ 1..) => {
                // A terminal ends lines with two characters.
                self.said.extend(piece[..length].iter().filter(|byte| **byte != b'\r'));
                true
            }
            _ => false,
        }
    }
}
