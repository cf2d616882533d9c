//! Where clients come in: the listening socket, bound anew whenever somebody removes it.
//!
//! A watch on the socket's directory tells when the socket vanishes; when the directory itself is gone and cannot be
//! made, the nearest directory above it is watched. Every change of the watch is followed by another look, since what
//! happened before the watch stood is told to nobody.

use std::os::fd::AsRawFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;

use nix::sys::socket::Shutdown;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};

use super::Wake;
use crate::pod::socket::{self, SocketError};

/// How often the watch may move before the door is left as it is, until the next event.
const MAX_MOVES: usize = 16;

/// A file as the kernel knows it: device and inode.
type Identity = (u64, u64);

/// The listening socket and the watch over it.
pub(super) struct Door {
    path: PathBuf,
    listener: UnixListener,
    identity: Option<Identity>,
    watcher: Option<RecommendedWatcher>,
    watched: Option<(PathBuf, Identity)>,
    wakes: SyncSender<Wake>,
}

impl Door {
    /// Listens at `path`; who connects comes as [`Wake::Joined`], and a socket that vanishes as [`Wake::SocketChanged`].
    ///
    /// A watch that cannot be had is told by the second value: the Pod works, but its socket will not be bound anew.
    pub(super) fn open(path: &Path, wakes: SyncSender<Wake>) -> Result<(Self, Option<notify::Error>), SocketError> {
        let listener = listen(path, &wakes)?;
        let (watcher, trouble) = match watcher(path, wakes.clone()) {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error)),
        };
        let mut door =
            Self { path: path.to_owned(), listener, identity: identity(path), watcher, watched: None, wakes };
        let trouble = door.look().map(|_| trouble).or_else(|error| match error {
            DoorError::Watch(error) => Ok(Some(error)),
            DoorError::Socket(error) => Err(error),
        })?;
        Ok((door, trouble))
    }

    /// Looks whether the socket is still there, and binds it anew where it is not; tells whether that was done.
    pub(super) fn look(&mut self) -> Result<bool, DoorError> {
        let mut bound = Ok(false);
        for _ in 0..MAX_MOVES {
            if self.identity.is_none() || identity(&self.path) != self.identity {
                bound = self.bind_anew();
            }
            if !self.move_watch()? {
                break;
            }
        }
        Ok(bound?)
    }

    fn bind_anew(&mut self) -> Result<bool, SocketError> {
        // Forgotten first: an inode number may come back, and then stand for somebody else's file.
        self.identity = None;
        let listener = listen(&self.path, &self.wakes)?;
        self.identity = identity(&self.path);
        stop_listening(&std::mem::replace(&mut self.listener, listener));
        Ok(true)
    }

    /// Watches the nearest directory that exists; tells whether that is another than before.
    fn move_watch(&mut self) -> Result<bool, notify::Error> {
        let Some(watcher) = &mut self.watcher else { return Ok(false) };
        let above = self.path.ancestors().skip(1);
        let Some(nearest) = above.into_iter().find_map(|dir| Some((dir.to_owned(), identity(dir)?))) else {
            return Ok(false);
        };
        if self.watched.as_ref() == Some(&nearest) {
            return Ok(false);
        }
        if let Some((old, _)) = self.watched.take() {
            // The watch of a directory that is gone went with it.
            let _ = watcher.unwatch(&old);
        }
        watcher.watch(&nearest.0, RecursiveMode::NonRecursive)?;
        self.watched = Some(nearest);
        Ok(true)
    }

    /// Stops listening and removes the socket; the Pod's lock is still held.
    pub(super) fn close(self) -> Result<(), crate::fs::PathError> {
        // First, so that the removal does not look like somebody else's.
        drop(self.watcher);
        stop_listening(&self.listener);
        drop(self.listener);
        socket::unlink_dead(&self.path)
    }
}

/// Says why the door is not as it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum DoorError {
    /// There is no socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// Nobody will tell when it vanishes.
    #[error("cannot watch the socket's directory")]
    Watch(#[from] notify::Error),
}

fn identity(path: &Path) -> Option<Identity> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    Some((meta.dev(), meta.ino()))
}

/// Binds the socket and starts the thread that accepts; it ends with the listener.
fn listen(path: &Path, wakes: &SyncSender<Wake>) -> Result<UnixListener, SocketError> {
    use crate::fs::IoContext as _;
    let listener = socket::listen(path)?;
    let accepting = listener.try_clone().context("listen at", path)?;
    let wakes = wakes.clone();
    std::thread::Builder::new()
        .name("accept".into())
        .stack_size(64 << 10)
        .spawn(move || accept(&accepting, &wakes))
        .context("listen at", path)?;
    Ok(listener)
}

