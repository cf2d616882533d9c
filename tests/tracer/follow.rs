//! The tracer's side: following.

use std::collections::HashMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, fork};

use super::calls::{self, Entry};
use super::{Act, Call, End, Held, News, Part, Report, Spec, Until};

/// How long a launch may take in all; whoever needs longer has failed.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs the tracer: the arguments are a [`Spec`], `--` and the command.
pub fn trace(arguments: &[OsString]) {
    let [spec, dashes, command @ ..] = arguments else { panic!("usage: --trace SPEC -- COMMAND…") };
    assert_eq!(dashes, "--");
    let spec: Spec = serde_json::from_str(spec.to_str().unwrap()).unwrap();
    // Blocked before there is a child, so that none of its changes goes unseen; the child gets an empty mask.
    let children = SigSet::from_iter([Signal::SIGCHLD]);
    children.thread_block().unwrap();
    let changes = SignalFd::with_flags(&children, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK).unwrap();
    let root = start(command);
    let mut follower = Follower {
        spec,
        root,
        is_pod_hold: false,
        processes: HashMap::new(),
        parts: HashMap::new(),
        next: 0,
        seen: 0,
        holds: Vec::new(),
        parked: Vec::new(),
        report: Report::default(),
    };
    follower.run(&changes);
    say(&News::Ended(follower.report));
    // What is still followed runs on when this process ends.
}

fn say(news: &News) {
    let mut line = serde_json::to_string(news).unwrap();
    line.push('\n');
    let mut out = std::io::stdout();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).unwrap();
}

/// Starts the command, seized before it is executed; what it says goes where our standard error does.
fn start(command: &[OsString]) -> Pid {
    let words: Vec<CString> = command.iter().map(|word| CString::new(word.clone().into_vec()).unwrap()).collect();
    let (mut wait, mut go) = std::io::pipe().unwrap();
    // SAFETY: this process has one thread, so its child may go on as if it were the parent.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => {
            let options = Options::PTRACE_O_TRACESYSGOOD
                | Options::PTRACE_O_TRACEFORK
                | Options::PTRACE_O_TRACEVFORK
                | Options::PTRACE_O_TRACECLONE
                | Options::PTRACE_O_TRACEEXEC;
            ptrace::seize(child, options).unwrap();
            go.write_all(b"g").unwrap();
            child
        }
        ForkResult::Child => {
            drop(go);
            wait.read_exact(&mut [0]).unwrap();
            nix::unistd::dup2_stdout(std::io::stderr()).unwrap();
            let null = fs::File::open("/dev/null").unwrap();
            nix::unistd::dup2_stdin(&null).unwrap();
            SigSet::empty().thread_set_mask().unwrap();
            let error = nix::unistd::execvp(&words[0], &words).unwrap_err();
            panic!("cannot run {}: {error}", command[0].display());
        }
    }
}

struct Follower {
    spec: Spec,
    root: Pid,
    /// Whether the command is `pod-hold`.
    is_pod_hold: bool,
    /// The process that each thread belongs to.
    processes: HashMap<Pid, Pid>,
    /// The part of each living process that plays one.
    parts: HashMap<Pid, Part>,
    /// The act that is waited for.
    next: usize,
    /// How many calls of its part were seen since it is waited for.
    seen: usize,
    /// The processes that are held, and by which act.
    holds: Vec<(usize, Pid)>,
    /// Their threads that have stopped, with the signal that each is about to get.
    parked: Vec<(Pid, Option<Signal>)>,
    report: Report,
}

impl Follower {
    /// Follows until the end that was asked for.
    fn run(&mut self, changes: &SignalFd) {
        let deadline = Instant::now() + DEADLINE;
        let stdin = std::io::stdin();
        loop {
            if self.take_all() || (self.report.root.is_some() && self.spec.until == Until::RootEnds) {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.report.overdue = self.processes.values().map(describe).collect();
                return;
            }
            let mut polled = vec![PollFd::new(changes.as_fd(), PollFlags::POLLIN)];
            if !self.holds.is_empty() {
                polled.push(PollFd::new(stdin.as_fd(), PollFlags::POLLIN));
            }
            match poll(&mut polled, PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(error) => panic!("cannot wait: {error}"),
            }
            let told = polled.get(1).is_some_and(|stdin| stdin.any() == Some(true));
            while changes.read_signal().unwrap().is_some() {}
            if told {
                self.obey();
            }
        }
    }

