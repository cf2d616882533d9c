//! `yoi mcp`, between a client as agents have one and a Pod.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::disallowed_methods, reason = "these tests are the other process that holds a lock")]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod fake;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;

use client::{Server, told};
use common::puppet::{Puppet, outline};
use common::scene::{COMPLETE, INCOMPLETE, tree};
use common::{Process, TestEnv, run};
use fake::{FakePod, Peer};
use serde_json::{Value, json};

/// A Pod in its first turn, and all that a tool server of it is told.
struct Pod {
    env: TestEnv,
    puppet: Puppet,
    name: String,
    epoch: String,
}

impl Pod {
    fn of(role: &str) -> Self {
        let env = TestEnv::with_sample();
        let mut puppet = env.puppet(role);
        run(&mut env.yoi(["-q", "launch", role, INCOMPLETE]), 0);
        puppet.begun();
        let epoch = puppet.sh("echo $YOI_EPOCH").1.trim().to_owned();
        Self { env, puppet, name: format!("{role}-{INCOMPLETE}"), epoch }
    }

    /// `yoi mcp`, as the Pod has it started.
    fn server(&self) -> Command {
        let mut command = self.env.yoi(["mcp"]);
        command.env("YOI_POD", &self.name).env("YOI_EPOCH", &self.epoch);
        command
    }

    fn thread(&self) -> String {
        let path = self.env.workspace().join(".yoi/tickets").join(INCOMPLETE).join("thread.md");
        fs::read_to_string(path).unwrap()
    }

    fn stop(&self) {
        self.env.stop(&self.name);
    }

    /// Kills the Pod's own processes, as if at once.
    fn kill(&self) {
        let hosts: Vec<Process> =
            self.env.processes().into_iter().filter(|process| process.to_string().contains("pod-host")).collect();
        assert_eq!(hosts.len(), 2, "a Pod is a warden and a host");
        hosts.iter().for_each(Process::kill);
    }
}

/// `yoi mcp` of a Pod that is none.
fn at(env: &TestEnv, pod: &FakePod) -> Command {
    let mut command = env.yoi(["mcp", "--socket"]);
    command.arg(&pod.socket).env("YOI_POD", "p").env("YOI_EPOCH", "e");
    command
}

/// The same, started and ready, and its end of the connection.
fn faked(env: &TestEnv) -> (Server, Peer) {
    let pod = FakePod::new(env);
    let mut server = Server::start(&mut at(env, &pod));
    let mut peer = pod.with_tool();
    server.initialize();
    server.tell("notifications/initialized", json!({}));
    peer.report();
    (server, peer)
}

/// It has ended well, and said nothing but protocol.
#[track_caller]
fn ended_in_silence(server: Server) {
    let ended = server.end().assert_status(0);
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("", ""));
}

#[test]
fn a_client_shakes_hands_lists_and_calls() {
    let pod = Pod::of("intake");
    let mut server = Server::ready(&mut pod.server());
    let listed = server.ask("tools/list", json!({}));
    let shown = run(pod.env.yoi(["tool"]).env("YOI_POD", &pod.name).env("YOI_EPOCH", &pod.epoch), 0).stdout;
    for tool in listed["result"]["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        assert!(shown.contains(name) && shown.contains(tool["description"].as_str().unwrap()), "{tool}");
        assert_eq!(
            (&tool["inputSchema"]["type"], &tool["inputSchema"]["additionalProperties"]),
            (&json!("object"), &json!(false))
        );
        let reads = ["TicketList", "TicketShow"].contains(&name);
        assert_eq!(tool["annotations"]["readOnlyHint"], reads, "{tool}");
    }
    assert!(server.tools().contains(&"TicketIntakeReady".to_owned()));
    let (is_error, text) = server.call("TicketShow", &json!({ "ticket": COMPLETE }));
    assert!(!is_error && text.contains(COMPLETE), "{text}");
    let (is_error, text) = server.call("TicketShow", &json!({ "ticket": "nothing" }));
    assert!(is_error && text.contains("there is no ticket \"nothing\""), "{text}");
    let (is_error, text) = server.call("TicketShow", &json!({ "id": COMPLETE }));
    assert!(is_error && text.contains("ticket"), "{text}");
    let (is_error, text) = server.call("Bash", &json!({}));
    assert!(is_error && text.contains("\"Bash\"") && text.contains("TicketShow"), "{text}");
    server.close();
    ended_in_silence(server);
    pod.stop();
}

