//! What an implementable ticket must say, and whether it says it.
//!
//! A section is an ATX heading (`#` to `######`) of any level and all that follows, up to the next heading of the same
//! or a higher level. Headings inside of fenced code are text. Names are compared without regard to case, emphasis, a
//! trailing colon or closing `#`s. A section says nothing when it holds only blank lines, HTML comments, sub-headings
//! and placeholders such as "TBD".
//!
//! The section [`OPEN_QUESTIONS`] is the other way round: it is met when it is absent, empty, says "none", or when each
//! of its list items (without a list: its paragraphs) is answered. An item is answered when its box is ticked (`[x]`),
//! when it is struck out (`~~…~~`), or when it holds `Answer:`, `Answered:`, `Decision:` or `Resolved:` and a text.

/// The sections of a workspace that does not list its own.
pub const DEFAULT_SECTIONS: &[&str] = &["Background", "Goal", "Requirements", "Acceptance criteria", OPEN_QUESTIONS];

/// The section that must hold nothing that is still open.
pub const OPEN_QUESTIONS: &str = "Open questions";

/// What a ticket says in one section of its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionCheck {
    /// The section, as the list names it.
    pub section: String,
    /// What was found.
    pub outcome: SectionOutcome,
}

/// What was found of a section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionOutcome {
    /// It says what it must.
    Met,
    /// There is no such heading.
    Missing,
    /// The heading is there, and nothing below it.
    Empty,
    /// These questions are not answered.
    Open(Vec<String>),
}

impl SectionCheck {
    /// Whether the section says what it must.
    pub fn is_met(&self) -> bool {
        self.outcome == SectionOutcome::Met
    }

    /// What to ask the ticket's author for; one question a line, empty where the section is met.
    pub fn questions(&self) -> Vec<String> {
        let name = &self.section;
        match &self.outcome {
            SectionOutcome::Met => Vec::new(),
            SectionOutcome::Missing => vec![format!("The ticket has no section \"{name}\": what belongs there?")],
            SectionOutcome::Empty => vec![format!("The section \"{name}\" is empty: what belongs there?")],
            SectionOutcome::Open(questions) => questions.clone(),
        }
    }
}

/// Checks the Markdown body of a ticket against a list of sections; gives one result for each, in the list's order.
pub fn check_sections<S: AsRef<str>>(body: &str, sections: &[S]) -> Vec<SectionCheck> {
    let lines = mark_headings(body);
    let check = |section: &S| {
        let section = section.as_ref();
        SectionCheck { section: section.to_owned(), outcome: check_section(&lines, section) }
    };
    sections.iter().map(check).collect()
}

fn check_section(lines: &[Line], section: &str) -> SectionOutcome {
    let wanted = normal_name(section);
    let contents = contents_of(lines, &wanted);
    let said: Vec<&str> = contents.iter().flatten().copied().filter(|line| says_something(line)).collect();
    if wanted == normal_name(OPEN_QUESTIONS) {
        let open: Vec<String> = contents.iter().flat_map(|lines| open_questions(lines)).collect();
        return if open.is_empty() { SectionOutcome::Met } else { SectionOutcome::Open(open) };
    }
    match (contents.is_empty(), said.is_empty()) {
        (true, _) => SectionOutcome::Missing,
        (false, true) => SectionOutcome::Empty,
        (false, false) => SectionOutcome::Met,
    }
}

/// A line of the body: a heading with its level and normal name, or text.
enum Line<'a> {
    Heading { level: usize, name: String },
    Text(&'a str),
}

