//! `yoi demo`: all of it in a throw-away workspace.
//!
//! However the demo ends, also by a signal that it cannot catch, its Pods are ended and its directory is removed: see
//! [`super::scratch`].

use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::scratch::{self, Held, PATIENCE, Places, Sweeper};
use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Meaning};
use crate::domain::{PodName, path_text};
use crate::fs::{IoContext as _, Wait};

/// The ticket that is ready to be taken in.
const COMPLETE: &str = "20260118-093012-001";
/// The ticket that leaves questions open.
const INCOMPLETE: &str = "20260118-101544-001";
/// How the directory of a demo begins; nothing else is ever removed.
const PREFIX: &str = "yoi-demo-";
/// How wide the words between the commands are, in characters.
const WIDTH: usize = 78;

/// The sample workspace, in the older ticket format: path and text of each file.
const SAMPLE: &[(&str, &str)] = &[
    (".yoi/ticket.config.toml", include_str!("../../tests/fixtures/sample/.yoi/ticket.config.toml")),
    (
        ".yoi/tickets/20260118-093012-001/item.md",
        include_str!("../../tests/fixtures/sample/.yoi/tickets/20260118-093012-001/item.md"),
    ),
    (
        ".yoi/tickets/20260118-093012-001/thread.md",
        include_str!("../../tests/fixtures/sample/.yoi/tickets/20260118-093012-001/thread.md"),
    ),
    (
        ".yoi/tickets/20260118-101544-001/item.md",
        include_str!("../../tests/fixtures/sample/.yoi/tickets/20260118-101544-001/item.md"),
    ),
    (
        ".yoi/tickets/20260118-101544-001/thread.md",
        include_str!("../../tests/fixtures/sample/.yoi/tickets/20260118-101544-001/thread.md"),
    ),
];

/// See it all in a second, in a throw-away workspace
///
/// Copies two tickets into a temporary directory, launches the built-in agent on them, and says what happened and where
/// the files lie. Needs no account, touches nothing else, and leaves nothing behind unless --keep is given.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See it all:
    $ yoi demo
  Look around in the files afterwards:
    $ yoi demo --keep
")]
pub(super) struct Args {
    /// Keep the workspace and its registry
    #[arg(long)]
    keep: bool,
    /// Be the process that cleans up behind a demo
    #[arg(long, hide = true)]
    sweep: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    if args.sweep {
        return sweep(args.keep);
    }
    let temporary = tempfile::Builder::new().prefix(PREFIX).tempdir();
    let temporary = temporary.context("make", "a temporary directory".as_ref())?;
    let keep = args.keep.then_some("--keep");
    let arguments: Vec<&str> = ["demo", "--sweep"].into_iter().chain(keep).collect();
    let (sweeper, held) = Sweeper::start(cli, &arguments, &[temporary.path()])?;
    // From now on the sweeper removes it, whatever becomes of this process.
    let root = temporary.keep();
    let ended = Demo::prepare(cli, &root, &held).and_then(|demo| demo.show(cli));
    let swept = sweeper.finish(held);
    if args.keep {
        note(cli, "All of it is kept, until you remove it:")?;
        cli.say(command(["rm", "-r", &path_text(&root)]))?;
    }
    ended.and_then(|exit| swept.map(|()| exit))
}

/// Waits for the end of a demo, of which standard input tells the directory, and cleans up behind it.
fn sweep(keep: bool) -> Result<Exit, Failure> {
    let roots = scratch::await_end(PREFIX)?;
    roots.iter().try_for_each(|root| Places::below(root).end_pods())?;
    if !keep {
        scratch::remove(&roots)?;
    }
    Ok(Exit::Done)
}

/// A throw-away workspace with a registry of its own.
struct Demo<'a> {
    program: PathBuf,
    places: Places,
    /// Held by every command that is run, so that nothing is removed while one of them goes on.
    held: &'a Held,
}

impl<'a> Demo<'a> {
    fn prepare(cli: &Cli, root: &Path, held: &'a Held) -> Result<Self, Failure> {
        let places = Places::below(root);
        SAMPLE.iter().try_for_each(|(name, text)| places.write(name, text))?;
        Ok(Self { program: cli.sibling("yoi")?, places, held })
    }

