//! Hostile names, bytes and files: refused and explained, or stored safely; nothing escapes, hangs or panics.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::puppet::{Wire, outline, request, say};
use common::scene::{COMPLETE, INCOMPLETE, Tree, first_fields, names, pod, ticket, tree};
use common::{Outcome, TestEnv, run};
use serde_json::{Value, json};

/// Runs a command that may be refused, but neither hangs nor panics.
#[track_caller]
fn survives(command: &mut Command) -> Outcome {
    let mut bounded = Command::new("timeout");
    bounded.args(["--signal=KILL", "20"]).arg(command.get_program()).args(command.get_args()).env_clear();
    bounded.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    bounded.current_dir(command.get_current_dir().unwrap()).stdin(std::process::Stdio::null());
    let outcome = Outcome::of(&mut bounded);
    assert!(matches!(outcome.status, 0..=5 | 128), "{command:?}: {outcome:?}");
    assert!(!outcome.stderr.contains("panicked"), "{command:?}: {outcome:?}");
    assert_eq!(outcome.stderr.is_empty(), outcome.status == 0, "{command:?}: {outcome:?}");
    outcome
}

/// A world in a directory of its own, beside which something lies that must stay as it is.
struct World {
    env: TestEnv,
    outer: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let outer = tempfile::Builder::new().prefix("h").tempdir_in("/tmp").unwrap();
        fs::write(outer.path().join("x"), "beside").unwrap();
        let env = TestEnv::new_in(outer.path());
        let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample/.");
        run(env.command("cp").arg("-R").arg(sample).arg(env.workspace()), 0);
        Self { env, outer }
    }

    /// All but what may change: the inside of the registry, and sockets.
    fn outside(&self) -> Tree {
        let mut files = tree(self.outer.path());
        let inside = |path: &Path| path.strip_prefix(self.outer.path()).unwrap().to_str().unwrap().to_owned();
        let (registry, runtime) = (inside(self.env.registry().dir()), inside(&self.env.runtime()));
        files.retain(|path, _| !path.starts_with(&registry) && !path.starts_with(&runtime));
        // The directories above the registry appear with it.
        for made in ["data/workspaces", "data"] {
            files.remove(&inside(&self.env.root().join(made)));
        }
        files
    }

    /// Every file of the registry and every socket has a name that yoi gives, and lies where it belongs.
    #[track_caller]
    fn assert_tidy(&self) {
        for path in tree(self.env.registry().dir()).keys() {
            let ours = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-.%~".contains(&byte);
            assert!(
                path.bytes().all(ours) && path.split('/').all(|name| name.len() <= 255 && !name.starts_with('.')),
                "{path}"
            );
        }
        for socket in names(&self.env.runtime()) {
            let hash = socket.strip_suffix(".sock").unwrap_or_else(|| panic!("{socket}"));
            assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{socket}");
        }
    }
}

/// No names at all: wrong usage wherever a name is asked for.
fn impossible() -> Vec<OsString> {
    let texts = ["", "a\nb", "\t", "a\u{1b}[31mb", "a\u{7f}", "a\u{85}b"];
    let mut names: Vec<OsString> = texts.into_iter().map(OsString::from).collect();
    names.extend([OsString::from("x".repeat(513)), OsString::from("x".repeat(5000))]);
    names.extend([OsString::from_vec(b"a\xff".to_vec()), OsString::from_vec(b"\xc0\xaf".to_vec())]);
    names
}

/// Names that could lead astray, and are allowed.
fn odd() -> Vec<String> {
    let texts = [
        "../x",
        "..",
        ".",
        "../../../../x",
        "/etc/passwd",
        "a/b",
        "./a",
        ".hidden",
        "%2e%2e%2fx",
        "~",
        "~root",
        "-x",
        "--help",
        "--",
        "a b",
        "*",
        "$(touch x)",
        "`touch x`",
        "';touch x;'",
        "a\\b",
        "a\"b",
        "a'b",
        "new",
        "P",
        "p",
        "ﬁ",
        "é",
        "e\u{301}",
        "\u{202e}drow",
        "🦀",
        "x.toml",
        "x.released",
        "x~y",
        "con",
        "null",
        "{ticket}",
        "#",
        "=",
        ",",
        ":",
    ];
    let mut names: Vec<String> = texts.into_iter().map(str::to_owned).collect();
    names.extend([
        "x".repeat(512),
        "é".repeat(256),
        "/".repeat(512),
        ".".repeat(300),
        format!("{}-2", "x".repeat(510)),
    ]);
    names
}

mod a_name {
    use super::*;

