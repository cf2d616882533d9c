//! `workspace-adopt`: the registry of a workspace that was moved is taken over, once, whole, and by nobody else.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it skips")]
#![allow(clippy::disallowed_methods, reason = "a test reads its own environment")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::scene::{INCOMPLETE, Tree, names, pod, tree};
use common::{Outcome, Process, TestEnv, run};
use yoi::registry::{Registry, Workspace};

fn pod_name() -> String {
    format!("intake-{INCOMPLETE}")
}

/// A workspace with a stopped Pod that holds a claim, a claim by hand and a tombstone; it is still where it was.
fn stage() -> TestEnv {
    let env = TestEnv::with_sample();
    run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
    env.stop(&pod_name());
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi_claim(["claim-commit", "U", "--pod", "mira", "--role", "coder"]), 0);
    run(&mut env.yoi_claim(["claim-release", "U", "--expect", "1", "--reason", "given back"]), 0);
    env.wait_for_processes();
    env
}

const LISTED: &str =
    "20260118-101544-001\tintake-20260118-101544-001\tintake\t1\trestorable\nT\tmira\tcoder\t1\tstale\n";

fn new_place(env: &TestEnv) -> PathBuf {
    env.root().join("moved")
}

/// Moves the workspace.
fn moved(env: &TestEnv) -> PathBuf {
    fs::rename(env.workspace(), new_place(env)).unwrap();
    new_place(env)
}

/// The registry of a directory that is there.
fn registry_of(env: &TestEnv, root: &Path) -> Registry {
    Registry::new(&env.data(), &env.runtime(), Workspace::find(root).unwrap())
}

fn claim(env: &TestEnv, place: &Path, words: &[&str]) -> Command {
    let mut command = env.yoi_claim(words);
    command.current_dir(place);
    command
}

fn adopt(env: &TestEnv, place: &Path) -> Command {
    claim(env, place, &["workspace-adopt", env.workspace().to_str().unwrap()])
}

fn listed(env: &TestEnv, place: &Path) -> String {
    run(&mut claim(env, place, &["claim-list"]), 0).stdout
}

#[test]
fn claims_sessions_and_pods_are_those_of_the_new_place_and_a_pod_is_restored_there() {
    let env = stage();
    let place = moved(&env);
    assert_eq!(listed(&env, &place), "");
    run(&mut adopt(&env, &place), 0);
    assert_eq!(listed(&env, &place), LISTED);
    assert_eq!(names(&env.data().join("workspaces")).len(), 1);
    let told = run(&mut claim(&env, &place, &["journal", "--format", "{action} {why}"]), 0).stdout;
    let line = format!("workspace_adopt moved from '{}' to '{}'", env.workspace().display(), place.display());
    assert_eq!(told.lines().last(), Some(&*line));
    let key = run(&mut claim(&env, &place, &["workspace-key", "--json"]), 0).stdout;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&key).unwrap()["item"]["root"], place.to_str().unwrap());
    // The generation of a ticket that was released goes on from where it was.
    run(&mut claim(&env, &place, &["claim-commit", "U", "--pod", "ada", "--role", "coder"]), 0);
    assert!(listed(&env, &place).contains("U\tada\tcoder\t2\tstale\n"));
    let restored = run(env.yoi(["restore", &pod_name()]).current_dir(&place), 0);
    assert!(restored.stdout.contains("is back, with 20260118-101544-001"), "{restored:?}");
    assert!(listed(&env, &place).starts_with(&LISTED.replace("restorable", "live")[..60]));
    let status = claim(&env, &place, &["pod-status", &pod_name(), "--format", "{directory} {socket}"]);
    let status = run(&mut { status }, 0).stdout;
    let socket = registry_of(&env, &place).socket_path(&pod(&pod_name()));
    assert_eq!(status.trim(), format!("{} {}", place.display(), socket.display()));
    run(env.yoi(["stop", "--now", &pod_name()]).current_dir(&place), 0);
}

