//! All claims at once: each as it would be seen by itself, also where it changes while the others are read.

use super::*;

/// Makes claims of a few Pods, as if each had been committed by hand.
fn claims(bench: &Bench, count: usize) {
    let first = bench.manual("pod-0").unwrap().claim().clone();
    std::fs::remove_file(bench.registry.claim_path(&first.ticket)).unwrap();
    for number in 0..count {
        let (ticket, pod) = (TicketId::new(format!("T{number:04}")).unwrap(), pod(&format!("pod-{}", number % 7)));
        let path = bench.registry.claim_path(&ticket);
        let mut claim = first.clone();
        (claim.ticket, claim.pod) = (ticket, pod);
        std::fs::write(path, claim.render()).unwrap();
    }
}

#[test]
fn many_claims_are_seen_as_each_is_by_itself() {
    let bench = bench();
    claims(&bench, 600);
    let pod_lock = bench.registry.try_lock_pod(&pod("pod-3")).unwrap().unwrap();
    let _host = bench.registry.create_pod(&pod_lock, &bench.record("pod-3", 7), None, None).unwrap();
    let stopped = bench.registry.try_lock_pod(&pod("pod-4")).unwrap().unwrap();
    bench.registry.create_pod(&stopped, &bench.record("pod-4", 8), None, None).unwrap();
    drop(stopped);
    let damaged = bench.registry.claims_dir().join("T0500.toml");
    std::fs::write(&damaged, "nonsense").unwrap();
    std::fs::rename(bench.registry.claims_dir().join("T0501.toml"), damaged.with_file_name("moved.toml")).unwrap();
    let survey = bench.registry.survey(&Always).unwrap();
    let count = |status| survey.claims.iter().filter(|view| view.status == status).count();
    assert_eq!(survey.claims.len(), 600);
    assert!(survey.claims.is_sorted_by(|a, b| a.ticket < b.ticket));
    assert_eq!(count(ClaimStatus::Unknown), 2);
    assert_eq!(count(ClaimStatus::Live), 85, "one of them is damaged");
    assert_eq!(count(ClaimStatus::Restorable), 85, "one of them has been moved");
    for view in survey.claims.iter().filter(|view| view.status != ClaimStatus::Unknown) {
        let alone = bench.registry.view_claim(&TicketId::new(&*view.ticket).unwrap(), &Always);
        assert_eq!(alone.as_ref(), Some(view));
    }
}

/// What a survey sees of two claims of a stopped Pod, one of which is changed after it was read.
fn seen_while(change: impl Fn(&Bench, &TicketId) + Sync) -> Vec<(String, ClaimStatus, bool)> {
    let bench = bench();
    claims(&bench, 8);
    let lock = bench.registry.try_lock_pod(&pod("pod-0")).unwrap().unwrap();
    bench.registry.create_pod(&lock, &bench.record("pod-0", 7), None, None).unwrap();
    drop(lock);
    let meanwhile = Meanwhile::new(|| change(&bench, &TicketId::new("T0000").unwrap()));
    let survey = bench.registry.survey(&meanwhile).unwrap();
    let of_the_pod = survey.claims.into_iter().filter(|view| ["T0000", "T0007"].contains(&&*view.ticket));
    let is_completed = |view: &ClaimView| view.claim.as_ref().is_some_and(|claim| claim.completed_at.is_some());
    of_the_pod.map(|view| (view.ticket.clone(), view.status, is_completed(&view))).collect()
}

#[test]
fn a_claim_that_changes_while_its_pod_is_asked_is_seen_as_it_is_then() {
    let other = ("T0007".to_owned(), ClaimStatus::Restorable, false);
    let seen = |status, is_completed| vec![("T0000".to_owned(), status, is_completed), other.clone()];
    assert_eq!(seen_while(|_, _| {}), seen(ClaimStatus::Restorable, false));
    let replaced = seen_while(|bench, ticket| {
        let claim = bench.registry.claim(ticket).unwrap().unwrap();
        let _claim = bench.registry.complete(ticket, Expect::from(&claim), at(9), &bench.writer).unwrap();
    });
    assert_eq!(replaced, seen(ClaimStatus::Restorable, true));
    let written_over = seen_while(|bench, ticket| {
        let path = bench.registry.claim_path(ticket);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("pod-0", "pod-1")).unwrap();
    });
    assert_eq!(written_over, seen(ClaimStatus::Stale, false));
    let removed = seen_while(|bench, ticket| std::fs::remove_file(bench.registry.claim_path(ticket)).unwrap());
    assert_eq!(removed, [other]);
}
