//! Why a claim is believed.

use super::role::words;

words! {
    /// What shows that the Pod of a claim accepted its ticket.
    Evidence, "evidence" {
        /// The Pod answered the launcher's Run with the same segments.
        UserMessage = "user_message",
        /// The Pod reported that it began the Run as sent by the user.
        InvokeStart = "invoke_start",
        /// The Pod reported that a turn began.
        TurnStart = "turn_start",
        /// A person or a script says so.
        Manual = "manual",
    }
}
