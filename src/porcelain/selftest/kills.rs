//! Commits, releases and launches that are killed, each a little later than the one before.

use std::time::{Duration, Instant};

use super::super::scratch::PATIENCE;
use super::bench::{Bench, expect, run, start};
use super::check::{Check, Trouble, ensure};
use crate::domain::{Claim, Evidence, TicketId};
use crate::fs::{self, Wait, wait_until_free};
use crate::launch::steps::{self, Ended};

/// The names of the checks.
pub(super) const RECORDS: &str = "killed changes";
pub(super) const LAUNCHES: &str = "killed launches";
/// How many moments a command is killed at, from its start to its usual end, before it begins anew.
const MOMENTS: u32 = 25;
/// How many tickets take turns.
const TICKETS: usize = 5;
/// How many launches are enough: ids end in three digits.
const MAX_LAUNCHES: u32 = 900;

/// A ticket that leaves questions open, so that its Pod waits.
const ITEM: &str = include_str!("../../../tests/fixtures/sample/.yoi/tickets/20260118-101544-001/item.md");
const THREAD: &str = include_str!("../../../tests/fixtures/sample/.yoi/tickets/20260118-101544-001/thread.md");

/// The moment at which the nth command is killed, of commands that usually take `usual`.
fn moment(nth: u32, usual: Duration) -> Duration {
    usual.mul_f64(1.2) * (nth % MOMENTS) / (MOMENTS - 1)
}

/// Commits and releases, until the time is over; at least once.
pub(super) fn records(bench: &Bench<'_>, until: Instant) -> Check {
    Check::of(RECORDS, "a claim could be lost or torn, or a ticket stay taken by nobody", || {
        let begun = Instant::now();
        let mut tickets = Vec::new();
        for number in 0..TICKETS {
            let ticket = Ticket { id: TicketId::new(format!("kill-{number}"))?, generation: 0 };
            expect(&mut bench.yoi_claim(&ticket.commit())?, 0)?;
            let claim = ticket.claim(bench)?.ok_or_else(|| Trouble::Broken("a commit left no claim".to_owned()))?;
            expect(&mut bench.yoi_claim(&ticket.release(&claim.generation.to_string()))?, 0)?;
            tickets.push(Ticket { generation: claim.generation, ..ticket });
        }
        let usual = begun.elapsed() / (2 * u32::try_from(TICKETS)?);
        let mut killed = 0;
        let mut nth = 0;
        while nth == 0 || Instant::now() < until {
            for ticket in &mut tickets {
                killed += ticket.commit_and_release(bench, moment(nth, usual))?;
            }
            nth += 1;
        }
        bench.verify()?;
        Ok(format!("{killed} commits and releases: no claim lost or torn, each repeat done, nothing left behind"))
    })
}

struct Ticket {
    id: TicketId,
    generation: u64,
}

impl Ticket {
    fn commit(&self) -> [&str; 6] {
        ["claim-commit", self.id.as_str(), "--pod", "writer", "--role", "coder"]
    }

    fn release<'a>(&'a self, expect: &'a str) -> [&'a str; 6] {
        ["claim-release", self.id.as_str(), "--expect", expect, "--reason", "selftest"]
    }

    fn claim(&self, bench: &Bench<'_>) -> Result<Option<Claim>, Trouble> {
        Ok(bench.registry.claim(&self.id)?)
    }

    /// Kills a commit and a release after a time, and repeats each; tells how many had not ended by themselves.
    fn commit_and_release(&mut self, bench: &Bench<'_>, after: Duration) -> Result<u32, Trouble> {
        let mut killed = 0;
        let mut kill = |words: &[&str]| -> Result<(), Trouble> {
            let running = start(&mut bench.yoi_claim(words)?)?;
            std::thread::sleep(after);
            killed += u32::from(!running.kill()?);
            Ok(())
        };
        let id = &self.id;
        kill(&self.commit())?;
        let before = self.claim(bench)?;
        expect(&mut bench.yoi_claim(&self.commit())?, 0)?;
        let claim = self.claim(bench)?.ok_or_else(|| Trouble::Broken(format!("the commit on {id} left no claim")))?;
        let same = before.is_none_or(|before| before.nonce == claim.nonce);
        ensure(same, format!("the repeat of a commit on {id} made another claim"))?;
        let grown = claim.generation > self.generation;
        ensure(grown, format!("generation {} of {id} follows {}", claim.generation, self.generation))?;
        self.generation = claim.generation;

        let generation = claim.generation.to_string();
        kill(&self.release(&generation))?;
        let left = self.claim(bench)?;
        let same = left.as_ref().is_none_or(|left| left.nonce == claim.nonce);
        ensure(same, format!("a release made another claim on {id}"))?;
        let again = run(&mut bench.yoi_claim(&self.release(&generation))?)?;
        // What was released already may be told to be so.
        let done = again.status == 0 || (left.is_none() && again.status == 1);
        ensure(done, format!("the repeat of a release of {id} ended with {}: {}", again.status, again.err))?;
        ensure(self.claim(bench)?.is_none(), format!("a claim on {id} was released and stands"))?;
        let temporaries = fs::entries(&bench.registry.dir().join("tmp"))?;
        let own = format!("claim-{}.", self.id.key());
        let left = temporaries.iter().any(|name| name.to_string_lossy().starts_with(&own));
        ensure(!left, format!("a temporary file of {id} was left behind"))?;
        Ok(killed)
    }
}

