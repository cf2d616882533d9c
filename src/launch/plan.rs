//! The plan of a launch: what will be started, under which name, and what it will be told. Pure.
//!
//! The same context and configuration give the same plan. Nothing is read or looked up here but what is handed in, so
//! that a plan can be printed (`yoi-claim launch-plan`, `yoi intake --dry-run`) and read before anything runs.
//!
//! Fields are bounded: 8,000 characters each, with a mark where one was cut; 50 entries a list; 64 KiB in all.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{NameError, Origin, PodName, Role, Segment, Slug, TicketId, Worktree};
use crate::ticket::Config;

/// The longest field, in characters.
pub const MAX_FIELD: usize = 8_000;
/// The longest list, in entries.
pub const MAX_ENTRIES: usize = 50;
/// The largest input, in bytes of JSON.
pub const MAX_INPUT: usize = 64 << 10;

/// What stands where something was cut.
const MARK: &str = " … [cut here]";

/// A ticket, as far as a launch needs to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketRef {
    /// Its id.
    pub id: TicketId,
    /// Its title, where the tracker that it comes from has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
}

/// What a launch is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRoleLaunchContext {
    /// The workspace's root.
    pub workspace: PathBuf,
    /// The agent's working directory.
    pub directory: PathBuf,
    /// What the Pod is for.
    pub role: Role,
    /// The ticket, if there is one yet.
    pub ticket: Option<TicketRef>,
    /// The Pod's name, where the user chose one.
    pub pod: Option<PodName>,
    /// What the user wants, in a sentence or more.
    pub instruction: Option<String>,
    /// Files that the agent should look at, relative to the workspace.
    pub references: Vec<String>,
}

/// What the configuration says of the role that is launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleSettings {
    /// The profile: `inherit`, `builtin:NAME`, `project:NAME` or `user:NAME`; `None` where none was set.
    pub profile: Option<String>,
    /// The procedure that the role follows.
    pub workflow: Slug,
    /// The launch prompt's reference; carried as it is, never inlined.
    pub launch_prompt: Option<String>,
    /// The language that tickets are written in.
    pub language: String,
}

/// A launch, ready to be executed or printed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TicketRoleLaunchPlan {
    /// The form of this text; 1.
    pub version: u32,
    /// The workspace's root, as text that reads `%xx` for bytes that are no UTF-8.
    pub workspace: String,
    /// The agent's working directory, written likewise.
    pub directory: String,
    /// The git worktree that is made for the ticket, or found again, and is worked in; the directory is in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<Worktree>,
    /// What the Pod is for.
    pub role: Role,
    /// The name that is tried first; a name that is taken gets `-2`, `-3` …
    pub pod: PodName,
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<TicketRef>,
    /// How the session comes about.
    pub origin: Origin,
    /// The profile; absent where none was set for the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The procedure.
    pub workflow: Slug,
    /// The launch prompt's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_prompt: Option<String>,
    /// The input of the first Run.
    pub input: Vec<Segment>,
}

/// Says why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The role is only read and shown.
    #[error("a Pod of role {role} is never launched by yoi")]
    RoleNotLaunchable {
        /// The role.
        role: Role,
    },
    /// A Pod's name cannot be made from the ticket's id or the planned name.
    #[error("cannot name a Pod after {after:?}")]
    PodName {
        /// The ticket's id, or the planned name.
        after: String,
        /// What is wrong with the name.
        #[source]
        source: NameError,
    },
}

/// Plans a launch with the settings that hold where nothing is configured.
///
/// # Errors
/// See [`PlanError`].
pub fn plan_ticket_role_launch(context: &TicketRoleLaunchContext) -> Result<TicketRoleLaunchPlan, PlanError> {
    let role = context.role;
    let settings = RoleSettings::of(&Config::defaults(&context.workspace), role);
    plan_ticket_role_launch_with_config(context, &settings.ok_or(PlanError::RoleNotLaunchable { role })?)
}

