//! What a user says to a Pod.

use serde::{Deserialize, Serialize};

/// One part of a Run's input; `{"kind":"text","content":"…"}` in JSON.
///
/// A kind that this version does not know is kept as it came, and shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Segment {
    /// A kind that this version knows.
    Known(KnownSegment),
    /// Any other JSON object.
    Unknown(serde_json::Map<String, serde_json::Value>),
}

/// The kinds of segment that this version knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum KnownSegment {
    /// Plain text, Markdown as a rule.
    Text {
        /// The text.
        content: String,
    },
    /// A file that the agent should look at.
    FileRef {
        /// The file's path, relative to the workspace.
        path: String,
    },
    /// The procedure that this Run follows.
    WorkflowInvoke {
        /// The workflow's name.
        slug: super::Slug,
    },
}

impl Segment {
    /// A text segment.
    pub fn text(content: impl Into<String>) -> Self {
        Self::Known(KnownSegment::Text { content: content.into() })
    }

    /// A workflow segment.
    pub fn workflow(slug: super::Slug) -> Self {
        Self::Known(KnownSegment::WorkflowInvoke { slug })
    }
}
