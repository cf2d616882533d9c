//! A full disk: a small one of our own where the system lets us make one, else files that cannot grow.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{SigHandler, Signal, signal};

use super::bench::{Bench, Ran, run};
use super::check::{Check, Trouble, ensure};
use crate::cli::{Cli, Exit, Failure};
use crate::fs;

/// The check's name.
pub(super) const NAME: &str = "full disk";
/// Room for a registry and a few claims.
const OPTIONS: &str = "size=256k,mode=700";

/// Whether there is room for what a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    Some,
    None,
}

/// Commits and releases where there is no room.
pub(super) fn check(bench: &Bench<'_>) -> Check {
    Check::of(NAME, "what is written while the disk is full could be lost or torn", || {
        let dir = bench.places.data.with_file_name("full");
        fs::make_private_dir(&dir)?;
        let ran = run(bench.part("fill")?.arg("--").arg(&dir))?;
        match Exit::ALL.iter().find(|exit| i32::from(exit.status()) == ran.status) {
            Some(Exit::Done) => Ok(ran.out),
            // There is no disk to be had.
            Some(Exit::Busy) => limited(bench),
            _ => Err(Trouble::Broken([ran.out, ran.err].concat())),
        }
    })
}

/// What must be true with and without room; `claim` runs `yoi-claim`.
fn promises(mut claim: impl FnMut(Room, &[&str]) -> Result<Ran, Trouble>) -> Result<(), Trouble> {
    let mut expect = |room, words: &[&str], status| -> Result<Ran, Trouble> {
        let ran = claim(room, words)?;
        let what = format!("{} ended with {} instead of {status}: {}", words.join(" "), ran.status, ran.err);
        ensure(ran.status == status, what)?;
        Ok(ran)
    };
    let commit = |ticket| ["claim-commit", ticket, "--pod", "writer", "--role", "coder"];
    let (first, second) = ("full-1", "full-2");
    expect(Room::Some, &commit(first), 0)?;
    expect(Room::None, &commit(second), 128)?;
    expect(Room::None, &["claim-show", second], 1)?;
    expect(Room::None, &["claim-check", first, "--expect", "1"], 0)?;
    expect(Room::None, &["claim-release", first, "--expect", "1", "--reason", "selftest"], 0)?;
    expect(Room::None, &["claim-show", first], 1)?;
    expect(Room::Some, &commit(second), 0)?;
    expect(Room::Some, &commit(first), 0)?;
    expect(Room::Some, &["claim-check", first, "--expect", "2"], 0)?;
    Ok(())
}

/// On the user's own file system, with a limit on the size of files.
fn limited(bench: &Bench<'_>) -> Result<String, Trouble> {
    promises(|room, words| match room {
        Room::Some => run(&mut bench.yoi_claim(words)?),
        Room::None => run(bench.part("limit")?.arg("--").arg(&bench.yoi_claim).args(words)),
    })?;
    Ok("with files that cannot grow, nothing was torn and a claim was released".to_owned())
}

/// Has every write fail that would make a file longer, as on a full disk.
pub(super) fn limit_files() -> io::Result<()> {
    // SAFETY: to ignore a signal runs no code of ours. Without it, a write that fails would be this process's end.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
    Ok(setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?)
}

/// The process that has a disk of its own, at the directory that it is told, and fills it.
pub(super) fn fill(cli: &Cli, words: Vec<OsString>) -> Result<(Exit, String), Failure> {
    let [dir] = &words[..] else { return Err(Failure::new(Exit::Usage, "there is no directory to fill")) };
    let dir = Path::new(dir);
    if let Err(error) = own_disk(dir) {
        return Ok((Exit::Busy, format!("no disk of our own: {error}")));
    }
    let (program, filler) = (cli.sibling("yoi-claim")?, dir.join("filler"));
    let tried = promises(|room, words| {
        match room {
            Room::Some => drop(fs::unlink(&filler)?),
            Room::None => fill_up(&filler)?,
        }
        run(Command::new(&program).args(words).env("YOI_DATA_DIR", dir).stdin(Stdio::null()))
    });
    Ok(match tried {
        Ok(()) => (Exit::Done, "on a disk without room, nothing was torn and a claim was released".to_owned()),
        Err(Trouble::Broken(what) | Trouble::Limited(what) | Trouble::Skipped(what)) => (Exit::Refused, what),
    })
}

/// Mounts a small disk that this process and its children alone see.
fn own_disk(dir: &Path) -> Result<(), Errno> {
    let (user, group) = (nix::unistd::geteuid(), nix::unistd::getegid());
    if unshare(CloneFlags::CLONE_NEWNS).is_err() {
        unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS)?;
        let map = |name: &str, text: String| std::fs::write(format!("/proc/self/{name}"), text);
        // In this order: without it the kernel takes no map of groups from an ordinary user.
        map("setgroups", "deny".to_owned())
            .and_then(|()| map("uid_map", format!("{user} {user} 1")))
            .and_then(|()| map("gid_map", format!("{group} {group} 1")))
            .map_err(|_| Errno::EPERM)?;
    }
    let nothing = None::<&str>;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    mount(Some("tmpfs"), dir, Some("tmpfs"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, Some(OPTIONS))
}

/// Takes all the room that there is.
fn fill_up(filler: &Path) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(filler)?;
    for block in [4096, 1] {
        while file.write_all(&vec![b'.'; block]).is_ok() {}
    }
    Ok(())
}
