//! The processes below a Pod: how a host cuts itself off from its launcher, and how descendants are found and ended.
//!
//! Descendants are ended from the top. A process that is killed hands its children to the nearest living subreaper
//! above it, which is us, before it can be waited for. So "kill all children, wait for them, look again, until there
//! are none" finds everybody, in whatever process group or session they hide, and never signals a process id that could
//! have been reused: a child keeps its id until it is waited for, and only we wait for it.

use std::ffi::{CStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::libc;
use nix::sys::mman::{MmapAdvise, madvise};
use nix::sys::signal::{SigHandler, SigSet, Signal, kill, signal};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

/// The word on a Pod host's command line, after its program, by which other Pods know it.
pub const POD_HOST: &str = "pod-host";

/// Cuts this process off from who started it, and gives the descriptors that it is to keep, in the order asked for.
///
/// Every other descriptor but standard error is closed, standard input and output read and write nothing, the process
/// leads a session of its own, and no inherited signal disposition or mask is left that would hide the end of a child
/// or a request to stop. Must be called first of all: before any thread, and before anything else owns a descriptor.
///
/// # Errors
/// When a descriptor to keep is not open or below 3, or a call fails.
pub fn isolate(keep: &[RawFd]) -> io::Result<Vec<OwnedFd>> {
    if thread_count()? != 1 {
        return Err(io::Error::other("a host is cut off before it has threads"));
    }
    close_all_but(keep)?;
    let kept = keep.iter().map(|number| take(*number)).collect::<io::Result<Vec<_>>>()?;
    let null = File::options().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    match nix::unistd::setsid() {
        // A session leader already.
        Ok(_) | Err(Errno::EPERM) => {}
        Err(error) => return Err(error.into()),
    }
    for number in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        // SAFETY: the default disposition runs no code of this process.
        unsafe { signal(number, SigHandler::SigDfl) }?;
    }
    SigSet::empty().thread_set_mask()?;
    Ok(kept)
}

fn close_all_but(keep: &[RawFd]) -> io::Result<()> {
    // The listing's own descriptor is among the numbers, and closed when they have been collected.
    let open: Vec<RawFd> =
        fs::read_dir("/proc/self/fd")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    for number in open.into_iter().filter(|number| *number > libc::STDERR_FILENO && !keep.contains(number)) {
        // SAFETY: nothing in this process owns a descriptor yet but the three standard ones, as the caller promises.
        let _ = unsafe { libc::close(number) };
    }
    Ok(())
}

fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number <= libc::STDERR_FILENO {
        return Err(io::Error::other(format!("descriptor {number} is one of the standard three")));
    }
    // SAFETY: the number is borrowed for one call only, which fails if it is not open.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    fcntl(borrowed, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))
        .map_err(|error| io::Error::new(io::Error::from(error).kind(), format!("descriptor {number} is not open")))?;
    // SAFETY: it is open, handed over by the parent for this process to own, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// An environment without what yoi's own programs tell each other: a host must not take its launcher's variables for
/// its own, nor an agent its host's.
pub fn without_our_own(environment: Vec<(OsString, OsString)>) -> Vec<(OsString, OsString)> {
    environment.into_iter().filter(|(name, _)| !name.as_encoded_bytes().starts_with(b"YOI_")).collect()
}

/// How many threads this process has.
pub(super) fn thread_count() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

/// What the warden of a Pod is called, for whoever lists processes.
pub(super) const WARDEN: &CStr = c"yoi-warden";
/// What the process that holds a program in a terminal is called.
pub(super) const HOLDER: &CStr = c"yoi-holder";

/// Whether a process is a host or warden of a Pod, by its command line, or by its name where a person gave the command;
/// false for one that has ended.
pub(super) fn is_pod_host(pid: Pid) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).nth(1) == Some(POD_HOST.as_bytes()) || is_called(pid, &[WARDEN, HOLDER])
}

fn is_called(pid: Pid, names: &[&CStr]) -> bool {
    let name = fs::read(format!("/proc/{pid}/comm")).unwrap_or_default();
    names.iter().any(|wanted| name.strip_suffix(b"\n") == Some(wanted.to_bytes()))
}

/// A process, by a descriptor: its number cannot come to mean another one.
#[derive(Debug)]
pub struct Handle {
    pid: Pid,
    descriptor: OwnedFd,
}

impl Handle {
    /// Takes hold of a process that is not waited for yet; of one that may be, who it is has to be looked at after this.
    ///
    /// # Errors
    /// When there is no such process, or no descriptor to be had.
    pub fn open(pid: Pid) -> io::Result<Self> {
        // SAFETY: the call takes two integers and touches no memory.
        let number = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) })?;
        let number = RawFd::try_from(number).map_err(io::Error::other)?;
        // SAFETY: the kernel has just made this descriptor, close-on-exec, and nothing else owns it.
        Ok(Self { pid, descriptor: unsafe { OwnedFd::from_raw_fd(number) } })
    }

    /// Its number.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// When it has ended, or is not ours.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let (descriptor, number) = (self.descriptor.as_raw_fd(), signal as libc::c_int);
        let no_details = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and without details the call touches no memory.
        let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, descriptor, number, no_details, 0) };
        Errno::result(sent).map(drop).map_err(io::Error::from)
    }
}

impl AsFd for Handle {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// Finds the warden that holds the lock of a Pod; nobody's word is taken for it but the kernel's.
///
/// `None` where there is none: the lock is held by nobody, or only by what a warden that was killed has left.
pub fn warden_of(lock: &Path) -> Option<Handle> {
    let wanted = fs::metadata(lock).ok()?;
    let processes = fs::read_dir("/proc").ok()?.flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).map(Pid::from_raw);
    let mut wardens = pids.filter(|pid| is_called(*pid, &[WARDEN]));
    // Taken hold of first and looked at then: what is seen is true of the process that is held.
    wardens.find_map(|pid| Handle::open(pid).ok().filter(|_| holds_lock(pid, &wanted)))
}

