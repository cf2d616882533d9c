//! Agents that speak the Agent Client Protocol, end to end: real Pods, and an agent that does what it is told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "it says what it skips")]

mod bounds;
#[path = "../common/mod.rs"]
mod common;
mod ends;
mod files;
mod people;
mod permissions;
mod restore;
mod scene;
mod secrets;
mod starting;
mod tools;
mod turns;
