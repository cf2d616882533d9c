//! Holding a program that a person starts in a terminal as a Pod, and taking it up again.
//!
//! ```text
//! ticket lock → re-check claim → Pod lock → directory → split → exec → commit claim → record session → confirm
//!   → unlock → run → wait → end what it left → Pod lock goes
//! ```
//! The program is made, and kept before its first instruction, *before* the claim is committed; see [`crate::pod::hold`].
//! So a program that cannot be run is no claim's, whatever is killed at whatever moment; and the claim stands by the time
//! the program begins. Only the holder commits. What a killed holder leaves is judged by its warden once it is dead, and
//! where both were killed, by whoever has the locks next: a directory that is not confirmed, of which neither claim nor
//! session record carries the identity, is nobody's.
//!
//! The same command again takes the Pod up again: nothing is committed then, the claim that stands is read under all locks.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::unistd::{AccessFlags, access};

use super::desk::RegistryDesk;
use super::error::{Failed, Partial, Step, TicketRoleLaunchError, Undone};
use super::execute::{check_free, in_flight};
use super::identity::{Attempt, DeskPod, WriterNow};
use super::in_flight::InFlight;
use super::plan::PlanError;
use super::restore::{RestoreError, check_claims, lock_tickets};
use crate::domain::{
    Evidence, Expect, HELD, NewPod, Nonce, Origin, PodId, PodName, PodRecord, Role, SessionEntry, TicketId, chain,
};
use crate::fs::{self, Wait};
use crate::pod::cgroup::{Cgroup, kill_leftover_cgroup};
use crate::pod::history::History;
use crate::pod::hold::{End, Holder, Keep, Program, Side, split};
use crate::pod::protocol::Event;
use crate::pod::{Desk as _, GaveUp};
use crate::registry::{
    CommitError, CommitRequest, JournalEntry, PodError, PodLock, ReadError, Registry, Restorable, SessionError,
    SessionFence, TicketLock,
};

/// What is to be held.
#[derive(Debug)]
pub struct HoldRequest {
    /// The Pod's name, tried as it is.
    pub pod: PodName,
    /// What it is for.
    pub role: Role,
    /// The ticket that it works on.
    pub ticket: Option<TicketId>,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Where it works.
    pub directory: PathBuf,
    /// How long to wait for the lock of the ticket.
    pub wait: Duration,
    /// What `ticket-lock` handed down, where this runs under it.
    pub handed_down: Option<InFlight>,
}

/// What holding a program takes.
pub struct Holding<'a> {
    /// The registry.
    pub registry: &'a Registry,
    /// Who writes, and the moment.
    pub writer: WriterNow,
    /// The environment that the program is given, besides what tells it of its Pod.
    pub environment: Vec<(OsString, OsString)>,
    /// Where programs are looked up.
    pub search_path: Option<OsString>,
    /// Judges whether the holder of a claim can come back.
    pub restorable: &'a dyn Restorable,
}

/// Says why nothing is held.
#[derive(Debug, thiserror::Error)]
pub enum HoldError {
    /// It could not be begun.
    #[error(transparent)]
    Launch(#[from] TicketRoleLaunchError),
    /// It could not be taken up again.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The name belongs to a Pod with other work.
    #[error("the name {} is taken by a stopped Pod: as {}{}", record.pod, record.role,
        record.ticket.as_ref().map(|ticket| format!(", on ticket {ticket}")).unwrap_or_default())]
    OtherWork {
        /// That Pod.
        record: Box<PodRecord>,
    },
    /// The program ran, and could not be watched any more; it was ended.
    #[error("cannot go on holding Pod {pod}")]
    Lost {
        /// The Pod.
        pod: PodName,
        /// What failed.
        #[source]
        source: io::Error,
    },
}

/// Variables that tell a process of a Pod, or of the ticket lock, that it runs under: none of them is for the program.
const OF_OTHERS: &[&str] =
    &["YOI_POD", "YOI_TICKET", "YOI_CLAIM", "YOI_EPOCH", "YOI_TICKET_LOCK", "YOI_LAUNCHER", "YOI_CLAIM_NONCE"];

