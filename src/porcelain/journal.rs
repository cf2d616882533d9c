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
            show_line(&line, cli)?;
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

fn show_line(line: &JournalLine, cli: &mut Cli) -> Result<(), Failure> {
    let JournalLine { at, user, entry, .. } = line;
    let moment = match at.parse::<Timestamp>() {
        Ok(at) => format!("{} ({})", local(at), age(at, cli.now())),
        Err(_) => visible(at).into_owned(),
    };
    let paint = cli.paint();
    let mut text = format!(
        "{}  {}",
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
    let mut words = entry.why.as_deref().unwrap_or_default().lines();
    if let Some(first) = words.next() {
        text += &format!(": {}", visible(first));
    }
    cli.say(text)?;
    words.try_for_each(|more| cli.say(format_args!("  | {}", paint.text(Meaning::Quiet, visible(more)))))
}
