//! What a Pod host asks of the registry and of the tickets.
//!
//! The host lives in a room that knows neither; the launcher's room implements this trait and hands it in. Both the
//! host and, after the host's death, its warden call it, each in its own process; no method keeps state in memory that
//! the other would need.

use std::ffi::OsString;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Says why the desk could not do what it was asked; the chain of causes is in the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DeskError(pub String);

/// What a Pod that gives up finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a Pod whose claim stands must go on"]
pub enum GaveUp {
    /// The offer was withdrawn in time: the Pod ends, and then [`Desk::discard`]s its directory.
    Withdrawn,
    /// The launcher had committed already: the claim stands, the session is recorded, the Pod goes on, confirmed.
    Stands,
}

/// What a Pod finds when its launcher confirms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a Pod without its claim must not go on"]
pub enum Standing {
    /// The claim names this Pod and this attempt, durably; the Pod is recorded as confirmed.
    Confirmed,
    /// It does not.
    NotOurs,
}

/// A tool as its users see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolDescription {
    /// Its name, such as `TicketShow`.
    pub name: String,
    /// What it does, for a model.
    pub description: String,
    /// The JSON Schema of its arguments: an object.
    pub schema: Value,
    /// Whether it changes nothing.
    #[serde(default)]
    pub read_only: bool,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolOutcome {
    /// The answer, for the agent.
    pub text: String,
    /// Whether the call failed; the text then says what to do instead.
    pub is_error: bool,
}

/// The variables by which an agent, and git hooks below it, check the fence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fence {
    /// `YOI_TICKET`: the ticket that the Pod was launched on.
    pub ticket: Option<String>,
    /// `YOI_CLAIM`: `GENERATION:NONCE` of its claim.
    pub claim: Option<String>,
}

impl Fence {
    /// The variables that there are.
    pub(super) fn variables(&self) -> impl Iterator<Item = (String, OsString)> {
        let named = [("YOI_TICKET", &self.ticket), ("YOI_CLAIM", &self.claim)];
        named
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value.clone()?.into())))
            .collect::<Vec<_>>()
            .into_iter()
    }
}

/// The registry and the tickets, as one Pod sees them.
pub trait Desk: Send + Sync {
    /// Writes the Pod's offer for the ticket that it was launched on (without a ticket: for its session), fsynced.
    ///
    /// # Errors
    /// When the offer cannot be written; the Run is then rejected.
    fn offer(&self, session: Option<&str>) -> Result<(), DeskError>;

    /// Unlinks the offer first, looks at the claim then.
    ///
    /// # Errors
    /// When the claim cannot be read: whether it stands is not known, and nothing may be removed.
    fn give_up(&self) -> Result<GaveUp, DeskError>;

    /// Looks whether the claim of this attempt stands, syncs it, and records the Pod as confirmed; may be repeated.
    ///
    /// `without_record` confirms a Pod without a ticket whose session record its launcher could not write.
    ///
    /// # Errors
    /// When the claim cannot be read or the confirmation cannot be written.
    fn confirm(&self, without_record: bool) -> Result<Standing, DeskError>;

    /// Looks, without changing anything, whether the claims of a restored Pod are still its own.
    ///
    /// # Errors
    /// When a claim cannot be read.
    fn still_ours(&self) -> Result<bool, DeskError>;

    /// Removes the Pod's directory: the last thing a Pod does that gave up. One that was restored keeps its directory.
    ///
    /// The warden calls it as a rule, the host where its warden is gone; with the directory gone already it succeeds.
    ///
    /// # Errors
    /// When it cannot be removed; the next spawn sweeps it.
    fn discard(&self) -> Result<(), DeskError>;

    /// Keeps the agent's own session id in the Pod's record, and in the claim and session record where they stand.
    ///
    /// # Errors
    /// When a record cannot be written.
    fn session_known(&self, session: &str) -> Result<(), DeskError>;

    /// What the agent is told of its claim, on probation of the claim to be; read afresh.
    fn fence(&self) -> Fence;

    /// The tools that the Pod's role has.
    fn tools(&self) -> Vec<ToolDescription>;

    /// Calls a tool; a failure is an outcome with `is_error`, worded for the agent.
    fn call(&self, tool: &str, arguments: &Value) -> ToolOutcome;

    /// Writes a line into the journal; `text` is cut at 4 KiB. A journal that cannot be written is no failure.
    fn note(&self, action: &str, text: &str);
}
