//! `yoi reclaim`: shows what is known of a claim, asks, and ends it.

use std::time::Duration;

use super::explanation::{Explanation, named};
use crate::cli::args::{reason, seconds};
use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{ClaimStatus, Expect, PodName, TicketId};
use crate::fs::Wait;
use crate::registry::{ClaimView, Force, Reclaim, Reclaimed, Registry, Taker};

/// End the claim of a Pod that is gone, and free its ticket or give it to another Pod
///
/// Shows what is known, asks, and takes a reason. A live Pod keeps its claim always; one that is stopped and can be
/// restored keeps it unless --force is given. What is ended is the claim that was shown, and no later one. For people:
/// it is refused inside a Pod.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Free a ticket whose Pod can be brought back, but shall not be:
    $ yoi reclaim 20260118-101544-001 --force --yes --reason \"begun anew\"
")]
pub(super) struct Args {
    /// The ticket
    ticket: String,
    /// Why, for the journal and for those who hold the ticket later
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Give the ticket to this live Pod
    #[arg(long, value_name = "POD")]
    to: Option<PodName>,
    /// End the claim also of a Pod that is stopped and could be restored
    #[arg(long)]
    force: bool,
    /// Do not ask
    #[arg(long, requires = "reason")]
    yes: bool,
    /// How long to wait for the ticket lock
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "5")]
    wait: Duration,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    cli.refuse_inside_pod(format_args!("reclaim ticket {}", args.ticket))?;
    let ticket = match named(cli, &args.ticket)?.ticket {
        Some(ticket) => ticket,
        None => TicketId::new(&args.ticket).map_err(|error| Failure::of(Exit::Usage, &error))?,
    };
    if !args.yes && !cli.is_interactive() {
        let text = format!("cannot reclaim ticket {ticket} unasked: there is no terminal to ask on");
        return Err(Failure::new(Exit::Usage, text).hint("yoi help reclaim"));
    }
    let registry = cli.registry()?;
    let restorable = cli.restorable(&registry);
    let view = registry.view_claim(&ticket, &restorable);
    let (expect, holder) = what_to_end(&registry, &ticket, view.as_ref(), args.force)?;
    let to = args.to.map(|pod| taker(&registry, pod)).transpose()?;
    let reason = match (args.reason, args.yes) {
        (Some(reason), true) => reason,
        (given, _) => {
            let told = registry.journal(Some(&ticket))?;
            let mut shown = Explanation { registry: &registry, cli };
            shown.ticket(&ticket, view.as_ref())?;
            shown.journal(&told)?;
            match agreed(cli, &ticket, &holder, to.as_ref(), given)? {
                Some(reason) => reason,
                None => return Err(Failure::new(Exit::Refused, "nothing was changed")),
            }
        }
    };
    let force = if args.force { Force::EvenRestorable } else { Force::No };
    let registry = cli.writable_registry()?;
    let writer = cli.writer();
    let lock = registry.lock_ticket(&ticket, "reclaim", &writer, Wait::For(args.wait))?;
    match registry.reclaim(&lock, &Reclaim { expect, reason, to, force }, &restorable, &writer)? {
        Reclaimed::Freed { .. } => cli.say(format_args!("ticket {ticket} is free; {holder} had it"))?,
        Reclaimed::Given(claim) => cli.say(format_args!(
            "Pod {} holds ticket {ticket} as {} (generation {}); {holder} had it",
            claim.pod, claim.role, claim.generation
        ))?,
    }
    Ok(Exit::Done)
}

/// The fence of the claim that was shown, and whose it is in words; refused before anything is asked where it is plain
/// that it will be.
fn what_to_end(
    registry: &Registry,
    ticket: &TicketId,
    view: Option<&ClaimView>,
    force: bool,
) -> Result<(Expect, String), Failure> {
    let refused = |text: String| Failure::new(Exit::Refused, text);
    if let Some((view, claim)) = view.and_then(|view| Some((view, view.claim.as_ref()?))) {
        let pod = claim.pod.as_str();
        return match view.status {
            ClaimStatus::Live => Err(refused(format!("ticket {ticket} is held by Pod {pod}, which is live"))
                .hint(command(["yoi", "attach", pod]))),
            ClaimStatus::Restorable if !force => {
                let text = format!("ticket {ticket} is held by Pod {pod}, which is stopped and can be restored");
                Err(refused(text).hint(command(["yoi", "restore", pod])))
            }
            _ => Ok((Expect::from(claim), format!("Pod {pod} (generation {})", claim.generation))),
        };
    }
    match registry.known_of_unreadable(ticket)? {
        Some(known) => {
            let holder = match known.holder {
                Some((pod, _)) => format!("Pod {pod}, as far as the journal knows,"),
                None => "nobody knows who".to_owned(),
            };
            Ok((Expect { generation: known.generation, nonce: None }, holder))
        }
        None => Err(refused(format!("ticket {ticket} has no claim")).hint(command(["yoi", "why", ticket.as_str()]))),
    }
}

fn taker(registry: &Registry, pod: PodName) -> Result<Taker, Failure> {
    match registry.pod(&pod)? {
        Some(record) => Ok(Taker { role: record.role, pod }),
        None => Err(Failure::new(Exit::Refused, format!("there is no Pod {pod}")).hint("yoi status")),
    }
}

/// Asks for a reason where none was given, and for consent; gives the reason, or `None` where there is no consent.
fn agreed(
    cli: &mut Cli,
    ticket: &TicketId,
    holder: &str,
    to: Option<&Taker>,
    given: Option<String>,
) -> Result<Option<String>, Failure> {
    let reason = match given {
        Some(reason) => reason,
        None => match cli.ask("why is it reclaimed?")?.filter(|reason| !reason.is_empty()) {
            Some(reason) => reason,
            None => return Ok(None),
        },
    };
    let question = match to {
        Some(taker) => format!("give ticket {ticket} to Pod {}? {holder} had it", taker.pod),
        None => format!("free ticket {ticket}? {holder} had it"),
    };
    Ok(cli.confirm(&question)?.then_some(reason))
}
