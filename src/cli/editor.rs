//! A text that a person writes or changes with their editor.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use super::quote::command;
use super::{Cli, Exit, Failure, OrExit as _};
use crate::fs::IoContext as _;

/// The editor of those who chose none.
const EDITOR: &str = "vi";

/// A text in a file of its own, for as long as it is being written; a text that came to nothing can be kept.
pub struct Draft {
    file: tempfile::NamedTempFile,
}

impl Draft {
    /// The text as it stands in the file.
    ///
    /// # Errors
    /// When the file cannot be read, or is no text.
    pub fn text(&self) -> Result<String, Failure> {
        Ok(fs::read_to_string(self.file.path()).context("read", self.file.path())?)
    }

    /// Leaves the file where it is, so that what was written is not lost.
    ///
    /// # Errors
    /// When it cannot be left there.
    pub fn keep(self) -> Result<PathBuf, Failure> {
        let (_file, path) = self.file.keep().or_exit(Exit::Environment)?;
        Ok(path)
    }
}

impl Cli {
    /// Opens the editor (`$VISUAL`, `$EDITOR`) on a text, in Markdown, and waits until it has been left.
    ///
    /// # Errors
    /// When the file cannot be made, or the editor does not run or fails.
    pub fn edit(&mut self, text: &str) -> Result<Draft, Failure> {
        // What was said so far is what the text is about.
        super::written(self.out().flush())?;
        let file = tempfile::Builder::new().prefix("yoi-").suffix(".md").tempfile();
        let mut file =
            file.or_exit(Exit::Environment).map_err(|failure| failure.while_doing("cannot make a file to write in"))?;
        file.write_all(text.as_bytes()).context("write", file.path())?;
        let editor = self.environment().editor().unwrap_or(EDITOR.as_ref()).to_owned();
        // The variable holds words of a shell, such as `code --wait`; the shell gets the path as a word of its own.
        let mut line = editor.clone();
        line.push(" \"$@\"");
        let ended = Command::new("sh").arg("-c").arg(line).arg("sh").arg(file.path()).status();
        let doing = || format!("cannot write with the editor {}", command([&editor]));
        let status = ended.or_exit(Exit::Environment).map_err(|failure| failure.while_doing(doing()))?;
        if status.success() {
            Ok(Draft { file })
        } else {
            Err(Failure::new(Exit::Refused, doing()).because(format!("it ended with {status}; nothing was changed")))
        }
    }
}
