//! A full disk and a read-only one: real file systems of their own, mounted where no other process sees them.
//!
//! This program runs itself again in a mount namespace, with the root of its bench as an argument.

use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};

use super::Wanted;
use super::sweep::last_failure;
use super::world::{BELOW, World};
use crate::common::{TestEnv, run as must};

/// The argument with which this program tries a disk.
pub const INSIDE: &str = "--disk";

type Disk = fn(&World);

/// How a data directory is mounted, and what is tried there.
const DISKS: &[(&str, Disk)] = &[("full", full), ("no-inodes", no_inodes), ("read-only", read_only)];

/// Tries all disks, prints what came of them, and gives the number of violations.
pub fn run(wanted: &Wanted, _: &TestEnv) -> usize {
    let Some(namespace) = [["-m"], ["-Urm"]].into_iter().find(|flags| {
        let mut unshare = Command::new("unshare");
        unshare.args(flags).arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }) else {
        println!("disk: skipped: a mount namespace cannot be had here");
        return 0;
    };
    let mut violations = 0;
    for (name, _) in DISKS.iter().filter(|(name, _)| wanted.disk(name)) {
        let mut inside = Command::new("unshare");
        inside.args(namespace).arg(std::env::current_exe().unwrap()).args([INSIDE, name]);
        let kept = inside.status().unwrap().success();
        println!("disk: {name:<18} {}", if kept { "kept every promise" } else { "VIOLATION" });
        violations += usize::from(!kept);
    }
    violations
}

/// Tries one disk, in a mount namespace of this process; true when every promise was kept.
pub fn inside(name: &str) -> bool {
    let (_, tries) = DISKS.iter().find(|(disk, _)| *disk == name).unwrap();
    let env = TestEnv::with_sample();
    fs::create_dir(env.workspace().join(BELOW)).unwrap();
    let world = World::new(&env, "data");
    let mut mount = env.command("mount");
    mount.args(["-t", "tmpfs", "-o", "size=64k,nr_inodes=96,mode=700", "none"]).arg(world.data());
    must(&mut mount, 0);
    let kept = catch_unwind(AssertUnwindSafe(|| {
        prepare(&world);
        tries(&world);
    }));
    if kept.is_err() {
        println!("  {}\n  again: cargo test --test faults -- disk {name}", last_failure());
    }
    must(env.command("umount").arg(world.data()), 0);
    kept.is_ok()
}

fn prepare(world: &World) {
    for ticket in ["A", "B", "C"] {
        // A person's claim: no Pod of that name ever had a lock.
        world.must(&["claim-commit", ticket, "--pod", &format!("pod-{ticket}"), "--role", "coder"]);
    }
    world.must(&["claim-commit", "D", "--pod", "d", "--role", "coder"]);
    world.must(&["claim-release", "D", "--expect", "1", "--reason", "r"]);
    world.must(&["session-record", "s", "--role", "coder", "--origin", "role_launch", "--ticket", "A"]);
}