    /// Every command that takes a name, `NAME` standing for it.
    const OF_PLUMBING: &[&str] = &[
        "claim-commit NAME --pod p --role coder",
        "claim-commit T --pod NAME --role coder",
        "claim-show NAME",
        "claim-check NAME --expect 1",
        "claim-complete NAME --expect 1",
        "claim-release NAME --expect 1 --reason r",
        "session-record NAME --role coder --origin role_launch",
        "session-record p --role coder --origin role_launch --ticket NAME",
        "session-show NAME",
        "ticket-lock NAME -- true",
        "ticket-lock T --pod NAME -- true",
        "launch-plan --role intake --ticket NAME",
        "launch-plan --role intake --pod NAME",
        "pod-spawn NAME --role intake --profile builtin:checklist",
        "pod-spawn p --role intake --profile builtin:checklist --ticket NAME",
        "pod-run NAME --input /dev/null",
        "pod-confirm NAME",
        "pod-status NAME",
        "pod-shutdown NAME",
        "shutdown-after-idle NAME",
    ];
    const OF_PORCELAIN: &[&str] = &[
        "intake 20260118-093012-001 --pod NAME",
        "intake -m wish --pod NAME",
        "launch coder --pod NAME",
        "why NAME",
        "attach NAME -m hello",
        "answer NAME --allow",
        "logs NAME",
        "stop NAME",
        "restore NAME",
    ];
    /// Those to which a name is but the beginning of a ticket's id.
    const OF_TICKETS: &[&str] =
        &["intake NAME", "launch coder NAME", "ticket show NAME", "ticket comment NAME -m hello"];

