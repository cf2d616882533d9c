//! What lies in a registry, by its names: each is one of ours, or strange.

use std::path::{Path, PathBuf};

use super::finding::{Code, Finding};
use super::look::Looker;
use crate::domain::{Nonce, is_key};
use crate::fs::Kind;

/// Who may remove a file on its way into place: whoever holds the lock of exactly that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Owner {
    /// The ticket of a key.
    Ticket(String),
    /// The Pod of a key.
    Pod(String),
    /// The writers of the session index.
    Sessions,
    /// The makers of this registry.
    Registry,
    /// Whoever has it open: the log of a Pod that is about to be started.
    Opener(String),
}

/// A file on its way into place, or an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct InFlight {
    pub path: PathBuf,
    pub owner: Owner,
    pub identity: (u64, u64),
}

/// The names in a registry, sorted into what they are; records by key.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub claims: Vec<String>,
    pub tombstones: Vec<String>,
    pub set_aside: Vec<String>,
    pub sessions: Vec<String>,
    pub pods: Vec<String>,
    pub offers: Vec<InFlight>,
    pub temporaries: Vec<InFlight>,
    /// The keys of Pods that have a lock file.
    pub pod_locks: Vec<String>,
}

/// What a name in a directory is.
enum Is {
    /// One of ours, of this kind; what is in it is looked at elsewhere.
    Ours,
    /// One of ours that is looked at here.
    OursOf(Kind),
    Strange,
}

impl Names {
    /// Lists the whole registry.
    pub(super) fn list(looker: &mut Looker<'_>) -> Self {
        let mut names = Self::default();
        let dir = looker.registry.dir().to_owned();
        names.top(looker, &dir);
        let claims = dir.join("claims");
        looker.each(&claims, |_, name| names.claim_file(name));
        let sessions = dir.join("sessions");
        looker.each(&sessions, |_, name| {
            if let Some(key) = key_before(name, ".toml") {
                names.sessions.push(key);
                return Is::Ours;
            }
            if key_before(name, ".unreadable").is_some() { Is::Ours } else { Is::Strange }
        });
        looker.each(
            &dir.join("locks/tickets"),
            |_, name| if is_key(name) { Is::OursOf(Kind::File) } else { Is::Strange },
        );
        looker.each(&dir.join("locks/pods"), |_, name| {
            if !is_key(name) {
                return Is::Strange;
            }
            names.pod_locks.push(name.to_owned());
            Is::OursOf(Kind::File)
        });
        looker.each(&dir.join("pods"), |looker, name| {
            let is_directory = |look: crate::fs::Look| look.kind == Kind::Directory;
            if is_key(name) && looker.look(&dir.join("pods").join(name)).is_some_and(is_directory) {
                names.pods.push(name.to_owned());
            }
            // What was set aside begins as no key does.
            if is_key(name) || name.starts_with('~') { Is::OursOf(Kind::Directory) } else { Is::Strange }
        });
        names.in_flight(looker, &dir.join("offers"), offer_owner, |names| &mut names.offers);
        names.in_flight(looker, &dir.join("tmp"), temporary_owner, |names| &mut names.temporaries);
        for key in names.pods.clone() {
            looker.each(&dir.join("pods").join(key), |_, name| match name {
                "pod.toml" => Is::Ours,
                "history.jsonl" | "host.log" => Is::OursOf(Kind::File),
                _ if is_intent(name) => Is::OursOf(Kind::File),
                _ => Is::Strange,
            });
        }
        names
    }

    fn top(&mut self, looker: &mut Looker<'_>, dir: &Path) {
        looker.each(dir, |_, name| match name {
            "workspace.toml" | "journal.jsonl" => Is::Ours,
            "claims" | "locks" | "sessions" | "pods" | "offers" | "tmp" => Is::OursOf(Kind::Directory),
            _ if name == "workspace.unreadable" => Is::Ours,
            _ => Is::Strange,
        });
        looker.each(&dir.join("locks"), |_, name| match name {
            "tickets" | "pods" => Is::OursOf(Kind::Directory),
            "sessions" => Is::OursOf(Kind::File),
            _ => Is::Strange,
        });
    }

