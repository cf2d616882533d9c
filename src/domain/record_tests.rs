//! Records as they come back from disk: whatever they hold, and whatever else stands in them.

use proptest::prelude::*;
use toml::{Table, Value};

use super::claim::MAX_GENERATION;
use super::record::Version;
use super::*;

/// A name as people, trackers and attackers give it.
fn name() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{1,40}"
}

fn moment() -> impl Strategy<Value = Timestamp> {
    // Years that RFC 3339 can write.
    (0_i64..253_402_300_800, 0_u32..1_000_000)
        .prop_map(|(seconds, micros)| chrono::DateTime::from_timestamp(seconds, micros * 1000).unwrap().into())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), "[a-z0-9-]{0,12}", Just("\"\"\"'''\n\r\t\\ #=[]".to_owned())]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(Value::String),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        (-1e9..1e9).prop_map(Value::Float),
        moment().prop_map(|moment| Value::Datetime(moment.to_string().parse().unwrap())),
        Just(Value::Datetime("1979-05-27".parse().unwrap())),
        Just(Value::Datetime("07:32:00".parse().unwrap())),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((text(), inner), 0..4)
                .prop_map(|entries| Value::Table(entries.into_iter().collect())),
        ]
    })
}

/// Keys that no version of ours has.
fn extra() -> impl Strategy<Value = Table> {
    prop::collection::vec((text().prop_map(|key| format!("x-{key}")), value()), 0..4)
        .prop_map(|entries| entries.into_iter().collect())
}

fn hex() -> impl Strategy<Value = [u8; 16]> {
    any::<[u8; 16]>()
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(Role::ALL)
}

fn previous() -> impl Strategy<Value = Previous> {
    (name(), role(), 1..=u64::MAX >> 1, moment(), text(), extra()).prop_map(
        |(pod, role, generation, ended_at, why, extra)| Previous {
            pod: PodName::new(pod).unwrap(),
            role,
            generation,
            ended_at,
            why,
            extra,
        },
    )
}

fn ended() -> impl Strategy<Value = Ended> {
    (moment(), text(), extra()).prop_map(|(at, why, extra)| Ended { at, why, extra })
}

fn written_by() -> impl Strategy<Value = WrittenBy> {
    (any::<i64>(), text(), text(), extra()).prop_map(|(pid, host, boot, extra)| WrittenBy { pid, host, boot, extra })
}

prop_compose! {
    fn claim()(
        (ticket, pod, role, generation) in (name(), name(), role(), 1..=MAX_GENERATION),
        (pod_id, nonce, evidence) in (prop::option::of(hex()), hex(), prop::sample::select(Evidence::ALL)),
        (accepted_at, completed_at) in (moment(), prop::option::of(moment())),
        session in prop::option::of(text()),
        (written_by, ended) in (prop::option::of(written_by()), prop::option::of(ended())),
        previous in prop::collection::vec(previous(), 0..4),
        extra in extra(),
    ) -> Claim {
        Claim {
            version: Version,
            ticket: TicketId::new(ticket).unwrap(),
            pod: PodName::new(pod).unwrap(),
            pod_id: pod_id.map(PodId::from_bytes),
            role,
            generation,
            nonce: Nonce::from_bytes(nonce),
            accepted_at,
            evidence,
            session,
            completed_at,
            written_by,
            ended,
            previous,
            extra,
        }
    }
}

prop_compose! {
    fn session()(
        (pod, role, origin) in (name(), role(), prop::sample::select(Origin::ALL)),
        (pod_id, nonce) in (prop::option::of(hex()), prop::option::of(hex())),
        (created_at, updated_at) in (moment(), moment()),
        session in prop::option::of(text()),
        related in prop::collection::vec(name(), 0..5),
        extra in extra(),
    ) -> SessionRecord {
        SessionRecord {
            version: Version,
            pod: PodName::new(pod).unwrap(),
            pod_id: pod_id.map(PodId::from_bytes),
            role,
            origin,
            created_at,
            updated_at,
            session,
            nonce: nonce.map(Nonce::from_bytes),
            related_tickets: related.into_iter().map(|ticket| TicketId::new(ticket).unwrap()).collect(),
            extra,
        }
    }
}

