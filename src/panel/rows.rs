//! Rows: what one line says of a ticket or a Pod, and where it stands among the others. Pure.

use crate::cli::Meaning;
use crate::domain::{ClaimStatus, Role, Timestamp};
use crate::launch::{PodStatus, PodView, Standing};
use crate::registry::ClaimView;
use crate::ticket::{State, Summary, parse_moment};

use super::known::{Known, RowId};

/// How wide an id is, of the present form and of the older one.
pub(super) const ID: usize = 13;
pub(super) const LONG_ID: usize = 19;

/// Why a row needs the user, most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// An agent waits for somebody to grant or refuse something.
    Permission,
    /// The ticket's intake has asked something.
    Question,
    /// The claim cannot be judged.
    Unknown,
    /// The Pod of the claim is gone.
    Stale,
    /// The last launch failed.
    LaunchFailed,
    /// The ticket cannot be read.
    Unreadable,
}

impl Need {
    /// Whether some record cannot be read.
    pub fn is_unreadable(self) -> bool {
        matches!(self, Self::Unknown | Self::Unreadable)
    }

    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Permission => "asks",
            Self::Question => "question",
            Self::Unknown => "unknown",
            Self::Stale => "stale",
            Self::LaunchFailed => "launch failed",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The parts of the list, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    /// The user is needed.
    Needs,
    /// Something is under way.
    Active,
    /// Waits to be taken.
    Ready,
    /// All else.
    Rest,
}

impl Group {
    /// Every part, in order.
    pub const ALL: [Self; 4] = [Self::Needs, Self::Active, Self::Ready, Self::Rest];

    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Needs => "needs you",
            Self::Active => "active",
            Self::Ready => "ready",
            Self::Rest => "rest",
        }
    }

    /// The sign at the beginning of a row, so that no colour is needed to tell them apart.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Needs => "!",
            Self::Active => "*",
            Self::Ready => "+",
            Self::Rest => " ",
        }
    }
}

/// What a row says.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Whose row it is.
    pub id: RowId,
    /// The ticket's id; its key, where nothing tells the id.
    pub ticket: Option<String>,
    /// What it is about.
    pub title: Option<String>,
    /// Where it stands in its workflow.
    pub state: Option<State>,
    /// The Pod.
    pub pod: Option<String>,
    /// What the Pod is for.
    pub role: Option<Role>,
    /// How it stands, in words; empty where nobody has anything to do with it.
    pub status: String,
    /// What the words mean.
    pub meaning: Meaning,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Why the user is needed.
    pub need: Option<Need>,
    /// The part of the list that it belongs to.
    pub group: Group,
    /// The evidence for all this, in words.
    pub reason: Option<String>,
    /// Whether its ticket is closed, and nothing of it lives.
    pub is_over: bool,
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sort {
    /// What needs the user, what is active, what is ready, the rest.
    #[default]
    Need,
    /// The newest first.
    Newest,
    /// By id.
    Id,
    /// By title.
    Title,
}

impl Sort {
    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Need => Self::Newest,
            Self::Newest => Self::Id,
            Self::Id => Self::Title,
            Self::Title => Self::Need,
        }
    }

    /// The words that stand for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Need => "what needs you first",
            Self::Newest => "newest first",
            Self::Id => "by id",
            Self::Title => "by title",
        }
    }
}

/// Where a row stands: rows are in the order of their ranks, and no two have the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    first: u8,
    newest: i64,
    text: String,
    id: RowId,
}

impl Rank {
    /// Whose rank it is.
    pub fn id(&self) -> &RowId {
        &self.id
    }
}

