//! What was read of a workspace, piece by piece, and which rows a piece has to do with. Pure.
//!
//! Every piece stands for one thing on disk as it was at one moment. Taking pieces in one by one leads to the same as taking
//! in a reading of everything, and what one piece costs does not depend on how many things there are.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{ClaimStatus, PodName, TicketId};
use crate::launch::{PodStatus, PodView};
use crate::registry::ClaimView;
use crate::ticket::Summary;

/// A row: a ticket, or a Pod that belongs to none. Each by its key, which is what a file's name is made of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowId {
    /// A ticket, here or in some other tracker.
    Ticket(String),
    /// A Pod.
    Pod(String),
}

/// A ticket of this workspace, as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketSeen {
    /// What a list shows of it, or why it cannot be read.
    pub summary: Result<Summary, String>,
    /// The question of its intake that nobody has answered yet.
    pub question: Option<String>,
}

/// A launch on a ticket that failed, and that no claim came after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedLaunch {
    /// When, as the journal has it.
    pub at: String,
    /// Why, and at which step.
    pub why: String,
}

/// A thing as it was read, or several of a kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// All tickets.
    Tickets(BTreeMap<String, TicketSeen>),
    /// One ticket; `None` where it is gone.
    Ticket(String, Option<TicketSeen>),
    /// All claims and launches in flight.
    Claims(BTreeMap<String, ClaimView>),
    /// One claim or launch in flight; `None` where the ticket is free.
    Claim(String, Option<ClaimView>),
    /// All Pods.
    Pods(BTreeMap<String, PodView>),
    /// One Pod; `None` where it is gone.
    Pod(String, Option<PodView>),
    /// The last launch of each ticket, where it failed.
    Failures(BTreeMap<String, FailedLaunch>),
}

/// The rows that a piece has to do with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// Any.
    All,
    /// These, of which some may look as before.
    Rows(BTreeSet<RowId>),
}

