//! `yoi queue`: puts tickets into the queue.

use super::ticket::{author, find};
use crate::cli::{Cli, Exit, Failure};
use crate::launch::queue_ticket;
use crate::ticket::Taken;

/// Put tickets that are ready into the queue
///
/// The state of each goes from ready to queued, and nobody is launched by that: `yoi next` takes the best one out of the
/// queue when it is called. A ticket that cannot be queued is told, and keeps no other from it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Have two tickets worked on when there is somebody to do it:
    $ yoi queue 20260118-093012-001 20260118-101544-001
  Say why now; it goes into the ticket's thread:
    $ yoi queue 20260118-093012-001 -m \"uploads fail since the release\"
")]
pub(super) struct Args {
    /// The tickets: their ids, or beginnings that no others have
    #[arg(required = true, value_name = "TICKET")]
    tickets: Vec<String>,
    /// Why, in Markdown
    #[arg(short, long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    message: String,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (registry, tickets, author) = (cli.registry()?, cli.setup()?.tickets(), author(cli)?);
    let mut exit = Exit::Done;
    for text in &args.tickets {
        let queued = find(&tickets, text).and_then(|id| {
            let taken = queue_ticket(&registry, &tickets, &id, &author, &args.message, cli.now())?;
            Ok((id, taken))
        });
        match queued {
            Ok((id, Taken::Now)) => cli.say(format_args!("ticket {id} is queued"))?,
            Ok((id, Taken::Before)) => cli.say(format_args!("ticket {id} was queued already"))?,
            Err(failure) => {
                if exit == Exit::Done {
                    exit = failure.exit();
                }
                cli.warn(&failure);
            }
        }
    }
    Ok(exit)
}
