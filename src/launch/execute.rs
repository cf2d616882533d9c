//! Executing a plan: from the ticket lock to the confirmation, and undoing any failure on the way.
//!
//! ```text
//! ticket lock → re-check claim → spawn host → ready → connect → register peers → Run → accepted
//!   → commit claim → record session → confirm → unlock
//! ```
//! Until the confirmation the Pod is on probation: it holds the read end of a pipe of this process, so that the death of
//! this process at any point makes it give up or, where the claim was committed already, go on by itself.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Partial, Step, TicketRoleLaunchError, Undone};
use super::hosting::HostMode;
use super::openers::holder;
use super::plan::{PlanError, TicketRoleLaunchPlan};
use super::spawn::{READY, Services, SpawnFailure, SpawnRequest, Started, prepare_runtime, spawn};
use super::steps;
use super::worktree::{self, WorktreeError};
use crate::domain::{
    AgentSpec, Claim, ClaimStatus, Evidence, Expect, Nonce, PodId, PodName, Role, SessionEntry, SessionRecord,
    TicketId, Worktree, chain, path_from_text,
};
use crate::fs::{self, IoContext as _, PathError, Wait, WaitError};
use crate::registry::{
    CommitError, CommitRequest, Registry, Restorable, SessionError, SessionFence, TicketLock, Withdrawn,
};

/// How many names are tried: the plain one, `-2`, `-3` …
const MAX_NAMES: u32 = 1_000;

/// The deadlines of a launch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaunchOptions {
    /// How long the host may take until it says ready, besides what the profile gives its agent.
    pub ready: Duration,
    /// How long the Pod may take to accept the first Run.
    pub accept: Duration,
    /// How long the Pod waits for its confirmation before it gives up, likewise.
    pub probation: Duration,
}

impl Default for LaunchOptions {
    fn default() -> Self {
        Self { ready: READY, accept: Duration::from_secs(10), probation: Duration::from_secs(60) }
    }
}

/// A launch that came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct TicketRoleLaunchResult {
    /// The Pod's name, perhaps with a number behind the planned one.
    pub pod: PodName,
    /// Its identity.
    pub pod_id: PodId,
    /// Its socket.
    pub socket: std::path::PathBuf,
    /// The claim, for a launch on a ticket.
    pub claim: Option<Claim>,
    /// What shows that the Pod accepted.
    pub evidence: Evidence,
    /// The session record.
    pub session: SessionRecord,
    /// The git worktree that it works in, where one was wanted.
    pub worktree: Option<Worktree>,
    /// What did not go as it should, and did not matter.
    pub warnings: Vec<String>,
}

/// Executes a plan whose profile has been resolved to `agent`.
///
/// `progress` hears of each step before it begins.
///
/// # Errors
/// See [`TicketRoleLaunchError`]; after any but [`TicketRoleLaunchError::Partial`] there is neither claim nor session
/// record, and nothing of the Pod, unless the error says so.
pub fn launch_ticket_role_pod(
    plan: &TicketRoleLaunchPlan,
    agent: AgentSpec,
    services: &Services<'_>,
    restorable: &dyn Restorable,
    options: LaunchOptions,
    progress: &mut dyn FnMut(Step),
) -> Result<TicketRoleLaunchResult, TicketRoleLaunchError> {
    progress(Step::Lock);
    let held = take_ticket(plan, services, restorable)?;
    launch_held(plan, agent, services, held, options, progress)
}

/// The ticket of a launch, locked, and found to be free or completed by another role.
pub(super) struct Taken {
    /// `None` for a launch without a ticket.
    lock: Option<TicketLock>,
    /// The completed claim that is handed over.
    expect: Option<Expect>,
}

/// Takes the lock of a plan's ticket, and looks at the claim again under it.
pub(super) fn take_ticket(
    plan: &TicketRoleLaunchPlan,
    services: &Services<'_>,
    restorable: &dyn Restorable,
) -> Result<Taken, TicketRoleLaunchError> {
    let registry = services.registry;
    prepare_runtime(registry, &plan.pod).map_err(TicketRoleLaunchError::Runtime)?;
    let ticket = plan.ticket.as_ref().map(|ticket| &ticket.id);
    let lock = ticket.map(|ticket| lock_ticket(services, plan, ticket)).transpose()?;
    let expect = match ticket {
        Some(ticket) => check_free(registry, plan.role, ticket, restorable)?,
        None => None,
    };
    Ok(Taken { lock, expect })
}

