//! `yoi answer`: answers what an agent asks permission for.

use super::conversation::{Arguments, full, keys, meant, outline};
use crate::cli::args::OutputArgs;
use crate::cli::quote::{command, visible};
use crate::cli::{Cli, Exit, Failure, Field, Format, Meaning, Row, Value};
use crate::domain::{OptionKind, PodName};
use crate::launch::steps;
use crate::pod::protocol::{Choice, PermissionOption, PermissionRequest};
use crate::registry::Registry;

/// Answer a request for permission of a Pod's agent, or show what waits for an answer
///
/// The agent waits until somebody answers, or its turn ends. Without an answer, what it asks is shown: what it is about to
/// do, with which arguments, and the answers that it takes; on a terminal the answer is then asked for. Answers are chosen
/// by what they mean, or by the id that the agent gives them. Which requests are answered without anybody being asked is
/// set in the profile. For people: it is refused inside a Pod.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("choice"))]
#[command(after_long_help = "\
Examples:
  See what a Pod's agent asks, and answer it:
    $ yoi answer intake-20260118-101544-001
  Grant what is asked, this time:
    $ yoi answer intake-20260118-101544-001 --allow
  Refuse one of several requests, from now on:
    $ yoi answer intake-20260118-101544-001 3 --never
")]
pub(super) struct Args {
    /// The Pod
    #[arg(value_name = "POD")]
    asking_pod: PodName,
    /// The number of the request; needed where several wait
    request: Option<u64>,
    /// Grant it this time
    #[arg(long, group = "choice")]
    allow: bool,
    /// Grant it from now on
    #[arg(long, group = "choice")]
    always: bool,
    /// Refuse it this time
    #[arg(long, group = "choice")]
    reject: bool,
    /// Refuse it from now on
    #[arg(long, group = "choice")]
    never: bool,
    /// Choose the option of this id
    #[arg(long, group = "choice", value_name = "ID")]
    option: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// A request that waits.
struct RequestRow {
    pod: PodName,
    asked: PermissionRequest,
}

impl Row for RequestRow {
    const KIND: &'static str = "permission_request";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("pod", |row| (&row.pod).into()),
        Field::column("request", |row| row.asked.request.into()),
        Field::column("kind", |row| row.asked.about.kind.as_str().into()),
        Field::column("title", |row| row.asked.about.title.as_str().into()),
        Field::full("arguments", |row| Value::Json(row.asked.about.arguments.clone())),
        Field::full("options", |row| {
            Value::Json(row.asked.about.options.iter().map(|option| serde_json::json!(option)).collect())
        }),
    ];
}

/// An answer that was given.
struct AnswerRow {
    pod: PodName,
    request: u64,
    option: PermissionOption,
}

impl Row for AnswerRow {
    const KIND: &'static str = "permission_answer";
    const FIELDS: &'static [Field<Self>] = &[
        Field::column("pod", |row| (&row.pod).into()),
        Field::column("request", |row| row.request.into()),
        Field::column("kind", |row| row.option.kind.as_str().into()),
        Field::column("option", |row| row.option.id.as_str().into()),
        Field::column("name", |row| row.option.name.as_str().into()),
    ];
}

impl Args {
    fn choice(&self) -> Option<Choice> {
        let kinds = [
            (self.allow, OptionKind::AllowOnce),
            (self.always, OptionKind::AllowAlways),
            (self.reject, OptionKind::RejectOnce),
            (self.never, OptionKind::RejectAlways),
        ];
        let kind = kinds.into_iter().find(|(is_given, _)| *is_given).map(|(_, kind)| Choice::Kind(kind));
        kind.or_else(|| self.option.clone().map(Choice::Option))
    }
}

pub(super) fn run(args: Args, cli: &mut Cli) -> Result<Exit, Failure> {
    let pod = &args.asking_pod;
    cli.refuse_inside_pod(format_args!("answer what Pod {pod} asks"))?;
    let registry = cli.registry()?;
    let (_, snapshot) = cli.connect(&registry, pod)?;
    let waiting = meant_of(&args, snapshot.permissions)?;
    match (args.choice(), waiting.as_slice()) {
        (Some(choice), [asked]) => {
            let chosen = asked.about.chosen(&choice).cloned();
            let Some(option) = chosen else { return Err(no_such_option(pod, asked, &choice)) };
            answer(&args, &registry, asked, option, cli)
        }
        (Some(_), several) => {
            let numbers: Vec<String> = several.iter().map(|asked| asked.request.to_string()).collect();
            let text = format!("several requests of Pod {pod} wait for an answer: {}", numbers.join(", "));
            Err(Failure::new(Exit::Refused, text).hint(command(["yoi", "answer", pod.as_str()])))
        }
        (None, several) => look(&args, &registry, several, cli),
    }
}

