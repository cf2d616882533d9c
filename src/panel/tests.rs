//! The panel without a terminal: what is known piece by piece, and what is seen of it.

use std::collections::BTreeMap;

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use proptest::prelude::*;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::cli::Paint;
use crate::domain::{
    Claim, ClaimStatus, NewPod, OptionKind, Origin, PodId, PodName, PodPhase, PodRecord, Record as _, Role, Segment,
    TicketId, Timestamp, ToolKind,
};
use crate::launch::{PodStatus, PodView};
use crate::pod::protocol::{Event, PermissionOption, PermissionRequest, PermissionSubject, Snapshot};
use crate::registry::{Change, ClaimView};
use crate::ticket::{State, Summary};

fn now() -> Timestamp {
    "2026-06-07T22:02:25Z".parse().unwrap()
}

fn summary(id: &str, title: &str, state: State) -> Summary {
    Summary {
        id: TicketId::new(id).unwrap(),
        title: title.to_owned(),
        state,
        created_at: None,
        updated_at: Some("2026-06-07T20:00:00Z".to_owned()),
        priority: None,
        assignee: None,
        labels: Vec::new(),
    }
}

fn ticket(id: &str, title: &str, state: State) -> TicketSeen {
    TicketSeen { summary: Ok(summary(id, title, state)), question: None }
}

fn claim(ticket: &str, pod: &str, completed: bool) -> Claim {
    let completed = if completed { "completed_at = 2026-06-07T22:00:00Z\n" } else { "" };
    let text = format!(
        "version = 1\nticket = \"{ticket}\"\npod = \"{pod}\"\nrole = \"intake\"\ngeneration = 1\n\
         nonce = \"000102030405060708090a0b0c0d0e0f\"\naccepted_at = 2026-06-07T21:02:25Z\nevidence = \"user_message\"\n\
         {completed}[written_by]\npid = 1\nhost = \"h\"\nboot = \"b\"\n"
    );
    Claim::parse(text.as_bytes()).unwrap()
}

fn held(ticket: &str, pod: &str, status: ClaimStatus) -> ClaimView {
    let claim = (status != ClaimStatus::Launching).then(|| claim(ticket, pod, false));
    ClaimView { ticket: ticket.to_owned(), claim, status, reason: format!("evidence of {ticket}") }
}

fn pod(name: &str, role: Role, status: PodStatus) -> PodView {
    let record = PodRecord::new(NewPod {
        pod: PodName::new(name).unwrap(),
        pod_id: PodId::from_bytes([7; 16]),
        role,
        origin: Origin::RoleLaunch,
        ticket: None,
        nonce: None,
        workspace: "/w".into(),
        directory: "/w".into(),
        profile: "builtin:checklist".to_owned(),
        workflow: None,
        launch_prompt: None,
        created_at: "2026-06-07T21:32:25Z".parse().unwrap(),
    });
    let reason = format!("evidence of {name}");
    PodView { pod: name.to_owned(), role: Some(role), status, reason, record: Some(record), permissions: None }
}

