//! What holds for every name, and for every record that somebody may have written into.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// A registry where a sync takes no time: there are many cases.
fn quick_bench() -> Bench {
    let memory = Path::new("/dev/shm");
    bench_in(if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap())
}

/// A name of any length, of the bytes that keys are made of and of those that they are not.
fn name() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-zA-Z0-9_.~%-]{1,12}",
        "[^\\p{Cc}]{1,12}",
        Just(".toml".to_owned()),
        Just(".released".to_owned()),
        Just("x".repeat(149)),
        Just(".0123456789abcdef".to_owned()),
        Just(".0123456789abcdef0123456789abcdef".to_owned()),
        Just("-2".to_owned()),
    ];
    prop::collection::vec(piece, 1..8).prop_map(|pieces| {
        let mut name = pieces.concat();
        name.truncate((0..=MAX_NAME).rev().find(|length| name.is_char_boundary(*length)).unwrap().min(name.len()));
        name
    })
}

/// Two names that differ, often by a little.
fn two_names() -> impl Strategy<Value = (String, String)> {
    let near = (name(), name()).prop_map(|(a, b)| {
        let joined = format!("{a}{b}");
        (a, joined)
    });
    let fits = |(a, b): &(String, String)| a != b && b.len() <= MAX_NAME;
    prop_oneof![(name(), name()), near].prop_filter("two names of at most 512 bytes", fits)
}

/// The kinds of temporaries.
const KINDS: &[&str] = &["claim", "session", "pod", "podtoml", "log"];

/// Every path that is ever made of the name of a ticket or a Pod.
fn paths(registry: &Registry, name: &str) -> Vec<PathBuf> {
    let (ticket, pod) = (TicketId::new(name).unwrap(), PodName::new(name).unwrap());
    let claim = Claim::succeed(acceptance(&ticket, &pod), None);
    let mut paths = vec![
        registry.claim_path(&ticket),
        registry.tombstone_path(&ticket),
        registry.ticket_lock_path(&ticket),
        registry.pod_lock_path(&pod),
        registry.session_path(&pod),
        registry.pod_dir(&pod),
        registry.offer_path(&ticket, nonce(1)),
        registry.session_offer_path(&pod, nonce(1)),
        registry.intent_path(&PodName::new("p").unwrap(), &claim),
        registry.socket_path(&pod),
    ];
    paths.extend(KINDS.iter().map(|kind| registry.temporary(kind, &ticket.key())));
    paths
}

fn acceptance(ticket: &TicketId, pod: &PodName) -> Acceptance {
    Acceptance {
        ticket: ticket.clone(),
        pod: pod.clone(),
        pod_id: None,
        role: Role::Intake,
        nonce: nonce(1),
        accepted_at: at(2),
        evidence: Evidence::Manual,
        session: None,
        written_by: WrittenBy { pid: 1, host: "h".into(), boot: "b".into(), extra: toml::Table::new() },
    }
}

fn entry(ticket: &TicketId, pod: &PodName) -> SessionEntry {
    SessionEntry {
        pod: pod.clone(),
        pod_id: None,
        role: Role::Intake,
        origin: Origin::TicketClaim,
        session: None,
        nonce: None,
        tickets: vec![ticket.clone()],
    }
}

fn record(pod: &PodName) -> PodRecord {
    PodRecord::new(NewPod {
        pod: pod.clone(),
        pod_id: PodId::from_bytes([3; 16]),
        role: Role::Intake,
        origin: Origin::TicketClaim,
        ticket: None,
        nonce: Some(nonce(1)),
        workspace: "/w".into(),
        directory: "/w".into(),
        profile: "builtin:checklist".into(),
        workflow: None,
        launch_prompt: None,
        created_at: at(1),
    })
}

impl Bench {
    fn commit(&self, ticket: &TicketId, pod: &PodName) -> Result<Committed, CommitError> {
        let lock = self.registry.lock_ticket(ticket, "test", &self.writer, Wait::No).unwrap();
        let request = CommitRequest { ticket: ticket.clone(), ..request(pod.as_str(), Evidence::Manual, None) };
        self.registry.commit(&lock, &request, &self.writer)
    }

    fn release(&self, ticket: &TicketId, expect: Expect) -> Result<Claim, ChangeError> {
        let lock = self.registry.lock_ticket(ticket, "test", &self.writer, Wait::No).unwrap();
        self.registry.release(&lock, expect, ReleasedBy::Other, "test", &self.writer)
    }

