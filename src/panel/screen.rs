//! The terminal: taken when the panel begins, given back at its end, whatever the end is.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use crossterm::event::{
    self, DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture, Event as Input,
};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::iterator::Signals;

use crate::cli::Paint;

use super::model::{Action, Model};
use super::view::view;

/// How much of a frame is gathered before it is written.
const FRAME: usize = 64 << 10;

/// The terminal, while it is the panel's.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    size: (u16, u16),
    /// Whether what is on the terminal is not what was drawn last.
    is_spoilt: bool,
    paint: Paint,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// When it cannot be put into the mode that is needed.
    pub fn take(paint: Paint) -> io::Result<Self> {
        give_back_on_panic();
        let size = crossterm::terminal::size()?;
        let screen = Self { terminal: fresh(size)?, size, is_spoilt: true, paint };
        enter()?;
        Ok(screen)
    }

    /// Draws a frame; nothing of it is seen before all of it is.
    ///
    /// # Errors
    /// When the terminal cannot be written.
    pub fn draw(&mut self, model: &Model) -> io::Result<()> {
        if self.size != model.size() {
            self.size = model.size();
            self.is_spoilt = true;
        }
        if std::mem::take(&mut self.is_spoilt) {
            // Not by the terminal's own means: those ask it where the cursor is, and would read the answer from among what
            // is typed.
            self.terminal = fresh(self.size)?;
            queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate, Clear(ClearType::All))?;
        } else {
            queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        }
        let paint = self.paint;
        self.terminal.draw(|frame| view(model, paint, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Draws everything anew with the next frame.
    pub fn spoil(&mut self) {
        self.is_spoilt = true;
    }

    /// Gives the terminal back while `meanwhile` runs.
    ///
    /// # Errors
    /// When it cannot be taken again.
    pub fn lend<T>(&mut self, meanwhile: impl FnOnce() -> T) -> io::Result<T> {
        leave();
        let result = meanwhile();
        enter()?;
        self.spoil();
        Ok(result)
    }

    /// Stops the panel, and all that was started with it in this job, until the shell continues it.
    ///
    /// # Errors
    /// When the terminal cannot be taken again.
    pub fn suspend(&mut self) -> io::Result<()> {
        self.lend(|| {
            // The whole group, so that a script that runs the panel stops, too, and the shell has the terminal.
            let _ = kill(Pid::from_raw(0), Signal::SIGSTOP);
        })
    }

    /// Takes the terminal again, after something else may have had it.
    ///
    /// # Errors
    /// When it cannot be taken.
    pub fn take_again(&mut self) -> io::Result<()> {
        self.spoil();
        enter()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

/// A terminal of this size of which nothing is known. It is not resized by itself: what is drawn and the model have the same
/// size.
fn fresh((width, height): (u16, u16)) -> io::Result<Terminal<CrosstermBackend<BufWriter<Stdout>>>> {
    let backend = CrosstermBackend::new(BufWriter::with_capacity(FRAME, io::stdout()));
    let viewport = Viewport::Fixed(Rect::new(0, 0, width, height));
    Terminal::with_options(backend, TerminalOptions { viewport })
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, EnableMouseCapture, EnableBracketedPaste, cursor::Hide)
}

/// Puts the terminal back as it was; where that cannot be done, there is nobody left to tell.
fn leave() {
    let _ = execute!(
        io::stdout(),
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        cursor::Show,
        EndSynchronizedUpdate
    );
    let _ = disable_raw_mode();
    let _ = io::stdout().flush();
}

/// A panic of any thread ends the panel, and its words are written on a terminal that shows them.
fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        leave();
        before(panic);
        std::process::abort();
    }));
}

/// The thread that reads what is typed. It can be told to keep off the terminal while another program has it.
#[derive(Debug)]
pub struct Typist {
    control: std::io::PipeWriter,
    quiet: Receiver<()>,
}

const PAUSE: u8 = b'p';
const RESUME: u8 = b'r';

