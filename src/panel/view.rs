//! What is seen: a frame, made of the model and of nothing else.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as TextRow, Span};
use ratatui::widgets::{Block, BorderType, Borders, Clear, Paragraph};
use tui_input::Input as TextLine;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::cli::quote::visible;
use crate::cli::{Meaning, Paint, cut, short_age};
use crate::domain::{Role, Timestamp};

use super::attach::{Attach, Typing};
use super::keys::{ATTACH_KEYS, Binding, KEYS, Key};
use super::layout::{Column, GAP, Parts, fit};
use super::list::Closed;
use super::model::Model;
use super::modes::{Mode, roles, told};
use super::rows::{Group, Line};
use super::talk::TalkLine;
use super::text::wrap;

/// How wide the names of the keys of a command are.
const KEY_NAMES: usize = 12;
/// How many lines of a live Pod's conversation are shown above what else is known.
const PREVIEW: usize = 8;

/// Draws the panel.
pub fn view(model: &Model, paint: Paint, frame: &mut Frame<'_>) {
    let look = Look { paint };
    let parts = Parts::of(model);
    if let Mode::Attach(attach) | Mode::Answer { behind: Some(attach), .. } = &model.mode {
        look.attach(model, attach, &parts, frame);
        if matches!(model.mode, Mode::Answer { .. }) {
            look.question(&model.mode, frame);
        }
        return;
    }
    frame.render_widget(look.header(model, parts.header.width), parts.header);
    look.list(model, &parts, frame);
    if let Some(area) = parts.detail {
        look.detail(model, area, parts.list.width < area.x + area.width && area.x > 0, frame);
    }
    look.notices(model, parts.notices, frame);
    frame.render_widget(look.footer(model), parts.footer);
    match &model.mode {
        Mode::Help(top) => look.help(*top, frame),
        Mode::Filter(line, _) => {
            let before = 1 + line.visual_cursor() as u16;
            frame.set_cursor_position((before.min(parts.footer.width.saturating_sub(1)), parts.footer.y));
        }
        Mode::Roles(_, at) => look.roles(*at, frame),
        Mode::List => {}
        mode => look.question(mode, frame),
    }
}

/// How things look, with or without colour. Colours are those of the terminal's own palette, so that they suit a light one
/// as well as a dark one; nothing is told by them that is not told by a word or a sign.
#[derive(Debug, Clone, Copy)]
struct Look {
    paint: Paint,
}

impl Look {
    fn style(self, meaning: Meaning) -> Style {
        let style = Style::new();
        let coloured = |colour: Color| match self.paint {
            Paint::Colour => style.fg(colour),
            Paint::Plain => style,
        };
        match meaning {
            Meaning::Name => style.add_modifier(Modifier::BOLD),
            Meaning::Good => coloured(Color::Green),
            Meaning::Busy => coloured(Color::Cyan),
            Meaning::Attention => coloured(Color::Yellow),
            Meaning::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
            Meaning::Quiet => style.add_modifier(Modifier::DIM),
            Meaning::Heading => style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
        }
    }

