//! The verbs that write, each with the registry that it begins from and the change that it makes.

use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};
use nix::fcntl::OFlag;
use yoi::domain::{Acceptance, Evidence, NewPod, Nonce, Origin, PodId, PodRecord, Role, Timestamp, WrittenBy};
use yoi::fs::Wait;
use yoi::registry::Writer;

use crate::common::Outcome;

use super::world::{DAMAGED, Flight, Held, TICKET, World, pod, ticket};

/// A verb in a registry.
pub struct Verb {
    pub name: &'static str,
    /// Brings about what is there before.
    prepare: fn(&World),
    /// Takes what others hold meanwhile.
    hold: fn(&World) -> Held,
    pub words: &'static [&'static str],
    /// The exit status when nothing is done to it.
    pub status: i32,
    /// Whether the change is there.
    changed: fn(&World) -> bool,
    /// The records that it may change.
    pub targets: &'static [&'static str],
}

/// The nonce of the attempt whose offer is committed.
pub fn nonce() -> Nonce {
    Nonce::from_bytes([7; 16])
}

fn writer() -> Writer {
    let now: Timestamp = "2026-06-07T22:02:25.123456Z".parse().unwrap();
    let written_by = WrittenBy { pid: 1, host: "h".into(), boot: "b".into(), extra: toml::Table::new() };
    Writer { written_by, user: "u".into(), now }
}

/// What every registry has besides: records that nobody may touch.
pub fn neighbours(world: &World) {
    world.must(&["claim-commit", "A", "--pod", "a", "--role", "coder"]);
    world.must(&["claim-complete", "A", "--expect", "1"]);
    world.must(&["claim-commit", "T-2", "--pod", "b", "--role", "coder"]);
    world.must(&["claim-commit", "B", "--pod", "b", "--role", "coder"]);
    world.must(&["claim-release", "B", "--expect", "1", "--reason", "r"]);
    world.must(&["session-record", "a", "--role", "coder", "--origin", "role_launch", "--ticket", "A"]);
}

pub fn claimed(world: &World) {
    neighbours(world);
    world.must(&["claim-commit", TICKET, "--pod", "p", "--role", "intake"]);
}

pub fn completed(world: &World) {
    claimed(world);
    world.must(&["claim-complete", TICKET, "--expect", "1"]);
}

fn released(world: &World) {
    claimed(world);
    world.must(&["claim-release", TICKET, "--expect", "1", "--reason", "r"]);
}

fn recorded(world: &World) {
    neighbours(world);
    world.must(&["session-record", "p", "--role", "intake", "--origin", "ticket_claim", "--ticket", "A"]);
}

/// Writes the offer of a Pod on probation, as its host does.
fn offer(world: &World, name: &str) {
    let acceptance = Acceptance {
        ticket: ticket(),
        pod: pod(name),
        pod_id: Some(PodId::from_bytes([9; 16])),
        role: Role::Intake,
        nonce: nonce(),
        accepted_at: writer().now,
        evidence: Evidence::UserMessage,
        session: None,
        written_by: writer().written_by,
    };
    world.registry().write_offer(acceptance).unwrap();
}

pub fn nothing(_: &World) {}

pub fn nobody(_: &World) -> Held {
    Held::default()
}

/// A Pod that lives.
pub fn taker_lives(world: &World) -> Held {
    let lock = world.registry().try_lock_pod(&pod("q")).unwrap().unwrap();
    Held { pods: vec![lock], flight: None }
}

fn holder_lives(world: &World) -> Held {
    let lock = world.registry().try_lock_pod(&pod("p")).unwrap().unwrap();
    Held { pods: vec![lock], flight: None }
}

/// The lock of the ticket, as `ticket-lock` holds it.
fn in_flight(world: &World) -> Held {
    let lock = world.registry().lock_ticket(&ticket(), "ticket-lock", &writer(), Wait::For(Duration::from_secs(5)));
    let launcher = nix::unistd::pipe2(OFlag::O_CLOEXEC).unwrap();
    Held { pods: Vec::new(), flight: Some(Flight { lock: lock.unwrap(), launcher }) }
}

