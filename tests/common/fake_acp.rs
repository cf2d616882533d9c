//! The agent that speaks the Agent Client Protocol and does what it is told: an example, see `tests/fake_acp`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Once;

/// Its program.
pub fn program() -> PathBuf {
    static BUILT: Once = Once::new();
    let programs = Path::new(env!("CARGO_BIN_EXE_yoi")).parent().unwrap();
    BUILT.call_once(|| build(programs));
    programs.join("examples/fake_acp")
}

/// Builds it beside the programs: a test that is run by its name alone does not build the examples.
#[allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]
fn build(programs: &Path) {
    let Some(cargo) = std::env::var_os("CARGO") else { return };
    let profile = match programs.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--locked", "--offline", "--example", "fake_acp", "--profile", profile]);
    build.arg("--target-dir").arg(programs.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success());
}
