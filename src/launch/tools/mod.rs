//! The tools of a Pod: what an agent may do to tickets, by role. They run in the Pod's host, never in the agent.
//!
//! | tool | role | what it does |
//! | --- | --- | --- |
//! | TicketList, TicketShow | every | read |
//! | TicketComment | every | says something in a thread |
//! | TicketCreate | intake, orchestrator | makes a ticket; an intake holds it then |
//! | TicketIntakeReady | intake | planning → ready |
//! | TicketPlan, TicketDecision | orchestrator | say something in a thread |
//! | TicketQueue | orchestrator | ready → queued |
//! | TicketStart | coder | ready, queued → inprogress |
//! | TicketReport | coder | inprogress → done |
//! | TicketReport | investigator | says what was found out |
//! | TicketReview | reviewer | approves, or done → inprogress |
//!
//! What changes a state and is not the orchestrator's is done under the claim of this Pod on that ticket, which is read
//! afresh and cannot move meanwhile. A failure says what to do instead; it never says how to get at somebody else's
//! ticket, since a model does what it reads.

mod arguments;
mod create;
mod describe;
mod read;
mod remark;
mod work;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::identity::{DeskPod, WriterNow};
use crate::domain::{Claim, Role, TicketId, chain};
use crate::pod::{ToolDescription, ToolOutcome};
use crate::registry::Registry;
use crate::ticket::{Author, Config, Step, Tickets};
use arguments::Arguments;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    List,
    Show,
    Comment,
    Create,
    IntakeReady,
    Plan,
    Decision,
    Queue,
    Start,
    Report,
    Review,
}

impl Tool {
    const ALL: [Self; 11] = [
        Self::List,
        Self::Show,
        Self::Comment,
        Self::Create,
        Self::IntakeReady,
        Self::Plan,
        Self::Decision,
        Self::Queue,
        Self::Start,
        Self::Report,
        Self::Review,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::List => "TicketList",
            Self::Show => "TicketShow",
            Self::Comment => "TicketComment",
            Self::Create => "TicketCreate",
            Self::IntakeReady => "TicketIntakeReady",
            Self::Plan => "TicketPlan",
            Self::Decision => "TicketDecision",
            Self::Queue => "TicketQueue",
            Self::Start => "TicketStart",
            Self::Report => "TicketReport",
            Self::Review => "TicketReview",
        }
    }

    fn is_for(self, role: Role) -> bool {
        match self {
            Self::List | Self::Show | Self::Comment => true,
            Self::Create => matches!(role, Role::Intake | Role::Orchestrator),
            Self::IntakeReady => role == Step::IntakeReady.role(),
            Self::Plan | Self::Decision | Self::Queue => role == Step::Queue.role(),
            Self::Start => role == Step::Start.role(),
            Self::Report => [Step::Report.role(), Step::Findings.role()].contains(&role),
            Self::Review => role == Step::Approve.role(),
        }
    }

    fn reads_only(self) -> bool {
        matches!(self, Self::List | Self::Show)
    }
}

/// The names of the tools of all roles.
pub fn tool_names() -> impl Iterator<Item = &'static str> {
    Tool::ALL.into_iter().map(Tool::name)
}

/// The tools of a role.
pub(super) fn of_role(role: Role) -> Vec<ToolDescription> {
    Tool::ALL.into_iter().filter(|tool| tool.is_for(role)).map(|tool| tool.describe(role)).collect()
}

/// The tools of one Pod, ready to be called.
pub(super) struct ToolBox {
    registry: Registry,
    me: DeskPod,
    writer: WriterNow,
    workspace: PathBuf,
}

/// Words for the agent.
type Answer = Result<String, String>;

impl ToolBox {
    pub(super) fn new(registry: Registry, me: DeskPod, writer: WriterNow, workspace: &Path) -> Self {
        Self { registry, me, writer, workspace: workspace.to_owned() }
    }

