//! How all tickets relate to each other: both ends of every relation, and who waits for whom. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::TicketId;

use super::relation::{End, Relation, RelationKind, RelationWord, Relations, RelationsError};

/// The relations that each ticket says.
pub(super) type Said = BTreeMap<TicketId, Result<Relations, RelationsError>>;

/// A relation as one of its two tickets sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// What it is from here.
    pub word: RelationWord,
    /// The ticket at the other end; it need not be there.
    pub other: TicketId,
    /// Why, or how it is meant.
    pub note: Option<String>,
}

/// The relations of all tickets.
#[derive(Debug, Clone, Default)]
pub struct Links {
    said: Said,
    waits: BTreeMap<TicketId, BTreeSet<TicketId>>,
    of: BTreeMap<TicketId, Vec<Link>>,
}

/// A relation of which it does not matter which of both tickets says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge<'a> {
    kind: RelationKind,
    from: &'a TicketId,
    to: &'a TicketId,
}

impl<'a> Edge<'a> {
    /// What a ticket says.
    pub(super) fn of(own: &'a TicketId, relation: &'a Relation) -> Self {
        Self::new(relation.kind, own, &relation.target)
    }

    /// A relation from one ticket to another.
    pub(super) fn new(kind: RelationKind, from: &'a TicketId, to: &'a TicketId) -> Self {
        match kind {
            RelationKind::Blocks => Self { kind: RelationKind::DependsOn, from: to, to: from },
            RelationKind::Related => Self { kind, from: from.min(to), to: from.max(to) },
            RelationKind::DependsOn | RelationKind::Supersedes | RelationKind::DuplicateOf => Self { kind, from, to },
        }
    }

    /// Who waits for whom by it, if anybody does.
    pub(super) fn wait(self) -> Option<(&'a TicketId, &'a TicketId)> {
        (self.kind == RelationKind::DependsOn).then_some((self.from, self.to))
    }
}

impl Links {
    pub(super) fn new(said: Said) -> Self {
        let mut links = Self::default();
        for (own, relation) in
            said.iter().flat_map(|(own, said)| said.iter().flat_map(move |r| r.iter().map(move |r| (own, r))))
        {
            if let Some((waiting, awaited)) = Edge::of(own, relation).wait() {
                links.waits.entry(waiting.clone()).or_default().insert(awaited.clone());
            }
            let (kind, note) = (relation.kind, relation.note.clone());
            let link = |end, other: &TicketId| Link {
                word: RelationWord { kind, end: if kind == RelationKind::Related { End::Here } else { end } },
                other: other.clone(),
                note: note.clone(),
            };
            links.of.entry(own.clone()).or_default().push(link(End::Here, &relation.target));
            links.of.entry(relation.target.clone()).or_default().push(link(End::There, own));
        }
        Self { said, ..links }
    }

    /// What each ticket says.
    pub(super) fn said(&self) -> &Said {
        &self.said
    }

    /// All relations of a ticket, those that it says first.
    pub fn of(&self, id: &TicketId) -> Vec<Link> {
        let mut links = self.of.get(id).cloned().unwrap_or_default();
        links.sort_by_key(|link| link.word.end);
        links
    }

    /// The tickets that must be done before this one, whatever has become of them.
    pub fn awaited(&self, id: &TicketId) -> impl Iterator<Item = &TicketId> {
        self.waits.get(id).into_iter().flatten()
    }

    /// Whose file says a relation, from whichever end.
    pub(super) fn sayer(&self, wanted: Edge) -> Option<&TicketId> {
        let says = |(own, said): &(&TicketId, &Result<Relations, RelationsError>)| {
            said.as_ref().is_ok_and(|said| said.iter().any(|relation| Edge::of(own, relation) == wanted))
        };
        self.said.iter().find(says).map(|(own, _)| own)
    }

    /// Who says the same as a ticket does, from the other end.
    pub(super) fn other_sayer(&self, own: &TicketId, relation: &Relation) -> Option<&TicketId> {
        let wanted = Edge::of(own, relation);
        let (other, said) = self.said.get_key_value(&relation.target)?;
        let says = said.as_ref().is_ok_and(|said| said.iter().any(|relation| Edge::of(other, relation) == wanted));
        says.then_some(other)
    }

    /// The tickets by which one waits for another, both included; `None` where it does not.
    pub(super) fn way(&self, from: &TicketId, to: &TicketId) -> Option<Vec<TicketId>> {
        // Breadth first, so that the shortest way is told.
        let mut came_from: BTreeMap<&TicketId, &TicketId> = BTreeMap::new();
        let mut next = std::collections::VecDeque::from([from]);
        while let Some(here) = next.pop_front() {
            for there in self.awaited(here) {
                if !came_from.contains_key(there) {
                    came_from.insert(there, here);
                    next.push_back(there);
                }
            }
        }
        let mut way = vec![to.clone()];
        let mut here = *came_from.get(to)?;
        while here != from {
            way.push(here.clone());
            here = came_from.get(here)?;
        }
        way.push(from.clone());
        way.reverse();
        Some(way)
    }

    /// The circles in which tickets wait for each other: of each ticket that is in one, the shortest, every circle once.
    pub(super) fn circles(&self) -> Vec<Vec<TicketId>> {
        let mut told: BTreeSet<&TicketId> = BTreeSet::new();
        let mut circles = Vec::new();
        for id in self.in_circles() {
            if told.contains(id) {
                continue;
            }
            let Some(circle) = self.way(id, id) else { continue };
            told.extend(circle.iter().filter_map(|id| self.waits.get_key_value(id)).map(|(id, _)| id));
            circles.push(circle);
        }
        circles
    }

    /// What is left when tickets that wait for none of the others are taken away again and again: circles, and what
    /// waits for them.
    fn in_circles(&self) -> BTreeSet<&TicketId> {
        let mut left: BTreeMap<&TicketId, usize> = BTreeMap::new();
        let mut waiters: BTreeMap<&TicketId, Vec<&TicketId>> = BTreeMap::new();
        for (waiting, awaited) in self.waits.iter().flat_map(|(id, all)| all.iter().map(move |awaited| (id, awaited))) {
            // Who waits for nobody is in no circle.
            if self.waits.contains_key(awaited) {
                *left.entry(waiting).or_default() += 1;
                waiters.entry(awaited).or_default().push(waiting);
            } else {
                left.entry(waiting).or_default();
            }
        }
        let mut free: Vec<&TicketId> = left.iter().filter(|(_, awaited)| **awaited == 0).map(|(id, _)| *id).collect();
        while let Some(id) = free.pop() {
            left.remove(id);
            for waiting in waiters.remove(id).unwrap_or_default() {
                if let Some(awaited) = left.get_mut(waiting) {
                    *awaited -= 1;
                    free.extend((*awaited == 0).then_some(waiting));
                }
            }
        }
        left.into_keys().collect()
    }
}

#[cfg(test)]
#[path = "links_tests.rs"]
mod tests;
