//! The tools as a model sees them.

use serde_json::{Map, Value, json};

use super::Tool;
use crate::domain::Role;
use crate::pod::ToolDescription;
use crate::ticket::State;

/// An argument: its name, what it is, and whether it must be given.
struct Argument {
    name: &'static str,
    schema: Value,
    required: bool,
}

fn required(name: &'static str, about: &str) -> Argument {
    Argument { name, schema: json!({ "type": "string", "description": about }), required: true }
}

fn optional(name: &'static str, about: &str) -> Argument {
    Argument { required: false, ..required(name, about) }
}

/// One of some words.
fn one_of(argument: Argument, words: &[&str]) -> Argument {
    let mut argument = argument;
    argument.schema["enum"] = json!(words);
    argument
}

fn ticket() -> Argument {
    required("ticket", "The ticket's id, such as 00001KTJ1QJB8")
}

impl Tool {
    /// The tool as a Pod of this role has it.
    pub(super) fn describe(self, role: Role) -> ToolDescription {
        let (description, arguments) = self.words(role);
        let names: Vec<&str> = arguments.iter().filter(|one| one.required).map(|one| one.name).collect();
        let required = json!(names);
        let properties: Map<String, Value> =
            arguments.into_iter().map(|one| (one.name.to_owned(), one.schema)).collect();
        ToolDescription {
            name: self.name().to_owned(),
            description: description.to_owned(),
            schema: json!({
                "type": "object", "properties": properties, "required": required, "additionalProperties": false,
            }),
            read_only: self.reads_only(),
        }
    }

    fn words(self, role: Role) -> (&'static str, Vec<Argument>) {
        match self {
            Self::List => {
                let states: Vec<&str> = State::ALL.iter().map(|state| state.as_str()).collect();
                let state = optional("state", "Only tickets of this state; all that are not closed unless given");
                (
                    "List the tickets of this workspace: id, state and title, one a line, the newest last.",
                    vec![one_of(state, &states)],
                )
            }
            Self::Show => {
                let format = optional("format", "How to answer; markdown unless given");
                (
                    "Read one ticket: its title, state, body and thread. A long thread begins with its newest events in \
                     markdown; json has all of it.",
                    vec![ticket(), one_of(format, &["markdown", "json"])],
                )
            }
            Self::Comment => (
                "Add a comment to a ticket's thread. Ask your questions this way, all in one comment.",
                vec![ticket(), optional("heading", "A short heading"), required("body", "The comment, in Markdown")],
            ),
            Self::Create => (
                match role {
                    Role::Intake => {
                        "Make a new ticket in state planning. You then hold it: finish it with TicketIntakeReady."
                    }
                    _ => "Make a new ticket in state planning, which nobody holds. An intake makes it ready.",
                },
                vec![
                    required("title", "What it is about, in one line"),
                    required("body", "What must be known, in Markdown"),
                ],
            ),
            Self::IntakeReady => (
                "Say that a ticket which you hold is ready to be worked on: the summary goes into its thread and its \
                 state from planning to ready. Your work on it is then done.",
                vec![ticket(), required("summary", "What there is to know before the work begins, in Markdown")],
            ),
            Self::Plan => (
                "Write into a ticket's thread how the work on it is to go on: the order of steps, what depends on what.",
                vec![ticket(), required("plan", "The plan, in Markdown")],
            ),
            Self::Decision => (
                "Write a decision into a ticket's thread: what was decided, why, and what follows. Whoever comes next has \
                 the thread and not your memory.",
                vec![
                    ticket(),
                    optional("heading", "A short heading"),
                    required("decision", "The decision, in Markdown"),
                ],
            ),
            Self::Queue => (
                "Put a ticket that is ready into the queue: its state goes from ready to queued. It launches nobody.",
                vec![ticket(), optional("reason", "Why now, in Markdown")],
            ),
            Self::Start => (
                "Say that you begin with the ticket that you hold: its state goes from ready or queued to inprogress. \
                 Call it once, before you change anything.",
                vec![ticket(), optional("plan", "How you will go about it, in Markdown")],
            ),
            Self::Report if role == Role::Investigator => (
                "Write what you found out into the thread of the ticket that you hold: the answer first, then the \
                 evidence, then what is still unknown. The ticket's state stays. Your work on it is then done.",
                vec![ticket(), required("report", "The findings, in Markdown")],
            ),
            Self::Report => (
                "Say that the ticket which you hold is implemented: the report goes into its thread and its state from \
                 inprogress to done. Call it once, when the work is committed and checked. Your work on it is then done.",
                vec![
                    ticket(),
                    required(
                        "report",
                        "What changed and why, how each acceptance criterion is met, what you ran with which result, \
                         what is left open; in Markdown",
                    ),
                ],
            ),
            Self::Review => {
                let verdict = required(
                    "verdict",
                    "approve: it does what the ticket asks, and the ticket stays done; request_changes: it does not, \
                     and the ticket goes back to inprogress",
                );
                (
                    "Give your verdict on the ticket that you hold: the review goes into its thread. Your work on it is \
                     then done.",
                    vec![
                        ticket(),
                        one_of(verdict, &["approve", "request_changes"]),
                        required("review", "The findings, the worst first, each with file and line; in Markdown"),
                    ],
                )
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::of_role;
    use super::*;

    /// What a client of MCP takes for a tool, and what a model needs to use it.
    #[test]
    fn every_schema_is_an_object_that_says_what_each_argument_is() {
        for role in Role::ALL {
            for tool in of_role(*role) {
                let schema = &tool.schema;
                assert_eq!((&schema["type"], &schema["additionalProperties"]), (&json!("object"), &json!(false)));
                assert!(tool.description.len() > 40 && tool.description.ends_with('.'), "{}", tool.description);
                let properties = schema["properties"].as_object().unwrap();
                for (name, argument) in properties {
                    assert_eq!(argument["type"], "string", "{} {name}", tool.name);
                    assert!(!argument["description"].as_str().unwrap().is_empty(), "{} {name}", tool.name);
                }
                for name in schema["required"].as_array().unwrap() {
                    assert!(properties.contains_key(name.as_str().unwrap()), "{} {name}", tool.name);
                }
            }
        }
    }
}
