//! The table of figures, with the aim beside each.
#![allow(dead_code, reason = "every bench uses another part of it")]

use crate::measure::Series;

/// Whether an aim is met; a debug build is not judged.
pub fn verdict(value: f64, aim: f64, unit: &str) -> String {
    let verdict = match (cfg!(debug_assertions), value <= aim) {
        (true, _) => "not judged, for this is a debug build",
        (false, true) => "met",
        (false, false) => "MISSED",
    };
    format!("aim {aim}{unit}: {verdict}")
}

/// The figures, a line as each is known.
pub struct Table;

impl Table {
    /// Begins a table of what is compared to `other`.
    pub fn new(other: &str) -> Self {
        println!("{:<42} {:<28} {:<28} ratio", "", "ours: median (least–most)", other);
        Self
    }

    /// A line with the ratio of two medians.
    pub fn compare(&mut self, what: &str, ours: &Series, floor: &Series, aim: f64) {
        let ratio = ours.median() / floor.median();
        let verdict = verdict(ratio, aim, "");
        println!("{what:<42} {:<28} {:<28} {ratio:.2} ({verdict})", ours.text(), floor.text());
    }

    /// A line with the ratio of two medians for which there is no aim.
    pub fn beside(&mut self, what: &str, ours: &Series, other: &Series) {
        let ratio = ours.median() / other.median();
        println!("{what:<42} {:<28} {:<28} {ratio:.2}", ours.text(), other.text());
    }

    /// A line with a median that has a bound, in milliseconds.
    pub fn bound(&mut self, what: &str, ours: &Series, aim: f64) {
        self.value(what, &ours.text(), &verdict(ours.median(), aim, " ms"));
    }

    /// A line with any value.
    pub fn value(&mut self, what: &str, value: &str, verdict: &str) {
        println!("{what:<42} {value:<28} {verdict}");
    }
}
