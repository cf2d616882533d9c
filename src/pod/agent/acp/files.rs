//! The files that an agent may ask its Pod for: the regular files of its workspace.
//!
//! The kernel resolves every path beneath the workspace's directory, opened once: neither `..` nor a symlink, also one
//! that is put there meanwhile, leads out of it. A file is written in full beside the old one and renamed over it, so a
//! full disk leaves the old one. Missing directories are made, as by an editor.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// The largest file that is read, in bytes.
const MAX_READ: u64 = 4 << 20;
/// The largest file that is written, in bytes.
const MAX_WRITE: usize = 16 << 20;
/// How many symlinks a file to be written may be reached over.
const MAX_LINKS: usize = 8;
/// How often a path is resolved again that was changed meanwhile.
const MAX_TRIES: usize = 16;

/// Says why a file is not served, to a model: it must know what to do instead.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    #[error("'{}' is no absolute path: name the file by its whole path, which begins with '{}'", path.display(), root.display())]
    Relative { path: PathBuf, root: PathBuf },
    #[error("'{}' lies outside of the workspace: only files below '{}' are served", path.display(), root.display())]
    Outside { path: PathBuf, root: PathBuf },
    #[error(
        "'{}' leads out of the workspace, over '..' or a symlink, or over a symlink to an absolute path: only files \
         below '{}' are served", path.display(), root.display()
    )]
    LeadsOut { path: PathBuf, root: PathBuf },
    #[error("'{}' is no regular file", .0.display())]
    NoFile(PathBuf),
    #[error("'{}' has {size} bytes, and no more than {bound} are served: use a tool of your own", path.display())]
    TooLarge { path: PathBuf, size: u64, bound: u64 },
    #[error("'{}' is no text in UTF-8", .0.display())]
    NoText(PathBuf),
    #[error("cannot {doing} '{}'", path.display())]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        error: io::Error,
    },
}

/// The files of a workspace.
pub(super) struct Files {
    root: PathBuf,
    /// The same with its symlinks resolved: agents may name files by either.
    resolved: PathBuf,
    directory: OwnedFd,
}

/// A directory in the workspace, and a name in it.
struct Place {
    directory: OwnedFd,
    name: OsString,
}

