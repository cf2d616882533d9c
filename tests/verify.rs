//! `verify`, `verify --repair` and `gc`: each kind of finding brought about by hand, named, and mended.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::PathBuf;

use common::scene::{COMPLETE, INCOMPLETE, names, pod, script, ticket, tree};
use common::{Outcome, TestEnv, run};
use serde_json::Value;
use yoi::domain::{
    Acceptance, Claim, Evidence, Expect, NewPod, Nonce, Origin, PodId, PodRecord, Record as _, Role, SessionEntry,
    SessionRecord, Timestamp, WrittenBy, path_text,
};
use yoi::fs::Wait;
use yoi::registry::{CommitRequest, Committed, JournalEntry, Registry, ReleasedBy, SessionFence, Writer};

const NONCE: &str = "9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c";
const RANDOM: &str = "0123456789abcdef";

fn writer() -> Writer {
    let written_by = WrittenBy { pid: 1, host: "h".into(), boot: "b".into(), extra: toml::Table::new() };
    Writer { written_by, user: "tester".into(), now: now() }
}

fn now() -> Timestamp {
    "2026-06-07T22:02:25.5Z".parse().unwrap()
}

fn nonce(n: u8) -> Nonce {
    Nonce::from_bytes([n; 16])
}

/// A registry in which nothing is wrong: `held` is claimed by hand, `freed` was released, and `worked` is claimed by the
/// Pod `stopped`, which can be restored.
struct World {
    env: TestEnv,
    registry: Registry,
}

impl World {
    fn new() -> Self {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["claim-commit", "held", "--pod", "mira", "--role", "coder"]), 0);
        run(&mut env.yoi_claim(["claim-commit", "freed", "--pod", "mira", "--role", "coder"]), 0);
        run(&mut env.yoi_claim(["claim-release", "freed", "--expect", "1", "--reason", "done"]), 0);
        let world = Self { registry: env.registry(), env };
        world.add_pod("stopped", 1, Some("worked"), true);
        let _claim = world.commit("worked", "stopped", 1);
        world.record("stopped", 1, &["worked"]);
        world
    }

    fn path(&self, below: &str) -> PathBuf {
        self.registry.dir().join(below)
    }

    fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    fn append(&self, below: &str, text: &str) -> PathBuf {
        let before = fs::read_to_string(self.path(below)).unwrap();
        self.write(below, &(before + text))
    }

    fn make_dir(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// A Pod that is stopped, as its host leaves it.
    fn add_pod(&self, name: &str, id: u8, on: Option<&str>, confirmed: bool) -> PathBuf {
        let mut record = PodRecord::new(NewPod {
            pod: pod(name),
            pod_id: PodId::from_bytes([id; 16]),
            role: Role::Intake,
            origin: Origin::TicketClaim,
            ticket: on.map(ticket),
            nonce: Some(nonce(id)),
            workspace: self.env.workspace(),
            directory: self.env.workspace(),
            profile: "builtin:checklist".into(),
            workflow: None,
            launch_prompt: None,
            created_at: now(),
        });
        record.confirmed_at = confirmed.then(now);
        let lock = self.registry.try_lock_pod(&pod(name)).unwrap().unwrap();
        self.registry.create_pod(&lock, &record, None, None).unwrap()
    }

    /// Claims a ticket for a Pod that accepted it.
    fn commit(&self, on: &str, name: &str, id: u8) -> Claim {
        let lock = self.registry.lock_ticket(&ticket(on), "test", &writer(), Wait::No).unwrap();
        self.offer(on, name, id);
        let request = CommitRequest {
            ticket: ticket(on),
            pod: pod(name),
            role: Role::Intake,
            evidence: Evidence::UserMessage,
            session: None,
            nonce: Some(nonce(id)),
            expect: None,
        };
        let Committed::New(claim) = self.registry.commit(&lock, &request, &writer()).unwrap() else { panic!("new") };
        claim
    }

    fn offer(&self, on: &str, name: &str, id: u8) -> PathBuf {
        let acceptance = Acceptance {
            ticket: ticket(on),
            pod: pod(name),
            pod_id: Some(PodId::from_bytes([id; 16])),
            role: Role::Intake,
            nonce: nonce(id),
            accepted_at: now(),
            evidence: Evidence::UserMessage,
            session: None,
            written_by: writer().written_by,
        };
        self.registry.write_offer(acceptance).unwrap();
        self.registry.offer_path(&ticket(on), nonce(id))
    }

    fn record(&self, name: &str, id: u8, tickets: &[&str]) -> PathBuf {
        let entry = SessionEntry {
            pod: pod(name),
            pod_id: Some(PodId::from_bytes([id; 16])),
            role: Role::Intake,
            origin: Origin::TicketClaim,
            session: None,
            nonce: Some(nonce(id)),
            tickets: tickets.iter().map(|on| ticket(on)).collect(),
        };
        self.registry.record_session(entry, SessionFence::None, &writer()).unwrap();
        self.registry.session_path(&pod(name))
    }

    /// Changes a record as a person with an editor would.
    fn edit(&self, below: &str, from: &str, to: &str) -> PathBuf {
        let text = self.read(below);
        assert!(text.contains(from), "{text}");
        self.write(below, &text.replace(from, to))
    }

    fn verify(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let mut command = self.env.yoi_claim(["verify", "--json"]);
        let outcome = Outcome::of(command.args(arguments));
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
        assert_eq!(document["kind"], "registry_finding");
        (outcome.status, document["items"].as_array().unwrap().clone())
    }

    #[track_caller]
    fn assert_clean(&self) {
        assert_eq!(run(&mut self.env.yoi_claim(["verify"]), 0).stdout, "");
    }
}

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
        |w| w.edit("workspace.toml", "/work\"", "/elsewhere\""),
        Person("sed -i s,/elsewhere,/work, \"$REGISTRY\"/workspace.toml"),
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

