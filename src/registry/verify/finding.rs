//! What can be wrong with a registry, in words and with the command that mends it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::mend::Mend;
use crate::registry::Registry;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident $code:literal $means:literal)+) => {
        /// A kind of finding. Scripts go by its word, which does not change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)+
        }

        impl Code {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that stands for it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// What follows from it, in a sentence.
            pub fn means(self) -> &'static str {
                match self {
                    $(Self::$variant => $means,)+
                }
            }
        }
    };
}

codes! {
    /// The system did not let it be looked at.
    CannotLook "cannot-look"
        "nothing can be said of it, and what depends on it counts as held"
    /// Something else than a regular file is in the place of one.
    NotAFile "not-a-file"
        "yoi never reads it, so that it can neither hang nor mislead; what it stands for counts as held"
    /// Something else than a directory is in the place of one.
    NotADirectory "not-a-directory"
        "yoi never looks into it; nothing that belongs there can be read or written"
    /// It is not the registry owner's.
    ForeignOwner "foreign-owner"
        "somebody else could change it, so yoi does not trust it"
    /// Others may write to it.
    WritableByOthers "writable-by-others"
        "others may have changed it, so yoi does not trust it"
    /// Others may look into a directory.
    ReadableByOthers "readable-by-others"
        "others can read claims and conversations"
    /// It is none of the registry's.
    UnknownFile "unknown-file"
        "yoi did not make it under this name, and never reads or removes it"
    /// A record of a newer version.
    NewerVersion "newer-version"
        "a newer yoi wrote it; this one neither reads nor changes it, and what it stands for counts as held"
    /// A record that does not parse.
    InvalidRecord "invalid-record"
        "what it said is not known; what it stands for counts as held"
    /// A record under another name's file name.
    OtherName "other-name"
        "the file was copied or renamed; what it stands for counts as held"
    /// A record under the file name of a name that differs in case alone.
    CaseTwin "case-twin"
        "two names met that this file system, or one that it was copied from, does not tell apart"
    /// The registry's own record is missing.
    NoWorkspaceRecord "no-workspace-record"
        "nothing says whose registry this is; the next change writes it"
    /// The registry's own record names another workspace.
    OtherWorkspace "other-workspace"
        "the registry was copied or renamed by hand, so that two workspaces may share it"
    /// The journal ends in half a line.
    TornJournal "torn-journal"
        "its writer died while it wrote; the line is kept, and the claims themselves are whole"
    /// A line of the journal cannot be read.
    JournalLine "unreadable-journal-line"
        "what it told is lost, unless you can read it; no claim depends on it"
    /// The journal does not know a standing claim.
    JournalLacksClaim "journal-lacks-claim"
        "who committed it died before saying so; the claim stands all the same"
    /// The journal does not know that a claim ended.
    JournalLacksRelease "journal-lacks-release"
        "who released it died before saying so; the ticket is free all the same"
    /// A claim that cannot be read was set aside.
    SetAsideClaim "set-aside-claim"
        "whether the ticket is held stays unknown until a person decides"
    /// A claim is not newer than what came before it.
    GenerationBackwards "generation-backwards"
        "an older claim was put back by hand; a fence given out before may match the wrong claim"
    /// The journal knows a later generation.
    GenerationBehind "generation-behind-journal"
        "a claim or tombstone was lost or put back by hand; generations would be given out twice"
    /// Two claims had one generation.
    GenerationReused "generation-reused"
        "a tombstone was lost once; only the nonce tells the two claims apart"
    /// A claim still has the name that it was made under.
    SecondLink "second-link"
        "who committed it died before tidying up; the claim is valid"
    /// An offer that nobody will commit.
    AbandonedOffer "abandoned-offer"
        "the attempt that it belongs to has ended; it holds nothing"
    /// A file on its way into place that will not arrive.
    LeftoverTemporary "leftover-temporary"
        "its writer died; it holds nothing"
    /// The Pod of a claim is gone.
    StaleClaim "stale-claim"
        "nobody works on the ticket, and nobody else can take it until a person decides"
    /// Another Pod has the name of the one that holds a claim.
    OtherPod "other-pod"
        "the Pod that accepted is gone; its namesake does not hold the ticket"
    /// A Pod holds a claim, and its session record does not say so.
    SessionMissing "session-missing"
        "the launch died before it was recorded; the Pod may not find its ticket when it is restored"
    /// A session record names a ticket that another Pod holds and this one never held.
    SessionOfAnother "session-of-another"
        "the record relates the Pod to a ticket that is not its own; it holds nothing"
    /// A Pod's directory that belongs to nobody.
    NobodysPod "nobodys-pod"
        "its launch failed, and was killed before it tidied up; it only blocks the name"
    /// A Pod without a history.
    NoHistory "no-history"
        "the Pod cannot be restored"
    /// A socket at which nobody listens.
    DeadSocket "dead-socket"
        "its Pod was killed; the next start replaces it"
}

