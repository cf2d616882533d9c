//! What the panel does when a person asks for it: the same operations of the library that the commands call, each on a
//! thread of its own. Each looks at the registry again before it acts, and undoes itself when it fails.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use crate::cli::{Exit, Failure, doing, starting};
use crate::domain::{ClaimStatus, Expect, PodId, PodName, Role, Segment, TicketId};
use crate::fs::Wait;
use crate::launch::steps::{self, Ended};
use crate::launch::{
    self, LaunchOptions, Services, WriterNow, launch_ticket_role_pod, queue_ticket, restore_pod, stopped_pod,
};
use crate::pod::process;
use crate::pod::protocol::{Choice, Method, PermissionRequest};
use crate::registry::{Force, NetworkPolicy, Reclaim, Reclaimed, Registry};
use crate::ticket::{Author, State, Taken, Words};

use super::jobs::{JobId, News};
use super::model::Action;
use super::modes::ToReclaim;
use super::source::Source;

/// How long the end of a Pod is waited for before that is called a failure; what it does goes on.
const ENDING: Duration = Duration::from_secs(60);
/// How long a ticket lock is waited for.
const LOCK: Duration = Duration::from_secs(5);

/// Something that a person asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Deed {
    /// Launch a Pod.
    Launch {
        /// What for.
        role: Role,
        /// On which ticket, where there is one yet.
        ticket: Option<TicketId>,
        /// What is wanted, in a sentence or more.
        message: Option<String>,
    },
    /// End a Pod once its turn is over.
    Stop(Seen),
    /// End a Pod once it is idle.
    StopAfterIdle(Seen),
    /// Bring a stopped Pod back.
    Restore(PodName),
    /// End a claim whose Pod is gone.
    Reclaim {
        /// The ticket.
        ticket: TicketId,
        /// The claim that was shown, and no later one.
        expect: Expect,
        /// Why.
        reason: String,
        /// Whether also that of a Pod that could be restored.
        force: Force,
    },
    /// Answer what an agent asks.
    Answer {
        /// The Pod.
        pod: PodName,
        /// What was shown.
        asked: Box<PermissionRequest>,
        /// The answer.
        choice: Choice,
    },
    /// Let a ticket wait for a coder.
    Queue(TicketId),
    /// Close a ticket.
    Close {
        /// The ticket.
        ticket: TicketId,
        /// How it ended.
        resolution: String,
    },
    /// Give a Pod a turn.
    Send {
        /// The Pod.
        pod: Seen,
        /// What is said.
        text: String,
    },
    /// Cancel the turn of a Pod.
    Cancel(Seen),
}

/// A Pod as it was shown: that one, and no later one of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its name.
    pub pod: PodName,
    /// Its identity, where it is known.
    pub id: Option<PodId>,
}

impl Deed {
    /// What is being done, as a sentence goes on with it.
    pub fn doing(&self) -> String {
        match self {
            Self::Launch { role, ticket: Some(ticket), .. } => format!("launch {role} on ticket {ticket}"),
            Self::Launch { role, ticket: None, .. } => format!("launch {role}"),
            Self::Stop(seen) => format!("stop Pod {}", seen.pod),
            Self::StopAfterIdle(seen) => format!("let Pod {} stop once it is idle", seen.pod),
            Self::Restore(pod) => format!("restore Pod {pod}"),
            Self::Reclaim { ticket, .. } => format!("reclaim ticket {ticket}"),
            Self::Answer { pod, asked, .. } => format!("answer request {} of Pod {pod}", asked.request),
            Self::Queue(ticket) => format!("queue ticket {ticket}"),
            Self::Close { ticket, .. } => format!("close ticket {ticket}"),
            Self::Send { pod, .. } => format!("send a turn to Pod {}", pod.pod),
            Self::Cancel(seen) => format!("cancel the turn of Pod {}", seen.pod),
        }
    }
}

/// What deeds need of the world.
#[derive(Clone)]
pub struct Means {
    /// The workspace.
    pub source: Source,
    /// Who writes, and when.
    pub writer: WriterNow,
    /// The program that hosts Pods.
    pub program: PathBuf,
    /// The environment that Pods are started in.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether registries on network file systems may be written to.
    pub network: NetworkPolicy,
    /// Whether a variable says that the panel runs inside a Pod.
    pub is_inside_pod: bool,
}

impl std::fmt::Debug for Means {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Means").field("source", &self.source).field("program", &self.program).finish_non_exhaustive()
    }
}

/// Begins a deed; how it goes is told under the job's number.
pub fn begin(job: JobId, deed: Deed, means: Means, sender: Sender<Action>) {
    thread::spawn(move || {
        let mut tell = |doing: &str| drop(sender.send(Action::Job(job, News::Doing(doing.to_owned()))));
        let news = match means.carry_out(deed, &mut tell) {
            Ok(done) => News::Done(done),
            Err(failure) => News::Failed(failure.in_lines()),
        };
        let _ = sender.send(Action::Job(job, news));
    });
}