fn in_flight_and_taker_lives(world: &World) -> Held {
    Held { pods: taker_lives(world).pods, ..in_flight(world) }
}

/// A Pod that has been launched, and its lock held.
fn a_live_taker(world: &World) {
    claimed(world);
    let new = NewPod {
        pod: pod("q"),
        pod_id: PodId::from_bytes([8; 16]),
        role: Role::Coder,
        origin: Origin::RoleLaunch,
        ticket: None,
        nonce: None,
        workspace: world.env().workspace(),
        directory: world.env().workspace(),
        profile: "builtin:checklist".to_owned(),
        workflow: None,
        launch_prompt: None,
        created_at: writer().now,
    };
    let mut record = PodRecord::new(new);
    record.confirmed_at = Some(writer().now);
    let lock = world.registry().try_lock_pod(&pod("q")).unwrap().unwrap();
    world.registry().create_pod(&lock, &record, None, None).unwrap();
}

fn damaged(world: &World) {
    claimed(world);
    std::fs::write(world.registry().claim_path(&ticket()), DAMAGED).unwrap();
}

/// What processes leave that are killed: nobody's, all of it.
fn littered(world: &World) {
    neighbours(world);
    offer(world, "p");
    let dir = world.registry().dir();
    for name in ["tmp/claim-T.0123456789abcdef", "tmp/session-p.0123456789abcdef", "tmp/log-z.0123456789abcdef"] {
        std::fs::write(dir.join(name), "half").unwrap();
    }
    std::fs::create_dir(dir.join("tmp/pod-z.0123456789abcdef")).unwrap();
    std::fs::write(dir.join("tmp/pod-z.0123456789abcdef/pod.toml"), "half").unwrap();
}

/// The registry of a workspace that was moved to where the others are.
fn moved(world: &World) {
    let old = world.env().root().join("gone");
    std::fs::create_dir(&old).unwrap();
    for words in [COMMIT, RECORD, &["claim-complete", TICKET, "--expect", "1"]] {
        let outcome = Outcome::of(world.yoi_claim(words).current_dir(&old));
        assert_eq!(outcome.status, 0, "{}", outcome.stderr);
    }
    std::fs::remove_dir(&old).unwrap();
}

fn holds(world: &World, name: &str, generation: u64) -> bool {
    world.claim().is_some_and(|claim| claim.pod == pod(name) && claim.generation == generation)
}

/// Whether every line of the batch has its claim.
fn batch_is_claimed(world: &World) -> bool {
    BATCH_CLAIMS
        .iter()
        .all(|(ticket, generation)| world.claim_on(ticket).is_some_and(|claim| claim.generation == *generation))
}

fn relates(world: &World, tickets: &[&str]) -> bool {
    let session = world.registry().session(&pod("p")).unwrap();
    session
        .is_some_and(|session| session.related_tickets.iter().map(|ticket| ticket.as_str()).eq(tickets.iter().copied()))
}

const CLAIM: &[&str] = &["claims/T.toml"];
const CLAIM_AND_TOMBSTONE: &[&str] = &["claims/T.toml", "claims/T.released"];
const SESSION: &[&str] = &["sessions/p.toml"];
const COMMIT: &[&str] = &["claim-commit", TICKET, "--pod", "p", "--role", "intake"];
const COMMIT_OFFER: &[&str] = &["claim-commit", TICKET, "--pod", "p", "--role", "intake", "--evidence", "user_message"];
const RECORD: &[&str] = &["session-record", "p", "--role", "intake", "--origin", "ticket_claim", "--ticket", "T"];

const BATCH: &[&str] = &["claim-commit", "--stdin"];
/// B was released before.
const BATCH_LINES: &str = "T p intake\nB p intake\n";
const BATCH_CLAIMS: &[(&str, u64)] = &[("T", 1), ("B", 2)];
const BATCH_TARGETS: &[&str] = &["claims/T.toml", "claims/B.toml"];

