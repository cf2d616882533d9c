//! A registry in which nothing is wrong, and what is done to it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use serde_json::Value;
use yoi::domain::{
    Acceptance, Claim, Evidence, Expect, NewPod, Nonce, Origin, PodId, PodRecord, Role, SessionEntry, Timestamp,
    WrittenBy,
};
use yoi::fs::Wait;
use yoi::registry::{CommitRequest, Committed, NetworkPolicy, Registry, ReleasedBy, SessionFence, Writer};

use crate::common::scene::{pod, ticket};
use crate::common::{DEADLINE, Outcome, TestEnv, run};

pub const NONCE: &str = "9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c";
pub const RANDOM: &str = "0123456789abcdef";

/// A program that another test starts has copies of this one's locks, until it is executed.
pub const WAIT: Wait = Wait::For(DEADLINE);

pub fn writer() -> Writer {
    let written_by = WrittenBy { pid: 1, host: "h".into(), boot: "b".into(), extra: toml::Table::new() };
    Writer { written_by, user: "tester".into(), now: now() }
}

pub fn now() -> Timestamp {
    "2026-06-07T22:02:25.5Z".parse().unwrap()
}

pub fn nonce(n: u8) -> Nonce {
    Nonce::from_bytes([n; 16])
}

/// A registry in which nothing is wrong: `held` is claimed by hand, `freed` was released, and `worked` is claimed by the
/// Pod `stopped`, which can be restored.
pub struct World {
    pub env: TestEnv,
    pub registry: Registry,
}

impl World {
    pub fn new() -> Self {
        let env = TestEnv::with_sample();
        let world = Self { registry: env.registry(), env };
        world.registry.prepare(NetworkPolicy::Refuse, now()).unwrap();
        world.claim_by_hand("held");
        let freed = world.claim_by_hand("freed");
        let lock = world.registry.lock_ticket(&ticket("freed"), "test", &writer(), WAIT).unwrap();
        world.registry.release(&lock, Expect::from(&freed), ReleasedBy::Other, "done", &writer()).unwrap();
        drop(lock);
        world.add_pod("stopped", 1, Some("worked"), true);
        let _claim = world.commit("worked", "stopped", 1);
        world.record("stopped", 1, &["worked"]);
        world
    }

    fn claim_by_hand(&self, on: &str) -> Claim {
        let lock = self.registry.lock_ticket(&ticket(on), "test", &writer(), WAIT).unwrap();
        let request = CommitRequest {
            ticket: ticket(on),
            pod: pod("mira"),
            pod_id: None,
            role: Role::Coder,
            evidence: Evidence::Manual,
            session: None,
            nonce: None,
            expect: None,
        };
        self.registry.commit(&lock, &request, &writer()).unwrap().claim().clone()
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.registry.dir().join(below)
    }

    pub fn write(&self, below: &str, text: &str) -> PathBuf {
        let path = self.path(below);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    pub fn append(&self, below: &str, text: &str) -> PathBuf {
        let before = fs::read_to_string(self.path(below)).unwrap();
        self.write(below, &(before + text))
    }

    pub fn make_dir(&self, below: &str) -> PathBuf {
        let path = self.path(below);
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    pub fn read(&self, below: &str) -> String {
        fs::read_to_string(self.path(below)).unwrap()
    }

    /// A Pod that is stopped, as its host leaves it.
    pub fn add_pod(&self, name: &str, id: u8, on: Option<&str>, confirmed: bool) -> PathBuf {
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
        let lock = self.registry.lock_ended_pod(&pod(name), WAIT).unwrap().unwrap();
        self.registry.create_pod(&lock, &record, None, None).unwrap()
    }

    /// Claims a ticket for a Pod that accepted it.
    pub fn commit(&self, on: &str, name: &str, id: u8) -> Claim {
        let lock = self.registry.lock_ticket(&ticket(on), "test", &writer(), WAIT).unwrap();
        self.offer(on, name, id);
        let request = CommitRequest {
            ticket: ticket(on),
            pod: pod(name),
            pod_id: None,
            role: Role::Intake,
            evidence: Evidence::UserMessage,
            session: None,
            nonce: Some(nonce(id)),
            expect: None,
        };
        let Committed::New(claim) = self.registry.commit(&lock, &request, &writer()).unwrap() else { panic!("new") };
        claim
    }

    pub fn offer(&self, on: &str, name: &str, id: u8) -> PathBuf {
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

    pub fn record(&self, name: &str, id: u8, tickets: &[&str]) -> PathBuf {
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
    pub fn edit(&self, below: &str, from: &str, to: &str) -> PathBuf {
        let text = self.read(below);
        assert!(text.contains(from), "{text}");
        self.write(below, &text.replace(from, to))
    }

    pub fn verify(&self, arguments: &[&str]) -> (i32, Vec<Value>) {
        let mut command = self.env.yoi_claim(["verify", "--json"]);
        let outcome = Outcome::of(command.args(arguments));
        let document: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome:?}"));
        assert_eq!(document["kind"], "registry_finding");
        (outcome.status, document["items"].as_array().unwrap().clone())
    }

    #[track_caller]
    pub fn assert_clean(&self) {
        assert_eq!(run(&mut self.env.yoi_claim(["verify"]), 0).stdout, "");
    }
}

pub fn codes(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["code"].as_str().unwrap()).collect()
}

/// Runs a shell line as a person would in the workspace; root needs no sudo.
pub fn type_in(world: &World, line: &str) {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    run(world.env.shell(line).env("REGISTRY", world.registry.dir()), 0);
}
