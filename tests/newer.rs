//! A registry in which a newer yoi has written: refused by name, and never overwritten by any verb.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::scene::{pod, ticket};
use common::{TestEnv, run};
use yoi::registry::Registry;

/// Makes a record that of a later version, with a key more and one less.
fn make_newer(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    let newer = format!("version = 7\nshape = {{ of = \"later\" }}\n{}", rest.split_once('\n').unwrap().1);
    fs::write(path, &newer).unwrap();
    newer.into_bytes()
}

/// Runs verbs in a world with a newer record; each must refuse it by path and version, and leave it as it is.
fn assert_refused(place: impl Fn(&Registry) -> PathBuf, verbs: &[&str]) {
    let env = TestEnv::new();
    for line in [
        "claim-commit T --pod p --role coder",
        "claim-commit R --pod p --role coder",
        "claim-release R --expect 1 --reason r",
        "claim-commit done --pod p --role coder",
        "claim-complete done --expect 1",
        "session-record p --role coder --origin role_launch --ticket T",
    ] {
        run(&mut env.yoi_claim(line.split(' ')), 0);
    }
    let registry = env.registry();
    let path = place(&registry);
    let newer = make_newer(&path);
    for line in verbs {
        let said = run(&mut env.yoi_claim(line.split(' ')), 128).stderr;
        assert!(said.contains(path.to_str().unwrap()) && said.contains("version 7"), "{line}: {said}");
        assert!(fs::read(&path).unwrap() == newer, "{line} wrote to it");
        assert!(fs::read_dir(registry.dir().join("tmp")).unwrap().next().is_none(), "{line} left something behind");
    }
}

#[test]
fn a_claim() {
    let verbs = [
        "claim-commit T --pod p --role coder",
        "claim-commit T --pod other --role coder",
        "claim-commit T --pod other --role coder --expect 1",
        "claim-complete T --expect 1",
        "claim-release T --expect 1 --reason r",
        "claim-check T --expect 1",
    ];
    assert_refused(|registry| registry.claim_path(&ticket("T")), &verbs);
}

#[test]
fn a_completed_claim_is_not_handed_over() {
    let verbs = ["claim-commit done --pod p --role reviewer --expect 1"];
    assert_refused(|registry| registry.claim_path(&ticket("done")), &verbs);
}

#[test]
fn a_tombstone() {
    let verbs = ["claim-commit R --pod p --role coder", "claim-release R --expect 1 --reason r"];
    assert_refused(|registry| registry.tombstone_path(&ticket("R")), &verbs);
}

#[test]
fn a_session() {
    let verbs = [
        "session-record p --role coder --origin role_launch --ticket U",
        "session-record p --role coder --origin role_launch",
        "session-show p",
    ];
    assert_refused(|registry| registry.session_path(&pod("p")), &verbs);
}

#[test]
fn the_workspace() {
    let verbs = [
        "claim-commit T --pod p --role coder",
        "claim-commit new --pod p --role coder",
        "claim-complete T --expect 1",
        "claim-release T --expect 1 --reason r",
        "session-record q --role coder --origin role_launch",
        "ticket-lock T -- true",
        "pod-spawn q --role intake --profile builtin:checklist",
    ];
    assert_refused(|registry| registry.dir().join("workspace.toml"), &verbs);
}

#[test]
fn a_pod() {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["-q", "intake", common::scene::COMPLETE]), 0);
    env.wait_for_processes();
    let name = format!("intake-{}", common::scene::COMPLETE);
    let path = env.registry().pod_dir(&pod(&name)).join("pod.toml");
    let newer = make_newer(&path);
    let session = ["session-record", &name, "--role", "intake", "--origin", "ticket_claim"];
    let spawn = ["pod-spawn", &name, "--role", "intake", "--profile", "builtin:checklist"];
    let commands =
        [(env.yoi_claim(session), 128), (env.yoi_claim(spawn), 128), (env.yoi(["-q", "restore", &name]), 128)];
    for (mut command, status) in commands {
        let said = run(&mut command, status).stderr;
        assert!(said.contains("version 7") && !said.contains("left behind"), "{said}");
        assert!(fs::read(&path).unwrap() == newer, "{command:?} wrote to it");
    }
}

/// For all that is known it may be a newer one's.
#[test]
fn a_workspace_whose_record_the_system_does_not_let_be_read_is_not_repaired() {
    const NOBODY: u32 = 65534;
    let env = TestEnv::new();
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "p", "--role", "coder"]), 0);
    fs::write(env.registry().claim_path(&ticket("T")), "torn").unwrap();
    let record = env.registry().dir().join("workspace.toml");
    fs::set_permissions(&record, fs::Permissions::from_mode(0o000)).unwrap();
    // To root everything can be read.
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        run(Command::new("chown").args(["-R", &format!("{NOBODY}:{NOBODY}")]).arg(env.root()), 0);
    }
    let by_owner = |words: &[&str]| {
        let mut command = env.yoi_claim(words);
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    for words in [&["verify", "--repair"][..], &["gc"]] {
        let said = run(&mut by_owner(words), 128).stderr;
        assert!(said.contains(&format!("cannot open '{}': Permission denied", record.display())), "{words:?}: {said}");
        assert_eq!(fs::read(env.registry().claim_path(&ticket("T"))).unwrap(), b"torn");
    }
    fs::set_permissions(&record, fs::Permissions::from_mode(0o600)).unwrap();
    run(&mut by_owner(&["verify", "--repair"]), 1);
    assert!(!env.registry().claim_path(&ticket("T")).exists());
}
