//! Tables for people: no borders, one line a record, so that `grep` works on them.

use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::quote::visible;
use super::style::{Meaning, Paint};

/// What stands between two columns.
const GAP: &str = "  ";
/// No column is made narrower than this, in character cells.
const NARROWEST: usize = 8;

/// One place of a table; made safe to show when it is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell {
    text: String,
    meaning: Option<Meaning>,
}

impl Cell {
    /// A text without a meaning of its own.
    pub fn plain(text: &str) -> Self {
        Self { text: visible(text).into_owned(), meaning: None }
    }

    /// A text that is coloured by its meaning.
    pub fn meaning(meaning: Meaning, text: &str) -> Self {
        Self { meaning: Some(meaning), ..Self::plain(text) }
    }

    fn write(&self, out: &mut dyn Write, paint: Paint, width: usize) -> io::Result<()> {
        let text = cut(&self.text, width);
        match self.meaning {
            Some(meaning) => write!(out, "{}", paint.text(meaning, text)),
            None => write!(out, "{text}"),
        }
    }
}

/// Writes headings and rows in columns that fit `limit` character cells, where a limit is given.
///
/// What does not fit is cut from the widest columns of plain text and ends in `…`. Words with a meaning are never cut:
/// a name is there to be typed.
///
/// # Errors
/// When the output cannot be written.
pub fn write(
    out: &mut dyn Write,
    paint: Paint,
    limit: Option<usize>,
    headings: &[&str],
    rows: &[Vec<Cell>],
) -> io::Result<()> {
    let headings: Vec<Cell> =
        headings.iter().map(|name| Cell::meaning(Meaning::Heading, &name.replace('_', " ").to_uppercase())).collect();
    let mut widths: Vec<usize> = headings.iter().map(|heading| heading.text.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.text.width());
        }
    }
    let is_text = |column: usize| rows.iter().all(|row| row.get(column).is_none_or(|cell| cell.meaning.is_none()));
    fit(&mut widths, limit, is_text);
    for row in std::iter::once(&headings).chain(rows) {
        let last = row.iter().rposition(|cell| !cell.text.is_empty()).unwrap_or(0);
        for (at, (cell, &width)) in row.iter().zip(&widths).enumerate().take(last + 1) {
            cell.write(out, paint, width)?;
            if at < last {
                let padding = width.saturating_sub(cell.text.width());
                write!(out, "{:padding$}{GAP}", "")?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes names and values below each other, as the one record that a person asked for.
///
/// # Errors
/// When the output cannot be written.
pub fn write_one(out: &mut dyn Write, paint: Paint, fields: &[(&str, Cell)]) -> io::Result<()> {
    let width = fields.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
    for (name, cell) in fields {
        let label = format!("{:width$}", name.replace('_', " "));
        write!(out, "{}{GAP}", paint.text(Meaning::Quiet, label))?;
        cell.write(out, paint, usize::MAX)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Takes from the widest of the columns that may be cut until the row fits, or all of them are as narrow as they may be.
fn fit(widths: &mut [usize], limit: Option<usize>, may_be_cut: impl Fn(usize) -> bool) {
    let Some(limit) = limit else { return };
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > limit {
        let candidates = widths.iter_mut().enumerate().filter(|(column, _)| may_be_cut(*column));
        match candidates.map(|(_, width)| width).max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => return,
        }
    }
}

/// A text in at most so many character cells; where it is cut it ends in `…`.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let kept = text.chars().take_while(|c| {
        let needed = c.width().unwrap_or(0);
        let fits = needed <= left;
        left = left.saturating_sub(needed);
        fits
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(paint: Paint, limit: Option<usize>) -> String {
        let rows = [
            vec![
                Cell::meaning(Meaning::Name, "00001KTJ1QJB8"),
                Cell::meaning(Meaning::Good, "live"),
                Cell::plain("Say what a claim is, and for how long"),
            ],
            vec![
                Cell::meaning(Meaning::Name, "00001KTJ1QJB9"),
                Cell::meaning(Meaning::Bad, "stale"),
                Cell::plain("日本語のとても長い題\x1b[31m"),
            ],
            vec![Cell::meaning(Meaning::Name, "20260101-120000-001"), Cell::plain(""), Cell::plain("")],
        ];
        let mut out = Vec::new();
        write(&mut out, paint, limit, &["ticket", "status", "title"], &rows).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn columns_line_up_and_nothing_trails() {
        insta::assert_snapshot!(render(Paint::Plain, None), @r"
        TICKET               STATUS  TITLE
        00001KTJ1QJB8        live    Say what a claim is, and for how long
        00001KTJ1QJB9        stale   日本語のとても長い題\u{1b}[31m
        20260101-120000-001
        ");
    }

    #[test]
    fn a_narrow_terminal_cuts_the_widest_columns() {
        let text = render(Paint::Plain, Some(44));
        assert!(text.lines().all(|line| line.width() <= 44), "{text}");
        insta::assert_snapshot!(text, @r"
        TICKET               STATUS  TITLE
        00001KTJ1QJB8        live    Say what a cla…
        00001KTJ1QJB9        stale   日本語のとても…
        20260101-120000-001
        ");
    }

    #[test]
    fn colour_changes_no_width() {
        let text = render(Paint::Colour, None);
        assert_eq!(anstream::adapter::strip_str(&text).to_string(), render(Paint::Plain, None));
        assert!(text.contains("\x1b[32mlive\x1b[0m    Say"), "{text}");
    }

    #[test]
    fn a_single_record_is_a_list_of_its_fields() {
        let mut out = Vec::new();
        let fields = [("ticket", Cell::plain("T")), ("accepted_at", Cell::plain("2026"))];
        write_one(&mut out, Paint::Plain, &fields).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "ticket       T\naccepted at  2026\n");
    }
}