/// What is known of a workspace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    tickets: BTreeMap<String, TicketSeen>,
    claims: BTreeMap<String, ClaimView>,
    pods: BTreeMap<String, PodView>,
    failures: BTreeMap<String, FailedLaunch>,
    /// Those that the user has taken off the screen, by ticket.
    dismissed: BTreeMap<String, FailedLaunch>,
    /// The tickets that each Pod has claims on.
    holds: BTreeMap<String, BTreeSet<String>>,
    /// The Pods that bear the id of each ticket in their names.
    named_after: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    /// Takes in a piece.
    pub fn take(&mut self, piece: Piece) -> Touched {
        match piece {
            Piece::Tickets(tickets) => {
                self.tickets = tickets;
                Touched::All
            }
            Piece::Claims(claims) => {
                self.holds.clear();
                self.claims.clear();
                claims.into_iter().for_each(|(key, view)| self.put_claim(key, Some(view)));
                Touched::All
            }
            Piece::Pods(pods) => {
                self.named_after.clear();
                self.pods.clear();
                pods.into_iter().for_each(|(key, view)| self.put_pod(key, Some(view)));
                Touched::All
            }
            Piece::Ticket(key, seen) => {
                put(&mut self.tickets, key.clone(), seen);
                Touched::Rows(self.around_ticket(&key))
            }
            Piece::Claim(key, view) => {
                let mut rows = self.around_claim(&key);
                self.put_claim(key.clone(), view);
                rows.extend(self.around_claim(&key));
                Touched::Rows(rows)
            }
            Piece::Pod(key, view) => {
                let mut rows = self.around_pod(&key);
                self.put_pod(key.clone(), view);
                rows.extend(self.around_pod(&key));
                Touched::Rows(rows)
            }
            Piece::Failures(failures) => {
                let before = std::mem::replace(&mut self.failures, failures);
                let changed = |(key, failed): &(&String, &FailedLaunch)| self.failures.get(*key) != Some(*failed);
                let gone: Vec<RowId> =
                    before.iter().filter(changed).map(|(key, _)| RowId::Ticket(key.clone())).collect();
                let new = self.failures.iter().filter(|(key, failed)| before.get(*key) != Some(*failed));
                Touched::Rows(new.map(|(key, _)| RowId::Ticket(key.clone())).chain(gone).collect())
            }
        }
    }

    /// Every row that there may be.
    pub fn rows(&self) -> BTreeSet<RowId> {
        let tickets = self.tickets.keys().chain(self.claims.keys()).map(|key| RowId::Ticket(key.clone()));
        tickets.chain(self.pods.keys().map(|key| RowId::Pod(key.clone()))).collect()
    }

    /// A ticket of this workspace.
    pub fn ticket(&self, key: &str) -> Option<&TicketSeen> {
        self.tickets.get(key)
    }

    /// The claim on a ticket.
    pub fn claim(&self, key: &str) -> Option<&ClaimView> {
        self.claims.get(key)
    }

    /// A Pod.
    pub fn pod(&self, key: &str) -> Option<&PodView> {
        self.pods.get(key)
    }

    /// All Pods, by key.
    pub fn pods(&self) -> impl Iterator<Item = (&String, &PodView)> {
        self.pods.iter()
    }

    /// The launch that failed last on a ticket.
    pub fn failure(&self, key: &str) -> Option<&FailedLaunch> {
        self.failures.get(key).filter(|failed| self.dismissed.get(key) != Some(failed))
    }

    /// Takes the launch that failed last on a ticket off the screen.
    pub fn dismiss(&mut self, key: &str) -> Touched {
        if let Some(failed) = self.failures.get(key) {
            self.dismissed.insert(key.to_owned(), failed.clone());
        }
        Touched::Rows(BTreeSet::from([RowId::Ticket(key.to_owned())]))
    }

    /// The tickets that a Pod has claims on.
    pub fn held_by(&self, pod: &str) -> impl Iterator<Item = &String> {
        self.holds.get(pod).into_iter().flatten()
    }

    /// The Pod of a ticket's row: that of its claim, else one that has no claim and is named after the ticket.
    pub fn pod_of_ticket(&self, key: &str) -> Option<&PodView> {
        match self.claims.get(key) {
            Some(view) if view.claim.is_some() => {
                let claim = view.claim.as_ref()?;
                let same = |pod: &&PodView| {
                    claim.pod_id.is_none() || pod.record.as_ref().map(|record| record.pod_id) == claim.pod_id
                };
                self.pods.get(&claim.pod.key()).filter(same)
            }
            // Who holds it is unknown, and no name tells.
            Some(view) if view.status != ClaimStatus::Launching => None,
            _ => self.pods.get(self.guest(key)?),
        }
    }

    /// The Pod that is shown with a ticket because of its name; a live one, where there are several.
    fn guest(&self, key: &str) -> Option<&String> {
        let is_shown = self.tickets.contains_key(key) || self.claims.contains_key(key);
        let is_free =
            self.claims.get(key).is_none_or(|view| view.claim.is_none() && view.status == ClaimStatus::Launching);
        let named = self.named_after.get(key).filter(|_| is_shown && is_free)?;
        let without_claim = named.iter().filter(|pod| self.held_by(pod).next().is_none());
        without_claim.min_by_key(|pod| match self.pods[*pod].status {
            status if status.is_live() => 0,
            PodStatus::Restorable => 1,
            _ => 2,
        })
    }

    /// Whether a Pod is shown in the row of a ticket.
    pub fn is_with_ticket(&self, pod: &str) -> bool {
        self.held_by(pod).next().is_some()
            || self.pods.get(pod).is_some_and(|view| {
                ids_in(&view.pod).iter().any(|ticket| self.guest(ticket).is_some_and(|guest| guest == pod))
            })
    }

    fn put_claim(&mut self, key: String, view: Option<ClaimView>) {
        let pod_of = |view: &ClaimView| view.claim.as_ref().map(|claim| claim.pod.key());
        if let Some(pod) = self.claims.get(&key).and_then(pod_of) {
            forget(&mut self.holds, &pod, &key);
        }
        if let Some(pod) = view.as_ref().and_then(pod_of) {
            self.holds.entry(pod).or_default().insert(key.clone());
        }
        put(&mut self.claims, key, view);
    }

    fn put_pod(&mut self, key: String, view: Option<PodView>) {
        for ticket in self.pods.get(&key).map(|old| ids_in(&old.pod)).unwrap_or_default() {
            forget(&mut self.named_after, &ticket, &key);
        }
        for ticket in view.as_ref().map(|new| ids_in(&new.pod)).unwrap_or_default() {
            self.named_after.entry(ticket).or_default().insert(key.clone());
        }
        put(&mut self.pods, key, view);
    }

    fn around_ticket(&self, key: &str) -> BTreeSet<RowId> {
        let named = self.named_after.get(key).into_iter().flatten().map(|pod| RowId::Pod(pod.clone()));
        named.chain([RowId::Ticket(key.to_owned())]).collect()
    }

    fn around_claim(&self, key: &str) -> BTreeSet<RowId> {
        let mut rows = self.around_ticket(key);
        let pod = self.claims.get(key).and_then(|view| view.claim.as_ref()).map(|claim| claim.pod.clone());
        if let Some(pod) = pod {
            rows.insert(RowId::Pod(pod.key()));
            rows.extend(ids_in(pod.as_str()).iter().flat_map(|ticket| self.around_ticket(ticket)));
        }
        rows
    }

    /// The rows that have to do with a Pod.
    pub(super) fn around_pod(&self, key: &str) -> BTreeSet<RowId> {
        let mut rows = BTreeSet::from([RowId::Pod(key.to_owned())]);
        rows.extend(self.held_by(key).map(|ticket| RowId::Ticket(ticket.clone())));
        let named = self.pods.get(key).map(|view| ids_in(&view.pod)).unwrap_or_default();
        rows.extend(named.iter().flat_map(|ticket| self.around_ticket(ticket)));
        rows
    }
}

