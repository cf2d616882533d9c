//! What keys mean while something is asked of the user, and what comes of the answer. Pure.
//!
//! Nothing here acts: what the user decided comes out as an effect, and is checked against the registry once more before it
//! is done.

use std::collections::BTreeMap;

use crossterm::event::{Event as Input, KeyCode, KeyEvent};
use tui_input::backend::crossterm::EventHandler as _;
use tui_input::{Input as TextLine, InputRequest};

use crate::cli::Meaning;
use crate::cli::conversation::{Arguments, full, keys as answers, meant};
use crate::domain::{Expect, PodName, Role, TicketId};
use crate::launch::PodStatus;
use crate::pod::protocol::{Choice, PermissionRequest};
use crate::registry::Force;
use crate::ticket::State;

use super::attach::{Attach, Typing};
use super::deeds::{Deed, Seen};
use super::keys::{self, Command};
use super::known::{RowId, pod_key};
use super::model::{Effect, Model};
use super::rows::{Line, can_be_opened};

/// What the keys mean at the moment.
#[derive(Debug, Default)]
pub enum Mode {
    /// What the table says.
    #[default]
    List,
    /// The words of the filter are typed; the filter that was before.
    Filter(TextLine, String),
    /// The keys are shown, from this line on.
    Help(usize),
    /// What an agent is to be told is typed.
    Compose(Target, TextLine),
    /// A role is chosen, to be launched on a ticket or on none.
    Roles(Option<TicketId>, usize),
    /// Something is done if the user says yes.
    Confirm(String, Deed),
    /// Why a claim is to end is typed.
    Reclaim(Box<ToReclaim>, TextLine),
    /// How a ticket ended is typed, to close it.
    Close(ToClose, TextLine),
    /// A request for permission is shown.
    Answer {
        /// Whose it is.
        pod: PodName,
        /// What it asks.
        asked: Box<PermissionRequest>,
        /// How many lines are scrolled away at the top.
        top: usize,
        /// The conversation that it was opened from.
        behind: Option<Box<Attach>>,
    },
    /// The conversation of a Pod is shown.
    Attach(Box<Attach>),
}

/// Who is launched with what is typed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// What for.
    pub role: Role,
    /// On which ticket.
    pub ticket: Option<TicketId>,
}

/// A claim that a person wants to end, and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ToReclaim {
    /// The ticket.
    pub ticket: TicketId,
    /// The claim.
    pub expect: Expect,
    /// Whose it is, in words.
    pub holder: String,
    /// Why it may end, or what speaks against it.
    pub reason: String,
    /// Whether its Pod could be restored.
    pub force: Force,
}

/// A ticket that a person wants to close.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToClose {
    /// The ticket.
    pub ticket: TicketId,
    /// The Pod that works on it.
    pub holder: Option<PodName>,
}

/// What was typed for launches that did not come about, or was not sent yet.
pub type Drafts = BTreeMap<Target, String>;

/// The roles that can be chosen.
pub fn roles() -> impl Iterator<Item = Role> {
    Role::ALL.iter().copied().filter(|role| role.is_launchable())
}

