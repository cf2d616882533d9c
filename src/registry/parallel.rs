//! Work on many files at once: a thread a processor, where there are enough files to pay for it.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many files make it worth to start a thread.
const WORTH_A_THREAD: usize = 256;
/// The most threads: how many descriptors they have open together has a bound, too.
const MAX_THREADS: usize = 8;

/// Does the same with every item, in any order, and gives the results in the order of the items; `files` is how many files
/// an item has.
pub(super) fn in_parallel<T: Sync, R: Send>(items: &[T], files: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let others = threads_for(items.len() * files).saturating_sub(1);
    if others == 0 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return done };
            done.push((number, work(item)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        // This thread works, too; and alone, where no other is to be had.
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (0..others).filter_map(start).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn threads_for(files: usize) -> usize {
    match (files / WORTH_A_THREAD).min(MAX_THREADS) {
        // How many processors there are is read from files.
        few @ 0..=1 => few,
        worth => worth.min(std::thread::available_parallelism().map_or(1, NonZero::get)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_the_order_of_the_items() {
        for count in [0, 1, 511, 1024, 5001] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(in_parallel(&items, 1, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
