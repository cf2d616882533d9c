//! A file of profiles, read strictly.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::super::place::{Place, nearest};
use super::super::strict::{ConfigError, Document, Entry, Table};
use crate::domain::{AcpSpec, AgentSpec, Deadlines, PermissionPolicy, Permissions, Slug, ToolKind};

/// Keys of every profile.
const KEYS: [&str; 3] = ["agent", "command", "env"];
/// Keys that only an agent has which speaks a protocol.
const ACP_KEYS: [&str; 4] = ["permissions", "mode", "auth", "deadlines"];
/// The key that says what holds for the kinds of request that are not named.
const OTHERWISE: &str = "default";
/// The longest deadline, in seconds.
const MAX_DEADLINE: f64 = 3600.0;

/// `[profiles.NAME]` as it stands in a file.
pub(in crate::ticket) struct Profile {
    /// The agent; its program stands as the file has it, and is not looked up yet.
    pub(in crate::ticket) agent: AgentSpec,
    /// Where the command stands.
    pub(in crate::ticket) command: Place,
}

/// The profiles of a file.
pub(in crate::ticket) struct Profiles {
    document: Document,
}

impl Profiles {
    /// Reads a file; one that is missing has no profiles.
    pub(in crate::ticket) fn read(file: PathBuf) -> Result<Self, ConfigError> {
        Ok(Self::of(Document::read(file)?))
    }

    /// The profiles of a file, or of what is to become one.
    pub(in crate::ticket) fn of(document: Document) -> Self {
        Self { document }
    }

    /// The profile of a name, or the known name that is most like it.
    pub(in crate::ticket) fn get(&self, name: &Slug) -> Result<Result<Profile, Option<String>>, ConfigError> {
        self.document.with(|top| {
            let profiles = entries_of(&top)?;
            let known = profiles.iter().find(|(known, _)| known == name);
            let parsed = known.map(|(_, entry)| Profile::read(entry)).transpose()?;
            let names = profiles.iter().map(|(name, _)| name.as_str());
            Ok(parsed.ok_or_else(|| nearest(name.as_str(), names).map(str::to_owned)))
        })
    }

    /// All names.
    pub(super) fn names(&self) -> Result<Vec<Slug>, ConfigError> {
        self.document.with(|top| Ok(entries_of(&top)?.into_iter().map(|(name, _)| name).collect()))
    }

    /// Checks every profile, as far as that goes without looking a program up.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        self.document.with(|top| entries_of(&top)?.iter().try_for_each(|(_, entry)| Profile::read(entry).map(drop)))
    }
}

fn entries_of<'a>(top: &Table<'a>) -> Result<Vec<(Slug, Entry<'a>)>, ConfigError> {
    top.only(&["profiles"])?;
    let Some(profiles) = top.get("profiles") else { return Ok(Vec::new()) };
    let named = |(name, entry): (&str, Entry<'a>)| match Slug::new(name) {
        Ok(slug) => Ok((slug, entry)),
        Err(error) => Err(entry.bad(error.to_string())),
    };
    profiles.table()?.entries().map(named).collect()
}

/// How an agent is talked to.
#[derive(Clone, Copy)]
enum Kind {
    Acp,
    Exec,
}

const KINDS: [(&str, Kind); 2] = [("acp", Kind::Acp), ("exec", Kind::Exec)];

impl Profile {
    fn read(entry: &Entry) -> Result<Self, ConfigError> {
        let table = entry.table()?;
        table.only(&[KEYS.as_slice(), &ACP_KEYS].concat())?;
        let agent = table.get("agent").ok_or_else(|| entry.bad("it needs agent = \"acp\" or agent = \"exec\""))?;
        let kind = one_of(&agent, &KINDS)?;
        let line = table.get("command").ok_or_else(|| entry.bad("it needs command = [\"PROGRAM\", …]"))?;
        let command = command_of(&line)?;
        let env = table.get("env").map(|env| env_of(&env)).transpose()?.unwrap_or_default();
        let agent = match kind {
            Kind::Acp => AgentSpec::Acp(acp_of(&table, command, env)?),
            Kind::Exec => match ACP_KEYS.iter().find_map(|key| table.get(key)) {
                None => AgentSpec::Exec { command, env },
                Some(entry) => return Err(entry.bad("only an agent = \"acp\" heeds it; agent = \"exec\" cannot")),
            },
        };
        Ok(Self { agent, command: line.place() })
    }
}

