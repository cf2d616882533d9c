//! What is mended, removed and left alone.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use yoi::domain::{Expect, PodId, Record as _, SessionRecord};
use yoi::registry::ReleasedBy;

use crate::common::scene::{COMPLETE, INCOMPLETE, names, pod, ticket};
use crate::common::{TestEnv, run};
use crate::world::{RANDOM, WAIT, World, codes, nonce, type_in, writer};

#[test]
fn what_cannot_be_looked_at_is_told_and_ends_in_128() {
    let world = World::new();
    if !nix::unistd::geteuid().is_root() {
        fs::set_permissions(world.path("sessions"), fs::Permissions::from_mode(0o000)).unwrap();
        let (status, items) = world.verify(&[]);
        assert_eq!((status, codes(&items)), (128, vec!["cannot-look"]));
        fs::set_permissions(world.path("sessions"), fs::Permissions::from_mode(0o700)).unwrap();
        return;
    }
    // Root may look at everything; a name that is too long may not even be looked up.
    println!("skipped: root is refused nothing");
}

#[test]
fn what_belongs_to_somebody_else_is_told_and_given_back() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can give files away");
        return;
    }
    for below in [
        "claims/held.toml",
        "claims/freed.released",
        "sessions/stopped.toml",
        "pods/stopped/pod.toml",
        "pods/stopped/host.log",
        "journal.jsonl",
        "locks/tickets/held",
        "offers",
        "workspace.toml",
    ] {
        let world = World::new();
        let path = world.path(below);
        if below.ends_with("host.log") {
            world.write(below, "");
        }
        std::os::unix::fs::lchown(&path, Some(65534), None).unwrap();
        let (status, items) = world.verify(&[]);
        let [item] = items.as_slice() else { panic!("{below}: {items:#?}") };
        assert_eq!((status, item["code"].as_str().unwrap()), (1, "foreign-owner"), "{below}");
        assert_eq!(item["path"], path.to_str().unwrap());
        assert_eq!(world.verify(&["--repair"]), (1, items.clone()), "{below}: nothing is given to oneself");
        type_in(&world, item["remedy"].as_str().unwrap());
        world.assert_clean();
    }
}

#[test]
fn a_registry_that_is_not_there_has_nothing_wrong_with_it_and_is_not_made() {
    let env = TestEnv::new();
    for verb in [&["verify"][..], &["verify", "--repair"], &["gc"], &["gc", "--dry-run"]] {
        assert_eq!(run(&mut env.yoi_claim(verb), 0).stdout, "");
    }
    assert_eq!(names(&env.data()), Vec::<String>::new());
}

#[test]
fn gc_leaves_alone_what_somebody_is_at_work_on() {
    let world = World::new();
    let lock = world.registry.lock_ticket(&ticket("free"), "test", &writer(), WAIT).unwrap();
    let offer = world.offer("free", "coming", 7);
    let temporary = world.write(&format!("tmp/claim-free.{RANDOM}"), "");
    let pod_lock = world.registry.lock_ended_pod(&pod("coming"), WAIT).unwrap().unwrap();
    let building = world.make_dir(&format!("tmp/pod-coming.{RANDOM}"));
    let log = world.path(&format!("tmp/log-another.{RANDOM}"));
    let open = yoi::fs::create_marked(&log).unwrap().unwrap();
    world.assert_clean();
    for verb in [&["gc"][..], &["gc", "--dry-run"], &["verify", "--repair"]] {
        assert_eq!(run(&mut world.env.yoi_claim(verb), 0).stdout, "", "{verb:?}");
    }
    assert!([&offer, &temporary, &building, &log].iter().all(|path| path.exists()));
    drop((lock, pod_lock, open));
    let removed = run(&mut world.env.yoi_claim(["gc"]), 0).stdout;
    assert_eq!(removed.lines().count(), 4, "{removed}");
    world.assert_clean();
}

#[test]
fn gc_frees_closed_tickets_but_never_that_of_a_live_pod() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
    run(&mut env.yoi(["-q", "intake", INCOMPLETE, "--wait"]), 0);
    for id in [COMPLETE, INCOMPLETE] {
        let item = env.workspace().join(".yoi/tickets").join(id).join("item.md");
        let text = fs::read_to_string(&item).unwrap();
        let is_state = |line: &&str| line.starts_with("state:") || line.starts_with("workflow_state:");
        let state = text.lines().find(is_state).unwrap();
        let (key, _) = state.split_once(':').unwrap();
        fs::write(&item, text.replace(state, &format!("{key}: 'closed'"))).unwrap();
    }
    assert_eq!(run(&mut env.yoi_claim(["gc"]), 0).stdout, "", "only where it is asked for");
    let told = run(&mut env.yoi_claim(["gc", "--closed", "--dry-run"]), 0).stdout;
    assert!(told.starts_with(&format!("closed-ticket\t{COMPLETE}\tintake-{COMPLETE}\t")), "{told}");
    assert_eq!(run(&mut env.yoi_claim(["gc", "--closed"]), 0).stdout, told);
    let left = env.listed("claim-list");
    assert_eq!(left, format!("{INCOMPLETE}\tintake-{INCOMPLETE}\tintake\t1\tlive\n"));
    let journal = env.registry().journal(Some(&ticket(COMPLETE))).unwrap();
    assert_eq!(journal.last().unwrap().entry.why.as_deref(), Some("gc: the ticket is closed"));
    assert_eq!(run(&mut env.yoi_claim(["gc", "--closed"]), 0).stdout, "");
    env.stop(&format!("intake-{INCOMPLETE}"));
    assert_eq!(run(&mut env.yoi_claim(["gc", "--closed"]), 0).stdout.lines().count(), 1);
    assert_eq!(run(&mut env.yoi_claim(["verify"]), 0).stdout, "");
}

