//! Relating tickets to each other, and asking who waits for whom.

use crate::domain::{TicketId, Timestamp};
use crate::fs::PathError;

use super::author::Author;
use super::error::{Blocker, ReadError, Standing, WriteError};
use super::links::{Edge, Links, Said};
use super::record::{Ticket, read_relations, relations_of};
use super::relation::{End, RELATIONS, Relation, RelationKind, RelationWord, RelationsError};
use super::state::State;
use super::store::{Tickets, local};
use super::thread::moment;
use super::transaction::Decision;
use super::tree::NewFile;
use super::work::Taken;

/// A relation between two tickets, as a person says it of the first.
#[derive(Debug, Clone)]
pub struct Relating<'a> {
    /// The ticket that it is said of.
    pub ticket: &'a TicketId,
    /// What it is.
    pub word: RelationWord,
    /// The other ticket.
    pub other: &'a TicketId,
}

impl<'a> Relating<'a> {
    /// Who says it, what, and of whom: the word from the other end turns it round.
    fn ends(&self) -> (&'a TicketId, RelationKind, &'a TicketId) {
        match self.word.end {
            End::Here => (self.ticket, self.word.kind, self.other),
            End::There => (self.other, self.word.kind, self.ticket),
        }
    }
}

impl Tickets {
    /// How all tickets relate to each other. What a ticket says that cannot be read is not among it.
    ///
    /// # Errors
    /// When the tickets cannot be listed.
    pub fn links(&self) -> Result<Links, PathError> {
        let mut said = Said::new();
        for id in self.local_ids()? {
            let is_there = |found: &Result<Option<Vec<u8>>, String>| !matches!(found, Ok(None));
            let raw = self.with_dir(&id, |dir| Ok(read_relations(dir)), is_there);
            let relations = match raw {
                Ok(Ok(None)) | Err(ReadError::NotFound { .. }) => continue,
                Ok(raw) => relations_of(raw, &id.dir(&self.root)),
                Err(error) => relations_of(Err(error.to_string()), &id.dir(&self.root)),
            };
            said.insert(id.ticket().clone(), relations);
        }
        Ok(Links::new(said))
    }

    /// What holds a ticket back: the tickets that must be done before it and are not.
    ///
    /// One that is not there, or whose state cannot be read, holds it back as well: nobody knows that it is done.
    pub fn blockers(&self, links: &Links, id: &TicketId) -> Vec<Blocker> {
        let blocker = |awaited: &TicketId| {
            let standing = match local(awaited).and_then(|id| self.summary(&id)) {
                Ok(summary) if matches!(summary.state, State::Done | State::Closed) => return None,
                Ok(summary) => Standing::Open(summary.state),
                Err(ReadError::NotFound { .. }) => Standing::Missing,
                Err(_) => Standing::Unreadable,
            };
            Some(Blocker { ticket: awaited.clone(), standing })
        };
        links.awaited(id).filter_map(blocker).collect()
    }

    /// Refuses to queue a ticket that something holds back. Under the writers' lock: nobody relates it meanwhile.
    pub(super) fn check_not_held_back(&self, ticket: &Ticket, to: Option<State>) -> Result<(), WriteError> {
        if to != Some(State::Queued) {
            return Ok(());
        }
        let own = ticket.relations.as_ref().map_err(|error| malformed(error.clone()))?;
        if let Some((line, why)) = own.first_unknown() {
            let file = self.root.join(ticket.id().as_str()).join(RELATIONS);
            let place = super::Place { file, line };
            return Err(malformed(RelationsError { place, why: why.to_owned() }));
        }
        match self.blockers(&self.links()?, ticket.id()) {
            blockers if blockers.is_empty() => Ok(()),
            blockers => Err(WriteError::Blocked { id: ticket.id().clone(), blockers }),
        }
    }

    /// Relates two tickets. A relation that stands already, said by either of them, is left as it is.
    ///
    /// # Errors
    /// When one of them is not there, they are the same, they would wait for each other, or it cannot be written.
    pub fn relate(
        &self,
        relating: &Relating,
        note: Option<&str>,
        author: &Author,
        now: Timestamp,
    ) -> Result<Taken, WriteError> {
        let (own, kind, target) = relating.ends();
        if own == target {
            return Err(WriteError::ToItself { id: own.clone() });
        }
        let relation = Relation::new(kind, target.clone(), note, author, moment(now));
        self.change(&local(own)?, |ticket| {
            let relations = ticket.relations.as_ref().map_err(|error| malformed(error.clone()))?;
            self.summary_or_missing(target)?;
            let links = self.links()?;
            let edge = Edge::of(own, &relation);
            if links.sayer(edge).is_some() {
                return Ok(Decision::Leave(Taken::Before));
            }
            if let Some((waiting, awaited)) = edge.wait()
                && let Some(mut circle) = links.way(awaited, waiting)
            {
                circle.insert(0, waiting.clone());
                return Err(WriteError::Circle { circle });
            }
            let mut files = self.edited(ticket, None, &[], now)?;
            files.push(NewFile::new(RELATIONS, relations.with_added(own, &relation)));
            Ok(Decision::Write(files, Taken::Now))
        })
    }

    /// Takes a relation away, whichever of both tickets says it.
    ///
    /// # Errors
    /// When the ticket that says it is not there, or it cannot be written.
    pub fn unrelate(&self, relating: &Relating, now: Timestamp) -> Result<Taken, WriteError> {
        let (own, kind, target) = relating.ends();
        let edge = Edge::new(kind, own, target);
        let mut taken = Taken::Before;
        // Both may say it.
        while let Some(sayer) = self.links()?.sayer(edge).cloned() {
            taken = self.change(&local(&sayer)?, |ticket| {
                let relations = ticket.relations.as_ref().map_err(|error| malformed(error.clone()))?;
                let Some(without) = relations.without(|relation| Edge::of(&sayer, relation) == edge) else {
                    return Ok(Decision::Leave(Taken::Before));
                };
                let mut files = self.edited(ticket, None, &[], now)?;
                files.push(NewFile::new(RELATIONS, without));
                Ok(Decision::Write(files, Taken::Now))
            })?;
        }
        Ok(taken)
    }

    /// Refuses a ticket that is not there; one that cannot be read is.
    fn summary_or_missing(&self, id: &TicketId) -> Result<(), WriteError> {
        match local(id).and_then(|id| self.summary(&id)) {
            Err(error @ ReadError::NotFound { .. }) => Err(error.into()),
            _ => Ok(()),
        }
    }
}

pub(super) fn malformed(error: RelationsError) -> WriteError {
    ReadError::Malformed { place: error.place, why: error.why }.into()
}