    fn claim_file(&mut self, name: &str) -> Is {
        for (suffix, keys) in
            [(".toml", &mut self.claims), (".released", &mut self.tombstones), (".unreadable", &mut self.set_aside)]
        {
            if let Some(key) = key_before(name, suffix) {
                keys.push(key);
                return Is::Ours;
            }
        }
        // What could not be read, once a person has decided.
        let retired = name.strip_suffix(".reclaimed").and_then(|name| name.rsplit_once('.'));
        if retired.is_some_and(|(key, random)| is_key(key) && is_random(random)) { Is::Ours } else { Is::Strange }
    }

    /// Lists a directory of files that each somebody's lock protects.
    fn in_flight(
        &mut self,
        looker: &mut Looker<'_>,
        dir: &Path,
        owner_of: fn(&str) -> Option<Owner>,
        list: fn(&mut Self) -> &mut Vec<InFlight>,
    ) {
        looker.each(dir, |looker, name| {
            let Some(owner) = owner_of(name) else { return Is::Strange };
            let path = dir.join(name);
            // Gone again is the best that can become of it.
            if let Some(look) = looker.look(&path) {
                list(self).push(InFlight { path, owner, identity: look.identity });
            }
            Is::Ours
        });
    }
}

impl Looker<'_> {
    /// Judges every name in a directory, and tells of those that are strange.
    fn each(&mut self, dir: &Path, mut judge: impl FnMut(&mut Self, &str) -> Is) {
        let mut ours = Vec::new();
        for name in self.entries(dir) {
            let path = dir.join(&name);
            match name.to_str().map_or(Is::Strange, |name| judge(self, name)) {
                Is::Ours => {}
                Is::OursOf(kind) => ours.push((path, kind)),
                Is::Strange => self.strange(&path),
            }
        }
        self.check_all(ours);
    }

    fn strange(&mut self, path: &Path) {
        if let Some(look) = self.look(path) {
            let what = format!("it is {} of an unknown name", look.kind.words());
            self.found(Finding::new(Code::UnknownFile, path, what).moved_away(self.registry));
        }
    }
}

fn key_before(name: &str, suffix: &str) -> Option<String> {
    name.strip_suffix(suffix).filter(|key| is_key(key)).map(str::to_owned)
}

/// `<key>.<nonce>`, or `~<key>.<nonce>` of a Pod without a ticket.
fn offer_owner(name: &str) -> Option<Owner> {
    let (key, nonce) = name.rsplit_once('.')?;
    nonce.parse::<Nonce>().ok()?;
    match key.strip_prefix('~') {
        Some(pod) => is_key(pod).then(|| Owner::Pod(pod.to_owned())),
        None => is_key(key).then(|| Owner::Ticket(key.to_owned())),
    }
}

/// `<kind>-<key>.<random>`.
fn temporary_owner(name: &str) -> Option<Owner> {
    let (front, random) = name.rsplit_once('.')?;
    let (kind, key) = front.split_once('-')?;
    if !is_random(random) || !is_key(key) {
        return None;
    }
    let key = key.to_owned();
    match kind {
        "claim" => Some(Owner::Ticket(key)),
        "session" => Some(Owner::Sessions),
        "pod" | "podtoml" => Some(Owner::Pod(key)),
        "log" => Some(Owner::Opener(key)),
        "workspace" => Some(Owner::Registry),
        _ => None,
    }
}

fn is_random(suffix: &str) -> bool {
    suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `ready-<key>.<nonce>`: that a Pod is about to carry out a transition.
fn is_intent(name: &str) -> bool {
    let parts = name.strip_prefix("ready-").and_then(|rest| rest.rsplit_once('.'));
    parts.is_some_and(|(key, nonce)| is_key(key) && nonce.parse::<Nonce>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_whose_they_are() {
        let nonce = "9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c";
        assert_eq!(offer_owner(&format!("a.b.{nonce}")), Some(Owner::Ticket("a.b".into())));
        assert_eq!(offer_owner(&format!("~p.{nonce}")), Some(Owner::Pod("p".into())));
        assert_eq!(offer_owner("a.b"), None);
        assert_eq!(temporary_owner("claim-a-b.0123456789abcdef"), Some(Owner::Ticket("a-b".into())));
        assert_eq!(temporary_owner("podtoml-a.0123456789abcdef"), Some(Owner::Pod("a".into())));
        assert_eq!(temporary_owner("claim-a.swp"), None);
        assert_eq!(temporary_owner("other-a.0123456789abcdef"), None);
        assert!(is_intent(&format!("ready-T.{nonce}")) && !is_intent("ready-T"));
    }
}
