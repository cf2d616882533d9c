//! The registry's promises, within one process; races and crashes are tested with real processes under `tests/`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

mod batch;
mod properties;
mod reclaim;
mod survey;
mod unreadable;
mod verify;

use super::*;
use crate::domain::*;
use crate::fs::{Acquired, Wait, WaitError};

struct Bench {
    _temp: tempfile::TempDir,
    registry: Registry,
    writer: Writer,
}

fn at(second: u32) -> Timestamp {
    format!("2026-06-07T22:02:{second:02}.5Z").parse().unwrap()
}

fn bench() -> Bench {
    bench_in(tempfile::tempdir().unwrap())
}

fn bench_in(temp: tempfile::TempDir) -> Bench {
    let root: PathBuf = temp.path().join("workspace");
    std::fs::create_dir(&root).unwrap();
    let workspace = Workspace::find(&root).unwrap();
    let registry = Registry::new(&temp.path().join("data"), &temp.path().join("run"), workspace);
    registry.prepare(NetworkPolicy::Refuse, at(0)).unwrap();
    let written_by = WrittenBy { pid: 1, host: "h".into(), boot: "b".into(), extra: toml::Table::new() };
    Bench { _temp: temp, registry, writer: Writer { written_by, user: "u".into(), now: at(1) } }
}

fn ticket() -> TicketId {
    TicketId::new("00001KTJ1QJB8").unwrap()
}

fn pod(name: &str) -> PodName {
    PodName::new(name).unwrap()
}

fn nonce(n: u8) -> Nonce {
    Nonce::from_bytes([n; 16])
}

fn request(pod_name: &str, evidence: Evidence, of: Option<Nonce>) -> CommitRequest {
    CommitRequest {
        ticket: ticket(),
        pod: pod(pod_name),
        pod_id: None,
        role: Role::Intake,
        evidence,
        session: None,
        nonce: of,
        expect: None,
    }
}

struct Always;
impl Restorable for Always {
    fn check(&self, _: &PodRecord) -> Result<(), String> {
        Ok(())
    }
}

/// Does something to the registry when the first Pod is judged: in the middle of a look, after the records were read.
struct Meanwhile<F>(F, AtomicUsize);

impl<F: Fn() + Sync> Meanwhile<F> {
    fn new(change: F) -> Self {
        Self(change, AtomicUsize::new(0))
    }
}

impl<F: Fn() + Sync> Restorable for Meanwhile<F> {
    fn check(&self, _: &PodRecord) -> Result<(), String> {
        if self.1.fetch_add(1, Ordering::Relaxed) == 0 {
            self.0();
        }
        Ok(())
    }
}

impl Bench {
    fn lock(&self) -> TicketLock {
        self.registry.lock_ticket(&ticket(), "test", &self.writer, Wait::No).unwrap()
    }

    fn manual(&self, name: &str) -> Result<Committed, CommitError> {
        self.registry.commit(&self.lock(), &request(name, Evidence::Manual, None), &self.writer)
    }

    fn offer(&self, name: &str, of: Nonce) -> Result<Claim, OfferError> {
        self.registry.write_offer(Acceptance {
            ticket: ticket(),
            pod: pod(name),
            pod_id: Some(PodId::from_bytes([7; 16])),
            role: Role::Intake,
            nonce: of,
            accepted_at: at(2),
            evidence: Evidence::UserMessage,
            session: None,
            written_by: self.writer.written_by.clone(),
        })
    }

    fn record(&self, name: &str, id: u8) -> PodRecord {
        PodRecord::new(NewPod {
            pod: pod(name),
            pod_id: PodId::from_bytes([id; 16]),
            role: Role::Intake,
            origin: Origin::TicketClaim,
            ticket: Some(ticket()),
            nonce: Some(nonce(1)),
            workspace: "/w".into(),
            directory: "/w".into(),
            profile: "builtin:checklist".into(),
            workflow: None,
            launch_prompt: None,
            created_at: at(1),
        })
    }

    fn left_in(&self, dir: &str) -> usize {
        std::fs::read_dir(self.registry.dir().join(dir)).unwrap().count()
    }
}

