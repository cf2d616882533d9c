//! The connected clients: a thread that reads and a thread that writes for each, and a bounded queue between.
//!
//! A client that does not read is disconnected when its queue is full; it is never waited for.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::time::Duration;

use super::Wake;
use crate::pod::protocol::{LineBuffer, Message};

/// How many clients may be connected.
pub(super) const MAX_CLIENTS: usize = 64;
/// How much may wait to be written to one client, in bytes; several times the longest line.
const MAX_BACKLOG: usize = 4 << 20;
const STACK: usize = 128 << 10;

/// A client; the same number never comes twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ClientId(u64);

/// All clients.
pub(super) struct Clients {
    connected: BTreeMap<ClientId, Client>,
    next: u64,
    flush: u64,
    wakes: SyncSender<Wake>,
    /// Held by each writer to its end.
    writers: (Sender<()>, Receiver<()>),
}

struct Client {
    jobs: Sender<Job>,
    backlog: Arc<AtomicUsize>,
    stream: UnixStream,
    /// The newest flush that the client has been through.
    flushed: u64,
}

enum Job {
    Write(Arc<[u8]>),
    /// Tells when all before it is written.
    Flush(u64),
}

impl Clients {
    pub(super) fn new(wakes: SyncSender<Wake>) -> Self {
        Self { connected: BTreeMap::new(), next: 0, flush: 0, wakes, writers: mpsc::channel() }
    }

    pub(super) fn len(&self) -> usize {
        self.connected.len()
    }

    /// Takes a client in and starts its threads; what it sends comes as [`Wake`]s.
    pub(super) fn join(&mut self, stream: UnixStream) -> io::Result<ClientId> {
        let id = ClientId(self.next);
        self.next += 1;
        let (jobs, received) = mpsc::channel();
        let backlog = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            id,
            stream: stream.try_clone()?,
            jobs: received,
            backlog: Arc::clone(&backlog),
            wakes: self.wakes.clone(),
            _end: self.writers.0.clone(),
        };
        let reading = stream.try_clone()?;
        let wakes = self.wakes.clone();
        std::thread::Builder::new().name("client-out".into()).stack_size(STACK).spawn(move || writer.run())?;
        std::thread::Builder::new()
            .name("client-in".into())
            .stack_size(STACK)
            .spawn(move || read(id, reading, &wakes))?;
        self.connected.insert(id, Client { jobs, backlog, stream, flushed: 0 });
        Ok(id)
    }

    /// Sends a message to one client, if it is still there.
    pub(super) fn send(&mut self, id: ClientId, message: &Message) {
        self.write(id, message.to_line().into());
    }

    /// Sends a message to all clients; `under` names the one that asked, and the id of its request.
    pub(super) fn tell(&mut self, mut message: Message, under: Option<(ClientId, serde_json::Value)>) {
        let line: Arc<[u8]> = message.to_line().into();
        let asked = under.map(|(client, id)| {
            message.id = Some(id);
            (client, Arc::from(message.to_line()))
        });
        let all: Vec<ClientId> = self.connected.keys().copied().collect();
        for id in all {
            let line = asked.iter().find(|(client, _)| *client == id).map_or(&line, |(_, line)| line);
            self.write(id, Arc::clone(line));
        }
    }

    fn write(&mut self, id: ClientId, line: Arc<[u8]>) {
        let Some(client) = self.connected.get(&id) else { return };
        let waiting = client.backlog.fetch_add(line.len(), Ordering::AcqRel) + line.len();
        if waiting > MAX_BACKLOG || client.jobs.send(Job::Write(line)).is_err() {
            // Wakes its threads, also out of a write that nobody reads.
            let _ = client.stream.shutdown(Shutdown::Both);
            self.connected.remove(&id);
        }
    }

    /// Lets a client go once all that waits for it is written.
    pub(super) fn dismiss(&mut self, id: ClientId) {
        self.connected.remove(&id);
    }

    /// Takes no more from any client; each is [`Wake::Left`] when all that it sent before has come. Gives all of them.
    pub(super) fn stop_reading(&self) -> Vec<ClientId> {
        for client in self.connected.values() {
            let _ = client.stream.shutdown(Shutdown::Read);
        }
        self.connected.keys().copied().collect()
    }

    /// Asks every client to tell when all that waits for it now is written: [`Wake::Flushed`].
    pub(super) fn begin_flush(&mut self) {
        self.flush += 1;
        for client in self.connected.values() {
            // One that is gone is not waited for.
            let _ = client.jobs.send(Job::Flush(self.flush));
        }
    }

    /// Takes note of a [`Wake::Flushed`].
    pub(super) fn flushed(&mut self, id: ClientId, flush: u64) {
        if let Some(client) = self.connected.get_mut(&id) {
            client.flushed = flush;
        }
    }

    /// Whether every client has been through the newest flush.
    pub(super) fn is_flushed(&self) -> bool {
        self.connected.values().all(|client| client.flushed == self.flush)
    }

    /// Lets all clients go, each when all that waits for it is written, but waits no longer than `bound`.
    pub(super) fn close(self, bound: Duration) {
        let Self { connected, writers: (end, ended), .. } = self;
        let streams: Vec<UnixStream> = connected.into_values().map(|client| client.stream).collect();
        drop(end);
        if ended.recv_timeout(bound) == Err(RecvTimeoutError::Timeout) {
            for stream in streams {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

struct Writer {
    id: ClientId,
    stream: UnixStream,
    jobs: Receiver<Job>,
    backlog: Arc<AtomicUsize>,
    wakes: SyncSender<Wake>,
    _end: Sender<()>,
}

impl Writer {
    fn run(mut self) {
        for job in self.jobs {
            match job {
                Job::Write(line) => {
                    if self.stream.write_all(&line).is_err() {
                        break;
                    }
                    self.backlog.fetch_sub(line.len(), Ordering::AcqRel);
                }
                Job::Flush(number) => {
                    let _ = self.wakes.send(Wake::Flushed(self.id, number));
                }
            }
        }
        // Wakes the reader, which tells that the client is gone.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn read(id: ClientId, mut stream: UnixStream, wakes: &SyncSender<Wake>) {
    let mut lines = LineBuffer::default();
    let mut piece = [0; 16 << 10];
    loop {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => lines.push(&piece[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => break,
        }
        loop {
            let wake = match lines.next_line() {
                Ok(None) => break,
                Ok(Some(line)) => Wake::Line(id, line),
                Err(_) => Wake::LineTooLong(id),
            };
            let over = matches!(wake, Wake::LineTooLong(_));
            if wakes.send(wake).is_err() || over {
                return;
            }
        }
    }
    let _ = wakes.send(Wake::Left(id));
}
