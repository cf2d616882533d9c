//! States that are derived at the moment of asking, never stored.

use super::role::words;

words! {
    /// What can be said of a ticket's claim.
    ClaimStatus, "status" {
        /// A launch is in flight: the ticket lock is held and there is no claim yet.
        Launching = "launching",
        /// The Pod of the claim runs.
        Live = "live",
        /// The Pod of the claim is stopped and can be restored.
        Restorable = "restorable",
        /// The Pod of the claim is gone and cannot be restored.
        Stale = "stale",
        /// The record or the lock cannot be read; treated as held.
        Unknown = "unknown",
    }
}

words! {
    /// What a live Pod says of itself.
    PodPhase, "Pod status" {
        /// The host is starting its agent.
        Starting = "starting",
        /// The agent waits for a Run.
        Idle = "idle",
        /// The agent works on a Run.
        Running = "running",
        /// The Pod is on its way down.
        Stopping = "stopping",
    }
}
