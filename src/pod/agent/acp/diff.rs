//! How a change to a file is shown: as a unified diff of one piece.

/// Shows a change: what it makes of the lines in which the texts differ.
pub(super) fn render(path: &str, old: Option<&str>, new: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (old.unwrap_or_default().lines().collect(), new.lines().collect());
    let start = before.iter().zip(&after).take_while(|(old, new)| old == new).count();
    let rest = before.len().min(after.len()) - start;
    let end = before.iter().rev().zip(after.iter().rev()).take(rest).take_while(|(old, new)| old == new).count();
    let (gone, come) = (&before[start..before.len() - end], &after[start..after.len() - end]);
    let from = if old.is_some() { path } else { "/dev/null" };
    let mut text = format!("--- {from}\n+++ {path}\n");
    text.push_str(&format!("@@ -{},{} +{},{} @@", start + 1, gone.len(), start + 1, come.len()));
    for (mark, lines) in [('-', gone), ('+', come)] {
        for line in lines {
            text.push('\n');
            text.push(mark);
            text.push_str(line);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_shows_the_lines_that_differ() {
        let shown = render("/w/a", Some("one\ntwo\nthree\nfour\n"), "one\n2\n3\nfour\n");
        insta::assert_snapshot!(shown, @r"
        --- /w/a
        +++ /w/a
        @@ -2,2 +2,2 @@
        -two
        -three
        +2
        +3
        ");
    }

    #[test]
    fn a_new_file_comes_from_nothing_and_a_repeated_line_is_no_overlap() {
        assert_eq!(render("/w/a", None, "x"), "--- /dev/null\n+++ /w/a\n@@ -1,0 +1,1 @@\n+x");
        assert_eq!(render("a", Some("x\nx"), "x\nx\nx"), "--- a\n+++ a\n@@ -3,0 +3,1 @@\n+x");
    }
}