fn accept(listener: &UnixListener, wakes: &SyncSender<Wake>) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => {
                if socket::peer_is_us(&stream).is_ok_and(|ours| ours) && wakes.send(Wake::Joined(stream)).is_err() {
                    return;
                }
            }
            Err(error) => match error.raw_os_error().map(nix::errno::Errno::from_raw) {
                Some(nix::errno::Errno::EINTR | nix::errno::Errno::ECONNABORTED) => {}
                // Out of descriptors or memory: who waits in the queue is taken when there are some again.
                Some(nix::errno::Errno::EMFILE | nix::errno::Errno::ENFILE | nix::errno::Errno::ENOMEM) => {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                }
                _ => return,
            },
        }
    }
}

/// Ends the thread that accepts: its call fails when the listener is shut down.
fn stop_listening(listener: &UnixListener) {
    let _ = nix::sys::socket::shutdown(listener.as_raw_fd(), Shutdown::Both);
}

/// Makes the watcher. Its thread must never wait for the actor, which waits for it whenever the watch moves; so what it
/// sees is handed on by another thread.
fn watcher(path: &Path, wakes: SyncSender<Wake>) -> Result<RecommendedWatcher, notify::Error> {
    let (seen, changes) = std::sync::mpsc::channel();
    let hand_on = move || changes.iter().take_while(|()| wakes.send(Wake::SocketChanged).is_ok()).for_each(drop);
    std::thread::Builder::new().name("door".into()).stack_size(64 << 10).spawn(hand_on).map_err(notify::Error::io)?;
    let socket = path.to_owned();
    notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let concerns_us = match event {
            Ok(event) => {
                let near = event.paths.iter().any(|path| socket.starts_with(path));
                event.need_rescan() || near && !matches!(event.kind, EventKind::Access(_))
            }
            Err(_) => true,
        };
        if concerns_us {
            let _ = seen.send(());
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;
    use std::sync::mpsc::{Receiver, sync_channel};

    fn open(dir: &Path) -> (Door, Receiver<Wake>, PathBuf) {
        let path = dir.join("a/b/s.sock");
        let (wakes, woken) = sync_channel(64);
        let (door, trouble) = Door::open(&path, wakes).unwrap();
        assert!(trouble.is_none());
        (door, woken, path)
    }

    /// Looks at each change until the socket is bound anew.
    fn until_bound(door: &mut Door, woken: &Receiver<Wake>) {
        while let Ok(wake) = woken.recv() {
            if matches!(wake, Wake::SocketChanged) && door.look().is_ok_and(|bound| bound) {
                return;
            }
        }
    }

    fn joins(path: &Path, woken: &Receiver<Wake>) -> bool {
        let _stream = UnixStream::connect(path).unwrap();
        woken.iter().any(|wake| matches!(wake, Wake::Joined(_)))
    }

    #[test]
    fn a_socket_that_is_removed_is_bound_anew_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let (mut door, woken, path) = open(dir.path());
        for _ in 0..3 {
            std::fs::remove_file(&path).unwrap();
            until_bound(&mut door, &woken);
            assert!(joins(&path, &woken));
        }
        door.close().unwrap();
        assert!(!path.exists());
    }

    #[test]
    fn a_directory_that_is_removed_is_made_anew_each_time() {
        let dir = tempfile::tempdir().unwrap();
        let (mut door, woken, path) = open(dir.path());
        for gone in ["a/b", "a", "a/b"] {
            std::fs::remove_dir_all(dir.path().join(gone)).unwrap();
            until_bound(&mut door, &woken);
            assert!(joins(&path, &woken));
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let (mut door, woken, path) = open(dir.path());
        // A file in the directory's place cannot be made a directory by anybody, root included.
        std::fs::remove_dir_all(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a"), "").unwrap();
        while door.look().is_ok() {
            woken.recv().unwrap();
        }
        std::fs::remove_file(dir.path().join("a")).unwrap();
        until_bound(&mut door, &woken);
        assert!(joins(&path, &woken));
    }

    #[test]
    fn a_stranger_in_the_sockets_place_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut door, _woken, path) = open(dir.path());
        std::fs::remove_file(&path).unwrap();
        let stranger = UnixListener::bind(&path).unwrap();
        assert!(matches!(door.look(), Err(DoorError::Socket(SocketError::Taken(_)))));
        door.close().unwrap();
        assert!(path.exists());
        drop(stranger);
    }
}
