//! A terminal for programs that ask only where there is one.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::Command;

use nix::pty::openpty;
use rustix::event::{PollFd, PollFlags, poll};

use super::{DEADLINE, Outcome};

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
