//! How a workspace stands: its claims with their tickets and Pods, and the Pods without a ticket.

use std::collections::BTreeMap;

use super::setup::Setup;
use super::view::{PodStatus, PodView, view_pods};
use crate::domain::{ClaimStatus, chain};
use crate::fs::PathError;
use crate::registry::{ClaimView, Registry, Restorable};
use crate::ticket::{State, Summary};

/// One line of an overview: a claim, or a Pod without one.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The claim, or the launch in flight.
    pub claim: Option<ClaimView>,
    /// Its ticket, as far as it can be read.
    pub ticket: Option<Summary>,
    /// The Pod.
    pub pod: Option<PodView>,
}

/// How a workspace stands.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// Claims by ticket, then Pods without one.
    pub standings: Vec<Standing>,
    /// Tickets without a claim that are not done.
    pub unclaimed: Vec<Summary>,
    /// What could not be read, each with its path.
    pub unreadable: Vec<String>,
}

impl Standing {
    /// How it stands, in words, such as "stopped, restorable, completed".
    pub fn words(&self) -> String {
        let completed =
            self.claim.as_ref().and_then(|view| view.claim.as_ref()).is_some_and(|c| c.completed_at.is_some());
        let mut words = match (&self.claim, &self.pod) {
            (Some(view), pod) => match view.status {
                ClaimStatus::Live => match pod.as_ref().map(|pod| pod.status) {
                    Some(PodStatus::Phase(phase)) => format!("live, {phase}"),
                    _ => "live".to_owned(),
                },
                ClaimStatus::Restorable => "stopped, restorable".to_owned(),
                other => other.to_string(),
            },
            (None, Some(pod)) => match pod.status {
                PodStatus::Phase(phase) => format!("live, {phase}"),
                PodStatus::Restorable => "stopped, restorable".to_owned(),
                other => other.to_string(),
            },
            (None, None) => String::new(),
        };
        if self.asks() {
            words.push_str(", asks");
        }
        if completed {
            words.push_str(", completed");
        }
        words
    }

    /// Whether its agent waits for somebody to grant or refuse it something.
    pub fn asks(&self) -> bool {
        self.pod.as_ref().is_some_and(|pod| !pod.asks().is_empty())
    }

    /// Whether its ticket is closed.
    pub fn is_closed(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.state == State::Closed)
    }

    /// The status that decides its colour and its place.
    pub fn status(&self) -> ClaimStatus {
        match (&self.claim, &self.pod) {
            (Some(view), _) => view.status,
            (None, Some(pod)) => match pod.status {
                PodStatus::Phase(_) | PodStatus::Live => ClaimStatus::Live,
                PodStatus::Launching => ClaimStatus::Launching,
                PodStatus::Restorable => ClaimStatus::Restorable,
                PodStatus::Stale => ClaimStatus::Stale,
                PodStatus::Unknown => ClaimStatus::Unknown,
            },
            (None, None) => ClaimStatus::Unknown,
        }
    }
}

/// Derives how a workspace stands; one record that cannot be read hides no other.
///
/// # Errors
/// When a directory cannot be listed.
pub fn overview(registry: &Registry, setup: &Setup, restorable: &dyn Restorable) -> Result<Overview, PathError> {
    let mut overview = Overview::default();
    let mut tickets = BTreeMap::new();
    for listed in setup.tickets().list()? {
        match listed.summary {
            Ok(summary) => drop(tickets.insert(listed.id.to_string(), summary)),
            Err(error) => overview.unreadable.push(chain(&error)),
        }
    }
    let mut pods: BTreeMap<String, PodView> =
        view_pods(registry, restorable)?.into_iter().map(|view| (view.pod.clone(), view)).collect();
    let mut with_claim = Vec::new();
    for view in registry.survey(restorable)?.claims {
        if view.status == ClaimStatus::Unknown {
            overview.unreadable.push(view.reason.clone());
        }
        let pod = view.claim.as_ref().and_then(|claim| {
            with_claim.push(claim.pod.to_string());
            let same = |pod: &&PodView| {
                pod.record.as_ref().map(|record| record.pod_id) == claim.pod_id || claim.pod_id.is_none()
            };
            pods.get(claim.pod.as_str()).filter(same).cloned()
        });
        let ticket = tickets.remove(&view.ticket);
        overview.standings.push(Standing { claim: Some(view), ticket, pod });
    }
    with_claim.iter().for_each(|pod| drop(pods.remove(pod)));
    overview.unreadable.extend(pods.values().filter(|pod| pod.record.is_none()).map(|pod| pod.reason.clone()));
    overview.standings.extend(pods.into_values().map(|pod| Standing { claim: None, ticket: None, pod: Some(pod) }));
    let open = |summary: &Summary| !matches!(summary.state, State::Done | State::Closed);
    overview.unclaimed = tickets.into_values().filter(open).collect();
    Ok(overview)
}
