//! A git worktree of its own for a ticket: made or found again for a launch, and taken back if that launch fails.
//!
//! It lies beside the main worktree, in `<name>-worktrees/<ticket>`, on the branch `ticket/<ticket>`: never inside of what
//! git tracks, and found by the branch wherever somebody has moved it. It is the ticket's, not the Pod's: a reviewer finds
//! the coder's. Nothing of it stands in the ticket; the Pod's record says where it works.
//!
//! What is taken back is only what this attempt made, and only as it was made: git itself refuses to remove a worktree with
//! changes, and a branch is deleted only if it still stands where it was begun.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::domain::{TicketId, Worktree, path_text};
use crate::registry::Workspace;

/// What every branch of a ticket begins with.
const BRANCHES: &str = "ticket/";
/// Variables that would lead git to another repository than that of the directory, such as those of a hook.
const OF_A_REPOSITORY: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_COMMON_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// Says why a ticket has no worktree to be launched in.
#[derive(Debug, thiserror::Error)]
pub enum WorktreeError {
    /// The workspace is in no git repository.
    #[error("'{}' is in no git repository", root.display())]
    NoRepository {
        /// The workspace.
        root: PathBuf,
    },
    /// Its branch is the one that the main worktree is on.
    #[error("branch {branch} is checked out in '{}', the main worktree", path.display())]
    InMain {
        /// The branch.
        branch: String,
        /// The main worktree.
        path: PathBuf,
    },
    /// Its place is a worktree of something else.
    #[error("the worktree '{}' is on {found}, not on branch {branch}", path.display())]
    OtherBranch {
        /// The worktree.
        path: PathBuf,
        /// The ticket's branch.
        branch: String,
        /// What it is on.
        found: String,
    },
    /// The workspace is not in what git has of the repository.
    #[error("the worktree '{}' has no directory '{}'", path.display(), inside.display())]
    NotInside {
        /// The worktree.
        path: PathBuf,
        /// The workspace's place in it.
        inside: PathBuf,
    },
    /// Git refused, or could not be run.
    #[error("git {} failed: {said}", words.join(" "))]
    Git {
        /// The arguments.
        words: Vec<String>,
        /// What it said.
        said: String,
    },
}

/// Where the worktree of a ticket is to be, and the place of the workspace in it.
pub(super) fn place(workspace: &Workspace, ticket: &TicketId) -> Result<(Worktree, PathBuf), WorktreeError> {
    let (top, inside) = top_of(&workspace.key_root)
        .or_else(|| top_of(&workspace.root))
        .ok_or_else(|| WorktreeError::NoRepository { root: workspace.root.clone() })?;
    let mut beside = top.file_name().unwrap_or(OsStr::new("root")).to_owned();
    beside.push("-worktrees");
    let path = top.with_file_name(beside).join(ticket.key());
    Ok((Worktree { path: path_text(&path), branch: format!("{BRANCHES}{ticket}") }, inside))
}

/// The top of the git worktree that a directory is in, and the directory's place in it.
fn top_of(directory: &Path) -> Option<(&Path, PathBuf)> {
    let top = directory.ancestors().find(|dir| dir.join(".git").exists())?;
    // A repository at the root of the file system has nothing beside it.
    top.parent()?;
    let inside = directory.strip_prefix(top).expect("an ancestor is a prefix");
    Some((top, inside.to_owned()))
}

/// A worktree that is there, and what of it this attempt has made.
#[derive(Debug)]
#[must_use = "what was made for a launch that fails is taken back"]
pub(super) struct Prepared {
    pub(super) worktree: Worktree,
    made: Option<Made>,
}

#[derive(Debug)]
struct Made {
    git: Git,
    path: PathBuf,
    /// The branch and the commit that it was begun at, where it was made as well.
    branch: Option<(String, String)>,
    /// The directory that it is in, where that was made as well.
    parent: Option<PathBuf>,
}

