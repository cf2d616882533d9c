//! Claims that somebody has ended: of two who end one, the second is told who was first.

use super::change::ChangeError;
use super::journal::JournalLine;
use super::open::Registry;
use super::reclaim::RECLAIM;
use crate::domain::{Claim, Expect, TicketId};

impl Registry {
    /// The expected claim, where the ticket is free because that one has ended.
    pub(super) fn released_before(&self, ticket: &TicketId, expect: Expect) -> Result<Option<Claim>, ChangeError> {
        let unknown = |source| ChangeError::Unknown { ticket: ticket.clone(), source };
        if self.claim(ticket).map_err(unknown)?.is_some() {
            return Ok(None);
        }
        let tombstone = self.tombstone(ticket).map_err(unknown)?;
        Ok(tombstone.map(|tombstone| tombstone.claim).filter(|released| expect.matches(released)))
    }

    /// What the journal tells of the end of a claim; a journal that cannot be read tells nothing.
    ///
    /// Whoever ends a claim tells of it under the ticket lock, so that the next one who has that lock finds it.
    pub(super) fn told_end(&self, ticket: &TicketId, expect: Expect) -> Option<JournalLine> {
        let ends = |line: &JournalLine| {
            let entry = &line.entry;
            ["release", RECLAIM].contains(&entry.action.as_str())
                && entry.generation == Some(expect.generation)
                && (expect.nonce.is_none() || entry.nonce == expect.nonce)
        };
        self.journal(Some(ticket)).unwrap_or_default().into_iter().rfind(ends)
    }
    /// Reads the claim that is to be ended; where somebody else ended it first, tells who did.
    ///
    /// Whoever ended it wrote the journal under the ticket lock, which is the caller's by now.
    ///
    /// # Errors
    /// When there is none, it is another, or it cannot be read.
    pub(super) fn claim_to_end(&self, ticket: &TicketId, expected: Expect) -> Result<Claim, ChangeError> {
        self.expected_claim(ticket, expected).map_err(|error| {
            let now = match &error {
                ChangeError::NotFound { .. } => None,
                ChangeError::Expectation { found, .. } => Some(found.clone()),
                _ => return error,
            };
            match self.told_end(ticket, expected) {
                Some(by) => ChangeError::Lost { ticket: ticket.clone(), expected, by: Box::new(by), now },
                None => error,
            }
        })
    }
}

/// Says who ended a claim first, when and why, and how the ticket stands now.
pub(super) fn first(ticket: &TicketId, expected: Expect, by: &JournalLine, now: Option<&Claim>) -> String {
    let did = if by.entry.action == RECLAIM { "reclaimed" } else { "released" };
    let why = by.entry.why.as_deref().map(|why| format!(" ({})", why.lines().next().unwrap_or_default()));
    let why = why.unwrap_or_default();
    let stands = match now {
        Some(claim) => format!("Pod {} holds it now as {} (generation {})", claim.pod, claim.role, claim.generation),
        None => "the ticket is free now".to_owned(),
    };
    format!("{} {did} the claim on ticket {ticket} first (generation {expected}), at {}{why}; {stands}", by.user, by.at)
}