/// All of them.
pub const VERBS: &[Verb] = &[
    Verb {
        name: "commit",
        prepare: neighbours,
        hold: nobody,
        words: COMMIT,
        status: 0,
        changed: |world| holds(world, "p", 1),
        targets: CLAIM,
    },
    Verb {
        name: "commit-first-of-all",
        prepare: nothing,
        hold: nobody,
        words: COMMIT,
        status: 0,
        changed: |world| holds(world, "p", 1),
        targets: &["claims/T.toml", "workspace.toml"],
    },
    Verb {
        name: "commit-after-release",
        prepare: released,
        hold: nobody,
        words: COMMIT,
        status: 0,
        changed: |world| holds(world, "p", 2) && world.tombstone().is_some_and(|claim| claim.generation == 1),
        targets: CLAIM,
    },
    Verb {
        name: "commit-again",
        prepare: claimed,
        hold: nobody,
        words: COMMIT,
        status: 0,
        changed: |world| holds(world, "p", 1),
        targets: CLAIM,
    },
    Verb {
        name: "commit-held",
        prepare: claimed,
        hold: nobody,
        words: &["claim-commit", TICKET, "--pod", "q", "--role", "intake"],
        status: 1,
        changed: |_| false,
        targets: CLAIM,
    },
    Verb {
        name: "commit-offer",
        prepare: |world| {
            neighbours(world);
            offer(world, "p");
        },
        hold: in_flight,
        words: COMMIT_OFFER,
        status: 0,
        changed: |world| holds(world, "p", 1) && world.claim().is_some_and(|claim| claim.nonce == nonce()),
        targets: CLAIM,
    },
    Verb {
        name: "commit-offer-withdrawn",
        prepare: neighbours,
        hold: in_flight,
        words: COMMIT_OFFER,
        status: 4,
        changed: |_| false,
        targets: CLAIM,
    },
    Verb {
        name: "commit-batch",
        prepare: neighbours,
        hold: nobody,
        words: BATCH,
        status: 0,
        changed: batch_is_claimed,
        targets: BATCH_TARGETS,
    },
    Verb {
        name: "commit-batch-again",
        prepare: |world| {
            neighbours(world);
            world.must(COMMIT);
            world.must(&["claim-commit", "B", "--pod", "p", "--role", "intake"]);
        },
        hold: nobody,
        words: BATCH,
        status: 0,
        changed: batch_is_claimed,
        targets: BATCH_TARGETS,
    },
    Verb {
        name: "hand-over",
        prepare: completed,
        hold: taker_lives,
        words: &["claim-commit", TICKET, "--pod", "q", "--role", "coder", "--expect", "1"],
        status: 0,
        changed: |world| holds(world, "q", 2),
        targets: CLAIM,
    },
    Verb {
        name: "hand-over-offer",
        prepare: |world| {
            completed(world);
            offer(world, "q");
        },
        hold: in_flight_and_taker_lives,
        words: &[
            "claim-commit",
            TICKET,
            "--pod",
            "q",
            "--role",
            "intake",
            "--expect",
            "1",
            "--evidence",
            "user_message",
        ],
        status: 0,
        changed: |world| holds(world, "q", 2) && world.claim().is_some_and(|claim| claim.nonce == nonce()),
        targets: CLAIM,
    },
    Verb {
        name: "complete",
        prepare: claimed,
        hold: nobody,
        words: &["claim-complete", TICKET, "--expect", "1"],
        status: 0,
        changed: |world| holds(world, "p", 1) && world.claim().is_some_and(|claim| claim.completed_at.is_some()),
        targets: CLAIM,
    },
    Verb {
        name: "complete-again",
        prepare: completed,
        hold: nobody,
        words: &["claim-complete", TICKET, "--expect", "1"],
        status: 0,
        changed: |world| holds(world, "p", 1) && world.claim().is_some_and(|claim| claim.completed_at.is_some()),
        targets: CLAIM,
    },
    Verb {
        name: "release",
        prepare: claimed,
        hold: nobody,
        words: &["claim-release", TICKET, "--expect", "1", "--reason", "enough"],
        status: 0,
        changed: |world| world.claim().is_none() && world.tombstone().is_some_and(|claim| claim.generation == 1),
        targets: CLAIM_AND_TOMBSTONE,
    },
    Verb {
        name: "release-second",
        prepare: |world| {
            released(world);
            world.must(COMMIT);
        },
        hold: nobody,
        words: &["claim-release", TICKET, "--expect", "2", "--reason", "enough"],
        status: 0,
        changed: |world| world.claim().is_none() && world.tombstone().is_some_and(|claim| claim.generation == 2),
        targets: CLAIM_AND_TOMBSTONE,
    },
    Verb {
        name: "release-live",
        prepare: claimed,
        hold: holder_lives,
        words: &["claim-release", TICKET, "--expect", "1", "--reason", "I want it"],
        status: 1,
        changed: |_| false,
        targets: CLAIM_AND_TOMBSTONE,
    },
    Verb {
        name: "hand-over-live",
        prepare: completed,
        hold: holder_lives,
        words: &["claim-commit", TICKET, "--pod", "q", "--role", "coder", "--expect", "1"],
        status: 1,
        changed: |_| false,
        targets: CLAIM,
    },
    Verb {
        name: "reclaim",
        prepare: claimed,
        hold: nobody,
        words: &["claim-reclaim", TICKET, "--expect", "1", "--reason", "it is gone"],
        status: 0,
        changed: |world| world.claim().is_none() && world.tombstone().is_some_and(|claim| claim.generation == 1),
        targets: CLAIM_AND_TOMBSTONE,
    },
    Verb {
        name: "reclaim-give",
        prepare: a_live_taker,
        hold: taker_lives,
        words: &["claim-reclaim", TICKET, "--expect", "1", "--reason", "it is gone", "--pod", "q", "--role", "coder"],
        status: 0,
        changed: |world| holds(world, "q", 2),
        targets: &["claims/T.toml", "sessions/q.toml"],
    },
    Verb {
        name: "reclaim-live",
        prepare: claimed,
        hold: holder_lives,
        words: &["claim-reclaim", TICKET, "--expect", "1", "--reason", "I want it", "--force"],
        status: 1,
        changed: |_| false,
        targets: CLAIM_AND_TOMBSTONE,
    },
    Verb {
        name: "reclaim-damaged",
        prepare: damaged,
        hold: nobody,
        words: &["claim-reclaim", TICKET, "--expect", "1", "--reason", "nobody can read it"],
        status: 0,
        changed: |world| !world.is_damaged() && world.tombstone().is_some_and(|claim| claim.generation == 1),
        targets: CLAIM_AND_TOMBSTONE,
    },
    Verb {
        name: "repair",
        prepare: damaged,
        hold: nobody,
        words: &["verify", "--repair"],
        status: 1,
        changed: |world| world.is_damaged() && !world.registry().claim_path(&ticket()).exists(),
        targets: &["claims/T.toml", "claims/T.unreadable"],
    },
    Verb {
        name: "gc",
        prepare: littered,
        hold: nobody,
        words: &["gc"],
        status: 0,
        changed: |world| world.leftovers().is_empty(),
        targets: &[],
    },
    Verb {
        name: "adopt",
        prepare: moved,
        hold: nobody,
        words: &["workspace-adopt", "../../gone"],
        status: 0,
        changed: |world| holds(world, "p", 1) && relates(world, &["T"]) && world.is_of_this_workspace(),
        targets: &["*"],
    },
    Verb {
        name: "session-new",
        prepare: neighbours,
        hold: nobody,
        words: RECORD,
        status: 0,
        changed: |world| relates(world, &["T"]),
        targets: SESSION,
    },
    Verb {
        name: "session-merge",
        prepare: recorded,
        hold: nobody,
        words: RECORD,
        status: 0,
        changed: |world| relates(world, &["A", "T"]),
        targets: SESSION,
    },
    Verb {
        name: "session-again",
        prepare: |world| {
            neighbours(world);
            world.must(RECORD);
        },
        hold: nobody,
        words: RECORD,
        status: 0,
        changed: |world| relates(world, &["T"]),
        targets: SESSION,
    },
];

