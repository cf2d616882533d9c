//! The registry of one workspace: claims, sessions, ticket locks, Pods and the journal, as plain files.
//!
//! # Order of locks
//! Tickets (several: sorted), then a Pod (tried only, never waited for, except of a Pod just ended), then the fence of a
//! claim, then the session index. The ticket lock marks a launch in flight and is inherited by the Pod; the *fence* is a
//! `flock` on a fresh descriptor of the same file, held for just as long as one read-compare-change takes.
//!
//! # Reading
//! Readers take no locks and write nothing. Only "no such file" means that a ticket is free; what cannot be read is
//! *unknown* and treated as held.

mod adopt;
mod batch;
mod change;
mod claims;
mod ended;
mod holder;
mod journal;
mod known;
mod offers;
mod open;
mod pods;
mod recall;
mod reclaim;
mod release;
mod sessions;
mod status;
mod survey;
mod ticket_lock;
mod unreadable;
mod verify;
mod watch;
mod workspace;

#[cfg(test)]
mod tests;

pub use adopt::{AdoptError, Adoptable, Adopted, Former};
pub use batch::ByHand;
pub use change::ChangeError;
pub use claims::{CommitError, CommitRequest, Committed};
pub use journal::{JournalEntry, JournalError, JournalLine, JournalReader};
pub use offers::{OfferError, Withdrawn};
pub use open::{NetworkPolicy, OpenError, ReadError, Registry, Writer};
pub use pods::{PodError, PodLock};
pub use recall::KnownOfClaim;
pub use reclaim::{Force, Reclaim, ReclaimError, Reclaimed, Taker};
pub use release::ReleasedBy;
pub use sessions::{SessionError, SessionFence};
pub use status::{ClaimView, Restorable};
pub use survey::Survey;
pub use ticket_lock::TicketLock;
pub use unreadable::{SetAside, SetAsideError};
pub use verify::{Code, Finding, Findings, MendError, NotMended, Repair, Repaired, Swept};
pub use watch::{Change, Watch};
pub use workspace::{Workspace, WorkspaceError};
