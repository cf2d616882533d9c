//! Something else in the place of every file: refused and explained by every reader, and nothing hangs.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::common::{Outcome, run};
use crate::world::{NONCE, RANDOM, World};

/// What is planted in the place of a file or directory, once it was moved to the second path.
type Plant = (&'static str, fn(&Path, &Path));

const PLANTS: &[Plant] = &[
    ("a symlink to what was there", |path, aside| symlink(aside, path).unwrap()),
    ("a symlink to nothing", |path, _| symlink("/nowhere/at/all", path).unwrap()),
    ("a symlink to itself", |path, _| symlink(path, path).unwrap()),
    ("a FIFO", |path, _| nix::unistd::mkfifo(path, nix::sys::stat::Mode::S_IRWXU).unwrap()),
    ("a directory", |path, aside| {
        if aside.is_dir() {
            return fs::write(path, "").unwrap();
        }
        fs::create_dir(path).unwrap();
    }),
    ("a socket", |path, _| drop(std::os::unix::net::UnixListener::bind(path).unwrap())),
    ("what others may write to", |path, aside| {
        fs::rename(aside, path).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }),
    ("what is somebody else's", |path, aside| {
        fs::rename(aside, path).unwrap();
        if nix::unistd::geteuid().is_root() {
            return std::os::unix::fs::lchown(path, Some(65534), None).unwrap();
        }
        // Only root can give a file away: others plant what is as bad.
        fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    }),
];

/// Every kind of file and directory of a registry, and whether a status needs it.
const PLACES: &[&str] = &[
    "workspace.toml",
    "journal.jsonl",
    "claims",
    "claims/held.toml",
    "claims/freed.released",
    "sessions",
    "sessions/stopped.toml",
    "pods",
    "pods/stopped",
    "pods/stopped/pod.toml",
    "pods/stopped/history.jsonl",
    "pods/stopped/host.log",
    "locks",
    "locks/sessions",
    "locks/tickets",
    "locks/tickets/held",
    "locks/pods",
    "locks/pods/stopped",
    "offers",
    "tmp",
];

/// Runs a reader, which must end by itself, say why it failed if it did, and name a path.
fn read(world: &World, command: Command) -> Outcome {
    let mut bounded = world.env.command("timeout");
    bounded.args(["--signal=KILL", "20"]).arg(command.get_program()).args(command.get_args());
    let outcome = Outcome::of(&mut bounded);
    assert!(matches!(outcome.status, 0 | 1 | 128), "{command:?}: {outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{command:?}: {outcome:?}");
    outcome
}

fn check(place: &str, (name, plant): &Plant) {
    let world = World::new();
    world.write("pods/stopped/host.log", "");
    let (path, aside) = (world.path(place), world.env.root().join("aside"));
    // The path of a socket holds 107 bytes, so it is bound where it is short and moved.
    fs::rename(&path, &aside).unwrap();
    if *name == "a socket" {
        let short = world.env.root().join("s");
        plant(&short, &aside);
        fs::rename(short, &path).unwrap();
    } else {
        plant(&path, &aside);
    }
    let about = format!("{name} in the place of {place}");
    for reader in [world.env.yoi_claim(["claim-list"]), world.env.yoi(["status"])] {
        let outcome = read(&world, reader);
        assert!(outcome.status == 0 || outcome.stderr.contains('/'), "{about}: it names no path: {outcome:?}");
    }
    let verified = read(&world, world.env.yoi_claim(["verify"]));
    assert_ne!(verified.status, 0, "{about}");
    let line = verified.stdout.lines().find(|line| line.ends_with(&format!("\t{}", path.display())));
    let Some(line) = line else { panic!("{about}: {verified:?}") };
    let remedy = line.split('\t').nth(3).unwrap();
    assert_ne!(remedy, "-", "{about}: {line}");
    // What refuses to be read is never removed by who mends.
    let repaired = read(&world, world.env.yoi_claim(["verify", "--repair"]));
    assert!(!repaired.stdout.contains("removed it"), "{about}: {repaired:?}");
}

#[test]
fn what_is_planted_in_the_place_of_any_file_is_refused_and_explained() {
    let all: Vec<(&str, &Plant)> =
        PLACES.iter().flat_map(|place| PLANTS.iter().map(move |plant| (*place, plant))).collect();
    let waiting = std::sync::Mutex::new(all.into_iter());
    let work = || {
        loop {
            let Some((place, plant)) = waiting.lock().unwrap().next() else { return };
            check(place, plant);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn what_is_planted_among_leftovers_is_never_followed() {
    let world = World::new();
    let precious = world.env.root().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "kept").unwrap();
    for below in [&format!("tmp/claim-held.{RANDOM}"), &format!("tmp/pod-x.{RANDOM}"), &format!("offers/free.{NONCE}")]
    {
        symlink(&precious, world.path(below)).unwrap();
    }
    nix::unistd::mkfifo(&world.path(&format!("tmp/log-x.{RANDOM}")), nix::sys::stat::Mode::S_IRWXU).unwrap();
    run(&mut world.env.yoi_claim(["verify"]), 1);
    read(&world, world.env.yoi_claim(["gc"]));
    assert_eq!(fs::read_to_string(precious.join("file")).unwrap(), "kept");
}