    fn commands<'a>(env: &'a TestEnv, name: &'a OsStr, tickets: bool) -> impl Iterator<Item = Command> + 'a {
        let words = move |line: &'static str| {
            line.split(' ').map(move |word| if word == "NAME" { name } else { OsStr::new(word) })
        };
        let porcelain = OF_PORCELAIN.iter().chain(OF_TICKETS.iter().filter(move |_| tickets));
        let plumbing = OF_PLUMBING.iter().map(move |line| env.yoi_claim(words(line)));
        plumbing.chain(porcelain.map(move |line| env.yoi(["-q"].map(OsStr::new).into_iter().chain(words(line)))))
    }

    #[test]
    fn that_is_none_is_wrong_usage_everywhere() {
        let world = World::new();
        let before = tree(world.outer.path());
        for name in impossible() {
            for mut command in commands(&world.env, &name, false) {
                let outcome = survives(&mut command);
                assert_eq!(outcome.status, 2, "{command:?}: {outcome:?}");
                // No byte of it reaches the terminal as it is.
                let shown: String = outcome.stderr.lines().collect();
                assert!(!shown.contains(char::is_control) && outcome.stderr.len() < 10_000, "{command:?}: {outcome:?}");
            }
        }
        assert!(tree(world.outer.path()) == before, "wrong usage writes nothing");
    }

    #[test]
    fn that_begins_no_ticket_is_not_found() {
        let world = World::new();
        let before = tree(world.outer.path());
        let odd = odd().into_iter().map(OsString::from);
        for name in impossible().into_iter().chain(odd) {
            for line in OF_TICKETS {
                if name == "--help" || name == "--" {
                    continue;
                }
                let words = line.split(' ').map(|word| if word == "NAME" { &name } else { OsStr::new(word) });
                let outcome = survives(&mut world.env.yoi(words));
                assert!(
                    matches!(outcome.status, 1 | 2) || outcome.stdout.starts_with("Make, list"),
                    "{line} {name:?}: {outcome:?}"
                );
            }
        }
        assert!(tree(world.outer.path()) == before);
    }

    /// As a ticket's id in all that the plumbing does with one.
    #[test]
    fn of_a_ticket_that_is_odd_is_stored_safely() {
        let world = World::new();
        let env = &world.env;
        let before = world.outside();
        for name in odd() {
            let verb = |words: &[&str], status: i32| {
                let (verb, rest) = words.split_first().unwrap();
                // Options first, so that a name may begin with a dash.
                run(env.yoi_claim([*verb]).args(rest).args(["--", &name]), status).stdout
            };
            verb(&["claim-show"], 1);
            verb(&["claim-commit", "--pod", "holder", "--role", "coder"], 0);
            verb(&["claim-commit", "--pod", "other", "--role", "coder"], 1);
            let shown = verb(&["claim-show", "-z"], 0);
            assert_eq!(shown, format!("{name}\tholder\tcoder\t1\tstale\0"));
            verb(&["claim-check", "--expect", "1"], 0);
            verb(&["claim-complete", "--expect", "1"], 0);
            run(
                env.yoi_claim(["session-record", "holder", "--role", "coder", "--origin", "role_launch"])
                    .arg(format!("--ticket={name}")),
                0,
            );
            run(&mut env.yoi(["why", "--", &name]), 0);
            let listed = run(&mut env.yoi_claim(["claim-list", "--json"]), 0).stdout;
            let listed: Value = serde_json::from_str(&listed).unwrap();
            assert_eq!(listed["items"].as_array().unwrap().len(), 1, "{listed}");
            assert_eq!(listed["items"][0]["ticket"], json!(name));
            verb(&["claim-release", "--expect", "1", &format!("--reason={name}")], 0);
            // Here a dash stands before the command.
            if !name.starts_with('-') {
                let in_flight = ["ticket-lock", &name, "--pod=p", "--", "yoi-claim", "claim-list", "-z"];
                assert_eq!(run(&mut env.yoi_claim(in_flight), 0).stdout, format!("{name}\t-\t-\t-\tlaunching\0"));
            }
            assert_eq!(env.listed("claim-list"), "");
        }
        world.assert_tidy();
        assert!(world.outside() == before, "nothing escapes");
        let related = run(&mut env.yoi_claim(["session-show", "holder", "--json"]), 0).stdout;
        let related: Value = serde_json::from_str(&related).unwrap();
        assert_eq!(related["item"]["related_tickets"], json!(odd()));
        assert_eq!(env.registry().journal(None).unwrap().len(), 3 * odd().len());
    }

    /// As the name of a Pod that lives, is asked, ends and comes back.
    #[test]
    fn of_a_pod_that_is_odd_is_stored_safely() {
        let world = World::new();
        let env = &world.env;
        let before = world.outside();
        let few = [
            "../x",
            "..",
            ".",
            "-x",
            "--help",
            "a b",
            "$(touch x)",
            "a\\b",
            "P",
            "p",
            "🦀",
            &"x".repeat(512),
            &"/".repeat(512),
        ];
        for name in few {
            let flagged = format!("--pod={name}");
            run(&mut env.yoi(["-q", "intake", "-m", "a wish", &flagged]), 0);
            for verb in ["pod-status", "pod-confirm", "session-show"] {
                run(&mut env.yoi_claim([verb, "--", name]), 0);
            }
            let listed = run(&mut env.yoi_claim(["pod-list", "-z"]), 0).stdout;
            assert!(listed.split('\0').any(|line| line.starts_with(&format!("{name}\tintake\t"))), "{listed:?}");
            run(&mut env.yoi(["stop", "--now", "--", name]), 0);
            run(&mut env.yoi(["logs", "--", name]), 0);
            run(&mut env.yoi(["-q", "restore", "--", name]), 0);
            run(&mut env.yoi_claim(["pod-shutdown", "--now", "--", name]), 0);
            // What was made of a wish is not part of this.
            let _ = fs::remove_dir_all(env.workspace().join(".yoi/tickets"));
            run(
                env.command("cp")
                    .arg("-R")
                    .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample/."))
                    .arg(env.workspace()),
                0,
            );
        }
        world.assert_tidy();
        assert_eq!(names(&env.registry().dir().join("pods")).len(), few.len());
        let after = world.outside();
        assert!(after.keys().eq(before.keys()), "nothing escapes: {:?}", after.keys());
    }

    /// As on a file system that folds case: the file is there, and it is another's.
    #[test]
    fn that_differs_in_case_alone_is_never_mixed_up() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "P", "--role", "coder"]), 0);
        run(&mut env.yoi_claim(["session-record", "P", "--role", "coder", "--origin", "role_launch"]), 0);
        let registry = env.registry();
        let twin = registry.claim_path(&ticket("t"));
        fs::hard_link(registry.claim_path(&ticket("T")), &twin).unwrap();
        fs::hard_link(registry.session_path(&pod("P")), registry.session_path(&pod("p"))).unwrap();
        let before = tree(&registry.dir().join("claims"));
        for words in [
            &["claim-commit", "t", "--pod", "P", "--role", "coder"][..],
            &["claim-check", "t", "--expect", "1"],
            &["claim-complete", "t", "--expect", "1"],
            &["claim-release", "t", "--expect", "1", "--reason", "r"],
        ] {
            let said = run(&mut env.yoi_claim(words), 128).stderr;
            assert!(said.contains(twin.to_str().unwrap()) && said.contains("\"T\""), "{said}");
        }
        let said = run(&mut env.yoi_claim(["session-show", "p"]), 128).stderr;
        assert!(said.contains("\"P\""), "{said}");
        assert_eq!(tree(&registry.dir().join("claims")), before);
        let listed = run(&mut env.yoi_claim(["claim-list"]), 128);
        assert_eq!(listed.stdout, "T\tP\tcoder\t1\tstale\nt\t-\t-\t-\tunknown\n");
    }
}

mod bytes {
    use super::*;

