//! The one place where a Pod's children are born and where their end is noticed.
//!
//! Children are forked by one thread that lives as long as the host, because a parent-death signal follows the thread
//! that forked. They are waited for by nobody but [`Nursery::reap`], which also takes the orphans that the kernel hands
//! to a subreaper; both happen under one lock, so that no process id is signalled that could have been reused.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{SigSet, Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::{Pid, getpid, getppid};

use super::cgroup::Cgroup;

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Killed(Signal),
}

/// Called once when a child has ended; must not block.
pub type OnExit = Box<dyn FnOnce(Exit) + Send>;

/// Makes and ends the children of a host.
#[derive(Clone)]
pub struct Nursery {
    orders: mpsc::Sender<Order>,
    children: Children,
}

type Children = Arc<Mutex<Register>>;

#[derive(Default)]
struct Register {
    known: HashMap<Pid, Known>,
    /// Nothing is born any more.
    closed: bool,
}

struct Known {
    on_exit: OnExit,
    /// Whether what is left of its process group ends with it.
    end_group: bool,
}

struct Order {
    command: Command,
    on_exit: OnExit,
    reply: mpsc::SyncSender<io::Result<Child>>,
}

impl Nursery {
    /// Starts the thread that forks; children enter `cgroup` where there is one.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(cgroup: Option<&Cgroup>) -> io::Result<Self> {
        let children = Children::default();
        let entrance = cgroup.and_then(|cgroup| cgroup.entrance().ok()).map(Arc::new);
        let (orders, received) = mpsc::channel();
        let known = Arc::clone(&children);
        std::thread::Builder::new().name("nursery".into()).stack_size(256 << 10).spawn(move || {
            for order in received {
                give_birth(order, &known, entrance.clone());
            }
        })?;
        Ok(Self { orders, children })
    }

    /// Starts a child in a process group of its own, which dies with the host; `on_exit` is called when it has ended.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(&self, command: Command, on_exit: OnExit) -> io::Result<Child> {
        let (reply, answer) = mpsc::sync_channel(1);
        self.orders.send(Order { command, on_exit, reply }).map_err(|_| is_ending())?;
        answer.recv().map_err(|_| is_ending())?
    }

    /// Signals the process group of a child, if that has not ended, and sees to it that none of the group outlives it.
    pub fn end_group(&self, pid: u32, signal: Signal) {
        let Ok(pid) = i32::try_from(pid).map(Pid::from_raw) else { return };
        if let Some(known) = lock(&self.children).known.get_mut(&pid) {
            known.end_group = true;
            let _ = killpg(pid, signal);
        }
    }

    /// Waits for all children that have ended, without blocking; to be called on SIGCHLD.
    pub fn reap(&self) {
        while let Some((exit, on_exit)) = self.reap_one() {
            if let Some(on_exit) = on_exit {
                on_exit(exit);
            }
        }
    }

    fn reap_one(&self) -> Option<(Exit, Option<OnExit>)> {
        let mut children = lock(&self.children);
        // Looked at first: while its leader is not waited for, a process group keeps its number.
        let peek = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        let pid = loop {
            match waitid(Id::All, peek) {
                Ok(status) => break status.pid()?,
                Err(Errno::EINTR) => {}
                Err(_) => return None,
            }
        };
        Some(Self::reap_child(&mut children, pid))
    }

    /// Waits for a child that has ended.
    fn reap_child(children: &mut Register, pid: Pid) -> (Exit, Option<OnExit>) {
        let known = children.known.remove(&pid);
        if known.as_ref().is_some_and(|known| known.end_group) {
            let _ = killpg(pid, Signal::SIGKILL);
        }
        let exit = match waitpid(pid, None) {
            Ok(WaitStatus::Exited(_, status)) => Exit::Status(status),
            Ok(WaitStatus::Signaled(_, signal, _)) => Exit::Killed(signal),
            _ => Exit::Status(-1),
        };
        (exit, known.map(|known| known.on_exit))
    }

    /// Waits for the first child to be made and to end, and for no other child: a test's process has more of them.
    #[cfg(test)]
    pub(super) fn reap_first(&self) {
        let pid = loop {
            match lock(&self.children).known.keys().next().copied() {
                Some(pid) => break pid,
                None => std::thread::yield_now(),
            }
        };
        let _ = waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
        let (exit, on_exit) = Self::reap_child(&mut lock(&self.children), pid);
        if let Some(on_exit) = on_exit {
            on_exit(exit);
        }
    }

    /// Ends every descendant and waits for them, except other Pods: an agent is gone, and what it left goes with it.
    ///
    /// # Errors
    /// When the processes cannot be listed.
    pub fn end_strays(&self) -> io::Result<()> {
        // Held throughout: no child may be born meanwhile, and `reap` must not wait for what is being waited for here.
        let mut children = lock(&self.children);
        let ended = super::process::end_descendants();
        let on_exits: Vec<OnExit> = children.known.drain().map(|(_, known)| known.on_exit).collect();
        drop(children);
        on_exits.into_iter().for_each(|on_exit| on_exit(Exit::Killed(Signal::SIGKILL)));
        ended
    }

    /// Ends every descendant and waits for them, except other Pods. No child is born after this.
    ///
    /// # Errors
    /// When the processes cannot be listed.
    pub fn end_all(&self) -> io::Result<()> {
        // Held throughout: `reap` must not wait for what is being waited for here.
        let mut children = lock(&self.children);
        children.closed = true;
        super::process::end_descendants()
    }
}

fn is_ending() -> io::Error {
    io::Error::other("the Pod is ending")
}

fn lock(children: &Children) -> MutexGuard<'_, Register> {
    children.lock().unwrap_or_else(PoisonError::into_inner)
}

fn give_birth(order: Order, children: &Children, entrance: Option<Arc<File>>) {
    let Order { mut command, on_exit, reply } = order;
    let host = getpid();
    command.process_group(0);
    // SAFETY: only async-signal-safe calls are made, and nothing is allocated.
    unsafe {
        command.pre_exec(move || {
            set_pdeathsig(Signal::SIGKILL)?;
            if getppid() != host {
                // The host ended before the line above: nobody would end this child.
                return Err(Errno::ESRCH.into());
            }
            if let Some(entrance) = &entrance {
                // Without its cgroup the agent runs all the same.
                let _ = nix::unistd::write(entrance.as_ref(), b"0");
            }
            SigSet::empty().thread_set_mask()?;
            Ok(())
        });
    }
    // Held over the birth: a child that ends at once must be known when it is waited for.
    let mut children = lock(children);
    let born = if children.closed { Err(is_ending()) } else { command.spawn() };
    if let Ok(child) = &born
        && let Ok(pid) = i32::try_from(child.id())
    {
        children.known.insert(Pid::from_raw(pid), Known { on_exit, end_group: false });
    }
    drop(children);
    let _ = reply.send(born);
}
