//! `yoi completions`: completion scripts.

use crate::cli::{Cli, Exit, Failure, Program, Shell, script, written};

/// Print the completion script of a shell
///
/// The script completes commands, options and their words, and the tickets, Pods and profiles that there are at that
/// moment: with each TAB it asks the program, which reads the registry.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Install them for bash:
    $ mkdir -p ~/.local/share/bash-completion/completions
    $ yoi completions bash >~/.local/share/bash-completion/completions/yoi
    $ yoi completions bash yoi-claim >~/.local/share/bash-completion/completions/yoi-claim
  For zsh, with a directory of your own in fpath:
    $ mkdir -p ~/.zfunc
    $ yoi completions zsh >~/.zfunc/_yoi
    $ yoi completions zsh yoi-claim >~/.zfunc/_yoi-claim
  For fish:
    $ mkdir -p ~/.config/fish/completions
    $ yoi completions fish >~/.config/fish/completions/yoi.fish
    $ yoi completions fish yoi-claim >~/.config/fish/completions/yoi-claim.fish
")]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
    /// The program whose command lines are completed
    #[arg(value_parser = ["yoi", "yoi-claim"], default_value = "yoi")]
    program: String,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let program = if args.program == Program::Plumbing.name() { Program::Plumbing } else { Program::Porcelain };
    written(cli.out().write_all(script(args.shell, program).as_bytes()))?;
    Ok(Exit::Done)
}
