//! Launching a Pod on a ticket.
mod plan;
pub use plan::*;
