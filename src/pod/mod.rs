//! One supervised agent: the protocol of its socket, its life cycle, its host and warden, its agents.

pub mod agent;
pub mod cgroup;
pub mod client;
mod desk;
pub mod history;
pub mod hold;
pub mod host;
pub mod lifecycle;
pub mod mcp;
mod nursery;
pub mod process;
pub mod protocol;
mod socket;
pub mod spawn;
pub mod warden;

pub(crate) use crate::domain::chain;
pub use desk::{Desk, DeskError, Fence, GaveUp, Standing, ToolDescription, ToolOutcome};
pub use socket::{MAX_SOCKET_PATH, SocketError, check_socket_path};

/// Tells the time; handed in from the edge.
pub type Clock = std::sync::Arc<dyn Fn() -> crate::domain::Timestamp + Send + Sync>;

/// The beginning of a text, at most `bound` characters, with a mark where it was cut.
pub(crate) fn cut(text: &str, bound: usize) -> String {
    match text.char_indices().nth(bound) {
        None => text.to_owned(),
        Some(_) => text.chars().take(bound.saturating_sub(1)).chain(['…']).collect(),
    }
}
