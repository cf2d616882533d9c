//! Launches in a git worktree of the ticket's own: made or found again, recorded, and taken back when they fail.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::scene::{COMPLETE, INCOMPLETE, Tree, pod, tree};
use common::{Outcome, TestEnv, at_once, run};

const BRANCH: &str = "ticket/20260118-093012-001";

/// The sample workspace in a git repository, with coders that are shell scripts, run once a turn.
struct World(TestEnv);

impl World {
    fn new(script: &str) -> Self {
        let env = TestEnv::with_sample();
        env.configure_script(script);
        let roles = "[roles.coder]\nprofile = \"project:script\"\n[roles.reviewer]\nprofile = \"project:script\"\n";
        fs::write(env.workspace().join(".yoi/ticket.config.toml"), roles).unwrap();
        let world = Self(env);
        world.git("init -q -b main");
        world.git("add -A");
        world.commit("the beginning");
        world
    }

    fn git(&self, line: &str) -> Outcome {
        self.git_in(&self.0.workspace(), line)
    }

    fn git_in(&self, dir: &Path, line: &str) -> Outcome {
        run(self.0.command("git").arg("-C").arg(dir).args(line.split(' ')), 0)
    }

    fn commit(&self, message: &str) {
        let who = ["-c", "user.name=t", "-c", "user.email=t@t"];
        run(self.0.command("git").args(who).args(["commit", "-q", "--allow-empty", "-m", message]), 0);
    }

    /// Where the worktree of a ticket is to be.
    fn place(&self, ticket: &str) -> PathBuf {
        self.0.root().join("work-worktrees").join(ticket)
    }

    /// All that a launch that fails must leave as it was: files, branches and worktrees.
    fn all(&self) -> (Tree, String, String) {
        let git = |line: &str| self.git(line).stdout;
        let (refs, worktrees) = (git("for-each-ref"), git("worktree list --porcelain"));
        let mut files = tree(self.0.root());
        // What git keeps besides: the index's times, and empty directories of references.
        files.retain(|path, _| !path.starts_with("work/.git") && !path.starts_with("data") && !path.starts_with("run"));
        (files, refs, worktrees)
    }

    fn launch(&self, role: &str, ticket: &str, status: i32) -> Outcome {
        run(&mut self.0.yoi(["-q", "launch", role, ticket, "--worktree"]), status)
    }
}

#[test]
fn a_coder_works_in_a_worktree_and_branch_of_its_tickets_own_and_comes_back_to_it() {
    let world = World::new("pwd >>where; git branch --show-current >>where");
    let env = &world.0;
    let before = tree(&env.workspace().join(".yoi"));
    let outcome = run(&mut env.yoi(["launch", "coder", COMPLETE, "--worktree"]), 0);
    let place = world.place(COMPLETE);
    let said = format!("it works in {}, on branch {BRANCH}\n", place.display());
    assert!(outcome.stdout.contains(&said), "{outcome:?}");
    let name = format!("coder-{COMPLETE}");
    run(&mut env.yoi(["wait", &name, "--status", "idle"]), 0);
    let here = format!("{}\n{BRANCH}\n", place.display());
    assert_eq!(fs::read_to_string(place.join("where")).unwrap(), here);
    let record = env.registry().pod(&pod(&name)).unwrap().unwrap();
    assert_eq!(record.directory(), place);
    let worktree = record.worktree.unwrap();
    assert_eq!((worktree.path(), worktree.branch.as_str()), (place.clone(), BRANCH));
    assert_eq!(tree(&env.workspace().join(".yoi")), before, "nothing of it stands in the tickets");
    // The claim is one across worktrees.
    let other = run(env.yoi(["launch", "coder", COMPLETE]).current_dir(&place), 1);
    assert!(other.stderr.contains(&format!("ticket {COMPLETE} is claimed by Pod {name} as coder")), "{other:?}");
    env.stop(&name);
    run(&mut env.yoi(["restore", &name]), 0);
    run(&mut env.yoi(["attach", &name, "-m", "go on"]), 0);
    assert_eq!(fs::read_to_string(place.join("where")).unwrap(), here.repeat(2));
    env.stop(&name);
    // What it says to remove it with works.
    fs::remove_file(place.join("where")).unwrap();
    let remove = outcome.stdout.lines().find_map(|line| line.strip_prefix("once its work is merged, remove that: "));
    run(&mut env.shell(remove.unwrap()), 0);
    assert!(!place.exists());
    let gone = run(&mut env.yoi(["restore", &name]), 1);
    assert!(gone.stderr.contains(&format!("its working directory '{}' is gone", place.display())), "{gone:?}");
}

