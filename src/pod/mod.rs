//! One supervised agent: the protocol of its socket, its life cycle, its host and warden, its agents.

pub mod agent;
pub mod cgroup;
mod desk;
pub mod history;
pub mod lifecycle;
mod nursery;
pub mod process;
pub mod protocol;
mod socket;
pub mod warden;

pub use desk::{Desk, DeskError, Fence, GaveUp, Standing, ToolDescription, ToolOutcome};
pub use socket::{MAX_SOCKET_PATH, SocketError, check_socket_path};

/// An error with all its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
