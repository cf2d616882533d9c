//! Commands as documentation shows them, run in a shell, with what they print compared where the documentation shows it.

use std::fmt::Write as _;

use super::{Outcome, TestEnv};

/// How long the commands of one page may take.
const DEADLINE: &str = "60";
/// Stands between what one command printed and what the next did.
const MARK: char = '\u{1e}';
/// In what is expected: any text within a line, any lines where it stands alone.
const ANYTHING: &str = "…";

/// A command, and what the documentation says of its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// As it is typed; several lines where it has a document of its own (`<<'END'`) or goes on.
    pub command: String,
    /// What it prints on either stream; `None` where the documentation does not show it.
    pub printed: Option<Vec<String>>,
    /// Its exit status, which the documentation shows as `[status 1]` where it is not 0.
    pub status: i32,
}

impl Step {
    fn new(command: &str) -> Self {
        Self { command: command.to_owned(), printed: None, status: 0 }
    }
}

/// Reads examples of a help text: a command begins with `    $ `, and goes on in the lines that are indented more than that.
pub fn examples(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("    $ ") {
            steps.push(Step::new(command));
        } else if let (Some(more), Some(step)) = (line.strip_prefix("      "), steps.last_mut()) {
            write!(step.command, "\n{more}").unwrap();
        }
    }
    steps
}

/// Reads a session: a command begins with `$ `, and the lines below it are what it prints.
pub fn session(text: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(command) = line.strip_prefix("$ ") {
            let mut step = Step::new(command);
            if command.ends_with("<<'END'") {
                for line in lines.by_ref() {
                    write!(step.command, "\n{line}").unwrap();
                    if line == "END" {
                        break;
                    }
                }
            }
            steps.push(step);
            continue;
        }
        let Some(step) = steps.last_mut() else { continue };
        match line.strip_prefix("[status ").and_then(|rest| rest.strip_suffix(']')) {
            Some(status) => step.status = status.parse().unwrap(),
            None => step.printed.get_or_insert_default().push(line.trim_end().to_owned()),
        }
    }
    steps
}

/// Runs the commands in one shell, after what prepares them, and says which did not do what is said of them.
pub fn differences(env: &TestEnv, prepare: &str, steps: &[Step]) -> Vec<String> {
    let mut script = format!("set -e\n{{\n{prepare}\n}} >&2\nset +e\n");
    for step in steps {
        write!(script, "{{ {}\n}} 2>&1 </dev/null\nprintf '{MARK}%s{MARK}' \"$?\"\n", step.command).unwrap();
    }
    let mut shell = env.command("timeout");
    let outcome = Outcome::of(shell.args([DEADLINE, "sh", "-c", &script]).env("TMPDIR", env.root()));
    let mut differences = Vec::new();
    let mut said = outcome.stdout.split(MARK);
    for step in steps {
        let (Some(printed), Some(status)) = (said.next(), said.next()) else {
            differences.push(format!(
                "$ {}\nwas not run; the shell ended with {}:\n{}{}",
                step.command, outcome.status, outcome.stdout, outcome.stderr
            ));
            break;
        };
        let lines: Vec<String> = printed.lines().map(comparable).collect();
        let expected = step.printed.as_ref();
        let expected: Option<Vec<String>> = expected.map(|lines| lines.iter().map(|line| comparable(line)).collect());
        if status != step.status.to_string() || expected.as_ref().is_some_and(|expected| !matches(expected, &lines)) {
            let wanted = expected.map(|lines| lines.join("\n")).unwrap_or_default();
            differences.push(format!(
                "$ {}\nended with {status}, and printed:\n{printed}\nexpected {} and:\n{wanted}",
                step.command, step.status
            ));
        }
    }
    differences
}

/// A line without what differs from run to run: ids of new tickets, ages, the widths of a table's columns.
fn comparable(line: &str) -> String {
    let is_age = |word: &str| word.strip_suffix('s').is_some_and(|count| count.parse::<u8>().is_ok());
    let words = line.split_whitespace().filter(|word| *word != "ago");
    let words: Vec<String> =
        words.map(|word| if is_age(word) { "now".to_owned() } else { without_ids(word) }).collect();
    words.join(" ")
}

fn without_ids(word: &str) -> String {
    let is_id = |part: &str| part.len() == 13 && part.starts_with("0000");
    let parts = word.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    let shown = parts.map(|part| {
        let run = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        if is_id(run) { part.replace(run, "ID") } else { part.to_owned() }
    });
    shown.collect()
}

/// Whether lines are what is expected.
fn matches(expected: &[String], lines: &[String]) -> bool {
    match (expected, lines) {
        ([anything, rest @ ..], _) if anything == ANYTHING => {
            (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]))
        }
        ([wanted, rest @ ..], [line, lines @ ..]) => line_matches(wanted, line) && matches(rest, lines),
        (rest, lines) => rest.is_empty() && lines.is_empty(),
    }
}

fn line_matches(wanted: &str, line: &str) -> bool {
    let Some((begin, rest)) = wanted.split_once(ANYTHING) else { return wanted == line };
    let Some(line) = line.strip_prefix(begin) else { return false };
    let starts = line.char_indices().map(|(at, _)| at).chain([line.len()]);
    starts.into_iter().any(|at| line_matches(rest, &line[at..]))
}

/// Ends every Pod of a workspace, and waits until nothing of the test runs.
pub fn end_pods(env: &TestEnv) {
    super::run(
        &mut env.shell("yoi-claim pod-list -z --format '{pod}' | xargs -0 -r -n 1 yoi-claim pod-shutdown --now"),
        0,
    );
    env.wait_for_processes();
}
