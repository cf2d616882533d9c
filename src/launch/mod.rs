//! Launching a Pod on a ticket, restoring it, and undoing what fails.
//!
//! `plan` is pure; `execute` does and undoes; [`steps`] are what the plumbing's verbs call one by one. `desk` and `tools`
//! are the other side: what the Pod's host, in its own process, asks of the registry and the tickets.

mod by_hand;
mod desk;
mod error;
mod execute;
mod hold;
pub mod hooks;
mod host;
mod hosting;
mod identity;
mod in_flight;
mod next;
mod openers;
mod overview;
mod plan;
mod probe;
mod queue;
mod restore;
mod setup;
mod spawn;
pub mod steps;
mod terminal;
mod tools;
mod upkeep;
mod view;
mod waiting;
mod worktree;

pub use by_hand::{PodSpawn, SpawnedBy};
pub use error::{Failed, Partial, Step, TicketRoleLaunchError, Undone};
pub use execute::{LaunchOptions, TicketRoleLaunchResult, launch_ticket_role_pod};
pub use hold::{HoldError, HoldRequest, Holding, hold};
pub use host::{HostEnvironment, host_pod};
pub use hosting::HostSpec;
pub use identity::WriterNow;
pub use in_flight::{HandedDown, InFlight, InFlightError, LockedCommand, LockedEnd, run_locked};
pub use next::{Left, NextError, NextLaunch, launch_next, peek_next, works_from_the_queue};
pub use openers::{holder, openers};
pub use overview::{Overview, Standing, overview};
pub use plan::{
    MAX_ENTRIES, MAX_FIELD, MAX_INPUT, PlanError, RoleSettings, TicketRef, TicketRoleLaunchContext,
    TicketRoleLaunchPlan, plan_ticket_role_launch, plan_ticket_role_launch_with_config,
};
pub use probe::{ProbeError, probe};
pub use queue::{Queue, QueueError, queue_ticket};
pub use restore::{RestoreError, Restored, restore_pod, stopped_pod};
pub use setup::{RestoreCheck, Setup, Surroundings};
pub use spawn::{Services, Started};
pub use terminal::HeldAt;
pub use tools::tool_names;
pub use upkeep::{Collected, Collection, Removal, Upkeep};
pub use view::{PodStatus, PodView, view_pod, view_pods};
pub use waiting::{Awaited, Waiting, WaitingError, Wanted, wait_until};
pub use worktree::WorktreeError;