impl Files {
    /// Opens a workspace.
    ///
    /// # Errors
    /// When it is not there, or no directory.
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = nix::fcntl::open(root, flags, Mode::empty())?;
        Ok(Self { root: root.to_owned(), resolved: root.canonicalize()?, directory })
    }

    /// Reads a text file, from a line on, the first being 1, and no more lines than `limit`.
    pub(super) fn read(&self, path: &Path, line: Option<u32>, limit: Option<u32>) -> Result<String, FileError> {
        let inside = self.inside(path)?;
        // A FIFO does not hold us up, nor does a terminal become ours.
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
        let file = self.resolve(inside, flags).map_err(|errno| self.failed("read", path, errno))?;
        let stat = self.regular(&file, path)?;
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        let too_large = |size| FileError::TooLarge { path: path.to_owned(), size, bound: MAX_READ };
        if size > MAX_READ {
            return Err(too_large(size));
        }
        let mut bytes = Vec::new();
        let read = File::from(file).take(MAX_READ + 1).read_to_end(&mut bytes);
        read.map_err(|error| io_error("read", path, error))?;
        if bytes.len() as u64 > MAX_READ {
            return Err(too_large(bytes.len() as u64));
        }
        let text = String::from_utf8(bytes).map_err(|_| FileError::NoText(path.to_owned()))?;
        if line.is_none() && limit.is_none() {
            return Ok(text);
        }
        let before = line.unwrap_or(1).saturating_sub(1) as usize;
        let lines = text.split_inclusive('\n').skip(before);
        Ok(lines.take(limit.map_or(usize::MAX, |limit| limit as usize)).collect())
    }

    /// Writes a whole file, in place of the old one where there is one.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), FileError> {
        if text.len() > MAX_WRITE {
            let (size, bound) = (text.len() as u64, MAX_WRITE as u64);
            return Err(FileError::TooLarge { path: path.to_owned(), size, bound });
        }
        let (place, old) = self.place(path)?;
        let temporary = OsString::from(format!(".yoi-{}", crate::fs::random_suffix()));
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let new = Mode::from_bits_truncate(0o666);
        let made = openat(&place.directory, &*temporary, flags, new);
        let made = made.map_err(|errno| self.failed("write", path, errno))?;
        let written = fill(File::from(made), old.as_ref(), text).and_then(|()| {
            renameat(&place.directory, &*temporary, &place.directory, &*place.name).map_err(io::Error::from)
        });
        written.map_err(|error| {
            let _ = unlinkat(&place.directory, &*temporary, UnlinkatFlags::NoRemoveDir);
            io_error("write", path, error)
        })
    }

    /// A path as it is seen from the workspace.
    fn inside<'a>(&self, path: &'a Path) -> Result<&'a Path, FileError> {
        if !path.is_absolute() {
            return Err(FileError::Relative { path: path.to_owned(), root: self.root.clone() });
        }
        let inside = path.strip_prefix(&self.root).or_else(|_| path.strip_prefix(&self.resolved));
        let outside = || FileError::Outside { path: path.to_owned(), root: self.root.clone() };
        let inside = inside.map_err(|_| outside())?;
        if inside == Path::new("") { Err(FileError::NoFile(path.to_owned())) } else { Ok(inside) }
    }

    fn resolve(&self, inside: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_MAGICLINKS;
        let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
        let inside = if inside == Path::new("") { Path::new(".") } else { inside };
        for _ in 1..MAX_TRIES {
            match openat2(&self.directory, inside, how) {
                // Something was renamed while the kernel was on its way.
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                answer => return answer,
            }
        }
        openat2(&self.directory, inside, how)
    }

    /// Where a file is to be written, and what is there now. Symlinks are followed, missing directories made.
    fn place(&self, path: &Path) -> Result<(Place, Option<FileStat>), FileError> {
        let mut inside = self.inside(path)?.to_owned();
        let failed = |errno| self.failed("write", path, errno);
        for _ in 0..MAX_LINKS {
            let name = inside.file_name().ok_or_else(|| FileError::NoFile(path.to_owned()))?.to_owned();
            let parent = inside.parent().unwrap_or(Path::new("")).to_owned();
            let directory = self.make_directory(&parent).map_err(failed)?;
            match readlinkat(&directory, &*name) {
                // An absolute target is joined to nothing, and so refused like any other path that leads out.
                Ok(target) if Path::new(&target).is_absolute() => return Err(failed(Errno::EXDEV)),
                Ok(target) => inside = parent.join(target),
                Err(Errno::ENOENT) => return Ok((Place { directory, name }, None)),
                // No symlink.
                Err(Errno::EINVAL) => {
                    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                    let there = openat(&directory, &*name, flags, Mode::empty()).map_err(failed)?;
                    let old = self.regular(&there, path)?;
                    return Ok((Place { directory, name }, Some(old)));
                }
                Err(errno) => return Err(failed(errno)),
            }
        }
        Err(failed(Errno::ELOOP))
    }

    /// Opens a directory of the workspace, made with all that are missing above it.
    fn make_directory(&self, inside: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY;
        match self.resolve(inside, flags) {
            Err(Errno::ENOENT) => {}
            answer => return answer,
        }
        let (Some(parent), Some(name)) = (inside.parent(), inside.file_name()) else { return Err(Errno::ENOENT) };
        let above = self.make_directory(parent)?;
        match mkdirat(&above, OsStr::new(name), Mode::from_bits_truncate(0o777)) {
            Ok(()) | Err(Errno::EEXIST) => self.resolve(inside, flags),
            Err(errno) => Err(errno),
        }
    }

    fn regular(&self, file: &OwnedFd, path: &Path) -> Result<FileStat, FileError> {
        let stat = fstat(file.as_fd()).map_err(|errno| self.failed("look at", path, errno))?;
        let is_file = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFREG;
        if is_file { Ok(stat) } else { Err(FileError::NoFile(path.to_owned())) }
    }

    fn failed(&self, doing: &'static str, path: &Path, errno: Errno) -> FileError {
        match errno {
            Errno::EXDEV | Errno::ELOOP => FileError::LeadsOut { path: path.to_owned(), root: self.root.clone() },
            // What nobody listens at: a socket.
            Errno::ENXIO | Errno::EISDIR => FileError::NoFile(path.to_owned()),
            errno => io_error(doing, path, errno.into()),
        }
    }
}

fn io_error(doing: &'static str, path: &Path, error: io::Error) -> FileError {
    FileError::Io { doing, path: path.to_owned(), error }
}

/// Writes a new file in full, with the mode of the old one.
fn fill(mut file: File, old: Option<&FileStat>, text: &str) -> io::Result<()> {
    if let Some(old) = old {
        fchmod(&file, Mode::from_bits_truncate(old.st_mode & 0o777))?;
    }
    file.write_all(text.as_bytes())?;
    // Some file systems know only now that the disk is full.
    file.sync_data()
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
