//! Looking at files: kind, owner and mode of each, and the findings that come of that.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::finding::{Code, Finding};
use super::mend::Mend;
use crate::domain::{Record, RecordError, chain};
use crate::fs::{self, Kind, Look, PathError};
use crate::registry::Registry;
use crate::registry::survey::in_handfuls;

/// What others may do with what is the registry's: nothing.
const AWAY: u32 = 0o077;

/// Looks at the files of a registry and gathers what is wrong with them.
pub(super) struct Looker<'a> {
    pub registry: &'a Registry,
    /// The user whose registry it is.
    pub owner: u32,
    pub findings: Vec<Finding>,
}

/// What a record's file holds.
pub(super) enum Held<R> {
    /// Nothing: there is no such file, or none any more.
    Nothing,
    /// The record.
    Record(R),
    /// Something that cannot be read.
    Wrong(Box<Finding>),
}

impl<'a> Looker<'a> {
    /// Begins with the registry's own directory; `None` where there is none.
    pub(super) fn begin(registry: &'a Registry) -> (Self, bool) {
        let mut looker = Self { registry, owner: nix::unistd::geteuid().as_raw(), findings: Vec::new() };
        let found = looker.look(registry.dir());
        if let Some(look) = found
            && nix::unistd::geteuid().is_root()
        {
            // Root may look at anybody's registry; what matters is that all in it is that one's.
            looker.owner = look.uid;
        }
        let usable = found.and_then(|look| looker.judge(registry.dir(), &look, Kind::Directory));
        let usable = usable.is_none_or(|finding| {
            let is_to_be_read = finding.code != Code::NotADirectory;
            looker.found(finding);
            is_to_be_read
        });
        (looker, found.is_some() && usable)
    }