impl Line {
    /// Whether its ticket's id is longer than those that are made now.
    pub(super) fn has_long_id(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.len() > ID)
    }

    /// Where it stands.
    pub fn rank(&self, sort: Sort) -> Rank {
        let need = self.need.map_or(0, |need| need as u8);
        let first = if sort == Sort::Need { self.group as u8 * 16 + need } else { 0 };
        let newest = match sort {
            Sort::Newest => self.since.map_or(0, |since| since.get().timestamp_micros().saturating_neg()),
            _ => 0,
        };
        let text = match sort {
            Sort::Title => self.title.as_deref().unwrap_or_default().to_lowercase(),
            _ => String::new(),
        };
        Rank { first, newest, text, id: self.id.clone() }
    }

    /// Whether it has all of these words somewhere, in lower case.
    pub fn matches(&self, words: &[String]) -> bool {
        if words.is_empty() {
            return true;
        }
        let state = self.state.map_or("", State::as_str);
        let role = self.role.map_or("", Role::as_str);
        let texts = [&self.ticket, &self.title, &self.pod].map(|text| text.as_deref().unwrap_or_default());
        let all =
            [texts[0], texts[1], texts[2], state, role, &self.status, self.group.as_str()].join("\n").to_lowercase();
        words.iter().all(|word| all.contains(word.as_str()))
    }
}

impl Known {
    /// What a row says; `None` where there is no such row.
    pub fn line(&self, id: &RowId) -> Option<Line> {
        match id {
            RowId::Ticket(key) => self.ticket_line(key),
            RowId::Pod(key) => self.pod_line(key),
        }
    }

    fn ticket_line(&self, key: &str) -> Option<Line> {
        let (seen, claim) = (self.ticket(key), self.claim(key));
        if seen.is_none() && claim.is_none() {
            return None;
        }
        let summary = seen.and_then(|seen| seen.summary.as_ref().ok());
        let pod = self.pod_of_ticket(key);
        let standing = Standing { claim: claim.cloned(), ticket: summary.cloned(), pod: pod.cloned() };
        let status = (claim.is_some() || pod.is_some()).then(|| standing.status());
        let need = self.need(key, &standing, status);
        let state = summary.map(|summary| summary.state);
        let is_completed = completed(claim);
        let is_over = state == Some(State::Closed)
            && !matches!(status, Some(ClaimStatus::Live | ClaimStatus::Launching | ClaimStatus::Unknown));
        let group = match (need, status, state) {
            _ if is_over => Group::Rest,
            (Some(_), ..) => Group::Needs,
            (_, Some(ClaimStatus::Launching | ClaimStatus::Live), _) | (.., Some(State::Inprogress)) => Group::Active,
            (_, Some(ClaimStatus::Restorable), _) if !is_completed => Group::Active,
            (.., Some(State::Ready | State::Queued)) => Group::Ready,
            _ => Group::Rest,
        };
        let held = claim.and_then(|view| view.claim.as_ref());
        let unreadable = seen.and_then(|seen| seen.summary.as_ref().err()).cloned();
        let failure = self.failure(key).filter(|_| need == Some(Need::LaunchFailed)).map(|failed| failed.why.clone());
        let question = seen.and_then(|seen| seen.question.clone()).filter(|_| need == Some(Need::Question));
        let evidence = claim.map(|view| view.reason.clone()).or_else(|| pod.map(|pod| pod.reason.clone()));
        Some(Line {
            id: RowId::Ticket(key.to_owned()),
            ticket: Some(claim.map_or_else(|| name_of(summary, key), |view| view.ticket.clone())),
            title: summary.map(|summary| summary.title.clone()),
            state,
            pod: held.map(|claim| claim.pod.to_string()).or_else(|| pod.map(|pod| pod.pod.clone())),
            role: held.map(|claim| claim.role).or_else(|| pod.and_then(|pod| pod.role)),
            status: words(&standing, need, claim.is_none() && pod.is_some()),
            meaning: meaning(need, status, standing.asks()),
            since: held.map(|claim| claim.accepted_at).or_else(|| pod.and_then(created)).or_else(|| touched(summary)),
            need: need.filter(|_| !is_over),
            group,
            reason: unreadable.or(failure).or(question).or(evidence),
            is_over,
        })
    }