/// Runs a shell line as a person would in the workspace; root needs no sudo.
fn type_in(world: &World, line: &str) {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    run(world.env.shell(line).env("REGISTRY", world.registry.dir()), 0);
}

fn codes(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["code"].as_str().unwrap()).collect()
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

#[test]
fn what_cannot_be_looked_at_is_told_and_ends_in_128() {
    let world = World::new();
    if !nix::unistd::geteuid().is_root() {
        fs::set_permissions(world.path("sessions"), fs::Permissions::from_mode(0o000)).unwrap();
        let (status, items) = world.verify(&[]);
        assert_eq!((status, codes(&items)), (128, vec!["cannot-look"]));
        fs::set_permissions(world.path("sessions"), fs::Permissions::from_mode(0o700)).unwrap();
        return;
    }
    // Root may look at everything; a name that is too long may not even be looked up.
    println!("skipped: root is refused nothing");
}

#[test]
fn what_belongs_to_somebody_else_is_told_and_given_back() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can give files away");
        return;
    }
    for below in [
        "claims/held.toml",
        "claims/freed.released",
        "sessions/stopped.toml",
        "pods/stopped/pod.toml",
        "pods/stopped/host.log",
        "journal.jsonl",
        "locks/tickets/held",
        "offers",
        "workspace.toml",
    ] {
        let world = World::new();
        let path = world.path(below);
        if below.ends_with("host.log") {
            world.write(below, "");
        }
        std::os::unix::fs::lchown(&path, Some(65534), None).unwrap();
        let (status, items) = world.verify(&[]);
        let [item] = items.as_slice() else { panic!("{below}: {items:#?}") };
        assert_eq!((status, item["code"].as_str().unwrap()), (1, "foreign-owner"), "{below}");
        assert_eq!(item["path"], path.to_str().unwrap());
        assert_eq!(world.verify(&["--repair"]), (1, items.clone()), "{below}: nothing is given to oneself");
        type_in(&world, item["remedy"].as_str().unwrap());
        world.assert_clean();
    }
}

