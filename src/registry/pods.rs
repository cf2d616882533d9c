//! Pods on disk: their lock, their directory, their record.

use std::path::{Path, PathBuf};

use super::open::{ReadError, Registry, Writer, read_named};
use super::ticket_lock::TicketLock;
use crate::domain::{Claim, PodId, PodName, PodRecord, Record as _, TicketId};
use crate::fs::{self, LockState, OfdLock, PathError, Wait, WaitError};

/// The lock of one Pod: held for as long as anything of it lives.
#[derive(Debug)]
#[must_use = "the Pod lock is held only while this is"]
pub struct PodLock {
    pod: PodName,
    lock: OfdLock,
}

impl PodLock {
    /// The Pod that it is the lock of.
    pub fn pod(&self) -> &PodName {
        &self.pod
    }

    /// Writes into the lock, for people, who holds it; that is also what tells whoever watches that it is held.
    pub fn mark(&self, what_for: &str, writer: &Writer) {
        // A full disk that has no room for the text is no reason not to run.
        let _ = self.lock.describe(&writer.lock_text(what_for, "pod", self.pod.as_str()));
    }

    /// Gives the lock itself, for the host and warden that keep it to their end.
    pub fn into_lock(self) -> OfdLock {
        self.lock
    }
}

/// A Pod that belongs to nobody.
#[derive(Debug)]
#[must_use = "its claim may be committed once this is dropped"]
pub(super) struct Nobodys {
    /// The lock of the ticket that it was launched on, where the caller does not hold it.
    _ticket: Option<OfdLock>,
}

/// Says why a Pod's directory could not be made, changed or removed.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// The name is taken by a Pod that can still be restored, or may be.
    #[error("the name {pod} is taken")]
    Taken {
        /// The Pod.
        pod: PodName,
    },
    /// The record cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ReadError),
    /// The directory is of another Pod than the one that was meant.
    #[error("Pod {pod} is another one by now")]
    OtherPod {
        /// The Pod.
        pod: PodName,
    },
    /// The directory is of a Pod whose claim stands.
    #[error("Pod {pod} has the claim on ticket {ticket}")]
    Claimed {
        /// The Pod.
        pod: PodName,
        /// The ticket.
        ticket: TicketId,
    },
    /// A file or directory could not be written or removed.
    #[error(transparent)]
    Io(#[from] PathError),
}

