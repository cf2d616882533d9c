//! The plumbing.

fn main() {}
