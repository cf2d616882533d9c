//! Each kind of finding: how it comes about, how it is named, and what mends it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use serde_json::Value;
use yoi::domain::{Claim, Record as _, path_text};
use yoi::registry::JournalEntry;

use crate::common::scene::{pod, ticket, tree};
use crate::common::{Outcome, run};
use crate::world::{NONCE, RANDOM, World, codes, nonce, type_in, writer};

/// How a finding is got rid of.
enum Mended {
    /// `verify --repair`, after which nothing is wrong.
    Repair,
    /// `verify --repair`, after which other things are: these codes.
    RepairTo(&'static [&'static str]),
    /// Its own remedy, typed as it is shown.
    Remedy,
    /// `gc`, or `verify --repair`.
    Gc,
    /// A person who has read `yoi why`, and then types this.
    Person(&'static str),
    /// Nothing: a newer yoi wrote it.
    Never,
}

use Mended::{Gc, Never, Person, Remedy, Repair, RepairTo};

/// A kind of finding: its code, how it comes about (giving the path that is to be named), and how it goes.
type Case = (&'static str, &'static str, fn(&World) -> PathBuf, Mended);

const RECLAIM_HELD: &str = "yoi-claim claim-reclaim held --expect 1 --reason lost";

const CASES: &[Case] = &[
    ("a damaged claim", "invalid-record", |w| w.write("claims/held.toml", "torn"), RepairTo(&["set-aside-claim"])),
    (
        "a damaged claim nobody knows",
        "invalid-record",
        |w| w.write("claims/x.toml", ""),
        RepairTo(&["set-aside-claim"]),
    ),
    (
        "a claim that is huge",
        "invalid-record",
        |w| w.write("claims/x.toml", &"#\n".repeat(600_000)),
        RepairTo(&["set-aside-claim"]),
    ),
    (
        "a claim that was set aside",
        "set-aside-claim",
        |w| {
            fs::rename(w.path("claims/held.toml"), w.path("claims/held.unreadable")).unwrap();
            w.path("claims/held.unreadable")
        },
        Person(RECLAIM_HELD),
    ),
    (
        "a claim under another's name",
        "other-name",
        |w| {
            fs::copy(w.path("claims/held.toml"), w.path("claims/other.toml")).unwrap();
            w.path("claims/other.toml")
        },
        RepairTo(&["set-aside-claim"]),
    ),
    (
        "a claim under the name of its twin",
        "case-twin",
        |w| {
            fs::copy(w.path("claims/held.toml"), w.path("claims/HELD.toml")).unwrap();
            w.path("claims/HELD.toml")
        },
        Remedy,
    ),
    ("a newer claim", "newer-version", |w| w.edit("claims/held.toml", "version = 1", "version = 2"), Never),
    ("a newer tombstone", "newer-version", |w| w.edit("claims/freed.released", "version = 1", "version = 2"), Never),
    ("a newer session", "newer-version", |w| w.edit("sessions/stopped.toml", "version = 1", "version = 2"), Never),
    ("a newer Pod", "newer-version", |w| w.edit("pods/stopped/pod.toml", "version = 1", "version = 2"), Never),
    ("a newer registry", "newer-version", |w| w.edit("workspace.toml", "version = 1", "version = 2"), Never),
    (
        "a damaged tombstone",
        "invalid-record",
        |w| w.write("claims/freed.released", "torn"),
        Person("yoi-claim claim-reclaim freed --expect 1 --reason lost"),
    ),
    ("a damaged session", "invalid-record", |w| w.write("sessions/x.toml", "torn"), Repair),
    ("a damaged session of a Pod", "invalid-record", |w| w.write("sessions/stopped.toml", "torn"), Repair),
    (
        "a session under another's name",
        "other-name",
        |w| w.write("sessions/x.toml", &w.read("sessions/stopped.toml")),
        Repair,
    ),
    (
        "a damaged Pod",
        "invalid-record",
        |w| {
            w.make_dir("pods/x");
            w.write("pods/x/pod.toml", "torn")
        },
        Repair,
    ),
    (
        "a damaged Pod with a claim",
        "invalid-record",
        |w| w.write("pods/stopped/pod.toml", "torn"),
        RepairTo(&["stale-claim"]),
    ),
    ("a registry of nobody knows whom", "invalid-record", |w| w.write("workspace.toml", "torn"), Repair),
    (
        "a registry without a record",
        "no-workspace-record",
        |w| {
            fs::remove_file(w.path("workspace.toml")).unwrap();
            w.path("workspace.toml")
        },
        Repair,
    ),
    (
        "a registry that was copied",
        "other-workspace",
        |w| {
            fs::create_dir(w.env.root().join("elsewhere")).unwrap();
            w.edit("workspace.toml", "/work\"", "/elsewhere\"")
        },
        Person("sed -i s,/elsewhere,/work, \"$REGISTRY\"/workspace.toml"),
    ),
    (
        "a registry that was taken over in part",
        "other-workspace",
        |w| w.edit("workspace.toml", "/work\"", "/elsewhere\""),
        Remedy,
    ),
    (
        "an empty registry that another took the place of",
        "leftover-temporary",
        |w| w.make_dir(&format!("tmp/workspace-adopted.{RANDOM}")),
        Gc,
    ),
    ("a file that is none of ours", "unknown-file", |w| w.write("notes.txt", "x"), Remedy),
    ("a file among the claims", "unknown-file", |w| w.write("claims/held.toml.swp", "x"), Remedy),
    ("a key that is none", "unknown-file", |w| w.write("claims/a b.toml", "x"), Remedy),
    ("a temporary of no known kind", "unknown-file", |w| w.write("tmp/thing", "x"), Remedy),
    ("a file in the directory of a Pod", "unknown-file", |w| w.write("pods/stopped/core", "x"), Remedy),
    ("a file in the place of a Pod", "not-a-directory", |w| w.write("pods/x", "x"), Remedy),
    ("a leftover of a claim", "leftover-temporary", |w| w.write(&format!("tmp/claim-held.{RANDOM}"), ""), Gc),
    ("a leftover of a session", "leftover-temporary", |w| w.write(&format!("tmp/session-x.{RANDOM}"), ""), Gc),
    ("a leftover of a Pod's record", "leftover-temporary", |w| w.write(&format!("tmp/podtoml-x.{RANDOM}"), ""), Gc),
    ("a leftover of a Pod", "leftover-temporary", |w| w.make_dir(&format!("tmp/pod-x.{RANDOM}")), Gc),
    ("a leftover of a registry", "leftover-temporary", |w| w.write(&format!("tmp/workspace-toml.{RANDOM}"), ""), Gc),
    ("a log of a Pod that never was", "leftover-temporary", |w| w.write(&format!("tmp/log-x.{RANDOM}"), ""), Gc),
    ("an offer that nobody will commit", "abandoned-offer", |w| w.offer("free", "gone", 7), Gc),
    ("an offer of a session", "abandoned-offer", |w| w.write(&format!("offers/~gone.{NONCE}"), ""), Gc),
    (
        "a claim with the name of its offer",
        "second-link",
        |w| {
            let offer = w.registry.offer_path(&ticket("worked"), nonce(1));
            fs::hard_link(w.path("claims/worked.toml"), &offer).unwrap();
            offer
        },
        Gc,
    ),
    ("a directory without a Pod", "nobodys-pod", |w| w.make_dir("pods/x"), Gc),
    ("a Pod that never was confirmed", "nobodys-pod", |w| w.add_pod("x", 7, Some("free"), false), Gc),
    ("a Pod without a ticket that never was", "nobodys-pod", |w| w.add_pod("x", 7, None, false), Gc),
    ("a Pod with a long name that never was", "nobodys-pod", |w| w.add_pod(&"ü".repeat(200), 7, None, false), Gc),
    (
        "a socket at which nobody listens",
        "dead-socket",
        |w| {
            let path = w.registry.socket_path(&pod("stopped"));
            drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
            path
        },
        Gc,
    ),
    (
        "something in the place of a socket",
        "unknown-file",
        |w| {
            let path = w.registry.socket_path(&pod("stopped"));
            fs::write(&path, "x").unwrap();
            path
        },
        Remedy,
    ),
    (
        "a Pod without a history",
        "no-history",
        |w| {
            w.add_pod("x", 7, None, true);
            fs::remove_file(w.path("pods/x/history.jsonl")).unwrap();
            w.path("pods/x/history.jsonl")
        },
        Person("rm -r \"$REGISTRY\"/pods/x"),
    ),
    (
        "a claim whose Pod is gone",
        "stale-claim",
        |w| {
            fs::remove_dir_all(w.path("pods/stopped")).unwrap();
            w.path("claims/worked.toml")
        },
        Person("yoi-claim claim-reclaim worked --expect 1 --reason lost"),
    ),
    (
        "a claim whose Pod has no directory to work in",
        "stale-claim",
        |w| {
            w.edit("pods/stopped/pod.toml", "work\"", "gone\"");
            w.path("claims/worked.toml")
        },
        Person("yoi-claim claim-reclaim worked --expect 1 --reason lost"),
    ),
    (
        "a claim whose Pod's name is another's",
        "other-pod",
        |w| {
            fs::remove_dir_all(w.path("pods/stopped")).unwrap();
            w.add_pod("stopped", 2, None, true);
            w.record("stopped", 2, &[]);
            w.path("claims/worked.toml")
        },
        Person("yoi-claim claim-reclaim worked --expect 1 --reason lost"),
    ),
    (
        "a claim without a session",
        "session-missing",
        |w| {
            fs::remove_file(w.path("sessions/stopped.toml")).unwrap();
            w.path("sessions/stopped.toml")
        },
        Repair,
    ),
    (
        "a session that does not know the claim",
        "session-missing",
        |w| w.edit("sessions/stopped.toml", "[\"worked\"]", "[]"),
        Repair,
    ),
    (
        "a session that names a ticket of another",
        "session-of-another",
        |w| w.record("visitor", 9, &["held"]),
        Person("sed -i 's/\"held\"//' \"$REGISTRY\"/sessions/visitor.toml"),
    ),
    ("a torn journal", "torn-journal", |w| w.append("journal.jsonl", "{\"at\":\"2026"), Repair),
    ("a line that is none", "unreadable-journal-line", |w| w.append("journal.jsonl", "garbage\n"), Repair),
    (
        "a journal that was lost",
        "journal-lacks-claim",
        |w| {
            // One that is still there tells more of the other tickets than none would.
            let kept: String =
                w.read("journal.jsonl").lines().filter(|l| !l.contains("held")).map(|l| format!("{l}\n")).collect();
            w.write("journal.jsonl", &kept);
            w.path("claims/held.toml")
        },
        Repair,
    ),
    (
        "a release that was not told",
        "journal-lacks-release",
        |w| {
            let kept: String =
                w.read("journal.jsonl").lines().filter(|l| !l.contains("release")).map(|l| format!("{l}\n")).collect();
            w.write("journal.jsonl", &kept);
            w.path("claims/freed.released")
        },
        Repair,
    ),
    (
        "a tombstone that was lost",
        "generation-behind-journal",
        |w| {
            fs::remove_file(w.path("claims/freed.released")).unwrap();
            w.path("claims/freed.released")
        },
        Repair,
    ),
    (
        "a claim that was lost",
        "generation-behind-journal",
        |w| {
            fs::remove_file(w.path("claims/held.toml")).unwrap();
            w.path("claims/held.released")
        },
        Repair,
    ),
    (
        "an old tombstone that was put back",
        "generation-behind-journal",
        |w| {
            let claim = Claim::parse(w.read("claims/freed.released").as_bytes()).unwrap();
            let mut later = claim.clone();
            later.generation = 5;
            w.registry.log(&writer(), JournalEntry::on("release", &later)).unwrap();
            w.path("claims/freed.released")
        },
        Repair,
    ),
    (
        "an old claim that was put back",
        "generation-behind-journal",
        |w| {
            let claim = Claim::parse(w.read("claims/held.toml").as_bytes()).unwrap();
            let mut later = claim.clone();
            later.generation = 5;
            w.registry.log(&writer(), JournalEntry::on("commit", &later)).unwrap();
            w.path("claims/held.toml")
        },
        // The next release leaves a tombstone that the journal knows to be too old, which is mended.
        Person("yoi-claim claim-reclaim held --expect 1 --reason lost; yoi-claim verify --repair >/dev/null"),
    ),
    (
        "an old claim beside a later tombstone",
        "generation-backwards",
        |w| {
            let mut later = Claim::parse(w.read("claims/held.toml").as_bytes()).unwrap();
            later.generation = 1;
            w.write("claims/held.released", &later.render());
            w.path("claims/held.toml")
        },
        Person("yoi-claim claim-reclaim held --expect 1 --reason lost"),
    ),
    (
        "two claims of one generation",
        "generation-reused",
        |w| {
            let text = w.read("claims/held.toml");
            let claim = Claim::parse(text.as_bytes()).unwrap();
            w.write("claims/held.toml", &text.replace(&claim.nonce.to_string(), NONCE));
            w.path("claims/held.toml")
        },
        Person(
            "yoi-claim claim-reclaim held --expect 1 --reason lost; yoi-claim claim-commit held --pod mira --role coder",
        ),
    ),
    ("a lock that others may write to", "writable-by-others", |w| mode(w.path("locks/tickets/held"), 0o666), Repair),
    ("a claim that others may write to", "writable-by-others", |w| mode(w.path("claims/held.toml"), 0o622), Repair),
    ("a registry that others may write to", "writable-by-others", |w| mode(w.path(""), 0o777), Repair),
    ("claims that others may write to", "writable-by-others", |w| mode(w.path("claims"), 0o770), Repair),
    ("sockets that others may replace", "writable-by-others", |w| mode(w.env.runtime(), 0o777), Repair),
    ("a data directory that others may write to", "writable-by-others", |w| mode(w.env.data(), 0o777), Repair),
    ("a Pod that others may look into", "readable-by-others", |w| mode(w.path("pods/stopped"), 0o755), Repair),
    ("a journal that others may write to", "writable-by-others", |w| mode(w.path("journal.jsonl"), 0o666), Repair),
    ("a claim that leads elsewhere", "not-a-file", |w| link(w, "claims/held.toml"), RepairTo(&["set-aside-claim"])),
    ("a session that leads elsewhere", "not-a-file", |w| link(w, "sessions/stopped.toml"), Repair),
    ("a journal that leads elsewhere", "not-a-file", |w| link(w, "journal.jsonl"), Remedy),
    ("a lock that leads elsewhere", "not-a-file", |w| link(w, "locks/tickets/held"), Remedy),
    ("a directory that leads elsewhere", "not-a-directory", |w| link(w, "offers"), Remedy),
];