/// Looks at a claim that a person wants to end, and tells what is known of it, or why it cannot be ended.
pub fn look_to_reclaim(ticket: TicketId, means: Means, sender: Sender<Action>) {
    thread::spawn(move || {
        let action = match means.to_reclaim(&ticket) {
            Ok(claim) => Action::ToReclaim(Box::new(claim)),
            Err(failure) => Action::Failed(failure.in_lines()),
        };
        let _ = sender.send(action);
    });
}

type Tell<'a> = &'a mut dyn FnMut(&str);

impl Means {
    fn registry(&self) -> &Registry {
        self.source.registry()
    }

    fn carry_out(&self, deed: Deed, tell: Tell<'_>) -> Result<String, Failure> {
        match deed {
            Deed::Launch { role, ticket, message } => self.launch(role, ticket, message, tell),
            Deed::Stop(seen) => self.stop(&seen, tell),
            Deed::StopAfterIdle(seen) => {
                self.check(&seen)?;
                let mut client = steps::connect_pod(self.registry(), &seen.pod)?;
                steps::shutdown_after_idle(&mut client, false)?;
                Ok(format!("Pod {} stops once it is idle", seen.pod))
            }
            Deed::Restore(pod) => self.restore(&pod, tell),
            Deed::Reclaim { ticket, expect, reason, force } => self.reclaim(&ticket, expect, reason, force),
            Deed::Answer { pod, asked, choice } => {
                self.refuse_inside_pod(&format!("answer what Pod {pod} asks"))?;
                steps::answer(&self.registry().socket_path(&pod), &asked, choice)?;
                Ok(format!("request {} of Pod {pod} is answered", asked.request))
            }
            Deed::Queue(ticket) => self.queue(&ticket),
            Deed::Close { ticket, resolution } => self.close(&ticket, &resolution),
            Deed::Send { pod, text } => {
                self.check(&pod)?;
                let mut client = steps::connect_pod(self.registry(), &pod.pod)?;
                steps::run(&mut client, &[Segment::text(text)], None, LaunchOptions::default().accept)?;
                Ok(format!("Pod {} has the turn", pod.pod))
            }
            Deed::Cancel(seen) => {
                self.check(&seen)?;
                let mut client = steps::connect_pod(self.registry(), &seen.pod)?;
                steps::ask(&mut client, &Method::Cancel {})?;
                Ok(format!("the turn of Pod {} is being cancelled", seen.pod))
            }
        }
    }

    /// Makes sure that a name still is that of the Pod that was shown.
    fn check(&self, seen: &Seen) -> Result<(), Failure> {
        let record = self.registry().pod(&seen.pod)?;
        match (record.map(|record| record.pod_id), seen.id) {
            (Some(found), Some(shown)) if found != shown => {
                Err(Failure::new(Exit::Refused, format!("Pod {} is another one by now: nothing was done", seen.pod)))
            }
            _ => Ok(()),
        }
    }

    fn refuse_inside_pod(&self, doing: &str) -> Result<(), Failure> {
        if self.is_inside_pod || process::descends_from_host() {
            let failure = Failure::new(Exit::Refused, format!("cannot {doing} from inside a Pod"));
            return Err(failure.because("a person decides that"));
        }
        Ok(())
    }

    fn prepare(&self) -> Result<(), Failure> {
        let prepared = self.registry().prepare(self.network, (self.writer)().now);
        Ok(prepared?)
    }

