//! Who may call the Pod's tools: whatever belongs to the present start of its agent.
//!
//! An agent that is killed in the middle of a tool call can leave its tool server alive, which makes the call some
//! seconds later, after the next agent has made it already. Every start has an epoch, which only what was started with
//! it knows; a call from another epoch is refused.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Told once, when the tool server of a start has reported.
type OnReady = Box<dyn FnOnce() + Send>;

/// The epoch of the present start, and who waits for its tool server.
#[derive(Clone)]
pub(in crate::pod) struct ToolGate(Arc<Mutex<Gate>>);

struct Gate {
    epoch: String,
    on_ready: Option<OnReady>,
}

impl ToolGate {
    /// Makes the gate of a Pod that starts.
    pub(in crate::pod) fn new() -> Self {
        Self(Arc::new(Mutex::new(Gate { epoch: crate::fs::random_suffix(), on_ready: None })))
    }

    /// The present epoch.
    pub(in crate::pod) fn epoch(&self) -> String {
        self.lock().epoch.clone()
    }

    /// Begins a new epoch and gives it: whatever belongs to an earlier start is shut out from here on.
    pub(super) fn renew(&self, on_ready: impl FnOnce() + Send + 'static) -> String {
        let mut gate = self.lock();
        gate.epoch = crate::fs::random_suffix();
        gate.on_ready = Some(Box::new(on_ready));
        gate.epoch.clone()
    }

    /// Whether who knows this epoch belongs to the present start.
    pub(in crate::pod) fn admits(&self, epoch: &str) -> bool {
        self.lock().epoch == epoch
    }

    /// Takes the report of a tool server that was admitted; more than one may report.
    pub(in crate::pod) fn report(&self) {
        let on_ready = self.lock().on_ready.take();
        if let Some(on_ready) = on_ready {
            on_ready();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Gate> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