fn mode(path: PathBuf, mode: u32) -> PathBuf {
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path.components().collect()
}

/// Puts a symlink in the place of something, which it leads to.
fn link(world: &World, below: &str) -> PathBuf {
    let (path, aside) = (world.path(below), world.env.root().join("aside"));
    fs::rename(&path, &aside).unwrap();
    symlink(&aside, &path).unwrap();
    path
}

#[test]
fn every_kind_of_finding_is_named_with_its_path_and_mended_by_what_it_says() {
    let waiting = std::sync::Mutex::new(CASES.iter());
    let check_next = || {
        let Some(case) = waiting.lock().unwrap().next() else { return false };
        check(case);
        true
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(|| while check_next() {})).collect();
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

fn check((name, code, plant, mended): &Case) {
    let world = World::new();
    world.assert_clean();
    let path = plant(&world);
    let before = tree(world.registry.dir());
    let (status, items) = world.verify(&[]);
    assert!(tree(world.registry.dir()) == before, "{name}: looking changes nothing");
    let named = |item: &&Value| item["code"] == *code && item["path"] == path_text(&path);
    let Some(item) = items.iter().find(named) else { panic!("{name}: {items:#?}") };
    assert_eq!(status, 1, "{name}: {items:#?}");
    for key in ["what", "means"] {
        assert!(item[key].as_str().is_some_and(|text| text.len() > 10), "{name}: {item}");
    }
    let says = |state: &str, remedy: &str| {
        assert_eq!(item["state"], state, "{name}: {item}");
        assert!(item["remedy"].as_str().unwrap_or("-").starts_with(remedy), "{name}: {item}");
    };
    match mended {
        Repair | RepairTo(_) => {
            says("repairable", "yoi-claim verify --repair");
            let (status, items) = world.verify(&["--repair"]);
            let (done, left): (Vec<Value>, Vec<Value>) =
                items.into_iter().partition(|item| item["state"] == "repaired");
            assert!(codes(&done).contains(code), "{name}: {done:#?}");
            let expected: &[&str] = if let RepairTo(codes) = mended { codes } else { &[] };
            assert_eq!(
                (codes(&left).as_slice(), status),
                (expected, i32::from(!expected.is_empty())),
                "{name}: {left:#?}"
            );
            let (status, again) = world.verify(&["--repair"]);
            assert_eq!((again, status), (left, i32::from(!expected.is_empty())), "{name}: a repeat changes nothing");
            if expected.is_empty() {
                world.assert_clean();
            }
        }
        Remedy => {
            says("manual", "");
            type_in(&world, item["remedy"].as_str().unwrap());
            // What was moved away leaves what its absence leaves, which --repair knows.
            let _ = world.verify(&["--repair"]);
            world.assert_clean();
        }
        Gc => {
            says("repairable", "yoi-claim gc");
            let dry = run(&mut world.env.yoi_claim(["gc", "--dry-run"]), 0).stdout;
            assert!(path.symlink_metadata().is_ok(), "{name}: a dry run removes nothing");
            let removed = run(&mut world.env.yoi_claim(["gc"]), 0).stdout;
            assert_eq!(dry, removed, "{name}");
            assert!(removed.contains(code) && removed.contains(path.to_str().unwrap()), "{name}: {removed}");
            assert!(path.symlink_metadata().is_err(), "{name}");
            world.assert_clean();
            assert_eq!(run(&mut world.env.yoi_claim(["gc"]), 0).stdout, "", "{name}");
        }
        Person(line) => {
            says(
                "manual",
                if item["code"] == "session-of-another" || item["code"] == "other-workspace" {
                    "vi "
                } else {
                    "yoi why"
                },
            );
            let (status, left) = world.verify(&["--repair"]);
            assert!(status == 1 && codes(&left).contains(code), "{name}: {left:#?}");
            type_in(&world, line);
            let _ = run(&mut world.env.yoi_claim(["gc"]), 0);
            world.assert_clean();
        }
        Never => {
            assert_eq!((item["state"].as_str(), &item["remedy"]), (Some("manual"), &Value::Null), "{name}");
            let newer = fs::read(&path).unwrap();
            let outcome = Outcome::of(&mut world.env.yoi_claim(["verify", "--repair"]));
            assert!(matches!(outcome.status, 1 | 128), "{name}: {outcome:?}");
            assert_eq!(fs::read(&path).unwrap(), newer, "{name}: what a newer yoi wrote is never touched");
        }
    }
}

/// The tests of the codes are complete: what can be reported is brought about above, or by the test that is named.
#[test]
fn every_code_is_brought_about() {
    let elsewhere = ["cannot-look", "foreign-owner"];
    for code in yoi::registry::Code::ALL {
        let is_tested = CASES.iter().any(|(_, tested, ..)| *tested == code.as_str());
        assert!(is_tested || elsewhere.contains(&code.as_str()), "{code}");
    }
}
