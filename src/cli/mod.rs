//! The edge: the only room that reads the environment, the clock and the terminal, and that prints.
//!
//! A program is [`run`] over its command line. A command is handed a [`Cli`], asks it for what it needs, calls one
//! operation of the library, and hands records back to be shown; a [`Failure`] ends it.
#![allow(clippy::disallowed_methods, reason = "this is the room that reads environment and clock")]

pub mod args;
mod ask;
mod bad_lines;
pub(crate) mod commands;
mod completion;
pub mod conversation;
mod editor;
mod environment;
mod error;
mod exit;
mod failures;
mod interrupt;
mod output;
mod place;
mod progress;
pub mod quote;
mod record;
mod rows;
mod run;
mod style;
mod table;
mod template;
mod time;
mod world;

pub use bad_lines::BadLines;
pub use completion::{CompleteArgs, Kind, Shell, script};
pub use editor::Draft;
pub use environment::{Environment, VARIABLES, descriptor_limit};
pub use error::{Failure, OrExit};
pub use exit::Exit;
pub use output::{End, Format, Printer, SCHEMA, View, written};
pub use place::Place;
pub use progress::{Progress, doing, starting};
pub use record::{Field, Row, Value};
pub use rows::{ChangeRow, ClaimRow, CollectedRow, CommitRow, FindingRow, JournalRow, PodRow, SessionRow};
pub use run::{Cli, CommandLine, Program, run};
pub use style::{Meaning, Paint, Painted};
pub use table::{Cell, cut};
pub use template::{Template, TemplateError};
pub use time::{Clock, age, lasted, local, short_age, until_aged};
