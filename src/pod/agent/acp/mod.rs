//! `acp`: any agent that speaks the Agent Client Protocol, version 1, on standard input and output.
//!
//! The program is started with the Pod and kept. Should it die, or have to be killed, the turn fails and the next one
//! starts it anew: all that the old one left is ended first, a new epoch shuts its tool server out, and the new one
//! takes up the old session, or is told what went before.
//!
//! | file | what it does |
//! | --- | --- |
//! | `drive` | the thread of one run of the program: turns, deadlines, cancelling, death |
//! | `opening` | greeting, authentication, session, mode, tools |
//! | `program` | the process and its standard error |
//! | `lines` | what is a message, how long it may be, and how much may wait |
//! | `wire` | the protocol: the one file that knows the crate |
//! | `terms` | what is said over it, in our own types |
//! | `teller` | what the agent says, on its way to the Pod |
//! | `permission`, `files`, `diff` | answers by policy, files of the workspace, how a change is shown |

mod diff;
mod drive;
mod files;
mod lines;
mod opening;
mod permission;
mod program;
mod teller;
mod terms;
mod wire;

use std::ffi::OsString;

use tokio::sync::oneshot;

use super::last_words::check_program;
use super::{Agent, Stage, StartError, Surroundings, Turn, TurnError};
use crate::domain::AcpSpec;
use drive::{Opened, Run, Running, Turned};
use files::Files;
use program::{Born, Launch};
use teller::Teller;

/// How often a program is started for one turn: once more for one that dies before it has the prompt.
const STARTS: usize = 2;

/// The agent.
pub(super) struct Acp {
    spec: AcpSpec,
    surroundings: Surroundings,
    running: Option<Running>,
    session: Option<String>,
    /// Whether the session knows nothing of the conversation.
    fresh: bool,
    /// The claim that the agent knows of: from its environment, or because it was told.
    claim: Option<OsString>,
}

impl Acp {
    pub(super) fn new(spec: AcpSpec, surroundings: Surroundings) -> Self {
        let session = surroundings.session.clone();
        Self { spec, surroundings, running: None, session, fresh: true, claim: None }
    }

    /// Starts the program, and waits until the agent is up; for a turn, where it is not the first start.
    fn launch(&mut self, turn: Option<&Turn>) -> Result<(), TurnError> {
        let Surroundings { nursery, directory, environment, variables, gate, feed, .. } = &self.surroundings;
        // The socket's address and the workspace are told as text.
        if directory.to_str().is_none() {
            let shown = directory.display();
            return Err(TurnError::Failed(format!("cannot tell an agent of the directory '{shown}': it is no UTF-8")));
        }
        let files = Files::open(directory)
            .map_err(|error| TurnError::Failed(format!("cannot work in '{}': {error}", directory.display())))?;
        let (report, tools) = oneshot::channel();
        let epoch = gate.renew(move || {
            let _ = report.send(());
        });
        let own = |(name, value): (&String, &String)| (OsString::from(name), OsString::from(value));
        let of_yoi = |(name, value): &(String, OsString)| (OsString::from(name), value.clone());
        let of_turn = turn.map(|turn| &*turn.variables).unwrap_or_default();
        let claim = claim_in(of_turn).or(claim_in(variables)).cloned();
        let environment = environment
            .iter()
            .cloned()
            .chain(self.spec.env.iter().map(own))
            .chain(variables.iter().chain(of_turn).map(of_yoi))
            .chain([("YOI_EPOCH".into(), epoch.clone().into())])
            .collect();
        let launch = Launch { command: &self.spec.command, directory, environment };
        let born = Born::start(launch, nursery).map_err(TurnError::Failed)?;
        let mut tool_server = self.surroundings.tool_server.clone();
        tool_server.variables.push(("YOI_EPOCH".to_owned(), epoch));
        let run = Run {
            spec: self.spec.clone(),
            directory: directory.clone(),
            tool_server,
            session: self.session.clone(),
            feed: feed.clone(),
            nursery: nursery.clone(),
            teller: Teller::new(feed.clone(), self.spec.permissions.clone(), files),
            tools,
        };
        let (running, Opened { session, fresh }) = Running::start(born, run, turn.map(|turn| &turn.cancel))?;
        self.running = Some(running);
        self.session = Some(session);
        self.fresh = fresh;
        self.claim = claim;
        Ok(())
    }

    /// What the agent is told in a turn.
    fn prompt(&self, turn: &Turn) -> String {
        let workflows = &self.surroundings.workflows;
        let mut prompt = match self.fresh {
            true => turn.conversation.prompt(&turn.input, |slug| workflows(slug)),
            false => turn.conversation.prompt_of_news(&turn.input, |slug| workflows(slug)),
        };
        // A claim that came after the program's start: of a ticket that the agent made itself.
        let news = claim_in(&turn.variables).filter(|claim| self.claim.as_ref() != Some(*claim));
        if let (Some(claim), Some(ticket)) = (news, &turn.ticket) {
            let claim = claim.display();
            prompt.push_str(&format!("\n(For commands that ask for them: YOI_TICKET={ticket} YOI_CLAIM={claim})\n"));
        }
        prompt
    }
}

fn claim_in(variables: &[(String, OsString)]) -> Option<&OsString> {
    variables.iter().find(|(name, _)| name == "YOI_CLAIM").map(|(_, claim)| claim)
}

impl Agent for Acp {
    fn start(&mut self) -> Result<(), StartError> {
        check_program(self.spec.command.first().map_or("", String::as_str)).map_err(StartError)?;
        self.launch(None).map_err(|error| StartError(error.to_string()))
    }

    fn turn(&mut self, turn: &Turn, _: &dyn Stage) -> Result<(), TurnError> {
        for _ in 0..STARTS {
            if turn.cancel.is_cancelled() {
                return Err(TurnError::Cancelled);
            }
            if self.running.as_ref().is_none_or(Running::is_over) {
                self.running = None;
                self.launch(Some(turn))?;
            }
            let prompt = self.prompt(turn);
            let turned = self.running.as_ref().and_then(|running| running.prompt(prompt, &turn.cancel));
            if let Some(Turned { result, taken }) = turned {
                self.fresh &= !taken;
                if taken {
                    self.claim = claim_in(&turn.variables).cloned();
                }
                return result;
            }
        }
        Err(TurnError::Failed(format!("'{}' ended before it was given its prompt", self.spec.command[0])))
    }

    fn close(&mut self) {
        if let Some(running) = self.running.take() {
            running.close();
        }
    }
}