#[test]
fn a_registry_that_is_not_there_has_nothing_wrong_with_it_and_is_not_made() {
    let env = TestEnv::new();
    for verb in [&["verify"][..], &["verify", "--repair"], &["gc"], &["gc", "--dry-run"]] {
        assert_eq!(run(&mut env.yoi_claim(verb), 0).stdout, "");
    }
    assert_eq!(names(&env.data()), Vec::<String>::new());
}

#[test]
fn a_healthy_registry_with_pods_of_all_kinds_has_nothing_wrong_with_it() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    let clean = |env: &TestEnv| assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
    clean(&env);
    // Launching: under the ticket lock, with an offer that is not committed yet.
    let ids = ["20260118-200000-001".to_owned()];
    env.add_complete_tickets(&ids);
    let steps = r#"
        yoi-claim launch-plan --role intake --ticket "$1" >"$2"; yoi-claim verify
        yoi-claim pod-spawn p --role intake --profile builtin:checklist --ticket "$1" >/dev/null; yoi-claim verify
        evidence=$(yoi-claim pod-run p --plan "$2"); yoi-claim verify
        yoi-claim claim-commit "$1" --pod p --role intake --evidence "$evidence"; yoi-claim verify
        yoi-claim session-record p --role intake --origin ticket_claim --ticket "$1"; yoi-claim verify
        yoi-claim pod-confirm p; yoi-claim verify"#;
    let plan = env.root().join("plan");
    let line = format!("yoi-claim ticket-lock {} -- sh -ec '{steps}' sh {} {}", ids[0], ids[0], plan.display());
    assert_eq!(run(&mut env.shell(&line), 0).stdout, "");
    clean(&env);
    env.stop("intake-20260118-101544-001");
    clean(&env);
    env.kill_all();
    clean_but_for_sockets(&env);
    run(&mut env.yoi_claim(["gc"]), 0);
    clean(&env);
}

/// Who was killed leaves its socket behind, and nothing else.
fn clean_but_for_sockets(env: &TestEnv) {
    let told = Outcome::of(&mut env.yoi_claim(["verify", "--format", "{code}"])).stdout;
    assert!(told.lines().all(|code| code == "dead-socket"), "{told}");
}

#[test]
fn verify_reports_nothing_that_is_only_in_motion() {
    const PROCESSES: usize = 8;
    let env = TestEnv::with_sample();
    let stop = env.root().join("stop");
    // Each commits and releases, on few tickets, until it is told to stop.
    let work = r#"
        while ! [ -e "$1" ]; do
            for ticket in a b c; do
                yoi-claim claim-commit "$ticket" --pod "$2" --role coder --wait 0 2>/dev/null &&
                yoi-claim session-record "$2" --role coder --origin ticket_claim --ticket "own-$2" &&
                yoi-claim claim-release "$ticket" --expect "$(yoi-claim claim-show "$ticket" --format "{expect}")" --reason done || :
            done
        done"#;
    let mut workers: Vec<_> = (0..PROCESSES)
        .map(|number| env.command("sh").args(["-c", work, "sh"]).arg(&stop).arg(format!("p{number}")).spawn().unwrap())
        .collect();
    let journal = env.registry().journal_path();
    env.wait_for("the first change", || journal.exists().then_some(()));
    let mut looks = 0;
    let mut seen = 0;
    while looks < 40 || seen < 200 {
        let outcome = run(&mut env.yoi_claim(["verify"]), 0);
        assert_eq!(outcome.stdout, "");
        looks += 1;
        seen = fs::read_to_string(&journal).unwrap().lines().count();
    }
    fs::write(&stop, "").unwrap();
    workers.iter_mut().for_each(|worker| assert!(worker.wait().unwrap().success()));
    assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
}

