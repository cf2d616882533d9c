//! `yoi help`: the manual page of a command, or its long help.

use std::io::Write as _;
use std::process::{Command as Process, Stdio};

use super::{Verbs, manual};
use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure, OrExit as _, Paint, written};

/// How much alike a mistyped word and a command must be for the command to be meant.
const LIKENESS: f64 = 0.7;

/// Show what a command does, takes, and answers
///
/// On a terminal it shows the command's manual page, where it is installed; else the same as COMMAND --help. Without
/// COMMAND, it shows what yoi is, and lists its commands; yoi-claim in its place does so for the verbs of scripts, which
/// are known here too. The pages yoi-recovery (what to do when something is not as it should be) and yoi-registry (every
/// file) come with the program, and are shown wherever it is.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Read about one command:
    $ yoi help intake
  A command of a command:
    $ yoi help ticket new
  A verb of yoi-claim:
    $ yoi help claim-commit
  What to do when something is not as it should be:
    $ yoi help yoi-recovery
")]
pub(super) struct Args {
    /// The command, such as intake or ticket new, a verb of yoi-claim, or a page, such as yoi-recovery
    command: Vec<String>,
}

pub(super) fn run(args: Args, verbs: Verbs, cli: &mut Cli) -> Result<Exit, Failure> {
    if let [word] = args.command.as_slice()
        && let Some((name, section, page)) = page_of(word)
    {
        if !(cli.shows_on_terminal() && read_with_man(name, section, page)?) {
            written(cli.out().write_all(manual::text(page).as_bytes()))?;
        }
        return Ok(Exit::Done);
    }
    let mut topic = find([super::command(), verbs()], &args.command)?;
    let page = topic.get_bin_name().unwrap_or("yoi").replace(' ', "-");
    if cli.shows_on_terminal() && man_has(&page) && man(&[&page]) {
        return Ok(Exit::Done);
    }
    let text = topic.render_long_help();
    let text = match cli.paint() {
        Paint::Colour => text.ansi().to_string(),
        Paint::Plain => text.to_string(),
    };
    written(cli.out().write_all(text.as_bytes()))?;
    Ok(Exit::Done)
}

/// The command line of `yoi` as its completion sees it: what there is help on are commands of `help`.
pub(super) fn with_topics(program: clap::Command, verbs: clap::Command) -> clap::Command {
    let pages = manual::PAGES.iter().map(|(name, _, _)| clap::Command::new(*name));
    let (commands, verbs) = (topic(&program), topic(&verbs));
    let topics: Vec<clap::Command> =
        commands.get_subcommands().chain(verbs.get_subcommands()).chain([&verbs]).cloned().chain(pages).collect();
    program.mut_subcommand("help", |help| {
        let about = help.get_about().cloned().unwrap_or_default();
        clap::Command::new("help").about(about).disable_help_subcommand(true).subcommands(topics)
    })
}

/// A command's name and purpose, and those of its commands: nothing of what it takes.
fn topic(command: &clap::Command) -> clap::Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let commands = command.get_subcommands().filter(|sub| !sub.is_hide_set()).map(topic);
    clap::Command::new(command.get_name().to_owned()).about(about).disable_help_subcommand(true).subcommands(commands)
}

/// The page that comes with the program under a name, with or without the program's.
fn page_of(word: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let word = word.strip_prefix("yoi-").unwrap_or(word);
    manual::PAGES.iter().copied().find(|(name, _, _)| name.strip_prefix("yoi-") == Some(word))
}

/// Has `man` show a page of ours; false where it does not.
fn read_with_man(name: &str, section: &str, page: &str) -> Result<bool, Failure> {
    let file = tempfile::Builder::new().prefix(&format!("{name}.")).suffix(&format!(".{section}")).tempfile();
    let mut file = file.or_exit(Exit::Environment).map_err(|f| f.while_doing("cannot make a file for man"))?;
    written(file.write_all(page.as_bytes()))?;
    Ok(file.path().to_str().is_some_and(|path| man(&["-l", path])))
}

/// Whether `man` finds a page.
fn man_has(page: &str) -> bool {
    let mut asked = Process::new("man");
    asked.args(["-w", page]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    asked.status().is_ok_and(|status| status.success())
}

/// Runs `man`, which has the terminal until its reader has had enough; false where there is none, or it fails.
fn man(arguments: &[&str]) -> bool {
    Process::new("man").args(arguments).status().is_ok_and(|status| status.success())
}

/// A command, found by its words: of the program that they begin with, else of the first one that has it.
fn find(programs: [clap::Command; 2], words: &[String]) -> Result<clap::Command, Failure> {
    let [mut yoi, mut claim] = programs;
    yoi.build();
    claim.build();
    let (mut found, named) = match words.first() {
        Some(word) if word == claim.get_name() => (&claim, 1),
        Some(word) if yoi.find_subcommand(word).is_none() && claim.find_subcommand(word).is_some() => (&claim, 0),
        _ => (&yoi, 0),
    };
    for (at, word) in words.iter().enumerate().skip(named) {
        found = found.find_subcommand(word).ok_or_else(|| {
            let others = (at == 0).then_some(&claim);
            unknown(found, others, &words[..at], word)
        })?;
    }
    Ok(found.clone())
}

/// Says that a command has no such command, and names the nearest one that it, or `besides`, has.
fn unknown(parent: &clap::Command, besides: Option<&clap::Command>, known: &[String], word: &str) -> Failure {
    let shown = parent.get_bin_name().unwrap_or_else(|| parent.get_name());
    let failure = Failure::new(Exit::Usage, format!("{shown} has no command {word:?}"));
    let commands = parent.get_subcommands().chain(besides.into_iter().flat_map(clap::Command::get_subcommands));
    let names = commands.filter(|sub| !sub.is_hide_set()).map(clap::Command::get_name);
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
        let claim = clap::Command::new("yoi-claim").subcommand(clap::Command::new("claim-show"));
        let found = find([crate::porcelain::command(), claim], &words);
        found.map(|mut found| found.render_long_help().to_string()).map_err(|it| it.render(Program::Porcelain))
    }

    #[test]
    fn pages_that_come_with_the_program_have_short_names_too() {
        for word in ["yoi-registry", "registry"] {
            assert_eq!(page_of(word).unwrap().0, "yoi-registry");
        }
        assert_eq!(page_of("yoi-intake"), None);
    }

    #[test]
    fn a_command_of_a_command_is_found() {
        assert!(asked(&["ticket", "new"]).unwrap().contains("Usage: yoi ticket new"));
        assert!(asked(&[]).unwrap().contains("Usage: yoi"));
    }

    #[test]
    fn a_verb_is_found_with_and_without_its_program() {
        assert!(asked(&["claim-show"]).unwrap().contains("Usage: yoi-claim claim-show"));
        assert!(asked(&["yoi-claim", "claim-show"]).unwrap().contains("Usage: yoi-claim claim-show"));
        assert!(asked(&["yoi-claim"]).unwrap().contains("claim-show"));
        assert_eq!(
            asked(&["claim-sho"]).unwrap_err(),
            "yoi: yoi has no command \"claim-sho\"\nhint: yoi help claim-show\n"
        );
        assert_eq!(
            asked(&["yoi-claim", "intake"]).unwrap_err(),
            "yoi: yoi-claim has no command \"intake\"\nhint: yoi help yoi-claim\n"
        );
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
