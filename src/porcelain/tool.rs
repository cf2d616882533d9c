//! `yoi tool`: calls a tool of the Pod that this runs in.

use std::time::Duration;

use serde_json::Value;

use crate::cli::{Cli, Exit, Failure};
use crate::launch::steps;
use crate::pod::client::Client;
use crate::pod::protocol::{Event, Method};

/// How long a tool may take.
const ANSWER: Duration = Duration::from_secs(60);

/// Call a tool of the Pod that this runs in; without TOOL, list its tools
///
/// For agents that are plain programs (`agent = "exec"`). The Pod is found by YOI_POD and YOI_EPOCH, which it sets. The
/// answer is printed; a call that failed exits with 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  List the tools, from inside a Pod:
    $ yoi tool
  Ask a question in the thread of the Pod's ticket:
    $ yoi tool TicketComment --json '{\"ticket\":\"20260118-101544-001\",\"body\":\"Which browsers?\"}'
")]
pub(super) struct Args {
    /// The tool, such as TicketShow
    #[arg(value_name = "TOOL")]
    name: Option<String>,
    /// Its arguments: a JSON object; - reads standard input
    #[arg(long, value_name = "JSON", default_value = "{}", requires = "name")]
    json: String,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (Some(pod), Some(epoch)) = (cli.environment().pod()?, cli.environment().epoch()?) else {
        let text = "cannot call a tool: this does not run inside a Pod (YOI_POD and YOI_EPOCH are not set)";
        return Err(Failure::new(Exit::Usage, text));
    };
    let (mut client, _snapshot) = Client::connect(&cli.registry()?.socket_path(&pod), steps::within(steps::ANSWER))?;
    let Some(tool) = args.name else {
        if let Some(Event::Tools { tools }) = steps::ask(&mut client, &Method::Tools { epoch })?.event() {
            for tool in tools {
                let names = tool.schema["properties"].as_object().map(|map| map.keys().cloned().collect::<Vec<_>>());
                cli.say(format_args!(
                    "{} {{{}}}\n  {}",
                    tool.name,
                    names.unwrap_or_default().join(", "),
                    tool.description
                ))?;
            }
        }
        return Ok(Exit::Done);
    };
    let text = match args.json.as_str() {
        "-" => String::from_utf8_lossy(&cli.read_file_or_stdin("-".as_ref())?).into_owned(),
        _ => args.json,
    };
    let arguments: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::of(Exit::Usage, &error).while_doing("cannot read the arguments as JSON"))?;
    let deadline = steps::within(ANSWER);
    let id = client.request(&Method::ToolCall { tool: tool.clone(), arguments, epoch }, deadline)?;
    let answer = client.answer(id, deadline)?;
    match answer.event() {
        Some(Event::ToolResult { outcome, .. }) if !outcome.is_error => {
            cli.say(outcome.text.trim_end())?;
            Ok(Exit::Done)
        }
        Some(Event::ToolResult { outcome, .. }) => {
            Err(Failure::new(Exit::Refused, format!("{tool} failed: {}", outcome.text)))
        }
        _ => Err(Failure::new(Exit::Refused, format!("{tool} was not called: the Pod answered {}", answer.event))),
    }
}
