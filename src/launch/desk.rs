//! The desk of one Pod: what its host asks of the registry and of the tickets.

use std::path::Path;

use serde_json::Value;

use super::identity::{Attempt, DeskPod, WriterNow};
use super::tools::{self, ToolBox};
use crate::domain::{Acceptance, Claim, Evidence, Expect, Nonce, SessionEntry, SessionRecord, TicketId, chain};
use crate::pod::{Desk, DeskError, Fence, GaveUp, Standing, ToolDescription, ToolOutcome};
use crate::registry::{JournalEntry, Registry, SessionFence, Withdrawn};

/// The registry and the tickets, as one Pod sees them.
pub struct RegistryDesk {
    registry: Registry,
    me: DeskPod,
    writer: WriterNow,
    tools: ToolBox,
}

fn failed(error: &dyn std::error::Error) -> DeskError {
    DeskError(chain(error))
}

impl RegistryDesk {
    /// Makes the desk of a Pod.
    pub fn new(registry: Registry, me: DeskPod, writer: WriterNow, workspace: &Path) -> Self {
        let tools = ToolBox::new(registry.clone(), me.clone(), writer.clone(), workspace);
        Self { registry, me, writer, tools }
    }

    fn entry(&self, session: Option<&str>) -> SessionEntry {
        let nonce = match self.me.attempt {
            Attempt::Launch { nonce } => Some(nonce),
            Attempt::Unclaimed | Attempt::Restore => None,
        };
        SessionEntry {
            pod: self.me.pod.clone(),
            pod_id: Some(self.me.pod_id),
            role: self.me.role,
            origin: self.me.origin,
            session: session.map(str::to_owned),
            nonce,
            tickets: self.me.ticket.iter().cloned().collect(),
        }
    }

    /// Whether the claim, or without a ticket the session record, of this attempt stands; made durable where it does.
    fn stands(&self, nonce: Nonce) -> Result<bool, DeskError> {
        let Some(ticket) = &self.me.ticket else {
            let record = self.registry.session(&self.me.pod).map_err(|error| failed(&error))?;
            return Ok(record.is_some_and(|record| record.nonce == Some(nonce)));
        };
        let claim = self.registry.claim(ticket).map_err(|error| failed(&error))?;
        let Some(claim) = claim.filter(|claim| claim.nonce == nonce && claim.pod_id == Some(self.me.pod_id)) else {
            return Ok(false);
        };
        self.registry.sync_claims(&claim).map_err(|error| failed(&error))?;
        Ok(true)
    }

    fn record_confirmation(&self) -> Result<(), DeskError> {
        let now = (self.writer)().now;
        let confirm = |record: &mut crate::domain::PodRecord| {
            record.confirmed_at.get_or_insert(now);
        };
        self.registry.update_pod(&self.me.pod, self.me.pod_id, confirm).map(drop).map_err(|error| failed(&error))
    }
}

impl Desk for RegistryDesk {
    fn offer(&self, session: Option<&str>) -> Result<(), DeskError> {
        let Attempt::Launch { nonce } = self.me.attempt else { return Ok(()) };
        let writer = (self.writer)();
        match &self.me.ticket {
            Some(ticket) => {
                let acceptance = Acceptance {
                    ticket: ticket.clone(),
                    pod: self.me.pod.clone(),
                    pod_id: Some(self.me.pod_id),
                    role: self.me.role,
                    nonce,
                    accepted_at: writer.now,
                    evidence: Evidence::UserMessage,
                    session: session.map(str::to_owned),
                    written_by: writer.written_by,
                };
                self.registry.write_offer(acceptance).map(drop).map_err(|error| failed(&error))
            }
            None => {
                let record = SessionRecord::merge(None, self.entry(session), writer.now);
                let record = record.expect("a record that does not stand yet is new");
                self.registry.write_session_offer(&record, nonce).map_err(|error| failed(&error))
            }
        }
    }

    fn give_up(&self) -> Result<GaveUp, DeskError> {
        let withdrawn = match (self.me.attempt, &self.me.ticket) {
            (Attempt::Launch { nonce }, Some(ticket)) => {
                self.registry.withdraw(ticket, nonce).map_err(|error| failed(&error))?
            }
            (Attempt::Launch { nonce }, None) => {
                self.registry.withdraw_session(&self.me.pod, nonce).map_err(|error| failed(&error))?
            }
            (Attempt::Unclaimed | Attempt::Restore, _) => Withdrawn::Gone,
        };
        if withdrawn == Withdrawn::Gone {
            return Ok(GaveUp::Withdrawn);
        }
        // The launcher committed and did not come as far as the session record, perhaps.
        if let Err(error) = self.registry.record_session(self.entry(None), SessionFence::None, &(self.writer)()) {
            self.note("session_not_recorded", &chain(&error));
        }
        self.record_confirmation()?;
        Ok(GaveUp::Stands)
    }

