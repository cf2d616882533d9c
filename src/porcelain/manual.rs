//! The manual pages that are written by hand: for `man`, and as plain text where there is no `man` or no terminal.
//!
//! They are mdoc(7), of which this reads as much as they use; a test finds a macro that it does not know.

use std::fmt::Write as _;

/// The pages, by name and section.
pub(super) const PAGES: &[(&str, &str, &str)] = &[
    ("yoi-recovery", "7", include_str!("../../man/yoi-recovery.7")),
    ("yoi-registry", "5", include_str!("../../man/yoi-registry.5")),
];

/// The widest line of text, in characters.
const WIDTH: usize = 80;
/// How far text stands to the right of its heading.
const INDENT: usize = 4;

/// Renders a page as plain text.
pub(super) fn text(page: &str) -> String {
    let mut out = Text::default();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let (name, rest) = match line.strip_prefix('.') {
            Some(line) => line.split_once(' ').unwrap_or((line, "")),
            None => {
                out.add(&unescaped(line));
                continue;
            }
        };
        match name {
            "Dd" | "Dt" | "Os" | "" => {}
            "Sh" => out.heading(0, &unescaped(rest)),
            "Ss" => out.heading(2, &unescaped(rest)),
            "Pp" => out.paragraph(),
            "Bd" => {
                out.paragraph();
                lines.by_ref().take_while(|line| *line != ".Ed").for_each(|line| out.literal(&unescaped(line)));
            }
            "Bl" => out.begin_list(if rest.starts_with("-tag") { List::Tag } else { List::Plain }),
            "It" => out.item(&inline(rest)),
            "El" => out.end_list(),
            "Nm" => out.name(&unescaped(rest)),
            "Nd" => out.add(&format!("- {}", unescaped(rest))),
            _ => out.add(&inline(&format!("{name} {rest}"))),
        }
    }
    out.flush();
    out.done
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum List {
    /// Its items have a name of their own, above what explains it.
    Tag,
    /// Its items are lines.
    Plain,
}

#[derive(Debug, Default)]
struct Text {
    done: String,
    paragraph: String,
    lists: Vec<List>,
    name: String,
}

impl Text {
    fn indent(&self) -> usize {
        INDENT + if self.lists.contains(&List::Tag) { INDENT } else { 0 }
    }

    fn add(&mut self, text: &str) {
        if !self.paragraph.is_empty() && !text.starts_with([',', '.', ':', ';', ')']) {
            self.paragraph.push(' ');
        }
        self.paragraph.push_str(text);
    }

    /// The name of the page or of a program; where none is given, the last one that was.
    fn name(&mut self, rest: &str) {
        let name = rest.split_whitespace().next().filter(|name| !is_punctuation(name)).unwrap_or(&self.name).to_owned();
        self.name.clone_from(&name);
        let punctuation = rest.split_whitespace().find(|word| is_punctuation(word)).unwrap_or_default();
        self.add(&format!("{name}{punctuation}"));
    }

    /// Writes what was gathered, filled.
    fn flush(&mut self) {
        let indent = self.indent();
        let mut column = 0;
        for word in std::mem::take(&mut self.paragraph).split_whitespace() {
            let length = word.chars().count();
            if column > 0 && column + 1 + length > WIDTH {
                self.done.push('\n');
                column = 0;
            }
            let gap = if column == 0 { indent } else { 1 };
            // Writing to a String does not fail.
            let _ = write!(self.done, "{:gap$}{word}", "");
            column += gap + length;
        }
        if column > 0 {
            self.done.push('\n');
        }
    }

    fn paragraph(&mut self) {
        self.flush();
        if !self.done.is_empty() && !self.done.ends_with("\n\n") {
            self.done.push('\n');
        }
    }

    fn heading(&mut self, indent: usize, text: &str) {
        self.paragraph();
        let _ = writeln!(self.done, "{:indent$}{text}", "");
    }

    fn literal(&mut self, line: &str) {
        let indent = if line.is_empty() { 0 } else { self.indent() + 2 };
        let _ = writeln!(self.done, "{:indent$}{line}", "");
    }

    fn begin_list(&mut self, list: List) {
        self.paragraph();
        self.lists.push(list);
    }

