//! The configuration as a list: each key that can be set, what it is, and where that comes from.

use super::config::Config;
use super::strict::{Source, Sourced};
use crate::domain::Role;

/// A key of `.yoi/ticket.config.toml`, and what holds for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The key with its tables, such as `roles.coder.profile`.
    pub key: String,
    /// The role that it is of.
    pub role: Option<Role>,
    /// What holds; one text, or several in a list; none where nothing is set and nothing is built in.
    pub value: Option<SettingValue>,
    /// Where the value comes from.
    pub source: Source,
}

/// The value of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// One text.
    One(String),
    /// A list of texts.
    Many(Vec<String>),
}

impl Config {
    /// Every key that can be set, in the order in which `yoi init` writes them.
    pub fn settings(&self) -> Vec<Setting> {
        let one = |key: &str, value: &Sourced<String>| Setting {
            key: key.to_owned(),
            role: None,
            value: Some(SettingValue::One(value.value.clone())),
            source: value.source.clone(),
        };
        let root = self.sourced_root();
        let root = Sourced { value: root.value.display().to_string(), source: root.source.clone() };
        let checklist = Setting {
            value: Some(SettingValue::Many(self.checklist().value.clone())),
            source: self.checklist().source.clone(),
            ..one("ticket.checklist", self.language())
        };
        let mut settings = vec![
            one("backend.provider", self.provider()),
            one("backend.root", &root),
            one("ticket.language", self.language()),
            checklist,
        ];
        settings.extend(Role::ALL.iter().filter(|role| role.is_launchable()).flat_map(|role| self.of_role(*role)));
        settings
    }

    fn of_role(&self, role: Role) -> [Setting; 3] {
        let configured = self.role(role);
        let setting = |key: &str, value: Option<(String, &Source)>| {
            let unset = Source::Default { file: self.file().to_owned() };
            let (value, source) = value.map_or((None, &unset), |(value, source)| (Some(value), source));
            Setting {
                key: format!("roles.{role}.{key}"),
                role: Some(role),
                value: value.map(SettingValue::One),
                source: source.clone(),
            }
        };
        let profile = configured.profile.as_ref().map(|set| (set.value.to_string(), &set.source));
        let workflow = configured.workflow.as_ref().map(|set| (set.value.to_string(), &set.source));
        let prompt = configured.launch_prompt.as_ref().map(|set| (set.value.clone(), &set.source));
        [setting("profile", profile), setting("workflow", workflow), setting("launch_prompt", prompt)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_listed_with_what_holds_and_where_it_was_set() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".yoi")).unwrap();
        let text = "[backend]\nprovider = \"builtin:yoi_local\"\n[ticket]\nchecklist = [\"A\", \"B\"]\n[roles.coder]\n\
                    launch_prompt = \"p.md\"\n";
        std::fs::write(dir.path().join(".yoi/ticket.config.toml"), text).unwrap();
        let config = Config::load(dir.path()).unwrap();
        let shown = |setting: &Setting| {
            let line = match &setting.source {
                Source::At(place) => place.line.to_string(),
                Source::Default { .. } => "-".to_owned(),
            };
            let value = match &setting.value {
                Some(SettingValue::One(value)) => value.clone(),
                Some(SettingValue::Many(values)) => values.join("+"),
                None => "-".to_owned(),
            };
            format!("{} {value} {line}", setting.key)
        };
        let all: Vec<String> = config.settings().iter().map(shown).collect();
        assert_eq!(all.len(), 4 + 5 * 3);
        for line in [
            "backend.provider builtin:yoi_local 2",
            "backend.root .yoi/tickets -",
            "ticket.checklist A+B 4",
            "roles.intake.profile builtin:checklist -",
            "roles.coder.profile - -",
            "roles.coder.workflow ticket-code-workflow -",
            "roles.coder.launch_prompt p.md 6",
        ] {
            assert!(all.iter().any(|one| one == line), "{line} in {all:#?}");
        }
    }
}
