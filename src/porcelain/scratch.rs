//! Directories that are gone when a command has ended, however it ended.
//!
//! A second process sees to that: it reads a pipe that the command and every program that it runs keep open for writing,
//! and sets to work at the end of that pipe, when all of them are gone. Pods close what they inherit; they are ended.

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use command_fds::{CommandFdExt as _, FdMapping};

use crate::cli::{Cli, Exit, Failure};
use crate::domain::path_text;
use crate::fs::{self, IoContext as _, Wait, wait_until_free};
use crate::launch::steps::{self, Ended};
use crate::registry::{Registry, Workspace};

/// How long a Pod may take to end, and a launch that lost its launcher to give up.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// The process that cleans up behind a command.
pub(super) struct Sweeper(Child);

/// The pipe that tells that process of the command's end: held by the command and by all that it runs.
#[derive(Debug)]
pub(super) struct Held(OwnedFd);

impl Held {
    /// Has a program keep the directories for as long as it runs.
    pub(super) fn by(&self, child: &mut Command) -> Result<(), Failure> {
        let pipe = self.0.try_clone().context("copy", "the pipe to the process that cleans up".as_ref())?;
        let mapping = FdMapping { child_fd: pipe.as_raw_fd(), parent_fd: pipe };
        child.fd_mappings(vec![mapping]).expect("one descriptor is mapped once");
        Ok(())
    }
}

impl Sweeper {
    /// Starts it, as `yoi` with these arguments; it sets to work once all copies of what is held are closed.
    pub(super) fn start(cli: &Cli, arguments: &[&str], roots: &[&Path]) -> Result<(Self, Held), Failure> {
        let program = cli.sibling("yoi")?;
        let mut child = Command::new(&program);
        child.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null());
        // Of a process group of its own: what ends the command from its terminal does not end this.
        let mut child = child.process_group(0).spawn().context("run", &program)?;
        let mut pipe = child.stdin.take().expect("its standard input was asked for");
        let names: Vec<&[u8]> = roots.iter().map(|root| root.as_os_str().as_bytes()).collect();
        pipe.write_all(&names.join(&0)).context("tell the directories to", &program)?;
        Ok((Self(child), Held(pipe.into())))
    }

    /// Waits until it has cleaned up; what was held is closed.
    pub(super) fn finish(mut self, held: Held) -> Result<(), Failure> {
        drop(held);
        let status = self.0.wait().context("wait for", "the process that cleans up".as_ref())?;
        match status.success() {
            true => Ok(()),
            false => Err(Failure::new(Exit::Environment, "not all could be cleaned up")),
        }
    }
}

/// Waits for the end of a command, and gives the directories that standard input tells, whose names must begin so.
pub(super) fn await_end(prefix: &str) -> Result<Vec<PathBuf>, Failure> {
    let mut told = Vec::new();
    std::io::stdin().lock().read_to_end(&mut told).context("read", "standard input".as_ref())?;
    let roots: Vec<PathBuf> =
        told.split(|byte| *byte == 0).map(|name| OsString::from_vec(name.to_vec()).into()).collect();
    for root in &roots {
        if !root.file_name().is_some_and(|name| name.as_bytes().starts_with(prefix.as_bytes())) {
            return Err(Failure::new(
                Exit::Usage,
                format!("'{}' is none of the directories to be removed", root.display()),
            ));
        }
    }
    Ok(roots)
}

/// Where a throw-away workspace and its registry lie.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The workspace's root.
    pub(super) workspace: PathBuf,
    /// `YOI_DATA_DIR`.
    pub(super) data: PathBuf,
    /// `YOI_RUNTIME_DIR`.
    pub(super) runtime: PathBuf,
}

impl Places {
    /// All below one directory.
    pub(super) fn below(root: &Path) -> Self {
        Self { workspace: root.join("workspace"), data: root.join("data"), runtime: root.join("run") }
    }

    /// The workspace's registry.
    pub(super) fn registry(&self) -> Result<Registry, Failure> {
        Ok(Registry::new(&self.data, &self.runtime, Workspace::find(&self.workspace)?))
    }

    /// Makes a file of the workspace, and the directories above it.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Failure> {
        let path = self.workspace.join(name);
        let dir = path.parent().unwrap_or(&self.workspace);
        std::fs::create_dir_all(dir).context("make the directory", dir)?;
        Ok(std::fs::write(&path, text).context("write", &path)?)
    }

    /// Ends all that runs there: launches that lost their launcher, and Pods.
    pub(super) fn end_pods(&self) -> Result<(), Failure> {
        // Where there is no workspace, the command ended before it launched anything.
        if !self.workspace.is_dir() {
            return Ok(());
        }
        let registry = self.registry()?;
        let locks = registry.dir().join("locks/tickets");
        for name in fs::entries(&locks)? {
            // A launch whose launcher was killed gives up, and holds the lock of its ticket until it has. One that does
            // not is told of when its Pod does not end.
            wait_until_free(&locks.join(name), Wait::For(PATIENCE))?;
        }
        for pod in registry.pods()?.into_iter().flatten() {
            if steps::shut_down(&registry, &pod.pod, true, PATIENCE)? == Ended::NotYet {
                let text = format!("Pod {} does not end; its files are left in {}", pod.pod, path_text(registry.dir()));
                return Err(Failure::new(Exit::Busy, text));
            }
        }
        Ok(())
    }
}

/// Removes directories; one that was never made is as good.
pub(super) fn remove(roots: &[PathBuf]) -> Result<(), Failure> {
    roots.iter().filter(|root| root.is_dir()).try_for_each(|root| Ok(fs::remove_tree(root)?))
}
