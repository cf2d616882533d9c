//! yoi: claims, Pods and tickets for several coding agents on one repository.
//!
//! # Rooms
//! Imports point one way, rightwards; rooms of one step never import each other, but for `panel`, which may use `cli`:
//!
//! ```text
//! bin → porcelain, plumbing → cli, panel → launch → registry, pod, ticket → fs → domain
//! ```
pub mod cli;
pub mod domain;
pub mod fs;
pub mod launch;
pub mod plumbing;
pub mod pod;
pub mod porcelain;
pub mod registry;
pub mod ticket;
