//! `yoi mcp`: the tools of a Pod for agents that speak MCP.

use std::path::PathBuf;

use crate::cli::{Cli, Exit, Failure};
use crate::launch::steps;
use crate::pod::mcp;

/// Serve the tools of the Pod that this runs in over MCP, on standard input and output
///
/// For agents that speak the Model Context Protocol: it is the server that they start, and it ends with its Pod. A Pod
/// hands it to its agent by itself where both speak the Agent Client Protocol; any other agent is given `yoi mcp` as a
/// stdio server in its own configuration. The Pod is found by YOI_POD, and the start of the agent that this belongs to
/// by YOI_EPOCH, which the Pod sets; after the next start of the agent this server can do nothing any more.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Serve the tools, from inside a Pod:
    $ yoi mcp
  The same where only the path of the Pod's socket is known:
    $ yoi mcp --socket \"$SOCKET\"
")]
pub(super) struct Args {
    /// The Pod's socket, in place of the one that YOI_POD leads to
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let (pod, epoch) = (cli.environment().pod()?, cli.environment().epoch()?);
    let nowhere = |missing: &str| {
        let text = format!("cannot serve tools: this does not run inside a Pod ({missing} is not set)");
        Failure::new(Exit::Usage, text)
    };
    let epoch = epoch.ok_or_else(|| nowhere("YOI_EPOCH"))?;
    let socket = match (args.socket, pod) {
        (Some(socket), _) => socket,
        (None, Some(pod)) => cli.registry()?.socket_path(&pod),
        (None, None) => return Err(nowhere("YOI_POD")),
    };
    let served = mcp::serve(&socket, epoch, steps::within(steps::ANSWER));
    served.map_err(|error| Failure::from(error).while_doing("cannot serve the Pod's tools"))?;
    Ok(Exit::Done)
}