#[test]
fn a_reviewer_finds_the_coders_worktree_wherever_somebody_has_moved_it() {
    let world = World::new("pwd >>../where");
    let env = &world.0;
    let coder = format!("coder-{COMPLETE}");
    world.launch("coder", COMPLETE, 0);
    env.stop(&coder);
    let expect = run(&mut env.yoi_claim(["claim-show", COMPLETE, "--format", "{expect}"]), 0).stdout;
    run(&mut env.yoi_claim(["claim-complete", COMPLETE, "--expect", expect.trim_end()]), 0);
    let elsewhere = env.root().join("elsewhere");
    world.git(&format!("worktree move {} {}", world.place(COMPLETE).display(), elsewhere.display()));
    world.launch("reviewer", COMPLETE, 0);
    let record = env.registry().pod(&pod(&format!("reviewer-{COMPLETE}"))).unwrap().unwrap();
    assert_eq!(record.directory(), elsewhere);
    env.stop(&format!("reviewer-{COMPLETE}"));
}

#[test]
fn one_that_somebody_removed_is_made_again_with_the_work_that_was_committed() {
    let world = World::new("cat");
    let place = world.place(COMPLETE);
    world.git(&format!("worktree add -q -b {BRANCH} {}", place.display()));
    fs::write(place.join("work"), "done").unwrap();
    world.git_in(&place, "add work");
    world.git_in(&place, "-c user.name=t -c user.email=t@t commit -qm work");
    fs::remove_dir_all(&place).unwrap();
    world.launch("coder", COMPLETE, 0);
    assert_eq!(fs::read_to_string(place.join("work")).unwrap(), "done");
    world.0.stop(&format!("coder-{COMPLETE}"));
}

mod a_launch_that_fails {
    use super::*;

    /// An agent that never comes up.
    fn broken() -> World {
        let world = World::new("cat");
        let profile = "[profiles.script]\nagent = \"acp\"\ncommand = [\"false\"]\n";
        fs::write(world.0.workspace().join(".yoi/profiles.toml"), profile).unwrap();
        world
    }

    #[test]
    fn leaves_neither_worktree_nor_branch_behind() {
        let world = broken();
        let before = world.all();
        let outcome = world.launch("coder", COMPLETE, 4);
        assert!(outcome.stderr.contains("nothing was left behind"), "{outcome:?}");
        assert_eq!(world.all(), before);
        assert!(!world.place(COMPLETE).parent().unwrap().exists());
        world.0.assert_nothing_is_left();
    }

    #[test]
    fn leaves_those_that_were_there_before_as_they_were() {
        let world = broken();
        let place = world.place(COMPLETE);
        world.git(&format!("branch {BRANCH}"));
        let before = world.all();
        world.launch("coder", COMPLETE, 4);
        assert_eq!(world.all(), before, "the branch was there");
        world.git(&format!("worktree add -q {} {BRANCH}", place.display()));
        fs::write(place.join("work"), "half done").unwrap();
        let before = world.all();
        world.launch("coder", COMPLETE, 4);
        assert_eq!(world.all(), before, "the worktree was there");
    }

    #[test]
    fn never_deletes_what_an_agent_changed_in_it_and_says_that_it_stays() {
        let world = World::new("cat");
        let script = "echo half >work; exit 1";
        let profile = format!("[profiles.script]\nagent = \"acp\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\n");
        fs::write(world.0.workspace().join(".yoi/profiles.toml"), profile).unwrap();
        let outcome = world.launch("coder", COMPLETE, 128);
        assert!(outcome.stderr.contains("something was left behind: git worktree remove"), "{outcome:?}");
        assert_eq!(fs::read_to_string(world.place(COMPLETE).join("work")).unwrap(), "half\n");
        world.0.assert_nothing_is_left();
    }

    #[test]
    fn because_there_is_no_place_for_it_says_why_and_changes_nothing() {
        let world = World::new("cat");
        let env = &world.0;
        let place = world.place(COMPLETE);
        world.git(&format!("checkout -q -b {BRANCH}"));
        let before = world.all();
        let outcome = world.launch("coder", COMPLETE, 4);
        assert!(outcome.stderr.contains(&format!("branch {BRANCH} is checked out in ")), "{outcome:?}");
        assert_eq!(world.all(), before);
        world.git("checkout -q main");
        world.git(&format!("branch -D {BRANCH}"));
        world.git(&format!("worktree add -q -b mine {}", place.display()));
        let outcome = world.launch("coder", COMPLETE, 4);
        assert!(outcome.stderr.contains(&format!("is on branch mine, not on branch {BRANCH}")), "{outcome:?}");
        world.git(&format!("worktree remove {}", place.display()));
        fs::create_dir_all(place.join("full")).unwrap();
        let before = world.all();
        let outcome = world.launch("coder", COMPLETE, 4);
        assert!(outcome.stderr.contains("git worktree add"), "{outcome:?}");
        assert_eq!(world.all(), before);
        fs::remove_dir_all(env.workspace().join(".git")).unwrap();
        let outcome = world.launch("coder", COMPLETE, 4);
        assert!(outcome.stderr.contains("is in no git repository"), "{outcome:?}");
        env.assert_nothing_is_left();
    }

