//! The keys: one table from key to command to help text. The help screen and the line at the bottom are made of it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Selects the row above, or scrolls.
    Up,
    /// Selects the row below, or scrolls.
    Down,
    /// Goes up by a screen.
    PageUp,
    /// Goes down by a screen.
    PageDown,
    /// Goes to the beginning.
    First,
    /// Goes to the end.
    Last,
    /// Shows only rows that have some words.
    Filter,
    /// Orders the rows otherwise.
    Sort,
    /// Shows closed tickets, or hides them.
    Closed,
    /// Shows or hides what is known of the selected row.
    Detail,
    /// Scrolls what is known up.
    DetailUp,
    /// Scrolls what is known down.
    DetailDown,
    /// Opens the conversation of the Pod.
    Open,
    /// Begins an intake from a sentence.
    New,
    /// Begins the intake of the ticket.
    Intake,
    /// Launches a role.
    Launch,
    /// Ends the Pod once its turn is over.
    Stop,
    /// Ends the Pod once it is idle and its work is done.
    StopAfterIdle,
    /// Brings the Pod back.
    Restore,
    /// Ends the claim.
    Reclaim,
    /// Answers what the agent asks.
    Answer,
    /// Lets the ticket wait for a coder.
    Queue,
    /// Closes the ticket.
    Close,
    /// Opens the ticket in an editor.
    Edit,
    /// Shows the keys.
    Help,
    /// Takes a failure off the screen, or the filter.
    Dismiss,
    /// Reads everything again.
    Reread,
    /// Hands the terminal back to the shell for a while.
    Suspend,
    /// Ends the panel.
    Quit,
}

/// A key, with or without Ctrl. Shift is part of the character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    code: KeyCode,
    ctrl: bool,
}

impl Key {
    const fn of(code: KeyCode) -> Self {
        Self { code, ctrl: false }
    }

    const fn char(c: char) -> Self {
        Self::of(KeyCode::Char(c))
    }

    const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), ctrl: true }
    }

    /// Whether this is the key of an event.
    pub fn is(self, event: &KeyEvent) -> bool {
        self.code == event.code
            && self.ctrl == event.modifiers.contains(KeyModifiers::CONTROL)
            && !event.modifiers.contains(KeyModifiers::ALT)
    }

    /// How it is written.
    pub fn name(self) -> String {
        match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) if self.ctrl => format!("Ctrl-{}", c.to_ascii_uppercase()),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Enter => "Enter".to_owned(),
            KeyCode::Esc => "Esc".to_owned(),
            KeyCode::Tab => "Tab".to_owned(),
            other => format!("{other:?}"),
        }
    }
}

/// What a key asks for in the conversation of a Pod.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachCommand {
    /// Scrolls up.
    Up,
    /// Scrolls down.
    Down,
    /// Goes up by a screen.
    PageUp,
    /// Goes down by a screen.
    PageDown,
    /// Goes to the beginning.
    First,
    /// Goes to the end, and follows what happens.
    Last,
    /// Gives the Pod a turn.
    Say,
    /// Cancels the turn that runs.
    Cancel,
    /// Answers what the agent asks.
    Answer,
    /// Searches for words.
    Search,
    /// Searches on.
    Next,
    /// Goes back to the list.
    Back,
}

/// A line of a table.
#[derive(Debug)]
pub struct Binding<C: 'static> {
    /// The keys, the first of which is named where there is little room.
    pub keys: &'static [Key],
    /// What they ask for.
    pub command: C,
    /// The same in a word, for the line at the bottom; empty where it has no place there.
    pub word: &'static str,
    /// The same in a sentence.
    pub help: &'static str,
}

const fn bind<C: Copy>(keys: &'static [Key], command: C, word: &'static str, help: &'static str) -> Binding<C> {
    Binding { keys, command, word, help }
}

