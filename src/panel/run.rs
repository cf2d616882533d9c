//! The panel at work: what happens goes into the model, what it wants is done on other threads, and a frame is drawn when
//! there is something new to be seen.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use signal_hook::consts::SIGINT;

use crate::cli::{Clock, Exit, Failure, OrExit as _, Paint, until_aged};
use crate::domain::TicketId;

use super::deeds::{Means, begin, look_to_reclaim};
use super::lanes::Lanes;
use super::list::Closed;
use super::model::{Action, Effect, Model};
use super::screen::{Screen, Typist, heed_signals};
use super::watcher::{listen, watch_registry, watch_tickets};

/// The shortest time between two frames; what comes meanwhile is in the next one.
const FRAME: Duration = Duration::from_millis(10);

/// What the panel needs of the world.
#[derive(Debug)]
pub struct Panel {
    /// What is done, and with what.
    pub means: Means,
    /// The user's editor, as a command line.
    pub editor: OsString,
    /// The clock.
    pub clock: Clock,
    /// Whether there is colour.
    pub paint: Paint,
    /// Whether closed tickets are shown at first.
    pub closed: Closed,
}

/// How the panel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The user left.
    Left,
    /// A signal ended it.
    Signal(i32),
}

/// Shows the panel until the user leaves.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(panel: Panel) -> Result<End, Failure> {
    let on_terminal = |result: io::Result<End>| {
        result.or_exit(Exit::Environment).map_err(|failure| failure.while_doing("cannot show the panel"))
    };
    on_terminal(Running::start(panel).and_then(Running::go_on))
}

struct Running {
    panel: Panel,
    model: Model,
    screen: Screen,
    typist: Typist,
    lanes: Lanes,
    sender: Sender<Action>,
    actions: Receiver<Action>,
    end: Option<End>,
}

impl Running {
    fn start(panel: Panel) -> io::Result<Self> {
        let (sender, actions) = mpsc::channel();
        heed_signals(sender.clone())?;
        let screen = Screen::take(panel.paint)?;
        let typist = Typist::start(sender.clone())?;
        let lanes = Lanes::start(&panel.means.source, &sender);
        watch_registry(panel.means.source.clone(), sender.clone());
        watch_tickets(panel.means.source.clone(), sender.clone());
        let name = panel.means.source.workspace().root.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut model = Model::new(name.unwrap_or_default(), crossterm::terminal::size()?, panel.clock.now());
        model.set_closed(panel.closed);
        Ok(Self { panel, model, screen, typist, lanes, sender, actions, end: None })
    }

    fn go_on(mut self) -> io::Result<End> {
        loop {
            self.model.update(Action::Now(self.panel.clock.now()));
            self.screen.draw(&self.model)?;
            let drawn = Instant::now();
            match self.next() {
                Some(action) => self.take(action)?,
                // Only the ages are others.
                None => continue,
            }
            // What comes in a burst is drawn once.
            let mut left = FRAME.saturating_sub(drawn.elapsed());
            while self.end.is_none() {
                match self.actions.recv_timeout(left) {
                    Ok(action) => self.take(action)?,
                    Err(_) => break,
                }
                left = FRAME.saturating_sub(drawn.elapsed());
            }
            if let Some(end) = self.end {
                return Ok(end);
            }
        }
    }

    /// Waits for something to happen; `None` where it is only time that a row says that it is older.
    fn next(&self) -> Option<Action> {
        let now = self.panel.clock.now();
        let next_age =
            self.model.list().visible().filter_map(|line| line.since).map(|since| until_aged(since, now)).min();
        match next_age.filter(|_| self.panel.clock == Clock::System) {
            None => self.actions.recv().ok(),
            Some(wait) => self.actions.recv_timeout(wait).ok(),
        }
    }