impl Model {
    /// What a key does while something is asked.
    pub(super) fn mode_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        match std::mem::take(&mut self.mode) {
            Mode::List => match keys::command(&key) {
                Some(command) => return self.command(command),
                None => return Vec::new(),
            },
            Mode::Filter(line, before) => self.filter_key(key, line, before),
            Mode::Help(top) => {
                self.mode = scrolled(&key, top).map_or(Mode::List, Mode::Help);
            }
            Mode::Compose(target, line) => return self.compose_key(key, target, line),
            Mode::Roles(ticket, at) => self.roles_key(&key, ticket, at),
            Mode::Confirm(question, deed) => match key.code {
                KeyCode::Char('y' | 'Y') => return vec![self.begin(deed)],
                KeyCode::Char('n' | 'N' | 'q') | KeyCode::Esc | KeyCode::Enter => {}
                _ => self.mode = Mode::Confirm(question, deed),
            },
            Mode::Reclaim(claim, line) => self.reclaim_key(key, claim, line),
            Mode::Close(closing, line) => return self.close_key(key, closing, line),
            Mode::Answer { pod, asked, top, behind } => return self.answer_key(&key, pod, asked, top, behind),
            Mode::Attach(attach) => return self.attach_key(key, attach),
        }
        Vec::new()
    }

    /// What is pasted goes where something is typed, in one line.
    pub(super) fn paste(&mut self, text: &str) {
        let line = match &mut self.mode {
            Mode::Attach(attach) => match &mut attach.typing {
                Some(Typing::Turn(line) | Typing::Search(line)) => line,
                None => return,
            },
            Mode::Filter(line, _) | Mode::Compose(_, line) | Mode::Reclaim(_, line) | Mode::Close(_, line) => line,
            _ => return,
        };
        for c in text.split_whitespace().collect::<Vec<_>>().join(" ").chars() {
            line.handle(InputRequest::InsertChar(c));
        }
        if let Mode::Filter(line, _) = &self.mode {
            self.list.set_filter(line.value());
        }
    }

    fn filter_key(&mut self, key: KeyEvent, mut line: TextLine, before: String) {
        match key.code {
            KeyCode::Enter => return,
            KeyCode::Esc => return self.list.set_filter(&before),
            KeyCode::Up => self.list.step(-1),
            KeyCode::Down => self.list.step(1),
            _ => {
                line.handle_event(&Input::Key(key));
                self.list.set_filter(line.value());
            }
        }
        self.mode = Mode::Filter(line, before);
    }

    fn compose_key(&mut self, key: KeyEvent, target: Target, mut line: TextLine) -> Vec<Effect> {
        match key.code {
            KeyCode::Esc => self.keep_draft(target, line.value()),
            KeyCode::Enter => {
                let text = line.value().trim().to_owned();
                let is_needed = target.role == Role::Intake && target.ticket.is_none();
                if text.is_empty() && is_needed {
                    self.mode = Mode::Compose(target, line);
                    return Vec::new();
                }
                self.keep_draft(target.clone(), &text);
                let Target { role, ticket } = target;
                return vec![self.begin(Deed::Launch {
                    role,
                    ticket,
                    message: Some(text).filter(|text| !text.is_empty()),
                })];
            }
            _ => {
                line.handle_event(&Input::Key(key));
                self.mode = Mode::Compose(target, line);
            }
        }
        Vec::new()
    }

    /// Keeps what was typed until it has come to something.
    fn keep_draft(&mut self, target: Target, text: &str) {
        match text.trim() {
            "" => drop(self.drafts.remove(&target)),
            text => drop(self.drafts.insert(target, text.to_owned())),
        }
    }

    /// Asks for what an agent is to be told, with what was typed before.
    fn compose(&mut self, role: Role, ticket: Option<TicketId>) {
        let target = Target { role, ticket };
        let draft = self.drafts.get(&target).cloned().unwrap_or_default();
        self.mode = Mode::Compose(target, TextLine::new(draft));
    }

    fn roles_key(&mut self, key: &KeyEvent, ticket: Option<TicketId>, at: usize) {
        let last = roles().count().saturating_sub(1);
        let at = match keys::command(key) {
            Some(Command::Up) => at.saturating_sub(1),
            Some(Command::Down) => (at + 1).min(last),
            _ => match key.code {
                KeyCode::Enter => return self.compose(roles().nth(at).unwrap_or(Role::Intake), ticket),
                KeyCode::Esc | KeyCode::Char('q') => return,
                _ => at,
            },
        };
        self.mode = Mode::Roles(ticket, at);
    }

    fn reclaim_key(&mut self, key: KeyEvent, claim: Box<ToReclaim>, mut line: TextLine) {
        match key.code {
            KeyCode::Esc => {}
            KeyCode::Enter if !line.value().trim().is_empty() => {
                let ToReclaim { ticket, expect, holder, force, .. } = *claim;
                let question = format!("free ticket {ticket}? {holder} had it");
                let reason = line.value().trim().to_owned();
                self.mode = Mode::Confirm(question, Deed::Reclaim { ticket, expect, reason, force });
            }
            _ => {
                line.handle_event(&Input::Key(key));
                self.mode = Mode::Reclaim(claim, line);
            }
        }
    }

    fn close_key(&mut self, key: KeyEvent, closing: ToClose, mut line: TextLine) -> Vec<Effect> {
        match key.code {
            KeyCode::Esc => Vec::new(),
            KeyCode::Enter if !line.value().trim().is_empty() => {
                let resolution = line.value().trim().to_owned();
                vec![self.begin(Deed::Close { ticket: closing.ticket, resolution })]
            }
            _ => {
                line.handle_event(&Input::Key(key));
                self.mode = Mode::Close(closing, line);
                Vec::new()
            }
        }
    }

    fn answer_key(
        &mut self,
        key: &KeyEvent,
        pod: PodName,
        asked: Box<PermissionRequest>,
        top: usize,
        behind: Option<Box<Attach>>,
    ) -> Vec<Effect> {
        let back = |behind: Option<Box<Attach>>| behind.map_or(Mode::List, Mode::Attach);
        if let KeyCode::Char(c) = key.code
            && let Some(option) = meant(&asked.about, &c.to_string())
        {
            let choice = Choice::Option(option.id.clone());
            self.mode = back(behind);
            return vec![self.begin(Deed::Answer { pod, asked, choice })];
        }
        self.mode = match key.code {
            KeyCode::Esc | KeyCode::Char('q') => back(behind),
            _ => Mode::Answer { pod, asked, top: scrolled(key, top).unwrap_or(top), behind },
        };
        Vec::new()
    }

    /// What the user asks for, of the selected row.
    pub(super) fn deed_command(&mut self, command: Command) -> Vec<Effect> {
        if command == Command::New {
            self.compose(Role::Intake, None);
            return Vec::new();
        }
        let line = self.list.selected().cloned();
        if let (Command::Launch, None) = (command, &line) {
            self.mode = Mode::Roles(None, 0);
            return Vec::new();
        }
        let Some(line) = line else {
            self.refuse("no row is selected".to_owned());
            return Vec::new();
        };
        match self.plan(command, &line) {
            Ok(effects) => effects,
            Err(why) => {
                self.refuse(format!("{}: {why}", keys::help(command)));
                Vec::new()
            }
        }
    }

    fn plan(&mut self, command: Command, line: &Line) -> Result<Vec<Effect>, &'static str> {
        match command {
            Command::Intake => {
                let ticket = ticket_of(line).ok_or("the row has no ticket")?;
                return Ok(vec![self.begin(Deed::Launch { role: Role::Intake, ticket: Some(ticket), message: None })]);
            }
            Command::Launch => self.mode = Mode::Roles(ticket_of(line), 0),
            Command::Stop => {
                let seen = self.live_pod(line)?;
                let question = format!("stop Pod {} once its turn is over?", seen.pod);
                self.mode = Mode::Confirm(question, Deed::Stop(seen));
            }
            Command::StopAfterIdle => {
                let deed = Deed::StopAfterIdle(self.live_pod(line)?);
                return Ok(vec![self.begin(deed)]);
            }
            Command::Restore => {
                let pod = pod_of(line).ok_or("the row has no Pod")?;
                return Ok(vec![self.begin(Deed::Restore(pod))]);
            }
            Command::Reclaim => {
                let ticket = ticket_of(line).ok_or("the row has no ticket")?;
                let RowId::Ticket(key) = &line.id else { return Err("the row has no claim") };
                self.known.claim(key).ok_or("the ticket has no claim")?;
                return Ok(vec![Effect::LookToReclaim(ticket)]);
            }
            Command::Answer => {
                let view =
                    line.pod.as_deref().and_then(|pod| self.known.pod(&pod_key(pod))).ok_or("the row has no Pod")?;
                let asked = view.asks().first().cloned().ok_or("nothing waits for an answer")?;
                let pod = pod_of(line).ok_or("the row has no Pod")?;
                self.mode = Mode::Answer { pod, asked: Box::new(asked), top: 0, behind: None };
            }
            Command::Queue => {
                let ticket = ticket_of(line).ok_or("the row has no ticket")?;
                if line.state != Some(State::Ready) {
                    return Err("the ticket is not ready");
                }
                return Ok(vec![self.begin(Deed::Queue(ticket))]);
            }
            Command::Close => {
                let ticket = ticket_of(line).ok_or("the row has no ticket")?;
                match line.state {
                    None => return Err("it is no ticket of this workspace"),
                    Some(State::Closed) => return Err("the ticket is closed"),
                    Some(_) => {}
                }
                let holder = self.live_pod(line).ok().map(|seen| seen.pod);
                self.mode = Mode::Close(ToClose { ticket, holder }, TextLine::default());
            }
            Command::Edit => {
                let RowId::Ticket(key) = &line.id else { return Err("the row has no ticket") };
                self.known.ticket(key).ok_or("it is no ticket of this workspace")?;
                return Ok(vec![Effect::Edit(ticket_of(line).ok_or("the row has no ticket")?)]);
            }
            _ => {}
        }
        Ok(Vec::new())
    }

    /// The Pod of a row, which must live.
    pub(super) fn live_pod(&self, line: &Line) -> Result<Seen, &'static str> {
        let pod = pod_of(line).ok_or("the row has no Pod")?;
        let view = self.known.pod(&pod.key()).ok_or("its Pod is not there")?;
        match view.status {
            PodStatus::Launching => Err("its Pod is being launched"),
            _ if can_be_opened(view) => Ok(Seen { id: view.record.as_ref().map(|record| record.pod_id), pod }),
            _ => Err("its Pod does not run"),
        }
    }
}

