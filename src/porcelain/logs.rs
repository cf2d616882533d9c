//! `yoi logs`: what a Pod said and did.

use super::conversation::{MAX_HISTORY, Reader, written};
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure};
use crate::domain::PodName;
use crate::fs;
use crate::launch::steps;
use crate::pod::protocol::Event;

/// Show what a Pod said and did, from its own history
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Read what a Pod said and did:
    $ yoi logs intake-20260118-093012-001
  Go on reading until the Pod ends:
    $ yoi logs -f intake-20260118-093012-001
  See what the agent wrote to its standard error:
    $ yoi logs --host intake-20260118-093012-001
  See who changed what, when and why, of one ticket or Pod, or of all:
    $ yoi logs --journal 20260118-093012-001
    $ yoi logs --journal
")]
pub(super) struct Args {
    /// The Pod; with --journal a ticket or a Pod, or nothing for all
    #[arg(required_unless_present = "journal")]
    name: Option<PodName>,
    /// Go on as it happens, until the Pod ends
    #[arg(short, long)]
    follow: bool,
    /// Write the history as it is: one JSON object a line
    #[arg(long)]
    json: bool,
    /// Show the standard error of host and agent instead
    #[arg(long, conflicts_with_all = ["follow", "json"])]
    host: bool,
    /// Show the journal of the registry instead: who changed what, when and why
    #[arg(long, conflicts_with_all = ["follow", "json", "host"])]
    journal: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let registry = cli.registry()?;
    let pod = match &args.name {
        Some(pod) if !args.journal => pod,
        name => return super::journal::show(&registry, name.as_ref().map(PodName::as_str), cli),
    };
    let dir = registry.pod_dir(pod);
    let Some(record) = registry.pod(pod)? else {
        return Err(Failure::new(Exit::Refused, format!("there is no Pod {pod}")).hint("yoi status"));
    };
    if args.host {
        let log = fs::read_file_up_to(&dir.join("host.log"), MAX_HISTORY)?.unwrap_or_default();
        String::from_utf8_lossy(&log).lines().try_for_each(|line| cli.say(visible(line)))?;
        return Ok(Exit::Done);
    }
    // Connected before the file is read, so that nothing is missed between the two.
    let live = match args.follow {
        // Of one that a person has in a terminal there is nothing to follow but that.
        true if !record.is_held() => cli.connect_if_live(&registry, pod)?,
        _ => None,
    };
    let mut reader = Reader::new();
    if args.json {
        let history = fs::read_file_up_to(&dir.join("history.jsonl"), MAX_HISTORY)?.unwrap_or_default();
        String::from_utf8_lossy(&history).lines().try_for_each(|line| cli.say(line))?;
    } else {
        // What a Pod tells who joins goes up to that very moment, but not always back to the beginning.
        let told = live.as_ref().map(|(_, snapshot)| snapshot).filter(|snapshot| !snapshot.truncated);
        let lines = match told {
            Some(snapshot) => snapshot.history.iter().cloned().map(Ok).collect(),
            None => written(&registry, pod)?,
        };
        for line in lines {
            match line {
                Ok(entry) => reader.entry(cli, &entry)?,
                Err(text) => cli.say(visible(&text))?,
            }
        }
    }
    let Some((mut client, _snapshot)) = live else { return Ok(Exit::Done) };
    while let Some(message) = steps::next(&mut client)? {
        if args.json {
            cli.say(String::from_utf8_lossy(&message.to_line()).trim_end())?;
        } else if let Some(event) = message.event() {
            reader.event(cli, &event, None)?;
            if matches!(event, Event::Shutdown { .. }) {
                break;
            }
        }
    }
    Ok(Exit::Done)
}
