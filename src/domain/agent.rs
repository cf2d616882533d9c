//! Which agent program a Pod runs, and how: a profile after it was resolved.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::words;

words! {
    /// How requests for permission are answered.
    Permissions, "permission" {
        /// A person answers.
        Ask = "ask",
        /// All are granted.
        Allow = "allow",
        /// All are refused.
        Reject = "reject",
    }
}

words! {
    /// What an agent is about to do; the kinds of tool call of the Agent Client Protocol.
    ToolKind, "kind of tool" {
        /// To read files or data.
        Read = "read",
        /// To change files.
        Edit = "edit",
        /// To remove files or data.
        Delete = "delete",
        /// To move or rename files.
        Move = "move",
        /// To search.
        Search = "search",
        /// To run a command.
        Execute = "execute",
        /// To think or plan.
        Think = "think",
        /// To fetch something from elsewhere.
        Fetch = "fetch",
        /// To change the mode of its session.
        SwitchMode = "switch_mode",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// What choosing an option of a request for permission means.
    OptionKind, "answer" {
        /// Granted this time.
        AllowOnce = "allow_once",
        /// Granted from now on.
        AllowAlways = "allow_always",
        /// Refused this time.
        RejectOnce = "reject_once",
        /// Refused from now on.
        RejectAlways = "reject_always",
    }
}

/// How requests for permission are answered, by what they are for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionPolicy {
    /// What is said where the kind is not named.
    pub otherwise: Permissions,
    /// What is said to requests of these kinds.
    #[serde(default)]
    pub by_kind: BTreeMap<ToolKind, Permissions>,
}

impl Default for PermissionPolicy {
    fn default() -> Self {
        Self { otherwise: Permissions::Ask, by_kind: BTreeMap::new() }
    }
}

impl PermissionPolicy {
    /// What is said to a request of this kind.
    pub fn on(&self, kind: ToolKind) -> Permissions {
        self.by_kind.get(&kind).copied().unwrap_or(self.otherwise)
    }
}

/// How long an agent that speaks a protocol may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadlines {
    /// From its start until its session is made.
    pub start: Duration,
    /// From then until its tool server has reported to the Pod.
    pub tools: Duration,
    /// From a prompt to the first sign that it is worked on.
    pub first_sign: Duration,
    /// From being told to cancel until the turn has ended.
    pub cancel: Duration,
}

impl Default for Deadlines {
    /// 30 s to start, 20 s for the tool server, 120 s for a sign of life, 10 s to cancel.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { start: seconds(30), tools: seconds(20), first_sign: seconds(120), cancel: seconds(10) }
    }
}

/// An agent that speaks the Agent Client Protocol on standard input and output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcpSpec {
    /// The program and its arguments; the program is an absolute path.
    pub command: Vec<String>,
    /// Variables set for it, besides the host's own environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How its requests for permission are answered.
    #[serde(default)]
    pub permissions: PermissionPolicy,
    /// The mode that its session is put into, by the id that the agent gives it.
    #[serde(default)]
    pub mode: Option<String>,
    /// The method by which it is told to authenticate itself, by the id that the agent gives it.
    #[serde(default)]
    pub auth: Option<String>,
    /// How long it may take.
    #[serde(default)]
    pub deadlines: Deadlines,
}

/// An agent program, ready to be started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "agent", rename_all = "snake_case")]
pub enum AgentSpec {
    /// The built-in intake agent, which needs no model.
    Checklist {
        /// What an implementable ticket must say: headings, in order.
        sections: Vec<String>,
    },
    /// A program that is run once a turn: prompt on standard input, answer on standard output.
    Exec {
        /// The program and its arguments; the program is an absolute path.
        command: Vec<String>,
        /// Variables set for it, besides the host's own environment.
        #[serde(default)]
        env: BTreeMap<String, String>,
    },
    /// A program that speaks the Agent Client Protocol.
    Acp(AcpSpec),
}

impl AgentSpec {
    /// How the agent is talked to, in one word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Checklist { .. } => "checklist",
            Self::Exec { .. } => "exec",
            Self::Acp(_) => "acp",
        }
    }

    /// The program and its arguments; the built-in agent has none.
    pub fn command(&self) -> &[String] {
        match self {
            Self::Checklist { .. } => &[],
            Self::Exec { command, .. } | Self::Acp(AcpSpec { command, .. }) => command,
        }
    }

    /// How long it may take until it can be given work, as its profile says; the others can at once.
    pub fn until_ready(&self) -> Duration {
        match self {
            Self::Checklist { .. } | Self::Exec { .. } => Duration::ZERO,
            Self::Acp(spec) => spec.deadlines.start.saturating_add(spec.deadlines.tools),
        }
    }

    /// The program, for who has looked it up.
    pub fn program_mut(&mut self) -> Option<&mut String> {
        match self {
            Self::Checklist { .. } => None,
            Self::Exec { command, .. } | Self::Acp(AcpSpec { command, .. }) => command.first_mut(),
        }
    }
}
