//! The launch protocol of one ticket as a model: every order in which its processes can take their steps, and each of
//! them killed between any two.
//!
//! A step is one operation on a file or lock that others can see the effect of, in the order in which the code makes
//! them. What only the process itself sees (a log, an fsync, the agent's start) is no step. A wait that has a deadline can
//! end at any time: the model has no clock, so it knows every one. A process that is stopped takes no more steps, which is
//! an order like any other.
//!
//! | here | in the code |
//! | --- | --- |
//! | [`launcher`]: `TakeTicket` … `Spawn` | `launch/execute.rs` `launch_ticket_role_pod`, `check_free`, `start`; `launch/spawn.rs` |
//! | [`launcher`]: `ExcludeRead` … `Tidy` | `registry/claims.rs` `commit`, `standing`, `check_hand_over`, `put_offer`, `put` |
//! | [`launcher`]: `Record`, `SendConfirm` … | `launch/execute.rs` `carry_through`, `launch/steps.rs` |
//! | [`launcher`]: `Withdraw` … `Remove` | `launch/execute.rs` `undo`, `launch/spawn.rs` `Started::undo`; `registry/offers.rs` `withdraw`, `registry/pods.rs` `remove_pod` |
//! | [`launcher`]: `ReadRecord` … `SweepOffers` | `launch/restore.rs` `stopped_pod`, `restore_pod` |
//! | [`warden`]: `TakePod` … `Create`, `Update` | `launch/host.rs` `settle`; `registry/pods.rs` `create_pod`, `sweep_pod`, `update_pod` |
//! | [`warden`]: `Watch` … `DiscardRemove` | `pod/warden.rs`; `launch/desk.rs` `give_up`, `discard` |
//! | [`host`] | `pod/host/*`, `pod/lifecycle.rs`; `launch/desk.rs` |
//! | [`people`] | `registry/release.rs`; `registry/change.rs` `edit`; `registry/reclaim.rs` where it frees a ticket |
//! | [`people`]: `collect` | `registry/verify/mend.rs` `SweepPod`; `registry/pods.rs` `sweep_pod`, `nobodys` |
//!
//! A script under `ticket-lock` is a launcher that does not undo, may go on after a step that failed, may run two steps at
//! once, and may leave a process behind that commits by hand, with the nonce and no lock, after `ticket-lock` has ended.
//!
//! Left out: a claim that reclaim gives to another Pod; other tickets, and Pods of the same name on them; the session index's
//! own lock (a record is one step here); a record that cannot be read, a full disk, and what is lost when the power fails.

mod host;
mod launcher;
mod people;
mod promises;
mod warden;
mod world;

use std::fmt;

use stateright::{Model, Property};

pub use host::Host;
pub use launcher::Launcher;
pub use people::{Admin, Collector, Completer};
pub use warden::Warden;
pub use world::{ATTEMPTS, Ask, Broken, Claim, Directory, Id, NAMES, Proc, World};

/// What an attempt is made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// There is none.
    Nobody,
    /// `yoi intake`.
    Launch,
    /// A script under `ticket-lock`, which may be careless about the statuses of its steps.
    Script,
    /// `yoi restore`.
    Restore,
}

/// What stands before anything happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing: the ticket was never claimed.
    Nothing,
    /// A Pod of the planned name worked on the ticket, and is stopped.
    Stopped,
    /// The same, and its claim is completed.
    Completed,
    /// The same, and its claim was released.
    Released,
    /// A Pod accepted the ticket and its claim was committed; then all was killed, before anybody confirmed it.
    Interrupted,
}

/// A protocol, perhaps weakened, and who takes part in it.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    pub before: Before,
    pub attempts: [Kind; ATTEMPTS],
    /// Whether a person releases a claim.
    pub releases: bool,
    /// Whether a claim is completed.
    pub completes: bool,
    /// Whether what is dead is collected.
    pub collects: bool,
    /// How many processes are killed; `None` for any number.
    pub kills: Option<u8>,
    pub weakened: Option<Weakening>,
}

