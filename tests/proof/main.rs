//! Proof of the proof: each protection of the product is taken away once, and a test must notice.
//!
//! `mutants.toml` lists the protections. `cargo test` looks only whether the list still fits the source. With
//! `YOI_EXTENDED=1`, or `--run`, the source is copied, every listed place in the copy is given both its own text and the
//! one without the protection, of which the variable `MUTANT` chooses one when it runs, and everything is built once.
//! Then each test of the list must pass as it is, and fail with its mutant. The product's own source knows nothing of it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How many tests run at once.
const AT_ONCE: usize = 2;
/// A mutant that makes its test take longer than this is caught as well: it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// The variable that chooses a mutant. It has no `YOI_`, so that Pod hosts and agents keep it.
const CHOICE: &str = "MUTANT";

/// What the copy's library gets besides.
const CHOOSER: &str = "
/// Whether a protection is taken away.
#[allow(missing_docs, clippy::disallowed_methods)]
pub fn mutant(name: &str) -> bool {
    std::env::var_os(\"MUTANT\").is_some_and(|chosen| chosen == name)
}
";

/// How the copy's tests hand the choice on to the programs that they run.
const BENCH: (&str, &str, &str) = (
    "tests/common/mod.rs",
    ".env(\"USER\", \"tester\")",
    ".env(\"USER\", \"tester\").envs(std::env::var_os(\"MUTANT\").map(|chosen| (\"MUTANT\", chosen)))",
);

#[derive(Debug, Deserialize)]
struct List {
    mutant: Vec<Mutant>,
}

/// A protection, and how it is taken away.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mutant {
    name: String,
    /// What it protects from.
    why: String,
    file: PathBuf,
    /// Must occur exactly once in the file.
    original: String,
    /// What stands in its place, where both are expressions or statements.
    mutant: Option<String>,
    /// Or the place as a whole, with `MUTANT` where it is to be true of the mutant alone.
    place: Option<String>,
    /// The test program, `lib` for the tests beside the code, and its arguments.
    test: Vec<String>,
}

impl Mutant {
    /// The text that does the one or the other.
    fn both(&self) -> String {
        let chosen = format!("crate::mutant(\"{}\")", self.name);
        match (&self.mutant, &self.place) {
            (Some(mutant), None) => format!("if {chosen} {{ {mutant} }} else {{ {} }}", self.original),
            (None, Some(place)) => place.replace("MUTANT", &chosen),
            _ => panic!("{} has either a mutant or a place", self.name),
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let names: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list: List = toml::from_str(include_str!("mutants.toml")).unwrap();
    if has("--list") {
        list.mutant.iter().for_each(|mutant| println!("{}: test", mutant.name));
        return ExitCode::SUCCESS;
    }
    if let Err(stale) = apply(root, &list, |_, _| {}) {
        println!("the list does not fit the source:\n{stale}");
        return ExitCode::FAILURE;
    }
    if !has("--run") && std::env::var_os("YOI_EXTENDED").is_none() {
        println!("{} protections are listed; YOI_EXTENDED=1 takes each away", list.mutant.len());
        return ExitCode::SUCCESS;
    }
    let chosen: Vec<&Mutant> =
        list.mutant.iter().filter(|mutant| names.is_empty() || names.contains(&&mutant.name)).collect();
    let started = Instant::now();
    let programs = build(root, &list);
    println!("built in {} s", started.elapsed().as_secs());
    let survivors = run(&chosen, &programs);
    println!("{} of {} mutants were caught, {} s", chosen.len() - survivors, chosen.len(), started.elapsed().as_secs());
    if survivors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes the text of every file in which something is taken away; tells what does not fit.
fn apply(root: &Path, list: &List, mut write: impl FnMut(&Path, &str)) -> Result<(), String> {
    let mut stale = Vec::new();
    let mut texts: BTreeMap<&Path, String> = BTreeMap::new();
    let mut names = BTreeSet::new();
    let places = list.mutant.iter().map(|mutant| (mutant.file.as_path(), mutant.original.as_str(), mutant.both()));
    let (bench, before, after) = BENCH;
    for (file, original, both) in places.chain([(Path::new(bench), before, after.to_owned())]) {
        let text = texts.entry(file).or_insert_with(|| fs::read_to_string(root.join(file)).unwrap_or_default());
        match text.matches(original).count() {
            1 => *text = text.replace(original, &both),
            count => stale.push(format!("{} times in {}: {original}", count, file.display())),
        }
    }
    for mutant in &list.mutant {
        if !names.insert(&mutant.name) {
            stale.push(format!("twice: {}", mutant.name));
        }
    }
    let library = Path::new("src/lib.rs");
    texts.entry(library).or_insert_with(|| fs::read_to_string(root.join(library)).unwrap()).push_str(CHOOSER);
    texts.iter().for_each(|(file, text)| write(file, text));
    if stale.is_empty() { Ok(()) } else { Err(stale.join("\n")) }
}

/// Builds the copy, and gives the test programs by name.
fn build(root: &Path, list: &List) -> BTreeMap<String, PathBuf> {
    let target = root.join("target/proof");
    // Kept, so that only what has changed is built again.
    let copy = target.join("source");
    fs::create_dir_all(&copy).unwrap();
    for place in ["Cargo.toml", "Cargo.lock", "src", "tests", "benches", "man", "completions", "docs", "README.md"] {
        update(&root.join(place), &copy.join(place), list);
    }
    apply(root, list, |file, text| write_if_new(&copy.join(file), text.as_bytes())).unwrap();
    let programs: BTreeSet<&str> = list.mutant.iter().map(|mutant| mutant.test[0].as_str()).collect();
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["test", "--no-run", "--locked", "--bins", "--message-format=json-render-diagnostics"]);
    for program in programs {
        match program {
            "lib" => cargo.arg("--lib"),
            program => cargo.args(["--test", program]),
        };
    }
    // Warnings are of the mutants.
    cargo.env("RUSTFLAGS", "-Awarnings").env("CARGO_TARGET_DIR", &target).current_dir(&copy);
    let built = cargo.stderr(Stdio::inherit()).output().unwrap();
    assert!(built.status.success(), "the copy does not build");
    let messages = String::from_utf8(built.stdout).unwrap();
    let artifacts = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let tests = artifacts.filter(|artifact| artifact["profile"]["test"] == true && artifact["executable"].is_string());
    let named = tests.filter_map(|artifact| {
        let name = match artifact["target"]["kind"][0].as_str()? {
            "lib" => "lib".to_owned(),
            "test" => artifact["target"]["name"].as_str()?.to_owned(),
            _ => return None,
        };
        Some((name, PathBuf::from(artifact["executable"].as_str()?)))
    });
    named.collect()
}

/// Makes a copy what its original is, and leaves files in which something is taken away to who does that.
fn update(from: &Path, to: &Path, list: &List) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        let entries =
            |dir: &Path| fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>();
        for gone in entries(to).difference(&entries(from)) {
            let gone = to.join(gone);
            if gone.is_dir() { fs::remove_dir_all(gone).unwrap() } else { fs::remove_file(gone).unwrap() }
        }
        entries(from).iter().for_each(|name| update(&from.join(name), &to.join(name), list));
        return;
    }
    let changed =
        list.mutant.iter().map(|mutant| mutant.file.as_path()).chain([Path::new(BENCH.0), Path::new("src/lib.rs")]);
    if !to.exists() || !changed.into_iter().any(|file| from.ends_with(file)) {
        write_if_new(to, &fs::read(from).unwrap());
    }
}

