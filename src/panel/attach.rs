//! The view of one Pod's conversation: reading, searching, sending a turn, cancelling one. Pure.

use crossterm::event::{Event as Input, KeyCode, KeyEvent};
use tui_input::Input as TextLine;
use tui_input::backend::crossterm::EventHandler as _;

use crate::domain::{PodPhase, Role};

use super::deeds::{Deed, Seen};
use super::keys::{self, AttachCommand};
use super::known::pod_key;
use super::model::{Effect, Model};
use super::modes::Mode;
use super::talk::{Talk, TalkLine};
use super::text::wrap;

/// A conversation on the screen.
#[derive(Debug, Clone)]
pub struct Attach {
    /// The Pod.
    pub pod: Seen,
    /// What the Pod is for.
    pub role: Option<Role>,
    /// How many rows of the screen are below the last one that is shown; with 0 it follows what happens.
    pub(super) below: usize,
    /// What is typed.
    pub(super) typing: Option<Typing>,
    /// What was searched for last.
    pub(super) wanted: String,
    /// The line that was found last, counted from the first that was ever there.
    pub(super) found: Option<usize>,
}

/// What is typed, and what for.
#[derive(Debug, Clone)]
pub enum Typing {
    /// A turn for the Pod.
    Turn(TextLine),
    /// Words to search for.
    Search(TextLine),
}

impl Attach {
    fn new(pod: Seen, role: Option<Role>) -> Self {
        Self { pod, role, below: 0, typing: None, wanted: String::new(), found: None }
    }

    /// The key of its Pod.
    pub(super) fn key(&self) -> String {
        pod_key(self.pod.pod.as_str())
    }

    fn scroll(&mut self, by: isize) {
        self.below = self.below.saturating_add_signed(by);
    }

    /// Goes to the next line above the one that was found last, or below the last screen, that has the words.
    fn search(&mut self, talk: Option<&Talk>, width: usize, height: usize) -> bool {
        let Some(talk) = talk.filter(|_| !self.wanted.is_empty()) else { return false };
        let wanted = self.wanted.to_lowercase();
        let lines: Vec<&TalkLine> = talk.lines().collect();
        let first = talk.ended().saturating_sub(lines.len().min(talk.ended()));
        let before = self.found.map_or(lines.len(), |found| found.saturating_sub(first).min(lines.len()));
        let has = |line: &TalkLine| line.iter().any(|(_, text)| text.to_lowercase().contains(&wanted));
        // Around the end, where there is none above.
        let at = (0..before).rev().chain((before..lines.len()).rev()).find(|at| has(lines[*at]));
        let Some(at) = at else { return false };
        self.found = Some(first + at);
        let rows_below: usize = lines[at + 1..].iter().map(|line| wrap(line, width).len()).sum();
        // In the middle of the screen, where there is so much below it.
        self.below = rows_below.saturating_sub(height / 2);
        true
    }
}

impl Model {
    /// Opens the conversation of the selected row's Pod.
    pub(super) fn attach(&mut self) {
        let Some(line) = self.list.selected().cloned() else { return };
        match self.live_pod(&line) {
            Ok(seen) if self.listening.contains(&seen.pod.key()) => {
                self.mode = Mode::Attach(Box::new(Attach::new(seen, line.role)));
            }
            Ok(seen) => {
                let held = self.known.pod(&seen.pod.key()).and_then(|view| view.record.as_ref());
                let why = match held.is_some_and(crate::domain::PodRecord::is_held) {
                    true => "a person has it in a terminal",
                    false => "it does not answer",
                };
                self.refuse(format!("cannot open Pod {}: {why}", seen.pod));
            }
            Err(why) => self.refuse(format!("cannot open it: {why}; r brings a stopped one back")),
        }
    }

