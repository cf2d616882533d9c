//! `yoi why`: how a ticket or a Pod stands, with the evidence for it.

use super::conversation::short;
use super::explanation::{Explanation, Named, named};
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::{ClaimStatus, Expect, PodName, TicketId};
use crate::launch::{PodStatus, PodView, view_pod};
use crate::registry::{ClaimView, JournalLine};

/// Explain how a ticket or a Pod stands: what was asked, what was read, what can be done
///
/// For people. On a terminal outside any Pod it ends with the complete command that ends a stale claim, or one that
/// cannot be read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Find out why a ticket cannot be launched on, by the beginning of its id:
    $ yoi why 20260118-10
  Find out what became of a Pod:
    $ yoi why intake-20260118-101544-001
")]
pub(super) struct Args {
    /// A ticket's id, or a Pod's name
    name: String,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let restorable = cli.restorable(&registry);
    let Named { ticket, is_here } = named(cli, &args.name)?;
    if let Some(ticket) = ticket {
        let view = registry.view_claim(&ticket, &restorable);
        let told = registry.journal(Some(&ticket))?;
        if is_here || view.is_some() || !told.is_empty() {
            return why_ticket(&ticket, view.as_ref(), &told, &mut Explanation { registry: &registry, cli });
        }
    }
    let pod = PodName::new(&args.name).map_err(|error| Failure::of(Exit::Usage, &error))?;
    let told: Vec<JournalLine> =
        registry.journal(None)?.into_iter().filter(|line| line.entry.pod.as_ref() == Some(&pod)).collect();
    let view = view_pod(&registry, &pod, &restorable);
    if view.is_none() && told.is_empty() {
        let text = format!("there is no ticket and no Pod {:?} in this workspace", args.name);
        return Err(Failure::new(Exit::Refused, text).hint("yoi status"));
    }
    why_pod(&pod, view.as_ref(), &told, &mut Explanation { registry: &registry, cli })
}

fn why_ticket(
    ticket: &TicketId,
    view: Option<&ClaimView>,
    told: &[JournalLine],
    shown: &mut Explanation<'_>,
) -> Result<Exit, Failure> {
    shown.ticket(ticket, view)?;
    shown.journal(told)?;
    let Some(view) = view else {
        if let Some(words) = evicting(ticket, None, shown) {
            shown.heading("what to do")?;
            advise(shown, &words, "make its tombstone anew, from which the next generation is counted")?;
        }
        return Ok(Exit::Done);
    };
    shown.heading("what to do")?;
    match (view.status, &view.claim) {
        (ClaimStatus::Launching, _) => {
            shown.line("wait", "a launch is in flight; it commits a claim or leaves nothing")?;
        }
        (ClaimStatus::Live, Some(claim)) => {
            let restorable = shown.cli.restorable(shown.registry);
            if let Some(view) = view_pod(shown.registry, &claim.pod, &restorable) {
                to_answer(&claim.pod, &view, shown)?;
            }
            shown.advice(&["yoi", "attach", claim.pod.as_str()], "look at its Pod")?;
        }
        (ClaimStatus::Restorable, Some(claim)) => {
            shown.advice(&["yoi", "restore", claim.pod.as_str()], "bring its Pod back")?;
        }
        (ClaimStatus::Stale, Some(_)) => match evicting(ticket, Some(view), shown) {
            Some(words) => advise(shown, &words, "free the ticket, if you are sure that its work is lost")?,
            None => shown.line("ask", "a person decides; see yoi-recovery(7)")?,
        },
        (_, claim) => {
            if claim.is_none() {
                shown
                    .line("look", "read the file that is named above; it is text, and may be mended with an editor")?;
            }
            match evicting(ticket, Some(view), shown) {
                Some(words) => advise(shown, &words, "free the ticket, if it cannot be mended and no Pod works on it")?,
                None => shown.line("ask", "a person decides; see yoi-recovery(7)")?,
            }
        }
    }
    Ok(Exit::Done)
}

/// The complete command that ends a claim, for a person at a terminal outside any Pod; `None` for all others, and where
/// no claim can be ended.
///
/// Recovery is for people: an agent that reads this is told nothing that evicts another.
fn evicting(ticket: &TicketId, view: Option<&ClaimView>, shown: &Explanation<'_>) -> Option<[String; 7]> {
    if !shown.cli.is_interactive() || shown.cli.is_inside_pod() {
        return None;
    }
    let (expect, reason) = match view.and_then(|view| view.claim.as_ref()) {
        Some(claim) => (Expect::from(claim), "its Pod is gone"),
        None => {
            let known = shown.registry.known_of_unreadable(ticket).ok()??;
            (Expect { generation: known.generation, nonce: None }, "its record cannot be read")
        }
    };
    let words = ["yoi-claim", "claim-reclaim", ticket.as_str(), "--expect", &expect.to_string(), "--reason", reason];
    Some(words.map(ToOwned::to_owned))
}

fn advise(shown: &mut Explanation<'_>, words: &[String], purpose: &str) -> Result<(), Failure> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    shown.advice(&words, purpose)
}

/// What a Pod's agent asks permission for, with the command that answers it.
fn to_answer(pod: &PodName, view: &PodView, shown: &mut Explanation<'_>) -> Result<(), Failure> {
    view.asks().iter().try_for_each(|asked| {
        let number = asked.request.to_string();
        let purpose = format!("answer what it asks ({}): {}", asked.about.kind, short(&asked.about.title));
        shown.advice(&["yoi", "answer", pod.as_str(), &number], &visible(&purpose))
    })
}

fn why_pod(
    pod: &PodName,
    view: Option<&PodView>,
    told: &[JournalLine],
    shown: &mut Explanation<'_>,
) -> Result<Exit, Failure> {
    shown.pod(pod, view)?;
    shown.journal(told)?;
    // Of a Pod that is gone nothing is left but what the journal tells, such as of one whose launch failed.
    let Some(view) = view else { return Ok(Exit::Done) };
    shown.heading("what to do")?;
    to_answer(pod, view, shown)?;
    match view.status {
        PodStatus::Restorable => shown.advice(&["yoi", "restore", pod.as_str()], "bring it back"),
        PodStatus::Live => shown.line("ask", "its processes are named above; see yoi-recovery(7)"),
        status if status.is_live() => shown.advice(&["yoi", "attach", pod.as_str()], "look at it"),
        _ => shown.advice(&["yoi", "logs", pod.as_str()], "read what it said"),
    }?;
    Ok(Exit::Done)
}
