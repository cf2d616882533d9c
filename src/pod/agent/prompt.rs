//! What an agent without a memory of its own is told: what is asked now, and what was said before.

use std::collections::VecDeque;

use crate::domain::{KnownSegment, Segment, Slug};
use crate::pod::protocol::{Entry, Event, Message, TurnOutcome};

/// How much of a conversation is told again, in bytes.
const BOUND: usize = 96 << 10;
/// How much of one contribution to it, in bytes.
const BOUND_OF_ONE: usize = 32 << 10;

/// What was said in a Pod so far, the newest 96 KiB of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conversation {
    said: VecDeque<(Who, String)>,
    size: usize,
    cut: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    User,
    Agent,
    Note,
}

impl Conversation {
    /// Reads a conversation from a Pod's history.
    pub fn from_history(entries: Vec<Entry>, truncated: bool) -> Self {
        let mut conversation = Self { cut: truncated, ..Self::default() };
        for Entry { event, data, .. } in entries {
            match (Message { event, data, id: None }).event() {
                Some(Event::UserMessage { input }) => conversation.user(&input),
                Some(Event::TextDone { text, .. }) => conversation.agent(&text),
                Some(Event::Notify { text }) => conversation.note(&text),
                Some(Event::TurnEnd { outcome, error }) => conversation.turn_end(outcome, error.as_deref()),
                _ => {}
            }
        }
        conversation
    }

    /// Adds what the user said.
    pub fn user(&mut self, input: &[Segment]) {
        let text = render(input, |slug| format!("(the workflow {slug})"));
        self.push(Who::User, &text);
    }

    /// Adds what the agent answered.
    pub fn agent(&mut self, text: &str) {
        self.push(Who::Agent, text);
    }

    /// Adds what the agent was told in between.
    pub fn note(&mut self, text: &str) {
        self.push(Who::Note, text);
    }

    /// Adds that a turn did not end well.
    pub fn turn_end(&mut self, outcome: TurnOutcome, error: Option<&str>) {
        let error = error.map(|error| format!(": {error}")).unwrap_or_default();
        if outcome != TurnOutcome::Completed {
            self.note(&format!("The turn above was {outcome}{error}"));
        }
    }

    fn push(&mut self, who: Who, text: &str) {
        let mut text = text.trim().to_owned();
        if text.len() > BOUND_OF_ONE {
            text.truncate(text.floor_char_boundary(BOUND_OF_ONE));
            text.push_str("\n[cut here]");
        }
        self.size += text.len();
        self.said.push_back((who, text));
        while self.size > BOUND {
            let Some((_, oldest)) = self.said.pop_front() else { break };
            self.size -= oldest.len();
            self.cut = true;
        }
    }

    /// The prompt of a turn: the input, after the conversation so far where there is one.
    pub(super) fn prompt(&self, input: &[Segment], workflow: impl Fn(&Slug) -> Option<String>) -> String {
        let now = asked(input, workflow);
        if self.said.is_empty() {
            return now + "\n";
        }
        let mut prompt = String::from("# The conversation so far\n");
        if self.cut {
            prompt.push_str("\n(Its beginning is left out.)\n");
        }
        for (who, text) in &self.said {
            let who = match who {
                Who::User => "The user",
                Who::Agent => "You",
                Who::Note => "Note",
            };
            prompt.push_str(&format!("\n## {who}\n\n{text}\n"));
        }
        prompt + NOW + &now + "\n"
    }

    /// The prompt of a turn for an agent that remembers: the input, after what the agent was told since the last one.
    pub(super) fn prompt_of_news(&self, input: &[Segment], workflow: impl Fn(&Slug) -> Option<String>) -> String {
        let now = asked(input, workflow);
        let news: Vec<&str> =
            self.said.iter().rev().take_while(|(who, _)| *who != Who::User).filter_map(note).collect();
        if news.is_empty() {
            return now + "\n";
        }
        let news: String = news.iter().rev().map(|note| format!("\n{note}\n")).collect();
        format!("# Since the user last spoke\n{news}{NOW}{now}\n")
    }
}

/// What an agent is told first: an input, with no conversation before it.
pub fn first_prompt(input: &[Segment], workflow: impl Fn(&Slug) -> Option<String>) -> String {
    Conversation::default().prompt(input, workflow)
}

/// What stands above the input where something else comes first.
const NOW: &str = "\n# What the user says now\n\n";

fn note((who, text): &(Who, String)) -> Option<&str> {
    (*who == Who::Note).then_some(text)
}