fn ticket_of(line: &Line) -> Option<TicketId> {
    TicketId::new(line.ticket.as_deref()?).ok()
}

fn pod_of(line: &Line) -> Option<PodName> {
    PodName::new(line.pod.as_deref()?).ok()
}

/// Where a key scrolls a text to that begins at this line; `None` where it is no key for that.
pub(super) fn scrolled(key: &KeyEvent, top: usize) -> Option<usize> {
    Some(match keys::command(key)? {
        Command::Up => top.saturating_sub(1),
        Command::Down => top.saturating_add(1),
        Command::PageUp => top.saturating_sub(10),
        Command::PageDown => top.saturating_add(10),
        Command::First => 0,
        Command::Last => usize::MAX,
        _ => return None,
    })
}

/// What a box says above the line that is typed in it, or above its last line.
pub(super) fn told(mode: &Mode) -> Vec<(Option<Meaning>, String)> {
    match mode {
        Mode::Compose(Target { role: Role::Intake, ticket: None }, _) => {
            vec![(None, "What is wanted, in a sentence? An intake Pod makes tickets of it.".to_owned())]
        }
        Mode::Compose(Target { role, ticket }, _) => {
            let on = ticket.as_ref().map(|ticket| format!(" on ticket {ticket}")).unwrap_or_default();
            vec![(None, format!("What is the {role}{on} told besides its task? Nothing is fine, too."))]
        }
        Mode::Reclaim(claim, _) => {
            let mut lines = vec![
                (None, format!("{} has the claim on ticket {}.", claim.holder, claim.ticket)),
                (None, claim.reason.clone()),
            ];
            if claim.force == Force::EvenRestorable {
                let text = "It could be brought back (r) and go on with its work; freed, the ticket is begun anew.";
                lines.push((Some(Meaning::Attention), text.to_owned()));
            }
            lines.push((None, "Why is the ticket freed?".to_owned()));
            lines
        }
        Mode::Close(ToClose { ticket, holder }, _) => {
            let works =
                |pod: &PodName| (Some(Meaning::Attention), format!("Pod {pod} works on it, and is not stopped."));
            let question = format!("How did ticket {ticket} end? This becomes its resolution.");
            holder.iter().map(works).chain([(None, question)]).collect()
        }
        Mode::Confirm(question, _) => vec![(None, question.clone())],
        Mode::Answer { asked, .. } => {
            let mut lines: Vec<_> =
                full(asked, Arguments::Whole).into_iter().map(|(meaning, line)| (Some(meaning), line)).collect();
            lines.push((Some(Meaning::Quiet), format!("answer: {}; Esc leaves it open", answers(&asked.about))));
            lines
        }
        Mode::List | Mode::Filter(..) | Mode::Help(_) | Mode::Roles(..) | Mode::Attach(_) => Vec::new(),
    }
}
