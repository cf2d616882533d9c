//! Which exit status each error of the library has, in one place.

use super::quote::command;
use super::{Exit, Failure};
use crate::domain::{ClaimStatus, Origin};
use crate::fs::WaitError;
use crate::launch::steps::{AnswerError, ShutDownError};
use crate::launch::{
    Failed, HoldError, InFlightError, NextError, PlanError, QueueError, RestoreError, Setup, Step,
    TicketRoleLaunchError, Undone, WaitingError,
};
use crate::pod::client::ClientError;
use crate::pod::mcp::ServeError;
use crate::registry::{
    AdoptError, ChangeError, CommitError, OpenError, PodError, ReadError, ReclaimError, SessionError, SetAsideError,
    WorkspaceError,
};
use crate::ticket::{self, ConfigError, FindError, ProfileError, WriteError};

/// An error of the library with a status of its own.
trait HasExit: std::error::Error {
    fn exit(&self) -> Exit;
}

macro_rules! failures {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::of(HasExit::exit(&error), &error)
            }
        })+
    };
}

failures! {
    ChangeError, CommitError, SessionError, OpenError, ReadError, WaitError, WorkspaceError, InFlightError, PlanError,
    PodError, AdoptError, ClientError, ticket::ReadError, ShutDownError, SetAsideError,
    ServeError, AnswerError,
}

impl HasExit for ChangeError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. }
            | Self::Expectation { .. }
            | Self::Lost { .. }
            | Self::HolderLive { .. }
            | Self::NotCompleted { .. }
            | Self::TakerNotLive { .. } => Exit::Refused,
            Self::Busy { .. } => Exit::Busy,
            Self::NotDurable { .. } => Exit::Partial,
            Self::Unknown { .. } | Self::Io { .. } => Exit::Environment,
        }
    }
}

impl HasExit for ReclaimError {
    fn exit(&self) -> Exit {
        match self {
            Self::Change(error) => error.exit(),
            Self::Restorable { .. }
            | Self::Known { .. }
            | Self::MayHold { .. }
            | Self::MayReturn { .. }
            | Self::Taker { .. } => Exit::Refused,
            Self::NotDurable { .. } | Self::NotRecorded { .. } => Exit::Partial,
        }
    }
}

impl From<ReclaimError> for Failure {
    fn from(error: ReclaimError) -> Self {
        let failure = Self::of(HasExit::exit(&error), &error);
        match &error {
            ReclaimError::NotRecorded { claim, .. } => {
                let (pod, role) = (claim.pod.as_str(), claim.role.as_str());
                let (origin, ticket) = (Origin::TicketClaim.as_str(), claim.ticket.as_str());
                let mend = ["session-record", pod, "--role", role, "--origin", origin, "--ticket", ticket];
                failure.mended_by(command(["yoi-claim"].into_iter().chain(mend)))
            }
            _ => failure,
        }
    }
}

impl HasExit for SetAsideError {
    fn exit(&self) -> Exit {
        match self {
            Self::Busy(error) => error.exit(),
            Self::Occupied { .. } => Exit::Refused,
            Self::MayBeRead(_) | Self::Io(_) => Exit::Environment,
        }
    }
}

impl HasExit for CommitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Held { .. } | Self::OtherOffer { .. } => Exit::Refused,
            Self::NoNonce { .. } => Exit::Usage,
            Self::InFlight { .. } => Exit::Busy,
            Self::OfferGone { .. } => Exit::LaunchFailed,
            Self::NotDurable { .. } => Exit::Partial,
            Self::Change(error) => error.exit(),
            Self::Unknown { .. } | Self::Io { .. } => Exit::Environment,
        }
    }
}

impl HasExit for SessionError {
    fn exit(&self) -> Exit {
        match self {
            Self::OfferGone { .. } => Exit::LaunchFailed,
            Self::Busy { .. } => Exit::Busy,
            Self::NotDurable { .. } => Exit::Partial,
            Self::Unreadable { .. } | Self::Io { .. } => Exit::Environment,
        }
    }
}

impl HasExit for WaitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Held { .. } => Exit::Busy,
            Self::Io(_) => Exit::Environment,
        }
    }
}

impl HasExit for PodError {
    fn exit(&self) -> Exit {
        match self {
            Self::Taken { .. } | Self::OtherPod { .. } | Self::Claimed { .. } => Exit::Refused,
            Self::Unreadable(_) | Self::Io(_) => Exit::Environment,
        }
    }
}

impl HasExit for OpenError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

impl HasExit for AdoptError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. }
            | Self::Itself { .. }
            | Self::StillThere { .. }
            | Self::Live { .. }
            | Self::NotEmpty { .. } => Exit::Refused,
            Self::InFlight { .. } => Exit::Busy,
            Self::Partial { .. } => Exit::Partial,
            Self::Busy(error) => error.exit(),
            Self::Open(_) | Self::Unreadable(_) | Self::Io(_) | Self::Workspace(_) => Exit::Environment,
        }
    }
}

