//! The tools of a Pod: what an agent may do to tickets, by role. They run in the Pod's host, never in the agent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::identity::{DeskPod, WriterNow};
use crate::domain::{Acceptance, Claim, Evidence, Expect, Nonce, Role, SessionEntry, TicketId, Timestamp, chain};
use crate::fs::{self, Wait, WaitError};
use crate::pod::{ToolDescription, ToolOutcome};
use crate::registry::{CommitRequest, Registry, SessionFence, TicketLock, Writer};
use crate::ticket::{
    Author, Comment, Config, IntakeReady, IntakeResult, NewTicket, PreparedTicket, Published, State, Ticket, Tickets,
};

/// How often a new ticket's id is given up because somebody else took it at the same time.
const MAX_IDS: u64 = 100;
/// The longest answer of a listing, in tickets.
const MAX_LISTED: usize = 200;

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    List,
    Show,
    Create,
    Comment,
    IntakeReady,
}

impl Tool {
    const ALL: [Self; 5] = [Self::List, Self::Show, Self::Create, Self::Comment, Self::IntakeReady];

    fn name(self) -> &'static str {
        match self {
            Self::List => "TicketList",
            Self::Show => "TicketShow",
            Self::Create => "TicketCreate",
            Self::Comment => "TicketComment",
            Self::IntakeReady => "TicketIntakeReady",
        }
    }

    fn is_for(self, role: Role) -> bool {
        match self {
            Self::List | Self::Show | Self::Comment => true,
            Self::Create | Self::IntakeReady => role == Role::Intake,
        }
    }

    fn describe(self) -> ToolDescription {
        let text = |about: &str| json!({ "type": "string", "description": about });
        let ticket = || text("The ticket's id, such as 00001KTJ1QJB8");
        let (description, properties, required) = match self {
            Self::List => (
                "List the tickets of this workspace: id, state and title, one a line.",
                json!({ "state": text("Only tickets of this state: planning, ready, queued, inprogress, done or closed") }),
                json!([]),
            ),
            Self::Show => (
                "Read one ticket: its title, state, body and thread.",
                json!({
                    "ticket": ticket(),
                    "format": { "type": "string", "enum": ["markdown", "json"], "description": "How to answer; markdown unless given" },
                }),
                json!(["ticket"]),
            ),
            Self::Create => (
                "Make a new ticket in state planning. You then hold it: finish it with TicketIntakeReady.",
                json!({ "title": text("What it is about, in one line"), "body": text("What must be known, in Markdown") }),
                json!(["title", "body"]),
            ),
            Self::Comment => (
                "Add a comment to a ticket's thread. Ask your questions this way, all in one comment.",
                json!({ "ticket": ticket(), "heading": text("A short heading"), "body": text("The comment, in Markdown") }),
                json!(["ticket", "body"]),
            ),
            Self::IntakeReady => (
                "Say that a ticket which you hold is ready to be worked on: the summary goes into its thread and its \
                 state from planning to ready. Your work on it is then done.",
                json!({ "ticket": ticket(), "summary": text("What there is to know before the work begins, in Markdown") }),
                json!(["ticket", "summary"]),
            ),
        };
        ToolDescription {
            name: self.name().to_owned(),
            description: description.to_owned(),
            schema: json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            }),
        }
    }
}

