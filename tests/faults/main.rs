//! What is promised of every verb that writes, held against what can go wrong on a machine: a kill or an error at any of
//! its system calls, a power cut after any of them, a full disk, a read-only one.
//!
//! `cargo test` tries a few points; `tests/extended/README.md` tells how to try them all, and how to try one again.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]
#![allow(missing_docs, reason = "a test program has no callers")]

mod calls;
#[path = "../common/mod.rs"]
mod common;
mod disk;
mod interleaving;
mod model;
mod reordering;
mod sweep;
mod tracee;
mod trial;
mod verbs;
mod world;

use std::panic::catch_unwind;
use std::path::Path;
use std::process::ExitCode;

use common::TestEnv;

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    Handful,
    /// One of two or three.
    Most,
    Full,
}

/// What was asked for.
#[derive(Debug)]
pub struct Wanted {
    pub extent: Extent,
    /// Only these parts and verbs; all where there is none.
    pub names: Vec<String>,
    /// Only this call.
    pub point: Option<usize>,
    /// Only this fault.
    pub fault: Option<String>,
}

type Part = fn(&Wanted, &TestEnv) -> usize;

/// What is tried; each prints what came of it and gives the number of promises that were broken.
const PARTS: &[(&str, Part)] =
    &[("sweep", sweep::run), ("reordering", reordering::run), ("interleaving", interleaving::run), ("disk", disk::run)];

impl Wanted {
    /// Whether a verb is wanted: all are where none is named.
    fn has(&self, name: &str) -> bool {
        let mut names = self.names.iter().filter(|name| !is_part(name)).peekable();
        names.peek().is_none() || names.any(|wanted| name == wanted)
    }

    /// Whether a verb is asked for by its name.
    fn names(&self, name: &str) -> bool {
        self.names.iter().any(|wanted| wanted == name)
    }

    /// Whether a disk is wanted: all are where none is named.
    fn disk(&self, name: &str) -> bool {
        self.has(name)
    }

    /// Whether a part is wanted: all are where none is named.
    fn part(&self, name: &str) -> bool {
        let mut names = self.names.iter().filter(|name| is_part(name)).peekable();
        names.peek().is_none() || names.any(|wanted| name == wanted)
    }
}

fn is_part(name: &str) -> bool {
    PARTS.iter().any(|(part, _)| *part == name)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, root, data] = &arguments[..]
        && word == interleaving::WITHDRAW
    {
        let status = interleaving::withdraw(Path::new(root), Path::new(data));
        return ExitCode::from(u8::try_from(status).unwrap());
    }
    if let [word, name] = &arguments[..]
        && word == disk::INSIDE
    {
        sweep::keep_failures();
        return if disk::inside(name) { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let mut wanted = Wanted {
        extent: match std::env::var_os("YOI_EXTENDED") {
            None => Extent::Handful,
            Some(extent) if extent == "all" => Extent::Full,
            Some(_) => Extent::Most,
        },
        names: Vec::new(),
        point: None,
        fault: None,
    };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => {
                verbs::VERBS.iter().for_each(|verb| println!("{}: test", verb.name));
                return ExitCode::SUCCESS;
            }
            "--all" => wanted.extent = Extent::Full,
            "--point" => wanted.point = words.next().map(|number| number.parse().unwrap()),
            "--fault" => wanted.fault = words.next().cloned(),
            option if option.starts_with('-') => {}
            name => wanted.names.push(name.to_owned()),
        }
    }
    if !tracee::SUPPORTED {
        println!("skipped: on this system nobody answers the calls of a traced process");
        return ExitCode::SUCCESS;
    }
    sweep::keep_failures();
    // In memory where there is such a place: a sweep makes some hundred thousand syncs.
    let memory = Path::new("/dev/shm");
    let env = if memory.is_dir() { TestEnv::new_in(memory) } else { TestEnv::new() };
    for dir in [".yoi", world::BELOW] {
        std::fs::create_dir(env.workspace().join(dir)).unwrap();
    }
    let mut violations = 0;
    for (name, part) in PARTS {
        if wanted.part(name) {
            match catch_unwind(|| part(&wanted, &env)) {
                Ok(broken) => violations += broken,
                Err(_) => {
                    println!("{name}: {}", sweep::last_failure());
                    violations += 1;
                }
            }
        }
    }
    if violations == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