    #[test]
    fn that_are_no_utf8_in_the_path_of_the_workspace_are_kept() {
        let env = TestEnv::with_sample();
        let mut twins = Vec::new();
        for name in [&b"w\xff\xfe"[..], b"w\xff\xfd", b"w\n", b"w%ff%fe"] {
            let workspace = env.root().join(OsStr::from_bytes(name));
            run(env.command("cp").arg("-R").arg(env.workspace()).arg(&workspace), 0);
            let plumbing = |words: &[&str]| run(env.yoi_claim(words).current_dir(&workspace), 0).stdout;
            let key = plumbing(&["workspace-key", "--format", "{key}"]);
            run(env.yoi(["-q", "intake", COMPLETE, "--wait"]).current_dir(&workspace), 0);
            env.wait_for_processes();
            let mine = format!("intake-{COMPLETE}");
            assert_eq!(plumbing(&["claim-list"]), format!("{COMPLETE}\t{mine}\tintake\t1\trestorable\n"));
            run(env.yoi(["-q", "restore", &mine]).current_dir(&workspace), 0);
            assert_eq!(plumbing(&["pod-status", &mine, "--format", "{status}"]), "idle\n");
            run(env.yoi(["-q", "stop", &mine]).current_dir(&workspace), 0);
            let directory = plumbing(&["pod-status", &mine, "-z", "--format", "{directory}"]);
            assert!(!directory.is_empty());
            for words in
                [&["status"][..], &["status", "--json"], &["why", COMPLETE], &["logs", &mine], &["ticket", "doctor"]]
            {
                run(env.yoi(words).current_dir(&workspace), 0);
            }
            twins.push(key);
        }
        twins.sort();
        twins.dedup();
        assert_eq!(twins.len(), 4, "no two workspaces are one: {twins:?}");
    }

    #[test]
    fn that_are_no_utf8_in_arguments_and_variables_are_wrong_usage_or_harmless() {
        let env = TestEnv::with_sample();
        let no_utf8 = OsStr::from_bytes(b"a\xff");
        for words in [
            &["claim-release", "T", "--expect", "1", "--reason"][..],
            &["claim-commit", "T", "--role", "coder", "--session", "s", "--pod"],
            &["claim-commit", "T", "--pod", "p", "--role", "coder", "--session"],
            &["claim-commit", "T", "--pod", "p", "--role"],
            &["launch-plan", "--role", "intake", "--instruction"],
            &["claim-list", "--format"],
            &["pod-spawn", "p", "--role", "intake", "--profile"],
        ] {
            assert_eq!(survives(env.yoi_claim(words).arg(no_utf8)).status, 2, "{words:?}");
        }
        for words in [&["intake", "-m"][..], &["ticket", "new"], &["ticket", "comment", COMPLETE, "-m"]] {
            assert_eq!(survives(env.yoi(words).arg(no_utf8)).status, 2, "{words:?}");
        }
        assert_eq!(survives(env.yoi_claim(["claim-list", "-C"]).arg(no_utf8)).status, 128);
        assert_eq!(survives(env.yoi(["tool"]).env("YOI_POD", no_utf8).env("YOI_EPOCH", "e")).status, 2);
        assert_eq!(survives(env.yoi_claim(["claim-list"]).env("YOI_CLOCK", no_utf8)).status, 2);
        // Of a command of another program every byte is its own.
        let echoed =
            survives(env.yoi_claim(["ticket-lock", "T", "--", "printf", "%s"]).arg(no_utf8).env("USER", no_utf8));
        assert_eq!(echoed.status, 0);
        survives(env.yoi_claim(["claim-commit", "T", "--pod", "p", "--role", "coder"]).env("USER", no_utf8));
        assert_eq!(env.listed("claim-list"), "T\tp\tcoder\t1\tstale\n");
        let data = env.root().join(no_utf8);
        run(env.yoi_claim(["claim-commit", "T", "--pod", "q", "--role", "coder"]).env("YOI_DATA_DIR", &data), 0);
        assert!(data.join("workspaces").is_dir());
        fs::remove_dir_all(data).unwrap();
    }

