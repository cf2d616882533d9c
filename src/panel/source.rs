//! Reads a workspace, all of it or one thing of it; what is read is the present, and nothing is remembered but how far the
//! journal was read.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::Mutex;

use crate::domain::{PodName, TicketId, chain};
use crate::fs::{self, LineEnd, LinePlace, PathError};
use crate::launch::{PodView, RestoreCheck, Setup, Surroundings, view_pod, view_pods};
use crate::registry::{ClaimView, JournalLine, Registry, Workspace};
use crate::ticket::{Listed, State, Tickets};

use super::known::{FailedLaunch, Piece, TicketSeen, pod_key};

/// How many tickets make it worth to start a thread.
const WORTH_A_THREAD: usize = 64;
/// The longest question that is kept, in characters.
const MAX_QUESTION: usize = 200;

/// Where a workspace is read.
#[derive(Debug, Clone)]
pub struct Source {
    registry: Registry,
    surroundings: Surroundings,
}

impl Source {
    /// The workspace of a registry.
    pub fn new(registry: Registry, surroundings: Surroundings) -> Self {
        Self { registry, surroundings }
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The workspace.
    pub fn workspace(&self) -> &Workspace {
        self.registry.workspace()
    }

    /// The workspace with its configuration as it is now; the defaults where that cannot be read.
    pub fn setup(&self) -> Setup {
        let (workspace, surroundings) = (self.workspace().clone(), self.surroundings.clone());
        Setup::load(workspace.clone(), surroundings.clone())
            .unwrap_or_else(|_| Setup::with_defaults(workspace, surroundings))
    }

    /// The same, or why it cannot be read.
    ///
    /// # Errors
    /// When the configuration is not as it must be.
    pub fn strict_setup(&self) -> Result<Setup, crate::ticket::ConfigError> {
        Setup::load(self.workspace().clone(), self.surroundings.clone())
    }

    /// The judge of what can be restored, by the configuration as it is now.
    pub fn restorable(&self) -> RestoreCheck {
        RestoreCheck::new(self.workspace().clone(), self.surroundings.clone())
    }

    /// Reads all tickets.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn tickets(&self) -> Result<Piece, PathError> {
        let tickets = self.setup().tickets();
        let ids = tickets.ids()?;
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(1 + ids.len() / WORTH_A_THREAD);
        let share = ids.len().div_ceil(threads).max(1);
        let found = Mutex::new(BTreeMap::new());
        std::thread::scope(|scope| {
            for ids in ids.chunks(share) {
                let (tickets, found) = (&tickets, &found);
                let work = move || {
                    let seen: Vec<_> = ids.iter().filter_map(|id| Some((id.key(), seen(tickets, id)?))).collect();
                    found.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend(seen);
                };
                // Here, where no other thread is to be had.
                if std::thread::Builder::new().spawn_scoped(scope, work).is_err() {
                    work();
                }
            }
        });
        Ok(Piece::Tickets(found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)))
    }

    /// Reads one ticket, and no other.
    pub fn ticket(&self, id: &TicketId) -> Piece {
        Piece::Ticket(id.key(), seen(&self.setup().tickets(), id))
    }

    /// Reads all claims.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn claims(&self) -> Result<Piece, PathError> {
        let claims = self.registry.survey(&self.restorable())?.claims;
        Ok(Piece::Claims(claims.into_iter().map(|view| (claim_key(&view), view)).collect()))
    }

    /// Reads one claim, and no other; `None` where the key does not tell whose it is.
    pub fn claim(&self, key: &str) -> Option<Piece> {
        let ticket = self.registry.ticket_of_key(key)?;
        Some(Piece::Claim(key.to_owned(), self.registry.view_claim(&ticket, &self.restorable())))
    }

    /// Reads all Pods, and asks those that live.
    ///
    /// # Errors
    /// When they cannot be listed.
    pub fn pods(&self) -> Result<Piece, PathError> {
        let named = |mut view: PodView| {
            // One that cannot be read is known by its key alone.
            if view.record.is_none()
                && let Some(name) = PodName::of_key(&view.pod)
            {
                view.pod = name.to_string();
            }
            (pod_key(&view.pod), view)
        };
        Ok(Piece::Pods(view_pods(&self.registry, &self.restorable())?.into_iter().map(named).collect()))
    }

    /// Reads one Pod, and asks it where it lives; `None` where the key does not tell whose it is.
    pub fn pod(&self, key: &str) -> Option<Piece> {
        let name = self.registry.pod_of_key(key)?;
        // A lock without a record is a Pod that is about to be, or has gone.
        let is_there = !matches!(self.registry.pod(&name), Ok(None));
        let view = is_there.then(|| view_pod(&self.registry, &name, &self.restorable())).flatten();
        Some(Piece::Pod(key.to_owned(), view))
    }
}

