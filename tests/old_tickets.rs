//! Tickets as repositories have them: hundreds that are made here in every variant that was ever written, and some odd
//! ones, written by hand, below `tests/fixtures/odd`. All are read, listed, examined and edited; what an edit is not about
//! keeps its bytes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use common::scene::{Tree, ticket, tree};
use common::{TestEnv, run};
use yoi::domain::{TicketId, Timestamp};
use yoi::ticket::{
    Author, Comment, Config, Edits, End, Relating, RelationKind, RelationWord, Remark, Severity, State, Taken, Tickets,
    Words, examine,
};

/// How many are made.
const COUNT: u64 = 400;

fn now() -> Timestamp {
    "2026-06-07T22:02:25Z".parse().unwrap()
}

/// Bodies made of what tickets are made of.
const BODIES: &[&str] = &[
    "",
    "## Goal\n\nUploads survive.",
    "Before\n\n---\n\nAfter\n\n---",
    "---\nid: 20260529-183318-older\ntitle: inside\nstate: closed\n---\n\nA whole ticket inside of one",
    "<!-- event: comment author: x at: 1 -->\n\n## Not an event\n\n---",
    "```yaml\nassignee: null\n# a comment\nstate: done\n```",
    "# 背景\n\nチケットの本文。  \n\ttabs and trailing blanks  \n\n\n\nmany blank lines",
    "\\<!-- event: escaped author: x at: 1 -->\n\\\\---",
];

/// One of the tickets that are made, told by its number.
struct Variant {
    number: u64,
}