    fn relate(&self, ticket: &TicketId, pod: &PodName) -> Result<SessionRecord, SessionError> {
        self.registry.record_session(entry(ticket, pod), SessionFence::None, &self.writer)
    }
}

fn files(dir: &Path) -> BTreeSet<String> {
    std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_file_name_that_is_made_of_a_name_fits_and_is_of_no_other_name((a, b) in two_names()) {
        let workspace = Workspace { root: "/w".into(), key_root: "/w".into() };
        let registry = Registry::new(Path::new("/d"), Path::new("/r"), workspace);
        let (a, b) = (paths(&registry, &a), paths(&registry, &b));
        for path in a.iter().chain(&b) {
            let name = path.file_name().unwrap().as_bytes();
            prop_assert!(name.len() <= 255, "{} has {} bytes", path.display(), name.len());
            prop_assert!(!name.starts_with(b"."), "{}", path.display());
        }
        let all: BTreeSet<&PathBuf> = a.iter().chain(&b).collect();
        prop_assert_eq!(all.len(), a.len() + b.len());
    }

    #[test]
    fn what_is_swept_of_one_name_is_of_no_other((a, b) in two_names()) {
        let bench = quick_bench();
        let registry = &bench.registry;
        let keys = [&a, &b].map(|name| TicketId::new(name.as_str()).unwrap().key());
        let (tmp, offers) = (registry.dir().join("tmp"), registry.dir().join("offers"));
        for kind in KINDS {
            keys.iter().for_each(|key| std::fs::write(registry.temporary(kind, key), "").unwrap());
        }
        let others: BTreeSet<String> = files(&tmp);
        for kind in KINDS {
            registry.sweep_temporaries(kind, &keys[0]).unwrap();
        }
        prop_assert_eq!(files(&tmp).len() * 2, others.len());
        for kind in KINDS {
            registry.sweep_temporaries(kind, &keys[1]).unwrap();
        }
        prop_assert_eq!(files(&tmp).len(), 0);
        let [ticket, other] = [&a, &b].map(|name| TicketId::new(name.as_str()).unwrap());
        let [pod, other_pod] = [&a, &b].map(|name| PodName::new(name.as_str()).unwrap());
        for path in [
            registry.offer_path(&ticket, nonce(1)),
            registry.offer_path(&other, nonce(1)),
            registry.session_offer_path(&pod, nonce(1)),
            registry.session_offer_path(&other_pod, nonce(1)),
        ] {
            std::fs::write(path, "").unwrap();
        }
        registry.sweep_offers(&ticket).unwrap();
        prop_assert_eq!(files(&offers).len(), 3);
        prop_assert!(registry.offer_path(&other, nonce(1)).exists());
        registry.sweep_session_offers(&pod.key()).unwrap();
        prop_assert_eq!(files(&offers).len(), 2);
        prop_assert!(registry.session_offer_path(&other_pod, nonce(1)).exists());
    }

    /// Where a file system folds case, the twin's record lies under the key's file name.
    #[test]
    fn the_record_of_a_case_twin_is_refused_by_name_and_left_as_it_is(name in "[a-z]{1,6}[A-Za-z.-]{0,6}") {
        let bench = quick_bench();
        let registry = &bench.registry;
        let twin: String = name.chars().map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() }).collect();
        let [ticket, twin_ticket] = [&name, &twin].map(|name| TicketId::new(name.as_str()).unwrap());
        let [pod, twin_pod] = [&name, &twin].map(|name| PodName::new(name.as_str()).unwrap());
        let claim = bench.commit(&ticket, &pod).unwrap().claim().clone();
        let _ = bench.relate(&ticket, &pod).unwrap();
        let lock = registry.try_lock_pod(&pod).unwrap().unwrap();
        registry.create_pod(&lock, &record(&pod), None, None).unwrap();
        drop(lock);
        std::fs::hard_link(registry.claim_path(&ticket), registry.claim_path(&twin_ticket)).unwrap();
        std::fs::hard_link(registry.session_path(&pod), registry.session_path(&twin_pod)).unwrap();
        std::fs::create_dir(registry.pod_dir(&twin_pod)).unwrap();
        std::fs::hard_link(registry.pod_dir(&pod).join("pod.toml"), registry.pod_dir(&twin_pod).join("pod.toml")).unwrap();
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        let all = || [read(registry.claim_path(&ticket)), read(registry.session_path(&pod)), read(registry.pod_dir(&pod).join("pod.toml"))];
        let before = all();
        let is_other = |error: &dyn std::error::Error| chain(error).contains(&format!("{name:?}, not of {twin:?}"));
        let expect = Expect::from(&claim);
        prop_assert!(is_other(&registry.claim(&twin_ticket).unwrap_err()));
        prop_assert!(is_other(&bench.commit(&twin_ticket, &twin_pod).unwrap_err()));
        prop_assert!(is_other(&registry.complete(&twin_ticket, expect, at(3), &bench.writer).unwrap_err()));
        prop_assert!(is_other(&bench.release(&twin_ticket, expect).unwrap_err()));
        prop_assert!(is_other(&registry.session(&twin_pod).unwrap_err()));
        prop_assert!(is_other(&bench.relate(&ticket, &twin_pod).unwrap_err()));
        prop_assert!(is_other(&registry.pod(&twin_pod).unwrap_err()));
        let lock = registry.try_lock_pod(&twin_pod).unwrap().unwrap();
        prop_assert!(is_other(&registry.create_pod(&lock, &record(&twin_pod), None, None).unwrap_err()));
        prop_assert!(is_other(&registry.update_pod(&twin_pod, PodId::from_bytes([3; 16]), |pod| pod.cgroup = None).unwrap_err()));
        prop_assert_eq!(&all(), &before);
        // A tombstone likewise: it tells which generation comes next.
        std::fs::remove_file(registry.claim_path(&twin_ticket)).unwrap();
        std::fs::hard_link(registry.claim_path(&ticket), registry.tombstone_path(&twin_ticket)).unwrap();
        prop_assert!(is_other(&bench.commit(&twin_ticket, &twin_pod).unwrap_err()));
        prop_assert_eq!(&all(), &before);
    }

    #[test]
    fn what_a_later_yoi_wrote_into_a_record_stays_through_every_edit(
        keys in prop::collection::btree_map("[a-z]{1,8}", ".{0,20}", 1..4),
    ) {
        let bench = quick_bench();
        let registry = &bench.registry;
        let (ticket, pod) = (TicketId::new("T").unwrap(), PodName::new("p").unwrap());
        let later: toml::Table = keys.iter().map(|(key, value)| (format!("later-{key}"), value.clone().into())).collect();
        let write_into = |path: &Path| {
            let mut table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            table.extend(later.clone());
            table.insert("later".to_owned(), later.clone().into());
            std::fs::write(path, toml::to_string(&table).unwrap()).unwrap();
        };
        let holds = |path: &Path| {
            let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
            later.iter().all(|(key, value)| table.get(key) == Some(value)) && table.get("later") == Some(&later.clone().into())
        };
        let claim = bench.commit(&ticket, &pod).unwrap().claim().clone();
        let expect = Expect::from(&claim);
        write_into(&registry.claim_path(&ticket));
        registry.set_claim_session(&ticket, expect, "s").unwrap();
        prop_assert!(holds(&registry.claim_path(&ticket)));
        registry.complete(&ticket, expect, at(3), &bench.writer).unwrap();
        prop_assert!(holds(&registry.claim_path(&ticket)));
        bench.release(&ticket, expect).unwrap();
        prop_assert!(holds(&registry.tombstone_path(&ticket)));

        let _ = bench.relate(&ticket, &pod).unwrap();
        write_into(&registry.session_path(&pod));
        let _ = bench.relate(&TicketId::new("U").unwrap(), &pod).unwrap();
        prop_assert!(holds(&registry.session_path(&pod)));

        let lock = registry.try_lock_pod(&pod).unwrap().unwrap();
        registry.create_pod(&lock, &record(&pod), None, None).unwrap();
        let path = registry.pod_dir(&pod).join("pod.toml");
        write_into(&path);
        registry.update_pod(&pod, PodId::from_bytes([3; 16]), |pod| pod.confirmed_at = Some(at(4))).unwrap();
        prop_assert!(holds(&path));

        let path = registry.dir().join("workspace.toml");
        write_into(&path);
        registry.prepare(NetworkPolicy::Refuse, at(5)).unwrap();
        prop_assert!(holds(&path));
    }
}
