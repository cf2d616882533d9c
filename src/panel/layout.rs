//! Where everything stands on the screen, and how the columns give way. Pure.

use ratatui::layout::Rect;

use super::model::Model;

/// How wide a screen is on which what is known of a row stands beside the list.
const WIDE: u16 = 130;
/// How high one is on which it stands below.
const HIGH: u16 = 18;

/// The parts of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// What is said of the whole.
    pub header: Rect,
    /// The names of the columns.
    pub columns: Rect,
    /// The rows.
    pub list: Rect,
    /// What is known of the selected row, with its frame, where there is room.
    pub detail: Option<Rect>,
    /// What went wrong.
    pub notices: Rect,
    /// Keys, or what is typed.
    pub footer: Rect,
}

impl Parts {
    /// The parts of the screen as it is.
    pub fn of(model: &Model) -> Self {
        let (width, height) = model.size;
        let row = |y: u16, rows: u16| {
            let y = y.min(height);
            Rect { x: 0, y, width, height: rows.min(height - y) }
        };
        let footer = height.saturating_sub(1);
        let notices = model.notice_rows().len().min(usize::from(height / 2)) as u16;
        let bottom = footer.saturating_sub(notices);
        let body = bottom.saturating_sub(2);
        let (list, detail) = match model.shows_detail {
            true if width >= WIDE => {
                let beside = width * 2 / 5;
                let list = Rect { width: width - beside, ..row(2, body) };
                (list, Some(Rect { x: list.width, y: 1, width: beside, height: bottom.saturating_sub(1) }))
            }
            true if height >= HIGH => {
                let below = body * 2 / 5;
                (row(2, body - below), Some(row(2 + body - below, below)))
            }
            _ => (row(2, body), None),
        };
        Self {
            header: row(0, 1),
            columns: Rect { width: list.width, ..row(1, 1) },
            list,
            detail,
            notices: row(bottom, notices),
            footer: row(footer, 1),
        }
    }
}

/// A column of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The ticket's id, or the Pod's name where there is no ticket.
    Name,
    /// The ticket's state.
    State,
    /// How it stands.
    Status,
    /// The Pod.
    Pod,
    /// What the Pod is for.
    Role,
    /// Since when.
    Age,
    /// What the ticket is about.
    Title,
}

impl Column {
    /// What stands above it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Name => "TICKET",
            Self::State => "STATE",
            Self::Status => "STATUS",
            Self::Pod => "POD",
            Self::Role => "ROLE",
            Self::Age => "AGE",
            Self::Title => "TITLE",
        }
    }

    /// How wide it is, where a ticket's id is so wide; the title takes what is left.
    fn width(self, id: usize) -> usize {
        match self {
            Self::Name => id,
            Self::State => 10,
            Self::Status => STATUS.0,
            Self::Pod => id + 8,
            Self::Role => 12,
            Self::Age => 4,
            Self::Title => 0,
        }
    }
}

/// How wide the status is, as a rule, and where there is room for all of its words.
const STATUS: (usize, usize) = (20, 30);
/// How narrow it may become.
const NARROW_STATUS: usize = 8;
/// The columns in their order.
const COLUMNS: [Column; 7] =
    [Column::Name, Column::State, Column::Status, Column::Pod, Column::Role, Column::Age, Column::Title];
/// The columns that go where there is no room, in the order in which they go.
const GO: [Column; 4] = [Column::Pod, Column::Role, Column::Age, Column::State];
/// The narrowest title that is worth to be shown beside other columns.
const TITLE: usize = 23;
/// What stands between two columns.
pub const GAP: usize = 2;
/// The mark at the beginning of a row, with its gap.
pub const MARK: usize = 2;

/// The columns that fit, each with its width. Which ones these are depends on the widths of the screen and of the ids alone,
/// so that they stay where they are whatever comes and goes.
pub fn fit(width: usize, id: usize) -> Vec<(Column, usize)> {
    let mut columns = COLUMNS.to_vec();
    let taken = |columns: &[Column]| MARK + columns.iter().map(|column| column.width(id) + GAP).sum::<usize>() - GAP;
    for go in GO {
        if taken(&columns) + TITLE <= width {
            break;
        }
        columns.retain(|column| *column != go);
    }
    let left = width.saturating_sub(taken(&columns));
    // On the narrowest screens the status is cut before the title goes; on wide ones it is whole.
    let lacking = TITLE.min(width / 3).saturating_sub(left);
    let status = match left.checked_sub(2 * TITLE) {
        Some(more) => (STATUS.0 + more).min(STATUS.1),
        None => STATUS.0.saturating_sub(lacking).max(NARROW_STATUS),
    };
    let beside = taken(&columns) - STATUS.0 - GAP;
    let status = status.min(width.saturating_sub(beside)).max(NARROW_STATUS);
    let title = (width + STATUS.0).saturating_sub(taken(&columns) + status);
    let width = |column: &Column| match column {
        Column::Status => status,
        Column::Title => title,
        other => other.width(id),
    };
    columns.iter().map(|column| (*column, width(column))).filter(|(_, width)| *width > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_and_the_name_and_the_status_never_go() {
        for (width, id) in (20..300).flat_map(|width| [(width, 13), (width, 19)]) {
            let columns = fit(width, id);
            let taken = MARK + columns.iter().map(|(_, width)| width + GAP).sum::<usize>() - GAP;
            assert!(taken <= width.max(MARK + id + GAP + NARROW_STATUS), "{width}: {columns:?}");
            assert_eq!(columns[0], (Column::Name, id));
            assert!(columns.iter().any(|(column, _)| *column == Column::Status));
        }
    }

    #[test]
    fn the_wider_the_screen_the_more_columns_there_are() {
        let names = |width| fit(width, 13).iter().map(|(column, _)| column.heading()).collect::<Vec<_>>().join(" ");
        assert_eq!(names(40), "TICKET STATUS TITLE");
        assert_eq!(names(74), "TICKET STATE STATUS TITLE");
        assert_eq!(names(80), "TICKET STATE STATUS AGE TITLE");
        assert_eq!(names(200), "TICKET STATE STATUS POD ROLE AGE TITLE");
    }
}