#[test]
fn who_waits_for_a_ticket_is_answered_once_its_claim_stands_and_not_only_when_the_lock_is_free() {
    let bench = bench();
    let lock = bench.lock();
    let wait = |name: &str| {
        let request = request(name, Evidence::Manual, None);
        bench.registry.lock_to_commit(&request, "test", &bench.writer, Wait::No)
    };
    assert!(matches!(wait("b"), Err(WaitError::Held { .. })));
    let committed = bench.registry.commit(&lock, &request("a", Evidence::Manual, None), &bench.writer);
    assert!(matches!(committed, Ok(Committed::New(_))));
    assert!(matches!(wait("a"), Ok(Acquired::Answer(Ok(Committed::AlreadyOurs(_))))));
    let Ok(Acquired::Answer(Err(CommitError::Held { held }))) = wait("b") else { panic!("answered") };
    assert_eq!(held.pod, pod("a"));
    drop(lock);
    assert!(matches!(wait("b"), Ok(Acquired::Lock(_))));
}

#[test]
fn a_second_pod_is_told_who_holds_the_ticket() {
    let bench = bench();
    assert!(matches!(bench.manual("a"), Ok(Committed::New(_))));
    let Err(CommitError::Held { held }) = bench.manual("b") else { panic!("held") };
    assert_eq!(held.pod, pod("a"));
    assert_eq!(bench.left_in("tmp"), 0);
}

#[test]
fn a_repeated_commit_changes_nothing() {
    let bench = bench();
    let _first = bench.manual("a").unwrap();
    let path = bench.registry.claim_path(&ticket());
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(bench.manual("a"), Ok(Committed::AlreadyOurs(_))));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn an_offer_is_linked_into_place_and_its_first_name_goes() {
    let bench = bench();
    let offered = bench.offer("a", nonce(1)).unwrap();
    let answer =
        bench.registry.commit(&bench.lock(), &request("a", Evidence::UserMessage, Some(nonce(1))), &bench.writer);
    assert_eq!(answer.unwrap(), Committed::New(offered));
    assert_eq!(bench.left_in("offers"), 0);
}

#[test]
fn a_withdrawn_offer_cannot_be_committed() {
    let bench = bench();
    bench.offer("a", nonce(1)).unwrap();
    assert_eq!(bench.registry.withdraw(&ticket(), nonce(1)).unwrap(), Withdrawn::Gone);
    let answer =
        bench.registry.commit(&bench.lock(), &request("a", Evidence::UserMessage, Some(nonce(1))), &bench.writer);
    assert!(matches!(answer, Err(CommitError::OfferGone { .. })));
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), None);
}

#[test]
fn giving_up_after_the_commit_finds_that_the_claim_stands() {
    let bench = bench();
    bench.offer("a", nonce(1)).unwrap();
    let request = request("a", Evidence::UserMessage, Some(nonce(1)));
    let _claim = bench.registry.commit(&bench.lock(), &request, &bench.writer).unwrap();
    assert_eq!(bench.registry.withdraw(&ticket(), nonce(1)).unwrap(), Withdrawn::Stands);
}

#[test]
fn evidence_of_a_pod_never_makes_a_claim_without_its_offer() {
    let bench = bench();
    let answer =
        bench.registry.commit(&bench.lock(), &request("a", Evidence::TurnStart, Some(nonce(1))), &bench.writer);
    assert!(matches!(answer, Err(CommitError::OfferGone { .. })));
    let answer = bench.registry.commit(&bench.lock(), &request("a", Evidence::TurnStart, None), &bench.writer);
    assert!(matches!(answer, Err(CommitError::NoNonce { .. })));
}

#[test]
fn an_offer_of_another_evidence_is_refused() {
    let bench = bench();
    bench.offer("a", nonce(1)).unwrap();
    let answer =
        bench.registry.commit(&bench.lock(), &request("a", Evidence::TurnStart, Some(nonce(1))), &bench.writer);
    assert!(matches!(answer, Err(CommitError::OtherOffer { what: "evidence", .. })));
}

