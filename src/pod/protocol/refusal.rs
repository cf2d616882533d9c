//! Why a request is refused.

use serde_json::Value;

use crate::domain::words;

words! {
    /// Why a request is refused.
    Code, "code" {
        /// The line is no request, or its parameters are not those of its method.
        BadRequest = "bad_request",
        /// There is no such method.
        UnknownMethod = "unknown_method",
        /// The line is longer than [`MAX_LINE`]; the client is disconnected.
        LineTooLong = "line_too_long",
        /// The agent is still being started.
        Starting = "starting",
        /// The Pod is on its way down.
        ShuttingDown = "shutting_down",
        /// The Pod is on probation, and this has to wait for its end.
        OnProbation = "on_probation",
        /// The nonce is not that of the attempt that launched the Pod.
        WrongNonce = "wrong_nonce",
        /// The claim names another Pod or another attempt.
        NotOurs = "not_ours",
        /// The caller belongs to an earlier start of the Pod or of its agent.
        WrongEpoch = "wrong_epoch",
        /// Too many Runs wait already, or too many clients are connected.
        Busy = "busy",
        /// No turn runs.
        NotRunning = "not_running",
        /// No such request for permission is open, or it has no such option.
        NoRequest = "no_request",
        /// The Pod could not do it.
        Failed = "failed",
    }
}

impl Code {
    /// What it means, for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::BadRequest => "the line is not a request of this protocol",
            Self::UnknownMethod => "there is no such method",
            Self::LineTooLong => "the line is longer than 1 MiB",
            Self::Starting => "the Pod is still starting",
            Self::ShuttingDown => "the Pod is shutting down",
            Self::OnProbation => "the Pod is on probation: its launcher has not confirmed it yet",
            Self::WrongNonce => "the nonce is not that of the attempt that launched this Pod",
            Self::NotOurs => "the claim does not name this Pod and this attempt",
            Self::WrongEpoch => "the caller belongs to an earlier start of this Pod or of its agent",
            Self::Busy => "the Pod has as much waiting as it takes",
            Self::NotRunning => "no turn is running",
            Self::NoRequest => "no such request for permission is open",
            Self::Failed => "the Pod could not do it",
        }
    }
}

/// Says why a line cannot be carried out, and to which request it belongs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// The code to answer with.
    pub code: Code,
    /// What is wrong with the request.
    pub message: String,
    /// The request's id, where it could be read.
    pub id: Option<Value>,
}