impl Registry {
    /// Tries to take the lock of a Pod; `None` where something of that Pod lives.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn try_lock_pod(&self, pod: &PodName) -> Result<Option<PodLock>, PathError> {
        match OfdLock::acquire(&self.pod_lock_path(pod), Wait::No) {
            Ok(lock) => Ok(Some(PodLock { pod: pod.clone(), lock })),
            Err(WaitError::Held { .. }) => Ok(None),
            Err(WaitError::Io(error)) => Err(error),
        }
    }

    /// Waits for the lock of a Pod that was just ended; `None` where it is still held at the end of the wait.
    ///
    /// # Errors
    /// When the lock file cannot be used.
    pub fn lock_ended_pod(&self, pod: &PodName, wait: Wait) -> Result<Option<PodLock>, PathError> {
        match OfdLock::acquire(&self.pod_lock_path(pod), wait) {
            Ok(lock) => Ok(Some(PodLock { pod: pod.clone(), lock })),
            Err(WaitError::Held { .. }) => Ok(None),
            Err(WaitError::Io(error)) => Err(error),
        }
    }

    /// Asks the kernel whether anything of a Pod lives.
    ///
    /// # Errors
    /// When the lock file exists and cannot be asked about.
    pub fn pod_lives(&self, pod: &PodName) -> Result<bool, PathError> {
        Ok(fs::probe(&self.pod_lock_path(pod))? == LockState::Held)
    }

    /// Waits until nothing of a Pod lives, without taking its lock; false where something still does.
    ///
    /// # Errors
    /// When the lock file exists and cannot be asked about.
    pub fn wait_for_end(&self, pod: &PodName, wait: Wait) -> Result<bool, PathError> {
        fs::wait_until_free(&self.pod_lock_path(pod), wait)
    }

    /// Reads the record of a Pod; `None` where it has no directory, or one without a record.
    ///
    /// # Errors
    /// When the record is there and cannot be read.
    pub fn pod(&self, pod: &PodName) -> Result<Option<PodRecord>, ReadError> {
        read_named(&self.pod_dir(pod).join("pod.toml"), pod.as_str())
    }

    /// Whether a name is certainly taken: by a live Pod, or by a confirmed one that is stopped.
    ///
    /// `false` promises nothing: the host that takes the Pod lock decides.
    pub fn name_is_taken(&self, pod: &PodName) -> bool {
        self.pod_lives(pod).unwrap_or(false)
            || self.pod(pod).is_ok_and(|record| record.is_some_and(|record| record.confirmed_at.is_some()))
    }

    /// A fresh name for the log of a Pod that is about to be started.
    pub fn log_on_its_way(&self, pod: &PodName) -> PathBuf {
        self.temporary("log", &pod.key())
    }

    /// Records, in the Pod's directory, that it is about to carry out a transition under a claim; synced.
    ///
    /// A crash between a ticket's transition and the claim's completion leaves this behind, so that a repeat under the
    /// same claim is recognised and finishes what is missing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn intend(&self, pod: &PodName, claim: &Claim) -> Result<(), PathError> {
        let path = self.intent_path(pod, claim);
        if fs::read_file(&path)?.is_some() {
            return Ok(());
        }
        let text = format!("ticket {}\nclaim {}:{}\n", claim.ticket, claim.generation, claim.nonce);
        Ok(fs::replace(&self.temporary("pod", &pod.key()), &path, text.as_bytes())?)
    }

    /// Whether a transition under a claim was intended before.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn was_intended(&self, pod: &PodName, claim: &Claim) -> Result<bool, PathError> {
        Ok(fs::read_file(&self.intent_path(pod, claim))?.is_some())
    }

    pub(super) fn intent_path(&self, pod: &PodName, claim: &Claim) -> PathBuf {
        self.pod_dir(pod).join(format!("ready-{}.{}", claim.ticket.key(), claim.nonce))
    }

    /// Makes the directory of a new Pod, complete with its record and the log that its launcher opened, all synced.
    ///
    /// What an earlier attempt of that name left behind and nobody owns is swept first; `ticket` is the lock of the
    /// ticket that the new Pod is launched on.
    ///
    /// # Errors
    /// [`PodError::Taken`] when the name belongs to a Pod.
    pub fn create_pod(
        &self,
        lock: &PodLock,
        record: &PodRecord,
        log: Option<&Path>,
        ticket: Option<&TicketLock>,
    ) -> Result<PathBuf, PodError> {
        let key = record.pod.key();
        self.sweep_pod(lock, ticket)?;
        let building = self.temporary("pod", &key);
        let dir = self.pod_dir(&record.pod);
        let built = Self::build_pod(&building, record, log)
            .and_then(|()| fs::rename_into_place(&building, &dir).map_err(PathError::from));
        if built.is_err() {
            // The failure is what the caller must hear of; what stays is swept by the next Pod of that name.
            let _ = fs::remove_tree(&building);
        }
        built?;
        // Logs of launchers that died before their host took them; one that a loser still writes to stays open there.
        self.sweep_temporaries("log", &key)?;
        Ok(dir)
    }

    /// Fills the directory of a Pod before it gets its name, all synced.
    fn build_pod(building: &Path, record: &PodRecord, log: Option<&Path>) -> Result<(), PathError> {
        // Not its parents: where the registry was moved away, nothing is made in its old place.
        fs::make_private_subdir(building)?;
        fs::create_file(&building.join("pod.toml"), record.render().as_bytes())?;
        if let Some(log) = log {
            let inside = building.join("host.log");
            std::fs::rename(log, &inside).map_err(|source| PathError { doing: "move", path: inside, source })?;
        }
        fs::create_file(&building.join("history.jsonl"), b"")?;
        fs::sync_dir(building)
    }

    /// Removes what belongs to nobody under a Pod's name: temporaries, a directory without a record, and an unconfirmed
    /// Pod whose nonce neither a claim nor a session record carries.
    ///
    /// # Errors
    /// [`PodError::Taken`] when the directory belongs to a Pod, or its ticket is in flight elsewhere.
    pub fn sweep_pod(&self, lock: &PodLock, ticket: Option<&TicketLock>) -> Result<(), PodError> {
        let pod = lock.pod();
        self.sweep_pod_of_key(&pod.key())?;
        let dir = self.pod_dir(pod);
        if !dir.exists() {
            return Ok(());
        }
        let taken = || PodError::Taken { pod: pod.clone() };
        let record = self.pod(pod)?;
        // Kept until the directory is gone: a commit in between would leave a claim without its Pod.
        let _nobodys = record.map(|record| self.nobodys(&record, ticket)?.ok_or_else(taken)).transpose()?;
        Ok(self.bury(lock)?)
    }

    /// Removes what the earlier processes of a Pod were about to put into its directory when they were killed.
    ///
    /// # Errors
    /// When the files cannot be listed or removed.
    pub fn sweep_pod_temporaries(&self, lock: &PodLock) -> Result<(), PathError> {
        let key = lock.pod().key();
        self.sweep_temporaries("pod", &key)?;
        self.sweep_temporaries("podtoml", &key)
    }

    /// Removes the temporaries and offers of a Pod, by key; only for whoever holds its lock.
    pub(super) fn sweep_pod_of_key(&self, key: &str) -> Result<(), PathError> {
        self.sweep_temporaries("pod", key)?;
        self.sweep_temporaries("podtoml", key)?;
        self.sweep_session_offers(key)
    }

    /// Looks whether an unconfirmed Pod belongs to nobody, which stays so for as long as the answer is kept; `None` where
    /// it is somebody's. Only for whoever holds its lock.
    pub(super) fn nobodys(&self, record: &PodRecord, ticket: Option<&TicketLock>) -> Result<Option<Nobodys>, PodError> {
        if record.confirmed_at.is_some() {
            return Ok(None);
        }
        // Another attempt on its ticket may be about to commit its offer: look only while the ticket cannot move.
        let other = match &record.ticket {
            Some(id) if ticket.is_none_or(|held| held.ticket() != id) => {
                match OfdLock::acquire(&self.ticket_lock_path(id), Wait::No) {
                    Ok(lock) => Some(lock),
                    Err(WaitError::Held { .. }) => return Ok(None),
                    Err(WaitError::Io(error)) => return Err(error.into()),
                }
            }
            _ => None,
        };
        let claimed = match &record.ticket {
            Some(id) => {
                self.withdraw_for_the_dead(id, record)?;
                self.claim(id)?.is_some_and(|claim| claim.pod_id == Some(record.pod_id))
            }
            None => false,
        };
        let recorded = self.session(&record.pod)?.is_some_and(|session| session.pod_id == Some(record.pod_id));
        Ok((!claimed && !recorded).then_some(Nobodys { _ticket: other }))
    }

    /// Gives an attempt up whose Pod has died: unlinks its offer, so that no claim is made of it after the look that follows.
    fn withdraw_for_the_dead(&self, ticket: &TicketId, record: &PodRecord) -> Result<(), PathError> {
        let Some(nonce) = record.nonce else { return Ok(()) };
        let offer = self.offer_path(ticket, nonce);
        if fs::exists(&offer) {
            // It may be the one name of a claim that is known to be durable, until the other one is.
            fs::sync_dir(&self.claims_dir())?;
            fs::unlink(&offer)?;
        }
        Ok(())
    }

    /// Changes the record of a Pod; only for whoever holds its lock.
    ///
    /// # Errors
    /// When the record is missing, unreadable, another Pod's, or cannot be replaced.
    pub fn update_pod(
        &self,
        pod: &PodName,
        pod_id: PodId,
        change: impl FnOnce(&mut PodRecord),
    ) -> Result<PodRecord, PodError> {
        let old = self.pod(pod)?.filter(|record| record.pod_id == pod_id);
        let mut record = old.ok_or_else(|| PodError::OtherPod { pod: pod.clone() })?;
        let before = record.clone();
        change(&mut record);
        if record != before {
            let path = self.pod_dir(pod).join("pod.toml");
            let temporary = self.temporary("podtoml", &pod.key());
            fs::replace(&temporary, &path, record.render().as_bytes()).map_err(PathError::from)?;
        }
        Ok(record)
    }

    /// Removes the directory of a Pod that gave up; only for whoever holds its lock. One that is gone is as good.
    ///
    /// # Errors
    /// When the directory is another Pod's by now, its claim stands, or it cannot be removed.
    pub fn remove_pod(&self, lock_of: &PodName, pod_id: PodId) -> Result<(), PodError> {
        match self.pod(lock_of)? {
            Some(record) if record.pod_id != pod_id => Err(PodError::OtherPod { pod: lock_of.clone() }),
            None if !self.pod_dir(lock_of).exists() => Ok(()),
            Some(record) => {
                if let Some(ticket) = &record.ticket {
                    // Whoever gives up has done so before, but for a host that was not heard of in time.
                    self.withdraw_for_the_dead(ticket, &record)?;
                    if self.claim(ticket)?.is_some_and(|claim| claim.pod_id == Some(pod_id)) {
                        return Err(PodError::Claimed { pod: lock_of.clone(), ticket: ticket.clone() });
                    }
                }
                Ok(self.bury_key(&lock_of.key())?)
            }
            None => Ok(self.bury_key(&lock_of.key())?),
        }
    }

    fn bury(&self, lock: &PodLock) -> Result<(), PathError> {
        self.bury_key(&lock.pod().key())
    }

    /// Renames first, so that no reader ever sees half a Pod; then removes.
    pub(super) fn bury_key(&self, key: &str) -> Result<(), PathError> {
        let grave = self.temporary("pod", key);
        let dir = self.dir().join("pods").join(key);
        fs::rename(&dir, &grave).map_err(|source| PathError { doing: "remove", path: dir, source })?;
        fs::sync_dir(&self.dir().join("pods"))?;
        fs::remove_tree(&grave)
    }

    /// The names of all Pods that have a directory; those whose record cannot be read come as an error with their path.
    ///
    /// # Errors
    /// When the directory of Pods cannot be listed.
    pub fn pods(&self) -> Result<Vec<Result<PodRecord, ReadError>>, PathError> {
        let dir = self.dir().join("pods");
        let mut names = fs::entries(&dir)?;
        // What was set aside has a name that is no key.
        names.retain(|name| name.to_str().is_none_or(|name| !name.starts_with('~')));
        names.sort();
        Ok(names
            .into_iter()
            .filter_map(|name| {
                let path = dir.join(&name).join("pod.toml");
                let read = || -> Result<Option<PodRecord>, ReadError> {
                    let Some(bytes) = fs::read_file(&path)? else { return Ok(None) };
                    let record =
                        PodRecord::parse(&bytes).and_then(|record| match record.pod.key() == name.to_string_lossy() {
                            true => Ok(record),
                            false => Err(crate::domain::RecordError::OtherName {
                                expected: name.to_string_lossy().into_owned(),
                                found: record.pod.to_string(),
                            }),
                        });
                    record.map(Some).map_err(|source| ReadError::Record { path: path.clone(), source })
                };
                read().transpose()
            })
            .collect())
    }
}
