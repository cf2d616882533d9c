//! The records of the registry as both programs show them.

use std::path::PathBuf;

use super::quote::visible;
use super::record::{Field, Row, Value};
use super::style::Meaning;
use super::{Exit, Place};
use crate::domain::{Claim, Expect, SessionRecord, TicketId};
use crate::launch::{Collected, PodView};
use crate::registry::{Change, ClaimView, Finding, JournalLine, Registry};

/// A claim, or a launch in flight, with its derived status.
#[derive(Debug, Clone)]
pub struct ClaimRow(pub ClaimView);

impl ClaimRow {
    fn of<T: Into<Value>>(&self, get: impl FnOnce(&Claim) -> T) -> Value {
        self.0.claim.as_ref().map_or(Value::Absent, |claim| get(claim).into())
    }
}

impl Row for ClaimRow {
    const KIND: &'static str = "claim";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("ticket", |row| Value::Word(Meaning::Name, row.0.ticket.clone())),
        Field::column("pod", |row| row.of(|claim| Value::from(&claim.pod))),
        Field::column("role", |row| row.of(|claim| claim.role)),
        Field::column("generation", |row| row.of(|claim| claim.generation)),
        Field::column("status", |row| row.0.status.into()),
        Field::full("completed_at", |row| row.of(|claim| claim.completed_at)),
        Field::full("accepted_at", |row| row.of(|claim| claim.accepted_at)),
        Field::full("evidence", |row| row.of(|claim| claim.evidence)),
        Field::full("nonce", |row| row.of(|claim| claim.nonce)),
        Field::full("expect", |row| row.of(|claim| Expect::from(claim))),
        Field::full("pod_id", |row| row.of(|claim| claim.pod_id)),
        Field::full("session", |row| row.of(|claim| claim.session.clone())),
        Field::full("previous", |row| {
            row.of(|claim| {
                let holder = |old: &crate::domain::Previous| {
                    serde_json::json!({
                        "pod": old.pod, "role": old.role, "generation": old.generation,
                        "ended_at": old.ended_at.to_string(), "why": old.why,
                    })
                };
                Value::Json(claim.previous.iter().map(holder).collect())
            })
        }),
        Field::full("reason", |row| row.0.reason.as_str().into()),
    ];
}

/// The answer to one line of `claim-commit --stdin`.
#[derive(Debug, Clone)]
pub struct CommitRow {
    /// The line's number, from 1.
    pub line: u64,
    /// The ticket, or what stands in its place in a line that cannot be read.
    pub ticket: String,
    /// How a `claim-commit` of this line alone would have ended.
    pub exit: Exit,
    /// The claim that stands, this line's or another's, where it is known.
    pub claim: Option<Claim>,
    /// Why it was not done.
    pub why: Option<String>,
}

impl CommitRow {
    fn of<T: Into<Value>>(&self, get: impl FnOnce(&Claim) -> T) -> Value {
        self.claim.as_ref().map_or(Value::Absent, |claim| get(claim).into())
    }
}

impl Row for CommitRow {
    const KIND: &'static str = "commit";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("ticket", |row| Value::Word(super::style::Meaning::Name, row.ticket.clone())),
        Field::column("exit", |row| u64::from(row.exit.status()).into()),
        Field::column("pod", |row| row.of(|claim| Value::from(&claim.pod))),
        Field::column("role", |row| row.of(|claim| claim.role)),
        Field::column("generation", |row| row.of(|claim| claim.generation)),
        Field::full("expect", |row| row.of(|claim| Expect::from(claim))),
        Field::full("line", |row| row.line.into()),
        Field::full("why", |row| row.why.clone().into()),
    ];
}

/// A session record.
#[derive(Debug, Clone)]
pub struct SessionRow(pub SessionRecord);

impl Row for SessionRow {
    const KIND: &'static str = "session";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("pod", |row| (&row.0.pod).into()),
        Field::column("role", |row| row.0.role.into()),
        Field::column("origin", |row| row.0.origin.into()),
        Field::column("related_tickets", |row| row.0.related_tickets.as_slice().into()),
        Field::full("created_at", |row| row.0.created_at.into()),
        Field::full("updated_at", |row| row.0.updated_at.into()),
        Field::full("pod_id", |row| row.0.pod_id.into()),
        Field::full("session", |row| row.0.session.clone().into()),
        Field::full("nonce", |row| row.0.nonce.into()),
    ];
}

/// A Pod with its derived status.
#[derive(Debug, Clone)]
pub struct PodRow {
    /// What can be said of it.
    pub view: PodView,
    /// Its socket.
    pub socket: PathBuf,
    /// The tickets that it holds claims of.
    pub tickets: Vec<TicketId>,
}

impl PodRow {
    fn of<T: Into<Value>>(&self, get: impl FnOnce(&crate::domain::PodRecord) -> T) -> Value {
        self.view.record.as_ref().map_or(Value::Absent, |record| get(record).into())
    }
}