impl Variant {
    fn id(&self) -> String {
        if self.number.is_multiple_of(2) {
            let digit = |place: u64| {
                char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[((self.millis() >> (5 * place)) & 31) as usize])
            };
            (0..13).rev().map(digit).collect()
        } else {
            format!("202606{:02}-0401{:02}-{:03}", 1 + self.number % 28, self.number % 60, self.number % 1000)
        }
    }

    fn millis(&self) -> u64 {
        1_780_869_745_000 + self.number * 977
    }

    fn is_every(&self, nth: u64) -> bool {
        self.number.is_multiple_of(nth)
    }

    fn state(&self) -> State {
        State::ALL[self.number as usize % State::ALL.len()]
    }

    fn state_key(&self) -> &'static str {
        if self.is_every(13) { "workflow_state" } else { "state" }
    }

    fn body(&self) -> &'static str {
        BODIES[(self.number / 3) as usize % BODIES.len()]
    }

    fn priority(&self) -> Option<&'static str> {
        [None, Some("P0"), Some("P2"), Some("high")][self.number as usize % 4]
    }

    fn has_dates(&self) -> bool {
        !self.is_every(17)
    }

    fn has_thread(&self) -> bool {
        !self.is_every(19)
    }

    fn is_ended(&self) -> bool {
        !self.is_every(23)
    }

    /// Whether there is something to be said of it.
    fn is_odd(&self) -> bool {
        !self.has_dates() || !self.has_thread() || !self.is_ended()
    }

    /// A value in this ticket's style.
    fn quoted(&self, value: &str) -> String {
        match self.number % 3 {
            0 => format!("'{}'", value.replace('\'', "''")),
            1 => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
            _ => value.to_owned(),
        }
    }

    fn title(&self) -> String {
        match self.number % 3 {
            2 => format!("Plain title {}", self.number),
            _ => format!("It's \"the\" title № {} # not a comment: at all", self.number),
        }
    }

    fn item(&self) -> String {
        let mut keys = vec![format!("title: {}", self.quoted(&self.title()))];
        if self.is_every(5) {
            keys.push(format!("slug: {}", self.quoted("older-slug")));
            keys.push("kind: task # as it was".to_owned());
            keys.push("labels: [ticket, 'it''s', \"two words\"]".to_owned());
            keys.push("legacy_ticket: null".to_owned());
        }
        if self.is_every(6) {
            keys.push("# a line that says nothing".to_owned());
            keys.push("notes: |\n  several\n  lines".to_owned());
            keys.push("tags:\n- a\n- b".to_owned());
        }
        keys.push(format!("{}: {}", self.state_key(), self.quoted(self.state().as_str())));
        keys.extend(self.priority().map(|priority| format!("priority: {}", self.quoted(priority))));
        if self.has_dates() {
            keys.push(format!("created_at: {}", self.quoted("2026-06-07T04:01:04Z")));
            keys.push(format!("updated_at: {}", self.quoted("2026-06-08T04:01:04Z")));
        }
        keys.extend(self.is_every(3).then(|| "assignee: null".to_owned()));
        keys.extend(self.is_every(8).then(|| "queued_by: 'workspace-panel'\nqueued_at: ~".to_owned()));
        let body = self.body();
        let body = if body.is_empty() { String::new() } else { format!("\n{body}\n") };
        self.as_file(&format!("---\n{}\n---\n{body}", keys.join("\n")))
    }

    fn thread(&self) -> String {
        let state = self.state();
        let mut events =
            vec!["<!-- event: create author: yoi ticket at: 2026-06-07T04:01:04Z -->\n\n## Created\n".to_owned()];
        if self.is_every(4) {
            events[0] =
                "<!-- event: migration author: tickets.sh-migration at: 2026-06-07T04:01:04Z -->\n\n## Migrated\n"
                    .to_owned();
        }
        if self.is_every(5) {
            events.push(format!("<!-- event: some_kind author: \"yoi ticket\" at: 2026-06-07T04:01:05Z mood: 'it''s fine' -->\n\n## 作成\n\n{}\n", self.body()
                .replace("<!-- event:", "\\<!-- event:")));
        }
        if self.is_every(2) {
            events.push("<!-- event: review author: reviewer:pod-7 at: 2026-06-07T04:01:06Z status: request_changes -->\n\n## Review: request changes\n\n## Review: request changes\n\nTwice.\n\n".to_owned());
        }
        if state.today() != State::Planning {
            events.push(format!("<!-- event: state_changed author: hare at: 2026-06-08T04:01:04Z from: ready to: {state} reason: closed field: state -->\n\n## State changed\n\nSo it is.\n\n"));
        }
        if state == State::Closed {
            events.push(
                "<!-- event: close author: hare at: 2026-06-08T04:01:05Z status: closed -->\n\n## 完了\n\nMerged.\n\n"
                    .to_owned(),
            );
        }
        let mut text = events.join("\n---\n\n");
        text.push_str(if self.is_ended() { "\n---\n" } else { "\n" });
        self.as_file(&text)
    }

    fn relations(&self) -> Option<String> {
        let entry = |kind: RelationKind, other: u64| {
            let target = Variant { number: other }.id();
            format!(
                "    {{\n      \"ticket_id\": \"{}\",\n      \"kind\": \"{kind}\",\n      \"target\": \"{target}\",\n      \"note\": \"why\",\n      \"author\": \"yoi ticket\",\n      \"at\": \"2026-06-25T13:25:34Z\"\n    }}",
                self.id()
            )
        };
        let entries = match self.number {
            number if number % 10 == 1 && number > 1 => {
                vec![entry(RelationKind::DependsOn, number - 1), entry(RelationKind::Related, number - 2)]
            }
            number if number % 10 == 5 => vec![entry(RelationKind::Supersedes, number - 1)],
            _ => return None,
        };
        Some(format!("{{\n  \"version\": 1,\n  \"relations\": [\n{}\n  ]\n}}\n", entries.join(",\n")))
    }

    /// A text with this ticket's line ends, with or without what editors put at its beginning and its end.
    fn as_file(&self, text: &str) -> String {
        let mut text = if self.is_every(7) { format!("\u{feff}{text}") } else { text.to_owned() };
        if self.is_every(11) {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if self.is_every(9) { text.replace('\n', "\r\n") } else { text }
    }

    fn write(&self, tickets: &Path) {
        let dir = tickets.join(self.id());
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("item.md"), self.item()).unwrap();
        if self.has_thread() {
            fs::write(dir.join("thread.md"), self.thread()).unwrap();
        }
        if self.state() == State::Closed {
            fs::write(dir.join("resolution.md"), self.as_file("Merged.\n")).unwrap();
        }
        if let Some(relations) = self.relations() {
            fs::create_dir(dir.join("artifacts")).unwrap();
            fs::write(dir.join("artifacts/relations.json"), relations).unwrap();
        }
        if self.is_every(12) {
            fs::create_dir_all(dir.join("artifacts/deep")).unwrap();
            fs::write(dir.join("artifacts/deep/plan.jsonl"), b"{}\n\xff").unwrap();
        }
    }
}

fn variants() -> impl Iterator<Item = Variant> {
    (0..COUNT).map(|number| Variant { number })
}

/// A world with all of them, in memory where that can be had: each change is synced.
fn world() -> (TestEnv, Tickets) {
    let memory = Path::new("/dev/shm");
    let env = if memory.is_dir() { TestEnv::new_in(memory) } else { TestEnv::new() };
    let root = env.workspace().join(".yoi/tickets");
    fs::create_dir_all(&root).unwrap();
    fs::write(env.workspace().join(".yoi/.gitignore"), "/tmp/\n").unwrap();
    variants().for_each(|variant| variant.write(&root));
    let tickets = Tickets::of(&env.workspace(), &Config::load(&env.workspace()).unwrap());
    (env, tickets)
}