#[test]
fn a_repeat_succeeds_and_changes_nothing() {
    let env = stage();
    let place = moved(&env);
    run(&mut adopt(&env, &place), 0);
    let after = tree(&env.data());
    run(&mut adopt(&env, &place), 0);
    assert_eq!(tree(&env.data()), after);
}

#[test]
fn the_old_registry_is_named_by_path_or_by_key() {
    for by in ["relative", "slash", "link", "key"] {
        let env = stage();
        let key = run(&mut env.yoi_claim(["workspace-key", "--format", "{key}"]), 0).stdout.trim().to_owned();
        let place = moved(&env);
        let old = match by {
            "relative" => "../work".to_owned(),
            "slash" => format!("{}/", env.workspace().display()),
            "link" => {
                std::os::unix::fs::symlink("moved", env.workspace()).unwrap();
                env.workspace().to_str().unwrap().to_owned()
            }
            _ => key,
        };
        run(&mut claim(&env, &place, &["workspace-adopt", &old]), 0);
        run(&mut claim(&env, &place, &["workspace-adopt", &old]), 0);
        assert_eq!(listed(&env, &place), LISTED, "{by}");
    }
}

#[test]
fn a_workspace_can_be_moved_again_and_back() {
    let env = stage();
    let place = moved(&env);
    run(&mut adopt(&env, &place), 0);
    fs::rename(&place, env.workspace()).unwrap();
    run(&mut claim(&env, &env.workspace(), &["workspace-adopt", place.to_str().unwrap()]), 0);
    assert_eq!(listed(&env, &env.workspace()), LISTED);
    let deeper = env.root().join("deeper/still");
    fs::create_dir(deeper.parent().unwrap()).unwrap();
    fs::rename(env.workspace(), &deeper).unwrap();
    run(&mut adopt(&env, &deeper), 0);
    assert_eq!(listed(&env, &deeper), LISTED);
    let record = fs::read_to_string(registry_of(&env, &deeper).dir().join("workspace.toml")).unwrap();
    assert!(
        record.contains(&format!("former_roots = [\"{}\", \"{}\"]", env.workspace().display(), place.display())),
        "{record}"
    );
}

/// Refused with this status and these words, and nothing is changed.
#[track_caller]
fn refused(env: &TestEnv, command: &mut Command, status: i32, words: &str) {
    let before: Tree = tree(&env.data());
    let outcome = Outcome::of(command).assert_status(status);
    assert!(outcome.stderr.contains(words), "{outcome:?}");
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    let after = tree(&env.data());
    let known = |path: &&String| !path.ends_with("locks/sessions");
    assert_eq!(after.keys().filter(known).collect::<Vec<_>>(), before.keys().filter(known).collect::<Vec<_>>());
    assert!(before.iter().all(|(path, was)| after[path] == *was));
}

#[test]
fn nothing_is_taken_while_a_pod_is_live() {
    let env = stage();
    run(&mut env.yoi(["restore", &pod_name()]), 0);
    let place = moved(&env);
    refused(&env, &mut adopt(&env, &place), 1, "Pod intake-20260118-101544-001 is live");
    env.kill_all();
    run(&mut adopt(&env, &place), 0);
    // What it left of its socket is not there any more: nobody would ever bind it again.
    assert_eq!(names(&env.runtime()), Vec::<String>::new());
}

#[test]
fn nothing_is_taken_while_a_launch_is_in_flight() {
    let env = stage();
    let (mut holder, fifo) = hold(&env, &env.workspace());
    let place = moved(&env);
    refused(&env, &mut adopt(&env, &place), 3, "ticket X is in flight");
    fs::write(&fifo, "go\n").unwrap();
    holder.wait().unwrap();
    run(&mut adopt(&env, &place), 0);
}

