//! The panel: the screen on which one person runs many agents.
//!
//! ```text
//! changes, keys, what jobs tell → Model::update → effects: what is to be read or done
//!                                 Model → view → a frame
//! ```
//! * `model` is the state and what becomes of it, `keys` the one table of keys, `layout` and `view` what is seen. All pure.
//! * `modes` is what is asked of the user, `deeds` what is done then: the same operations that the commands
//!   call; `jobs` is what is being done, and what is told of it.
//! * `talk` is what a live Pod says, `attach` the view of its conversation.
//! * `lanes` reads what was asked for, `watcher` tells what changed and what live Pods say, `screen` has the terminal, and
//!   `run` brings them together. None of them is ever waited for by the screen.
//! * `source` reads a workspace: all of it, or one thing of it. `known` keeps what was read, piece by piece; `rows` says
//!   what a line shows and where it stands; `list` keeps the lines in order. But for `source` all of it is pure.
//!
//! No watcher, panel or notice ever starts a Pod by itself: what is done is done because a person asked for it.

mod attach;
mod deeds;
mod detail;
mod jobs;
mod keys;
mod known;
mod lanes;
mod layout;
mod list;
mod model;
mod modes;
mod rows;
mod run;
mod screen;
mod source;
mod talk;
mod text;
mod view;
mod watcher;

pub use attach::{Attach, Typing};
pub use deeds::{Deed, Means, Seen};
pub use jobs::{JobId, News};
pub use known::{FailedLaunch, Known, Piece, RowId, TicketSeen, Touched, pod_key};
pub use lanes::{Ask, Lane};
pub use list::{Closed, List};
pub use model::{Action, Effect, Model};
pub use modes::{Mode, Target, ToClose, ToReclaim};
pub use rows::{Group, Line, Need, Rank, Sort, can_be_opened};
pub use run::{End, Panel, run};
pub use source::{Failures, Source};
pub use talk::{Heard, Talk};
pub use view::view;

#[cfg(test)]
mod tests;