/// The lines of a text but those of some keys, each with its end.
fn but(text: &str, keys: &[&str]) -> Vec<String> {
    let is_other = |line: &&str| !keys.iter().any(|key| line.starts_with(&format!("{key}:")));
    text.split_inclusive('\n').filter(is_other).map(str::to_owned).collect()
}

#[test]
fn each_of_hundreds_is_read_as_it_was_meant() {
    let (env, tickets) = world();
    let listed = tickets.list().unwrap();
    assert_eq!(listed.len() as u64, COUNT);
    for variant in variants() {
        let id = ticket(&variant.id());
        let read = tickets.read(&id).unwrap();
        assert_eq!(read.summary.title, variant.title());
        assert_eq!(read.summary.state, variant.state());
        assert_eq!(read.summary.priority.as_deref(), variant.priority());
        assert_eq!(read.summary.assignee, None);
        assert_eq!(read.body().replace('\r', ""), variant.body());
        let own = variant.relations().map_or(0, |text| text.matches("\"kind\"").count());
        assert_eq!(read.relations.as_ref().unwrap().iter().count(), own);
        let is_there =
            listed.iter().any(|listed| listed.id == id && listed.summary.as_ref().unwrap().title == variant.title());
        assert!(is_there, "{id}");
    }
    let shown = run(&mut env.yoi(["ticket", "list", "--all", "--json"]), 0).stdout;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["items"].as_array().unwrap().len() as u64, COUNT);
}

#[test]
fn hundreds_are_examined_and_only_what_is_odd_is_told() {
    let (env, _) = world();
    let before = tree(&env.workspace());
    let mut told: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for finding in examine(&env.workspace(), None) {
        assert_eq!(finding.severity, Severity::Warning, "{finding:?}");
        let below = finding.file.strip_prefix(env.workspace().join(".yoi/tickets")).unwrap();
        told.entry(below.iter().take(1).collect()).or_default().push(finding.what);
    }
    for variant in variants() {
        let about = told.remove(Path::new(&variant.id())).unwrap_or_default();
        assert_eq!(!about.is_empty(), variant.is_odd(), "{}: {about:?}", variant.number);
    }
    assert!(told.is_empty());
    assert_eq!(tree(&env.workspace()), before, "looking changes nothing");
    assert!(run(&mut env.yoi(["ticket", "doctor"]), 0).stdout.contains("\n0 errors, "));
}

