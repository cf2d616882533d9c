//! Whatever stands in a file or comes over a wire, no reader panics; what it takes, it can write again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use yoi::domain::{Claim, PodRecord, Record, SessionRecord, Slug, Timestamp};
use yoi::pod::history::{Durability, History};
use yoi::pod::protocol::{Event, LineBuffer, Message, Request};
use yoi::registry::{Registry, Workspace};
use yoi::ticket::{Config, Item, ProfileRef, ResolveContext, Thread, load_workflow, parse_moment, resolve};

const CLAIM: &str = "\
version = 1
ticket = \"00001KTJ1QJB8\"
pod = \"intake-00001KTJ1QJB8\"
pod_id = \"c07ac07ac07ac07ac07ac07ac07ac07a\"
role = \"intake\"
generation = 2
nonce = \"9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c\"
accepted_at = 2026-06-07T22:02:25.123456Z
evidence = \"user_message\"
session = \"s-1\"
completed_at = 2026-06-07T22:02:26Z
later = [1, { a = 1.5, b = 1979-05-27 }]

[written_by]
pid = 4711
host = \"h\"
boot = \"b\"

[[previous]]
pod = \"p\"
role = \"coder\"
generation = 1
ended_at = 2026-06-07T22:02:24Z
why = \"released\"
";