impl Row for PodRow {
    const KIND: &'static str = "pod";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("pod", |row| Value::Word(Meaning::Name, row.view.pod.clone())),
        Field::column("role", |row| row.view.role.into()),
        Field::column("status", |row| row.view.status.into()),
        Field::full("tickets", |row| row.tickets.as_slice().into()),
        Field::full("profile", |row| row.of(|record| record.profile.clone())),
        Field::full("pod_id", |row| row.of(|record| record.pod_id)),
        Field::full("created_at", |row| row.of(|record| record.created_at)),
        Field::full("confirmed_at", |row| row.of(|record| record.confirmed_at)),
        Field::full("session", |row| row.of(|record| record.session.clone())),
        Field::full("directory", |row| row.of(|record| record.directory())),
        Field::full("socket", |row| row.socket.clone().into()),
        Field::full("reason", |row| row.view.reason.as_str().into()),
        Field::full("permissions", |row| row.view.permissions.as_ref().map(|asked| asked.len() as u64).into()),
    ];
}

/// A line of the journal.
#[derive(Debug, Clone)]
pub struct JournalRow(pub JournalLine);

impl Row for JournalRow {
    const KIND: &'static str = "journal";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("at", |row| row.0.at.as_str().into()),
        Field::column("action", |row| row.0.entry.action.as_str().into()),
        Field::column("ticket", |row| row.0.entry.ticket.as_ref().map(Value::from).into()),
        Field::column("pod", |row| row.0.entry.pod.as_ref().map(Value::from).into()),
        Field::column("role", |row| row.0.entry.role.into()),
        Field::column("generation", |row| row.0.entry.generation.into()),
        Field::column("user", |row| row.0.user.as_str().into()),
        Field::column("pid", |row| u64::try_from(row.0.pid).ok().into()),
        Field::column("why", |row| row.0.entry.why.clone().into()),
        Field::full("nonce", |row| row.0.entry.nonce.into()),
        Field::full("step", |row| row.0.entry.step.clone().into()),
        Field::full("exit_status", |row| row.0.entry.exit_status.clone().into()),
        Field::full("log", |row| row.0.entry.log.clone().into()),
    ];
}

/// Something that is to be read again.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    what: &'static str,
    /// The ticket or Pod; its key where a long name cannot be told.
    name: Option<String>,
    key: Option<String>,
}

impl ChangeRow {
    /// Looks up what a change is called.
    pub fn new(registry: &Registry, change: Change) -> Self {
        let ticket = |key: &str| registry.ticket_of_key(key).map(String::from);
        let pod = |key: &str| registry.pod_of_key(key).map(String::from);
        let (what, named) = match change {
            Change::Everything => ("everything", None),
            Change::Journal => ("journal", None),
            Change::Claim(key) => ("claim", Some((ticket(&key), key))),
            Change::TicketLock(key) => ("ticket-lock", Some((ticket(&key), key))),
            Change::Session(key) => ("session", Some((pod(&key), key))),
            Change::Pod(key) => ("pod", Some((pod(&key), key))),
            Change::PodLock(key) => ("pod-lock", Some((pod(&key), key))),
        };
        match named {
            None => Self { what, name: None, key: None },
            Some((name, key)) => Self { what, name: Some(name.unwrap_or_else(|| key.clone())), key: Some(key) },
        }
    }
}

impl Row for ChangeRow {
    const KIND: &'static str = "change";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("what", |row| row.what.into()),
        Field::column("name", |row| row.name.clone().into()),
        Field::full("key", |row| row.key.clone().into()),
    ];
}

/// Something that is wrong with the registry, or was until a moment ago.
#[derive(Debug, Clone)]
pub struct FindingRow {
    /// What is or was wrong.
    pub finding: Finding,
    /// What was done about it.
    pub done: Option<String>,
    /// Where what mends it is typed.
    pub place: Place,
}

impl FindingRow {
    fn state(&self) -> Value {
        let (meaning, word) = match (&self.done, self.finding.is_repairable()) {
            (Some(_), _) => (Meaning::Good, "repaired"),
            (None, true) => (Meaning::Attention, "repairable"),
            (None, false) => (Meaning::Bad, "manual"),
        };
        Value::Word(meaning, word.to_owned())
    }

    fn remedy(&self) -> Value {
        let words = Some(&self.finding.remedy).filter(|words| !words.is_empty() && self.done.is_none());
        words.map(|words| self.place.command(words)).into()
    }
}

impl Row for FindingRow {
    const KIND: &'static str = "registry_finding";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("code", |row| row.finding.code.as_str().into()),
        Field::column("state", Self::state),
        Field::column("what", |row| visible(row.done.as_deref().unwrap_or(&row.finding.what)).as_ref().into()),
        Field::column("remedy", Self::remedy),
        Field::column("path", |row| row.finding.path.clone().into()),
        Field::full("means", |row| row.finding.code.means().into()),
        Field::full("ticket", |row| row.finding.ticket.clone().into()),
        Field::full("pod", |row| row.finding.pod.clone().into()),
    ];
}

/// Something that was dead and is removed.
#[derive(Debug, Clone)]
pub struct CollectedRow(pub Collected);

impl Row for CollectedRow {
    const KIND: &'static str = "removed";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("what", |row| row.0.what.into()),
        Field::column("ticket", |row| row.0.ticket.clone().into()),
        Field::column("pod", |row| row.0.pod.clone().into()),
        Field::column("path", |row| row.0.path.clone().into()),
    ];
}
