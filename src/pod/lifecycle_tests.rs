//! Every state and every input: the table as a snapshot, the promises over all that can be reached.

use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;

use proptest::prelude::*;

use super::*;

const RUN: RequestId = RequestId(1);
const ASKED: RequestId = RequestId(9);

const INPUTS: &[Input] = &[
    Input::AgentReady,
    Input::AgentFailed,
    Input::Run(ASKED, NonceMatch::Right),
    Input::Run(ASKED, NonceMatch::Missing),
    Input::Run(ASKED, NonceMatch::Wrong),
    Input::Accepted(ASKED),
    Input::TurnEnded,
    Input::Cancel(ASKED),
    Input::Confirm(ASKED, NonceMatch::Right),
    Input::Confirm(ASKED, NonceMatch::Missing),
    Input::Confirm(ASKED, NonceMatch::Wrong),
    Input::Confirmed(ASKED),
    Input::LauncherGone,
    Input::ProbationOver,
    Input::GaveUp(Verdict::Withdrawn),
    Input::GaveUp(Verdict::Stands),
    Input::GaveUp(Verdict::Unknown),
    Input::RetryDue,
    Input::Shutdown { request: ASKED, now: false },
    Input::Shutdown { request: ASKED, now: true },
    Input::Signal,
    Input::WardenGone,
    Input::Mark(ASKED),
    Input::Unmark(ASKED),
    Input::WorkDone,
    Input::Settled,
    Input::NotSettled,
    Input::TurnOverdue,
];

fn state(phase: Phase, probation: Probation, queued: usize, marked: bool) -> State {
    State { phase, probation, queue: std::iter::repeat_n(RUN, queued).collect(), marked }
}

fn named_states() -> Vec<(&'static str, State)> {
    let over = |phase, queued, marked| state(phase, Probation::Over, queued, marked);
    let giving_up = |why, tries| Probation::GivingUp { why, tries };
    vec![
        ("starting, on probation", State::default()),
        ("starting, giving up", state(Phase::Starting, giving_up(Why::Launcher, 1), 0, false)),
        ("starting, confirmed", over(Phase::Starting, 0, false)),
        ("idle, on probation", state(Phase::Idle, Probation::Open, 0, false)),
        ("idle, on probation, Run accepted", state(Phase::Idle, Probation::Open, 1, false)),
        ("idle, giving up for the deadline", state(Phase::Idle, giving_up(Why::Deadline, 1), 1, false)),
        ("idle, giving up for a signal", state(Phase::Idle, giving_up(Why::Stop(StopReason::Signal), 1), 1, false)),
        ("idle, giving up, last try", state(Phase::Idle, giving_up(Why::Launcher, MAX_TRIES - 1), 1, false)),
        ("idle", over(Phase::Idle, 0, false)),
        ("idle, marked, history not on disk", over(Phase::Idle, 0, true)),
        ("settling", over(Phase::Settling, 0, true)),
        ("running", over(Phase::Running(RUN), 0, false)),
        ("running, marked", over(Phase::Running(RUN), 0, true)),
        ("running, one queued, marked", over(Phase::Running(RUN), 1, true)),
        ("running, queue full", over(Phase::Running(RUN), MAX_QUEUED, false)),
        ("last turn", over(Phase::LastTurn(RUN, StopReason::Requested), 0, false)),
        ("ending the turn", over(Phase::EndingTurn(RUN, StopReason::Signal), 0, false)),
        ("stopped, confirmed", over(Phase::Stopped, 0, false)),
        ("stopped, withdrawn", state(Phase::Stopped, giving_up(Why::Launcher, 0), 0, false)),
    ]
}

#[test]
fn every_state_meets_every_input_as_in_the_table() {
    let mut table = String::new();
    for (name, before) in named_states() {
        writeln!(table, "## {name}").unwrap();
        let mut nothing = Vec::new();
        for input in INPUTS {
            let (after, effects) = step(before.clone(), *input);
            if after == before && effects.is_empty() {
                nothing.push(format!("{input:?}"));
                continue;
            }
            writeln!(table, "{input:?}").unwrap();
            for chunk in effects.chunk_by(|a, b| a == b) {
                let times = if chunk.len() > 1 { format!(" × {}", chunk.len()) } else { String::new() };
                writeln!(table, "    {:?}{times}", chunk[0]).unwrap();
            }
            if after != before {
                writeln!(table, "    → {}", short(&after)).unwrap();
            }
        }
        writeln!(table, "nothing: {}\n", nothing.join(", ")).unwrap();
    }
    insta::assert_snapshot!(table.replace("RequestId(9)", "#9").replace("RequestId(1)", "#1"));
}

fn short(state: &State) -> String {
    let State { phase, probation, queue, marked } = state;
    let marked = if *marked { ", marked" } else { "" };
    format!("{phase:?}, probation {probation:?}, {} queued{marked}", queue.len())
}

