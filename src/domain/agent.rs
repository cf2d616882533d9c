//! Which agent program a Pod runs, and how: a profile after it was resolved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How an agent answers requests for permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permissions {
    /// A person answers.
    #[default]
    Ask,
    /// All are granted.
    Allow,
    /// All are refused.
    Reject,
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
}
