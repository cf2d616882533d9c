//! The machine: versions, directories, the file system, and what Pods need of the kernel.

use std::path::Path;
use std::process::{Command, Stdio};

use nix::sys::resource::{Resource, getrlimit};

use super::super::selftest::check::Verdict as Tried;
use super::super::selftest::files::abilities;
use super::report::{Remedy, Report, Verdict};
use crate::cli::Cli;
use crate::domain::{PodName, chain};
use crate::fs::{self, FlockGuard, Kind, Wait};
use crate::pod::{cgroup, check_socket_path};
use crate::registry::{NetworkPolicy, Registry};

/// How the directory begins in which the file system is tried out.
const PREFIX: &str = "doctor-";
/// How many files a listing of many claims, with its threads, has open at most; and some.
const FEWEST_FILES: u64 = 256;
/// How much room a registry should have, in bytes and in files.
const LEAST_ROOM: u64 = 16 << 20;
const LEAST_INODES: u64 = 1000;

pub(super) fn versions(cli: &Cli, report: &mut Report) {
    const AREA: &str = "versions";
    report.ok(AREA, "yoi", env!("CARGO_PKG_VERSION"));
    for name in ["yoi", "yoi-claim"] {
        match cli.sibling(name) {
            Ok(path) if path.is_file() => {
                let version = version_of(&path);
                if version != format!("{name} {}", env!("CARGO_PKG_VERSION")) {
                    let what = format!("{} says that it is {version:?}", path.display());
                    let remedy = Remedy::Do("install both programs anew, from one version".to_owned());
                    report.add(AREA, name, Verdict::Problem, what, remedy);
                }
            }
            Ok(path) => {
                let what = format!("{} is not there; Pods cannot be started without it", path.display());
                report.add(
                    AREA,
                    name,
                    Verdict::Problem,
                    what,
                    Remedy::Do("install both programs side by side".to_owned()),
                );
            }
            Err(failure) => report.failed(AREA, name, &failure, Remedy::None),
        }
    }
    match nix::sys::utsname::uname() {
        Ok(system) => {
            let [name, release] = [system.sysname(), system.release()].map(|text| text.to_string_lossy().into_owned());
            report.ok(AREA, "kernel", format!("{name} {release}"));
        }
        Err(error) => report.add(AREA, "kernel", Verdict::Warning, error.to_string(), Remedy::None),
    }
}

/// What a program says of its version, in one line.
pub(super) fn version_of(program: &Path) -> String {
    let ran = Command::new(program).arg("--version").stdin(Stdio::null()).stderr(Stdio::null()).output();
    match ran {
        Ok(ran) => String::from_utf8_lossy(&ran.stdout).lines().next().unwrap_or_default().trim().to_owned(),
        Err(error) => format!("cannot be run: {error}"),
    }
}

pub(super) fn directories(cli: &Cli, registry: &Registry, report: &mut Report) {
    const AREA: &str = "directories";
    let (data, runtime) = (registry.data(), registry.runtime());
    for (name, dir, variable) in [("data", data, "YOI_DATA_DIR"), ("runtime", runtime, "YOI_RUNTIME_DIR")] {
        match fs::look(dir) {
            Ok(None) => report.ok(AREA, name, format!("{} is made at its first use", dir.display())),
            // What is wrong with its owner or mode is told with the registry, which lies in it.
            Ok(Some(look)) if look.kind == Kind::Directory => {
                report.ok(AREA, name, format!("{} (mode {:04o})", dir.display(), look.mode));
            }
            Ok(Some(look)) => {
                let what = format!("{} is {}, and must be a directory", dir.display(), look.kind.words());
                report.add(AREA, name, Verdict::Problem, what, Remedy::Do(format!("name another with {variable}")));
            }
            Err(error) => report.add(AREA, name, Verdict::Problem, chain(&error), Remedy::None),
        }
    }
    let any = PodName::new("any").expect("this is a name");
    if let Err(error) = check_socket_path(&registry.socket_path(&any)) {
        let remedy = Remedy::Do("name a shorter runtime directory with YOI_RUNTIME_DIR".to_owned());
        report.add(AREA, "sockets", Verdict::Problem, chain(&error), remedy);
    }
    file_system(cli, data, report);
}

