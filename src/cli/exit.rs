//! Exit statuses: the same for every command of both programs.

use std::process::ExitCode;

/// How a command ended, as its caller sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or already so.
    Done,
    /// Refused: held by another, not found, expectation not met, findings.
    Refused,
    /// Wrong usage.
    Usage,
    /// In flight elsewhere, or a lock was not had in time.
    Busy,
    /// The launch failed and left nothing behind.
    LaunchFailed,
    /// The claim stands, but something after it failed or is not known to be durable.
    Partial,
    /// The environment failed.
    Environment,
    /// The status of a program that was run on the caller's behalf.
    Of(u8),
}

impl Exit {
    /// Every status of our own, in the order of the documentation.
    pub const ALL: &'static [Self] =
        &[Self::Done, Self::Refused, Self::Usage, Self::Busy, Self::LaunchFailed, Self::Partial, Self::Environment];

    /// The number that the caller sees.
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Busy => 3,
            Self::LaunchFailed => 4,
            Self::Partial => 5,
            Self::Environment => 128,
            Self::Of(status) => status,
        }
    }

    /// What the status means, as every manual page says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Done => "done, or already so",
            Self::Refused => "refused: held by another, not found, expectation not met, or there are findings",
            Self::Usage => "wrong usage",
            Self::Busy => "busy: in flight elsewhere, or a lock was not had in time; try again",
            Self::LaunchFailed => "the launch failed; nothing was left behind",
            Self::Partial => {
                "done in part: the claim stands, but something after it failed or is not known to be durable; \
                 run what is printed"
            }
            Self::Environment => {
                "the environment failed: I/O, permission, space, or a record that is unreadable or of a newer version"
            }
            Self::Of(_) => "the status of the program that was run",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_those_of_the_contract() {
        let numbers: Vec<u8> = Exit::ALL.iter().map(|exit| exit.status()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 128]);
    }
}
