//! What is told to the panel as it happens: changes of the registry and of the tickets, and what live Pods say. Each on a
//! thread that sleeps in the kernel until there is something.

use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use crate::cli::Clock;
use crate::domain::{PodName, chain};
use crate::fs::PathError;
use crate::launch::steps;
use crate::pod::client::{Client, ClientError};
use crate::pod::protocol::{Event, Method, Snapshot};
use crate::ticket::{TicketChange, TicketsWatch};

use super::model::Action;
use super::source::Source;
use super::talk::Heard;

/// How long a Pod may take to greet.
const GREETING: Duration = Duration::from_secs(2);
/// How long a Pod is given until it answers, and the pauses between two tries.
const STARTING: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Tells of changes of the registry.
pub fn watch_registry(source: Source, sender: Sender<Action>) {
    thread::spawn(move || {
        let follow = || -> Result<(), PathError> {
            let mut watch = source.registry().watch()?;
            while let Some(changes) = watch.next(None)? {
                if sender.send(Action::Changed(changes)).is_err() {
                    break;
                }
            }
            Ok(())
        };
        blind(follow(), &sender);
    });
}

/// Tells of changes of the tickets.
pub fn watch_tickets(source: Source, sender: Sender<Action>) {
    thread::spawn(move || {
        let follow = || -> Result<(), PathError> {
            loop {
                let mut watch = TicketsWatch::new(&source.workspace().root, source.setup().tickets())?;
                let mut was_partial = false;
                loop {
                    let changes = watch.changes()?;
                    if watch.is_partial() && !std::mem::replace(&mut was_partial, true) {
                        let why = "this user may not watch all tickets (fs.inotify.max_user_watches): what an editor \
                                   writes is seen with Ctrl-L";
                        let _ = sender.send(Action::Blind(why.to_owned()));
                    }
                    let is_over = changes.contains(&TicketChange::Configuration);
                    if sender.send(Action::TicketsChanged(changes)).is_err() {
                        return Ok(());
                    }
                    if is_over {
                        break;
                    }
                }
            }
        };
        blind(follow(), &sender);
    });
}

fn blind(ended: Result<(), PathError>, sender: &Sender<Action>) {
    if let Err(error) = ended {
        let _ = sender.send(Action::Blind(format!("changes are not seen any more: {}", chain(&error))));
    }
}

/// Tells what a live Pod says, until it ends.
///
/// One that has just been started holds its lock a while before it answers, and of the moment from which it does nobody
/// tells: it is tried again, with growing pauses and not for ever.
pub fn listen(source: Source, key: String, pod: PodName, clock: Clock, sender: Sender<Action>) {
    thread::spawn(move || {
        let tell = |heard| sender.send(Action::Heard { key: key.clone(), heard, at: clock.now() }).is_ok();
        let Some((mut client, snapshot)) = connect(&source, &pod) else {
            let _ = sender.send(Action::Deaf(key.clone()));
            return;
        };
        let (mut on_probation, mut pause) = (snapshot.probation, FIRST_PAUSE);
        let mut goes_on = tell(Heard::Snapshot(Box::new(snapshot)));
        while goes_on {
            // Of the end of a probation nobody tells: while there is one, which is not long, the Pod is asked.
            let wait = if on_probation { pause } else { Duration::MAX };
            match client.next(steps::within(wait)) {
                Ok(message) => {
                    let event = message.event();
                    if let Some(Event::Status(report)) = &event {
                        on_probation = report.probation;
                    }
                    goes_on = event.is_none_or(|event| tell(Heard::Event(Box::new(event))));
                }
                Err(ClientError::Timeout) if on_probation => {
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    goes_on = client.request(&Method::Status {}, steps::within(GREETING)).is_ok();
                }
                Err(_) => goes_on = false,
            }
        }
        let _ = sender.send(Action::Silent(key.clone()));
    });
}

fn connect(source: &Source, pod: &PodName) -> Option<(Client, Snapshot)> {
    let socket = source.registry().socket_path(pod);
    let deadline = steps::within(STARTING);
    let mut pause = FIRST_PAUSE;
    loop {
        if let Ok(connected) = Client::connect(&socket, steps::within(GREETING)) {
            return Some(connected);
        }
        let lives = source.registry().pod_lives(pod).unwrap_or(false);
        if !lives || Instant::now() >= deadline {
            return None;
        }
        thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
