//! `item.md`: YAML front matter and a Markdown body, edited without touching a byte more than is meant.
//!
//! The file begins with a line `---`, then a YAML mapping, then a line `---`; all after that is the body. Values are
//! read as the text that the YAML says, whatever type YAML would give it: `title: 007` is titled "007". Lists of
//! scalars are read, deeper structures are kept and not looked into.
//!
//! An edit replaces the bytes of one value and keeps its style of quoting where the new text can be said in it; a key
//! that is new gets a line of its own. The result is parsed again and compared before it counts: an edit that would
//! change anything else (an anchor that another value refers to, say) is refused.

use std::ops::Range;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::place::line_at;
use super::thread::as_read;

/// The largest front matter that is read, in bytes.
const MAX_FRONT_MATTER: usize = 64 * 1024;

/// Says what is wrong in an `item.md`, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct ItemError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub why: String,
}

/// What the front matter says of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// One text.
    Text(String),
    /// Nothing: no value, `~` or `null`.
    Null,
    /// A list of texts.
    List(Vec<String>),
    /// Something that yoi keeps and does not look into.
    Other,
}

/// An `item.md`, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    text: String,
    /// The YAML between the `---` lines.
    yaml: Range<usize>,
    body: usize,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    key: String,
    value: Value,
    quoting: Quoting,
    /// Where the key stands.
    key_at: Range<usize>,
    /// The bytes that another value takes the place of.
    value_at: Range<usize>,
}

/// How a value is written, as far as a new one can be written likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quoting {
    Plain,
    Single,
    Double,
    /// There is no value yet: a space goes before it.
    Absent,
    /// A block scalar, whose region ends with its line break.
    Block,
    /// A list, a mapping, or a value with an anchor or a tag: not edited.
    Fixed,
}

impl Item {
    /// Reads the text of an `item.md`.
    ///
    /// # Errors
    /// When there is no front matter, it is no YAML mapping of distinct plain keys, or it is over 64 KiB.
    pub fn parse(text: String) -> Result<Self, ItemError> {
        let (yaml, body) = split(&text)?;
        let entries = read_entries(&text, yaml.clone())?;
        Ok(Self { text, yaml, body, entries })
    }

    /// The whole file.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// All after the front matter, as it stands in the file.
    pub fn body(&self) -> &str {
        &self.text[self.body..]
    }

    /// The keys of the front matter, in their order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// What the front matter says of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text of a key; `None` where it is absent, null, or no single text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The line that a key stands in, from 1.
    pub fn line(&self, key: &str) -> Option<usize> {
        self.entry(key).map(|entry| line_at(&self.text, entry.key_at.start))
    }

    /// Gives a key a text: in the place of its old value, or in a line of its own behind the key `after`, or at the end.
    ///
    /// # Errors
    /// When the value is a list or a mapping, or the change would change more than that value.
    pub fn set(&mut self, key: &str, value: &str, after: &str) -> Result<(), ItemError> {
        let edited = match self.entry(key) {
            Some(entry) => self.replaced(entry, value)?,
            None => self.inserted(key, value, after),
        };
        let meant = |edited: &Self| edited.text(key) == Some(value) && self.differs_in(edited, key);
        *self = Self::parse(edited).ok().filter(meant).ok_or_else(|| self.not_editable(key))?;
        Ok(())
    }

    /// Takes the value of a key away: it says `null` then. A key that is not there stays so.
    ///
    /// # Errors
    /// Those of [`Self::set`].
    pub fn clear(&mut self, key: &str) -> Result<(), ItemError> {
        let Some(entry) = self.entry(key).filter(|entry| entry.value != Value::Null) else { return Ok(()) };
        let cleared = match entry.quoting {
            Quoting::Block => format!(" null{}", self.line_end()),
            Quoting::Fixed => return Err(self.not_editable(key)),
            _ => "null".to_owned(),
        };
        let mut text = self.text.clone();
        text.replace_range(entry.value_at.clone(), &cleared);
        *self = Self::parse(text)
            .ok()
            .filter(|item| item.get(key) == Some(&Value::Null) && self.differs_in(item, key))
            .ok_or_else(|| self.not_editable(key))?;
        Ok(())
    }

