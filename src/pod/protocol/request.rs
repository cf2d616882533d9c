//! What a client can ask.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::{Nonce, OptionKind, PodName, Role, Segment};

/// What a client can ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Method {
    /// Gives the agent work; answered by `user_message` once it is accepted.
    Run {
        /// What the user says.
        input: Vec<Segment>,
        /// The launching attempt; required on probation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
    },
    /// Ends the probation; answered by `confirmed`.
    Confirm {
        /// The launching attempt.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nonce: Option<Nonce>,
        /// Confirms a Pod without a ticket although its session record could not be written.
        #[serde(default)]
        without_record: bool,
    },
    /// Cancels the turn that runs; answered by `ok`.
    Cancel {},
    /// Tells the agent something that begins no turn; answered by `ok`.
    Notify {
        /// What is told; at most 8,000 characters are kept.
        text: String,
    },
    /// Ends the Pod: the ordinary shutdown; answered by `ok`, then `shutdown` when it happens.
    Shutdown {
        /// Does not wait for the turn.
        #[serde(default)]
        now: bool,
    },
    /// Ends the Pod once it is idle; answered by `shutdown_scheduled`.
    ShutdownAfterIdle {
        /// Takes the mark back.
        #[serde(default)]
        cancel: bool,
    },
    /// Asks for `status`.
    Status {},
    /// Makes another Pod known to this one; answered by `ok`.
    RegisterPeer {
        /// The other Pod.
        pod: PodName,
        /// What it is for.
        role: Role,
    },
    /// Calls a tool; answered by `tool_result`.
    ToolCall {
        /// The tool's name.
        tool: String,
        /// Its arguments.
        #[serde(default)]
        arguments: Value,
        /// The start of the agent that the caller belongs to.
        epoch: String,
    },
    /// Asks for the `tools` of the Pod's role.
    Tools {
        /// The start of the agent that the caller belongs to.
        epoch: String,
    },
    /// Says that an agent has its tools: the report of its tool server; answered by `ok`.
    ToolsReady {
        /// The start of the agent that the caller belongs to.
        epoch: String,
    },
    /// Answers a `permission_request`; answered by `ok`.
    Answer {
        /// The request; may be left out while there is no other.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<u64>,
        /// Which option is chosen.
        #[serde(flatten)]
        choice: Choice,
    },
}

/// Every method's name, in the order of [`Method`].
pub(super) const METHODS: &[&str] = &[
    "run",
    "confirm",
    "cancel",
    "notify",
    "shutdown",
    "shutdown_after_idle",
    "status",
    "register_peer",
    "tool_call",
    "tools",
    "tools_ready",
    "answer",
];

/// How a request for permission is answered: `{"kind":"allow_once"}` or `{"option":"ID"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// By the first option of this kind.
    Kind(OptionKind),
    /// By the option of this id.
    Option(String),
}
