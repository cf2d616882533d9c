//! The system calls that are about files, as they are seen at their entry.

use std::path::{Path, PathBuf};

use nix::libc::{self, c_long};

use super::tracee::Tracee;

/// What a call does, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Open,
    Mkdir,
    Link,
    Rename,
    Unlink,
    Rmdir,
    Write,
    WriteAt,
    Truncate,
    Sync,
    Close,
    /// Changes nothing that others see, or nothing that lasts.
    Other,
}

impl Kind {
    /// Whether it is begun again where a signal came before it did anything.
    pub fn is_begun_again(self) -> bool {
        matches!(self, Self::Write | Self::WriteAt | Self::Truncate | Self::Sync)
    }

    /// Whether it changes what is on disk, or when that is durable; such a call may have succeeded although its reply
    /// says that it did not.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Open | Self::Close | Self::Other)
    }
}

/// Where a call says what it is about.
enum About {
    /// The path at an argument.
    Path(usize),
    /// The paths at two arguments.
    Paths(usize, usize),
    /// The descriptor at the first argument.
    Descriptor,
    /// The path at an argument, or where that is empty the descriptor at the first.
    Either(usize),
}

/// A call that is about a file.
#[derive(Debug, Clone)]
pub struct Call {
    pub name: &'static str,
    pub kind: Kind,
    /// What it is about; the second one where it gives a name.
    pub path: PathBuf,
    /// The other path.
    pub from: Option<PathBuf>,
    pub arguments: [u64; 6],
}

impl Call {
    /// What it is about, short.
    pub fn about(&self) -> String {
        let parts: Vec<_> = self.path.iter().rev().take(2).map(|part| part.to_string_lossy()).collect();
        parts.into_iter().rev().collect::<Vec<_>>().join("/")
    }

    pub fn is_below(&self, dir: &Path) -> bool {
        self.path.starts_with(dir)
    }
}

const CALLS: &[(c_long, &str, Kind, About)] = &[
    (libc::SYS_openat, "openat", Kind::Open, About::Path(1)),
    (libc::SYS_mkdirat, "mkdirat", Kind::Mkdir, About::Path(1)),
    (libc::SYS_linkat, "linkat", Kind::Link, About::Paths(1, 3)),
    (libc::SYS_renameat, "renameat", Kind::Rename, About::Paths(1, 3)),
    (libc::SYS_renameat2, "renameat2", Kind::Rename, About::Paths(1, 3)),
    (libc::SYS_unlinkat, "unlinkat", Kind::Unlink, About::Path(1)),
    (libc::SYS_write, "write", Kind::Write, About::Descriptor),
    (libc::SYS_pwrite64, "pwrite64", Kind::WriteAt, About::Descriptor),
    (libc::SYS_ftruncate, "ftruncate", Kind::Truncate, About::Descriptor),
    (libc::SYS_fsync, "fsync", Kind::Sync, About::Descriptor),
    (libc::SYS_fdatasync, "fdatasync", Kind::Sync, About::Descriptor),
    (libc::SYS_close, "close", Kind::Close, About::Descriptor),
    (libc::SYS_read, "read", Kind::Other, About::Descriptor),
    (libc::SYS_pread64, "pread64", Kind::Other, About::Descriptor),
    (libc::SYS_lseek, "lseek", Kind::Other, About::Descriptor),
    (libc::SYS_getdents64, "getdents64", Kind::Other, About::Descriptor),
    (libc::SYS_fcntl, "fcntl", Kind::Other, About::Descriptor),
    (libc::SYS_flock, "flock", Kind::Other, About::Descriptor),
    (libc::SYS_fstat, "fstat", Kind::Other, About::Descriptor),
    (libc::SYS_statx, "statx", Kind::Other, About::Either(1)),
    (libc::SYS_newfstatat, "newfstatat", Kind::Other, About::Either(1)),
    (libc::SYS_statfs, "statfs", Kind::Other, About::Path(0)),
    (libc::SYS_readlinkat, "readlinkat", Kind::Other, About::Path(1)),
    (libc::SYS_chdir, "chdir", Kind::Other, About::Path(0)),
    (libc::SYS_fchmod, "fchmod", Kind::Other, About::Descriptor),
];

/// The older forms, which newer architectures never had.
#[cfg(target_arch = "x86_64")]
const OLD_CALLS: &[(c_long, &str, Kind, About)] = &[
    (libc::SYS_open, "open", Kind::Open, About::Path(0)),
    (libc::SYS_mkdir, "mkdir", Kind::Mkdir, About::Path(0)),
    (libc::SYS_link, "link", Kind::Link, About::Paths(0, 1)),
    (libc::SYS_rename, "rename", Kind::Rename, About::Paths(0, 1)),
    (libc::SYS_unlink, "unlink", Kind::Unlink, About::Path(0)),
    (libc::SYS_rmdir, "rmdir", Kind::Rmdir, About::Path(0)),
    (libc::SYS_stat, "stat", Kind::Other, About::Path(0)),
    (libc::SYS_lstat, "lstat", Kind::Other, About::Path(0)),
    (libc::SYS_readlink, "readlink", Kind::Other, About::Path(0)),
    (libc::SYS_access, "access", Kind::Other, About::Path(0)),
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_CALLS: &[(c_long, &str, Kind, About)] = &[];

/// Whether a call makes a thread, or a process.
pub fn makes_a_thread(number: u64) -> bool {
    [libc::SYS_clone, libc::SYS_clone3].iter().any(|call| u64::try_from(*call) == Ok(number))
}

/// What a process is about to do to a file; `None` where it is something else.
pub fn decode(tracee: &Tracee, number: u64, arguments: [u64; 6]) -> Option<Call> {
    let known = CALLS.iter().chain(OLD_CALLS).find(|(known, ..)| u64::try_from(*known) == Ok(number));
    let (_, name, kind, about) = known?;
    let mut kind = *kind;
    if number == libc::SYS_unlinkat.cast_unsigned() && arguments[2] & libc::AT_REMOVEDIR as u64 != 0 {
        kind = Kind::Rmdir;
    }
    let (from, path) = match *about {
        About::Path(index) => (None, tracee.path(arguments[index])),
        About::Paths(from, to) => (Some(tracee.path(arguments[from]).into()), tracee.path(arguments[to])),
        About::Descriptor => (None, tracee.descriptor(arguments[0])),
        About::Either(index) => {
            let path = tracee.path(arguments[index]);
            (None, if path.is_empty() { tracee.descriptor(arguments[0]) } else { path })
        }
    };
    let mut path = PathBuf::from(path);
    if path.is_relative() && matches!(about, About::Path(1)) {
        path = Path::new(&tracee.descriptor(arguments[0])).join(path);
    }
    Some(Call { name, kind, path, from, arguments })
}
