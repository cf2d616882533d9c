//! A registry for one trial: a copy of one that was prepared once, and what the real readers say of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use yoi::domain::{Claim, ClaimStatus, PodName, PodRecord, Record, SessionRecord, TicketId};
use yoi::registry::{ClaimView, Finding, PodLock, Registry, Restorable, TicketLock, Workspace};

use crate::common::{Outcome, TestEnv};

/// The ticket that every verb is about.
pub const TICKET: &str = "T";

pub fn ticket() -> TicketId {
    TicketId::new(TICKET).unwrap()
}

pub fn pod(name: &str) -> PodName {
    PodName::new(name).unwrap()
}

/// The directories and files of a tree, by their path below its root; directories have no bytes.
pub type Tree = BTreeMap<PathBuf, Option<Vec<u8>>>;

/// A data directory in a bench of which the workspace is shared.
pub struct World<'a> {
    env: &'a TestEnv,
    data: PathBuf,
    registry: Registry,
}

/// What others keep open while a verb runs.
#[derive(Default)]
pub struct Held {
    pub pods: Vec<PodLock>,
    pub flight: Option<Flight>,
}

/// A launch in flight, as `ticket-lock` hands it down.
pub struct Flight {
    pub lock: TicketLock,
    /// Read end and write end.
    pub launcher: (OwnedFd, OwnedFd),
}

/// Where in the workspace commands are run.
pub const BELOW: &str = "src";

/// What is in a claim that nobody can read.
pub const DAMAGED: &[u8] = b"version = 1\nticket = \"T";

struct Always;

impl Restorable for Always {
    fn check(&self, _: &PodRecord) -> Result<(), String> {
        Ok(())
    }
}

impl<'a> World<'a> {
    /// A data directory that is not there yet.
    pub fn new(env: &'a TestEnv, name: &str) -> Self {
        let data = env.root().join(name);
        let workspace = Workspace::find(&env.workspace()).unwrap();
        let registry = Registry::new(&data, &env.runtime(), workspace);
        Self { env, data, registry }
    }

    /// A data directory of which this is all.
    pub fn of(env: &'a TestEnv, name: &str, tree: &Tree) -> Self {
        let world = Self::new(env, name);
        world.write(tree);
        world
    }

    /// Makes all that is in a tree, of which nothing is there.
    pub fn write(&self, tree: &Tree) {
        for (path, bytes) in tree {
            let path = self.data.join(path);
            match bytes {
                None => fs::DirBuilder::new().mode(0o700).create(path).unwrap(),
                Some(bytes) => {
                    let mut file = fs::File::options().write(true).create_new(true).mode(0o600).open(path).unwrap();
                    std::io::Write::write_all(&mut file, bytes).unwrap();
                }
            }
        }
    }

    /// Removes everything.
    pub fn remove(&self) {
        if self.data.exists() {
            fs::remove_dir_all(&self.data).unwrap();
        }
    }

    pub fn env(&self) -> &TestEnv {
        self.env
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The plumbing, on this data directory.
    pub fn yoi_claim(&self, words: &[&str]) -> Command {
        let mut command = self.env.yoi_claim(words);
        // Below its root, which has to be found.
        command.env("YOI_DATA_DIR", &self.data).current_dir(self.env.workspace().join(BELOW));
        command
    }

    /// Runs the plumbing to its end.
    pub fn run(&self, words: &[&str]) -> Outcome {
        Outcome::of(&mut self.yoi_claim(words))
    }

    /// Runs the plumbing, which must succeed.
    #[track_caller]
    pub fn must(&self, words: &[&str]) {
        let outcome = self.run(words);
        assert_eq!(outcome.status, 0, "{words:?}: {}", outcome.stderr);
    }

    /// All that is there, the root included.
    pub fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        let mut waiting = if self.data.is_dir() { vec![PathBuf::new()] } else { Vec::new() };
        while let Some(next) = waiting.pop() {
            for entry in fs::read_dir(self.data.join(&next)).unwrap() {
                let entry = entry.unwrap();
                let path = next.join(entry.file_name());
                if entry.file_type().unwrap().is_dir() {
                    waiting.push(path);
                } else {
                    tree.insert(path, Some(fs::read(entry.path()).unwrap()));
                }
            }
            tree.insert(next, None);
        }
        tree
    }

