//! Reclaim, by whom and from whom.

use super::*;
use crate::registry::{Force, Reclaim, ReclaimError, Reclaimed, Taker};

fn free(expect: impl Into<Expect>) -> Reclaim {
    Reclaim { expect: expect.into(), reason: "its Pod is gone".to_owned(), to: None, force: Force::No }
}

fn known(generation: u64) -> Expect {
    Expect { generation, nonce: None }
}

impl Bench {
    fn reclaim(&self, wanted: &Reclaim) -> Result<Reclaimed, ReclaimError> {
        self.registry.reclaim(&self.lock(), wanted, &Always, &self.writer)
    }

    fn held(&self, name: &str) -> Claim {
        self.manual(name).unwrap().claim().clone()
    }

    /// A Pod that is live for as long as the lock is kept.
    fn live(&self, name: &str, id: u8) -> PodLock {
        let lock = self.registry.try_lock_pod(&pod(name)).unwrap().unwrap();
        self.registry.create_pod(&lock, &self.record(name, id), None, None).unwrap();
        self.registry.update_pod(&pod(name), PodId::from_bytes([id; 16]), |it| it.confirmed_at = Some(at(2))).unwrap();
        lock
    }

    fn path(&self, suffix: &str) -> PathBuf {
        self.registry.claims_dir().join(format!("{}.{suffix}", ticket()))
    }

    /// What was kept of claims that could not be read.
    fn kept(&self) -> Vec<Vec<u8>> {
        let names = std::fs::read_dir(self.registry.claims_dir()).unwrap().map(|entry| entry.unwrap().path());
        let kept = names.filter(|path| path.extension().is_some_and(|it| it == "reclaimed"));
        kept.map(|path| std::fs::read(path).unwrap()).collect()
    }

    fn damage(&self) {
        std::fs::write(self.path("toml"), b"torn").unwrap();
    }
}

fn to(name: &str, role: Role) -> Option<Taker> {
    Some(Taker { pod: pod(name), role })
}

#[test]
fn a_stale_claim_is_freed_and_remembered_with_the_reason() {
    let bench = bench();
    let claim = bench.held("a");
    let freed = bench.reclaim(&free(&claim)).unwrap();
    assert_eq!(freed, Reclaimed::Freed { former: Some(Box::new(claim)) });
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), None);
    assert_eq!(bench.left_in("tmp"), 0);
    let next = bench.held("b");
    assert_eq!(next.generation, 2);
    let old = &next.previous[0];
    assert_eq!((old.pod.as_str(), old.why.as_str(), old.ended_at), ("a", "reclaimed: its Pod is gone", at(1)));
    assert_eq!(next.ended, None);
    let told = bench.registry.journal(Some(&ticket())).unwrap();
    assert_eq!((told[1].entry.action.as_str(), told[1].entry.why.as_deref()), ("reclaim", Some("its Pod is gone")));
}

#[test]
fn a_live_holder_is_refused_also_by_force() {
    let bench = bench();
    let claim = bench.held("a");
    let _live = bench.live("a", 1);
    let answer = bench.reclaim(&Reclaim { force: Force::EvenRestorable, ..free(&claim) });
    assert!(matches!(answer, Err(ReclaimError::Change(ChangeError::HolderLive { .. }))));
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), Some(claim));
}

#[test]
fn a_holder_that_could_be_restored_is_refused_but_for_force() {
    let bench = bench();
    let claim = bench.held("a");
    drop(bench.live("a", 1));
    assert!(matches!(bench.reclaim(&free(&claim)), Err(ReclaimError::Restorable { .. })));
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), Some(claim.clone()));
    assert!(bench.reclaim(&Reclaim { force: Force::EvenRestorable, ..free(&claim) }).is_ok());
}