    /// What cannot be passed as an argument, NUL above all, comes as JSON.
    #[test]
    fn in_the_arguments_of_a_tool_lead_nowhere() {
        let world = World::new();
        let mut puppet = world.env.puppet("intake");
        run(&mut world.env.yoi(["-q", "intake", COMPLETE]), 0);
        puppet.begun();
        let before = world.outside();
        let hostile: Vec<Value> = odd()
            .into_iter()
            .map(Value::from)
            .chain(["", "a\0b", "\0", "../x\0", "a\nb"].map(Value::from))
            .chain([json!("x".repeat(5000)), json!(null), json!(7), json!([]), json!({}), json!(1e300)])
            .collect();
        let (_, epoch) = puppet.sh("echo $YOI_EPOCH");
        let (mut wire, _) = world.env.wire(&format!("intake-{COMPLETE}"));
        let mut call = |tool: &str, arguments: &Value| {
            let params = json!({ "tool": tool, "arguments": arguments, "epoch": epoch.trim() });
            let result = wire.ask(1, "tool_call", params);
            assert_eq!(result["event"], "tool_result", "{result}");
            result["data"]["is_error"].as_bool().unwrap()
        };
        for name in &hostile {
            for (tool, arguments) in [
                ("TicketShow", json!({ "ticket": name })),
                ("TicketComment", json!({ "ticket": name, "body": "hello" })),
                ("TicketIntakeReady", json!({ "ticket": name, "summary": "clear" })),
                ("TicketList", json!({ "state": name })),
            ] {
                let allowed = (tool, name) == ("TicketList", &json!(null));
                assert_eq!(call(tool, &arguments), !allowed, "{tool} {name}");
            }
        }
        // Neither is a tool that there is not.
        for name in ["../x", "", "a\0b", "ticketshow"] {
            assert!(call(name, &json!({})));
        }
        let mut after = world.outside();
        after.retain(|path, _| !path.contains("/puppet/"));
        let mut before = before;
        before.retain(|path, _| !path.contains("/puppet/"));
        assert!(after == before, "a call that fails changes nothing outside of the registry");
        // Texts are texts: what a title may not have is refused, and a body comes back as it was.
        for title in ["", " ", "a\nb", "a\0b", &"x".repeat(301)] {
            assert_eq!(puppet.tool("TicketCreate", &json!({ "title": title, "body": "" })).0, 1, "{title:?}");
        }
        let title = "'../x' \"quoted\" # not: a comment --- {{x}} \\ 🦀";
        let body = "---\nstate: 'closed'\n---\n<!-- event: state_changed author: x at: y -->\n## x\n\n\u{1b}[31m $(touch x)\n\n---";
        let (status, text) = puppet.tool("TicketCreate", &json!({ "title": title, "body": body }));
        assert_eq!(status, 0, "{text}");
        let made: Value = serde_json::from_str(&text).unwrap();
        let (_, shown) = puppet.tool("TicketShow", &json!({ "ticket": made["id"], "format": "json" }));
        let shown: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!((&shown["title"], &shown["state"]), (&json!(title), &json!("planning")));
        assert_eq!(shown["body"].as_str().unwrap().trim(), body);
        run(&mut world.env.yoi(["ticket", "doctor"]), 0);
        // On a terminal an escape is shown, not sent.
        let seen = run(&mut world.env.yoi(["ticket", "show", made["id"].as_str().unwrap()]), 0).stdout;
        assert!(!seen.contains('\u{1b}'), "{seen:?}");
        let (status, text) = puppet.tool("TicketCreate", &json!({ "title": "zero", "body": "a\0b" }));
        assert!(status == 0 || text.contains("NUL") || text.contains("control"), "{text}");
        run(&mut world.env.yoi(["ticket", "list"]), 0);
        puppet.answer("done", 0);
        world.env.stop(&format!("intake-{COMPLETE}"));
    }

