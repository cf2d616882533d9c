//! Moments in UTC, as TOML writes them.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, SecondsFormat, SubsecRound as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use toml::value::{Datetime, Offset};

/// A moment in UTC, to the microsecond; a TOML offset date-time in records (RFC 3339), where a quoted text is read too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Takes a moment, cutting what is finer than a microsecond.
    pub fn new(moment: DateTime<Utc>) -> Self {
        Self(moment.trunc_subsecs(6))
    }

    /// Reads a date-time in UTC as records state it; `None` where it is none, or has another offset.
    pub(super) fn of_toml(text: &str) -> Option<Self> {
        in_utc(&text.parse().ok()?).map(Self::new)
    }

    /// The moment as chrono has it.
    pub fn get(self) -> DateTime<Utc> {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;
    fn from_str(text: &str) -> Result<Self, chrono::ParseError> {
        DateTime::parse_from_rfc3339(text).map(|moment| Self::new(moment.to_utc()))
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self::new(moment)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let datetime: Datetime = self.to_string().parse().map_err(serde::ser::Error::custom)?;
        datetime.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::Datetime(datetime) => match in_utc(&datetime) {
                Some(moment) => return Ok(Self::new(moment)),
                None => datetime.to_string(),
            },
            toml::Value::String(text) => text,
            other => return Err(serde::de::Error::custom(format!("expected a date-time, found {}", other.type_str()))),
        };
        text.parse()
            .map_err(|error| serde::de::Error::custom(format!("{text:?} is no date-time with an offset: {error}")))
    }
}

/// The moment of a date-time as records state it, in UTC; `None` where reading its text must tell, or say what is wrong.
///
/// To write the text of each and read it again takes a fifth of the time of listing claims.
fn in_utc(datetime: &Datetime) -> Option<DateTime<Utc>> {
    let (date, time) = (datetime.date?, datetime.time?);
    let second = time.second.filter(|second| *second < 60 && datetime.offset == Some(Offset::Z))?;
    let day = NaiveDate::from_ymd_opt(date.year.into(), date.month.into(), date.day.into())?;
    let nanosecond = time.nanosecond.unwrap_or(0);
    Some(day.and_hms_nano_opt(time.hour.into(), time.minute.into(), second.into(), nanosecond)?.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_date_time_is_the_moment_that_its_text_says(
            date in (0u16..10_000, 1u8..13, 1u8..32),
            time in (0u8..24, 0u8..60, 0u8..61),
            fraction in "(\\.[0-9]{1,9})?",
            offset in prop_oneof![Just("Z"), Just("+02:00"), Just("-00:30"), Just("")],
        ) {
            let ((year, month, day), (hour, minute, second)) = (date, time);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
            if let Ok(datetime) = text.parse::<Datetime>() {
                let read = Timestamp::deserialize(toml::Value::Datetime(datetime));
                prop_assert_eq!(read.ok(), datetime.to_string().parse::<Timestamp>().ok());
            }
        }
    }
}
