//! Imports between rooms point one way, and what touches the world has one place.
//!
//! `bin → porcelain, plumbing → cli, panel → launch → registry, pod, ticket → fs → domain`: a room uses itself and what
//! stands in a later step, never another room of its own step; only `panel` may use `cli`, and a program uses nothing
//! but its own room.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

const STEPS: &[&[&str]] = &[
    &["bin"],
    &["porcelain", "plumbing"],
    &["cli", "panel"],
    &["launch"],
    &["registry", "pod", "ticket"],
    &["fs"],
    &["domain"],
];

/// Words that only some rooms may use, and why.
const BANS: &[(&[&str], &[&str], &str)] = &[
    (
        &[
            "use std::env",
            "env::var",
            "env::args",
            "env::current_dir",
            "env::current_exe",
            "env::temp_dir",
            "env::set_",
        ],
        &["cli"],
        "only cli reads the environment",
    ),
    (&["Utc::now", "Local::now", "SystemTime::now"], &["cli"], "only cli reads the clock"),
    (&["is_terminal"], &["cli", "panel"], "only cli and panel look at the terminal"),
    (&["println!", "eprintln!", "print!", "eprint!"], &["cli"], "only cli prints"),
    (
        &["F_OFD_", "F_SETLK", "F_GETLK", "LOCK_EX", "LOCK_SH", "libc::flock", "fcntl::Flock", "file.lock("],
        &["fs"],
        "locks are taken in fs",
    ),
];

fn step(room: &str) -> Option<usize> {
    STEPS.iter().position(|rooms| rooms.contains(&room))
}

fn may_use(from: &str, to: &str) -> bool {
    match (step(from), step(to)) {
        _ if from == "bin" => ["porcelain", "plumbing"].contains(&to),
        (Some(here), Some(there)) => from == to || there > here || (from, to) == ("panel", "cli"),
        _ => false,
    }
}

/// Everything that is wrong with one file of a room, as `LINE: WHAT`.
fn violations(room: &str, source: &str) -> Vec<String> {
    let code = code_of(source);
    let mut found = Vec::new();
    let roots = if room == "bin" { ["crate::", "yoi::"].as_slice() } else { &["crate::"] };
    for root in roots {
        for (at, used) in paths_from(&code, root) {
            if !may_use(room, &used) {
                found.push(format!("{}: {room} uses {used}", line_of(&code, at)));
            }
        }
    }
    for (at, used) in climbed(&code) {
        if !may_use(room, &used) {
            found.push(format!("{}: {room} climbs to {used}", line_of(&code, at)));
        }
    }
    for (words, allowed, why) in BANS {
        for word in words.iter().filter(|_| !allowed.contains(&room)) {
            let hits = code.match_indices(word).filter(|(at, _)| is_start_of_word(&code, *at));
            found.extend(hits.map(|(at, _)| format!("{}: {word} in {room}: {why}", line_of(&code, at))));
        }
    }
    found
}

/// The rooms that stand directly behind `root`, also in braces: `crate::{fs, domain::Role}`.
fn paths_from(code: &str, root: &str) -> Vec<(usize, String)> {
    let starts = code.match_indices(root).filter(|(at, _)| is_start_of_word(code, *at));
    let rooms = starts.flat_map(|(at, _)| {
        let behind = &code[at + root.len()..];
        let names = match behind.strip_prefix('{') {
            Some(group) => first_names(group),
            None => vec![name_at(behind)],
        };
        names.into_iter().map(move |name| (at, name))
    });
    rooms.filter(|(_, name)| !name.is_empty() && name != "self").collect()
}

/// The rooms that are reached by climbing out of one's own: `super::super::fs`.
fn climbed(code: &str) -> Vec<(usize, String)> {
    let climbs = code.match_indices("super::super::").map(|(at, _)| {
        let behind = code[at..].trim_start_matches("super::");
        (at, name_at(behind))
    });
    climbs.filter(|(_, name)| step(name).is_some()).collect()
}

/// The first name of each path in a group whose opening brace was read.
fn first_names(group: &str) -> Vec<String> {
    let (mut depth, mut names, mut fresh) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            c if fresh && is_name(c) => {
                names.push(name_at(&group[at..]));
                fresh = false;
            }
            _ => {}
        }
    }
    names
}

fn name_at(text: &str) -> String {
    text.chars().take_while(|c| is_name(*c)).collect()
}

fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_start_of_word(code: &str, at: usize) -> bool {
    !code[..at].chars().next_back().is_some_and(is_name)
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// The source with comments and the insides of literals blanked out, line for line.
fn code_of(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(c) = rest.chars().next() {
        let skipped = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            'r' if is_start_of_word(source, source.len() - rest.len()) => raw_string(rest),
            '"' => quoted(rest, '"'),
            '\'' => character(rest),
            _ => 0,
        };
        if skipped == 0 {
            code.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            code.extend(rest[..skipped].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[skipped..];
        }
    }
    code
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < text.len() {
        match &text.as_bytes()[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

/// The length of `r"…"` or `r#"…"#`; 0 where the text is something else.
fn raw_string(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|c| *c == '#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..].find(&end).map_or(text.len(), |at| body + at + end.len())
}

fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal; 0 for a lifetime.
fn character(text: &str) -> usize {
    let mut behind = text.chars().skip(1);
    match (behind.next(), behind.next()) {
        (Some('\\'), _) | (Some(_), Some('\'')) => quoted(text, '\''),
        _ => 0,
    }
}

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Crates that only one file may use: their interfaces move, or a program must not link them.
const KEPT_APART: &[(&str, &[&str])] = &[
    ("agent_client_protocol", &["src/pod/agent/acp/wire.rs"]),
    ("tokio", &["src/pod/agent/acp/", "src/pod/mcp/"]),
    ("rmcp", &["src/pod/mcp/"]),
];

#[test]
fn a_crate_that_is_kept_apart_is_used_in_its_place_only() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut used = vec![0; KEPT_APART.len()];
    let mut files = Vec::new();
    rust_files(&root.join("src"), &mut files);
    for path in files {
        let code = code_of(&fs::read_to_string(&path).unwrap());
        let name = path.strip_prefix(root).unwrap().to_str().unwrap();
        for (at, (krate, places)) in KEPT_APART.iter().enumerate() {
            let uses = code.match_indices(&format!("{krate}::")).any(|(at, _)| is_start_of_word(&code, at));
            assert!(!uses || places.iter().any(|place| name.starts_with(place)), "{name} uses {krate}");
            used[at] += usize::from(uses);
        }
    }
    assert!(used.iter().all(|files| *files > 0), "{used:?}: a name that nobody uses finds nothing");
}

#[test]
fn arrows_point_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    files.sort();
    assert!(files.len() > 20, "found only {} files below {}", files.len(), src.display());
    let mut found = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&src).unwrap();
        let room = match path.components().next().and_then(|first| first.as_os_str().to_str()) {
            Some("lib.rs") => continue,
            Some(room) if step(room).is_some() => room,
            _ => panic!("{} belongs to no room", path.display()),
        };
        let source = fs::read_to_string(file).unwrap();
        found.extend(violations(room, &source).into_iter().map(|what| format!("src/{}:{what}", path.display())));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// The checker finds what it is there for.
mod checker {
    use super::violations;

    #[test]
    fn arrows_that_point_back() {
        assert_eq!(violations("fs", "use crate::registry::Registry;"), ["1: fs uses registry"]);
        assert_eq!(violations("domain", "\nfn f() { crate::fs::sync_dir(p) }"), ["2: domain uses fs"]);
        assert_eq!(violations("launch", "use crate::cli;"), ["1: launch uses cli"]);
        assert_eq!(violations("cli", "use crate::panel::run;"), ["1: cli uses panel"]);
    }

    #[test]
    fn arrows_between_rooms_of_one_step() {
        assert_eq!(violations("pod", "use crate::{domain::Role, registry, ticket::Tickets};").len(), 2);
        assert_eq!(violations("porcelain", "use crate::plumbing::run;"), ["1: porcelain uses plumbing"]);
        assert_eq!(
            violations("registry", "use crate::{\n    fs::{self, Wait},\n    pod::Desk,\n};"),
            ["1: registry uses pod"]
        );
    }

    #[test]
    fn arrows_out_of_a_program() {
        assert_eq!(violations("bin", "yoi::registry::Registry::new();"), ["1: bin uses registry"]);
        assert!(violations("bin", "fn main() -> ExitCode { yoi::porcelain::main() }").is_empty());
    }

    #[test]
    fn climbing_out_of_a_room() {
        assert_eq!(violations("fs", "use super::super::registry::Registry;"), ["1: fs climbs to registry"]);
        assert!(violations("fs", "use super::super::dir::check;").is_empty());
    }

    #[test]
    fn names_that_are_no_room() {
        assert_eq!(violations("fs", "use crate::util::x;"), ["1: fs uses util"]);
    }

    #[test]
    fn arrows_that_point_on_are_fine() {
        assert!(
            violations("plumbing", "use crate::cli::Cli; use crate::registry; use crate::domain::Role;").is_empty()
        );
        assert!(violations("panel", "use crate::cli::Meaning;").is_empty());
        assert!(violations("launch", "pub(crate) use crate::pod::spawn; $crate::domain::Role").is_empty());
    }

    #[test]
    fn the_world_has_one_place() {
        for code in [
            "std::env::var_os(x)",
            "use std::env;",
            "chrono::Utc::now()",
            "std::time::SystemTime::now()",
            "println!(x)",
            "eprint!(x)",
            "fcntl(fd, FcntlArg::F_OFD_SETLK(&lock))",
            "nix::fcntl::Flock::lock(file, LOCK_EX)",
            "io::stdout().is_terminal()",
        ] {
            assert!(!violations("registry", code).is_empty(), "{code}");
        }
        assert!(violations("cli", "std::env::args_os(); chrono::Utc::now(); io::stdin().is_terminal()").is_empty());
        assert!(violations("fs", "fcntl(&self.file, F_OFD_GETLK)").is_empty());
        assert!(violations("pod", "fingerprint!(x); my_env::variable()").is_empty());
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        let source = r##"
            // use crate::registry;
            /* crate::pod /* nested */ crate::ticket */
            /// See [`crate::launch`].
            let a = "crate::cli \" println!"; let b = r#"std::env "quoted""#; let c = '"'; let d: &'a str = x;
            let e = '\''; crate::registry::y();
        "##;
        assert_eq!(violations("fs", source), ["6: fs uses registry"]);
    }
}

#[test]
fn the_plumbing_links_no_async_runtime() {
    // As symbols spell a crate: its name behind its length.
    let crates = ["5tokio", "4rmcp", "21agent_client_protocol"];
    let linked = |program: &str| {
        let bytes = fs::read(program).unwrap();
        let has = |name: &&str| bytes.windows(name.len()).any(|window| window == name.as_bytes());
        crates.into_iter().filter(has).collect::<Vec<_>>()
    };
    assert_eq!(linked(env!("CARGO_BIN_EXE_yoi-claim")), Vec::<&str>::new());
    assert_eq!(linked(env!("CARGO_BIN_EXE_yoi")), crates, "what nobody links is not looked for in vain");
}
