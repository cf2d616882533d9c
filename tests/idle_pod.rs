//! A Pod that has nothing to do costs next to nothing: little memory, and no wake-up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::process::Memory;
use common::{DEADLINE, Process, TestEnv, run};

/// The most that host, warden and tool server each may have in memory, in bytes.
const MAX_MEMORY: u64 = 12 << 20;
/// For how long nothing must happen.
const QUIET: Duration = Duration::from_secs(2);
/// After how long without a wake-up the launch is over.
const SETTLED: Duration = Duration::from_millis(200);

/// A Pod that has ended its turn and waits, for nobody is attached; and all of it but its agent.
struct IdlePod {
    env: TestEnv,
    name: String,
    processes: Vec<Process>,
}

impl IdlePod {
    /// The built-in agent has put its questions into the ticket's thread.
    fn launch() -> Self {
        let env = TestEnv::new();
        run(&mut env.yoi(["init"]), 0);
        let pod = Self::wait_for_intake(env, "Says too little to be ready");
        assert_eq!(pod.processes.len(), 2, "a Pod whose agent rests is a host and a warden");
        pod
    }

    /// An agent that speaks a protocol has done as it was told.
    fn launch_acp() -> Self {
        let env = TestEnv::new();
        run(&mut env.yoi(["init"]), 0);
        env.configure_acp(&[], "");
        let pod = Self::wait_for_intake(env, "@say hello");
        assert_eq!(pod.processes.len(), 3, "host, warden and the agent's tool server");
        pod
    }

    fn wait_for_intake(env: TestEnv, title: &str) -> Self {
        let ticket = run(&mut env.yoi(["ticket", "new", title]), 0).stdout;
        run(&mut env.yoi(["intake", ticket.trim_end(), "--wait"]), 0);
        let name = format!("intake-{}", ticket.trim_end());
        let is_ours = |process: &Process| !process.to_string().contains("fake_acp");
        let processes = env.processes().into_iter().filter(is_ours).collect();
        Self { env, name, processes }
    }

    fn sleeps(&self) -> BTreeMap<String, u64> {
        self.processes.iter().flat_map(Process::sleeps).collect()
    }

    /// What has been woken in this time, with how often; it must not end in it.
    fn woken_within(&self, time: Duration) -> BTreeMap<String, u64> {
        let before = self.sleeps();
        let deadline = Instant::now() + time;
        assert!(self.processes.iter().all(|process| !process.wait(deadline)), "the Pod ended");
        let after = self.sleeps().into_iter();
        let grown = after.map(|(thread, now)| (thread.clone(), now - before.get(&thread).copied().unwrap_or_default()));
        grown.filter(|(_, times)| *times > 0).collect()
    }

    /// Waits until the last of the launch is over.
    fn settle(&self) {
        let deadline = Instant::now() + DEADLINE;
        while let woken = self.woken_within(SETTLED)
            && !woken.is_empty()
        {
            assert!(Instant::now() < deadline, "the Pod never comes to rest: {woken:?}");
        }
    }

    fn stop(self) {
        run(&mut self.env.yoi(["stop", &self.name]), 0);
        self.env.wait_for_processes();
    }
}

/// Nothing wakes it but a request.
fn sleeps_on(pod: IdlePod) {
    pod.settle();
    assert_eq!(pod.woken_within(QUIET), BTreeMap::new());
    // That a request wakes it shows that wake-ups are seen.
    let before = pod.sleeps();
    run(&mut pod.env.yoi_claim(["pod-status", &pod.name]), 0);
    pod.env.wait_for("the wake-up to be seen", || (pod.sleeps() != before).then_some(()));
    pod.stop();
}

fn takes_little_memory(pod: IdlePod, counted: impl Fn(Memory) -> u64) {
    for process in &pod.processes {
        let memory = process.memory();
        assert!(counted(memory) < MAX_MEMORY, "{process}: {memory:?}");
        assert!(0 < memory.private && memory.private <= memory.resident, "{process}: {memory:?}");
    }
    pod.stop();
}

#[test]
fn an_idle_pod_is_woken_by_nothing_but_a_request() {
    sleeps_on(IdlePod::launch());
}

#[test]
fn so_is_one_whose_agent_and_tool_server_wait() {
    sleeps_on(IdlePod::launch_acp());
}

#[test]
fn an_idle_pod_takes_little_memory() {
    takes_little_memory(IdlePod::launch(), |memory| memory.resident);
}

#[test]
fn so_does_one_beside_its_agent() {
    // The text of an unoptimised program, of which this needs more, is no measure; `benches/agents` takes it.
    takes_little_memory(IdlePod::launch_acp(), |memory| memory.private);
}
