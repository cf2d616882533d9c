//! Files, names and locks, by the very functions that keep the registry.

use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::bench::Bench;
use super::check::{Check, Trouble, ensure};
use crate::fs::{
    self, DirWatches, Exchanged, FlockGuard, Interest, Linked, LockState, NetworkFs, OfdLock, Wait, WaitError, Woken,
};

/// What follows where a name is given twice.
const TWO: &str = "two agents could take one ticket";
/// How often a file is replaced while it is read.
const REPLACED: u32 = 200;
/// How long the kernel may take to tell of a change.
const NOTICE: Duration = Duration::from_secs(2);

/// Whether the data directory lies on this machine.
pub(super) fn local(network: Option<&NetworkFs>, is_refused: bool) -> Check {
    let means = "locks and syncs cannot be trusted there; choose another directory with YOI_DATA_DIR";
    Check::of("local disk", means, || match (network, is_refused) {
        (None, _) => Ok("not a network file system".to_owned()),
        (Some(found), true) => Err(Trouble::Broken(found.to_string())),
        (Some(found), false) => Err(Trouble::Limited(format!("{found}, which YOI_ALLOW_NETWORK_FS allows"))),
    })
}

/// All checks in a directory that is there for nothing else.
pub(super) fn checks(bench: &Bench<'_>, dir: &Path) -> Vec<Check> {
    let torn = "a record could be lost or torn when the machine stops";
    let mut checks = abilities(dir);
    checks.extend([
        Check::of("exclusive creation", TWO, || exclusive(dir)),
        Check::of("replacing", torn, || replacing(dir)),
        Check::of("syncing directories", torn, || {
            fs::sync_dir(dir)?;
            Ok("accepted".to_owned())
        }),
        Check::of("inherited locks", "a Pod that lives could be taken for dead, or one that died for live", || {
            inherited(bench, dir)
        }),
        Check::of("notification", "watch and panel do not see what changes", || notification(dir)),
        Check::of("long names", "tickets with long ids cannot be claimed", || long_names(dir)),
    ]);
    checks
}

/// Those that tell, in an instant, what a file system is able to do; in a directory that is there for nothing else.
pub(in crate::porcelain) fn abilities(dir: &Path) -> Vec<Check> {
    vec![
        Check::of("hard links", TWO, || links(dir)),
        Check::of("exchanging", "tickets are changed file by file instead of all at once", || exchanging(dir)),
        Check::of("lock marks", "a Pod that lives could be taken for dead", || marks(dir)),
        Check::of("lock kinds", "a claim could not be changed while its ticket is in flight", || kinds(dir)),
        Check::of("case of names", "of two tickets that differ only in case the second is refused, by name", || {
            case(dir)
        }),
    ]
}

fn links(dir: &Path) -> Result<String, Trouble> {
    let [first, second, name] = ["link-a", "link-b", "link"].map(|name| dir.join(name));
    fs::create_file(&first, b"first")?;
    fs::create_file(&second, b"second")?;
    ensure(fs::link_into_place(&first, &name)? == Linked::Done, "a free name was not given")?;
    ensure(fs::link_into_place(&second, &name)? == Linked::Taken, "a name that was taken was given again")?;
    fs::unlink(&first)?;
    ensure(fs::read_file(&name)?.as_deref() == Some(b"first"), "the file under the second name is another")?;
    Ok("a name is given once".to_owned())
}

fn exclusive(dir: &Path) -> Result<String, Trouble> {
    let path = dir.join("exclusive");
    fs::create_file(&path, b"one")?;
    match fs::create_file(&path, b"two") {
        Err(error) if error.source.kind() == std::io::ErrorKind::AlreadyExists => Ok("a file is made once".to_owned()),
        Err(error) => Err(error.into()),
        Ok(()) => Err(Trouble::Broken("a file that was there was made again".to_owned())),
    }
}

/// Replaces a file over and over while another thread reads it.
fn replacing(dir: &Path) -> Result<String, Trouble> {
    let path = dir.join("replaced");
    let text = |number: u32| format!("{number}\n").repeat(500);
    fs::create_file(&path, text(0).as_bytes())?;
    let done = AtomicBool::new(false);
    let read = || -> Result<u32, Trouble> {
        let mut reads = 0;
        while !done.load(Ordering::Relaxed) {
            let bytes =
                fs::read_file(&path)?.ok_or_else(|| Trouble::Broken("the file was gone for a moment".to_owned()))?;
            let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let is_whole =
                bytes.split_inclusive(|byte| *byte == b'\n').filter(|line| &line[..line.len() - 1] == first).count();
            ensure(is_whole == 500, "half of one text and half of another were read")?;
            reads += 1;
        }
        Ok(reads)
    };
    let (replaced, reads) = std::thread::scope(|scope| {
        let reader = scope.spawn(read);
        let replace = |number| fs::replace(&dir.join("replacement"), &path, text(number).as_bytes());
        let replaced = (1..=REPLACED).try_for_each(replace);
        done.store(true, Ordering::Relaxed);
        (replaced, reader.join())
    });
    replaced?;
    let reads = reads.map_err(|_| Trouble::Broken("the reader failed".to_owned()))??;
    Ok(format!("{REPLACED} times, read {reads} times meanwhile, always whole"))
}

