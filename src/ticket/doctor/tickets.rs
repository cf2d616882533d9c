//! What is wrong in tickets, one by one.

use std::collections::BTreeSet;
use std::path::Path;

use super::{Doctor, Fix};
use crate::domain::TicketId;
use crate::fs::{FlockGuard, Wait, entries};
use crate::ticket::error::ReadError;
use crate::ticket::id::LocalId;
use crate::ticket::item::Item;
use crate::ticket::links::{Links, Said};
use crate::ticket::record::{ITEM, RESOLUTION, THREAD, Ticket, parse_moment};
use crate::ticket::relation::RelationKind;
use crate::ticket::state::State;
use crate::ticket::store::Tickets;
use crate::ticket::transaction::is_leftover;

/// The keys that yoi reads, and those that older tickets have.
const KEYS: &[&str] = &[
    "title",
    "state",
    "created_at",
    "updated_at",
    "priority",
    "assignee",
    "labels",
    "queued_by",
    "queued_at",
    "id",
    "slug",
    "status",
    "kind",
    "workflow_state",
    "legacy_ticket",
    "attention_required",
    "readiness",
];
/// How unlike a key may be to the one that was meant.
const MAX_DISTANCE: usize = 2;

impl Doctor {
    pub(super) fn tickets(&mut self, tickets: &Tickets) {
        let mut names = match entries(tickets.root()) {
            Ok(names) => names,
            Err(error) => return self.unreadable(&error),
        };
        names.sort();
        // Any change sweeps them, so that they are to be told first.
        self.leftovers(tickets);
        let (mut said, mut ids) = (Said::new(), BTreeSet::new());
        for name in names {
            let path = tickets.root().join(&name);
            match name.to_str().and_then(LocalId::parse) {
                Some(id) => {
                    ids.insert(id.ticket().clone());
                    match tickets.read(id.ticket()) {
                        Ok(ticket) => {
                            self.ticket(&path, &ticket);
                            said.insert(id.ticket().clone(), ticket.relations);
                        }
                        Err(error) => self.unread_ticket(&path, &error),
                    }
                }
                // Editors and git keep files of their own here.
                None if name.as_encoded_bytes().starts_with(b".") => {}
                None => {
                    let remedy = "move it elsewhere, or make a ticket of it with: yoi ticket new";
                    self.warning(&path, None, "its name is no ticket id, so it is not looked into", remedy);
                }
            }
        }
        self.relations(tickets, &Links::new(said), &ids);
    }

    fn unread_ticket(&mut self, path: &Path, error: &ReadError) {
        match error {
            ReadError::Malformed { place, why } => {
                self.error(&place.file, Some(place.line), why, "correct it by hand; git shows what it was before");
            }
            ReadError::Io(error) => self.unreadable(error),
            // It was removed since it was listed.
            ReadError::NotFound { .. } => self.warning(path, None, error.to_string(), "look again"),
        }
    }

    fn ticket(&mut self, dir: &Path, ticket: &Ticket) {
        let item = dir.join(ITEM);
        for key in ["created_at", "updated_at"] {
            match ticket.item.text(key) {
                Some(text) if parse_moment(text).is_some() => {}
                Some(text) => {
                    let remedy = "write it as 2026-01-31T12:00:00Z";
                    self.warning(&item, ticket.item.line(key), format!("{key} {text:?} is no date"), remedy);
                }
                None => {
                    let remedy = format!("add a line such as {key}: '2026-01-31T12:00:00Z'");
                    self.warning(&item, ticket.item.line(key), format!("the front matter states no {key}"), &remedy);
                    self.mended_by(Fix::Moment { ticket: ticket.id().clone(), key });
                }
            }
        }
        self.keys(&item, ticket);
        self.thread(&dir.join(THREAD), ticket);
        self.resolution(&dir.join(RESOLUTION), ticket);
    }

    fn keys(&mut self, file: &Path, ticket: &Ticket) {
        let item: &Item = &ticket.item;
        for key in item.keys().filter(|key| !KEYS.contains(key)) {
            let line = item.line(key);
            if key.parse::<RelationKind>().is_ok() {
                let what = format!("{key} in the front matter relates nothing: relations stand in artifacts/");
                let remedy =
                    format!("say it with: yoi ticket relation add {} {key} TICKET, and remove this line", ticket.id());
                self.warning(file, line, what, &remedy);
                continue;
            }
            let near = KEYS.iter().find(|known| strsim::osa_distance(key, known) <= MAX_DISTANCE.min(known.len() / 3));
            if let Some(known) = near {
                let what = format!("the key {key} means nothing to yoi; is it to be {known}?");
                self.warning(file, line, what, "correct it, if it is a mistake; else it is kept as it is");
            }
        }
        if let (Some(_), Some(older)) = (item.text("state"), item.text("workflow_state"))
            && older.parse().ok().map(State::today) != Some(ticket.summary.state.today())
        {
            let what = format!("workflow_state says {older}, but state holds: {}", ticket.summary.state);
            self.warning(file, item.line("workflow_state"), what, "remove the line of workflow_state");
        }
        if let Some(id) = item.text("id").filter(|id| LocalId::parse(id).is_some_and(|id| id.ticket() != ticket.id())) {
            let what = format!("id says {id}, but its directory holds: {}", ticket.id());
            self.warning(file, item.line("id"), what, "remove the line of id, or rename the directory");
        }
    }

