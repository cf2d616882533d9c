use super::*;
use proptest::prelude::*;

fn item(text: &str) -> Item {
    Item::parse(text.to_owned()).unwrap()
}

#[test]
fn values_are_texts_whatever_their_quotes() {
    let item = item(
        "---\ntitle: 'it''s \"é\"'\nstate: \"pl\\u0061nning\"\npriority: 1 # high\nnumber: 007\nassignee: ~\nempty:\n\
         labels: [a, 'b c']\nmore:\n- x\n- y\ndeep: {a: [1]}\nlists: [[1], 2]\n---\nBody\n",
    );
    assert_eq!(item.text("title"), Some("it's \"é\""));
    assert_eq!(item.text("state"), Some("planning"));
    assert_eq!(item.text("priority"), Some("1"));
    assert_eq!(item.text("number"), Some("007"));
    assert_eq!(item.get("assignee"), Some(&Value::Null));
    assert_eq!(item.get("empty"), Some(&Value::Null));
    assert_eq!(item.get("labels"), Some(&Value::List(vec!["a".into(), "b c".into()])));
    assert_eq!(item.get("more"), Some(&Value::List(vec!["x".into(), "y".into()])));
    assert_eq!(item.get("deep"), Some(&Value::Other));
    assert_eq!(item.get("lists"), Some(&Value::Other));
    assert_eq!(item.get("missing"), None);
    assert_eq!(item.line("deep"), Some(12));
    assert_eq!(item.body(), "Body\n");
}

#[test]
fn an_edit_changes_its_own_value_and_keeps_its_quotes() {
    let before = "---\r\n# kept\r\ntitle: 'Ä'  # why\r\nstate: \"planning\" \r\nplain: x\r\nnull: ~\r\nabsent:\r\nold: 'a'\r\n---\r\nB";
    let mut item = item(before);
    for (key, value) in
        [("title", "it's"), ("state", "ready"), ("plain", "y: z"), ("null", "n"), ("absent", "2026-06-07T22:02:25Z")]
    {
        item.set(key, value, "").unwrap();
    }
    let after = "---\r\n# kept\r\ntitle: 'it''s'  # why\r\nstate: \"ready\" \r\nplain: 'y: z'\r\nnull: n\r\nabsent: 2026-06-07T22:02:25Z\r\nold: 'a'\r\n---\r\nB";
    assert_eq!(item.as_str(), after);
}

#[test]
fn block_scalars_and_folded_lines_are_replaced_whole() {
    let mut item = item("---\na: |\n  one\n  two\nb: one\n  two\nc: 1\n---\n");
    assert_eq!(item.text("a"), Some("one\ntwo\n"));
    item.set("a", "x", "").unwrap();
    item.set("b", "y", "").unwrap();
    assert_eq!(item.as_str(), "---\na: x\nb: y\nc: 1\n---\n");
}

#[test]
fn a_new_key_gets_a_line_behind_another_or_at_the_end() {
    let mut item = item("---\ntitle: 'x'\ncreated_at: '1' # c\nlabels:\n- a\n---");
    item.set("updated_at", "2", "created_at").unwrap();
    item.set("assignee", "me", "nothing").unwrap();
    assert_eq!(
        item.as_str(),
        "---\ntitle: 'x'\ncreated_at: '1' # c\nupdated_at: '2'\nlabels:\n- a\nassignee: 'me'\n---"
    );
}

#[test]
fn what_cannot_be_edited_alone_is_refused() {
    let text = "---\na: &x one\nb: *x\nc: [1]\n---\n";
    let mut anchored = item(text);
    assert_eq!(anchored.set("a", "two", "").unwrap_err().line, 2);
    assert_eq!(anchored.set("c", "two", "").unwrap_err().line, 4);
    assert_eq!(anchored.as_str(), text);
    let text = "---\n{a: one, b: 'two'}\n---\n";
    let mut flow = item(text);
    assert!(flow.set("c", "three", "a").unwrap_err().why.contains("by hand"));
    assert_eq!(flow.as_str(), text);
    flow.set("a", "x, y", "").unwrap();
    assert_eq!(flow.as_str(), "---\n{a: 'x, y', b: 'two'}\n---\n");
}

