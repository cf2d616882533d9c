//! Bare `yoi`: how things stand, and what to do next.

use super::status::StandingRow;
use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Meaning};
use crate::domain::ClaimStatus;
use crate::launch::{Overview, Standing, overview};
use crate::ticket::{State, Summary};

/// How many things to do next are named.
const MAX_NEXT: usize = 5;

pub(super) fn run(cli: &mut Cli) -> Result<Exit, Failure> {
    let workspace = cli.workspace()?;
    if !workspace.root.join(".yoi").is_dir() {
        cli.say("this is no workspace yet")?;
        let todo = [
            (cli.command(["yoi", "init"]), "make this directory one".to_owned()),
            (cli.command(["yoi", "demo"]), "see what yoi does, in a throw-away directory".to_owned()),
        ];
        next(cli, &todo)?;
        return Ok(Exit::Done);
    }
    let registry = cli.registry()?;
    let (setup, configured) = cli.setup_or_defaults()?;
    let mut found = overview(&registry, &setup, &cli.restorable(&registry))?;
    found.standings.retain(|standing| !standing.is_closed());
    let todo = what_next(&found, cli);
    let rows: Vec<StandingRow> = found.standings.into_iter().map(StandingRow).collect();
    super::moved::suggest(&registry, cli);
    if rows.is_empty() {
        cli.say("no ticket is claimed, and no Pod is there")?;
    } else {
        cli.printer(&OutputArgs::default())?.list(&rows)?;
    }
    next(cli, &todo)?;
    Ok(match cli.warn_of_unreadable(found.unreadable) {
        Exit::Done => configured,
        exit => exit,
    })
}

/// Commands with what they are for, most pressing first.
fn what_next(found: &Overview, cli: &Cli) -> Vec<(String, String)> {
    let asking = found.standings.iter().filter(|standing| standing.asks()).filter_map(|standing| standing.pod.as_ref());
    let mut todo: Vec<_> = asking
        .map(|view| {
            (cli.command(["yoi", "answer", view.pod.as_str()]), format!("Pod {} asks for permission", view.pod))
        })
        .collect();
    for standing in &found.standings {
        let Some(view) = &standing.claim else { continue };
        let completed = view.claim.as_ref().is_some_and(|claim| claim.completed_at.is_some());
        match (view.status, &view.claim) {
            (ClaimStatus::Stale | ClaimStatus::Unknown, _) => {
                todo.push((cli.command(["yoi", "why", &view.ticket]), format!("ticket {} needs you", view.ticket)));
            }
            (ClaimStatus::Live, Some(claim)) if !standing.asks() => {
                todo.push((cli.command(["yoi", "attach", claim.pod.as_str()]), format!("look at Pod {}", claim.pod)));
            }
            (ClaimStatus::Restorable, Some(claim)) if !completed => {
                todo.push((
                    cli.command(["yoi", "restore", claim.pod.as_str()]),
                    format!("bring Pod {} back", claim.pod),
                ));
            }
            _ => {}
        }
    }
    for ticket in found.unclaimed.iter().filter(|ticket| matches!(ticket.state, State::Planning | State::Intake)) {
        todo.push((cli.command(["yoi", "intake", ticket.id.as_str()]), ticket.title.clone()));
    }
    todo.extend(of_the_queue(found, cli));
    if todo.is_empty() {
        todo.push((cli.command(["yoi", "ticket", "new", "TITLE"]), "make a ticket".to_owned()));
    }
    todo
}

/// What there is to do for tickets that nobody works on: to put them into the queue, and to take one out of it.
fn of_the_queue(found: &Overview, cli: &Cli) -> Vec<(String, String)> {
    let is_left = |standing: &&Standing| {
        let view = standing.claim.as_ref();
        let stopped = view.is_some_and(|view| matches!(view.status, ClaimStatus::Restorable | ClaimStatus::Stale));
        stopped && view.and_then(|view| view.claim.as_ref()).is_some_and(|claim| claim.completed_at.is_some())
    };
    let completed = found.standings.iter().filter(is_left).filter_map(|standing| standing.ticket.as_ref());
    let left: Vec<&Summary> = completed.chain(&found.unclaimed).collect();
    let of = |state: State| left.iter().filter(move |ticket| ticket.state == state);
    let mut todo = Vec::new();
    if of(State::Queued).next().is_some() {
        let waiting = of(State::Queued).count();
        let purpose = if waiting == 1 { "1 ticket waits".to_owned() } else { format!("{waiting} tickets wait") };
        todo.push((cli.command(["yoi", "next", "--role", "coder"]), format!("{purpose} in the queue")));
    }
    todo.extend(
        of(State::Ready).map(|ticket| (cli.command(["yoi", "queue", ticket.id.as_str()]), ticket.title.clone())),
    );
    todo
}

fn next(cli: &mut Cli, todo: &[(String, String)]) -> Result<(), Failure> {
    let paint = cli.paint();
    cli.say(format_args!("\n{}", paint.text(Meaning::Heading, "next")))?;
    for (command, purpose) in todo.iter().take(MAX_NEXT) {
        cli.say(format_args!(
            "  {}  {}",
            paint.text(Meaning::Name, command),
            paint.text(Meaning::Quiet, visible(purpose))
        ))?;
    }
    Ok(())
}