/// The table, in the order of the help screen.
pub const KEYS: &[Binding<Command>] = &[
    bind(&[Key::char('k'), Key::of(KeyCode::Up)], Command::Up, "", "the row above"),
    bind(&[Key::char('j'), Key::of(KeyCode::Down)], Command::Down, "", "the row below"),
    bind(&[Key::of(KeyCode::PageUp), Key::ctrl('b')], Command::PageUp, "", "a screen up"),
    bind(&[Key::of(KeyCode::PageDown), Key::ctrl('f')], Command::PageDown, "", "a screen down"),
    bind(&[Key::char('g'), Key::of(KeyCode::Home)], Command::First, "", "the first row"),
    bind(&[Key::char('G'), Key::of(KeyCode::End)], Command::Last, "", "the last row"),
    bind(&[Key::of(KeyCode::Enter), Key::char('o')], Command::Open, "open", "open the conversation of the Pod"),
    bind(&[Key::char('n')], Command::New, "new", "a new intake, from a sentence"),
    bind(&[Key::char('i')], Command::Intake, "intake", "the intake of this ticket"),
    bind(&[Key::char('l')], Command::Launch, "launch", "launch a role on this ticket"),
    bind(&[Key::char('a')], Command::Answer, "answer", "answer what the agent asks"),
    bind(&[Key::char('x')], Command::Stop, "stop", "stop the Pod once its turn is over"),
    bind(&[Key::char('X')], Command::StopAfterIdle, "", "stop the Pod once it is idle"),
    bind(&[Key::char('r')], Command::Restore, "restore", "bring the stopped Pod back"),
    bind(&[Key::char('R')], Command::Reclaim, "", "free the ticket of a Pod that is gone"),
    bind(&[Key::char('Q')], Command::Queue, "", "queue the ticket, for a coder"),
    bind(&[Key::char('C')], Command::Close, "", "close the ticket, with its resolution"),
    bind(&[Key::char('e')], Command::Edit, "edit", "open the ticket in $EDITOR"),
    bind(&[Key::char('/')], Command::Filter, "filter", "show only rows that have these words"),
    bind(&[Key::char('s')], Command::Sort, "sort", "order the rows otherwise"),
    bind(&[Key::char('c')], Command::Closed, "", "show closed tickets, or hide them"),
    bind(
        &[Key::of(KeyCode::Tab), Key::char('v')],
        Command::Detail,
        "detail",
        "show what is known of the row, or hide it",
    ),
    bind(&[Key::char('K'), Key::ctrl('u')], Command::DetailUp, "", "scroll what is known up"),
    bind(&[Key::char('J'), Key::ctrl('d')], Command::DetailDown, "", "scroll what is known down"),
    bind(&[Key::of(KeyCode::Esc)], Command::Dismiss, "", "take a failure, or the filter, off the screen"),
    bind(&[Key::ctrl('l')], Command::Reread, "", "read everything again, and draw the screen anew"),
    bind(&[Key::ctrl('z')], Command::Suspend, "", "back to the shell; fg returns"),
    bind(&[Key::char('?')], Command::Help, "help", "these keys"),
    bind(&[Key::char('q'), Key::ctrl('c')], Command::Quit, "quit", "end the panel; Pods go on"),
];

/// The keys in the conversation of a Pod.
pub const ATTACH_KEYS: &[Binding<AttachCommand>] = &[
    bind(&[Key::char('i'), Key::of(KeyCode::Enter)], AttachCommand::Say, "say", "give the Pod a turn"),
    bind(&[Key::char('a')], AttachCommand::Answer, "answer", "answer what the agent asks"),
    bind(&[Key::char('x'), Key::ctrl('c')], AttachCommand::Cancel, "cancel", "cancel the turn that runs"),
    bind(&[Key::char('/')], AttachCommand::Search, "search", "search upwards"),
    bind(&[Key::char('n')], AttachCommand::Next, "next", "search on"),
    bind(&[Key::char('k'), Key::of(KeyCode::Up)], AttachCommand::Up, "", "scroll up"),
    bind(&[Key::char('j'), Key::of(KeyCode::Down)], AttachCommand::Down, "", "scroll down"),
    bind(&[Key::of(KeyCode::PageUp), Key::ctrl('b')], AttachCommand::PageUp, "", "a screen up"),
    bind(&[Key::of(KeyCode::PageDown), Key::ctrl('f')], AttachCommand::PageDown, "", "a screen down"),
    bind(&[Key::char('g'), Key::of(KeyCode::Home)], AttachCommand::First, "", "the beginning"),
    bind(&[Key::char('G'), Key::of(KeyCode::End)], AttachCommand::Last, "end", "the end, and what happens from now on"),
    bind(&[Key::char('q'), Key::of(KeyCode::Esc)], AttachCommand::Back, "back", "back to the list; the Pod goes on"),
];

fn meant<C: Copy>(table: &[Binding<C>], event: &KeyEvent) -> Option<C> {
    table.iter().find(|binding| binding.keys.iter().any(|key| key.is(event))).map(|binding| binding.command)
}

/// What a key asks for in the list.
pub fn command(event: &KeyEvent) -> Option<Command> {
    meant(KEYS, event)
}

/// What a key asks for in the conversation of a Pod.
pub fn attach_command(event: &KeyEvent) -> Option<AttachCommand> {
    meant(ATTACH_KEYS, event)
}

/// What a command does, in a sentence.
pub fn help(command: Command) -> &'static str {
    KEYS.iter().find(|binding| binding.command == command).map_or("", |binding| binding.help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_stands_for_two_things_and_every_line_has_help() {
        fn check<C>(table: &[Binding<C>]) {
            let keys: Vec<Key> = table.iter().flat_map(|binding| binding.keys).copied().collect();
            for (at, key) in keys.iter().enumerate() {
                assert!(!keys[at + 1..].contains(key), "{}", key.name());
            }
            assert!(table.iter().all(|binding| !binding.help.is_empty() && !binding.keys.is_empty()));
        }
        check(KEYS);
        check(ATTACH_KEYS);
    }

    #[test]
    fn shift_is_part_of_the_character_and_other_modifiers_are_not() {
        let event = |c, modifiers| KeyEvent::new(KeyCode::Char(c), modifiers);
        assert_eq!(command(&event('G', KeyModifiers::SHIFT)), Some(Command::Last));
        assert_eq!(command(&event('g', KeyModifiers::NONE)), Some(Command::First));
        assert_eq!(command(&event('g', KeyModifiers::ALT)), None);
        assert_eq!(command(&event('c', KeyModifiers::CONTROL)), Some(Command::Quit));
        assert_eq!(command(&event('c', KeyModifiers::NONE)), Some(Command::Closed));
    }
}
