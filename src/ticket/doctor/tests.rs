use std::fs;

use super::*;
use crate::domain::{OPEN_QUESTIONS, SectionOutcome, check_sections};
use crate::ticket::State;

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
            "warning .yoi/tickets/20260101-000000-002/thread.md:1 the ticket is closed, and no event says how it came to that",
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

/// A workspace with one ticket for each thing that can be wrong in tickets.
fn odd_tickets() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(".yoi").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let dates = "created_at: '2026-01-01T00:00:00Z'\nupdated_at: '2026-01-01T00:00:00Z'";
    let id = |number: u32| format!("20260101-000000-{number:03}");
    let ticket = |number: u32, front: &str, thread: &str, relations: &[(&str, u32)]| {
        let ticket = id(number);
        write(&format!("tickets/{ticket}/item.md"), &format!("---\ntitle: x\n{front}\n---\n\nBody\n"));
        write(&format!("tickets/{ticket}/thread.md"), thread);
        if !relations.is_empty() {
            let one = |(kind, target): &(&str, u32)| {
                format!("{{\"ticket_id\": \"{ticket}\", \"kind\": \"{kind}\", \"target\": \"{}\"}}", id(*target))
            };
            let list = relations.iter().map(one).collect::<Vec<_>>().join(",\n");
            let text = format!("{{\"version\": 1, \"relations\": [\n{list}\n]}}\n");
            write(&format!("tickets/{ticket}/artifacts/relations.json"), &text);
        }
    };
    const MADE: &str = "<!-- event: create author: me at: 2026-01-02T00:00:00Z -->\n\n---\n";
    let changed = |to: &str| {
        format!("{MADE}\n<!-- event: state_changed author: me at: 2026-01-03T00:00:00Z to: {to} -->\n\n---\n")
    };
    let closed = format!(
        "{MADE}\n<!-- event: close author: me at: 2026-01-03T00:00:00Z -->\n\n## Closed\n\nIt went well.\n\n---\n"
    );
    ticket(
        1,
        &format!("state: planning\nasignee: me\ndepends_on: [x]\n{dates}"),
        MADE,
        &[("depends_on", 2), ("related", 9)],
    );
    ticket(
        2,
        &format!("state: ready\n{dates}"),
        &changed("ready"),
        &[("depends_on", 1), ("related", 1), ("related", 1)],
    );
    ticket(3, &format!("state: queued\n{dates}"), &changed("ready"), &[("related", 3), ("blocks", 4)]);
    ticket(4, "state: planning", MADE, &[("depends_on", 3)]);
    ticket(5, &format!("state: closed\nworkflow_state: done\n{dates}"), &closed, &[("eats", 1)]);
    ticket(6, &format!("state: planning\nid: 20260101-000000-007\n{dates}"), MADE.trim_end_matches("---\n"), &[]);
    write(&format!("tickets/{}/artifacts/relations.json", id(6)), "{\n]");
    write(&format!("tmp/{}.0123456789abcdef/item.md", id(1)), "");
    write(&format!("tmp/{}.kept/item.md", id(1)), "");
    write(".gitignore", "mine");
    dir
}

#[test]
fn what_is_wrong_in_tickets_and_between_them_is_found_with_its_line() {
    let dir = odd_tickets();
    let shown = shown(dir.path(), &examine(dir.path(), None));
    insta::assert_snapshot!(shown.join("\n").replace(".yoi/tickets/20260101-000000-", ""));
}

#[test]
fn what_is_mended_is_told_and_nothing_else_is_touched() {
    let dir = odd_tickets();
    let read = |path: &str| fs::read_to_string(dir.path().join(".yoi").join(path)).unwrap();
    let item = read("tickets/20260101-000000-002/item.md");
    let findings = examine(dir.path(), None);
    let mended: Vec<String> = findings
        .iter()
        .filter_map(|finding| {
            let done = mend(dir.path(), finding).unwrap()?;
            Some(format!("{}: {done}", shown(dir.path(), std::slice::from_ref(finding)).join("")))
        })
        .collect();
    insta::assert_snapshot!(mended.join("\n").replace(".yoi/tickets/20260101-000000-", ""));
    let left = examine(dir.path(), None);
    assert_eq!(left.iter().filter(|finding| finding.fix.is_some()).collect::<Vec<_>>(), Vec::<&Finding>::new());
    assert_eq!(left.len() + mended.len(), findings.len());
    assert_eq!(read("tickets/20260101-000000-002/item.md"), item, "its relations alone were mended");
    assert_eq!(read("tickets/20260101-000000-005/resolution.md"), "It went well.\n");
    assert!(
        read("tickets/20260101-000000-004/item.md")
            .contains("created_at: '2026-01-01T00:00:00Z'\nupdated_at: '2026-01-02T00:00:00Z'\n")
    );
    assert!(read("tickets/20260101-000000-006/thread.md").ends_with("-->\n\n\n---\n"));
    assert_eq!(read(".gitignore"), "mine\n/tmp/\n");
    assert!(dir.path().join(".yoi/tmp/20260101-000000-001.kept").exists());
}
