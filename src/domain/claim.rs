//! The claim: the durable fact that a Pod accepted a ticket.

use serde::{Deserialize, Serialize};

use super::record::Version;
use super::{Evidence, Nonce, PodId, PodName, Record, Role, TicketId, Timestamp, plain_claim};

/// How many earlier holders a claim remembers.
pub const MAX_PREVIOUS: usize = 50;
/// How much it remembers of why each one's claim ended, in bytes: 50 of them stay far below the largest record.
const MAX_WHY: usize = 2000;

/// The last generation that is read: the one after it can still be written.
pub(super) const MAX_GENERATION: u64 = i64::MAX.cast_unsigned() - 1;

fn generation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        found @ 1..=MAX_GENERATION => Ok(found),
        found => Err(serde::de::Error::custom(format!("{found} is no generation"))),
    }
}

/// `claims/<key>.toml`, its tombstone and its offer, which have the same form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub(super) version: Version,
    /// The claimed ticket.
    pub ticket: TicketId,
    /// The Pod that holds it.
    pub pod: PodName,
    /// That Pod and no later one of its name; absent from a claim that is made by hand for no Pod that runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod_id: Option<PodId>,
    /// What the Pod is for.
    pub role: Role,
    /// Counts the claims of this ticket, from 1; only ever grows.
    #[serde(deserialize_with = "generation")]
    pub generation: u64,
    /// 128 random bits: tells two claims of one generation apart.
    pub nonce: Nonce,
    /// When the Pod accepted.
    pub accepted_at: Timestamp,
    /// What shows that it accepted.
    pub evidence: Evidence,
    /// The agent's own session id, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// When the role's work on the ticket succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// Who wrote the record; for people, never used to judge liveness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written_by: Option<WrittenBy>,
    /// How the claim ended; only in a tombstone, and only where there was room to note it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
    /// Earlier holders, newest first, at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previous: Vec<Previous>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// The process that wrote a record; for people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WrittenBy {
    /// Its process id at that time.
    pub pid: i64,
    /// The machine's name.
    pub host: String,
    /// The kernel's id of that boot.
    pub boot: String,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// How a claim ended; the tombstone of a claim that was just released says it by its own change time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why, as [`Previous::why`] will say it.
    pub why: String,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// An earlier holder of a ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Previous {
    /// The Pod that held it.
    pub pod: PodName,
    /// What it was for.
    pub role: Role,
    /// The generation of its claim.
    pub generation: u64,
    /// When the claim ended.
    pub ended_at: Timestamp,
    /// Why it ended: `released`, `completed`, `reclaimed` … and a reason where one was given.
    pub why: String,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// What a new claim states, apart from what it takes over from its predecessor.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// The ticket.
    pub ticket: TicketId,
    /// The Pod that accepted it.
    pub pod: PodName,
    /// Its identity; `None` where a person or a script says so.
    pub pod_id: Option<PodId>,
    /// What the Pod is for.
    pub role: Role,
    /// The fence of this claim.
    pub nonce: Nonce,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// What shows it.
    pub evidence: Evidence,
    /// The agent's own session id.
    pub session: Option<String>,
    /// Who writes the record.
    pub written_by: WrittenBy,
}

impl Claim {
    /// Makes the claim that follows on `predecessor`, the standing claim or the tombstone of this ticket.
    ///
    /// `ended` says when and why the predecessor's claim ended. The generation is its generation plus one, or 1.
    pub fn succeed(acceptance: Acceptance, predecessor: Option<(&Claim, Timestamp, &str)>) -> Self {
        let mut previous = Vec::new();
        let mut generation = 1;
        if let Some((old, ended_at, why)) = predecessor {
            generation = old.generation + 1;
            previous.push(Previous {
                pod: old.pod.clone(),
                role: old.role,
                generation: old.generation,
                ended_at,
                why: cut(why),
                extra: toml::Table::new(),
            });
            previous.extend(old.previous.iter().take(MAX_PREVIOUS - 1).cloned());
        }
        let Acceptance { ticket, pod, pod_id, role, nonce, accepted_at, evidence, session, written_by } = acceptance;
        Self {
            version: Version,
            ticket,
            pod,
            pod_id,
            role,
            generation,
            nonce,
            accepted_at,
            evidence,
            session,
            completed_at: None,
            written_by: Some(written_by),
            ended: None,
            previous,
            extra: toml::Table::new(),
        }
    }

    /// Notes in a tombstone when and why its claim ended.
    pub fn end(&mut self, at: Timestamp, why: &str) {
        self.ended = Some(Ended { at, why: cut(why), extra: toml::Table::new() });
    }

    /// Whether this claim and the acceptance are of one Pod, role and attempt.
    ///
    /// The nonce is compared only where one is asked for.
    pub fn is_of(&self, pod: &PodName, role: Role, nonce: Option<Nonce>) -> bool {
        self.pod == *pod && self.role == role && nonce.is_none_or(|nonce| nonce == self.nonce)
    }
}

/// Cuts a reason to what a claim remembers of it.
fn cut(why: &str) -> String {
    let mut end = why.len().min(MAX_WHY);
    while !why.is_char_boundary(end) {
        end -= 1;
    }
    let mark = if end < why.len() { " …" } else { "" };
    format!("{}{mark}", &why[..end])
}

impl Record for Claim {
    fn name(&self) -> &str {
        self.ticket.as_str()
    }

    fn parse_plain(text: &str) -> Option<Self> {
        plain_claim::read(text)
    }
}