#[test]
fn from_inside_a_pod_nothing_is_repaired_or_removed() {
    let world = World::new();
    let leftover = world.write(&format!("tmp/claim-held.{RANDOM}"), "");
    for verb in [&["verify", "--repair"][..], &["gc"], &["gc", "--closed"]] {
        let outcome = run(world.env.yoi_claim(verb).env("YOI_POD", "p"), 1);
        assert!(outcome.stderr.contains("from inside a Pod"), "{outcome:?}");
    }
    assert!(leftover.exists());
    run(world.env.yoi_claim(["verify"]).env("YOI_POD", "p"), 1);
    run(world.env.yoi_claim(["gc", "--dry-run"]).env("YOI_POD", "p"), 0);
}

#[test]
fn what_was_set_aside_is_kept_and_hides_no_other_record() {
    let world = World::new();
    world.write("sessions/x.toml", "torn session");
    world.make_dir("pods/x");
    world.write("pods/x/pod.toml", "torn pod");
    world.write("pods/x/history.jsonl", "told");
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    assert_eq!(world.read("sessions/x.unreadable"), "torn session");
    assert_eq!(world.read("pods/~x.unreadable/pod.toml"), "torn pod");
    assert_eq!(world.read("pods/~x.unreadable/history.jsonl"), "told");
    assert_eq!(world.env.listed("pod-list"), "stopped\tintake\trestorable\n");
    assert_eq!(world.env.listed("session-list"), "stopped\tintake\tticket_claim\tworked\n");
    // A second one of the same name has a place, too.
    world.write("sessions/x.toml", "torn again");
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    assert_eq!(world.read("sessions/x.unreadable"), "torn session");
    let told: String = fs::read_to_string(world.registry.journal_path()).unwrap();
    assert_eq!(told.matches("set it aside as").count(), 3, "{told}");
}

#[test]
fn a_session_that_was_repaired_has_all_that_is_known() {
    let world = World::new();
    fs::remove_file(world.path("sessions/stopped.toml")).unwrap();
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    let session: SessionRecord = SessionRecord::parse(world.read("sessions/stopped.toml").as_bytes()).unwrap();
    assert_eq!((session.pod_id, session.nonce), (Some(PodId::from_bytes([1; 16])), Some(nonce(1))));
    assert_eq!(session.related_tickets, [ticket("worked")]);
}

#[test]
fn a_tombstone_that_was_repaired_keeps_the_generations_growing() {
    let world = World::new();
    fs::remove_file(world.path("claims/freed.released")).unwrap();
    run(&mut world.env.yoi_claim(["verify", "--repair"]), 0);
    run(&mut world.env.yoi_claim(["claim-commit", "freed", "--pod", "next", "--role", "coder"]), 0);
    let shown = run(&mut world.env.yoi_claim(["claim-show", "freed", "--format", "{generation}"]), 0).stdout;
    assert_eq!(shown, "2\n");
    world.assert_clean();
}

#[test]
fn a_released_claim_is_told_once_the_repair_has_told_it() {
    let world = World::new();
    let claim = world.registry.claim(&ticket("held")).unwrap().unwrap();
    let lock = world.registry.lock_ticket(&ticket("held"), "test", &writer(), WAIT).unwrap();
    let journal = world.read("journal.jsonl");
    world.registry.release(&lock, Expect::from(&claim), ReleasedBy::Other, "x", &writer()).unwrap();
    drop(lock);
    world.write("journal.jsonl", &journal);
    let (_, items) = world.verify(&["--repair"]);
    assert_eq!(codes(&items), ["journal-lacks-release"]);
    let told = run(&mut world.env.yoi_claim(["journal", "held", "--format", "{action}"]), 0).stdout;
    assert_eq!(told, "commit\nrepair-release\n");
}

#[test]
fn lines_have_a_stable_form() {
    let world = World::new();
    let path = world.write(&format!("tmp/claim-held.{RANDOM}"), "");
    let line = run(&mut world.env.yoi_claim(["verify"]), 1).stdout;
    let what = "it was on its way into place, and nobody changes the claim";
    assert_eq!(line, format!("leftover-temporary\trepairable\t{what}\tyoi-claim gc\t{}\n", path.display()));
    let raw = run(&mut world.env.yoi_claim(["verify", "-z", "--format", "{code} {state}"]), 1).stdout;
    assert_eq!(raw, "leftover-temporary repairable\0");
}