#[test]
fn a_copy_is_no_move() {
    let env = stage();
    let place = new_place(&env);
    run(Command::new("cp").arg("-a").arg(env.workspace()).arg(&place), 0);
    refused(&env, &mut adopt(&env, &place), 1, "is still there, so this one is a copy");
    // Nor is a repository in the old place that has no tickets.
    fs::rename(env.workspace().join(".yoi"), env.workspace().join(".git")).unwrap();
    refused(&env, &mut adopt(&env, &place), 1, "is still there");
    // What builds left in the old place is no workspace.
    fs::rename(env.workspace().join(".git"), env.workspace().join("target")).unwrap();
    run(&mut adopt(&env, &place), 0);
}

#[test]
fn a_directory_without_marks_is_a_workspace_for_one_without_marks() {
    let env = TestEnv::new();
    run(&mut env.yoi_claim(["claim-commit", "T", "--pod", "mira", "--role", "coder"]), 0);
    let place = new_place(&env);
    fs::create_dir(&place).unwrap();
    refused(&env, &mut adopt(&env, &place), 1, "is still there");
    fs::remove_dir(env.workspace()).unwrap();
    run(&mut adopt(&env, &place), 0);
}

#[test]
fn a_workspace_with_records_of_its_own_takes_no_others() {
    let env = stage();
    let place = moved(&env);
    run(&mut claim(&env, &place, &["claim-commit", "X", "--pod", "mira", "--role", "coder"]), 0);
    refused(&env, &mut adopt(&env, &place), 1, "has a registry of its own: there are records in");
    run(&mut claim(&env, &place, &["claim-release", "X", "--expect", "1", "--reason", "r"]), 0);
    // A tombstone is a record: the generations of that ticket go on from it.
    refused(&env, &mut adopt(&env, &place), 1, "there are records in");
}

#[test]
fn an_empty_registry_in_the_new_place_is_no_obstacle_and_its_journal_is_kept() {
    let env = stage();
    let place = moved(&env);
    run(env.yoi(["intake", INCOMPLETE, "--ready-timeout", "0"]).current_dir(&place), 4);
    run(&mut adopt(&env, &place), 0);
    assert_eq!(listed(&env, &place), LISTED);
    let actions = run(&mut claim(&env, &place, &["journal", "--format", "{action}"]), 0).stdout;
    assert_eq!(actions.lines().rev().take(2).collect::<Vec<_>>(), ["workspace_adopt", "launch_failed"]);
    assert_eq!(names(&env.data().join("workspaces")).len(), 1);
    assert_eq!(names(&registry_of(&env, &place).dir().join("tmp")), Vec::<String>::new());
}

#[test]
fn what_is_not_there_is_not_found_and_this_workspace_is_not_its_own_past() {
    let env = TestEnv::new();
    let gone = env.root().join("gone");
    refused(
        &env,
        &mut claim(&env, &env.workspace(), &["workspace-adopt", gone.to_str().unwrap()]),
        1,
        "there is no registry of",
    );
    assert_eq!(names(&env.data()), Vec::<String>::new());
    let env = stage();
    refused(&env, &mut claim(&env, &env.workspace(), &["workspace-adopt", "../gone"]), 1, "there is no registry of");
    refused(
        &env,
        &mut claim(&env, &env.workspace(), &["workspace-adopt", "."]),
        1,
        "is the root of this workspace itself",
    );
    refused(
        &env,
        &mut claim(&env, &env.workspace(), &["workspace-adopt", "work-0123456789abcdef"]),
        1,
        "there is no registry of the key",
    );
}

#[test]
fn a_pod_takes_over_nothing() {
    let env = stage();
    let place = moved(&env);
    refused(&env, adopt(&env, &place).env("YOI_POD", "intake-x"), 1, "from inside a Pod");
}

#[test]
fn a_record_of_a_newer_version_is_left_alone() {
    let env = stage();
    let record = env.registry().dir().join("workspace.toml");
    let text = fs::read_to_string(&record).unwrap();
    fs::write(&record, text.replace("version = 1", "version = 2")).unwrap();
    let place = moved(&env);
    refused(&env, &mut adopt(&env, &place), 128, "has version 2, this yoi reads version 1");
}