fn of<T>(all: impl IntoIterator<Item = (&'static str, T)>) -> BTreeMap<String, T> {
    all.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A panel that has read these.
fn model(
    tickets: BTreeMap<String, TicketSeen>,
    claims: BTreeMap<String, ClaimView>,
    pods: BTreeMap<String, PodView>,
) -> Model {
    let mut model = Model::new("work".to_owned(), (100, 24), now());
    model.update(Action::Changed(vec![Change::Everything]));
    model.update(Action::TicketsChanged(vec![crate::ticket::TicketChange::Everything]));
    let read = [
        (Lane::Tickets, Piece::Tickets(tickets), 1),
        (Lane::Claims, Piece::Claims(claims), 2),
        (Lane::Pods, Piece::Pods(pods), 1),
    ];
    for (lane, piece, served) in read {
        model.update(Action::Read { lane, pieces: vec![piece], served, why: None });
    }
    assert!(model.is_ready());
    model
}

fn press(model: &mut Model, keys: &str) -> Vec<Effect> {
    let key = |c| match c {
        '\n' => KeyCode::Enter,
        '\x1b' => KeyCode::Esc,
        c => KeyCode::Char(c),
    };
    let press = |c| Action::Input(Input::Key(KeyEvent::new(key(c), KeyModifiers::NONE)));
    keys.chars()
        .flat_map(|c| model.update(press(c)))
        .filter(|effect| !matches!(effect, Effect::Ask(Ask::Detail(..))))
        .collect()
}

fn seen(model: &Model) -> String {
    let (width, height) = model.size();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(model, Paint::Plain, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| {
        // Behind a character that is two cells wide stands one that is not seen.
        let mut x = 0;
        let mut text = String::new();
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            text.push_str(symbol);
            x += unicode_width::UnicodeWidthStr::width(symbol).max(1) as u16;
        }
        text.trim_end().to_owned()
    };
    (0..height).map(row).collect::<Vec<_>>().join("\n")
}

fn names(model: &Model) -> Vec<String> {
    let name = |line: &Line| line.ticket.clone().or_else(|| line.pod.clone()).unwrap();
    model.list().all_shown().map(name).collect()
}

const A: &str = "00001KTJ1QJBA";
const B: &str = "00001KTJ1QJBB";
const C: &str = "00001KTJ1QJBC";
const D: &str = "00001KTJ1QJBD";
const E: &str = "00001KTJ1QJBE";

/// A bit of everything.
fn busy() -> Model {
    let unreadable = TicketSeen { summary: Err("item.md:1: this file is missing".to_owned()), question: None };
    let tickets = of([
        (A, ticket(A, "日本語のとても長い題で、幅が二つ分の字が並ぶ", State::Planning)),
        (B, TicketSeen { question: Some("How large are they?".to_owned()), ..ticket(B, "Asks", State::Planning) }),
        (C, ticket(C, "Waits", State::Ready)),
        (D, ticket(D, "Done with", State::Closed)),
        (E, unreadable),
    ]);
    let claims = of([
        (A, held(A, "intake-a", ClaimStatus::Live)),
        ("PROJ-1", held("PROJ-1", "gone", ClaimStatus::Stale)),
        ("PROJ-2", ClaimView { claim: None, ..held("PROJ-2", "x", ClaimStatus::Unknown) }),
    ]);
    let mut a = pod("intake-a", Role::Intake, PodStatus::Phase(PodPhase::Running));
    a.record.as_mut().unwrap().created_at = now();
    let mut held_a = claims;
    held_a.get_mut(A).unwrap().claim.as_mut().unwrap().pod_id = Some(PodId::from_bytes([7; 16]));
    let pods = of([
        ("intake-a", a),
        ("boss", pod("boss", Role::Orchestrator, PodStatus::Phase(PodPhase::Idle))),
        ("friend", pod("friend", Role::Companion, PodStatus::Phase(PodPhase::Idle))),
    ]);
    model(tickets, held_a, pods)
}

#[test]
fn rows_stand_in_the_order_in_which_they_need_somebody() {
    let mut model = busy();
    assert_eq!(names(&model), [B, "PROJ-2", "PROJ-1", E, A, "boss", "friend", C]);
    press(&mut model, "c");
    assert_eq!(names(&model).last().unwrap(), D, "a closed ticket is shown when asked for");
    model.update(Action::Input(Input::Resize(120, 16)));
    insta::assert_snapshot!(seen(&model));
}

#[test]
fn an_intake_pod_without_a_claim_is_shown_with_the_ticket_that_it_is_named_after() {
    let tickets = || of([(A, ticket(A, "One", State::Planning)), (B, ticket(B, "Two", State::Planning))]);
    let name = "intake-00001KTJ1QJBA";
    let other = "ticket-00001KTJ1QJBA-2";
    let pods = || {
        of([
            (name, pod(name, Role::Intake, PodStatus::Restorable)),
            (other, pod(other, Role::Intake, PodStatus::Phase(PodPhase::Idle))),
        ])
    };
    let free = model(tickets(), BTreeMap::new(), pods());
    assert_eq!(names(&free), [A, B, name], "one is shown with it, the other by itself");
    let line = free.list().line(&RowId::Ticket(A.to_owned())).unwrap();
    assert_eq!((line.pod.as_deref(), line.status.as_str()), (Some(other), "live, idle, no claim"));
    // Once somebody has the claim, both stand by themselves; but for the one that has it.
    let claimed = model(tickets(), of([(A, held(A, "coder-x", ClaimStatus::Stale))]), pods());
    assert_eq!(names(&claimed), [A, other, B, name]);
    let claimed = model(tickets(), of([(A, held(A, name, ClaimStatus::Restorable))]), pods());
    assert_eq!(names(&claimed), [A, other, B]);
    // A ticket that is not there is no home.
    let homeless = model(BTreeMap::new(), BTreeMap::new(), pods());
    assert_eq!(names(&homeless), [other, name]);
}

#[test]
fn an_event_means_to_read_this_again_and_nothing_else() {
    let mut model = busy();
    let mut asked = |change| -> Vec<Ask> {
        let effects = model.update(Action::Changed(vec![change]));
        effects.into_iter().filter_map(|effect| if let Effect::Ask(ask) = effect { Some(ask) } else { None }).collect()
    };
    assert_eq!(asked(Change::Claim(C.to_owned())), [Ask::Claim(C.to_owned())]);
    assert_eq!(asked(Change::TicketLock(C.to_owned())), [Ask::Claim(C.to_owned())]);
    let of_pod = [Ask::Claim(A.to_owned()), Ask::Pod("intake-a".to_owned())];
    assert_eq!(asked(Change::PodLock("intake-a".to_owned())), of_pod);
    assert_eq!(asked(Change::Everything), [Ask::Claims, Ask::Pods, Ask::Journal]);
    let effects =
        model.update(Action::TicketsChanged(vec![crate::ticket::TicketChange::Ticket(TicketId::new(C).unwrap())]));
    assert_eq!(effects, [Effect::Ask(Ask::Ticket(TicketId::new(C).unwrap()))]);
}

#[test]
fn a_screen_that_was_read_once_does_not_say_again_that_it_is_being_read() {
    let mut model = busy();
    let before = seen(&model);
    model.update(Action::Changed(vec![Change::Everything, Change::Claim(C.to_owned())]));
    assert_eq!(seen(&model), before);
}

#[test]
fn a_pod_that_changes_while_claims_are_read_has_its_claims_read_once_more() {
    let mut model = model(of([(A, ticket(A, "One", State::Planning))]), BTreeMap::new(), BTreeMap::new());
    assert_eq!(
        model.update(Action::Changed(vec![Change::Claim(A.to_owned())])),
        [Effect::Ask(Ask::Claim(A.to_owned()))]
    );
    // It dies before it is known that it has the claim.
    model.update(Action::Changed(vec![Change::PodLock("intake-a".to_owned())]));
    let pieces = vec![Piece::Claim(A.to_owned(), Some(held(A, "intake-a", ClaimStatus::Live)))];
    let effects = model.update(Action::Read { lane: Lane::Claims, pieces, served: 1, why: None });
    assert!(effects.contains(&Effect::Ask(Ask::Claim(A.to_owned()))), "{effects:?}");
}

#[test]
fn what_a_pod_says_itself_is_newer_than_what_was_read_of_it() {
    let mut model = busy();
    let status = |model: &Model| model.list().line(&RowId::Ticket(A.to_owned())).unwrap().status.clone();
    let heard = |event| Action::Heard { key: "intake-a".to_owned(), heard: Heard::Event(Box::new(event)), at: now() };
    assert_eq!(status(&model), "live, running");
    model.update(heard(Event::TurnStart {}));
    let idle = pod("intake-a", Role::Intake, PodStatus::Phase(PodPhase::Idle));
    let pieces = vec![Piece::Pod("intake-a".to_owned(), Some(idle))];
    model.update(Action::Read { lane: Lane::Pods, pieces, served: 1, why: None });
    assert_eq!(status(&model), "live, running");
    model.update(heard(Event::PermissionRequest(asked())));
    assert_eq!(status(&model), "live, running, asks");
    assert_eq!(names(&model)[0], A, "who waits for an answer is first");
    let gone = pod("intake-a", Role::Intake, PodStatus::Restorable);
    let pieces = vec![Piece::Pod("intake-a".to_owned(), Some(gone))];
    model.update(Action::Read { lane: Lane::Pods, pieces, served: 1, why: None });
    let pieces = vec![Piece::Claim(A.to_owned(), Some(held(A, "intake-a", ClaimStatus::Restorable)))];
    model.update(Action::Read { lane: Lane::Claims, pieces, served: 1, why: None });
    assert_eq!(status(&model), "stopped, restorable");
}

fn asked() -> PermissionRequest {
    let option = |id: &str, kind| PermissionOption { id: id.into(), name: id.into(), kind };
    PermissionRequest {
        request: 3,
        about: PermissionSubject {
            title: "Run a script".into(),
            kind: ToolKind::Execute,
            arguments: serde_json::json!({ "command": "rm -r build" }),
            options: vec![option("ok", OptionKind::AllowOnce), option("no", OptionKind::RejectOnce)],
        },
    }
}

#[test]
fn a_request_for_permission_is_shown_in_full_and_that_one_is_answered() {
    let mut model = busy();
    let event = Heard::Event(Box::new(Event::PermissionRequest(asked())));
    model.update(Action::Heard { key: "intake-a".to_owned(), heard: event, at: now() });
    press(&mut model, "ga");
    let text = seen(&model);
    assert!(text.contains("Pod intake-a asks") && text.contains("command: rm -r build"), "{text}");
    // Another one comes meanwhile: what was seen is answered, and nothing else.
    let other = Heard::Event(Box::new(Event::PermissionRequest(PermissionRequest { request: 4, ..asked() })));
    model.update(Action::Heard { key: "intake-a".to_owned(), heard: other, at: now() });
    let effects = press(&mut model, "zy");
    let [Effect::Begin(_, Deed::Answer { asked: answered, .. })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(**answered, asked());
}

#[test]
fn nothing_is_launched_or_stopped_before_it_is_asked_for() {
    let mut model = busy();
    assert_eq!(press(&mut model, "nsomething\x1b"), [], "what is typed and not sent is kept");
    assert_eq!(press(&mut model, "n\x1b"), []);
    let effects = press(&mut model, "n\n");
    let [Effect::Begin(job, Deed::Launch { message, .. })] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(message.as_deref(), Some("something"));
    model.update(Action::Job(*job, News::Failed(vec!["it failed".to_owned(), "hint: mend it".to_owned()])));
    assert!(seen(&model).contains("x it failed\n  hint: mend it\n  Esc takes this off"), "{}", seen(&model));
    press(&mut model, "jk");
    assert!(seen(&model).contains("x it failed"), "it stays until it is dismissed");
    let effects = press(&mut model, "\x1bn\n");
    let [Effect::Begin(job, _)] = &effects[..] else { panic!("the draft has survived: {effects:?}") };
    assert!(!seen(&model).contains("it failed"));
    model.update(Action::Job(*job, News::Done("Pod intake-new runs".to_owned())));
    assert_eq!(press(&mut model, "n\n"), [], "it has come to something");
    press(&mut model, "\x1b");
    model.update(Action::Input(Input::Resize(100, 24)));
    // Stopping asks first.
    press(&mut model, "/intake-a\n");
    assert_eq!(press(&mut model, "xn"), []);
    assert!(
        matches!(&press(&mut model, "xy")[..], [Effect::Begin(_, Deed::Stop(seen))] if seen.pod.as_str() == "intake-a")
    );
}

#[test]
fn a_launch_that_failed_is_told_until_it_is_dismissed_or_another_comes() {
    let failed = |at: &str| Piece::Failures(of([(C, FailedLaunch { at: at.to_owned(), why: "it failed".to_owned() })]));
    let read = |piece| Action::Read { lane: Lane::Claims, pieces: vec![piece], served: 0, why: None };
    let mut model = busy();
    model.update(read(failed("1")));
    let line = |model: &Model| model.list().line(&RowId::Ticket(C.to_owned())).unwrap().clone();
    assert_eq!((line(&model).need, line(&model).reason.as_deref()), (Some(Need::LaunchFailed), Some("it failed")));
    press(&mut model, "/waits\n");
    press(&mut model, "\x1b");
    assert_eq!(line(&model).need, Some(Need::LaunchFailed), "the filter goes first");
    press(&mut model, "\x1b");
    assert_eq!(line(&model).need, None);
    model.update(read(failed("1")));
    assert_eq!(line(&model).need, None);
    model.update(read(failed("2")));
    assert_eq!(line(&model).need, Some(Need::LaunchFailed));
}

#[test]
fn ctrl_c_leaves_a_question_first_and_then_the_panel() {
    let ctrl_c = || Action::Input(Input::Key(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    for keys in ["?", "n", "l", "/x", "/intake-a\nx"] {
        let mut model = busy();
        press(&mut model, keys);
        assert!(!model.update(ctrl_c()).contains(&Effect::Quit), "{keys}");
        assert_eq!(model.update(ctrl_c()), [Effect::Quit], "{keys}");
    }
}

#[test]
fn a_companion_is_read_and_never_written_to() {
    let mut model = busy();
    let snapshot = Snapshot {
        pod: PodName::new("friend").unwrap(),
        role: Role::Companion,
        status: PodPhase::Idle,
        greeting: "I am here".to_owned(),
        ticket: None,
        probation: false,
        permissions: Vec::new(),
        agent: None,
        history: Vec::new(),
        truncated: false,
        written: None,
    };
    let heard = Heard::Snapshot(Box::new(snapshot));
    model.update(Action::Heard { key: "friend".to_owned(), heard, at: now() });
    assert!(seen(&model).lines().next().unwrap().ends_with("orchestrator: idle  companion: idle"), "{}", seen(&model));
    press(&mut model, "/companion\n");
    press(&mut model, "\n");
    assert!(seen(&model).contains("I am here"), "{}", seen(&model));
    assert_eq!(press(&mut model, "ihello\n"), []);
    press(&mut model, "i");
    assert!(seen(&model).contains("its life cycle is not part of this program"), "{}", seen(&model));
}

#[test]
fn a_turn_is_typed_in_the_conversation_and_never_in_the_list() {
    let mut model = busy();
    let said = |text: &str| {
        let event = Event::UserMessage { input: vec![Segment::text(text)] };
        Action::Heard { key: "boss".to_owned(), heard: Heard::Event(Box::new(event)), at: now() }
    };
    for n in 0..50 {
        model.update(said(&format!("message {n}")));
    }
    press(&mut model, "/boss\n");
    press(&mut model, "\n");
    assert!(seen(&model).contains("message 49"));
    press(&mut model, "g");
    let before = seen(&model);
    assert!(before.contains("message 0\n"), "{before}");
    model.update(said("message 50"));
    let rows = |text: &str| text.lines().skip(1).map(ToOwned::to_owned).collect::<Vec<_>>();
    assert_eq!(rows(&seen(&model)), rows(&before), "what is read stays in its place");
    press(&mut model, "/message 25\n");
    assert!(seen(&model).contains("message 25\n"), "{}", seen(&model));
    let effects = press(&mut model, "Gihello\n");
    assert!(matches!(&effects[..], [Effect::Begin(_, Deed::Send { text, .. })] if text == "hello"), "{effects:?}");
    press(&mut model, "\x1b");
    assert!(seen(&model).contains("TICKET"));
}

#[test]
fn every_screen_can_be_drawn_at_every_size() {
    let modes = ["", "?", "n", "l", "/x", "gx", "ga"];
    for (width, height) in [(1, 1), (5, 2), (10, 3), (40, 12), (80, 24), (131, 19), (200, 60)] {
        for keys in modes {
            let mut model = busy();
            model.update(Action::Input(Input::Resize(width, height)));
            let event = Heard::Event(Box::new(Event::PermissionRequest(asked())));
            model.update(Action::Heard { key: "intake-a".to_owned(), heard: event, at: now() });
            model.update(Action::Blind("changes are not seen any more".to_owned()));
            press(&mut model, keys);
            let text = seen(&model);
            assert_eq!(text.lines().count(), usize::from(height), "{width}×{height} {keys:?}");
        }
    }
}

/// Keys of tickets and Pods that have to do with each other by their claims and their names.
const TICKETS: [&str; 4] = [A, B, C, "PROJ-1"];
const PODS: [&str; 5] =
    ["intake-00001KTJ1QJBA", "ticket-00001KTJ1QJBA-x", "intake-00001KTJ1QJBB-2", "coder", "intake-00001KTJ1QJBC"];

fn any_ticket() -> impl Strategy<Value = TicketSeen> {
    (0..State::ALL.len(), any::<bool>(), any::<bool>()).prop_map(|(state, is_good, asks)| TicketSeen {
        summary: if is_good { Ok(summary(A, "Title", State::ALL[state])) } else { Err("bad".to_owned()) },
        question: asks.then(|| "What?".to_owned()),
    })
}

fn any_claim() -> impl Strategy<Value = ClaimView> {
    (0..PODS.len(), 0..ClaimStatus::ALL.len(), any::<bool>()).prop_map(|(pod, status, completed)| {
        let status = ClaimStatus::ALL[status];
        let has_claim = !matches!(status, ClaimStatus::Launching | ClaimStatus::Unknown);
        let mut claim = claim(A, PODS[pod], completed);
        claim.pod_id = completed.then(|| PodId::from_bytes([7; 16]));
        ClaimView { ticket: "T".to_owned(), claim: has_claim.then_some(claim), status, reason: "why".to_owned() }
    })
}

fn any_pod() -> impl Strategy<Value = (usize, PodView)> {
    let statuses = [PodStatus::Phase(PodPhase::Idle), PodStatus::Launching, PodStatus::Restorable, PodStatus::Unknown];
    (0..PODS.len(), 0..statuses.len())
        .prop_map(move |(name, status)| (name, pod(PODS[name], Role::Intake, statuses[status])))
}

fn any_piece() -> impl Strategy<Value = Piece> {
    let ticket = || (0..TICKETS.len()).prop_map(|at| TICKETS[at].to_owned());
    prop_oneof![
        (ticket(), proptest::option::of(any_ticket())).prop_map(|(key, seen)| Piece::Ticket(key, seen)),
        (ticket(), proptest::option::of(any_claim())).prop_map(|(key, view)| Piece::Claim(key, view)),
        (any_pod(), any::<bool>())
            .prop_map(|((at, view), is_there)| Piece::Pod(PODS[at].to_owned(), is_there.then_some(view))),
        proptest::collection::btree_map(ticket(), any_ticket(), 0..4).prop_map(Piece::Tickets),
        proptest::collection::btree_map(ticket(), any_claim(), 0..4).prop_map(Piece::Claims),
        proptest::collection::vec(any_pod(), 0..4)
            .prop_map(|pods| Piece::Pods(pods.into_iter().map(|(at, view)| (PODS[at].to_owned(), view)).collect())),
        proptest::collection::btree_map(ticket(), Just(FailedLaunch { at: "1".into(), why: "it failed".into() }), 0..3)
            .prop_map(Piece::Failures),
    ]
}

/// What there is on disk, which pieces are read from.
#[derive(Default)]
struct World {
    tickets: BTreeMap<String, TicketSeen>,
    claims: BTreeMap<String, ClaimView>,
    pods: BTreeMap<String, PodView>,
    failures: BTreeMap<String, FailedLaunch>,
}

impl World {
    fn change(&mut self, piece: Piece) {
        fn put<T>(map: &mut BTreeMap<String, T>, key: String, value: Option<T>) {
            match value {
                Some(value) => drop(map.insert(key, value)),
                None => drop(map.remove(&key)),
            }
        }
        match piece {
            Piece::Tickets(tickets) => self.tickets = tickets,
            Piece::Claims(claims) => self.claims = claims,
            Piece::Pods(pods) => self.pods = pods,
            Piece::Failures(failures) => self.failures = failures,
            Piece::Ticket(key, seen) => put(&mut self.tickets, key, seen),
            Piece::Claim(key, view) => put(&mut self.claims, key, view),
            Piece::Pod(key, view) => put(&mut self.pods, key, view),
        }
    }

    /// All of it, read at once.
    fn pieces(self) -> [Piece; 4] {
        [
            Piece::Tickets(self.tickets),
            Piece::Claims(self.claims),
            Piece::Pods(self.pods),
            Piece::Failures(self.failures),
        ]
    }
}

proptest! {
    #[test]
    fn after_any_changes_the_rows_are_those_of_one_reading_of_everything(
        pieces in proptest::collection::vec(any_piece(), 0..40),
        sort in 0..4usize,
        word in prop_oneof![Just(""), Just("ready"), Just("intake")],
    ) {
        let (mut known, mut list, mut world) = (Known::default(), List::default(), World::default());
        (0..sort).for_each(|_| list.set_sort(list.sort().next()));
        list.set_filter(word);
        list.resize(3);
        for piece in pieces {
            world.change(piece.clone());
            let touched = known.take(piece);
            list.refresh(&known, &touched);
            prop_assert_eq!(list.selected().is_some(), !list.is_empty());
            prop_assert!(list.top() <= list.place() && list.place() < list.top() + 3);
        }
        let mut fresh = Known::default();
        world.pieces().into_iter().for_each(|piece| drop(fresh.take(piece)));
        let mut anew = List::default();
        anew.set_sort(list.sort());
        anew.set_filter(word);
        anew.refresh(&fresh, &Touched::All);
        prop_assert_eq!(&known, &fresh);
        prop_assert_eq!(list.all_shown().collect::<Vec<_>>(), anew.all_shown().collect::<Vec<_>>());
        prop_assert_eq!(Group::ALL.map(|group| list.count(group)), Group::ALL.map(|group| anew.count(group)));
        prop_assert_eq!(list.id_width(), anew.id_width());
    }
}