/// A protection that is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weakening {
    /// Giving up looks at the claim first and unlinks the offer then.
    LookBeforeWithdraw,
    /// A host that gives up ends without looking at the claim.
    WithdrawWithoutLook,
    /// A commit writes a claim of its own instead of linking the offer.
    CommitWithoutOffer,
    /// A commit links what the Pod offers without having heard that it accepted; the Pod offers when it is ready.
    OfferBeforeRun,
    /// A launcher does not take the ticket lock.
    LaunchWithoutTicketLock,
    /// A host does not inherit the ticket lock.
    HostWithoutTicketLock,
    /// The ticket lock is unlocked instead of closed.
    UnlockForClose,
    /// Undoing removes the directory of the Pod's name, whoever's it is.
    UndoByName,
    /// Undoing removes the Pod's directory, and its offer stays; nobody looks whether it is claimed.
    UndoWithoutWithdraw,
    /// Undoing removes the claim, whoever's it is.
    UndoRemovesClaim,
    /// The agent is prompted when the Run is accepted.
    PromptBeforeConfirm,
    /// A confirmation is answered without a look at the claim.
    ConfirmWithoutLook,
    /// A restored host does not read the claim again.
    RestoreWithoutReRead,
    /// A hand-over does not take the old holder's Pod lock.
    HandOverWithoutPodLock,
    /// A release does not take the holder's Pod lock.
    ReleaseWithoutPodLock,
    /// A release does not read the claim again under its locks.
    ReleaseWithoutReRead,
    /// A release does not hold the fence.
    ReleaseWithoutFence,
    /// A completion does not hold the fence.
    CompleteWithoutFence,
    /// A commit does not hold the fence.
    CommitWithoutFence,
    /// A release unlinks the claim and leaves no tombstone.
    ReleaseWithoutTombstone,
    /// A new Pod sweeps an unconfirmed directory of its name without a look at the claim.
    SweepWithoutLook,
    /// A new Pod does not take the lock of its name.
    SpawnWithoutPodLock,
    /// The directory of a dead Pod is removed, and its offer stays.
    SweepWithoutWithdraw,
    /// The probation of a host never ends by itself.
    EndlessProbation,
}

/// One attempt: the launcher's side, and the two processes of its Pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attempt {
    pub launcher: Launcher,
    /// The Pod, as far as the launcher has come to know or make it.
    pub pod: Id,
    /// Its name.
    pub name: usize,
    /// The claim that is handed over.
    pub expect: Option<Claim>,
    /// Whether the write end of the probation pipe is open.
    pub pipe: bool,
    /// Whether a script has ended and a process of it goes on.
    pub left_behind: bool,
    /// What the host said on the ready pipe.
    pub ready: bool,
    /// Whether the Pod was told to stop, by request or signal.
    pub told: bool,
    pub run: Ask,
    pub confirm: Ask,
    pub warden: Warden,
    /// Whether the warden takes the Pod to be on probation.
    pub warden_probation: bool,
    /// Whether the host has told the warden that the probation is over.
    pub released: bool,
    pub host: Host,
}

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State {
    pub world: World,
    pub attempts: [Attempt; ATTEMPTS],
    pub admin: Admin,
    pub completer: Completer,
    pub collector: Collector,
    pub kills: u8,
}

/// One step of one process, with what comes of it.
#[derive(Clone, PartialEq)]
pub struct Action {
    who: Proc,
    what: &'static str,
    to: State,
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.who {
            Proc::Launcher(attempt) => write!(f, "launcher {}: {}", attempt + 1, self.what),
            Proc::Warden(attempt) => write!(f, "warden {}: {}", attempt + 1, self.what),
            Proc::Host(attempt) => write!(f, "host {}: {}", attempt + 1, self.what),
            Proc::Admin => write!(f, "admin: {}", self.what),
            Proc::Completer => write!(f, "completer: {}", self.what),
            Proc::Collector => write!(f, "collector: {}", self.what),
        }
    }
}

/// The steps that a process can take at a moment.
pub struct Steps<'a> {
    pub protocol: &'a Protocol,
    pub state: &'a State,
    who: Proc,
    actions: &'a mut Vec<Action>,
}

impl Steps<'_> {
    /// One step that can be taken.
    pub fn step(&mut self, what: &'static str, change: impl FnOnce(&mut State)) {
        let mut to = *self.state;
        change(&mut to);
        self.actions.push(Action { who: self.who, what, to });
    }

    pub fn is_weakened(&self, weakening: Weakening) -> bool {
        self.protocol.weakened == Some(weakening)
    }
}

impl State {
    /// The end of a process: by itself, or killed.
    pub fn end(&mut self, who: Proc) {
        match who {
            Proc::Launcher(attempt) => {
                self.attempts[attempt].launcher = Launcher::Ended;
                self.attempts[attempt].pipe = false;
            }
            Proc::Warden(attempt) => self.attempts[attempt].warden = Warden::Ended,
            Proc::Host(attempt) => self.attempts[attempt].host = Host::Ended,
            Proc::Admin => self.admin = Admin::Ended,
            Proc::Completer => self.completer = Completer::Ended,
            Proc::Collector => self.collector = Collector::Ended,
        }
        self.world.ended(who);
    }

