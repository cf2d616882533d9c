//! A whole day: twenty tickets, five roles, three kinds of agent, failures thrown in, and two who watch. Whatever ran side
//! by side, the files tell at the end exactly what happened.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use common::scene::{names, pod, ticket, tree};
use common::{TestEnv, fake_acp, run};
use serde_json::json;

/// How many tickets there are.
const TICKETS: usize = 20;
/// How many somebody looks into before they are implemented.
const INVESTIGATED: usize = 3;
/// The ticket whose first review asks for changes.
const CHANGED: usize = 16;
/// The ticket whose coder fails in its first turn.
const FAILED: usize = 17;
/// The ticket whose coder is killed, and brought back.
const KILLED: usize = 18;
/// The ticket whose coder is killed, and cannot be brought back.
const LOST: usize = 19;

/// The coders and investigators: run once a turn.
const AGENT: &str = r#"
call() { echo "$2" | yoi tool "$1" --json -; }
cat >/dev/null
case $YOI_POD in
orchestrator-*) exit ;;
investigator-*) call TicketReport "{\"ticket\":\"$YOI_TICKET\",\"report\":\"It is so.\"}"; exit ;;
esac
case $YOI_TICKET in
*17) [ -e "$DAY/failed" ] || { : >"$DAY/failed"; echo 'no tokens are left' >&2; exit 1; } ;;
*18 | *19) [ -e "$DAY/hung-$YOI_TICKET" ] || { : >"$DAY/hung-$YOI_TICKET"; exec sleep 1000; } ;;
esac
call TicketStart "{\"ticket\":\"$YOI_TICKET\"}"
call TicketReport "{\"ticket\":\"$YOI_TICKET\",\"report\":\"All of it.\"}"
"#;

/// Somebody who takes one ticket after the other, waits for the end of each first turn, and ends the Pod.
const WORKER: &str = r#"
while yoi next --role "$2" --format '{pod}' --ready-timeout 60 >"$1"; do
  pod=$(cat "$1")
  yoi wait "$pod" --status idle --timeout 60 || :
  yoi -q stop "$pod" >/dev/null || :
done
"#;

struct Day {
    env: TestEnv,
    watchers: Vec<(Child, PathBuf)>,
}

fn id(number: usize) -> String {
    format!("00001KTJ1QJ{number:02}")
}

impl Day {
    fn begin() -> Self {
        let env = TestEnv::new();
        run(&mut env.yoi(["init"]), 0);
        let sample = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sample/.yoi/tickets");
        run(env.command("cp").arg("-R").arg(sample).arg(env.workspace().join(".yoi")), 0);
        env.add_complete_tickets(&(0..TICKETS).map(id).collect::<Vec<_>>());
        Self { env, watchers: Vec::new() }
    }

    /// Has two watch from now on.
    fn watch(&mut self) {
        let env = &self.env;
        let watch = |name: &str| {
            let path = env.root().join(name);
            let mut watch = env.yoi_claim(["watch"]);
            (watch.stdout(File::create(&path).unwrap()).spawn().unwrap(), path)
        };
        self.watchers = ["watched", "watched-too"].map(watch).into();
        for (_, path) in &self.watchers {
            env.wait_for("the watching", || fs::read_to_string(path).unwrap().starts_with("everything").then_some(()));
        }
    }

