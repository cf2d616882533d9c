//! `yoi completions`: completion scripts.

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::{Cli, Exit, Failure, written};

/// Print the completion script of a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Install them for bash:
    $ mkdir -p ~/.local/share/bash-completion/completions
    $ yoi completions bash >~/.local/share/bash-completion/completions/yoi
")]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::Arguments::command(), "yoi", &mut script);
    written(cli.out().write_all(&script))?;
    Ok(Exit::Done)
}
