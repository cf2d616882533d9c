//! What launches are made from: a workspace, its configuration, and where agent programs are looked up.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::OnceLock;

use super::error::TicketRoleLaunchError;
use super::hold::find_command;
use super::plan::{
    PlanError, RoleSettings, TicketRef, TicketRoleLaunchContext, TicketRoleLaunchPlan,
    plan_ticket_role_launch_with_config,
};
use crate::domain::{AgentSpec, PodName, PodRecord, Role, TicketId, chain};
use crate::registry::{Restorable, Workspace};
use crate::ticket::{
    Config, ConfigError, ListedProfile, ProfileError, ProfileRef, ResolveContext, Tickets, installed_agents,
    list_profiles, place_of, resolve,
};

/// Where configuration and programs are found besides the workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// yoi's directory in the user's configuration directory.
    pub user_config_dir: Option<PathBuf>,
    /// `PATH`.
    pub search_path: Option<OsString>,
}

/// A workspace with its configuration read.
#[derive(Debug, Clone)]
pub struct Setup {
    workspace: Workspace,
    surroundings: Surroundings,
    config: Config,
}

impl Setup {
    /// Reads the configuration of a workspace.
    ///
    /// # Errors
    /// When it cannot be read, or something in it is not known.
    pub fn load(workspace: Workspace, surroundings: Surroundings) -> Result<Self, ConfigError> {
        let config = Config::load(&workspace.root)?;
        Ok(Self { workspace, surroundings, config })
    }

    /// The workspace with nothing configured: for what is to be seen although the configuration cannot be read.
    pub fn with_defaults(workspace: Workspace, surroundings: Surroundings) -> Self {
        let config = Config::defaults(&workspace.root);
        Self { workspace, surroundings, config }
    }

    /// The workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its tickets.
    pub fn tickets(&self) -> Tickets {
        Tickets::of(&self.workspace.root, &self.config)
    }

    /// All profiles that there are, and what is wrong with files that cannot be read.
    pub fn profiles(&self) -> (Vec<ListedProfile>, Vec<ConfigError>) {
        list_profiles(&self.context())
    }

    /// Resolves a profile, whatever role runs it.
    ///
    /// # Errors
    /// When it leads to no agent.
    pub fn resolve(&self, profile: &ProfileRef) -> Result<AgentSpec, ProfileError> {
        resolve(profile, &self.context())
    }

    /// What to change where the agent of a profile does not do as it should; `None` where no file names its program.
    pub fn how_to_change(&self, profile: &ProfileRef) -> Option<String> {
        place_of(profile, &self.context()).map(|place| format!("change profile {profile} in {place}"))
    }

    /// The roles that a profile is configured for.
    pub fn roles_of(&self, profile: &ProfileRef) -> Vec<Role> {
        let has = |role: &Role| self.config.role(*role).profile.as_ref().is_some_and(|set| set.value == *profile);
        Role::ALL.iter().copied().filter(has).collect()
    }

    /// The names of the known agents that can be run on this machine.
    pub fn installed_agents(&self) -> Vec<&'static str> {
        installed_agents(self.surroundings.search_path.as_ref())
    }

    /// Plans a launch in this workspace.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn plan(
        &self,
        role: Role,
        ticket: Option<TicketId>,
        pod: Option<PodName>,
        instruction: Option<String>,
    ) -> Result<TicketRoleLaunchPlan, PlanError> {
        let settings = RoleSettings::of(&self.config, role).ok_or(PlanError::RoleNotLaunchable { role })?;
        let context = TicketRoleLaunchContext {
            workspace: self.workspace.root.clone(),
            directory: self.workspace.root.clone(),
            role,
            ticket: ticket.map(|id| TicketRef { id, title: None }),
            pod,
            instruction,
            references: Vec::new(),
        };
        plan_ticket_role_launch_with_config(&context, &settings)
    }

    /// Resolves the profile of a plan to an agent program.
    ///
    /// # Errors
    /// When the role has no profile, inherits one, or it leads to no program; each says where it was set.
    pub fn agent_of(&self, plan: &TicketRoleLaunchPlan) -> Result<AgentSpec, TicketRoleLaunchError> {
        let role = plan.role;
        let place = match &self.config.role(role).profile {
            Some(profile) => profile.source.to_string(),
            None => self.config.file().display().to_string(),
        };
        match &plan.profile {
            Some(profile) => self.agent(role, profile, place),
            None => {
                let found = self.installed_agents().into_iter().map(str::to_owned).collect();
                Err(TicketRoleLaunchError::NoProfile { role, place, found })
            }
        }
    }

    /// Resolves a profile by its name; `place` says where the name was set.
    ///
    /// # Errors
    /// When it is to be inherited, or leads to no program.
    pub fn agent(&self, role: Role, profile: &str, place: String) -> Result<AgentSpec, TicketRoleLaunchError> {
        let unusable = |place, source| TicketRoleLaunchError::Profile { role, place, source: Box::new(source) };
        let profile: ProfileRef = match profile.parse() {
            Ok(profile) => profile,
            Err(source) => return Err(TicketRoleLaunchError::ProfileName { role, place, source }),
        };
        match resolve(&profile, &self.context()) {
            Ok(agent) => Ok(agent),
            Err(ProfileError::Inherit) => Err(TicketRoleLaunchError::UnsupportedInheritProfile { role, place }),
            Err(error) => Err(unusable(place, error)),
        }
    }

    fn context(&self) -> ResolveContext<'_> {
        ResolveContext {
            workspace: &self.workspace.root,
            user_config_dir: self.surroundings.user_config_dir.clone(),
            search_path: self.surroundings.search_path.clone(),
            config: &self.config,
        }
    }
}

impl RoleSettings {
    /// What is configured for a role; `None` for a role that is never launched.
    pub fn of(config: &Config, role: Role) -> Option<Self> {
        let configured = config.role(role);
        Some(Self {
            profile: configured.profile.as_ref().map(|profile| profile.value.to_string()),
            workflow: configured.workflow.as_ref()?.value.clone(),
            launch_prompt: configured.launch_prompt.as_ref().map(|prompt| prompt.value.clone()),
            language: config.language().value.clone(),
        })
    }
}

/// Judges whether stopped Pods of a workspace can be restored; reads the configuration only once a Pod is stopped.
pub struct RestoreCheck {
    workspace: Workspace,
    surroundings: Surroundings,
    setup: OnceLock<Result<Setup, String>>,
}

impl RestoreCheck {
    /// Makes the judge of a workspace's Pods.
    pub fn new(workspace: Workspace, surroundings: Surroundings) -> Self {
        Self { workspace, surroundings, setup: OnceLock::new() }
    }
}

impl Restorable for RestoreCheck {
    fn check(&self, record: &PodRecord) -> Result<(), String> {
        let directory = record.directory();
        if !directory.is_dir() {
            return Err(format!("its working directory '{}' is gone", directory.display()));
        }
        if record.is_held() {
            let search_path = self.surroundings.search_path.as_deref();
            return find_command(&record.command(), &directory, search_path).map(drop);
        }
        let load = || Setup::load(self.workspace.clone(), self.surroundings.clone()).map_err(|error| chain(&error));
        let setup = self.setup.get_or_init(load).as_ref().map_err(Clone::clone)?;
        let agent = setup.agent(record.role, &record.profile, "its record".to_owned());
        agent.map(drop).map_err(|error| chain(&error))
    }
}
