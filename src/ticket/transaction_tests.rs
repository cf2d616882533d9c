use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::domain::Timestamp;
use crate::ticket::change::Change;
use crate::ticket::error::ReadError;
use crate::ticket::{Author, By, Comment, Config, Remark, State, Step, Taken, Words, Work};

const ID: &str = "20260607-220225-001";
const ITEM_TEXT: &str =
    "---\ntitle: 'Old'\nstate: \"intake\"\ncreated_at: '2026-06-07T22:02:25Z'\nextra: x # kept\n---\n\nBody\n";
const THREAD_TEXT: &str = "<!-- event: create author: tool at: 1 -->\n\n## Created\n\n---\n";

struct Fixture {
    workspace: tempfile::TempDir,
    tickets: Tickets,
    id: LocalId,
}

impl Fixture {
    fn new() -> Self {
        let workspace = tempfile::tempdir().unwrap();
        let config = Config::load(workspace.path()).unwrap();
        let tickets = Tickets::of(workspace.path(), &config);
        let fixture = Self { workspace, tickets, id: LocalId::parse(ID).unwrap() };
        fs::create_dir_all(fixture.path("artifacts/deep")).unwrap();
        fixture.write("item.md", ITEM_TEXT);
        fixture.write("thread.md", THREAD_TEXT);
        fixture
    }

