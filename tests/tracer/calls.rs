//! Which system calls matter: those that another process, or a later one, can tell from their absence.
//!
//! Between two of them a process only thinks: to be killed anywhere in there is to be killed before the later one. Calls
//! that wait are among them, because the others move on meanwhile.

use std::fs::File;
use std::os::unix::fs::FileExt as _;

use nix::libc::{self, c_long};
use nix::unistd::Pid;

/// A system call as the kernel tells of it at its entry.
pub struct Entry {
    pub number: u64,
    pub arguments: [u64; 6],
}

/// What is looked at to tell whether a call matters, and what it is about.
enum About {
    /// Always matters; it is about nothing that can be shown.
    Nothing,
    /// Always matters; about a path: the argument of this index.
    Path(usize),
    /// Always matters; about a descriptor, the first argument.
    Descriptor,
    /// Matters if the file is opened for writing.
    Open { path: usize, flags: usize },
    /// Matters if it is a lock, a pipe or a socket whose last end this may be.
    Close,
    /// Matters if it takes a lock.
    Fcntl,
}

/// The calls that are there on every architecture.
const CALLS: &[(c_long, &str, About)] = &[
    (libc::SYS_write, "write", About::Descriptor),
    (libc::SYS_writev, "writev", About::Descriptor),
    (libc::SYS_pwrite64, "pwrite64", About::Descriptor),
    (libc::SYS_ftruncate, "ftruncate", About::Descriptor),
    (libc::SYS_fsync, "fsync", About::Descriptor),
    (libc::SYS_fdatasync, "fdatasync", About::Descriptor),
    (libc::SYS_openat, "openat", About::Open { path: 1, flags: 2 }),
    (libc::SYS_close, "close", About::Close),
    (libc::SYS_close_range, "close_range", About::Nothing),
    (libc::SYS_linkat, "linkat", About::Path(3)),
    (libc::SYS_unlinkat, "unlinkat", About::Path(1)),
    (libc::SYS_renameat, "renameat", About::Path(3)),
    (libc::SYS_renameat2, "renameat2", About::Path(3)),
    (libc::SYS_mkdirat, "mkdirat", About::Path(1)),
    (libc::SYS_symlinkat, "symlinkat", About::Path(2)),
    (libc::SYS_fchmodat, "fchmodat", About::Path(1)),
    (libc::SYS_fcntl, "fcntl", About::Fcntl),
    (libc::SYS_flock, "flock", About::Descriptor),
    (libc::SYS_pipe2, "pipe2", About::Nothing),
    (libc::SYS_memfd_create, "memfd_create", About::Nothing),
    (libc::SYS_socket, "socket", About::Nothing),
    (libc::SYS_socketpair, "socketpair", About::Nothing),
    (libc::SYS_bind, "bind", About::Descriptor),
    (libc::SYS_listen, "listen", About::Descriptor),
    (libc::SYS_connect, "connect", About::Descriptor),
    (libc::SYS_accept4, "accept4", About::Descriptor),
    (libc::SYS_sendto, "sendto", About::Descriptor),
    (libc::SYS_sendmsg, "sendmsg", About::Descriptor),
    (libc::SYS_recvfrom, "recvfrom", About::Descriptor),
    (libc::SYS_recvmsg, "recvmsg", About::Descriptor),
    (libc::SYS_shutdown, "shutdown", About::Descriptor),
    (libc::SYS_ppoll, "ppoll", About::Nothing),
    (libc::SYS_epoll_pwait, "epoll_pwait", About::Nothing),
    (libc::SYS_wait4, "wait4", About::Nothing),
    (libc::SYS_waitid, "waitid", About::Nothing),
    (libc::SYS_clone, "clone", About::Nothing),
    (libc::SYS_clone3, "clone3", About::Nothing),
    (libc::SYS_execve, "execve", About::Path(0)),
    (libc::SYS_kill, "kill", About::Nothing),
    (libc::SYS_tgkill, "tgkill", About::Nothing),
    (libc::SYS_pidfd_send_signal, "pidfd_send_signal", About::Nothing),
    (libc::SYS_setsid, "setsid", About::Nothing),
    (libc::SYS_prctl, "prctl", About::Nothing),
    (libc::SYS_exit_group, "exit_group", About::Nothing),
];

/// The older forms, which newer architectures never had.
#[cfg(target_arch = "x86_64")]
const OLD_CALLS: &[(c_long, &str, About)] = &[
    (libc::SYS_open, "open", About::Open { path: 0, flags: 1 }),
    (libc::SYS_link, "link", About::Path(1)),
    (libc::SYS_unlink, "unlink", About::Path(0)),
    (libc::SYS_rmdir, "rmdir", About::Path(0)),
    (libc::SYS_rename, "rename", About::Path(1)),
    (libc::SYS_mkdir, "mkdir", About::Path(0)),
    (libc::SYS_chmod, "chmod", About::Path(0)),
    (libc::SYS_pipe, "pipe", About::Nothing),
    (libc::SYS_poll, "poll", About::Nothing),
    (libc::SYS_epoll_wait, "epoll_wait", About::Nothing),
    (libc::SYS_fork, "fork", About::Nothing),
    (libc::SYS_vfork, "vfork", About::Nothing),
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_CALLS: &[(c_long, &str, About)] = &[];

/// Gives the name of a call, and what it is about, if it matters.
pub fn that_matters(thread: Pid, entry: &Entry) -> Option<(&'static str, String)> {
    let known = CALLS.iter().chain(OLD_CALLS).find(|(number, ..)| u64::try_from(*number) == Ok(entry.number));
    let (_, name, about) = known?;
    let argument = |index: usize| entry.arguments[index];
    let object = match *about {
        About::Nothing => String::new(),
        About::Path(index) => path(thread, argument(index)),
        About::Descriptor => descriptor(thread, argument(0)),
        About::Open { path: index, flags } => {
            let writing = libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC;
            if argument(flags) & u64::from(writing.unsigned_abs()) == 0 {
                return None;
            }
            path(thread, argument(index))
        }
        About::Close => {
            let open = descriptor(thread, argument(0));
            if !["pipe:", "socket:", "locks/"].iter().any(|kind| open.contains(kind)) {
                return None;
            }
            open
        }
        About::Fcntl => {
            let locks = [libc::F_OFD_SETLK, libc::F_OFD_SETLKW].map(|command| u64::from(command.unsigned_abs()));
            if !locks.contains(&argument(1)) {
                return None;
            }
            descriptor(thread, argument(0))
        }
    };
    Some((name, object))
}

/// What a descriptor of a thread stands for.
fn descriptor(thread: Pid, number: u64) -> String {
    let open = std::fs::read_link(format!("/proc/{thread}/fd/{number}"));
    open.map_or_else(|_| "?".to_owned(), |path| path.to_string_lossy().into_owned())
}

/// The path that an argument points to.
fn path(thread: Pid, address: u64) -> String {
    let mut bytes = [0; 256];
    let read = File::open(format!("/proc/{thread}/mem")).and_then(|memory| memory.read_at(&mut bytes, address));
    let length = read.unwrap_or(0);
    let text = bytes[..length].split(|byte| *byte == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}
