//! The warden's part: what it passes on, and what it does when the holder has ended.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getsid};

use super::{CONTINUE, End, HANG_UP, Keep, RELEASE, TERMINATE, Warden, listen, signals};
use crate::fs::OfdLock;
use crate::pod::warden::{give_up, wait_for};
use crate::pod::{Desk, GaveUp, process};

impl Warden {
    /// Watches over the holder until it ends, ends all that it leaves, and gives the exit status of the command.
    pub fn run(self, keep: Keep, desk: &dyn Desk) -> u8 {
        let Self { holder, link } = self;
        let mut probation = Some(keep.ticket_locks);
        let status = match watch(holder, &link, &mut probation) {
            Ok(status) => status,
            Err(error) => {
                // Without eyes on the holder, none of it may go on.
                desk.note("alert", &format!("the warden cannot watch over what it holds: {error}"));
                let _ = kill(holder, Signal::SIGKILL);
                wait_for(holder)
            }
        };
        // The holder is dead, so nobody can commit any more. Where it came to the claim, the Pod is one that stopped.
        let verdict = probation.is_some().then(|| give_up(desk));
        if let Some(cgroup) = &keep.cgroup {
            cgroup.end_members();
        }
        if let Err(error) = process::end_descendants() {
            desk.note("alert", &format!("the warden cannot look for what the Pod left: {error}"));
        }
        if let Some(cgroup) = &keep.cgroup {
            cgroup.remove();
        }
        if let Some(Ok(GaveUp::Withdrawn)) = verdict
            && let Err(error) = desk.discard()
        {
            desk.note("alert", &error.to_string());
        }
        // Nothing of the Pod is left once its locks are free, the warden included: they go when the process has ended.
        std::mem::forget((keep.lock, probation));
        match status {
            WaitStatus::Exited(_, status) => u8::try_from(status).unwrap_or(u8::MAX),
            WaitStatus::Signaled(_, signal, _) => End::Killed(signal).status(),
            _ => u8::MAX,
        }
    }
}

/// Handles signals and the link until the holder has ended; gives how.
fn watch(holder: Pid, mut link: &UnixStream, probation: &mut Option<Vec<OfdLock>>) -> io::Result<WaitStatus> {
    let signals = signals()?;
    link.set_nonblocking(true)?;
    let mut linked = true;
    loop {
        let mut polled = vec![PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if linked {
            polled.push(PollFd::new(link.as_fd(), PollFlags::POLLIN));
        }
        match poll(&mut polled, PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
        drop(polled);
        while let Some(signal) = signals.read_signal()? {
            let told = match Signal::try_from(i32::try_from(signal.ssi_signo).unwrap_or_default()) {
                Ok(Signal::SIGCONT) => Some(CONTINUE),
                Ok(Signal::SIGTERM) if !is_of_the_kernel(signal.ssi_code) => Some(TERMINATE),
                // Of a terminal that is gone the kernel tells nobody but who leads the session.
                Ok(Signal::SIGHUP) if !is_of_the_kernel(signal.ssi_code) || leads_the_session() => Some(HANG_UP),
                _ => None,
            };
            if let Some(told) = told {
                // A holder that is gone is seen below.
                let _ = link.write(&[told]);
            }
        }
        // A link at its end is the holder's death in sight; SIGCHLD tells of it.
        linked = linked && listen(link, |_| let_go(link, probation));
        loop {
            match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => break,
                Ok(status) if status.pid() == Some(holder) => {
                    // What the holder sent with its last breath counts.
                    listen(link, |_| let_go(link, probation));
                    return Ok(status);
                }
                // An orphan that a real-time signal ended has no name for that.
                Ok(_) | Err(Errno::EINTR | Errno::EINVAL) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether a signal comes from the kernel, which sends what a terminal causes to the whole process group.
fn is_of_the_kernel(code: i32) -> bool {
    code == libc::SI_KERNEL
}

fn leads_the_session() -> bool {
    getsid(None).is_ok_and(|leader| leader == Pid::this())
}

fn let_go(mut link: &UnixStream, probation: &mut Option<Vec<OfdLock>>) {
    *probation = None;
    let _ = link.write(&[RELEASE]);
}
