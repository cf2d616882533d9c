//! Lines that are longer than the screen is wide. Pure.

use unicode_width::UnicodeWidthChar as _;

use crate::cli::Meaning;

use super::talk::TalkLine;

/// A line in as many rows as it needs, broken between words where there are any.
pub fn wrap(line: &TalkLine, width: usize) -> Vec<TalkLine> {
    let cells: Vec<(Option<Meaning>, char)> =
        line.iter().flat_map(|(meaning, text)| text.chars().map(|c| (*meaning, c))).collect();
    let mut rows = Vec::new();
    let mut rest = cells.as_slice();
    loop {
        let mut taken = 0;
        let fits = |(_, c): &&(Option<Meaning>, char)| {
            taken += c.width().unwrap_or(0);
            taken <= width
        };
        let most = rest.iter().take_while(fits).count();
        if most == rest.len() {
            rows.push(pieces(rest));
            return rows;
        }
        let space = rest[..=most].iter().rposition(|(_, c)| *c == ' ').filter(|at| *at > 0);
        let end = space.unwrap_or(most.max(1));
        rows.push(pieces(&rest[..end]));
        rest = &rest[end + usize::from(space.is_some())..];
        if rest.is_empty() {
            return rows;
        }
    }
}

/// Characters of one meaning are one piece.
fn pieces(cells: &[(Option<Meaning>, char)]) -> TalkLine {
    cells.chunk_by(|(a, _), (b, _)| a == b).map(|run| (run[0].0, run.iter().map(|(_, c)| c).collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str, width: usize) -> Vec<String> {
        let line = vec![(Some(Meaning::Name), text[..2].to_owned()), (None, text[2..].to_owned())];
        wrap(&line, width).iter().map(|row| row.iter().map(|(_, text)| text.as_str()).collect()).collect()
    }

    #[test]
    fn lines_break_between_words_and_within_those_that_are_too_long() {
        assert_eq!(rows("a claim is evidence", 8), ["a claim", "is", "evidence"]);
        assert_eq!(rows("a claim", 7), ["a claim"]);
        assert_eq!(rows("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(rows("ab 日本語です", 5), ["ab", "日本", "語で", "す"]);
        assert_eq!(rows("ab日", 1), ["a", "b", "日"], "one that never fits is there all the same");
    }

    #[test]
    fn pieces_keep_their_meaning() {
        let line = vec![(Some(Meaning::Name), "one two".to_owned()), (None, " three".to_owned())];
        let rows = wrap(&line, 8);
        assert_eq!(rows[0], [(Some(Meaning::Name), "one two".to_owned())]);
        assert_eq!(rows[1], [(None, "three".to_owned())]);
    }
}
