use super::*;
use crate::domain::{Role, Timestamp};
use crate::ticket::{Author, NewTicket, Published, State};
use std::fs;

fn workspace() -> (tempfile::TempDir, Tickets) {
    let dir = tempfile::tempdir().unwrap();
    let tickets = Tickets::of(dir.path(), &Config::load(dir.path()).unwrap());
    (dir, tickets)
}

fn plant(tickets: &Tickets, id: &str, item: &str) {
    fs::create_dir_all(tickets.root.join(id)).unwrap();
    fs::write(tickets.root.join(id).join("item.md"), item).unwrap();
}

fn now() -> Timestamp {
    "2026-06-07T22:02:25Z".parse().unwrap()
}

fn new(title: &str) -> NewTicket {
    NewTicket { title: title.to_owned(), body: "## Goal\n\n---\n".to_owned(), author: Author::role(Role::Intake) }
}

#[test]
fn a_new_ticket_is_prepared_and_then_published() {
    let (dir, tickets) = workspace();
    let prepared = tickets.prepare(&new("It's new"), now()).unwrap();
    let id = prepared.id().clone();
    assert_eq!(id.as_str(), "00001KTJ1QJB8");
    assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
    assert_eq!(prepared.publish().unwrap(), Published::Done(id.clone()));
    let read = |name: &str| fs::read_to_string(tickets.dir(&id).unwrap().join(name)).unwrap();
    assert_eq!(
        read("item.md"),
        "---\ntitle: 'It''s new'\nstate: 'planning'\ncreated_at: '2026-06-07T22:02:25Z'\n\
         updated_at: '2026-06-07T22:02:25Z'\n---\n\n## Goal\n\n---\n"
    );
    assert_eq!(
        read("thread.md"),
        "<!-- event: create author: intake at: 2026-06-07T22:02:25Z -->\n\n## Created\n\n---\n"
    );
    let ticket = tickets.read(&id).unwrap();
    assert_eq!((ticket.summary.title.as_str(), ticket.summary.state), ("It's new", State::Planning));
    assert_eq!(ticket.body(), "## Goal\n\n---");
    assert!(!dir.path().join(".yoi/tmp").exists());
}

#[test]
fn an_id_that_was_taken_meanwhile_is_given_up() {
    let (_dir, tickets) = workspace();
    let (one, two) = (tickets.prepare(&new("1"), now()).unwrap(), tickets.prepare(&new("2"), now()).unwrap());
    assert_eq!(one.id(), two.id());
    assert!(matches!(one.publish().unwrap(), Published::Done(_)));
    assert_eq!(two.publish().unwrap(), Published::Taken);
    let again = tickets.prepare(&new("2"), now()).unwrap();
    assert_eq!(again.id().as_str(), "00001KTJ1QJB9");
    assert!(matches!(again.publish().unwrap(), Published::Done(_)));
    assert_eq!(tickets.list().unwrap()[0].summary.as_ref().unwrap().title, "1");
}

#[test]
fn titles_have_bounds() {
    let (_dir, tickets) = workspace();
    for title in ["", " \t", "a\nb", "a\u{7}", &"x".repeat(301)] {
        assert!(tickets.prepare(&new(title), now()).is_err(), "{title:?}");
    }
    for title in ["'\"#: -->", &"é".repeat(300)] {
        let prepared = tickets.prepare(&new(title), now()).unwrap();
        let Published::Done(id) = prepared.publish().unwrap() else { panic!() };
        assert_eq!(tickets.read(&id).unwrap().summary.title, title);
    }
}

#[test]
fn a_ticket_is_found_by_any_unique_beginning() {
    let (_dir, tickets) = workspace();
    for id in ["00001KTJ1QJB8", "00001KTJ1QJB9", "20260607-220225-001", "not-an-id"] {
        plant(&tickets, id, "");
    }
    for (text, id) in [
        ("00001KTJ1QJB8", "00001KTJ1QJB8"),
        ("oooo1ktjiqjb9", "00001KTJ1QJB9"),
        ("2", "20260607-220225-001"),
        ("20260607-220225-001", "20260607-220225-001"),
    ] {
        assert_eq!(tickets.find(text).unwrap().as_str(), id, "{text}");
    }
    let error = |text: &str| tickets.find(text).unwrap_err().to_string();
    assert_eq!(error("00001K"), "\"00001K\" may be 00001KTJ1QJB8 or 00001KTJ1QJB9");
    assert_eq!(
        error("00001KTJ1QJBA"),
        "there is no ticket \"00001KTJ1QJBA\": did you mean 00001KTJ1QJB8 or 00001KTJ1QJB9?"
    );
    assert_eq!(error("not-an-id"), "there is no ticket \"not-an-id\"");
    assert_eq!(error(""), "there is no ticket \"\"");
    assert!(error(&"x".repeat(5000)).len() < 200);
}