fn exchanging(dir: &Path) -> Result<String, Trouble> {
    let [old, new] = ["exchange-a", "exchange-b"].map(|name| dir.join(name));
    fs::make_private_dir(&old)?;
    fs::make_private_dir(&new)?;
    fs::create_file(&new.join("mark"), b"")?;
    match fs::exchange(&new, &old)? {
        Exchanged::Done => {
            ensure(fs::exists(&old.join("mark")) && !fs::exists(&new.join("mark")), "the names were not exchanged")?;
            Ok("two directories at once".to_owned())
        }
        Exchanged::Unsupported => Err(Trouble::Limited("the file system cannot".to_owned())),
    }
}

fn is_held(path: &Path, is: LockState, otherwise: &str) -> Result<(), Trouble> {
    ensure(fs::probe(path)? == is, otherwise)
}

fn marks(dir: &Path) -> Result<String, Trouble> {
    let path = dir.join("mark");
    let lock = OfdLock::acquire(&path, Wait::No)?;
    is_held(&path, LockState::Held, "a lock that is held is told to be free")?;
    match OfdLock::acquire(&path, Wait::No) {
        Err(WaitError::Held { .. }) => {}
        Err(WaitError::Io(error)) => return Err(error.into()),
        Ok(_second) => return Err(Trouble::Broken("a lock that is held was had again".to_owned())),
    }
    drop(lock);
    is_held(&path, LockState::Free, "a lock that was released is told to be held")?;
    Ok("asked about without being taken".to_owned())
}

fn kinds(dir: &Path) -> Result<String, Trouble> {
    let path = dir.join("kinds");
    let _mark = OfdLock::acquire(&path, Wait::No)?;
    match FlockGuard::acquire(&path, Wait::No) {
        Ok(fence) => drop(fence),
        Err(WaitError::Held { .. }) => return Err(Trouble::Broken("the two kinds of locks see each other".to_owned())),
        Err(WaitError::Io(error)) => return Err(error.into()),
    }
    is_held(&path, LockState::Held, "the one kind released the other")?;
    Ok("the two do not see each other".to_owned())
}

/// A lock goes on with a child that has it open, and ends with the child's death.
fn inherited(bench: &Bench<'_>, dir: &Path) -> Result<String, Trouble> {
    let path = dir.join("inherited");
    let lock = OfdLock::acquire(&path, Wait::No)?;
    // Ends by itself at the end of its standard input, should this process die.
    let mut child = bench.part("hold")?.stdin(Stdio::piped()).stdout(lock.duplicate()?).spawn()?;
    drop(lock);
    let goes_on = is_held(&path, LockState::Held, "a lock ended although a child had inherited it");
    child.kill()?;
    child.wait()?;
    goes_on?;
    is_held(&path, LockState::Free, "a lock went on although its last holder was killed")?;
    Ok("kept by a child, and gone when it was killed".to_owned())
}

fn notification(dir: &Path) -> Result<String, Trouble> {
    let watches = DirWatches::new(dir)?;
    ensure(watches.add(dir, Interest::NewNames)?.is_some(), "the directory cannot be watched")?;
    fs::create_file(&dir.join("noticed"), b"")?;
    match watches.wait(None, Some(NOTICE))? {
        Woken::Events => Ok("of a new file".to_owned()),
        Woken::Timeout | Woken::HungUp => {
            Err(Trouble::Limited(format!("none of a new file within {} s", NOTICE.as_secs())))
        }
    }
}

fn long_names(dir: &Path) -> Result<String, Trouble> {
    fs::create_file(&dir.join("n".repeat(255)), b"")?;
    Ok("255 bytes".to_owned())
}

fn case(dir: &Path) -> Result<String, Trouble> {
    fs::create_file(&dir.join("Case"), b"")?;
    match fs::exists(&dir.join("case")) {
        true => Err(Trouble::Limited("upper and lower case are one".to_owned())),
        false => Ok("told apart".to_owned()),
    }
}