/// What a call over MCP does is done by the Pod, and known to it.
#[test]
fn a_call_is_in_the_pods_history_with_its_result() {
    let mut pod = Pod::of("intake");
    let mut server = Server::ready(&mut pod.server());
    let (_, text) = server.call("TicketComment", &json!({ "ticket": INCOMPLETE, "body": "Which browsers?" }));
    let history = pod.env.history(&pod.name);
    let calls: Vec<&Value> = history.iter().filter(|entry| entry["event"] == "tool_call_start").collect();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["data"]["arguments"]["body"], "Which browsers?");
    assert_eq!(history.iter().find(|entry| entry["event"] == "tool_result").unwrap()["data"]["text"], text);
    let (is_error, text) = server.call("TicketIntakeReady", &json!({ "ticket": INCOMPLETE, "summary": "Clear." }));
    assert!(!is_error, "{text}");
    // The Pod ends by itself, and its tool server with it.
    pod.puppet.answer("done", 0);
    ended_in_silence(server);
    pod.env.wait_for_processes();
}

#[test]
fn an_intake_tool_in_a_coder_pod_is_refused_and_schedules_nothing() {
    let mut pod = Pod::of("coder");
    let before = tree(&pod.env.workspace());
    let mut server = Server::ready(&mut pod.server());
    let tools = server.tools();
    assert!(!tools.contains(&"TicketIntakeReady".to_owned()), "{tools:?}");
    for tool in ["TicketIntakeReady", "TicketCreate", "mcp__yoi__TicketIntakeReady"] {
        let (is_error, text) = server.call(tool, &json!({ "ticket": INCOMPLETE, "summary": "It is clear to me." }));
        assert!(is_error && text.contains("a Pod of the role coder has no tool"), "{text}");
        assert!(text.contains("TicketComment"), "it says what there is instead: {text}");
    }
    assert_eq!(tree(&pod.env.workspace()), before);
    let (mut wire, _) = pod.env.wire(&pod.name);
    assert_eq!(wire.ask(1, "status", json!({}))["data"]["shutdown_after_idle"], false);
    pod.puppet.answer("done", 0);
    wire.event("run_end");
    assert_eq!(wire.ask(2, "status", json!({}))["data"]["shutdown_after_idle"], false);
    pod.stop();
    ended_in_silence(server);
}

#[test]
fn the_report_goes_out_once_the_client_has_initialised() {
    let env = TestEnv::new();
    let pod = FakePod::new(&env);
    let mut server = Server::start(&mut at(&env, &pod));
    let mut peer = pod.with_tool();
    server.initialize();
    // Answered, so whatever was to be said because of the handshake alone would have been said.
    server.ask("ping", json!({}));
    server.tell("notifications/initialized", json!({}));
    peer.report();
    // Once: what comes next is the call.
    server.tell("notifications/initialized", json!({}));
    assert_eq!(server.tools(), ["Do"]);
    let id = server.begin("Do", &json!({}));
    let asked = peer.expect("tool_call");
    peer.result(&asked, "did", false);
    assert_eq!(told(&server.answer(id)), (false, "did".to_owned()));
    server.close();
    assert_eq!(peer.next(), None);
    ended_in_silence(server);
}