/// The key that a view of a claim was read by.
fn claim_key(view: &ClaimView) -> String {
    match &view.claim {
        Some(claim) => claim.ticket.key(),
        None => TicketId::new(&view.ticket).map_or_else(|_| view.ticket.clone(), |ticket| ticket.key()),
    }
}

fn seen(tickets: &Tickets, id: &TicketId) -> Option<TicketSeen> {
    let Listed { summary, .. } = tickets.look_up(id)?;
    let is_asked = matches!(&summary, Ok(summary) if matches!(summary.state, State::Planning | State::Intake));
    let question = is_asked.then(|| question(tickets, id)).flatten();
    Some(TicketSeen { summary: summary.map_err(|error| chain(&error)), question })
}

/// What the intake of a ticket asked last, where nobody has said anything since.
fn question(tickets: &Tickets, id: &TicketId) -> Option<String> {
    let ticket = tickets.read(id).ok()?;
    let last = ticket.thread.events.last()?;
    let is_question = last.kind == "comment" && last.author.as_deref() == Some("intake");
    let words = last.body.split_whitespace().collect::<Vec<_>>().join(" ");
    is_question.then(|| words.chars().take(MAX_QUESTION).collect())
}

/// The last launches of tickets that failed, read forward along the journal: each line once.
#[derive(Debug, Default)]
pub struct Failures {
    place: LinePlace,
    found: BTreeMap<String, FailedLaunch>,
}

impl Failures {
    /// Reads what was written since the last time.
    ///
    /// # Errors
    /// When the journal is there and cannot be read.
    pub fn read(&mut self, registry: &Registry) -> Result<Piece, PathError> {
        let path = registry.journal_path();
        let length = std::fs::symlink_metadata(&path).map_or(0, |meta| meta.len());
        if length < self.place.bytes {
            // It is another file by now.
            *self = Self::default();
        }
        if let Some(mut lines) = fs::read_lines_from(&path, self.place)? {
            let mut place = self.place;
            while let Some(line) = lines.next().transpose()? {
                if line.end == LineEnd::Torn {
                    // Its end may be on its way.
                    break;
                }
                place = lines.place();
                if let Ok(line) = serde_json::from_slice::<JournalLine>(&line.bytes) {
                    self.take(line);
                }
            }
            self.place = place;
        }
        Ok(Piece::Failures(self.found.clone()))
    }

    fn take(&mut self, line: JournalLine) {
        let Some(ticket) = line.entry.ticket else { return };
        match line.entry.action.as_str() {
            "launch_failed" => {
                let step = line.entry.step.map(|step| format!("at {step}: ")).unwrap_or_default();
                let why = format!("the launch failed {step}{}", line.entry.why.unwrap_or_default());
                self.found.insert(ticket.key(), FailedLaunch { at: line.at, why });
            }
            // A Pod has it, or had it since.
            _ if line.entry.generation.is_some() => drop(self.found.remove(&ticket.key())),
            _ => {}
        }
    }
}