/// Holds a program as a Pod until it ends; gives its exit status, which is 128 and the signal's number where one ended it.
///
/// The process must have one thread. It becomes two, both of which come back from here: the one that the caller's parent
/// knows gives the status, the other one may have failed, and tells why. `warn` hears of what does not keep the program
/// from running: the claim stands then.
///
/// # Errors
/// See [`HoldError`]; nothing was left behind, unless it says so.
pub fn hold(
    request: HoldRequest,
    holding: &Holding<'_>,
    warn: &mut dyn FnMut(TicketRoleLaunchError),
) -> Result<u8, HoldError> {
    if !request.role.is_launchable() {
        let role = request.role;
        return Err(TicketRoleLaunchError::Plan(PlanError::RoleNotLaunchable { role }).into());
    }
    let path = find_program(&request, holding)?;
    let unknown = |source| RestoreError::Unknown { pod: request.pod.clone(), source };
    let known = holding.registry.pod(&request.pod).map_err(unknown)?;
    let prepared = match known {
        Some(record) if is_somebodys(holding.registry, &record).map_err(unknown)? => {
            prepare_again(record, request, holding)?
        }
        _ => prepare_new(request, holding)?,
    };
    prepared.carry_through(path, holding, warn)
}

/// Whether a Pod on disk is more than what an attempt left that was killed.
fn is_somebodys(registry: &Registry, record: &PodRecord) -> Result<bool, ReadError> {
    if record.confirmed_at.is_some() || !registry.claims_of(record)?.is_empty() {
        return Ok(true);
    }
    Ok(registry.session(&record.pod)?.is_some_and(|session| session.pod_id == Some(record.pod_id)))
}

/// Finds the program of a request, before anything is locked.
fn find_program(request: &HoldRequest, holding: &Holding<'_>) -> Result<PathBuf, TicketRoleLaunchError> {
    let found = find_command(&request.command, &request.directory, holding.search_path.as_deref());
    found.map_err(|why| {
        TicketRoleLaunchError::Failed(Box::new(Failed {
            step: Step::Spawn,
            pod: request.pod.clone(),
            ticket: request.ticket.clone(),
            why,
            log: String::new(),
            undone: Undone::Nothing,
        }))
    })
}

/// Finds the program of a command as `execvp(3)` does; only absolute entries of the path count.
///
/// # Errors
/// Why it cannot be run, in words.
pub(super) fn find_command(
    command: &[OsString],
    directory: &Path,
    search_path: Option<&OsStr>,
) -> Result<PathBuf, String> {
    let program = command.first().map(Path::new).ok_or("the command is empty")?;
    let may_be_run = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.components().count() > 1 {
        let path = directory.join(program);
        return if may_be_run(&path) {
            Ok(path)
        } else {
            Err(format!("'{}' is no program that can be run", path.display()))
        };
    }
    let mut dirs = std::env::split_paths(search_path.unwrap_or_default()).filter(|dir| dir.is_absolute());
    let found = dirs.find_map(|dir| Some(dir.join(program)).filter(may_be_run));
    found.ok_or_else(|| format!("there is no program '{}' in PATH", program.display()))
}

/// All that is held before there are two processes.
struct Prepared {
    me: DeskPod,
    command: Vec<OsString>,
    directory: PathBuf,
    lock: PodLock,
    ticket_locks: Vec<TicketLock>,
    cgroup: Option<Cgroup>,
    /// The completed claim that is handed over.
    expect: Option<Expect>,
}

