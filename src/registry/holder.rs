//! The holder of a claim that is about to be changed by somebody else: that it does not live, and cannot come back.

use super::change::ChangeError;
use super::open::{ReadError, Registry};
use super::status::Restorable;
use crate::domain::{Claim, PodId, PodName, RecordError};
use crate::fs::{self, PathError, SharedLock};

/// Keeps the former holder of a claim from coming back.
#[derive(Debug)]
#[must_use = "the holder can come back once this is dropped"]
pub(super) struct Excluded {
    /// The holder's Pod lock, shared: of two who end claims of one Pod, on two tickets, neither takes the other for that
    /// Pod. `None` where it cannot come back whoever holds the lock of its name.
    _lock: Option<SharedLock>,
}

impl Registry {
    /// Takes the Pod lock of a claim's holder, so that it cannot come back; tried only, held means refused.
    ///
    /// # Errors
    /// [`ChangeError::HolderLive`], or when the lock cannot be used.
    pub(super) fn exclude_holder(&self, claim: &Claim) -> Result<Excluded, ChangeError> {
        let excluded =
            self.exclude_pod(&claim.pod).map_err(|source| ChangeError::Io { ticket: claim.ticket.clone(), source })?;
        match excluded {
            Some(excluded) => Ok(excluded),
            // A later Pod of that name lives. The one that accepted went with its directory and does not come back.
            None if self.is_succeeded(claim) => Ok(Excluded { _lock: None }),
            None => Err(ChangeError::HolderLive { claim: Box::new(claim.clone()) }),
        }
    }

    /// Keeps a Pod from starting; `None` where something of it, or of another one of its name, lives.
    ///
    /// # Errors
    /// When its lock cannot be used.
    pub(super) fn exclude_pod(&self, pod: &PodName) -> Result<Option<Excluded>, PathError> {
        match SharedLock::try_acquire(&self.pod_lock_path(pod)) {
            Ok(Some(lock)) => Ok(Some(Excluded { _lock: Some(lock) })),
            Ok(None) => Ok(None),
            // A full disk has no room for a lock file that was never made. Nobody holds that lock, and a Pod that makes
            // it from now on waits for the ticket lock before it reads its claim.
            Err(_) if !fs::is_there(&self.pod_lock_path(pod))? => Ok(Some(Excluded { _lock: None })),
            Err(error) => Err(error),
        }
    }

    /// Whether another Pod bears the name of a claim's holder by now; what cannot be read counts as the holder.
    fn is_succeeded(&self, claim: &Claim) -> bool {
        match (claim.pod_id, self.pod(&claim.pod)) {
            (Some(id), Ok(Some(record))) => id != record.pod_id,
            _ => false,
        }
    }

    /// Whether the holder of a claim, which does not live, can be restored; asked while it is excluded.
    ///
    /// # Errors
    /// When the system, or a newer version, keeps that from being told.
    pub(super) fn holder_can_return(&self, claim: &Claim, restorable: &dyn Restorable) -> Result<bool, ReadError> {
        self.can_return(&claim.pod, claim.pod_id, restorable)
    }

    /// Whether a Pod that does not live can be restored; asked while it is excluded.
    ///
    /// # Errors
    /// When the system, or a newer version, keeps that from being told.
    pub(super) fn can_return(
        &self,
        pod: &PodName,
        id: Option<PodId>,
        restorable: &dyn Restorable,
    ) -> Result<bool, ReadError> {
        match self.pod(pod) {
            Ok(Some(record)) if id.is_none_or(|id| id == record.pod_id) => {
                Ok(self.can_restore(&record, restorable).is_ok())
            }
            Ok(_) => Ok(false),
            Err(ReadError::Record { source: RecordError::Invalid { .. }, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
