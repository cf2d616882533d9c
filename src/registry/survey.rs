//! All claims at once.
//!
//! The rule is that of one claim ([`Registry::view_claim`]): the claim is read, the locks are asked, the claim is looked at
//! again; only what it costs is less. A handful of claims is taken at a time: each is read and kept open, then each Pod of
//! theirs is asked once, then each claim is looked at again. One that has changed by then is viewed by itself. Handfuls are
//! independent of each other, and are divided among threads.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsString;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::open::{ReadError, Registry};
use super::status::{ClaimView, PodAnswer, Restorable};
use super::unreadable::set_aside_key;
use crate::domain::chain;
use crate::domain::{Claim, ClaimStatus, PodName, Record as _, RecordError, TicketId};
use crate::fs::{self, HeldFile, LockState, PathError};

/// How many claims are taken at a time; each keeps a descriptor open meanwhile.
const HANDFUL: usize = 16;
/// How many claims make it worth to start a thread.
const WORTH_A_THREAD: usize = 256;
/// The most threads: together they have at most this many handfuls of descriptors open, whatever the limit is.
const MAX_THREADS: usize = 8;

/// All claims and launches in flight of a registry.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// One view a ticket, by key.
    pub claims: Vec<ClaimView>,
}

impl Survey {
    /// The views of one Pod's claims.
    pub fn of_pod<'a>(&'a self, pod: &'a PodName) -> impl Iterator<Item = &'a ClaimView> {
        self.claims.iter().filter(move |view| view.claim.as_ref().is_some_and(|claim| claim.pod == *pod))
    }
}

/// A claim file that was read.
struct Seen {
    file: HeldFile,
    claim: Claim,
}

impl Registry {
    /// Derives the status of every claim and of every launch in flight, by key.
    ///
    /// # Errors
    /// When the directory of claims cannot be listed.
    pub fn survey(&self, restorable: &dyn Restorable) -> Result<Survey, PathError> {
        let names = fs::entries(&self.claims_dir())?;
        let key_of = |name: &OsString| {
            let name = name.to_string_lossy();
            name.strip_suffix(".toml").or_else(|| set_aside_key(&name)).map(ToOwned::to_owned)
        };
        let keys: BTreeSet<String> = names.iter().filter_map(key_of).collect();
        let listed: Vec<&String> = keys.iter().collect();
        let mut claims = in_handfuls(&listed, |handful| self.view_handful(handful, restorable));
        let locks = fs::entries(&self.dir().join("locks/tickets"))?;
        let unclaimed: Vec<OsString> =
            locks.into_iter().filter(|name| !keys.contains(&*name.to_string_lossy())).collect();
        claims.extend(in_handfuls(&unclaimed, |names| {
            names.iter().filter_map(|name| self.view_in_flight(name, restorable)).collect()
        }));
        claims.sort_by(|a, b| (&a.ticket, &a.reason).cmp(&(&b.ticket, &b.reason)));
        Ok(Survey { claims })
    }

    fn view_handful(&self, keys: &[&String], restorable: &dyn Restorable) -> Vec<ClaimView> {
        let seen: Vec<_> = keys.iter().map(|key| (key, self.see(key))).collect();
        // Asked after each of these claims was read, so that the answer holds for all of them.
        let mut answers: HashMap<&PodName, PodAnswer> = HashMap::new();
        for claim in seen.iter().filter_map(|(_, seen)| Some(&seen.as_ref().ok()?.as_ref()?.claim)) {
            answers.entry(&claim.pod).or_insert_with(|| self.ask_pod(&claim.pod));
        }
        let view = |(key, seen): &(&&String, Result<Option<Seen>, ReadError>)| match seen {
            Ok(None) => None,
            Ok(Some(Seen { file, claim })) => {
                let (status, reason) = self.judge_by(claim, &answers[&claim.pod], restorable);
                // What was derived is true of the claim that was read only if it still stands.
                if !file.stands() {
                    return self.view_claim(&claim.ticket, restorable);
                }
                Some(ClaimView { ticket: claim.ticket.to_string(), claim: Some(claim.clone()), status, reason })
            }
            Err(error) => Some(ClaimView {
                ticket: TicketId::of_key(key).map_or_else(|| (**key).clone(), String::from),
                claim: None,
                status: ClaimStatus::Unknown,
                reason: chain(error),
            }),
        };
        seen.iter().filter_map(view).collect()
    }

    /// Reads a claim file and compares the ticket's name in it with the file's own.
    fn see(&self, key: &str) -> Result<Option<Seen>, ReadError> {
        let path = self.claim_path_of_key(key);
        let Some(file) = fs::hold_file(&path)? else {
            // A claim that was set aside leaves a ticket that is not free.
            return Self::check_not_set_aside(&path).map(|()| None);
        };
        let wrong = |source| ReadError::Record { path: path.clone(), source };
        let claim = Claim::parse(file.bytes()).map_err(wrong)?;
        if claim.ticket.key() == key {
            return Ok(Some(Seen { file, claim }));
        }
        Err(wrong(RecordError::OtherName { expected: key.to_owned(), found: claim.ticket.to_string() }))
    }

    /// The launch in flight that the lock of a ticket without a claim tells of.
    fn view_in_flight(&self, name: &OsString, restorable: &dyn Restorable) -> Option<ClaimView> {
        let lock = self.dir().join("locks/tickets").join(name);
        if !matches!(fs::probe(&lock), Ok(LockState::Held)) {
            return None;
        }
        self.view_claim(&self.ticket_of_key(&name.to_string_lossy())?, restorable)
    }
}

/// Does a piece of work for each handful of many things, on several threads where there are enough of them; the results
/// are in the order of the things.
pub(super) fn in_handfuls<T: Sync, R: Send>(all: &[T], work: impl Fn(&[T]) -> Vec<R> + Sync) -> Vec<R> {
    let handfuls: Vec<&[T]> = all.chunks(HANDFUL).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(handful) = handfuls.get(number) else { return done };
            done.push((number, work(handful)));
        }
    };
    let mut done = std::thread::scope(|scope| {
        // This thread works, too; and alone, where no other is to be had.
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, work).ok();
        let others: Vec<_> = (1..threads_for(all.len())).filter_map(start).collect();
        let mut done = work();
        for other in others {
            done.extend(other.join().expect("the work does not panic"));
        }
        done
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().flat_map(|(_, results)| results).collect()
}

fn threads_for(things: usize) -> usize {
    match (things / WORTH_A_THREAD).min(MAX_THREADS) {
        // How many processors there are is read from files.
        few @ 0..=1 => few,
        worth => worth.min(std::thread::available_parallelism().map_or(1, NonZero::get)),
    }
}