#[test]
fn an_edit_of_each_changes_its_own_lines_and_nothing_else() {
    let (env, tickets) = world();
    let author = Author::person("Ann Lee").unwrap();
    for variant in variants() {
        let id = ticket(&variant.id());
        let dir = tickets.dir(&id).unwrap();
        let mut was = tree(&dir);
        // Compares with what was, and goes on from what is; gives the texts of a file before and after.
        let mut changed = |names: &[&str]| -> Vec<(String, String)> {
            let (is, was) = {
                let is = tree(&dir);
                (is.clone(), std::mem::replace(&mut was, is))
            };
            let rest = |tree: &Tree| {
                tree.iter()
                    .filter(|(name, _)| !names.contains(&name.as_str()))
                    .map(|(n, f)| (n.clone(), f.clone()))
                    .collect::<Tree>()
            };
            assert_eq!(rest(&is), rest(&was), "{id}");
            let text = |tree: &Tree, name: &str| {
                tree.get(name).map(|(_, bytes)| String::from_utf8(bytes.clone()).unwrap()).unwrap_or_default()
            };
            names.iter().map(|name| (text(&was, name), text(&is, name))).collect()
        };
        let body = variant.body();
        let comment = Comment { remark: Remark::Comment, author: &author, heading: None, body };
        if !body.is_empty() {
            tickets.comment(&id, &comment, now()).unwrap();
            let files = changed(&["item.md", "thread.md"]);
            assert_eq!(but(&files[0].0, &["updated_at"]), but(&files[0].1, &["updated_at"]), "{id}");
            assert!(files[1].1.starts_with(&files[1].0), "{id}");
            assert_eq!(tickets.read(&id).unwrap().thread.events.last().unwrap().body, body, "{id}");
        }
        let edits = Edits { priority: Some(Some("P7".to_owned())), ..Edits::default() };
        assert_eq!(tickets.edit(&id, &edits, now()).unwrap(), Taken::Now);
        let files = changed(&["item.md"]);
        assert_eq!(
            but(&files[0].0, &["priority", "updated_at"]),
            but(&files[0].1, &["priority", "updated_at"]),
            "{id}"
        );
        // Each looks at all others.
        if variant.number % 4 == 1 || !variant.is_ended() {
            let other = ticket(&Variant { number: (variant.number + 2) % COUNT }.id());
            let word = RelationWord { kind: RelationKind::DuplicateOf, end: End::Here };
            let relating = Relating { ticket: &id, word, other: &other };
            assert_eq!(tickets.relate(&relating, Some("so it is"), &author, now()).unwrap(), Taken::Now);
            let files = changed(&["item.md", "artifacts", "artifacts/relations.json"]);
            assert_eq!(but(&files[0].0, &["updated_at"]), but(&files[0].1, &["updated_at"]), "{id}");
            assert!(files[2].1.starts_with(files[2].0.trim_end_matches("\n  ]\n}\n")), "{id}");
        }
        let more = format!("{body}\n\nOne line more");
        let edits = Edits { body: Some(more.clone()), ..Edits::default() };
        assert_eq!(tickets.edit(&id, &edits, now()).unwrap(), Taken::Now);
        let files = changed(&["item.md"]);
        let kept = files[0].0.trim_end_matches(['\r', '\n']);
        assert!(files[0].1.starts_with(kept), "{id}: {:?}", files[0]);
        assert_eq!(tickets.read(&id).unwrap().body().replace('\r', ""), more.trim_start_matches('\n'), "{id}");
        let to = if variant.state() == State::Closed { State::Planning } else { State::Closed };
        tickets.bring_to(&id, to, &Words { author: &author, text: "So it is." }, now()).unwrap();
        let files = changed(&["item.md", "thread.md", "resolution.md"]);
        let keys = [variant.state_key(), "updated_at"];
        assert_eq!(but(&files[0].0, &keys), but(&files[0].1, &keys), "{id}");
        assert!(files[0].1.contains(&format!("{}: {}", variant.state_key(), variant.quoted(to.as_str()))), "{id}");
        assert!(files[1].1.starts_with(&files[1].0), "{id}");
        if variant.is_every(9) {
            assert!(!files[0].1.replace("\r\n", "").contains('\n'), "{id}: its line ends are those that it had");
        }
    }
    assert!(!env.workspace().join(".yoi/tmp").exists());
    let errors = examine(&env.workspace(), None).into_iter().filter(|finding| finding.severity == Severity::Error);
    assert_eq!(errors.collect::<Vec<_>>(), []);
}

/// The odd ones that were written by hand.
fn odd() -> TestEnv {
    let env = TestEnv::new();
    let odd = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/odd/.");
    run(env.command("cp").arg("-R").arg(odd).arg(env.workspace()), 0);
    env
}

#[test]
fn the_odd_ones_are_listed_and_what_is_wrong_with_them_is_told_line_by_line() {
    let env = odd();
    let listed = run(
        &mut env.yoi(["ticket", "list", "--all", "--format", "{id} {state} {priority} {assignee} {labels} {title}"]),
        128,
    );
    insta::assert_snapshot!("odd_list", env.normalise(&format!("{}\n{}", listed.stdout, listed.stderr)));
    let told = run(&mut env.yoi(["ticket", "doctor"]), 1);
    insta::assert_snapshot!("odd_doctor", env.normalise(&told.stdout));
}

#[test]
fn the_odd_ones_are_edited_where_they_can_be() {
    let env = odd();
    for id in ["20260607-220225-001", "20260607-220225-002", "00001KTJ1QJB9"] {
        let item = env.workspace().join(".yoi/tickets").join(id).join("item.md");
        let before = fs::read_to_string(&item).unwrap();
        run(&mut env.yoi(["ticket", "edit", id, "--title", "Another title"]), 0);
        let after = fs::read_to_string(&item).unwrap();
        let id = TicketId::new(id).unwrap();
        let keys = ["title", "updated_at", "{title", "\u{feff}title"];
        assert_eq!(but(&before, &keys), but(&after, &keys), "{id}");
        let shown = run(&mut env.yoi(["ticket", "show", id.as_str(), "--format", "{title}"]), 0).stdout;
        assert_eq!(shown, "Another title\n");
    }
    // What cannot be changed alone is not changed at all.
    let before = tree(&env.workspace());
    let refused = run(&mut env.yoi(["ticket", "edit", "20260607-220225-003", "--title", "Another title"]), 128);
    assert!(
        refused.stderr.contains("item.md:2: title cannot be edited in the form it has: edit it by hand"),
        "{refused:?}"
    );
    assert_eq!(tree(&env.workspace()), before);
}
