//! Claims that cannot be read.

use super::*;
use crate::registry::{SetAside, SetAsideError};

fn path(bench: &Bench, suffix: &str) -> PathBuf {
    bench.registry.claims_dir().join(format!("{}.{suffix}", ticket()))
}

fn set_aside(bench: &Bench) -> Result<SetAside, SetAsideError> {
    bench.registry.set_aside_claim(&ticket().key(), Wait::No, &bench.writer)
}

/// Plants bytes that are no claim, and sets them aside.
fn aside() -> Bench {
    let bench = bench();
    std::fs::write(path(&bench, "toml"), b"torn").unwrap();
    assert!(matches!(set_aside(&bench).unwrap(), SetAside::Done { .. }));
    bench
}

#[test]
fn a_claim_that_was_set_aside_stays_unknown_and_is_never_free() {
    let bench = aside();
    assert_eq!(std::fs::read(path(&bench, "unreadable")).unwrap(), b"torn");
    assert!(!path(&bench, "toml").exists());
    assert!(matches!(bench.registry.claim(&ticket()), Err(ReadError::SetAside { .. })));
    assert!(matches!(bench.manual("a"), Err(CommitError::Unknown { .. })));
    assert!(matches!(bench.offer("a", nonce(1)), Err(OfferError::Unknown(_))));
    assert!(bench.registry.withdraw(&ticket(), nonce(1)).is_err());
    let survey = bench.registry.survey(&Always).unwrap();
    assert_eq!(survey.claims.len(), 1);
    assert_eq!((survey.claims[0].ticket.as_str(), survey.claims[0].status), (ticket().as_str(), ClaimStatus::Unknown));
    assert_eq!(bench.registry.view_claim(&ticket(), &Always).unwrap().status, ClaimStatus::Unknown);
    let told = bench.registry.journal(Some(&ticket())).unwrap();
    assert_eq!(told.iter().map(|line| line.entry.action.as_str()).collect::<Vec<_>>(), ["set_aside"]);
}

#[test]
fn what_is_no_file_is_set_aside_too() {
    let bench = bench();
    std::os::unix::fs::symlink("/dev/null", path(&bench, "toml")).unwrap();
    assert!(matches!(set_aside(&bench).unwrap(), SetAside::Done { .. }));
    assert!(std::fs::symlink_metadata(path(&bench, "unreadable")).unwrap().is_symlink());
}

#[test]
fn what_can_be_read_or_is_not_there_stays_as_it_is() {
    let bench = bench();
    assert_eq!(set_aside(&bench).unwrap(), SetAside::NotNeeded);
    let claim = bench.manual("a").unwrap().claim().clone();
    assert_eq!(set_aside(&bench).unwrap(), SetAside::NotNeeded);
    assert_eq!(bench.registry.claim(&ticket()).unwrap(), Some(claim));
}

#[test]
fn what_somebody_else_could_read_is_left_where_it_is() {
    let bench = bench();
    let _ = bench.manual("a").unwrap();
    let claim = std::fs::read_to_string(path(&bench, "toml")).unwrap();
    let newer = claim.replacen("version = 1", "version = 2", 1);
    let twin = claim.replacen(ticket().as_str(), &ticket().as_str().to_lowercase(), 1);
    for kept in [newer, twin] {
        std::fs::write(path(&bench, "toml"), &kept).unwrap();
        assert!(matches!(set_aside(&bench), Err(SetAsideError::MayBeRead(ReadError::Record { .. }))));
        assert_eq!(std::fs::read_to_string(path(&bench, "toml")).unwrap(), kept);
    }
    std::fs::set_permissions(path(&bench, "toml"), std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    assert!(matches!(set_aside(&bench), Err(SetAsideError::MayBeRead(ReadError::Path(_)))));
}

#[test]
fn nothing_is_put_over_what_was_set_aside_before() {
    let bench = aside();
    std::fs::write(path(&bench, "toml"), b"torn again").unwrap();
    assert!(matches!(set_aside(&bench), Err(SetAsideError::Occupied { .. })));
    assert_eq!(std::fs::read(path(&bench, "unreadable")).unwrap(), b"torn");
}

#[test]
fn a_claim_in_flight_is_not_set_aside() {
    let bench = bench();
    std::fs::write(path(&bench, "toml"), b"torn").unwrap();
    let _lock = bench.lock();
    assert!(matches!(set_aside(&bench), Err(SetAsideError::Busy(WaitError::Held { .. }))));
}
