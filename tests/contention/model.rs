//! One ticket's claim, changed by one process after the other; and the search for an order of events that it could have
//! gone through (after Wing and Gong), with what was tried remembered.

use std::collections::HashSet;

use super::history::{Answer, Asked, Event, Fence, Seen, TAKER};

/// How a ticket stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct State {
    /// The highest generation that there was.
    pub generation: u64,
    /// The claim that stands.
    pub claim: Option<Seen>,
}

impl State {
    /// The state after an event that can happen in this one; `None` where its answer would have been another.
    fn after(&self, event: &Event) -> Option<Self> {
        let stands = self.claim.as_ref();
        let same = |can: bool| can.then(|| self.clone());
        match (&event.asked, &event.answer) {
            (_, Answer::Failed(_)) => None,
            (_, Answer::Busy) => Some(self.clone()),
            (Asked::Look, Answer::Stands(seen)) => same(self.claim == *seen),
            (Asked::Commit { pod }, Answer::New(new)) if stands.is_none() && new.pod == *pod => self.succeeded(new),
            (Asked::Commit { pod }, Answer::Ours(seen)) => same(stands.is_some_and(|it| it.is(seen) && it.pod == *pod)),
            (Asked::Commit { pod }, Answer::Held(seen)) => same(stands.is_some_and(|it| it.is(seen) && it.pod != *pod)),
            // To whom it is to be given has it: answered before anything is compared.
            (Asked::HandOver { .. }, Answer::Ours(seen)) => {
                same(stands.is_some_and(|it| it.is(seen) && it.pod == TAKER))
            }
            (Asked::HandOver { expect }, Answer::New(new)) => {
                let former = self.ended(expect, false).filter(|former| former.completed)?;
                (former.pod != TAKER && new.pod == TAKER).then(|| self.succeeded(new))?
            }
            (Asked::Give { expect }, Answer::New(new)) => {
                self.ended(expect, false)?;
                (new.pod == TAKER).then(|| self.succeeded(new))?
            }
            (Asked::Complete { expect }, Answer::Completed(seen)) => {
                let completed = Seen { completed: true, ..stands?.clone() };
                let can = completed == *seen && completed.matches(expect);
                can.then(|| Self { claim: Some(completed), ..self.clone() })
            }
            (Asked::Release { expect, as_holder }, Answer::Freed(seen)) => {
                self.freed(self.ended(expect, *as_holder)?, seen)
            }
            (Asked::Reclaim { expect }, Answer::Freed(seen)) => self.freed(self.ended(expect, false)?, seen),
            (asked, refusal) => same(self.refuses(asked.expected()?, refusal)),
        }
    }

    /// The claim that may be ended: the expected one, of a holder that does not live unless it asks itself.
    fn ended(&self, expect: &Fence, as_holder: bool) -> Option<&Seen> {
        self.claim.as_ref().filter(|claim| claim.matches(expect) && (as_holder || claim.pod != TAKER))
    }

    fn succeeded(&self, new: &Seen) -> Option<Self> {
        let can = new.generation == self.generation + 1 && !new.completed;
        can.then(|| Self { generation: new.generation, claim: Some(new.clone()) })
    }

    fn freed(&self, former: &Seen, seen: &Seen) -> Option<Self> {
        former.is(seen).then(|| Self { claim: None, ..self.clone() })
    }

    /// Whether a change of the expected claim is refused with these words.
    fn refuses(&self, expect: &Fence, answer: &Answer) -> bool {
        match (&self.claim, answer) {
            (None, Answer::NotFound) => true,
            (None, Answer::Ended(None)) => expect.generation <= self.generation,
            (Some(stands), Answer::Other(seen) | Answer::Ended(Some(seen))) => {
                stands.is(seen) && !stands.matches(expect)
            }
            (Some(stands), Answer::Live(seen)) => stands.is(seen) && stands.matches(expect) && stands.pod == TAKER,
            (Some(stands), Answer::NotCompleted(seen)) => {
                stands.is(seen) && stands.matches(expect) && !stands.completed
            }
            _ => false,
        }
    }
}

impl Asked {
    fn expected(&self) -> Option<&Fence> {
        match self {
            Self::HandOver { expect }
            | Self::Complete { expect }
            | Self::Release { expect, .. }
            | Self::Reclaim { expect }
            | Self::Give { expect } => Some(expect),
            Self::Commit { .. } | Self::Look => None,
        }
    }
}

/// The states that a ticket can be in after events of one round, given those before it; and how many steps were tried.
///
/// An event may be next if none that is still to come had ended before it began.
pub fn linearize(before: &HashSet<State>, events: &[Event]) -> (HashSet<State>, usize) {
    assert!(events.len() < 64, "a round is small");
    let all = (1_u64 << events.len()) - 1;
    let mut reached: HashSet<(u64, State)> = before.iter().map(|state| (0, state.clone())).collect();
    let mut waiting: Vec<(u64, State)> = reached.iter().cloned().collect();
    let (mut after, mut tried) = (HashSet::new(), 0);
    while let Some((done, state)) = waiting.pop() {
        if done == all {
            after.insert(state);
            continue;
        }
        let open = |n: &usize| done & (1 << n) == 0;
        let first_end = (0..events.len()).filter(open).map(|n| events[n].to).min().unwrap_or(u64::MAX);
        for n in (0..events.len()).filter(open).filter(|n| events[*n].from <= first_end) {
            tried += 1;
            if let Some(next) = state.after(&events[n]) {
                let step = (done | 1 << n, next);
                if reached.insert(step.clone()) {
                    waiting.push(step);
                }
            }
        }
    }
    (after, tried)
}
