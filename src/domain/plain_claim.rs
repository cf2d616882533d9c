//! Reading a claim in the plain form that yoi writes, which nearly all claims of a long listing have.
//!
//! Parsing TOML takes most of the time of a listing. Here the lines that [`Claim`] is rendered as are read in their order,
//! and nothing else: a text with anything more to it (other order, escapes, comments, earlier holders, unknown keys) is
//! none, and left to the parser of TOML. What is read here, that parser reads alike; a property test holds it to that.

use super::claim::MAX_GENERATION;
use super::record::{VERSION, Version};
use super::{Claim, TicketId, Timestamp, WrittenBy};

/// Reads a claim in plain form; `None` where the text is anything else.
pub(super) fn read(text: &str) -> Option<Claim> {
    let mut lines = Lines(text.strip_suffix('\n')?);
    let version = lines.value("version")?;
    if whole(version)? != u64::try_from(VERSION).ok()? {
        return None;
    }
    Some(Claim {
        version: Version,
        ticket: TicketId::new(string(lines.value("ticket")?)?).ok()?,
        pod: string(lines.value("pod")?)?.parse().ok()?,
        pod_id: lines.optional("pod_id", |value| string(value)?.parse().ok())?,
        role: string(lines.value("role")?)?.parse().ok()?,
        generation: whole(lines.value("generation")?).filter(|number| (1..=MAX_GENERATION).contains(number))?,
        nonce: string(lines.value("nonce")?)?.parse().ok()?,
        accepted_at: Timestamp::of_toml(lines.value("accepted_at")?)?,
        evidence: string(lines.value("evidence")?)?.parse().ok()?,
        session: lines.optional("session", |value| string(value).map(ToOwned::to_owned))?,
        completed_at: lines.optional("completed_at", Timestamp::of_toml)?,
        written_by: {
            lines.is_next("").then_some(())?;
            lines.is_next("[written_by]").then_some(())?;
            Some(WrittenBy {
                pid: i64::try_from(whole(lines.value("pid")?)?).ok()?,
                host: string(lines.value("host")?)?.to_owned(),
                boot: string(lines.value("boot")?)?.to_owned(),
                extra: toml::Table::new(),
            })
        },
        ended: None,
        previous: Vec::new(),
        extra: lines.0.is_empty().then(toml::Table::new)?,
    })
}

/// The lines that are still to be read.
struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    fn first(&self) -> (&'a str, &'a str) {
        self.0.split_once('\n').unwrap_or((self.0, ""))
    }

    /// Takes the next line if it is this one.
    fn is_next(&mut self, line: &str) -> bool {
        let (first, rest) = self.first();
        let is_it = first == line;
        if is_it {
            self.0 = rest;
        }
        is_it
    }

    /// Takes the next line if it gives this key a value.
    fn value(&mut self, key: &str) -> Option<&'a str> {
        let (first, rest) = self.first();
        let value = first.strip_prefix(key)?.strip_prefix(" = ")?;
        self.0 = rest;
        Some(value)
    }

    /// The value of a key that may be absent; `None` where it is there and cannot be read.
    fn optional<T>(&mut self, key: &str, read: impl FnOnce(&'a str) -> Option<T>) -> Option<Option<T>> {
        match self.value(key) {
            None => Some(None),
            Some(value) => read(value).map(Some),
        }
    }
}

/// A basic string in which every character stands for itself.
fn string(value: &str) -> Option<&str> {
    let text = value.strip_prefix('"')?.strip_suffix('"')?;
    text.chars().all(|c| c != '"' && c != '\\' && !c.is_control()).then_some(text)
}

