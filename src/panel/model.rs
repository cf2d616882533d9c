//! The state of the panel, and what becomes of it. Pure: what is to be read or done besides comes out as effects.

use std::collections::{BTreeMap, BTreeSet};

use crossterm::event::{
    Event as Input, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use tui_input::Input as TextLine;

use crate::domain::{PodName, TicketId, Timestamp};
use crate::registry::Change;
use crate::ticket::TicketChange;

use super::deeds::Deed;
use super::jobs::{Job, JobId, News};
use super::keys::{self, Command};
use super::known::{Known, Piece, RowId, Touched, pod_key};
use super::lanes::{Ask, Lane};
use super::layout::Parts;
use super::list::{Closed, List};
use super::modes::{Drafts, Mode, ToReclaim};
use super::talk::{Heard, Talk, TalkLine};

/// How many rows the wheel of a mouse moves by.
const WHEEL: isize = 3;

/// Something that happened.
#[derive(Debug)]
pub enum Action {
    /// The user typed, clicked, pasted, or made the terminal another size.
    Input(Input),
    /// It is this moment.
    Now(Timestamp),
    /// Something in the registry is to be read again.
    Changed(Vec<Change>),
    /// Something of the tickets is to be read again.
    TicketsChanged(Vec<TicketChange>),
    /// Changes may happen that nobody tells of; why.
    Blind(String),
    /// Something was read.
    Read {
        /// What kind of thing.
        lane: Lane,
        /// As it is.
        pieces: Vec<Piece>,
        /// How many things that were asked for this answers.
        served: usize,
        /// Why something could not be read.
        why: Option<String>,
    },
    /// What is known of a row was read.
    Detail(RowId, Vec<TalkLine>),
    /// A live Pod said something.
    Heard {
        /// The Pod, by its key.
        key: String,
        /// What it said.
        heard: Heard,
        /// When.
        at: Timestamp,
    },
    /// A Pod, by its key, says nothing more.
    Silent(String),
    /// A Pod, by its key, lives and does not answer.
    Deaf(String),
    /// Something that is being done goes on.
    Job(JobId, News),
    /// What is known of a claim that a person wants to end.
    ToReclaim(Box<ToReclaim>),
    /// Something that a person asked for cannot be done: why, line by line.
    Failed(Vec<String>),
    /// The shell wants the terminal back.
    Stopped,
    /// The panel goes on after it was stopped.
    Resumed,
    /// The panel is to end: by a signal, or as the terminal is gone.
    Ended(Option<i32>),
}

/// Something that is to be done outside of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read something.
    Ask(Ask),
    /// Listen to a Pod, of this key.
    Listen(String, PodName),
    /// Do something, under a number of its own.
    Begin(JobId, Deed),
    /// Look at a claim that a person wants to end.
    LookToReclaim(TicketId),
    /// Open a ticket in the user's editor.
    Edit(TicketId),
    /// Draw the whole screen anew, whatever is on it.
    Redraw,
    /// Give the terminal back to the shell for a while.
    Suspend,
    /// End the panel.
    Quit,
}

/// What is known of the selected row besides its line.
#[derive(Debug, Default)]
pub struct Detail {
    /// Whose it is.
    pub(super) of: Option<RowId>,
    /// What is known.
    pub(super) lines: Vec<TalkLine>,
    /// How many lines are scrolled away at the top.
    pub(super) top: usize,
}

/// The state of the panel.
#[derive(Debug)]
pub struct Model {
    /// The name of the workspace.
    pub(super) workspace: String,
    pub(super) now: Timestamp,
    pub(super) size: (u16, u16),
    pub(super) known: Known,
    pub(super) list: List,
    pub(super) mode: Mode,
    pub(super) detail: Detail,
    pub(super) shows_detail: bool,
    /// What is heard of each Pod that lives, by key.
    pub(super) talks: BTreeMap<String, Talk>,
    /// Pods that are listened to, by key.
    pub(super) listening: BTreeSet<String>,
    /// Those of them of which something has changed since.
    changed: BTreeSet<String>,
    /// Pods that live and did not answer, until something of them changes.
    deaf: BTreeSet<String>,
    /// What cannot be read, or is not told.
    pub(super) troubles: BTreeMap<Trouble, String>,
    /// What is being done, oldest first.
    pub(super) jobs: BTreeMap<JobId, Job>,
    pub(super) next_job: JobId,
    /// What was done last; shown until the next key.
    pub(super) done: Option<String>,
    /// What failed; each stays until it is dismissed.
    pub(super) failures: Vec<Vec<String>>,
    /// What was typed and has not come to anything yet.
    pub(super) drafts: Drafts,
    /// The same for Pods, by key.
    pub(super) turns: BTreeMap<String, String>,
    /// What was asked to be read, and was not yet.
    waiting: BTreeMap<Lane, usize>,
    /// What has been read once.
    were_read: BTreeSet<Lane>,
    /// Pods that changed while claims were being read: those claims may have been judged by what was before.
    late: BTreeSet<String>,
    /// What was asked to be read of the selected row.
    wanted: Option<Ask>,
    /// Whether what is known of the selected row has changed since.
    is_stale: bool,
}

