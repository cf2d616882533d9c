//! The template of `--format`.

use std::str::FromStr;

use super::output::Resolved;
use super::record::{Field, Row};
use super::{Exit, Failure};

/// A line with fields in braces, as `--format` takes it.
///
/// `{name}` stands for a field, `{{` and `}}` for braces, `\t`, `\n`, `\0` and `\\` for a TAB, newline, NUL and
/// backslash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Field(String),
}

/// Says what is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// A brace has no counterpart.
    #[error("a {0} stands alone; write {0}{0} for the character itself")]
    Brace(char),
    /// A backslash is followed by something that has no meaning.
    #[error("\\{0} means nothing; known are \\t, \\n, \\0 and \\\\")]
    Escape(String),
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '{' | '}' if rest.next_if_eq(&c).is_some() => literal.push(c),
                '}' => return Err(TemplateError::Brace('}')),
                '{' => {
                    let mut name = String::new();
                    loop {
                        match rest.next() {
                            Some('}') => break,
                            Some(c) if c != '{' => name.push(c),
                            _ => return Err(TemplateError::Brace('{')),
                        }
                    }
                    parts.push(Part::Literal(std::mem::take(&mut literal)));
                    parts.push(Part::Field(name));
                }
                '\\' => literal.push(match rest.next() {
                    Some('t') => '\t',
                    Some('n') => '\n',
                    Some('0') => '\0',
                    Some('\\') => '\\',
                    other => return Err(TemplateError::Escape(other.map(String::from).unwrap_or_default())),
                }),
                c => literal.push(c),
            }
        }
        parts.push(Part::Literal(literal));
        Ok(Self(parts))
    }
}

impl Template {
    /// Looks its fields up in one kind of record.
    ///
    /// # Errors
    /// Wrong usage, with the known fields, when one is not there.
    pub(super) fn resolve<R: Row>(&self) -> Result<Vec<Resolved<R>>, Failure> {
        let find = |name: &str| R::FIELDS.iter().find(|field| field.name() == name);
        let resolve = |part: &Part| match part {
            Part::Literal(text) => Ok(Resolved::Literal(text.clone())),
            Part::Field(name) => find(name).map(Resolved::Field).ok_or_else(|| {
                let known: Vec<&str> = R::FIELDS.iter().map(Field::name).collect();
                let text = format!("a {} has no field {name:?}; it has {}", R::KIND, known.join(", "));
                Failure::new(Exit::Usage, text)
            }),
        };
        self.0.iter().map(resolve).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_that_make_no_sense_are_refused() {
        assert_eq!("{a".parse::<Template>(), Err(TemplateError::Brace('{')));
        assert_eq!("a}".parse::<Template>(), Err(TemplateError::Brace('}')));
        assert_eq!("{a{b}}".parse::<Template>(), Err(TemplateError::Brace('{')));
        assert_eq!("\\q".parse::<Template>(), Err(TemplateError::Escape("q".to_owned())));
        assert_eq!("\\".parse::<Template>(), Err(TemplateError::Escape(String::new())));
    }
}
