//! Launches that work: what they write and what they do not, what a second one is told, and what an agent finds.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs;
use std::path::Path;

use common::scene::{COMPLETE, INCOMPLETE, Tree, first_fields, names, pod, ticket, tree};
use common::{Outcome, TestEnv, run};

/// A record as it stands in a file.
fn toml_of(path: &Path) -> toml::Table {
    fs::read_to_string(path).unwrap().parse().unwrap()
}

mod what_is_written {
    use super::*;

    #[test]
    fn one_claim_that_names_the_pod_and_one_session_record() {
        let env = TestEnv::with_sample();
        let outcome = run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 0);
        let name = format!("intake-{INCOMPLETE}");
        assert_eq!(
            outcome.stdout,
            format!("Pod {name} took ticket {INCOMPLETE} (generation 1)\nsee it work: yoi attach {name}\n")
        );
        assert_eq!(outcome.stderr, "");
        let dir = env.registry().dir().to_owned();
        assert_eq!(names(&dir.join("claims")), [format!("{INCOMPLETE}.toml")]);
        assert_eq!(names(&dir.join("sessions")), [format!("{name}.toml")]);
        assert_eq!(names(&dir.join("pods")), [name.as_str()]);
        for empty in ["offers", "tmp"] {
            assert_eq!(names(&dir.join(empty)), Vec::<String>::new(), "{empty}");
        }
        let claim = toml_of(&dir.join("claims").join(format!("{INCOMPLETE}.toml")));
        let session = toml_of(&dir.join("sessions").join(format!("{name}.toml")));
        let record = toml_of(&dir.join("pods").join(&name).join("pod.toml"));
        for (key, value) in [("ticket", INCOMPLETE), ("pod", &name), ("role", "intake"), ("evidence", "user_message")] {
            assert_eq!(claim[key].as_str(), Some(value), "{key}");
        }
        assert_eq!(claim["generation"].as_integer(), Some(1));
        assert_eq!(claim["pod_id"], record["pod_id"]);
        assert_eq!(claim["nonce"], record["nonce"]);
        assert_eq!(session["pod_id"], record["pod_id"]);
        assert_eq!(session["origin"].as_str(), Some("ticket_claim"));
        assert_eq!(session["related_tickets"], toml::Value::from(vec![INCOMPLETE]));
        assert!(record.contains_key("confirmed_at"));
        run(&mut env.yoi_claim(["ticket-lock", INCOMPLETE, "--", "true"]), 0);
        env.stop(&name);
    }

    /// The sample's ticket is in the older format.
    #[test]
    fn a_complete_ticket_is_made_ready_and_the_pod_ends_by_itself() {
        let env = TestEnv::with_sample();
        let outcome = run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
        assert!(outcome.stdout.contains("✓ TicketIntakeReady: "), "{outcome:?}");
        env.wait_for_processes();
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\tintake-{COMPLETE}\tintake\t1\trestorable\n"));
        assert!(toml_of(&env.registry().claim_path(&ticket(COMPLETE))).contains_key("completed_at"));
        let status = run(&mut env.yoi(["status"]), 0).stdout;
        assert!(status.contains("stopped, restorable, completed"), "{status}");
        assert_eq!(names(&env.runtime()), Vec::<String>::new());
        let shown = run(&mut env.yoi(["ticket", "show", COMPLETE]), 0).stdout;
        assert!(shown.contains("ready"), "{shown}");
        run(&mut env.yoi(["ticket", "doctor"]), 0);
    }

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi(["intake", "-m", "one wish"]), 0);
        run(&mut env.yoi(["intake", "-m", "another wish"]), 0);
        assert_eq!(first_fields(&env.listed("session-list")), ["intake-new", "intake-new-2"]);
        env.stop("intake-new");
        run(&mut env.yoi(["intake", "-m", "a third wish"]), 0);
        assert_eq!(first_fields(&env.listed("pod-list")), ["intake-new", "intake-new-2", "intake-new-3"]);
        env.stop("intake-new-2");
        env.stop("intake-new-3");
    }
}