#[test]
fn generations_grow_through_releases_and_remember_the_holders() {
    let bench = bench();
    for generation in 1..=60 {
        let name = format!("p{generation}");
        let answer = bench.manual(&name).unwrap();
        assert_eq!(answer.claim().generation, generation);
        let expect = Expect::from(answer.claim());
        bench.registry.release(&bench.lock(), expect, ReleasedBy::Other, "test", &bench.writer).unwrap();
    }
    let last = bench.manual("last").unwrap();
    let previous = &last.claim().previous;
    assert_eq!(previous.len(), MAX_PREVIOUS);
    assert_eq!((previous[0].pod.as_str(), previous[0].why.as_str()), ("p60", "released"));
    assert_eq!(previous[49].generation, 11);
}

#[test]
fn release_is_refused_while_the_pod_is_live() {
    let bench = bench();
    let claim = bench.manual("a").unwrap().claim().clone();
    let live = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    let release = |by| bench.registry.release(&bench.lock(), Expect::from(&claim), by, "test", &bench.writer);
    assert!(matches!(release(ReleasedBy::Other), Err(ChangeError::HolderLive { .. })));
    assert!(release(ReleasedBy::Holder).is_ok());
    drop(live);
}

#[test]
fn who_ends_claims_of_one_pod_is_not_taken_for_that_pod() {
    let bench = bench();
    let claim = bench.manual("a").unwrap().claim().clone();
    // As somebody who ends the claim that the Pod has on another ticket.
    let _other = bench.registry.exclude_pod(&pod("a")).unwrap().unwrap();
    let released =
        bench.registry.release(&bench.lock(), Expect::from(&claim), ReleasedBy::Other, "test", &bench.writer);
    assert_eq!(released.unwrap(), claim);
}

#[test]
fn a_stale_expectation_is_told_what_stands() {
    let bench = bench();
    let claim = bench.manual("a").unwrap().claim().clone();
    let wrong = Expect { generation: 1, nonce: Some(nonce(9)) };
    let answer = bench.registry.complete(&ticket(), wrong, at(3), &bench.writer);
    assert!(matches!(answer, Err(ChangeError::Expectation { found, .. }) if *found == claim));
}

#[test]
fn completion_keeps_generation_and_nonce_and_is_said_once() {
    let bench = bench();
    let claim = bench.manual("a").unwrap().claim().clone();
    let done = bench.registry.complete(&ticket(), Expect::from(&claim), at(3), &bench.writer).unwrap();
    assert_eq!((done.generation, done.nonce, done.completed_at), (claim.generation, claim.nonce, Some(at(3))));
    let again = bench.registry.complete(&ticket(), Expect::from(&claim), at(4), &bench.writer).unwrap();
    assert_eq!(again.completed_at, Some(at(3)));
}

#[test]
fn only_a_completed_claim_of_a_stopped_pod_is_handed_over_and_only_to_a_live_one() {
    let bench = bench();
    let claim = bench.manual("a").unwrap().claim().clone();
    let mut next = request("b", Evidence::Manual, None);
    next.expect = Some(Expect::from(&claim));
    let hand_over = || bench.registry.commit(&bench.lock(), &next, &bench.writer);
    let taker = bench.registry.try_lock_pod(&pod("b")).unwrap().unwrap();
    assert!(matches!(hand_over(), Err(CommitError::Change(ChangeError::NotCompleted { .. }))));
    bench.registry.complete(&ticket(), Expect::from(&claim), at(3), &bench.writer).unwrap();
    let holder = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    assert!(matches!(hand_over(), Err(CommitError::Change(ChangeError::HolderLive { .. }))));
    drop(holder);
    drop(taker);
    assert!(matches!(hand_over(), Err(CommitError::Change(ChangeError::TakerNotLive { .. }))));
    let _taker = bench.registry.try_lock_pod(&pod("b")).unwrap().unwrap();
    let taken = hand_over().unwrap();
    assert_eq!(taken.claim().generation, 2);
    assert_eq!(taken.claim().previous[0].why, "completed");
}

