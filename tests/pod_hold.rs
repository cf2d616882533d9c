//! `pod-hold`: a program that a person starts by hand is a Pod for as long as it runs, and can be taken up again.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use common::console::Console;
use common::scene::{names, pod};
use common::{DEADLINE, Outcome, Process, TestEnv, run};
use rustix::process::Signal;

/// The command line: role coder, a shell script for a program.
fn hold(env: &TestEnv, name: &str, ticket: Option<&str>, script: &str) -> Command {
    let mut words = vec!["pod-hold", name, "--role", "coder"];
    words.extend(ticket.iter().flat_map(|ticket| ["--ticket", ticket]));
    words.extend(["--", "sh", "-c", script]);
    env.yoi_claim(words)
}

/// A held program that runs: it has said so in a file, and goes on until another file appears.
struct Running {
    child: Child,
}

impl Running {
    /// Starts one that says it runs, and waits until it does.
    fn start(env: &TestEnv, name: &str, ticket: Option<&str>, script: &str) -> Self {
        let script = format!("{script}\necho $$ >began.new; mv began.new began; exec sleep 1000");
        let _ = fs::remove_file(env.workspace().join("began"));
        let mut command = hold(env, name, ticket, &script);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        env.wait_for("the program", || env.workspace().join("began").exists().then_some(()));
        Self { child }
    }

    fn warden(&self) -> Process {
        Process::open(self.child.id()).unwrap()
    }

    fn holder(&self) -> Process {
        let pid = self.child.id();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
        Process::open(children.split_whitespace().next().unwrap().parse().unwrap()).unwrap()
    }

    fn program(&self, env: &TestEnv) -> Process {
        let pid = fs::read_to_string(env.workspace().join("began")).unwrap();
        Process::open(pid.trim().parse().unwrap()).unwrap()
    }

    fn end(self) -> Outcome {
        Outcome::from_output(self.child.wait_with_output().unwrap())
    }
}

/// A script that leaves a process of a session of its own behind, which has no parent but a subreaper.
const STRAY: &str =
    "setsid sh -c 'echo $$ >stray; exec sleep 1000' </dev/null >/dev/null 2>&1 & until test -s stray; do :; done";

fn stray(env: &TestEnv) -> Process {
    Process::open(fs::read_to_string(env.workspace().join("stray")).unwrap().trim().parse().unwrap()).unwrap()
}

#[track_caller]
fn assert_status(env: &TestEnv, ticket: &str, status: &str) {
    let shown = run(&mut env.yoi_claim(["claim-show", ticket, "--format", "{pod} {generation} {status}"]), 0);
    assert_eq!(shown.stdout.trim_end(), status);
}

#[test]
fn a_program_runs_under_a_claim_that_is_live_while_it_does() {
    let env = TestEnv::new();
    let script = "yoi-claim claim-check \"$YOI_TICKET\" --expect \"$YOI_CLAIM\" && echo checked
        yoi-claim claim-show \"$YOI_TICKET\" --format '{pod} {role} {generation} {status} {evidence}'
        yoi-claim pod-list
        yoi-claim session-list
        yoi-claim verify
        echo \"$YOI_POD: $?\"
        exit 7";
    let said = run(&mut hold(&env, "me", Some("../x"), script), 7);
    assert_eq!(said.stderr, "");
    let expected = "checked\nme coder 1 live manual\nme\tcoder\trunning\nme\tcoder\tticket_claim\t../x\nme: 0\n";
    assert_eq!(said.stdout, expected);
    assert_status(&env, "../x", "me 1 restorable");
    run(&mut env.yoi_claim(["verify"]), 0);
    let logs = run(&mut env.yoi(["logs", "me"]), 0).stdout;
    assert!(logs.contains("sh was started in a terminal") && logs.contains("ended with status 7"), "{logs}");
    assert!(!logs.contains("YOI_TICKET"), "arguments are nobody's to read: {logs}");
    env.wait_for_processes();
}

#[test]
fn the_program_is_stopped_until_its_claim_stands() {
    // Many times, since a program that runs a moment too early mostly finds its claim all the same.
    let env = TestEnv::new();
    let registry = env.registry();
    for n in 1..=12 {
        let ticket = format!("T{n}");
        // The shell's own builtins, so that next to no time passes before it looks.
        let script = format!(
            "test -e '{}' || echo too early",
            registry.dir().join("claims").join(format!("{ticket}.toml")).display()
        );
        assert_eq!(run(&mut hold(&env, &format!("me-{n}"), Some(&ticket), &script), 0).stdout, "");
    }
}