mod a_second_launch {
    use super::*;

    /// All claims, byte for byte.
    fn claims(env: &TestEnv) -> Tree {
        tree(&env.registry().claims_dir())
    }

    /// What an agent could take for an invitation to evict the holder.
    const EVICTIONS: [&str; 11] = [
        "release",
        "reclaim",
        "force",
        "yoi stop",
        "evict",
        "remove",
        "delete",
        "kill",
        "--expect",
        "steal",
        "take over",
    ];

    /// Neither program, in no role and under no other name, launches on this ticket; the claim stays as it is.
    #[track_caller]
    fn assert_refused(env: &TestEnv, id: &str) -> String {
        let before = claims(env);
        let script = format!(
            "yoi-claim ticket-lock {id} -- yoi-claim pod-spawn other --role intake --profile builtin:checklist --ticket {id}"
        );
        let attempts = [
            run(&mut env.yoi(["-q", "intake", id]), 1),
            run(&mut env.yoi(["-q", "intake", id, "--pod", "other", "-m", "it is urgent"]), 1),
            run(&mut env.shell(&script), 1),
            run(&mut env.yoi_claim(["claim-commit", id, "--pod", "other", "--role", "coder"]), 1),
        ];
        for Outcome { stdout, stderr, .. } in &attempts {
            assert_eq!(stdout, "");
            assert!(
                stderr.contains(&format!("Pod intake-{id}")) || stderr.contains(&format!("for intake-{id}")),
                "{stderr}"
            );
            let words = stderr.to_lowercase();
            let evictions: Vec<&str> = EVICTIONS.into_iter().filter(|word| words.contains(word)).collect();
            assert!(evictions.is_empty(), "{evictions:?} in {stderr}");
        }
        assert_eq!(claims(env), before);
        assert_eq!(names(&env.registry().dir().join("pods")), [format!("intake-{id}")]);
        attempts[0].stderr.clone()
    }

    #[test]
    fn is_refused_while_the_pod_is_live_and_while_it_is_restorable() {
        let env = TestEnv::with_sample();
        let name = format!("intake-{INCOMPLETE}");
        run(&mut env.yoi(["intake", INCOMPLETE]), 0);
        insta::assert_snapshot!(assert_refused(&env, INCOMPLETE), @r#"
        yoi: ticket 20260118-101544-001 is claimed by Pod intake-20260118-101544-001 as intake, which is live
        hint: yoi attach intake-20260118-101544-001
        "#);
        env.stop(&name);
        let said = assert_refused(&env, INCOMPLETE);
        insta::assert_snapshot!(said, @r#"
        yoi: ticket 20260118-101544-001 is claimed by Pod intake-20260118-101544-001 as intake, which is stopped and can be restored
        hint: yoi restore intake-20260118-101544-001
        "#);
        // What is printed works.
        let hint = said.lines().last().unwrap().strip_prefix("hint: ").unwrap().to_owned();
        run(&mut env.shell(&hint), 0);
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{name}\tintake\t1\tlive\n"));
        env.stop(&name);
    }

    #[test]
    fn is_refused_after_the_work_is_completed() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi(["intake", COMPLETE]), 0);
        env.wait_for_processes();
        let said = assert_refused(&env, COMPLETE);
        assert!(said.contains("which is stopped, restorable, completed"), "{said}");
    }