    fn services(&self) -> Result<Services<'_>, Failure> {
        if !self.program.is_file() {
            let text = format!("cannot start Pods: '{}' is not there", self.program.display());
            return Err(Failure::new(Exit::Environment, text));
        }
        let (writer, program) = (self.writer.clone(), self.program.clone());
        Ok(Services { registry: self.registry(), writer, program, environment: self.environment.clone() })
    }

    fn launch(
        &self,
        role: Role,
        ticket: Option<TicketId>,
        message: Option<String>,
        tell: Tell<'_>,
    ) -> Result<String, Failure> {
        let setup = self.source.strict_setup()?;
        let plan = setup.plan(role, ticket, None, message)?;
        let agent = setup.agent_of(&plan)?;
        self.prepare()?;
        let starting = starting(&agent);
        let mut progress = |step: launch::Step| tell(if step == launch::Step::Spawn { &starting } else { doing(step) });
        let restorable = self.source.restorable();
        let options = LaunchOptions::default();
        let launched = launch_ticket_role_pod(&plan, agent, &self.services()?, &restorable, options, &mut progress)
            .map_err(|error| Failure::of_launch(error, plan.profile.as_deref(), &setup))?;
        let took = launched.claim.map(|claim| format!(" took ticket {}", claim.ticket));
        let mut told = format!("Pod {}{}", launched.pod, took.as_deref().unwrap_or(" runs"));
        launched.warnings.iter().for_each(|warning| told += &format!("; warning: {warning}"));
        Ok(told)
    }

    fn stop(&self, seen: &Seen, tell: Tell<'_>) -> Result<String, Failure> {
        self.check(seen)?;
        tell("until its turn is over");
        let pod = &seen.pod;
        match steps::shut_down(self.registry(), pod, false, ENDING)? {
            Ended::Now => Ok(format!("Pod {pod} has ended")),
            Ended::Before => Ok(format!("Pod {pod} had ended before")),
            Ended::NotFound => Err(Failure::new(Exit::Refused, format!("there is no Pod {pod}"))),
            Ended::NotYet => {
                let text = format!("Pod {pod} has not ended yet: it does once its turn is over");
                Err(Failure::new(Exit::Busy, text))
            }
        }
    }

    fn restore(&self, pod: &PodName, tell: Tell<'_>) -> Result<String, Failure> {
        self.prepare()?;
        let record = stopped_pod(self.registry(), pod)?;
        if record.is_held() {
            let text = format!("cannot restore Pod {pod} here: its program needs a terminal of its own");
            return Err(Failure::new(Exit::Refused, text).hint(format!("yoi restore {pod}")));
        }
        let place = format!("the record of Pod {pod}");
        let agent = self.source.strict_setup()?.agent(record.role, &record.profile, place)?;
        tell(&starting(&agent));
        let restorable = self.source.restorable();
        restore_pod(record, agent, &self.services()?, &restorable, LaunchOptions::default())?;
        Ok(format!("Pod {pod} is back"))
    }

    fn to_reclaim(&self, ticket: &TicketId) -> Result<ToReclaim, Failure> {
        self.refuse_inside_pod(&format!("reclaim ticket {ticket}"))?;
        let registry = self.registry();
        let refused = |why: String| Failure::new(Exit::Refused, format!("cannot reclaim ticket {ticket}: {why}"));
        let Some(view) = registry.view_claim(ticket, &self.source.restorable()) else {
            return Err(refused("it has no claim".to_owned()));
        };
        let (ticket, reason) = (ticket.clone(), view.reason);
        if let Some(claim) = &view.claim {
            let force = match view.status {
                ClaimStatus::Live => return Err(refused(format!("Pod {} is live", claim.pod))),
                ClaimStatus::Restorable => Force::EvenRestorable,
                _ => Force::No,
            };
            let holder = format!("Pod {} as {} (generation {})", claim.pod, claim.role, claim.generation);
            return Ok(ToReclaim { ticket, expect: Expect::from(claim), holder, reason, force });
        }
        let Some(known) = registry.known_of_unreadable(&ticket)? else {
            return Err(refused("a launch on it is in flight".to_owned()));
        };
        let holder = match known.holder {
            Some((pod, role)) => format!("Pod {pod} as {role}, as far as the journal knows,"),
            None => "Nobody knows who".to_owned(),
        };
        let expect = Expect { generation: known.generation, nonce: None };
        Ok(ToReclaim { ticket, expect, holder, reason, force: Force::No })
    }

    fn reclaim(&self, ticket: &TicketId, expect: Expect, reason: String, force: Force) -> Result<String, Failure> {
        self.refuse_inside_pod(&format!("reclaim ticket {ticket}"))?;
        self.prepare()?;
        let writer = (self.writer)();
        let registry = self.registry();
        let lock = registry.lock_ticket(ticket, "reclaim", &writer, Wait::For(LOCK))?;
        let reclaim = Reclaim { expect, reason, to: None, force };
        match registry.reclaim(&lock, &reclaim, &self.source.restorable(), &writer)? {
            Reclaimed::Freed { .. } | Reclaimed::Given(_) => Ok(format!("ticket {ticket} is free")),
        }
    }

    fn queue(&self, ticket: &TicketId) -> Result<String, Failure> {
        let writer = (self.writer)();
        let author = self.author();
        let tickets = self.source.strict_setup()?.tickets();
        match queue_ticket(self.registry(), &tickets, ticket, &author, "", writer.now)? {
            Taken::Now => Ok(format!("ticket {ticket} is queued")),
            Taken::Before => Ok(format!("ticket {ticket} was queued before")),
        }
    }

    fn close(&self, ticket: &TicketId, resolution: &str) -> Result<String, Failure> {
        self.refuse_inside_pod(&format!("close ticket {ticket}"))?;
        let words = Words { author: &self.author(), text: resolution };
        match self.source.strict_setup()?.tickets().bring_to(ticket, State::Closed, &words, (self.writer)().now)? {
            Taken::Now => Ok(format!("ticket {ticket} is closed")),
            Taken::Before => Ok(format!("ticket {ticket} was closed before")),
        }
    }

    /// The person at the screen.
    fn author(&self) -> Author {
        Author::person(&(self.writer)().user).unwrap_or_else(|_| Author::role(Role::Orchestrator))
    }
}
