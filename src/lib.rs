//! yoi: claims, Pods and tickets for several coding agents on one repository, as plain files.
//!
//! # Rooms
//! Imports point one way, rightwards; rooms of one step never import each other, but for `panel`, which may use `cli`.
//! A test holds the code to it.
//!
//! ```text
//! bin → porcelain, plumbing → cli, panel → launch → registry, pod, ticket → fs → domain
//! ```
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`porcelain`] | `yoi`: one file a command: parse, call one operation, render |
//! | [`plumbing`] | `yoi-claim`: likewise, for scripts |
//! | [`cli`] | printing, output formats, exit statuses, hints; the only reader of environment, clock and terminal |
//! | [`panel`] | the screen on which one person runs many agents |
//! | [`launch`] | the pure plan of a launch; executing and undoing it; restoring; what a Pod asks of the rooms below |
//! | [`registry`] | claims, sessions, ticket locks, Pods on disk, journal, derived status |
//! | [`pod`] | a supervised agent: protocol, life cycle, host, warden, client, agents |
//! | [`ticket`] | ticket files, configuration, profiles, workflows |
//! | [`fs`] | durable files and kernel locks |
//! | [`domain`] | the nouns, their validation, their text form; no I/O |
//!
//! # Files
//! ```text
//! <data>/workspaces/<leaf>-<hash>/     the registry of one workspace         registry::Registry
//!   claims/<key>.toml                  an active or completed claim          registry claims
//!   claims/<key>.released              its tombstone, once it was released
//!   offers/<key>.<nonce>               a claim that may be committed         registry offers
//!   sessions/<key>.toml                that a Pod was launched               registry sessions
//!   pods/<key>/                        pod.toml, history.jsonl, host.log     registry pods
//!   locks/tickets/, locks/pods/        what the kernel is asked about        fs::OfdLock
//!   tmp/<kind>-<key>.<random>          files on their way into place
//!   journal.jsonl                      who changed what, when and why
//! <runtime>/<hash>.sock                a Pod's socket                        pod::protocol
//! <workspace>/.yoi/tickets/<ID>/       item.md, thread.md, artifacts/        ticket::Tickets
//! ```
//!
//! # Order of locks
//! Tickets (several: sorted), a Pod (tried only, but for one just ended), the fence of a claim, the session index.

pub mod cli;
pub mod domain;
pub mod fs;
pub mod launch;
pub mod panel;
pub mod plumbing;
pub mod pod;
pub mod porcelain;
pub mod registry;
pub mod ticket;
