//! One trial: a launch, something done to it at one point, and a look at what was promised.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::variants::{Deed, Launch, Trigger, Variant};
use super::world::{Agent, POD, TICKET, World};
use crate::common::{Outcome, Process};
use crate::tracer::{Act, End, Held, Part, Report, Spec, Tracer, Until};

/// Longer than any deadline that a launcher has once its host is ready.
const LONG: Duration = Duration::from_secs(12);
/// Longer than a launcher waits for a host that does not move, and for its end.
const PATIENCE: Duration = Duration::from_secs(90);

/// Where something is done to a launch.
#[derive(Debug, Clone, Copy)]
pub struct Point {
    /// Before which call of the variant's part, counted from 1.
    pub nth: usize,
    /// In a race: before which call, from then on, of the part that gives up.
    pub then: usize,
}

/// What a trial has seen in which every promise was kept.
pub struct Kept {
    pub report: Report,
    /// Whether the launch came to the point.
    pub reached: bool,
    /// Whether the attempt came to a claim.
    pub claimed: bool,
}

/// Makes a launch, does what the variant says at a point (`None`: nothing at all), and looks at all that was promised;
/// fails by panicking.
pub fn trial(variant: &Variant, point: Option<Point>, world: &World) -> Kept {
    let acts = point.map_or_else(Vec::new, |point| acts(variant, point));
    let (report, reached) = launch(variant, world, acts);
    if point.is_none() {
        assert_eq!(report.root, Some(End::Exited(0)), "{}", world.said());
        if variant.agent != Agent::Checklist {
            // What the record says of the other launches, it can say.
            world.env.wait_for("the turn to be recorded", || (!world.record().is_empty()).then_some(()));
        }
    }
    let claimed = !world.names("claims").is_empty();
    launcher_tells_the_truth(variant, world, &report, claimed);
    if claimed {
        claim_has_its_pod(variant, world);
        another_launch_is_refused(world);
        pod_can_be_opened(world);
        work_goes_on(variant, world);
    } else {
        nothing_is_left(variant, world);
        another_launch_succeeds(variant, world);
    }
    everything_is_in_order(variant, world, &report);
    Kept { report, reached, claimed }
}

/// What the tracer is to do.
fn acts(variant: &Variant, point: Point) -> Vec<Act> {
    let act = |part, nth, kill: &[Part], hold| Act { part, nth, kill: kill.to_vec(), hold };
    match &variant.deed {
        Deed::Kill(parts) => vec![act(variant.part, point.nth, parts, false)],
        Deed::Stop | Deed::StopAndShutDown | Deed::StopForLong => vec![act(variant.part, point.nth, &[], true)],
        Deed::Race(trigger) => vec![
            act(variant.part, point.nth, trigger.killed().as_slice(), true),
            act(trigger.gives_up(), point.then, &[], true),
            act(variant.part, 1, &[], true),
        ],
    }
}

/// Launches, and waits until the attempt has come to its end; tells whether the point was reached.
fn launch(variant: &Variant, world: &World, acts: Vec<Act>) -> (Report, bool) {
    let until = if variant.comes_to_an_end() { Until::AllEnd } else { Until::RootEnds };
    let stops = acts.iter().any(|act| act.hold);
    let mut tracer = world.trace(&Spec { acts, until }, &variant.command(world.env.root()));
    let reached = match (stops.then(|| tracer.wait_until_held()).flatten(), &variant.deed) {
        (None, _) => None,
        (Some(held), Deed::Race(trigger)) => Some(race(*trigger, world, &mut tracer, held)),
        (Some(held), _) => {
            while_held(variant, world, &tracer, held);
            Some(true)
        }
    };
    let report = tracer.finish();
    assert_eq!(report.overdue, [""; 0], "these have not come to an end");
    if variant.at_once {
        // It takes the ticket, or hears that it is claimed, or that it is in flight.
        let next = intake(world);
        assert!([0, 1, 3].contains(&next.status), "{next:?}");
    }
    settle(variant, world, &report);
    let reached = reached.unwrap_or(!stops && report.acted > 0);
    (report, reached)
}

/// Who is to commit is held: the Pod gives up, is held on the way while the other goes one call further, and is let go
/// then. Tells whether the Pod was held before it had come to a decision.
fn race(trigger: Trigger, world: &World, tracer: &mut Tracer, committing: Held) -> bool {
    let told = (trigger == Trigger::ShutDown)
        .then(|| world.env.yoi_claim(["pod-shutdown", POD]).stderr(Stdio::null()).spawn().unwrap());
    let giving_up = tracer.wait_until_held();
    // Afterwards it is the Pod's ordinary work that is seen.
    let undecided = giving_up.is_some() && !world.is_confirmed();
    tracer.release(committing);
    let committed = tracer.wait_until_held();
    if let Some(held) = giving_up {
        tracer.release(held);
    }
    // The Pod gives up and goes, or goes on by itself.
    world
        .env
        .wait_for("the Pod to settle", || (world.pod_processes().is_empty() || world.is_confirmed()).then_some(()));
    if let Some(held) = committed {
        tracer.release(held);
    }
    if let Some(mut told) = told {
        let status = told.wait().unwrap();
        assert!(status.success(), "pod-shutdown ended with {status}");
    }
    undecided
}