impl Verb {
    pub fn prepare(&self, world: &World) {
        (self.prepare)(world);
    }

    pub fn hold(&self, world: &World) -> Held {
        (self.hold)(world)
    }

    /// Whether its change is there.
    pub fn changed(&self, world: &World) -> bool {
        (self.changed)(world)
    }

    /// The command, with what is handed down where the ticket is in flight.
    pub fn command(&self, world: &World, held: &Held) -> Command {
        let mut command = world.yoi_claim(self.words);
        if self.is_batch() {
            // A pipe, which is no file of ours; it holds that much.
            let (read, write) = std::io::pipe().unwrap();
            (&write).write_all(BATCH_LINES.as_bytes()).unwrap();
            command.stdin(Stdio::from(read));
        }
        let Some(flight) = &held.flight else { return command };
        let copy = |descriptor: BorrowedFd| descriptor.try_clone_to_owned().unwrap();
        let lock = FdMapping { parent_fd: copy(flight.lock.as_fd()), child_fd: 20 };
        let launcher = FdMapping { parent_fd: copy(flight.launcher.0.as_fd()), child_fd: 21 };
        command.fd_mappings(vec![lock, launcher]).unwrap();
        command.env("YOI_TICKET_LOCK", "20").env("YOI_LAUNCHER", "21").env("YOI_CLAIM_NONCE", nonce().to_string());
        command
    }
}

