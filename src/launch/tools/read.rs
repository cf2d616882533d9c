//! TicketList and TicketShow: reading.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::arguments::Arguments;
use super::{Answer, ToolBox};
use crate::domain::chain;
use crate::ticket::{Event, State, Ticket};

/// The longest answer of a listing, in tickets.
const MAX_LISTED: usize = 200;
/// How long a ticket is shown as Markdown, in bytes: clients of models refuse or cut what is much longer.
const MAX_SHOWN: usize = 64 << 10;

impl ToolBox {
    pub(super) fn list(&self, given: &Arguments) -> Answer {
        let state = given.optional("state").map(str::parse::<State>).transpose().map_err(|error| error.to_string())?;
        let wanted = |found: State| state.map_or(found != State::Closed, |state| state == found);
        let mut lines = Vec::new();
        for listed in self.tickets()?.list().map_err(|error| chain(&error))? {
            match listed.summary {
                Ok(summary) if wanted(summary.state) => {
                    lines.push(format!("{} {} {}", summary.id, summary.state, summary.title));
                }
                Ok(_) => {}
                Err(error) => lines.push(format!("{} cannot be read: {}", listed.id, chain(&error))),
            }
        }
        Ok(newest(&lines))
    }

    pub(super) fn show(&self, given: &Arguments) -> Answer {
        let (tickets, id) = self.named(given)?;
        let ticket = tickets.read(&id).map_err(|error| chain(&error))?;
        Ok(match given.optional("format") {
            Some("json") => as_json(&ticket).to_string(),
            _ => as_markdown(&ticket),
        })
    }
}

/// The newest of some lines, and how many there are besides.
fn newest(lines: &[String]) -> String {
    if lines.is_empty() {
        return "there are no such tickets".to_owned();
    }
    let older = lines.len().saturating_sub(MAX_LISTED);
    let mut text = String::new();
    if older > 0 {
        // Writing to a String does not fail.
        let _ = writeln!(text, "… and {older} older ones; ask for one state to see fewer");
    }
    for line in &lines[older..] {
        text.push_str(line);
        text.push('\n');
    }
    text
}

fn as_json(ticket: &Ticket) -> Value {
    let event = |event: &Event| json!({ "kind": event.kind, "author": event.author, "at": event.at, "heading": event.heading, "body": event.body });
    let thread: Vec<Value> = ticket.thread.events.iter().map(event).collect();
    json!({
        "id": ticket.summary.id,
        "title": ticket.summary.title,
        "state": ticket.summary.state,
        "body": ticket.body(),
        "thread": thread,
    })
}

fn as_markdown(ticket: &Ticket) -> String {
    let summary = &ticket.summary;
    let body = cut(ticket.body(), MAX_SHOWN / 2);
    let mut text = format!("# {} {}\n\nState: {}\n\n{body}\n", summary.id, summary.title, summary.state);
    let events: Vec<String> = ticket.thread.events.iter().map(event_as_markdown).collect();
    if !events.is_empty() {
        text.push_str("\n# Thread\n");
    }
    // The newest say where the work stands.
    let mut room = MAX_SHOWN - body.len();
    let shown = events.iter().rev().take_while(|event| {
        let fits = event.len() <= room;
        room = room.saturating_sub(event.len());
        fits
    });
    let older = events.len() - shown.count();
    if older > 0 {
        // Writing to a String does not fail.
        let _ = write!(text, "\n({older} older events are left out; the format json has them all)\n");
    }
    text.extend(events[older..].iter().map(String::as_str));
    text
}

fn event_as_markdown(event: &Event) -> String {
    let author = event.author.as_deref().unwrap_or("somebody");
    let at = event.at.as_deref().unwrap_or("an unknown time");
    let status = event.attributes.iter().find(|(key, _)| key == "status");
    let status = status.map(|(_, status)| format!(" ({status})")).unwrap_or_default();
    format!("\n## {}{status} by {author} at {at}\n\n{}\n", event.kind, cut(&event.body, MAX_SHOWN / 4))
}

/// The beginning of a text, with a mark where it was cut.
fn cut(text: &str, bound: usize) -> String {
    if text.len() <= bound {
        return text.to_owned();
    }
    let kept = &text[..text.floor_char_boundary(bound)];
    format!("{kept}\n\n[cut: {} bytes in all; the format json has them]", text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_shows_the_newest_and_counts_what_it_leaves_out() {
        let lines = |count: usize| (0..count).map(|number| format!("T{number}")).collect::<Vec<_>>();
        assert_eq!(newest(&lines(0)), "there are no such tickets");
        assert_eq!(newest(&lines(2)), "T0\nT1\n");
        assert_eq!(newest(&lines(MAX_LISTED)).lines().count(), MAX_LISTED);
        let text = newest(&lines(MAX_LISTED + 3));
        assert!(text.starts_with("… and 3 older ones; ask for one state to see fewer\nT3\n"), "{text}");
        assert!(text.ends_with(&format!("\nT{}\n", MAX_LISTED + 2)), "{text}");
    }

    #[test]
    fn what_is_long_is_cut_with_a_mark_and_on_a_character() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("aaaé", 4), "aaa\n\n[cut: 5 bytes in all; the format json has them]");
    }
}
