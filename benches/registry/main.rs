//! What a registry with many claims costs, beside programs that people know.
//!
//! `cargo bench --bench registry`. Each is timed in turn with what it is compared to; medians are shown, with the aim beside
//! each. Times fail nothing; that what was measured was also done, is asserted. `YOI_EXTENDED=1` adds 100,000 claims and
//! takes minutes. Without `--bench`, as `cargo test --benches` runs it, there is one round of each with few claims.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a bench fails by panicking, prints its figures, and is told its extent by the environment"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
mod listings;
#[path = "../shared/measure.rs"]
mod measure;
#[path = "../shared/table.rs"]
mod table;
mod watching;
mod writing;

use std::path::Path;

use table::Table;

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// Whether it can be measured at all.
    Once,
    /// What is done in a minute.
    Quick,
    /// All of it.
    Extended,
}

impl Extent {
    /// How many rounds, of so many that a full measurement has.
    pub fn rounds(self, full: usize) -> usize {
        if self == Self::Once { 1 } else { full }
    }
}

fn main() {
    let extent = match (std::env::args().any(|argument| argument == "--bench"), std::env::var_os("YOI_EXTENDED")) {
        (false, _) => Extent::Once,
        (true, None) => Extent::Quick,
        (true, Some(_)) => Extent::Extended,
    };
    let mut table = Table::new("what it is compared to");
    listings::measure(extent, &mut table);
    writing::race(extent, &mut table);
    writing::batch(extent, &mut table);
    watching::latency(extent, &mut table);
}

/// Whether a program is there to be compared to; says so where it is not.
pub fn is_there(program: &str) -> bool {
    let directories = ["/usr/local/bin", "/usr/bin", "/bin"];
    let found = directories.iter().any(|directory| Path::new(directory).join(program).exists());
    if !found {
        println!("skipped: what is compared to {program}, which is not installed");
    }
    found
}
