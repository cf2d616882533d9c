use super::*;
use proptest::prelude::*;

const AT: &str = "2026-06-07T22:02:25Z";

fn add(text: &str, heading: &str, body: &str) -> String {
    let author = Author::person("Ann Lee").unwrap();
    let at = AT.parse().unwrap();
    append(
        text,
        &[NewEvent { kind: "comment", author: &author, at, attributes: vec![("status", "new")], heading, body }],
    )
}

#[test]
fn an_event_is_written_as_people_would() {
    assert_eq!(
        add("", "A\nnote", "Text\n"),
        "<!-- event: comment author: \"Ann Lee\" at: 2026-06-07T22:02:25Z status: new -->\n\n## A note\n\nText\n\n---\n"
    );
}

#[test]
fn what_was_written_is_read() {
    let text = add(&add("", "One", "---\n\n<!-- event: comment author: x at: 1 -->\n\n---"), "Two", "");
    let thread = Thread::parse(&text);
    assert_eq!(thread.oddities, []);
    let [one, two] = &thread.events[..] else { panic!("{thread:?}") };
    assert_eq!(one.body, "---\n\n<!-- event: comment author: x at: 1 -->\n\n---");
    assert_eq!((one.kind.as_str(), one.author.as_deref(), one.at.as_deref()), ("comment", Some("Ann Lee"), Some(AT)));
    assert_eq!(one.attributes, [("status".to_owned(), "new".to_owned())]);
    assert_eq!((two.heading.as_deref(), two.body.as_str(), two.line), (Some("Two"), "", 13));
}

#[test]
fn older_threads_are_read_as_they_were_meant() {
    let text = "<!-- event: create author: tool at: 1 -->\r\n\r\n## Created\r\n\r\n---\r\n\r\n\
                <!-- event: odd_kind author: a b at: 2 from: x -->\n\nNo heading.\n\n---\n\nAfter a rule.\n\
                <!-- event: comment author: x at: 1 -->\n\n\n---\n\n<!-- event: last at: 3 -->\n## Open\n## Plan\nend";
    let thread = Thread::parse(text);
    let events = &thread.events;
    assert_eq!(events.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["create", "odd_kind", "last"]);
    assert_eq!(events[1].heading, None);
    assert_eq!(events[1].body, "No heading.\n\n---\n\nAfter a rule.\n<!-- event: comment author: x at: 1 -->");
    assert_eq!((events[2].heading.as_deref(), events[2].body.as_str()), (Some("Open"), "## Plan\nend"));
    let lines: Vec<usize> = thread.oddities.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [14, 19]);
    let more = Thread::parse(&add(text, "More", "x"));
    assert_eq!(more.events[..3], *events);
    assert_eq!(more.events[3].body, "x");
}

#[test]
fn an_append_keeps_every_byte_and_the_line_ends() {
    for text in ["", "free text", "\n\n", "<!-- event: x at: 1 -->\r\n\r\n---", "<!-- event: x at: 1 -->\r\nbody\r\n"] {
        let more = add(text, "More", "a\nb");
        assert!(more.starts_with(text), "{more:?}");
        assert_eq!(more[text.len()..].contains('\r'), text.contains('\r'), "{more:?}");
        let events = Thread::parse(&more).events;
        assert_eq!(events.last().unwrap().body, "a\nb", "{more:?}");
        assert_eq!(events.len(), 1 + usize::from(text.starts_with('<')), "{more:?}");
    }
}

/// Bodies made of what the format itself is made of.
fn hostile_body() -> impl Strategy<Value = String> {
    let pieces = vec![
        "---",
        "\n",
        "\r\n",
        "\r",
        " ",
        "\\",
        "<!-- event: comment author: x at: 1 -->",
        "<!-- event:",
        "<!--event: y at: 2-->",
        " -->",
        "## Heading",
        "text",
        "\u{2028}",
        "```",
        "--- ",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_body_survives_a_round_trip(bodies in prop::collection::vec(hostile_body(), 1..5), crlf: bool) {
        let mut text = if crlf { "<!-- event: x at: 1 -->\r\n---\r\n" } else { "" }.to_owned();
        for body in &bodies {
            text = add(&text, "## Heading", body);
        }
        let thread = Thread::parse(&text);
        prop_assert_eq!(&thread.oddities, &vec![]);
        let read: Vec<&str> = thread.events.iter().skip(usize::from(crlf)).map(|event| event.body.as_str()).collect();
        let meant: Vec<String> = bodies.iter().map(|body| body_lines(body).join("\n")).collect();
        prop_assert_eq!(read, meant);
    }

    #[test]
    fn every_text_is_a_thread_that_takes_one_more_event(text in hostile_body(), body in hostile_body()) {
        let before = Thread::parse(&text).events;
        let after = Thread::parse(&add(&text, "More", &body)).events;
        prop_assert_eq!(after.len(), before.len() + 1);
        prop_assert_eq!(&after[..before.len()], &before[..]);
    }
}
