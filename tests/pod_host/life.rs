//! The life of a Pod: probation, turns, shutdown.

use std::fs;
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::json;
use yoi::domain::{AgentSpec, Nonce, Role, Segment};
use yoi::fs::{LockState, probe, random_bytes};
use yoi::pod::protocol::{Event, Method};
use yoi::pod::spawn::SpawnError;

use crate::fixture::{Pod, Specification, data, until};
use crate::tests;

fn run(text: &str) -> Method {
    Method::Run { input: vec![Segment::text(text)], nonce: None }
}

fn checklist() -> AgentSpec {
    let sections = ["Background", "Goal", "Requirements", "Acceptance criteria", "Open questions"];
    AgentSpec::Checklist { sections: sections.map(str::to_owned).to_vec() }
}

tests! {
    fn a_run_is_accepted_on_probation_but_not_prompted() {
        let pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        let wrong = Nonce::from_bytes(random_bytes());
        let first = |nonce| Method::Run { input: vec![Segment::text("go")], nonce };
        assert_eq!(client.refused(&first(None)), "wrong_nonce");
        assert_eq!(client.refused(&first(Some(wrong))), "wrong_nonce");
        assert!(!pod.file("offer").exists());
        pod.accept(&mut client);
        assert!(pod.file("offer").exists());
        assert_eq!(client.refused(&first(Some(pod.spec.nonce))), "on_probation");
        let status = client.ask(&Method::Status {}).unwrap();
        assert_eq!(status.data, json!({"status": "idle", "probation": true, "shutdown_after_idle": false, "queued": 1}));
        assert_eq!(pod.history_events(), ["user_message"]);
        assert_eq!(pod.confirm(&mut client).unwrap_err().to_string(), "the claim does not name this Pod and this attempt");
        assert_eq!(probe(&pod.file("ticket.lock")).unwrap(), LockState::Held);
    }

    fn confirmation_releases_the_ticket_and_then_prompts() {
        let pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.commit();
        let wrong = Method::Confirm { nonce: Some(Nonce::from_bytes(random_bytes())), without_record: false };
        assert_eq!(client.refused(&wrong), "wrong_nonce");
        assert_eq!(pod.confirm(&mut client).unwrap().event, "confirmed");
        assert_eq!(probe(&pod.file("ticket.lock")).unwrap(), LockState::Free, "in host and warden, at once");
        assert_eq!(client.answer(), "hello\n");
        client.read_to("run_end");
        assert_eq!(pod.confirm(&mut client).unwrap().event, "confirmed", "again is a success");
    }

    fn an_offer_that_cannot_be_written_rejects_the_run() {
        let pod = Pod::start("echo hello");
        fs::write(pod.file("no-offers"), "").unwrap();
        let (mut client, _) = pod.connect();
        let first = Method::Run { input: vec![Segment::text("go")], nonce: Some(pod.spec.nonce) };
        assert_eq!(client.refused(&first), "failed");
    }

    fn a_launcher_that_is_gone_takes_its_pod_with_it() {
        let mut pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.launcher = None;
        assert!(pod.ended().success());
        pod.is_gone();
        assert!(!pod.file("pod").exists() && !pod.file("offer").exists());
        assert!(client.is_closed());
    }

    fn a_pod_whose_claim_stands_goes_on_without_its_launcher() {
        let mut pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.commit();
        pod.launcher = None;
        assert_eq!(client.answer(), "hello\n");
        assert_eq!(pod.confirm(&mut client).unwrap().event, "confirmed", "late is a success");
        assert_eq!(probe(&pod.file("ticket.lock")).unwrap(), LockState::Free);
    }

    fn a_pod_that_is_never_confirmed_gives_up_at_its_deadline() {
        let mut pod = Pod::start_as("cat", |spec| spec.probation = Duration::from_millis(50));
        assert!(pod.ended().success());
        pod.is_gone();
        assert!(!pod.file("pod").exists());
    }

    fn a_pod_whose_claim_cannot_be_read_ends_and_keeps_its_directory() {
        let mut pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        fs::write(pod.file("unreadable"), "").unwrap();
        client.ask(&Method::Shutdown { now: false }).unwrap();
        assert!(pod.ended().success());
        pod.is_gone();
        assert!(pod.file("pod").exists() && !pod.file("offer").exists());
    }

    fn a_claim_that_becomes_readable_while_giving_up_is_obeyed() {
        let mut pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.commit();
        fs::write(pod.file("unreadable"), "").unwrap();
        pod.launcher = None;
        until("it tried", || fs::read_to_string(pod.file("host.log")).unwrap().contains("cannot tell whether"));
        fs::remove_file(pod.file("unreadable")).unwrap();
        assert_eq!(client.answer(), "hello\n");
    }

    fn a_shutdown_on_probation_gives_up_and_with_a_standing_claim_it_stops_without_a_turn() {
        let mut pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.accept(&mut client);
        pod.commit();
        client.ask(&Method::Shutdown { now: false }).unwrap();
        assert!(pod.ended().success());
        pod.is_gone();
        assert_eq!(pod.history_events(), ["user_message", "run_end", "shutdown"]);
    }

    fn sigterm_is_an_ordinary_shutdown() {
        let mut pod = Pod::start("echo begun; exec sleep 1000");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("text_delta");
        pod.signal(pod.warden(), Signal::SIGTERM);
        let last = client.read_to("shutdown");
        assert_eq!(last, ["status", "text_done", "turn_end", "run_end", "shutdown"]);
        assert!(pod.ended().success());
        pod.is_gone();
        let history = pod.history();
        assert_eq!(history.last().unwrap().data, json!({"reason": "signal"}));
        assert_eq!(history[history.len() - 3].data, json!({"outcome": "cancelled"}));
    }

    fn an_ordinary_shutdown_waits_for_the_turn_and_takes_no_more_runs() {
        let mut pod = Pod::start("echo begun; until test -e go; do sleep 0.01; done; echo done");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("text_delta");
        client.ask(&run("queued")).unwrap();
        client.ask(&Method::Shutdown { now: false }).unwrap();
        assert_eq!(client.refused(&run("late")), "shutting_down");
        fs::write(pod.file("go"), "").unwrap();
        assert_eq!(client.answer(), "begun\ndone\n");
        client.read_to("shutdown");
        assert!(pod.ended().success());
        assert!(pod.history().iter().any(|entry| entry.data == json!({"outcome": "dropped"})));
    }

    fn a_shutdown_now_does_not_wait_for_a_deaf_agent() {
        let mut pod = Pod::start("trap '' TERM; echo begun; while :; do sleep 1; done");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("text_delta");
        client.ask(&Method::Shutdown { now: true }).unwrap();
        assert!(pod.ended().success());
        pod.is_gone();
    }

    fn a_turn_can_be_cancelled_and_the_next_run_follows() {
        let pod = Pod::start("read first; case $first in *go*) echo begun; exec sleep 1000;; *) echo again;; esac");
        let (mut client, _) = pod.connect();
        assert_eq!(client.refused(&Method::Cancel {}), "not_running");
        pod.launch(&mut client);
        client.read_to("text_delta");
        client.ask(&run("more")).unwrap();
        client.ask(&Method::Cancel {}).unwrap();
        client.read_until(|message| message.event == "run_end" && data(message, "outcome") == "cancelled");
        assert_eq!(client.answer(), "again\n");
        client.read_until(|message| message.event == "run_end" && data(message, "outcome") == "completed");
    }

    fn an_intake_that_is_ready_stops_when_all_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let mut pod = Pod::spawn(Specification::agent(directory.path(), checklist()));
        pod.ready().unwrap();
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        let mut events = client.read_to("shutdown");
        events.dedup();
        let told: Vec<&str> = events.iter().map(String::as_str).filter(|event| *event != "text_delta").collect();
        let expected = [
            "status", "invoke_start", "turn_start", "tool_call_start", "tool_result", "tool_call_start", "tool_result",
            "shutdown_scheduled", "text_done", "turn_end", "run_end", "status", "shutdown",
        ];
        // The status before "shutdown" comes twice, idle and then stopping, which are one here.
        assert_eq!(told, expected);
        assert!(pod.ended().success());
        pod.is_gone();
        assert_eq!(pod.history().last().unwrap().data, json!({"reason": "idle"}));
        assert!(pod.file("claim").exists());
    }

    fn another_role_is_not_marked_by_the_same_success() {
        let directory = tempfile::tempdir().unwrap();
        let spec = Specification { role: Role::Coder, ..Specification::agent(directory.path(), checklist()) };
        let mut pod = Pod::spawn(spec);
        pod.ready().unwrap();
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("run_end");
        let status = client.ask(&Method::Status {}).unwrap();
        assert_eq!(status.data, json!({"status": "idle", "probation": false, "shutdown_after_idle": false, "queued": 0}));
    }

    fn a_failed_call_does_not_mark() {
        let pod = Pod::start("printf %s \"$YOI_EPOCH\"");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        let epoch = client.answer();
        client.read_to("run_end");
        let arguments = json!({"ticket": "T-1", "fail": true});
        let failed = client.ask(&Method::ToolCall { tool: "TicketIntakeReady".into(), arguments, epoch }).unwrap();
        assert_eq!(data(&failed, "is_error"), &json!(true));
        assert_eq!(data(&client.ask(&Method::Status {}).unwrap(), "shutdown_after_idle"), &json!(false));
    }

    fn the_mark_survives_an_errored_turn_and_can_be_taken_back() {
        let mut pod = Pod::start("echo begun; until test -e go; do sleep 0.01; done; exit 3");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("text_delta");
        let mark = |cancel| Method::ShutdownAfterIdle { cancel };
        assert_eq!(client.ask(&mark(false)).unwrap().data, json!({"scheduled": true}));
        assert_eq!(client.ask(&mark(true)).unwrap().data, json!({"scheduled": false}));
        assert_eq!(data(&client.ask(&Method::Status {}).unwrap(), "shutdown_after_idle"), &json!(false));
        client.ask(&mark(false)).unwrap();
        client.ask(&run("accepted before the mark took effect")).unwrap();
        fs::write(pod.file("go"), "").unwrap();
        let events = client.read_to("shutdown");
        assert_eq!(events.iter().filter(|event| *event == "run_end").count(), 2, "{events:?}");
        assert!(pod.ended().success());
    }

    fn a_history_that_is_not_on_disk_keeps_the_pod_alive_and_says_so() {
        let mut pod = Pod::start("echo begun; until test -e go; do sleep 0.01; done");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("text_delta");
        client.ask(&Method::ShutdownAfterIdle { cancel: false }).unwrap();
        fs::rename(pod.file("pod/history.jsonl"), pod.file("aside")).unwrap();
        fs::create_dir(pod.file("pod/history.jsonl")).unwrap();
        fs::write(pod.file("go"), "").unwrap();
        client.read_until(|message| match message.event() {
            Some(Event::Alert { message }) => message.starts_with("the shutdown after idle did not happen"),
            _ => false,
        });
        assert_eq!(data(&client.ask(&Method::Status {}).unwrap(), "status"), "idle");
        assert!(fs::read_to_string(pod.file("journal")).unwrap().contains("the shutdown after idle did not happen"));
        fs::remove_dir(pod.file("pod/history.jsonl")).unwrap();
        fs::rename(pod.file("aside"), pod.file("pod/history.jsonl")).unwrap();
        client.ask(&Method::ShutdownAfterIdle { cancel: false }).unwrap();
        client.read_to("shutdown");
        assert!(pod.ended().success());
    }

    fn an_agent_that_is_not_there_is_refused_before_ready() {
        let directory = tempfile::tempdir().unwrap();
        let agent = AgentSpec::Exec { command: vec!["/nowhere/agent".into()], env: [].into() };
        let mut pod = Pod::spawn(Specification::agent(directory.path(), agent));
        let Err(SpawnError::Refused { code, message }) = pod.ready() else { panic!("refused") };
        assert_eq!(code, "agent");
        assert!(message.contains("/nowhere/agent"), "{message}");
        pod.ended();
        pod.is_gone();
        assert!(!pod.file("pod").exists());
    }

    fn a_socket_that_cannot_be_had_is_refused_before_ready() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("x".repeat(120));
        let mut pod = Pod::spawn(Specification { socket, ..Specification::script(directory.path(), "cat") });
        assert!(matches!(pod.ready(), Err(SpawnError::Refused { code, .. }) if code == "socket"));
        assert!(!pod.ended().success());
        pod.is_gone();
        assert!(!pod.file("pod").exists());
    }

    fn a_restored_pod_whose_claim_has_moved_on_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let spec = Specification { restored: true, ..Specification::script(directory.path(), "cat") };
        let mut pod = Pod::spawn(spec.clone());
        assert!(matches!(pod.ready(), Err(SpawnError::Refused { code, .. }) if code == "moved_on"));
        pod.ended();
        drop(pod);
        fs::write(directory.path().join("claim"), "").unwrap();
        let mut pod = Pod::spawn(spec);
        pod.ready().unwrap();
        let (mut client, _) = pod.connect();
        assert_eq!(pod.confirm(&mut client).unwrap().event, "confirmed", "it needs no Run");
    }

    fn a_restored_pod_remembers_its_conversation() {
        let directory = tempfile::tempdir().unwrap();
        let spec = Specification::script(directory.path(), "cat");
        let mut pod = Pod::spawn(spec.clone());
        pod.ready().unwrap();
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("run_end");
        client.ask(&Method::Shutdown { now: false }).unwrap();
        pod.ended();
        drop(pod);
        let mut pod = Pod::spawn(Specification { restored: true, ..spec });
        pod.ready().unwrap();
        let (mut client, snapshot) = pod.connect();
        assert_eq!(snapshot.history.last().unwrap().event, "shutdown");
        pod.confirm(&mut client).unwrap();
        client.ask(&run("and now?")).unwrap();
        let answer = client.answer();
        assert!(answer.contains("## The user\n\ngo") && answer.ends_with("and now?\n"), "{answer}");
    }
}
