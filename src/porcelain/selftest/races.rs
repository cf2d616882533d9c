//! Many processes that claim one ticket at the same moment.

use std::ffi::OsStr;
use std::time::Instant;

use super::bench::{Bench, Ran, Running, start};
use super::check::{Check, Trouble, ensure};
use crate::domain::TicketId;

/// The check's name.
pub(super) const NAME: &str = "races";
/// How many run for one ticket.
const RUNNERS: usize = 8;
/// How many tickets are enough.
const ROUNDS: usize = 5_000;

/// Races until the time is over; at least once.
pub(super) fn check(bench: &Bench<'_>, until: Instant) -> Check {
    Check::of(NAME, "two agents could take one ticket", || {
        let mut rounds = 0;
        while rounds == 0 || (Instant::now() < until && rounds < ROUNDS) {
            round(bench, rounds)?;
            rounds += 1;
        }
        bench.verify()?;
        Ok(format!(
            "{RUNNERS} processes for one ticket, {rounds} times: one claim each time, and all others told whose"
        ))
    })
}

fn round(bench: &Bench<'_>, round: usize) -> Result<(), Trouble> {
    let ticket = format!("race-{round}");
    let (barrier, starter) = std::io::pipe()?;
    let mut running = Vec::new();
    for runner in 0..RUNNERS {
        // It reads the pipe to its end, and then becomes the command.
        let mut gate = bench.part("gate")?;
        let pod = format!("runner-{runner}");
        let words = ["claim-commit", &ticket, "--pod", &pod, "--role", "coder"].map(OsStr::new);
        gate.arg("--").arg(&bench.yoi_claim).args(words).stdin(barrier.try_clone()?);
        running.push(start(&mut gate)?);
    }
    drop(starter);
    let ran = running.into_iter().map(Running::finish).collect::<Result<Vec<Ran>, Trouble>>()?;
    let winners: Vec<usize> =
        (0..RUNNERS).filter(|runner| ran.get(*runner).is_some_and(|ran| ran.status == 0)).collect();
    let [winner] = winners[..] else {
        let errors: Vec<&str> = ran.iter().map(|ran| ran.err.as_str()).filter(|err| !err.is_empty()).collect();
        return Err(Trouble::Broken(format!(
            "{} of {RUNNERS} processes were told that they have the ticket {ticket}: {}",
            winners.len(),
            errors.first().unwrap_or(&"without an error")
        )));
    };
    let winner = format!("runner-{winner}");
    for ran in ran.iter().filter(|ran| ran.status != 0) {
        let is_told = ran.status == 1 && ran.err.contains(&format!("claimed by Pod {winner} "));
        ensure(is_told, format!("a process that lost to {winner} ended with {}: {}", ran.status, ran.err))?;
    }
    let claim = bench.registry.claim(&TicketId::new(ticket)?)?;
    ensure(claim.is_some_and(|claim| claim.pod.as_str() == winner), format!("{winner} won, and has no claim"))
}
