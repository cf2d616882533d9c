//! What the processes share: the files and locks of one ticket, as the kernel and the file system keep them.

/// A Pod's identity, and the nonce of the attempt that launched it: 0 is the Pod of before, 1 … those of the attempts.
pub type Id = u8;

/// How many attempts there are at most.
pub const ATTEMPTS: usize = 3;
/// How many names Pods may have: the planned one and the one with `-2`.
pub const NAMES: usize = 2;

/// A process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Proc {
    /// `yoi intake`, `ticket-lock` with its script, or `yoi restore`.
    Launcher(usize),
    /// The first process of a Pod, which becomes its warden.
    Warden(usize),
    /// The second process of a Pod.
    Host(usize),
    /// `claim-release` by a person.
    Admin,
    /// `claim-complete` by anybody.
    Completer,
    /// `gc`, or `verify --repair`.
    Collector,
}

impl Proc {
    fn bit(self) -> u16 {
        1 << match self {
            Self::Launcher(attempt) => attempt,
            Self::Warden(attempt) => ATTEMPTS + attempt,
            Self::Host(attempt) => 2 * ATTEMPTS + attempt,
            Self::Admin => 3 * ATTEMPTS,
            Self::Completer => 3 * ATTEMPTS + 1,
            Self::Collector => 3 * ATTEMPTS + 2,
        }
    }
}

/// An open-file-description lock: the processes that have the description open that holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OfdLock(u16);

impl OfdLock {
    pub fn is_held(self) -> bool {
        self.0 != 0
    }

    pub fn is_held_by(self, who: Proc) -> bool {
        self.0 & who.bit() != 0
    }

    /// `F_OFD_SETLK` on a fresh description, which the caller has seen to be free.
    pub fn take(&mut self, who: Proc) {
        assert!(!self.is_held(), "a lock that is held is not had");
        self.0 = who.bit();
    }

    /// `fork`: the child has the parent's descriptor.
    pub fn inherit(&mut self, parent: Proc, child: Proc) {
        if self.is_held_by(parent) {
            self.0 |= child.bit();
        }
    }

    /// `close`, or the end of the process.
    pub fn close(&mut self, who: Proc) {
        self.0 &= !who.bit();
    }

    /// `F_UNLCK`: frees it for all who inherited it. Only a weakened protocol does so.
    pub fn unlock(&mut self, who: Proc) {
        if self.is_held_by(who) {
            self.0 = 0;
        }
    }
}

/// `claims/<key>.toml`, and an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    pub pod: Id,
    pub name: usize,
    pub generation: u8,
    pub completed: bool,
}

impl Claim {
    /// `--expect GEN:NONCE`: completion keeps both.
    pub fn is_same(self, other: Self) -> bool {
        (self.pod, self.generation) == (other.pod, other.generation)
    }
}

/// `pods/<key>/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Directory {
    pub pod: Id,
    pub confirmed: bool,
}

/// Everything of one Pod's name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Place {
    pub lock: OfdLock,
    pub directory: Option<Directory>,
    /// `sessions/<key>.toml`: whose it is.
    pub session: Option<Id>,
}

/// A request on the Pod's socket and what became of it. What was sent stays to be read, also when its sender is dead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ask {
    #[default]
    Unsent,
    Sent,
    Granted,
    Refused,
}

/// The files and locks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct World {
    pub ticket_lock: OfdLock,
    /// The `flock` of the same file.
    pub fence: Option<Proc>,
    pub claim: Option<Claim>,
    /// The generation of `claims/<key>.released`; 0 where there is none.
    pub tombstone: u8,
    /// By nonce.
    pub offers: [Option<Claim>; ATTEMPTS + 1],
    /// Whose `tmp/claim-<key>.*` there is.
    pub temporary: Option<Proc>,
    pub places: [Place; NAMES],
    pub seen: Seen,
}

/// What no process knows: what has happened, for the promises that speak of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Pods that accepted, by bit.
    pub accepted: u8,
    /// Attempts that were committed.
    pub committed: u8,
    /// Attempts that somebody has given up and said so.
    pub given_up: u8,
    /// Claims that were released or handed over.
    pub ended: u8,
    /// The highest generation.
    pub generation: u8,
    /// The first thing that went wrong in one step.
    pub broken: Option<Broken>,
}

/// What can go wrong in one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Broken {
    /// A claim was committed whose Pod never accepted.
    NeverAccepted,
    /// A claim was committed whose generation is not above all before.
    Generation,
    /// A claim was overwritten or removed that nobody had asked to change.
    ClaimLost,
    /// The directory of a Pod was removed that lives, was confirmed, or is claimed.
    DirectoryLost,
    /// A file was removed that a living process was about to rename.
    TemporaryLost,
}

impl World {
    pub fn broke(&mut self, what: Broken) {
        self.seen.broken.get_or_insert(what);
    }

    /// `link(2)` or `rename(2)` of a claim into its place; the caller's checks were made, or left out.
    pub fn put_claim(&mut self, claim: Claim, instead_of: Option<Claim>) {
        let bit = 1 << claim.pod;
        if self.seen.accepted & bit == 0 {
            self.broke(Broken::NeverAccepted);
        }
        if claim.generation <= self.seen.generation {
            self.broke(Broken::Generation);
        }
        match (self.claim, instead_of) {
            (None, None) => {}
            (Some(old), Some(expected)) if old.is_same(expected) => self.seen.ended |= 1 << old.pod,
            _ => self.broke(Broken::ClaimLost),
        }
        self.claim = Some(claim);
        self.seen.committed |= bit;
        self.seen.generation = self.seen.generation.max(claim.generation);
    }

    /// The rename of a Pod's directory to `tmp/`; `alive` tells of the Pod's processes.
    pub fn remove_directory(&mut self, name: usize, by: Id, alive: impl Fn(Id) -> bool) {
        if let Some(old) = self.places[name].directory {
            let claimed = self.claim.is_some_and(|claim| claim.pod == old.pod);
            if claimed || (old.pod != by && (old.confirmed || alive(old.pod))) {
                self.broke(Broken::DirectoryLost);
            }
        }
        self.places[name].directory = None;
    }

    /// All that the kernel does for a process that has ended.
    pub fn ended(&mut self, who: Proc) {
        self.ticket_lock.close(who);
        for place in &mut self.places {
            place.lock.close(who);
        }
        if self.fence == Some(who) {
            self.fence = None;
        }
    }
}