fn file_system(cli: &Cli, data: &Path, report: &mut Report) {
    const AREA: &str = "file system";
    let Some(there) = data.ancestors().find(|dir| fs::exists(dir)) else { return };
    let network = match (fs::file_system_name(there), fs::network_file_system(there)) {
        (Ok(name), Ok(network)) => {
            if network.is_none() {
                report.ok(AREA, "kind", name);
            }
            network
        }
        (Err(error), _) | (_, Err(error)) => {
            return report.add(AREA, "kind", Verdict::Problem, chain(&error), Remedy::None);
        }
    };
    if let Some(network) = network {
        let allowed = cli.environment().network_policy() == NetworkPolicy::Allow;
        let verdict = if allowed { Verdict::Warning } else { Verdict::Problem };
        let remedy = Remedy::Do("name a directory on a local disk with YOI_DATA_DIR".to_owned());
        let what = format!("{network}, where locks and syncs cannot be relied on");
        report.add(AREA, "kind", verdict, what, remedy);
    }
    room(there, report);
    if there != data {
        return report.ok(AREA, "abilities", "not tried out: the data directory is not there yet");
    }
    if let Err(error) = try_out(data, report) {
        let what = format!("cannot be tried out: {}", chain(&error));
        report.add(AREA, "abilities", Verdict::Problem, what, Remedy::None);
    }
}

/// Tries the file system out in a directory of its own; one that was left behind is removed, too.
fn try_out(data: &Path, report: &mut Report) -> Result<(), fs::PathError> {
    use fs::IoContext as _;
    // Every doctor holds this for as long as it has such a directory, so the others' are nobody's.
    let guard = FlockGuard::acquire_dir(data, Wait::No);
    let Ok(_only_one) = guard else {
        report.ok("file system", "abilities", "not tried out: another doctor is at it");
        return Ok(());
    };
    for name in fs::entries(data)? {
        if name.to_str().is_some_and(|name| name.starts_with(PREFIX)) {
            fs::remove_tree(&data.join(name))?;
        }
    }
    let dir = tempfile::Builder::new().prefix(PREFIX).tempdir_in(data).context("make a directory in", data)?;
    for check in abilities(dir.path()) {
        let verdict = match check.verdict {
            Tried::Kept | Tried::Skipped => Verdict::Ok,
            Tried::Limited => Verdict::Warning,
            Tried::Broken => Verdict::Problem,
        };
        let (what, remedy) = match verdict {
            Verdict::Ok => (check.what, Remedy::None),
            _ => {
                let remedy = "name a directory on another disk with YOI_DATA_DIR".to_owned();
                (format!("{}: {}", check.what, check.means), Remedy::Do(remedy))
            }
        };
        report.add("file system", check.name, verdict, what, remedy);
    }
    Ok(())
}

fn room(there: &Path, report: &mut Report) {
    let Ok(found) = nix::sys::statvfs::statvfs(there) else { return };
    let bytes = found.blocks_available().saturating_mul(found.fragment_size());
    // Some file systems do not count them.
    let few_inodes = found.files() > 0 && found.files_available() < LEAST_INODES;
    let what = format!("{} MiB", bytes >> 20);
    if bytes < LEAST_ROOM || few_inodes {
        let what = if few_inodes { format!("{} files", found.files_available()) } else { what };
        let remedy = Remedy::Do("make room; what releases and reclaims tickets works on a full disk, too".to_owned());
        return report.add("file system", "room", Verdict::Warning, format!("only {what} are left"), remedy);
    }
    report.ok("file system", "room", what);
}

/// What Pods need of the kernel.
pub(super) fn processes(report: &mut Report) {
    const AREA: &str = "processes";
    match cgroup::available() {
        Ok(dir) => report.ok(AREA, "control groups", format!("each Pod gets one of its own, in {}", dir.display())),
        Err(why) => {
            let what = format!("{why}; where both processes of a Pod are killed at once, its agent may go on");
            report.add(AREA, "control groups", Verdict::Warning, what, Remedy::None);
        }
    }
    match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft < FEWEST_FILES => {
            let what = format!("at most {soft} may be open");
            report.add(AREA, "open files", Verdict::Warning, what, Remedy::typed(["ulimit", "-n", "1024"]));
        }
        Ok((soft, _)) => report.ok(AREA, "open files", format!("at most {soft} may be open")),
        Err(error) => report.add(AREA, "open files", Verdict::Warning, error.to_string(), Remedy::None),
    }
    let watches = std::fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").unwrap_or_default();
    if let Ok(count) = watches.trim().parse::<u64>() {
        let (verdict, remedy) = match count {
            ..1024 => (Verdict::Warning, Remedy::typed(["sudo", "sysctl", "fs.inotify.max_user_watches=65536"])),
            _ => (Verdict::Ok, Remedy::None),
        };
        report.add(AREA, "watched directories", verdict, format!("at most {count} a user"), remedy);
    }
}