/// Clients of the revisions of MCP without a handshake, and those that forget the notification.
#[test]
fn the_report_goes_out_at_the_latest_when_tools_are_listed_or_called() {
    let env = TestEnv::new();
    let pod = FakePod::new(&env);
    let mut server = Server::start(&mut at(&env, &pod));
    let mut peer = pod.with_tool();
    server.initialize();
    let id = server.send("tools/list", json!({}));
    peer.report();
    let listed = server.answer(id);
    let schema = r#"{"type":"object","properties":{"z":{"type":"string"},"a":{}}}"#;
    assert_eq!(listed["result"]["tools"][0]["inputSchema"].to_string(), schema);
    drop((server, peer));

    let mut server = Server::start(&mut at(&env, &pod));
    let mut peer = pod.with_tool();
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}, "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" } });
    let id = server.send("tools/call", json!({ "name": "Do", "arguments": {}, "_meta": meta }));
    peer.report();
    let asked = peer.expect("tool_call");
    peer.result(&asked, "did", false);
    assert_eq!(told(&server.answer(id)), (false, "did".to_owned()));
    server.close();
    ended_in_silence(server);
}

#[test]
fn two_calls_at_once_are_both_answered_and_neither_holds_up_the_session() {
    let pod = Pod::of("intake");
    let mut server = Server::ready(&mut pod.server());
    let tickets = File::open(pod.env.workspace().join(".yoi/tickets")).unwrap();
    tickets.lock().unwrap();
    let comment = |body: &str| json!({ "ticket": INCOMPLETE, "body": body });
    let (first, second) =
        (server.begin("TicketComment", &comment("one")), server.begin("TicketComment", &comment("two")));
    // Both wait for the tickets; the session goes on.
    server.ask("ping", json!({}));
    drop(tickets);
    for id in [first, second] {
        let (is_error, text) = told(&server.answer(id));
        assert!(!is_error, "{text}");
    }
    let thread = pod.thread();
    assert!(thread.contains("\none\n") && thread.contains("\ntwo\n"), "{thread}");
    server.close();
    ended_in_silence(server);
    pod.stop();
}

#[test]
fn answers_find_their_calls_in_any_order() {
    let env = TestEnv::new();
    let (mut server, mut peer) = faked(&env);
    let ids: Vec<u64> = (0..8).map(|number| server.begin("Do", &json!({ "a": number }))).collect();
    let asked: Vec<Value> = ids.iter().map(|_| peer.expect("tool_call")).collect();
    for (request, id) in asked.iter().zip(&ids).rev() {
        peer.result(request, &request["params"]["arguments"]["a"].to_string(), false);
        let answer = server.answer(*id);
        assert_eq!(told(&answer), (false, (id - ids[0]).to_string()));
    }
    server.close();
    ended_in_silence(server);
}

#[test]
fn arguments_that_do_not_fit_into_a_line_are_refused_and_the_session_goes_on() {
    let pod = Pod::of("intake");
    let mut server = Server::ready(&mut pod.server());
    let before = pod.thread();
    for size in [(1 << 20) - 100, 1 << 20, 3 << 20] {
        let (is_error, text) = server.call("TicketComment", &json!({ "ticket": INCOMPLETE, "body": "x".repeat(size) }));
        assert!(is_error && text.contains("1 MiB (1048576 bytes)") && text.contains("into a file"), "{text}");
    }
    assert_eq!(pod.thread(), before);
    // One that just fits is taken.
    let body = "y".repeat((1 << 20) - 400);
    let (is_error, text) = server.call("TicketComment", &json!({ "ticket": INCOMPLETE, "body": body }));
    assert!(!is_error, "{text}");
    // What does not fit into the answer is cut, with a mark.
    let (is_error, text) = server.call("TicketShow", &json!({ "ticket": INCOMPLETE, "format": "json" }));
    assert!(!is_error && text.ends_with("bytes; the Pod's history has them all]"), "{}", text.len());
    server.close();
    ended_in_silence(server);
    pod.stop();
}

