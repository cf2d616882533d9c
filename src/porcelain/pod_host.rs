//! `yoi pod-host`: the process that hosts a Pod; started by launches, never by hand.

use std::io::Read as _;

use crate::cli::{Cli, Exit, Failure, OrExit as _};
use crate::launch::{HostEnvironment, HostSpec, host_pod};

/// Host a Pod; started by launches, never by hand
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub(super) struct Args {
    /// The Pod, for whoever lists processes
    pod: String,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let doing = |failure: Failure| failure.while_doing(format!("cannot host Pod {}", args.pod));
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).or_exit(Exit::Environment).map_err(doing)?;
    let spec: HostSpec = serde_json::from_slice(&text).or_exit(Exit::Usage).map_err(doing)?;
    let environment = HostEnvironment {
        variables: cli.environment().variables().to_vec(),
        writer: cli.writer_now(),
        program: cli.sibling("yoi")?,
    };
    let status = host_pod(spec, environment).or_exit(Exit::Environment).map_err(doing)?;
    Ok(Exit::Of(u8::try_from(status).unwrap_or(255)))
}