    /// What each role runs: intakes the built-in agent, reviewers one that speaks ACP, the others a script.
    fn configure(&self, intake: &str) {
        let roles = ["orchestrator", "coder", "investigator"].map(|role| (role, "project:script"));
        let roles = roles.into_iter().chain([("reviewer", "project:fake"), ("intake", intake)]);
        let config: String =
            roles.map(|(role, profile)| format!("[roles.{role}]\nprofile = \"{profile}\"\n")).collect();
        let yoi = self.env.workspace().join(".yoi");
        fs::write(yoi.join("ticket.config.toml"), config).unwrap();
        let agent = self.env.root().join("agent.sh");
        fs::write(&agent, format!("DAY='{}'\n{AGENT}", self.env.root().display())).unwrap();
        let profile = |name: &str, agent: &str, command: serde_json::Value| {
            format!("[profiles.{name}]\nagent = \"{agent}\"\ncommand = {command}\n")
        };
        let profiles = [
            profile("script", "exec", json!(["sh", agent])),
            profile("fake", "acp", json!([fake_acp::program()])),
            profile("broken", "acp", json!(["false"])),
        ];
        fs::write(yoi.join("profiles.toml"), profiles.concat()).unwrap();
    }

    /// Starts several who take tickets out of the queue until there is none.
    fn workers(&self, role: &str, number: usize) -> Vec<Child> {
        let start = |at: usize| {
            let mut worker = self.env.shell(WORKER);
            worker.arg("sh").arg(self.env.root().join(format!("worker-{role}-{at}"))).arg(role);
            worker.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        (0..number).map(start).collect()
    }

    /// Kills the host of a Pod, as the kernel does when there is no memory left; its warden ends the agent.
    fn kill(&self, name: &str) {
        let of_pod = |process: &common::Process| process.to_string().contains(&format!("pod-host -- {name})"));
        let host = self.env.processes().into_iter().filter(of_pod).max_by_key(common::Process::pid).unwrap();
        host.kill();
        run(&mut self.env.yoi(["wait", name, "--timeout", "60"]), 0);
    }

    fn review(&self, number: usize, verdict: &str) -> Command {
        let id = id(number);
        let call = json!({ "ticket": id, "verdict": verdict, "review": "It was read." });
        let said = format!("@mcp TicketReview {call}");
        let wait = "pod=$(yoi launch reviewer \"$1\" -m \"$2\" --format '{pod}' --ready-timeout 60 --accept-timeout 60)
            yoi wait \"$1\" --status completed --timeout 60; yoi -q stop \"$pod\"";
        let mut review = self.env.shell(wait);
        review.arg("sh").arg(id).arg(said).stdout(Stdio::null());
        review
    }

    fn go_on(&self, name: &str) {
        run(&mut self.env.yoi(["restore", name]), 0);
        run(&mut self.env.yoi(["attach", name, "-m", "Go on."]), 0);
        self.env.stop(name);
    }

    fn state(&self, number: usize) -> String {
        let listed = run(&mut self.env.yoi(["ticket", "list", "--all", "--format", "{id} {state}"]), 0).stdout;
        listed.lines().find_map(|line| line.strip_prefix(&id(number))).unwrap().trim().to_owned()
    }

    /// The kinds of the events in a ticket's thread.
    fn kinds(&self, number: usize) -> Vec<String> {
        let path = self.env.workspace().join(".yoi/tickets").join(id(number)).join("thread.md");
        let thread = fs::read_to_string(path).unwrap();
        let kinds = thread.lines().filter_map(|line| line.strip_prefix("<!-- event: ")?.split(' ').next());
        kinds.map(str::to_owned).collect()
    }

    /// Ends the watching, and gives what each was told.
    fn watched(&mut self) -> Vec<BTreeSet<String>> {
        // What is told is told in its order.
        fs::write(self.env.registry().dir().join("sessions/END.toml"), "").unwrap();
        let env = &self.env;
        let read = |(mut child, path): (Child, PathBuf)| {
            let lines = env.wait_for("the end", || {
                let text = fs::read_to_string(&path).unwrap();
                text.contains("session\tEND\n").then(|| text.lines().map(str::to_owned).collect())
            });
            child.kill().unwrap();
            child.wait().unwrap();
            lines
        };
        let told = std::mem::take(&mut self.watchers).into_iter().map(read).collect();
        fs::remove_file(self.env.registry().dir().join("sessions/END.toml")).unwrap();
        told
    }
}

/// Those who held a ticket, in their order, by what happened to it.
fn holders(number: usize) -> Vec<(&'static str, String)> {
    let of = |role: &'static str, more: &str| (role, format!("{role}-{}{more}", id(number)));
    let mut holders = vec![of("intake", "")];
    if number < INVESTIGATED {
        holders.push(of("investigator", ""));
    }
    holders.push(of("coder", ""));
    match number {
        CHANGED => holders.extend([of("reviewer", ""), of("coder", "-2"), of("reviewer", "-2")]),
        LOST => holders.extend([of("coder", "-2"), of("reviewer", "")]),
        _ => holders.push(of("reviewer", "")),
    }
    holders
}

/// What was written into a ticket's thread, in its order.
fn thread(number: usize) -> Vec<&'static str> {
    let mut kinds = vec!["intake_summary", "state_changed", "state_changed"];
    if number < INVESTIGATED {
        kinds.push("investigation_report");
    }
    kinds.extend(["state_changed", "implementation_report", "state_changed", "review"]);
    if number == CHANGED {
        kinds.extend(["state_changed", "implementation_report", "state_changed", "review"]);
    }
    kinds
}