#[test]
fn without_a_ticket_there_is_a_session_record() {
    let env = TestEnv::new();
    let said = run(&mut hold(&env, "me", None, "yoi-claim session-list; echo \"${YOI_TICKET-none}\""), 0);
    assert_eq!(said.stdout, "me\tcoder\trole_launch\t-\nnone\n");
    run(&mut env.yoi_claim(["verify"]), 0);
    assert_eq!(env.listed("pod-list"), "me\tcoder\trestorable\n");
    run(&mut hold(&env, "me", None, "true"), 0);
}

#[test]
fn the_exit_status_is_that_of_the_program() {
    let env = TestEnv::new();
    run(&mut hold(&env, "killed", Some("T"), "kill -KILL $$"), 137);
    let running = Running::start(&env, "ended", Some("U"), "");
    running.warden().signal(Signal::TERM);
    assert_eq!(running.end().status, 143);
    let running = Running::start(&env, "hung-up", Some("V"), "");
    running.warden().signal(Signal::HUP);
    assert_eq!(running.end().status, 129);
    // What a terminal sends to all is not the warden's to pass on, nor to die of.
    let running = Running::start(&env, "asked", Some("W"), "");
    running.warden().signal(Signal::INT);
    running.warden().signal(Signal::QUIT);
    running.warden().signal(Signal::TSTP);
    running.warden().signal(Signal::TERM);
    assert_eq!(running.end().status, 143);
}

#[test]
fn a_program_that_cannot_be_run_leaves_nothing_behind() {
    let env = TestEnv::new();
    let base = ["pod-hold", "me", "--role", "coder", "--ticket", "T", "--"];
    fs::write(env.workspace().join("text"), "not a program").unwrap();
    // What is found to be there and cannot be run all the same: its interpreter is missing.
    fs::write(env.workspace().join("script"), "#!/nowhere/interpreter\n").unwrap();
    run(env.command("chmod").arg("+x").arg(env.workspace().join("script")), 0);
    for program in ["no-such-program", "./text", "./no-such-file", ".", "./script"] {
        let failed = run(&mut env.yoi_claim(base.iter().chain([&program])), 4);
        assert!(failed.stderr.contains("nothing was left behind"), "{program}: {}", failed.stderr);
        env.assert_nothing_is_left();
    }
    run(&mut env.yoi_claim(["verify"]), 0);
    run(&mut hold(&env, "me", Some("T"), "true"), 0);
    assert_status(&env, "T", "me 1 restorable");
}