    #[test]
    fn on_the_socket_are_answered_and_the_pod_goes_on() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
        let name = format!("intake-{INCOMPLETE}");
        let deep = format!("{{\"method\":{}1{}}}\n", "[".repeat(100_000), "]".repeat(100_000));
        let lines: Vec<(Vec<u8>, &str)> = vec![
            (b"\n".to_vec(), "error: bad_request"),
            (b"nonsense\n".to_vec(), "error: bad_request"),
            (b"[]\n".to_vec(), "error: bad_request"),
            (b"{}\n".to_vec(), "error: bad_request"),
            (b"\0\0\0\n".to_vec(), "error: bad_request"),
            (b"\xff\xfe\n".to_vec(), "error: bad_request"),
            (b"{\"method\":\"a\xff\"}\n".to_vec(), "error: bad_request"),
            (deep.into_bytes(), "error: bad_request"),
            (request(1, "format_disk", json!({})).into_bytes(), "error#1: unknown_method"),
            (request(1, &"x".repeat(100_000), json!({})).into_bytes(), "error#1: unknown_method"),
            (request(1, "run", json!({})).into_bytes(), "error#1: bad_request"),
            (request(1, "run", json!({ "input": "hello" })).into_bytes(), "error#1: bad_request"),
            (request(1, "run", json!({ "input": [1] })).into_bytes(), "error#1: bad_request"),
            (
                request(1, "register_peer", json!({ "pod": "a\nb", "role": "coder" })).into_bytes(),
                "error#1: bad_request",
            ),
            (request(1, "register_peer", json!({ "pod": "", "role": "coder" })).into_bytes(), "error#1: bad_request"),
            (request(1, "register_peer", json!({ "pod": "p", "role": "god" })).into_bytes(), "error#1: bad_request"),
            (request(1, "confirm", json!({ "nonce": "zz" })).into_bytes(), "error#1: bad_request"),
            (request(1, "shutdown", json!({ "now": "yes" })).into_bytes(), "error#1: bad_request"),
            (request(1, "answer", json!({ "option": "../x" })).into_bytes(), "error#1: no_request"),
        ];
        let (mut wire, _) = env.wire(&name);
        for (line, expected) in lines {
            wire.send_raw(&line).unwrap();
            let answer = wire.next().unwrap();
            assert_eq!(outline(std::slice::from_ref(&answer)), [expected]);
            assert!(answer.to_string().len() < 1000, "{answer}");
        }
        // Whoever leaves in the middle of a line, or says what is too long, harms nobody else.
        let (mut leaver, _) = env.wire(&name);
        leaver.send_raw(b"{\"method\":\"shutdown\"").unwrap();
        drop(leaver);
        let (mut loud, _) = env.wire(&name);
        let _ = loud.send_raw(&vec![b'x'; 2 << 20]);
        let said = outline(&loud.rest());
        assert!(said.is_empty() || said == ["error: line_too_long"], "{said:?}");
        // The longest line that fits is taken.
        let empty = request(2, "run", say("")).len();
        wire.send_raw(request(2, "run", say(&"x".repeat((1 << 20) - empty))).as_bytes()).unwrap();
        let taken = wire.until(|message| message["id"] == 2).pop().unwrap();
        assert_eq!(taken["event"], "user_message");
        wire.event("run_end");
        assert_eq!(env.listed("pod-list"), format!("{name}\tintake\tidle\n"));
        env.stop(&name);
    }

    #[test]
    fn a_runtime_directory_of_200_bytes_is_refused_before_anything_is_started() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
        let name = format!("intake-{INCOMPLETE}");
        env.stop(&name);
        let before = tree(env.root());
        let long = env.root().join("r".repeat(200));
        let plumbing = |words: &[&str], status| run(env.yoi_claim(words).env("YOI_RUNTIME_DIR", &long), status);
        let porcelain = |words: &[&str], status| run(env.yoi(words).env("YOI_RUNTIME_DIR", &long), status);
        let why = "set YOI_RUNTIME_DIR to a shorter directory";
        for refused in [
            plumbing(&["pod-spawn", "p", "--role", "intake", "--profile", "builtin:checklist"], 128),
            porcelain(&["-q", "restore", &name], 128),
            porcelain(&["-q", "intake", COMPLETE], 128),
        ] {
            assert!(refused.stderr.contains(why) && refused.stderr.contains("bytes"), "{refused:?}");
        }
        let mut after = tree(env.root());
        // The lock of the ticket that restore took, and took back.
        after.retain(|path, _| !path.contains("/locks/"));
        let mut before = before;
        before.retain(|path, _| !path.contains("/locks/"));
        assert!(after == before);
        assert_eq!(plumbing(&["claim-list"], 0).stdout, format!("{INCOMPLETE}\t{name}\tintake\t1\trestorable\n"));
        assert_eq!(plumbing(&["pod-list"], 0).stdout, format!("{name}\tintake\trestorable\n"));
        porcelain(&["status"], 0);
        porcelain(&["why", INCOMPLETE], 0);
    }
}

/// Something stands in the place of a file of ours.
mod planted {
    use super::*;

    const POD: &str = "intake-20260118-101544-001";

    /// What is planted.
    #[derive(Debug, Clone, Copy)]
    enum Thing {
        Symlink,
        Dangling,
        Fifo,
        Directory,
        Writable,
        Empty,
        Nonsense,
        Huge,
        Newer,
    }

    impl Thing {
        const ALL: [Self; 9] = [
            Self::Symlink,
            Self::Dangling,
            Self::Fifo,
            Self::Directory,
            Self::Writable,
            Self::Empty,
            Self::Nonsense,
            Self::Huge,
            Self::Newer,
        ];

        /// Puts it into the place of a file, of which `there` is the content.
        fn plant(self, path: &Path, there: &[u8], victim: &Path) {
            match self {
                Self::Symlink => symlink(victim, path).unwrap(),
                Self::Dangling => symlink(victim.with_extension("none"), path).unwrap(),
                Self::Fifo => drop(run(Command::new("mkfifo").arg("-m").arg("600").arg(path), 0)),
                Self::Directory => fs::create_dir(path).unwrap(),
                Self::Writable => {
                    fs::write(path, there).unwrap();
                    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
                }
                Self::Empty => private(path, b""),
                Self::Nonsense => private(path, b"\xff\0\xfe = [[[ nonsense\n"),
                Self::Huge => private(path, &[there, &vec![b' '; 3 << 20]].concat()),
                Self::Newer => {
                    let text = String::from_utf8_lossy(there).replace("version = 1", "version = 2");
                    private(path, text.as_bytes());
                }
            }
        }
    }

