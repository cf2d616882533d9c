//! What a Pod tells.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{AnsweredBy, PermissionOption, PermissionRequest};
use crate::domain::{PodName, PodPhase, Role, Segment, TicketId, Timestamp, words};
use crate::pod::{ToolDescription, ToolOutcome};

/// What can happen in a Pod.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum Event {
    /// What a client must know that connects now; the first message.
    Snapshot(Snapshot),
    /// A Run was accepted: the acceptance that a claim rests on.
    UserMessage {
        /// The same segments as in the Run.
        input: Vec<Segment>,
    },
    /// The Run was given to the agent.
    InvokeStart {
        /// What began it: `user_send`.
        kind: String,
    },
    /// A turn of the agent began.
    TurnStart {},
    /// A piece of the agent's answer.
    TextDelta {
        /// The piece.
        text: String,
    },
    /// The whole answer, or the whole of it since a tool was called.
    TextDone {
        /// The answer.
        text: String,
        /// Whether the next one goes on with it: a long answer is kept in parts.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// A piece of what the agent shows of its thinking; in the history all that it showed at a time.
    ThinkingDelta {
        /// The piece.
        text: String,
    },
    /// A tool is about to be called.
    ToolCallStart {
        /// Numbers the calls of this start of the Pod.
        call: u64,
        /// The tool; one of the agent's own by its title.
        tool: String,
        /// Its arguments.
        arguments: Value,
        /// Who calls it.
        #[serde(default, skip_serializing_if = "Caller::is_pod")]
        by: Caller,
    },
    /// A tool answered.
    ToolResult {
        /// Which call.
        call: u64,
        /// The tool.
        tool: String,
        /// What it answered.
        #[serde(flatten)]
        outcome: ToolOutcome,
        /// Who called it.
        #[serde(default, skip_serializing_if = "Caller::is_pod")]
        by: Caller,
    },
    /// The agent asks a person.
    PermissionRequest(PermissionRequest),
    /// A request for permission was answered.
    PermissionAnswer {
        /// Which request.
        request: u64,
        /// What was chosen; nothing where the turn ended first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        option: Option<PermissionOption>,
        /// Who chose it.
        by: AnsweredBy,
    },
    /// The turn is over.
    TurnEnd {
        /// How it ended.
        outcome: TurnOutcome,
        /// What went wrong, in the agent's own words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The Run is over.
    RunEnd {
        /// How it ended.
        outcome: TurnOutcome,
    },
    /// The program that a person holds in a terminal was started; only in the history, as such a Pod has no socket.
    ProgramStart {
        /// What it was called by, without its arguments.
        program: String,
    },
    /// It has ended. Neither is there where it was ended because its warden was killed.
    ProgramEnd {
        /// Its exit status, where it ended by itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<u8>,
        /// The signal that ended it, by its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<String>,
    },
    /// The Pod's status changed, or was asked for.
    Status(StatusReport),
    /// The mark "shutdown after idle" was set or taken back.
    ShutdownScheduled {
        /// Whether the Pod will end once it is idle.
        scheduled: bool,
    },
    /// The Pod ends; the last message.
    Shutdown {
        /// Why.
        reason: StopReason,
    },
    /// A request was refused, or a Run was dropped.
    Error {
        /// A [`Code`], as text: a newer Pod may know more.
        code: String,
        /// The same for people.
        message: String,
    },
    /// Something needs a person's attention; at most 500 characters.
    Alert {
        /// What it is.
        message: String,
    },
    /// The request was carried out.
    Ok {},
    /// The probation is over.
    Confirmed {},
    /// The tools of the Pod's role.
    Tools {
        /// Each of them.
        tools: Vec<ToolDescription>,
    },
    /// The Pod was told something that began no turn.
    Notify {
        /// What it was told.
        text: String,
    },
    /// Another Pod made itself known.
    PeerRegistered {
        /// That Pod.
        pod: PodName,
        /// What it is for.
        role: Role,
    },
}

words! {
    /// Who calls a tool.
    Caller, "caller" {
        /// The Pod, for its agent: a tool of the Pod's role.
        Pod = "pod",
        /// The agent by itself: a tool of its own.
        Agent = "agent",
    }
}

impl Default for Caller {
    /// The Pod: earlier histories do not say it.
    fn default() -> Self {
        Self::Pod
    }
}

impl Caller {
    fn is_pod(&self) -> bool {
        *self == Self::Pod
    }
}

/// What a client must know that connects.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The Pod.
    pub pod: PodName,
    /// What it is for.
    pub role: Role,
    /// What it does.
    pub status: PodPhase,
    /// A line for people.
    pub greeting: String,
    /// The ticket that it was launched on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// Whether its launcher may still take it back.
    pub probation: bool,
    /// The requests for permission that wait for an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<PermissionRequest>,
    /// What its agent said of itself when it came up, where that speaks a protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentOffer>,
    /// Its conversation, the newest 512 KiB of it; last a `text_delta` with what there is of an answer that goes on.
    pub history: Vec<Entry>,
    /// Whether there is more of it than is shown.
    pub truncated: bool,
    /// How long the history on disk is that ends where this does, in bytes: for who reads that instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
}

/// What an agent that speaks a protocol said of itself when it came up, and how long that took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentOffer {
    /// The version of the protocol that is spoken with it.
    pub protocol: u16,
    /// Its name and version, in its own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it can take up an earlier session.
    pub loads: bool,
    /// The modes that its session can be put into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub modes: Vec<Offered>,
    /// The mode that its session is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// How it can be made to authenticate itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth_methods: Vec<Offered>,
    /// How long it took from its start until it had a session, in milliseconds.
    pub session_ms: u64,
    /// How long it took from then until its tool server had reported, in milliseconds.
    pub tools_ms: u64,
}

/// Something that an agent offers, to be chosen by its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    /// The id.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A line of a Pod's history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it happened.
    #[serde(with = "moment")]
    pub at: Timestamp,
    /// What happened; as in [`Message`].
    pub event: String,
    /// What belongs to it.
    #[serde(default)]
    pub data: Value,
}

/// What a Pod says of itself when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// What it does.
    pub status: PodPhase,
    /// Whether its launcher may still take it back.
    pub probation: bool,
    /// Whether it ends once it is idle.
    pub shutdown_after_idle: bool,
    /// How many accepted Runs wait for their turn.
    pub queued: usize,
    /// How many requests for permission wait for an answer.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub permissions: usize,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

words! {
    /// How a turn ended.
    TurnOutcome, "outcome" {
        /// The agent gave its answer.
        Completed = "completed",
        /// The agent failed.
        Errored = "errored",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
        /// The host ended in the middle of it.
        Interrupted = "interrupted",
        /// The Pod ended before the Run's turn came.
        Dropped = "dropped",
    }
}

words! {
    /// Why a Pod ends.
    StopReason, "reason" {
        /// Somebody asked for it.
        Requested = "requested",
        /// A signal arrived.
        Signal = "signal",
        /// Its work is done and it is idle.
        Idle = "idle",
        /// Its launch was not confirmed.
        NotConfirmed = "not_confirmed",
        /// Its agent cannot go on.
        Agent = "agent",
        /// Its warden is gone.
        Warden = "warden",
    }
}

/// Moments as JSON text; as TOML they have a type of their own.
mod moment {
    use super::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(at)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
