//! Holding a program that a person starts in a terminal as a Pod, and taking it up again.
//!
//! ```text
//! ticket lock → re-check claim → Pod lock → directory → split → exec → commit claim → record session → confirm
//!   → unlock → run → wait → end what it left → Pod lock goes
//! ```
//! The program is made, and kept before its first instruction, *before* the claim is committed; see [`crate::pod::hold`].
//! So a program that cannot be run is no claim's, whatever is killed at whatever moment; and the claim stands by the time
//! the program begins. Only the holder commits. What a killed holder leaves is judged by its warden once it is dead, and
//! where both were killed, by whoever has the locks next: a directory that is not confirmed, of which neither claim nor
//! session record carries the identity, is nobody's.
//!
//! The same command again takes the Pod up again: nothing is committed then, the claim that stands is read under all locks.

mod begin;
mod prepare;
mod program;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::error::TicketRoleLaunchError;
use super::identity::WriterNow;
use super::in_flight::InFlight;
use super::plan::PlanError;
use super::restore::RestoreError;
use crate::domain::{PodName, PodRecord, Role, TicketId};
use crate::registry::{ReadError, Registry, Restorable};

pub(super) use program::find_command;

use prepare::{prepare_again, prepare_new};
use program::find_program;

/// What is to be held.
#[derive(Debug)]
pub struct HoldRequest {
    /// The Pod's name, tried as it is.
    pub pod: PodName,
    /// What it is for.
    pub role: Role,
    /// The ticket that it works on.
    pub ticket: Option<TicketId>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it works.
    pub directory: PathBuf,
    /// How long to wait for the lock of the ticket.
    pub wait: Duration,
    /// What `ticket-lock` handed down, where this runs under it.
    pub handed_down: Option<InFlight>,
}

/// What holding a program takes.
pub struct Holding<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// Who writes, and the moment.
    pub writer: WriterNow,
    /// The environment that the program is given, besides what tells it of its Pod.
    pub environment: Vec<(OsString, OsString)>,
    /// Where programs are looked up.
    pub search_path: Option<OsString>,
    /// Judges whether the holder of a claim can come back.
    pub restorable: &'a dyn Restorable,
}

/// Says why nothing is held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// It could not be begun.
    #[error(transparent)]
    Launch(#[from] TicketRoleLaunchError),
    /// It could not be taken up again.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The name belongs to a Pod with other work.
    #[error("the name {} is taken by a stopped Pod: as {}{}", record.pod, record.role,
        record.ticket.as_ref().map(|ticket| format!(", on ticket {ticket}")).unwrap_or_default())]
    OtherWork {
        /// That Pod.
        record: Box<PodRecord>,
    },
    /// The program ran, and could not be watched any more; it was ended.
    #[error("cannot go on holding Pod {pod}")]
    Lost {
        /// The Pod.
        pod: PodName,
        /// What failed.
        #[source]
        source: io::Error,
    },
}

/// Holds a program as a Pod until it ends; gives its exit status, which is 128 and the signal's number where one ended it.
///
/// The process must have one thread. It becomes two, both of which come back from here: the one that the caller's parent
/// knows gives the status, the other one may have failed, and tells why. `warn` hears of what does not keep the program
/// from running: the claim stands then.
///
/// # Errors
/// See [`HoldError`]; nothing was left behind, unless it says so.
pub fn hold(
    request: HoldRequest,
    holding: &Holding<'_>,
    warn: &mut dyn FnMut(TicketRoleLaunchError),
) -> Result<u8, HoldError> {
    if !request.role.is_launchable() {
        let role = request.role;
        return Err(TicketRoleLaunchError::Plan(PlanError::RoleNotLaunchable { role }).into());
    }
    let path = find_program(&request, holding)?;
    let unknown = |source| RestoreError::Unknown { pod: request.pod.clone(), source };
    let known = holding.registry.pod(&request.pod).map_err(unknown)?;
    let prepared = match known {
        Some(record) if is_somebodys(holding.registry, &record).map_err(unknown)? => {
            prepare_again(record, request, holding)?
        }
        _ => prepare_new(request, holding)?,
    };
    prepared.carry_through(path, holding, warn)
}

/// Whether a Pod on disk is more than what an attempt left that was killed.
fn is_somebodys(registry: &Registry, record: &PodRecord) -> Result<bool, ReadError> {
    if record.confirmed_at.is_some() || !registry.claims_of(record)?.is_empty() {
        return Ok(true);
    }
    Ok(registry.session(&record.pod)?.is_some_and(|session| session.pod_id == Some(record.pod_id)))
}
