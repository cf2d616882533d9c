//! Proof of the proof: each protection is taken out of a copy of the program, one at a time, and a test must go red.
//!
//! The protections are listed in `tests/proof/protections.toml`. `cargo test` looks whether the list still fits the code;
//! with `YOI_EXTENDED=1` the proof is made. One build serves all, and tests run side by side: in the copy each listed piece
//! of code asks whether it is the one that its process does without (a _mutant schema_). That is told by the number at
//! which the test is limited in file locks, a limit of old that Linux keeps and does nothing about: it reaches every
//! process that comes of the test, whatever that does to environment, session and descriptors. The program itself knows
//! nothing of this.
//!
//! `cargo test --test proof -- NAME` makes the proof of those whose name contains NAME.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use common::Process;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::Deserialize;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What stands in a replacement for "this protection is the one that is taken out".
const MUTANT: &str = "MUTANT";
/// How long a test may take; one that hangs without its protection has noticed that, too.
const PATIENCE: Duration = Duration::from_secs(90);
/// How many tests run at once, besides those that only wait.
const AT_ONCE: usize = 2;

#[derive(Deserialize)]
struct List {
    protection: Vec<Protection>,
}

/// A piece of code that something depends on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Protection {
    /// What it is.
    name: String,
    /// The file that it is in, below `src`.
    file: String,
    /// The code; it stands there exactly once.
    find: String,
    /// What it is replaced by; does the same unless `MUTANT` holds.
    replace: String,
    /// The test program that notices, `lib` for the unit tests.
    test: String,
    /// The arguments by which it runs the test that does.
    arguments: Vec<String>,
    /// Environment variables that the test needs.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Whether only root can run that test.
    #[serde(default)]
    root: bool,
    /// Whether that test, without the protection, waits for what does not come: nothing waits for it.
    #[serde(default)]
    waits: bool,
    /// Its place in the list, from 1.
    #[serde(skip)]
    number: u64,
}

impl Protection {
    /// The test as it is run: with others that name the same one it is run only once with every protection in place.
    fn run(&self) -> (bool, &str, &[String]) {
        (self.waits, &self.test, &self.arguments)
    }
}

fn main() -> ExitCode {
    let text = fs::read_to_string(Path::new(ROOT).join("tests/proof/protections.toml")).unwrap();
    let List { protection: mut protections } = toml::from_str(&text).unwrap();
    protections.iter_mut().zip(1..).for_each(|(protection, number)| protection.number = number);
    let names: BTreeSet<&str> = protections.iter().map(|protection| protection.name.as_str()).collect();
    assert_eq!(names.len(), protections.len(), "a name is taken twice");
    let sources = mutated_sources(&protections);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        protections.iter().for_each(|protection| println!("{}: test", protection.name));
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    if chosen.is_empty() && std::env::var_os("YOI_EXTENDED").is_none() {
        println!(
            "{} protections stand where the list says; YOI_EXTENDED=1 takes them out one by one",
            protections.len()
        );
        return ExitCode::SUCCESS;
    }
    protections.retain(|protection| {
        let here = !protection.root || nix::unistd::geteuid().is_root();
        here && (chosen.is_empty() || chosen.iter().any(|name| protection.name.contains(name.as_str())))
    });
    prove(&protections, &sources)
}

/// Every file that a protection is in, with all of them made ready to be taken out.
fn mutated_sources(protections: &[Protection]) -> BTreeMap<PathBuf, String> {
    let mut sources: BTreeMap<PathBuf, String> = BTreeMap::new();
    for Protection { name, file, find, replace, number, .. } in protections {
        let path = Path::new("src").join(file);
        let original = || fs::read_to_string(Path::new(ROOT).join(&path)).unwrap();
        let text = sources.entry(path.clone()).or_insert_with(original);
        assert_eq!(text.matches(find.as_str()).count(), 1, "{name}: not once in {}: {find}", path.display());
        assert!(replace.contains(MUTANT), "{name}: nothing is taken out");
        *text = text.replace(find.as_str(), &replace.replace(MUTANT, &format!("crate::mutant({number})")));
    }
    sources
}

