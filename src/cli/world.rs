//! What commands of both programs ask of the world, besides printing.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::quote::command;
use super::{Cli, Exit, Failure, OrExit as _, PodRow};
use crate::domain::{Expect, PodName, TicketId};
use crate::fs::{IoContext as _, Wait};
use crate::launch::{
    self, HeldAt, HoldRequest, Holding, PodView, RestoreCheck, Services, Setup, Surroundings, WriterNow, steps,
};
use crate::pod::client::Client;
use crate::pod::process;
use crate::pod::protocol::Snapshot;
use crate::registry::{Registry, ReleasedBy, Writer};

/// The largest input that is read from a file or standard input, in bytes.
const MAX_INPUT: u64 = 1 << 20;
/// How long a Pod that nobody answers for any more may take until it is gone.
const ENDING: Duration = Duration::from_secs(2);

impl Cli {
    /// Where configuration and programs are found besides the workspace.
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            user_config_dir: self.environment().config_dir().map(Path::to_owned),
            search_path: self.environment().search_path().map(ToOwned::to_owned),
        }
    }

    /// The workspace that the command works in, with its configuration read.
    ///
    /// # Errors
    /// When the workspace cannot be told, or its configuration is not as it must be.
    pub fn setup(&self) -> Result<Setup, Failure> {
        Ok(Setup::load(self.workspace()?, self.surroundings())?)
    }

    /// The workspace that the command works in; a configuration that is not as it must be is told, gives the exit status
    /// of a command that has shown the rest, and the defaults hold.
    ///
    /// # Errors
    /// When the workspace cannot be told.
    pub fn setup_or_defaults(&mut self) -> Result<(Setup, Exit), Failure> {
        let workspace = self.workspace()?;
        match Setup::load(workspace.clone(), self.surroundings()) {
            Ok(setup) => Ok((setup, Exit::Done)),
            Err(error) => {
                self.warn(&Failure::of(Exit::Environment, &error).hint(command(["yoi", "doctor"])));
                Ok((Setup::with_defaults(workspace, self.surroundings()), Exit::Environment))
            }
        }
    }

    /// The judge of whether stopped Pods of a registry can be restored.
    pub fn restorable(&self, registry: &Registry) -> RestoreCheck {
        RestoreCheck::new(registry.workspace().clone(), self.surroundings())
    }

    /// Who writes, and the moment, whenever it is asked.
    pub fn writer_now(&self) -> WriterNow {
        let (written_by, user, clock) =
            (self.environment().written_by(), self.environment().user(), self.environment().clock());
        Arc::new(move || Writer { written_by: written_by.clone(), user: user.clone(), now: clock.now() })
    }

    /// What is needed to start Pods.
    ///
    /// # Errors
    /// When the program that hosts them is not beside this one.
    pub fn services<'a>(&self, registry: &'a Registry) -> Result<Services<'a>, Failure> {
        let program = self.sibling("yoi")?;
        if !program.is_file() {
            let text = format!(
                "cannot start Pods: '{}' is not there; yoi and yoi-claim belong side by side",
                program.display()
            );
            return Err(Failure::new(Exit::Environment, text));
        }
        let environment = self.environment().variables().to_vec();
        Ok(Services { registry, writer: self.writer_now(), program, environment })
    }

    /// Holds a program as a Pod until it ends; gives its exit status.
    ///
    /// # Errors
    /// When it cannot be started, or ticket or name belong to another Pod.
    pub fn hold(&mut self, registry: &Registry, request: HoldRequest) -> Result<Exit, Failure> {
        self.environment().hand_down_no_further()?;
        let restorable = self.restorable(registry);
        let holding = Holding {
            registry,
            writer: self.writer_now(),
            environment: self.environment().variables().to_vec(),
            search_path: self.environment().search_path().map(ToOwned::to_owned),
            restorable: &restorable,
        };
        let status = launch::hold(request, &holding, &mut |partial| self.warn(&partial.into()))?;
        Ok(Exit::Of(status))
    }

    /// Tells of records that could not be read, and gives the exit status of a listing that left them out.
    pub fn warn_of_unreadable(&mut self, reasons: Vec<String>) -> Exit {
        let exit = if reasons.is_empty() { Exit::Done } else { Exit::Environment };
        for reason in reasons {
            self.warn(&Failure::new(Exit::Environment, reason));
        }
        exit
    }

    /// Whether this runs inside a Pod: by its variables, or by descent from a Pod's host.
    pub fn is_inside_pod(&self) -> bool {
        self.environment().variable("YOI_POD").is_some() || process::descends_from_host()
    }

    /// Refuses, inside a Pod, what only a person may decide; `doing` goes on as in "cannot reclaim ticket T".
    ///
    /// A guard rail, not a boundary: it keeps an agent from doing by mistake what an error text of another program says.
    ///
    /// # Errors
    /// When this runs inside a Pod: exit status 1.
    pub fn refuse_inside_pod(&self, doing: impl std::fmt::Display) -> Result<(), Failure> {
        if !self.is_inside_pod() {
            return Ok(());
        }
        Err(Failure::new(Exit::Refused, format!("cannot {doing} from inside a Pod")).because("a person decides that"))
    }

    /// As whom a claim is released, and which: a Pod releases its own, a person any that is not live.
    ///
    /// # Errors
    /// When this runs inside a Pod, and the claim is not that Pod's own.
    pub fn releases_as(&self, ticket: &TicketId, expect: Expect) -> Result<(ReleasedBy, Expect), Failure> {
        if !self.is_inside_pod() {
            return Ok((ReleasedBy::Other, expect));
        }
        // The Pod's own claim carries its nonce, which proves more than a name could.
        let own = self.environment().claim()?.filter(|own| {
            own.nonce.is_some()
                && own.generation == expect.generation
                && (expect.nonce.is_none() || expect.nonce == own.nonce)
        });
        if let (Some(own), true) = (own, self.environment().ticket()?.as_ref() == Some(ticket)) {
            return Ok((ReleasedBy::Holder, own));
        }
        let text = format!("cannot release the claim on ticket {ticket} from inside a Pod: it is not that Pod's own");
        Err(Failure::new(Exit::Refused, text))
    }

    /// Connects to a Pod that must run.
    ///
    /// # Errors
    /// When there is no such Pod, it does not run, or it does not answer.
    pub fn connect(&self, registry: &Registry, pod: &PodName) -> Result<(Client, Snapshot), Failure> {
        if let Some(connected) = self.connect_if_live(registry, pod)? {
            return Ok(connected);
        }
        Err(match registry.pod(pod)? {
            Some(_) => {
                let hint = command(["yoi", "restore", pod.as_str()]);
                Failure::new(Exit::Refused, format!("Pod {pod} does not run")).hint(hint)
            }
            None => Failure::new(Exit::Refused, format!("there is no Pod {pod}")).hint("yoi status"),
        })
    }

    /// Connects to a Pod; `None` where it does not run, or ends at this very moment.
    ///
    /// # Errors
    /// When it runs and does not answer.
    pub fn connect_if_live(&self, registry: &Registry, pod: &PodName) -> Result<Option<(Client, Snapshot)>, Failure> {
        if !registry.pod_lives(pod)? {
            return Ok(None);
        }
        if registry.pod(pod)?.is_some_and(|record| record.is_held()) {
            let text = format!("cannot connect to Pod {pod}: a person has it in a terminal");
            return Err(Failure::new(Exit::Refused, text).because(HeldAt::of(registry, pod).to_string()));
        }
        match Client::connect(&registry.socket_path(pod), steps::within(steps::ANSWER)) {
            Ok(connected) => Ok(Some(connected)),
            // A Pod closes its socket before it lets go of its lock.
            Err(_) if registry.wait_for_end(pod, Wait::For(ENDING))? => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a file of at most 1 MiB; `-` is standard input.
    ///
    /// # Errors
    /// When it cannot be read, or is larger.
    pub fn read_file_or_stdin(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = if path == Path::new("-") {
            std::io::stdin()
                .take(MAX_INPUT + 1)
                .read_to_end(&mut bytes)
                .or_exit(Exit::Environment)
                .map_err(|failure| failure.while_doing("cannot read standard input"))
        } else {
            let file = std::fs::File::open(path).context("open", path)?;
            Ok(file.take(MAX_INPUT + 1).read_to_end(&mut bytes).context("read", path)?)
        };
        read?;
        if bytes.len() as u64 > MAX_INPUT {
            let text = format!("cannot use '{}': it has more than {MAX_INPUT} bytes", path.display());
            return Err(Failure::new(Exit::Usage, text));
        }
        Ok(bytes)
    }

    /// What is shown of a Pod.
    pub fn pod_row(&self, registry: &Registry, view: PodView) -> PodRow {
        let claims = view.record.as_ref().and_then(|record| registry.claims_of(record).ok()).unwrap_or_default();
        let tickets = claims.into_iter().map(|claim| claim.ticket).collect();
        let socket = view.record.as_ref().map(|record| registry.socket_path(&record.pod)).unwrap_or_default();
        PodRow { view, socket, tickets }
    }
}
