//! yoi
pub mod domain;
pub mod fs;
pub mod pod;
pub mod ticket;
