//! The world of one trial: a workspace with one ticket, and what can be seen of its registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Outcome, Process, TestEnv, run};
use crate::tracer::{Spec, Tracer};

/// The ticket that every trial is about.
pub const TICKET: &str = "00001KTJ1QJB8";
/// The Pod that a launch on it makes.
pub const POD: &str = "intake-00001KTJ1QJB8";

const ITEM: &str = "\
---
title: 'Retry failed uploads'
state: 'planning'
created_at: '2026-06-07T22:02:25Z'
updated_at: '2026-06-07T22:02:25Z'
---

## Background

Uploads fail now and then, and nobody notices.

## Goal

A failed upload is tried again.

## Requirements

- Three tries, then an error that names the file.

## Acceptance criteria

- A test shows both.

## Open questions

None.
";

const THREAD: &str = "\
<!-- event: create author: 'user' at: '2026-06-07T22:02:25Z' -->
## Created

By hand.

---
";

/// Which agent the role `intake` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// The built-in one: it makes the ticket ready, and its Pod ends by itself.
    Checklist,
    /// A script that keeps a record of whether it was run under a standing claim; its Pod stays.
    Recorder,
    /// An agent that speaks the Agent Client Protocol: it is up before the claim, and has that script run when prompted.
    Acp,
}

/// Whether the registry has been written to before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    /// The data directory is empty: the launch makes everything.
    Nothing,
    /// The directories are there, and nothing of the ticket.
    Directories,
    /// A Pod was launched on the ticket, and has ended.
    Stopped,
}

/// The workspace of a trial.
pub struct World {
    pub env: TestEnv,
    ticket: BTreeMap<PathBuf, Vec<u8>>,
}

impl World {
    /// Makes a workspace with one ticket that says all that it must.
    pub fn new(agent: Agent, before: Before) -> Self {
        // In memory where there is such a place: a sweep makes some hundred thousand syncs.
        let memory = Path::new("/dev/shm");
        let env = if memory.is_dir() { TestEnv::new_in(memory) } else { TestEnv::new() };
        let yoi = env.workspace().join(".yoi");
        let ticket = yoi.join("tickets").join(TICKET);
        fs::create_dir_all(&ticket).unwrap();
        fs::write(ticket.join("item.md"), ITEM).unwrap();
        fs::write(ticket.join("thread.md"), THREAD).unwrap();
        if agent != Agent::Checklist {
            let script = env.root().join("agent");
            fs::write(&script, record_of_turns(&env.root().join("record"))).unwrap();
            if agent == Agent::Recorder {
                let profile = format!("[profiles.recorder]\nagent = \"exec\"\ncommand = [\"sh\", {script:?}]\n");
                fs::write(yoi.join("profiles.toml"), profile).unwrap();
                env.configure("intake", "project:recorder");
            } else {
                env.configure_acp(&[format!("prompted={}", script.display())], "");
            }
        }
        match before {
            Before::Nothing => {}
            Before::Directories => drop(run(&mut env.yoi_claim(["ticket-lock", "another", "--", "true"]), 0)),
            Before::Stopped => {
                run(&mut env.yoi(["--quiet", "intake", TICKET]), 0);
                if agent != Agent::Checklist {
                    run(&mut env.yoi(["--quiet", "stop", POD]), 0);
                }
                env.wait_for_processes();
            }
        }
        let mut world = Self { env, ticket: BTreeMap::new() };
        world.ticket = world.tree();
        world
    }

    /// Starts a command under a tracer; what it says is kept in [`Self::said`].
    pub fn trace(&self, spec: &Spec, command: &[String]) -> Tracer {
        Tracer::start(|program| self.env.command(program), spec, command, &self.output())
    }

    fn output(&self) -> PathBuf {
        self.env.root().join("output")
    }

    /// What the traced command said.
    pub fn said(&self) -> String {
        fs::read_to_string(self.output()).unwrap_or_default()
    }

    /// Runs the porcelain to its end.
    pub fn yoi(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.env.yoi(arguments))
    }

    /// Runs the plumbing to its end.
    pub fn yoi_claim(&self, arguments: &[&str]) -> Outcome {
        Outcome::of(&mut self.env.yoi_claim(arguments))
    }

    /// What every turn of the recording agent found, a line each.
    pub fn record(&self) -> Vec<String> {
        let text = fs::read_to_string(self.env.root().join("record")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// All files below `.yoi`, with what they hold.
    fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.env.workspace().join(".yoi"), &mut files);
        files
    }

    /// Fails where a file below `.yoi` is not what it was, or is new.
    pub fn assert_ticket_as_it_was(&self) {
        let now = self.tree();
        let names = |tree: &BTreeMap<PathBuf, Vec<u8>>| tree.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&now), names(&self.ticket), "files below .yoi came or went");
        for (path, bytes) in &self.ticket {
            assert!(now[path] == *bytes, "'{}' was changed", path.display());
        }
    }

    /// Fails where the ticket is not ready, or was made so more than once.
    pub fn assert_ticket_was_made_ready_once(&self) {
        let ticket = self.env.workspace().join(".yoi/tickets").join(TICKET);
        let [item, thread] = ["item.md", "thread.md"].map(|name| fs::read_to_string(ticket.join(name)).unwrap());
        assert!(item.contains("state: 'ready'"), "the ticket is not ready:\n{item}");
        assert_eq!(thread.matches("intake_ready").count(), 1, "made ready more than once:\n{thread}");
    }

    /// The registry's directory; `None` where there is none yet.
    pub fn registry(&self) -> Option<PathBuf> {
        let mut found = names(&self.env.data().join("workspaces"));
        assert!(found.len() <= 1, "one workspace, one registry: {found:?}");
        found.pop().map(|name| self.env.data().join("workspaces").join(name))
    }

    /// The names in one of the registry's directories.
    pub fn names(&self, directory: &str) -> Vec<String> {
        self.registry().map(|registry| names(&registry.join(directory))).unwrap_or_default()
    }

    /// A record of the registry; `None` where there is no such file.
    pub fn toml(&self, path: &str) -> Option<toml::Table> {
        let text = fs::read_to_string(self.registry()?.join(path)).ok()?;
        Some(text.parse().unwrap_or_else(|error| panic!("{path} does not parse: {error}\n{text}")))
    }

    /// The wardens and hosts that live.
    pub fn pod_processes(&self) -> Vec<Process> {
        self.env.processes().into_iter().filter(|process| process.to_string().contains(" pod-host ")).collect()
    }

    /// The sockets that there are.
    pub fn sockets(&self) -> Vec<String> {
        names(&self.env.runtime())
    }

    /// The claim on the ticket.
    pub fn claim(&self) -> toml::Table {
        self.toml(&format!("claims/{TICKET}.toml")).expect("a claim that was there is gone")
    }

    /// The record of the Pod.
    pub fn pod(&self) -> Option<toml::Table> {
        self.toml(&format!("pods/{POD}/pod.toml"))
    }

    /// Whether the Pod's launch was confirmed.
    pub fn is_confirmed(&self) -> bool {
        self.pod().is_some_and(|pod| pod.contains_key("confirmed_at"))
    }
}

/// A program that says on a line of `record` whether there was a claim when it was run.
fn record_of_turns(record: &Path) -> String {
    format!(
        "cat >/dev/null\n\
         if yoi-claim claim-check \"$YOI_TICKET\" --expect \"$YOI_CLAIM\"; then\n\
         \techo claimed\n\
         else\n\
         \techo \"not claimed\"\n\
         fi >>{}\n",
        record.display()
    )
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn collect(directory: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
}
