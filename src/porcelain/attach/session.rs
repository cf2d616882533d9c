//! What happens between a person and a Pod until one side has had enough.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::asking::{Asking, ClosedBy, Typed};
use crate::cli::{Cli, Exit, Failure, Meaning, written};
use crate::domain::{PodName, PodPhase, Segment};
use crate::launch::steps;
use crate::pod::client::{Client, ClientError};
use crate::pod::protocol::{AnsweredBy, Choice, Event, Message, Method, PermissionOption, PermissionRequest, Snapshot};
use crate::porcelain::conversation::{Arguments, Reader, full, keys, show, show_entry};

/// One look at a Pod, with what was said in it.
pub(super) struct Session<'a> {
    cli: &'a mut Cli,
    reader: Reader,
    pod: PodName,
    socket: PathBuf,
    accept: Duration,
    asking: Asking,
    /// A request that came a moment ago: what comes next tells whether the profile's policy answers it.
    untold: Option<PermissionRequest>,
    /// Whether a turn runs.
    turn: Turn,
}

/// The turn, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    None,
    Runs,
    /// It was told to end.
    Cancelled,
}

/// What the threads of a session tell the first one.
enum Heard {
    FromPod(Result<Option<Message>, ClientError>),
    Typed(String),
    Interrupted,
    Left,
}

impl<'a> Session<'a> {
    pub(super) fn new(cli: &'a mut Cli, reader: Reader, pod: PodName, socket: PathBuf, accept: Duration) -> Self {
        Self { cli, reader, pod, socket, accept, asking: Asking::default(), untold: None, turn: Turn::None }
    }

    /// Shows what happens and sends what is typed.
    pub(super) fn follow(mut self, client: Client, snapshot: Snapshot) -> Result<Exit, Failure> {
        let (sender, heard) = mpsc::channel();
        let interactive = self.cli.is_interactive();
        if interactive {
            let sender = sender.clone();
            self.cli.on_interrupt(move || sender.send(Heard::Interrupted).is_ok())?;
        }
        self.greet(snapshot)?;
        listen(client, sender.clone());
        read_lines(sender, interactive);
        for what in heard {
            match what {
                Heard::FromPod(Ok(Some(message))) => {
                    if let Some(event) = message.event() {
                        self.happened(event.clone())?;
                        if matches!(event, Event::Shutdown { .. }) {
                            return Ok(Exit::Done);
                        }
                    }
                }
                Heard::FromPod(Ok(None)) => break,
                Heard::FromPod(Err(error)) => return Err(error.into()),
                Heard::Typed(line) => self.typed(&line)?,
                Heard::Interrupted if self.turn == Turn::Runs => self.cancel()?,
                Heard::Interrupted | Heard::Left => return Ok(Exit::Done),
            }
        }
        Err(Failure::new(Exit::Environment, "the Pod closed the connection"))
    }

    fn greet(&mut self, snapshot: Snapshot) -> Result<(), Failure> {
        self.note(Meaning::Quiet, &snapshot.greeting)?;
        if snapshot.truncated {
            self.note(Meaning::Quiet, "… what was said before is in the Pod's history: yoi logs")?;
        }
        if snapshot.status == PodPhase::Running {
            self.turn = Turn::Runs;
        }
        for entry in &snapshot.history {
            show_entry(self.cli, &mut self.reader, entry)?;
        }
        written(self.cli.out().flush())?;
        snapshot.permissions.into_iter().for_each(|asked| self.asking.asked(asked));
        self.ask_next()
    }

