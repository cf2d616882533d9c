//! A workspace's first files.

use std::path::{Path, PathBuf};

use crate::fs::{PathError, sync_dir};

use super::config::CONFIG_FILE;
use super::strict::in_workspace;
use super::transaction::make_dirs;
use super::tree::create;

/// The line of `.yoi/.gitignore` that keeps half-built tickets out of git.
pub(super) const IGNORED: &str = "/tmp/";

/// The configuration with everything in it, and everything commented out.
const CONFIG_TEXT: &str = include_str!("ticket.config.toml");

/// Makes what a workspace needs, and gives the paths that were made; what is there already is never touched.
///
/// # Errors
/// When a directory or a file cannot be made.
pub fn init(workspace: &Path) -> Result<Vec<PathBuf>, PathError> {
    let mut made = Vec::new();
    let yoi = workspace.join(".yoi");
    for dir in [yoi.clone(), yoi.join("tickets")] {
        if !dir.is_dir() {
            make_dirs(&dir)?;
            made.push(dir);
        }
    }
    let ignored = format!("{IGNORED}\n");
    for (name, text) in [(CONFIG_FILE, CONFIG_TEXT), (".gitignore", &ignored)] {
        let file = in_workspace(workspace, name);
        match create(&file, text.as_bytes(), None) {
            Ok(()) => made.push(file),
            Err(error) if error.source.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    sync_dir(&yoi)?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::Config;

    #[test]
    fn what_is_there_is_never_touched() {
        let dir = tempfile::tempdir().unwrap();
        let yoi = dir.path().join(".yoi");
        let all = [yoi.clone(), yoi.join("tickets"), yoi.join("ticket.config.toml"), yoi.join(".gitignore")];
        assert_eq!(init(dir.path()).unwrap(), all);
        std::fs::write(yoi.join(".gitignore"), "mine").unwrap();
        assert!(init(dir.path()).unwrap().is_empty());
        assert_eq!(std::fs::read_to_string(yoi.join(".gitignore")).unwrap(), "mine");
    }

    #[test]
    fn the_commented_configuration_is_the_defaults() {
        let dir = tempfile::tempdir().unwrap();
        let defaults = Config::load(dir.path()).unwrap();
        init(dir.path()).unwrap();
        assert_eq!(Config::load(dir.path()).unwrap(), defaults);
        let file = dir.path().join(".yoi/ticket.config.toml");
        let live: String =
            CONFIG_TEXT.lines().map(|line| format!("{}\n", line.strip_prefix("#: ").unwrap_or(line))).collect();
        std::fs::write(&file, live).unwrap();
        let config = Config::load(dir.path()).unwrap();
        assert_eq!(config.checklist().value, defaults.checklist().value);
        assert_eq!(config.language().value, defaults.language().value);
        assert!(config.role(crate::domain::Role::Coder).profile.is_some());
    }
}