impl Code {
    /// Whether it says that a record cannot be read, though its file can be looked at and is the owner's.
    pub(super) fn is_of_content(self) -> bool {
        matches!(self, Self::NotAFile | Self::InvalidRecord | Self::OtherName | Self::CaseTwin)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A lock that must be free for a finding to be more than something in motion.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Guard {
    /// The ticket lock of a key.
    Ticket(String),
    /// The lock of the Pod of a key.
    Pod(String),
    /// The `flock` of a file or directory.
    Flock(PathBuf),
    /// The mark of a file.
    Mark(PathBuf),
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// Its kind.
    pub code: Code,
    /// The file or directory that it is about.
    pub path: PathBuf,
    /// What is wrong with it.
    pub what: String,
    /// The ticket that it concerns, where one is known.
    pub ticket: Option<String>,
    /// The Pod that it concerns, where one is known.
    pub pod: Option<String>,
    /// The command that mends it, word by word; empty where none does.
    pub remedy: Vec<OsString>,
    pub(super) mend: Option<Mend>,
    /// What must be free for this to be said.
    pub(super) guards: Vec<Guard>,
    /// Whether it is said only where it is seen twice, though no lock tells.
    seen_twice: bool,
    /// What must be the same when it is looked at again: a claim's fence, a file's identity.
    pub(super) mark: String,
}

impl Finding {
    /// Whether `verify --repair` mends it.
    pub fn is_repairable(&self) -> bool {
        self.mend.is_some()
    }

    /// Whether it is about something that is provably dead and only has to be removed.
    pub fn is_dead(&self) -> bool {
        self.mend.as_ref().is_some_and(Mend::is_removal)
    }

    /// Whether mending it writes a line of the journal of its own.
    pub(super) fn is_told_by_mending(&self) -> bool {
        matches!(
            self.mend,
            Some(
                Mend::EndTornLine
                    | Mend::KeepLine(_)
                    | Mend::LogClaim(_)
                    | Mend::LogRelease(_)
                    | Mend::SetAsideClaim(_)
            )
        )
    }

    pub(super) fn new(code: Code, path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self {
            code,
            path: path.into(),
            what: what.into(),
            ticket: None,
            pod: None,
            remedy: Vec::new(),
            mend: None,
            guards: Vec::new(),
            seen_twice: false,
            mark: String::new(),
        }
    }

    pub(super) fn of_ticket(mut self, ticket: impl std::fmt::Display) -> Self {
        self.ticket = Some(ticket.to_string());
        self
    }

    pub(super) fn of_pod(mut self, pod: impl std::fmt::Display) -> Self {
        self.pod = Some(pod.to_string());
        self
    }

    /// Says that it is to be moved out of the registry.
    pub(super) fn moved_away(self, registry: &Registry) -> Self {
        let words = ["mv".into(), "-n".into(), "--".into(), self.path.clone().into_os_string()];
        self.remedied_by(words.into_iter().chain([registry.data().as_os_str().to_owned()]))
    }

    /// Says that it holds only while these are free.
    pub(super) fn unless_held(mut self, guards: impl IntoIterator<Item = Guard>) -> Self {
        self.guards.extend(guards);
        self
    }

    /// Says that it holds only if it is seen again a moment later.
    pub(super) fn seen_twice(mut self) -> Self {
        self.seen_twice = true;
        self
    }

    /// Whether it may be something that is only in motion.
    pub(super) fn is_in_question(&self) -> bool {
        self.seen_twice || !self.guards.is_empty()
    }

    /// Says what must not have changed when it is looked at again.
    pub(super) fn marked(mut self, mark: impl std::fmt::Display) -> Self {
        self.mark = mark.to_string();
        self
    }

    /// Says how `--repair` mends it.
    pub(super) fn mended_by(mut self, mend: Mend) -> Self {
        let words: &[&str] =
            if mend.is_removal() { &["yoi-claim", "gc"] } else { &["yoi-claim", "verify", "--repair"] };
        self.mend = Some(mend);
        self.remedied_by(words.iter().copied())
    }

    /// Says what a person types to mend it.
    pub(super) fn remedied_by<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.remedy = words.into_iter().map(Into::into).collect();
        self
    }

    /// Sends a person to the explanation, which ends with what can be done.
    pub(super) fn explained_by_why(self, name: impl std::fmt::Display) -> Self {
        let name = name.to_string();
        let end = name.starts_with('-').then(|| "--".to_owned());
        self.remedied_by(["yoi".to_owned(), "why".to_owned()].into_iter().chain(end).chain([name]))
    }

    /// What it is about, for telling it in two looks apart.
    pub(super) fn identity(&self) -> (Code, &Path, &str) {
        (self.code, &self.path, &self.mark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_a_word_of_its_own() {
        let mut words: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())));
        let all = words.len();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), all);
    }
}
