//! What an agent asks permission for, and who answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Choice;
use crate::domain::{OptionKind, ToolKind, words};

/// What an agent asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PermissionRequest {
    /// Numbers the requests of this start of the Pod.
    pub request: u64,
    /// What it asks about.
    #[serde(flatten)]
    pub about: PermissionSubject,
}

/// What an agent asks permission for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PermissionSubject {
    /// What it is about to do, in its own words.
    pub title: String,
    /// Which kind of thing that is.
    pub kind: ToolKind,
    /// What exactly: the arguments of the call.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub arguments: Value,
    /// What may be answered, in the agent's order.
    pub options: Vec<PermissionOption>,
}

/// An answer that may be given to a request for permission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionOption {
    /// Its id, for the agent.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// What it means.
    pub kind: OptionKind,
}

impl PermissionSubject {
    /// The option that a choice means.
    pub fn chosen(&self, choice: &Choice) -> Option<&PermissionOption> {
        self.options.iter().find(|option| match choice {
            Choice::Kind(kind) => option.kind == *kind,
            Choice::Option(id) => option.id == *id,
        })
    }
}

words! {
    /// Who answered a request for permission.
    AnsweredBy, "who" {
        /// A client: a person, as a rule.
        Client = "client",
        /// The profile's policy.
        Policy = "policy",
        /// Nobody: the turn was over.
        Nobody = "nobody",
    }
}
