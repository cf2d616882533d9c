//! The session record: the durable fact that a Pod was launched in a role.

use serde::{Deserialize, Serialize};

use super::record::Version;
use super::role::words;
use super::{Nonce, PodId, PodName, Record, Role, TicketId, Timestamp};

words! {
    /// How a session came about.
    Origin, "origin" {
        /// An intake that began from a sentence, before there was a ticket.
        PreTicketIntake = "pre_ticket_intake",
        /// A launch on a ticket.
        TicketClaim = "ticket_claim",
        /// A launch of a role without a ticket.
        RoleLaunch = "role_launch",
    }
}

/// `sessions/<key>.toml`; its size does not depend on how many sessions there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub(super) version: Version,
    /// The Pod that was launched.
    pub pod: PodName,
    /// That Pod and no later one of its name, where known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_id: Option<PodId>,
    /// What it is for.
    pub role: Role,
    /// How it came about.
    pub origin: Origin,
    /// When the record was first written.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// The agent's own session id, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The nonce of the launch, where there was one: evidence for a launch without a ticket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// The tickets that the session has to do with, in the order in which they came; grows by union.
    #[serde(default)]
    pub related_tickets: Vec<TicketId>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// What is to be recorded of a session.
#[derive(Debug, Clone)]
pub struct SessionEntry {
    /// The Pod.
    pub pod: PodName,
    /// Its identity, where known.
    pub pod_id: Option<PodId>,
    /// What it is for.
    pub role: Role,
    /// How it came about; of a record that exists, its own is kept.
    pub origin: Origin,
    /// The agent's own session id, where known.
    pub session: Option<String>,
    /// The nonce of the launch, where there was one.
    pub nonce: Option<Nonce>,
    /// Tickets to relate.
    pub tickets: Vec<TicketId>,
}

impl SessionRecord {
    /// Makes a record, or merges an entry into the one that stands; `None` where nothing changes.
    ///
    /// A record of another Pod of the same name (two ids that differ) is not merged but succeeded.
    pub fn merge(standing: Option<&Self>, entry: SessionEntry, now: Timestamp) -> Option<Self> {
        let same_pod = |old: &&Self| match (old.pod_id, entry.pod_id) {
            (Some(old), Some(new)) => old == new,
            _ => true,
        };
        let Some(old) = standing.filter(same_pod) else {
            let mut record = Self {
                version: Version,
                pod: entry.pod,
                pod_id: entry.pod_id,
                role: entry.role,
                origin: entry.origin,
                created_at: now,
                updated_at: now,
                session: entry.session,
                nonce: entry.nonce,
                related_tickets: Vec::new(),
                extra: toml::Table::new(),
            };
            record.relate(entry.tickets);
            return Some(record);
        };
        let mut new = old.clone();
        new.pod_id = entry.pod_id.or(old.pod_id);
        new.session = entry.session.or(new.session);
        new.nonce = entry.nonce.or(new.nonce);
        new.relate(entry.tickets);
        if new == *old {
            return None;
        }
        new.updated_at = now;
        Some(new)
    }

    fn relate(&mut self, tickets: Vec<TicketId>) {
        for ticket in tickets {
            if !self.related_tickets.contains(&ticket) {
                self.related_tickets.push(ticket);
            }
        }
    }
}

impl Record for SessionRecord {
    fn name(&self) -> &str {
        self.pod.as_str()
    }
}