#[test]
fn every_event_but_the_answer_is_skipped() {
    let env = TestEnv::new();
    let (mut server, mut peer) = faked(&env);
    let id = server.begin("Do", &json!({}));
    let asked = peer.expect("tool_call");
    let long = "x".repeat(200 << 10);
    for number in 0..400 {
        peer.tell("text_delta", json!({ "text": long }));
        // Of somebody else's request, of no request, and of no event that is known.
        peer.answer(
            &json!({ "id": "other" }),
            "tool_result",
            json!({ "call": 9, "tool": "Do", "text": "no", "is_error": false }),
        );
        peer.answer(&json!({ "id": number }), "error", json!({ "code": "busy", "message": "no" }));
        peer.tell("of_tomorrow", json!({}));
        peer.send_raw("{}");
    }
    // 80 MB went by.
    let memory = Process::open(server.pid()).unwrap().memory();
    assert!(memory.private < 24 << 20, "{memory:?}");
    peer.result(&asked, "did", false);
    assert_eq!(told(&server.answer(id)), (false, "did".to_owned()));
    server.close();
    ended_in_silence(server);
}

#[test]
fn what_the_pod_refuses_is_said_in_words_for_a_model() {
    let env = TestEnv::new();
    let (mut server, mut peer) = faked(&env);
    for (code, word) in [
        ("on_probation", "once you have been given work"),
        ("starting", "once you have been given work"),
        ("shutting_down", "end your turn"),
        ("busy", "call it again"),
        ("failed", "go on without it"),
        ("of_tomorrow", "go on without it"),
    ] {
        let id = server.begin("Do", &json!({}));
        let asked = peer.expect("tool_call");
        peer.answer(&asked, "error", json!({ "code": code, "message": "not today" }));
        let (is_error, text) = told(&server.answer(id));
        assert!(is_error && text.starts_with("Do was not called: not today. ") && text.contains(word), "{text}");
    }
    server.close();
    ended_in_silence(server);
}

mod of_an_earlier_start {
    use super::*;

    #[test]
    fn it_does_not_begin() {
        let mut pod = Pod::of("intake");
        let mut command = pod.server();
        let ended = Server::start(command.env("YOI_EPOCH", "0123456789abcdef")).end().assert_status(1);
        assert_eq!(ended.stdout, "");
        let says = "yoi: cannot serve the Pod's tools: this tool server belongs to an earlier start of the Pod's agent";
        assert!(ended.stderr.starts_with(says) && ended.stderr.lines().count() == 1, "{}", ended.stderr);
        // The same after the Pod came back: its own epoch is another now.
        pod.puppet.answer("done", 0);
        pod.stop();
        run(&mut pod.env.yoi(["-q", "restore", &pod.name]), 0);
        assert_eq!(Server::start(&mut pod.server()).end().assert_status(1).stderr, ended.stderr);
        pod.stop();
    }

    /// The Pod has begun a new epoch since: another agent program, the same host and socket.
    #[test]
    fn it_can_do_nothing_and_says_so() {
        let env = TestEnv::new();
        let pod = FakePod::new(&env);
        let mut server = Server::start(&mut at(&env, &pod));
        let mut peer = pod.with_tool();
        let stale = |peer: &mut Peer, method: &str| {
            let asked = peer.expect(method);
            peer.answer(&asked, "error", json!({ "code": "wrong_epoch", "message": "another start" }));
        };
        server.initialize();
        server.tell("notifications/initialized", json!({}));
        stale(&mut peer, "tools_ready");
        for _ in 0..2 {
            let id = server.begin("Do", &json!({}));
            stale(&mut peer, "tool_call");
            let says = "this Pod was restarted; this tool server belongs to an earlier start and can do nothing: stop calling it";
            assert_eq!(told(&server.answer(id)), (true, says.to_owned()));
        }
        server.close();
        ended_in_silence(server);
    }
}

mod ends {
    use super::*;

    #[test]
    fn with_its_pod() {
        let pod = Pod::of("intake");
        let begun = Server::ready(&mut pod.server());
        pod.stop();
        ended_in_silence(begun);
    }

