//! A workspace without records, where those of one that is gone may be its own: suggested, never guessed.

use crate::cli::quote::command;
use crate::cli::{Cli, Exit, Failure};
use crate::registry::Registry;

/// Tells a person, on standard error, which registries this workspace may have had before it was moved.
pub(super) fn suggest(registry: &Registry, cli: &mut Cli) {
    if cli.is_inside_pod() {
        return;
    }
    for former in registry.adoptable() {
        let text = format!("nothing is recorded of this workspace; was it moved from '{}'?", former.root.display());
        let line = command(["yoi-claim".as_ref(), "workspace-adopt".as_ref(), former.root.as_os_str()]);
        cli.warn(&Failure::new(Exit::Done, text).hint(line));
    }
}
