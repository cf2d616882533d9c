//! Files that the agent asks its Pod for.

use std::fs;
use std::os::unix::fs::symlink;

use crate::common::run;
use crate::common::scene::INCOMPLETE;
use crate::scene::{POD, Stage};

#[test]
fn files_of_the_workspace_are_served_and_no_others() {
    let (stage, mut talk) = Stage::up(&[], "");
    let work = stage.env.workspace();
    let path = |name: &str| work.join(name).display().to_string();
    fs::write(path("a"), "one\ntwo\n").unwrap();
    fs::write(stage.env.root().join("secret"), "secret").unwrap();
    symlink("../secret", path("out")).unwrap();
    run(stage.env.command("mkfifo").arg(path("fifo")), 0);
    assert_eq!(talk.said(&format!("@read {}", path("a"))), r#"read "one\ntwo\n""#);
    assert_eq!(talk.said(&format!("@read {} 2 1", path("a"))), r#"read "two\n""#);
    assert_eq!(talk.said(&format!("@write {} new", path("sub/b"))), "written");
    assert_eq!(fs::read_to_string(path("sub/b")).unwrap(), "new");
    for (name, why) in [("out", "leads out"), ("../secret", "leads out"), ("fifo", "no regular file")] {
        let said = talk.said(&format!("@read {}", path(name)));
        assert!(said.starts_with("not read: ") && said.contains(why), "{said}");
        let said = talk.said(&format!("@write {} x", path(name)));
        assert!(said.starts_with("not written: ") && said.contains(why), "{said}");
    }
    assert!(talk.said("@read a").contains("is no absolute path"));
    assert_eq!(fs::read_to_string(stage.env.root().join("secret")).unwrap(), "secret");
    stage.stop();
}

#[test]
fn a_profile_that_refuses_edits_refuses_writes() {
    let (stage, mut talk) = Stage::up(&[], "permissions = { default = \"allow\", edit = \"reject\" }");
    let path = stage.env.workspace().join("a").display().to_string();
    let said = talk.said(&format!("@write {path} x"));
    assert_eq!(said, "not written: this agent may not change files: its profile refuses edits");
    assert!(!fs::exists(&path).unwrap());
    stage.stop();
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root may mount a small disk");
        return;
    }
    let stage = Stage::set(&[], "");
    // The Pod inherits the name space of its launcher, so all that looks at the small disk does it from there.
    let script = format!(
        "mkdir full; mount -t tmpfs -o size=64k tmpfs full; printf old >full/a; \
         yoi -q intake {INCOMPLETE} -m \"@big 10\" --wait; exec sleep 1000"
    );
    let mut command = stage.env.command("unshare");
    let mut holder = command.args(["-m", "sh", "-ec", &script]).spawn().unwrap();
    stage.wait_until_asked("session/prompt");
    let over = || stage.env.history(POD).iter().any(|entry| entry["event"] == "run_end").then_some(());
    stage.env.wait_for("the end of the first turn", over);
    let mut talk = stage.talk();
    let path = stage.env.workspace().join("full/a").display().to_string();
    let said = talk.said(&format!("@write {path} {}", "x".repeat(200_000)));
    assert!(said.starts_with("not written: ") && said.contains("No space left on device"), "{said}");
    assert_eq!(talk.said(&format!("@read {path}")), r#"read "old""#);
    assert_eq!(talk.said(&format!("@write {path} new")), "written");
    assert_eq!(talk.said(&format!("@read {path}")), r#"read "new""#);
    holder.kill().unwrap();
    holder.wait().unwrap();
    stage.env.stop(POD);
}
