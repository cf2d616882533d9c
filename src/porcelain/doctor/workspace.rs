//! The workspace: its place, configuration, tickets, agents and registry.

use super::report::{Remedy, Report, Verdict};
use crate::cli::{Cli, Failure};
use crate::domain::{AgentSpec, Role, chain};
use crate::fs;
use crate::launch::Setup;
use crate::registry::{Code, Finding, Registry, Workspace};
use crate::ticket::{Config, ProfileError, Severity, Tickets, examine, find_in_path, installed_agents};

/// How many findings of one kind are told one by one.
const MAX_OF_A_KIND: usize = 10;

/// Where the workspace is and how it is configured; where that is broken, the defaults hold for the rest of the report.
pub(super) fn configuration(cli: &Cli, workspace: &Workspace, report: &mut Report) -> Config {
    const AREA: &str = "workspace";
    let root = workspace.root.display().to_string();
    if workspace.root.join(".yoi").is_dir() {
        report.ok(AREA, "root", root);
    } else {
        report.add(
            AREA,
            "root",
            Verdict::Warning,
            format!("{root} has no .yoi directory"),
            Remedy::typed(["yoi", "init"]),
        );
    }
    let dot_git = workspace.root.ancestors().map(|dir| dir.join(".git")).find(|path| fs::exists(path));
    let tree = match dot_git {
        None => "none: the registry goes by the directory's path alone".to_owned(),
        Some(_) if workspace.key_root == workspace.root => {
            "the main worktree, whose registry all others share".to_owned()
        }
        Some(_) => format!("a linked worktree, which shares the registry of {}", workspace.key_root.display()),
    };
    report.ok(AREA, "git worktree", tree);
    match find_in_path("git", cli.environment().search_path().map(ToOwned::to_owned).as_ref()) {
        Some(git) => report.ok(AREA, "git", super::machine::version_of(&git)),
        None => report.add(
            AREA,
            "git",
            Verdict::Warning,
            "it is not in PATH, so agents cannot use it",
            Remedy::Do("install git".to_owned()),
        ),
    }
    match Config::load(&workspace.root) {
        Ok(config) => {
            let is_there = fs::exists(config.file());
            let what =
                if is_there { config.file().display().to_string() } else { "none, so the defaults hold".to_owned() };
            report.ok(AREA, "configuration", what);
            config
        }
        Err(error) => {
            let remedy = Remedy::Do("correct the line that is named; until then the defaults hold here".to_owned());
            report.add(AREA, "configuration", Verdict::Problem, chain(&error), remedy);
            Config::defaults(&workspace.root)
        }
    }
}

/// What `yoi ticket doctor` says.
pub(super) fn tickets(cli: &Cli, workspace: &Workspace, config: &Config, report: &mut Report) {
    const AREA: &str = "tickets";
    if !workspace.root.join(".yoi").is_dir() {
        return;
    }
    match Tickets::of(&workspace.root, config).list() {
        Ok(listed) => report.ok(AREA, "tickets", format!("{} in {}", listed.len(), config.root().display())),
        Err(error) => report.add(AREA, "tickets", Verdict::Problem, chain(&error), Remedy::None),
    }
    for finding in examine(&workspace.root, cli.environment().config_dir()) {
        // The configuration was told already.
        if finding.file == config.file() && Config::load(&workspace.root).is_err() {
            continue;
        }
        let verdict = match finding.severity {
            Severity::Error => Verdict::Problem,
            Severity::Warning => Verdict::Warning,
        };
        let file = finding.file.strip_prefix(&workspace.root).unwrap_or(&finding.file);
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        report.add(AREA, format!("{}{line}", file.display()), verdict, finding.what, Remedy::Do(finding.remedy));
    }
}