    fn span(self, meaning: Meaning, text: impl Into<String>) -> Span<'static> {
        Span::styled(text.into(), self.style(meaning))
    }

    fn header(self, model: &Model, width: u16) -> TextRow<'static> {
        let mut spans = vec![self.span(Meaning::Name, format!(" {} ", visible(&model.workspace)))];
        if !model.is_ready() {
            spans.push(self.span(Meaning::Quiet, " reading … "));
        }
        let parts = [(Group::Needs, Meaning::Bad), (Group::Active, Meaning::Good), (Group::Ready, Meaning::Busy)];
        for (group, meaning) in parts {
            let count = model.list.count(group);
            let meaning = if count == 0 { Meaning::Quiet } else { meaning };
            let verb = if group == Group::Needs && count != 1 { "need you" } else { group.as_str() };
            spans.push(self.span(meaning, format!(" {}{count} {verb} ", group.mark())));
        }
        spans.push(self.span(Meaning::Quiet, format!(" {} in all ", model.list.total())));
        for (role, status, meaning) in leaders(model) {
            spans.push(self.span(Meaning::Quiet, format!(" {role}: ")));
            spans.push(self.span(meaning, status));
        }
        if !model.list.filter().is_empty() && matches!(model.mode, Mode::List) {
            spans.push(self.span(Meaning::Attention, format!("  /{}", visible(model.list.filter()))));
        }
        cut_spans(spans, width.into())
    }

    fn list(self, model: &Model, parts: &Parts, frame: &mut Frame<'_>) {
        let columns = fit(parts.list.width.into(), model.list.id_width());
        let mut head = String::from("  ");
        for (column, width) in &columns {
            head += &cell(column.heading(), *width);
            head += &" ".repeat(GAP);
        }
        frame.render_widget(TextRow::from(self.span(Meaning::Quiet, head)), parts.columns);
        if model.list.is_empty() {
            let why = match (model.is_ready(), model.list.filter(), model.list.total()) {
                (false, ..) => "reading …",
                (_, "", 0) => "there is no ticket yet: yoi ticket new TITLE makes one",
                (_, "", _) => "all tickets are closed: c shows them",
                _ => "no row has these words: Esc shows all",
            };
            frame.render_widget(Paragraph::new(format!("  {why}")), parts.list);
        }
        let selected = model.list.selected().map(|line| &line.id);
        for (line, y) in model.list.visible().zip(parts.list.y..parts.list.bottom()) {
            let area = Rect { y, height: 1, ..parts.list };
            let mut row = self.row(line, &columns, model.now);
            if Some(&line.id) == selected {
                row = row.style(Style::new().add_modifier(Modifier::REVERSED));
            }
            frame.render_widget(row, area);
        }
    }

    fn row(self, line: &Line, columns: &[(Column, usize)], now: Timestamp) -> TextRow<'static> {
        let mark = if line.group == Group::Needs { Meaning::Bad } else { line.meaning };
        let mut spans = vec![self.span(mark, format!("{} ", line.group.mark()))];
        for (column, width) in columns {
            let (meaning, text) = value(line, *column, now);
            let text = cell(&text, *width);
            spans.push(meaning.map_or_else(|| Span::raw(text.clone()), |meaning| self.span(meaning, text.clone())));
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        TextRow::from(spans)
    }

    fn detail(self, model: &Model, area: Rect, is_beside: bool, frame: &mut Frame<'_>) {
        let border = if is_beside { Borders::LEFT } else { Borders::TOP };
        let line = model.list.selected();
        let title = line.and_then(|line| line.ticket.clone().or_else(|| line.pod.clone())).unwrap_or_default();
        let block = Block::new()
            .borders(border)
            .border_type(BorderType::Plain)
            .border_style(self.style(Meaning::Quiet))
            .title(self.span(Meaning::Name, format!(" {} ", visible(&title))));
        let inside = block.inner(area);
        frame.render_widget(block, area);
        let Some(line) = line else { return };
        let width = inside.width.into();
        let mut rows = self.wrapped(&about(line), width);
        if let Some(talk) = line.pod.as_deref().and_then(|pod| model.talks.get(&super::known::pod_key(pod))) {
            let mut preview: Vec<&TalkLine> =
                talk.lines().rev().filter(|line| !line.is_empty()).take(PREVIEW).collect();
            preview.reverse();
            rows.push(TextRow::default());
            rows.push(TextRow::from(self.span(Meaning::Heading, "output")));
            rows.extend(preview.into_iter().map(|line| cut_spans(self.spans(line), width)));
        }
        if model.detail.of.as_ref() == Some(&line.id) {
            rows.push(TextRow::default());
            rows.extend(model.detail.lines.iter().flat_map(|line| self.wrapped(line, width)));
        }
        let top = model.detail.top.min(rows.len().saturating_sub(inside.height.into()));
        let shown: Vec<TextRow<'_>> = rows.into_iter().skip(top).take(inside.height.into()).collect();
        frame.render_widget(Paragraph::new(shown), inside);
    }

    fn spans(self, line: &TalkLine) -> Vec<Span<'static>> {
        let span = |(meaning, text): &(Option<Meaning>, String)| match meaning {
            Some(meaning) => self.span(*meaning, text.clone()),
            None => Span::raw(text.clone()),
        };
        line.iter().map(span).collect()
    }

    /// A line in as many rows as it needs.
    fn wrapped(self, line: &TalkLine, width: usize) -> Vec<TextRow<'static>> {
        wrap(line, width).iter().map(|row| TextRow::from(self.spans(row))).collect()
    }

    fn notices(self, model: &Model, area: Rect, frame: &mut Frame<'_>) {
        for (row, y) in model.notice_rows().iter().zip(area.y..area.bottom()) {
            frame.render_widget(TextRow::from(self.spans(row)), Rect { y, height: 1, ..area });
        }
    }

    /// A box that asks something, with the line that is typed.
    fn question(self, mode: &Mode, frame: &mut Frame<'_>) {
        let (title, typed, top) = match mode {
            Mode::Compose(target, line) if target.ticket.is_none() && target.role == Role::Intake => {
                (" new intake ".to_owned(), Some(line), 0)
            }
            Mode::Compose(target, line) => (format!(" launch {} ", target.role), Some(line), 0),
            Mode::Reclaim(_, line) => (" reclaim ".to_owned(), Some(line), 0),
            Mode::Close(_, line) => (" close ".to_owned(), Some(line), 0),
            Mode::Answer { pod, top, .. } => (format!(" Pod {pod} asks "), None, *top),
            _ => (" sure? ".to_owned(), None, 0),
        };
        let screen = frame.area();
        let width = screen.width.saturating_sub(4).clamp(1, 90);
        let inner = usize::from(width.saturating_sub(2)).max(1);
        let mut rows: Vec<TextRow<'_>> = told(mode)
            .into_iter()
            .flat_map(|(meaning, text)| self.wrapped(&vec![(meaning, visible(&text).into_owned())], inner))
            .collect();
        let keys = match mode {
            Mode::Confirm(..) => "y does it, n does not",
            Mode::Compose(..) => "Enter sends it, Esc leaves and keeps it",
            Mode::Reclaim(..) => "Enter goes on, Esc leaves",
            Mode::Close(..) => "Enter closes it, Esc leaves",
            _ => "",
        };
        if typed.is_some() {
            rows.extend([TextRow::default(), TextRow::default()]);
        }
        if !keys.is_empty() {
            rows.push(TextRow::from(self.span(Meaning::Quiet, keys)));
        }
        let area = centred(screen, width, rows.len() as u16 + 2);
        let block = Block::bordered().title(self.span(Meaning::Name, visible(&title)));
        let inside = block.inner(area);
        let top = top.min(rows.len().saturating_sub(inside.height.into()));
        let typed_at = inside.y + (rows.len().saturating_sub(2 + top)) as u16;
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(rows.split_off(top)), inside);
        if let Some(line) = typed
            && typed_at < inside.bottom()
        {
            self.typed("> ", line, Rect { y: typed_at, height: 1, ..inside }, frame);
        }
    }

    /// A conversation, from its end upwards.
    fn attach(self, model: &Model, attach: &Attach, parts: &Parts, frame: &mut Frame<'_>) {
        let talk = model.talks.get(&attach.key());
        let (stands, meaning) = match talk {
            Some(talk) if talk.is_over() => ("it has ended", Meaning::Quiet),
            Some(talk) => (talk.phase().as_str(), talk.phase().into()),
            // It has not greeted yet, or not again.
            None => ("…", Meaning::Quiet),
        };
        let role = attach.role.map(|role| format!(" {role} ")).unwrap_or_default();
        let mut head = vec![
            self.span(Meaning::Name, format!(" {} ", attach.pod.pod)),
            self.span(Meaning::Quiet, role),
            self.span(meaning, format!(" {stands} ")),
        ];
        let asks = talk.map_or(0, |talk| talk.permissions().len());
        if asks > 0 {
            head.push(self.span(Meaning::Attention, " asks: a shows what ".to_owned()));
        }
        if attach.below > 0 {
            head.push(self.span(Meaning::Quiet, format!("  {} more rows below ", attach.below)));
        }
        frame.render_widget(cut_spans(head, parts.header.width.into()), parts.header);
        let area = Rect { y: 1, height: parts.notices.y.saturating_sub(1), ..parts.header };
        let (width, height) = (usize::from(area.width).max(1), usize::from(area.height));
        let mut rows = Vec::new();
        for line in talk.into_iter().flat_map(|talk| talk.lines().rev()) {
            rows.extend(wrap(line, width).into_iter().rev());
            if rows.len() >= attach.below.saturating_add(height) {
                break;
            }
        }
        let below = attach.below.min(rows.len().saturating_sub(height));
        let shown: Vec<TextRow<'_>> =
            rows.iter().skip(below).take(height).rev().map(|row| self.found(row, attach)).collect();
        frame.render_widget(Paragraph::new(shown), area);
        self.notices(model, parts.notices, frame);
        match &attach.typing {
            Some(Typing::Turn(line)) => self.typed("> ", line, parts.footer, frame),
            Some(Typing::Search(line)) => self.typed("/ ", line, parts.footer, frame),
            None => frame.render_widget(self.hints(ATTACH_KEYS, parts.footer.width), parts.footer),
        }
    }

    /// A row of a conversation, in which what was searched for stands out.
    fn found(self, row: &TalkLine, attach: &Attach) -> TextRow<'static> {
        let has = |text: &str| !attach.wanted.is_empty() && text.to_lowercase().contains(&attach.wanted.to_lowercase());
        let mut spans = self.spans(row);
        for span in &mut spans {
            if has(&span.content) {
                span.style = span.style.add_modifier(Modifier::REVERSED);
            }
        }
        TextRow::from(spans)
    }

    /// The line that is typed, and the cursor in it.
    fn typed(self, prompt: &'static str, line: &TextLine, area: Rect, frame: &mut Frame<'_>) {
        let width = usize::from(area.width).saturating_sub(3).max(1);
        let scroll = line.visual_scroll(width);
        let mut skipped = 0;
        let shown: String = line
            .value()
            .chars()
            .skip_while(|c| {
                let skip = skipped < scroll;
                skipped += if skip { c.width().unwrap_or(0) } else { 0 };
                skip
            })
            .collect();
        let row = vec![self.span(Meaning::Name, prompt), Span::raw(cut(&visible(&shown), width + 1))];
        frame.render_widget(TextRow::from(row), area);
        let x = 2 + line.visual_cursor().saturating_sub(skipped);
        frame.set_cursor_position((area.x + (x as u16).min(area.width.saturating_sub(1)), area.y));
    }

    fn roles(self, at: usize, frame: &mut Frame<'_>) {
        let rows: Vec<TextRow<'_>> = roles()
            .enumerate()
            .map(|(place, role)| {
                let (mark, style) = match place == at {
                    true => ("> ", Style::new().add_modifier(Modifier::REVERSED)),
                    false => ("  ", Style::new()),
                };
                TextRow::styled(format!("{mark}{role:<14}"), style)
            })
            .collect();
        let area = centred(frame.area(), 22, rows.len() as u16 + 2);
        let block = Block::bordered().title(self.span(Meaning::Name, " launch "));
        let inside = block.inner(area);
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(rows), inside);
    }

    fn footer(self, model: &Model) -> TextRow<'static> {
        if let Mode::Filter(line, _) = &model.mode {
            return TextRow::from(format!("/{}", visible(line.value())));
        }
        let mut spans = self.hints(KEYS, u16::MAX).spans;
        let closed = if model.list.closed() == Closed::Shown { ", closed ones too" } else { "" };
        spans.push(self.span(Meaning::Quiet, format!("  {}{closed}", model.list.sort().as_str())));
        cut_spans(spans, model.size.0.into())
    }

    /// The keys that are named at the bottom.
    fn hints<C>(self, table: &[Binding<C>], width: u16) -> TextRow<'static> {
        let mut spans = Vec::new();
        for binding in table.iter().filter(|binding| !binding.word.is_empty()) {
            let key = binding.keys.first().map(|key| key.name()).unwrap_or_default();
            spans.push(self.span(Meaning::Name, format!(" {key}")));
            spans.push(self.span(Meaning::Quiet, format!(" {} ", binding.word)));
        }
        cut_spans(spans, width.into())
    }

    fn help(self, top: usize, frame: &mut Frame<'_>) {
        let named = |keys: &[Key], help: &'static str| {
            let keys = cell(&keys.iter().map(|key| key.name()).collect::<Vec<_>>().join(" "), KEY_NAMES);
            TextRow::from(vec![self.span(Meaning::Name, format!(" {keys}  ")), Span::raw(help)])
        };
        let mut rows: Vec<TextRow<'_>> = KEYS.iter().map(|binding| named(binding.keys, binding.help)).collect();
        rows.push(TextRow::default());
        rows.push(TextRow::from(self.span(Meaning::Heading, " in the conversation of a Pod")));
        rows.extend(ATTACH_KEYS.iter().map(|binding| named(binding.keys, binding.help)));
        rows.push(TextRow::default());
        let marks =
            Group::ALL.map(|group| format!("{} {}", group.mark(), group.as_str()).trim().to_owned()).join("   ");
        rows.push(TextRow::from(self.span(Meaning::Quiet, format!(" {marks}"))));
        let width = rows.iter().map(TextRow::width).max().unwrap_or(0) as u16 + 3;
        let screen = frame.area();
        let area = centred(screen, width, rows.len() as u16 + 2);
        let block = Block::bordered().title(self.span(Meaning::Name, " keys "));
        let inside = block.inner(area);
        let top = top.min(rows.len().saturating_sub(inside.height.into()));
        frame.render_widget(Clear, area);
        frame.render_widget(block, area);
        frame.render_widget(Paragraph::new(rows.split_off(top)), inside);
    }
}