    #[test]
    fn with_its_pod_though_its_client_never_said_a_word() {
        let env = TestEnv::new();
        let pod = FakePod::new(&env);
        let mute = Server::start(&mut at(&env, &pod));
        drop(pod.with_tool());
        ended_in_silence(mute);
    }

    /// Agents on Node give their servers sockets in place of pipes; nothing wakes who reads from one.
    #[test]
    fn with_its_pod_where_standard_input_is_a_socket_that_stays_open() {
        let env = TestEnv::new();
        let pod = FakePod::new(&env);
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(common::DEADLINE)).unwrap();
        let mut command = at(&env, &pod);
        command.stdin(OwnedFd::from(theirs.try_clone().unwrap())).stdout(OwnedFd::from(theirs));
        let mut child = command.spawn().unwrap();
        drop(command);
        let peer = pod.with_tool();
        ours.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n").unwrap();
        let mut line = String::new();
        BufReader::new(&ours).read_line(&mut line).unwrap();
        assert_eq!(line, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n");
        drop(peer);
        client::wait_for(&child);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    }

    #[test]
    fn with_a_pod_that_is_killed_and_answers_the_call_that_waits() {
        let pod = Pod::of("intake");
        let mut server = Server::ready(&mut pod.server());
        let tickets = File::open(pod.env.workspace().join(".yoi/tickets")).unwrap();
        tickets.lock().unwrap();
        let id = server.begin("TicketComment", &json!({ "ticket": INCOMPLETE, "body": "A question?" }));
        pod.env.wait_for("the call", || {
            pod.env.history(&pod.name).iter().any(|entry| entry["event"] == "tool_call_start").then_some(())
        });
        pod.kill();
        let (is_error, text) = told(&server.answer(id));
        assert!(is_error && text.contains("the Pod has ended, and TicketComment has no answer"), "{text}");
        ended_in_silence(server);
        pod.env.wait_for_processes();
        drop(tickets);
        let restored = run(&mut pod.env.yoi(["-q", "restore", &pod.name]), 0);
        assert!(restored.stdout.contains("is back"), "{restored:?}");
        pod.stop();
    }

    #[test]
    fn with_standard_input_at_any_time() {
        let pod = Pod::of("intake");
        let mut early = Server::start(&mut pod.server());
        early.close();
        ended_in_silence(early);
        let mut midway = Server::start(&mut pod.server());
        midway.initialize();
        midway.close();
        ended_in_silence(midway);
        let (mut wire, _) = pod.env.wire(&pod.name);
        assert_eq!(outline(&[wire.ask(1, "status", json!({}))]), ["status#1: running"]);
        pod.stop();
    }

    #[test]
    fn with_a_pod_that_sends_what_is_none_of_its_protocol() {
        let env = TestEnv::new();
        let (mut server, mut peer) = faked(&env);
        let id = server.begin("Do", &json!({}));
        peer.expect("tool_call");
        peer.send_raw(&"x".repeat((1 << 20) + 1));
        assert!(told(&server.answer(id)).0);
        ended_in_silence(server);
    }
}

#[test]
fn it_may_be_started_twice() {
    let pod = Pod::of("intake");
    let mut both = [Server::ready(&mut pod.server()), Server::ready(&mut pod.server())];
    for (server, body) in both.iter_mut().zip(["one", "two"]) {
        let (is_error, text) = server.call("TicketComment", &json!({ "ticket": INCOMPLETE, "body": body }));
        assert!(!is_error, "{text}");
    }
    let [mut first, mut second] = both;
    first.close();
    ended_in_silence(first);
    assert!(!second.call("TicketShow", &json!({ "ticket": INCOMPLETE })).0);
    second.close();
    ended_in_silence(second);
    pod.stop();
}

