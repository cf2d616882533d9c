//! A cgroup of its own for a Pod's agent, where one can be had.
//!
//! The warden finds every descendant by itself; the cgroup is for the case that warden and host are both killed: the
//! next holder of the Pod's lock then ends what is left with [`kill_leftover_cgroup`]. Only version 2 is used, also
//! where it is mounted beside version 1. Every failure here means "no cgroup", never "no Pod".

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::Pid;

use super::process::is_pod_host;

/// How the directory of every Pod's cgroup begins; what follows tells the Pod.
const PREFIX: &str = "yoi-pod-";
/// How long the kernel may take to end the members.
const DEATH: Duration = Duration::from_secs(5);

/// The cgroup of one Pod.
#[derive(Debug)]
pub struct Cgroup {
    directory: PathBuf,
    recorded: String,
}

impl Cgroup {
    /// Makes a cgroup of this name, which no other Pod has, below the one that this process is in; `None` where that cannot be.
    ///
    /// A process that runs inside of another Pod's cgroup leaves that first: it must not be ended with that Pod.
    pub fn create(name: &str) -> Option<Self> {
        let mount = Mount::find()?;
        let current = own_path(&fs::read_to_string("/proc/self/cgroup").ok()?)?;
        let base = outside_of_pods(&current);
        if base != current {
            fs::write(mount.directory(&base)?.join("cgroup.procs"), "0").ok()?;
        }
        let path = base.join(format!("{PREFIX}{name}"));
        let directory = mount.directory(&path)?;
        match fs::create_dir(&directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => None,
            _ => Some(Self { recorded: path.to_str()?.to_owned(), directory }),
        }
    }

    /// What `pod.toml` keeps of it, for [`kill_leftover_cgroup`].
    pub fn recorded(&self) -> &str {
        &self.recorded
    }

    /// Opens the file through which a process enters the cgroup by writing `0`.
    pub(super) fn entrance(&self) -> io::Result<File> {
        File::options().write(true).open(self.directory.join("cgroup.procs"))
    }

    /// Ends all members at once, so that none can fork faster than it is found. With another Pod's warden among them it
    /// does nothing: that one is left alone.
    pub(super) fn end_members(&self) {
        end_members(&self.directory);
    }

    /// Removes the cgroup, which must have no members.
    pub(super) fn remove(&self) {
        remove(&self.directory);
    }
}

/// Ends what is left of a Pod whose warden and host were both killed; to be called with that Pod's lock held.
///
/// `recorded` is what `pod.toml` says. One that is gone already is as good. Gives whether all members are gone.
pub fn kill_leftover_cgroup(recorded: &str) -> bool {
    let Some(directory) = recorded_directory(recorded) else { return true };
    end_members(&directory);
    let gone = wait_until_empty(&directory, DEATH);
    remove(&directory);
    gone
}

/// The directory of the cgroup of a Pod that has ended, where it was left behind and has no members.
///
/// `recorded` is what `pod.toml` says.
pub fn empty_leftover_cgroup(recorded: &str) -> Option<PathBuf> {
    let directory = recorded_directory(recorded)?;
    let events = fs::read_to_string(directory.join("cgroup.events")).ok()?;
    events.lines().any(|line| line == "populated 0").then_some(directory)
}

/// Removes the cgroup of a Pod that has ended; to be called with that Pod's lock held. The kernel keeps one with members.
///
/// # Errors
/// When it is there and cannot be removed.
pub fn remove_empty_cgroup(directory: &Path) -> io::Result<()> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Whether Pods can have cgroups of their own here: the directory in which they would be made, or why not.
///
/// # Errors
/// The reason, in words.
pub fn available() -> Result<PathBuf, String> {
    let mountinfo =
        fs::read_to_string("/proc/self/mountinfo").map_err(|error| format!("/proc cannot be read: {error}"))?;
    let mount = Mount::find_in(&mountinfo).ok_or("no cgroup file system of version 2 is mounted")?;
    let own = fs::read_to_string("/proc/self/cgroup").map_err(|error| format!("/proc cannot be read: {error}"))?;
    let current = own_path(&own).ok_or("this process is in no cgroup of version 2")?;
    let base = mount.directory(&outside_of_pods(&current)).ok_or("the cgroup of this process is not mounted")?;
    // Made and removed, since neither owner nor mode tell whether the kernel lets it.
    let probe = base.join(format!("{PREFIX}doctor-{}", std::process::id()));
    fs::create_dir(&probe).map_err(|error| format!("none can be made in {}: {error}", base.display()))?;
    let can_kill = probe.join("cgroup.kill").exists();
    let _ = fs::remove_dir(&probe);
    if can_kill { Ok(base) } else { Err("the kernel has no cgroup.kill (Linux 5.14)".to_owned()) }
}