    /// Calls a tool by its name.
    pub(super) fn call(&self, name: &str, given: &Value) -> ToolOutcome {
        let answer = match Tool::ALL.into_iter().find(|tool| tool.name() == name) {
            Some(tool) if tool.is_for(self.me.role) => self.answer(tool, given),
            Some(_) => Err(format!("{name} is not a tool of role {}; yours are: {}", self.me.role, self.names())),
            None => Err(format!("there is no tool {name}; yours are: {}", self.names())),
        };
        match answer {
            Ok(text) => ToolOutcome { text, is_error: false },
            Err(text) => ToolOutcome { text, is_error: true },
        }
    }

    fn names(&self) -> String {
        Tool::ALL.into_iter().filter(|tool| tool.is_for(self.me.role)).map(Tool::name).collect::<Vec<_>>().join(", ")
    }

    fn answer(&self, tool: Tool, given: &Value) -> Answer {
        let given = &Arguments::check(&tool.describe(self.me.role), given)?;
        match tool {
            Tool::List => self.list(given),
            Tool::Show => self.show(given),
            Tool::Create => self.create(given),
            Tool::Comment | Tool::Plan | Tool::Decision => self.remark(tool, given),
            Tool::Queue => self.queue(given),
            Tool::IntakeReady | Tool::Start | Tool::Report | Tool::Review => self.work(tool, given),
        }
    }

    /// The tickets, by the configuration as it is now: a person may edit it while the Pod runs.
    fn tickets(&self) -> Result<Tickets, String> {
        let config = Config::load(&self.workspace).map_err(|error| chain(&error))?;
        Ok(Tickets::of(&self.workspace, &config))
    }

    /// The tickets, and the one that the arguments name.
    fn named(&self, given: &Arguments) -> Result<(Tickets, TicketId), String> {
        let tickets = self.tickets()?;
        let id = tickets.find(given.text("ticket")).map_err(|error| chain(&error))?;
        Ok((tickets, id))
    }

    fn author(&self) -> Author {
        Author::role(self.me.role)
    }

    /// The claim of this Pod on a ticket.
    fn own_claim(&self, ticket: &TicketId) -> Result<Claim, String> {
        match self.registry.claim(ticket).map_err(|error| chain(&error))? {
            Some(claim) if claim.pod_id == Some(self.me.pod_id) => Ok(claim),
            Some(claim) => Err(format!("ticket {ticket} is held by Pod {}, not by you; leave it alone", claim.pod)),
            None => Err(format!("you do not hold ticket {ticket}; leave it alone")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(role: Role) -> Vec<String> {
        of_role(role).into_iter().map(|tool| tool.name).collect()
    }

    #[test]
    fn each_role_has_the_tools_that_its_work_needs() {
        for (role, own) in [
            (Role::Intake, &["TicketCreate", "TicketIntakeReady"][..]),
            (Role::Orchestrator, &["TicketCreate", "TicketPlan", "TicketDecision", "TicketQueue"]),
            (Role::Coder, &["TicketStart", "TicketReport"]),
            (Role::Reviewer, &["TicketReview"]),
            (Role::Investigator, &["TicketReport"]),
            (Role::Companion, &[]),
        ] {
            let all: Vec<&str> = ["TicketList", "TicketShow", "TicketComment"].iter().chain(own).copied().collect();
            assert_eq!(names(role), all, "{role}");
        }
    }

    /// What the built-in procedure of a role names are its tools, all of them, but for those that every role has.
    #[test]
    fn the_procedure_of_each_role_names_its_tools_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::load(dir.path()).unwrap();
        for role in Role::ALL.iter().filter(|role| role.is_launchable()) {
            let slug = &config.role(*role).workflow.as_ref().unwrap().value;
            let text = crate::ticket::load_workflow(dir.path(), slug).unwrap().text;
            for tool in Tool::ALL {
                let named = text.contains(tool.name());
                let expected = tool.is_for(*role);
                assert!(named == expected || (tool == Tool::List && !named), "{role}: {}", tool.name());
            }
        }
    }

    #[test]
    fn nobody_but_the_intake_has_the_tool_that_ends_one() {
        for role in Role::ALL {
            assert_eq!(names(*role).contains(&"TicketIntakeReady".to_owned()), *role == Role::Intake, "{role}");
        }
    }
}