impl HasExit for ReadError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

impl HasExit for WorkspaceError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

impl HasExit for InFlightError {
    fn exit(&self) -> Exit {
        match self {
            // What the system refuses says nothing of who set the variable.
            Self::Descriptor { source, .. } if source.is_of_the_system() => Exit::Environment,
            Self::Missing { .. } | Self::Descriptor { .. } => Exit::Usage,
        }
    }
}

impl HasExit for PlanError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl HasExit for ShutDownError {
    fn exit(&self) -> Exit {
        Exit::Environment
    }
}

impl HasExit for AnswerError {
    fn exit(&self) -> Exit {
        match self {
            Self::Closed => Exit::Refused,
            Self::Client(error) => error.exit(),
        }
    }
}

impl HasExit for ClientError {
    fn exit(&self) -> Exit {
        match self {
            Self::Refused { .. } => Exit::Refused,
            _ => Exit::Environment,
        }
    }
}

impl HasExit for ServeError {
    fn exit(&self) -> Exit {
        match self {
            Self::WrongEpoch => Exit::Refused,
            Self::Client(error) => error.exit(),
            Self::Io(_) => Exit::Environment,
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::of(Exit::Usage, &error)
    }
}

impl From<TicketRoleLaunchError> for Failure {
    /// A refusal names the Pod and how to open it, and never a way to evict it: agents do what error texts say.
    fn from(error: TicketRoleLaunchError) -> Self {
        use TicketRoleLaunchError as E;
        let exit = match &error {
            E::Plan(_) => Exit::Usage,
            E::UnsupportedInheritProfile { .. }
            | E::NoProfile { .. }
            | E::Profile { .. }
            | E::ProfileName { .. }
            | E::Workflow { .. }
            | E::Worktree(_) => Exit::LaunchFailed,
            E::NameTaken { .. } | E::Claimed { .. } | E::Stale { .. } => Exit::Refused,
            E::InFlight { .. } => Exit::Busy,
            E::Runtime(_) | E::Prepare(_) | E::Unknown { .. } => Exit::Environment,
            E::Failed(failed) => undone(&failed.undone),
            E::Partial(_) => Exit::Partial,
        };
        let failure = Self::of(exit, &error);
        match &error {
            E::Claimed { claim, status } => match status {
                ClaimStatus::Live => failure.hint(command(["yoi", "attach", claim.pod.as_str()])),
                ClaimStatus::Restorable => failure.hint(command(["yoi", "restore", claim.pod.as_str()])),
                _ => failure.hint(command(["yoi", "why", claim.ticket.as_str()])),
            },
            E::Stale { claim, .. } => failure.hint(command(["yoi", "why", claim.ticket.as_str()])),
            E::InFlight { ticket, .. } | E::Unknown { ticket, .. } => {
                failure.hint(command(["yoi", "why", ticket.as_str()]))
            }
            E::NoProfile { role, place, found } => {
                let set = format!("set profile = \"project:NAME\" under [roles.{role}] in {place}");
                match found.as_slice() {
                    [] => failure.hint(set),
                    [one] => failure.hint(command(["yoi", "init", "--agent", one])),
                    _ => failure.hint("yoi init --agent NAME, with one of these"),
                }
            }
            E::Profile { source, .. } if matches!(**source, ProfileError::NotInstalled { .. }) => {
                failure.hint(command(["yoi", "profiles"]))
            }
            E::Profile { place, source, .. } => {
                let place = source.place().map_or_else(|| place.clone(), ToString::to_string);
                failure.hint(format!("change the profile in {place}"))
            }
            E::UnsupportedInheritProfile { place, .. } | E::ProfileName { place, .. } => {
                failure.hint(format!("change the profile in {place}"))
            }
            E::Failed(failed) => told(failure, failed),
            E::Partial(partial) => partial.mend.iter().fold(failure, |failure, words| {
                failure.hint(command(words.iter().map(String::as_str).collect::<Vec<_>>()))
            }),
            _ => failure,
        }
    }
}

impl Failure {
    /// The same of a launch with this profile; an agent that does not come up is a matter of its profile, and the file and the line
    /// to change are named.
    pub fn of_launch(error: TicketRoleLaunchError, profile: Option<&str>, setup: &Setup) -> Self {
        let is_of_the_agent = matches!(&error, TicketRoleLaunchError::Failed(failed) if failed.step == Step::Ready);
        let profile = profile.filter(|_| is_of_the_agent).and_then(|profile| profile.parse().ok());
        let advice = profile.and_then(|profile| setup.how_to_change(&profile));
        advice.into_iter().fold(Self::from(error), Self::hint)
    }
}

/// Shows the last words of a host that failed, and where the whole story is told.
fn told(failure: Failure, failed: &Failed) -> Failure {
    let name = failed.ticket.as_ref().map_or(failed.pod.as_str(), |ticket| ticket.as_str());
    failure.detail(failed.log.clone()).hint(command(["yoi", "why", name]))
}

fn undone(undone: &Undone) -> Exit {
    match undone {
        Undone::Nothing | Undone::AsBefore => Exit::LaunchFailed,
        Undone::StillHeld | Undone::Leftover(_) => Exit::Environment,
    }
}

impl From<QueueError> for Failure {
    fn from(error: QueueError) -> Self {
        match error {
            QueueError::WorkedOn { ref pod, .. } => {
                let hint = command(["yoi", "why", pod.as_str()]);
                Self::of(Exit::Refused, &error).hint(hint)
            }
            QueueError::Unknown { ref ticket, .. } => {
                let hint = command(["yoi", "why", ticket.as_str()]);
                Self::of(Exit::Environment, &error).hint(hint)
            }
            QueueError::Write(error) => error.into(),
        }
    }
}

impl From<NextError> for Failure {
    fn from(error: NextError) -> Self {
        match error {
            // A queue that is empty for what cannot be read is not known to be empty.
            NextError::Empty { ref left } if !left.unreadable.is_empty() => {
                let unreadable = left.unreadable.join("; ");
                Self::of(Exit::Environment, &error).because(unreadable).hint("yoi ticket doctor")
            }
            NextError::Empty { .. } => Self::of(Exit::Refused, &error).hint("yoi ticket list --state queued"),
            NextError::Busy { .. } => Self::of(Exit::Busy, &error).hint("yoi status"),
            NextError::Launch(error) => error.into(),
        }
    }
}

impl From<WaitingError> for Failure {
    fn from(error: WaitingError) -> Self {
        match error {
            WaitingError::TimedOut { .. } => Self::of(Exit::Busy, &error),
            WaitingError::Ended { ref pod, .. } => {
                let hint = command(["yoi", "why", pod.as_str()]);
                Self::of(Exit::Refused, &error).hint(hint)
            }
            WaitingError::NoPod { .. } => Self::of(Exit::Refused, &error).hint("yoi status"),
            WaitingError::Ticket(error) => error.into(),
            WaitingError::Record(error) => error.into(),
            WaitingError::Watch(error) => error.into(),
        }
    }
}

impl From<HoldError> for Failure {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::Launch(error) => error.into(),
            HoldError::Restore(error) => error.into(),
            HoldError::OtherWork { ref record } => {
                let hint = command(["yoi", "why", record.pod.as_str()]);
                Self::of(Exit::Refused, &error).hint(hint)
            }
            HoldError::Lost { .. } => Self::of(Exit::Environment, &error),
        }
    }
}

