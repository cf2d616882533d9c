use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::domain::Timestamp;
use crate::ticket::Author;

fn id(number: u32) -> TicketId {
    TicketId::new(format!("20260101-000000-{number:03}")).unwrap()
}

/// The tickets that say these relations.
fn links(relations: &[(u32, RelationKind, u32)]) -> Links {
    let mut said = Said::new();
    for (own, kind, target) in relations {
        let (own, author) = (id(*own), Author::person("me").unwrap());
        let at = "2026-06-07T22:02:25Z".parse::<Timestamp>().unwrap().to_string();
        let relation = Relation::new(*kind, id(*target), None, &author, at);
        let before = said.remove(&own).map(Result::unwrap).unwrap_or_default();
        let text = before.with_added(&own, &relation);
        said.insert(own, Relations::parse(text, Path::new("f")));
    }
    Links::new(said)
}

fn shown(links: &Links, of: u32) -> Vec<String> {
    links.of(&id(of)).iter().map(|link| format!("{} {}", link.word, &link.other.as_str()[16..])).collect()
}

fn numbers(ids: &[TicketId]) -> Vec<&str> {
    ids.iter().map(|id| &id.as_str()[16..]).collect()
}

use RelationKind::{Blocks, DependsOn, DuplicateOf, Related, Supersedes};

#[test]
fn each_relation_is_seen_from_both_ends() {
    let links = links(&[(1, DependsOn, 2), (3, Blocks, 1), (1, Related, 4), (5, Supersedes, 1), (1, DuplicateOf, 6)]);
    assert_eq!(
        shown(&links, 1),
        ["depends_on 002", "related 004", "duplicate_of 006", "blocked_by 003", "superseded_by 005"]
    );
    assert_eq!(shown(&links, 2), ["dependency_of 001"]);
    assert_eq!(shown(&links, 3), ["blocks 001"]);
    assert_eq!(shown(&links, 4), ["related 001"]);
    assert_eq!(shown(&links, 6), ["duplicated_by 001"]);
    assert_eq!(numbers(&links.awaited(&id(1)).cloned().collect::<Vec<_>>()), ["002", "003"]);
}

#[test]
fn it_does_not_matter_which_end_says_it() {
    let links = links(&[(3, Blocks, 1), (1, Related, 4)]);
    assert_eq!(links.sayer(Edge::new(DependsOn, &id(1), &id(3))), Some(&id(3)));
    assert_eq!(links.sayer(Edge::new(Related, &id(4), &id(1))), Some(&id(1)));
    assert_eq!(links.sayer(Edge::new(DependsOn, &id(3), &id(1))), None);
}

#[test]
fn circles_are_found_whole_and_once_and_what_only_leads_to_one_is_none() {
    let links = links(&[
        (1, DependsOn, 2),
        (2, DependsOn, 3),
        (2, Blocks, 3),
        (4, DependsOn, 1),
        (5, DependsOn, 6),
        (7, DependsOn, 7),
    ]);
    let circles = links.circles();
    let shown: Vec<Vec<&str>> = circles.iter().map(|circle| numbers(circle)).collect();
    assert_eq!(shown, [vec!["002", "003", "002"], vec!["007", "007"]]);
    assert_eq!(numbers(&links.way(&id(4), &id(3)).unwrap()), ["004", "001", "002", "003"]);
    assert_eq!(links.way(&id(3), &id(4)), None);
}

#[test]
fn a_long_chain_costs_no_stack() {
    let chain: Vec<_> = (1..900).map(|number| (number, DependsOn, number + 1)).collect();
    let links = links(&chain);
    assert_eq!(links.circles(), Vec::<Vec<TicketId>>::new());
    assert_eq!(links.way(&id(1), &id(900)).unwrap().len(), 900);
}