/// Plans a launch with the workspace's settings for the role.
///
/// # Errors
/// See [`PlanError`].
pub fn plan_ticket_role_launch_with_config(
    context: &TicketRoleLaunchContext,
    settings: &RoleSettings,
) -> Result<TicketRoleLaunchPlan, PlanError> {
    let role = context.role;
    if !role.is_launchable() {
        return Err(PlanError::RoleNotLaunchable { role });
    }
    let pod = pod_name(context)?;
    let input = first_input(&settings.workflow, first_text(context, &settings.language));
    Ok(TicketRoleLaunchPlan {
        version: 1,
        workspace: crate::domain::path_text(&context.workspace),
        directory: crate::domain::path_text(&context.directory),
        worktree: None,
        role,
        pod,
        ticket: context.ticket.clone(),
        origin: origin(context),
        profile: settings.profile.clone(),
        workflow: settings.workflow.clone(),
        launch_prompt: settings.launch_prompt.as_deref().map(bounded),
        input,
    })
}

fn pod_name(context: &TicketRoleLaunchContext) -> Result<PodName, PlanError> {
    if let Some(pod) = &context.pod {
        return Ok(pod.clone());
    }
    let name = match &context.ticket {
        Some(ticket) => PodName::new(format!("{}-{}", context.role, ticket.id))
            .map_err(|source| PlanError::PodName { after: ticket.id.to_string(), source })?,
        None => PodName::new(format!("{}-new", context.role)).expect("the name of a role is the start of a Pod name"),
    };
    Ok(name)
}

fn origin(context: &TicketRoleLaunchContext) -> Origin {
    match (context.role, &context.ticket) {
        (_, Some(_)) => Origin::TicketClaim,
        (Role::Intake, None) => Origin::PreTicketIntake,
        (_, None) => Origin::RoleLaunch,
    }
}

/// This ticket and this task, and nothing that the profile or the workflow says already.
fn first_text(context: &TicketRoleLaunchContext, language: &str) -> String {
    let mut lines = Vec::new();
    match &context.ticket {
        Some(TicketRef { id, title: Some(title) }) => {
            lines.push(format!("Ticket: {id} {}", bounded(one_line(title).as_str())))
        }
        Some(TicketRef { id, title: None }) => lines.push(format!("Ticket: {id}")),
        None => lines.push("Ticket: none yet".to_owned()),
    }
    lines.push(format!("Role: {}", context.role));
    lines.push(format!("Language: {}", bounded(language)));
    if !context.references.is_empty() {
        lines.push("Look at:".to_owned());
        lines.extend(context.references.iter().take(MAX_ENTRIES).map(|path| format!("- {}", bounded(path))));
        if context.references.len() > MAX_ENTRIES {
            lines.push(format!("- … {} more, cut here", context.references.len() - MAX_ENTRIES));
        }
    }
    if let Some(instruction) = &context.instruction {
        lines.push(String::new());
        lines.push(bounded(instruction));
    }
    lines.join("\n")
}

