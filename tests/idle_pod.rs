//! A Pod that has nothing to do costs next to nothing: little memory, and no wake-up.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use common::{DEADLINE, Process, TestEnv, run};

/// The most that host and warden each may have in memory, in bytes.
const MAX_RESIDENT: u64 = 12 << 20;
/// For how long nothing must happen.
const QUIET: Duration = Duration::from_secs(2);
/// After how long without a wake-up the launch is over.
const SETTLED: Duration = Duration::from_millis(200);

/// A Pod that has put its questions into the ticket's thread and waits, for nobody is attached; host and warden.
struct IdlePod {
    env: TestEnv,
    name: String,
    processes: Vec<Process>,
}

impl IdlePod {
    fn launch() -> Self {
        let env = TestEnv::new();
        run(&mut env.yoi(["init"]), 0);
        let ticket = run(&mut env.yoi(["ticket", "new", "Says too little to be ready"]), 0).stdout;
        run(&mut env.yoi(["intake", ticket.trim_end(), "--wait"]), 0);
        let name = format!("intake-{}", ticket.trim_end());
        let processes = env.processes();
        assert_eq!(processes.len(), 2, "a Pod whose agent rests is a host and a warden");
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

#[test]
fn an_idle_pod_is_woken_by_nothing_but_a_request() {
    let pod = IdlePod::launch();
    pod.settle();
    assert_eq!(pod.woken_within(QUIET), BTreeMap::new());
    // That a request wakes it shows that wake-ups are seen.
    let before = pod.sleeps();
    run(&mut pod.env.yoi_claim(["pod-status", &pod.name]), 0);
    pod.env.wait_for("the wake-up to be seen", || (pod.sleeps() != before).then_some(()));
    pod.stop();
}

#[test]
fn an_idle_pod_takes_little_memory() {
    let pod = IdlePod::launch();
    for process in &pod.processes {
        let memory = process.memory();
        assert!(memory.resident < MAX_RESIDENT, "{process}: {memory:?}");
        assert!(0 < memory.private && memory.private <= memory.resident, "{process}: {memory:?}");
    }
    pod.stop();
}
