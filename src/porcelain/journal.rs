//! The journal as people read it: local time, ages, colour.

use crate::cli::quote::visible;
use crate::cli::{BadLines, Cli, Exit, Failure, Meaning, age, local};
use crate::domain::Timestamp;
use crate::registry::{JournalLine, Registry};

/// Shows the journal, or what it tells of a ticket (by the beginning of its id) or a Pod.
pub(super) fn show(registry: &Registry, name: Option<&str>, cli: &mut Cli) -> Result<Exit, Failure> {
    let found = name.and_then(|name| cli.setup().ok()?.tickets().find(name).ok());
    let tells = |line: &JournalLine| {
        let Some(name) = name else { return true };
        let ticket = line.entry.ticket.as_ref();
        line.entry.pod.as_ref().is_some_and(|pod| pod.as_str() == name)
            || ticket.is_some_and(|ticket| ticket.as_str() == name || found.as_ref() == Some(ticket))
    };
    let mut bad = BadLines::default();
    let mut is_told = false;
    for line in bad.pass(registry.read_journal()?) {
        let line = line?;
        if tells(&line) {
            is_told = true;
            show_line(&line, "", cli)?;
        }
    }
    let exit = cli.warn_of_unreadable(bad.told());
    match name {
        Some(name) if !is_told && exit == Exit::Done => {
            let text = format!("the journal tells nothing of {name:?}");
            Err(Failure::new(Exit::Refused, text).hint("yoi logs --journal"))
        }
        _ => Ok(exit),
    }
}

/// What an action means to the reader.
fn meaning(action: &str) -> Meaning {
    match action {
        "commit" | "complete" | "restore" => Meaning::Good,
        "launch_failed" | "alert" => Meaning::Bad,
        _ => Meaning::Attention,
    }
}

/// Shows what a line of the journal tells, and of a launch that failed its step, its end and its last words.
pub(super) fn show_line(line: &JournalLine, indent: &str, cli: &mut Cli) -> Result<(), Failure> {
    let JournalLine { at, user, entry, .. } = line;
    let moment = match at.parse::<Timestamp>() {
        Ok(at) => format!("{} ({})", local(at), age(at, cli.now())),
        Err(_) => visible(at).into_owned(),
    };
    let paint = cli.paint();
    let mut text = format!(
        "{indent}{}  {}",
        paint.text(Meaning::Quiet, moment),
        paint.text(meaning(&entry.action), visible(&entry.action))
    );
    if let Some(ticket) = &entry.ticket {
        text += &format!(" {}", paint.text(Meaning::Name, visible(ticket.as_str())));
    }
    if let Some(pod) = &entry.pod {
        text += &format!(", Pod {}", paint.text(Meaning::Name, visible(pod.as_str())));
    }
    if let Some(role) = entry.role {
        text += &format!(" as {role}");
    }
    if let Some(generation) = entry.generation {
        text += &format!(", generation {generation}");
    }
    text += &format!(", by {}", visible(user));
    if let Some(step) = &entry.step {
        text += &format!(": at {}", visible(step));
    }
    let mut words = entry.why.as_deref().unwrap_or_default().lines();
    if let Some(first) = words.next() {
        text += &format!(": {}", visible(first));
    }
    cli.say(text)?;
    let quoted = |line: &str| format!("{indent}  | {}", paint.text(Meaning::Quiet, visible(line)));
    words.try_for_each(|more| cli.say(quoted(more)))?;
    if let Some(status) = &entry.exit_status {
        let name = paint.text(Meaning::Quiet, "its host ended:");
        cli.say(format_args!("{indent}  {name} {}", visible(status)))?;
    }
    last_lines(entry.log.as_deref().unwrap_or_default()).into_iter().try_for_each(|more| cli.say(quoted(more)))
}

/// How many lines of a log are shown.
const MAX_LOG: usize = 8;

/// The end of a log, in lines.
pub(super) fn last_lines(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(MAX_LOG)..].to_vec()
}
