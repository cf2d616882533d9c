//! A model of a disk that may lose whatever was not synced when the power goes.
//!
//! * A file's bytes are durable as they were when the file was last synced (`fsync` or `fdatasync`); of what was written
//!   since then there may be nothing, half, zeroes in its place, or all. A file that was never synced may be empty.
//! * The names in a directory are durable as they were when the directory was last synced. Every change of a name since
//!   then may be there or not, each by itself and in any combination: syncing a file makes none of its names durable,
//!   and a later change may survive an earlier one.
//! * A rename within a directory is one change: both names or neither, as every journaling file system has it. Between
//!   two directories it is two: the new name may survive while the old one is still there, but the old one never goes
//!   before the new one is there.
//! * What is in a directory whose own name is lost is lost.
//!
//! This is harsher than ext4, XFS and Btrfs are, which keep the order of changes in one directory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::world::Tree;

/// What a process did to the disk.
#[derive(Debug, Clone)]
pub enum Op {
    Mkdir(PathBuf),
    Create(PathBuf),
    /// At an offset, or at the end.
    Write(PathBuf, Option<u64>, Vec<u8>),
    Truncate(PathBuf, u64),
    Sync(PathBuf),
    Link(PathBuf, PathBuf),
    Rename(PathBuf, PathBuf),
    Unlink(PathBuf),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Dir(usize),
    File(usize),
}

type Names = BTreeMap<OsString, Node>;

#[derive(Debug, Clone, Default)]
struct Dir {
    /// As processes see it.
    now: Names,
    /// As it is after a power cut in which nothing else survives.
    durable: Names,
}

#[derive(Debug, Clone, Default)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
}

/// A change of names in one directory that is not durable yet.
#[derive(Debug, Clone)]
struct Change {
    number: usize,
    dir: usize,
    names: Vec<(OsString, Option<Node>)>,
    /// The change without which this one is not there.
    needs: Option<usize>,
}

/// The disk.
#[derive(Debug, Clone)]
pub struct Disk {
    dirs: Vec<Dir>,
    files: Vec<File>,
    pending: Vec<Change>,
    changes: usize,
}

/// How many states of one moment are looked at; where there are more, only those are in which all or nothing survives
/// but one.
const MOST: usize = 512;
/// What may be left of a file: see the module.
const LEFT: usize = 4;
const ALL: usize = LEFT - 1;

impl Disk {
    /// A disk on which everything is durable; `root` is the name of what the tree is.
    pub fn new(root: &str, tree: &Tree) -> Self {
        let mut disk = Self { dirs: vec![Dir::default()], files: Vec::new(), pending: Vec::new(), changes: 0 };
        for (path, bytes) in tree {
            let path = if path.as_os_str().is_empty() { PathBuf::from(root) } else { Path::new(root).join(path) };
            let Some(bytes) = bytes else {
                disk.apply(&Op::Mkdir(path));
                continue;
            };
            disk.apply(&Op::Create(path.clone()));
            disk.apply(&Op::Write(path, None, bytes.clone()));
        }
        disk.pending.clear();
        disk.dirs.iter_mut().for_each(|dir| dir.durable = dir.now.clone());
        disk.files.iter_mut().for_each(|file| file.durable = file.now.clone());
        disk
    }

    fn find(&self, path: &Path) -> Option<Node> {
        path.iter().try_fold(Node::Dir(0), |node, name| match node {
            Node::Dir(dir) => self.dirs[dir].now.get(name).copied(),
            Node::File(_) => None,
        })
    }

    fn file(&mut self, path: &Path) -> &mut File {
        match self.find(path) {
            Some(Node::File(file)) => &mut self.files[file],
            other => panic!("{} is {other:?}", path.display()),
        }
    }

    fn place(&self, path: &Path) -> (usize, OsString) {
        let parent = path.parent().unwrap();
        let Some(Node::Dir(dir)) = self.find(parent) else { panic!("no directory {}", parent.display()) };
        (dir, path.file_name().unwrap().to_owned())
    }

    /// Changes names in one directory; gives the number of the change.
    fn change(&mut self, dir: usize, names: Vec<(OsString, Option<Node>)>, needs: Option<usize>) -> usize {
        for (name, node) in &names {
            match node {
                Some(node) => self.dirs[dir].now.insert(name.clone(), *node),
                None => self.dirs[dir].now.remove(name),
            };
        }
        self.changes += 1;
        self.pending.push(Change { number: self.changes, dir, names, needs });
        self.changes
    }

