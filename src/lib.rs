//! yoi
pub mod domain;
pub mod fs;
pub mod launch;
pub mod pod;
pub mod registry;
