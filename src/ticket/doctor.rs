//! What is wrong in a workspace's tickets and configuration: each finding with its file, its line and its remedy.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::Role;
use crate::fs::{PathError, entries};

use super::config::Config;
use super::error::ReadError;
use super::files::read_text;
use super::id::LocalId;
use super::init::IGNORED;
use super::profiles::{PROFILES_FILE, check_profiles};
use super::record::{ITEM, RESOLUTION, THREAD, Ticket, parse_moment};
use super::state::State;
use super::store::Tickets;
use super::strict::{ConfigError, in_workspace};
use super::workflow::{WorkflowError, load_workflow};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Something does not work until it is mended.
    Error,
    /// Everything works, but not as somebody may think.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file or directory that it is in.
    pub file: PathBuf,
    /// The line, from 1, where it is in one.
    pub line: Option<usize>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

/// Examines a workspace. Nothing hides anything else: what cannot be read is a finding.
///
/// Findings come file by file: configuration, profiles, workflows, then the tickets in the order of their ids.
pub fn examine(workspace: &Path, user_config_dir: Option<&Path>) -> Vec<Finding> {
    let mut doctor = Doctor { findings: Vec::new() };
    let config = doctor.configuration(workspace);
    doctor.profiles(workspace, user_config_dir);
    doctor.ignored(workspace);
    doctor.workflows(workspace, &config);
    doctor.tickets(&Tickets::of(workspace, &config));
    doctor.findings
}

struct Doctor {
    findings: Vec<Finding>,
}

impl Doctor {
    fn error(&mut self, file: &Path, line: Option<usize>, what: impl Into<String>, remedy: &str) {
        self.report(Severity::Error, file, line, what, remedy);
    }

    fn warning(&mut self, file: &Path, line: Option<usize>, what: impl Into<String>, remedy: &str) {
        self.report(Severity::Warning, file, line, what, remedy);
    }

    fn report(&mut self, severity: Severity, file: &Path, line: Option<usize>, what: impl Into<String>, remedy: &str) {
        let (file, what, remedy) = (file.to_owned(), what.into(), remedy.to_owned());
        self.findings.push(Finding { severity, file, line, what, remedy });
    }

    fn unreadable(&mut self, error: &PathError) {
        self.error(&error.path, None, format!("cannot {}: {}", error.doing, error.source), "mend or remove it");
    }

    fn config_error(&mut self, error: &ConfigError) {
        let (place, what) = match error {
            ConfigError::Io(error) => return self.unreadable(error),
            ConfigError::Syntax { place, .. }
            | ConfigError::UnknownKey { place, .. }
            | ConfigError::WrongType { place, .. }
            | ConfigError::BadValue { place, .. } => (place, error.to_string()),
        };
        let what = what.strip_prefix(&format!("{place}: ")).unwrap_or(&what).to_owned();
        self.error(&place.file, Some(place.line), what, "correct this line");
    }

    /// Reads the configuration; where it is broken the defaults hold, so that the tickets are looked at all the same.
    fn configuration(&mut self, workspace: &Path) -> Config {
        Config::load(workspace).unwrap_or_else(|error| {
            self.config_error(&error);
            Config::defaults(workspace)
        })
    }

    fn profiles(&mut self, workspace: &Path, user_config_dir: Option<&Path>) {
        let of_user = user_config_dir.map(|dir| dir.join(PROFILES_FILE));
        for file in [Some(in_workspace(workspace, PROFILES_FILE)), of_user].into_iter().flatten() {
            if let Err(error) = check_profiles(file) {
                self.config_error(&error);
            }
        }
    }