/// Takes the locks of a Pod that is new, and makes its directory.
fn prepare_new(request: HoldRequest, holding: &Holding<'_>) -> Result<Prepared, HoldError> {
    let registry = holding.registry;
    let writer = (holding.writer)();
    let HoldRequest { pod, role, ticket, command, directory, wait, handed_down } = request;
    let (ticket_lock, nonce) = match (handed_down, &ticket) {
        (Some(found), _) => (Some(found.lock), Some(found.nonce)),
        (None, Some(ticket)) => {
            let what_for = format!("pod-hold of Pod {pod} as {role}");
            let lock = registry.lock_ticket(ticket, &what_for, &writer, Wait::For(wait));
            (Some(lock.map_err(|error| in_flight(ticket, error))?), None)
        }
        (None, None) => (None, None),
    };
    let expect = match &ticket {
        Some(ticket) => check_free(registry, role, ticket, holding.restorable)?,
        None => None,
    };
    let nonce = nonce.unwrap_or_else(|| Nonce::from_bytes(fs::random_bytes()));
    let prepare = TicketRoleLaunchError::Prepare;
    let taken = || TicketRoleLaunchError::NameTaken { pod: pod.clone() };
    let lock = registry.try_lock_pod(&pod).map_err(prepare)?.ok_or_else(taken)?;
    lock.mark("pod-hold", &writer);
    let me = DeskPod {
        pod: pod.clone(),
        pod_id: PodId::from_bytes(fs::random_bytes()),
        role,
        origin: if ticket.is_some() { Origin::TicketClaim } else { Origin::RoleLaunch },
        ticket,
        attempt: Attempt::Launch { nonce },
    };
    let cgroup = fresh_cgroup(registry, &pod);
    let mut record = PodRecord::new(NewPod {
        pod: pod.clone(),
        pod_id: me.pod_id,
        role,
        origin: me.origin,
        ticket: me.ticket.clone(),
        nonce: Some(nonce),
        workspace: registry.workspace().root.clone(),
        directory: directory.clone(),
        profile: HELD.to_owned(),
        workflow: None,
        launch_prompt: None,
        created_at: writer.now,
    });
    record.set_command(&command);
    record.cgroup = cgroup.as_ref().map(|cgroup| cgroup.recorded().to_owned());
    if let Err(error) = registry.create_pod(&lock, &record, None, ticket_lock.as_ref()) {
        forget_cgroup(cgroup.as_ref());
        return Err(match error {
            PodError::Taken { .. } => taken(),
            PodError::Io(source) => prepare(source),
            other => prepare(fs::PathError::refused("make", &registry.pod_dir(&pod), chain(&other))),
        }
        .into());
    }
    let ticket_locks = ticket_lock.into_iter().collect();
    Ok(Prepared { me, command, directory, lock, ticket_locks, cgroup, expect })
}

/// Takes the locks of a Pod that has stopped, and reads its claims under them.
fn prepare_again(record: PodRecord, request: HoldRequest, holding: &Holding<'_>) -> Result<Prepared, HoldError> {
    let registry = holding.registry;
    let writer = (holding.writer)();
    let pod = &record.pod;
    let prepare = |source| RestoreError::Prepare { pod: pod.clone(), source };
    let live = || RestoreError::Live { pod: pod.clone() };
    if registry.pod_lives(pod).map_err(prepare)? {
        return Err(live().into());
    }
    if !record.is_held() {
        return Err(TicketRoleLaunchError::NameTaken { pod: pod.clone() }.into());
    }
    if (record.role, &record.ticket) != (request.role, &request.ticket) {
        return Err(HoldError::OtherWork { record: Box::new(record) });
    }
    let handed_down = request.handed_down.map(|found| found.lock);
    let held = handed_down.as_ref().map(TicketLock::ticket);
    let mut ticket_locks = lock_tickets(registry, &writer, &record, held, Wait::For(request.wait))?;
    ticket_locks.extend(handed_down);
    for lock in &ticket_locks {
        // What cannot be removed now is in nobody's way, and removed by the next who holds this lock.
        let _ = registry.sweep_ticket(lock);
    }
    let lock = registry.try_lock_pod(pod).map_err(prepare)?.ok_or_else(live)?;
    lock.mark("pod-hold", &writer);
    check_claims(registry, &record)?;
    let cgroup = fresh_cgroup(registry, pod);
    let name = cgroup.as_ref().map(|cgroup| cgroup.recorded().to_owned());
    let updated = registry
        .sweep_pod_temporaries(&lock)
        .map_err(PodError::from)
        .and_then(|()| registry.update_pod(pod, record.pod_id, |record| record.cgroup = name));
    if let Err(error) = updated {
        forget_cgroup(cgroup.as_ref());
        let source = match error {
            PodError::Io(source) => source,
            other => fs::PathError::refused("update", &registry.pod_dir(pod), chain(&other)),
        };
        return Err(prepare(source).into());
    }
    let me = DeskPod {
        pod: record.pod,
        pod_id: record.pod_id,
        role: record.role,
        origin: record.origin,
        ticket: record.ticket,
        attempt: Attempt::Restore,
    };
    let HoldRequest { command, directory, .. } = request;
    Ok(Prepared { me, command, directory, lock, ticket_locks, cgroup, expect: None })
}