#[test]
fn the_registry_of_another_user_is_not_taken() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root may give files to another user");
        return;
    }
    let env = stage();
    let place = moved(&env);
    run(Command::new("chown").args(["-R", "65534"]).arg(env.data()), 0);
    refused(&env, &mut adopt(&env, &place), 128, "do it as that user: sudo -u nobody /");
}

#[test]
fn two_who_take_it_into_two_places_do_not_both_have_it() {
    for _ in 0..5 {
        let env = stage();
        let places = [moved(&env), env.root().join("other")];
        run(Command::new("cp").arg("-a").args(&places), 0);
        let begun: Vec<_> =
            places.iter().map(|place| adopt(&env, place).stderr(Stdio::piped()).spawn().unwrap()).collect();
        let mut ends: Vec<i32> =
            begun.into_iter().map(|child| Outcome::from_output(child.wait_with_output().unwrap()).status).collect();
        ends.sort_unstable();
        assert_eq!(ends, [0, 1]);
        let lists = places.map(|place| listed(&env, &place));
        assert!(lists.contains(&LISTED.to_owned()) && lists.contains(&String::new()), "{lists:?}");
    }
}

/// Kills it at the nth call of a kind, counted for each kind, and tells whether it came to that.
fn killed(env: &TestEnv, place: &Path, call: &str, nth: usize) -> bool {
    let mut command = env.command("strace");
    command.args(["-qq", "-o", "/dev/null", "-e", &format!("trace={call}")]);
    command.args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]);
    command.args([env!("CARGO_BIN_EXE_yoi-claim"), "workspace-adopt", env.workspace().to_str().unwrap()]);
    let outcome = Outcome::of(command.current_dir(place));
    assert!([0, 137].contains(&outcome.status), "{outcome:?}");
    outcome.status == 137
}

#[test]
fn killed_at_any_step_nothing_is_lost_and_a_repeat_finishes_it() {
    if !has_strace() {
        return;
    }
    let env = stage();
    let place = moved(&env);
    // The empty registry that is set aside on the way.
    run(&mut claim(&env, &place, &["ticket-lock", "X", "--", "true"]), 0);
    let before = env.root().join("before");
    run(Command::new("cp").arg("-a").args([&env.data(), &before]), 0);
    let calls: &[&str] = match std::env::var_os("YOI_EXTENDED") {
        Some(_) => {
            &["renameat2", "rename", "fsync", "fdatasync", "write", "unlink", "flock", "fcntl", "openat", "statx"]
        }
        None => &["renameat2", "rename", "fsync", "write", "unlink"],
    };
    let mut kills = 0;
    for call in calls {
        for nth in 1.. {
            fs::remove_dir_all(env.data()).unwrap();
            run(Command::new("cp").arg("-a").args([&before, &env.data()]), 0);
            if !killed(&env, &place, call, nth) {
                break;
            }
            kills += 1;
            let at = format!("killed at {call} {nth}");
            // In between the claims are in one place or the other, and nobody writes to half a registry.
            let new = registry_of(&env, &place);
            let old = names(&env.data().join("workspaces"));
            let key = new.dir().file_name().unwrap().to_str().unwrap();
            let dirs: Vec<PathBuf> = old.iter().map(|name| env.data().join("workspaces").join(name)).collect();
            let holding = dirs.iter().filter(|dir| names(&dir.join("claims")).len() == 3).count();
            assert_eq!(holding, 1, "{at}: {old:?} {key}");
            run(&mut adopt(&env, &place), 0);
            assert_eq!(listed(&env, &place), LISTED, "{at}");
            assert_eq!(names(&env.data().join("workspaces")), [key], "{at}");
            assert_eq!(names(&new.dir().join("tmp")), Vec::<String>::new(), "{at}");
            let told = run(&mut claim(&env, &place, &["journal", "--format", "{action}"]), 0).stdout;
            assert_eq!(told.matches("workspace_adopt").count(), 1, "{at}");
            run(&mut claim(&env, &place, &["claim-commit", "Y", "--pod", "p", "--role", "coder"]), 0);
        }
    }
    println!("{kills} kills");
    assert!(kills >= 8, "{kills}");
}