/// What happens while a process is stopped: the others come to terms with that.
fn while_held(variant: &Variant, world: &World, tracer: &Tracer, held: Held) {
    if variant.part != Part::Launcher {
        let Some(launcher) = Process::open(held.root) else { return };
        assert!(launcher.wait(Instant::now() + PATIENCE), "the launcher waits on");
        return;
    }
    if variant.deed == Deed::StopAndShutDown {
        let outcome = world.yoi_claim(&["pod-shutdown", POD]);
        // There may be no such Pod yet.
        assert!([0, 1].contains(&outcome.status), "{outcome:?}");
    }
    // The Pod gives up and goes, or goes on by itself.
    let apart = [tracer.pid(), held.process].map(|pid| i32::try_from(pid).unwrap());
    world.env.wait_for("the Pod to settle", || {
        let others = world.env.processes().iter().any(|process| !apart.contains(&process.pid()));
        (!others || world.is_confirmed()).then_some(())
    });
    if variant.deed == Deed::StopForLong {
        // The time that passes is the scenario: no condition stands for it.
        std::thread::sleep(LONG);
    }
}

/// Waits until the attempt has come to its end, one way or the other; a host whose warden was killed stops, too.
fn settle(variant: &Variant, world: &World, report: &Report) {
    if variant.comes_to_an_end() {
        return world.env.wait_for_processes();
    }
    // Whoever was in flight has let go of the ticket: then it is told apart who goes on and who has gone.
    let outcome = world.yoi_claim(&["ticket-lock", TICKET, "--wait", "60", "--", "true"]);
    assert_eq!(outcome.status, 0, "the ticket stays in flight: {outcome:?}");
    if world.names("claims").is_empty() {
        assert!(world.pod_processes().is_empty(), "the ticket was free before its Pod was gone");
    }
    let stops = report.killed.contains(&Part::Warden);
    world.env.wait_for("the Pod to be idle or gone", || {
        let outcome = world.yoi_claim(&["pod-status", POD, "--format", "{status}"]);
        let status = outcome.stdout.trim();
        // A process that ends is out of sight before its locks are free.
        let gone = world.env.processes().is_empty() && ["", "restorable", "stale"].contains(&status);
        (gone || (!stops && status == "idle")).then_some(())
    });
}

/// The launcher's exit status goes with what there is.
fn launcher_tells_the_truth(variant: &Variant, world: &World, report: &Report, claimed: bool) {
    let said = world.said();
    match (report.root.expect("the tracer followed it to its end"), variant.launch) {
        (End::Killed(9), _) if report.acted > 0 && variant.kills(Part::Launcher) => {}
        (End::Exited(_), Launch::Restore) => assert!(claimed, "a restore lost the claim: {said}"),
        (End::Exited(0 | 5), _) => assert!(claimed, "the launcher spoke of a claim that is not there: {said}"),
        (End::Exited(4), _) => assert!(!claimed, "the launcher said that nothing was left: {said}"),
        // A script ends with the status of the verb that failed, or was killed.
        (End::Exited(_), Launch::Script) => {}
        (end, _) => panic!("the launcher ended with {end:?}: {said}"),
    }
}