    fn need(&self, key: &str, standing: &Standing, status: Option<ClaimStatus>) -> Option<Need> {
        if standing.asks() {
            return Some(Need::Permission);
        }
        let has_claim = standing.claim.is_some();
        let seen = self.ticket(key);
        match status {
            Some(ClaimStatus::Unknown) => return Some(Need::Unknown),
            Some(ClaimStatus::Stale) if has_claim => return Some(Need::Stale),
            _ => {}
        }
        if seen.is_some_and(|seen| seen.summary.is_err()) {
            return Some(Need::Unreadable);
        }
        if seen.is_some_and(|seen| seen.question.is_some()) {
            return Some(Need::Question);
        }
        let is_busy = matches!(status, Some(ClaimStatus::Launching | ClaimStatus::Live));
        (self.failure(key).is_some() && !is_busy).then_some(Need::LaunchFailed)
    }

    fn pod_line(&self, key: &str) -> Option<Line> {
        let pod = self.pod(key)?;
        if self.is_with_ticket(key) {
            return None;
        }
        let standing = Standing { claim: None, ticket: None, pod: Some(pod.clone()) };
        let status = standing.status();
        let need = match status {
            _ if standing.asks() => Some(Need::Permission),
            ClaimStatus::Unknown => Some(Need::Unknown),
            _ => None,
        };
        let group = match (need, status) {
            (Some(_), _) => Group::Needs,
            (_, ClaimStatus::Launching | ClaimStatus::Live) => Group::Active,
            _ => Group::Rest,
        };
        let ticket = pod.record.as_ref().and_then(|record| record.ticket.as_ref());
        let summary = ticket.and_then(|ticket| self.ticket(&ticket.key())?.summary.as_ref().ok());
        Some(Line {
            id: RowId::Pod(key.to_owned()),
            ticket: ticket.map(ToString::to_string),
            title: summary.map(|summary| summary.title.clone()),
            state: None,
            pod: Some(pod.pod.clone()),
            role: pod.role,
            status: standing.words(),
            meaning: meaning(need, Some(status), standing.asks()),
            since: created(pod),
            need,
            group,
            reason: Some(pod.reason.clone()),
            is_over: false,
        })
    }
}

/// How it stands, and besides what needs the user, where the words do not say it.
fn words(standing: &Standing, need: Option<Need>, is_guest: bool) -> String {
    let mut words = standing.words();
    if is_guest {
        words.push_str(", no claim");
    }
    if let Some(need @ (Need::Question | Need::LaunchFailed | Need::Unreadable)) = need {
        if !words.is_empty() {
            words.push_str(", ");
        }
        words.push_str(need.as_str());
    }
    words
}

fn meaning(need: Option<Need>, status: Option<ClaimStatus>, asks: bool) -> Meaning {
    match (need, status) {
        _ if asks => Meaning::Attention,
        (Some(Need::Question), _) => Meaning::Attention,
        (Some(_), _) => Meaning::Bad,
        (None, Some(status)) => status.into(),
        (None, None) => Meaning::Quiet,
    }
}

fn completed(claim: Option<&ClaimView>) -> bool {
    claim.and_then(|view| view.claim.as_ref()).is_some_and(|claim| claim.completed_at.is_some())
}

fn created(pod: &PodView) -> Option<Timestamp> {
    pod.record.as_ref().map(|record| record.created_at)
}

fn touched(summary: Option<&Summary>) -> Option<Timestamp> {
    let summary = summary?;
    [&summary.updated_at, &summary.created_at].into_iter().flatten().find_map(|text| parse_moment(text))
}

fn name_of(summary: Option<&Summary>, key: &str) -> String {
    summary.map_or_else(|| key.to_owned(), |summary| summary.id.to_string())
}

/// Whether a Pod can be opened: it lives, and is not on probation.
pub fn can_be_opened(pod: &PodView) -> bool {
    matches!(pod.status, PodStatus::Phase(_) | PodStatus::Live)
}