#[test]
fn a_later_pod_that_bears_the_holders_name_protects_nothing() {
    let bench = bench();
    bench.offer("a", nonce(1)).unwrap();
    let request = request("a", Evidence::UserMessage, Some(nonce(1)));
    let claim = bench.registry.commit(&bench.lock(), &request, &bench.writer).unwrap().claim().clone();
    let held = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    // What holds the name has no record: it may be the holder whose directory was removed.
    assert!(matches!(bench.reclaim(&free(&claim)), Err(ReclaimError::Change(ChangeError::HolderLive { .. }))));
    drop(held);
    let _later = bench.live("a", 8);
    let given = bench.reclaim(&Reclaim { to: to("a", Role::Intake), ..free(&claim) }).unwrap();
    let Reclaimed::Given(given) = given else { panic!("given") };
    assert_eq!((given.generation, given.pod_id), (2, Some(PodId::from_bytes([8; 16]))));
}

#[test]
fn a_ticket_is_given_to_a_live_pod_whose_session_then_tells_of_it() {
    let bench = bench();
    let claim = bench.held("a");
    let _live = bench.live("b", 2);
    let given = bench.reclaim(&Reclaim { to: to("b", Role::Intake), ..free(&claim) }).unwrap();
    let stands = bench.registry.claim(&ticket()).unwrap().unwrap();
    assert_eq!(given, Reclaimed::Given(Box::new(stands.clone())));
    assert_eq!((stands.pod, stands.generation, stands.evidence), (pod("b"), 2, Evidence::Manual));
    assert_ne!(stands.nonce, claim.nonce);
    assert_eq!(stands.previous[0].why, "reclaimed: its Pod is gone");
    assert_eq!(bench.registry.session(&pod("b")).unwrap().unwrap().related_tickets, [ticket()]);
    assert!(!bench.path("released").exists());
}

#[test]
fn a_ticket_is_given_to_no_pod_that_cannot_hold_it() {
    let bench = bench();
    let claim = bench.held("a");
    let give = |name: &str, role| bench.reclaim(&Reclaim { to: to(name, role), ..free(&claim) });
    let why = |answer: Result<_, ReclaimError>| answer.unwrap_err().to_string();
    assert!(why(give("b", Role::Intake)).ends_with("it is not live"));
    let lock = bench.registry.try_lock_pod(&pod("b")).unwrap().unwrap();
    assert!(why(give("b", Role::Intake)).ends_with("it has no record"));
    bench.registry.create_pod(&lock, &bench.record("b", 2), None, None).unwrap();
    assert!(why(give("b", Role::Intake)).ends_with("its launch is not confirmed yet"));
    bench.registry.update_pod(&pod("b"), PodId::from_bytes([2; 16]), |it| it.confirmed_at = Some(at(2))).unwrap();
    assert!(why(give("b", Role::Coder)).ends_with("its role is intake"));
    drop(lock);
    assert!(why(give("b", Role::Intake)).ends_with("it is not live"));
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), Some(claim));
}