/// Finds the worktree of a ticket, or makes it; `root` is where the branch begins.
pub(super) fn prepare(
    planned: &Worktree,
    root: &Path,
    environment: &[(OsString, OsString)],
) -> Result<Prepared, WorktreeError> {
    let git = Git { directory: root.to_owned(), environment: environment.to_vec() };
    let (path, branch) = (planned.path(), planned.branch.as_str());
    let mut is_missing = false;
    for (at, listed) in git.worktrees()?.into_iter().enumerate() {
        let is_there = listed.path.is_dir();
        match listed.branch() {
            Some(found) if found == branch && at == 0 && !listed.is_bare => {
                return Err(WorktreeError::InMain { branch: branch.to_owned(), path: listed.path });
            }
            Some(found) if found == branch && is_there => {
                let worktree = Worktree { path: path_text(&listed.path), branch: branch.to_owned() };
                return Ok(Prepared { worktree, made: None });
            }
            Some(found) if found == branch => is_missing = true,
            found if is_there && same(&listed.path, &path) => {
                let found = found.map_or_else(|| "no branch".to_owned(), |found| format!("branch {found}"));
                return Err(WorktreeError::OtherBranch { path, branch: branch.to_owned(), found });
            }
            _ => {}
        }
    }
    let parent = path.parent().filter(|parent| !parent.exists()).map(Path::to_owned);
    let has_branch = git.has(&format!("refs/heads/{branch}"))?;
    let mut words: Vec<&OsStr> = vec!["worktree".as_ref(), "add".as_ref(), "--quiet".as_ref()];
    // Only for one whose directory is gone: somebody has removed it, and git still knows of it.
    words.extend(is_missing.then_some(OsStr::new("--force")));
    let begun = if has_branch { None } else { Some((branch.to_owned(), git.commit("HEAD")?)) };
    match &begun {
        None => words.extend([path.as_os_str(), branch.as_ref()]),
        Some((branch, at)) => words.extend([OsStr::new("-b"), branch.as_ref(), path.as_os_str(), at.as_ref()]),
    }
    let added = git.run(&words);
    let made = Made { git, path: path.clone(), branch: begun.clone(), parent };
    match added {
        Ok(_) => Ok(Prepared { worktree: planned.clone(), made: Some(made) }),
        Err(error) => {
            // Git makes the branch first, and leaves it where it then finds that there is no room for the worktree.
            let _ = made.forget_branch();
            made.forget_parent();
            Err(error)
        }
    }
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

impl Prepared {
    /// The agent's working directory in it.
    pub(super) fn directory(&self, inside: &Path) -> Result<PathBuf, WorktreeError> {
        let path = self.worktree.path();
        // Made of components: joining an empty path would add a slash.
        let directory: PathBuf = path.components().chain(inside.components()).collect();
        if directory.is_dir() {
            return Ok(directory);
        }
        Err(WorktreeError::NotInside { path, inside: inside.to_owned() })
    }

    /// Takes back what this attempt made; says what stays, because somebody has changed it since.
    pub(super) fn undo(self) -> Result<(), WorktreeError> {
        let Some(made) = self.made else { return Ok(()) };
        made.git.run(&["worktree".as_ref(), "remove".as_ref(), made.path.as_os_str()])?;
        made.forget_parent();
        made.forget_branch()
    }
}

impl Made {
    /// Deletes the branch, if it still stands where it was begun.
    fn forget_branch(&self) -> Result<(), WorktreeError> {
        let Some((branch, commit)) = &self.branch else { return Ok(()) };
        let name = format!("refs/heads/{branch}");
        self.git.run(&["update-ref".as_ref(), "-d".as_ref(), name.as_ref(), commit.as_ref()]).map(drop)
    }

    fn forget_parent(&self) {
        if let Some(parent) = &self.parent {
            // Only if it is empty: another ticket's worktree may be in it by now.
            let _ = std::fs::remove_dir(parent);
        }
    }
}

/// Git, run as a program.
#[derive(Debug)]
struct Git {
    directory: PathBuf,
    environment: Vec<(OsString, OsString)>,
}

/// A worktree as git lists it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Listed {
    path: PathBuf,
    /// With `refs/heads/`.
    on: Option<String>,
    is_bare: bool,
}

impl Listed {
    fn branch(&self) -> Option<&str> {
        self.on.as_deref().map(|on| on.strip_prefix("refs/heads/").unwrap_or(on))
    }
}