/// The directory of a recorded cgroup, if it is a Pod's and there.
fn recorded_directory(recorded: &str) -> Option<PathBuf> {
    let path = Path::new(recorded);
    let ours = path.file_name().is_some_and(|name| name.as_bytes().starts_with(PREFIX.as_bytes()))
        && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let directory = Mount::find().and_then(|mount| mount.directory(path)).filter(|_| ours);
    directory.filter(|directory| directory.exists())
}

fn end_members(directory: &Path) {
    let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    let members: Vec<Pid> = members.lines().filter_map(|line| line.parse().ok()).map(Pid::from_raw).collect();
    if !members.iter().any(|pid| is_pod_host(*pid)) {
        let _ = fs::write(directory.join("cgroup.kill"), "1");
    }
}

/// Waits until no member is left; the kernel wakes a poller of `cgroup.events`.
fn wait_until_empty(directory: &Path, bound: Duration) -> bool {
    let deadline = Instant::now() + bound;
    let events = directory.join("cgroup.events");
    let Ok(file) = File::open(&events) else { return !directory.exists() };
    loop {
        match fs::read_to_string(&events) {
            Ok(text) if text.lines().any(|line| line == "populated 1") => {}
            _ => return true,
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        if left.is_zero() || poll(&mut [PollFd::new(file.as_fd(), PollFlags::POLLPRI)], timeout).is_err() {
            return false;
        }
    }
}

/// Removes a cgroup and those that its members made below it.
fn remove(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&entry.path());
        }
    }
    let _ = fs::remove_dir(directory);
}

/// Where the version 2 hierarchy is mounted, and which part of it.
#[derive(Debug, PartialEq)]
struct Mount {
    root: PathBuf,
    point: PathBuf,
}

impl Mount {
    fn find() -> Option<Self> {
        Self::find_in(&fs::read_to_string("/proc/self/mountinfo").ok()?)
    }

    /// Reads `proc_pid_mountinfo(5)`: `ID PARENT DEV ROOT POINT OPTIONS … - TYPE …`.
    fn find_in(mountinfo: &str) -> Option<Self> {
        mountinfo.lines().find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let mut fields = mount.split(' ').skip(3);
            let (root, point) = (fields.next()?, fields.next()?);
            (kind.split(' ').next() == Some("cgroup2"))
                .then(|| Self { root: root.into(), point: unescape(point).into() })
        })
    }

    /// The directory of a cgroup; `None` for one outside of the part that is mounted.
    fn directory(&self, path: &Path) -> Option<PathBuf> {
        Some(self.point.join(path.strip_prefix(&self.root).ok()?))
    }
}

/// Undoes the kernel's `\040` for a blank, and the like.
fn unescape(text: &str) -> String {
    ["\\040", "\\011", "\\012", "\\134"]
        .into_iter()
        .zip([" ", "\t", "\n", "\\"])
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

/// Finds the version 2 cgroup in a `/proc/PID/cgroup`: the line of hierarchy 0.
fn own_path(text: &str) -> Option<PathBuf> {
    text.lines().find_map(|line| line.strip_prefix("0::")).map(PathBuf::from)
}

fn outside_of_pods(path: &Path) -> PathBuf {
    let of_a_pod = |part: &Component| part.as_os_str().as_bytes().starts_with(PREFIX.as_bytes());
    path.components().take_while(|part| !of_a_pod(part)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_version_is_found_beside_the_first() {
        let mounts = "30 24 0:26 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
                      31 24 0:27 /user.slice /sys/fs/cgroup/uni\\040fied rw,relatime - cgroup2 cgroup2 rw\n";
        let mount = Mount::find_in(mounts).unwrap();
        assert_eq!(mount.directory(Path::new("/user.slice/a")), Some("/sys/fs/cgroup/uni fied/a".into()));
        assert_eq!(mount.directory(Path::new("/system.slice")), None);
        assert_eq!(own_path("4:cpu:/x\n0::/user.slice/a\n"), Some("/user.slice/a".into()));
        assert_eq!(own_path("4:cpu:/x\n"), None);
    }

    #[test]
    fn a_pod_inside_of_a_pod_leaves_it() {
        assert_eq!(outside_of_pods(Path::new("/a.scope/yoi-pod-77/b")), Path::new("/a.scope"));
        assert_eq!(outside_of_pods(Path::new("/a.scope/yoi")), Path::new("/a.scope/yoi"));
    }

    #[test]
    fn nothing_but_a_pods_cgroup_is_ever_ended() {
        assert!(kill_leftover_cgroup("/"));
        assert!(kill_leftover_cgroup("/yoi-pod-1/../init.scope"));
        assert!(kill_leftover_cgroup("/yoi-pod-that-was-never-made"));
    }
}
