//! A line as bash hands it over, and words as it takes them back.
//!
//! Bash splits words at more characters than blanks (`COMP_WORDBREAKS`: `:`, `=` …), keeps their quotes, and replaces only
//! what stands behind the last of those characters, or behind an open quote. So the line is read here, and a candidate is
//! cut and quoted for exactly the place that it goes to.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// The quote that is open at the cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

/// A command line up to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    /// Its words without quotes; the last is the one that is completed.
    pub(super) words: Vec<OsString>,
    quote: Quote,
    /// How many bytes of the last word stay as they are typed.
    kept: usize,
}

impl Typed {
    /// Reads a line; `breaks` are the characters at which bash breaks words. `None` where it has quotes of the `$'…'` form.
    pub(super) fn read(line: &OsStr, breaks: &OsStr) -> Option<Self> {
        let mut words: Vec<Vec<u8>> = Vec::new();
        let mut word: Option<Vec<u8>> = None;
        let (mut quote, mut kept) = (Quote::None, 0);
        let mut bytes = line.as_bytes().iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            let begun = word.is_some();
            let current = word.get_or_insert_default();
            match (quote, byte) {
                (Quote::Single, b'\'') | (Quote::Double, b'"') => (quote, kept) = (Quote::None, 0),
                (Quote::Single, byte) => current.push(byte),
                (Quote::Double, b'\\') => match bytes.peek() {
                    Some(b'$' | b'`' | b'"' | b'\\') => current.extend(bytes.next()),
                    _ => current.push(b'\\'),
                },
                (Quote::Double, byte) => current.push(byte),
                (Quote::None, b'\\') => current.extend(bytes.next()),
                (Quote::None, b'\'') => (quote, kept) = (Quote::Single, current.len()),
                (Quote::None, b'"') => (quote, kept) = (Quote::Double, current.len()),
                (Quote::None, b'$') if bytes.peek() == Some(&b'\'') => return None,
                (Quote::None, b' ' | b'\t' | b'\n' | b'<' | b'>') => {
                    words.extend(word.take().filter(|_| begun));
                    kept = 0;
                }
                // Another command begins.
                (Quote::None, b';' | b'|' | b'&' | b'(' | b')') => {
                    words.clear();
                    word = None;
                    kept = 0;
                }
                (Quote::None, byte) => {
                    current.push(byte);
                    if breaks.as_bytes().contains(&byte) {
                        kept = current.len();
                    }
                }
            }
        }
        words.push(word.unwrap_or_default());
        Some(Self { words: words.into_iter().map(OsString::from_vec).collect(), quote, kept })
    }

    /// What is to stand at the cursor for a candidate; `None` where that would change what stays.
    pub(super) fn replacement(&self, value: &OsStr) -> Option<Vec<u8>> {
        let kept = &self.words.last()?.as_bytes()[..self.kept];
        let rest = value.as_bytes().strip_prefix(kept)?;
        // Readline closes an open quote itself, but not where the text ends with that very character.
        let text = match (self.quote, rest.split_last()) {
            (Quote::Single, Some((b'\'', rest))) => [&*self.quoted(rest), b"'\\'"].concat(),
            (Quote::Double, Some((b'"', rest))) => [&*self.quoted(rest), b"\"\\\""].concat(),
            _ => self.quoted(rest),
        };
        Some(text)
    }

    /// Text as it stands at the cursor, where a quote may be open.
    fn quoted(&self, text: &[u8]) -> Vec<u8> {
        let mut quoted = Vec::with_capacity(text.len());
        for &byte in text {
            match (self.quote, byte) {
                (Quote::Single, b'\'') => quoted.extend_from_slice(b"'\\''"),
                (Quote::Single, byte) => quoted.push(byte),
                (Quote::Double, b'$' | b'`' | b'"' | b'\\') => quoted.extend([b'\\', byte]),
                (Quote::Double, byte) => quoted.push(byte),
                (Quote::None, byte) => {
                    let is_plain = byte.is_ascii_alphanumeric() || b"_-+=:,./@%".contains(&byte) || !byte.is_ascii();
                    if !is_plain {
                        quoted.push(b'\\');
                    }
                    quoted.push(byte);
                }
            }
        }
        quoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BREAKS: &str = " \t\n\"'><=;|&(:";

    fn read(line: &str) -> Typed {
        Typed::read(line.as_ref(), BREAKS.as_ref()).unwrap()
    }

    fn completed(line: &str, value: &str) -> Option<String> {
        read(line).replacement(value.as_ref()).map(|text| String::from_utf8(text).unwrap())
    }

    #[test]
    fn a_line_is_split_as_bash_would() {
        let line = r#"yoi  'it'\''s' "a $x \"b\"" c\ d e"f"#;
        assert_eq!(read(line).words, ["yoi", "it's", "a $x \"b\"", "c d", "ef"]);
        assert_eq!(read("yoi stop ").words, ["yoi", "stop", ""]);
        assert_eq!(read("cd x; yoi st").words, ["yoi", "st"]);
        assert_eq!(read("yoi '' ").words, ["yoi", "", ""]);
        assert_eq!(Typed::read("yoi $'a".as_ref(), BREAKS.as_ref()), None);
    }

    #[test]
    fn a_candidate_is_quoted_for_its_place() {
        assert_eq!(completed("yoi stop in", "in it's $x").unwrap(), r"in\ it\'s\ \$x");
        assert_eq!(completed("yoi stop 'in", "in it's").unwrap(), r"in it'\''s");
        assert_eq!(completed("yoi stop \"in", "in $x").unwrap(), r"in \$x");
        assert_eq!(completed("yoi stop 'in", "in'").unwrap(), r"in'\'");
        // What stands before an open quote, or before a word break, is not replaced.
        assert_eq!(completed("yoi stop in' ", "in it").unwrap(), " it");
        assert_eq!(completed("yoi x --profile builtin:c", "builtin:checklist").unwrap(), "checklist");
        assert_eq!(completed("yoi x --pod=a", "--pod=a b").unwrap(), r"a\ b");
        assert_eq!(completed("yoi x a:b", "c:d"), None);
    }

    proptest! {
        #[test]
        fn what_is_put_in_is_read_back(name in "[^\\pC\\n]{1,40}", cut in 0..40usize, open in "['\"]?") {
            let cut = name.char_indices().map(|(at, _)| at).nth(cut).unwrap_or(0);
            let begin = read(&format!("yoi {open}"));
            let typed = |part: &str| String::from_utf8(begin.quoted(part.as_bytes())).unwrap();
            // The beginning as it would be typed, then the candidate in its place.
            let line = format!("yoi {open}{}", typed(&name[..cut]));
            let now = read(&line);
            prop_assert_eq!(now.words.last().unwrap(), name.get(..cut).unwrap());
            let kept = now.kept;
            let text = String::from_utf8(now.replacement(name.as_ref()).unwrap()).unwrap();
            let closed = if !text.is_empty() && text.ends_with(&open) { "" } else { &open };
            let whole = format!("yoi {open}{}{text}{closed}", typed(&name[..kept]));
            prop_assert_eq!(read(&whole).words, ["yoi", &name]);
        }
    }
}