prop_compose! {
    fn pod()(
        (pod, role, origin) in (name(), role(), prop::sample::select(Origin::ALL)),
        (pod_id, nonce) in (hex(), prop::option::of(hex())),
        (created_at, confirmed_at) in (moment(), prop::option::of(moment())),
        (ticket, session, cgroup) in (prop::option::of(name()), prop::option::of(text()), prop::option::of(text())),
        (workspace, directory, profile) in (text(), text(), text()),
        (workflow, launch_prompt) in (prop::option::of("[a-zA-Z0-9_-]{1,64}"), prop::option::of(text())),
        (command, worktree) in (prop::collection::vec(text(), 0..4), prop::option::of((text(), text()))),
        extra in extra(),
    ) -> PodRecord {
        PodRecord {
            version: Version,
            pod: PodName::new(pod).unwrap(),
            pod_id: PodId::from_bytes(pod_id),
            role,
            origin,
            ticket: ticket.map(|ticket| TicketId::new(ticket).unwrap()),
            nonce: nonce.map(Nonce::from_bytes),
            workspace,
            directory,
            profile,
            workflow: workflow.map(|workflow| Slug::new(workflow).unwrap()),
            launch_prompt,
            created_at,
            confirmed_at,
            session,
            cgroup,
            worktree: worktree.map(|(path, branch)| Worktree { path, branch }),
            command,
            extra,
        }
    }
}

/// Reads what was written, and what a later version may have added to it.
fn comes_back<R: Record + PartialEq + std::fmt::Debug>(record: &R) {
    let text = record.render();
    let back = R::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(&back, record, "{text}");
    assert_eq!(back.render(), text);
    let named = R::parse_named(text.as_bytes(), record.name()).unwrap();
    assert_eq!(&named, record);
}

/// The one after the last generation that is read can still be written.
fn comes_back_or_is_refused(claim: &Claim) {
    let read = Claim::parse(claim.render().as_bytes());
    assert_eq!(read.is_ok(), claim.generation <= MAX_GENERATION);
}

#[test]
fn a_generation_after_which_none_can_be_written_is_refused() {
    let text = |generation: &str| {
        format!(
            "version = 1\nticket = \"T\"\npod = \"p\"\nrole = \"coder\"\ngeneration = {generation}\n\
             nonce = \"00000000000000000000000000000000\"\naccepted_at = 2026-06-07T22:02:25Z\nevidence = \"manual\"\n"
        )
    };
    for (generation, is_read) in
        [("1", true), ("9223372036854775806", true), ("9223372036854775807", false), ("0", false)]
    {
        assert_eq!(Claim::parse(text(generation).as_bytes()).is_ok(), is_read, "{generation}");
    }
}

proptest! {
    // The texts are long, and there are many kinds of values in each.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn claims_come_back(claim in claim()) {
        comes_back(&claim);
    }

    #[test]
    fn sessions_come_back(session in session()) {
        comes_back(&session);
    }

    #[test]
    fn pods_come_back(pod in pod()) {
        comes_back(&pod);
    }

    #[test]
    fn a_newer_record_is_refused_by_its_version_whatever_else_it_says(
        claim in claim(),
        version in 2..=i64::MAX,
        taken in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        extra in extra(),
    ) {
        let mut table: Table = claim.render().parse().unwrap();
        // What a later version no longer writes, or writes otherwise.
        for index in taken {
            let key = index.get(&table.keys().cloned().collect::<Vec<_>>()).clone();
            table.insert(key, Value::Array(vec![Value::Boolean(true)]));
        }
        table.extend(extra);
        table.insert("version".to_owned(), Value::Integer(version));
        let text = toml::to_string(&table).unwrap();
        prop_assert_eq!(Claim::parse(text.as_bytes()), Err(RecordError::Newer { found: version }));
    }

    #[test]
    fn a_session_keeps_what_it_does_not_know_when_it_grows(session in session(), ticket in name(), now in moment()) {
        let entry = SessionEntry {
            pod: session.pod.clone(),
            pod_id: None,
            role: session.role,
            origin: session.origin,
            session: None,
            nonce: None,
            tickets: vec![TicketId::new(ticket).unwrap()],
        };
        let grown = SessionRecord::merge(Some(&session), entry, now);
        if let Some(grown) = grown {
            prop_assert_eq!(grown.extra, session.extra);
            prop_assert!(grown.related_tickets.starts_with(&session.related_tickets));
        }
    }

    #[test]
    fn a_claim_remembers_its_predecessors_as_they_stand(old in claim(), ended in moment(), by in written_by()) {
        let acceptance = Acceptance {
            ticket: old.ticket.clone(),
            pod: old.pod.clone(),
            pod_id: None,
            role: old.role,
            nonce: Nonce::from_bytes([1; 16]),
            accepted_at: ended,
            evidence: Evidence::Manual,
            session: None,
            written_by: by,
        };
        let new = Claim::succeed(acceptance, Some((&old, ended, "released")));
        prop_assert_eq!(new.generation, old.generation + 1);
        comes_back_or_is_refused(&new);
        prop_assert_eq!(&new.previous[1..], &old.previous[..]);
    }
}
