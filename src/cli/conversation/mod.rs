//! What happens in a Pod as a person reads it, event by event; commands print it, the panel shows it.

mod doubles;
mod page;
mod permission;
mod reader;

pub use page::{Page, Printed};
pub use permission::{Arguments, full, is_answer, keys, meant, outline};
pub use reader::{Detail, Reader, short};