    fn path(&self, name: &str) -> PathBuf {
        self.id.dir(&self.tickets.root).join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn scratch_is_gone(&self) -> bool {
        !self.workspace.path().join(".yoi/tmp").exists()
    }

    fn comment(&self, body: &str) -> Result<(), WriteError> {
        let author = Author::person("me").unwrap();
        let comment = Comment { remark: Remark::Comment, author: &author, heading: None, body };
        self.tickets.comment(self.id.ticket(), &comment, now())
    }

    fn intake_ready(&self, repeated: bool) -> Result<Taken, WriteError> {
        self.take(Step::IntakeReady, "All is said.", repeated)
    }

    fn take(&self, step: Step, text: &str, repeated: bool) -> Result<Taken, WriteError> {
        let author = Author::role(step.role());
        let work = Work { step, author: &author, text, by: By::Claim { since: now(), repeated } };
        self.tickets.take(self.id.ticket(), &work, now())
    }

    fn bring_to(&self, to: State, text: &str) -> Result<Taken, WriteError> {
        let author = Author::person("me").unwrap();
        self.tickets.bring_to(self.id.ticket(), to, &Words { author: &author, text }, now())
    }

    fn in_state(&self, state: State) {
        self.write("item.md", &ITEM_TEXT.replace("intake", state.as_str()));
    }

    /// The kinds of the events, each with its status where it has one.
    fn kinds(&self) -> Vec<String> {
        let thread = self.tickets.read(self.id.ticket()).unwrap().thread;
        let status = |event: &crate::ticket::Event| {
            event.attributes.iter().find(|(key, _)| key == "status").map(|(_, value)| format!(": {value}"))
        };
        thread.events.iter().map(|event| format!("{}{}", event.kind, status(event).unwrap_or_default())).collect()
    }
}

fn now() -> Timestamp {
    "2026-06-08T01:02:03.456Z".parse().unwrap()
}

fn files(item: &str, thread: &str) -> Vec<NewFile> {
    vec![NewFile::new(ITEM, item), NewFile::new(THREAD, thread)]
}

#[test]
fn a_comment_changes_its_own_lines_alone() {
    let fixture = Fixture::new();
    fixture.comment("Hello").unwrap();
    let line = "created_at: '2026-06-07T22:02:25Z'\n";
    let item = ITEM_TEXT.replace(line, &format!("{line}updated_at: '2026-06-08T01:02:03Z'\n"));
    assert_eq!(fixture.read("item.md"), item);
    let event = "\n<!-- event: comment author: me at: 2026-06-08T01:02:03Z -->\n\n## Comment\n\nHello\n\n---\n";
    assert_eq!(fixture.read("thread.md"), format!("{THREAD_TEXT}{event}"));
    assert!(fixture.scratch_is_gone());
    assert!(matches!(fixture.comment(" \n"), Err(WriteError::Invalid { .. })));
}

#[test]
fn intake_ready_writes_summary_and_state_and_a_repeat_nothing() {
    for one_by_one in [false, true] {
        let mut fixture = Fixture::new();
        fixture.tickets.one_by_one = one_by_one;
        assert_eq!(fixture.intake_ready(false).unwrap(), Taken::Now);
        let ticket = fixture.tickets.read(fixture.id.ticket()).unwrap();
        assert_eq!(ticket.summary.state, State::Ready);
        assert!(fixture.read("item.md").contains("\nstate: \"ready\"\n"));
        let kinds: Vec<&str> = ticket.thread.events.iter().map(|event| event.kind.as_str()).collect();
        assert_eq!(kinds, ["create", "intake_summary", "state_changed"]);
        let change = ["from", "intake", "to", "ready", "reason", "intake_ready", "field", "state"];
        let attributes = ticket.thread.events[2].attributes.iter().flat_map(|(key, value)| [key, value]);
        assert_eq!(attributes.collect::<Vec<_>>(), change);
        let before = (fixture.read("item.md"), fixture.read("thread.md"));
        assert_eq!(fixture.intake_ready(true).unwrap(), Taken::Before);
        let error = fixture.intake_ready(false).unwrap_err().to_string();
        assert_eq!(
            error,
            "ticket 20260607-220225-001 is ready: TicketIntakeReady needs a ticket in planning (or in intake, its older name)"
        );
        assert_eq!((fixture.read("item.md"), fixture.read("thread.md")), before);
        assert!(fixture.scratch_is_gone());
    }
}

#[test]
fn intake_ready_is_refused_from_every_other_state() {
    for state in State::ALL.iter().filter(|state| !matches!(state, State::Planning | State::Intake)) {
        let fixture = Fixture::new();
        let item = ITEM_TEXT.replace("intake", state.as_str());
        fixture.write("item.md", &item);
        assert!(matches!(fixture.intake_ready(false), Err(WriteError::State { state: found, .. }) if found == *state));
        assert_eq!((fixture.read("item.md"), fixture.read("thread.md")), (item, THREAD_TEXT.to_owned()));
        assert_eq!(fixture.intake_ready(true).is_ok(), *state == State::Ready);
    }
}

#[test]
fn each_step_writes_its_words_and_its_change_of_state() {
    for (step, from, state, kinds) in [
        (Step::Queue, State::Ready, State::Queued, &["state_changed"][..]),
        (Step::Start, State::Queued, State::Inprogress, &["plan", "state_changed"]),
        (Step::Report, State::Inprogress, State::Done, &["implementation_report", "state_changed"]),
        (Step::Findings, State::Ready, State::Ready, &["investigation_report"]),
        (Step::Approve, State::Done, State::Done, &["review: approve"]),
        (Step::RequestChanges, State::Done, State::Inprogress, &["review: request_changes", "state_changed"]),
    ] {
        let fixture = Fixture::new();
        fixture.in_state(from);
        assert_eq!(fixture.take(step, "So it is.", false).unwrap(), Taken::Now, "{step:?}");
        let ticket = fixture.tickets.read(fixture.id.ticket()).unwrap();
        assert_eq!(ticket.summary.state, state, "{step:?}");
        assert_eq!(fixture.kinds()[1..], *kinds, "{step:?}");
        assert!(ticket.thread.events.iter().any(|event| event.body.ends_with("So it is.")), "{step:?}");
        assert!(fixture.scratch_is_gone());
    }
}

#[test]
fn a_step_that_needs_words_is_refused_without_them() {
    for step in Step::ALL {
        let fixture = Fixture::new();
        fixture.in_state(step.from()[0]);
        let needs_none = matches!(step, Step::Queue | Step::Start);
        assert_eq!(fixture.take(*step, " \n", false).is_ok(), needs_none, "{step:?}");
        assert_eq!(fixture.kinds(), if needs_none { vec!["create", "state_changed"] } else { vec!["create"] });
    }
}

#[test]
fn a_step_that_is_taken_again_changes_nothing_twice() {
    for step in Step::ALL {
        let fixture = Fixture::new();
        fixture.in_state(step.from()[0]);
        assert_eq!(fixture.take(*step, "So it is.\n", false).unwrap(), Taken::Now, "{step:?}");
        let before = (fixture.read("item.md"), fixture.read("thread.md"));
        assert_eq!(fixture.take(*step, "\nSo it is.", true).unwrap(), Taken::Before, "{step:?}");
        assert_eq!((fixture.read("item.md"), fixture.read("thread.md")), before, "{step:?}");
    }
}

#[test]
fn a_person_brings_a_ticket_into_each_state_that_the_table_has_and_into_no_other() {
    for from in State::ALL {
        for to in State::ALL.iter().filter(|to| to.today() == **to) {
            let fixture = Fixture::new();
            fixture.in_state(*from);
            let is_way = Change::between(*from, *to).is_some();
            match fixture.bring_to(*to, "So it is.") {
                Ok(Taken::Now) => assert!(is_way, "{from} → {to}"),
                Ok(Taken::Before) => assert_eq!(from.today(), *to),
                Err(WriteError::NoWay { ways, .. }) => assert!(!is_way && !ways.is_empty(), "{from} → {to}"),
                Err(error) => panic!("{error}"),
            }
            let ticket = fixture.tickets.read(fixture.id.ticket()).unwrap();
            assert_eq!(ticket.summary.state, if is_way { *to } else { *from });
            let last = ticket.thread.events.last().unwrap();
            assert_eq!(last.kind == "state_changed", is_way, "{from} → {to}");
            let words = ticket.thread.events.iter().any(|event| event.body.ends_with("So it is."));
            assert_eq!(words, is_way, "{from} → {to}");
            assert!(fixture.scratch_is_gone());
        }
    }
}

#[test]
fn closing_writes_a_resolution_and_opening_again_takes_it_away() {
    for one_by_one in [false, true] {
        let mut fixture = Fixture::new();
        fixture.tickets.one_by_one = one_by_one;
        assert!(matches!(fixture.bring_to(State::Closed, " \n"), Err(WriteError::Invalid { .. })));
        fixture.bring_to(State::Closed, "\nIt is done.\r\n").unwrap();
        assert_eq!(fixture.read("resolution.md"), "It is done.\n");
        assert_eq!(fixture.kinds(), ["create", "close: closed", "state_changed"]);
        assert_eq!(fixture.bring_to(State::Closed, "Again.").unwrap(), Taken::Before);
        assert_eq!(fixture.read("resolution.md"), "It is done.\n");
        fixture.bring_to(State::Planning, "").unwrap();
        assert!(!fixture.path("resolution.md").exists());
        assert_eq!(fixture.kinds()[3..], ["state_changed"]);
        assert!(fixture.scratch_is_gone());
    }
}

#[test]
fn a_person_who_says_a_thing_twice_has_said_it_twice() {
    let fixture = Fixture::new();
    fixture.in_state(State::Done);
    let author = Author::person("me").unwrap();
    let work = Work { step: Step::Approve, author: &author, text: "Good.", by: By::Person };
    for _ in 0..2 {
        assert_eq!(fixture.tickets.take(fixture.id.ticket(), &work, now()).unwrap(), Taken::Now);
    }
    assert_eq!(fixture.kinds()[1..], ["review: approve", "review: approve"]);
}

#[test]
fn what_is_said_in_other_words_or_of_another_claim_is_said_again() {
    let fixture = Fixture::new();
    fixture.in_state(State::Done);
    let author = Author::role(crate::domain::Role::Reviewer);
    let said = |text: &str, since: &str| {
        let since = since.parse().unwrap();
        let by = By::Claim { since, repeated: false };
        let work = Work { step: Step::Approve, author: &author, text, by };
        fixture.tickets.take(fixture.id.ticket(), &work, now()).unwrap()
    };
    let (same, later) = ("2026-06-08T01:02:03.999Z", "2026-06-08T01:02:04Z");
    assert_eq!(said("Good.", same), Taken::Now);
    assert_eq!(said("Good.", same), Taken::Before);
    assert_eq!(said("Good, but slow.", same), Taken::Now);
    assert_eq!(said("Good.", later), Taken::Now);
}

#[test]
fn a_reader_sees_before_or_after_and_never_between() {
    let fixture = Fixture::new();
    let over = AtomicBool::new(false);
    let write = |turn: usize| {
        let item = ITEM_TEXT.replace("Old", &turn.to_string());
        let thread = THREAD_TEXT.replace("Created", &turn.to_string());
        fixture.tickets.change(&fixture.id, |_| Ok(Decision::Write(files(&item, &thread), ()))).unwrap();
    };
    write(0);
    std::thread::scope(|scope| {
        let read_on = || {
            let mut seen = 0;
            while !over.load(Ordering::Relaxed) {
                let ticket = fixture.tickets.read(fixture.id.ticket()).unwrap();
                assert_eq!(Some(&ticket.summary.title), ticket.thread.events[0].heading.as_ref());
                assert!(fixture.tickets.list().unwrap().iter().all(|listed| listed.summary.is_ok()));
                seen += 1;
            }
            seen
        };
        let readers = [scope.spawn(read_on), scope.spawn(read_on)];
        (1..40).for_each(write);
        over.store(true, Ordering::Relaxed);
        readers.into_iter().for_each(|reader| assert!(reader.join().unwrap() > 0));
    });
}

#[test]
fn tickets_behind_a_symlink_are_written_where_they_are() {
    let fixture = Fixture::new();
    let moved = fixture.workspace.path().join("moved");
    fs::rename(&fixture.tickets.root, &moved).unwrap();
    symlink(&moved, &fixture.tickets.root).unwrap();
    fixture.comment("Hello").unwrap();
    assert!(fs::read_to_string(moved.join(ID).join("thread.md")).unwrap().contains("Hello"));
}

#[test]
fn writers_at_once_lose_nothing() {
    let fixture = Fixture::new();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let fixture = &fixture;
            scope.spawn(move || (0..5).for_each(|turn| fixture.comment(&format!("{writer}-{turn}")).unwrap()));
        }
    });
    let ticket = fixture.tickets.read(fixture.id.ticket()).unwrap();
    let mut bodies: Vec<&str> = ticket.thread.events[1..].iter().map(|event| event.body.as_str()).collect();
    bodies.sort_unstable();
    let all: Vec<String> = (0..4).flat_map(|writer| (0..5).map(move |turn| format!("{writer}-{turn}"))).collect();
    assert_eq!(bodies, all);
}