/// Fails unless a verb says that the disk is why nothing was done, and nothing was.
fn refused(world: &World, words: &[&str], why: &str) {
    let (before, left) = (world.records(), world.leftovers());
    let outcome = world.run(words);
    assert_eq!(outcome.status, 128, "{words:?}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(world.data().to_str().unwrap()), "no path is named: {}", outcome.stderr);
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    assert!(world.records() == before, "{words:?} changed something");
    assert_eq!(world.leftovers(), left, "{words:?} left something behind");
}

fn listings(world: &World) -> Vec<String> {
    // There is one thing to be found: a session record that relates a Pod to a ticket of another one.
    let verbs = [("claim-list", 0), ("session-list", 0), ("pod-list", 0), ("journal", 0), ("verify", 1)];
    let claims = verbs.map(|(verb, status)| must(&mut world.yoi_claim(&[verb]), status).stdout);
    assert!(claims[3].contains("\tcommit\tD\td\tcoder\t1\t"), "{claims:?}");
    assert!(claims[4].starts_with("session-of-another\t") && claims[4].lines().count() == 1, "{claims:?}");
    let shown = must(&mut world.yoi_claim(&["claim-show", "A"]), 0).stdout;
    let status = must(&mut world.env().yoi(["status"]), 0).stdout;
    claims.into_iter().chain([shown, status]).collect()
}

const COMMIT: &[&str] = &["claim-commit", "E", "--pod", "e", "--role", "coder"];
const COMPLETE: &[&str] = &["claim-complete", "A", "--expect", "1"];
const RECORD: &[&str] = &["session-record", "s", "--role", "coder", "--origin", "role_launch", "--ticket", "B"];
const RECORD_NEW: &[&str] = &["session-record", "new", "--role", "coder", "--origin", "role_launch"];

/// What holds on a disk with no room left, and once there is some again; `free` makes some.
fn without_room(world: &World, free: impl FnOnce()) {
    let before = world.records();
    let listed = listings(world);
    let journal = fs::read(world.registry().journal_path()).unwrap();
    for words in [COMMIT, COMPLETE, RECORD, RECORD_NEW] {
        refused(world, words, "No space left on device");
    }
    assert_eq!(listings(world), listed);
    let release = ["claim-release", "B", "--expect", "1", "--reason", &"it is no use ".repeat(20)];
    world.must(&release);
    world.must(&release);
    world.must(&["claim-reclaim", "C", "--expect", "1", "--reason", "it is no use either"]);
    let (mut after, mut now) = (before.clone(), world.records());
    for ticket in ["B", "C"] {
        let claim = after.remove(&format!("claims/{ticket}.toml")).unwrap();
        after.insert(format!("claims/{ticket}.released"), claim);
    }
    // A reclaim adds to the tombstone how the claim ended, where there is room for that.
    let reclaimed = "claims/C.released";
    assert!(now.remove(reclaimed).is_some() && after.remove(reclaimed).is_some());
    assert!(now == after, "release and reclaim move one record each, and that is all");
    let now = fs::read(world.registry().journal_path()).unwrap();
    assert!(now.starts_with(&journal), "the journal was cut");
    world.read_all();
    free();
    for words in [COMMIT, COMPLETE, RECORD, RECORD_NEW] {
        world.must(words);
    }
    world.must(&["claim-commit", "B", "--pod", "later", "--role", "coder"]);
    let listed = must(&mut world.yoi_claim(&["claim-list"]), 0).stdout;
    assert!(listed.contains("B\tlater\tcoder\t2\t") && listed.contains("E\te\tcoder\t1\t"), "{listed}");
    assert_eq!(world.leftovers(), Vec::<String>::new());
    world.read_all();
}

fn full(world: &World) {
    // Almost a page, so that the next line does not fit into what is left of it.
    let journal = world.registry().journal_path();
    let mut file = fs::File::options().append(true).open(&journal).unwrap();
    let line = "{\"at\":\"2026-06-07T22:02:25Z\",\"user\":\"u\",\"pid\":1,\"action\":\"filler\"}\n";
    while file.metadata().unwrap().len() + (line.len() as u64) < 4096 {
        file.write_all(line.as_bytes()).unwrap();
    }
    let filler = world.data().join("filler");
    let mut fill = fs::File::create(&filler).unwrap();
    while fill.write_all(&[0; 4096]).is_ok() {}
    drop(fill);
    without_room(world, || fs::remove_file(&filler).unwrap());
}

fn no_inodes(world: &World) {
    let dir = world.data().join("fillers");
    fs::create_dir(&dir).unwrap();
    let mut made = 0;
    while fs::File::create(dir.join(made.to_string())).is_ok() {
        made += 1;
    }
    assert!(made > 0);
    without_room(world, || fs::remove_dir_all(&dir).unwrap());
}

fn read_only(world: &World) {
    let (before, listed) = (world.tree(), listings(world));
    let remount = |how: &str| {
        must(world.env().command("mount").args(["-o", how]).arg(world.data() as &Path), 0);
    };
    remount("remount,ro");
    assert_eq!(listings(world), listed);
    for words in [
        COMMIT,
        COMPLETE,
        RECORD,
        RECORD_NEW,
        &["claim-release", "A", "--expect", "1", "--reason", "r"],
        &["ticket-lock", "A", "--", "true"],
    ] {
        refused(world, words, "Read-only file system");
    }
    assert!(world.tree() == before, "a read-only disk was changed");
    remount("remount,rw");
    world.must(COMMIT);
}