    /// Gives the item another body. Lines at its beginning and its end that stay keep their bytes, and so do the blank
    /// lines around it.
    ///
    /// # Errors
    /// When that would change the front matter.
    pub fn set_body(&mut self, body: &str) -> Result<(), ItemError> {
        let end = self.line_end();
        let old = self.body();
        let core = without_blank_lines(old);
        let before = core.as_ptr().addr() - old.as_ptr().addr();
        if core.is_empty() && as_read(body).is_empty() {
            return Ok(());
        }
        let mut text = self.text[..self.body].to_owned();
        if core.is_empty() {
            if !text.ends_with('\n') {
                text.push_str(end);
            }
            text.push_str(if old.is_empty() { end } else { old });
            text.push_str(&with_lines("", body, end));
            text.push_str(end);
        } else {
            text.push_str(&old[..before]);
            text.push_str(&with_lines(core, body, end));
            text.push_str(&old[before + core.len()..]);
        }
        let edited = Self::parse(text)?;
        let same = edited.entries.len() == self.entries.len()
            && edited.entries.iter().zip(&self.entries).all(|(a, b)| a.key == b.key && a.value == b.value);
        if !same {
            return Err(ItemError { line: 1, why: "the body cannot be edited in the form it has".to_owned() });
        }
        *self = edited;
        Ok(())
    }

    /// Whether another item says the same but for one key.
    fn differs_in(&self, other: &Self, key: &str) -> bool {
        fn others<'a>(item: &'a Item, key: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
            item.entries.iter().filter(move |entry| entry.key != key).map(|entry| (entry.key.as_str(), &entry.value))
        }
        others(self, key).eq(others(other, key)) && self.body() == other.body()
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn not_editable(&self, key: &str) -> ItemError {
        let why = format!("{key} cannot be edited in the form it has: edit it by hand");
        ItemError { line: self.line(key).unwrap_or(1), why }
    }

    fn replaced(&self, entry: &Entry, value: &str) -> Result<String, ItemError> {
        let written = match entry.quoting {
            Quoting::Plain | Quoting::Single | Quoting::Double => quote(value, entry.quoting),
            Quoting::Absent => format!(" {}", quote(value, Quoting::Plain)),
            Quoting::Block => format!(" {}{}", quote(value, Quoting::Plain), self.line_end()),
            Quoting::Fixed => return Err(self.not_editable(&entry.key)),
        };
        let mut text = self.text.clone();
        text.replace_range(entry.value_at.clone(), &written);
        Ok(text)
    }

    fn inserted(&self, key: &str, value: &str, after: &str) -> String {
        // New files quote singly, so a line that is added to an older one may as well.
        let line = format!("{key}: {}{}", quote(value, Quoting::Single), self.line_end());
        let end_of_line = |entry: &Entry| {
            let rest = &self.text[entry.value_at.end..self.yaml.end];
            rest.find('\n').map_or(self.yaml.end, |at| entry.value_at.end + at + 1)
        };
        let one_line = |entry: &&Entry| !matches!(entry.quoting, Quoting::Block | Quoting::Fixed);
        let at = self.entry(after).filter(one_line).map_or(self.yaml.end, end_of_line);
        let mut text = self.text.clone();
        text.insert_str(at, &line);
        text
    }

    /// The line end of the file, by its first line.
    fn line_end(&self) -> &'static str {
        line_end_of(&self.text)
    }
}

