//! The Pod's Unix socket: its path, who may be on the other end, and whether anybody listens.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{PeerCredentials, SendTimeout};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, setsockopt, socket};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::fs::{IoContext as _, PathError, make_private_dir};

/// The longest path of a socket, in bytes: `sun_path` holds 108, the last of them zero.
pub const MAX_SOCKET_PATH: usize = 107;

/// How long the socket of a Pod whose lock is free already may still be listened at: the kernel closes the files of a
/// process that was killed one after the other.
const DYING: Duration = Duration::from_millis(500);

/// Says why a Pod has no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path does not fit into a socket address.
    #[error(
        "the socket path '{}' has {} bytes, at most {MAX_SOCKET_PATH} are possible: use a shorter runtime directory",
        .0.display(), .0.as_os_str().len()
    )]
    TooLong(PathBuf),
    /// Another process listens at this path.
    #[error("another process listens at '{}'", .0.display())]
    Taken(PathBuf),
    /// The socket cannot be made.
    #[error(transparent)]
    Io(#[from] PathError),
}

/// Checks that a path fits into a socket address; to be asked before anything is spawned.
///
/// # Errors
/// [`SocketError::TooLong`].
pub fn check_socket_path(path: &Path) -> Result<(), SocketError> {
    if path.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
        return Err(SocketError::TooLong(path.to_owned()));
    }
    Ok(())
}

/// Listens at a path, of mode 0600, in a directory of ours that is made where it is missing. A socket at which nobody
/// listens any more is replaced; the Pod's lock must be held, so that nobody is just about to.
///
/// # Errors
/// When the path is too long or taken, or the socket cannot be made.
pub(super) fn listen(path: &Path) -> Result<UnixListener, SocketError> {
    check_socket_path(path)?;
    make_private_dir(path.parent().unwrap_or(Path::new("/")))?;
    let deadline = Instant::now() + DYING;
    let bound = loop {
        unlink_dead(path)?;
        match UnixListener::bind(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            bound => break bound,
        }
    };
    match bound {
        // Between bind and this, the directory's mode and the check of each peer's credentials keep others out.
        Ok(listener) => {
            let private = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(path, private).context("set the mode of", path)?;
            Ok(listener)
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Err(SocketError::Taken(path.to_owned())),
        Err(error) => Err(error).context("listen at", path)?,
    }
}

/// Removes a socket at which nobody listens any more; one at which somebody does is left alone.
///
/// # Errors
/// When it cannot be removed, or is no socket.
pub(super) fn unlink_dead(path: &Path) -> Result<(), PathError> {
    // To connect follows a symlink, and refuses to connect to a file in the same words as to a dead socket.
    match std::fs::symlink_metadata(path) {
        Ok(meta) if !meta.file_type().is_socket() => {
            return Err(PathError::refused("use", path, "something else is in the socket's place"));
        }
        _ => {}
    }
    match dial(path, SockFlag::SOCK_NONBLOCK, None) {
        Err(Errno::ECONNREFUSED) => crate::fs::unlink(path).map(drop),
        // A full queue is a sign of life.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// Connects to a socket, waiting for at most `timeout` where its queue is full.
///
/// # Errors
/// When nobody listens there or the time is over ([`io::ErrorKind::WouldBlock`]).
pub(super) fn dial_for(path: &Path, timeout: Duration) -> io::Result<UnixStream> {
    Ok(UnixStream::from(dial(path, SockFlag::empty(), Some(timeout))?))
}

fn dial(path: &Path, flags: SockFlag, timeout: Option<Duration>) -> nix::Result<OwnedFd> {
    let address = UnixAddr::new(path)?;
    let stream = socket(AddressFamily::Unix, SockType::Stream, flags | SockFlag::SOCK_CLOEXEC, None)?;
    if let Some(timeout) = timeout {
        let micros = i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX).max(1);
        setsockopt(&stream, SendTimeout, &TimeVal::microseconds(micros))?;
    }
    connect(stream.as_raw_fd(), &address)?;
    Ok(stream)
}

/// Whether the process on the other end belongs to this user, or to root, who could be this user.
///
/// # Errors
/// When the kernel does not say who it is.
pub(super) fn peer_is_us(stream: &UnixStream) -> io::Result<bool> {
    let peer = getsockopt(stream, PeerCredentials)?.uid();
    Ok(peer == nix::unistd::geteuid().as_raw() || peer == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_107_bytes_fits_and_one_of_108_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let room = MAX_SOCKET_PATH - dir.path().as_os_str().len() - 1;
        let fits = dir.path().join("x".repeat(room));
        assert!(listen(&fits).is_ok());
        let long = dir.path().join("x".repeat(room + 1));
        assert!(matches!(listen(&long), Err(SocketError::TooLong(_))));
    }

    #[test]
    fn a_dead_socket_is_replaced_and_a_live_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/s.sock");
        let live = listen(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert!(matches!(listen(&path), Err(SocketError::Taken(_))));
        drop(live);
        assert!(path.exists());
        let _again = listen(&path).unwrap();
        unlink_dead(&path).unwrap();
        assert!(path.exists());
    }

    #[test]
    fn connecting_to_a_full_queue_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let _listener = listen(&path).unwrap();
        let mut streams = Vec::new();
        let error = loop {
            match dial_for(&path, Duration::from_millis(1)) {
                Ok(stream) => streams.push(stream),
                Err(error) => break error,
            }
            assert!(streams.len() < 100_000);
        };
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }
}