impl Typist {
    /// Starts it.
    ///
    /// # Errors
    /// When there is no pipe to be had.
    pub fn start(sender: Sender<Action>) -> io::Result<Self> {
        let (listens, control) = io::pipe()?;
        let (says_quiet, quiet) = mpsc::channel();
        thread::spawn(move || {
            // What the terminal says when it is gone is told as an end.
            let _ = type_on(&listens, &says_quiet, &sender);
            let _ = sender.send(Action::Ended(None));
        });
        Ok(Self { control, quiet })
    }

    /// Keeps it off the terminal while `meanwhile` runs.
    pub fn quiet_while<T>(&mut self, meanwhile: impl FnOnce() -> T) -> T {
        let is_quiet = self.control.write_all(&[PAUSE]).is_ok() && self.quiet.recv().is_ok();
        let result = meanwhile();
        if is_quiet {
            let _ = self.control.write_all(&[RESUME]);
        }
        result
    }
}

fn type_on(control: &std::io::PipeReader, quiet: &Sender<()>, sender: &Sender<Action>) -> io::Result<()> {
    use std::io::Read as _;
    let keyboard: OwnedFd = io::stdin().as_fd().try_clone_to_owned()?;
    let mut word = [0];
    loop {
        let mut waiting =
            [PollFd::new(keyboard.as_fd(), PollFlags::POLLIN), PollFd::new(control.as_fd(), PollFlags::POLLIN)];
        match poll(&mut waiting, PollTimeout::NONE) {
            Ok(_) => {}
            Err(nix::errno::Errno::EINTR) => continue,
            Err(error) => return Err(error.into()),
        }
        let [typed, told] = waiting.map(|waiting| waiting.revents().unwrap_or(PollFlags::empty()));
        if told.contains(PollFlags::POLLIN) {
            (&*control).read_exact(&mut word)?;
            // Two words: keep quiet, and go on.
            if word[0] == PAUSE {
                let _ = quiet.send(());
                (&*control).read_exact(&mut word)?;
            }
            continue;
        }
        if typed.intersects(PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL) {
            return Ok(());
        }
        while event::poll(Duration::ZERO)? {
            let input = event::read()?;
            if sender.send(Action::Input(input)).is_err() {
                return Ok(());
            }
        }
    }
}

/// Tells of signals: those that end the panel, and those of the terminal and of the shell's job control.
///
/// # Errors
/// When they cannot be caught.
pub fn heed_signals(sender: Sender<Action>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGHUP, SIGINT, SIGWINCH, SIGTSTP, SIGCONT])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let action = match signal {
                SIGWINCH => match crossterm::terminal::size() {
                    Ok((width, height)) => Action::Input(Input::Resize(width, height)),
                    Err(_) => continue,
                },
                SIGTSTP => Action::Stopped,
                SIGCONT => Action::Resumed,
                other => Action::Ended(Some(other)),
            };
            if sender.send(action).is_err() {
                return;
            }
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::{Command, Stdio};

    use nix::pty::{Winsize, openpty};
    use nix::sys::termios::{LocalFlags, tcgetattr};

    use super::*;

    #[test]
    #[ignore = "it is the panel that fails in the next test, and ends this process"]
    fn fails_on_its_screen() {
        let _screen = Screen::take(Paint::Plain).unwrap();
        panic!("on purpose");
    }

    #[test]
    fn a_panic_gives_the_terminal_back_before_it_is_told() {
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        let terminal = openpty(&size, None).unwrap();
        let end = || Stdio::from(terminal.slave.try_clone().unwrap());
        let mut command = Command::new("/proc/self/exe");
        command.args(["--exact", "panel::screen::tests::fails_on_its_screen", "--ignored", "--nocapture"]);
        let mut child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(nix::libc::SIGABRT));
        let modes = tcgetattr(&terminal.slave).unwrap().local_flags;
        assert!(modes.contains(LocalFlags::ECHO | LocalFlags::ICANON), "{modes:?}");
        // What was written is less than a terminal holds; without another end of it, reading comes to its end.
        drop((command, terminal.slave));
        let mut said = Vec::new();
        let _ = File::from(terminal.master).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let at = |text: &str| said.rfind(text).unwrap_or_else(|| panic!("{text:?} is missing: {said:?}"));
        assert!(at("\x1b[?1049h") < at("\x1b[?1049l") && at("\x1b[?1049l") < at("on purpose"), "{said:?}");
    }
}