    fn private(path: &Path, bytes: &[u8]) {
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// What is run, each under a bound; the restore and the launch last.
    const COMMANDS: &[(&str, &str)] = &[
        ("claim-list", "claim-list"),
        ("claim-show", "claim-show 20260118-101544-001"),
        ("session-list", "session-list"),
        ("pod-list", "pod-list"),
        ("pod-status", "pod-status intake-20260118-101544-001"),
        ("status", "yoi status"),
        ("why", "yoi why 20260118-101544-001"),
        ("logs", "yoi logs intake-20260118-101544-001"),
        ("host-log", "yoi logs --host intake-20260118-101544-001"),
        ("commit", "claim-commit 20260118-101544-001 --pod other --role coder --wait 0.1"),
        ("complete", "claim-complete 20260118-101544-001 --expect 1"),
        ("lock", "ticket-lock 20260118-101544-001 -- true"),
        (
            "record",
            "session-record intake-20260118-101544-001 --role intake --origin ticket_claim --ticket 20260118-101544-001",
        ),
        ("intake", "yoi -q intake 20260118-101544-001"),
        ("restore", "yoi -q restore intake-20260118-101544-001"),
    ];

    fn command(env: &TestEnv, line: &str) -> Command {
        match line.strip_prefix("yoi ") {
            Some(porcelain) => env.yoi(porcelain.split(' ')),
            None => env.yoi_claim(line.split(' ')),
        }
    }

    /// A world with a stopped Pod, and another claim that must stay visible.
    fn world() -> World {
        let world = World::new();
        run(&mut world.env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
        world.env.stop(POD);
        run(&mut world.env.yoi_claim(["claim-commit", "neighbour", "--pod", "n", "--role", "coder"]), 0);
        run(&mut world.env.yoi_claim(["session-record", "n", "--role", "coder", "--origin", "role_launch"]), 0);
        world
    }

    /// Plants each thing in the place of one file, runs everything, and gives the statuses as a table.
    fn table(place: impl Fn(&TestEnv) -> PathBuf) -> String {
        let world = world();
        let env = &world.env;
        let path = place(env);
        let there = fs::read(&path).ok();
        let keep = env.root().join("kept");
        let snapshot = || run(env.command("cp").arg("-a").arg(env.data()).arg(&keep), 0);
        snapshot();
        let victim = world.outer.path().join("victim");
        private(&victim, there.as_deref().unwrap_or(b"victim"));
        let mut table = String::new();
        for thing in Thing::ALL {
            if there.is_some() {
                fs::remove_file(&path).unwrap();
            }
            thing.plant(&path, there.as_deref().unwrap_or(b"version = 1\n"), &victim);
            let outside = world.outside();
            let mut row = format!("{thing:?}:");
            for (name, line) in COMMANDS {
                let outcome = survives(&mut command(env, line));
                if outcome.status != 0 {
                    write!(row, " {name}={}", outcome.status).unwrap();
                }
                if *name == "claim-list" {
                    assert!(outcome.stdout.contains("neighbour\tn\tcoder\t1\tstale\n"), "{thing:?}: {outcome:?}");
                }
                if *name == "session-list" {
                    assert!(outcome.stdout.contains("n\tcoder\trole_launch\t-\n"), "{thing:?}: {outcome:?}");
                }
                if outcome.status == 128 {
                    let named = path.file_name().unwrap().to_str().unwrap();
                    assert!(outcome.stderr.contains(named), "{thing:?} {name}: the path is named: {outcome:?}");
                }
            }
            writeln!(table, "{row}").unwrap();
            assert!(world.outside() == outside, "{thing:?}: what a link leads to is left alone");
            env.kill_all();
            // All as it was.
            fs::remove_dir_all(env.data()).unwrap();
            run(env.command("cp").arg("-a").arg(&keep).arg(env.data()), 0);
            for socket in names(&env.runtime()) {
                let socket = env.runtime().join(socket);
                if socket.is_dir() { fs::remove_dir(socket).unwrap() } else { fs::remove_file(socket).unwrap() }
            }
        }
        table
    }

    macro_rules! places {
        ($($name:ident: $place:expr;)+) => {
            $(#[test]
            fn $name() {
                insta::assert_snapshot!(table($place));
            })+
        };
    }

    places! {
        in_place_of_the_claim: |env| env.registry().claim_path(&ticket(INCOMPLETE));
        in_place_of_the_ticket_lock: |env| env.registry().ticket_lock_path(&ticket(INCOMPLETE));
        in_place_of_the_pod_lock: |env| env.registry().pod_lock_path(&pod(POD));
        in_place_of_the_lock_of_the_sessions: |env| env.registry().sessions_lock_path();
        in_place_of_the_pod_record: |env| env.registry().pod_dir(&pod(POD)).join("pod.toml");
        in_place_of_the_history: |env| env.registry().pod_dir(&pod(POD)).join("history.jsonl");
        in_place_of_the_host_log: |env| env.registry().pod_dir(&pod(POD)).join("host.log");
        in_place_of_the_session: |env| env.registry().session_path(&pod(POD));
        in_place_of_the_socket: |env| env.registry().socket_path(&pod(POD));
        in_place_of_the_journal: |env| env.registry().journal_path();
        in_place_of_the_workspace_record: |env| env.registry().dir().join("workspace.toml");
    }

    /// A free ticket of which it cannot be told which generation comes next.
    #[test]
    fn in_place_of_a_tombstone() {
        let world = World::new();
        let env = &world.env;
        run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "p", "--role", "coder"]), 0);
        run(&mut env.yoi_claim(["claim-release", "T", "--expect", "1", "--reason", "r"]), 0);
        let path = env.registry().tombstone_path(&ticket("T"));
        let there = fs::read(&path).unwrap();
        let victim = world.outer.path().join("victim");
        private(&victim, &there);
        for thing in Thing::ALL {
            fs::remove_file(&path).unwrap();
            thing.plant(&path, &there, &victim);
            let said = survives(&mut env.yoi_claim(["claim-commit", "T", "--pod", "p", "--role", "coder"]));
            assert_eq!(said.status, 128, "{thing:?}: {said:?}");
            assert!(said.stderr.contains(path.to_str().unwrap()), "{thing:?}: {said:?}");
            assert_eq!(env.listed("claim-list"), "");
            if path.is_dir() {
                fs::remove_dir(&path).unwrap()
            } else {
                fs::remove_file(&path).unwrap()
            }
            private(&path, &there);
        }
        assert_eq!(fs::read(&victim).unwrap(), there);
        run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "p", "--role", "coder"]), 0);
        assert_eq!(env.listed("claim-list"), "T\tp\tcoder\t2\tstale\n");
    }

    #[test]
    fn a_listing_with_a_corrupt_and_a_newer_record_shows_the_rest() {
        let env = TestEnv::new();
        for id in ["A", "B", "C", "D"] {
            run(&mut env.yoi_claim(["claim-commit", id, "--pod", "p", "--role", "coder"]), 0);
            let named = format!("p{id}");
            run(&mut env.yoi_claim(["session-record", &named, "--role", "coder", "--origin", "role_launch"]), 0);
        }
        let registry = env.registry();
        private(&registry.claim_path(&ticket("B")), b"version = 1\nticket = ");
        private(&registry.session_path(&pod("pB")), b"version = 1\npod = ");
        for path in [registry.claim_path(&ticket("C")), registry.session_path(&pod("pC"))] {
            let text = fs::read_to_string(&path).unwrap();
            private(&path, text.replace("version = 1", "version = 99").as_bytes());
        }
        let before = tree(registry.dir());
        let listed = run(&mut env.yoi_claim(["claim-list"]), 128);
        let rows = "A\tp\tcoder\t1\tstale\nB\t-\t-\t-\tunknown\nC\t-\t-\t-\tunknown\nD\tp\tcoder\t1\tstale\n";
        assert_eq!(listed.stdout, rows);
        insta::assert_snapshot!(env.normalise(&listed.stderr), @r"
        yoi-claim: '$ROOT/data/workspaces/work-HASH/claims/B.toml' is not a valid record: line 2: string values must be quoted, expected literal string
        yoi-claim: '$ROOT/data/workspaces/work-HASH/claims/C.toml' has version 99, this yoi reads version 1 and older: use a newer yoi
        ");
        let sessions = run(&mut env.yoi_claim(["session-list"]), 128);
        assert_eq!(first_fields(&sessions.stdout), ["pA", "pD"]);
        assert_eq!(sessions.stderr.lines().count(), 2, "{sessions:?}");
        // They count as held, and are never overwritten.
        for id in ["B", "C"] {
            run(&mut env.yoi_claim(["claim-commit", id, "--pod", "p", "--role", "coder"]), 128);
            run(&mut env.yoi_claim(["claim-release", id, "--expect", "1", "--reason", "r"]), 128);
            let record = format!("p{id}");
            run(&mut env.yoi_claim(["session-record", &record, "--role", "coder", "--origin", "role_launch"]), 128);
        }
        let mut after = tree(registry.dir());
        after.retain(|path, _| !path.starts_with("locks/"));
        assert!(after.iter().all(|(path, file)| before[path] == *file));
    }

    /// A socket of somebody else's making, alive: its name is as good as taken, and nobody is talked to.
    #[test]
    fn a_foreign_listener_gets_nothing_to_hear_of_a_stopped_pod() {
        let world = world();
        let env = &world.env;
        let socket = env.registry().socket_path(&pod(POD));
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (_, line) in COMMANDS {
            survives(&mut command(env, line));
        }
        listener.set_nonblocking(true).unwrap();
        let mut heard = Vec::new();
        while let Ok((mut stream, _)) = listener.accept() {
            use std::io::Read as _;
            let _ = stream.read_to_end(&mut heard);
        }
        assert_eq!(heard, b"");
        assert_eq!(env.processes().len(), 0);
        let _ = Wire::to(&socket);
    }
}
