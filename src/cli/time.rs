//! The clock, and moments as people read them. Plumbing writes UTC in RFC 3339; only porcelain shows ages and local time.

use std::fmt::Display;

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
    fn local_time_is_that_of_the_zone() {
        let zone = chrono::FixedOffset::east_opt(9 * 3600).unwrap();
        assert_eq!(in_zone(at("2026-06-07T22:02:25Z"), &zone), "2026-06-08 07:02");
    }
}
