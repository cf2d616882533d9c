use std::fs;

use super::*;
use crate::domain::{OPEN_QUESTIONS, SectionOutcome, check_sections};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample")
}

fn shown(workspace: &Path, findings: &[Finding]) -> Vec<String> {
    let root = format!("{}/", workspace.display());
    let show = |finding: &Finding| {
        let line = finding.line.map(|line| format!(":{line}")).unwrap_or_default();
        let file = finding.file.display().to_string();
        format!("{} {}{line} {}", finding.severity, file.replace(&root, ""), finding.what.replace(&root, ""))
    };
    findings.iter().map(show).collect()
}

#[test]
fn the_sample_workspace_has_no_findings() {
    assert_eq!(shown(&sample(), &examine(&sample(), None)), Vec::<String>::new());
}

#[test]
fn the_sample_tickets_are_what_the_intake_needs() {
    let config = Config::load(&sample()).unwrap();
    let tickets = Tickets::of(&sample(), &config);
    let ready = tickets.read(&tickets.find("20260118-0").unwrap()).unwrap();
    assert_eq!(ready.summary.state, State::Intake);
    assert_eq!(ready.summary.title, "Retry uploads that failed because the server didn't answer");
    assert!(check_sections(ready.body(), &config.checklist().value).iter().all(|check| check.is_met()));
    assert_eq!(ready.thread.events.len(), 3);
    assert_eq!(ready.thread.events[2].attributes[2], ("reason".to_owned(), "needs a second look".to_owned()));
    let open = tickets.read(&tickets.find("20260118-1").unwrap()).unwrap();
    let checks = check_sections(open.body(), &config.checklist().value);
    let unmet: Vec<&str> = checks.iter().filter(|check| !check.is_met()).map(|check| check.section.as_str()).collect();
    assert_eq!(unmet, ["Acceptance criteria", OPEN_QUESTIONS]);
    assert_eq!(checks[3].outcome, SectionOutcome::Missing);
}

#[test]
fn every_finding_has_its_place_and_none_hides_another() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(".yoi").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("ticket.config.toml", "[roles.coder]\nworkflow = \"ours\"\n");
    write("profiles.toml", "[profiles.x]\nagnt = 1\n");
    let dates = "created_at: 2026-01-01\nupdated_at: 2026-01-01";
    write("tickets/20260101-000000-001/item.md", "---\ntitle: x\n");
    write("tickets/20260101-000000-002/item.md", "---\ntitle: x\nstate: closed\ncreated_at: soon\n---\n");
    write("tickets/20260101-000000-002/thread.md", "stray\n<!-- event: a at: 1 -->\n");
    write("tickets/20260101-000000-003/item.md", &format!("---\ntitle: x\nstate: ready\n{dates}\n---\n"));
    write("tickets/20260101-000000-003/resolution.md", "Done.");
    write("tickets/Notes/x", "");
    write("tickets/.gitkeep", "");
    let findings = examine(dir.path(), None);
    assert_eq!(
        shown(dir.path(), &findings),
        [
            "error .yoi/profiles.toml:2 [profiles.x] has no key \"agnt\"; did you mean \"agent\"?",
            "warning .yoi/.gitignore half-built tickets in .yoi/tmp may get into git",
            "error .yoi/ticket.config.toml:2 there is no workflow ours: neither '.yoi/workflow/ours.md' nor a built-in one",
            "error .yoi/tickets/20260101-000000-001/item.md:1 the front matter has no end: a line '---' is missing",
            "warning .yoi/tickets/20260101-000000-002/item.md:4 created_at \"soon\" is no date",
            "warning .yoi/tickets/20260101-000000-002/item.md the front matter states no updated_at",
            "warning .yoi/tickets/20260101-000000-002/thread.md:1 this text belongs to no event",
            "warning .yoi/tickets/20260101-000000-002/thread.md:2 the event has no '---' line at its end",
            "warning .yoi/tickets/20260101-000000-002/resolution.md the ticket is closed without a resolution",
            "warning .yoi/tickets/20260101-000000-003/thread.md the thread has no event",
            "warning .yoi/tickets/20260101-000000-003/resolution.md there is a resolution, but the ticket is ready",
            "warning .yoi/tickets/Notes its name is no ticket id, so it is not looked into",
        ]
    );
}

#[test]
fn a_broken_configuration_does_not_hide_the_tickets() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join(".yoi/tickets/Notes")).unwrap();
    fs::write(dir.path().join(".yoi/ticket.config.toml"), "tickets = 1\n").unwrap();
    let findings = examine(dir.path(), None);
    assert_eq!(findings.len(), 3, "{findings:?}");
}
