//! Agents that speak the Agent Client Protocol, end to end: real Pods, and an agent that does what it is told.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../common/mod.rs"]
mod common;
mod people;
mod scene;
mod starting;
mod turns;
