//! The agent that speaks the Agent Client Protocol and does what it is told: an example, see `tests/fake_acp`.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Once;

/// Its program.
#[allow(clippy::disallowed_methods, reason = "a test program reads its own environment")]
pub fn program() -> PathBuf {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        // A test that is run by its name alone does not build the examples.
        if let Some(cargo) = std::env::var_os("CARGO") {
            let mut build = Command::new(cargo);
            let status = build.args(["build", "--quiet", "--locked", "--offline", "--example", "fake_acp"]).status();
            assert!(status.unwrap().success());
        }
    });
    let programs = PathBuf::from(env!("CARGO_BIN_EXE_yoi"));
    programs.parent().unwrap().join("examples/fake_acp")
}