fn asked(input: &[Segment], workflow: impl Fn(&Slug) -> Option<String>) -> String {
    render(input, |slug| match workflow(slug) {
        Some(text) => format!("Follow this procedure (workflow {slug}):\n\n{}", text.trim()),
        None => format!("Follow the workflow {slug} (its text was not found)"),
    })
}

/// Writes the segments of an input as one text, a blank line between them.
fn render(input: &[Segment], workflow: impl Fn(&Slug) -> String) -> String {
    let render = |segment: &Segment| match segment {
        Segment::Known(KnownSegment::Text { content }) => content.trim().to_owned(),
        Segment::Known(KnownSegment::FileRef { path }) => format!("See the file {path}"),
        Segment::Known(KnownSegment::WorkflowInvoke { slug }) => workflow(slug),
        Segment::Unknown(object) => serde_json::to_string(object).expect("a JSON object has a text"),
    };
    input.iter().map(render).collect::<Vec<_>>().join("\n\n")
}

/// The plain text in an input, without procedures and references.
pub(super) fn plain_text(input: &[Segment]) -> String {
    let text = |segment: &Segment| match segment {
        Segment::Known(KnownSegment::Text { content }) => Some(content.trim().to_owned()),
        _ => None,
    };
    input.iter().filter_map(text).collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn input() -> Vec<Segment> {
        let unknown = json!({"kind": "image", "url": "u"});
        let file = KnownSegment::FileRef { path: "src/a.rs".into() };
        vec![
            Segment::workflow(Slug::new("w").unwrap()),
            Segment::text("do it\n"),
            Segment::Known(file),
            Segment::Unknown(unknown.as_object().unwrap().clone()),
        ]
    }

    #[test]
    fn a_first_prompt_is_the_input_with_the_text_of_its_workflow() {
        let prompt = Conversation::default().prompt(&input(), |slug| Some(format!("text of {slug}\n")));
        insta::assert_snapshot!(prompt, @r#"
        Follow this procedure (workflow w):

        text of w

        do it

        See the file src/a.rs

        {"kind":"image","url":"u"}
        "#);
    }

    #[test]
    fn a_later_prompt_tells_what_was_said() {
        let mut conversation = Conversation::default();
        conversation.user(&input()[..2]);
        conversation.agent("done\n");
        conversation.turn_end(TurnOutcome::Completed, None);
        conversation.turn_end(TurnOutcome::Errored, Some("no tokens"));
        insta::assert_snapshot!(conversation.prompt(&[Segment::text("again")], |_| None), @r"
        # The conversation so far

        ## The user

        (the workflow w)

        do it

        ## You

        done

        ## Note

        The turn above was errored: no tokens

        # What the user says now

        again
        ");
    }

    #[test]
    fn an_agent_that_remembers_is_told_only_what_it_cannot_know() {
        let mut conversation = Conversation::default();
        let again = [Segment::text("again")];
        assert_eq!(conversation.prompt_of_news(&again, |_| None), "again\n");
        conversation.note("old news");
        conversation.user(&input()[..2]);
        conversation.agent("done\n");
        assert_eq!(conversation.prompt_of_news(&again, |_| None), "again\n");
        conversation.turn_end(TurnOutcome::Interrupted, None);
        conversation.note("The tests are green");
        insta::assert_snapshot!(conversation.prompt_of_news(&again, |_| None), @r"
        # Since the user last spoke

        The turn above was interrupted

        The tests are green

        # What the user says now

        again
        ");
    }

    #[test]
    fn a_long_conversation_keeps_its_newest_part() {
        let mut conversation = Conversation::default();
        for number in 0..100 {
            conversation.agent(&format!("{number} {}", "x".repeat(BOUND_OF_ONE)));
        }
        let prompt = conversation.prompt(&[], |_| None);
        assert!(prompt.len() < BOUND + 1000 && prompt.contains("left out") && prompt.contains("\n99 x"));
        assert!(!prompt.contains("\n50 x"));
    }

    #[test]
    fn a_conversation_comes_back_from_the_history() {
        let mut written = Conversation::default();
        written.user(&input());
        written.agent("yes");
        let at = "2026-06-07T22:02:25Z".parse().unwrap();
        let entries = [
            Event::UserMessage { input: input() },
            Event::TurnStart {},
            Event::TextDone { text: "yes".into(), more: false },
        ];
        let entries = entries.map(|event| {
            let Message { event, data, .. } = Message::new(&event, None);
            Entry { at, event, data }
        });
        assert_eq!(Conversation::from_history(entries.into(), false), written);
    }
}
