//! Ids of tickets that this workspace keeps: the only texts that are ever made into a path.
//!
//! New ids are 13 digits of Crockford's base 32 (no I, L, O, U), upper case, zero-padded: Unix milliseconds. Older ids
//! are `YYYYMMDD-HHMMSS-NNN`. Both are plain file names: no separator, no dot.

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDateTime};

use crate::domain::{TicketId, Timestamp};

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH: usize = 13;

/// An id in one of the two forms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LocalId(TicketId);

impl LocalId {
    /// Takes a text that is exactly an id.
    pub(super) fn parse(text: &str) -> Option<Self> {
        is_ticket_id(text).then(|| Self(TicketId::new(text).expect("an id is short and has no control characters")))
    }

    /// The id of a moment, in Unix milliseconds.
    pub(super) fn from_millis(millis: u64) -> Self {
        let digit = |place: usize| char::from(DIGITS[usize::from(((millis >> (5 * place)) & 31) as u8)]);
        let text: String = (0..LENGTH).rev().map(digit).collect();
        Self(TicketId::new(text).expect("an id is short and has no control characters"))
    }

    /// The moment that an id tells; older ones tell it in UTC.
    pub(super) fn moment(&self) -> Option<Timestamp> {
        let text = self.as_str();
        let moment = if is_crockford(text.as_bytes()) {
            let digit = |byte| DIGITS.iter().position(|digit| *digit == byte).map_or(0, |value| value as u64);
            let millis = text.bytes().fold(0_u64, |millis, byte| (millis << 5) | digit(byte));
            DateTime::from_timestamp_millis(i64::try_from(millis).ok()?)?
        } else {
            NaiveDateTime::parse_from_str(&text[..15], "%Y%m%d-%H%M%S").ok()?.and_utc()
        };
        Some(Timestamp::new(moment))
    }

    /// The directory of this ticket.
    pub(super) fn dir(&self, tickets: &Path) -> PathBuf {
        tickets.join(self.0.as_str())
    }

    /// The id as the other rooms know it.
    pub(super) fn ticket(&self) -> &TicketId {
        &self.0
    }

    /// The id as text.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Whether a text is exactly an id as this workspace makes them, or made them once.
pub fn is_ticket_id(text: &str) -> bool {
    is_crockford(text.as_bytes()) || is_older(text.as_bytes())
}

fn is_crockford(text: &[u8]) -> bool {
    text.len() == LENGTH && text.iter().all(|byte| DIGITS.contains(byte))
}

fn is_older(text: &[u8]) -> bool {
    const FORM: &[u8] = b"dddddddd-dddddd-ddd";
    let fits = |(byte, form): (&u8, &u8)| if *form == b'd' { byte.is_ascii_digit() } else { byte == form };
    text.len() == FORM.len() && text.iter().zip(FORM).all(fits)
}

/// A text as a person types it, in the form of ids: upper case, with O for 0 and I or L for 1 put right.
pub(super) fn normal_form(text: &str) -> String {
    let put_right = |c: char| match c.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    text.trim().chars().map(put_right).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_moment_becomes_an_id() {
        assert_eq!(LocalId::from_millis(0).as_str(), "0000000000000");
        assert_eq!(LocalId::from_millis(32).as_str(), "0000000000010");
        assert_eq!(LocalId::from_millis(u64::MAX).as_str(), "FZZZZZZZZZZZZ");
        // 2026-06-07T22:02:25Z
        assert_eq!(LocalId::from_millis(1_780_869_745_000).as_str(), "00001KTJ1QJB8");
    }

    #[test]
    fn an_id_tells_its_moment() {
        let moment = |id: &str| LocalId::parse(id).unwrap().moment().map(|at| at.to_string());
        assert_eq!(moment("00001KTJ1QJB8").unwrap(), "2026-06-07T22:02:25.000000Z");
        assert_eq!(moment("20260607-220225-001").unwrap(), "2026-06-07T22:02:25.000000Z");
        assert_eq!(moment("20261307-220225-001"), None);
        assert_eq!(moment("FZZZZZZZZZZZZ"), None);
    }

    #[test]
    fn only_the_two_forms_are_ids() {
        for id in ["00001KTJ1QJB8", "20260607-220225-001"] {
            assert!(LocalId::parse(id).is_some(), "{id}");
        }
        for no in [
            "",
            ".",
            "..",
            "../x",
            "00001ktj1qjb8",
            "00001KTJ1QJBL",
            "00001KTJ1QJB",
            "20260607-220225-0001",
            "20260607-220225_001",
        ] {
            assert!(LocalId::parse(no).is_none(), "{no}");
        }
    }

    proptest! {
        #[test]
        fn ids_sort_as_their_moments(a: u64, b: u64) {
            prop_assert_eq!(a.cmp(&b), LocalId::from_millis(a).cmp(&LocalId::from_millis(b)));
        }

        #[test]
        fn no_id_leaves_its_directory(text in "\\PC{0,20}|[0-9A-Z./-]{13}|[0-9./-]{19}") {
            if let Some(id) = LocalId::parse(&text) {
                let dir = id.dir(Path::new("/t"));
                prop_assert_eq!(dir.parent(), Some(Path::new("/t")));
                prop_assert!(!text.contains(['/', '.']));
            }
        }
    }
}