/// The tools of a role.
pub(super) fn of_role(role: Role) -> Vec<ToolDescription> {
    Tool::ALL.into_iter().filter(|tool| tool.is_for(role)).map(Tool::describe).collect()
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListArguments {
    state: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ShowArguments {
    ticket: String,
    format: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateArguments {
    title: String,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CommentArguments {
    ticket: String,
    heading: Option<String>,
    body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadyArguments {
    ticket: String,
    summary: String,
}

fn arguments<T: DeserializeOwned>(tool: Tool, given: &Value) -> Result<T, String> {
    let given = if given.is_null() { json!({}) } else { given.clone() };
    serde_json::from_value(given).map_err(|error| {
        let schema = tool.describe().schema["properties"].clone();
        let names = schema.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>().join(", "));
        format!("the arguments do not fit: {error}. {} takes: {}", tool.name(), names.unwrap_or_default())
    })
}

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
        match tool {
            Tool::List => self.list(&arguments(tool, given)?),
            Tool::Show => self.show(&arguments(tool, given)?),
            Tool::Create => self.create(arguments(tool, given)?),
            Tool::Comment => self.comment(&arguments(tool, given)?),
            Tool::IntakeReady => self.intake_ready(&arguments(tool, given)?),
        }
    }

    /// The tickets, by the configuration as it is now: a person may edit it while the Pod runs.
    fn tickets(&self) -> Result<Tickets, String> {
        let config = Config::load(&self.workspace).map_err(|error| chain(&error))?;
        Ok(Tickets::of(&self.workspace, &config))
    }

    fn author(&self) -> Author {
        Author::role(self.me.role)
    }

    fn list(&self, given: &ListArguments) -> Answer {
        let state = given.state.as_deref().map(str::parse::<State>).transpose().map_err(|error| error.to_string())?;
        let mut text = String::new();
        let mut more = 0;
        for (at, listed) in self.tickets()?.list().map_err(|error| chain(&error))?.into_iter().enumerate() {
            let line = match listed.summary {
                Ok(summary) if state.is_none_or(|state| state == summary.state) => {
                    format!("{} {} {}", summary.id, summary.state, summary.title)
                }
                Ok(_) => continue,
                Err(error) => format!("{} cannot be read: {}", listed.id, chain(&error)),
            };
            if at < MAX_LISTED {
                text.push_str(&line);
                text.push('\n');
            } else {
                more += 1;
            }
        }
        if more > 0 {
            // Writing to a String does not fail.
            let _ = writeln!(text, "… and {more} more; ask for one state");
        }
        Ok(if text.is_empty() { "there are no such tickets".to_owned() } else { text })
    }

    fn show(&self, given: &ShowArguments) -> Answer {
        let tickets = self.tickets()?;
        let id = tickets.find(&given.ticket).map_err(|error| chain(&error))?;
        let ticket = tickets.read(&id).map_err(|error| chain(&error))?;
        match given.format.as_deref() {
            Some("json") => Ok(ticket_json(&ticket).to_string()),
            None | Some("markdown") => Ok(ticket_markdown(&ticket)),
            Some(other) => Err(format!("format is {other:?}; use \"markdown\" or \"json\"")),
        }
    }

    fn comment(&self, given: &CommentArguments) -> Answer {
        let tickets = self.tickets()?;
        let id = tickets.find(&given.ticket).map_err(|error| chain(&error))?;
        let author = self.author();
        let comment = Comment { author: &author, heading: given.heading.as_deref(), body: &given.body };
        tickets.comment(&id, &comment, (self.writer)().now).map_err(|error| chain(&error))?;
        Ok(format!("the comment stands in the thread of {id}"))
    }

    /// Makes a ticket and claims it for this Pod: its lock is held from before its directory appears until it is claimed.
    fn create(&self, given: CreateArguments) -> Answer {
        let tickets = self.tickets()?;
        let writer = (self.writer)();
        let new = NewTicket { title: given.title, body: given.body, author: self.author() };
        for later in 0..MAX_IDS {
            // An id whose lock is held has no directory yet, so it looks free to who asks for the same moment again.
            let moment = Timestamp::new(writer.now.get() + Duration::from_millis(later));
            let prepared = tickets.prepare(&new, moment).map_err(|error| chain(&error))?;
            let id = prepared.id().clone();
            let what_for = format!("TicketCreate of Pod {}", self.me.pod);
            let lock = match self.registry.lock_ticket(&id, &what_for, &writer, Wait::No) {
                Ok(lock) => lock,
                Err(WaitError::Held { .. }) => continue,
                Err(error) => return Err(chain(&error)),
            };
            if self.publish(prepared)? == Published::Taken {
                continue;
            }
            return match self.claim(&lock, &writer) {
                Ok(told) => {
                    Ok(json!({ "id": id, "state": "planning", "note": format!("you hold it{told}") }).to_string())
                }
                Err(why) => Err(format!("ticket {id} is made, but you do not hold it: {why}")),
            };
        }
        Err("cannot make the ticket: every id that was tried was taken at the same time; try again".to_owned())
    }

    fn publish(&self, prepared: PreparedTicket) -> Result<Published, String> {
        prepared.publish().map_err(|error| chain(&error))
    }

    /// Claims a ticket that this Pod made, by an offer of its own, and relates it to the Pod's session.
    ///
    /// Gives what else the agent should hear: a session that could not be recorded.
    fn claim(&self, lock: &TicketLock, writer: &Writer) -> Answer {
        let nonce = Nonce::from_bytes(fs::random_bytes());
        let acceptance = Acceptance {
            ticket: lock.ticket().clone(),
            pod: self.me.pod.clone(),
            pod_id: Some(self.me.pod_id),
            role: self.me.role,
            nonce,
            accepted_at: writer.now,
            evidence: Evidence::UserMessage,
            session: None,
            written_by: writer.written_by.clone(),
        };
        self.registry.write_offer(acceptance).map_err(|error| chain(&error))?;
        let request = CommitRequest {
            ticket: lock.ticket().clone(),
            pod: self.me.pod.clone(),
            pod_id: None,
            role: self.me.role,
            evidence: Evidence::UserMessage,
            session: None,
            nonce: Some(nonce),
            expect: None,
        };
        let _claim = self.registry.commit(lock, &request, writer).map_err(|error| chain(&error))?;
        let entry = SessionEntry {
            pod: self.me.pod.clone(),
            pod_id: Some(self.me.pod_id),
            role: self.me.role,
            origin: self.me.origin,
            session: None,
            nonce: None,
            tickets: vec![lock.ticket().clone()],
        };
        match self.registry.record_session(entry, SessionFence::None, writer) {
            Ok(_) => Ok(String::new()),
            Err(error) => Ok(format!(" (but it could not be related to your session: {})", chain(&error))),
        }
    }

    /// The claim of this Pod on a ticket.
    fn own_claim(&self, ticket: &TicketId) -> Result<Claim, String> {
        match self.registry.claim(ticket).map_err(|error| chain(&error))? {
            Some(claim) if claim.pod_id == Some(self.me.pod_id) => Ok(claim),
            Some(claim) => Err(format!("ticket {ticket} is held by Pod {}, not by you; leave it alone", claim.pod)),
            None => Err(format!("you do not hold ticket {ticket}; leave it alone")),
        }
    }

    /// Makes a ticket ready, in this order: the ticket, the claim's completion, the answer.
    fn intake_ready(&self, given: &ReadyArguments) -> Answer {
        let tickets = self.tickets()?;
        let id = tickets.find(&given.ticket).map_err(|error| chain(&error))?;
        let claim = self.own_claim(&id)?;
        let intended = self.registry.was_intended(&self.me.pod, &claim).map_err(|error| chain(&error))?;
        let repeated = intended || claim.completed_at.is_some();
        if !repeated {
            // Said before it is done, so that a crash after the transition is seen to be a repeat, not somebody else's.
            let state = tickets.read(&id).map_err(|error| chain(&error))?.summary.state;
            if matches!(state, State::Planning | State::Intake) {
                self.registry.intend(&self.me.pod, &claim).map_err(|error| chain(&error))?;
            }
        }
        let writer = (self.writer)();
        let author = self.author();
        let result = IntakeResult { author: &author, summary: &given.summary, repeated };
        let done = tickets.intake_ready(&id, &result, writer.now).map_err(|error| chain(&error))?;
        let completed = self.registry.complete(&id, Expect::from(&claim), writer.now, &writer);
        completed.map_err(|error| {
            format!("ticket {id} is ready, but the claim is not completed: {}; call again", chain(&error))
        })?;
        Ok(match done {
            IntakeReady::Done => format!("ticket {id} is ready; your work on it is done"),
            IntakeReady::AlreadyDone => format!("ticket {id} was ready already; your work on it is done"),
        })
    }
}

fn ticket_json(ticket: &Ticket) -> Value {
    let event = |event: &crate::ticket::Event| json!({ "kind": event.kind, "author": event.author, "at": event.at, "heading": event.heading, "body": event.body });
    let thread: Vec<Value> = ticket.thread.events.iter().map(event).collect();
    json!({
        "id": ticket.summary.id,
        "title": ticket.summary.title,
        "state": ticket.summary.state,
        "body": ticket.body(),
        "thread": thread,
    })
}

fn ticket_markdown(ticket: &Ticket) -> String {
    let mut text = format!(
        "# {} {}\n\nState: {}\n\n{}\n",
        ticket.summary.id,
        ticket.summary.title,
        ticket.summary.state,
        ticket.body()
    );
    if !ticket.thread.events.is_empty() {
        text.push_str("\n# Thread\n");
    }
    for event in &ticket.thread.events {
        // Writing to a String does not fail.
        let author = event.author.as_deref().unwrap_or("somebody");
        let at = event.at.as_deref().unwrap_or("an unknown time");
        let _ = write!(text, "\n## {} by {author} at {at}\n\n{}\n", event.kind, event.body);
    }
    text
}