/// A command that was stopped just after its nth call of a kind.
struct Stopped {
    tracer: Child,
    process: Process,
}

impl Stopped {
    fn after(env: &TestEnv, place: &Path, call: &str, nth: usize) -> Self {
        let mut command = env.command("strace");
        // It says there when the command is stopped for good: it stops for its tracer at each call.
        let said = env.root().join(format!("strace-{call}-{nth}"));
        let _ = fs::remove_file(&said);
        command.args(["-e", &format!("trace={call}"), "-o"]).arg(&said);
        command.args(["-e", &format!("inject={call}:signal=STOP:when={nth}")]);
        command.args([env!("CARGO_BIN_EXE_yoi-claim"), "workspace-adopt", env.workspace().to_str().unwrap()]);
        let tracer = command.current_dir(place).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let children = format!("/proc/{0}/task/{0}/children", tracer.id());
        let is_stopped = |pid: u32| {
            let for_good = fs::read_to_string(&said).unwrap_or_default().contains("--- stopped by SIGSTOP ---");
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // Before it becomes the command it stops for its tracer, too.
            let is_it = line.starts_with(env!("CARGO_BIN_EXE_yoi-claim").as_bytes());
            for_good && is_it && stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with(['T', 't']))
        };
        let process = env.wait_for("the command to be stopped", || {
            let pid = fs::read_to_string(&children).ok()?.split_whitespace().next()?.parse().ok()?;
            if is_stopped(pid) { Process::open(pid) } else { None }
        });
        Self { tracer, process }
    }

    fn go_on(self) -> Outcome {
        self.process.signal(rustix::process::Signal::CONT);
        Outcome::from_output(self.tracer.wait_with_output().unwrap())
    }
}

/// Holds a ticket's lock until it is told to let go.
fn hold(env: &TestEnv, place: &Path) -> (Child, PathBuf) {
    let fifo = env.root().join("let-go");
    run(Command::new("mkfifo").arg(&fifo), 0);
    let mut holder = claim(env, place, &["ticket-lock", "X", "--", "sh", "-c", "echo locked; read -r x <\"$0\""]);
    let mut holder = holder.arg(&fifo).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = [0; 7];
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut said).unwrap();
    (holder, fifo)
}

/// The calls of `flock`: for all registries, for the sessions of the old one, for those of this one.
const LOOKED_AT_THE_OLD: usize = 2;
const LOOKED_AT_BOTH: usize = 3;

fn has_strace() -> bool {
    let has = Command::new("strace").arg("-V").output().is_ok();
    if !has {
        println!("skipped: strace is not installed");
    }
    has
}

#[test]
fn what_begins_in_the_old_registry_just_before_the_move_takes_it_back() {
    if !has_strace() {
        return;
    }
    let env = stage();
    let place = moved(&env);
    let before = names(&env.data().join("workspaces"));
    let stopped = Stopped::after(&env, &place, "flock", LOOKED_AT_THE_OLD);
    // A slow process that came to the old place while it was there.
    fs::create_dir(env.workspace()).unwrap();
    let (mut holder, fifo) = hold(&env, &env.workspace());
    fs::remove_dir(env.workspace()).unwrap();
    let outcome = stopped.go_on().assert_status(3);
    assert!(outcome.stderr.contains("ticket X is in flight"), "{outcome:?}");
    assert_eq!(names(&env.data().join("workspaces")), before);
    fs::write(&fifo, "go\n").unwrap();
    holder.wait().unwrap();
    run(&mut adopt(&env, &place), 0);
    assert_eq!(listed(&env, &place), LISTED);
}