/// Launches of the built-in agent, until the time is over; at least once.
pub(super) fn launches(bench: &Bench<'_>, until: Instant) -> Check {
    Check::of(LAUNCHES, "a ticket could stay taken by an agent that never ran, or an agent run without a claim", || {
        let begun = Instant::now();
        let first = Intake::new(bench, 0)?;
        expect(&mut bench.yoi(&first.command())?, 0)?;
        let usual = begun.elapsed();
        first.end_pod(bench)?;
        let (mut nth, mut went_on) = (0, 0);
        while nth == 0 || (Instant::now() < until && nth < MAX_LAUNCHES) {
            // Moments that follow each other are far apart: a short time, too, tries early and late ones.
            let intake = Intake::new(bench, nth + 1)?;
            went_on += u32::from(intake.kill(bench, moment(nth * 7, usual))?);
            nth += 1;
        }
        bench.verify()?;
        Ok(format!("{nth} launchers: {went_on} Pods had accepted and went on, of the others nothing was left"))
    })
}

/// A launch on a ticket of its own.
struct Intake(TicketId);

impl Intake {
    fn new(bench: &Bench<'_>, number: u32) -> Result<Self, Trouble> {
        let id = format!("20260118-101544-{:03}", number + 1);
        for (name, text) in [("item.md", ITEM), ("thread.md", THREAD)] {
            bench.places.write(&format!(".yoi/tickets/{id}/{name}"), text).map_err(Box::new)?;
        }
        Ok(Self(TicketId::new(id)?))
    }

    fn command(&self) -> [&str; 3] {
        ["intake", self.0.as_str(), "--quiet"]
    }

    /// Kills the launcher after a time; tells whether its Pod goes on, and makes sure of what must be true then.
    fn kill(&self, bench: &Bench<'_>, after: Duration) -> Result<bool, Trouble> {
        let running = start(&mut bench.yoi(&self.command())?)?;
        std::thread::sleep(after);
        running.kill()?;
        let (id, registry) = (&self.0, &bench.registry);
        let free = wait_until_free(&registry.ticket_lock_path(id), Wait::For(PATIENCE))?;
        ensure(free, format!("ticket {id} is in flight {} s after its launcher was killed", PATIENCE.as_secs()))?;
        let claim = registry.claim(id)?;
        match &claim {
            None => self.nothing_is_left(bench)?,
            Some(claim) => self.stands(bench, claim)?,
        }
        let status = if claim.is_some() { 1 } else { 0 };
        expect(&mut bench.yoi(&self.command())?, status)?;
        self.end_pod(bench)?;
        Ok(claim.is_some())
    }

    fn nothing_is_left(&self, bench: &Bench<'_>) -> Result<(), Trouble> {
        let (id, registry) = (&self.0, &bench.registry);
        let pod = registry.pods()?.into_iter().flatten().find(|record| record.ticket.as_ref() == Some(id));
        ensure(pod.is_none(), format!("a Pod of {id} was left behind, and there is no claim"))?;
        let offers = fs::entries(&registry.dir().join("offers"))?;
        let own = format!("{}.", id.key());
        let offered = offers.iter().any(|name| name.to_string_lossy().starts_with(&own));
        ensure(!offered, format!("an offer for {id} was left behind"))
    }

    /// The claim is evidence: its Pod is there, accepted the work, and is known to the session index.
    fn stands(&self, bench: &Bench<'_>, claim: &Claim) -> Result<(), Trouble> {
        let (id, registry) = (&self.0, &bench.registry);
        let record = registry.pod(&claim.pod)?.filter(|record| Some(record.pod_id) == claim.pod_id);
        let record =
            record.ok_or_else(|| Trouble::Broken(format!("ticket {id} is claimed by a Pod that is not there")))?;
        ensure(record.confirmed_at.is_some(), format!("the Pod that claims {id} was never confirmed"))?;
        ensure(claim.evidence == Evidence::UserMessage, format!("the claim on {id} has no evidence"))?;
        let history = fs::read_file(&registry.pod_dir(&claim.pod).join("history.jsonl"))?.unwrap_or_default();
        let accepted = String::from_utf8_lossy(&history).contains("\"user_message\"");
        ensure(accepted, format!("ticket {id} is claimed by a Pod that never accepted it"))?;
        ensure(
            registry.session(&claim.pod)?.is_some(),
            format!("the session of the Pod that claims {id} is not recorded"),
        )
    }

    fn end_pod(&self, bench: &Bench<'_>) -> Result<(), Trouble> {
        let Some(claim) = bench.registry.claim(&self.0)? else { return Ok(()) };
        let ended = steps::shut_down(&bench.registry, &claim.pod, true, PATIENCE)?;
        ensure(ended != Ended::NotYet, format!("Pod {} does not end", claim.pod))
    }
}
