//! `verify`, `verify --repair` and `gc`: each kind of finding brought about by hand, named, and mended.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod mending;
mod motion;
mod planted;
mod world;
