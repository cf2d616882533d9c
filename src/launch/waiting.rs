//! Waiting until a ticket or a Pod is as somebody wants it, without asking again and again.
//!
//! Everything is read after the watching has begun, and again whenever something was told of it; so nothing that stays
//! is missed. What comes and goes while this waits counts as well: a state that a ticket passes through stands in its
//! thread, and a live Pod tells what it does in its own stream.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use super::steps::{self, within};
use super::view::{PodStatus, view_pod};
use crate::domain::{Claim, ClaimStatus, PodName, PodPhase, TicketId, words};
use crate::fs::PathError;
use crate::pod::client::Client;
use crate::pod::protocol::Event;
use crate::registry::{self, Change, Registry, Restorable};
use crate::ticket::{self, State, Tickets};

words! {
    /// How a Pod, or the claim on a ticket, is waited for to be.
    Wanted, "status" {
        /// A launch is in flight.
        Launching = "launching",
        /// The Pod runs.
        Live = "live",
        /// It runs, and its agent waits to be told something.
        Idle = "idle",
        /// It runs, and its agent works.
        Running = "running",
        /// It has ended.
        Stopped = "stopped",
        /// It has ended, and can be brought back.
        Restorable = "restorable",
        /// It has ended, and cannot be brought back.
        Stale = "stale",
        /// The work of its role is done.
        Completed = "completed",
        /// Nobody holds the ticket.
        Free = "free",
    }
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Awaited {
    /// A ticket of this workspace comes to one of these states, or passes through it.
    State(TicketId, Vec<State>),
    /// The claim on a ticket, or the Pod that holds it.
    Claim(TicketId, Wanted),
    /// A Pod.
    Pod(PodName, Wanted),
}

/// Says why a wait is over before what was waited for came.
#[derive(Debug, thiserror::Error)]
pub enum WaitingError {
    /// The time is over.
    #[error("{subject} is {is}, and not {wanted} after {} s", time.as_secs_f64())]
    TimedOut {
        /// The ticket or Pod.
        subject: String,
        /// How it is.
        is: String,
        /// What was waited for.
        wanted: String,
        /// For how long.
        time: Duration,
    },
    /// The Pod has ended, and does nothing more by itself.
    #[error("Pod {pod} has ended before it was {wanted}")]
    Ended {
        /// The Pod.
        pod: PodName,
        /// What was waited for.
        wanted: Wanted,
    },
    /// There is no such Pod any more.
    #[error("there is no Pod {pod}")]
    NoPod {
        /// The Pod.
        pod: PodName,
    },
    /// The ticket cannot be read.
    #[error(transparent)]
    Ticket(#[from] ticket::ReadError),
    /// A record of the registry cannot be read.
    #[error(transparent)]
    Record(#[from] registry::ReadError),
    /// Something cannot be watched.
    #[error(transparent)]
    Watch(#[from] PathError),
}

/// Where the answers are looked up.
pub struct Waiting<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// The tickets.
    pub tickets: &'a Tickets,
    /// Judges whether stopped Pods can be restored.
    pub restorable: &'a dyn Restorable,
}

/// What wakes a waiter.
enum Wake {
    /// Something may have changed.
    Look,
    /// The Pod that is followed does this now.
    Phase(PodPhase),
    /// It has closed the connection.
    Unfollowed,
    /// Nothing more will be told.
    Failed(PathError),
}

/// What a look came to.
struct Look {
    is_reached: bool,
    /// How it is, in words.
    is: String,
    /// The Pod whose own words are needed, which is live.
    live: Option<PodName>,
}

/// Waits until something is as it is wanted; for ever, unless there is a time.
///
/// # Errors
/// See [`WaitingError`].
pub fn wait_until(awaited: &Awaited, waiting: &Waiting<'_>, time: Option<Duration>) -> Result<(), WaitingError> {
    let deadline = time.map(within);
    let (sender, wakes) = channel();
    // Before the first look, so that nothing comes between the look and the watching.
    match awaited {
        Awaited::State(id, _) => watch_ticket(waiting.tickets, id, sender.clone())?,
        Awaited::Claim(..) | Awaited::Pod(..) => watch_registry(waiting.registry, sender.clone())?,
    }
    let mut waiter = Waiter { awaited, waiting, sender, followed: None, passed: None, was_seen: false };
    let mut look = waiter.look()?;
    loop {
        if look.is_reached {
            return Ok(());
        }
        look = match next(&wakes, deadline) {
            Some(Wake::Look) => waiter.look()?,
            Some(Wake::Phase(phase)) if waiter.wants(phase) => return Ok(()),
            Some(Wake::Phase(phase)) => Look { is: phase.to_string(), ..look },
            Some(Wake::Unfollowed) => {
                waiter.followed = None;
                waiter.look()?
            }
            Some(Wake::Failed(error)) => return Err(error.into()),
            None => {
                let (subject, wanted) = awaited.words();
                return Err(WaitingError::TimedOut { subject, is: look.is, wanted, time: time.unwrap_or_default() });
            }
        };
    }
}

/// The next wake; `None` where the time is over.
fn next(wakes: &Receiver<Wake>, deadline: Option<Instant>) -> Option<Wake> {
    match deadline {
        None => wakes.recv().ok(),
        Some(deadline) => wakes.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
    }
}

impl Awaited {
    fn words(&self) -> (String, String) {
        match self {
            Self::State(id, states) => {
                let states: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
                (format!("ticket {id}"), states.join(" or "))
            }
            Self::Claim(id, wanted) => (format!("ticket {id}"), wanted.to_string()),
            Self::Pod(pod, wanted) => (format!("Pod {pod}"), wanted.to_string()),
        }
    }
}

struct Waiter<'a> {
    awaited: &'a Awaited,
    waiting: &'a Waiting<'a>,
    sender: Sender<Wake>,
    /// The Pod whose stream is read.
    followed: Option<PodName>,
    /// How often the thread told of the states when the waiting began.
    passed: Option<usize>,
    /// Whether the Pod was there at some time.
    was_seen: bool,
}

impl Waiter<'_> {
    fn look(&mut self) -> Result<Look, WaitingError> {
        let look = match self.awaited {
            Awaited::State(id, states) => self.look_at_ticket(id, states)?,
            Awaited::Claim(id, wanted) => self.look_at_claim(id, *wanted)?,
            Awaited::Pod(pod, wanted) => self.look_at_pod(pod, *wanted, None)?,
        };
        match &look.live {
            Some(pod) if !look.is_reached && self.followed.as_ref() != Some(pod) => self.follow(pod),
            _ => {}
        }
        Ok(look)
    }

    fn look_at_ticket(&mut self, id: &TicketId, states: &[State]) -> Result<Look, WaitingError> {
        let ticket = match self.waiting.tickets.read(id) {
            Ok(ticket) => ticket,
            // An editor is about to have written it; what it was at the beginning had to be read.
            Err(ticket::ReadError::Malformed { place, why }) if self.passed.is_some() => {
                return Ok(Look { is_reached: false, is: format!("not to be read ({place}: {why})"), live: None });
            }
            Err(error) => return Err(error.into()),
        };
        // Planning has an older name.
        let is_wanted =
            |state: State| states.contains(&state) || (state == State::Intake && states.contains(&State::Planning));
        let told = |event: &&ticket::Event| {
            let to = event.attributes.iter().find(|(key, _)| key == "to").and_then(|(_, to)| to.parse().ok());
            event.kind == "state_changed" && to.is_some_and(is_wanted)
        };
        let times = ticket.thread.events.iter().filter(told).count();
        let before = *self.passed.get_or_insert(times);
        let state = ticket.summary.state;
        Ok(Look { is_reached: is_wanted(state) || times > before, is: state.to_string(), live: None })
    }

    fn look_at_claim(&mut self, id: &TicketId, wanted: Wanted) -> Result<Look, WaitingError> {
        let not_yet = |is: String| Look { is_reached: false, is, live: None };
        let Some(view) = self.waiting.registry.view_claim(id, self.waiting.restorable) else {
            return Ok(Look { is_reached: wanted == Wanted::Free, is: "free".to_owned(), live: None });
        };
        let Some(claim) = view.claim else {
            let is_reached = wanted == Wanted::Launching && view.status == ClaimStatus::Launching;
            return Ok(Look { is_reached, is: view.status.to_string(), live: None });
        };
        match wanted {
            Wanted::Free | Wanted::Launching => Ok(not_yet(view.status.to_string())),
            Wanted::Completed if claim.completed_at.is_some() => {
                Ok(Look { is_reached: true, ..not_yet(String::new()) })
            }
            // Of one that cannot be told anything about there is nothing to be seen but its claim.
            _ if view.status == ClaimStatus::Unknown => Ok(not_yet(view.reason)),
            _ => self.look_at_pod(&claim.pod, wanted, Some(&claim)),
        }
    }

    fn look_at_pod(&mut self, pod: &PodName, wanted: Wanted, claim: Option<&Claim>) -> Result<Look, WaitingError> {
        let registry = self.waiting.registry;
        let record = registry.pod(pod)?;
        if registry.pod_lives(pod)? {
            self.was_seen = true;
            let is_launching = record.as_ref().is_none_or(|record| record.confirmed_at.is_none()) && claim.is_none();
            let is_reached = match wanted {
                Wanted::Launching => is_launching,
                Wanted::Live => !is_launching,
                Wanted::Completed => self.is_completed(pod)?,
                // A person has it in a terminal, and it says nothing of itself.
                Wanted::Running => record.as_ref().is_some_and(|record| record.is_held()),
                _ => false,
            };
            let says_so = matches!(wanted, Wanted::Idle | Wanted::Running);
            let live = (says_so && !is_launching).then(|| pod.clone());
            let is = if is_launching { Wanted::Launching } else { Wanted::Live };
            return Ok(Look { is_reached, is: is.to_string(), live });
        }
        let view = view_pod(registry, pod, self.waiting.restorable);
        let status = match view.map(|view| view.status) {
            Some(status) => status,
            // Its launch was given up, and nothing is left of it.
            None if wanted == Wanted::Stopped && self.was_seen => PodStatus::Stale,
            None if claim.is_some() => PodStatus::Stale,
            None => return Err(WaitingError::NoPod { pod: pod.clone() }),
        };
        let is_reached = match wanted {
            Wanted::Stopped => !status.is_live(),
            Wanted::Restorable => status == PodStatus::Restorable,
            Wanted::Stale => status == PodStatus::Stale,
            Wanted::Completed => self.is_completed(pod)?,
            _ => false,
        };
        self.was_seen = true;
        // It does nothing more by itself. Whoever waits until somebody brings it back waits until it is live.
        if matches!(wanted, Wanted::Idle | Wanted::Running | Wanted::Completed) && !is_reached {
            return Err(WaitingError::Ended { pod: pod.clone(), wanted });
        }
        Ok(Look { is_reached, is: status.to_string(), live: None })
    }

    /// Whether all claims of a Pod are completed, and there is one.
    fn is_completed(&self, pod: &PodName) -> Result<bool, WaitingError> {
        let registry = self.waiting.registry;
        let Some(record) = registry.pod(pod)? else { return Ok(false) };
        let claims = registry.claims_of(&record)?;
        Ok(!claims.is_empty() && claims.iter().all(|claim| claim.completed_at.is_some()))
    }

    fn wants(&self, phase: PodPhase) -> bool {
        match self.awaited {
            Awaited::Claim(_, wanted) | Awaited::Pod(_, wanted) => wanted.as_str() == phase.as_str(),
            Awaited::State(..) => false,
        }
    }

    /// Reads a Pod's stream from now on. One that does not answer yet is followed after the next change of the registry,
    /// which the end of its launch is.
    fn follow(&mut self, pod: &PodName) {
        let socket = self.waiting.registry.socket_path(pod);
        let Ok((mut client, snapshot)) = Client::connect(&socket, within(steps::ANSWER)) else { return };
        self.followed = Some(pod.clone());
        let sender = self.sender.clone();
        // It ends with the Pod, or with this process.
        thread::spawn(move || {
            let mut told = sender.send(Wake::Phase(snapshot.status));
            while told.is_ok() {
                let Ok(Some(message)) = steps::next(&mut client) else { break };
                if let Some(Event::Status(report)) = message.event() {
                    told = sender.send(Wake::Phase(report.status));
                }
            }
            let _nobody_waits_any_more = sender.send(Wake::Unfollowed);
        });
    }
}

fn watch_ticket(tickets: &Tickets, id: &TicketId, sender: Sender<Wake>) -> Result<(), WaitingError> {
    let Some(mut watch) = tickets.watch(id)? else {
        return Err(ticket::ReadError::NotFound { id: id.clone() }.into());
    };
    thread::spawn(move || {
        loop {
            let wake = watch.changed().map_or_else(Wake::Failed, |()| Wake::Look);
            let is_last = matches!(wake, Wake::Failed(_));
            if sender.send(wake).is_err() || is_last {
                return;
            }
        }
    });
    Ok(())
}

fn watch_registry(registry: &Registry, sender: Sender<Wake>) -> Result<(), PathError> {
    let mut watch = registry.watch()?;
    // What is told first is that the watching has begun.
    watch.next(None)?;
    thread::spawn(move || {
        loop {
            let wake = match watch.next(None) {
                Ok(Some(changes)) if changes.iter().all(|change| matches!(change, Change::Session(_))) => continue,
                Ok(Some(_)) => Wake::Look,
                Ok(None) => return,
                Err(error) => Wake::Failed(error),
            };
            let is_last = matches!(wake, Wake::Failed(_));
            if sender.send(wake).is_err() || is_last {
                return;
            }
        }
    });
    Ok(())
}
