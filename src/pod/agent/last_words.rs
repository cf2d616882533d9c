//! How an agent program ended, in words: what an error shows of it.

use std::os::unix::fs::PermissionsExt as _;

use crate::pod::nursery::Exit;

/// How much of its last words an error shows, in bytes.
const BOUND: usize = 2 << 10;

/// The end of what a program wrote to its standard error.
#[derive(Debug, Clone, Default)]
pub(super) struct LastWords(Vec<u8>);

impl LastWords {
    /// Takes what it wrote.
    pub(super) fn hear(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
        let surplus = self.0.len().saturating_sub(BOUND);
        self.0.drain(..surplus);
    }

    /// What happened, with the last words where there are any.
    pub(super) fn of(&self, what_happened: &str) -> String {
        match String::from_utf8_lossy(&self.0).trim() {
            "" => what_happened.to_owned(),
            words => format!("{what_happened}: {words}"),
        }
    }
}

/// How a program ended.
pub(super) fn ending(program: &str, exit: Exit) -> String {
    match exit {
        Exit::Status(status) => format!("'{program}' ended with status {status}"),
        Exit::Killed(signal) => format!("'{program}' was ended by {signal}"),
    }
}

/// Looks whether a program can be run, as far as that can be seen.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check_program(program: &str) -> Result<(), String> {
    match std::fs::metadata(program) {
        Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(()),
        Ok(_) => Err(format!("cannot run '{program}': it is no executable file")),
        Err(error) => Err(format!("cannot run '{program}': {error}")),
    }
}
