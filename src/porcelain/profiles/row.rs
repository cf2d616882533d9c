//! A profile as it is shown.

use serde_json::{Value as Json, json};

use crate::cli::quote::visible;
use crate::cli::{Field, Meaning, Row, Value};
use crate::domain::{AcpSpec, AgentSpec, Role, chain};
use crate::ticket::{ListedProfile, ProfileError};

/// A profile, and the roles that run it.
#[derive(Debug)]
pub(super) struct ProfileRow {
    pub(super) listed: ListedProfile,
    pub(super) roles: Vec<Role>,
}

impl ProfileRow {
    /// The agent with its program looked up, else as it is written down.
    fn agent(&self) -> Option<&AgentSpec> {
        self.listed.agent.as_ref().ok().or(self.listed.written.as_ref())
    }

    fn of_acp<T: Into<Value>>(&self, get: impl FnOnce(&AcpSpec) -> T) -> Value {
        match self.agent() {
            Some(AgentSpec::Acp(spec)) => get(spec).into(),
            _ => Value::Absent,
        }
    }

    fn state(&self) -> Value {
        let (meaning, word) = match &self.listed.agent {
            Ok(_) => (Meaning::Good, "there"),
            Err(ProfileError::NotInstalled { .. }) => (Meaning::Quiet, "missing"),
            Err(ProfileError::ProgramMissing { .. }) => (Meaning::Attention, "missing"),
            Err(_) => (Meaning::Bad, "broken"),
        };
        Value::Word(meaning, word.to_owned())
    }

    fn install(&self) -> Option<&'static str> {
        match &self.listed.agent {
            Err(ProfileError::NotInstalled { known, .. }) => Some(known.install),
            _ => None,
        }
    }
}

impl Row for ProfileRow {
    const KIND: &'static str = "profile";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("profile", |row| Value::Word(Meaning::Name, row.listed.profile.to_string())),
        Field::column("agent", |row| row.agent().map(AgentSpec::kind).into()),
        Field::column("state", Self::state),
        Field::column("roles", |row| Value::List(row.roles.iter().map(ToString::to_string).collect())),
        Field::column("program", |row| {
            row.agent().and_then(|agent| agent.command().first()).map(|program| visible(program).into_owned()).into()
        }),
        Field::full("command", |row| {
            row.agent().map_or(Value::Absent, |agent| Value::Json(agent.command().iter().cloned().collect()))
        }),
        Field::full("why", |row| row.listed.agent.as_ref().err().map(|error| chain(error)).into()),
        Field::full("install", |row| row.install().into()),
        Field::full("permissions", |row| {
            row.of_acp(|spec| {
                let by_kind = spec.permissions.by_kind.iter().map(|(kind, answer)| (kind.as_str(), answer.as_str()));
                let all = [("default", spec.permissions.otherwise.as_str())].into_iter().chain(by_kind);
                Value::Json(all.map(|(kind, answer)| (kind.to_owned(), Json::from(answer))).collect())
            })
        }),
        Field::full("mode", |row| row.of_acp(|spec| spec.mode.clone())),
        Field::full("auth", |row| row.of_acp(|spec| spec.auth.clone())),
        Field::full("deadlines", |row| {
            row.of_acp(|spec| {
                let deadlines = &spec.deadlines;
                Value::Json(json!({
                    "start": deadlines.start.as_secs_f64(),
                    "tools": deadlines.tools.as_secs_f64(),
                    "first_sign": deadlines.first_sign.as_secs_f64(),
                    "cancel": deadlines.cancel.as_secs_f64(),
                }))
            })
        }),
    ];
}