    /// Whether a process runs that others could notice.
    fn runs(&self, who: Proc) -> bool {
        match who {
            Proc::Launcher(attempt) => self.attempts[attempt].launcher.runs(),
            Proc::Warden(attempt) => self.attempts[attempt].warden.runs(),
            Proc::Host(attempt) => self.attempts[attempt].host.runs(),
            Proc::Admin => !matches!(self.admin, Admin::Absent | Admin::Read | Admin::Ended),
            Proc::Completer => !matches!(self.completer, Completer::Absent | Completer::Read | Completer::Ended),
            Proc::Collector => !matches!(self.collector, Collector::Absent | Collector::Find | Collector::Ended),
        }
    }

    /// Whether a process of a Pod runs under a name: one that has not had the lock of its name yet is nobody.
    fn lives(&self, pod: Id, name: usize) -> bool {
        let lock = self.world.places[name].lock;
        let holds = |n| lock.is_held_by(Proc::Warden(n)) || lock.is_held_by(Proc::Host(n));
        (0..ATTEMPTS).any(|n| self.attempts[n].pod == pod && holds(n))
    }

    /// Takes a Pod's directory away.
    pub fn remove_directory(&mut self, name: usize, by: Id) {
        let before = *self;
        self.world.remove_directory(name, by, |pod| before.lives(pod, name));
    }
}

/// All processes there may be.
fn processes() -> impl Iterator<Item = Proc> {
    let of_attempt = |attempt| [Proc::Launcher(attempt), Proc::Warden(attempt), Proc::Host(attempt)];
    (0..ATTEMPTS).flat_map(of_attempt).chain([Proc::Admin, Proc::Completer, Proc::Collector])
}

impl Protocol {
    /// The steps that the processes can take by themselves.
    fn steps(&self, state: &State, actions: &mut Vec<Action>) {
        for who in processes() {
            let mut steps = Steps { protocol: self, state, who, actions };
            match who {
                Proc::Launcher(attempt) => launcher::steps(&mut steps, attempt),
                Proc::Warden(attempt) => warden::steps(&mut steps, attempt),
                Proc::Host(attempt) => host::steps(&mut steps, attempt),
                Proc::Admin => people::release(&mut steps),
                Proc::Completer => people::complete(&mut steps),
                Proc::Collector => people::collect(&mut steps),
            }
        }
    }

    /// Whether nothing happens any more unless a Pod that works goes on.
    fn is_quiescent(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        self.steps(state, &mut actions);
        actions.iter().all(|action| action.what == host::WORK_ENDS)
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut world = World::default();
        if self.before != Before::Nothing {
            let claim = Claim { pod: 0, name: 0, generation: 1, completed: self.before == Before::Completed };
            world.places[0].directory = Some(Directory { pod: 0, confirmed: self.before != Before::Interrupted });
            world.places[0].session = (self.before != Before::Interrupted).then_some(0);
            world.seen.accepted = 1;
            world.seen.committed = 1;
            world.seen.generation = 1;
            match self.before {
                Before::Released => {
                    world.tombstone = 1;
                    world.seen.ended = 1;
                }
                _ => world.claim = Some(claim),
            }
        }
        let attempt = |(number, kind): (usize, &Kind)| Attempt {
            launcher: Launcher::first(*kind),
            pod: number as Id + 1,
            name: 0,
            expect: None,
            pipe: false,
            left_behind: false,
            ready: false,
            told: false,
            run: Ask::Unsent,
            confirm: Ask::Unsent,
            warden: Warden::Absent,
            warden_probation: true,
            released: false,
            host: Host::Absent,
        };
        let mut attempts = self.attempts.iter().enumerate().map(attempt);
        vec![State {
            world,
            attempts: std::array::from_fn(|_| attempts.next().expect("there are as many attempts as kinds")),
            admin: if self.releases { Admin::Read } else { Admin::Absent },
            completer: if self.completes { Completer::Read } else { Completer::Absent },
            collector: if self.collects { Collector::Find } else { Collector::Absent },
            kills: self.kills.unwrap_or(0),
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.steps(state, actions);
        if self.kills.is_some() && state.kills == 0 {
            return;
        }
        for who in processes().filter(|who| state.runs(*who)) {
            let mut steps = Steps { protocol: self, state, who, actions };
            steps.step("is killed", |to| {
                to.end(who);
                to.kills = to.kills.saturating_sub(1);
            });
        }
    }

    fn next_state(&self, _: &State, action: Action) -> Option<State> {
        Some(action.to)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        promises::properties()
    }
}