#[test]
fn what_begins_in_the_new_place_just_before_the_move_keeps_its_registry() {
    if !has_strace() {
        return;
    }
    for committed in [true, false] {
        let env = stage();
        let place = moved(&env);
        run(&mut claim(&env, &place, &["ticket-lock", "Y", "--", "true"]), 0);
        let before = names(&env.data().join("workspaces"));
        let stopped = Stopped::after(&env, &place, "flock", LOOKED_AT_BOTH);
        let commit = ["claim-commit", "X", "--pod", "ada", "--role", "coder"];
        if committed {
            run(&mut claim(&env, &place, &commit), 0);
            stopped.go_on().assert_status(1);
        } else {
            let (mut holder, fifo) = hold(&env, &place);
            stopped.go_on().assert_status(3);
            // Its lock is still the one that others ask.
            run(&mut claim(&env, &place, &[&commit[..], &["--wait", "0"]].concat()), 3);
            fs::write(&fifo, "go\n").unwrap();
            holder.wait().unwrap();
            run(&mut claim(&env, &place, &commit), 0);
        }
        assert_eq!(listed(&env, &place), "X\tada\tcoder\t1\tstale\n");
        assert_eq!(names(&env.data().join("workspaces")), before);
    }
}

#[test]
fn a_registry_that_was_taken_over_in_part_is_read_and_not_written() {
    let env = stage();
    let old = env.registry().dir().to_owned();
    let place = moved(&env);
    fs::rename(old, registry_of(&env, &place).dir()).unwrap();
    assert!(listed(&env, &place).contains("T\tmira\tcoder\t1\tstale\n"));
    let line = format!("do it again: yoi-claim workspace-adopt {}", env.workspace().display());
    refused(&env, &mut claim(&env, &place, &["claim-commit", "X", "--pod", "p", "--role", "coder"]), 128, &line);
    let found = run(&mut claim(&env, &place, &["verify", "--format", "{code} {remedy}"]), 1).stdout;
    let remedy = format!("other-workspace yoi-claim workspace-adopt {}\n", env.workspace().display());
    assert!(found.contains(&remedy), "{found}");
    run(&mut adopt(&env, &place), 0);
    assert_eq!(listed(&env, &place), LISTED);
    assert_eq!(run(&mut claim(&env, &place, &["verify"]), 0).stdout, "");
}

#[test]
fn an_empty_registry_that_was_set_aside_is_swept_by_whoever_repairs() {
    let env = stage();
    let place = moved(&env);
    run(&mut adopt(&env, &place), 0);
    let left = registry_of(&env, &place).dir().join("tmp/workspace-adopted.0123456789abcdef");
    run(Command::new("mkdir").args(["-p", "-m", "700"]).arg(left.join("claims")), 0);
    let repaired = Outcome::of(&mut claim(&env, &place, &["verify", "--repair"]));
    assert!(!left.exists(), "{repaired:?}");
}

#[test]
fn a_moved_workspace_is_asked_about_and_nothing_is_guessed() {
    let env = stage();
    let elsewhere = env.root().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let place = elsewhere.join("work");
    // A copy: the old place is still there.
    run(Command::new("cp").arg("-a").args([&env.workspace(), &place]), 0);
    let status = |words: &[&str]| run(env.yoi(words).current_dir(&place), 0).stderr;
    assert_eq!(status(&["status"]), "");
    fs::remove_dir_all(env.workspace()).unwrap();
    let told = format!(
        "yoi: nothing is recorded of this workspace; was it moved from '{0}'?\nhint: yoi-claim workspace-adopt {0}\n",
        env.workspace().display()
    );
    assert_eq!(status(&["status"]), told);
    assert_eq!(status(&[]), told);
    assert_eq!(run(env.yoi(["status"]).current_dir(&place).env("YOI_POD", "p"), 0).stderr, "");
    assert_eq!(listed(&env, &place), "");
    // Another name is no reason to ask.
    let other = elsewhere.join("other");
    fs::rename(&place, &other).unwrap();
    assert_eq!(run(env.yoi(["status"]).current_dir(&other), 0).stderr, "");
    fs::rename(&other, &place).unwrap();
    run(&mut adopt(&env, &place), 0);
    assert_eq!(status(&["status"]), "");
}
