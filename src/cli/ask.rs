//! Questions to the person at the terminal: asked on standard error, answered on standard input.

use std::io::{self, BufRead as _, Write as _};

use super::quote::visible;
use super::{Cli, Exit, Failure, OrExit as _};

impl Cli {
    /// Asks for a line of text; `None` where the input is at its end.
    ///
    /// Only for where [`Cli::is_interactive`] holds.
    ///
    /// # Errors
    /// When the terminal cannot be read or written.
    pub fn ask(&mut self, question: &str) -> Result<Option<String>, Failure> {
        // What was said so far is what the question is about.
        super::written(self.out().flush())?;
        let mut answer = String::new();
        let asked =
            write!(io::stderr(), "{} ", visible(question)).and_then(|()| io::stdin().lock().read_line(&mut answer));
        let length = asked.or_exit(Exit::Environment).map_err(|failure| failure.while_doing("cannot ask"))?;
        Ok((length > 0).then(|| answer.trim().to_owned()))
    }

    /// Asks a question whose answer is no unless yes is said.
    ///
    /// # Errors
    /// Those of [`Self::ask`].
    pub fn confirm(&mut self, question: &str) -> Result<bool, Failure> {
        let answer = self.ask(&format!("{question} [y/N]"))?.unwrap_or_default();
        Ok(["y", "yes"].contains(&answer.to_lowercase().as_str()))
    }
}
