//! Colour by meaning, from one table.

use std::fmt;

use anstyle::{AnsiColor, Style};

use crate::domain::{ClaimStatus, PodPhase};
use crate::launch::PodStatus;

/// What a word on the screen means to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// A name that the reader may type next: a ticket, a Pod.
    Name,
    /// All is well.
    Good,
    /// Something is under way.
    Busy,
    /// The reader may want to act.
    Attention,
    /// Something is wrong.
    Bad,
    /// Of no concern just now.
    Quiet,
    /// A heading.
    Heading,
}

impl Meaning {
    /// The table.
    pub fn style(self) -> Style {
        match self {
            Self::Name => Style::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Busy => AnsiColor::Cyan.on_default(),
            Self::Attention => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Quiet => Style::new().dimmed(),
            Self::Heading => Style::new().underline(),
        }
    }
}

impl From<ClaimStatus> for Meaning {
    fn from(status: ClaimStatus) -> Self {
        match status {
            ClaimStatus::Launching => Self::Busy,
            ClaimStatus::Live => Self::Good,
            ClaimStatus::Restorable => Self::Attention,
            ClaimStatus::Stale | ClaimStatus::Unknown => Self::Bad,
        }
    }
}

impl From<PodPhase> for Meaning {
    fn from(phase: PodPhase) -> Self {
        match phase {
            PodPhase::Starting | PodPhase::Running => Self::Busy,
            PodPhase::Idle => Self::Good,
            PodPhase::Stopping => Self::Quiet,
        }
    }
}

impl From<PodStatus> for Meaning {
    fn from(status: PodStatus) -> Self {
        match status {
            PodStatus::Phase(phase) => phase.into(),
            PodStatus::Launching => ClaimStatus::Launching.into(),
            PodStatus::Live => ClaimStatus::Live.into(),
            PodStatus::Restorable => ClaimStatus::Restorable.into(),
            PodStatus::Stale => ClaimStatus::Stale.into(),
            PodStatus::Unknown => ClaimStatus::Unknown.into(),
        }
    }
}

/// Whether a stream is painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Colours are written.
    Colour,
    /// Plain text is written.
    Plain,
}

impl Paint {
    /// Decides for a stream: what `--color` says, else colour for a terminal, without `NO_COLOR`, that can show it.
    pub fn choose<S: anstream::stream::RawStream>(wish: clap::ColorChoice, stream: &S) -> Self {
        let coloured = match wish {
            clap::ColorChoice::Always => true,
            clap::ColorChoice::Never => false,
            clap::ColorChoice::Auto => {
                stream.is_terminal() && anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never
            }
        };
        if coloured { Self::Colour } else { Self::Plain }
    }

    /// A text in the style of its meaning, or as it is; the text must be safe to show.
    pub fn text<T: fmt::Display>(self, meaning: Meaning, text: T) -> Painted<T> {
        let style = match self {
            Self::Colour => meaning.style(),
            Self::Plain => Style::new(),
        };
        Painted { style, text }
    }
}

/// A text with its style around it.
#[derive(Debug, Clone)]
pub struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.style.render(), self.text, self.style.render_reset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(Paint::Plain.text(Meaning::Bad, "stale").to_string(), "stale");
        assert_eq!(Paint::Colour.text(Meaning::Good, "live").to_string(), "\x1b[32mlive\x1b[0m");
    }

    #[test]
    fn no_colour_into_a_pipe_but_when_asked_for() {
        let pipe = Vec::<u8>::new();
        assert_eq!(Paint::choose(clap::ColorChoice::Auto, &pipe), Paint::Plain);
        assert_eq!(Paint::choose(clap::ColorChoice::Always, &pipe), Paint::Colour);
    }
}