/// The Orchestrator and Companion Pods, where there are any.
fn leaders(model: &Model) -> Vec<(Role, String, Meaning)> {
    let leads = |role: Option<Role>| role.filter(|role| matches!(role, Role::Orchestrator | Role::Companion));
    let leaders = model.known.pods().filter_map(|(_, view)| Some((leads(view.role)?, view)));
    leaders.map(|(role, view)| (role, format!("{} ", view.status), view.status.into())).collect()
}

/// What a row says in a column.
fn value(line: &Line, column: Column, now: Timestamp) -> (Option<Meaning>, String) {
    let text = |text: &Option<String>| visible(text.as_deref().unwrap_or_default()).into_owned();
    match column {
        Column::Name => (Some(Meaning::Name), text(if line.ticket.is_some() { &line.ticket } else { &line.pod })),
        Column::State => (None, line.state.map(|state| state.to_string()).unwrap_or_default()),
        Column::Status => (Some(line.meaning), line.status.clone()),
        Column::Pod => (None, text(&line.pod)),
        Column::Role => (None, line.role.map(|role| role.to_string()).unwrap_or_default()),
        Column::Age => (Some(Meaning::Quiet), line.since.map(|since| short_age(since, now)).unwrap_or_default()),
        // A row without a ticket says what is known of its Pod.
        Column::Title if line.title.is_none() => (Some(Meaning::Quiet), text(&line.reason)),
        Column::Title => (None, text(&line.title)),
    }
}

/// What a row says, where there is room for all of it.
fn about(line: &Line) -> TalkLine {
    let mut pieces =
        vec![(Some(line.meaning), if line.status.is_empty() { "free".to_owned() } else { line.status.clone() })];
    if let Some(state) = line.state {
        pieces.push((None, format!(" — {state}")));
    }
    if let Some(reason) = &line.reason {
        pieces.push((None, format!(" — {}", visible(reason))));
    }
    pieces
}

/// A text in exactly so many cells.
fn cell(text: &str, width: usize) -> String {
    let text = cut(text, width);
    let padding = width.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(padding))
}

/// Pieces in a row, of which what does not fit is cut off.
fn cut_spans(spans: Vec<Span<'static>>, width: usize) -> TextRow<'static> {
    let mut left = width;
    let mut row = Vec::new();
    for span in spans {
        let text = cut(&span.content, left);
        let is_cut = text != span.content;
        left = left.saturating_sub(text.width());
        row.push(Span::styled(text, span.style));
        if is_cut {
            break;
        }
    }
    TextRow::from(row)
}

/// A part in the middle of the screen.
fn centred(screen: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(screen.width), height.min(screen.height));
    Rect { x: (screen.width - width) / 2, y: (screen.height - height) / 2, width, height }
}