fn put<T>(map: &mut BTreeMap<String, T>, key: String, value: Option<T>) {
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
}

fn forget(index: &mut BTreeMap<String, BTreeSet<String>>, of: &str, what: &str) {
    if let Some(set) = index.get_mut(of) {
        set.remove(what);
        if set.is_empty() {
            index.remove(of);
        }
    }
}

/// The keys of the tickets whose ids stand in the name of a Pod that begins as those do which are named after a ticket.
fn ids_in(pod: &str) -> BTreeSet<String> {
    let begins = ["ticket-", "intake-"].iter().find_map(|prefix| pod.strip_prefix(prefix));
    let Some(rest) = begins.filter(|rest| rest.is_ascii()) else { return BTreeSet::new() };
    // The two forms of ids; one is a word of its own, or begins or ends the name.
    let id = |from: usize, length: usize| {
        let text = rest.get(from..from + length)?;
        let is_bound = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
        let stands_alone = is_bound(rest[..from].chars().next_back()) && is_bound(rest[from + length..].chars().next());
        let is_id = stands_alone && crate::ticket::is_ticket_id(text);
        is_id.then(|| TicketId::new(text).ok().map(|id| id.key())).flatten()
    };
    (0..rest.len()).flat_map(|from| [13, 19].into_iter().filter_map(move |length| id(from, length))).collect()
}

/// The key of a Pod of this name.
pub fn pod_key(name: &str) -> String {
    PodName::new(name).map_or_else(|_| name.to_owned(), |name| name.key())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_in_the_names_of_pods_that_are_named_after_tickets() {
        let found = |pod: &str| ids_in(pod).into_iter().collect::<Vec<_>>().join(" ");
        assert_eq!(found("intake-00001KTJ1QJB8"), "00001KTJ1QJB8");
        assert_eq!(found("intake-00001KTJ1QJB8-2"), "00001KTJ1QJB8");
        assert_eq!(found("ticket-20260118-093012-001-coder"), "20260118-093012-001");
        assert_eq!(found("ticket-coder-00001KTJ1QJB8"), "00001KTJ1QJB8");
        assert_eq!(found("coder-00001KTJ1QJB8"), "", "it is not named as those are");
        assert_eq!(found("intake-X00001KTJ1QJB8"), "", "part of a longer word");
        assert_eq!(found("intake-日本語の名前です"), "");
        assert_eq!(found("intake-1"), "");
    }
}
