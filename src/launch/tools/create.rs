//! TicketCreate: a new ticket; one that an intake makes is claimed for it.

use std::time::Duration;

use serde_json::json;

use super::arguments::Arguments;
use super::{Answer, ToolBox};
use crate::domain::{Acceptance, Evidence, Nonce, Role, SessionEntry, Timestamp, chain};
use crate::fs::{self, Wait, WaitError};
use crate::registry::{CommitRequest, SessionFence, TicketLock, Writer};
use crate::ticket::{NewTicket, PreparedTicket, Published};

/// How often a new ticket's id is given up because somebody else took it at the same time.
const MAX_IDS: u64 = 100;

impl ToolBox {
    /// Makes a ticket. An intake claims it: its lock is held from before its directory appears until it is claimed.
    pub(super) fn create(&self, given: &Arguments) -> Answer {
        let tickets = self.tickets()?;
        let writer = (self.writer)();
        let (title, body) = (given.text("title").to_owned(), given.text("body").to_owned());
        let new = NewTicket { title, body, author: self.author() };
        for later in 0..MAX_IDS {
            // An id whose lock is held has no directory yet, so it looks free to who asks for the same moment again.
            let moment = Timestamp::new(writer.now.get() + Duration::from_millis(later));
            let prepared = tickets.prepare(&new, moment).map_err(|error| chain(&error))?;
            let id = prepared.id().clone();
            let what_for = format!("TicketCreate of Pod {}", self.me.pod);
            let lock = match self.registry.lock_ticket(&id, &what_for, &writer, Wait::No) {
                Ok(lock) => lock,
                Err(WaitError::Held { .. }) => continue,
                Err(error) => return Err(chain(&error)),
            };
            if self.publish(prepared)? == Published::Taken {
                continue;
            }
            let note = match self.me.role {
                Role::Intake => match self.claim(&lock, &writer) {
                    Ok(told) => format!("you hold it{told}"),
                    Err(why) => return Err(format!("ticket {id} is made, but you do not hold it: {why}")),
                },
                _ => format!("nobody holds it; it needs an intake: yoi intake {id}"),
            };
            return Ok(json!({ "id": id, "state": "planning", "note": note }).to_string());
        }
        Err("cannot make the ticket: every id that was tried was taken at the same time; try again".to_owned())
    }

    fn publish(&self, prepared: PreparedTicket) -> Result<Published, String> {
        prepared.publish().map_err(|error| chain(&error))
    }

    /// Claims a ticket that this Pod made, by an offer of its own, and relates it to the Pod's session.
    ///
    /// Gives what else the agent should hear: a session that could not be recorded.
    fn claim(&self, lock: &TicketLock, writer: &Writer) -> Answer {
        let nonce = Nonce::from_bytes(fs::random_bytes());
        let acceptance = Acceptance {
            ticket: lock.ticket().clone(),
            pod: self.me.pod.clone(),
            pod_id: Some(self.me.pod_id),
            role: self.me.role,
            nonce,
            accepted_at: writer.now,
            evidence: Evidence::UserMessage,
            session: None,
            written_by: writer.written_by.clone(),
        };
        self.registry.write_offer(acceptance).map_err(|error| chain(&error))?;
        let request = CommitRequest {
            ticket: lock.ticket().clone(),
            pod: self.me.pod.clone(),
            pod_id: None,
            role: self.me.role,
            evidence: Evidence::UserMessage,
            session: None,
            nonce: Some(nonce),
            expect: None,
        };
        let _claim = self.registry.commit(lock, &request, writer).map_err(|error| chain(&error))?;
        let entry = SessionEntry {
            pod: self.me.pod.clone(),
            pod_id: Some(self.me.pod_id),
            role: self.me.role,
            origin: self.me.origin,
            session: None,
            nonce: None,
            tickets: vec![lock.ticket().clone()],
        };
        match self.registry.record_session(entry, SessionFence::None, writer) {
            Ok(_) => Ok(String::new()),
            Err(error) => Ok(format!(" (but it could not be related to your session: {})", chain(&error))),
        }
    }
}
