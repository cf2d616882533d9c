//! Ctrl-C, for a command that has something better to do than to end.

use nix::sys::signal::{SigSet, Signal};

use super::{Cli, Exit, Failure, OrExit as _};

impl Cli {
    /// From now on an interrupt from the terminal ends nothing: `tell` is called for each, until it says that nobody
    /// listens any more.
    ///
    /// To be called before other threads are started: they inherit that they do not take the signal.
    ///
    /// # Errors
    /// When the system has no more threads.
    pub fn on_interrupt(&self, tell: impl Fn() -> bool + Send + 'static) -> Result<(), Failure> {
        let interrupts = SigSet::from(Signal::SIGINT);
        let listening = interrupts.thread_block().map_err(std::io::Error::from).and_then(|()| {
            std::thread::Builder::new()
                .name("interrupts".to_owned())
                .spawn(move || while interrupts.wait().is_ok() && tell() {})
        });
        listening.map(drop).or_exit(Exit::Environment)
    }
}
