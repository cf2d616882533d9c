//! Many claims by hand at once.

use super::*;
use crate::registry::ByHand;

fn by_hand(id: &str, name: &str) -> ByHand {
    ByHand { ticket: TicketId::new(id).unwrap(), pod: pod(name), role: Role::Coder }
}

fn claim(bench: &Bench, id: &str) -> Option<Claim> {
    bench.registry.claim(&TicketId::new(id).unwrap()).unwrap()
}

#[test]
fn each_is_answered_in_its_place() {
    let bench = bench();
    let mut held = request("other", Evidence::Manual, None);
    held.role = Role::Coder;
    let _held = bench.registry.commit(&bench.lock(), &held, &bench.writer).unwrap();
    let unreadable = bench.registry.claim_path(&TicketId::new("U").unwrap());
    std::fs::write(unreadable, "torn").unwrap();
    let flight = TicketId::new("F").unwrap();
    let lock = bench.registry.lock_ticket(&flight, "somebody", &bench.writer, Wait::No).unwrap();
    let ids = ["Z", ticket().as_str(), "F", "U", "A"].map(ToOwned::to_owned);
    let batch: Vec<ByHand> = ids.iter().map(|id| by_hand(id, "mira")).collect();
    let answers = bench.registry.commit_batch(&batch, &bench.writer);
    assert!(matches!(&answers[0], Ok(Committed::New(claim)) if claim.ticket.as_str() == "Z"));
    assert!(matches!(&answers[1], Err(CommitError::Held { held }) if held.pod == pod("other")));
    assert!(
        matches!(&answers[2], Err(CommitError::InFlight { holder: Some(text), .. }) if text.starts_with("somebody"))
    );
    assert!(matches!(&answers[3], Err(CommitError::Unknown { .. })));
    assert!(matches!(&answers[4], Ok(Committed::New(claim)) if claim.ticket.as_str() == "A"));
    assert_eq!(bench.left_in("tmp"), 0);
    drop(lock);
    let again = bench.registry.commit_batch(&batch, &bench.writer);
    assert!(
        matches!(&again[0], Ok(Committed::AlreadyOurs(claim)) if Some(claim) == super::batch::claim(&bench, "Z").as_ref())
    );
    assert!(matches!(&again[2], Ok(Committed::New(_))));
    let told = bench.registry.journal(None).unwrap();
    assert_eq!(told.iter().filter(|line| line.entry.action == "commit").count(), 4);
}

#[test]
fn what_killed_attempts_left_is_swept_and_generations_grow() {
    let bench = bench();
    let first = bench.held_by("mira");
    bench.registry.release(&bench.lock(), Expect::from(&first), ReleasedBy::Other, "r", &bench.writer).unwrap();
    bench.offer("gave-up", nonce(1)).unwrap();
    let temporary = bench.registry.dir().join(format!("tmp/claim-{}.0123", ticket()));
    let others = bench.registry.dir().join("tmp/claim-other.0123");
    std::fs::write(&temporary, "torn").unwrap();
    std::fs::write(&others, "torn").unwrap();
    let answers = bench.registry.commit_batch(&[by_hand(ticket().as_str(), "mira")], &bench.writer);
    assert!(matches!(&answers[0], Ok(Committed::New(claim)) if claim.generation == 2));
    assert_eq!(bench.left_in("offers"), 0);
    assert!(!temporary.exists() && others.exists());
}

#[test]
fn the_first_name_of_a_claim_that_a_killed_batch_had_linked_goes_with_the_repeat() {
    let bench = bench();
    let batch = [by_hand(ticket().as_str(), "mira")];
    let _claimed = bench.registry.commit_batch(&batch, &bench.writer);
    let temporary = bench.registry.dir().join(format!("tmp/claim-{}.0123", ticket()));
    std::fs::hard_link(bench.registry.claim_path(&ticket()), &temporary).unwrap();
    assert!(matches!(bench.registry.commit_batch(&batch, &bench.writer)[..], [Ok(Committed::AlreadyOurs(_))]));
    assert!(!temporary.exists() && bench.registry.claim_path(&ticket()).exists());
}

#[test]
fn the_text_of_an_earlier_holder_is_not_left_in_a_lock() {
    let bench = bench();
    drop(bench.lock());
    let _answers = bench.registry.commit_batch(&[by_hand(ticket().as_str(), "mira")], &bench.writer);
    let text = std::fs::read_to_string(bench.registry.ticket_lock_path(&ticket())).unwrap();
    assert!(text.starts_with("claim-commit, pid 1 on h"), "{text}");
}

#[test]
fn a_record_that_cannot_be_written_fails_alone() {
    let bench = bench();
    let long = "x".repeat(400);
    let blocked = bench.registry.ticket_lock_path(&TicketId::new("B").unwrap());
    std::fs::create_dir(blocked).unwrap();
    let answers = bench.registry.commit_batch(&[by_hand("B", "p"), by_hand(&long, "p")], &bench.writer);
    assert!(matches!(&answers[0], Err(CommitError::Io { .. })));
    assert!(matches!(&answers[1], Ok(Committed::New(_))));
}

impl Bench {
    fn held_by(&self, name: &str) -> Claim {
        self.manual(name).unwrap().claim().clone()
    }
}