#[test]
fn what_is_no_request_does_not_end_it() {
    let pod = Pod::of("intake");
    let mut server = Server::start(&mut pod.server());
    let nonsense = [
        "hello",
        "",
        "{",
        "\u{feff}",
        "[1, 2",
        "\"notifications/initialized\"",
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#,
        r#"{"jsonrpc":"2.0","method":"of/tomorrow"}"#,
        r#"{"jsonrpc":"2.0","id":"x","method":"tools/call","params":[]}"#,
        r#"{"jsonrpc":"2.0","id":"x","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":"x","error":{"code":1,"message":"no"}}"#,
    ];
    // What is JSON but no message of JSON-RPC may be answered, without an id; nothing else is.
    let goes_on = |server: &mut Server, method: &str, params: Value| {
        for line in nonsense {
            server.send_raw(line);
        }
        let id = server.send(method, params);
        loop {
            let message = server.next();
            if message["id"] == id {
                return message;
            }
            assert!(message["id"].is_null() && message["error"]["code"] == -32600, "{message}");
        }
    };
    assert_eq!(goes_on(&mut server, "ping", json!({}))["result"], json!({}));
    let client = json!({ "name": "a test", "version": "1" });
    let hello = json!({ "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client });
    assert_eq!(goes_on(&mut server, "initialize", hello)["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(goes_on(&mut server, "of/tomorrow", json!({}))["error"]["code"], -32601);
    for wrong in [json!({ "name": "TicketShow", "arguments": "none" }), json!({ "arguments": {} })] {
        let answer = goes_on(&mut server, "tools/call", wrong);
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    assert!(!goes_on(&mut server, "tools/list", json!({}))["result"]["tools"].as_array().unwrap().is_empty());
    server.close();
    let ended = server.end().assert_status(0);
    assert_eq!(ended.stderr, "");
    pod.stop();
}

#[test]
fn nothing_of_its_environment_is_kept_or_told() {
    const KEY: &str = "sk-0f4e-not-to-be-seen";
    let pod = Pod::of("intake");
    let with_key = |mut command: Command| {
        command.env("ANTHROPIC_API_KEY", KEY).env(KEY, "1");
        command
    };
    let mut server = Server::ready(&mut with_key(pod.server()));
    let mut said = vec![server.ask("tools/list", json!({})).to_string()];
    for (tool, arguments) in [
        ("TicketShow", json!({ "ticket": INCOMPLETE })),
        ("TicketShow", json!({ "ticket": 7 })),
        ("TicketComment", json!({ "ticket": INCOMPLETE, "body": "A question?" })),
        ("Nothing", json!({})),
    ] {
        said.push(server.call(tool, &arguments).1);
    }
    server.close();
    let ended = server.end();
    said.extend([ended.stdout, ended.stderr]);
    let wrong = Server::start(with_key(pod.server()).env("YOI_EPOCH", "0")).end().assert_status(1);
    said.extend([wrong.stdout, wrong.stderr]);
    pod.stop();
    for text in said {
        assert!(!text.contains(KEY), "{text}");
    }
    for (path, (_, bytes)) in tree(pod.env.root()) {
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "{path}");
    }
}

#[test]
fn without_a_pod_to_go_to_it_says_what_is_missing() {
    let env = TestEnv::with_sample();
    let said = |command: &mut Command, status| Server::start(command).end().assert_status(status).stderr;
    let nothing = said(&mut env.yoi(["mcp"]), 2);
    assert_eq!(nothing, "yoi: cannot serve tools: this does not run inside a Pod (YOI_EPOCH is not set)\n");
    let no_pod = said(env.yoi(["mcp"]).env("YOI_EPOCH", "e"), 2);
    assert_eq!(no_pod, "yoi: cannot serve tools: this does not run inside a Pod (YOI_POD is not set)\n");
    let gone = said(env.yoi(["mcp"]).env("YOI_EPOCH", "e").env("YOI_POD", "gone"), 128);
    assert!(gone.starts_with("yoi: cannot serve the Pod's tools: cannot connect to '"), "{gone}");
}
