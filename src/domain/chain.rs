//! Errors in words.

/// An error and its causes in one line, joined by `: `; a cause that only repeats its effect is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    causes(error).join(": ")
}

/// The texts of an error and of its causes, outermost first; a cause that only repeats its effect is left out.
pub fn causes(error: &dyn std::error::Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !texts.last().is_some_and(|effect| effect.ends_with(&text)) {
            texts.push(text);
        }
        cause = error.source();
    }
    texts
}