/// What must hold for any single step.
fn check_step(before: &State, input: Input, after: &State, effects: &[Effect]) {
    let context = format!("{before:?}\n{input:?}\n{effects:?}\n{after:?}");
    let prompts = effects.iter().filter(|effect| matches!(effect, Effect::Prompt(_))).count();
    let stops = effects.iter().filter(|effect| matches!(effect, Effect::Stop { .. })).count();
    assert!(prompts <= 1 && stops <= 1, "{context}");
    if prompts == 1 {
        assert!(!after.on_probation() && matches!(after.phase, Phase::Running(_)), "{context}");
        assert_ne!(before.status(), PodPhase::Stopping, "{context}");
        let finished = effects.iter().any(|effect| matches!(effect, Effect::FinishTurn(_)));
        assert!(finished || !matches!(before.phase, Phase::Running(_)), "one prompt at a time\n{context}");
    }
    if stops == 1 {
        assert_ne!(before.phase, Phase::Stopped, "{context}");
        assert_eq!(after.phase, Phase::Stopped, "{context}");
        assert!(matches!(effects.last(), Some(Effect::Stop { .. })), "stop comes last\n{context}");
        assert!(after.queue.is_empty(), "{context}");
    }
    if let Some(Effect::Stop { discard: true, .. }) = effects.last() {
        assert_eq!(input, Input::GaveUp(Verdict::Withdrawn), "{context}");
    }
    assert_eq!(before.phase == Phase::Stopped || stops == 1, after.phase == Phase::Stopped, "{context}");
    if before.status() == PodPhase::Stopping {
        assert_eq!(after.status(), PodPhase::Stopping, "stopping is for good\n{context}");
    }
    assert!(before.on_probation() || !after.on_probation(), "probation does not come back\n{context}");
    assert!(!after.on_probation() || !matches!(after.status(), PodPhase::Running), "{context}");
    assert!(after.queue.len() <= MAX_QUEUED, "{context}");
    let told: Vec<PodPhase> =
        effects.iter().filter_map(|e| if let Effect::Status(status) = e { Some(*status) } else { None }).collect();
    if before.status() != after.status() {
        assert_eq!(told.last(), Some(&after.status()), "a change is told\n{context}");
    }
    if let Input::Run(request, _) | Input::Confirm(request, _) | Input::Cancel(request) | Input::Mark(request) = input {
        let answered = effects.iter().any(|effect| match effect {
            Effect::Accept { request: r, .. }
            | Effect::Refuse(r, _)
            | Effect::Confirm(r)
            | Effect::SayConfirmed(r)
            | Effect::Done(r)
            | Effect::Scheduled { request: Some(r), .. } => *r == request,
            _ => false,
        });
        assert!(answered, "every request is answered\n{context}");
    }
}

/// Feeds what an effect ends in, as the host does.
fn follow(effects: &[Effect], verdict: Verdict) -> Vec<Input> {
    effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Accept { request, .. } => Some(Input::Accepted(*request)),
            Effect::Confirm(request) => Some(Input::Confirmed(*request)),
            Effect::GiveUp => Some(Input::GaveUp(verdict)),
            _ => None,
        })
        .collect()
}

/// Whether the host can feed this input at all in this state.
fn is_free(input: Input) -> bool {
    !matches!(input, Input::Accepted(_) | Input::Confirmed(_) | Input::GaveUp(_))
}

#[test]
fn the_promises_hold_in_all_that_can_be_reached() {
    let mut seen = HashSet::from([State::default()]);
    let mut open = VecDeque::from([State::default()]);
    while let Some(before) = open.pop_front() {
        for input in INPUTS.iter().copied().filter(|input| is_free(*input)) {
            for verdict in [Verdict::Withdrawn, Verdict::Stands, Verdict::Unknown] {
                let mut state = before.clone();
                let mut inputs = VecDeque::from([input]);
                while let Some(input) = inputs.pop_front() {
                    let (after, effects) = step(state.clone(), input);
                    check_step(&state, input, &after, &effects);
                    inputs.extend(follow(&effects, verdict));
                    state = after;
                }
                if seen.insert(state.clone()) {
                    open.push_back(state);
                }
            }
        }
    }
    assert!(seen.len() > 100, "only {} states were reached", seen.len());
}

fn any_input() -> impl Strategy<Value = Input> {
    proptest::sample::select(INPUTS.iter().copied().filter(|input| is_free(*input)).collect::<Vec<_>>())
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    proptest::sample::select(vec![Verdict::Withdrawn, Verdict::Stands, Verdict::Unknown])
}

proptest! {
    #[test]
    fn a_pod_stops_once_and_each_accepted_run_is_prompted_or_dropped(
        script in proptest::collection::vec((any_input(), any_verdict()), 0..60),
    ) {
        let mut state = State::default();
        let (mut accepted, mut settled, mut stops, mut number) = (Vec::new(), Vec::new(), 0, 0);
        // In the end the agent obeys and a signal ends what is left.
        let ending = [Input::Signal, Input::RetryDue, Input::TurnOverdue].map(|input| (input, Verdict::Withdrawn));
        for (input, verdict) in script.into_iter().chain(ending) {
            number += 1;
            let request = RequestId(number);
            let mut inputs = VecDeque::from([match input {
                Input::Run(_, nonce) => Input::Run(request, nonce),
                other => other,
            }]);
            while let Some(input) = inputs.pop_front() {
                let (after, effects) = step(state, input);
                for effect in &effects {
                    match effect {
                        Effect::Accept { request, .. } => accepted.push(*request),
                        Effect::Prompt(request) | Effect::Drop(request) => settled.push(*request),
                        Effect::Stop { .. } => stops += 1,
                        _ => {}
                    }
                }
                inputs.extend(follow(&effects, verdict));
                state = after;
            }
        }
        prop_assert_eq!(stops, 1);
        prop_assert_eq!(accepted, settled, "in the order in which they came");
    }
}