#[test]
fn a_ticket_of_another_is_refused_and_one_in_flight_is_busy() {
    let env = TestEnv::new();
    let script = "yoi-claim pod-hold me --ticket T --role coder -- touch ran || exit $?";
    run(
        env.yoi_claim(["ticket-lock", "T", "--", "env", "-u", "YOI_TICKET_LOCK", "-u", "YOI_LAUNCHER"]).args([
            "-u",
            "YOI_CLAIM_NONCE",
            "sh",
            "-c",
            script,
        ]),
        3,
    );
    env.assert_nothing_is_left();
    // With what it hands down, it is a step under that lock.
    run(&mut env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", script]), 0);
    for (wanted, ticket) in [("you", "T"), ("me", "U")] {
        let refused = run(&mut hold(&env, wanted, Some(ticket), "touch never"), 1);
        assert!(!refused.stderr.contains("reclaim") && !refused.stderr.contains("release"), "{}", refused.stderr);
    }
    let running = Running::start(&env, "live", Some("V"), "");
    let refused = run(&mut hold(&env, "you", Some("V"), "touch never"), 1);
    assert!(refused.stderr.contains("claimed by Pod live as coder, which is live"), "{}", refused.stderr);
    run(&mut hold(&env, "live", Some("V"), "touch never"), 1);
    run(&mut hold(&env, "live", Some("W"), "touch never"), 1);
    running.program(&env).kill();
    running.end();
    assert!(!env.workspace().join("never").exists());
    assert_eq!(names(&env.registry().dir().join("pods")), ["live", "me"]);
}

#[test]
fn of_two_at_once_on_one_ticket_one_runs() {
    let env = TestEnv::new();
    let script = "echo \"$YOI_POD\" >>ran; until test -e go; do :; done";
    let start = |name: &str| {
        let mut command = hold(&env, name, Some("T"), script);
        command.args(["first"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut children: Vec<Child> = (0..6).map(|n| start(&format!("p{n}"))).collect();
    let losers = env.wait_for("the losers", || {
        let ended = children.iter_mut().filter_map(|child| child.try_wait().unwrap()).collect::<Vec<_>>();
        (ended.len() == 5).then_some(ended)
    });
    assert!(losers.iter().all(|status| [Some(1), Some(3)].contains(&status.code())), "{losers:?}");
    fs::write(env.workspace().join("go"), "").unwrap();
    let won = children.into_iter().map(|child| child.wait_with_output().unwrap()).filter(|end| end.status.success());
    assert_eq!(won.count(), 1);
    let ran = fs::read_to_string(env.workspace().join("ran")).unwrap();
    assert_eq!(ran.lines().count(), 1, "{ran}");
    assert_status(&env, "T", &format!("{} 1 restorable", ran.trim()));
    assert_eq!(names(&env.registry().dir().join("pods")).len(), 1);
}

#[test]
fn whatever_is_killed_nothing_of_the_pod_is_left_and_the_claim_stands() {
    let env = TestEnv::new();
    type Kill = fn(&Running, &TestEnv);
    let kills: [(&str, Kill, i32); 5] = [
        ("warden", |running, _| running.warden().kill(), 137),
        ("holder", |running, _| running.holder().kill(), 137),
        ("program", |running, env| running.program(env).kill(), 137),
        (
            "holder-of-a-stopped-warden",
            |running, _| {
                running.warden().signal(Signal::STOP);
                running.holder().kill();
                running.warden().signal(Signal::CONT);
            },
            137,
        ),
        (
            "program-while-suspended",
            |running, env| {
                running.program(env).signal(Signal::STOP);
                let warden = running.warden().pid();
                let is_stopped = || fs::read_to_string(format!("/proc/{warden}/stat")).unwrap().contains(") T ");
                env.wait_for("the warden to stop", || is_stopped().then_some(()));
                running.program(env).kill();
            },
            137,
        ),
    ];
    for (name, kill, status) in kills {
        let _ = fs::remove_file(env.workspace().join("stray"));
        let running = Running::start(&env, name, Some(name), STRAY);
        let stray = stray(&env);
        kill(&running, &env);
        assert_eq!(running.end().status, status, "{name}");
        assert!(stray.wait(Instant::now() + DEADLINE), "{name}: what it left goes on");
        env.wait_for("the lock", || (!env.registry().pod_lives(&pod(name)).unwrap()).then_some(()));
        env.wait_for_processes();
        assert_status(&env, name, &format!("{name} 1 restorable"));
        run(&mut env.yoi_claim(["verify"]), 0);
    }
}

#[test]
fn when_warden_and_holder_are_killed_at_once_the_program_dies_with_them() {
    let env = TestEnv::new();
    let running = Running::start(&env, "me", Some("T"), "");
    let (warden, holder, program) = (running.warden(), running.holder(), running.program(&env));
    // Stopped first, so that neither does anything because of the other's death.
    for process in [&warden, &holder] {
        process.signal(Signal::STOP);
    }
    warden.kill();
    holder.kill();
    assert!(program.wait(Instant::now() + DEADLINE));
    running.end();
    env.wait_for_processes();
    assert_status(&env, "T", "me 1 restorable");
    run(&mut hold(&env, "me", Some("T"), "true"), 0);
    assert_status(&env, "T", "me 1 restorable");
}

#[test]
fn what_the_program_leaves_is_ended_before_the_pod_is_gone() {
    let env = TestEnv::new();
    run(&mut hold(&env, "me", Some("T"), STRAY), 0);
    let pid: u32 = fs::read_to_string(env.workspace().join("stray")).unwrap().trim().parse().unwrap();
    assert!(Process::open(pid).is_none(), "process {pid} goes on");
}

#[test]
fn the_same_command_line_takes_the_pod_up_again() {
    let env = TestEnv::new();
    let facts = || {
        let shown = run(&mut env.yoi_claim(["claim-show", "T", "--format", "{pod_id} {nonce} {generation}"]), 0).stdout;
        (shown, run(&mut env.yoi_claim(["pod-status", "me", "--format", "{pod_id} {created_at} {status}"]), 0).stdout)
    };
    let script = "yoi-claim claim-check \"$YOI_TICKET\" --expect \"$YOI_CLAIM\"";
    run(&mut hold(&env, "me", Some("T"), script), 0);
    let before = facts();
    run(&mut hold(&env, "me", Some("T"), script), 0);
    // Another program, elsewhere, goes on with the same work.
    fs::create_dir(env.workspace().join("sub")).unwrap();
    let mut elsewhere = env.yoi_claim(["-C", "sub", "pod-hold", "me", "--role", "coder", "--ticket", "T", "--", "pwd"]);
    // A directory of its own without `.yoi` is a workspace of its own.
    fs::create_dir(env.workspace().join(".yoi")).unwrap();
    assert!(run(&mut elsewhere, 0).stdout.ends_with("/work/sub\n"));
    assert_eq!(facts(), before);
    let journal = run(&mut env.yoi_claim(["journal", "T", "--format", "{action}"]), 0).stdout;
    assert_eq!(journal, "commit\nrestore\nrestore\n");
    // A command that cannot be run leaves the Pod as it was.
    let words = ["pod-hold", "me", "--role", "coder", "--ticket", "T", "--", "./no-such-program"];
    run(&mut env.yoi_claim(words), 4);
    assert_eq!(facts(), before);
    let other = run(&mut env.yoi_claim(["pod-hold", "me", "--role", "reviewer", "--ticket", "T", "--", "true"]), 1);
    assert!(other.stderr.contains("the name me is taken"), "{}", other.stderr);
    // Without its program, or its directory, it cannot be restored.
    fs::remove_dir(env.workspace().join("sub")).unwrap();
    assert_status(&env, "T", "me 1 stale");
}

#[test]
fn a_claim_that_has_moved_on_is_not_taken_up_again() {
    let env = TestEnv::new();
    run(&mut hold(&env, "me", Some("T"), "true"), 0);
    let expect = run(&mut env.yoi_claim(["claim-show", "T", "--format", "{expect}"]), 0).stdout;
    run(&mut env.yoi_claim(["claim-release", "T", "--expect", expect.trim(), "--reason", "handed on"]), 0);
    run(&mut hold(&env, "you", Some("T"), "true"), 0);
    run(&mut hold(&env, "me", Some("T"), "touch never"), 1);
    assert_status(&env, "T", "you 2 restorable");
    // Completed work is handed on to another role.
    let expect = run(&mut env.yoi_claim(["claim-show", "T", "--format", "{expect}"]), 0).stdout;
    run(&mut env.yoi_claim(["claim-complete", "T", "--expect", expect.trim()]), 0);
    let words = ["pod-hold", "judge", "--role", "reviewer", "--ticket", "T", "--"];
    let check = ["sh", "-c", "yoi-claim claim-check \"$YOI_TICKET\" --expect \"$YOI_CLAIM\""];
    run(&mut env.yoi_claim(words.iter().chain(&check)), 0);
    assert_status(&env, "T", "judge 3 restorable");
    run(&mut env.yoi_claim(["verify"]), 0);
    assert!(!env.workspace().join("never").exists());
}

#[test]
fn none_of_our_descriptors_or_variables_reaches_the_program() {
    let env = TestEnv::new();
    let look = "yoi-claim pod-hold me --ticket T --role coder -- sh -c 'env; ls -l /proc/$$/fd'";
    let said = run(env.yoi_claim(["ticket-lock", "T", "--", "sh", "-c", look]).env("YOI_EPOCH", "7"), 0).stdout;
    for never in ["YOI_TICKET_LOCK", "YOI_LAUNCHER", "YOI_CLAIM_NONCE", "YOI_EPOCH", "/locks/", "socket:"] {
        assert!(!said.contains(never), "{never}:\n{said}");
    }
    assert!(said.contains("YOI_DATA_DIR"), "{said}");
}

#[test]
fn what_only_a_person_decides_is_refused_from_inside() {
    let env = TestEnv::new();
    run(&mut hold(&env, "other", Some("U"), "true"), 0);
    let expect = run(&mut env.yoi_claim(["claim-show", "U", "--format", "{expect}"]), 0).stdout;
    let reclaim = format!("yoi-claim claim-reclaim U --expect {} --reason mine --force", expect.trim());
    run(&mut hold(&env, "me", Some("T"), &reclaim), 1);
    run(&mut hold(&env, "me", Some("T"), &format!("env -u YOI_POD {reclaim}")), 1);
    assert_status(&env, "U", "other 1 restorable");
    // Its own claim it may give back.
    run(&mut hold(&env, "me", Some("T"), "yoi-claim claim-release T --expect \"$YOI_CLAIM\" --reason 'not for me'"), 0);
    run(&mut env.yoi_claim(["claim-show", "T"]), 1);
}

#[test]
fn stop_asks_the_program_to_end_and_now_ends_it() {
    let env = TestEnv::new();
    let running = Running::start(&env, "me", Some("T"), "");
    let attach = run(&mut env.yoi(["attach", "me"]), 1);
    assert!(attach.stderr.contains("has it in a terminal"), "{}", attach.stderr);
    assert!(attach.stderr.contains(&format!("process {}", running.child.id())), "{}", attach.stderr);
    run(&mut env.yoi(["logs", "-f", "me"]), 0);
    let why = run(&mut env.yoi(["why", "T"]), 0).stdout;
    assert!(why.contains("live"), "{why}");
    run(&mut env.yoi(["stop", "me"]), 0);
    assert_eq!(running.end().status, 143);
    run(&mut env.yoi(["stop", "me"]), 0);
    // One that was suspended hears of it as well.
    let running = Running::start(&env, "me", Some("T"), "");
    running.program(&env).signal(Signal::STOP);
    run(&mut env.yoi(["stop", "me"]), 0);
    assert_eq!(running.end().status, 143);
    let running = Running::start(&env, "me", Some("T"), "trap '' TERM");
    let busy = run(&mut env.yoi(["stop", "--wait", "0.2", "me"]), 3);
    assert!(busy.stderr.contains("has not ended yet"), "{}", busy.stderr);
    run(&mut env.yoi_claim(["pod-shutdown", "--now", "me"]), 0);
    assert_eq!(running.end().status, 137);
    assert_status(&env, "T", "me 1 restorable");
    env.wait_for_processes();
}

#[test]
fn ctrl_c_is_for_the_program_and_the_pod_stays_until_that_ends() {
    let env = TestEnv::new();
    let script = "trap 'echo caught' INT; echo ready; read line; read line || echo again; echo read $line; exit 5";
    let mut console = Console::start(&mut hold(&env, "me", Some("T"), script));
    console.wait_for("ready");
    console.type_in("\x03");
    console.wait_for("caught");
    assert_status(&env, "T", "me 1 live");
    console.type_in("one\ntwo\n");
    console.wait_for("read");
    assert_eq!(console.end().status, 5);
    env.wait_for_processes();
    // A program that does not catch it ends by it.
    let mut console = Console::start(&mut hold(&env, "me", Some("T"), "echo ready; read line"));
    console.wait_for("ready");
    console.type_in("\x03");
    assert_eq!(console.end().status, 130);
}

#[test]
fn ctrl_z_suspends_the_job_and_fg_goes_on_with_it() {
    let env = TestEnv::new();
    fs::write(env.workspace().join("agent"), "echo ready; read line; echo got $line; exit 6").unwrap();
    let job = "set +e; set -m
        yoi-claim pod-hold me --role coder --ticket T -- sh agent
        echo stopped $?
        yoi-claim pod-list
        fg
        echo ended $?";
    let mut console = Console::start(&mut env.shell(job));
    console.wait_for("ready");
    console.type_in("\x1a");
    console.wait_for("stopped 14");
    console.wait_for("running");
    console.type_in("more\n");
    console.wait_for("got more");
    console.wait_for("ended 6");
    assert_eq!(console.end().status, 0);
    env.wait_for_processes();
}

#[test]
fn restore_at_a_terminal_runs_the_command_there() {
    let env = TestEnv::new();
    run(&mut hold(&env, "me", Some("T"), "test -t 0 && echo on a terminal; exit 0"), 0);
    let refused = run(&mut env.yoi(["restore", "me"]), 1);
    assert!(refused.stderr.contains("pod-hold me --role coder --ticket T -- sh -c"), "{}", refused.stderr);
    let mut console = Console::start(&mut env.yoi(["restore", "me"]));
    console.wait_for("pod-hold me");
    console.wait_for("on a terminal");
    assert_eq!(console.end().status, 0);
    assert_status(&env, "T", "me 1 restorable");
    env.wait_for_processes();
}

#[test]
fn a_terminal_that_goes_away_ends_the_program() {
    let env = TestEnv::new();
    let mut console = Console::start(&mut hold(&env, "me", Some("T"), "echo ready; exec sleep 1000"));
    console.wait_for("ready");
    drop(console);
    env.wait_for_processes();
    assert_status(&env, "T", "me 1 restorable");
}