    fn ignored(&mut self, workspace: &Path) {
        let file = in_workspace(workspace, ".gitignore");
        let ignores = |text: &str| text.lines().any(|line| matches!(line.trim(), "tmp" | "tmp/" | "/tmp" | IGNORED));
        match read_text(&file) {
            Ok(Some(text)) if ignores(&text) => {}
            Ok(_) => {
                let remedy = format!("add the line {IGNORED}");
                self.warning(&file, None, "half-built tickets in .yoi/tmp may get into git", &remedy);
            }
            Err(error) => self.unreadable(&error),
        }
    }

    fn workflows(&mut self, workspace: &Path, config: &Config) {
        for role in Role::ALL {
            let Some(workflow) = &config.role(*role).workflow else { continue };
            match load_workflow(workspace, &workflow.value) {
                Ok(_) => {}
                Err(WorkflowError::Io(error)) => self.unreadable(&error),
                Err(error @ WorkflowError::NotFound { .. }) => {
                    let (file, line) = match &workflow.source {
                        super::Source::At(place) => (place.file.clone(), Some(place.line)),
                        super::Source::Default { file } => (file.clone(), None),
                    };
                    self.error(&file, line, error.to_string(), "write that file, or name another workflow");
                }
            }
        }
    }

    fn tickets(&mut self, tickets: &Tickets) {
        let mut names = match entries(tickets.root()) {
            Ok(names) => names,
            Err(error) => return self.unreadable(&error),
        };
        names.sort();
        for name in names {
            let path = tickets.root().join(&name);
            match name.to_str().and_then(LocalId::parse) {
                Some(id) => match tickets.read(id.ticket()) {
                    Ok(ticket) => self.ticket(&path, &ticket),
                    Err(error) => self.unread_ticket(&path, &error),
                },
                // Editors and git keep files of their own here.
                None if name.as_encoded_bytes().starts_with(b".") => {}
                None => {
                    let remedy = "move it elsewhere, or make a ticket of it with: yoi ticket new";
                    self.warning(&path, None, "its name is no ticket id, so it is not looked into", remedy);
                }
            }
        }
    }

    fn unread_ticket(&mut self, path: &Path, error: &ReadError) {
        match error {
            ReadError::Malformed { place, why } => {
                self.error(&place.file, Some(place.line), why, "correct it by hand; git shows what it was before");
            }
            ReadError::Io(error) => self.unreadable(error),
            // It was removed since it was listed.
            ReadError::NotFound { .. } => self.warning(path, None, error.to_string(), "look again"),
        }
    }

    fn ticket(&mut self, dir: &Path, ticket: &Ticket) {
        let item = dir.join(ITEM);
        for key in ["created_at", "updated_at"] {
            match ticket.item.text(key) {
                Some(text) if parse_moment(text).is_some() => {}
                Some(text) => {
                    let remedy = "write it as 2026-01-31T12:00:00Z";
                    self.warning(&item, ticket.item.line(key), format!("{key} {text:?} is no date"), remedy);
                }
                None => {
                    let remedy = format!("add a line such as {key}: '2026-01-31T12:00:00Z'");
                    self.warning(&item, ticket.item.line(key), format!("the front matter states no {key}"), &remedy);
                }
            }
        }
        let thread = dir.join(THREAD);
        if ticket.thread.events.is_empty() {
            self.warning(&thread, None, "the thread has no event", "nothing to do: the next change begins one");
        }
        for (line, what) in &ticket.thread.oddities {
            let remedy =
                "put a line --- before each event and at its end, or a backslash before text that looks like one";
            self.warning(&thread, Some(*line), what, remedy);
        }
        let closed = ticket.summary.state == State::Closed;
        match (&ticket.resolution, closed) {
            (None, true) => {
                let remedy = "write into this file how it ended";
                self.warning(&dir.join(RESOLUTION), None, "the ticket is closed without a resolution", remedy);
            }
            (Some(_), false) => {
                let what = format!("there is a resolution, but the ticket is {}", ticket.summary.state);
                self.warning(&dir.join(RESOLUTION), None, what, "close the ticket, or remove this file");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
#[path = "doctor_tests.rs"]
mod tests;
