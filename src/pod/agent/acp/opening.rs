//! How an agent comes up: it is greeted, authenticated, given a session and a mode, and gets its tools.

use std::cell::Cell;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::terms::{Fault, Greeting, Offered, Session};
use super::wire::Peer;
use crate::domain::AcpSpec;
use crate::pod::agent::{Feed, News, ToolServer};
use crate::pod::protocol::AgentOffer;

/// What is awaited of an agent that comes up; for who has to say where it stopped.
#[derive(Default)]
pub(super) struct Step(Cell<&'static str>);

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.get())
    }
}

/// Why an agent did not come up.
pub(super) enum Failure {
    /// It answers nothing any more.
    Gone,
    /// What is wrong with it.
    Said(String),
}

/// What an agent is brought up with.
pub(super) struct Opening<'a> {
    pub(super) spec: &'a AcpSpec,
    pub(super) directory: &'a Path,
    pub(super) tool_server: &'a ToolServer,
    /// The session that it had before.
    pub(super) session: Option<&'a str>,
    pub(super) feed: &'a Feed,
    pub(super) step: &'a Step,
}

/// An agent that came up.
pub(super) struct CameUp {
    pub(super) peer: Peer,
    pub(super) session: String,
    pub(super) fresh: bool,
    pub(super) closes: bool,
}

impl Opening<'_> {
    /// Brings an agent up, within the deadlines of its profile.
    ///
    /// # Errors
    /// What went wrong, for a sentence that begins with the program's name.
    pub(super) async fn come_up(
        &self,
        connected: oneshot::Receiver<Peer>,
        tools: &mut oneshot::Receiver<()>,
    ) -> Result<CameUp, Failure> {
        let deadlines = self.spec.deadlines;
        let begun = Instant::now();
        let opened = timeout(deadlines.start, self.open(connected)).await;
        let (came_up, mut offer) = opened.map_err(|_| {
            let Step(step) = self.step;
            let within = seconds(deadlines.start);
            late(format!("did not answer {} within {within}", step.get()), "start")
        })??;
        offer.session_ms = millis(begun.elapsed());
        self.step.0.set("the report of the tool server");
        match timeout(deadlines.tools, tools).await {
            Ok(Ok(())) => {
                offer.tools_ms = millis(begun.elapsed()).saturating_sub(offer.session_ms);
                (self.feed)(News::Offer(offer));
                Ok(came_up)
            }
            // The gate has begun another epoch; only the next start does that.
            Ok(Err(_)) => Err(Failure::Gone),
            Err(_) => {
                let within = seconds(deadlines.tools);
                let why = format!("made a session, but its tool server, 'yoi mcp', did not report within {within}");
                Err(late(why, "tools"))
            }
        }
    }

    async fn open(&self, connected: oneshot::Receiver<Peer>) -> Result<(CameUp, AgentOffer), Failure> {
        self.step.0.set("initialize");
        let peer = connected.await.map_err(|_| Failure::Gone)?;
        let greeting = peer.initialize().await.map_err(|fault| self.failed(fault, None))?;
        if let Some(name) = &greeting.name {
            (self.feed)(News::Log(format!("the agent is {name}\n").into()));
        }
        self.authenticate(&peer, &greeting).await?;
        let (session, fresh) = self.session(&peer, &greeting).await?;
        self.set_mode(&peer, &session).await?;
        (self.feed)(News::Session(session.id.clone()));
        let offer = AgentOffer {
            protocol: greeting.version,
            name: greeting.name,
            loads: greeting.loads,
            modes: session.modes,
            mode: self.spec.mode.clone().or(session.mode),
            auth_methods: greeting.auth_methods,
            ..AgentOffer::default()
        };
        Ok((CameUp { peer, session: session.id, fresh, closes: greeting.closes }, offer))
    }

    async fn authenticate(&self, peer: &Peer, greeting: &Greeting) -> Result<(), Failure> {
        let Some(method) = &self.spec.auth else { return Ok(()) };
        if !greeting.auth_methods.iter().any(|offered| offered.id == *method) {
            let offered = list(&greeting.auth_methods);
            return Err(Failure::Said(format!("has no authentication method {method:?}; it offers {offered}")));
        }
        self.step.0.set("authenticate");
        peer.authenticate(method).await.map_err(|fault| self.failed(fault, Some(greeting)))
    }

    async fn session(&self, peer: &Peer, greeting: &Greeting) -> Result<(Session, bool), Failure> {
        if let Some(earlier) = self.session.filter(|_| greeting.loads) {
            self.step.0.set("session/load");
            match peer.load_session(earlier, self.directory, self.tool_server).await {
                Ok(session) => return Ok((session, false)),
                Err(Fault::Answered(why)) => (self.feed)(News::Alert(format!(
                    "the agent did not take up its earlier session ({why}); it begins a new one, and is told what went before"
                ))),
                Err(fault) => return Err(self.failed(fault, Some(greeting))),
            }
        }
        self.step.0.set("session/new");
        let session = peer.new_session(self.directory, self.tool_server).await;
        Ok((session.map_err(|fault| self.failed(fault, Some(greeting)))?, true))
    }

    async fn set_mode(&self, peer: &Peer, session: &Session) -> Result<(), Failure> {
        let Some(mode) = self.spec.mode.as_ref().filter(|mode| session.mode.as_ref() != Some(*mode)) else {
            return Ok(());
        };
        if !session.modes.iter().any(|offered| offered.id == *mode) {
            let offered = list(&session.modes);
            return Err(Failure::Said(format!("has no mode {mode:?}; it offers {offered}")));
        }
        self.step.0.set("session/set_mode");
        peer.set_mode(&session.id, mode).await.map_err(|fault| self.failed(fault, None))
    }

    fn failed(&self, fault: Fault, greeting: Option<&Greeting>) -> Failure {
        let Step(step) = self.step;
        match fault {
            Fault::Closed => Failure::Gone,
            Fault::Answered(why) => Failure::Said(format!("answered {} with an error: {why}", step.get())),
            Fault::Unauthenticated(why) => {
                let offered = list(greeting.map(|greeting| &*greeting.auth_methods).unwrap_or_default());
                Failure::Said(format!(
                    "wants to be authenticated first: {why}; log in with that agent's own program, or set auth in its \
                     profile to a method that it offers: {offered}"
                ))
            }
        }
    }
}

fn late(what: String, deadline: &str) -> Failure {
    Failure::Said(format!("{what}; if it needs longer, raise {deadline} in the deadlines of its profile"))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// What is offered, in a sentence.
fn list(offered: &[Offered]) -> String {
    let show = |Offered { id, name, description }: &Offered| match description {
        Some(description) => format!("{id:?} ({name}: {description})"),
        None => format!("{id:?} ({name})"),
    };
    match offered {
        [] => "none".to_owned(),
        offered => offered.iter().map(show).collect::<Vec<_>>().join(", "),
    }
}