    /// What lies under the final name of a record, by its path below the registry; fails where one cannot be read.
    pub fn records(&self) -> BTreeMap<String, Vec<u8>> {
        let mut records = BTreeMap::new();
        let mut take = |path: String, check: fn(&[u8]) -> Result<(), String>| {
            let bytes = fs::read(self.registry.dir().join(&path)).unwrap();
            if bytes != DAMAGED {
                check(&bytes).unwrap_or_else(|error| panic!("half a record: {path} {error}"));
            }
            records.insert(path, bytes);
        };
        for name in self.names("claims") {
            let is_claim = [".toml", ".released"].iter().any(|suffix| name.ends_with(suffix));
            // Another name says that it was set aside because nobody can read it.
            take(format!("claims/{name}"), if is_claim { parses::<Claim> } else { |_| Ok(()) });
        }
        for name in self.names("sessions") {
            take(format!("sessions/{name}"), parses::<SessionRecord>);
        }
        for name in self.names("pods") {
            take(format!("pods/{name}/pod.toml"), parses::<PodRecord>);
        }
        if self.registry.dir().join("workspace.toml").exists() {
            take("workspace.toml".to_owned(), |bytes| {
                let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
                let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
                table.contains_key("root").then_some(()).ok_or_else(|| "has no root".to_owned())
            });
        }
        records
    }

    /// Asks the listings; fails where one fails, or holds a record that it could not read.
    pub fn read_all(&self) {
        let survey = self.registry.survey(&Always).unwrap();
        let damaged = |view: &&ClaimView| view.ticket == TICKET && self.is_damaged();
        let unknown = survey.claims.iter().find(|view| view.status == ClaimStatus::Unknown && !damaged(view));
        assert!(unknown.is_none(), "half a record: {unknown:?}");
        for session in self.registry.sessions().unwrap() {
            let _ = session.unwrap();
        }
        for pod in self.registry.pods().unwrap() {
            let _ = pod.unwrap();
        }
        self.registry.journal(None).unwrap();
    }

    /// Fails where a line of the journal is not whole.
    pub fn check_journal(&self) {
        let text = fs::read_to_string(self.registry.journal_path()).unwrap_or_default();
        assert!(text.is_empty() || text.ends_with('\n'), "the journal's last line is torn: {text}");
        let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
        assert!(text.lines().all(whole), "a line of the journal is torn: {text}");
    }

    /// How many lines the journal has.
    pub fn journal_lines(&self) -> usize {
        fs::read_to_string(self.registry.journal_path()).unwrap_or_default().lines().count()
    }

    /// The names in one of the registry's directories.
    pub fn names(&self, dir: &str) -> Vec<String> {
        crate::common::scene::names(&self.registry.dir().join(dir))
    }

    /// Files on their way into place, and offers.
    pub fn leftovers(&self) -> Vec<String> {
        let of = |dir: &str| self.names(dir).into_iter().map(|name| format!("{dir}/{name}")).collect::<Vec<_>>();
        [of("tmp"), of("offers")].concat()
    }

    /// The claim on the ticket.
    pub fn claim(&self) -> Option<Claim> {
        match self.registry.claim(&ticket()) {
            Err(_) if self.is_damaged() => None,
            claim => claim.unwrap(),
        }
    }

    /// The claim on another ticket.
    pub fn claim_on(&self, ticket: &str) -> Option<Claim> {
        self.registry.claim(&TicketId::new(ticket).unwrap()).unwrap()
    }

    /// Whether nobody can read the claim on the ticket, as was brought about.
    pub fn is_damaged(&self) -> bool {
        let claim = self.registry.claim_path(&ticket());
        fs::read(&claim).is_ok_and(|bytes| bytes == DAMAGED) || claim.with_extension("unreadable").exists()
    }

    /// Whether the registry says that it is of the workspace in which the commands are run.
    pub fn is_of_this_workspace(&self) -> bool {
        let text = fs::read_to_string(self.registry.dir().join("workspace.toml")).unwrap_or_default();
        text.contains(&format!("\"{}\"", self.env.workspace().display()))
    }

    /// What is wrong, as `verify` sees it.
    pub fn findings(&self) -> BTreeSet<String> {
        let told = |finding: Finding| {
            let path = Path::new(&finding.path).strip_prefix(self.registry.dir()).map(Path::to_owned);
            format!("{} {}", finding.code.as_str(), path.unwrap_or_default().display())
        };
        self.registry.verify(&Always).all.into_iter().map(told).collect()
    }

    /// The tombstone of the ticket.
    pub fn tombstone(&self) -> Option<Claim> {
        let bytes = fs::read(self.registry.tombstone_path(&ticket())).ok()?;
        Some(Claim::parse(&bytes).unwrap())
    }
}

fn parses<R: Record>(bytes: &[u8]) -> Result<(), String> {
    R::parse(bytes).map(drop).map_err(|error| error.to_string())
}
