//! What is told to the panel as it happens: changes of the registry and of the tickets, and what live Pods say. Each on a
//! thread that sleeps in the kernel until there is something.

use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crate::cli::Clock;
use crate::domain::{PodName, chain};
use crate::fs::PathError;
use crate::launch::steps;
use crate::pod::client::Client;
use crate::ticket::{TicketChange, TicketWatch};

use super::model::Action;
use super::source::Source;
use super::talk::Heard;

/// How long a Pod may take to greet.
const GREETING: Duration = Duration::from_secs(2);

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
                let mut watch = TicketWatch::new(&source.workspace().root, source.setup().tickets())?;
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
pub fn listen(source: Source, key: String, pod: PodName, clock: Clock, sender: Sender<Action>) {
    thread::spawn(move || {
        let tell = |heard| sender.send(Action::Heard { key: key.clone(), heard, at: clock.now() }).is_ok();
        let socket = source.registry().socket_path(&pod);
        if let Ok((mut client, snapshot)) = Client::connect(&socket, steps::within(GREETING)) {
            let mut goes_on = tell(Heard::Snapshot(Box::new(snapshot)));
            while let (true, Ok(Some(message))) = (goes_on, steps::next(&mut client)) {
                goes_on = message.event().is_none_or(|event| tell(Heard::Event(Box::new(event))));
            }
        }
        let _ = sender.send(Action::Silent(key.clone()));
    });
}
