//! A blocking client of a Pod's socket, with a deadline on everything.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::protocol::{Event, LineBuffer, Message, Method, Request, Snapshot};
use super::socket::{dial_for, peer_is_us};

/// Says why a Pod could not be asked, or what it answered instead.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens, or the socket cannot be reached.
    #[error("cannot connect to '{}'", path.display())]
    Connect {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another user listens at the socket.
    #[error("'{}' is served by another user", .0.display())]
    Stranger(PathBuf),
    /// The Pod closed the connection.
    #[error("the Pod closed the connection")]
    Closed,
    /// Nothing came before the deadline.
    #[error("the Pod did not answer in time")]
    Timeout,
    /// The Pod answered with an error.
    #[error("{message}")]
    Refused {
        /// A [`Code`](super::protocol::Code), as text.
        code: String,
        /// The same for people.
        message: String,
    },
    /// The connection failed.
    #[error("cannot talk to the Pod")]
    Io(#[source] io::Error),
    /// What came is not of this protocol.
    #[error("the Pod sent what is not of this protocol: {0}")]
    Protocol(String),
}

/// A connection to a Pod.
#[derive(Debug)]
pub struct Client {
    stream: UnixStream,
    lines: LineBuffer,
    next_id: u64,
}

impl Client {
    /// Connects, and waits for the snapshot.
    ///
    /// # Errors
    /// When nobody, or another user, listens there, or the Pod does not greet before the deadline.
    pub fn connect(socket: &Path, deadline: Instant) -> Result<(Self, Snapshot), ClientError> {
        let connect = |source: io::Error| match source.kind() {
            io::ErrorKind::WouldBlock => ClientError::Timeout,
            _ => ClientError::Connect { path: socket.to_owned(), source },
        };
        let stream = dial_for(socket, left(deadline)?).map_err(connect)?;
        if !peer_is_us(&stream).map_err(ClientError::Io)? {
            return Err(ClientError::Stranger(socket.to_owned()));
        }
        let mut client = Self { stream, lines: LineBuffer::default(), next_id: 1 };
        let first = client.next(deadline)?;
        match first.event() {
            Some(Event::Snapshot(snapshot)) => Ok((client, snapshot)),
            Some(Event::Error { code, message }) => Err(ClientError::Refused { code, message }),
            _ => Err(ClientError::Protocol(format!("{:?} in place of the snapshot", first.event))),
        }
    }

    /// Gives the connection, and what was read of it and not taken yet, to who goes on with it in another way.
    pub(super) fn into_parts(self) -> (UnixStream, LineBuffer) {
        (self.stream, self.lines)
    }

    /// Sends a request; gives the id under which it is answered.
    ///
    /// # Errors
    /// When the connection is closed or the request could not be sent before the deadline.
    pub fn request(&mut self, method: &Method, deadline: Instant) -> Result<u64, ClientError> {
        let id = self.next_id;
        self.next_id += 1;
        self.stream.set_write_timeout(Some(left(deadline)?)).map_err(ClientError::Io)?;
        self.stream.write_all(&Request::new(method, Some(id.into())).to_line()).map_err(failed)?;
        Ok(id)
    }

    /// Waits for the first message that answers a request; events that come in between are skipped.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the answer is an error; else the same as those of [`next`](Self::next).
    pub fn answer(&mut self, id: u64, deadline: Instant) -> Result<Message, ClientError> {
        let id = Value::from(id);
        loop {
            let message = self.next(deadline)?;
            if message.id.as_ref() != Some(&id) {
                continue;
            }
            return match message.event() {
                Some(Event::Error { code, message }) => Err(ClientError::Refused { code, message }),
                _ => Ok(message),
            };
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    /// When the connection is closed or fails, nothing comes before the deadline, or what comes is no message.
    pub fn next(&mut self, deadline: Instant) -> Result<Message, ClientError> {
        loop {
            let line = self.lines.next_line().map_err(|error| ClientError::Protocol(error.to_string()))?;
            if let Some(line) = line {
                return Message::parse(&line).map_err(|error| ClientError::Protocol(error.to_string()));
            }
            self.stream.set_read_timeout(Some(left(deadline)?)).map_err(ClientError::Io)?;
            let mut piece = [0; 16 << 10];
            match self.stream.read(&mut piece) {
                Ok(0) => return Err(ClientError::Closed),
                Ok(length) => self.lines.push(&piece[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }
}

/// The time that is left; never zero, which would mean to wait without end.
fn left(deadline: Instant) -> Result<Duration, ClientError> {
    match deadline.saturating_duration_since(Instant::now()) {
        Duration::ZERO => Err(ClientError::Timeout),
        left => Ok(left.max(Duration::from_millis(1))),
    }
}

fn failed(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::Timeout,
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => ClientError::Closed,
        _ => ClientError::Io(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    /// Serves one client with fixed bytes, and gives its connection.
    fn serve(bytes: &'static [u8]) -> (tempfile::TempDir, PathBuf, std::thread::JoinHandle<UnixStream>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let serving = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(bytes).unwrap();
            stream
        });
        (dir, path, serving)
    }

    const SNAPSHOT: &str = r#"{"event":"snapshot","data":{"pod":"p","role":"intake","status":"idle","greeting":"hi",
        "probation":false,"history":[],"truncated":false}}"#;

    fn greeting(rest: &str) -> &'static [u8] {
        let text = format!("{}\n{rest}", SNAPSHOT.replace('\n', " "));
        Box::leak(text.into_boxed_str()).as_bytes()
    }

    #[test]
    fn the_answer_to_a_request_is_found_among_other_events() {
        let rest = "{\"event\":\"status\",\"data\":{}}\n{\"event\":\"ok\",\"data\":{},\"id\":2}\n{\"event\":\"ok\",\"data\":{},\"id\":1}\n";
        let (_dir, path, _serving) = serve(greeting(rest));
        let (mut client, snapshot) = Client::connect(&path, soon()).unwrap();
        assert_eq!(snapshot.greeting, "hi");
        let id = client.request(&Method::Status {}, soon()).unwrap();
        assert_eq!(client.answer(id, soon()).unwrap().id, Some(1.into()));
    }

    #[test]
    fn an_error_a_closed_stream_and_a_silent_pod_are_told_apart() {
        let (_dir, path, serving) =
            serve(greeting("{\"event\":\"error\",\"data\":{\"code\":\"busy\",\"message\":\"no\"},\"id\":1}\n"));
        let (mut client, _) = Client::connect(&path, soon()).unwrap();
        let id = client.request(&Method::Status {}, soon()).unwrap();
        let stream = serving.join().unwrap();
        assert!(matches!(client.answer(id, soon()), Err(ClientError::Refused { code, .. }) if code == "busy"));
        assert!(matches!(client.next(Instant::now() + Duration::from_millis(1)), Err(ClientError::Timeout)));
        drop(stream);
        assert!(matches!(client.next(soon()), Err(ClientError::Closed)));
        assert!(matches!(Client::connect(Path::new("/nowhere"), soon()), Err(ClientError::Connect { .. })));
    }

    #[test]
    fn what_is_not_of_this_protocol_is_told() {
        let (_dir, path, _serving) = serve(b"hello\n");
        assert!(matches!(Client::connect(&path, soon()), Err(ClientError::Protocol(_))));
        let (_dir, path, _serving) = serve(b"{\"event\":\"ok\"}\n");
        assert!(matches!(Client::connect(&path, soon()), Err(ClientError::Protocol(_))));
    }
}
