//! Which processes have a file open, for explanations; nothing is decided by it.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Names the processes that have a file open, as far as the kernel shows them: `pid 4711 (yoi)`.
pub fn openers(path: &Path) -> Vec<String> {
    let Ok(wanted) = std::fs::metadata(path) else { return Vec::new() };
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let is_wanted = |fd: std::fs::DirEntry| {
        std::fs::metadata(fd.path()).is_ok_and(|meta| meta.dev() == wanted.dev() && meta.ino() == wanted.ino())
    };
    let mut found = Vec::new();
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(descriptors) = std::fs::read_dir(process.path().join("fd")) else { continue };
        if pid != std::process::id() && descriptors.flatten().any(is_wanted) {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(format!("pid {pid} ({})", name.trim()));
        }
    }
    found.sort();
    found
}

/// Says who holds the lock of a file: what its holder wrote into it, or else who has it open.
///
/// Between taking a lock and writing into its file there is a moment; whoever comes then is told of processes.
pub fn holder(said: Option<String>, path: &Path) -> String {
    said.unwrap_or_else(|| match openers(path).as_slice() {
        [] => "its lock was held a moment ago".to_owned(),
        found => format!("its lock is held; {} have it open", found.join(", ")),
    })
}