#[test]
fn older_files_are_read_and_edited_without_a_byte_more() {
    let entry = |target: &str| {
        format!(
            "{{\n      \"ticket_id\": \"20260101-000000-001\",\n      \"kind\": \"related\",\n      \"target\": \"{target}\",\n      \"mood\": \"good\"\n    }}"
        )
    };
    let text = format!(
        "{{\n  \"version\": 1,\n  \"relations\": [\n    {},\n    {}\n  ],\n  \"more\": 1\n}}\n",
        entry("20260101-000000-002"),
        entry("20260101-000000-003")
    );
    let read = |text: &str| Relations::parse(text.to_owned(), Path::new("f")).unwrap();
    let relations = read(&text);
    assert_eq!(relations.lines().map(|(line, _)| line).collect::<Vec<_>>(), [4, 10]);
    let author = Author::person("me").unwrap();
    let more = relations.with_added(&id(1), &Relation::new(DependsOn, id(4), Some("why"), &author, "now".to_owned()));
    let added = "    {\n      \"ticket_id\": \"20260101-000000-001\",\n      \"kind\": \"depends_on\",\n      \"target\": \"20260101-000000-004\",\n      \"note\": \"why\",\n      \"author\": \"me\",\n      \"at\": \"now\"\n    }";
    assert_eq!(more, text.replace("    }\n  ]", &format!("    }},\n{added}\n  ]")));
    let less = read(&more).without(|relation| relation.kind == DependsOn).unwrap();
    assert_eq!(less, text);
    let first = read(&text).without(|relation| relation.target == id(2)).unwrap();
    assert_eq!(first, text.replace(&format!("{},\n    ", entry("20260101-000000-002")), ""));
    let none = read(&text).without(|_| true).unwrap();
    assert_eq!(none, "{\n  \"version\": 1,\n  \"relations\": [],\n  \"more\": 1\n}\n");
    let again = read(&none).with_added(&id(1), &Relation::new(Related, id(2), None, &author, "now".to_owned()));
    assert_eq!(read(&again).iter().count(), 1);
    assert!(again.ends_with("    }\n  ],\n  \"more\": 1\n}\n"), "{again}");
    assert_eq!(read(&text).without(|relation| relation.target == id(9)), None);
}

#[test]
fn an_entry_that_is_not_understood_hides_no_other_and_stays() {
    let text = "{\"version\": 1, \"relations\": [{\"kind\": \"eats\", \"target\": \"20260101-000000-002\"}, 7, {\"kind\": \"blocks\", \"target\": \"20260101-000000-002\"}, {\"kind\": \"blocks\", \"target\": \"x\"}]}";
    let relations = Relations::parse(text.to_owned(), Path::new("f")).unwrap();
    assert_eq!(relations.iter().count(), 1);
    let odd: Vec<String> = relations.oddities(&id(1)).into_iter().map(|(_, why)| why).collect();
    assert_eq!(odd.len(), 3, "{odd:?}");
    let less = relations.without(|_| true).unwrap();
    assert_eq!(less, text.replace(", {\"kind\": \"blocks\", \"target\": \"20260101-000000-002\"}", ""));
}

#[test]
fn what_is_no_list_of_relations_is_refused_with_its_line() {
    for (text, line) in [
        ("", 1),
        ("[]", 1),
        ("{\n  \"version\": 1\n}", 3),
        ("{\"version\": 2, \"relations\": []}", 1),
        ("{\n\"version\": 1, \"relations\":\n {} }", 3),
        ("{\"version\": 1, \"relations\": []} x", 1),
    ] {
        let error = Relations::parse(text.to_owned(), Path::new("f")).unwrap_err();
        assert_eq!(error.place.line, line, "{text:?}: {error}");
    }
}

/// Notes made of what the format itself is made of.
fn hostile_note() -> impl Strategy<Value = String> {
    let pieces = vec!["\"", "\\", "]", "}", "},{", "\n", "\r\n", "[", "\u{2028}", "é", "\"relations\": []", " "];
    prop::collection::vec(prop::sample::select(pieces), 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn whatever_goes_the_others_keep_their_bytes(
        notes in prop::collection::vec((0_u32..9, hostile_note()), 1..9),
        goes in prop::collection::vec(any::<bool>(), 9),
        crlf: bool,
    ) {
        let author = Author::person("me").unwrap();
        let mut text = if crlf { "{\r\n\t\"version\": 1,\r\n\t\"relations\": []\r\n}" } else { "" }.to_owned();
        let read = |text: &str| match text {
            "" => Relations::default(),
            text => Relations::parse(text.to_owned(), Path::new("f")).unwrap(),
        };
        let mut all = Vec::new();
        for (target, note) in &notes {
            let relation = Relation::new(Related, id(*target), Some(note), &author, "now".to_owned());
            text = read(&text).with_added(&id(100), &relation);
            all.push(relation);
        }
        let before = read(&text);
        prop_assert_eq!(before.iter().cloned().collect::<Vec<_>>(), all.clone());
        let gone = |relation: &Relation| goes[relation.target.as_str().bytes().last().unwrap() as usize % 9];
        let kept: Vec<Relation> = all.iter().filter(|relation| !gone(relation)).cloned().collect();
        let after = before.without(gone);
        prop_assert_eq!(after.is_none(), kept.len() == all.len());
        let after = after.unwrap_or(text);
        prop_assert_eq!(read(&after).iter().cloned().collect::<Vec<_>>(), kept);
        if crlf {
            prop_assert!(!after.replace("\r\n", "").contains('\n'));
        }
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,40}|\\{\"version\": 1, \"relations\": (\\[|\\]|\\{|\\}|,|\"|:|1){0,20}\\}") {
        let _ = Relations::parse(text, Path::new("f"));
    }
}