/// The requests that are meant; at least one.
fn meant_of(args: &Args, waiting: Vec<PermissionRequest>) -> Result<Vec<PermissionRequest>, Failure> {
    let pod = &args.asking_pod;
    if waiting.is_empty() {
        let text = format!("nothing of Pod {pod} waits for an answer");
        return Err(Failure::new(Exit::Refused, text).hint(command(["yoi", "attach", pod.as_str()])));
    }
    let Some(number) = args.request else { return Ok(waiting) };
    let numbers: Vec<String> = waiting.iter().map(|asked| asked.request.to_string()).collect();
    let named: Vec<_> = waiting.into_iter().filter(|asked| asked.request == number).collect();
    if named.is_empty() {
        let text = format!("request {number} of Pod {pod} does not wait for an answer; {} does", numbers.join(", "));
        return Err(Failure::new(Exit::Refused, text).hint(command(["yoi", "answer", pod.as_str()])));
    }
    Ok(named)
}

fn no_such_option(pod: &PodName, asked: &PermissionRequest, choice: &Choice) -> Failure {
    let wanted = match choice {
        Choice::Kind(kind) => kind.to_string(),
        Choice::Option(id) => format!("{id:?}"),
    };
    let known: Vec<String> = asked
        .about
        .options
        .iter()
        .map(|option| format!("{} ({}, id {})", option.name, option.kind, option.id))
        .collect();
    let number = asked.request.to_string();
    let text = format!("request {number} of Pod {pod} takes no answer {wanted}; it takes {}", known.join(", "));
    Failure::new(Exit::Refused, text).hint(command(["yoi", "answer", pod.as_str(), &number, "--option", "ID"]))
}

/// Shows what waits, and asks for the answer where there is one request and somebody to ask.
fn look(args: &Args, registry: &Registry, waiting: &[PermissionRequest], cli: &mut Cli) -> Result<Exit, Failure> {
    let pod = &args.asking_pod;
    if args.output.format(cli.program())? != Format::Table {
        let row = |asked: &PermissionRequest| RequestRow { pod: pod.clone(), asked: asked.clone() };
        let rows: Vec<RequestRow> = waiting.iter().map(row).collect();
        cli.printer(&args.output)?.list(&rows)?;
        return Ok(Exit::Done);
    }
    for asked in waiting {
        let paint = cli.paint();
        full(asked, Arguments::Whole)
            .into_iter()
            .try_for_each(|(meaning, line)| cli.say(paint.text(meaning, visible(&line))))?;
    }
    let [asked] = waiting else {
        for asked in waiting {
            let line = command(["yoi", "answer", pod.as_str(), &asked.request.to_string()]);
            let paint = cli.paint();
            cli.say(format_args!("{}  {}", paint.text(Meaning::Name, line), visible(&outline(asked))))?;
        }
        return Ok(Exit::Done);
    };
    if !cli.is_interactive() {
        return Ok(Exit::Done);
    }
    loop {
        let question = format!("answer ({}; nothing leaves it open):", keys(&asked.about));
        let Some(said) = cli.ask(&question)?.filter(|said| !said.is_empty()) else { return Ok(Exit::Done) };
        match meant(&asked.about, &said) {
            Some(option) => return answer(args, registry, asked, option.clone(), cli),
            None => cli.say(format_args!("{:?} is none of its answers", said))?,
        }
    }
}

fn answer(
    args: &Args,
    registry: &Registry,
    asked: &PermissionRequest,
    option: PermissionOption,
    cli: &mut Cli,
) -> Result<Exit, Failure> {
    let pod = &args.asking_pod;
    let number = asked.request;
    steps::answer(&registry.socket_path(pod), asked, Choice::Option(option.id.clone()))
        .map_err(|error| Failure::from(error).while_doing(format!("cannot answer request {number} of Pod {pod}")))?;
    let row = AnswerRow { pod: pod.clone(), request: number, option };
    if args.output.format(cli.program())? != Format::Table {
        cli.printer(&args.output)?.one(&row)?;
        return Ok(Exit::Done);
    }
    let AnswerRow { option, .. } = &row;
    cli.say(format_args!("request {number} of Pod {pod}: {} ({})", visible(&option.name), option.kind))?;
    Ok(Exit::Done)
}