    #[test]
    fn is_refused_by_a_stale_claim_which_why_explains() {
        let env = TestEnv::with_sample();
        let name = format!("intake-{INCOMPLETE}");
        run(&mut env.yoi(["intake", INCOMPLETE]), 0);
        env.stop(&name);
        let before = claims(&env);
        fs::remove_dir_all(env.registry().pod_dir(&pod(&name))).unwrap();
        let outcome = run(&mut env.yoi(["-q", "intake", INCOMPLETE]), 1);
        insta::assert_snapshot!(outcome.stderr, @r#"
        yoi: Ticket 20260118-101544-001 has a stale local Intake claim for intake-20260118-101544-001
        hint: yoi why 20260118-101544-001
        "#);
        let coder = run(&mut env.yoi(["-q", "launch", "intake", INCOMPLETE, "--pod", "fresh"]), 1);
        assert!(coder.stderr.contains("has a stale local Intake claim"), "{coder:?}");
        assert_eq!(claims(&env), before);
        assert_eq!(names(&env.registry().dir().join("pods")), Vec::<String>::new());
        let why = run(&mut env.yoi(["why", INCOMPLETE]), 0).stdout;
        assert!(why.contains(&format!("status: stale: no lock is held, and Pod {name} has no record")), "{why}");
        assert!(why.contains(&format!("holder: Pod {name} as intake, generation 1")), "{why}");
        // Nobody is there who could decide: no command that frees it.
        assert!(!why.contains("claim-release") && why.contains("a person decides"), "{why}");
        assert_eq!(claims(&env), before);
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{name}\tintake\t1\tstale\n"));
    }

    /// A record that cannot be read is not free.
    #[test]
    fn is_refused_by_a_claim_that_cannot_be_read() {
        let env = TestEnv::with_sample();
        run(&mut env.yoi_claim(["ticket-lock", "another", "--", "true"]), 0);
        fs::write(env.registry().claim_path(&ticket(COMPLETE)), "version = 99\n").unwrap();
        let before = claims(&env);
        let outcome = run(&mut env.yoi(["-q", "intake", COMPLETE]), 128);
        assert!(outcome.stderr.contains(&format!("whether ticket {COMPLETE} is claimed is unknown")), "{outcome:?}");
        assert_eq!(claims(&env), before);
        assert_eq!(env.processes().len(), 0);
    }
}

mod the_workspace {
    use super::*;

    /// What must never be found in it.
    fn local_words(env: &TestEnv, pod: &str) -> Vec<String> {
        let registry = env.registry();
        let record = toml_of(&registry.dir().join("pods").join(pod).join("pod.toml"));
        let socket = registry.socket_path(&common::scene::pod(pod));
        let words = [record.get("nonce"), record.get("pod_id")].into_iter().flatten();
        let mut words: Vec<String> = words.map(|value| value.as_str().unwrap().to_owned()).collect();
        words.extend([pod.to_owned(), socket.file_name().unwrap().to_str().unwrap().to_owned()]);
        words.extend([env.data(), env.runtime()].map(|dir| dir.to_str().unwrap().to_owned()));
        words
    }

    #[track_caller]
    fn assert_nothing_local(env: &TestEnv, pod: &str) {
        let words = local_words(env, pod);
        assert!(words.len() >= 5, "{words:?}");
        for (path, (_, bytes)) in tree(&env.workspace()) {
            let text = String::from_utf8_lossy(&bytes);
            for word in &words {
                assert!(!path.contains(word) && !text.contains(word.as_str()), "{word} in {path}");
            }
        }
    }

    /// The paths at which two trees differ.
    fn changed(before: &Tree, after: &Tree) -> Vec<String> {
        let paths = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
        let mut paths: Vec<String> = paths.filter(|path| before.get(*path) != after.get(*path)).cloned().collect();
        paths.sort();
        paths
    }

    #[test]
    fn is_changed_by_the_ticket_tools_only_and_holds_nothing_local() {
        let env = TestEnv::with_sample();
        let before = tree(&env.workspace());
        run(&mut env.yoi(["intake", INCOMPLETE, "--wait"]), 0);
        let name = format!("intake-{INCOMPLETE}");
        let thread = format!(".yoi/tickets/{INCOMPLETE}/thread.md");
        let item = format!(".yoi/tickets/{INCOMPLETE}/item.md");
        let asked = tree(&env.workspace());
        assert_eq!(changed(&before, &asked), [item.as_str(), &thread]);
        assert_nothing_local(&env, &name);
        for command in [["stop", &name], ["restore", &name], ["stop", &name]] {
            run(&mut env.yoi(command), 0);
            assert_eq!(changed(&asked, &tree(&env.workspace())), Vec::<String>::new());
        }
    }

