//! The plumbing.

fn main() -> std::process::ExitCode {
    yoi::plumbing::main()
}
