//! The Pod record: what is needed to bring a Pod back.

use std::ffi::OsString;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::record::Version;
use super::{Nonce, Origin, PodId, PodName, Record, Role, Slug, TicketId, Timestamp};

/// `pods/<key>/pod.toml`: written by the host before it says ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PodRecord {
    pub(super) version: Version,
    /// The Pod's name.
    pub pod: PodName,
    /// That Pod and no later one of its name; a restored Pod keeps it.
    pub pod_id: PodId,
    /// What the Pod is for.
    pub role: Role,
    /// How its session came about.
    pub origin: Origin,
    /// The ticket that it was launched on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketId>,
    /// The nonce of the attempt that launched it, where there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// The workspace's root, as a path that reads `%xx` for bytes that are no UTF-8.
    pub workspace: String,
    /// The agent's working directory, written likewise.
    pub directory: String,
    /// The profile as the configuration names it, such as `builtin:checklist`; resolved again by restore.
    pub profile: String,
    /// The procedure that the role follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workflow: Option<Slug>,
    /// The launch prompt's reference, where one was configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub launch_prompt: Option<String>,
    /// When the Pod was made.
    pub created_at: Timestamp,
    /// When its probation ended; absent while it may still be given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Timestamp>,
    /// The agent's own session id, once known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The cgroup that the agent runs in, where one could be had; a path below the cgroup file system's root.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cgroup: Option<String>,
    /// The git worktree that was made for its ticket, where it works in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Worktree>,
    /// The program and its arguments, of a Pod that a person holds in a terminal; each written like the paths above. Such
    /// a Pod has neither agent nor socket, and its profile is [`HELD`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Keys that this version does not know, kept as they were.
    #[serde(flatten)]
    pub extra: toml::Table,
}

/// A git worktree beside the main one, and the branch that is checked out in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worktree {
    /// Where it is, as a path that reads `%xx` for bytes that are no UTF-8.
    pub path: String,
    /// The branch, without `refs/heads/`.
    pub branch: String,
}

impl Worktree {
    /// Where it is.
    pub fn path(&self) -> PathBuf {
        path_from_text(&self.path)
    }
}

/// What stands in the place of a profile in the record of a Pod that is held in a terminal: the name of no profile, so
/// that an older yoi, which knows no such Pods, takes it for one that cannot be restored.
pub const HELD: &str = "hold";

/// What a launch states of a new Pod.
#[derive(Debug, Clone)]
pub struct NewPod {
    /// The Pod's name.
    pub pod: PodName,
    /// Its fresh identity.
    pub pod_id: PodId,
    /// What it is for.
    pub role: Role,
    /// How its session came about.
    pub origin: Origin,
    /// The ticket that it is launched on.
    pub ticket: Option<TicketId>,
    /// The nonce of the attempt.
    pub nonce: Option<Nonce>,
    /// The workspace's root.
    pub workspace: PathBuf,
    /// The agent's working directory.
    pub directory: PathBuf,
    /// The profile as the configuration names it.
    pub profile: String,
    /// The procedure that the role follows.
    pub workflow: Option<Slug>,
    /// The launch prompt's reference.
    pub launch_prompt: Option<String>,
    /// When the Pod is made.
    pub created_at: Timestamp,
}

impl PodRecord {
    /// Makes the record of a Pod on probation.
    pub fn new(new: NewPod) -> Self {
        Self {
            version: Version,
            pod: new.pod,
            pod_id: new.pod_id,
            role: new.role,
            origin: new.origin,
            ticket: new.ticket,
            nonce: new.nonce,
            workspace: path_text(&new.workspace),
            directory: path_text(&new.directory),
            profile: new.profile,
            workflow: new.workflow,
            launch_prompt: new.launch_prompt,
            created_at: new.created_at,
            confirmed_at: None,
            session: None,
            cgroup: None,
            worktree: None,
            command: Vec::new(),
            extra: toml::Table::new(),
        }
    }

    /// The workspace's root.
    pub fn workspace(&self) -> PathBuf {
        path_from_text(&self.workspace)
    }

    /// The agent's working directory.
    pub fn directory(&self) -> PathBuf {
        path_from_text(&self.directory)
    }

    /// Whether a person holds the Pod in a terminal.
    pub fn is_held(&self) -> bool {
        !self.command.is_empty()
    }

    /// The program and its arguments, of a Pod that is held in a terminal.
    pub fn command(&self) -> Vec<OsString> {
        self.command.iter().map(|word| path_from_text(word).into()).collect()
    }

    /// Keeps the program and its arguments, of a Pod that is held in a terminal.
    pub fn set_command(&mut self, command: &[OsString]) {
        self.command = command.iter().map(|word| path_text(word.as_ref())).collect();
    }
}

impl Record for PodRecord {
    fn name(&self) -> &str {
        self.pod.as_str()
    }
}

/// Writes a path as text without loss: `%` and every byte that is no UTF-8, or a control character, become `%xx`.
pub fn path_text(path: &std::path::Path) -> String {
    use std::fmt::Write as _;
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '%' || c.is_control() {
                let mut buffer = [0; 4];
                for byte in c.encode_utf8(&mut buffer).bytes() {
                    write!(text, "%{byte:02x}").expect("writing to a String does not fail");
                }
            } else {
                text.push(c);
            }
        }
        for byte in chunk.invalid() {
            write!(text, "%{byte:02x}").expect("writing to a String does not fail");
        }
    }
    text
}

/// Reads what [`path_text`] wrote; a `%` without two hexadecimal digits stands for itself.
pub fn path_from_text(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let bytes = text.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let digits = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten();
        let byte = digits.and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| u8::from_str_radix(d, 16).ok());
        match byte {
            Some(byte) => {
                path.push(byte);
                at += 3;
            }
            None => {
                path.push(bytes[at]);
                at += 1;
            }
        }
    }
    std::ffi::OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    proptest! {
        #[test]
        fn paths_survive_as_text(bytes in proptest::collection::vec(1u8.., 1..60)) {
            let path = PathBuf::from(std::ffi::OsString::from_vec(bytes.clone()));
            let back = path_from_text(&path_text(&path));
            prop_assert_eq!(back.as_os_str().as_bytes(), &bytes[..]);
        }
    }
}
