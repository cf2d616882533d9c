//! The connection to the Pod: several requests at once, each answered under its id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;

use crate::pod::protocol::{LineBuffer, MAX_LINE, Message, Method, Request};

/// Above every id that was used on this connection before.
const FIRST_ID: u64 = 1 << 16;

/// Says why a request has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unanswered {
    /// It has this many bytes, more than [`MAX_LINE`], and was not sent.
    TooLong(usize),
    /// The Pod has gone; a request that was sent may have been carried out.
    Gone,
}

/// The requests that wait for an answer.
struct Waiting {
    next: u64,
    /// `None` once the Pod has gone.
    open: Option<HashMap<u64, oneshot::Sender<Message>>>,
}

/// A connection to a Pod.
#[derive(Clone)]
pub(super) struct Link {
    /// Held while a line is written, so that lines do not mix.
    writing: Arc<tokio::sync::Mutex<OwnedWriteHalf>>,
    waiting: Arc<Mutex<Waiting>>,
}

impl Link {
    pub(super) fn new(writing: OwnedWriteHalf) -> Self {
        let waiting = Waiting { next: FIRST_ID, open: Some(HashMap::new()) };
        Self { writing: Arc::new(tokio::sync::Mutex::new(writing)), waiting: Arc::new(Mutex::new(waiting)) }
    }

    /// Sends a request and waits for its answer, however long that takes.
    pub(super) async fn ask(&self, method: &Method) -> Result<Message, Unanswered> {
        let (sender, answer) = oneshot::channel();
        let id = {
            let mut waiting = self.waiting();
            let id = waiting.next;
            waiting.next += 1;
            waiting.open.as_mut().ok_or(Unanswered::Gone)?.insert(id, sender);
            id
        };
        let line = Request::new(method, Some(id.into())).to_line();
        if line.len() > MAX_LINE {
            self.forget(id);
            return Err(Unanswered::TooLong(line.len()));
        }
        if self.writing.lock().await.write_all(&line).await.is_err() {
            self.forget(id);
            return Err(Unanswered::Gone);
        }
        drop(line);
        answer.await.map_err(|_| Unanswered::Gone)
    }

    /// Hands out answers until the Pod has gone; then nobody waits any more.
    pub(super) fn hear(&self, reading: OwnedReadHalf, lines: LineBuffer) -> impl Future<Output = ()> + use<> {
        let link = self.clone();
        async move {
            link.read(reading, lines).await;
            link.waiting().open = None;
        }
    }

    /// Reads until the connection ends, or holds a line that is too long: nothing after it can be trusted.
    async fn read(&self, mut reading: OwnedReadHalf, mut lines: LineBuffer) {
        let mut piece = vec![0; 64 << 10];
        loop {
            loop {
                match lines.next_line() {
                    Ok(Some(line)) => self.take(&line),
                    Ok(None) => break,
                    Err(_) => return,
                }
            }
            match reading.read(&mut piece).await {
                Ok(0) | Err(_) => return,
                Ok(length) => lines.push(&piece[..length]),
            }
        }
    }

    /// Hands a message to who waits for it; one that answers nobody is not looked at any further.
    fn take(&self, line: &[u8]) {
        #[derive(Deserialize)]
        struct Addressed {
            id: Option<u64>,
        }
        let Ok(Addressed { id: Some(id) }) = serde_json::from_slice(line) else { return };
        let asked = self.waiting().open.as_mut().and_then(|open| open.remove(&id));
        if let (Some(asked), Ok(message)) = (asked, Message::parse(line)) {
            // Who asked may have gone.
            let _ = asked.send(message);
        }
    }

    fn forget(&self, id: u64) {
        if let Some(open) = &mut self.waiting().open {
            open.remove(&id);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
