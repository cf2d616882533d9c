//! Mending: each finding under the lock of exactly that, after another look.

use crate::domain::TicketId;

/// How a finding is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mend {
    /// Takes away what others may do with a file or directory.
    Restrict,
    /// Sets a claim aside, by key.
    SetAsideClaim(String),
    /// Sets the tombstone of a ticket aside, by key; the ticket then counts as held.
    SetAsideTombstone(String),
    /// Sets a session record aside, by key.
    SetAsideSession(String),
    /// Sets the directory of a Pod aside, by key.
    SetAsidePod(String),
    /// Sets the registry's own record aside.
    SetAsideWorkspace,
    /// Writes the registry's own record.
    WriteWorkspace,
    /// Ends the last line of the journal.
    EndTornLine,
    /// Tells of a line of the journal that it is kept as it is.
    KeepLine(u64),
    /// Puts a standing claim into the journal.
    LogClaim(TicketId),
    /// Puts the end of a claim into the journal.
    LogRelease(TicketId),
    /// Puts the newest generation that the journal knows into the tombstone.
    RaiseTombstone(TicketId),
    /// Relates the Pod of a claim to its ticket.
    RecordSession(TicketId),
    /// Removes offers and temporaries of a ticket, by key.
    SweepTicket(String),
    /// Removes the directory of a Pod that belongs to nobody, by key.
    SweepPod(String),
    /// Removes offers and temporaries of a Pod, by key.
    SweepPodFiles(String),
    /// Removes temporaries of session records.
    SweepSessions,
    /// Removes temporaries of the registry's own record.
    SweepRegistry,
    /// Removes the log of a Pod that was never started.
    RemoveLog,
    /// Removes the socket of a Pod, by key.
    RemoveSocket(String),
}

impl Mend {
    /// Whether it removes what is dead, and changes nothing else.
    pub(super) fn is_removal(&self) -> bool {
        matches!(
            self,
            Self::SweepTicket(_)
                | Self::SweepPod(_)
                | Self::SweepPodFiles(_)
                | Self::SweepSessions
                | Self::SweepRegistry
                | Self::RemoveLog
                | Self::RemoveSocket(_)
        )
    }
}