    #[test]
    fn a_ticket_that_is_held_gets_no_worktree() {
        let world = World::new("cat");
        run(&mut world.0.yoi(["-q", "launch", "coder", COMPLETE]), 0);
        let before = world.all();
        world.launch("reviewer", COMPLETE, 1);
        assert_eq!(world.all(), before);
        world.0.stop(&format!("coder-{COMPLETE}"));
    }
}

#[test]
fn of_many_launches_at_once_one_has_the_worktree_and_the_others_leave_it_alone() {
    let world = World::new("cat");
    let env = &world.0;
    let launch = || env.yoi(["-q", "launch", "coder", COMPLETE, "--worktree", "--ready-timeout", "60"]);
    let outcomes = at_once(env, (0..8).map(|_| launch()).collect());
    assert_eq!(outcomes.iter().filter(|outcome| outcome.status == 0).count(), 1, "{outcomes:#?}");
    assert_eq!(world.git("worktree list").stdout.lines().count(), 2);
    assert!(world.place(COMPLETE).join(".yoi").is_dir());
    env.stop(&format!("coder-{COMPLETE}"));
}

#[test]
fn a_dry_run_in_a_worktree_prints_commands_that_work_when_pasted_and_makes_nothing_itself() {
    let world = World::new("pwd >where");
    let env = &world.0;
    let before = world.all();
    let script = run(&mut env.yoi(["launch", "coder", INCOMPLETE, "--worktree", "--dry-run"]), 0).stdout;
    assert_eq!(world.all(), before);
    let place = world.place(INCOMPLETE);
    assert!(script.contains(&format!("# worktree: {}, on branch ticket/{INCOMPLETE}\n", place.display())), "{script}");
    run(env.shell(&script).env("TMPDIR", env.root()), 0);
    let name = format!("coder-{INCOMPLETE}");
    run(&mut env.yoi(["wait", &name, "--status", "idle"]), 0);
    assert_eq!(fs::read_to_string(place.join("where")).unwrap(), format!("{}\n", place.display()));
    env.stop(&name);
}

#[test]
fn what_comes_next_is_worked_on_in_worktrees_side_by_side() {
    let world = World::new("cat");
    let env = &world.0;
    for id in [COMPLETE, INCOMPLETE] {
        let script = "sed -i -E 's/^((workflow_)?state): .*/\\1: queued/' .yoi/tickets/\"$1\"/item.md";
        run(env.shell(script).arg("sh").arg(id), 0);
    }
    for id in [COMPLETE, INCOMPLETE] {
        let format = "{ticket} {worktree} {branch}";
        let said = run(&mut env.yoi(["next", "--role", "coder", "--worktree", "--format", format]), 0).stdout;
        assert_eq!(said, format!("{id} {} ticket/{id}\n", world.place(id).display()));
    }
    let why = run(&mut env.yoi(["why", &format!("coder-{COMPLETE}")]), 0).stdout;
    assert!(why.contains(&format!("branch: {BRANCH}\n")), "{why}");
    run(&mut env.yoi(["next", "--role", "coder", "--worktree"]), 1);
    assert_eq!(world.git("worktree list").stdout.lines().count(), 3);
    [COMPLETE, INCOMPLETE].iter().for_each(|id| env.stop(&format!("coder-{id}")));
}

#[test]
fn what_a_hook_of_git_is_told_of_its_repository_leads_to_no_other_one() {
    let world = World::new("cat");
    let other = World::new("cat");
    let mut launch = world.0.yoi(["-q", "launch", "coder", COMPLETE, "--worktree"]);
    run(launch.env("GIT_DIR", other.0.workspace().join(".git")).env("GIT_INDEX_FILE", "index"), 0);
    assert!(world.place(COMPLETE).is_dir() && !other.place(COMPLETE).exists());
    world.0.stop(&format!("coder-{COMPLETE}"));
}