impl Git {
    fn command(&self, words: &[&OsStr]) -> Command {
        let mut command = Command::new("git");
        let kept = |name: &OsStr| !OF_A_REPOSITORY.iter().any(|variable| name == *variable);
        command.arg("-C").arg(&self.directory).args(words).env_clear().stdin(Stdio::null());
        command.envs(self.environment.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name, value)));
        command
    }

    fn error(words: &[&OsStr], said: String) -> WorktreeError {
        WorktreeError::Git { words: words.iter().map(|word| word.to_string_lossy().into_owned()).collect(), said }
    }

    /// What it prints; an error, with its own words, where it does not succeed.
    fn run(&self, words: &[&OsStr]) -> Result<Vec<u8>, WorktreeError> {
        let output = self.command(words).output().map_err(|error| Self::error(words, error.to_string()))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
        Err(Self::error(words, if said.is_empty() { output.status.to_string() } else { said }))
    }

    /// The commit that a name stands for.
    fn commit(&self, name: &str) -> Result<String, WorktreeError> {
        let name = format!("{name}^{{commit}}");
        let words: [&OsStr; 4] = ["rev-parse".as_ref(), "--verify".as_ref(), "--quiet".as_ref(), name.as_ref()];
        Ok(String::from_utf8_lossy(&self.run(&words)?).trim().to_owned())
    }

    fn has(&self, name: &str) -> Result<bool, WorktreeError> {
        let words: [&OsStr; 4] = ["show-ref".as_ref(), "--verify".as_ref(), "--quiet".as_ref(), name.as_ref()];
        let status = self.command(&words).stderr(Stdio::null()).status();
        Ok(status.map_err(|error| Self::error(&words, error.to_string()))?.success())
    }

    /// All worktrees, the main one first.
    fn worktrees(&self) -> Result<Vec<Listed>, WorktreeError> {
        let words: [&OsStr; 4] = ["worktree".as_ref(), "list".as_ref(), "--porcelain".as_ref(), "-z".as_ref()];
        Ok(parse(&self.run(&words)?))
    }
}

/// Reads `git worktree list --porcelain -z`: attributes end in NUL, and an empty one ends a worktree.
fn parse(listing: &[u8]) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    for attribute in listing.split(|byte| *byte == 0) {
        if let Some(path) = attribute.strip_prefix(b"worktree ") {
            found.push(Listed { path: OsStr::from_bytes(path).into(), ..Listed::default() });
        } else if let Some(listed) = found.last_mut() {
            match attribute.strip_prefix(b"branch ") {
                Some(branch) => listed.on = Some(String::from_utf8_lossy(branch).into_owned()),
                None => listed.is_bare |= attribute == b"bare",
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_of_git_is_read() {
        let listing = b"worktree /a\0bare\0\0worktree /b c\n\0HEAD 12\0branch refs/heads/ticket/T\0\0\
                        worktree /d\0HEAD 34\0detached\0prunable gitdir file points to non-existent location\0\0";
        let found = parse(listing);
        assert_eq!(found.len(), 3);
        assert!(found[0].is_bare && found[0].branch().is_none());
        assert_eq!((found[1].path.as_path(), found[1].branch()), ("/b c\n".as_ref(), Some("ticket/T")));
        assert_eq!((found[2].branch(), found[2].is_bare), (None, false));
    }

    #[test]
    fn its_place_is_beside_the_main_worktree_and_never_in_it() {
        let temp = tempfile::tempdir().unwrap();
        let top = temp.path().join("repo");
        std::fs::create_dir_all(top.join("sub/.yoi")).unwrap();
        let root = top.join("sub");
        let workspace = Workspace { root: root.clone(), key_root: root };
        let ticket = TicketId::new("00001KTJ1QJB8").unwrap();
        assert!(matches!(place(&workspace, &ticket), Err(WorktreeError::NoRepository { .. })));
        std::fs::create_dir(top.join(".git")).unwrap();
        let (worktree, inside) = place(&workspace, &ticket).unwrap();
        assert_eq!(worktree.path(), temp.path().join("repo-worktrees/00001KTJ1QJB8"));
        assert_eq!((worktree.branch.as_str(), inside), ("ticket/00001KTJ1QJB8", "sub".into()));
    }
}
