//! What is being done, and what is told of it at the bottom of the screen. Pure.

use crate::cli::Meaning;
use crate::cli::quote::visible;

use super::deeds::Deed;
use super::known::RowId;
use super::model::{Effect, Model};
use super::modes::Target;
use super::talk::TalkLine;
use super::text::wrap;

/// The number of something that is being done.
pub type JobId = u64;

/// How something goes that is being done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// It is at this step.
    Doing(String),
    /// It is done.
    Done(String),
    /// It failed: why, and what to do about it, line by line.
    Failed(Vec<String>),
}

/// What was typed, and is kept until it has come to something.
#[derive(Debug)]
enum Draft {
    /// For a launch.
    Launch(Target),
    /// For a Pod, by its key.
    Turn(String),
}

/// Something that is being done.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) what: String,
    pub(super) doing: String,
    /// Which draft it makes obsolete.
    draft: Option<Draft>,
}

impl Model {
    /// Begins to do something.
    pub(super) fn begin(&mut self, deed: Deed) -> Effect {
        let job = self.next_job;
        self.next_job += 1;
        let draft = match &deed {
            Deed::Launch { role, ticket, .. } => Some(Draft::Launch(Target { role: *role, ticket: ticket.clone() })),
            Deed::Send { pod, .. } => Some(Draft::Turn(pod.pod.key())),
            _ => None,
        };
        self.jobs.insert(job, Job { what: deed.doing(), doing: String::new(), draft });
        Effect::Begin(job, deed)
    }

    /// Takes the first of these off the screen: a failure, the filter, what failed on the selected ticket.
    pub(super) fn dismiss(&mut self) {
        if !self.failures.is_empty() {
            self.failures.remove(0);
        } else if !self.list.filter().is_empty() {
            self.list.set_filter("");
        } else if let Some(RowId::Ticket(key)) = self.list.selected().map(|line| line.id.clone()) {
            let touched = self.known.dismiss(&key);
            self.touch(&touched);
        }
    }

    pub(super) fn told(&mut self, id: JobId, news: News) {
        match news {
            News::Doing(doing) => drop(self.jobs.get_mut(&id).map(|job| job.doing = doing)),
            News::Done(done) => {
                match self.jobs.remove(&id).and_then(|job| job.draft) {
                    Some(Draft::Launch(target)) => drop(self.drafts.remove(&target)),
                    Some(Draft::Turn(key)) => drop(self.turns.remove(&key)),
                    None => {}
                }
                self.done = Some(done);
            }
            News::Failed(why) => {
                self.jobs.remove(&id);
                self.failures.push(why);
            }
        }
    }

    /// Says why something is not done; until the next key, as nothing has happened.
    pub(super) fn refuse(&mut self, why: String) {
        self.done = Some(why);
    }

    /// The same in rows of the screen.
    pub(super) fn notice_rows(&self) -> Vec<TalkLine> {
        let width = usize::from(self.size.0).max(1);
        let shown = |(meaning, text): (Meaning, String)| vec![(Some(meaning), visible(&text).into_owned())];
        self.notices().into_iter().flat_map(|notice| wrap(&shown(notice), width)).collect()
    }

    /// What is told at the bottom, most lasting first.
    fn notices(&self) -> Vec<(Meaning, String)> {
        let mut lines: Vec<(Meaning, String)> =
            self.troubles.values().map(|why| (Meaning::Bad, format!("! {why}"))).collect();
        if let Some(failure) = self.failures.first() {
            let more = match self.failures.len() - 1 {
                0 => String::new(),
                more => format!(", {more} more behind it"),
            };
            let (first, rest) = failure.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
            lines.push((Meaning::Bad, format!("x {first}")));
            lines.extend(rest.iter().map(|line| (Meaning::Attention, format!("  {line}"))));
            lines.push((Meaning::Quiet, format!("  Esc takes this off the screen{more}")));
        }
        let doing = |job: &Job| match job.doing.as_str() {
            "" => format!("… {}", job.what),
            doing => format!("… {}: {doing}", job.what),
        };
        lines.extend(self.jobs.values().map(|job| (Meaning::Busy, doing(job))));
        lines.extend(self.done.iter().map(|done| (Meaning::Good, format!("= {done}"))));
        lines
    }
}
