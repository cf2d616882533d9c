//! The tickets of a workspace, what is configured for them, and the procedures that roles follow.
//!
//! # Files
//! ```text
//! .yoi/tickets/<ID>/item.md         front matter and body          item.rs
//!                   thread.md       what happened, appended to     thread.rs, attributes.rs
//!                   resolution.md   how it ended, once closed
//!                   artifacts/      whatever belongs to it
//! .yoi/tmp/<ID>.<random>/           a successor being built        transaction.rs, tree.rs
//! .yoi/ticket.config.toml           roles, backend, checklist      config.rs, strict.rs
//! .yoi/profiles.toml                agent programs                 profiles/
//! .yoi/workflow/<slug>.md           procedures                     workflow.rs
//! ```
//! All of it is shared through git, so nothing local (Pod names, sockets, claims) is ever written here, and neither
//! owner nor mode of a file is checked as the registry does; FIFOs, devices and, in tickets, symlinks are refused.
//!
//! # Reading and writing
//! Readers take no lock ([`Tickets::read`], [`Tickets::list`]) and see a ticket as of one moment. Writers take the
//! `flock` of the tickets' directory for as long as a change takes; it comes after every lock of the registry in the
//! order of locks, and none is taken while it is held. What a change guarantees stands in `transaction.rs`.
//!
//! A new ticket is made in two steps, so that its id can be locked before it exists: [`Tickets::prepare`], then
//! [`PreparedTicket::publish`].

mod actions;
mod attributes;
mod author;
mod config;
mod configure;
mod create;
mod doctor;
mod error;
mod files;
mod id;
mod init;
mod item;
mod place;
mod profiles;
mod record;
mod state;
mod step;
mod store;
mod strict;
mod thread;
mod transaction;
mod tree;
mod watch;
mod workflow;

pub use actions::{Comment, Remark, Taken, Work};
pub use author::{Author, AuthorError};
pub use config::{Config, RoleConfig};
pub use configure::{ConfigureError, Configuring, Edit};
pub use create::{NewTicket, PreparedTicket, Published};
pub use doctor::{Finding, Severity, examine};
pub use error::{FindError, ReadError, WriteError};
pub use id::is_ticket_id;
pub use init::init;
pub use item::{Item, ItemError, Value};
pub use place::Place;
pub use profiles::{
    KNOWN_AGENTS, KnownAgent, ListedProfile, ParseProfileError, ProfileError, ProfileRef, ResolveContext, find_in_path,
    installed_agents, list_profiles, place_of, resolve, ways_to_run,
};
pub use record::{Summary, Ticket, parse_moment};
pub use state::State;
pub use step::Step;
pub use store::{Listed, Tickets};
pub use strict::{ConfigError, Source, Sourced};
pub use thread::{Event, Thread};
pub use watch::{TicketChange, TicketWatch};
pub use workflow::{Workflow, WorkflowError, load_workflow};