#[test]
fn an_id_never_leads_out_of_the_tickets() {
    let (dir, tickets) = workspace();
    plant(&tickets, "../outside", "---\ntitle: x\nstate: ready\n---\n");
    plant(&tickets, "name", "---\ntitle: x\nstate: ready\n---\n");
    for id in ["../outside", "../tickets/name", "name", ".", "..", "/etc"] {
        assert!(matches!(tickets.find(id), Err(FindError::NotFound { .. })), "{id}");
        let id = TicketId::new(id).unwrap();
        assert!(matches!(tickets.read(&id), Err(ReadError::NotFound { .. })), "{id}");
        assert_eq!(tickets.dir(&id), None);
    }
    drop(dir);
}

#[test]
fn one_bad_ticket_hides_no_other() {
    let (_dir, tickets) = workspace();
    assert!(tickets.list().unwrap().is_empty());
    plant(
        &tickets,
        "20260607-220225-001",
        "---\ntitle: Fine\nworkflow_state: 'intake'\nlabels: [a]\nassignee: null\n---\n",
    );
    plant(&tickets, "20260607-220225-002", "no front matter");
    plant(&tickets, "20260607-220225-003", "---\ntitle: x\nstate: dun\n---\n");
    fs::create_dir(tickets.root.join("20260607-220225-004")).unwrap();
    fs::write(tickets.root.join("20260607-220225-005"), "a file").unwrap();
    plant(&tickets, "20260607-220225-006", "---\nstate: ready\n---\n");
    fs::write(tickets.root.join("20260607-220225-006/item.md"), b"---\ntitle: x\n\xff").unwrap();
    let shown = |listed: &Listed| match &listed.summary {
        Ok(summary) => format!("{} {} {:?} {:?}", summary.title, summary.state, summary.labels, summary.assignee),
        Err(error) => {
            let source = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
            format!("{error}{source}").replace(&tickets.root.display().to_string(), "")
        }
    };
    let list: Vec<String> = tickets.list().unwrap().iter().map(shown).collect();
    assert_eq!(
        list,
        [
            "Fine intake [\"a\"] None",
            "/20260607-220225-002/item.md:1: there is no front matter: the first line must be '---'",
            "/20260607-220225-003/item.md:3: state \"dun\" is not known; known are planning, intake, ready, queued, inprogress, done, closed",
            "/20260607-220225-004/item.md:1: this file is missing",
            "cannot read '/20260607-220225-005': it is no directory",
            "cannot read '/20260607-220225-006/item.md': it is no UTF-8 text (line 3)",
        ]
    );
}

#[test]
fn a_file_that_went_with_its_directory_is_looked_for_in_the_successor() {
    let (dir, tickets) = workspace();
    plant(&tickets, "20260607-220225-001", "old");
    let id = LocalId::parse("20260607-220225-001").unwrap();
    let exchanged = std::cell::Cell::new(false);
    let read = |open: &OpenDir| {
        if !exchanged.replace(true) {
            fs::rename(id.dir(&tickets.root), dir.path().join("old")).unwrap();
            fs::remove_dir_all(dir.path().join("old")).unwrap();
            plant(&tickets, id.as_str(), "new");
        }
        Ok(open.read("item.md")?)
    };
    assert_eq!(tickets.with_dir(&id, read, Option::is_some).unwrap().unwrap(), b"new");
}

#[test]
fn moments_are_read_in_the_forms_that_tickets_have() {
    use crate::ticket::parse_moment;
    for text in [
        "2026-06-07T22:02:25Z",
        "2026-06-08T00:02:25+02:00",
        "2026-06-07T22:02:25",
        "2026-06-07 22:02:25",
        "2026-06-07 22:02:25 +0000",
    ] {
        assert_eq!(parse_moment(text), Some(now()), "{text}");
    }
    assert!(parse_moment("2026-06-07").is_some());
    assert_eq!(parse_moment("yesterday"), None);
}
