//! What goes over the wire comes back, and what is not understood is refused under its id.

use super::*;
use crate::domain::{Nonce, OptionKind, PodName, Role, Segment, ToolKind};
use crate::pod::ToolOutcome;
use proptest::prelude::*;
use serde_json::json;

fn parse(line: &str) -> Result<Method, Refused> {
    Request::parse(line.as_bytes())?.method()
}

#[test]
fn every_method_survives_the_wire_and_is_listed() {
    let nonce: Nonce = "9f1c0000000000000000000000000001".parse().unwrap();
    let all = [
        Method::Run { input: vec![Segment::text("go")], nonce: Some(nonce) },
        Method::Confirm { nonce: None, without_record: true },
        Method::Cancel {},
        Method::Notify { text: "hello".into() },
        Method::Shutdown { now: true },
        Method::ShutdownAfterIdle { cancel: true },
        Method::Status {},
        Method::RegisterPeer { pod: PodName::new("a b").unwrap(), role: Role::Intake },
        Method::ToolCall { tool: "TicketShow".into(), arguments: json!({"ticket": "T"}), epoch: "e".into() },
        Method::Tools { epoch: "e".into() },
        Method::ToolsReady { epoch: "e".into() },
        Method::Answer { request: Some(3), choice: Choice::Kind(OptionKind::AllowOnce) },
    ];
    let names: Vec<String> = all.iter().map(|method| Request::new(method, None).method).collect();
    assert_eq!(names, METHODS);
    for method in all {
        let line = Request::new(&method, Some(json!(7))).to_line();
        let request = Request::parse(line.strip_suffix(b"\n").unwrap()).unwrap();
        assert_eq!(request.id, Some(json!(7)));
        assert_eq!(request.method().unwrap(), method);
    }
}

#[test]
fn parameters_may_be_left_out_where_all_are_optional() {
    assert_eq!(parse(r#"{"method":"shutdown"}"#).unwrap(), Method::Shutdown { now: false });
    assert_eq!(parse(r#"{"method":"status","params":{"new":1}}"#).unwrap(), Method::Status {});
}

#[test]
fn what_is_not_understood_is_refused_under_its_id() {
    let refused = parse(r#"{"method":"dance","id":"x"}"#).unwrap_err();
    assert_eq!((refused.code, refused.id), (Code::UnknownMethod, Some(json!("x"))));
    let refused = parse(r#"{"method":"run","id":8}"#).unwrap_err();
    assert_eq!((refused.code, refused.id), (Code::BadRequest, Some(json!(8))));
    let refused = parse(r#"{"method":3,"id":9}"#).unwrap_err();
    assert_eq!((refused.code, refused.id), (Code::BadRequest, Some(json!(9))));
    assert_eq!(parse("nonsense").unwrap_err().code, Code::BadRequest);
}

#[test]
fn an_unknown_kind_of_segment_is_kept() {
    let line = r#"{"method":"run","params":{"input":[{"kind":"image","url":"u"}]}}"#;
    let Method::Run { input, .. } = parse(line).unwrap() else { panic!("a run") };
    assert_eq!(serde_json::to_value(&input).unwrap(), json!([{"kind": "image", "url": "u"}]));
}

#[test]
fn an_unknown_event_is_none_and_a_known_one_survives() {
    let message = Message::parse(br#"{"event":"party","data":{"x":1}}"#).unwrap();
    assert_eq!(message.event(), None);
    let outcome = ToolOutcome { text: "done".into(), is_error: false };
    let event = Event::ToolResult { call: 1, tool: "T".into(), outcome, by: Caller::Pod };
    let message = Message::new(&event, Some(json!(1)));
    assert_eq!(message.data, json!({"call": 1, "tool": "T", "text": "done", "is_error": false}));
    assert_eq!(message.event(), Some(event));
    assert_eq!(Message::new(&Event::Ok {}, None).to_line(), b"{\"event\":\"ok\",\"data\":{}}\n");
}

#[test]
fn a_message_that_does_not_fit_is_cut_and_stays_itself() {
    let event = Event::TextDone { text: "ä".repeat(MAX_LINE), more: false };
    let line = Message::new(&event, Some(json!(4))).to_line();
    assert!(line.len() <= MAX_LINE);
    let message = Message::parse(&line).unwrap();
    assert_eq!(message.id, Some(json!(4)));
    let Some(Event::TextDone { text, .. }) = message.event() else { panic!("still a text") };
    assert!(text.ends_with("all]"), "{}", &text[text.len() - 80..]);
    let arguments = Value::from(vec!["x".repeat(1000); 2000]);
    let about = PermissionSubject { title: "t".into(), kind: ToolKind::Edit, arguments, options: Vec::new() };
    let many = Event::PermissionRequest(PermissionRequest { request: 1, about });
    assert!(Message::new(&many, None).to_line().len() <= MAX_LINE);
}

#[test]
fn a_line_of_exactly_the_bound_passes_and_one_byte_more_does_not() {
    let mut buffer = LineBuffer::default();
    buffer.push(&vec![b'x'; MAX_LINE - 1]);
    assert_eq!(buffer.next_line(), Ok(None));
    buffer.push(b"\n");
    assert_eq!(buffer.next_line().unwrap().unwrap().len(), MAX_LINE - 1);
    buffer.push(&vec![b'x'; MAX_LINE]);
    assert_eq!(buffer.next_line(), Err(LineTooLong));
}

proptest! {
    #[test]
    fn lines_come_out_whole_however_they_arrive(
        lines in proptest::collection::vec("[a-z]{0,9}", 0..8),
        cut in 1_usize..7,
    ) {
        let wire: Vec<u8> = lines.iter().flat_map(|line| format!("{line}\n").into_bytes()).collect();
        let mut buffer = LineBuffer::default();
        let mut out = Vec::new();
        for piece in wire.chunks(cut) {
            buffer.push(piece);
            while let Some(line) = buffer.next_line().unwrap() {
                out.push(String::from_utf8(line).unwrap());
            }
        }
        prop_assert_eq!(out, lines);
    }
}