fn fresh_cgroup(registry: &Registry, pod: &PodName) -> Option<Cgroup> {
    // Of whoever had this name before nothing may live: where warden and holder were killed, its cgroup is left.
    if let Ok(Some(before)) = registry.pod(pod)
        && let Some(cgroup) = &before.cgroup
    {
        kill_leftover_cgroup(cgroup);
    }
    // Named after the Pod's place: what an attempt leaves that was killed at once is found by the next.
    let name = registry.socket_path(pod).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Cgroup::create(&name)
}

fn forget_cgroup(cgroup: Option<&Cgroup>) {
    if let Some(cgroup) = cgroup {
        kill_leftover_cgroup(cgroup.recorded());
    }
}

impl Prepared {
    /// Splits into warden and holder, and runs this side of it.
    fn carry_through(
        self,
        path: PathBuf,
        holding: &Holding<'_>,
        warn: &mut dyn FnMut(TicketRoleLaunchError),
    ) -> Result<u8, HoldError> {
        let registry = holding.registry;
        let workspace = registry.workspace().root.clone();
        let desk = RegistryDesk::new(registry.clone(), self.me.clone(), holding.writer.clone(), &workspace);
        let attempt = Beginning { prepared: self, holding, desk: &desk };
        let claim = attempt.claim_to_be().map_err(|why| attempt.give_up(Step::Spawn, &why))?;
        match split().map_err(|error| attempt.give_up(Step::Spawn, &chain(&error)))? {
            Side::Warden(warden) => {
                let Self { lock, ticket_locks, cgroup, .. } = attempt.prepared;
                let ticket_locks = ticket_locks.into_iter().map(TicketLock::into_lock).collect();
                Ok(warden.run(Keep { lock: lock.into_lock(), ticket_locks, cgroup }, &desk))
            }
            Side::Holder(holder) => attempt.hold(holder, path, claim.as_ref(), warn),
        }
    }
}

/// A Pod between its directory and its program's first instruction.
struct Beginning<'a> {
    prepared: Prepared,
    holding: &'a Holding<'a>,
    desk: &'a RegistryDesk,
}

