//! All profiles that there are.

use super::super::strict::{ConfigError, in_workspace};
use super::file::Profiles;
use super::{AgentSpec, Named, PROFILES_FILE, ProfileError, ProfileRef, ResolveContext, Slug, builtin_names};

/// A profile, and whether a Pod could be launched with it.
#[derive(Debug)]
pub struct ListedProfile {
    /// Its name.
    pub profile: ProfileRef,
    /// The agent as it is written down, whose program is not looked up; `None` where that is not as it must be.
    pub written: Option<AgentSpec>,
    /// The agent, ready to be started, or why it is not.
    pub agent: Result<AgentSpec, ProfileError>,
}

impl ListedProfile {
    fn look_at(profile: ProfileRef, context: &ResolveContext) -> Self {
        match Named::find(&profile, context) {
            Ok(named) => Self { written: Some(named.agent.clone()), agent: named.look_up(context), profile },
            Err(error) => Self { profile, written: None, agent: Err(error) },
        }
    }
}

/// Lists all profiles: built-in ones, those of the workspace, those of the user. A file that cannot be read hides no
/// other.
pub fn list_profiles(context: &ResolveContext) -> (Vec<ListedProfile>, Vec<ConfigError>) {
    let mut names: Vec<ProfileRef> =
        builtin_names().map(|name| ProfileRef::Builtin(Slug::new(name).expect("built-in names are slugs"))).collect();
    let mut bad = Vec::new();
    let of_user = context.user_config_dir.as_ref().map(|dir| dir.join(PROFILES_FILE));
    let mut add = |file, name_of: fn(Slug) -> ProfileRef| match Profiles::read(file).and_then(|read| read.names()) {
        Ok(found) => names.extend(found.into_iter().map(name_of)),
        Err(error) => bad.push(error),
    };
    add(in_workspace(context.workspace, PROFILES_FILE), ProfileRef::Project);
    if let Some(file) = of_user {
        add(file, ProfileRef::User);
    }
    (names.into_iter().map(|name| ListedProfile::look_at(name, context)).collect(), bad)
}