fn mark_headings(body: &str) -> Vec<Line<'_>> {
    let mut fence: Option<&str> = None;
    let mut in_comment = false;
    let mut lines = Vec::new();
    for line in body.lines() {
        let trimmed = line.trim();
        if let Some(open) = fence {
            // A closing fence is at least as long as the one that opened, of the same character, and bare.
            if trimmed.starts_with(open) && trimmed.chars().all(|c| open.starts_with(c)) {
                fence = None;
            }
            lines.push(Line::Text(line));
            continue;
        }
        if in_comment || trimmed.starts_with("<!--") {
            in_comment = !trimmed.contains("-->");
            continue;
        }
        fence = fence_of(trimmed);
        lines.push(match heading(trimmed) {
            Some((level, name)) if fence.is_none() => Line::Heading { level, name: normal_name(name) },
            _ => Line::Text(line),
        });
    }
    lines
}

fn fence_of(trimmed: &str) -> Option<&str> {
    ['`', '~'].into_iter().find_map(|mark| {
        let length = trimmed.chars().take_while(|c| *c == mark).count();
        let inline = mark == '`' && trimmed[length..].contains('`');
        (length >= 3 && !inline).then(|| &trimmed[..length])
    })
}

fn heading(trimmed: &str) -> Option<(usize, &str)> {
    let level = trimmed.chars().take_while(|c| *c == '#').count();
    let name = &trimmed[level..];
    ((1..=6).contains(&level) && name.starts_with([' ', '\t'])).then_some((level, name))
}

fn normal_name(name: &str) -> String {
    name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '#' | '*' | '_' | ':' | '：')).to_lowercase()
}

/// The text below each heading of that name.
fn contents_of<'a>(lines: &[Line<'a>], wanted: &str) -> Vec<Vec<&'a str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let mut inside: Option<usize> = None;
    for line in lines {
        match line {
            Line::Heading { level, name } if name == wanted => {
                inside = Some(*level);
                found.push(Vec::new());
            }
            Line::Heading { level, .. } => inside = inside.filter(|own| level > own),
            Line::Text(text) => {
                if let (Some(_), Some(content)) = (inside, found.last_mut()) {
                    content.push(text);
                }
            }
        }
    }
    found
}

/// Whether a line is more than white space, list marks, rules and placeholders.
fn says_something(line: &str) -> bool {
    let text = line.trim_matches(|c: char| c.is_whitespace() || c.is_ascii_punctuation()).to_lowercase();
    !text.is_empty() && !["tbd", "todo", "to be done", "to be defined"].contains(&text.as_str())
}

fn says_none(text: &str) -> bool {
    let text = text.trim_matches(|c: char| c.is_whitespace() || (c.is_ascii_punctuation()) || c == '。').to_lowercase();
    let words = ["", "none", "none known", "none left", "no open questions", "nothing", "n/a", "なし", "特になし"];
    words.contains(&text.as_str())
}

fn open_questions(lines: &[&str]) -> Vec<String> {
    let questions = split_questions(lines);
    questions.into_iter().filter(|question| !says_none(question) && !is_answered(question)).collect()
}

/// Splits a section into its list items, each with what is indented below it, and paragraphs.
fn split_questions(lines: &[&str]) -> Vec<String> {
    let mut questions: Vec<String> = Vec::new();
    let mut open = false;
    for line in lines {
        let indented = line.starts_with([' ', '\t']);
        let text = line.trim();
        if text.is_empty() {
            // An indented line after a blank one still belongs to its list item; another line begins a paragraph.
            open = false;
            continue;
        }
        let item = list_item(text).filter(|_| !indented);
        match questions.last_mut() {
            Some(question) if item.is_none() && (open || indented) => {
                question.push('\n');
                question.push_str(text);
            }
            _ => questions.push(item.unwrap_or(text).to_owned()),
        }
        open = true;
    }
    questions
}

fn list_item(text: &str) -> Option<&str> {
    let rest = text.strip_prefix(['-', '*', '+']).or_else(|| {
        let digits = text.chars().take_while(char::is_ascii_digit).count();
        (digits > 0).then(|| text[digits..].strip_prefix(['.', ')'])).flatten()
    })?;
    rest.starts_with([' ', '\t']).then(|| rest.trim())
}

