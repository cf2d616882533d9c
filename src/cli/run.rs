//! From a program's arguments to its exit status.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, ColorChoice};

use super::args::{GlobalArgs, OutputArgs, PeopleArgs};
use super::conversation::Printed;
use super::progress::Telling;
use super::quote::command;
use super::style::Paint;
use super::{Environment, Exit, Failure, OrExit as _, Place, Printer, Progress, View, environment, written};
use crate::domain::{Timestamp, path_from_text};
use crate::registry::{OpenError, Registry, Workspace, Writer};

/// One of the two programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// `yoi`: friendly, local time, free to change.
    Porcelain,
    /// `yoi-claim`: quiet, UTC, stable.
    Plumbing,
}

impl Program {
    /// The name that messages begin with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Porcelain => "yoi",
            Self::Plumbing => "yoi-claim",
        }
    }
}

/// The command line of a program.
pub trait CommandLine: clap::Parser {
    /// What every command of both programs takes.
    fn global(&self) -> &GlobalArgs;

    /// The program with no other command than the one of this name; `None` where there is no such command, or where
    /// its parser cannot be made alone.
    fn alone(_name: &str) -> Option<clap::Command> {
        None
    }

    /// What every porcelain command takes.
    fn people(&self) -> PeopleArgs {
        PeopleArgs { color: ColorChoice::Never, quiet: true }
    }
}

/// What a command has of the world: environment, clock, standard output and standard error.
pub struct Cli {
    program: Program,
    arguments: Vec<OsString>,
    environment: Environment,
    people: PeopleArgs,
    place: Place,
    out: BufWriter<io::Stdout>,
    errors: Errors,
}

/// The form of errors on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Errors {
    Text,
    Json,
}

/// Runs a program: reads its arguments and environment, runs `body`, and tells a failure.
pub fn run<C: CommandLine>(program: Program, body: impl FnOnce(C, &mut Cli) -> Result<Exit, Failure>) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let matches = match parse::<C>(&arguments) {
        Ok(matches) => matches,
        Err(error) => return usage(program, &arguments, &error).into(),
    };
    let errors = if asks_for_json(&matches) { Errors::Json } else { Errors::Text };
    let line = C::from_arg_matches(&matches);
    let place = line.as_ref().map(|line| Place::of(line.global())).unwrap_or_default();
    let ended = line
        // clap has checked all that `from_arg_matches` takes.
        .or_exit(Exit::Usage)
        .and_then(|line| {
            let mut cli = Cli {
                program,
                arguments,
                environment: Environment::read()?,
                people: line.people(),
                place: place.clone(),
                out: BufWriter::new(io::stdout()),
                errors,
            };
            if let Some(directory) = &line.global().directory {
                environment::enter(directory)?;
            }
            if let Some(data) = &line.global().data_dir {
                // After -C, as if started there.
                cli.use_data_dir(&environment::current_dir()?.join(data));
            }
            let ended = body(line, &mut cli);
            // What was printed before a failure is part of the answer.
            match (ended, cli.out.flush()) {
                // The command did what it did, also where nobody reads of it.
                (Ok(exit), Err(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(exit),
                (Ok(exit), flushed) => written(flushed).map(|()| exit),
                (ended, _) => ended,
            }
        });
    let exit = match ended {
        Ok(exit) => exit,
        Err(failure) => {
            tell(program, errors, &place, &failure);
            failure.exit()
        }
    };
    exit.into()
}

/// Reads a command line: with the parser of the one command that it names, and where that does not understand it (it was
/// only a value, or help is asked for), with those of all.
///
/// What the one parser takes, all would take alike: a word that they would take for another command is none to it.
pub(super) fn parse<C: CommandLine>(arguments: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let alone = arguments.iter().skip(1).find_map(|word| C::alone(word.to_str()?));
    if let Some(mut alone) = alone
        && let Ok(matches) = alone.try_get_matches_from_mut(arguments)
    {
        return Ok(matches);
    }
    C::command().try_get_matches_from(arguments)
}

/// Writes a failure to standard error; there is nobody to tell that this failed.
fn tell(program: Program, errors: Errors, place: &Place, failure: &Failure) {
    let failure = failure.clone().in_place(place);
    let text = match errors {
        Errors::Text => failure.render(program),
        Errors::Json => failure.to_json(program).map(|json| format!("{json}\n")).unwrap_or_default(),
    };
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Whether the command that was named has a `--json` switch, and it was given.
fn asks_for_json(matches: &ArgMatches) -> bool {
    let here = matches!(matches.try_get_one::<bool>("json"), Ok(Some(true)));
    here || matches.subcommand().is_some_and(|(_, matches)| asks_for_json(matches))
}

/// Answers what clap did not take for a command: a question for help, or wrong usage.
fn usage(program: Program, arguments: &[OsString], error: &clap::Error) -> Exit {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::Environment,
            _ => Exit::Done,
        };
    }
    let text = error.render().to_string();
    let (message, rest) = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => ("no command was given", text.as_str()),
        _ => text.strip_prefix("error: ").unwrap_or(&text).split_once("\n\n").unwrap_or((&text, "")),
    };
    let json = arguments.iter().take_while(|word| *word != "--").any(|word| word == "--json");
    let lines = message.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let failure = Failure::new(Exit::Usage, lines);
    if json {
        tell(program, Errors::Json, &Place::default(), &failure);
    } else {
        let _ = write!(io::stderr(), "{}\n{rest}", failure.render(program));
    }
    Exit::Usage
}

