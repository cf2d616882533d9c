//! The nouns of yoi: names, records and their text form. Pure: no file, clock or environment is touched here.

mod agent;
mod chain;
mod checklist;
mod claim;
mod evidence;
mod expect;
mod hex;
mod input;
mod name;
mod plain_claim;
mod pod;
mod record;
#[cfg(test)]
mod record_tests;
mod role;
mod session;
mod status;
mod time;

pub use agent::{AcpSpec, AgentSpec, Deadlines, OptionKind, PermissionPolicy, Permissions, ToolKind};
pub use chain::{causes, chain};
pub use checklist::{DEFAULT_SECTIONS, OPEN_QUESTIONS, SectionCheck, SectionOutcome, check_sections};
pub use claim::{Acceptance, Claim, Ended, MAX_PREVIOUS, Previous, WrittenBy};
pub use evidence::Evidence;
pub use expect::{Expect, ParseExpectError};
pub use hex::{Nonce, ParseHexError, PodId};
pub use input::{KnownSegment, Segment};
pub use name::{MAX_NAME, NameError, PodName, Slug, TicketId, is_key, key_of};
pub use pod::{HELD, NewPod, PodRecord, Worktree, path_from_text, path_text};
pub use record::{Record, RecordError, VERSION};
pub(crate) use role::words;
pub use role::{ParseWordError, Role};
pub use session::{Origin, SessionEntry, SessionRecord};
pub use status::{ClaimStatus, PodPhase};
pub use time::Timestamp;
