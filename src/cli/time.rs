//! The clock, and moments as people read them. Plumbing writes UTC in RFC 3339; only porcelain shows ages and local time.

use std::fmt::Display;
use std::time::Duration;

use chrono::{Local, TimeDelta, TimeZone, Utc};

use crate::domain::Timestamp;

/// Tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Always the same moment.
    Fixed(Timestamp),
}

impl Clock {
    /// The present moment.
    pub fn now(self) -> Timestamp {
        match self {
            Self::System => Utc::now().into(),
            Self::Fixed(moment) => moment,
        }
    }
}

/// How long ago a moment was: `now`, `42s ago`, `3m ago`, `5h ago`, `12d ago`; `in 3m` for one that lies ahead.
pub fn age(moment: Timestamp, now: Timestamp) -> String {
    let passed = now.get() - moment.get();
    match (duration(passed.abs()), passed >= TimeDelta::zero()) {
        (None, _) => "now".to_owned(),
        (Some(text), true) => format!("{text} ago"),
        (Some(text), false) => format!("in {text}"),
    }
}

/// How long ago a moment was, in as little room as there is: `now`, `3m`, `5h`, `12d`.
pub fn short_age(moment: Timestamp, now: Timestamp) -> String {
    let passed = now.get() - moment.get();
    if passed < TimeDelta::minutes(1) { "now".to_owned() } else { duration(passed).unwrap_or_default() }
}

/// How long [`short_age`] says the same of a moment.
pub fn until_aged(moment: Timestamp, now: Timestamp) -> Duration {
    let passed = (now.get() - moment.get()).num_seconds().max(0);
    let unit = match passed {
        0..3_600 => 60,
        3_600..86_400 => 3_600,
        _ => 86_400,
    };
    Duration::from_secs((unit - passed % unit).unsigned_abs())
}

/// How long something took, in its two largest units: `42s`, `3m 5s`, `2h 3m`; `None` for less than a second.
pub fn lasted(from: Timestamp, to: Timestamp) -> Option<String> {
    let time = to.get() - from.get();
    let (days, hours, minutes, seconds) =
        (time.num_days(), time.num_hours() % 24, time.num_minutes() % 60, time.num_seconds() % 60);
    match (days, hours, minutes, seconds) {
        (1.., ..) => Some(format!("{days}d {hours}h")),
        (_, 1.., ..) => Some(format!("{hours}h {minutes}m")),
        (_, _, 1.., _) => Some(format!("{minutes}m {seconds}s")),
        (_, _, _, 1..) => Some(format!("{seconds}s")),
        _ => None,
    }
}

/// The largest unit of a time that is not negative; `None` for less than a second.
fn duration(time: TimeDelta) -> Option<String> {
    let units = [(time.num_days(), 'd'), (time.num_hours(), 'h'), (time.num_minutes(), 'm'), (time.num_seconds(), 's')];
    units.iter().find(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}"))
}

/// A moment in the user's time zone, to the minute: `2026-06-07 22:02`.
pub fn local(moment: Timestamp) -> String {
    in_zone(moment, &Local)
}

fn in_zone<Z: TimeZone<Offset: Display>>(moment: Timestamp, zone: &Z) -> String {
    moment.get().with_timezone(zone).format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn ages_show_their_largest_unit() {
        let now = at("2026-06-07T22:02:25Z");
        let ages = [
            ("2026-06-07T22:02:24.5Z", "now"),
            ("2026-06-07T22:01:26Z", "59s ago"),
            ("2026-06-07T22:01:25Z", "1m ago"),
            ("2026-06-07T21:02:26Z", "59m ago"),
            ("2026-06-06T22:02:26Z", "23h ago"),
            ("2026-05-08T22:02:25Z", "30d ago"),
            ("2026-06-07T22:05:26Z", "in 3m"),
        ];
        for (moment, expected) in ages {
            assert_eq!(age(at(moment), now), expected, "{moment}");
        }
    }

    #[test]
    fn a_short_age_lasts_until_it_says_something_else() {
        let now = at("2026-06-07T22:02:25Z");
        let ages = [
            ("2026-06-07T22:05:00Z", "now", 60),
            ("2026-06-07T22:01:26Z", "now", 1),
            ("2026-06-07T22:01:20Z", "1m", 55),
            ("2026-06-07T21:02:24Z", "1h", 3_599),
            ("2026-06-05T22:02:24Z", "2d", 86_399),
        ];
        for (moment, age, lasts) in ages {
            assert_eq!(short_age(at(moment), now), age, "{moment}");
            assert_eq!(until_aged(at(moment), now), Duration::from_secs(lasts), "{moment}");
        }
    }

    #[test]
    fn what_took_a_while_says_how_long() {
        let from = at("2026-06-07T22:02:25Z");
        let took = [
            ("2026-06-07T22:02:25.9Z", None),
            ("2026-06-07T22:02:24Z", None),
            ("2026-06-07T22:02:26Z", Some("1s")),
            ("2026-06-07T22:05:30Z", Some("3m 5s")),
            ("2026-06-08T00:05:30Z", Some("2h 3m")),
            ("2026-06-09T23:02:25Z", Some("2d 1h")),
        ];
        for (to, expected) in took {
            assert_eq!(lasted(from, at(to)).as_deref(), expected, "{to}");
        }
    }

    #[test]
    fn local_time_is_that_of_the_zone() {
        let zone = chrono::FixedOffset::east_opt(9 * 3600).unwrap();
        assert_eq!(in_zone(at("2026-06-07T22:02:25Z"), &zone), "2026-06-08 07:02");
    }
}
