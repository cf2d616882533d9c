//! Where a conversation is written: a stream, or the lines of a screen.

use std::io::{self, Write};

use crate::cli::{Meaning, Paint};

/// Takes a conversation piece by piece.
pub trait Page {
    /// Writes a text behind what stands in the present line; it has no line breaks, and is safe to show.
    ///
    /// # Errors
    /// When it cannot be written.
    fn put(&mut self, meaning: Option<Meaning>, text: &str) -> io::Result<()>;

    /// Ends the present line.
    ///
    /// # Errors
    /// When it cannot be written.
    fn end_line(&mut self) -> io::Result<()>;
}

/// A stream, painted or not.
pub struct Printed<'a> {
    out: &'a mut dyn Write,
    paint: Paint,
}

impl<'a> Printed<'a> {
    /// Writes to this stream.
    pub fn new(out: &'a mut dyn Write, paint: Paint) -> Self {
        Self { out, paint }
    }
}

impl Page for Printed<'_> {
    fn put(&mut self, meaning: Option<Meaning>, text: &str) -> io::Result<()> {
        match meaning {
            Some(meaning) => write!(self.out, "{}", self.paint.text(meaning, text)),
            None => write!(self.out, "{text}"),
        }
    }

    fn end_line(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }
}
