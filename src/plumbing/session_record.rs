//! `session-record`: creates or extends a session record.

use super::common;
use crate::cli::args::{origin, role};
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{Origin, PodName, Role, SessionEntry, TicketId};
use crate::registry::SessionFence;

/// Record that POD was launched in ROLE, or add tickets to its record
///
/// Related tickets grow by union; what is recorded already stays as it is.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Relate one more ticket to a Pod:
    $ yoi-claim session-record intake-20260118-101544-001 --role intake --origin ticket_claim --ticket PROJ-42
")]
pub(super) struct Args {
    /// The Pod
    pod: PodName,
    /// What it is for
    #[arg(long, value_parser = role())]
    role: Role,
    /// How it came about
    #[arg(long, value_parser = origin())]
    origin: Origin,
    /// A ticket that it has to do with; may be repeated
    #[arg(long = "ticket", value_name = "TICKET")]
    tickets: Vec<TicketId>,
    /// The agent's own session id
    #[arg(long)]
    session: Option<String>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.writable_registry()?;
    common::check_handed_down(cli, &registry, &args.tickets)?;
    let pod = registry.pod(&args.pod)?;
    let entry = SessionEntry {
        pod: args.pod,
        pod_id: pod.as_ref().map(|pod| pod.pod_id),
        role: args.role,
        origin: args.origin,
        session: args.session,
        nonce: pod.and_then(|pod| pod.nonce),
        tickets: args.tickets,
    };
    registry.record_session(entry, SessionFence::None, &cli.writer())?;
    Ok(Exit::Done)
}