    #[test]
    fn holds_nothing_local_after_a_whole_intake_and_an_intake_without_a_ticket() {
        let env = TestEnv::with_sample();
        let before = tree(&env.workspace());
        run(&mut env.yoi(["intake", COMPLETE]), 0);
        env.wait_for_processes();
        let done = tree(&env.workspace());
        let ticket = format!(".yoi/tickets/{COMPLETE}");
        assert_eq!(changed(&before, &done), [format!("{ticket}/item.md"), format!("{ticket}/thread.md")]);
        assert_nothing_local(&env, &format!("intake-{COMPLETE}"));
        run(&mut env.yoi(["intake", "-m", "people want dark colours", "--wait"]), 0);
        assert_nothing_local(&env, "intake-new");
        let made = changed(&done, &tree(&env.workspace()));
        assert!(made.iter().all(|path| path.starts_with(".yoi/tickets/")), "{made:?}");
        env.stop("intake-new");
    }

    /// Neither does a launch by itself: an agent that does nothing leaves no trace.
    #[test]
    fn is_not_changed_by_a_launch() {
        let env = TestEnv::with_sample();
        env.configure_script("exit 0");
        let before = tree(&env.workspace());
        run(&mut env.yoi(["intake", COMPLETE, "--wait"]), 0);
        assert_eq!(changed(&before, &tree(&env.workspace())), Vec::<String>::new());
        env.stop(&format!("intake-{COMPLETE}"));
        assert_eq!(changed(&before, &tree(&env.workspace())), Vec::<String>::new());
    }
}

mod options {
    use super::*;

    /// What is printed, pasted into a shell.
    fn pasted(env: &TestEnv, arguments: &[&str]) -> String {
        let outcome = run(env.yoi(["intake", "--dry-run"]).args(arguments), 0);
        assert_eq!(tree(&env.data()), Tree::new(), "a dry run writes nothing");
        assert_eq!(tree(&env.runtime()), Tree::new());
        run(env.shell(&outcome.stdout).env("TMPDIR", env.root()), 0);
        outcome.stdout
    }

    #[test]
    fn a_dry_run_prints_commands_that_work_when_pasted() {
        let env = TestEnv::with_sample();
        pasted(&env, &[INCOMPLETE]);
        let name = format!("intake-{INCOMPLETE}");
        assert_eq!(env.listed("claim-list"), format!("{INCOMPLETE}\t{name}\tintake\t1\tlive\n"));
        assert_eq!(env.listed("session-list"), format!("{name}\tintake\tticket_claim\t{INCOMPLETE}\n"));
        assert_eq!(names(&env.workspace()), [".yoi"], "no file is left in the workspace");
        env.stop(&name);
    }

    #[test]
    fn the_pasted_commands_carry_message_and_name() {
        let env = TestEnv::with_sample();
        env.configure_script("cat >\"$HOME/prompt\"");
        pasted(&env, &["-m", "it's $HOME \"here\" `and` there", "--pod", "my pod's"]);
        assert_eq!(env.listed("session-list"), "my pod's\tintake\tpre_ticket_intake\t-\n");
        let prompt = env.home().join("prompt");
        let said = "it's $HOME \"here\" `and` there";
        env.wait_for("the prompt", || fs::read_to_string(&prompt).ok().filter(|text| text.contains(said)));
        env.stop("my pod's");
        let env = TestEnv::with_sample();
        env.configure_script("cat >\"$HOME/prompt\"");
        pasted(&env, &[INCOMPLETE, "-m", said]);
        let prompt = env.home().join("prompt");
        env.wait_for("the prompt", || fs::read_to_string(&prompt).ok().filter(|text| text.contains(said)));
        env.stop(&format!("intake-{INCOMPLETE}"));
    }

