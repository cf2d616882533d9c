//! Processes and sockets, as Pods need them.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::bench::{Bench, expect};
use super::check::{Check, Trouble};
use crate::pod::{cgroup, check_socket_path};

/// All checks; `runtime` lies where sockets are made.
pub(super) fn checks(bench: &Bench<'_>, runtime: &Path) -> Vec<Check> {
    vec![
        Check::of("sockets", "no Pod can be started; choose another directory with YOI_RUNTIME_DIR", || {
            sockets(runtime)
        }),
        Check::of("process handles", "no Pod can be started", || {
            // Waiting for it uses one.
            expect(&mut bench.yoi(&["--version"])?, 0)?;
            Ok("the end of a child is seen at once".to_owned())
        }),
        Check::of("adopting orphans", "no Pod can be started", || {
            expect(&mut bench.part("adopt")?, 0)?;
            Ok("a Pod's warden is given what its agent leaves".to_owned())
        }),
        Check::of(
            "control groups",
            "where both processes of a Pod are killed at once, its agent may go on",
            control_groups,
        ),
    ]
}

fn sockets(runtime: &Path) -> Result<String, Trouble> {
    let path = runtime.join("0123456789abcdef.sock");
    // That of a real Pod is shorter, by the selftest's own directory.
    check_socket_path(&path).map_err(|error| Trouble::Limited(crate::domain::chain(&error)))?;
    let listener = UnixListener::bind(&path)?;
    let _client = UnixStream::connect(&path)?;
    let (_connection, _) = listener.accept()?;
    Ok("made and reached".to_owned())
}

fn control_groups() -> Result<String, Trouble> {
    cgroup::available().map(|_| "a Pod gets one of its own".to_owned()).map_err(Trouble::Limited)
}