fn acp_of(table: &Table, command: Vec<String>, env: BTreeMap<String, String>) -> Result<AcpSpec, ConfigError> {
    let id = |key: &str| table.get(key).map(|entry| id_of(&entry)).transpose();
    Ok(AcpSpec {
        command,
        env,
        permissions: table.get("permissions").map(|entry| policy_of(&entry)).transpose()?.unwrap_or_default(),
        mode: id("mode")?,
        auth: id("auth")?,
        deadlines: table.get("deadlines").map(|entry| deadlines_of(&entry)).transpose()?.unwrap_or_default(),
    })
}

fn command_of(entry: &Entry) -> Result<Vec<String>, ConfigError> {
    let words = entry.texts()?;
    if words.first().is_none_or(String::is_empty) || words.iter().any(|word| word.contains('\0')) {
        return Err(entry.bad("it must name a program"));
    }
    Ok(words)
}

fn env_of(entry: &Entry) -> Result<BTreeMap<String, String>, ConfigError> {
    let env = entry.text_table()?;
    let fits =
        |(name, value): (&String, &String)| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
    if env.iter().all(fits) { Ok(env) } else { Err(entry.bad("a variable has no name, or a '=' or NUL in it")) }
}

const ANSWERS: [(&str, Permissions); 3] =
    [("ask", Permissions::Ask), ("allow", Permissions::Allow), ("reject", Permissions::Reject)];

/// One answer to all requests, or a table of answers by what they are for.
fn policy_of(entry: &Entry) -> Result<PermissionPolicy, ConfigError> {
    if !entry.is_table() {
        return Ok(PermissionPolicy { otherwise: one_of(entry, &ANSWERS)?, ..PermissionPolicy::default() });
    }
    let kinds = ToolKind::ALL.iter().map(|kind| kind.as_str());
    let table = entry.table()?;
    table.only(&[OTHERWISE].into_iter().chain(kinds).collect::<Vec<_>>())?;
    let mut policy = PermissionPolicy::default();
    if let Some(entry) = table.get(OTHERWISE) {
        policy.otherwise = one_of(&entry, &ANSWERS)?;
    }
    for kind in ToolKind::ALL {
        if let Some(entry) = table.get(kind.as_str()) {
            policy.by_kind.insert(*kind, one_of(&entry, &ANSWERS)?);
        }
    }
    Ok(policy)
}

fn deadlines_of(entry: &Entry) -> Result<Deadlines, ConfigError> {
    let table = entry.table()?;
    let mut found = Deadlines::default();
    let Deadlines { start, tools, first_sign, cancel } = &mut found;
    let known = [("start", start), ("tools", tools), ("first_sign", first_sign), ("cancel", cancel)];
    table.only(&known.each_ref().map(|(key, _)| *key))?;
    for (key, deadline) in known {
        if let Some(entry) = table.get(key) {
            *deadline = seconds_of(&entry)?;
        }
    }
    Ok(found)
}

fn seconds_of(entry: &Entry) -> Result<Duration, ConfigError> {
    let seconds = entry.number()?;
    // What rounds to nothing is nothing: no clock tells it apart.
    let duration = (seconds <= MAX_DEADLINE).then(|| Duration::try_from_secs_f64(seconds).ok()).flatten();
    let duration = duration.filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| entry.bad(format!("it must be seconds, more than 0 and at most {MAX_DEADLINE}")))
}

/// An id of the agent's own: of a mode, or of a method of authentication.
fn id_of(entry: &Entry) -> Result<String, ConfigError> {
    let id = entry.text()?;
    if id.trim().is_empty() || id.contains(char::is_control) {
        return Err(entry.bad("it must be one line that is not blank"));
    }
    Ok(id.to_owned())
}

fn one_of<T: Copy>(entry: &Entry, words: &[(&str, T)]) -> Result<T, ConfigError> {
    let text = entry.text()?;
    let known = || words.iter().map(|(word, _)| format!("{word:?}")).collect::<Vec<_>>().join(" or ");
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| entry.bad(format!("it must be {}", known())))
}