impl Cli {
    /// The program that runs.
    pub fn program(&self) -> Program {
        self.program
    }

    /// The environment as it was when the program started.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Takes another data root than the environment's.
    pub(super) fn use_data_dir(&mut self, data: &Path) {
        self.environment.use_data_dir(data);
    }

    /// Where the command line says that it works.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// A command for a person to type, which works where this one does.
    pub fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> String {
        self.place.command(words)
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        self.environment.clock().now()
    }

    /// The directory that the command works in: the current one, or that of `-C`.
    ///
    /// # Errors
    /// When it is gone.
    pub fn directory(&self) -> Result<PathBuf, Failure> {
        environment::current_dir()
    }

    /// The workspace that the command works in.
    ///
    /// # Errors
    /// When it cannot be told for the current directory.
    pub fn workspace(&self) -> Result<Workspace, Failure> {
        Workspace::find(&self.directory()?).or_exit(Exit::Environment)
    }

    /// The registry of the workspace that the command works in, to be read; touches nothing of it.
    ///
    /// # Errors
    /// When the workspace cannot be told, or where data is kept.
    pub fn registry(&self) -> Result<Registry, Failure> {
        let (data, runtime) = (self.environment.data_dir()?, self.environment.runtime_dir()?);
        Ok(Registry::new(&data, &runtime, self.workspace()?))
    }

    /// The registry of the workspace that the command works in, made where it is missing and fit to be written to.
    ///
    /// # Errors
    /// Those of [`Self::registry`]; when it cannot be made, is not ours, of a newer version, or on a network.
    pub fn writable_registry(&self) -> Result<Registry, Failure> {
        let registry = self.registry()?;
        self.prepare(&registry)?;
        Ok(registry)
    }

    /// Makes a registry fit to be written to.
    ///
    /// # Errors
    /// When it cannot be made, is not ours, of a newer version, or on a network.
    pub fn prepare(&self, registry: &Registry) -> Result<(), Failure> {
        let prepared = registry.prepare(self.environment.network_policy(), self.now());
        prepared.map_err(|error| self.not_writable(registry, &error))
    }

    /// Why a registry cannot be written to, with the command that can, where another one can.
    pub fn not_writable(&self, registry: &Registry, error: &OpenError) -> Failure {
        let failure = Failure::of(Exit::Environment, error);
        match error {
            OpenError::Foreign { owner, .. } => {
                let line = as_owner(*owner, &self.arguments, registry.data());
                failure.because(format!("do it as that user: {line}"))
            }
            OpenError::OtherRoot { root, .. } => {
                let root = path_from_text(root);
                let words = ["yoi-claim".as_ref(), "workspace-adopt".as_ref(), root.as_os_str()];
                failure.because(format!("its taking over was not finished; do it again: {}", self.command(words)))
            }
            _ => failure,
        }
    }