fn prove(protections: &[Protection], sources: &BTreeMap<PathBuf, String>) -> ExitCode {
    let bench = Bench::build(protections, sources);
    let mut tests: BTreeMap<_, Vec<&Protection>> = BTreeMap::new();
    protections.iter().for_each(|protection| tests.entry(protection.run()).or_default().push(protection));
    let (waiting, busy): (Vec<_>, Vec<_>) = tests.into_values().partition(|of_one_test| of_one_test[0].waits);
    let (next, noticed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let prove = |of_one_test: &[&Protection]| {
        noticed.fetch_add(bench.prove(of_one_test), Ordering::Relaxed);
    };
    let work = || {
        while let Some(of_one_test) = busy.get(next.fetch_add(1, Ordering::Relaxed)) {
            prove(of_one_test);
        }
    };
    std::thread::scope(|scope| {
        waiting.iter().for_each(|of_one_test| drop(scope.spawn(|| prove(of_one_test))));
        (0..AT_ONCE).for_each(|_| drop(scope.spawn(work)));
    });
    let noticed = noticed.into_inner();
    println!("{} protections taken out, {noticed} of them noticed", protections.len());
    if noticed == protections.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A build of the copy.
struct Bench {
    tree: PathBuf,
    /// The test programs.
    programs: BTreeMap<String, PathBuf>,
}

impl Bench {
    fn build(protections: &[Protection], sources: &BTreeMap<PathBuf, String>) -> Self {
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proof");
        let tree = place.join("tree");
        let mut manifest =
            fs::read_to_string(Path::new(ROOT).join("Cargo.toml")).unwrap().parse::<toml::Table>().unwrap();
        let workspace = workspace_of(&mut manifest);
        for part in ["Cargo.toml", "Cargo.lock", "README.md", "src", "tests", "benches", "man", "docs", "completions"] {
            copy(&Path::new(ROOT).join(part), &tree.join(part), &|path| {
                let path = path.strip_prefix(ROOT).unwrap();
                let text = sources.get(path).cloned();
                match path.to_str() {
                    Some("src/lib.rs") => Some(with_switch(path, text)),
                    Some("Cargo.toml") => Some(manifest.to_string()),
                    _ => text,
                }
            });
        }
        fs::write(place.join("Cargo.toml"), workspace.to_string()).unwrap();
        fs::rename(tree.join("Cargo.lock"), place.join("Cargo.lock")).unwrap();
        let cargo = |arguments: &[&str]| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(arguments).args(["--locked", "--message-format=json", "--target-dir"]).arg(place.join("target"));
            // What the product depends on has been built for this test. The copy is another package to cargo, which goes by
            // the place of a package in its workspace.
            cargo.env("CARGO_BUILD_BUILD_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
            cargo.current_dir(&tree).stderr(Stdio::inherit());
            cargo
        };
        // The agent of some tests.
        assert!(cargo(&["build", "--examples"]).stdout(Stdio::null()).status().unwrap().success());
        let mut build = cargo(&["test", "--no-run"]);
        for test in protections.iter().map(|protection| protection.test.as_str()).collect::<BTreeSet<_>>() {
            match test {
                "lib" => build.arg("--lib"),
                name => build.args(["--test", name]),
            };
        }
        let output = build.output().unwrap();
        assert!(output.status.success(), "the copy does not build");
        Self { tree, programs: programs_of(&output.stdout) }
    }

    /// Takes out, one after the other, the protections that one test is to notice; gives how many it did.
    fn prove(&self, protections: &[&Protection]) -> usize {
        if !self.passes(protections[0], 0) {
            for Protection { name, .. } in protections {
                println!("BROKEN  {name}: its test is not there, or fails with every protection in its place");
            }
            return 0;
        }
        let is_noticed = |protection: &&&Protection| {
            let start = Instant::now();
            let is_noticed = !self.passes(protection, protection.number);
            println!(
                "{}  {:<48} {} {} ({:.1} s)",
                if is_noticed { "caught" } else { "MISSED" },
                protection.name,
                protection.test,
                protection.arguments.join(" "),
                start.elapsed().as_secs_f32()
            );
            is_noticed
        };
        protections.iter().filter(is_noticed).count()
    }

    /// Whether the test of a protection passes while the one of this number is taken out; 0: none.
    fn passes(&self, protection: &Protection, out: u64) -> bool {
        let mut command = Command::new(&self.programs[&protection.test]);
        command.args(&protection.arguments).env_remove("YOI_EXTENDED").envs(&protection.environment);
        // What a test would have built besides is there.
        command.env_remove("CARGO");
        command.current_dir(&self.tree).process_group(0);
        let (_, most) = getrlimit(Resource::RLIMIT_LOCKS).unwrap();
        // SAFETY: the call is safe between fork and exec.
        unsafe { command.pre_exec(move || Ok(setrlimit(Resource::RLIMIT_LOCKS, out, most)?)) };
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut said = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = said.read_to_end(&mut text);
            text
        });
        let in_time = Process::open(child.id()).is_none_or(|process| process.wait(Instant::now() + PATIENCE));
        // Whatever the test has left: while it is not waited for, its number is not another's.
        let _ = killpg(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGKILL);
        let status = child.wait().unwrap();
        let text = String::from_utf8_lossy(&reader.join().unwrap()).into_owned();
        in_time && status.success() && !text.contains("running 0 tests\n")
    }
}