impl From<RestoreError> for Failure {
    fn from(error: RestoreError) -> Self {
        use RestoreError as E;
        let exit = match &error {
            E::NotFound { .. } | E::Live { .. } | E::NeverConfirmed { .. } | E::ClaimMoved { .. } | E::Stale { .. } => {
                Exit::Refused
            }
            E::InFlight { .. } => Exit::Busy,
            E::Unknown { .. } | E::Prepare { .. } => Exit::Environment,
            E::Failed(failed) => undone(&failed.undone),
        };
        let failure = Self::of(exit, &error);
        match &error {
            E::Live { pod } => failure.hint(command(["yoi", "attach", pod.as_str()])),
            E::Stale { pod, .. } => failure.hint(command(["yoi", "why", pod.as_str()])),
            E::ClaimMoved { ticket, .. } | E::InFlight { ticket, .. } => {
                failure.hint(command(["yoi", "why", ticket.as_str()]))
            }
            E::Failed(failed) => told(failure, failed),
            _ => failure,
        }
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        let exit = match &error {
            FindError::NotFound { .. } | FindError::Ambiguous { .. } => Exit::Refused,
            FindError::Io(_) => Exit::Environment,
        };
        let failure = Self::of(exit, &error);
        match error {
            FindError::NotFound { .. } => failure.hint("yoi ticket list"),
            _ => failure,
        }
    }
}

impl HasExit for ticket::ReadError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. } => Exit::Refused,
            _ => Exit::Environment,
        }
    }
}

impl HasExit for WriteError {
    fn exit(&self) -> Exit {
        match self {
            Self::State { .. }
            | Self::NoWay { .. }
            | Self::Edited { .. }
            | Self::Blocked { .. }
            | Self::Circle { .. }
            | Self::ToItself { .. } => Exit::Refused,
            Self::Invalid { .. } => Exit::Usage,
            Self::Busy(_) | Self::Changing { .. } => Exit::Busy,
            Self::Read(error) => error.exit(),
            _ => Exit::Environment,
        }
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        let failure = Self::of(error.exit(), &error);
        match &error {
            WriteError::Blocked { id, .. } => failure.hint(command(["yoi", "ticket", "relation", "list", id.as_str()])),
            _ => failure,
        }
    }
}
