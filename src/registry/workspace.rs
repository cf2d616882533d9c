//! Which workspace a directory belongs to, and the key under which its registry lies.
//!
//! The root is the nearest parent with `.yoi/`, else the git top level, else the directory itself. Inside a linked git
//! worktree the key is that of the main worktree: two agents in two worktrees of one repository must collide on one
//! ticket. Paths are canonicalised and keyed on their bytes.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Component, Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::domain::key_of;
use crate::fs::{IoContext as _, PathError};

/// How much of the last path component a key shows, in bytes.
const MAX_LEAF: usize = 80;

/// A workspace: where its tickets are, and what identifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The root, canonical: the directory that has, or will have, `.yoi/`.
    pub root: PathBuf,
    /// The root that the key is made of: the same, or its counterpart in the main worktree.
    pub key_root: PathBuf,
}

/// Says why no workspace can be told for a directory.
#[derive(Debug, thiserror::Error)]
#[error("cannot tell the workspace of '{}'", path.display())]
pub struct WorkspaceError {
    /// The directory that was asked about.
    path: PathBuf,
    /// What failed.
    #[source]
    source: PathError,
}

impl Workspace {
    /// Finds the workspace of a directory.
    ///
    /// # Errors
    /// When the directory does not exist or a path cannot be resolved.
    pub fn find(directory: &Path) -> Result<Self, WorkspaceError> {
        let located = || -> Result<Self, PathError> {
            let start = fs::canonicalize(directory).context("resolve", directory)?;
            let git = nearest(&start, |dir| {
                look(&dir.join(".git"), |path| fs::symlink_metadata(path)).map(|meta| meta.is_some())
            })?;
            let marked = nearest(&start, has_yoi)?;
            let root = marked.or(git).unwrap_or(&start);
            let key_root = match git.filter(|top| root.starts_with(top)) {
                Some(top) => match main_worktree(top)? {
                    // Made of components: joining an empty path would add a slash, and the key is made of bytes.
                    Some(main) => main
                        .components()
                        .chain(root.strip_prefix(top).expect("the root lies below its git top level").components())
                        .collect(),
                    None => root.to_owned(),
                },
                None => root.to_owned(),
            };
            // A worktree into which `.yoi/` was not checked out has its tickets in the main one.
            let root = if marked.is_none() && has_yoi(&key_root)? { key_root.clone() } else { root.to_owned() };
            Ok(Self { root, key_root })
        };
        located().map_err(|source| WorkspaceError { path: directory.to_owned(), source })
    }

    /// The workspace of this root, whatever is there now.
    pub(super) fn at(root: PathBuf) -> Self {
        Self { key_root: root.clone(), root }
    }

    /// The workspaces that may have been at a path, which need not exist any more: with what is left of it resolved, and
    /// as it stands. Its last component is not followed: a link may lead from the old place to the new one.
    ///
    /// # Errors
    /// When what is left of the path cannot be resolved.
    pub(super) fn former(path: &Path) -> Result<Vec<Self>, WorkspaceError> {
        let mut plain = PathBuf::new();
        for component in path.components() {
            match component {
                Component::ParentDir => drop(plain.pop()),
                other => plain.push(other),
            }
        }
        let is_missing = |error: &io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        let mut resolved = None;
        for parent in path.ancestors().skip(1) {
            match fs::canonicalize(parent) {
                Ok(real) => {
                    let rest = path.strip_prefix(parent).expect("an ancestor is a prefix");
                    resolved = Some(real.components().chain(rest.components()).collect::<PathBuf>());
                    break;
                }
                Err(error) if is_missing(&error) => {}
                Err(source) => {
                    let source = PathError { doing: "resolve", path: parent.to_owned(), source };
                    return Err(WorkspaceError { path: path.to_owned(), source });
                }
            }
        }
        let mut found: Vec<Self> = resolved.into_iter().map(Self::at).collect();
        if found.iter().all(|workspace| workspace.key_root != plain) {
            found.push(Self::at(plain));
        }
        Ok(found)
    }

