//! One of the processes: does random things, through the library, whenever it is let through the barrier.

use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use yoi::domain::{Claim, Evidence, Expect, PodName, PodRecord, Role, TicketId, Timestamp, WrittenBy, chain};
use yoi::fs::{Acquired, Wait, WaitError};
use yoi::registry::{
    ByHand, ChangeError, CommitError, CommitRequest, Committed, Force, Reclaim, ReclaimError, Reclaimed, Registry,
    ReleasedBy, Restorable, Taker, TicketLock, Workspace, Writer,
};

use super::history::{Answer, Asked, Event, Fence, Seen, TAKER, TICKETS};

/// How many things each process does a round.
const STEPS: u64 = 3;
/// How long a lock is waited for: longer than all the others may need.
const PATIENCE: Wait = Wait::For(Duration::from_secs(30));

/// Who writes; the moment is nobody's concern here.
pub fn writer(user: &str) -> Writer {
    let now: Timestamp = "2026-06-07T22:02:25.123456Z".parse().unwrap();
    let pid = std::process::id().into();
    let written_by = WrittenBy { pid, host: "h".into(), boot: "b".into(), extra: toml::Table::new() };
    Writer { written_by, user: user.to_owned(), now }
}

/// Works until the barrier is taken away.
pub fn work(arguments: &[String]) {
    let [data, runtime, workspace, process, seed] = arguments else { panic!("{arguments:?}") };
    let workspace = Workspace::find(Path::new(workspace)).unwrap();
    let process: usize = process.parse().unwrap();
    let seed: u64 = seed.parse().unwrap();
    let mut worker = Worker {
        registry: Registry::new(Path::new(data), Path::new(runtime), workspace),
        process,
        pod: PodName::new(format!("w{process}")).unwrap(),
        writer: writer(&format!("u{process}")),
        random: seed ^ (process as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        known: vec![Vec::new(); TICKETS],
        count: 0,
    };
    let mut turn = [0];
    while std::io::stdin().read(&mut turn).unwrap() == 1 {
        let events: Vec<Event> = (0..STEPS).flat_map(|_| worker.step()).collect();
        let mut text: String = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
        text += ".\n";
        std::io::stdout().write_all(text.as_bytes()).unwrap();
    }
}

struct Worker {
    registry: Registry,
    process: usize,
    pod: PodName,
    writer: Writer,
    random: u64,
    /// The fences that this process has seen, by ticket.
    known: Vec<Vec<Fence>>,
    count: u64,
}

struct NeverRestorable;

impl Restorable for NeverRestorable {
    fn check(&self, _: &PodRecord) -> Result<(), String> {
        Err("nothing is".to_owned())
    }
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

fn ticket(n: usize) -> TicketId {
    TicketId::new(format!("T{n}")).unwrap()
}

fn seen(claim: &Claim) -> Seen {
    Seen {
        generation: claim.generation,
        nonce: claim.nonce.to_string(),
        pod: claim.pod.to_string(),
        completed: claim.completed_at.is_some(),
    }
}

fn expect(fence: &Fence) -> Expect {
    Expect { generation: fence.generation, nonce: fence.nonce.as_ref().map(|nonce| nonce.parse().unwrap()) }
}

impl Worker {
    /// The next random number below a bound (xorshift64*).
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % bound
    }

    fn step(&mut self) -> Vec<Event> {
        // Not all at the very same moment, always in the same order.
        let until = now() + self.below(200_000);
        while now() < until {
            std::hint::spin_loop();
        }
        self.count += 1;
        let n = usize::try_from(self.below(TICKETS as u64)).unwrap();
        if self.below(20) == 0 {
            return self.batch();
        }
        let asked = self.choose(n);
        let from = now();
        let answer = self.ask(n, &asked);
        let event = Event { process: self.process, ticket: n, asked, answer, from, to: now() };
        self.learn(&event);
        vec![event]
    }

    fn choose(&mut self, n: usize) -> Asked {
        let pod = self.pod.to_string();
        let Some(expect) = self.fence(n) else { return Asked::Commit { pod } };
        match self.below(16) {
            0..5 => Asked::Commit { pod },
            5 | 6 => Asked::HandOver { expect },
            7..10 => Asked::Complete { expect },
            10 => Asked::Release { expect, as_holder: false },
            11 | 12 => Asked::Release { expect, as_holder: true },
            13 => Asked::Reclaim { expect },
            14 => Asked::Give { expect },
            _ => Asked::Look,
        }
    }

    /// A fence: mostly of the claim that stands now, or one that was seen earlier.
    fn fence(&mut self, n: usize) -> Option<Fence> {
        let fresh = self.below(4) > 0;
        let bare = self.below(5) == 0;
        let mut fence = match self.registry.claim(&ticket(n)) {
            Ok(Some(claim)) if fresh => Fence { generation: claim.generation, nonce: Some(claim.nonce.to_string()) },
            _ => {
                let at = self.below(self.known[n].len().max(1) as u64);
                self.known[n].get(usize::try_from(at).unwrap())?.clone()
            }
        };
        if bare {
            fence.nonce = None;
        }
        Some(fence)
    }

    fn learn(&mut self, event: &Event) {
        let (Answer::New(claim) | Answer::Held(claim) | Answer::Other(claim) | Answer::Stands(Some(claim))) =
            &event.answer
        else {
            return;
        };
        let known = &mut self.known[event.ticket];
        known.push(Fence { generation: claim.generation, nonce: Some(claim.nonce.clone()) });
        let old = known.len().saturating_sub(8);
        known.drain(..old);
    }

    fn lock(&self, n: usize) -> Result<TicketLock, WaitError> {
        self.registry.lock_ticket(&ticket(n), "contention", &self.writer, PATIENCE)
    }

    fn ask(&self, n: usize, asked: &Asked) -> Answer {
        // No two are the same: a repeat would be answered as one.
        let reason = format!("{} of process {}", self.count, self.process);
        match asked {
            Asked::Look => match self.registry.claim(&ticket(n)) {
                Ok(claim) => Answer::Stands(claim.as_ref().map(seen)),
                Err(error) => Answer::Failed(chain(&error)),
            },
            Asked::Commit { .. } => self.commit(n, &self.pod, None),
            Asked::HandOver { expect: fence } => self.commit(n, &PodName::new(TAKER).unwrap(), Some(expect(fence))),
            Asked::Complete { expect: fence } => {
                match self.registry.complete(&ticket(n), expect(fence), self.writer.now, &self.writer) {
                    Ok(claim) => Answer::Completed(seen(&claim)),
                    Err(error) => changed(error),
                }
            }
            Asked::Release { expect: fence, as_holder } => {
                let by = if *as_holder { ReleasedBy::Holder } else { ReleasedBy::Other };
                match self.lock(n) {
                    Err(error) => busy(error),
                    Ok(lock) => match self.registry.release(&lock, expect(fence), by, &reason, &self.writer) {
                        Ok(claim) => Answer::Freed(seen(&claim)),
                        Err(error) => changed(error),
                    },
                }
            }
            Asked::Reclaim { expect: fence } => self.reclaim(n, expect(fence), reason, None),
            Asked::Give { expect: fence } => {
                let taker = Taker { pod: PodName::new(TAKER).unwrap(), role: Role::Coder };
                self.reclaim(n, expect(fence), reason, Some(taker))
            }
        }
    }

    fn commit(&self, n: usize, pod: &PodName, expect: Option<Expect>) -> Answer {
        let request = CommitRequest {
            ticket: ticket(n),
            pod: pod.clone(),
            pod_id: None,
            role: Role::Coder,
            evidence: Evidence::Manual,
            session: None,
            nonce: None,
            expect,
        };
        let answer = match self.registry.lock_to_commit(&request, "contention", &self.writer, PATIENCE) {
            Err(error) => return busy(error),
            Ok(Acquired::Answer(answer)) => answer,
            Ok(Acquired::Lock(lock)) => self.registry.commit(&lock, &request, &self.writer),
        };
        committed(answer)
    }

    fn reclaim(&self, n: usize, expect: Expect, reason: String, to: Option<Taker>) -> Answer {
        let lock = match self.lock(n) {
            Ok(lock) => lock,
            Err(error) => return busy(error),
        };
        let wanted = Reclaim { expect, reason, to, force: Force::No };
        match self.registry.reclaim(&lock, &wanted, &NeverRestorable, &self.writer) {
            Ok(Reclaimed::Freed { former: Some(claim) }) => Answer::Freed(seen(&claim)),
            Ok(Reclaimed::Given(claim)) => Answer::New(seen(&claim)),
            Err(ReclaimError::Change(error)) => changed(error),
            Ok(other) => Answer::Failed(format!("{other:?}")),
            Err(error) => Answer::Failed(chain(&error)),
        }
    }

    /// Commits all tickets in one batch: as many operations that begin and end together.
    fn batch(&self) -> Vec<Event> {
        let by_hand = |n| ByHand { ticket: ticket(n), pod: self.pod.clone(), role: Role::Coder };
        let all: Vec<ByHand> = (0..TICKETS).map(by_hand).collect();
        let from = now();
        let answers = self.registry.commit_batch(&all, &self.writer);
        let to = now();
        let event = |(ticket, answer)| {
            let asked = Asked::Commit { pod: self.pod.to_string() };
            Event { process: self.process, ticket, asked, answer: committed(answer), from, to }
        };
        answers.into_iter().enumerate().map(event).collect()
    }
}

fn committed(answer: Result<Committed, CommitError>) -> Answer {
    match answer {
        Ok(Committed::New(claim)) => Answer::New(seen(&claim)),
        Ok(Committed::AlreadyOurs(claim)) => Answer::Ours(seen(&claim)),
        Err(CommitError::Held { held }) => Answer::Held(seen(&held)),
        Err(CommitError::InFlight { .. }) => Answer::Busy,
        Err(CommitError::Change(error)) => changed(error),
        Err(error) => Answer::Failed(chain(&error)),
    }
}

fn changed(error: ChangeError) -> Answer {
    match error {
        ChangeError::NotFound { .. } => Answer::NotFound,
        ChangeError::Expectation { found, .. } => Answer::Other(seen(&found)),
        ChangeError::Lost { now, .. } => Answer::Ended(now.as_deref().map(seen)),
        ChangeError::HolderLive { claim } => Answer::Live(seen(&claim)),
        ChangeError::NotCompleted { claim } => Answer::NotCompleted(seen(&claim)),
        ChangeError::Busy { .. } => Answer::Busy,
        error => Answer::Failed(chain(&error)),
    }
}

fn busy(error: WaitError) -> Answer {
    match error {
        WaitError::Held { .. } => Answer::Busy,
        WaitError::Io(error) => Answer::Failed(chain(&error)),
    }
}
