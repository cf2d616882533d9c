//! The rows in their order, those that are shown, and the one that is selected. Pure.
//!
//! What one change costs does not depend on how many rows there are, but for moving the names of those behind it by one.

use std::collections::BTreeMap;

use super::known::{Known, RowId, Touched};
use super::rows::{Group, ID, LONG_ID, Line, Rank, Sort};

/// Which closed tickets are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Closed {
    /// None of which nothing lives.
    #[default]
    Hidden,
    /// All.
    Shown,
}

/// The rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct List {
    lines: BTreeMap<RowId, Line>,
    /// Those that are shown, in order.
    shown: Vec<Rank>,
    /// How many there are in each part of the list, whether they are shown or not.
    counts: [usize; Group::ALL.len()],
    /// How many rows have a ticket whose id is of the older, longer form.
    long_ids: usize,
    sort: Sort,
    closed: Closed,
    /// What a row must have, as it was typed.
    filter: String,
    /// The same, word by word, in lower case.
    words: Vec<String>,
    selected: Option<RowId>,
    /// Where the selected row was last, for when it goes.
    place: usize,
    /// How many rows are above the first one on the screen.
    top: usize,
    /// How many rows fit on the screen.
    height: usize,
}

impl List {
    /// The rows that are shown, from the first one on the screen.
    pub fn visible(&self) -> impl Iterator<Item = &Line> {
        self.shown[self.top..].iter().take(self.height).map(|rank| &self.lines[rank.id()])
    }

    /// All rows that are shown.
    pub fn all_shown(&self) -> impl Iterator<Item = &Line> {
        self.shown.iter().map(|rank| &self.lines[rank.id()])
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        self.shown.len()
    }

    /// Whether no row is shown.
    pub fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// How many rows there are, whether they are shown or not.
    pub fn total(&self) -> usize {
        self.lines.len()
    }

    /// How many rows there are in a part of the list.
    pub fn count(&self, group: Group) -> usize {
        self.counts[group as usize]
    }

    /// How wide the ids of tickets are.
    pub fn id_width(&self) -> usize {
        if self.long_ids == 0 { ID } else { LONG_ID }
    }

    /// The row that is selected.
    pub fn selected(&self) -> Option<&Line> {
        self.lines.get(self.selected.as_ref()?)
    }

    /// Where the selected row is among those that are shown.
    pub fn place(&self) -> usize {
        self.place
    }

    /// How many rows are above the first one on the screen.
    pub fn top(&self) -> usize {
        self.top
    }

    /// A row.
    pub fn line(&self, id: &RowId) -> Option<&Line> {
        self.lines.get(id)
    }

    /// What a row must have to be shown.
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// The order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Which closed tickets are shown.
    pub fn closed(&self) -> Closed {
        self.closed
    }

    /// Brings rows in line with what is known.
    pub fn refresh(&mut self, known: &Known, touched: &Touched) {
        match touched {
            Touched::All => {
                self.lines = known.rows().into_iter().filter_map(|id| Some((id.clone(), known.line(&id)?))).collect();
                self.counts = Default::default();
                self.lines.values().for_each(|line| self.counts[line.group as usize] += 1);
                self.long_ids = self.lines.values().filter(|line| line.has_long_id()).count();
                self.arrange();
            }
            Touched::Rows(rows) => {
                rows.iter().for_each(|id| self.put(id, known.line(id)));
                self.settle();
            }
        }
    }

    fn put(&mut self, id: &RowId, line: Option<Line>) {
        if self.lines.get(id) == line.as_ref() {
            return;
        }
        if let Some(old) = self.lines.remove(id) {
            self.counts[old.group as usize] -= 1;
            self.long_ids -= usize::from(old.has_long_id());
            if let Ok(at) = self.shown.binary_search(&old.rank(self.sort)) {
                self.shown.remove(at);
            }
        }
        if let Some(line) = line {
            self.counts[line.group as usize] += 1;
            self.long_ids += usize::from(line.has_long_id());
            if self.shows(&line) {
                let rank = line.rank(self.sort);
                if let Err(at) = self.shown.binary_search(&rank) {
                    self.shown.insert(at, rank);
                }
            }
            self.lines.insert(id.clone(), line);
        }
    }

    fn shows(&self, line: &Line) -> bool {
        (self.closed == Closed::Shown || !line.is_over) && line.matches(&self.words)
    }

    /// Puts all rows into their order anew.
    fn arrange(&mut self) {
        let shown = self.lines.values().filter(|line| self.shows(line)).map(|line| line.rank(self.sort));
        self.shown = shown.collect();
        self.shown.sort_unstable();
        self.settle();
    }

    /// Finds the selected row again; where it is gone, the one that took its place is selected. The screen moves no more
    /// than it must.
    fn settle(&mut self) {
        let before = self.place;
        let found = self.selected.as_ref().and_then(|id| self.lines.get(id)).map(|line| line.rank(self.sort));
        let place = found.and_then(|rank| self.shown.binary_search(&rank).ok());
        self.place = place.unwrap_or_else(|| before.min(self.shown.len().saturating_sub(1)));
        self.selected = self.shown.get(self.place).map(|rank| rank.id().clone());
        // The selected row stays where it was on the screen, whatever came or went above it; but what comes to the very top
        // while that is on the screen is seen.
        let offset = before.saturating_sub(self.top);
        if place.is_some() && self.top > 0 {
            self.top = self.place.saturating_sub(offset);
        }
        self.scroll();
    }

    fn scroll(&mut self) {
        let height = self.height.max(1);
        self.top = self.top.min(self.place).max((self.place + 1).saturating_sub(height));
        self.top = self.top.min(self.shown.len().saturating_sub(height));
    }

    /// Selects the row of this place, or the last one.
    pub fn select(&mut self, place: usize) {
        self.place = place.min(self.shown.len().saturating_sub(1));
        self.selected = self.shown.get(self.place).map(|rank| rank.id().clone());
        self.scroll();
    }

    /// Selects a row by its name, where it is shown.
    pub fn select_row(&mut self, id: &RowId) {
        let rank = self.lines.get(id).map(|line| line.rank(self.sort));
        if let Some(place) = rank.and_then(|rank| self.shown.binary_search(&rank).ok()) {
            self.select(place);
        }
    }

    /// Moves the selection by so many rows.
    pub fn step(&mut self, by: isize) {
        self.select(self.place.saturating_add_signed(by));
    }

    /// Scrolls by so many rows; the selection moves only where it would leave the screen.
    pub fn wheel(&mut self, by: isize) {
        let last = self.shown.len().saturating_sub(self.height.max(1));
        self.top = self.top.saturating_add_signed(by).min(last);
        let place = self.place.clamp(self.top, self.top + self.height.max(1) - 1);
        self.select(place);
    }

    /// How many rows fit on the screen by now.
    pub fn resize(&mut self, height: usize) {
        self.height = height;
        self.scroll();
    }

    /// How many rows fit on the screen.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Shows only rows that have all these words.
    pub fn set_filter(&mut self, filter: &str) {
        filter.clone_into(&mut self.filter);
        self.words = filter.to_lowercase().split_whitespace().map(ToOwned::to_owned).collect();
        self.arrange();
    }

    /// Changes the order.
    pub fn set_sort(&mut self, sort: Sort) {
        self.sort = sort;
        self.arrange();
    }

    /// Shows or hides closed tickets.
    pub fn set_closed(&mut self, closed: Closed) {
        self.closed = closed;
        self.arrange();
    }
}
