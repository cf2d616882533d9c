//! What is wrong in a workspace's tickets and configuration: each finding with its file, its line and its remedy.

mod mend;
mod tickets;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::{Role, TicketId};
use crate::fs::PathError;

use crate::ticket::config::Config;
use crate::ticket::files::read_text;
use crate::ticket::init::IGNORED;
use crate::ticket::profiles::{PROFILES_FILE, check_profiles};
use crate::ticket::store::Tickets;
use crate::ticket::strict::{ConfigError, in_workspace};
use crate::ticket::workflow::{WorkflowError, load_workflow};

pub use mend::mend;

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
    /// How it is mended, where nobody need be asked.
    #[serde(skip)]
    pub fix: Option<Fix>,
}

/// What mends a finding without asking; see [`mend`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fix {
    /// Half-built tickets are kept out of git.
    Ignore,
    /// What killed writers left is removed.
    Leftovers,
    /// A date that is missing is told by the id or the thread.
    Moment {
        /// The ticket.
        ticket: TicketId,
        /// Which date.
        key: &'static str,
    },
    /// The last event gets its end.
    EndOfThread {
        /// The ticket.
        ticket: TicketId,
    },
    /// What the thread says of the closing becomes the resolution.
    Resolution {
        /// The ticket.
        ticket: TicketId,
    },
    /// Relations that say nothing new are removed.
    Repeats {
        /// The ticket.
        ticket: TicketId,
    },
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
        self.findings.push(Finding { severity, file, line, what, remedy, fix: None });
    }

    /// Says how the last finding is mended.
    fn mended_by(&mut self, fix: Fix) {
        if let Some(last) = self.findings.last_mut() {
            last.fix = Some(fix);
        }
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
                self.mended_by(Fix::Ignore);
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
                        crate::ticket::Source::At(place) => (place.file.clone(), Some(place.line)),
                        crate::ticket::Source::Default { file } => (file.clone(), None),
                    };
                    self.error(&file, line, error.to_string(), "write that file, or name another workflow");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
