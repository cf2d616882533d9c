//! yoi
pub mod domain;
