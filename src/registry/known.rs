//! The names that a registry knows, read off its files' names: for whoever completes a command line.
//!
//! Quick rather than complete: what cannot be read is passed over, and no lock is asked.

use std::collections::BTreeSet;
use std::path::Path;

use super::open::Registry;
use crate::domain::{Claim, PodName, PodRecord, Record, SessionRecord, TicketId};
use crate::fs;

impl Registry {
    /// The tickets that have a claim.
    pub fn claimed_tickets(&self) -> Vec<TicketId> {
        let of_record = |path: &Path| read::<Claim>(path).map(|claim| claim.ticket);
        let dir = self.claims_dir();
        let keys = keys(&dir).filter_map(|name| Some(name.strip_suffix(".toml")?.to_owned()));
        keys.filter_map(|key| TicketId::of_key(&key).or_else(|| of_record(&dir.join(format!("{key}.toml"))))).collect()
    }

    /// The Pods that have a directory or a session record.
    pub fn known_pods(&self) -> Vec<PodName> {
        let (pods, sessions) = (self.dir().join("pods"), self.dir().join("sessions"));
        let of_pod = |path: &Path| read::<PodRecord>(path).map(|record| record.pod);
        let of_session = |path: &Path| read::<SessionRecord>(path).map(|record| record.pod);
        let mut names: BTreeSet<PodName> = keys(&pods)
            .filter_map(|key| PodName::of_key(&key).or_else(|| of_pod(&pods.join(&key).join("pod.toml"))))
            .collect();
        let recorded = keys(&sessions).filter_map(|name| Some(name.strip_suffix(".toml")?.to_owned()));
        names.extend(
            recorded
                .filter_map(|key| PodName::of_key(&key).or_else(|| of_session(&sessions.join(format!("{key}.toml"))))),
        );
        names.into_iter().collect()
    }
}

fn keys(dir: &Path) -> impl Iterator<Item = String> {
    fs::entries(dir).unwrap_or_default().into_iter().filter_map(|name| name.into_string().ok())
}

/// Reads a record whose name is too long for its key.
fn read<R: Record>(path: &Path) -> Option<R> {
    R::parse(&fs::read_file(path).ok()??).ok()
}