#[test]
fn of_two_administrators_one_is_told_that_the_other_was_first() {
    let bench = bench();
    let claim = bench.held("a");
    let _freed = bench.reclaim(&free(&claim)).unwrap();
    let lost = |answer: Result<_, ReclaimError>| match answer {
        Err(error @ ReclaimError::Change(ChangeError::Lost { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    let first = format!(
        "u reclaimed the claim on ticket {} first (generation {}), at {} (its Pod is gone); ",
        ticket(),
        Expect::from(&claim),
        at(1)
    );
    assert_eq!(lost(bench.reclaim(&free(&claim))), format!("{first}the ticket is free now"));
    let _next = bench.held("b");
    let now = format!("{first}Pod b holds it now as intake (generation 2)");
    assert_eq!(lost(bench.reclaim(&free(&claim))), now);
    let released = bench.registry.release(&bench.lock(), Expect::from(&claim), ReleasedBy::Other, "r", &bench.writer);
    assert_eq!(released.unwrap_err().to_string(), now, "whoever releases is told alike");
    let never = bench.reclaim(&free(known(7)));
    assert!(matches!(never, Err(ReclaimError::Change(ChangeError::Expectation { .. }))));
}

#[test]
fn a_ticket_that_was_given_but_not_recorded_is_told_apart() {
    let bench = bench();
    let claim = bench.held("a");
    let _live = bench.live("b", 2);
    std::fs::create_dir(bench.registry.session_path(&pod("b"))).unwrap();
    let answer = bench.reclaim(&Reclaim { to: to("b", Role::Intake), ..free(&claim) });
    let Err(ReclaimError::NotRecorded { claim: given, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), Some((*given).clone()));
    let repeat = || bench.reclaim(&Reclaim { to: to("b", Role::Intake), ..free(&claim) });
    assert!(matches!(repeat(), Err(ReclaimError::NotRecorded { .. })));
    std::fs::remove_dir(bench.registry.session_path(&pod("b"))).unwrap();
    assert_eq!(repeat().unwrap(), Reclaimed::Given(given));
}

#[test]
fn a_ticket_whose_claim_cannot_be_read_is_freed_above_all_that_is_known() {
    for set_aside in [false, true] {
        let bench = bench();
        for name in ["a", "b"] {
            let claim = bench.held(name);
            let _freed = bench.reclaim(&free(&claim)).unwrap();
        }
        let third = bench.held("c");
        bench.damage();
        if set_aside {
            let _done = bench.registry.set_aside_claim(&ticket().key(), Wait::No, &bench.writer).unwrap();
        }
        let told = bench.registry.known_of_unreadable(&ticket()).unwrap().unwrap();
        assert_eq!((told.generation, told.holder), (3, Some((pod("c"), Role::Intake))));
        for wrong in [known(0), known(2), known(4), Expect { generation: 3, nonce: Some(nonce(9)) }] {
            assert!(matches!(bench.reclaim(&free(wrong)), Err(ReclaimError::Known { known: 3, .. })));
        }
        assert_eq!(bench.reclaim(&free(&third)).unwrap(), Reclaimed::Freed { former: None });
        assert_eq!(bench.kept(), [b"torn"]);
        let next = bench.held("d");
        assert_eq!(next.generation, 4);
        let before: Vec<_> = next.previous.iter().map(|old| (old.pod.as_str(), old.generation)).collect();
        assert_eq!(before, [("c", 3), ("b", 2), ("a", 1)]);
        assert_eq!(bench.registry.known_of_unreadable(&ticket()).unwrap(), None);
    }
}

#[test]
fn a_ticket_of_which_nothing_is_known_is_freed_by_expecting_nothing() {
    let bench = bench();
    bench.damage();
    assert_eq!(bench.reclaim(&free(known(0))).unwrap(), Reclaimed::Freed { former: None });
    assert_eq!(bench.held("a").generation, 1);
    assert_eq!(bench.kept(), [b"torn"]);
}

#[test]
fn an_unreadable_claim_is_given_to_a_live_pod_be_it_the_one_that_has_it() {
    let bench = bench();
    let claim = bench.held("a");
    let _live = bench.live("a", 1);
    bench.damage();
    let answer = bench.reclaim(&Reclaim { force: Force::EvenRestorable, ..free(&claim) });
    assert!(matches!(answer, Err(ReclaimError::MayHold { .. })));
    let given = bench.reclaim(&Reclaim { to: to("a", Role::Intake), ..free(&claim) }).unwrap();
    assert!(matches!(given, Reclaimed::Given(claim) if claim.generation == 2));
    assert_eq!(bench.registry.view_claim(&ticket(), &Always).unwrap().status, ClaimStatus::Live);
}

#[test]
fn a_pod_that_may_hold_an_unreadable_claim_and_could_be_restored_is_refused_but_for_force() {
    let bench = bench();
    drop(bench.live("a", 1));
    bench.damage();
    assert!(matches!(bench.reclaim(&free(known(0))), Err(ReclaimError::MayReturn { .. })));
    assert!(bench.reclaim(&Reclaim { force: Force::EvenRestorable, ..free(known(0)) }).is_ok());
}

#[test]
fn a_claim_of_a_newer_version_is_never_reclaimed() {
    let bench = bench();
    let claim = bench.held("a");
    let text = std::fs::read_to_string(bench.path("toml")).unwrap().replacen("version = 1", "version = 2", 1);
    std::fs::write(bench.path("toml"), text).unwrap();
    let by_force = Reclaim { force: Force::EvenRestorable, ..free(&claim) };
    assert!(matches!(bench.reclaim(&by_force), Err(ReclaimError::Change(ChangeError::Unknown { .. }))));
    std::fs::rename(bench.path("toml"), bench.path("unreadable")).unwrap();
    assert!(matches!(bench.reclaim(&by_force), Err(ReclaimError::Change(ChangeError::Unknown { .. }))));
}

#[test]
fn a_tombstone_that_cannot_be_read_is_kept_and_made_anew_from_the_journal() {
    let bench = bench();
    let claim = bench.held("a");
    let _freed = bench.reclaim(&free(&claim)).unwrap();
    std::fs::write(bench.path("released"), b"torn").unwrap();
    assert!(matches!(bench.manual("b"), Err(CommitError::Unknown { .. })));
    assert!(bench.reclaim(&free(known(1))).is_ok());
    assert_eq!(bench.kept(), [b"torn"]);
    assert_eq!(bench.held("b").generation, 2);
}

/// As a process leaves it that is killed after it has told that the former claim ended.
#[test]
fn a_ticket_that_was_given_is_related_to_its_pod_by_whoever_repeats_that() {
    let bench = bench();
    let claim = bench.held("a");
    let _live = bench.live("b", 2);
    let wanted = Reclaim { to: to("b", Role::Intake), ..free(&claim) };
    let done = bench.reclaim(&wanted).unwrap();
    let told = bench.registry.journal(None).unwrap();
    let without_commit = std::fs::read_to_string(bench.registry.journal_path()).unwrap();
    let without_commit: String = without_commit.lines().take(told.len() - 1).map(|line| format!("{line}\n")).collect();
    for commit_is_told in [true, false] {
        std::fs::remove_file(bench.registry.session_path(&pod("b"))).unwrap();
        if !commit_is_told {
            std::fs::write(bench.registry.journal_path(), &without_commit).unwrap();
        }
        let somebody_else = Writer { user: "v".into(), ..bench.writer.clone() };
        let other = bench.registry.reclaim(&bench.lock(), &wanted, &Always, &somebody_else);
        assert!(matches!(other, Err(ReclaimError::Change(ChangeError::Lost { .. }))), "{other:?}");
        assert_eq!(bench.reclaim(&wanted).unwrap(), done);
        assert_eq!(bench.registry.session(&pod("b")).unwrap().unwrap().related_tickets, [ticket()]);
        assert_eq!(bench.registry.journal(None).unwrap(), told);
        assert!(
            matches!(bench.reclaim(&wanted), Err(ReclaimError::Change(ChangeError::Lost { .. }))),
            "now it is done"
        );
    }
}

#[test]
fn a_reclaim_that_nobody_told_of_is_finished_by_whoever_asks_again() {
    for give in [false, true] {
        let bench = bench();
        let claim = bench.held("a");
        let _live = bench.live("b", 2);
        let wanted = Reclaim { to: to("b", Role::Intake).filter(|_| give), ..free(&claim) };
        // As a process leaves it that is killed before it has told anybody.
        let journal = std::fs::read(bench.registry.journal_path()).unwrap();
        let _done = bench.reclaim(&wanted).unwrap();
        std::fs::write(bench.registry.journal_path(), journal).unwrap();
        let _ = std::fs::remove_file(bench.registry.session_path(&pod("b")));
        let _done = bench.reclaim(&wanted).unwrap();
        assert_eq!(bench.registry.session(&pod("b")).unwrap().is_some(), give);
        let told = bench.registry.journal(Some(&ticket())).unwrap();
        assert!(told.iter().any(|line| line.entry.action == "reclaim"), "{told:?}");
        let second = bench.reclaim(&wanted);
        assert!(
            matches!(second, Err(ReclaimError::Change(ChangeError::Lost { .. }))),
            "a second one is told of the first"
        );
    }
}