    fn item(&mut self, head: &str) {
        self.flush();
        match self.lists.last() {
            Some(List::Tag) => {
                let _ = writeln!(self.done, "{:INDENT$}{head}", "");
            }
            _ if head.is_empty() => self.paragraph.push('-'),
            _ => self.add(head),
        }
    }

    fn end_list(&mut self) {
        self.flush();
        self.lists.pop();
        self.paragraph();
    }
}

/// The text of a macro line: names of macros in it are called.
fn inline(line: &str) -> String {
    let mut text = String::new();
    let mut words = words(line).into_iter().peekable();
    let mut closing = "";
    while let Some(word) = words.next() {
        let part = match word.as_str() {
            "Xr" => {
                let (page, section) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                format!("{page}({section})")
            }
            "Ql" => {
                let mut quoted = Vec::new();
                while let Some(word) = words.next_if(|word| !is_punctuation(word)) {
                    quoted.push(word);
                }
                format!("'{}'", quoted.join(" "))
            }
            "Pq" => {
                closing = ")";
                text.push('(');
                continue;
            }
            "Ta" => "-".to_owned(),
            "Fl" => format!("-{}", words.next().unwrap_or_default()),
            "Pa" | "Va" | "Ev" | "Em" => continue,
            _ => word,
        };
        let is_attached = text.is_empty() || text.ends_with('(') || is_punctuation(&part);
        if !is_attached {
            text.push(' ');
        }
        text.push_str(&part);
    }
    text + closing
}

/// What stands behind a word without a blank.
fn is_punctuation(word: &str) -> bool {
    matches!(word, "," | "." | ":" | ";" | ")")
}

/// The words of a macro line; quotes keep blanks together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(unescaped(part));
        } else {
            words.extend(part.split_whitespace().map(unescaped));
        }
    }
    words
}

fn unescaped(text: &str) -> String {
    text.replace("\\(en", "–").replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_macro_of_the_pages_is_known() {
        let known = [
            "Fl", "Dd", "Dt", "Os", "Sh", "Ss", "Pp", "Bd", "Ed", "Bl", "It", "El", "Nm", "Nd", "Xr", "Ql", "Pq", "Pa",
            "Va", "Ev", "Em",
        ];
        for (page, _, text) in PAGES {
            for line in text.lines().filter_map(|line| line.strip_prefix('.')) {
                let name = line.split(' ').next().unwrap_or_default();
                assert!(known.contains(&name), "{page}: {line}");
            }
            for escape in text.split('\\').skip(1) {
                assert!(["(en", "&", "-", "e"].iter().any(|known| escape.starts_with(known)), "{page}: \\{escape:.5}");
            }
        }
    }

    #[test]
    fn no_macro_is_left_in_the_text() {
        for (name, _, page) in PAGES {
            let text = text(page);
            assert!(text.starts_with(&format!("NAME\n    {name} - ")), "{text}");
            for line in text.lines() {
                assert!(!line.starts_with('.') && !line.contains('\\') || line.starts_with("      "), "{line:?}");
                assert!(!["Xr ", "Pa ", "Ql ", " Ta "].iter().any(|mark| line.contains(mark)), "{line:?}");
                assert!(line.chars().count() <= WIDTH || line.starts_with("      "), "{line:?}");
            }
        }
    }

    #[test]
    fn mdoc_becomes_text() {
        let page = ".Dd x\n.Sh NAME\n.Nm yoi-x\n.Nd what it is\n.Sh TEXT\nSee\n.Xr yoi 1 ,\nthe file\n.Pa a/b .\n.Pp\n\
            A lock\n.Pq Xr flock 2\nof\n.Nm .\n.Bd -literal\n$ run \\e\n\\&...\n.Ed\n.Bl -tag -width x\n.It Va a , b\n\
            said \\(en so\n.El\n.Bl -bullet\n.It\none\n.El\n";
        insta::assert_snapshot!(text(page), @r"
        NAME
            yoi-x - what it is

        TEXT
            See yoi(1), the file a/b.

            A lock (flock(2)) of yoi-x.

              $ run \
              ...

            a, b
                said – so

            - one
        ");
    }
}