/// Executes a plan whose ticket was taken.
pub(super) fn launch_held(
    plan: &TicketRoleLaunchPlan,
    agent: AgentSpec,
    services: &Services<'_>,
    taken: Taken,
    options: LaunchOptions,
    progress: &mut dyn FnMut(Step),
) -> Result<TicketRoleLaunchResult, TicketRoleLaunchError> {
    let directory = path_from_text(&plan.directory);
    let Some(planned) = &plan.worktree else {
        return launch_on(plan, agent, services, Ground { taken, directory, worktree: None }, options, progress);
    };
    progress(Step::Worktree);
    // Under the ticket lock, so that of many launches on the ticket one makes it.
    let prepared = worktree::prepare(planned, &services.registry.workspace().root, &services.environment)?;
    let inside = directory.strip_prefix(planned.path()).map(Path::to_owned).unwrap_or_default();
    let launched = prepared.directory(&inside).map_err(TicketRoleLaunchError::from).and_then(|directory| {
        let ground = Ground { taken, directory, worktree: Some(prepared.worktree.clone()) };
        launch_on(plan, agent, services, ground, options, progress)
    });
    launched.map_err(|error| match error {
        // The claim stands, and its Pod works in it.
        TicketRoleLaunchError::Partial(_) => error,
        error => left_behind(error, prepared.undo()),
    })
}

/// A failure, with what could not be taken back of the worktree.
fn left_behind(error: TicketRoleLaunchError, undone: Result<(), WorktreeError>) -> TicketRoleLaunchError {
    match (error, undone) {
        (TicketRoleLaunchError::Failed(mut failed), Err(stays)) if failed.undone == Undone::Nothing => {
            failed.undone = Undone::Leftover(chain(&stays));
            TicketRoleLaunchError::Failed(failed)
        }
        (error, _) => error,
    }
}

/// What a launch stands on: the ticket that was taken, and where the agent is to work.
struct Ground {
    taken: Taken,
    directory: PathBuf,
    worktree: Option<Worktree>,
}

fn launch_on(
    plan: &TicketRoleLaunchPlan,
    agent: AgentSpec,
    services: &Services<'_>,
    ground: Ground,
    options: LaunchOptions,
    progress: &mut dyn FnMut(Step),
) -> Result<TicketRoleLaunchResult, TicketRoleLaunchError> {
    let nonce = Nonce::from_bytes(fs::random_bytes());
    progress(Step::Spawn);
    let request = request(plan, agent, &ground, nonce, options);
    let Ground { taken: Taken { lock, expect }, worktree, .. } = ground;
    let (pipe, started) = start(request, services, lock.as_ref())?;
    let attempt = Attempt { plan, services, nonce, expect, lock, pipe, started, worktree };
    attempt.carry_through(options, progress)
}

fn lock_ticket(
    services: &Services<'_>,
    plan: &TicketRoleLaunchPlan,
    ticket: &TicketId,
) -> Result<TicketLock, TicketRoleLaunchError> {
    let what_for = format!("launch of Pod {} as {}", plan.pod, plan.role);
    let lock = services.registry.lock_ticket(ticket, &what_for, &(services.writer)(), Wait::No);
    lock.map_err(|error| in_flight(ticket, error))
}

/// Says why the lock of a ticket was not had.
pub(super) fn in_flight(ticket: &TicketId, error: WaitError) -> TicketRoleLaunchError {
    match error {
        WaitError::Held { holder: said, path } => {
            TicketRoleLaunchError::InFlight { ticket: ticket.clone(), holder: holder(said, &path) }
        }
        WaitError::Io(source) => TicketRoleLaunchError::Prepare(source),
    }
}

/// Looks at the claim under the ticket lock: free, or completed by another role, which is a hand-over.
pub(super) fn check_free(
    registry: &Registry,
    role: Role,
    ticket: &TicketId,
    restorable: &dyn Restorable,
) -> Result<Option<Expect>, TicketRoleLaunchError> {
    let unknown = |source| TicketRoleLaunchError::Unknown { ticket: ticket.clone(), source };
    let Some(claim) = registry.claim(ticket).map_err(unknown)? else { return Ok(None) };
    let view = registry.view_claim(ticket, restorable);
    let (status, reason) = view.map_or((ClaimStatus::Unknown, String::new()), |view| (view.status, view.reason));
    let completed_by_another = claim.completed_at.is_some() && claim.role != role;
    match status {
        ClaimStatus::Restorable | ClaimStatus::Stale if completed_by_another => Ok(Some(Expect::from(&claim))),
        ClaimStatus::Stale => Err(TicketRoleLaunchError::Stale { claim: Box::new(claim), reason }),
        status => Err(TicketRoleLaunchError::Claimed { claim: Box::new(claim), status }),
    }
}

