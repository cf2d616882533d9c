//! What a launcher tells the host that it starts, and how the host sets itself up.
//!
//! The launcher writes one [`HostSpec`] as JSON on the host's standard input. The descriptors come under the fixed
//! numbers of [`crate::pod::spawn`].

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{
    AgentSpec, Nonce, Origin, PodId, PodName, Role, Slug, TicketId, Worktree, path_from_text, path_text,
};
use crate::registry::{Registry, Workspace};

/// How a host is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostMode {
    /// A new Pod, which makes its own directory.
    New,
    /// A stopped Pod, whose directory is there.
    Restore,
}

/// All that a host is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSpec {
    /// New or restored.
    pub mode: HostMode,
    /// Data root, as text that reads `%xx` for bytes that are no UTF-8; so are all paths here.
    pub data: String,
    /// Runtime root.
    pub runtime: String,
    /// The workspace's root.
    pub root: String,
    /// The root that the registry's key is made of.
    pub key_root: String,
    /// The Pod's name.
    pub pod: PodName,
    /// Its identity; fresh for a new Pod.
    pub pod_id: PodId,
    /// What it is for.
    pub role: Role,
    /// How its session came about.
    pub origin: Origin,
    /// The ticket that it is launched on.
    pub ticket: Option<TicketId>,
    /// Whether a descriptor of the ticket's lock is handed over.
    pub ticket_lock: bool,
    /// Whether the read end of the launcher's pipe is handed over.
    pub launcher: bool,
    /// The nonce of the attempt; absent for a restored Pod, and one that is started by hand.
    pub nonce: Option<Nonce>,
    /// The profile as the configuration names it.
    pub profile: String,
    /// The profile, resolved.
    pub agent: AgentSpec,
    /// The session that an earlier start of the Pod had with its agent.
    #[serde(default)]
    pub session: Option<String>,
    /// The procedure that the role follows.
    pub workflow: Option<Slug>,
    /// The launch prompt's reference.
    pub launch_prompt: Option<String>,
    /// The agent's working directory.
    pub directory: String,
    /// The git worktree that this is in, where it was made for the ticket.
    #[serde(default)]
    pub worktree: Option<Worktree>,
    /// The log that the launcher opened as standard error, on its way into the Pod's directory.
    pub log: Option<String>,
    /// How long the Pod waits for its confirmation, in milliseconds.
    pub probation_ms: u64,
}

impl HostSpec {
    /// The registry that the host works in.
    pub fn registry(&self) -> Registry {
        let workspace = Workspace { root: path_from_text(&self.root), key_root: path_from_text(&self.key_root) };
        Registry::new(&path_from_text(&self.data), &path_from_text(&self.runtime), workspace)
    }

    /// The paths of a registry, as they stand in a spec: data root, runtime root, root, key root.
    pub(super) fn paths_of(registry: &Registry) -> [String; 4] {
        let workspace = registry.workspace();
        [registry.data(), registry.runtime(), &workspace.root, &workspace.key_root].map(path_text)
    }

    /// The agent's working directory.
    pub fn directory(&self) -> PathBuf {
        path_from_text(&self.directory)
    }
}
