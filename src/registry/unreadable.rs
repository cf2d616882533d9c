//! Claims that cannot be read: set aside, never deleted, and held by nobody knows whom until a person reclaims the ticket.
//!
//! ```text
//! claims/<key>.toml                cannot be read: the ticket is unknown, which counts as held
//! claims/<key>.unreadable          the same file, set aside: the ticket is as unknown as before
//! claims/<key>.<random>.reclaimed  the same file once a person has decided: no reader takes it for a claim
//! ```
//!
//! Going by keys: of a long one the ticket's name cannot be told where its record cannot be read.

use std::path::{Path, PathBuf};

use super::journal::JournalEntry;
use super::open::{ReadError, Registry, Writer};
use crate::domain::{Claim, Record as _, RecordError, TicketId, chain};
use crate::fs::{self, OfdLock, PathError, Renamed, Wait, WaitError};

/// What became of a claim that was to be set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a claim that can be read is left where it is"]
pub enum SetAside {
    /// It lies under another name now; the ticket stays unknown.
    Done {
        /// Where it lies.
        path: PathBuf,
        /// Why it could not be read.
        why: String,
    },
    /// There is no claim file, or it can be read: nothing was changed.
    NotNeeded,
}

/// Says why a claim that cannot be read was left where it is.
#[derive(Debug, thiserror::Error)]
pub enum SetAsideError {
    /// Another yoi, or a better moment, may read it: it is of a newer version, another's, or the system failed.
    #[error("the claim may still be read")]
    MayBeRead(#[from] ReadError),
    /// Another one was set aside before and waits for a person.
    #[error("'{}' is there already", path.display())]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// The ticket is in flight, or its claim is being changed.
    #[error(transparent)]
    Busy(#[from] WaitError),
    /// It could not be renamed, or the rename not made durable.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// What a claim file is, as far as it can be told.
pub(super) enum ClaimFile {
    /// There is none.
    Missing,
    /// A claim of its key.
    Readable,
    /// No claim, and none that any yoi could read: torn bytes, another's record, no regular file.
    Damaged(ReadError),
}

/// Whether what is known of a ticket's claim can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Legibility {
    /// Claim and tombstone can be read, as far as there are any.
    Sound,
    /// The claim is damaged or was set aside, or the tombstone of a free ticket is damaged.
    Damaged,
}

impl Registry {
    /// Sets the claim of a key aside if it cannot be read, under ticket lock and fence.
    ///
    /// The ticket stays unknown, and so held, until a person reclaims it.
    ///
    /// # Errors
    /// When the ticket is in flight to the end of the wait, the claim may be read by somebody else or later, another
    /// one was set aside before, or it cannot be renamed.
    pub fn set_aside_claim(&self, key: &str, wait: Wait, writer: &Writer) -> Result<SetAside, SetAsideError> {
        let _ticket = OfdLock::acquire(&self.lock_path_of_key(key), wait)?;
        let _fence = self.fence_of_key(key)?;
        let from = self.claim_path_of_key(key);
        let ClaimFile::Damaged(error) = claim_file(&from, key)? else { return Ok(SetAside::NotNeeded) };
        let path = set_aside_path(&from);
        match fs::rename_new(&from, &path)? {
            Renamed::Done => {}
            Renamed::Taken => return Err(SetAsideError::Occupied { path }),
        }
        fs::sync_dir(&self.claims_dir())?;
        let why = chain(&error);
        let mut entry = JournalEntry::new("set_aside").because(&why);
        entry.ticket = TicketId::of_key(key);
        let _ = self.log(writer, entry);
        Ok(SetAside::Done { path, why })
    }

    /// Whether what is known of a ticket's claim can be read.
    ///
    /// # Errors
    /// When that cannot be told, or somebody else could read it.
    pub(super) fn legibility(&self, ticket: &TicketId) -> Result<Legibility, ReadError> {
        let (path, key) = (self.claim_path(ticket), ticket.key());
        Ok(match claim_file(&path, &key)? {
            ClaimFile::Readable => Legibility::Sound,
            ClaimFile::Damaged(_) => Legibility::Damaged,
            // A claim that was set aside by hand may be of a newer version, which is an error here too.
            ClaimFile::Missing => match claim_file(&set_aside_path(&path), &key)? {
                ClaimFile::Readable | ClaimFile::Damaged(_) => Legibility::Damaged,
                ClaimFile::Missing => match claim_file(&self.tombstone_path(ticket), &key)? {
                    ClaimFile::Damaged(_) => Legibility::Damaged,
                    ClaimFile::Readable | ClaimFile::Missing => Legibility::Sound,
                },
            },
        })
    }

    /// Gives what cannot be read a name that no reader takes for a claim; the caller syncs the directory.
    pub(super) fn retire(&self, path: &Path, ticket: &TicketId) -> Result<(), PathError> {
        let kept = self.retired_path(ticket);
        match fs::rename_new(path, &kept) {
            Ok(Renamed::Done) => Ok(()),
            Ok(Renamed::Taken) => Err(PathError::refused("rename into place", &kept, "it is there already")),
            Err(error) if error.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A fresh name for what could not be read of a ticket, once a person has decided.
    pub(super) fn retired_path(&self, ticket: &TicketId) -> PathBuf {
        self.claims_dir().join(format!("{}.{}.reclaimed", ticket.key(), fs::random_suffix()))
    }

    /// The claim of the ticket of a key.
    pub(super) fn claim_path_of_key(&self, key: &str) -> PathBuf {
        self.claims_dir().join(format!("{key}.toml"))
    }

    /// Fails where the claim of this path, which is missing, was set aside.
    ///
    /// Asked after the claim: whoever sets it aside renames it, so that one of the two looks finds it.
    pub(super) fn check_not_set_aside(claim: &Path) -> Result<(), ReadError> {
        let path = set_aside_path(claim);
        if fs::is_there(&path)? { Err(ReadError::SetAside { path }) } else { Ok(()) }
    }
}

/// Where a claim file is set aside.
pub(super) fn set_aside_path(claim: &Path) -> PathBuf {
    claim.with_extension("unreadable")
}

/// The key of a claim that was set aside, from its file name.
pub(super) fn set_aside_key(name: &str) -> Option<&str> {
    name.strip_suffix(".unreadable")
}

/// Looks at a claim file and tells damage from what somebody else, or a better moment, could read.
///
/// # Errors
/// When it is of a newer version, the file belongs to another or is writable by others, or the system failed.
pub(super) fn claim_file(path: &Path, key: &str) -> Result<ClaimFile, ReadError> {
    let bytes = match fs::read_file(path) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(ClaimFile::Missing),
        Err(error) => {
            // A planted symlink, FIFO or directory, or something too large, is no claim whoever reads it.
            let is_sound = fs::is_record_sized_file(path)?;
            return if is_sound { Err(error.into()) } else { Ok(ClaimFile::Damaged(error.into())) };
        }
    };
    let wrong = |source| ReadError::Record { path: path.to_owned(), source };
    match Claim::parse(&bytes) {
        Ok(claim) if claim.ticket.key() == key => Ok(ClaimFile::Readable),
        Ok(claim) => {
            let found = claim.ticket.key();
            let error = wrong(RecordError::OtherName { expected: key.to_owned(), found: claim.ticket.into() });
            // On a file system that folds case this is the sound claim of a twin.
            if found.eq_ignore_ascii_case(key) { Err(error) } else { Ok(ClaimFile::Damaged(error)) }
        }
        Err(source @ RecordError::Newer { .. }) => Err(wrong(source)),
        Err(source) => Ok(ClaimFile::Damaged(wrong(source))),
    }
}
