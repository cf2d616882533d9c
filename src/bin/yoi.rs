//! The porcelain.

fn main() {}
