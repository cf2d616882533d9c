//! What `yoi why` and `yoi reclaim` show of a ticket or a Pod: how it stands, with the evidence for that, in words.

use std::path::Path;

use super::conversation::short;
use super::journal::{last_lines, show_line};
use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Failure, Meaning, age, local};
use crate::domain::{Claim, ClaimStatus, PodName, TicketId, Timestamp, chain};
use crate::fs::{self, PathError};
use crate::launch::{PodView, openers};
use crate::registry::{ClaimView, JournalLine, Registry};
use crate::ticket::FindError;

/// How many lines of the journal are shown.
const MAX_JOURNAL: usize = 8;
/// How much of a log is read for its last lines, in bytes.
const LOG_TAIL: u64 = 4096;

/// Shows evidence, heading by heading.
pub(super) struct Explanation<'a> {
    pub(super) registry: &'a Registry,
    pub(super) cli: &'a mut Cli,
}

impl Explanation<'_> {
    /// How a ticket stands: which files were read, which locks were asked, and what they said.
    pub(super) fn ticket(&mut self, ticket: &TicketId, view: Option<&ClaimView>) -> Result<(), Failure> {
        let registry = self.registry;
        self.heading(&format!("ticket {ticket}"))?;
        match view {
            None => self.line("free", "there is no claim file, and the ticket lock is not held")?,
            Some(view) => self.status(view)?,
        }
        self.heading("evidence")?;
        self.path("claim read", &registry.claim_path(ticket))?;
        match registry.claim(ticket) {
            Ok(None) => self.line("it said", "there is no such file")?,
            Ok(Some(claim)) => {
                self.line("it said", &format!("generation {} of Pod {}", claim.generation, claim.pod))?
            }
            Err(error) => self.line("it said", &format!("nothing that can be relied on: {}", chain(&error)))?,
        }
        self.lock("ticket lock asked", &registry.ticket_lock_path(ticket), registry.ticket_in_flight(ticket))?;
        match view.and_then(|view| view.claim.as_ref()) {
            Some(claim) => self.holder(claim),
            None => self.former(ticket),
        }
    }

    /// Who holds a claim, and what shows whether that Pod lives.
    fn holder(&mut self, claim: &Claim) -> Result<(), Failure> {
        let registry = self.registry;
        self.line("holder", &format!("Pod {} as {}, generation {}", claim.pod, claim.role, claim.generation))?;
        self.moment("accepted", claim.accepted_at)?;
        self.line("shown by", claim.evidence.as_str())?;
        if let Some(at) = claim.completed_at {
            self.moment("completed", at)?;
        }
        self.pod_lock(&claim.pod)?;
        self.record(&claim.pod)?;
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
        if matches!(registry.pod_lives(&claim.pod), Ok(false)) { self.log(&claim.pod) } else { Ok(()) }
    }

    /// What is known of a ticket without a claim, or with one that cannot be read.
    fn former(&mut self, ticket: &TicketId) -> Result<(), Failure> {
        let tombstone = self.registry.tombstone_path(ticket);
        if fs::is_there(&tombstone)? {
            self.path("tombstone read", &tombstone)?;
        }
        match self.registry.known_of_unreadable(ticket) {
            Ok(None) => Ok(()),
            Ok(Some(known)) => {
                let holder = known.holder.map(|(pod, role)| format!(", of Pod {pod} as {role}")).unwrap_or_default();
                let text = match known.generation {
                    0 => "journal and tombstone know of no claim".to_owned(),
                    generation => {
                        format!("generation {generation} is the last that journal and tombstone know{holder}")
                    }
                };
                self.line("known besides", &text)
            }
            Err(error) => self.line("known besides", &format!("nothing: {}", chain(&error))),
        }
    }

    /// What shows how a Pod stands.
    pub(super) fn pod(&mut self, pod: &PodName, view: Option<&PodView>) -> Result<(), Failure> {
        let registry = self.registry;
        self.heading(&format!("Pod {pod}"))?;
        match view {
            Some(view) => self.line("status", &format!("{}: {}", view.status, view.reason))?,
            None => self.line("gone", "it has no directory, and its lock is not held")?,
        }
        self.heading("evidence")?;
        self.pod_lock(pod)?;
        self.record(pod)?;
        self.path("session read", &registry.session_path(pod))?;
        match registry.session(pod) {
            Ok(None) => self.line("it said", "there is no such file")?,
            Ok(Some(session)) => self.line("it said", &format!("{}, as {}", session.origin, session.role))?,
            Err(error) => self.line("it said", &format!("nothing that can be relied on: {}", chain(&error)))?,
        }
        let Some(view) = view else { return Ok(()) };
        if view.status.is_live() {
            self.path("socket asked", &registry.socket_path(pod))?;
        }
        for asked in view.asks() {
            self.line(
                "asks",
                &format!("request {} ({}): {}", asked.request, asked.about.kind, short(&asked.about.title)),
            )?;
        }
        if let Some(record) = &view.record {
            self.line("role", record.role.as_str())?;
            self.line("profile", &record.profile)?;
            if let Some(worktree) = &record.worktree {
                self.path("worktree", &worktree.path())?;
                self.line("branch", &worktree.branch)?;
            }
            self.moment("made", record.created_at)?;
            for claim in registry.claims_of(record)? {
                self.line("holds", &format!("ticket {} (generation {})", claim.ticket, claim.generation))?;
            }
        }
        if view.status.is_live() { Ok(()) } else { self.log(pod) }
    }

    /// What the journal tells, the newest last.
    pub(super) fn journal(&mut self, told: &[JournalLine]) -> Result<(), Failure> {
        if told.is_empty() {
            return Ok(());
        }
        self.heading("what happened")?;
        let newest = &told[told.len().saturating_sub(MAX_JOURNAL)..];
        newest.iter().try_for_each(|line| show_line(line, "  ", self.cli))
    }

    /// The last words of a Pod that does not live; a log that cannot be read says so.
    fn log(&mut self, pod: &PodName) -> Result<(), Failure> {
        let path = self.registry.pod_dir(pod).join("host.log");
        let told = match fs::read_tail(&path, LOG_TAIL) {
            Ok(None) => return Ok(()),
            Ok(Some((bytes, _))) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => return self.line("log", &chain(&error)),
        };
        self.path("log read", &path)?;
        if told.trim().is_empty() {
            return self.line("it said", "nothing");
        }
        last_lines(&told).into_iter().try_for_each(|line| self.quoted(line))
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

    fn pod_lock(&mut self, pod: &PodName) -> Result<(), Failure> {
        let path = self.registry.pod_lock_path(pod);
        let held = self.registry.pod_lives(pod).map(|lives| lives.then(String::new));
        self.lock("Pod lock asked", &path, held)
    }

    /// A lock, what it said, and who has it open.
    fn lock(&mut self, name: &str, path: &Path, holder: Result<Option<String>, PathError>) -> Result<(), Failure> {
        self.path(name, path)?;
        match &holder {
            Ok(None) => self.line("it said", "free")?,
            Ok(Some(holder)) if holder.is_empty() => self.line("it said", "held")?,
            Ok(Some(holder)) => self.line("it said", &format!("held: {holder}"))?,
            Err(error) => self.line("it said", &format!("nothing that can be relied on: {}", chain(error)))?,
        }
        openers(path).iter().try_for_each(|process| self.line("has it open", process))
    }

    fn record(&mut self, pod: &PodName) -> Result<(), Failure> {
        self.path("Pod record read", &self.registry.pod_dir(pod).join("pod.toml"))?;
        match self.registry.pod(pod) {
            Ok(None) => self.line("it said", "there is no such file"),
            Ok(Some(record)) => self.line("it said", &format!("Pod {} as {}", record.pod_id, record.role)),
            Err(error) => self.line("it said", &format!("nothing that can be relied on: {}", chain(&error))),
        }
    }

    pub(super) fn heading(&mut self, text: &str) -> Result<(), Failure> {
        let paint = self.cli.paint();
        self.cli.say(paint.text(Meaning::Heading, visible(text)))
    }

    pub(super) fn line(&mut self, name: &str, text: &str) -> Result<(), Failure> {
        let paint = self.cli.paint();
        self.cli.say(format_args!("  {} {}", paint.text(Meaning::Quiet, format_args!("{name}:")), visible(text)))
    }

    pub(super) fn advice(&mut self, words: &[&str], purpose: &str) -> Result<(), Failure> {
        let (paint, line) = (self.cli.paint(), self.cli.command(words));
        self.cli.say(format_args!("  {}  {}", paint.text(Meaning::Name, line), paint.text(Meaning::Quiet, purpose)))
    }

    fn quoted(&mut self, line: &str) -> Result<(), Failure> {
        self.cli.say(format_args!("    | {}", visible(line)))
    }

    fn path(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        self.line(name, &command([path]))
    }

    fn moment(&mut self, name: &str, at: Timestamp) -> Result<(), Failure> {
        let text = format!("{} ({})", local(at), age(at, self.cli.now()));
        self.line(name, &text)
    }
}

/// A ticket of this workspace by the beginning of its id, or any tracker's ticket by its whole id.
pub(super) struct Named {
    /// The ticket, where the text can be one's id.
    pub(super) ticket: Option<TicketId>,
    /// Whether this workspace has it.
    pub(super) is_here: bool,
}

/// Tells which ticket a person means.
///
/// # Errors
/// When several ids of this workspace begin like that, and no other tracker's ticket that somebody holds is meant.
pub(super) fn named(cli: &Cli, text: &str) -> Result<Named, Failure> {
    let whole = TicketId::new(text).ok();
    let is_held = |id: &TicketId| cli.registry().is_ok_and(|registry| !matches!(registry.claim(id), Ok(None)));
    let here = match cli.setup().ok().map(|setup| setup.tickets().find(text)) {
        Some(Ok(id)) => Some(id),
        Some(Err(error @ FindError::Ambiguous { .. })) if !whole.as_ref().is_some_and(is_held) => {
            return Err(error.into());
        }
        _ => None,
    };
    Ok(Named { is_here: here.is_some(), ticket: here.or(whole) })
}
