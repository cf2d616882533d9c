//! tickets
mod actions;
mod attributes;
mod author;
mod config;
mod create;
mod error;
mod files;
mod id;
mod item;
mod place;
mod profiles;
mod record;
mod state;
mod store;
mod strict;
mod thread;
mod transaction;
mod tree;

pub use actions::{Comment, IntakeReady, IntakeResult};
pub use author::{Author, AuthorError};
pub use config::{Config, RoleConfig};
pub use create::{NewTicket, PreparedTicket, Published};
pub use error::{FindError, ReadError, WriteError};
pub use item::{Item, ItemError, Value};
pub use place::Place;
pub use profiles::{
    KNOWN_AGENTS, ParseProfileError, ProfileError, ProfileRef, ResolveContext, installed_agents, resolve,
};
pub use record::{Summary, Ticket, parse_moment};
pub use state::State;
pub use store::{Listed, Tickets};
pub use strict::{ConfigError, Source, Sourced};
pub use thread::{Event, Thread};
