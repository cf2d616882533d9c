//! tickets
mod attributes;
mod author;
mod id;
mod item;
mod place;
mod state;
mod thread;
