//! Agents that yoi knows how to start: the `builtin:` profiles.
//!
//! The command lines are those of each agent's own documentation, and of the registry of agents that the Agent Client
//! Protocol's makers keep (<https://github.com/agentclientprotocol/registry>).

use std::ffi::OsString;
use std::path::PathBuf;

use super::program::find_in_path;
use crate::domain::{AcpSpec, AgentSpec, Deadlines, PermissionPolicy};

/// What the names of profiles end in that run an agent anew each turn, which also has one that speaks a protocol.
const EXEC: &str = "-exec";

/// An agent that yoi knows how to start.
#[derive(Debug, PartialEq, Eq)]
pub struct KnownAgent {
    /// The name of its built-in profile.
    pub name: &'static str,
    speaks: Speaks,
    /// The program and its arguments.
    pub command: &'static [&'static str],
    /// How it is installed: a command to type, or the page that tells.
    pub install: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    /// The Agent Client Protocol.
    Acp,
    /// A prompt on standard input, an answer on standard output.
    Exec,
}

const fn acp(name: &'static str, command: &'static [&'static str], install: &'static str) -> KnownAgent {
    KnownAgent { name, speaks: Speaks::Acp, command, install }
}

const fn exec(name: &'static str, command: &'static [&'static str], install: &'static str) -> KnownAgent {
    KnownAgent { name, speaks: Speaks::Exec, command, install }
}

/// All of them; of one agent, the better way comes first.
pub const KNOWN_AGENTS: &[KnownAgent] = &[
    acp("claude", &["claude-agent-acp"], "npm install -g @agentclientprotocol/claude-agent-acp"),
    exec("claude-exec", &["claude", "-p"], "npm install -g @anthropic-ai/claude-code"),
    acp("codex", &["codex-acp"], "npm install -g @agentclientprotocol/codex-acp"),
    exec("codex-exec", &["codex", "exec", "-"], "npm install -g @openai/codex"),
    acp("gemini", &["gemini", "--acp"], "npm install -g @google/gemini-cli"),
    acp("opencode", &["opencode", "acp"], "https://opencode.ai/docs"),
    acp("vibe", &["vibe-acp"], "uv tool install mistral-vibe"),
    acp("goose", &["goose", "acp"], "https://block.github.io/goose"),
    acp("qwen", &["qwen", "--acp"], "npm install -g @qwen-code/qwen-code"),
    acp("copilot", &["copilot", "--acp"], "npm install -g @github/copilot"),
    acp("cursor", &["cursor-agent", "acp"], "https://cursor.com/docs/cli"),
    acp("kimi", &["kimi", "acp"], "uv tool install kimi-cli"),
    acp("auggie", &["auggie", "--acp"], "npm install -g @augmentcode/auggie"),
    acp("cline", &["cline", "--acp"], "npm install -g cline"),
    exec("llm", &["llm"], "uv tool install llm"),
];

impl KnownAgent {
    /// The agent whose built-in profile has this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        KNOWN_AGENTS.iter().find(|known| known.name == name)
    }

    /// The agent's own name, which all ways to run it have in common.
    pub fn agent(&self) -> &'static str {
        self.name.strip_suffix(EXEC).unwrap_or(self.name)
    }

    /// The program.
    pub fn program(&self) -> &'static str {
        self.command[0]
    }

    /// Where its program is, if it is installed.
    pub fn find(&self, search_path: Option<&OsString>) -> Option<PathBuf> {
        find_in_path(self.program(), search_path)
    }

    /// What a profile of it says; the program is not looked up.
    pub fn spec(&self) -> AgentSpec {
        let command = self.command.iter().map(|word| (*word).to_owned()).collect();
        match self.speaks {
            Speaks::Exec => AgentSpec::Exec { command, env: [].into() },
            Speaks::Acp => AgentSpec::Acp(AcpSpec {
                command,
                env: [].into(),
                permissions: PermissionPolicy::default(),
                mode: None,
                auth: None,
                deadlines: Deadlines::default(),
            }),
        }
    }
}

/// The ways to run an agent, installed or not, the better ones first; the name of a built-in profile stands for that one
/// way. None for an agent that is not known.
pub fn ways_to_run(name: &str) -> Vec<&'static KnownAgent> {
    KNOWN_AGENTS.iter().filter(|known| known.agent() == name || known.name == name).collect()
}

/// The names of the known agents that can be run in one way at least, each once.
pub fn installed_agents(search_path: Option<&OsString>) -> Vec<&'static str> {
    let mut found: Vec<&str> =
        KNOWN_AGENTS.iter().filter(|known| known.find(search_path).is_some()).map(KnownAgent::agent).collect();
    // Ways to run one agent stand side by side.
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Slug;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_is_as_its_readers_take_it() {
        let names: BTreeSet<&str> = KNOWN_AGENTS.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), KNOWN_AGENTS.len(), "each name once");
        assert!(!names.contains("checklist") && !names.contains("inherit"));
        let mut agents: Vec<&str> = KNOWN_AGENTS.iter().map(KnownAgent::agent).collect();
        agents.dedup();
        assert_eq!(agents.len(), agents.iter().collect::<BTreeSet<_>>().len(), "ways to run one agent side by side");
        for known in KNOWN_AGENTS {
            Slug::new(known.name).unwrap();
            assert!(!known.program().contains('/') && !known.install.is_empty());
            let ways = ways_to_run(known.agent());
            assert!(ways.iter().position(|way| way.speaks == Speaks::Acp).is_none_or(|at| at == 0), "{known:?}");
        }
        assert!(ways_to_run("nobody").is_empty());
        assert_eq!(ways_to_run("claude-exec").iter().map(|way| way.name).collect::<Vec<_>>(), ["claude-exec"]);
    }
}
