//! TicketComment, TicketPlan and TicketDecision: words in a ticket's thread, whoever holds the ticket.

use super::arguments::Arguments;
use super::{Answer, Tool, ToolBox};
use crate::domain::chain;
use crate::ticket::{Comment, Remark};

impl ToolBox {
    pub(super) fn remark(&self, tool: Tool, given: &Arguments) -> Answer {
        let (tickets, id) = self.named(given)?;
        let (remark, body, what) = match tool {
            Tool::Plan => (Remark::Plan, "plan", "plan"),
            Tool::Decision => (Remark::Decision, "decision", "decision"),
            _ => (Remark::Comment, "body", "comment"),
        };
        let author = self.author();
        let comment = Comment { remark, author: &author, heading: given.optional("heading"), body: given.text(body) };
        tickets.comment(&id, &comment, (self.writer)().now).map_err(|error| chain(&error))?;
        Ok(format!("the {what} stands in the thread of {id}"))
    }
}