    /// What a key does while a conversation is on the screen.
    pub(super) fn attach_key(&mut self, key: KeyEvent, mut attach: Box<Attach>) -> Vec<Effect> {
        let (width, height) = self.size;
        let page = usize::from(height).saturating_sub(4).max(1).cast_signed();
        match attach.typing.take() {
            Some(typing) => return self.typed(key, attach, typing),
            None => match keys::attach_command(&key) {
                Some(AttachCommand::Back) => {
                    // What a Pod said that has ended is kept for as long as it is read.
                    if self.talks.get(&attach.key()).is_some_and(Talk::is_over) {
                        self.talks.remove(&attach.key());
                    }
                    return Vec::new();
                }
                Some(AttachCommand::Up) => attach.scroll(1),
                Some(AttachCommand::Down) => attach.scroll(-1),
                Some(AttachCommand::PageUp) => attach.scroll(page),
                Some(AttachCommand::PageDown) => attach.scroll(-page),
                Some(AttachCommand::First) => attach.below = usize::MAX,
                Some(AttachCommand::Last) => attach.below = 0,
                Some(AttachCommand::Say) if attach.role == Some(Role::Companion) => {
                    let why = "cannot send a turn to the Companion: its life cycle is not part of this program";
                    self.refuse(why.to_owned());
                }
                Some(AttachCommand::Say) => {
                    let draft = self.turns.get(&attach.key()).cloned().unwrap_or_default();
                    attach.typing = Some(Typing::Turn(TextLine::new(draft)));
                }
                Some(AttachCommand::Search) => attach.typing = Some(Typing::Search(TextLine::default())),
                Some(AttachCommand::Next) => {
                    let talk = self.talks.get(&attach.key());
                    if !attach.search(talk, width.into(), height.into()) {
                        self.refuse("nothing is found".to_owned());
                    }
                }
                Some(AttachCommand::Cancel) => {
                    let deed = Deed::Cancel(attach.pod.clone());
                    let runs = self.talks.get(&attach.key()).is_some_and(|talk| talk.phase() == PodPhase::Running);
                    self.mode = Mode::Attach(attach);
                    if !runs {
                        self.refuse("no turn runs".to_owned());
                        return Vec::new();
                    }
                    return vec![self.begin(deed)];
                }
                Some(AttachCommand::Answer) => {
                    let asked = self.talks.get(&attach.key()).and_then(|talk| talk.permissions().first()).cloned();
                    match asked {
                        Some(asked) => {
                            let pod = attach.pod.pod.clone();
                            self.mode = Mode::Answer { pod, asked: Box::new(asked), top: 0, behind: Some(attach) };
                            return Vec::new();
                        }
                        None => self.refuse("nothing waits for an answer".to_owned()),
                    }
                }
                None => {}
            },
        }
        self.clamp(&mut attach);
        self.mode = Mode::Attach(attach);
        Vec::new()
    }

    /// Keeps the first line on the screen from being scrolled below its top.
    fn clamp(&self, attach: &mut Attach) {
        let Some(talk) = self.talks.get(&attach.key()) else { return };
        let (width, height) = self.size;
        let rows: usize = talk.lines().map(|line| wrap(line, width.into()).len()).sum();
        attach.below = attach.below.min(rows.saturating_sub(usize::from(height).saturating_sub(2)));
    }

    /// Keeps in its place what is read further up, while lines are added below.
    pub(super) fn hold_still(&mut self, key: &str, ended_before: usize) {
        let Mode::Attach(attach) = &mut self.mode else { return };
        let Some(talk) = self.talks.get(key).filter(|_| attach.below > 0 && attach.key() == key) else { return };
        let new = talk.ended().saturating_sub(ended_before);
        let rows: usize = talk.lines().rev().take(new).map(|line| wrap(line, self.size.0.into()).len()).sum();
        attach.below = attach.below.saturating_add(rows);
    }

    /// Scrolls by rows of the screen, as with the wheel of a mouse.
    pub(super) fn scroll_talk(&mut self, by: isize) {
        if let Mode::Attach(mut attach) = std::mem::take(&mut self.mode) {
            attach.scroll(-by);
            self.clamp(&mut attach);
            self.mode = Mode::Attach(attach);
        }
    }

    fn typed(&mut self, key: KeyEvent, mut attach: Box<Attach>, typing: Typing) -> Vec<Effect> {
        let mut effects = Vec::new();
        match (typing, key.code) {
            (Typing::Turn(line), KeyCode::Esc) => self.keep_turn(&attach, line.value()),
            (Typing::Search(_), KeyCode::Esc) => {}
            (Typing::Turn(line), KeyCode::Enter) => {
                let text = line.value().trim().to_owned();
                self.keep_turn(&attach, &text);
                if !text.is_empty() {
                    attach.below = 0;
                    effects.push(self.begin(Deed::Send { pod: attach.pod.clone(), text }));
                }
            }
            (Typing::Search(line), KeyCode::Enter) => {
                line.value().clone_into(&mut attach.wanted);
                attach.found = None;
                let talk = self.talks.get(&attach.key());
                if !attach.search(talk, self.size.0.into(), self.size.1.into()) {
                    self.refuse("nothing is found".to_owned());
                }
            }
            (Typing::Turn(mut line), _) => {
                line.handle_event(&Input::Key(key));
                attach.typing = Some(Typing::Turn(line));
            }
            (Typing::Search(mut line), _) => {
                line.handle_event(&Input::Key(key));
                attach.typing = Some(Typing::Search(line));
            }
        }
        self.mode = Mode::Attach(attach);
        effects
    }

    /// Keeps what was typed until the Pod has taken it.
    fn keep_turn(&mut self, attach: &Attach, text: &str) {
        match text.trim() {
            "" => drop(self.turns.remove(&attach.key())),
            text => drop(self.turns.insert(attach.key(), text.to_owned())),
        }
    }
}