#[test]
fn what_a_person_saves_meanwhile_is_kept() {
    type Save = fn(&Fixture);
    let saves: [(&str, Save); 5] = [
        ("in place", |fixture| fixture.write("item.md", &ITEM_TEXT.replace("Old", "New"))),
        ("in place, of the same length and time", |fixture| {
            let time = fs::metadata(fixture.path("item.md")).unwrap().modified().unwrap();
            fixture.write("item.md", &ITEM_TEXT.replace("Old", "New"));
            fs::File::options().write(true).open(fixture.path("item.md")).unwrap().set_modified(time).unwrap();
        }),
        ("by rename", |fixture| {
            fixture.write("save", &ITEM_TEXT.replace("Old", "New"));
            fs::rename(fixture.path("save"), fixture.path("item.md")).unwrap();
        }),
        ("an artifact", |fixture| fixture.write("artifacts/deep/new", "New")),
        ("a mode", |fixture| fs::set_permissions(fixture.path("item.md"), fs::Permissions::from_mode(0o600)).unwrap()),
    ];
    for (what, save) in saves {
        let fixture = Fixture::new();
        let mut asked = 0;
        let decide = |ticket: &Ticket| {
            asked += 1;
            if asked == 1 {
                save(&fixture);
            }
            let item = ticket.item.as_str().replace("Body", "Edited");
            Ok(Decision::Write(vec![NewFile::new(ITEM, item)], ()))
        };
        fixture.tickets.change(&fixture.id, decide).unwrap();
        assert_eq!(asked, 2, "{what}");
        let item = fixture.read("item.md");
        let kept = item.contains("'New'")
            || fixture.path("artifacts/deep/new").exists()
            || fs::metadata(fixture.path("item.md")).unwrap().mode() & 0o777 == 0o600;
        assert!(kept && item.contains("Edited"), "{what}: {item}");
        assert!(fixture.scratch_is_gone());
    }
}

