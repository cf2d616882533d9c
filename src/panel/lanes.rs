//! Reading, off the screen's thread: one thread for tickets, one for claims, one for Pods, which may have to be asked and
//! may be slow to answer, and one for what is shown of the selected row.
//!
//! Each thread reads in the order in which it was asked, so that what it tells later is never older than what it told
//! before. What was asked several times meanwhile is read once.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use crate::domain::{TicketId, chain};

use super::detail::read_detail;
use super::known::{Piece, RowId};
use super::model::Action;
use super::source::{Failures, Source};

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// All tickets.
    Tickets,
    /// One ticket.
    Ticket(TicketId),
    /// All claims.
    Claims,
    /// One claim, by its key.
    Claim(String),
    /// What was written into the journal.
    Journal,
    /// All Pods.
    Pods,
    /// One Pod, by its key.
    Pod(String),
    /// What is known of a row: its ticket, where there is one, and its Pod.
    Detail(RowId, Option<String>, Option<String>),
}

/// What is read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// Tickets.
    Tickets,
    /// Claims and the journal.
    Claims,
    /// Pods.
    Pods,
    /// The selected row.
    Detail,
}

impl Ask {
    /// Which thread reads it.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Tickets | Self::Ticket(_) => Lane::Tickets,
            Self::Claims | Self::Claim(_) | Self::Journal => Lane::Claims,
            Self::Pods | Self::Pod(_) => Lane::Pods,
            Self::Detail(..) => Lane::Detail,
        }
    }
}

/// The threads that read.
#[derive(Debug)]
pub struct Lanes {
    lanes: Vec<(Lane, Sender<Ask>)>,
}

impl Lanes {
    /// Starts them; what they read goes to `sender`.
    pub fn start(source: &Source, sender: &Sender<Action>) -> Self {
        let start = |lane| {
            let (asks, asked) = mpsc::channel();
            let (source, sender) = (source.clone(), sender.clone());
            thread::spawn(move || serve(lane, &source, &asked, &sender));
            (lane, asks)
        };
        Self { lanes: [Lane::Tickets, Lane::Claims, Lane::Pods, Lane::Detail].map(start).into() }
    }

    /// Has something read.
    pub fn ask(&self, ask: Ask) {
        let lane = self.lanes.iter().find(|(lane, _)| *lane == ask.lane());
        // A thread ends only with the panel.
        let _ = lane.map(|(_, asks)| asks.send(ask));
    }
}

fn serve(lane: Lane, source: &Source, asked: &Receiver<Ask>, sender: &Sender<Action>) {
    let mut failures = Failures::default();
    while let Ok(first) = asked.recv() {
        let asks: Vec<Ask> = std::iter::once(first).chain(asked.try_iter()).collect();
        let told = match lane {
            Lane::Detail => {
                // Only the last row is still selected.
                let Some(Ask::Detail(id, ticket, pod)) = asks.into_iter().next_back() else { continue };
                let detail = read_detail(source, ticket.as_deref(), pod.as_deref());
                sender.send(Action::Detail(id, detail))
            }
            _ => {
                let served = asks.len();
                let (pieces, why) = read(source, &mut failures, asks.into_iter().collect());
                sender.send(Action::Read { lane, pieces, served, why })
            }
        };
        if told.is_err() {
            return;
        }
    }
}

/// Reads what was asked; what is part of a whole that was asked too is not read twice.
fn read(source: &Source, failures: &mut Failures, asks: BTreeSet<Ask>) -> (Vec<Piece>, Option<String>) {
    let has = |whole: &Ask| asks.contains(whole);
    let mut pieces = Vec::new();
    let mut why = None;
    for ask in &asks {
        let piece = match ask {
            Ask::Ticket(_) if has(&Ask::Tickets) => continue,
            Ask::Claim(_) if has(&Ask::Claims) => continue,
            Ask::Pod(_) if has(&Ask::Pods) => continue,
            Ask::Tickets => source.tickets(),
            Ask::Ticket(id) => Ok(source.ticket(id)),
            Ask::Claims => source.claims(),
            // Whose it is only its neighbours tell.
            Ask::Claim(key) => source.claim(key).map_or_else(|| source.claims(), Ok),
            Ask::Journal => failures.read(source.registry()),
            Ask::Pods => source.pods(),
            Ask::Pod(key) => source.pod(key).map_or_else(|| source.pods(), Ok),
            Ask::Detail(..) => continue,
        };
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => why = Some(chain(&error)),
        }
    }
    (pieces, why)
}
