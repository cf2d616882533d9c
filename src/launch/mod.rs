//! Launching a Pod on a ticket.
mod in_flight;
mod plan;
pub use in_flight::*;
pub use plan::*;
