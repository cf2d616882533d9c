//! The panel: the screen on which one person runs many agents.
//!
//! ```text
//! changes, keys, what jobs tell → Model::update → effects: what is to be read or done
//!                                 Model → view → a frame
//! ```
//! * `source` reads a workspace: all of it, or one thing of it. `known` keeps what was read, piece by piece; `rows` says
//!   what a line shows and where it stands; `list` keeps the lines in order. But for `source` all of it is pure.
//!
//! No watcher, panel or notice ever starts a Pod by itself: what is done is done because a person asked for it.

mod known;
mod list;
mod rows;
mod source;

pub use known::{FailedLaunch, Known, Piece, RowId, TicketSeen, Touched, pod_key};
pub use list::{Closed, List};
pub use rows::{Group, Line, Need, Rank, Sort, can_be_opened};
pub use source::{Failures, Source};