#[test]
fn an_unreadable_claim_is_unknown_and_never_free() {
    let bench = bench();
    let path = bench.registry.claim_path(&ticket());
    std::fs::write(&path, "version = 1\nticket =").unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(matches!(bench.manual("a"), Err(CommitError::Unknown { .. })));
    let view = bench.registry.view_claim(&ticket(), &Always).unwrap();
    assert_eq!(view.status, ClaimStatus::Unknown);
}

#[test]
fn a_newer_claim_is_refused_by_name_and_left_as_it_is() {
    let bench = bench();
    let _claim = bench.manual("a").unwrap();
    let path = bench.registry.claim_path(&ticket());
    let newer = std::fs::read_to_string(&path).unwrap().replace("version = 1", "version = 2");
    std::fs::write(&path, &newer).unwrap();
    let Err(error) = bench.manual("a") else { panic!("newer") };
    assert!(chain(&error).contains("version 2"), "{}", chain(&error));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);
}

#[test]
fn unknown_keys_of_a_claim_are_kept() {
    let bench = bench();
    let claim = bench.manual("a").unwrap().claim().clone();
    let path = bench.registry.claim_path(&ticket());
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("colour = \"blue\"\n{text}\n[future]\nx = 1\n")).unwrap();
    bench.registry.complete(&ticket(), Expect::from(&claim), at(3), &bench.writer).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("colour = \"blue\"") && text.contains("[future]\nx = 1"), "{text}");
}

#[test]
fn a_claim_file_of_another_ticket_is_refused_by_name() {
    let bench = bench();
    let _claim = bench.manual("a").unwrap();
    let twin = TicketId::new("00001ktj1qjb8").unwrap();
    std::fs::rename(bench.registry.claim_path(&ticket()), bench.registry.claim_path(&twin)).unwrap();
    let error = bench.registry.claim(&twin).unwrap_err();
    assert!(error.to_string().contains("holds the record of"), "{error}");
}

#[test]
fn status_follows_the_locks() {
    let bench = bench();
    let registry = &bench.registry;
    let status = || registry.view_claim(&ticket(), &Always).map(|view| view.status);
    assert_eq!(status(), None);
    let lock = bench.lock();
    assert_eq!(status(), Some(ClaimStatus::Launching));
    bench.offer("a", nonce(1)).unwrap();
    let _claim = registry.commit(&lock, &request("a", Evidence::UserMessage, Some(nonce(1))), &bench.writer).unwrap();
    drop(lock);
    assert_eq!(status(), Some(ClaimStatus::Stale));
    let pod_lock = registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    assert_eq!(status(), Some(ClaimStatus::Stale), "something else holds the Pod's name");
    registry.create_pod(&pod_lock, &bench.record("a", 7), None, None).unwrap();
    assert_eq!(status(), Some(ClaimStatus::Live));
    drop(pod_lock);
    assert_eq!(status(), Some(ClaimStatus::Restorable));
    assert_eq!(registry.survey(&Always).unwrap().claims.len(), 1);
}

#[test]
fn a_later_pod_of_the_same_name_does_not_revive_a_claim() {
    let bench = bench();
    bench.offer("a", nonce(1)).unwrap();
    let request = request("a", Evidence::UserMessage, Some(nonce(1)));
    let _claim = bench.registry.commit(&bench.lock(), &request, &bench.writer).unwrap();
    let pod_lock = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    bench.registry.create_pod(&pod_lock, &bench.record("a", 8), None, None).unwrap();
    let view = bench.registry.view_claim(&ticket(), &Always).unwrap();
    assert_eq!(view.status, ClaimStatus::Stale);
}

#[test]
fn nobodys_directory_is_swept_and_a_claimed_one_is_not() {
    let bench = bench();
    let registry = &bench.registry;
    let pod_lock = registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    registry.create_pod(&pod_lock, &bench.record("a", 1), None, None).unwrap();
    registry.create_pod(&pod_lock, &bench.record("a", 7), None, None).unwrap();
    assert_eq!(registry.pod(&pod("a")).unwrap().unwrap().pod_id, PodId::from_bytes([7; 16]));
    bench.offer("a", nonce(1)).unwrap();
    let request = request("a", Evidence::UserMessage, Some(nonce(1)));
    let _claim = registry.commit(&bench.lock(), &request, &bench.writer).unwrap();
    let again = registry.create_pod(&pod_lock, &bench.record("a", 9), None, None);
    assert!(matches!(again, Err(PodError::Taken { .. })));
    assert_eq!(bench.left_in("tmp"), 0);
}

