//! What several verbs share.

use crate::cli::{Cli, Failure};
use crate::domain::TicketId;
use crate::launch::{HandedDown, InFlight};
use crate::registry::Registry;

/// What `ticket-lock` handed down for a ticket; `None` where this does not run under it, or for another ticket.
pub(super) fn in_flight(cli: &Cli, registry: &Registry, ticket: &TicketId) -> Result<Option<InFlight>, Failure> {
    let environment = cli.environment();
    let handed = HandedDown {
        ticket_lock: environment.ticket_lock()?,
        launcher: environment.launcher()?,
        nonce: environment.claim_nonce()?,
    };
    Ok(handed.take(registry, ticket)?)
}

/// Refuses variables of `ticket-lock` that are not what they say, also in a verb that does not need them.
pub(super) fn check_handed_down(cli: &Cli, registry: &Registry, tickets: &[TicketId]) -> Result<(), Failure> {
    tickets.iter().try_for_each(|ticket| in_flight(cli, registry, ticket).map(drop))
}