#[test]
fn verify_reports_nothing_while_pods_come_and_go() {
    let env = TestEnv::with_sample();
    let ids: Vec<String> = (0..6).map(|number| format!("20260118-20000{number}-001")).collect();
    env.add_complete_tickets(&ids);
    let done = env.root().join("done");
    let launches: String = ids.iter().map(|id| format!("yoi -q intake {id} --wait >/dev/null\n")).collect();
    // Launches that fail and are undone, too.
    let failing = script().replace("--profile builtin:checklist", "--profile project:missing");
    let work = format!(
        "{launches}T={INCOMPLETE}; export T; for i in 1 2 3; do ( {failing} ) >/dev/null 2>&1 || :; done\n: >\"$1\""
    );
    let mut worker = env.command("sh").args(["-c", &work, "sh"]).arg(&done).env("TMPDIR", env.root()).spawn().unwrap();
    let mut looks = 0;
    while !done.exists() || looks < 5 {
        assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "", "after {looks} looks");
        looks += 1;
    }
    assert!(worker.wait().unwrap().success());
    env.wait_for_processes();
    assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
}

#[test]
fn gc_leaves_alone_what_somebody_is_at_work_on() {
    let world = World::new();
    let lock = world.registry.lock_ticket(&ticket("free"), "test", &writer(), Wait::No).unwrap();
    let offer = world.offer("free", "coming", 7);
    let temporary = world.write(&format!("tmp/claim-free.{RANDOM}"), "");
    let pod_lock = world.registry.try_lock_pod(&pod("coming")).unwrap().unwrap();
    let building = world.make_dir(&format!("tmp/pod-coming.{RANDOM}"));
    let log = world.path(&format!("tmp/log-coming.{RANDOM}"));
    let open = yoi::fs::create_marked(&log).unwrap().unwrap();
    world.assert_clean();
    for verb in [&["gc"][..], &["gc", "--dry-run"], &["verify", "--repair"]] {
        assert_eq!(run(&mut world.env.yoi_claim(verb), 0).stdout, "", "{verb:?}");
    }
    assert!([&offer, &temporary, &building, &log].iter().all(|path| path.exists()));
    drop((lock, pod_lock, open));
    let removed = run(&mut world.env.yoi_claim(["gc"]), 0).stdout;
    assert_eq!(removed.lines().count(), 4, "{removed}");
    world.assert_clean();
}

#[test]
fn gc_frees_closed_tickets_but_never_that_of_a_live_pod() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    for id in [COMPLETE, INCOMPLETE] {
        let item = env.workspace().join(".yoi/tickets").join(id).join("item.md");
        let text = fs::read_to_string(&item).unwrap();
        let is_state = |line: &&str| line.starts_with("state:") || line.starts_with("workflow_state:");
        let state = text.lines().find(is_state).unwrap();
        let (key, _) = state.split_once(':').unwrap();
        fs::write(&item, text.replace(state, &format!("{key}: 'closed'"))).unwrap();
    }
    assert_eq!(run(&mut env.yoi_claim(["gc"]), 0).stdout, "", "only where it is asked for");
    let told = run(&mut env.yoi_claim(["gc", "--closed", "--dry-run"]), 0).stdout;
    assert!(told.starts_with(&format!("closed-ticket\t{COMPLETE}\tintake-{COMPLETE}\t")), "{told}");
    assert_eq!(run(&mut env.yoi_claim(["gc", "--closed"]), 0).stdout, told);
    let left = env.listed("claim-list");
    assert_eq!(left, format!("{INCOMPLETE}\tintake-{INCOMPLETE}\tintake\t1\tlive\n"));
    let journal = env.registry().journal(Some(&ticket(COMPLETE))).unwrap();
    assert_eq!(journal.last().unwrap().entry.why.as_deref(), Some("gc: the ticket is closed"));
    assert_eq!(run(&mut env.yoi_claim(["gc", "--closed"]), 0).stdout, "");
    env.stop(&format!("intake-{INCOMPLETE}"));
    assert_eq!(run(&mut env.yoi_claim(["gc", "--closed"]), 0).stdout.lines().count(), 1);
    assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
}