#[test]
fn a_ticket_that_never_rests_is_left_alone() {
    let fixture = Fixture::new();
    let mut turn = 0;
    let decide = |_: &Ticket| {
        turn += 1;
        fixture.write("thread.md", &format!("{THREAD_TEXT}{turn}"));
        Ok(Decision::Write(files(ITEM_TEXT, "mine"), ()))
    };
    assert!(matches!(fixture.tickets.change(&fixture.id, decide), Err(WriteError::Changing { .. })));
    assert_eq!(fixture.read("thread.md"), format!("{THREAD_TEXT}{MAX_TURNS}"));
    assert!(fixture.scratch_is_gone());
}

#[test]
fn all_else_in_the_directory_stays_what_it_is() {
    let fixture = Fixture::new();
    fixture.write("artifacts/deep/log", "data");
    fixture.write("resolution.md", "Done.");
    symlink("../nowhere", fixture.path("artifacts/link")).unwrap();
    fs::set_permissions(fixture.path("item.md"), fs::Permissions::from_mode(0o664)).unwrap();
    fs::set_permissions(fixture.path("artifacts"), fs::Permissions::from_mode(0o2750)).unwrap();
    let inode = |name: &str| fs::metadata(fixture.path(name)).unwrap().ino();
    let before = (inode("artifacts/deep/log"), inode("resolution.md"));
    fixture.comment("Hello").unwrap();
    assert_eq!((inode("artifacts/deep/log"), inode("resolution.md")), before);
    assert_eq!(fs::read_link(fixture.path("artifacts/link")).unwrap(), Path::new("../nowhere"));
    let mode = |name: &str| fs::metadata(fixture.path(name)).unwrap().mode() & 0o7777;
    assert_eq!((mode("item.md"), mode("artifacts")), (0o664, 0o2750));
    assert_eq!(fs::metadata(fixture.path("artifacts/deep/log")).unwrap().nlink(), 1);
}