    /// Lets go of what standard input names, and at its end of everything.
    fn obey(&mut self) {
        let mut words = [0; 64];
        let length = std::io::stdin().read(&mut words).unwrap();
        let words = std::str::from_utf8(&words[..length]).unwrap();
        let acts: Vec<usize> = words.split_whitespace().map(|act| act.parse().unwrap()).collect();
        self.holds.retain(|(act, _)| length > 0 && !acts.contains(act));
        for (thread, signal) in std::mem::take(&mut self.parked) {
            // Those that are still held are parked again.
            self.resume(thread, signal);
        }
    }

    /// Deals with every change there is; true when nothing is left to follow.
    fn take_all(&mut self) -> bool {
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) => return false,
                Ok(status) => self.take(status),
                Err(Errno::EINTR) => {}
                Err(Errno::ECHILD) => return true,
                Err(error) => panic!("cannot wait: {error}"),
            }
        }
    }

    fn take(&mut self, status: WaitStatus) {
        match status {
            WaitStatus::Exited(thread, status) => self.forget(thread, End::Exited(status)),
            WaitStatus::Signaled(thread, signal, _) => self.forget(thread, End::Killed(signal as i32)),
            WaitStatus::PtraceSyscall(thread) => {
                self.introduce(thread);
                if !self.acts_at(thread) {
                    self.resume(thread, None);
                }
            }
            WaitStatus::PtraceEvent(thread, _, event) => {
                self.introduce(thread);
                match event {
                    libc::PTRACE_EVENT_EXEC => self.executed(thread),
                    libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                        // The parent may have been killed meanwhile, and the child tells of itself then.
                        if let Ok(child) = ptrace::getevent(thread) {
                            self.introduce(Pid::from_raw(child.try_into().unwrap()));
                        }
                    }
                    _ => {}
                }
                self.resume(thread, None);
            }
            WaitStatus::Stopped(thread, signal) => {
                self.introduce(thread);
                self.resume(thread, Some(signal));
            }
            WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
        }
    }

    fn forget(&mut self, thread: Pid, end: End) {
        self.processes.remove(&thread);
        self.parked.retain(|(parked, _)| *parked != thread);
        self.holds.retain(|(_, process)| *process != thread);
        if thread == self.root {
            self.report.root = Some(end);
        }
        let Some(part) = self.parts.remove(&thread) else { return };
        let waited_for = self.waiting().is_some_and(|act| act.part == part && act.hold);
        // Of verbs there may come more.
        if waited_for && part != Part::Verb && !self.parts.values().any(|other| *other == part) {
            self.arm_next();
            say(&News::Missed);
        }
    }

    /// The act that is waited for.
    fn waiting(&self) -> Option<&Act> {
        self.spec.acts.get(self.next)
    }

    fn arm_next(&mut self) {
        self.next += 1;
        self.seen = 0;
    }

    /// Gets to know a thread: by its parent's word or its own first stop, whichever comes first.
    fn introduce(&mut self, thread: Pid) {
        if self.processes.contains_key(&thread) {
            return;
        }
        let Some((process, parent)) = identity(thread) else { return };
        self.processes.insert(thread, process);
        let hosts = self.parts.values().filter(|part| **part == Part::Host).count();
        // A command that holds a program is a warden itself, and its holder plays the part of a host.
        let warden = if self.is_pod_hold { Part::Launcher } else { Part::Warden };
        if process == thread && self.parts.get(&parent) == Some(&warden) && hosts == 0 {
            self.parts.insert(process, Part::Host);
        }
    }

    /// A process runs another program now: that tells its part.
    fn executed(&mut self, process: Pid) {
        let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let program = words.first().and_then(|word| Path::new(OsStr::from_bytes(word)).file_name());
        if process == self.root {
            self.is_pod_hold = words.contains(&&b"pod-hold"[..]);
        }
        let part = if process == self.root {
            Some(Part::Launcher)
        } else if words.get(1) == Some(&&b"pod-host"[..]) {
            Some(Part::Warden)
        } else if program == Some(OsStr::new("yoi-claim")) {
            Some(Part::Verb)
        } else {
            None
        };
        match part {
            Some(part) => self.parts.insert(process, part),
            None => self.parts.remove(&process),
        };
    }

    fn resume(&mut self, thread: Pid, signal: Option<Signal>) {
        let process = self.processes.get(&thread);
        let is_holder = self.is_pod_hold && process.is_some_and(|process| self.parts.get(process) == Some(&Part::Host));
        if is_holder && self.spec.until == Until::AllButTheHeldEnd {
            // Without this a child would be ours from its first instruction on.
            let _ = ptrace::setoptions(thread, Options::PTRACE_O_TRACESYSGOOD);
        }
        if self.holds.iter().any(|(_, held)| Some(held) == process) {
            self.parked.push((thread, signal));
            return;
        }
        let resumed = if self.counts() { ptrace::syscall(thread, signal) } else { ptrace::cont(thread, signal) };
        match resumed {
            // One that was killed tells of its end next.
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => panic!("cannot resume {thread}: {error}"),
        }
    }

    /// Whether calls are counted: until there is nothing more to be done before one.
    fn counts(&self) -> bool {
        self.spec.acts.is_empty() || self.waiting().is_some()
    }

    /// Counts a call, and does what is to be done before it; true when the thread is not to be resumed.
    fn acts_at(&mut self, thread: Pid) -> bool {
        if !self.counts() {
            return false;
        }
        let Some(process) = self.processes.get(&thread).copied() else { return false };
        let Some(part) = self.parts.get(&process).copied() else { return false };
        let Some((name, about)) = entry(thread).and_then(|entry| calls::that_matters(thread, &entry)) else {
            return false;
        };
        let mut among: Vec<Part> = self.parts.values().copied().collect();
        among.sort();
        among.dedup();
        self.report.calls.entry(part).or_default().push(Call { name: name.to_owned(), about, among });
        let Some(act) = self.waiting().filter(|act| act.part == part).cloned() else { return false };
        self.seen += 1;
        if self.seen < act.nth {
            return false;
        }
        let number = self.next;
        self.report.acted += 1;
        self.arm_next();
        let targets = self.parts.iter().filter(|(_, part)| act.kill.contains(part));
        // A tracee that is not waited for keeps its number. One that is stopped here dies here.
        for (process, part) in targets {
            kill(*process, Signal::SIGKILL).unwrap();
            self.report.killed.insert(*part);
        }
        if act.hold {
            self.hold(number, process, thread);
        }
        act.hold || act.kill.contains(&part)
    }

    /// Holds a process of which one thread is stopped.
    fn hold(&mut self, act: usize, process: Pid, stopped: Pid) {
        self.holds.push((act, process));
        self.parked.push((stopped, None));
        for (other, of) in &self.processes {
            if *of == process && *other != stopped {
                // One that stops by itself just now needs no telling.
                let _ = ptrace::interrupt(*other);
            }
        }
        let [process, root] = [process, self.root].map(|pid| pid.as_raw().unsigned_abs());
        say(&News::Held(Held { act, process, root }));
    }
}

/// What a thread that stopped at a system call is about to do; `None` where it has done it.
fn entry(thread: Pid) -> Option<Entry> {
    let info = ptrace::syscall_info(thread).ok()?;
    if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
        return None;
    }
    // SAFETY: the kernel says that this is the member that it has filled in.
    let entry = unsafe { info.u.entry };
    Some(Entry { number: entry.nr, arguments: entry.args })
}

/// The process that a thread belongs to, and that one's parent; `None` where it has ended.
fn identity(thread: Pid) -> Option<(Pid, Pid)> {
    let status = fs::read_to_string(format!("/proc/{thread}/status")).ok()?;
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let number = |name: &str| field(name)?.parse().ok().map(Pid::from_raw);
    (!field("State:")?.starts_with(['Z', 'X'])).then_some((number("Tgid:")?, number("PPid:")?))
}

fn describe(process: &Pid) -> String {
    let line = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    format!("{process} ({})", String::from_utf8_lossy(&line).replace('\0', " ").trim_end())
}
