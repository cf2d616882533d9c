//! A workspace with tickets in it, and what can be looked at in it and in its registry.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use yoi::domain::{PodName, TicketId};
use yoi::registry::{Registry, Workspace};

use super::{TestEnv, fake_acp, run};

/// The sample's ticket that says all that it must: an intake makes it ready, and its Pod ends by itself.
pub const COMPLETE: &str = "20260118-093012-001";
/// The sample's ticket that leaves a question open: an intake asks it, and its Pod stays.
pub const INCOMPLETE: &str = "20260118-101544-001";

/// What every file below a directory is, by its path: its mode and its bytes, or where a link leads.
pub type Tree = BTreeMap<String, (u32, Vec<u8>)>;

/// Reads all that lies below a directory; nothing where there is none.
pub fn tree(dir: &Path) -> Tree {
    let mut found = Tree::new();
    let mut waiting = vec![dir.to_owned()];
    while let Some(next) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&next) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            let meta = fs::symlink_metadata(&path).unwrap();
            let bytes = match meta.file_type() {
                kind if kind.is_file() => fs::read(&path).unwrap(),
                kind if kind.is_symlink() => fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes(),
                _ => Vec::new(),
            };
            if meta.is_dir() {
                waiting.push(path.clone());
            }
            found.insert(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned(), (meta.mode(), bytes));
        }
    }
    found
}

/// The names in a directory, sorted; none where there is no such directory.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The name of a Pod.
pub fn pod(name: &str) -> PodName {
    PodName::new(name).unwrap()
}

/// The id of a ticket.
pub fn ticket(id: &str) -> TicketId {
    TicketId::new(id).unwrap()
}

/// The first field of each line.
pub fn first_fields(listing: &str) -> Vec<&str> {
    listing.lines().map(|line| line.split('\t').next().unwrap()).collect()
}

/// The script that does what `yoi intake` does, verb by verb; the ticket is in `$T`.
pub fn script() -> &'static str {
    r#"yoi-claim ticket-lock "$T" -- sh -ec '
  yoi-claim launch-plan --role intake --ticket "$1" >"$2"
  yoi-claim pod-spawn intake-"$1" --role intake --profile builtin:checklist --ticket "$1"
  evidence=$(yoi-claim pod-run intake-"$1" --plan "$2")
  yoi-claim claim-commit "$1" --pod intake-"$1" --role intake --evidence "$evidence"
  yoi-claim session-record intake-"$1" --role intake --origin ticket_claim --ticket "$1"
  yoi-claim pod-confirm intake-"$1"' sh "$T" "$(mktemp)""#
}

impl TestEnv {
    /// A world whose workspace is a copy of the checked-in sample, in the older format of tickets.
    pub fn with_sample() -> Self {
        let env = Self::new();
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample/.");
        run(env.command("cp").arg("-R").arg(sample).arg(env.workspace()), 0);
        env
    }

    /// Makes tickets that say all that they must, in the present format.
    pub fn add_complete_tickets(&self, ids: &[String]) {
        let text = fs::read_to_string(self.workspace().join(".yoi/tickets").join(COMPLETE).join("item.md")).unwrap();
        let (_, body) = text.split_once("---\n\n").unwrap();
        for id in ids {
            let dir = self.workspace().join(".yoi/tickets").join(id);
            fs::create_dir_all(dir.join("artifacts")).unwrap();
            let front = "title: 'One of many'\nstate: 'planning'\ncreated_at: '2026-01-18T09:30:12Z'\nupdated_at: '2026-01-18T09:30:12Z'";
            fs::write(dir.join("item.md"), format!("---\n{front}\n---\n\n{body}")).unwrap();
            fs::write(dir.join("thread.md"), "").unwrap();
        }
    }

    /// Gives a role a profile in the workspace's configuration.
    pub fn configure(&self, role: &str, profile: &str) {
        let text = format!("[roles.{role}]\nprofile = \"{profile}\"\n");
        fs::write(self.workspace().join(".yoi/ticket.config.toml"), text).unwrap();
    }

