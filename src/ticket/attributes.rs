//! The comment line that begins an event: `<!-- event: KIND author: NAME at: MOMENT … -->`.
//!
//! Between `<!--` and `-->` stand pairs `key: value`. A key is a word of letters, digits, `_` and `-` with a colon right
//! behind it and white space (or a quote) after that. A value is quoted, or goes on to the next key: plain values may
//! have spaces. Within double quotes a backslash escapes, as in JSON; within single quotes `''` is a quote.

/// The attributes of an event, in the order of the line.
pub(super) type Attributes = Vec<(String, String)>;

/// Reads the line that begins an event; `None` where it is no such line.
///
/// It is one when it begins with `<!-- event:`, ends with `-->`, names a kind, and has an author or a moment.
pub(super) fn parse_opening(line: &str) -> Option<Attributes> {
    let inside = line.trim_end().strip_prefix("<!--")?.strip_suffix("-->")?;
    let attributes = parse(inside);
    let (first, kind) = attributes.first()?;
    let signed = attributes.iter().any(|(key, value)| matches!(key.as_str(), "author" | "at") && !value.is_empty());
    (first == "event" && !kind.is_empty() && signed).then_some(attributes)
}

/// Whether a line looks like the beginning of an event, whatever follows.
pub(super) fn looks_like_opening(line: &str) -> bool {
    line.strip_prefix("<!--").is_some_and(|rest| rest.trim_start().starts_with("event:"))
}

/// Writes the line that begins an event, without its line end.
pub(super) fn opening<'a>(attributes: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut line = "<!--".to_owned();
    for (key, value) in attributes {
        line.push_str(&format!(" {key}: {}", written(value)));
    }
    line.push_str(" -->");
    line
}

fn parse(mut rest: &str) -> Attributes {
    let mut attributes = Attributes::new();
    loop {
        rest = rest.trim_start();
        let Some((key, behind)) = split_key(rest) else { return attributes };
        let (value, behind) = split_value(behind.trim_start());
        attributes.push((key.to_owned(), value));
        rest = behind;
    }
}

/// Splits `key:` off the beginning of a text.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    let behind = text[end..].strip_prefix(':')?;
    let ends = behind.is_empty() || behind.starts_with(|c: char| c.is_whitespace() || c == '"' || c == '\'');
    (end > 0 && ends).then_some((&text[..end], behind))
}

fn split_value(text: &str) -> (String, &str) {
    let quoted = match text.chars().next() {
        Some('"') => split_double_quoted(text),
        Some('\'') => split_single_quoted(text),
        _ => None,
    };
    // A quote that does not close, or that a word goes on behind, is a character like others.
    let whole = |(_, rest): &(String, &str)| rest.is_empty() || rest.starts_with(char::is_whitespace);
    quoted.filter(whole).unwrap_or_else(|| split_plain(text))
}

/// A plain value: all words up to one that is a key.
fn split_plain(text: &str) -> (String, &str) {
    let mut words = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && split_key(rest).is_none() {
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    (words.join(" "), rest)
}

fn split_single_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.strip_prefix('\'')?;
    loop {
        let (part, behind) = rest.split_once('\'')?;
        value.push_str(part);
        match behind.strip_prefix('\'') {
            Some(behind) => rest = behind,
            None => return Some((value, behind)),
        }
        value.push('\'');
    }
}

fn split_double_quoted(text: &str) -> Option<(String, &str)> {
    let mut closed = None;
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => {
                closed = Some(at + 1);
                break;
            }
            _ => escaped = c == '\\' && !escaped,
        }
    }
    let (quoted, rest) = text.split_at(closed?);
    // What is no JSON string was not written by yoi; it stands for itself.
    let value = serde_json::from_str(quoted).unwrap_or_else(|_| quoted[1..quoted.len() - 1].to_owned());
    Some((value, rest))
}

/// A value as it is written: plain where it means itself, else as a JSON string without `<` and `>`, so that it cannot
/// end the comment.
fn written(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '/' | '@' | ':');
    if !value.is_empty() && value.chars().all(plain) && !value.ends_with(':') && !value.contains("--") {
        return value.to_owned();
    }
    serde_json::Value::from(value).to_string().replace('<', "\\u003c").replace('>', "\\u003e")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Vec<(String, String)> {
        parse_opening(line).unwrap()
    }

    fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Attributes {
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec()
    }

    #[test]
    fn attributes_of_all_ages_are_read() {
        let line = "<!-- event: state_changed author: \"yoi ticket\" at: 2026-06-07T02:00:58Z from: ready to: done field: workflow_state -->";
        let event = [("event", "state_changed"), ("author", "yoi ticket"), ("at", "2026-06-07T02:00:58Z")];
        let change = [("from", "ready"), ("to", "done"), ("field", "workflow_state")];
        assert_eq!(read(line), [pairs(event), pairs(change)].concat());
        assert_eq!(read("<!--event: x author: Ann O'Neil, at home at: 1 -->")[1].1, "Ann O'Neil, at home");
        assert_eq!(
            read("<!-- event: x author: 'it''s' at:'1' -->"),
            pairs([("event", "x"), ("author", "it's"), ("at", "1")])
        );
        assert_eq!(read("<!-- event: x author: \"open at: 1 -->")[1].1, "\"open");
        assert_eq!(read("<!-- event: x from: to: ready at: 1 -->")[1..3], pairs([("from", ""), ("to", "ready")]));
    }

    #[test]
    fn other_comments_are_no_events() {
        for line in [
            "<!-- event: x -->",
            "<!-- event: author: a -->",
            "<!-- note: x author: a -->",
            " <!-- event: x at: 1 -->",
            "<!-- event: x at: 1",
        ] {
            assert_eq!(parse_opening(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn attributes_survive(values in prop::collection::vec("(\\PC|[\n\t \"'\\\\:<>!-]){0,12}|at: x -->", 1..4)) {
            let given: Vec<(&str, &str)> =
                [("event", "x"), ("at", "1")].into_iter().chain(values.iter().map(|value| ("key", value.as_str()))).collect();
            let line = opening(given.iter().copied());
            prop_assert_eq!(line.lines().count(), 1);
            prop_assert_eq!(line.matches("-->").count(), 1);
            let read = parse_opening(&line).unwrap();
            prop_assert_eq!(read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(), given);
        }

        #[test]
        fn no_line_makes_the_reader_panic(line in "<!-- event:(\\PC|[\"'\\\\: ]){0,40}-->") {
            let _ = parse_opening(&line);
        }
    }
}
