//! The lines between the Pod and an agent program, one message each.
//!
//! Only what can be a message is handed on: agents print other things to their standard output, too. Nothing is read
//! ahead of what is handled, and nothing while many requests of the agent wait for their answers, to be made or to be
//! read by it: an agent that is faster than its Pod is slowed down by its full pipe.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{Sink, Stream, sink, stream};
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::sync::Notify;

/// The longest line, in bytes.
const MAX_LINE: usize = 16 << 20;
/// How many requests of the agent may wait for their answers before no more is read.
const MAX_UNANSWERED: usize = 16;
/// How much is read at a time, in bytes.
const BUFFER: usize = 32 << 10;

/// What every message has.
#[derive(Deserialize)]
struct Shape {
    id: Option<IgnoredAny>,
    method: Option<IgnoredAny>,
}

impl Shape {
    fn of(line: &str) -> Option<Self> {
        // Braces: serde would take an array for it, too.
        let shape: Self = serde_json::from_str(line).ok().filter(|_| line.trim_start().starts_with('{'))?;
        (shape.id.is_some() || shape.method.is_some()).then_some(shape)
    }
}

/// The requests of the agent that have not been answered in full.
#[derive(Default)]
struct Unanswered {
    count: Mutex<usize>,
    fewer: Notify,
}

impl Unanswered {
    fn change(&self, change: impl FnOnce(usize) -> usize) {
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = change(*count);
        self.fewer.notify_one();
    }

    async fn wait_for_room(&self) {
        while *self.count.lock().unwrap_or_else(PoisonError::into_inner) >= MAX_UNANSWERED {
            self.fewer.notified().await;
        }
    }
}

/// Makes lines of a program's two pipes: those to it, and those from it that can be messages; the others go to `stray`.
pub(super) fn between<W, R>(
    to: W,
    from: R,
    stray: impl FnMut(&[u8]) + Send + 'static,
) -> (impl Sink<String, Error = io::Error> + Send, impl Stream<Item = io::Result<String>> + Send)
where
    W: AsyncWrite + Unpin + Send,
    R: AsyncRead + Unpin + Send,
{
    let unanswered = Arc::new(Unanswered::default());
    let answered = Arc::clone(&unanswered);
    let outgoing = sink::unfold((to, answered), async |(mut to, answered), mut line: String| {
        let answers = Shape::of(&line).is_some_and(|shape| shape.method.is_none());
        line.push('\n');
        to.write_all(line.as_bytes()).await?;
        if answers {
            answered.change(|count| count.saturating_sub(1));
        }
        Ok((to, answered))
    });
    let from = BufReader::with_capacity(BUFFER, from);
    let incoming = stream::unfold(Some((from, stray)), move |reader| {
        let unanswered = Arc::clone(&unanswered);
        async move {
            let (mut from, mut stray) = reader?;
            match next_message(&mut from, &mut stray, &unanswered).await {
                Ok(Some(line)) => Some((Ok(line), Some((from, stray)))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    (outgoing, incoming)
}

async fn next_message(
    from: &mut (impl AsyncBufRead + Unpin),
    stray: &mut impl FnMut(&[u8]),
    unanswered: &Unanswered,
) -> io::Result<Option<String>> {
    loop {
        // What was read before is handled meanwhile.
        tokio::task::yield_now().await;
        unanswered.wait_for_room().await;
        let Some(line) = next_line(from).await? else { return Ok(None) };
        let text = String::from_utf8_lossy(&line);
        match Shape::of(&text) {
            Some(shape) => {
                if shape.id.is_some() && shape.method.is_some() {
                    unanswered.change(|count| count + 1);
                }
                return Ok(Some(text.into_owned()));
            }
            None if text.trim().is_empty() => {}
            None => stray(&line),
        }
    }
}

/// Reads a line, without its newline; `None` at the end.
async fn next_line(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    loop {
        let read = from.fill_buf().await?;
        if read.is_empty() {
            return Ok((!line.is_empty()).then_some(line));
        }
        let end = read.iter().position(|byte| *byte == b'\n');
        line.extend_from_slice(&read[..end.unwrap_or(read.len())]);
        let taken = end.map_or(read.len(), |end| end + 1);
        from.consume(taken);
        if line.len() > MAX_LINE {
            return Err(io::Error::other("it sent a line of more than 16 MiB"));
        }
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}
