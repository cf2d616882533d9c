//! Looking at everything while it changes.

use super::*;

/// What is found of a claim whose Pod has no session record, where something happens once the records were read.
fn found_while(change: impl Fn(&Bench) + Sync) -> Vec<Code> {
    let bench = bench();
    bench.offer("a", nonce(1)).unwrap();
    let request = request("a", Evidence::UserMessage, Some(nonce(1)));
    let _claim = bench.registry.commit(&bench.lock(), &request, &bench.writer).unwrap();
    let lock = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    let mut record = bench.record("a", 7);
    record.confirmed_at = Some(at(1));
    bench.registry.create_pod(&lock, &record, None, None).unwrap();
    drop(lock);
    let found = bench.registry.verify(&Meanwhile::new(|| change(&bench)));
    found.all.into_iter().map(|finding| finding.code).collect()
}

#[test]
fn what_is_put_right_while_it_is_looked_at_is_no_finding() {
    assert_eq!(found_while(|_| {}), [Code::SessionMissing]);
    let recorded = found_while(|bench| {
        let entry = SessionEntry {
            pod: pod("a"),
            pod_id: None,
            role: Role::Intake,
            origin: Origin::TicketClaim,
            session: None,
            nonce: None,
            tickets: vec![ticket()],
        };
        bench.registry.record_session(entry, SessionFence::None, &bench.writer).unwrap();
    });
    assert_eq!(recorded, []);
}