#[test]
fn errors_name_the_line() {
    let error = |text: &str| Item::parse(text.to_owned()).unwrap_err();
    assert_eq!(error("# Title\n").line, 1);
    assert_eq!(error("").line, 1);
    assert_eq!(error("---\ntitle: x\n").line, 1);
    assert_eq!(error("---\ntitle: x\nstate: a: b\n---\n").line, 3);
    assert_eq!(error("---\nä: 1\ntitle: x\ntitle: y\n---\n").line, 4);
    assert_eq!(error("---\n- a\n---\n").line, 2);
    assert_eq!(error("---\na: 1\n...\nb: 2\n---\n").line, 4);
    assert!(error(&format!("---\n{}---\n", "a: b\n".repeat(20_000))).why.contains("65536"));
}

#[test]
fn deep_nesting_is_no_danger() {
    let text = format!("---\na:\n  {}x\n---\n", "- ".repeat(30_000));
    assert_eq!(item(&text).get("a"), Some(&Value::Other));
}

#[test]
fn a_body_keeps_the_bytes_of_the_lines_that_stay() {
    let mut item = item("---\r\ntitle: x\r\n---\r\n\r\none  \r\ntwo\r\nthree");
    item.set_body("one  \nTWO\nthree\n").unwrap();
    assert_eq!(item.as_str(), "---\r\ntitle: x\r\n---\r\n\r\none  \r\nTWO\r\nthree");
    item.set_body("one  \nTWO").unwrap();
    assert_eq!(item.as_str(), "---\r\ntitle: x\r\n---\r\n\r\none  \r\nTWO");
    item.set_body("").unwrap();
    assert_eq!(item.as_str(), "---\r\ntitle: x\r\n---\r\n\r\n");
    item.set_body("new").unwrap();
    assert_eq!(item.as_str(), "---\r\ntitle: x\r\n---\r\n\r\nnew\r\n");
    let mut bare = self::item("---\ntitle: x\n---");
    bare.set_body("new\nbody").unwrap();
    assert_eq!(bare.as_str(), "---\ntitle: x\n---\n\nnew\nbody\n");
}

#[test]
fn a_value_that_is_taken_away_is_null_and_its_comment_stays() {
    let mut item = item("---\na: 'x' # why\nb: |\n  two\nc:\nd: [1]\n---\n");
    for key in ["a", "b", "c", "nothing"] {
        item.clear(key).unwrap();
    }
    assert_eq!(item.as_str(), "---\na: null # why\nb: null\nc:\nd: [1]\n---\n");
    assert_eq!(item.clear("d").unwrap_err().line, 5);
}

/// Bodies made of what the format itself is made of.
fn hostile_body() -> impl Strategy<Value = String> {
    let pieces = vec![
        "---", "\n", "\n", "\r\n", "\r", " ", "title: x", "'", "\"", "|", "\u{feff}", "# c", "text", "...", "\u{2028}",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_body_takes_the_place_of_any_other(old in hostile_body(), new in hostile_body(), mark: bool, crlf: bool) {
        let front = if crlf { "---\r\ntitle: 'x'\r\n---\r\n" } else { "---\ntitle: 'x'\n---\n" };
        let front = format!("{}{front}", if mark { "\u{feff}" } else { "" });
        let mut item = item(&format!("{front}{old}"));
        item.set_body(&new).unwrap();
        prop_assert!(item.as_str().starts_with(&front));
        prop_assert_eq!(item.text("title"), Some("x"));
        prop_assert_eq!(as_read(item.body()), as_read(&new));
        let before = item.as_str().to_owned();
        item.set_body(&new).unwrap();
        prop_assert_eq!(item.as_str(), before);
    }

    #[test]
    fn any_text_is_read_as_it_was_set(
        value in "(\\PC|[\n\r\t:#'\"\\\\{}&*!|>%@`~-]){0,40}",
        old in prop::sample::select(vec!["plain", "'single'", "\"double\"", "", "|\n  block"]),
        end in prop::sample::select(vec!["\n", "\r\n"]),
    ) {
        let text = format!("---\ntitle: 'a'\nkey: {old}\nlast: \"b\" # c\n---\nbody: 'x'\n---\n").replace('\n', end);
        let mut item = item(&text);
        item.set("key", &value, "").unwrap();
        prop_assert_eq!(item.text("key"), Some(&*value));
        let (head, tail) = (format!("---{end}title: 'a'{end}key:"), format!("last: \"b\" # c{end}---{end}body: 'x'{end}---{end}"));
        prop_assert!(item.as_str().starts_with(&head) && item.as_str().ends_with(&tail), "{:?}", item.as_str());
        prop_assert_eq!(item.as_str().lines().count(), 7);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(---\n)?(\\PC|[\n:#'\"|>&*-]){0,200}(---\n)?") {
        let _ = Item::parse(text);
    }
}
