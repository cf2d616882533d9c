//! `yoi why`: how a ticket or a Pod stands, with the evidence for it.

use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Meaning, age, local};
use crate::domain::{Claim, ClaimStatus, Expect, PodName, TicketId, Timestamp};
use crate::launch::{PodStatus, PodView, openers, view_pod};
use crate::registry::{ClaimView, JournalLine, Registry};

/// How many lines of the journal are shown.
const MAX_JOURNAL: usize = 8;

/// Explain how a ticket or a Pod stands: what was asked, what was read, what can be done
///
/// For people. On a terminal outside any Pod it ends with the complete command that frees a stale claim.
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
    // A ticket of this workspace by the beginning of its id, any tracker's ticket by its whole id, or a Pod by its name.
    let found = cli.setup().ok().and_then(|setup| setup.tickets().find(&args.name).ok());
    let ticket = found.clone().or_else(|| TicketId::new(&args.name).ok());
    if let Some(ticket) = ticket {
        let view = registry.view_claim(&ticket, &restorable);
        let told = registry.journal(Some(&ticket))?;
        if found.is_some() || view.is_some() || !told.is_empty() {
            return Explanation { registry: &registry, cli }.ticket(&ticket, view, &told);
        }
    }
    let pod = PodName::new(&args.name).map_err(|error| Failure::of(Exit::Usage, &error))?;
    let told: Vec<JournalLine> =
        registry.journal(None)?.into_iter().filter(|line| line.entry.pod.as_ref() == Some(&pod)).collect();
    match view_pod(&registry, &pod, &restorable) {
        Some(view) => Explanation { registry: &registry, cli }.pod(&pod, &view, &told),
        None if !told.is_empty() => Explanation { registry: &registry, cli }.pod_that_is_gone(&pod, &told),
        None => {
            let text = format!("there is no ticket and no Pod {:?} in this workspace", args.name);
            Err(Failure::new(Exit::Refused, text).hint("yoi status"))
        }
    }
}

struct Explanation<'a> {
    registry: &'a Registry,
    cli: &'a mut Cli,
}