    fn take(&mut self, action: Action) -> io::Result<()> {
        match action {
            Action::Ended(signal) => self.end = Some(signal.map_or(End::Left, End::Signal)),
            // Somebody else may have changed the terminal meanwhile.
            Action::Resumed => self.screen.take_again()?,
            _ => {}
        }
        for effect in self.model.update(action) {
            self.bring_about(effect)?;
        }
        Ok(())
    }

    fn bring_about(&mut self, effect: Effect) -> io::Result<()> {
        match effect {
            Effect::Ask(ask) => self.lanes.ask(ask),
            Effect::Listen(key, pod) => {
                listen(self.panel.means.source.clone(), key, pod, self.panel.clock, self.sender.clone());
            }
            Effect::Begin(job, deed) => begin(job, deed, self.panel.means.clone(), self.sender.clone()),
            Effect::LookToReclaim(ticket) => {
                look_to_reclaim(ticket, self.panel.means.clone(), self.sender.clone());
            }
            Effect::Edit(ticket) => self.edit(&ticket)?,
            Effect::Redraw => self.screen.spoil(),
            Effect::Suspend => {
                let screen = &mut self.screen;
                self.typist.quiet_while(|| screen.suspend())?;
                // It may have another size by now.
                let (width, height) = crossterm::terminal::size()?;
                self.take(Action::Input(crossterm::event::Event::Resize(width, height)))?;
            }
            Effect::Quit => self.end = Some(End::Left),
        }
        Ok(())
    }

    /// Opens a ticket in the user's editor; what it writes is told as any other change.
    fn edit(&mut self, ticket: &TicketId) -> io::Result<()> {
        let tickets = self.panel.means.source.setup().tickets();
        let Some(path) = tickets.dir(ticket).map(|dir| dir.join("item.md")) else { return Ok(()) };
        let (screen, editor) = (&mut self.screen, self.panel.editor.clone());
        let ended = self.typist.quiet_while(|| screen.lend(|| run_editor(&editor, &path)))?;
        // What was typed in the editor for the whole job was not meant for the panel.
        let meant =
            |action: &Action| !matches!(action, Action::Ended(Some(SIGINT)) | Action::Stopped | Action::Resumed);
        let told: Vec<Action> = self.actions.try_iter().filter(meant).collect();
        told.into_iter().try_for_each(|action| self.take(action))?;
        if let Err(why) = ended {
            let failed =
                vec![format!("cannot edit ticket {ticket}: {why}"), "hint: set EDITOR to your editor".to_owned()];
            self.take(Action::Failed(failed))?;
        }
        let (width, height) = crossterm::terminal::size()?;
        self.take(Action::Input(crossterm::event::Event::Resize(width, height)))
    }
}

/// Runs an editor on a file until it ends; where it is stopped, the panel stops with it, so that the shell has the
/// terminal.
fn run_editor(editor: &OsStr, path: &Path) -> Result<(), String> {
    let words = shlex::bytes::split(editor.as_encoded_bytes()).filter(|words| !words.is_empty());
    let words = words.ok_or_else(|| format!("{} is no command line", editor.to_string_lossy()))?;
    let mut words = words.into_iter().map(OsString::from_vec);
    let program = words.next().unwrap_or_default();
    let child = Command::new(&program).args(words).arg(path).spawn();
    let child = child.map_err(|error| format!("cannot run {}: {error}", program.to_string_lossy()))?;
    let id = Pid::from_raw(child.id().cast_signed());
    loop {
        match waitpid(id, Some(WaitPidFlag::WUNTRACED)) {
            Ok(WaitStatus::Stopped(..)) => {
                let _ = kill(Pid::this(), Signal::SIGSTOP);
                let _ = kill(id, Signal::SIGCONT);
            }
            Ok(WaitStatus::Exited(_, 0)) => return Ok(()),
            Ok(WaitStatus::Exited(_, status)) => return Err(format!("the editor ended with status {status}")),
            Ok(WaitStatus::Signaled(_, signal, _)) => return Err(format!("the editor was ended by {signal}")),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
}
