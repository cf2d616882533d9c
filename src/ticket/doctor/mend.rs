//! What can be mended without asking: every fix is a change like any other, or none is made.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use super::{Finding, Fix};
use crate::domain::{TicketId, Timestamp};
use crate::fs::{IoContext as _, sync_dir};
use crate::ticket::config::Config;
use crate::ticket::error::{ReadError, WriteError};
use crate::ticket::files::read_text;
use crate::ticket::id::LocalId;
use crate::ticket::init::IGNORED;
use crate::ticket::item::line_end_of;
use crate::ticket::record::{ITEM, RESOLUTION, THREAD, Ticket, parse_moment};
use crate::ticket::relation::RELATIONS;
use crate::ticket::store::{Tickets, local};
use crate::ticket::strict::in_workspace;
use crate::ticket::thread::moment;
use crate::ticket::transaction::Decision;
use crate::ticket::tree::NewFile;

/// Mends what a finding is about; says what was done, or `None` where it cannot be mended without asking, or somebody has
/// mended it meanwhile.
///
/// # Errors
/// When it cannot be written; all is then as it was.
pub fn mend(workspace: &Path, finding: &Finding) -> Result<Option<String>, WriteError> {
    let Some(fix) = &finding.fix else { return Ok(None) };
    let config = Config::load(workspace).unwrap_or_else(|_| Config::defaults(workspace));
    let tickets = Tickets::of(workspace, &config);
    match fix {
        Fix::Ignore => ignore(&in_workspace(workspace, ".gitignore")),
        Fix::Leftovers => {
            let was_there = finding.file.exists();
            // Who takes the lock sweeps first of all.
            drop(tickets.writer()?);
            Ok(was_there.then(|| "removed what killed writers left".to_owned()))
        }
        Fix::Moment { ticket, key } => tickets.mend(ticket, |found| {
            let Some(at) = moment_of(found, key).filter(|_| found.item.text(key).is_none()) else { return Ok(None) };
            let mut item = found.item.clone();
            let file = tickets.root().join(ticket.as_str()).join(ITEM);
            let after = if *key == "created_at" { "state" } else { "created_at" };
            item.set(key, &at, after).map_err(|error| ReadError::malformed(file, error))?;
            Ok(Some((NewFile::new(ITEM, item.as_str()), format!("added the line {key}: {at}"))))
        }),
        Fix::EndOfThread { ticket } => tickets.mend(ticket, |found| {
            let text = &found.thread_text;
            if found.thread.events.is_empty() || found.thread.is_ended() {
                return Ok(None);
            }
            let end = line_end_of(text);
            let gap = if text.ends_with('\n') { end.to_owned() } else { format!("{end}{end}") };
            let ended = format!("{text}{gap}---{end}");
            Ok(Some((NewFile::new(THREAD, ended), "added a line --- at its end".to_owned())))
        }),
        Fix::Resolution { ticket } => tickets.mend(ticket, |found| {
            let Some(text) = found.thread.resolution().filter(|_| found.resolution.is_none()) else { return Ok(None) };
            let said = "wrote what the thread says of its closing".to_owned();
            Ok(Some((NewFile::new(RESOLUTION, format!("{text}\n")), said)))
        }),
        Fix::Repeats { ticket } => tickets.mend(ticket, |found| {
            let without = found.relations.as_ref().ok().and_then(|relations| relations.without_repeats(ticket));
            Ok(without.map(|text| (NewFile::new(RELATIONS, text), "removed relations that say nothing new".to_owned())))
        }),
    }
}

impl Tickets {
    /// Changes one file of a ticket and nothing else: that it was mended is no news to who reads the ticket.
    fn mend(
        &self,
        id: &TicketId,
        decide: impl Fn(&Ticket) -> Result<Option<(NewFile, String)>, WriteError>,
    ) -> Result<Option<String>, WriteError> {
        self.change(&local(id)?, |ticket| {
            Ok(match decide(ticket)? {
                Some((file, said)) => Decision::Write(vec![file], Some(said)),
                None => Decision::Leave(None),
            })
        })
    }
}

/// What a date that is missing must have been: the id tells when a ticket was made, the thread when it last changed.
fn moment_of(ticket: &Ticket, key: &str) -> Option<String> {
    let made = || {
        ticket.item.text("created_at").and_then(parse_moment).or_else(|| LocalId::parse(ticket.id().as_str())?.moment())
    };
    let changed = || ticket.thread.events.iter().rev().find_map(|event| parse_moment(event.at.as_deref()?));
    let at: Option<Timestamp> = if key == "created_at" { made() } else { changed().or_else(made) };
    at.map(moment)
}

fn ignore(file: &Path) -> Result<Option<String>, WriteError> {
    let text = read_text(file)?.unwrap_or_default();
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let mut open = OpenOptions::new().append(true).create(true).open(file).context("open", file)?;
    open.write_all(format!("{gap}{IGNORED}\n").as_bytes()).context("write", file)?;
    open.sync_all().context("sync", file)?;
    file.parent().map(sync_dir).transpose()?;
    Ok(Some(format!("added the line {IGNORED}")))
}
