//! `yoi help`: the long help of a command.

use clap::builder::StyledStr;

use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, Paint, written};

/// How much alike a mistyped word and a command must be for the command to be meant.
const LIKENESS: f64 = 0.7;

/// Show what a command does, takes, and answers
///
/// The same as COMMAND --help. Without COMMAND, it shows what yoi is, and lists its commands.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Read about one command:
    $ yoi help intake
  A command of a command:
    $ yoi help ticket new
")]
pub(super) struct Args {
    /// The command, such as intake or ticket new
    command: Vec<String>,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let text = help(super::command(), &args.command)?;
    let text = match cli.paint() {
        Paint::Colour => text.ansi().to_string(),
        Paint::Plain => text.to_string(),
    };
    written(cli.out().write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

/// The long help of a command, found from the program downwards.
fn help(mut program: clap::Command, words: &[String]) -> Result<StyledStr, Failure> {
    program.build();
    let mut found = &program;
    for (at, word) in words.iter().enumerate() {
        found = found.find_subcommand(word).ok_or_else(|| unknown(found, &words[..at], word))?;
    }
    Ok(found.clone().render_long_help())
}

fn unknown(parent: &clap::Command, known: &[String], word: &str) -> Failure {
    let shown = command(["yoi"].into_iter().chain(known.iter().map(String::as_str)));
    let failure = Failure::new(Exit::Usage, format!("{shown} has no command {word:?}"));
    let names = parent.get_subcommands().filter(|sub| !sub.is_hide_set()).map(clap::Command::get_name);
    let likeness = |name: &str| strsim::jaro_winkler(word, name);
    let nearest = names.filter(|name| likeness(name) >= LIKENESS).max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let words = ["yoi", "help"].into_iter().chain(known.iter().map(String::as_str));
    failure.hint(command(words.chain(nearest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Program;

    fn asked(words: &[&str]) -> Result<String, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let shown = help(crate::porcelain::command(), &words);
        shown.map(|text| text.to_string()).map_err(|failure| failure.render(Program::Porcelain))
    }

    #[test]
    fn a_command_of_a_command_is_found() {
        assert!(asked(&["ticket", "new"]).unwrap().contains("Usage: yoi ticket new"));
        assert!(asked(&[]).unwrap().contains("Usage: yoi"));
    }

    #[test]
    fn a_mistyped_command_is_answered_with_the_nearest() {
        assert_eq!(asked(&["intaek"]).unwrap_err(), "yoi: yoi has no command \"intaek\"\nhint: yoi help intake\n");
        assert_eq!(
            asked(&["ticket", "lst"]).unwrap_err(),
            "yoi: yoi ticket has no command \"lst\"\nhint: yoi help ticket list\n"
        );
        assert_eq!(asked(&["pod-hos"]).unwrap_err(), "yoi: yoi has no command \"pod-hos\"\nhint: yoi help\n");
        assert_eq!(asked(&["xyzzy"]).unwrap_err(), "yoi: yoi has no command \"xyzzy\"\nhint: yoi help\n");
    }
}