/// A decimal number of a record, which has no sign, no leading zero and no more than 63 bits.
fn whole(value: &str) -> Option<u64> {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit()) && (value == "0" || !value.starts_with('0'));
    value.parse().ok().filter(|number| is_plain && i64::try_from(*number).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::{Ended, Evidence, Nonce, PodId, PodName, Previous, Record as _, Role};
    use proptest::prelude::*;

    fn by_toml(text: &str) -> Option<Claim> {
        toml::from_str(text).ok()
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        (0..4_000_000_000_i64, 0..1_000_000_u32).prop_map(|(seconds, micros)| {
            Timestamp::new(chrono::DateTime::from_timestamp(seconds, micros * 1000).unwrap())
        })
    }

    prop_compose! {
        fn claim()(
            ticket in "[a-zA-Z0-9 .'\"\\\\é-]{1,12}",
            pod in "[a-z0-9\"-]{1,12}",
            ids in any::<([u8; 16], [u8; 16])>(),
            has in any::<[bool; 7]>(),
            generation in 1..=MAX_GENERATION,
            moments in (moment(), moment()),
            session in "[ -~\t\n]{0,12}",
            host in "[a-z'#=]{0,8}",
            pid in any::<i32>(),
        ) -> Claim {
            let [has_id, has_session, is_completed, is_signed, has_previous, has_extra, has_ended] = has;
            let pod = PodName::new(pod).unwrap();
            let extra: toml::Table = has_extra.then(|| ("new".to_owned(), toml::Value::from(7))).into_iter().collect();
            Claim {
                version: Version,
                ticket: TicketId::new(ticket).unwrap(),
                pod: pod.clone(),
                pod_id: has_id.then(|| PodId::from_bytes(ids.0)),
                role: Role::Coder,
                generation,
                nonce: Nonce::from_bytes(ids.1),
                accepted_at: moments.0,
                evidence: Evidence::TurnStart,
                session: has_session.then_some(session),
                completed_at: is_completed.then_some(moments.1),
                ended: has_ended.then(|| Ended { at: moments.1, why: "released".to_owned(), extra: toml::Table::new() }),
                written_by: is_signed.then(|| WrittenBy {
                    pid: pid.into(),
                    boot: host.clone(),
                    host,
                    extra: toml::Table::new(),
                }),
                previous: has_previous.then(|| Previous {
                    pod,
                    role: Role::Intake,
                    generation: 1,
                    ended_at: moments.1,
                    why: "released".to_owned(),
                    extra: toml::Table::new(),
                }).into_iter().collect(),
                extra,
            }
        }
    }

    const PLAIN: &str = "version = 1\nticket = \"00001KTJ1QJB8\"\npod = \"intake-00001KTJ1QJB8\"\n\
        pod_id = \"c07a0000000000000000000000000000\"\nrole = \"intake\"\ngeneration = 1\n\
        nonce = \"9f1c0000000000000000000000000000\"\naccepted_at = 2026-06-07T22:02:25.123456Z\n\
        evidence = \"user_message\"\nsession = \"s\"\ncompleted_at = 2026-06-07T22:02:26.5Z\n\n\
        [written_by]\npid = 4711\nhost = \"h\"\nboot = \"b\"\n";

    #[test]
    fn what_yoi_writes_is_plain() {
        let claim = read(PLAIN).unwrap();
        assert_eq!(Some(&claim), by_toml(PLAIN).as_ref());
        assert_eq!(claim.render(), PLAIN);
        assert_eq!(read(&claim.render()), Some(claim));
    }

    #[test]
    fn a_generation_that_toml_refuses_is_refused() {
        for generation in ["0", "9223372036854775807"] {
            let text = PLAIN.replace("generation = 1\n", &format!("generation = {generation}\n"));
            assert_eq!((read(&text), by_toml(&text)), (None, None));
        }
    }

    #[test]
    fn numbers_have_one_form() {
        for number in ["0", "1", "10", "9223372036854775807"] {
            assert_eq!(whole(number).map(|whole| whole.to_string()).as_deref(), Some(number));
        }
        for other in ["", "007", "+1", "-1", "1_0", "0x1", "1 ", "9223372036854775808"] {
            assert_eq!(whole(other), None, "{other:?}");
        }
    }

    proptest! {
        #[test]
        fn a_claim_is_read_as_toml_reads_it_or_left_to_toml(claim in claim()) {
            let text = claim.render();
            let read = read(&text);
            let is_short = claim.previous.is_empty() && claim.extra.is_empty() && claim.ended.is_none();
            let is_plain = claim.written_by.is_some() && is_short;
            prop_assert!(read.is_none() || is_plain);
            prop_assert!(read.is_none_or(|read| read == claim), "{text}");
        }

        #[test]
        fn a_text_that_was_meddled_with_is_read_as_toml_reads_it_or_left_to_toml(
            edits in proptest::collection::vec((any::<prop::sample::Index>(), 0..3_usize, "[ -~\n\r\té0-9\"#=\\\\]{0,2}"), 1..3),
        ) {
            let mut text: Vec<char> = PLAIN.chars().collect();
            for (at, removed, added) in edits {
                let at = at.index(text.len());
                let end = (at + removed).min(text.len());
                text.splice(at..end, added.chars());
            }
            let text: String = text.into_iter().collect();
            if let Some(read) = read(&text) {
                prop_assert_eq!(Some(read), by_toml(&text), "{}", text);
            }
        }
    }
}