#[test]
fn leftovers_of_a_crash_are_swept_and_nothing_else() {
    let fixture = Fixture::new();
    let tmp = fixture.workspace.path().join(".yoi/tmp");
    let leftover = tmp.join(format!("{ID}.0123456789abcdef"));
    for dir in [&leftover, &tmp.join("mine"), &tmp.join(format!("{ID}.kept"))] {
        fs::create_dir_all(dir.join("artifacts")).unwrap();
    }
    fixture.comment("Hello").unwrap();
    assert!(!leftover.exists());
    assert!(tmp.join("mine").exists() && tmp.join(format!("{ID}.kept")).exists());
    fs::remove_dir_all(&tmp).unwrap();
    fs::create_dir_all(&leftover).unwrap();
    drop(fixture.tickets.writer().unwrap());
    assert!(fixture.scratch_is_gone());
}

#[test]
fn planted_files_neither_hang_nor_mislead() {
    let fixture = Fixture::new();
    let secret = fixture.workspace.path().join("secret");
    fs::write(&secret, ITEM_TEXT).unwrap();
    for (name, plant) in [("item.md", true), ("thread.md", true), ("item.md", false), ("thread.md", false)] {
        let kept = fs::read(fixture.path(name)).unwrap();
        fs::remove_file(fixture.path(name)).unwrap();
        match plant {
            true => nix::unistd::mkfifo(&fixture.path(name), nix::sys::stat::Mode::S_IRWXU).unwrap(),
            false => symlink(&secret, fixture.path(name)).unwrap(),
        }
        assert!(matches!(fixture.tickets.read(fixture.id.ticket()), Err(ReadError::Io(_))));
        assert!(matches!(fixture.comment("x"), Err(WriteError::Read(ReadError::Io(_)))));
        fs::remove_file(fixture.path(name)).unwrap();
        fs::write(fixture.path(name), kept).unwrap();
    }
    let other = LocalId::parse("20260607-220225-002").unwrap();
    symlink(fixture.path(""), other.dir(&fixture.tickets.root)).unwrap();
    assert!(matches!(fixture.tickets.read(other.ticket()), Err(ReadError::Io(_))));
    symlink(fixture.workspace.path(), fixture.workspace.path().join(".yoi/tmp")).unwrap();
    assert!(matches!(fixture.comment("x"), Err(WriteError::Io(_))));
    fs::remove_file(fixture.workspace.path().join(".yoi/tmp")).unwrap();
    fixture.comment("x").unwrap();
}

#[test]
fn a_writer_holds_the_lock_and_readers_do_not_wait_for_it() {
    let fixture = Fixture::new();
    let writer = fixture.tickets.writer().unwrap();
    assert!(matches!(FlockGuard::acquire_dir(&fixture.tickets.root, Wait::No), Err(crate::fs::WaitError::Held { .. })));
    fixture.tickets.read(fixture.id.ticket()).unwrap();
    drop(writer);
    drop(FlockGuard::acquire_dir(&fixture.tickets.root, Wait::No).unwrap());
}
