//! Arguments that many commands share, and how their values are read.
//!
//! Names of our own types (ticket ids, Pod names, fences, nonces) need no parser here: clap reads them through their
//! `FromStr`. What cannot be read is wrong usage, exit status 2; so is a name that is not UTF-8.

use std::path::PathBuf;
use std::time::Duration;

use clap::ColorChoice;
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::{End, Exit, Failure, Format, Program, Template};
use crate::domain::{ClaimStatus, Evidence, Expect, Origin, ParseExpectError, PodName, Role};
use crate::launch::Wanted;
use crate::ticket::{Remark, State};

/// The longest time that may be given, in seconds: about three years.
const MAX_SECONDS: f64 = 1e8;

/// Arguments of every command of both programs.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct GlobalArgs {
    /// Work as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, value_hint = clap::ValueHint::DirPath)]
    #[arg(help_heading = "Global options")]
    pub directory: Option<PathBuf>,
    /// Keep the registries of all workspaces below DIR, whatever YOI_DATA_DIR says
    #[arg(long, value_name = "DIR", global = true, value_hint = clap::ValueHint::DirPath)]
    #[arg(help_heading = "Global options")]
    pub data_dir: Option<PathBuf>,
}

/// Arguments of every porcelain command.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub struct PeopleArgs {
    /// Use colour: on a terminal, always, or never
    #[arg(long, value_name = "WHEN", global = true, default_value_t = ColorChoice::Auto)]
    #[arg(hide_possible_values = true, help_heading = "Global options")]
    pub color: ColorChoice,
    /// Show results and errors, but no progress
    #[arg(short, long, global = true, help_heading = "Global options")]
    pub quiet: bool,
}

/// Arguments of every command that shows records.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct OutputArgs {
    /// Write one JSON document
    #[arg(long, global = true, help_heading = "Output options")]
    pub json: bool,
    /// End records with NUL instead of a newline, and escape nothing
    #[arg(short = 'z', long = "null", global = true, help_heading = "Output options")]
    pub nul: bool,
    /// Write these fields, such as '{ticket}\t{status}'; --json shows their names
    #[arg(long, value_name = "TEMPLATE", global = true, help_heading = "Output options")]
    pub format: Option<Template>,
}

impl OutputArgs {
    /// The form that was asked for, else the program's own: a table in porcelain, lines in plumbing.
    ///
    /// # Errors
    /// When two forms were asked for that exclude each other.
    pub fn format(&self, program: Program) -> Result<Format, Failure> {
        let end = if self.nul { End::Nul } else { End::Newline };
        match (&self.format, self.json, self.nul, program) {
            (None, true, false, _) => Ok(Format::Json),
            (_, true, _, _) => {
                Err(Failure::new(Exit::Usage, "--json writes one document; it cannot be combined with -z or --format"))
            }
            (Some(template), false, _, _) => Ok(Format::Template(template.clone(), end)),
            (None, false, false, Program::Porcelain) => Ok(Format::Table),
            (None, false, _, _) => Ok(Format::Lines(end)),
        }
    }
}

/// Arguments of both commands that end a Pod.
#[derive(Debug, Clone, clap::Args)]
pub struct EndArgs {
    /// The Pod
    pub pod: PodName,
    /// Do not wait for the turn
    #[arg(long)]
    pub now: bool,
    /// How long to wait for its end
    #[arg(long, value_name = "SECONDS", value_parser = seconds, default_value = "60")]
    pub wait: Duration,
}

