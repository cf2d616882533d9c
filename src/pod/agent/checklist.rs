//! `builtin:checklist`: an intake agent that needs no model.
//!
//! It reads the ticket, checks what an implementable ticket must say, and either calls TicketIntakeReady with a summary
//! or puts its questions into the ticket's thread. Asked again after the ticket was changed, it checks again. Where
//! there is no ticket yet, it makes one of what the user said. It does nothing but by tool calls, so its work is seen
//! and kept like that of any other agent.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Agent, Stage, StartError, Turn, TurnError, prompt};
use crate::domain::{SectionCheck, SectionOutcome, check_sections};

/// The longest title that is made of a sentence, in characters.
const MAX_TITLE: usize = 100;

/// The agent.
pub(super) struct Checklist {
    sections: Vec<String>,
}

/// What TicketShow answers.
#[derive(Debug, Deserialize)]
struct Shown {
    id: String,
    title: String,
    body: String,
    #[serde(default)]
    thread: Value,
}

impl Checklist {
    pub(super) fn new(sections: Vec<String>) -> Self {
        Self { sections }
    }

    fn work(&self, turn: &Turn, show: &mut Show<'_>) -> Result<(), TurnError> {
        let ticket = match &turn.ticket {
            Some(ticket) => ticket.clone(),
            None => create(wish(&prompt::plain_text(&turn.input)), show)?,
        };
        let shown = show.call("TicketShow", json!({"ticket": ticket, "format": "json"}))?;
        let shown: Shown = serde_json::from_str(&shown)
            .map_err(|error| TurnError::Failed(format!("cannot understand what TicketShow answered: {error}")))?;
        show.say(&format!("# {} ({})\n\n", shown.title, shown.id));
        let checks = check_sections(&shown.body, &self.sections);
        for check in &checks {
            show.say(&format!("- {}: {}\n", check.section, finding(check)));
        }
        if turn.cancel.is_cancelled() {
            return Err(TurnError::Cancelled);
        }
        if checks.iter().all(SectionCheck::is_met) {
            show.call("TicketIntakeReady", json!({"ticket": ticket, "summary": summary(&shown, &checks)}))?;
            show.say("\nThe ticket says all that an implementable ticket must say. It is ready.\n");
            return Ok(());
        }
        let questions = questions(&checks);
        if says(&shown.thread, questions.trim()) {
            show.say(
                "\nThe same questions stand in the ticket's thread already. Answer them in the ticket and run again.\n",
            );
            return Ok(());
        }
        show.call("TicketComment", json!({"ticket": ticket, "body": questions}))?;
        show.say(&format!("\nQuestions put into the ticket's thread:\n\n{questions}"));
        Ok(())
    }
}

impl Agent for Checklist {
    fn start(&mut self) -> Result<(), StartError> {
        Ok(())
    }

    fn turn(&mut self, turn: &Turn, stage: &dyn Stage) -> Result<(), TurnError> {
        let mut show = Show { stage, said: String::new() };
        let outcome = self.work(turn, &mut show);
        if let Err(TurnError::Failed(why)) = &outcome {
            show.say(&format!("\n{why}\n"));
        }
        stage.answer(show.said);
        outcome
    }
}

/// Streams what is said and keeps it for the answer.
struct Show<'a> {
    stage: &'a dyn Stage,
    said: String,
}

impl Show<'_> {
    fn say(&mut self, text: &str) {
        self.stage.text(text);
        self.said.push_str(text);
    }

    fn call(&self, tool: &str, arguments: Value) -> Result<String, TurnError> {
        let outcome = self.stage.call(tool, arguments);
        if outcome.is_error { Err(TurnError::Failed(format!("{tool}: {}", outcome.text))) } else { Ok(outcome.text) }
    }
}

/// Makes a ticket of what the user said; gives its id.
fn create(said: &str, show: &mut Show<'_>) -> Result<String, TurnError> {
    #[derive(Deserialize)]
    struct Created {
        id: String,
    }
    let Some(title) = title_of(said) else {
        return Err(TurnError::Failed("there is neither a ticket nor a sentence to make one of".to_owned()));
    };
    let body = format!("## Background\n\n{}\n", said.trim());
    let created = show.call("TicketCreate", json!({"title": title, "body": body}))?;
    let created: Created = serde_json::from_str(&created)
        .map_err(|error| TurnError::Failed(format!("cannot understand what TicketCreate answered: {error}")))?;
    show.say(&format!("Made the ticket {} of it.\n\n", created.id));
    Ok(created.id)
}