/// What keeps the panel from seeing everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trouble {
    /// Something could not be read.
    Reading(Lane),
    /// Changes are not told.
    Blind,
}

impl Model {
    /// The panel as it is before anything was read.
    pub fn new(workspace: String, size: (u16, u16), now: Timestamp) -> Self {
        let mut model = Self {
            workspace,
            now,
            size,
            known: Known::default(),
            list: List::default(),
            mode: Mode::List,
            detail: Detail::default(),
            shows_detail: true,
            talks: BTreeMap::new(),
            listening: BTreeSet::new(),
            changed: BTreeSet::new(),
            deaf: BTreeSet::new(),
            troubles: BTreeMap::new(),
            jobs: BTreeMap::new(),
            next_job: 0,
            done: None,
            failures: Vec::new(),
            drafts: Drafts::new(),
            turns: BTreeMap::new(),
            waiting: BTreeMap::new(),
            were_read: BTreeSet::new(),
            late: BTreeSet::new(),
            wanted: None,
            is_stale: false,
        };
        model.fit();
        model
    }

    /// Shows or hides closed tickets.
    pub fn set_closed(&mut self, closed: Closed) {
        self.list.set_closed(closed);
    }

    /// The rows.
    pub fn list(&self) -> &List {
        &self.list
    }

    /// The size of the screen: columns and rows.
    pub fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Whether everything has been read once.
    pub fn is_ready(&self) -> bool {
        [Lane::Tickets, Lane::Claims, Lane::Pods].iter().all(|lane| self.were_read.contains(lane))
    }

    /// Takes in what happened; gives what is to be done because of it.
    pub fn update(&mut self, action: Action) -> Vec<Effect> {
        let mut effects = self.take(action);
        self.fit();
        effects.extend(self.want_detail());
        for effect in &effects {
            if let Effect::Ask(ask) = effect {
                *self.waiting.entry(ask.lane()).or_default() += 1;
            }
        }
        effects
    }

    fn take(&mut self, action: Action) -> Vec<Effect> {
        match action {
            Action::Input(input) => self.input(input),
            Action::Now(now) => {
                self.now = now;
                Vec::new()
            }
            Action::Changed(changes) => changes.into_iter().flat_map(|change| self.changed(change)).collect(),
            Action::TicketsChanged(changes) => changes.into_iter().flat_map(tickets_changed).collect(),
            Action::Blind(why) => {
                self.troubles.insert(Trouble::Blind, why);
                Vec::new()
            }
            Action::Read { lane, pieces, served, why } => self.read(lane, pieces, served, why),
            Action::Detail(of, lines) => {
                if self.detail.of.as_ref() != Some(&of) {
                    self.detail.top = 0;
                }
                (self.detail.of, self.detail.lines) = (Some(of), lines);
                Vec::new()
            }
            Action::Heard { key, heard, at } => {
                let talk = self.talks.entry(key.clone()).or_default();
                let ended = talk.ended();
                if talk.hear(heard, at) {
                    self.retell(&key);
                }
                self.hold_still(&key, ended);
                Vec::new()
            }
            Action::Silent(key) => {
                self.silence(&key);
                vec![Effect::Ask(Ask::Pod(key))]
            }
            Action::Deaf(key) => {
                self.silence(&key);
                if self.changed.remove(&key) {
                    // It may be another start of it by now.
                    return vec![Effect::Ask(Ask::Pod(key))];
                }
                self.deaf.insert(key);
                Vec::new()
            }
            Action::Job(job, news) => {
                self.told(job, news);
                Vec::new()
            }
            Action::ToReclaim(claim) => {
                // What is being typed meanwhile is not taken away.
                if matches!(self.mode, Mode::List) {
                    self.mode = Mode::Reclaim(claim, TextLine::default());
                }
                Vec::new()
            }
            Action::Failed(why) => {
                self.failures.push(why);
                Vec::new()
            }
            Action::Stopped => vec![Effect::Suspend],
            Action::Resumed => vec![Effect::Redraw],
            Action::Ended(_) => Vec::new(),
        }
    }