    /// Who writes, and when.
    pub fn writer(&self) -> Writer {
        Writer { written_by: self.environment.written_by(), user: self.environment.user(), now: self.now() }
    }

    /// A printer for the records of this command.
    ///
    /// # Errors
    /// When two forms were asked for that exclude each other.
    pub fn printer(&mut self, form: &OutputArgs) -> Result<Printer<'_>, Failure> {
        let format = form.format(self.program)?;
        let view = View { now: self.now(), paint: self.paint(), width: terminal_width() };
        Ok(Printer::new(&mut self.out, format, view))
    }

    /// Whether standard output is painted.
    pub fn paint(&self) -> Paint {
        Paint::choose(self.people.color, &io::stdout())
    }

    /// Standard output, for what is no record; errors go through [`written`].
    pub fn out(&mut self) -> &mut dyn Write {
        &mut self.out
    }

    /// Standard output, for a conversation.
    pub fn page(&mut self) -> Printed<'_> {
        let paint = self.paint();
        Printed::new(&mut self.out, paint)
    }

    /// A descriptor of standard output, to wait until nobody reads it any more.
    ///
    /// # Errors
    /// When there is none to be had.
    pub fn reader(&self) -> Result<OwnedFd, Failure> {
        let descriptor = io::stdout().as_fd().try_clone_to_owned().or_exit(Exit::Environment);
        descriptor.map_err(|failure| failure.while_doing("cannot wait for who reads standard output"))
    }

    /// Writes a line for people, at once; `line` is safe to show.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub fn say(&mut self, line: impl std::fmt::Display) -> Result<(), Failure> {
        written(writeln!(self.out, "{line}").and_then(|()| self.out.flush()))
    }

    /// Tells a failure that does not end the command, such as one bad record among many.
    pub fn warn(&mut self, failure: &Failure) {
        // In a log that takes both streams, the warning stands behind what was printed before it.
        let _ = self.out.flush();
        tell(self.program, self.errors, &self.place, failure);
    }

    /// Tells the steps of what takes a while; silent in plumbing, with `--quiet`, and where no terminal shows them.
    pub fn progress(&self) -> Progress {
        let err = io::stderr();
        let is_shown = !self.people.quiet && self.errors == Errors::Text && err.is_terminal();
        let telling = if is_shown { Telling::Line } else { Telling::Silent };
        let paint = Paint::choose(self.people.color, &err);
        Progress::new(Box::new(err), telling, paint)
    }

    /// A program that is installed beside this one, such as the one that hosts Pods.
    ///
    /// # Errors
    /// When the kernel does not say where this program lies.
    pub fn sibling(&self, name: &str) -> Result<PathBuf, Failure> {
        let own = std::env::current_exe().or_exit(Exit::Environment);
        let own = own.map_err(|failure| failure.while_doing("cannot tell where this program lies"))?;
        Ok(own.with_file_name(name))
    }

    /// Whether what is printed goes to a terminal.
    pub fn shows_on_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Whether there is a person at the other end who can be asked.
    pub fn is_interactive(&self) -> bool {
        !self.environment.is_ci() && io::stdin().is_terminal() && io::stderr().is_terminal()
    }
}

/// The command line as it was typed, to be done by another user; the data root is that user's whatever sudo leaves of
/// the environment.
fn as_owner(owner: u32, arguments: &[OsString], data: &Path) -> String {
    let user = match nix::unistd::User::from_uid(owner.into()) {
        Ok(Some(user)) => user.name,
        _ => format!("#{owner}"),
    };
    let mut words: Vec<OsString> = vec!["sudo".into(), "-u".into(), user.into()];
    let (program, rest) = arguments.split_at(arguments.len().min(1));
    words.extend_from_slice(program);
    let is_typed = |word: &OsString| word.as_encoded_bytes().starts_with(b"--data-dir");
    if !rest.iter().take_while(|word| *word != "--").any(is_typed) {
        words.extend(["--data-dir".into(), data.into()]);
    }
    words.extend_from_slice(rest);
    command(words)
}

/// The width of the terminal that standard output goes to, in character cells.
fn terminal_width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| width.0.into())
}
