//! One supervised agent: the protocol of its socket, its life cycle, its host and warden, its agents.

mod desk;
pub mod lifecycle;
pub mod protocol;

pub use desk::{Desk, DeskError, Fence, GaveUp, Standing, ToolDescription, ToolOutcome};
