//! Durable files and kernel locks: the only room that opens, links, renames and locks files of the registry.
//!
//! # Writing
//! A new file is written in full under a temporary name, fsynced, and only then given its name: by [`link_into_place`]
//! where the name must be free, by [`replace`] where it may be taken. Both end with an fsync of the directory.
//! [`rename_into_place`] moves a file without needing space for data. Whole directories are built beside their place and
//! put there by [`exchange`] or [`rename_new`].
//!
//! # Reading
//! [`read_file`] opens with `O_NOFOLLOW|O_NONBLOCK` and takes only regular files of ours of a sane size, so that a
//! planted FIFO or symlink can neither hang nor mislead.
//!
//! # Locks
//! [`OfdLock`] marks (it can be asked about without being taken, and is inherited), [`FlockGuard`] excludes. Neither
//! kind sees the other. Lock files are never unlinked and never replaced; a lock is released by closing.
//!
//! # Watching
//! [`DirWatches`] tells of changes, and of nothing that a reader does.

mod dir;
mod error;
mod exchange;
mod flock;
mod lock;
mod look;
mod mark;
mod net;
mod new_file;
mod ofd;
mod random;
mod read;
mod watch;
mod write;

pub use dir::{
    PrivateDir, check_private, foreign_owner, make_private_dir, make_private_subdir, remove_tree, take_away,
};
pub use error::{IoContext, PathError};
pub use exchange::{Exchanged, Renamed, exchange, rename_new};
pub use flock::FlockGuard;
pub use lock::{Wait, WaitError, holder_line, holder_text, same_file};
pub use look::{Kind, Look, look};
pub use mark::{create_marked, flocked, mark_of, unlink_unmarked};
pub use net::{NetworkFs, file_system_name, network_file_system};
pub use new_file::{NewFile, sync_all};
pub use ofd::{Acquired, LockState, OfdLock, SharedLock, probe, wait_until_free};
pub use random::{random_bytes, random_suffix};
pub use read::{
    HeldFile, Line, LineEnd, LinePlace, Lines, MAX_LINE, MAX_RECORD, changed_at, check_readable, entries, hold_file,
    is_record_sized_file, is_socket, is_there, length_of, open_from, read_file, read_file_of, read_file_up_to,
    read_lines, read_lines_from, read_tail, start_of_last_lines,
};
pub use watch::{DirEvent, DirWatches, EntryEvent, Interest, WatchId, Woken};
use write::sync_parent;
pub use write::{
    Linked, PlaceError, append_line, create_file, exists, link_into_place, open_to_append, rename, rename_into_place,
    replace, sync_dir, sync_file, unlink,
};
