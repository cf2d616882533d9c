//! Whole processes, timed from before they are made until they have been waited for.
#![allow(dead_code, reason = "every bench uses another part of it")]

use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// What one thing took, again and again.
#[derive(Debug, Default)]
pub struct Series(Vec<Duration>);

impl Series {
    /// Adds one measurement.
    pub fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    /// The middle one, in milliseconds.
    pub fn median(&self) -> f64 {
        let mut times = self.0.clone();
        times.sort();
        milliseconds(times[times.len() / 2])
    }

    /// The one that so many of a hundred do not exceed, in milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut times = self.0.clone();
        times.sort();
        milliseconds(times[(times.len() * percent).div_ceil(100).max(1) - 1])
    }

    /// Median, and in parentheses the least and the most, in milliseconds.
    pub fn text(&self) -> String {
        let [least, most] = [self.0.iter().min(), self.0.iter().max()].map(|time| milliseconds(*time.unwrap()));
        format!("{:.2} ms ({least:.2}–{most:.2})", self.median())
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Measures two things in turn, A B A B …, so that whatever else the machine does falls on both alike.
///
/// Each is given the number of its round; the first rounds warm up and are not kept.
pub fn in_turn(
    rounds: usize,
    mut a: impl FnMut(usize) -> Duration,
    mut b: impl FnMut(usize) -> Duration,
) -> (Series, Series) {
    let [a, b] = all_in_turn(rounds, [&mut a, &mut b]);
    (a, b)
}

/// Measures several things in turn, as [`in_turn`] does.
pub fn all_in_turn<const N: usize>(rounds: usize, mut things: [&mut dyn FnMut(usize) -> Duration; N]) -> [Series; N] {
    let warm_up = rounds.div_ceil(10);
    let mut series = std::array::from_fn(|_| Series::default());
    for round in 0..warm_up + rounds {
        for (thing, series) in things.iter_mut().zip(&mut series) {
            let time = thing(round);
            if round >= warm_up {
                series.push(time);
            }
        }
    }
    series
}

/// How long a process takes that must succeed.
pub fn process(command: &mut Command) -> Duration {
    command.stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status().unwrap();
    let time = start.elapsed();
    assert!(status.success(), "{command:?} ended with {status}");
    time
}

/// Starts processes one right after the other; gives how long it takes until the last has ended, and what they said.
pub fn race(mut commands: Vec<Command>) -> (Duration, Vec<Output>) {
    let start = Instant::now();
    let start_one = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = commands.iter_mut().map(start_one).collect();
    let outputs = children.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    (start.elapsed(), outputs)
}