fn is_answered(question: &str) -> bool {
    let ticked = question.starts_with("[x]") || question.starts_with("[X]");
    let struck = question.len() > 4 && question.starts_with("~~") && question.ends_with("~~");
    // Lower-casing may change the length of a text, so the answer is looked for in the lower-case copy alone.
    let lower = question.to_lowercase();
    let has_answer = |word: &&str| {
        lower.match_indices(word).any(|(at, _)| {
            let starts_a_word = !lower[..at].ends_with(char::is_alphanumeric);
            let text = lower[at + word.len()..].lines().find(|line| !line.trim().is_empty());
            starts_a_word && text.is_some_and(says_something)
        })
    };
    ticked || struck || ["answer:", "answered:", "decision:", "resolved:"].iter().any(has_answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(body: &str, section: &str) -> SectionOutcome {
        check_sections(body, &[section]).remove(0).outcome
    }

    #[test]
    fn headings_match_at_any_level_and_in_any_case() {
        for heading in ["# background", "###### BACKGROUND", "## **Background:**", "## Background ##"] {
            assert_eq!(outcome(&format!("{heading}\n\nBecause.\n"), "Background"), SectionOutcome::Met, "{heading}");
        }
        assert_eq!(outcome("Background\n\nBecause.", "Background"), SectionOutcome::Missing);
        assert_eq!(outcome("#Background\n\nBecause.", "Background"), SectionOutcome::Missing);
    }

    #[test]
    fn a_section_ends_at_a_heading_of_its_level_and_keeps_its_sub_sections() {
        assert_eq!(outcome("## Goal\n\n## Requirements\ntext", "Goal"), SectionOutcome::Empty);
        assert_eq!(outcome("## Goal\n### Part\ntext", "Goal"), SectionOutcome::Met);
        assert_eq!(outcome("## Goal\n### Part\n", "Goal"), SectionOutcome::Empty);
        assert_eq!(outcome("## Goal\n# Other\ntext", "Goal"), SectionOutcome::Empty);
    }

    #[test]
    fn placeholders_and_comments_say_nothing() {
        assert_eq!(outcome("## Goal\n<!-- write\nme -->\n- TBD\n---\n", "Goal"), SectionOutcome::Empty);
        assert_eq!(outcome("## Goal\n- TODO list in the corner\n", "Goal"), SectionOutcome::Met);
    }

    #[test]
    fn headings_in_fenced_code_are_text() {
        let body = "## Goal\n\n````sh\n# Requirements\n```\n# still code\n````\n";
        assert_eq!(outcome(body, "Requirements"), SectionOutcome::Missing);
        assert_eq!(outcome(body, "Goal"), SectionOutcome::Met);
    }

    #[test]
    fn open_questions_are_met_when_none_is_open() {
        for body in [
            "",
            "## Open questions\n",
            "## Open questions\n\nNone.\n",
            "## Open questions\n- n/a",
            "## Open questions\n\nなし。",
        ] {
            assert_eq!(outcome(body, OPEN_QUESTIONS), SectionOutcome::Met, "{body:?}");
        }
        let answered = "## Open questions\n1. [x] Which port?\n2. Which host?\n   Answer: localhost.\n3. ~~Why?~~\n";
        assert_eq!(outcome(answered, OPEN_QUESTIONS), SectionOutcome::Met);
    }

    #[test]
    fn each_unanswered_question_is_named() {
        let body = "## Open questions\n\n- Which port?\n  It matters.\n- [ ] Which host? Answer:\n\nAnd why\nat all?\n\n## Next\n";
        let open = ["Which port?\nIt matters.", "[ ] Which host? Answer:", "And why\nat all?"];
        assert_eq!(outcome(body, OPEN_QUESTIONS), SectionOutcome::Open(open.map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_workspace_may_have_a_list_of_its_own() {
        let checks = check_sections("## 背景\n\nある。\n", &["背景", "目的"]);
        assert!(checks[0].is_met());
        assert_eq!(checks[1].questions(), ["The ticket has no section \"目的\": what belongs there?"]);
    }
}
