//! A terminal with a screen: what a program draws on it is read as a person would read it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::libc;
use nix::pty::{Winsize, openpty};
use rustix::event::{PollFd, PollFlags, poll};

use super::{DEADLINE, TestEnv};

/// A program on a terminal of its own.
pub struct Screen {
    ours: File,
    child: Child,
    parser: vt100::Parser,
    /// All that was written, for what is no picture: modes that are left behind.
    pub said: Vec<u8>,
}

impl Screen {
    /// Starts a command on a screen of so many columns and rows.
    pub fn start(command: &mut Command, columns: u16, rows: u16) -> Self {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&size, None).unwrap();
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        command.env("TERM", "xterm-256color").stdin(end()).stdout(end()).stderr(end());
        // SAFETY: two system calls, neither of which allocates.
        unsafe {
            command.pre_exec(|| {
                nix::unistd::setsid()?;
                nix::errno::Errno::result(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
                Ok(())
            });
        }
        // Not handed down: a terminal of which anybody has our end open is never gone.
        let flags = nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC);
        nix::fcntl::fcntl(&pair.master, flags).unwrap();
        let child = command.spawn().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self {
            ours: File::from(pair.master),
            child,
            parser: vt100::Parser::new(cells(rows), cells(columns), 0),
            said: Vec::new(),
        }
    }

    /// The panel of a workspace.
    pub fn panel(env: &TestEnv, columns: u16, rows: u16) -> Self {
        Self::start(&mut env.yoi(["panel"]), columns, rows)
    }

    /// Presses keys.
    pub fn press(&mut self, keys: &str) {
        self.ours.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the screen another size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: the kernel reads a structure that lives for the call.
        let done = unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&self.ours), libc::TIOCSWINSZ, &size) };
        assert_eq!(done, 0);
        self.parser.screen_mut().set_size(cells(rows), cells(columns));
    }

    /// What is on the screen, without blanks at the ends of its lines.
    pub fn text(&self) -> String {
        let width = self.size().0;
        let rows: Vec<String> = self.parser.screen().rows(0, width).map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n")
    }

    /// What the terminal is like.
    pub fn state(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// How many columns and rows the screen has.
    pub fn size(&self) -> (u16, u16) {
        let (rows, columns) = self.parser.screen().size();
        (columns.get(), rows.get())
    }

    /// The row of the panel's list that has this text, where there is one.
    pub fn row(&self, text: &str) -> Option<String> {
        let screen = self.text();
        // Above the list are two lines that say what is in it, beside it what is known of one row.
        let mut rows = screen.lines().skip(2).map(|line| line.split('│').next().unwrap_or_default());
        rows.find(|row| row.contains(text)).map(ToOwned::to_owned)
    }

    /// Waits until the screen is as it must be.
    #[track_caller]
    pub fn wait(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + DEADLINE;
        while !(self.is_whole() && is_so(self)) {
            assert!(Instant::now() < deadline && self.read(deadline), "never {what}:\n{}", self.text());
        }
    }

    /// Whether all of the last frame has come: a terminal shows it then and not before.
    fn is_whole(&self) -> bool {
        let last = |mark: &[u8]| self.said.windows(mark.len()).rposition(|window| window == mark);
        last(b"\x1b[?2026h") <= last(b"\x1b[?2026l")
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        self.wait(text, |screen| screen.text().contains(text));
    }

    /// Waits until a row that has the first text has the second one, too.
    #[track_caller]
    pub fn wait_for_row(&mut self, of: &str, text: &str) {
        self.wait(&format!("{text} beside {of}"), |screen| screen.row(of).is_some_and(|row| row.contains(text)));
    }

    /// The program's process.
    pub fn process(&self) -> nix::unistd::Pid {
        nix::unistd::Pid::from_raw(self.child.id() as i32)
    }

    /// Waits for the end of the program, and gives its status.
    pub fn end(&mut self) -> std::process::ExitStatus {
        let deadline = Instant::now() + DEADLINE;
        while self.read(deadline) {}
        if Instant::now() >= deadline {
            let _ = self.child.kill();
            panic!("it goes on:\n{}", self.text());
        }
        self.child.wait().unwrap()
    }

    /// Leaves the panel, which must give the terminal back as it was.
    #[track_caller]
    pub fn leave(mut self) {
        self.press("q");
        assert_eq!(self.end().code(), Some(0), "{}", self.text());
        self.assert_given_back();
    }

    /// Fails unless the terminal is as a shell expects it.
    #[track_caller]
    pub fn assert_given_back(&self) {
        let state = self.state();
        assert!(!state.alternate_screen() && !state.hide_cursor() && !state.bracketed_paste());
        assert_eq!(state.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        let modes = nix::sys::termios::tcgetattr(&self.ours).unwrap();
        assert!(
            modes.local_flags.contains(nix::sys::termios::LocalFlags::ECHO | nix::sys::termios::LocalFlags::ICANON)
        );
    }

    /// Reads more of what is drawn; false at the end.
    fn read(&mut self, deadline: Instant) -> bool {
        let mut handles = [PollFd::new(&self.ours, PollFlags::IN)];
        let left = deadline.saturating_duration_since(Instant::now());
        if poll(&mut handles, Some(&left.try_into().unwrap())) != Ok(1) {
            return false;
        }
        let mut piece = [0; 16 << 10];
        // A terminal that nobody has open any more answers with an error.
        match self.ours.read(&mut piece) {
            Ok(length @ 1..) => {
                self.said.extend_from_slice(&piece[..length]);
                self.parser.process(&piece[..length]);
                true
            }
            _ => false,
        }
    }
}

fn cells(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
