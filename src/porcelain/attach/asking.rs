//! Which request for permission a person at a terminal is asked about, and what a typed line means.
//!
//! One is shown at a time, the oldest first, and a line answers that one and no other: not the next, which may come up
//! while somebody types, and none that was closed meanwhile. A person must never grant what they have not seen.

use std::collections::VecDeque;

use crate::pod::protocol::{PermissionOption, PermissionRequest};
use crate::porcelain::conversation::{is_answer, keys, meant};

/// The requests that wait, and what is known of the answers.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// Those that are open, oldest first.
    open: VecDeque<PermissionRequest>,
    /// The one that was shown with all that it asks.
    shown: Option<u64>,
    /// The one that was answered from here, of which the Pod has not told yet.
    answered: Option<u64>,
    /// The one that was shown, and closed by somebody else since the last line.
    closed: Option<u64>,
}

/// What a typed line means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Typed {
    /// Nothing.
    Nothing,
    /// A turn for the agent.
    Turn(String),
    /// The answer to a request.
    Answer(PermissionRequest, PermissionOption),
    /// Nothing that can be done; the text says why.
    Refused(String),
}

/// Who closed a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ClosedBy {
    /// An answer from here.
    Us,
    /// Something else.
    Other,
}

impl Asking {
    /// A request has come.
    pub(super) fn asked(&mut self, request: PermissionRequest) {
        if !self.open.iter().any(|known| known.request == request.request) {
            self.open.push_back(request);
        }
    }

    /// A request is closed.
    pub(super) fn closed(&mut self, request: u64) -> ClosedBy {
        self.open.retain(|known| known.request != request);
        let was_shown = self.shown.take_if(|shown| *shown == request).is_some();
        if self.answered.take_if(|answered| *answered == request).is_some() {
            return ClosedBy::Us;
        }
        if was_shown {
            self.closed = Some(request);
        }
        ClosedBy::Other
    }

    /// The request that is to be shown now, once.
    pub(super) fn next(&mut self) -> Option<&PermissionRequest> {
        if self.shown.is_some() {
            return None;
        }
        let next = self.open.front()?;
        self.shown = Some(next.request);
        Some(next)
    }

    /// The answer did not get there.
    pub(super) fn not_answered(&mut self) {
        self.answered = None;
    }

    /// What a line means that was typed now.
    pub(super) fn typed(&mut self, line: &str) -> Typed {
        let word = line.trim();
        if word.is_empty() {
            return Typed::Nothing;
        }
        // Typed for what stood there until a moment ago.
        let closed = self.closed.take();
        if let (Some(closed), true) = (closed, is_answer(word)) {
            return Typed::Refused(format!(
                "request {closed} is closed: nothing was sent; type it again if you still mean it"
            ));
        }
        let Some(current) = self.open.iter().find(|request| Some(request.request) == self.shown) else {
            return Typed::Turn(line.to_owned());
        };
        let number = current.request;
        if self.answered == Some(number) {
            return Typed::Refused(format!("request {number} is answered already: nothing was sent"));
        }
        match meant(&current.about, word) {
            Some(option) => {
                self.answered = Some(number);
                Typed::Answer(current.clone(), option.clone())
            }
            None => Typed::Refused(format!(
                "request {number} waits for an answer first: {}; nothing was sent",
                keys(&current.about)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OptionKind, ToolKind};
    use crate::pod::protocol::PermissionSubject;

    fn request(number: u64) -> PermissionRequest {
        let option = |id: &str, kind| PermissionOption { id: id.into(), name: id.into(), kind };
        PermissionRequest {
            request: number,
            about: PermissionSubject {
                title: format!("Do thing {number}"),
                kind: ToolKind::Execute,
                arguments: serde_json::Value::Null,
                options: vec![option("no", OptionKind::RejectOnce), option("ok", OptionKind::AllowOnce)],
            },
        }
    }

    fn asking(numbers: impl IntoIterator<Item = u64>) -> Asking {
        let mut asking = Asking::default();
        numbers.into_iter().for_each(|number| asking.asked(request(number)));
        asking
    }

    fn answer(typed: Typed) -> (u64, String) {
        match typed {
            Typed::Answer(request, option) => (request.request, option.id),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_is_a_turn_while_nothing_is_asked() {
        let mut asking = asking([]);
        assert_eq!(asking.typed("y"), Typed::Turn("y".into()));
        assert_eq!(asking.typed(" \t"), Typed::Nothing);
        // What came and was not shown yet is not what was answered.
        asking.asked(request(1));
        assert_eq!(asking.typed("yes"), Typed::Turn("yes".into()));
    }

    #[test]
    fn keys_words_and_numbers_answer_what_is_shown() {
        for (word, id) in [("y", "ok"), ("Yes", "ok"), (" n ", "no"), ("reject", "no"), ("1", "no"), ("2", "ok")] {
            let mut asking = asking([7]);
            assert_eq!(asking.next().unwrap().request, 7);
            assert_eq!(answer(asking.typed(word)), (7, id.to_owned()), "{word}");
        }
        let mut asking = asking([7]);
        asking.next();
        for word in ["a", "0", "3", "-1", "please do", "yy"] {
            assert!(matches!(asking.typed(word), Typed::Refused(text) if text.contains("n, y, 1 to 2")), "{word}");
        }
        assert_eq!(answer(asking.typed("y")).0, 7);
    }

    #[test]
    fn one_is_shown_at_a_time_and_a_line_answers_no_other() {
        let mut asking = asking([1, 2]);
        assert_eq!(asking.next().map(|request| request.request), Some(1));
        assert_eq!(asking.next(), None);
        assert_eq!(answer(asking.typed("y")).0, 1);
        assert!(matches!(asking.typed("y"), Typed::Refused(_)), "typed twice, it does not answer the next");
        assert_eq!(asking.closed(1), ClosedBy::Us);
        assert_eq!(asking.next().map(|request| request.request), Some(2));
        assert_eq!(answer(asking.typed("n")).0, 2);
    }

    #[test]
    fn an_answer_to_what_somebody_else_answered_meanwhile_goes_nowhere() {
        let mut one = asking([1]);
        one.next();
        assert_eq!(one.closed(1), ClosedBy::Other);
        assert!(matches!(one.typed("y"), Typed::Refused(text) if text.contains("request 1")));
        assert_eq!(one.typed("y"), Typed::Turn("y".into()), "said twice, it is meant");
        let mut two = asking([1, 2]);
        two.next();
        two.closed(1);
        two.next();
        assert!(matches!(two.typed("y"), Typed::Refused(text) if text.contains("request 1")), "not an answer to 2");
        assert_eq!(answer(two.typed("y")).0, 2);
        let mut behind = asking([1, 2]);
        behind.next();
        behind.closed(2);
        assert_eq!(answer(behind.typed("y")).0, 1, "what was not shown was not meant");
        let mut words = asking([1]);
        words.next();
        words.closed(1);
        assert_eq!(words.typed("go on"), Typed::Turn("go on".into()));
    }

    #[test]
    fn an_answer_that_did_not_get_there_can_be_given_again() {
        let mut asking = asking([1]);
        asking.next();
        answer(asking.typed("y"));
        asking.not_answered();
        assert_eq!(answer(asking.typed("n")), (1, "no".into()));
    }
}