    pub(super) fn found(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Looks at a name; one that cannot be looked at is a finding.
    pub(super) fn look(&mut self, path: &Path) -> Option<Look> {
        fs::look(path).unwrap_or_else(|error| {
            self.found(cannot_look(&error));
            None
        })
    }

    /// The names in a directory; what cannot be listed is a finding, and what is not there is empty.
    pub(super) fn entries(&mut self, dir: &Path) -> Vec<OsString> {
        match fs::look(dir) {
            Ok(Some(look)) if look.kind != Kind::Directory => return Vec::new(),
            Ok(None) => return Vec::new(),
            _ => {}
        }
        fs::entries(dir).unwrap_or_else(|error| {
            self.found(cannot_look(&error));
            Vec::new()
        })
    }

    /// Checks kind, owner and mode of many files.
    pub(super) fn check_all(&mut self, paths: Vec<(PathBuf, Kind)>) {
        let this = &*self;
        let check = |(path, kind): &(PathBuf, Kind)| match fs::look(path) {
            Ok(Some(look)) => this.judge(path, &look, *kind),
            Ok(None) => None,
            Err(error) => Some(cannot_look(&error)),
        };
        self.findings.extend(in_handfuls(&paths, |paths| paths.iter().filter_map(check).collect()));
    }

    /// What is wrong with a file that should be of this kind.
    pub(super) fn judge(&self, path: &Path, look: &Look, kind: Kind) -> Option<Finding> {
        if look.kind != kind {
            let code = if kind == Kind::Directory { Code::NotADirectory } else { Code::NotAFile };
            let finding = Finding::new(code, path, format!("it is {}", look.kind.words()));
            return Some(finding.moved_away(self.registry));
        }
        self.judge_access(path, look.uid, look.mode, kind)
    }

    fn judge_access(&self, path: &Path, uid: u32, mode: u32, kind: Kind) -> Option<Finding> {
        if uid != self.owner {
            let what = format!("it belongs to user {uid}, not to user {}", self.owner);
            let words = ["sudo".into(), "chown".into(), "-h".into(), self.owner.to_string().into(), path.into()];
            return Some(Finding::new(Code::ForeignOwner, path, what).remedied_by::<OsString>(words));
        }
        let says = |who: &str| format!("{who} (mode {mode:04o})");
        if mode & 0o022 != 0 {
            let finding = Finding::new(Code::WritableByOthers, path, says("others may write to it"));
            return Some(finding.mended_by(Mend::Restrict { away: AWAY }));
        }
        if kind == Kind::Directory && mode & 0o077 != 0 {
            let finding = Finding::new(Code::ReadableByOthers, path, says("others may look into it"));
            return Some(finding.mended_by(Mend::Restrict { away: AWAY }));
        }
        None
    }

    /// Reads a record; `aside` is how one that cannot be read is set aside.
    pub(super) fn record<R: Record>(
        &self,
        path: &Path,
        key: &str,
        key_of: fn(&R) -> String,
        aside: impl FnOnce() -> Option<Mend>,
    ) -> Held<R> {
        let bytes = match fs::read_file_of(path) {
            Ok(None) => return Held::Nothing,
            Ok(Some((bytes, uid))) if uid == self.owner => bytes,
            Ok(Some((_, uid))) => {
                let wrong = self.judge_access(path, uid, 0o600, Kind::File);
                return wrong.map_or(Held::Nothing, |finding| Held::Wrong(Box::new(finding)));
            }
            Err(error) => return self.refused(path, error, aside),
        };
        let record = R::parse(&bytes).and_then(|record| {
            let found = key_of(&record);
            if found == key {
                return Ok(record);
            }
            Err(RecordError::OtherName { expected: key.to_owned(), found })
        });
        match record {
            Ok(record) => Held::Record(record),
            Err(error) => Held::Wrong(Box::new(self.wrong_record(path, &error, aside))),
        }
    }

    /// What is wrong with a record that was read.
    fn wrong_record(&self, path: &Path, error: &RecordError, aside: impl FnOnce() -> Option<Mend>) -> Finding {
        match error {
            RecordError::Newer { .. } => Finding::new(Code::NewerVersion, path, format!("it {error}")),
            RecordError::Invalid { why } => invalid(path, format!("it is no valid record: {why}"), aside),
            RecordError::OtherName { expected, found } => {
                let what = format!("it holds the record of {found:?}, not of {expected:?}");
                if expected.eq_ignore_ascii_case(found) {
                    // On a file system that folds case this may be the sound record of the twin.
                    return Finding::new(Code::CaseTwin, path, what).moved_away(self.registry);
                }
                let finding = Finding::new(Code::OtherName, path, what);
                match aside() {
                    Some(mend) => finding.mended_by(mend),
                    None => finding.moved_away(self.registry),
                }
            }
        }
    }

    /// Tells why a file was not read: by what it is, rather than by what the system said.
    fn refused<R>(&self, path: &Path, error: PathError, aside: impl FnOnce() -> Option<Mend>) -> Held<R> {
        let look = match fs::look(path) {
            Ok(Some(look)) => look,
            Ok(None) => return Held::Nothing,
            Err(error) => return Held::Wrong(Box::new(cannot_look(&error))),
        };
        let finding = match self.judge(path, &look, Kind::File) {
            Some(finding) if finding.code == Code::NotAFile => match aside() {
                Some(mend) => finding.mended_by(mend),
                None => finding,
            },
            Some(finding) => finding,
            None if error.source.raw_os_error().is_some() => cannot_look(&error),
            // Too large, or grown while it was read.
            None => invalid(path, error.source.to_string(), aside),
        };
        Held::Wrong(Box::new(finding))
    }
}

pub(super) fn cannot_look(error: &PathError) -> Finding {
    let path = error.path.as_os_str().to_owned();
    let words = ["ls".into(), "-ld".into(), "--".into(), path];
    Finding::new(Code::CannotLook, &error.path, chain(error)).remedied_by::<OsString>(words)
}

fn invalid(path: &Path, what: String, aside: impl FnOnce() -> Option<Mend>) -> Finding {
    let finding = Finding::new(Code::InvalidRecord, path, what);
    match aside() {
        Some(mend) => finding.mended_by(mend),
        None => finding.remedied_by::<OsString>(["vi".into(), path.into()]),
    }
}
