//! `yoi config`: what is in force, and where it comes from.

use std::path::{Path, PathBuf};

use crate::cli::args::OutputArgs;
use crate::cli::quote::visible;
use crate::cli::{Cli, Exit, Failure, Field, Meaning, Row, Value};
use crate::domain::{Slug, chain};
use crate::launch::Setup;
use crate::ticket::{MAX_WORKFLOW, ProfileError, ProfileRef, Setting, SettingValue, Source, load_workflow};

/// Show the configuration that is in force, and where each value comes from
///
/// Lists every key of .yoi/ticket.config.toml with what holds for it: from a line of that file, or built in. A role's
/// profile that leads to no agent and a workflow that has no text are told on standard error, and make the exit status 1;
/// a file that is not as it must be is refused with file, line and the nearest known name.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  See what holds, and who says so:
    $ yoi config
  Find out which agent codes, in a script:
    $ yoi config --format '{key} {value}' | sed -n 's/^roles.coder.profile //p'
")]
pub(super) struct Args {
    #[command(flatten)]
    output: OutputArgs,
}

/// A key with what holds for it.
struct SettingRow {
    setting: Setting,
    /// What is wrong with the value, although it is written as it must be.
    wrong: Option<String>,
    /// The file that a workflow's text is read from.
    text: Option<PathBuf>,
    root: PathBuf,
}

impl SettingRow {
    fn from(&self) -> Value {
        match (&self.setting.source, &self.setting.value) {
            (Source::At(place), _) => {
                let file = place.file.strip_prefix(&self.root).unwrap_or(&place.file);
                Value::Text(format!("{}:{}", file.display(), place.line))
            }
            (Source::Default { .. }, Some(_)) => Value::Word(Meaning::Quiet, "built in".to_owned()),
            (Source::Default { .. }, None) => Value::Word(Meaning::Quiet, "not set".to_owned()),
        }
    }
}

impl Row for SettingRow {
    const KIND: &'static str = "setting";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("key", |row| Value::Word(Meaning::Name, row.setting.key.clone())),
        Field::column("from", Self::from),
        Field::column("value", |row| match &row.setting.value {
            Some(SettingValue::One(value)) => visible(value).as_ref().into(),
            Some(SettingValue::Many(values)) => Value::List(values.clone()),
            None => Value::Absent,
        }),
        Field::full("file", |row| match &row.setting.source {
            Source::At(place) => place.file.clone().into(),
            Source::Default { .. } => Value::Absent,
        }),
        Field::full("line", |row| match &row.setting.source {
            Source::At(place) => (place.line as u64).into(),
            Source::Default { .. } => Value::Absent,
        }),
        Field::full("workflow_file", |row| row.text.clone().into()),
        Field::full("wrong", |row| row.wrong.clone().into()),
    ];
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let setup = cli.setup()?;
    let root = &setup.workspace().root;
    let rows: Vec<SettingRow> =
        setup.config().settings().into_iter().map(|setting| judged(setting, &setup, root)).collect();
    cli.printer(&args.output)?.list(&rows)?;
    let wrong = rows.iter().filter_map(|row| Some((row, row.wrong.as_ref()?)));
    let mut exit = Exit::Done;
    for (row, why) in wrong {
        let place = match &row.setting.source {
            Source::At(place) => place.to_string(),
            Source::Default { file } => file.display().to_string(),
        };
        cli.warn(&Failure::new(Exit::Refused, format!("{place}: {}: {why}", row.setting.key)));
        exit = Exit::Refused;
    }
    Ok(exit)
}

/// Follows a value to what it names.
fn judged(setting: Setting, setup: &Setup, root: &Path) -> SettingRow {
    let value = match &setting.value {
        Some(SettingValue::One(value)) => value.as_str(),
        _ => "",
    };
    let (mut wrong, mut text) = (None, None);
    if setting.key.ends_with(".profile") && setting.role.is_some() {
        // Whether it can be launched with is for a launch to say: one that is inherited has nothing to be looked up, and
        // a program may be installed later.
        let named = value.parse::<ProfileRef>().ok().map(|profile| setup.resolve(&profile));
        wrong = match named {
            Some(Err(error @ (ProfileError::NotFound { .. } | ProfileError::Invalid(_)))) => Some(chain(&error)),
            _ => None,
        };
    } else if setting.key.ends_with(".workflow") && setting.role.is_some() {
        match Slug::new(value).map(|slug| load_workflow(root, &slug)) {
            Ok(Ok(workflow)) => {
                wrong = workflow.cut_from.map(|length| {
                    format!("its text has {length} characters, of which an agent is told the first {MAX_WORKFLOW}")
                });
                text = workflow.file;
            }
            Ok(Err(error)) => wrong = Some(chain(&error)),
            Err(_) => {}
        }
    }
    SettingRow { setting, wrong, text, root: root.to_owned() }
}