#[test]
fn what_is_nobodys_stays_so_until_it_is_removed() {
    let bench = bench();
    let registry = &bench.registry;
    let pod_lock = registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    registry.create_pod(&pod_lock, &bench.record("a", 1), None, None).unwrap();
    let nobodys = registry.nobodys(&bench.record("a", 1), None).unwrap().unwrap();
    assert!(registry.ticket_in_flight(&ticket()).unwrap().is_some(), "a claim can be committed meanwhile");
    drop(nobodys);
    assert!(registry.ticket_in_flight(&ticket()).unwrap().is_none());
}

#[test]
fn who_gives_up_removes_its_own_directory_and_no_later_one_of_the_name() {
    let bench = bench();
    let lock = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    bench.registry.create_pod(&lock, &bench.record("a", 2), None, None).unwrap();
    let remove = |id| bench.registry.remove_pod(&pod("a"), PodId::from_bytes([id; 16]));
    assert!(matches!(remove(1), Err(PodError::OtherPod { .. })));
    assert!(bench.registry.pod_dir(&pod("a")).exists());
    remove(2).unwrap();
    assert!(!bench.registry.pod_dir(&pod("a")).exists());
}

#[test]
fn a_pod_is_removed_with_its_offer_and_not_at_all_once_that_is_committed() {
    let bench = bench();
    let lock = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    let make = || bench.registry.create_pod(&lock, &bench.record("a", 7), None, None).unwrap();
    let remove = || bench.registry.remove_pod(&pod("a"), PodId::from_bytes([7; 16]));
    make();
    bench.offer("a", nonce(1)).unwrap();
    remove().unwrap();
    assert_eq!(bench.left_in("offers"), 0);
    make();
    bench.offer("a", nonce(1)).unwrap();
    let request = request("a", Evidence::UserMessage, Some(nonce(1)));
    let _claim = bench.registry.commit(&bench.lock(), &request, &bench.writer).unwrap();
    assert!(matches!(remove(), Err(PodError::Claimed { .. })));
    assert!(bench.registry.pod_dir(&pod("a")).exists());
}

#[test]
fn a_directory_whose_ticket_is_in_flight_elsewhere_is_not_swept() {
    let bench = bench();
    let pod_lock = bench.registry.try_lock_pod(&pod("a")).unwrap().unwrap();
    bench.registry.create_pod(&pod_lock, &bench.record("a", 1), None, None).unwrap();
    let _elsewhere = bench.lock();
    let again = bench.registry.create_pod(&pod_lock, &bench.record("a", 2), None, None);
    assert!(matches!(again, Err(PodError::Taken { .. })));
}

#[test]
fn session_records_grow_by_union_and_stay_as_they_are_otherwise() {
    let bench = bench();
    let entry = |tickets: &[&str]| SessionEntry {
        pod: pod("a"),
        pod_id: None,
        role: Role::Intake,
        origin: Origin::PreTicketIntake,
        session: None,
        nonce: None,
        tickets: tickets.iter().map(|id| TicketId::new(*id).unwrap()).collect(),
    };
    let record = |tickets| bench.registry.record_session(entry(tickets), SessionFence::None, &bench.writer).unwrap();
    record(&[]);
    record(&["t1", "t2"]);
    let third = record(&["t2", "t3"]);
    assert_eq!(third.related_tickets.iter().map(TicketId::as_str).collect::<Vec<_>>(), ["t1", "t2", "t3"]);
    assert_eq!(third.created_at, at(1));
}

