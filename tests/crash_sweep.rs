//! Kills and holds launches before each of their system calls that matter, and looks at what that leaves.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::print_stderr, reason = "a test program")]

mod tracer;

use std::ffi::OsString;

fn main() {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some(tracer::TRACE) => return tracer::trace(&arguments[1..]),
        Some(tracer::tests::THREADS) => return tracer::tests::write_from_threads(),
        _ => {}
    }
    for (name, test) in tracer::tests::TESTS {
        test();
        println!("{name}");
    }
}
