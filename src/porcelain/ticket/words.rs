//! What a person says to a ticket: given on the command line, in a file, on standard input, or written with an editor.

use std::path::PathBuf;

use crate::cli::{Cli, Exit, Failure};

/// Arguments of commands that say something.
#[derive(Debug, clap::Args)]
pub(super) struct WordsArgs {
    /// What to say, in Markdown; several become paragraphs
    #[arg(short, long, value_name = "TEXT")]
    message: Vec<String>,
    /// Read what to say from FILE; - is standard input
    #[arg(short = 'F', long, value_name = "FILE", conflicts_with = "message", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl WordsArgs {
    /// Takes all of standard input.
    pub(super) fn of_stdin() -> Self {
        Self { message: Vec::new(), file: Some("-".into()) }
    }

    /// What was given; `None` where nothing was.
    pub(super) fn given(&self, cli: &Cli) -> Result<Option<String>, Failure> {
        match &self.file {
            Some(file) => {
                let text = String::from_utf8(cli.read_file_or_stdin(file)?);
                let no_text =
                    |_| Failure::new(Exit::Usage, format!("cannot use '{}': it is not UTF-8", file.display()));
                Ok(Some(text.map_err(no_text)?))
            }
            None if self.message.is_empty() => Ok(None),
            None => Ok(Some(self.message.join("\n\n"))),
        }
    }

    /// What was given, else what is written with the editor, or comes on standard input where nobody is there to write.
    pub(super) fn asked_for(&self, cli: &mut Cli) -> Result<String, Failure> {
        match self.given(cli)? {
            Some(text) => Ok(text),
            None if cli.is_interactive() => cli.edit("")?.text(),
            None => Ok(Self::of_stdin().given(cli)?.unwrap_or_default()),
        }
    }
}
