//! The program that is to be held, found before anything is locked.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::super::error::{Failed, Step, TicketRoleLaunchError, Undone};
use super::{HoldRequest, Holding};

/// Finds the program of a request.
pub(super) fn find_program(request: &HoldRequest, holding: &Holding<'_>) -> Result<PathBuf, TicketRoleLaunchError> {
    let found = find_command(&request.command, &request.directory, holding.search_path.as_deref());
    found.map_err(|why| {
        TicketRoleLaunchError::Failed(Box::new(Failed {
            step: Step::Spawn,
            pod: request.pod.clone(),
            ticket: request.ticket.clone(),
            why,
            log: String::new(),
            undone: Undone::Nothing,
        }))
    })
}

/// Finds the program of a command as `execvp(3)` does; only absolute entries of the path count.
///
/// # Errors
/// Why it cannot be run, in words.
pub(in crate::launch) fn find_command(
    command: &[OsString],
    directory: &Path,
    search_path: Option<&OsStr>,
) -> Result<PathBuf, String> {
    let program = command.first().map(Path::new).ok_or("the command is empty")?;
    let may_be_run = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.components().count() > 1 {
        let path = directory.join(program);
        return if may_be_run(&path) {
            Ok(path)
        } else {
            Err(format!("'{}' is no program that can be run", path.display()))
        };
    }
    let mut dirs = std::env::split_paths(search_path.unwrap_or_default()).filter(|dir| dir.is_absolute());
    let found = dirs.find_map(|dir| Some(dir.join(program)).filter(may_be_run));
    found.ok_or_else(|| format!("there is no program '{}' in PATH", program.display()))
}
