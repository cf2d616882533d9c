//! From two processes to the program's first instruction, and back where that does not come.

use std::ffi::OsString;
use std::path::PathBuf;

use super::super::desk::RegistryDesk;
use super::super::error::{Failed, Partial, Step, TicketRoleLaunchError, Undone};
use super::super::identity::Attempt;
use super::super::restore::RestoreError;
use super::prepare::{Prepared, forget_cgroup};
use super::{HoldError, Holding};
use crate::domain::{Evidence, Expect, Nonce, PodRecord, SessionEntry, TicketId, chain};
use crate::pod::history::History;
use crate::pod::hold::{End, Holder, Keep, Program, Side, split};
use crate::pod::protocol::Event;
use crate::pod::{Desk as _, GaveUp};
use crate::registry::{CommitError, CommitRequest, JournalEntry, SessionError, SessionFence, TicketLock};

/// Variables that tell a process of a Pod, or of the ticket lock, that it runs under: none of them is for the program.
const OF_OTHERS: &[&str] =
    &["YOI_POD", "YOI_TICKET", "YOI_CLAIM", "YOI_EPOCH", "YOI_TICKET_LOCK", "YOI_LAUNCHER", "YOI_CLAIM_NONCE"];

impl Prepared {
    /// Splits into warden and holder, and runs this side of it.
    pub(super) fn carry_through(
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
