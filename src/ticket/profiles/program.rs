//! Looking programs up.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Finds a program as an absolute path; one with a `/` in it is relative to the workspace.
pub(super) fn find_program(program: &str, workspace: &Path, search_path: Option<&OsString>) -> Result<String, String> {
    let found = if program.contains('/') {
        let path = workspace.join(program);
        if is_executable(&path) {
            Ok(path)
        } else {
            Err(format!("is no program that can be run ('{}')", path.display()))
        }
    } else {
        find_in_path(program, search_path).ok_or_else(|| "is not in PATH".to_owned())
    }?;
    let absolute = std::path::absolute(&found).unwrap_or(found);
    absolute
        .into_os_string()
        .into_string()
        .map_err(|path| format!("lies at a path that is no UTF-8 ({})", path.display()))
}

/// Looks a program up as a shell would; only absolute entries of the path count, so that the working directory does not.
pub fn find_in_path(program: &str, search_path: Option<&OsString>) -> Option<PathBuf> {
    let dirs = std::env::split_paths(search_path?).filter(|dir| dir.is_absolute());
    dirs.map(|dir| dir.join(program)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
