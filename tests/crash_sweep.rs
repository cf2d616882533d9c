//! Kills and stops launches before each of their system calls that matter, and looks at what that leaves.
//!
//! After every trial: never a claim without a Pod that accepted, never a Pod that works without a claim, and the ticket
//! can be launched again. `cargo test` tries a handful of points; `tests/extended/README.md` tells how to try them all.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test program")]
#![allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]

mod common;
mod sweep;
mod tracer;

use std::ffi::OsString;
use std::panic::catch_unwind;
use std::process::ExitCode;

use sweep::{Extent, Sweep};

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some(tracer::TRACE) => {
            tracer::trace(&arguments[1..]);
            return ExitCode::SUCCESS;
        }
        Some(tracer::tests::THREADS) => {
            tracer::tests::write_from_threads();
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    if !tracer::SUPPORTED {
        println!("skipped: on this system nobody tells which call a traced process makes");
        return ExitCode::SUCCESS;
    }
    let sweep = match wanted(arguments.iter().map(|argument| argument.to_str().unwrap())) {
        Wanted::List => {
            let tests = tracer::tests::TESTS.iter().map(|(name, _)| (*name).to_owned());
            tests.chain(Sweep::names()).for_each(|name| println!("{name}: test"));
            return ExitCode::SUCCESS;
        }
        Wanted::Sweep(sweep) => sweep,
    };
    if sweep.extent == Extent::Handful {
        println!(
            "a handful of points; YOI_EXTENDED=1 tries most, YOI_EXTENDED=all tries each and waits out every deadline"
        );
    }
    let (mut passed, mut failed) = test_the_tracer(&sweep.names);
    let (kept, broken) = sweep.run();
    passed += kept;
    failed += broken;
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

enum Wanted {
    List,
    Sweep(Sweep),
}

/// Reads the arguments: names, `--point N`, `--then N`, `--all`, `--list`; what else the test harness knows is passed over.
fn wanted<'a>(mut arguments: impl Iterator<Item = &'a str>) -> Wanted {
    let mut sweep = Sweep {
        extent: match std::env::var("YOI_EXTENDED").as_deref() {
            Ok("all") => Extent::All,
            Ok("1") => Extent::Full,
            _ => Extent::Handful,
        },
        names: Vec::new(),
        point: None,
        then: None,
    };
    while let Some(argument) = arguments.next() {
        match argument {
            "--list" => return Wanted::List,
            "--all" => sweep.extent = Extent::All,
            "--point" => sweep.point = arguments.next().map(|number| number.parse().unwrap()),
            "--then" => sweep.then = arguments.next().map(|number| number.parse().unwrap()),
            option if option.starts_with('-') => {}
            name => sweep.names.push(name.to_owned()),
        }
    }
    Wanted::Sweep(sweep)
}

fn test_the_tracer(names: &[String]) -> (usize, usize) {
    let wanted = |name: &str| names.is_empty() || names.iter().any(|part| name.contains(part));
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in tracer::tests::TESTS.iter().filter(|(name, _)| wanted(name)) {
        match catch_unwind(test) {
            Ok(()) => passed += 1,
            Err(_) => failed += 1,
        }
        println!("{name}");
    }
    (passed, failed)
}