/// The line end that a text uses, by its first line; a text of one line gets a newline.
pub(super) fn line_end_of(text: &str) -> &'static str {
    match text.split_once('\n') {
        Some((first, _)) if first.ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// A text without the empty lines at its ends.
fn without_blank_lines(mut text: &str) -> &str {
    while let Some(rest) = text.strip_prefix('\n').or_else(|| text.strip_prefix("\r\n")) {
        text = rest;
    }
    while let Some(rest) = text.strip_suffix("\r\n").or_else(|| text.strip_suffix('\n')) {
        text = rest;
    }
    text
}

/// A text of other lines, where lines at its beginning and its end that stay keep their bytes.
fn with_lines(old: &str, new: &str, end: &str) -> String {
    let bare = |line: &&str| line.trim_end_matches(['\r', '\n']).to_owned();
    let old_lines: Vec<&str> = old.split_inclusive('\n').collect();
    let new = as_read(new);
    let new_lines: Vec<&str> = if new.is_empty() { Vec::new() } else { new.split('\n').collect() };
    let same = |(old, new): &(&&str, &&str)| bare(old) == **new;
    let first = old_lines.iter().zip(&new_lines).take_while(same).count();
    let most = old_lines.len().min(new_lines.len()) - first;
    let last = old_lines.iter().rev().zip(new_lines.iter().rev()).take(most).take_while(same).count();
    let mut lines: Vec<String> = old_lines[..first].iter().map(|line| (*line).to_owned()).collect();
    lines.extend(new_lines[first..new_lines.len() - last].iter().map(|line| format!("{line}{end}")));
    lines.extend(old_lines[old_lines.len() - last..].iter().map(|line| (*line).to_owned()));
    let count = lines.len();
    for (number, line) in lines.iter_mut().enumerate() {
        // The last line of a text has no end of its own, all others have.
        if number + 1 == count {
            line.truncate(bare(&line.as_str()).len());
        } else if !line.ends_with('\n') {
            line.push_str(end);
        }
    }
    lines.concat()
}

/// Finds the front matter; gives where its YAML lies and where the body begins.
fn split(text: &str) -> Result<(Range<usize>, usize), ItemError> {
    // Some editors put a byte order mark at the beginning.
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut at = start;
    let mut yaml_start = None;
    for line in text[start..].split_inclusive('\n') {
        let is_mark = line.trim_end() == "---";
        let end = at + line.len();
        match yaml_start {
            None if is_mark => yaml_start = Some(end),
            None => break,
            Some(yaml_start) if is_mark => return Ok((yaml_start..at, end)),
            Some(yaml_start) if end - yaml_start > MAX_FRONT_MATTER => {
                let why = format!("the front matter does not end within {MAX_FRONT_MATTER} bytes");
                return Err(ItemError { line: 1, why });
            }
            Some(_) => {}
        }
        at = end;
    }
    let why = match yaml_start {
        None => "there is no front matter: the first line must be '---'",
        Some(_) => "the front matter has no end: a line '---' is missing",
    };
    Err(ItemError { line: 1, why: why.to_owned() })
}

fn read_entries(text: &str, yaml: Range<usize>) -> Result<Vec<Entry>, ItemError> {
    Reader::new(text, yaml).entries()
}

/// Walks the events of the YAML parser. They come one by one: nesting, however deep, costs no stack.
struct Reader<'a> {
    text: &'a str,
    yaml: Range<usize>,
    /// Byte offsets of the characters of the YAML, where they are not their numbers.
    offsets: Option<Vec<usize>>,
    events: Parser<'a, saphyr_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, yaml: Range<usize>) -> Self {
        let source = &text[yaml.clone()];
        let offsets = (!source.is_ascii()).then(|| source.char_indices().map(|(at, _)| at).collect());
        Self { text, yaml, offsets, events: Parser::new_from_str(source) }
    }

    /// The byte offset in the text of a character of the YAML.
    fn offset(&self, character: usize) -> usize {
        let length = self.yaml.len();
        let within = match &self.offsets {
            Some(offsets) => offsets.get(character).copied().unwrap_or(length),
            None => character.min(length),
        };
        self.yaml.start + within
    }

    fn range(&self, span: Span) -> Range<usize> {
        self.offset(span.start.index())..self.offset(span.end.index())
    }

    fn error(&self, at: usize, why: impl Into<String>) -> ItemError {
        ItemError { line: line_at(self.text, at), why: why.into() }
    }

    fn next(&mut self) -> Result<(Event<'a>, Range<usize>), ItemError> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((event, self.range(span))),
            Some(Err(error)) => {
                let at = self.offset(error.marker().index());
                Err(self.error(at, format!("the front matter is no YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, self.yaml.end..self.yaml.end)),
        }
    }

    fn entries(mut self) -> Result<Vec<Entry>, ItemError> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_), _) => {}
                (Event::MappingStart(..), _) => break,
                (Event::StreamEnd, _) => return Ok(Vec::new()),
                (_, at) => return Err(self.error(at.start, "the front matter is no mapping of keys to values")),
            }
        }
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (key, key_at) = match self.next()? {
                (Event::Scalar(key, ..), at) => (key.into_owned(), at),
                (Event::MappingEnd, _) => break,
                (_, at) => return Err(self.error(at.start, "a key of the front matter is no plain text")),
            };
            if entries.iter().any(|entry| entry.key == key) {
                return Err(self.error(key_at.start, format!("the key {key} stands here a second time")));
            }
            let entry = self.entry(key, key_at)?;
            entries.push(entry);
        }
        match (self.next()?, self.next()?) {
            ((Event::DocumentEnd, _), (Event::StreamEnd, _)) => Ok(entries),
            (_, (_, at)) => Err(self.error(at.start, "the front matter is more than one YAML document")),
        }
    }

    fn entry(&mut self, key: String, key_at: Range<usize>) -> Result<Entry, ItemError> {
        let (event, at) = self.next()?;
        // An absent or block value has its region begin right behind the colon of its key.
        let behind_colon =
            || self.text[key_at.end..self.yaml.end].find(':').map_or(key_at.end, |at| key_at.end + at + 1);
        let (value, quoting, value_at) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let (quoting, value_at) = match style {
                    _ if anchor > 0 || tag.is_some() => (Quoting::Fixed, at),
                    ScalarStyle::SingleQuoted => (Quoting::Single, self.quoted_at(at, '\'')),
                    ScalarStyle::DoubleQuoted => (Quoting::Double, self.quoted_at(at, '"')),
                    ScalarStyle::Literal | ScalarStyle::Folded => (Quoting::Block, behind_colon()..at.end),
                    ScalarStyle::Plain if at.is_empty() => (Quoting::Absent, behind_colon()..behind_colon()),
                    ScalarStyle::Plain => (Quoting::Plain, at),
                };
                let null = style == ScalarStyle::Plain && ["", "~", "null", "Null", "NULL"].contains(&&*text);
                (if null { Value::Null } else { Value::Text(text.into_owned()) }, quoting, value_at)
            }
            Event::SequenceStart(..) => {
                let value = self.list()?;
                (value, Quoting::Fixed, at)
            }
            Event::MappingStart(..) => {
                self.skip_rest(1)?;
                (Value::Other, Quoting::Fixed, at)
            }
            _ => (Value::Other, Quoting::Fixed, at),
        };
        Ok(Entry { key, value, quoting, key_at, value_at })
    }

    /// Where a quoted value ends: the parser's span takes in the spaces and the comment behind it.
    fn quoted_at(&self, at: Range<usize>, mark: char) -> Range<usize> {
        let mut characters = self.text[at.clone()].char_indices().skip(1).peekable();
        while let Some((offset, c)) = characters.next() {
            let doubled = mark == '\'' && characters.peek().is_some_and(|(_, next)| *next == mark);
            if c == '\\' && mark == '"' || c == mark && doubled {
                characters.next();
            } else if c == mark {
                return at.start..at.start + offset + mark.len_utf8();
            }
        }
        at
    }

    /// Reads the rest of a list.
    fn list(&mut self) -> Result<Value, ItemError> {
        let mut texts = Vec::new();
        loop {
            match self.next()? {
                (Event::Scalar(text, ..), _) => texts.push(text.into_owned()),
                (Event::SequenceEnd, _) => return Ok(Value::List(texts)),
                (Event::SequenceStart(..) | Event::MappingStart(..), _) => {
                    self.skip_rest(2)?;
                    return Ok(Value::Other);
                }
                _ => {
                    self.skip_rest(1)?;
                    return Ok(Value::Other);
                }
            }
        }
    }

    /// Reads on until this many lists and mappings have ended.
    fn skip_rest(&mut self, mut depth: usize) -> Result<(), ItemError> {
        while depth > 0 {
            match self.next()?.0 {
                Event::SequenceStart(..) | Event::MappingStart(..) => depth += 1,
                Event::SequenceEnd | Event::MappingEnd => depth -= 1,
                _ => {}
            }
        }
        Ok(())
    }
}

