//! Who a host is: its Pod, the attempt that started it, and whom it writes as.

use std::sync::Arc;

use crate::domain::{Nonce, Origin, PodId, PodName, Role, TicketId};
use crate::registry::Writer;

/// Tells who writes, and the moment, whenever it is asked.
pub type WriterNow = Arc<dyn Fn() -> Writer + Send + Sync>;

/// Which Pod a desk serves, and in which attempt.
#[derive(Debug, Clone)]
pub struct DeskPod {
    /// The Pod's name.
    pub pod: PodName,
    /// Its identity.
    pub pod_id: PodId,
    /// What it is for.
    pub role: Role,
    /// How its session came about.
    pub origin: Origin,
    /// The ticket that it is launched on.
    pub ticket: Option<TicketId>,
    /// Whether it is new.
    pub attempt: Attempt,
}

/// How a host came to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// A launch, which ends in a claim (without a ticket: in a session record) or leaves nothing.
    Launch {
        /// Identifies the attempt: all its steps carry it, and undoing goes by it.
        nonce: Nonce,
    },
    /// A Pod without an attempt's nonce, started by hand: confirmed without a claim.
    Unclaimed,
    /// A stopped Pod is brought back; it commits nothing and leaves its directory as it is.
    Restore,
}
