//! `yoi demo`: all of it in a throw-away workspace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Meaning};
use crate::domain::{PodName, path_text};
use crate::fs::{IoContext as _, Wait};
use crate::registry::{Registry, Workspace};

/// The ticket that is ready to be taken in.
const COMPLETE: &str = "20260118-093012-001";
/// The ticket that leaves questions open.
const INCOMPLETE: &str = "20260118-101544-001";
/// How long a Pod may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// See it all in ten seconds, in a throw-away workspace
///
/// Copies two tickets into a temporary directory, launches the built-in agent on them, and says what happened and where
/// the files lie. Needs no account, and leaves nothing behind unless --keep is given.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  Look around in the files afterwards:
    $ yoi demo --keep
")]
pub(super) struct Args {
    /// Keep the workspace and its registry
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let temporary = tempfile::Builder::new().prefix("yoi-demo-").tempdir();
    let temporary = temporary.context("make", "a temporary directory".as_ref())?;
    let ended = Demo::prepare(cli, temporary.path())?.show(cli);
    if args.keep {
        let kept = temporary.keep();
        cli.say(format_args!(
            "\nkept in {}; remove it with: {}",
            path_text(&kept),
            command(["rm", "-r", &path_text(&kept)])
        ))?;
    }
    ended
}

/// A throw-away workspace with a registry of its own.
struct Demo {
    program: PathBuf,
    workspace: PathBuf,
    data: PathBuf,
    runtime: PathBuf,
}

impl Demo {
    fn prepare(cli: &Cli, root: &Path) -> Result<Self, Failure> {
        let demo = Self {
            program: cli.sibling("yoi")?,
            workspace: root.join("workspace"),
            data: root.join("data"),
            runtime: root.join("run"),
        };
        for (name, text) in SAMPLE {
            let path = demo.workspace.join(name);
            let dir = path.parent().unwrap_or(&demo.workspace);
            std::fs::create_dir_all(dir).context("make the directory", dir)?;
            std::fs::write(&path, text).context("write", &path)?;
        }
        Ok(demo)
    }

    fn show(&self, cli: &mut Cli) -> Result<Exit, Failure> {
        tell(cli, "Two tickets lie in a throw-away workspace, in the format of older repositories.")?;
        self.yoi(cli, &["ticket", "list"], 0)?;
        tell(
            cli,
            "A Pod takes the first. The claim is committed only after its agent has accepted the work. The \
                   built-in agent finds all that an implementable ticket must say, and makes it ready.",
        )?;
        self.yoi(cli, &["intake", COMPLETE, "--wait"], 0)?;
        self.wait_for_end(&format!("intake-{COMPLETE}"))?;
        tell(cli, "Its work is done, so it shut down by itself. The claim stays, and says who did it.")?;
        self.yoi(cli, &["status"], 0)?;
        tell(cli, "A second launch on the same ticket is refused, and told who has it.")?;
        self.yoi(cli, &["intake", COMPLETE], 1)?;
        tell(
            cli,
            "The second ticket says too little: the agent puts its questions into the ticket's thread, and waits.",
        )?;
        self.yoi(cli, &["intake", INCOMPLETE, "--wait"], 0)?;
        self.yoi(cli, &["ticket", "show", INCOMPLETE], 0)?;
        self.yoi(cli, &["status"], 0)?;
        self.yoi(cli, &["stop", &format!("intake-{INCOMPLETE}")], 0)?;
        tell(
            cli,
            "Nothing of this is stored as a status: each time the kernel is asked whether the Pod's lock is held.",
        )?;
        self.yoi(cli, &["why", COMPLETE], 0)?;
        self.files(cli)?;
        Ok(Exit::Done)
    }

    /// Runs a command as its user would, and shows it.
    fn yoi(&self, cli: &mut Cli, words: &[&str], expected: i32) -> Result<(), Failure> {
        let shown = command(["yoi"].iter().chain(words));
        let paint = cli.paint();
        cli.say(paint.text(Meaning::Name, format_args!("$ {shown}")))?;
        let mut child = Command::new(&self.program);
        child.args(words).arg("--quiet").current_dir(&self.workspace);
        child.env("YOI_DATA_DIR", &self.data).env("YOI_RUNTIME_DIR", &self.runtime);
        let status = child.status().context("run", &self.program)?;
        if status.code() == Some(expected) {
            return Ok(());
        }
        Err(Failure::new(Exit::Environment, format!("the demo went wrong: {shown} ended with {status}")))
    }

    fn registry(&self) -> Result<Registry, Failure> {
        Ok(Registry::new(&self.data, &self.runtime, Workspace::find(&self.workspace)?))
    }

    fn wait_for_end(&self, pod: &str) -> Result<(), Failure> {
        let pod = PodName::new(pod).map_err(|error| Failure::of(Exit::Usage, &error))?;
        match self.registry()?.lock_ended_pod(&pod, Wait::For(PATIENCE))? {
            Some(_lock) => Ok(()),
            None => {
                Err(Failure::new(Exit::Environment, format!("the demo went wrong: Pod {pod} did not end by itself")))
            }
        }
    }

    /// Shows where everything lies, and the claim as it is on disk.
    fn files(&self, cli: &mut Cli) -> Result<(), Failure> {
        let registry = self.registry()?;
        tell(cli, &format!("Everything is a plain file below {}:", path_text(registry.dir())))?;
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
        cli.say(paint.text(Meaning::Name, format_args!("$ cat {}", path_text(&claim))))?;
        let text = std::fs::read_to_string(&claim).context("read", &claim)?;
        text.lines().try_for_each(|line| cli.say(visible(line)))
    }
}

fn tell(cli: &mut Cli, text: &str) -> Result<(), Failure> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    cli.say(format_args!("\n{text}"))
}