impl Explanation<'_> {
    fn ticket(mut self, ticket: &TicketId, view: Option<ClaimView>, told: &[JournalLine]) -> Result<Exit, Failure> {
        let registry = self.registry;
        let lock = registry.ticket_lock_path(ticket);
        self.heading(&format!("ticket {ticket}"))?;
        let in_flight = registry.ticket_in_flight(ticket)?;
        match &view {
            None => self.line("free", "there is no claim file, and the ticket lock is not held")?,
            Some(view) => self.status(view)?,
        }
        self.heading("evidence")?;
        self.path("claim read", &registry.claim_path(ticket))?;
        self.path("ticket lock asked", &lock)?;
        self.line("it said", &in_flight.map_or("free".to_owned(), |holder| format!("held: {holder}")))?;
        for process in openers(&lock) {
            self.line("has it open", &process)?;
        }
        if let Some(claim) = view.as_ref().and_then(|view| view.claim.as_ref()) {
            self.claim(claim)?;
        }
        self.journal(told)?;
        if let Some(view) = &view {
            self.what_to_do(ticket, view)?;
        }
        Ok(Exit::Done)
    }

    /// A Pod of which nothing is left but what the journal tells, such as one whose launch failed.
    fn pod_that_is_gone(mut self, pod: &PodName, told: &[JournalLine]) -> Result<Exit, Failure> {
        self.heading(&format!("Pod {pod}"))?;
        self.line("gone", "it has no directory")?;
        self.journal(told)?;
        Ok(Exit::Done)
    }

    fn pod(mut self, pod: &PodName, view: &PodView, told: &[JournalLine]) -> Result<Exit, Failure> {
        self.heading(&format!("Pod {pod}"))?;
        self.line("status", &format!("{}: {}", view.status, view.reason))?;
        self.heading("evidence")?;
        let lock = self.registry.pod_lock_path(pod);
        self.path("Pod lock asked", &lock)?;
        for process in openers(&lock) {
            self.line("has it open", &process)?;
        }
        self.path("record read", &self.registry.pod_dir(pod).join("pod.toml"))?;
        if let Some(record) = &view.record {
            self.line("role", record.role.as_str())?;
            self.line("profile", &record.profile)?;
            self.moment("made", record.created_at)?;
            for claim in self.registry.claims_of(record)? {
                self.line("holds", &format!("ticket {} (generation {})", claim.ticket, claim.generation))?;
            }
        }
        self.journal(told)?;
        self.heading("what to do")?;
        match view.status {
            PodStatus::Restorable => self.advice(&["yoi", "restore", pod.as_str()], "bring it back"),
            PodStatus::Live => self.line("ask", "its processes are named above; see yoi-recovery(7)"),
            status if status.is_live() => self.advice(&["yoi", "attach", pod.as_str()], "look at it"),
            _ => self.advice(&["yoi", "logs", pod.as_str()], "read what it said"),
        }?;
        Ok(Exit::Done)
    }

    fn status(&mut self, view: &ClaimView) -> Result<(), Failure> {
        let completed = view.claim.as_ref().is_some_and(|claim| claim.completed_at.is_some());
        let word = match view.status {
            ClaimStatus::Restorable => "stopped, restorable",
            other => other.as_str(),
        };
        let done = if completed { ", completed" } else { "" };
        self.line("status", &format!("{word}{done}: {}", view.reason))
    }

    fn claim(&mut self, claim: &Claim) -> Result<(), Failure> {
        let registry = self.registry;
        self.line("holder", &format!("Pod {} as {}, generation {}", claim.pod, claim.role, claim.generation))?;
        self.moment("accepted", claim.accepted_at)?;
        self.line("shown by", claim.evidence.as_str())?;
        if let Some(at) = claim.completed_at {
            self.moment("completed", at)?;
        }
        self.path("Pod lock asked", &registry.pod_lock_path(&claim.pod))?;
        let held = registry.pod_lives(&claim.pod)?;
        self.line("it said", if held { "held" } else { "free" })?;
        for process in openers(&registry.pod_lock_path(&claim.pod)) {
            self.line("has it open", &process)?;
        }
        self.path("Pod record", &registry.pod_dir(&claim.pod).join("pod.toml"))?;
        for old in &claim.previous {
            let text = format!(
                "Pod {} as {}, generation {}, {} {}",
                old.pod,
                old.role,
                old.generation,
                old.why,
                local(old.ended_at)
            );
            self.line("before", &text)?;
        }
        Ok(())
    }

    fn journal(&mut self, told: &[JournalLine]) -> Result<(), Failure> {
        if told.is_empty() {
            return Ok(());
        }
        self.heading("what happened")?;
        for line in &told[told.len().saturating_sub(MAX_JOURNAL)..] {
            let moment = line.at.parse::<Timestamp>().map(local).unwrap_or_else(|_| line.at.clone());
            let pod = line.entry.pod.as_ref().map(|pod| format!(" Pod {pod}")).unwrap_or_default();
            let why = line.entry.why.as_deref().unwrap_or_default();
            let mut words = why.lines();
            let first = words.next().map(|words| format!(": {words}")).unwrap_or_default();
            self.line(&moment, &format!("{}{pod} by {}{first}", line.entry.action, line.user))?;
            for more in words {
                self.cli.say(format_args!("    | {}", visible(more)))?;
            }
        }
        Ok(())
    }

    fn what_to_do(&mut self, ticket: &TicketId, view: &ClaimView) -> Result<(), Failure> {
        self.heading("what to do")?;
        let Some(claim) = &view.claim else {
            return match view.status {
                ClaimStatus::Launching => {
                    self.line("wait", "a launch is in flight; it commits a claim or leaves nothing")
                }
                _ => self.line("look", "read the file that is named above, and mend it or put it aside"),
            };
        };
        match view.status {
            ClaimStatus::Live => self.advice(&["yoi", "attach", claim.pod.as_str()], "look at its Pod"),
            ClaimStatus::Restorable => self.advice(&["yoi", "restore", claim.pod.as_str()], "bring its Pod back"),
            // Recovery is for people: an agent that reads this is told nothing that evicts another.
            ClaimStatus::Stale if self.cli.is_interactive() && !self.cli.is_inside_pod() => {
                let expect = Expect::from(claim).to_string();
                let words =
                    ["yoi-claim", "claim-release", ticket.as_str(), "--expect", &expect, "--reason", "its Pod is gone"];
                self.advice(&words, "free the ticket, if you are sure that its work is lost")
            }
            _ => self.line("ask", "a person decides; see yoi-recovery(7)"),
        }
    }

    fn heading(&mut self, text: &str) -> Result<(), Failure> {
        let paint = self.cli.paint();
        self.cli.say(paint.text(Meaning::Heading, visible(text)))
    }

    fn line(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let paint = self.cli.paint();
        self.cli.say(format_args!("  {} {}", paint.text(Meaning::Quiet, format_args!("{name}:")), visible(text)))
    }

    fn path(&mut self, name: &str, path: &std::path::Path) -> Result<(), Failure> {
        self.line(name, &command([path]))
    }

    fn moment(&mut self, name: &str, at: Timestamp) -> Result<(), Failure> {
        let text = format!("{} ({})", local(at), age(at, self.cli.now()));
        self.line(name, &text)
    }

    fn advice(&mut self, words: &[&str], purpose: &str) -> Result<(), Failure> {
        let paint = self.cli.paint();
        self.cli.say(format_args!(
            "  {}  {}",
            paint.text(Meaning::Name, command(words)),
            paint.text(Meaning::Quiet, purpose)
        ))
    }
}