    fn thread(&mut self, file: &Path, ticket: &Ticket) {
        let thread = &ticket.thread;
        if thread.events.is_empty() {
            self.warning(file, None, "the thread has no event", "nothing to do: the next change begins one");
        }
        let unended = thread.events.last().filter(|_| !thread.is_ended()).map(|event| event.line);
        for (line, what) in &thread.oddities {
            let remedy =
                "put a line --- before each event and at its end, or a backslash before text that looks like one";
            self.warning(file, Some(*line), what, remedy);
            if unended == Some(*line) {
                self.mended_by(Fix::EndOfThread { ticket: ticket.id().clone() });
            }
        }
        let state = ticket.summary.state.today();
        let (line, what) = match thread.last_state() {
            Some((line, told)) if told != state => {
                (line, format!("the ticket is {state}, but the thread last says {told}"))
            }
            None if thread.tells_more_than_its_making() && state != State::Planning => {
                (1, format!("the ticket is {state}, and no event says how it came to that"))
            }
            _ => return,
        };
        let remedy = format!("if {state} is right, say why in a comment; else correct the state in item.md");
        self.warning(file, Some(line), what, &remedy);
    }

    fn resolution(&mut self, file: &Path, ticket: &Ticket) {
        match (&ticket.resolution, ticket.summary.state == State::Closed) {
            (None, true) => {
                let remedy = "write into this file how it ended";
                self.warning(file, None, "the ticket is closed without a resolution", remedy);
                if ticket.thread.resolution().is_some() {
                    self.mended_by(Fix::Resolution { ticket: ticket.id().clone() });
                }
            }
            (Some(_), false) => {
                let what = format!("there is a resolution, but the ticket is {}", ticket.summary.state);
                self.warning(file, None, what, "close the ticket, or remove this file");
            }
            _ => {}
        }
    }

    fn relations(&mut self, tickets: &Tickets, links: &Links, ids: &BTreeSet<TicketId>) {
        for (own, said) in links.said() {
            let file = tickets.root().join(own.as_str()).join(crate::ticket::relation::RELATIONS);
            let said = match said {
                Ok(said) => said,
                Err(error) => {
                    let remedy = "correct it by hand; git shows what it was before";
                    self.error(&error.place.file, Some(error.place.line), &error.why, remedy);
                    continue;
                }
            };
            for (line, why) in said.oddities(own) {
                self.error(&file, Some(line), why, "correct or remove this entry");
            }
            let mut before = BTreeSet::new();
            for (line, relation) in said.lines() {
                let (kind, target) = (relation.kind, &relation.target);
                let remedy = format!("take it away with: yoi ticket relation remove {own} {kind} {target}");
                if target == own {
                    self.error(&file, Some(line), "the ticket is related to itself", &remedy);
                    self.mended_by(Fix::Repeats { ticket: own.clone() });
                } else if !before.insert((kind, target)) {
                    self.warning(&file, Some(line), format!("{kind} {target} stands here a second time"), &remedy);
                    self.mended_by(Fix::Repeats { ticket: own.clone() });
                } else if !ids.contains(target) {
                    self.error(&file, Some(line), format!("there is no ticket {target}"), &remedy);
                } else if let Some(other) = links.other_sayer(own, relation).filter(|other| *other < own) {
                    let what = format!("ticket {other} says the same from its end");
                    self.warning(&file, Some(line), what, "one of them is enough: remove either entry");
                }
            }
        }
        for circle in links.circles() {
            let first = &circle[0];
            let file = tickets.root().join(first.as_str()).join(crate::ticket::relation::RELATIONS);
            let line = match (links.said().get(first), circle.get(1)) {
                (Some(Ok(said)), Some(next)) => said.lines().find(|(_, r)| r.target == *next).map(|(line, _)| line),
                _ => None,
            };
            // A ticket that waits for itself was told above.
            if circle.len() > 2 {
                let names: Vec<&str> = circle.iter().map(TicketId::as_str).collect();
                let what = format!("tickets wait for each other: {}", names.join(" → "));
                self.error(&file, line, what, "take one of these relations away: yoi ticket relation list shows them");
            }
        }
    }

    /// What a killed writer left; what one that runs now is building is none.
    fn leftovers(&mut self, tickets: &Tickets) {
        let Ok(names) = entries(&tickets.scratch) else { return };
        let mut names: Vec<&str> = names.iter().filter_map(|name| name.to_str()).collect();
        names.sort_unstable();
        if names.is_empty() {
            return;
        }
        // Asked only where there is something: who writes holds it.
        let Ok(_nobody_writes) = FlockGuard::acquire_dir(tickets.root(), Wait::No) else { return };
        for name in names {
            let path = tickets.scratch.join(name);
            if is_leftover(name) && path.exists() {
                let what = "a writer was killed while it was building this; the ticket itself is whole";
                self.warning(&path, None, what, "nothing to do: the next change removes it");
                self.mended_by(Fix::Leftovers);
            } else if let Some(id) = name.strip_suffix(".kept").and_then(|name| name.split('.').next()) {
                let what = format!("a version of ticket {id} lies here that could not be put back when it was changed");
                self.warning(&path, None, what, "compare it with the ticket, take over what is missing, and remove it");
            }
        }
    }
}