    /// Does what a process did.
    pub fn apply(&mut self, op: &Op) {
        match op {
            Op::Mkdir(path) => {
                let (dir, name) = self.place(path);
                self.dirs.push(Dir::default());
                let node = Node::Dir(self.dirs.len() - 1);
                self.change(dir, vec![(name, Some(node))], None);
            }
            Op::Create(path) => {
                let (dir, name) = self.place(path);
                self.files.push(File::default());
                let node = Node::File(self.files.len() - 1);
                self.change(dir, vec![(name, Some(node))], None);
            }
            Op::Write(path, at, bytes) => {
                let now = &mut self.file(path).now;
                let at = at.map_or(now.len(), |at| at.try_into().unwrap());
                now.resize(now.len().max(at + bytes.len()), 0);
                now[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Op::Truncate(path, length) => self.file(path).now.resize((*length).try_into().unwrap(), 0),
            Op::Sync(path) => match self.find(path) {
                Some(Node::File(file)) => self.files[file].durable = self.files[file].now.clone(),
                Some(Node::Dir(dir)) => self.sync(dir),
                None => panic!("no {}", path.display()),
            },
            Op::Link(from, to) => {
                let node = self.find(from).unwrap();
                let (dir, name) = self.place(to);
                self.change(dir, vec![(name, Some(node))], None);
            }
            Op::Rename(from, to) => {
                let node = self.find(from).unwrap();
                let ((old, old_name), (new, new_name)) = (self.place(from), self.place(to));
                if old == new {
                    self.change(old, vec![(old_name, None), (new_name, Some(node))], None);
                } else {
                    let added = self.change(new, vec![(new_name, Some(node))], None);
                    self.change(old, vec![(old_name, None)], Some(added));
                }
            }
            Op::Unlink(path) => {
                let (dir, name) = self.place(path);
                self.change(dir, vec![(name, None)], None);
            }
        }
    }

    fn sync(&mut self, dir: usize) {
        let needed: Vec<usize> =
            self.pending.iter().filter(|change| change.dir == dir).filter_map(|change| change.needs).collect();
        let (synced, pending) = std::mem::take(&mut self.pending)
            .into_iter()
            .partition(|change| change.dir == dir || needed.contains(&change.number));
        self.pending = pending;
        for change in synced {
            self.dirs[change.dir].keep(&change);
        }
    }

    /// Everything that can be found after the power went at this moment, below `root`.
    pub fn after_power_cut(&self, root: &str) -> Vec<Tree> {
        // What a lock file says is for people.
        let files: Vec<usize> =
            (0..self.files.len()).filter(|file| self.files[*file].now != self.files[*file].durable).collect();
        let (changes, files) = (self.pending.len(), files);
        let most_changes = 1_usize.checked_shl(changes.try_into().unwrap()).filter(|_| changes < 20);
        let count = most_changes.and_then(|masks| masks.checked_mul(LEFT.pow(files.len().min(10).try_into().unwrap())));
        let (masks, contents): (Vec<Vec<bool>>, Vec<Vec<usize>>) = match count {
            Some(count) if count <= MOST => (
                (0..1 << changes).map(|mask: usize| (0..changes).map(|bit| mask >> bit & 1 == 1).collect()).collect(),
                (0..LEFT.pow(files.len().try_into().unwrap()))
                    .map(|number| (0..files.len()).map(|at| number / LEFT.pow(at.try_into().unwrap()) % LEFT).collect())
                    .collect(),
            ),
            _ => (
                all_but_one(changes, false, true),
                (0..ALL).flat_map(|left| all_but_one(files.len(), left, ALL)).collect(),
            ),
        };
        let mut trees = Vec::new();
        for mask in &masks {
            let Some(dirs) = self.names_after(mask) else { continue };
            for content in &contents {
                let left = |file: usize| files.iter().position(|dirty| *dirty == file).map_or(ALL, |at| content[at]);
                let mut tree = Tree::new();
                if let Some(Node::Dir(dir)) = dirs[0].get(std::ffi::OsStr::new(root)) {
                    self.collect(&dirs, *dir, Path::new(""), &left, &mut tree);
                }
                trees.push(tree);
            }
        }
        trees
    }

    /// The names in all directories when only some changes survive; `None` where one does without what it needs.
    fn names_after(&self, survives: &[bool]) -> Option<Vec<Names>> {
        let mut dirs: Vec<Dir> = self.dirs.clone();
        for (change, _) in self.pending.iter().zip(survives).filter(|(_, survives)| **survives) {
            let lost = |number: usize| {
                self.pending.iter().zip(survives).any(|(other, survives)| other.number == number && !survives)
            };
            if change.needs.is_some_and(lost) {
                return None;
            }
            dirs[change.dir].keep(change);
        }
        Some(dirs.into_iter().map(|dir| dir.durable).collect())
    }

    fn collect(&self, dirs: &[Names], dir: usize, path: &Path, left: &impl Fn(usize) -> usize, tree: &mut Tree) {
        tree.insert(path.to_owned(), None);
        for (name, node) in &dirs[dir] {
            let path = path.join(name);
            match node {
                Node::Dir(dir) => self.collect(dirs, *dir, &path, left, tree),
                Node::File(file) => drop(tree.insert(path, Some(self.files[*file].after_power_cut(left(*file))))),
            }
        }
    }
}

impl Dir {
    fn keep(&mut self, change: &Change) {
        for (name, node) in &change.names {
            match node {
                Some(node) => self.durable.insert(name.clone(), *node),
                None => self.durable.remove(name),
            };
        }
    }
}

impl File {
    fn after_power_cut(&self, left: usize) -> Vec<u8> {
        let kept = if self.now.starts_with(&self.durable) { self.durable.len() } else { 0 };
        let half = kept + (self.now.len() - kept) / 2;
        match left {
            0 => self.durable.clone(),
            1 => self.now[..half].to_vec(),
            2 => self.now.iter().enumerate().map(|(at, byte)| if at < kept { *byte } else { 0 }).collect(),
            _ => self.now.clone(),
        }
    }
}

/// All of them so, all otherwise, and each alone the one or the other.
fn all_but_one<T: Copy>(count: usize, one: T, other: T) -> Vec<Vec<T>> {
    let uniform = [vec![one; count], vec![other; count]];
    let single = (0..count).flat_map(|at| {
        [(one, other), (other, one)]
            .map(|(most, single)| (0..count).map(|i| if i == at { single } else { most }).collect())
    });
    uniform.into_iter().chain(single).collect()
}
