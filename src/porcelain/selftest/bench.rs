//! The programs of this installation, run in the selftest's own directories.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::super::scratch::{Held, Places};
use super::Ground;
use super::check::{Trouble, ensure};
use crate::cli::{Cli, Failure};
use crate::launch::{RestoreCheck, Surroundings};
use crate::pod::process::without_our_own;
use crate::pod::spawn::wait_for;
use crate::registry::{NetworkPolicy, Registry};

/// How long a program that is not killed may take: longer than any wait of its own.
pub(super) const LIMIT: Duration = Duration::from_secs(30);

/// What programs are run with.
pub(super) struct Bench<'a> {
    /// Where.
    pub(super) places: Places,
    /// The registry there.
    pub(super) registry: Registry,
    /// `yoi`.
    pub(super) yoi: PathBuf,
    /// `yoi-claim`.
    pub(super) yoi_claim: PathBuf,
    environment: Vec<(OsString, OsString)>,
    held: &'a Held,
}

/// A program that has ended.
#[derive(Debug)]
pub(super) struct Ran {
    /// Its status, with 128 and the number of the signal that ended it.
    pub(super) status: i32,
    /// What it said.
    pub(super) out: String,
    /// What it complained of.
    pub(super) err: String,
}

/// A program that runs, and where it writes.
pub(super) struct Running {
    child: Child,
    out: File,
    err: File,
}

impl<'a> Bench<'a> {
    pub(super) fn new(cli: &Cli, ground: &Ground, held: &'a Held) -> Result<Self, Failure> {
        let mut environment = without_our_own(cli.environment().variables().to_vec());
        if cli.environment().network_policy() == NetworkPolicy::Allow {
            environment.push(("YOI_ALLOW_NETWORK_FS".into(), "1".into()));
        }
        Ok(Self {
            places: ground.places.clone(),
            registry: ground.places.registry()?,
            yoi: cli.sibling("yoi")?,
            yoi_claim: cli.sibling("yoi-claim")?,
            environment,
            held,
        })
    }

    /// A program, held to the selftest's directories.
    pub(super) fn command(&self, program: &OsStr) -> Result<Command, Failure> {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment.iter().cloned());
        command.env("YOI_DATA_DIR", &self.places.data).env("YOI_RUNTIME_DIR", &self.places.runtime);
        command.current_dir(&self.places.workspace).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.held.by(&mut command)?;
        Ok(command)
    }

    /// `yoi`, with these words.
    pub(super) fn yoi(&self, words: &[&str]) -> Result<Command, Trouble> {
        let mut command = self.command(self.yoi.as_os_str()).map_err(Box::new)?;
        command.args(words);
        Ok(command)
    }

    /// `yoi-claim`, with these words.
    pub(super) fn yoi_claim(&self, words: &[&str]) -> Result<Command, Trouble> {
        let mut command = self.command(self.yoi_claim.as_os_str()).map_err(Box::new)?;
        command.args(words);
        Ok(command)
    }

    /// Another process of the selftest.
    pub(super) fn part(&self, part: &str) -> Result<Command, Trouble> {
        self.yoi(&["selftest", "--part", part])
    }

    /// Fails where the registry has something wrong with it that yoi does not mend by itself.
    pub(super) fn verify(&self) -> Result<(), Trouble> {
        let restorable = RestoreCheck::new(self.registry.workspace().clone(), Surroundings::default());
        let found = self.registry.verify(&restorable).all;
        match found.iter().find(|finding| !finding.is_repairable()) {
            None => Ok(()),
            Some(finding) => Err(Trouble::Broken(format!("'{}' {}", finding.path.display(), finding.what))),
        }
    }
}

/// Starts a program; what it writes goes to files without a name, so that it never waits for a reader.
pub(super) fn start(command: &mut Command) -> Result<Running, Trouble> {
    let (out, err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdout(out.try_clone()?).stderr(err.try_clone()?);
    Ok(Running { child: command.spawn()?, out, err })
}

/// Runs a program to its end.
pub(super) fn run(command: &mut Command) -> Result<Ran, Trouble> {
    start(command)?.finish()
}

/// Runs a program, which must end with this status.
pub(super) fn expect(command: &mut Command, status: i32) -> Result<Ran, Trouble> {
    let ran = run(command)?;
    ensure(
        ran.status == status,
        format!("{} ended with {} instead of {status}: {}", name(command), ran.status, ran.err),
    )?;
    Ok(ran)
}

fn name(command: &Command) -> String {
    let words = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ");
    format!("{} {words}", PathBuf::from(command.get_program()).file_name().unwrap_or_default().to_string_lossy())
}

impl Running {
    /// Waits until the program has ended, and kills it where it does not.
    pub(super) fn finish(mut self) -> Result<Ran, Trouble> {
        let ended = wait_for(&mut self.child, LIMIT)?;
        let Some(status) = ended else {
            self.kill()?;
            return Err(Trouble::Broken(format!("a program did not end within {} s", LIMIT.as_secs())));
        };
        let text = |mut file: File| -> std::io::Result<String> {
            let mut bytes = Vec::new();
            file.rewind()?;
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
        };
        let status = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(255);
        Ok(Ran { status, out: text(self.out)?, err: text(self.err)? })
    }

    /// Kills the program; tells whether it had ended by itself.
    pub(super) fn kill(mut self) -> Result<bool, Trouble> {
        let before = self.child.try_wait()?.is_some();
        self.child.kill()?;
        self.child.wait()?;
        Ok(before)
    }
}