impl Verb {
    /// Whether it makes its change when nothing is done to it.
    pub fn changes(&self) -> bool {
        self.status == 0 || self.is_repair()
    }

    pub fn is_repair(&self) -> bool {
        self.name == "repair"
    }

    pub fn has_threads(&self) -> bool {
        ["repair", "gc"].contains(&self.name)
    }

    /// Whether it makes its change in several steps, and goes on from there when it is repeated.
    pub fn is_made_in_steps(&self) -> bool {
        ["adopt", "gc"].contains(&self.name) || self.is_batch()
    }

    /// Whether it commits many claims, and answers for each.
    pub fn is_batch(&self) -> bool {
        self.words == BATCH
    }

    /// Fails where a batch said of a line that it is claimed and it is not, or the other way round.
    pub fn check_answers(&self, world: &World, outcome: &Outcome) {
        if !self.is_batch() {
            return;
        }
        for line in outcome.stdout.lines() {
            let fields: Vec<&str> = line.split('\t').collect();
            let claimed = world.claim_on(fields[0]).is_some_and(|claim| claim.pod == pod("p"));
            // 5: it stands, and may not be durable.
            let said = ["0", "5"].contains(&fields[1]);
            assert!(claimed == said || (claimed && self.is_repeat()), "answered {line:?}, and claimed is {claimed}");
        }
        assert!(outcome.status != 0 || outcome.stdout.lines().count() == BATCH_CLAIMS.len(), "{}", outcome.stdout);
    }

    pub fn is_commit(&self) -> bool {
        self.words[0] == "claim-commit"
    }

    /// Whether its change was there before it ran: it was a repeat.
    pub fn is_repeat(&self) -> bool {
        self.name.ends_with("-again")
    }

    /// Whether a record is its own to change.
    pub fn is_own(&self, path: &str) -> bool {
        let set_aside = self.name == "reclaim-damaged" && path.starts_with("claims/T.");
        set_aside || self.targets.iter().any(|target| *target == "*" || *target == path)
    }

    /// Whether, once it was repeated, all is there that goes with its change.
    pub fn is_finished(&self, world: &World) -> bool {
        !self.targets.contains(&"sessions/q.toml")
            || world.registry().session(&pod("q")).unwrap().is_some_and(|session| session.related_tickets == [ticket()])
    }

    /// Whether this is how a repeat may end: as the verb itself, or where its change stands with word of who made it.
    pub fn is_repeated_by(&self, repeat: &Outcome, is_changed: bool) -> bool {
        let told =
            is_changed && self.is_reclaim() && repeat.status == 1 && repeat.stderr.contains(" first (generation ");
        repeat.status == self.status || told
    }

    pub fn is_reclaim(&self) -> bool {
        self.words[0] == "claim-reclaim"
    }

    /// Frees the ticket and claims it again: whatever was left behind on it goes by that.
    pub fn change_once_more(&self, world: &World) {
        if let Some(claim) = world.claim() {
            let generation = claim.generation.to_string();
            world.must(&["claim-release", TICKET, "--expect", &generation, "--reason", "next"]);
        }
        world.must(&["claim-commit", TICKET, "--pod", "next", "--role", "coder"]);
    }
}