/// Whether a process holds an open-file-description lock of a file; to have the file open is not enough.
fn holds_lock(pid: Pid, file: &fs::Metadata) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let is_it = fs::metadata(descriptor.path()).is_ok_and(|m| (m.dev(), m.ino()) == (file.dev(), file.ino()));
        let info = || {
            let number = descriptor.file_name();
            fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", number.to_string_lossy())).unwrap_or_default()
        };
        is_it && info().lines().any(|line| line.starts_with("lock:") && line.contains("OFDLCK"))
    })
}

/// The terminal that a process reads from; `None` where it is none, or cannot be told.
pub fn terminal_of(process: &Handle) -> Option<PathBuf> {
    let path = fs::read_link(format!("/proc/{}/fd/0", process.pid)).ok()?;
    let is_one =
        ["/dev/pts/", "/dev/tty"].iter().any(|place| path.as_os_str().as_bytes().starts_with(place.as_bytes()));
    is_one.then_some(path)
}

/// Whether this process was started by a Pod: whether one of its ancestors is a Pod's host or warden.
pub fn descends_from_host() -> bool {
    let parent = |pid: &Pid| parent_in(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?);
    std::iter::successors(Some(Pid::this()), parent).skip(1).any(is_pod_host)
}

/// The children of this process, those that it was given included, dead or alive.
fn children() -> io::Result<Vec<Pid>> {
    let me = Pid::this();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()).map(Pid::from_raw) else {
            continue;
        };
        // A process that is gone by now was reaped by somebody else, so it was no child of ours.
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if parent_in(&stat) == Some(me) {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Reads the parent from a line of `/proc/PID/stat`: the second field after the command in its parentheses.
fn parent_in(stat: &str) -> Option<Pid> {
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_ascii_whitespace().nth(1)?.parse().ok().map(Pid::from_raw)
}

/// Ends every descendant of this process and waits for them, except other Pods' wardens and all below those.
///
/// The process must be a child subreaper, and nothing else in it may wait for children meanwhile. Takes as long as the
/// kernel needs to end them.
///
/// # Errors
/// When the processes cannot be listed.
pub(super) fn end_descendants() -> io::Result<()> {
    loop {
        let targets: Vec<Pid> = children()?.into_iter().filter(|pid| !is_pod_host(*pid)).collect();
        if targets.is_empty() {
            return Ok(());
        }
        for pid in &targets {
            // A child that is not ours to kill (it gained privileges) is waited for all the same.
            let _ = kill(*pid, Signal::SIGKILL);
        }
        for pid in targets {
            while waitpid(pid, None) == Err(Errno::EINTR) {}
        }
    }
}

/// Gives back the memory that this program's code takes, until it is run again: a start runs most of it once, and a Pod
/// that is idle next to nothing.
pub(super) fn give_back_code() {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, length) in maps.lines().filter_map(code_in) {
        let Some(start) = NonNull::new(std::ptr::without_provenance_mut::<libc::c_void>(start)) else { continue };
        // SAFETY: the range is code that is mapped from a file and not writable, so the kernel has what it drops there.
        let _ = unsafe { madvise(start, length, MmapAdvise::MADV_DONTNEED) };
    }
}

/// Reads a line of `/proc/PID/maps`, `START-END PERMISSIONS OFFSET DEVICE INODE PATH`; gives start and length of code that
/// comes from a file.
fn code_in(line: &str) -> Option<(usize, usize)> {
    let mut fields = line.split_ascii_whitespace();
    let (start, end) = fields.next()?.split_once('-')?;
    let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16).ok());
    let is_code = fields.next()? == "r-xp" && fields.nth(2)? != "0";
    is_code.then_some((start?, end?.checked_sub(start?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_what_comes_from_a_file_and_is_not_writable() {
        let line = |permissions, inode| format!("7f00-8000 {permissions} 00000000 fe:00 {inode}   /usr/lib/libc.so.6");
        assert_eq!(code_in(&line("r-xp", 17)), Some((0x7f00, 0x100)));
        assert_eq!(code_in(&line("r--p", 17)), None);
        assert_eq!(code_in("7f00-8000 r-xp 00000000 00:00 0   [vdso]"), None);
        give_back_code();
    }

    #[test]
    fn a_command_that_looks_like_fields_does_not_mislead() {
        let parent = parent_in("812 (a) R 1 (x) S 4711 812 812 0 -1 4194560");
        assert_eq!(parent, Some(Pid::from_raw(4711)));
        assert_eq!(parent_in("nonsense"), None);
    }

    #[test]
    fn a_child_is_found_and_this_process_is_no_pod_host() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let pid = Pid::from_raw(child.id().try_into().unwrap());
        assert!(children().unwrap().contains(&pid));
        assert!(!is_pod_host(Pid::this()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!children().unwrap().contains(&pid));
    }

    #[test]
    fn a_descriptor_that_is_not_open_or_a_standard_one_is_not_taken() {
        assert!(take(999).is_err());
        assert!(take(2).is_err());
    }

    #[test]
    fn nothing_of_ours_is_in_the_environment() {
        let environment = ["YOI_TICKET_LOCK", "YOIKS", "PATH"].map(|name| (name.into(), "1".into())).to_vec();
        let names: Vec<_> = without_our_own(environment).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["YOIKS", "PATH"]);
    }
}