#[test]
fn the_record_of_a_session_is_as_long_however_many_there_are() {
    let bench = bench();
    let recorded = |number: usize| {
        let entry = SessionEntry {
            pod: pod(&format!("p{number:03}")),
            pod_id: None,
            role: Role::Intake,
            origin: Origin::TicketClaim,
            session: None,
            nonce: None,
            tickets: vec![ticket()],
        };
        let record = bench.registry.record_session(entry, SessionFence::None, &bench.writer).unwrap();
        std::fs::metadata(bench.registry.session_path(&record.pod)).unwrap().len()
    };
    let lengths: Vec<u64> = (0..50).map(recorded).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}

#[test]
fn a_session_is_not_recorded_for_a_pod_that_gave_up() {
    let bench = bench();
    let entry = SessionEntry {
        pod: pod("a"),
        pod_id: Some(PodId::from_bytes([1; 16])),
        role: Role::Intake,
        origin: Origin::PreTicketIntake,
        session: None,
        nonce: Some(nonce(1)),
        tickets: Vec::new(),
    };
    let record = SessionRecord::merge(None, entry.clone(), at(1)).unwrap();
    let commit = || bench.registry.record_session(entry.clone(), SessionFence::Offer(nonce(1)), &bench.writer);
    bench.registry.write_session_offer(&record, nonce(1)).unwrap();
    assert_eq!(bench.registry.withdraw_session(&pod("a"), nonce(1)).unwrap(), Withdrawn::Gone);
    assert!(matches!(commit(), Err(SessionError::OfferGone { .. })));
    bench.registry.write_session_offer(&record, nonce(1)).unwrap();
    commit().unwrap();
    assert_eq!(bench.registry.withdraw_session(&pod("a"), nonce(1)).unwrap(), Withdrawn::Stands);
    assert!(commit().is_ok(), "a repeat succeeds");
}

#[test]
fn a_torn_last_line_of_the_journal_is_kept_and_ended() {
    let bench = bench();
    bench.registry.log(&bench.writer, JournalEntry::new("one")).unwrap();
    let path = bench.registry.journal_path();
    let torn = std::fs::read_to_string(&path).unwrap() + "{\"at\":\"2026";
    std::fs::write(&path, torn).unwrap();
    bench.registry.log(&bench.writer, JournalEntry::new("two")).unwrap();
    let actions: Vec<_> = bench.registry.journal(None).unwrap().into_iter().map(|line| line.entry.action).collect();
    assert_eq!(actions, ["one", "two"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 3);
}

#[test]
fn a_registry_of_a_newer_version_is_not_written_to() {
    let bench = bench();
    let path = bench.registry.dir().join("workspace.toml");
    let text = std::fs::read_to_string(&path).unwrap().replace("version = 1", "version = 7");
    std::fs::write(&path, text).unwrap();
    let error = bench.registry.prepare(NetworkPolicy::Refuse, at(1)).unwrap_err();
    assert!(chain(&error).contains("version 7"), "{}", chain(&error));
}

#[test]
fn directories_that_others_may_write_to_are_refused() {
    let bench = bench();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(bench.registry.claims_dir(), open).unwrap();
    let error = bench.registry.prepare(NetworkPolicy::Refuse, at(1)).unwrap_err();
    assert!(chain(&error).contains("chmod go-w"), "{}", chain(&error));
}

#[test]
fn a_release_that_nobody_told_of_is_finished_by_whoever_asks_again() {
    let bench = bench();
    let claim = bench.manual("mira").unwrap().claim().clone();
    // As a process leaves it that is killed between the rename and the journal.
    let [from, to] = [bench.registry.claim_path(&ticket()), bench.registry.tombstone_path(&ticket())];
    std::fs::rename(from, to).unwrap();
    let release =
        |why| bench.registry.release(&bench.lock(), Expect::from(&claim), ReleasedBy::Other, why, &bench.writer);
    assert_eq!(release("given back").unwrap(), claim);
    let told = bench.registry.journal(Some(&ticket())).unwrap();
    assert_eq!(told.last().unwrap().entry.why.as_deref(), Some("given back"));
    assert_eq!(release("given back").unwrap(), claim, "a repeat changes nothing");
    assert_eq!(bench.registry.journal(Some(&ticket())).unwrap(), told);
    assert!(
        matches!(release("it hangs"), Err(ChangeError::Lost { now: None, .. })),
        "a second one is told of the first"
    );
}
