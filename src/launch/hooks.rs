//! Git hooks that refuse an agent's work once its claim was lost.
//!
//! An agent has `YOI_TICKET` and `YOI_CLAIM` in its environment; the hooks compare that claim with the one that stands.
//! Where the variables are not set, such as in a person's shell, the hooks do nothing. Hooks of others are left alone.

use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::fs::{IoContext as _, PathError};

/// The names of the hooks, as githooks(5) has them.
const NAMES: [&str; 2] = ["pre-commit", "pre-push"];
/// How a hook of ours is known: its second line begins so.
const MARK: &str = "# yoi hooks: ";
/// The check itself, for a hook of somebody else's to call.
pub const CHECK: &str = r#"[ -z "$YOI_CLAIM" ] || yoi-claim claim-check "$YOI_TICKET" --expect "$YOI_CLAIM" || exit 1"#;

/// Says why hooks could not be looked at, installed or removed.
#[derive(Debug, thiserror::Error)]
pub enum HooksError {
    /// The directory belongs to no git repository.
    #[error("'{}' belongs to no git repository: {said}", directory.display())]
    NoRepository {
        /// The directory.
        directory: PathBuf,
        /// What git said.
        said: String,
    },
    /// Git could not be run.
    #[error("cannot ask git where its hooks are")]
    Git(#[source] io::Error),
    /// A hook could not be read or written.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// What stands under the name of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookState {
    /// Nothing.
    Missing,
    /// Our hook, as this version writes it.
    Installed,
    /// Our hook, as another version wrote it.
    Outdated,
    /// A hook of somebody else's, which makes the check.
    Checks,
    /// A hook of somebody else's, which does not.
    Foreign,
}

/// One hook of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Its name.
    pub name: &'static str,
    /// Where it is, or would be.
    pub path: PathBuf,
    /// What stands there.
    pub state: HookState,
}

/// Looks at the hooks of the repository that a directory belongs to, linked worktrees and `core.hooksPath` included.
///
/// # Errors
/// When it belongs to none, git cannot be run, or a file cannot be read.
pub fn hooks(directory: &Path) -> Result<Vec<Hook>, HooksError> {
    let dir = hooks_dir(directory)?;
    let look = |name| {
        let path = dir.join(name);
        let state = match std::fs::read(&path) {
            Ok(text) => state_of(name, &String::from_utf8_lossy(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => HookState::Missing,
            Err(error) => return Err(error).context("read", &path)?,
        };
        Ok(Hook { name, path, state })
    };
    NAMES.into_iter().map(look).collect()
}

/// Puts our hook where nothing stands, or another version of it; the others stay as they are.
///
/// Gives the hooks that it wrote.
///
/// # Errors
/// The same as those of [`hooks`], and when a file cannot be written.
pub fn install(hooks: &[Hook]) -> Result<Vec<&Hook>, PathError> {
    let wanted = |hook: &&Hook| matches!(hook.state, HookState::Missing | HookState::Outdated);
    let put = |hook| write(hook).map(|()| hook);
    hooks.iter().filter(wanted).map(put).collect()
}

/// Removes our hooks, and gives those that it removed.
///
/// # Errors
/// When a file cannot be removed.
pub fn remove(hooks: &[Hook]) -> Result<Vec<&Hook>, PathError> {
    let ours = |hook: &&Hook| matches!(hook.state, HookState::Installed | HookState::Outdated);
    let unlink = |hook: &'_ Hook| std::fs::remove_file(&hook.path).context("remove", &hook.path);
    hooks.iter().filter(ours).map(|hook| unlink(hook).map(|()| hook)).collect()
}

fn hooks_dir(directory: &Path) -> Result<PathBuf, HooksError> {
    let asked = Command::new("git").args(["rev-parse", "--git-path", "hooks"]).current_dir(directory).output();
    let asked = asked.map_err(HooksError::Git)?;
    if !asked.status.success() {
        let said = String::from_utf8_lossy(&asked.stderr).trim().to_owned();
        return Err(HooksError::NoRepository { directory: directory.to_owned(), said });
    }
    let mut path = asked.stdout;
    if path.last() == Some(&b'\n') {
        path.pop();
    }
    Ok(directory.join(std::ffi::OsString::from_vec(path)))
}

fn state_of(name: &str, text: &str) -> HookState {
    if text == script(name) {
        HookState::Installed
    } else if text.lines().nth(1).is_some_and(|line| line.starts_with(MARK)) {
        HookState::Outdated
    } else if text.contains("yoi-claim claim-check") {
        HookState::Checks
    } else {
        HookState::Foreign
    }
}

/// The hook. It says no more than what was found: an agent that reads it is told nothing that evicts another.
fn script(name: &str) -> String {
    format!(
        "#!/bin/sh\n\
         {MARK}written by `yoi hooks install`, taken away by `yoi hooks remove`\n\
         [ -z \"$YOI_CLAIM\" ] && exit 0\n\
         yoi-claim claim-check \"$YOI_TICKET\" --expect \"$YOI_CLAIM\" && exit 0\n\
         echo \"yoi: {name} refused: the claim on ticket $YOI_TICKET is not, or not known to be, this agent's\" >&2\n\
         exit 1\n"
    )
}

fn write(hook: &Hook) -> Result<(), PathError> {
    let path = &hook.path;
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).context("make the directory", dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir).context("create a file in", dir)?;
    file.write_all(script(hook.name).as_bytes()).context("write", file.path())?;
    let runnable = std::fs::Permissions::from_mode(0o755);
    file.as_file().set_permissions(runnable).context("change the mode of", file.path())?;
    let put = match hook.state {
        // Somebody's own hook may have come since it was looked for: it is not replaced.
        HookState::Missing => file.persist_noclobber(path),
        _ => file.persist(path),
    };
    put.map(drop).map_err(|error| error.error).context("put into place", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_known_by_what_it_says() {
        assert_eq!(state_of("pre-push", &script("pre-push")), HookState::Installed);
        assert_eq!(state_of("pre-push", &script("pre-commit")), HookState::Outdated);
        assert_eq!(state_of("pre-push", "#!/bin/sh\nexit 0\n"), HookState::Foreign);
        assert_eq!(state_of("pre-push", &format!("#!/bin/sh\n{CHECK}\n")), HookState::Checks);
    }

    #[test]
    fn a_hook_that_came_meanwhile_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pre-push");
        let hook = Hook { name: "pre-push", path: path.clone(), state: HookState::Missing };
        std::fs::write(&path, "mine").unwrap();
        assert!(install(std::slice::from_ref(&hook)).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }
}