/// The workflow followed by the text, which is cut where the whole would be over 64 KiB.
fn first_input(workflow: &Slug, mut text: String) -> Vec<Segment> {
    let whole = text.clone();
    let mut kept = whole.chars().count();
    loop {
        let input = vec![Segment::workflow(workflow.clone()), Segment::text(text)];
        let size = serde_json::to_vec(&input).expect("segments have string keys").len();
        if size <= MAX_INPUT {
            return input;
        }
        // JSON writes a character in at most 12 bytes, so this never cuts much more than is needed.
        kept = kept.saturating_sub((size - MAX_INPUT).div_ceil(12).max(MARK.chars().count()));
        text = cut(&whole, kept);
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Cuts a field to 8,000 characters, the mark included.
fn bounded(text: &str) -> String {
    if text.chars().count() <= MAX_FIELD {
        return text.to_owned();
    }
    cut(text, MAX_FIELD - MARK.chars().count())
}

/// Keeps the first characters of a text and says that it was cut.
fn cut(text: &str, kept: usize) -> String {
    text.chars().take(kept).chain(MARK.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn context(role: Role) -> TicketRoleLaunchContext {
        TicketRoleLaunchContext {
            workspace: "/w".into(),
            directory: "/w".into(),
            role,
            ticket: Some(TicketRef { id: TicketId::new("00001KTJ1QJB8").unwrap(), title: Some("A title".into()) }),
            pod: None,
            instruction: None,
            references: Vec::new(),
        }
    }

    fn settings(role: Role) -> RoleSettings {
        RoleSettings::of(&Config::defaults("/w".as_ref()), role).unwrap()
    }

    #[test]
    fn all_five_roles_plan_and_companion_does_not() {
        for role in Role::ALL.iter().copied() {
            let plan = plan_ticket_role_launch(&context(role));
            match role {
                Role::Companion => assert_eq!(plan, Err(PlanError::RoleNotLaunchable { role })),
                _ => assert_eq!(plan.unwrap().pod.as_str(), format!("{role}-00001KTJ1QJB8")),
            }
        }
    }

    #[test]
    fn input_is_the_workflow_followed_by_the_text() {
        let plan = plan_ticket_role_launch(&context(Role::Intake)).unwrap();
        insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
    }

    #[test]
    fn a_long_instruction_is_cut_with_a_mark() {
        let mut context = context(Role::Intake);
        context.instruction = Some("ä".repeat(9_000));
        let plan = plan_ticket_role_launch(&context).unwrap();
        let Segment::Known(crate::domain::KnownSegment::Text { content }) = &plan.input[1] else { panic!("text") };
        let instruction = content.lines().last().unwrap();
        assert_eq!(instruction.chars().count(), MAX_FIELD);
        assert!(instruction.ends_with("… [cut here]"));
    }

    #[test]
    fn too_much_in_all_is_cut_with_a_mark() {
        let mut context = context(Role::Intake);
        context.references = vec!["\u{1}ä".repeat(4_000); 60];
        let plan = plan_ticket_role_launch(&context).unwrap();
        let size = serde_json::to_vec(&plan.input).unwrap().len();
        assert!(size <= MAX_INPUT && size > MAX_INPUT - 100, "{size}");
        let Segment::Known(crate::domain::KnownSegment::Text { content }) = &plan.input[1] else { panic!("text") };
        assert!(content.ends_with(MARK));
    }

    #[test]
    fn inherit_plans() {
        let settings = RoleSettings { profile: Some("inherit".into()), ..settings(Role::Coder) };
        let plan = plan_ticket_role_launch_with_config(&context(Role::Coder), &settings).unwrap();
        assert_eq!(plan.profile.as_deref(), Some("inherit"));
    }

    #[test]
    fn a_launch_prompt_is_a_reference_and_never_part_of_the_input() {
        let settings = RoleSettings { launch_prompt: Some("prompts/x.md".into()), ..settings(Role::Intake) };
        let plan = plan_ticket_role_launch_with_config(&context(Role::Intake), &settings).unwrap();
        assert_eq!(plan.launch_prompt.as_deref(), Some("prompts/x.md"));
        assert!(!serde_json::to_string(&plan.input).unwrap().contains("prompts/x.md"));
    }

    proptest! {
        #[test]
        fn same_inputs_same_plan(instruction in ".{0,200}", title in ".{0,50}") {
            let mut context = context(Role::Intake);
            context.instruction = Some(instruction);
            context.ticket.as_mut().unwrap().title = Some(title);
            let plan = plan_ticket_role_launch(&context).unwrap();
            prop_assert_eq!(&plan, &plan_ticket_role_launch(&context).unwrap());
            let text = serde_json::to_string(&plan).unwrap();
            prop_assert_eq!(plan, serde_json::from_str::<TicketRoleLaunchPlan>(&text).unwrap());
        }
    }
}
