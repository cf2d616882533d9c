//! The session index: one record a Pod, each writer under one `flock`.

use std::time::Duration;

use super::offers::Withdrawn;
use super::open::{ReadError, Registry, Writer, read_named};
use crate::domain::{Nonce, PodName, Record as _, SessionEntry, SessionRecord};
use crate::fs::{self, FlockGuard, PathError, PlaceError, Wait, WaitError};

/// How long a writer of the session index waits for the others.
const INDEX_WAIT: Wait = Wait::For(Duration::from_secs(5));

/// What must be there for a session record to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionFence {
    /// Nothing.
    None,
    /// The offer of this attempt, or its record: the launch of a Pod without a ticket, whose record takes the place of
    /// the claim.
    Offer(Nonce),
}

/// Says why a session was not recorded.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The Pod withdrew its offer.
    #[error("Pod {pod} gave up before its session was recorded")]
    OfferGone {
        /// The Pod.
        pod: PodName,
    },
    /// The standing record cannot be read; it is left as it is.
    #[error("cannot record the session of Pod {pod}")]
    Unreadable {
        /// The Pod.
        pod: PodName,
        /// What could not be read.
        #[source]
        source: ReadError,
    },
    /// Another writer of the index took too long.
    #[error("cannot record the session of Pod {pod}: the session index is busy")]
    Busy {
        /// The Pod.
        pod: PodName,
        /// The lock that was not had.
        #[source]
        source: WaitError,
    },
    /// The record stands; whether it survives a power cut is not known.
    #[error("the session of Pod {pod} is recorded, but not known to be durable")]
    NotDurable {
        /// The Pod.
        pod: PodName,
        /// What could not be synced.
        #[source]
        source: PathError,
    },
    /// The record could not be written.
    #[error("cannot record the session of Pod {pod}")]
    Io {
        /// The Pod.
        pod: PodName,
        /// What failed.
        #[source]
        source: PathError,
    },
}

impl Registry {
    /// Reads the session record of a Pod.
    ///
    /// # Errors
    /// When the record is there and cannot be read.
    pub fn session(&self, pod: &PodName) -> Result<Option<SessionRecord>, ReadError> {
        read_named(&self.session_path(pod), pod.as_str())
    }

    /// All session records, by key; those that cannot be read come as errors with their path.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn sessions(&self) -> Result<Vec<Result<SessionRecord, ReadError>>, PathError> {
        super::status::records(&self.dir().join("sessions"), |record: &SessionRecord| record.pod.key())
    }

    /// Writes the session record of a Pod, or merges into it: related tickets grow by union.
    ///
    /// # Errors
    /// When the record cannot be read or written, or what the fence asks for is not there. After
    /// [`SessionError::NotDurable`] the record stands.
    pub fn record_session(
        &self,
        entry: SessionEntry,
        fence: SessionFence,
        writer: &Writer,
    ) -> Result<SessionRecord, SessionError> {
        let pod = entry.pod.clone();
        let io = |source| SessionError::Io { pod: pod.clone(), source };
        let not_durable = |source| SessionError::NotDurable { pod: pod.clone(), source };
        let _index = self.lock_index(&pod)?;
        let standing = self.session(&pod).map_err(|source| SessionError::Unreadable { pod: pod.clone(), source })?;
        let mut offer = None;
        if let SessionFence::Offer(nonce) = fence {
            let path = self.session_offer_path(&pod, nonce);
            let recorded = standing.as_ref().is_some_and(|record| record.nonce == Some(nonce));
            // The Pod withdraws under the same lock, so an offer that is here now can be relied on until the record is.
            if !recorded && fs::read_file(&path).map_err(io)?.is_none() {
                return Err(SessionError::OfferGone { pod });
            }
            offer = Some(path);
        }
        let record = match SessionRecord::merge(standing.as_ref(), entry, writer.now) {
            Some(record) => {
                self.sweep_temporaries("session", &pod.key()).map_err(io)?;
                let temporary = self.temporary("session", &pod.key());
                let placed = fs::replace(&temporary, &self.session_path(&pod), record.render().as_bytes());
                placed.map_err(|error| match error {
                    PlaceError::NotMade(source) => io(source),
                    PlaceError::NotDurable(source) => not_durable(source),
                })?;
                record
            }
            None => {
                fs::sync_dir(&self.dir().join("sessions")).map_err(not_durable)?;
                standing.expect("nothing changes only where something stands")
            }
        };
        if let Some(path) = offer {
            // The record is durable; a name that stays is swept with the Pod's next attempt.
            let _ = fs::unlink(&path);
        }
        Ok(record)
    }

    /// Gives an attempt without a ticket up: unlinks its offer first, looks at the session record then.
    ///
    /// # Errors
    /// When the offer cannot be unlinked or the record cannot be read: whether it stands is then not known.
    pub fn withdraw_session(&self, pod: &PodName, nonce: Nonce) -> Result<Withdrawn, SessionError> {
        let io = |source| SessionError::Io { pod: pod.clone(), source };
        let _index = self.lock_index(pod)?;
        fs::unlink(&self.session_offer_path(pod, nonce)).map_err(io)?;
        let standing = self.session(pod).map_err(|source| SessionError::Unreadable { pod: pod.clone(), source })?;
        let stands = standing.is_some_and(|record| record.nonce == Some(nonce));
        Ok(if stands { Withdrawn::Stands } else { Withdrawn::Gone })
    }

    /// The nonce of the attempt by which a Pod was launched, where its claim or its session record stands.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn committed_nonce(&self, pod: &PodName) -> Result<Option<Nonce>, ReadError> {
        let Some(record) = self.pod(pod)? else { return Ok(None) };
        let claimed = self.claims_of(&record)?.into_iter().map(|claim| claim.nonce);
        let recorded = self.session(pod)?.and_then(|session| session.nonce);
        Ok(record.nonce.filter(|nonce| claimed.chain(recorded).any(|committed| committed == *nonce)))
    }

    fn lock_index(&self, pod: &PodName) -> Result<FlockGuard, SessionError> {
        FlockGuard::acquire(&self.sessions_lock_path(), INDEX_WAIT).map_err(|error| match error {
            WaitError::Held { .. } => SessionError::Busy { pod: pod.clone(), source: error },
            WaitError::Io(source) => SessionError::Io { pod: pod.clone(), source },
        })
    }
}
