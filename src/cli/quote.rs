//! Text of unknown origin made safe to show, and commands made safe to paste.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt as _;

/// Shows a text in one line: characters that move the cursor, hide or reorder text are written as escapes.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Control characters, and those that change the direction of what follows.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A command in one line that a shell reads back as exactly these words.
///
/// Words with control characters, or bytes that are no UTF-8, use the `$'…'` form, which bash, zsh and POSIX.1-2024
/// shells know.
pub fn command<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&quoted(word.as_ref()));
    }
    line
}

fn quoted(word: &OsStr) -> Cow<'_, str> {
    match word.to_str() {
        Some(text) if !text.chars().any(is_hidden) => {
            shlex::try_quote(text).expect("only a NUL cannot be quoted, and it is a control character")
        }
        _ => Cow::Owned(escaped(word.as_bytes())),
    }
}

fn escaped(word: &[u8]) -> String {
    let mut text = String::from("$'");
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\'' | '\\' => text.extend(['\\', c]),
                c if is_hidden(c) => push_bytes(&mut text, c.encode_utf8(&mut [0; 4]).as_bytes()),
                c => text.push(c),
            }
        }
        push_bytes(&mut text, chunk.invalid());
    }
    text.push('\'');
    text
}

/// Octal escapes always have three digits, so that a digit that follows is not taken for a part of them.
fn push_bytes(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(text, "\\{byte:03o}").expect("writing to a String does not fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::process::Command;

    #[test]
    fn escape_sequences_and_reordering_are_shown_not_obeyed() {
        assert_eq!(visible("plain – ticket"), "plain – ticket");
        assert_eq!(visible("a\x1b[31mb\nc\u{202e}d"), "a\\u{1b}[31mb\\nc\\u{202e}d");
    }

    #[test]
    fn simple_words_stay_bare() {
        assert_eq!(command(["yoi", "attach", "intake-00001KTJ1QJB8"]), "yoi attach intake-00001KTJ1QJB8");
    }

    #[test]
    fn a_shell_reads_the_same_words() {
        let words = ["it's", "", "a b", "$(x)", "-z", "line\nbreak\u{7}7", "back\\slash\n", "ü"];
        let mut words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
        words.push(OsString::from_vec(b"\xff1'\x01".to_vec()));
        let script = format!("printf '%s\\0' {}", command(&words));
        let output = Command::new("bash").args(["-c", &script]).output().unwrap();
        let read: Vec<OsString> =
            output.stdout.split(|b| *b == 0).map(|word| OsString::from_vec(word.to_vec())).collect();
        assert_eq!(read[..words.len()], words);
    }
}