    /// Gives intake the fake agent that speaks the Agent Client Protocol, with these arguments and keys of its profile.
    pub fn configure_acp(&self, arguments: &[String], keys: &str) {
        self.configure("intake", "project:fake");
        let program = fake_acp::program().to_str().unwrap().to_owned();
        let command: Vec<&String> = std::iter::once(&program).chain(arguments).collect();
        let profile = format!("[profiles.fake]\nagent = \"acp\"\ncommand = {command:?}\n{keys}\n");
        fs::write(self.workspace().join(".yoi/profiles.toml"), profile).unwrap();
    }

    /// Gives intake an agent that is a shell script, run once a turn.
    pub fn configure_script(&self, script: &str) {
        self.configure("intake", "project:script");
        fs::write(self.workspace().join("agent.sh"), script).unwrap();
        let profile = "[profiles.script]\nagent = \"exec\"\ncommand = [\"sh\", \"agent.sh\"]\n";
        fs::write(self.workspace().join(".yoi/profiles.toml"), profile).unwrap();
    }

    /// The script, on a ticket.
    pub fn script(&self, ticket: &str) -> std::process::Command {
        let mut command = self.shell(script());
        command.env("T", ticket).env("TMPDIR", self.root());
        command
    }

    /// The registry of the workspace, as the library sees it.
    pub fn registry(&self) -> Registry {
        Registry::new(&self.data(), &self.runtime(), Workspace::find(&self.workspace()).unwrap())
    }

    /// What a listing of the plumbing shows.
    pub fn listed(&self, verb: &str) -> String {
        run(&mut self.yoi_claim([verb]), 0).stdout
    }

    /// Fails unless nothing is left of a launch: no process, claim, session, Pod, offer or temporary, no held lock.
    #[track_caller]
    pub fn assert_nothing_is_left(&self) {
        // A process lets go of its locks a moment before the kernel shows it as dead.
        self.wait_for_processes();
        for verb in ["claim-list", "session-list", "pod-list"] {
            assert_eq!(self.listed(verb), "", "{verb}");
        }
        let registry = self.registry();
        for dir in ["claims", "sessions", "pods", "offers", "tmp"] {
            assert_eq!(names(&registry.dir().join(dir)), Vec::<String>::new(), "{dir}");
        }
        for name in names(&registry.dir().join("locks/tickets")) {
            run(&mut self.yoi_claim(["ticket-lock", &name, "--", "true"]), 0);
        }
        for name in names(&registry.dir().join("locks/pods")) {
            assert!(!registry.pod_lives(&pod(&name)).unwrap(), "the lock of Pod {name} is held");
        }
    }

    /// Ends a Pod, and waits until nothing of it is left.
    pub fn stop(&self, pod: &str) {
        run(&mut self.yoi(["stop", "--now", pod]), 0);
    }
}

impl TestEnv {
    /// A copy of the porcelain that starts its hosts by this script, given the real program as `$yoi`.
    pub fn launcher_with_host(&self, script: &str) -> std::path::PathBuf {
        let dir = self.root().join("beside");
        let host = format!("#!/bin/sh\nyoi='{}'\n{script}\n", env!("CARGO_BIN_EXE_yoi"));
        // By other processes: a program that this one had open for writing while another thread forks cannot be run.
        let install = "mkdir \"$1\"; cp \"$2\" \"$1/launch\"; printf %s \"$3\" >\"$1/yoi\"; chmod +x \"$1/yoi\"";
        run(self.shell(install).arg("sh").arg(&dir).arg(env!("CARGO_BIN_EXE_yoi")).arg(host), 0);
        dir.join("launch")
    }
    /// Kills every process of this test as if at once, and waits until each has ended and let go of its locks.
    pub fn kill_all(&self) {
        let processes = self.processes();
        // Stopped first, so that none does anything because of another's death.
        processes.iter().for_each(|process| process.signal(rustix::process::Signal::STOP));
        processes.iter().for_each(super::Process::kill);
        let deadline = std::time::Instant::now() + super::DEADLINE;
        assert!(processes.iter().all(|process| process.wait(deadline)));
    }
}