/// A claim stands: then its Pod accepted, and is there or can come back.
fn claim_has_its_pod(variant: &Variant, world: &World) {
    assert_eq!(world.names("claims"), [format!("{TICKET}.toml")]);
    let claim = world.claim();
    let pod = world.pod().expect("a claim, and no Pod that it is of");
    for key in ["pod", "pod_id", "role", "nonce"] {
        assert_eq!(claim[key], pod[key], "claim and Pod differ in {key}");
    }
    assert_eq!(claim["pod"].as_str(), Some(POD));
    let history = world.registry().unwrap().join(format!("pods/{POD}/history.jsonl"));
    let history = std::fs::read_to_string(history).unwrap();
    assert!(history.contains(r#""event":"user_message""#), "the Pod of a claim never accepted: {history}");
    let status = status(world);
    assert!(["live", "restorable"].contains(&status.as_str()), "a claim whose Pod is {status}");
    if world.names("sessions").is_empty() {
        let somebody_lived = !(variant.kills(Part::Warden) && variant.kills(Part::Host));
        assert!(!somebody_lived, "the Pod lived on without recording its session");
        let mended = ["session-record", POD, "--role", "intake", "--origin", "ticket_claim", "--ticket", TICKET];
        world.yoi_claim(&mended).assert_status(0);
    }
    assert_eq!(world.names("sessions"), [format!("{POD}.toml")]);
    let session = world.toml(&format!("sessions/{POD}.toml")).unwrap();
    assert_eq!(session["pod_id"], claim["pod_id"]);
    assert_eq!(session["related_tickets"].to_string(), format!("[\"{TICKET}\"]"));
}

/// What is derived of the claim at this moment.
fn status(world: &World) -> String {
    let outcome = world.yoi_claim(&["claim-show", TICKET, "--format", "{status}"]).assert_status(0);
    outcome.stdout.trim().to_owned()
}

fn another_launch_is_refused(world: &World) {
    let refused = intake(world).assert_status(1);
    assert!(refused.stderr.contains(POD), "a refusal that does not name the Pod: {refused:?}");
}

fn intake(world: &World) -> Outcome {
    world.yoi(&["--quiet", "intake", TICKET])
}

/// The Pod lives, or can be brought back.
fn pod_can_be_opened(world: &World) {
    if status(world) == "restorable" {
        world.yoi(&["--quiet", "restore", POD]).assert_status(0);
    }
    assert_eq!(status(world), "live");
}

/// What the agent was about when it was interrupted is finished when it is told to go on.
fn work_goes_on(variant: &Variant, world: &World) {
    if variant.agent == Agent::Checklist && !world.claim().contains_key("completed_at") {
        world.yoi(&["attach", POD, "-m", "go on"]).assert_status(0);
        // Its Pod ends by itself when the ticket is ready.
        world.env.wait_for_processes();
    }
}

/// No claim: then nobody works on the ticket, or ever did, and nothing stands in the way of the next one.
fn nothing_is_left(variant: &Variant, world: &World) {
    assert_eq!(world.names("claims"), [""; 0]);
    assert_eq!(world.names("sessions"), [""; 0], "a session that nobody has");
    assert!(world.env.processes().is_empty(), "a Pod lives on without a claim");
    assert_eq!(world.record(), [""; 0], "an agent was prompted without a claim");
    world.assert_ticket_as_it_was();
    // With launcher and warden killed, nobody was left to remove it; it belongs to nobody, and is in nobody's way.
    let somebody_lived = !(variant.kills(Part::Launcher) && variant.kills(Part::Warden));
    if somebody_lived {
        assert_eq!(world.names("pods"), [""; 0], "a Pod that gave up left its directory");
    }
    assert!(!world.is_confirmed(), "a Pod was confirmed that has no claim");
}

fn another_launch_succeeds(variant: &Variant, world: &World) {
    let launched = intake(world);
    assert_eq!(launched.status, 0, "the ticket cannot be launched again: {launched:?}");
    assert!(world.pod().is_some(), "the next launch took another name: {launched:?}");
    if variant.agent == Agent::Checklist {
        world.env.wait_for_processes();
    }
}

/// At the end: one claim, one session, one Pod; no leftovers, no processes, a ticket that is whole.
fn everything_is_in_order(variant: &Variant, world: &World, report: &Report) {
    world.yoi(&["--quiet", "stop", POD]).assert_status(0);
    world.env.wait_for_processes();
    assert_eq!(world.names("claims"), [format!("{TICKET}.toml")]);
    assert_eq!(world.names("sessions"), [format!("{POD}.toml")]);
    assert_eq!(world.names("pods"), [POD]);
    assert_eq!(status(world), "restorable");
    assert_eq!(world.names("tmp"), [""; 0], "files on their way into place were left");
    assert_eq!(world.names("offers"), [""; 0], "an offer was left");
    assert_eq!(world.sockets(), [""; 0], "a socket was left");
    let cgroups = report.calls.values().flatten().filter(|call| call.name.starts_with("mkdir"));
    let cgroups = cgroups.map(|call| &call.about).filter(|path| path.contains("/yoi-pod-"));
    for cgroup in cgroups {
        assert!(!Path::new(cgroup).exists(), "a cgroup was left: '{cgroup}'");
    }
    match variant.agent {
        Agent::Checklist => {
            assert!(world.claim().contains_key("completed_at"), "the ticket is not completed");
            world.assert_ticket_was_made_ready_once();
        }
        Agent::Recorder | Agent::Acp => {
            let record = world.record();
            assert!(record.iter().all(|line| line == "claimed"), "an agent was prompted without a claim: {record:?}");
        }
    }
    world.yoi(&["ticket", "doctor"]).assert_status(0);
}
