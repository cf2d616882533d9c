//! Completion of command lines, by the programs themselves.
//!
//! The scripts that shells load ([`script`]) are small and know nothing of commands: with each TAB they hand over what was
//! typed to the hidden command `complete`, which answers with candidates from the command line's own definition and from
//! the registry as it is at that moment. It only reads, says nothing on any error, and takes a few milliseconds.
//!
//! What a value is follows from its name in the definition: a `TICKET` is a ticket, a `POD` a Pod (see [`Kind`]).

mod bash;
mod candidates;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

pub use self::candidates::Kind;
use self::candidates::Known;
use super::{Cli, Exit, Failure, Program, written};

/// A shell that completions are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Shell {
    /// Bash, from 4.4.
    Bash,
    /// Zsh.
    Zsh,
    /// Fish.
    Fish,
}

/// The script that makes a shell complete a program's command lines.
pub fn script(shell: Shell, program: Program) -> String {
    let template = match shell {
        Shell::Bash => include_str!("yoi.bash"),
        Shell::Zsh => include_str!("yoi.zsh"),
        Shell::Fish => include_str!("yoi.fish"),
    };
    // The name of a function in a shell has no dash in it.
    template.replace("{PROGRAM}", program.name()).replace("{FUNCTION}", &program.name().replace('-', "_"))
}

/// What the hidden command `complete` is given.
#[derive(Debug, clap::Args)]
#[command(hide = true)]
pub struct CompleteArgs {
    /// The shell that asks
    #[arg(value_enum)]
    shell: Shell,
    /// For bash: where it breaks words, and the line up to the cursor; else: the words up to the cursor, unquoted
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

/// Stands in the place of a value, with one of [`FILES`] and [`DIRECTORIES`] behind it, for what a shell completes best by
/// itself. No name of ours contains a control character.
const MARK: char = '\u{1}';
const FILES: &str = "\u{1}files";
const DIRECTORIES: &str = "\u{1}directories";

/// The largest number of candidates that a shell is given.
const MAX_CANDIDATES: usize = 2000;

impl Cli {
    /// Answers a shell that completes a command line of this program.
    ///
    /// # Errors
    /// When standard output cannot be written; for nothing else.
    pub fn complete(&mut self, args: CompleteArgs, command: clap::Command) -> Result<Exit, Failure> {
        let (words, typed) = match args.shell {
            Shell::Bash => {
                let [breaks, line] = args.words.as_slice() else { return Ok(Exit::Done) };
                let Some(typed) = bash::Typed::read(line, breaks) else { return Ok(Exit::Done) };
                (typed.words.clone(), Some(typed))
            }
            _ => (args.words, None),
        };
        let candidates = self.candidates(words, command);
        let mut lines = Vec::new();
        for candidate in candidates.iter().take(MAX_CANDIDATES) {
            let value = candidate.get_value();
            let mark = value.as_bytes().iter().position(|byte| char::from(*byte) == MARK);
            match (mark, &typed) {
                (Some(at), _) => lines.extend_from_slice(&value.as_bytes()[at..]),
                // A name with a newline is none of ours, and no shell would keep it apart.
                (None, _) if value.as_bytes().contains(&b'\n') => continue,
                (None, Some(typed)) => match typed.replacement(value) {
                    Some(text) => lines.extend(text),
                    None => continue,
                },
                (None, None) => {
                    lines.extend_from_slice(value.as_bytes());
                    let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
                    let help = help.lines().next().unwrap_or_default().replace(|c: char| c.is_control(), " ");
                    lines.push(b'\t');
                    lines.extend_from_slice(help.as_bytes());
                }
            }
            lines.push(b'\n');
        }
        written(self.out().write_all(&lines))?;
        Ok(Exit::Done)
    }

    /// What the last word may become.
    fn candidates(&mut self, words: Vec<OsString>, command: clap::Command) -> Vec<CompletionCandidate> {
        let Some(last) = words.len().checked_sub(1) else { return Vec::new() };
        self.follow(&words[..last]);
        let known = Arc::new(Known::new(self));
        let is_empty = words[last].is_empty();
        let mut command = attach(command, &known);
        let found = clap_complete::engine::complete(&mut command, words, last, None);
        let mut found = found.unwrap_or_default();
        found.retain(|candidate| !candidate.is_hide_set());
        // Options come where a dash asks for them, or where there is nothing else.
        let is_option = |candidate: &CompletionCandidate| candidate.get_value().as_bytes().starts_with(b"-");
        if is_empty && found.iter().any(|candidate| !is_option(candidate)) {
            found.retain(|candidate| !is_option(candidate));
        }
        found
    }

    /// Looks where the command line that is completed would look: `-C` and `--data-dir`.
    fn follow(&mut self, words: &[OsString]) {
        let mut rest = words.iter().skip(1).take_while(|word| *word != "--");
        let (mut directory, mut data): (Option<&OsStr>, Option<&OsStr>) = (None, None);
        while let Some(word) = rest.next() {
            let bytes = word.as_bytes();
            if word == "-C" {
                directory = rest.next().map(OsString::as_os_str);
            } else if let Some(value) = bytes.strip_prefix(b"-C") {
                directory = Some(OsStr::from_bytes(value));
            } else if word == "--data-dir" {
                data = rest.next().map(OsString::as_os_str);
            } else if let Some(value) = bytes.strip_prefix(b"--data-dir=") {
                data = Some(OsStr::from_bytes(value));
            }
        }
        if let Some(directory) = directory {
            // Where that cannot be entered there is nothing to be found either.
            let _ = super::environment::enter(Path::new(directory));
        }
        if let (Some(data), Ok(here)) = (data, self.directory()) {
            self.use_data_dir(&here.join(data));
        }
    }
}

/// Adds to every value of a command line where its candidates come from.
fn attach(command: clap::Command, known: &Arc<Known>) -> clap::Command {
    let with_source = |arg: clap::Arg| {
        let Some(kind) = Kind::of(&arg) else { return arg };
        let known = known.clone();
        arg.add(ArgValueCompleter::new(move |current: &OsStr| known.candidates(kind, current)))
    };
    command.mut_args(with_source).mut_subcommands(|sub| attach(sub, known))
}