    #[test]
    fn a_message_begins_an_intake_without_a_ticket() {
        let env = TestEnv::with_sample();
        let outcome = run(&mut env.yoi(["-q", "intake", "-m", "people want dark colours", "--wait"]), 0);
        assert!(outcome.stdout.contains("Pod intake-new runs\n"), "{outcome:?}");
        assert!(outcome.stdout.contains("people want dark colours"), "{outcome:?}");
        let session = run(&mut env.yoi_claim(["session-show", "intake-new"]), 0).stdout;
        assert!(session.starts_with("intake-new\tintake\tpre_ticket_intake\t"), "{session}");
        // What the agent made of it is claimed for it.
        let related = session.trim_end().rsplit('\t').next().unwrap();
        assert_eq!(env.listed("claim-list"), format!("{related}\tintake-new\tintake\t1\tlive\n"));
        env.stop("intake-new");
        run(&mut env.yoi(["intake", "-m", " \n"]), 2);
        run(&mut env.yoi(["intake"]), 2);
    }

    #[test]
    fn waiting_tells_how_the_first_turn_ended() {
        let env = TestEnv::with_sample();
        env.configure_script("cat >/dev/null; echo looking around; exit 3");
        let outcome = run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 1);
        assert!(outcome.stdout.contains("looking around"), "{outcome:?}");
        assert!(outcome.stdout.contains("ended with status 3"), "{outcome:?}");
        // The launch itself worked: the claim stands.
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\tintake-{COMPLETE}\tintake\t1\tlive\n"));
        env.stop(&format!("intake-{COMPLETE}"));
    }

    #[test]
    fn progress_is_for_terminals_and_standard_error_stays_clean_elsewhere() {
        let env = TestEnv::with_sample();
        let outcome = run(&mut env.yoi(["intake", INCOMPLETE]), 0);
        assert_eq!(outcome.stderr, "");
        env.stop(&format!("intake-{INCOMPLETE}"));
    }

    #[test]
    fn an_unknown_ticket_is_refused_and_the_nearest_is_named() {
        let env = TestEnv::with_sample();
        let outcome = run(&mut env.yoi(["-q", "intake", "20260118-093012-002"]), 1);
        assert!(outcome.stderr.contains(COMPLETE), "{outcome:?}");
        assert_eq!(tree(&env.data()), Tree::new());
    }
}

/// An agent that is a shell script.
mod exec {
    use super::*;

    #[test]
    fn a_shell_script_does_a_whole_intake() {
        let env = TestEnv::with_sample();
        env.configure_script(
            r#"
            set -eu
            cat >"$HOME/prompt"
            yoi-claim claim-check "$YOI_TICKET" --expect "$YOI_CLAIM"
            yoi tool >"$HOME/tools"
            yoi tool TicketShow --json "{\"ticket\":\"$YOI_TICKET\"}" >"$HOME/ticket"
            yoi tool TicketComment --json "{\"ticket\":\"$YOI_TICKET\",\"body\":\"I read it.\"}"
            echo "{\"ticket\":\"$YOI_TICKET\",\"summary\":\"Retry, with pauses.\"}" | yoi tool TicketIntakeReady --json -
            echo "all done"
            "#,
        );
        let outcome = run(&mut env.yoi(["-q", "intake", COMPLETE, "--wait"]), 0);
        assert!(outcome.stdout.contains("all done"), "{outcome:?}");
        env.wait_for_processes();
        let home = |name: &str| fs::read_to_string(env.home().join(name)).unwrap();
        assert!(home("prompt").contains(&format!("Ticket: {COMPLETE}")));
        assert!(home("tools").contains("TicketIntakeReady {"));
        assert!(home("ticket").contains("Retry uploads that failed"));
        let thread = fs::read_to_string(env.workspace().join(format!(".yoi/tickets/{COMPLETE}/thread.md"))).unwrap();
        assert!(thread.contains("I read it.") && thread.contains("Retry, with pauses."), "{thread}");
        let tickets = run(&mut env.yoi(["ticket", "list", "--format", "{id} {state}"]), 0).stdout;
        assert!(tickets.contains(&format!("{COMPLETE} ready")), "{tickets}");
        assert_eq!(env.listed("claim-list"), format!("{COMPLETE}\tintake-{COMPLETE}\tintake\t1\trestorable\n"));
        let completed = run(&mut env.yoi_claim(["claim-show", COMPLETE, "--format", "{completed_at}"]), 0).stdout;
        assert!(completed.starts_with("20"), "{completed}");
    }

