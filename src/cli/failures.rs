//! Which exit status each error of the library has, in one place.

use super::{Exit, Failure};
use crate::fs::WaitError;
use crate::launch::{InFlightError, PlanError, RestoreError, Step, TicketRoleLaunchError, Undone};
use crate::pod::ClientError;
use crate::registry::{ChangeError, CommitError, OpenError, PodError, ReadError, SessionError, WorkspaceError};

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
    PodError, ClientError,
}

impl HasExit for ChangeError {
    fn exit(&self) -> Exit {
        match self {
            Self::NotFound { .. }
            | Self::Expectation { .. }
            | Self::HolderLive { .. }
            | Self::NotCompleted { .. }
            | Self::TakerNotLive { .. } => Exit::Refused,
            Self::Busy { .. } => Exit::Busy,
            Self::Unknown { .. } | Self::Io { .. } => Exit::Environment,
        }
    }
}

impl HasExit for CommitError {
    fn exit(&self) -> Exit {
        match self {
            Self::Held { .. } | Self::OtherOffer { .. } => Exit::Refused,
            Self::NoNonce { .. } => Exit::Usage,
            Self::Busy { .. } => Exit::Busy,
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
            Self::Taken { .. } | Self::OtherPod { .. } => Exit::Refused,
            Self::Unreadable(_) | Self::Io(_) => Exit::Environment,
        }
    }
}

impl HasExit for OpenError {
    fn exit(&self) -> Exit {
        Exit::Environment
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
        Exit::Usage
    }
}

impl HasExit for PlanError {
    fn exit(&self) -> Exit {
        Exit::Usage
    }
}

impl HasExit for ClientError {
    fn exit(&self) -> Exit {
        Exit::LaunchFailed
    }
}
