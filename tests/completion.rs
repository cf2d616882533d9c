//! Completion in real shells: a line is typed at a terminal, TAB is pressed, and what the command is then given is what
//! was meant, whatever characters it has.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and says what it skips")]

mod common;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use clap::Arg;
use common::scene::{COMPLETE, INCOMPLETE, names, tree};
use common::{DEADLINE, Outcome, TestEnv, run};
use nix::pty::openpty;
use rustix::event::{PollFd, PollFlags, poll};
use yoi::cli::{Kind, Shell, script};

/// Stands before each word that a command was given, and after the last.
const WORD: char = '\u{1e}';
const END: char = '\u{1d}';

const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

fn name(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    }
}

/// An interactive shell at a terminal, in which the programs only say what they were given.
struct Session {
    child: Child,
    terminal: File,
    shell: Shell,
}

impl Session {
    /// Starts it; `None`, with a line that says so, where the shell is not installed.
    fn start(env: &TestEnv, shell: Shell) -> Option<Self> {
        if Command::new(name(shell)).arg("--version").output().is_err() {
            println!("skipped: {} is not installed", name(shell));
            return None;
        }
        let size = nix::pty::Winsize { ws_row: 50, ws_col: 200, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(&size, None).unwrap();
        let mut command = env.command("setsid");
        let arguments: &[&str] = match shell {
            Shell::Bash => &["--norc", "--noprofile"],
            Shell::Zsh => &["-f"],
            Shell::Fish => &["--no-config"],
        };
        let end = |fd: &std::os::fd::OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.args(["-c", "-w", name(shell)]).args(arguments).arg("-i").env("TERM", "xterm");
        let child = command.stdin(end(&pty.slave)).stdout(end(&pty.slave)).stderr(end(&pty.slave)).spawn().unwrap();
        let mut session = Self { child, terminal: File::from(pty.master), shell };
        let mut load = String::new();
        for program in ["yoi", "yoi-claim"] {
            let path = env.root().join(format!("{program}.{}", name(shell)));
            run(env.yoi(["completions", name(shell), program]).stdout(File::create(&path).unwrap()), 0);
            load += &format!("source '{}'; ", path.display());
            load += &match shell {
                Shell::Fish => format!("function {program}; printf '\\036%s' $argv; printf '\\035'; end; "),
                _ => format!("{program}() {{ printf '\\036%s' \"$@\"; printf '\\035'; }}; "),
            };
        }
        if shell == Shell::Zsh {
            load = format!("autoload -Uz compinit; compinit -u -D; {load}");
        }
        // A whole line before the first TAB: the shell has then read its scripts.
        session.send(&format!(" {load}printf 'lo''aded\\n'\n"));
        session.until("loaded");
        Some(session)
    }

    fn send(&mut self, text: &str) {
        self.terminal.write_all(text.as_bytes()).unwrap();
    }

    /// Reads what is shown until it holds a text.
    fn until(&mut self, text: &str) -> String {
        let mut shown = Vec::new();
        let deadline = Instant::now() + DEADLINE;
        loop {
            let so_far = String::from_utf8_lossy(&shown).into_owned();
            if so_far.contains(text) {
                return so_far;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let ready = poll(&mut [PollFd::new(&self.terminal, PollFlags::IN)], Some(&left.try_into().unwrap()));
            assert_eq!(ready, Ok(1), "{} shows nothing more after {so_far:?}", name(self.shell));
            let mut piece = [0; 4096];
            let length = self.terminal.read(&mut piece).unwrap();
            shown.extend_from_slice(&piece[..length]);
        }
    }

    /// Types the beginning of a line, TAB, and Enter; gives the words that the command got.
    fn complete(&mut self, typed: &str) -> Vec<String> {
        self.send(&format!("{typed}\t\n"));
        let shown = self.until(&END.to_string());
        let shown = shown.split(END).next().unwrap();
        shown.split(WORD).skip(1).map(str::to_owned).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.terminal.write_all(b"\nexit\n");
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names that a shell would read as something else.
const ODD_TICKETS: [&str; 6] =
    ["quo'te'", "it's \"odd\" & $HOME", "q:uo te", "b\\ack;slash `x`", "übermütig – ja", "(paren)* #1"];
const ODD_POD: &str = "o'hara $(jr) & \"co\"";

fn stage() -> TestEnv {
    let env = TestEnv::with_sample();
    for ticket in ODD_TICKETS {
        run(&mut env.yoi_claim(["claim-commit", ticket, "--pod", ODD_POD, "--role", "coder"]), 0);
    }
    let session = ["--role", "coder", "--origin", "role_launch"];
    run(env.yoi_claim(["session-record", ODD_POD]).args(session), 0);
    run(env.yoi_claim(["session-record", "mira"]).args(session), 0);
    run(env.yoi_claim(["session-record", &"long ".repeat(60)]).args(session), 0);
    env
}

/// What is typed, and what the command is given after TAB.
fn cases() -> Vec<(String, Vec<String>)> {
    let mut cases: Vec<(String, Vec<&str>)> = vec![
        ("yoi-claim claim-sh".into(), vec!["claim-show"]),
        ("yoi ticket comm".into(), vec!["ticket", "comment"]),
        ("yoi ticket show 20260118-093".into(), vec!["ticket", "show", COMPLETE]),
        ("yoi intake 20260118-10".into(), vec!["intake", INCOMPLETE]),
        ("yoi stop mi".into(), vec!["stop", "mira"]),
        ("yoi launch revi".into(), vec!["launch", "reviewer"]),
        (
            "yoi-claim pod-spawn p --role intake --profile builtin:ch".into(),
            vec!["pod-spawn", "p", "--role", "intake", "--profile", "builtin:checklist"],
        ),
        ("yoi-claim claim-list --status resto".into(), vec!["claim-list", "--status", "restorable"]),
        ("yoi-claim claim-commit X --pod mi".into(), vec!["claim-commit", "X", "--pod", "mira"]),
        ("yoi-claim claim-commit X --pod=mi".into(), vec!["claim-commit", "X", "--pod=mira"]),
        ("yoi-claim claim-commit X --evid".into(), vec!["claim-commit", "X", "--evidence"]),
        ("yoi help claim-comm".into(), vec!["help", "claim-commit"]),
        ("yoi help ticket comm".into(), vec!["help", "ticket", "comment"]),
        ("yoi logs --journal mi".into(), vec!["logs", "--journal", "mira"]),
        ("yoi-claim pod-run mira --plan pla".into(), vec!["pod-run", "mira", "--plan", "plan b.json"]),
    ];
    let [quote, its, colon, back, umlaut, paren] = ODD_TICKETS;
    for (typed, ticket) in [
        ("'quo", quote),
        ("quo", quote),
        ("it", its),
        ("it\\'s\\ ", its),
        ("\"it's ", its),
        ("q:", colon),
        ("q:u", colon),
        ("'q:u", colon),
        ("\"q:", colon),
        ("b", back),
        ("'b\\ack;", back),
        ("ü", umlaut),
        ("'(par", paren),
        ("\\(", paren),
    ] {
        cases.push((format!("yoi-claim claim-show {typed}"), vec!["claim-show", ticket]));
    }
    for typed in ["o", "o\\'hara\\ ", "\"o'h", "'o"] {
        cases.push((format!("yoi attach {typed}"), vec!["attach", ODD_POD]));
    }
    cases.into_iter().map(|(typed, words)| (typed, words.into_iter().map(str::to_owned).collect())).collect()
}

fn check(shell: Shell) {
    let env = stage();
    std::fs::write(env.workspace().join("plan b.json"), "{}").unwrap();
    let Some(mut session) = Session::start(&env, shell) else { return };
    let mut wrong = Vec::new();
    for (typed, expected) in cases() {
        let given = session.complete(&typed);
        if given != expected {
            wrong.push(format!("{typed}<TAB>\n  gives    {given:?}\n  expected {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", name(shell), wrong.join("\n"));
}

#[test]
fn bash_completes_and_quotes() {
    check(Shell::Bash);
}

#[test]
fn zsh_completes_and_quotes() {
    check(Shell::Zsh);
}

#[test]
fn fish_completes_and_quotes() {
    check(Shell::Fish);
}

/// What a shell is told of the last of these words, without what explains it, and without options.
fn told(env: &TestEnv, words: &[&str]) -> Vec<String> {
    let outcome = run(env.command(words[0]).args(["complete", "fish", "--"]).args(words), 0);
    assert_eq!(outcome.stderr, "");
    let values = outcome.stdout.lines().map(|line| line.split('\t').next().unwrap().to_owned());
    values.filter(|value| !value.starts_with('-')).collect()
}

#[test]
fn every_ticket_pod_role_and_profile_of_both_programs_is_completed() {
    let env = stage();
    std::fs::write(
        env.workspace().join(".yoi/profiles.toml"),
        "[profiles.mine]\nagent = \"exec\"\ncommand = [\"true\"]\n",
    )
    .unwrap();
    let mut checked = 0;
    let mut visit = |path: &[String], arg: &Arg| {
        let example = match arg.get_value_names().map(|names| names[0].as_str()) {
            Some("TICKET") => ODD_TICKETS[1],
            Some("POD" | "NAME") => "mira",
            Some("ROLE") => "reviewer",
            Some("PROFILE") => "project:mine",
            _ => return,
        };
        assert!(Kind::of(arg).is_some() || !arg.get_possible_values().is_empty(), "{path:?} {arg}");
        let mut words: Vec<&str> = path.iter().map(String::as_str).collect();
        let option = arg.get_long().map(|long| format!("--{long}"));
        match &option {
            Some(option) => words.push(option),
            None => words.extend(vec!["x"; arg.get_index().unwrap() - 1]),
        }
        words.push("");
        let told = told(&env, &words);
        assert!(told.iter().any(|value| value == example), "{words:?}: {told:?}");
        checked += 1;
    };
    for mut program in [yoi::porcelain::command(), yoi::plumbing::command()] {
        program.build();
        each(&program, &mut vec![program.get_name().to_owned()], &mut visit);
    }
    assert!(checked > 40, "{checked}");
}

fn each(command: &clap::Command, path: &mut Vec<String>, visit: &mut impl FnMut(&[String], &Arg)) {
    let takes_value = |arg: &&Arg| arg.get_num_args().is_some_and(|number| number.takes_values());
    command.get_arguments().filter(takes_value).for_each(|arg| visit(path, arg));
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
        path.push(sub.get_name().to_owned());
        each(sub, path, visit);
        path.pop();
    }
}

#[test]
fn candidates_are_explained_where_a_shell_shows_that() {
    let env = stage();
    let lines = |words: &[&str]| run(env.yoi(["complete", "zsh", "--"]).args(words), 0).stdout;
    assert_eq!(lines(&["yoi", "intake", "20260118-10"]), format!("{INCOMPLETE}\tShow how much of an upload is left\n"));
    assert!(lines(&["yoi", "sto"]).starts_with("stop\t"), "{}", lines(&["yoi", "sto"]));
    assert_eq!(lines(&["yoi", "stop", "mi"]), "mira\t\n");
}

#[test]
fn help_is_completed_with_the_commands_of_both_programs_and_the_pages() {
    let env = TestEnv::new();
    let topics = told(&env, &["yoi", "help", ""]);
    for topic in ["intake", "help", "claim-commit", "yoi-claim", "yoi-registry", "yoi-recovery"] {
        assert!(topics.iter().any(|told| told == topic), "{topic} in {topics:?}");
        run(&mut env.yoi(["help", topic]), 0);
    }
    assert!(!topics.iter().any(|told| ["pod-host", "complete"].contains(&told.as_str())), "{topics:?}");
    assert_eq!(told(&env, &["yoi", "help", "ticket", "s"]), ["show", "state"]);
    assert_eq!(told(&env, &["yoi", "help", "yoi-claim", "claim-sh"]), ["claim-show"]);
    assert_eq!(told(&env, &["yoi", "help", "-C", "/", "verif"]), ["verify"]);
}

#[test]
fn it_looks_where_the_line_that_is_typed_would_look() {
    let env = TestEnv::new();
    let (data, there) = (env.root().join("d"), env.root().join("there"));
    std::fs::create_dir(&there).unwrap();
    let place = ["-C", there.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
    run(env.yoi_claim(place).args(["claim-commit", "T-1", "--pod", "p", "--role", "coder"]), 0);
    assert_eq!(told(&env, &["yoi-claim", "claim-show", ""]), Vec::<String>::new());
    let inline = format!("--data-dir={}", data.display());
    assert_eq!(told(&env, &["yoi-claim", place[0], place[1], place[2], place[3], "claim-show", ""]), ["T-1"]);
    assert_eq!(told(&env, &["yoi-claim", "claim-show", place[0], place[1], &inline, ""]), ["T-1"]);
}

#[test]
fn whatever_is_wrong_nothing_is_said_and_nothing_is_made() {
    let env = TestEnv::with_sample();
    std::fs::write(env.workspace().join(".yoi/ticket.config.toml"), "nonsense").unwrap();
    std::fs::write(env.workspace().join(".yoi/profiles.toml"), "nonsense").unwrap();
    assert_eq!(told(&env, &["yoi", "-C", "/nowhere", "status", "--nonsense", ""]), Vec::<String>::new());
    assert_eq!(told(&env, &["yoi-claim", "pod-spawn", "--profile", ""]), ["builtin:checklist"]);
    assert_eq!(told(&env, &["yoi-claim", "claim-show", "x"]), Vec::<String>::new());
    for words in
        [&["complete", "fish", "--"][..], &["complete", "bash", "--", "x"], &["complete", "bash", "--", "", ""]]
    {
        assert_eq!(Outcome::of(&mut env.yoi(words)).stdout, "");
    }
    assert_eq!(names(&env.data()), Vec::<String>::new());
    // Of a registry that cannot be read nothing is known.
    run(&mut env.yoi_claim(["claim-commit", "x y", "--pod", "p", "--role", "coder"]), 0);
    assert_eq!(told(&env, &["yoi-claim", "claim-show", "x"]), ["x y"]);
    let before = tree(&env.data());
    std::fs::write(env.registry().claims_dir().join("bro~ken.toml"), "nonsense").unwrap();
    assert_eq!(told(&env, &["yoi-claim", "claim-show", ""]).len(), 3);
    std::fs::remove_file(env.registry().claims_dir().join("bro~ken.toml")).unwrap();
    assert_eq!(tree(&env.data()), before);
}

#[test]
fn the_committed_scripts_are_those_that_are_printed() {
    let env = TestEnv::new();
    for shell in SHELLS {
        for (program, of) in [("yoi", yoi::cli::Program::Porcelain), ("yoi-claim", yoi::cli::Program::Plumbing)] {
            let printed = run(&mut env.yoi(["completions", name(shell), program]), 0).stdout;
            assert_eq!(printed, script(shell, of));
            assert!(!printed.contains("{PROGRAM}") && !printed.contains("{FUNCTION}"));
        }
    }
}