/// Makes the value parser of a type that has a fixed list of words, which help and completions then know.
macro_rules! words {
    ($(#[$doc:meta])* $parser:ident, $type:ty) => {
        $(#[$doc])*
        pub fn $parser() -> impl TypedValueParser<Value = $type> {
            PossibleValuesParser::new(<$type>::ALL.iter().map(|word| word.as_str())).try_map(|word| word.parse::<$type>())
        }
    };
}

words! {
    /// Reads a role.
    role, Role
}
words! {
    /// Reads what shows that a Pod accepted.
    evidence, Evidence
}
words! {
    /// Reads how a session came about.
    origin, Origin
}
words! {
    /// Reads how a Pod or a claim is waited for to be.
    wanted, Wanted
}
words! {
    /// Reads a derived status.
    claim_status, ClaimStatus
}
words! {
    /// Reads a state of a ticket.
    state, State
}
words! {
    /// Reads what kind of remark something is.
    remark, Remark
}

/// Reads the claim that is to be reclaimed: a fence, or 0 for one that cannot be read and of which nothing is known.
///
/// # Errors
/// When it is neither.
pub fn expect_or_nothing(text: &str) -> Result<Expect, ParseExpectError> {
    if text == "0" { Ok(Expect::NOTHING) } else { text.parse() }
}

/// Says why a text is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reason says something")]
pub struct ReasonError;

/// Reads the reason for what a person decides: any text that says something.
///
/// # Errors
/// When it is blank.
pub fn reason(text: &str) -> Result<String, ReasonError> {
    match text.trim() {
        "" => Err(ReasonError),
        said => Ok(said.to_owned()),
    }
}

/// Says why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number of seconds from 0 to 100000000, such as 5 or 0.5")]
pub struct SecondsError;

/// Reads a time in seconds, with a fraction where one is wanted.
///
/// # Errors
/// When it is no number, negative, or more than 100,000,000.
pub fn seconds(text: &str) -> Result<Duration, SecondsError> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.0..=MAX_SECONDS).contains(&seconds) => {
            Duration::try_from_secs_f64(seconds).map_err(|_| SecondsError)
        }
        _ => Err(SecondsError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Nonce, TicketId};
    use clap::Parser as _;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    #[derive(Debug, clap::Parser)]
    struct Sample {
        #[command(flatten)]
        output: OutputArgs,
        ticket: TicketId,
        #[arg(long)]
        pod: Option<PodName>,
        #[arg(long, value_parser = role())]
        role: Option<Role>,
        #[arg(long, value_parser = seconds)]
        wait: Option<Duration>,
        #[arg(long)]
        expect: Option<Expect>,
        #[arg(long)]
        nonce: Option<Nonce>,
    }

    fn parse<const N: usize>(words: [&str; N]) -> Result<Sample, clap::Error> {
        Sample::try_parse_from(["sample"].into_iter().chain(words))
    }

    fn format<const N: usize>(program: Program, words: [&str; N]) -> Result<Format, Failure> {
        parse(words).unwrap().output.format(program)
    }

    #[test]
    fn values_are_read_as_what_they_are() {
        let sample = parse(["T", "--pod", "P", "--role", "intake", "--wait", "0.5", "--expect", "3"]).unwrap();
        assert_eq!(sample.ticket.as_str(), "T");
        assert_eq!(sample.pod.unwrap().as_str(), "P");
        assert_eq!(sample.role, Some(Role::Intake));
        assert_eq!(sample.wait, Some(Duration::from_millis(500)));
        assert_eq!(sample.expect.unwrap().generation, 3);
        assert_eq!(sample.nonce, None);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_a_reason() {
        let long = "x".repeat(5000);
        for (words, reason) in [
            (["--wait", "-1"], "unexpected argument"),
            (["--wait", "NaN"], "not a number of seconds"),
            (["--wait", "1e99"], "not a number of seconds"),
            (["--role", "boss"], "possible values: intake"),
            (["--expect", "0"], "is not GENERATION"),
            (["--nonce", "12"], "32 hexadecimal digits"),
            (["--pod", ""], "Pod name is empty"),
            (["--pod", "a\nb"], "control character"),
            (["--pod", &long], "at most 512 are allowed"),
        ] {
            let error = parse(["T", words[0], words[1]]).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn a_name_that_is_no_utf8_is_wrong_usage() {
        let word = OsString::from_vec(vec![b'T', 0xff]);
        let error = Sample::try_parse_from(["sample".into(), word]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn each_program_has_a_form_of_its_own() {
        assert_eq!(format(Program::Porcelain, ["T"]), Ok(Format::Table));
        assert_eq!(format(Program::Plumbing, ["T"]), Ok(Format::Lines(End::Newline)));
        assert_eq!(format(Program::Porcelain, ["T", "-z"]), Ok(Format::Lines(End::Nul)));
        assert_eq!(format(Program::Porcelain, ["T", "--json"]), Ok(Format::Json));
        let template = Format::Template("{ticket}".parse().unwrap(), End::Nul);
        assert_eq!(format(Program::Plumbing, ["T", "-z", "--format", "{ticket}"]), Ok(template));
    }

    #[test]
    fn forms_that_exclude_each_other_are_wrong_usage() {
        assert_eq!(format(Program::Plumbing, ["T", "-z", "--json"]).unwrap_err().exit(), Exit::Usage);
        assert_eq!(format(Program::Plumbing, ["T", "--format", "x", "--json"]).unwrap_err().exit(), Exit::Usage);
    }
}