    /// Shows what happened, and what is to be answered because of it.
    fn happened(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::PermissionRequest(asked) => {
                self.tell()?;
                self.asking.asked(asked.clone());
                self.untold = Some(asked);
            }
            Event::PermissionAnswer { request, by, .. } => {
                self.tell()?;
                let by_whom = self.asking.closed(request);
                show(self.cli, &mut self.reader, &event)?;
                if by_whom == ClosedBy::Other && by == AnsweredBy::Client {
                    self.note(Meaning::Quiet, "  somebody else answered it")?;
                }
                self.ask_next()?;
            }
            // What the policy does not answer is followed by the number of what waits.
            Event::Status(report) if report.permissions > 0 => self.ask_next()?,
            event => {
                match event {
                    Event::TurnStart {} => self.turn = Turn::Runs,
                    Event::TurnEnd { .. } => self.turn = Turn::None,
                    _ => {}
                }
                show(self.cli, &mut self.reader, &event)?;
            }
        }
        Ok(())
    }

    /// Shows in a line what was asked and is not shown with all that it asks.
    fn tell(&mut self) -> Result<(), Failure> {
        match self.untold.take() {
            Some(asked) => show(self.cli, &mut self.reader, &Event::PermissionRequest(asked)),
            None => Ok(()),
        }
    }

    /// Shows the request that a line answers from now on, where there is a new one.
    fn ask_next(&mut self) -> Result<(), Failure> {
        let Some(asked) = self.asking.next().cloned() else { return self.tell() };
        // It is shown in full.
        self.untold.take_if(|untold| untold.request == asked.request);
        self.tell()?;
        let mut lines = full(&asked, Arguments::Screen);
        lines.push((Meaning::Quiet, format!("  answer: {}", keys(&asked.about))));
        written(self.reader.lines(&mut self.cli.page(), &lines).and_then(|()| self.cli.out().flush()))
    }

    fn typed(&mut self, line: &str) -> Result<(), Failure> {
        match self.asking.typed(line) {
            Typed::Nothing => Ok(()),
            Typed::Refused(why) => self.note(Meaning::Attention, &why),
            Typed::Turn(text) => {
                if let Err(failure) = self.send(text) {
                    self.cli.warn(&failure);
                }
                Ok(())
            }
            Typed::Answer(asked, option) => {
                if let Err(failure) = self.answer(&asked, option) {
                    self.asking.not_answered();
                    self.cli.warn(&failure);
                }
                Ok(())
            }
        }
    }

    /// Sends one turn on a connection of its own, so that its answer does not get mixed up with what is shown.
    fn send(&self, line: String) -> Result<(), Failure> {
        let mut client = steps::connect(&self.socket)?;
        steps::run(&mut client, &[Segment::text(line)], None, self.accept)?;
        Ok(())
    }

    fn answer(&self, asked: &PermissionRequest, option: PermissionOption) -> Result<(), Failure> {
        let doing = format!("answer request {} of Pod {}", asked.request, self.pod);
        self.cli.refuse_inside_pod(&doing)?;
        steps::answer(&self.socket, asked, Choice::Option(option.id))
            .map_err(|error| Failure::from(error).while_doing(format!("cannot {doing}")))
    }

    fn cancel(&mut self) -> Result<(), Failure> {
        self.turn = Turn::Cancelled;
        let asked = steps::connect(&self.socket).and_then(|mut client| steps::ask(&mut client, &Method::Cancel {}));
        match asked {
            Ok(_) => {
                self.note(Meaning::Attention, "the turn is being cancelled; Ctrl-C again leaves, and the Pod goes on")
            }
            Err(error) => {
                self.cli.warn(&Failure::from(error).while_doing("cannot cancel the turn"));
                Ok(())
            }
        }
    }

    fn note(&mut self, meaning: Meaning, text: &str) -> Result<(), Failure> {
        written(
            self.reader
                .lines(&mut self.cli.page(), &[(meaning, text.to_owned())])
                .and_then(|()| self.cli.out().flush()),
        )
    }
}

fn listen(mut client: Client, sender: mpsc::Sender<Heard>) {
    thread::spawn(move || {
        loop {
            let next = steps::next(&mut client);
            let over = !matches!(next, Ok(Some(_)));
            if sender.send(Heard::FromPod(next)).is_err() || over {
                return;
            }
        }
    });
}

/// Reads lines; the end of a terminal's leaves, and that of a script's does not.
fn read_lines(sender: mpsc::Sender<Heard>, interactive: bool) {
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(Heard::Typed(line)).is_err() {
                return;
            }
        }
        if interactive {
            // The first thread may have gone already.
            let _ = sender.send(Heard::Left);
        }
    });
}