/// Writes a text as a YAML value, in the wanted style where that can say it.
fn quote(value: &str, wanted: Quoting) -> String {
    let printable = !value.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}'));
    match wanted {
        Quoting::Plain if is_plain(value) => value.to_owned(),
        Quoting::Double => quote_doubly(value),
        _ if printable => format!("'{}'", value.replace('\'', "''")),
        _ => quote_doubly(value),
    }
}

/// Writes a text as a new single-quoted value; doubly quoted where it has control characters.
pub(super) fn quote_singly(value: &str) -> String {
    quote(value, Quoting::Single)
}

/// Whether a text means itself without quotes everywhere in YAML; many more would, these are sure.
fn is_plain(value: &str) -> bool {
    let reserved = ["true", "false", "null", "yes", "no", "on", "off"];
    let starts = value.starts_with(|c: char| c.is_alphanumeric());
    let ends = value.ends_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | ')'));
    let inside = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '_' | '-' | '/' | '+' | '(' | ')');
    // A date-time has colons, but none that a space follows.
    let colons = value.match_indices(':').all(|(at, _)| value[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    starts
        && ends
        && colons
        && value.chars().all(|c| inside(c) || c == ':')
        && !reserved.contains(&&*value.to_lowercase())
}

fn quote_doubly(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[path = "item_tests.rs"]
mod tests;