fn write_if_new(path: &Path, bytes: &[u8]) {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return;
    }
    fs::write(path, bytes).unwrap();
}

/// How a test ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Passed,
    Failed,
    Hangs,
}

/// Runs each test without and with its mutant; gives the number of mutants that nobody noticed.
fn run(mutants: &[&Mutant], programs: &BTreeMap<String, PathBuf>) -> usize {
    let tests: BTreeSet<&Vec<String>> = mutants.iter().map(|mutant| &mutant.test).collect();
    let jobs: Vec<(&Vec<String>, Option<&Mutant>)> = tests
        .into_iter()
        .map(|test| (test, None))
        .chain(mutants.iter().map(|mutant| (&mutant.test, Some(*mutant))))
        .collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(0));
    let work = || {
        while let Some((test, mutant)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let started = Instant::now();
            let end = try_test(test, &programs[&test[0]], mutant.map(|mutant| mutant.name.as_str()));
            let seconds = started.elapsed().as_secs_f64();
            let test = test.join(" ");
            let (is_wrong, line) = match mutant {
                None => (end != End::Passed, format!("{:<46} {}", "(nothing is taken away)", told(end))),
                Some(mutant) if end == End::Passed => {
                    (true, format!("{:<46} NOT NOTICED: {}", mutant.name, mutant.why))
                }
                Some(mutant) => (false, format!("{:<46} caught: {}", mutant.name, told(end))),
            };
            println!("{line}  [{test}, {seconds:.1} s]");
            *wrong.lock().unwrap() += usize::from(is_wrong);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(work);
        }
    });
    wrong.into_inner().unwrap()
}

fn told(end: End) -> &'static str {
    match end {
        End::Passed => "passes",
        End::Failed => "fails",
        End::Hangs => "hangs",
    }
}

fn try_test(test: &[String], program: &Path, mutant: Option<&str>) -> End {
    let mut command = Command::new("timeout");
    command.arg("--signal=KILL").arg(PATIENCE.as_secs().to_string()).arg(program).args(&test[1..]);
    command.env_remove(CHOICE).env_remove("YOI_EXTENDED").envs(mutant.map(|mutant| (CHOICE, mutant)));
    // A snapshot that differs is a failure, and not written down.
    command.env("INSTA_UPDATE", "no").current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("target/proof/source"));
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    match status.code() {
        Some(0) => End::Passed,
        Some(124 | 137) | None => End::Hangs,
        Some(_) => End::Failed,
    }
}