    fn show(self, cli: &mut Cli) -> Result<Exit, Failure> {
        let (first, second) = (format!("intake-{COMPLETE}"), format!("intake-{INCOMPLETE}"));
        note(
            cli,
            "Two tickets lie in a throw-away workspace, in the format of older repositories. Tickets are plain files \
             below .yoi/tickets/.",
        )?;
        self.yoi(cli, &["ticket", "list"], 0)?;
        note(
            cli,
            "An intake makes a ticket implementable. This launches a Pod, which is one supervised agent, on the first \
             ticket, and shows its work. The ticket is claimed only after the agent has accepted it.",
        )?;
        self.yoi(cli, &["intake", COMPLETE, "--wait"], 0)?;
        self.wait_for_end(&first)?;
        note(
            cli,
            "The ticket is ready, so the Pod shut down by itself. Its claim stays: it says who did the work, and the \
             Pod can be brought back.",
        )?;
        self.yoi(cli, &["status"], 0)?;
        note(cli, "Nobody takes the ticket by mistake: a second launch is told who has it, and how to go on.")?;
        self.yoi(cli, &["intake", COMPLETE], 1)?;
        note(
            cli,
            "The second ticket says too little. The agent puts its questions into the ticket's thread, and its Pod \
             waits for an answer.",
        )?;
        self.yoi(cli, &["intake", INCOMPLETE, "--wait"], 0)?;
        self.yoi(cli, &["status"], 0)?;
        note(
            cli,
            "No status is stored anywhere: live is whose lock the kernel says is held. The Pod is stopped, and the \
             very next look sees it. It comes back under its name, with its ticket and its history.",
        )?;
        self.yoi(cli, &["stop", &second], 0)?;
        self.yoi(cli, &["status", "--format", "{ticket}  {status}"], 0)?;
        self.yoi(cli, &["restore", &second], 0)?;
        self.yoi(cli, &["stop", &second], 0)?;
        note(cli, "How a ticket stands, and how that is known:")?;
        self.yoi(cli, &["why", COMPLETE], 0)?;
        self.files(cli)?;
        note(cli, "That is all. In a repository of your own, begin with:")?;
        for words in [&["yoi", "init"][..], &["yoi", "ticket", "new", "TITLE"], &["yoi", "intake", "TICKET"]] {
            cli.say(cli.command(words))?;
        }
        Ok(Exit::Done)
    }

    /// Runs a command as its user would, and shows it.
    fn yoi(&self, cli: &mut Cli, words: &[&str], expected: i32) -> Result<(), Failure> {
        let shown = command(["yoi"].iter().chain(words));
        prompt(cli, &shown)?;
        let mut child = Command::new(&self.program);
        child.args(words).arg("--quiet").current_dir(&self.places.workspace).stdin(Stdio::null());
        child.env("YOI_DATA_DIR", &self.places.data).env("YOI_RUNTIME_DIR", &self.places.runtime);
        // What is said on either stream is read in the order in which it was said.
        child.stderr(std::io::stdout().as_fd().try_clone_to_owned().context("copy", "standard output".as_ref())?);
        self.held.by(&mut child)?;
        let status = child.status().context("run", &self.program)?;
        if status.code() == Some(expected) {
            return Ok(());
        }
        Err(Failure::new(Exit::Environment, format!("the demo went wrong: {shown} ended with {status}")))
    }

    fn wait_for_end(&self, pod: &str) -> Result<(), Failure> {
        let pod = PodName::new(pod).map_err(|error| Failure::of(Exit::Usage, &error))?;
        match self.places.registry()?.wait_for_end(&pod, Wait::For(PATIENCE))? {
            true => Ok(()),
            false => {
                Err(Failure::new(Exit::Environment, format!("the demo went wrong: Pod {pod} did not end by itself")))
            }
        }
    }

    /// Shows where everything lies, and the claim as it is on disk.
    fn files(&self, cli: &mut Cli) -> Result<(), Failure> {
        let registry = self.places.registry()?;
        note(
            cli,
            "Nothing of that is in the repository. Claims, Pods and sessions are plain files in the user's data \
             directory, which is this one here:",
        )?;
        cli.say(path_text(registry.dir()))?;
        let paint = cli.paint();
        for (name, what) in [
            ("claims", "who holds which ticket, and what shows it"),
            ("sessions", "which Pods were launched, and on what"),
            ("pods", "what is needed to restore each, and its history"),
            ("locks", "what the kernel is asked about"),
            ("journal.jsonl", "who changed what, when and why"),
        ] {
            cli.say(format_args!("  {:<14} {}", name, paint.text(Meaning::Quiet, what)))?;
        }
        let claim = registry.claims_dir().join(format!("{COMPLETE}.toml"));
        prompt(cli, &format!("cat claims/{COMPLETE}.toml"))?;
        let text = std::fs::read_to_string(&claim).context("read", &claim)?;
        text.lines().try_for_each(|line| cli.say(visible(line)))
    }
}

/// Shows a command before what it says.
fn prompt(cli: &mut Cli, shown: &str) -> Result<(), Failure> {
    let paint = cli.paint();
    cli.say(paint.text(Meaning::Name, format_args!("$ {shown}")))
}

/// Says something between the commands, as a comment in lines of 78 characters.
fn note(cli: &mut Cli, text: &str) -> Result<(), Failure> {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => line.extend([" ", word]),
            _ => lines.push(format!("# {word}")),
        }
    }
    cli.say("")?;
    let paint = cli.paint();
    lines.iter().try_for_each(|line| cli.say(paint.text(Meaning::Busy, visible(line))))
}
