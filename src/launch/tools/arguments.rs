//! The arguments of a tool call, checked against the tool's own schema: every one is a text.

use serde_json::{Map, Value};

use crate::pod::ToolDescription;

/// How much of a wrong value is shown, in characters.
const MAX_SHOWN: usize = 40;
/// How unlike a name may be to the one that was meant.
const MAX_DISTANCE: usize = 3;

/// Arguments that fit their tool.
pub(super) struct Arguments(Map<String, Value>);

impl Arguments {
    /// Checks what was given; everything that is wrong is said at once, with what would be right.
    pub(super) fn check(tool: &ToolDescription, given: &Value) -> Result<Self, String> {
        let takes = || format!("{} takes {}", tool.name, form(tool));
        let given = match given {
            Value::Null => Map::new(),
            Value::Object(given) => given.clone(),
            other => return Err(format!("the arguments are {}, and must be an object: {}", kind(other), takes())),
        };
        let known = properties(tool);
        let mut wrong: Vec<String> = Vec::new();
        for (name, value) in &given {
            match known.get(name) {
                None => wrong.push(unknown(name, known)),
                Some(schema) => wrong.extend(misfit(name, value, schema, is_required(tool, name))),
            }
        }
        let missing = known.keys().filter(|name| is_required(tool, name) && !given.contains_key(*name));
        wrong.extend(missing.map(|name| format!("{name:?} is missing")));
        if wrong.is_empty() {
            Ok(Self(given))
        } else {
            Err(format!("the arguments do not fit: {}. {}", wrong.join("; "), takes()))
        }
    }

    /// The text of an argument that must be given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.optional(name).unwrap_or_default()
    }

    /// The text of an argument that need not be given.
    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }
}

fn properties(tool: &ToolDescription) -> &Map<String, Value> {
    tool.schema["properties"].as_object().expect("a tool's schema lists its properties")
}

fn is_required(tool: &ToolDescription, name: &str) -> bool {
    tool.schema["required"].as_array().is_some_and(|names| names.iter().any(|required| required == name))
}

fn words(schema: &Value) -> Option<String> {
    let words: Vec<String> = schema["enum"].as_array()?.iter().map(Value::to_string).collect();
    Some(words.join(" | "))
}

/// What a tool takes, as one would write it down.
fn form(tool: &ToolDescription) -> String {
    let named = |(name, schema): (&String, &Value)| {
        let mark = if is_required(tool, name) { "" } else { "?" };
        format!("{name:?}{mark}: {}", words(schema).unwrap_or_else(|| "TEXT".to_owned()))
    };
    format!("{{{}}}", properties(tool).iter().map(named).collect::<Vec<_>>().join(", "))
}

/// What is wrong with a value, if anything is.
fn misfit(name: &str, value: &Value, schema: &Value, required: bool) -> Option<String> {
    let Value::String(text) = value else {
        // A model that has nothing to say for an argument often says so.
        let is_left_out = value.is_null() && !required;
        return (!is_left_out).then(|| format!("{name:?} is {}, and must be a text", kind(value)));
    };
    let known = schema["enum"].as_array()?;
    let fits = known.iter().any(|word| word.as_str() == Some(text));
    (!fits).then(|| format!("{name:?} is {:?}, and must be {}", shown(text), words(schema).unwrap_or_default()))
}

fn unknown(name: &str, known: &Map<String, Value>) -> String {
    let nearest = known.keys().map(|one| (strsim::osa_distance(name, one), one)).min();
    let meant = nearest.filter(|(distance, one)| *distance <= MAX_DISTANCE.min(one.len() / 2));
    let meant = meant.map(|(_, one)| format!(", did you mean {one:?}?")).unwrap_or_default();
    format!("there is no argument {:?}{meant}", shown(name))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool() -> ToolDescription {
        ToolDescription {
            name: "T".into(),
            description: String::new(),
            schema: json!({
                "type": "object",
                "properties": {
                    "ticket": { "type": "string" },
                    "how": { "type": "string", "enum": ["well", "badly"] },
                },
                "required": ["ticket"],
            }),
            read_only: true,
        }
    }

    fn said(given: Value) -> String {
        Arguments::check(&tool(), &given).err().unwrap_or_default()
    }

    const TAKES: &str = r#"T takes {"ticket": TEXT, "how"?: "well" | "badly"}"#;

    #[test]
    fn what_fits_is_taken() {
        let given = Arguments::check(&tool(), &json!({ "ticket": "1", "how": "well" })).unwrap();
        assert_eq!((given.text("ticket"), given.optional("how")), ("1", Some("well")));
        let given = Arguments::check(&tool(), &json!({ "ticket": "", "how": null })).unwrap();
        assert_eq!((given.text("ticket"), given.optional("how")), ("", None));
    }

    #[test]
    fn all_that_is_wrong_is_named_with_what_would_be_right() {
        for (given, wrong) in [
            (json!({ "id": "1" }), r#"there is no argument "id"; "ticket" is missing"#),
            (
                json!({ "tickets": "1" }),
                r#"there is no argument "tickets", did you mean "ticket"?; "ticket" is missing"#,
            ),
            (json!({ "ticket": 7 }), r#""ticket" is a number, and must be a text"#),
            (json!({ "ticket": null }), r#""ticket" is null, and must be a text"#),
            (
                json!({ "ticket": ["1"], "how": {} }),
                r#""ticket" is a list, and must be a text; "how" is an object, and must be a text"#,
            ),
            (json!({ "ticket": "1", "how": "so" }), r#""how" is "so", and must be "well" | "badly""#),
        ] {
            assert_eq!(said(given), format!("the arguments do not fit: {wrong}. {TAKES}"));
        }
        assert_eq!(said(json!(null)), format!("the arguments do not fit: \"ticket\" is missing. {TAKES}"));
        assert_eq!(said(json!("1")), format!("the arguments are a text, and must be an object: {TAKES}"));
    }

    #[test]
    fn what_is_wrong_is_not_repeated_at_length() {
        assert!(said(json!({ "ticket": "1", "how": "x".repeat(5000) })).len() < 300);
        assert!(said(json!({ "ticket": "1", "x".repeat(5000): 1 })).len() < 300);
    }
}
