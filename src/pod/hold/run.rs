//! Letting the program run, and waiting for its end.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::getpgid;

use super::{CONTINUE, End, HANG_UP, Holder, LETTING_GO, RELEASE, Started, TERMINATE, listen, signals};
use crate::pod::process;

impl Started {
    /// Whether nothing may begin any more: the warden is gone, or was told to end.
    pub fn is_forsaken(&mut self) -> bool {
        !self.holder.listen() || self.holder.told.iter().any(|told| matches!(*told, TERMINATE | HANG_UP))
    }

    /// Ends the program before it has run, or all that it did in that moment where nobody could keep it from running.
    pub fn end(self) -> Holder {
        let _ = kill(self.pid, Signal::SIGKILL);
        loop {
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => break,
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => break,
            }
        }
        // They die with us, where they cannot be found now.
        let _ = process::end_descendants();
        self.holder
    }

    /// Has the warden let go of the ticket, lets the program run, and waits for its end and for that of all that it left.
    ///
    /// Gives how it ended; `None` where the warden was killed, and the program was ended for that.
    ///
    /// # Errors
    /// When it cannot be watched; it was ended then.
    pub fn run(mut self) -> io::Result<Option<End>> {
        self.holder.have_the_ticket_let_go();
        if self.is_traced && ptrace::detach(self.pid, None).is_err() {
            // Somebody killed it, or it would wait for ever.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        let ended = self.watch();
        if !matches!(ended, Ok(Some(_))) {
            // Not waited for yet, so its number is its own.
            let _ = kill(self.pid, Signal::SIGKILL);
        }
        // A warden that is stopped must see the end.
        let _ = self.holder.warden.signal(Signal::SIGCONT);
        process::end_descendants()?;
        ended
    }

    /// Handles signals and the link until the program has ended, or the warden.
    fn watch(&mut self) -> io::Result<Option<End>> {
        let signals = signals()?;
        let mut is_stopped = false;
        loop {
            // Looked at before anything is waited for: what happened earlier is told by no signal.
            if let Some(end) = self.reap(&mut is_stopped)? {
                return Ok(Some(end));
            }
            let linked = self.holder.listen();
            for told in std::mem::take(&mut self.holder.told) {
                self.do_as_told(told, is_stopped);
            }
            if !linked {
                return Ok(None);
            }
            let link = &self.holder.link;
            let mut polled =
                [PollFd::new(signals.as_fd(), PollFlags::POLLIN), PollFd::new(link.as_fd(), PollFlags::POLLIN)];
            match poll(&mut polled, PollTimeout::NONE) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => return Err(error.into()),
            }
            while signals.read_signal()?.is_some() {}
        }
    }

    fn do_as_told(&self, told: u8, is_stopped: bool) {
        let passed = match told {
            TERMINATE => Some(Signal::SIGTERM),
            HANG_UP => Some(Signal::SIGHUP),
            _ => None,
        };
        // Not waited for yet, so its number is its own.
        if let Some(signal) = passed {
            let _ = kill(self.pid, signal);
        }
        // What is stopped, or is about to be, does not hear that it is to end.
        if passed.is_some() || (is_stopped && told == CONTINUE) {
            // A shell that was suspended has a process group of its own, to which nobody else sends this.
            let _ = getpgid(Some(self.pid)).and_then(|group| killpg(group, Signal::SIGCONT));
        }
    }

    /// Waits for every child that has ended, and looks whether the program has, or has stopped or goes on.
    fn reap(&self, is_stopped: &mut bool) -> io::Result<Option<End>> {
        let all = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED | WaitPidFlag::WCONTINUED;
        loop {
            let status = match waitpid(None, Some(all)) {
                Ok(WaitStatus::StillAlive) => return Ok(None),
                Ok(status) if status.pid() == Some(self.pid) => status,
                // An orphan that a real-time signal ended has no name for that.
                Ok(_) | Err(Errno::EINTR | Errno::EINVAL) => continue,
                Err(error) => return Err(error.into()),
            };
            let pass_on = match status {
                WaitStatus::Exited(_, status) => return Ok(Some(End::Status(u8::try_from(status).unwrap_or(u8::MAX)))),
                WaitStatus::Signaled(_, signal, _) => return Ok(Some(End::Killed(signal))),
                // Both are sent by this process alone, so that the last one holds.
                WaitStatus::Stopped(..) => Signal::SIGSTOP,
                WaitStatus::Continued(_) => Signal::SIGCONT,
                _ => continue,
            };
            *is_stopped = pass_on == Signal::SIGSTOP;
            let _ = self.holder.warden.signal(pass_on);
        }
    }
}

impl Holder {
    /// Hears all that the warden has told; false when there will be no more.
    fn listen(&mut self) -> bool {
        listen(&self.link, |told| self.told.push(told))
    }

    /// Has the warden let go of the ticket. One that does not keeps the ticket in flight, and does no other harm.
    fn have_the_ticket_let_go(&mut self) {
        let _ = (&self.link).write_all(&[RELEASE]);
        let wait = PollTimeout::try_from(LETTING_GO).unwrap_or(PollTimeout::MAX);
        while !self.told.contains(&RELEASE) {
            match poll(&mut [PollFd::new(self.link.as_fd(), PollFlags::POLLIN)], wait) {
                Err(Errno::EINTR) => {}
                Ok(0) | Err(_) => return,
                Ok(_) if self.listen() => {}
                Ok(_) => return,
            }
        }
    }
}