    fn changed(&mut self, change: Change) -> Vec<Effect> {
        match change {
            Change::Everything => [Ask::Claims, Ask::Pods, Ask::Journal].map(Effect::Ask).into(),
            Change::Claim(key) | Change::TicketLock(key) => vec![Effect::Ask(Ask::Claim(key))],
            Change::Pod(key) | Change::PodLock(key) => {
                self.deaf.remove(&key);
                if self.listening.contains(&key) {
                    self.changed.insert(key.clone());
                }
                if self.waiting.get(&Lane::Claims).is_some_and(|waiting| *waiting > 0) {
                    self.late.insert(key.clone());
                }
                let claims = self.known.held_by(&key).map(|ticket| Ask::Claim(ticket.clone()));
                claims.chain([Ask::Pod(key.clone())]).map(Effect::Ask).collect()
            }
            Change::Session(key) => {
                let shown = self.list.selected().and_then(|line| line.pod.as_deref()).map(pod_key);
                self.is_stale |= shown == Some(key);
                Vec::new()
            }
            Change::Journal => {
                self.is_stale = true;
                vec![Effect::Ask(Ask::Journal)]
            }
        }
    }

    fn read(&mut self, lane: Lane, pieces: Vec<Piece>, served: usize, why: Option<String>) -> Vec<Effect> {
        let waiting = self.waiting.entry(lane).or_default();
        *waiting = waiting.saturating_sub(served);
        if *waiting == 0 {
            self.were_read.insert(lane);
        }
        match why {
            Some(why) => drop(self.troubles.insert(Trouble::Reading(lane), why)),
            None => drop(self.troubles.remove(&Trouble::Reading(lane))),
        }
        for mut piece in pieces {
            self.overlay(&mut piece);
            let touched = self.known.take(piece);
            self.touch(&touched);
        }
        let mut effects = self.listen();
        if lane == Lane::Claims {
            let late = std::mem::take(&mut self.late);
            let again = late.iter().flat_map(|pod| self.known.held_by(pod)).map(|key| Ask::Claim(key.clone()));
            effects.extend(again.map(Effect::Ask));
        }
        effects
    }

    pub(super) fn touch(&mut self, touched: &Touched) {
        self.list.refresh(&self.known, touched);
        self.is_stale |= match (touched, self.list.selected()) {
            (Touched::All, _) => true,
            (Touched::Rows(rows), Some(line)) => rows.contains(&line.id),
            (Touched::Rows(_), None) => false,
        };
    }

    /// What a Pod says itself is newer than what was read of it.
    fn overlay(&self, piece: &mut Piece) {
        let tell = |(key, view): (&String, &mut crate::launch::PodView)| {
            if let Some(talk) = self.talks.get(key) {
                talk.tell(view);
            }
        };
        match piece {
            Piece::Pod(key, Some(view)) => tell((key, view)),
            Piece::Pods(views) => views.iter_mut().for_each(tell),
            _ => {}
        }
    }

    /// Shows what a Pod said of how it stands.
    fn retell(&mut self, key: &str) {
        if let Some(view) = self.known.pod(key) {
            let mut piece = Piece::Pod(key.to_owned(), Some(view.clone()));
            self.overlay(&mut piece);
            let touched = self.known.take(piece);
            self.touch(&touched);
        }
    }

    /// Listens to each Pod that lives and has a socket to listen at.
    fn listen(&mut self) -> Vec<Effect> {
        let mut new = Vec::new();
        for (key, view) in self.known.pods() {
            let Some(record) = view.record.as_ref().filter(|record| !record.is_held()) else { continue };
            if view.status.is_live() && !self.listening.contains(key) && !self.deaf.contains(key) {
                new.push((key.clone(), record.pod.clone()));
            }
        }
        self.changed.retain(|key| !new.iter().any(|(new, _)| new == key));
        self.listening.extend(new.iter().map(|(key, _)| key.clone()));
        new.into_iter().map(|(key, pod)| Effect::Listen(key, pod)).collect()
    }

    /// Nothing more is heard of a Pod; what it said is kept for as long as it is read.
    fn silence(&mut self, key: &str) {
        self.listening.remove(key);
        match (&self.mode, self.talks.get_mut(key)) {
            (Mode::Attach(attach), Some(talk)) if attach.key() == key => talk.end(),
            _ => drop(self.talks.remove(key)),
        }
    }

    /// Has read what is known of the selected row, where that is another, or has changed.
    fn want_detail(&mut self) -> Option<Effect> {
        let is_stale = std::mem::take(&mut self.is_stale);
        let wanted =
            self.list.selected().map(|line| Ask::Detail(line.id.clone(), line.ticket.clone(), line.pod.clone()));
        if self.wanted == wanted && !is_stale {
            return None;
        }
        self.wanted = wanted;
        self.wanted.clone().map(Effect::Ask)
    }

