//! Why a launch did not come to a claim.

use std::fmt;

use super::plan::PlanError;
use super::worktree::WorktreeError;
use crate::domain::{Claim, ClaimStatus, PodName, Role, TicketId};
use crate::fs::PathError;
use crate::registry::ReadError;
use crate::ticket::{ParseProfileError, ProfileError, WorkflowError};

/// The steps of a launch, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The ticket lock is taken and the claim looked at again.
    Lock,
    /// The ticket's worktree is made, or found again.
    Worktree,
    /// The host is started.
    Spawn,
    /// The host says that it is ready.
    Ready,
    /// The launcher connects to the Pod's socket.
    Connect,
    /// The Pod is made known to the workspace's Orchestrator.
    Peers,
    /// The first Run is sent and accepted.
    Run,
    /// The claim is committed.
    Commit,
    /// The session is recorded.
    Record,
    /// The Pod's probation is ended.
    Confirm,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Lock => "lock",
            Self::Worktree => "worktree",
            Self::Spawn => "spawn",
            Self::Ready => "ready",
            Self::Connect => "connect",
            Self::Peers => "peers",
            Self::Run => "run",
            Self::Commit => "commit",
            Self::Record => "record",
            Self::Confirm => "confirm",
        })
    }
}

/// What is left of an attempt that failed after its host was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// Nothing: no claim, no session record, no process, no directory.
    Nothing,
    /// Nothing of the attempt: a Pod that was to be restored is stopped, as it was.
    AsBefore,
    /// The Pod's lock was not free by the deadline: something of it lives.
    StillHeld,
    /// The Pod has ended, but a file of it could not be removed; why.
    Leftover(String),
}

/// Says why a launch failed.
#[derive(Debug, thiserror::Error)]
pub enum TicketRoleLaunchError {
    /// No plan could be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A top-level launch has no agent to inherit the profile from.
    #[error(
        "cannot launch role {role}: UnsupportedInheritProfile: profile inherit has no Pod above it to inherit from (set in {place})"
    )]
    UnsupportedInheritProfile {
        /// The role.
        role: Role,
        /// File and line that set the profile.
        place: String,
    },
    /// The role has no profile.
    #[error("cannot launch role {role}: it has no profile (set in {place}); agents found: {}", found_agents(found))]
    NoProfile {
        /// The role.
        role: Role,
        /// Where a profile is to be set.
        place: String,
        /// Agent programs that are installed.
        found: Vec<String>,
    },
    /// The profile does not resolve to a program that can be started.
    #[error("cannot launch role {role} (profile set in {place})")]
    Profile {
        /// The role.
        role: Role,
        /// File and line that set the profile.
        place: String,
        /// What is wrong with it.
        #[source]
        source: Box<ProfileError>,
    },
    /// The profile's name is none.
    #[error("cannot launch role {role} (profile set in {place})")]
    ProfileName {
        /// The role.
        role: Role,
        /// File and line that set the profile.
        place: String,
        /// What is wrong with the name.
        #[source]
        source: ParseProfileError,
    },
    /// There is no text for the procedure that the role follows.
    #[error("cannot launch role {role} (workflow set in {place})")]
    Workflow {
        /// The role.
        role: Role,
        /// File and line that set the workflow.
        place: String,
        /// What is wrong with it.
        #[source]
        source: WorkflowError,
    },
    /// The ticket has no worktree to be launched in.
    #[error("cannot launch in a worktree")]
    Worktree(#[from] WorktreeError),
    /// The name of the Pod belongs to another one.
    #[error("the name {pod} is taken")]
    NameTaken {
        /// The name.
        pod: PodName,
    },
    /// The runtime directory cannot hold a socket.
    #[error("cannot use the runtime directory")]
    Runtime(#[source] PathError),
    /// Another launch on the ticket is in flight.
    #[error("ticket {ticket} is in flight: {holder}")]
    InFlight {
        /// The ticket.
        ticket: TicketId,
        /// Who says so.
        holder: String,
    },
    /// The ticket is held by a Pod that is live or can be restored, or by something unknown.
    #[error("{}", claimed(claim, *status))]
    Claimed {
        /// The standing claim.
        claim: Box<Claim>,
        /// Its status.
        status: ClaimStatus,
    },
    /// The ticket has a claim whose Pod is gone.
    #[error("Ticket {} has a stale local {} claim for {}", claim.ticket, title(claim.role), claim.pod)]
    Stale {
        /// The standing claim.
        claim: Box<Claim>,
        /// Why it is stale.
        reason: String,
    },
    /// Whether the ticket is held cannot be read.
    #[error("whether ticket {ticket} is claimed is unknown")]
    Unknown {
        /// The ticket.
        ticket: TicketId,
        /// What could not be read.
        #[source]
        source: ReadError,
    },
    /// A lock or a file was not to be had before anything was started.
    #[error("cannot prepare the launch")]
    Prepare(#[source] PathError),
    /// The launch failed after its host was started, and was undone.
    #[error("{0}")]
    Failed(Box<Failed>),
    /// The claim stands, or may; something after it failed.
    #[error("{0}")]
    Partial(Box<Partial>),
}

impl TicketRoleLaunchError {
    /// What is wrong with the profile, where that is what is wrong.
    pub fn profile(&self) -> Option<&ProfileError> {
        match self {
            Self::Profile { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// A launch that failed and was undone.
#[derive(Debug)]
pub struct Failed {
    /// The step that failed.
    pub step: Step,
    /// The Pod.
    pub pod: PodName,
    /// The ticket that it was launched on.
    pub ticket: Option<TicketId>,
    /// Why, in one line.
    pub why: String,
    /// The end of the host's and the agent's standard error.
    pub log: String,
    /// What is left.
    pub undone: Undone,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the launch of Pod {} failed at {}: {}", self.pod, self.step, self.why)?;
        match &self.undone {
            Undone::Nothing => write!(f, "; nothing was left behind"),
            Undone::AsBefore => write!(f, "; the Pod is stopped, as it was"),
            Undone::StillHeld => write!(f, "; its Pod lock is still held, something of it lives"),
            Undone::Leftover(why) => write!(f, "; the Pod has ended, but something was left behind: {why}"),
        }
    }
}

/// A launch whose claim stands, or may, although something after it failed.
#[derive(Debug)]
pub struct Partial {
    /// The step that failed.
    pub step: Step,
    /// The Pod, which goes on.
    pub pod: PodName,
    /// Why, in one line.
    pub why: String,
    /// What stands, as the end of a sentence.
    pub stands: String,
    /// The commands that mend it, each as its words.
    pub mend: Vec<Vec<String>>,
}

impl fmt::Display for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, but {} failed: {}", self.stands, self.step, self.why)
    }
}

fn found_agents(found: &[String]) -> String {
    if found.is_empty() { "none".to_owned() } else { found.join(", ") }
}

fn claimed(claim: &Claim, status: ClaimStatus) -> String {
    let how = match status {
        ClaimStatus::Live => "which is live",
        ClaimStatus::Restorable if claim.completed_at.is_some() => "which is stopped, restorable, completed",
        ClaimStatus::Restorable => "which is stopped and can be restored",
        _ => "whose state is unknown",
    };
    format!("ticket {} is claimed by Pod {} as {}, {how}", claim.ticket, claim.pod, claim.role)
}

/// A role as a sentence names it.
fn title(role: Role) -> String {
    let mut name = role.to_string();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}