/// A workspace around a package, to be built alike: how that is done stands in the workspace's manifest alone.
fn workspace_of(package: &mut toml::Table) -> toml::Table {
    let workspace = toml::toml! {
        members = ["tree"]
        resolver = "3"
    };
    let mut manifest = toml::Table::from_iter([("workspace".to_owned(), workspace.into())]);
    manifest.extend(package.remove_entry("profile"));
    manifest
}

/// Adds to the root of the library what tells which protection this process does without.
fn with_switch(path: &Path, text: Option<String>) -> String {
    let text = text.unwrap_or_else(|| fs::read_to_string(Path::new(ROOT).join(path)).unwrap());
    text + r"
/// Whether the protection of this number is taken out.
pub(crate) fn mutant(number: u64) -> bool {
    use nix::sys::resource::{Resource, getrlimit};
    static OUT: std::sync::OnceLock<u64> = std::sync::OnceLock::new();
    *OUT.get_or_init(|| getrlimit(Resource::RLIMIT_LOCKS).map_or(0, |(number, _)| number)) == number
}
"
}

/// Copies a file or a directory; `instead` gives another text for a file. What is there already and the same stays as it
/// is, so that it need not be built again.
fn copy(from: &Path, to: &Path, instead: &dyn Fn(&Path) -> Option<String>) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name), instead);
        }
        // What was moved or removed since the last copy is in the way of the build.
        for entry in fs::read_dir(to).unwrap().map(Result::unwrap) {
            if fs::symlink_metadata(from.join(entry.file_name())).is_err() {
                let path = entry.path();
                let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
                removed.unwrap();
            }
        }
        return;
    }
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let bytes = instead(from).map_or_else(|| fs::read(from).unwrap(), String::into_bytes);
    if fs::read(to).ok().as_ref() != Some(&bytes) {
        fs::write(to, bytes).unwrap();
    }
}

/// Finds the test programs in what cargo says, by name.
fn programs_of(messages: &[u8]) -> BTreeMap<String, PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
        target: Option<Target>,
        profile: Option<Profile>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
        kind: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    let messages =
        messages.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Message>(line).ok());
    let program = |message: Message| {
        let target = message.target?;
        let name = if target.kind.iter().any(|kind| kind == "lib") { "lib".to_owned() } else { target.name };
        message.profile.filter(|profile| profile.test).and(Some((name, message.executable?)))
    };
    messages.filter_map(program).collect()
}
