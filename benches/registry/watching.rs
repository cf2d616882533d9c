//! How soon a change is told.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Instant;

use crate::Extent;
use crate::common::{TestEnv, run};
use crate::measure::Series;
use crate::table::{Table, verdict};

/// The time from a change to its line, one change after the other.
pub fn latency(extent: Extent, table: &mut Table) {
    let env = TestEnv::new();
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "p", "--role", "coder"]), 0);
    let claims = env.registry().claims_dir();
    let mut watch = env.yoi_claim(["watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next().unwrap(), "everything\t-");
    let mut times = Series::default();
    for number in 0..extent.rounds(2_000) {
        let (path, line) = (claims.join(format!("C{number}.toml")), format!("claim\tC{number}"));
        let start = Instant::now();
        fs::hard_link(claims.join("T.toml"), path).unwrap();
        assert_eq!(lines.next().unwrap(), line);
        times.push(start.elapsed());
    }
    drop(lines);
    assert!(watch.wait().unwrap().success());
    table.bound("from a change to its line in watch, p50", &times, 1.0);
    let p99 = times.percentile(99);
    table.value("from a change to its line in watch, p99", &format!("{p99:.2} ms"), &verdict(p99, 5.0, " ms"));
}