#[test]
fn from_inside_a_pod_nothing_is_repaired_or_removed() {
    let world = World::new();
    let leftover = world.write(&format!("tmp/claim-held.{RANDOM}"), "");
    for verb in [&["verify", "--repair"][..], &["gc"], &["gc", "--closed"]] {
        let outcome = run(world.env.yoi_claim(verb).env("YOI_POD", "p"), 1);
        assert!(outcome.stderr.contains("from inside a Pod"), "{outcome:?}");
    }
    assert!(leftover.exists());
    run(world.env.yoi_claim(["verify"]).env("YOI_POD", "p"), 1);
    run(world.env.yoi_claim(["gc", "--dry-run"]).env("YOI_POD", "p"), 0);
}

#[test]
fn what_was_set_aside_is_kept_and_hides_no_other_record() {
    let world = World::new();
    world.write("sessions/x.toml", "torn session");
    world.make_dir("pods/x");
    world.write("pods/x/pod.toml", "torn pod");
    world.write("pods/x/history.jsonl", "told");
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    assert_eq!(world.read("sessions/x.unreadable"), "torn session");
    assert_eq!(world.read("pods/~x.unreadable/pod.toml"), "torn pod");
    assert_eq!(world.read("pods/~x.unreadable/history.jsonl"), "told");
    assert_eq!(world.env.listed("pod-list"), "stopped\tintake\trestorable\n");
    assert_eq!(world.env.listed("session-list"), "stopped\tintake\tticket_claim\tworked\n");
    // A second one of the same name has a place, too.
    world.write("sessions/x.toml", "torn again");
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    assert_eq!(world.read("sessions/x.unreadable"), "torn session");
    let told: String = fs::read_to_string(world.registry.journal_path()).unwrap();
    assert_eq!(told.matches("set it aside as").count(), 3, "{told}");
}

#[test]
fn a_session_that_was_repaired_has_all_that_is_known() {
    let world = World::new();
    fs::remove_file(world.path("sessions/stopped.toml")).unwrap();
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    let session: SessionRecord = SessionRecord::parse(world.read("sessions/stopped.toml").as_bytes()).unwrap();
    assert_eq!((session.pod_id, session.nonce), (Some(PodId::from_bytes([1; 16])), Some(nonce(1))));
    assert_eq!(session.related_tickets, [ticket("worked")]);
}

#[test]
fn a_tombstone_that_was_repaired_keeps_the_generations_growing() {
    let world = World::new();
    fs::remove_file(world.path("claims/freed.released")).unwrap();
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    run(&mut world.env.yoi_claim(["claim-commit", "freed", "--pod", "next", "--role", "coder"]), 0);
    let shown = run(&mut world.env.yoi_claim(["claim-show", "freed", "--format", "{generation}"]), 0).stdout;
    assert_eq!(shown, "2\n");
    world.assert_clean();
}

#[test]
fn a_released_claim_is_told_once_the_repair_has_told_it() {
    let world = World::new();
    let claim = world.registry.claim(&ticket("held")).unwrap().unwrap();
    let lock = world.registry.lock_ticket(&ticket("held"), "test", &writer(), Wait::No).unwrap();
    let journal = world.read("journal.jsonl");
    world.registry.release(&lock, Expect::from(&claim), ReleasedBy::Other, "x", &writer()).unwrap();
    drop(lock);
    world.write("journal.jsonl", &journal);
    let (_, items) = world.verify(&["--repair"]);
    assert_eq!(codes(&items), ["journal-lacks-release"]);
    let told = run(&mut world.env.yoi_claim(["journal", "held", "--format", "{action}"]), 0).stdout;
    assert_eq!(told, "commit\nrepair-release\n");
}

#[test]
fn lines_have_a_stable_form() {
    let world = World::new();
    let path = world.write(&format!("tmp/claim-held.{RANDOM}"), "");
    let line = run(&mut world.env.yoi_claim(["verify"]), 1).stdout;
    let what = "it was on its way into place, and nobody changes the claim";
    assert_eq!(line, format!("leftover-temporary\trepairable\t{what}\tyoi-claim gc\t{}\n", path.display()));
    let raw = run(&mut world.env.yoi_claim(["verify", "-z", "--format", "{code} {state}"]), 1).stdout;
    assert_eq!(raw, "leftover-temporary repairable\0");
}