/// The Pod of a plan, under the name that is tried first.
fn request(
    plan: &TicketRoleLaunchPlan,
    agent: AgentSpec,
    ground: &Ground,
    nonce: Nonce,
    options: LaunchOptions,
) -> SpawnRequest {
    SpawnRequest {
        mode: HostMode::New,
        pod: plan.pod.clone(),
        pod_id: PodId::from_bytes(fs::random_bytes()),
        role: plan.role,
        origin: plan.origin,
        ticket: plan.ticket.as_ref().map(|ticket| ticket.id.clone()),
        nonce: Some(nonce),
        profile: plan.profile.clone().unwrap_or_default(),
        agent,
        session: None,
        workflow: Some(plan.workflow.clone()),
        launch_prompt: plan.launch_prompt.clone(),
        directory: ground.directory.clone(),
        worktree: ground.worktree.clone(),
        ready: options.ready,
        probation: options.probation,
    }
}

/// Starts the host under the first name that is not taken.
fn start(
    mut request: SpawnRequest,
    services: &Services<'_>,
    lock: Option<&TicketLock>,
) -> Result<(OwnedFd, Started), TicketRoleLaunchError> {
    let planned = request.pod.clone();
    for number in 1..=MAX_NAMES {
        let named = planned.attempt(number);
        request.pod = named.map_err(|source| PlanError::PodName { after: planned.to_string(), source })?;
        if services.registry.name_is_taken(&request.pod) {
            continue;
        }
        let (read, write) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)
            .context("make a pipe for", &services.program)
            .map_err(TicketRoleLaunchError::Prepare)?;
        match spawn(services, &request, lock, Some(read)) {
            Ok(started) => return Ok((write, started)),
            Err(SpawnFailure::Taken) => {}
            Err(SpawnFailure::NotStarted(source)) => return Err(TicketRoleLaunchError::Prepare(source)),
            Err(SpawnFailure::Failed(failed)) => return Err(TicketRoleLaunchError::Failed(failed)),
        }
    }
    let why = format!("{MAX_NAMES} names after it are taken as well");
    let dir = services.registry.pod_dir(&planned);
    Err(TicketRoleLaunchError::Prepare(PathError::refused("make the Pod", &dir, why)))
}

/// A launch between spawn and confirmation.
struct Attempt<'a> {
    plan: &'a TicketRoleLaunchPlan,
    services: &'a Services<'a>,
    nonce: Nonce,
    /// The completed claim that is handed over.
    expect: Option<Expect>,
    lock: Option<TicketLock>,
    /// The write end of the probation pipe: closing it tells the Pod that its launcher is gone.
    pipe: OwnedFd,
    started: Started,
    worktree: Option<Worktree>,
}