/// What the user wants: a launch says first, in lines that begin with `Ticket:` and end with a blank one, what it is for.
fn wish(said: &str) -> &str {
    match said.split_once("\n\n") {
        Some((about, wish)) if about.starts_with("Ticket:") => wish,
        _ => said,
    }
}

/// The first line that says something, cut at a word.
fn title_of(said: &str) -> Option<String> {
    let line =
        said.lines().map(|line| line.trim_start_matches(['#', '-', '*', '>']).trim()).find(|line| !line.is_empty())?;
    if line.chars().count() <= MAX_TITLE {
        return Some(line.to_owned());
    }
    let cut: String = line.chars().take(MAX_TITLE).collect();
    let end = cut.rfind(char::is_whitespace).unwrap_or(cut.len());
    Some(format!("{}…", cut[..end].trim_end()))
}

fn finding(check: &SectionCheck) -> String {
    match &check.outcome {
        SectionOutcome::Met => "there".to_owned(),
        SectionOutcome::Missing => "missing".to_owned(),
        SectionOutcome::Empty => "empty".to_owned(),
        SectionOutcome::Open(open) => format!("{} open", open.len()),
    }
}

fn summary(shown: &Shown, checks: &[SectionCheck]) -> String {
    let names: Vec<&str> = checks.iter().map(|check| check.section.as_str()).collect();
    format!("\"{}\" can be implemented as it stands. Checked and found: {}.", shown.title, names.join(", "))
}

fn questions(checks: &[SectionCheck]) -> String {
    let mut text = String::from("Before this can be implemented:\n\n");
    for question in checks.iter().flat_map(SectionCheck::questions) {
        text.push_str(&format!("- {}\n", question.trim()));
    }
    text
}