/// Which agent each role runs, and which are installed.
pub(super) fn agents(cli: &Cli, report: &mut Report) {
    const AREA: &str = "agents";
    let surroundings = cli.surroundings();
    let found = installed_agents(surroundings.search_path.as_ref());
    let names = if found.is_empty() { "no known one; intake has a built-in one".to_owned() } else { found.join(", ") };
    let setup = cli.setup().ok();
    let profile_of = |setup: &Setup, role: Role| setup.config().role(role).profile.clone();
    let launched = || Role::ALL.iter().copied().filter(|role| role.is_launchable());
    let idle = setup.as_ref().is_some_and(|setup| launched().any(|role| profile_of(setup, role).is_none()));
    let remedy = match found.as_slice() {
        [one] if idle => Remedy::typed(["yoi", "init", "--agent", one]),
        [_, _, ..] if idle => {
            Remedy::Do("yoi init --agent NAME has one of them work in roles that have none".to_owned())
        }
        _ => Remedy::None,
    };
    report.add(AREA, "installed", Verdict::Ok, names, remedy);
    let Some(setup) = setup else { return };
    for role in launched() {
        let check = format!("role {role}");
        let Some(profile) = profile_of(&setup, role) else {
            report.ok(AREA, check, "no profile, so it is not launched");
            continue;
        };
        match setup.agent(role, &profile.value.to_string(), profile.source.to_string()) {
            Ok(AgentSpec::Checklist { .. }) => report.ok(AREA, check, format!("{}, built in", profile.value)),
            Ok(agent) => {
                let program = agent.command().first().cloned().unwrap_or_default();
                report.ok(AREA, check, format!("{}, which runs {program} ({})", profile.value, agent.kind()));
            }
            Err(error) => {
                let remedy = match error.profile() {
                    Some(ProfileError::NotInstalled { known, .. }) => Remedy::Do(known.install.to_owned()),
                    Some(ProfileError::ProgramMissing { place, .. }) => {
                        Remedy::Do(format!("change the profile in {place}"))
                    }
                    _ => Remedy::Do(format!("change the profile in {}", profile.source)),
                };
                report.failed(AREA, &check, &Failure::from(error), remedy);
            }
        }
    }
}

/// What `yoi-claim verify` finds.
pub(super) fn registry(cli: &Cli, registry: &Registry, report: &mut Report) {
    const AREA: &str = "registry";
    if matches!(fs::look(registry.dir()), Ok(None)) {
        for former in registry.adoptable() {
            let what = format!("nothing is recorded of this workspace; was it moved from '{}'?", former.root.display());
            let words = ["yoi-claim".into(), "workspace-adopt".into(), former.root.into_os_string()];
            report.add(AREA, "registry", Verdict::Warning, what, Remedy::Type(words.to_vec()));
        }
        return report.ok(AREA, "registry", format!("{} is made at its first use", registry.dir().display()));
    }
    let mut found = registry.verify(&cli.restorable(registry)).all;
    if found.is_empty() {
        return report.ok(AREA, "registry", format!("nothing is wrong in {}", registry.dir().display()));
    }
    found.sort_by_key(|finding| finding.code);
    for kind in found.chunk_by(|a, b| a.code == b.code) {
        for finding in kind.iter().take(MAX_OF_A_KIND) {
            let file = finding.path.strip_prefix(registry.dir()).unwrap_or(&finding.path);
            let what = format!("{}: {}", finding.what, finding.code.means());
            report.add(AREA, file.display().to_string(), verdict(finding), what, Remedy::Type(finding.remedy.clone()));
        }
        if let [first, rest @ ..] = kind.get(MAX_OF_A_KIND..).unwrap_or_default() {
            let what = format!("{} more of the same kind ({})", rest.len() + 1, first.code);
            report.add(AREA, "and", verdict(first), what, Remedy::typed(["yoi-claim", "verify"]));
        }
    }
}

/// What only has to be tidied up, or is somebody's to decide, keeps nothing from working.
fn verdict(finding: &Finding) -> Verdict {
    let is_story = matches!(
        finding.code,
        Code::TornJournal
            | Code::JournalLine
            | Code::JournalLacksClaim
            | Code::JournalLacksRelease
            | Code::SessionOfAnother
            | Code::ReadableByOthers
    );
    if finding.is_dead() || is_story { Verdict::Warning } else { Verdict::Problem }
}