    fn confirm(&self, without_record: bool) -> Result<Standing, DeskError> {
        let stands = match self.me.attempt {
            Attempt::Launch { .. } if without_record && self.me.ticket.is_none() => true,
            Attempt::Launch { nonce } => self.stands(nonce)?,
            Attempt::Unclaimed => true,
            Attempt::Restore => self.still_ours()?,
        };
        if !stands {
            return Ok(Standing::NotOurs);
        }
        self.record_confirmation()?;
        Ok(Standing::Confirmed)
    }

    fn still_ours(&self) -> Result<bool, DeskError> {
        let record = self.registry.pod(&self.me.pod).map_err(|error| failed(&error))?;
        let Some(record) = record.filter(|record| record.pod_id == self.me.pod_id) else { return Ok(false) };
        self.registry.lost_ticket(&record).map(|lost| lost.is_none()).map_err(|error| failed(&error))
    }

    fn discard(&self) -> Result<(), DeskError> {
        match self.me.attempt {
            Attempt::Launch { .. } | Attempt::Unclaimed => {
                self.registry.remove_pod(&self.me.pod, self.me.pod_id).map_err(|error| failed(&error))
            }
            Attempt::Restore => Ok(()),
        }
    }

    fn session_known(&self, session: &str) -> Result<(), DeskError> {
        let keep = |record: &mut crate::domain::PodRecord| record.session = Some(session.to_owned());
        let record = self.registry.update_pod(&self.me.pod, self.me.pod_id, keep).map_err(|error| failed(&error))?;
        for claim in self.registry.claims_of(&record).map_err(|error| failed(&error))? {
            let expect = Expect::from(&claim);
            self.registry.set_claim_session(&claim.ticket, expect, session).map_err(|error| failed(&error))?;
        }
        if self.registry.session(&self.me.pod).map_err(|error| failed(&error))?.is_some() {
            let entry = self.entry(Some(session));
            self.registry
                .record_session(entry, SessionFence::None, &(self.writer)())
                .map_err(|error| failed(&error))?;
        }
        Ok(())
    }

    fn fence(&self) -> Fence {
        let record = self.registry.pod(&self.me.pod).ok().flatten();
        let claims = record.and_then(|record| self.registry.claims_of(&record).ok()).unwrap_or_default();
        let launched_on = |claim: &&Claim| Some(&claim.ticket) == self.me.ticket.as_ref();
        // The ticket that the Pod was launched on, unless its work is done and another's is not.
        let open = claims.iter().filter(|claim| claim.completed_at.is_none());
        let own = open.clone().find(launched_on).or_else(|| open.clone().next());
        let claim = own.or_else(|| claims.iter().find(launched_on));
        let ticket = claim.map(|claim| &claim.ticket).or(self.me.ticket.as_ref());
        let expect = match (claim, self.me.attempt, &self.me.ticket) {
            (Some(claim), _, _) => Some(Expect::from(claim)),
            // On probation: the claim to be. It cannot become another one, for the Pod co-owns the ticket lock.
            (None, Attempt::Launch { nonce }, Some(ticket)) => self.registry.upcoming(ticket, nonce).ok(),
            (None, _, _) => None,
        };
        Fence { ticket: ticket.map(TicketId::to_string), claim: expect.map(|expect| expect.to_string()) }
    }

    fn tools(&self) -> Vec<ToolDescription> {
        tools::of_role(self.me.role)
    }

    fn call(&self, tool: &str, arguments: &Value) -> ToolOutcome {
        self.tools.call(tool, arguments)
    }

    fn note(&self, action: &str, text: &str) {
        let mut entry = JournalEntry::new(action).because(text);
        entry.pod = Some(self.me.pod.clone());
        entry.role = Some(self.me.role);
        entry.ticket = self.me.ticket.clone();
        // The journal tells the story; what it tells of does not depend on it.
        let _ = self.registry.log(&(self.writer)(), entry);
    }
}
