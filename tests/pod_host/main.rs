//! Pods as real processes: this program runs itself again as warden and host.
#![allow(missing_docs)]
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::exit)]

mod desk;
mod fixture;
mod life;
mod processes;
mod wire;

use std::panic::catch_unwind;

/// A test and its name.
type Test = (&'static str, fn());

#[macro_export]
macro_rules! tests {
    ($($(#[$doc:meta])* fn $name:ident() $body:block)+) => {
        $($(#[$doc])* fn $name() $body)+
        pub const TESTS: &[(&str, fn())] = &[$((stringify!($name), $name),)+];
    };
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(yoi::pod::process::POD_HOST) => std::process::exit(fixture::host_main()),
        Some("launch-second") => return processes::launch_second(&arguments[2]),
        Some("connect") => return wire::connect(&arguments[2]),
        _ => {}
    }
    let filters: Vec<&String> = arguments[1..].iter().filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let all: Vec<&Test> = [wire::TESTS, life::TESTS, processes::TESTS].concat().leak().iter().collect();
    let chosen: Vec<&Test> = all.into_iter().filter(|(name, _)| wanted(name)).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    println!("\nrunning {} tests", chosen.len());
    let mut failed = Vec::new();
    for (name, test) in &chosen {
        let outcome = catch_unwind(test);
        println!("test {name} ... {}", if outcome.is_ok() { "ok" } else { "FAILED" });
        if outcome.is_err() {
            failed.push(*name);
        }
    }
    println!("\ntest result: {} passed; {} failed {failed:?}\n", chosen.len() - failed.len(), failed.len());
    std::process::exit(i32::from(!failed.is_empty()));
}