impl Attempt<'_> {
    fn carry_through(
        self,
        options: LaunchOptions,
        progress: &mut dyn FnMut(Step),
    ) -> Result<TicketRoleLaunchResult, TicketRoleLaunchError> {
        progress(Step::Connect);
        let mut client = match steps::connect(&self.started.socket) {
            Ok(client) => client,
            Err(error) => return Err(self.undo(Step::Connect, &chain(&error))),
        };
        progress(Step::Peers);
        let warnings = match self.plan.role {
            Role::Intake => {
                steps::register_with_orchestrators(self.services.registry, &self.started.pod, self.plan.role)
            }
            _ => Vec::new(),
        };
        progress(Step::Run);
        let accepted = steps::run(&mut client, &self.plan.input, Some(self.nonce), options.accept);
        let evidence = match accepted {
            Ok(evidence) => evidence,
            Err(error) => return Err(self.undo(Step::Run, &chain(&error))),
        };
        progress(Step::Commit);
        let mut partial = None;
        let claim = match self.commit(evidence) {
            Ok(claim) => claim,
            Err(CommitError::NotDurable { claim, source }) => {
                partial = Some(self.partial(Step::Commit, &chain(&source), Vec::new()));
                Some(*claim)
            }
            Err(error) => return Err(self.undo(Step::Commit, &chain(&error))),
        };
        progress(Step::Record);
        let recorded = self.record();
        if let (Err(SessionError::OfferGone { .. }), None) = (&recorded, &claim) {
            let why = recorded.map_or_else(|error| chain(&error), |_| String::new());
            return Err(self.undo(Step::Record, &why));
        }
        progress(Step::Confirm);
        let without_record = recorded.is_err() && claim.is_none();
        let confirmed = steps::confirm(&mut client, Some(self.nonce), without_record);
        if let Err(error) = &confirmed {
            if claim.is_none() && without_record {
                return Err(self.undo(Step::Confirm, &chain(error)));
            }
            // The Pod looks at its claim by itself when the pipe closes, and goes on: nothing needs to be mended.
            partial.get_or_insert_with(|| self.partial(Step::Confirm, &chain(error), Vec::new()));
        }
        let session = match recorded {
            Ok(session) => session,
            Err(error) => {
                return Err(self.partial(Step::Record, &chain(&error), vec![self.session_command()]));
            }
        };
        if let Some(partial) = partial {
            return Err(partial);
        }
        let Self { lock, pipe, started, worktree, .. } = self;
        let result = TicketRoleLaunchResult {
            worktree,
            pod: started.pod.clone(),
            pod_id: started.pod_id,
            socket: started.socket.clone(),
            claim,
            evidence,
            session,
            warnings,
        };
        started.release();
        drop((pipe, lock));
        Ok(result)
    }

    fn commit(&self, evidence: Evidence) -> Result<Option<Claim>, CommitError> {
        let Some(lock) = &self.lock else { return Ok(None) };
        let request = CommitRequest {
            ticket: lock.ticket().clone(),
            pod: self.started.pod.clone(),
            pod_id: None,
            role: self.plan.role,
            evidence,
            session: None,
            nonce: Some(self.nonce),
            expect: self.expect,
        };
        let committed = self.services.registry.commit(lock, &request, &(self.services.writer)())?;
        Ok(Some(committed.claim().clone()))
    }

    fn record(&self) -> Result<SessionRecord, SessionError> {
        let entry = SessionEntry {
            pod: self.started.pod.clone(),
            pod_id: Some(self.started.pod_id),
            role: self.plan.role,
            origin: self.plan.origin,
            session: None,
            nonce: Some(self.nonce),
            tickets: self.plan.ticket.iter().map(|ticket| ticket.id.clone()).collect(),
        };
        let fence = match self.lock {
            Some(_) => SessionFence::None,
            None => SessionFence::Offer(self.nonce),
        };
        self.services.registry.record_session(entry, fence, &(self.services.writer)())
    }

    /// The command that records the session by hand.
    fn session_command(&self) -> Vec<String> {
        let mut words = vec!["yoi-claim".to_owned(), "session-record".to_owned(), self.started.pod.to_string()];
        words.extend(["--role".to_owned(), self.plan.role.to_string()]);
        words.extend(["--origin".to_owned(), self.plan.origin.to_string()]);
        if let Some(ticket) = &self.plan.ticket {
            words.extend(["--ticket".to_owned(), ticket.id.to_string()]);
        }
        words
    }

    fn partial(&self, step: Step, why: &str, mend: Vec<Vec<String>>) -> TicketRoleLaunchError {
        let stands = match &self.lock {
            Some(lock) => format!("Pod {} runs and its claim on ticket {} stands", self.started.pod, lock.ticket()),
            None => format!("Pod {} runs", self.started.pod),
        };
        let pod = self.started.pod.clone();
        TicketRoleLaunchError::Partial(Box::new(Partial { step, pod, why: why.to_owned(), stands, mend }))
    }

    /// Gives the attempt up: the offer goes first, the claim is looked at then; the ticket is freed last.
    fn undo(self, step: Step, why: &str) -> TicketRoleLaunchError {
        let registry = self.services.registry;
        let withdrawn = match &self.lock {
            Some(lock) => registry.withdraw(lock.ticket(), self.nonce).map_err(|error| chain(&error)),
            None => registry.withdraw_session(&self.started.pod, self.nonce).map_err(|error| chain(&error)),
        };
        match withdrawn {
            Ok(Withdrawn::Gone) => {}
            Ok(Withdrawn::Stands) => return self.partial(step, why, Vec::new()),
            Err(unknown) => {
                let why = format!("{why}; and whether the claim stands is unknown: {unknown}");
                return self.partial(step, &why, Vec::new());
            }
        }
        let Self { lock, pipe, started, services, .. } = self;
        drop(pipe);
        let failed = started.undo(services, step, why, lock.as_ref().map(TicketLock::ticket));
        drop(lock);
        TicketRoleLaunchError::Failed(Box::new(failed))
    }
}