/// Whether any text within a JSON value holds another text.
fn says(value: &Value, text: &str) -> bool {
    match value {
        Value::String(said) => said.contains(text),
        Value::Array(values) => values.iter().any(|value| says(value, text)),
        Value::Object(members) => members.values().any(|value| says(value, text)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{DEFAULT_SECTIONS, Segment};
    use crate::pod::ToolOutcome;
    use std::sync::Mutex;

    /// Answers tools from one ticket and remembers what was done.
    #[derive(Default)]
    struct Desk {
        body: Mutex<String>,
        thread: Mutex<Vec<String>>,
        calls: Mutex<Vec<(String, Value)>>,
        answers: Mutex<Vec<String>>,
        refuses: Option<&'static str>,
    }

    impl Stage for Desk {
        fn text(&self, _: &str) {}
        fn answer(&self, text: String) {
            self.answers.lock().unwrap().push(text);
        }
        fn log(&self, _: &[u8]) {}
        fn call(&self, tool: &str, arguments: Value) -> ToolOutcome {
            self.calls.lock().unwrap().push((tool.to_owned(), arguments.clone()));
            let text = match tool {
                "TicketShow" => json!({
                    "id": "T", "title": "A ticket", "state": "planning",
                    "body": *self.body.lock().unwrap(), "thread": *self.thread.lock().unwrap(),
                })
                .to_string(),
                "TicketCreate" => {
                    *self.body.lock().unwrap() = arguments["body"].as_str().unwrap().to_owned();
                    json!({"id": "T"}).to_string()
                }
                "TicketComment" => {
                    self.thread.lock().unwrap().push(arguments["body"].as_str().unwrap().to_owned());
                    "commented".to_owned()
                }
                _ => "ok".to_owned(),
            };
            ToolOutcome { text, is_error: self.refuses == Some(tool) }
        }
    }

    fn turn(ticket: Option<&str>, said: &str) -> Turn {
        Turn {
            input: vec![Segment::text(said)],
            conversation: super::super::Conversation::default(),
            ticket: ticket.map(str::to_owned),
            variables: Vec::new(),
            cancel: super::super::Cancel::default(),
        }
    }

    fn agent() -> Checklist {
        Checklist::new(DEFAULT_SECTIONS.iter().map(|section| (*section).to_owned()).collect())
    }

    fn full_body() -> String {
        "## Background\nb\n## Goal\ng\n## Requirements\nr\n## Acceptance criteria\na\n## Open questions\nnone\n"
            .to_owned()
    }

    fn called(desk: &Desk) -> Vec<String> {
        desk.calls.lock().unwrap().drain(..).map(|(tool, _)| tool).collect()
    }

    #[test]
    fn a_ticket_that_says_all_becomes_ready() {
        let desk = Desk { body: full_body().into(), ..Desk::default() };
        assert_eq!(agent().turn(&turn(Some("T"), "go"), &desk), Ok(()));
        let calls = desk.calls.lock().unwrap();
        assert_eq!(calls[1].0, "TicketIntakeReady");
        assert_eq!(calls[1].1["ticket"], "T");
        assert!(calls[1].1["summary"].as_str().unwrap().contains("Acceptance criteria"));
    }

    #[test]
    fn questions_are_asked_once_and_an_answered_ticket_becomes_ready() {
        let desk = Desk { body: "## Background\nb\n## Goal\n".to_owned().into(), ..Desk::default() };
        let mut agent = agent();
        assert_eq!(agent.turn(&turn(Some("T"), "go"), &desk), Ok(()));
        assert_eq!(called(&desk), ["TicketShow", "TicketComment"]);
        assert!(desk.thread.lock().unwrap()[0].contains("- The section \"Goal\" is empty"));
        assert_eq!(agent.turn(&turn(Some("T"), "again"), &desk), Ok(()));
        assert_eq!(called(&desk), ["TicketShow"]);
        *desk.body.lock().unwrap() = full_body();
        assert_eq!(agent.turn(&turn(Some("T"), "again"), &desk), Ok(()));
        assert_eq!(called(&desk), ["TicketShow", "TicketIntakeReady"]);
    }

    #[test]
    fn a_sentence_becomes_a_ticket_with_questions() {
        let desk = Desk::default();
        let mut agent = agent();
        let sentence = "Let the list show ages\n\nso that old ones stand out";
        assert_eq!(agent.turn(&turn(None, sentence), &desk), Ok(()));
        assert_eq!(desk.calls.lock().unwrap()[0].1["title"], "Let the list show ages");
        assert_eq!(called(&desk), ["TicketCreate", "TicketShow", "TicketComment"]);
        // The Pod holds what its agent made, so that the next turn is told of it, also after a restore.
        assert_eq!(agent.turn(&turn(Some("T"), "again"), &desk), Ok(()));
        assert_eq!(called(&desk), ["TicketShow"]);
        assert!(matches!(self::agent().turn(&turn(None, " \n"), &Desk::default()), Err(TurnError::Failed(_))));
    }

    #[test]
    fn what_a_launch_says_of_itself_is_no_part_of_the_wish() {
        assert_eq!(wish("Ticket: none yet\nRole: intake\n\nTry again\n\nSoon"), "Try again\n\nSoon");
        assert_eq!(wish("Try again\n\nSoon"), "Try again\n\nSoon");
    }

    #[test]
    fn a_tool_that_fails_fails_the_turn_in_its_own_words() {
        let desk = Desk { body: full_body().into(), refuses: Some("TicketIntakeReady"), ..Desk::default() };
        let failed = agent().turn(&turn(Some("T"), "go"), &desk);
        assert_eq!(failed, Err(TurnError::Failed("TicketIntakeReady: ok".into())));
        assert!(desk.answers.lock().unwrap()[0].ends_with("\nTicketIntakeReady: ok\n"));
    }

    #[test]
    fn a_cancelled_turn_writes_nothing() {
        let desk = Desk { body: full_body().into(), ..Desk::default() };
        let turn = turn(Some("T"), "go");
        turn.cancel.cancel();
        assert_eq!(agent().turn(&turn, &desk), Err(TurnError::Cancelled));
        assert_eq!(called(&desk), ["TicketShow"]);
    }

    #[test]
    fn a_long_first_line_is_cut_at_a_word() {
        let title = title_of(&format!("\n# {}", "word ".repeat(50))).unwrap();
        assert!(title.chars().count() <= MAX_TITLE + 1 && title.ends_with("word…"), "{title}");
        assert_eq!(title_of("\n \n"), None);
    }
}