#[test]
fn of_a_whole_day_the_files_tell_exactly_what_happened() {
    let mut day = Day::begin();
    let numbers = || 0..TICKETS;

    // In the morning the agent of the intakes is broken, and nothing comes of them.
    day.configure("project:broken");
    let before = tree(&day.env.workspace());
    run(&mut day.env.yoi(["intake", &id(3)]), 4);
    day.env.assert_nothing_is_left();
    assert!(tree(&day.env.workspace()) == before);
    day.configure("builtin:checklist");
    day.watch();
    run(&mut day.env.yoi(["-q", "launch", "orchestrator", "--wait"]), 0);

    // All intakes, four at a time; each ends by itself.
    let ids: Vec<String> = numbers().map(id).collect();
    let intakes = "printf '%s\\n' \"$@\" | xargs -P 4 -n 1 yoi -q intake --ready-timeout 60 --accept-timeout 60 >&2
        for one; do yoi wait \"intake-$one\" --timeout 60; done";
    run(day.env.shell(intakes).arg("sh").args(&ids), 0);
    assert!(numbers().all(|number| day.state(number) == "ready"));

    // Three are looked into, and then all are implemented by three who take what comes next.
    run(day.env.yoi(["queue"]).args(&ids[..INVESTIGATED]), 0);
    for mut worker in day.workers("investigator", 2) {
        assert_eq!(worker.wait().unwrap().code(), Some(0));
    }
    run(day.env.yoi(["queue"]).args(&ids), 0);
    let workers = day.workers("coder", 3);
    for number in [KILLED, LOST] {
        let hung = day.env.root().join(format!("hung-{}", id(number)));
        day.env.wait_for("a coder that hangs", || hung.exists().then_some(()));
        day.kill(&format!("coder-{}", id(number)));
    }
    for mut worker in workers {
        assert_eq!(worker.wait().unwrap().code(), Some(0));
    }
    let undone: Vec<usize> = numbers().filter(|number| day.state(*number) != "done").collect();
    assert_eq!(undone, [FAILED, KILLED, LOST]);

    // A person looks after those that failed; one cannot be brought back, and is begun again.
    for number in [FAILED, KILLED] {
        day.go_on(&format!("coder-{}", id(number)));
    }
    let lost = format!("coder-{}", id(LOST));
    fs::remove_file(day.env.registry().pod_dir(&pod(&lost)).join("history.jsonl")).unwrap();
    let shown = run(&mut day.env.yoi_claim(["claim-show", &id(LOST), "--format", "{status} {expect}"]), 0).stdout;
    let (status, expect) = shown.trim_end().split_once(' ').unwrap();
    assert_eq!(status, "stale");
    let outcome = run(&mut day.env.yoi(["next", "--role", "coder"]), 1);
    assert!(outcome.stderr.contains("there is no ticket to take: 1 held already"), "{outcome:?}");
    let words = ["claim-reclaim", &id(LOST), "--expect", expect, "--reason", "its history is gone"];
    run(&mut day.env.yoi_claim(words), 0);
    for mut worker in day.workers("coder", 2) {
        assert_eq!(worker.wait().unwrap().code(), Some(0));
    }

    // Reviews, four at a time; one asks for changes, which are made.
    let review = |number: usize| day.review(number, if number == CHANGED { "request_changes" } else { "approve" });
    let all: Vec<usize> = numbers().collect();
    for four in all.chunks(4) {
        let reviews: Vec<Child> = four.iter().map(|number| review(*number).spawn().unwrap()).collect();
        for (number, mut review) in four.iter().zip(reviews) {
            assert_eq!(review.wait().unwrap().code(), Some(0), "the review of {}", id(*number));
        }
    }
    assert_eq!(day.state(CHANGED), "inprogress");
    run(&mut day.env.yoi(["-q", "launch", "coder", &id(CHANGED), "--wait"]), 0);
    day.env.stop(&format!("coder-{}-2", id(CHANGED)));
    run(&mut day.review(CHANGED, "approve"), 0);
    day.env.stop("orchestrator-new");
    day.env.wait_for_processes_but(&day.watchers.iter().map(|(child, _)| child.id()).collect::<Vec<_>>());

    // What the files tell.
    let registry = day.env.registry();
    let mut pods = vec!["orchestrator-new".to_owned()];
    for number in numbers() {
        assert_eq!(
            (day.state(number).as_str(), day.kinds(number)),
            ("done", thread(number).iter().map(|kind| (*kind).to_owned()).collect())
        );
        let claim = registry.claim(&ticket(&id(number))).unwrap().unwrap();
        let previous = claim.previous.iter().rev().map(|old| (old.role.as_str(), old.pod.to_string()));
        let told: Vec<_> = previous.chain([(claim.role.as_str(), claim.pod.to_string())]).collect();
        assert_eq!(told, holders(number));
        assert_eq!(claim.generation, told.len() as u64);
        assert!(claim.completed_at.is_some());
        for (role, name) in told {
            let session = registry.session(&pod(&name)).unwrap().unwrap();
            assert_eq!((session.role.as_str(), &session.related_tickets[..]), (role, &[ticket(&id(number))][..]));
            pods.push(name);
        }
    }
    pods.sort();
    let sessions = run(&mut day.env.yoi_claim(["session-list", "--format", "{pod}"]), 0).stdout;
    let mut sessions: Vec<&str> = sessions.lines().collect();
    sessions.sort_unstable();
    assert_eq!(sessions, pods);
    // The Orchestrator was told of each, and of the queue's order the claims tell.
    let history = day.env.history("orchestrator-new");
    let heard = |event: &str| history.iter().filter(|entry| entry["event"] == event).count();
    assert_eq!((heard("peer_registered"), heard("notify")), (TICKETS, TICKETS));
    // Each who watched was told of everything that there is.
    for told in day.watched() {
        let missed = ids
            .iter()
            .map(|id| format!("claim\t{id}"))
            .chain(pods.iter().flat_map(|pod| ["pod", "pod-lock", "session"].map(|what| format!("{what}\t{pod}"))));
        let missed: Vec<String> = missed.filter(|line| !told.contains(line)).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }
    for empty in ["offers", "tmp"] {
        assert_eq!(names(&registry.dir().join(empty)), Vec::<String>::new(), "{empty}");
    }
    // Nothing is wrong but what was made wrong.
    let found = run(&mut day.env.yoi_claim(["verify"]), 1).stdout;
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.starts_with(&format!("no-history\tmanual\tPod {lost} has no history\t")), "{found}");
    run(&mut day.env.yoi(["ticket", "doctor"]), 0);
}