const SESSION: &str = "\
version = 1
pod = \"intake-00001KTJ1QJB8\"
pod_id = \"c07ac07ac07ac07ac07ac07ac07ac07a\"
role = \"intake\"
origin = \"ticket_claim\"
created_at = 2026-06-07T22:02:25.123456Z
updated_at = 2026-06-07T22:02:25.123456Z
session = \"s\"
nonce = \"9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c\"
related_tickets = [\"00001KTJ1QJB8\", \"PROJ-42\"]
";

const POD: &str = "\
version = 1
pod = \"intake-00001KTJ1QJB8\"
pod_id = \"c07ac07ac07ac07ac07ac07ac07ac07a\"
role = \"intake\"
origin = \"ticket_claim\"
ticket = \"00001KTJ1QJB8\"
nonce = \"9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c\"
workspace = \"/w%20\"
directory = \"/w%ff\"
profile = \"builtin:checklist\"
workflow = \"ticket-intake-workflow\"
created_at = 2026-06-07T22:02:25.123456Z
confirmed_at = 2026-06-07T22:02:26.123456Z
";

const WORKSPACE: &str = "version = 1\nroot = \"/w\"\ncreated_at = 2026-06-07T22:02:25Z\n";

const JOURNAL: &str = "\
{\"at\":\"2026-06-07T22:02:25.123456Z\",\"user\":\"u\",\"pid\":1,\"action\":\"commit\",\"ticket\":\"T\",\"pod\":\"p\",\
\"role\":\"intake\",\"generation\":1,\"nonce\":\"9f1c9f1c9f1c9f1c9f1c9f1c9f1c9f1c\",\"why\":\"manual\"}
{\"at\":\"2026-06-07T22:02:26.123456Z\",\"user\":\"u\",\"pid\":1,\"action\":\"launch_failed\",\"why\":\"\\u0000\"}
";

const WIRE: &str = "\
{\"method\":\"run\",\"params\":{\"input\":[{\"kind\":\"workflow_invoke\",\"slug\":\"s\"},{\"kind\":\"text\",\"content\":\"c\"}]},\"id\":7}
{\"method\":\"answer\",\"params\":{\"request\":\"1\",\"option\":\"o\"},\"id\":[{}]}
{\"event\":\"turn_start\",\"data\":{\"turn\":1},\"id\":7}
{\"event\":\"text_done\",\"data\":{\"text\":\"\\ud83d\\ude00\"}}
{\"event\":\"status\",\"data\":{\"status\":\"idle\"}}
";

const THREAD: &str = "\
<!-- event: create author: 'user' at: '2026-06-07T22:02:25Z' -->
## Created

Body with --- and <!-- event: x -->

---
<!-- event: intake_ready author: 'intake' at: 2026-06-07T22:02:25Z -->
## Ready
";

const ITEM: &str = "\
---
title: 'Retry ''failed'' uploads'
state: \"planning\"
created_at: 2026-06-07T22:02:25Z
list: [a, {b: c}]
text: |
  more
---

## Background
";

const CONFIG: &str = "\
[backend]
provider = \"builtin:yoi_local\"
root = \".yoi/tickets\"
[ticket]
language = \"English\"
checklist = [\"Goal\"]
[roles.intake]
profile = \"project:fast\"
workflow = \"ticket-intake-workflow\"
launch_prompt = \"p\"
";

const PROFILES: &str = "\
[profiles.fast]
agent = \"exec\"
command = [\"sh\", \"-c\", \"true\"]
env = { A = \"b\" }
[profiles.other]
agent = \"acp\"
command = [\"sh\"]
permissions = { default = \"ask\", read = \"allow\" }
mode = \"plan\"
auth = \"key\"
deadlines = { start = 30, tools = 0.5 }
";

/// A sample that was damaged, or bytes that never were one.
fn garbled(sample: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let edit = (any::<Index>(), any::<Index>(), 0..5_u8, prop::collection::vec(any::<u8>(), 0..6));
    let damaged = prop::collection::vec(edit, 1..6).prop_map(move |edits| {
        let mut bytes = sample.as_bytes().to_vec();
        for (from, to, how, new) in edits {
            let (from, to) = (from.index(bytes.len() + 1), to.index(bytes.len() + 1));
            let range = from.min(to)..from.max(to);
            match how {
                // Cut off, as by a power cut.
                0 => bytes.truncate(from),
                1 => drop(bytes.drain(range)),
                2 => drop(bytes.splice(from..from, new)),
                3 => bytes[range].iter_mut().zip(new).for_each(|(byte, new)| *byte = new),
                _ => {
                    let twice = bytes[range].to_vec();
                    drop(bytes.splice(from..from, twice));
                }
            }
        }
        bytes
    });
    // What a file system leaves of a file whose bytes it lost.
    let zeroes = (0..200_usize).prop_map(|length| vec![0; length]);
    prop_oneof![8 => damaged, 1 => prop::collection::vec(any::<u8>(), 0..200), 1 => zeroes]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn read_again<R: Record + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(record) = R::parse(bytes) {
        assert_eq!(R::parse(record.render().as_bytes()).as_ref(), Ok(&record));
    }
}

fn now() -> Timestamp {
    "2026-06-07T22:02:25.123456Z".parse().unwrap()
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

proptest! {
    #[test]
    fn of_claims(bytes in garbled(CLAIM)) {
        read_again::<Claim>(&bytes);
    }

    #[test]
    fn of_sessions(bytes in garbled(SESSION)) {
        read_again::<SessionRecord>(&bytes);
    }

    #[test]
    fn of_pods(bytes in garbled(POD)) {
        read_again::<PodRecord>(&bytes);
        if let Ok(record) = PodRecord::parse(&bytes) {
            let _ = (record.workspace(), record.directory());
        }
    }

    #[test]
    fn of_the_wire(bytes in garbled(WIRE), cut in 1_usize..40) {
        let mut buffer = LineBuffer::default();
        for piece in bytes.chunks(cut) {
            buffer.push(piece);
            while let Some(line) = buffer.next_line().unwrap() {
                if let Ok(request) = Request::parse(&line) {
                    let _ = request.method();
                    let _ = Request::parse(request.to_line().trim_ascii_end()).unwrap();
                }
                if let Ok(message) = Message::parse(&line) {
                    let _ = message.event();
                    let _ = Message::parse(message.to_line().trim_ascii_end()).unwrap();
                }
            }
        }
    }

    #[test]
    fn of_threads(bytes in garbled(THREAD)) {
        let _ = Thread::parse(&text(&bytes));
    }

    #[test]
    fn of_front_matter(bytes in garbled(ITEM), key in "[a-z_]{1,8}", value in any::<String>()) {
        if let Ok(mut item) = Item::parse(text(&bytes)) {
            let keys: Vec<String> = item.keys().map(str::to_owned).collect();
            for key in keys {
                let _ = (item.line(&key), item.text(&key).map(parse_moment));
            }
            if item.set(&key, &value, "").is_ok() {
                let again = Item::parse(item.as_str().to_owned()).unwrap();
                prop_assert_eq!(again.text(&key), Some(&*value));
            }
        }
    }
}

proptest! {
    // These go through files.
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn of_configuration_and_profiles(config in garbled(CONFIG), profiles in garbled(PROFILES)) {
        let temp = tempfile::tempdir().unwrap();
        write(&temp.path().join(".yoi/ticket.config.toml"), &config);
        write(&temp.path().join(".yoi/profiles.toml"), &profiles);
        let loaded = Config::load(temp.path());
        let config = loaded.unwrap_or_else(|error| {
            assert!(error.to_string().contains("ticket.config.toml"), "{error}");
            Config::defaults(temp.path())
        });
        let user_config_dir = Some(temp.path().join(".yoi"));
        let search_path = Some("/usr/bin:/bin".into());
        let context = ResolveContext { workspace: temp.path(), user_config_dir, search_path, config: &config };
        for name in ["project:fast", "user:fast", "project:other"] {
            let _ = resolve(&name.parse::<ProfileRef>().unwrap(), &context);
        }
    }

    #[test]
    fn of_the_registry(
        claim in garbled(CLAIM),
        session in garbled(SESSION),
        pod in garbled(POD),
        workspace in garbled(WORKSPACE),
        journal in garbled(JOURNAL),
    ) {
        let temp = tempfile::tempdir().unwrap();
        let root = temp.path().join("work");
        fs::create_dir(&root).unwrap();
        let registry = Registry::new(&temp.path().join("data"), &temp.path().join("run"), Workspace::find(&root).unwrap());
        let (name, id) = ("intake-00001KTJ1QJB8".parse().unwrap(), "00001KTJ1QJB8".parse().unwrap());
        write(&registry.claim_path(&id), &claim);
        write(&registry.session_path(&name), &session);
        write(&registry.pod_dir(&name).join("pod.toml"), &pod);
        write(&registry.dir().join("workspace.toml"), &workspace);
        write(&registry.journal_path(), &journal);
        struct Never;
        impl yoi::registry::Restorable for Never {
            fn check(&self, _: &PodRecord) -> Result<(), String> {
                Err("never".to_owned())
            }
        }
        // One bad record is one row, and takes no other down.
        prop_assert_eq!(registry.survey(&Never).unwrap().claims.len(), 1);
        prop_assert_eq!(registry.sessions().unwrap().len(), 1);
        prop_assert_eq!(registry.pods().unwrap().len(), 1);
        let whole = journal.split(|byte| *byte == b'\n').filter(|line| JOURNAL.as_bytes().split(|byte| *byte == b'\n').any(|sample| sample == *line && !line.is_empty())).count();
        prop_assert!(registry.journal(None).unwrap().len() >= whole);
    }

    #[test]
    fn of_a_history(bytes in garbled(WIRE)) {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("history.jsonl");
        fs::write(&path, &bytes).unwrap();
        let mut history = History::open(&path, now()).unwrap();
        history.append(now(), &Event::TextDone { text: "more".to_owned(), more: false }, Durability::Now).unwrap();
        // Whatever was there, the next entry is read back.
        let tail = history.tail(1 << 20).unwrap();
        prop_assert_eq!(tail.entries.last().unwrap().event.as_str(), "text_done");
    }

    #[test]
    fn of_a_workflow(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let temp = tempfile::tempdir().unwrap();
        write(&temp.path().join(".yoi/workflow/w.md"), &bytes);
        let read = load_workflow(temp.path(), &Slug::new("w").unwrap());
        prop_assert_eq!(read.is_ok(), std::str::from_utf8(&bytes).is_ok());
    }
}