    #[test]
    fn nothing_of_the_launch_reaches_the_agent() {
        let env = TestEnv::with_sample();
        env.configure_script("env >\"$HOME/environment\"; exec ls /proc/self/fd");
        // Also where the launcher itself has descriptors and variables of ticket-lock, for another ticket.
        let outer = format!("exec 5<. 7<.; yoi-claim ticket-lock outer -- yoi -q intake {COMPLETE} --wait");
        let outcome = run(&mut env.shell(&outer), 0);
        // `ls` itself opens one, the directory that it lists.
        let numbers: Vec<&str> = outcome.stdout.lines().filter(|line| line.parse::<u32>().is_ok()).collect();
        assert_eq!(numbers, ["0", "1", "2", "3"], "{outcome:?}");
        let text = fs::read_to_string(env.home().join("environment")).unwrap();
        let mut ours: Vec<&str> = text.lines().filter(|line| line.starts_with("YOI_")).collect();
        ours.sort_unstable();
        let ours: Vec<(&str, &str)> = ours.iter().map(|line| line.split_once('=').unwrap()).collect();
        let name = format!("intake-{COMPLETE}");
        let claim = run(&mut env.yoi_claim(["claim-show", COMPLETE, "--format", "{expect}"]), 0).stdout;
        let epoch = ours.iter().find(|(name, _)| *name == "YOI_EPOCH").unwrap().1;
        let (data, runtime) = (env.data(), env.runtime());
        assert_eq!(
            ours,
            [
                ("YOI_CLAIM", claim.trim_end()),
                ("YOI_DATA_DIR", data.to_str().unwrap()),
                ("YOI_EPOCH", epoch),
                ("YOI_POD", &name),
                ("YOI_RUNTIME_DIR", runtime.to_str().unwrap()),
                ("YOI_TICKET", COMPLETE),
            ]
        );
        assert!(text.contains("USER=tester"), "the rest of the environment is the launcher's");
        env.stop(&name);
    }

    /// Whether it was prompted is looked up in the history, which the Pod writes before it answers anybody else: what a
    /// prompted agent does would only be seen some time later.
    #[test]
    fn the_agent_does_not_run_before_the_launch_is_confirmed() {
        let env = TestEnv::with_sample();
        env.configure_script("echo ran >\"$HOME/ran\"");
        let history = env.registry().pod_dir(&pod("p")).join("history.jsonl");
        let script = format!(
            "yoi-claim ticket-lock {COMPLETE} -- sh -ec '
               yoi-claim pod-spawn p --role intake --profile project:script --ticket {COMPLETE}
               echo hello | yoi-claim pod-run p
               yoi-claim claim-commit {COMPLETE} --pod p --role intake --evidence user_message
               yoi-claim session-record p --role intake --origin ticket_claim --ticket {COMPLETE}
               yoi-claim pod-status p
               cp \"$1\" \"$HOME/before\"
               yoi-claim pod-confirm p' sh \"$0\""
        );
        let outcome = run(env.shell(&script).arg(&history), 0);
        assert!(outcome.stdout.contains("p\tintake\tlaunching\n"), "{outcome:?}");
        let events = |path: &Path| -> Vec<String> {
            let text = fs::read_to_string(path).unwrap();
            let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["event"].to_string();
            text.lines().map(event).collect()
        };
        assert_eq!(events(&env.home().join("before")), ["\"user_message\""]);
        let ran = env.home().join("ran");
        env.wait_for("the agent", || ran.exists().then_some(()));
        assert_eq!(events(&history)[..2], ["\"user_message\"", "\"turn_start\""]);
        env.stop("p");
    }
}

