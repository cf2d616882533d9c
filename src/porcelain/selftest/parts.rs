//! What a selftest needs other processes for.

use std::ffi::OsString;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use clap::ValueEnum;

use super::super::scratch::{self, Places};
use super::{PREFIX, full};
use crate::cli::{Cli, Exit, Failure, OrExit as _};
use crate::fs::IoContext as _;

/// What a process of a selftest is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// Cleans up when all others are gone.
    Sweep,
    /// Holds what it inherited until its standard input ends.
    Hold,
    /// Becomes another program when its standard input ends.
    Gate,
    /// Has orphans handed to it.
    Adopt,
    /// Becomes another program that cannot make any file longer.
    Limit,
    /// Fills a disk of its own.
    Fill,
}

/// Does a part.
pub(super) fn run(part: Part, words: Vec<OsString>, cli: &mut Cli) -> Result<Exit, Failure> {
    match part {
        Part::Sweep => sweep(),
        Part::Hold => await_end_of_input(),
        Part::Gate => {
            await_end_of_input()?;
            become_command(words)
        }
        Part::Adopt => {
            nix::sys::prctl::set_child_subreaper(true).or_exit(Exit::Environment)?;
            Ok(Exit::Done)
        }
        Part::Limit => {
            full::limit_files().or_exit(Exit::Environment)?;
            become_command(words)
        }
        Part::Fill => {
            let (exit, what) = full::fill(cli, words)?;
            cli.say(what)?;
            Ok(exit)
        }
    }
}

fn await_end_of_input() -> Result<Exit, Failure> {
    let mut nothing = Vec::new();
    std::io::stdin().lock().read_to_end(&mut nothing).context("read", "standard input".as_ref())?;
    Ok(Exit::Done)
}

fn become_command(words: Vec<OsString>) -> Result<Exit, Failure> {
    let mut words = words.into_iter();
    let program = words.next().ok_or_else(|| Failure::new(Exit::Usage, "there is no command to become"))?;
    let error = Command::new(&program).args(words).stdin(Stdio::null()).exec();
    Err(error).context("run", program.as_ref())?
}

/// The first directory has workspace and registry, the second the sockets.
fn sweep() -> Result<Exit, Failure> {
    let roots = scratch::await_end(PREFIX)?;
    if let [root, runtime] = &roots[..] {
        Places { runtime: runtime.clone(), ..Places::below(root) }.end_pods()?;
    }
    scratch::remove(&roots)?;
    Ok(Exit::Done)
}
