//! Requests for permission, as people read them.

use serde_json::Value;

use super::reader::{flat, short};
use crate::cli::Meaning;
use crate::domain::OptionKind;
use crate::pod::protocol::{Choice, PermissionOption, PermissionRequest, PermissionSubject};

/// A line, and what it means.
type Line = (Meaning, String);

/// The key that stands for a kind of answer.
fn key(kind: OptionKind) -> char {
    match kind {
        OptionKind::AllowOnce => 'y',
        OptionKind::AllowAlways => 'a',
        OptionKind::RejectOnce => 'n',
        OptionKind::RejectAlways => 'v',
    }
}

/// What a request is about, in a line.
pub fn outline(asked: &PermissionRequest) -> String {
    format!("request {} ({}): {}", asked.request, asked.about.kind, short(&asked.about.title))
}

/// How much is shown of the arguments of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arguments {
    /// All of them.
    Whole,
    /// What fits on a screen.
    Screen,
}

/// The most lines of arguments on a screen, and the most characters of each.
const SCREEN: (usize, usize) = (40, 400);

/// All that there is to know before it is answered.
pub fn full(asked: &PermissionRequest, arguments: Arguments) -> Vec<Line> {
    let PermissionSubject { title, kind, options, .. } = &asked.about;
    let mut lines = vec![(Meaning::Attention, format!("? request {} ({kind}): {}", asked.request, flat(title)))];
    let readable = readable(&asked.about.arguments);
    let fits = |line: &String| line.chars().nth(SCREEN.1).is_none();
    let is_whole = arguments == Arguments::Whole || (readable.len() <= SCREEN.0 && readable.iter().all(fits));
    let most = if is_whole { (usize::MAX, usize::MAX) } else { SCREEN };
    let shown = readable.iter().take(most.0).map(|line| line.chars().take(most.1).collect::<String>());
    lines.extend(shown.map(|line| (Meaning::Busy, format!("    {line}"))));
    if !is_whole {
        lines.push((Meaning::Attention, "    … there is more: yoi answer shows all of it".to_owned()));
    }
    for (at, option) in options.iter().enumerate() {
        let key = if has_key(&asked.about, option) { key(option.kind) } else { ' ' };
        let text = format!("  {} {key}  {} ({}, id {})", at + 1, flat(&option.name), option.kind, flat(&option.id));
        lines.push((Meaning::Name, text));
    }
    lines
}

/// The keys that answer a request, with the first and the last number: `y, n or 1 to 3`.
pub fn keys(subject: &PermissionSubject) -> String {
    let with_key = subject.options.iter().filter(|option| has_key(subject, option));
    let mut keys: Vec<String> = with_key.map(|option| key(option.kind).to_string()).collect();
    keys.push(match subject.options.len() {
        1 => "1".to_owned(),
        several => format!("1 to {several}"),
    });
    keys.join(", ")
}

/// The option that is meant by a word: a key, what it stands for, or a number from 1.
pub fn meant<'a>(subject: &'a PermissionSubject, word: &str) -> Option<&'a PermissionOption> {
    match kind_of(word) {
        Some(kind) => subject.chosen(&Choice::Kind(kind)),
        None => subject.options.get(word.parse::<usize>().ok()?.checked_sub(1)?),
    }
}

/// Whether a word could be the answer to some request.
pub fn is_answer(word: &str) -> bool {
    kind_of(word).is_some() || word.parse::<usize>().is_ok()
}

fn kind_of(word: &str) -> Option<OptionKind> {
    let kind = match word.to_lowercase().as_str() {
        "y" | "yes" | "allow" => OptionKind::AllowOnce,
        "a" | "always" => OptionKind::AllowAlways,
        "n" | "no" | "reject" => OptionKind::RejectOnce,
        "v" | "never" => OptionKind::RejectAlways,
        _ => return None,
    };
    Some(kind)
}

/// Whether a key means this option: the first of its kind.
fn has_key(subject: &PermissionSubject, option: &PermissionOption) -> bool {
    subject.options.iter().find(|other| other.kind == option.kind) == Some(option)
}

/// Arguments in lines: a member a line, text as it is.
pub(super) fn readable(arguments: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => serde_json::to_string_pretty(value).unwrap_or_default(),
        other => other.to_string(),
    };
    match arguments {
        Value::Null => Vec::new(),
        Value::Object(members) => members.iter().flat_map(|(name, value)| under(name, &text(value))).collect(),
        other => text(other).lines().map(ToOwned::to_owned).collect(),
    }
}

/// A name with its text: beside it where that is one line, else below.
fn under(name: &str, text: &str) -> Vec<String> {
    match text.lines().collect::<Vec<_>>().as_slice() {
        [] => vec![format!("{name}:")],
        [line] => vec![format!("{name}: {line}")],
        lines => std::iter::once(format!("{name}:")).chain(lines.iter().map(|line| format!("  {line}"))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ToolKind;
    use serde_json::json;

    fn text(asked: &PermissionRequest, arguments: Arguments) -> String {
        full(asked, arguments).into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n")
    }

    fn asked() -> PermissionRequest {
        let option = |id: &str, name: &str, kind| PermissionOption { id: id.into(), name: name.into(), kind };
        PermissionRequest {
            request: 3,
            about: PermissionSubject {
                title: "Run a\nscript".into(),
                kind: ToolKind::Execute,
                arguments: json!({"command": "set -e\nrm -r build\n", "cwd": "/srv", "env": {"A": 1}, "dry": false}),
                options: vec![
                    option("ok", "Allow", OptionKind::AllowOnce),
                    option("ok-all", "Allow, with its children", OptionKind::AllowOnce),
                    option("no", "Reject", OptionKind::RejectOnce),
                ],
            },
        }
    }

    #[test]
    fn a_request_says_what_and_how_to_answer() {
        insta::assert_snapshot!(text(&asked(), Arguments::Screen), @r#"
        ? request 3 (execute): Run a script
            command:
              set -e
              rm -r build
            cwd: /srv
            env:
              {
                "A": 1
              }
            dry: false
          1 y  Allow (allow_once, id ok)
          2    Allow, with its children (allow_once, id ok-all)
          3 n  Reject (reject_once, id no)
        "#);
        assert_eq!(keys(&asked().about), "y, n, 1 to 3");
    }

    #[test]
    fn what_does_not_fit_on_a_screen_is_not_hidden_silently() {
        for long in ["☃".repeat(1000), "☃\n".repeat(50)] {
            let asked =
                PermissionRequest { about: PermissionSubject { arguments: json!(long), ..asked().about }, ..asked() };
            assert!(
                text(&asked, Arguments::Screen).contains("\n    … there is more: yoi answer shows all of it\n  1 y")
            );
            assert!(!text(&asked, Arguments::Whole).contains("there is more"));
            assert_eq!(text(&asked, Arguments::Whole).matches('☃').count(), long.matches('☃').count());
        }
    }
}