/// Every role that is launched, before anything runs.
#[test]
fn a_dry_run_shows_all_that_the_agent_of_each_role_would_be_told_first() {
    let env = TestEnv::with_sample();
    let roles = ["intake", "orchestrator", "coder", "reviewer", "investigator"];
    let config: String = roles.iter().map(|role| format!("[roles.{role}]\nprofile = \"project:echo\"\n")).collect();
    let config = format!("[ticket]\nlanguage = \"日本語\"\n{config}launch_prompt = \"prompts/secret.md\"\n");
    fs::write(env.workspace().join(".yoi/ticket.config.toml"), config).unwrap();
    let profile = "[profiles.echo]\nagent = \"exec\"\ncommand = [\"cat\"]\n";
    fs::write(env.workspace().join(".yoi/profiles.toml"), profile).unwrap();
    for role in roles {
        let dry = run(&mut env.yoi(["launch", role, COMPLETE, "-m", "It's urgent.", "--dry-run"]), 0).stdout;
        let comments: Vec<&str> = dry.lines().map_while(|line| line.strip_prefix('#')).collect();
        let told = comments.iter().skip_while(|line| !line.ends_with("told first:")).skip(1);
        let told: String = told.map(|line| format!("{}\n", line.strip_prefix("   ").unwrap_or(line))).collect();
        let profile = env.workspace().join(".yoi/ticket.config.toml");
        assert!(comments.contains(&format!(" Pod {role}-{COMPLETE} as {role} on ticket {COMPLETE}").as_str()), "{dry}");
        let at = format!(" profile: project:echo ({}:", profile.display());
        assert!(comments.iter().any(|line| line.starts_with(&at)), "{dry}");
        assert!(told.contains("Language: 日本語\n") && told.ends_with("\nIt's urgent.\n"), "{told}");
        assert_eq!(dry.contains("# launch prompt: prompts/secret.md\n"), role == "investigator");
        // The agent repeats what it is told.
        run(&mut env.yoi(["-q", "launch", role, COMPLETE, "-m", "It's urgent.", "--wait"]), 0);
        let name = format!("{role}-{COMPLETE}");
        let history = env.history(&name);
        let answer = history.iter().find(|entry| entry["event"] == "text_done").unwrap();
        assert_eq!(answer["data"]["text"].as_str().unwrap().trim_end(), told.trim_end());
        env.stop(&name);
        let expect = run(&mut env.yoi_claim(["claim-show", COMPLETE, "--format", "{expect}"]), 0).stdout;
        let words = ["claim-release", COMPLETE, "--expect", expect.trim_end(), "--reason", "the next role"];
        run(&mut env.yoi_claim(words), 0);
    }
}

#[test]
fn a_procedure_that_has_no_text_is_told_before_anything_is_started() {
    let env = TestEnv::with_sample();
    let config = "[roles.intake]\nworkflow = \"ticket-intke-workflow\"\n";
    fs::write(env.workspace().join(".yoi/ticket.config.toml"), config).unwrap();
    let outcome = run(&mut env.yoi(["intake", COMPLETE]), 4);
    let place = env.workspace().join(".yoi/ticket.config.toml:2");
    let said = format!("yoi: cannot launch role intake (workflow set in {}): there is no workflow", place.display());
    assert!(outcome.stderr.starts_with(&said), "{outcome:?}");
    assert!(outcome.stderr.contains("did you mean ticket-intake-workflow?"), "{outcome:?}");
    env.assert_nothing_is_left();
}