impl Beginning<'_> {
    /// The holder's part.
    fn hold(
        self,
        holder: Holder,
        path: PathBuf,
        claim: Option<&Expect>,
        warn: &mut dyn FnMut(TicketRoleLaunchError),
    ) -> Result<u8, HoldError> {
        let program = self.program(path, claim);
        let mut started = match holder.start(&program, self.prepared.cgroup.as_ref()) {
            Ok(started) => started,
            Err(error) => {
                let why = format!("cannot run '{}': {error}", program.path.display());
                return Err(self.give_up(Step::Spawn, &why));
            }
        };
        if started.is_forsaken() {
            let _nobody = started.end();
            return Err(self.give_up(Step::Spawn, "it was told to end before it ran"));
        }
        if let Err((step, why)) = self.establish(warn) {
            let _nobody = started.end();
            return Err(self.give_up(step, &why));
        }
        let Self { mut prepared, holding, .. } = self;
        // The warden has them still, and lets go of them when it is told to.
        prepared.ticket_locks.clear();
        let note = |event: &Event| {
            let now = (holding.writer)().now;
            let file = holding.registry.pod_dir(&prepared.me.pod).join("history.jsonl");
            // It tells people when the program ran; nothing depends on it.
            if let Ok(mut history) = History::open(&file, now) {
                history.remark(now, event);
            }
        };
        // The arguments are kept in the record alone, and not told to whoever reads the history.
        let name = prepared.command.first().map(|name| name.to_string_lossy().into_owned());
        note(&Event::ProgramStart { program: name.unwrap_or_default() });
        let ended = started.run();
        let pod = prepared.me.pod.clone();
        match ended {
            Ok(end) => {
                let (status, signal) = match end {
                    Some(End::Status(status)) => (Some(status), None),
                    Some(End::Killed(signal)) => (None, Some(signal.to_string())),
                    None => (None, None),
                };
                note(&Event::ProgramEnd { status, signal });
                // Where the warden was killed nobody asks for a status any more.
                Ok(end.map_or(u8::MAX, End::status))
            }
            Err(source) => Err(HoldError::Lost { pod, source }),
        }
    }

    /// What the program is told of the claim: of a new one what it will be, since nobody else makes one meanwhile.
    fn claim_to_be(&self) -> Result<Option<Expect>, String> {
        match (&self.prepared.me.ticket, self.prepared.me.attempt) {
            (Some(ticket), Attempt::Launch { nonce }) => {
                let generation = self.holding.registry.next_generation(ticket).map_err(|error| chain(&error))?;
                Ok(Some(Expect { generation, nonce: Some(nonce) }))
            }
            (Some(ticket), _) => {
                let claim = self.holding.registry.claim(ticket).map_err(|error| chain(&error))?;
                Ok(claim.as_ref().map(Expect::from))
            }
            (None, _) => Ok(None),
        }
    }

    fn program(&self, path: PathBuf, claim: Option<&Expect>) -> Program {
        let me = &self.prepared.me;
        let is_others = |name: &OsString| OF_OTHERS.iter().any(|other| name == other);
        let mut environment = self.holding.environment.clone();
        environment.retain(|(name, _)| !is_others(name));
        let told = [
            ("YOI_POD", Some(me.pod.to_string())),
            ("YOI_TICKET", me.ticket.as_ref().map(TicketId::to_string)),
            ("YOI_CLAIM", claim.map(Expect::to_string)),
        ];
        environment.extend(told.into_iter().filter_map(|(name, value)| Some((name.into(), value?.into()))));
        let directory = self.prepared.directory.clone();
        Program { path, arguments: self.prepared.command.clone(), environment, directory }
    }

    /// Commits the claim, records the session, confirms the Pod; or of a Pod that was stopped, keeps what it runs now.
    ///
    /// # Errors
    /// The step that failed, and why: there is no claim then, and the program must not run.
    fn establish(&self, warn: &mut dyn FnMut(TicketRoleLaunchError)) -> Result<(), (Step, String)> {
        let registry = self.holding.registry;
        let me = &self.prepared.me;
        let mut claimed = false;
        if let (Attempt::Launch { nonce }, Some(lock)) = (me.attempt, self.prepared.ticket_locks.first()) {
            match registry.commit(lock, &self.commit_request(lock, nonce), &(self.holding.writer)()) {
                Ok(_) => {}
                Err(CommitError::NotDurable { source, .. }) => {
                    warn(self.partial(Step::Commit, &chain(&source), Vec::new()));
                }
                Err(error) => return Err((Step::Commit, chain(&error))),
            }
            claimed = true;
        }
        match registry.record_session(self.session(), SessionFence::None, &(self.holding.writer)()) {
            Ok(_) => {}
            Err(error @ SessionError::NotDurable { .. }) => {
                warn(self.partial(Step::Record, &chain(&error), vec![self.session_command()]));
            }
            Err(error) if claimed => warn(self.partial(Step::Record, &chain(&error), vec![self.session_command()])),
            // It stood before the Pod stopped.
            Err(_) if matches!(me.attempt, Attempt::Restore) => {}
            Err(error) => return Err((Step::Record, chain(&error))),
        }
        let now = (self.holding.writer)().now;
        let confirm = |record: &mut PodRecord| {
            record.confirmed_at.get_or_insert(now);
            record.set_command(&self.prepared.command);
            record.directory = crate::domain::path_text(&self.prepared.directory);
        };
        match registry.update_pod(&me.pod, me.pod_id, confirm) {
            Ok(_) => {}
            // Whoever reads the claim, or else the session record, knows that it is confirmed.
            Err(error) if !matches!(me.attempt, Attempt::Restore) => {
                warn(self.partial(Step::Confirm, &chain(&error), Vec::new()));
            }
            Err(error) => return Err((Step::Confirm, chain(&error))),
        }
        if matches!(me.attempt, Attempt::Restore) {
            let mut entry = JournalEntry::new("restore");
            entry.pod = Some(me.pod.clone());
            entry.role = Some(me.role);
            entry.ticket = me.ticket.clone();
            let _ = registry.log(&(self.holding.writer)(), entry);
        }
        Ok(())
    }

    fn commit_request(&self, lock: &TicketLock, nonce: Nonce) -> CommitRequest {
        CommitRequest {
            ticket: lock.ticket().clone(),
            pod: self.prepared.me.pod.clone(),
            pod_id: Some(self.prepared.me.pod_id),
            role: self.prepared.me.role,
            evidence: Evidence::Manual,
            session: None,
            nonce: Some(nonce),
            expect: self.prepared.expect,
        }
    }

    fn session(&self) -> SessionEntry {
        let me = &self.prepared.me;
        SessionEntry {
            pod: me.pod.clone(),
            pod_id: Some(me.pod_id),
            role: me.role,
            origin: me.origin,
            session: None,
            nonce: match me.attempt {
                Attempt::Launch { nonce } => Some(nonce),
                Attempt::Unclaimed | Attempt::Restore => None,
            },
            tickets: me.ticket.iter().cloned().collect(),
        }
    }

    /// The command that records the session by hand.
    fn session_command(&self) -> Vec<String> {
        let me = &self.prepared.me;
        let words = ["yoi-claim", "session-record", me.pod.as_str(), "--role", me.role.as_str(), "--origin"];
        let ticket = me.ticket.iter().flat_map(|ticket| ["--ticket", ticket.as_str()]);
        words.into_iter().chain([me.origin.as_str()]).chain(ticket).map(str::to_owned).collect()
    }

    /// What is told where the claim stands, or may, of a program that was ended.
    fn stands(&self, step: Step, why: &str) -> TicketRoleLaunchError {
        let pod = self.prepared.me.pod.clone();
        let stands = format!("what was committed for Pod {pod} stands, and its program has ended");
        TicketRoleLaunchError::Partial(Box::new(Partial { step, pod, why: why.to_owned(), stands, mend: Vec::new() }))
    }

    fn partial(&self, step: Step, why: &str, mend: Vec<Vec<String>>) -> TicketRoleLaunchError {
        let me = &self.prepared.me;
        let stands = match &me.ticket {
            Some(ticket) => format!("Pod {} runs and its claim on ticket {ticket} stands", me.pod),
            None => format!("Pod {} runs", me.pod),
        };
        TicketRoleLaunchError::Partial(Box::new(Partial {
            step,
            pod: me.pod.clone(),
            why: why.to_owned(),
            stands,
            mend,
        }))
    }

    /// Gives the attempt up, whose program does not run: looks whether a claim stands all the same, and removes what it
    /// made if not.
    fn give_up(&self, step: Step, why: &str) -> HoldError {
        let registry = self.holding.registry;
        let me = &self.prepared.me;
        let is_new = !matches!(me.attempt, Attempt::Restore);
        let undone = match self.desk.give_up() {
            Ok(GaveUp::Withdrawn) => match self.desk.discard() {
                Ok(()) if is_new => Undone::Nothing,
                Ok(()) => Undone::AsBefore,
                Err(error) => Undone::Leftover(error.to_string()),
            },
            Ok(GaveUp::Stands) => return self.stands(step, why).into(),
            Err(unknown) => {
                let why = format!("{why}; and whether the claim stands is unknown: {unknown}");
                return self.stands(step, &why).into();
            }
        };
        forget_cgroup(self.prepared.cgroup.as_ref());
        let mut entry = JournalEntry::new("launch_failed").because(why);
        entry.pod = Some(me.pod.clone());
        entry.role = Some(me.role);
        entry.ticket = me.ticket.clone();
        entry.step = Some(step.to_string());
        let _ = registry.log(&(self.holding.writer)(), entry);
        let failed = Box::new(Failed {
            step,
            pod: me.pod.clone(),
            ticket: me.ticket.clone(),
            why: why.to_owned(),
            log: String::new(),
            undone,
        });
        match is_new {
            true => TicketRoleLaunchError::Failed(failed).into(),
            false => RestoreError::Failed(failed).into(),
        }
    }
}
