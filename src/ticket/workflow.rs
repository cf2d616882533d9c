//! Workflows: the procedure that a role follows, as text for its agent.

use std::path::{Path, PathBuf};

use crate::domain::Slug;
use crate::fs::PathError;

use super::files::read_text;
use super::place::nearest;
use super::strict::in_workspace;

/// The workflows that yoi brings along, by name.
const BUILT_IN: &[(&str, &str)] = &[
    ("ticket-intake-workflow", include_str!("workflows/ticket-intake-workflow.md")),
    ("ticket-orchestrate-workflow", include_str!("workflows/ticket-orchestrate-workflow.md")),
    ("ticket-code-workflow", include_str!("workflows/ticket-code-workflow.md")),
    ("ticket-review-workflow", include_str!("workflows/ticket-review-workflow.md")),
    ("ticket-investigate-workflow", include_str!("workflows/ticket-investigate-workflow.md")),
];

/// How much of a procedure an agent is told, in characters: more than a person would read, less than a model forgets.
pub const MAX_WORKFLOW: usize = 32_000;

/// What stands where a procedure was cut.
const MARK: &str = "\n\n… [cut here]";

/// A procedure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workflow {
    /// Its name.
    pub slug: Slug,
    /// What the agent is told, Markdown; with a mark where it was cut.
    pub text: String,
    /// How long the text was before that, in characters; `None` where nothing was cut.
    pub cut_from: Option<usize>,
    /// The workspace's file; `None` where it is a built-in one.
    pub file: Option<PathBuf>,
}

/// Says why there is no text for a workflow.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// Neither the workspace nor yoi has one of that name.
    #[error("there is no workflow {slug}: neither '{}' nor a built-in one{}", file.display(), like(*nearest))]
    NotFound {
        /// The name.
        slug: Slug,
        /// The file that would be it.
        file: PathBuf,
        /// The built-in one that is most like it.
        nearest: Option<&'static str>,
    },
    /// The workspace's file cannot be read.
    #[error(transparent)]
    Io(#[from] PathError),
}

fn like(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean {nearest}?")).unwrap_or_default()
}

/// Reads a workflow: the workspace's file `.yoi/workflow/<slug>.md`, else the built-in one of that name.
///
/// # Errors
/// When there is neither, or the file cannot be read.
pub fn load_workflow(workspace: &Path, slug: &Slug) -> Result<Workflow, WorkflowError> {
    let file = in_workspace(workspace, "workflow").join(format!("{slug}.md"));
    if let Some(text) = read_text(&file)? {
        let (text, cut_from) = bounded(text);
        return Ok(Workflow { slug: slug.clone(), text, cut_from, file: Some(file) });
    }
    match BUILT_IN.iter().find(|(name, _)| *name == slug.as_str()) {
        Some((_, text)) => Ok(Workflow { slug: slug.clone(), text: (*text).to_owned(), cut_from: None, file: None }),
        None => {
            let nearest = nearest(slug.as_str(), BUILT_IN.iter().map(|(name, _)| *name));
            Err(WorkflowError::NotFound { slug: slug.clone(), file, nearest })
        }
    }
}

/// Cuts a text that is too long; gives how long it was.
fn bounded(text: String) -> (String, Option<usize>) {
    let length = text.chars().count();
    if length <= MAX_WORKFLOW {
        return (text, None);
    }
    let kept = MAX_WORKFLOW - MARK.chars().count();
    (text.chars().take(kept).chain(MARK.chars()).collect(), Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;
    use crate::ticket::Config;

    fn load(workspace: &Path, slug: &str) -> Result<Workflow, WorkflowError> {
        load_workflow(workspace, &Slug::new(slug).unwrap())
    }

    #[test]
    fn every_role_that_is_launched_has_a_workflow() {
        let dir = tempfile::tempdir().unwrap();
        let config = Config::load(dir.path()).unwrap();
        for role in Role::ALL.iter().filter(|role| role.is_launchable()) {
            let slug = &config.role(*role).workflow.as_ref().unwrap().value;
            assert!(load(dir.path(), slug.as_str()).unwrap().text.starts_with("# "), "{role}");
        }
    }

    #[test]
    fn the_workspaces_own_text_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join(".yoi/workflow");
        std::fs::create_dir_all(&own).unwrap();
        std::fs::write(own.join("ticket-code-workflow.md"), "Ours.").unwrap();
        let workflow = load(dir.path(), "ticket-code-workflow").unwrap();
        assert_eq!((workflow.text.as_str(), workflow.file), ("Ours.", Some(own.join("ticket-code-workflow.md"))));
        let error = load(dir.path(), "ticket-coding-workflow").unwrap_err().to_string();
        assert!(error.ends_with("nor a built-in one; did you mean ticket-code-workflow?"), "{error}");
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_with_a_mark_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join(".yoi/workflow");
        std::fs::create_dir_all(&own).unwrap();
        for (length, cut_from) in [(MAX_WORKFLOW, None), (MAX_WORKFLOW + 1, Some(MAX_WORKFLOW + 1))] {
            std::fs::write(own.join("long.md"), "é".repeat(length)).unwrap();
            let workflow = load(dir.path(), "long").unwrap();
            assert_eq!((workflow.text.chars().count(), workflow.cut_from), (MAX_WORKFLOW, cut_from));
            assert_eq!(workflow.text.ends_with("… [cut here]"), cut_from.is_some());
        }
    }

    #[test]
    fn every_built_in_one_reaches_the_agent_whole_and_says_in_which_language_to_write() {
        for (slug, text) in BUILT_IN {
            assert!(text.chars().count() < MAX_WORKFLOW / 4, "{slug}");
            assert!(text.contains("`Language:`"), "{slug}");
        }
    }

    #[test]
    fn who_cannot_call_tools_is_told_how_to_run_them() {
        for (slug, text) in BUILT_IN {
            assert!(text.contains("yoi tool NAME --json"), "{slug}");
        }
    }
}