    /// Brings what depends on the size of the screen in line with it.
    fn fit(&mut self) {
        let parts = Parts::of(self);
        self.list.resize(parts.list.height.into());
    }

    fn input(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Resize(width, height) => {
                self.size = (width, height);
                vec![Effect::Redraw]
            }
            Input::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Input::Mouse(mouse) => {
                self.mouse(mouse);
                Vec::new()
            }
            Input::Paste(text) => {
                self.paste(&text);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn mouse(&mut self, mouse: MouseEvent) {
        let parts = Parts::of(self);
        let at = (mouse.column, mouse.row).into();
        let is_on_detail = parts.detail.is_some_and(|detail| detail.contains(at));
        let by = match mouse.kind {
            MouseEventKind::ScrollUp => -WHEEL,
            MouseEventKind::ScrollDown => WHEEL,
            MouseEventKind::Down(MouseButton::Left) if matches!(self.mode, Mode::List) && parts.list.contains(at) => {
                let place = self.list.top() + usize::from(mouse.row - parts.list.y);
                if place < self.list.len() {
                    self.list.select(place);
                }
                return;
            }
            _ => return,
        };
        match &mut self.mode {
            Mode::Attach(_) => self.scroll_talk(by),
            Mode::Help(top) | Mode::Answer { top, .. } => *top = top.saturating_add_signed(by),
            _ if is_on_detail => self.detail.top = self.detail.top.saturating_add_signed(by),
            _ => self.list.wheel(by),
        }
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        // These mean the same everywhere.
        match keys::command(&key) {
            Some(Command::Suspend) => return vec![Effect::Suspend],
            Some(Command::Reread) => return reread(),
            _ => {}
        }
        self.done = None;
        let is_asked = match &self.mode {
            Mode::List => false,
            Mode::Attach(attach) => attach.typing.is_some(),
            _ => true,
        };
        // What leaves a program leaves a question.
        match keys::command(&key) {
            Some(Command::Quit) if is_asked && key.modifiers.contains(KeyModifiers::CONTROL) => {
                self.mode_key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE))
            }
            _ => self.mode_key(key),
        }
    }

    pub(super) fn command(&mut self, command: Command) -> Vec<Effect> {
        let page = self.list.height().saturating_sub(1).max(1).cast_signed();
        match command {
            Command::Up => self.list.step(-1),
            Command::Down => self.list.step(1),
            Command::PageUp => self.list.step(-page),
            Command::PageDown => self.list.step(page),
            Command::First => self.list.select(0),
            Command::Last => self.list.select(usize::MAX),
            Command::Filter => {
                let before = self.list.filter().to_owned();
                self.mode = Mode::Filter(TextLine::new(before.clone()), before);
            }
            Command::Sort => self.list.set_sort(self.list.sort().next()),
            Command::Closed => self.list.set_closed(match self.list.closed() {
                Closed::Hidden => Closed::Shown,
                Closed::Shown => Closed::Hidden,
            }),
            Command::Detail => self.shows_detail = !self.shows_detail,
            Command::DetailUp => self.detail.top = self.detail.top.saturating_sub(3),
            Command::DetailDown => self.detail.top = self.detail.top.saturating_add(3),
            Command::Help => self.mode = Mode::Help(0),
            Command::Dismiss => self.dismiss(),
            Command::Open => self.attach(),
            Command::New
            | Command::Intake
            | Command::Launch
            | Command::Stop
            | Command::StopAfterIdle
            | Command::Restore
            | Command::Reclaim
            | Command::Answer
            | Command::Queue
            | Command::Close
            | Command::Edit => return self.deed_command(command),
            Command::Reread => return reread(),
            Command::Suspend => return vec![Effect::Suspend],
            Command::Quit => return vec![Effect::Quit],
        }
        Vec::new()
    }
}

fn tickets_changed(change: TicketChange) -> Vec<Effect> {
    match change {
        TicketChange::Everything => vec![Effect::Ask(Ask::Tickets)],
        TicketChange::Ticket(id) => vec![Effect::Ask(Ask::Ticket(id))],
        // What can be restored is judged by it as well.
        TicketChange::Configuration => [Ask::Tickets, Ask::Claims, Ask::Pods].map(Effect::Ask).into(),
    }
}

/// Reads everything, and draws it.
fn reread() -> Vec<Effect> {
    let asks = [Ask::Tickets, Ask::Claims, Ask::Pods, Ask::Journal].map(Effect::Ask);
    asks.into_iter().chain([Effect::Redraw]).collect()
}
