//! The porcelain.

fn main() -> std::process::ExitCode {
    yoi::porcelain::main(yoi::plumbing::command)
}
