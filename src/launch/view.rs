//! What can be said of a Pod, derived from its lock, its record and its own answer.

use std::time::Duration;

use crate::domain::{ClaimStatus, PodName, PodPhase, PodRecord, Role, chain};
use crate::pod::client::Client;
use crate::pod::protocol::PermissionRequest;
use crate::registry::{ReadError, Registry, Restorable};

use super::steps::within;
use super::terminal::HeldAt;

/// How long a live Pod may take to say how it is.
const ANSWER: Duration = Duration::from_secs(1);

/// How a Pod is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodStatus {
    /// It runs and says so itself.
    Phase(PodPhase),
    /// It runs on probation: its launch is not confirmed.
    Launching,
    /// Its lock is held, but it does not answer.
    Live,
    /// It is stopped and can be restored.
    Restorable,
    /// It is stopped and cannot be restored.
    Stale,
    /// Its record or lock cannot be read.
    Unknown,
}

impl PodStatus {
    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phase(phase) => phase.as_str(),
            Self::Launching => ClaimStatus::Launching.as_str(),
            Self::Live => ClaimStatus::Live.as_str(),
            Self::Restorable => ClaimStatus::Restorable.as_str(),
            Self::Stale => ClaimStatus::Stale.as_str(),
            Self::Unknown => ClaimStatus::Unknown.as_str(),
        }
    }

    /// Whether something of the Pod lives.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Phase(_) | Self::Launching | Self::Live)
    }
}

impl std::fmt::Display for PodStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What can be said of one Pod.
#[derive(Debug, Clone, PartialEq)]
pub struct PodView {
    /// Its name, or that of its file where the record does not tell.
    pub pod: String,
    /// What it is for, where known.
    pub role: Option<Role>,
    /// How it is.
    pub status: PodStatus,
    /// The evidence for that, in words.
    pub reason: String,
    /// Its record, where it can be read.
    pub record: Option<PodRecord>,
    /// The requests for permission that wait for an answer, as it says; `None` where it was not heard.
    pub permissions: Option<Vec<PermissionRequest>>,
}

impl PodView {
    fn unknown(pod: String, reason: String) -> Self {
        Self { pod, role: None, status: PodStatus::Unknown, reason, record: None, permissions: None }
    }

    /// The requests for permission that wait for an answer, as far as is known.
    pub fn asks(&self) -> &[PermissionRequest] {
        self.permissions.as_deref().unwrap_or_default()
    }
}

/// Derives how a Pod is; `None` where there is no Pod of that name.
pub fn view_pod(registry: &Registry, pod: &PodName, restorable: &dyn Restorable) -> Option<PodView> {
    let unknown = |reason: String| PodView::unknown(pod.to_string(), reason);
    let lives = match registry.pod_lives(pod) {
        Ok(lives) => lives,
        Err(error) => return Some(unknown(chain(&error))),
    };
    let record = match registry.pod(pod) {
        Ok(Some(record)) => record,
        Ok(None) if lives => return Some(unknown("its lock is held, and it has no record".to_owned())),
        Ok(None) => return None,
        Err(error) => return Some(unknown(chain(&error))),
    };
    let mut permissions = None;
    let (status, reason) = if lives {
        let (status, reason, asks) = ask(registry, &record);
        permissions = asks;
        (status, reason)
    } else if record.confirmed_at.is_none() && registry.claims_of(&record).is_ok_and(|claims| claims.is_empty()) {
        (PodStatus::Stale, "its launch never came to its confirmation".to_owned())
    } else {
        match registry.can_restore(&record, restorable) {
            Ok(()) => (PodStatus::Restorable, "no lock is held, and it can be restored".to_owned()),
            Err(why) => (PodStatus::Stale, format!("no lock is held, and it cannot be restored: {why}")),
        }
    };
    Some(PodView { pod: pod.to_string(), role: Some(record.role), status, reason, record: Some(record), permissions })
}

fn ask(registry: &Registry, record: &PodRecord) -> (PodStatus, String, Option<Vec<PermissionRequest>>) {
    if record.is_held() {
        let at = HeldAt::of(registry, &record.pod);
        return match record.confirmed_at {
            Some(_) => (PodStatus::Phase(PodPhase::Running), format!("its lock is held, in a terminal: {at}"), None),
            None => (PodStatus::Launching, format!("its lock is held, and its program has not begun: {at}"), None),
        };
    }
    match Client::connect(&registry.socket_path(&record.pod), within(ANSWER)) {
        Ok((_client, snapshot)) => {
            let (status, reason) = if snapshot.probation {
                (PodStatus::Launching, "its lock is held, and its launch is not confirmed".to_owned())
            } else {
                let reason = format!("its lock is held, and it says that it is {}", snapshot.status);
                (PodStatus::Phase(snapshot.status), reason)
            };
            (status, reason, Some(snapshot.permissions))
        }
        Err(error) => (PodStatus::Live, format!("its lock is held, but it does not answer: {}", chain(&error)), None),
    }
}

/// Derives how every Pod is, by key; a record that cannot be read is a view of its own.
///
/// # Errors
/// When the directory of Pods cannot be listed.
pub fn view_pods(registry: &Registry, restorable: &dyn Restorable) -> Result<Vec<PodView>, crate::fs::PathError> {
    let views = registry.pods()?.into_iter().filter_map(|read| match read {
        Ok(record) => view_pod(registry, &record.pod, restorable),
        Err(error) => Some(unreadable(&error)),
    });
    Ok(views.collect())
}

fn unreadable(error: &ReadError) -> PodView {
    let path = match error {
        ReadError::Path(error) => &error.path,
        ReadError::Record { path, .. } | ReadError::SetAside { path } => path,
    };
    let key = path.parent().and_then(|dir| dir.file_name()).map(|name| name.to_string_lossy().into_owned());
    PodView::unknown(key.unwrap_or_default(), chain(error))
}
