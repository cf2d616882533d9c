//! What is told when a command does not do what it was asked.

use std::error::Error;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::quote::visible;
use super::{Exit, Place, Program, SCHEMA};
use crate::domain::causes;
use crate::fs::PathError;

/// A command's end other than success: its exit status, and what a person or a script is told.
///
/// The first line is always one line, whatever the names and causes in it contain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    exit: Exit,
    /// What was being done, to which path or ticket; empty where nothing is to be said.
    message: String,
    causes: Vec<String>,
    /// The command that mends it.
    mend: Option<Box<str>>,
    detail: String,
    hints: Vec<String>,
}

impl Failure {
    /// Makes a failure of this program's own.
    ///
    /// `message` says what was being done, to which path or ticket, and why it failed.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { exit, message, causes: Vec::new(), mend: None, detail: String::new(), hints: Vec::new() }
    }

    /// Takes an error with all its causes.
    pub fn of(exit: Exit, error: &dyn Error) -> Self {
        let mut causes = causes(error);
        Self { causes: causes.split_off(1), ..Self::new(exit, causes.remove(0)) }
    }

    /// Ends the command with a status and no words: the status is the answer, or nobody reads any more.
    pub fn silent(exit: Exit) -> Self {
        Self::new(exit, "")
    }

    /// Says what was being done when this happened; what was the message becomes the first cause.
    #[must_use]
    pub fn while_doing(mut self, what: impl Into<String>) -> Self {
        self.causes.insert(0, std::mem::replace(&mut self.message, what.into()));
        self
    }

    /// Adds a cause behind those that are known.
    #[must_use]
    pub fn because(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Adds the command that mends it, as [`super::quote::command`] writes it; both programs show it.
    #[must_use]
    pub fn mended_by(mut self, command: impl Into<String>) -> Self {
        self.mend = Some(command.into().into_boxed_str());
        self
    }

    /// Makes the commands in it work in a place.
    #[must_use]
    pub(super) fn in_place(mut self, place: &Place) -> Self {
        for hint in &mut self.hints {
            *hint = place.put_into(hint).into_owned();
        }
        self.mend = self.mend.map(|mend| place.put_into(&mend).into());
        self
    }

    /// Adds the words of another program, such as the end of a log; shown as lines of their own.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Self {
        self.detail = text.into();
        self
    }

    /// Adds a command to type next, as [`super::quote::command`] writes it; only porcelain shows it.
    #[must_use]
    pub fn hint(mut self, command: impl Into<String>) -> Self {
        self.hints.push(command.into());
        self
    }

    /// The message with its causes, in one line.
    pub fn text(&self) -> String {
        let parts: Vec<String> = std::iter::once(self.message.clone()).chain(self.causes()).collect();
        parts.join(": ")
    }

    /// Why it happened, and what to run.
    fn causes(&self) -> impl Iterator<Item = String> {
        self.causes.iter().cloned().chain(self.mend.iter().map(|mend| format!("run: {mend}")))
    }

    /// The exit status.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// The text for standard error, ending in a newline; empty where there is nothing to say.
    pub fn render(&self, program: Program) -> String {
        if self.message.is_empty() {
            return String::new();
        }
        let mut text = format!("{}: {}", program.name(), visible(&self.message));
        for cause in self.causes() {
            // Writing to a String does not fail.
            let _ = write!(text, ": {}", visible(&cause));
        }
        for line in self.detail.lines() {
            let _ = write!(text, "\n  | {}", visible(line));
        }
        for hint in self.hints(program) {
            let _ = write!(text, "\nhint: {}", visible(hint));
        }
        text.push('\n');
        text
    }

    /// The same for a screen, line by line: what happened and why, the words of another program, what to do about it.
    pub fn in_lines(&self) -> Vec<String> {
        let detail = self.detail.lines().map(|line| format!("| {line}"));
        let hints = self.hints.iter().map(|hint| format!("hint: {hint}"));
        std::iter::once(self.text()).chain(detail).chain(hints).collect()
    }

    /// The same as a JSON document; `None` where there is nothing to say.
    pub fn to_json(&self, program: Program) -> Option<Value> {
        (!self.message.is_empty()).then(|| {
            json!({ "schema": SCHEMA, "kind": "error", "item": {
                "exit": self.exit.status(),
                "message": self.message,
                "causes": self.causes().collect::<Vec<_>>(),
                "detail": self.detail,
                "hints": self.hints(program),
            }})
        })
    }

    /// Plumbing gives no hints: its callers are scripts, and what they do next is theirs to decide.
    fn hints(&self, program: Program) -> &[String] {
        match program {
            Program::Porcelain => &self.hints,
            Program::Plumbing => &[],
        }
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        Self::of(Exit::Environment, &error)
    }
}

/// Gives a result's error an exit status.
pub trait OrExit<T> {
    /// Turns any error into a [`Failure`] of this status, with all its causes.
    ///
    /// # Errors
    /// The same as the result's own.
    fn or_exit(self, exit: Exit) -> Result<T, Failure>;
}

impl<T, E: Error> OrExit<T> for Result<T, E> {
    fn or_exit(self, exit: Exit) -> Result<T, Failure> {
        self.map_err(|error| Failure::of(exit, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::IoContext as _;
    use std::path::Path;

    fn not_found() -> Failure {
        let missing: Result<(), _> = Err(std::io::Error::from_raw_os_error(2));
        missing.context("open", Path::new("/a/b")).unwrap_err().into()
    }

    #[test]
    fn the_chain_of_causes_is_one_line() {
        let failure = not_found().while_doing("cannot show ticket T");
        assert_eq!(
            failure.render(Program::Plumbing),
            "yoi-claim: cannot show ticket T: cannot open '/a/b': No such file or directory (os error 2)\n"
        );
        assert_eq!(failure.exit(), Exit::Environment);
    }

    #[test]
    fn control_characters_stay_within_their_line() {
        let failure = Failure::new(Exit::Refused, "no ticket 'a\nhint: rm'").detail("one\x1b[2J\ntwo");
        assert_eq!(failure.render(Program::Porcelain), "yoi: no ticket 'a\\nhint: rm'\n  | one\\u{1b}[2J\n  | two\n");
    }

    #[test]
    fn only_porcelain_gives_hints() {
        let failure = Failure::new(Exit::Refused, "ticket T is held").hint("yoi attach P");
        assert_eq!(failure.render(Program::Porcelain), "yoi: ticket T is held\nhint: yoi attach P\n");
        assert_eq!(failure.render(Program::Plumbing), "yoi-claim: ticket T is held\n");
        let json = failure.to_json(Program::Plumbing).unwrap();
        assert_eq!(json["item"]["hints"], json!([]));
    }

    #[test]
    fn a_silent_failure_says_nothing() {
        assert_eq!(Failure::silent(Exit::Refused).render(Program::Porcelain), "");
        assert_eq!(Failure::silent(Exit::Refused).to_json(Program::Porcelain), None);
    }

    #[test]
    fn errors_are_told_as_json() {
        let json = not_found().to_json(Program::Porcelain).unwrap();
        assert_eq!(
            json,
            json!({ "schema": 1, "kind": "error", "item": {
                "exit": 128, "message": "cannot open '/a/b'",
                "causes": ["No such file or directory (os error 2)"], "detail": "", "hints": []
            }})
        );
    }
}