    /// The name of the registry's directory: `<leaf>-<hash>`.
    pub fn key(&self) -> String {
        let leaf = self.key_root.file_name().map_or_else(|| "root".to_owned(), |name| key_of(name.as_bytes()));
        format!("{}-{}", &leaf[..leaf.len().min(MAX_LEAF)], self.hash())
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the key root's bytes.
    fn hash(&self) -> String {
        short_hash(&[self.key_root.as_os_str().as_bytes()])
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of some byte strings, NUL between them.
pub(super) fn short_hash(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            hash.update([0]);
        }
        hash.update(part);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// Looks at a path; only "no such file" means that it is not there. Any other error would make the workspace another one,
/// with a registry of its own in which every ticket is free.
fn look<T>(path: &Path, how: impl FnOnce(&Path) -> io::Result<T>) -> Result<Option<T>, PathError> {
    match how(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error).context("look at", path),
    }
}

fn has_yoi(dir: &Path) -> Result<bool, PathError> {
    Ok(look(&dir.join(".yoi"), |path| fs::metadata(path))?.is_some_and(|meta| meta.is_dir()))
}

/// The nearest of a directory and those above it for which something holds.
fn nearest(start: &Path, holds: impl Fn(&Path) -> Result<bool, PathError>) -> Result<Option<&Path>, PathError> {
    for dir in start.ancestors() {
        if holds(dir)? {
            return Ok(Some(dir));
        }
    }
    Ok(None)
}

/// Gives the main worktree of a linked one; `None` where `top` is no linked worktree.
///
/// Format: gitrepository-layout(5). In a linked worktree `.git` is a file `gitdir: PATH`, and PATH holds `commondir`.
fn main_worktree(top: &Path) -> Result<Option<PathBuf>, PathError> {
    let dot_git = top.join(".git");
    if !look(&dot_git, |path| fs::metadata(path))?.is_some_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    let text = fs::read(&dot_git).context("read", &dot_git)?;
    let Some(git_dir) = text.strip_prefix(b"gitdir:") else { return Ok(None) };
    let git_dir = top.join(path_of(git_dir));
    let common = git_dir.join("commondir");
    let Some(text) = look(&common, |path| fs::read(path))? else { return Ok(None) };
    let common = git_dir.join(path_of(&text));
    let common = fs::canonicalize(&common).context("resolve the main worktree at", &common)?;
    // Of a bare repository there is no main worktree: the repository itself stands for it.
    Ok(Some(match common.parent() {
        Some(parent) if common.file_name().is_some_and(|name| name == ".git") => parent.to_owned(),
        _ => common,
    }))
}

fn path_of(line: &[u8]) -> PathBuf {
    let line = line.trim_ascii_start();
    let end = line.iter().rposition(|byte| *byte != b'\n' && *byte != b'\r').map_or(0, |at| at + 1);
    std::ffi::OsString::from_vec(line[..end].to_vec()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(root: &Path, path: &str) -> PathBuf {
        let path = root.join(path);
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn the_nearest_parent_with_a_yoi_directory_is_the_root() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        dir(&top, ".git");
        dir(&top, "a/.yoi");
        let deep = dir(&top, "a/b/c");
        assert_eq!(Workspace::find(&deep).unwrap().root, top.join("a"));
        let aside = dir(&top, "x/y");
        assert_eq!(Workspace::find(&aside).unwrap().root, top);
    }

    #[test]
    fn linked_worktrees_share_the_key_of_the_main_one() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        dir(&top, "main/p/.yoi");
        let git_dir = dir(&top, "main/.git/worktrees/w");
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        let linked = dir(&top, "w/p/.yoi");
        fs::write(top.join("w/.git"), format!("gitdir: {}\n", git_dir.display())).unwrap();
        let found = Workspace::find(&linked).unwrap();
        assert_eq!(found.root, top.join("w/p"));
        assert_eq!(found.key_root, top.join("main/p"));
        assert_eq!(found.key(), Workspace::find(&top.join("main/p")).unwrap().key());
    }

    #[test]
    fn a_linked_worktree_that_is_itself_the_root_has_the_key_of_the_main_one() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        dir(&top, "main/.yoi");
        let git_dir = dir(&top, "main/.git/worktrees/w");
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        let linked = dir(&top, "w/.yoi");
        let linked = linked.parent().unwrap();
        fs::write(linked.join(".git"), format!("gitdir: {}\n", git_dir.display())).unwrap();
        // The bytes, not the paths: two paths are equal that differ in a slash at their end.
        assert_eq!(Workspace::find(linked).unwrap().key(), Workspace::find(&top.join("main")).unwrap().key());
    }

    #[test]
    fn a_worktree_without_tickets_of_its_own_uses_those_of_the_main_one() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        dir(&top, "main/.yoi");
        let git_dir = dir(&top, "main/.git/worktrees/w");
        fs::write(git_dir.join("commondir"), "../..\n").unwrap();
        let linked = dir(&top, "w");
        fs::write(linked.join(".git"), format!("gitdir: {}\n", git_dir.display())).unwrap();
        assert_eq!(Workspace::find(&linked).unwrap().root, top.join("main"));
    }

    #[test]
    fn a_former_root_is_resolved_as_far_as_it_is_there() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        dir(&top, "real");
        std::os::unix::fs::symlink("real", top.join("link")).unwrap();
        std::os::unix::fs::symlink("real", top.join("real/moved")).unwrap();
        let former = |path: &str| -> Vec<PathBuf> {
            Workspace::former(&top.join(path)).unwrap().into_iter().map(|workspace| workspace.key_root).collect()
        };
        assert_eq!(former("real/gone/"), [top.join("real/gone")]);
        assert_eq!(former("link/gone/x"), [top.join("real/gone/x"), top.join("link/gone/x")]);
        assert_eq!(former("link/moved"), [top.join("real/moved"), top.join("link/moved")]);
        assert_eq!(former("real/../gone"), [top.join("gone")]);
        // The bytes, not the paths: two paths are equal that differ in a slash at their end.
        assert_eq!(former("real/gone/")[0].as_os_str(), top.join("real/gone").as_os_str());
    }

    #[test]
    fn paths_that_are_no_utf8_have_distinct_keys() {
        let temp = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(temp.path()).unwrap();
        let keys = [&b"\xff"[..], &b"\xfe"[..]].map(|name| {
            let path = top.join(std::ffi::OsStr::from_bytes(name));
            fs::create_dir(&path).unwrap();
            Workspace::find(&path).unwrap().key()
        });
        assert_ne!(keys[0], keys[1]);
        assert!(keys[0].starts_with("%ff-"));
    }
}
