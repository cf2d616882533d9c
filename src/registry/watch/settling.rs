//! Locks that were held when a description of their file was closed.
//!
//! The kernel tells of the close first and drops the locks then. So a lock that is still held may be free a moment later,
//! of which nobody tells; or it is held by another who has the file open, whose own close will be told. The two look alike
//! but for time, so the lock is asked again, with growing pauses, and not for long.

use std::time::{Duration, Instant};

use super::Change;

/// The pause before the first question.
const FIRST: Duration = Duration::from_millis(1);
/// The pause after which nothing is asked any more; all pauses together are about a second.
const LAST: Duration = Duration::from_millis(512);

#[derive(Debug)]
struct Lock {
    change: Change,
    pause: Duration,
    due: Instant,
}

/// The locks that are still to be asked about.
#[derive(Debug, Default)]
pub(super) struct Settling(Vec<Lock>);

impl Settling {
    /// Begins to ask about a lock, from the start where that had begun already.
    pub(super) fn add(&mut self, change: Change, now: Instant) {
        self.0.retain(|lock| lock.change != change);
        self.0.push(Lock { change, pause: FIRST, due: now + FIRST });
    }

    /// How long until there is something to ask; `None` where there is nothing.
    pub(super) fn wait(&self, now: Instant) -> Option<Duration> {
        self.0.iter().map(|lock| lock.due.saturating_duration_since(now)).min()
    }

    /// Asks about the locks that are due; gives those that are free now, and asks no more about them.
    pub(super) fn settled(&mut self, now: Instant, is_held: impl Fn(&Change) -> bool) -> Vec<Change> {
        let mut free = Vec::new();
        self.0.retain_mut(|lock| {
            if lock.due > now {
                return true;
            }
            if !is_held(&lock.change) {
                free.push(lock.change.clone());
                return false;
            }
            lock.pause *= 2;
            lock.due = now + lock.pause;
            lock.pause <= LAST
        });
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_that_is_free_a_moment_later_is_told_once() {
        let start = Instant::now();
        let lock = Change::PodLock("p".to_owned());
        let mut settling = Settling::default();
        assert_eq!(settling.wait(start), None);
        settling.add(lock.clone(), start);
        assert_eq!(settling.wait(start), Some(FIRST));
        assert_eq!(settling.settled(start, |_| panic!("it is not due")), []);
        let second = start + FIRST;
        assert_eq!(settling.settled(second, |_| true), []);
        assert_eq!(settling.wait(second), Some(FIRST * 2));
        assert_eq!(settling.settled(second + FIRST * 2, |_| false), [lock]);
        assert_eq!(settling.wait(second), None);
    }

    #[test]
    fn a_lock_that_stays_held_is_not_asked_about_for_ever() {
        let start = Instant::now();
        let mut now = start;
        let mut settling = Settling::default();
        settling.add(Change::PodLock("p".to_owned()), now);
        let mut asked = 0;
        while let Some(time) = settling.wait(now) {
            now += time;
            assert_eq!(settling.settled(now, |_| true), []);
            asked += 1;
        }
        assert_eq!(asked, 10);
        assert!(now - start > Duration::from_secs(1) && now - start < Duration::from_secs(2), "{:?}", now - start);
    }
}
