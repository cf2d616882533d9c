//! The socket: who is served, and how.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;

use serde_json::json;
use yoi::domain::{Role, Segment};
use yoi::pod::protocol::{MAX_LINE, Method};

use crate::fixture::{Pod, data, until};
use crate::tests;

/// The stranger of a test: connects and tells what it got.
pub fn connect(socket: &str) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let mut first = [0; 18];
    let _ = stream.read_exact(&mut first);
    println!("{}", if first.starts_with(b"{\"event\":\"snapshot") { "a snapshot" } else { "nothing" });
}

tests! {
    fn a_pod_that_is_ready_greets_with_a_snapshot() {
        let mut pod = Pod::start("cat");
        let (_client, snapshot) = pod.connect();
        assert_eq!((snapshot.pod.as_str(), snapshot.greeting.as_str(), snapshot.role), ("test", "hello", Role::Intake));
        assert!(snapshot.probation && snapshot.history.is_empty() && !snapshot.truncated);
        assert!(pod.ready().is_err(), "it is said once");
    }

    fn an_id_is_echoed_to_who_asked_and_to_nobody_else() {
        let pod = Pod::start("echo hello");
        let (mut one, _) = pod.connect();
        let (mut other, _) = pod.connect();
        pod.launch(&mut one);
        one.read_until(|message| message.event == "run_end" && message.id == Some(json!(1)));
        other.read_until(|message| {
            assert_eq!(message.id, None);
            message.event == "run_end"
        });
        let mut raw = UnixStream::connect(&pod.spec.socket).unwrap();
        raw.write_all(b"{\"method\":\"dance\",\"id\":{\"a\":1}}\nnonsense\n").unwrap();
        raw.shutdown(std::net::Shutdown::Write).unwrap();
        let mut text = String::new();
        raw.read_to_string(&mut text).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        assert!(lines[0].contains("unknown_method") && lines[0].ends_with(r#""id":{"a":1}}"#), "{}", lines[0]);
        assert!(lines[1].contains("bad_request"), "{}", lines[1]);
    }

    fn who_connects_later_is_told_what_went_before() {
        let pod = Pod::start("echo hello");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("run_end");
        let (_, snapshot) = pod.connect();
        let events: Vec<&str> = snapshot.history.iter().map(|entry| entry.event.as_str()).collect();
        assert_eq!(events, ["user_message", "turn_start", "text_done", "turn_end", "run_end"]);
        assert!(!snapshot.probation);
    }

    fn another_user_is_not_served() {
        if !nix::unistd::geteuid().is_root() {
            println!("(needs root to be somebody else)");
            return;
        }
        let pod = Pod::start("cat");
        let open = |path: &std::path::Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        let program = pod.file("stranger");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        open(&pod.spec.directory, 0o755);
        open(pod.spec.socket.parent().unwrap(), 0o755);
        open(&pod.spec.socket, 0o666);
        open(&program, 0o755);
        let connect = |user| {
            let mut command = std::process::Command::new(&program);
            let output = command.arg("connect").arg(&pod.spec.socket).uid(user).gid(user).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        assert_eq!(connect(65534), "nothing\n");
        assert_eq!(connect(0), "a snapshot\n");
    }

    fn a_line_that_is_too_long_is_answered_and_ends_the_connection() {
        let pod = Pod::start("cat");
        let mut raw = UnixStream::connect(&pod.spec.socket).unwrap();
        // The Pod may have hung up before all of it is sent.
        let _ = raw.write_all(&vec![b'x'; MAX_LINE + 1]);
        let mut bytes = Vec::new();
        let _ = raw.read_to_end(&mut bytes);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.lines().nth(1).unwrap().contains("line_too_long"), "{text}");
        let (mut client, _) = pod.connect();
        assert_eq!(client.ask(&Method::Status {}).unwrap().event, "status");
    }

    fn a_slow_client_is_disconnected_and_nobody_waits_for_it() {
        // A mebibyte at a time, the next when the other client has it: only who never reads falls behind.
        let script = "for i in 0 1 2 3 4 5 6 7; do head -c 1048576 /dev/zero | tr '\\0' x; \
            until test -e go$i; do sleep 0.01; done; done";
        let pod = Pod::start(script);
        let mut slow = UnixStream::connect(&pod.spec.socket).unwrap();
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        for i in 0..8 {
            let mut received = 0;
            client.read_until(|message| {
                received += data(message, "text").as_str().map_or(0, str::len);
                received == 1 << 20
            });
            fs::write(pod.file(&format!("go{i}")), "").unwrap();
        }
        client.read_to("run_end");
        let mut bytes = Vec::new();
        let _ = slow.read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.contains("text_delta") && !text.contains("run_end"));
    }

    fn a_client_too_many_is_told_so() {
        let pod = Pod::start("cat");
        let streams: Vec<UnixStream> = (0..64).map(|_| UnixStream::connect(&pod.spec.socket).unwrap()).collect();
        let mut last = UnixStream::connect(&pod.spec.socket).unwrap();
        let mut text = String::new();
        last.read_to_string(&mut text).unwrap();
        assert!(text.contains("busy"), "{text}");
        drop(streams);
        until("there is room again", || {
            let mut first = [0; 18];
            let read = UnixStream::connect(&pod.spec.socket).and_then(|mut stream| stream.read_exact(&mut first));
            read.is_ok() && first.starts_with(b"{\"event\":\"snapshot")
        });
    }

    fn a_socket_that_is_deleted_is_bound_anew() {
        let pod = Pod::start("cat");
        let (mut before, _) = pod.connect();
        fs::remove_file(&pod.spec.socket).unwrap();
        until("the socket is back", || UnixStream::connect(&pod.spec.socket).is_ok());
        // The Pod may be faster than the removal.
        until("the directory is gone", || fs::remove_dir_all(pod.spec.socket.parent().unwrap()).is_ok());
        until("the socket is back", || UnixStream::connect(&pod.spec.socket).is_ok());
        assert_eq!(before.ask(&Method::Status {}).unwrap().event, "status", "who was connected still is");
        let (mut after, _) = pod.connect();
        assert_eq!(after.ask(&Method::Status {}).unwrap().event, "status");
    }

    fn tools_are_called_by_this_epoch_only() {
        let pod = Pod::start("printf %s \"$YOI_EPOCH\"");
        let (mut client, _) = pod.connect();
        let call = |tool: &str, epoch: &str| Method::ToolCall {
            tool: tool.into(),
            arguments: json!({"ticket": "T-1"}),
            epoch: epoch.into(),
        };
        assert_eq!(client.refused(&call("TicketShow", "another")), "wrong_epoch");
        pod.accept(&mut client);
        pod.commit();
        pod.confirm(&mut client).unwrap();
        let epoch = client.answer();
        client.read_to("run_end");
        let tools = client.ask(&Method::Tools { epoch: epoch.clone() }).unwrap();
        assert_eq!(data(&tools, "tools").as_array().unwrap().len(), 3);
        let result = client.ask(&call("TicketShow", &epoch)).unwrap();
        assert_eq!((result.event.as_str(), data(&result, "is_error")), ("tool_result", &json!(false)));
        let unknown = client.ask(&call("Dance", &epoch)).unwrap();
        assert_eq!(data(&unknown, "is_error"), &json!(true));
        let events = pod.history_events();
        assert_eq!(events[events.len() - 4..], ["tool_call_start", "tool_result", "tool_call_start", "tool_result"]);
    }

    fn the_agent_is_told_of_its_pod_and_gets_nothing_else_of_ours() {
        let script = "env | grep YOI_ | sort; ls -l /proc/self/fd | sed 's/.* \\([0-9]*\\) -> .*/\\1/' | grep -v total | xargs";
        let pod = Pod::start(script);
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        let answer = client.answer();
        let lines: Vec<&str> = answer.lines().collect();
        let expected = ["YOI_CLAIM=1:9f", "YOI_DATA_DIR=/data"];
        assert_eq!(lines[..2], expected, "{answer}");
        assert!(lines[2].starts_with("YOI_EPOCH="), "{answer}");
        assert_eq!(lines[3..6], ["YOI_POD=test", "YOI_RUNTIME_DIR=/runtime", "YOI_TICKET=T-1"], "{answer}");
        // The fourth is the listing's own.
        assert_eq!(lines[6], "0 1 2 3", "{answer}");
    }

    fn notifications_and_peers_are_kept_and_told_to_the_next_turn() {
        let pod = Pod::start("cat");
        let (mut client, _) = pod.connect();
        pod.launch(&mut client);
        client.read_to("run_end");
        assert_eq!(client.ask(&Method::Notify { text: "it rains".into() }).unwrap().event, "ok");
        let peer = Method::RegisterPeer { pod: "boss".parse().unwrap(), role: Role::Orchestrator };
        assert_eq!(client.ask(&peer).unwrap().event, "ok");
        client.ask(&Method::Run { input: vec![Segment::text("again")], nonce: None }).unwrap();
        let answer = client.answer();
        for said in ["# The conversation so far", "it rains", "The Pod boss (role orchestrator)", "go", "again"] {
            assert!(answer.contains(said), "{said:?} in {answer}");
        }
    }
}
