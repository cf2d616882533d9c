//! Calls of the Pod's tools that an agent tells of as well.
//!
//! The Pod writes down each call of its own tools as it makes it. An agent that reaches them through a tool server tells
//! of the same call once more, under a name that it decorates in its own way (`mcp__yoi__TicketShow`). What it tells is
//! shown only where the Pod made no such call: then the call never arrived. Which of the two comes first is left to
//! chance.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::domain::Timestamp;
use crate::launch::tool_names;
use crate::pod::protocol::Caller;

/// How many calls of an agent are held back at most.
const MAX_HELD: usize = 64;

/// What is to be shown of a tool call.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Showing {
    /// All of it.
    Now,
    /// Nothing.
    Never,
    /// What was held back before, and then this.
    After(Held),
}

/// The beginning of a call of which it is not known yet whether it is to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) tool: String,
    pub(super) arguments: Value,
    pub(super) at: Timestamp,
}

/// Matches, within a turn, what the Pod and its agent tell of the same calls.
#[derive(Debug, Default)]
pub(super) struct Doubles {
    /// Calls that the Pod made and no agent has told of: how many of each tool.
    made: BTreeMap<&'static str, usize>,
    /// Calls that the agent told of, and the Pod has not made.
    held: BTreeMap<u64, Held>,
    /// Calls that the agent told of, and the Pod has made.
    hidden: BTreeSet<u64>,
}

impl Doubles {
    /// A turn begins: no call of an earlier one is meant any more.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// A call begins.
    pub(super) fn start(&mut self, call: u64, by: Caller, beginning: Held) -> Showing {
        match (by, by_title(&beginning.tool, by)) {
            (_, None) => Showing::Now,
            (Caller::Pod, Some(tool)) => {
                let told = self.held.iter().find(|(_, held)| by_title(&held.tool, Caller::Agent) == Some(tool));
                match told.map(|(call, _)| *call) {
                    Some(call) => {
                        self.held.remove(&call);
                        self.hidden.insert(call);
                    }
                    None => *self.made.entry(tool).or_default() += 1,
                }
                Showing::Now
            }
            (Caller::Agent, Some(tool)) => {
                match self.made.get_mut(tool).filter(|made| **made > 0) {
                    Some(made) => {
                        *made -= 1;
                        self.hidden.insert(call);
                    }
                    None if self.held.len() < MAX_HELD => drop(self.held.insert(call, beginning)),
                    None => return Showing::Now,
                }
                Showing::Never
            }
        }
    }

    /// A call ends.
    pub(super) fn end(&mut self, call: u64) -> Showing {
        match self.held.remove(&call) {
            Some(held) => Showing::After(held),
            None if self.hidden.remove(&call) => Showing::Never,
            None => Showing::Now,
        }
    }
}

/// Which of the Pods' tools is meant: by its name, or as agents decorate it, behind something that ends in no letter and
/// no digit.
fn by_title(title: &str, by: Caller) -> Option<&'static str> {
    tool_names().find(|tool| {
        let decoration = match by {
            Caller::Pod => return title == *tool,
            Caller::Agent => title.strip_suffix(tool),
        };
        // "Tool: yoi/TicketShow" is decorated; "grep TicketShow" is a command with an argument.
        let word = |decoration: &str| decoration.rsplit(' ').next().and_then(|word| word.chars().last());
        decoration.is_some_and(|before| before.is_empty() || word(before).is_some_and(|c| !c.is_alphanumeric()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beginning(tool: &str) -> Held {
        Held { tool: tool.to_owned(), arguments: Value::Null, at: "2026-06-07T22:02:25Z".parse().unwrap() }
    }

    #[test]
    fn decorations_are_told_from_words_of_a_command() {
        for title in ["mcp__yoi__TicketShow", "yoi_TicketShow", "yoi.TicketShow", "Tool: yoi/TicketShow", "TicketShow"]
        {
            assert_eq!(by_title(title, Caller::Agent), Some("TicketShow"), "{title}");
        }
        for title in ["grep TicketShow", "MyTicketShow", "TicketShow.rs", "Read file", ""] {
            assert_eq!(by_title(title, Caller::Agent), None, "{title}");
        }
        assert_eq!(by_title("yoi_TicketShow", Caller::Pod), None, "the Pod's own names are not decorated");
    }

    #[test]
    fn a_call_that_both_tell_of_is_shown_once_whichever_comes_first() {
        let mut doubles = Doubles::default();
        assert_eq!(doubles.start(1, Caller::Agent, beginning("yoi_TicketShow")), Showing::Never);
        assert_eq!(doubles.start(2, Caller::Pod, beginning("TicketShow")), Showing::Now);
        assert_eq!((doubles.end(2), doubles.end(1)), (Showing::Now, Showing::Never));
        assert_eq!(doubles.start(3, Caller::Pod, beginning("TicketShow")), Showing::Now);
        assert_eq!(doubles.end(3), Showing::Now);
        assert_eq!(doubles.start(4, Caller::Agent, beginning("yoi_TicketShow")), Showing::Never);
        assert_eq!(doubles.end(4), Showing::Never);
    }

    #[test]
    fn a_call_that_never_arrived_is_shown_at_its_end() {
        let mut doubles = Doubles::default();
        let told = beginning("mcp__yoi__TicketShow");
        assert_eq!(doubles.start(1, Caller::Agent, told.clone()), Showing::Never);
        assert_eq!(doubles.start(2, Caller::Pod, beginning("TicketList")), Showing::Now, "another tool");
        assert_eq!(doubles.end(1), Showing::After(told));
    }

    #[test]
    fn each_call_of_the_pod_hides_one_of_the_agent() {
        let mut doubles = Doubles::default();
        doubles.start(1, Caller::Pod, beginning("TicketShow"));
        doubles.start(2, Caller::Agent, beginning("yoi_TicketShow"));
        doubles.start(3, Caller::Agent, beginning("yoi_TicketShow"));
        assert_eq!(doubles.end(2), Showing::Never);
        assert!(matches!(doubles.end(3), Showing::After(_)));
        doubles.start(4, Caller::Pod, beginning("TicketShow"));
        doubles.forget();
        doubles.start(5, Caller::Agent, beginning("yoi_TicketShow"));
        assert!(matches!(doubles.end(5), Showing::After(_)), "a call of an earlier turn hides nothing");
    }

    #[test]
    fn what_is_held_back_is_bounded() {
        let mut doubles = Doubles::default();
        let mut shown = (0..100).map(|call| doubles.start(call, Caller::Agent, beginning("yoi_TicketShow")));
        assert_eq!(shown.by_ref().take(MAX_HELD).filter(|showing| *showing == Showing::Now).count(), 0);
        assert!(shown.all(|showing| showing == Showing::Now));
    }
}
