//! A Rust program that does nothing.

fn main() {}
